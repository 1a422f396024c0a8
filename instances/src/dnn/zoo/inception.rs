//! Networks of parallel branches whose outputs are put side by side.

use super::super::builder::{Builder, Conv, Node, Window};
use super::super::step::Network;
use super::blocks::{CLASSES, IMAGE, conv_norm_act};

/// As in torchvision: batch norms after all convolutions, and 3 x 3 filters where the paper has 5 x 5 ones. The quoted
/// totals are of that variant. Its auxiliary heads work in training only.
pub(super) fn googlenet() -> Network {
    let mut b = Builder::new("googlenet", &IMAGE);
    let pool = Window::new(3).stride(2).ceil();
    let mut x = b.input();
    x = conv_norm_act(&mut b, "conv1", x, Conv::new(64, 7).stride(2).padding(3));
    x = b.max_pool("pool1", x, pool);
    x = conv_norm_act(&mut b, "conv2", x, Conv::new(64, 1));
    x = conv_norm_act(&mut b, "conv3", x, Conv::new(192, 3).padding(1));
    x = b.max_pool("pool2", x, pool);
    x = module(&mut b, "3a", x, 64, [96, 128], [16, 32], 32);
    x = module(&mut b, "3b", x, 128, [128, 192], [32, 96], 64);
    x = b.max_pool("pool3", x, pool);
    x = module(&mut b, "4a", x, 192, [96, 208], [16, 48], 64);
    x = module(&mut b, "4b", x, 160, [112, 224], [24, 64], 64);
    x = module(&mut b, "4c", x, 128, [128, 256], [24, 64], 64);
    x = module(&mut b, "4d", x, 112, [144, 288], [32, 64], 64);
    x = module(&mut b, "4e", x, 256, [160, 320], [32, 128], 128);
    x = b.max_pool("pool4", x, Window::new(2).stride(2).ceil());
    x = module(&mut b, "5a", x, 256, [160, 320], [32, 128], 128);
    x = module(&mut b, "5b", x, 384, [192, 384], [48, 128], 128);
    x = b.adaptive_pool("avgpool", x, 1);
    x = b.flatten("flatten", x);
    b.linear("fc", x, CLASSES);
    b.network()
}

/// The four branches of GoogLeNet; pairs are the channels before and in the 3 x 3 convolution.
fn module(b: &mut Builder, at: &str, x: Node, one: usize, two: [usize; 2], three: [usize; 2], pooled: usize) -> Node {
    let at = format!("inception{at}");
    let first = conv_norm_act(b, &format!("{at}.1"), x, Conv::new(one, 1));
    let [second, third] = [("2", two), ("3", three)].map(|(branch, [narrow, wide])| {
        let y = conv_norm_act(b, &format!("{at}.{branch}.1"), x, Conv::new(narrow, 1));
        conv_norm_act(b, &format!("{at}.{branch}.2"), y, Conv::new(wide, 3).padding(1))
    });
    let y = b.max_pool(&format!("{at}.4.pool"), x, Window::new(3).padding(1));
    let fourth = conv_norm_act(b, &format!("{at}.4.1"), y, Conv::new(pooled, 1));
    b.concat(&format!("{at}.concat"), &[first, second, third, fourth])
}

/// The figure-by-figure modules of the paper, in torchvision's sizes.
pub(super) fn inception_v3() -> Network {
    let mut b = Builder::new("inception_v3", &[3, 299, 299]);
    let pool = Window::new(3).stride(2);
    let mut x = b.input();
    x = conv_norm_act(&mut b, "conv1a", x, Conv::new(32, 3).stride(2));
    x = conv_norm_act(&mut b, "conv2a", x, Conv::new(32, 3));
    x = conv_norm_act(&mut b, "conv2b", x, Conv::new(64, 3).padding(1));
    x = b.max_pool("pool1", x, pool);
    x = conv_norm_act(&mut b, "conv3b", x, Conv::new(80, 1));
    x = conv_norm_act(&mut b, "conv4a", x, Conv::new(192, 3));
    x = b.max_pool("pool2", x, pool);
    for (at, pooled) in [("mixed5b", 32), ("mixed5c", 64), ("mixed5d", 64)] {
        x = square(&mut b, at, x, pooled);
    }
    x = shrink_to_17(&mut b, "mixed6a", x);
    for (at, inner) in [("mixed6b", 128), ("mixed6c", 160), ("mixed6d", 160), ("mixed6e", 192)] {
        x = factorised(&mut b, at, x, inner);
    }
    x = shrink_to_8(&mut b, "mixed7a", x);
    for at in ["mixed7b", "mixed7c"] {
        x = spread(&mut b, at, x);
    }
    x = b.adaptive_pool("avgpool", x, 1);
    x = b.flatten("flatten", x);
    b.linear("fc", x, CLASSES);
    b.network()
}

