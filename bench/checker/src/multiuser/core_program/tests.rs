//! The dynamic program by hand, each rule broken alone, and against enumeration.

use offcut_instances::document::parse_instance;
use offcut_instances::multiuser::{Certificate, Instance, Multiuser, Objective, PriceNode};
use proptest::prelude::*;

use super::*;
use crate::Checkable;

fn group(count: u64, deviations: &[(i64, f64)]) -> Group {
    let deviations = deviations.iter().map(|(units, cost)| Deviation { units: *units, cost: *cost }).collect();
    Group { count, deviations }
}

fn least(price: f64, idle: i64, gap: f64, groups: &[Group]) -> Option<f64> {
    let program = Program { price, idle, gap };
    program.least(groups.to_vec(), |_| Ok(())).unwrap_or_else(|_| panic!("nothing ends it"))
}

fn is_near(found: Option<f64>, expected: f64) -> bool {
    found.is_some_and(|found| found <= expected && expected - found <= 1e-12 * expected)
}

/// Five units are idle, at 1 s each. By hand: nothing deviates, 5 s; two up, .5 + 3 s; two and three up, .5 + 1 s.
#[test]
fn idle_units_are_taken_or_paid_for() {
    let all = [group(1, &[(2, 0.5)]), group(1, &[(3, 1.0)]), group(1, &[(-1, 0.0)])];
    assert!(is_near(least(1.0, 5, 10.0, &all[..0]), 5.0));
    assert!(is_near(least(1.0, 5, 10.0, &all[..1]), 3.5));
    assert!(is_near(least(1.0, 5, 10.0, &all[..2]), 1.5));
    assert!(is_near(least(1.0, 5, 10.0, &all), 1.5));
    // Six up are too many, five and one down leave one idle.
    assert!(is_near(least(1.0, 5, 10.0, &[group(1, &[(6, 0.25)])]), 5.0));
    assert!(is_near(least(1.0, 5, 10.0, &[group(1, &[(6, 0.25)]), group(1, &[(-1, 0.5)])]), 0.75));
    // What is not below the gap is none.
    assert_eq!(least(1.0, 5, 4.75, &[]), None);
    assert_eq!(least(1.0, 5, 1.25, &all), None);
    // Bases that take two units too many.
    assert_eq!(least(1.0, -2, 10.0, &[]), None);
    assert!(is_near(least(1.0, -2, 10.0, &[group(2, &[(-1, 2.0)])]), 4.0));
    assert_eq!(least(1.0, -2, 10.0, &[group(1, &[(-1, 2.0)])]), None);
    // For nothing.
    assert_eq!(least(0.0, 7, 1.0, &[]), Some(0.0));
}

/// Eleven deviate, five up and six down, and no fewer do: 5 x 7 - 6 x 6 = -1.
#[test]
fn as_many_deviate_as_it_takes() {
    let groups = |up: u64, down: u64| [group(up, &[(7, 0.0)]), group(down, &[(-6, 0.0)])];
    assert_eq!(least(1.0, -1, 0.5, &groups(5, 6)), Some(0.0));
    assert_eq!(least(1.0, -1, 0.5, &groups(1000, 1000)), Some(0.0));
    assert_eq!(least(1.0, -1, 0.5, &groups(4, 1000)), None);
    assert_eq!(least(1.0, -1, 0.5, &groups(1000, 5)), None);
    // And as far as it takes.
    assert_eq!(least(1.0, 700, 0.5, &[group(1000, &[(7, 0.0)])]), Some(0.0));
    assert_eq!(least(1.0, -600, 0.5, &[group(1000, &[(-6, 0.0)])]), Some(0.0));
    assert_eq!(least(1.0, 700, 0.5, &[group(99, &[(7, 0.0)])]), None);
}

