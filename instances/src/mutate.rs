//! Neighbours of instances: the same instance with a number changed, or with a part more or less. For searches over instances, as
//! `offcut adversary` does, and for making an instance small that such a search found.
//!
//! A problem says in its `mutate.rs` which numbers and parts its instances have ([`Mutable`]); the moves are here. Every neighbour is legal. Instances
//! are without machine kinds: work is in MACs.

use serde_json::{Map, Value};

use crate::family::Generated;
use crate::origin::Origin;
use crate::problem::Valid;
use crate::random::Stream;

/// Something that instances have a number of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// Its name, e.g. `users`.
    pub name: &'static str,
    /// The fewest.
    pub least: usize,
    /// The most, if nothing else is asked for.
    pub most: usize,
}

impl Size {
    /// From `least` to `most` of `name`.
    pub const fn new(name: &'static str, least: usize, most: usize) -> Self {
        Self { name, least, most }
    }
}

/// The values that a number of an instance can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Domain {
    /// Above 0.
    Positive,
    /// 0 or above.
    NotNegative,
    /// From 0 to 1.
    Share,
}

/// A number of an instance.
#[derive(Debug)]
pub struct Number<'a> {
    /// Where it is.
    pub value: &'a mut f64,
    /// What it can be.
    pub domain: Domain,
    /// Numbers of the same group have the same unit and may be set equal.
    pub group: u8,
}

impl<'a> Number<'a> {
    /// A number above 0.
    pub fn positive(value: &'a mut f64, group: u8) -> Self {
        Self { value, domain: Domain::Positive, group }
    }

    /// A number of 0 or above.
    pub fn not_negative(value: &'a mut f64, group: u8) -> Self {
        Self { value, domain: Domain::NotNegative, group }
    }

    /// A number from 0 to 1.
    pub fn share(value: &'a mut f64, group: u8) -> Self {
        Self { value, domain: Domain::Share, group }
    }
}

/// A part of an instance that can be removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// Index into [`Mutable::SIZES`].
    pub of: usize,
    /// Which one: its place, and for a list within a list the place of that list first.
    pub at: [usize; 2],
}

impl Part {
    /// Part `at` of the list itself.
    pub fn new(of: usize, at: usize) -> Self {
        Self { of, at: [at, 0] }
    }

    /// Part `at` of list `list`.
    pub fn within(of: usize, list: usize, at: usize) -> Self {
        Self { of, at: [list, at] }
    }
}

/// A problem whose instances can be changed bit by bit.
pub trait Mutable: Generated {
    /// What its instances have a number of.
    const SIZES: &'static [Size];

    /// Kinds of instances that are searched apart, as tables hold them apart; the first is the default.
    const VARIANTS: &'static [&'static str];

    /// A smallest instance; all its numbers are about 1.
    fn least() -> Self::Instance;

    /// How many there are of each of [`Mutable::SIZES`]; of lists within lists the longest counts.
    fn counts(instance: &Self::Instance) -> Vec<usize>;

    /// All numbers that a search may change.
    fn numbers(instance: &mut Self::Instance) -> Vec<Number<'_>>;

    /// All parts that can be removed one by one: each leaves a legal instance.
    fn parts(instance: &Self::Instance) -> Vec<Part>;

    /// Removes a part of [`Mutable::parts`].
    fn remove(instance: &mut Self::Instance, part: Part);

    /// Adds one of [`Mutable::SIZES`], mostly a copy of one that is there.
    fn grow(instance: &mut Self::Instance, of: usize, stream: &mut Stream);

    /// Changes something that is no number and no part: an index, an order, a law.
    fn twist(instance: &mut Self::Instance, stream: &mut Stream);

    /// The same instance with something that is no number and no part in a simpler form, one by one. For readers of an instance.
    fn plainer(_instance: &Self::Instance) -> Vec<Self::Instance> {
        Vec::new()
    }

    /// Makes it an instance of a variant.
    fn set_variant(instance: &mut Self::Instance, variant: &str);

    /// Where it comes from, to be written.
    fn origin_mut(instance: &mut Self::Instance) -> &mut Origin;

    /// The parameters with which families generate instances of about these sizes.
    fn settings(sizes: &[usize]) -> Map<String, Value>;
}

