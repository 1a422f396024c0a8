//! Machines, and the kinds of machines whose layers were measured.
//!
//! Version 1 of an instance knows one kind of work: MACs. A machine has a speed in MAC/s, and a layer takes its MACs over that speed. Measured times
//! are not proportional to MACs, so version 2 names *kinds* of machines. A model carries, for each kind that may run it, the seconds of every layer or
//! block on one unit of that kind at its nominal speed; a machine names its kind and a speed factor. Time is work over speed in both cases:
//!
//! | | work of a layer | [`Machine::speed`] | time |
//! |---|---|---|---|
//! | no kind | MACs | MAC/s | MACs / (MAC/s) |
//! | a kind | seconds at nominal speed | times the nominal speed | seconds / factor |
//!
//! A document without kinds is of version 1 and keeps its bytes and its hash.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::InputError;
use crate::range;

/// A class of devices or servers whose work is given in seconds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MachineKind {
    /// Its name, e.g. `raspberry-pi-4`; no other kind of the instance has it.
    pub name: String,
    /// Where its times come from, for people.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub about: String,
}

/// What a machine runs: the unit of its work, and how fast.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Machine {
    /// Index into the instance's `machine_kinds`; none if work is in MACs.
    pub kind: Option<u32>,
    /// MAC/s without a kind; with one, the factor on its nominal speed.
    pub speed: f64,
}

/// A machine of a kind, as documents of version 2 have it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OfKind {
    /// Index into `machine_kinds`, counted from 0.
    pub kind: u32,
    /// Factor on the nominal speed of the kind: 2 halves all times.
    pub speed: f64,
}

impl Machine {
    /// A machine whose work is in MACs.
    pub const fn of_macs(macs_per_s: f64) -> Self {
        Self { kind: None, speed: macs_per_s }
    }

    /// A machine of a kind, `speed` times as fast as its nominal speed.
    pub const fn of_kind(kind: u32, speed: f64) -> Self {
        Self { kind: Some(kind), speed }
    }

    /// The same machine at another speed.
    pub(crate) fn times(self, factor: f64) -> Self {
        Self { speed: self.speed * factor, ..self }
    }

    /// The machine of a document, which has either a speed in MAC/s or a kind. The names are those of the two fields.
    ///
    /// # Errors
    /// If it has both or neither.
    pub(crate) fn read(
        (macs_per_s, speed_field): (Option<f64>, &str),
        (of_kind, kind_field): (Option<OfKind>, &str),
    ) -> Result<Self, InputError> {
        match (macs_per_s, of_kind) {
            (Some(speed), None) => Ok(Self::of_macs(speed)),
            (None, Some(OfKind { kind, speed })) => Ok(Self::of_kind(kind, speed)),
            (None, None) => Err(InputError::at(
                "",
                format!("missing field `{speed_field}`"),
                format!("give {speed_field}, or {kind_field} with its kind and speed"),
            )),
            (Some(_), Some(_)) => Err(InputError::at(
                "",
                format!("has both {speed_field} and {kind_field}"),
                "give one of them: a speed in MAC/s, or a kind of machine",
            )),
        }
    }

    /// The two fields of a document: a speed in MAC/s, or a kind.
    pub(crate) fn fields(self) -> (Option<f64>, Option<OfKind>) {
        match self.kind {
            None => (Some(self.speed), None),
            Some(kind) => (None, Some(OfKind { kind, speed: self.speed })),
        }
    }

    /// Checks the speed and the index. The names are those of the document's two fields.
    pub(crate) fn validate(
        self,
        kinds: &[MachineKind],
        speed_field: impl Fn() -> String,
        kind_field: impl Fn() -> String,
    ) -> Result<(), InputError> {
        let Some(kind) = self.kind else { return range::positive(speed_field, self.speed) };
        if kind as usize >= kinds.len() {
            return Err(InputError::at(
                format!("{}.kind", kind_field()),
                format!("is {kind}, but there are {} machine kinds", kinds.len()),
                "give an index into machine_kinds, counted from 0",
            ));
        }
        range::positive(|| format!("{}.speed", kind_field()), self.speed)
    }
}

/// The most kinds of machines in an instance.
const MAX_KINDS: usize = 1_000;

/// Checks the names of the kinds.
pub(crate) fn validate_kinds(kinds: &[MachineKind]) -> Result<(), InputError> {
    if kinds.len() > MAX_KINDS {
        let what = format!("holds {} kinds", kinds.len());
        return Err(InputError::at("machine_kinds", what, format!("give at most {MAX_KINDS}")));
    }
    let mut names = std::collections::HashSet::with_capacity(kinds.len());
    for (k, kind) in kinds.iter().enumerate() {
        let place = || format!("machine_kinds[{k}].name");
        if kind.name.is_empty() {
            return Err(InputError::at(place(), "is empty", "name the kind"));
        }
        if !names.insert(kind.name.as_str()) {
            let what = format!("'{}' is the name of an earlier kind", kind.name);
            return Err(InputError::at(place(), what, "give each kind a name of its own"));
        }
    }
    Ok(())
}

