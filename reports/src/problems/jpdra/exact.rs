//! Exact methods: root gap, nodes and seconds over sizes, loads and transfer costs.

use std::collections::{BTreeMap, BTreeSet};

use offcut_ledger::{Row, Status};

use crate::comparison::Class;
use crate::numbers::{self, duration, significant, whole};
use crate::options::Options;
use crate::results::{Result, Results};
use crate::section::Section;
use crate::statistics::{mean, range, shifted_geometric_mean};
use crate::table::{Cell, Column, Style, Table};

/// What instances of the exact studies are grouped by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Group {
    family: String,
    /// Flows, partitions, servers.
    size: [u64; 3],
    /// Bits of load and of hop over stage: positive floats sort as their bits do.
    load: u64,
    transfer: Option<u64>,
}

impl Group {
    fn of(result: &Result) -> Self {
        let label = &result.row.instance;
        let parameter = |name: &str| label.parameters.get(name).copied().unwrap_or(0.0);
        // What the family makes of the parameter: see the generator.
        let transfer = match label.family.as_str() {
            "zoo" => None,
            "queue" | "equal" => Some(0.0),
            "transfer" => Some(10.0 * parameter("transfer")),
            _ => Some(parameter("transfer")),
        };
        Self {
            family: label.family.clone(),
            size: ["flows", "partitions", "servers"].map(|name| parameter(name) as u64),
            load: parameter("load").to_bits(),
            transfer: transfer.map(f64::to_bits),
        }
    }

    fn size(&self) -> String {
        let [flows, partitions, servers] = self.size;
        format!("{flows}×{partitions}×{servers}")
    }

    fn load(&self) -> f64 {
        f64::from_bits(self.load)
    }

    const COLUMNS: usize = 4;

    fn columns() -> [Column; Self::COLUMNS] {
        [
            Column::words("family", "family"),
            Column::words("flows × partitions × servers", "size"),
            Column::numbers("load", "load"),
            Column::numbers("hop / stage", "hop_over_stage"),
        ]
    }

    fn cells(&self) -> [Cell; Self::COLUMNS] {
        let number = |value: f64| Cell::number(numbers::tick(value), value);
        let transfer = self.transfer.map_or_else(Cell::absent, |bits| number(f64::from_bits(bits)));
        [Cell::text(&self.family), Cell::text(self.size()), number(self.load()), transfer]
    }
}

/// The rows of all studies whose names begin with `exact`, each once, by group and method.
fn exact_rows<'r, 'a>(results: &'r Results<'a>) -> BTreeMap<Group, BTreeMap<&'r str, Vec<&'r Result<'a>>>> {
    let studies = results.manifest.studies.iter().filter(|study| study.name.starts_with("exact"));
    let keys: BTreeSet<&str> = studies.flat_map(|study| &study.cells).map(|cell| cell.key.as_str()).collect();
    let mut groups: BTreeMap<Group, BTreeMap<&str, Vec<&Result>>> = BTreeMap::new();
    for result in keys.into_iter().filter_map(|key| results.of_key(key)).filter(|r| r.is_attempted()) {
        let methods = groups.entry(Group::of(result)).or_default();
        methods.entry(&result.row.key.method).or_default().push(result);
    }
    groups
}

/// Whether a certificate proves the optimum.
fn is_certified(result: &Result) -> bool {
    result.row.status == Status::OptimalCertified
}

pub(super) fn section(results: &Results, options: &Options) -> Option<Section> {
    let groups = exact_rows(results);
    let mut tables: Vec<Table> = [branch_table(results, options, &groups)].into_iter().flatten().collect();
    tables.extend(seconds_table(options, &groups));
    tables.extend([true, false].into_iter().filter_map(|certified| bounds_table(results, &groups, certified)));
    (!tables.is_empty()).then(|| Section {
        title: "Exact methods: root gap, nodes, seconds".into(),
        paragraphs: certified_families(results, &groups).into_iter().collect(),
        tables,
        figures: Vec::new(),
        ..Section::default()
    })
}

type Groups<'r, 'a> = BTreeMap<Group, BTreeMap<&'r str, Vec<&'r Result<'a>>>>;

