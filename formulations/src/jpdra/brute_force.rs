//! `exhaustive`: every deployment, the reference of the tests. That all were looked at is no certificate; the bound of the continuous relaxation has one.

use std::time::Instant;

use offcut_instances::jpdra::{Instance, Jpdra};
use offcut_instances::problem::{Algorithm, Answer, Bound, Budget, Evidence, Stop, Trace};

use super::model::{Deployed, Model};
use super::rates::bound_of_relaxation;
use crate::highs;

/// Every deployment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Exhaustive;

/// Deployments evaluated, at most.
const MAX_DEPLOYMENTS: u64 = 20_000_000;

impl Algorithm<Jpdra> for Exhaustive {
    fn id(&self) -> &str {
        "exhaustive"
    }

    fn about(&self) -> &str {
        "evaluates every deployment, at most 2e7 (bound reported by the method, and a certified one of the relaxation)"
    }

    fn solve(&self, instance: &Instance, budget: &Budget) -> Answer<Jpdra> {
        let began = Instant::now();
        let model = Model::new(instance);
        let servers = model.servers() as u64;
        let count = u32::try_from(model.partitions()).ok().and_then(|partitions| servers.checked_pow(partitions));
        let Some(count) = count.filter(|count| *count <= MAX_DEPLOYMENTS) else {
            return Answer::declined(format!("evaluates at most {MAX_DEPLOYMENTS} deployments"));
        };
        let mut best: Option<Deployed> = None;
        let mut on = vec![0u32; model.partitions()];
        for looked in 0..count {
            if looked % 1024 == 0 && budget.is_spent(began) {
                let trace = Trace::counting([("deployments", looked)]);
                let answer = model.answer(Stop::TimeLimit, best.as_ref()).traced(trace);
                return highs::beside(answer, bound_of_relaxation(&model, best.as_ref(), &|| true));
            }
            if let Some(delay) = model.delay(&on).filter(|delay| best.as_ref().is_none_or(|(least, _)| delay < least)) {
                best = Some((delay, on.clone()));
            }
            for m in &mut on {
                *m += 1;
                if u64::from(*m) < servers {
                    break;
                }
                *m = 0;
            }
        }
        let trace = Trace::counting([("deployments", count)]);
        let Some((delay, on)) = best else { return Answer::nothing(Stop::Infeasible).traced(trace) };
        let evidence = Evidence::SolverReported("every deployment was looked at".into());
        let answer = model.found(&on);
        let answer = Answer { proved: Some(Bound { value: delay, evidence }), ..answer }.traced(trace);
        let certified = bound_of_relaxation(&model, Some(&(delay, on)), &|| budget.is_spent(began));
        highs::beside(answer, certified)
    }
}
