//! Symmetry: classes of users that are interchangeable in a slot.
//!
//! If they change places the slot costs the same, so only decisions count in which, among them, cuts do not fall from user to user. A split of one
//! user's cuts at a threshold then decides others: if its cut is not above, no earlier one's is; if it is above, every later one's is. So k users
//! that are alike and have two cuts left make k + 1 leaves, not 2^k.

use std::collections::BTreeMap;

use offcut_instances::lymdo::{Instance, User};

use super::slot::Slot;

/// Who is like whom.
#[derive(Clone, Debug)]
pub(super) struct SymmetryClasses {
    /// A number that users have in common if and only if they are alike. Shape (users,).
    class: Vec<u32>,
    /// Whether any two are.
    is_any: bool,
}

impl SymmetryClasses {
    /// Of the only slot, with the backlogs of the users.
    pub(super) fn now(instance: &Instance) -> Self {
        Self::new(instance, 0, |n| instance.users[n].backlog_j)
    }

    /// Of slot `t`, at these prices of energy. Compared digit by digit, as the checker does.
    pub(super) fn new(instance: &Instance, t: usize, energy_price: impl Fn(usize) -> f64) -> Self {
        let slot = &instance.slots[t];
        let mut classes = BTreeMap::new();
        let class = |(n, user): (usize, &User)| {
            let User { model, device, energy_per_mac_coeff, tx_power_w, .. } = *user;
            let numbers = [device.speed, energy_per_mac_coeff, tx_power_w, energy_price(n)];
            let what = (
                model,
                device.kind,
                numbers.map(f64::to_bits),
                [slot.arrivals_per_s[n], slot.gains[n]].map(f64::to_bits),
            );
            let next = classes.len() as u32;
            *classes.entry(what).or_insert(next)
        };
        let class: Vec<u32> = instance.users.iter().enumerate().map(class).collect();
        let is_any = classes.len() < class.len();
        Self { class, is_any }
    }

    /// Who is best split at a threshold if user `n` is to be: of those like it who have cuts on both sides, the one in the middle.
    pub(super) fn middle(&self, slot: &Slot, domain: &[u32], n: usize, threshold: u32) -> usize {
        if !self.is_any {
            return n;
        }
        let mut sides: BTreeMap<usize, [bool; 2]> = BTreeMap::new();
        for pair in domain {
            let user = slot.user[*pair as usize] as usize;
            if self.class[user] == self.class[n] {
                sides.entry(user).or_default()[usize::from(slot.cut(*pair as usize) <= threshold)] = true;
            }
        }
        let both: Vec<usize> = sides.into_iter().filter(|(_, sides)| *sides == [true; 2]).map(|(n, _)| n).collect();
        both[both.len() / 2]
    }

    /// What is left of a domain if user `n` is split at a threshold: where its cut is not above, and where it is.
    pub(super) fn halves(&self, slot: &Slot, domain: &[u32], n: usize, threshold: u32) -> [Vec<u32>; 2] {
        [true, false].map(|is_inside| {
            let stays = |pair: &u32| {
                let user = slot.user[*pair as usize] as usize;
                let is_decided = self.class[user] == self.class[n] && if is_inside { user <= n } else { user >= n };
                !is_decided || (slot.cut(*pair as usize) <= threshold) == is_inside
            };
            domain.iter().copied().filter(stays).collect()
        })
    }
}

/// Whether every user has a pair in a domain.
pub(super) fn is_complete(slot: &Slot, domain: &[u32]) -> bool {
    // (Pairs of a user stand side by side.)
    let users = domain.chunk_by(|a, b| slot.user[*a as usize] == slot.user[*b as usize]).count();
    users == slot.users()
}
