//! The nouns of Offcut: what a problem, an instance, a solution, a certificate and a DNN *are*.
//!
//! Nothing here says what a solution is *worth*. Every contestant computes that its own way and the checker
//! computes it plainly; sharing the arithmetic would turn one misreading into everybody's misreading.
//!
//! | module | holds |
//! |---|---|
//! | [`problem`] | the types every algorithm speaks: [`problem::Problem`], [`problem::Answer`], [`problem::Budget`] |
//! | [`document`] | versioned JSON, read strictly; JSON Schemas |
//! | [`random`] | the portable random stream behind every generator |
//! | [`dnn`] | DNN graphs by shape inference, the model zoo, chain views, devices and links |
//! | [`family`] | families of instances, and parameters set by name: what all generators have in common |
//! | [`incumbents`] | solutions that a method tells while it is still at work |
//! | [`library`] | the index of a library of frozen instances |
//! | [`terminal`] | text from documents and programs, made safe to print |
//! | [`origin`], [`speedup`], [`model`] | nouns that several problems use |
//! | [`jpdra`] | flows of tasks through partitions on servers: placement and speeds in tandem queues |
//! | [`lymdo`] | cuts and resources slot by slot under energy budgets |
//! | [`multiuser`] | many users, one server, integer resource units |
//! | [`throughput`] | admit as many requests with deadlines as possible |

pub mod dnn;
pub mod document;
pub mod family;
pub mod incumbents;
pub mod jpdra;
pub mod library;
pub mod lymdo;
pub mod model;
pub mod multiuser;
pub mod origin;
mod parameters;
pub mod problem;
pub mod random;
pub mod speedup;
pub mod terminal;
pub mod throughput;
