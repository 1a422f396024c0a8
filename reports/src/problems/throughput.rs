//! The parts of reports that only `throughput` has: verdicts on the claims of the paper's abstract.

use offcut_ledger::{Manifest, Row};

use crate::numbers::significant;
use crate::problem_report::{Parts, ProblemReport};
use crate::results::{Result, Results};
use crate::statistics::{mean, range};
use crate::verdict::{Outcome, Verdict};

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
    let mut all = vec![constant_factor(results), competitive(results)];
    all.extend(tight(results));
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
    let claim = "a constant approximation".to_owned();
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
        (0, ..) => (Outcome::NotTested, "no row of local-ratio with unit profits".to_owned()),
        (_, 0, 0) => {
            (Outcome::Shown, "the factor proved for it (by Offcut) is 1/2, and every row satisfies it".to_owned())
        }
        (_, 0, open) => (Outcome::NotShown, format!("{open} rows have no objective or no certified bound")),
        _ => (
            Outcome::NotShown,
            format!("{below} rows are below half of a bound; the optimum may be below the bound as well"),
        ),
    };
    Verdict { claim, outcome, numbers, why }
}

fn competitive(results: &Results) -> Verdict {
    let claim = "an online algorithm with a provable competitive ratio".to_owned();
    let rows = of(results, "online-primal-dual");
    let rejected = rows.iter().filter(|r| r.is_failure()).count();
    let ratios: Vec<f64> = rows.iter().filter_map(|r| ratio(results, r)).collect();
    let mut numbers = format!("{} rows of online-primal-dual, {rejected} rejected", rows.len());
    if let (Some((worst, _)), Some(mean)) = (range(&ratios), mean(&ratios)) {
        numbers += &format!(
            "; it admits {} of the best certified offline bound on average, {} at worst",
            significant(mean, 4),
            significant(worst, 4)
        );
    }
    let (outcome, why) = match (rows.len(), rejected) {
        (0, _) => (Outcome::NotTested, "no row of online-primal-dual".to_owned()),
        (_, 0) => (
            Outcome::Shown,
            "no cloudlet exceeds its capacity. The ratio 2 max C/C' is proved (by Offcut) and property-tested. It is \
             weak for small cloudlets; the measured ratios are better"
                .to_owned(),
        ),
        _ => (Outcome::NotShown, format!("the checker rejects {rejected} rows")),
    };
    Verdict { claim, outcome, numbers, why }
}

/// The family made for it: exactly half.
fn tight(results: &Results) -> Option<Verdict> {
    let rows: Vec<_> = of(results, "local-ratio").into_iter().filter(|r| r.row.instance.family == "tight").collect();
    if rows.is_empty() {
        return None;
    }
    let halves = rows.iter().filter(|r| ratio(results, r) == Some(0.5)).count();
    Some(Verdict {
        claim: "(ours) the factor 1/2 of local ratio is tight".into(),
        outcome: if halves == rows.len() { Outcome::Shown } else { Outcome::NotShown },
        numbers: format!(
            "{halves} of {} rows of the family tight admit exactly half of the certified bound",
            rows.len()
        ),
        why: "pairs A, B with two cloudlets of one thread: A, which fits both, takes the only one that B fits".into(),
    })
}
