//! Answers with solutions and certificates, checked on the toy instances: whatever they say, the checker comes to an end, stands by no bound beyond
//! the toy's optimum, and by no solution better than it.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use offcut_checker::{Checkable, Proof, Tolerance, check_answer};
use offcut_instances::document::{parse_answer, parse_instance};
use offcut_instances::problem::{Problem, Sense};

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
    for proof in verdict.proofs() {
        match proof {
            Proof::Certified { value } => assert!(beyond(*value) <= 1e-9 * optimum.abs(), "bound {value}"),
            Proof::Infeasible => panic!("the toy has solutions"),
            _ => {}
        }
    }
    if verdict.is_feasible() {
        let objective = verdict.objective().expect("a feasible solution has one").middle();
        assert!(beyond(objective) >= -1e-6 * optimum.abs(), "objective {objective}");
    }
}

/// Checks an answer to a problem's toy.
type Check = Box<dyn Fn(&[u8]) + Send + Sync>;

fn on_toy<P: Checkable>(toy: &[u8], optimum: &str) -> Check
where
    P::Instance: Send + Sync + 'static,
{
    let instance = parse_instance::<P>(toy).expect("the toy is good");
    let optimum: f64 = optimum.trim().parse().expect("a number");
    Box::new(move |bytes| checked_answer::<P>(&instance, optimum, bytes))
}

macro_rules! on_all_toys {
    ([] $($module:ident: $problem:path,)*) => {
        vec![$(on_toy::<$problem>(
            include_bytes!(concat!("../../../instances/data/", stringify!($module), "/toy.json")),
            include_str!(concat!("../../../instances/data/", stringify!($module), "/toy_optimum.txt")),
        )),*]
    };
}

static CHECKS: LazyLock<Vec<Check>> = LazyLock::new(|| offcut_instances::for_each_problem!([] on_all_toys));

fuzz_target!(|bytes: &[u8]| CHECKS.iter().for_each(|check| check(bytes)));
