//! The runner's adapter of `throughput`.

use offcut_instances::problem::Algorithm;
use offcut_instances::throughput::{Instance, Throughput};
use offcut_ledger::manifest::Quantity;

use crate::BenchmarkAdapter;
use crate::adapter::counted;

impl BenchmarkAdapter for Throughput {
    const PROGRAMS: &'static [&'static str] = &["milp", "lp", "milp-joint"];

    fn algorithms() -> Vec<Box<dyn Algorithm<Self>>> {
        let mut all = offcut_formulations::throughput::algorithms();
        all.extend(offcut_heuristics::throughput::algorithms());
        all
    }

    fn variant(instance: &Instance) -> &'static str {
        if instance.has_unit_profits() { "count" } else { "profit" }
    }

    fn size(instance: &Instance) -> String {
        let threads: u64 = instance.cloudlets.iter().map(|cloudlet| u64::from(cloudlet.threads)).sum();
        format!(
            "{}, {}, {}",
            counted(instance.requests.len(), "request"),
            counted(instance.cloudlets.len(), "cloudlet"),
            counted(threads as usize, "thread")
        )
    }

    fn objective() -> Quantity {
        Quantity { name: "admitted requests".into(), unit: String::new() }
    }

    fn measured() -> Vec<(&'static str, Quantity)> {
        let quantity = |name: &str| Quantity { name: name.into(), unit: String::new() };
        vec![("local", quantity("local")), ("remote", quantity("remote")), ("threads", quantity("threads"))]
    }
}