/// 7 up, 6 down, the units that are idle, and those that a gap pays for, rounded up.
#[test]
fn the_number_of_deviations_is_what_the_proof_says() {
    let groups = [group(9, &[(7, 0.0), (2, 1.0)]), group(9, &[(-6, 0.0)])];
    let most = |price: f64, idle: i64, gap: f64, groups: &[Group]| Program { price, idle, gap }.most_deviations(groups);
    assert_eq!(most(1.0, 0, 2.5, &groups), 7 + 6 + 3);
    assert_eq!(most(0.5, 4, 2.5, &groups), 7 + 6 + 4 + 6);
    assert_eq!(most(1.0, -4, 2.5, &groups), 7 + 6 + 4 + 3);
    assert_eq!(most(1.0, 0, 2.5, &groups[..1]), 7 + 3);
    assert_eq!(most(1.0, 0, 2.5, &groups[1..]), 6 + 3);
    assert_eq!(most(0.0, 0, 2.5, &groups), u64::MAX);
    assert_eq!(most(1.0, 0, 2.5, &[]), 3);
}

/// What the remaining groups add at least: the cheaper of the price and what they take upwards; what they take downwards, if there is anything.
#[test]
fn a_state_comes_to_what_brings_it_home() {
    let program = Program { price: 2.0, idle: 10, gap: 100.0 };
    let total = |units: i64, up: f64, down: f64| program.total(State { units, cost: 1.0 }, Rates { up, down });
    let near = |found: f64, expected: f64| found <= expected && expected - found < 1e-12;
    assert!(near(total(7, 9.0, 0.0), 1.0 + 3.0 * 2.0));
    assert!(near(total(7, 0.5, 9.0), 1.0 + 3.0 * 0.5));
    assert!(near(total(12, 0.0, 0.25), 1.0 + 2.0 * 0.25));
    assert_eq!(total(10, f64::INFINITY, f64::INFINITY), 1.0);
    assert_eq!(total(11, 0.0, f64::INFINITY), f64::INFINITY);
    let rates = Rates::of(&group(1, &[(2, 3.0), (4, 4.0), (-2, 1.0), (-1, 3.0)]));
    assert!(near(rates.up, 1.0) && near(rates.down, 0.5));
    let [up, down] = [&[(2, 3.0)][..], &[(-2, 3.0)]].map(|by| Rates::of(&group(1, by)));
    assert!(near(up.up, 1.5) && up.down == f64::INFINITY && near(down.down, 1.5) && down.up == f64::INFINITY);
    let both = up.least(down);
    assert_eq!((both.up, both.down), (up.up, down.down));
}

/// A state goes if another one has no more units and is no dearer, its units paid for at the price; otherwise it stays.
#[test]
fn only_dominated_states_go() {
    let program = Program { price: 2.0, idle: 100, gap: 1000.0 };
    let states = |deviations: &[(i64, f64)]| {
        let start = [State { units: 0, cost: 0.0 }];
        let states = program.extended(&start, &group(1, deviations), Rates { up: 0.0, down: 0.0 }, |_| Ok(()));
        let states = states.unwrap_or_else(|_| panic!("nothing ends it"));
        states.iter().map(|state| (state.units, state.cost)).collect::<Vec<_>>()
    };
    assert_eq!(states(&[(3, 5.5)]), [(0, 0.0), (3, 5.5)]);
    assert_eq!(states(&[(3, 6.5)]), [(0, 0.0)]);
    // Of equal units the cheapest; fewer units may cost more.
    assert_eq!(states(&[(3, 2.0), (3, 1.0)]), [(0, 0.0), (3, 1.0)]);
    assert_eq!(states(&[(-3, 7.0)]), [(-3, 7.0), (0, 0.0)]);
    assert_eq!(states(&[(-3, 0.0), (-1, 3.0)]), [(-3, 0.0), (-1, 3.0), (0, 0.0)]);
    assert_eq!(states(&[(-3, 0.0), (-1, 5.0)]), [(-3, 0.0), (0, 0.0)]);
    // Exactly as dear: it may go or stay, as far as roundings are concerned; it is not needed.
    assert!(states(&[(3, 6.0)]).len() <= 2);
}

