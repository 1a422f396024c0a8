//! Baselines for comparison: at least one of the two decisions follows a simple rule.
//!
//! | method | deployment | speeds |
//! |---|---|---|
//! | `fastest-server` | in order, each to the fastest server that accepts it | best |
//! | `random-server` | in order, each to a random server that accepts it | best |
//! | `greedy` | largest work first, each to the largest residual speed | best |
//! | `equal-split` | `dpd` | equal shares of F; nothing if one of them is not stable |
//! | `proportional-split` | `dpd` | in proportion to work |
//! | `greedy-equal` | as `greedy` | equal shares of what is left |
//!
//! A server accepts a partition if all partitions on it stay stable and the transfers from and to its assigned neighbours exist. If no server accepts
//! it, the method has no solution. In units, shares are rounded by largest remainder, subject to stability.

use std::time::Instant;

use offcut_instances::jpdra::{Instance, Jpdra};
use offcut_instances::problem::{Answer, Budget, Stop};
use offcut_instances::random::Stream;

use super::cra;
use super::delay::{Delays, Shares};
use super::dpd::{Moves, one_start};
use crate::baseline::Baseline;

/// Servers while partitions are placed one after another.
struct Placement<'a> {
    delays: &'a Delays,
    servers: Vec<Option<u32>>,
    load: Vec<f64>,
    least_units: Vec<u64>,
    count: Vec<usize>,
}

impl<'a> Placement<'a> {
    fn new(delays: &'a Delays) -> Self {
        let servers = delays.servers();
        Self {
            servers: vec![None; delays.partitions()],
            load: vec![0.0; servers],
            least_units: vec![0; servers],
            count: vec![0; servers],
            delays,
        }
    }

    fn residual(&self, m: usize) -> f64 {
        self.delays.capacity[m] - self.load[m]
    }

    /// Whether server `m` takes partition `i` too.
    fn takes(&self, m: usize, i: usize) -> bool {
        let has_room = if self.delays.unit.is_some() {
            let needed = self.least_units[m].saturating_add(self.delays.least_units(i, m));
            needed <= self.delays.units[m]
        } else {
            self.delays.residual(m, self.load[m] + self.delays.load(i, m), self.count[m] + 1).is_some()
        };
        has_room && self.delays.has_transfers(i, m, &self.servers)
    }

    fn put(&mut self, i: usize, m: usize) {
        self.servers[i] = Some(m as u32);
        self.load[m] += self.delays.load(i, m);
        self.count[m] += 1;
        if self.delays.unit.is_some() {
            self.least_units[m] = self.least_units[m].saturating_add(self.delays.least_units(i, m));
        }
    }
}

/// Every partition in this order to the server that `choose` picks of those that take it, ascending; none if nobody takes one.
fn placed(
    delays: &Delays,
    order: impl Iterator<Item = usize>,
    mut choose: impl FnMut(&[usize], &Placement) -> usize,
) -> Option<Vec<u32>> {
    let mut placement = Placement::new(delays);
    for i in order {
        let takers: Vec<usize> = (0..delays.servers()).filter(|m| placement.takes(*m, i)).collect();
        if takers.is_empty() {
            return None;
        }
        let m = choose(&takers, &placement);
        placement.put(i, m);
    }
    placement.servers.into_iter().collect()
}

fn fastest_server(delays: &Delays) -> Option<Vec<u32>> {
    let faster = |a: &usize, b: &usize| delays.capacity[*a].total_cmp(&delays.capacity[*b]).then(b.cmp(a));
    placed(delays, 0..delays.partitions(), |takers, _| takers.iter().copied().max_by(faster).expect("one is left"))
}

fn random_server(delays: &Delays, seed: u64) -> Option<Vec<u32>> {
    let mut stream = Stream::new(&["jpdra", "random-server"], seed);
    placed(delays, 0..delays.partitions(), |takers, _| *stream.pick(takers))
}

fn greedy(delays: &Delays) -> Option<Vec<u32>> {
    let mut order: Vec<usize> = (0..delays.partitions()).collect();
    order.sort_by(|a, b| delays.relative_load(*b).total_cmp(&delays.relative_load(*a)).then(a.cmp(b)));
    placed(delays, order.into_iter(), |takers, placement| {
        let less = |a: &usize, b: &usize| placement.residual(*a).total_cmp(&placement.residual(*b)).then(b.cmp(a));
        takers.iter().copied().max_by(less).expect("one is left")
    })
}

/// Rules by which a server's speed is split.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Split {
    Equal,
    Proportional,
    EqualResidual,
}

/// Shares of `total` for the hosted of a server, in whatever total is.
fn quotas(delays: &Delays, split: Split, m: usize, hosted: &[usize], total: f64) -> Vec<f64> {
    let load: f64 = hosted.iter().map(|i| delays.load(*i, m)).sum();
    let share = |i: usize| match split {
        Split::Equal => total / hosted.len() as f64,
        Split::Proportional => total * (delays.load(i, m) / load),
        Split::EqualResidual => delays.load(i, m) + (total - load) / hosted.len() as f64,
    };
    hosted.iter().map(|i| share(*i)).collect()
}

