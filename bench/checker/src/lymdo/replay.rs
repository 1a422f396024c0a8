//! Replaying a certificate: trees of prices, slot by slot.
//!
//! With prices nu >= 0 of bandwidth and eta >= 0 of the edge's speed a slot costs no less than
//!
//! ```text
//! sum_n min over cuts phi_n - nu W - eta F_edge,     phi_n = min over f, b, F of  V D + Q E + nu b + eta F
//! ```
//!
//! At a leaf, cuts are those that the splits above it leave and that a user alone could keep stable. Exponential service: phi falls apart into device,
//! channel and edge. Deterministic service: what the slowest stage makes wait, h(d) = lambda d^2 / (2 (1 - lambda d)), is convex and rises, so for
//! any g_i >= 0 with sum G
//!
//! ```text
//! V h(max_i d_i) >= y V max_i d_i - V h*(y) >= sum_i g_i d_i - V h*(y)     for y V >= G,     h*(y) = z^2 / (2 lambda), y = z (2 + z) / 2
//! V D            >= sum_i (V + g_i) d_i - V z^2 / (2 lambda)
//! ```
//!
//! which falls apart as well. (z is rho / (1 - rho) of the stage that makes wait; given as a number it takes few roundings to get from there to
//! both y and h*, which are large and nearly cancel where that stage is nearly full.) At the best g_i nothing is lost (both sides are convex), and near them little to second order. The least of every part
//! is a bound of [`super::stage`].
//!
//! Users that a slot cannot tell apart may change places, and the slot costs the same. So only solutions count in which, among such users, cuts do
//! not fall from user to user: of every solution's versions one is such. Below splits that takes cuts away (module `replay`, function `allowed`).
//!
//! A leaf is empty if what stability needs at its prices is worth no less than what there is: every stable share is more than its need, so there
//! would have to be more. A horizon's bound is the mean of its slots' with V = 1 and Q = mu, less `sum_n mu_n budget_n`, for 0 <= mu <= overdraft: no more
//! is charged than `overdraft` for a joule above the budget, and none below.
//!
//! **Steps** (see [`Budget`]). The least of a cut at some prices, and what it needs, are [`CUT_STEPS`] steps; looking at a cut is one. A leaf looks at the
//! cuts of all users, and those whose leasts at its prices are not known yet are found: leaves share tables of leasts, which are made for prices when
//! a leaf uses them first, dropped after the last, and all dropped when they are more than [`MAX_KEPT`] bytes. Prices that no leaf uses cost nothing.

//!
//! **Why every certificate that parses proves a bound**, or is rejected. Its numbers are those that `crate::number` lets in.
//!
//! 1. *Prices* nu, eta, mu may be any numbers >= 0 (mu up to the overdraft's charge, compared as floats, which is exact): what is shared is at most what there
//!    is. A price of 0 never divides: shares are then looked for up to all there is.
//! 2. *Parts.* Every least is that of a tangent, rounded down, wherever the tangent is drawn; what is not a number counts as 0, and all costs are 0 or
//!    above. Weights g_i are 0 or above, whatever they are guessed to be, and y is checked to be large enough for their sum.
//! 3. *Leaf without solutions.* Stability needs strictly more than the needs computed, each rounded down. They have to be worth more than 0, or
//!    prices of 0 would prove it of every leaf, and no less than all there is, rounded up.
//! 4. *Order.* Users are alike if all that their costs depend on has the same digits; zeros of both signs are the same. Exchanging them maps solutions
//!    to solutions with the same cost, so the ordered ones suffice.
//! 5. *Tree.* A cut is among a split's or not: every ordered solution is in a leaf. Neither delays nor charges are below 0.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

use offcut_instances::lymdo::{Certificate, Instance, Node, Prices, Service, Tree as Certified, User};

use super::approximate_minimizer::{Channel, Cut};
use super::stage::{Delay, Rate, StageWork, channel, device, edge};
use super::works;
use crate::budget::MAX_KEPT;
use crate::interval::{Accumulator, add_down, product};
use crate::tree::{Flaw, Tree, Walker};
use crate::{Budget, Interval, Violation};

/// What the least of a cut takes: some hundred operations, logarithms and roots among them.
const CUT_STEPS: u64 = 400;

