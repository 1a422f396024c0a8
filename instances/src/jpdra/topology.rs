//! Servers at the nodes of a topology from a file.

use std::path::Path;

use crate::error::InputError;
use crate::parameters::{place, within};
use crate::random::Stream;
use crate::traces::Topology;

/// Speeds between servers at nodes of the topology of a file, in bytes/s: as many nodes as there are servers, drawn by the seed; all of them, in the
/// file's order, if there are as many. Speeds are those of the best paths, see [`Topology::speeds`]; 0 where no path leads. With the topology's name.
/// Shape (servers, servers).
///
/// # Errors
/// [`InputError`] if the file is no topology, or has fewer nodes than there are servers.
pub(super) fn speeds(path: &str, servers: u32, seed: u64) -> Result<(String, Vec<Vec<f64>>), InputError> {
    let topology = Topology::read(Path::new(path)).map_err(|error| within(error, "topology"))?;
    let (servers, nodes) = (servers as usize, topology.nodes.len());
    if servers > nodes {
        let what = format!("is {servers}, and the topology '{}' has {nodes} nodes", topology.id);
        return Err(InputError::at(place("servers"), what, format!("give at most {nodes}")));
    }
    let speeds = topology.speeds(&drawn(nodes, servers, seed));
    Ok((topology.id, speeds))
}

/// So many of the nodes, each as likely as any other, in their order.
fn drawn(nodes: usize, servers: usize, seed: u64) -> Vec<usize> {
    let mut all: Vec<usize> = (0..nodes).collect();
    if servers < nodes {
        Stream::new(&["jpdra", "zoo", "topology"], seed).shuffle(&mut all);
        all.truncate(servers);
        all.sort_unstable();
    }
    all
}

#[cfg(test)]
mod tests {
    use super::super::generate::{Parameters, generate};
    use super::super::instance::Instance;
    use super::*;

    /// A line of four nodes with links of 12, 6 and 4 bytes/s, and a node that nothing leads to.
    const LINE: &str = r#"{"id": "line", "nodes": [{"label": "a"}, {"label": "b"}, {"label": "c"}, {"label": "d"}, {"label": "e"}],
        "links": [{"from": 0, "to": 1, "bytes_per_s": 12}, {"from": 1, "to": 0, "bytes_per_s": 12},
                  {"from": 1, "to": 2, "bytes_per_s": 6}, {"from": 2, "to": 1, "bytes_per_s": 6},
                  {"from": 2, "to": 3, "bytes_per_s": 4}, {"from": 3, "to": 2, "bytes_per_s": 4}]}"#;

    fn asked(folder: &Path, servers: u32) -> Parameters {
        let path = folder.join("line.json");
        std::fs::write(&path, LINE).expect("room");
        Parameters { topology: path.to_string_lossy().into_owned(), servers, ..Parameters::default() }
    }

    #[test]
    fn all_nodes_are_servers_if_there_are_as_many() {
        let folder = tempfile::tempdir().expect("a folder");
        let parameters = asked(folder.path(), 5);
        let instance = generate("zoo", &parameters, 1).expect("legal");
        let [first, .., last] = &instance.link_bytes_per_s[..] else { panic!("five rows") };
        // 1/12 + 1/6 = 1/4, and 1/4 more: 1/2.
        for (found, expected) in first.iter().zip([0.0, 12.0, 4.0, 2.0, 0.0]) {
            assert!((found - expected).abs() < 1e-12, "{first:?}");
        }
        assert_eq!(last, &[0.0; 5]);
        assert!(!instance.connects(0, 4) && instance.connects(0, 3));
        assert_eq!(instance.origin.name, "zoo-5x4x5-s1 on line");
        // The factor on the speed of ways acts on the ways of flows alone.
        let fast = generate("zoo", &Parameters { bandwidth: 10.0, ..parameters.clone() }, 1).expect("legal");
        assert_eq!(fast.link_bytes_per_s, instance.link_bytes_per_s);
        let uplinks = |instance: &Instance| instance.flows[0].uplink_bytes_per_s[0];
        assert!((uplinks(&fast) / uplinks(&instance) - 10.0).abs() < 1e-9);
        // Everything else is what it is without a topology.
        let plain = generate("zoo", &Parameters { topology: String::new(), ..parameters }, 1).expect("legal");
        assert_eq!((plain.flows, plain.servers), (instance.flows, instance.servers));
    }

    #[test]
    fn nodes_are_drawn_by_the_seed() {
        let drawn_twice = |seed| (drawn(9, 4, seed), drawn(9, 4, seed));
        let mut counts = [0u32; 9];
        for seed in 0..900 {
            let (nodes, again) = drawn_twice(seed);
            assert!(nodes == again && nodes.windows(2).all(|pair| pair[0] < pair[1]), "{nodes:?}");
            nodes.iter().for_each(|node| counts[*node] += 1);
        }
        // 400 expected, with a standard deviation of 15.
        assert!(counts.iter().all(|count| count.abs_diff(400) < 75), "{counts:?}");
        assert_eq!(drawn(4, 4, 3), [0, 1, 2, 3]);
    }

    #[test]
    fn what_does_not_fit_is_one_line() {
        let folder = tempfile::tempdir().expect("a folder");
        let told = |family: &str, parameters: Parameters| {
            generate(family, &parameters, 1).expect_err("does not fit").to_string()
        };
        let base = asked(folder.path(), 3);
        assert!(told("zoo", Parameters { servers: 6, ..base.clone() }).contains("has 5 nodes; give at most 5"));
        assert!(told("zoo", Parameters { missing: 0.5, ..base.clone() }).contains("parameter 'missing'"));
        for family in ["synthetic", "queue", "transfer", "missing", "equal"] {
            assert!(told(family, base.clone()).contains("parameter 'topology': is given"), "{family}");
        }
        for name in ["none.json", "none.graphml", "abilene"] {
            let told = told("zoo", Parameters { topology: name.into(), ..base.clone() });
            assert!(told.contains("parameter 'topology'"), "{told}");
        }
    }
}
