//! The one list of problems. A problem is added here by one line; everything that treats all problems alike is expanded from it: the names, the
//! command's dispatch, its suites and its templates. What has to stay in another file is held to this list by a test of the command
//! (`bench/cli/tests/problems.rs`), which names the place that is missing.

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

macro_rules! names {
    ([] $($module:ident: $problem:path,)*) => {
        &[$(<$problem as crate::problem::Problem>::NAME),*]
    };
}

/// The names of all problems. A problem's name is that of its module in each crate.
pub const NAMES: &[&str] = for_each_problem!([] names);
