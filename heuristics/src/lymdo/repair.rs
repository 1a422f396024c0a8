//! Repair: cuts that exceed a capacity are moved to ones that need less of the scarce resource.
//!
//! A cut needs bandwidth b_min and edge speed lambda R for stability alone. Cuts fit if their needs sum to less than
//! there is; they are repaired to leave [`ROOM`] of both, or as much as there can be. First everybody whose cut is not
//! stable, even alone, takes the nearest that is. Then, one user at a time, the move that takes most off what is short
//! beyond the room. If no single move helps any more, a price decides: everybody takes the cut with the least `w
//! b_min/W + (1-w) lambda R/(edge speed)`, and w is searched for cuts that fit.
//!
//! That price also proves: if for some w the least needs sum to 1 or more, no cuts fit. Only that, or a user without
//! any stable cut, is called infeasible here.

use offcut_instances::problem::Stop;

use super::delay::Costs;
use super::resources::{LEAST_ROOM, spare};
use super::response::Need;

/// Of bandwidth and edge speed, what repaired cuts leave above needs, where that is possible.
const ROOM: f64 = 0.05;

/// What a sum of needs must exceed before it is called proof.
const MARGIN: f64 = 1e-9;

/// What every user needs with every cut; none for a cut that is not stable, even alone. Shape (users, cuts).
#[derive(Clone, Debug)]
pub(super) struct Needs(Vec<Vec<Option<Need>>>);

impl Needs {
    pub(super) fn new(costs: &Costs) -> Self {
        let of_user = |n: usize| costs.works(n).iter().map(|work| costs.need(n, work)).collect();
        Self((0..costs.users()).map(of_user).collect())
    }

    /// Of user `n`, by cut.
    pub(super) fn of(&self, n: usize) -> &[Option<Need>] {
        &self.0[n]
    }

    /// Whether these cuts can be kept stable, with room for rounding.
    pub(super) fn fit(&self, costs: &Costs, cuts: &[u32]) -> bool {
        let needs: Option<Vec<Need>> = cuts.iter().zip(&self.0).map(|(cut, needs)| needs[*cut as usize]).collect();
        needs.is_some_and(|needs| spare(costs, needs.iter()).is_some())
    }

    /// Who is not stable with its cut, even alone.
    pub(super) fn unstable_alone(&self, cuts: &[u32]) -> Option<usize> {
        (0..cuts.len()).find(|n| self.0[*n][cuts[*n] as usize].is_none())
    }

    /// These cuts, or near ones that can be kept stable.
    ///
    /// # Errors
    /// [`Stop::Infeasible`] if that was proved to be impossible, [`Stop::Failed`] if only nothing was found.
    pub(super) fn repaired(&self, costs: &Costs, cuts: &[u32]) -> Result<Vec<u32>, Stop> {
        if self.fit(costs, cuts) {
            return Ok(cuts.to_vec());
        }
        let mut cuts = cuts.to_vec();
        for (cut, needs) in cuts.iter_mut().zip(&self.0) {
            let stable = (0..needs.len()).filter(|m| needs[*m].is_some());
            let nearest = stable.min_by_key(|m| (m.abs_diff(*cut as usize), *m));
            *cut = nearest.ok_or(Stop::Infeasible)? as u32;
        }
        let mut moved = cuts.clone();
        self.descend(costs, &mut moved);
        if self.fit(costs, &moved) {
            return Ok(moved);
        }
        self.priced(costs)
    }

    /// Needs as parts of what there is.
    fn parts(&self, costs: &Costs, n: usize, m: usize) -> Option<[f64; 2]> {
        let need = self.0[n][m]?;
        Some([need.bandwidth_hz / costs.bandwidth_hz, need.edge_macs_per_s / costs.edge_macs_per_s])
    }

    /// Single moves while what is short beyond the room gets less; all cuts must be stable alone.
    fn descend(&self, costs: &Costs, cuts: &mut [u32]) {
        let parts_of = |n: usize, cut: u32| self.parts(costs, n, cut as usize);
        let mut sum = [0.0; 2];
        for (n, cut) in cuts.iter().enumerate() {
            let parts = parts_of(n, *cut).expect("stable alone");
            sum = [sum[0] + parts[0], sum[1] + parts[1]];
        }
        let short = |sum: [f64; 2]| sum.into_iter().map(|part| (part - (1.0 - ROOM)).max(0.0)).sum::<f64>();
        // Every move takes something off; at most this many, should it be ever less.
        for _ in 0..4 * cuts.len() {
            let now = short(sum);
            let mut best = (now * (1.0 - 1e-9), None);
            for (n, cut) in cuts.iter().enumerate() {
                let here = parts_of(n, *cut).expect("stable alone");
                for m in 0..self.0[n].len() as u32 {
                    let Some(there) = parts_of(n, m) else { continue };
                    let moved = [sum[0] - here[0] + there[0], sum[1] - here[1] + there[1]];
                    if short(moved) < best.0 {
                        best = (short(moved), Some((n, m, moved)));
                    }
                }
            }
            let Some((n, m, moved)) = best.1 else { return };
            (cuts[n], sum) = (m, moved);
        }
    }

    /// Everybody's least need at a price that weighs bandwidth against edge speed.
    fn priced(&self, costs: &Costs) -> Result<Vec<u32>, Stop> {
        let (mut low, mut high) = (0.0, 1.0);
        let mut weights = vec![0.0, 1.0];
        for _ in 0..60 {
            let weight = weights.pop().unwrap_or(0.5 * (low + high));
            let mut cuts = Vec::with_capacity(costs.users());
            let (mut least, mut sum) = (0.0, [0.0; 2]);
            for n in 0..costs.users() {
                let options = (0..self.0[n].len()).filter_map(|m| Some((m, self.parts(costs, n, m)?)));
                let priced = options.map(|(m, parts)| (weight * parts[0] + (1.0 - weight) * parts[1], m, parts));
                let (need, m, parts) = priced.min_by(|a, b| a.0.total_cmp(&b.0)).ok_or(Stop::Infeasible)?;
                (least, sum) = (least + need, [sum[0] + parts[0], sum[1] + parts[1]]);
                cuts.push(m as u32);
            }
            if self.fit(costs, &cuts) {
                return Ok(cuts);
            }
            if least >= 1.0 + MARGIN {
                return Err(Stop::Infeasible);
            }
            if weights.is_empty() {
                // More weight on bandwidth if that is what is short.
                if sum[0] > sum[1] {
                    low = weight.max(low)
                } else {
                    high = weight.min(high)
                }
                if weight == 0.0 || weight == 1.0 {
                    (low, high) = (0.0, 1.0);
                }
            }
        }
        let room = 100.0 * LEAST_ROOM;
        Err(Stop::Failed(format!(
            "no cuts found that leave {room:.0e} % of bandwidth and edge speed above what stability needs"
        )))
    }
}
