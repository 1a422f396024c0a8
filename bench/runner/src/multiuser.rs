//! The runner's adapter of `multiuser`.

use offcut_instances::multiuser::{Instance, Multiuser, Objective};
use offcut_instances::problem::{Algorithm, MethodSpec};
use offcut_ledger::manifest::Quantity;

use crate::BenchmarkAdapter;
use crate::adapter::{counted, ids};

impl BenchmarkAdapter for Multiuser {
    const PROGRAMS: &'static [&'static str] = &["milp"];

    fn algorithms() -> Vec<Box<dyn Algorithm<Self>>> {
        let mut all = offcut_formulations::multiuser::algorithms();
        all.extend(offcut_heuristics::multiuser::algorithms());
        all
    }

    fn heuristics() -> Vec<String> {
        ids(&offcut_heuristics::multiuser::algorithms())
    }

    fn certifying(instance: &Instance) -> Option<&'static str> {
        Some(if instance.objective == Objective::Max { "threshold" } else { "branch" })
    }

    /// `max`: proofs in `iao` and `greedy_units`. With errors up to e the factor is (1+e)/(1-e).
    fn proven_factor(method: &MethodSpec, instance: &Instance) -> Option<f64> {
        let is_max = instance.objective == Objective::Max;
        let error = method.parameters.get("error").copied().unwrap_or(0.0);
        match method.id.as_str() {
            "iao" | "iao-ds" | "iao-random" if is_max => Some((1.0 + error) / (1.0 - error)),
            "greedy-units" | "threshold" if is_max => Some(1.0),
            "branch" if !is_max => Some(1.0),
            _ => None,
        }
    }

    fn variant(instance: &Instance) -> &'static str {
        match instance.objective {
            Objective::Max => "max",
            Objective::Sum => "sum",
        }
    }

    fn size(instance: &Instance) -> String {
        format!("{}, {}", counted(instance.users.len(), "user"), counted(instance.server.units as usize, "unit"))
    }

    fn objective() -> Quantity {
        Quantity { name: "latency".into(), unit: "s".into() }
    }
}
