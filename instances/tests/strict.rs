//! A list where an object is meant, an object where a text is, and a name that occurs twice are rejected, in the documents of all problems.

use offcut_instances::document::{Document, parse, parse_answer, parse_instance, problem_of};
use offcut_instances::error::InputError;
use offcut_instances::jpdra::Jpdra;
use offcut_instances::lymdo::Lymdo;
use offcut_instances::multiuser::Multiuser;
use offcut_instances::problem::{Answer, Problem};
use offcut_instances::throughput::Throughput;
use serde::Deserialize;

/// Asserts that the text is read as it is, and rejected at the change, which serde's own code does not see.
fn rejected<T: serde::de::DeserializeOwned>(
    text: &str,
    change: (&str, &str),
    read: impl Fn(&[u8]) -> Result<(), InputError>,
) {
    read(text.as_bytes()).expect("good");
    assert_eq!(text.matches(change.0).count(), 1, "{} in {text}", change.0);
    let changed = text.replace(change.0, change.1);
    assert!(serde_json::from_str::<T>(&changed).is_ok(), "serde rejects {changed}, too");
    let error = read(changed.as_bytes()).expect_err(&changed);
    assert_eq!(error.to_string().lines().count(), 1, "{error}");
}

fn instance<P: Problem>(toy: &str, changes: &[(&str, &str)]) {
    let text: serde_json::Value = serde_json::from_str(toy).expect("JSON");
    for change in changes {
        rejected::<Document<P::Instance>>(&text.to_string(), *change, |bytes| parse_instance::<P>(bytes).map(drop));
    }
}

