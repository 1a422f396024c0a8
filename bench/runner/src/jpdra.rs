//! `jpdra` as a contest.

use offcut_instances::document::Trouble;
use offcut_instances::jpdra::{Allocation, FAMILIES, Instance, Jpdra, Parameters, generate};
use offcut_instances::problem::Algorithm;
use offcut_ledger::manifest::Quantity;
use offcut_ledger::row::InstanceLabel;
use serde_json::{Map, Value};

use crate::Contest;

impl Contest for Jpdra {
    fn algorithms() -> Vec<Box<dyn Algorithm<Self>>> {
        let mut all = offcut_formulations::jpdra::algorithms();
        all.extend(offcut_heuristics::jpdra::algorithms());
        all
    }

    fn families() -> Vec<(&'static str, &'static str)> {
        FAMILIES.iter().map(|family| (family.name, family.about)).collect()
    }

    fn default_parameters() -> Value {
        serde_json::to_value(Parameters::default()).expect("parameters are plain data")
    }

    fn generate(family: &str, parameters: &Map<String, Value>, seed: u64) -> Result<Instance, Trouble> {
        let mut all = Parameters::default();
        for (name, value) in parameters {
            all = all.with(name, value.clone())?;
        }
        generate(family, &all, seed)
    }

    fn label(instance: &Instance) -> InstanceLabel {
        let origin = &instance.origin;
        InstanceLabel {
            name: origin.name.clone(),
            family: origin.family.clone(),
            variant: match instance.allocation {
                Allocation::Continuous => "continuous".into(),
                Allocation::Units { .. } => "units".into(),
            },
            seed: origin.seed,
            parameters: origin.parameters.clone(),
        }
    }

    fn size(instance: &Instance) -> String {
        let (flows, servers) = (instance.flows.len(), instance.servers.len());
        format!("{flows} flows, {} partitions in all, {servers} servers", instance.partitions())
    }

    fn objective() -> Quantity {
        Quantity { name: "mean end-to-end delay".into(), unit: "s".into() }
    }
}
