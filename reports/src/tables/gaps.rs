//! Gaps of all methods, and their definition.

use offcut_instances::problem::Sense;

use super::cells::gap_cell;
use crate::method_gaps::method_gaps;
use crate::numbers;
use crate::results::Results;
use crate::statistics::{mean, median, range};
use crate::table::{Cell, Column, Table};

/// Every method over the whole run.
pub fn gaps(results: &Results) -> Table {
    let mut table = Table::new(
        "gaps",
        "Gap of every method over all instances of the run",
        "Mean, median and max are over instances, after averaging the seeds of each instance. Worst row: the largest \
         gap of a single row. Interval: 95 % bootstrap interval of the mean over instances. Certified: share of \
         attempted rows whose gap rests on a replayed certificate of any method. At optimum: rows with a certified \
         gap of 0. Own certificate: rows that carry this certificate themselves. Best: instances on which the mean \
         objective equals the best known one; ties count for every method.",
        vec![
            Column::words("method", "method"),
            Column::numbers("instances", "instances"),
            Column::numbers("feasible", "feasible"),
            Column::bounded("mean gap (%)", "mean_gap_percent"),
            Column::intervals("95 % interval (%)", "interval_percent"),
            Column::bounded("median (%)", "median_gap_percent"),
            Column::bounded("max (%)", "max_gap_percent"),
            Column::bounded("worst row (%)", "worst_row_percent"),
            Column::numbers("certified (%)", "certified_percent"),
            Column::numbers("rows", "rows"),
            Column::numbers("at optimum", "at_optimum"),
            Column::numbers("own certificate", "own_certificate"),
            Column::numbers("best", "best"),
        ],
    )
    .in_print(&[
        "method",
        "instances",
        "mean_gap_percent",
        "interval_percent",
        "max_gap_percent",
        "certified_percent",
        "at_optimum",
    ]);
    for of in method_gaps(results) {
        let cell = |gap: Option<f64>| gap.map_or_else(Cell::absent, |gap| gap_cell(results, gap, of.certified));
        let percent = |gap: f64| numbers::percent(gap, results.tolerance(of.certified));
        let [attempted, certified, optimal, own] = of.rows;
        let share = (attempted > 0).then(|| 100.0 * certified as f64 / attempted as f64);
        table.push(vec![
            Cell::text(&of.method),
            Cell::count(of.attempted),
            Cell::count(of.feasible),
            cell(mean(&of.gaps)),
            of.interval.map_or_else(Cell::absent, |(low, high)| {
                Cell::interval((100.0 * low, 100.0 * high), |end| percent(end / 100.0))
            }),
            cell(median(&of.gaps)),
            cell(range(&of.gaps).map(|(_, high)| high)),
            cell(of.worst_row),
            share.map_or_else(Cell::absent, |share| Cell::number(numbers::fixed(share, 0), share)),
            Cell::count(attempted),
            Cell::count(optimal),
            Cell::count(own),
            Cell::count(of.wins),
        ]);
    }
    table
}

/// The gap's definition for a direction, once for the whole report.
pub fn gap_definition(sense: Sense) -> &'static str {
    match sense {
        Sense::Minimise => {
            "Gap = (H - LB)/LB, where H is the objective value computed by the checker and LB the best lower bound \
             of any method in this run for the same instance. It is an upper limit of the distance from the optimum."
        }
        Sense::Maximise => {
            "Gap = 1 - H/UB, where H is the objective value computed by the checker and UB the best upper bound of \
             any method in this run for the same instance. It is an upper limit of the distance from the optimum."
        }
    }
}