/// Convolutions one after the other, named `at.1`, `at.2`, ...
fn branch(b: &mut Builder, at: &str, x: Node, convs: &[Conv]) -> Node {
    (1..).zip(convs).fold(x, |x, (i, &conv)| conv_norm_act(b, &format!("{at}.{i}"), x, conv))
}

/// A pooling that keeps the size, and a 1 x 1 convolution.
fn pooled(b: &mut Builder, at: &str, x: Node, channels: usize) -> Node {
    let x = b.avg_pool(&format!("{at}.pool"), x, Window::new(3).padding(1));
    branch(b, at, x, &[Conv::new(channels, 1)])
}

fn three(channels: usize) -> Conv {
    Conv::new(channels, 3).padding(1)
}

fn row(channels: usize, length: usize) -> Conv {
    Conv::new(channels, [1, length]).padding([0, length / 2])
}

fn column(channels: usize, length: usize) -> Conv {
    Conv::new(channels, [length, 1]).padding([length / 2, 0])
}

/// 35 x 35: 1 x 1, 5 x 5, twice 3 x 3, pooling.
fn square(b: &mut Builder, at: &str, x: Node, channels: usize) -> Node {
    let branches = [
        branch(b, &format!("{at}.1"), x, &[Conv::new(64, 1)]),
        branch(b, &format!("{at}.5"), x, &[Conv::new(48, 1), Conv::new(64, 5).padding(2)]),
        branch(b, &format!("{at}.33"), x, &[Conv::new(64, 1), three(96), three(96)]),
        pooled(b, &format!("{at}.pooled"), x, channels),
    ];
    b.concat(&format!("{at}.concat"), &branches)
}

fn shrink_to_17(b: &mut Builder, at: &str, x: Node) -> Node {
    let branches = [
        branch(b, &format!("{at}.3"), x, &[Conv::new(384, 3).stride(2)]),
        branch(b, &format!("{at}.33"), x, &[Conv::new(64, 1), three(96), Conv::new(96, 3).stride(2)]),
        b.max_pool(&format!("{at}.pool"), x, Window::new(3).stride(2)),
    ];
    b.concat(&format!("{at}.concat"), &branches)
}

/// 17 x 17: 7 x 7 filters as rows and columns.
fn factorised(b: &mut Builder, at: &str, x: Node, c: usize) -> Node {
    let twice = [Conv::new(c, 1), column(c, 7), row(c, 7), column(c, 7), row(192, 7)];
    let branches = [
        branch(b, &format!("{at}.1"), x, &[Conv::new(192, 1)]),
        branch(b, &format!("{at}.7"), x, &[Conv::new(c, 1), row(c, 7), column(192, 7)]),
        branch(b, &format!("{at}.77"), x, &twice),
        pooled(b, &format!("{at}.pooled"), x, 192),
    ];
    b.concat(&format!("{at}.concat"), &branches)
}

fn shrink_to_8(b: &mut Builder, at: &str, x: Node) -> Node {
    let last = |channels| Conv::new(channels, 3).stride(2);
    let branches = [
        branch(b, &format!("{at}.3"), x, &[Conv::new(192, 1), last(320)]),
        branch(b, &format!("{at}.73"), x, &[Conv::new(192, 1), row(192, 7), column(192, 7), last(192)]),
        b.max_pool(&format!("{at}.pool"), x, Window::new(3).stride(2)),
    ];
    b.concat(&format!("{at}.concat"), &branches)
}

/// 8 x 8: 3 x 3 filters spread into a row and a column side by side.
fn spread(b: &mut Builder, at: &str, x: Node) -> Node {
    let narrow = branch(b, &format!("{at}.3"), x, &[Conv::new(384, 1)]);
    let wide = branch(b, &format!("{at}.33"), x, &[Conv::new(448, 1), three(384)]);
    let [narrow, wide] = [("3", narrow), ("33", wide)].map(|(name, y)| {
        let sides = [("row", row(384, 3)), ("column", column(384, 3))];
        let sides = sides.map(|(side, conv)| conv_norm_act(b, &format!("{at}.{name}.{side}"), y, conv));
        b.concat(&format!("{at}.{name}.concat"), &sides)
    });
    let one = branch(b, &format!("{at}.1"), x, &[Conv::new(320, 1)]);
    let pooled = pooled(b, &format!("{at}.pooled"), x, 192);
    b.concat(&format!("{at}.concat"), &[one, narrow, wide, pooled])
}
