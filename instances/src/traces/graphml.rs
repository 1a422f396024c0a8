//! GraphML: nodes with labels, edges with rates.
//!
//! Topology Zoo's files have the rate of an edge as `LinkSpeedRaw`, in bit/s. An undirected edge becomes a link in each direction. What else a
//! file says of nodes and edges is not used.

use std::collections::HashMap;
use std::path::Path;

use roxmltree::{Document, ParsingOptions};

use super::file::{self, ends_in, is_json, name_of, short};
use super::node_link;
use super::topology::{Capacity, Link, Node, Topology};
use crate::error::InputError;
use crate::input;
use crate::problem::Valid;
use crate::range;

/// Larger documents are refused while they are read: elements, attributes and texts together.
const MAX_XML_NODES: u32 = 4_000_000;

impl Topology {
    /// Reads a topology: `.graphml` or node-link `.json` with a rate on every edge, or `.json` as `offcut traces topology` writes it.
    ///
    /// # Errors
    /// [`InputError`] with file, line and remedy.
    pub fn read(path: &Path) -> Result<Self, InputError> {
        if !ends_in(path, "graphml") && !is_json(path) {
            let what = format!("'{}' is no topology", path.display());
            return Err(InputError::at("", what, "give the path of a .graphml or .json file"));
        }
        Self::import(path, &Capacity::default())
    }

    /// Reads GraphML or node-link JSON, of which `capacity` says where the rates of edges are; or `.json` as `offcut traces topology` writes it.
    ///
    /// # Errors
    /// [`InputError`] with file, line and remedy: no GraphML, an edge without a rate, a node that is not there.
    pub fn import(path: &Path, capacity: &Capacity) -> Result<Self, InputError> {
        file::read(path, |bytes| {
            let topology = match is_json(path) {
                true if node_link::is_node_link(bytes) => node_link::parse(name_of(path), bytes, capacity)?,
                true => return input::valid(bytes, "give a topology, as offcut traces topology writes it"),
                false => parse(name_of(path), bytes, capacity)?,
            };
            topology.validate().map(|()| topology)
        })
    }
}

type Element<'a> = roxmltree::Node<'a, 'a>;

/// Reads a document with one graph.
///
/// # Errors
/// [`InputError`] naming the line.
fn parse(id: String, bytes: &[u8], capacity: &Capacity) -> Result<Topology, InputError> {
    let text =
        std::str::from_utf8(bytes).map_err(|_| InputError::at("", "is not UTF-8", "save the GraphML as UTF-8"))?;
    let options = ParsingOptions { nodes_limit: MAX_XML_NODES, ..ParsingOptions::default() };
    let document = Document::parse_with_options(text, options).map_err(|error| {
        let line = format!("line {}", error.pos().row);
        InputError::at(line, format!("is not XML: {error}"), "give a GraphML file")
    })?;
    let root = document.root_element();
    let graph = children(root, "graph").next().filter(|_| root.tag_name().name() == "graphml").ok_or_else(|| {
        let what = format!("has no graph: its root is <{}>", short(root.tag_name().name()));
        InputError::at("", what, "give a GraphML file: <graphml> with a <graph>")
    })?;
    if let Some(second) = children(root, "graph").nth(1) {
        return Err(InputError::at(line(second), "begins a second graph", "give a file for each graph"));
    }
    Reader { keys: Keys::of(root), capacity }.topology(id, graph)
}

/// The child elements of a name.
fn children<'a>(parent: Element<'a>, name: &'static str) -> impl Iterator<Item = Element<'a>> {
    parent.children().filter(move |child| child.is_element() && child.tag_name().name() == name)
}

/// The line of an element, as a place.
fn line(element: Element) -> String {
    format!("line {}", element.document().text_pos_at(element.range().start).row)
}

/// The keys that a file declares: ids of attributes, and their values where an element has none.
struct Keys<'a>(HashMap<(&'a str, &'a str), (&'a str, Option<&'a str>)>);

impl<'a> Keys<'a> {
    fn of(root: Element<'a>) -> Self {
        let key = |key: Element<'a>| {
            let (name, id) = (key.attribute("attr.name")?, key.attribute("id")?);
            let default = children(key, "default").next().and_then(|default| default.text());
            Some(((key.attribute("for").unwrap_or("all"), name), (id, default)))
        };
        Self(children(root, "key").filter_map(key).collect())
    }

    /// What an element has as an attribute of this name; `of` is `node` or `edge`.
    fn value(&self, element: Element<'a>, of: &str, name: &str) -> Option<&'a str> {
        let (id, default) = self.0.get(&(of, name)).or_else(|| self.0.get(&("all", name)))?;
        let own = children(element, "data").find(|data| data.attribute("key") == Some(id));
        own.map_or(*default, |data| Some(data.text().unwrap_or(""))).map(str::trim)
    }
}

