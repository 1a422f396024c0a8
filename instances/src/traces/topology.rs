//! A topology: nodes and links with rates, and the speed of the best path between two nodes.

use petgraph::algo::dijkstra;
use petgraph::graph::{DiGraph, NodeIndex};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::throughputs::Unit;
use crate::error::InputError;
use crate::problem::Valid;
use crate::range;

/// The most nodes of a topology.
const MAX_NODES: usize = 65_535;

/// A network of nodes and links.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Topology {
    /// Its name, for people.
    pub id: String,
    /// What it is and where it comes from, for people.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub about: String,
    /// The nodes.
    pub nodes: Vec<Node>,
    /// The links, each in one direction. Of several between the same nodes the fastest counts.
    pub links: Vec<Link>,
}

/// A node.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Node {
    /// Its name, for people.
    pub label: String,
}

/// A link in one direction.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Link {
    /// Index of the node it leaves, counted from 0.
    pub from: u32,
    /// Index of the node it leads to.
    pub to: u32,
    /// Its rate, in bytes/s.
    pub bytes_per_s: f64,
}

/// Where the rates of edges are.
#[derive(Clone, Debug, PartialEq)]
pub struct Capacity {
    /// The attribute of edges that holds their rate.
    pub attribute: String,
    /// Its unit.
    pub unit: Unit,
    /// The rate of edges that have none, in bytes/s; none if every edge has to have one.
    pub default_bytes_per_s: Option<f64>,
}

impl Default for Capacity {
    /// `LinkSpeedRaw` in bit/s, on every edge.
    fn default() -> Self {
        Self { attribute: "LinkSpeedRaw".into(), unit: Unit::BIT_PER_S, default_bytes_per_s: None }
    }
}

impl Capacity {
    /// The error of an edge without a rate.
    pub(super) fn lacking(at: &str, what: &str) -> InputError {
        let remedy = "give such edges one rate: offcut traces topology FILE --rate 1000 --unit Mbit/s -o FILE.json, and take that file; --attribute names another attribute";
        InputError::at(at, what, remedy)
    }
}

impl Topology {
    /// Speed between nodes, in bytes/s: that of the path that takes the least time per byte. Every node on the way takes in all of a transfer before it
    /// sends it on (store and forward), so a path's speed is 1 over the sum of 1/rate over its links. 0 where no path leads; the diagonal is 0.
    /// Shape (`nodes`, `nodes`), for the nodes of these indices.
    ///
    /// # Panics
    /// If an index is not one of a node.
    pub fn speeds(&self, nodes: &[usize]) -> Vec<Vec<f64>> {
        let mut graph = DiGraph::<(), f64>::with_capacity(self.nodes.len(), self.links.len());
        for _ in &self.nodes {
            graph.add_node(());
        }
        for link in &self.links {
            graph.add_edge(link.from.into(), link.to.into(), 1.0 / link.bytes_per_s);
        }
        let row = |from: &usize| {
            let s_per_byte = dijkstra(&graph, NodeIndex::new(*from), None, |link| *link.weight());
            let speed = |to: &usize| match s_per_byte.get(&NodeIndex::new(*to)) {
                Some(time) if to != from => 1.0 / time,
                _ => 0.0,
            };
            nodes.iter().map(speed).collect()
        };
        nodes.iter().map(row).collect()
    }
}

impl Valid for Topology {
    fn validate(&self) -> Result<(), InputError> {
        let nodes = self.nodes.len();
        if !(1..=MAX_NODES).contains(&nodes) {
            return Err(InputError::at("nodes", format!("holds {nodes} nodes"), format!("give 1 to {MAX_NODES}")));
        }
        for (l, link) in self.links.iter().enumerate() {
            for (field, node) in [("from", link.from), ("to", link.to)] {
                if node as usize >= nodes {
                    let what = format!("is node {node}, and there are {nodes}");
                    return Err(InputError::at(format!("links[{l}].{field}"), what, "count nodes from 0"));
                }
            }
            range::positive(|| format!("links[{l}].bytes_per_s"), link.bytes_per_s)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Stream;

    fn topology(nodes: u32, links: &[(u32, u32, f64)]) -> Topology {
        Topology {
            id: "toy".into(),
            about: String::new(),
            nodes: (0..nodes).map(|n| Node { label: n.to_string() }).collect(),
            links: links
                .iter()
                .map(|(from, to, bytes_per_s)| Link { from: *from, to: *to, bytes_per_s: *bytes_per_s })
                .collect(),
        }
    }

    /// Two links of 4 in a row take 1/4 + 1/4 a byte, the direct one of 1 takes 1; nothing leads to node 3, and nothing from 2.
    #[test]
    fn by_hand() {
        let toy = topology(4, &[(0, 1, 4.0), (1, 2, 4.0), (0, 2, 1.0), (0, 1, 3.0), (3, 0, 2.0)]);
        let speeds = toy.speeds(&[0, 1, 2, 3]);
        assert_eq!(speeds[0], [0.0, 4.0, 2.0, 0.0]);
        assert_eq!(speeds[2], [0.0; 4]);
        assert_eq!(speeds[3], [2.0, 1.0 / 0.75, 1.0, 0.0]);
        assert_eq!(toy.speeds(&[2, 0]), [vec![0.0, 0.0], vec![2.0, 0.0]]);
    }

    /// The least time over all paths without repeated nodes, by trying all.
    fn tried(topology: &Topology, path: &mut Vec<u32>, time: f64, to: u32, best: &mut f64) {
        let last = *path.last().expect("a beginning");
        if last == to {
            *best = best.min(time);
            return;
        }
        for link in topology.links.iter().filter(|link| link.from == last) {
            if !path.contains(&link.to) {
                path.push(link.to);
                tried(topology, path, time + 1.0 / link.bytes_per_s, to, best);
                path.pop();
            }
        }
    }

    #[test]
    fn paths_are_those_that_trying_all_finds() {
        for seed in 0..200 {
            let mut stream = Stream::new(&["topologies"], seed);
            let nodes = 2 + stream.below(5) as u32;
            let mut link = || {
                (stream.below(nodes.into()) as u32, stream.below(nodes.into()) as u32, stream.log_uniform(0.1, 10.0))
            };
            let links: Vec<_> = (0..2 * nodes).map(|_| link()).collect();
            let topology = topology(nodes, &links);
            let all: Vec<usize> = (0..nodes as usize).collect();
            let speeds = topology.speeds(&all);
            for from in 0..nodes {
                for to in (0..nodes).filter(|to| *to != from) {
                    let mut best = f64::INFINITY;
                    tried(&topology, &mut vec![from], 0.0, to, &mut best);
                    let speed = speeds[from as usize][to as usize];
                    assert!(
                        (speed - 1.0 / best).abs() <= 1e-12 * speed,
                        "seed {seed}, {from} to {to}: {speed}, {best}"
                    );
                }
            }
        }
    }

    #[test]
    fn bad_topologies_are_named() {
        let told = |topology: Topology| topology.validate().expect_err("bad").to_string();
        assert!(told(topology(0, &[])).contains("holds 0 nodes"));
        assert!(told(topology(2, &[(0, 2, 1.0)])).contains("links[0].to: is node 2"));
        assert!(told(topology(2, &[(0, 1, 0.0)])).contains("links[0].bytes_per_s"));
    }
}
