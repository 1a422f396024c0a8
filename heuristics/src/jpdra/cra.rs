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
    share(delays, servers, |m, tenants| best_speeds(delays, m, tenants), |m, tenants| delays.fox(m, tenants))
}

/// Shares server by server: `speeds` or `units` says what the tenants of a server get, if it can serve them.
pub(super) fn share(
    delays: &Delays,
    servers: &[u32],
    speeds: impl Fn(usize, &[usize]) -> Option<Vec<f64>>,
    units: impl Fn(usize, &[usize]) -> Option<Vec<u64>>,
) -> Option<Shares> {
    fn gather<T: Copy + Default>(
        tenants: &[Vec<usize>],
        partitions: usize,
        shares: impl Fn(usize, &[usize]) -> Option<Vec<T>>,
    ) -> Option<Vec<T>> {
        let mut flat = vec![T::default(); partitions];
        for (m, tenants) in tenants.iter().enumerate().filter(|(_, tenants)| !tenants.is_empty()) {
            for (i, share) in tenants.iter().zip(shares(m, tenants)?) {
                flat[*i] = share;
            }
        }
        Some(flat)
    }
    let tenants = delays.tenants(servers);
    match delays.unit {
        None => gather(&tenants, servers.len(), speeds).map(Shares::MacsPerS),
        Some(_) => gather(&tenants, servers.len(), units).map(Shares::Units),
    }
}

/// Speed of server `m` that `count` tenants can share, however their shares are rounded.
pub(super) fn shareable(delays: &Delays, m: usize, count: usize) -> f64 {
    delays.capacity[m] * (1.0 - 4.0 * count as f64 * f64::EPSILON)
}

/// The square-root rule.
fn best_speeds(delays: &Delays, m: usize, tenants: &[usize]) -> Option<Vec<f64>> {
    let load: f64 = tenants.iter().map(|i| delays.load[*i]).sum();
    let root: f64 = tenants.iter().map(|i| delays.root[*i]).sum();
    delays.residual(m, load, tenants.len())?;
    let left = shareable(delays, m, tenants.len()) - load;
    Some(tenants.iter().map(|i| delays.load[*i] + left * (delays.root[*i] / root)).collect())
}

/// The answer with these decisions, or with none if there are no shares or something is wrong with them. A heuristic that finds nothing
/// proves nothing.
pub(super) fn answer(delays: &Delays, servers: &[u32], shares: Option<&Shares>, stop: Stop) -> Answer<Jpdra> {
    let found = shares.map(|shares| (shares, delays.of_shares(servers, shares)));
    match found.filter(|(_, worth)| worth.faults == 0 && worth.delay_s.is_finite()) {
        Some((shares, worth)) => Answer { stop, ..Answer::found(delays.solution(servers, shares), worth.delay_s) },
        None => Answer::nothing(stop),
    }
}

/// Why a run stopped that came to its own end, or did not.
pub(super) fn stop(is_complete: bool) -> Stop {
    if is_complete { Stop::Completed } else { Stop::TimeLimit }
}
