//! Numbers as text, always in the same form.

/// What an absent number is printed as.
pub const ABSENT: &str = "–";

/// `digits` significant digits, thousands separated, without an exponent unless the number is very small or very large.
/// ```
/// use offcut_reports::numbers::significant;
/// assert_eq!(significant(1234.5678, 4), "1,235");
/// assert_eq!(significant(0.012345, 4), "0.01235");
/// assert_eq!(significant(0.0, 4), "0");
/// ```
pub fn significant(value: f64, digits: usize) -> String {
    if value == 0.0 {
        return "0".into();
    }
    if !value.is_finite() {
        return ABSENT.into();
    }
    // Through the exponent form, so that 9.9996 counts as 10.00.
    let exponent_form = format!("{value:.*e}", digits - 1);
    let (mantissa, exponent) = exponent_form.split_once('e').expect("an exponent");
    let exponent: i32 = exponent.parse().expect("an integer");
    if !(-4..=9).contains(&exponent) {
        return format!("{mantissa}e{exponent}");
    }
    let decimals = (digits as i32 - 1 - exponent).max(0) as usize;
    separate(&format!("{value:.decimals$}"))
}

/// A whole number with its thousands separated.
pub fn whole(value: u64) -> String {
    separate(&value.to_string())
}

/// So many instances, in words.
/// ```
/// use offcut_reports::numbers::instances;
/// assert_eq!([instances(1), instances(1200)], ["1 instance", "1,200 instances"]);
/// ```
pub fn instances(count: usize) -> String {
    format!("{} instance{}", whole(count as u64), if count == 1 { "" } else { "s" })
}

