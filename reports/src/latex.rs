//! Tables as LaTeX, for papers.
//!
//! A table fits a page of the class `article` at 10 pt, 345 pt wide: it has at most [`MAX_COLUMNS`] columns and is set in footnote size, titles and long
//! cells are broken into several lines, and more than [`MAX_LINES`] lines go over several pages. Widths are estimated from those of Computer Modern, so
//! that no LaTeX is needed here. Columns that have no room are in the data file; the note says so.

use crate::names::{identifier, visible};
use crate::table::{Cell, Style, Table};

/// The most columns of a table in print.
pub const MAX_COLUMNS: usize = 7;

/// The most lines, those of the head included, of a table on one page.
pub const MAX_LINES: usize = 40;

/// The width of the text of an `article` at 10 pt, in points.
pub const TEXT_WIDTH_PT: f64 = 345.0;

/// Between two columns, in points: twice `\tabcolsep`, which every table sets.
const GAP_PT: f64 = 6.0;

/// Kept free for what the estimate does not know, in points.
const RESERVE_PT: f64 = 4.0;

/// A column is broken into lines beyond this width, in points.
const MAX_COLUMN_PT: f64 = 130.0;

/// A shorter title is one line if there is room, in points.
const SHORT_TITLE_PT: f64 = 45.0;

/// A table as a LaTeX `table` of the booktabs package, or a `longtable` if it has more lines than a page. Labels are `tab:` with the problem, where there
/// is one, and the table's id: `tab:PROBLEM:gaps`.
pub fn table_of(problem: &str, table: &Table) -> String {
    let printed = Printed::new(table);
    let label = [&identifier(problem), &table.id].map(|part| part.replace('_', "-")).join(":");
    let label = label.trim_start_matches(':');
    let alignment = &printed.alignment;
    let caption = format!("\\caption{{{}}}\n\\label{{tab:{label}}}", escaped(&table.title));
    let head: String = printed.head.iter().map(|row| row_of(row)).collect();
    let body: String = printed.body.iter().map(|row| row_of(row)).collect();
    let note = printed.note(table);
    let note = if note.is_empty() {
        String::new()
    } else {
        format!("\n\\smallskip\n\\parbox{{\\linewidth}}{{\\raggedright {}}}\n", escaped(&note))
    };
    if printed.head.len() + printed.body.len() <= MAX_LINES {
        return format!(
            "% Needs \\usepackage{{booktabs}}.\n\\begin{{table}}\n\\sloppy\\centering\n{caption}\n\\footnotesize\\setlength{{\\tabcolsep}}{{3pt}}\n\\begin{{tabular}}{{{alignment}}}\n\\toprule\n{head}\\midrule\n{body}\\bottomrule\n\\end{{tabular}}\n{note}\\end{{table}}\n"
        );
    }
    let note =
        if note.is_empty() { note } else { format!("\\noindent{}\n", note.trim_start_matches("\n\\smallskip\n")) };
    format!(
        "% Needs \\usepackage{{booktabs,longtable}}.\n{{\\sloppy\\footnotesize\\setlength{{\\tabcolsep}}{{3pt}}\n\\begin{{longtable}}{{{alignment}}}\n{caption}\\\\\n\\toprule\n{head}\\midrule\n\\endfirsthead\n\\toprule\n{head}\\midrule\n\\endhead\n\\bottomrule\n\\endfoot\n{body}\\end{{longtable}}\n{note}}}\n"
    )
}

/// A table without the name of a problem in its label, see [`table_of`].
pub fn table(table: &Table) -> String {
    table_of("", table)
}

/// The estimated width of a table as it is printed, in points: that of its columns and of the gaps between and beside them.
pub fn width_pt(table: &Table) -> f64 {
    let printed = Printed::new(table);
    printed.widths.iter().sum::<f64>() + GAP_PT * printed.widths.len() as f64
}

/// One cell before it is broken into lines.
#[derive(Clone)]
struct Entry {
    text: String,
    style: Style,
}

impl Entry {
    fn of(cell: &Cell) -> Self {
        Self { text: cell.text.clone(), style: cell.style }
    }

    fn words(text: &str) -> Self {
        Self { text: text.to_owned(), style: Style::Plain }
    }
}

