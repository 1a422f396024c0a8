//! The measured machines that Offcut ships.

use offcut_instances::dnn::machine_file::LayerTimes;
use offcut_instances::dnn::{shipped, zoo};

#[test]
fn all_machines_are_measured_on_the_zoo() {
    for name in shipped::names() {
        let times = LayerTimes::named(name).unwrap_or_else(|error| panic!("{name}: {error}"));
        let LayerTimes::Measured(machine) = &times else { panic!("{name} is measured") };
        assert_eq!(machine.machine, *name);
        assert!(machine.provenance.is_some() && machine.models.len() >= 6, "{name}");
        for table in &machine.models {
            let graph = zoo::graph(&table.model).unwrap_or_else(|| panic!("{name}: {}", table.model));
            let seconds = times.layer_s(&graph).unwrap_or_else(|error| panic!("{name}: {error}"));
            for (layer, seconds) in graph.layers().iter().zip(&seconds).filter(|(layer, _)| layer.macs > 0) {
                assert!(*seconds > 0.0, "{name}: {}: {}", table.model, layer.name);
            }
            let (sum, whole) = (seconds.iter().sum::<f64>(), &table.whole[0]);
            assert!((0.5..2.0).contains(&(sum / whole.time_s)), "{name}: {}", table.model);
        }
    }
    assert!(LayerTimes::named("no-machine").is_err_and(|error| error.to_string().contains(shipped::names()[0])));
}
