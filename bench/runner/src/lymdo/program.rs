//! A policy that is a program in any language, asked slot by slot.
//!
//! It is told once what stays as it is, then every slot's state, and answers each with a decision; the lines are in
//! [`offcut_instances::lymdo`]. To cuts alone it gets what Offcut's own learned policy gets to its cuts: repair if they cannot be kept stable, and the
//! best resources. The roll-out, the queues and the energies are the runner's.
//!
//! It is shown nothing of what comes. That is no wall against a program that goes looking for the instance's file.

use std::time::Instant;

use offcut_heuristics::lymdo::Arena;
use offcut_instances::document::{Kind, schema, to_bytes};
use offcut_instances::lymdo::{Allocation, Decide, Decision, Instance, Lymdo, Prices, State, System};
use offcut_instances::problem::{Answer, Budget, Problem, Stop};
use schemars::schema_for;
use serde_json::Value;

use super::roll_out::roll_out;
use crate::adapter::RollOut;
use crate::dialogue::{Dialogue, beginning_of};

/// How such a program is asked.
pub(super) const ROLL_OUT: RollOut<Lymdo> =
    RollOut { system, longest_line, answer, short_horizon: ("slots", 20), schemas };

fn system(instance: &Instance) -> Vec<u8> {
    to_bytes(Kind::System, Lymdo::NAME, Lymdo::VERSION, &System::of(instance))
}

/// A decision has four numbers a user; written with any care they take half of this.
fn longest_line(instance: &Instance) -> u64 {
    (1 << 20) + 256 * instance.users.len() as u64
}

fn answer(dialogue: &mut Dialogue, instance: &Instance, budget: &Budget) -> Answer<Lymdo> {
    roll_out(instance, budget, Instant::now(), &mut Program { dialogue, slot: 0, prices: None, repaired: 0 })
}

fn schemas() -> Vec<(&'static str, Value)> {
    let plain = |schema: schemars::Schema, title: &str| {
        let mut schema = serde_json::to_value(schema).expect("a schema is JSON");
        schema["title"] = format!("Offcut {} {title}", Lymdo::NAME).into();
        schema
    };
    vec![
        ("system", schema::<System>(Lymdo::NAME, Lymdo::VERSION, Kind::System)),
        ("state", plain(schema_for!(State), "state")),
        ("decision", plain(schema_for!(Decision), "decision")),
    ]
}

/// A program on its way through a horizon.
struct Program<'a> {
    dialogue: &'a mut Dialogue,
    /// The slot that is shown next.
    slot: u64,
    /// Those of the slot before, near which the next ones are looked for.
    prices: Option<Prices>,
    /// Slots whose cuts could not be kept stable.
    repaired: u64,
}

impl Decide for Program<'_> {
    fn decide(&mut self, slot: &Instance) -> Result<Allocation, Stop> {
        let state = serde_json::to_vec(&State::of(self.slot, slot)).expect("plain data");
        self.slot += 1;
        let line = self.dialogue.ask(&state).map_err(|no_reply| Stop::Failed(no_reply.to_string()))?;
        let decided = decision(&line, slot).map_err(|why| {
            Stop::Invalid(format!("what it said is not a decision: {why}; it said '{}'", beginning_of(&line)))
        })?;
        match decided {
            ProgramDecision::Cuts(cuts) => self.with_best_resources(slot, &cuts),
            ProgramDecision::All(allocation) => Ok(allocation),
            ProgramDecision::Stop(stop) => Err(stop),
        }
    }

    fn counts(&self) -> Vec<(&'static str, u64)> {
        vec![("slots_repaired", self.repaired)]
    }
}

impl Program<'_> {
    /// As Offcut's learned policy does it.
    fn with_best_resources(&mut self, slot: &Instance, cuts: &[u32]) -> Result<Allocation, Stop> {
        let arena = Arena::new(slot, self.prices)?;
        let play = arena.play(cuts)?;
        self.prices = Some(arena.prices());
        self.repaired += u64::from(play.allocation.cuts != cuts);
        Ok(play.allocation)
    }
}

/// What a decision comes to.
#[derive(Debug, PartialEq)]
enum ProgramDecision {
    Cuts(Vec<u32>),
    All(Allocation),
    Stop(Stop),
}

