//! Searches for worst cases: a planted one is found, making it small keeps the ratio, a search goes on where it ended, kept instances are as bad as is
//! written beside them.

use std::collections::BTreeMap;
use std::path::Path;

use offcut_checker::{Proof, Tolerance, check_answer};
use offcut_instances::document::{parse_answer, parse_instance};
use offcut_instances::for_each_problem;
use offcut_instances::jpdra::{Allocation, Jpdra};
use offcut_instances::multiuser::{Instance, Multiuser};
use offcut_instances::mutate::Mutable;
use offcut_instances::problem::{Algorithm, Answer, Budget, MethodSpec, Sense};
use offcut_instances::random::Stream;
use offcut_instances::throughput::Throughput;
use offcut_runner::adversary::{Found, Judge, Limits, Outcome, Question, Rival, Search, Skipped, Start};
use offcut_runner::cell::Launcher;
use offcut_runner::solver::Solver;
use offcut_runner::{BenchmarkAdapter, method};

/// Optimal for one or two users; of more it leaves everybody local.
struct Planted;

impl Algorithm<Multiuser> for Planted {
    fn id(&self) -> &str {
        "planted"
    }

    fn about(&self) -> &str {
        "optimal but for three users or more"
    }

    fn solve(&self, instance: &Instance, budget: &Budget) -> Answer<Multiuser> {
        let id = if instance.users.len() < 3 { "threshold" } else { "local-only" };
        method::<Multiuser>(&id.parse().expect("a method")).expect("known").solve(instance, budget)
    }
}

fn judge<P: BenchmarkAdapter>(method: Rival<P>, against: Option<&str>, folder: &Path) -> Judge<'static, P> {
    Judge {
        method,
        against: against.map(|against| Rival::own(against).expect("known")),
        budget: Budget::default(),
        only_proven: false,
        launcher: Launcher { program: Path::new("no program"), grace_s: 1.0, results: &[] },
        candidate: Box::leak(folder.join("candidate.json").into_boxed_path()),
    }
}

fn question<P: BenchmarkAdapter>(method: &Rival<P>, starts: &[Start], moves: u64) -> Question {
    Question {
        problem: P::NAME.into(),
        method: method.spec.to_string(),
        against: None,
        variant: P::VARIANTS[0].into(),
        sizes: P::SIZES.iter().map(|size| (size.name.to_owned(), size.most)).collect(),
        only_proven: false,
        starts: starts.to_vec(),
        moves,
        seed: 1,
    }
}

fn planted() -> Rival<Multiuser> {
    let spec = MethodSpec { id: "planted".into(), parameters: BTreeMap::new() };
    Rival { spec, solver: Solver::Own(Box::new(Planted)) }
}

/// Time is never what ends it.
fn rounds(rounds: u64) -> Limits {
    Limits { seconds: 1e6, rounds }
}

#[test]
fn a_planted_worst_case_is_found_and_made_small() {
    let folder = tempfile::tempdir().expect("a folder");
    let question = question(&planted(), &[Start::Random], 200);
    let search = Search { judge: judge(planted(), None, folder.path()), question, folder: folder.path() };
    let (mut state, refuted) = search.run(rounds(3), |_| {}).expect("a search");
    assert!(refuted.is_empty() && state.counted > 0 && state.tried >= state.counted);
    let found = search.finish(&mut state, 1e6).expect("written").expect("something counted");
    assert!(found.ratio.ratio > 2.0, "{found:?}");
    assert!(found.ratio.ratio >= found.before_shrinking * (1.0 - 1e-3) && !found.beats_theorem && found.is_repeatable);
    assert_eq!(found.size["users"], 3, "the fewest with which it is bad");
    // What is written is what was found, and the checker agrees without a solver.
    let read = |name: &str| std::fs::read(folder.path().join(name)).expect("written");
    let instance = parse_instance::<Multiuser>(&read("worst.json")).expect("readable");
    assert_eq!(Multiuser::counts(&instance)[0], 3);
    assert_eq!(serde_json::from_slice::<Found>(&read("worst.ratio.json")).expect("readable"), found);
    for name in ["worst.method.json", "worst.reference.json"] {
        let answer = parse_answer::<Multiuser>(&read(name)).expect("readable");
        assert!(check_answer(&instance, &answer, &Tolerance::default()).is_feasible(), "{name}");
    }
}

#[test]
fn a_search_goes_on_where_it_ended() {
    let at_once = tempfile::tempdir().expect("a folder");
    let in_parts = tempfile::tempdir().expect("a folder");
    let search = |folder: &Path, moves: u64, limit: u64| {
        let rival = Rival::<Throughput>::own("online-greedy").expect("known");
        let question = question(&rival, &Start::ALL, moves);
        Search { judge: judge(rival, None, folder), question, folder }.run(rounds(limit), |_| {})
    };
    let (whole, _) = search(at_once.path(), 100, 4).expect("a search");
    assert_eq!(search(in_parts.path(), 100, 2).expect("a search").0.rounds, 2);
    let (parts, _) = search(in_parts.path(), 100, 4).expect("it goes on");
    assert_eq!(whole.rounds, 4);
    let counts = |state: &offcut_runner::adversary::State| (state.tried, state.counted, state.unsolved, state.found_in);
    assert_eq!((counts(&whole), whole.ratio, &whole.worst), (counts(&parts), parts.ratio, &parts.worst));
    let other = search(in_parts.path(), 101, 4).map(|_| ()).expect_err("another question");
    assert!(other.to_string().contains("another folder"), "{other}");
}

