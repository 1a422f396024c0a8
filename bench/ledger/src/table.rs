//! Rows as one flat table, a line a row, for programs that know nothing of Offcut.
//!
//! A column has one type and, where its name ends in one, a unit: `_s` seconds, `_bytes` bytes. Parameters of families and methods, measures and counts are
//! columns of their own, `family_<name>`, `method_<name>`, `measure_<name>` and `count_<name>`: the union over all rows. What a row does not have is absent.
//! Parameters of families that are no numbers are there where a suite sets them.
//!
//! | columns | hold |
//! |---|---|
//! | `run`, `problem`, `sense` | the run's name; the problem; `minimise` or `maximise` |
//! | `studies` | the studies that the row belongs to, separated by `;` |
//! | `study`, `series`, `axis`, `axis_unit`, `x` | instead of `studies` with a line a study: the row's place in it |
//! | `family`, `variant`, `instance`, `instance_hash`, `instance_seed` | the instance |
//! | `method`, `algorithm` | the method with its parameters; without them |
//! | `seed`, `threads`, `time_limit_s`, `memory_limit_bytes`, `code` | the rest of the row's key |
//! | `status`, `stop`, `reason` | the outcome; why the method stopped, and its words for it |
//! | `objective`, `objective_name`, `objective_unit` | the checked objective of a feasible solution |
//! | `claimed_objective`, `violations` | the objective that the method claimed; how many violations the checker found in solution and bound |
//! | `bound`, `evidence` | the bound, and what is behind it: `certificate`, `solver-reported`, `infeasible`, `rejected` |
//! | `certified_bound` | the best bound of the answer that a replayed certificate proves: `bound` itself, or one beside it |
//! | `gap_low`, `gap_high`, `gap_certified` | see [`crate::gap`] |
//! | `instance_proved_infeasible` | whether a replayed certificate of any method proves that the instance has no solution |
//! | `build_s`, `solve_s`, `solve_cpu_s`, `check_s`, `peak_memory_bytes` | the cell's times and memory |
//! | `process_s`, `process_cpu_s`, `process_memory_bytes`, `process_ended` | the same of its process, seen from outside |
//! | `ready_s`, `exceeds_threads`, `orphans`, `isolation` | when it had read the instance; whether it took more CPU seconds than its threads have; how many processes it left behind; what kept it to itself, separated by `;` |
//! | `history_rejected` | why its incumbents do not count |
//! | `made_on`, `node`, `answer_hash` | the machine; the node of a cluster; the answer |

use std::collections::{BTreeMap, BTreeSet, HashMap};

use offcut_checker::Proof;
use offcut_instances::problem::{MethodSpec, Sense, Stop};

use crate::gap::{BestKnown, best_known_with, feasible_objective, proved_infeasible};
use crate::manifest::{Manifest, Study, StudyCell};
use crate::row::Row;

/// The type of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Text.
    Text,
    /// A float.
    Number,
    /// An integer, 0 or above.
    Count,
    /// True or false.
    Flag,
}

/// A value of a column of the same [`Kind`].
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Text.
    Text(String),
    /// A float, finite.
    Number(f64),
    /// An integer.
    Count(u64),
    /// True or false.
    Flag(bool),
}

impl Value {
    /// The type of the column that it can stand in.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Text(_) => Kind::Text,
            Self::Number(_) => Kind::Number,
            Self::Count(_) => Kind::Count,
            Self::Flag(_) => Kind::Flag,
        }
    }
}

/// A column: its name, its type, and a value or none for every line.
#[derive(Clone, Debug, PartialEq)]
pub struct Column {
    /// Its name, unique in the table.
    pub name: String,
    /// The type of all its values.
    pub kind: Kind,
    /// A value for every line of the table, where it has one.
    pub values: Vec<Option<Value>>,
}

/// Columns of the same length.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Table {
    /// The columns, in their order.
    pub columns: Vec<Column>,
    /// How many lines there are.
    pub lines: usize,
}

/// The rows of a run, and what else is known about its instances.
#[derive(Clone, Copy, Debug)]
pub struct Run<'a> {
    /// Its manifest.
    pub manifest: &'a Manifest,
    /// Its rows.
    pub rows: &'a [Row],
    /// The best known values of a library, by instance hash.
    pub library: &'a BTreeMap<String, BestKnown>,
}

/// What a table has a line for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lines {
    /// Every row.
    Rows,
    /// Every row and study that it belongs to; a row of no study has one line.
    Studies,
}

