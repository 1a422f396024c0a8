//! Tables as LaTeX, for papers.

use crate::names::visible;
use crate::table::{Style, Table};

/// A table as a LaTeX `table` of the booktabs package.
pub fn table(table: &Table) -> String {
    let alignment: String = table.columns.iter().map(|column| if column.numeric { 'r' } else { 'l' }).collect();
    let titles: Vec<_> = table.columns.iter().map(|column| escaped(&column.title)).collect();
    let mut text = format!(
        "% Needs \\usepackage{{booktabs}}.\n\\begin{{table}}\n\\centering\n\\caption{{{}}}\n\\label{{tab:{}}}\n\\begin{{tabular}}{{{alignment}}}\n\\toprule\n{}\\midrule\n",
        escaped(&table.title),
        table.id.replace('_', "-"),
        row_of(&titles)
    );
    for row in &table.rows {
        let cells: Vec<_> = row
            .iter()
            .map(|cell| {
                let words = escaped(&cell.text);
                match cell.style {
                    Style::Plain => words,
                    Style::Unchecked => format!("\\textit{{{words}}}$^{{\\dagger}}$"),
                    Style::Failure => format!("\\textbf{{{words}}}"),
                }
            })
            .collect();
        text += &row_of(&cells);
    }
    text += "\\bottomrule\n\\end{tabular}\n";
    if !table.note.is_empty() {
        text += &format!("\n\\smallskip\\footnotesize {}\n", escaped(&table.note));
    }
    text + "\\end{table}\n"
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
            assert_eq!(rows.len(), 2);
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
}
