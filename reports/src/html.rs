//! A report as one self-contained HTML file: no script, style, font or picture comes from elsewhere.

use std::borrow::Cow;

use minijinja::{Environment, Error, Output, State, Value, context, escape_formatter};

use crate::drawing;
use crate::names::visible;
use crate::report::Report;
use crate::table::{Style, Table};

/// The report as HTML. Everything the template writes passes through one function, which shows hidden characters and escapes markup, but for the
/// figures, whose text is escaped where they are drawn.
///
/// # Panics
/// If the template, which is part of this crate, is broken.
pub fn page(report: &Report) -> String {
    let mut environment = Environment::new();
    environment.set_formatter(escaped);
    environment.add_template("report.html", include_str!("templates/report.html")).expect("the template is ours");
    let sections: Vec<Value> = report
        .sections
        .iter()
        .map(|section| {
            let figures: Vec<Value> = section
                .figures
                .iter()
                .map(|figure| {
                    context! { title => &figure.title, caption => &figure.caption, svg => Value::from_safe_string(drawing::svg(figure)) }
                })
                .collect();
            let tables: Vec<Value> = section.tables.iter().map(table).collect();
            context! { title => &section.title, paragraphs => &section.paragraphs, tables, figures }
        })
        .collect();
    let verdicts: Vec<Value> = report
        .verdicts
        .iter()
        .map(|v| context! { claim => &v.claim, outcome => v.outcome.name(), class => v.outcome.name().replace(' ', "-"), numbers => &v.numbers, why => &v.why })
        .collect();
    let page = environment.get_template("report.html").expect("just added").render(context! {
        title => &report.title,
        contradictions => &report.contradictions,
        mismatches => &report.mismatches,
        provenance => &report.provenance,
        summary => &report.summary,
        paper => &report.paper,
        verdicts,
        sections,
        reading => &report.reading,
        limitations => &report.limitations,
        parts => &report.parts,
    });
    page.expect("the template is ours")
}

/// Writes a value of the template: text from outside with hidden characters shown ([`visible`]) and markup escaped.
fn escaped(out: &mut Output, state: &mut State, value: &Value) -> Result<(), Error> {
    match value.as_str().filter(|_| !value.is_safe()).map(visible) {
        Some(Cow::Owned(shown)) => escape_formatter(out, state, &Value::from(shown)),
        _ => escape_formatter(out, state, value),
    }
}

fn table(table: &Table) -> Value {
    let columns: Vec<Value> =
        table.columns.iter().map(|column| context! { title => &column.title, numeric => column.numeric }).collect();
    let rows: Vec<Vec<Value>> = table
        .rows
        .iter()
        .map(|row| {
            row.iter()
                .zip(&table.columns)
                .map(|(cell, column)| {
                    let class = match cell.style {
                        Style::Plain => "",
                        Style::Unchecked => "unchecked",
                        Style::Failure => "failure",
                    };
                    context! { text => &cell.text, value => cell.value, class, numeric => column.numeric }
                })
                .collect()
        })
        .collect();
    context! { id => &table.id, title => &table.title, note => &table.note, columns, rows }
}
