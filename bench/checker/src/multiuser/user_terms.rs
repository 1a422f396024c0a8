//! What a user's units cost at a price: the terms `T*(f) + p f`, in seconds, bounded from below.
//!
//! For a linear or Amdahl speed-up and a fixed cut the term is `fixed + scale/f + p f`, convex in f. Its least over real f > 0 is at `sqrt(scale/p)`; the
//! computed root, rounded down to a whole number, is off by one unit at most ([`Centre`]). With a speed-up table only the unit counts at which the speed-up
//! rises are looked at: any other count is as fast as the one before it that rises, and takes more units.

use std::cell::OnceCell;
use std::collections::HashMap;

use offcut_instances::multiuser::{Instance, Speedup, User};

use super::evaluate::Latencies;
use crate::interval::Interval;
use crate::speedup::slowness;

/// The least and the largest number of units a user may get.
pub(super) type Range = (u32, u32);

/// The terms of all users.
pub(super) struct UserTerms<'a> {
    pub(super) latencies: Latencies<'a>,
    /// For a speed-up table: the unit counts at which it rises. Between them more units gain nothing.
    pub(super) rises: Vec<u32>,
    classes: OnceCell<Classes>,
}

/// Users by what they are: those of one class are equal in everything that latencies depend on.
pub(super) struct Classes {
    /// The class of every user, numbered in the order of their first users. Shape (users,).
    pub(super) of: Vec<u32>,
    /// The number of classes.
    pub(super) count: usize,
}

/// The whole number at or next to which a term is least.
#[derive(Clone, Copy)]
struct Centre(u32);

impl Centre {
    /// From here on a term does not fall, in exact arithmetic.
    fn rises_from(self) -> u32 {
        self.0.saturating_add(2)
    }

    /// Up to here a term does not rise, in exact arithmetic.
    fn falls_to(self) -> u32 {
        self.0.saturating_sub(1)
    }
}

/// Where a cut's term has its least value.
enum Least {
    /// At the fewest units.
    Fewest,
    /// At the most units.
    Most,
    /// At a unit count or next to it.
    Near(Centre),
    /// At one of the rises of a table, or at the fewest units.
    Rise,
}

/// A term is `units` at `price` more than a latency. Rounded down.
fn with_price(price: f64, units: u32, latency: Interval) -> f64 {
    (latency + Interval::point(price) * Interval::point(f64::from(units))).low()
}

impl<'a> UserTerms<'a> {
    pub(super) fn new(instance: &'a Instance) -> Self {
        let rises = match &instance.server.speedup {
            Speedup::Table { speedups } => {
                let rises = (1..speedups.len()).filter(|f| speedups[*f] > speedups[f - 1]).map(|f| f as u32 + 1);
                std::iter::once(1).chain(rises).collect()
            }
            _ => Vec::new(),
        };
        Self { latencies: Latencies::new(instance), rises, classes: OnceCell::new() }
    }

