//! How things look in a terminal.

use comfy_table::{CellAlignment, Table, presets};
use offcut_instances::terminal::one_line;

/// A table with a header, columns after the first `left` aligned right. Cells are single lines, whatever text they come from.
pub(crate) fn table(header: &[&str], left: usize, rows: Vec<Vec<String>>) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(header.iter().map(|title| (*title).to_owned()));
    for row in rows {
        table.add_row(row.into_iter().map(one_line));
    }
    for column in left..header.len() {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

/// A number with thousands apart: 61,100,840.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let first = digits.len() % 3;
    let groups = digits.as_bytes()[first..].chunks(3).map(|group| String::from_utf8_lossy(group).into_owned());
    let head = (first > 0).then(|| digits[..first].to_owned());
    head.into_iter().chain(groups).collect::<Vec<_>>().join(",")
}

/// A number: a whole one with thousands apart, any other with four significant digits.
pub(crate) fn number(number: f64) -> String {
    if number.fract() == 0.0 && (0.0..1e15).contains(&number) {
        grouped(number as u64)
    } else {
        offcut_reports::numbers::significant(number, 4)
    }
}

/// A duration with a unit that suits it.
pub(crate) fn seconds(seconds: f64) -> String {
    match seconds {
        0.0 => "0 s".into(),
        s if s < 1e-3 => format!("{:.1} µs", s * 1e6),
        s if s < 1.0 => format!("{:.2} ms", s * 1e3),
        s => format!("{s:.3} s"),
    }
}

/// A size in bytes with a unit that suits it.
pub(crate) fn bytes(bytes: f64) -> String {
    match bytes {
        b if b < 1024.0 => format!("{b:.0} B"),
        b if b < 1024.0 * 1024.0 => format!("{:.1} KiB", b / 1024.0),
        b if b < 1024.0 * 1024.0 * 1024.0 => format!("{:.1} MiB", b / (1024.0 * 1024.0)),
        b => format!("{:.2} GiB", b / (1024.0 * 1024.0 * 1024.0)),
    }
}

/// A relative gap in percent; 0 if it is within `tolerance`.
pub(crate) fn gap(gap: f64, tolerance: f64) -> String {
    if gap <= tolerance { "0".into() } else { format!("{:.4} %", gap * 100.0) }
}

/// Why a method stopped.
pub(crate) fn stop(stop: &offcut_instances::problem::Stop) -> String {
    use offcut_instances::problem::Stop;
    match stop {
        Stop::Completed => "at its own end".into(),
        Stop::Infeasible => "saying that no solution exists".into(),
        Stop::TimeLimit => "at the time limit".into(),
        Stop::MemoryLimit => "at the memory limit".into(),
        Stop::Declined(reason) => format!("declined: {reason}"),
        Stop::Failed(reason) => format!("failed: {reason}"),
        Stop::Invalid(reason) => format!("invalid: {reason}"),
    }
}

/// The same number, and 0 for -0, which a solver of a maximisation may claim.
pub(crate) fn unsigned_zero(value: f64) -> f64 {
    if value == 0.0 { 0.0 } else { value }
}

#[cfg(test)]
mod tests {
    #[test]
    fn no_zero_has_a_sign() {
        assert_eq!(super::unsigned_zero(-0.0).to_string(), "0");
        assert_eq!(super::unsigned_zero(-1.5).to_string(), "-1.5");
    }
}
