//! How to read a report, and what it does not show.

use offcut_ledger::Evidence;

use crate::numbers;
use crate::options::Options;
use crate::problem_report::ProblemReport;
use crate::results::Results;
use crate::tables::gap_definition;

/// How to read the tables and figures.
pub(super) fn lines(results: &Results, options: &Options) -> Vec<String> {
    let tolerance = &results.manifest.tolerance;
    vec![
        gap_definition(results.manifest.sense).to_owned(),
        format!(
            "A gap is printed as 0 if it is at most {:e} (certified) or {:e} (solver-reported bound), relative.",
            tolerance.gap_relative, tolerance.word_relative
        ),
        format!(
            "Certified: {} A number in italics with a dagger (†) rests on a solver-reported bound (unchecked). A \
             certified bound is preferred even where a solver-reported bound is tighter.",
            certified(options.evidence.as_ref())
        ),
        "Intervals and bands: 95 % percentile bootstrap intervals of the mean over instances, 2,000 resamples with a \
         fixed seed. The rows of one instance (its seeds) are averaged first. A single instance has no interval."
            .to_owned(),
        format!(
            "Times are compared by shifted geometric means, exp(mean ln(t + s)) - s. The shift s limits the \
             influence of very small times: s = {} s for exact methods, {} s for heuristics. An instance that is not \
             solved counts as the time limit, in PAR10 as ten times the limit.",
            numbers::data(options.time_shift_s),
            numbers::data(options.heuristic_shift_s)
        ),
        "Two methods are compared on the instances that neither declined, by the geometric mean of their ratios with \
         a bootstrap interval, and by Wilcoxon's signed-rank test of the log ratios with Holm's correction for all \
         tests of a table. The test shows which method is better, the ratio shows by how much. \"Neither\" means that \
         no difference was shown, not that there is none."
            .to_owned(),
        "Means are over the rows that have a value; where rows are missing, the cell gives their number. Methods \
         that attempt different instances are comparable only on the instances they share."
            .to_owned(),
    ]
}

/// What no report of the problem shows.
pub(super) fn limitations(results: &Results, problem: &ProblemReport) -> Vec<String> {
    let mut lines = vec![
        "Best known values are those of this run. Better bounds from another run would reduce the gaps.".to_owned(),
        "Wall-clock times are from one machine and include its noise. Counts are reported by the methods and not checked."
            .to_owned(),
        "Bootstrap intervals describe the generator's instances, not instances from elsewhere. With few instances \
         they are too narrow."
            .to_owned(),
        "Methods that failed on different instances have means over different instances.".to_owned(),
        "Tests treat instances as independent draws from the generators. Families, sizes and loads are pooled as the \
         suite weights them. Time ratios hold for this machine. The time of an exact method with a single seed is \
         subject to performance variability: permuting the rows and columns of a MILP changes its time. Where several \
         seeds were run, a table shows this variability."
            .to_owned(),
        "A method counts as exact if it returned a bound in this run. An exact method that failed on every row is \
         therefore listed among the heuristics, with no instance solved."
            .to_owned(),
    ];
    lines.extend(problem.limitation.map(str::to_owned));
    let has_measures = results.rows.iter().any(|row| !row.measures.is_empty());
    if has_measures && results.manifest.measures.is_empty() {
        lines.push(
            "The manifest of this run was written by an earlier version, which did not name measures, objectives of \
             variants and random methods: measures are shown under their keys without units, and all objectives under \
             the name and unit of the run's objective."
                .to_owned(),
        );
    }
    lines
}

/// What "certified" says, as far as the rows of this report are known to be what the checker wrote.
fn certified(evidence: Option<&Evidence>) -> &'static str {
    match evidence {
        Some(evidence) if evidence.is_whole() => {
            "when the row was made, the checker replayed the bound's certificate in outward-rounded arithmetic, without any solver. For this report each row was \
             compared with the hash of its answer and with what the answer claims. No answer was checked again; `offcut check RUN` does that."
        }
        Some(_) => {
            "the row says so. Not every row of this run matches an answer (see above), so it is not known to be what the checker wrote; `offcut check RUN` checks \
             all answers again."
        }
        None => {
            "the row says that the checker replayed the bound's certificate in outward-rounded arithmetic, without any solver. Rows were not compared with their answers."
        }
    }
}