/// Reads one graph.
struct Reader<'a> {
    keys: Keys<'a>,
    capacity: &'a Capacity,
}

impl<'a> Reader<'a> {
    fn topology(&self, id: String, graph: Element<'a>) -> Result<Topology, InputError> {
        let (mut nodes, mut indices) = (Vec::new(), HashMap::new());
        for node in children(graph, "node") {
            let id = required(node, "id")?;
            if indices.insert(id, nodes.len() as u32).is_some() {
                let what = format!("node '{}' is there twice", short(id));
                return Err(InputError::at(line(node), what, "give each node once"));
            }
            let label = self.keys.value(node, "node", "label").filter(|label| !label.is_empty());
            nodes.push(Node { label: label.unwrap_or(id).to_owned() });
        }
        let is_directed = graph.attribute("edgedefault") == Some("directed");
        let mut links = Vec::new();
        for edge in children(graph, "edge") {
            let end = |name| {
                let id = required(edge, name)?;
                indices.get(id).copied().ok_or_else(|| {
                    let what = format!("an edge has the {name} '{}', which is no node", short(id));
                    InputError::at(line(edge), what, "give every node of an edge")
                })
            };
            let (from, to) = (end("source")?, end("target")?);
            let bytes_per_s = self.rate(edge)?;
            let is_directed = edge.attribute("directed").map_or(is_directed, |directed| directed == "true");
            // A loop is on no best path.
            if from != to {
                links.push(Link { from, to, bytes_per_s });
                links.extend((!is_directed).then_some(Link { from: to, to: from, bytes_per_s }));
            }
        }
        Ok(Topology { id, about: String::new(), nodes, links })
    }

    /// The rate of an edge, in bytes/s.
    fn rate(&self, edge: Element<'a>) -> Result<f64, InputError> {
        let Capacity { attribute, unit, default_bytes_per_s } = self.capacity;
        let ends = || format!("edge '{}' to '{}'", short_attribute(edge, "source"), short_attribute(edge, "target"));
        let Some(text) = self.keys.value(edge, "edge", attribute).filter(|text| !text.is_empty()) else {
            let what = || format!("{} has no {}", ends(), short(attribute));
            return default_bytes_per_s.ok_or_else(|| Capacity::lacking(&line(edge), &what()));
        };
        let number: f64 = text.parse().map_err(|_| {
            let what = format!("{}: '{}' is not a number", ends(), short(text));
            InputError::at(line(edge), what, format!("give its rate in {}", unit.name()))
        })?;
        let bytes_per_s = unit.bytes_per_s(number);
        range::positive(|| format!("{}: {}", line(edge), ends()), bytes_per_s)?;
        Ok(bytes_per_s)
    }
}

fn required<'a>(element: Element<'a>, attribute: &str) -> Result<&'a str, InputError> {
    element.attribute(attribute).ok_or_else(|| {
        let what = format!("<{}> has no {attribute}", element.tag_name().name());
        InputError::at(line(element), what, "give a GraphML file")
    })
}

