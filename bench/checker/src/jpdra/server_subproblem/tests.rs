//! The parts of a server's search, each against a few lines of its own. What a search returns is a bound whatever its parts do; these tests check that it is
//! the best bound.

use offcut_instances::jpdra::Prices;
use offcut_instances::random::Stream;

use super::*;

const FEW: usize = 5;

/// A partition with a = `root` and rho = `load`; with units of 1 its delay by k of them is a^2 / (k - rho).
fn item(flow: usize, root: f64, load: f64) -> PartitionTerms {
    let first = load.floor() as u64 + 1;
    let delays = (first..=12).map(|k| root * root / (k as f64 - load)).collect();
    PartitionTerms { flow, root: Interval::point(root), load: Interval::point(load), delays, first }
}

/// a = (1, 2) and rho = (1, 4), one after the other.
fn pair() -> Vec<PartitionTerms> {
    vec![item(0, 1.0, 1.0), item(0, 2.0, 4.0)]
}

/// 10 and 20 are paid for being there, and 3 for staying.
fn prices() -> Prices {
    Prices { place: vec![vec![10.0], vec![20.0]], stay: vec![vec![], vec![3.0]] }
}

const FREE: [State; 2] = [State::Free; 2];

#[test]
fn a_share_is_what_a_partition_takes_of_a_server() {
    let (items, prices) = (pair(), prices());
    let share = |capacity| {
        let search = Search::new(&items, capacity, &prices, SubproblemObjective::Delay, 0, &FREE);
        [search.share(0), search.share(1)]
    };
    assert_eq!(share(Capacity::Speed(8.0)), [0.125, 0.5]);
    // 2 and 5 units at least.
    assert_eq!(share(Capacity::Units(10)), [0.2, 0.5]);
}

#[test]
fn what_differs_and_what_is_large_is_in_doubt() {
    let (items, prices) = (pair(), prices());
    let search = Search::new(&items, Capacity::Speed(8.0), &prices, SubproblemObjective::Delay, 0, &FREE);
    assert_eq!([search.branching_score(0, false), search.branching_score(1, false)], [0.125, 0.5]);
    assert_eq!([search.branching_score(0, true), search.branching_score(1, true)], [2.125, 2.5]);
}

#[test]
fn a_number_reaches_another_but_for_a_share_of_it() {
    for high in [4.0, -4.0] {
        assert!(reaches(high, high, 0.25) && reaches(high - 1.0, high, 0.25) && !reaches(high - 1.5, high, 0.25));
    }
    assert!(reaches(1.0, 0.0, 0.25) && reaches(0.0, 0.0, 0.25) && !reaches(-1e-9, 0.0, 0.25));
    assert!(!reaches(f64::INFINITY, f64::INFINITY, 0.25) && !reaches(1.0, f64::INFINITY, 0.25));
}

/// On 8: (1 + 2)^2 / (8 - 5) = 3 for both, 1/7 and 4/4 for one. In 8 units: 2 and 6 of them give 1 + 2.
#[test]
fn a_set_is_worth_its_delay_less_what_it_earns() {
    let (items, prices) = (pair(), prices());
    let objective_value = |capacity, objective, taken: [bool; 2]| {
        Search::new(&items, capacity, &prices, objective, 0, &FREE).value(&taken)
    };
    let speed = |objective, taken| objective_value(Capacity::Speed(8.0), objective, taken);
    assert_eq!(speed(SubproblemObjective::Delay, [true, true]), 3.0 - 33.0);
    assert_eq!(speed(SubproblemObjective::Delay, [true, false]), 1.0 / 7.0 - 10.0);
    assert_eq!(speed(SubproblemObjective::Delay, [false, true]), 1.0 - 20.0);
    assert_eq!(speed(SubproblemObjective::Delay, [false, false]), 0.0);
    assert_eq!(speed(SubproblemObjective::Feasibility, [true, true]), -33.0);
    assert_eq!(objective_value(Capacity::Units(8), SubproblemObjective::Delay, [true, true]), 3.0 - 33.0);
    assert_eq!(objective_value(Capacity::Units(8), SubproblemObjective::Feasibility, [true, true]), -33.0);
    for objective in [SubproblemObjective::Delay, SubproblemObjective::Feasibility] {
        assert_eq!(objective_value(Capacity::Speed(5.0), objective, [true, true]), f64::INFINITY);
        assert_eq!(objective_value(Capacity::Units(6), objective, [true, true]), f64::INFINITY);
    }
}

