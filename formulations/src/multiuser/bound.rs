//! The price bound for `sum`, at any size: one price for a unit.
//!
//! For every price p >= 0
//!
//! ```text
//! g(p) = sum_i min_f (T_i*(f) + p f) - p beta  <=  optimum
//! ```
//!
//! A price is the dual multiplier of the capacity, in seconds per unit. g is concave and piecewise linear with slope (units demanded at p) - beta,
//! so its maximum is where the demand crosses beta, found by bisection.

use offcut_instances::multiuser::{Certificate, PriceNode};

use super::model::Latencies;

/// A range of units that a user is restricted to.
pub(super) type Restriction = (u32, (u32, u32));

/// The best price bound, and what users demand around it.
#[derive(Clone, Debug)]
pub(super) struct PriceBound {
    /// The price of a unit, in seconds.
    pub(super) price_s: f64,
    /// g at that price; infinite if the restrictions alone take more units than there are.
    pub(super) value: f64,
    /// Demands at the least price tried at which they fit.
    pub(super) units: Vec<u32>,
    /// Demands at the largest price tried at which they did not fit; none if they fit for nothing.
    pub(super) too_many: Option<Vec<u32>>,
    /// Prices tried.
    pub(super) tried: u64,
}

impl PriceBound {
    /// The bound as it is handed over, with its certificate.
    pub(super) fn certificate(&self) -> (f64, Certificate) {
        let nodes = vec![PriceNode::Leaf { price_s: self.price_s }];
        (relaxed(self.value), Certificate::Prices { nodes })
    }
}

/// Bounds are relaxed by this, relative, to absorb the checker's outward rounding.
pub(super) const BOUND_RELAXATION: f64 = 1e-12;

/// `value` relaxed by [`BOUND_RELAXATION`].
pub(super) fn relaxed(value: f64) -> f64 {
    value - BOUND_RELAXATION * value.abs()
}

/// Maximises g, users in `restricted` (sorted) being kept to their ranges.
pub(super) fn best_price(
    latencies: &Latencies,
    restricted: &[Restriction],
    is_out_of_time: impl Fn() -> bool,
) -> PriceBound {
    let beta = latencies.units();
    let least: u64 = restricted.iter().map(|(_, (from, _))| u64::from(*from)).sum();
    let mut tried = 0;
    let mut at = |price: f64| {
        tried += 1;
        let mut special = restricted.iter().peekable();
        let (mut value, mut demand) = (0.0, 0u64);
        let units: Vec<u32> = (0..latencies.users())
            .map(|user| {
                let range = special.next_if(|(i, _)| *i as usize == user).map_or((0, beta), |(_, range)| *range);
                let (least, units) = latencies.least_with_price(user, price, range);
                value += least;
                demand += u64::from(units);
                units
            })
            .collect();
        (value - price * f64::from(beta), demand, units)
    };
    // At this price a unit costs more than any user could save.
    let mut high = (0..latencies.users()).map(|user| latencies.local(user)).fold(0.0, f64::max).max(1e-30);
    if least > u64::from(beta) {
        return PriceBound { price_s: high, value: f64::INFINITY, units: Vec::new(), too_many: None, tried };
    }
    let (value, demand, units) = at(0.0);
    if demand <= u64::from(beta) {
        return PriceBound { price_s: 0.0, value, units, too_many: None, tried };
    }
    let mut best = (value, 0.0);
    let mut too_many = units;
    let mut low = 0.0;
    let (value, _, mut fitting) = at(high);
    if value > best.0 {
        best = (value, high);
    }
    // Geometric steps first, prices range over many magnitudes; the last steps are exact in the price.
    for _ in 0..120 {
        let middle = if low > 0.0 { f64::sqrt(low * high) } else { high * 1e-4 };
        if middle <= low || middle >= high || high - low <= 1e-15 * high || middle < 1e-60 || is_out_of_time() {
            break;
        }
        let (value, demand, units) = at(middle);
        if value > best.0 {
            best = (value, middle);
        }
        if demand <= u64::from(beta) {
            (high, fitting) = (middle, units);
        } else {
            (low, too_many) = (middle, units);
        }
    }
    PriceBound { price_s: best.1, value: best.0, units: fitting, too_many: Some(too_many), tried }
}
