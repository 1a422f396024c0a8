//! Evaluates a solution.
//!
//! ```text
//! T_s = input_bytes/uplink + sum_n w_sn / (f_sn - lambda_s w_sn) + sum out_bytes/link between different servers + result_bytes/downlink
//! objective = sum_s lambda_s T_s / Lambda
//! ```
//!
//! Constraints: `shape`, `indices exist`, `a speed is a number`, `speeds of the kind the instance asks for`, `a link exists`, `stability`
//! (f > lambda w, certainly), `speeds within capacity`. A sum of speeds that exceeds its capacity by at most 1e-9 (relative) is scaled back into it
//! (module `capacity`), and the objective is that of the scaled speeds. A larger excess is a violation. (On a nearly full server scaling can
//! change the delay by much, and scaled speeds can be unstable.) Whole units are summed exactly and never scaled.
//!
//! What a partition's speed leaves beside its load, f - lambda w, is computed without rounding (module `expansion`) and then enclosed: it may be less
//! than the last digits of either.

use offcut_instances::jpdra::{Allocation, Flow, Instance, Solution, Speeds};

use crate::capacity::{Excess, Scale};
use crate::expansion::Expansion;
use crate::interval::{Interval, minus, product, sum};
use crate::verdict::Violation;

/// lambda_s / Lambda of every flow.
pub(super) fn weights(instance: &Instance) -> Vec<Interval> {
    let rate = |s: usize| Interval::point(instance.flows[s].rate_per_s);
    let total = sum((0..instance.flows.len()).map(rate));
    (0..instance.flows.len()).map(|s| rate(s) / total).collect()
}

/// The enclosed objective of a solution, `None` where it is undefined, and all violations. `scales` says whether speeds are scaled back into
/// capacities or taken as given.
pub(super) fn evaluate(instance: &Instance, solution: &Solution, scales: bool) -> (Option<Interval>, Vec<Violation>) {
    let unit = match check_shape(instance, solution) {
        Ok(unit) => unit,
        Err(violation) => return (None, vec![violation]),
    };
    let mut found = Vec::new();
    let scale = match check_capacities(instance, solution, unit, scales, &mut found) {
        Ok(scale) => scale,
        Err(violation) => return (None, vec![violation]),
    };
    let mut terms = Vec::with_capacity(instance.partitions() * 2);
    let mut is_defined = true;
    for (s, weight) in weights(instance).into_iter().enumerate() {
        let mut flow = FlowEvaluation { instance, solution, s, weight, terms: &mut terms, found: &mut found };
        // Both, so that all violations are found.
        is_defined &= flow.add_transfers() & flow.add_sojourn_times(&scale, unit);
    }
    (is_defined.then(|| sum(terms.into_iter())), found)
}

fn entry(constraint: &str, at: String) -> Violation {
    Violation::new(constraint, at, 1.0, "entry")
}

/// The size of a unit, if speeds are whole units; or the violation that leaves everything else undefined.
fn check_shape(instance: &Instance, solution: &Solution) -> Result<Option<f64>, Violation> {
    let rows = match &solution.speeds {
        Speeds::MacsPerS(rows) => rows.iter().map(Vec::len).collect::<Vec<_>>(),
        Speeds::Units(rows) => rows.iter().map(Vec::len).collect(),
    };
    let shape: Vec<usize> = instance.flows.iter().map(|flow| flow.partitions.len()).collect();
    if solution.servers.iter().map(Vec::len).ne(shape.iter().copied()) || rows != shape {
        return Err(entry("shape", "servers and speeds have one entry per partition".into()));
    }
    let unit = match (instance.allocation, &solution.speeds) {
        (Allocation::Continuous, Speeds::MacsPerS(_)) => None,
        (Allocation::Units { macs_per_s }, Speeds::Units(_)) => Some(macs_per_s),
        _ => return Err(entry("speeds of the kind the instance asks for", "speeds".into())),
    };
    for (s, row) in solution.servers.iter().enumerate() {
        if let Some(n) = row.iter().position(|m| *m as usize >= instance.servers.len()) {
            return Err(entry("indices exist", format!("servers[{s}][{n}]")));
        }
    }
    Ok(unit)
}

/// How the speeds of a server count.
#[derive(Clone)]
struct ServerScale {
    scale: Scale,
    /// The sum of the speeds and the capacity, if the sum is certainly beyond it.
    beyond: Option<(Expansion, f64)>,
}

impl ServerScale {
    const ONE: Self = Self { scale: Scale::ONE, beyond: None };

    /// The scale of speeds that may be beyond the capacity by a rounding: their exact sum says whether they are.
    fn of(scale: Scale, speeds: &[f64], capacity: f64) -> Self {
        let total = if scale == Scale::ONE { None } else { Expansion::sum(speeds.iter().copied()) };
        let Some(total) = total else { return Self { scale, beyond: None } };
        let is_beyond = total.clone().minus(&Expansion::point(capacity)).is_none_or(|over| over.is_positive());
        if is_beyond { Self { scale, beyond: Some((total, capacity)) } } else { Self::ONE }
    }

    /// What `speed`, the product of two floats, leaves beside a load, another one: `f - lambda w`, or `(f F - lambda w S) / S` of speeds that sum to
    /// S beyond the capacity F. Cut to 0.
    fn left(&self, speed: [f64; 2], load: [f64; 2]) -> Interval {
        let exact = || {
            let [speed, load] = [Expansion::product(speed[0], speed[1])?, Expansion::product(load[0], load[1])?];
            match &self.beyond {
                None if self.scale == Scale::ONE => Some(speed.minus(&load)?.enclosed()),
                None => None,
                Some((total, capacity)) => {
                    let over_total = speed.times(*capacity)?.minus(&load.by(total)?)?.enclosed();
                    Some(over_total / total.enclosed())
                }
            }
        };
        exact().unwrap_or_else(|| minus(self.share(speed), product(load[0], load[1])))
    }

