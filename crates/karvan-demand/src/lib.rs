//! Freight demand: tonnes between places by cargo and year, made from bilateral trade.
//!
//! | Step | Module | Gives |
//! | --- | --- | --- |
//! | 1 | [`trade`] | tonnes of a [`Cell`]: from one region to another, of one cargo, in one year |
//! | 2 | [`zones`] | the places between which a cell's tonnes move, with the share of each pair: [`Flow`] |
//! | 3 | [`fit`] | tonnes of the cells that agree with published totals within both sides' uncertainty |
//!
//! [`build`] does the three and keeps each. What no step can know is `assumed` in the tables it reads, and stays marked.
//! Wagons, boxes and lorries are not its business: who assigns the demand chooses equipment.

mod build;
mod explain;
pub mod fit;
pub mod trade;
pub mod zones;

pub use build::{Demand, NetworkTotal, Od, TotalFit, build, of_year};
pub use explain::{Explanation, PlaceFlow, PlaceShare, RowShown, TotalStep, TradeStep, explanation_schema};
pub use trade::{Basis, Cell, DemandError};
pub use zones::Flow;
