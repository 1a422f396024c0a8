//! Routes of `throughput`: every admitted request has a device, a set of layers on it, and threads of a cloudlet.

use anyhow::{Context, Result, bail, ensure};
use offcut_checker::Checkable;
use offcut_instances::dnn::Graph;
use offcut_instances::prototype::Objective;
use offcut_instances::throughput::{Instance, Model, Service, Solution, Throughput};

use super::networks::{Source, Sources};
use super::plan::{Link, Plan, Route, Side, Stage, speedup};

/// What the solution asks for. Every predicted delay is held to the checker's.
///
/// # Errors
/// If a model is no network that can be run, no request is admitted, or a delay is not that of the checker.
pub fn plan(instance: &Instance, solution: &Solution, sources: &Sources) -> Result<Plan> {
    let found = instance.models.iter().map(|model| {
        let source = sources.named(&model.name)?;
        let layers_of = layers_of(model, &source.graph)?;
        Ok((source, layers_of))
    });
    let found = found.collect::<Result<Vec<(Source, Vec<Vec<u32>>)>>>()?;
    let total = |work: &Option<Vec<f64>>| work.as_ref().map(|work| work.iter().sum());
    let networks = found.iter().zip(&instance.models);
    let networks =
        networks.map(|((source, _), model)| source.whole(model.work_s.iter().map(total).collect())).collect();
    let admitted: Vec<usize> =
        (0..instance.requests.len()).filter(|&i| solution.service[i] != Service::Rejected).collect();
    ensure!(!admitted.is_empty(), "the answer admits no request: there is nothing to run");
    let mut places: Vec<String> = admitted.iter().map(|i| format!("device of request {i}")).collect();
    places.extend((0..instance.cloudlets.len()).map(|j| format!("cloudlet {j}")));
    let route = |(place, &i): (usize, &usize)| {
        let layers_of = &found[instance.requests[i].model as usize].1;
        route(instance, solution, i, (place, admitted.len()), layers_of)
    };
    let routes = admitted.iter().enumerate().map(route).collect::<Result<Vec<_>>>()?;
    for (route, &i) in routes.iter().zip(&admitted) {
        check(instance, solution, i, route.predicted().total_s()).with_context(|| route.name.clone())?;
    }
    Ok(Plan {
        problem: "throughput",
        instance: instance.origin.name.clone(),
        kinds: instance.machine_kinds.iter().map(|kind| kind.name.clone()).collect(),
        places,
        networks,
        routes,
        objective: Objective::MeanOfAdmitted,
        periods: 1,
    })
}

/// The layers of the network that each layer of the model stands for: itself, or those of a block if the model is a chain. Shape (layers of the model,), ragged.
fn layers_of(model: &Model, graph: &Graph) -> Result<Vec<Vec<u32>>> {
    let same = |ours: &[f64], theirs: &[u64]| ours.iter().copied().eq(theirs.iter().map(|number| *number as f64));
    let view = graph.view();
    if model.layers() == graph.layers().len() && model.edges == view.edges {
        let is_same =
            same(&model.out_bytes, &view.out_bytes) && (model.macs.is_empty() || same(&model.macs, &view.macs));
        if is_same {
            return Ok((0..model.layers() as u32).map(|v| vec![v]).collect());
        }
    }
    let chain = graph.chain();
    let blocks = chain.blocks.len();
    let macs: Vec<u64> = std::iter::once(0).chain(chain.blocks.iter().map(|block| block.macs)).collect();
    let is_chain = model.layers() == blocks + 1
        && same(&model.out_bytes[..blocks], &chain.cut_bytes[..blocks])
        && model.edges.iter().copied().eq((0..blocks as u32).map(|v| (v, v + 1)))
        && (model.macs.is_empty() || same(&model.macs, &macs));
    if !is_chain {
        bail!(
            "model '{}' of the instance has other layers than the network of this name: it cannot be run; generate the instance with offcut generate",
            model.name
        );
    }
    let of_block = chain.blocks.iter().map(|block| (block.layers.start as u32..block.layers.end as u32).collect());
    Ok(std::iter::once(vec![0]).chain(of_block).collect())
}

