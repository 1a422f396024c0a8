//! Replays a certificate: trees of prices, slot by slot.
//!
//! With prices nu >= 0 of bandwidth and eta >= 0 of the edge's speed a slot costs at least
//!
//! ```text
//! sum_n min over cuts phi_n - nu W - eta F_edge,     phi_n = min over f, b, F of  V D + Q E + nu b + eta F
//! ```
//!
//! At a leaf, cuts are those that the splits above it leave and with which a user alone can be stable. The least phi_n of a cut is derived in
//! [`super::user_slot`].
//!
//! Exchanging two users with identical data in a slot does not change the slot's cost. So it suffices to consider solutions in which, among such users, cuts
//! do not fall from user to user: every solution has an equivalent of that kind. Below splits this order excludes further cuts
//! ([`Slot::put_in_order`]).
//!
//! A leaf is empty if the resources that stability needs cost, at its prices, at least as much as the capacities: a stable allocation takes strictly more than
//! it needs, so it would exceed a capacity. A horizon's bound is the mean of its slots' bounds with V = 1 and Q = mu, less `sum_n mu_n budget_n`, for
//! 0 <= mu <= overdraft: a joule above the budget is charged `overdraft`, one below it is not charged.
//!
//! **Why every certificate that parses proves a bound**, or is rejected. Its numbers are those that `crate::number` admits.
//!
//! 1. *Prices* nu, eta, mu may be any numbers >= 0 (mu up to the overdraft's charge, compared as floats, which is exact): the shares sum to at most the
//!    capacity. A price of 0 is never a divisor: shares are then searched up to the capacity.
//! 2. *Stages.* Every least cost is that of a tangent, rounded down, at any point of tangency; what is not a number counts as 0, and all costs are 0 or
//!    above. Weights g_i are 0 or above, however they are approximated, and y is checked to be large enough for their sum.
//! 3. *Leaf without solutions.* Stability needs strictly more than the computed needs, each rounded down. Their cost must be above 0, or
//!    prices of 0 would prove it of every leaf, and at least the cost of the capacities, rounded up.
//! 4. *Order.* Users are symmetric if all data that their costs depend on are equal bit by bit; zeros of both signs are equal. Exchanging them maps solutions
//!    to solutions with the same cost, so the ordered ones suffice.
//! 5. *Tree.* A cut is among a split's or not: every ordered solution is in a leaf. Neither delays nor charges are below 0.
//!
//! **Steps** (see [`Budget`]). The least cost of a cut at given prices, and its needs, take [`CUT_STEPS`] steps; a look at a cut takes one. A leaf looks at the
//! cuts of all users, and least costs that are unknown at its prices are computed. Leaves share tables of least costs: a table is made when a leaf first uses
//! its prices, dropped after the last such leaf, and all tables are dropped when they take more than [`MAX_KEPT`] bytes. Prices that no leaf uses take
//! no steps.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

use offcut_instances::lymdo::{Certificate, Instance, Node, Prices, Tree as SlotCertificate, User};

use super::stage::WorkOfCuts;
use super::user_slot::UserSlot;
use crate::budget::{Budget, MAX_KEPT};
use crate::interval::{Accumulator, Interval, add_down, product};
use crate::tree::{Flaw, Tree, Walker};
use crate::verdict::Violation;

/// The steps of a cut's least cost: some hundred operations, logarithms and roots among them.
const CUT_STEPS: u64 = 400;

/// The steps that the replay of `certificate` may take.
pub(super) fn budget(instance: &Instance, certificate: &Certificate) -> Budget {
    let of_node = |node: &Node| match node {
        Node::Priced { .. } | Node::Empty { .. } => 1,
        Node::Split { cuts, .. } => 3 + cuts.len() as u64,
    };
    let of_tree = |tree: &SlotCertificate| tree.prices.len() as u64 * 2 + tree.nodes.iter().map(of_node).sum::<u64>();
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
    let work = WorkOfCuts::new(instance);
    let mut total = Accumulator::default();
    let mut is_infeasible = false;
    for (t, tree) in certificate.slots.iter().enumerate() {
        let user_slots: Vec<UserSlot> = (0..users)
            .map(|n| {
                let user = &instance.users[n];
                let (delay_price, energy_price) =
                    if is_horizon { (1.0, energy[n]) } else { (instance.v, user.backlog_j) };
                UserSlot::new(instance, work.of(user), t, n, delay_price, energy_price)
            })
            .collect();
        // Every slot is replayed: an infeasible one must not hide a flaw in another.
        let symmetry_classes =
            symmetry_classes(instance, t, |n| if is_horizon { energy[n] } else { instance.users[n].backlog_j });
        let least = Slot { instance, user_slots, symmetry_classes, certificate: tree, budget }
            .bound(&format!("slots[{t}]."))?;
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
    // Neither delays nor charges are below 0, whatever the prices are.
    Ok(add_down(mean.low(), -budgets.total().high()).max(0.0))
}

/// The classes of symmetric users in slot `t` at these prices of energy, each ascending; classes of one user are left out. The given data are
/// compared, bit by bit: numbers computed from them may be equal by rounding.
fn symmetry_classes(instance: &Instance, t: usize, energy_price: impl Fn(usize) -> f64) -> Vec<Vec<usize>> {
    let slot = &instance.slots[t];
    let mut groups: BTreeMap<(u32, Option<u32>, [u64; 6]), Vec<usize>> = BTreeMap::new();
    for (n, user) in instance.users.iter().enumerate() {
        let User { model, device, energy_per_mac_coeff, tx_power_w, .. } = *user;
        let numbers = [device.speed, energy_per_mac_coeff, tx_power_w, slot.arrivals_per_s[n], slot.gains[n]];
        // (`+ 0.0` turns -0.0 into 0.0.)
        let bits = |number: f64| (number + 0.0).to_bits();
        let [a, b, c, d, e] = numbers.map(bits);
        groups.entry((model, device.kind, [a, b, c, d, e, bits(energy_price(n))])).or_default().push(n);
    }
    groups.into_values().filter(|group| group.len() > 1).collect()
}

/// A slot with the tree of its certificate.
struct Slot<'a> {
    instance: &'a Instance,
    user_slots: Vec<UserSlot<'a>>,
    /// See [`symmetry_classes`].
    symmetry_classes: Vec<Vec<usize>>,
    certificate: &'a SlotCertificate,
    budget: &'a Budget,
}

