//! `offcut methods` and `offcut schema`.

use offcut_instances::document::{InputError, answer_schema, instance_schema};
use offcut_instances::library::Index;
use offcut_instances::problem::{Parameter, Problem};
use offcut_runner::{BenchmarkAdapter, Suite};
use serde_json::{Value, json};

use super::{PROBLEMS, with_problem};
use crate::exit::Ending;
use crate::output::{self, out};
use crate::text;

pub(crate) fn methods(problem: Option<&str>, as_json: bool) -> Result<Ending, InputError> {
    let problems = problem.map_or(PROBLEMS.to_vec(), |problem| vec![problem]);
    let mut all = Vec::new();
    for problem in problems {
        if as_json {
            let methods = with_problem!(problem, P => Ok::<_, InputError>(described::<P>()))?;
            all.push(json!({ "problem": problem, "methods": methods }));
            continue;
        }
        let rows = with_problem!(problem, P => Ok::<_, InputError>(rows::<P>()))?;
        out!("{problem}");
        output::block(&text::table(&["  method", "what it is"], 2, rows).to_string());
    }
    if as_json {
        output::json(&all);
    }
    Ok(Ending::Good)
}

/// A row for each method, followed by one for each of its parameters: default, range and meaning.
fn rows<P: BenchmarkAdapter>() -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    for algorithm in P::algorithms() {
        rows.push(vec![format!("  {}", algorithm.id()), algorithm.about().to_owned()]);
        for parameter in algorithm.parameters() {
            let text = format!("  :{parameter}  {}: {}", parameter.range, parameter.about);
            rows.push(vec![String::new(), text]);
        }
    }
    rows
}

fn described<P: BenchmarkAdapter>() -> Vec<Value> {
    let parameter = |Parameter { name, default, range, about }: Parameter| {
        let range = json!({ "least": range.least, "most": range.most, "is_integer": range.is_integer });
        json!({ "name": name, "default": default, "range": range, "about": about })
    };
    P::algorithms()
        .iter()
        .map(|algorithm| {
            let parameters: Vec<Value> = algorithm.parameters().into_iter().map(parameter).collect();
            json!({
                "id": algorithm.id(),
                "about": algorithm.about(),
                "is_random": algorithm.is_random(),
                "parameters": parameters,
            })
        })
        .collect()
}

pub(crate) fn schema(problem: &str, document: &str) -> Result<Ending, InputError> {
    let schema = with_problem!(problem, P => match document {
        "instance" => Ok(instance_schema::<P>()),
        "answer" => Ok(answer_schema::<P>()),
        "library" => Ok(Index::schema(P::NAME)),
        "suite" => Ok(Suite::schema(P::NAME)),
        line => line_schema::<P>(line),
    })?;
    output::json(&schema);
    Ok(Ending::Good)
}

/// The JSON Schema of a line that is exchanged with a policy.
fn line_schema<P: BenchmarkAdapter>(line: &str) -> Result<Value, InputError> {
    let schemas = P::ROLL_OUT.map_or_else(Vec::new, |roll_out| (roll_out.schemas)());
    schemas.into_iter().find_map(|(name, schema)| (name == line).then_some(schema)).ok_or_else(|| {
        let what = format!("'{}' has no slots to be asked of one by one, and so no {line}", P::NAME);
        InputError::at(format!("schema '{line}'"), what, "give instance, answer, suite or library")
    })
}
