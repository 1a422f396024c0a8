//! Lists of names in sentences.

/// Names as far as they can be read, or how many they are.
pub(super) fn listed(names: &[&str]) -> String {
    if names.len() <= MOST_NAMES { names.join(", ") } else { format!("{} methods", names.len()) }
}

/// More names than this nobody reads.
const MOST_NAMES: usize = 10;
