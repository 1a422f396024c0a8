//! What the manifest says of methods, variants and measures is what they are: reports keep no lists of their own.

use std::collections::BTreeSet;

use offcut_checker::Tolerance;
use offcut_instances::document::hash;
use offcut_instances::jpdra::Jpdra;
use offcut_instances::lymdo::Lymdo;
use offcut_instances::multiuser::Multiuser;
use offcut_instances::problem::{Budget, MethodSpec};
use offcut_instances::throughput::Throughput;
use offcut_ledger::Key;
use offcut_runner::cell::{checked_answer, execute};
use offcut_runner::suite::Grid;
use offcut_runner::{BenchmarkAdapter, Suite, method};

/// A suite of one study with these methods, expanded.
fn grid<P: BenchmarkAdapter>(family: &str, set: &str, methods: &[&str]) -> Grid {
    let problem = P::NAME;
    let methods = serde_json::to_string(methods).expect("plain data");
    let suite = format!(
        r#"{{"offcut":"suite","problem":"{problem}","version":1,"body":{{"title":"T","order_seed":1,
        "budget":{{"time_s":10,"memory_bytes":null,"threads":1,"seed":0}},
        "studies":[{{"name":"a","title":"A","families":["{family}"],"set":{set},"seeds":[1],"methods":{methods}}}]}}}}"#
    );
    let suite = Suite::parse(suite.as_bytes(), problem).expect("a suite");
    suite.expand::<P>("code", |_, _| Ok(())).expect("a grid")
}

#[test]
fn a_method_is_random_as_it_is_set() {
    let random = |methods: &[&str]| grid::<Multiuser>("zoo", r#"{"users":4}"#, methods).random_methods;
    let methods = ["iao", "iao:error=0", "iao:error=0.2", "iao-random", "threshold"];
    assert_eq!(random(&methods), ["iao:error=0.2", "iao-random"].map(String::from).into());
    let of_jpdra = grid::<Jpdra>("synthetic", r#"{"flows":2}"#, &["dpd", "jpdra", "random-server", "cra-markov"]);
    assert!(of_jpdra.random_methods.contains("random-server") && !of_jpdra.random_methods.contains("dpd"));
}

#[test]
fn only_single_slots_have_an_objective_of_their_own() {
    let variants = |slots: u32| {
        let grid = grid::<Lymdo>("rayleigh", &format!(r#"{{"users":2,"slots":{slots}}}"#), &["myopic"]);
        assert_eq!(grid.random_methods, BTreeSet::new());
        grid.variant_objectives
    };
    assert!(variants(3).is_empty());
    let single = variants(1);
    assert_eq!(single.len(), 1);
    assert_eq!((&single["slot"].name[..], &single["slot"].unit[..]), ("V delay + backlog energy", "J²"));
}

/// The keys of the measures that reports show, and of those that a row of the method has.
fn measures<P: BenchmarkAdapter>(family: &str, set: &str, id: &str) -> (BTreeSet<String>, BTreeSet<String>) {
    let recipe = &grid::<P>(family, set, &[id]).recipes[0];
    let instance = recipe.make::<P>().expect("an instance");
    let algorithm = method::<P>(&MethodSpec { id: id.into(), parameters: Default::default() }).expect("a method");
    let budget = Budget::seconds(10.0);
    let executed = execute::<P>(algorithm.as_ref(), &instance, &budget);
    let key = Key { instance: hash::<P>(&instance), method: id.into(), budget, code: String::new() };
    let (row, _) = checked_answer::<P>(&instance, key, &executed, &Tolerance::default());
    (P::measured().into_iter().map(|(key, _)| key.to_owned()).collect(), row.measures.into_keys().collect())
}

#[test]
fn measures_that_reports_show_are_measured() {
    let (shown, measured) = measures::<Lymdo>("rayleigh", r#"{"users":2,"slots":3}"#, "myopic");
    assert!(shown.len() == 4 && shown.is_subset(&measured), "{shown:?} {measured:?}");
    let (shown, measured) = measures::<Throughput>("zoo", r#"{"requests":10}"#, "online-greedy");
    assert_eq!(shown, measured);
    let (shown, measured) = measures::<Multiuser>("zoo", r#"{"users":4}"#, "threshold");
    assert_eq!((shown, measured), Default::default());
}
