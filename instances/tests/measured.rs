//! Instances with work in seconds: from the catalogue's speeds, from machines that were measured, and from devices and links of one's own.

use std::path::{Path, PathBuf};

use offcut_instances::dnn::machine_file::LayerTimes;
use offcut_instances::dnn::profiler::Times;
use offcut_instances::dnn::{Graph, Profile, catalogue, zoo};
use offcut_instances::document::{hash, instance_bytes, parse_instance};
use offcut_instances::family::{Generated, Settable};
use offcut_instances::jpdra::Jpdra;
use offcut_instances::lymdo::Lymdo;
use offcut_instances::multiuser::{self, Multiuser, Speedup};
use offcut_instances::problem::Problem;
use offcut_instances::throughput::Throughput;
use serde_json::{Value, json};

/// The instance of a family with these settings; it can be written and read.
fn generated<P: Generated>(family: &str, settings: &Value) -> P::Instance {
    let settings = settings.as_object().expect("an object");
    let instance = P::generate_with(family, settings, 1).unwrap_or_else(|error| panic!("{family}: {error}"));
    let again = parse_instance::<P>(&instance_bytes::<P>(&instance)).expect("readable");
    assert_eq!(hash::<P>(&again), hash::<P>(&instance));
    instance
}

#[test]
fn families_in_seconds_are_version_2() {
    for law in ["linear", "amdahl", "table"] {
        let settings = json!({"work": "seconds", "speedup": law});
        assert_eq!(Multiuser::version_of(&generated::<Multiuser>("zoo", &settings)), 2);
        for view in ["dag", "chain"] {
            let settings = json!({"work": "seconds", "speedup": law, "view": view,
                "machines": ["server-core", "edge-gpu", "jetson-xavier"]});
            assert_eq!(Throughput::version_of(&generated::<Throughput>("zoo", &settings)), 2);
        }
    }
    for units in [0, 40] {
        let settings = json!({"work": "seconds", "units": units});
        assert_eq!(Jpdra::version_of(&generated::<Jpdra>("zoo", &settings)), 2);
    }
    let several = json!({"work": "seconds", "machines": ["edge-gpu", "jetson-xavier"], "servers": 6});
    let instance = generated::<Jpdra>("zoo", &several);
    assert_eq!((instance.machine_kinds.len(), instance.server_kinds().0.len()), (2, 2));
    for family in ["rayleigh", "markov", "bursty", "steady", "tight"] {
        for slots in [1, 5] {
            let settings = json!({"work": "seconds", "slots": slots});
            assert_eq!(Lymdo::version_of(&generated::<Lymdo>(family, &settings)), 2, "{family}");
        }
    }
    // In MACs all stays as it was.
    assert_eq!(Multiuser::version_of(&generated::<Multiuser>("zoo", &json!({"work": "macs"}))), 1);
}

/// A block takes what its layers take, on the device and on the server.
#[test]
fn work_of_blocks_is_that_of_their_layers() {
    let settings = json!({"work": "seconds", "models": ["vgg16"], "devices": ["raspberry-pi-4"], "users": 1});
    let instance = generated::<Multiuser>("zoo", &settings);
    let graph = zoo::graph("vgg16").expect("in the zoo");
    let names: Vec<&str> = instance.machine_kinds.iter().map(|kind| kind.name.as_str()).collect();
    assert_eq!(names, ["raspberry-pi-4", "server-core"]);
    for (device, work) in [(&catalogue::RASPBERRY_PI_4, 0), (&catalogue::SERVER_CORE, 1)] {
        let layer_s = Profile::estimate(&graph, device).layer_s;
        let chain = graph.chain();
        let blocks = instance.models[0].work_s[work].as_ref().expect("it runs there");
        for (block, seconds) in chain.blocks.iter().zip(blocks) {
            assert_eq!(layer_s[block.layers.clone()].iter().sum::<f64>(), *seconds);
        }
        let total: f64 = blocks.iter().sum();
        assert!((total / layer_s.iter().sum::<f64>() - 1.0).abs() < 1e-12);
    }
}

/// The CSV of a graph: a millisecond for its second layer, two for its third, ...
fn csv_of(graph: &Graph) -> String {
    let rows = graph.layers().iter().enumerate().skip(1);
    let rows: Vec<String> = rows.map(|(v, layer)| format!("{},{}", layer.name, v as f64 * 1e-3)).collect();
    format!("layer,seconds\n{}\n", rows.join("\n"))
}

fn write(folder: &Path, name: &str, value: &Value) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, value.to_string()).expect("room");
    path
}

/// A machine with measured times of these models.
fn machine(folder: &Path, models: &[&str], speedups: &[f64]) -> PathBuf {
    let table = |name: &&str| {
        let graph = zoo::graph(name).expect("in the zoo");
        let times = Times::parse(csv_of(&graph).as_bytes()).expect("good");
        serde_json::to_value(times.matched(&graph, "bench", false).expect("all layers").table).expect("plain data")
    };
    let tables: Vec<Value> = models.iter().map(table).collect();
    write(folder, "machine.json", &json!({"machine": "bench", "speedups": speedups, "models": tables}))
}