/// A column before it is broken into lines.
struct Strip {
    title: String,
    numeric: bool,
    cells: Vec<Entry>,
}

/// A table as it is printed: what stands in which line.
struct Printed {
    alignment: String,
    /// Lines of the head, escaped.
    head: Vec<Vec<String>>,
    /// Lines of the rows, escaped.
    body: Vec<Vec<String>>,
    widths: Vec<f64>,
    /// The titles of the columns that are left out.
    left_out: Vec<String>,
}

impl Printed {
    fn new(table: &Table) -> Self {
        let mut strips = strips(table);
        let mut left_out: Vec<String> =
            strips.drain(MAX_COLUMNS.min(strips.len())..).map(|strip| strip.title).collect();
        let mut widths = fitting(&strips);
        while strips.len() > 1 && widths.is_none() {
            left_out.extend(strips.pop().map(|strip| strip.title));
            widths = fitting(&strips);
        }
        // A single column is broken wherever it has to be.
        let widths = widths.unwrap_or_else(|| vec![TEXT_WIDTH_PT - RESERVE_PT - GAP_PT]);
        let alignment = strips.iter().map(|strip| if strip.numeric { 'r' } else { 'l' }).collect();
        let titles: Vec<Vec<String>> =
            strips.iter().zip(&widths).map(|(strip, width)| lines(&strip.title, *width, false)).collect();
        let height = titles.iter().map(Vec::len).max().unwrap_or(0);
        let line_of = |title: &Vec<String>, at: usize| {
            let above = height - title.len();
            at.checked_sub(above).map_or(String::new(), |at| escaped(&title[at]))
        };
        let head = (0..height).map(|at| titles.iter().map(|title| line_of(title, at)).collect()).collect();
        let mut body = Vec::new();
        for row in 0..table_rows(&strips) {
            let cells: Vec<(Vec<String>, Style)> = strips
                .iter()
                .zip(&widths)
                .map(|(strip, width)| {
                    let Entry { text, style } = &strip.cells[row];
                    (lines(text, *width - mark_pt(text, *style).min(*width / 6.0 + 1.0), strip.numeric), *style)
                })
                .collect();
            let height = cells.iter().map(|(lines, _)| lines.len()).max().unwrap_or(0);
            let line = |at: usize| cells.iter().map(|(lines, style)| styled(lines, *style, at)).collect();
            body.extend((0..height).map(line));
        }
        Self { alignment, head, body, widths, left_out }
    }

    /// The table's note, and which columns are left out.
    fn note(&self, table: &Table) -> String {
        if self.left_out.is_empty() {
            return table.note.clone();
        }
        let left_out = format!("Left out here, in the file {}.csv: {}.", table.id, self.left_out.join("; "));
        format!("{} {left_out}", table.note).trim_start().to_owned()
    }
}

fn table_rows(strips: &[Strip]) -> usize {
    strips.first().map_or(0, |strip| strip.cells.len())
}

/// The columns of a table in the order of print: those it names for print first. A table that has a column for each of many methods is turned around if
/// that makes it fit.
fn strips(table: &Table) -> Vec<Strip> {
    if table.turns && table.columns.len() > MAX_COLUMNS && table.rows.len() < MAX_COLUMNS {
        let first = Strip {
            title: table.columns[0].title.clone(),
            numeric: false,
            cells: table.columns[1..].iter().map(|column| Entry::words(&column.title)).collect(),
        };
        let of_row = |row: &Vec<Cell>| Strip {
            title: row[0].text.clone(),
            numeric: true,
            cells: row[1..].iter().map(Entry::of).collect(),
        };
        return std::iter::once(first).chain(table.rows.iter().map(of_row)).collect();
    }
    let named = table.in_print.iter().filter_map(|name| table.columns.iter().position(|column| column.name == *name));
    let mut order: Vec<usize> = named.collect();
    let others: Vec<usize> = (0..table.columns.len()).filter(|at| !order.contains(at)).collect();
    order.extend(others);
    let strip = |at: usize| Strip {
        title: table.columns[at].title.clone(),
        numeric: table.columns[at].numeric,
        cells: table.rows.iter().map(|row| Entry::of(&row[at])).collect(),
    };
    order.into_iter().map(strip).collect()
}

