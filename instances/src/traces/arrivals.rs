//! A trace of arrivals: the gaps between tasks, in their order.

use std::path::Path;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::column;
use super::file::{self, is_json, name_of};
use super::timestamp::{Stamp, Stamps};
use crate::error::InputError;
use crate::problem::Valid;
use crate::range;

/// A trace of arrivals. It is used as a cycle: after the last gap comes the first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Arrivals {
    /// Its name, for people.
    pub id: String,
    /// What it is and where it comes from, for people.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub about: String,
    /// Time from each task to the next, in seconds; 0 where two came at once. Shape (tasks - 1,).
    pub gaps_s: Vec<f64>,
}

/// A trace made of time stamps.
#[derive(Clone, Debug, PartialEq)]
pub struct Imported {
    /// The trace.
    pub arrivals: Arrivals,
    /// Time stamps that were earlier than one above them; all were sorted.
    pub unsorted: usize,
}

impl Arrivals {
    /// Reads a trace: `.json` as `offcut traces arrivals` writes it, anything else as a CSV with one column of time stamps.
    ///
    /// # Errors
    /// [`InputError`] with file, line and remedy.
    pub fn read(path: &Path) -> Result<Self, InputError> {
        if !is_json(path) {
            return Self::import(path, None).map(|imported| imported.arrivals);
        }
        file::json(path, "give a trace, as offcut traces arrivals writes it, or a CSV")
    }

    /// Makes a trace of a CSV of time stamps, in the column of a name or in the only one. Stamps out of order are sorted.
    ///
    /// # Errors
    /// [`InputError`] with file, line and remedy: no such column, no time stamp, fewer than two, or all at one time.
    pub fn import(path: &Path, column: Option<&str>) -> Result<Imported, InputError> {
        file::read(path, |bytes| Self::parse(name_of(path), bytes, column))
    }

    /// As [`Self::import`], from the bytes of a CSV.
    ///
    /// # Errors
    /// As [`Self::import`].
    /// ```
    /// use offcut_instances::traces::Arrivals;
    /// let trace = Arrivals::parse("toy".into(), b"at\n0\n1\n4\n", None).expect("three stamps").arrivals;
    /// assert_eq!((trace.rate_per_s(), trace.scv()), (0.5, 0.25));
    /// ```
    pub fn parse(id: String, bytes: &[u8], column: Option<&str>) -> Result<Imported, InputError> {
        let mut stamps = Stamps::default();
        column::each(bytes, column, |cell| Stamp::parse(cell).is_some(), |line, cell| stamps.take(line, cell))?;
        let mut times = stamps.since_s;
        if times.len() < 2 {
            let what = format!("has {} time stamps", times.len());
            return Err(InputError::at("", what, "give at least two, one a row; --column names the column"));
        }
        let mut latest = f64::NEG_INFINITY;
        let is_early = |time: &&f64| {
            let early = **time < latest;
            latest = latest.max(**time);
            early
        };
        let unsorted = times.iter().filter(is_early).count();
        if unsorted > 0 {
            times.sort_by(f64::total_cmp);
        }
        let gaps_s = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
        let arrivals = Self { id, about: String::new(), gaps_s };
        arrivals.validate()?;
        Ok(Imported { arrivals, unsorted })
    }

    /// Time from the first task to the last, in seconds: the length of the cycle.
    pub fn span_s(&self) -> f64 {
        self.gaps_s.iter().sum()
    }

    /// Tasks per second.
    pub fn rate_per_s(&self) -> f64 {
        self.gaps_s.len() as f64 / self.span_s()
    }

    /// Squared coefficient of variation of the gaps: their variance over the square of their mean. A Poisson process has 1, a clock 0.
    pub fn scv(&self) -> f64 {
        self.dispersion_over(1)
    }

