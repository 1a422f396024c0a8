//! The networks of an instance: found by name, and held to what the instance says of them.

use anyhow::{Result, bail, ensure};
use offcut_instances::dnn::{Chain, Graph, file, zoo};
use offcut_instances::jpdra::Flow;
use offcut_instances::model::Model;

use super::plan::Whole;

/// What the engine can open, and its graph.
#[derive(Clone, Debug)]
pub struct Source {
    /// A name of the zoo, or the path of an ONNX file.
    pub source: String,
    /// Its graph.
    pub graph: Graph,
}

impl Source {
    /// The network as a plan has it, with the work of all its layers on every kind.
    pub fn whole(&self, work_s: Vec<Option<f64>>) -> Whole {
        Whole {
            source: self.source.clone(),
            name: self.graph.name().to_owned(),
            layers: self.graph.layers().len(),
            params: self.graph.params(),
            macs: self.graph.macs() as f64,
            work_s,
        }
    }
}

/// Networks that an instance may use: the zoo, and ONNX files that were given.
#[derive(Clone, Debug)]
pub struct Sources {
    files: Vec<Source>,
}

impl Sources {
    /// The zoo, and these ONNX files.
    ///
    /// # Errors
    /// If a file cannot be read.
    pub fn new(paths: &[String]) -> Result<Self> {
        let open = |path: &String| {
            ensure!(path.ends_with(".onnx"), "--model {path}: give the path of an .onnx file");
            let graph = file::named_graph(path).map_err(|error| anyhow::anyhow!("{error}"))?;
            Ok(Source { source: path.clone(), graph })
        };
        Ok(Self { files: paths.iter().map(open).collect::<Result<_>>()? })
    }

    /// The network of the given name.
    ///
    /// # Errors
    /// If it is neither in the zoo nor that of a file.
    pub fn named(&self, name: &str) -> Result<Source> {
        if let Some(found) = self.files.iter().find(|file| file.graph.name() == name) {
            return Ok(found.clone());
        }
        match zoo::graph(name) {
            Some(graph) => Ok(Source { source: name.to_owned(), graph }),
            None => bail!(
                "model '{name}' of the instance is no network of the zoo: give its file with --model NET.onnx, or take an instance of the family zoo"
            ),
        }
    }

    /// The network whose blocks the partitions of a flow are made of, and the layer at which each partition ends, exclusive. A partition ends at the first cut after which its MACs and its
    /// bytes are as the instance says; the last one ends with the network. Shape of the second: (partitions,).
    ///
    /// # Errors
    /// If no network has such partitions.
    pub fn of_flow(&self, s: usize, flow: &Flow) -> Result<(Source, Vec<usize>)> {
        let zoo =
            zoo::names().iter().filter_map(|&name| Some(Source { source: name.to_owned(), graph: zoo::graph(name)? }));
        let found = self.files.iter().cloned().chain(zoo).find_map(|source| {
            let ends = ends(flow, &source.graph)?;
            Some((source, ends))
        });
        let Some(found) = found else {
            bail!(
                "the partitions of flow {s} are those of no network of the zoo: give its file with --model NET.onnx, or take an instance of the family zoo"
            );
        };
        Ok(found)
    }
}

/// The layers at which the partitions of a flow end, if they are partitions of this network.
fn ends(flow: &Flow, graph: &Graph) -> Option<Vec<usize>> {
    let chain = graph.chain();
    if flow.input_bytes != chain.cut_bytes[0] as f64 {
        return None;
    }
    let (mut ends, mut next) = (Vec::new(), 0);
    let (last, inner) = flow.partitions.split_last()?;
    for partition in inner {
        let mut macs = 0.0;
        let block = (next..chain.blocks.len()).find(|&b| {
            macs += chain.blocks[b].macs as f64;
            macs == partition.macs && chain.cut_bytes[b + 1] as f64 == partition.out_bytes
        })?;
        next = block + 1;
        ends.push(chain.blocks[block].layers.end);
    }
    let macs: f64 = chain.blocks[next..].iter().map(|block| block.macs as f64).sum();
    ends.push(graph.layers().len());
    (next < chain.blocks.len() && macs == last.macs).then_some(ends)
}

