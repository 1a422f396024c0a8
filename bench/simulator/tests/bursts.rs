//! Arrivals that are no Poisson process: bursts against the exact theory of one stage, traces, determinism.

use offcut_instances::traces;
use offcut_simulator::{Arrivals, Bursty, Estimate, Service, Tandem, Trace, simulate_arrivals, simulate_tandems};

fn stage(busy: f64) -> Tandem {
    Tandem { rate_per_s: busy, service_s: vec![1.0], hops_s: vec![0.0; 2] }
}

fn bursty(scv: f64) -> Arrivals {
    Arrivals::Bursty(Bursty::new(scv).expect("legal"))
}

fn delay(tandem: &Tandem, arrivals: &Arrivals, tasks: u64, seed: u64) -> Estimate {
    let simulation = simulate_arrivals(vec![tandem.clone()], Service::Exponential, arrivals, tasks, seed);
    simulation.expect("enough tasks").weighted
}

/// The mean sojourn of GI/M/1 by the root of its transform, and task by task.
#[test]
fn one_stage_agrees_with_the_exact_mean() {
    for (scv, busy) in [(1.0, 0.5), (1.0, 0.8), (10.0, 0.5), (10.0, 0.8), (100.0, 0.3), (100.0, 0.6)] {
        let exact = Bursty::new(scv).expect("legal").mean_sojourn_s(busy, 1.0);
        let (tandem, arrivals) = (stage(busy), bursty(scv));
        let tasks = tandem.fewest_tasks_of(Service::Exponential, &arrivals).max(1_000_000);
        let interval = delay(&tandem, &arrivals, tasks, 1).interval(0.999);
        assert!(interval.holds(exact), "SCV {scv}, {busy}: {exact} not in {interval:?}");
        // An interval that holds everything says nothing.
        assert!(interval.high - interval.low < 0.5 * exact, "SCV {scv}, {busy}: {interval:?}");
        let poisson = tandem.mean_delay_s(Service::Exponential);
        assert_eq!(interval.holds(poisson), scv == 1.0, "Poisson says {poisson}, and SCV is {scv}");
    }
}

/// With as many tasks as are asked for, intervals hold the exact mean about as often as they say; with a hundredth of them they do not.
#[test]
fn intervals_of_bursts_cover_with_enough_tasks() {
    let (tandem, scv) = (stage(0.5), 20.0);
    let exact = Bursty::new(scv).expect("legal").mean_sojourn_s(0.5, 1.0);
    let arrivals = bursty(scv);
    let enough = tandem.fewest_tasks_of(Service::Exponential, &arrivals);
    assert!(enough > 9 * tandem.fewest_tasks(Service::Exponential));
    let held = |tasks: u64| {
        (0..200).filter(|seed| delay(&tandem, &arrivals, tasks, *seed).interval(0.95).holds(exact)).count()
    };
    let (with_enough, with_few) = (held(enough), held(enough / 100));
    // 190 expected, with a standard deviation of 3.1; batches are still a little skewed.
    assert!((174..=199).contains(&with_enough), "{with_enough} of 200");
    assert!(with_few < with_enough, "{with_few} of 200");
}

#[test]
fn a_scv_of_1_is_poisson_and_a_clock_waits_less() {
    let tandem = stage(0.7);
    let formula = tandem.mean_delay_s(Service::Exponential);
    assert!(delay(&tandem, &bursty(1.0), 500_000, 2).interval(0.999).holds(formula));
    // D/M/1: sigma = exp(-(1 - sigma)/0.7).
    let sigma = (0..10_000).fold(0.5, |sigma: f64, _| (-(1.0 - sigma) / 0.7).exp());
    let clock = traces::Arrivals { id: "clock".into(), about: String::new(), gaps_s: vec![30.0; 7] };
    let arrivals = Arrivals::Trace(Trace::new(&clock));
    assert!(arrivals.dispersion() < 1e-12);
    let interval = delay(&tandem, &arrivals, 500_000, 2).interval(0.999);
    assert!(interval.holds(1.0 / (1.0 - sigma)) && interval.high < formula, "{interval:?}");
}

/// Two tasks at once, then a long gap, with constant service of 1 and no queue left over: delays 1 and 2.
#[test]
fn a_trace_by_hand() {
    let pairs = traces::Arrivals { id: "pairs".into(), about: String::new(), gaps_s: vec![0.0, 10.0] };
    let arrivals = Arrivals::Trace(Trace::new(&pairs));
    let tandem = Tandem { rate_per_s: 0.2, service_s: vec![1.0], hops_s: vec![0.25, 0.5] };
    let simulation = simulate_arrivals(vec![tandem], Service::Deterministic, &arrivals, 80_000, 0).expect("tasks");
    assert!((simulation.weighted.mean() - 2.25).abs() < 1e-9, "{}", simulation.weighted.mean());
}

#[test]
fn same_seed_same_result_and_poisson_is_as_before() {
    let tandems = || vec![stage(0.5), Tandem { rate_per_s: 1.0, service_s: vec![0.2, 0.6], hops_s: vec![0.1; 3] }];
    let run = |arrivals: &Arrivals, seed| {
        simulate_arrivals(tandems(), Service::Exponential, arrivals, 5000, seed).expect("enough tasks")
    };
    let plain = simulate_tandems(tandems(), Service::Exponential, 5000, 7).expect("enough tasks");
    assert_eq!(run(&Arrivals::Poisson, 7), plain);
    let trace = traces::Arrivals { id: "x".into(), about: String::new(), gaps_s: vec![1.0, 0.1, 0.1, 5.0, 2.0] };
    for arrivals in [bursty(9.0), Arrivals::Trace(Trace::new(&trace))] {
        assert_eq!(run(&arrivals, 3), run(&arrivals, 3));
        assert_ne!(run(&arrivals, 3), run(&arrivals, 4));
        assert_ne!(run(&arrivals, 7), plain);
    }
}
