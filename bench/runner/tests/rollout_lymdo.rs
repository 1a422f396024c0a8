//! Rolling out a policy: it sees one slot at a time with the backlogs of then, the queues follow their recursion, and whatever stops it is told.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use offcut_checker::lymdo::outcome;
use offcut_checker::{Proof, Tolerance, check_answer};
use offcut_instances::lymdo::{Allocation, Decide, Instance, Lymdo, Parameters, Policy, generate};
use offcut_instances::problem::{Algorithm, Budget, POINTS, Stop};
use offcut_runner::{BenchmarkAdapter, Rollout};

/// What a policy was shown, slot by slot.
type SeenInstances = Arc<Mutex<Vec<Instance>>>;

/// What it does in slot `at`.
#[derive(Clone)]
enum Fault {
    None,
    Stops(Stop),
    Overdraws,
    Sleeps,
}

/// All at the device: every other user within its budget, the others not. Writes down what it sees.
#[derive(Clone)]
struct Spy {
    shown: SeenInstances,
    at: usize,
    fault: Fault,
}

impl Spy {
    fn new(fault: Fault) -> Self {
        Self { shown: SeenInstances::default(), at: 7, fault }
    }
}

impl Policy for Spy {
    fn id(&self) -> &str {
        "spy"
    }

    fn about(&self) -> &str {
        "computes at the device"
    }

    fn begin(&self, budget: &Budget) -> Box<dyn Decide> {
        assert_eq!(budget.seed, 5, "seeds come from the budget");
        self.shown.lock().expect("not poisoned").clear();
        Box::new(self.clone())
    }
}

impl Decide for Spy {
    fn decide(&mut self, slot: &Instance) -> Result<Allocation, Stop> {
        let mut shown = self.shown.lock().expect("not poisoned");
        let t = shown.len();
        shown.push(slot.clone());
        let chain = |n: usize| &slot.models[slot.users[n].model as usize];
        let users = slot.users.len();
        let speed = |n: usize| {
            let arriving = slot.slots[0].arrivals_per_s[n] * slot.device_work(n).iter().sum::<f64>();
            // Budgets are those of 0.55 of full speed.
            let most = slot.users[n].device.speed;
            most.min((1.1 * arriving).max([0.4, 0.7][n % 2] * most))
        };
        let mut allocation = Allocation {
            cuts: (0..users).map(|n| chain(n).blocks() as u32).collect(),
            local_macs_per_s: (0..users).map(speed).collect(),
            bandwidth_hz: vec![0.0; users],
            edge_macs_per_s: vec![0.0; users],
        };
        match &self.fault {
            _ if t != self.at => {}
            Fault::None => {}
            Fault::Stops(stop) => return Err(stop.clone()),
            Fault::Overdraws => allocation.bandwidth_hz[0] = 2.0 * slot.bandwidth_hz,
            Fault::Sleeps => std::thread::sleep(Duration::from_millis(50)),
        }
        Ok(allocation)
    }
}

fn instance(slots: u32) -> Instance {
    generate("rayleigh", &Parameters { slots, ..Parameters::default() }, 1).expect("legal")
}

fn budget() -> Budget {
    Budget { seed: 5, ..Budget::default() }
}

#[test]
fn a_policy_sees_one_slot_at_a_time_and_queues_follow_their_recursion() {
    let spy = Spy::new(Fault::None);
    let mut instance = instance(500);
    instance.users[1].backlog_j = 3.0;
    let answer = Rollout::new(Box::new(spy.clone())).solve(&instance, &budget());
    assert_eq!(answer.stop, Stop::Completed);
    let claim = answer.found.clone().expect("a trajectory");
    let shown = spy.shown.lock().expect("not poisoned");
    assert_eq!(shown.len(), 500);
    let mut backlogs: Vec<f64> = instance.users.iter().map(|user| user.backlog_j).collect();
    let (mut delay, mut energies) = (0.0, vec![0.0; 5]);
    for (t, shown) in shown.iter().enumerate() {
        let mut expected = Instance { slots: vec![instance.slots[t].clone()], ..instance.clone() };
        for (user, backlog) in expected.users.iter_mut().zip(&backlogs) {
            user.backlog_j = *backlog;
        }
        assert_eq!(*shown, expected, "slot {t}");
        let outcome = outcome(shown, &claim.solution.slots[t]).expect("feasible");
        delay += outcome.delays_s.iter().sum::<f64>();
        for n in 0..5 {
            energies[n] += outcome.energies_j[n];
            let budget = instance.users[n].energy_budget_j_per_slot;
            backlogs[n] = (backlogs[n] + outcome.energies_j[n] - budget).max(0.0);
        }
    }
    assert!(backlogs.iter().any(|backlog| *backlog > 0.0) && backlogs.contains(&0.0), "{backlogs:?}");
    let charge = instance.users.iter().zip(&energies);
    let charge =
        charge.map(|(user, energy)| user.overdraft_s_per_j * (energy / 500.0 - user.energy_budget_j_per_slot).max(0.0));
    let objective = delay / 500.0 + charge.sum::<f64>();
    assert!((claim.objective - objective).abs() < 1e-12 * objective);
    // The checker's books say the same, and the course of the backlogs ends where they do.
    let verdict = check_answer::<Lymdo>(&instance, &answer, &Tolerance::default());
    assert!(verdict.is_feasible() && !verdict.is_rejected(), "{:?}", verdict.violations());
    let last = backlogs.iter().sum::<f64>() / 5.0;
    assert!((verdict.measures()["final_backlog_j"] - last).abs() < 1e-9 * last);
    let course = &answer.trace.series["backlog_j"];
    assert!(course.len() <= POINTS && course.len() > POINTS / 2, "{}", course.len());
    assert_eq!(course.last().expect("points").0, 498.0, "every third slot");
    assert_eq!(answer.trace.counts["slots"], 500);
    for name in ["energy_j", "delay_s"] {
        assert_eq!(answer.trace.series[name].len(), course.len());
    }
}

