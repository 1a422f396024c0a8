//! What stands against answers, told on the terminal; the one place that turns it into an exit code.

use offcut_ledger::{Contradiction, Gate, Row};

use crate::exit::Ending;
use crate::output::{err, out};

/// The most mismatches that are told one by one where they are only part of what is told.
const SHOWN: usize = 20;

/// Tells what stands against `rows`, a line each, and how the command ends. With `is_json` standard output is for JSON, and the lines go to standard
/// error.
pub(crate) fn tell(gate: &Gate, rows: &[Row], is_json: bool) -> Ending {
    let line = |text: String| if is_json { err!("{text}") } else { out!("{text}") };
    for mismatch in gate.mismatches.iter().take(SHOWN) {
        line(format!("MISMATCH {mismatch}"));
    }
    if gate.mismatches.len() > SHOWN {
        line(format!("MISMATCH and {} more", gate.mismatches.len() - SHOWN));
    }
    for text in told_once(&gate.contradictions, rows) {
        line(format!("CONTRADICTION {text}"));
    }
    ending(gate)
}

/// How a command ends that `gate` stands in the way of.
pub(crate) fn ending(gate: &Gate) -> Ending {
    if gate.is_open() { Ending::Good } else { Ending::Rejected }
}

/// A line for every bound that something contradicts: its instance by name, the first objective beyond it, and how many more.
fn told_once(contradictions: &[Contradiction], rows: &[Row]) -> Vec<String> {
    let mut bounds: Vec<(&Contradiction, usize)> = Vec::new();
    for contradiction in contradictions {
        let is_same =
            |known: &Contradiction| known.instance == contradiction.instance && known.bound.0 == contradiction.bound.0;
        match bounds.iter_mut().find(|(known, _)| is_same(known)) {
            Some((_, more)) => *more += 1,
            None => bounds.push((contradiction, 0)),
        }
    }
    let line = |(contradiction, more): (&Contradiction, usize)| {
        let row = rows.iter().find(|row| row.key.instance == contradiction.instance);
        let name = row.map(|row| row.instance.name.as_str()).filter(|name| !name.is_empty());
        let name = name.unwrap_or(&contradiction.instance);
        let Contradiction { objective, bound, .. } = contradiction;
        let says = if bound.1.is_finite() {
            format!("bounds objectives by {}", bound.1)
        } else {
            "says that there is no solution".into()
        };
        let others = if more == 0 { String::new() } else { format!(", and there are {more} more beyond it") };
        format!("{name}: {} {says}; {} has one of {}{others}", bound.0, objective.0, objective.1)
    };
    bounds.into_iter().map(line).collect()
}
