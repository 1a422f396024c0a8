//! The parts of reports that only `multiuser` has: verdicts on the claims of the paper's abstract, and the proven envelope.
//!
//! The paper is known by its abstract: X. Tang, X. Chen, L. Zeng, S. Yu, L. Chen, "Joint Multi-User DNN Partitioning and
//! Computational Resource Allocation for Collaborative Edge Intelligence", arXiv 2007.09072, 2020.

use offcut_instances::problem::MethodSpec;
use offcut_ledger::{Manifest, Row, Study};

use crate::numbers;
use crate::problem_report::{ProblemReport, StudyQuantity, by_family};
use crate::results::{Result, Results};
use crate::verdict::{Outcome, Rule, Verdict};

/// The problem's name in manifests.
pub const PROBLEM: &str = "multiuser";

/// The study whose axis is the estimation error.
pub const ERROR_STUDY: &str = "error";

/// The paper, and what is known of it.
pub const PAPER: &str = "X. Tang, X. Chen, L. Zeng, S. Yu, L. Chen, \"Joint Multi-User DNN Partitioning and \
    Computational Resource Allocation for Collaborative Edge Intelligence\", arXiv 2007.09072, 2020. The paper is known \
    to Offcut by its abstract; instances, formulation and all numbers here are Offcut's own.";

/// The part of reports that only this problem has.
pub const REPORT: ProblemReport = ProblemReport {
    problem: PROBLEM,
    paper: Some(PAPER),
    reference: Some("iao"),
    claims: verdicts_of,
    limitation: Some(
        "The paper is known by its abstract. Instances, speed-up laws and the reading of estimation error are \
         reconstructions; the numbers are Offcut's own and cannot be compared with the paper's figures.",
    ),
    study_quantity,
    ..ProblemReport::PLAIN
};

/// The proven envelope `(1+e)/(1-e)`: with every latency estimated to within a factor 1 ± e, the solution computed from the
/// estimates costs at most this many times the optimum. Defined for e in [0, 1).
/// ```
/// assert!((offcut_reports::problems::multiuser::envelope(0.2).unwrap() - 1.5).abs() < 1e-12);
/// assert_eq!(offcut_reports::problems::multiuser::envelope(1.0), None);
/// ```
pub fn envelope(error: f64) -> Option<f64> {
    (0.0..1.0).contains(&error).then(|| (1.0 + error) / (1.0 - error))
}

/// What the study of the estimation error shows: objectives over certified bounds, under the envelope.
fn study_quantity(results: &Results, study: &Study) -> Option<StudyQuantity> {
    (study.name == ERROR_STUDY).then(|| StudyQuantity {
        name: format!("{} / certified bound", results.manifest.objective.name),
        value: ratio,
        limit_name: "proven limit (1+e)/(1-e)",
        limit: envelope,
        reading: "Under the dashed line: within the proven limit; 1 is the optimum.",
    })
}

/// A row's objective relative to the best certified bound of its instance.
pub fn ratio(results: &Results, result: &Result) -> Option<f64> {
    let bound = results.best[&result.row.key.instance].certified.filter(|bound| *bound > 0.0)?;
    Some(result.objective? / bound)
}

/// The verdicts on the claims of the abstract.
pub fn verdicts(manifest: &Manifest, rows: &[Row]) -> Vec<Verdict> {
    verdicts_of(&Results::new(manifest, rows))
}

pub(crate) fn verdicts_of(results: &Results) -> Vec<Verdict> {
    by_family(results, &[optimality, polynomial, envelope_holds])
}

/// `iao` or `iao-ds` as published: with exact latencies.
fn is_published_iao(method: &str) -> bool {
    method
        .parse::<MethodSpec>()
        .is_ok_and(|m| matches!(m.id.as_str(), "iao" | "iao-ds") && m.parameters.get("error").is_none_or(|e| *e == 0.0))
}

fn optimality(results: &Results) -> Verdict {
    let verdict = Verdict::new("IAO finds the optimum", Rule::Abstract, "gaps", "gap 0 on every row");
    let of_iao: Vec<_> =
        results.results.iter().filter(|r| is_published_iao(&r.row.key.method) && r.is_attempted()).collect();
    let instances: std::collections::BTreeSet<_> = of_iao.iter().map(|r| &r.row.key.instance).collect();
    let optimal = of_iao.iter().filter(|r| r.gap.is_some_and(|gap| gap.certified && results.is_zero(gap))).count();
    let open = of_iao.iter().filter(|r| r.objective.is_some() && r.gap.is_none_or(|gap| !gap.certified)).count();
    let numbers = format!(
        "{optimal} of {} rows of iao and iao-ds on {} instances have a certified gap of 0",
        of_iao.len(),
        instances.len(),
    );
    let (outcome, why) = if of_iao.is_empty() {
        (Outcome::NotTested, "no row of iao or iao-ds".into())
    } else if optimal == of_iao.len() {
        (Outcome::Shown, "every objective meets a certified bound".into())
    } else {
        let failures = of_iao.iter().filter(|r| r.objective.is_none()).count();
        let beyond = of_iao.len() - optimal - open - failures;
        (
            Outcome::NotShown,
            format!(
                "{beyond} rows have an objective above their certified bound, {open} have no certified bound, \
                 {failures} have no feasible solution"
            ),
        )
    };
    if of_iao.is_empty() {
        return verdict.not_tested(why);
    }
    verdict.decided((outcome, why), of_iao.len(), format!("{optimal} of {}", of_iao.len()), numbers)
}

