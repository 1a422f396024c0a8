//! The loop: roll-outs, a round of gradient steps, now and then an evaluation; and what is kept of it.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use offcut_heuristics::lymdo::{Network, Trained, Training};
use offcut_instances::document::{InputError, hash};
use offcut_instances::lymdo::Lymdo;
use offcut_instances::random::Stream;

use crate::Error;
use crate::evaluate::{Field, fields};
use crate::play::{Choice, ObjectiveHistory, choices, drawn};
use crate::ppo::{Agent, EpochStatistics, Settings, advantages};
use crate::systems;

/// What a training is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Plan {
    /// Seed of everything random.
    pub seed: u64,
    /// Slots to play, at least.
    pub slots: u64,
    /// Systems side by side in a round.
    pub systems: usize,
    /// Slots of a system in a round.
    pub horizon: u32,
    /// Width of the hidden layers.
    pub width: usize,
    /// First learning rate; it falls to a twentieth.
    pub rate: f64,
    /// Rounds between evaluations.
    pub evaluate_every: u64,
    /// Slots of every field of an evaluation.
    pub evaluation_slots: u64,
    /// Of the rounds. The entropy's weight falls to nothing.
    pub ppo: Settings,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            seed: 1,
            slots: 120_000,
            systems: 32,
            horizon: 8,
            width: 64,
            rate: 1e-3,
            evaluate_every: 5,
            evaluation_slots: 100,
            ppo: Settings {
                discount: 0.0,
                trace: 0.95,
                clip: 0.2,
                entropy: 0.01,
                critic: 0.5,
                epochs: 4,
                batch: 256,
                gradient: 0.5,
            },
        }
    }
}

impl Plan {
    /// # Errors
    /// [`InputError`] naming the setting that is out of range.
    pub fn validate(&self) -> Result<(), InputError> {
        let input_error =
            |name: &str, what: String, remedy: &str| Err(InputError::at(format!("--{name}"), what, remedy));
        match *self {
            Self { slots: 0, .. } => input_error("steps", "is 0".into(), "give at least 1"),
            Self { width, .. } if !(1..=1024).contains(&width) => {
                input_error("width", format!("is {width}"), "give 1 to 1024")
            }
            Self { rate, .. } if !(rate > 0.0 && rate <= 1.0) => {
                input_error("rate", format!("is {rate}"), "give a number above 0, at most 1")
            }
            Self { ppo: Settings { entropy, .. }, .. } if !(0.0..=1.0).contains(&entropy) => {
                input_error("entropy", format!("is {entropy}"), "give a number from 0 to 1")
            }
            Self { ppo: Settings { discount, .. }, .. } if !(0.0..1.0).contains(&discount) => {
                input_error("discount", format!("is {discount}"), "give a number from 0, below 1")
            }
            _ => Ok(()),
        }
    }

    fn settings(&self) -> BTreeMap<String, f64> {
        let ppo = self.ppo;
        let settings = [
            ("systems", self.systems as f64),
            ("horizon", f64::from(self.horizon)),
            ("width", self.width as f64),
            ("rate", self.rate),
            ("discount", ppo.discount),
            ("trace", ppo.trace),
            ("clip", ppo.clip),
            ("entropy", ppo.entropy),
            ("critic", ppo.critic),
            ("epochs", ppo.epochs as f64),
            ("batch", ppo.batch as f64),
            ("gradient", ppo.gradient),
        ];
        settings.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }
}

/// A point of the learning curve.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// Slots played before this round.
    pub slots: u64,
    /// Mean reward of a choice in this round: what cuts save beside the reference's, in a user's mean cost.
    pub reward: f64,
    /// How much dearer than `alternating` the network was before this round, on average over all fields, where it was
    /// evaluated.
    pub dearer: Option<f64>,
    /// The round.
    pub statistics: EpochStatistics,
}

/// The curve as CSV; what was not evaluated is empty.
pub fn csv(curve: &[Point]) -> String {
    let mut text = String::from("slots,mean_reward,dearer_than_alternating,entropy,log_ratio,clipped,critic_error\n");
    for Point { slots, reward, dearer, statistics } in curve {
        let dearer = dearer.map_or(String::new(), |dearer| format!("{dearer:.6}"));
        let EpochStatistics { entropy, moved, clipped, critic } = statistics;
        writeln!(text, "{slots},{reward:.6},{dearer},{entropy:.5},{moved:.6},{clipped:.4},{critic:.6}")
            .expect("memory");
    }
    text
}