/// Whether an instance is no larger than `sizes`.
pub fn fits<P: Mutable>(instance: &P::Instance, sizes: &[usize]) -> bool {
    P::counts(instance).iter().zip(sizes).all(|(count, most)| count <= most)
}

/// The greatest sizes if nothing else is asked for.
pub fn default_sizes<P: Mutable>() -> Vec<usize> {
    P::SIZES.iter().map(|size| size.most).collect()
}

/// A random instance within `sizes`: as many of everything as it happens, numbers of 0, 1, and mostly between 0.1 and 10.
///
/// # Panics
/// If what the problem says of its instances is not so: a test tries it.
pub fn small<P: Mutable>(sizes: &[usize], variant: &str, stream: &mut Stream) -> P::Instance {
    let mut instance = P::least();
    for _ in 0..3 {
        for (of, most) in sizes.iter().enumerate() {
            for _ in 0..stream.below(*most as u64 + 1) {
                let mut grown = instance.clone();
                P::grow(&mut grown, of, stream);
                if fits::<P>(&grown, sizes) {
                    instance = grown;
                }
            }
        }
    }
    for number in P::numbers(&mut instance) {
        let drawn = match stream.below(8) {
            0 if number.domain != Domain::Positive => 0.0,
            0..2 => 1.0,
            2..4 => 1.0 + stream.below(9) as f64,
            _ => stream.log_uniform(0.1, 10.0),
        };
        *number.value = if number.domain == Domain::Share { stream.unit() } else { drawn };
    }
    for _ in 0..P::counts(&instance).iter().sum() {
        P::twist(&mut instance, stream);
    }
    P::set_variant(&mut instance, variant);
    *P::origin_mut(&mut instance) = Origin::default();
    instance.validate().expect("random small instances are legal");
    instance
}

/// A generated instance of a family, made an instance of the variant and brought within `sizes` by removing random parts; none if that cannot be.
pub fn of_family<P: Mutable>(
    family: &str,
    sizes: &[usize],
    variant: &str,
    seed: u64,
    stream: &mut Stream,
) -> Option<P::Instance> {
    let instance = P::generate_with(family, &P::settings(sizes), seed).ok()?;
    within::<P>(instance, sizes, variant, stream)
}

/// The instance, made one of the variant and brought within `sizes` by removing random parts; none if that cannot be.
pub fn within<P: Mutable>(
    mut instance: P::Instance,
    sizes: &[usize],
    variant: &str,
    stream: &mut Stream,
) -> Option<P::Instance> {
    let mut twists = 0;
    while !fits::<P>(&instance, sizes) {
        let counts = P::counts(&instance);
        let mut parts = P::parts(&instance);
        parts.retain(|part| counts[part.of] > sizes[part.of]);
        if !parts.is_empty() {
            P::remove(&mut instance, *stream.pick(&parts));
        } else if twists < TWISTS {
            // A part that is in use, as a model, may become one that nobody uses.
            P::twist(&mut instance, stream);
            twists += 1;
        } else {
            return None;
        }
    }
    P::set_variant(&mut instance, variant);
    instance.validate().ok().map(|()| instance)
}

/// How often something is twisted until a part can be removed.
const TWISTS: usize = 1000;

/// How often a move is tried anew that did not lead to a legal instance within its sizes.
const TRIES: usize = 30;

/// A random neighbour: mostly one change, sometimes several. Legal, within `sizes`, and of the variant.
pub fn neighbour<P: Mutable>(
    instance: &P::Instance,
    sizes: &[usize],
    variant: &str,
    stream: &mut Stream,
) -> P::Instance {
    for _ in 0..TRIES {
        let mut next = instance.clone();
        change::<P>(&mut next, stream);
        while stream.below(3) == 0 {
            change::<P>(&mut next, stream);
        }
        P::set_variant(&mut next, variant);
        if next != *instance && fits::<P>(&next, sizes) && next.validate().is_ok() {
            return next;
        }
    }
    instance.clone()
}

