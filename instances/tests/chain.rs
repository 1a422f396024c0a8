//! The chain view against the graph: the same cuts, the same bytes, the same work.

use offcut_instances::dnn::{Graph, Layer, Op, zoo};
use proptest::prelude::*;

/// What crosses when exactly `on_device` is on the device, computed plainly from the graph: the sending layers. An
/// output is sent once however many layers on the other side read it.
fn senders(graph: &Graph, on_device: &[bool]) -> Vec<usize> {
    let layers = graph.layers();
    (0..layers.len())
        .filter(|v| on_device[*v] && (0..layers.len()).any(|w| !on_device[w] && layers[w].inputs.contains(v)))
        .collect()
}

/// A device set is a cut if it holds the input and, with each layer, all the layers that one reads.
fn is_cut(graph: &Graph, on_device: &[bool]) -> bool {
    let closed = |(v, layer): (usize, &Layer)| !on_device[v] || layer.inputs.iter().all(|&from| on_device[from]);
    on_device[0] && graph.layers().iter().enumerate().all(closed)
}

/// Whether the last layer can be reached from the input without passing `v`.
fn is_avoidable(graph: &Graph, v: usize) -> bool {
    let mut reached = vec![false; graph.layers().len()];
    reached[0] = v != 0;
    for (w, layer) in graph.layers().iter().enumerate().skip(1) {
        reached[w] = w != v && layer.inputs.iter().any(|&from| reached[from]);
    }
    reached[reached.len() - 1]
}

fn check(graph: &Graph) {
    let chain = graph.chain();
    let n = graph.layers().len();
    let k = chain.blocks.len();
    assert!(k >= 1);
    assert_eq!(chain.cut_bytes.len(), k + 1);
    assert_eq!(chain.cut_bytes[0], graph.input_bytes());
    assert_eq!(chain.cut_bytes[k], 0);
    assert_eq!((chain.macs(), chain.params()), (graph.macs(), graph.params()));
    for s in 0..=k {
        let device = chain.device_layers(s);
        let on_device: Vec<bool> = (0..n).map(|v| device.contains(&v)).collect();
        assert!(is_cut(graph, &on_device), "cut {s}");
        let senders = senders(graph, &on_device);
        assert_eq!(senders.len(), usize::from(s < k), "cut {s}: one tensor crosses, none at the end");
        assert_eq!(chain.cut_bytes[s], senders.iter().map(|&v| graph.layers()[v].out_bytes).sum::<u64>(), "cut {s}");
        let on_device_macs: u64 = graph.layers()[device].iter().map(|layer| layer.macs).sum();
        assert_eq!(on_device_macs, chain.blocks[..s].iter().map(|block| block.macs).sum::<u64>(), "cut {s}");
    }
    // No cut point is missed: they are exactly the layers that no path avoids.
    let unavoidable: Vec<usize> = (0..n).filter(|&v| !is_avoidable(graph, v)).collect();
    assert_eq!(graph.cut_points(), unavoidable);
    assert_eq!(chain.device_layers(k), 0..n);
    for (block, &last) in chain.blocks.iter().zip(&unavoidable[1..]) {
        assert_eq!(block.name, graph.layers()[last].name);
    }
}

#[test]
fn chains_of_the_zoo_are_cuts_of_their_graphs() {
    zoo::names().iter().for_each(|name| check(&zoo::graph(name).expect("it is in the zoo")));
}

/// Random graphs: each layer reads some of the layers shortly before it, the last one whatever nobody else read.
fn graphs(most: usize) -> impl Strategy<Value = Graph> {
    let layer = (0u64..1000, 0u64..1000, 1u64..1000, prop::collection::vec(1usize..6, 1..3));
    prop::collection::vec(layer, 1..most).prop_map(|drawn| {
        let mut layers = vec![plain(0, 0, 0, 77, Vec::new())];
        let n = drawn.len() + 1;
        let mut is_read = vec![false; n];
        for (v, (macs, params, out_bytes, back)) in (1..).zip(drawn) {
            let mut inputs: Vec<usize> = back.iter().map(|back| v - back.min(&v)).collect();
            if v == n - 1 {
                inputs.extend((0..v).filter(|&w| !is_read[w]));
            }
            inputs.sort_unstable();
            inputs.dedup();
            inputs.iter().for_each(|&w| is_read[w] = true);
            layers.push(plain(v, macs, params, out_bytes, inputs));
        }
        Graph::new("random", layers).expect("it is a graph")
    })
}

fn plain(v: usize, macs: u64, params: u64, out_bytes: u64, inputs: Vec<usize>) -> Layer {
    let op = if v == 0 { Op::Input } else { Op::Conv };
    Layer { name: format!("v{v}"), op, macs, params, shape: vec![1], out_bytes, inputs }
}

