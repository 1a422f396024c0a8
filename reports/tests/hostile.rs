//! Text from outside that would be markup, a command, a formula or a forged line: in every format it is only text.

use std::collections::BTreeMap;
use std::path::Path;

use offcut_checker::{Interval, Proof, Tolerance, Violation};
use offcut_instances::problem::{Budget, Sense, Stop};
use offcut_ledger::manifest::Quantity;
use offcut_ledger::row::InstanceLabel;
use offcut_ledger::{Environment, Key, Manifest, Row, Status, Study, StudyCell, Times};
use offcut_reports::names::is_hidden;
use offcut_reports::{Options, write};

/// Texts that begin with, hold and end with what some format reads as its own.
const HOSTILE: [&str; 12] = [
    "=HYPERLINK(\"x\")",
    "-1+1|2",
    "@SUM(A1),\"",
    "\t+1",
    "[5cm]\\end{tabular}%$#_^~&",
    "*[x]`y`",
    "a\nb\r\noptimal-certified",
    "\0\u{1b}[31mred\u{7f}\u{9b}1m",
    "\u{202e}desrever\u{2066}\u{200f}\u{200e}\u{61c}\u{2028}",
    "<script>alert(1)</script><img src=x onerror=alert(1)>",
    "]]><!-- & --> {{ title }} {% if %}",
    "| a | b |\n|---|---|\n# head\n- item\n1. item",
];

fn text(at: usize) -> String {
    HOSTILE[at % HOSTILE.len()].to_owned()
}

fn row(instance: usize, method: usize) -> Row {
    let objective = 1.0 + 0.1 * method as f64;
    Row {
        key: Key {
            instance: format!("hash-{instance}"),
            method: text(method),
            budget: Budget { time_s: Some(1.0), ..Budget::default() },
            code: text(method + 1),
        },
        problem: text(3),
        instance: InstanceLabel {
            name: text(instance),
            family: text(instance + 6),
            variant: text(instance % 2),
            seed: 1,
            parameters: BTreeMap::from([(text(instance), 1.0)]),
            ..InstanceLabel::default()
        },
        status: Status::Feasible,
        stop: Stop::Completed,
        claimed_objective: Some(objective),
        checked_objective: Some(Interval::point(objective)),
        measures: BTreeMap::from([(text(2), 1.0)]),
        proof: match method % 3 {
            0 => Proof::Certified { value: 1.0 },
            1 => Proof::SolverReported { value: 0.9, word: text(method) },
            _ => Proof::Nothing,
        },
        certified: Proof::Nothing,
        violations: Vec::new(),
        times: Times { build_s: None, solve_s: 1e-3, solve_cpu_s: None, check_s: 1e-5 },
        made_on: text(1),
        peak_memory_bytes: None,
        process: None,
        answer_hash: None,
        counts: BTreeMap::from([(text(7), method as u64)]),
        incumbents: Vec::new(),
        history_rejected: None,
        series: BTreeMap::new(),
    }
}

fn manifest(rows: &[Row]) -> Manifest {
    let axis = |at: usize| Some(Quantity { name: text(at), unit: text(at + 1) });
    let studies = [None, axis(0), axis(8)].into_iter().enumerate().map(|(at, axis)| Study {
        name: format!("{} {at}", text(at + 6)),
        title: text(at + 9),
        log_axis: false,
        beside: None,
        cells: rows
            .iter()
            .map(|row| StudyCell {
                series: row.key.method.clone(),
                x: axis.as_ref().map(|_| f64::from(row.key.instance.as_bytes()[5])),
                key: row.key.line(),
            })
            .collect(),
        axis,
    });
    Manifest {
        id: text(6),
        title: text(9),
        problem: text(3),
        sense: Sense::Minimise,
        objective: Quantity { name: text(4), unit: text(7) },
        variant_objectives: BTreeMap::from([(text(0), Quantity { name: text(5), unit: text(8) })]),
        measures: BTreeMap::from([(text(2), Quantity { name: text(9), unit: text(10) })]),
        random_methods: (0..3).map(text).collect(),
        studies: studies.collect(),
        order_seed: 1,
        jobs: 1,
        tolerance: Tolerance::default(),
        environment: Environment {
            version: text(5),
            commit: text(6),
            processor: text(7),
            system: text(8),
            ..Environment::default()
        },
        reference: Default::default(),
    }
}

/// A run in which every text that can come from outside is one of them.
fn run() -> (Manifest, Vec<Row>) {
    let mut rows = Vec::new();
    for instance in 0..6 {
        rows.extend((0..HOSTILE.len()).map(|method| row(instance, method)));
    }
    for (at, row) in rows.iter_mut().enumerate() {
        match at % 7 {
            0 => (row.status, row.stop) = (Status::Crash, Stop::Failed(text(at))),
            1 => (row.status, row.stop) = (Status::Declined, Stop::Declined(text(at))),
            2 => {
                row.status = Status::Wrong;
                row.violations = vec![Violation { constraint: text(at), at: text(at), amount: 1.0, unit: text(at) }];
            }
            _ => continue,
        }
        row.checked_objective = None;
    }
    (manifest(&rows), rows)
}

fn files() -> (tempfile::TempDir, Vec<String>) {
    let (manifest, rows) = run();
    let folder = tempfile::tempdir().expect("a folder");
    let options = Options { png: false, ..Options::default() };
    let written = write(&manifest, &rows, folder.path(), &options).expect("written");
    // Letters of a PDF are outlines: it holds no text.
    (folder, written.files.into_iter().filter(|name| !name.ends_with(".pdf")).collect())
}

fn read(folder: &Path, name: &str) -> String {
    std::fs::read_to_string(folder.join(name)).expect("text")
}

