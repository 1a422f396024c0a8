//! What several units or threads do to the time of work, enclosed.

use offcut_instances::speedup::Speedup;

use crate::interval::Interval;

/// The time of work with `units` >= 1 relative to one unit: one over the speed-up.
pub(crate) fn slowness(speedup: &Speedup, units: u32) -> Interval {
    let f = Interval::point(f64::from(units));
    let one = Interval::point(1.0);
    match speedup {
        Speedup::Linear => one / f,
        // 1-p is enclosed through its rounding: a plain float difference, widened by the addition's error.
        Speedup::Amdahl { parallel_fraction: p } => serial_share(*p) + Interval::point(*p) / f,
        Speedup::Table { speedups } => one / Interval::point(speedups[(units as usize).min(speedups.len()) - 1]),
    }
}

/// 1 - p, enclosed.
fn serial_share(p: f64) -> Interval {
    let plain = 1.0 - p;
    // For p in [1/2, 1] the difference is exact (Sterbenz); below it is off by at most half a unit in the last place.
    if (0.5..=1.0).contains(&p) || p == 0.0 {
        Interval::point(plain)
    } else {
        Interval::between(plain.next_down(), plain.next_up())
    }
}

#[cfg(test)]
mod tests {
    use dashu_ratio::RBig;

    use super::*;

    #[test]
    fn slownesses_are_what_the_hand_says() {
        assert!(encloses(slowness(&Speedup::Linear, 4), 0.25));
        // 1/4 + 3/4 / 3
        assert!(encloses(slowness(&Speedup::Amdahl { parallel_fraction: 0.75 }, 3), 0.5));
        let table = Speedup::Table { speedups: vec![1.0, 2.0, 4.0] };
        let expected = [(1, 1.0), (2, 0.5), (3, 0.25), (4, 0.25), (1000, 0.25)];
        assert!(expected.into_iter().all(|(units, time)| encloses(slowness(&table, units), time)));
    }

    fn encloses(interval: Interval, value: f64) -> bool {
        interval.low() <= value && value <= interval.high() && interval.high() - interval.low() < 1e-15
    }

    #[test]
    fn what_stays_serial_is_enclosed_and_a_point_where_it_is_exact() {
        for p in [0.0, 0.5, 0.75, 1.0 - f64::EPSILON, 1.0] {
            assert_eq!(serial_share(p), Interval::point(1.0 - p));
        }
        let exact = |value: f64| RBig::try_from(value).expect("finite");
        for p in [1e-20, 1e-9, 0.1, 0.3, 0.49] {
            let (enclosed, truth) = (serial_share(p), exact(1.0) - exact(p));
            assert!(exact(enclosed.low()) < truth && truth < exact(enclosed.high()), "{p}");
            assert!(enclosed.high() - enclosed.low() < 1e-15);
        }
    }
}
