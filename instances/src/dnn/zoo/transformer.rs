//! Transformers, all with 12 layers of width 768, 12 heads and a hidden width of 3072.

use super::super::builder::{Builder, Conv, Node};
use super::super::step::{Function, Network};
use super::blocks::{CLASSES, IMAGE};

/// Tokens of an input of `bert_base`. The model takes up to 512; 128 is what its latencies are commonly quoted for.
pub const BERT_TOKENS: usize = 128;

/// Tokens of an input of `gpt2`: its whole context, in one forward pass without a cache.
pub const GPT2_TOKENS: usize = 1024;

const LAYERS: usize = 12;
const WIDTH: usize = 768;
const HEADS: usize = 12;
const HIDDEN: usize = 4 * WIDTH;

/// Patches as a convolution, a class token, positions, layers that normalise first.
pub(super) fn vit_b_16() -> Network {
    let mut b = Builder::new("vit_b_16", &IMAGE);
    let x = b.input();
    let x = b.conv("patches", x, Conv::new(WIDTH, 16).stride(16));
    let patches = b.shape(x)[1] * b.shape(x)[2];
    let x = b.patches("tokens", x);
    let x = b.prepend_row("class_token", x);
    let mut x = b.add_rows("positions", x, patches + 1);
    for i in 0..LAYERS {
        x = norm_first(&mut b, &format!("layer{i}"), x);
    }
    x = b.layer_norm("norm", x);
    x = b.first_position("class", x);
    b.linear("head", x, CLASSES);
    b.network()
}

/// The encoder with its pooler. One segment, no padding: segment ids and masks are constants, not inputs.
pub(super) fn bert_base() -> Network {
    const VOCABULARY: usize = 30_522;
    const POSITIONS: usize = 512;
    const SEGMENTS: usize = 2;
    let mut b = Builder::new("bert_base", &[BERT_TOKENS]);
    let x = b.input();
    let x = b.embedding("words", x, VOCABULARY, WIDTH);
    let x = b.add_rows("positions", x, POSITIONS);
    let x = b.add_rows("segments", x, SEGMENTS);
    let mut x = b.layer_norm("norm", x);
    for i in 0..LAYERS {
        x = norm_last(&mut b, &format!("layer{i}"), x);
    }
    let x = b.first_position("class", x);
    let x = b.linear("pooler", x, WIDTH);
    b.activation("pooler.tanh", x, Function::Tanh);
    b.network()
}

/// Logits at every position, as the plain forward pass gives them; the head's weights are the words' table.
/// The causal mask saves no work here: the products are computed in full.
pub(super) fn gpt2() -> Network {
    const VOCABULARY: usize = 50_257;
    let mut b = Builder::new("gpt2", &[GPT2_TOKENS]);
    let x = b.input();
    let x = b.embedding("words", x, VOCABULARY, WIDTH);
    let mut x = b.add_rows("positions", x, GPT2_TOKENS);
    for i in 0..LAYERS {
        x = norm_first(&mut b, &format!("layer{i}"), x);
    }
    x = b.layer_norm("norm", x);
    b.tied_linear("head", x, VOCABULARY);
    b.network()
}

/// A layer that normalises before attention and before its two linear layers; queries, keys and values come out of
/// one product and are taken apart.
fn norm_first(b: &mut Builder, at: &str, x: Node) -> Node {
    let y = b.layer_norm(&format!("{at}.norm1"), x);
    let y = b.linear(&format!("{at}.qkv"), y, 3 * WIDTH);
    let columns = [("q", 0..WIDTH), ("k", WIDTH..2 * WIDTH), ("v", 2 * WIDTH..3 * WIDTH)];
    let qkv = columns.map(|(part, columns)| b.columns(&format!("{at}.{part}"), y, columns));
    let y = attend(b, at, qkv);
    let x = b.add(&format!("{at}.add1"), &[y, x]);
    let y = b.layer_norm(&format!("{at}.norm2"), x);
    let y = feed_forward(b, at, y);
    b.add(&format!("{at}.add2"), &[y, x])
}

/// A layer that normalises after each addition, with a product each for queries, keys and values.
fn norm_last(b: &mut Builder, at: &str, x: Node) -> Node {
    let qkv = ["q", "k", "v"].map(|part| b.linear(&format!("{at}.{part}"), x, WIDTH));
    let y = attend(b, at, qkv);
    let x = b.add(&format!("{at}.add1"), &[y, x]);
    let x = b.layer_norm(&format!("{at}.norm1"), x);
    let y = feed_forward(b, at, x);
    let x = b.add(&format!("{at}.add2"), &[y, x]);
    b.layer_norm(&format!("{at}.norm2"), x)
}

fn attend(b: &mut Builder, at: &str, qkv: [Node; 3]) -> Node {
    let y = b.attention(&format!("{at}.attention"), qkv, HEADS);
    b.linear(&format!("{at}.out"), y, WIDTH)
}

fn feed_forward(b: &mut Builder, at: &str, x: Node) -> Node {
    let y = b.linear(&format!("{at}.fc1"), x, HIDDEN);
    let y = b.activation(&format!("{at}.gelu"), y, Function::Gelu);
    b.linear(&format!("{at}.fc2"), y, WIDTH)
}