/// The fields of the records of a CSV file (RFC 4180).
fn records(text: &str) -> Vec<Vec<String>> {
    let mut all = vec![vec![String::new()]];
    let mut is_quoted = false;
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        let record = all.last_mut().expect("one or more");
        match letter {
            '"' if is_quoted && letters.peek() == Some(&'"') => {
                record.last_mut().expect("one or more").push('"');
                letters.next();
            }
            '"' => is_quoted = !is_quoted,
            ',' if !is_quoted => record.push(String::new()),
            '\n' if !is_quoted => all.push(vec![String::new()]),
            letter => record.last_mut().expect("one or more").push(letter),
        }
    }
    assert_eq!(all.pop(), Some(vec![String::new()]), "the last line has its line feed");
    all
}

#[test]
fn no_file_holds_a_hidden_character() {
    let (folder, files) = files();
    assert!(files.len() > 20, "{files:?}");
    for name in &files {
        let text = read(folder.path(), name);
        let hidden = text.chars().find(|letter| is_hidden(*letter) && *letter != '\n');
        assert_eq!(hidden, None, "{name}");
        assert!(name.chars().all(|c| c.is_ascii_alphanumeric() || "/._=-".contains(c)), "{name}");
    }
}

#[test]
fn html_and_svg_have_no_markup_from_outside() {
    let (folder, files) = files();
    for name in files.iter().filter(|name| name.ends_with(".html") || name.ends_with(".svg")) {
        let text = read(folder.path(), name);
        assert_eq!(text.matches("<script").count(), usize::from(name.ends_with(".html")), "{name}");
        assert!(!text.contains("<img") && !text.contains("<!--") && !text.contains("]]>"), "{name}");
        assert!(text.contains("&lt;script&gt;"), "{name}");
    }
    let page = read(folder.path(), "report.html");
    assert!(page.contains("\\u{1b}[31mred\\u{7f}") && page.contains("a\\nb\\r\\noptimal-certified"));
    assert!(page.contains("{{ title }}"), "a template's braces are text");
}

#[test]
fn rows_of_markdown_tables_have_the_cells_of_their_heads() {
    let (folder, _) = files();
    let text = read(folder.path(), "report.md");
    let bars = |line: &str| line.replace("\\\\", "").replace("\\|", "").matches('|').count();
    let tables: Vec<Vec<&str>> = text
        .split("\n\n")
        .map(|block| block.lines().filter(|line| line.starts_with('|')).collect::<Vec<_>>())
        .filter(|lines| !lines.is_empty())
        .collect();
    assert!(tables.len() > 10);
    for lines in tables {
        assert!(lines.len() > 1 && lines.iter().all(|line| bars(line) == bars(lines[0])), "{lines:#?}");
    }
    let plain = text.replace("&lt;", "").replace("&gt;", "");
    assert!(!plain.contains('<') && !plain.contains('>') && !text.replace("\\`", "").contains('`'));
    // Lines that are no rows, items, headings, pictures, titles are paragraphs: none begins as something else.
    for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with(['|', '!', '*', '#'])) {
        let inner = line.strip_prefix("- ").unwrap_or(line);
        assert!(!inner.starts_with(['-', '+', '=', '#', ' ', '\t']), "{line}");
    }
    let heads = text.lines().filter(|line| line.starts_with('#'));
    assert!(heads.clone().count() > 5 && heads.clone().all(|line| !line.contains("head - item")));
}

#[test]
fn csv_files_are_rectangular_and_hold_no_formula() {
    let (folder, files) = files();
    let mut guarded = 0;
    for name in files.iter().filter(|name| name.ends_with(".csv")) {
        let records = records(&read(folder.path(), name));
        assert!(records.iter().all(|record| record.len() == records[0].len()), "{name}");
        for field in records.iter().flatten() {
            let begins = field.starts_with(['=', '+', '-', '@', '\t', '\r']);
            assert!(!begins || field.parse::<f64>().is_ok(), "{name}: {field}");
            guarded += usize::from(field.starts_with('\''));
        }
    }
    assert!(guarded > 20, "{guarded}");
}

#[test]
fn rows_of_latex_tables_have_the_cells_of_their_heads_and_take_no_argument() {
    let (folder, files) = files();
    for name in files.iter().filter(|name| name.ends_with(".tex")) {
        let text = read(folder.path(), name);
        let rows: Vec<&str> = text.lines().filter(|line| line.ends_with(" \\\\")).collect();
        let cells = |row: &str| row.replace("\\&", "").matches('&').count();
        assert!(rows.iter().all(|row| cells(row) == cells(rows[0])), "{name}");
        assert!(rows.iter().all(|row| !row.trim_start().starts_with(['[', '*'])), "{name}");
        // No command but Offcut's own: what is left of the escapes and the marks has no backslash.
        let own = [
            "\\textbackslash{}",
            "\\textasciitilde{}",
            "\\textasciicircum{}",
            "\\textasciigrave{}",
            "\\textless{}",
            "\\textgreater{}",
            "\\textbar{}",
            "\\textit{",
            "\\textbf{",
            "$^{\\dagger}$",
            "$\\mu$",
            "$\\times$",
            "$\\le$",
            "$\\ge$",
            "\\{",
            "\\}",
            "\\&",
            "\\%",
            "\\$",
            "\\#",
            "\\_",
            " \\\\",
        ];
        for row in rows {
            let left = own.iter().fold(row.to_owned(), |row, command| row.replace(command, ""));
            assert!(!left.contains(['\\', '%', '#', '$', '~', '^', '_', '`']), "{name}: {row}");
        }
        let ends = ["\\end{tabular}", "\\end{longtable}"].map(|end| text.matches(end).count());
        assert_eq!(ends.iter().sum::<usize>(), 1, "{name}");
    }
}
