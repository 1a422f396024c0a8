//! The values of requests with the least Lagrangian bound L of the module `knapsacks`, by a proximal bundle method.
//!
//! A column is a set of requests that fits a cloudlet. With the columns known so far, L is at least
//!
//! ```text
//! M(u) = sum_i u_i + sum_j max over columns S of j { sum_{i in S} (profit_i - u_i) }
//! ```
//!
//! Each round minimises M(v) + |v - u|^2 / (2 rho) around the best values u so far, solves all knapsacks at v, adds what they choose as columns, and
//! moves u to v where L has fallen (Kiwiel 1990). The dual of the quadratic problem is the restricted master problem of Dantzig and Wolfe with the rows of
//! requests penalised: weights lambda of the columns, 1 in sum for each cloudlet,
//!
//! ```text
//! maximise  sum profit_S lambda_S - sum_i penalty of (load_i - 1)     load_i = sum of the weights of the columns with i
//! v_i = max(0, u_i + rho (load_i - 1))
//! ```
//!
//! and it is solved by moving weight from the worst column of a cloudlet to its best, one cloudlet after the other. What the weights take too often of a
//! request they can give back: they prove that L is nowhere below `sum profit_S lambda_S - sum_i profit_i max(0, load_i - 1)`.

use std::rc::Rc;

use super::cuts::NodeCut;
use super::knapsacks::{Bound, Knapsacks};
use super::model::Admission;

/// Columns without weight are dropped after so many rounds.
const MAX_IDLE: u32 = 15;

/// What a request that has to be admitted and is not costs, in its profit: its value is not expected to be further below 0.
const MISSING: f64 = 4.0;

/// Columns without weight that may get some in a round, per cloudlet.
const NEAR: usize = 6;

/// Passes over all cloudlets per round, at most.
const MAX_PASSES: u32 = 10;

/// A set of requests that fits a cloudlet.
#[derive(Clone, Debug)]
struct Column {
    /// Ascending.
    items: Vec<u32>,
    /// Its coefficients in the rows of items and cuts, ascending.
    rows: Vec<(u32, f64)>,
    profit: f64,
    weight: f64,
    /// Rounds without weight.
    idle: u32,
}

/// Where a search starts: what another node left, by open request.
#[derive(Clone, Debug)]
pub(super) struct Start {
    /// Shape (open requests,).
    pub(super) values: Vec<f64>,
    /// Multipliers of cuts.
    pub(super) multipliers: Vec<(u32, f64)>,
    /// Columns with weights, by cloudlet: open requests, ascending. Shape (cloudlets,).
    columns: Vec<Vec<(Vec<u32>, f64)>>,
}

impl Start {
    /// About how much memory it takes.
    pub(super) fn bytes(&self) -> u64 {
        let of_column = |(open, _): &(Vec<u32>, f64)| size_of::<(Vec<u32>, f64)>() + size_of_val(&open[..]);
        let columns: usize = self.columns.iter().flatten().map(of_column).sum();
        (columns + size_of_val(&self.values[..])) as u64
    }
}

/// What a search for values is for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Aim {
    /// The profit of the best admission known: a bound that allows no better one ends the search.
    pub(super) best: f64,
    /// Rounds, at most.
    pub(super) max_rounds: u32,
}

/// Values, the bound that they prove, and a fractional admission. Rows are those of items, then those of cuts: their dual multipliers are values of items and
/// multipliers of cuts.
pub(super) struct Bundle<'a> {
    knapsacks: Knapsacks<'a>,
    pub(super) cuts: Vec<NodeCut>,
    /// What a row allows: 1 for items, the rest of a cut. Shape (rows,).
    most: Vec<f64>,
    /// The multipliers with the least L. Shape (rows,).
    centre: Vec<f64>,
    /// Their L without rounding.
    centre_raw: f64,
    /// The multipliers with the least bound. Shape (rows,).
    best: Vec<f64>,
    pub(super) bound: f64,
    /// L is nowhere below this; and the same rounded as bounds are.
    least: Bound,
    pub(super) rounds: u64,
    columns: Vec<Vec<Column>>,
    /// Shape (rows,).
    loads: Vec<f64>,
    /// The minimiser v. Shape (rows,).
    point: Vec<f64>,
    rho: f64,
    /// M at the last minimiser.
    last_model: f64,
}

