//! How good a network is on slots that nobody trains on: seeds of their own, the families at their default parameters,
//! and one larger system.

use ndarray::Array1;
use offcut_heuristics::lymdo::{Arena, Evaluation, Features, Network, policies};
use offcut_instances::lymdo::{Instance, Parameters, generate};
use offcut_instances::problem::Budget;
use offcut_instances::random::Stream;

use crate::systems::HELD_OUT;

/// Random cuts drawn for a slot.
const DRAWS: usize = 4;

/// A slot to be compared on.
struct Held {
    arena: Arena,
    seen: Features,
    /// What `alternating` makes of it.
    alternating: f64,
    random: f64,
}

/// Slots of one kind.
pub struct Field {
    /// Its name in the record.
    pub name: String,
    slots: Vec<Held>,
}

/// The fields, with so many slots each.
pub fn fields(slots: u64) -> Vec<Field> {
    let defaults = Parameters::default();
    let many = Parameters { users: 20, bandwidth_hz: 4e7, edge_macs_per_s: 2e12, ..Parameters::default() };
    let scarce = Parameters { bandwidth_hz: 4e6, edge_macs_per_s: 5e10, ..Parameters::default() };
    let named = ["rayleigh", "markov", "bursty", "tight", "steady", "synthetic"]
        .map(|family| (family.to_owned(), family, &defaults));
    let more =
        [("rayleigh, 20 users".to_owned(), "rayleigh", &many), ("rayleigh, scarce".to_owned(), "rayleigh", &scarce)];
    named
        .into_iter()
        .chain(more)
        .map(|(name, family, parameters)| Field::new(name, family, parameters, slots))
        .collect()
}

impl Field {
    fn new(name: String, family: &str, parameters: &Parameters, slots: u64) -> Self {
        let alternating = policies().into_iter().find(|policy| policy.id() == "alternating").expect("a policy");
        let mut stream = Stream::new(&["lymdo", "evaluation", "random"], 0);
        let held = |seed: u64| {
            let slot: Instance = generate(family, parameters, HELD_OUT + seed).expect("defaults are legal");
            let arena = Arena::new(&slot, None).ok()?;
            let cuts = alternating.begin(&Budget::default()).decide(&slot).ok()?.cuts;
            let mut random = 0.0;
            for _ in 0..DRAWS {
                let cut = |user: &offcut_instances::lymdo::User| {
                    stream.below(slot.models[user.model as usize].cut_bytes.len() as u64) as u32
                };
                let cuts: Vec<u32> = slot.users.iter().map(cut).collect();
                random += arena.play(&cuts).ok()?.value / DRAWS as f64;
            }
            let seen = arena.features();
            Some(Held { alternating: arena.value(&cuts)?, random, seen, arena })
        };
        Self { name, slots: (0..slots).filter_map(held).collect() }
    }

    /// Mean over slots of how much dearer than `alternating` something is, relative.
    fn dearer(&self, value: impl Fn(&Held) -> f64) -> f64 {
        self.slots.iter().map(|held| value(held) / held.alternating - 1.0).sum::<f64>() / self.slots.len() as f64
    }

    /// How much dearer than `alternating` a network's cuts are.
    pub fn of_network(&self, network: &Network) -> f64 {
        self.dearer(|held| {
            let scores: Array1<f32> = network.scores(held.seen.rows.view());
            let cuts = held.seen.best_cuts(scores.view());
            held.arena.play(&cuts).map_or(f64::INFINITY, |play| play.value)
        })
    }

    /// Everything for the record.
    pub fn evaluation(&self, trained: &Network, untrained: &Network) -> Evaluation {
        Evaluation {
            family: self.name.clone(),
            slots: self.slots.len() as u64,
            trained: self.of_network(trained),
            untrained: self.of_network(untrained),
            reference: self.dearer(|held| held.arena.reference().1),
            random: self.dearer(|held| held.random),
        }
    }
}