proptest! {
    #[test]
    fn chains_of_random_graphs_are_cuts_of_them(graph in graphs(40)) {
        check(&graph);
    }

    /// All device sets of small graphs: where one tensor crosses, the chain has that very set; elsewhere it has none.
    #[test]
    fn chains_have_every_single_tensor_cut(graph in graphs(9)) {
        let n = graph.layers().len();
        let mut found = Vec::new();
        for set in 0u32..1 << n {
            let on_device: Vec<bool> = (0..n).map(|v| set >> v & 1 == 1).collect();
            if is_cut(&graph, &on_device) && senders(&graph, &on_device).len() == 1 {
                found.push(set);
            }
        }
        let chain = graph.chain();
        let cuts = (0..chain.blocks.len()).map(|s| (1u32 << chain.device_layers(s).end) - 1);
        prop_assert_eq!(found, cuts.collect::<Vec<_>>());
    }

    /// Reading back what was written gives the same graph, through both doors.
    #[test]
    fn graphs_survive_json(graph in graphs(12)) {
        let bytes = serde_json::to_vec(&graph).expect("a graph can be written");
        prop_assert_eq!(&Graph::parse(&bytes).expect("it is one"), &graph);
        prop_assert_eq!(&serde_json::from_slice::<Graph>(&bytes).expect("it is one"), &graph);
    }
}

/// Worked by hand. 0 -> 1 -> {2, 3}, 3 -> 4, {2, 4} -> 5 -> 6: cut points 0, 1, 5, 6. Between 1 and 5 the outputs of
/// two layers cross, or that of layer 1 and another one.
#[test]
fn a_diamond_is_one_block() {
    let edges = [vec![], vec![0], vec![1], vec![1], vec![3], vec![2, 4], vec![5]];
    let bytes = [10, 20, 30, 40, 50, 60, 70];
    let layers = edges.into_iter().zip(bytes).enumerate();
    let layers = layers.map(|(v, (inputs, bytes))| plain(v, v as u64, 1 + v as u64, bytes, inputs));
    let mut layers: Vec<Layer> = layers.collect();
    layers[0].params = 0;
    let chain = Graph::new("diamond", layers).expect("it is a graph").chain();
    assert_eq!(chain.cut_bytes, [10, 20, 60, 0]);
    assert_eq!(chain.blocks.iter().map(|block| block.macs).collect::<Vec<_>>(), [1, 2 + 3 + 4 + 5, 6]);
    assert_eq!(chain.blocks.iter().map(|block| block.layers.clone()).collect::<Vec<_>>(), [1..2, 2..6, 6..7]);
    assert_eq!([0, 1, 2, 3].map(|s| chain.device_layers(s)), [0..1, 0..2, 0..6, 0..7]);
}

fn block_names(name: &str) -> Vec<String> {
    zoo::graph(name).expect("it is in the zoo").chain().blocks.into_iter().map(|block| block.name).collect()
}

/// A ResNet cuts around its additions: stem (4 layers), 8 blocks of an addition and its rectifier each, 3 layers
/// behind. Within a residual block there is no cut.
#[test]
fn a_resnet_cuts_around_its_additions() {
    let names = block_names("resnet18");
    assert_eq!(names.len(), 4 + 8 * 2 + 3);
    assert!(names[4..20].iter().all(|name| name.ends_with(".add") || name.ends_with(".relu")));
    assert!(names[4..20].chunks(2).all(|pair| pair[0].ends_with(".add") && pair[1].ends_with(".relu")));
    assert_eq!(names[20..], ["avgpool", "flatten", "fc"]);
}

/// A DenseNet cuts at its transitions: stem (4), then four times a whole dense block as one block, with the
/// transition's norm, rectifier, convolution and pooling between them, and five layers behind.
#[test]
fn a_densenet_cuts_at_its_transitions() {
    let names = block_names("densenet121");
    let dense: Vec<&str> = names.iter().map(String::as_str).filter(|name| name.starts_with("dense")).collect();
    let last = ["denseblock1.concat", "denseblock2.concat", "denseblock3.concat", "denseblock4.concat"];
    assert_eq!(dense, last);
    assert_eq!(names.iter().filter(|name| name.starts_with("transition")).count(), 3 * 4);
    assert_eq!(names.len(), 4 + 4 + 3 * 4 + 5);
}

#[test]
fn a_plain_chain_cuts_everywhere() {
    for name in ["alexnet", "vgg16", "vgg19", "nin", "tiny_yolov2"] {
        let graph = zoo::graph(name).expect("it is in the zoo");
        assert_eq!(graph.chain().blocks.len(), graph.layers().len() - 1, "{name}");
    }
}

/// A transformer cuts around its additions too: the queries, keys and values are alive together with the shortcut.
#[test]
fn transformers_cut_between_their_layers() {
    let names = block_names("gpt2");
    let inner: Vec<&String> = names.iter().filter(|name| name.starts_with("layer")).collect();
    assert_eq!(inner.len(), 12 * 2);
    assert!(inner.chunks(2).all(|pair| pair[0].ends_with(".add1") && pair[1].ends_with(".add2")));
}
