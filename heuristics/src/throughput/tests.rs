//! Every method is feasible and keeps its bound; how near to the bounds instances can come.

use offcut_instances::problem::{Budget, Stop};
use offcut_instances::random::Stream;
use offcut_instances::speedup::Speedup;
use offcut_instances::throughput::strategy::{Profits, instances};
use offcut_instances::throughput::{
    Cloudlet, Instance, Machine, Model, Origin, Parameters, Request, Service, Solution, generate,
};
use proptest::prelude::*;

use super::online::safe_capacity;
use super::threads::Threads;

fn solve(id: &str, instance: &Instance) -> Option<(Solution, f64)> {
    let method = super::algorithms().into_iter().find(|algorithm| algorithm.id() == id).expect("known");
    let answer = method.solve(instance, &Budget::default());
    match answer.stop {
        Stop::Declined(_) => None,
        Stop::Completed => answer.found.map(|claim| (claim.solution, claim.objective)),
        other => panic!("{id}: {other:?}"),
    }
}

fn value(id: &str, instance: &Instance) -> f64 {
    solve(id, instance).expect("takes it").1
}

/// What is wrong with a solution, straight from the definition.
fn faults(instance: &Instance, solution: &Solution, objective: f64) -> Vec<String> {
    let mut faults = Vec::new();
    let mut loads = vec![0; instance.cloudlets.len()];
    let mut profit = 0.0;
    for (i, (request, service)) in instance.requests.iter().zip(&solution.service).enumerate() {
        let model = &instance.models[request.model as usize];
        let all: Vec<u32> = (0..model.layers() as u32).collect();
        let (set, remote) = match service {
            Service::Rejected => continue,
            Service::Local => (&all, None),
            Service::Remote { cloudlet, threads, part } => {
                loads[*cloudlet as usize] += threads;
                let part = &solution.parts[*part as usize];
                if part.model != request.model {
                    faults.push(format!("{i}: a part of another model"));
                }
                (&part.device_layers, Some((*cloudlet as usize, *threads)))
            }
        };
        profit += request.profit;
        let has = |v: u32| set.contains(&v);
        if !has(0) || model.edges.iter().any(|(v, u)| has(*u) && !has(*v)) {
            faults.push(format!("{i}: not closed"));
        }
        let on_device = model.work(request.device.kind).expect("a device runs its model");
        let mut delay = 0.0;
        for v in 0..model.layers() as u32 {
            if has(v) {
                delay += on_device[v as usize] / request.device.speed;
            }
            let Some((j, k)) = remote else { continue };
            let cloudlet = &instance.cloudlets[j];
            if !has(v) {
                let speedup = match &cloudlet.speedup {
                    Speedup::Linear => f64::from(k),
                    Speedup::Amdahl { parallel_fraction: p } => 1.0 / (1.0 - p + p / f64::from(k)),
                    Speedup::Table { speedups } => speedups[(k as usize).min(speedups.len()) - 1],
                };
                let Some(work) = model.work(cloudlet.thread.kind) else {
                    faults.push(format!("{i}: a cloudlet that does not run its model"));
                    continue;
                };
                delay += work[v as usize] / (cloudlet.thread.speed * speedup);
            } else if model.edges.iter().any(|(from, to)| *from == v && !has(*to)) {
                delay += model.out_bytes[v as usize] * (1.0 / request.uplink_bytes_per_s + instance.hops(i)[j]);
            }
        }
        if delay > request.deadline_s * (1.0 + 1e-9) {
            faults.push(format!("{i}: {delay} s of {} s", request.deadline_s));
        }
    }
    for (j, load) in loads.iter().enumerate().filter(|(j, load)| **load > instance.cloudlets[*j].threads) {
        faults.push(format!("cloudlet {j}: {load} threads"));
    }
    if (profit - objective).abs() > 1e-9 * profit.max(1.0) {
        faults.push(format!("claims {objective}, has an objective of {profit}"));
    }
    faults
}

/// The optimum, by trying everything.
fn optimum(instance: &Instance) -> f64 {
    fn rest(threads: &Threads, i: usize, left: &mut [u32]) -> f64 {
        let Some(request) = threads.instance.requests.get(i) else { return 0.0 };
        if threads.is_local[i] {
            return request.profit + rest(threads, i + 1, left);
        }
        let mut best = rest(threads, i + 1, left);
        for (j, k) in threads.options(i) {
            if k <= left[j] {
                left[j] -= k;
                best = best.max(request.profit + rest(threads, i + 1, left));
                left[j] += k;
            }
        }
        best
    }
    let mut left: Vec<u32> = instance.cloudlets.iter().map(|cloudlet| cloudlet.threads).collect();
    rest(&Threads::new(instance), 0, &mut left)
}

