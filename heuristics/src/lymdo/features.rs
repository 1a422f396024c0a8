//! Features of a slot for the learned policy: a row of numbers for every user and cut.
//!
//! Gains, arrivals and backlogs alone would tie a network to one system. Here features are effects on the cost. The
//! reference is cheap: everybody's best cut if all shares were equal (repaired if need be),
//! with the best resources. At its prices nu, eta every cut of every user has a cost phi = V D + Q E + nu b + eta F,
//! and a demand. Numbers are ratios, shares or logarithms, cut off at [`MOST`]: the same network serves any number of
//! users, any chain, any units.
//!
//! | columns | of | what |
//! |---|---|---|
//! | 0-18 | cut | phi against the user's best and its reference cut; parts of phi; demands, and what they add to the reference's; cost at equal shares; needs; place in the chain |
//! | 19-24 | user | its part of the slot's cost, its energy's part, arrivals, channel, how much better than its reference cut, and how many cuts are nearly best |
//! | 25-36 | slot | users; what happens to demands if everybody takes its best cut, how many would, and what that promises; loads; laws; what prices make of the cost |

use ndarray::{Array2, ArrayView1, s};

use offcut_instances::lymdo::{Prices, Service};
use offcut_instances::problem::Stop;

use super::alternating::fair;
use super::delay::Costs;
use super::link::Link;
use super::repair::Needs;
use super::resources::{Plan, allocate};
use super::response::FREE;

/// Columns of a row.
pub const WIDTH: usize = CUT + USER + SLOT;

/// Columns that say something of a user, whatever its cut.
pub const USER_WIDTH: usize = USER + SLOT;

const CUT: usize = 19;
const USER: usize = 6;
const SLOT: usize = 12;

/// What numbers are cut off at.
const MOST: f64 = 4.0;

/// Costs within this of the best are nearly best, relative.
const NEARLY: f64 = 0.05;

/// What the policy sees.
#[derive(Clone, Debug)]
pub struct Features {
    /// One row for every cut of the first user, then of the second, and so on. Shape (cuts of all users, [`WIDTH`]).
    pub rows: Array2<f32>,
    /// Whether a cut can be kept stable, if only alone. Shape (cuts of all users,).
    pub is_open: Vec<bool>,
    /// Where the rows of a user begin, and where the last ones end. Shape (users + 1,).
    pub begins: Vec<usize>,
}

impl Features {
    /// What a row says of user `n`, whatever its cut. Shape ([`USER_WIDTH`],).
    pub fn of_user(&self, n: usize) -> ArrayView1<'_, f32> {
        self.rows.slice(s![self.begins[n], CUT..])
    }

    /// Everybody's open cut with the highest of these scores, the first of equals. Shape of `scores`: (cuts of all
    /// users,).
    pub fn best_cuts(&self, scores: ArrayView1<f32>) -> Vec<u32> {
        let best = |ends: &[usize]| {
            let rows = (ends[0]..ends[1]).filter(|row| self.is_open[*row]);
            let best = rows.max_by(|a, b| scores[*a].total_cmp(&scores[*b]).then(b.cmp(a)));
            best.map_or(0, |row| (row - ends[0]) as u32)
        };
        self.begins.windows(2).map(best).collect()
    }
}

/// The reference: cuts, and the best resources for them.
#[derive(Clone, Debug)]
pub(super) struct Reference {
    pub(super) cuts: Vec<u32>,
    pub(super) plan: Plan,
}

impl Reference {
    /// From prices near which its own are expected.
    ///
    /// # Errors
    /// Why there are no cuts that can be kept stable.
    pub(super) fn new(costs: &Costs, needs: &Needs, start: Option<Prices>) -> Result<Self, Stop> {
        let cuts = needs.repaired(costs, &fair(costs))?;
        let failed = || Stop::Failed("no resources found for cuts whose needs fit the capacities".into());
        let plan = allocate(costs, &cuts, start).ok_or_else(failed)?;
        Ok(Self { cuts, plan })
    }
}

