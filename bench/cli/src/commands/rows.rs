//! `offcut rows`: the rows of runs as one flat table, for other programs.

use std::collections::BTreeMap;
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{Args, ValueEnum};
use offcut_instances::document::InputError;
use offcut_instances::terminal::one_line;
use offcut_ledger::table::{Column, Kind, Lines, Run, Table, Value, table};
use offcut_ledger::{BestKnown, Gate, Manifest, Row};
use offcut_reports::csv::formula_guard;
use offcut_runner::{BenchmarkAdapter, Folder};
use parquet::basic::{ConvertedType, Repetition, Type as Physical};
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DoubleType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};
use parquet::schema::types::Type;
use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

use super::with_problem;
use crate::exit::Ending;
use crate::output;

/// What `offcut rows` takes.
#[derive(Args)]
pub(crate) struct Arguments {
    /// Folders of runs
    #[arg(required = true)]
    runs: Vec<PathBuf>,
    /// Format; the file's ending decides if left out, or CSV
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// File to write; to the terminal if left out
    #[arg(short, long)]
    output: Option<PathBuf>,
    /// A line for every study that a row belongs to, with `study`, `series` and `x`
    #[arg(long)]
    by_study: bool,
    /// Also measure gaps against the best known values of a frozen library: the folder with PROBLEM/library
    #[arg(long)]
    library: Option<PathBuf>,
}

/// How a table is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// RFC 4180; absent values are empty
    Csv,
    /// Columns with types; absent values are null
    Parquet,
    /// An array of objects, a line each; absent values are null
    Json,
}

/// What is said of the columns and of the exit code.
pub(crate) const ABOUT: &str = "\
One line a row. The columns of all rows are the same: what a row does not have is empty (CSV) or null. Numbers are in
the unit that their column's name ends in: solve_s, peak_memory_bytes; the objective's is in objective_unit.
family_NAME, method_NAME, measure_NAME and count_NAME hold parameters of families and methods, measures of the checker
and counts of the methods. gap_low and gap_high are those of the run's report, relative: 0.01 is 1 %.
Texts in CSV that a spreadsheet would compute (=, +, -, @) begin with an apostrophe.

Rows that do not hold to their answers are left out and named; the exit code is then 1.

