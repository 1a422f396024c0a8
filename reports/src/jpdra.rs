//! What only reports on `jpdra` say: verdicts on the claims of the paper's abstract, what is saved against every baseline, and how far exact
//! search gets.

use std::collections::{BTreeMap, BTreeSet};

use offcut_checker::Proof;
use offcut_instances::problem::MethodSpec;
use offcut_ledger::{Manifest, Row, Status, Study};

use crate::Options;
use crate::figures::{Axis, Figure, Line, Lines, Mark as Point, Plot};
use crate::numbers::{self, Scale, duration, significant, whole};
use crate::report::{About, Section};
use crate::results::{Result, Results, per_instance};
use crate::statistics::{bootstrap_mean, mean, median, range, shifted_geometric_mean};
use crate::table::{Cell, Column, Mark, Table, identifier};
use crate::verdict::{Outcome, Verdict};

/// The problem's name in manifests.
pub const PROBLEM: &str = "jpdra";

/// The paper, and what is known of it.
pub const PAPER: &str = "W. He, S. Guo, S. Guo, X. Qiu, F. Qi, \"Joint DNN Partition Deployment and Resource Allocation for \
    Delay-Sensitive Deep Learning Inference in IoT\", IEEE IoT-J 7(10), 2020: a tandem queue gives the end-to-end delay; allocation (CRA) by \
    Markov approximation, deployment (DPD) over CRA's optimal delay; the average delay falls by 25.7 %. The paper is known to Offcut by its \
    abstract; instances, formulation, the algorithms' details, the baselines and all numbers here but 25.7 % are Offcut's own.";

/// By how much the average end-to-end delay falls, as the abstract has it. It does not say against what.
pub const REDUCTION: f64 = 0.257;

/// Up to which mean gap DPD and CRA count as near the optimum.
const NEAR: f64 = 0.01;

/// What only these reports say.
pub(crate) const ABOUT: About = About {
    problem: PROBLEM,
    paper: PAPER,
    verdicts: verdicts_of,
    sections: sections_of,
    limitation: "The paper is known by its abstract. DPD's moves, the chain's rates and all baselines are reconstructions; the abstract names no \
        baseline, so 25.7 % has no single number to stand beside.",
};

/// A baseline: its name, and what it does instead of DPD and CRA.
struct Baseline {
    method: &'static str,
    deployment: &'static str,
    speeds: &'static str,
    /// Whether it has a deployment of its own; the others take the one of `dpd`.
    places: bool,
}

const fn baseline(method: &'static str, deployment: &'static str, speeds: &'static str, places: bool) -> Baseline {
    Baseline { method, deployment, speeds, places }
}

const BASELINES: [Baseline; 6] = [
    baseline("greedy", "largest work to largest residual", "best", true),
    baseline("greedy-equal", "largest work to largest residual", "equal shares of what is left", true),
    baseline("fastest-server", "fastest that takes it", "best", true),
    baseline("random-server", "random", "best", true),
    baseline("proportional-split", "DPD", "in proportion to work", false),
    baseline("equal-split", "DPD", "equal shares", false),
];

/// The verdicts on the claims of the abstract.
pub fn verdicts(manifest: &Manifest, rows: &[Row]) -> Vec<Verdict> {
    verdicts_of(&Results::new(manifest, rows))
}

fn verdicts_of(results: &Results) -> Vec<Verdict> {
    vec![reduced(results), near_optimum(results), low_complexity(results), markov(results)]
}

fn sections_of(results: &Results, options: &Options) -> Vec<Section> {
    [saved_section(results), exact_section(results, options)].into_iter().flatten().collect()
}

/// The rows of exactly this method, its parameters included, with continuous speeds.
fn of<'r, 'a>(results: &'r Results<'a>, method: &str) -> Vec<&'r Result<'a>> {
    let is_it = |r: &&Result| r.row.key.method == method && r.row.instance.variant != "units" && r.is_attempted();
    results.results.iter().filter(is_it).collect()
}

