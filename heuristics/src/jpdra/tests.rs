//! Speeds are exact, the chain is what it says, and the search finds what brute force finds.

use offcut_instances::jpdra::strategy::{Shares as Kind, deployments, instances};
use offcut_instances::jpdra::{
    Allocation, Flow, Instance, Origin, Parameters, Partition, Server, Solution, Speeds, generate,
};
use offcut_instances::problem::{Answer, Budget, Stop};
use offcut_instances::random::Stream;
use proptest::prelude::*;

use super::baselines::rounded;
use super::cra;
use super::cra_markov::{AUTOMATIC_SHARE, Chain};
use super::delay::{Delays, Deployment, Shares};

type Jpdra = offcut_instances::jpdra::Jpdra;

fn answer(id: &str, settings: &[(&str, f64)], instance: &Instance, seed: u64) -> Answer<Jpdra> {
    let mut method = super::algorithms().into_iter().find(|algorithm| algorithm.id() == id).expect("known");
    for (name, value) in settings {
        method.configure(name, *value).expect("a parameter");
    }
    method.solve(instance, &Budget { seed, ..Budget::default() })
}

fn value(id: &str, settings: &[(&str, f64)], instance: &Instance) -> Option<f64> {
    answer(id, settings, instance, 0).found.map(|claim| claim.objective)
}

/// One flow through partitions of this work on one server, nothing to transfer.
fn tandem(rate_per_s: f64, macs: &[f64], macs_per_s: f64, allocation: Allocation) -> Instance {
    let flow = Flow {
        rate_per_s,
        input_bytes: 0.0,
        partitions: macs.iter().map(|macs| Partition { macs: *macs, out_bytes: 0.0 }).collect(),
        work_s: Vec::new(),
        result_bytes: None,
        uplink_bytes_per_s: vec![1.0],
        downlink_bytes_per_s: Vec::new(),
    };
    let servers = vec![Server::of_macs(macs_per_s)];
    let (origin, link_bytes_per_s) = (Origin::default(), vec![vec![0.0]]);
    Instance { origin, machine_kinds: Vec::new(), flows: vec![flow], servers, link_bytes_per_s, allocation }
}

fn golden(allocation: Allocation) -> Instance {
    tandem(0.9, &[0.8, 1.5, 2.2, 1.1], 10.0, allocation)
}

const QUARTERS: Allocation = Allocation::Units { macs_per_s: 0.25 };

/// What is wrong with a solution, straight from the definition; and its value.
fn checked_answer(instance: &Instance, solution: &Solution) -> (Vec<String>, f64) {
    let mut faults = Vec::new();
    let mut used = vec![0.0; instance.servers.len()];
    let mut used_units = vec![0; instance.servers.len()];
    let total: f64 = instance.flows.iter().map(|flow| flow.rate_per_s).sum();
    let mut mean = 0.0;
    for (s, flow) in instance.flows.iter().enumerate() {
        let at: Vec<usize> = solution.servers[s].iter().map(|m| *m as usize).collect();
        let (first, last) = (at[0], at[at.len() - 1]);
        if !instance.enters(s, first) || !instance.leaves(s, last) {
            faults.push(format!("flow {s}: no way in or out"));
        }
        let mut delay = flow.input_bytes / flow.uplink_bytes_per_s[first];
        delay += flow.result_bytes.map_or(0.0, |bytes| bytes / flow.downlink_bytes_per_s[last]);
        for n in 0..flow.partitions.len() {
            let speed = match (&solution.speeds, instance.allocation) {
                (Speeds::MacsPerS(speeds), Allocation::Continuous) => speeds[s][n],
                (Speeds::Units(units), Allocation::Units { macs_per_s }) => {
                    used_units[at[n]] += units[s][n];
                    units[s][n] as f64 * macs_per_s
                }
                _ => panic!("speeds of the other kind"),
            };
            used[at[n]] += speed;
            let work = instance.work_on(s, n, at[n]);
            if speed <= flow.rate_per_s * work {
                faults.push(format!("flow {s}, partition {n}: not stable"));
            }
            delay += 1.0 / (speed / work - flow.rate_per_s);
            if n > 0 && at[n] != at[n - 1] {
                if !instance.connects(at[n - 1], at[n]) {
                    faults.push(format!("flow {s}, partition {n}: no way"));
                }
                delay += flow.partitions[n - 1].out_bytes / instance.link_bytes_per_s[at[n - 1]][at[n]];
            }
        }
        mean += flow.rate_per_s / total * delay;
    }
    for (m, server) in instance.servers.iter().enumerate() {
        let is_over = match instance.allocation {
            Allocation::Continuous => used[m] > server.machine.speed,
            Allocation::Units { macs_per_s } => used_units[m] > instance.units(m, macs_per_s),
        };
        if is_over {
            faults.push(format!("server {m}: {} of {}", used[m], server.machine.speed));
        }
    }
    (faults, mean)
}

