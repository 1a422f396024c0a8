//! Networks of inverted residuals: expand, filter each channel by itself, project.

use super::super::builder::{Builder, Conv, Node};
use super::super::step::{Function, Network};
use super::blocks::{CLASSES, IMAGE, conv_norm, conv_norm_function};

/// An inverted residual block.
struct Block {
    kernel: usize,
    stride: usize,
    /// Channels between expansion and projection; no expansion layer if there are as many as come in.
    expanded: usize,
    out: usize,
    /// The gate of squeeze and excitation, if there is one.
    gate: Option<Gate>,
    /// After the expansion and the depthwise convolution.
    function: Function,
}

/// A gate of squeeze and excitation: its channels, and the functions after its first and after its second layer.
#[derive(Clone, Copy)]
struct Gate {
    channels: usize,
    functions: [Function; 2],
}

fn inverted(b: &mut Builder, at: &str, x: Node, block: &Block) -> Node {
    let Block { kernel, stride, expanded, out, gate, function } = *block;
    let mut y = x;
    if expanded != b.channels(x) {
        y = conv_norm_function(b, &format!("{at}.expand"), y, Conv::new(expanded, 1), function);
    }
    let depthwise = Conv::new(expanded, kernel).stride(stride).padding(kernel / 2).groups(expanded);
    y = conv_norm_function(b, &format!("{at}.depthwise"), y, depthwise, function);
    if let Some(gate) = gate {
        y = squeeze_excitation(b, &format!("{at}.se"), y, gate);
    }
    y = conv_norm(b, &format!("{at}.project"), y, Conv::new(out, 1));
    match stride == 1 && b.channels(x) == out {
        true => b.add(&format!("{at}.add"), &[y, x]),
        false => y,
    }
}

/// Weighs the channels by a small network that looks at their means.
fn squeeze_excitation(b: &mut Builder, at: &str, x: Node, gate: Gate) -> Node {
    let Gate { channels, functions: [inner, outer] } = gate;
    let y = b.adaptive_pool(&format!("{at}.avgpool"), x, 1);
    let y = b.conv(&format!("{at}.fc1"), y, Conv::new(channels, 1));
    let y = b.activation(&format!("{at}.act"), y, inner);
    let y = b.conv(&format!("{at}.fc2"), y, Conv::new(b.channels(x), 1));
    let factor = b.activation(&format!("{at}.gate"), y, outer);
    b.scale(&format!("{at}.mul"), x, factor)
}

/// First layer, blocks, last 1 x 1 convolution, mean over the image: common to all three families.
fn features(b: &mut Builder, function: Function, first: usize, blocks: &[Block], last: usize) -> Node {
    let x = b.input();
    let mut x = conv_norm_function(b, "stem", x, Conv::new(first, 3).stride(2).padding(1), function);
    for (i, block) in (1..).zip(blocks) {
        x = inverted(b, &format!("block{i}"), x, block);
    }
    x = conv_norm_function(b, "head", x, Conv::new(last, 1), function);
    x = b.adaptive_pool("avgpool", x, 1);
    b.flatten("flatten", x)
}

pub(super) fn mobilenet_v2() -> Network {
    // Table 2 of the paper: expansion, channels, repetitions, stride of the first.
    let stages =
        [(1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)];
    let mut b = Builder::new("mobilenet_v2", &IMAGE);
    let mut blocks = Vec::new();
    let mut channels = 32;
    for (expansion, out, repetitions, stride) in stages {
        for i in 0..repetitions {
            let stride = if i == 0 { stride } else { 1 };
            blocks.push(Block {
                kernel: 3,
                stride,
                expanded: expansion * channels,
                out,
                gate: None,
                function: Function::Relu6,
            });
            channels = out;
        }
    }
    let x = features(&mut b, Function::Relu6, 32, &blocks, 1280);
    b.linear("classifier", x, CLASSES);
    b.network()
}

pub(super) fn mobilenet_v3_large() -> Network {
    // Table 1 of the paper: kernel, expanded channels, channels, squeeze and excitation, function, stride.
    let (early, late) = (Function::Relu, Function::HardSwish);
    let stages = [
        (3, 16, 16, false, early, 1),
        (3, 64, 24, false, early, 2),
        (3, 72, 24, false, early, 1),
        (5, 72, 40, true, early, 2),
        (5, 120, 40, true, early, 1),
        (5, 120, 40, true, early, 1),
        (3, 240, 80, false, late, 2),
        (3, 200, 80, false, late, 1),
        (3, 184, 80, false, late, 1),
        (3, 184, 80, false, late, 1),
        (3, 480, 112, true, late, 1),
        (3, 672, 112, true, late, 1),
        (5, 672, 160, true, late, 2),
        (5, 960, 160, true, late, 1),
        (5, 960, 160, true, late, 1),
    ];
    let blocks = stages.map(|(kernel, expanded, out, gated, function, stride)| {
        let functions = [Function::Relu, Function::HardSigmoid];
        let gate = gated.then(|| Gate { channels: multiple_of_8(expanded / 4), functions });
        Block { kernel, stride, expanded, out, gate, function }
    });
    let mut b = Builder::new("mobilenet_v3_large", &IMAGE);
    let x = features(&mut b, Function::HardSwish, 16, &blocks, 960);
    let x = b.linear("classifier.0", x, 1280);
    let x = b.activation("classifier.0.act", x, Function::HardSwish);
    b.linear("classifier.1", x, CLASSES);
    b.network()
}

/// The multiple of 8 nearest to `channels`, but at least nine tenths of it: how MobileNets round channels.
fn multiple_of_8(channels: usize) -> usize {
    let nearest = ((channels + 4) / 8 * 8).max(8);
    if 10 * nearest < 9 * channels { nearest + 8 } else { nearest }
}

pub(super) fn efficientnet_b0() -> Network {
    // Table 1 of the paper: expansion, kernel, stride of the first, channels, repetitions.
    let stages = [
        (1, 3, 1, 16, 1),
        (6, 3, 2, 24, 2),
        (6, 5, 2, 40, 2),
        (6, 3, 2, 80, 3),
        (6, 5, 1, 112, 3),
        (6, 5, 2, 192, 4),
        (6, 3, 1, 320, 1),
    ];
    let mut b = Builder::new("efficientnet_b0", &IMAGE);
    let mut blocks = Vec::new();
    let mut channels = 32;
    for (expansion, kernel, stride, out, repetitions) in stages {
        for i in 0..repetitions {
            let stride = if i == 0 { stride } else { 1 };
            // The gate is a quarter of what comes into the block, not of what it is expanded to.
            let gate = Gate { channels: channels / 4, functions: [Function::Silu, Function::Sigmoid] };
            blocks.push(Block {
                kernel,
                stride,
                expanded: expansion * channels,
                out,
                gate: Some(gate),
                function: Function::Silu,
            });
            channels = out;
        }
    }
    let x = features(&mut b, Function::Silu, 32, &blocks, 1280);
    b.linear("classifier", x, CLASSES);
    b.network()
}

#[cfg(test)]
mod tests {
    use super::multiple_of_8;

    #[test]
    fn channels_round_as_in_the_papers() {
        // 72/4 = 18 rounds to 16, which is below 16.2, so 24; 120/4 = 30 rounds to 32; 8 is the least.
        assert_eq!([18, 30, 120, 168, 240, 3].map(multiple_of_8), [24, 32, 120, 168, 240, 8]);
    }
}
