//! A search in a folder: rounds of annealing, then the worst instance made small.
//!
//! | file | holds |
//! |---|---|
//! | `state.json` | the [`State`]: running again goes on from it |
//! | `worst.json` | the worst instance, made small |
//! | `worst.ratio.json` | its [`Found`] |
//! | `worst.method.json`, `worst.reference.json` | both answers, for `offcut check` |
//! | `refuted-HASH.json` | instances on which an answer was rejected, a bound contradicted, or a proven ratio beaten |

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Instant;

use offcut_instances::document::{InputError, answer_bytes, hash, instance_bytes};
use offcut_instances::mutate::{of_family, shrunk, small, within};
use offcut_instances::origin::Origin;
use offcut_instances::problem::Sense;
use offcut_instances::random::Stream;
use serde::{Deserialize, Serialize};

use super::anneal::{Round, Tally, anneal};
use super::judge::{Judge, Outcome, Ratio};
use super::state::{Question, Start, State, replace};
use crate::BenchmarkAdapter;

/// When a run of a search ends; whichever comes first.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Seconds of searching, and the same at most once more half for making the worst instance small.
    pub seconds: f64,
    /// Rounds of all runs together.
    pub rounds: u64,
}

/// Seconds that one round takes at most, and seconds between two times that the state is written: it is never much older.
const ROUND_S: f64 = 30.0;
const WRITTEN_S: f64 = 2.0;

/// By how much a ratio may fall while an instance is made small: of maximised objectives, whose ratios are at most 1, and relative to the ratio of minimised ones.
const SHRINK_LOSS: f64 = 1e-3;

/// The worst instance, made small, and its ratio.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Found {
    /// What was searched.
    pub question: Question,
    /// The ratio with both ends certified.
    pub ratio: Ratio,
    /// The ratio before the instance was made small.
    pub before_shrinking: f64,
    /// Whether the ratio is worse than what is proved.
    pub beats_theorem: bool,
    /// Whether the method's answer was the same again.
    pub is_repeatable: bool,
    /// The instance's hash.
    pub instance: String,
    /// How large it is, by name.
    pub size: BTreeMap<String, usize>,
    /// The round that it is of, from 0, and where that began.
    pub found_in: Option<(u64, Start)>,
    /// Instances judged until now.
    pub tried: u64,
}

/// A search.
pub struct Search<'a, P: BenchmarkAdapter> {
    /// Judges instances.
    pub judge: Judge<'a, P>,
    /// What is searched.
    pub question: Question,
    /// Its folder, which must be there.
    pub folder: &'a Path,
}

