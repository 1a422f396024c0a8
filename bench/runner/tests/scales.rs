//! Instances over many decades: no exact method, solvers of other houses included, claims an optimum or a bound that a certified one contradicts.
//!
//! Every number of an instance is drawn log-uniformly over up to 20 decades, with ties, zeros and powers of ten among them. What is checked are the
//! answers' bytes. Some seconds by default; to look longer:
//!
//! ```sh
//! OFFCUT_CASES=10000 cargo test --release -p offcut-runner scales -- --nocapture
//! ```
//!
//! `OFFCUT_FIRST_CASE` skips cases, to look at one again. Each test prints how many instances a method declined because its solver's tolerances cannot
//! hold them, by decades.

use std::collections::BTreeMap;

use crate::common::{objective, rows_of};
use offcut_checker::Tolerance;
use offcut_instances::document::instance_bytes;
use offcut_instances::machine::Machine;
use offcut_instances::problem::{Algorithm, Budget, Sense, Stop, Valid};
use offcut_instances::random::Stream;
use offcut_instances::speedup::Speedup;
use offcut_instances::{jpdra, lymdo, model, multiuser, origin, throughput};
use offcut_ledger::{Row, Status, contradictions};
use offcut_runner::BenchmarkAdapter;

/// How many decades numbers are drawn over: the first two are ordinary.
const DECADES: [u32; 8] = [1, 3, 5, 8, 11, 14, 17, 20];

/// How far a solver-reported bound may lie beyond a checked objective, relative: what tolerances can falsify is taken off before it is handed over.
const WORD: f64 = 1e-9;

fn number(variable: &str, default: u64) -> u64 {
    std::env::var(variable).ok().and_then(|cases| cases.parse().ok()).unwrap_or(default)
}

/// Numbers over some decades around 1.
struct Draw {
    stream: Stream,
    decades: u32,
    known: Vec<f64>,
}

impl Draw {
    fn new(problem: &str, case: u64) -> Self {
        let stream = Stream::new(&["scales", problem], case);
        Self { stream, decades: DECADES[case as usize % DECADES.len()], known: Vec::new() }
    }

    /// Above 0: log-uniform, a power of ten, or one seen before.
    fn positive(&mut self) -> f64 {
        let end = f64::from(self.decades) / 2.0;
        let value = match self.stream.below(10) {
            0 => 10f64.powi(self.stream.uniform(-end, end).round() as i32),
            1 if !self.known.is_empty() => *self.stream.pick(&self.known),
            _ => self.stream.log_uniform(10f64.powf(-end), 10f64.powf(end)),
        };
        self.known.push(value);
        value
    }

    /// The same, or one in six 0.
    fn amount(&mut self) -> f64 {
        if self.stream.below(6) == 0 { 0.0 } else { self.positive() }
    }

    fn count(&mut self, low: u64, high: u64) -> usize {
        (low + self.stream.below(high - low + 1)) as usize
    }

    fn speedup(&mut self) -> Speedup {
        match self.stream.below(3) {
            0 => Speedup::Linear,
            1 => {
                let parallel_fraction = match self.stream.below(4) {
                    0 => 1.0,
                    1 => 0.0,
                    2 => self.stream.unit(),
                    _ => 1.0 - self.stream.log_uniform(1e-9, 1.0),
                };
                Speedup::Amdahl { parallel_fraction }
            }
            _ => {
                let mut speedups = vec![1.0];
                for _ in 0..self.count(0, 8) {
                    let last = speedups[speedups.len() - 1];
                    let rise = if self.stream.below(3) == 0 { 0.0 } else { self.positive() };
                    speedups.push(last + rise);
                }
                Speedup::Table { speedups }
            }
        }
    }

    fn chain(&mut self, blocks: u64) -> model::Model {
        let blocks = self.count(1, blocks);
        let macs = (0..blocks).map(|_| self.amount()).collect();
        let mut cut_bytes: Vec<f64> = (0..blocks).map(|_| self.amount()).collect();
        cut_bytes.push(0.0);
        model::Model::of_macs("", macs, cut_bytes)
    }

