//! The types every algorithm speaks, whatever the problem.
//!
//! An [`Answer`] keeps three questions in three fields: why the algorithm **stopped**, what it **found**, and what
//! it **proved**. "Optimal" is not among the words: the ledger derives it from a checked objective and a bound.

use std::collections::BTreeMap;
use std::fmt::Debug;

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::error::InputError;

/// Whether smaller or larger objective values are better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Sense {
    /// Smaller objectives are better; a bound lies below every feasible objective.
    Minimise,
    /// Larger objectives are better; a bound lies above every feasible objective.
    Maximise,
}

impl Sense {
    /// Whether a bound is stronger than another one: higher when minimising, lower when maximising.
    pub fn is_stronger(self, bound: f64, other: f64) -> bool {
        match self {
            Self::Minimise => bound > other,
            Self::Maximise => bound < other,
        }
    }
}

/// What every value that travels between programs can do: be written, read, described and compared.
pub trait Data: Serialize + DeserializeOwned + JsonSchema + Clone + Debug + PartialEq + Send + Sync + 'static {}
impl<T> Data for T where T: Serialize + DeserializeOwned + JsonSchema + Clone + Debug + PartialEq + Send + Sync + 'static
{}

/// An optimisation problem: names and shapes, no arithmetic.
pub trait Problem: Sized + Send + Sync + 'static {
    /// The name used in files, folders and on the command line, e.g. `"multiuser"`.
    const NAME: &'static str;
    /// Whether the objective is minimised or maximised.
    const SENSE: Sense;
    /// Version of the problem's JSON documents other than instances; a reader rejects versions it does not know.
    const VERSION: u32;
    /// The latest version of its instances. All from 1 on are read.
    const INSTANCE_VERSION: u32 = 1;
    /// A self-contained instance: numbers, not references to a zoo.
    type Instance: Data + Valid;
    /// Decisions only, integers as integers; everything else is recomputed where it is needed.
    type Solution: Data;
    /// What lets the checker replay a bound without trusting its source.
    type Certificate: Data;

    /// The version an instance is written in: the earliest that can express it.
    fn version_of(_instance: &Self::Instance) -> u32 {
        1
    }

    /// What reads and writes the problem's documents: `crate::document::documents()`, in a function that is never inlined. So the code is compiled once,
    /// in this crate, and not anew in each program. Callers use [`crate::document`].
    fn documents() -> Documents<Self>;
}

/// The functions that read and write a problem's documents; see the functions of [`crate::document`] with these names.
#[allow(missing_docs)]
pub struct Documents<P: Problem> {
    pub parse_instance: fn(&[u8]) -> Result<P::Instance, InputError>,
    pub parse_answer: fn(&[u8]) -> Result<Answer<P>, InputError>,
    pub instance_bytes: fn(&P::Instance) -> Vec<u8>,
    pub answer_bytes: fn(&Answer<P>) -> Vec<u8>,
    pub hash: fn(&P::Instance) -> String,
    pub instance_schema: fn() -> serde_json::Value,
    pub answer_schema: fn() -> serde_json::Value,
}

/// Input that can say, in one line, what is wrong with it.
pub trait Valid {
    /// Checks ranges and shapes that the type system does not; the first offence is named with its place and remedy.
    ///
    /// # Errors
    /// The first offence found, in document order.
    fn validate(&self) -> Result<(), InputError>;
}

/// What one run may use. The seed is part of it: a run is repeatable from instance, method and budget alone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Budget {
    /// Wall-clock limit in seconds; none means no limit.
    pub time_s: Option<f64>,
    /// Memory limit in bytes. An algorithm that knows it would exceed it declines instead.
    pub memory_bytes: Option<u64>,
    /// Threads the algorithm may use.
    pub threads: u32,
    /// Seed of everything random in the algorithm.
    pub seed: u64,
}

impl Default for Budget {
    fn default() -> Self {
        Self { time_s: None, memory_bytes: None, threads: 1, seed: 0 }
    }
}

impl Budget {
    /// A budget of `seconds` of wall-clock time, one thread, seed 0.
    pub fn seconds(seconds: f64) -> Self {
        Self { time_s: Some(seconds), ..Self::default() }
    }