    /// Index of dispersion for intervals over `k` gaps: the variance of the sum of `k` gaps in a row over `k` times the square of the mean gap. It is
    /// the same for all `k` if gaps are independent; it grows with `k` if bursts remember. Sums are taken over stretches that do not overlap.
    ///
    /// # Panics
    /// If there are fewer than `k` gaps, or `k` is 0.
    fn dispersion_over(&self, k: usize) -> f64 {
        let mean = self.span_s() / self.gaps_s.len() as f64;
        let sums: Vec<f64> = self.gaps_s.chunks_exact(k).map(|gaps| gaps.iter().sum()).collect();
        let centre = sums.iter().sum::<f64>() / sums.len() as f64;
        let variance = sums.iter().map(|sum| (sum - centre) * (sum - centre)).sum::<f64>() / sums.len() as f64;
        variance / (k as f64 * mean * mean)
    }

    /// The greatest index of dispersion over 1, 2, 4, ... gaps, as long as twenty stretches are left, and over how many gaps that is.
    pub fn dispersion(&self) -> (f64, usize) {
        let lengths =
            std::iter::successors(Some(1), |k| Some(2 * k)).take_while(|k| *k == 1 || 20 * k <= self.gaps_s.len());
        let all = lengths.map(|k| (self.dispersion_over(k), k));
        all.max_by(|a, b| a.0.total_cmp(&b.0)).expect("one or more")
    }
}

impl Valid for Arrivals {
    fn validate(&self) -> Result<(), InputError> {
        for (k, gap) in self.gaps_s.iter().enumerate() {
            range::not_negative(|| format!("gaps_s[{k}]"), *gap)?;
        }
        if self.gaps_s.is_empty() {
            return Err(InputError::at("gaps_s", "is empty", "give at least one gap"));
        }
        if self.span_s() == 0.0 {
            return Err(InputError::at("", "has all tasks at one time", "give time stamps that differ"));
        }
        Ok(())
    }
}

/// A trace as a cycle in which tasks can be counted.
pub(crate) struct Cycle {
    /// When each task comes, after the start of the cycle, in seconds; the last one ends it. Shape (gaps,).
    at_s: Vec<f64>,
}

impl Cycle {
    /// The cycle of a trace.
    pub(crate) fn new(arrivals: &Arrivals) -> Self {
        let mut clock = 0.0;
        let at = |gap: &f64| {
            clock += gap;
            clock
        };
        Self { at_s: arrivals.gaps_s.iter().map(at).collect() }
    }

    /// Its length, in seconds.
    pub(crate) fn length_s(&self) -> f64 {
        self.at_s[self.at_s.len() - 1]
    }

    /// Tasks per second.
    pub(crate) fn rate_per_s(&self) -> f64 {
        self.at_s.len() as f64 / self.length_s()
    }

    /// Tasks from just after the start of the first cycle up to a time.
    fn tasks_until(&self, time_s: f64) -> f64 {
        let cycles = (time_s / self.length_s()).floor();
        let rest_s = time_s - cycles * self.length_s();
        cycles * self.at_s.len() as f64 + self.at_s.partition_point(|at| *at <= rest_s) as f64
    }

