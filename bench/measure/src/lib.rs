//! Networks on an inference engine: seconds of every layer on this machine, and parts of a network between cuts.
//!
//! | module | holds |
//! |---|---|
//! | [`engine`] | networks of the zoo and ONNX files on tract: whole, layer by layer, and in parts |
//! | [`measure`] | seconds of every layer of a model, and of the whole with several threads |
//! | [`machine`] | what this machine is and how busy it is |
//! | [`statistics`] | medians, spreads, Amdahl's law |
//! | [`report`] | tables of what was measured |
//! | [`compare`] | whether a second measurement is within the spread of the first |
//! | [`pass`], [`parent`] | a part of a measurement in a process of its own; processes that end with their parent |
//! | [`command`] | arguments, messages and output of both programs |
//! | [`prototype`] | answers run for real: processes, sockets, predicted against measured latency |
//!
//! This is a workspace of its own: the engine takes minutes to compile, and only who measures needs it. It writes the
//! [`MachineProfile`](offcut_instances::dnn::machine_file::MachineProfile) of `offcut-instances`; the prototype asks the checker and the simulator, too.

pub mod command;
pub mod compare;
pub mod engine;
pub mod machine;
pub mod measure;
pub mod parent;
pub mod pass;
pub mod prototype;
pub mod report;
pub mod statistics;