/// Nothing is left of it where the states cannot come below the gap.
#[test]
fn states_that_come_to_the_gap_go() {
    let program = Program { price: 2.0, idle: 0, gap: 3.0 };
    let start = [State { units: 0, cost: 0.0 }];
    let count = |deviation: (i64, f64), rates: Rates| {
        let states = program.extended(&start, &group(1, &[deviation]), rates, |_| Ok(()));
        states.unwrap_or_else(|_| panic!("nothing ends it")).len()
    };
    let free = Rates { up: 0.0, down: 0.0 };
    assert_eq!([count((1, 1.0), free), count((-1, 2.5), free), count((-1, 3.0), free)], [2, 2, 1]);
    assert_eq!([count((1, 1.0), Rates { down: 1.5, ..free }), count((1, 1.0), Rates { down: 2.5, ..free })], [2, 1]);
    assert_eq!([count((-2, 1.0), Rates { up: 0.5, ..free }), count((-2, 1.0), Rates { up: 1.25, ..free })], [2, 1]);
}

/// Enumeration of all that may deviate.
fn enumerated(price: f64, idle: i64, groups: &[Group]) -> f64 {
    let mut sums = vec![(0, 0.0)];
    for group in groups {
        for _ in 0..group.count {
            let moved = |(units, cost): &(i64, f64)| {
                let all = group.deviations.iter().map(|by| (units + by.units, cost + by.cost));
                all.chain([(*units, *cost)]).collect::<Vec<_>>()
            };
            sums = sums.iter().flat_map(moved).collect();
        }
    }
    let fits = sums.into_iter().filter(|(units, _)| *units <= idle);
    fits.map(|(units, cost)| cost + price * (idle - units) as f64).fold(f64::INFINITY, f64::min)
}

fn groups() -> impl Strategy<Value = Vec<Group>> {
    let units = prop_oneof![-4i64..0, 1i64..5];
    let cost = prop_oneof![2 => Just(0.0), 3 => (0u32..12).prop_map(|quarters| f64::from(quarters) / 4.0)];
    let deviations = prop::collection::vec((units, cost), 1..3);
    let groups = prop::collection::vec((1u64..4, deviations), 0..3);
    groups.prop_map(|groups| groups.into_iter().map(|(count, deviations)| group(count, &deviations)).collect())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_least_is_that_of_enumeration(
        groups in groups(),
        idle in -9i64..12,
        price in prop_oneof![1 => Just(0.0), 6 => (1u32..9).prop_map(|quarters| f64::from(quarters) / 4.0)],
        gap in (0u32..30).prop_map(|quarters| f64::from(quarters) / 4.0 + 0.125),
    ) {
        let expected = enumerated(price, idle, &groups);
        let found = least(price, idle, gap, &groups);
        if expected < gap {
            prop_assert!(found == Some(expected) || is_near(found, expected), "{found:?} {expected}");
        } else {
            prop_assert_eq!(found, None);
        }
    }

    /// Whatever base is taken, the groups are the users' unit counts, and idle is what it leaves.
    #[test]
    fn a_base_keeps_every_unit_count(
        counts in prop::collection::vec((1u64..5, prop::collection::btree_map(0u32..9, 0u32..3, 1..4)), 1..4),
        capacity in 0i64..40,
    ) {
        let equals = || counts.iter().map(|(count, options)| {
            let options = options.iter().map(|(units, cost)| (*units, f64::from(*cost))).collect();
            Equals { count: *count, options }
        });
        let (groups, idle) = based(equals().collect(), capacity, 0.5);
        // As groups whose base is no unit at all, with everything as a deviation; that a user has to have one is left out on neither side.
        let mut all = vec![(0i64, 0.0)];
        for Equals { count, options } in equals() {
            for _ in 0..count {
                let next = |(units, cost): &(i64, f64)| {
                    options.iter().map(|(more, also)| (units + i64::from(*more), cost + also)).collect::<Vec<_>>()
                };
                all = all.iter().flat_map(next).collect();
                all.sort_by(|a, b| a.partial_cmp(b).expect("numbers"));
                all.dedup_by_key(|(units, _)| *units);
            }
        }
        let fits = all.iter().filter(|(units, _)| *units <= capacity);
        let expected = fits.map(|(units, cost)| cost + (capacity - units) as f64).fold(f64::INFINITY, f64::min);
        let found = least(1.0, idle, 1e9, &groups);
        // Bases are free, so it may be less, but only if a base is not.
        let are_free = counts.iter().all(|(_, options)| options.values().min() == Some(&0));
        match found {
            None => prop_assert!(expected.is_infinite()),
            Some(found) => prop_assert!(found <= expected && (!are_free || expected - found <= 1e-9), "{found} {expected}"),
        }
    }
}