    pub(super) fn instance(&self) -> &'a Instance {
        self.latencies.instance
    }

    /// The users by what they are.
    pub(super) fn classes(&self) -> &Classes {
        self.classes.get_or_init(|| {
            let mut known = HashMap::new();
            let mut class = |user: &User| {
                let User { model, device, uplink_bytes_per_s, rtt_s } = user;
                let numbers = [device.speed, *uplink_bytes_per_s, *rtt_s].map(f64::to_bits);
                let next = known.len() as u32;
                *known.entry((*model, device.kind, numbers)).or_insert(next)
            };
            let of = self.instance().users.iter().map(&mut class).collect();
            Classes { of, count: known.len() }
        })
    }

    /// The largest number of steps of [`Self::least_with_price`].
    pub(super) fn steps(&self, user: &User) -> u64 {
        let cuts = self.latencies.work(user).len() as u64;
        cuts * (self.rises.len() as u64 + 1).max(5)
    }

    /// Where the term of a cut is least at a price.
    fn least_of_cut(&self, user: &User, cut: usize, price: f64) -> Least {
        let scale = self.latencies.work(user)[cut].1.middle() / self.instance().server.unit.speed;
        let scale = match &self.instance().server.speedup {
            Speedup::Linear => scale,
            Speedup::Amdahl { parallel_fraction } => scale * parallel_fraction,
            Speedup::Table { .. } => return Least::Rise,
        };
        if scale == 0.0 {
            Least::Fewest
        } else if price == 0.0 {
            Least::Most
        } else {
            Least::Near(Centre((scale / price).sqrt().min(f64::from(u32::MAX)).floor() as u32))
        }
    }

    /// The rises of a table above the fewest units and up to the most.
    fn rises_within(&self, (from, to): Range) -> impl Iterator<Item = u32> {
        let first = self.rises.partition_point(|rise| *rise <= from);
        self.rises[first..].iter().copied().take_while(move |rise| *rise <= to)
    }

    /// A lower bound of `min_f (T*(f) + price f)` over a range of units that is not empty.
    pub(super) fn least_with_price(&self, user: &User, price: f64, (from, to): Range) -> f64 {
        let cuts = self.latencies.work(user).len();
        // All local needs no units, so it costs the least with the fewest.
        let mut least = with_price(price, from, self.latencies.latency(user, cuts - 1, 0));
        let from = from.max(1);
        if from > to {
            return least;
        }
        let speedup = &self.instance().server.speedup;
        for cut in 0..cuts - 1 {
            let (fixed, remote) = self.latencies.parts(user, cut);
            // The remaining terms are not below 0, and rounding is monotone: no number of units makes the sum less.
            if fixed.low() >= least {
                continue;
            }
            let remote = remote.expect("not all is local");
            let mut consider = |units: u32| {
                least = least.min(with_price(price, units, fixed + remote * slowness(speedup, units)));
                // Whether more units could be better: with price they cost more than this alone.
                with_price(price, units, fixed) < least
            };
            match self.least_of_cut(user, cut, price) {
                Least::Fewest => {
                    consider(from);
                }
                Least::Most => {
                    consider(to);
                }
                Least::Near(centre) => {
                    for units in centre.falls_to()..=centre.rises_from() {
                        consider(units.clamp(from, to));
                    }
                }
                Least::Rise => {
                    let _ = consider(from) && self.rises_within((from, to)).all(consider);
                }
            }
        }
        least
    }

    /// Every unit count of a range, with its term rounded down, whose term may be below `ceiling`; by units, rising. Left out are only those that
    /// need more units than another one and are no faster. `spend` is told of every step.
    ///
    /// # Errors
    /// Those of `spend`.
    pub(super) fn below<E>(
        &self,
        user: &User,
        price: f64,
        (from, to): Range,
        ceiling: f64,
        found: &mut Vec<(u32, f64)>,
        mut spend: impl FnMut(u64) -> Result<(), E>,
    ) -> Result<(), E> {
        found.clear();
        let cuts = self.latencies.work(user).len();
        spend(cuts as u64 + 1)?;
        let local = with_price(price, from, self.latencies.latency(user, cuts - 1, 0));
        if local < ceiling {
            found.push((from, local));
        }
        let from = from.max(1);
        let speedup = &self.instance().server.speedup;
        for cut in 0..cuts - 1 {
            let (fixed, remote) = self.latencies.parts(user, cut);
            if from > to || fixed.low() >= ceiling {
                continue;
            }
            let remote = remote.expect("not all is local");
            // Whether the term may be below.
            let mut consider = |units: u32| {
                spend(1)?;
                let term = with_price(price, units, fixed + remote * slowness(speedup, units));
                if term < ceiling {
                    found.push((units, term));
                }
                Ok(term < ceiling)
            };
            let centre = match self.least_of_cut(user, cut, price) {
                Least::Fewest => {
                    consider(from)?;
                    continue;
                }
                Least::Rise => {
                    consider(from)?;
                    for rise in self.rises_within((from, to)) {
                        if with_price(price, rise, fixed) >= ceiling {
                            break;
                        }
                        consider(rise)?;
                    }
                    continue;
                }
                Least::Most => Centre(u32::MAX),
                Least::Near(centre) => centre,
            };
            // Outwards on both sides, until no further unit count can be below.
            let start = centre.0.clamp(from, to);
            for units in start..=to {
                if !consider(units)? && units >= centre.rises_from() {
                    break;
                }
            }
            for units in (from..start).rev() {
                if !consider(units)? && units <= centre.falls_to() {
                    break;
                }
            }
        }
        if found.len() > 1 {
            found.sort_unstable_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)));
            found.dedup_by_key(|(units, _)| *units);
        }
        Ok(())
    }
}
