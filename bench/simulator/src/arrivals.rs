//! How tasks arrive: a Poisson process, bursts without memory, or a measured trace.

use offcut_instances::document::InputError;
use offcut_instances::random::Stream;
use offcut_instances::traces;

/// The greatest squared coefficient of variation that is simulated.
const MAX_SCV: f64 = 1e6;

/// How tasks arrive. Every flow has its own rate; this is what else is to be said of the gaps between tasks.
#[derive(Clone, Debug, PartialEq)]
pub enum Arrivals {
    /// Gaps are exponential: what the formulas assume.
    Poisson,
    /// Gaps are independent with bursts: [`Bursty`].
    Bursty(Bursty),
    /// Gaps of a measured trace, in their order, scaled to each flow's rate. Each flow begins at a place of its own, drawn by the seed; after the last gap
    /// comes the first.
    Trace(Trace),
}

/// Independent gaps with a given squared coefficient of variation: hyperexponential, two phases with balanced means.
///
/// A gap is exponential of rate `2 p lambda` with probability p, and of rate `2 (1-p) lambda` otherwise, with `p = (1 + sqrt((c-1)/(c+1))) / 2` for the
/// SCV c: both phases take half of the time (Whitt 1982, Approximating a point process by a renewal process). With c = 1 it is the Poisson process.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bursty {
    scv: f64,
    /// Probability of the phase of short gaps.
    short: f64,
}

impl Bursty {
    /// Gaps of this squared coefficient of variation, 1 or more.
    ///
    /// # Errors
    /// [`InputError`] if it is not between 1 and a million.
    pub fn new(scv: f64) -> Result<Self, InputError> {
        if !(1.0..=MAX_SCV).contains(&scv) {
            return Err(InputError::at("--scv", format!("is {scv}"), "give 1 (Poisson) to 1000000"));
        }
        Ok(Self { scv, short: (1.0 + ((scv - 1.0) / (scv + 1.0)).sqrt()) / 2.0 })
    }

    /// Its squared coefficient of variation.
    pub fn scv(self) -> f64 {
        self.scv
    }

    /// Mean sojourn in one stage with exponential service, in seconds, for arrivals of `rate_per_s` and a mean service time of `service_s`: exact.
    ///
    /// The queue is GI/M/1: with sigma in (0, 1) the root of `sigma = A*(mu (1 - sigma))`, A* the Laplace-Stieltjes transform of the gaps, an arriving task finds k
    /// others with probability `(1 - sigma) sigma^k`, and the mean sojourn is `1 / (mu (1 - sigma))` (Kleinrock 1975, Queueing Systems I, 6.4).
    ///
    /// # Panics
    /// If the stage is not stable: `rate_per_s * service_s` is not between 0 and 1.
    /// ```
    /// use offcut_simulator::Bursty;
    /// let poisson = Bursty::new(1.0).expect("a Poisson process");
    /// assert!((poisson.mean_sojourn_s(3.0, 0.2) - 0.5).abs() < 1e-12);
    /// ```
    pub fn mean_sojourn_s(self, rate_per_s: f64, service_s: f64) -> f64 {
        let busy = rate_per_s * service_s;
        assert!(0.0 < busy && busy < 1.0, "the stage is stable");
        // With x = 1 - sigma, in units of the service rate: 1 - x = A*(x), convex in x, one root in (0, 1). 1 - A*(x) is x times `slope`, which
        // falls in x; so the root is where it is 1.
        let phase = |p: f64| 2.0 * p * busy;
        let slope = |x: f64| {
            [self.short, 1.0 - self.short].into_iter().filter(|p| *p > 0.0).map(|p| p / (phase(p) + x)).sum::<f64>()
        };
        let (mut low, mut high) = (0.0f64, 1.0f64);
        for _ in 0..200 {
            let middle = f64::midpoint(low, high);
            if slope(middle) > 1.0 { low = middle } else { high = middle }
        }
        service_s / f64::midpoint(low, high)
    }

    /// A gap, for a mean gap of 1.
    fn gap(self, stream: &mut Stream) -> f64 {
        let phase = if stream.unit() < self.short { self.short } else { 1.0 - self.short };
        exponential(stream) / (2.0 * phase)
    }
}

/// The gaps of a trace, scaled to a mean of 1.
#[derive(Clone, Debug, PartialEq)]
pub struct Trace {
    gaps: Vec<f64>,
    dispersion: f64,
}

impl Trace {
    /// The gaps of a trace.
    pub fn new(trace: &traces::Arrivals) -> Self {
        let rate = trace.rate_per_s();
        Self { gaps: trace.gaps_s.iter().map(|gap| gap * rate).collect(), dispersion: trace.dispersion().0 }
    }

    /// How many gaps it has.
    pub fn len(&self) -> usize {
        self.gaps.len()
    }