    /// Whether something that started at `start` has used up its time.
    pub fn is_spent(&self, start: std::time::Instant) -> bool {
        self.time_s.is_some_and(|limit| start.elapsed().as_secs_f64() >= limit)
    }
}

/// Why an algorithm stopped. It says nothing about the quality of what was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Stop {
    /// It ran to its own end.
    Completed,
    /// It says that no feasible solution exists.
    Infeasible,
    /// It ran out of time.
    TimeLimit,
    /// It ran out of memory.
    MemoryLimit,
    /// It does not take this instance, and says why. Declining is an outcome, not an error.
    Declined(String),
    /// It broke, and says how.
    Failed(String),
    /// It gave no answer that can be read: not JSON, not a number, or nothing at all. The text says what is wrong with it.
    Invalid(String),
}

/// A solution with the objective its finder claims for it. The checker compares the claim and never trusts it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Claim<S> {
    /// The decisions.
    pub solution: S,
    /// The objective the algorithm believes `solution` to have.
    pub objective: f64,
}

/// A bound on the optimum: below it when minimising, above it when maximising.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Bound<C> {
    /// The bound, in the unit of the objective.
    pub value: f64,
    /// Why anyone should believe it.
    pub evidence: Evidence<C>,
}

/// What stands behind a bound. Reports print the two kinds differently.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Evidence<C> {
    /// Something the checker replays on its own.
    Certificate(C),
    /// A solver said so; the text names the solver and the quantity.
    #[serde(rename = "solver_word")]
    SolverReported(String),
}

/// A bound with its certificate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CertifiedBound<C> {
    /// The bound, in the unit of the objective.
    pub value: f64,
    /// What the checker replays on its own.
    pub certificate: C,
}

/// What an algorithm tells about its work besides its result: never used for checking, only for tables and figures.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Trace {
    /// Seconds spent building the model, where that is apart from solving it.
    pub build_s: Option<f64>,
    /// Named counts, e.g. `moves`, `nodes`, `columns`.
    pub counts: BTreeMap<String, u64>,
    /// Improving objectives over time, for anytime methods.
    pub incumbents: Vec<Incumbent>,
    /// Named courses of a run, e.g. `mean` or `best` over moves, as points (place, value) with places ascending. For figures only: nobody
    /// checks them. The method keeps them short, some [`POINTS`] each, by keeping ever fewer of them.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub series: BTreeMap<String, Vec<(f64, f64)>>,
}

/// How many points a series of a [`Trace`] has at most, or nearly so: enough for a smooth line, few enough to keep in every row.
pub const POINTS: usize = 200;

impl Trace {
    /// A trace with the given named counts.
    pub fn counting<const N: usize>(counts: [(&str, u64); N]) -> Self {
        Self { counts: counts.into_iter().map(|(name, count)| (name.to_owned(), count)).collect(), ..Self::default() }
    }

    /// The same trace with named series. Points that are not finite cannot be written and are left out; a series of no points is none.
    #[must_use]
    pub fn with_series<const N: usize>(mut self, series: [(&str, Vec<(f64, f64)>); N]) -> Self {
        for (name, mut points) in series {
            points.retain(|(place, value)| place.is_finite() && value.is_finite());
            if !points.is_empty() {
                self.series.insert(name.to_owned(), points);
            }
        }
        self
    }
}

/// One improvement of an anytime method.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Incumbent {
    /// Seconds since the algorithm started.
    pub at_s: f64,
    /// The claimed objective found then.
    pub objective: f64,
}

/// What an algorithm says about one instance: why it stopped, what it found, what it proved.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, bound = "")]
#[schemars(bound = "P::Solution: JsonSchema, P::Certificate: JsonSchema", rename = "Answer")]
pub struct Answer<P: Problem> {
    /// Why it stopped.
    pub stop: Stop,
    /// The best solution found, if any.
    pub found: Option<Claim<P::Solution>>,
    /// The best bound proved, if any.
    pub proved: Option<Bound<P::Certificate>>,
    /// A bound with a certificate beside a solver-reported bound in `proved`, mostly weaker: what the method can show of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certified: Option<CertifiedBound<P::Certificate>>,
    /// Counts and times it kept of its own work.
    #[serde(default)]
    pub trace: Trace,
}

