//! A table, whatever it is written as: Markdown, LaTeX, CSV or HTML.

use crate::names::visible;
use crate::numbers::{self, ABSENT};

/// What stands behind a number, which decides how it is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mark {
    /// Checked, or not about a bound at all.
    #[default]
    Plain,
    /// It rests on a solver's word: italic, with a dagger.
    Word,
    /// It says that something failed: bold.
    Failure,
}

/// One cell.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Cell {
    /// What is printed.
    pub text: String,
    /// The number behind it, in the column's base unit: for sorting and for data files.
    pub value: Option<f64>,
    /// What stands behind it.
    pub mark: Mark,
}

impl Cell {
    /// Words.
    pub fn text(text: impl Into<String>) -> Self {
        Self { text: text.into(), ..Self::default() }
    }

    /// A number as it is printed and as it is.
    pub fn number(text: impl Into<String>, value: f64) -> Self {
        Self { text: text.into(), value: Some(value), mark: Mark::Plain }
    }

    /// A number of things.
    pub fn count(count: usize) -> Self {
        Self::number(numbers::whole(count as u64), count as f64)
    }

    /// Nothing.
    pub fn absent() -> Self {
        Self::text(ABSENT)
    }

    /// The same cell with a mark.
    #[must_use]
    pub fn marked(mut self, mark: Mark) -> Self {
        self.mark = mark;
        self
    }
}

/// One column.
#[derive(Clone, Debug, PartialEq)]
pub struct Column {
    /// Over it in print, with its unit.
    pub title: String,
    /// Over it in data files: letters, digits, underscores.
    pub name: String,
    /// Whether it holds numbers: set to the right.
    pub numeric: bool,
    /// Whether its numbers rest on bounds: data files say on which kind, in a column of its own.
    pub evidence: bool,
}

impl Column {
    /// A column of words.
    pub fn words(title: impl Into<String>, name: impl Into<String>) -> Self {
        Self { title: title.into(), name: identifier(&name.into()), numeric: false, evidence: false }
    }

    /// A column of numbers.
    pub fn numbers(title: impl Into<String>, name: impl Into<String>) -> Self {
        Self { numeric: true, ..Self::words(title, name) }
    }

    /// A column of numbers that rest on bounds.
    pub fn bounded(title: impl Into<String>, name: impl Into<String>) -> Self {
        Self { evidence: true, ..Self::numbers(title, name) }
    }
}

/// `text` as an identifier of a data file or the name of a file.
pub fn identifier(text: &str) -> String {
    let mut name = String::new();
    for letter in text.chars() {
        let letter = if letter.is_ascii_alphanumeric() || matches!(letter, '.' | '=') { letter } else { '_' };
        if !(letter == '_' && name.ends_with('_')) {
            name.push(letter.to_ascii_lowercase());
        }
    }
    name.trim_matches(['_', '.']).to_owned()
}

/// A table.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    /// The name of its files.
    pub id: String,
    /// The line over it.
    pub title: String,
    /// What its reader has to know besides, if anything; under it.
    pub note: String,
    /// Its columns.
    pub columns: Vec<Column>,
    /// Its rows, each with a cell for every column.
    pub rows: Vec<Vec<Cell>>,
}

impl Table {
    /// A table without rows.
    pub fn new(id: &str, title: impl Into<String>, note: impl Into<String>, columns: Vec<Column>) -> Self {
        Self { id: identifier(id), title: title.into(), note: note.into(), columns, rows: Vec::new() }
    }

    /// Adds a row.
    ///
    /// # Panics
    /// If it has not as many cells as the table has columns.
    pub fn push(&mut self, row: Vec<Cell>) {
        assert_eq!(row.len(), self.columns.len(), "table {}", self.id);
        self.rows.push(row);
    }

    /// Whether some number in it rests on a solver's word.
    pub fn has_words(&self) -> bool {
        self.rows.iter().flatten().any(|cell| cell.mark == Mark::Word)
    }

    /// As CSV (RFC 4180): numbers in base units with ten significant digits, absent ones empty.
    pub fn csv(&self) -> String {
        let mut header = Vec::new();
        for column in &self.columns {
            header.push(quoted(&column.name));
            if column.evidence {
                header.push(quoted(&format!("{}_evidence", column.name)));
            }
        }
        let mut text = header.join(",") + "\n";
        for row in &self.rows {
            let mut fields = Vec::new();
            for (column, cell) in self.columns.iter().zip(row) {
                let absent = cell.value.is_none() && cell.text == ABSENT;
                fields.push(match cell.value {
                    Some(value) => numbers::data(value),
                    None if absent => String::new(),
                    None => quoted(&cell.text),
                });
                if column.evidence {
                    let evidence = if cell.mark == Mark::Word { "word" } else { "certified" };
                    fields.push(if cell.value.is_some() { evidence.to_owned() } else { String::new() });
                }
            }
            text += &fields.join(",");
            text.push('\n');
        }
        text
    }