fn answer<P: Problem>(solution: &str, certificate: &str, changes: &[(&str, &str)]) {
    let text = format!(
        r#"{{"offcut":"answer","problem":"{}","version":1,"body":{{"stop":"completed","found":{{"solution":{solution},"objective":1}},"proved":{{"value":1,"evidence":{{"certificate":{certificate}}}}},"trace":{{"counts":{{"moves":1}}}}}}}}"#,
        P::NAME
    );
    let common = [
        (r#"{"moves":1}"#, r#"{"moves":1,"moves":2}"#),
        (r#""completed""#, r#"{"completed":null}"#),
        (&*format!(r#"{{"solution":{solution},"objective":1}}"#), &*format!("[{solution},1]")),
    ];
    for change in common.iter().chain(changes) {
        rejected::<Document<Answer<P>>>(&text, *change, |bytes| parse_answer::<P>(bytes).map(drop));
    }
}

#[test]
fn multiuser() {
    // Value sorts the fields of objects.
    instance::<Multiuser>(
        include_str!("../data/multiuser/toy.json"),
        &[
            (r#"{"device_macs_per_s":1,"model":0,"rtt_s":0.5,"uplink_bytes_per_s":2}"#, "[0,1,null,2,0.5]"),
            (r#""max""#, r#"{"max":null}"#),
        ],
    );
    let prices = r#"{"kind":"prices","nodes":[{"split":{"user":0,"units":1,"at_most":1,"above":2}},{"leaf":{"price_s":0.5}},{"core":{"price_s":1,"cutoff_s":9}}]}"#;
    let changes = [
        (r#"{"user":0,"units":1,"at_most":1,"above":2}"#, "[0,1,1,2]"),
        (r#"{"price_s":0.5}"#, "[0.5]"),
        (r#"{"price_s":1,"cutoff_s":9}"#, "[1,9]"),
        (r#"{"cut":[0],"units":[1]}"#, "[[0],[1]]"),
    ];
    answer::<Multiuser>(r#"{"cut":[0],"units":[1]}"#, prices, &changes);
}

#[test]
fn throughput() {
    instance::<Throughput>(
        include_str!("../data/throughput/toy.json"),
        &[(
            r#"{"edges":[[0,1],[1,2]],"macs":[0,2,4],"name":"two layers","out_bytes":[4,1,1]}"#,
            r#"["two layers",[0,2,4],[4,1,1],[[0,1],[1,2]],[]]"#,
        )],
    );
    let solution = r#"{"parts":[{"model":0,"device_layers":[0,1]}],"service":["local",{"remote":{"cloudlet":0,"threads":1,"part":0}}]}"#;
    let certificate = r#"{"envelopes":[{"corners":[[0,4],[6,0]],"flows":[[8,2]]}],"cuts":[{"cloudlets":[0],"values":[[2,0]]}],"nodes":[{"service":{"request":1,"admitted":1,"rejected":2}},{"values":{"values":[]}},{"leaf":{"prices":[0.5]}}]}"#;
    let changes = [
        (r#"{"cloudlet":0,"threads":1,"part":0}"#, "[0,1,0]"),
        (r#"{"model":0,"device_layers":[0,1]}"#, "[0,[0,1]]"),
        (r#""local""#, r#"{"local":null}"#),
        (r#"{"request":1,"admitted":1,"rejected":2}"#, "[1,1,2]"),
        (r#"{"prices":[0.5]}"#, "[[0.5]]"),
        (r#"{"corners":[[0,4],[6,0]],"flows":[[8,2]]}"#, "[[[0,4],[6,0]],[[8,2]]]"),
        (r#"{"cloudlets":[0],"values":[[2,0]]}"#, "[[0],[[2,0]]]"),
    ];
    answer::<Throughput>(solution, certificate, &changes);
}

#[test]
fn jpdra() {
    instance::<Jpdra>(
        include_str!("../data/jpdra/toy.json"),
        &[(r#"{"macs_per_s":5}"#, "[5,null]"), (r#""continuous""#, r#"{"continuous":null}"#)],
    );
    let certificate = r#"{"prices":[{"place":[[1,2]]}],"nodes":[{"split":{"flow":0,"partition":0,"servers":[1],"inside":1,"outside":2}},{"marginal":{"rates":[1,0]}},{"priced":{"prices":0}}]}"#;
    let changes = [
        (r#"{"flow":0,"partition":0,"servers":[1],"inside":1,"outside":2}"#, "[0,0,[1],1,2]"),
        (r#"{"rates":[1,0]}"#, "[[1,0]]"),
        (r#"{"prices":0}"#, "[0]"),
        (r#"{"place":[[1,2]]}"#, "[[[1,2]],[]]"),
    ];
    answer::<Jpdra>(r#"{"servers":[[0]],"speeds":{"macs_per_s":[[5]]}}"#, certificate, &changes);
}

#[test]
fn lymdo() {
    instance::<Lymdo>(
        include_str!("../data/lymdo/toy.json"),
        &[
            (r#"{"arrivals_per_s":[1,1],"gains":[1,1]}"#, "[[1,1],[1,1]]"),
            (r#"{"bit_per_s_per_hz":1}"#, "[1]"),
            (r#""deterministic""#, r#"{"deterministic":null}"#),
        ],
    );
    let solution = r#"{"slots":[{"cuts":[0],"local_macs_per_s":[0],"bandwidth_hz":[1],"edge_macs_per_s":[1]}]}"#;
    let certificate = r#"{"slots":[{"prices":[{"bandwidth":1,"edge":2}],"nodes":[{"split":{"user":0,"cuts":[0],"inside":1,"outside":2}},{"priced":{"prices":0}},{"empty":{"prices":1}}]}]}"#;
    let changes = [
        (r#"{"cuts":[0],"local_macs_per_s":[0],"bandwidth_hz":[1],"edge_macs_per_s":[1]}"#, "[[0],[0],[1],[1]]"),
        (r#"{"bandwidth":1,"edge":2}"#, "[1,2]"),
        (r#"{"user":0,"cuts":[0],"inside":1,"outside":2}"#, "[0,[0],1,2]"),
        (r#"{"prices":0}"#, "[0]"),
    ];
    answer::<Lymdo>(solution, certificate, &changes);
}

/// Enums that name their variant in a field are never lists, and have the fields of their variant only.
#[test]
fn tagged_enums() {
    let toy = include_str!("../data/multiuser/toy.json");
    parse_instance::<Multiuser>(toy.as_bytes()).expect("good");
    for law in [
        r#"["linear"]"#,
        r#"{"law": "linear", "parallel_fraction": 0.5}"#,
        r#"{"law": "amdahl"}"#,
        r#"{"law": "amdahl", "parallel_fraction": null}"#,
        r#"{"law": "amdahl", "parallel_fraction": 0.5, "speedups": [1]}"#,
        r#"{"law": "table", "parallel_fraction": 0.5}"#,
        r#"{"law": "none"}"#,
        r#"{"law": "linear", "law": "linear"}"#,
        r#"{"law": {"linear": null}}"#,
        r#"{}"#,
    ] {
        let changed = toy.replace(r#"{ "law": "linear" }"#, law);
        assert_ne!(changed, toy);
        let error = parse_instance::<Multiuser>(changed.as_bytes()).expect_err(law);
        assert!(error.at.starts_with("body.server"), "{law}: {error}");
    }
    for law in [r#"{"parallel_fraction": 0.5, "law": "amdahl"}"#, r#"{"law": "table", "speedups": [1, 2]}"#] {
        parse_instance::<Multiuser>(toy.replace(r#"{ "law": "linear" }"#, law).as_bytes()).expect(law);
    }
}

/// Bodies of other kinds are read by the same reader, envelopes too.
#[test]
fn any_kind_and_envelope() {
    #[derive(Deserialize, Debug)]
    #[serde(deny_unknown_fields)]
    struct Body {
        #[allow(dead_code)]
        title: String,
    }
    let read = |text: &str| parse::<Body>(text.as_bytes(), offcut_instances::document::Kind::Suite, "multiuser", 1);
    read(r#"{"offcut":"suite","problem":"multiuser","version":1,"body":{"title":"a"}}"#).expect("good");
    for bad in [
        r#"{"offcut":"suite","problem":"multiuser","version":1,"body":["a"]}"#,
        r#"["suite","multiuser",1,{"title":"a"}]"#,
        r#"{"offcut":{"suite":null},"problem":"multiuser","version":1,"body":{"title":"a"}}"#,
        r#"{"offcut":"suite","problem":"multiuser","version":1,"version":1,"body":{"title":"a"}}"#,
        r#"{"offcut":"suite","problem":"multiuser","version":1,"body":{"title":"a"}} 1"#,
    ] {
        read(bad).expect_err(bad);
    }
    problem_of(br#"["suite","multiuser",1]"#).expect_err("a list");
}
