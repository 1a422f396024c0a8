//! The conformance suite that every method of `multiuser` passes: all methods on hundreds of random instances, checked from their
//! answers' bytes, against each other and against every certified bound.

use crate::common::{is_reported_alone, objective, of, rows};
use offcut_checker::{Proof, Tolerance};
use offcut_instances::family::Settable;
use offcut_instances::multiuser::strategy::instances;
use offcut_instances::multiuser::{Instance, Multiuser, Objective, Parameters, generate};
use offcut_instances::problem::Sense;
use offcut_ledger::{Row, Status, contradictions};
use proptest::prelude::*;

/// What holds on every instance. The word of a MILP solver is good to 1e-6; all else to rounding.
fn assert_conformance(instance: &Instance, seed: u64) {
    let rows = rows::<Multiuser>(instance, seed);
    let declined = |row: &Row| row.status == Status::Declined;
    for row in &rows {
        let fine = [Status::Feasible, Status::OptimalClaimed, Status::OptimalCertified, Status::Declined];
        assert!(fine.contains(&row.status), "{}: {:?}", row.key.method, row);
        assert!(!is_reported_alone(row), "{}: {:?}", row.key.method, row);
    }
    assert_eq!(contradictions(Sense::Minimise, &rows, &Tolerance::default()), []);
    let (exact, same): (&str, &[&str]) = match instance.objective {
        Objective::Max => ("threshold", &["milp", "iao", "iao-ds", "iao-random", "greedy-units"]),
        Objective::Sum => ("branch", &["milp", "dp"]),
    };
    assert_eq!(of(&rows, exact).status, Status::OptimalCertified, "{exact}");
    let optimum = objective(of(&rows, exact));
    for method in same {
        let within = if *method == "milp" { 1e-6 } else { 1e-9 };
        let value = objective(of(&rows, method));
        assert!((value - optimum).abs() <= within * optimum, "{method}: {value}, {exact}: {optimum}");
    }
    let Proof::Certified { value: bound } = of(&rows, exact).proof else { panic!("{exact} certifies") };
    for row in rows.iter().filter(|row| !declined(row)) {
        assert!(objective(row) >= bound, "{} is below the bound", row.key.method);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn max_on_random_instances(instance in instances(5, 12, Objective::Max), seed in any::<u64>()) {
        assert_conformance(&instance, seed);
    }

    #[test]
    fn sum_on_random_instances(instance in instances(5, 12, Objective::Sum), seed in any::<u64>()) {
        assert_conformance(&instance, seed);
    }
}

#[test]
fn every_family_and_law() {
    for family in ["zoo", "synthetic", "plateau"] {
        for objective in [Objective::Max, Objective::Sum] {
            for (seed, law) in ["linear", "amdahl", "table"].iter().enumerate() {
                let parameters = Parameters { users: 8, units: 16, objective, ..Parameters::default() };
                let parameters = parameters.with("speedup", (*law).into()).expect("a law");
                let instance = generate(family, &parameters, seed as u64).expect("legal");
                assert_conformance(&instance, seed as u64);
            }
        }
    }
}

/// A method that breaks, answers nonsense or lies becomes the right row.
mod misbehaving {
    use offcut_checker::Tolerance;
    use offcut_instances::multiuser::Solution;
    use offcut_instances::problem::{Algorithm, Answer, Bound, Budget, Evidence, Stop};
    use offcut_ledger::Key;
    use offcut_runner::cell::{checked_answer, execute};

    use super::*;

    struct Method(fn(&Instance) -> Answer<Multiuser>);

    impl Algorithm<Multiuser> for Method {
        fn id(&self) -> &str {
            "misbehaving"
        }
        fn about(&self) -> &str {
            ""
        }
        fn solve(&self, instance: &Instance, _: &Budget) -> Answer<Multiuser> {
            (self.0)(instance)
        }
    }

    fn status(solve: fn(&Instance) -> Answer<Multiuser>) -> (Status, Stop) {
        let instance = generate("zoo", &Parameters::default(), 1).expect("legal");
        let budget = Budget::default();
        let executed = execute::<Multiuser>(&Method(solve), &instance, &budget);
        let key = Key { instance: String::new(), method: String::new(), budget, code: String::new() };
        let (row, _) = checked_answer::<Multiuser>(&instance, key, &executed, &Tolerance::default());
        (row.status, row.stop)
    }

    fn all_local(instance: &Instance) -> Solution {
        let blocks = |user: &offcut_instances::multiuser::User| instance.models[user.model as usize].blocks() as u32;
        Solution { cut: instance.users.iter().map(blocks).collect(), units: vec![0; instance.users.len()] }
    }

    fn bound_alone(stop: Stop) -> Answer<Multiuser> {
        let proved = Some(Bound { value: 1e-9, evidence: Evidence::SolverReported("mine".into()) });
        Answer { proved, ..Answer::nothing(stop) }
    }

    #[test]
    fn becomes_the_right_row() {
        let (status_, stop) = status(|_| panic!("a mishap"));
        assert!(status_ == Status::Crash && matches!(stop, Stop::Failed(words) if words.contains("a mishap")));
        // NaN cannot be written as JSON, so the answer cannot be read back.
        let (status_, stop) = status(|instance| Answer::found(all_local(instance), f64::NAN));
        assert!(status_ == Status::Invalid && matches!(stop, Stop::Invalid(words) if words.contains("cannot be read")));
        assert_eq!(status(|instance| Answer::found(all_local(instance), 0.1)).0, Status::Wrong);
        assert_eq!(status(|_| Answer::found(Solution::default(), 1.0)).0, Status::Wrong);
        assert_eq!(status(|_| Answer::nothing(Stop::Infeasible)).0, Status::InfeasibleClaimed);
        assert_eq!(status(|_| Answer::nothing(Stop::TimeLimit)).0, Status::Time);
        assert_eq!(status(|_| Answer::nothing(Stop::Completed)).0, Status::NothingFound);
        assert_eq!(status(|_| bound_alone(Stop::Completed)).0, Status::Bounded);
        // Stopped early it may have missed a solution.
        assert_eq!(status(|_| bound_alone(Stop::TimeLimit)).0, Status::Time);
        assert_eq!(status(|_| Answer::declined("not mine")).0, Status::Declined);
    }
}
