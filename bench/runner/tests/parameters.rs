//! The parameters of all methods of all problems: what is declared is what can be set.

use offcut_instances::document::parse_instance;
use offcut_instances::for_each_problem;
use offcut_instances::problem::{Algorithm, Answer, Budget, MethodSpec, Parameter};
use offcut_runner::{BenchmarkAdapter, method};

/// The error of a method with one parameter set, or none.
fn error_of<P: BenchmarkAdapter>(id: &str, name: &str, value: f64) -> Option<String> {
    let spec = MethodSpec { id: id.into(), parameters: [(name.to_owned(), value)].into() };
    method::<P>(&spec).err().map(|error| error.to_string())
}

/// Defaults and the ends of the range are accepted; all else is rejected in one line that names method, parameter and range.
fn holds_to_its_range<P: BenchmarkAdapter>(id: &str, Parameter { name, default, range, about }: Parameter) {
    assert!(!about.is_empty() && range.contains(default), "{id}:{name}={default}, {range}");
    for value in [default, range.least, range.most] {
        assert_eq!(error_of::<P>(id, name, value), None, "{id}:{name}={value}");
    }
    let fraction = range.is_integer.then_some(range.least + 0.5);
    let outside = [range.least.next_down(), range.most.next_up(), f64::NAN, f64::INFINITY, f64::NEG_INFINITY];
    for value in outside.into_iter().chain(fraction) {
        let error = error_of::<P>(id, name, value).unwrap_or_else(|| panic!("{id}:{name}={value} is accepted"));
        assert!([id, name, &range.to_string()].iter().all(|word| error.contains(word)), "{error}");
        assert!(!error.contains('\n'), "{error}");
    }
}

fn unknown_names_are_rejected<P: BenchmarkAdapter>(id: &str, known: &[Parameter]) {
    let error = error_of::<P>(id, "colour", 1.0).unwrap_or_else(|| panic!("{id} has a colour"));
    assert!(error.contains(id) && error.contains("colour") && !error.contains('\n'), "{error}");
    assert!(known.iter().all(|parameter| error.contains(&format!("{} ({})", parameter.name, parameter.range))));
}

/// Small instances: the one solved by hand, and a horizon if the problem has any.
fn small<P: BenchmarkAdapter>() -> Vec<P::Instance> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../instances/data");
    let bytes = std::fs::read(format!("{folder}/{}/toy.json", P::NAME)).expect("a file");
    let horizon = P::ROLL_OUT.map(|roll_out| {
        let (name, slots) = roll_out.short_horizon;
        let settings = [(name.to_owned(), slots.into())].into_iter().collect();
        P::generate_with(P::FAMILIES[0].name, &settings, 1).expect("legal")
    });
    [parse_instance::<P>(&bytes).expect("an instance")].into_iter().chain(horizon).collect()
}

/// A declared default is the value that the method has if nobody sets it.
fn defaults_are_true<P: BenchmarkAdapter>(id: &str, known: &[Parameter]) {
    let spec = |parameters| MethodSpec { id: id.into(), parameters };
    let plain = method::<P>(&spec(Default::default())).expect("known");
    let set = spec(known.iter().map(|parameter| (parameter.name.to_owned(), parameter.default)).collect());
    let set = method::<P>(&set).expect("defaults are allowed");
    assert_eq!(plain.is_random(), set.is_random(), "{id}");
    for instance in small::<P>() {
        let decided = |algorithm: &dyn Algorithm<P>| {
            let Answer { stop, found, proved, certified, trace } = algorithm.solve(&instance, &Budget::seconds(60.0));
            (stop, found, proved, certified, trace.counts)
        };
        assert!(decided(plain.as_ref()) == decided(set.as_ref()), "{id}");
    }
}

fn parameters_are_as_declared<P: BenchmarkAdapter>() {
    for algorithm in P::algorithms() {
        let (id, known) = (algorithm.id(), algorithm.parameters());
        known.iter().for_each(|parameter| holds_to_its_range::<P>(id, *parameter));
        unknown_names_are_rejected::<P>(id, &known);
        if !known.is_empty() {
            defaults_are_true::<P>(id, &known);
        }
    }
}

macro_rules! all_problems {
    ([] $($module:ident: $problem:path,)*) => {
        $(mod $module {
            #[test]
            fn parameters_are_as_declared() {
                super::parameters_are_as_declared::<$problem>();
            }
        })*
    };
}
for_each_problem!([] all_problems);