/// All transfers to give up to `total` units to so many.
fn unit_vectors(count: usize, total: u64) -> Vec<Vec<u64>> {
    let extend = |vectors: Vec<Vec<u64>>, _| {
        let longer = |vector: Vec<u64>| {
            let left = total - vector.iter().sum::<u64>();
            (1..=left).map(move |k| [&vector[..], &[k]].concat()).collect::<Vec<_>>()
        };
        vectors.into_iter().flat_map(longer).collect()
    };
    (0..count).fold(vec![Vec::new()], extend)
}

/// The optimum, by trying every deployment with the best speeds.
fn optimum(instance: &Instance) -> Option<f64> {
    let delays = Delays::new(instance);
    let value = |servers: Vec<Vec<u32>>| {
        let merit = delays.merit(&servers.concat());
        (merit.faults == 0).then_some(merit.delay_s)
    };
    deployments(instance).filter_map(value).min_by(f64::total_cmp)
}

fn any_instance() -> impl Strategy<Value = Instance> {
    prop_oneof![instances(3, 3, 3, Kind::Continuous), instances(3, 3, 3, Kind::Units)]
}

/// An instance and a random deployment.
fn deployed(kind: Kind) -> impl Strategy<Value = (Instance, Vec<u32>)> {
    instances(3, 3, 3, kind).prop_flat_map(|instance| {
        let server = 0..instance.servers.len() as u32;
        let servers = prop::collection::vec(server, instance.partitions());
        (Just(instance), servers)
    })
}