fn instance_of<'a>(result: &Result<'a>) -> &'a str {
    &result.row.key.instance
}

/// The mean objective of every instance, over the rows that have one.
fn objectives<'a>(rows: &[&Result<'a>]) -> BTreeMap<&'a str, f64> {
    let mut values: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    for result in rows {
        if let Some(objective) = result.objective {
            values.entry(instance_of(result)).or_default().push(objective);
        }
    }
    values.into_iter().map(|(instance, values)| (instance, mean(&values).expect("one or more"))).collect()
}

// ---------------------------------------------------------------------------------------------------- against baselines

/// What `jpdra` saves against one baseline.
struct Saved<'b> {
    baseline: &'b Baseline,
    /// 1 - jpdra / baseline, one value for every instance on which both have a solution.
    reductions: Vec<f64>,
    /// Instances on which only `jpdra` has one.
    alone: usize,
    /// Rows of the baseline without a solution, and all of them.
    rows: [usize; 2],
}

/// What `jpdra` saves against every baseline on those of these rows that are of the family `zoo`; baselines that have no rows are left out.
fn saved(rows: &[&Result]) -> Vec<Saved<'static>> {
    let of_method = |method: &str| -> Vec<&Result> {
        let is_it = |r: &&&Result| {
            let Row { key, instance, .. } = r.row;
            key.method == method && instance.family == "zoo" && instance.variant != "units" && r.is_attempted()
        };
        rows.iter().filter(is_it).copied().collect()
    };
    let ours = objectives(&of_method(PROBLEM));
    let against = |baseline: &'static Baseline| {
        let rows = of_method(baseline.method);
        let theirs = objectives(&rows);
        let tried: BTreeSet<&str> = rows.iter().map(|r| instance_of(r)).collect();
        let without = rows.iter().filter(|r| r.objective.is_none()).count();
        (!rows.is_empty()).then(|| Saved {
            baseline,
            reductions: ours.iter().filter_map(|(i, ours)| Some(1.0 - ours / theirs.get(i)?)).collect(),
            alone: ours.keys().filter(|i| tried.contains(*i) && !theirs.contains_key(*i)).count(),
            rows: [without, rows.len()],
        })
    };
    BASELINES.iter().filter_map(against).collect()
}

fn percent(share: f64) -> String {
    format!("{:.1}", 100.0 * share)
}

fn reduced(results: &Results) -> Verdict {
    let claim = "the average end-to-end delay falls by 25.7 %".to_owned();
    let saved = saved(&results.results.iter().collect::<Vec<_>>());
    let told: Vec<(f64, &Saved)> = saved.iter().filter_map(|saved| Some((mean(&saved.reductions)?, saved))).collect();
    let numbers = told.iter().map(|(mean, saved)| {
        let alone = match saved.alone {
            0 => String::new(),
            alone => format!(", which has no solution on {alone} more"),
        };
        let instances = saved.reductions.len();
        format!("{} % against {} ({instances} instances{alone})", percent(*mean), saved.baseline.method)
    });
    let numbers = numbers.collect::<Vec<_>>().join("; ");
    let placing: Vec<f64> = told.iter().filter(|(_, s)| s.baseline.places).map(|(mean, _)| *mean).collect();
    let all: Vec<f64> = told.iter().map(|(mean, _)| *mean).collect();
    let (Some((least, _)), Some((low, high))) = (range(&placing), range(&all)) else {
        let why = "no instance of the family zoo on which jpdra and a baseline that places have a solution";
        return Verdict { claim, outcome: Outcome::NotTested, numbers: "no rows".into(), why: why.into() };
    };
    let rule = format!(
        "it depends on the baseline, which the abstract does not name, and lies between {} % and {} %. Offcut's rule: shown if the mean over \
         real DNNs is at least 25.7 % against every baseline that places partitions its own way; those that take DPD's deployment lack \
         CRA only, and are told but do not count",
        percent(low),
        percent(high)
    );
    let outcome = if least >= REDUCTION { Outcome::Shown } else { Outcome::NotShown };
    Verdict { claim, outcome, numbers, why: rule }
}

