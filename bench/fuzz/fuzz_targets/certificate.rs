//! Answers with solutions and certificates, checked on the toy instances: whatever they say, the checker comes to an end, stands by no bound beyond
//! the toy's optimum, and by no solution better than it.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use offcut_checker::{Checkable, Proof, Tolerance, check_answer};
use offcut_instances::document::{parse_answer, parse_instance};
use offcut_instances::problem::{Problem, Sense};
use offcut_instances::{jpdra::Jpdra, lymdo::Lymdo, multiuser::Multiuser, throughput::Throughput};

macro_rules! toy {
    ($name:ident, $problem:ty, $folder:literal) => {
        static $name: LazyLock<<$problem as Problem>::Instance> = LazyLock::new(|| {
            let bytes = include_bytes!(concat!("../../../instances/data/", $folder, "/toy.json"));
            parse_instance::<$problem>(bytes).expect("the toy is good")
        });
    };
}
toy!(MULTIUSER, Multiuser, "multiuser");
toy!(THROUGHPUT, Throughput, "throughput");
toy!(JPDRA, Jpdra, "jpdra");
toy!(LYMDO, Lymdo, "lymdo");

/// `optimum` is the toy's, as its tests solve it by hand.
fn checked_answer<P: Checkable>(instance: &P::Instance, optimum: f64, bytes: &[u8]) {
    let Ok(mut answer) = parse_answer::<P>(bytes) else { return };
    let tolerance = Tolerance::default();
    let mut verdict = check_answer::<P>(instance, &answer, &tolerance);
    // A false claim must not hide the solution's objective value.
    if let (Some(objective), Some(found)) = (verdict.objective(), &mut answer.found) {
        found.objective = objective.middle();
        verdict = check_answer::<P>(instance, &answer, &tolerance);
    }
    let beyond = |value: f64| match P::SENSE {
        Sense::Minimise => value - optimum,
        Sense::Maximise => optimum - value,
    };
    match verdict.proof() {
        Proof::Certified { value } => assert!(beyond(*value) <= 1e-9 * optimum.abs(), "bound {value}"),
        Proof::Infeasible => panic!("the toy has solutions"),
        _ => {}
    }
    if verdict.is_feasible() {
        let objective = verdict.objective().expect("a feasible solution has one").middle();
        assert!(beyond(objective) >= -1e-6 * optimum.abs(), "objective {objective}");
    }
}

fuzz_target!(|bytes: &[u8]| {
    checked_answer::<Multiuser>(&MULTIUSER, 5.0, bytes);
    checked_answer::<Throughput>(&THROUGHPUT, 3.0, bytes);
    checked_answer::<Jpdra>(&JPDRA, 2.25, bytes);
    checked_answer::<Lymdo>(&LYMDO, 5.375, bytes);
});