fn is_close(a: f64, b: f64, relative: f64) -> bool {
    (a - b).abs() <= relative * a.abs().max(b.abs())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    /// Every method is feasible, claims what is true, and does not beat brute force; `jpdra` finds a solution where there is one.
    #[test]
    fn every_method_is_feasible(instance in any_instance()) {
        let optimum = optimum(&instance);
        for method in super::algorithms() {
            let answer = method.solve(&instance, &Budget::default());
            if matches!(answer.stop, Stop::Declined(_)) {
                prop_assert_eq!(instance.allocation, Allocation::Continuous, "{}", method.id());
                continue;
            }
            prop_assert_eq!(&answer.stop, &Stop::Completed, "{}", method.id());
            let Some(claim) = answer.found else { continue };
            let (faults, value) = checked_answer(&instance, &claim.solution);
            prop_assert_eq!(faults, Vec::<String>::new(), "{}", method.id());
            prop_assert!(is_close(value, claim.objective, 1e-6), "{}: {value}, claims {}", method.id(), claim.objective);
            let optimum = optimum.expect("somebody found a solution");
            prop_assert!(claim.objective >= optimum * (1.0 - 1e-6), "{}: {} below {optimum}", method.id(), claim.objective);
        }
        if let Some(optimum) = optimum {
            let found = value("jpdra", &[], &instance);
            prop_assert!(found.is_some(), "there is a solution, of {optimum}");
        }
    }

    /// The square-root rule against bisection on the price of speed, at which everybody asks for rho + a / sqrt(price); and perturbations.
    #[test]
    fn the_closed_form_is_the_numeric_minimum((instance, servers) in deployed(Kind::Continuous), seed in 0u64..1000) {
        let delays = Delays::new(&instance);
        let Some(Shares::MacsPerS(speeds)) = cra::allocate(&delays, &servers) else { return Ok(()) };
        let mut stream = Stream::new(&["perturbations"], seed);
        for (m, hosted) in delays.hosted(&servers).iter().enumerate().filter(|(_, hosted)| !hosted.is_empty()) {
            let merit = |speed: &dyn Fn(usize) -> f64| -> f64 {
                hosted.iter().map(|i| delays.root(*i, m).powi(2) / (speed(*i) - delays.load(*i, m))).sum()
            };
            let best = merit(&|i| speeds[i]);
            prop_assert!(is_close(best, delays.of_server(m, hosted).delay_s, 1e-6));
            let (mut low, mut high) = (1e-12f64, 1e12f64);
            for _ in 0..200 {
                let price = (low * high).sqrt();
                let asked: f64 = hosted.iter().map(|i| delays.load(*i, m) + delays.root(*i, m) / price.sqrt()).sum();
                if asked > delays.capacity[m] { low = price } else { high = price }
            }
            let numeric = merit(&|i| delays.load(i, m) + delays.root(i, m) / high.sqrt());
            prop_assert!(is_close(best, numeric, 1e-6), "{best} by formula, {numeric} by bisection");
            for _ in 0..20 {
                let (from, to) = (*stream.pick(hosted), *stream.pick(hosted));
                let given = (speeds[from] - delays.load(from, m)) * 0.5 * stream.unit();
                let moved = |i: usize| speeds[i] + if i == to { given } else { 0.0 } - if i == from { given } else { 0.0 };
                prop_assert!(merit(&moved) >= best * (1.0 - 1e-9));
            }
        }
    }

    /// Fox against all unit vectors.
    #[test]
    fn fox_is_brute_force((instance, servers) in deployed(Kind::Units)) {
        let delays = Delays::new(&instance);
        for (m, hosted) in delays.hosted(&servers).iter().enumerate().filter(|(_, hosted)| hosted.len() <= 4) {
            let value = |units: &Vec<u64>| -> Option<f64> {
                let stages = hosted.iter().zip(units).map(|(i, k)| {
                    (*k >= delays.least_units(*i, m)).then(|| delays.stage_s(*i, m, *k))
                });
                stages.sum()
            };
            let brute = unit_vectors(hosted.len(), delays.units[m]).iter().filter_map(value).min_by(f64::total_cmp);
            let fox = delays.fox(m, hosted);
            prop_assert_eq!(brute.is_some(), fox.is_some());
            let (Some(brute), Some(fox)) = (brute, fox) else { continue };
            let found = value(&fox).expect("stable");
            prop_assert!(fox.iter().sum::<u64>() <= delays.units[m]);
            prop_assert!(is_close(found, brute, 1e-9), "{found} by Fox, {brute} by brute force");
        }
    }

    /// What a move says it changes is what it changes.
    #[test]
    fn changes_are_differences((instance, servers) in prop_oneof![deployed(Kind::Continuous), deployed(Kind::Units)], seed in 0u64..1000) {
        let delays = Delays::new(&instance);
        let mut deployment = Deployment::new(&delays, servers);
        let mut stream = Stream::new(&["moves"], seed);
        for _ in 0..20 {
            let mut moves = Vec::new();
            for i in 0..delays.partitions() {
                if stream.below(3) == 0 {
                    moves.push((i, stream.below(delays.servers() as u64) as u32));
                }
            }
            let before = deployment.merit();
            let mut after = deployment.servers().to_vec();
            moves.iter().for_each(|(i, m)| after[*i] = *m);
            let after = delays.merit(&after);
            let scale = before.delay_s.max(after.delay_s);
            match deployment.change(&moves) {
                Some(change) => {
                    // Overload is rounded down to a whole number.
                    prop_assert!((before.faults + change.faults - after.faults).abs() <= 2);
                    prop_assert!((before.delay_s + change.delay_s - after.delay_s).abs() <= 1e-6 * scale);
                }
                None => {
                    let gain = after - before;
                    prop_assert!(gain.faults >= -2 && (gain.faults < 0 || !gain.improves(before.delay_s * (1.0 + 1e-6))));
                }
            }
            deployment.apply(&moves);
            prop_assert_eq!(deployment.merit().faults, after.faults);
            prop_assert!((deployment.merit().delay_s - after.delay_s).abs() <= 1e-9 * scale);
        }
    }

    /// pi_f q(f, f') = pi_f' q(f', f) for every move, and the mean is within ln|F|/beta of the best.
    #[test]
    fn the_chain_is_in_balance((instance, servers) in deployed(Kind::Units), beta in 0.1f64..100.0) {
        let delays = Delays::new(&instance);
        for (m, hosted) in delays.hosted(&servers).into_iter().enumerate().filter(|(_, hosted)| (1..=4).contains(&hosted.len())) {
            let Some(chain) = Chain::new(&delays, m, hosted.clone(), beta) else { continue };
            let states = chain.states();
            for state in states.iter().step_by(1 + states.len() / 50) {
                let here = chain.at(state);
                for (from, to) in (0..state.len()).flat_map(|from| (0..state.len()).map(move |to| (from, to))) {
                    if from == to || !here.log_rate(from, to).is_finite() {
                        continue;
                    }
                    let mut other = state.clone();
                    other[from] -= 1;
                    other[to] += 1;
                    prop_assert!(states.contains(&other));
                    let there = chain.at(&other);
                    let flows = (-beta * here.delay_s() + here.log_rate(from, to), -beta * there.delay_s() + there.log_rate(to, from));
                    let scale = 1.0 + beta * (here.delay_s() + there.delay_s());
                    prop_assert!((flows.0 - flows.1).abs() <= 1e-9 * scale, "{flows:?}");
                }
            }
            let (mean, least) = stationary(&chain, &states, beta);
            prop_assert!(mean <= least + (states.len() as f64).ln() / beta + 1e-9 * least);
            let fox = delays.fox(m, &hosted).expect("the chain has a state");
            prop_assert!(is_close(chain.delay_of(&fox), least, 1e-9));
        }
    }

    #[test]
    fn rounding_keeps_sums_and_minima(shares in prop::collection::vec((0.0f64..20.0, 0u64..10), 1..8), more in 0u64..5) {
        let (quotas, least): (Vec<f64>, Vec<u64>) = shares.into_iter().unzip();
        let total = least.iter().sum::<u64>() + more;
        let units = rounded(&quotas, &least, total);
        prop_assert_eq!(units.iter().sum::<u64>(), total);
        prop_assert!(units.iter().zip(&least).all(|(units, least)| units >= least));
    }
}

