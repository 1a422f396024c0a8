//! Rows of a run in which programs do what they should not.

use std::path::Path;

use serde_json::Value;

/// Name, program, and the status, a word of the reason and a word of how its process ended that its row must have.
pub type Misbehaving = (&'static str, &'static str, &'static str, &'static str, &'static str);

/// All rows of the run in a folder.
pub struct Rows(Vec<Value>);

impl Rows {
    pub fn read(run: &Path) -> Self {
        let rows = std::fs::read_to_string(run.join("rows.jsonl")).expect("there");
        Self(rows.lines().map(|line| serde_json::from_str(line).expect("a row")).collect())
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The row of a method.
    pub fn of(&self, name: &str) -> &Value {
        self.0.iter().find(|row| row["key"]["method"] == name).expect("a row")
    }

    /// Every program has the row it must have, and so has the one called `absent`, which is not there.
    pub fn assert_told(&self, programs: &[Misbehaving]) {
        for (name, _, status, reason, ended) in programs {
            let row = self.of(name);
            assert_eq!(row["status"], *status, "{name}: {row}");
            assert!(row["stop"].to_string().contains(reason), "{name}: {row}");
            assert!(row["process"]["ended"].as_str().expect("text").contains(ended), "{name}: {row}");
        }
        let absent = self.of("absent");
        assert_eq!(absent["status"], "crash");
        assert!(absent["stop"].to_string().contains("cannot be started"), "{absent}");
    }
}
