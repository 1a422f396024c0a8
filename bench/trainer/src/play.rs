//! Roll-outs: observations, choices and rewards.
//!
//! In every slot a policy draws a cut for every user. Cuts are played with the best resources; then queues go on, Q <-
//! max(Q + E - budget, 0).
//!
//! **Reward.** The slot costs `V sum D + sum Q E`, for all users together. Paid to everybody, that would tell a user
//! little of its own cut. So user n is paid what its cut saves beside its reference cut, the others staying where they
//! are (a difference reward, Wolpert and Tumer 2002):
//!
//! ```text
//! reward_n = (cost with n's reference cut - cost) / (cost of the reference's cuts / users)
//! ```
//!
//! The first term does not depend on n's choice: in expectation the gradient is that of the slot's cost itself. Cuts
//! that had to be repaired pay a penalty.

use offcut_heuristics::lymdo::{Arena, Features};
use offcut_instances::lymdo::{Instance, Prices};
use offcut_instances::random::Stream;

/// Rewards are cut off here, both ways: a slot near instability costs any multiple.
const MAX_REWARD: f64 = 2.0;

/// What a user is paid whose cut was repaired, or who made the slot fail.
const REPAIRED: f64 = -1.0;

/// What a user is paid whose reference cut would not be stable now.
const RESCUED: f64 = 0.5;

/// A system on its way.
#[derive(Clone, Debug)]
pub struct ObjectiveHistory {
    instance: Instance,
    /// Which slot is next.
    at: usize,
    prices: Option<Prices>,
}

/// One user's choice in one slot.
#[derive(Clone, Debug)]
pub struct Choice {
    /// What was seen of its cuts, one row after another. Shape (cuts, width).
    pub rows: Vec<f32>,
    /// Which of them could be chosen.
    pub is_open: Vec<bool>,
    /// What was seen of itself. Shape (user width,).
    pub of_user: Vec<f32>,
    /// The cut.
    pub cut: usize,
    /// ln of the probability it had.
    pub log_probability: f32,
    /// What the critic expected.
    pub expected: f32,
    /// What it was paid.
    pub reward: f32,
}

impl ObjectiveHistory {
    /// From the first slot.
    pub fn new(instance: Instance) -> Self {
        Self { instance, at: 0, prices: None }
    }

    /// The next slot; none at the end, or where no cuts can be kept stable.
    pub fn arena(&mut self) -> Option<Arena> {
        let slot = self.instance.slots.get(self.at)?.clone();
        self.at += 1;
        let now = Instance { slots: vec![slot], ..self.instance.without_slots() };
        let arena = Arena::new(&now, self.prices).ok()?;
        self.prices = Some(arena.prices());
        Some(arena)
    }

    /// Plays cuts: everybody's reward, and the queues after it. Shape (users,).
    pub fn play(&mut self, arena: &Arena, cuts: &[u32]) -> Vec<f64> {
        let Ok(play) = arena.play(cuts) else { return vec![REPAIRED; cuts.len()] };
        for (user, energy_j) in self.instance.users.iter_mut().zip(&play.energies_j) {
            user.backlog_j = (user.backlog_j + energy_j - user.energy_budget_j_per_slot).max(0.0);
        }
        let (reference, reference_cost) = arena.reference();
        let unit = reference_cost / cuts.len() as f64;
        let played = &play.allocation.cuts;
        let reward = |n: usize| {
            if played[n] != cuts[n] {
                return REPAIRED;
            }
            if played[n] == reference[n] || unit <= 0.0 {
                return 0.0;
            }
            let mut other = played.clone();
            other[n] = reference[n];
            let saved = arena.value(&other).map(|value| (value - play.value) / unit);
            saved.map_or(RESCUED, |saved| saved.clamp(-MAX_REWARD, MAX_REWARD))
        };
        (0..cuts.len()).map(reward).collect()
    }
}

/// Choices of all users of a slot, before anything is drawn or paid.
pub fn choices(seen: &Features) -> Vec<Choice> {
    let choice = |(n, ends): (usize, &[usize])| Choice {
        rows: (ends[0]..ends[1]).flat_map(|row| seen.rows.row(row).to_vec()).collect(),
        is_open: seen.is_open[ends[0]..ends[1]].to_vec(),
        of_user: seen.of_user(n).to_vec(),
        cut: 0,
        log_probability: 0.0,
        expected: 0.0,
        reward: 0.0,
    };
    seen.begins.windows(2).enumerate().map(choice).collect()
}

/// A cut drawn from these log-probabilities.
pub fn drawn(log_probabilities: &[f32], is_open: &[bool], stream: &mut Stream) -> usize {
    let mut left = stream.unit();
    let mut last = 0;
    for (cut, log) in log_probabilities.iter().enumerate().filter(|(cut, _)| is_open[*cut]) {
        left -= f64::from(*log).exp();
        last = cut;
        if left < 0.0 {
            break;
        }
    }
    last
}
