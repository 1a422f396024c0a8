//! `throughput` as a contest.

use offcut_instances::document::Trouble;
use offcut_instances::problem::Algorithm;
use offcut_instances::throughput::{FAMILIES, Instance, Parameters, Throughput, generate};
use offcut_ledger::manifest::Quantity;
use offcut_ledger::row::InstanceLabel;
use serde_json::{Map, Value};

use crate::Contest;

impl Contest for Throughput {
    fn algorithms() -> Vec<Box<dyn Algorithm<Self>>> {
        let mut all = offcut_formulations::throughput::algorithms();
        all.extend(offcut_heuristics::throughput::algorithms());
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
            variant: if instance.has_unit_profits() { "count".into() } else { "profit".into() },
            seed: origin.seed,
            parameters: origin.parameters.clone(),
        }
    }

    fn size(instance: &Instance) -> String {
        let threads: u64 = instance.cloudlets.iter().map(|cloudlet| u64::from(cloudlet.threads)).sum();
        format!("{} requests, {} cloudlets, {threads} threads", instance.requests.len(), instance.cloudlets.len())
    }

    fn objective() -> Quantity {
        Quantity { name: "admitted requests".into(), unit: String::new() }
    }
}