/// What a certificate of its size may take.
pub(super) fn budget(instance: &Instance, certificate: &Certificate) -> Budget {
    let of_node = |node: &Node| match node {
        Node::Priced { .. } | Node::Empty { .. } => 1,
        Node::Split { cuts, .. } => 3 + cuts.len() as u64,
    };
    let of_tree = |tree: &Certified| tree.prices.len() as u64 * 2 + tree.nodes.iter().map(of_node).sum::<u64>();
    let numbers = certificate.energy_s_per_j.len() as u64 + certificate.slots.iter().map(of_tree).sum::<u64>();
    let cuts = |user: &User| instance.models[user.model as usize].cut_bytes.len() as u64;
    Budget::of(numbers, instance.users.iter().map(cuts).sum::<u64>() * (CUT_STEPS + 4))
}

/// The bound that a certificate proves; infinite if there is no solution.
pub(super) fn bound(instance: &Instance, certificate: &Certificate, budget: &Budget) -> Result<f64, Violation> {
    let (users, slots) = (instance.users.len(), instance.slots.len());
    let is_horizon = slots > 1;
    let energy = &certificate.energy_s_per_j;
    if certificate.slots.len() != slots || energy.len() != if is_horizon { users } else { 0 } {
        let at = "a tree per slot, on a horizon an energy price per user";
        return Err(Violation::new("shape", at, 1.0, "entry"));
    }
    for (n, (price, user)) in energy.iter().zip(&instance.users).enumerate() {
        let over = price - user.overdraft_s_per_j;
        if over > 0.0 {
            let constraint = "energy prices are between 0 and what overdrafts are charged";
            return Err(Violation::new(constraint, format!("energy_s_per_j[{n}]"), over, "s/J"));
        }
    }
    let works = works(instance);
    let mut total = Accumulator::default();
    let mut is_infeasible = false;
    for (t, tree) in certificate.slots.iter().enumerate() {
        let user_slots: Vec<UserSlot> = (0..users)
            .map(|n| {
                let user = &instance.users[n];
                let (delay_price, energy_price) =
                    if is_horizon { (1.0, energy[n]) } else { (instance.v, user.backlog_j) };
                UserSlot::new(instance, &works[user.model as usize], t, n, delay_price, energy_price)
            })
            .collect();
        // Every slot is looked at, so that no flaw hides behind an infeasible one.
        let symmetry_classes =
            symmetry_classes(instance, t, |n| if is_horizon { energy[n] } else { instance.users[n].backlog_j });
        let least = Slot { instance, user_slots, symmetry_classes, tree, budget }.bound(&format!("slots[{t}]."))?;
        if least == f64::INFINITY {
            is_infeasible = true;
        } else {
            total.add(Interval::point(least));
        }
    }
    if is_infeasible {
        return Ok(f64::INFINITY);
    }
    if !is_horizon {
        return Ok(total.total().low());
    }
    let mut budgets = Accumulator::default();
    for (price, user) in energy.iter().zip(&instance.users) {
        budgets.add(product(*price, user.energy_budget_j_per_slot));
    }
    let mean = total.total() / Interval::point(slots as f64);
    // Neither delays nor charges are below 0, whatever prices say.
    Ok(add_down(mean.low(), -budgets.total().high()).max(0.0))
}

/// The least that a cut costs the only user of the only slot at some prices; infinite if it is not stable. For tests.
#[cfg(test)]
pub(super) fn phi(instance: &Instance, works: &[StageWork], cut: usize, prices: &Prices) -> f64 {
    let user_slot = UserSlot::new(instance, works, 0, 0, instance.v, instance.users[0].backlog_j);
    if user_slot.stands[cut] { user_slot.least(cut, prices) } else { f64::INFINITY }
}

