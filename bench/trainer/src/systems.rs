//! Which systems are played: everything that the generator can be asked for, drawn anew for every roll-out.

use offcut_instances::lymdo::{Instance, Law, Parameters, Service, generate};
use offcut_instances::random::Stream;

/// Families that roll-outs draw from; `steady` is left to be met later.
pub const FAMILIES: [&str; 5] = ["rayleigh", "markov", "bursty", "tight", "synthetic"];

/// Seeds of the generator below this are for training, those from here on for evaluation.
pub const HELD_OUT: u64 = 1_000_000;

/// A system with so many slots, whose users begin with backlogs as if it had been running.
pub fn draw(stream: &mut Stream, slots: u32) -> Instance {
    let family = *stream.pick(&FAMILIES);
    let users = 2 + stream.below(11) as u32;
    let per_user = f64::from(users) / 5.0;
    let parameters = Parameters {
        users,
        slots,
        blocks: 5 + stream.below(11) as u32,
        service: if stream.below(3) == 0 { Service::Exponential } else { Service::Deterministic },
        rate_law: if stream.below(4) == 0 { Law::Fixed } else { Law::Shannon },
        bit_per_s_per_hz: stream.log_uniform(2.0, 10.0),
        v: stream.log_uniform(3.0, 1000.0),
        budget: stream.log_uniform(0.1, 0.6),
        backlog: stream.log_uniform(0.2, 2.0),
        arrivals_per_s: stream.log_uniform(0.5, 1.6),
        bandwidth_hz: 1e7 * per_user * stream.log_uniform(0.3, 3.0),
        edge_macs_per_s: 5e11 * per_user * stream.log_uniform(0.05, 2.0),
        ..Parameters::default()
    };
    with_backlogs(family, &parameters, stream.below(HELD_OUT))
}

/// An instance whose users begin with the backlogs of a slot alone.
pub fn with_backlogs(family: &str, parameters: &Parameters, seed: u64) -> Instance {
    let made = |slots: u32| {
        let parameters = Parameters { slots, ..parameters.clone() };
        generate(family, &parameters, seed).expect("parameters within their ranges")
    };
    let mut instance = made(parameters.slots);
    for (user, alone) in instance.users.iter_mut().zip(made(1).users) {
        user.backlog_j = alone.backlog_j;
    }
    instance
}