    fn multiuser(&mut self) -> multiuser::Instance {
        let models: Vec<model::Model> = (0..self.count(1, 2)).map(|_| self.chain(4)).collect();
        let most = if self.stream.below(4) == 0 { 60 } else { 12 };
        let units = self.count(0, most) as u32;
        let server = multiuser::Server { units, unit: Machine::of_macs(self.positive()), speedup: self.speedup() };
        let users = (0..self.count(1, 4))
            .map(|_| multiuser::User {
                model: self.stream.below(models.len() as u64) as u32,
                device: Machine::of_macs(self.positive()),
                uplink_bytes_per_s: self.positive(),
                rtt_s: self.amount(),
            })
            .collect();
        let objective = if self.stream.below(2) == 0 { multiuser::Objective::Max } else { multiuser::Objective::Sum };
        let origin = origin::Origin::default();
        multiuser::Instance { origin, objective, machine_kinds: Vec::new(), models, server, users }
    }

    fn throughput(&mut self) -> throughput::Instance {
        let models: Vec<throughput::Model> = (0..self.count(1, 2))
            .map(|_| {
                let layers = self.count(2, 5);
                let mut macs: Vec<f64> = (0..layers).map(|_| self.amount()).collect();
                macs[0] = 0.0;
                let out_bytes = (0..layers).map(|_| self.amount()).collect();
                let mut edges = Vec::new();
                for to in 1..layers {
                    let must = self.stream.below(to as u64) as usize;
                    let is_edge: Vec<bool> = (0..to).map(|from| from == must || self.stream.below(4) == 0).collect();
                    edges.extend((0..to).filter(|from| is_edge[*from]).map(|from| (from as u32, to as u32)));
                }
                edges.sort_unstable();
                throughput::Model::of_macs("", macs, out_bytes, edges)
            })
            .collect();
        let cloudlets: Vec<throughput::Cloudlet> = (0..self.count(0, 3))
            .map(|_| throughput::Cloudlet {
                threads: self.count(0, 6) as u32,
                thread: Machine::of_macs(self.positive()),
                max_threads_per_request: self.count(1, 4) as u32,
                speedup: self.speedup(),
            })
            .collect();
        let hop_s_per_byte = (0..2).map(|_| cloudlets.iter().map(|_| self.amount()).collect()).collect();
        let has_profits = self.stream.below(2) == 0;
        let requests = (0..self.count(1, 5))
            .map(|_| throughput::Request {
                model: self.stream.below(models.len() as u64) as u32,
                access_point: self.stream.below(2) as u32,
                device: Machine::of_macs(self.positive()),
                uplink_bytes_per_s: self.positive(),
                deadline_s: self.positive(),
                profit: if has_profits { self.positive() } else { 1.0 },
            })
            .collect();
        let (origin, machine_kinds) = (origin::Origin::default(), Vec::new());
        let mut instance = throughput::Instance { origin, machine_kinds, models, cloudlets, hop_s_per_byte, requests };
        if self.stream.below(2) == 0 {
            self.kinds(&mut instance);
        }
        instance
    }

    /// Two kinds of machines with unrelated work; every other machine is of one.
    fn kinds(&mut self, instance: &mut throughput::Instance) {
        let kind = |name: &str| throughput::MachineKind { name: name.into(), about: String::new() };
        instance.machine_kinds = vec![kind("a"), kind("b")];
        for model in &mut instance.models {
            let mut work = || -> Vec<f64> {
                let layers = (1..model.out_bytes.len()).map(|_| self.amount());
                std::iter::once(0.0).chain(layers).collect()
            };
            model.work_s = vec![Some(work()), Some(work())];
        }
        let devices = instance.requests.iter_mut().map(|request| &mut request.device);
        for machine in devices.chain(instance.cloudlets.iter_mut().map(|cloudlet| &mut cloudlet.thread)) {
            let kind = self.stream.below(4) as u32;
            machine.kind = (kind < 2).then_some(kind);
        }
    }