/// The mean of T under pi ~ exp(-beta T), and the least T.
fn stationary(chain: &Chain, states: &[Vec<u64>], beta: f64) -> (f64, f64) {
    let delays: Vec<f64> = states.iter().map(|state| chain.delay_of(state)).collect();
    let least = delays.iter().copied().fold(f64::INFINITY, f64::min);
    let weights = delays.iter().map(|delay| (-beta * (delay - least)).exp());
    let (sum, norm) =
        weights.zip(&delays).fold((0.0, 0.0), |(sum, norm), (weight, delay)| (sum + weight * delay, norm + weight));
    (sum / norm, least)
}

/// The golden case of the specification.
#[test]
fn golden_speeds() {
    let continuous = value("jpdra", &[], &golden(Allocation::Continuous)).expect("stable");
    let units = value("jpdra", &[], &golden(QUARTERS)).expect("stable");
    assert!((continuous - 4.361_664).abs() < 1e-6, "{continuous}");
    assert!((units - 4.384_605).abs() < 1e-6, "{units}");
    for id in ["cra-markov", "cra-anneal"] {
        assert_eq!(value(id, &[], &golden(QUARTERS)), Some(units), "{id}");
        assert!(matches!(answer(id, &[], &golden(Allocation::Continuous), 0).stop, Stop::Declined(_)), "{id}");
    }
}

#[test]
fn golden_stationary_means() {
    let instance = golden(QUARTERS);
    let delays = Delays::new(&instance);
    for (beta, excess, tolerance) in [(5.0, 0.245, 5e-4), (20.0, 0.051, 5e-4), (50.0, 0.016, 5e-4), (200.0, 7e-4, 5e-5)]
    {
        let chain = Chain::new(&delays, 0, vec![0, 1, 2, 3], beta).expect("stable");
        let states = chain.states();
        assert_eq!(states.len(), 1540);
        let (mean, least) = stationary(&chain, &states, beta);
        assert!((mean - least - excess).abs() <= tolerance, "beta {beta}: {}", mean - least);
        assert!(mean - least <= 1540f64.ln() / beta);
    }
}

