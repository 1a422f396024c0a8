//! The errors of a document after its first.
//!
//! Readers stop at the first error. To find the others the place of an error is replaced by a value that the reader takes there, and the document is read once
//! more. Only errors at other places than those replaced are told, and the search ends at the first place for which no value is found, so a list may be
//! incomplete. Wrong fields and types come first; ranges are looked at once there are none.

use serde_json::Value;

use crate::error::InputError;

/// So many errors of a document are told.
pub const MAX_ERRORS: usize = 20;

/// Larger documents are not read again and again: their first error is told alone.
pub(super) const SEARCHED_BYTES: usize = 1 << 20;

/// The errors after `first`, each by reading the document once more with `read`. Places that `read` names begin at the document.
pub(super) fn further(
    first: &InputError,
    bytes: &[u8],
    read: impl Fn(&Value) -> Result<(), InputError>,
) -> Vec<InputError> {
    let mut errors = Vec::new();
    if bytes.len() > SEARCHED_BYTES {
        return errors;
    }
    let Ok(mut document) = serde_json::from_slice::<Value>(bytes) else { return errors };
    let mut replaced: Vec<String> = Vec::new();
    let mut next = read(&document).err();
    while let Some(error) = next.take() {
        let Some(place) = place(&document, &error) else { break };
        let found = replace(&mut document, &place, &error, &read);
        replaced.push(place.name());
        if error.at != first.at || error.what.split(" at line ").next() != first.what.split(" at line ").next() {
            errors.push(error);
        }
        if errors.len() + 1 >= MAX_ERRORS {
            break;
        }
        match found {
            Some(after) => next = after.filter(|after| !replaced.iter().any(|place| after.at.starts_with(place))),
            None => break,
        }
    }
    errors
}

/// Where a value is to be replaced, removed or added.
struct Place {
    steps: Vec<Step>,
    action: Action,
}

#[derive(Clone)]
enum Step {
    Field(String),
    Entry(usize),
}

#[derive(Clone, Copy, PartialEq)]
enum Action {
    Replace,
    Remove,
    Add,
}

impl Place {
    /// As errors write it, e.g. `users[3].rtt_s`.
    fn name(&self) -> String {
        let mut name = String::new();
        for step in &self.steps {
            match step {
                Step::Field(field) if name.is_empty() => name.push_str(field),
                Step::Field(field) => name.push_str(&format!(".{field}")),
                Step::Entry(entry) => name.push_str(&format!("[{entry}]")),
            }
        }
        name
    }
}

/// The place of an error in a document; none if it cannot be found.
fn place(document: &Value, error: &InputError) -> Option<Place> {
    let mut steps = steps(&error.at)?;
    let quoted = || error.what.split('`').nth(1).map(|field| Step::Field(field.to_owned()));
    let action = if error.what.starts_with("unknown field") {
        let Step::Field(name) = quoted()? else { return None };
        if !matches!(steps.last(), Some(Step::Field(last)) if *last == name) {
            steps.push(Step::Field(name));
        }
        Action::Remove
    } else if error.what.starts_with("missing field") {
        steps.push(quoted()?);
        Action::Add
    } else {
        Action::Replace
    };
    let depth = steps.len().checked_sub(usize::from(action == Action::Add))?;
    steps[..depth].iter().try_fold(document, |at, step| step.of(at))?;
    Some(Place { steps, action })
}

impl Step {
    fn of<'v>(&self, value: &'v Value) -> Option<&'v Value> {
        match self {
            Self::Field(field) => value.get(field),
            Self::Entry(entry) => value.get(entry),
        }
    }

    fn of_mut<'v>(&self, value: &'v mut Value) -> Option<&'v mut Value> {
        match self {
            Self::Field(field) => value.get_mut(field),
            Self::Entry(entry) => value.get_mut(entry),
        }
    }
}

/// The steps of a place as errors write it.
fn steps(at: &str) -> Option<Vec<Step>> {
    let mut steps = Vec::new();
    for part in at.split('.').filter(|part| !part.is_empty()) {
        let (field, entries) = part.split_once('[').map_or((part, None), |(field, entries)| (field, Some(entries)));
        if !field.is_empty() {
            steps.push(Step::Field(field.to_owned()));
        }
        for entry in entries.into_iter().flat_map(|entries| entries.split('[')) {
            steps.push(Step::Entry(entry.strip_suffix(']')?.parse().ok()?));
        }
    }
    Some(steps)
}

/// Replaces what is at a place by a value with which `read` gets beyond it, and gives what `read` then finds; none if no value does.
fn replace(
    document: &mut Value,
    place: &Place,
    error: &InputError,
    read: &impl Fn(&Value) -> Result<(), InputError>,
) -> Option<Option<InputError>> {
    let (last, to) = place.steps.split_last()?;
    if place.action == Action::Remove {
        let Step::Field(field) = last else { return None };
        to.iter().try_fold(&mut *document, |at, step| step.of_mut(at))?.as_object_mut()?.remove(field)?;
        return Some(read(document).err());
    }
    let name = place.name();
    for value in candidates(document, to, last, error) {
        let parent = to.iter().try_fold(&mut *document, |at, step| step.of_mut(at))?;
        match last {
            Step::Field(field) => drop(parent.as_object_mut()?.insert(field.clone(), value)),
            Step::Entry(entry) => *parent.get_mut(entry)? = value,
        }
        let after = read(document).err();
        let is_beyond =
            |after: &InputError| !after.at.starts_with(&name) && (&after.at, &after.what) != (&error.at, &error.what);
        if after.as_ref().is_none_or(is_beyond) {
            return Some(after);
        }
    }
    None
}

/// What may be legal at a place: what its neighbours are, a variant that the error names, plain values.
fn candidates(document: &Value, to: &[Step], last: &Step, error: &InputError) -> Vec<Value> {
    let mut candidates = Vec::new();
    let parent = to.iter().try_fold(document, |at, step| step.of(at));
    match (last, parent) {
        (Step::Entry(entry), Some(Value::Array(entries))) => {
            let others = [0, entry.wrapping_sub(1), entry + 1, entries.len() - 1];
            candidates.extend(others.into_iter().filter(|at| at != entry).filter_map(|at| entries.get(at)).cloned());
        }
        // The same field of the neighbours of its object.
        (Step::Field(_), Some(_)) => {
            if let Some((Step::Entry(entry), above)) = to.split_last()
                && let Some(Value::Array(objects)) = above.iter().try_fold(document, |at, step| step.of(at))
            {
                let others = [0, entry.wrapping_sub(1), entry + 1, objects.len() - 1];
                let others = others.into_iter().filter(|at| at != entry).filter_map(|at| objects.get(at));
                candidates.extend(others.filter_map(|object| last.of(object)).cloned());
            }
        }
        _ => {}
    }
    if let Some((_, expected)) = error.what.split_once("expected ") {
        candidates.extend(expected.split('`').skip(1).step_by(2).map(|variant| Value::from(variant.to_owned())));
    }
    candidates.extend([
        Value::from(1),
        0.into(),
        "".into(),
        false.into(),
        Value::Array(Vec::new()),
        serde_json::json!({}),
        Value::Null,
    ]);
    candidates
}