fn branch_table(results: &Results, options: &Options, groups: &Groups) -> Option<Table> {
    let mut table = Table::new(
        "exact",
        "Exact search (branch): root gap, nodes, seconds",
        format!(
            "Certified: rows whose optimum is proved by a replayed certificate. Root gap: gap \
             between the bound before branching and the best solution of the search (reported by the method). Final \
             gap: the largest certified gap of a row. Seconds: shifted geometric mean, shift {} s, of the times as \
             measured, rows without a proof included. Hop / stage: mean \
             time of a hop over mean time in a stage.",
            numbers::data(options.time_shift_s)
        ),
        Group::columns()
            .into_iter()
            .chain([
                Column::numbers("certified", "certified"),
                Column::numbers("of rows", "rows"),
                Column::numbers("mean root gap (%)", "mean_root_gap_percent"),
                Column::numbers("max root gap (%)", "max_root_gap_percent"),
                Column::numbers("mean nodes", "mean_nodes"),
                Column::numbers("max nodes", "max_nodes"),
                Column::bounded("final gap (%)", "final_gap_percent"),
                Column::numbers("seconds", "seconds"),
                Column::numbers("max seconds", "max_seconds"),
            ])
            .collect(),
    )
    .in_print(&["family", "size", "load", "certified", "rows", "final_gap_percent", "seconds"]);
    for (group, methods) in groups {
        if let Some(rows) = methods.get("branch") {
            let cells = branch_cells(results, options, rows);
            table.push(group.cells().into_iter().chain(cells).collect());
        }
    }
    (!table.rows.is_empty()).then_some(table)
}

/// What the rows of a group say, in the order of the columns.
fn branch_cells(results: &Results, options: &Options, rows: &[&Result]) -> [Cell; 9] {
    let percent = |gap: Option<f64>| {
        gap.map_or_else(Cell::absent, |gap| Cell::number(numbers::percent(gap, results.tolerance(true)), 100.0 * gap))
    };
    let time = |s: Option<f64>| s.map_or_else(Cell::absent, |s| Cell::number(duration(s), s));
    let max = |values: &[f64]| range(values).map(|(_, high)| high);
    let roots = rows.iter().filter(|r| r.objective.is_some());
    let roots: Vec<f64> = roots.filter_map(|r| Some(*r.row.counts.get("root gap, 1e-9")? as f64 * 1e-9)).collect();
    let nodes: Vec<f64> = rows.iter().filter_map(|r| r.row.counts.get("nodes").map(|count| *count as f64)).collect();
    let seconds: Vec<f64> = rows.iter().filter_map(|r| r.measured_s()).collect();
    let gaps: Vec<_> = rows.iter().filter_map(|r| r.gap).collect();
    let highs: Vec<f64> = gaps.iter().map(|gap| gap.high).collect();
    let certified = rows.iter().filter(|r| is_certified(r)).count();
    [
        Cell::count(certified).styled(if certified < rows.len() { Style::Failure } else { Style::Plain }),
        Cell::count(rows.len()),
        percent(mean(&roots)),
        percent(max(&roots)),
        mean(&nodes).map_or_else(Cell::absent, |n| Cell::number(significant(n, 3), n)),
        max(&nodes).map_or_else(Cell::absent, |n| Cell::number(whole(n as u64), n)),
        percent(max(&highs)).styled(if gaps.iter().all(|gap| gap.certified) { Style::Plain } else { Style::Unchecked }),
        time(shifted_geometric_mean(&seconds, options.time_shift_s)),
        time(max(&seconds)),
    ]
}

/// The families of which branch certifies every row, and the open rows of the others.
fn certified_families(results: &Results, groups: &Groups) -> Option<String> {
    let mut families: BTreeMap<&str, Vec<(&Group, &Result)>> = BTreeMap::new();
    let mut limit: Option<f64> = None;
    for (group, methods) in groups {
        for result in methods.get("branch").into_iter().flatten() {
            families.entry(&group.family).or_default().push((group, result));
            limit = limit.into_iter().chain(result.row.key.budget.time_s).reduce(f64::max);
        }
    }
    if families.is_empty() {
        return None;
    }
    let within = limit.map_or(String::new(), |s| format!(" within {} s", numbers::data(s)));
    let (mut closed, mut open_families) = (Vec::new(), Vec::new());
    for (family, rows) in &families {
        let open: Vec<_> = rows.iter().filter(|(_, result)| !is_certified(result)).collect();
        if open.is_empty() {
            closed.push(format!("{family} ({} rows)", rows.len()));
            continue;
        }
        let left = open.iter().filter_map(|(group, result)| Some((result.gap?.high, *group)));
        let worst = left.max_by(|a, b| a.0.total_cmp(&b.0));
        let worst = worst.map_or(String::new(), |(gap, group)| {
            let gap = numbers::percent(gap, results.tolerance(true));
            format!(", largest final gap {gap} % at {} and load {}", group.size(), numbers::tick(group.load()))
        });
        open_families.push(format!("{family} ({} of {} rows open{worst})", open.len(), rows.len()));
    }
    let mut words = Vec::new();
    if !closed.is_empty() {
        words.push(format!("branch certifies every row{within} of these families: {}.", closed.join(", ")));
    }
    words.push(match &open_families[..] {
        [] => "No family has open rows.".to_owned(),
        some => format!("Families with open rows{within}: {}.", some.join("; ")),
    });
    Some(words.join(" "))
}