/// Values by item, and multipliers of cuts.
pub(super) type Multipliers = (Vec<f64>, Vec<(u32, f64)>);

/// Nothing is known about L.
const NOWHERE: Bound = Bound { raw: f64::NEG_INFINITY, rounded: f64::NEG_INFINITY };

impl<'a> Bundle<'a> {
    /// From values by item.
    pub(super) fn new(admission: &'a Admission<'a>, values: Vec<f64>) -> Self {
        let (items, cloudlets) = (admission.items.len(), admission.cloudlets());
        Self {
            knapsacks: Knapsacks::new(admission),
            cuts: Vec::new(),
            most: vec![1.0; items],
            centre: values.clone(),
            centre_raw: f64::INFINITY,
            best: values,
            bound: f64::INFINITY,
            least: NOWHERE,
            rounds: 0,
            columns: vec![Vec::new(); cloudlets],
            loads: vec![0.0; items],
            point: vec![0.0; items],
            rho: 0.0,
            last_model: f64::NEG_INFINITY,
        }
    }

    /// From what another node left, with the cuts that have multipliers there. Columns that do not fit here are left out.
    pub(super) fn resumed(admission: &'a Admission<'a>, start: &Start, cuts: Vec<NodeCut>) -> Self {
        let values = admission.items.iter().map(|item| start.values[item.open as usize]).collect();
        let mut bundle = Self::new(admission, values);
        let multipliers = start.multipliers.iter().map(|(_, multiplier)| *multiplier).collect();
        bundle.add_cuts(cuts, multipliers);
        let mut places = vec![u32::MAX; start.values.len()];
        admission.items.iter().enumerate().for_each(|(at, item)| places[item.open as usize] = at as u32);
        for (j, columns) in start.columns.iter().enumerate() {
            for (open, weight) in columns {
                let items: Vec<u32> =
                    open.iter().map(|open| places[*open as usize]).filter(|at| *at != u32::MAX).collect();
                let threads = |at: &u32| u64::from(admission.row(&admission.items[*at as usize])[j]);
                let fits = items.iter().map(threads).sum::<u64>() <= admission.capacities[j];
                if fits && items.iter().all(|at| threads(at) > 0) {
                    bundle.add_column(j, items, *weight);
                }
            }
        }
        bundle
    }

    /// The number of items.
    fn items(&self) -> usize {
        self.knapsacks.admission.items.len()
    }

    /// Adds cuts with multipliers to start from. The search goes on from there.
    pub(super) fn add_cuts(&mut self, cuts: Vec<NodeCut>, multipliers: Vec<f64>) {
        self.most.extend(cuts.iter().map(|cut| cut.rest));
        for rows in [&mut self.centre, &mut self.best, &mut self.loads, &mut self.point] {
            rows.extend(&multipliers);
        }
        let first = self.cuts.len();
        self.cuts.extend(cuts);
        for (j, columns) in self.columns.iter_mut().enumerate() {
            for column in columns {
                let items = &self.knapsacks.admission.items;
                let cuts = self.cuts.iter().enumerate().skip(first);
                let of = |(c, cut): (usize, &NodeCut)| {
                    let coefficient = cut.coefficient(items, j as u32, &column.items);
                    (coefficient > 0.0).then_some(((items.len() + c) as u32, coefficient))
                };
                column.rows.extend(cuts.filter_map(of));
            }
        }
        self.least = NOWHERE;
    }

    /// The values by item that prove the bound, and the multipliers of cuts.
    pub(super) fn proof(&self) -> Multipliers {
        let (values, multipliers) = self.best.split_at(self.items());
        let multipliers = self.cuts.iter().zip(multipliers).map(|(cut, multiplier)| (cut.id, *multiplier));
        (values.to_vec(), multipliers.filter(|(_, multiplier)| *multiplier > 0.0).collect())
    }

    /// The values with the least L, by open request.
    pub(super) fn values(&self, open: usize) -> Vec<f64> {
        let mut values = vec![0.0; open];
        let items = &self.knapsacks.admission.items;
        items.iter().zip(&self.centre).for_each(|(item, value)| values[item.open as usize] = *value);
        values
    }

