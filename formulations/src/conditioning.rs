//! Scaling of models to HiGHS's tolerances, and the error that these allow in a bound. Every model passes through here before HiGHS.
//!
//! HiGHS's tolerances are absolute. It drops coefficients up to 1e-9 ([`DROPPED`]), takes none from 1e15 on, may miss a row or an integer by
//! [`FEASIBILITY`], and prices a column by up to [`DUAL`] wrongly. So
//!
//! - a row whose largest coefficient is far from 1 is multiplied by a power of 2, which rounds nothing;
//! - a term of an inequality that is a 10^9th of the largest is replaced by its least value, so that the row is relaxed and the bound stays a bound (HiGHS would
//!   drop it, or has been seen to presolve such rows wrongly);
//! - what cannot be relaxed, as a term of an equality or of a variable without an end, is reported, and the model is not solved ([`held`]);
//! - a bound is relaxed by what the tolerances can falsify ([`error`]).
//!
//! The formulations do their part: they leave out what cannot be in an optimal solution, which ends the range of costs, and put costs in units of
//! what a known solution leaves open, so that the optimum is around 1.

use std::collections::HashMap;

use good_lp::{Constraint, Expression, IntoAffineExpression, ProblemVariables, Variable};

/// HiGHS's `small_matrix_value`: coefficients up to this are dropped.
pub(crate) const DROPPED: f64 = 1e-9;

/// HiGHS's `mip_feasibility_tolerance` as Offcut sets it. (With less than 1e-9 HiGHS's own LPs cannot be priced ten times finer, which it wants
/// to do, and it then silently prices them to 1e-7.)
pub(crate) const FEASIBILITY: f64 = 1e-9;

/// The dual feasibility tolerance of HiGHS's LPs in branch and bound: a tenth of the other.
pub(crate) const DUAL: f64 = 0.1 * FEASIBILITY;

/// A row with its largest coefficient in here is left as it is: whole numbers stay whole.
const PLAIN: std::ops::RangeInclusive<f64> = 1e-3..=1.1e6;

/// Costs beyond this many units of the objective are not priced: their own rounding reaches [`FEASIBILITY`].
const MAX_COST: f64 = 1e7;

/// Pairs of columns of a row that HiGHS's presolve looks at in a second, about.
const PAIRS_PER_S: f64 = 2e8;

/// How far a bound that HiGHS states may be from the truth, in the objective's units. `size` is the sum of the absolute values that the columns of a
/// solution can have.
///
/// - Solutions better than the best one by less than the feasibility tolerance are not looked for.
/// - A column may have a reduced cost of the wrong sign, up to the dual tolerance; every unit by which the optimum differs from the LP's
///   solution there is off by that. Both have columns that sum up to `size` at most.
/// - Sums of doubles.
pub(crate) fn error(bound: f64, size: f64) -> f64 {
    FEASIBILITY + 2.0 * DUAL * size + 1e-12 * bound.abs()
}

/// The rows of a model as HiGHS can hold them.
///
/// # Errors
/// Which ratio it cannot hold.
pub(crate) fn held(
    variables: &ProblemVariables,
    objective: &Expression,
    rows: impl IntoIterator<Item = Constraint>,
) -> Result<Vec<Constraint>, String> {
    let dearest = objective.linear_coefficients().map(|(_, cost)| cost.abs()).fold(0.0, largest);
    if dearest > MAX_COST {
        return Err(format!(
            "a cost is {dearest:.1e} times the gap that a known solution leaves; HiGHS's tolerances allow {MAX_COST:.0e}"
        ));
    }
    let mut ends = None;
    rows.into_iter().map(|row| held_row(variables, row, &mut ends)).collect()
}

/// The largest of two; what is not a number counts as infinite.
fn largest(a: f64, b: f64) -> f64 {
    if b.is_nan() { f64::INFINITY } else { a.max(b) }
}

/// The ends of all variables, looked up only where a row needs them.
type Ends = Option<HashMap<Variable, (f64, f64)>>;

/// Whether HiGHS's presolve would go on for long after a limit of so many seconds: it looks at every pair of columns of a row, and at no clock.
pub(crate) fn outlasts(rows: &[Constraint], time_s: Option<f64>) -> bool {
    let pairs: f64 = rows.iter().map(|row| (row.expression().linear_coefficients().count() as f64).powi(2)).sum();
    time_s.is_some_and(|time_s| pairs > PAIRS_PER_S * time_s)
}

/// By what a row is multiplied before HiGHS has it: 1 where its largest coefficient is near 1. None if that is no number.
pub(crate) fn scale(row: &Constraint) -> Option<f64> {
    let most = row.expression().linear_coefficients().map(|(_, factor)| factor.abs()).fold(0.0, largest);
    match most {
        0.0 => Some(1.0),
        _ if !most.is_normal() => None,
        _ if PLAIN.contains(&most) => Some(1.0),
        _ => Some(most.log2().floor().exp2().recip()),
    }
}