/// The studies over an axis of the generator in which `jpdra` and some baseline ran on real DNNs, with what is saved at every place.
fn sweeps<'s>(results: &'s Results) -> Vec<(&'s Study, Vec<(f64, Vec<Saved<'static>>)>)> {
    let sweep = |study: &'s Study| {
        study.axis.as_ref()?;
        let mut places: Vec<(f64, Vec<&Result>)> = Vec::new();
        for cell in &study.cells {
            let (Some(x), Some(result)) = (cell.x, results.of_key(&cell.key)) else { continue };
            match places.iter_mut().find(|(place, _)| place.to_bits() == x.to_bits()) {
                Some((_, rows)) => rows.push(result),
                None => places.push((x, vec![result])),
            }
        }
        places.sort_by(|a, b| a.0.total_cmp(&b.0));
        let places: Vec<_> = places.into_iter().map(|(x, rows)| (x, saved(&rows))).collect();
        let has_any = places.iter().flat_map(|(_, saved)| saved).any(|saved| !saved.reductions.is_empty());
        has_any.then_some((study, places))
    };
    results.manifest.studies.iter().filter_map(sweep).collect()
}

fn saved_section(results: &Results) -> Option<Section> {
    let of_all = saved(&results.results.iter().collect::<Vec<_>>());
    if of_all.is_empty() {
        return None;
    }
    let mut all = Table::new(
        "reduction",
        "Delay that jpdra saves against every baseline, beside the abstract's 25.7 %",
        "1 - jpdra / baseline for every instance of real DNNs (family zoo) on which both have a solution, each the mean over its seeds. At least \
         25.7 %: share of those instances. Only jpdra: instances on which the baseline has no solution, which have no share in the means: a \
         baseline that fails where it is hard looks better than it is. The abstract does not say what it compares with.",
        vec![
            Column::words("baseline", "baseline"),
            Column::words("deployment", "deployment"),
            Column::words("speeds", "speeds"),
            Column::numbers("instances", "instances"),
            Column::numbers("only jpdra", "only_jpdra"),
            Column::numbers("rows failed", "rows_failed"),
            Column::numbers("mean saved (%)", "mean_saved_percent"),
            Column::words("95 % interval", "interval"),
            Column::numbers("median (%)", "median_percent"),
            Column::numbers("least (%)", "least_percent"),
            Column::numbers("most (%)", "most_percent"),
            Column::numbers("at least 25.7 % (%)", "at_least_percent"),
        ],
    );
    let cell = |share: Option<f64>| share.map_or_else(Cell::absent, |s| Cell::number(percent(s), 100.0 * s));
    for Saved { baseline, reductions, alone, rows } in &of_all {
        let (least, most) = range(reductions).unzip();
        let enough = reductions.iter().filter(|saved| **saved >= REDUCTION).count();
        let interval = bootstrap_mean(baseline.method, reductions);
        let interval = interval.map(|(low, high)| Cell::text(format!("{} to {}", percent(low), percent(high))));
        all.push(vec![
            Cell::text(baseline.method),
            Cell::text(baseline.deployment),
            Cell::text(baseline.speeds),
            Cell::count(reductions.len()),
            Cell::count(*alone),
            Cell::number(format!("{} of {}", whole(rows[0] as u64), whole(rows[1] as u64)), rows[0] as f64),
            cell(mean(reductions)),
            interval.unwrap_or_else(Cell::absent),
            cell(median(reductions)),
            cell(least),
            cell(most),
            cell((!reductions.is_empty()).then(|| enough as f64 / reductions.len() as f64)),
        ]);
    }
    let sweeps = sweeps(results);
    let mut tables = vec![all];
    tables.extend(sweeps.iter().map(|(study, places)| over_axis(study, places)));
    let figures = sweeps.iter().find(|(study, _)| study.name == "load").map(|(study, places)| figure(study, places));
    Some(Section {
        title: "Delay saved against every baseline".into(),
        paragraphs: Vec::new(),
        tables,
        figures: figures.into_iter().collect(),
    })
}

