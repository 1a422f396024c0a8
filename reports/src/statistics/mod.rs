//! The statistics of the tables. Samples are instances: rows of one instance are averaged before they get here.

mod averages;
mod bootstrap;
mod primal;
mod wilcoxon;

pub use averages::{mean, median, quantile, range, shifted_geometric_mean};
pub use bootstrap::{RESAMPLES, bootstrap_mean};
pub use primal::primal_integral;
pub use wilcoxon::{SignedRank, holm, signed_rank};