/// The widths of columns, so that all fit beside each other; none if they do not.
fn fitting(strips: &[Strip]) -> Option<Vec<f64>> {
    let room = TEXT_WIDTH_PT - RESERVE_PT - GAP_PT * strips.len() as f64;
    let widest = |values: &mut dyn Iterator<Item = f64>| values.fold(0.0, f64::max);
    let of_pieces = |text: &str, numeric: bool| widest(&mut pieces(text, numeric).iter().map(|piece| text_pt(piece)));
    let least: Vec<f64> = strips
        .iter()
        .map(|strip| {
            let of_cell = |cell: &Entry| of_pieces(&cell.text, strip.numeric) + mark_pt(&cell.text, cell.style);
            widest(&mut strip.cells.iter().map(of_cell)).max(of_pieces(&strip.title, false))
        })
        .collect();
    let natural = |strip: &Strip, least: f64| {
        let of_cell = |cell: &Entry| text_pt(&cell.text) + mark_pt(&cell.text, cell.style);
        let title = text_pt(&strip.title).min(SHORT_TITLE_PT);
        widest(&mut strip.cells.iter().map(of_cell)).min(MAX_COLUMN_PT).max(title).max(least)
    };
    let mut widths: Vec<f64> = strips.iter().zip(&least).map(|(strip, least)| natural(strip, *least)).collect();
    // The widest gives way until all fit.
    loop {
        let excess = widths.iter().sum::<f64>() - room;
        if excess <= 0.0 {
            return Some(widths);
        }
        let can_shrink = (0..widths.len()).filter(|at| widths[*at] > least[*at] + 1e-9);
        let at = can_shrink.max_by(|a, b| widths[*a].total_cmp(&widths[*b]))?;
        widths[at] = (widths[at] - excess.min(5.0)).max(least[at]);
    }
}

/// The parts of a text between which a line may be broken: before the brackets and the `to` of numbers; in words after spaces and marks. Long parts are
/// broken anywhere.
fn pieces(text: &str, numeric: bool) -> Vec<String> {
    let mut pieces: Vec<String> = Vec::new();
    let mut piece = String::new();
    let letters: Vec<char> = visible(text).chars().collect();
    for (at, letter) in letters.iter().enumerate() {
        let rest: String = letters[at..].iter().take(4).collect();
        if numeric && (rest.starts_with(" (") || rest.starts_with(" to ")) {
            pieces.push(std::mem::take(&mut piece));
        }
        piece.push(*letter);
        let ends_part = !numeric && matches!(letter, ' ' | '-' | ':' | ';' | '_' | '/' | '×' | ')');
        if ends_part || piece.chars().count() >= MAX_PIECE {
            pieces.push(std::mem::take(&mut piece));
        }
    }
    pieces.push(piece);
    pieces.retain(|piece| !piece.is_empty());
    pieces
}

/// So many letters stay together at most.
const MAX_PIECE: usize = 20;

/// A text in lines of at most this width.
fn lines(text: &str, width: f64, numeric: bool) -> Vec<String> {
    let mut lines: Vec<String> = vec![String::new()];
    for piece in pieces(text, numeric) {
        let line = lines.last_mut().expect("one or more");
        if !line.is_empty() && text_pt(&format!("{line}{}", piece.trim_end())) > width + 1e-9 {
            lines.push(piece.trim_start().to_owned());
        } else {
            line.push_str(&piece);
        }
    }
    lines.into_iter().map(|line| line.trim().to_owned()).collect()
}

/// One line of a cell, escaped and marked; empty below its last.
fn styled(lines: &[String], style: Style, at: usize) -> String {
    let Some(words) = lines.get(at).map(|line| escaped(line)).filter(|words| !words.is_empty()) else {
        return String::new();
    };
    match style {
        Style::Plain => words,
        Style::Unchecked if at + 1 == lines.len() => format!("\\textit{{{words}}}$^{{\\dagger}}$"),
        Style::Unchecked => format!("\\textit{{{words}}}"),
        Style::Failure => format!("\\textbf{{{words}}}"),
    }
}

/// What the style of a text adds to its width, in points: the dagger and the slant, or bold letters, which are wider by a sixth.
fn mark_pt(text: &str, style: Style) -> f64 {
    match style {
        Style::Plain => 0.0,
        Style::Unchecked => 7.0,
        Style::Failure => text_pt(text) / 6.0,
    }
}