/// Users that slot `t` cannot tell apart at these prices of energy, group by group, ascending; whoever is alone is left out. What they are is compared
/// as it is given, digit by digit: what is computed of it may be equal by rounding.
fn symmetry_classes(instance: &Instance, t: usize, energy_price: impl Fn(usize) -> f64) -> Vec<Vec<usize>> {
    let slot = &instance.slots[t];
    let mut groups: BTreeMap<(u32, [u64; 6]), Vec<usize>> = BTreeMap::new();
    for (n, user) in instance.users.iter().enumerate() {
        let User { model, max_macs_per_s, energy_per_mac_coeff, tx_power_w, .. } = *user;
        let numbers = [max_macs_per_s, energy_per_mac_coeff, tx_power_w, slot.arrivals_per_s[n], slot.gains[n]];
        // (A sum with 0 has the sign that 0 has, whatever the sign of a zero that was given.)
        let digits = |number: f64| (number + 0.0).to_bits();
        let [a, b, c, d, e] = numbers.map(digits);
        groups.entry((model, [a, b, c, d, e, digits(energy_price(n))])).or_default().push(n);
    }
    groups.into_values().filter(|group| group.len() > 1).collect()
}

/// A slot with the tree that is said to bound it.
struct Slot<'a> {
    instance: &'a Instance,
    user_slots: Vec<UserSlot<'a>>,
    /// See [`symmetry_classes`].
    symmetry_classes: Vec<Vec<usize>>,
    tree: &'a Certified,
    budget: &'a Budget,
}

impl<'a> Slot<'a> {
    /// The least bound of the leaves, 0 at least; infinite if all are empty. `place` is the tree's in the certificate.
    fn bound(&self, place: &str) -> Result<f64, Violation> {
        let tree = Tree::new(&self.tree.nodes, |node| self.children(node)).map_err(|flaw| flaw.violation(place))?;
        let mut walk = Walk::new(self, place);
        tree.walk(&mut walk)?;
        Ok(walk.least)
    }

    /// The children of a split, none for a leaf; or what is wrong with a node.
    fn children(&self, node: &Node) -> Result<Option<[u32; 2]>, &'static str> {
        match node {
            Node::Split { user, cuts, inside, outside } => {
                let exists = |cut: &u32| {
                    self.user_slots.get(*user as usize).is_some_and(|user_slot| (*cut as usize) < user_slot.works.len())
                };
                let is_ascending = cuts.windows(2).all(|pair| pair[0] < pair[1]);
                if (*user as usize) >= self.user_slots.len() || !is_ascending || !cuts.iter().all(exists) {
                    return Err("a split names a user and cuts, ascending");
                }
                Ok(Some([*inside, *outside]))
            }
            Node::Priced { prices } | Node::Empty { prices } => {
                if (*prices as usize) < self.tree.prices.len() {
                    Ok(None)
                } else {
                    Err("a leaf refers to prices that are there")
                }
            }
        }
    }

    /// Takes away what the order of users that are alike does not leave. Whether every user has a cut left, if each had one before.
    fn put_in_order(&self, allowed: &mut [Vec<bool>]) -> bool {
        for group in &self.symmetry_classes {
            // No cut is below the least that the one before has left, none above the greatest that the next one has left.
            let mut least = 0;
            for n in group {
                allowed[*n][..least].fill(false);
                let Some(first) = allowed[*n].iter().position(|allowed| *allowed) else { return false };
                least = first;
            }
            let mut most = usize::MAX;
            for n in group.iter().rev() {
                let beyond = most.saturating_add(1).min(allowed[*n].len());
                allowed[*n][beyond..].fill(false);
                let Some(last) = allowed[*n].iter().rposition(|allowed| *allowed) else { return false };
                most = last;
            }
        }
        true
    }

    /// What all there is is worth at some prices.
    fn worth(&self, prices: usize) -> Interval {
        let Prices { bandwidth, edge } = self.tree.prices[prices];
        product(bandwidth, self.instance.bandwidth_hz) + product(edge, self.instance.edge_macs_per_s)
    }

    /// The sum over users of the least over cuts, less what there is, rounded down. Every user has a cut.
    fn total(&self, prices: usize, allowed: &[Vec<bool>], mut least: impl FnMut(usize, usize) -> f64) -> f64 {
        let mut total = 0.0;
        for (n, row) in allowed.iter().enumerate() {
            let cuts = row.iter().enumerate().filter(|(_, allowed)| **allowed);
            total = add_down(total, cuts.map(|(cut, _)| least(n, cut)).fold(f64::INFINITY, f64::min));
        }
        add_down(total, -self.worth(prices).high())
    }

    /// What stability alone needs, at some prices, rounded down.
    fn needs(&self, prices: &Prices, allowed: &[Vec<bool>]) -> f64 {
        let mut total = 0.0;
        for (user_slot, row) in self.user_slots.iter().zip(allowed) {
            let cuts = row.iter().enumerate().filter(|(_, allowed)| **allowed);
            let needs = cuts.map(|(cut, _)| {
                let [bandwidth, edge] = user_slot.needs(cut);
                add_down(product(prices.bandwidth, bandwidth).low(), product(prices.edge, edge).low())
            });
            total = add_down(total, needs.fold(f64::INFINITY, f64::min));
        }
        total
    }
}

