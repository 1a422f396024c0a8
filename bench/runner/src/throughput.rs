//! The runner's adapter of `throughput`.

use offcut_instances::problem::{Algorithm, MethodSpec};
use offcut_instances::throughput::{Cloudlet, Instance, Throughput};
use offcut_ledger::manifest::Quantity;

use crate::BenchmarkAdapter;
use crate::adapter::{counted, ids};

impl BenchmarkAdapter for Throughput {
    const PROGRAMS: &'static [&'static str] = &["milp", "lp", "milp-joint"];

    fn algorithms() -> Vec<Box<dyn Algorithm<Self>>> {
        let mut all = offcut_formulations::throughput::algorithms();
        all.extend(offcut_heuristics::throughput::algorithms());
        all
    }

    fn heuristics() -> Vec<String> {
        ids(&offcut_heuristics::throughput::algorithms())
    }

    fn certifying(_: &Instance) -> Option<&'static str> {
        Some("branch")
    }

    /// Proofs in the modules of the methods.
    fn proven_factor(method: &MethodSpec, instance: &Instance) -> Option<f64> {
        match method.id.as_str() {
            "branch" => Some(1.0),
            "local-ratio" => Some(if instance.has_unit_profits() || has_exact_knapsacks(instance) { 2.0 } else { 3.0 }),
            "lp-rounding" => Some(2.0),
            "online-primal-dual" if instance.has_unit_profits() => competitive(instance),
            _ => None,
        }
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

/// 2 max C/C' of `online-primal-dual`, with C' = kmax / (exp(kmax ln(1+kmax) / (C - kmax)) - 1) at kmin = 1; none if a cloudlet has no C'.
fn competitive(instance: &Instance) -> Option<f64> {
    let factor = |cloudlet: &Cloudlet| {
        let (capacity, most) = (f64::from(cloudlet.threads), f64::from(cloudlet.max_threads_per_request));
        let rise = (most * (1.0 + most).ln() / (capacity - most)).exp() - 1.0;
        (capacity > most && rise.is_finite()).then(|| 2.0 * capacity * rise / most)
    };
    instance.cloudlets.iter().map(factor).try_fold(1.0, |most, factor| Some(f64::max(most, factor?)))
}

/// Whether `local-ratio` solves every knapsack exactly: requests times capacity are at most 5e7.
fn has_exact_knapsacks(instance: &Instance) -> bool {
    let most = instance.cloudlets.iter().map(|cloudlet| u64::from(cloudlet.threads)).max().unwrap_or(0);
    instance.requests.len() as u64 * (most + 1) <= 50_000_000
}
