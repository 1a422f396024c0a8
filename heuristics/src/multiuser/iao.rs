//! IAO, Iterative Alternating Optimization: units move from users that can spare them to the user with the largest latency.
//!
//! After Tang et al. (2020), reconstructed. The paper alternates between cuts for given units and units for given cuts; with the best
//! cut folded into T_i*(f) a step is:
//!
//! 1. take a worst user i, and let V be its latency;
//! 2. among the users who have tau units and stay strictly below V after giving them, take the one who is best off *after* giving;
//! 3. it gives tau units to i; stop if there is no such user.
//!
//! **With tau = 1 the result is optimal for `max`.** (The abstract says so of the paper's IAO; the proof is Offcut's, of these steps.) If V > OPT, compare with an optimal allocation f*: user i has fewer units than
//! f*_i, so some j has more than f*_j, and T_j*(f_j - 1) <= T_j*(f*_j) <= OPT < V: step 2 finds somebody. Whoever received would be
//! back at its old V or above after giving, and V never rises, so a receiver never gives: at most beta moves.
//!
//! Two other readings are not optimal, which tests show: choosing the donor by its *current* latency, and
//! stopping when the maximum does not strictly fall.
//!
//! `iao-ds` does the same with tau = p^q, ..., p, 1, each stage from the last one's allocation: far fewer moves, and optimal because
//! its last stage is. An addition of Offcut's: if not even all units bring user i below V, V is optimal and the search ends; otherwise
//! such a user would collect everybody's units one by one for nothing.
//!
//! Two heaps make a move O(log n): users by latency, and users by latency after giving. Entries are not updated but left behind; one
//! is valid if it agrees with the current state.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Instant;

use offcut_instances::multiuser::{Instance, Multiuser, Objective};
use offcut_instances::problem::{Algorithm, Answer, Budget, Parameter, ParameterRange, Setting, Stop, Trace};
use offcut_instances::random::Stream;

use super::estimate::estimated;
use super::latency::Latencies;

/// How often the clock is looked at: every this many moves.
const MOVES_PER_LOOK: u64 = 1 << 12;

/// Where IAO starts from.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Start {
    EqualSplit,
    Random,
}

/// IAO in its variants.
#[derive(Clone, Copy, Debug)]
pub(super) struct Iao {
    id: &'static str,
    about: &'static str,
    start: Start,
    /// p of the step sizes p^q, ..., p, 1; none means 1 alone.
    base: Option<u32>,
    /// Relative error of the estimated latencies.
    error: f64,
}

impl Iao {
    pub(super) fn plain() -> Self {
        Self {
            id: "iao",
            about: "IAO with one-unit moves from an equal split; optimal for max (Offcut's proof)",
            start: Start::EqualSplit,
            base: None,
            error: 0.0,
        }
    }

    pub(super) fn decreasing_steps() -> Self {
        Self {
            id: "iao-ds",
            about: "IAO with decreasing step sizes; optimal for max (Offcut's proof), far fewer moves",
            base: Some(2),
            ..Self::plain()
        }
    }

    pub(super) fn random_start() -> Self {
        Self {
            id: "iao-random",
            about: "IAO with one-unit moves from a random allocation; optimal for max (Offcut's proof)",
            start: Start::Random,
            ..Self::plain()
        }
    }
}

impl Algorithm<Multiuser> for Iao {
    fn id(&self) -> &str {
        self.id
    }

    fn about(&self) -> &str {
        self.about
    }

    fn is_random(&self) -> bool {
        self.start == Start::Random || self.error > 0.0
    }

    fn parameters(&self) -> Vec<Parameter> {
        let error = Parameter {
            name: "error",
            default: 0.0,
            range: ParameterRange::reals(0.0, 0.999),
            about: "relative error e of the latencies it works with: at most (1+e)/(1-e) times the optimum",
        };
        let base = Parameter {
            name: "base",
            default: 2.0,
            range: ParameterRange::integers(2.0, 1e6),
            about: "p of the step sizes p^q, ..., p, 1",
        };
        if self.base.is_some() { vec![base, error] } else { vec![error] }
    }