    fn jpdra(&mut self) -> jpdra::Instance {
        let servers = self.count(1, 3);
        let way = |draw: &mut Self| if draw.stream.below(8) == 0 { 0.0 } else { draw.positive() };
        let flows: Vec<jpdra::Flow> = (0..self.count(1, 2))
            .map(|_| {
                let result_bytes = if self.stream.below(2) == 0 { Some(self.amount()) } else { None };
                jpdra::Flow {
                    rate_per_s: self.positive(),
                    input_bytes: self.amount(),
                    partitions: (0..self.count(1, 3))
                        .map(|_| jpdra::Partition { macs: self.positive(), out_bytes: self.amount() })
                        .collect(),
                    work_s: Vec::new(),
                    result_bytes,
                    uplink_bytes_per_s: (0..servers).map(|_| way(self)).collect(),
                    downlink_bytes_per_s: match result_bytes {
                        Some(_) => (0..servers).map(|_| way(self)).collect(),
                        None => Vec::new(),
                    },
                }
            })
            .collect();
        // Around the load, so that there is something to decide.
        let load: f64 =
            flows.iter().flat_map(|flow| flow.partitions.iter().map(|part| flow.rate_per_s * part.macs)).sum();
        let load = load.clamp(1e-20, 1e20);
        let speeds: Vec<f64> = (0..servers)
            .map(|_| {
                load * if self.stream.below(3) == 0 { self.positive() } else { self.stream.log_uniform(0.3, 10.0) }
            })
            .collect();
        let links = (0..servers).map(|_| (0..servers).map(|_| way(self)).collect()).collect();
        let allocation = if self.stream.below(2) == 0 {
            jpdra::Allocation::Continuous
        } else {
            let macs_per_s =
                speeds.iter().copied().reduce(f64::max).expect("a server") / self.stream.uniform(1.0, 60.0);
            jpdra::Allocation::Units { macs_per_s }
        };
        let servers = speeds.into_iter().map(jpdra::Server::of_macs).collect();
        let origin = origin::Origin::default();
        jpdra::Instance { origin, machine_kinds: Vec::new(), flows, servers, link_bytes_per_s: links, allocation }
    }

    fn lymdo(&mut self) -> lymdo::Instance {
        let models: Vec<model::Model> = (0..self.count(1, 2)).map(|_| self.chain(3)).collect();
        let count = self.count(1, 3);
        let users: Vec<lymdo::User> = (0..count)
            .map(|_| lymdo::User {
                model: self.stream.below(models.len() as u64) as u32,
                device: Machine::of_macs(self.positive()),
                energy_per_mac_coeff: self.amount(),
                tx_power_w: self.amount(),
                energy_budget_j_per_slot: self.amount(),
                overdraft_s_per_j: self.amount(),
                backlog_j: self.amount(),
            })
            .collect();
        let edge_macs_per_s = self.positive();
        // Arrivals that the device or the edge can take, mostly.
        let arrivals_per_s = users
            .iter()
            .map(|user| {
                let macs: f64 = models[user.model as usize].macs.iter().sum();
                let most = user.device.speed.max(edge_macs_per_s) / macs.max(1e-20);
                match self.stream.below(6) {
                    0 => 0.0,
                    1 => self.positive(),
                    _ => most.clamp(1e-20, 1e20) * self.stream.log_uniform(1e-3, 2.0),
                }
            })
            .collect();
        let rate_law = match self.stream.below(3) {
            0 => lymdo::RateLaw::Fixed { bit_per_s_per_hz: self.positive() },
            _ => lymdo::RateLaw::Shannon,
        };
        let service =
            if self.stream.below(2) == 0 { lymdo::Service::Deterministic } else { lymdo::Service::Exponential };
        lymdo::Instance {
            origin: origin::Origin::default(),
            service,
            rate_law,
            slot_s: self.positive(),
            bandwidth_hz: self.positive(),
            noise_w_per_hz: self.positive(),
            edge_macs_per_s: Some(edge_macs_per_s),
            edge: None,
            machine_kinds: Vec::new(),
            v: self.positive(),
            models,
            users,
            slots: vec![lymdo::Slot { arrivals_per_s, gains: (0..count).map(|_| self.amount()).collect() }],
        }
    }
}

