//! Time stamps: seconds as numbers, or dates with a time of day.

use chrono::{DateTime, FixedOffset, NaiveDateTime};

use super::file::short;
use crate::error::InputError;

/// A time stamp as it is written.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Stamp {
    /// Seconds, from anywhere.
    Seconds(f64),
    /// A date and a time of day without a time zone.
    Local(NaiveDateTime),
    /// The same with a time zone, in UTC.
    Zoned(NaiveDateTime),
}

/// What stamps may look like, for messages.
const REMEDY: &str = "give seconds, or dates such as 2023-11-16 18:15:46.6805 or 2023-11-16T18:15:46Z";

impl Stamp {
    /// Reads a stamp; none if it is none. Not-a-number and infinities are none.
    pub(super) fn parse(text: &str) -> Option<Self> {
        if let Ok(seconds) = text.parse::<f64>() {
            return seconds.is_finite().then_some(Self::Seconds(seconds));
        }
        let local = |format: &str| NaiveDateTime::parse_from_str(text, format).ok();
        if let Some(time) = local("%Y-%m-%d %H:%M:%S%.f").or_else(|| local("%Y-%m-%dT%H:%M:%S%.f")) {
            return Some(Self::Local(time));
        }
        text.parse::<DateTime<FixedOffset>>().ok().map(|time| Self::Zoned(time.naive_utc()))
    }

    /// The kind, for messages.
    fn kind(self) -> &'static str {
        match self {
            Self::Seconds(_) => "a number of seconds",
            Self::Local(_) => "a date without a time zone",
            Self::Zoned(_) => "a date with a time zone",
        }
    }

    /// Seconds since `first`, which is of the same kind; none if it is not. Dates are subtracted exactly, to the nanosecond.
    fn since(self, first: Self) -> Option<f64> {
        let between = |a: NaiveDateTime, b: NaiveDateTime| {
            let duration = a.signed_duration_since(b);
            duration.num_seconds() as f64 + f64::from(duration.subsec_nanos()) * 1e-9
        };
        match (self, first) {
            (Self::Seconds(now), Self::Seconds(first)) => Some(now - first),
            (Self::Local(now), Self::Local(first)) | (Self::Zoned(now), Self::Zoned(first)) => {
                Some(between(now, first))
            }
            _ => None,
        }
    }
}

/// Time stamps of one kind, as they come in: seconds since the first.
#[derive(Default)]
pub(super) struct Stamps {
    first: Option<(u64, Stamp)>,
    /// Seconds since the first stamp, in the order of the file.
    pub(super) since_s: Vec<f64>,
}

impl Stamps {
    /// Takes the cell of a line.
    ///
    /// # Errors
    /// [`InputError`] naming the line if it is no time stamp, or one of another kind than the first.
    pub(super) fn take(&mut self, line: u64, cell: &str) -> Result<(), InputError> {
        let place = || format!("line {line}");
        let stamp = Stamp::parse(cell)
            .ok_or_else(|| InputError::at(place(), format!("'{}' is not a time stamp", short(cell)), REMEDY))?;
        let (first_line, first) = *self.first.get_or_insert((line, stamp));
        let since_s = stamp.since(first).ok_or_else(|| {
            let what = format!("is {}, and line {first_line} is {}", stamp.kind(), first.kind());
            InputError::at(place(), what, "write all time stamps in one way")
        })?;
        self.since_s.push(since_s);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(cells: &[&str]) -> Result<Vec<f64>, String> {
        let mut stamps = Stamps::default();
        for (k, cell) in cells.iter().enumerate() {
            stamps.take(k as u64 + 2, cell).map_err(|error| error.to_string())?;
        }
        Ok(stamps.since_s)
    }

    #[test]
    fn seconds_and_dates_are_read() {
        assert_eq!(seconds(&["10", "10.25", "1e1", "-2"]), Ok(vec![0.0, 0.25, 0.0, -12.0]));
        let azure = ["2023-11-16 18:15:46.6805900", "2023-11-16 18:15:50.9951690", "2023-11-17 18:15:46.6805900"];
        let since = seconds(&azure).expect("dates");
        assert!((since[1] - 4.314_579).abs() < 1e-12 && since[2] == 86400.0, "{since:?}");
        assert_eq!(seconds(&["2024-02-28T23:59:59", "2024-03-01T00:00:00"]), Ok(vec![0.0, 86401.0]));
        assert_eq!(seconds(&["2024-02-28T23:59:59Z", "2024-02-29T02:00:00+02:00"]), Ok(vec![0.0, 1.0]));
        assert_eq!(seconds(&["2024-01-01 00:00:00.75", "2024-01-01 00:00:00"]), Ok(vec![0.0, -0.75]));
    }

    #[test]
    fn what_is_no_stamp_is_named_with_its_line() {
        for cell in ["NaN", "inf", "-infinity", "yesterday", "2023-13-01 00:00:00", "2023-11-16", "18:15:46"] {
            let told = seconds(&["1", cell]).expect_err(cell);
            assert!(told.starts_with(&format!("line 3: '{cell}' is not a time stamp")), "{told}");
        }
        let told = seconds(&["1", "2023-11-16 18:15:46"]).expect_err("mixed");
        assert!(told.starts_with("line 3: is a date without a time zone, and line 2 is a number"), "{told}");
        assert!(seconds(&["2023-11-16 18:15:46", "2023-11-16 18:15:46Z"]).is_err());
    }
}
