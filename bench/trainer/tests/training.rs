//! Training learns, repeats itself to the bit, and its record is true; what is shipped scores as what was trained.

use assert_cmd::Command;
use candle_core::{Device, Tensor};
use ndarray::Array2;
use offcut_heuristics::lymdo::{Arena, Network, Trained, USER_WIDTH, WIDTH, beginning, shipped};
use offcut_instances::lymdo::{Instance, Parameters, generate};
use offcut_instances::random::Stream;
use offcut_trainer::evaluate::fields;
use offcut_trainer::perceptron::Perceptron;
use offcut_trainer::play::{Choice, ObjectiveHistory, choices, drawn};
use offcut_trainer::ppo::{Agent, Settings, advantages};
use offcut_trainer::systems;
use offcut_trainer::train::{Plan, csv, train};
use predicates::str::contains;

/// The program writes a policy that can be read and a curve beside it, and does not write over anything.
#[test]
fn the_program_writes_a_policy() {
    let folder = tempfile::tempdir().expect("a folder");
    let program = || {
        let mut program = Command::cargo_bin("offcut-trainer").expect("built");
        program.current_dir(folder.path()).args(["lymdo", "--seed", "7", "--steps", "300", "--out", "policy.json"]);
        program
    };
    program().assert().success().stdout(contains("rayleigh, scarce"));
    let trained = Trained::parse(&std::fs::read(folder.path().join("policy.json")).expect("there")).expect("good");
    assert!(trained.training.seed == 7 && trained.training.slots >= 300);
    let curve = std::fs::read_to_string(folder.path().join("policy.curve.csv")).expect("there");
    assert_eq!(curve.lines().count(), 3, "a title and two rounds of 256 slots: {curve}");
    program().assert().code(2).stderr(contains("policy.json"));
    Command::cargo_bin("offcut-trainer").expect("built").arg("jpdra").assert().code(2);
}

fn slot(seed: u64) -> Instance {
    generate("rayleigh", &Parameters::default(), seed).expect("legal")
}

/// The network in ndarray scores as the one in candle, on random rows and on real ones.
#[test]
fn inference_is_candles_forward_pass() {
    let mut stream = Stream::new(&["trainer", "tests", "forward"], 1);
    for widths in [vec![WIDTH, 64, 64, 1], vec![WIDTH, 7, 1], vec![WIDTH, 1]] {
        let perceptron = Perceptron::new(&widths, 1.0, &mut stream).expect("candle");
        let network = Network::new(&perceptron.layers().expect("candle")).expect("good shapes");
        let random = Array2::from_shape_fn((300, WIDTH), |_| stream.uniform(-4.0, 4.0) as f32);
        let real = Arena::new(&slot(1), None).expect("feasible").features().rows;
        for rows in [random, real] {
            let flat: Vec<f32> = rows.iter().copied().collect();
            let tensor = Tensor::from_vec(flat, rows.dim(), &Device::Cpu).expect("candle");
            let expected = perceptron.forward(&tensor).expect("candle").to_vec1::<f32>().expect("candle");
            let scores = network.scores(rows.view());
            assert_eq!(scores.len(), expected.len());
            for (a, b) in scores.iter().zip(&expected) {
                assert!((a - b).abs() <= 1e-5 * (1.0 + b.abs()), "{a} and {b}");
            }
        }
    }
}

fn small(seed: u64, slots: u64) -> Plan {
    Plan { seed, slots, systems: 8, horizon: 4, evaluation_slots: 10, ..Plan::default() }
}

#[test]
fn same_seed_same_weights() {
    let weights = |seed: u64| {
        let (trained, curve) = train(&small(seed, 100), |_, _| ()).expect("candle");
        (trained, csv(&curve))
    };
    let (first, again, other) = (weights(1), weights(1), weights(2));
    assert_eq!(first, again);
    assert!(first.0.layers != other.0.layers && first.0.training.instances != other.0.training.instances);
}

/// A short training leaves its own beginning, random cuts and the reference behind, on every field.
#[test]
fn training_beats_its_beginning() {
    let plan = Plan { slots: 4000, evaluation_slots: 40, evaluate_every: 1000, ..Plan::default() };
    let (trained, curve) = train(&plan, |_, _| ()).expect("candle");
    for field in &trained.training.evaluation {
        println!("{field:?}");
        assert!(field.trained < 0.25 * field.untrained && field.trained < 0.25 * field.random, "{field:?}");
        assert!(field.trained < field.reference, "{field:?}");
    }
    let (first, last) = (curve[0], curve[curve.len() - 1]);
    assert!(
        last.reward > first.reward + 0.3 && last.statistics.entropy < first.statistics.entropy,
        "{first:?} {last:?}"
    );
}

/// The policy that is shipped is as good as its record says, on channels it was not trained on.
#[test]
fn the_shipped_record_is_true() {
    let shipped = shipped();
    let network = Network::new(&shipped.layers).expect("good shapes");
    let record = &shipped.training;
    let width = record.settings["width"] as usize;
    let agent = Agent::new(width, &mut Stream::new(&["lymdo", "train", "weights"], record.seed)).expect("candle");
    let layers = agent.actor.layers().expect("candle");
    assert_eq!(layers, beginning(width, record.seed), "the policy with trained=0 is what training began as");
    let untrained = Network::new(&layers).expect("good shapes");
    let slots = record.evaluation.iter().map(|field| field.slots).max().expect("a field");
    for (field, said) in fields(slots).iter().zip(&record.evaluation) {
        let found = field.evaluation(&network, &untrained);
        assert_eq!((&found.family, found.slots), (&said.family, said.slots));
        let all = [(found.trained, said.trained), (found.untrained, said.untrained), (found.reference, said.reference)];
        for (found, said) in all.into_iter().chain([(found.random, said.random)]) {
            // Another platform's logarithms may turn a tie or two.
            assert!((found - said).abs() <= 2e-3 * (1.0 + said.abs()), "{}: {found}, said {said}", field.name);
        }
        assert!(found.trained < 0.03, "{}: {:.4} dearer than alternating", field.name, found.trained);
    }
}