impl<P: Problem> Answer<P> {
    /// The algorithm ran to its end and found `solution`.
    pub fn found(solution: P::Solution, objective: f64) -> Self {
        Self {
            stop: Stop::Completed,
            found: Some(Claim { solution, objective: objective + 0.0 }),
            proved: None,
            certified: None,
            trace: Trace::default(),
        }
    }

    /// The algorithm does not take this instance.
    pub fn declined(reason: impl Into<String>) -> Self {
        Self::nothing(Stop::Declined(reason.into()))
    }

    /// The algorithm broke.
    pub fn failed(reason: impl Into<String>) -> Self {
        Self::nothing(Stop::Failed(reason.into()))
    }

    /// What a program wrote is no answer.
    pub fn invalid(reason: impl Into<String>) -> Self {
        Self::nothing(Stop::Invalid(reason.into()))
    }

    /// Nothing was found and nothing proved.
    pub fn nothing(stop: Stop) -> Self {
        Self { stop, found: None, proved: None, certified: None, trace: Trace::default() }
    }

    /// The same answer with a bound whose certificate the checker can replay.
    #[must_use]
    pub fn certified(mut self, value: f64, certificate: P::Certificate) -> Self {
        // (A sum with 0 is no negative zero.)
        self.proved = Some(Bound { value: value + 0.0, evidence: Evidence::Certificate(certificate) });
        self
    }

    /// The same answer with such a bound beside its solver-reported one; without one it is the answer's bound.
    #[must_use]
    pub fn certified_beside(mut self, value: f64, certificate: P::Certificate) -> Self {
        match &self.proved {
            Some(Bound { evidence: Evidence::SolverReported(_), .. }) => {
                self.certified = Some(CertifiedBound { value: value + 0.0, certificate });
                self
            }
            _ => self.certified(value, certificate),
        }
    }

    /// The certificates that it holds, with the bounds claimed for them.
    pub fn certificates(&self) -> impl Iterator<Item = (f64, &P::Certificate)> {
        let proved = self.proved.as_ref().and_then(|bound| match &bound.evidence {
            Evidence::Certificate(certificate) => Some((bound.value, certificate)),
            Evidence::SolverReported(_) => None,
        });
        proved.into_iter().chain(self.certified.as_ref().map(|bound| (bound.value, &bound.certificate)))
    }

    /// The certificate with the strongest claim, and the claim; the first of several.
    pub fn best_certificate(&self) -> Option<(f64, &P::Certificate)> {
        self.certificates().reduce(|best, next| if P::SENSE.is_stronger(next.0, best.0) { next } else { best })
    }

    /// The same answer with the algorithm's own account of its work.
    #[must_use]
    pub fn traced(mut self, trace: Trace) -> Self {
        self.trace = trace;
        self
    }
}

/// A method that takes an instance and always answers: a failure or a refusal is an answer too.
pub trait Algorithm<P: Problem>: Send + Sync {
    /// The name it has in tables and on the command line, e.g. `"iao-ds"`.
    fn id(&self) -> &str;

    /// One line for `offcut methods`: what it is and what it guarantees.
    fn about(&self) -> &str;

    /// Whether different seeds can give different answers.
    fn is_random(&self) -> bool {
        false
    }

    /// The parameters it has.
    fn parameters(&self) -> Vec<Parameter> {
        Vec::new()
    }

    /// Puts a checked value in place. Called by [`Algorithm::configure`] alone, with a parameter that it declares.
    fn set(&mut self, setting: &Setting) {
        setting.panic_undeclared()
    }

    /// Sets a parameter.
    ///
    /// # Errors
    /// If it has no such parameter, or the value is outside its range.
    fn configure(&mut self, name: &str, value: f64) -> Result<(), InputError> {
        let setting = Setting::new(self.id(), &self.parameters(), name, value)?;
        self.set(&setting);
        Ok(())
    }

    /// Works on `instance` within `budget`.
    fn solve(&self, instance: &P::Instance, budget: &Budget) -> Answer<P>;
}