    /// What a child of the node can start from. `open`: the number of open requests.
    pub(super) fn left_behind(&self, open: usize) -> Rc<Start> {
        let items = &self.knapsacks.admission.items;
        let multipliers = self.cuts.iter().zip(&self.centre[items.len()..]);
        let multipliers = multipliers.map(|(cut, multiplier)| (cut.id, *multiplier));
        let by_open = |column: &Column| {
            let open: Vec<u32> = column.items.iter().map(|at| items[*at as usize].open).collect();
            (open, column.weight)
        };
        let is_kept = |column: &&Column| column.weight > 0.0 || column.idle < 3;
        let columns = self.columns.iter().map(|columns| columns.iter().filter(is_kept).map(by_open).collect());
        Rc::new(Start {
            values: self.values(open),
            multipliers: multipliers.filter(|(_, multiplier)| *multiplier > 1e-6).collect(),
            columns: columns.collect(),
        })
    }

    /// Searches until no admission can be better than the best one, or until it is clear that no values prove that, or for some rounds.
    /// `found` is told of every eighth point and answers with the profit of the best admission.
    pub(super) fn lower(&mut self, aim: Aim, mut found: impl FnMut(&Self) -> f64, is_out_of_time: &dyn Fn() -> bool) {
        let mut best = aim.best;
        let gain = if self.knapsacks.admission.is_whole { 1.0 } else { 1e-9 * best.max(1.0) };
        let bound = self.solve_at(&self.centre.clone());
        self.centre_raw = bound.raw;
        self.weigh();
        let distance: f64 = self.loads.iter().zip(&self.most).map(|(load, most)| (load - most).powi(2)).sum();
        self.rho = ((bound.raw - best - 0.5 * gain).max(0.05 * gain) / distance.max(1.0)).min(1.0);
        let mut failures = 0;
        for round in 1..=aim.max_rounds {
            if self.bound < best + gain * 0.5 || is_out_of_time() {
                break;
            }
            let model = self.settle(1e-4 * gain);
            let decrease = self.centre_raw - model;
            self.raise_least();
            // No values prove that there is no better admission, and none prove a better bound than the one there is.
            let is_hopeless = self.least.rounded > best + 0.5 * gain && self.least.rounded >= self.bound * (1.0 - 1e-6);
            if is_hopeless || self.centre_raw - self.least.raw <= 1e-3 * gain {
                break;
            }
            let point = self.point.clone();
            let there = self.solve_at(&point);
            if there.raw <= self.centre_raw - 0.1 * decrease {
                if there.raw <= self.centre_raw - 0.5 * decrease {
                    self.rho *= 1.5;
                }
                (self.centre, self.centre_raw, failures) = (point, there.raw, 0);
            } else {
                failures += 1;
                if failures % 4 == 0 {
                    self.rho *= 0.7;
                }
            }
            self.drop_idle();
            if round % 8 == 0 {
                best = best.max(found(self));
            }
        }
        found(self);
    }

    /// The least L, without rounding.
    pub(super) fn raw(&self) -> f64 {
        self.centre_raw
    }

    /// Solves all knapsacks at some values and adds what they choose.
    fn solve_at(&mut self, rows: &[f64]) -> Bound {
        let (values, multipliers) = rows.split_at(self.items());
        let bound = self.knapsacks.solve(values, &self.cuts, multipliers);
        self.rounds += 1;
        if bound.rounded < self.bound {
            self.bound = bound.rounded;
            self.best.copy_from_slice(rows);
        }
        for j in 0..self.columns.len() {
            let mut items = self.knapsacks.chosen[j].clone();
            items.reverse();
            if !self.columns[j].iter().any(|column| column.items == items) {
                self.add_column(j, items, 0.0);
            }
        }
        bound
    }

    fn add_column(&mut self, j: usize, items: Vec<u32>, weight: f64) {
        let profit = items.iter().map(|at| self.knapsacks.admission.items[*at as usize].profit).sum();
        let all = &self.knapsacks.admission.items;
        let mut rows: Vec<(u32, f64)> = items.iter().map(|at| (*at, 1.0)).collect();
        for (c, cut) in self.cuts.iter().enumerate() {
            let coefficient = cut.coefficient(all, j as u32, &items);
            if coefficient > 0.0 {
                rows.push(((all.len() + c) as u32, coefficient));
            }
        }
        self.columns[j].push(Column { items, rows, profit, weight, idle: 0 });
    }

