//! Verdicts on the claims of the paper's abstract.

use std::collections::BTreeMap;

use offcut_instances::problem::MethodSpec;

use super::rows::{PROBLEM, instance_of, objectives, of};
use super::saved::{self, REDUCTION};
use crate::numbers::{self, duration, significant};
use crate::problem_report::by_family;
use crate::results::{Result, Results, per_instance};
use crate::statistics::{bootstrap_mean, mean, range};
use crate::verdict::{Outcome, Rule, Verdict};

/// The mean gap up to which DPD and CRA count as within the gap of the optimum.
const GAP_TARGET: f64 = 0.01;

/// All of them.
pub(super) fn all(results: &Results) -> Vec<Verdict> {
    by_family(results, &[reduced, near_optimum, low_complexity, markov])
}

fn reduced(results: &Results) -> Verdict {
    let claim = "the average end-to-end delay falls by 25.7 %";
    let verdict = Verdict::new(claim, Rule::Threshold, "reduction", "25.7 % against every baseline with a deployment");
    let saved = saved::saved(&results.results.iter().collect::<Vec<_>>());
    let measured: Vec<(f64, &saved::Saved)> =
        saved.iter().filter_map(|saved| Some((mean(&saved.reductions)?, saved))).collect();
    let numbers = measured.iter().map(|(mean, saved)| {
        let alone = match saved.alone {
            0 => String::new(),
            1 => "; no solution on 1 more instance that jpdra solves".into(),
            alone => format!("; no solution on {alone} more instances that jpdra solves"),
        };
        let instances = numbers::instances(saved.reductions.len());
        format!("{} % against {} ({instances}{alone})", saved::percent(*mean), saved.baseline.method)
    });
    let numbers = numbers.collect::<Vec<_>>().join(", ");
    let with_deployment = measured.iter().filter(|(_, saved)| saved.baseline.places);
    let strongest = with_deployment.min_by(|a, b| a.0.total_cmp(&b.0));
    let all: Vec<f64> = measured.iter().map(|(mean, _)| *mean).collect();
    let (Some((least, strongest)), Some((low, high))) = (strongest, range(&all)) else {
        let why = "no instance of the family zoo on which jpdra and a baseline with its own deployment have a solution";
        return verdict.not_tested(why);
    };
    let interval = bootstrap_mean(strongest.baseline.method, &strongest.reductions)
        .map_or_else(String::new, |(low, high)| {
            format!(", 95 % interval {} % to {} %", saved::percent(low), saved::percent(high))
        });
    let rule = format!(
        "the reduction depends on the baseline, which the abstract does not name, and lies between {} % and {} %. \
         Offcut's rule: shown if the mean over real DNNs is at least 25.7 % against every baseline with a deployment \
         of its own; baselines with DPD's deployment are listed but do not count. The strongest of them is {} ({} %{interval})",
        saved::percent(low),
        saved::percent(high),
        strongest.baseline.method,
        saved::percent(*least)
    );
    let outcome = if *least >= REDUCTION { Outcome::Shown } else { Outcome::NotShown };
    let number = format!("{} % against {}", saved::percent(*least), strongest.baseline.method);
    verdict.decided((outcome, rule), strongest.reductions.len(), number, numbers)
}

fn near_optimum(results: &Results) -> Verdict {
    let claim = "(ours) deciding deployment and allocation separately (DPD over CRA's optimal delay) comes within 1 % of the joint optimum";
    let verdict = Verdict::new(claim, Rule::Threshold, "gaps", "mean certified gap of 1 %");
    let mut parts = Vec::new();
    let mut reached = None;
    let mut lacking = 0;
    let (mut instances, mut number) = (0, String::new());
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
            part += &format!(
                ", no solution or no certified bound on {without} rows whose instance is solved by some method"
            );
        }
        parts.push(part);
        if method == PROBLEM {
            (reached, lacking) = (Some(mean), without);
            (instances, number) = (gaps.len(), format!("{} %", percent(mean)));
        }
    }
    let (outcome, why) = match reached {
        None => return verdict.not_tested("no row of jpdra with a certified bound"),
        Some(mean) if mean <= GAP_TARGET && lacking == 0 => (
            Outcome::Shown,
            "the rule is Offcut's: a mean certified gap of jpdra of at most 1 %. For a given deployment CRA is \
             exact, so a gap is due to DPD or to an open bound"
                .to_owned(),
        ),
        Some(mean) if mean <= GAP_TARGET => {
            (Outcome::NotShown, format!("{lacking} rows of jpdra have no certified gap"))
        }
        Some(_) => (
            Outcome::NotShown,
            "the mean certified gap of jpdra is above 1 %, Offcut's rule; part of it may be due to open bounds"
                .to_owned(),
        ),
    };
    verdict.decided((outcome, why), instances, number, parts.join("; "))
}

