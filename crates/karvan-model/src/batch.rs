//! A list of consignments as a file: a table like those of a model, but no part of one.

use crate::table::table;

table! {
    /// A consignment of a batch, planned in the order of the file. Columns are named as the options of `karvan plan`.
    Consignment = "consignments", key ["id"] {
        /// Name of the consignment, each once.
        id: String,
        /// Origin.
        from: String,
        /// Destination.
        to: String,
        /// Cargo.
        cargo: String,
        /// Mass, t.
        tonnes: Option<f64>,
        /// Number of wagons.
        wagons: Option<f64>,
        /// Number of twenty-foot units.
        teu: Option<f64>,
        /// Number of lorries.
        trucks: Option<f64>,
        /// Earliest departure, local time.
        depart: Option<String>,
        /// Latest arrival, local time.
        arrive_by: Option<String>,
    }
}