/// The rows of some runs as one table. Gaps are those within each run, as its report has them.
pub fn table(runs: &[Run<'_>], lines: Lines) -> Table {
    let mut made = Builder::default();
    for run in runs {
        add_run(&mut made, run, lines);
    }
    made.finish()
}

fn add_run(made: &mut Builder, run: &Run<'_>, lines: Lines) {
    let best = best_known_with(run.manifest.sense, run.rows, run.library);
    let infeasible = proved_infeasible(run.rows);
    let mut places: HashMap<&str, Vec<(&Study, &StudyCell)>> = HashMap::new();
    for study in &run.manifest.studies {
        for cell in &study.cells {
            places.entry(cell.key.as_str()).or_default().push((study, cell));
        }
    }
    let mut seen = BTreeSet::new();
    for row in run.rows {
        let key = row.key.line();
        if !seen.insert(key.clone()) {
            continue;
        }
        let of_row = places.get(key.as_str()).map_or(&[][..], Vec::as_slice);
        match lines {
            Lines::Rows => {
                made.begin();
                add_head(made, run.manifest);
                made.text("studies", joined(of_row));
                add_row(made, run.manifest, row, &best, &infeasible);
            }
            Lines::Studies => {
                for place in of_row.iter().copied().map(Some).chain(of_row.is_empty().then_some(None)) {
                    made.begin();
                    add_head(made, run.manifest);
                    add_place(made, place);
                    add_row(made, run.manifest, row, &best, &infeasible);
                }
            }
        }
    }
}

/// The names of the studies, each once.
fn joined(places: &[(&Study, &StudyCell)]) -> Option<String> {
    let mut names: Vec<&str> = places.iter().map(|(study, _)| study.name.as_str()).collect();
    names.dedup();
    (!names.is_empty()).then(|| names.join(";"))
}

fn add_head(made: &mut Builder, manifest: &Manifest) {
    made.text("run", Some(manifest.id.clone()));
    made.text("problem", Some(manifest.problem.clone()));
    let sense = match manifest.sense {
        Sense::Minimise => "minimise",
        Sense::Maximise => "maximise",
    };
    made.text("sense", Some(sense.into()));
}

fn add_place(made: &mut Builder, place: Option<(&Study, &StudyCell)>) {
    let axis = place.and_then(|(study, _)| study.axis.as_ref());
    made.text("study", place.map(|(study, _)| study.name.clone()));
    made.text("series", place.map(|(_, cell)| cell.series.clone()));
    made.text("axis", axis.map(|axis| axis.name.clone()));
    made.text("axis_unit", axis.map(|axis| axis.unit.clone()));
    made.number("x", place.and_then(|(_, cell)| cell.x));
}

fn add_row(
    made: &mut Builder,
    manifest: &Manifest,
    row: &Row,
    best: &BTreeMap<String, BestKnown>,
    infeasible: &BTreeSet<&str>,
) {
    add_key(made, row);
    add_outcome(made, manifest, row);
    let gap = feasible_objective(row).and_then(|objective| best.get(&row.key.instance)?.gap(manifest.sense, objective));
    made.number("gap_low", gap.map(|gap| gap.low));
    made.number("gap_high", gap.map(|gap| gap.high));
    made.flag("gap_certified", gap.map(|gap| gap.certified));
    made.flag("instance_proved_infeasible", Some(infeasible.contains(row.key.instance.as_str())));
    add_costs(made, row);
    made.text("made_on", Some(row.made_on.clone()).filter(|machine| !machine.is_empty()));
    made.text("node", row.node().map(str::to_owned));
    made.text("answer_hash", row.answer_hash.clone());
    for (name, value) in &row.instance.parameters {
        made.extra("family", name, Value::Number(*value));
    }
    for (name, value) in &row.instance.settings {
        made.extra("family", name, Value::Text(value.clone()));
    }
    for (name, value) in row.key.method.parse::<MethodSpec>().map(|spec| spec.parameters).unwrap_or_default() {
        made.extra("method", &name, Value::Number(value));
    }
    for (name, value) in &row.measures {
        made.extra("measure", name, Value::Number(*value));
    }
    for (name, count) in &row.counts {
        made.extra("count", name, Value::Count(*count));
    }
}

fn add_key(made: &mut Builder, row: &Row) {
    let (key, instance) = (&row.key, &row.instance);
    made.text("family", Some(instance.family.clone()).filter(|family| !family.is_empty()));
    made.text("variant", Some(instance.variant.clone()).filter(|variant| !variant.is_empty()));
    made.text("instance", Some(instance.name.clone()).filter(|name| !name.is_empty()));
    made.text("instance_hash", Some(key.instance.clone()));
    made.count("instance_seed", Some(instance.seed));
    made.text("method", Some(key.method.clone()));
    made.text("algorithm", Some(MethodSpec::id_in(&key.method).to_owned()));
    made.count("seed", Some(key.budget.seed));
    made.count("threads", Some(key.budget.threads.into()));
    made.number("time_limit_s", key.budget.time_s);
    made.count("memory_limit_bytes", key.budget.memory_bytes);
    made.text("code", Some(key.code.clone()));
}

fn add_outcome(made: &mut Builder, manifest: &Manifest, row: &Row) {
    made.text("status", Some(row.status.name().into()));
    let (stop, reason) = match &row.stop {
        Stop::Completed => ("completed", None),
        Stop::Infeasible => ("infeasible", None),
        Stop::TimeLimit => ("time-limit", None),
        Stop::MemoryLimit => ("memory-limit", None),
        Stop::Declined(reason) => ("declined", Some(reason)),
        Stop::Failed(reason) => ("failed", Some(reason)),
        Stop::Invalid(reason) => ("invalid", Some(reason)),
    };
    made.text("stop", Some(stop.into()));
    made.text("reason", reason.cloned());
    let quantity = manifest.variant_objectives.get(&row.instance.variant).unwrap_or(&manifest.objective);
    made.number("objective", feasible_objective(row));
    made.text("objective_name", Some(quantity.name.clone()));
    made.text("objective_unit", Some(quantity.unit.clone()));
    made.number("claimed_objective", row.claimed_objective);
    let (bound, evidence) = match &row.proof {
        Proof::Nothing => (None, None),
        Proof::Infeasible => (None, Some("infeasible")),
        Proof::Certified { value } => (Some(*value), Some("certificate")),
        Proof::SolverReported { value, .. } => (Some(*value), Some("solver-reported")),
        Proof::Rejected { .. } => (None, Some("rejected")),
    };
    let rejected: usize = row.proofs().iter().map(|proof| proof.violations().len()).sum();
    made.count("violations", Some((row.violations.len() + rejected) as u64));
    made.number("bound", bound);
    made.text("evidence", evidence.map(Into::into));
    made.number("certified_bound", row.certified_bound(manifest.sense));
}

fn add_costs(made: &mut Builder, row: &Row) {
    let process = row.process.as_ref();
    made.number("build_s", row.times.build_s);
    made.number("solve_s", Some(row.times.solve_s));
    made.number("solve_cpu_s", row.times.solve_cpu_s);
    made.number("check_s", Some(row.times.check_s));
    made.count("peak_memory_bytes", row.peak_memory_bytes);
    made.number("process_s", process.map(|process| process.wall_s));
    made.number("process_cpu_s", process.map(|process| process.cpu_s));
    made.count("process_memory_bytes", process.map(|process| process.peak_memory_bytes));
    made.text("process_ended", process.map(|process| process.ended.clone()));
    made.number("ready_s", process.and_then(|process| process.ready_s));
    made.flag("exceeds_threads", process.map(|process| process.shows_more_than(row.key.budget.threads)));
    made.count("orphans", process.map(|process| process.orphans.values().sum()));
    made.text("isolation", process.map(|process| process.isolation.join(";")).filter(|words| !words.is_empty()));
    made.text("history_rejected", row.history_rejected.clone());
}

/// A table while lines are added to it.
#[derive(Default)]
struct Builder {
    columns: Vec<Column>,
    /// Columns whose names come from the rows, by name.
    extra: BTreeMap<(&'static str, String), Column>,
    lines: usize,
    /// The next fixed column of the line: all lines have the same, in the same order.
    next: usize,
}

impl Builder {
    fn begin(&mut self) {
        self.lines += 1;
        self.next = 0;
    }

    fn put(&mut self, name: &str, kind: Kind, value: Option<Value>) {
        if self.next == self.columns.len() {
            self.columns.push(Column { name: name.into(), kind, values: Vec::new() });
        }
        let column = &mut self.columns[self.next];
        debug_assert_eq!(
            (column.name.as_str(), column.values.len() + 1),
            (name, self.lines),
            "every line has the same columns"
        );
        column.values.push(value);
        self.next += 1;
    }

    fn text(&mut self, name: &str, value: Option<String>) {
        self.put(name, Kind::Text, value.map(Value::Text));
    }

    fn number(&mut self, name: &str, value: Option<f64>) {
        self.put(name, Kind::Number, value.filter(|value| value.is_finite()).map(Value::Number));
    }

    fn count(&mut self, name: &str, value: Option<u64>) {
        self.put(name, Kind::Count, value.map(Value::Count));
    }

    fn flag(&mut self, name: &str, value: Option<bool>) {
        self.put(name, Kind::Flag, value.map(Value::Flag));
    }

    fn extra(&mut self, prefix: &'static str, name: &str, value: Value) {
        if matches!(value, Value::Number(number) if !number.is_finite()) {
            return;
        }
        let column = self.extra.entry((prefix, name.to_owned())).or_insert_with(|| Column {
            name: format!("{prefix}_{name}"),
            kind: value.kind(),
            values: Vec::new(),
        });
        column.values.resize(self.lines - 1, None);
        column.values.push(Some(value));
    }

    fn finish(mut self) -> Table {
        // Families first, then methods, measures and counts.
        let order = |prefix: &str| ["family", "method", "measure", "count"].iter().position(|known| *known == prefix);
        let mut extra: Vec<((&str, String), Column)> = self.extra.into_iter().collect();
        extra.sort_by_key(|((prefix, _), _)| order(prefix));
        self.columns.extend(extra.into_iter().map(|(_, column)| column));
        for column in &mut self.columns {
            column.values.resize(self.lines, None);
        }
        Table { columns: self.columns, lines: self.lines }
    }
}