/// Time is a property of the method; what a run can show is how many moves it takes, and how long beside exact search.
fn low_complexity(results: &Results) -> Verdict {
    let limit = "exact search takes 10 times as long";
    let verdict = Verdict::new("DPD has low complexity", Rule::Threshold, "times", limit);
    let rows = of(results, "dpd");
    let exact: BTreeMap<&str, f64> =
        of(results, "branch").into_iter().filter_map(|r| Some((instance_of(r), r.measured_s()?))).collect();
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
        return verdict.not_tested("no row of dpd with a count of its moves");
    };
    let mut numbers = format!(
        "{} rows of dpd make {} moves per partition on average, at most {}",
        moves.len(),
        significant(moved, 2),
        significant(most, 2)
    );
    let Some(factor) = mean(&ratios).map(f64::exp) else {
        return Verdict { numbers, ..verdict.not_tested("no row of branch to compare times with") };
    };
    let longest = |of: &dyn Fn(&(f64, f64)) -> f64| duration(pairs.iter().map(of).fold(0.0, f64::max));
    numbers += &format!(
        "; on {} of them branch takes {} times as long (geometric mean); the longest row of dpd takes {}, the \
         longest of branch {}",
        pairs.len(),
        significant(factor, 2),
        longest(&|pair| pair.0),
        longest(&|pair| pair.1)
    );
    let why = "the rule is Offcut's: at most a tenth of the time of exact search. Every move evaluates polynomially \
        many others; the number of moves is measured, not proved to be polynomial"
        .to_owned();
    let outcome = if factor >= 10.0 { Outcome::Shown } else { Outcome::NotShown };
    verdict.decided((outcome, why), ratios.len(), format!("{} times as long", significant(factor, 2)), numbers)
}

/// The time average of every chain, reported by the method, against the best allocation of the same deployment: that of `dpd`, checked.
fn markov(results: &Results) -> Verdict {
    let claim = "CRA by Markov approximation (ours: its mean comes within ln|F|/beta of the best allocation)";
    let verdict = Verdict::new(claim, Rule::Theorem, "gaps", "ln|F|/beta");
    let Chains { by_beta, all, without } = chains(results);
    if by_beta.is_empty() {
        return verdict
            .not_tested("no row of cra-markov with an objective history and a row of dpd on the same instance");
    }
    let tolerance = results.tolerance(true);
    let inside = by_beta.values().flatten().filter(|chain| chain.mean <= chain.limit + tolerance).count();
    let described = by_beta.iter().map(|(beta, chains)| described(f64::from_bits(*beta), chains, tolerance));
    let numbers = format!(
        "in {inside} of {all} rows of cra-markov the time average ends within the limit; mean excess over the best allocation: {}",
        described.collect::<Vec<_>>().join("; ")
    );
    let (outcome, why) = match (all - without - inside, without) {
        (0, 0) => (
            Outcome::Shown,
            "the theorem is about the stationary mean, and every time average over a finite run satisfies it as \
             well. Time averages are reported by the method and not checked; the best allocation of the same \
             deployment is that of dpd, which is checked"
                .to_owned(),
        ),
        (0, without) => (Outcome::NotShown, format!("{without} rows have no solution or no objective history")),
        (beyond, _) => (
            Outcome::NotShown,
            format!(
                "{beyond} time averages end above the limit: the run is too short for the stationary distribution, \
                 or the theorem is misread"
            ),
        ),
    };
    let closest = by_beta.values().flatten().max_by(|a, b| (a.mean / a.limit).total_cmp(&(b.mean / b.limit)));
    let (number, limit) = closest.map_or_else(
        || (String::new(), String::new()),
        |chain| [chain.mean, chain.limit].map(|part| format!("{} %", numbers::percent(part, tolerance))).into(),
    );
    Verdict { limit, ..verdict.decided((outcome, why), all - without, number, numbers) }
}

/// The chains of a run.
#[derive(Default)]
struct Chains {
    /// By the bits of beta.
    by_beta: BTreeMap<u64, Vec<Chain>>,
    /// How many rows there are.
    all: usize,
    /// How many of them have no solution or no history.
    without: usize,
}

fn chains(results: &Results) -> Chains {
    let is_dpd = |r: &&Result| r.row.key.method == "dpd";
    let best = objectives(&results.results.iter().filter(is_dpd).collect::<Vec<_>>());
    let mut chains = Chains::default();
    for result in results.results.iter().filter(|r| r.is_attempted()) {
        let Ok(method) = result.row.key.method.parse::<MethodSpec>() else { continue };
        // A chain with a limit on its steps says nothing about its stationary mean.
        let is_whole = method.id == "cra-markov" && !method.parameters.contains_key("steps");
        let Some(best) = best.get(instance_of(result)).filter(|_| is_whole) else { continue };
        // A single state: no choice, and no objective history.
        if result.objective.is_some() && result.row.counts.get("moves") == Some(&0) {
            continue;
        }
        chains.all += 1;
        let last = |name: &str| result.row.series.get(name)?.last().map(|(_, value)| *value);
        let reported = (result.objective, last("mean"), last("envelope"), last("optimum"));
        let (Some(objective), Some(mean), Some(envelope), Some(optimum)) = reported else {
            chains.without += 1;
            continue;
        };
        let beta = method.parameters.get("beta").copied().unwrap_or(0.0);
        chains.by_beta.entry(beta.to_bits()).or_default().push(Chain {
            mean: mean / best - 1.0,
            limit: (envelope - optimum) / best,
            best: objective / best - 1.0,
        });
    }
    chains
}

/// The means of the chains of one beta, in words.
fn described(beta: f64, chains: &[Chain], tolerance: f64) -> String {
    let of = |quantity: &dyn Fn(&Chain) -> f64| {
        let values: Vec<f64> = chains.iter().map(quantity).collect();
        numbers::percent(mean(&values).expect("one or more"), tolerance)
    };
    let beta = if beta == 0.0 { "automatic beta".to_owned() } else { format!("beta {}", numbers::tick(beta)) };
    let (above, allowed, best) = (of(&|c| c.mean), of(&|c| c.limit), of(&|c| c.best));
    format!("{above} %, with {allowed} % allowed; best state {best} % ({beta}, {} rows)", chains.len())
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
