//! One price for a unit: a bound for `sum` at any size, and a repaired solution beside it.
//!
//! For every price p >= 0
//!
//! ```text
//! g(p) = sum_i min_f (T_i*(f) + p f) - p beta  <=  optimum
//! ```
//!
//! g is concave and piecewise linear with slope (units demanded at p) - beta, so its maximum is where demand crosses beta, found by
//! bisection. The demands just above that price are an allocation that fits; what is left over goes where it saves most per unit, jumps over
//! plateaus included.

use std::collections::BinaryHeap;
use std::time::Instant;

use offcut_instances::multiuser::{Certificate, Instance, Multiuser, Objective, PriceNode};
use offcut_instances::problem::{Algorithm, Answer, Budget, Stop, Trace};

use super::BOUND_RELAXATION;
use super::latency::Latencies;

/// How far ahead the repair looks for a fall in latency.
const JUMP: u32 = 64;

/// One price for a unit.
#[derive(Clone, Copy, Debug)]
pub(super) struct Price;

impl Algorithm<Multiuser> for Price {
    fn id(&self) -> &str {
        "price"
    }

    fn about(&self) -> &str {
        "best single price for a unit, then repair (sum: certified bound at any size)"
    }

    fn solve(&self, instance: &Instance, budget: &Budget) -> Answer<Multiuser> {
        if instance.objective == Objective::Max {
            return Answer::declined("prices bound the sum; threshold solves the maximum");
        }
        let began = Instant::now();
        let latencies = Latencies::new(instance);
        let bound = best_price(&latencies, &[], || budget.is_spent(began));
        let (value, certificate) = bound.certificate();
        let units = repaired(&latencies, bound.units);
        let objective = latencies.objective(&units);
        let answer = Answer::found(latencies.with_best_cuts(units), objective)
            .certified(value, certificate)
            .traced(Trace::counting([("prices tried", bound.tried)]));
        if budget.is_spent(began) { Answer { stop: Stop::TimeLimit, ..answer } } else { answer }
    }
}

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

/// A hair below.
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

/// A step up for one user, ordered by what it saves per unit.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Step {
    saves_per_unit: f64,
    user: usize,
    from: u32,
    to: u32,
}

impl Eq for Step {}

impl Ord for Step {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.saves_per_unit.total_cmp(&other.saves_per_unit).then(other.user.cmp(&self.user))
    }
}

impl PartialOrd for Step {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

/// Hands out the units that are left over, each time to the step that saves most per unit and still fits.
pub(super) fn repaired(latencies: &Latencies, mut units: Vec<u32>) -> Vec<u32> {
    let used: u64 = units.iter().map(|units| u64::from(*units)).sum();
    let mut left = u64::from(latencies.units()).saturating_sub(used) as u32;
    let best_step = |user: usize, from: u32, left: u32| {
        let now = latencies.best(user, from);
        (1..=left.min(JUMP))
            .map(|jump| {
                let saves_per_unit = (now - latencies.best(user, from + jump)) / f64::from(jump);
                Step { saves_per_unit, user, from, to: from + jump }
            })
            .filter(|step| step.saves_per_unit > 0.0)
            .max()
    };
    if left == 0 {
        return units;
    }
    let mut steps: BinaryHeap<Step> = (0..units.len()).filter_map(|user| best_step(user, units[user], left)).collect();
    while left > 0 {
        let Some(step) = steps.pop() else { break };
        if step.to - step.from > left {
            steps.extend(best_step(step.user, step.from, left)); // too far by now: look again, nearer
            continue;
        }
        units[step.user] = step.to;
        left -= step.to - step.from;
        steps.extend(best_step(step.user, step.to, left));
    }
    units
}