    /// Whether it has no gaps, which no trace of [`traces::Arrivals`] is.
    pub fn is_empty(&self) -> bool {
        self.gaps.is_empty()
    }
}

impl Arrivals {
    /// How gaps vary over many tasks, against a Poisson process, which has 1: the squared coefficient of variation if they are independent, the greatest index of
    /// dispersion for intervals of a trace.
    pub fn dispersion(&self) -> f64 {
        match self {
            Self::Poisson => 1.0,
            Self::Bursty(bursty) => bursty.scv,
            Self::Trace(trace) => trace.dispersion,
        }
    }
}

/// The gaps of one flow, for a mean gap of 1.
pub(crate) struct Gaps<'a> {
    arrivals: &'a Arrivals,
    stream: Stream,
    /// In a trace, the next gap.
    next: usize,
}

impl<'a> Gaps<'a> {
    /// Gaps drawn from `stream`.
    pub(crate) fn new(arrivals: &'a Arrivals, mut stream: Stream) -> Self {
        let next = match arrivals {
            Arrivals::Trace(trace) => stream.below(trace.gaps.len() as u64) as usize,
            _ => 0,
        };
        Self { arrivals, stream, next }
    }

    pub(crate) fn next(&mut self) -> f64 {
        match self.arrivals {
            Arrivals::Poisson => exponential(&mut self.stream),
            Arrivals::Bursty(bursty) => bursty.gap(&mut self.stream),
            Arrivals::Trace(trace) => {
                let gap = trace.gaps[self.next];
                self.next = if self.next + 1 < trace.gaps.len() { self.next + 1 } else { 0 };
                gap
            }
        }
    }
}

/// Exponential with mean 1, by inversion.
pub(crate) fn exponential(stream: &mut Stream) -> f64 {
    -libm::log1p(-stream.unit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_have_the_mean_and_the_variation_that_is_asked_for() {
        for (scv, tolerance) in [(1.0, 0.02), (4.0, 0.05), (100.0, 0.1)] {
            let arrivals = Arrivals::Bursty(Bursty::new(scv).expect("legal"));
            let mut gaps = Gaps::new(&arrivals, Stream::new(&["gaps"], 1));
            let drawn: Vec<f64> = (0..2_000_000).map(|_| gaps.next()).collect();
            let mean = drawn.iter().sum::<f64>() / drawn.len() as f64;
            let variance = drawn.iter().map(|gap| (gap - mean) * (gap - mean)).sum::<f64>() / drawn.len() as f64;
            assert!((mean - 1.0).abs() < tolerance, "{scv}: mean {mean}");
            assert!((variance / (mean * mean) / scv - 1.0).abs() < tolerance, "{scv}: {}", variance / (mean * mean));
        }
        for scv in [0.5, f64::NAN, f64::INFINITY, 1e7] {
            assert!(Bursty::new(scv).is_err_and(|error| error.to_string().contains("--scv")));
        }
    }

    /// The root once more, by fixed-point iteration of sigma = A*(mu (1 - sigma)) from 0, which ends at the least root.
    #[test]
    fn the_root_is_that_of_the_iteration() {
        for (scv, busy) in [(1.0, 0.5), (4.0, 0.3), (10.0, 0.8), (100.0, 0.6)] {
            let bursty = Bursty::new(scv).expect("legal");
            let transform = |s: f64| {
                let phases = [bursty.short, 1.0 - bursty.short];
                phases.iter().map(|p| p * 2.0 * p * busy / (2.0 * p * busy + s)).sum::<f64>()
            };
            let sigma = (0..1_000_000).fold(0.0, |sigma, _| transform(1.0 - sigma));
            let sojourn = bursty.mean_sojourn_s(busy, 1.0);
            assert!((sojourn * (1.0 - sigma) - 1.0).abs() < 1e-6, "{scv}, {busy}: {sojourn}, sigma {sigma}");
        }
    }

    #[test]
    fn a_trace_goes_around_from_a_place_of_its_own() {
        let trace = traces::Arrivals { id: "x".into(), about: String::new(), gaps_s: vec![2.0, 4.0, 0.0, 6.0] };
        let arrivals = Arrivals::Trace(Trace::new(&trace));
        let of = |seed| {
            let mut gaps = Gaps::new(&arrivals, Stream::new(&["gaps"], seed));
            (0..8).map(|_| gaps.next()).collect::<Vec<f64>>()
        };
        let cycle = [2.0, 4.0, 0.0, 6.0].map(|gap| gap / 3.0);
        let mut starts = std::collections::BTreeSet::new();
        for seed in 0..50 {
            let gaps = of(seed);
            let start = (0..4).find(|start| (0..8).all(|k| (gaps[k] - cycle[(start + k) % 4]).abs() < 1e-12));
            starts.insert(start.expect("the trace in its order"));
        }
        assert_eq!(starts.len(), 4);
    }
}