fn held_row(variables: &ProblemVariables, row: Constraint, ends: &mut Ends) -> Result<Constraint, String> {
    let terms = || row.expression().linear_coefficients().filter(|(_, factor)| *factor != 0.0);
    let (mut least, mut most) = (f64::INFINITY, 0.0);
    for (_, factor) in terms() {
        least = f64::min(least, factor.abs());
        most = largest(most, factor.abs());
    }
    if most == 0.0 {
        return Ok(row);
    }
    let by = scale(&row).ok_or("a row has a coefficient outside the range of normal doubles")?;
    let dropped = DROPPED * (most * by).max(1.0);
    let is_whole = least * by > dropped;
    if by == 1.0 && is_whole {
        return Ok(row);
    }
    let mut scaled = Expression::with_capacity(terms().count());
    let mut constant = row.expression().constant() * by;
    for (variable, factor) in terms() {
        let factor = factor * by;
        if factor.abs() > dropped {
            scaled.add_mul(factor, variable);
            continue;
        }
        let ends = ends.get_or_insert_with(|| {
            let ends = |(variable, definition): (Variable, &good_lp::VariableDefinition)| {
                (variable, (definition.get_min(), definition.get_max()))
            };
            variables.iter_variables_with_def().map(ends).collect()
        });
        let (low, high) = ends[&variable];
        // The row is: sum of terms + constant <= 0.
        let relaxed = if factor > 0.0 { factor * low } else { factor * high };
        if row.is_equality() || !relaxed.is_finite() {
            let ratio = most / least;
            return Err(format!(
                "the coefficients of a row have a ratio of {ratio:.1e}; HiGHS's tolerances allow {:.0e}",
                1.0 / DROPPED
            ));
        }
        constant += relaxed;
    }
    Ok(if row.is_equality() { scaled.eq(-constant) } else { scaled.leq(-constant) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use good_lp::{constraint, variable};

    fn coefficients(row: &Constraint) -> Vec<f64> {
        let mut all: Vec<f64> = row.expression().linear_coefficients().map(|(_, factor)| factor).collect();
        all.sort_by(f64::total_cmp);
        all.push(row.expression().constant());
        all
    }

    #[test]
    fn rows_are_left_alone_scaled_relaxed_or_declined() {
        let mut variables = ProblemVariables::new();
        let x = variables.add(variable().binary());
        let y = variables.add(variable().min(-2.0).max(3.0));
        let z = variables.add(variable().min(0.0));
        let none = Expression::default();
        let one = |row: Constraint| held(&variables, &none, [row]).map(|rows| coefficients(&rows[0]));
        // Within the range: as it is.
        assert_eq!(one(constraint!(1e6 * x + 0.01 * z <= 3.0)), Ok(vec![0.01, 1e6, -3.0]));
        // Too large or too small: by a power of 2.
        let large = 2f64.powi(60);
        assert_eq!(one(constraint!(large * x + 3.0 * large * z == large)), Ok(vec![0.5, 1.5, -0.5]));
        let tiny = 2f64.powi(-60);
        assert_eq!(one(constraint!(tiny * x + 3.0 * tiny * z <= -tiny)), Ok(vec![0.5, 1.5, 0.5]));
        // What would be dropped takes its least value: 1e-10 * -2, or -1e-10 * 3.
        assert_eq!(one(constraint!(x + 1e-10 * y <= 1.0)), Ok(vec![1.0, -1.0 - 2e-10]));
        assert_eq!(one(constraint!(x - 1e-10 * y <= 1.0)), Ok(vec![1.0, -1.0 - 3e-10]));
        assert_eq!(one(constraint!(x + 1e-10 * z <= 1.0)), Ok(vec![1.0, -1.0]));
        assert_eq!(one(constraint!(1e5 * x + 1e-5 * z <= 1.0)), Ok(vec![1e5, -1.0]));
        // What cannot be relaxed.
        for row in [constraint!(x - 1e-10 * z <= 1.0), constraint!(x + 1e-10 * y == 1.0)] {
            assert_eq!(
                one(row),
                Err("the coefficients of a row have a ratio of 1.0e10; HiGHS's tolerances allow 1e9".into())
            );
        }
        assert!(held(&variables, &(1e8 * x + y), []).is_err_and(|words| words.contains("1.0e8")));
        assert!(one(constraint!(f64::INFINITY * x <= 1.0)).is_err());
        assert!(one(constraint!(f64::NAN * x <= 1.0)).is_err());
    }
}
