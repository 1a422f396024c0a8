//! The data of Offcut: problems, instances, solutions, certificates and DNNs.
//!
//! Nothing here computes an objective value. Every method computes it in its own way, and the checker computes it plainly, so a disagreement
//! reveals a bug.
//!
//! | module | holds |
//! |---|---|
//! | [`problem`] | the types that all methods use: [`problem::Problem`], [`problem::Answer`], [`problem::Budget`] |
//! | [`error`] | [`error::InputError`]: bad input, in one line |
//! | [`input`] | files that are no documents of ours, within a size; JSON, read strictly |
//! | [`range`] | the ranges of an instance's numbers |
//! | [`document`] | versioned JSON, read strictly; JSON Schemas |
//! | [`random`] | the portable random stream behind every generator |
//! | [`dnn`] | DNN graphs by shape inference, the model zoo, chain views, devices and links |
//! | [`traces`] | arrivals, throughputs and topologies from measured files |
//! | [`family`] | families of instances, and parameters set by name: what all generators have in common |
//! | [`incumbents`] | solutions that a method reports while it runs |
//! | [`problems`] | the one list of problems |
//! | [`library`] | the index of a library of frozen instances |
//! | [`terminal`] | text from documents and programs, made safe to print |
//! | [`machine`] | machines and the kinds whose layers were measured |
//! | [`measured`] | work in seconds, for generators |
//! | [`prototype`] | predicted against measured latencies, as `offcut prototype` writes them |
//! | [`mutate`] | neighbours of instances: for searches over instances, and for making one small |
//! | [`origin`], [`speedup`], [`model`] | types that several problems use |
//! | [`jpdra`] | flows of tasks through partitions on servers: placement and speeds in tandem queues |
//! | [`lymdo`] | cuts and resources slot by slot under energy budgets |
//! | [`multiuser`] | many users, one server, integer resource units |
//! | [`throughput`] | admit as many requests with deadlines as possible |

#![warn(clippy::too_many_lines, unreachable_pub)]

pub mod dnn;
pub mod document;
pub mod error;
pub mod family;
pub mod incumbents;
pub mod input;
pub mod library;
pub mod machine;
pub mod measured;
pub mod model;
pub mod mutate;
pub mod origin;
mod parameters;
pub mod problem;
pub mod problems;
pub mod prototype;
pub mod random;
pub mod range;
pub mod speedup;
pub mod strict;
pub mod terminal;
pub mod traces;

crate::for_each_problem!([pub] crate::problem_modules);