    /// Scales the weights of every cloudlet to 1 in sum, and adds up loads.
    fn weigh(&mut self) {
        self.loads.fill(0.0);
        for columns in &mut self.columns {
            let total: f64 = columns.iter().map(|column| column.weight).sum();
            if total > 0.0 {
                columns.iter_mut().for_each(|column| column.weight /= total);
            } else if let Some(last) = columns.last_mut() {
                last.weight = 1.0;
            }
            for column in columns.iter().filter(|column| column.weight > 0.0) {
                column.rows.iter().for_each(|(row, factor)| self.loads[*row as usize] += factor * column.weight);
            }
        }
    }

    /// Solves the quadratic problem, about. The answer is M at the minimiser.
    fn settle(&mut self, tolerance: f64) -> f64 {
        for at in 0..self.point.len() {
            self.point[at] = self.value_of(at);
        }
        let near: Vec<Vec<u32>> = (0..self.columns.len()).map(|j| self.near(j)).collect();
        for _ in 0..MAX_PASSES {
            let gap: f64 = near.iter().enumerate().map(|(j, near)| self.balance(j, near)).sum();
            if gap <= tolerance.max(0.1 * (self.centre_raw - self.last_model)) {
                break;
            }
        }
        self.last_model = self.model();
        self.last_model
    }

    /// The columns of a cloudlet that have weight or gain most at the point.
    fn near(&self, j: usize) -> Vec<u32> {
        let columns = &self.columns[j];
        let gains: Vec<f64> = columns.iter().map(|column| self.gain(column)).collect();
        let mut order: Vec<u32> = (0..columns.len() as u32).collect();
        let key = |at: &u32| (columns[*at as usize].weight == 0.0, -gains[*at as usize]);
        order.sort_by(|a, b| key(a).0.cmp(&key(b).0).then(key(a).1.total_cmp(&key(b).1)));
        let weighted = columns.iter().filter(|column| column.weight > 0.0).count();
        order.truncate(weighted + NEAR);
        order
    }

    fn value_of(&self, at: usize) -> f64 {
        let value = self.centre[at] + self.rho * (self.loads[at] - self.most[at]);
        let is_free = self.knapsacks.admission.items.get(at).is_some_and(|item| item.is_admitted);
        if is_free { value } else { value.max(0.0) }
    }

    /// What a column gains at the point.
    fn gain(&self, column: &Column) -> f64 {
        column.profit - column.rows.iter().map(|(row, factor)| factor * self.point[*row as usize]).sum::<f64>()
    }

    /// M at the point.
    fn model(&self) -> f64 {
        let best = |columns: &Vec<Column>| {
            columns.iter().map(|column| self.gain(column)).fold(f64::NEG_INFINITY, f64::max).max(0.0)
        };
        self.point.iter().zip(&self.most).map(|(point, most)| point * most).sum::<f64>()
            + self.columns.iter().map(best).sum::<f64>()
    }

    /// Moves weight from the worst to the best column of a cloudlet. The answer is by how much the best gained more than the mean before.
    fn balance(&mut self, j: usize, near: &[u32]) -> f64 {
        let mut gap = 0.0;
        for turn in 0..2 {
            let columns = &self.columns[j];
            let (mut best, mut worst) = ((f64::NEG_INFINITY, 0), (f64::INFINITY, 0));
            let mut mean = 0.0;
            for at in near.iter().map(|at| *at as usize) {
                let column = &columns[at];
                let gain = self.gain(column);
                if gain > best.0 {
                    best = (gain, at);
                }
                if column.weight > 0.0 {
                    mean += column.weight * gain;
                    if gain < worst.0 {
                        worst = (gain, at);
                    }
                }
            }
            if turn == 0 {
                gap = best.0 - mean;
            }
            if best.1 == worst.1 || best.0 - worst.0 <= 1e-12 {
                break;
            }
            self.shift(j, worst.1, best.1, best.0 - worst.0);
        }
        gap
    }

    /// Moves weight between two columns that differ by so much in gain.
    fn shift(&mut self, j: usize, from: usize, to: usize, difference: f64) {
        let changes = difference_of(&self.columns[j][from].rows, &self.columns[j][to].rows);
        let curvature = self.rho * changes.iter().map(|(_, by)| by * by).sum::<f64>();
        let all = self.columns[j][from].weight;
        let amount = if curvature * all <= difference { all } else { difference / curvature };
        self.columns[j][from].weight = if amount == all { 0.0 } else { all - amount };
        self.columns[j][to].weight += amount;
        for (row, by) in changes {
            self.loads[row as usize] += amount * by;
            self.point[row as usize] = self.value_of(row as usize);
        }
    }

