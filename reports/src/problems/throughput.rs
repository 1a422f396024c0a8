//! The parts of reports that only `throughput` has: verdicts on the claims of the paper's abstract.

use offcut_ledger::{Manifest, Row, Status};

use crate::numbers::significant;
use crate::problem_report::{Parts, ProblemReport, by_family};
use crate::results::{Result, Results};
use crate::statistics::{mean, range};
use crate::verdict::{Outcome, Rule, Verdict};

/// The problem's name in manifests.
pub const PROBLEM: &str = "throughput";

/// The paper, and what is known of it.
pub const PAPER: &str = "J. Li, W. Liang, Y. Li, Z. Xu, X. Jia, \"Delay-Aware DNN Inference Throughput Maximization \
    in Edge Computing via Jointly Exploring Partitioning and Parallelism\", IEEE LCN 2021, and its journal version, IEEE \
    TMC 2023: NP-hard; a constant-factor approximation for the offline problem, an online algorithm with a competitive \
    ratio. The paper is known to Offcut by its abstract; instances, formulation, the algorithms' details and all numbers \
    here are Offcut's own.";

/// The part of reports that only this problem has.
pub const REPORT: ProblemReport = ProblemReport {
    problem: PROBLEM,
    paper: Some(PAPER),
    reference: Some("local-ratio"),
    claims: verdicts_of,
    limitation: Some(
        "The paper is known by its abstract. The approximation algorithm is read as local ratio, the online one as \
         primal-dual prices; that the problem is NP-hard is a theorem and nothing that a run could show.",
    ),
    // Every method that partitions admits the same requests locally; the others fewer.
    parts: Some(Parts {
        measures: ["local", "remote"],
        note: "In brackets: admitted on their device alone + on cloudlets, as the checker counts.",
        column: "of them local",
    }),
    ..ProblemReport::PLAIN
};

/// The verdicts on the claims of the abstract.
pub fn verdicts(manifest: &Manifest, rows: &[Row]) -> Vec<Verdict> {
    verdicts_of(&Results::new(manifest, rows))
}

fn verdicts_of(results: &Results) -> Vec<Verdict> {
    let mut all = by_family(results, &[constant_factor, competitive]);
    all.extend(by_family(results, &[tight]).into_iter().filter(|verdict| verdict.outcome != Outcome::NotTested));
    all
}

/// The rows of a method on unit profits.
fn of<'r, 'a>(results: &'r Results<'a>, method: &str) -> Vec<&'r Result<'a>> {
    let is_it = |r: &&Result| r.row.key.method == method && r.row.instance.variant != "profit" && r.is_attempted();
    results.results.iter().filter(is_it).collect()
}

/// A row's objective relative to the best certified bound of its instance; 1 where no request can be admitted.
fn ratio(results: &Results, result: &Result) -> Option<f64> {
    let bound = results.best[&result.row.key.instance].certified?;
    Some(if bound == 0.0 { 1.0 } else { result.objective? / bound })
}

fn constant_factor(results: &Results) -> Verdict {
    let verdict = Verdict::new("a constant approximation", Rule::Theorem, "gaps", "0.5 of the optimum");
    let rows = of(results, "local-ratio");
    let ratios: Vec<f64> = rows.iter().filter_map(|r| ratio(results, r)).collect();
    let below = ratios.iter().filter(|ratio| **ratio < 0.5 * (1.0 - results.tolerance(true))).count();
    let known: Vec<f64> = (rows.iter())
        .filter(|r| {
            let best = &results.best[&r.row.key.instance];
            best.objective.is_some() && best.objective == best.certified
        })
        .filter_map(|r| ratio(results, r))
        .collect();
    let mut numbers = format!(
        "{} of {} rows of local-ratio admit at least half of the best certified bound",
        ratios.len() - below,
        rows.len()
    );
    if let Some((worst, _)) = range(&ratios) {
        numbers += &format!("; the worst row admits {} of it", significant(worst, 4));
    }
    if let Some(mean) = mean(&known) {
        numbers += &format!(
            "; on {} rows whose optimum is certified it admits {} of it on average",
            known.len(),
            significant(mean, 4)
        );
    }
    let (outcome, why) = match (rows.len(), below, rows.len() - ratios.len()) {
        (0, ..) => return verdict.not_tested("no row of local-ratio with unit profits"),
        (_, 0, 0) => (
            Outcome::Shown,
            "the abstract states that there is a constant, not which; the factor 1/2 is Offcut's, proved for local \
             ratio, and every row satisfies it"
                .to_owned(),
        ),
        (_, 0, open) => (Outcome::NotShown, format!("{open} rows have no objective or no certified bound")),
        _ => (
            Outcome::NotShown,
            format!("{below} rows are below half of a bound; the optimum may be below the bound as well"),
        ),
    };
    let number = range(&ratios).map_or(String::new(), |(worst, _)| significant(worst, 4));
    verdict.decided((outcome, why), ratios.len(), number, numbers)
}

/// The part of the optimum that Offcut's theorem promises of `online-primal-dual`: C'/(2 C), at most 1/2, for a cloudlet of C threads of which a request may
/// get up to kmax, with C' = kmax / (exp(kmax ln(1+kmax) / (C - kmax)) - 1). None for C <= kmax: the method has no C', admits nobody there, and the
/// theorem says nothing.
/// ```
/// use offcut_reports::problems::throughput::promised;
/// assert_eq!(promised(1000.0, 1.0), Some(0.5));
/// assert!((promised(1000.0, 8.0).unwrap() - 0.2237).abs() < 1e-4);
/// assert_eq!(promised(8.0, 8.0), None);
/// ```
pub fn promised(threads: f64, most: f64) -> Option<f64> {
    let beyond = threads - most;
    let safe = most / (most * most.ln_1p() / beyond).exp_m1();
    (beyond > 0.0 && safe > 0.0).then_some((safe / threads).min(1.0) / 2.0)
}