/// A cut at the reference's prices.
#[derive(Clone, Copy, Debug)]
struct AtPrices {
    cost: f64,
    /// Parts of the cost: V D, Q E, nu b, eta F.
    parts: [f64; 4],
    /// Parts of bandwidth and edge speed that it would take.
    demand: [f64; 2],
    need: [f64; 2],
}

fn cut_off(x: f64) -> f64 {
    if x.is_nan() { 0.0 } else { x.clamp(-MOST, MOST) }
}

/// ln(a/b), cut off; 0 where both are nothing.
fn log_ratio(a: f64, b: f64) -> f64 {
    if a == b { 0.0 } else { cut_off((a / b).ln()) }
}

/// A ratio from 0 to 1 with 1/2 in the middle.
fn squashed(x: f64) -> f64 {
    x / (1.0 + x)
}

/// The features of a slot, at the prices of `reference`.
pub(super) fn features(costs: &Costs, needs: &Needs, reference: &Reference) -> Features {
    let priced = Priced::new(costs, needs, reference);
    let of_slot = priced.of_slot();
    let rows: usize = (0..costs.users()).map(|n| costs.works(n).len()).sum();
    let mut seen = Array2::zeros((rows, WIDTH));
    let mut is_open = Vec::with_capacity(rows);
    let mut begins = vec![0];
    for n in 0..costs.users() {
        let compared = priced.compared(n);
        let of_user = compared.map_or([0.0; USER], |compared| priced.of_user(n, compared));
        for (m, option) in priced.options[n].iter().enumerate() {
            is_open.push(option.is_some());
            let of_cut = option.as_ref().zip(compared);
            let of_cut = of_cut.map_or([0.0; CUT], |(option, compared)| priced.of_cut(n, m, option, compared));
            let row = of_cut.iter().chain(&of_user).chain(&of_slot);
            let mut place = seen.row_mut(begins[n] + m);
            place.iter_mut().zip(row).for_each(|(place, x)| *place = cut_off(*x) as f32);
        }
        begins.push(begins[n] + costs.works(n).len());
    }
    Features { rows: seen, is_open, begins }
}

/// A user's best cut at the prices, and its cut in the reference.
#[derive(Clone, Copy)]
struct Compared {
    best: AtPrices,
    now: AtPrices,
}

/// A slot at the prices of its reference.
struct Priced<'a> {
    costs: &'a Costs,
    reference: &'a Reference,
    /// Every cut of every user; none where it cannot be kept stable.
    options: Vec<Vec<Option<AtPrices>>>,
    /// What a user costs on average.
    unit: f64,
    /// The number of users.
    count: f64,
    /// The costs at equal shares.
    equal: Costs,
    mean_arrivals: f64,
}

impl<'a> Priced<'a> {
    fn new(costs: &'a Costs, needs: &Needs, reference: &'a Reference) -> Self {
        let users = costs.users();
        let count = users as f64;
        let Plan { value, prices, .. } = reference.plan;
        let options = |n: usize| (0..costs.works(n).len()).map(|m| at_prices(costs, needs, n, m, prices)).collect();
        Self {
            costs,
            reference,
            options: (0..users).map(options).collect(),
            // A slot that costs nothing has nothing to compare.
            unit: if value > 0.0 { value / count } else { 1.0 },
            count,
            equal: costs.fair_share(),
            mean_arrivals: costs.loads.iter().map(|load| load.arrivals_per_s).sum::<f64>() / count,
        }
    }

    /// None if user `n` has no cut that can be kept stable, or none in the reference.
    fn compared(&self, n: usize) -> Option<Compared> {
        let open = self.options[n].iter().flatten();
        let best = open.min_by(|a, b| a.cost.total_cmp(&b.cost)).copied()?;
        let now = self.options[n][self.reference.cuts[n] as usize]?;
        Some(Compared { best, now })
    }

