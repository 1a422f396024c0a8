//! Requests one by one, in their order; nothing is known of later ones.
//!
//! **Online primal-dual.** Every cloudlet has a price lambda_j of a thread, 0 at first. Request i goes to the cloudlet with the least
//! k_ij lambda_j if that is below 1, and is rejected otherwise; the cloudlet's price then rises:
//!
//! ```text
//! lambda <- lambda (1 + k/C') + k/(kmax C')          lambda after load L is at least ((1+rho)^(L/kmax) - 1)/kmax,  rho = kmax/C'
//! C' = kmax / (exp(kmax ln(1+kmax/kmin) / (C - kmax)) - 1)     the largest with C' ln(1+kmax/kmin) rho/ln(1+rho) + kmax <= C
//! ```
//!
//! The paper's abstract says that there is a competitive ratio, not which. Prices and ratio here are Offcut's.
//!
//! **Theorem** (Offcut's, by the online primal-dual method). Capacity is never exceeded: once L >= C - kmax, kmin lambda >= 1, and no request is admitted any more. Each admission adds 1 to the primal
//! value; to the dual value sum_j C_j lambda_j + sum_i max(0, 1 - min_j k_ij lambda_j) it adds, with r = max(1, max_j C_j/C'_j), at most
//! r (k lambda + k/kmax) + 1 - k lambda <= r + 1 + (r - 1) k lambda <= 2 r. So the optimum is at most 2 r times what is admitted on cloudlets. The 1 in r is needed for kmax = 1,
//! where C' can exceed C: the test `the_ratio_is_at_least_two` has 1,536 requests of which 995 are admitted, though 2 max_j C_j/C'_j is 1.42.
//!
//! Before the first request only kmin = 1 and kmax, the most threads a request may get, are known. A cloudlet with no more than kmax threads has no C':
//! it admits no request, and the theorem gives no bound. (`online-greedy` is there for those.)

use offcut_instances::problem::{Algorithm, Answer, Budget};
use offcut_instances::throughput::{Cloudlet, Instance, Throughput};

use super::admission::Admission;
use super::threads::Threads;

/// Prices that rise with load.
#[derive(Clone, Copy, Debug)]
pub(super) struct OnlinePrimalDual;

/// Fewest threads, where they are left.
#[derive(Clone, Copy, Debug)]
pub(super) struct OnlineGreedy;

/// C' of a cloudlet, if it has one.
pub(super) fn safe_capacity(cloudlet: &Cloudlet) -> Option<f64> {
    let most = f64::from(cloudlet.max_threads_per_request);
    let beyond = f64::from(cloudlet.threads) - most;
    let safe = most / (most * (1.0 + most).ln() / beyond).exp_m1();
    (beyond > 0.0 && safe > 0.0).then_some(safe)
}

impl Algorithm<Throughput> for OnlinePrimalDual {
    fn id(&self) -> &str {
        "online-primal-dual"
    }

    fn about(&self) -> &str {
        "one by one at prices that rise with load (Offcut's proof, not the paper's: competitive ratio 2 max(1, C/C'); unit profits)"
    }

    fn solve(&self, instance: &Instance, _: &Budget) -> Answer<Throughput> {
        if !instance.has_unit_profits() {
            return Answer::declined("takes unit profits only: its competitive ratio needs them");
        }
        let threads = Threads::new(instance);
        let mut admission = Admission::empty(&threads);
        let safe: Vec<Option<f64>> = instance.cloudlets.iter().map(safe_capacity).collect();
        let mut prices = vec![0.0; safe.len()];
        for i in (0..threads.requests()).filter(|i| !threads.is_local[*i]) {
            let costs = threads.options(i).filter(|(j, _)| safe[*j].is_some());
            let costs = costs.map(|(j, k)| (f64::from(k) * prices[j], k, j));
            // Ties: fewer threads, then the lower number.
            let least = costs.min_by(|a, b| a.0.total_cmp(&b.0).then((a.1, a.2).cmp(&(b.1, b.2))));
            let Some((cost, k, j)) = least.filter(|(cost, _, _)| *cost < 1.0) else { continue };
            let (Some(safe), most) = (safe[j], f64::from(instance.cloudlets[j].max_threads_per_request)) else {
                continue;
            };
            let fits = admission.try_serving(i, j, k);
            assert!(fits, "the theorem: a price below 1/k leaves room for k (cost {cost})");
            prices[j] = prices[j] * (1.0 + f64::from(k) / safe) + f64::from(k) / (most * safe);
        }
        admission.answer(&threads)
    }
}

impl Algorithm<Throughput> for OnlineGreedy {
    fn id(&self) -> &str {
        "online-greedy"
    }

    fn about(&self) -> &str {
        "one by one to the cloudlet where the fewest threads meet the deadline, if it has them"
    }

    fn solve(&self, instance: &Instance, _: &Budget) -> Answer<Throughput> {
        let threads = Threads::new(instance);
        let mut admission = Admission::empty(&threads);
        admission.fill(&threads);
        admission.answer(&threads)
    }
}