    fn set(&mut self, setting: &Setting) {
        match setting.name() {
            "error" => self.error = setting.value(),
            "base" => self.base = Some(setting.integer()),
            _ => setting.panic_undeclared(),
        }
    }

    fn solve(&self, instance: &Instance, budget: &Budget) -> Answer<Multiuser> {
        if instance.objective == Objective::Sum {
            return Answer::declined("this method minimises the maximum latency, not the sum");
        }
        let began = Instant::now();
        if self.error == 0.0 {
            return self.run(instance, &Latencies::new(instance), began, budget);
        }
        // The method sees the estimates; the objective value is computed with the true latencies.
        let estimates = estimated(instance, self.error, budget.seed);
        let mut answer = self.run(&estimates, &Latencies::new(&estimates), began, budget);
        if let Some(claim) = &mut answer.found {
            claim.objective = Latencies::new(instance).objective(&claim.solution);
        }
        answer
    }
}

impl Iao {
    fn run(&self, instance: &Instance, latencies: &Latencies, began: Instant, budget: &Budget) -> Answer<Multiuser> {
        let beta = instance.server.units;
        let mut units = match self.start {
            Start::EqualSplit => equal_split(latencies.users(), beta),
            Start::Random => random_split(latencies.users(), beta, budget.seed),
        };
        let mut moves = 0;
        let mut stages = 0;
        let mut stop = Stop::Completed;
        for tau in step_sizes(self.base, units.iter().copied().max().unwrap_or(0)) {
            let latency = |user: usize, units: u32| latencies.best(user, units);
            let done = iterate(latency, beta, tau, &mut units, |_| budget.is_spent(began));
            moves += done.count;
            stages += 1;
            match done.halt {
                Halt::NoDonor => {}
                Halt::Optimal => break,
                Halt::Interrupted => {
                    stop = Stop::TimeLimit;
                    break;
                }
            }
        }
        let solution = latencies.with_best_cuts(units);
        let objective = latencies.objective(&solution);
        let trace = Trace::counting([("moves", moves), ("stages", stages)]);
        Answer { stop, ..Answer::found(solution, objective).traced(trace) }
    }
}

/// The step sizes p^q, ..., p, 1 with p^q at most `largest`; 1 alone without a base.
fn step_sizes(base: Option<u32>, largest: u32) -> Vec<u32> {
    let Some(base) = base else { return vec![1] };
    let mut sizes = vec![1u32];
    while let Some(next) = sizes[sizes.len() - 1].checked_mul(base).filter(|next| *next <= largest) {
        sizes.push(next);
    }
    sizes.reverse();
    sizes
}

/// Everybody the same, the first few one more.
pub(super) fn equal_split(users: usize, units: u32) -> Vec<u32> {
    let users = u32::try_from(users).expect("fewer than 2^32 users");
    (0..users).map(|user| units / users + u32::from(user < units % users)).collect()
}

/// Every unit to a user drawn at random.
fn random_split(users: usize, units: u32, seed: u64) -> Vec<u32> {
    let mut stream = Stream::new(&["multiuser", "iao-random"], seed);
    let mut split = vec![0; users];
    for _ in 0..units {
        split[stream.below(users as u64) as usize] += 1;
    }
    split
}

/// How the moves of one step size ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moves {
    /// How many there were.
    pub count: u64,
    /// Why there were no more.
    pub halt: Halt,
}

/// Why there were no more moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Halt {
    /// Nobody can spare the units; with one-unit moves the allocation is optimal.
    NoDonor,
    /// Not even all units bring the worst user lower: the allocation is optimal.
    Optimal,
    /// The caller wanted an end.
    Interrupted,
}