impl<'a> Slot<'a> {
    /// The least bound of the leaves, 0 at least; infinite if all are empty. `place` is the tree's in the certificate.
    fn bound(&self, place: &str) -> Result<f64, Violation> {
        let tree =
            Tree::new(&self.certificate.nodes, |node| self.children(node)).map_err(|flaw| flaw.violation(place))?;
        let mut walk = Walk::new(self, place);
        tree.walk(&mut walk)?;
        Ok(walk.least)
    }

    /// The children of a split, `None` for a leaf; or the constraint that the node breaks.
    fn children(&self, node: &Node) -> Result<Option<[u32; 2]>, &'static str> {
        match node {
            Node::Split { user, cuts, inside, outside } => {
                let exists = |cut: &u32| {
                    self.user_slots.get(*user as usize).is_some_and(|user_slot| (*cut as usize) < user_slot.work.len())
                };
                let is_ascending = cuts.windows(2).all(|pair| pair[0] < pair[1]);
                if (*user as usize) >= self.user_slots.len() || !is_ascending || !cuts.iter().all(exists) {
                    return Err("a split names a user and cuts, ascending");
                }
                Ok(Some([*inside, *outside]))
            }
            Node::Priced { prices } | Node::Empty { prices } => {
                if (*prices as usize) < self.certificate.prices.len() {
                    Ok(None)
                } else {
                    Err("a leaf refers to prices that are there")
                }
            }
        }
    }

    /// Excludes the cuts that the order of symmetric users excludes. Whether every user has a cut left, if each had one before.
    fn put_in_order(&self, allowed: &mut [Vec<bool>]) -> bool {
        for group in &self.symmetry_classes {
            // A cut is at least the smallest cut left to the user before, and at most the largest cut left to the next user.
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

    /// The cost of all capacities at some prices.
    fn capacity_cost(&self, prices: usize) -> Interval {
        let Prices { bandwidth, edge } = self.certificate.prices[prices];
        product(bandwidth, self.instance.bandwidth_hz) + product(edge, self.instance.edge().speed)
    }

    /// The sum over users of the least cost over cuts, less the cost of the capacities, rounded down. Every user has a cut.
    fn total(&self, prices: usize, allowed: &[Vec<bool>], mut least: impl FnMut(usize, usize) -> f64) -> f64 {
        let mut total = 0.0;
        for (n, row) in allowed.iter().enumerate() {
            let cuts = row.iter().enumerate().filter(|(_, allowed)| **allowed);
            total = add_down(total, cuts.map(|(cut, _)| least(n, cut)).fold(f64::INFINITY, f64::min));
        }
        add_down(total, -self.capacity_cost(prices).high())
    }

    /// The cost of the resources that stability alone needs, at some prices, rounded down.
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

/// The walk through a slot's tree.
struct Walk<'a> {
    slot: &'a Slot<'a>,
    place: &'a str,
    /// The cuts with which a user alone can be stable and that the splits above leave. Shape (users, cuts).
    allowed: Vec<Vec<bool>>,
    /// The number of cuts that every user has left, and the number of users without one.
    left: Vec<usize>,
    without: usize,
    /// The pairs (user, cut) excluded so far, in order; and how many there were before each split.
    excluded: Vec<(u32, u32)>,
    before: Vec<usize>,
    costs: LeastCosts,
    least: f64,
}

impl<'a> Walk<'a> {
    fn new(slot: &'a Slot<'a>, place: &'a str) -> Self {
        let allowed: Vec<Vec<bool>> = slot.user_slots.iter().map(|user_slot| user_slot.stable.clone()).collect();
        let left: Vec<usize> = allowed.iter().map(|row| row.iter().filter(|allowed| **allowed).count()).collect();
        Self {
            slot,
            place,
            allowed,
            without: left.iter().filter(|left| **left == 0).count(),
            left,
            excluded: Vec::new(),
            before: Vec::new(),
            costs: LeastCosts::new(slot),
            least: f64::INFINITY,
        }
    }
}

impl<'a> Walker<'a, Node> for Walk<'a> {
    fn down(&mut self, split: &'a Node, is_inside: bool) -> Result<(), Violation> {
        let Node::Split { user, cuts, .. } = split else { unreachable!("only splits have children") };
        self.before.push(self.excluded.len());
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
                self.excluded.push((*user, cut as u32));
            }
        }
        self.without += usize::from(had > 0 && self.left[n] == 0);
        Ok(())
    }

    fn up(&mut self) {
        let before = self.before.pop().expect("down comes before up");
        for (user, cut) in self.excluded.drain(before..) {
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
                let mut table = self.costs.take(index);
                let low = self.priced(index, &mut table);
                self.costs.keep(index, table);
                self.least = self.least.min(low?);
                Ok(())
            }
            _ if self.is_empty(index)? => Ok(()),
            _ => Err(Flaw { node, what: "prices prove that a leaf has no solution" }.violation(self.place)),
        }
    }
}

