//! Finds cuts that a fractional admission violates.
//!
//! The values of a node prove cuts, too: those of cloudlets that exchange requests among themselves lose nothing but for requests that others serve in part. From every
//! cloudlet a group grows by the cloudlet that exchanges most with it, as long as there is one, and each group whose profit is about to be rounded down is tried.

use super::cuts::Cut;
use super::knapsacks::{KNAPSACK_TOL, Knapsacks};
use super::model::Admission;

/// Groups of cloudlets at most this large are tried.
const MAX_CLOUDLETS: usize = 24;

/// A violation by less is none.
const MIN_VIOLATION: f64 = 0.02;

/// Looks for cuts that a fractional admission of a node violates. `root`: all open requests, at their places. `shares` and `values` are by open request.
pub(super) fn separated(root: &Admission, shares: &[Vec<(u32, f64)>], values: &[f64], most: usize) -> Vec<Cut> {
    let cloudlets = root.cloudlets();
    let mut exchanges = vec![Vec::new(); cloudlets];
    for (at, options) in shares.iter().enumerate() {
        for (j, _) in options {
            exchanges[*j as usize].push(at as u32);
        }
    }
    let mut knapsacks = Knapsacks::new(root);
    let mut found: Vec<(f64, Cut)> = Vec::new();
    for seed in 0..cloudlets {
        let mut group = vec![seed];
        let mut inside = vec![0.0; shares.len()];
        add(&exchanges, shares, seed, &mut inside);
        while group.len() < MAX_CLOUDLETS {
            let Some(next) = closest(&group, &exchanges, shares, values, &inside, root) else { break };
            group.push(next);
            add(&exchanges, shares, next, &mut inside);
            let (served, loss) = measures(root, values, &inside);
            if served - (served + loss + 1e-9).floor() < loss + MIN_VIOLATION {
                continue;
            }
            let cut = proved(&mut knapsacks, &group, &inside, values);
            let violation = cut_profit(root, &cut, shares) - cut.bound;
            if violation > MIN_VIOLATION && found.iter().all(|(_, other)| other.cloudlets != cut.cloudlets) {
                found.push((violation / (cut.cloudlets.len() as f64).sqrt(), cut));
            }
        }
    }
    found.sort_by(|a, b| b.0.total_cmp(&a.0));
    found.truncate(most);
    found.into_iter().map(|(_, cut)| cut).collect()
}

/// The profit that a fractional admission has within a cut.
fn cut_profit(root: &Admission, cut: &Cut, shares: &[Vec<(u32, f64)>]) -> f64 {
    let within = |(at, options): (usize, &Vec<(u32, f64)>)| {
        let inside = options.iter().filter(|(j, _)| cut.cloudlets.binary_search(j).is_ok());
        root.items[at].profit * inside.map(|(_, share)| share).sum::<f64>()
    };
    shares.iter().enumerate().filter(|(at, _)| cut.members[*at]).map(within).sum()
}

/// Adds a cloudlet's shares.
fn add(exchanges: &[Vec<u32>], shares: &[Vec<(u32, f64)>], j: usize, inside: &mut [f64]) {
    for at in &exchanges[j] {
        let of_item = &shares[*at as usize];
        inside[*at as usize] += of_item.iter().filter(|(to, _)| *to as usize == j).map(|(_, share)| share).sum::<f64>();
    }
}

/// What an item that a group serves in part costs a cut: as a member, or left out.
fn loss_of(profit: f64, value: f64, inside: f64) -> f64 {
    (value * (1.0 - inside).max(0.0)).min(profit * inside)
}

/// The profit within a group, and how much the bound of its cut exceeds it, about.
fn measures(root: &Admission, values: &[f64], inside: &[f64]) -> (f64, f64) {
    let (mut served, mut loss) = (0.0, 0.0);
    for ((item, value), inside) in root.items.iter().zip(values).zip(inside) {
        if *inside > 1e-9 && is_member(*value, *inside, item.profit) {
            served += item.profit * inside;
            loss += loss_of(item.profit, *value, *inside);
        }
    }
    (served, loss)
}

/// Whether an item that a group serves in part costs a cut less as a member than left out.
fn is_member(value: f64, inside: f64, profit: f64) -> bool {
    value * (1.0 - inside) <= profit * inside
}

/// The cloudlet that exchanges most with a group.
fn closest(
    group: &[usize],
    exchanges: &[Vec<u32>],
    shares: &[Vec<(u32, f64)>],
    values: &[f64],
    inside: &[f64],
    root: &Admission,
) -> Option<usize> {
    let mut gains = vec![0.0; exchanges.len()];
    for at in group.iter().flat_map(|j| &exchanges[*j]) {
        let at = *at as usize;
        if inside[at] > 1.0 - 1e-6 {
            continue;
        }
        let before = loss_of(root.items[at].profit, values[at], inside[at]);
        for (j, share) in shares[at].iter().filter(|(j, _)| !group.contains(&(*j as usize))) {
            gains[*j as usize] +=
                before - loss_of(root.items[at].profit, values[at], inside[at] + share) + 1e-6 * share;
        }
    }
    let best = (0..gains.len()).max_by(|a, b| gains[*a].total_cmp(&gains[*b]))?;
    (gains[best] > 0.0).then_some(best)
}

/// The cut of a group, with the bound that its values prove.
fn proved(knapsacks: &mut Knapsacks, group: &[usize], inside: &[f64], values: &[f64]) -> Cut {
    let items = &knapsacks.admission.items;
    let members: Vec<bool> =
        (0..inside.len())
            .map(|at| {
                if inside[at] > 1e-9 { is_member(values[at], inside[at], items[at].profit) } else { values[at] <= 0.0 }
            })
            .collect();
    let mut cloudlets: Vec<u32> = group.iter().map(|j| *j as u32).collect();
    cloudlets.sort_unstable();
    // Outside the cut nothing is gained.
    let within: Vec<f64> =
        (0..inside.len()).map(|at| if members[at] { values[at].max(0.0) } else { items[at].profit }).collect();
    let kept: Vec<(u32, f64)> = (0..inside.len()).filter(|at| members[*at]).map(|at| (at as u32, within[at])).collect();
    let raw = kept.iter().map(|(_, value)| value).sum::<f64>()
        + cloudlets.iter().map(|j| knapsacks.knapsack(*j as usize, &within)).sum::<f64>();
    Cut { cloudlets, members, values: kept, bound: (raw * (1.0 + KNAPSACK_TOL)).floor() }
}