fn any_instance() -> impl Strategy<Value = Instance> {
    prop_oneof![instances(7, 3, Profits::Unit), instances(7, 3, Profits::Whole), instances(6, 3, Profits::Any)]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_method_is_feasible_and_keeps_its_bound(instance in any_instance()) {
        let optimum = optimum(&instance);
        for method in super::algorithms() {
            let Some((solution, objective)) = solve(method.id(), &instance) else { continue };
            prop_assert_eq!(faults(&instance, &solution, objective), Vec::<String>::new(), "{}", method.id());
            prop_assert!(objective <= optimum * (1.0 + 1e-12), "{}: {objective} of {optimum}", method.id());
        }
        // Knapsacks of this size are exact: half of the optimum, whatever the profits.
        prop_assert!(value("local-ratio", &instance) >= optimum / 2.0 * (1.0 - 1e-12));
        let rounded = value("lp-rounding", &instance);
        prop_assert!(rounded >= optimum / 2.0 * (1.0 - 1e-12), "{rounded} of {optimum}");
        if instance.has_unit_profits() {
            prop_assert!(rounded >= optimum - instance.cloudlets.len() as f64);
        }
    }

    /// With unit profits one cloudlet is polynomial: smallest first is the optimum, and local ratio with one cloudlet is just that.
    #[test]
    fn smallest_first_is_optimal_on_one_cloudlet(instance in instances(9, 1, Profits::Unit)) {
        prop_assert_eq!(value("local-ratio", &instance), optimum(&instance));
    }

    /// A cloudlet large enough for the theorem to say something; with one, smallest first is the optimum.
    #[test]
    fn online_keeps_its_ratio(
        instance in instances(12, 1, Profits::Unit),
        times in 1u32..4,
        capacities in prop::collection::vec(3u32..30, 2),
    ) {
        let mut instance = instance;
        for (cloudlet, capacity) in instance.cloudlets.iter_mut().zip(capacities) {
            cloudlet.threads = capacity;
            cloudlet.max_threads_per_request = cloudlet.max_threads_per_request.min(3);
        }
        let requests = instance.requests.clone();
        (1..times).for_each(|_| instance.requests.extend(&requests));
        let (solution, admitted) = solve("online-primal-dual", &instance).expect("unit profits");
        prop_assert_eq!(faults(&instance, &solution, admitted), Vec::<String>::new());
        let ratio = |cloudlet: &Cloudlet| safe_capacity(cloudlet).map(|safe| 2.0 * (f64::from(cloudlet.threads) / safe).max(1.0));
        let Some(ratios) = instance.cloudlets.iter().map(ratio).collect::<Option<Vec<f64>>>() else { return Ok(()) };
        let local = solution.service.iter().filter(|service| **service == Service::Local).count() as f64;
        // The optimum: as many of the smallest as fit.
        let threads = Threads::new(&instance);
        let needs = (0..threads.requests()).filter(|i| !threads.is_local[*i]).filter_map(|i| threads.options(i).map(|(_, k)| k).min());
        let mut needs: Vec<u32> = needs.collect();
        needs.sort_unstable();
        let mut left: u32 = instance.cloudlets.iter().map(|cloudlet| cloudlet.threads).sum();
        let most = needs.into_iter().take_while(|k| { let fits = *k <= left; left = left.saturating_sub(*k); fits }).count();
        let worst = ratios.into_iter().fold(1.0, f64::max);
        prop_assert!((admitted - local) * worst >= most as f64, "{admitted} - {local}, {worst}, {most}");
    }
}

/// The safe capacity is the largest with its inequality.
#[test]
fn the_safe_capacity_solves_its_equation() {
    for (threads, most) in [(20, 3), (100, 8), (9, 8), (1000, 1)] {
        let cloudlet = cloudlet(threads, most);
        let safe = safe_capacity(&cloudlet).expect("above kmax");
        let most = f64::from(most);
        let rho = most / safe;
        let used = safe * (1.0 + most).ln() * rho / rho.ln_1p() + most;
        assert!((used - f64::from(threads)).abs() < 1e-6, "{used} of {threads}");
    }
    assert_eq!(safe_capacity(&cloudlet(8, 8)), None);
}

