//! Consignment in, options out.
//!
//! [`plan()`] resolves quantities, has the network compiled and searched, builds the legs of each way, draws them,
//! takes out what is dominated and orders the rest. What it returns is plain data: [`answer::Answer`].
//!
//! This crate knows no simulation, no file and no screen.

pub mod answer;
pub mod batch;
pub mod changes;
mod draws;
mod legs;
mod movement;
mod near;
mod plan;
mod why_not;

pub use draws::{Draws, percentile};
pub use movement::{Movement, movement};
pub use near::endpoint_near;
pub use plan::*;
