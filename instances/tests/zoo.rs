//! The zoo's totals against what the field quotes, what the architectures look like inside, and strict reading.

use offcut_instances::dnn::{
    Builder, Conv, Graph, Layer, Measurement, Measurements, Op, Profile, Window, catalogue, zoo,
};
use offcut_instances::document::InputError;
use offcut_instances::problem::Valid;

fn graph(name: &str) -> Graph {
    zoo::graph(name).unwrap_or_else(|| panic!("{name} is not in the zoo"))
}

/// Parameters and GMACs as torchvision documents them (it says "GFLOPS").
const QUOTED: [(&str, u64, f64); 16] = [
    ("alexnet", 61_100_840, 0.714),
    ("vgg16", 138_357_544, 15.47),
    ("vgg19", 143_667_240, 19.632),
    ("googlenet", 6_624_904, 1.498),
    ("resnet18", 11_689_512, 1.814),
    ("resnet34", 21_797_672, 3.664),
    ("resnet50", 25_557_032, 4.089),
    ("resnet101", 44_549_160, 7.801),
    ("inception_v3", 23_834_568, 5.713),
    ("squeezenet1_0", 1_248_424, 0.819),
    ("squeezenet1_1", 1_235_496, 0.349),
    ("densenet121", 7_978_856, 2.834),
    ("mobilenet_v2", 3_504_872, 0.301),
    ("mobilenet_v3_large", 5_483_032, 0.217),
    ("efficientnet_b0", 5_288_548, 0.386),
    ("vit_b_16", 86_567_656, 17.56),
];

/// The spec asks for 1 %; what is reached, and held here, is every digit quoted.
#[test]
fn totals_are_the_quoted_ones() {
    for (name, params, gmacs) in QUOTED {
        let graph = graph(name);
        assert_eq!(graph.params(), params, "{name}");
        let computed = graph.macs() as f64 / 1e9;
        let digit = if ["vgg16", "vit_b_16"].contains(&name) { 0.01 } else { 0.001 };
        assert!((computed - gmacs).abs() <= digit / 2.0, "{name}: {computed} GMACs instead of {gmacs}");
    }
}

/// Parameters as commonly counted: with the pooler for BERT, with a tied head for GPT-2. MACs by hand, with T tokens:
/// each layer has 12 x 768^2 weights, used once per token, and two products of attention, T x T x 768 each. BERT's
/// pooler uses 768^2 weights once; GPT-2's head 768 x 50,257 per token. Twice the sum for GPT-2, 291.6 G, is the
/// number of operations often quoted for its forward pass.
#[test]
fn transformers_count_as_by_hand() {
    let layers = |tokens: u64| 12 * (tokens * 12 * 768 * 768 + 2 * tokens * tokens * 768);
    let bert = graph("bert_base");
    assert_eq!((bert.params(), bert.macs()), (109_482_240, layers(128) + 768 * 768));
    assert_eq!(bert.input_bytes(), zoo::BERT_TOKENS as u64 * 4);
    let gpt2 = graph("gpt2");
    assert_eq!((gpt2.params(), gpt2.macs()), (124_439_808, layers(1024) + 1024 * 768 * 50_257));
    assert_eq!(2 * gpt2.macs(), 291_648_307_200);
    assert_eq!(gpt2.input_bytes(), zoo::GPT2_TOKENS as u64 * 4);
}

