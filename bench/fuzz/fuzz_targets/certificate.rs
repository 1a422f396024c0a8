//! Answers with solutions and certificates, judged on the toy instances: whatever they say, the checker comes to an end and no bound it stands by
//! is beyond an objective it stands by.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use offcut_checker::{Judged, Proof, Tolerance, judge};
use offcut_instances::document::{parse_answer, parse_instance};
use offcut_instances::problem::{Problem, Sense};
use offcut_instances::{jpdra::Jpdra, lymdo::Lymdo, multiuser::Multiuser, throughput::Throughput};

macro_rules! toy {
    ($name:ident, $problem:ty, $folder:literal) => {
        static $name: LazyLock<<$problem as Problem>::Instance> = LazyLock::new(|| {
            let bytes = include_bytes!(concat!("../../../instances/data/", $folder, "/toy.json"));
            parse_instance::<$problem>(bytes).expect("the toy is good")
        });
    };
}
toy!(MULTIUSER, Multiuser, "multiuser");
toy!(THROUGHPUT, Throughput, "throughput");
toy!(JPDRA, Jpdra, "jpdra");
toy!(LYMDO, Lymdo, "lymdo");

fn judged<P: Judged>(instance: &P::Instance, bytes: &[u8]) {
    let Ok(answer) = parse_answer::<P>(bytes) else { return };
    let verdict = judge::<P>(instance, &answer, &Tolerance::default());
    if let (Some(objective), Proof::Certified { value }) = (verdict.objective(), verdict.proof()) {
        let slack = 1e-9 * value.abs().max(1e-300);
        match P::SENSE {
            Sense::Minimise => assert!(*value <= objective.high() + slack, "{value} {objective:?}"),
            Sense::Maximise => assert!(*value >= objective.low() - slack, "{value} {objective:?}"),
        }
    }
}

fuzz_target!(|bytes: &[u8]| {
    judged::<Multiuser>(&MULTIUSER, bytes);
    judged::<Throughput>(&THROUGHPUT, bytes);
    judged::<Jpdra>(&JPDRA, bytes);
    judged::<Lymdo>(&LYMDO, bytes);
});