/// What was seen of a method at some number of decades.
#[derive(Clone, Copy, Default)]
struct Seen {
    cases: u64,
    declined: u64,
    claimed: u64,
    late: u64,
    withdrawn: u64,
}

/// Whether a method declined for its solver's tolerances, not as a matter of kind or size.
fn is_declined(row: &Row) -> bool {
    matches!(&row.stop, Stop::Declined(words) if words.contains("HiGHS") || words.contains("Clarabel"))
}

/// What the checker rejects of an answer, or why there is none.
fn rejected(row: &Row) -> Option<String> {
    matches!(row.status, Status::Wrong | Status::Crash | Status::Invalid)
        .then(|| format!("{}: {:?} {:?} {:?}", row.key.method, row.stop, row.violations, row.proof))
}

/// What is wrong with the rows of an instance that the checker does not reject.
fn faults(sense: Sense, rows: &[Row]) -> Vec<String> {
    let mut faults = Vec::new();
    let tolerance = Tolerance { word_relative: WORD, ..Tolerance::default() };
    faults.extend(contradictions(sense, rows, &tolerance).iter().map(ToString::to_string));
    let found: Vec<f64> = rows
        .iter()
        .filter(|row| matches!(row.status, Status::Feasible | Status::OptimalClaimed | Status::OptimalCertified))
        .map(objective)
        .collect();
    let best = match sense {
        Sense::Minimise => found.iter().copied().reduce(f64::min),
        Sense::Maximise => found.iter().copied().reduce(f64::max),
    };
    let Some(best) = best else { return faults };
    for row in rows {
        let within = match row.status {
            Status::OptimalCertified => 2e-9,
            Status::OptimalClaimed => 2e-6,
            _ => continue,
        };
        let value = objective(row);
        if (value - best).abs() > within * best.abs() {
            faults.push(format!("{} claims {value}, {best} is known", row.key.method));
        }
    }
    faults
}

