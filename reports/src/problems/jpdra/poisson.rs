//! How wrong is Poisson: delays by the formula beside those of the same deployments under bursty arrivals.

use std::collections::BTreeMap;

use offcut_ledger::Row;

use crate::numbers::{duration, significant, tick};
use crate::options::Options;
use crate::results::Results;
use crate::section::Section;
use crate::simulated::{Order, Setting, Simulated, SimulatedDelay};
use crate::table::{Cell, Column, Table};

/// The section; none if nothing was simulated.
pub(super) fn section(results: &Results, options: &Options) -> Option<Section> {
    let simulated = &options.simulated;
    if simulated.delays.is_empty() {
        return None;
    }
    let rows: BTreeMap<&str, &Row> =
        results.results.iter().map(|result| (result.row.key.instance.as_str(), result.row)).collect();
    let about = "The objective takes arrivals to be Poisson. Here the same deployments with the same speeds are simulated task by task, with the same rates but \
                 burstier arrivals: gaps are independent and hyperexponential with balanced means. SCV, the squared coefficient of variation of the gaps, is 1 \
                 for Poisson arrivals. Of up to four loads one instance each is taken, the one on which the methods' objectives differ most. Methods that found the same deployment stand together.";
    Some(Section {
        title: "How wrong is Poisson".into(),
        paragraphs: vec![findings(simulated), about.into()],
        tables: std::iter::once(delays(simulated, &rows)).chain(orders(simulated, &rows)).collect(),
        ..Section::default()
    })
}

/// The delays of the best solutions.
fn best(simulated: &Simulated) -> impl Iterator<Item = &SimulatedDelay> {
    simulated.delays.iter().filter(|delay| delay.is_best)
}

/// What the numbers say, in two sentences.
fn findings(simulated: &Simulated) -> String {
    let most = best(simulated).map(|delay| delay.setting.scv).fold(1.0, f64::max);
    let at_most: Vec<&SimulatedDelay> = best(simulated).filter(|delay| delay.setting.scv == most).collect();
    let ratios: Vec<f64> = at_most.iter().map(|delay| delay.ratio()).collect();
    let open = at_most.iter().filter(|delay| !delay.setting.is_reliable).count();
    let (low, high) =
        (ratios.iter().copied().fold(f64::INFINITY, f64::min), ratios.iter().copied().fold(0.0, f64::max));
    let orders: Vec<Order> = simulated.orders.iter().filter(|o| o.setting.scv > 1.0).map(|o| o.order()).collect();
    let count = |order: Order| orders.iter().filter(|found| **found == order).count();
    let differ = orders.len() - count(Order::Equal);
    format!(
        "At SCV {} the best known deployments take {} to {} times the delay of the formula; {open} of these {} intervals are not reliable. Under bursty arrivals, of {differ} pairs of deployments that differ \
         by the formula, {} keep their order, {} reverse it, and {} are not resolved.",
        tick(most),
        significant(low, 3),
        significant(high, 3),
        ratios.len(),
        count(Order::Kept),
        count(Order::Reversed),
        count(Order::NotResolved),
    )
}

const SETTING_COLUMNS: usize = 3;

fn setting_columns() -> [Column; SETTING_COLUMNS] {
    [Column::words("instance", "instance"), Column::numbers("load", "load"), Column::numbers("SCV", "scv")]
}

fn setting_cells(setting: &Setting, rows: &BTreeMap<&str, &Row>) -> [Cell; SETTING_COLUMNS] {
    let label = rows.get(setting.instance.as_str()).map(|row| &row.instance);
    let load = label.and_then(|label| label.parameters.get("load").copied());
    [
        Cell::text(label.map_or("", |label| &label.name)),
        load.map_or_else(Cell::absent, |load| Cell::number(tick(load), load)),
        Cell::number(tick(setting.scv), setting.scv),
    ]
}

/// Whether an interval means what it says.
fn reliable(setting: &Setting) -> Cell {
    Cell::text(if setting.is_reliable { "yes" } else { "no" })
}

fn delays(simulated: &Simulated, rows: &BTreeMap<&str, &Row>) -> Table {
    let percent = tick(100.0 * simulated.confidence);
    let mut columns = setting_columns().to_vec();
    columns.extend([
        Column::words("method", "method"),
        Column::numbers("formula", "formula_s"),
        Column::numbers("simulated", "simulated_s"),
        Column::numbers("ratio", "ratio"),
        Column::intervals(format!("ratio, {percent} %"), "ratio_interval"),
        Column::numbers("tasks a flow", "tasks"),
        Column::words("reliable", "reliable"),
    ]);
    let mut table = Table::new(
        "poisson",
        "Mean delay by the formula and simulated, best known deployment of each instance",
        "Ratio: the simulated mean over that of the formula. Intervals are of batch means; reliable: batches are long against the memory of queues with such \
         bursts. An interval that is not reliable may be too narrow.",
        columns,
    )
    .in_print(&["instance", "scv", "formula_s", "simulated_s", "ratio", "ratio_interval", "reliable"]);
    for delay in best(simulated) {
        let number = |value: f64| significant(value, 4);
        let (low, high) = delay.interval_s;
        let mut row = setting_cells(&delay.setting, rows).to_vec();
        row.extend([
            Cell::text(&delay.method),
            Cell::number(duration(delay.formula_s), delay.formula_s),
            Cell::number(duration(delay.simulated_s), delay.simulated_s),
            Cell::number(number(delay.ratio()), delay.ratio()),
            Cell::interval((low / delay.formula_s, high / delay.formula_s), number),
            Cell::count(delay.setting.tasks as usize),
            reliable(&delay.setting),
        ]);
        table.push(row);
    }
    table
}

/// How the order of methods' deployments changes; none if there is no second method.
fn orders(simulated: &Simulated, rows: &BTreeMap<&str, &Row>) -> Option<Table> {
    let percent = tick(100.0 * simulated.confidence);
    let mut columns = setting_columns().to_vec();
    columns.extend([
        Column::words("first", "first"),
        Column::words("second", "second"),
        Column::numbers("second above first, formula (%)", "formula_percent"),
        Column::intervals(format!("simulated (%), {percent} %"), "simulated_percent"),
        Column::words("order", "order"),
    ]);
    let mut table = Table::new(
        "poisson_order",
        "Does the order of methods' deployments change under bursty arrivals?",
        "Both deployments see the same arrivals and service times that differ by their means alone, so their difference is known better than either delay. The interval is \
         of the difference of means, over the simulated mean of the first. Kept, reversed: the interval lies on one side of 0. Not resolved: it holds 0, or is not reliable. Equal: the formula's \
         difference is at most 1e-6.",
        columns,
    )
    .in_print(&["instance", "scv", "first", "second", "formula_percent", "simulated_percent", "order"]);
    for order in &simulated.orders {
        let number = |value: f64| significant(value, 3);
        let (low, high) = order.interval;
        let word = match order.order() {
            Order::Equal => "equal",
            Order::Kept => "kept",
            Order::Reversed => "reversed",
            Order::NotResolved => "not resolved",
        };
        let [first, second] = &order.methods;
        let mut row = setting_cells(&order.setting, rows).to_vec();
        row.extend([
            Cell::text(first),
            Cell::text(second),
            Cell::number(number(100.0 * order.formula), 100.0 * order.formula),
            Cell::interval((100.0 * low, 100.0 * high), number),
            Cell::text(word),
        ]);
        table.push(row);
    }
    (!table.rows.is_empty()).then_some(table)
}