/// A run cannot show complexity; it can show that no row took more moves than proved.
fn polynomial(results: &Results) -> Verdict {
    let verdict = Verdict::new("in polynomial time", Rule::Theorem, "counts", "1 unit move for each unit");
    let moves = |r: &Result| {
        let units = r.row.instance.parameters.get("units")?;
        Some((*r.row.counts.get("moves")? as f64, *units))
    };
    let iao = |r: &&Result| r.row.key.method == "iao";
    let counted: Vec<(f64, f64)> = results.results.iter().filter(iao).filter_map(moves).collect();
    let beyond = counted.iter().filter(|(moves, units)| moves > units).count();
    let most = counted.iter().map(|(moves, _)| *moves).fold(0.0, f64::max);
    let numbers = format!("{} rows of iao count their moves; at most {}", counted.len(), numbers::whole(most as u64));
    let (outcome, why) = match (counted.len(), beyond) {
        (0, _) => return verdict.not_tested("no row of iao with its moves and its number of units"),
        (_, 0) => (
            Outcome::Shown,
            "the limit is Offcut's: no row took more unit moves than there are units, each polynomial".to_owned(),
        ),
        _ => (Outcome::NotShown, format!("{beyond} rows took more unit moves than there are units")),
    };
    let number = counted.iter().map(|(moves, units)| moves / units).fold(0.0, f64::max);
    verdict.decided((outcome, why), counted.len(), format!("at most {}", numbers::significant(number, 3)), numbers)
}

fn envelope_holds(results: &Results) -> Verdict {
    let claim = "its behaviour under estimation error is bounded";
    let verdict = Verdict::new(claim, Rule::Theorem, "error-figure", "(1+e)/(1-e)");
    let EnvelopeRows { within, outside, open, not_run, without_limit, closest } = envelope_rows(results);
    let all = within + outside + open + not_run;
    let mut numbers =
        format!("{within} of {all} rows of study {ERROR_STUDY} lie within (1+e)/(1-e) times the best certified bound");
    if let Some((ratio, limit)) = closest {
        let (ratio, limit) = (numbers::significant(ratio, 4), numbers::significant(limit, 4));
        numbers += &format!("; closest to its envelope: {ratio}, with {limit} allowed");
    }
    if without_limit > 0 {
        numbers += &format!("; {without_limit} rows with e >= 1 have no limit");
    }
    let (outcome, why) = match (all, outside, open + not_run) {
        (0, ..) => return verdict.not_tested(format!("no study {ERROR_STUDY} with errors in [0, 1)")),
        (_, 0, 0) => (
            Outcome::Shown,
            "the envelope is Offcut's reading of \"bounded\", proved for relative errors; every row satisfies it"
                .into(),
        ),
        (_, 0, _) => {
            (Outcome::NotShown, format!("{open} rows have no objective or no certified bound, {not_run} were not run"))
        }
        _ => (Outcome::NotShown, format!("{outside} rows lie outside the envelope")),
    };
    let (number, limit) = closest.map_or_else(
        || (String::new(), verdict.limit.clone()),
        |(ratio, limit)| (numbers::significant(ratio, 4), numbers::significant(limit, 4)),
    );
    Verdict { limit, ..verdict.decided((outcome, why), within + outside, number, numbers) }
}

/// The rows of the study of the estimation error.
#[derive(Default)]
struct EnvelopeRows {
    within: usize,
    outside: usize,
    /// No objective or no certified bound.
    open: usize,
    not_run: usize,
    /// With an error for which there is no limit.
    without_limit: usize,
    /// The ratio that uses the most of its limit, and the limit.
    closest: Option<(f64, f64)>,
}

fn envelope_rows(results: &Results) -> EnvelopeRows {
    let mut rows = EnvelopeRows::default();
    let studies = results.manifest.studies.iter().filter(|study| study.name == ERROR_STUDY);
    for cell in studies.flat_map(|study| &study.cells) {
        // Methods without an error, and an error of 0, test nothing.
        let has_error = |result: &Result| {
            let method = result.row.key.method.parse::<MethodSpec>();
            method.is_ok_and(|method| method.parameters.get("error").is_some_and(|error| *error > 0.0))
        };
        let result = results.of_key(&cell.key);
        let is_elsewhere = result.is_none() && results.is_run(&cell.key);
        if is_elsewhere || cell.x == Some(0.0) || result.is_some_and(|result| !has_error(result)) {
            continue;
        }
        match (cell.x.and_then(envelope), result) {
            (None, _) => rows.without_limit += 1,
            (_, None) => rows.not_run += 1,
            (Some(limit), Some(result)) => rows.add(ratio(results, result), limit, results.tolerance(true)),
        }
    }
    rows
}

impl EnvelopeRows {
    fn add(&mut self, ratio: Option<f64>, limit: f64, tolerance: f64) {
        let Some(ratio) = ratio else {
            self.open += 1;
            return;
        };
        if ratio <= limit * (1.0 + tolerance) {
            self.within += 1;
        } else {
            self.outside += 1;
        }
        let is_closer = |(r, l): (f64, f64)| (ratio - 1.0) * (l - 1.0) > (r - 1.0) * (limit - 1.0);
        if limit > 1.0 && self.closest.is_none_or(is_closer) {
            self.closest = Some((ratio, limit));
        }
    }
}