/// On the way through a slot's tree.
struct Walk<'a> {
    slot: &'a Slot<'a>,
    place: &'a str,
    /// The cuts that stability of a user alone, and the splits on the way, leave to every user. Shape (users, cuts).
    allowed: Vec<Vec<bool>>,
    /// How many cuts every user has left, and how many users have none.
    left: Vec<usize>,
    without: usize,
    /// User and cut that were taken away, in order; and how many there were before each turn.
    taken: Vec<(u32, u32)>,
    before: Vec<usize>,
    known: Known,
    least: f64,
}

impl<'a> Walk<'a> {
    fn new(slot: &'a Slot<'a>, place: &'a str) -> Self {
        let allowed: Vec<Vec<bool>> = slot.user_slots.iter().map(|user_slot| user_slot.stands.clone()).collect();
        let left: Vec<usize> = allowed.iter().map(|row| row.iter().filter(|allowed| **allowed).count()).collect();
        Self {
            slot,
            place,
            allowed,
            without: left.iter().filter(|left| **left == 0).count(),
            left,
            taken: Vec::new(),
            before: Vec::new(),
            known: Known::new(slot),
            least: f64::INFINITY,
        }
    }
}

impl<'a> Walker<'a, Node> for Walk<'a> {
    fn down(&mut self, split: &'a Node, is_inside: bool) -> Result<(), Violation> {
        let Node::Split { user, cuts, .. } = split else { unreachable!("only splits have children") };
        self.before.push(self.taken.len());
        let n = *user as usize;
        let row = &mut self.allowed[n];
        self.slot.budget.spend((row.len() + cuts.len()) as u64)?;
        let had = self.left[n];
        let mut cuts = cuts.iter().copied().peekable();
        for (cut, allowed) in row.iter_mut().enumerate() {
            let is_named = cuts.next_if_eq(&(cut as u32)).is_some();
            if *allowed && is_named != is_inside {
                *allowed = false;
                self.left[n] -= 1;
                self.taken.push((*user, cut as u32));
            }
        }
        self.without += usize::from(had > 0 && self.left[n] == 0);
        Ok(())
    }

    fn up(&mut self) {
        let before = self.before.pop().expect("down comes before up");
        for (user, cut) in self.taken.drain(before..) {
            let n = user as usize;
            self.without -= usize::from(self.left[n] == 0);
            self.left[n] += 1;
            self.allowed[n][cut as usize] = true;
        }
    }

    fn leaf(&mut self, node: usize, leaf: &'a Node) -> Result<(), Violation> {
        let (Node::Priced { prices } | Node::Empty { prices }) = leaf else { unreachable!("leaves only") };
        let index = *prices as usize;
        match leaf {
            Node::Priced { .. } => {
                let mut table = self.known.take(index);
                let low = self.priced(index, &mut table);
                self.known.keep(index, table);
                self.least = self.least.min(low?);
                Ok(())
            }
            _ if self.is_empty(index)? => Ok(()),
            _ => Err(Flaw { node, what: "prices prove that a leaf has no solution" }.violation(self.place)),
        }
    }
}

