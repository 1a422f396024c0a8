//! Prices of threads from HiGHS's duals: the certified bound that the mixed-integer programs hand over beside HiGHS's.
//!
//! The dual of a cloudlet's row in the relaxation of the generalised assignment problem is the price of its threads, and the price bound at these prices is the
//! LP bound or better, whatever HiGHS's accuracy (module `model`). Where the relaxation takes too long the prices are those of module `bound`.

use std::time::Instant;

use good_lp::variable;
use offcut_instances::problem::{Budget, Stop};
use offcut_instances::throughput::{Certificate, PriceNode, Throughput};

use super::assignment::{MAX_BINARIES, Model};
use super::bound::{PriceTarget, handed_over, least_bound};
use super::model::Admission;
use super::threads::Needs;
use crate::highs::{self, Program, Relaxed};

/// The relaxation's optimum, and the prices of its capacity rows.
pub(super) struct Duals {
    pub(super) relaxed: Relaxed,
    pub(super) prices: Vec<f64>,
}

/// The relaxation of a model with variables; none if time runs out. `unit` is the model's unit of profit.
///
/// # Errors
/// As [`highs::relax`].
pub(super) fn duals(needs: &Needs, program: Program, unit: f64, time_s: Option<f64>) -> Result<Option<Duals>, Stop> {
    let Some(relaxed) = highs::relax(program, time_s)? else { return Ok(None) };
    // HiGHS's sign of a dual depends on its sense; a price is its size.
    let price = |dual: &f64| if dual.abs() < 1e-12 { 0.0 } else { unit * dual.abs() };
    let prices = relaxed.row_duals.iter().take(needs.cloudlets()).map(price).collect();
    Ok(Some(Duals { relaxed, prices }))
}

/// The price bound at some prices as it is handed over, with its certificate.
pub(super) fn bound_at(needs: &Needs, prices: Vec<f64>) -> (f64, Certificate) {
    let admission = Admission::new(needs);
    let value = handed_over(needs, admission.is_whole, admission.bound(&prices));
    (value, needs.certificate(vec![PriceNode::Leaf { prices }]))
}

/// Prices without HiGHS: the best ones that the time left allows.
pub(super) fn prices_without_highs(needs: &Needs, is_out_of_time: &dyn Fn() -> bool) -> Vec<f64> {
    let target = PriceTarget { gap: 1e-6, coldest: 1e-8 };
    least_bound(&Admission::new(needs), target, None, is_out_of_time).prices
}

/// The certified bound of the root relaxation; none while a model is exported.
pub(super) fn certified(needs: &Needs, budget: &Budget, began: Instant) -> Option<(f64, Certificate)> {
    highs::root_bound::<Throughput>(|| {
        let without_highs = || prices_without_highs(needs, &|| highs::is_root_out_of_time(budget, began));
        let prices = match needs.pairs() {
            0 => vec![0.0; needs.cloudlets()],
            1..=MAX_BINARIES => {
                let Model { program, unit, .. } = Model::new(needs, || variable().min(0.0));
                match duals(needs, program, unit, highs::root_time_s(budget, began)) {
                    Ok(Some(duals)) => duals.prices,
                    Ok(None) | Err(_) => without_highs(),
                }
            }
            _ => without_highs(),
        };
        Some(bound_at(needs, prices))
    })
}
