//! The runner's adapter of `lymdo`: exact methods take the instance, policies are rolled out over it, ours and programs in other languages.

mod program;
mod roll_out;

use offcut_instances::lymdo::{Instance, Lymdo, Service};
use offcut_instances::problem::{Algorithm, MethodSpec};
use offcut_ledger::manifest::Quantity;
pub use roll_out::Rollout;

use crate::BenchmarkAdapter;
use crate::adapter::{RollOut, counted};

impl BenchmarkAdapter for Lymdo {
    const ROLL_OUT: Option<RollOut<Self>> = Some(program::ROLL_OUT);

    const PROGRAMS: &'static [&'static str] = &["milp-oa"];

    fn algorithms() -> Vec<Box<dyn Algorithm<Self>>> {
        let mut all = offcut_formulations::lymdo::algorithms();
        let policies = [offcut_formulations::lymdo::policies(), offcut_heuristics::lymdo::policies()];
        all.extend(
            policies.into_iter().flatten().map(|policy| Box::new(Rollout::new(policy)) as Box<dyn Algorithm<Self>>),
        );
        all
    }

    fn heuristics() -> Vec<String> {
        offcut_heuristics::lymdo::policies().iter().map(|policy| policy.id().to_owned()).collect()
    }

    /// Of a horizon there is a bound, and no method that attains it.
    fn certifying(instance: &Instance) -> Option<&'static str> {
        (instance.slots.len() == 1).then_some("branch")
    }

    fn proven_factor(method: &MethodSpec, instance: &Instance) -> Option<f64> {
        let is_exact = ["branch", "lymdo-exact"].contains(&method.id.as_str());
        (is_exact && instance.slots.len() == 1).then_some(1.0)
    }

    fn variant(instance: &Instance) -> &'static str {
        match (instance.slots.len(), instance.service) {
            (1, Service::Deterministic) => "slot",
            (1, Service::Exponential) => "slot, exponential",
            (_, Service::Deterministic) => "horizon",
            (_, Service::Exponential) => "horizon, exponential",
        }
    }

    fn size(instance: &Instance) -> String {
        let (users, slots) = (instance.users.len(), instance.slots.len());
        let cuts: usize = instance.users.iter().map(|user| instance.models[user.model as usize].blocks() + 1).sum();
        format!("{}, {cuts} cuts in all, {}", counted(users, "user"), counted(slots, "slot"))
    }

    fn objective() -> Quantity {
        Quantity { name: "delay with charged energy".into(), unit: "s".into() }
    }

    fn objective_of(instance: &Instance) -> Quantity {
        match instance.slots.len() {
            1 => Quantity { name: "V delay + backlog energy".into(), unit: "J²".into() },
            _ => Self::objective(),
        }
    }

    fn measured() -> Vec<(&'static str, Quantity)> {
        let quantity = |name: &str, unit: &str| Quantity { name: name.into(), unit: unit.into() };
        vec![
            ("delay_s", quantity("delay of a user", "s")),
            ("spent", quantity("energy of all users over their budgets", "")),
            ("overdraft", quantity("energy of the worst user above its budget, over the budget", "")),
            ("final_backlog_j", quantity("backlog of a user in the end", "J")),
        ]
    }
}
