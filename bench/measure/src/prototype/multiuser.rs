//! Routes of `multiuser`: every user has a device and a cut, and its units of the one server.

use anyhow::{Context, Result};
use offcut_instances::multiuser::{Instance, Multiuser, Objective as Of, Solution};
use offcut_instances::prototype::Objective;

use super::answer::exact;
use super::networks::{Source, Sources, check_chain};
use super::plan::{Link, Plan, Route, Side, Stage, speedup};

/// What the solution asks for. Every predicted latency is held to the checker's.
///
/// # Errors
/// If a model is no network that can be run, or a latency is not that of the checker.
pub fn plan(instance: &Instance, solution: &Solution, sources: &Sources) -> Result<Plan> {
    let found = instance.models.iter().map(|model| {
        let source = sources.named(&model.name)?;
        check_chain(model, &source.graph.chain())?;
        Ok(source)
    });
    let found = found.collect::<Result<Vec<_>>>()?;
    let total = |work: &Option<Vec<f64>>| work.as_ref().map(|work| work.iter().sum());
    let networks = found.iter().zip(&instance.models);
    let networks = networks.map(|(source, model)| source.whole(model.work_s.iter().map(total).collect())).collect();
    let users = instance.users.len();
    let mut places: Vec<String> = (0..users).map(|i| format!("device of user {i}")).collect();
    places.push("server".into());
    let objective = match instance.objective {
        Of::Max => Objective::Largest,
        Of::Sum => Objective::Sum,
    };
    let routes = (0..users).map(|i| route(instance, solution, i, &found[instance.users[i].model as usize])).collect();
    let plan = Plan {
        problem: "multiuser",
        instance: instance.origin.name.clone(),
        kinds: instance.machine_kinds.iter().map(|kind| kind.name.clone()).collect(),
        places,
        networks,
        routes,
        objective,
        periods: 1,
    };
    check(instance, solution, &plan)?;
    Ok(plan)
}

/// The route of user `i`, whose network is `source`; the server is the place after all devices.
fn route(instance: &Instance, solution: &Solution, i: usize, source: &Source) -> Route {
    let user = &instance.users[i];
    let model = &instance.models[user.model as usize];
    let (cut, units) = (solution.cut[i] as usize, solution.units[i]);
    let (on_device, layers) = (source.graph.chain().device_layers(cut).end as u32, source.graph.layers().len());
    let macs = |from: usize, to: usize| (!model.macs.is_empty()).then(|| model.macs[from..to].iter().sum());
    let stage = |place, side, layers: std::ops::Range<u32>, machine, work: &[f64], macs| Stage {
        place,
        side,
        layers: layers.collect(),
        machine,
        work: work.iter().sum(),
        macs,
    };
    let work = &instance.device_work(i)[..cut];
    let mut stages = vec![stage(i, Side::Device, 0..on_device, user.device, work, macs(0, cut))];
    let mut links = Vec::new();
    if cut < model.blocks() {
        let mut unit = instance.server.unit;
        unit.speed *= speedup(&instance.server.speedup, units);
        let work = &instance.server_work(user.model as usize)[cut..];
        let layers = on_device..layers as u32;
        stages.push(stage(instance.users.len(), Side::Server, layers, unit, work, macs(cut, model.blocks())));
        let (fixed_s, s_per_byte) = (user.rtt_s, 1.0 / user.uplink_bytes_per_s);
        links.push(Some(Link { fixed_s, s_per_byte, bytes: model.cut_bytes[cut], queues: false }));
    }
    Route {
        name: format!("user {i}"),
        network: user.model as usize,
        cut: format!("{cut} of {}", model.blocks()),
        stages,
        links,
        arrivals: None,
        weight: 1.0,
        deadline_s: None,
    }
}

/// Holds every latency and the objective to the checker's.
fn check(instance: &Instance, solution: &Solution, plan: &Plan) -> Result<()> {
    exact::<Multiuser>(instance, solution, plan.predicted_s()).context("the objective")?;
    for (i, route) in plan.routes.iter().enumerate() {
        let alone = Instance { users: vec![instance.users[i]], objective: Of::Sum, ..instance.clone() };
        let of_one = Solution { cut: vec![solution.cut[i]], units: vec![solution.units[i]] };
        exact::<Multiuser>(&alone, &of_one, route.predicted().total_s()).with_context(|| route.name.clone())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use offcut_instances::measured::Work;
    use offcut_instances::multiuser::{Parameters, generate};
    use offcut_instances::random::Stream;
    use offcut_instances::speedup::Law;

    use super::*;

    /// Random cuts and units of instances in MACs and in seconds: a plan is made only if it predicts what the checker says.
    #[test]
    fn predictions_are_the_checkers() {
        let sources = Sources::new(&[]).expect("the zoo");
        for seed in 0..24 {
            let objective = [Of::Max, Of::Sum][seed as usize % 2];
            let work = [Work::Macs, Work::Seconds][seed as usize / 2 % 2];
            let speedup = [Law::Amdahl, Law::Linear, Law::Table][seed as usize % 3];
            let parameters = Parameters { users: 6, units: 30, objective, work, speedup, ..Parameters::default() };
            let instance = generate("zoo", &parameters, seed).expect("legal");
            let mut stream = Stream::new(&["test"], seed);
            let units: Vec<u32> = (0..6).map(|_| stream.below(6) as u32).collect();
            let cut = instance.users.iter().zip(&units).map(|(user, units)| {
                let blocks = instance.models[user.model as usize].blocks() as u64;
                if *units == 0 { blocks as u32 } else { stream.below(blocks + 1) as u32 }
            });
            let solution = Solution { cut: cut.collect(), units: units.clone() };
            let plan = plan(&instance, &solution, &sources).expect("predicted as the checker says");
            for (route, (cut, user)) in plan.routes.iter().zip(solution.cut.iter().zip(&instance.users)) {
                let layers: usize = route.stages.iter().map(|stage| stage.layers.len()).sum();
                assert_eq!(layers, plan.networks[route.network].layers);
                let is_split = (*cut as usize) < instance.models[user.model as usize].blocks();
                assert_eq!((route.stages.len(), route.links.len()), if is_split { (2, 1) } else { (1, 0) });
                assert!(plan.by_macs(route).is_some());
                if work == Work::Macs {
                    assert_eq!(plan.by_macs(route), Some(route.predicted()));
                }
            }
        }
    }

    #[test]
    fn a_wrong_prediction_is_noticed() {
        let instance = generate("zoo", &Parameters { users: 1, units: 4, ..Parameters::default() }, 1).expect("legal");
        let solution = Solution { cut: vec![0], units: vec![2] };
        let plan = plan(&instance, &solution, &Sources::new(&[]).expect("the zoo")).expect("predicted");
        let value = plan.predicted_s();
        assert!(exact::<Multiuser>(&instance, &solution, value * (1.0 + 1e-8)).is_err());
        assert!(exact::<Multiuser>(&instance, &solution, value * (1.0 - 1e-8)).is_err());
    }
}