Examples: offcut rows runs/demo/multiuser > rows.csv
          offcut rows runs/demo/* -o rows.parquet
          offcut rows runs/demo/multiuser --by-study --format json";

pub(crate) fn rows(arguments: &Arguments) -> Result<Ending, InputError> {
    let format = arguments.format.map_or_else(|| by_ending(arguments.output.as_deref()), Ok)?;
    if format == Format::Parquet && arguments.output.is_none() && std::io::stdout().is_terminal() {
        return Err(InputError::at("--format parquet", "is not for a terminal", "name a file: -o rows.parquet"));
    }
    let mut read = Vec::new();
    for run in &arguments.runs {
        let problem = Folder::at(run).problem()?;
        read.push(with_problem!(&problem, P => read_run::<P>(run, arguments.library.as_deref()))?);
    }
    let runs: Vec<Run<'_>> =
        read.iter().map(|read| Run { manifest: &read.manifest, rows: &read.rows, library: &read.library }).collect();
    let table = table(&runs, if arguments.by_study { Lines::Studies } else { Lines::Rows });
    let bytes = written(&table, format)?;
    match &arguments.output {
        Some(path) => put(path, &bytes)?,
        None => output::bytes(&bytes),
    }
    let gate = Gate { mismatches: read.into_iter().flat_map(|read| read.mismatches).collect(), ..Gate::default() };
    Ok(super::gate::tell(&gate, &[], true))
}

/// Writes bytes as they are to a file that is not there yet.
fn put(path: &Path, bytes: &[u8]) -> Result<(), InputError> {
    let write = || std::fs::OpenOptions::new().write(true).create_new(true).open(path)?.write_all(bytes);
    write().map_err(|error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => {
            InputError::at("", "exists already", "choose another name or remove the file first").in_file(path)
        }
        _ => InputError::at("", format!("cannot be written: {error}"), "give a place that can be written to")
            .in_file(path),
    })
}

fn by_ending(output: Option<&Path>) -> Result<Format, InputError> {
    let Some(path) = output else { return Ok(Format::Csv) };
    let ending = path.extension().map(|ending| ending.to_string_lossy().to_lowercase());
    ending.and_then(|ending| Format::from_str(&ending, true).ok()).ok_or_else(|| {
        InputError::at(
            "",
            "says no format by its ending",
            "give --format, or a name that ends in .csv, .parquet or .json",
        )
        .in_file(path)
    })
}

/// A run as it was read.
struct Read {
    manifest: Manifest,
    rows: Vec<Row>,
    library: BTreeMap<String, BestKnown>,
    mismatches: Vec<offcut_ledger::Mismatch>,
}

fn read_run<P: BenchmarkAdapter>(run: &Path, library: Option<&Path>) -> Result<Read, InputError> {
    let (manifest, rows, evidence) = Folder::at(run).held::<P>()?;
    let library = library.map_or_else(|| Ok(BTreeMap::new()), super::library::best_known::<P>)?;
    Ok(Read { manifest, rows, library, mismatches: evidence.mismatches })
}

/// The rows of a run as CSV, for the folder of its report.
pub(crate) fn csv_of(run: &Run<'_>) -> Vec<u8> {
    csv_bytes(&table(std::slice::from_ref(run), Lines::Rows))
}

fn written(table: &Table, format: Format) -> Result<Vec<u8>, InputError> {
    match format {
        Format::Csv => Ok(csv_bytes(table)),
        Format::Json => Ok(json_bytes(table)),
        Format::Parquet => parquet_bytes(table).map_err(|error| {
            InputError::at("--format parquet", format!("cannot be written: {error}"), "take --format csv or json")
        }),
    }
}

fn csv_bytes(table: &Table) -> Vec<u8> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let in_memory = "memory takes it";
    writer.write_record(table.columns.iter().map(|column| harmless(&column.name))).expect(in_memory);
    for line in 0..table.lines {
        writer.write_record(table.columns.iter().map(|column| field(column.values[line].as_ref()))).expect(in_memory);
    }
    writer.into_inner().expect(in_memory)
}

fn field(value: Option<&Value>) -> String {
    match value {
        None => String::new(),
        Some(Value::Text(text)) => harmless(text),
        // The shortest form that is read back as the same number.
        Some(Value::Number(number)) => format!("{number:?}"),
        Some(Value::Count(count)) => count.to_string(),
        Some(Value::Flag(flag)) => flag.to_string(),
    }
}

/// A text as a single line that no spreadsheet computes, as in the tables of reports.
fn harmless(text: &str) -> String {
    format!("{}{}", formula_guard(text), one_line(text))
}

/// A line of a table as a JSON object.
struct Line<'a>(&'a [Column], usize);

impl Serialize for Line<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for column in self.0 {
            match &column.values[self.1] {
                None => map.serialize_entry(&column.name, &())?,
                Some(Value::Text(text)) => map.serialize_entry(&column.name, text)?,
                Some(Value::Number(number)) => map.serialize_entry(&column.name, number)?,
                Some(Value::Count(count)) => map.serialize_entry(&column.name, count)?,
                Some(Value::Flag(flag)) => map.serialize_entry(&column.name, flag)?,
            }
        }
        map.end()
    }
}

fn json_bytes(table: &Table) -> Vec<u8> {
    let line = |at: usize| serde_json::to_string(&Line(&table.columns, at)).expect("plain data");
    let lines: Vec<String> = (0..table.lines).map(|at| output::escaped_json(&line(at))).collect();
    let mut bytes = Vec::new();
    writeln!(bytes, "[\n{}\n]", lines.join(",\n")).expect("memory takes it");
    bytes
}

fn parquet_bytes(table: &Table) -> Result<Vec<u8>, ParquetError> {
    let fields = table.columns.iter().map(|column| parquet_type(column).map(Arc::new));
    let fields = fields.collect::<Result<Vec<_>, _>>()?;
    let schema = Type::group_type_builder("rows").with_fields(fields).build()?;
    let properties = WriterProperties::builder().set_created_by("offcut".into()).build();
    let mut file = SerializedFileWriter::new(Vec::new(), Arc::new(schema), Arc::new(properties))?;
    let mut group = file.next_row_group()?;
    for column in &table.columns {
        let mut writer = group.next_column()?.expect("a writer for every column of the schema");
        write_column(&mut writer, column)?;
        writer.close()?;
    }
    group.close()?;
    file.into_inner()
}

fn parquet_type(column: &Column) -> Result<Type, ParquetError> {
    let (physical, converted) = match column.kind {
        Kind::Text => (Physical::BYTE_ARRAY, ConvertedType::UTF8),
        Kind::Number => (Physical::DOUBLE, ConvertedType::NONE),
        Kind::Count => (Physical::INT64, ConvertedType::UINT_64),
        Kind::Flag => (Physical::BOOLEAN, ConvertedType::NONE),
    };
    Type::primitive_type_builder(&column.name, physical)
        .with_converted_type(converted)
        .with_repetition(Repetition::OPTIONAL)
        .build()
}

fn write_column(writer: &mut SerializedColumnWriter<'_>, column: &Column) -> Result<(), ParquetError> {
    let present: Vec<i16> = column.values.iter().map(|value| value.is_some().into()).collect();
    let values = || column.values.iter().flatten();
    match column.kind {
        Kind::Text => {
            let texts: Vec<ByteArray> = values()
                .filter_map(|value| match value {
                    Value::Text(text) => Some(ByteArray::from(text.as_str())),
                    _ => None,
                })
                .collect();
            writer.typed::<ByteArrayType>().write_batch(&texts, Some(&present), None)?;
        }
        Kind::Number => {
            let numbers: Vec<f64> = values()
                .filter_map(|value| match value {
                    Value::Number(number) => Some(*number),
                    _ => None,
                })
                .collect();
            writer.typed::<DoubleType>().write_batch(&numbers, Some(&present), None)?;
        }
        Kind::Count => {
            // Parquet has no unsigned type of its own: the bits are those of a signed integer, and the logical type says otherwise.
            let counts: Vec<i64> = values()
                .filter_map(|value| match value {
                    Value::Count(count) => Some(count.cast_signed()),
                    _ => None,
                })
                .collect();
            writer.typed::<Int64Type>().write_batch(&counts, Some(&present), None)?;
        }
        Kind::Flag => {
            let flags: Vec<bool> = values()
                .filter_map(|value| match value {
                    Value::Flag(flag) => Some(*flag),
                    _ => None,
                })
                .collect();
            writer.typed::<BoolType>().write_batch(&flags, Some(&present), None)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(name: &str, kind: Kind, values: Vec<Option<Value>>) -> Column {
        Column { name: name.into(), kind, values }
    }

    #[test]
    fn csv_is_read_back_and_computes_nothing() {
        let text = |text: &str| Some(Value::Text(text.into()));
        let columns = vec![
            column("=name", Kind::Text, vec![text("=1+1"), text("a, \"b\"\n"), text("-1.5"), None]),
            column("number", Kind::Number, [0.1 + 0.2, -1e-300, 1.0, 1e22].map(|n| Some(Value::Number(n))).to_vec()),
            column("count", Kind::Count, vec![Some(Value::Count(u64::MAX)), None, None, Some(Value::Count(0))]),
        ];
        let bytes = csv_bytes(&Table { columns, lines: 4 });
        let mut reader = csv::Reader::from_reader(&bytes[..]);
        assert_eq!(reader.headers().expect("a header"), vec!["'=name", "number", "count"]);
        let lines: Vec<csv::StringRecord> = reader.records().collect::<Result<_, _>>().expect("records");
        assert_eq!(lines.iter().map(|line| &line[0]).collect::<Vec<_>>(), ["'=1+1", "a, \"b\"\\n", "-1.5", ""]);
        let numbers: Vec<f64> = lines.iter().map(|line| line[1].parse().expect("a number")).collect();
        assert_eq!(numbers, [0.1 + 0.2, -1e-300, 1.0, 1e22]);
        assert_eq!(lines.iter().map(|line| &line[2]).collect::<Vec<_>>(), [u64::MAX.to_string().as_str(), "", "", "0"]);
    }

    #[test]
    fn formats_of_no_rows_are_whole() {
        let table = Table::default();
        assert_eq!(
            serde_json::from_slice::<serde_json::Value>(&json_bytes(&table)).expect("JSON"),
            serde_json::json!([])
        );
        assert!(parquet_bytes(&table).is_ok());
    }
}
