//! The answer of a plan as people and programs read it: a table for the terminal, JSON with its schema,
//! CSV, GeoJSON, and one HTML page with map and charts; likewise the rules and the chronicle. So are how a model did on
//! observations, what a simulation found, and a year of trade on the network.
//!
//! Every function takes the [`Answer`] and gives a text: nothing here prints, opens a file, or plans.
//! The words of the HTML page stand in one catalogue per language (`text/en.toml`, `text/ru.toml`).
//!
//! # Units
//! Durations are hours in the data, and days and hours in print; money is US dollars; masses are tonnes.

mod applied;
mod assignment;
mod charts;
mod chronicle;
mod html;
mod machine;
mod map;
mod num;
mod simulation;
mod svg;
mod table;
mod text;
mod validation;

pub use karvan_plan::answer::Answer;

pub use applied::{quotas_csv, quotas_table, rules_csv, rules_table};
pub use assignment::assignment_html;
pub use chronicle::{chronicle_csv, chronicle_html, chronicle_table};
pub use html::html;
pub use machine::{batch_schema, csv, geojson, json, json_schema, rules_schema};
pub use simulation::{simulation_csv, simulation_html, simulation_table};
pub use table::{Legs, table};
pub use text::Lang;
pub use validation::{validation_csv, validation_html, validation_table};
