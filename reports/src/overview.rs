//! The overview of several reports: the evidence for their rows, and every claim with its verdict.

use offcut_checker::Proof;
use offcut_ledger::{Manifest, Row, Status};

use crate::numbers::whole;
use crate::options::Options;
use crate::peers;
use crate::report::Report;
use crate::results::Results;
use crate::section::Section;
use crate::table::{Cell, Column, Style, Table};
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
            let place = match (row.status, &result.gap, &row.proof) {
                (Status::Wrong, ..) => &mut counts.rejected,
                (Status::Declined, ..) => &mut counts.declined,
                (Status::InfeasibleCertified, ..) => &mut counts.certified,
                (_, Some(gap), _) if gap.certified => &mut counts.certified,
                (_, Some(_), _) => &mut counts.unchecked,
                (_, None, Proof::Certified { .. }) => &mut counts.certified,
                (_, None, Proof::SolverWord { .. }) => &mut counts.unchecked,
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
    let mut table = Table::new(
        "overview",
        "Evidence for every row",
        "Certified: the row's gap rests on a bound that the checker replayed, or the row is such a bound or a \
         replayed proof of infeasibility. Unchecked: the same with a solver-reported bound. No bound: a checked \
         solution of an instance without any bound. No result: neither a solution nor a bound; the problem's report \
         gives the reasons.",
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
        ],
    );
    let mut all = EvidenceCounts::default();
    let mut contradictions = Vec::new();
    let mut verdicts = Vec::new();
    let mut provenance = Vec::new();
    let mut limitations = Vec::new();
    let runs: Vec<Results> = parts.iter().map(|part| Results::new(part.manifest, part.rows)).collect();
    for (Part { name, has_claims, manifest, rows, .. }, results) in parts.iter().zip(&runs) {
        let report = Report::new(manifest, rows, options);
        let counts = EvidenceCounts::of(results);
        table.push(row(name, &counts, report.contradictions.len()));
        all.add(&counts);
        let named = |text: &String| format!("{name}: {text}");
        contradictions.extend(report.contradictions.iter().map(named));
        let listed = report.verdicts.iter().filter(|_| *has_claims);
        verdicts.extend(listed.map(|v| Verdict { claim: named(&v.claim), ..v.clone() }));
        for (what, value) in report.provenance {
            let is_common = ["Offcut", "commit", "processor", "memory", "system"].contains(&what.as_str());
            if is_common && !provenance.contains(&(what.clone(), value.clone())) {
                provenance.push((what, value));
            } else if what == "machine noise" {
                provenance.push((format!("noise, {name}"), value));
            }
        }
        limitations
            .extend(report.limitations.into_iter().filter(|line| !limitations.contains(line)).collect::<Vec<_>>());
    }
    table.push(row("all", &all, contradictions.len()));
    let share = 100.0 * all.certified as f64 / all.rows().max(1) as f64;
    let shown = verdicts.iter().filter(|v| v.outcome == Outcome::Shown).count();
    let summary = vec![
        format!(
            "{} rows, {share:.1} % certified, {} rejected, {} contradictions.",
            whole(all.rows() as u64),
            all.rejected,
            contradictions.len()
        ),
        format!("{shown} of {} claims shown.", verdicts.len()),
    ];
    Report {
        title: title.to_owned(),
        contradictions,
        provenance,
        summary,
        paper: Some(
            "All papers are known to this project by their abstracts only; everything beyond the abstracts is a \
             reconstruction."
                .into(),
        ),
        verdicts,
        sections: std::iter::once(Section { title: "All problems".into(), tables: vec![table], ..Section::default() })
            .chain(peers::table(&runs).map(|table| Section {
                title: "Comparison with general solvers".into(),
                tables: vec![table],
                ..Section::default()
            }))
            .collect(),
        reading: vec![
            "Each problem has its own report, linked above, with tables, figures and the outcome of every \
             row."
                .into(),
        ],
        limitations,
        parts: parts.iter().map(|part| (part.name.clone(), part.place.clone())).collect(),
    }
}

fn row(name: &str, counts: &EvidenceCounts, contradictions: usize) -> Vec<Cell> {
    let EvidenceCounts { certified, unchecked, unbounded, declined, no_result, rejected } = *counts;
    let share = 100.0 * certified as f64 / counts.rows().max(1) as f64;
    let bad = |count: usize| if count > 0 { Cell::count(count).styled(Style::Failure) } else { Cell::count(count) };
    vec![
        Cell::text(name),
        Cell::count(counts.rows()),
        Cell::count(certified),
        Cell::number(format!("{share:.1}"), share),
        Cell::count(unchecked),
        Cell::count(unbounded),
        Cell::count(declined),
        Cell::count(no_result),
        bad(rejected),
        bad(contradictions),
    ]
}
