//! `dp`: dynamic program over units, `sum` solved exactly.
//!
//! ```text
//! V_i(b) = min over options (f, T) of user i with f <= b of V_{i-1}(b - f) + T,   V_0 = 0
//! ```
//!
//! Options are the unit counts at which T_i*(f) strictly falls. One number per unit is kept for the values and one per user and unit for
//! walking back. A value found by dynamic programming cannot be replayed without running it again, so the bound handed over is the
//! best price bound; where that leaves a gap, `branch` closes it.

use std::time::Instant;

use offcut_instances::multiuser::{Instance, Multiuser, Objective};
use offcut_instances::problem::{Algorithm, Answer, Budget, Stop, Trace};

use super::bound;
use super::classes::Classes;
use super::model::Latencies;

/// Memory for walking back that is used without being told a limit.
const MEMORY_BYTES: u64 = 2 << 30;

/// The dynamic program.
#[derive(Clone, Copy, Debug)]
pub(super) struct Dp;

impl Algorithm<Multiuser> for Dp {
    fn id(&self) -> &str {
        "dp"
    }

    fn about(&self) -> &str {
        "dynamic program over units (sum: exact; bound by one price, certified)"
    }

    fn solve(&self, instance: &Instance, budget: &Budget) -> Answer<Multiuser> {
        if instance.objective == Objective::Max {
            return Answer::declined("the dynamic program minimises the sum; threshold minimises the maximum");
        }
        let began = Instant::now();
        let latencies = Latencies::new(instance);
        let width = latencies.units() as usize + 1;
        let needed = (latencies.users() as u64).saturating_mul(4 * width as u64);
        let allowed = budget.memory_bytes.unwrap_or(MEMORY_BYTES).min(MEMORY_BYTES);
        if needed > allowed {
            return Answer::declined(format!("the table for backtracking takes {needed} bytes; {allowed} are allowed"));
        }
        let mut values = vec![0.0; width];
        let mut next = vec![0.0; width];
        let mut taken = vec![0u32; latencies.users() * width];
        let mut options_seen = 0;
        for (user, taken) in taken.chunks_exact_mut(width).enumerate() {
            let options = latencies.falls(user, f64::NEG_INFINITY, width).expect("no more falls than units");
            options_seen += options.len() as u64;
            if budget.is_spent(began) {
                return Answer::nothing(Stop::TimeLimit);
            }
            for left in 0..width {
                let mut best = (f64::INFINITY, 0);
                for (units, latency) in options.iter().take_while(|(units, _)| *units as usize <= left) {
                    let value = values[left - *units as usize] + latency;
                    if value < best.0 {
                        best = (value, *units);
                    }
                }
                (next[left], taken[left]) = best;
            }
            std::mem::swap(&mut values, &mut next);
        }
        let mut left = width - 1;
        let mut units = vec![0; latencies.users()];
        for user in (0..latencies.users()).rev() {
            units[user] = taken[user * width + left];
            left -= units[user] as usize;
        }
        let objective = latencies.objective(&units);
        let bound = bound::best_price(&latencies, &Classes::new(instance), &[], || budget.is_spent(began));
        let (value, certificate) = bound.certificate();
        Answer::found(latencies.with_best_cuts(units), objective)
            .certified(value, certificate)
            .traced(Trace::counting([("options", options_seen)]))
    }
}