/// A run's mean over time comes near the stationary mean.
#[test]
fn a_run_spends_its_time_as_it_should() {
    let instance = golden(QUARTERS);
    let delays = Delays::new(&instance);
    let mut chain = Chain::new(&delays, 0, vec![0, 1, 2, 3], 20.0).expect("stable");
    let (expected, _) = stationary(&chain, &chain.states(), 20.0);
    let mut stream = Stream::new(&["jpdra", "mean over time"], 1);
    let (mut time, mut area) = (0.0, 0.0);
    for _ in 0..200_000 {
        let delay = chain.delay_s();
        let held = chain.step(&mut stream).expect("somewhere to go");
        (time, area) = (time + held, area + held * delay);
    }
    let mean = area / time;
    assert!((mean - expected).abs() < 2e-3, "{mean} over time, {expected} expected");
}

fn log_states_of(spare: u64, partitions: u64) -> f64 {
    (1..partitions).map(|j| ((spare + j) as f64).ln() - (j as f64).ln()).sum()
}

/// ln|F| is the logarithm of how many states there are, also where they cannot be counted.
#[test]
fn states_are_counted() {
    let chain_of = |macs: &[f64], unit: f64| {
        let delays = Delays::new(&tandem(0.9, macs, 10.0, Allocation::Units { macs_per_s: unit }));
        let chain = Chain::new(&delays, 0, (0..macs.len()).collect(), 1.0).expect("stable");
        (chain.log_states(), chain.states().len() as f64)
    };
    for (macs, unit) in
        [(&[0.8][..], 0.25), (&[0.8, 1.5], 0.25), (&[0.8, 1.5, 2.2], 0.5), (&[0.8, 1.5, 2.2, 1.1], 0.25)]
    {
        let (log, count) = chain_of(macs, unit);
        assert!((log - count.ln()).abs() < 1e-12, "{log} for {count}");
    }
    // About 5e15 units to spare, in whose log-gammas (1.8e17) a logarithm of 108 would drown.
    let fine = tandem(0.9, &[0.8, 1.5, 2.2, 1.1], 10.0, Allocation::Units { macs_per_s: 1e-15 });
    let delays = Delays::new(&fine);
    let chain = Chain::new(&delays, 0, vec![0, 1, 2, 3], 1.0).expect("stable");
    let spare = chain.units().iter().sum::<u64>() - (0..4).map(|i| delays.least_units(i, 0)).sum::<u64>();
    assert!((chain.log_states() - log_states_of(spare, 4)).abs() < 1e-9, "{}", chain.log_states());
}

/// The course of a run, in the golden case: the time-average ends beneath the envelope and near the stationary mean.
#[test]
fn a_run_tells_its_course() {
    let instance = golden(QUARTERS);
    for (beta, excess) in [(5.0, 0.245), (20.0, 0.051), (50.0, 0.016), (200.0, 7e-4)] {
        let answer = answer("cra-markov", &[("beta", beta), ("steps", 100_000.0)], &instance, 1);
        let series = &answer.trace.series;
        assert_eq!(series.keys().collect::<Vec<_>>(), ["best", "envelope", "mean", "optimum"]);
        let last = |name: &str| *series[name].last().expect("a point");
        let (moves, mean) = last("mean");
        let optimum = last("optimum").1;
        assert_eq!(moves, answer.trace.counts["moves"] as f64);
        assert!((optimum - 4.384_605).abs() < 1e-6);
        assert!((last("envelope").1 - optimum - 1540f64.ln() / beta).abs() < 1e-9);
        assert!(mean <= last("envelope").1 && (mean - optimum - excess).abs() < 0.1 * excess, "beta {beta}: {mean}");
        let claimed = answer.found.expect("stable").objective;
        assert!(is_close(last("best").1, claimed, 1e-12), "{} and {claimed}", last("best").1);
    }
}