    fn of_slot(&self) -> [f64; SLOT] {
        let Self { costs, unit, count, .. } = *self;
        let prices = self.reference.plan.prices;
        let (mut drawn, mut need, mut moving, mut promised, mut silent) = ([0.0; 2], [0.0; 2], 0.0, 0.0, 0.0);
        for (n, cut) in self.reference.cuts.iter().enumerate() {
            if let Some(Compared { best, now }) = self.compared(n) {
                for i in 0..2 {
                    drawn[i] += best.demand[i] - now.demand[i];
                    need[i] += now.need[i];
                }
                moving += f64::from(u8::from(best.cost < now.cost));
                promised += now.cost - best.cost;
                silent += f64::from(u8::from(costs.work(n, *cut).bits == 0.0));
            }
        }
        let is_shannon = costs.loads.iter().any(|load| matches!(load.link, Link::Shannon { .. }));
        [
            count.ln() / 3.0,
            drawn[0],
            drawn[1],
            moving / count,
            promised / (unit * count),
            need[0],
            need[1],
            f64::from(u8::from(costs.service == Service::Exponential)),
            f64::from(u8::from(is_shannon)),
            silent / count,
            prices.bandwidth * costs.bandwidth_hz / (unit * count),
            prices.edge * costs.edge_macs_per_s / (unit * count),
        ]
    }

    fn of_user(&self, n: usize, Compared { best, now }: Compared) -> [f64; USER] {
        let load = &self.costs.loads[n];
        let bandwidth_hz = self.equal.bandwidth_hz;
        let efficiency = if load.link.carries() { load.link.rate(bandwidth_hz) / bandwidth_hz } else { 0.0 };
        let near = self.options[n].iter().flatten().filter(|option| option.cost <= best.cost * (1.0 + NEARLY));
        [
            log_ratio(now.cost, self.unit) / 2.0,
            now.parts[1] / now.cost,
            log_ratio(load.arrivals_per_s, self.mean_arrivals),
            efficiency.ln_1p() / 3.0,
            log_ratio(now.cost, best.cost),
            near.count() as f64 / self.costs.works(n).len() as f64,
        ]
    }

    fn of_cut(&self, n: usize, m: usize, option: &AtPrices, Compared { best, now }: Compared) -> [f64; CUT] {
        let Self { costs, unit, count, equal, .. } = self;
        let (load, work) = (&costs.loads[n], &costs.works(n)[m]);
        let blocks = (costs.works(n).len() - 1) as f64;
        let alone = equal.response(n, work, FREE).map(|response| response.cost);
        let is_now = m as u32 == self.reference.cuts[n];
        [
            log_ratio(option.cost, best.cost),
            (option.cost - now.cost) / unit,
            option.parts[0] / option.cost,
            option.parts[1] / option.cost,
            option.parts[2] / option.cost,
            option.parts[3] / option.cost,
            squashed(option.demand[0] * count),
            squashed(option.demand[1] * count),
            (option.demand[0] - now.demand[0]) * count,
            (option.demand[1] - now.demand[1]) * count,
            alone.map_or(MOST, |alone| log_ratio(alone, best.cost)),
            f64::from(u8::from(alone.is_none())),
            squashed(option.need[0] * count),
            squashed(option.need[1] * count),
            load.arrivals_per_s * work.local_macs / load.max_macs_per_s,
            m as f64 / blocks,
            f64::from(u8::from(is_now)),
            f64::from(u8::from(m as f64 == blocks)),
            f64::from(u8::from(m == 0)),
        ]
    }
}

fn at_prices(costs: &Costs, needs: &Needs, n: usize, m: usize, prices: Prices) -> Option<AtPrices> {
    let work = &costs.works(n)[m];
    let need = needs.of(n)[m]?;
    let response = costs.response_above(n, work, need, prices)?;
    let share = response.share;
    let load = &costs.loads[n];
    let of_all = |hz: f64, macs: f64| [hz / costs.bandwidth_hz, macs / costs.edge_macs_per_s];
    Some(AtPrices {
        cost: response.cost,
        parts: [
            load.delay_weight * costs.delay_s(n, work, &share)?,
            load.energy_weight * costs.energy_j(n, work, &share)?,
            prices.bandwidth * share.bandwidth_hz,
            prices.edge * share.edge_macs_per_s,
        ],
        demand: of_all(share.bandwidth_hz, share.edge_macs_per_s),
        need: of_all(need.bandwidth_hz, need.edge_macs_per_s),
    })
}