impl Walk<'_> {
    /// What is allowed where the order of users that are alike counts, too; none if a user has no cut left.
    fn in_order(&self) -> Result<Option<Cow<'_, [Vec<bool>]>>, Violation> {
        if self.without > 0 {
            return Ok(None);
        }
        self.slot.budget.spend(4 * self.known.cuts as u64)?;
        if self.slot.symmetry_classes.is_empty() {
            return Ok(Some(Cow::Borrowed(&self.allowed)));
        }
        let mut allowed = self.allowed.clone();
        Ok(self.slot.put_in_order(&mut allowed).then_some(Cow::Owned(allowed)))
    }

    /// The bound of a leaf with prices, 0 at least; infinite if a user has no cut left. `table` is what is known of these prices.
    fn priced(&self, prices: usize, table: &mut Vec<f64>) -> Result<f64, Violation> {
        let Some(allowed) = self.in_order()? else { return Ok(f64::INFINITY) };
        if table.is_empty() {
            *table = vec![f64::NAN; self.known.cuts];
        }
        let mut found = 0;
        let low = self.slot.total(prices, &allowed, |n, cut| {
            let known = &mut table[self.known.first[n] + cut];
            if known.is_nan() {
                found += 1;
                *known = self.slot.user_slots[n].least(cut, &self.slot.tree.prices[prices]);
            }
            *known
        });
        self.slot.budget.spend(CUT_STEPS * found)?;
        Ok(low.max(0.0))
    }

    /// Whether a leaf has no solution, as its prices prove it or because a user has no cut left.
    fn is_empty(&self, prices: usize) -> Result<bool, Violation> {
        let Some(allowed) = self.in_order()? else { return Ok(true) };
        self.slot.budget.spend(CUT_STEPS * self.known.cuts as u64)?;
        // (Not below 0 only because there is nothing to be had: the needs must be worth something.)
        let needs = self.slot.needs(&self.slot.tree.prices[prices], &allowed);
        Ok(needs > 0.0 && add_down(needs, -self.slot.worth(prices).high()) >= 0.0)
    }
}

/// Leasts that were found already: leaves share prices.
struct Known {
    /// By prices and cut; not a number where nothing is known yet.
    least: HashMap<usize, Vec<f64>>,
    /// How many leaves are yet to come, by prices.
    leaves: HashMap<usize, u64>,
    /// Where users' cuts begin, and how many there are.
    first: Vec<usize>,
    cuts: usize,
}

impl Known {
    fn new(slot: &Slot) -> Self {
        let mut cuts = 0;
        let first = slot.user_slots.iter().map(|user_slot| {
            cuts += user_slot.works.len();
            cuts - user_slot.works.len()
        });
        let first = first.collect();
        let mut leaves = HashMap::new();
        for node in &slot.tree.nodes {
            if let Node::Priced { prices } = node {
                *leaves.entry(*prices as usize).or_default() += 1;
            }
        }
        Self { least: HashMap::new(), leaves, first, cuts }
    }

    /// What is known for the next leaf with these prices; empty if that is nothing.
    fn take(&mut self, prices: usize) -> Vec<f64> {
        *self.leaves.get_mut(&prices).expect("leaves were counted") -= 1;
        self.least.remove(&prices).unwrap_or_default()
    }

    /// Keeps what is known, if leaves are yet to come.
    fn keep(&mut self, prices: usize, table: Vec<f64>) {
        if self.leaves[&prices] == 0 || table.is_empty() {
            return;
        }
        let most = MAX_KEPT / (size_of::<f64>() * self.cuts.max(1));
        if self.least.len() >= most.max(1) {
            self.least.clear();
        }
        self.least.insert(prices, table);
    }
}

/// A user in a slot.
struct UserSlot<'a> {
    service: Service,
    works: &'a [StageWork],
    arrivals: f64,
    delay_price: f64,
    /// What `f^2` costs for a MAC of work, and a second of sending.
    power: Interval,
    sending: Interval,
    rate: Rate,
    /// The most of a device's speed, of bandwidth, of the edge's speed.
    most: [f64; 3],
    /// The cuts that the user could keep stable if it were alone.
    stands: Vec<bool>,
}

impl<'a> UserSlot<'a> {
    fn new(
        instance: &Instance,
        works: &'a [StageWork],
        t: usize,
        n: usize,
        delay_price: f64,
        energy_price: f64,
    ) -> Self {
        let (user, slot) = (&instance.users[n], &instance.slots[t]);
        let arrivals = slot.arrivals_per_s[n];
        let weight = Interval::point(energy_price) * product(instance.slot_s, arrivals);
        let mut user_slot = Self {
            service: instance.service,
            works,
            arrivals,
            delay_price,
            power: weight * Interval::point(user.energy_per_mac_coeff),
            sending: weight * Interval::point(user.tx_power_w),
            rate: Rate::new(instance, user, slot.gains[n]),
            most: [user.max_macs_per_s, instance.bandwidth_hz, instance.edge_macs_per_s],
            stands: Vec::new(),
        };
        let [device, bandwidth, edge] = user_slot.most;
        let speeds = [Interval::point(device), user_slot.rate.at(Interval::point(bandwidth)), Interval::point(edge)];
        let stands = |work: &StageWork| {
            let stages = work.stages().into_iter().zip(speeds);
            let mut stages = stages.filter(|(work, _)| *work != Interval::ZERO);
            stages.all(|(work, speed)| speed.high() > work.arriving(arrivals).low())
        };
        user_slot.stands = works.iter().map(stands).collect();
        user_slot
    }

