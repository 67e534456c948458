//! What every other crate measures with: quantities that are finite by construction, estimates with a
//! range, distributions of time, intervals of days, and typed indexes.
//!
//! This crate knows no table, no file and no engine.

mod day;
mod dist;
mod estimate;
mod index;
mod quantity;

pub use day::DayInterval;
pub use dist::{Dist, DistError, standard_normal_cdf, standard_normal_quantile};
pub use estimate::{Estimate, EstimateError};
pub use quantity::{Hours, KgCo2e, Km, NotFinite, Tonnes, Usd};
