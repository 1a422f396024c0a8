//! The functions behind those of [`crate::document`] with the same names. A problem asks for all of them in one function, in which they are compiled.

use serde_json::Value;

use super::{Document, Kind, further, located_in, parse, parse_version, schema, to_bytes};
use crate::error::InputError;
use crate::problem::{Answer, Documents, Problem, Valid};

/// What reads and writes a problem's documents.
pub fn documents<P: Problem>() -> Documents<P> {
    Documents {
        parse_instance: parse_instance::<P>,
        parse_answer: |bytes| parse(bytes, Kind::Answer, P::NAME, P::VERSION),
        instance_bytes: |instance| to_bytes(Kind::Instance, P::NAME, P::version_of(instance), instance),
        answer_bytes: |answer| to_bytes(Kind::Answer, P::NAME, P::VERSION, answer),
        hash: hash::<P>,
        instance_schema: instance_schema::<P>,
        answer_schema: || schema::<Answer<P>>(P::NAME, P::VERSION, Kind::Answer),
    }
}

fn parse_instance<P: Problem>(bytes: &[u8]) -> Result<P::Instance, InputError> {
    let (instance, version) = parse_version::<P::Instance>(bytes, Kind::Instance, P::NAME, 1..=P::INSTANCE_VERSION)?;
    let validated = |instance: &P::Instance| instance.validate().map_err(|input_error| input_error.below("body"));
    validated(&instance).map_err(|first| {
        let read =
            |document: &Value| located_in::<P::Instance>(document, Kind::Instance, P::NAME).and_then(|i| validated(&i));
        InputError { others: further::further(&first, bytes, read), ..first }
    })?;
    // A later version that says nothing new is read as what it is.
    let needed = P::version_of(&instance);
    if version < needed {
        return Err(InputError::at(
            "version",
            format!("is {version}, but the body has what only version {needed} knows: machine kinds"),
            format!("say version {needed}"),
        ));
    }
    Ok(instance)
}

fn hash<P: Problem>(instance: &P::Instance) -> String {
    let mut hasher = blake3::Hasher::new();
    let version = P::version_of(instance);
    let document = Document { offcut: Kind::Instance, problem: P::NAME.into(), version, body: instance };
    serde_json::to_writer(std::io::BufWriter::with_capacity(1 << 16, &mut hasher), &document)
        .expect("a valid instance can be written");
    hasher.finalize().to_hex()[..32].to_owned()
}

fn instance_schema<P: Problem>() -> Value {
    let mut schema = schema::<P::Instance>(P::NAME, P::INSTANCE_VERSION, Kind::Instance);
    if P::INSTANCE_VERSION > 1 {
        schema["properties"]["version"] = serde_json::json!({"enum": (1..=P::INSTANCE_VERSION).collect::<Vec<_>>()});
    }
    schema
}