/// The route of request `i`, whose device is the place `device`; cloudlets begin at the place `first`.
fn route(
    instance: &Instance,
    solution: &Solution,
    i: usize,
    (device, first): (usize, usize),
    layers_of: &[Vec<u32>],
) -> Result<Route> {
    let request = &instance.requests[i];
    let model = &instance.models[request.model as usize];
    let mut is_on_device = vec![true; model.layers()];
    let remote = match solution.service[i] {
        Service::Remote { cloudlet, threads, part } => {
            let kept = &solution.parts[part as usize].device_layers;
            is_on_device = (0..model.layers() as u32).map(|v| kept.binary_search(&v).is_ok()).collect();
            Some((cloudlet as usize, threads))
        }
        _ => None,
    };
    let stage = |place, side, machine: offcut_instances::machine::Machine, on_device: bool| {
        let chosen = || (0..model.layers()).filter(|&v| is_on_device[v] == on_device);
        let sum = |of: &[f64]| chosen().map(|v| of[v]).sum::<f64>();
        let work = model.work(machine.kind).map(sum).context("a machine has no work of its model")?;
        let layers = chosen().flat_map(|v| layers_of[v].iter().copied()).collect();
        let macs = (!model.macs.is_empty()).then(|| sum(&model.macs));
        Ok::<_, anyhow::Error>(Stage { place, side, layers, machine, work, macs })
    };
    let mut stages = vec![stage(device, Side::Device, request.device, true)?];
    let mut links = Vec::new();
    let on_device = is_on_device.iter().filter(|is| **is).count();
    if let Some((j, threads)) = remote.filter(|_| on_device < model.layers()) {
        let cloudlet = &instance.cloudlets[j];
        let mut machine = cloudlet.thread;
        machine.speed *= speedup(&cloudlet.speedup, threads);
        stages.push(stage(first + j, Side::Server, machine, false)?);
        let crosses = |v: usize| model.edges.iter().any(|&(from, to)| from as usize == v && !is_on_device[to as usize]);
        let sent = (0..model.layers()).filter(|&v| is_on_device[v] && crosses(v));
        let bytes = sent.map(|v| model.out_bytes[v]).sum();
        let s_per_byte = 1.0 / request.uplink_bytes_per_s + instance.hops(i)[j];
        links.push(Some(Link { fixed_s: 0.0, s_per_byte, bytes, queues: false }));
    }
    Ok(Route {
        name: format!("request {i}"),
        network: request.model as usize,
        cut: format!("{on_device} of {}", model.layers()),
        stages,
        links,
        arrivals: None,
        weight: 1.0,
        deadline_s: Some(request.deadline_s),
    })
}

/// Holds a delay to the checker's, which says whether a deadline is met: it must be at the predicted delay, and must not be 3e-9 of it below.
fn check(instance: &Instance, solution: &Solution, i: usize, predicted_s: f64) -> Result<()> {
    let misses = |deadline_s: f64| {
        let mut alone = Instance { requests: vec![instance.requests[i]], ..instance.clone() };
        alone.requests[0].deadline_s = deadline_s;
        let of_one = Solution { parts: solution.parts.clone(), service: vec![solution.service[i]] };
        !Throughput::evaluate(&alone, &of_one).1.is_empty()
    };
    let is_same = !misses(predicted_s) && misses(predicted_s * (1.0 - 3e-9));
    ensure!(is_same, "the predicted delay, {predicted_s} s, is not that of the checker: this is a mistake in Offcut");
    Ok(())
}

#[cfg(test)]
mod tests {
    use offcut_instances::random::Stream;
    use offcut_instances::throughput::{Parameters, Part, View, generate};

    use super::*;

    /// The input, a random layer, and all that it depends on.
    fn closed(model: &Model, stream: &mut Stream) -> Vec<u32> {
        let mut is_in = vec![false; model.layers()];
        is_in[0] = true;
        is_in[stream.below(model.layers() as u64) as usize] = true;
        for &(from, to) in model.edges.iter().rev() {
            is_in[from as usize] |= is_in[to as usize];
        }
        // Edges are sorted by where they come from, so a second round is not enough in general.
        loop {
            let missing = model.edges.iter().find(|(from, to)| is_in[*to as usize] && !is_in[*from as usize]);
            let Some(&(from, _)) = missing else { break };
            is_in[from as usize] = true;
        }
        (0..model.layers() as u32).filter(|&v| is_in[v as usize]).collect()
    }

    /// Random device sets, as graphs and as chains: a plan is made only if it predicts what the checker says.
    #[test]
    fn predictions_are_the_checkers() {
        let sources = Sources::new(&[]).expect("the zoo");
        for seed in 0..12 {
            let view = [View::Dag, View::Chain][seed as usize % 2];
            let work = [offcut_instances::measured::Work::Macs, offcut_instances::measured::Work::Seconds]
                [seed as usize / 2 % 2];
            let parameters = Parameters { requests: 6, cloudlets: 2, view, work, ..Parameters::default() };
            let mut instance = generate("zoo", &parameters, seed).expect("legal");
            instance.requests.iter_mut().for_each(|request| request.deadline_s = 1e9);
            let mut stream = Stream::new(&["test"], seed);
            let parts: Vec<Part> = instance
                .requests
                .iter()
                .map(|request| {
                    let model = &instance.models[request.model as usize];
                    Part { model: request.model, device_layers: closed(model, &mut stream) }
                })
                .collect();
            let service = (0..6u32).map(|part| match stream.below(6) {
                0 => Service::Rejected,
                1 => Service::Local,
                _ => Service::Remote { cloudlet: stream.below(2) as u32, threads: 1 + stream.below(2) as u32, part },
            });
            let solution = Solution { service: service.collect(), parts };
            let plan = plan(&instance, &solution, &sources).expect("predicted as the checker says");
            for route in &plan.routes {
                let mut layers: Vec<u32> = route.stages.iter().flat_map(|stage| stage.layers.iter().copied()).collect();
                layers.sort_unstable();
                assert!(layers.into_iter().eq(0..plan.networks[route.network].layers as u32));
            }
        }
    }
}
