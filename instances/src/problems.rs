//! The one list of problems. A problem is added here by one line; everything that treats all problems alike is expanded from it: the modules of each
//! crate, the names, the command's dispatch, its suites and its templates, benchmarks and conformance tests. A test of the command
//! (`bench/cli/tests/problems.rs`) names the file that a problem of this list has not.

/// Expands a macro with the context in brackets and all problems, `module: Type`, in the order in which they are shown.
///
/// ```
/// macro_rules! modules {
///     ([$($context:tt)*] $($module:ident: $problem:path,)*) => { [$(stringify!($module)),*] };
/// }
/// let modules = offcut_instances::for_each_problem!([] modules);
/// assert_eq!(modules, offcut_instances::problems::NAMES);
/// ```
#[macro_export]
macro_rules! for_each_problem {
    ([$($context:tt)*] $($expand:tt)+) => {
        $($expand)+! {
            [$($context)*]
            multiuser: $crate::multiuser::Multiuser,
            throughput: $crate::throughput::Throughput,
            jpdra: $crate::jpdra::Jpdra,
            lymdo: $crate::lymdo::Lymdo,
        }
    };
}

/// Declares the module of every problem, with `pub` or nothing in brackets. `rustfmt` and `cargo mutants` do not look into macros: `./test` hands `rustfmt`
/// all files, and `bench/LONG_CHECKS.md` says how mutants are found.
///
/// ```ignore
/// offcut_instances::for_each_problem!([pub] offcut_instances::problem_modules);
/// ```
#[macro_export]
macro_rules! problem_modules {
    ([] $($module:ident: $problem:path,)*) => { $(mod $module;)* };
    ([pub] $($module:ident: $problem:path,)*) => { $(pub mod $module;)* };
}

macro_rules! names {
    ([] $($module:ident: $problem:path,)*) => {
        &[$(<$problem as crate::problem::Problem>::NAME),*]
    };
}

/// The names of all problems. A problem's name is that of its module in each crate.
pub const NAMES: &[&str] = for_each_problem!([] names);
