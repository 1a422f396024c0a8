//! Arrivals and channels of a horizon from measured traces.
//!
//! Users begin at places of their own in a trace, drawn by the seed, and go on around it. So they differ, and all of them have the trace's bursts.

use std::path::Path;

use super::instance::Slot;
use crate::error::InputError;
use crate::parameters::within;
use crate::random::Stream;
use crate::traces::{Arrivals, Cycle, Throughputs};

/// The highest gain of a channel: it receives all that is sent.
const MAX_GAIN: f64 = 1.0;

/// Arrivals by the trace of a file: tasks in a slot over the slot's length, on the trace's clock. They are scaled by one factor a user, so that the mean
/// over the whole trace is `means_per_s`. Shape of `means_per_s`: (users,).
///
/// # Errors
/// [`InputError`] if the file is no trace.
pub(super) fn set_arrivals(
    slots: &mut [Slot],
    path: &str,
    means_per_s: &[f64],
    slot_s: f64,
    seed: u64,
) -> Result<(), InputError> {
    let trace = Arrivals::read(Path::new(path)).map_err(|error| within(error, "arrivals"))?;
    let cycle = Cycle::new(&trace);
    let mut stream = Stream::new(&["lymdo", "arrival trace"], seed);
    for (n, mean_per_s) in means_per_s.iter().enumerate() {
        let start_s = stream.uniform(0.0, cycle.length_s());
        let factor = mean_per_s / cycle.rate_per_s();
        for (t, slot) in slots.iter_mut().enumerate() {
            let tasks = cycle.tasks(start_s + t as f64 * slot_s, slot_s);
            slot.arrivals_per_s[n] = tasks / slot_s * factor;
        }
    }
    Ok(())
}

/// A user's channel: what turns a rate into a gain.
pub(super) struct Channel {
    /// Gain without fading.
    pub(super) gain: f64,
    /// Power of the transmitter over that of the noise in an equal share of the bandwidth.
    pub(super) snr_at_gain_1: f64,
}