fn separate(text: &str) -> String {
    let (sign, rest) = text.strip_prefix('-').map_or(("", text), |rest| ("-", rest));
    let (integer, fraction) = rest.split_once('.').map_or((rest, None), |(i, f)| (i, Some(f)));
    let mut grouped = String::new();
    for (at, digit) in integer.chars().enumerate() {
        // Four digits stay together only if a group would be a lone digit before a fraction: they never do here.
        if at > 0 && (integer.len() - at) % 3 == 0 {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    match fraction {
        Some(fraction) => format!("{sign}{grouped}.{fraction}"),
        None => format!("{sign}{grouped}"),
    }
}

/// A relative gap in percent: `0` if it is within `tolerance`, else three decimals, or one significant digit if it would
/// round to 0.
/// ```
/// use offcut_reports::numbers::percent;
/// assert_eq!((percent(1e-12, 1e-9), percent(0.01234, 1e-9)), ("0".into(), "1.234".into()));
/// assert_eq!(percent(3e-8, 1e-9), "3e-6");
/// ```
pub fn percent(gap: f64, tolerance: f64) -> String {
    let percent = gap * 100.0;
    if gap.abs() <= tolerance {
        "0".into()
    } else if percent.abs() < 5e-4 {
        format!("{percent:.0e}")
    } else if percent.abs() < 100.0 {
        format!("{percent:.3}")
    } else {
        separate(&format!("{percent:.1}"))
    }
}

/// `decimals` digits behind the point; what rounds to 0 has no sign.
/// ```
/// use offcut_reports::numbers::fixed;
/// assert_eq!((fixed(-0.04, 1), fixed(-0.06, 1), fixed(12.345, 2)), ("0.0".into(), "-0.1".into(), "12.35".into()));
/// ```
pub fn fixed(value: f64, decimals: usize) -> String {
    let text = format!("{value:.decimals$}");
    let is_zero = text.bytes().all(|byte| matches!(byte, b'-' | b'0' | b'.'));
    text.strip_prefix('-').filter(|_| is_zero).map_or(text.clone(), str::to_owned)
}

/// What the mean of a quantity is called: `mean delay` of a `delay` and of a `mean delay`.
/// ```
/// use offcut_reports::numbers::mean_of;
/// assert_eq!((mean_of("mean delay (s)"), mean_of("delay")), ("mean delay (s)".into(), "mean delay".into()));
/// ```
pub fn mean_of(name: &str) -> String {
    if name.starts_with("mean ") { name.to_owned() } else { format!("mean {name}") }
}

/// A number for a data file: ten significant digits, no separators.
pub fn data(value: f64) -> String {
    if value == 0.0 {
        return "0".into();
    }
    let rounded: f64 = format!("{value:.9e}").parse().expect("a number");
    let size = rounded.abs();
    if (1e-4..1e15).contains(&size) { format!("{rounded}") } else { format!("{rounded:e}") }
}

/// A scale that a unit is printed in: values are multiplied by `factor`.
#[derive(Clone, Debug, PartialEq)]
pub struct Scale {
    /// What values are multiplied by.
    pub factor: f64,
    /// The unit after that; empty if there is none.
    pub unit: String,
}

impl Scale {
    /// The scale in which the typical (median) size among `values` is between 1 and 1000, for units that take prefixes.
    /// ```
    /// use offcut_reports::numbers::Scale;
    /// assert_eq!(Scale::fitting(&[0.02, 0.3], "s").unit, "ms");
    /// assert_eq!(Scale::fitting(&[0.02, 0.3], "").factor, 1.0);
    /// ```
    pub fn fitting(values: &[f64], unit: &str) -> Self {
        const PREFIXES: [(f64, &str); 8] =
            [(1e-9, "n"), (1e-6, "µ"), (1e-3, "m"), (1.0, ""), (1e3, "k"), (1e6, "M"), (1e9, "G"), (1e12, "T")];
        let plain = Self { factor: 1.0, unit: unit.to_owned() };
        let sizes: Vec<f64> = values.iter().map(|v| v.abs()).filter(|v| *v > 0.0 && v.is_finite()).collect();
        let Some(typical) = crate::statistics::median(&sizes) else { return plain };
        let may_grow = matches!(unit, "J" | "W" | "Hz" | "bytes" | "B" | "bytes/s" | "B/s" | "MAC/s" | "bit/s");
        if unit != "s" && !may_grow {
            return plain;
        }
        let fits = PREFIXES.iter().rev().find(|(size, prefix)| {
            *size <= typical && (may_grow || *size <= 1.0) && (*size >= 1.0 || matches!(unit, "s" | "J" | "W"))
                || prefix.is_empty() && !matches!(unit, "s" | "J" | "W")
        });
        let (size, prefix) = fits.unwrap_or(&PREFIXES[0]);
        Self { factor: 1.0 / size, unit: format!("{prefix}{unit}") }
    }

    /// `name` with the unit, as over a column or beside an axis.
    pub fn label(&self, name: &str) -> String {
        if self.unit.is_empty() { name.to_owned() } else { format!("{name} ({})", self.unit) }
    }
}

/// A duration with a unit that fits it.
/// ```
/// assert_eq!(offcut_reports::numbers::duration(0.001234), "1.23 ms");
/// ```
pub fn duration(seconds: f64) -> String {
    if seconds == 0.0 {
        return "0 s".into();
    }
    let scale = Scale::fitting(&[seconds], "s");
    format!("{} {}", significant(seconds * scale.factor, 3), scale.unit)
}

/// A duration as a tick: as few digits as it takes, with a unit that fits it.
/// ```
/// use offcut_reports::numbers::duration_tick;
/// assert_eq!((duration_tick(1e-5), duration_tick(0.1), duration_tick(30.0)), ("10 µs".into(), "100 ms".into(), "30 s".into()));
/// ```
pub fn duration_tick(seconds: f64) -> String {
    // Slightly more, so that a power of ten that rounding made smaller keeps the unit of the power.
    let scale = Scale::fitting(&[seconds * (1.0 + 1e-9)], "s");
    format!("{} {}", short(seconds * scale.factor), scale.unit)
}

/// Bytes in binary units.
pub fn bytes(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["bytes", "KiB", "MiB", "GiB", "TiB"];
    let mut value = bytes as f64;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    if unit == 0 { format!("{bytes} bytes") } else { format!("{value:.1} {}", UNITS[unit]) }
}

/// A tick or an axis value: at most five significant digits, with an engineering prefix from 10,000 on.
/// ```
/// use offcut_reports::numbers::tick;
/// assert_eq!((tick(0.1), tick(100.0), tick(2.5e6)), ("0.1".into(), "100".into(), "2.5M".into()));
/// ```
pub fn tick(value: f64) -> String {
    for (size, prefix) in [(1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")] {
        if value.abs() >= size * 0.999_999 && (value.abs() >= 9999.0 || prefix != "k") {
            return format!("{}{prefix}", short(value / size));
        }
    }
    short(value)
}

fn short(value: f64) -> String {
    if value == 0.0 {
        return "0".into();
    }
    let rounded: f64 = format!("{value:.4e}").parse().expect("a number");
    if rounded.abs() < 1e-4 { format!("{rounded:e}") } else { format!("{rounded}") }
}

/// A date and time of day in UTC from seconds since 1970.
/// ```
/// assert_eq!(offcut_reports::numbers::utc(951_782_400), "2000-02-29 00:00 UTC");
/// ```
pub fn utc(unix_s: u64) -> String {
    let of_day = unix_s % 86_400;
    format!("{} {:02}:{:02} UTC", offcut_ledger::library::date(unix_s), of_day / 3600, of_day % 3600 / 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_their_form() {
        let forms = [(0.1, "0.1000"), (9.9996, "10.00"), (1e-7, "1.000e-7"), (123_456.7, "123,457"), (-0.5, "-0.5000")];
        for (value, text) in forms {
            assert_eq!(significant(value, 4), text);
        }
        assert_eq!(percent(5.5, 1e-9), "550.0");
        assert_eq!(percent(50.123, 1e-9), "5,012.3");
        assert_eq!(data(1.0 / 3.0), "0.3333333333");
        assert_eq!(data(1e-9), "1e-9");
        assert_eq!(whole(1_234_567), "1,234,567");
        assert_eq!(bytes(3 << 30), "3.0 GiB");
    }

    #[test]
    fn dates_are_the_calendar_s() {
        assert_eq!(utc(0), "1970-01-01 00:00 UTC");
        assert_eq!(utc(1_795_228_209), "2026-11-21 02:30 UTC");
    }

    #[test]
    fn scales_fit() {
        assert_eq!(Scale::fitting(&[2e6, 5e6], "bytes/s").unit, "Mbytes/s");
        assert_eq!(Scale::fitting(&[3e-5], "s").unit, "µs");
        assert_eq!(Scale::fitting(&[300.0, 1e5], "s").unit, "s");
        assert_eq!(Scale::fitting(&[0.5], "bytes").unit, "bytes");
        assert_eq!(Scale::fitting(&[5.0], "users").unit, "users");
    }
}
