//! One column of a CSV, cell by cell.

use super::file::short;
use crate::error::InputError;

/// Hands every cell of a column to `take`, with its line. The column is the one of that name, or the only one. Without a name the first row is a
/// header if `is_value` says that its cell is no value.
///
/// # Errors
/// [`InputError`] naming the line: no CSV, several columns and no name, no such column, an empty cell, or what `take` says.
pub(super) fn each(
    bytes: &[u8],
    column: Option<&str>,
    is_value: impl Fn(&str) -> bool,
    mut take: impl FnMut(u64, &str) -> Result<(), InputError>,
) -> Result<(), InputError> {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).trim(csv::Trim::All).from_reader(bytes);
    let mut record = csv::StringRecord::new();
    let mut index = None;
    while reader.read_record(&mut record).map_err(|error| not_csv(&error))? {
        let line = record.position().map_or(0, csv::Position::line);
        let at = match (index, column) {
            (Some(at), _) => at,
            (None, Some(name)) => {
                index = Some(named(&record, name)?);
                continue;
            }
            (None, None) if record.len() > 1 => {
                let names: Vec<&str> = record.iter().take(20).collect();
                let what = format!("has {} columns: {}", record.len(), short(&names.join(", ")));
                return Err(InputError::at(
                    format!("line {line}"),
                    what,
                    "say which one by --column, of offcut traces",
                ));
            }
            (None, None) => {
                index = Some(0);
                if !is_value(&record[0]) && !is_blank(&record[0]) {
                    continue;
                }
                0
            }
        };
        let cell = record.get(at).unwrap_or_default();
        if is_blank(cell) {
            let what = format!("column {} is empty", column.map_or_else(|| "1".into(), |name| format!("'{name}'")));
            return Err(InputError::at(format!("line {line}"), what, "fill it in, or leave the row out"));
        }
        take(line, cell)?;
    }
    Ok(())
}

fn is_blank(cell: &str) -> bool {
    cell.trim().is_empty()
}

/// The place of the column of a name.
fn named(header: &csv::StringRecord, name: &str) -> Result<usize, InputError> {
    header.iter().position(|column| column == name).ok_or_else(|| {
        let known: Vec<&str> = header.iter().take(20).collect();
        let what = format!("has no column '{name}'");
        InputError::at("line 1", what, format!("choose from: {}", known.join(", ")))
    })
}

fn not_csv(error: &csv::Error) -> InputError {
    let line = error.position().map_or(String::new(), |at| format!("line {}", at.line()));
    let what = match error.kind() {
        csv::ErrorKind::Utf8 { .. } => "is not UTF-8".into(),
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("has {len} columns where line 1 has {expected_len}")
        }
        _ => format!("is not CSV: {error}"),
    };
    InputError::at(line, what, "give a CSV with commas, the same columns in every row")
}
