//! The error of every reader: bad input, in one line.

use std::path::{Path, PathBuf};

use crate::terminal::OneLine;

/// Bad input, told in one line: the file, the place in it, what is wrong, what to do. Its text is that of the first error; [`InputError::all`] has the others.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct InputError {
    /// The file, where there is one.
    pub file: Option<PathBuf>,
    /// The place in the document, e.g. `users[3].rtt_s`; empty for the document as a whole.
    pub at: String,
    /// What is wrong.
    pub what: String,
    /// What would make it right.
    pub remedy: String,
    /// Further errors of the same input, in its order; none has others of its own.
    pub others: Vec<InputError>,
}

impl std::fmt::Display for InputError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        use std::fmt::Write as _;
        let mut line = OneLine(f);
        if let Some(file) = &self.file {
            write!(line, "{}: ", file.display())?;
        }
        if !self.at.is_empty() {
            write!(line, "{}: ", self.at)?;
        }
        write!(line, "{}; {}", self.what, self.remedy)
    }
}

impl InputError {
    /// An error at a place of a document.
    pub fn at(place: impl Into<String>, what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { file: None, at: place.into(), what: what.into(), remedy: remedy.into(), others: Vec::new() }
    }

    /// All errors: this one and the others.
    pub fn all(&self) -> impl Iterator<Item = &Self> {
        std::iter::once(self).chain(&self.others)
    }

    /// The same error, with the file it is in.
    #[must_use]
    pub fn in_file(self, file: &Path) -> Self {
        let others = self.others.into_iter().map(|other| other.in_file(file)).collect();
        Self { file: Some(file.to_owned()), others, ..self }
    }

    /// The same error, with `prefix` before its place.
    #[must_use]
    pub fn below(mut self, prefix: impl std::fmt::Display) -> Self {
        let prefix = prefix.to_string();
        let place = |at: &str| match at {
            "" => prefix.clone(),
            at if at.starts_with('[') => format!("{prefix}{at}"),
            at => format!("{prefix}.{at}"),
        };
        self.at = place(&self.at);
        self.others.iter_mut().for_each(|other| other.at = place(&other.at));
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_one_line_whatever_it_quotes() {
        let error = InputError::at("a\nb", "is '\u{1b}[2J\r\n'", "rename é").in_file(Path::new("c\td.json"));
        assert_eq!(error.to_string(), r"c\td.json: a\nb: is '\u{1b}[2J\r\n'; rename é");
    }
}
