//! The smallest T that the units reach: `max` solved exactly.
//!
//! d_i(T), the least units with T_i*(d_i) <= T, falls as T rises, so the optimum is the smallest T with sum_i d_i(T) <= beta, and it is
//! one of the values T_i*(f). T is bracketed: `low` is out of reach, `high` within reach.
//!
//! - Each step tries a T in between and halves the bracket. A user whose d_i is the same at both ends is *settled*: nothing in the
//!   bracket changes it, so it is only counted from then on. What is left shrinks geometrically, and 10^6 users cost a few passes.
//! - The ends snap to values that exist: `high` to the largest T_i*(d_i(high)) of an undecided user (a settled one is at most `low`), and
//!   `low` to just below the least T_i*(d_i(low) - 1), under which nothing changes. When they meet, `high` is the optimum.
//!
//! Certificate: the optimum, relaxed by 1e-12. The units that bring all users strictly below it are more than there are.

use std::time::Instant;

use offcut_instances::multiuser::{Certificate, Instance, Multiuser, Objective};
use offcut_instances::problem::{Algorithm, Answer, Budget, Stop, Trace};

use super::bound::BOUND_RELAXATION;
use super::model::Latencies;

/// The smallest T that the units reach.
#[derive(Clone, Copy, Debug)]
pub(super) struct Threshold;

/// A user whose units still differ between the ends of the bracket.
#[derive(Clone, Copy)]
struct Undecided {
    user: u32,
    /// Units it needs at the low end: more than there are if it cannot get there.
    at_low: u32,
    /// Units it needs at the high end.
    at_high: u32,
}

impl Algorithm<Multiuser> for Threshold {
    fn id(&self) -> &str {
        "threshold"
    }

    fn about(&self) -> &str {
        "the smallest latency that the units allow (max: exact, certified, linear memory)"
    }

    fn solve(&self, instance: &Instance, budget: &Budget) -> Answer<Multiuser> {
        if instance.objective == Objective::Sum {
            return Answer::declined("this method minimises the maximum latency; branch minimises the sum");
        }
        let began = Instant::now();
        let latencies = Latencies::new(instance);
        let Search { threshold, is_optimal, passes, tested } = search(&latencies, || budget.is_spent(began));
        let units: Vec<u32> = (0..latencies.users())
            .map(|user| latencies.fewest(user, threshold).expect("the threshold is within reach"))
            .collect();
        let objective = latencies.objective(&units);
        let trace = Trace::counting([("passes", passes), ("users tested", tested)]);
        let answer = Answer::found(latencies.with_best_cuts(units), objective).traced(trace);
        if !is_optimal {
            return Answer { stop: Stop::TimeLimit, ..answer };
        }
        let latency_s = objective * (1.0 - BOUND_RELAXATION);
        answer.certified(latency_s, Certificate::Threshold { latency_s })
    }
}

/// What the search found: a threshold within reach, and whether none below it is.
struct Search {
    threshold: f64,
    is_optimal: bool,
    passes: u64,
    tested: u64,
}

fn search(latencies: &Latencies, is_out_of_time: impl Fn() -> bool) -> Search {
    let beta = latencies.units();
    let users = 0..latencies.users();
    // With no units everybody is local; with all of them for itself nobody gets below its T*(beta).
    let mut high = users.clone().map(|user| latencies.local(user)).fold(0.0, f64::max);
    let least = users.clone().map(|user| latencies.best(user, beta)).fold(0.0, f64::max);
    let needed = |user: usize, threshold: f64| latencies.fewest(user, threshold).unwrap_or(beta + 1);
    let mut undecided = Vec::with_capacity(users.len());
    let (mut settled, mut total) = (0u64, 0u64);
    for user in users {
        let at_low = needed(user, least);
        total += u64::from(at_low);
        if at_low > 0 {
            undecided.push(Undecided { user: user as u32, at_low, at_high: 0 });
        }
    }
    let mut tested = latencies.users() as u64;
    if total <= u64::from(beta) {
        return Search { threshold: least, is_optimal: true, passes: 1, tested };
    }
    let mut low = least;
    let mut passes = 1;
    let mut tries: Vec<u32> = Vec::with_capacity(undecided.len());
    loop {
        let next;
        (next, high) = snapped(latencies, &undecided, low, high);
        if next >= high {
            return Search { threshold: high, is_optimal: true, passes, tested };
        }
        let middle =
            (if low > 0.0 && high > 4.0 * low { (low * high).sqrt() } else { low + (high - low) / 2.0 }).max(next);
        if middle >= high || is_out_of_time() {
            return Search { threshold: high, is_optimal: middle >= high, passes, tested };
        }
        passes += 1;
        tested += undecided.len() as u64;
        tries.clear();
        tries.extend(undecided.iter().map(|u| needed(u.user as usize, middle)));
        let total = settled + tries.iter().map(|units| u64::from(*units)).sum::<u64>();
        let is_within_reach = total <= u64::from(beta);
        if is_within_reach {
            high = middle
        } else {
            low = middle
        }
        settled += settle(&mut undecided, &tries, is_within_reach);
    }
}

/// The ends of the bracket as values that exist: the least above `low`, and the largest up to `high`.
fn snapped(latencies: &Latencies, undecided: &[Undecided], low: f64, high: f64) -> (f64, f64) {
    let worst = undecided.iter().map(|u| latencies.best(u.user as usize, u.at_high)).fold(low, f64::max);
    let next = undecided.iter().map(|u| latencies.best(u.user as usize, u.at_low - 1)).fold(f64::INFINITY, f64::min);
    (next, high.min(worst))
}

/// Moves one end of the bracket to the units tried. Users whose ends meet leave the list; the answer is their units.
fn settle(undecided: &mut Vec<Undecided>, tries: &[u32], is_high_end: bool) -> u64 {
    let (mut kept, mut settled) = (0, 0);
    for (at, units) in tries.iter().enumerate() {
        let mut user = undecided[at];
        if is_high_end {
            user.at_high = *units
        } else {
            user.at_low = *units
        }
        if user.at_low == user.at_high {
            settled += u64::from(user.at_low);
        } else {
            undecided[kept] = user;
            kept += 1;
        }
    }
    undecided.truncate(kept);
    settled
}
