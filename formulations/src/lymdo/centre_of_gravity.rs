//! Cutting planes through the centre of gravity of the convex polygon that contains the best prices.
//!
//! A cut through the centre of gravity leaves at most 1 - 1/e of the area, whatever its direction (Grünbaum).

/// A convex polygon, its corners in order.
#[derive(Clone, Debug, Default)]
pub(super) struct Polygon {
    corners: Vec<[f64; 2]>,
    feasibility: Vec<[f64; 2]>,
}

impl Polygon {
    /// Becomes a box from `low` to `high`.
    pub(super) fn set_box(&mut self, low: [f64; 2], high: [f64; 2]) {
        self.corners.clear();
        self.corners.extend([low, [high[0], low[1]], high, [low[0], high[1]]]);
    }

    /// Becomes `other`.
    pub(super) fn set(&mut self, other: &Self) {
        self.corners.clone_from(&other.corners);
    }

    /// Keeps the points x with slope (x - at) >= 0.
    pub(super) fn cut(&mut self, at: [f64; 2], slope: [f64; 2]) {
        let side = |x: &[f64; 2]| slope[0] * (x[0] - at[0]) + slope[1] * (x[1] - at[1]);
        self.feasibility.clear();
        let Some(last) = self.corners.last() else { return };
        let (mut before, mut of_before) = (*last, side(last));
        for corner in &self.corners {
            let of_corner = side(corner);
            if (of_before < 0.0) != (of_corner < 0.0) {
                let share = of_before / (of_before - of_corner);
                self.feasibility.push([0, 1].map(|of| before[of] + share * (corner[of] - before[of])));
            }
            if of_corner >= 0.0 {
                self.feasibility.push(*corner);
            }
            (before, of_before) = (*corner, of_corner);
        }
        std::mem::swap(&mut self.corners, &mut self.feasibility);
    }

    /// The area and the centre of gravity; none if there is no area left.
    pub(super) fn centre(&self) -> Option<(f64, [f64; 2])> {
        let first = *self.corners.first()?;
        let (mut area, mut centre) = (0.0, [0.0; 2]);
        for pair in self.corners[1..].windows(2) {
            let [b, c] = [pair[0], pair[1]].map(|x| [x[0] - first[0], x[1] - first[1]]);
            let twice = b[0] * c[1] - b[1] * c[0];
            area += 0.5 * twice;
            (0..2).for_each(|of| centre[of] += twice * (b[of] + c[of]) / 6.0);
        }
        let centre = [0, 1].map(|of| first[of] + centre[of] / area);
        (area > 0.0 && centre.iter().all(|x| x.is_finite())).then_some((area, centre))
    }

    /// Whether a point is inside or on the border.
    pub(super) fn contains(&self, x: [f64; 2]) -> bool {
        let Some(last) = self.corners.last() else { return false };
        let before = std::iter::once(last).chain(&self.corners);
        before.zip(&self.corners).all(|(a, b)| (b[0] - a[0]) * (x[1] - a[1]) >= (b[1] - a[1]) * (x[0] - a[0]))
    }

    /// The most that slope (x - at) reaches.
    pub(super) fn most(&self, at: [f64; 2], slope: [f64; 2]) -> f64 {
        let of = |x: &[f64; 2]| slope[0] * (x[0] - at[0]) + slope[1] * (x[1] - at[1]);
        self.corners.iter().map(of).fold(0.0, f64::max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_triangle_is_left_of_a_square() {
        let mut polygon = Polygon::default();
        polygon.set_box([0.0, 0.0], [2.0, 2.0]);
        assert_eq!(polygon.centre(), Some((4.0, [1.0, 1.0])));
        polygon.cut([1.0, 1.0], [-1.0, -1.0]);
        let (area, centre) = polygon.centre().expect("a triangle");
        assert!(
            (area - 2.0).abs() < 1e-15 && centre.iter().all(|x| (x - 2.0 / 3.0).abs() < 1e-15),
            "{area} {centre:?}"
        );
        assert!(polygon.contains([0.0, 0.0]) && polygon.contains([0.5, 0.5]) && !polygon.contains([1.5, 1.5]));
        assert_eq!(polygon.most([0.0, 0.0], [1.0, 0.0]), 2.0);
        polygon.cut([3.0, 3.0], [1.0, 0.0]);
        assert_eq!(polygon.centre(), None);
    }
}