/// NiN by hand. Each convolution has in x out x k^2 weights (and `out` biases), used at each of size^2 positions:
///
/// | layer | in | out | k | size | weights | MACs |
/// |---|---|---|---|---|---|---|
/// | conv1 | 3 | 96 | 11 | 54 | 34,848 | 101,616,768 |
/// | 2 x mlp | 96 | 96 | 1 | 54 | 2 x 9,216 | 2 x 26,873,856 |
/// | conv2 | 96 | 256 | 5 | 27 | 614,400 | 447,897,600 |
/// | 2 x mlp | 256 | 256 | 1 | 27 | 2 x 65,536 | 2 x 47,775,744 |
/// | conv3 | 256 | 384 | 3 | 13 | 884,736 | 149,520,384 |
/// | 2 x mlp | 384 | 384 | 1 | 13 | 2 x 147,456 | 2 x 24,920,064 |
/// | conv4 | 384 | 1024 | 3 | 6 | 3,538,944 | 127,401,984 |
/// | mlp | 1024 | 1024 | 1 | 6 | 1,048,576 | 37,748,736 |
/// | mlp | 1024 | 1000 | 1 | 6 | 1,024,000 | 36,864,000 |
///
/// Weights 7,589,920, biases 3 x 96 + 3 x 256 + 3 x 384 + 2 x 1024 + 1000 = 5,256.
#[test]
fn nin_counts_as_by_hand() {
    let weights: u64 =
        34_848 + 2 * 9_216 + 614_400 + 2 * 65_536 + 884_736 + 2 * 147_456 + 3_538_944 + 1_048_576 + 1_024_000;
    let macs: u64 = 101_616_768
        + 2 * (26_873_856 + 47_775_744 + 24_920_064)
        + 447_897_600
        + 149_520_384
        + 127_401_984
        + 37_748_736
        + 36_864_000;
    let nin = graph("nin");
    assert_eq!(nin.params(), weights + 5_256);
    assert_eq!(nin.macs(), macs);
    assert_eq!((nin.params(), nin.macs()), (7_595_176, 1_100_188_800));
}

/// Tiny-YOLOv2 by hand: nine convolutions, in x out x 9 weights (the last is 1 x 1, with 125 biases), 2 x out for each
/// of the eight norms, at sizes 416, 208, 104, 52, 26, 13, 13, 13, 13:
///
/// 432 x 173,056 + 4,608 x 43,264 + 18,432 x 10,816 + 73,728 x 2,704 + 294,912 x 676
/// + (1,179,648 + 4,718,592 + 9,437,184 + 128,000) x 169 = 3,485,520,896, half of the 6.97 G operations Darknet prints.
///
/// Weights 15,855,536, norms 6,112, biases 125. Darknet's weight file holds 6,112 more: the norms' running statistics.
#[test]
fn tiny_yolo_counts_as_by_hand() {
    let weights = [432, 4_608, 18_432, 73_728, 294_912, 1_179_648, 4_718_592, 9_437_184, 128_000];
    let positions = [173_056, 43_264, 10_816, 2_704, 676, 169, 169, 169, 169];
    let norms = 2 * (16 + 32 + 64 + 128 + 256 + 512 + 1024 + 1024);
    let yolo = graph("tiny_yolov2");
    assert_eq!(yolo.params(), weights.iter().sum::<u64>() + norms + 125);
    assert_eq!((yolo.params(), yolo.macs()), (15_861_773, 3_485_520_896));
    assert_eq!(yolo.macs(), weights.iter().zip(positions).map(|(w, p)| w * p).sum::<u64>());
    assert_eq!(yolo.layers().last().map(|layer| layer.shape.clone()), Some(vec![125, 13, 13]));
}

#[test]
fn ops_print_as_they_are_written() {
    for layer in zoo::names().iter().flat_map(|name| graph(name).layers().to_vec()) {
        assert_eq!(serde_json::to_value(layer.op).expect("it can be written"), layer.op.to_string());
    }
}

#[test]
fn names_and_entries_agree() {
    assert_eq!(zoo::names().len(), 20);
    for (name, entry) in zoo::names().iter().zip(zoo::entries()) {
        assert_eq!(*name, entry.name);
        assert_eq!(entry.graph().name(), *name);
        assert!(!entry.about.is_empty() && !entry.source.is_empty());
    }
}

/// Shapes along the way, as the papers give them.
#[test]
fn shapes_are_those_of_the_papers() {
    let shapes = [
        ("alexnet", "pool5", vec![256, 6, 6]),
        ("vgg16", "pool5", vec![512, 7, 7]),
        ("nin", "pool3", vec![384, 6, 6]),
        ("resnet50", "layer3.5.relu", vec![1024, 14, 14]),
        ("googlenet", "inception4e.concat", vec![832, 14, 14]),
        ("inception_v3", "mixed5d.concat", vec![288, 35, 35]),
        ("inception_v3", "mixed6e.concat", vec![768, 17, 17]),
        ("inception_v3", "mixed7c.concat", vec![2048, 8, 8]),
        ("squeezenet1_0", "fire8.pool", vec![512, 13, 13]),
        ("squeezenet1_1", "fire9.concat", vec![512, 13, 13]),
        ("densenet121", "denseblock4.concat", vec![1024, 7, 7]),
        ("mobilenet_v2", "block17.project.bn", vec![320, 7, 7]),
        ("mobilenet_v3_large", "block15.add", vec![160, 7, 7]),
        ("efficientnet_b0", "block16.project.bn", vec![320, 7, 7]),
        ("vit_b_16", "positions", vec![197, 768]),
        ("gpt2", "layer0.attention.scores", vec![12, 1024, 1024]),
    ];
    for (name, layer, shape) in shapes {
        let graph = graph(name);
        let found = graph.layers().iter().find(|l| l.name == layer).unwrap_or_else(|| panic!("{name} has no {layer}"));
        assert_eq!(found.shape, shape, "{name} {layer}");
        assert_eq!(found.out_bytes, 4 * shape.iter().product::<usize>() as u64);
    }
}