/// The baselines that have a number somewhere in a sweep.
fn compared(places: &[(f64, Vec<Saved>)]) -> Vec<&'static Baseline> {
    let has = |baseline: &&Baseline| {
        let mut all = places.iter().flat_map(|(_, saved)| saved);
        all.any(|saved| saved.baseline.method == baseline.method && !saved.reductions.is_empty())
    };
    BASELINES.iter().filter(has).collect()
}

fn over_axis(study: &Study, places: &[(f64, Vec<Saved>)]) -> Table {
    let axis = study.axis.as_ref().expect("sweeps have one");
    let label = Scale { factor: 1.0, unit: axis.unit.clone() }.label(&axis.name);
    let baselines = compared(places);
    let mut columns = vec![Column::numbers(label, &axis.name)];
    columns.extend(baselines.iter().map(|b| Column::numbers(b.method, format!("{}_percent", b.method))));
    let mut table = Table::new(
        &format!("{}-reduction", study.name),
        format!("{}: mean saved (%)", study.title),
        "(a/b): a of the b instances that jpdra solves have a solution of the baseline too.",
        columns,
    );
    for (x, saved) in places {
        let of = |baseline: &&Baseline| {
            let Some(saved) = saved.iter().find(|s| s.baseline.method == baseline.method) else {
                return Cell::absent();
            };
            let (both, all) = (saved.reductions.len(), saved.reductions.len() + saved.alone);
            let partial = if both == all { String::new() } else { format!(" ({both}/{all})") };
            let number = |mean| Cell::number(format!("{}{partial}", percent(mean)), 100.0 * mean);
            mean(&saved.reductions).map_or_else(Cell::absent, number)
        };
        table.push(std::iter::once(Cell::number(numbers::tick(*x), *x)).chain(baselines.iter().map(of)).collect());
    }
    table
}

fn figure(study: &Study, places: &[(f64, Vec<Saved>)]) -> Figure {
    let axis = study.axis.as_ref().expect("sweeps have one");
    let line = |baseline: &Baseline| {
        let point = |(x, saved): &(f64, Vec<Saved>)| {
            // A mean over the instances that are left would be over easier ones.
            let saved = saved.iter().find(|s| s.baseline.method == baseline.method && s.alone == 0)?;
            let band = bootstrap_mean(baseline.method, &saved.reductions);
            let band = band.map(|(low, high)| (100.0 * low, 100.0 * high));
            Some(Point { x: *x, y: 100.0 * mean(&saved.reductions)?, band })
        };
        Line { names: vec![baseline.method.to_owned()], points: places.iter().filter_map(point).collect(), limit: None }
    };
    let ends = range(&places.iter().map(|(x, _)| *x).collect::<Vec<_>>()).expect("sweeps have places");
    Figure {
        id: format!("{}-reduction-figure", identifier(&study.name)),
        title: format!("{}: delay that jpdra saves", study.title),
        caption: "Line: mean over instances of 1 - jpdra / baseline; band: 95 % bootstrap interval over instances; dashed: the abstract's 25.7 %, \
                  against a baseline it does not name. A point is left out where the baseline has no solution of some instance."
            .into(),
        plot: Plot::Lines(Lines {
            x: Axis { label: axis.name.clone(), log: study.log_axis },
            y: Axis { label: "mean delay saved (%)".into(), log: false },
            lines: compared(places).into_iter().map(line).filter(|line| !line.points.is_empty()).collect(),
            limit: Some(("the abstract's 25.7 %".into(), vec![(ends.0, 100.0 * REDUCTION), (ends.1, 100.0 * REDUCTION)])),
        }),
    }
}

// ---------------------------------------------------------------------------------------------------- the decomposition

