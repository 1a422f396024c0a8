//! A report as Markdown.

use crate::figure::Figure;
use crate::names::visible;
use crate::report::Report;
use crate::section::Section;
use crate::table::{Column, Style, Table};

/// The report as one Markdown file; figures are referred to by their place in the folder.
pub fn page(report: &Report) -> String {
    let mut text = match &report.headline {
        Some(headline) => format!("# {}\n\n{}\n\n", escaped(&headline.question), line(&report.title)),
        None => format!("# {}\n\n", escaped(&report.title)),
    };
    if !report.contradictions.is_empty() {
        text += &format!(
            "## CONTRADICTIONS ({})\n\nAn objective beyond a bound: one of the two is wrong. Do not use these \
             numbers.\n\n",
            report.contradictions.len()
        );
        text += &list(&report.contradictions);
    }
    if !report.mismatches.is_empty() {
        text += &format!(
            "## MISMATCHES ({})\n\nRows that do not say what their answers say. They are left out of everything below.\n\n",
            report.mismatches.len()
        );
        text += &list(&report.mismatches);
    }
    if let Some(headline) = &report.headline {
        text += &format!("{}\n\n", line(&headline.answer.join(" ")));
        text += &headline.figure.as_ref().map_or(String::new(), figure);
        text += &format!("{}\n", table(&headline.table));
    }
    if !report.parts.is_empty() {
        text += "## Reports\n\n";
        for (name, place) in &report.parts {
            text += &format!("- [{}]({place})\n", escaped(name));
        }
        text.push('\n');
    }
    text += "## Main results\n\n";
    text += &list(&report.summary);
    text += &claims(report);
    report.sections.iter().for_each(|of_it| text += &section(of_it));
    text += "## How to read\n\n";
    text += &list(&report.reading);
    text += "## Known limitations\n\n";
    text += &list(&report.limitations);
    text += "## Provenance\n\n| what | value |\n| :-- | :-- |\n";
    for (name, value) in &report.provenance {
        text += &format!("| {} | {} |\n", escaped(name), escaped(value));
    }
    text.trim_end().to_owned() + "\n"
}

/// The paper and the verdicts on its claims; nothing without a paper.
fn claims(report: &Report) -> String {
    let Some(paper) = &report.paper else { return String::new() };
    let mut text = format!("## The paper's claims\n\n{}\n\n", line(paper));
    if !report.verdicts.is_empty() {
        text += "| claim | family | verdict | number | limit | rows | whose limit | where | numbers and why |\n";
        text += "| :-- | :-- | :-- | :-- | :-- | --: | :-- | :-- | :-- |\n";
    }
    for verdict in &report.verdicts {
        let [claim, group, number, limit, place] =
            [&verdict.claim, &verdict.group, &verdict.number, &verdict.limit, &verdict.place].map(|text| escaped(text));
        let why = escaped(&format!("{}: {}", verdict.numbers, verdict.why));
        let (outcome, rule, rows) = (verdict.outcome.name(), verdict.rule.name(), verdict.rows);
        text += &format!(
            "| {claim} | {group} | **{outcome}** | {number} | {limit} | {rows} | {rule} | {place} | {why} |\n"
        );
    }
    text.push('\n');
    text
}

/// A part of the report under its heading.
fn section(section: &Section) -> String {
    let mut text = format!("## {}\n\n", escaped(&section.title));
    for of_it in &section.figures {
        text += &figure(of_it);
    }
    for paragraph in &section.paragraphs {
        text += &format!("{}\n\n", line(paragraph));
    }
    for of_it in &section.tables {
        text += &table(of_it);
        text.push('\n');
    }
    text
}

/// A figure by its place in the folder, with its caption.
fn figure(figure: &Figure) -> String {
    format!("![{}](figures/{}.svg)\n\n{}\n\n", escaped(&figure.title), figure.id, line(&figure.caption))
}

fn list(lines: &[String]) -> String {
    lines.iter().map(|text| format!("- {}\n", line(text))).collect::<String>() + "\n"
}

