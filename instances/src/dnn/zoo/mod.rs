//! The architectures of the field, built from their definitions.
//!
//! Names and variants are torchvision's where it has the model: its definitions are the ones whose totals are widely
//! quoted. Each file says where it follows an implementation instead of the paper. Images are 3 x 224 x 224 unless
//! the entry says otherwise; classifiers have the 1000 classes of ImageNet.
//!
//! | file | holds |
//! |---|---|
//! | `blocks` | what several architectures use |
//! | `classic` | plain chains and near-chains: AlexNet, VGG, NiN, SqueezeNet, Tiny-YOLOv2 |
//! | `residual` | ResNet, DenseNet |
//! | `inception` | GoogLeNet, Inception-v3 |
//! | `mobile` | MobileNet, EfficientNet |
//! | `transformer` | ViT, BERT, GPT-2 |
//!
//! MACs are counted in full: every convolution, every linear layer (also the small ones inside a squeeze-and-excitation
//! gate or an attention), and both matrix products of an attention. For ViT-B/16 that gives 17.56 G, the
//! figure torchvision documents: 0.12 G for the patches and 12 x 1.45 G for the layers, of which the two matrix
//! products are 0.06 G. A counter that skips them would say 16.85 G.

mod blocks;
mod classic;
mod inception;
mod mobile;
mod residual;
mod transformer;

pub use classic::TINY_YOLO_CLASSES;
pub use transformer::{BERT_TOKENS, GPT2_TOKENS};

use super::graph::Graph;
use super::step::Network;

/// One architecture of the zoo.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// Its name, as torchvision has it.
    pub name: &'static str,
    /// One line: what it is, what goes in.
    pub about: &'static str,
    /// Where it is defined.
    pub source: &'static str,
    build: fn() -> Network,
}

impl Entry {
    /// Builds the graph.
    pub fn graph(&self) -> Graph {
        self.network().graph
    }

    /// Builds the graph with what its layers compute.
    pub fn network(&self) -> Network {
        (self.build)()
    }
}

/// All architectures, older ones first.
pub const fn entries() -> &'static [Entry] {
    &ENTRIES
}

/// The names of all architectures, in the order of [`entries`].
/// ```
/// assert!(offcut_instances::dnn::zoo::names().contains(&"densenet121"));
/// ```
pub const fn names() -> &'static [&'static str] {
    &NAMES
}

/// The architecture of the given name.
pub fn entry(name: &str) -> Option<&'static Entry> {
    ENTRIES.iter().find(|entry| entry.name == name)
}

/// The graph of the architecture of the given name.
/// ```
/// use offcut_instances::dnn::zoo;
/// assert_eq!(zoo::graph("alexnet").map(|graph| graph.params()), Some(61_100_840));
/// assert_eq!(zoo::graph("alexnet2"), None);
/// ```
pub fn graph(name: &str) -> Option<Graph> {
    entry(name).map(Entry::graph)
}

const fn of(name: &'static str, about: &'static str, source: &'static str, build: fn() -> Network) -> Entry {
    Entry { name, about, source, build }
}

