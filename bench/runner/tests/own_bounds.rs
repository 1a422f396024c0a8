//! A solver-reported bound has a certified one of the method's own beside it, which the checker replays; and answers without one are as they were.

use offcut_checker::{Proof, Tolerance, check_answer};
use offcut_instances::document::{answer_bytes, parse_answer, parse_instance};
use offcut_instances::problem::{Answer, Budget, Evidence, Sense};
use offcut_instances::problems::NAMES;
use offcut_runner::BenchmarkAdapter;

/// The least that the certified bound of a method may be of the toy's optimum when minimising, the most when maximising.
///
/// - `multiuser`: HiGHS's own bound, shown by a threshold.
/// - `throughput`: one request is local; of the others one asks for one thread and two for two, of three there are: the LP serves two in all, as the optimum does.
/// - `jpdra`: the continuous relaxation has 2.18623 of 2.25, .9716; the tangents of `milp-oa` miss up to a hundredth of the delay at servers.
/// - `lymdo`: prices meet the optimum.
const TOY_ROOTS: &[(&str, &str, f64)] = &[
    ("multiuser", "milp", 1.0 - 1e-6),
    ("throughput", "milp", 1.0 + 1e-9),
    ("throughput", "milp-joint", 1.0 + 1e-9),
    ("jpdra", "milp-oa", 0.96),
    ("jpdra", "socp", 0.9716),
    ("jpdra", "exhaustive", 0.9716),
    ("lymdo", "milp-oa", 1.0 - 1e-5),
    ("lymdo", "enumerate", 1.0 - 1e-5),
];

/// Weaker by a factor when positive: below when minimising, above when maximising.
fn relaxed(sense: Sense, value: f64, by: f64) -> f64 {
    match sense {
        Sense::Minimise => value * (1.0 - by),
        Sense::Maximise => value * (1.0 + by),
    }
}

/// The methods of a problem whose bounds are solver-reported, each with the certified bound that it has on the toy.
fn on_toy<P: BenchmarkAdapter>(toy: &[u8], optimum: &str) -> (&'static str, Vec<String>) {
    let instance = parse_instance::<P>(toy).expect("the toy is good");
    let optimum: f64 = optimum.trim().parse().expect("a number");
    let mut reporting = Vec::new();
    for algorithm in P::algorithms() {
        let answer = algorithm.solve(&instance, &Budget::seconds(20.0));
        let is_reported = |bound: &_| matches!(bound, Evidence::SolverReported(_));
        if !answer.proved.as_ref().is_some_and(|bound| is_reported(&bound.evidence)) {
            assert!(answer.certified.is_none(), "{}: beside no solver-reported bound", algorithm.id());
            continue;
        }
        reporting.push(algorithm.id().to_owned());
        check::<P>(&instance, optimum, algorithm.id(), &answer);
    }
    (P::NAME, reporting)
}

fn check<P: BenchmarkAdapter>(instance: &P::Instance, optimum: f64, id: &str, answer: &Answer<P>) {
    let tolerance = Tolerance::default();
    // As a document, and back.
    let bytes = answer_bytes::<P>(answer);
    let answer = parse_answer::<P>(&bytes).expect("its own");
    let bound = answer.certified.clone().unwrap_or_else(|| panic!("{id}: a bound that is solver-reported alone"));
    let verdict = check_answer::<P>(instance, &answer, &tolerance);
    let Proof::Certified { value } = *verdict.certified() else { panic!("{id}: {:?}", verdict.certified()) };
    assert!(!verdict.is_rejected() && verdict.is_feasible(), "{id}: {verdict:?}");
    let (weakest, strongest) = (known_root(P::NAME, id), 1.0 + 1e-12);
    let within = match P::SENSE {
        Sense::Minimise => weakest * optimum <= value && value <= strongest * optimum,
        Sense::Maximise => optimum <= strongest * value && value <= weakest * optimum,
    };
    assert!(within, "{}: {id} certifies {value}, {} of the optimum", P::NAME, value / optimum);
    // What is handed over is relaxed by about 1e-12, and not by more than the checker's tolerance.
    assert!((bound.value - value).abs() <= 1e-9 * value.abs(), "{id} hands over {} for {value}", bound.value);

    // A claim beyond what the certificate proves is rejected, whatever the solver reports.
    let mut tampered = parse_answer::<P>(&bytes).expect("its own");
    let strengthened = relaxed(P::SENSE, bound.value, -1e-6);
    tampered.certified.as_mut().expect("there").value = strengthened;
    let verdict = check_answer::<P>(instance, &tampered, &tolerance);
    assert!(verdict.is_rejected() && matches!(verdict.certified(), Proof::Rejected { .. }), "{id}");

    // Without it the answer has the bytes that it had before there was one.
    let without = Answer { certified: None, ..answer };
    let text = String::from_utf8(answer_bytes::<P>(&without)).expect("JSON");
    let again = parse_answer::<P>(text.as_bytes()).expect("its own");
    assert!(!text.contains(r#""certified":"#) && answer_bytes::<P>(&again) == text.as_bytes(), "{id}");
    let was = format!(r#","trace":{}}}}}"#, serde_json::to_string(&without.trace).expect("plain data"));
    assert!(text.ends_with(&was), "{id}: {text}");
}

fn known_root(problem: &str, id: &str) -> f64 {
    let known = TOY_ROOTS.iter().find(|(of, method, _)| (*of, *method) == (problem, id));
    known.unwrap_or_else(|| panic!("{problem}: {id} is not listed")).2
}

#[test]
fn solver_reported_bounds_have_certified_ones_beside_them() {
    let found = offcut_instances::for_each_problem!([on_toy] crate::common::all_toys);
    assert_eq!(found.each_ref().map(|(name, _)| *name), NAMES);
    let listed: Vec<(&str, &str)> = TOY_ROOTS.iter().map(|(problem, id, _)| (*problem, *id)).collect();
    let all: Vec<(&str, &str)> =
        found.iter().flat_map(|(problem, ids)| ids.iter().map(move |id| (*problem, id.as_str()))).collect();
    assert_eq!(all, listed);
}
