//! Consignment in, options out.

pub mod answer;
