//! What certificates may cost: counted in steps, never timed.

use std::path::Path;

use offcut_checker::{Checkable, Violation};
use offcut_instances::document::{parse_answer, parse_instance};
use offcut_instances::jpdra::Jpdra;
use offcut_instances::lymdo::Lymdo;
use offcut_instances::multiuser::{Certificate, Multiuser, PriceNode};
use offcut_instances::problem::Evidence;
use offcut_instances::throughput::Throughput;

#[path = "limits/certificates.rs"]
mod certificates;
use certificates::{Leaves, Shape};

/// What a certificate proves, and the steps that takes.
fn replayed<P: Checkable>(instance: &P::Instance, certificate: &P::Certificate) -> (f64, u64) {
    let budget = P::budget(instance, certificate);
    let value = P::replay_within(instance, certificate, &budget).expect("within the budget");
    (value, budget.spent())
}

/// Certificates of three sizes, each with twice the splits of the one before: what is added by doubling doubles as well.
fn is_linear<P: Checkable>(what: &str, instance: &P::Instance, of: impl Fn(u32) -> P::Certificate) {
    let steps = [1, 2, 4].map(|size| replayed::<P>(instance, &of(size)).1 as f64);
    let growth = (steps[2] - steps[1]) / (steps[1] - steps[0]);
    assert!((1.0..2.2).contains(&growth), "{} {what}: {steps:?} steps", P::NAME);
}

#[test]
fn steps_grow_in_proportion_to_trees() {
    for shape in [Shape::Chain, Shape::Bushy] {
        for leaves in [Leaves::Same, Leaves::Own] {
            let what = format!("{shape:?} {leaves:?}");
            let instance = certificates::multiuser_instance(40);
            is_linear::<Multiuser>(&what, &instance, |size| certificates::multiuser(shape, leaves, 500 * size, 40));
            let instance = certificates::throughput_instance(30, 3, 20);
            is_linear::<Throughput>(&what, &instance, |size| {
                certificates::throughput(shape, leaves, 500 * size, 30, 3)
            });
            let instance = certificates::jpdra_instance(3, 3);
            is_linear::<Jpdra>(&what, &instance, |size| certificates::jpdra(shape, leaves, 500 * size, 3, 3));
            let instance = certificates::lymdo_instance(6, 4);
            is_linear::<Lymdo>(&what, &instance, |size| certificates::lymdo(shape, leaves, 500 * size, 6, 4, 0));
        }
    }
    let instance = certificates::throughput_instance(200, 1, 500);
    let knapsacks = |size| certificates::throughput(Shape::Chain, Leaves::Knapsacks, 10 * size, 200, 1);
    is_linear::<Throughput>("knapsacks", &instance, knapsacks);
}

/// A chain of splits of ten thousand users' units, at one price: a leaf takes a term, a block of 1024 and the sums of ten blocks, not ten thousand terms.
#[test]
fn leaves_at_one_price_share_users_terms() {
    let instance = certificates::multiuser_instance(10_000);
    let of =
        |splits| replayed::<Multiuser>(&instance, &certificates::multiuser(Shape::Chain, Leaves::Same, splits, 10_000));
    let [few, many] = [of(1000), of(2000)];
    assert!(many.1 - few.1 <= 1000 * 2 * (1024 + 10 + 60), "{few:?} {many:?}");
}

/// 30,000 prices of which no leaf asks, for 600 cuts: tables for all of them would be 144 MB.
#[test]
fn prices_that_no_leaf_uses_cost_nothing() {
    let instance = certificates::lymdo_instance(100, 5);
    let of = |unused| replayed::<Lymdo>(&instance, &certificates::lymdo(Shape::Chain, Leaves::Own, 3, 100, 5, unused));
    assert_eq!(of(0), of(30_000));
}

/// Whatever a replay takes, with a step less it is rejected, by one line that names the limit; and so it is with any fewer.
fn ends_in_time<P: Checkable>(instance: &P::Instance, certificate: &P::Certificate) {
    let (value, steps) = replayed::<P>(instance, certificate);
    let within = |most: u64| {
        let budget = P::budget(instance, certificate).limited_to(most);
        P::replay_within(instance, certificate, &budget)
    };
    assert_eq!(within(steps), Ok(value), "{}", P::NAME);
    for most in (0..20).map(|part| part * steps / 20).chain([steps - 1]) {
        let rejected: Vec<Violation> = within(most).expect_err("too few steps");
        assert_eq!(rejected.len(), 1);
        assert_eq!(rejected[0].constraint, "a replay takes no more steps than its certificate's size allows");
        assert!(rejected[0].at.ends_with(&format!("{most} steps")), "{}", rejected[0]);
    }
}

#[test]
fn what_exceeds_its_budget_is_rejected_by_a_line() {
    let (shape, leaves) = (Shape::Chain, Leaves::Own);
    ends_in_time::<Multiuser>(&certificates::multiuser_instance(9), &certificates::multiuser(shape, leaves, 20, 9));
    ends_in_time::<Jpdra>(&certificates::jpdra_instance(2, 3), &certificates::jpdra(shape, leaves, 6, 2, 3));
    ends_in_time::<Lymdo>(&certificates::lymdo_instance(4, 3), &certificates::lymdo(shape, leaves, 10, 4, 3, 0));
    let instance = certificates::throughput_instance(9, 2, 30);
    for leaves in [Leaves::Own, Leaves::Knapsacks] {
        ends_in_time::<Throughput>(&instance, &certificates::throughput(shape, leaves, 7, 9, 2));
    }
}