/// An upper estimate of the width of a text in footnote size (8 pt), in points. At small sizes Computer Modern is wider than it is high: a digit is 4.25 pt
/// at 8 pt and 5 pt at 10 pt.
fn text_pt(text: &str) -> f64 {
    0.86 * visible(text).chars().map(letter_pt).sum::<f64>()
}

/// The width of a letter of Computer Modern (cmr10) at 10 pt, in points, rounded up.
fn letter_pt(letter: char) -> f64 {
    match letter {
        '.' | ',' | ':' | ';' | '\'' | '!' | 'i' | 'l' | '[' | ']' | '|' => 2.8,
        ' ' | '-' | 'f' | 'j' => 3.4,
        'I' => 3.7,
        '(' | ')' | 'r' | 's' | 't' => 4.0,
        'c' | 'e' | 'z' | '?' => 4.8,
        '0'..='9' | 'a' | 'g' | 'o' | '–' | '/' | '*' | '†' | '$' => 5.0,
        'J' | 'k' | 'q' | 'v' | 'x' | 'y' | '~' | '^' => 5.4,
        'b' | 'd' | 'h' | 'n' | 'p' | 'u' | 'S' | '"' | '_' | '{' | '}' => 5.6,
        'F' | 'L' | 'P' | 'Z' | 'E' | 'µ' | 'B' => 7.1,
        'C' | 'R' | 'T' | 'w' | 'A' | 'H' | 'N' | 'U' | 'V' | 'X' | 'Y' => 7.5,
        'D' | 'G' | 'K' | 'O' | 'Q' | '+' | '=' | '<' | '>' | '≤' | '≥' | '×' | '&' | '@' => 7.9,
        'm' | '%' | '#' => 8.4,
        'M' => 9.2,
        _ => 10.5,
    }
}

/// A row of a LaTeX table. It begins with `{}` where it would otherwise begin with what the `\\\\`, `\\toprule` or `\\midrule` before it takes for its
/// own: a length in brackets, a star.
fn row_of(cells: &[String]) -> String {
    let row = cells.join(" & ");
    let guard = if row.trim_start().starts_with(['[', '*']) { "{}" } else { "" };
    format!("{guard}{row} \\\\\n")
}