/// At r = 1/2 on 8: costs 2 r a + r^2 rho = 1.25 and 3, and r^2 F = 2. By units: 1 + 1 with 2 of them, 4/3 + 3.5 with 7.
#[test]
fn a_bound_at_a_rate_comes_with_its_curve() {
    let (items, prices) = (pair(), prices());
    let at = |capacity, objective| {
        let search = Search::new(&items, capacity, &prices, objective, 0, &FREE);
        let Point { rate, low, taken, curve } = search.at(&FREE, 0.5);
        assert_eq!((rate, taken), (0.5, vec![true, true]));
        (low, curve)
    };
    let close = |found: (f64, [f64; 3]), low: f64, curve: [f64; 3]| {
        assert!((found.0 - low).abs() < 1e-12, "{found:?}");
        assert!(found.1.iter().zip(curve).all(|(found, expected)| (found - expected).abs() < 1e-12), "{found:?}");
    };
    close(at(Capacity::Speed(8.0), SubproblemObjective::Delay), 4.25 - 33.0 - 2.0, [-33.0, 6.0, 3.0]);
    close(at(Capacity::Speed(8.0), SubproblemObjective::Feasibility), 2.5 - 33.0 - 4.0, [-33.0, -3.0, 0.0]);
    close(at(Capacity::Units(12), SubproblemObjective::Delay), 2.0 + 29.0 / 6.0 - 39.0, [7.0 / 3.0 - 33.0, -3.0, 0.0]);
    close(at(Capacity::Units(12), SubproblemObjective::Feasibility), 3.5 - 33.0 - 6.0, [-33.0, -5.0, 0.0]);
}

#[test]
fn the_next_rate_is_a_curves_top_or_beyond() {
    let items = pair();
    let step = |capacity, objective, rate: f64, c1: f64, c2: f64| {
        let prices = Prices { place: vec![vec![-3.0], vec![20.0]], stay: vec![] };
        let low = Point { rate, low: 0.0, taken: vec![], curve: [0.0, c1, c2] };
        Search::new(&items, capacity, &prices, objective, 0, &FREE).step(&low)
    };
    let (speed, units) = (Capacity::Speed(8.0), Capacity::Units(8));
    // 12 r - 3 r^2 is highest at 2; a hair beyond, unless that has been seen.
    assert_eq!(step(speed, SubproblemObjective::Delay, 0.0, 12.0, 3.0), 2.0 * (1.0 + 1e-14));
    assert_eq!(step(speed, SubproblemObjective::Delay, 1.0, 12.0, 3.0), 2.0 * (1.0 + 1e-14));
    assert_eq!(step(speed, SubproblemObjective::Delay, 2.0, 12.0, 3.0), 8.0);
    assert_eq!(step(speed, SubproblemObjective::Delay, 5.0, 12.0, 3.0), 20.0);
    assert_eq!(step(speed, SubproblemObjective::Delay, 5.0, 12.0, 0.0), 20.0);
    // Lines have no top: the largest of prices, by load or by root.
    assert_eq!(step(speed, SubproblemObjective::Delay, 0.0, 12.0, 0.0), 10.0);
    assert_eq!(step(speed, SubproblemObjective::Feasibility, 0.0, 12.0, 0.0), 5.0);
    assert_eq!(step(units, SubproblemObjective::Delay, 0.0, 12.0, 0.0), 20.0);
    assert_eq!(step(units, SubproblemObjective::Feasibility, 0.0, 12.0, 0.0), 20.0);
    assert_eq!(step(units, SubproblemObjective::Feasibility, 3.0, 12.0, 0.0), 12.0);
}

/// 2 r 2 + r^2 4 = 3 at r = 1/2.
#[test]
fn a_tangent_is_rounded_by_no_more_than_it_takes() {
    let of = item(0, 2.0, 4.0);
    let enclosed = tangent(&of, Interval::point(0.5));
    assert!(enclosed.low() <= 3.0 && 3.0 <= enclosed.high() && enclosed.high() - enclosed.low() < 1e-14);
    let low = tangent_low(&of, 0.5);
    assert!(low <= 3.0 && 3.0 - low < 1e-14, "{low}");
    assert_eq!(tangent_low(&of, 0.0), 0.0);
}

#[test]
fn what_is_infinite_stays_so() {
    assert_eq!(add_down_or_infinite(f64::INFINITY, f64::NEG_INFINITY), f64::INFINITY);
    assert_eq!(add_down_or_infinite(f64::NEG_INFINITY, f64::INFINITY), f64::INFINITY);
    assert_eq!(add_down_or_infinite(1.0, 2.0), 3.0);
    assert!(add_down_or_infinite(1.0, 1e-30) == 1.0 && add_down_or_infinite(1.0, -1e-30) < 1.0);
}

#[test]
fn the_least_bound_waits_in_front() {
    let waiting = |bound| OpenNode { bound, state: Vec::new(), rate: 0.0 };
    assert!(waiting(1.0) > waiting(2.0) && waiting(2.0) < waiting(1.0));
    assert!(waiting(1.0) == waiting(1.0) && waiting(1.0) != waiting(2.0));
    assert_eq!(waiting(1.0).partial_cmp(&waiting(2.0)), Some(std::cmp::Ordering::Greater));
}

