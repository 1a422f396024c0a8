//! A report as one self-contained HTML file: no script, style, font or picture comes from elsewhere.

use std::borrow::Cow;
use std::collections::BTreeSet;

use minijinja::{Environment, Error, Output, State, Value, context, escape_formatter};

use crate::drawing::{Width, svg_for_page};
use crate::figure::{Figure, Plot, method_of};
use crate::names::{identifier, visible};
use crate::report::{Headline, Report};
use crate::table::{Cell, Column, Style, Table};
use crate::verdict::Verdict;

/// The report as HTML. Everything the template writes passes through one function, which shows hidden characters and escapes markup, but for the
/// figures, whose text is escaped where they are drawn.
///
/// # Panics
/// If the template, which is part of this crate, is broken.
pub fn page(report: &Report) -> String {
    let mut environment = Environment::new();
    environment.set_formatter(escaped);
    environment.add_template("report.html", include_str!("templates/report.html")).expect("the template is ours");
    let page = Page { report };
    let sections: Vec<Value> = report
        .sections
        .iter()
        .enumerate()
        .map(|(at, section)| {
            let figures: Vec<Value> =
                section.figures.iter().map(|figure| page.figure(figure, &section.families)).collect();
            let prefix = format!("{}: ", section.title);
            let tables: Vec<Value> = section.tables.iter().map(|table| page.table(table, &prefix, None)).collect();
            let id = format!("s{at}-{}", identifier(&section.title));
            context! { id, title => &section.title, paragraphs => &section.paragraphs, tables, figures }
        })
        .collect();
    let verdicts: Vec<Value> = report.verdicts.iter().map(|verdict| page.verdict(verdict)).collect();
    let families: BTreeSet<&String> = report.families.values().collect();
    let families: Vec<String> = families.into_iter().cloned().collect();
    let rendered = environment.get_template("report.html").expect("just added").render(context! {
        title => &report.title,
        headline => report.headline.as_ref().map(|headline| page.headline(headline)),
        contradictions => &report.contradictions,
        mismatches => &report.mismatches,
        provenance => &report.provenance,
        summary => &report.summary,
        paper => &report.paper,
        verdicts,
        sections,
        families,
        buckets => BUCKETS,
        reading => &report.reading,
        limitations => &report.limitations,
        parts => &report.parts,
        overview => &report.overview,
    });
    rendered.expect("the template is ours")
}

/// The parts of a page.
struct Page<'a> {
    report: &'a Report,
}

