//! The reports of several problems summed up: what they have in common, and every claim with its verdict.

use offcut_checker::Proof;
use offcut_ledger::{Manifest, Row, Status};

use crate::numbers::whole;
use crate::options::Options;
use crate::peers;
use crate::report::Report;
use crate::results::Results;
use crate::section::Section;
use crate::table::{Cell, Column, Mark, Table};
use crate::verdict::{Outcome, Verdict};

/// One problem's run.
pub struct Part<'a> {
    /// What the overview calls it.
    pub name: String,
    /// Whether it judges its paper's claims; a run beside other solvers judges none.
    pub judges: bool,
    /// What it set out to do.
    pub manifest: &'a Manifest,
    /// Its rows.
    pub rows: &'a [Row],
    /// Where its report is, seen from the overview's folder.
    pub place: String,
}

/// Rows by what stands behind what they say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// A gap or a bound that the checker replayed, or a replayed proof that there is no solution.
    pub certified: usize,
    /// A gap or a bound on a solver's word.
    pub word: usize,
    /// A checked solution of an instance nobody has a bound for.
    pub unbounded: usize,
    /// Declined, with a reason.
    pub declined: usize,
    /// No solution and no bound: out of time or memory, broken, claimed infeasible without a proof.
    pub nothing: usize,
    /// Refuted.
    pub wrong: usize,
}

impl Standing {
    /// Counts the rows of a run.
    pub fn of(results: &Results) -> Self {
        let mut standing = Self::default();
        for result in &results.results {
            let row = result.row;
            let place = match (row.status, &result.gap, &row.proof) {
                (Status::Wrong, ..) => &mut standing.wrong,
                (Status::Declined, ..) => &mut standing.declined,
                (Status::InfeasibleCertified, ..) => &mut standing.certified,
                (_, Some(gap), _) if gap.certified => &mut standing.certified,
                (_, Some(_), _) => &mut standing.word,
                (_, None, Proof::Certified { .. }) => &mut standing.certified,
                (_, None, Proof::SolverWord { .. }) => &mut standing.word,
                _ if result.objective.is_some() => &mut standing.unbounded,
                _ => &mut standing.nothing,
            };
            *place += 1;
        }
        standing
    }

    /// All of them.
    pub fn rows(&self) -> usize {
        let Self { certified, word, unbounded, declined, nothing, wrong } = self;
        certified + word + unbounded + declined + nothing + wrong
    }

    fn add(&mut self, other: &Self) {
        self.certified += other.certified;
        self.word += other.word;
        self.unbounded += other.unbounded;
        self.declined += other.declined;
        self.nothing += other.nothing;
        self.wrong += other.wrong;
    }
}

/// The overview of several runs.
pub fn overview(title: &str, parts: &[Part], options: &Options) -> Report {
    let mut table = Table::new(
        "overview",
        "What stands behind every row",
        "Certified: the row's gap is against a bound that the checker replayed, or the row is such a bound, or a replayed proof that there is no solution. Word: \
         the same on a solver's word. Nothing: neither solution nor bound, which the problem's report explains row by row.",
        vec![
            Column::words("problem", "problem"),
            Column::numbers("rows", "rows"),
            Column::numbers("certified", "certified"),
            Column::numbers("certified, %", "certified_percent"),
            Column::numbers("word", "word"),
            Column::numbers("no bound", "unbounded"),
            Column::numbers("declined", "declined"),
            Column::numbers("nothing", "nothing"),
            Column::numbers("refuted", "wrong"),
            Column::numbers("contradictions", "contradictions"),
        ],
    );
    let mut all = Standing::default();
    let mut contradictions = Vec::new();
    let mut verdicts = Vec::new();
    let mut provenance = Vec::new();
    let mut limitations = Vec::new();
    let runs: Vec<Results> = parts.iter().map(|part| Results::new(part.manifest, part.rows)).collect();
    for (Part { name, judges, manifest, rows, .. }, results) in parts.iter().zip(&runs) {
        let report = Report::new(manifest, rows, options);
        let standing = Standing::of(results);
        table.push(row(name, &standing, report.contradictions.len()));
        all.add(&standing);
        let named = |text: &String| format!("{name}: {text}");
        contradictions.extend(report.contradictions.iter().map(named));
        let judged = report.verdicts.iter().filter(|_| *judges);
        verdicts.extend(judged.map(|v| Verdict { claim: named(&v.claim), ..v.clone() }));
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
            "{} rows, {share:.1} % certified, {} refuted, {} contradictions.",
            whole(all.rows() as u64),
            all.wrong,
            contradictions.len()
        ),
        format!("{shown} of {} claims are shown.", verdicts.len()),
    ];
    Report {
        title: title.to_owned(),
        contradictions,
        provenance,
        summary,
        paper: Some(
            "All papers are known to this project by their abstracts; what goes beyond them is a reconstruction."
                .into(),
        ),
        verdicts,
        sections: std::iter::once(Section { title: "All problems".into(), tables: vec![table], ..Section::default() })
            .chain(peers::table(&runs).map(|table| Section {
                title: "Beside general solvers".into(),
                tables: vec![table],
                ..Section::default()
            }))
            .collect(),
        reading: vec![
            "Each problem has a report of its own, linked above: tables, figures, and how every row ended.".into(),
        ],
        limitations,
        parts: parts.iter().map(|part| (part.name.clone(), part.place.clone())).collect(),
    }
}

fn row(name: &str, standing: &Standing, contradictions: usize) -> Vec<Cell> {
    let Standing { certified, word, unbounded, declined, nothing, wrong } = *standing;
    let share = 100.0 * certified as f64 / standing.rows().max(1) as f64;
    let bad = |count: usize| if count > 0 { Cell::count(count).marked(Mark::Failure) } else { Cell::count(count) };
    vec![
        Cell::text(name),
        Cell::count(standing.rows()),
        Cell::count(certified),
        Cell::number(format!("{share:.1}"), share),
        Cell::count(word),
        Cell::count(unbounded),
        Cell::count(declined),
        Cell::count(nothing),
        bad(wrong),
        bad(contradictions),
    ]
}
