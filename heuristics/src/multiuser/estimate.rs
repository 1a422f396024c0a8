//! Latency estimates with a relative error, for studies of robustness.

use offcut_instances::multiuser::{Instance, User};
use offcut_instances::random::Stream;

/// The instance as someone sees it whose estimates are off by up to `error`, relative: every user gets its own copy of its model with
/// each block's work, each cut's bytes and its round-trip time scaled by a factor drawn from [1-error, 1+error].
///
/// The abstract says that the behaviour under estimation error is bounded, not by what; this bound and its proof are Offcut's. Latency is a sum of these numbers with factors >= 0, so every estimate T^ lies in [(1-error) T, (1+error) T]. A solution that is
/// optimal for the estimates has a true maximum of at most (1+error)/(1-error) times the optimum: its true value is at most
/// T^ / (1-error), and T^ is at most that of the true optimum, (1+error) OPT.
pub(super) fn estimated(instance: &Instance, error: f64, seed: u64) -> Instance {
    let mut stream = Stream::new(&["multiuser", "estimate"], seed);
    let mut off = |value: f64| value * (1.0 + error * stream.uniform(-1.0, 1.0));
    let (models, users) = instance
        .users
        .iter()
        .enumerate()
        .map(|(i, user)| {
            let model = &instance.models[user.model as usize];
            let mut seen = model.clone();
            let work = seen.macs.iter_mut().chain(seen.work_s.iter_mut().flatten().flatten());
            work.chain(&mut seen.cut_bytes).for_each(|value| *value = off(*value));
            (seen, User { model: i as u32, rtt_s: off(user.rtt_s), ..*user })
        })
        .unzip();
    Instance { models, users, ..instance.clone() }
}
