//! Tables as CSV (RFC 4180), for programs: base units, ten significant digits.

use crate::names::visible;
use crate::numbers::{self, ABSENT};
use crate::table::{Style, Table};

/// A table as CSV: numbers in base units with ten significant digits, absent ones empty.
pub fn table(table: &Table) -> String {
    let mut header = Vec::new();
    for column in &table.columns {
        if column.interval {
            header.extend(["low", "high"].map(|end| quoted(&format!("{}_{end}", column.name))));
            continue;
        }
        header.push(quoted(&column.name));
        if column.evidence {
            header.push(quoted(&format!("{}_evidence", column.name)));
        }
    }
    let mut text = header.join(",") + "\n";
    for row in &table.rows {
        let mut fields = Vec::new();
        for (column, cell) in table.columns.iter().zip(row) {
            if column.interval {
                fields.extend([cell.value, cell.high].map(|end| end.map_or(String::new(), numbers::data)));
                continue;
            }
            let absent = cell.value.is_none() && cell.text == ABSENT;
            fields.push(match cell.value {
                Some(value) => numbers::data(value),
                None if absent => String::new(),
                None => quoted(&cell.text),
            });
            if column.evidence {
                let evidence = if cell.style == Style::Unchecked { "unchecked" } else { "certified" };
                fields.push(if cell.value.is_some() { evidence.to_owned() } else { String::new() });
            }
        }
        text += &fields.join(",");
        text.push('\n');
    }
    text
}

/// What is put before a text so that no spreadsheet computes it: an apostrophe if it begins with `=`, `+`, `-`, `@`, a tab or a carriage return and is no
/// number.
pub fn formula_guard(text: &str) -> &'static str {
    let begins_formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']) && !text.parse().is_ok_and(f64::is_finite);
    if begins_formula { "'" } else { "" }
}

/// `field` as a field of a CSV file: quoted where it has to be (RFC 4180), and after a [`formula_guard`].
fn quoted(field: &str) -> String {
    let field = format!("{}{}", formula_guard(field), visible(field));
    if field.contains([',', '"']) { format!("\"{}\"", field.replace('"', "\"\"")) } else { field }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::{Cell, Column};

    #[test]
    fn commas_and_quotes_are_quoted() {
        assert_eq!(quoted("a_b & 50% \"q\", $1^2~#"), "\"a_b & 50% \"\"q\"\", $1^2~#\"");
        assert_eq!(quoted("a\nb\u{1b}"), "a\\nb\\u{1b}");
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
        assert_eq!(super::table(&table), "'=m,n\n'=1,-2\n");
    }

    #[test]
    fn intervals_have_a_column_for_each_end() {
        let columns = vec![Column::words("m", "m"), Column::intervals("95 % interval", "interval_percent")];
        let mut table = Table::new("t", "title", "", columns);
        table.push(vec![Cell::text("a"), Cell::interval((9.5, 10.5), |end| format!("{end:.0}"))]);
        table.push(vec![Cell::text("b"), Cell::absent()]);
        assert_eq!(super::table(&table), "m,interval_percent_low,interval_percent_high\na,9.5,10.5\nb,,\n");
        // What tables are sorted by: a number, so that 9.5 comes before 10.5.
        assert_eq!((table.rows[0][1].value, table.rows[0][1].text.as_str()), (Some(9.5), "10 to 10"));
    }

    #[test]
    fn evidence_has_a_column() {
        let columns = vec![Column::words("m", "m"), Column::bounded("gap (%)", "gap")];
        let mut table = Table::new("t", "title", "note", columns);
        table.push(vec![Cell::text("a"), Cell::number("1.5", 0.015)]);
        table.push(vec![Cell::text("b"), Cell::number("2.5", 0.025).styled(Style::Unchecked)]);
        table.push(vec![Cell::text("c"), Cell::absent()]);
        assert_eq!(super::table(&table), "m,gap,gap_evidence\na,0.015,certified\nb,0.025,unchecked\nc,,\n");
    }
}
