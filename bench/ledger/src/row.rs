//! One finished cell of a run.

use std::collections::BTreeMap;

use offcut_checker::{Interval, Proof, Tolerance, Verdict, Violation, best_certified, beyond};
use offcut_instances::problem::{Budget, Incumbent, Sense, Stop};
use serde::{Deserialize, Serialize};

/// What a row is about: running the same key again could only repeat it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Key {
    /// The instance's hash.
    pub instance: String,
    /// The method with its parameters, e.g. `iao-ds:base=2`.
    pub method: String,
    /// Time, memory, threads and seed.
    pub budget: Budget,
    /// Version of the code.
    pub code: String,
}

impl Key {
    /// The key as one line, the same for the same key.
    pub fn line(&self) -> String {
        serde_json::to_string(self).expect("a key is plain data")
    }
}

/// One finished cell.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// What was run.
    pub key: Key,
    /// The problem's name.
    pub problem: String,
    /// BLAKE3 of the answer that was checked, in hexadecimal, see [`crate::evidence`]; none in rows that were written before they had it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer_hash: Option<String>,
    /// The instance's name, family, generator seed and parameters, for tables.
    pub instance: InstanceLabel,
    /// The outcome.
    pub status: Status,
    /// Why the algorithm stopped, in its own words.
    pub stop: Stop,
    /// The objective the algorithm claimed.
    pub claimed_objective: Option<f64>,
    /// The objective the checker computed.
    pub checked_objective: Option<Interval>,
    /// What else the checker measured of the solution, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub measures: BTreeMap<String, f64>,
    /// What became of the bound it claimed.
    pub proof: Proof,
    /// What became of the bound with a certificate that it claimed beside it; [`Proof::Nothing`] if there is none.
    #[serde(default = "nothing", skip_serializing_if = "Proof::is_nothing")]
    pub certified: Proof,
    /// What the checker found wrong with the solution and its objective.
    pub violations: Vec<Violation>,
    /// Seconds, by phase.
    pub times: Times,
    /// Commit of the program and processor it ran on, on a cluster the node and the processors it was bound to: a run may be continued elsewhere.
    #[serde(default)]
    pub made_on: String,
    /// Peak memory of the cell in bytes, where it was measured.
    pub peak_memory_bytes: Option<u64>,
    /// What its process took, seen from outside, if it had one of its own.
    #[serde(default)]
    pub process: Option<ProcessFacts>,
    /// The algorithm's own counts.
    pub counts: BTreeMap<String, u64>,
    /// The algorithm's improving objectives over time, those that count, see [`crate::history`].
    pub incumbents: Vec<Incumbent>,
    /// Why the answer's history was rejected, if it was: the row then has no incumbents, and no anytime curve.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub history_rejected: Option<String>,
    /// The algorithm's own courses of its run, by name: for figures only.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub series: BTreeMap<String, Vec<(f64, f64)>>,
}

/// What became of a bound that was not claimed.
fn nothing() -> Proof {
    Proof::Nothing
}

impl Row {
    /// What became of its bounds.
    pub fn proofs(&self) -> [&Proof; 2] {
        [&self.proof, &self.certified]
    }

    /// The best bound of its own that a replayed certificate proves; none if it has none.
    pub fn certified_bound(&self, sense: Sense) -> Option<f64> {
        best_certified(sense, self.proofs())
    }

    /// Whether it claims a bound, or a proof that there is no solution.
    pub fn claims_bound(&self) -> bool {
        self.proofs().iter().any(|proof| !proof.is_nothing())
    }

    /// Whether it has a replayed certificate of its own: of a bound, or that there is no solution.
    pub fn is_certified(&self) -> bool {
        self.proofs().iter().any(|proof| matches!(proof, Proof::Certified { .. } | Proof::Infeasible))
    }

    /// The node of a cluster that it was made on, if it was made on one.
    pub fn node(&self) -> Option<&str> {
        let (_, place) = self.made_on.rsplit_once("; node ")?;
        place.split_once(", CPUs").map(|(node, _)| node)
    }

    /// The same row with the status that it has today: rows written before `nothing-found` was told apart from `time` say the latter.
    #[must_use]
    pub(crate) fn with_status_of_today(mut self) -> Self {
        if self.status == Status::Time && self.stop == Stop::Completed {
            self.status = Status::NothingFound;
        }
        self
    }
}

/// What a cell's process took, from its start to its end: starting, reading the instance, solving, writing the answer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ProcessFacts {
    /// How it ended, e.g. `exit code 0` or `ended after its time and the grace period`.
    pub ended: String,
    /// Wall-clock seconds.
    pub wall_s: f64,
    /// CPU seconds.
    pub cpu_s: f64,
    /// The most memory it had at once, in bytes.
    pub peak_memory_bytes: u64,
    /// Seconds from its start until it said that it had read the instance, if it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ready_s: Option<f64>,
    /// Whether its CPU seconds exceed the threads of the budget times its wall-clock seconds.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub exceeds_threads: bool,
    /// What kept it to itself, by words such as `cgroup-memory`; none in rows of before there were any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub isolation: Vec<String>,
    /// Processes that it left behind and that were ended, by name, and how many of each.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub orphans: BTreeMap<String, u64>,
}

impl ProcessFacts {
    /// Whether these facts show more CPU seconds than so many threads have: 5 % and 0.1 s above threads x wall-clock seconds.
    pub fn shows_more_than(&self, threads: u32) -> bool {
        self.cpu_s > 1.05 * f64::from(threads) * self.wall_s + 0.1
    }
}

