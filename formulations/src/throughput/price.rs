//! `price`: the least price bound, then rounding, for hundreds to millions of requests.
//!
//! The least price bound (module `bound`) and admissions rounded from its fractional one (module `round`), in as many random orders as
//! time and `restarts` allow, until one meets the bound. Unit profits make the bound a whole number, and then one nearly always does.

use std::time::Instant;

use offcut_instances::problem::{Algorithm, Answer, Budget, Parameter, ParameterRange, Setting, Stop, Trace};
use offcut_instances::random::Stream;
use offcut_instances::throughput::{Instance, PriceNode, Throughput};

use super::bound::{LARGE, LARGE_GAP, PriceTarget, Prices, handed_over, least_bound};
use super::model::Admission;
use super::round::Rounding;
use super::thread_pool::with_threads;
use super::threads::Needs;

/// Prices, then rounding.
#[derive(Clone, Copy, Debug)]
pub(super) struct Price {
    restarts: u32,
    gap: f64,
}

impl Default for Price {
    fn default() -> Self {
        Self { restarts: 200, gap: 0.0 }
    }
}

impl Algorithm<Throughput> for Price {
    fn id(&self) -> &str {
        "price"
    }

    fn about(&self) -> &str {
        "least price bound, then rounding (certified bound, nearly always attained; up to 10^6 requests)"
    }

    fn parameters(&self) -> Vec<Parameter> {
        let default = Self::default();
        vec![
            Parameter {
                name: "restarts",
                default: default.restarts.into(),
                range: ParameterRange::integers(1.0, 1e6),
                about: "rounded admissions, at most",
            },
            Parameter {
                name: "gap",
                default: default.gap,
                range: ParameterRange::reals(0.0, 0.999),
                about: "relative gap to the LP bound at which the search for prices ends; 0 means 1e-9, and 1e-4 for large instances",
            },
        ]
    }

    fn set(&mut self, setting: &Setting) {
        match setting.name() {
            "restarts" => self.restarts = setting.integer(),
            "gap" => self.gap = setting.value(),
            _ => setting.panic_undeclared(),
        }
    }

    fn solve(&self, instance: &Instance, budget: &Budget) -> Answer<Throughput> {
        with_threads(budget, || {
            let began = Instant::now();
            let is_out_of_time = || budget.is_spent(began);
            let needs = Needs::new(instance);
            let build_s = began.elapsed().as_secs_f64();
            let admission = Admission::new(&needs);
            let gap = match (self.gap, admission.items.len()) {
                (0.0, items) if items > LARGE => LARGE_GAP,
                (0.0, _) => 1e-9,
                (gap, _) => gap,
            };
            let prices = least_bound(&admission, PriceTarget { gap, coldest: 1e-10 }, None, &is_out_of_time);
            let bound = admission.bound(&prices.prices);
            let (best, rounded) = rounded(&admission, &prices, bound, self.restarts, &is_out_of_time);
            let (solution, objective) = needs.solution(&best.chosen);
            let trace = Trace {
                build_s: Some(build_s),
                ..Trace::counting([
                    ("pairs", needs.pairs() as u64),
                    ("rows", needs.rows() as u64),
                    ("minimum cuts", needs.minimum_cuts()),
                    ("passes", prices.passes.round() as u64),
                    ("rounded", rounded),
                ])
            };
            let nodes = vec![PriceNode::Leaf { prices: prices.prices }];
            let certificate = needs.certificate(nodes);
            let value = handed_over(&needs, admission.is_whole, bound);
            let stop = if is_out_of_time() { Stop::TimeLimit } else { Stop::Completed };
            Answer { stop, ..Answer::found(solution, objective).certified(value, certificate).traced(trace) }
        })
    }
}

/// The best of several rounded admissions, and how many it took. Stops at one that meets `bound`.
pub(super) fn rounded<'a>(
    admission: &'a Admission<'a>,
    prices: &Prices,
    bound: f64,
    restarts: u32,
    is_out_of_time: &dyn Fn() -> bool,
) -> (Rounding<'a>, u64) {
    let mut order: Vec<u32> = (0..admission.items.len() as u32).collect();
    let mut stream = Stream::new(&["throughput", "price", "order"], 0);
    let mut best = Rounding::empty(admission);
    // Some 10^8 pairs looked at in all: seconds at most.
    let pairs = (admission.items.len() * admission.cloudlets()).max(1) as u64;
    let most = u64::from(restarts).min((400_000_000 / pairs).max(2));
    let mut rounded = 0;
    while rounded < most && best.profit < bound * (1.0 - 1e-11) && (rounded == 0 || !is_out_of_time()) {
        let mut next = Rounding::spread(admission, prices, &order);
        next.mend_and_fill(&prices.prices, 1_000_000);
        rounded += 1;
        if next.profit > best.profit {
            best = next;
        }
        stream.shuffle(&mut order);
    }
    (best, rounded)
}