/// A dynamic program, too, ends where the budget does; and one that takes too much for a leaf leaves the price bound.
#[test]
fn dynamic_programs_end_in_time() {
    let mut instance = certificates::multiuser_instance(9);
    instance.server.units = 60;
    let prices = |node: PriceNode| Certificate::Prices { nodes: vec![node] };
    let (bound, _) = replayed::<Multiuser>(&instance, &prices(PriceNode::Leaf { price_s: 0.1 }));
    let core = |factor: f64| prices(PriceNode::Core { price_s: 0.1, cutoff_s: factor * bound });
    assert!(replayed::<Multiuser>(&instance, &core(1.01)).0 > bound);
    ends_in_time::<Multiuser>(&instance, &core(1.01));
    // Four thousand million units of which all are of interest.
    instance.server.units = 4_000_000_000;
    let nothing = prices(PriceNode::Core { price_s: 1e-9, cutoff_s: 1e30 });
    let (bound, _) = replayed::<Multiuser>(&instance, &prices(PriceNode::Leaf { price_s: 1e-9 }));
    let (value, steps) = replayed::<Multiuser>(&instance, &nothing);
    assert!(value == bound && steps < 500_000_000, "{value} {bound} {steps}");
}

/// Two hundred leaves whose knapsacks take 2e8 steps each: each leaf is allowed, all of them are not.
#[test]
fn knapsacks_count_over_the_whole_tree() {
    let instance = certificates::throughput_instance(1000, 1, 200_000);
    let of = |splits| certificates::throughput(Shape::Chain, Leaves::Knapsacks, splits, 1000, 1);
    let rejected = |splits: u32, most: u64| {
        let certificate = of(splits);
        let budget = Throughput::budget(&instance, &certificate);
        // The budget of all is 2e9 and little more; here a part of that does.
        assert!((2_000_000_000..3_000_000_000).contains(&budget.most()), "{}", budget.most());
        Throughput::replay_within(&instance, &certificate, &budget.limited_to(most)).is_err()
    };
    assert_eq!([rejected(0, 300_000_000), rejected(200, 300_000_000)], [false, true]);
}

/// A million splits, one below the other. (The stack of a test's thread is 2 MB.)
#[test]
fn long_chains_do_not_overflow_the_stack() {
    let splits = 1_000_000;
    let instance = certificates::multiuser_instance(20);
    replayed::<Multiuser>(&instance, &certificates::multiuser(Shape::Chain, Leaves::Same, splits, 20));
    let instance = certificates::throughput_instance(3, 2, 9);
    replayed::<Throughput>(&instance, &certificates::throughput(Shape::Chain, Leaves::Same, splits / 10, 3, 2));
    let instance = certificates::jpdra_instance(2, 2);
    replayed::<Jpdra>(&instance, &certificates::jpdra(Shape::Chain, Leaves::Same, splits, 2, 2));
    let instance = certificates::lymdo_instance(3, 3);
    replayed::<Lymdo>(&instance, &certificates::lymdo(Shape::Chain, Leaves::Same, splits, 3, 3, 0));
}

/// Every certificate in a library proves what its ledger says, but for some roundings, within a tenth of its budget.
fn library<P: Checkable>() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../instances/data").join(P::NAME).join("library");
    let read = |name: &str| std::fs::read(folder.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
    let index: serde_json::Value = serde_json::from_slice(&read("index.json")).expect("an index");
    let ledger = String::from_utf8(read("ledger.jsonl")).expect("a ledger");
    let mut bounds = 0;
    for line in ledger.lines() {
        let line: serde_json::Value = serde_json::from_str(line).expect("a line");
        if line["what"] != "bound" || line["evidence"] != "certificate" {
            continue;
        }
        let entries = index["body"]["instances"].as_array().expect("entries");
        let entry = entries.iter().find(|entry| entry["hash"] == line["instance"]).expect("an entry of this instance");
        let instance = parse_instance::<P>(&read(entry["file"].as_str().expect("a file"))).expect("an instance");
        let answer = format!("answers/{}", line["answer"].as_str().expect("a name"));
        let answer = parse_answer::<P>(&read(&answer)).expect("an answer");
        let Some(Evidence::Certificate(certificate)) = answer.proved.map(|bound| bound.evidence) else {
            panic!("{line} has no certificate")
        };
        let budget = P::budget(&instance, &certificate);
        let value = P::replay_within(&instance, &certificate, &budget).expect("a certificate stands");
        let recorded = line["value"].as_f64().expect("a number");
        assert!((value - recorded).abs() <= 1e-14 * recorded.abs(), "{} {value} {line}", P::NAME);
        println!("{} {value:e} {:e} {} {}", P::NAME, budget.spent() as f64, entry["name"], line["answer"]);
        assert!(budget.spent() < budget.most() / 10, "{} of {} steps: {line}", budget.spent(), budget.most());
        bounds += 1;
    }
    assert!(bounds > 5, "{bounds} certificates");
}

#[test]
fn the_librarys_certificates_prove_what_they_proved() {
    library::<Multiuser>();
    library::<Throughput>();
    library::<Jpdra>();
    library::<Lymdo>();
}
