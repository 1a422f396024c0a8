//! A series of throughputs, and the link that it makes.

use std::path::Path;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::column;
use super::file::{self, is_json, name_of, short};
use crate::dnn;
use crate::error::InputError;
use crate::problem::Valid;
use crate::range;

/// A series of throughputs, used as a cycle: after the last comes the first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Throughputs {
    /// Its name, for people.
    pub id: String,
    /// What it is and where it comes from, for people.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub about: String,
    /// Throughputs, in bytes/s; 0 where nothing got through. Shape (samples,).
    pub bytes_per_s: Vec<f64>,
}

/// The unit of a column of throughputs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Unit {
    name: &'static str,
    bytes_per_s: f64,
}

/// All units.
const UNITS: [Unit; 5] = [
    Unit { name: "bit/s", bytes_per_s: 0.125 },
    Unit { name: "kbit/s", bytes_per_s: 125.0 },
    Unit { name: "Mbit/s", bytes_per_s: 1.25e5 },
    Unit { name: "Gbit/s", bytes_per_s: 1.25e8 },
    Unit { name: "byte/s", bytes_per_s: 1.0 },
];

impl Unit {
    /// bit/s.
    pub const BIT_PER_S: Self = UNITS[0];

    /// Its name.
    pub fn name(self) -> &'static str {
        self.name
    }

    /// So many of it, in bytes/s.
    pub fn bytes_per_s(self, number: f64) -> f64 {
        number * self.bytes_per_s
    }
}

impl FromStr for Unit {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        UNITS.into_iter().find(|unit| unit.name == text).ok_or_else(|| {
            let names = UNITS.map(|unit| unit.name);
            format!("choose from: {}", names.join(", "))
        })
    }
}

impl Throughputs {
    /// Reads a series: `.json` as `offcut traces rates --series` writes it, anything else as a CSV with one column of throughputs in bit/s. (Where
    /// only ratios count, the unit does not matter.)
    ///
    /// # Errors
    /// [`InputError`] with file, line and remedy.
    pub fn read(path: &Path) -> Result<Self, InputError> {
        if !is_json(path) {
            return Self::import(path, None, Unit::BIT_PER_S);
        }
        file::json(path, "give a series, as offcut traces rates --series writes it, or a CSV")
    }

    /// Makes a series of a CSV of throughputs, in the column of a name or in the only one.
    ///
    /// # Errors
    /// [`InputError`] with file, line and remedy: no such column, no number, a negative one, nothing at all, or nothing but 0.
    pub fn import(path: &Path, column: Option<&str>, unit: Unit) -> Result<Self, InputError> {
        file::read(path, |bytes| Self::parse(name_of(path), bytes, column, unit))
    }

    /// As [`Self::import`], from the bytes of a CSV.
    ///
    /// # Errors
    /// As [`Self::import`].
    pub fn parse(id: String, bytes: &[u8], column: Option<&str>, unit: Unit) -> Result<Self, InputError> {
        let mut bytes_per_s = Vec::new();
        let is_number = |cell: &str| cell.parse::<f64>().is_ok();
        column::each(bytes, column, is_number, |line, cell| {
            let place = || format!("line {line}");
            let number: f64 = cell.parse().map_err(|_| {
                let what = format!("'{}' is not a number", short(cell));
                InputError::at(place(), what, format!("give throughputs in {}", unit.name))
            })?;
            range::not_negative(place, number)?;
            bytes_per_s.push(unit.bytes_per_s(number));
            Ok(())
        })?;
        let series = Self { id, about: String::new(), bytes_per_s };
        series.validate()?;
        Ok(series)
    }

    /// The arithmetic mean, in bytes/s: what a connection that never rests gets through in a second.
    pub fn mean(&self) -> f64 {
        self.bytes_per_s.iter().sum::<f64>() / self.bytes_per_s.len() as f64
    }

    /// The harmonic mean, in bytes/s. A transfer takes bytes over rate, so the rate with the same mean time is the harmonic mean; the arithmetic one would
    /// promise too short a time.
    ///
    /// # Errors
    /// If a throughput is 0: a transfer would never end.
    /// ```
    /// use offcut_instances::traces::{Throughputs, Unit};
    /// let series = Throughputs::parse("toy".into(), b"rate\n2\n6\n", None, "byte/s".parse().unwrap()).unwrap();
    /// assert_eq!((series.mean(), series.harmonic_mean()), (4.0, Ok(3.0)));
    /// ```
    pub fn harmonic_mean(&self) -> Result<f64, InputError> {
        let zeros = self.zeros();
        if zeros > 0 {
            let what =
                format!("has {zeros} of {} throughputs of 0: a transfer would never end", self.bytes_per_s.len());
            return Err(InputError::at("", what, "leave them out (--drop-zeros) if nothing was sent at these times"));
        }
        let inverse: f64 = self.bytes_per_s.iter().map(|rate| 1.0 / rate).sum();
        Ok(self.bytes_per_s.len() as f64 / inverse)
    }

