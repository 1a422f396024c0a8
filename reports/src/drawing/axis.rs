//! The map from values to places along one side of the plotting area, linear or logarithmic, and its ticks.

/// The map from values to places along one side of the plotting area.
pub(super) struct AxisMap {
    pub(super) low: f64,
    pub(super) high: f64,
    pub(super) log: bool,
    from: f64,
    to: f64,
    /// Where values of 0 are on a logarithmic axis, which has no place for them otherwise.
    pub(super) zero: Option<f64>,
}

/// How far beside a logarithmic axis its zeros are.
const ZERO_ROOM: f64 = 30.0;

impl AxisMap {
    pub(super) fn new(values: impl Iterator<Item = f64>, log: bool, margin: f64, from: f64, to: f64) -> Self {
        let all: Vec<f64> = values.collect();
        let zero = (log && all.contains(&0.0)).then_some(from);
        let from = if zero.is_some() { from + ZERO_ROOM * (to - from).signum() } else { from };
        let values = all.into_iter();
        let map = |value: f64| if log { value.log10() } else { value };
        let values: Vec<f64> = values.filter(|v| v.is_finite() && (!log || *v > 0.0)).map(map).collect();
        let (low, high) = crate::statistics::range(&values).unwrap_or((0.0, 1.0));
        let size = if high > low { high - low } else { low.abs().max(1.0) * 0.2 };
        Self { low: low - margin * size, high: high + margin * size, log, from, to, zero }
    }

    pub(super) fn place(&self, value: f64) -> f64 {
        if let Some(zero) = self.zero.filter(|_| value <= 0.0) {
            return zero;
        }
        let value = if self.log { value.max(f64::MIN_POSITIVE).log10() } else { value };
        self.from + (value.clamp(self.low, self.high) - self.low) / (self.high - self.low) * (self.to - self.from)
    }

    pub(super) fn ticks(&self) -> Vec<f64> {
        if self.log {
            let decades = self.low.floor() as i32..=self.high.ceil() as i32;
            let steps: &[f64] = match self.high - self.low {
                size if size < 1.2 => &[1.0, 2.0, 3.0, 5.0],
                size if size < 2.2 => &[1.0, 3.0],
                _ => &[1.0],
            };
            let each = ((self.high - self.low) / 8.0).ceil().max(1.0) as i32;
            return decades
                .filter(|decade| decade % each == 0)
                .flat_map(|decade| steps.iter().map(move |step| step * 10f64.powi(decade)))
                .filter(|tick| (self.low - 1e-9..=self.high + 1e-9).contains(&tick.log10()))
                .collect();
        }
        let rough = (self.high - self.low) / 6.0;
        let power = 10f64.powf(rough.log10().floor());
        let step =
            [1.0, 2.0, 2.5, 5.0, 10.0].map(|m| m * power).into_iter().find(|step| *step >= rough).unwrap_or(rough);
        let first = (self.low / step - 1e-9).ceil() as i64;
        (first..).map(|n| n as f64 * step).take_while(|tick| *tick <= self.high + step * 1e-9).collect()
    }
}
