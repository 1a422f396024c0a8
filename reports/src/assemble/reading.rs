//! How to read a report, and what it does not show.

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
            "A gap is printed as 0 if it is at most {:e} (certified) or {:e} (a solver's word), relative.",
            tolerance.gap_relative, tolerance.word_relative
        ),
        "Certified: the checker replayed the bound's certificate in outward-rounded arithmetic and trusted no solver. A number in \
         italics with a dagger (†) rests on a solver's word. A certified bound is preferred even where the word is tighter."
            .to_owned(),
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

/// What no report of the problem shows.
pub(super) fn limitations(problem: &ProblemReport) -> Vec<String> {
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
    lines.extend(problem.limitation.map(str::to_owned));
    lines
}