/// What a line means, or why it means nothing. Whether an allocation is any good is the checker's business.
fn decision(line: &[u8], slot: &Instance) -> Result<ProgramDecision, String> {
    let decision: Decision = serde_json::from_slice(line).map_err(|error| error.to_string())?;
    let Decision { cuts, local_macs_per_s, bandwidth_hz, edge_macs_per_s, stop } = decision;
    match (cuts, local_macs_per_s, bandwidth_hz, edge_macs_per_s, stop) {
        (None, None, None, None, Some(stop)) => Ok(ProgramDecision::Stop(stop)),
        (Some(cuts), None, None, None, None) => check_cuts(&cuts, slot).map(|()| ProgramDecision::Cuts(cuts)),
        (Some(cuts), Some(local_macs_per_s), Some(bandwidth_hz), Some(edge_macs_per_s), None) => {
            Ok(ProgramDecision::All(Allocation { cuts, local_macs_per_s, bandwidth_hz, edge_macs_per_s }))
        }
        _ => Err("give cuts, or cuts, local_macs_per_s, bandwidth_hz and edge_macs_per_s, or stop".into()),
    }
}

/// Rejects cuts that resources cannot be looked for.
fn check_cuts(cuts: &[u32], slot: &Instance) -> Result<(), String> {
    let users = slot.users.len();
    if cuts.len() != users {
        return Err(format!("{} cuts for {users} users", cuts.len()));
    }
    for (n, (cut, user)) in cuts.iter().zip(&slot.users).enumerate() {
        let blocks = slot.models[user.model as usize].blocks();
        if *cut as usize > blocks {
            return Err(format!("cut {cut} of user {n} is beyond its {blocks} blocks"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use offcut_instances::lymdo::{Parameters, generate};

    use super::*;

    fn slot() -> Instance {
        generate("rayleigh", &Parameters { users: 2, slots: 1, ..Parameters::default() }, 1).expect("legal")
    }

    #[test]
    fn a_decision_is_cuts_or_everything_or_why_not() {
        let slot = slot();
        let decision = |line: &str| decision(line.as_bytes(), &slot);
        assert_eq!(decision(r#"{"cuts": [0, 1]}"#), Ok(ProgramDecision::Cuts(vec![0, 1])));
        assert_eq!(decision(r#"{"stop": "infeasible"}"#), Ok(ProgramDecision::Stop(Stop::Infeasible)));
        let all = r#"{"cuts": [0], "local_macs_per_s": [], "bandwidth_hz": [1e6], "edge_macs_per_s": [1e9]}"#;
        assert!(matches!(decision(all), Ok(ProgramDecision::All(_))), "shapes are the checker's business here");
        for (bad, words) in [
            ("hello", "expected value"),
            ("", "EOF"),
            ("{}", "give cuts"),
            (r#"{"cuts": [0, 0], "bandwidth_hz": [1e6, 1e6]}"#, "give cuts"),
            (r#"{"cuts": [0, 0], "stop": "infeasible"}"#, "give cuts"),
            (r#"{"cut": [0, 0]}"#, "unknown field"),
            (r#"{"cuts": [0.5, 0]}"#, "invalid type"),
            (r#"{"cuts": [-1, 0]}"#, "invalid value"),
            (r#"{"cuts": [NaN, 0]}"#, "expected"),
            (r#"{"cuts": [0]}"#, "1 cuts for 2 users"),
            (r#"{"cuts": [0, 99]}"#, "cut 99 of user 1 is beyond"),
        ] {
            let why = decision(bad).expect_err(bad);
            assert!(why.contains(words), "{bad}: {why}");
        }
    }

    #[test]
    fn nothing_of_what_comes_is_in_the_system() {
        let parameters = Parameters { users: 2, slots: 9, ..Parameters::default() };
        let one = generate("rayleigh", &parameters, 1).expect("legal");
        let mut other = Instance { slots: one.slots[3..5].to_vec(), ..one.clone() };
        other.origin = slot().origin;
        assert_ne!(one.origin, other.origin);
        assert_eq!(system(&one), system(&other));
    }
}