/// Branches are real edges: additions read both sides, gates multiply, dense layers read everything before them.
#[test]
fn branches_are_edges() {
    let reads = |name: &str, layer: &str| -> (Op, usize) {
        let graph = graph(name);
        let layer = graph.layers().iter().find(|l| l.name == layer).expect("the layer is there");
        (layer.op, layer.inputs.len())
    };
    assert_eq!(reads("resnet50", "layer2.0.add"), (Op::Add, 2));
    assert_eq!(reads("googlenet", "inception3a.concat"), (Op::Concat, 4));
    assert_eq!(reads("mobilenet_v3_large", "block4.se.mul"), (Op::Mul, 2));
    assert_eq!(reads("densenet121", "denseblock3.24.concat"), (Op::Concat, 24));
    assert_eq!(reads("mobilenet_v2", "block2.depthwise.conv"), (Op::DepthwiseConv, 1));
    let view = graph("resnet18").view();
    assert_eq!(view.macs[0], 0);
    assert_eq!(view.out_bytes[0], 3 * 224 * 224 * 4);
    assert!(view.edges.windows(2).all(|pair| pair[0] < pair[1]) && view.edges.iter().all(|(from, to)| from < to));
    assert_eq!(view.edges.len(), graph("resnet18").layers().iter().map(|l| l.inputs.len()).sum::<usize>());
}

/// Windows as their formulas say: 3 with dilation 2 reaches over 5; ceil mode drops a window that starts in the padding
/// behind.
#[test]
fn windows_slide_as_defined() {
    let size = |window| {
        let mut b = Builder::new("window", &[1, 7, 7]);
        let x = b.input();
        let x = b.max_pool("pool", x, window);
        b.shape(x)[1]
    };
    assert_eq!(size(Window::new(2).stride(2)), 3);
    assert_eq!(size(Window::new(2).stride(2).ceil()), 4);
    assert_eq!(size(Window::new(2).stride(2).padding(1).ceil()), 4); // starts -1, 1, 3, 5
    assert_eq!(size(Window::new(1).stride(4).padding(1).ceil()), 2); // starts -1, 3; 7 is padding
    assert_eq!(size(Window::new(2).padding_after(1)), 7);
    let mut b = Builder::new("dilated", &[4, 7, 7]);
    let x = b.conv("conv", b.input(), Conv::new(6, 3).dilation(2).groups(2));
    assert_eq!(b.shape(x), [6, 3, 3]);
    let graph = b.finish();
    assert_eq!((graph.params(), graph.macs()), (6 * 2 * 9 + 6, 9 * 6 * 2 * 9));
    assert_eq!(graph.layers()[1].op, Op::Conv);
}

/// A sound graph of four layers, with one thing changed.
fn broken(change: impl FnOnce(&mut Vec<Layer>)) -> InputError {
    let mut b = Builder::new("sound", &[3, 8, 8]);
    let x = b.conv("conv", b.input(), Conv::new(3, 1));
    let y = b.relu("relu", x);
    b.add("add", &[x, y]);
    let mut layers = b.finish().layers().to_vec();
    change(&mut layers);
    Graph::new("broken", layers).expect_err("it is broken")
}