/// Draws instances, lets `methods` solve them, and fails if any two answers contradict each other.
fn soak<P: BenchmarkAdapter>(cases: u64, methods: &[&str], draw: impl Fn(&mut Draw) -> P::Instance) {
    let first = number("OFFCUT_FIRST_CASE", 0);
    let all: Vec<Box<dyn Algorithm<P>>> =
        P::algorithms().into_iter().filter(|algorithm| methods.contains(&algorithm.id())).collect();
    assert_eq!(all.len(), methods.len());
    let mut seen: BTreeMap<(&str, u32), Seen> = BTreeMap::new();
    let (mut wrong, mut rejections) = (Vec::new(), 0);
    let mut words: BTreeMap<String, u64> = BTreeMap::new();
    for case in first..first + cases {
        let mut numbers = Draw::new(P::NAME, case);
        let instance = draw(&mut numbers);
        instance.validate().expect("a legal instance");
        let budget = Budget { seed: case, ..Budget::seconds(10.0) };
        let began = std::time::Instant::now();
        let rows = rows_of::<P>(&instance, &all, &budget);
        if began.elapsed().as_secs() >= 10 {
            let times: Vec<_> = rows.iter().map(|row| (row.key.method.as_str(), row.times.solve_s)).collect();
            println!("slow: case {case}, {} decades: {times:?}", numbers.decades);
        }
        for row in &rows {
            let method = methods.iter().find(|id| **id == row.key.method).expect("known");
            let seen = seen.entry((method, numbers.decades)).or_default();
            seen.cases += 1;
            seen.declined += u64::from(is_declined(row));
            seen.claimed += u64::from(row.status == Status::OptimalClaimed);
            seen.late += u64::from(row.stop == Stop::TimeLimit);
            seen.withdrawn += row.counts.get("bounds withdrawn").copied().unwrap_or(0);
            if let Stop::Declined(reason) = &row.stop
                && is_declined(row)
            {
                *words
                    .entry(format!("{method}: {}", reason.split(|c: char| c.is_ascii_digit()).next().unwrap_or("")))
                    .or_default() += 1;
            }
        }
        let by_checker: Vec<String> = rows.iter().filter_map(rejected).collect();
        if !by_checker.is_empty() {
            rejections += 1;
            println!("rejected: case {case}, {} decades: {by_checker:?}", numbers.decades);
            if cases == 1 {
                println!("{}", String::from_utf8(instance_bytes::<P>(&instance)).expect("JSON"));
            }
        }
        let faults = faults(P::SENSE, &rows);
        if !faults.is_empty() {
            let text = String::from_utf8(instance_bytes::<P>(&instance)).expect("JSON");
            println!("case {case}, {} decades: {faults:#?}\n{text}", numbers.decades);
            wrong.push(case);
        }
    }
    println!(
        "{}: {cases} cases from {first}; per method and decades: declined, limit reached, bounds withdrawn, optimal-claimed, of",
        P::NAME
    );
    for ((method, decades), Seen { cases, declined, claimed, late, withdrawn }) in &seen {
        println!("  {method:12} {decades:3} {declined:6} {late:6} {withdrawn:6} {claimed:6} {cases:6}");
    }
    for (reason, count) in words {
        println!("  declined {count} x {reason}");
    }
    println!("  an answer is rejected by the checker, which is no contradiction, in {rejections} cases");
    assert_eq!(wrong, [0; 0], "{} of {cases} cases", wrong.len());
    assert!(rejections * 100 <= cases.max(100), "{rejections} of {cases} cases have answers that the checker rejects");
    let ordinary = || seen.iter().filter(|((_, decades), _)| *decades <= DECADES[1]).map(|(_, seen)| seen);
    let (declined, cases): (u64, u64) = ordinary().fold((0, 0), |(d, c), seen| (d + seen.declined, c + seen.cases));
    assert!(declined * 100 <= cases, "{declined} of {cases} declined at ordinary scales");
}

#[test]
fn multiuser_at_any_scale() {
    let cases = number("OFFCUT_CASES", 240);
    soak::<multiuser::Multiuser>(cases, &["threshold", "milp", "dp", "price", "branch"], Draw::multiuser);
}

#[test]
fn throughput_at_any_scale() {
    let cases = number("OFFCUT_CASES", 240);
    soak::<throughput::Throughput>(cases, &["branch", "price", "milp", "lp", "milp-joint"], Draw::throughput);
}

#[test]
fn jpdra_at_any_scale() {
    let methods = ["branch", "price", "milp-oa", "socp", "milp-units", "exhaustive"];
    soak::<jpdra::Jpdra>(number("OFFCUT_CASES", 120), &methods, Draw::jpdra);
}

#[test]
fn lymdo_at_any_scale() {
    soak::<lymdo::Lymdo>(number("OFFCUT_CASES", 120), &["branch", "milp-oa", "enumerate"], Draw::lymdo);
}

/// Instances on which a solver's tolerances once decided: every method that takes them finds the known value, and no bound lies beyond it.
mod known {
    use offcut_instances::document::parse_instance;

    use super::*;

