//! Long computations on disk: what they were made of, how far they are, what they found.
//!
//! | Word | Means |
//! | --- | --- |
//! | run | one computation in a folder of its own, with its inputs: [`Run`] |
//! | stage | a step of it; computed once, kept whole or not at all: [`Run::stage`] |
//! | table | named columns, as a Parquet file: [`Table`] |
//! | layer | a table with shapes, in a GeoPackage: [`Layer`] |
//!
//! This crate prints nothing and knows no engine: what a stage computes is the caller's.

mod geopackage;
mod run;
mod table;

pub use geopackage::{GeoPackageError, Layer, Shapes, geopackage};
pub use run::{Change, Inputs, Manifest, Run, RunError, Stage, StageState, TableFile, run_schema};
pub use table::{Column, Table, TableError};
