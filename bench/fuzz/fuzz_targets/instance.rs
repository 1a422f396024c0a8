//! Instance documents of all problems. One that is taken is written and read back the same, and has the same hash.
#![no_main]

use libfuzzer_sys::fuzz_target;
use offcut_instances::document::{hash, instance_bytes, parse_instance};
use offcut_instances::problem::Problem;

fn read<P: Problem>(bytes: &[u8]) {
    match parse_instance::<P>(bytes) {
        Ok(instance) => {
            let again = parse_instance::<P>(&instance_bytes::<P>(&instance)).expect("what is written can be read");
            assert_eq!(instance, again);
            assert_eq!(hash::<P>(&instance), hash::<P>(&again));
        }
        Err(input_error) => assert!(!input_error.to_string().contains('\n')),
    }
}

macro_rules! read_all {
    ([$bytes:ident] $($module:ident: $problem:path,)*) => { $(read::<$problem>($bytes);)* };
}

fuzz_target!(|bytes: &[u8]| {
    offcut_instances::for_each_problem!([bytes] read_all);
});