    /// Tasks after `from_s` and up to `from_s + length_s`; the cycle repeats.
    pub(crate) fn tasks(&self, from_s: f64, length_s: f64) -> f64 {
        self.tasks_until(from_s + length_s) - self.tasks_until(from_s)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Stream;

    fn parsed(csv: &str, column: Option<&str>) -> Result<Imported, String> {
        Arrivals::parse("toy".into(), csv.as_bytes(), column).map_err(|error| error.to_string())
    }

    #[test]
    fn by_hand() {
        // Gaps 1, 3, 0, 4: mean 2, variance (1 + 1 + 4 + 4) / 4.
        let csv = "TIMESTAMP,tokens\n2023-11-16 18:00:00.0,5\n2023-11-16 18:00:01.0,7\n2023-11-16 18:00:04.0,1\n\
                   2023-11-16 18:00:04.0,1\n2023-11-16 18:00:08.0,2\n";
        let imported = parsed(csv, Some("TIMESTAMP")).expect("four gaps");
        assert_eq!((imported.arrivals.gaps_s.clone(), imported.unsorted), (vec![1.0, 3.0, 0.0, 4.0], 0));
        assert_eq!((imported.arrivals.rate_per_s(), imported.arrivals.scv()), (0.5, 0.625));
        // The second column, unsorted; no header at all.
        let tokens = parsed(csv, Some("tokens")).expect("numbers are seconds");
        assert_eq!((tokens.arrivals.gaps_s, tokens.unsorted), (vec![0.0, 1.0, 3.0, 2.0], 3));
        assert_eq!(parsed("3\n1\n2\n", None).expect("no header").arrivals.gaps_s, [1.0, 1.0]);
    }

    #[test]
    fn bad_input_is_one_line() {
        for (csv, column, words) in [
            ("at\n", None, "has 0 time stamps"),
            ("at\n5\n", None, "has 1 time stamps"),
            ("at\n5\nsoon\n", None, "line 3: 'soon' is not a time stamp"),
            ("at\n5\nNaN\n", None, "line 3: 'NaN' is not a time stamp"),
            ("at,x\n5,1\n,1\n", None, "line 1: has 2 columns: at, x; say which one by --column"),
            ("at,x\n5,1\n,1\n", Some("at"), "line 3: column 'at' is empty"),
            ("x,at\n1,5\n1,\n", Some("at"), "line 3: column 'at' is empty"),
            ("at,x\n5,1\n", Some("when"), "line 1: has no column 'when'; choose from: at, x"),
            ("at,x\n5,1\n6\n", Some("at"), "line 3: has 1 columns where line 1 has 2"),
            ("at\n5\n5\n5\n", None, "all tasks at one time"),
            ("at\n0\n1e300\n", None, "gaps_s[0]"),
        ] {
            let told = parsed(csv, column).expect_err(csv);
            assert!(told.contains(words) && !told.contains('\n'), "{told}");
        }
        assert!(
            Arrivals::parse("x".into(), b"at\n\xff\xfe\n1\n", None).is_err_and(|e| e.to_string().contains("UTF-8"))
        );
    }

    #[test]
    fn dispersion_tells_bursts_from_spread() {
        let mut stream = Stream::new(&["dispersion"], 1);
        let trace = |gaps_s: Vec<f64>| Arrivals { id: "x".into(), about: String::new(), gaps_s };
        let poisson = trace((0..20_000).map(|_| -libm::log1p(-stream.unit())).collect());
        let (most, _) = poisson.dispersion();
        assert!((poisson.scv() - 1.0).abs() < 0.05 && most < 2.0, "{} {most}", poisson.scv());
        // Hundred short gaps, hundred long ones, ...: their spread is small, that of long sums is not.
        let bursts = trace((0..20_000).map(|k| if k / 100 % 2 == 0 { 0.5 } else { 1.5 }).collect());
        assert_eq!(bursts.scv(), 0.25);
        let (most, over) = bursts.dispersion();
        assert!(most > 8.0 && over >= 32, "{most} over {over}");
    }

    #[test]
    fn tasks_of_a_cycle_are_those_that_a_walk_finds() {
        let trace = Arrivals { id: "x".into(), about: String::new(), gaps_s: vec![0.5, 0.0, 2.0, 1.0, 0.25] };
        let cycle = Cycle::new(&trace);
        assert_eq!((cycle.length_s(), cycle.rate_per_s()), (3.75, 5.0 / 3.75));
        for (from_s, length_s) in
            [(0.0, 0.5), (0.0, 3.75), (0.5, 2.0), (3.0, 1.5), (3.7, 20.0), (1.0, 0.1), (11.25, 0.5)]
        {
            let (mut clock, mut walked) = (0.0, 0.0);
            for gap in trace.gaps_s.iter().cycle().take(100) {
                clock += gap;
                walked += f64::from(u8::from(clock > from_s && clock <= from_s + length_s));
            }
            assert_eq!(cycle.tasks(from_s, length_s), walked, "{from_s} {length_s}");
        }
    }
}