/// A state in which one cut of three always pays, one never and one is closed: after some rounds the one that pays is
/// nearly certain.
#[test]
fn a_choice_that_pays_is_learned() {
    let mut stream = Stream::new(&["trainer", "tests", "choice"], 2);
    let mut agent = Agent::new(16, &mut stream).expect("candle");
    let settings = Settings { epochs: 4, batch: 32, ..Plan::default().ppo };
    let rows: Vec<f32> = (0..3 * WIDTH).map(|_| stream.uniform(-1.0, 1.0) as f32).collect();
    let state = Choice {
        rows,
        is_open: vec![true, true, false],
        of_user: vec![0.5; USER_WIDTH],
        cut: 0,
        log_probability: 0.0,
        expected: 0.0,
        reward: 0.0,
    };
    let probability = |agent: &Agent| agent.look(&[&state]).expect("candle").0[0][1].exp();
    let before = probability(&agent);
    for _ in 0..30 {
        let mut batch = vec![state.clone(); 64];
        let (logs, expected) = agent.look(&batch.iter().collect::<Vec<_>>()).expect("candle");
        for (choice, (logs, expected)) in batch.iter_mut().zip(logs.iter().zip(expected)) {
            choice.cut = drawn(logs, &choice.is_open, &mut stream);
            assert!(choice.cut < 2, "closed cuts are never drawn");
            choice.log_probability = logs[choice.cut];
            choice.expected = expected;
            choice.reward = if choice.cut == 1 { 1.0 } else { 0.0 };
        }
        let gains: Vec<f64> =
            batch.iter().flat_map(|choice| advantages(&[choice.reward], &[choice.expected], &settings)).collect();
        agent.learn(&batch, &gains, 3e-3, &settings, &mut stream).expect("candle");
    }
    let after = probability(&agent);
    assert!((before - 0.5).abs() < 0.05 && after > 0.95, "{before} before, {after} after");
}

/// By hand: gamma 1/2, lambda 1/2, rewards 1, 0, 2, expectations 1, 1, 1.
#[test]
fn advantages_by_hand() {
    let settings = Settings { discount: 0.5, trace: 0.5, ..Plan::default().ppo };
    // delta = (1 + 1/2 - 1, 0 + 1/2 - 1, 2 - 1) = (1/2, -1/2, 1); A_3 = 1, A_2 = -1/2 + 1/4, A_1 = 1/2 - 1/16.
    assert_eq!(advantages(&[1.0, 0.0, 2.0], &[1.0; 3], &settings), [0.4375, -0.25, 1.0]);
    let none = Settings { discount: 0.0, ..settings };
    assert_eq!(advantages(&[1.0, 0.0, 2.0], &[1.0; 3], &none), [0.0, -1.0, 1.0]);
}

/// Rewards are what cuts save beside the reference's, and nothing for the reference itself; queues follow their
/// recursion.
#[test]
fn rewards_and_queues_are_what_they_say() {
    let mut stream = Stream::new(&["trainer", "tests", "rewards"], 3);
    let (mut paid, mut queued) = (0, 0);
    for seed in 0..30 {
        let parameters = Parameters { slots: 3, ..Parameters::default() };
        let instance = systems::with_backlogs("rayleigh", &parameters, seed);
        let mut backlogs: Vec<f64> = instance.users.iter().map(|user| user.backlog_j).collect();
        let mut course = ObjectiveHistory::new(instance.clone());
        for t in 0..3 {
            let arena = course.arena().expect("feasible");
            let mut now = Instance { slots: vec![instance.slots[t].clone()], ..instance.clone() };
            now.users.iter_mut().zip(&backlogs).for_each(|(user, backlog)| user.backlog_j = *backlog);
            // A course whose queues were others would see another slot.
            let seen = Arena::new(&now, None).expect("feasible");
            assert!((seen.reference().1 / arena.reference().1 - 1.0).abs() < 1e-9);
            queued += 1;
            let (reference, reference_cost) = (seen.reference().0.to_vec(), seen.reference().1);
            let cuts: Vec<u32> = choices(&seen.features())
                .iter()
                .enumerate()
                .map(|(n, choice)| match stream.below(2) {
                    0 => reference[n],
                    _ => stream.below(choice.is_open.len() as u64) as u32,
                })
                .collect();
            let rewards = course.play(&arena, &cuts);
            let play = seen.play(&cuts).expect("feasible");
            for (n, user) in now.users.iter().enumerate() {
                backlogs[n] = (backlogs[n] + play.energies_j[n] - user.energy_budget_j_per_slot).max(0.0);
                if play.allocation.cuts != cuts {
                    continue;
                }
                let mut other = cuts.clone();
                other[n] = reference[n];
                let Some(value) = seen.value(&other) else { continue };
                let saved = ((value - play.value) * cuts.len() as f64 / reference_cost).clamp(-2.0, 2.0);
                assert!((saved - rewards[n]).abs() < 1e-6, "{saved} and {}", rewards[n]);
                paid += usize::from(cuts[n] != reference[n]);
            }
        }
    }
    assert!(paid > 100 && queued == 90, "{paid} {queued}");
}
