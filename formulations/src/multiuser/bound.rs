//! The price bound for `sum`, at any size: one price for a unit.
//!
//! For every price p >= 0
//!
//! ```text
//! g(p) = sum_i min_f (T_i*(f) + p f) - p beta  <=  optimum
//! ```
//!
//! A price is the dual multiplier of the capacity, in seconds per unit. g is concave and piecewise linear with slope (units demanded at p) - beta,
//! so its maximum is where the demand crosses beta. It is bracketed by bisection and by where the tangents at both ends of the bracket meet; once no tangent is above the best value, that
//! is the maximum.

use offcut_instances::multiuser::{Certificate, PriceNode};

use super::classes::Classes;
use super::model::Latencies;

/// A range of units that a user is restricted to.
pub(super) type Restriction = (u32, (u32, u32));

/// The best price bound, and what users demand around it.
#[derive(Clone, Debug)]
pub(super) struct PriceBound {
    /// The price of a unit, in seconds.
    pub(super) price_s: f64,
    /// g at that price, less `rounding_s`; infinite if the restrictions alone take more units than there are.
    pub(super) value: f64,
    /// What rounding may add to g at that price, here or, the other way, in the checker.
    pub(super) rounding_s: f64,
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

/// Prices that are tried at most.
const MOST_PRICES: u64 = 120;

/// Users whose ranges are open by class, and those restricted one by one.
struct Demands<'a> {
    latencies: &'a Latencies<'a>,
    classes: &'a Classes,
    restricted: &'a [Restriction],
    /// Users of every class that are not restricted. Shape (classes,).
    open: Vec<u32>,
}

/// What rounding may add to g, relative to the terms that it is the difference of. At a smaller price they are smaller: of two prices with about the same g the smaller is better.
///
/// Terms are off by some units in the last place. Sums add as many roundings as they have terms; the checker's, which go down each time, those of blocks of about sqrt(users).
fn relative_rounding(users: usize) -> f64 {
    1e-15 * (1.0 + (users as f64).sqrt() / 4.0)
}

/// g at a price.
struct Tried {
    price: f64,
    /// g, less `rounding`.
    value: f64,
    /// What rounding may have added to g.
    rounding: f64,
    /// Units demanded, less those there are.
    slope: f64,
    /// By class, and then of those restricted. Shape (classes + restricted,).
    units: Vec<u32>,
}

impl<'a> Demands<'a> {
    fn new(latencies: &'a Latencies<'a>, classes: &'a Classes, restricted: &'a [Restriction]) -> Self {
        let mut open: Vec<u32> = (0..classes.count()).map(|class| classes.users(class).len() as u32).collect();
        restricted.iter().for_each(|(user, _)| open[classes.of(*user)] -= 1);
        Self { latencies, classes, restricted, open }
    }

    fn at(&self, price: f64) -> Tried {
        let beta = self.latencies.units();
        let (mut value, mut demand) = (0.0, 0);
        let mut units = Vec::with_capacity(self.open.len() + self.restricted.len());
        let mut add = |user: u32, range: (u32, u32), count: u32| {
            let (least, each) = self.latencies.least_with_price(user as usize, price, range);
            value += f64::from(count) * least;
            demand += u64::from(count) * u64::from(each);
            units.push(each);
        };
        self.open.iter().enumerate().for_each(|(class, count)| add(self.classes.users(class)[0], (0, beta), *count));
        self.restricted.iter().for_each(|(user, range)| add(*user, *range, 1));
        let paid = price * f64::from(beta);
        let rounding = relative_rounding(self.latencies.users()) * (value + paid);
        Tried { price, value: value - paid - rounding, rounding, slope: demand as f64 - f64::from(beta), units }
    }

    /// By user. Shape (users,).
    fn by_user(&self, units: &[u32]) -> Vec<u32> {
        let (of_classes, of_restricted) = units.split_at(self.open.len());
        let mut by_user = vec![0; self.latencies.users()];
        for (class, units) in of_classes.iter().enumerate() {
            self.classes.users(class).iter().for_each(|user| by_user[*user as usize] = *units);
        }
        self.restricted.iter().zip(of_restricted).for_each(|((user, _), units)| by_user[*user as usize] = *units);
        by_user
    }
}

/// Maximises g, users in `restricted` (sorted) being kept to their ranges.
pub(super) fn best_price(
    latencies: &Latencies,
    classes: &Classes,
    restricted: &[Restriction],
    is_out_of_time: impl Fn() -> bool,
) -> PriceBound {
    let least: u64 = restricted.iter().map(|(_, (from, _))| u64::from(*from)).sum();
    // At this price a unit costs more than any user could save.
    let first = |class: usize| classes.users(class)[0] as usize;
    let most = (0..classes.count()).map(|class| latencies.local(first(class))).fold(0.0, f64::max).max(1e-30);
    if least > u64::from(latencies.units()) {
        return PriceBound {
            price_s: most,
            value: f64::INFINITY,
            rounding_s: 0.0,
            units: Vec::new(),
            too_many: None,
            tried: 0,
        };
    }
    let demands = Demands::new(latencies, classes, restricted);
    let mut low = demands.at(0.0);
    if low.slope <= 0.0 {
        let units = demands.by_user(&low.units);
        return PriceBound {
            price_s: 0.0,
            value: low.value,
            rounding_s: low.rounding,
            units,
            too_many: None,
            tried: 1,
        };
    }
    let mut high = demands.at(most);
    let of = |tried: &Tried| (tried.value, tried.price, tried.rounding);
    let mut best = if high.value > low.value { of(&high) } else { of(&low) };
    let mut tried = 2;
    while tried < MOST_PRICES && !is_out_of_time() {
        let Some(price) = next_price(&low, &high, best.0, tried) else { break };
        let next = demands.at(price);
        tried += 1;
        if next.value > best.0 {
            best = of(&next);
        }
        if next.slope <= 0.0 { high = next } else { low = next }
    }
    let (units, too_many) = (demands.by_user(&high.units), Some(demands.by_user(&low.units)));
    PriceBound { price_s: best.1, value: best.0, rounding_s: best.2, units, too_many, tried }
}

/// The price to try next within the bracket; none if nothing is above the best value.
fn next_price(low: &Tried, high: &Tried, best: f64, tried: u64) -> Option<f64> {
    let is_inside = |price: f64| low.price < price && price < high.price;
    if high.price - low.price <= 1e-15 * high.price {
        return None;
    }
    // Where the tangents meet. They are those of g as computed: where rounding is what the best value lacks, a smaller price may lack less.
    let g = |tried: &Tried| tried.value + tried.rounding;
    let meet = (g(high) - g(low) + low.slope * low.price - high.slope * high.price) / (low.slope - high.slope);
    let top = g(low) + low.slope * (meet - low.price);
    if top <= best + BOUND_RELAXATION * best.abs() {
        return None;
    }
    // Geometric steps, as prices range over many magnitudes.
    let middle = if low.price > 0.0 { f64::sqrt(low.price * high.price) } else { high.price * 1e-4 };
    let price = if tried.is_multiple_of(2) && is_inside(meet) { meet } else { middle };
    (is_inside(price) && price >= 1e-60).then_some(price)
}
