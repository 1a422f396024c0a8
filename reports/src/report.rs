//! What a report says, and in which order; how it is written is not decided here.

use std::collections::BTreeMap;

use offcut_ledger::{Evidence, Manifest, Row, Status};

use crate::figures::{self, Figure};
use crate::numbers::{self, duration, whole};
use crate::results::Results;
use crate::statistics::{mean, shifted_geometric_mean};
use crate::table::Table;
use crate::verdict::Verdict;
use crate::{Options, comparison, jpdra, lymdo, multiuser, tables, throughput};

/// A part of a report under one heading.
#[derive(Clone, Debug, Default)]
pub struct Section {
    /// The heading.
    pub title: String,
    /// Paragraphs before the tables.
    pub paragraphs: Vec<String>,
    /// Its tables.
    pub tables: Vec<Table>,
    /// Its figures.
    pub figures: Vec<Figure>,
}

/// A whole report.
#[derive(Clone, Debug)]
pub struct Report {
    /// The run's title.
    pub title: String,
    /// What cannot be true together; a report that has any says so before anything else.
    pub contradictions: Vec<String>,
    /// Rows that do not say what their answers say; they are left out, and a report that has any says so before anything else.
    pub mismatches: Vec<String>,
    /// Where the numbers come from: names and values.
    pub provenance: Vec<(String, String)>,
    /// The main findings, a line each.
    pub summary: Vec<String>,
    /// The paper of a reproduction, and what is known of it.
    pub paper: Option<String>,
    /// Verdicts on the paper's claims.
    pub verdicts: Vec<Verdict>,
    /// The parts: the run as a whole, what only its problem has, each study, how rows ended.
    pub sections: Vec<Section>,
    /// How to read it.
    pub reading: Vec<String>,
    /// What it does not show.
    pub limitations: Vec<String>,
    /// Reports that this one sums up: names, and where they are from here.
    pub parts: Vec<(String, String)>,
}

/// What only the reports of one problem say.
pub(crate) struct About {
    /// The problem's name in manifests.
    pub(crate) problem: &'static str,
    /// The paper, and what is known of it.
    pub(crate) paper: &'static str,
    /// The verdicts on its claims.
    pub(crate) verdicts: fn(&Results) -> Vec<Verdict>,
    /// The paper's algorithm, with which other heuristics are compared.
    pub(crate) reference: &'static str,
    /// Methods in which something is random: rows of a single seed do not tell.
    pub(crate) random: &'static [&'static str],
    /// Parts of its own, after those about all methods.
    pub(crate) sections: fn(&Results, &Options) -> Vec<Section>,
    /// What its reconstruction does not show.
    pub(crate) limitation: &'static str,
}

/// The problems whose reports say more than any report does.
const PROBLEMS: [About; 4] = [multiuser::ABOUT, throughput::ABOUT, jpdra::ABOUT, lymdo::ABOUT];

impl Report {
    /// Computes the report of a run.
    pub fn new(manifest: &Manifest, rows: &[Row], options: &Options) -> Self {
        let results = Results::against(manifest, rows, &options.library);
        let about = PROBLEMS.iter().find(|about| about.problem == manifest.problem);
        let mut sections = vec![Section {
            title: "All methods".into(),
            paragraphs: Vec::new(),
            tables: std::iter::once(tables::gaps(&results))
                .chain(std::iter::once(tables::times(&results)))
                .chain(tables::counts(&results))
                .collect(),
            figures: figures::gaps(&results).into_iter().collect(),
        }];
        sections.extend(about.map_or_else(Vec::new, |about| (about.sections)(&results, options)));
        sections.extend(manifest.studies.iter().map(|study| Section {
            title: study.title.clone(),
            paragraphs: Vec::new(),
            tables: tables::of_study(&results, study),
            figures: figures::of_study(&results, study),
        }));
        sections.extend(comparison::sections(&results, options, about));
        sections.push(Section {
            title: "How every row ended".into(),
            tables: std::iter::once(tables::statuses(&results)).chain(tables::reasons(&results)).collect(),
            ..Section::default()
        });
        Self {
            title: manifest.title.clone(),
            contradictions: results.contradictions.iter().map(ToString::to_string).collect(),
            mismatches: options
                .evidence
                .iter()
                .flat_map(|evidence| evidence.mismatches.iter().map(ToString::to_string))
                .collect(),
            provenance: provenance(&results, options),
            summary: summary(&results, options),
            paper: about.map(|about| about.paper.to_owned()),
            verdicts: about.map_or_else(Vec::new, |about| (about.verdicts)(&results)),
            sections,
            reading: reading(&results, options),
            limitations: limitations(about),
            parts: Vec::new(),
        }
    }

    /// All tables, in order.
    pub fn tables(&self) -> impl Iterator<Item = &Table> {
        self.sections.iter().flat_map(|section| &section.tables)
    }

    /// All figures, in order.
    pub fn figures(&self) -> impl Iterator<Item = &Figure> {
        self.sections.iter().flat_map(|section| &section.figures)
    }
}