/// A curve c0 + c1 r - c2 r^2 that is lower at the one end, and one that is lower at the other.
#[test]
fn curves_meet_where_they_meet() {
    let meets = |rising: [f64; 3], falling: [f64; 3], low, high, at: f64| {
        let found = meeting(&rising, &falling, low, high);
        assert!((found - at).abs() < 1e-12, "{found}, not {at}");
    };
    // r and 3 - 2 r; 1 + r and 4 - r/2.
    meets([0.0, 1.0, 0.0], [3.0, -2.0, 0.0], 0.0, 2.0, 1.0);
    meets([1.0, 1.0, 0.0], [4.0, -0.5, 0.0], 0.0, 3.0, 2.0);
    // 8 r - r^2 and 21 - 2 r meet at 3 and 7.
    meets([0.0, 8.0, 1.0], [21.0, -2.0, 0.0], 0.0, 5.0, 3.0);
    meets([0.0, 20.0, 1.0], [48.0, -2.0, -1.0], 0.0, 5.0, 3.0);
    // The first one's top is before they meet: 5 r - r^2 is highest at 2.5, and meets 8.96 - r at 2.8.
    meets([0.0, 5.0, 1.0], [8.96, -1.0, 0.0], 0.0, 3.0, 2.5);
    // The second one still rises where they meet: 4 r and 2 + 3 r - r^2/2 at 1.2; it is highest at 3.
    meets([0.0, 4.0, 0.0], [2.0, 3.0, 0.5], 0.0, 4.0, 3.0);
    // It falls there: 2 r and 6 + 4 r - 2 r^2 at 2.3; it is highest at 1.
    meets([0.0, 2.0, 0.0], [6.0, 4.0, 2.0], 0.0, 5.0, (1.0 + 13f64.sqrt()) / 2.0);
    // They do not meet between, ends not counted: a top that is, or the middle.
    meets([0.0, 1.0, 0.0], [3.0, -2.0, 0.0], 1.0, 2.0, 1.5);
    meets([0.0, 1.0, 0.0], [3.0, -2.0, 0.0], 0.0, 1.0, 0.5);
    meets([0.0, 4.0, 1.0], [30.0, -1.0, 0.0], 0.0, 5.0, 2.0);
    meets([0.0, 1.0, 0.0], [30.0, -1.0, 0.0], 1.0, 5.0, 3.0);
}

/// 1/(k - 1/2) + r k: at r = 1/2 2.5, 1.67, 1.9; at r = 0 the most units are best.
#[test]
fn the_cheapest_units_are_the_cheapest() {
    let of = item(0, 1.0, 0.5);
    let close = |found: (f64, u64), cost: f64, k: u64| {
        assert!(found.0 <= cost && cost - found.0 < 1e-13 && found.1 == k, "{found:?}");
    };
    close(cheapest(&of, 12, 0.5), 1.0 / 1.5 + 1.0, 2);
    close(cheapest(&of, 1, 0.5), 2.5, 1);
    close(cheapest(&of, 12, 0.0), 1.0 / 11.5, 12);
    close(cheapest(&of, 12, 10.0), 12.0, 1);
    // The price of 2 alone is nearly what 1 costs, and 2 is better.
    let of = PartitionTerms { delays: vec![1.0 + 1e-12, 1e-20], ..item(0, 1.0, 0.5) };
    assert_eq!(cheapest(&of, 2, 1.0).1, 2);
}

/// Whoever gains most gets the next one.
#[test]
fn units_go_where_they_are_worth_most() {
    let items = pair();
    let of = |units| fox(&[&items[0], &items[1]], units);
    assert_eq!(of(6), f64::INFINITY);
    assert_eq!([of(7), of(8), of(9)], [1.0 + 4.0, 1.0 + 2.0, 1.0 + 4.0 / 3.0]);
    assert_eq!(of(10), 0.5 + 4.0 / 3.0);
    assert_eq!(fox(&[], 3), 0.0);
}

/// Random partitions and prices; some are taken or left already.
fn some(stream: &mut Stream) -> (Vec<PartitionTerms>, Prices, Vec<State>) {
    let count = 1 + stream.below(5) as usize;
    let mut flow = 0;
    let items: Vec<PartitionTerms> = (0..count)
        .map(|_| {
            flow += stream.below(2) as usize;
            item(flow, stream.log_uniform(0.3, 3.0), stream.log_uniform(0.2, 3.0))
        })
        .collect();
    let mut row = |most: f64| items.iter().map(|_| vec![stream.uniform(-0.2, 1.0) * most]).collect::<Vec<_>>();
    let prices = Prices { place: row(8.0), stay: row(2.0) };
    let state = |stream: &mut Stream| [State::Free, State::Free, State::In, State::Out][stream.below(4) as usize];
    let states = items.iter().map(|_| state(stream)).collect();
    (items, prices, states)
}