impl Walk<'_> {
    /// The allowed cuts, in the order of symmetric users as well; `None` if a user has no cut left.
    fn in_order(&self) -> Result<Option<Cow<'_, [Vec<bool>]>>, Violation> {
        if self.without > 0 {
            return Ok(None);
        }
        self.slot.budget.spend(4 * self.costs.cuts as u64)?;
        if self.slot.symmetry_classes.is_empty() {
            return Ok(Some(Cow::Borrowed(&self.allowed)));
        }
        let mut allowed = self.allowed.clone();
        Ok(self.slot.put_in_order(&mut allowed).then_some(Cow::Owned(allowed)))
    }

    /// The bound of a leaf with prices, 0 at least; infinite if a user has no cut left. `table` holds the least costs at these prices.
    fn priced(&self, prices: usize, table: &mut Vec<f64>) -> Result<f64, Violation> {
        let Some(allowed) = self.in_order()? else { return Ok(f64::INFINITY) };
        if table.is_empty() {
            *table = vec![f64::NAN; self.costs.cuts];
        }
        let mut found = 0;
        let low = self.slot.total(prices, &allowed, |n, cut| {
            let known = &mut table[self.costs.first[n] + cut];
            if known.is_nan() {
                found += 1;
                *known = self.slot.user_slots[n].least(cut, &self.slot.certificate.prices[prices]);
            }
            *known
        });
        self.slot.budget.spend(CUT_STEPS * found)?;
        Ok(low.max(0.0))
    }

    /// Whether a leaf has no solution, as its prices prove it or because a user has no cut left.
    fn is_empty(&self, prices: usize) -> Result<bool, Violation> {
        let Some(allowed) = self.in_order()? else { return Ok(true) };
        self.slot.budget.spend(CUT_STEPS * self.costs.cuts as u64)?;
        // (Without capacities the difference is 0, so the needs must cost more than 0.)
        let needs = self.slot.needs(&self.slot.certificate.prices[prices], &allowed);
        Ok(needs > 0.0 && add_down(needs, -self.slot.capacity_cost(prices).high()) >= 0.0)
    }
}

/// Least costs computed so far, for leaves that share prices.
struct LeastCosts {
    /// By prices and cut; NaN where unknown.
    tables: HashMap<usize, Vec<f64>>,
    /// The number of leaves that are still to come, by prices.
    leaves: HashMap<usize, u64>,
    /// The first cut of every user, and the number of cuts.
    first: Vec<usize>,
    cuts: usize,
}

impl LeastCosts {
    fn new(slot: &Slot) -> Self {
        let mut cuts = 0;
        let first = slot.user_slots.iter().map(|user_slot| {
            cuts += user_slot.work.len();
            cuts - user_slot.work.len()
        });
        let first = first.collect();
        let mut leaves = HashMap::new();
        for node in &slot.certificate.nodes {
            if let Node::Priced { prices } = node {
                *leaves.entry(*prices as usize).or_default() += 1;
            }
        }
        Self { tables: HashMap::new(), leaves, first, cuts }
    }

    /// The table for the next leaf with these prices; empty if there is none yet.
    fn take(&mut self, prices: usize) -> Vec<f64> {
        *self.leaves.get_mut(&prices).expect("leaves were counted") -= 1;
        self.tables.remove(&prices).unwrap_or_default()
    }

    /// Keeps a table if leaves with its prices are still to come.
    fn keep(&mut self, prices: usize, table: Vec<f64>) {
        if self.leaves[&prices] == 0 || table.is_empty() {
            return;
        }
        let most = MAX_KEPT / (size_of::<f64>() * self.cuts.max(1));
        if self.tables.len() >= most.max(1) {
            self.tables.clear();
        }
        self.tables.insert(prices, table);
    }
}