impl Page<'_> {
    fn headline(&self, headline: &Headline) -> Value {
        let roles: Vec<&str> = headline.roles.iter().map(|role| role.name()).collect();
        context! {
            question => &headline.question,
            answer => &headline.answer,
            figure => headline.figure.as_ref().map(|figure| self.figure(figure, &BTreeSet::new())),
            table => self.table(&headline.table, "", Some(&roles)),
        }
    }

    /// A verdict; its place is a link if it is in this report.
    fn verdict(&self, v: &Verdict) -> Value {
        let mut ids = self.report.tables().map(|table| &table.id).chain(self.report.figures().map(|figure| &figure.id));
        context! {
            claim => &v.claim,
            group => &v.group,
            outcome => v.outcome.name(),
            class => v.outcome.name().replace(' ', "-"),
            number => &v.number,
            limit => &v.limit,
            rows => v.rows,
            rule => v.rule.name(),
            place => ids.any(|id| *id == v.place).then_some(&v.place),
            numbers => &v.numbers,
            why => &v.why,
        }
    }

    /// A figure of instances of some families; of all if none are given.
    fn figure(&self, figure: &Figure, families: &BTreeSet<String>) -> Value {
        let families: Vec<&str> = families.iter().map(String::as_str).collect();
        let svg = |width| Value::from_safe_string(svg_for_page(figure, &self.report.styles, width));
        let methods: BTreeSet<String> = names(figure).into_iter().map(|name| method_of(name).to_owned()).collect();
        let methods: Vec<String> = methods.into_iter().filter(|name| self.report.styles.of(name).is_some()).collect();
        context! {
            id => &figure.id,
            title => &figure.title,
            caption => &figure.caption,
            methods => methods.join("\n"),
            families => families.join("\n"),
            wide => svg(Width::Wide),
            narrow => svg(Width::Narrow),
        }
    }

    /// A table; wide ones with few rows are turned, so that methods are rows. `prefix` is what its title shares with the section's heading.
    fn table(&self, table: &Table, prefix: &str, roles: Option<&[&str]>) -> Value {
        let turned = turned(table).filter(|turned| width(table) > TURNED && width(turned) < width(table));
        let shown = turned.as_ref().unwrap_or(table);
        let numeric: Vec<bool> = (0..shown.columns.len()).map(|at| is_numeric(shown, at)).collect();
        let columns: Vec<Value> = shown
            .columns
            .iter()
            .zip(&numeric)
            .map(|(column, numeric)| {
                let method = Some(method_of(&column.title)).filter(|name| self.report.styles.of(name).is_some());
                context! { title => &column.title, numeric, method }
            })
            .collect();
        let rows: Vec<Value> = shown
            .rows
            .iter()
            .enumerate()
            .map(|(at, row)| {
                let cells: Vec<Value> = row
                    .iter()
                    .zip(&shown.columns)
                    .zip(&numeric)
                    .map(|((cell, column), numeric)| {
                        let class = match cell.style {
                            Style::Plain => "",
                            Style::Unchecked => "unchecked",
                            Style::Failure => "failure",
                        };
                        let value = cell.value.or_else(|| low_end(&cell.text).filter(|_| *numeric));
                        context! { text => &cell.text, value, class, numeric, label => &column.title }
                    })
                    .collect();
                // A row is a method's if its first words are a method, and a family's if they are an instance or a family.
                let words = || row.iter().filter(|cell| cell.value.is_none()).map(|cell| cell.text.as_str()).take(2);
                let is_method = |text: &&str| self.report.styles.of(text).is_some();
                let method = words()
                    .find(is_method)
                    .or_else(|| words().find(|text| is_method(&gap_of(text))))
                    .map(|text| method_of(gap_of(text)));
                let family = words().find_map(|text| self.report.families.get(text));
                context! { cells, method, family, role => roles.and_then(|roles| roles.get(at).copied()) }
            })
            .collect();
        let title = table.title.strip_prefix(prefix).unwrap_or(&table.title);
        let title: String = title.chars().take(1).flat_map(char::to_uppercase).chain(title.chars().skip(1)).collect();
        context! {
            id => &table.id, title, note => &table.note, columns, rows, count => table.rows.len(),
            bucket => BUCKETS.iter().find(|bucket| **bucket >= width(shown)).unwrap_or(&BUCKETS[BUCKETS.len() - 1]),
        }
    }
}

/// The method of a column of gaps: `iao gap (%)` is `iao`'s.
fn gap_of(title: &str) -> &str {
    title.strip_suffix(" gap (%)").unwrap_or(title)
}

/// The widths in pixels, up to one of which a table needs room: in less, its rows are written as cards. Tables that no page has room for are always cards.
const BUCKETS: [usize; 10] = [340, 440, 540, 640, 740, 860, 980, 1100, 1180, 9999];

/// Tables beyond this width in pixels are turned if that makes them narrower.
const TURNED: usize = 860;

/// The width of a table in pixels, estimated from its letters: numbers do not wrap, words do.
fn width(table: &Table) -> usize {
    let column = |(at, column): (usize, &Column)| {
        let longest_word = |text: &str| text.split([' ', '-']).map(|word| word.chars().count()).max().unwrap_or(0) + 1;
        let head = longest_word(&column.title);
        let cells = table.rows.iter().map(|row| {
            let letters = row[at].text.chars().count();
            if row[at].value.is_some() || letters < WRAPPED {
                letters
            } else {
                longest_word(&row[at].text).max(WRAPPED)
            }
        });
        8 * cells.chain([head]).max().unwrap_or(0) + 15
    };
    table.columns.iter().enumerate().map(column).sum()
}