    /// How many throughputs are 0.
    pub fn zeros(&self) -> usize {
        self.bytes_per_s.iter().filter(|rate| **rate == 0.0).count()
    }

    /// The same without throughputs of 0.
    #[must_use]
    pub fn without_zeros(mut self) -> Self {
        self.bytes_per_s.retain(|rate| *rate > 0.0);
        self
    }

    /// The link of the harmonic mean, with this round-trip time in seconds.
    ///
    /// # Errors
    /// As [`Self::harmonic_mean`], and if the round-trip time is negative or not finite.
    pub fn link(&self, rtt_s: f64) -> Result<dnn::Link, InputError> {
        let about = match &self.about[..] {
            "" => format!("harmonic mean of {} measured throughputs", self.bytes_per_s.len()),
            about => format!("{about}; harmonic mean of {} measured throughputs", self.bytes_per_s.len()),
        };
        let uplink_bytes_per_s = self.harmonic_mean()?;
        let link = dnn::Link { id: self.id.clone().into(), about: about.into(), uplink_bytes_per_s, rtt_s };
        link.validate()?;
        Ok(link)
    }
}

impl Valid for Throughputs {
    fn validate(&self) -> Result<(), InputError> {
        for (k, rate) in self.bytes_per_s.iter().enumerate() {
            range::not_negative(|| format!("bytes_per_s[{k}]"), *rate)?;
        }
        if self.bytes_per_s.iter().all(|rate| *rate == 0.0) {
            let what = if self.bytes_per_s.is_empty() { "has no throughputs" } else { "has no throughput above 0" };
            return Err(InputError::at("", what, "give at least one, one a row; --column names the column"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(csv: &str, column: Option<&str>, unit: &str) -> Result<Throughputs, String> {
        let unit: Unit = unit.parse()?;
        Throughputs::parse("toy".into(), csv.as_bytes(), column, unit).map_err(|error| error.to_string())
    }

    #[test]
    fn by_hand() {
        let csv = "second,down,up\n1,40,8\n2,40,24\n3,40,12\n";
        let series = parsed(csv, Some("up"), "Mbit/s").expect("numbers");
        assert_eq!(series.bytes_per_s, [1e6, 3e6, 1.5e6]);
        // 3 / (1 + 1/3 + 2/3) = 1.5 Mbyte/s; the arithmetic mean is 1.83.
        let link = series.link(0.01).expect("no zeros");
        assert!((link.uplink_bytes_per_s - 1.5e6).abs() < 1e-3 && link.rtt_s == 0.01, "{link:?}");
        assert!(link.about.contains("harmonic mean of 3"));
        // One megabyte at each rate in turn takes as long as three at the harmonic mean.
        let total_s: f64 = series.bytes_per_s.iter().map(|rate| 1e6 / rate).sum();
        assert!((total_s - 3e6 / link.uplink_bytes_per_s).abs() < 1e-9);
        for (unit, expected) in [("bit/s", 1.0), ("kbit/s", 1e3), ("Gbit/s", 1e9), ("byte/s", 8.0)] {
            assert_eq!(parsed("8\n8\n", None, unit).expect("no header").bytes_per_s, [expected, expected]);
        }
    }

    #[test]
    fn zeros_are_told() {
        let series = parsed("up\n8\n0\n8\n", None, "bit/s").expect("zeros may stand in a series");
        assert_eq!((series.zeros(), series.mean()), (1, 2.0 / 3.0));
        let told = series.link(0.0).expect_err("never ends").to_string();
        assert!(told.contains("has 1 of 3 throughputs of 0") && told.contains("--drop-zeros"), "{told}");
        assert_eq!(series.without_zeros().harmonic_mean(), Ok(1.0));
    }

    #[test]
    fn bad_input_is_one_line() {
        for (csv, column, unit, words) in [
            ("up\n", None, "bit/s", "has no throughputs"),
            ("up\n0\n0\n", None, "bit/s", "has no throughput above 0"),
            ("up\n8\nfast\n", None, "Mbit/s", "line 3: 'fast' is not a number; give throughputs in Mbit/s"),
            ("up\n8\nNaN\n", None, "bit/s", "line 3"),
            ("up\n8\n-1\n", None, "bit/s", "line 3"),
            ("up,x\n8,1\n,1\n", Some("up"), "bit/s", "line 3: column 'up' is empty"),
            ("up\n8\n", Some("down"), "bit/s", "has no column 'down'"),
            ("up\n8\n", None, "mbit", "choose from: bit/s, kbit/s, Mbit/s"),
        ] {
            let told = parsed(csv, column, unit).expect_err(csv);
            assert!(told.contains(words) && !told.contains('\n'), "{told}");
        }
    }
}
