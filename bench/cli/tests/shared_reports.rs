//! What reports share knows no problem: outside `reports/src/problems` no source file names one, nor a method of one.

use std::path::{Path, PathBuf};

use assert_cmd::Command;

/// The source files that reports on all problems share.
fn shared() -> Vec<PathBuf> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../reports/src");
    let mut found = Vec::new();
    let mut folders = vec![source];
    while let Some(folder) = folders.pop() {
        for path in std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()) {
            match path.is_dir() {
                true if path.ends_with("problems") => {}
                true => folders.push(path),
                false => found.push(path),
            }
        }
    }
    found
}

/// The text of the string literals of a source file, and of its other code and comments.
fn literals(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut letters = text.chars().peekable();
    let mut open: Option<String> = None;
    while let Some(letter) = letters.next() {
        match (&mut open, letter) {
            (Some(literal), '\\') => literal.extend(['\\', letters.next().unwrap_or_default()]),
            (Some(_), '"') => found.extend(open.take()),
            (Some(literal), letter) => literal.push(letter),
            (None, '"') => open = Some(String::new()),
            // A character, not the beginning of a literal: '"', '\"'.
            (None, '\'') if matches!(letters.peek(), Some('"' | '\\')) => {
                if letters.next() == Some('\\') {
                    letters.next();
                }
                letters.next();
            }
            // To the end of the line.
            (None, '/') if letters.peek() == Some(&'/') => {
                letters.by_ref().find(|letter| *letter == '\n');
            }
            (None, _) => {}
        }
    }
    found
}

/// Whether `word` stands in `text` with no letter, digit, underscore or hyphen beside it, in any case.
fn names(text: &str, word: &str) -> bool {
    let (text, word) = (text.to_lowercase(), word.to_lowercase());
    let is_part = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
    text.match_indices(&word)
        .any(|(at, _)| !text[..at].ends_with(is_part) && !text[at + word.len()..].starts_with(is_part))
}

#[test]
fn literals_are_found() {
    let text = "let a = \"x\"; // \"no\"\nlet b = ['\"', '\\'']; f(\"y \\\" z\");";
    assert_eq!(literals(text), ["x", "y \\\" z"]);
    assert!(names("a LyMDO.", "lymdo") && !names("a-lymdo", "lymdo") && !names("lymdo2", "lymdo"));
}

#[test]
fn shared_code_names_no_problem_and_no_method_of_one() {
    let output = Command::cargo_bin("offcut").expect("built").args(["methods", "--json"]).output().expect("runs");
    let listed: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let problems = listed.as_array().expect("an array");
    assert!(problems.len() > 3);
    let files = shared();
    assert!(files.len() > 30 && files.iter().any(|file| file.ends_with("templates/report.html")));
    let mut found = Vec::new();
    for file in &files {
        let text = std::fs::read_to_string(file).expect("text");
        let literals = literals(&text);
        for problem in problems {
            let name = problem["problem"].as_str().expect("a name");
            if names(&text, name) {
                found.push(format!("{}: {name}", file.display()));
            }
            for method in problem["methods"].as_array().expect("an array") {
                let id = method["id"].as_str().expect("an id");
                // Ids that are words of English, such as `random`, stand in sentences; as a whole literal they are a method.
                let is_named = id.contains('-') && names(&text, id)
                    || literals.iter().any(|literal| literal == id || literal.starts_with(&format!("{id}:")));
                if is_named {
                    found.push(format!("{}: {id}", file.display()));
                }
            }
        }
    }
    assert!(found.is_empty(), "{found:#?}");
}