/// Whoever tells a course: it is short, in order, and never better than the best allocation; `best` falls and ends at the answer.
#[test]
fn courses_are_short_and_in_order() {
    let parameters = Parameters { flows: 4, partitions: 4, servers: 3, units: 30, ..Parameters::default() };
    for (id, seed) in ["cra-markov", "cra-anneal"].into_iter().flat_map(|id| (0..5).map(move |seed| (id, seed))) {
        let instance = generate("synthetic", &parameters, seed).expect("legal");
        let answer = answer(id, &[], &instance, seed);
        let Some(claim) = answer.found else { continue };
        let series = answer.trace.series;
        let optimum = series["optimum"][0].1;
        assert_eq!(series.contains_key("current"), id == "cra-anneal");
        for (name, points) in &series {
            assert!((2..=offcut_instances::problem::POINTS).contains(&points.len()), "{id} {name}: {}", points.len());
            assert!(points.windows(2).all(|pair| pair[0].0 < pair[1].0) && points[0].0 >= 1.0, "{id} {name}");
            assert!(points.iter().all(|(_, value)| *value >= optimum * (1.0 - 1e-9)), "{id} {name}");
            assert_eq!(points.last().expect("some").0, series["best"].last().expect("some").0, "{id} {name}");
        }
        assert!(series["best"].windows(2).all(|pair| pair[1].1 <= pair[0].1), "{id}");
        assert!(is_close(series["best"].last().expect("some").1, claim.objective, 1e-9), "{id}");
    }
}

/// A beta that nobody gives does as well in milliseconds as in seconds, on the golden case and on what families make.
#[test]
fn beta_chooses_itself() {
    let quick = tandem(900.0, &[0.8, 1.5, 2.2, 1.1], 10_000.0, Allocation::Units { macs_per_s: 250.0 });
    let parameters = Parameters { flows: 3, partitions: 4, servers: 2, units: 40, ..Parameters::default() };
    let made = (0..10).map(|seed| generate("synthetic", &parameters, seed).expect("legal"));
    let edge = tandem(1.0, &[1.0, 2.0, 2.0, 3.0], 13.0, Allocation::Units { macs_per_s: 1.0 - 1e-9 });
    for instance in [golden(QUARTERS), quick, edge].into_iter().chain(made) {
        let answer = answer("cra-markov", &[], &instance, 0);
        let (Some(claim), series) = (answer.found, answer.trace.series) else { continue };
        let partitions = instance.partitions() as f64;
        let at = |name: &str| series[name].last().expect("a point").1 / series["optimum"][0].1 - 1.0;
        println!("envelope {:.4} mean {:.5} best {:.2e}", at("envelope"), at("mean"), at("best"));
        assert!(
            at("envelope") <= AUTOMATIC_SHARE * partitions && at("mean") < at("envelope"),
            "{}",
            instance.origin.family
        );
        assert!(at("best") < 1e-3, "{}", claim.objective);
    }
}

/// No beta breaks the chain.
#[test]
fn the_chain_survives_any_beta() {
    for beta in [0.0, 1e-300, 1e3, 1e6, 1e12] {
        let found = value("cra-markov", &[("beta", beta), ("steps", 2000.0)], &golden(QUARTERS)).expect("stable");
        assert!((4.384_604..20.0).contains(&found), "beta {beta}: {found}");
        assert!(beta < 1e3 || found < 4.384_606, "beta {beta}: {found}");
    }
}

#[test]
fn a_chain_with_nowhere_to_go_stays() {
    for (macs, macs_per_s) in [(vec![1.0], 4.0), (vec![1.0, 1.0], 2.5)] {
        let instance = tandem(1.0, &macs, macs_per_s, Allocation::Units { macs_per_s: 1.25 });
        let found = answer("cra-markov", &[], &instance, 0);
        assert_eq!((found.stop, found.trace.counts["moves"]), (Stop::Completed, 0));
        assert_eq!(found.found.is_some(), value("cra-anneal", &[], &instance).is_some());
    }
}