    /// As a Markdown table under its title line.
    pub fn markdown(&self) -> String {
        let mut text = format!("**{}**\n\n", markdown_escaped(&self.title));
        let line = |cells: &mut dyn Iterator<Item = String>| format!("| {} |\n", cells.collect::<Vec<_>>().join(" | "));
        text += &line(&mut self.columns.iter().map(|column| markdown_escaped(&column.title)));
        let rule = |column: &Column| if column.numeric { "--:" } else { ":--" }.to_owned();
        text += &line(&mut self.columns.iter().map(rule));
        for row in &self.rows {
            text += &line(&mut row.iter().map(|cell| {
                let words = markdown_escaped(&cell.text);
                match cell.mark {
                    Mark::Plain => words,
                    Mark::Word => format!("*{words}*†"),
                    Mark::Failure => format!("**{words}**"),
                }
            }));
        }
        if !self.note.is_empty() {
            text += &format!("\n{}\n", markdown_line(&self.note));
        }
        text
    }

    /// As a LaTeX `table` of the booktabs package.
    pub fn latex(&self) -> String {
        let alignment: String = self.columns.iter().map(|column| if column.numeric { 'r' } else { 'l' }).collect();
        let titles: Vec<_> = self.columns.iter().map(|column| latex_escaped(&column.title)).collect();
        let mut text = format!(
            "% Needs \\usepackage{{booktabs}}.\n\\begin{{table}}\n\\centering\n\\caption{{{}}}\n\\label{{tab:{}}}\n\\begin{{tabular}}{{{alignment}}}\n\\toprule\n{}\\midrule\n",
            latex_escaped(&self.title),
            self.id.replace('_', "-"),
            latex_row(&titles)
        );
        for row in &self.rows {
            let cells: Vec<_> = row
                .iter()
                .map(|cell| {
                    let words = latex_escaped(&cell.text);
                    match cell.mark {
                        Mark::Plain => words,
                        Mark::Word => format!("\\textit{{{words}}}$^{{\\dagger}}$"),
                        Mark::Failure => format!("\\textbf{{{words}}}"),
                    }
                })
                .collect();
            text += &latex_row(&cells);
        }
        text += "\\bottomrule\n\\end{tabular}\n";
        if !self.note.is_empty() {
            text += &format!("\n\\smallskip\\footnotesize {}\n", latex_escaped(&self.note));
        }
        text + "\\end{table}\n"
    }
}

/// A row of a LaTeX table. It begins with `{}` where it would otherwise begin with what the `\\\\`, `\\toprule` or `\\midrule` before it takes for its
/// own: a length in brackets, a star.
fn latex_row(cells: &[String]) -> String {
    let row = cells.join(" & ");
    let guard = if row.trim_start().starts_with(['[', '*']) { "{}" } else { "" };
    format!("{guard}{row} \\\\\n")
}

/// `field` as a field of a CSV file: quoted where it has to be (RFC 4180), and after an apostrophe where a spreadsheet would compute it: a text
/// that begins with `=`, `+`, `-`, `@`, a tab or a carriage return and is no number.
fn quoted(field: &str) -> String {
    let begins_formula =
        field.starts_with(['=', '+', '-', '@', '\t', '\r']) && !field.parse().is_ok_and(f64::is_finite);
    let guard = if begins_formula { "'" } else { "" };
    let field = format!("{guard}{}", visible(field));
    if field.contains([',', '"']) { format!("\"{}\"", field.replace('"', "\"\"")) } else { field }
}

