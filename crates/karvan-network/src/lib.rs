//! A model compiled for one cargo and one span of days, and the searches on it.
//!
//! | Word | Means |
//! | --- | --- |
//! | base | what of a model does not depend on a consignment: [`base::Base`] |
//! | stretch | a run over links between two key nodes in one state |
//! | sailing | a way of a service between two of its stops, by water or land |
//! | network | base, rules and prices compiled for one consignment: [`compile::Network`] |
//! | label | a way from the origin to a vertex, by its time, spread, cost and CO2e |
//!
//! This crate knows neither the text of a rule nor a file.

pub mod base;
pub mod compile;
mod heap;
pub mod loads;
pub mod many;
pub mod rates;
pub mod search;
pub mod streams;
pub mod waits;