impl<P: BenchmarkAdapter> Search<'_, P> {
    fn sizes(&self) -> Vec<usize> {
        P::SIZES.iter().map(|size| self.question.sizes.get(size.name).copied().unwrap_or(size.most)).collect()
    }

    /// Searches, from where the last run ended, and hands each state to `progress` after its round.
    ///
    /// # Errors
    /// [`InputError`] if the folder's state is of another question, a file cannot be written, or a program cannot be started.
    pub fn run(&self, limits: Limits, mut progress: impl FnMut(&State)) -> Result<(State, Vec<PathBuf>), InputError> {
        let file = self.folder.join("state.json");
        let mut state = State::read(&file, self.question.clone())?;
        self.judge_again(&mut state)?;
        let began = Instant::now();
        let mut written = None;
        let mut refuted = Vec::new();
        let bytes = |state: &State| serde_json::to_vec_pretty(state).expect("plain data");
        while state.rounds < limits.rounds {
            let left = limits.seconds - began.elapsed().as_secs_f64();
            let is_worst = state.ratio.is_some_and(|ratio| !ratio.times_worse(P::SENSE).is_finite());
            if left <= 0.0 || is_worst {
                break;
            }
            let of_round = Instant::now();
            let (begin, tally) = self.round(&state, left.min(ROUND_S))?;
            refuted.extend(self.keep_refuted(&tally)?);
            self.take(&mut state, begin, tally);
            state.seconds += of_round.elapsed().as_secs_f64();
            progress(&state);
            if written.is_none_or(|at: Instant| at.elapsed().as_secs_f64() >= WRITTEN_S) {
                replace(&file, &bytes(&state))?;
                written = Some(Instant::now());
            }
        }
        replace(&file, &bytes(&state))?;
        Ok((state, refuted))
    }

    /// The worst instance of an earlier run counts as it is judged today.
    fn judge_again(&self, state: &mut State) -> Result<(), InputError> {
        let Some(worst) = state.worst::<P>()? else { return Ok(()) };
        match self.judge.judge(&worst)?.outcome {
            Outcome::Counts(ratio) => state.ratio = Some(ratio),
            _ => (state.ratio, state.worst, state.found_in) = (None, None, None),
        }
        Ok(())
    }

    fn round(&self, state: &State, seconds: f64) -> Result<(Start, Tally<P::Instance>), InputError> {
        let Question { method, against, variant, moves, seed, starts, .. } = &self.question;
        let sizes = self.sizes();
        let label = format!("{method} against {against:?}, round {}", state.rounds);
        let mut stream = Stream::new(&["adversary", P::NAME, &label, "start"], *seed);
        let asked = starts[(state.rounds % starts.len() as u64) as usize];
        // How often this start was taken before.
        let turn = state.rounds / starts.len() as u64;
        let begin = match asked {
            Start::Random => None,
            Start::Family => {
                let family = P::FAMILIES[(turn % P::FAMILIES.len() as u64) as usize];
                of_family::<P>(family.name, &sizes, variant, seed.wrapping_add(turn), &mut stream)
            }
            Start::Worst => state.worst::<P>()?,
            Start::Kept if P::KEPT.is_empty() => None,
            Start::Kept => within::<P>(P::kept(1 + turn % P::KEPT.len() as u64)?, &sizes, variant, &mut stream),
        };
        let (asked, begin) = match begin {
            Some(begin) => (asked, begin),
            None => (Start::Random, small::<P>(&sizes, variant, &mut stream)),
        };
        let round = Round { sizes: &sizes, variant, moves: *moves, seconds, label: &label, seed: *seed };
        Ok((asked, anneal::<P>(&self.judge, &round, begin)?))
    }

    fn take(&self, state: &mut State, begin: Start, tally: Tally<P::Instance>) {
        state.tried += tally.tried;
        state.counted += tally.counted;
        state.unsolved += tally.unsolved;
        let worse = |ratio: &Ratio| ratio.times_worse(P::SENSE);
        if let Some((instance, ratio)) = tally.worst
            && state.ratio.as_ref().is_none_or(|worst| worse(&ratio) > worse(worst))
        {
            state.set_worst::<P>(&instance, ratio);
            state.found_in = Some((state.rounds, begin));
        }
        state.rounds += 1;
    }

    fn keep_refuted(&self, tally: &Tally<P::Instance>) -> Result<Vec<PathBuf>, InputError> {
        let mut files = Vec::new();
        for (instance, what) in &tally.refuted {
            let mut instance = instance.clone();
            *P::origin_mut(&mut instance) = Origin { name: what.clone(), ..Origin::default() };
            let file = self.folder.join(format!("refuted-{}.json", hash::<P>(&instance)));
            replace(&file, &instance_bytes::<P>(&instance))?;
            files.push(file);
        }
        Ok(files)
    }

    /// Makes the worst instance small within `seconds`, and writes it with its ratio and both answers. None if no instance counted. If the small one is
    /// worse, as happens, it is the worst one from now on.
    ///
    /// # Errors
    /// [`InputError`] if a file cannot be written or a program cannot be started.
    pub fn finish(&self, state: &mut State, seconds: f64) -> Result<Option<Found>, InputError> {
        let (Some(worst), Some(ratio)) = (state.worst::<P>()?, state.ratio) else { return Ok(None) };
        let mut instance = self.shrunk(&worst, ratio, seconds)?;
        *P::origin_mut(&mut instance) = self.origin();
        let judged = self.judge.judge(&instance)?;
        let again = self.judge.judge(&instance)?;
        let Outcome::Counts(now) = judged.outcome else { return Ok(None) };
        let file = |name: &str| self.folder.join(name);
        if now.times_worse(P::SENSE) > ratio.times_worse(P::SENSE) {
            state.set_worst::<P>(&instance, now);
            replace(&file("state.json"), &serde_json::to_vec_pretty(&state).expect("plain data"))?;
        }
        replace(&file("worst.json"), &instance_bytes::<P>(&instance))?;
        replace(&file("worst.method.json"), &answer_bytes::<P>(&judged.answer))?;
        if let Some(reference) = &judged.reference {
            replace(&file("worst.reference.json"), &answer_bytes::<P>(reference))?;
        }
        let names = P::SIZES.iter().map(|size| size.name.to_owned());
        let found = Found {
            question: self.question.clone(),
            ratio: now,
            before_shrinking: ratio.ratio,
            beats_theorem: now.beats_theorem(P::SENSE),
            is_repeatable: again.answer.found == judged.answer.found,
            instance: hash::<P>(&instance),
            size: names.zip(P::counts(&instance)).collect(),
            found_in: state.found_in,
            tried: state.tried,
        };
        let bytes = serde_json::to_vec_pretty(&found).expect("plain data");
        replace(&file("worst.ratio.json"), &bytes)?;
        Ok(Some(found))
    }

    /// The instance with fewer parts and shorter numbers, on which the ratio is as bad up to [`SHRINK_LOSS`].
    fn shrunk(&self, worst: &P::Instance, ratio: Ratio, seconds: f64) -> Result<P::Instance, InputError> {
        let began = Instant::now();
        let mut failed = None;
        let mut is_as_bad = |candidate: &P::Instance| {
            if began.elapsed().as_secs_f64() > seconds || failed.is_some() {
                return None;
            }
            match self.judge.judge(candidate) {
                Ok(judged) => Some(match judged.outcome {
                    Outcome::Counts(now) => match P::SENSE {
                        Sense::Minimise => now.ratio >= ratio.ratio * (1.0 - SHRINK_LOSS),
                        Sense::Maximise => now.ratio <= ratio.ratio + SHRINK_LOSS,
                    },
                    _ => false,
                }),
                Err(error) => {
                    failed = Some(error);
                    None
                }
            }
        };
        let small = shrunk::<P>(worst, &mut is_as_bad);
        failed.map_or(Ok(small), Err)
    }

    fn origin(&self) -> Origin {
        let Question { method, against, variant, seed, .. } = &self.question;
        let against = against.as_deref().map_or(String::new(), |against| format!("-against-{against}"));
        let name = format!("{method}{against}-{}", variant.replace(", ", "-"));
        Origin { name, family: offcut_instances::family::FOUND.name.into(), seed: *seed, parameters: BTreeMap::new() }
    }
}
