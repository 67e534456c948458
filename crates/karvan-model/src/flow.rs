//! Flows of a simulation, as a list gives them.

use jiff::civil::Date;

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
        /// Tonnes a year, or of all days of `ready` together.
        tonnes: f64,
        /// Mass of one consignment, t; empty: as parameter `simulation_lot_t` says, or an equal part where `ready` has days.
        lot_t: Option<f64>,
        /// Weights of the twelve months, January first; empty: all alike.
        season: List<f64>,
        /// States (two letters), modes and places that they do not use.
        avoid: List<String>,
        /// Places that they pass, such as the port to which wagons are consigned.
        via: List<String>,
        /// Days on each of which one consignment is ready, at noon UTC, in place of consignments that come at random through the year.
        ready: List<Date>,
        /// Whether they are relief goods, which go before others; empty: no.
        relief: Option<bool>,
    }
}
