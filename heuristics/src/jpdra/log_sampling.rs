//! The steps at which a long run is logged: all at first, later evenly on a logarithmic axis.

use offcut_instances::problem::POINTS;

/// Steps at which to take note, counted from 1.
#[derive(Clone, Debug)]
pub(super) struct LogSampling {
    next: u64,
    /// Of a milestone to the one before, unless that is less than a step.
    ratio: f64,
}

impl LogSampling {
    /// At most [`POINTS`] less one for a run of `steps` steps: the last step, wherever that is, is noted too.
    pub(super) fn new(steps: u64) -> Self {
        // From 1 to `steps` by ratios, and rounding up only makes them fewer.
        Self { next: 1, ratio: libm::exp(libm::log(steps.max(1) as f64) / (POINTS - 3) as f64) }
    }

    /// Whether `step` is one; asked in ascending order.
    pub(super) fn is_due(&mut self, step: u64) -> bool {
        if step < self.next {
            return false;
        }
        self.next = (step + 1).max((step as f64 * self.ratio).ceil() as u64);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_few_and_even() {
        for steps in [1, 2, 50, 20_000, 1_000_000] {
            let mut log_sampling = LogSampling::new(steps);
            let noted: Vec<u64> = (1..=steps).filter(|step| log_sampling.is_due(*step)).collect();
            assert_eq!(noted[0], 1);
            assert!(noted.len() < POINTS && (steps < 20_000 || noted.len() > POINTS / 2), "{steps}: {}", noted.len());
            assert!(noted.windows(2).all(|pair| pair[1] as f64 <= 1.1 * pair[0] as f64 + 1.0), "{steps}: {noted:?}");
        }
    }
}