/// Gains by the throughputs of a file, one a slot. With an equal share of the bandwidth a user's rate varies as the throughputs do, and its mean over
/// the whole series is the rate that the channel has without fading (Shannon); gains above 1 are set to 1, as nobody receives more than is sent. Only
/// ratios of throughputs count. Shape of `channels`: (users,).
///
/// # Errors
/// [`InputError`] if the file is no series.
pub(super) fn set_gains(slots: &mut [Slot], path: &str, channels: &[Channel], seed: u64) -> Result<(), InputError> {
    let series = Throughputs::read(Path::new(path)).map_err(|error| within(error, "throughputs"))?;
    let (rates, mean) = (&series.bytes_per_s, series.mean());
    let mut stream = Stream::new(&["lymdo", "throughputs"], seed);
    for (n, Channel { gain, snr_at_gain_1 }) in channels.iter().enumerate() {
        let start = stream.below(rates.len() as u64) as usize;
        let nats = libm::log1p(snr_at_gain_1 * gain);
        for (t, slot) in slots.iter_mut().enumerate() {
            let ratio = rates[(start + t) % rates.len()] / mean;
            slot.gains[n] = (libm::expm1(nats * ratio) / snr_at_gain_1).min(MAX_GAIN);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::generate::{Parameters, generate};
    use super::*;

    fn file(folder: &Path, name: &str, text: &str) -> String {
        let path = folder.join(name);
        std::fs::write(&path, text).expect("room");
        path.to_string_lossy().into_owned()
    }

    fn empty(slots: usize, users: usize) -> Vec<Slot> {
        vec![Slot { arrivals_per_s: vec![0.0; users], gains: vec![0.0; users] }; slots]
    }

    /// Gaps of 1 and 3 s: two tasks in 4 s. In slots of 4 s there are two tasks wherever one begins; in slots of 2 s there are 0 to 2.
    #[test]
    fn arrivals_by_hand() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = file(folder.path(), "toy.csv", "at\n0\n1\n4\n");
        let mut slots = empty(8, 3);
        set_arrivals(&mut slots, &path, &[0.5, 5.0, 2.0], 4.0, 1).expect("a trace");
        assert!(slots.iter().all(|slot| slot.arrivals_per_s == [0.5, 5.0, 2.0]), "{slots:?}");
        set_arrivals(&mut slots, &path, &[0.5, 5.0, 2.0], 2.0, 1).expect("a trace");
        for (n, mean) in [0.5, 5.0, 2.0].into_iter().enumerate() {
            let rates: Vec<f64> = slots.iter().map(|slot| slot.arrivals_per_s[n]).collect();
            assert!((rates.iter().sum::<f64>() / 8.0 - mean).abs() < 1e-12, "{rates:?}");
            // Two slots are a cycle.
            assert!(rates.chunks(2).all(|pair| pair == &rates[..2]), "{rates:?}");
        }
    }

    #[test]
    fn gains_by_hand() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = file(folder.path(), "rates.csv", "Mbit/s\n10\n0\n20\n");
        let mut slots = empty(6, 1);
        // Without fading the signal is 3 times the noise: 2 bit/s/Hz. The mean throughput is 10: ratios 1, 0, 2, and 2, 0, 4 bit/s/Hz.
        set_gains(&mut slots, &path, &[Channel { gain: 0.03, snr_at_gain_1: 100.0 }], 1).expect("a series");
        let gains: Vec<f64> = slots.iter().map(|slot| slot.gains[0]).collect();
        let mut cycle = gains[..3].to_vec();
        cycle.sort_by(f64::total_cmp);
        for (found, expected) in cycle.iter().zip([0.0, 0.03, 0.15]) {
            assert!((found - expected).abs() < 1e-12, "{gains:?}");
        }
        assert_eq!(gains[..3], gains[3..]);
        set_gains(&mut slots, &path, &[Channel { gain: 0.5, snr_at_gain_1: 1e9 }], 1).expect("a series");
        assert_eq!(slots.iter().filter(|slot| slot.gains[0] == 1.0).count(), 2, "nobody receives more than is sent");
    }

    #[test]
    fn families_of_real_dnns_take_them() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut stream = Stream::new(&["stamps"], 1);
        let stamps: Vec<String> = (0..5000).map(|_| stream.uniform(0.0, 500.0).to_string()).collect();
        let arrivals = file(folder.path(), "stamps.csv", &stamps.join("\n"));
        let throughputs = file(folder.path(), "rates.csv", "up\n8\n12\n4\n16\n");
        let plain = Parameters { slots: 40, users: 4, ..Parameters::default() };
        let traced = Parameters { arrivals, throughputs, ..plain.clone() };
        for family in ["rayleigh", "markov", "bursty", "tight", "steady"] {
            let instance = generate(family, &traced, 1).expect("legal");
            assert_eq!(instance, generate(family, &traced, 1).expect("legal"), "same seed, same bytes");
            let other = generate(family, &plain, 1).expect("legal");
            assert_eq!((&instance.users, &instance.models), (&other.users, &other.models), "{family}");
            let of = |n: usize| -> Vec<f64> { instance.slots.iter().map(|slot| slot.arrivals_per_s[n]).collect() };
            assert_ne!(of(0), of(1));
            for n in 0..4 {
                // About 10 tasks in a slot, 400 in all: within four standard deviations of a twentieth, as the steady family has it.
                let mean = of(n).iter().sum::<f64>() / 40.0;
                let steady = generate("steady", &plain, 1).expect("legal").slots[0].arrivals_per_s[n];
                assert!((mean / steady - 1.0).abs() < 0.2, "{mean} against {steady}");
                assert_eq!(instance.slots[0].gains[n], instance.slots[4].gains[n], "a cycle of four");
            }
        }
        let told =
            |family: &str, parameters: &Parameters| generate(family, parameters, 1).expect_err("bad").to_string();
        assert!(told("synthetic", &traced).contains("parameter 'arrivals': is given, and family 'synthetic'"));
        let gains_only = Parameters { arrivals: String::new(), ..traced.clone() };
        assert!(told("synthetic", &gains_only).contains("parameter 'throughputs': is given"));
        let fixed = Parameters { rate_law: super::super::Law::Fixed, ..gains_only };
        assert!(
            told("rayleigh", &fixed).contains("parameter 'throughputs': is given, and rate_law fixed uses no gains")
        );
        let none = Parameters { arrivals: "none.csv".into(), ..plain };
        assert!(told("rayleigh", &none).contains("none.csv: parameter 'arrivals': cannot be read"));
    }
}