/// What is decided does not depend on what comes: a horizon cut short is decided alike as far as it goes.
#[test]
fn no_policy_knows_the_future() {
    let whole = instance(12);
    let short = Instance { slots: whole.slots[..7].to_vec(), ..whole.clone() };
    for policy in Lymdo::algorithms().into_iter().filter(|algorithm| algorithm.id() != "clairvoyant") {
        let decided = |instance: &Instance| policy.solve(instance, &budget()).found.map(|claim| claim.solution.slots);
        let Some(slots) = decided(&whole) else { continue };
        assert_eq!(decided(&short).as_deref(), Some(&slots[..7]), "{}", policy.id());
    }
}

/// Drift plus penalty with exact slots. Where every slot is the same the best stationary policy is the certified bound's: delay is within B/V of it,
/// backlogs grow no faster than V, and both come near what is promised: delay falls towards the bound.
#[test]
fn delay_is_within_b_over_v_and_backlogs_in_proportion_to_v() {
    let of = |id: &str| Lymdo::algorithms().into_iter().find(|algorithm| algorithm.id() == id).expect("there");
    let (exact, clairvoyant) = (of("lymdo-exact"), of("clairvoyant"));
    for seed in 1..3 {
        let made =
            |v: f64| generate("steady", &Parameters { slots: 200, v, ..Parameters::default() }, seed).expect("legal");
        // (V is no part of a horizon's objective.)
        let bound = clairvoyant.solve(&made(1.0), &budget());
        let bound = check_answer::<Lymdo>(&made(1.0), &bound, &Tolerance::default());
        let Proof::Certified { value } = bound.proof() else { panic!("{bound:?}") };
        let mut before: Option<(f64, f64)> = None;
        let mut least = f64::INFINITY;
        for v in [1.0, 5.0, 25.0, 125.0] {
            let instance = made(v);
            let verdict = check_answer::<Lymdo>(&instance, &exact.solve(&instance, &budget()), &Tolerance::default());
            let measure = |name: &str| verdict.measures()[name];
            let (above, allowed) = (measure("delay_s") - value / 5.0, measure("drift_s"));
            assert!(above <= allowed * (1.0 + 1e-6) + 1e-6 * value, "V = {v}: {above} above the bound, of {allowed}");
            assert!(verdict.objective().expect("feasible").high() >= *value, "no policy is below the bound");
            least = least.min(above / value);
            let backlog = measure("backlog_j");
            if let Some((v_before, backlog_before)) = before {
                let times = backlog / backlog_before;
                assert!(times <= v / v_before, "V = {v}: backlogs grow by {times}");
            }
            before = Some((v, backlog));
        }
        assert!(least < 0.005, "{least} above the bound");
    }
}

#[test]
fn a_slot_alone_is_worth_what_a_slot_is_worth() {
    let instance = instance(1);
    let answer = Rollout::new(Box::new(Spy::new(Fault::None))).solve(&instance, &budget());
    let verdict = check_answer::<Lymdo>(&instance, &answer, &Tolerance::default());
    assert!(verdict.is_feasible(), "{:?}", verdict.violations());
}

#[test]
fn whatever_stops_a_policy_is_told() {
    let solve = |fault, budget: &Budget| Rollout::new(Box::new(Spy::new(fault))).solve(&instance(20), budget);
    for (fault, expected) in [
        (Fault::Stops(Stop::Infeasible), Stop::Infeasible),
        (Fault::Stops(Stop::TimeLimit), Stop::TimeLimit),
        (Fault::Stops(Stop::Declined("too large".into())), Stop::Declined("slot 7: too large".into())),
        (Fault::Stops(Stop::Failed("lost".into())), Stop::Failed("slot 7: lost".into())),
        (Fault::Stops(Stop::Completed), Stop::Failed("slot 7: the policy completed without deciding".into())),
    ] {
        let answer = solve(fault, &budget());
        assert_eq!(answer.stop, expected);
        assert!(answer.found.is_none() && answer.proved.is_none());
        assert_eq!(answer.trace.counts["slots"], 7);
    }
    let Stop::Failed(why) = solve(Fault::Overdraws, &budget()).stop else { panic!("it took too much") };
    assert!(why.starts_with("slot 7: bandwidth within capacity"), "{why}");
    let late = solve(Fault::Sleeps, &Budget { time_s: Some(0.04), ..budget() });
    assert_eq!(late.stop, Stop::TimeLimit);
    assert!(late.trace.counts["slots"] <= 8, "{:?}", late.trace.counts);
}