const ENTRIES: [Entry; 20] = [
    of(
        "alexnet",
        "AlexNet, in the one-tower form: 5 convolutions, 3 linear layers",
        "A. Krizhevsky, 'One weird trick for parallelizing convolutional neural networks', 2014, arXiv 1404.5997",
        classic::alexnet,
    ),
    of("vgg16", "VGG-16: 13 convolutions, 3 linear layers, no branches", VGG, classic::vgg16),
    of("vgg19", "VGG-19: 16 convolutions, 3 linear layers, no branches", VGG, classic::vgg19),
    of(
        "nin",
        "Network in Network for ImageNet: 1 x 1 convolutions instead of linear layers",
        "M. Lin, Q. Chen, S. Yan, 'Network In Network', ICLR 2014, arXiv 1312.4400; the ImageNet variant of Caffe",
        classic::nin,
    ),
    of(
        "googlenet",
        "GoogLeNet (Inception-v1) with batch norm, without its auxiliary heads",
        "C. Szegedy et al., 'Going Deeper with Convolutions', CVPR 2015, arXiv 1409.4842",
        inception::googlenet,
    ),
    of("resnet18", "ResNet-18: basic residual blocks", RESNET, residual::resnet18),
    of("resnet34", "ResNet-34: basic residual blocks", RESNET, residual::resnet34),
    of("resnet50", "ResNet-50: bottleneck residual blocks (v1.5)", RESNET, residual::resnet50),
    of("resnet101", "ResNet-101: bottleneck residual blocks (v1.5)", RESNET, residual::resnet101),
    of(
        "inception_v3",
        "Inception-v3 without its auxiliary head; 3 x 299 x 299",
        "C. Szegedy et al., 'Rethinking the Inception Architecture for Computer Vision', CVPR 2016, arXiv 1512.00567",
        inception::inception_v3,
    ),
    of("squeezenet1_0", "SqueezeNet 1.0: fire modules", SQUEEZENET, classic::squeezenet1_0),
    of("squeezenet1_1", "SqueezeNet 1.1: fire modules, pooled earlier", SQUEEZENET, classic::squeezenet1_1),
    of(
        "tiny_yolov2",
        "Tiny-YOLOv2, detector for the 20 classes of VOC; 3 x 416 x 416",
        "J. Redmon, A. Farhadi, 'YOLO9000: Better, Faster, Stronger', CVPR 2017, arXiv 1612.08242; Darknet's \
         tiny-yolo-voc",
        classic::tiny_yolov2,
    ),
    of(
        "densenet121",
        "DenseNet-121: dense blocks of concatenations, transitions between them",
        "G. Huang, Z. Liu, L. van der Maaten, K. Weinberger, 'Densely Connected Convolutional Networks', CVPR 2017, \
         arXiv 1608.06993",
        residual::densenet121,
    ),
    of(
        "mobilenet_v2",
        "MobileNet-v2: inverted residuals with depthwise convolutions",
        "M. Sandler et al., 'MobileNetV2: Inverted Residuals and Linear Bottlenecks', CVPR 2018, arXiv 1801.04381",
        mobile::mobilenet_v2,
    ),
    of(
        "mobilenet_v3_large",
        "MobileNet-v3-large: searched inverted residuals, some with squeeze and excitation",
        "A. Howard et al., 'Searching for MobileNetV3', ICCV 2019, arXiv 1905.02244",
        mobile::mobilenet_v3_large,
    ),
    of(
        "efficientnet_b0",
        "EfficientNet-B0: searched inverted residuals with squeeze and excitation",
        "M. Tan, Q. Le, 'EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks', ICML 2019, \
         arXiv 1905.11946",
        mobile::efficientnet_b0,
    ),
    of(
        "vit_b_16",
        "Vision Transformer, base, patches of 16 x 16: 196 patches and a class token",
        "A. Dosovitskiy et al., 'An Image is Worth 16x16 Words', ICLR 2021, arXiv 2010.11929",
        transformer::vit_b_16,
    ),
    of(
        "bert_base",
        "BERT-base (uncased) with its pooler; 128 tokens as int32",
        "J. Devlin et al., 'BERT: Pre-training of Deep Bidirectional Transformers', NAACL 2019, arXiv 1810.04805",
        transformer::bert_base,
    ),
    of(
        "gpt2",
        "GPT-2 small with its tied head, logits at every position; 1024 tokens as int32",
        "A. Radford et al., 'Language Models are Unsupervised Multitask Learners', 2019",
        transformer::gpt2,
    ),
];

const VGG: &str = "K. Simonyan, A. Zisserman, 'Very Deep Convolutional Networks for Large-Scale Image Recognition', \
                   ICLR 2015, arXiv 1409.1556";
const RESNET: &str =
    "K. He, X. Zhang, S. Ren, J. Sun, 'Deep Residual Learning for Image Recognition', CVPR 2016, arXiv 1512.03385";
const SQUEEZENET: &str = "F. Iandola et al., 'SqueezeNet: AlexNet-level accuracy with 50x fewer parameters', 2016, \
                          arXiv 1602.07360";

const NAMES: [&str; ENTRIES.len()] = {
    let mut names = [""; ENTRIES.len()];
    let mut i = 0;
    while i < names.len() {
        names[i] = ENTRIES[i].name;
        i += 1;
    }
    names
};
