//! A run on a cluster: many tasks take the cells of one folder.
//!
//! `submit` writes what is missing of a suite into the run's folder and has an engine start an array of tasks. Every task takes cells that nobody has, until there
//! are none, and keeps its rows in a folder of its own. A last job, which begins when all tasks have ended, brings the rows together. Nobody waits and nothing
//! else runs: everything that is known is in files, and in what the engine tells of its jobs.
//!
//! ```text
//! runs/<id>/ ... as of any run
//!           cluster/lock  program-<hash>  reference-before.jsonl
//!                   submissions/<number>.json  jobs/<number>.json  scripts/  logs/
//!                   claims/<key's hash>.json  lost/<key's hash>.json.<n>
//!                   parts/<task>-<attempt>/ ... a folder as of any run, with task.json and, if the task came to its end, ended.json
//! ```
//!
//! | module | holds |
//! |---|---|
//! | [`layout`] | where all of this is |
//! | [`engine`] | what an engine is: submit, query, cancel |
//! | [`slurm`] | Slurm, by its own commands |
//! | [`local`] | processes of this machine, for tests |
//! | [`claims`] | which task has which cell |
//! | [`submission`] | what tasks are told, as documents |
//! | [`submit`](mod@submit) | what is missing becomes jobs |
//! | [`work`](mod@work) | a task |
//! | [`gather`](mod@gather) | the rows of all tasks become those of the run |
//! | [`status`](mod@status) | what is done, running, waiting, lost |
//!
//! A claim is a file that only one task can make (`O_EXCL`, which NFS has since version 3). Whoever ends a task with a signal that it hears makes it give its claim
//! back. A claim without a row whose task the engine no longer knows as running or waiting is a lost cell: `status` names it, and the next submission takes the claim
//! away and runs the cell again. A task that is started again takes back the claims of its own earlier attempts. Should two attempts run at once, for example
//! because a node was only out of reach, a cell may have two rows; the first that holds to its answer counts.

pub mod claims;
pub mod engine;
pub mod gather;
pub mod layout;
pub mod local;
pub mod slurm;
pub mod status;
pub mod submission;
pub mod submit;
pub mod work;

pub use engine::{Engine, Resources};
pub use gather::gather;
pub use layout::Layout;
pub use status::{Status, status};
pub use submit::{Request, Submitted, submit};
pub use work::{Me, work};
