//! Routes of `jpdra`: tasks of a flow arrive as a Poisson process and pass through partitions on servers, each with a share of its own.

use anyhow::{Context, Result};
use offcut_instances::jpdra::{Flow, Instance, Jpdra, Solution, Speeds};
use offcut_instances::lymdo::Service;
use offcut_instances::machine::Machine;
use offcut_instances::prototype::Objective;
use offcut_simulator::{Tandem, tandems};

use super::answer::exact;
use super::networks::{Source, Sources};
use super::plan::{Arrivals, Link, Plan, Route, Side, Stage};

/// What the solution asks for. Every predicted delay is held to the checker's.
///
/// # Errors
/// If the partitions of a flow are those of no network that can be run, a queue is unstable, or a delay is not that of the checker.
pub fn plan(instance: &Instance, solution: &Solution, sources: &Sources) -> Result<Plan> {
    let scaled = scaled(instance, solution);
    let tandems = tandems(instance, &scaled).map_err(|error| anyhow::anyhow!("{error}"))?;
    let found = instance.flows.iter().enumerate().map(|(s, flow)| sources.of_flow(s, flow));
    let found = found.collect::<Result<Vec<_>>>()?;
    let total: f64 = instance.flows.iter().map(|flow| flow.rate_per_s).sum();
    let whole = |(flow, (source, _)): (&Flow, &(Source, Vec<usize>))| {
        source.whole(flow.work_s.iter().map(|work| Some(work.iter().sum())).collect())
    };
    let networks = instance.flows.iter().zip(&found).map(whole).collect();
    let flows = instance.flows.len();
    let mut places: Vec<String> = (0..flows).map(|s| format!("source of flow {s}")).collect();
    places.extend((0..instance.servers.len()).map(|m| format!("server {m}")));
    let route = |s: usize| route(instance, &scaled, s, &tandems[s], &found[s].1, total);
    let plan = Plan {
        problem: "jpdra",
        instance: instance.origin.name.clone(),
        kinds: instance.machine_kinds.iter().map(|kind| kind.name.clone()).collect(),
        places,
        networks,
        routes: (0..flows).map(route).collect(),
        objective: Objective::Sum,
        periods: 1,
    };
    check(instance, solution, &plan)?;
    Ok(plan)
}

/// The solution with speeds scaled back into capacities, as the checker takes them.
fn scaled(instance: &Instance, solution: &Solution) -> Solution {
    let Speeds::MacsPerS(rows) = &solution.speeds else { return solution.clone() };
    let mut used = vec![0.0; instance.servers.len()];
    let cells = rows.iter().flatten().zip(solution.servers.iter().flatten());
    cells.for_each(|(speed, m)| used[*m as usize] += speed);
    let factor = |m: u32| (instance.servers[m as usize].machine.speed / used[m as usize]).min(1.0);
    let row = |(row, of): (&Vec<f64>, &Vec<u32>)| row.iter().zip(of).map(|(speed, m)| speed * factor(*m)).collect();
    let speeds = Speeds::MacsPerS(rows.iter().zip(&solution.servers).map(row).collect());
    Solution { servers: solution.servers.clone(), speeds }
}

/// The route of flow `s`: its source, its partitions, and its source again if a result returns. Partition n ends before layer `ends[n]`.
fn route(instance: &Instance, solution: &Solution, s: usize, tandem: &Tandem, ends: &[usize], total: f64) -> Route {
    let flow = &instance.flows[s];
    let flows = instance.flows.len();
    let source = Machine::of_macs(1.0);
    let at_source =
        |layers| Stage { place: s, side: Side::Device, layers, machine: source, work: 0.0, macs: Some(0.0) };
    let on: Vec<usize> = solution.servers[s].iter().map(|m| *m as usize).collect();
    let mut stages = vec![at_source(vec![0])];
    let mut links = vec![Some(way(flow.input_bytes, flow.uplink_bytes_per_s[on[0]]))];
    let mut begin = 1;
    for (n, (&m, &end)) in on.iter().zip(ends).enumerate() {
        let kind = instance.servers[m].machine.kind;
        let work = instance.work_on(s, n, m);
        // The simulator has read the speeds, whole units or shares.
        let machine = Machine { kind, speed: work / tandem.service_s[n] };
        let macs = Some(flow.partitions[n].macs).filter(|macs| *macs > 0.0);
        let layers = (begin as u32..end as u32).collect();
        stages.push(Stage { place: flows + m, side: Side::Server, layers, machine, work, macs });
        begin = end;
        if let Some(&next) = on.get(n + 1) {
            let link = || way(flow.partitions[n].out_bytes, instance.link_bytes_per_s[m][next]);
            links.push((next != m).then(link));
        }
    }
    if let Some(bytes) = flow.result_bytes {
        links.push(Some(way(bytes, flow.downlink_bytes_per_s[on[on.len() - 1]])));
        stages.push(at_source(Vec::new()));
    }
    let places: Vec<String> = on.iter().map(usize::to_string).collect();
    Route {
        name: format!("flow {s}"),
        network: s,
        cut: format!("servers {}", places.join(", ")),
        stages,
        links,
        arrivals: Some(Arrivals { rate_per_s: flow.rate_per_s, service: Service::Exponential, period: 0 }),
        weight: flow.rate_per_s / total,
        deadline_s: None,
    }
}