    fn assert_known<P: BenchmarkAdapter>(instance: &[u8], value: f64, methods: &[&str]) {
        let instance = parse_instance::<P>(instance).expect("an instance");
        let all: Vec<Box<dyn Algorithm<P>>> =
            P::algorithms().into_iter().filter(|algorithm| methods.contains(&algorithm.id())).collect();
        let rows = rows_of::<P>(&instance, &all, &Budget::seconds(20.0));
        assert_eq!(faults(P::SENSE, &rows), [""; 0]);
        for row in rows.iter().filter(|row| row.status != Status::Declined) {
            assert!((objective(row) - value).abs() <= 1e-9 * value, "{}: {}", row.key.method, objective(row));
            // The stronger of its bounds is close; none is beyond.
            let bounds = row.proofs().into_iter().filter_map(|proof| proof.bound(P::SENSE, &Tolerance::default()));
            let beyond =
                |(bound, _): (f64, f64)| if P::SENSE == Sense::Minimise { bound - value } else { value - bound };
            let strongest = bounds.map(beyond).reduce(f64::max).expect("a bound");
            assert!(strongest <= 1e-9 * value && -strongest <= 1e-6 * value, "{}: {strongest}", row.key.method);
        }
    }

    #[test]
    fn all_local_is_far_slower_than_the_optimum() {
        let instance = include_bytes!("cases/multiuser-milp-scale.json");
        assert_known::<multiuser::Multiuser>(instance, 1.0 / 7.0, &["milp", "dp", "branch"]);
    }

    #[test]
    fn a_maximum_far_below_all_local() {
        let instance = include_bytes!("cases/multiuser-milp-max.json");
        assert_known::<multiuser::Multiuser>(instance, 168_002.008_678_994, &["milp", "threshold"]);
    }

    #[test]
    fn equal_users() {
        let instance = include_bytes!("cases/multiuser-equal-users.json");
        assert_known::<multiuser::Multiuser>(instance, 70.5, &["milp"]);
    }

    #[test]
    fn a_deadline_far_below_all_delays() {
        let instance = include_bytes!("cases/throughput-milp-joint-tiny-deadline.json");
        assert_known::<throughput::Throughput>(instance, 0.0, &["milp", "milp-joint", "branch", "price", "lp"]);
    }

    #[test]
    fn a_user_far_over_its_budget() {
        let instance = include_bytes!("cases/lymdo-milp-oa-bound.json");
        assert_known::<lymdo::Lymdo>(instance, 0.013_459_581_27, &["milp-oa", "branch", "enumerate"]);
    }

    /// Two users, two units: with both on the server 2 / (336679123 MAC/s) of latency each, far below the prices that prove it.
    #[test]
    fn a_core_whose_prices_cancel() {
        let instance = include_bytes!("cases/multiuser-core-cancels.json");
        assert_known::<multiuser::Multiuser>(instance, 2.0 / 336_679_123.351_157_67, &["branch", "dp"]);
    }

    #[test]
    fn more_units_than_certificates_keep_whole() {
        let instance = include_bytes!("cases/jpdra-many-units.json");
        assert_known::<jpdra::Jpdra>(instance, 0.024_629_623_023_640_72, &["branch", "exhaustive", "milp-units"]);
    }

    /// In doubles the partition does not fit server 1, in exact arithmetic it does, by less than a rounding: a bound at rates has to leave that server in.
    #[test]
    fn a_server_that_is_filled_to_the_last_bit() {
        let instance = parse_instance::<jpdra::Jpdra>(include_bytes!("cases/jpdra-full-server.json")).expect("legal");
        let rows = rows_of::<jpdra::Jpdra>(&instance, &jpdra::Jpdra::algorithms(), &Budget::seconds(20.0));
        assert_eq!(rows.iter().filter_map(rejected).collect::<Vec<_>>(), [""; 0]);
        assert_eq!(faults(Sense::Minimise, &rows), [""; 0]);
        let reporting = rows.iter().filter(|row| row.proof.solver_reported().is_some());
        assert!(
            reporting.clone().count() >= 3
                && reporting.clone().all(|row| row.certified_bound(Sense::Minimise).is_some())
        );
    }
}