fn short_attribute(element: Element, attribute: &str) -> String {
    short(element.attribute(attribute).unwrap_or("?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A square of three known rates and one unknown one, as Topology Zoo writes it.
    const SQUARE: &str = r#"<?xml version="1.0" encoding="utf-8"?><graphml xmlns="http://graphml.graphdrawing.org/xmlns">
  <key attr.name="LinkSpeedRaw" attr.type="double" for="edge" id="d37" />
  <key attr.name="label" attr.type="string" for="node" id="d33" />
  <key attr.name="label" attr.type="string" for="edge" id="d38" />
  <graph edgedefault="undirected">
    <node id="0"><data key="d33">North</data></node>
    <node id="1"><data key="d33">East</data></node>
    <node id="2" />
    <node id="3"><data key="d33">West</data></node>
    <edge source="0" target="1"><data key="d37">8000000000.0</data><data key="d38">8 Gbit/s</data></edge>
    <edge source="1" target="2"><data key="d37">8000000000.0</data></edge>
    <edge source="2" target="2"><data key="d37">1.0</data></edge>
    <edge source="0" target="2"><data key="d37">800000000.0</data></edge>
    <edge source="2" target="3" />
  </graph>
</graphml>"#;

    fn parsed(text: &str, capacity: &Capacity) -> Result<Topology, String> {
        parse("square".into(), text.as_bytes(), capacity).map_err(|error| error.to_string())
    }

    fn with_default() -> Capacity {
        Capacity { default_bytes_per_s: Some(5e8), ..Capacity::default() }
    }

    #[test]
    fn by_hand() {
        let square = parsed(SQUARE, &with_default()).expect("GraphML");
        let labels: Vec<&str> = square.nodes.iter().map(|node| node.label.as_str()).collect();
        assert_eq!(labels, ["North", "East", "2", "West"]);
        assert_eq!(square.links.len(), 8, "four edges in two directions, without the loop");
        // 0 to 2: two links of 10^9 bytes/s in a row, 5 10^8, are faster than one of 10^8. On to 3 with 5 10^8.
        let speeds = square.speeds(&[0, 1, 2, 3]);
        for (from, to, speed) in [(0, 1, 1e9), (0, 2, 5e8), (2, 3, 5e8), (0, 3, 2.5e8), (3, 1, 1e9 / 3.0)] {
            assert!((speeds[from][to] / speed - 1.0).abs() < 1e-12, "{from} to {to}: {}", speeds[from][to]);
            assert_eq!(speeds[from][to], speeds[to][from]);
        }
    }

    #[test]
    fn directions_attributes_and_defaults() {
        let directed = SQUARE.replace("\"undirected\"", "\"directed\"");
        assert_eq!(parsed(&directed, &with_default()).expect("GraphML").links.len(), 4);
        let one_way =
            SQUARE.replace("<edge source=\"0\" target=\"1\">", "<edge source=\"0\" target=\"1\" directed=\"true\">");
        assert_eq!(parsed(&one_way, &with_default()).expect("GraphML").links.len(), 7);
        let other =
            SQUARE.replace("LinkSpeedRaw", "capacity").replace("8000000000.0", "8").replace("800000000.0", "0.8");
        let gigabits =
            Capacity { attribute: "capacity".into(), unit: "Gbit/s".parse().expect("a unit"), ..with_default() };
        let other = parsed(&other.replace(">1.0<", "> 1 <"), &gigabits).expect("GraphML");
        assert_eq!(other.links, parsed(SQUARE, &with_default()).expect("GraphML").links);
        // The file's own default for edges without data.
        let own = SQUARE.replace("id=\"d37\" />", "id=\"d37\"><default>4000000000.0</default></key>");
        assert_eq!(parsed(&own, &Capacity::default()).expect("GraphML").links, other.links);
    }

    #[test]
    fn bad_files_are_one_line() {
        let replaced = |from: &str, to: &str| {
            assert!(SQUARE.contains(from));
            SQUARE.replacen(from, to, 1)
        };
        for (text, words) in [
            (SQUARE.to_owned(), "line 14: edge '2' to '3' has no LinkSpeedRaw; give such edges one rate"),
            (
                replaced("8000000000.0", "fast"),
                "line 10: edge '0' to '1': 'fast' is not a number; give its rate in bit/s",
            ),
            (replaced("8000000000.0", "NaN"), "line 10: edge '0' to '1': is NaN"),
            (replaced("8000000000.0", "0"), "line 10: edge '0' to '1': is 0; give a number above 0"),
            (replaced("target=\"1\"", "target=\"7\""), "line 10: an edge has the target '7', which is no node"),
            (replaced("target=\"1\"", ""), "line 10: <edge> has no target"),
            (replaced("<node id=\"1\">", "<node id=\"0\">"), "line 7: node '0' is there twice"),
            (replaced("</graph>", ""), "is not XML"),
            (replaced("</graph>", "</graph><graph />"), "begins a second graph"),
            ("<svg><graph /></svg>".into(), "its root is <svg>"),
            ("<graphml />".into(), "has no graph"),
            ("hello".into(), "line 1: is not XML"),
            ("<!DOCTYPE x [<!ENTITY a \"aaaa\"><!ENTITY b \"&a;&a;\">]><graphml>&b;</graphml>".into(), "is not XML"),
        ] {
            let told = parsed(&text, &Capacity::default()).expect_err(words);
            assert!(told.contains(words) && !told.contains('\n'), "{told}");
        }
        assert!(parse("x".into(), b"<graphml>\xff</graphml>", &Capacity::default()).is_err());
        let deep = format!("<graphml>{}", "<graph>".repeat(200_000));
        assert!(parsed(&deep, &Capacity::default()).is_err());
    }
}
