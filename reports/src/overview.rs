//! The overview of several reports: the evidence for their rows, and every claim with its verdict.

use std::collections::BTreeMap;

use offcut_ledger::{Manifest, Mismatch, Row, Status};

use crate::assemble::headline_of_all;
use crate::figure::Styles;
use crate::numbers::whole;
use crate::options::Options;
use crate::own_bounds::OwnBounds;
use crate::peers;
use crate::problems;
use crate::report::Report;
use crate::results::Results;
use crate::section::Section;
use crate::table::{Cell, Column, Table};
use crate::verdict::{Outcome, Verdict};

/// One problem's run.
pub struct Part<'a> {
    /// What the overview calls it.
    pub name: String,
    /// Whether the overview lists the verdicts on its paper's claims; those of a run with general solvers are left out.
    pub has_claims: bool,
    /// What it set out to do.
    pub manifest: &'a Manifest,
    /// Its rows.
    pub rows: &'a [Row],
    /// Rows that do not say what their answers say, and are not among them.
    pub mismatches: &'a [Mismatch],
    /// Its report.
    pub report: &'a Report,
    /// Where its report is, seen from the overview's folder.
    pub place: String,
}

/// Numbers of rows by their evidence.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EvidenceCounts {
    /// A gap or a bound that the checker replayed, or a replayed proof that there is no solution.
    pub certified: usize,
    /// A gap or a bound that rests on a solver-reported bound (unchecked).
    pub unchecked: usize,
    /// A checked solution of an instance without any bound.
    pub unbounded: usize,
    /// Declined, with a reason.
    pub declined: usize,
    /// No solution and no bound: out of time or memory, failed, claimed infeasible without a proof.
    pub no_result: usize,
    /// Rejected by the checker.
    pub rejected: usize,
}

impl EvidenceCounts {
    /// Counts the rows of a run.
    pub fn of(results: &Results) -> Self {
        let mut counts = Self::default();
        for result in &results.results {
            let row = result.row;
            let place = match (row.status, &result.gap) {
                (Status::Wrong, _) => &mut counts.rejected,
                (Status::Declined, _) => &mut counts.declined,
                (Status::InfeasibleCertified, _) => &mut counts.certified,
                (_, Some(gap)) if gap.certified => &mut counts.certified,
                (_, Some(_)) => &mut counts.unchecked,
                (_, None) if row.is_certified() => &mut counts.certified,
                (_, None) if row.claims_bound() => &mut counts.unchecked,
                _ if result.objective.is_some() => &mut counts.unbounded,
                _ => &mut counts.no_result,
            };
            *place += 1;
        }
        counts
    }

    /// All of them.
    pub fn rows(&self) -> usize {
        let Self { certified, unchecked, unbounded, declined, no_result, rejected } = self;
        certified + unchecked + unbounded + declined + no_result + rejected
    }

    fn add(&mut self, other: &Self) {
        self.certified += other.certified;
        self.unchecked += other.unchecked;
        self.unbounded += other.unbounded;
        self.declined += other.declined;
        self.no_result += other.no_result;
        self.rejected += other.rejected;
    }
}

/// The overview of several runs.
pub fn overview(title: &str, parts: &[Part], options: &Options) -> Report {
    let runs: Vec<Results> = parts.iter().map(|part| Results::new(part.manifest, part.rows)).collect();
    let parts_with_reports = || parts.iter().map(|part| (part, part.report));
    let named = |part: &Part, text: &String| format!("{}: {text}", part.name);
    let contradictions: Vec<String> = parts_with_reports()
        .flat_map(|(part, report)| report.contradictions.iter().map(move |text| named(part, text)))
        .collect();
    let verdicts: Vec<Verdict> = parts_with_reports()
        .filter(|(part, _)| part.has_claims)
        .flat_map(|(part, report)| report.verdicts.iter().map(move |verdict| (part, verdict)))
        .map(|(part, verdict)| Verdict { claim: named(part, &verdict.claim), ..verdict.clone() })
        .collect();
    let mut limitations: Vec<String> = Vec::new();
    for line in parts.iter().flat_map(|part| &part.report.limitations) {
        if !limitations.contains(line) {
            limitations.push(line.clone());
        }
    }
    let (table, all) = evidence(parts, &runs);
    let mut own = OwnBounds::default();
    runs.iter().for_each(|results| own.add(&OwnBounds::of(results)));
    let section =
        |title: &str, table: Table| Section { title: title.into(), tables: vec![table], ..Section::default() };
    let peers = peers::table(&runs).map(|table| section("Comparison with general solvers", table));
    let answered: Vec<_> = parts
        .iter()
        .zip(&runs)
        .filter(|(part, _)| part.has_claims)
        .map(|(part, results)| (part.name.as_str(), results, problems::of(&part.manifest.problem)))
        .collect();
    Report {
        title: title.to_owned(),
        problem: String::new(),
        headline: headline_of_all(&answered, options),
        summary: summary(&all, &own, contradictions.len(), &verdicts),
        contradictions,
        mismatches: parts
            .iter()
            .flat_map(|part| part.mismatches.iter().map(|mismatch| format!("{}: {mismatch}", part.name)))
            .collect(),
        provenance: provenance(parts),
        paper: Some(
            "All papers are known to this project by their abstracts only; everything beyond the abstracts is a reconstruction."
                .into(),
        ),
        verdicts,
        sections: std::iter::once(section("All problems", table)).chain(peers).collect(),
        reading: vec![
            "Each problem has its own report, linked above, with tables, figures and the outcome of every row.".into(),
        ],
        limitations,
        parts: parts.iter().map(|part| (part.name.clone(), part.place.clone())).collect(),
        overview: None,
        styles: Styles::default(),
        families: BTreeMap::new(),
    }
}

