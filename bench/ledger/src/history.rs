//! Which incumbents of an answer count.
//!
//! An anytime curve is drawn from a row's incumbents: an objective and the second in which it was reached. A history is valid if its times are finite, not
//! negative and do not decrease, its objectives are finite, and none is better than the checked objective of the final solution or than the proven bound.
//! Otherwise all of it is rejected, and the row says why ([`crate::Row::history_rejected`]). Incumbents after the time limit do not count.

use offcut_checker::{Interval, Tolerance};
use offcut_instances::problem::{Incumbent, Sense};

/// What a history is held to.
#[derive(Clone, Copy, Debug)]
pub struct History<'a> {
    /// Whether less or more is better.
    pub sense: Sense,
    /// The time limit in seconds.
    pub limit_s: Option<f64>,
    /// The checked objective of the final solution.
    pub objective: Option<Interval>,
    /// The best bound that a replayed certificate of the answer proves.
    pub proven: Option<f64>,
    /// How far claims may be off.
    pub tolerance: &'a Tolerance,
}

impl History<'_> {
    /// The incumbents that count.
    ///
    /// # Errors
    /// Why none does, in a few words.
    pub fn validated(&self, incumbents: &[Incumbent]) -> Result<Vec<Incumbent>, String> {
        let mut since = 0.0;
        for (at, Incumbent { at_s, objective }) in incumbents.iter().enumerate() {
            let number = at + 1;
            if !at_s.is_finite() || *at_s < 0.0 {
                return Err(format!("incumbent {number} has the time {at_s} s"));
            }
            if *at_s < since {
                return Err(format!("incumbent {number} has the time {at_s} s, the one before {since} s"));
            }
            if !objective.is_finite() {
                return Err(format!("incumbent {number} has the objective {objective}"));
            }
            since = *at_s;
            if let Some((limit, what)) = self.limits().into_iter().flatten().find(|(limit, _)| {
                let ahead = match self.sense {
                    Sense::Minimise => limit - objective,
                    Sense::Maximise => objective - limit,
                };
                // Solvers report incumbents within feasibility tolerances of this order.
                ahead > self.tolerance.word_relative * limit.abs()
            }) {
                return Err(format!("incumbent {number} claims {objective}, better than {what} {limit}"));
            }
        }
        Ok(on_time(incumbents, self.limit_s))
    }

    /// What no incumbent may be better than.
    fn limits(&self) -> [Option<(f64, &'static str)>; 2] {
        let best = |objective: Interval| match self.sense {
            Sense::Minimise => objective.low(),
            Sense::Maximise => objective.high(),
        };
        let proven = self.proven.map(|value| (value, "the proven bound"));
        [self.objective.map(|objective| (best(objective), "the checked final objective")), proven]
    }
}

/// Incumbents up to a time limit.
pub fn on_time(incumbents: &[Incumbent], limit_s: Option<f64>) -> Vec<Incumbent> {
    let is_late = |incumbent: &Incumbent| limit_s.is_some_and(|limit| incumbent.at_s > limit);
    incumbents.iter().filter(|incumbent| !is_late(incumbent)).copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The history of points (time, objective) with a limit of 10 s, the final objective 1 and the proven bound .9; less is better.
    fn validated(points: &[(f64, f64)]) -> Result<Vec<Incumbent>, String> {
        let incumbents: Vec<Incumbent> =
            points.iter().map(|(at_s, objective)| Incumbent { at_s: *at_s, objective: *objective }).collect();
        let history = History {
            sense: Sense::Minimise,
            limit_s: Some(10.0),
            objective: Some(Interval::point(1.0)),
            proven: Some(0.9),
            tolerance: &Tolerance::default(),
        };
        history.validated(&incumbents)
    }

    #[test]
    fn histories_are_held_to_times_and_to_what_was_checked() {
        assert_eq!(validated(&[]), Ok(Vec::new()));
        assert_eq!(validated(&[(0.0, 3.0), (1.0, 2.0), (1.0, 1.0)]).map(|kept| kept.len()), Ok(3));
        // What comes after the limit does not count; within the tolerance of solvers nothing is better.
        assert_eq!(validated(&[(1.0, 1.0 - 1e-8), (11.0, 1.0)]).map(|kept| kept.len()), Ok(1));
        let rejected = |points: &[(f64, f64)]| validated(points).expect_err("rejected");
        assert!(rejected(&[(-100.0, 2.0)]).contains("has the time -100 s"));
        assert!(rejected(&[(f64::NAN, 2.0)]).contains("has the time NaN s"));
        assert!(rejected(&[(f64::INFINITY, 2.0)]).contains("has the time inf s"));
        assert!(rejected(&[(2.0, 2.0), (1.0, 1.0)]).contains("the one before 2 s"));
        assert!(rejected(&[(1.0, f64::NEG_INFINITY)]).contains("has the objective -inf"));
        assert!(rejected(&[(1.0, 0.95), (2.0, 1.0)]).contains("better than the checked final objective 1"));
    }

    #[test]
    fn without_a_final_objective_the_proven_bound_counts() {
        let history = History {
            sense: Sense::Maximise,
            limit_s: None,
            objective: None,
            proven: Some(5.0),
            tolerance: &Tolerance::default(),
        };
        let at = |objective: f64| [Incumbent { at_s: 0.0, objective }];
        assert!(history.validated(&at(4.0)).is_ok());
        assert!(history.validated(&at(6.0)).expect_err("rejected").contains("better than the proven bound 5"));
    }
}
