//! How much faster several units, cores or threads are than one.

use schemars::JsonSchema;
use serde::de::Deserializer;
use serde::{Deserialize, Serialize};

use crate::error::InputError;
use crate::problem::Valid;
use crate::random::Stream;
use crate::strict::{absent, needed, present};

/// The speed-up of f >= 1 units over one; that of one unit is 1, and it never falls.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(tag = "law", rename_all = "snake_case", deny_unknown_fields)]
pub enum Speedup {
    /// f.
    Linear,
    /// 1 / ((1-p) + p/f).
    Amdahl {
        /// The share p of the work that runs in parallel, in [0, 1].
        parallel_fraction: f64,
    },
    /// `speedups[f-1]`, constant beyond the last entry.
    Table {
        /// The speed-ups of 1, 2, ... units. The first is 1.
        speedups: Vec<f64>,
    },
}

/// The fields of all laws.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields {
    law: Law,
    #[serde(default, deserialize_with = "present")]
    parallel_fraction: Option<f64>,
    #[serde(default, deserialize_with = "present")]
    speedups: Option<Vec<f64>>,
}

impl<'de> Deserialize<'de> for Speedup {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Fields { law, parallel_fraction, speedups } = Fields::deserialize(deserializer)?;
        if !matches!(law, Law::Amdahl) {
            absent(parallel_fraction.as_ref(), "parallel_fraction", &["law", "speedups"])?;
        }
        if !matches!(law, Law::Table) {
            absent(speedups.as_ref(), "speedups", &["law", "parallel_fraction"])?;
        }
        Ok(match law {
            Law::Linear => Self::Linear,
            Law::Amdahl => Self::Amdahl { parallel_fraction: needed(parallel_fraction, "parallel_fraction")? },
            Law::Table => Self::Table { speedups: needed(speedups, "speedups")? },
        })
    }
}

impl Valid for Speedup {
    fn validate(&self) -> Result<(), InputError> {
        match self {
            Self::Linear => Ok(()),
            Self::Amdahl { parallel_fraction } if (0.0..=1.0).contains(parallel_fraction) => Ok(()),
            Self::Amdahl { parallel_fraction } => Err(InputError::at(
                "parallel_fraction",
                format!("is {parallel_fraction}"),
                "give a share between 0 and 1",
            )),
            Self::Table { speedups } => validate_table(speedups),
        }
    }
}

fn validate_table(speedups: &[f64]) -> Result<(), InputError> {
    let place = |f: usize| format!("speedups[{f}]");
    match speedups.first() {
        Some(1.0) => {}
        Some(first) => {
            return Err(InputError::at(place(0), format!("is {first}"), "give 1: one unit is as fast as one unit"));
        }
        None => return Err(InputError::at("speedups", "is empty", "start it with 1")),
    }
    for (f, pair) in speedups.windows(2).enumerate() {
        if !(pair[1] >= pair[0] && pair[1] <= 1e30) {
            return Err(InputError::at(
                place(f + 1),
                format!("is {} after {} for one unit less", pair[1], pair[0]),
                "give speed-ups that never fall, at most 1e30",
            ));
        }
    }
    Ok(())
}

/// A speed-up law to generate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Law {
    /// f.
    Linear,
    /// Amdahl's law with the parameter `parallel_fraction`.
    Amdahl,
    /// A random table: rises of random size, some of them 0, up to 64 units.
    Table,
}

impl Law {
    /// A speed-up of this law; `stream` is drawn from for a table only.
    pub(crate) fn speedup(self, parallel_fraction: f64, stream: &mut Stream) -> Speedup {
        match self {
            Self::Linear => Speedup::Linear,
            Self::Amdahl => Speedup::Amdahl { parallel_fraction },
            Self::Table => {
                let mut speedups = vec![1.0];
                for _ in 1..64 {
                    let rise = if stream.below(3) == 0 { 0.0 } else { stream.uniform(0.0, 1.0) };
                    speedups.push(speedups[speedups.len() - 1] + rise);
                }
                Speedup::Table { speedups }
            }
        }
    }
}

/// Random laws for property tests.
#[cfg(feature = "proptest")]
pub(crate) mod strategy {
    use proptest::prelude::*;

    use crate::speedup::Speedup;

    /// All laws; steps of 0 make plateaus.
    pub(crate) fn speedups() -> impl Strategy<Value = Speedup> {
        prop_oneof![
            Just(Speedup::Linear),
            (0.0f64..=1.0).prop_map(|parallel_fraction| Speedup::Amdahl { parallel_fraction }),
            prop::collection::vec(prop_oneof![Just(0.0), 0.0f64..1.5], 0..6).prop_map(|steps| {
                let rises = steps.into_iter().scan(1.0, |speedup, step| {
                    *speedup += step;
                    Some(*speedup)
                });
                Speedup::Table { speedups: std::iter::once(1.0).chain(rises).collect() }
            }),
        ]
    }
}
