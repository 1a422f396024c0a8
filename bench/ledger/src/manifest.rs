//! What a run set out to do.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::io::Write;
use std::path::Path;

use offcut_checker::Tolerance;
use offcut_instances::document::InputError;
use offcut_instances::problem::Sense;
use serde::{Deserialize, Serialize};

/// The manifest of a run: `runs/<id>/manifest.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// The run's name, which is its folder's.
    pub id: String,
    /// A title for the report.
    pub title: String,
    /// The problem's name.
    pub problem: String,
    /// Whether the problem minimises or maximises.
    pub sense: Sense,
    /// What the objective is called and its unit, e.g. `latency`, `s`.
    pub objective: Quantity,
    /// The same for variants of the problem whose objective is another one, by [`crate::row::InstanceLabel::variant`].
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub variant_objectives: BTreeMap<String, Quantity>,
    /// The checker's measures that reports show, by their keys in rows. Empty in manifests of before they were told.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub measures: BTreeMap<String, Quantity>,
    /// The methods, as rows name them, whose answers depend on the seed.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub random_methods: BTreeSet<String>,
    /// The studies: which cells belong to which table and figure.
    pub studies: Vec<Study>,
    /// Seed of the order in which the cells are run.
    pub order_seed: u64,
    /// How many cells were run at a time, the last time the run went on.
    #[serde(default = "one")]
    pub jobs: usize,
    /// The tolerances of the checker.
    pub tolerance: Tolerance,
    /// Where and with what it ran.
    pub environment: Environment,
    /// How noisy it was; kept in a file of its own.
    #[serde(skip)]
    pub reference: Reference,
}

impl Manifest {
    /// Takes over what `earlier`, the manifest that the folder has, says of cells that stay: those of a study of the same name and axis join it, others stay in
    /// their study, under another name if that is taken.
    pub fn take_over(&mut self, earlier: Self, stays: impl Fn(&StudyCell) -> bool) {
        for mut study in earlier.studies {
            study.cells.retain(&stays);
            let is_same = |known: &&mut Study| {
                (&known.name, &known.axis, known.log_axis) == (&study.name, &study.axis, study.log_axis)
            };
            if let Some(known) = self.studies.iter_mut().find(is_same) {
                let there: HashSet<(String, String)> =
                    known.cells.iter().map(|cell| (cell.series.clone(), cell.key.clone())).collect();
                study.cells.retain(|cell| !there.contains(&(cell.series.clone(), cell.key.clone())));
                known.cells.append(&mut study.cells);
            } else if !study.cells.is_empty() {
                let is_taken = |name: &str| self.studies.iter().any(|known| known.name == name);
                let numbered = (2..).map(|number| format!("{}-{number}", study.name));
                let mut names = std::iter::once(study.name.clone()).chain(numbered);
                study.name = names.find(|name| !is_taken(name)).expect("numbers do not end");
                self.studies.push(study);
            }
        }
        for (variant, objective) in earlier.variant_objectives {
            self.variant_objectives.entry(variant).or_insert(objective);
        }
        self.random_methods.extend(earlier.random_methods);
    }
}

fn one() -> usize {
    1
}

/// Seconds of solving of one cell that is repeated through the run, in the order they were measured: their spread is the machine's noise.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reference {
    /// Wall-clock seconds.
    pub times_s: Vec<f64>,
    /// CPU seconds of the same measurements; empty if not all have them: older runs have none.
    pub cpu_s: Vec<f64>,
    /// The node of a cluster on which each was made; an empty text where it was on none.
    pub nodes: Vec<String>,
}