/// What tables call an instance.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct InstanceLabel {
    /// Its name.
    pub name: String,
    /// Its family.
    pub family: String,
    /// Which of a problem's objectives or settings it asks for, where there are several, e.g. `sum`; empty otherwise. Tables over a
    /// whole run keep variants apart: a method may be exact for one and not take another.
    #[serde(default)]
    pub variant: String,
    /// The generator's seed.
    pub seed: u64,
    /// The generator's parameters.
    pub parameters: BTreeMap<String, f64>,
    /// Those that a suite sets and that are no numbers, as JSON or text, e.g. `work` is `seconds`. The instance does not carry them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub settings: BTreeMap<String, String>,
}

/// Seconds spent on a cell, by phase.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Times {
    /// Wall-clock seconds building a model, as the algorithm reported; part of `solve_s`.
    pub build_s: Option<f64>,
    /// Wall-clock seconds in the algorithm, measured from outside.
    pub solve_s: f64,
    /// CPU seconds in the algorithm, where they were measured.
    pub solve_cpu_s: Option<f64>,
    /// Wall-clock seconds in the checker.
    pub check_s: f64,
}

/// The outcome of a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// The checker rejects the answer.
    Wrong,
    /// It gave no answer: not JSON, not a number, or nothing at all.
    Invalid,
    /// The method broke.
    Crash,
    /// It ran out of memory.
    Memory,
    /// Its time limit ended it with nothing found.
    Time,
    /// It ended by itself with nothing found.
    NothingFound,
    /// It says that no solution exists, and that is all there is.
    InfeasibleClaimed,
    /// It looked for a bound only, and has one; no solution, and none missed.
    Bounded,
    /// A checked solution, with nothing proved about how good it is.
    Feasible,
    /// A solver-reported bound (unchecked) meets the checked objective.
    OptimalClaimed,
    /// A replayed bound meets the checked objective.
    OptimalCertified,
    /// A replayed certificate proves that no solution exists.
    InfeasibleCertified,
    /// The method does not take this instance, and says why.
    Declined,
}

impl Status {
    /// The outcome of an answer that stopped for `stop` and was checked by `verdict`.
    pub fn of(stop: &Stop, verdict: &Verdict, tolerance: &Tolerance) -> Self {
        Self::follows(verdict.sense(), stop, verdict.objective(), verdict.violations(), verdict.proofs(), tolerance)
    }

    /// The outcome that follows from the parts of a verdict, as rows keep them.
    pub fn follows(
        sense: Sense,
        stop: &Stop,
        objective: Option<Interval>,
        violations: &[Violation],
        proofs: [&Proof; 2],
        tolerance: &Tolerance,
    ) -> Self {
        if !violations.is_empty() || proofs.iter().any(|proof| matches!(proof, Proof::Rejected { .. })) {
            return Self::Wrong;
        }
        match stop {
            Stop::Failed(_) => return Self::Crash,
            Stop::Invalid(_) => return Self::Invalid,
            Stop::MemoryLimit => return Self::Memory,
            Stop::Declined(_) => return Self::Declined,
            _ if proofs.contains(&&Proof::Infeasible) => return Self::InfeasibleCertified,
            Stop::Infeasible => return Self::InfeasibleClaimed,
            Stop::Completed | Stop::TimeLimit => {}
        }
        let certified = best_certified(sense, proofs);
        let reported = proofs[0].solver_reported();
        let Some(objective) = objective else {
            let has_bound = certified.is_some() || reported.is_some();
            return match stop {
                Stop::Completed if has_bound => Self::Bounded,
                Stop::Completed => Self::NothingFound,
                _ => Self::Time,
            };
        };
        let meets = |bound: Option<f64>, relative: f64| {
            bound.is_some_and(|bound| short_of(sense, objective, bound) <= relative)
        };
        match () {
            () if meets(certified, tolerance.gap_relative) => Self::OptimalCertified,
            () if meets(reported, tolerance.word_relative) => Self::OptimalClaimed,
            () => Self::Feasible,
        }
    }

    /// Whether a row with this status has neither a result nor a reason not to have one: it was rejected, it failed, or it found nothing.
    pub fn is_failure(self) -> bool {
        matches!(self, Self::Wrong | Self::Invalid | Self::Crash | Self::Memory | Self::Time | Self::NothingFound)
    }

    /// The name in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Wrong => "wrong",
            Self::Invalid => "invalid",
            Self::Crash => "crash",
            Self::Memory => "memory",
            Self::Time => "time",
            Self::NothingFound => "nothing-found",
            Self::InfeasibleClaimed => "infeasible-claimed",
            Self::Bounded => "bounded",
            Self::Feasible => "feasible",
            Self::OptimalClaimed => "optimal-claimed",
            Self::OptimalCertified => "optimal-certified",
            Self::InfeasibleCertified => "infeasible-certified",
            Self::Declined => "declined",
        }
    }
}

/// How far a bound stays behind an objective, relative to the bound and at worst; 0 if it meets it.
pub fn short_of(sense: Sense, objective: Interval, bound: f64) -> f64 {
    let worst = match sense {
        Sense::Minimise => objective.high(),
        Sense::Maximise => objective.low(),
    };
    if worst == bound { 0.0 } else { beyond(sense, worst, Interval::point(bound)) }
}