fn near_optimum(results: &Results) -> Verdict {
    let claim =
        "(ours) deciding deployment and allocation apart, DPD over CRA's optimal delay, comes near the joint optimum"
            .to_owned();
    let mut parts = Vec::new();
    let mut reached = None;
    let mut lacking = 0;
    for method in [PROBLEM, "dpd"] {
        let rows = of(results, method);
        let gaps = per_instance(rows.iter().copied(), |r| r.gap.filter(|gap| gap.certified).map(|gap| gap.high));
        let (Some(mean), Some((_, most))) = (mean(&gaps), range(&gaps)) else { continue };
        let is_solvable = |r: &&&Result| results.best[&r.row.key.instance].objective.is_some();
        let without = rows.iter().filter(is_solvable).filter(|r| !r.gap.is_some_and(|gap| gap.certified)).count();
        let zero = rows.iter().filter(|r| r.gap.is_some_and(|gap| gap.certified && results.is_zero(gap))).count();
        let percent = |gap: f64| numbers::percent(gap, results.tolerance(true));
        let mut part = format!(
            "{method}: mean certified gap {} %, at most {} %, over {} instances, 0 on {zero} of {} rows",
            percent(mean),
            percent(most),
            gaps.len(),
            rows.len()
        );
        if without > 0 {
            part += &format!(", no solution or no certified bound on {without} rows that somebody solves");
        }
        parts.push(part);
        if method == PROBLEM {
            (reached, lacking) = (Some(mean), without);
        }
    }
    let (outcome, why) = match reached {
        None => (Outcome::NotTested, "no row of jpdra with a certified bound".to_owned()),
        Some(mean) if mean <= NEAR && lacking == 0 => (
            Outcome::Shown,
            "the rule is Offcut's: a mean certified gap of jpdra of at most 1 %. For a given deployment CRA is exact, so a gap is DPD's alone, \
             or that of a bound not closed"
                .to_owned(),
        ),
        Some(mean) if mean <= NEAR => (Outcome::NotShown, format!("{lacking} rows of jpdra cannot be told")),
        Some(_) => (
            Outcome::NotShown,
            "the mean certified gap of jpdra is above 1 %, Offcut's rule; part of it may be bounds not closed".to_owned(),
        ),
    };
    Verdict { claim, outcome, numbers: parts.join("; "), why }
}

/// Time is a property of the method; what a run can show is how many moves it takes, and how long beside exact search.
fn low_complexity(results: &Results) -> Verdict {
    let claim = "DPD has low complexity".to_owned();
    let rows = of(results, "dpd");
    let exact: BTreeMap<&str, f64> =
        of(results, "branch").into_iter().map(|r| (instance_of(r), r.counted_s())).collect();
    let moves = |r: &&Result| {
        let of = |name: &str| r.row.instance.parameters.get(name).copied();
        let moves = *r.row.counts.get("moves")? as f64;
        Some(moves / (of("flows")? * of("partitions")?))
    };
    let moves: Vec<f64> = rows.iter().filter_map(moves).collect();
    // Failures too: they took their time.
    let pairs: Vec<(f64, f64)> =
        rows.iter().filter_map(|r| Some((r.row.times.solve_s, *exact.get(instance_of(r))?))).collect();
    let ratios: Vec<f64> = pairs.iter().filter(|(dpd, _)| *dpd > 0.0).map(|(dpd, exact)| (exact / dpd).ln()).collect();
    let (Some(moved), Some((_, most))) = (mean(&moves), range(&moves)) else {
        let why = "no row of dpd that counts its moves".into();
        return Verdict { claim, outcome: Outcome::NotTested, numbers: "no rows".into(), why };
    };
    let mut numbers = format!(
        "{} rows of dpd make {} moves a partition in the mean, at most {}",
        moves.len(),
        significant(moved, 2),
        significant(most, 2)
    );
    let Some(factor) = mean(&ratios).map(f64::exp) else {
        let why = "no row of branch to compare times with".into();
        return Verdict { claim, outcome: Outcome::NotTested, numbers, why };
    };
    let longest = |of: &dyn Fn(&(f64, f64)) -> f64| duration(pairs.iter().map(of).fold(0.0, f64::max));
    numbers += &format!(
        "; on {} of them branch takes {} times as long (geometric mean); the longest row takes {}, of branch {}",
        pairs.len(),
        significant(factor, 2),
        longest(&|pair| pair.0),
        longest(&|pair| pair.1)
    );
    let why = "the rule is Offcut's: at most a tenth of the time of exact search. Every move looks at polynomially many others; that their number \
               is polynomial is measured, not proved"
        .to_owned();
    let outcome = if factor >= 10.0 { Outcome::Shown } else { Outcome::NotShown };
    Verdict { claim, outcome, numbers, why }
}