/// Checks the work of a model: `macs` is its MACs, `work_s` its seconds by kind, each with `entries` numbers.
pub(crate) fn validate_work(
    (macs, work_s): (&[f64], &[Option<Vec<f64>>]),
    entries: usize,
    kinds: &[MachineKind],
) -> Result<(), InputError> {
    if !work_s.is_empty() && work_s.len() != kinds.len() {
        let what = format!("has {} entries for {} machine kinds", work_s.len(), kinds.len());
        return Err(InputError::at("work_s", what, "give one entry per machine kind: a list of seconds, or null"));
    }
    if macs.is_empty() && work_s.iter().all(Option::is_none) {
        return Err(InputError::at("macs", "is empty", "give at least one block, or work_s for a machine kind"));
    }
    let of_kinds = work_s.iter().enumerate().filter_map(|(k, work)| work.as_ref().map(|work| (k, work)));
    for (k, work) in of_kinds {
        if work.len() != entries {
            let what = format!("has {} entries for {entries} blocks or layers", work.len());
            return Err(InputError::at(format!("work_s[{k}]"), what, "give one entry per block or layer"));
        }
        for (j, seconds) in work.iter().enumerate() {
            range::not_negative(|| format!("work_s[{k}][{j}]"), *seconds)?;
        }
    }
    for (j, macs) in macs.iter().enumerate() {
        range::not_negative(|| format!("macs[{j}]"), *macs)?;
    }
    Ok(())
}

/// The work of a model on machines of a kind, if it has any there: MACs for no kind.
pub(crate) fn work_of<'a>((macs, work_s): (&'a [f64], &'a [Option<Vec<f64>>]), kind: Option<u32>) -> Option<&'a [f64]> {
    match kind {
        None => (!macs.is_empty()).then_some(macs),
        Some(kind) => work_s.get(kind as usize).and_then(Option::as_deref),
    }
}

/// Says that a machine is to run a model that has no work for it.
pub(crate) fn no_work(place: String, model: &str, machine: Machine, kinds: &[MachineKind]) -> InputError {
    match machine.kind {
        None => InputError::at(
            place,
            format!("has a speed in MAC/s, but model '{model}' has no MACs"),
            "give the model macs, or the machine a kind",
        ),
        Some(kind) => InputError::at(
            place,
            format!("is of kind '{}', but model '{model}' has no work for it", kinds[kind as usize].name),
            "give the model work_s for this kind",
        ),
    }
}

#[cfg(feature = "proptest")]
pub(crate) mod strategy {
    use super::{Machine, MachineKind};
    use crate::random::Stream;

    /// Kinds of machines for a random instance, and work on them.
    pub(crate) struct Measured {
        pub(crate) kinds: Vec<MachineKind>,
        /// Whether a machine has a speed in MAC/s, so that MACs may not be left out.
        pub(crate) needs_macs: bool,
        stream: Stream,
    }

    /// Gives machines kinds, in one of two instances; `seed` decides. Some machines may keep their speeds in MAC/s.
    pub(crate) fn measured<'a>(seed: u64, machines: impl Iterator<Item = &'a mut Machine>) -> Option<Measured> {
        let mut stream = Stream::new(&["machine", "strategy"], seed);
        if stream.below(2) == 0 {
            return None;
        }
        let count = 1 + stream.below(3);
        let all_have_kinds = stream.below(2) == 0;
        let mut needs_macs = false;
        for machine in machines {
            let kind = stream.below(count + u64::from(!all_have_kinds));
            machine.kind = (kind < count).then_some(kind as u32);
            needs_macs |= machine.kind.is_none();
        }
        let kinds = (0..count).map(|k| MachineKind { name: format!("kind {k}"), about: String::new() }).collect();
        Some(Measured { kinds, needs_macs, stream })
    }

    impl Measured {
        /// Work of `entries` blocks or layers on every kind: zeros, ties, and numbers of awkward size among them; at least `least`.
        pub(crate) fn work_s(&mut self, entries: usize, least: f64) -> Vec<Option<Vec<f64>>> {
            let stream = &mut self.stream;
            let mut work = || match stream.below(16) {
                0..3 => 0.0,
                3..9 => 1.0 + stream.below(5) as f64,
                9..15 => stream.uniform(0.1, 10.0),
                _ => stream.log_uniform(1e-6, 1e3),
            };
            let of_kind = |_: &MachineKind| Some((0..entries).map(|_| work().max(least)).collect());
            self.kinds.iter().map(of_kind).collect()
        }

        /// Whether MACs are left out, now and then where nothing needs them.
        pub(crate) fn leaves_macs_out(&mut self) -> bool {
            !self.needs_macs && self.stream.below(2) == 0
        }
    }
}