/// Texts of so many letters or more may wrap.
const WRAPPED: usize = 26;

/// The table with rows for columns: its first column becomes the head. None if heads would not be short.
fn turned(table: &Table) -> Option<Table> {
    let (first, others) = table.columns.split_first()?;
    let is_bare = |column: &Column| column.numeric && !column.title.is_empty();
    if others.len() < 5 || table.rows.len() > 12 || !others.iter().all(is_bare) {
        return None;
    }
    let head = Column::words(first.title.clone(), "turned");
    let heads = table.rows.iter().map(|row| Column::numbers(row[0].text.clone(), "turned"));
    let rows = others.iter().enumerate().map(|(at, column)| {
        let cells = table.rows.iter().map(|row| row[at + 1].clone());
        std::iter::once(Cell::text(&column.title)).chain(cells).collect()
    });
    Some(Table { columns: std::iter::once(head).chain(heads).collect(), rows: rows.collect(), ..table.clone() })
}

/// Whether a column sorts by numbers: it holds numbers or intervals.
fn is_numeric(table: &Table, at: usize) -> bool {
    let mut cells = table.rows.iter().map(|row| &row[at]);
    table.columns[at].numeric || cells.any(|cell| cell.value.is_some() || low_end(&cell.text).is_some())
}

/// The lower end of an interval as tables print it: `1,234.5 to 2,000`.
fn low_end(text: &str) -> Option<f64> {
    let (low, high) = text.split_once(" to ")?;
    let number = |text: &str| text.replace(',', "").parse::<f64>().ok();
    number(high).and(number(low))
}

/// The names in a figure.
fn names(figure: &Figure) -> Vec<&String> {
    match &figure.plot {
        Plot::Lines(lines) => lines.lines.iter().flat_map(|line| &line.names).collect(),
        Plot::Panels(panels) => panels.iter().flat_map(|panel| &panel.lines).flat_map(|line| &line.names).collect(),
        Plot::Dots(dots) => dots.dots.iter().map(|dot| &dot.name).collect(),
    }
}

/// Writes a value of the template: text from outside with hidden characters shown ([`visible`]) and markup escaped.
fn escaped(out: &mut Output, state: &mut State, value: &Value) -> Result<(), Error> {
    match value.as_str().filter(|_| !value.is_safe()).map(visible) {
        Some(Cow::Owned(shown)) => escape_formatter(out, state, &Value::from(shown)),
        _ => escape_formatter(out, state, value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_are_read_by_their_lower_end() {
        assert_eq!(low_end("1,234.5 to 2,000"), Some(1234.5));
        assert_eq!(low_end("-0.5 to 3e-6"), Some(-0.5));
        assert_eq!((low_end("none to 3"), low_end("3"), low_end("\u{2013}")), (None, None, None));
    }

    #[test]
    fn a_wide_table_with_few_rows_is_turned() {
        let columns = std::iter::once(Column::numbers("users", "users"))
            .chain((0..6).map(|at| Column::numbers(format!("method-{at}"), "m")));
        let mut table = Table::new("t", "title", "", columns.collect());
        table.push((0..7).map(|at| Cell::number(at.to_string(), f64::from(at))).collect());
        let turned = turned(&table).expect("six methods, one place");
        assert_eq!(turned.columns.iter().map(|column| column.title.as_str()).collect::<Vec<_>>(), ["users", "0"]);
        assert_eq!(turned.rows.len(), 6);
        assert_eq!((turned.rows[5][0].text.as_str(), turned.rows[5][1].value), ("method-5", Some(6.0)));
        table.columns.truncate(4);
        table.rows[0].truncate(4);
        assert!(super::turned(&table).is_none(), "narrow enough");
    }
}