/// The chain's mean over its own time, told by the method, against the best allocation of the same deployment: that of `dpd`, checked.
fn markov(results: &Results) -> Verdict {
    let claim =
        "CRA by Markov approximation (ours: its mean comes within ln|F|/beta of the best allocation)".to_owned();
    let is_dpd = |r: &&Result| r.row.key.method == "dpd";
    let best = objectives(&results.results.iter().filter(is_dpd).collect::<Vec<_>>());
    let mut chains: BTreeMap<u64, Vec<Chain>> = BTreeMap::new();
    let (mut all, mut silent) = (0, 0);
    for result in results.results.iter().filter(|r| r.is_attempted()) {
        let Ok(method) = result.row.key.method.parse::<MethodSpec>() else { continue };
        // A chain that was cut short says nothing about where it goes.
        let is_whole = method.id == "cra-markov" && !method.parameters.contains_key("steps");
        let Some(best) = best.get(instance_of(result)).filter(|_| is_whole) else { continue };
        all += 1;
        let last = |name: &str| result.row.series.get(name)?.last().map(|(_, value)| *value);
        let told = (result.objective, last("mean"), last("envelope"), last("optimum"));
        let (Some(objective), Some(mean), Some(envelope), Some(optimum)) = told else {
            silent += 1;
            continue;
        };
        let beta = method.parameters.get("beta").copied().unwrap_or(0.0);
        chains.entry(beta.to_bits()).or_default().push(Chain {
            mean: mean / best - 1.0,
            limit: (envelope - optimum) / best,
            best: objective / best - 1.0,
        });
    }
    if chains.is_empty() {
        let why = "no row of cra-markov that tells its course, beside one of dpd on the same instance".into();
        return Verdict { claim, outcome: Outcome::NotTested, numbers: "no rows".into(), why };
    }
    let tolerance = results.tolerance(true);
    let within = |chain: &Chain| chain.mean <= chain.limit + tolerance;
    let at = |(beta, chains): (&u64, &Vec<Chain>)| {
        let of = |quantity: &dyn Fn(&Chain) -> f64| {
            let values: Vec<f64> = chains.iter().map(quantity).collect();
            numbers::percent(mean(&values).expect("one or more"), tolerance)
        };
        let beta = f64::from_bits(*beta);
        let beta = if beta == 0.0 { "automatic beta".to_owned() } else { format!("beta {}", numbers::tick(beta)) };
        let (above, allowed, best) = (of(&|c| c.mean), of(&|c| c.limit), of(&|c| c.best));
        format!("{above} % where {allowed} % is allowed, its best state {best} % ({beta}, {} rows)", chains.len())
    };
    let inside = chains.values().flatten().filter(|chain| within(chain)).count();
    let numbers = format!(
        "in {inside} of {all} rows of cra-markov the mean over its time ends within the limit; above the best allocation in the mean by {}",
        chains.iter().map(at).collect::<Vec<_>>().join("; ")
    );
    let (outcome, why) = match (all - silent - inside, silent) {
        (0, 0) => (
            Outcome::Shown,
            "the theorem is about the stationary mean, and every mean over a finite time keeps to it as well. Means are the method's own word; the              best allocation of the same deployment is dpd's, and checked"
                .to_owned(),
        ),
        (0, silent) => (Outcome::NotShown, format!("{silent} rows have no solution or tell no course")),
        (beyond, _) => (
            Outcome::NotShown,
            format!("{beyond} means end beyond the limit: a finite time is not the stationary distribution, or the theorem is misread"),
        ),
    };
    Verdict { claim, outcome, numbers, why }
}

