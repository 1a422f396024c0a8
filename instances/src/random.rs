//! The portable random stream behind every generator and every randomised method.
//!
//! Same seed, same bytes, on every platform and in every version: ChaCha8 is a specified cipher, the conversions to
//! floats and ranges are written out here instead of borrowed (a library may change its own between versions), and
//! transcendental functions come from `libm`, which computes the same bits everywhere.
//!
//! A stream's key is the BLAKE3 hash of its labels and seed, so that streams with different purposes never overlap:
//! adding a random draw to one part of a generator leaves all other parts as they were.

use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};

/// A seeded stream of random numbers.
#[derive(Clone, Debug)]
pub struct Stream {
    cipher: ChaCha8Rng,
}

impl Stream {
    /// The stream named by `labels` (e.g. `["multiuser", "zoo", "users"]`) and `seed`.
    /// ```
    /// use offcut_instances::random::Stream;
    /// let mut stream = Stream::new(&["example"], 7);
    /// assert_eq!(stream.below(1000), Stream::new(&["example"], 7).below(1000));
    /// ```
    pub fn new(labels: &[&str], seed: u64) -> Self {
        let mut hasher = blake3::Hasher::new();
        hasher.update(b"offcut stream 1");
        for label in labels {
            hasher.update(&(label.len() as u64).to_le_bytes());
            hasher.update(label.as_bytes());
        }
        hasher.update(&seed.to_le_bytes());
        Self { cipher: ChaCha8Rng::from_seed(*hasher.finalize().as_bytes()) }
    }

    /// 64 random bits.
    pub fn bits(&mut self) -> u64 {
        self.cipher.next_u64()
    }

    /// Uniform in [0, 1): the upper 53 bits, times 2^-53.
    pub fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 * (1.0 / (1u64 << 53) as f64)
    }

    /// Uniform in [low, high).
    pub fn uniform(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    /// Log-uniform in [low, high); both positive. Every factor of two is equally likely.
    pub fn log_uniform(&mut self, low: f64, high: f64) -> f64 {
        libm::exp(self.uniform(libm::log(low), libm::log(high)))
    }

    /// Uniform in 0..n, without bias (rejection of the last incomplete range).
    ///
    /// # Panics
    /// If `n` is 0.
    pub fn below(&mut self, n: u64) -> u64 {
        assert!(n > 0, "no number is below 0");
        let excess = (u64::MAX % n + 1) % n;
        loop {
            let bits = self.bits();
            if bits <= u64::MAX - excess {
                return bits % n;
            }
        }
    }

    /// One of `items`, each equally likely.
    ///
    /// # Panics
    /// If `items` is empty.
    pub fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len() as u64) as usize]
    }

    /// Puts `items` into a random order, every order equally likely: from the last place down, each gets one of those not placed yet (Fisher
    /// and Yates).
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last as u64 + 1) as usize);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Golden values: if this test fails, every generated instance has changed.
    #[test]
    fn the_stream_is_the_documented_one() {
        let mut stream = Stream::new(&["golden"], 1);
        let drawn = [stream.bits(), stream.bits(), stream.below(10)];
        assert_eq!(drawn, GOLDEN);
        let x = stream.log_uniform(1.0, 1e6);
        assert_eq!(x.to_bits(), GOLDEN_LOG, "log_uniform gave {x}");
    }
    const GOLDEN: [u64; 3] = [4_471_922_724_349_480_234, 16_928_400_988_474_740_309, 1];
    const GOLDEN_LOG: u64 = 4_692_007_328_158_963_342;

    #[test]
    fn every_order_is_equally_likely() {
        let mut stream = Stream::new(&["orders"], 0);
        let mut seen = std::collections::BTreeMap::new();
        for _ in 0..6000 {
            let mut order = [0, 1, 2];
            stream.shuffle(&mut order);
            *seen.entry(order).or_insert(0u32) += 1;
        }
        assert_eq!(seen.len(), 6);
        // Five standard deviations, of about 29 each.
        assert!(seen.values().all(|count| count.abs_diff(1000) < 145), "{seen:?}");
        stream.shuffle::<u8>(&mut []);
    }

    #[test]
    fn labels_do_not_run_together() {
        assert_ne!(Stream::new(&["ab", "c"], 0).bits(), Stream::new(&["a", "bc"], 0).bits());
    }

    #[test]
    fn ranges_are_respected_and_reached() {
        let mut stream = Stream::new(&["ranges"], 0);
        let mut seen = [false; 7];
        for _ in 0..1000 {
            seen[stream.below(7) as usize] = true;
            let x = stream.uniform(-2.0, 3.0);
            assert!((-2.0..3.0).contains(&x));
            let y = stream.log_uniform(0.5, 8.0);
            assert!((0.499_999..8.000_001).contains(&y));
        }
        assert!(seen.iter().all(|s| *s));
    }
}
