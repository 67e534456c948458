//! A corridor as sourced, dated data: the tables' types, the rules and their evaluation, scenarios, checks.
//!
//! | Word | Means |
//! | --- | --- |
//! | model | all tables of a folder, checked and indexed: [`Model`] |
//! | raw model | the same as text, with places: [`raw::RawModel`]; scenarios edit it |
//! | claim | where a figure comes from: [`cell::Claim`] |
//! | rule | dated permission, prohibition, charge, paper: [`tables::Rule`] |
//!
//! This crate opens no file and knows no engine.

pub mod applied;
pub mod batch;
pub mod calibration;
pub mod cell;
pub mod check;
pub mod chronicle;
pub mod flow;
mod model;
pub mod money;
mod near;
pub mod observed;
pub mod places;
pub mod quotas;
pub mod raw;
pub mod rules;
pub mod scenario;
pub mod schema;
pub mod table;
pub mod tables;

pub use model::*;
pub use near::nearest;
