//! The commands of the book, `reports/book/src`, run: each `console` block of each chapter, in order, in a folder of the chapter's own.
//!
//! A line that begins with `$ ` is a command, as a reader types it in the repository's root; other lines are what it prints, and are not compared. The folder has
//! the program as `offcut`, and `instances` and `bench` of the repository. Words after `console,` in a block's first line say more:
//!
//! | word | |
//! |---|---|
//! | `fails` | each command ends with an exit code other than 0 |
//! | `long` | not run, unless `OFFCUT_BOOK_LONG` is set |
//!
//! `sh` blocks, those of the README too, are commands on files that only a reader has. They are not run, but the program has to know their options: each is run with `--help`.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A block of commands.
struct Block {
    /// Its first line in the chapter, counted from 1.
    line: usize,
    words: Vec<String>,
    commands: Vec<String>,
}

impl Block {
    fn is(&self, word: &str) -> bool {
        self.words.iter().any(|known| known == word)
    }
}

/// The `console` blocks of a chapter.
fn blocks(chapter: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut is_open = false;
    for (at, line) in chapter.lines().enumerate() {
        let line = line.trim_start();
        match line.strip_prefix("```console") {
            Some(words) => {
                let words = words.split(',').map(str::trim).filter(|word| !word.is_empty()).map(String::from).collect();
                blocks.push(Block { line: at + 1, words, commands: Vec::new() });
                is_open = true;
            }
            None if line.starts_with("```") => is_open = false,
            None if is_open => {
                let block = blocks.last_mut().expect("a block is open");
                block.commands.extend(line.strip_prefix("$ ").map(String::from));
            }
            None => {}
        }
    }
    blocks
}

/// All chapters below a folder, in the order of their names.
fn chapters(folder: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            all.extend(chapters(&path));
        } else if path.extension().is_some_and(|extension| extension == "md") {
            all.push(path);
        }
    }
    all.sort();
    all
}

/// A new folder for a chapter, with what its commands use.
fn folder(root: &Path, name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("book").join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).expect("a folder");
    symlink(env!("CARGO_BIN_EXE_offcut"), folder.join("offcut")).expect("the program");
    for part in ["instances", "bench"] {
        symlink(root.join(part), folder.join(part)).expect("a part of the repository");
    }
    folder
}

#[test]
fn the_commands_of_the_book_run() {
    let root = fs::canonicalize(Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")).expect("the repository");
    let source = root.join("reports/book/src");
    let runs_long = std::env::var_os("OFFCUT_BOOK_LONG").is_some();
    let (mut run, mut wrong) = (0, Vec::new());
    for path in chapters(&source) {
        let blocks = blocks(&fs::read_to_string(&path).expect("a chapter"));
        if blocks.is_empty() {
            continue;
        }
        let name = path.strip_prefix(&source).expect("in the book").display().to_string();
        let folder = folder(&root, &name.replace('/', "-"));
        for block in blocks {
            let unknown = block.words.iter().find(|word| !["fails", "long"].contains(&word.as_str()));
            assert!(unknown.is_none() && !block.commands.is_empty(), "{name}:{}: {unknown:?}", block.line);
            if block.is("long") && !runs_long {
                continue;
            }
            for command in &block.commands {
                let mut shell = Command::new("sh");
                shell.args(["-c", command]).current_dir(&folder).stdin(Stdio::null());
                let output = shell.output().expect("a shell");
                run += 1;
                if output.status.success() == block.is("fails") {
                    let printed = [output.stdout, output.stderr].concat();
                    let printed = String::from_utf8_lossy(&printed);
                    wrong.push(format!("{name}:{}: {command}: {}\n{printed}", block.line, output.status));
                }
            }
        }
        fs::remove_dir_all(&folder).expect("removed");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(run >= 20, "only {run} commands were run");
}

/// The commands of this program in the `sh` blocks of a text, without what follows a `#`.
fn commands_on_own_files(text: &str) -> Vec<String> {
    let mut commands = Vec::new();
    for block in text.split("```sh\n").skip(1) {
        let block = block.split("```").next().unwrap_or_default().replace("\\\n", " ");
        for line in block.lines() {
            let line = line.split(" #").next().unwrap_or_default();
            let ours = line.split(" && ").map(str::trim).filter(|command| command.starts_with("./offcut "));
            commands.extend(ours.map(String::from));
        }
    }
    commands
}

#[test]
fn options_of_commands_on_own_files_are_known() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut texts = chapters(&root.join("reports/book/src"));
    texts.push(root.join("README.md"));
    let folder = folder(&fs::canonicalize(&root).expect("the repository"), "options");
    let (mut tried, mut wrong) = (0, Vec::new());
    for path in texts {
        for command in commands_on_own_files(&fs::read_to_string(&path).expect("a text")) {
            // The programs that measure are a workspace of their own, with tests of their own.
            if command.starts_with("./offcut measure") || command.starts_with("./offcut prototype") {
                continue;
            }
            let mut shell = Command::new("sh");
            shell.args(["-c", &format!("{command} --help")]).current_dir(&folder).stdin(Stdio::null());
            let output = shell.output().expect("a shell");
            tried += 1;
            if !output.status.success() {
                wrong.push(format!("{}: {command}: {}", path.display(), String::from_utf8_lossy(&output.stderr)));
            }
        }
    }
    fs::remove_dir_all(&folder).expect("removed");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(tried >= 40, "only {tried} commands were tried");
}

#[test]
fn blocks_are_read_with_their_words() {
    let chapter =
        "a\n```console\n$ one\nprinted\n$ two\n```\n```json\n$ no\n```\n```console,fails, long\n$ three\n```\n";
    let blocks = blocks(chapter);
    let commands: Vec<_> = blocks.iter().map(|block| block.commands.join(" ")).collect();
    assert_eq!(commands, ["one two", "three"]);
    assert_eq!((blocks[0].line, blocks[1].line), (2, 10));
    assert!(!blocks[0].is("fails") && blocks[1].is("fails") && blocks[1].is("long"));
}