    /// A speed once scaled.
    fn share(&self, speed: [f64; 2]) -> Interval {
        if self.scale == Scale::ONE { product(speed[0], speed[1]) } else { self.scale.share(speed[0] * speed[1]) }
    }
}

/// The scale that brings each server's speeds within its capacity. Shape (servers,). An excess is added to `found`; the error is a speed that is no
/// number.
fn check_capacities(
    instance: &Instance,
    solution: &Solution,
    unit: Option<f64>,
    scales: bool,
    found: &mut Vec<Violation>,
) -> Result<Vec<ServerScale>, Violation> {
    let servers = instance.servers.len();
    let mut scale = vec![ServerScale::ONE; servers];
    match &solution.speeds {
        Speeds::MacsPerS(rows) => {
            let mut given: Vec<Vec<f64>> = vec![Vec::new(); servers];
            for (s, row) in rows.iter().enumerate() {
                for (n, speed) in row.iter().enumerate() {
                    if !(1e-60..=1e60).contains(speed) {
                        return Err(entry("a speed is a number", format!("speeds[{s}][{n}]")));
                    }
                    given[solution.servers[s][n] as usize].push(*speed);
                }
            }
            for (m, given) in given.into_iter().enumerate() {
                let capacity = instance.servers[m].machine.speed;
                match Scale::within(given.iter().copied(), capacity) {
                    Ok(within) if scales => scale[m] = ServerScale::of(within, &given, capacity),
                    Ok(_) => (),
                    Err(Excess(over)) => {
                        found.push(Violation::new("speeds within capacity", format!("servers[{m}]"), over, "MAC/s"));
                    }
                }
            }
        }
        Speeds::Units(rows) => {
            let mut given = vec![0u128; servers];
            for (row, of) in rows.iter().zip(&solution.servers) {
                row.iter().zip(of).for_each(|(units, m)| given[*m as usize] += u128::from(*units));
            }
            for (m, given) in given.into_iter().enumerate() {
                let most = u128::from(instance.units(m, unit.expect("units have a size")));
                if given > most {
                    let over = (given - most) as f64;
                    found.push(Violation::new("speeds within capacity", format!("servers[{m}]"), over, "units"));
                }
            }
        }
    }
    Ok(scale)
}

/// The terms of one flow in the objective.
struct FlowEvaluation<'a> {
    instance: &'a Instance,
    solution: &'a Solution,
    s: usize,
    /// lambda_s / Lambda.
    weight: Interval,
    terms: &'a mut Vec<Interval>,
    found: &'a mut Vec<Violation>,
}

impl FlowEvaluation<'_> {
    fn flow(&self) -> &Flow {
        &self.instance.flows[self.s]
    }

    /// Adds a transfer, and says whether there is a link for it.
    fn add_transfer(&mut self, bytes: f64, speed: f64, at: String) -> bool {
        if speed > 0.0 {
            self.terms.push(self.weight * (Interval::point(bytes) / Interval::point(speed)));
            true
        } else {
            self.found.push(Violation::new("a link exists", at, 1.0, "link"));
            false
        }
    }

    /// Adds input, transfers between servers, and result. Whether all of them are defined.
    fn add_transfers(&mut self) -> bool {
        let (s, instance) = (self.s, self.instance);
        let flow = &instance.flows[s];
        let on: Vec<usize> = self.solution.servers[s].iter().map(|m| *m as usize).collect();
        let mut is_defined =
            self.add_transfer(flow.input_bytes, flow.uplink_bytes_per_s[on[0]], format!("flows[{s}], uplink"));
        for (n, pair) in on.windows(2).enumerate().filter(|(_, pair)| pair[0] != pair[1]) {
            let speed = instance.link_bytes_per_s[pair[0]][pair[1]];
            let at = format!("flows[{s}], after partition {n}");
            is_defined &= self.add_transfer(flow.partitions[n].out_bytes, speed, at);
        }
        if let Some(bytes) = flow.result_bytes {
            let speed = flow.downlink_bytes_per_s[on[on.len() - 1]];
            is_defined &= self.add_transfer(bytes, speed, format!("flows[{s}], downlink"));
        }
        is_defined
    }

    /// Adds the mean sojourn times of all partitions. Whether all of them are defined, that is, stable.
    fn add_sojourn_times(&mut self, scale: &[ServerScale], unit: Option<f64>) -> bool {
        let s = self.s;
        let mut is_defined = true;
        for n in 0..self.flow().partitions.len() {
            let server = &self.instance.servers[self.solution.servers[s][n] as usize];
            let work = self.instance.work(s, n, server.machine.kind);
            let load = [self.flow().rate_per_s, work];
            let speed = match &self.solution.speeds {
                Speeds::MacsPerS(rows) => [rows[s][n], 1.0],
                Speeds::Units(rows) => [rows[s][n] as f64, unit.expect("units have a size")],
            };
            let scale = &scale[self.solution.servers[s][n] as usize];
            let left = scale.left(speed, load);
            if left.low() > 0.0 {
                self.terms.push(self.weight * (Interval::point(work) / left));
            } else {
                let short = product(load[0], load[1]).high() - scale.share(speed).low();
                self.found.push(Violation::new("stability", format!("speeds[{s}][{n}]"), short, "MAC/s"));
                is_defined = false;
            }
        }
        is_defined
    }
}
