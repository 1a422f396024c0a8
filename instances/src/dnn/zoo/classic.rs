//! Plain chains and near-chains.

use super::super::builder::{Builder, Conv, Node, Window};
use super::super::step::{Function, Network};
use super::blocks::{CLASSES, IMAGE, conv_norm_function};

/// The classes Tiny-YOLOv2 tells apart: those of Pascal VOC.
pub const TINY_YOLO_CLASSES: usize = 20;

/// Anchor boxes per cell, each with four coordinates and a confidence besides the classes.
const TINY_YOLO_ANCHORS: usize = 5;

pub(super) fn alexnet() -> Network {
    let mut b = Builder::new("alexnet", &IMAGE);
    let pool = Window::new(3).stride(2);
    let mut x = b.input();
    x = conv_relu(&mut b, "conv1", x, Conv::new(64, 11).stride(4).padding(2));
    x = b.max_pool("pool1", x, pool);
    x = conv_relu(&mut b, "conv2", x, Conv::new(192, 5).padding(2));
    x = b.max_pool("pool2", x, pool);
    x = conv_relu(&mut b, "conv3", x, Conv::new(384, 3).padding(1));
    x = conv_relu(&mut b, "conv4", x, Conv::new(256, 3).padding(1));
    x = conv_relu(&mut b, "conv5", x, Conv::new(256, 3).padding(1));
    x = b.max_pool("pool5", x, pool);
    x = b.adaptive_pool("avgpool", x, 6);
    classify(&mut b, x);
    b.network()
}

pub(super) fn vgg16() -> Network {
    vgg("vgg16", [2, 2, 3, 3, 3])
}

pub(super) fn vgg19() -> Network {
    vgg("vgg19", [2, 2, 4, 4, 4])
}

/// Five stages of 3 x 3 convolutions, each ended by a pooling that halves the image.
fn vgg(name: &str, convs: [usize; 5]) -> Network {
    let mut b = Builder::new(name, &IMAGE);
    let mut x = b.input();
    for (stage, (convs, channels)) in (1..).zip(convs.into_iter().zip([64, 128, 256, 512, 512])) {
        for i in 1..=convs {
            x = conv_relu(&mut b, &format!("conv{stage}_{i}"), x, Conv::new(channels, 3).padding(1));
        }
        x = b.max_pool(&format!("pool{stage}"), x, Window::new(2).stride(2));
    }
    x = b.adaptive_pool("avgpool", x, 7);
    classify(&mut b, x);
    b.network()
}

/// The three linear layers of AlexNet and VGG.
fn classify(b: &mut Builder, x: Node) {
    let mut x = b.flatten("flatten", x);
    for name in ["fc6", "fc7"] {
        x = b.linear(name, x, 4096);
        x = b.relu(&format!("{name}.relu"), x);
    }
    b.linear("fc8", x, CLASSES);
}

/// Each convolution is followed by two 1 x 1 convolutions; the last of all has a channel per class.
pub(super) fn nin() -> Network {
    let mut b = Builder::new("nin", &IMAGE);
    let pool = Window::new(3).stride(2).ceil();
    let stages = [
        (Conv::new(96, 11).stride(4), 96, 96),
        (Conv::new(256, 5).padding(2), 256, 256),
        (Conv::new(384, 3).padding(1), 384, 384),
        (Conv::new(1024, 3).padding(1), 1024, CLASSES),
    ];
    let mut x = b.input();
    for (i, (conv, inner, outer)) in (1..).zip(stages) {
        if i > 1 {
            x = b.max_pool(&format!("pool{}", i - 1), x, pool);
        }
        x = conv_relu(&mut b, &format!("conv{i}"), x, conv);
        x = conv_relu(&mut b, &format!("conv{i}.mlp1"), x, Conv::new(inner, 1));
        x = conv_relu(&mut b, &format!("conv{i}.mlp2"), x, Conv::new(outer, 1));
    }
    x = b.adaptive_pool("pool4", x, 1);
    b.flatten("flatten", x);
    b.network()
}

pub(super) fn squeezenet1_0() -> Network {
    squeezenet("squeezenet1_0", Conv::new(96, 7).stride(2), [2, 6])
}

pub(super) fn squeezenet1_1() -> Network {
    squeezenet("squeezenet1_1", Conv::new(64, 3).stride(2), [1, 3])
}

/// Eight fire modules; poolings after the first convolution and after the given fire modules (counted from 0).
fn squeezenet(name: &str, first: Conv, pooled: [usize; 2]) -> Network {
    let mut b = Builder::new(name, &IMAGE);
    let pool = Window::new(3).stride(2).ceil();
    let x = b.input();
    let mut x = conv_relu(&mut b, "conv1", x, first);
    x = b.max_pool("pool1", x, pool);
    for (i, squeeze) in [16, 16, 32, 32, 48, 48, 64, 64].into_iter().enumerate() {
        let at = format!("fire{}", i + 2);
        x = fire(&mut b, &at, x, squeeze);
        if pooled.contains(&i) {
            x = b.max_pool(&format!("{at}.pool"), x, pool);
        }
    }
    x = conv_relu(&mut b, "conv10", x, Conv::new(CLASSES, 1));
    x = b.adaptive_pool("avgpool", x, 1);
    b.flatten("flatten", x);
    b.network()
}

/// Squeeze to few channels, then expand fourfold with 1 x 1 and with 3 x 3 filters, side by side.
fn fire(b: &mut Builder, at: &str, x: Node, squeeze: usize) -> Node {
    let x = conv_relu(b, &format!("{at}.squeeze"), x, Conv::new(squeeze, 1));
    let narrow = conv_relu(b, &format!("{at}.expand1x1"), x, Conv::new(4 * squeeze, 1));
    let wide = conv_relu(b, &format!("{at}.expand3x3"), x, Conv::new(4 * squeeze, 3).padding(1));
    b.concat(&format!("{at}.concat"), &[narrow, wide])
}

/// Darknet's sixth pooling moves by 1 and keeps the size: it pads below and on the right only.
pub(super) fn tiny_yolov2() -> Network {
    let mut b = Builder::new("tiny_yolov2", &[3, 416, 416]);
    let mut x = b.input();
    for (i, channels) in (1..).zip([16, 32, 64, 128, 256, 512, 1024, 1024]) {
        let conv = Conv::new(channels, 3).padding(1);
        x = conv_norm_function(&mut b, &format!("conv{i}"), x, conv, Function::LeakyRelu);
        x = match i {
            1..=5 => b.max_pool(&format!("pool{i}"), x, Window::new(2).stride(2)),
            6 => b.max_pool("pool6", x, Window::new(2).padding_after(1)),
            _ => x,
        };
    }
    b.conv("conv9", x, Conv::new(TINY_YOLO_ANCHORS * (5 + TINY_YOLO_CLASSES), 1));
    b.network()
}

/// A convolution with bias, and a rectifier.
fn conv_relu(b: &mut Builder, at: &str, x: Node, conv: Conv) -> Node {
    let x = b.conv(at, x, conv);
    b.relu(&format!("{at}.relu"), x)
}
