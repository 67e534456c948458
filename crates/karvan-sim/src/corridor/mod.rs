//! The corridor simulated: consignments of a demand over a model's lines, borders, terminals and services.
//!
//! [`compile()`] makes a [`spec::Spec`] of a model and its demand once; [`world::run`] simulates one replication of it;
//! [`measure`] makes means and intervals of replications, [`published`] what is told of them. Ways and durations are those of plans: the same
//! network, the same distributions; what plans take as a mean wait (a ship that fills, the weather, a capacity) is played out here.

mod bookings;
mod compile;
pub mod measure;
pub mod published;
pub mod spec;
pub mod world;

pub use compile::{CompileError, Settings, compile};
pub use spec::{Activity, Capacity, Flow, Spec};
pub use world::{Delivery, Outcome, resources, run};
