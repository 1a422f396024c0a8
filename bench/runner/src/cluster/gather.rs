//! The rows of all tasks become those of the run.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use offcut_checker::Checkable;
use offcut_instances::document::InputError;
use offcut_ledger::evidence::Mismatch;
use offcut_ledger::{Row, Store, store};

use super::layout::Layout;
use crate::run::{Folder, Instances, Merged, copy_row, replace};

/// Brings rows, answers, instances, logs and measurements of the reference cell of all tasks into the run's folder. Whoever calls it has the lock of the run. Where several have
/// a row of the same key the first that holds to its answer counts.
///
/// # Errors
/// [`InputError`] if a folder cannot be used.
pub fn gather<P: Checkable>(folder: &Folder) -> Result<Merged, InputError> {
    let layout = Layout::of(folder);
    let parts = layout.parts();
    let mut merged = Merged::default();
    if parts.is_empty() {
        return Ok(merged);
    }
    folder.create()?;
    let (mut rows, there) = Store::open(&folder.rows())?;
    let mut done: HashSet<String> = there.iter().map(|row| row.key.line()).collect();
    let mut instances = Instances::new();
    // By key: a row that does not hold matters only if no other does.
    let mut off: HashMap<String, Mismatch> = HashMap::new();
    for path in &parts {
        let part = Folder::at(path);
        for row in rows_of(&part, &mut merged.mismatches) {
            let key = row.key.line();
            if done.contains(&key) {
                continue;
            }
            if let Err(what) = copy_row::<P>(folder, &part, &row, &mut instances)? {
                let what = format!("{what}, in {}", path.display());
                off.entry(key.clone()).or_insert_with(|| Mismatch::of(&row, &part.answer(&key), what));
                continue;
            }
            if let Ok(log) = std::fs::read(part.log(&key)) {
                replace(&folder.log(&key), &log)?;
            }
            rows.append(&row)?;
            done.insert(key);
            merged.new += 1;
        }
    }
    merged.mismatches.extend(off.into_iter().filter(|(key, _)| !done.contains(key)).map(|(_, mismatch)| mismatch));
    bring_references(folder, &layout, &parts)?;
    Ok(merged)
}

/// The rows of a task. A file that cannot be read is told as a mismatch: its cells are run again.
pub(crate) fn rows_of(part: &Folder, mismatches: &mut Vec<Mismatch>) -> Vec<Row> {
    if !part.rows().exists() {
        return Vec::new();
    }
    store::read(&part.rows()).unwrap_or_else(|error| {
        let file = part.rows().display().to_string();
        mismatches.push(Mismatch { row: "all rows of a task".into(), file, what: error.to_string() });
        Vec::new()
    })
}

/// The measurements of the reference cell: those that were there before, and those of all tasks.
fn bring_references(folder: &Folder, layout: &Layout, parts: &[std::path::PathBuf]) -> Result<(), InputError> {
    let lines = |path: &Path| {
        let text = std::fs::read_to_string(path).unwrap_or_default();
        text[..text.rfind('\n').map_or(0, |end| end + 1)].to_owned()
    };
    let before = layout.reference_before();
    if !before.exists() {
        replace(&before, lines(&folder.reference()).as_bytes())?;
    }
    let all: String =
        std::iter::once(lines(&before)).chain(parts.iter().map(|part| lines(&Folder::at(part).reference()))).collect();
    if all == lines(&folder.reference()) { Ok(()) } else { replace(&folder.reference(), all.as_bytes()) }
}