#[test]
fn from_random_starts_local_ratio_gets_half() {
    let folder = tempfile::tempdir().expect("a folder");
    let rival = Rival::<Throughput>::own("local-ratio").expect("known");
    let question = question(&rival, &[Start::Random], 1000);
    let search = Search { judge: judge(rival, None, folder.path()), question, folder: folder.path() };
    let (state, refuted) = search.run(rounds(6), |_| {}).expect("a search");
    let ratio = state.ratio.expect("something counted");
    assert!(refuted.is_empty() && !ratio.beats_theorem(Sense::Maximise));
    assert_eq!((ratio.ratio, ratio.proven), (0.5, Some(0.5)), "half, and not less: {state:?}");
}

/// The checker bounds servers of more than 4096 units as continuous: `branch` claims no certificate for its own, higher bound there. Found by a search:
/// with 10 000 units its claim was rejected.
#[test]
fn of_many_units_no_certificate_is_claimed() {
    let proof = |unit: f64| {
        let mut instance = Jpdra::least();
        instance.allocation = Allocation::Units { macs_per_s: unit };
        instance.servers[0].machine.speed = 100.0;
        let branch = method::<Jpdra>(&"branch".parse().expect("a method")).expect("known");
        let answer = branch.solve(&instance, &Budget::default());
        let verdict = check_answer::<Jpdra>(&instance, &answer, &Tolerance::default());
        assert!(verdict.is_feasible() && !verdict.is_rejected(), "{verdict:?}");
        verdict.proof().clone()
    };
    assert!(matches!(proof(0.01), Proof::SolverReported { .. }), "10 000 units");
    assert!(matches!(proof(100.0 / 4096.0), Proof::Certified { .. }), "4096 units");
}

/// Optimal methods are never worse than the optimum; nothing is refuted; where nothing is proved nothing counts if only that is asked for.
fn judged<P: BenchmarkAdapter>() {
    let folder = tempfile::tempdir().expect("a folder");
    let sizes: Vec<usize> = P::SIZES.iter().map(|size| size.most.min(2)).collect();
    for method in P::heuristics() {
        let judge = judge(Rival::<P>::own(&method).expect("known"), None, folder.path());
        for seed in 0..20 {
            let mut stream = Stream::new(&["test", "judged"], seed);
            let instance = offcut_instances::mutate::small::<P>(&sizes, P::VARIANTS[0], &mut stream);
            match judge.judge(&instance).expect("no programs").outcome {
                Outcome::Refuted(what) => panic!("{} {method} {seed}: {what}", P::NAME),
                Outcome::Counts(ratio) => {
                    assert!(ratio.times_worse(P::SENSE) >= 1.0 - 1e-9, "{} {method}: {ratio:?}", P::NAME);
                    assert!(!ratio.beats_theorem(P::SENSE) && ratio.bound.is_some());
                }
                Outcome::Skipped(_) => {}
            }
            let only_proven = Judge {
                only_proven: true,
                ..self::judge(Rival::<P>::own(&method).expect("known"), None, folder.path())
            };
            let outcome = only_proven.judge(&instance).expect("no programs").outcome;
            let is_proven = P::proven_factor(&method.parse().expect("a method"), &instance).is_some();
            assert_eq!(outcome == Outcome::Skipped(Skipped::NoTheorem), !is_proven);
        }
    }
}

/// Kept instances are as bad as is written beside them, to a millionth, and no proven ratio is beaten.
fn kept<P: BenchmarkAdapter>() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../instances/data").join(P::NAME).join("adversarial");
    let none = tempfile::tempdir().expect("a folder");
    let mut names = Vec::new();
    for number in 1..=P::KEPT.len() as u64 {
        let instance = P::kept(number).expect("readable");
        let name = P::origin(&instance).name.clone();
        let bytes = std::fs::read(folder.join(format!("{name}.ratio.json"))).expect("the ratio beside it");
        let found: Found = serde_json::from_slice(&bytes).expect("readable");
        assert_eq!(found.instance, offcut_instances::document::hash::<P>(&instance), "{name}");
        let method = Rival::<P>::own(&found.question.method).expect("known");
        let judge = judge(method, found.question.against.as_deref(), none.path());
        let Outcome::Counts(ratio) = judge.judge(&instance).expect("no programs").outcome else {
            panic!("{name} does not count");
        };
        assert!((ratio.ratio / found.ratio.ratio - 1.0).abs() < 1e-6, "{name}: {ratio:?}, written {:?}", found.ratio);
        assert!(!ratio.beats_theorem(P::SENSE), "{name}");
        names.push(format!("{name}.json"));
        names.push(format!("{name}.ratio.json"));
    }
    let entries = std::fs::read_dir(&folder).into_iter().flatten().flatten();
    let mut files: Vec<String> = entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    files.sort();
    names.sort();
    assert_eq!(files, names, "every kept instance has its number in instances/src/{}/found.rs", P::NAME);
}

macro_rules! tests {
    ([] $($module:ident: $problem:path,)*) => { $(
        mod $module {
            #[test]
            fn methods_are_judged() {
                super::judged::<$problem>();
            }

            #[test]
            fn kept_instances_are_as_bad_as_is_written() {
                super::kept::<$problem>();
            }

            /// Variants of the searches are those of the tables.
            #[test]
            fn variants_are_the_adapters() {
                use offcut_instances::mutate::Mutable;
                for variant in <$problem>::VARIANTS {
                    let mut instance = <$problem>::least();
                    <$problem>::set_variant(&mut instance, variant);
                    assert_eq!(<$problem as offcut_runner::BenchmarkAdapter>::variant(&instance), *variant);
                }
            }
        }
    )* };
}
for_each_problem!([] tests);