/// Trains a policy; `progress` gets the number of slots sampled so far, and the last evaluation.
///
/// # Errors
/// If the plan is not a good one, or candle has any.
pub fn train(plan: &Plan, mut progress: impl FnMut(u64, Option<f64>)) -> Result<(Trained, Vec<Point>), Error> {
    plan.validate()?;
    let mut agent = Agent::new(plan.width, &mut Stream::new(&["lymdo", "train", "weights"], plan.seed))?;
    let untrained = Network::new(&agent.actor.layers()?)?;
    let mut of_systems = Stream::new(&["lymdo", "train", "systems"], plan.seed);
    let mut of_cuts = Stream::new(&["lymdo", "train", "cuts"], plan.seed);
    let mut of_batches = Stream::new(&["lymdo", "train", "batches"], plan.seed);
    let fields = fields(plan.evaluation_slots);
    let mut instances = blake3::Hasher::new();
    let mut curve = Vec::new();
    let (mut slots, mut last) = (0, None);
    for round in 0.. {
        if slots >= plan.slots {
            break;
        }
        let mut dearer = None;
        if round % plan.evaluate_every == 0 {
            dearer = Some(mean_dearer(&fields, &Network::new(&agent.actor.layers()?)?));
            last = dearer;
        }
        let (lives, played) = roll_out(plan, &agent, &mut of_systems, &mut of_cuts, &mut instances)?;
        let (mut all, mut gains) = (Vec::new(), Vec::new());
        for life in lives {
            let rewards: Vec<f32> = life.iter().map(|choice| choice.reward).collect();
            let expected: Vec<f32> = life.iter().map(|choice| choice.expected).collect();
            gains.extend(advantages(&rewards, &expected, &plan.ppo));
            all.extend(life);
        }
        let left = 1.0 - slots as f64 / plan.slots as f64;
        let ppo = Settings { entropy: plan.ppo.entropy * left, ..plan.ppo };
        let statistics = agent.learn(&all, &gains, plan.rate * left.max(0.05), &ppo, &mut of_batches)?;
        let reward = all.iter().map(|choice| f64::from(choice.reward)).sum::<f64>() / all.len() as f64;
        curve.push(Point { slots, reward, dearer, statistics });
        slots += played;
        progress(slots.min(plan.slots), last);
    }
    let layers = agent.actor.layers()?;
    let trained = Network::new(&layers)?;
    let training = Training {
        method: "ppo".into(),
        seed: plan.seed,
        slots,
        settings: plan.settings(),
        families: systems::FAMILIES.map(str::to_owned).to_vec(),
        instances: instances.finalize().to_hex()[..32].to_owned(),
        evaluation: fields.iter().map(|field| field.evaluation(&trained, &untrained)).collect(),
    };
    Ok((Trained { training, layers }, curve))
}

fn mean_dearer(fields: &[Field], network: &Network) -> f64 {
    fields.iter().map(|field| field.of_network(network)).sum::<f64>() / fields.len() as f64
}

/// New systems, side by side: every user's choices in a row, and how many slots were played.
fn roll_out(
    plan: &Plan,
    agent: &Agent,
    of_systems: &mut Stream,
    of_cuts: &mut Stream,
    instances: &mut blake3::Hasher,
) -> Result<(Vec<Vec<Choice>>, u64), Error> {
    let mut courses = Vec::with_capacity(plan.systems);
    for _ in 0..plan.systems {
        let instance = systems::draw(of_systems, plan.horizon);
        instances.update(hash::<Lymdo>(&instance).as_bytes());
        courses.push(ObjectiveHistory::new(instance));
    }
    // Per system and user.
    let mut lives: Vec<Vec<Vec<Choice>>> = vec![Vec::new(); plan.systems];
    let mut played = 0;
    for _ in 0..plan.horizon {
        // A system whose slot cannot be kept stable skips it.
        let arenas = courses.iter_mut().enumerate().filter_map(|(s, course)| Some((s, course.arena()?)));
        let slots: Vec<_> = arenas.map(|(s, arena)| (s, choices(&arena.features()), arena)).collect();
        let flat: Vec<&Choice> = slots.iter().flat_map(|(_, choices, _)| choices).collect();
        if flat.is_empty() {
            continue;
        }
        let (logs, expected) = agent.look(&flat)?;
        let mut at = 0;
        for (s, mut now, arena) in slots {
            for choice in &mut now {
                choice.cut = drawn(&logs[at], &choice.is_open, of_cuts);
                choice.log_probability = logs[at][choice.cut];
                choice.expected = expected[at];
                at += 1;
            }
            let cuts: Vec<u32> = now.iter().map(|choice| choice.cut as u32).collect();
            for (choice, reward) in now.iter_mut().zip(courses[s].play(&arena, &cuts)) {
                choice.reward = reward as f32;
            }
            played += 1;
            lives[s].resize(now.len(), Vec::new());
            lives[s].iter_mut().zip(now).for_each(|(life, choice)| life.push(choice));
        }
    }
    Ok((lives.into_iter().flatten().collect(), played))
}