    /// phi: the least that a cut costs at some prices, rounded down.
    fn least(&self, cut: usize, prices: &Prices) -> f64 {
        let work = &self.works[cut];
        let stages = work.stages();
        let power = self.power * work.local;
        let approximate_minimizer = Cut {
            arrivals: self.arrivals,
            delay_price: self.delay_price,
            power: power.middle(),
            sending: self.sending.middle(),
            works: stages.map(Interval::middle),
            most: self.most,
            prices: [prices.bandwidth, prices.edge],
            channel: match self.rate {
                Rate::Shannon { strength } => Channel::Shannon { strength: strength.middle() },
                Rate::Fixed { bit_per_s_per_hz } => Channel::Fixed { efficiency: bit_per_s_per_hz },
            },
        };
        let delay_price = Interval::point(self.delay_price);
        let (weights, offsets, constant) = match self.service {
            Service::Exponential => ([delay_price; 3], stages.map(|work| work.arriving(self.arrivals)), Interval::ZERO),
            Service::Deterministic => {
                // Any weights will do, as long as they are numbers.
                let weights =
                    approximate_minimizer.weights().map(|weight| if weight < 1e90 { weight.max(0.0) } else { 0.0 });
                let weights = weights.map(Interval::point);
                let waiting = if self.arrivals > 0.0 { self.conjugate(weights) } else { Interval::ZERO };
                (weights.map(|weight| delay_price + weight), [Interval::ZERO; 3], waiting)
            }
        };
        let delay = |i: usize| Delay { weight: weights[i], work: stages[i], offset: offsets[i] };
        let [device_most, bandwidth, edge_most] = self.most;
        let mut total = 0.0;
        if stages[0] != Interval::ZERO {
            let near = approximate_minimizer.device(weights[0].middle(), offsets[0].middle());
            total = add_down(total, device(delay(0), power, device_most, near));
        }
        if stages[1] != Interval::ZERO {
            let near = approximate_minimizer.bandwidth(weights[1].middle(), offsets[1].middle());
            total = add_down(total, channel(delay(1), self.sending, &self.rate, prices.bandwidth, bandwidth, near));
        }
        if stages[2] != Interval::ZERO {
            total = add_down(total, edge(delay(2), prices.edge, edge_most));
        }
        add_down(total, -constant.high()).max(0.0)
    }

    /// `V h*(y)` for some y with `y V >= G`.
    fn conjugate(&self, weights: [Interval; 3]) -> Interval {
        let all = weights[0] + weights[1] + weights[2];
        match self.enough(all.high()) {
            Some(z) => {
                product(z, z) * Interval::point(self.delay_price)
                    / (Interval::point(2.0) * Interval::point(self.arrivals))
            }
            // Nothing is known where numbers are this far from each other.
            None => Interval::between(0.0, f64::INFINITY),
        }
    }

    /// A z with `V z (2 + z) / 2 >= G` for certain, and little more.
    fn enough(&self, all: f64) -> Option<f64> {
        let (price, two) = (Interval::point(self.delay_price), Interval::point(2.0));
        // z (2 + z) = 2 G / V, in plain floats, then next to there.
        let y = all / self.delay_price;
        let near = 2.0 * y / ((1.0 + 2.0 * y).sqrt() + 1.0);
        let nearby = [0.0, 1e-15, 1e-14, 1e-12, 1e-9].map(|more| near * (1.0 + more));
        let is_enough = |z: &f64| {
            let z = Interval::point(*z);
            z.high() < 1e100 && (price * z * (two + z) / two).low() >= all
        };
        nearby.into_iter().find(is_enough)
    }

