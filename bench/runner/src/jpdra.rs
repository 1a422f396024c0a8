//! The runner's adapter of `jpdra`.

use offcut_instances::jpdra::{Allocation, Instance, Jpdra};
use offcut_instances::problem::{Algorithm, MethodSpec};
use offcut_ledger::manifest::Quantity;

use crate::BenchmarkAdapter;
use crate::adapter::{counted, ids};

impl BenchmarkAdapter for Jpdra {
    const PROGRAMS: &'static [&'static str] = &["milp-oa", "milp-units"];

    fn algorithms() -> Vec<Box<dyn Algorithm<Self>>> {
        let mut all = offcut_formulations::jpdra::algorithms();
        all.extend(offcut_heuristics::jpdra::algorithms());
        all
    }

    fn heuristics() -> Vec<String> {
        ids(&offcut_heuristics::jpdra::algorithms())
    }

    fn certifying(_: &Instance) -> Option<&'static str> {
        Some("branch")
    }

    fn proven_factor(method: &MethodSpec, _: &Instance) -> Option<f64> {
        (method.id == "branch").then_some(1.0)
    }

    fn variant(instance: &Instance) -> &'static str {
        match instance.allocation {
            Allocation::Continuous => "continuous",
            Allocation::Units { .. } => "units",
        }
    }

    fn size(instance: &Instance) -> String {
        let (flows, servers) = (counted(instance.flows.len(), "flow"), counted(instance.servers.len(), "server"));
        format!("{flows}, {} in all, {servers}", counted(instance.partitions(), "partition"))
    }

    fn objective() -> Quantity {
        Quantity { name: "mean end-to-end delay".into(), unit: "s".into() }
    }
}
