//! Suite files of all problems: refused in one line or taken, and then their solvers have words or are rejected.
#![no_main]

use libfuzzer_sys::fuzz_target;
use offcut_instances::problems::NAMES;
use offcut_runner::Suite;

fuzz_target!(|bytes: &[u8]| {
    for problem in NAMES {
        match Suite::parse(bytes, problem) {
            Ok(suite) => suite.solvers.values().for_each(|solver| {
                let _ = solver.words();
            }),
            Err(input_error) => assert!(!input_error.to_string().contains('\n')),
        }
    }
});
