//! Lists of names in sentences.

/// Names as far as they can be read, or how many they are.
pub(super) fn listed(names: &[&str]) -> String {
    if names.len() <= MAX_NAMES { names.join(", ") } else { format!("{} methods", names.len()) }
}

/// The most names that are listed.
const MAX_NAMES: usize = 10;
