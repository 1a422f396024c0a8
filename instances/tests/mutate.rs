//! Neighbours of instances are legal and within their sizes; making an instance small keeps what it is asked to keep.

use offcut_instances::document::{instance_bytes, parse_instance};
use offcut_instances::family::FOUND;
use offcut_instances::for_each_problem;
use offcut_instances::mutate::{Mutable, default_sizes, fits, length, neighbour, of_family, shrunk, small};
use offcut_instances::problem::Valid;
use offcut_instances::random::Stream;
use proptest::prelude::*;
use serde_json::{Map, json};

/// A walk over neighbours: every instance is legal, within its sizes, and survives its document.
fn walk<P: Mutable>(seed: u64, steps: usize) {
    let mut stream = Stream::new(&["test", "walk"], seed);
    let sizes: Vec<usize> = P::SIZES.iter().map(|size| size.most + stream.below(2) as usize).collect();
    let variant = *stream.pick(P::VARIANTS);
    let mut instance = small::<P>(&sizes, variant, &mut stream);
    let mut moved = 0;
    for _ in 0..steps {
        let next = neighbour::<P>(&instance, &sizes, variant, &mut stream);
        next.validate().expect("neighbours are legal");
        assert!(fits::<P>(&next, &sizes), "{:?} within {sizes:?}", P::counts(&next));
        moved += usize::from(next != instance);
        instance = next;
    }
    assert!(2 * moved > steps, "{moved} of {steps} neighbours are others");
    let bytes = instance_bytes::<P>(&instance);
    assert_eq!(parse_instance::<P>(&bytes).expect("readable"), instance);
    for part in P::parts(&instance) {
        let mut less = instance.clone();
        P::remove(&mut less, part);
        less.validate().unwrap_or_else(|error| panic!("{} without {part:?}: {error}", P::NAME));
        let (before, after) = (P::counts(&instance), P::counts(&less));
        let is_less = (0..before.len()).all(|of| after[of] <= before[of] || P::SIZES[of].name == "edges");
        assert!(is_less, "{} {part:?}", P::NAME);
    }
    for plainer in P::plainer(&instance) {
        plainer.validate().expect("plainer forms are legal");
        assert_ne!(plainer, instance);
    }
}

/// Families are brought within sizes, in every variant.
fn families<P: Mutable>() {
    let sizes = default_sizes::<P>();
    let mut stream = Stream::new(&["test", "families"], 0);
    for family in P::FAMILIES {
        for variant in P::VARIANTS {
            let instance = of_family::<P>(family.name, &sizes, variant, 1, &mut stream);
            let instance = instance.unwrap_or_else(|| panic!("{} {} is too large", P::NAME, family.name));
            assert!(fits::<P>(&instance, &sizes));
        }
    }
}

/// Making an instance small keeps what is asked for, and what is left is no longer than before.
fn shrinking<P: Mutable>() {
    let sizes = default_sizes::<P>();
    for seed in 0..20 {
        let mut stream = Stream::new(&["test", "shrinking"], seed);
        let instance = small::<P>(&sizes, P::VARIANTS[0], &mut stream);
        let digits = |instance: &P::Instance| {
            P::numbers(&mut instance.clone()).iter().map(|number| length(*number.value)).sum::<u32>()
        };
        let parts = P::counts(&instance)[0].min(2);
        let least = shrunk::<P>(&instance, |candidate| Some(P::counts(candidate)[0] >= parts));
        assert_eq!(P::counts(&least)[0], parts, "{}", P::NAME);
        assert!(digits(&least) <= digits(&instance));
        assert!(P::numbers(&mut least.clone()).iter().all(|number| length(*number.value) <= 1));
        assert_eq!(shrunk::<P>(&instance, |_| Some(false)), instance);
        assert_eq!(shrunk::<P>(&instance, |_| None), instance);
    }
}

/// The kept family hands out its instances by number, and takes no parameters.
fn kept<P: Mutable>() {
    let none = Map::new();
    for (place, document) in P::KEPT.iter().enumerate() {
        let instance = P::generate_with(FOUND.name, &none, place as u64 + 1).expect("a kept instance");
        assert_eq!(instance, parse_instance::<P>(document).expect("readable"));
        assert_eq!(P::origin(&instance).family, FOUND.name);
        assert_eq!(instance_bytes::<P>(&instance), document.strip_suffix(b"\n").unwrap_or(document));
    }
    for number in [0, P::KEPT.len() as u64 + 1] {
        assert!(P::generate_with(FOUND.name, &none, number).is_err());
    }
    let some = json!({"users": 3}).as_object().cloned().expect("an object");
    assert!(P::generate_with(FOUND.name, &some, 1).is_err());
    assert_eq!(P::families().len(), P::FAMILIES.len() + usize::from(!P::KEPT.is_empty()));
}

macro_rules! tests {
    ([] $($module:ident: $problem:path,)*) => { $(
        mod $module {
            use super::*;

            proptest! {
                #![proptest_config(ProptestConfig::with_cases(64))]

                #[test]
                fn neighbours_are_legal(seed: u64) {
                    walk::<$problem>(seed, 100);
                }
            }

            #[test]
            fn families_are_brought_within_sizes() {
                families::<$problem>();
            }

            #[test]
            fn making_it_small_keeps_what_is_asked_for() {
                shrinking::<$problem>();
            }

            #[test]
            fn kept_instances_have_numbers() {
                kept::<$problem>();
            }
        }
    )* };
}
for_each_problem!([] tests);
