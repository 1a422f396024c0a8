//! The LP relaxation, rounded.
//!
//! After Shmoys, Tardos, "An approximation algorithm for the generalized assignment problem", 1993, for profits instead of costs and
//! with capacities kept.
//!
//! A vertex of the relaxation `sum_j x_ij <= 1, sum_i k_ij x_ij <= C_j` has at most as many values strictly between 0 and 1 as there are full
//! rows that hold them. In the graph of those values between requests and cloudlets, every part of r requests and c cloudlets is connected by at
//! most r + c of them, so it is a tree with at most one edge more, and its split requests can be matched to cloudlets of their own.
//!
//! 1. Requests served entirely by one cloudlet stay there.
//! 2. Split requests are matched to different cloudlets, one each.
//! 3. Every cloudlet keeps the larger profit: its whole requests, with as many split ones as still fit, or its matched one alone.
//! 4. Requests that still fit are added.
//!
//! **Theorem** (Offcut's, of this rounding; the paper's abstract names no factor). At least 1/2 of the LP bound: whole and matched requests together have at least the profit of the LP, and each cloudlet keeps the
//! better half. With unit profits at most one request a cloudlet is lost, so at least the LP bound less the number of cloudlets.

use std::time::Instant;

use microlp::{ComparisonOp, OptimizationDirection, Problem, Variable};
use offcut_instances::problem::{Algorithm, Answer, Budget};
use offcut_instances::throughput::{Instance, Throughput};

use super::admission::Admission;
use super::threads::Threads;

/// Above this many variables the simplex method here takes more than some seconds.
const MAX_VARIABLES: usize = 20_000;

/// A value this near to 0 or 1 is 0 or 1.
const WHOLE: f64 = 1e-6;

/// The LP relaxation, rounded.
#[derive(Clone, Copy, Debug)]
pub(super) struct LpRounding;

impl Algorithm<Throughput> for LpRounding {
    fn id(&self) -> &str {
        "lp-rounding"
    }

    fn about(&self) -> &str {
        "vertex of the LP relaxation, split requests matched to cloudlets (Offcut's proof: at least 1/2 of the LP; unit: LP less a request a cloudlet)"
    }

    fn solve(&self, instance: &Instance, budget: &Budget) -> Answer<Throughput> {
        let began = Instant::now();
        let threads = Threads::new(instance);
        let open: Vec<usize> = (0..threads.requests()).filter(|i| !threads.is_local[*i]).collect();
        let variables: usize = open.iter().map(|i| threads.options(*i).count()).sum();
        if variables > MAX_VARIABLES {
            return Answer::declined(format!("the relaxation would have more than {MAX_VARIABLES} variables"));
        }
        let shares = match relaxation(&threads, &open, budget, began) {
            Ok(shares) => shares,
            Err(words) => return Answer::failed(words),
        };
        round(&threads, &shares).answer(&threads)
    }
}

/// A request's share on a cloudlet, above 0.
#[derive(Clone, Copy, Debug)]
pub(super) struct Share {
    pub(super) request: usize,
    pub(super) cloudlet: usize,
    pub(super) threads: u32,
    pub(super) value: f64,
}

/// A vertex of the relaxation.
fn relaxation(threads: &Threads, open: &[usize], budget: &Budget, began: Instant) -> Result<Vec<Share>, String> {
    let mut problem = Problem::new(OptimizationDirection::Maximize);
    let mut columns: Vec<(Share, Variable)> = Vec::new();
    let mut loads: Vec<Vec<(Variable, f64)>> = vec![Vec::new(); threads.cloudlets()];
    for i in open {
        let mut once = Vec::new();
        for (j, k) in threads.options(*i) {
            let x = problem.add_var(threads.instance.requests[*i].profit, (0.0, f64::INFINITY));
            once.push((x, 1.0));
            loads[j].push((x, f64::from(k)));
            columns.push((Share { request: *i, cloudlet: j, threads: k, value: 0.0 }, x));
        }
        if !once.is_empty() {
            problem.add_constraint(&once[..], ComparisonOp::Le, 1.0);
        }
    }
    if columns.is_empty() {
        return Ok(Vec::new());
    }
    for (load, cloudlet) in loads.iter().zip(&threads.instance.cloudlets).filter(|(load, _)| !load.is_empty()) {
        problem.add_constraint(&load[..], ComparisonOp::Le, f64::from(cloudlet.threads));
    }
    if let Some(time_s) = budget.time_s {
        let left = (time_s - began.elapsed().as_secs_f64()).max(0.0);
        problem.set_time_limit(std::time::Duration::from_secs_f64(left));
    }
    let solution = problem.solve().map_err(|error| format!("the relaxation was not solved: {error}"))?;
    let share = |(share, x): &(Share, Variable)| Share { value: solution.var_value(*x), ..*share };
    Ok(columns.iter().map(share).filter(|share| share.value > WHOLE).collect())
}

/// Steps 1 to 4.
pub(super) fn round(threads: &Threads, shares: &[Share]) -> Admission {
    let mut admission = Admission::empty(threads);
    // 1. Whole requests.
    let (whole, split): (Vec<Share>, Vec<Share>) = shares.iter().partition(|share| share.value >= 1.0 - WHOLE);
    let mut on: Vec<Vec<Share>> = vec![Vec::new(); threads.cloudlets()];
    for share in whole {
        // A vertex's rounding errors are far below one thread, but every capacity is checked.
        if admission.try_serving(share.request, share.cloudlet, share.threads) {
            on[share.cloudlet].push(share);
        }
    }
    // 2. One split request each, and 3. the better half.
    for share in matched(&split, threads.cloudlets()).into_iter().flatten() {
        let (i, j, k) = (share.request, share.cloudlet, share.threads);
        if admission.served[i].is_some() || admission.try_serving(i, j, k) {
            continue;
        }
        let profit = |i: usize| threads.instance.requests[i].profit;
        let there: f64 = on[j].iter().map(|other| profit(other.request)).sum();
        if profit(i) > there {
            for other in on[j].drain(..) {
                admission.served[other.request] = None;
                admission.left[j] += other.threads;
            }
            admission.try_serving(i, j, k);
        }
    }
    // 4. Whoever fits.
    admission.fill(threads);
    admission
}

/// For every cloudlet a split request of its own, as many as possible: augmenting paths.
fn matched(split: &[Share], cloudlets: usize) -> Vec<Option<Share>> {
    let mut requests: Vec<usize> = split.iter().map(|share| share.request).collect();
    requests.dedup();
    let mut of: Vec<Option<Share>> = vec![None; cloudlets];
    for request in requests {
        let mut is_tried = vec![false; cloudlets];
        augment(split, request, &mut of, &mut is_tried);
    }
    of
}

fn augment(split: &[Share], request: usize, of: &mut [Option<Share>], is_tried: &mut [bool]) -> bool {
    for share in split.iter().filter(|share| share.request == request) {
        if std::mem::replace(&mut is_tried[share.cloudlet], true) {
            continue;
        }
        let is_free = match of[share.cloudlet] {
            None => true,
            Some(other) => augment(split, other.request, of, is_tried),
        };
        if is_free {
            of[share.cloudlet] = Some(*share);
            return true;
        }
    }
    false
}
