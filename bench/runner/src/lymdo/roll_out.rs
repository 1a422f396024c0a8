//! A policy's decisions slot by slot, with the queues and energies that they lead to.

use std::time::Instant;

use offcut_checker::lymdo::{Outcome, outcome};
use offcut_instances::lymdo::{Allocation, Decide, Instance, Lymdo, Policy, Solution};
use offcut_instances::problem::{Algorithm, Answer, Budget, POINTS, Parameter, Setting, Stop, Trace};

/// A policy as an algorithm: shown one slot after the other, each with the backlogs of then.
///
/// The virtual queues are kept here, `Q <- max(Q + E - budget, 0)`, with the energies that the checker finds, so that no policy keeps its own
/// books. A policy sees nothing of what comes: every slot is an instance of its own. What it decides has to stand as it is; a decision
/// that the checker rejects ends the trajectory, since what follows depends on it.
pub struct Rollout {
    policy: Box<dyn Policy>,
}

impl Rollout {
    /// The roll-out of `policy`.
    pub fn new(policy: Box<dyn Policy>) -> Self {
        Self { policy }
    }
}

impl Algorithm<Lymdo> for Rollout {
    fn id(&self) -> &str {
        self.policy.id()
    }

    fn about(&self) -> &str {
        self.policy.about()
    }

    fn is_random(&self) -> bool {
        self.policy.is_random()
    }

    fn parameters(&self) -> Vec<Parameter> {
        self.policy.parameters()
    }

    fn set(&mut self, setting: &Setting) {
        self.policy.set(setting);
    }

    fn solve(&self, instance: &Instance, budget: &Budget) -> Answer<Lymdo> {
        let began = Instant::now();
        roll_out(instance, budget, began, self.policy.begin(budget).as_mut())
    }
}

/// The trajectory of a policy on its way, as an answer; time counts since `began`.
pub(super) fn roll_out(instance: &Instance, budget: &Budget, began: Instant, decide: &mut dyn Decide) -> Answer<Lymdo> {
    let mut books = Books::new(instance);
    let slots = trajectory(instance, budget, began, decide, &mut books);
    let mut trace = books.trace();
    trace.counts.extend(decide.counts().into_iter().map(|(name, count)| (name.to_owned(), count)));
    let answer = match slots {
        Ok(slots) => Answer::found(Solution { slots }, books.objective()),
        Err(stop) => Answer::nothing(stop),
    };
    answer.traced(trace)
}

/// What is decided slot by slot, entered into the books; or why that came to an end.
fn trajectory(
    instance: &Instance,
    budget: &Budget,
    began: Instant,
    decide: &mut dyn Decide,
    books: &mut Books,
) -> Result<Vec<Allocation>, Stop> {
    let mut shown = Instance { slots: Vec::with_capacity(1), ..instance.without_slots() };
    let mut slots = Vec::with_capacity(instance.slots.len());
    for (t, slot) in instance.slots.iter().enumerate() {
        if budget.is_spent(began) {
            return Err(Stop::TimeLimit);
        }
        shown.slots.clear();
        shown.slots.push(slot.clone());
        for (user, backlog) in shown.users.iter_mut().zip(&books.backlogs_j) {
            user.backlog_j = *backlog;
        }
        let allocation = decide.decide(&shown).map_err(|stop| stop_at(t, stop))?;
        match outcome(&shown, &allocation) {
            Ok(outcome) => books.enter(&outcome),
            Err(violations) => {
                let why = violations.first().expect("something is wrong");
                return Err(Stop::Failed(format!("slot {t}: {why}")));
            }
        }
        slots.push(allocation);
    }
    Ok(slots)
}

/// Why there is no decision of slot `t`, and where.
fn stop_at(t: usize, stop: Stop) -> Stop {
    match stop {
        Stop::Failed(why) => Stop::Failed(format!("slot {t}: {why}")),
        Stop::Invalid(why) => Stop::Invalid(format!("slot {t}: {why}")),
        Stop::Declined(why) => Stop::Declined(format!("slot {t}: {why}")),
        Stop::Completed => Stop::Failed(format!("slot {t}: the policy completed without deciding")),
        stop => stop,
    }
}

/// Backlogs, energies and delays of a trajectory so far.
struct Books<'a> {
    instance: &'a Instance,
    /// Backlogs of now. Shape (users,).
    backlogs_j: Vec<f64>,
    /// Energies so far. Shape (users,).
    energies_j: Vec<f64>,
    /// Delays of all users so far.
    delay_s: f64,
    slots: usize,
    /// Every so many slots a point of each mean is kept.
    every: usize,
    means: [Vec<(f64, f64)>; 3],
}

impl<'a> Books<'a> {
    fn new(instance: &'a Instance) -> Self {
        Self {
            instance,
            backlogs_j: instance.users.iter().map(|user| user.backlog_j).collect(),
            energies_j: vec![0.0; instance.users.len()],
            delay_s: 0.0,
            slots: 0,
            every: instance.slots.len().div_ceil(POINTS),
            means: Default::default(),
        }
    }

    fn enter(&mut self, outcome: &Outcome) {
        let users = self.instance.users.iter().zip(&outcome.energies_j);
        for ((user, energy), (backlog, total)) in users.zip(self.backlogs_j.iter_mut().zip(&mut self.energies_j)) {
            *backlog = (*backlog + energy - user.energy_budget_j_per_slot).max(0.0);
            *total += energy;
        }
        self.delay_s += outcome.delays_s.iter().sum::<f64>();
        self.slots += 1;
        if self.slots.is_multiple_of(self.every) {
            let (users, slots) = (self.backlogs_j.len() as f64, self.slots as f64);
            let now = [
                self.backlogs_j.iter().sum::<f64>() / users,
                self.energies_j.iter().sum::<f64>() / users / slots,
                self.delay_s / users / slots,
            ];
            self.means.iter_mut().zip(now).for_each(|(points, mean)| points.push((slots, mean)));
        }
    }

    /// The objective value of the whole trajectory.
    fn objective(&self) -> f64 {
        let Self { instance, energies_j, delay_s, slots, .. } = self;
        let users = instance.users.iter().zip(energies_j);
        if *slots == 1 {
            return instance.v * delay_s + users.map(|(user, energy)| user.backlog_j * energy).sum::<f64>();
        }
        let slots = *slots as f64;
        let charge = users
            .map(|(user, energy)| user.overdraft_s_per_j * (energy / slots - user.energy_budget_j_per_slot).max(0.0));
        delay_s / slots + charge.sum::<f64>()
    }

    /// Over slots: the mean backlog of a user, and mean energy and delay of a user in a slot so far.
    fn trace(&self) -> Trace {
        let [backlog, energy, delay] = self.means.clone();
        Trace::counting([("slots", self.slots as u64)]).with_series([
            ("backlog_j", backlog),
            ("energy_j", energy),
            ("delay_s", delay),
        ])
    }
}