/// A number that a method can be run with.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Parameter {
    /// Its name, as in `iao:error=0.1`.
    pub name: &'static str,
    /// Its value if it is not given.
    pub default: f64,
    /// The values it can have.
    pub range: ParameterRange,
    /// One line for `offcut methods`.
    pub about: &'static str,
}

impl std::fmt::Display for Parameter {
    /// As it is set on the command line, to its default.
    /// ```
    /// use offcut_instances::problem::{Parameter, ParameterRange};
    /// let gap = Parameter { name: "gap", default: 2e-10, range: ParameterRange::reals(2e-10, 0.5), about: "relative gap" };
    /// assert_eq!(gap.to_string(), "gap=2e-10");
    /// ```
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}={}", self.name, Short(self.default))
    }
}

/// The values that a [`Parameter`] can have.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ParameterRange {
    /// The smallest.
    pub least: f64,
    /// The largest.
    pub most: f64,
    /// Whether only whole numbers are allowed.
    pub is_integer: bool,
}

impl ParameterRange {
    /// 0 for no, 1 for yes.
    pub const SWITCH: Self = Self::integers(0.0, 1.0);

    /// The whole numbers from `least` to `most`.
    pub const fn integers(least: f64, most: f64) -> Self {
        Self { least, most, is_integer: true }
    }

    /// All numbers from `least` to `most`.
    pub const fn reals(least: f64, most: f64) -> Self {
        Self { least, most, is_integer: false }
    }

    /// Whether `value` is one of them; NaN never is.
    /// ```
    /// use offcut_instances::problem::ParameterRange;
    /// assert!(ParameterRange::reals(0.0, 0.5).contains(0.5) && !ParameterRange::integers(0.0, 2.0).contains(0.5));
    /// ```
    pub fn contains(&self, value: f64) -> bool {
        (self.least..=self.most).contains(&value) && (!self.is_integer || value.fract() == 0.0)
    }
}

impl std::fmt::Display for ParameterRange {
    /// ```
    /// use offcut_instances::problem::ParameterRange;
    /// assert_eq!(ParameterRange::integers(1.0, 1e9).to_string(), "a whole number from 1 to 1e9");
    /// assert_eq!(ParameterRange::SWITCH.to_string(), "0 or 1");
    /// ```
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if *self == Self::SWITCH {
            return f.write_str("0 or 1");
        }
        f.write_str(if self.is_integer { "a whole number from " } else { "a number from " })?;
        write!(f, "{} to {}", Short(self.least), Short(self.most))
    }
}

/// A number in as few characters as it takes: 0.001, but 1e-6 and 1e9.
struct Short(f64);

impl std::fmt::Display for Short {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self(value) = self;
        if *value == 0.0 || (1e-3..1e6).contains(&value.abs()) { write!(f, "{value}") } else { write!(f, "{value:e}") }
    }
}

/// A parameter's value that was compared with its range.
#[derive(Clone, Debug, PartialEq)]
pub struct Setting {
    parameter: Parameter,
    value: f64,
}

impl Setting {
    /// Checks the value of a parameter of `method`, which has `parameters`.
    ///
    /// # Errors
    /// If there is no such parameter, or the value is outside its range. The line names the method, the parameter and the values allowed.
    pub fn new(method: &str, parameters: &[Parameter], name: &str, value: f64) -> Result<Self, InputError> {
        let error = |what, remedy| Err(InputError::at(format!("method {method}"), what, remedy));
        let Some(parameter) = parameters.iter().find(|parameter| parameter.name == name) else {
            let known: Vec<_> = parameters.iter().map(|known| format!("{} ({})", known.name, known.range)).collect();
            let remedy = match known.len() {
                0 => "leave it out: the method has none".to_owned(),
                _ => format!("its parameters are: {}", known.join(", ")),
            };
            return error(format!("has no parameter '{name}'"), remedy);
        };
        if !parameter.range.contains(value) {
            let remedy = format!("give {}", parameter.range);
            return error(format!("parameter '{name}' cannot be {value}"), remedy);
        }
        Ok(Self { parameter: *parameter, value })
    }

