//! The optimum that stands beside each toy instance is what the methods prove.

use offcut_instances::document::parse_instance;
use offcut_instances::problems::NAMES;
use offcut_ledger::Status;
use offcut_runner::BenchmarkAdapter;

use crate::common::{objective, rows};

fn optimum_is_certified<P: BenchmarkAdapter>(toy: &[u8], optimum: &str) -> &'static str {
    let instance = parse_instance::<P>(toy).expect("the toy is good");
    let optimum: f64 = optimum.trim().parse().expect("a number");
    let rows = rows::<P>(&instance, 1);
    let certified: Vec<f64> = rows.iter().filter(|row| row.status == Status::OptimalCertified).map(objective).collect();
    assert!(!certified.is_empty(), "{}: no method proves an optimum", P::NAME);
    for value in certified {
        assert!((value - optimum).abs() <= 1e-9 * optimum, "{}: {value} and {optimum}", P::NAME);
    }
    P::NAME
}

#[test]
fn optima_of_toys_are_certified() {
    assert_eq!(offcut_instances::for_each_problem!([optimum_is_certified] crate::common::all_toys), NAMES);
}