/// A chain at its end, relative to the best allocation of its deployment.
struct Chain {
    /// Its mean over time.
    mean: f64,
    /// ln|F|/beta.
    limit: f64,
    /// Its best state, which is the answer.
    best: f64,
}

// ---------------------------------------------------------------------------------------------------- exact search

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

/// Whether nothing is left to prove, by a certificate.
fn is_certified(result: &Result) -> bool {
    matches!(result.row.status, Status::OptimalCertified | Status::InfeasibleCertified)
}

fn exact_section(results: &Results, options: &Options) -> Option<Section> {
    let groups = exact_rows(results);
    let mut tables: Vec<Table> = [branch_table(results, options, &groups)].into_iter().flatten().collect();
    tables.extend(seconds_table(options, &groups));
    tables.extend(bounds_table(results, &groups));
    (!tables.is_empty()).then(|| Section {
        title: "Exact methods: root gap, nodes, seconds".into(),
        paragraphs: resistance(results, &groups).into_iter().collect(),
        tables,
        figures: Vec::new(),
    })
}

type Groups<'r, 'a> = BTreeMap<Group, BTreeMap<&'r str, Vec<&'r Result<'a>>>>;

fn branch_table(results: &Results, options: &Options, groups: &Groups) -> Option<Table> {
    let mut table = Table::new(
        "exact",
        "Exact search (branch): root gap, nodes, seconds",
        format!(
            "Certified: rows whose optimum, or that there is no solution, is proved by a certificate the checker replayed. Root gap: how far the first \
             bound lies below the best solution the search found, before branching (the method's own count). Left: the largest certified gap \
             of a row at its end. Seconds: shifted geometric mean, shift {} s. Hop / stage: mean time of a hop over mean time in a stage.",
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
                Column::bounded("left (%)", "left_percent"),
                Column::numbers("seconds", "seconds"),
                Column::numbers("max seconds", "max_seconds"),
            ])
            .collect(),
    );
    let percent = |gap: Option<f64>| {
        gap.map_or_else(Cell::absent, |gap| Cell::number(numbers::percent(gap, results.tolerance(true)), 100.0 * gap))
    };
    for (group, methods) in groups {
        let Some(rows) = methods.get("branch") else { continue };
        let count = |name: &str| -> Vec<f64> {
            rows.iter().filter_map(|r| r.row.counts.get(name).map(|count| *count as f64)).collect()
        };
        let roots = rows.iter().filter(|r| r.objective.is_some());
        let roots: Vec<f64> = roots.filter_map(|r| Some(*r.row.counts.get("root gap, 1e-9")? as f64 * 1e-9)).collect();
        let nodes = count("nodes");
        let number =
            |value: Option<f64>, digits| value.map_or_else(Cell::absent, |v| Cell::number(significant(v, digits), v));
        let most = |values: &[f64]| range(values).map(|(_, high)| high);
        let certified = rows.iter().filter(|r| is_certified(r)).count();
        let mark = if certified < rows.len() { Mark::Failure } else { Mark::Plain };
        let seconds: Vec<f64> = rows.iter().map(|r| r.counted_s()).collect();
        let left: Vec<_> = rows.iter().filter_map(|r| r.gap).collect();
        let evidence = if left.iter().all(|gap| gap.certified) { Mark::Plain } else { Mark::Word };
        let nodes_most = most(&nodes).map_or_else(Cell::absent, |n| Cell::number(whole(n as u64), n));
        let time = |s: Option<f64>| s.map_or_else(Cell::absent, |s| Cell::number(duration(s), s));
        table.push(
            group
                .cells()
                .into_iter()
                .chain([
                    Cell::count(certified).marked(mark),
                    Cell::count(rows.len()),
                    percent(mean(&roots)),
                    percent(most(&roots)),
                    number(mean(&nodes), 3),
                    nodes_most,
                    percent(most(&left.iter().map(|gap| gap.high).collect::<Vec<_>>())).marked(evidence),
                    time(shifted_geometric_mean(&seconds, options.time_shift_s)),
                    time(most(&seconds)),
                ])
                .collect(),
        );
    }
    (!table.rows.is_empty()).then_some(table)
}

