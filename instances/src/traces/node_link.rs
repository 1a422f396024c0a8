//! Graphs as node-link JSON: what networkx writes, and the package topohub ships.
//!
//! `{"directed": false, "nodes": [{"id": 0, "name": "Prague"}, ...], "edges": [{"source": 0, "target": 1, ...}, ...]}`; `links` may stand for `edges`. An undirected
//! edge becomes a link in each direction. What else a file says is not used.

use std::collections::HashMap;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Map, Value};

use super::file::short;
use super::topology::{Capacity, Link, Node, Topology};
use crate::error::InputError;
use crate::range;

/// What is said for files that are neither.
const REMEDY: &str = "give GraphML, node-link JSON (nodes with id, edges with source and target), or a topology as offcut traces topology writes it";

/// A graph as it is written.
#[derive(Deserialize)]
struct Graph {
    #[serde(default)]
    directed: bool,
    nodes: Vec<Map<String, Value>>,
    #[serde(alias = "links")]
    edges: Vec<Map<String, Value>>,
}

/// The keys by which such a file is told from a topology of Offcut.
#[derive(Deserialize)]
struct Keys {
    directed: Option<IgnoredAny>,
    multigraph: Option<IgnoredAny>,
    edges: Option<IgnoredAny>,
}

/// Whether a JSON file is a graph of this kind.
pub(super) fn is_node_link(bytes: &[u8]) -> bool {
    let keys = serde_json::from_slice::<Keys>(bytes);
    keys.is_ok_and(|keys| keys.directed.is_some() || keys.multigraph.is_some() || keys.edges.is_some())
}

/// Reads such a graph; `capacity` says where the rates of its edges are.
///
/// # Errors
/// [`InputError`] naming the node or edge.
pub(super) fn parse(id: String, bytes: &[u8], capacity: &Capacity) -> Result<Topology, InputError> {
    let graph: Graph =
        serde_json::from_slice(bytes).map_err(|error| InputError::at("", format!("is no graph: {error}"), REMEDY))?;
    let (mut nodes, mut indices) = (Vec::new(), HashMap::new());
    for (n, node) in graph.nodes.iter().enumerate() {
        let place = || format!("nodes[{n}]");
        let id = name(node.get("id")).ok_or_else(|| InputError::at(place(), "has no id", REMEDY))?;
        let label = ["label", "name"].into_iter().find_map(|key| name(node.get(key)));
        if indices.insert(id.clone(), n as u32).is_some() {
            return Err(InputError::at(place(), format!("'{}' is there twice", short(&id)), "give each node once"));
        }
        nodes.push(Node { label: label.unwrap_or(id) });
    }
    let mut links = Vec::new();
    for (e, edge) in graph.edges.iter().enumerate() {
        let place = || format!("edges[{e}]");
        let end = |key: &str| {
            let id = name(edge.get(key)).ok_or_else(|| InputError::at(place(), format!("has no {key}"), REMEDY))?;
            let what = || format!("has the {key} '{}', which is no node", short(&id));
            indices.get(&id).copied().ok_or_else(|| InputError::at(place(), what(), "give every node of an edge"))
        };
        let (from, to) = (end("source")?, end("target")?);
        let bytes_per_s = rate(edge, capacity).map_err(|error| error.below(place()))?;
        // A loop is on no best path.
        if from != to {
            links.push(Link { from, to, bytes_per_s });
            links.extend((!graph.directed).then_some(Link { from: to, to: from, bytes_per_s }));
        }
    }
    Ok(Topology { id, about: String::new(), nodes, links })
}

/// A name or a number as text.
fn name(value: Option<&Value>) -> Option<String> {
    match value? {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// The rate of an edge, in bytes/s.
fn rate(edge: &Map<String, Value>, capacity: &Capacity) -> Result<f64, InputError> {
    let Capacity { attribute, unit, default_bytes_per_s } = capacity;
    let Some(text) = name(edge.get(attribute)) else {
        return default_bytes_per_s.ok_or_else(|| Capacity::lacking("", &format!("has no {}", short(attribute))));
    };
    let number: f64 = text.parse().map_err(|_| {
        let what = format!("'{}' is not a number", short(&text));
        InputError::at(attribute.clone(), what, format!("give its rate in {}", unit.name()))
    })?;
    let bytes_per_s = unit.bytes_per_s(number);
    range::positive(|| attribute.clone(), bytes_per_s)?;
    Ok(bytes_per_s)
}

#[cfg(test)]
mod tests {
    use super::super::throughputs::Unit;
    use super::*;

    const TRIANGLE: &str = r#"{"directed": false, "multigraph": false, "graph": {}, "nodes": [{"id": 0, "name": "A"}, {"id": 1}, {"id": "c"}],
        "edges": [{"source": 0, "target": 1, "dist": 3.5, "rate": 8}, {"source": 1, "target": "c", "rate": "16"}, {"source": 0, "target": 0}]}"#;

    fn parsed(text: &str, default_bytes_per_s: Option<f64>) -> Result<Topology, String> {
        let capacity = Capacity { attribute: "rate".into(), unit: Unit::BIT_PER_S, default_bytes_per_s };
        assert!(is_node_link(text.as_bytes()));
        parse("toy".into(), text.as_bytes(), &capacity).map_err(|error| error.to_string())
    }

    #[test]
    fn by_hand() {
        let toy = parsed(TRIANGLE, Some(7.0)).expect("good");
        let labels: Vec<&str> = toy.nodes.iter().map(|node| node.label.as_str()).collect();
        assert_eq!(labels, ["A", "1", "c"]);
        let links: Vec<_> = toy.links.iter().map(|link| (link.from, link.to, link.bytes_per_s)).collect();
        assert_eq!(links, [(0, 1, 1.0), (1, 0, 1.0), (1, 2, 2.0), (2, 1, 2.0)]);
        let one_way = TRIANGLE.replace("\"directed\": false", "\"directed\": true").replace("\"edges\"", "\"links\"");
        assert_eq!(parsed(&one_way, Some(7.0)).expect("good").links.len(), 2);
    }

    #[test]
    fn bad_input_is_one_line() {
        for (from, to, words) in [
            ("\"target\": \"c\"", "\"target\": \"d\"", "edges[1]: has the target 'd', which is no node"),
            ("\"rate\": 8", "\"rate\": \"fast\"", "edges[0].rate: 'fast' is not a number"),
            ("\"rate\": 8", "\"rate\": -8", "edges[0].rate"),
            ("\"rate\": 8", "\"x\": 8", "edges[0]: has no rate"),
            ("{\"id\": 1}", "{\"id\": 0}", "nodes[1]: '0' is there twice"),
            ("{\"id\": 1}", "{}", "nodes[1]: has no id"),
            ("\"nodes\"", "\"vertices\"", "is no graph"),
        ] {
            let told = parsed(&TRIANGLE.replace(from, to), None).expect_err(to);
            assert!(told.contains(words) && !told.contains('\n'), "{told}");
        }
    }
}