impl Reference {
    /// Reads a file of them, a line each: wall-clock and CPU seconds, in older files the former alone, and the node if it was made on one of a cluster; none
    /// if it is not there. A torn last line is left out.
    ///
    /// # Errors
    /// [`InputError`] if it cannot be read.
    pub fn read(path: &Path) -> Result<Self, InputError> {
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(InputError::at("", format!("cannot be read: {error}"), "remove it").in_file(path)),
        };
        let whole = &text[..text.rfind('\n').map_or(0, |end| end + 1)];
        let number = |word: &str| word.parse().ok().filter(|time: &f64| time.is_finite());
        let mut found = Self::default();
        let mut has_cpu = true;
        for line in whole.lines() {
            let mut words = line.split(' ');
            let Some(time_s) = words.next().and_then(number) else { continue };
            found.times_s.push(time_s);
            let cpu_s = words.next().and_then(number);
            has_cpu &= cpu_s.is_some();
            found.cpu_s.extend(cpu_s);
            found.nodes.push(words.next().unwrap_or_default().to_owned());
        }
        if !has_cpu {
            found.cpu_s.clear();
        }
        Ok(found)
    }

    /// Appends one. A node is written only beside CPU seconds.
    ///
    /// # Errors
    /// [`InputError`] if the file cannot be written to.
    pub fn append(path: &Path, time_s: f64, cpu_s: Option<f64>, node: Option<&str>) -> Result<(), InputError> {
        let node = node.map(|node| format!(" {}", node.replace(char::is_whitespace, "-"))).unwrap_or_default();
        let cpu = cpu_s.map(|cpu_s| format!(" {cpu_s}{node}")).unwrap_or_default();
        let write = || -> std::io::Result<()> {
            let mut file = std::fs::OpenOptions::new().create(true).append(true).open(path)?;
            file.write_all(format!("{time_s}{cpu}\n").as_bytes())
        };
        write().map_err(|error| {
            InputError::at("", format!("cannot be appended to: {error}"), "make room on the disk and run again")
                .in_file(path)
        })
    }

    /// The wall-clock seconds of every node that has some, in the order of the nodes' names.
    pub fn by_node(&self) -> BTreeMap<&str, Vec<f64>> {
        let mut found: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
        for (node, time_s) in self.nodes.iter().zip(&self.times_s).filter(|(node, _)| !node.is_empty()) {
            found.entry(node).or_default().push(*time_s);
        }
        found
    }

    /// Smallest, median and largest; none if nothing was measured.
    pub fn spread_s(&self) -> Option<[f64; 3]> {
        let mut sorted = self.times_s.clone();
        sorted.sort_by(f64::total_cmp);
        let middle = |at: usize| sorted[at.min(sorted.len() - 1)];
        let median = 0.5 * (middle(sorted.len().checked_sub(1)? / 2) + middle(sorted.len() / 2));
        Some([sorted[0], median, sorted[sorted.len() - 1]])
    }
}

/// A measured quantity.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Quantity {
    /// Its name, e.g. `latency`.
    pub name: String,
    /// Its unit, e.g. `s`; empty if it has none.
    pub unit: String,
}

/// One table and figure: series over an axis, or methods side by side if there is no axis.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Study {
    /// A short name, unique in the run, e.g. `users`.
    pub name: String,
    /// The title line over its table.
    pub title: String,
    /// What is varied, if anything: the x axis.
    pub axis: Option<Quantity>,
    /// Whether the x axis is drawn with a logarithmic scale.
    #[serde(default)]
    pub log_axis: bool,
    /// The name of the study that it stands beside: the rank of every method in both is compared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub beside: Option<String>,
    /// The cells that belong to it.
    pub cells: Vec<StudyCell>,
}

/// A cell's place in a study. Several studies may use the same cell.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StudyCell {
    /// The line it is a point of: a method's name without the varied parameter.
    pub series: String,
    /// Its place on the axis.
    pub x: Option<f64>,
    /// The row's key, as one line.
    pub key: String,
}

/// Where and with what a run was made.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Environment {
    /// Offcut's version.
    pub version: String,
    /// The commit it was built from, with a plus sign if the tree had changes; empty if unknown.
    pub commit: String,
    /// Processor, as the operating system names it.
    pub processor: String,
    /// Logical processors.
    pub processors: usize,
    /// Memory in bytes.
    pub memory_bytes: u64,
    /// Operating system and architecture.
    pub system: String,
    /// When the run began: seconds since 1970, UTC.
    pub began_unix_s: u64,
}
