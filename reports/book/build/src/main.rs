//! Builds the book: mdBook, with formulas as MathML and with checked links.
//!
//! ```text
//! cargo run --manifest-path reports/book/build/Cargo.toml [BOOK [DESTINATION]]
//! ```
//!
//! It fails on bad LaTeX, on a dollar sign without a partner, on links and anchors that lead nowhere, and on scripts, styles or images from elsewhere: the
//! book is to be read offline.

mod formulas;
mod links;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use mdbook_driver::MDBook;

fn main() -> ExitCode {
    match build() {
        Ok(line) => {
            println!("{line}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn build() -> Result<String> {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let root = arguments.next().unwrap_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(".."));
    let mut book = MDBook::load(&root)?;
    if let Some(destination) = arguments.next() {
        // mdBook takes a relative folder to be in the book's.
        book.config.build.build_dir = std::path::absolute(destination)?;
    }
    let pages = book.build_dir_for("html");
    book.with_preprocessor(formulas::Formulas);
    book.build()?;
    // Older mdBooks put pages into a folder of the renderer's name.
    let checked = links::check(&pages).with_context(|| format!("in {}", pages.display()))?;
    if !checked.wrong.is_empty() {
        bail!("{}", checked.wrong.join("\n"));
    }
    Ok(format!(
        "{}: {} pages, {} links and anchors checked",
        pages.join("index.html").display(),
        checked.pages,
        checked.links
    ))
}