/// `text` within a line of Markdown, with everything that Markdown or embedded HTML takes for markup made plain, and hidden characters shown
/// ([`visible`]). What would be markup at the beginning of a line only is left to [`markdown_line`].
pub fn markdown_escaped(text: &str) -> String {
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
pub fn markdown_line(text: &str) -> String {
    let escaped = markdown_escaped(text.trim_start());
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

/// `text` with everything LaTeX would take for a command made plain, hidden characters shown ([`visible`]); the symbols of Offcut's own tables in
/// mathematics.
pub fn latex_escaped(text: &str) -> String {
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

    const NASTY: &str = "a_b & 50% <script>|{x}\\y \"q\", $1^2~#";

    #[test]
    fn nasty_names_are_only_names() {
        assert_eq!(markdown_escaped(NASTY), "a_b &amp; 50% &lt;script&gt;\\|{x}\\\\y \"q\", \\$1^2\\~#");
        assert_eq!(
            latex_escaped(NASTY),
            "a\\_b \\& 50\\% \\textless{}script\\textgreater{}\\textbar{}\\{x\\}\\textbackslash{}y \
             ''q'', \\$1\\textasciicircum{}2\\textasciitilde{}\\#"
        );
        assert_eq!(quoted(NASTY), "\"a_b & 50% <script>|{x}\\y \"\"q\"\", $1^2~#\"");
        assert_eq!(identifier(NASTY), "a_b_50_script_x_y_q_1_2");
        assert_eq!(markdown_escaped("_x_ *y*"), "\\_x\\_ \\*y\\*");
    }

    #[test]
    fn hidden_characters_are_shown_in_every_format() {
        let hidden = "a\0b\u{1b}[31m\u{202e}c\u{2066}\u{200f}\u{61c}\u{2028}\u{85}\nd\te\rf";
        let shown = "a\\u{0}b\\u{1b}[31m\\u{202e}c\\u{2066}\\u{200f}\\u{61c}\\u{2028}\\u{85}\\nd\\te\\rf";
        assert_eq!(visible(hidden), shown);
        assert_eq!(quoted(hidden), shown);
        assert_eq!(markdown_escaped(hidden), markdown_escaped(shown));
        assert_eq!(latex_escaped(hidden), latex_escaped(shown));
        assert!(markdown_escaped(hidden).starts_with("a\\\\u{0}b"));
        assert!(latex_escaped(hidden).starts_with("a\\textbackslash{}u\\{0\\}b"));
    }

    #[test]
    fn no_field_is_a_formula() {
        for formula in ["=1+1", "+A1", "-A1", "@SUM(A1)", "-1 to 2", "=", "-", "-inf", "\t=1", "\r=1"] {
            assert!(quoted(formula).starts_with('\''), "{formula}");
        }
        assert_eq!(quoted("=HYPERLINK(\"x\",\"y\")"), "\"'=HYPERLINK(\"\"x\"\",\"\"y\"\")\"");
        for plain in ["-1.5", "+3", "-1e-9", "a=b", "1-2", "", "'"] {
            assert_eq!(quoted(plain), plain);
        }
        let mut table = Table::new("t", "title", "", vec![Column::words("=m", "=m"), Column::numbers("n", "n")]);
        table.push(vec![Cell::text("=1"), Cell::number("-2", -2.0)]);
        assert_eq!(table.csv(), "'=m,n\n'=1,-2\n");
    }

    #[test]
    fn no_row_of_latex_begins_with_an_argument() {
        for hostile in ["[5cm] x", "*", " [", "]"] {
            let mut table = Table::new("t", "t", "", vec![Column::words(hostile, "m"), Column::words("n", "n")]);
            table.push(vec![Cell::text(hostile), Cell::text("n")]);
            let text = table.latex();
            let rows: Vec<&str> = text.lines().filter(|line| line.ends_with(" \\\\")).collect();
            assert_eq!(rows.len(), 2);
            let guarded = rows.iter().all(|row| row.starts_with("{}"));
            assert_eq!(guarded, hostile != "]", "{text}");
        }
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
            assert_eq!(markdown_line(text), expected);
        }
        assert_eq!(markdown_line("    code"), "code");
        assert_eq!(markdown_line("1.5 s"), "1.5 s");
        assert_eq!(markdown_line("1."), "1\\.");
        assert_eq!(markdown_line("25 rows"), "25 rows");
    }

    #[test]
    fn marks_are_told_apart_everywhere() {
        let mut table =
            Table::new("t", "title", "note", vec![Column::words("m", "m"), Column::bounded("gap (%)", "gap")]);
        table.push(vec![Cell::text("a"), Cell::number("1.5", 0.015)]);
        table.push(vec![Cell::text("b"), Cell::number("2.5", 0.025).marked(Mark::Word)]);
        table.push(vec![Cell::text("c"), Cell::absent()]);
        assert!(table.has_words());
        assert_eq!(table.csv(), "m,gap,gap_evidence\na,0.015,certified\nb,0.025,word\nc,,\n");
        assert!(table.markdown().contains("| b | *2.5*† |"));
        assert!(table.latex().contains("b & \\textit{2.5}$^{\\dagger}$ \\\\"));
    }
}
