//! Equal users: what holds for one of them holds for all, so prices and dynamic programs count them.

use std::collections::HashMap;

use offcut_instances::multiuser::{Instance, User};

/// The users of an instance by class: those of a class are equal in everything that latencies depend on.
pub(super) struct Classes {
    /// The class of every user, numbered in the order of their first users. Shape (users,).
    of: Vec<u32>,
    /// All users, class by class, each class in order. Shape (users,).
    users: Vec<u32>,
    /// Where the users of a class begin. Shape (classes + 1,).
    starts: Vec<u32>,
}

impl Classes {
    pub(super) fn new(instance: &Instance) -> Self {
        let mut known = HashMap::with_capacity(instance.users.len());
        let mut counts: Vec<u32> = Vec::new();
        let mut class = |user: &User| {
            let User { model, device, uplink_bytes_per_s, rtt_s } = user;
            let numbers = [device.speed, *uplink_bytes_per_s, *rtt_s].map(f64::to_bits);
            let class = *known.entry((*model, device.kind, numbers)).or_insert(counts.len() as u32);
            if class as usize == counts.len() {
                counts.push(0);
            }
            counts[class as usize] += 1;
            class
        };
        let of: Vec<u32> = instance.users.iter().map(&mut class).collect();
        let ends = counts.iter().scan(0, |end, count| {
            *end += count;
            Some(*end)
        });
        let starts: Vec<u32> = std::iter::once(0).chain(ends).collect();
        let mut next = starts.clone();
        let mut users = vec![0; of.len()];
        for (user, class) in of.iter().enumerate() {
            users[next[*class as usize] as usize] = user as u32;
            next[*class as usize] += 1;
        }
        Self { of, users, starts }
    }

    /// The number of classes.
    pub(super) fn count(&self) -> usize {
        self.starts.len() - 1
    }

    /// The class of a user.
    pub(super) fn of(&self, user: u32) -> usize {
        self.of[user as usize] as usize
    }

    /// The users of a class, in order.
    pub(super) fn users(&self, class: usize) -> &[u32] {
        &self.users[self.starts[class] as usize..self.starts[class + 1] as usize]
    }
}

#[cfg(test)]
mod tests {
    use offcut_instances::multiuser::{Parameters, generate};

    use super::*;

    /// Users that differ in one number are of different classes.
    #[test]
    fn classes_are_of_equal_users() {
        let parameters = Parameters { users: 1, units: 4, ..Parameters::default() };
        let mut instance = generate("synthetic", &parameters, 1).expect("legal");
        let user = instance.users[0];
        let mut slower = user;
        slower.device.speed *= 0.5;
        let other = User { model: (user.model + 1) % 8, ..user };
        let nearer = User { rtt_s: 0.0, ..user };
        let faster = User { uplink_bytes_per_s: 2.0 * user.uplink_bytes_per_s, ..user };
        instance.users = vec![user, slower, user, other, nearer, faster, slower];
        let classes = Classes::new(&instance);
        assert_eq!(classes.of, [0, 1, 0, 2, 3, 4, 1]);
        let users: Vec<&[u32]> = (0..classes.count()).map(|class| classes.users(class)).collect();
        assert_eq!(users, [&[0, 2][..], &[1, 6], &[3], &[4], &[5]]);
        assert_eq!(classes.of(6), 1);
    }
}
