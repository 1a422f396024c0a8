//! Baselines for comparison. Each considers one user at a time.

use offcut_instances::multiuser::{Instance, Multiuser, Solution};
use offcut_instances::problem::Answer;

use super::iao::equal_split;
use super::latency::Latencies;
use crate::baseline::Baseline;

/// Everything on the devices.
pub(super) const LOCAL_ONLY: Baseline<Multiuser> = Baseline {
    id: "local-only",
    about: "everything on the devices",
    is_random: false,
    solve: |instance, _| answer(instance, |latencies| latencies.with_best_cuts(vec![0; latencies.users()])),
};

/// Everything on the server.
pub(super) const EDGE_ONLY: Baseline<Multiuser> = Baseline {
    id: "edge-only",
    about: "everything on the server, units split equally; local only where no unit is left",
    is_random: false,
    solve: |instance, _| {
        answer(instance, |latencies| {
            let units = equal_split(latencies.users(), instance.server.units);
            let cut = units.iter().enumerate().map(|(user, units)| if *units > 0 { 0 } else { blocks(instance, user) });
            Solution { cut: cut.collect(), units }
        })
    },
};

/// No cut within a chain.
pub(super) const BINARY: Baseline<Multiuser> = Baseline {
    id: "binary",
    about: "each user all local or all remote, units split equally",
    is_random: false,
    solve: |instance, _| {
        answer(instance, |latencies| {
            let units = equal_split(latencies.users(), instance.server.units);
            let cut = units.iter().enumerate().map(|(user, units)| {
                let blocks = blocks(instance, user);
                let goes = *units > 0 && latencies.at(user, 0, *units) < latencies.local(user);
                if goes { 0 } else { blocks }
            });
            Solution { cut: cut.collect(), units }
        })
    },
};

/// Units without looking at users.
pub(super) const EQUAL_SPLIT: Baseline<Multiuser> = Baseline {
    id: "equal-split",
    about: "units split equally, each user's best cut for its share",
    is_random: false,
    solve: |instance, _| {
        answer(instance, |latencies| latencies.with_best_cuts(equal_split(latencies.users(), instance.server.units)))
    },
};

/// Units by work.
pub(super) const PROPORTIONAL: Baseline<Multiuser> = Baseline {
    id: "proportional",
    about: "units in proportion to each user's server work (largest remainders), best cuts",
    is_random: false,
    solve: |instance, _| {
        answer(instance, |latencies| {
            let work: Vec<f64> =
                instance.users.iter().map(|user| instance.server_work(user.model as usize).iter().sum()).collect();
            latencies.with_best_cuts(proportional_split(&work, instance.server.units))
        })
    },
};

/// The solution that `decide` makes, with its objective.
fn answer(instance: &Instance, decide: impl FnOnce(&Latencies) -> Solution) -> Answer<Multiuser> {
    let latencies = Latencies::new(instance);
    let solution = decide(&latencies);
    let objective = latencies.objective(&solution);
    Answer::found(solution, objective)
}

fn blocks(instance: &Instance, user: usize) -> u32 {
    instance.models[instance.users[user].model as usize].blocks() as u32
}

/// Hands out `units` in proportion to `weights`, whole numbers by largest remainders; equally if all weights are 0.
fn proportional_split(weights: &[f64], units: u32) -> Vec<u32> {
    let total: f64 = weights.iter().sum();
    if total <= 0.0 {
        return equal_split(weights.len(), units);
    }
    let shares: Vec<f64> = weights.iter().map(|weight| weight / total * f64::from(units)).collect();
    let mut split: Vec<u32> = shares.iter().map(|share| share.floor() as u32).collect();
    let mut given: u64 = split.iter().map(|units| u64::from(*units)).sum();
    // Rounding can hand out one too many in all; the largest share gives it back.
    while given > u64::from(units) {
        let most = (0..split.len()).max_by_key(|user| split[*user]).expect("there are users");
        split[most] -= 1;
        given -= 1;
    }
    let mut order: Vec<usize> = (0..weights.len()).collect();
    order.sort_by(|a, b| shares[*b].fract().total_cmp(&shares[*a].fract()).then(a.cmp(b)));
    let left = (u64::from(units) - given) as usize;
    for user in order.into_iter().cycle().take(left) {
        split[user] += 1;
    }
    split
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_hand_out_everything() {
        assert_eq!(proportional_split(&[1.0, 2.0, 1.0], 8), [2, 4, 2]);
        assert_eq!(proportional_split(&[1.0, 1.0, 1.0], 8), [3, 3, 2]);
        assert_eq!(proportional_split(&[0.0, 0.0], 3), [2, 1]);
        assert_eq!(proportional_split(&[1e-9, 1e9], 7), [0, 7]);
        assert_eq!(equal_split(3, 8), [3, 3, 2]);
        assert_eq!(equal_split(3, 2), [1, 1, 0]);
    }
}