/// Floats at the edge: what exact arithmetic calls unstable has no speeds, and units start where they are stable.
#[test]
fn the_edge_of_stability() {
    for rate in [1.0, 0.1, 0.3, 1.0 / 3.0] {
        for id in ["jpdra", "dpd", "fastest-server", "greedy-equal", "proportional-split"] {
            let full = tandem(rate, &[1.0, 1.0, 1.0], 3.0 * rate, Allocation::Continuous);
            let found = answer(id, &[], &full, 0);
            assert_eq!((found.stop, found.found), (Stop::Completed, None), "{id}");
        }
        let unit = tandem(rate, &[1.0], 10.0 * rate, Allocation::Units { macs_per_s: rate });
        assert_eq!(Delays::new(&unit).least_units(0, 0), 2);
    }
    // A billion billion units are no more work than ten.
    let fine = tandem(0.9, &[0.8, 1.5, 2.2, 1.1], 10.0, Allocation::Units { macs_per_s: 1e-14 });
    let found = value("jpdra", &[], &fine).expect("stable");
    assert!((found - 4.361_664).abs() < 1e-6, "{found}");
}

/// An equal split is nothing where it is not stable; one in proportion to work always is.
#[test]
fn splits() {
    let instance = tandem(1.0, &[4.0, 1.0], 7.0, Allocation::Continuous);
    let values = |instance: &Instance| ["equal-split", "proportional-split", "dpd"].map(|id| value(id, &[], instance));
    let [equal, proportional, best] = values(&instance);
    assert_eq!(equal, None);
    // Shares 5.6 and 1.4: 4/1.6 + 1/.4 = 5; the best is (2+1)^2/2 = 4.5.
    assert!((proportional.expect("stable") - 5.0).abs() < 1e-9 && (best.expect("stable") - 4.5).abs() < 1e-9);
    let instance = tandem(1.0, &[3.0, 1.0], 7.0, Allocation::Units { macs_per_s: 1.0 });
    // Quotas 3.5, 3.5: 4 and 3; 5.25, 1.75: 5 and 2.
    let [equal, proportional, best] = values(&instance);
    for (value, expected) in [(equal, 3.5), (proportional, 2.5), (best, 2.5)] {
        assert!((value.expect("stable") - expected).abs() < 1e-9, "{value:?}");
    }
}

/// Instances on which 20 starts are compared with brute force.
fn small_instances() -> Vec<Instance> {
    let parameters = Parameters { flows: 3, partitions: 3, servers: 3, ..Parameters::default() };
    (0..40).map(|seed| generate("synthetic", &parameters, seed).expect("legal")).collect()
}

/// Swap and relabel are what makes the search good, and starts what makes it almost exact. Gaps are larger here than in the specification's
/// trial, which had other instances: there 4.2 % with block moves alone, .22 % with all, 0 with 20 starts.
#[test]
fn moves_and_starts_pay() {
    let instances = small_instances();
    let best: Vec<f64> = instances.iter().map(|instance| optimum(instance).expect("load .6")).collect();
    let mean_gap = |id: &str, settings: &[(&str, f64)]| -> (f64, usize) {
        let gap = |(instance, best): (&Instance, &f64)| value(id, settings, instance).expect("found") / best - 1.0;
        let gaps: Vec<f64> = instances.iter().zip(&best).map(gap).collect();
        (gaps.iter().sum::<f64>() / gaps.len() as f64, gaps.iter().filter(|gap| **gap < 1e-9).count())
    };
    let blocks = mean_gap("dpd", &[("swap", 0.0), ("relabel", 0.0)]);
    let all = mean_gap("dpd", &[]);
    let starts = mean_gap("jpdra", &[]);

    println!("mean gap and how many are optimal: blocks {blocks:?}, all moves {all:?}, 20 starts {starts:?}");
    assert!(blocks.0 > 0.1 && blocks.0 > 2.0 * all.0, "{blocks:?} {all:?}");
    assert!(all.0 < 0.07 && all.1 > blocks.1, "{all:?}");
    assert!(starts.1 >= 38 && starts.0 < 3e-3, "{starts:?}");
}

