//! Mean delays that a simulation finds at report time, beside those of a formula. Reports print them; who simulates hands them in.

/// Mean delays of solutions under arrivals that the formula is not of.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Simulated {
    /// One solution under one kind of arrivals.
    pub delays: Vec<SimulatedDelay>,
    /// Two solutions of one instance under one kind of arrivals.
    pub orders: Vec<SimulatedOrder>,
    /// Confidence of all intervals, in (0, 1).
    pub confidence: f64,
}

/// What was simulated: the gaps between tasks are independent, with this squared coefficient of variation.
#[derive(Clone, Debug, PartialEq)]
pub struct Setting {
    /// The instance's hash.
    pub instance: String,
    /// Squared coefficient of variation of the gaps between tasks; 1 is what the formula assumes.
    pub scv: f64,
    /// Tasks of every flow.
    pub tasks: u64,
    /// Whether these are enough for the interval to mean what it says.
    pub is_reliable: bool,
}

/// The mean delay of one solution.
#[derive(Clone, Debug, PartialEq)]
pub struct SimulatedDelay {
    /// What was simulated.
    pub setting: Setting,
    /// The method whose solution it is, or several that found it.
    pub method: String,
    /// Whether no other solution of the instance has a lower objective in the run.
    pub is_best: bool,
    /// By the formula, in seconds.
    pub formula_s: f64,
    /// Simulated, in seconds.
    pub simulated_s: f64,
    /// The ends of its interval.
    pub interval_s: (f64, f64),
}

impl SimulatedDelay {
    /// The simulated delay over that of the formula.
    pub fn ratio(&self) -> f64 {
        self.simulated_s / self.formula_s
    }
}

/// How two solutions compare.
#[derive(Clone, Debug, PartialEq)]
pub struct SimulatedOrder {
    /// What was simulated.
    pub setting: Setting,
    /// The methods whose solutions they are.
    pub methods: [String; 2],
    /// Delay of the second over that of the first, less 1, by the formula.
    pub formula: f64,
    /// The ends of the interval of the same, simulated with the same random numbers for both.
    pub interval: (f64, f64),
}

/// What became of the order of two solutions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// The formula says that they are equal.
    Equal,
    /// The simulation says what the formula says.
    Kept,
    /// The simulation says the opposite.
    Reversed,
    /// The interval holds 0, or is not reliable.
    NotResolved,
}

/// A relative difference that counts as none: sums are rounded, and deployments may be the same.
const DIFFERENCE_TOL: f64 = 1e-6;

impl SimulatedOrder {
    /// What became of the order that the formula says.
    pub fn order(&self) -> Order {
        let (low, high) = self.interval;
        match self.formula {
            formula if formula.abs() <= DIFFERENCE_TOL => Order::Equal,
            _ if !self.setting.is_reliable || (low <= 0.0 && high >= 0.0) => Order::NotResolved,
            formula if (formula > 0.0) == (low > 0.0) => Order::Kept,
            _ => Order::Reversed,
        }
    }
}