fn split(delays: &Delays, servers: &[u32], split: Split) -> Option<Shares> {
    let speeds = |m: usize, hosted: &[usize]| {
        let load: f64 = hosted.iter().map(|i| delays.load(*i, m)).sum();
        delays.residual(m, load, hosted.len())?;
        Some(quotas(delays, split, m, hosted, cra::shareable(delays, m, hosted.len())))
    };
    let units = |m: usize, hosted: &[usize]| {
        let (total, unit) = (delays.units[m], delays.unit?);
        let least: Vec<u64> = hosted.iter().map(|i| delays.least_units(*i, m)).collect();
        let sum = least.iter().try_fold(0u64, |sum, units| sum.checked_add(*units));
        sum.filter(|sum| *sum <= total)?;
        let speeds = quotas(delays, split, m, hosted, total as f64 * unit);
        // As with continuous speeds: equal shares that are not stable are no answer, and rounding does not make them one.
        let is_stable = hosted.iter().zip(&speeds).all(|(i, speed)| *speed > delays.load(*i, m));
        let quotas: Vec<f64> = speeds.iter().map(|speed| speed / unit).collect();
        (is_stable || split != Split::Equal).then(|| rounded(&quotas, &least, total))
    };
    cra::share(delays, servers, speeds, units)
}

/// Whole numbers that sum to `total`, near the quotas and not below `least`: whoever is furthest below its quota gets one, or whoever is
/// furthest above gives one. The least must fit.
pub(super) fn rounded(quotas: &[f64], least: &[u64], total: u64) -> Vec<u64> {
    let mut units: Vec<u64> =
        quotas.iter().zip(least).map(|(quota, least)| (quota.floor() as u64).max(*least)).collect();
    let missing = |x: usize, units: &[u64]| quotas[x] - units[x] as f64;
    let mut sum: u64 = units.iter().sum();
    while sum < total {
        let all = 0..units.len();
        let x = all.max_by(|a, b| missing(*a, &units).total_cmp(&missing(*b, &units)).then(b.cmp(a)));
        units[x.expect("one is left")] += 1;
        sum += 1;
    }
    while sum > total {
        let can_give = (0..units.len()).filter(|x| units[*x] > least[*x]);
        let x = can_give.min_by(|a, b| missing(*a, &units).total_cmp(&missing(*b, &units)).then(b.cmp(a)));
        units[x.expect("the least fit")] -= 1;
        sum -= 1;
    }
    units
}

/// The deployment that a baseline takes speeds for; none if it finds none.
fn deployment_of(delays: &Delays, budget: &Budget) -> (Option<Vec<u32>>, Stop) {
    let found = one_start(delays, Moves::ALL, Instant::now(), budget);
    ((found.merit.faults == 0).then_some(found.servers), cra::stop(found.is_complete))
}

/// Speed counts, and nothing else.
pub(super) const FASTEST_SERVER: Baseline<Jpdra> = Baseline {
    id: "fastest-server",
    about: "each partition to the fastest server that accepts it; best speeds",
    is_random: false,
    solve: |instance, _| answer(instance, |delays| (fastest_server(delays), Stop::Completed), cra::allocate),
};

/// Nothing counts.
pub(super) const RANDOM_SERVER: Baseline<Jpdra> = Baseline {
    id: "random-server",
    about: "each partition to a random server that accepts it; best speeds",
    is_random: true,
    solve: |instance, budget| {
        answer(instance, |delays| (random_server(delays, budget.seed), Stop::Completed), cra::allocate)
    },
};

/// What is left of a server's speed counts.
pub(super) const GREEDY: Baseline<Jpdra> = Baseline {
    id: "greedy",
    about: "largest work to the largest residual speed; best speeds",
    is_random: false,
    solve: |instance, _| answer(instance, |delays| (greedy(delays), Stop::Completed), cra::allocate),
};

/// Everybody on a server gets the same.
pub(super) const EQUAL_SPLIT: Baseline<Jpdra> = Baseline {
    id: "equal-split",
    about: "deployment by dpd; every server's speed split equally, if that is stable",
    is_random: false,
    solve: |instance, budget| {
        let shares = |delays: &Delays, servers: &[u32]| split(delays, servers, Split::Equal);
        answer(instance, |delays| deployment_of(delays, budget), shares)
    },
};

/// Everybody on a server is as busy as the others.
pub(super) const PROPORTIONAL_SPLIT: Baseline<Jpdra> = Baseline {
    id: "proportional-split",
    about: "deployment by dpd; every server's speed split in proportion to work",
    is_random: false,
    solve: |instance, budget| {
        let shares = |delays: &Delays, servers: &[u32]| split(delays, servers, Split::Proportional);
        answer(instance, |delays| deployment_of(delays, budget), shares)
    },
};

/// Both decisions by simple rules.
pub(super) const GREEDY_EQUAL: Baseline<Jpdra> = Baseline {
    id: "greedy-equal",
    about: "deployment as greedy; what is left of every server's speed split equally",
    is_random: false,
    solve: |instance, _| {
        let shares = |delays: &Delays, servers: &[u32]| split(delays, servers, Split::EqualResidual);
        answer(instance, |delays| (greedy(delays), Stop::Completed), shares)
    },
};

/// A deployment, if there is one, with its shares.
fn answer(
    instance: &Instance,
    deployment: impl FnOnce(&Delays) -> (Option<Vec<u32>>, Stop),
    shares: impl FnOnce(&Delays, &[u32]) -> Option<Shares>,
) -> Answer<Jpdra> {
    let delays = Delays::new(instance);
    let (servers, stop) = deployment(&delays);
    let Some(servers) = servers else { return Answer::nothing(stop) };
    cra::answer(&delays, &servers, shares(&delays, &servers).as_ref(), stop)
}