    /// What the weights prove about L everywhere.
    fn raise_least(&mut self) {
        let admission = self.knapsacks.admission;
        let mut of_group = vec![0.0; self.columns.len()];
        for (j, columns) in self.columns.iter().enumerate() {
            of_group[admission.group(j)] += columns.iter().map(|column| column.weight * column.profit).sum::<f64>();
        }
        let excess = |at: usize| {
            let (item, load) = (&admission.items[at], self.loads[at]);
            let missing = if item.is_admitted { MISSING * (1.0 - load).max(0.0) } else { 0.0 };
            -item.profit * ((load - 1.0).max(0.0) + missing)
        };
        self.knapsacks.add_by_group((0..admission.items.len()).map(excess), &mut of_group);
        if !self.cuts.is_empty() {
            let rows = self.loads.iter().zip(&self.most).skip(admission.items.len());
            let excess: f64 = rows.map(|(load, most)| (load - most).max(0.0)).sum();
            of_group = vec![of_group.iter().sum::<f64>() - excess];
        }
        // (Less by more than rounding: nothing is proved with it.)
        of_group.iter_mut().for_each(|value| *value -= 1e-6);
        let least = self.knapsacks.bound_of(&of_group);
        self.least.raw = self.least.raw.max(least.raw);
        self.least.rounded = self.least.rounded.max(least.rounded);
    }

    fn drop_idle(&mut self) {
        for columns in &mut self.columns {
            for column in columns.iter_mut() {
                column.idle = if column.weight > 0.0 { 0 } else { column.idle + 1 };
            }
            columns.retain(|column| column.idle < MAX_IDLE);
        }
    }

    /// The fractional admission: every item's cloudlets and shares.
    pub(super) fn shares(&self) -> Vec<Vec<(u32, f64)>> {
        let mut shares = vec![Vec::new(); self.items()];
        for (j, columns) in self.columns.iter().enumerate() {
            for column in columns.iter().filter(|column| column.weight > 1e-9) {
                for at in &column.items {
                    let of_item: &mut Vec<(u32, f64)> = &mut shares[*at as usize];
                    match of_item.last_mut().filter(|(last, _)| *last == j as u32) {
                        Some((_, share)) => *share += column.weight,
                        None => of_item.push((j as u32, column.weight)),
                    }
                }
            }
        }
        for (of_item, load) in shares.iter_mut().zip(&self.loads) {
            let most = load.max(1.0);
            of_item.iter_mut().for_each(|(_, share)| *share /= most);
        }
        shares
    }

    /// The heaviest column of every cloudlet, heaviest first: cloudlet and items.
    pub(super) fn heaviest(&self) -> Vec<(u32, &[u32])> {
        let of = |(j, columns): (usize, &'_ Vec<Column>)| {
            let heaviest = columns.iter().enumerate().max_by(|a, b| a.1.weight.total_cmp(&b.1.weight));
            heaviest.map(|(at, column)| (column.weight, j, at))
        };
        let mut all: Vec<(f64, usize, usize)> = self.columns.iter().enumerate().filter_map(of).collect();
        all.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        all.into_iter().map(|(_, j, at)| (j as u32, &self.columns[j][at].items[..])).collect()
    }
}

/// What moving from one column to another changes in rows.
fn difference_of(from: &[(u32, f64)], to: &[(u32, f64)]) -> Vec<(u32, f64)> {
    let mut changes = Vec::with_capacity(from.len() + to.len());
    let (mut a, mut b) = (from.iter().peekable(), to.iter().peekable());
    loop {
        match (a.peek(), b.peek()) {
            (Some((row, factor)), other) if other.is_none_or(|(next, _)| row < next) => {
                changes.push((*row, -factor));
                a.next();
            }
            (other, Some((row, factor))) if other.is_none_or(|(next, _)| row < next) => {
                changes.push((*row, *factor));
                b.next();
            }
            (Some((row, before)), Some((_, after))) => {
                if before != after {
                    changes.push((*row, after - before));
                }
                a.next();
                b.next();
            }
            _ => return changes,
        }
    }
}