/// The methods that prove something in the exact studies.
fn proving<'r>(groups: &Groups<'r, '_>) -> BTreeSet<&'r str> {
    let all = groups.values().flatten();
    let proves = |rows: &[&Result]| rows.iter().any(|r| r.row.claims_bound());
    all.filter(|(_, rows)| proves(rows)).map(|(method, _)| *method).collect()
}

/// Groups on which more than one method tried to prove something, with a cell for each.
fn side_by_side(groups: &Groups, mut table: Table, cell: impl Fn(&[&Result]) -> Cell, bounded: bool) -> Option<Table> {
    let methods = proving(groups);
    let column = |m: &&str| if bounded { Column::bounded(*m, *m) } else { Column::numbers(*m, *m) };
    table.columns = Group::columns().into_iter().chain(methods.iter().map(column)).collect();
    for (group, of_it) in groups {
        if of_it.keys().filter(|method| methods.contains(*method)).count() < 2 {
            continue;
        }
        let of = |method: &&str| of_it.get(method).map_or_else(Cell::absent, |rows| cell(rows));
        table.push(group.cells().into_iter().chain(methods.iter().map(of)).collect());
    }
    (!table.rows.is_empty()).then_some(table)
}

fn seconds_table(options: &Options, groups: &Groups) -> Option<Table> {
    let note = format!(
        "Shifted geometric mean, shift {} s, of the times as measured. (a/b): a of b rows end with a proved optimum, \
         by a certificate or a solver-reported bound; the others ended without one.",
        numbers::data(options.time_shift_s)
    );
    let table = Table::new("exact-methods", "Exact methods: solution time", note, Vec::new());
    let cell = |rows: &[&Result]| {
        let is_proved = |r: &&&Result| Class::Exact.is_solved(r);
        let proved = rows.iter().filter(is_proved).count();
        let partial = if proved == rows.len() { String::new() } else { format!(" ({proved}/{})", rows.len()) };
        let seconds: Vec<f64> = rows.iter().filter_map(|r| r.measured_s()).collect();
        let mean = shifted_geometric_mean(&seconds, options.time_shift_s).expect("groups have rows");
        Cell::number(format!("{}{partial}", duration(mean)), mean)
    };
    side_by_side(groups, table, cell, false)
}

/// How far the methods' own bounds are from the best solution: those with certificates, or those that are solver-reported.
fn bounds_table(results: &Results, groups: &Groups, certified: bool) -> Option<Table> {
    let of = "Best solution of any method / the method's own bound - 1, mean over the rows with such a bound.";
    let (id, title, note) = if certified {
        ("exact-bounds", "Exact methods: gap of their certified bounds to the best solution (%)", of.to_owned())
    } else {
        let note = format!("{of} They are not checked; the certified bounds of the same rows are in the table before.");
        ("exact-reported", "Exact methods: gap of their solver-reported bounds to the best solution (%)", note)
    };
    let table = Table::new(id, title, note, Vec::new());
    let bound_of = |row: &Row| {
        if certified { row.certified_bound(results.manifest.sense) } else { row.proof.solver_reported() }
    };
    if !groups.values().flat_map(|of_it| of_it.values().flatten()).any(|r| bound_of(r.row).is_some()) {
        return None;
    }
    let cell = |rows: &[&Result]| {
        let distance = |r: &&Result| {
            let (bound, best) = (bound_of(r.row)?, results.best[&r.row.key.instance].objective?);
            (bound > 0.0).then(|| (best / bound - 1.0).max(0.0))
        };
        let values: Vec<f64> = rows.iter().filter_map(distance).collect();
        let style = if certified { Style::Plain } else { Style::Unchecked };
        mean(&values).map_or_else(Cell::absent, |mean| {
            Cell::number(numbers::percent(mean, results.tolerance(certified)), 100.0 * mean).styled(style)
        })
    };
    side_by_side(groups, table, cell, true)
}