#[test]
fn every_offence_is_named_with_its_place() {
    let at = |change: fn(&mut Vec<Layer>)| broken(change).at;
    assert_eq!(at(|l| l[1].inputs = vec![2]), "layers[1].inputs[0]");
    assert_eq!(at(|l| l[1].inputs = vec![1]), "layers[1].inputs[0]");
    assert_eq!(at(|l| l[3].inputs = vec![1, 9]), "layers[3].inputs[1]");
    assert_eq!(at(|l| l[3].inputs = vec![2, 2]), "layers[3].inputs[1]");
    assert_eq!(at(|l| l[3].inputs = vec![1]), "layers[2]");
    assert_eq!(at(|l| l[2].inputs.clear()), "layers[2].inputs");
    assert_eq!(at(|l| l[0].inputs = vec![3]), "layers[0].inputs");
    assert_eq!(at(|l| l[0].macs = 1), "layers[0].macs");
    assert_eq!(at(|l| l[0].params = 1), "layers[0].params");
    assert_eq!(at(|l| l[0].op = Op::Conv), "layers[0].op");
    assert_eq!(at(|l| l[2].op = Op::Input), "layers[2].op");
    assert_eq!(at(|l| l[2].shape[1] = 0), "layers[2].shape[1]");
    assert_eq!(at(|l| l[2].shape.clear()), "layers[2].shape");
    assert_eq!(at(|l| l[2].shape = vec![usize::MAX; 2]), "layers[2].shape");
    assert_eq!(at(|l| l[2].out_bytes = 0), "layers[2].out_bytes");
    assert_eq!(at(|l| l[2].name = "conv".into()), "layers[2].name");
    assert_eq!(at(|l| l[2].name.clear()), "layers[2].name");
    assert_eq!(at(|l| l[2].macs = u64::MAX), "layers");
    assert_eq!(at(|l| l[2].params = 1 << 54), "layers");
    assert_eq!(at(|l| l.truncate(1)), "layers");
    assert_eq!(at(Vec::clear), "layers");
    let cycle = broken(|l| l[1].inputs = vec![2]);
    assert!(cycle.what.contains("cycle") && cycle.remedy.contains("lower index"), "{cycle}");
}