/// IAO with one step size `tau` on latencies given as a function of user and units, non-increasing in the units and >= 0. Changes
/// `units`, whose sum is at most `beta` and stays the same.
///
/// ```
/// // Three users, three units; rows are latencies with 0, 1, 2, 3 units.
/// let t = [[6.0, 5.0, 3.0, 2.0], [7.0, 3.0, 2.0, 1.0], [9.0, 7.0, 5.0, 3.0]];
/// let mut units = vec![1, 1, 1];
/// offcut_heuristics::multiuser::iterate(|user, f| t[user][f as usize], 3, 1, &mut units, |_| false);
/// assert_eq!(units, [0, 1, 2]);  // worst latency 6, the optimum
/// ```
pub fn iterate(
    latency: impl Fn(usize, u32) -> f64,
    beta: u32,
    tau: u32,
    units: &mut [u32],
    mut interrupt: impl FnMut(u64) -> bool,
) -> Moves {
    let mut current: Vec<f64> = units.iter().enumerate().map(|(user, f)| latency(user, *f)).collect();
    // A user's latency after giving tau units; infinite if it cannot give, or must not any more.
    let mut after: Vec<f64> = units
        .iter()
        .enumerate()
        .map(|(user, f)| f.checked_sub(tau).map_or(f64::INFINITY, |left| latency(user, left)))
        .collect();
    let mut worst: BinaryHeap<(Bits, Reverse<u32>)> =
        current.iter().enumerate().map(|(user, latency)| (Bits::of(*latency), Reverse(user as u32))).collect();
    let mut donors: BinaryHeap<Reverse<(Bits, u32)>> = after
        .iter()
        .enumerate()
        .filter(|(_, after)| after.is_finite())
        .map(|(user, after)| Reverse((Bits::of(*after), user as u32)))
        .collect();

    let mut count = 0;
    loop {
        let Some((needy, v)) = valid_worst(&mut worst, &current) else {
            return Moves { count, halt: Halt::Optimal }; // nobody there
        };
        if latency(needy, beta) >= v {
            return Moves { count, halt: Halt::Optimal };
        }
        let Some(donor) = valid_donor(&mut donors, &after, v) else {
            return Moves { count, halt: Halt::NoDonor };
        };
        if count % MOVES_PER_LOOK == 0 && interrupt(count) {
            return Moves { count, halt: Halt::Interrupted };
        }
        units[donor] -= tau;
        current[donor] = after[donor];
        worst.push((Bits::of(current[donor]), Reverse(donor as u32)));
        after[donor] = match units[donor].checked_sub(tau) {
            Some(left) => {
                let next = latency(donor, left);
                donors.push(Reverse((Bits::of(next), donor as u32)));
                next
            }
            None => f64::INFINITY,
        };
        units[needy] += tau;
        current[needy] = latency(needy, units[needy]);
        worst.push((Bits::of(current[needy]), Reverse(needy as u32)));
        // Giving would bring it back to V or above.
        after[needy] = f64::INFINITY;
        count += 1;
    }
}

/// The worst user and its latency, after throwing away what is no longer true.
fn valid_worst(worst: &mut BinaryHeap<(Bits, Reverse<u32>)>, current: &[f64]) -> Option<(usize, f64)> {
    loop {
        let (latency, Reverse(user)) = *worst.peek()?;
        if latency == Bits::of(current[user as usize]) {
            return Some((user as usize, current[user as usize]));
        }
        worst.pop();
    }
}

/// The user who is best off after giving, taken out of the heap, if that is strictly below `v`.
fn valid_donor(donors: &mut BinaryHeap<Reverse<(Bits, u32)>>, after: &[f64], v: f64) -> Option<usize> {
    loop {
        let Reverse((latency, user)) = *donors.peek()?;
        let user = user as usize;
        if latency == Bits::of(after[user]) {
            if after[user] >= v {
                return None;
            }
            donors.pop();
            return Some(user);
        }
        donors.pop();
    }
}

/// A number >= 0 by its bits, which order as the numbers do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Bits(u64);

impl Bits {
    pub(super) fn of(value: f64) -> Self {
        debug_assert!(value >= 0.0);
        Self((value + 0.0).to_bits())
    }
}