fn provenance(results: &Results, options: &Options) -> Vec<(String, String)> {
    let Manifest { id, problem, sense, objective, order_seed, jobs, tolerance, environment, .. } = results.manifest;
    let known = |text: &str| if text.is_empty() { "unknown".to_owned() } else { text.to_owned() };
    let mut budgets: BTreeMap<String, usize> = BTreeMap::new();
    let mut codes: BTreeMap<&str, usize> = BTreeMap::new();
    for row in results.rows {
        let budget = &row.key.budget;
        let time = budget.time_s.map_or("no time limit".into(), |s| format!("{} s", numbers::data(s)));
        let memory = budget.memory_bytes.map_or("no memory limit".into(), numbers::bytes);
        let threads = if budget.threads == 1 { "1 thread".into() } else { format!("{} threads", budget.threads) };
        *budgets.entry(format!("{time}, {memory}, {threads}")).or_default() += 1;
        *codes.entry(&row.key.code).or_default() += 1;
    }
    let listed = |of: Vec<(String, usize)>| match &of[..] {
        [] => "none".to_owned(),
        [(only, _)] => only.clone(),
        _ => of.iter().map(|(what, rows)| format!("{what} ({rows} rows)")).collect::<Vec<_>>().join("; "),
    };
    let sense = match sense {
        offcut_instances::problem::Sense::Minimise => "minimise",
        offcut_instances::problem::Sense::Maximise => "maximise",
    };
    let unit = if objective.unit.is_empty() { String::new() } else { format!(" ({})", objective.unit) };
    let mut lines: Vec<(&str, String)> = vec![
        ("run", id.clone()),
        ("problem", format!("{problem}: {sense} {}{unit}", objective.name)),
        ("Offcut", known(&environment.version)),
        ("commit", known(&environment.commit)),
        ("code of the rows", listed(codes.into_iter().map(|(code, n)| (code.to_owned(), n)).collect())),
        ("processor", format!("{}, {} logical processors", known(&environment.processor), environment.processors)),
        ("memory", numbers::bytes(environment.memory_bytes)),
        ("system", known(&environment.system)),
        ("began", numbers::utc(environment.began_unix_s)),
        (
            "rows",
            format!("{} on {} instances", whole(results.rows.len() as u64), whole(results.instances().len() as u64)),
        ),
        ("budget", listed(budgets.into_iter().collect())),
        (
            "tolerances",
            format!(
                "claims {:e}, certified gaps {:e}, a solver's word {:e} (relative)",
                tolerance.claim_relative, tolerance.gap_relative, tolerance.word_relative
            ),
        ),
        ("order seed", order_seed.to_string()),
        ("cells at a time", jobs.to_string()),
    ];
    lines.extend(options.evidence.as_ref().map(|evidence| ("evidence", evidence.told())));
    let known = results.best.keys().filter(|instance| options.library.contains_key(*instance)).count();
    if known > 0 {
        let known = format!("of this run, and of a frozen library for {} of its instances", whole(known as u64));
        lines.push(("best known values", known));
    }
    lines.extend(comparison::noise::told(&results.manifest.reference).map(|noise| ("machine noise", noise)));
    lines.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// The main findings, a line each, computed from the rows.
fn summary(results: &Results, options: &Options) -> Vec<String> {
    let methods = tables::method_gaps(results);
    let all_zero = |of: &&tables::MethodGaps| of.rows[0] > 0 && of.rows[2] == of.rows[0];
    let mut lines = Vec::new();

    let mut optimal: BTreeMap<std::cmp::Reverse<usize>, Vec<&str>> = BTreeMap::new();
    for of in methods.iter().filter(all_zero) {
        optimal.entry(std::cmp::Reverse(of.attempted)).or_default().push(&of.method);
    }
    let groups: Vec<String> = optimal
        .iter()
        .map(|(instances, names)| {
            let n = instances.0;
            format!("{} on all {} instances attempted", names.join(", "), whole(n as u64))
        })
        .collect();
    lines.push(match &groups[..] {
        [] => "No method has a certified gap of 0 on every row.".into(),
        _ => format!("Gap 0, certified, on every row: {}.", groups.join("; ")),
    });

    let mut rest: Vec<(f64, &tables::MethodGaps)> =
        methods.iter().filter(|of| !all_zero(of)).filter_map(|of| Some((mean(&of.gaps)?, of))).collect();
    rest.sort_by(|a, b| a.0.total_cmp(&b.0).then_with(|| a.1.method.cmp(&b.1.method)));
    let told = |(mean, of): &(f64, &tables::MethodGaps)| {
        let percent = |gap: f64| numbers::percent(gap, results.tolerance(of.certified));
        let interval =
            of.interval.map_or(String::new(), |(low, high)| format!(" [{}, {}]", percent(low), percent(high)));
        let word = if of.certified { "" } else { "†" };
        format!("{} {}{word} %{interval}", of.method, percent(*mean))
    };
    match &rest[..] {
        [] => {}
        [only] => lines.push(format!("Mean gap of the other method: {}.", told(only))),
        [nearest, .., farthest] => lines.push(format!(
            "Mean gap of the other {} methods: from {} to {}.",
            rest.len(),
            told(nearest),
            told(farthest)
        )),
    }

    let count = |those: &[Status]| {
        let count = results.rows.iter().filter(|row| those.contains(&row.status)).count();
        whole(count as u64)
    };
    lines.push(format!(
        "Of {} rows: {} ended without a solution, {} broke, {} were refuted by the checker, {} declined.",
        whole(results.results.len() as u64),
        count(&[Status::Time]),
        count(&[Status::Crash, Status::Memory]),
        count(&[Status::Wrong]),
        count(&[Status::Declined])
    ));

    // The only line that changes from run to run.
    let exact = comparison::exact(results);
    let mut times: Vec<(f64, String)> = results
        .by_method()
        .into_iter()
        .filter(|(name, _)| {
            exact.contains(name)
                && methods.iter().any(|of| of.method == *name && all_zero(&of) && of.attempted == results.best.len())
        })
        .filter_map(|(name, rows)| {
            let times: Vec<f64> = rows.iter().filter(|r| r.is_attempted()).map(|r| r.counted_s()).collect();
            Some((shifted_geometric_mean(&times, options.time_shift_s)?, name))
        })
        .collect();
    times.sort_by(|a, b| a.0.total_cmp(&b.0));
    if let ([(fastest, first), .., (slowest, last)], shift) = (&times[..], options.time_shift_s) {
        lines.push(format!(
            "Time of the exact methods with gap 0 on all instances: from {} ({first}) to {} ({last}), shifted geometric means, shift {} s.",
            duration(*fastest),
            duration(*slowest),
            numbers::data(shift)
        ));
    }
    lines
}

fn reading(results: &Results, options: &Options) -> Vec<String> {
    let tolerance = &results.manifest.tolerance;
    vec![
        tables::gap_definition(results.manifest.sense).to_owned(),
        format!(
            "A gap is printed as 0 if it is at most {:e} (certified) or {:e} (a solver's word), relative.",
            tolerance.gap_relative, tolerance.word_relative
        ),
        format!(
            "Certified: {} A number in italics with a dagger (†) rests on a solver's word. A certified bound is preferred even where the word is tighter.",
            certified(options.evidence.as_ref())
        ),
        "Intervals and bands: 95 % percentile bootstrap over instances of the mean, 2,000 resamples with a fixed seed; rows of one \
         instance (seeds) are averaged first. One instance has no interval."
            .to_owned(),
        format!(
            "Times are compared by shifted geometric means, exp(mean ln(t + s)) - s: the shift s keeps tiny times from deciding. s = {} s for exact methods, which are \
             to prove, {} s for heuristics, which are to find. What is not solved counts as the time limit, in PAR10 as ten times that.",
            numbers::data(options.time_shift_s),
            numbers::data(options.heuristic_shift_s)
        ),
        "Two methods are compared on the instances both took, by the geometric mean of their ratios with a bootstrap interval, and by Wilcoxon's signed-rank test \
         of the log ratios, corrected by Holm for all tests of a table. The test asks which of the two is ahead more often and further, not by how much: that is \
         the ratio. \"Neither\" means that no difference was shown, not that there is none."
            .to_owned(),
        "Means are over the rows that have the number; where rows are missing the cell says how many. Methods that attempt different \
         instances are comparable only on those they share."
            .to_owned(),
    ]
}

/// What "certified" says, as far as the rows of this report are known to be what the checker wrote.
fn certified(evidence: Option<&Evidence>) -> &'static str {
    match evidence {
        Some(evidence) if evidence.is_whole() => {
            "when the row was made, the checker replayed the bound's certificate in outward-rounded arithmetic and trusted no solver. For this report every row was held \
             against the hash of its answer and what the answer claims; nothing was judged again, which `offcut check RUN` does."
        }
        Some(_) => {
            "so the row says. Not every row of this run holds to an answer (see above), so it is not known to be what the checker wrote; `offcut check RUN` judges all \
             answers again."
        }
        None => {
            "so the row says: the checker replayed the bound's certificate in outward-rounded arithmetic and trusted no solver. Rows were not held against their answers."
        }
    }
}

fn limitations(about: Option<&About>) -> Vec<String> {
    let mut lines = vec![
        "Best known values are those of this run; another run may know better bounds, and gaps then shrink.".to_owned(),
        "Wall-clock times are of one machine and include its noise; counts are told by the methods themselves and not checked."
            .to_owned(),
        "Bootstrap intervals speak about the generator's instances, not about instances from elsewhere; with few instances they are \
         too narrow."
            .to_owned(),
        "Means over methods that failed on different instances are over different instances.".to_owned(),
        "Tests take instances for independent draws of the generators that were run; families, sizes and loads of a run are pooled as its suite \
         weighs them. Time ratios of one machine hold for that machine. An exact method that was run with one seed is luck to some factor: a permutation of rows and \
         columns alone changes a MILP's time; where several were run, a table says by how much."
            .to_owned(),
        "Heuristics and exact methods are told apart by what they handed over in this run: an exact method that failed on every row stands \
         among the heuristics, with nothing solved."
            .to_owned(),
    ];
    lines.extend(about.map(|about| about.limitation.to_owned()));
    lines
}
