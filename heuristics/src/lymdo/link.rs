//! What rate a share of the bandwidth gives, and what share a rate takes.
//!
//! ```text
//! shannon   r(b) = b log2(1 + s/b),  s = p h / N0        concave, increasing, below s/ln 2
//! fixed     r(b) = e b
//! ```
//!
//! With x = s/b the rate is (s/ln 2) ln(1+x)/x. A rate R so takes the x > 0 with x = z ln(1+x), z = s/(R ln 2) > 1: the
//! lower branch of Lambert's W, whose expansion at its branch point starts Newton's iteration.
//!
//! | paper | here | unit |
//! |---|---|---|
//! | p h / N0 | `snr_hz` | Hz |
//! | e | `bit_per_s_per_hz` | bit/s/Hz |

use std::f64::consts::LN_2;

use offcut_instances::lymdo::{Instance, RateLaw};

/// Below this x, differences that cancel are summed as series.
const SMALL: f64 = 1e-3;

/// The channel of a user in a slot.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Link {
    Shannon { snr_hz: f64 },
    Fixed { bit_per_s_per_hz: f64 },
}

/// A rate and its first two derivatives in the bandwidth.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rate {
    pub(super) bit_per_s: f64,
    pub(super) slope: f64,
    pub(super) curvature: f64,
}

impl Link {
    /// The channel of user `n` in the only slot.
    pub(super) fn new(slot: &Instance, n: usize) -> Self {
        match slot.rate_law {
            RateLaw::Shannon => {
                Self::Shannon { snr_hz: slot.users[n].tx_power_w * slot.slots[0].gains[n] / slot.noise_w_per_hz }
            }
            RateLaw::Fixed { bit_per_s_per_hz } => Self::Fixed { bit_per_s_per_hz },
        }
    }

    /// Whether any bandwidth gives any rate.
    pub(super) fn carries(self) -> bool {
        !matches!(self, Self::Shannon { snr_hz: 0.0 })
    }

    /// Rate of `bandwidth` > 0, in bit/s.
    pub(super) fn rate(self, bandwidth: f64) -> f64 {
        match self {
            Self::Shannon { snr_hz } => bandwidth * (snr_hz / bandwidth).ln_1p() / LN_2,
            Self::Fixed { bit_per_s_per_hz } => bit_per_s_per_hz * bandwidth,
        }
    }

    /// The rate of `bandwidth` > 0 with its derivatives.
    pub(super) fn expanded(self, bandwidth: f64) -> Rate {
        match self {
            Self::Shannon { snr_hz } => {
                let x = snr_hz / bandwidth;
                let log = x.ln_1p();
                let of_one = x / (1.0 + x);
                let slope = if x < SMALL {
                    x * x * (0.5 - x * (2.0 / 3.0 - x * (0.75 - x * (0.8 - x * (5.0 / 6.0)))))
                } else {
                    log - of_one
                };
                let curvature = -of_one * of_one / bandwidth;
                Rate { bit_per_s: bandwidth * log / LN_2, slope: slope / LN_2, curvature: curvature / LN_2 }
            }
            Self::Fixed { bit_per_s_per_hz: e } => Rate { bit_per_s: e * bandwidth, slope: e, curvature: 0.0 },
        }
    }

    /// The bandwidth that gives `rate` > 0, in Hz; none if no bandwidth does.
    pub(super) fn bandwidth_for(self, rate: f64) -> Option<f64> {
        match self {
            Self::Fixed { bit_per_s_per_hz } => Some(rate / bit_per_s_per_hz),
            Self::Shannon { snr_hz } => {
                let z = snr_hz / (rate * LN_2);
                let beyond = z - 1.0;
                if beyond <= 0.0 {
                    return None;
                }
                if beyond < 1e-6 {
                    return Some(snr_hz / (2.0 * beyond * (1.0 + beyond / 3.0)));
                }
                let u = z.ln() - beyond / z;
                let mut x = z * (1.0 + (2.0 * u).sqrt() + 2.0 / 3.0 * u) - 1.0;
                // x - z ln(1+x) is convex and rises from here: one step from below, then down to the root.
                for _ in 0..50 {
                    let step = (x - z * x.ln_1p()) / (1.0 - z / (1.0 + x));
                    x -= step;
                    if step.abs() <= 1e-14 * x {
                        break;
                    }
                }
                Some(snr_hz / x)
            }
        }
    }
}