/// `text` with everything LaTeX would take for a command made plain, hidden characters shown ([`visible`]); the symbols of Offcut's own tables in
/// mathematics.
pub fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for letter in visible(text).chars() {
        match letter {
            '\\' => escaped.push_str("\\textbackslash{}"),
            '{' | '}' | '&' | '%' | '$' | '#' | '_' => escaped.extend(['\\', letter]),
            '~' => escaped.push_str("\\textasciitilde{}"),
            '^' => escaped.push_str("\\textasciicircum{}"),
            '`' => escaped.push_str("\\textasciigrave{}"),
            '<' => escaped.push_str("\\textless{}"),
            '>' => escaped.push_str("\\textgreater{}"),
            '|' => escaped.push_str("\\textbar{}"),
            '"' => escaped.push_str("''"),
            '–' => escaped.push_str("--"),
            'µ' => escaped.push_str("$\\mu$"),
            '×' => escaped.push_str("$\\times$"),
            '≤' => escaped.push_str("$\\le$"),
            '≥' => escaped.push_str("$\\ge$"),
            '†' => escaped.push_str("$^{\\dagger}$"),
            letter => escaped.push(letter),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::{Cell, Column};

    #[test]
    fn commands_are_only_text() {
        let hostile = "a_b & 50% <script>|{x}\\y \"q\", $1^2~#";
        assert_eq!(
            escaped(hostile),
            "a\\_b \\& 50\\% \\textless{}script\\textgreater{}\\textbar{}\\{x\\}\\textbackslash{}y \
             ''q'', \\$1\\textasciicircum{}2\\textasciitilde{}\\#"
        );
        assert_eq!(escaped("\u{1b}"), "\\textbackslash{}u\\{1b\\}");
    }

    #[test]
    fn no_row_of_latex_begins_with_an_argument() {
        for hostile in ["[5cm] x", "*", " [", "]"] {
            let mut table = Table::new("t", "t", "", vec![Column::words(hostile, "m"), Column::words("n", "n")]);
            table.push(vec![Cell::text(hostile), Cell::text("n")]);
            let text = super::table(&table);
            let rows: Vec<&str> = text.lines().filter(|line| line.ends_with(" \\\\")).collect();
            assert_eq!(rows.len(), 2, "{text}");
            let guarded = rows.iter().all(|row| row.starts_with("{}"));
            assert_eq!(guarded, hostile != "]", "{text}");
        }
    }

    #[test]
    fn marks_are_told_apart() {
        let mut table = Table::new("t", "title", "", vec![Column::words("m", "m"), Column::bounded("gap", "gap")]);
        table.push(vec![Cell::text("b"), Cell::number("2.5", 0.025).styled(Style::Unchecked)]);
        assert!(super::table(&table).contains("b & \\textit{2.5}$^{\\dagger}$ \\\\"));
    }

    /// A table of numbers with columns of these titles and one row of this text.
    fn wide(titles: &[&str], cell: &str) -> Table {
        let columns = std::iter::once(Column::words("method", "method"));
        let columns = columns.chain(titles.iter().map(|title| Column::numbers(*title, *title)));
        let mut table = Table::new("a_b", "title", "Note.", columns.collect());
        let numbers = titles.iter().map(|_| Cell::number(cell, 1.0));
        table.push(std::iter::once(Cell::text("some-method:rate=50 (continuous)")).chain(numbers).collect());
        table
    }

    #[test]
    fn what_does_not_fit_is_left_out_and_said() {
        let titles: Vec<String> = (0..12).map(|at| format!("mean gap number {at} (%)")).collect();
        let titles: Vec<&str> = titles.iter().map(String::as_str).collect();
        let mut table = wide(&titles, "1,234.567 (12/34)");
        assert!(width_pt(&table) <= TEXT_WIDTH_PT, "{}", width_pt(&table));
        let text = table_of("problem", &table);
        assert!(
            text.contains("\\label{tab:problem:a-b}") && text.contains("Note. Left out here, in the file a\\_b.csv: ")
        );
        assert!(text.contains("mean gap number 11 (\\%)."), "{text}");
        // Columns that the table names for print come first.
        table = table.in_print(&["method", "mean_gap_number_11"]);
        let text = table_of("problem", &table);
        let note = text.split("Left out").nth(1).expect("a note");
        assert!(!note.contains("number 11") && note.contains("number 10"), "{text}");
        // A column for each method becomes a row for each.
        table.turns = true;
        let text = table_of("problem", &table);
        assert!(!text.contains("Left out") && text.contains("\\begin{tabular}{lr}"), "{text}");
    }

    #[test]
    fn short_titles_and_decimal_fractions_stay_on_a_line() {
        let text = super::table(&wide(&["T = 1.00 s", "T = 5.00 s"], "3"));
        assert!(text.contains("method & T = 1.00 s & T = 5.00 s \\\\"), "{text}");
        assert_eq!(pieces("0.123,456-a b", false), ["0.123,456-", "a ", "b"]);
    }

    #[test]
    fn long_words_are_broken_and_long_tables_go_over_pages() {
        let mut table = Table::new("t", "t", "n", vec![Column::words("reason", "r"), Column::numbers("rows", "n")]);
        table.push(vec![Cell::text(format!("{} {}", "word ".repeat(40), "x".repeat(300))), Cell::count(1)]);
        assert!(width_pt(&table) <= TEXT_WIDTH_PT);
        assert!(table_of("p", &table).contains("\\begin{tabular}"));
        for _ in 0..MAX_LINES {
            table.push(vec![Cell::text("a"), Cell::count(1)]);
        }
        let text = table_of("p", &table);
        assert!(text.contains("\\begin{longtable}{lr}") && text.contains("\\label{tab:p:t}"), "{text}");
    }

    #[test]
    fn widths_are_those_of_computer_modern() {
        // cmr8, from its font metrics: a digit 4.25 pt, "mean gap" 33.9 pt, "WWW" 26.2 pt; the estimate is above, and not by much.
        for (text, exact) in [("0000000000", 42.5), ("mean gap", 36.0), ("WWW", 26.2), ("iiii", 9.5)] {
            let estimate = text_pt(text);
            assert!(estimate >= exact * 0.99 && estimate < exact * 1.2, "{text}: {estimate} of {exact}");
        }
    }
}