    /// The parameter's name.
    pub fn name(&self) -> &'static str {
        self.parameter.name
    }

    /// The value.
    pub fn value(&self) -> f64 {
        self.value
    }

    /// The value of a switch.
    pub fn is_on(&self) -> bool {
        self.value == 1.0
    }

    /// The value as an integer.
    ///
    /// # Panics
    /// If the declared range holds numbers that are no `T`.
    pub fn integer<T: TryFrom<u64>>(&self) -> T {
        assert!(self.parameter.range.is_integer && self.value >= 0.0, "{} is declared as no count", self.name());
        T::try_from(self.value as u64).ok().expect("the declared range fits the type")
    }

    /// The end of a `set` that has no place for the parameter.
    ///
    /// # Panics
    /// Always: a method declares only what it can set.
    #[track_caller]
    pub fn panic_undeclared(&self) -> ! {
        panic!("parameter '{}' is declared and has no place", self.name())
    }
}

/// A method with its parameters as it is written on the command line and in keys: `id` or `id:name=value,name=value`.
#[derive(Clone, Debug, PartialEq)]
pub struct MethodSpec {
    /// The method's id.
    pub id: String,
    /// The parameters that differ from the default, by name.
    pub parameters: BTreeMap<String, f64>,
}

impl MethodSpec {
    /// The id in a method as it is written, without its parameters.
    /// ```
    /// use offcut_instances::problem::MethodSpec;
    /// assert_eq!((MethodSpec::id_in("iao:error=0.1"), MethodSpec::id_in("iao")), ("iao", "iao"));
    /// ```
    pub fn id_in(method: &str) -> &str {
        method.split_once(':').map_or(method, |(id, _)| id)
    }
}

impl std::str::FromStr for MethodSpec {
    type Err = InputError;

    fn from_str(text: &str) -> Result<Self, InputError> {
        let input_error =
            |what: String| InputError::at(format!("method '{text}'"), what, "write id or id:name=value,name=value");
        let (id, rest) = text.split_once(':').unwrap_or((text, ""));
        if id.is_empty() {
            return Err(input_error("has no id".into()));
        }
        let mut parameters = BTreeMap::new();
        for setting in rest.split(',').filter(|setting| !setting.is_empty()) {
            let (name, value) =
                setting.split_once('=').ok_or_else(|| input_error(format!("'{setting}' is not name=value")))?;
            let number: f64 = value.parse().map_err(|_| input_error(format!("'{value}' is not a number")))?;
            if !number.is_finite() || parameters.insert(name.to_owned(), number).is_some() {
                return Err(input_error(format!("'{setting}' is not finite or given twice")));
            }
        }
        Ok(Self { id: id.to_owned(), parameters })
    }
}

impl std::fmt::Display for MethodSpec {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.id)?;
        for (at, (name, value)) in self.parameters.iter().enumerate() {
            write!(f, "{}{name}={value}", if at == 0 { ':' } else { ',' })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn series_are_kept_and_their_absence_is_not_written() {
        let none = Trace::counting([("moves", 3)]);
        let text = serde_json::to_string(&none).expect("plain data");
        assert!(!text.contains("series"), "{text}");
        assert_eq!(serde_json::from_str::<Trace>(&text).expect("good"), none);
        let mean = vec![(1.0, 0.1), (2.0, 1.0 / 3.0), (3.0, f64::NAN)];
        let some = none.with_series([("mean", mean), ("best", Vec::new()), ("limit", vec![(1.0, f64::INFINITY)])]);
        assert_eq!(some.series.keys().collect::<Vec<_>>(), ["mean"]);
        assert_eq!(some.series["mean"].len(), 2);
        let text = serde_json::to_string(&some).expect("plain data");
        assert_eq!(serde_json::from_str::<Trace>(&text).expect("good"), some);
    }

    #[test]
    fn a_method_is_written_and_read_back() {
        let spec: MethodSpec = "iao:start=2,error=0.1".parse().expect("good");
        assert_eq!(spec.to_string(), "iao:error=0.1,start=2");
        assert_eq!("milp".parse::<MethodSpec>().expect("good").to_string(), "milp");
        for bad in ["", ":a=1", "iao:error", "iao:error=x", "iao:error=nan", "iao:a=1,a=2"] {
            assert!(bad.parse::<MethodSpec>().is_err(), "{bad}");
        }
    }
}
