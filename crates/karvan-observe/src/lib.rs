//! What a model is worth: predictions scored against observations, and parameters estimated from them.
//!
//! [`calibrate()`] estimates factors on the durations of processes from observed outcomes; [`validate()`] predicts
//! observations as distributions and scores them, each by parameters that have not seen its page. Both ask
//! [`ask::Asking`], which turns an observation into a question to the planner and its prices; volumes and queues are
//! predicted by [`series`], from what other pages counted. [`backtest()`] does both with time cut at a year: what is estimated has seen
//! nothing later, and what is later is predicted.
//!
//! This crate knows no file and no screen.

pub mod ask;
mod backtest;
mod calibrate;
pub mod fit;
mod linear;
pub mod places;
pub mod response;
pub mod score;
pub mod series;
mod settings;
mod validate;

pub use backtest::{Backtest, BacktestError, Side, backtest, years};
pub use calibrate::{Calibrated, calibrate};
pub use score::Share;
pub use settings::{MissingParameter, priors};
pub use validate::*;
