//! Benchmarks of all problems, one program: `cargo bench -p offcut-benches` runs all, `-- '^multiuser-max/threshold'` those whose names match.

offcut_instances::for_each_problem!([] offcut_instances::problem_modules);

macro_rules! main_of_all {
    ([] $($module:ident: $problem:path,)*) => { criterion::criterion_main!($($module::benches),*); };
}
offcut_instances::for_each_problem!([] main_of_all);