fn way(bytes: f64, bytes_per_s: f64) -> Link {
    Link { fixed_s: 0.0, s_per_byte: 1.0 / bytes_per_s, bytes, queues: false }
}

/// Holds the delay of every flow and the objective to the checker's.
fn check(instance: &Instance, solution: &Solution, plan: &Plan) -> Result<()> {
    exact::<Jpdra>(instance, solution, plan.predicted_s()).context("the objective")?;
    let scaled = scaled(instance, solution);
    for (s, route) in plan.routes.iter().enumerate() {
        let alone = Instance { flows: vec![instance.flows[s].clone()], ..instance.clone() };
        let speeds = match &scaled.speeds {
            Speeds::MacsPerS(rows) => Speeds::MacsPerS(vec![rows[s].clone()]),
            Speeds::Units(rows) => Speeds::Units(vec![rows[s].clone()]),
        };
        let of_one = Solution { servers: vec![solution.servers[s].clone()], speeds };
        exact::<Jpdra>(&alone, &of_one, route.predicted().total_s()).with_context(|| route.name.clone())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use offcut_instances::jpdra::{Allocation, Parameters, generate};
    use offcut_instances::random::Stream;

    use super::*;

    /// Random placements with shares in proportion to work: a plan is made only if it predicts what the checker says.
    #[test]
    fn predictions_are_the_checkers() {
        let sources = Sources::new(&[]).expect("the zoo");
        for seed in 0..24 {
            let work =
                [offcut_instances::measured::Work::Macs, offcut_instances::measured::Work::Seconds][seed as usize % 2];
            let units = [0, 4000][seed as usize / 2 % 2];
            let parameters =
                Parameters { flows: 3, partitions: 3, servers: 2, load: 0.2, units, work, ..Parameters::default() };
            let instance = generate("zoo", &parameters, seed).expect("legal");
            let mut stream = Stream::new(&["test"], seed);
            let servers: Vec<Vec<u32>> = instance
                .flows
                .iter()
                .map(|flow| flow.partitions.iter().map(|_| stream.below(2) as u32).collect())
                .collect();
            let load =
                |s: usize, n: usize| instance.flows[s].rate_per_s * instance.work_on(s, n, servers[s][n] as usize);
            let cells = || (0..3).flat_map(|s| (0..servers[s].len()).map(move |n| (s, n)));
            let of = |m: u32| cells().filter(|&(s, n)| servers[s][n] == m).map(|(s, n)| load(s, n)).sum::<f64>();
            let totals = [of(0), of(1)];
            let share = |s: usize, n: usize| {
                let m = servers[s][n] as usize;
                instance.servers[m].machine.speed * load(s, n) / totals[m]
            };
            let rows = (0..3).map(|s| (0..servers[s].len()).map(|n| share(s, n)).collect::<Vec<f64>>());
            let speeds = match instance.allocation {
                Allocation::Continuous => Speeds::MacsPerS(rows.collect()),
                Allocation::Units { macs_per_s } => Speeds::Units(
                    rows.map(|row| row.iter().map(|share| (share / macs_per_s) as u64).collect()).collect(),
                ),
            };
            let solution = Solution { servers: servers.clone(), speeds };
            if totals.iter().zip(&instance.servers).any(|(total, server)| *total > 0.9 * server.machine.speed) {
                continue;
            }
            let plan = plan(&instance, &solution, &sources).expect("predicted as the checker says");
            for (route, flow) in plan.routes.iter().zip(&instance.flows) {
                let partitions = flow.partitions.len();
                assert_eq!((route.stages.len(), route.links.len()), (partitions + 2, partitions + 1));
                let layers: usize = route.stages.iter().map(|stage| stage.layers.len()).sum();
                assert_eq!(layers, plan.networks[route.network].layers);
            }
        }
    }
}