/// A smaller part of the optimum counts as no promise: a cloudlet just above kmax has a C' that is next to nothing.
const LEAST_PROMISE: f64 = 1e-3;

/// What the theorem promises of a row: that of the smallest cloudlet its family may draw, see the generator. None where the theorem says nothing, or where
/// the row does not tell its cloudlets.
fn promised_of(result: &Result) -> Option<f64> {
    let label = &result.row.instance;
    let of = |name: &str| label.parameters.get(name).copied();
    let (threads, most) = match label.family.as_str() {
        "zoo" | "synthetic" | "single" => ((0.5 * of("threads")?).round(), of("max_threads")?),
        "equal" => (of("threads")?, of("max_threads")?.max(3.0)),
        _ => return None,
    };
    promised(threads, most).filter(|promise| *promise >= LEAST_PROMISE)
}

fn competitive(results: &Results) -> Verdict {
    let claim = "an online algorithm with a provable competitive ratio";
    let verdict = Verdict::new(claim, Rule::Theorem, "gaps", "min(1, C'/C)/2 of the optimum");
    let rows = of(results, "online-primal-dual");
    if rows.is_empty() {
        return verdict.not_tested("no row of online-primal-dual");
    }
    let rejected = rows.iter().filter(|r| r.row.status == Status::Wrong).count();
    let ratios: Vec<f64> = rows.iter().filter_map(|r| ratio(results, r)).collect();
    let promises: Vec<(&Result, f64)> = rows.iter().filter_map(|r| Some((*r, promised_of(r)?))).collect();
    let mut numbers = format!(
        "the theorem promises something on {} of {} rows of online-primal-dual, {rejected} rejected",
        promises.len(),
        rows.len()
    );
    if let (Some((worst, _)), Some(mean)) = (range(&ratios), mean(&ratios)) {
        numbers += &format!(
            "; on all rows it admits {} of the best certified offline bound on average, {} at worst",
            significant(mean, 4),
            significant(worst, 4)
        );
    }
    let measured: Vec<(f64, f64)> =
        promises.iter().filter_map(|(r, promise)| Some((ratio(results, r)?, *promise))).collect();
    let tolerance = results.tolerance(true);
    let below = measured.iter().filter(|(ratio, promise)| *ratio < promise * (1.0 - tolerance)).count();
    let closest = measured.iter().copied().min_by(|a, b| (a.0 / a.1).total_cmp(&(b.0 / b.1)));
    let open = promises.len() - measured.len();
    let (outcome, why) = match (promises.len(), rejected, below, open) {
        (_, 1.., ..) => (Outcome::NotShown, format!("the checker rejects {rejected} rows")),
        (0, ..) => (
            Outcome::NothingPromised,
            "a cloudlet with no more threads than one request may take (C <= kmax) has no C' and admits nobody, and \
             just above that C'/C is next to nothing. With the smallest cloudlet that the family may have, the theorem \
             (Offcut's; the abstract names no ratio) promises less than a thousandth of the optimum on every row"
                .to_owned(),
        ),
        (_, _, 0, 0) => (
            Outcome::Shown,
            "no cloudlet exceeds its capacity, and every row for which the theorem promises something keeps it. The \
             ratio is Offcut's, proved for its prices; the abstract states that there is one, not which"
                .to_owned(),
        ),
        (_, _, 0, open) => (Outcome::NotShown, format!("{open} rows have no objective or no certified bound")),
        _ => (
            Outcome::NotShown,
            format!("{below} rows are below what is promised of a bound; the optimum may be below the bound as well"),
        ),
    };
    if let Some((ratio, promise)) = closest {
        let (ratio, promise) = (significant(ratio, 4), significant(promise, 3));
        numbers += &format!("; closest to its promise: {ratio}, with {promise} promised");
        let decided = verdict.decided((outcome, why), measured.len(), ratio, numbers);
        return Verdict { limit: format!("{promise} of the optimum"), ..decided };
    }
    verdict.decided((outcome, why), 0, String::new(), numbers)
}

/// The family made for it: exactly half.
fn tight(results: &Results) -> Verdict {
    let claim = "(ours) the factor 1/2 of local ratio is tight";
    let verdict = Verdict::new(claim, Rule::Theorem, "gaps", "0.5 of the optimum, exactly");
    let rows: Vec<_> = of(results, "local-ratio").into_iter().filter(|r| r.row.instance.family == "tight").collect();
    if rows.is_empty() {
        return verdict.not_tested("no row of the family tight");
    }
    let halves = rows.iter().filter(|r| ratio(results, r) == Some(0.5)).count();
    let outcome = if halves == rows.len() { Outcome::Shown } else { Outcome::NotShown };
    let why = "pairs A, B with two cloudlets of one thread: A, which fits both, takes the only one that B fits";
    let numbers =
        format!("{halves} of {} rows of the family tight admit exactly half of the certified bound", rows.len());
    verdict.decided((outcome, why.into()), rows.len(), format!("{halves} of {} rows", rows.len()), numbers)
}
