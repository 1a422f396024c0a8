//! CRA, computing resource allocation: speeds for a fixed deployment. Solved exactly, in closed form or unit by unit.
//!
//! ```text
//! continuous:  f_i = rho_i + R a_i/A          whole units:  Fox's marginal allocation
//! ```
//!
//! Floats that should sum to F can sum to a little more. Shares are therefore taken of a speed smaller by what n roundings can add.

use offcut_instances::jpdra::Jpdra;
use offcut_instances::problem::{Answer, Stop};

use super::delay::{Delays, Shares};

/// The best speeds for a deployment; none if it overloads a server.
pub(super) fn allocate(delays: &Delays, servers: &[u32]) -> Option<Shares> {
    share(delays, servers, |m, hosted| best_speeds(delays, m, hosted), |m, hosted| delays.fox(m, hosted))
}

/// Shares server by server: `speeds` or `units` says what the hosted of a server get, if it can serve them.
pub(super) fn share(
    delays: &Delays,
    servers: &[u32],
    speeds: impl Fn(usize, &[usize]) -> Option<Vec<f64>>,
    units: impl Fn(usize, &[usize]) -> Option<Vec<u64>>,
) -> Option<Shares> {
    fn gather<T: Copy + Default>(
        hosted: &[Vec<usize>],
        partitions: usize,
        shares: impl Fn(usize, &[usize]) -> Option<Vec<T>>,
    ) -> Option<Vec<T>> {
        let mut flat = vec![T::default(); partitions];
        for (m, hosted) in hosted.iter().enumerate().filter(|(_, hosted)| !hosted.is_empty()) {
            for (i, share) in hosted.iter().zip(shares(m, hosted)?) {
                flat[*i] = share;
            }
        }
        Some(flat)
    }
    let hosted = delays.hosted(servers);
    match delays.unit {
        None => gather(&hosted, servers.len(), speeds).map(Shares::MacsPerS),
        Some(_) => gather(&hosted, servers.len(), units).map(Shares::Units),
    }
}

/// Speed of server `m` that `count` hosted can share, however their shares are rounded.
pub(super) fn shareable(delays: &Delays, m: usize, count: usize) -> f64 {
    delays.capacity[m] * (1.0 - 4.0 * count as f64 * f64::EPSILON)
}

/// The square-root rule.
fn best_speeds(delays: &Delays, m: usize, hosted: &[usize]) -> Option<Vec<f64>> {
    let load: f64 = hosted.iter().map(|i| delays.load(*i, m)).sum();
    let root: f64 = hosted.iter().map(|i| delays.root(*i, m)).sum();
    delays.residual(m, load, hosted.len())?;
    let left = shareable(delays, m, hosted.len()) - load;
    Some(hosted.iter().map(|i| delays.load(*i, m) + left * (delays.root(*i, m) / root)).collect())
}

/// The answer with these decisions, or with none if there are no shares or something is wrong with them. A heuristic that finds nothing
/// proves nothing.
pub(super) fn answer(delays: &Delays, servers: &[u32], shares: Option<&Shares>, stop: Stop) -> Answer<Jpdra> {
    let found = shares.map(|shares| (shares, delays.of_shares(servers, shares)));
    match found.filter(|(_, merit)| merit.faults == 0 && merit.delay_s.is_finite()) {
        Some((shares, merit)) => Answer { stop, ..Answer::found(delays.solution(servers, shares), merit.delay_s) },
        None => Answer::nothing(stop),
    }
}

/// Why a run stopped that came to its own end, or did not.
pub(super) fn stop(is_complete: bool) -> Stop {
    if is_complete { Stop::Completed } else { Stop::TimeLimit }
}