/// In units too, and for missing transfers; each family at high load.
#[test]
fn twenty_starts_find_most_optima() {
    let (mut solvable, mut optimal) = (0, 0);
    for family in ["synthetic", "queue", "transfer", "missing", "equal"] {
        for (load, units) in [(0.9, 0), (0.9, 20), (0.6, 8)] {
            for seed in 0..5 {
                let parameters =
                    Parameters { flows: 3, partitions: 3, servers: 3, load, units, ..Parameters::default() };
                let instance = generate(family, &parameters, seed).expect("legal");
                let found = value("jpdra", &[], &instance);
                let Some(best) = optimum(&instance) else {
                    assert_eq!(found, None);
                    continue;
                };
                solvable += 1;
                optimal += usize::from(found.is_some_and(|found| is_close(found, best, 1e-9)));
            }
        }
    }
    println!("{optimal} of {solvable}");
    assert!(solvable >= 40 && optimal * 20 >= solvable * 19, "{optimal} of {solvable}");
}

#[test]
fn a_seed_is_all_that_chance_depends_on() {
    let parameters = Parameters { units: 30, ..Parameters::default() };
    for instance in [
        generate("synthetic", &Parameters::default(), 1).expect("legal"),
        generate("zoo", &parameters, 1).expect("legal"),
    ] {
        for method in super::algorithms() {
            let solved = |seed| {
                let answer = method.solve(&instance, &Budget { seed, ..Budget::default() });
                (answer.found, answer.trace.counts)
            };
            assert_eq!(solved(3), solved(3), "{}", method.id());
            assert!(method.is_random() || solved(3) == solved(4), "{}", method.id());
        }
    }
}

/// Time is kept, and what was found by then is said.
#[test]
fn time_is_kept() {
    let parameters = Parameters { flows: 60, partitions: 10, servers: 20, ..Parameters::default() };
    for (units, id) in [(0, "jpdra"), (0, "dpd"), (100, "jpdra"), (100, "cra-markov"), (100, "cra-anneal")] {
        let instance = generate("synthetic", &Parameters { units, ..parameters.clone() }, 1).expect("legal");
        let method = super::algorithms().into_iter().find(|algorithm| algorithm.id() == id).expect("known");
        let began = std::time::Instant::now();
        let answer = method.solve(&instance, &Budget::seconds(0.001));
        assert!(began.elapsed().as_secs_f64() < 1.0, "{id}: {:?}", began.elapsed());
        assert_eq!(answer.stop, Stop::TimeLimit, "{id}");
        let claim = answer.found.expect("the first start has no faults");
        assert_eq!(checked_answer(&instance, &claim.solution).0, Vec::<String>::new(), "{id}");
    }
}

/// Twenty starts on 20 flows x 8 partitions x 10 servers: `cargo test --release -p offcut-heuristics jpdra -- --ignored --nocapture`.
#[test]
#[ignore = "a measurement"]
fn how_long_it_takes() {
    for units in [0, 40, 1_000_000] {
        for load in [0.3, 0.6, 0.9] {
            for family in ["synthetic", "queue", "missing", "zoo"] {
                let parameters =
                    Parameters { flows: 20, partitions: 8, servers: 10, load, units, ..Parameters::default() };
                let instance = generate(family, &parameters, 1).expect("legal");
                print!("units {units} load {load} {family}:");
                for method in super::algorithms() {
                    let began = std::time::Instant::now();
                    let answer = method.solve(&instance, &Budget::default());
                    let value = answer.found.map(|claim| claim.objective);
                    print!("  {} {value:.5?} in {:.3} s", method.id(), began.elapsed().as_secs_f64());
                }
                println!();
            }
        }
    }
}

/// Beyond small instances random starts end above the first one, and 20 of them gain nothing over one. Starts differ, more are never worse, and
/// 20 find something better on each of these.
#[test]
fn more_starts_are_never_worse_and_differ() {
    for load in [0.3, 0.6, 0.9] {
        let parameters = Parameters { flows: 40, partitions: 6, servers: 10, load, ..Parameters::default() };
        let instance = generate("synthetic", &parameters, 1).expect("legal");
        let of = |starts: f64| value("jpdra", &[("starts", starts)], &instance).expect("found");
        let one = value("dpd", &[], &instance).expect("found");
        let values = [1.0, 2.0, 4.0, 20.0].map(of);
        println!("load {load}: {one} {values:?}");
        assert_eq!(values[0], one);
        assert!(values.windows(2).all(|pair| pair[1] <= pair[0]), "{values:?}");
        assert!(values[3] < one * (1.0 - 1e-4), "{one} {values:?}");
    }
}
