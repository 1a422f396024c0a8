//! Networks whose features are added to, or kept beside, those of earlier layers.

use super::super::builder::{Builder, Conv, Node, Window};
use super::super::step::Network;
use super::blocks::{CLASSES, IMAGE, conv_norm, conv_norm_act};

/// The two kinds of residual blocks.
#[derive(Clone, Copy)]
enum Kind {
    /// Two 3 x 3 convolutions.
    Basic,
    /// 1 x 1, 3 x 3, 1 x 1 to four times the channels. The 3 x 3 one has the stride, as in torchvision ("v1.5").
    Bottleneck,
}

pub(super) fn resnet18() -> Network {
    resnet("resnet18", Kind::Basic, [2, 2, 2, 2])
}

pub(super) fn resnet34() -> Network {
    resnet("resnet34", Kind::Basic, [3, 4, 6, 3])
}

pub(super) fn resnet50() -> Network {
    resnet("resnet50", Kind::Bottleneck, [3, 4, 6, 3])
}

pub(super) fn resnet101() -> Network {
    resnet("resnet101", Kind::Bottleneck, [3, 4, 23, 3])
}

fn resnet(name: &str, kind: Kind, blocks: [usize; 4]) -> Network {
    let mut b = Builder::new(name, &IMAGE);
    let x = b.input();
    let mut x = stem(&mut b, x);
    for (stage, (blocks, width)) in (1..).zip(blocks.into_iter().zip([64, 128, 256, 512])) {
        for i in 0..blocks {
            let stride = if stage > 1 && i == 0 { 2 } else { 1 };
            x = residual(&mut b, &format!("layer{stage}.{i}"), x, kind, width, stride);
        }
    }
    x = b.adaptive_pool("avgpool", x, 1);
    x = b.flatten("flatten", x);
    b.linear("fc", x, CLASSES);
    b.network()
}

/// The first layers of ResNet and DenseNet: from 224 x 224 to 56 x 56 with 64 channels.
fn stem(b: &mut Builder, x: Node) -> Node {
    let x = conv_norm_act(b, "stem", x, Conv::new(64, 7).stride(2).padding(3));
    b.max_pool("stem.pool", x, Window::new(3).stride(2).padding(1))
}

/// One residual block. The shortcut is `x` itself, or a 1 x 1 convolution of it where the shape changes.
fn residual(b: &mut Builder, at: &str, x: Node, kind: Kind, width: usize, stride: usize) -> Node {
    let wide = |stride| Conv::new(width, 3).stride(stride).padding(1);
    let (out, branch) = match kind {
        Kind::Basic => {
            let y = conv_norm_act(b, &format!("{at}.1"), x, wide(stride));
            (width, conv_norm(b, &format!("{at}.2"), y, wide(1)))
        }
        Kind::Bottleneck => {
            let y = conv_norm_act(b, &format!("{at}.1"), x, Conv::new(width, 1));
            let y = conv_norm_act(b, &format!("{at}.2"), y, wide(stride));
            (4 * width, conv_norm(b, &format!("{at}.3"), y, Conv::new(4 * width, 1)))
        }
    };
    let shortcut = match stride != 1 || b.channels(x) != out {
        true => conv_norm(b, &format!("{at}.downsample"), x, Conv::new(out, 1).stride(stride)),
        false => x,
    };
    let sum = b.add(&format!("{at}.add"), &[branch, shortcut]);
    b.relu(&format!("{at}.relu"), sum)
}

/// Channels that each layer of a dense block adds.
const GROWTH: usize = 32;

/// As in torchvision, every layer of a dense block concatenates all features before it anew. So all of them stay
/// alive until the block's end, and the places where one tensor crosses are the transitions.
pub(super) fn densenet121() -> Network {
    let mut b = Builder::new("densenet121", &IMAGE);
    let x = b.input();
    let mut x = stem(&mut b, x);
    for (stage, layers) in (1..).zip([6, 12, 24, 16]) {
        if stage > 1 {
            x = transition(&mut b, &format!("transition{}", stage - 1), x);
        }
        x = dense_block(&mut b, &format!("denseblock{stage}"), x, layers);
    }
    x = norm_relu(&mut b, "final", x);
    x = b.adaptive_pool("avgpool", x, 1);
    x = b.flatten("flatten", x);
    b.linear("fc", x, CLASSES);
    b.network()
}

fn dense_block(b: &mut Builder, at: &str, x: Node, layers: usize) -> Node {
    let mut features = vec![x];
    for i in 1..=layers {
        let at = format!("{at}.{i}");
        let x = match features.as_slice() {
            [one] => *one,
            several => b.concat(&format!("{at}.concat"), several),
        };
        let x = norm_relu(b, &format!("{at}.1"), x);
        let x = b.conv(&format!("{at}.1.conv"), x, Conv::new(4 * GROWTH, 1).no_bias());
        let x = norm_relu(b, &format!("{at}.2"), x);
        features.push(b.conv(&format!("{at}.2.conv"), x, Conv::new(GROWTH, 3).padding(1).no_bias()));
    }
    b.concat(&format!("{at}.concat"), &features)
}

/// Half the channels, half the height and width.
fn transition(b: &mut Builder, at: &str, x: Node) -> Node {
    let half = b.channels(x) / 2;
    let x = norm_relu(b, at, x);
    let x = b.conv(&format!("{at}.conv"), x, Conv::new(half, 1).no_bias());
    b.avg_pool(&format!("{at}.pool"), x, Window::new(2).stride(2))
}

fn norm_relu(b: &mut Builder, at: &str, x: Node) -> Node {
    let x = b.batch_norm(&format!("{at}.norm"), x);
    b.relu(&format!("{at}.relu"), x)
}
