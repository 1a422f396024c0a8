//! The parts of a report, in their order.

mod provenance;
mod reading;
mod summary;

use offcut_ledger::{Manifest, Row};

use crate::options::Options;
use crate::report::Report;
use crate::results::Results;
use crate::section::Section;
use crate::{comparison, figures, problems, tables};

impl Report {
    /// Computes the report of a run.
    pub fn new(manifest: &Manifest, rows: &[Row], options: &Options) -> Self {
        let results = Results::against(manifest, rows, &options.library);
        let problem = problems::of(&manifest.problem);
        let mut sections = vec![Section {
            title: "All methods".into(),
            paragraphs: Vec::new(),
            tables: std::iter::once(tables::gaps(&results))
                .chain(std::iter::once(tables::times(&results)))
                .chain(tables::counts(&results))
                .collect(),
            figures: figures::gaps(&results).into_iter().collect(),
        }];
        sections.extend((problem.sections)(&results, options));
        sections.extend(manifest.studies.iter().map(|study| Section {
            title: study.title.clone(),
            paragraphs: Vec::new(),
            tables: tables::of_study(&results, problem, study),
            figures: figures::of_study(&results, problem, study),
        }));
        sections.extend(comparison::sections(&results, options, problem));
        sections.push(Section {
            title: "Outcome of every row".into(),
            tables: std::iter::once(tables::statuses(&results))
                .chain(tables::infeasible(&results))
                .chain(tables::reasons(&results))
                .collect(),
            ..Section::default()
        });
        Self {
            title: manifest.title.clone(),
            problem: manifest.problem.clone(),
            contradictions: results.contradictions.iter().map(ToString::to_string).collect(),
            mismatches: options
                .evidence
                .iter()
                .flat_map(|evidence| evidence.mismatches.iter().map(ToString::to_string))
                .collect(),
            provenance: provenance::lines(&results, options),
            summary: summary::lines(&results, options),
            paper: problem.paper.map(str::to_owned),
            verdicts: (problem.claims)(&results),
            sections,
            reading: reading::lines(&results, options),
            limitations: reading::limitations(&results, problem),
            parts: Vec::new(),
        }
    }
}
