//! The primal integral.

/// The integral of the primal gap from 0 to `horizon`, in units of the horizon: 0 if the best value was there from the start, 1 if nothing
/// was ever found (T. Berthold, "Measuring the impact of primal heuristics", 2013). `steps` are times and values in the order of their
/// times, each holding until the next; the gap of a value v to `best` is `|v - best| / max(|v|, |best|)`, at most 1, and 1 before the first.
/// ```
/// // Nothing for 1 s, then twice the best for 2 s, then the best: (1 * 1 + 2 * 0.5) / 10.
/// let steps = [(1.0, 6.0), (3.0, 3.0)];
/// assert!((offcut_reports::statistics::primal_integral(&steps, 3.0, 10.0) - 0.2).abs() < 1e-12);
/// ```
pub fn primal_integral(steps: &[(f64, f64)], best: f64, horizon: f64) -> f64 {
    let gap = |value: f64| {
        if value == best {
            0.0
        } else if value * best < 0.0 {
            1.0
        } else {
            (value - best).abs() / value.abs().max(best.abs())
        }
    };
    let (mut area, mut since, mut level) = (0.0, 0.0, 1.0);
    for (at, value) in steps {
        let at = at.clamp(since, horizon);
        area += level * (at - since);
        (since, level) = (at, gap(*value));
    }
    (area + level * (horizon - since)) / horizon
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn primal_integrals_by_hand() {
        // Found at once and the best; never found; found after the end; opposite signs count as nothing found.
        assert_eq!(primal_integral(&[(0.0, 5.0)], 5.0, 4.0), 0.0);
        assert_eq!(primal_integral(&[], 5.0, 4.0), 1.0);
        assert_eq!(primal_integral(&[(9.0, 5.0)], 5.0, 4.0), 1.0);
        assert_eq!(primal_integral(&[(0.0, -5.0)], 5.0, 4.0), 1.0);
        // A maximised objective: 4 of 5 from the start, 5 from half on.
        assert!((primal_integral(&[(0.0, 4.0), (2.0, 5.0)], 5.0, 4.0) - 0.1).abs() < 1e-15);
        assert_eq!(primal_integral(&[(1.0, 0.0)], 0.0, 4.0), 0.25);
    }
}