/// The bound is concave in the rate, so thirds find its top. And the two sets that end the search are worth no less.
#[test]
fn the_highest_bound_is_the_highest() {
    let mut stream = Stream::new(&["highest"], 0);
    for case in 0..400 {
        let (items, prices, states) = some(&mut stream);
        let capacity = if stream.below(2) == 0 { Capacity::Speed(8.0) } else { Capacity::Units(12) };
        let objective =
            if stream.below(4) == 0 { SubproblemObjective::Feasibility } else { SubproblemObjective::Delay };
        let search = Search::new(&items, capacity, &prices, objective, 0, &states);
        if search.is_overfull(&search.root) {
            continue;
        }
        let start = [0.0, stream.log_uniform(1e-3, 1e3)][stream.below(2) as usize];
        let (point, other) = search.highest(&search.root, start);
        let low = |t: f64| search.at(&search.root, t.exp()).low;
        let (mut from, mut to) = (1e-6f64.ln(), 1e6f64.ln());
        for _ in 0..150 {
            let third = (to - from) / 3.0;
            if low(from + third) < low(to - third) { from += third } else { to -= third }
        }
        let top = low(from).max(low(to)).max(search.at(&search.root, 0.0).low);
        assert!(point.low >= top - 1e-11 * (1.0 + top.abs()), "{case}: {} below {top}", point.low);
        // From there one look is enough.
        let (again, _) = search.highest_within(&search.root, point.rate, 1);
        assert!(again.low >= top - 1e-11 * (1.0 + top.abs()), "{case}: {} below {top}", again.low);
        assert!(search.value(&point.taken).min(search.value(&other)) >= point.low - 1e-11 * (1.0 + top.abs()));
    }
}

/// By looking at all sets; and within few nodes.
#[test]
fn the_least_of_all_sets_is_found() {
    let mut stream = Stream::new(&["least"], 0);
    for case in 0..400 {
        let (items, prices, states) = some(&mut stream);
        let capacity = if stream.below(2) == 0 { Capacity::Speed(8.0) } else { Capacity::Units(12) };
        let search = Search::new(&items, capacity, &prices, SubproblemObjective::Delay, 0, &states);
        let sets = (0u32..1 << search.items.len()).filter_map(|set| {
            let taken: Vec<bool> = (0..search.items.len()).map(|at| set >> at & 1 == 1).collect();
            let must = taken.iter().zip(&search.root).all(|(taken, state)| *taken || *state != State::In);
            must.then(|| search.value(&taken))
        });
        let expected = sets.fold(f64::INFINITY, f64::min);
        let least = search.least_within(FEW);
        if expected == f64::INFINITY {
            assert_eq!(least, expected, "{case}");
        } else {
            assert!((least - expected).abs() <= 1e-11 * (1.0 + expected.abs()), "{case}: {least} {expected}");
        }
    }
}

/// Of the 1024 sets of ten partitions nearly all are ruled out because they are no better than the best one known.
#[test]
fn sets_that_are_no_better_are_not_looked_at() {
    let mut stream = Stream::new(&["nodes"], 0);
    let mut worse = 0;
    for case in 0..30 {
        let mut some = || item(0, stream.log_uniform(0.3, 3.0), stream.log_uniform(0.2, 3.0));
        let items: Vec<PartitionTerms> = (0..10).map(|_| some()).collect();
        let place = items.iter().map(|_| vec![stream.uniform(0.0, 8.0)]).collect();
        let prices = Prices { place, stay: Vec::new() };
        let capacity = if case % 2 == 0 { Capacity::Speed(8.0) } else { Capacity::Units(12) };
        let search = Search::new(&items, capacity, &prices, SubproblemObjective::Delay, 0, &[State::Free; 10]);
        let sets = (0u32..1 << 10).map(|set| std::array::from_fn::<_, 10, _>(|at| set >> at & 1 == 1));
        let best = sets.map(|taken| search.value(&taken)).fold(0.0, f64::min);
        let least = search.least_within(7);
        assert!((least - best).abs() <= 1e-11 * best.abs(), "{case}: {least} {best}");
        // Without nodes to spare it is a bound that is no better.
        let spent = search.least_within(1);
        assert!(spent <= least && search.least_within(0) == f64::NEG_INFINITY);
        worse += usize::from(spent < least);
    }
    assert!(worse > 10, "{worse}");
}

#[test]
fn many_partitions_have_fewer_nodes_each() {
    assert_eq!([max_nodes(0), max_nodes(9), max_nodes(1_000_000)], [2_000_000, 200_000, 200]);
}
