//! Shared by the methods that move whole units one by one: their start, and the reported history.
//!
//! The deployment is that of one `dpd` run, and every server splits equally what stability leaves.

use std::time::Instant;

use offcut_instances::problem::{Budget, Stop};

use super::cra;
use super::delay::Delays;
use super::dpd::{Found, Moves, one_start};

/// Where a run starts.
pub(super) struct Start {
    /// The deployment, without faults.
    pub(super) found: Found,
    /// Servers that run something, with their hosted.
    pub(super) hosted: Vec<(usize, Vec<usize>)>,
}

impl Start {
    /// The start of a run that began at `began`.
    ///
    /// # Errors
    /// Why there is nothing to start with: speeds are continuous, or `dpd` finds no deployment without faults.
    pub(super) fn new(delays: &Delays, began: Instant, budget: &Budget) -> Result<Self, Stop> {
        if delays.unit.is_none() {
            return Err(Stop::Declined("this method moves whole units; the instance has continuous speeds".into()));
        }
        let found = one_start(delays, Moves::ALL, began, budget);
        if found.merit.faults > 0 {
            return Err(cra::stop(found.is_complete));
        }
        let hosted = delays.hosted(&found.servers).into_iter().enumerate().filter(|(_, hosted)| !hosted.is_empty());
        Ok(Self { hosted: hosted.collect(), found })
    }
}

/// The units of server `m` given away: what is stable, and the rest equally; none if there are too few. Shape (hosted,).
pub(super) fn equal_split(delays: &Delays, m: usize, hosted: &[usize]) -> Option<Vec<u64>> {
    let least: Vec<u64> = hosted.iter().map(|i| delays.least_units(*i, m)).collect();
    let sum = least.iter().try_fold(0u64, |sum, units| sum.checked_add(*units))?;
    let left = delays.units[m].checked_sub(sum)?;
    let count = hosted.len() as u64;
    let rest = |x: u64| left / count + u64::from(x < left % count);
    Some(least.iter().zip(0..).map(|(least, x)| least + rest(x)).collect())
}

/// A value that does not change beside a course: at the course's first place and at its last.
pub(super) fn level(course: &[(f64, f64)], value: f64) -> Vec<(f64, f64)> {
    course.first().into_iter().chain(course.last()).map(|(place, _)| (*place, value)).collect()
}
