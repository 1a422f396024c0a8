//! The runner's adapter of `multiuser`.

use offcut_instances::multiuser::{Instance, Multiuser, Objective};
use offcut_instances::problem::Algorithm;
use offcut_ledger::manifest::Quantity;

use crate::BenchmarkAdapter;
use crate::adapter::counted;

impl BenchmarkAdapter for Multiuser {
    const PROGRAMS: &'static [&'static str] = &["milp"];

    fn algorithms() -> Vec<Box<dyn Algorithm<Self>>> {
        let mut all = offcut_formulations::multiuser::algorithms();
        all.extend(offcut_heuristics::multiuser::algorithms());
        all
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