#[test]
fn own_machines_devices_and_links() {
    let folder = tempfile::tempdir().expect("room");
    let bench = machine(folder.path(), &["alexnet", "nin"], &[1.0, 1.5, 1.75]);
    let device = write(
        folder.path(),
        "device.json",
        &json!({"id": "mine", "about": "", "layer_overhead_s": 0, "rates": {"conv_macs_per_s": 1e9,
            "depthwise_macs_per_s": 1e9, "linear_macs_per_s": 1e9, "matmul_macs_per_s": 1e9}}),
    );
    let link = write(
        folder.path(),
        "link.json",
        &json!({"id": "lab", "about": "", "uplink_bytes_per_s": 1e6, "rtt_s": 0.001}),
    );
    let settings = json!({"work": "seconds", "models": ["alexnet", "nin"], "devices": [bench, device], "links": [link],
        "server": bench, "speedup": "table"});
    let instance = generated::<Multiuser>("zoo", &settings);
    let names: Vec<&str> = instance.machine_kinds.iter().map(|kind| kind.name.as_str()).collect();
    assert_eq!(names, ["bench", "mine"]);
    assert_eq!(instance.server.speedup, Speedup::Table { speedups: vec![1.0, 1.5, 1.75] });
    assert!(instance.users.iter().all(|user| user.rtt_s == 0.001));
    let alexnet = zoo::graph("alexnet").expect("in the zoo");
    let total_s: f64 = (1..alexnet.layers().len()).map(|v| v as f64 * 1e-3).sum();
    let of_bench: f64 = instance.models[0].work_s[0].as_ref().expect("measured").iter().sum();
    assert!((of_bench / total_s - 1.0).abs() < 1e-12);
    // With work in MACs a measured machine is one speed for each model.
    let settings = json!({"models": ["alexnet"], "devices": [bench], "users": 1, "device_speed": 1});
    let instance = generated::<Multiuser>("zoo", &settings);
    let speed = instance.users[0].device.speed * total_s / alexnet.macs() as f64;
    assert!((0.7..1.5).contains(&speed), "{speed}");
    for problem in ["jpdra", "throughput", "lymdo"] {
        let machines = json!([bench]);
        let settings = json!({"work": "seconds", "models": ["alexnet", "nin"]});
        let with = |name: &str| {
            let mut settings = settings.clone();
            settings[name] = machines.clone();
            settings
        };
        match problem {
            "jpdra" => drop(generated::<Jpdra>("zoo", &with("machines"))),
            "throughput" => drop(generated::<Throughput>("zoo", &with("devices"))),
            _ => drop(generated::<Lymdo>("rayleigh", &with("devices"))),
        }
    }
}

#[test]
fn bad_machines_are_one_line() {
    let folder = tempfile::tempdir().expect("room");
    let bench = machine(folder.path(), &["alexnet"], &[]);
    let error = |settings: Value| {
        let base = multiuser::Parameters::default();
        let mut parameters = base;
        for (name, value) in settings.as_object().expect("an object") {
            parameters = match parameters.with(name, value.clone()) {
                Ok(parameters) => parameters,
                Err(error) => return error.to_string(),
            };
        }
        multiuser::generate("zoo", &parameters, 1).expect_err("bad").to_string()
    };
    let text = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).expect("room");
        path
    };
    for (settings, expected) in [
        (json!({"work": "seconds", "devices": [bench], "models": ["vgg16"]}), "no times of model 'vgg16'"),
        (json!({"devices": [bench], "models": ["vgg16"]}), "no times of model 'vgg16'"),
        (json!({"devices": ["toaster"]}), "device 'toaster' is not known"),
        (json!({"devices": ["nowhere.json"]}), "cannot be read"),
        (json!({"links": ["nowhere.json"]}), "cannot be read"),
        (json!({"server": "nowhere.json"}), "cannot be read"),
        (json!({"devices": [text("a.json", "{")]}), "valid JSON"),
        (json!({"devices": [text("b.json", "{\"machine\": \"\", \"models\": []}")]}), "is empty"),
        (json!({"devices": [text("c.json", "{\"machine\": \"m\", \"models\": []}")]}), "is empty"),
        (json!({"devices": [text("d.json", "{\"machine\": \"m\", \"model\": []}")]}), "unknown field"),
        (
            json!({"links": [text("e.json", "{\"id\": \"x\", \"about\": \"\", \"uplink_bytes_per_s\": 0, \"rtt_s\": 0}")]}),
            "is 0",
        ),
        (json!({"work": "hours"}), "work"),
    ] {
        let error = error(settings);
        assert!(error.contains(expected) && !error.contains('\n'), "{expected}: {error}");
    }
    assert!(LayerTimes::named("raspberry-pi-4").is_ok());
}