/// The layer before which each block of a model ends, if each is one or several whole blocks of its network's chain. Without MACs they must be the chain's own. Shape (blocks,).
///
/// # Errors
/// If they are not.
pub fn chain_ends(model: &Model, chain: &Chain) -> Result<Vec<usize>> {
    if model.macs.is_empty() {
        check_chain(model, chain)?;
        return Ok(chain.blocks.iter().map(|block| block.layers.end).collect());
    }
    let mut ends = Vec::new();
    let mut next = 0;
    let is_first = model.cut_bytes[0] == chain.cut_bytes[0] as f64;
    for (wanted, bytes) in model.macs.iter().zip(&model.cut_bytes[1..]) {
        let mut macs = 0.0;
        let found = (next..chain.blocks.len()).find(|&b| {
            macs += chain.blocks[b].macs as f64;
            macs == *wanted && chain.cut_bytes[b + 1] as f64 == *bytes
        });
        let Some(block) = found.filter(|_| is_first) else { break };
        next = block + 1;
        ends.push(chain.blocks[block].layers.end);
    }
    ensure!(
        ends.len() == model.blocks() && next == chain.blocks.len(),
        "the blocks of model '{}' of the instance are not those of the network of this name: it cannot be run; generate the instance with offcut generate",
        model.name
    );
    Ok(ends)
}

/// Holds a model of the instance to the chain of its network: the same blocks, of the same work and bytes.
///
/// # Errors
/// If they differ.
pub fn check_chain(model: &Model, chain: &Chain) -> Result<()> {
    let same = |ours: &[f64], theirs: Vec<u64>| ours.iter().copied().eq(theirs.into_iter().map(|number| number as f64));
    let macs = chain.blocks.iter().map(|block| block.macs).collect();
    let is_same = same(&model.cut_bytes, chain.cut_bytes.clone()) && (model.macs.is_empty() || same(&model.macs, macs));
    ensure!(
        is_same,
        "model '{}' of the instance has other blocks than the network of this name: it cannot be run; generate the instance with offcut generate",
        model.name
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use offcut_instances::jpdra;

    use super::*;

    #[test]
    fn partitions_are_found_again() {
        for model in ["resnet18", "squeezenet1_1", "mobilenet_v2", "vgg16"] {
            let parameters = jpdra::Parameters { models: vec![model.to_owned()], ..jpdra::Parameters::default() };
            let instance = jpdra::generate("zoo", &parameters, 3).expect("legal");
            let sources = Sources::new(&[]).expect("the zoo");
            for (s, flow) in instance.flows.iter().enumerate() {
                let (source, ends) = sources.of_flow(s, flow).expect("of the zoo");
                assert_eq!(source.graph.macs(), zoo::graph(model).expect("known").macs(), "{model}");
                let mut begin = 0;
                for (partition, &end) in flow.partitions.iter().zip(&ends) {
                    let macs: u64 = source.graph.layers()[begin..end].iter().map(|layer| layer.macs).sum();
                    assert_eq!(macs as f64, partition.macs);
                    begin = end;
                }
                assert_eq!(begin, source.graph.layers().len());
            }
        }
        let instance = jpdra::generate("synthetic", &jpdra::Parameters::default(), 3).expect("legal");
        let refused = Sources::new(&[]).expect("the zoo").of_flow(0, &instance.flows[0]);
        assert!(refused.is_err_and(|error| error.to_string().contains("no network of the zoo")));
    }

    #[test]
    fn models_are_held_to_their_networks() {
        let chain = zoo::graph("alexnet").expect("known").chain();
        let macs: Vec<f64> = chain.blocks.iter().map(|block| block.macs as f64).collect();
        let mut model = Model::of_macs("alexnet", macs, chain.cut_bytes.iter().map(|bytes| *bytes as f64).collect());
        assert!(check_chain(&model, &chain).is_ok());
        model.macs[0] += 1.0;
        assert!(check_chain(&model, &chain).is_err_and(|error| error.to_string().contains("other blocks")));
        let sources = Sources::new(&[]).expect("the zoo");
        assert!(sources.named("synthetic-1").is_err_and(|error| error.to_string().contains("--model")));
        assert!(Sources::new(&["x.json".into()]).is_err());
    }
}