/// Which families branch certifies throughout, and how far it is from that on the others.
fn resistance(results: &Results, groups: &Groups) -> Option<String> {
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
    let (mut closed, mut resisting) = (Vec::new(), Vec::new());
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
            format!(", the largest gap left is {gap} % at {} and load {}", group.size(), numbers::tick(group.load()))
        });
        resisting.push(format!("{family} ({} of {} rows open{worst})", open.len(), rows.len()));
    }
    let mut words = Vec::new();
    if !closed.is_empty() {
        words.push(format!("branch certifies every row{within} of: {}.", closed.join(", ")));
    }
    words.push(match &resisting[..] {
        [] => "No family resists.".to_owned(),
        some => format!("Not every row{within} of: {}.", some.join("; ")),
    });
    Some(words.join(" "))
}

/// The methods that prove something in the exact studies.
fn proving<'r>(groups: &Groups<'r, '_>) -> BTreeSet<&'r str> {
    let all = groups.values().flatten();
    let proves = |rows: &[&Result]| rows.iter().any(|r| !matches!(r.row.proof, Proof::Nothing));
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
        "Shifted geometric mean, shift {} s; a failure counts as the time limit. (a/b): a of b rows end with the optimum proved, by a certificate or by a \
         solver's word.",
        numbers::data(options.time_shift_s)
    );
    let table = Table::new("exact-methods", "Exact methods side by side: solution time", note, Vec::new());
    let cell = |rows: &[&Result]| {
        let is_proved = |r: &&&Result| {
            is_certified(r) || matches!(r.row.status, Status::OptimalClaimed | Status::InfeasibleClaimed)
        };
        let proved = rows.iter().filter(is_proved).count();
        let partial = if proved == rows.len() { String::new() } else { format!(" ({proved}/{})", rows.len()) };
        let seconds: Vec<f64> = rows.iter().map(|r| r.counted_s()).collect();
        let mean = shifted_geometric_mean(&seconds, options.time_shift_s).expect("groups have rows");
        Cell::number(format!("{}{partial}", duration(mean)), mean)
    };
    side_by_side(groups, table, cell, false)
}

fn bounds_table(results: &Results, groups: &Groups) -> Option<Table> {
    let note = "Best solution anybody found / the method's own bound - 1, mean over the rows that have a bound. Plain: replayed certificates; in \
                italics with a dagger: a solver's word.";
    let table = Table::new(
        "exact-bounds",
        "Exact methods side by side: how far their bounds are from the best solution (%)",
        note,
        Vec::new(),
    );
    let cell = |rows: &[&Result]| {
        let distance = |r: &&Result| {
            let (bound, certified) = match &r.row.proof {
                Proof::Certified { value } => (*value, true),
                Proof::SolverWord { value, .. } => (*value, false),
                _ => return None,
            };
            let best = results.best[&r.row.key.instance].objective?;
            (bound > 0.0).then(|| ((best / bound - 1.0).max(0.0), certified))
        };
        let distances: Vec<(f64, bool)> = rows.iter().filter_map(distance).collect();
        let certified = distances.iter().all(|(_, certified)| *certified);
        let values: Vec<f64> = distances.iter().map(|(distance, _)| *distance).collect();
        let mark = if certified { Mark::Plain } else { Mark::Word };
        mean(&values).map_or_else(Cell::absent, |mean| {
            Cell::number(numbers::percent(mean, results.tolerance(certified)), 100.0 * mean).marked(mark)
        })
    };
    side_by_side(groups, table, cell, true)
}