/// 24 cloudlets of 64 threads, one thread a request: group a of 64 requests reaches cloudlets a, a + 1, ... only. All can be admitted; no online method without
/// random choices comes near (Kalyanasundaram and Pruhs 2000). C' is above C here, and 2 max C/C' alone, 1.42, would be exceeded.
#[test]
fn the_ratio_is_at_least_two() {
    let (groups, threads) = (24, 64);
    let reach = |group: usize| (0..groups).map(|j| u32::from(j >= group)).collect::<Vec<u32>>();
    let needs: Vec<Vec<u32>> = (0..groups * threads).map(|i| reach(i / threads)).collect();
    let mut instance = with_needs(&needs, &vec![threads as u32; groups]);
    instance.cloudlets.iter_mut().for_each(|cloudlet| cloudlet.max_threads_per_request = 1);
    let admitted = value("online-primal-dual", &instance);
    let all = (groups * threads) as f64;
    let safe = safe_capacity(&instance.cloudlets[0]).expect("more threads than one request may get");
    assert!(all / admitted > 2.0 * threads as f64 / safe, "{admitted} of {all}");
    assert!(all / admitted <= 2.0);
}

fn cloudlet(threads: u32, max_threads_per_request: u32) -> Cloudlet {
    Cloudlet { threads, thread: Machine::of_macs(1.0), max_threads_per_request, speedup: Speedup::Linear }
}

/// An instance in which request i needs `needs[i][j]` threads on cloudlet j (0: out of reach), up to 6: sending takes a second and 12 MACs
/// have 12/k left, so deadlines are set by hops. Every request has an access point of its own.
fn with_needs(needs: &[Vec<u32>], capacities: &[u32]) -> Instance {
    let model = Model::of_macs("", vec![0.0, 12.0], vec![1.0, 1.0], vec![(0, 1)]);
    // Deadline 13: 1 s of uplink, 12/k s of work, so the hop may take 12 - 12/k.
    let hop = |k: &u32| if *k == 0 { 1e6 } else { 12.0 - 12.0 / f64::from(*k) };
    Instance {
        origin: Origin::default(),
        machine_kinds: Vec::new(),
        models: vec![model],
        cloudlets: capacities.iter().map(|threads| cloudlet(*threads, 6)).collect(),
        hop_s_per_byte: needs.iter().map(|row| row.iter().map(hop).collect()).collect(),
        requests: (0..needs.len() as u32)
            .map(|access_point| Request {
                model: 0,
                access_point,
                device: Machine::of_macs(1e-3),
                uplink_bytes_per_s: 1.0,
                deadline_s: 13.0,
                profit: 1.0,
            })
            .collect(),
    }
}

#[test]
fn the_tight_family_gives_exactly_half() {
    for (requests, seed) in [(2, 1), (10, 2), (100, 3)] {
        let parameters = Parameters { requests, ..Parameters::default() };
        let instance = generate("tight", &parameters, seed).expect("legal");
        assert_eq!(value("local-ratio", &instance), f64::from(requests) / 2.0);
        // The rest of each pair has its cloudlet free: the optimum serves all.
        assert_eq!(value("lp-rounding", &instance), f64::from(requests));
    }
}

/// A random search for instances on which methods are bad. What it finds stands here with its ratio, so that nobody hopes for more
/// than the theorems say.
#[test]
fn instances_near_the_bounds_are_found_by_search() {
    let mut stream = Stream::new(&["throughput", "search for bad instances"], 0);
    let mut worst = [("local-ratio", 1.0), ("lp-rounding", 1.0), ("online-greedy", 1.0)];
    for _ in 0..6000 {
        let (n, m) = (2 + stream.below(5) as usize, 1 + stream.below(3) as usize);
        let needs: Vec<Vec<u32>> = (0..n).map(|_| (0..m).map(|_| stream.below(7) as u32).collect()).collect();
        let capacities: Vec<u32> = (0..m).map(|_| 1 + stream.below(7) as u32).collect();
        let instance = with_needs(&needs, &capacities);
        let best = optimum(&instance);
        for (id, ratio) in worst.iter_mut().filter(|_| best > 0.0) {
            *ratio = f64::min(*ratio, value(id, &instance) / best);
        }
    }
    println!("worst ratios found by search: {worst:?}");
    // Half is proven for two of them, and reached; nothing is proven for greedy, whose first request can take all threads of six others.
    assert_eq!(worst[0].1, 0.5);
    assert!(worst[1].1 >= 0.5 && worst[1].1 <= 0.8, "{worst:?}");
    assert!(worst[2].1 <= 0.5, "{worst:?}");
    let six = with_needs(&[vec![6], vec![1], vec![1], vec![1], vec![1], vec![1], vec![1]], &[6]);
    assert_eq!((value("online-greedy", &six), optimum(&six)), (1.0, 6.0));
}