/// Three users may have 2 or 5 units for the same: with ten units, one of them starts with 5 and one unit is idle.
#[test]
fn bases_take_units_that_are_there() {
    let equals = || vec![Equals { count: 3, options: vec![(2, 0.0), (4, 1.0), (5, 0.0)] }];
    let few = group(2, &[(2, 1.0), (3, 0.0)]);
    let many = group(1, &[(-3, 0.0), (-1, 1.0)]);
    assert_eq!(based(equals(), 10, 0.5), (vec![few.clone(), many], 1));
    assert_eq!(based(equals(), 5, 0.5), (vec![group(3, &few_of(&few))], -1));
    let many = [(-3, 0.0), (-1, 1.0)];
    assert_eq!(based(equals(), 99, 0.5), (vec![group(3, &many)], 84));
}

fn few_of(group: &Group) -> Vec<(i64, f64)> {
    group.deviations.iter().map(|by| (by.units, by.cost)).collect()
}

#[test]
fn too_many_states_are_given_up() {
    let program = Program { price: 0.0, idle: 0, gap: 1.0 };
    let states: Vec<State> = (0..1 << 20).map(|units| State { units: -units, cost: 0.0 }).collect();
    let rates = Rates { up: 0.0, down: 0.0 };
    let extended = |deviations: &[(i64, f64)]| {
        program.extended(&states, &group(1, deviations), rates, |_| Ok(())).map(|states| states.len())
    };
    assert!(extended(&[(1, 0.5)]).is_ok());
    assert!(matches!(extended(&[(1, 0.5), (2, 0.5)]), Err(End::GivenUp)));
}

/// Every state that is made is paid for.
#[test]
fn states_take_steps() {
    let spent = Cell::new(0);
    let spend = |steps: u64| {
        spent.set(spent.get() + steps);
        Ok(())
    };
    let states = [State { units: 0, cost: 0.0 }, State { units: 1, cost: 0.0 }];
    let program = Program { price: 1.0, idle: 9, gap: 1.0 };
    let rates = Rates { up: 0.0, down: 0.0 };
    assert!(program.extended(&states, &group(1, &[(1, 0.5), (2, 0.5)]), rates, spend).is_ok());
    assert_eq!(spent.get(), 2 * 3 * STATE_STEPS);
}

fn toy() -> Instance {
    let bytes = include_bytes!("../../../../../instances/data/multiuser/toy.json");
    Instance { objective: Objective::Sum, ..parse_instance::<Multiuser>(bytes).expect("the toy is valid") }
}

fn proved(instance: &Instance, price_s: f64, cutoff_s: f64) -> f64 {
    let nodes = vec![PriceNode::Core { price_s, cutoff_s }];
    Multiuser::replay(instance, &Certificate::Prices { nodes }).expect("a leaf")
}

