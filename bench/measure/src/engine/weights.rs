//! Seeded random numbers for weights and inputs.

use offcut_instances::random::Stream;

/// `count` numbers, uniform in [low, high).
pub(super) fn uniform(stream: &mut Stream, count: usize, low: f32, high: f32) -> Vec<f32> {
    // 24 bits are all that a float32 in [0, 1) holds; two of them are drawn at a time.
    let unit = |bits: u64| (bits & 0xff_ffff) as f32 / (1u32 << 24) as f32;
    let mut numbers = Vec::with_capacity(count + 1);
    while numbers.len() < count {
        let bits = stream.bits();
        numbers.extend([low + (high - low) * unit(bits), low + (high - low) * unit(bits >> 32)]);
    }
    numbers.truncate(count);
    numbers
}

/// Weights that keep the variance of activations over a layer with a rectifier: variance 2 over the inputs of one output (He et al., ICCV 2015,
/// arXiv 1502.01852), uniform. So no activation of a deep network overflows, and none is so small that the processor slows down.
pub(super) fn weights(stream: &mut Stream, count: usize, fan_in: usize) -> Vec<f32> {
    let bound = (6.0 / fan_in.max(1) as f32).sqrt();
    uniform(stream, count, -bound, bound)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn same_seed_same_weights() {
        let draw = |seed| weights(&mut Stream::new(&["test"], seed), 101, 6);
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
        assert!(draw(1).len() == 101 && draw(1).iter().all(|x| (-1.0..1.0).contains(x)));
    }
}