    /// What stability of a cut needs of bandwidth and edge speed: any that is stable is more, or both are 0.
    fn needs(&self, cut: usize) -> [f64; 2] {
        let [_, bits, remote] = self.works[cut].stages().map(|work| work.arriving(self.arrivals).low());
        let is_less = |bandwidth: &f64| *bandwidth > 0.0 && self.rate.at(Interval::point(*bandwidth)).high() <= bits;
        let near = match self.rate {
            _ if bits <= 0.0 => 0.0,
            Rate::Shannon { strength } => Channel::Shannon { strength: strength.middle() }.inverse(bits),
            Rate::Fixed { bit_per_s_per_hz } => bits / bit_per_s_per_hz,
        };
        let nearer = [0.0, 1e-15, 1e-14, 1e-13, 1e-12, 1e-9, 1e-6, 1e-3].map(|less| near * (1.0 - less));
        [nearer.into_iter().find(is_less).unwrap_or(0.0), remote]
    }
}

#[cfg(test)]
mod tests {
    use dashu_float::FBig;
    use dashu_float::round::mode::HalfAway;
    use offcut_instances::document::parse_instance;
    use offcut_instances::lymdo::{Lymdo, RateLaw};
    use offcut_instances::random::Stream;

    use super::*;

    fn toy() -> Instance {
        parse_instance::<Lymdo>(include_bytes!("../../../../instances/data/lymdo/toy.json")).expect("legal")
    }

    /// V (sqrt(1 + 2 G/V) - 1)^2 / (2 lambda), never less, and more by roundings only.
    #[test]
    fn conjugates_are_not_too_small() {
        type Big = FBig<HalfAway, 2>;
        let big = |x: f64| Big::try_from(x).expect("finite").with_precision(300).value();
        let instance = toy();
        let works = works(&instance);
        let mut stream = Stream::new(&["conjugates"], 0);
        for _ in 0..500 {
            let mut some = || stream.log_uniform(1e-6, 1e6);
            let (price, weights) = (some(), [some(), some(), some()]);
            let user_slot = UserSlot { arrivals: some(), ..UserSlot::new(&instance, &works[0], 0, 0, price, 1.0) };
            let enclosed = user_slot.conjugate(weights.map(Interval::point));
            let all = weights.iter().fold(big(0.0), |sum, weight| sum + big(*weight));
            let z = (big(1.0) + big(2.0) * &all / big(price)).sqrt() - big(1.0);
            let truth = big(price) * &z * &z / (big(2.0) * big(user_slot.arrivals));
            assert!(big(enclosed.high()) >= truth, "{enclosed:?} {truth}");
            let z = big(user_slot.enough(all.to_f64().value().next_up()).expect("numbers"));
            assert!(big(price) * &z * (big(2.0) + &z) / big(2.0) >= all, "{z} {all}");
            assert!(enclosed.high() <= truth.to_f64().value() * (1.0 + 1e-13), "{enclosed:?} {truth}");
        }
    }

    /// The rate of what is needed is no more than what arrives, and less by roundings only.
    #[test]
    fn needs_are_not_too_large() {
        let mut stream = Stream::new(&["needs"], 0);
        for case in 0..500 {
            let mut instance = toy();
            instance.models[0].cut_bytes[0] = stream.log_uniform(1e-3, 1e3);
            (instance.rate_law, instance.noise_w_per_hz) = match case % 2 {
                0 => (RateLaw::Fixed { bit_per_s_per_hz: stream.log_uniform(0.1, 10.0) }, 1.0),
                _ => (RateLaw::Shannon, 1.0),
            };
            instance.slots[0].gains[0] = stream.log_uniform(1e4, 1e6);
            let works = works(&instance);
            let mut user_slot = UserSlot::new(&instance, &works[0], 0, 0, 1.0, 1.0);
            let arriving = 8.0 * instance.models[0].cut_bytes[0] * user_slot.arrivals;
            let [bandwidth, edge] = user_slot.needs(0);
            let rate = user_slot.rate.at(Interval::point(bandwidth));
            assert!(rate.high() <= arriving && rate.low() >= arriving * (1.0 - 1e-11), "{case}: {rate:?} {arriving}");
            assert_eq!(edge, works[0][0].stages()[2].low() * user_slot.arrivals);
            // Nothing arrives, nothing is needed.
            user_slot.arrivals = 0.0;
            assert_eq!(user_slot.needs(0), [0.0; 2]);
        }
    }
}