/// The price bound of the toy is 9.25 at .75, its optimum 9.5 (by hand in the tests of this problem).
#[test]
fn the_toys_core_closes_its_gap_and_proves_no_more() {
    let near = |found: f64, expected: f64| found <= expected && expected - found < 1e-12;
    assert!(near(proved(&toy(), 0.75, 9.0), 9.25));
    assert_eq!(proved(&toy(), 0.75, 9.4), 9.4);
    assert_eq!(proved(&toy(), 0.75, 9.499_999), 9.499_999);
    for cutoff in [9.500_001, 10.0, 1e6] {
        for price in [0.0, 0.1, 0.75, 3.0, 100.0] {
            let found = proved(&toy(), price, cutoff);
            assert!(found <= 9.5 && 9.5 - found < 2e-12 * cutoff, "{price} {cutoff}");
        }
    }
}

/// A leaf that takes too much has its price bound; a replay that takes too much has none.
#[test]
fn what_takes_too_much_is_given_up_or_rejected() {
    let instance = toy();
    let users = UserTerms::new(&instance);
    // 6 and 6.25 at .75, less 3.
    let leaf = Leaf { terms: &[6.0, 6.25], ranges: &[(0, 4); 2], price: 0.75, bound: 9.25, cutoff: 9.499 };
    let within = |steps: u64, most: u64| bound_within(&users, &leaf, &Budget::of(0, 0).limited_to(most), steps);
    assert_eq!(within(10_000, 10_000), Ok(9.499));
    let budget = Budget::of(0, 0);
    assert_eq!(bound_within(&users, &leaf, &budget, 10_000), Ok(9.499));
    let steps = budget.spent();
    assert_eq!(within(steps, steps), Ok(9.499));
    for few in [0, 1, steps / 2, steps - 1] {
        assert_eq!(within(few, steps), Ok(9.25));
        assert!(within(steps, few).is_err());
    }
}

#[test]
fn sums_of_units_are_exact_or_given_up() {
    assert!(sums_are_exact(1 << 21, 4_000_000_000) && !sums_are_exact(1 << 22, 4_000_000_000));
    assert!(sums_are_exact(1, 0) && sums_are_exact(usize::MAX, 0) && !sums_are_exact(usize::MAX, u32::MAX));
}

#[test]
fn costs_are_lowered_to_whole_steps() {
    assert_eq!([0.0, 0.3, 0.5, 0.99, 1.0, 7.25].map(|cost| whole_steps(cost, 0.5)), [0.0, 0.0, 0.5, 0.5, 1.0, 7.0]);
    assert_eq!(whole_steps(0.3, 0.0), 0.3);
    for cost in (1..1000).map(|tenth| f64::from(tenth) * 0.1) {
        let lowered = whole_steps(cost, 0.1);
        assert!(lowered <= cost && cost - lowered < 0.1 + 1e-12, "{cost} {lowered}");
    }
}

/// Users of different classes whose deviations are the same are counted together; others are not.
#[test]
fn who_deviates_alike_is_of_one_group() {
    let equals = |options: &[(u32, f64)]| Equals { count: 2, options: options.to_vec() };
    let alike = [equals(&[(1, 0.0), (3, 1.0)]), equals(&[(4, 0.0), (6, 1.0)]), equals(&[(5, 0.0)])];
    assert_eq!(based(alike.into(), 30, 0.5), (vec![group(4, &[(2, 1.0)])], 10));
    for other in [&[(4, 0.0), (7, 1.0)][..], &[(4, 0.0), (6, 2.0)], &[(4, 0.0), (6, 1.0), (7, 1.0)]] {
        let (groups, _) = based(vec![equals(&[(1, 0.0), (3, 1.0)]), equals(other)], 10, 0.5);
        assert_eq!(groups.iter().map(|group| group.count).collect::<Vec<_>>(), [2, 2]);
    }
}