/// A table as a Markdown table under its title line.
pub fn table(table: &Table) -> String {
    let mut text = format!("**{}**\n\n", escaped(&table.title));
    let row_of = |cells: &mut dyn Iterator<Item = String>| format!("| {} |\n", cells.collect::<Vec<_>>().join(" | "));
    text += &row_of(&mut table.columns.iter().map(|column| escaped(&column.title)));
    let rule = |column: &Column| if column.numeric { "--:" } else { ":--" }.to_owned();
    text += &row_of(&mut table.columns.iter().map(rule));
    for row in &table.rows {
        text += &row_of(&mut row.iter().map(|cell| {
            let words = escaped(&cell.text);
            match cell.style {
                Style::Plain => words,
                Style::Unchecked => format!("*{words}*†"),
                Style::Failure => format!("**{words}**"),
            }
        }));
    }
    if !table.note.is_empty() {
        text += &format!("\n{}\n", line(&table.note));
    }
    text
}

/// `text` within a line of Markdown, with everything that Markdown or embedded HTML takes for markup made plain, and hidden characters shown
/// ([`visible`]). What would be markup at the beginning of a line only is left to [`line`].
fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    let letters: Vec<char> = visible(text).chars().collect();
    for (at, letter) in letters.iter().enumerate() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '\\' | '`' | '*' | '[' | ']' | '|' | '~' | '$' => escaped.extend(['\\', *letter]),
            // Underscores inside a word are not markup in CommonMark; elsewhere they may be.
            '_' => {
                let word = |at: Option<usize>| at.and_then(|at| letters.get(at)).is_some_and(|c| c.is_alphanumeric());
                let inside = word(at.checked_sub(1)) && word(Some(at + 1));
                escaped.push_str(if inside { "_" } else { "\\_" });
            }
            '#' if at == 0 => escaped.push_str("\\#"),
            letter => escaped.push(*letter),
        }
    }
    escaped
}

/// The same at the beginning of a line, where a sign or a number would make a list, a rule or a heading, and spaces code.
fn line(text: &str) -> String {
    let escaped = escaped(text.trim_start());
    let digits = escaped.bytes().take_while(u8::is_ascii_digit).count();
    match escaped[digits..].chars().next() {
        Some('-' | '+' | '=') if digits == 0 => format!("\\{escaped}"),
        // A number with a space behind its point; a decimal fraction is none.
        Some('.' | ')') if digits > 0 && !escaped[digits + 1..].starts_with(|next: char| next != ' ') => {
            format!("{}\\{}", &escaped[..digits], &escaped[digits..])
        }
        _ => escaped,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::{Cell, Column};

    #[test]
    fn markup_is_only_text() {
        let hostile = "a_b & 50% <script>|{x}\\y \"q\", $1^2~#";
        assert_eq!(escaped(hostile), "a_b &amp; 50% &lt;script&gt;\\|{x}\\\\y \"q\", \\$1^2\\~#");
        assert_eq!(escaped("_x_ *y*"), "\\_x\\_ \\*y\\*");
        assert_eq!(escaped("\u{1b}"), "\\\\u{1b}");
    }

    #[test]
    fn no_line_of_markdown_begins_with_markup() {
        let cases = [
            ("- a", "\\- a"),
            ("+ a", "\\+ a"),
            ("===", "\\==="),
            ("# a", "\\# a"),
            ("1. a", "1\\. a"),
            ("23) a", "23\\) a"),
        ];
        for (text, expected) in cases {
            assert_eq!(line(text), expected);
        }
        assert_eq!(line("    code"), "code");
        assert_eq!(line("1.5 s"), "1.5 s");
        assert_eq!(line("1."), "1\\.");
        assert_eq!(line("25 rows"), "25 rows");
    }

    #[test]
    fn marks_are_told_apart() {
        let mut table = Table::new("t", "title", "", vec![Column::words("m", "m"), Column::bounded("gap", "gap")]);
        table.push(vec![Cell::text("b"), Cell::number("2.5", 0.025).styled(Style::Unchecked)]);
        assert!(super::table(&table).contains("| b | *2.5*† |"));
    }
}
