//! A year of demand on a model's network: who carries what, where it jams, what a unit of capacity is worth.
//!
//! | Step | Module | Gives |
//! | --- | --- | --- |
//! | 1 | [`capacity`] | what bounds traffic, each with its source |
//! | 2 | [`choice`] | the ways each flow may go |
//! | 3 | [`year`] | the programme of [`karvan_assign::freight`], solved, with its certificate |
//! | 4 | [`report`] | what is told: traffic, shares, shadow prices, published totals beside modelled ones |
//!
//! [`compare`] puts a scenario beside what it is compared with, and says what moved and why; [`years`] puts several years into one report. [`tables`] keeps choice sets and results as tables of a run, and reads choice sets back.
//!
//! This crate knows no file and no screen.

pub mod capacity;
pub mod choice;
pub mod compare;
pub mod drawn;
pub mod report;
pub mod tables;
pub mod year;
pub mod years;

/// A year that cannot be assigned.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum FreightError {
    /// The model lacks a figure.
    #[error("the model states no parameter `{0}`, which an assignment needs; add it to table `parameter`")]
    Parameter(&'static str),
    /// The model does not say how shippers of a cargo choose.
    #[error("no row of table `choice` is for cargo `{0}`; add one, or one for all cargo")]
    NoChoice(String),
    /// The year lies outside the calendar.
    #[error("the model knows nothing of {given}; it answers for {first} to {last}")]
    Day {
        /// Given.
        given: jiff::civil::Date,
        /// First day.
        first: jiff::civil::Date,
        /// Last day.
        last: jiff::civil::Date,
    },
    /// No demand.
    #[error("the model has no demand in {0}")]
    NoDemand(u32),
    /// Nothing may go at all.
    #[error("no flow of {year} has a way on {day}")]
    NoWay {
        /// Year.
        year: u32,
        /// Day.
        day: jiff::civil::Date,
    },
    /// The programme is not well formed: a fault of this crate.
    #[error(transparent)]
    Programme(#[from] karvan_assign::freight::ProgrammeError),
    /// It was not solved.
    #[error(transparent)]
    Solve(#[from] karvan_assign::freight::SolveError),
}
