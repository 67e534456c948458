//! Discrete events: a kernel, queues with all their statistics, and on them the corridor.
//!
//! | Word | Means |
//! | --- | --- |
//! | corridor | a model and its demand, simulated: [`corridor`] |
//! | kernel | events to come, in a total order: [`kernel::Kernel`] |
//! | station | a queue before a number of servers: [`station::Station`] |
//!
//! This crate knows the model and the network; it knows neither plans nor files.

pub mod corridor;
pub mod kernel;
pub mod line;
pub mod reference;
pub mod station;
pub mod stats;
pub mod time;
