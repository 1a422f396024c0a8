//! What several units or threads do to the time of work, enclosed.

use offcut_instances::speedup::Speedup;

use crate::Interval;

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
