//! The parts of a report, in their order.

mod headline;
mod provenance;
mod reading;
mod summary;

use std::collections::{BTreeMap, BTreeSet};

use offcut_ledger::{Manifest, Row, Study};

pub(crate) use headline::of_all as headline_of_all;

use crate::figure::Styles;
use crate::options::Options;
use crate::problem_report::ProblemReport;
use crate::report::{Headline, Report};
use crate::results::Results;
use crate::section::Section;
use crate::{comparison, figures, problems, prototype, tables};

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
            ..Section::default()
        }];
        sections.extend((problem.sections)(&results, options));
        sections.extend(manifest.studies.iter().map(|study| {
            let (ranks, words) = tables::beside(&results, study).unzip();
            Section {
                title: study.title.clone(),
                paragraphs: words.into_iter().collect(),
                tables: ranks.into_iter().chain(tables::of_study(&results, problem, study)).collect(),
                figures: figures::of_study(&results, problem, study),
                families: families_of(&results, study),
            }
        }));
        sections.extend(prototype::section(&options.prototypes));
        sections.extend(comparison::sections(&results, options, problem));
        sections.push(Section {
            title: "Outcome of every row".into(),
            tables: std::iter::once(tables::statuses(&results))
                .chain(tables::own_bounds(&results))
                .chain(tables::without_own_bound(&results))
                .chain(tables::infeasible(&results))
                .chain(tables::reasons(&results))
                .collect(),
            ..Section::default()
        });
        let headline = headline::of(&results, options, problem);
        Self {
            title: manifest.title.clone(),
            problem: manifest.problem.clone(),
            styles: styles(&results, problem, headline.as_ref()),
            headline,
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
            overview: options.overview.clone(),
            families: families(&results),
        }
    }
}

/// The looks of all methods: the paper's algorithm first, then those of the headline, which get colours that differ, then methods without parameters,
/// then those with.
fn styles(results: &Results, problem: &ProblemReport, headline: Option<&Headline>) -> Styles {
    let ranked = headline.iter().flat_map(|headline| &headline.table.rows).map(|row| row[1].text.as_str());
    let methods: BTreeSet<&str> = results.results.iter().map(|result| result.row.key.method.as_str()).collect();
    let series: BTreeSet<&str> =
        results.manifest.studies.iter().flat_map(|study| &study.cells).map(|cell| cell.series.as_str()).collect();
    let (plain, with_parameters): (Vec<&str>, Vec<&str>) =
        methods.into_iter().partition(|method| !method.contains(':'));
    Styles::new(problem.reference, ranked.chain(plain).chain(series).chain(with_parameters))
}

/// The families of a study's instances.
fn families_of(results: &Results, study: &Study) -> BTreeSet<String> {
    let series = results.series(study);
    let rows = series.iter().flat_map(|series| &series.points).flat_map(|point| &point.results);
    rows.map(|r| r.row.instance.family.clone()).filter(|family| !family.is_empty()).collect()
}

/// The family of every instance, by its name; of families, themselves.
fn families(results: &Results) -> BTreeMap<String, String> {
    let labels = || results.results.iter().map(|result| &result.row.instance).filter(|label| !label.family.is_empty());
    let mut families: BTreeMap<String, String> =
        labels().map(|label| (label.name.clone(), label.family.clone())).collect();
    families.extend(labels().map(|label| (label.family.clone(), label.family.clone())));
    families
}