#[test]
fn reading_is_strict() {
    let place = |text: &str| Graph::parse(text.as_bytes()).expect_err("it is broken").at;
    let input = r#"{"name":"in","op":"input","macs":0,"params":0,"shape":[4],"out_bytes":16,"inputs":[]}"#;
    let layer = r#"{"name":"fc","op":"linear","macs":8,"params":10,"shape":[2],"out_bytes":8,"inputs":[0]}"#;
    let sound = format!(r#"{{"name":"g","layers":[{input},{layer}]}}"#);
    assert_eq!(Graph::parse(sound.as_bytes()).expect("it is sound").macs(), 8);
    assert_eq!(place(&sound.replace(r#""op":"linear""#, r#""op":"magic""#)), "layers[1].op");
    assert_eq!(place(&sound.replace(r#""macs":8"#, r#""macs":-8"#)), "layers[1].macs");
    assert_eq!(place(&sound.replace(r#""inputs":[0]"#, r#""inputs":[1]"#)), "layers[1].inputs[0]");
    assert_eq!(place(&sound.replace(r#""params":10"#, r#""weights":10"#)), "layers[1].weights");
    assert_eq!(place(&format!("{sound} x")), "");
    assert!(serde_json::from_str::<Graph>(&sound.replace(r#""inputs":[0]"#, r#""inputs":[1]"#)).is_err());
    let schema = serde_json::to_value(schemars::schema_for!(Graph)).expect("a schema is JSON");
    assert_eq!((&schema["title"], &schema["additionalProperties"]), (&"Graph".into(), &false.into()));
    assert_eq!(schema["required"], serde_json::json!(["name", "layers"]));
}

/// Timings published with the ncnn library's benchmark, 4 threads, in seconds: order of magnitude, no more.
#[test]
fn estimates_are_of_the_right_order() {
    let published = [
        (&catalogue::RASPBERRY_PI_3B_PLUS, "squeezenet1_1", 0.109),
        (&catalogue::RASPBERRY_PI_3B_PLUS, "mobilenet_v2", 0.112),
        (&catalogue::RASPBERRY_PI_3B_PLUS, "googlenet", 0.302),
        (&catalogue::RASPBERRY_PI_3B_PLUS, "resnet18", 0.417),
        (&catalogue::RASPBERRY_PI_3B_PLUS, "alexnet", 0.276),
        (&catalogue::RASPBERRY_PI_3B_PLUS, "vgg16", 1.902),
        (&catalogue::RASPBERRY_PI_4, "squeezenet1_1", 0.059),
        (&catalogue::RASPBERRY_PI_4, "mobilenet_v2", 0.073),
        (&catalogue::RASPBERRY_PI_4, "googlenet", 0.176),
        (&catalogue::RASPBERRY_PI_4, "resnet18", 0.233),
        (&catalogue::RASPBERRY_PI_4, "efficientnet_b0", 0.094),
    ];
    for (device, name, seconds) in published {
        let estimate = Profile::estimate(&graph(name), device).total_s();
        assert!((0.4..2.5).contains(&(estimate / seconds)), "{name} on {}: {estimate} s, not {seconds} s", device.id);
    }
}

#[test]
fn the_catalogue_is_sound_and_ordered() {
    let vgg = graph("vgg16");
    let speed = |device| Profile::estimate(&vgg, device).effective_macs_per_s().expect("it has work");
    assert!(catalogue::devices().is_sorted_by(|a, b| speed(a) < speed(b)));
    assert!(catalogue::links().is_sorted_by(|a, b| a.uplink_bytes_per_s < b.uplink_bytes_per_s));
    for device in catalogue::devices() {
        assert_eq!(device.validate(), Ok(()));
        assert_eq!(catalogue::device(&device.id), Some(device));
        let text = serde_json::to_string(device).expect("it can be written");
        assert_eq!(&serde_json::from_str::<catalogue::Device>(&text).expect("it can be read"), device);
    }
    for link in catalogue::links() {
        assert_eq!(link.validate(), Ok(()));
        assert_eq!(catalogue::link(&link.id), Some(link));
    }
    let mut dead = catalogue::PHONE;
    dead.rates.linear_macs_per_s = f64::NAN;
    assert_eq!(dead.validate().expect_err("no speed").at, "rates.linear_macs_per_s");
}

#[test]
fn estimates_add_up() {
    let alexnet = graph("alexnet");
    let device = &catalogue::JETSON_NANO;
    let profile = Profile::estimate(&alexnet, device);
    assert_eq!(profile.layer_s.len(), alexnet.layers().len());
    assert_eq!(profile.layer_s[0], 0.0);
    // conv1: 55 x 55 x 64 filters of 3 x 11 x 11; the last layer reads 4096 x 1000 weights for as many MACs.
    let conv1 = (55 * 55 * 64 * 3 * 11 * 11) as f64 / device.rates.conv_macs_per_s + device.layer_overhead_s;
    assert_eq!(profile.layer_s[1], conv1);
    let last = (4096 * 1000) as f64 / device.rates.linear_macs_per_s + device.layer_overhead_s;
    assert_eq!(profile.layer_s[alexnet.layers().len() - 1], last);
    assert_eq!(profile.effective_macs_per_s(), Some(alexnet.macs() as f64 / profile.total_s()));
    // BERT's linear layers work on 128 tokens at once: matrix products.
    let bert = Profile::estimate(&graph("bert_base"), device).effective_macs_per_s().expect("it has work");
    assert!(bert > 0.5 * device.rates.matmul_macs_per_s);
}

#[test]
fn measured_tables_are_read_strictly() {
    let alexnet = graph("alexnet");
    let layers = alexnet.layers().iter().map(|l| Measurement { layer: l.name.clone(), time_s: 0.5, spread_s: None });
    let table =
        Measurements { model: "alexnet".into(), device: "bench".into(), layers: layers.collect(), whole: Vec::new() };
    let profile = Profile::measured(&alexnet, &table).expect("it is sound");
    assert_eq!(profile.total_s(), 0.5 * alexnet.layers().len() as f64);
    let at = |change: fn(&mut Measurements)| {
        let mut table = table.clone();
        change(&mut table);
        Profile::measured(&alexnet, &table).expect_err("it is broken").at
    };
    assert_eq!(at(|t| t.layers[3].time_s = -1.0), "layers[3].time_s");
    assert_eq!(at(|t| t.layers[3].time_s = f64::INFINITY), "layers[3].time_s");
    assert_eq!(at(|t| t.layers.swap(2, 3)), "layers[2].layer");
    assert_eq!(at(|t| drop(t.layers.pop())), "layers");
    assert_eq!(at(|t| t.layers.push(t.layers[0].clone())), "layers");
    assert_eq!(at(|t| t.layers.clear()), "layers");
    assert_eq!(at(|t| t.model = "vgg16".into()), "model");
    let mut still = table.clone();
    still.layers.iter_mut().for_each(|entry| entry.time_s = 0.0);
    assert_eq!(Profile::measured(&alexnet, &still).expect("it is sound").effective_macs_per_s(), None);
}