/// What the provenance of all runs has in common, once, and the noise of each.
fn provenance(parts: &[Part]) -> Vec<(String, String)> {
    let mut lines = Vec::new();
    for part in parts {
        for (what, value) in &part.report.provenance {
            let line = (what.clone(), value.clone());
            if ["Offcut", "commit", "processor", "memory", "system"].contains(&what.as_str()) {
                if !lines.contains(&line) {
                    lines.push(line);
                }
            } else if what == "machine noise" {
                lines.push((format!("noise, {}", part.name), value.clone()));
            }
        }
    }
    lines
}

fn summary(all: &EvidenceCounts, own: &OwnBounds, contradictions: usize, verdicts: &[Verdict]) -> Vec<String> {
    let share = 100.0 * all.certified as f64 / all.rows().max(1) as f64;
    let shown = verdicts.iter().filter(|v| v.outcome == Outcome::Shown).count();
    vec![
        format!(
            "{} rows, {share:.1} % certified, {} rejected, {contradictions} contradictions.",
            whole(all.rows() as u64),
            all.rejected,
        ),
        own.told(),
        format!("{shown} of {} claims shown.", verdicts.len()),
    ]
}

/// The evidence for the rows of every part and of all.
fn evidence(parts: &[Part], runs: &[Results]) -> (Table, EvidenceCounts) {
    let mut table = Table::new(
        "overview",
        "Evidence for every row",
        "Certified: the row's gap rests on a bound that the checker replayed, or the row is such a bound or a \
         replayed proof of infeasibility. Unchecked: the same with a solver-reported bound. No bound: a checked \
         solution of an instance without any bound. No result: neither a solution nor a bound; the problem's report gives the reasons. \
         Own bounds: rows of exact methods, and the share of them whose own bound has a replayed certificate, whatever other methods prove.",
        vec![
            Column::words("problem", "problem"),
            Column::numbers("rows", "rows"),
            Column::numbers("certified", "certified"),
            Column::numbers("certified (%)", "certified_percent"),
            Column::numbers("unchecked", "unchecked"),
            Column::numbers("no bound", "unbounded"),
            Column::numbers("declined", "declined"),
            Column::numbers("no result", "no_result"),
            Column::numbers("rejected", "rejected"),
            Column::numbers("contradictions", "contradictions"),
            Column::numbers("exact rows", "exact_rows"),
            Column::numbers("own bound certified (%)", "own_certified_percent"),
        ],
    );
    let (mut all, mut all_own) = (EvidenceCounts::default(), OwnBounds::default());
    for (part, results) in parts.iter().zip(runs) {
        let (counts, own) = (EvidenceCounts::of(results), OwnBounds::of(results));
        table.push(row(&part.name, &counts, &own, part.report.contradictions.len()));
        all.add(&counts);
        all_own.add(&own);
    }
    table.push(row("all", &all, &all_own, parts.iter().map(|part| part.report.contradictions.len()).sum()));
    (table, all)
}

fn row(name: &str, counts: &EvidenceCounts, own: &OwnBounds, contradictions: usize) -> Vec<Cell> {
    let EvidenceCounts { certified, unchecked, unbounded, declined, no_result, rejected } = *counts;
    let share = 100.0 * certified as f64 / counts.rows().max(1) as f64;
    vec![
        Cell::text(name),
        Cell::count(counts.rows()),
        Cell::count(certified),
        Cell::number(format!("{share:.1}"), share),
        Cell::count(unchecked),
        Cell::count(unbounded),
        Cell::count(declined),
        Cell::count(no_result),
        Cell::failures(rejected),
        Cell::failures(contradictions),
        Cell::count(own.rows()),
        own.share_cell(),
    ]
}
