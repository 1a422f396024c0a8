//! A mean from batches of a long run, with Student's t interval.

use statrs::distribution::{ContinuousCDF, StudentsT};

/// Batches that a run is cut into.
pub const BATCHES: usize = 40;

/// The fewest tasks a run takes: a batch has more than twenty.
pub const FEWEST_TASKS: u64 = 1000;

/// No interval reaches less far to either side than this times its mean: what rounding may do where nothing varies.
const ROUNDING: f64 = 1e-12;

/// A mean known from the means of [`BATCHES`] batches.
#[derive(Clone, Debug, PartialEq)]
pub struct Estimate {
    batches: Vec<f64>,
}

/// Where a mean lies, at some confidence.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

impl Interval {
    /// Whether `value` lies in it.
    pub fn holds(&self, value: f64) -> bool {
        (self.low..=self.high).contains(&value)
    }
}

impl Estimate {
    /// The mean over all batches, which are equally long.
    pub fn mean(&self) -> f64 {
        self.batches.iter().sum::<f64>() / BATCHES as f64
    }

    /// Student's t interval: if batches are independent and normal, the true mean lies in it with probability `confidence`.
    ///
    /// # Panics
    /// If `confidence` is not between 0 and 1.
    pub fn interval(&self, confidence: f64) -> Interval {
        assert!(0.0 < confidence && confidence < 1.0, "a confidence lies between 0 and 1");
        let (mean, degrees) = (self.mean(), (BATCHES - 1) as f64);
        let squares: f64 = self.batches.iter().map(|batch| (batch - mean) * (batch - mean)).sum();
        let error = (squares / degrees / BATCHES as f64).sqrt();
        let half = student(confidence, degrees) * error + ROUNDING * mean.abs();
        Interval { low: mean - half, high: mean + half }
    }

    /// What this mean has above another one, batch by batch: for runs with the same random numbers, whose batches rise and fall together, so that the
    /// difference is known better than either mean.
    #[must_use]
    pub fn minus(&self, other: &Self) -> Self {
        Self { batches: self.batches.iter().zip(&other.batches).map(|(own, other)| own - other).collect() }
    }

    /// The mean over flows of different rates. Flows are independent, so batch by batch their weighted means are independent too.
    pub(crate) fn weighted(rates: &[f64], flows: &[&Estimate]) -> Self {
        let batch = |b: usize| {
            let values: Vec<f64> = flows.iter().map(|flow| flow.batches[b]).collect();
            weighted_mean(rates, &values)
        };
        Self { batches: (0..BATCHES).map(batch).collect() }
    }
}

/// How many standard errors to either side make a two-sided interval.
fn student(confidence: f64, degrees: f64) -> f64 {
    let student = StudentsT::new(0.0, 1.0, degrees).expect("more than one batch");
    student.inverse_cdf(0.5 + confidence / 2.0)
}

/// Delays as they come in: the first tenth is dropped, the rest goes into batches.
pub(crate) struct Batches {
    /// Still to be dropped.
    dropping: u64,
    /// Tasks of a batch.
    length: u64,
    /// In the batch under way: tasks and their mean.
    tasks: u64,
    mean: f64,
    done: Vec<f64>,
}

impl Batches {
    /// For `tasks` tasks, at least [`FEWEST_TASKS`]. What does not fill a batch is dropped with the first tenth.
    pub(crate) fn new(tasks: u64) -> Self {
        let length = (tasks - tasks / 10) / BATCHES as u64;
        assert!(length > 0, "every batch has a task");
        let dropping = tasks - length * BATCHES as u64;
        Self { dropping, length, tasks: 0, mean: 0.0, done: Vec::with_capacity(BATCHES) }
    }

    pub(crate) fn add(&mut self, delay_s: f64) {
        if self.dropping > 0 {
            self.dropping -= 1;
            return;
        }
        self.tasks += 1;
        // A running mean: exact where all delays are equal.
        self.mean += (delay_s - self.mean) / self.tasks as f64;
        if self.tasks == self.length {
            self.done.push(self.mean);
            (self.tasks, self.mean) = (0, 0.0);
        }
    }

    pub(crate) fn estimate(self) -> Estimate {
        assert_eq!(self.done.len(), BATCHES, "all tasks came");
        Estimate { batches: self.done }
    }
}

/// The mean over all flows' tasks of something that has a value for each flow: flow s weighs lambda_s / Lambda.
pub fn weighted_mean(rates: &[f64], values: &[f64]) -> f64 {
    let total: f64 = rates.iter().sum();
    rates.iter().zip(values).map(|(rate, value)| rate / total * value).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn student_is_the_table_s() {
        for (confidence, tabled) in [(0.95, 2.0227), (0.99, 2.7079), (0.999, 3.5581)] {
            let found = student(confidence, 39.0);
            assert!((found - tabled).abs() < 1e-4, "{confidence}: {found} against {tabled}");
        }
    }

    #[test]
    fn the_first_tenth_is_dropped_and_batches_are_equally_long() {
        for tasks in [1000, 1001, 1039, 1040, 123_457] {
            let mut batches = Batches::new(tasks);
            for k in 0..tasks {
                batches.add(k as f64);
            }
            let length = (tasks - tasks / 10) / 40;
            let first = tasks - 40 * length;
            assert!((tasks / 10..tasks / 10 + 40).contains(&first));
            let mean = batches.estimate().mean();
            let expected = (first + tasks - 1) as f64 / 2.0;
            assert!((mean - expected).abs() < 1e-9 * expected, "{mean} against {expected}");
        }
    }

    #[test]
    fn differences_are_batch_by_batch() {
        let batches = |add: f64| Estimate { batches: (0..BATCHES).map(|b| (b * b) as f64 + add).collect() };
        // Both vary much, and always alike: the difference does not vary.
        let interval = batches(0.5).minus(&batches(2.0)).interval(0.95);
        assert!(interval.low <= -1.5 && interval.high >= -1.5 && interval.high - interval.low < 1e-9, "{interval:?}");
    }

    #[test]
    fn by_hand() {
        // Batches 0, 1, 0, 1, ...: mean 1/2, variance (40/4)/39, standard error sqrt(10/39/40).
        let batches = (0..BATCHES).map(|b| (b % 2) as f64).collect();
        let interval = Estimate { batches }.interval(0.95);
        let half = 2.0227 * (10.0f64 / 39.0 / 40.0).sqrt();
        assert!((interval.low - 0.5 + half).abs() < 1e-5 && (interval.high - 0.5 - half).abs() < 1e-5);
        assert!(interval.holds(0.5) && !interval.holds(0.5 + 1.01 * half));
    }
}