fn change<P: Mutable>(instance: &mut P::Instance, stream: &mut Stream) {
    match stream.below(20) {
        0..12 => change_number(&mut P::numbers(instance), stream),
        12..15 => P::twist(instance, stream),
        15..17 => P::grow(instance, stream.below(P::SIZES.len() as u64) as usize, stream),
        _ => {
            let parts = P::parts(instance);
            if !parts.is_empty() {
                P::remove(instance, *stream.pick(&parts));
            }
        }
    }
}

/// Numbers stay within these, or between the least and the greatest of their group where that is further off: as small or large as wanted, they would
/// test nothing but how methods round.
const MODERATE: (f64, f64) = (1e-3, 1e3);

/// Scales a number, sets it equal to another of its group, exchanges two, rounds it, or makes it 0 or 1.
fn change_number(numbers: &mut [Number<'_>], stream: &mut Stream) {
    if numbers.is_empty() {
        return;
    }
    let at = stream.below(numbers.len() as u64) as usize;
    let (now, domain, group) = (*numbers[at].value, numbers[at].domain, numbers[at].group);
    let alike: Vec<usize> = (0..numbers.len()).filter(|i| *i != at && numbers[*i].group == group).collect();
    let values = || alike.iter().map(|i| *numbers[*i].value).filter(|value| *value > 0.0);
    let (least, most) = (values().fold(f64::INFINITY, f64::min), values().fold(0.0, f64::max));
    let of_another = if alike.is_empty() { None } else { Some(*stream.pick(&alike)) };
    let next = match (stream.below(12), of_another) {
        (0..4, _) => now * stream.log_uniform(0.25, 4.0),
        (4..6, _) => now * *stream.pick(&[0.01, 0.1, 0.5, 2.0, 10.0, 100.0]),
        (6, _) => now * (1.0 + stream.pick(&[1e-3, -1e-3, 1e-2, -1e-2]) * stream.unit()),
        (7..9, Some(other)) => *numbers[other].value,
        (9, Some(other)) => {
            let value = *numbers[other].value;
            if !is_in(numbers[other].domain, now) {
                return;
            }
            *numbers[other].value = now;
            value
        }
        (10, _) => rounded(now, 1 + stream.below(2) as usize),
        _ if domain == Domain::Positive || stream.below(2) == 0 => 1.0,
        _ => 0.0,
    };
    // 0 and a number beside nothing have no distance.
    let next = if now == 0.0 && next == 0.0 && most > 0.0 { stream.log_uniform(least, most * 1.5) } else { next };
    let (low, high) = if most == 0.0 { (now, now) } else { (least, most) };
    let low = if low > 0.0 { low.min(MODERATE.0) } else { MODERATE.0 };
    let is_near = next == 0.0 || (low..=high.max(MODERATE.1)).contains(&next);
    let next = if domain == Domain::Share { next.clamp(0.0, 1.0) } else { next };
    if is_near && is_in(domain, next) {
        *numbers[at].value = next;
    }
}

/// Whether a number is legal: positive ones keep away from the ends of what instances can hold.
fn is_in(domain: Domain, value: f64) -> bool {
    let is_moderate = (1e-29..=1e29).contains(&value);
    match domain {
        Domain::Positive => is_moderate,
        Domain::NotNegative => value == 0.0 || is_moderate,
        Domain::Share => (0.0..=1.0).contains(&value),
    }
}

/// A number with so many significant decimal digits.
/// ```
/// use offcut_instances::mutate::rounded;
/// assert_eq!((rounded(0.01234, 2), rounded(9.96, 1), rounded(0.0, 1)), (0.012, 10.0, 0.0));
/// ```
pub fn rounded(value: f64, digits: usize) -> f64 {
    format!("{value:.*e}", digits.saturating_sub(1)).parse().expect("a number just written")
}

/// How much there is to read in a number: its digits, then its magnitude. 0 and 1 are least.
/// ```
/// use offcut_instances::mutate::length;
/// assert!(length(0.0) < length(1.0) && length(1.0) < length(3.0) && length(3.0) < length(30.0) && length(30.0) < length(31.0));
/// ```
pub fn length(value: f64) -> u32 {
    if value == 0.0 || value == 1.0 {
        return value as u32;
    }
    let text = format!("{value:e}");
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let digits = digits.chars().filter(char::is_ascii_digit).count() as u32;
    2 + 100 * digits + exponent.unsigned_abs()
}

/// Simpler forms of one number, the simplest first.
fn simpler_numbers(value: f64, domain: Domain) -> Vec<f64> {
    let forms = [0.0, 1.0, rounded(value, 1), rounded(value, 2), rounded(value, 3)];
    let mut forms: Vec<f64> =
        forms.into_iter().filter(|form| is_in(domain, *form) && length(*form) < length(value)).collect();
    forms.dedup();
    forms
}

/// Makes an instance small and its numbers short as long as `holds`: removes parts, takes plainer forms, rounds numbers, until nothing changes or
/// `holds` is to be asked no more.
///
/// Each step that is taken leaves fewer parts, a plainer form, or shorter numbers, so it comes to an end.
pub fn shrunk<P: Mutable>(instance: &P::Instance, mut holds: impl FnMut(&P::Instance) -> Option<bool>) -> P::Instance {
    let mut best = instance.clone();
    loop {
        let before = best.clone();
        if take_parts::<P>(&mut best, &mut holds).is_none() {
            return best;
        }
        if shorten_numbers::<P>(&mut best, &mut holds).is_none() || best == before {
            return best;
        }
    }
}

/// Takes `next` if it is legal and holds; none if nothing is to be asked any more.
fn take<P: Mutable>(
    best: &mut P::Instance,
    next: P::Instance,
    holds: &mut impl FnMut(&P::Instance) -> Option<bool>,
) -> Option<bool> {
    if next == *best || next.validate().is_err() {
        return Some(false);
    }
    let is_taken = holds(&next)?;
    if is_taken {
        *best = next;
    }
    Some(is_taken)
}

/// Removes parts and takes plainer forms, one by one, until none can be.
fn take_parts<P: Mutable>(best: &mut P::Instance, holds: &mut impl FnMut(&P::Instance) -> Option<bool>) -> Option<()> {
    loop {
        let mut is_changed = false;
        // From the last one, so that places before it stay.
        for part in P::parts(best).into_iter().rev() {
            if !P::parts(best).contains(&part) {
                continue;
            }
            let mut next = best.clone();
            P::remove(&mut next, part);
            is_changed |= take::<P>(best, next, holds)?;
        }
        for next in P::plainer(best) {
            if take::<P>(best, next, holds)? {
                is_changed = true;
                break;
            }
        }
        if !is_changed {
            return Some(());
        }
    }
}

/// Gives every number the shortest form that holds, and sets it equal to others of its group if that is shorter.
fn shorten_numbers<P: Mutable>(
    best: &mut P::Instance,
    holds: &mut impl FnMut(&P::Instance) -> Option<bool>,
) -> Option<()> {
    for at in 0..P::numbers(&mut best.clone()).len() {
        let mut copy = best.clone();
        let numbers = P::numbers(&mut copy);
        let Some(Number { value, domain, group }) = numbers.get(at) else { break };
        let mut forms = simpler_numbers(**value, *domain);
        let others = numbers.iter().filter(|other| other.group == *group).map(|other| *other.value);
        forms.extend(others.filter(|other| is_in(*domain, *other) && length(*other) < length(**value)));
        forms.sort_by_key(|form| length(*form));
        forms.dedup();
        for form in forms {
            let mut next = best.clone();
            if let Some(number) = P::numbers(&mut next).into_iter().nth(at) {
                *number.value = form;
            }
            if take::<P>(best, next, holds)? {
                break;
            }
        }
    }
    Some(())
}

/// Moves of what several problems have.
pub(crate) mod common {
    use crate::model::Model;
    use crate::random::Stream;
    use crate::speedup::Speedup;

    /// Another law, of at most `most` units.
    pub(crate) fn twist_speedup(speedup: &mut Speedup, most: usize, stream: &mut Stream) {
        *speedup = match stream.below(4) {
            0 => Speedup::Linear,
            1 => Speedup::Amdahl { parallel_fraction: *stream.pick(&[0.0, 0.5, 0.9, 1.0]) },
            _ => {
                let mut speedups = match speedup {
                    Speedup::Table { speedups } => speedups.clone(),
                    _ => vec![1.0],
                };
                speedups.truncate(1 + stream.below(speedups.len() as u64) as usize);
                while speedups.len() < most.max(1) && stream.below(4) > 0 {
                    let rise = match stream.below(4) {
                        0 | 1 => 0.0,
                        2 => 1.0 + stream.below(8) as f64,
                        _ => stream.log_uniform(0.1, 100.0),
                    };
                    speedups.push(speedups[speedups.len() - 1] + rise);
                }
                Speedup::Table { speedups }
            }
        };
    }

    /// Plainer laws, the plainest first.
    pub(crate) fn plainer_speedups(speedup: &Speedup) -> Vec<Speedup> {
        match speedup {
            Speedup::Linear => Vec::new(),
            Speedup::Amdahl { .. } => vec![Speedup::Linear],
            Speedup::Table { speedups } => {
                let mut forms = vec![Speedup::Linear];
                if speedups.len() > 1 {
                    forms.push(Speedup::Table { speedups: speedups[..speedups.len() - 1].to_vec() });
                }
                let whole: Vec<f64> = speedups.iter().map(|speedup| super::rounded(*speedup, 1)).collect();
                if whole != *speedups {
                    forms.push(Speedup::Table { speedups: whole });
                }
                forms
            }
        }
    }

    /// The parallel fraction, if the law has one.
    pub(crate) fn fraction(speedup: &mut Speedup) -> Option<&mut f64> {
        match speedup {
            Speedup::Amdahl { parallel_fraction } => Some(parallel_fraction),
            Speedup::Linear | Speedup::Table { .. } => None,
        }
    }

    /// A chain of one block.
    pub(crate) fn chain() -> Model {
        Model::of_macs("", vec![1.0], vec![1.0, 0.0])
    }

    /// Removes block `at`, with its work and the cut before it.
    pub(crate) fn remove_block(model: &mut Model, at: usize) {
        model.macs.remove(at);
        model.cut_bytes.remove(at);
    }

    /// Adds a copy of a random block behind it.
    pub(crate) fn grow_block(model: &mut Model, stream: &mut Stream) {
        let at = stream.below(model.macs.len() as u64) as usize;
        model.macs.insert(at, model.macs[at]);
        model.cut_bytes.insert(at, model.cut_bytes[at]);
    }

    /// Numbers of a chain: MACs in group 0, bytes in group 1.
    pub(crate) fn chain_numbers(model: &mut Model) -> impl Iterator<Item = super::Number<'_>> {
        let last = model.cut_bytes.len() - 1;
        let macs = model.macs.iter_mut().map(|macs| super::Number::not_negative(macs, 0));
        macs.chain(model.cut_bytes[..last].iter_mut().map(|bytes| super::Number::not_negative(bytes, 1)))
    }

    /// Parts of models: blocks where there are several, and models that no index of `used` names.
    pub(crate) fn unused(models: usize, used: impl Iterator<Item = u32>) -> Vec<usize> {
        let mut is_used = vec![false; models];
        used.for_each(|m| is_used[m as usize] = true);
        (0..models).filter(|m| !is_used[*m]).collect()
    }

    /// The index after `removed` was taken out of the list.
    pub(crate) fn after_removal(index: &mut u32, removed: usize) {
        if *index as usize > removed {
            *index -= 1;
        }
    }
}
