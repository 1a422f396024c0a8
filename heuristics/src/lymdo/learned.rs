//! The paper's policy: cuts by a learned network, resources by convex optimisation.
//!
//! 1. Features: every user and cut at the prices of a cheap reference (`features`).
//! 2. Every user takes the cut that the network scores highest (`network`).
//! 3. Cuts that cannot be kept stable together are repaired (`repair`).
//! 4. The best resources for these cuts (`resources`).
//!
//! The network was trained by proximal policy optimisation over slots of many systems (crate `offcut-trainer`);
//! `policy.json` beside this file holds its weights with their training record, `policy.curve.csv` its learning curve.
//! The abstract says that cuts are learned and resources are convex; what the network sees, its shape, and that one
//! network serves all systems are Offcut's reconstruction.

use std::sync::OnceLock;

use offcut_instances::lymdo::{Allocation, Decide, Instance, Policy, Prices};
use offcut_instances::problem::{Budget, Parameter, ParameterRange, Setting, Stop};

use super::delay::{Costs, allocation};
use super::features::{Features, Reference, features};
use super::network::{Network, Trained, beginning};
use super::repair::Needs;
use super::resources::allocate;

/// The policy that is shipped.
const SHIPPED: &[u8] = include_bytes!("policy.json");

/// The document of the policy that is shipped.
///
/// # Panics
/// Never: a test reads it.
pub fn shipped() -> Trained {
    Trained::parse(SHIPPED).expect("the shipped policy is a good document")
}

fn shipped_network() -> &'static Network {
    static NETWORK: OnceLock<Network> = OnceLock::new();
    NETWORK.get_or_init(|| Network::new(&shipped().layers).expect("reading it checked its shapes"))
}

/// The network with which the training of the shipped one began: the reference for the effect of training.
fn untrained_network() -> &'static Network {
    static NETWORK: OnceLock<Network> = OnceLock::new();
    NETWORK.get_or_init(|| {
        let record = shipped().training;
        let width = record.width().expect("a test reads it");
        Network::new(&beginning(width, record.seed)).expect("shapes follow on each other")
    })
}

/// The policy.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lymdo {
    is_trained: bool,
}

impl Default for Lymdo {
    fn default() -> Self {
        Self { is_trained: true }
    }
}

impl Policy for Lymdo {
    fn id(&self) -> &str {
        "lymdo"
    }

    fn about(&self) -> &str {
        "cuts by a network trained with PPO, best resources for them"
    }

    fn parameters(&self) -> Vec<Parameter> {
        let about = "1: the shipped network, 0: the network before training";
        vec![Parameter { name: "trained", default: 1.0, range: ParameterRange::SWITCH, about }]
    }

    fn set(&mut self, setting: &Setting) {
        self.is_trained = setting.is_on();
    }

    fn begin(&self, _: &Budget) -> Box<dyn Decide> {
        let network = if self.is_trained { shipped_network() } else { untrained_network() };
        Box::new(Learned::new(network.clone()))
    }
}

/// A network on its way through a horizon.
#[derive(Clone, Debug)]
pub struct Learned {
    network: Network,
    prices: Option<Prices>,
}

impl Learned {
    /// At the beginning of a horizon.
    pub fn new(network: Network) -> Self {
        Self { network, prices: None }
    }
}

impl Decide for Learned {
    fn decide(&mut self, slot: &Instance) -> Result<Allocation, Stop> {
        let arena = Arena::new(slot, self.prices)?;
        let seen = arena.features();
        let cuts = seen.best_cuts(self.network.scores(seen.rows.view()).view());
        let play = arena.play(&cuts)?;
        self.prices = Some(arena.reference.plan.prices);
        Ok(play.allocation)
    }
}

/// A slot for choosing cuts: its features, and the cost of cuts.
#[derive(Clone, Debug)]
pub struct Arena {
    costs: Costs,
    needs: Needs,
    reference: Reference,
}

/// Cuts that were played.
#[derive(Clone, Debug)]
pub struct SampledCuts {
    /// Cuts after repair, with their best resources.
    pub allocation: Allocation,
    /// `V sum D + sum Q E`.
    pub value: f64,
    /// Energy of every user in the slot, in J. Shape (users,).
    pub energies_j: Vec<f64>,
}

impl Arena {
    /// A slot (an instance with one). Prices near its own make it quicker.
    ///
    /// # Errors
    /// Why no cuts can be kept stable.
    pub fn new(slot: &Instance, start: Option<Prices>) -> Result<Self, Stop> {
        let costs = Costs::new(slot);
        let needs = Needs::new(&costs);
        let reference = Reference::new(&costs, &needs, start)?;
        Ok(Self { costs, needs, reference })
    }

    /// What a network sees of the slot.
    pub fn features(&self) -> Features {
        features(&self.costs, &self.needs, &self.reference)
    }

    /// The cuts of the reference, everybody's best at equal shares, and what they cost.
    pub fn reference(&self) -> (&[u32], f64) {
        (&self.reference.cuts, self.reference.plan.value)
    }

    /// The prices of the reference's resources.
    pub fn prices(&self) -> Prices {
        self.reference.plan.prices
    }

    /// These cuts, repaired if they cannot be kept stable, with their best resources.
    ///
    /// # Errors
    /// [`Stop::Failed`] if no repair was found.
    ///
    /// # Panics
    /// If there is not one cut for every user, within its chain.
    pub fn play(&self, cuts: &[u32]) -> Result<SampledCuts, Stop> {
        let cuts = self.needs.repaired(&self.costs, cuts)?;
        let failed = || Stop::Failed("no resources found for cuts whose needs fit the capacities".into());
        let plan = allocate(&self.costs, &cuts, Some(self.prices())).ok_or_else(failed)?;
        let energy = |n: usize| self.costs.energy_j(n, self.costs.work(n, cuts[n]), &plan.shares[n]);
        let energies_j = (0..cuts.len()).map(|n| energy(n).expect("a user that sends has a rate")).collect();
        Ok(SampledCuts { allocation: allocation(&cuts, &plan.shares), value: plan.value, energies_j })
    }

    /// What these cuts cost with their best resources; none if they cannot be kept stable.
    ///
    /// # Panics
    /// If there is not one cut for every user, within its chain.
    pub fn value(&self, cuts: &[u32]) -> Option<f64> {
        allocate(&self.costs, cuts, Some(self.prices())).map(|plan| plan.value)
    }
}
