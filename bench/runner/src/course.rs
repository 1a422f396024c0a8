//! The incumbents of a solver that is heard line by line, and the check of their solutions.
//!
//! An incumbent counts when its solution was checked. Lines are kept as they came, and a process of its own checks them afterwards
//! ([`crate::cell::check_incumbents_here`]), so that nothing is computed while the solver runs. Only incumbents that claim an improvement are kept; of too many,
//! every second one is left out, which can only make the curve worse.

use offcut_instances::problem::{Incumbent, Sense};

/// At most so many incumbents are kept.
const MOST: usize = 200;

/// The lines that are kept have at most so many bytes, if there are more than two.
const LARGEST_BYTES: usize = 64 << 20;

/// Incumbents in the order they came, with the lines that say them.
#[derive(Clone, Debug, Default)]
pub struct Course {
    points: Vec<(Incumbent, Vec<u8>)>,
    bytes: usize,
}

impl Course {
    /// Of nobody.
    pub(crate) const NONE: Self = Self { points: Vec::new(), bytes: 0 };

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.points.is_empty()
    }

    /// The objectives as they are claimed.
    pub fn claimed(&self) -> Vec<Incumbent> {
        self.points.iter().map(|(point, _)| *point).collect()
    }

    /// The lines, for the process that checks them.
    pub(crate) fn lines(&self) -> Vec<u8> {
        self.points.iter().flat_map(|(_, line)| [line, &b"\n"[..]].concat()).collect()
    }

    /// Takes an incumbent that was said with this line.
    pub(crate) fn push(&mut self, sense: Sense, point: Incumbent, line: &[u8]) {
        let is_better = |last: &Incumbent| match sense {
            Sense::Minimise => point.objective < last.objective,
            Sense::Maximise => point.objective > last.objective,
        };
        if !self.points.last().is_none_or(|(last, _)| is_better(last)) {
            return;
        }
        self.points.push((point, line.to_vec()));
        self.bytes += line.len();
        while self.points.len() > MOST || (self.points.len() > 2 && self.bytes > LARGEST_BYTES) {
            let last = self.points.len() - 1;
            let mut at = 0;
            self.points.retain(|_| {
                at += 1;
                (at - 1) % 2 == 0 || at - 1 == last
            });
            self.bytes = self.points.iter().map(|(_, line)| line.len()).sum();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn improvements_are_kept_and_thinned_when_there_are_too_many() {
        let mut course = Course::default();
        for at in 0..1000 {
            let objective = 2000.0 - f64::from(at);
            course.push(Sense::Minimise, Incumbent { at_s: f64::from(at), objective }, b"{}");
            // No improvement.
            course.push(Sense::Minimise, Incumbent { at_s: f64::from(at), objective }, b"{}");
        }
        let kept = course.claimed();
        assert!((MOST / 2..=MOST).contains(&kept.len()), "{}", kept.len());
        assert_eq!((kept[0].at_s, kept[kept.len() - 1].at_s), (0.0, 999.0));
        assert!(kept.windows(2).all(|pair| pair[0].at_s < pair[1].at_s && pair[0].objective > pair[1].objective));
        assert_eq!(course.lines().len(), 3 * kept.len());
    }
}
