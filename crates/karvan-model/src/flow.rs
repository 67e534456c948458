//! Flows of a simulation, as a list gives them.

use crate::cell::List;
use crate::table::table;

table! {
    /// Freight from place to place: a row of a list for `karvan simulate --demand`. Places and cargo are named as for `karvan plan`.
    FlowRow = "flow", key ["from", "to", "cargo"] {
        /// Origin: a name in any script, code or key.
        from: String,
        /// Destination.
        to: String,
        /// Cargo.
        cargo: String,
        /// Tonnes a year.
        tonnes: f64,
        /// Mass of one consignment, t; empty: as parameter `simulation_lot_t` says.
        lot_t: Option<f64>,
        /// Weights of the twelve months, January first; empty: all alike.
        season: List<f64>,
        /// States (two letters) and modes that they do not use.
        avoid: List<String>,
        /// Whether they are relief goods, which go before others; empty: no.
        relief: Option<bool>,
    }
}
