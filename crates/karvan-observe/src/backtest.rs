//! The past as a test: parameters and series from what was observed up to a year, later years predicted and scored.

use std::collections::BTreeSet;

use jiff::civil::Date;
use karvan_model::calibration::Factors;
use karvan_model::observed::{Evidence, Observation};

use crate::calibrate::calibrate;
use crate::series::{Carried, Trends, published_by};
use crate::settings::MissingParameter;
use crate::validate::{
    Class, Cut, Group, Planned, Refused, Rival, Scored, Setting, Split, groups, happened, validate,
};

/// Why there is no backtest.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BacktestError {
    /// A parameter is missing.
    #[error(transparent)]
    Missing(#[from] MissingParameter),
    /// Nothing to learn from, or nothing to predict.
    #[error("no outcome {0}")]
    NoRows(Side),
}

/// A side of the cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Side {
    /// Up to the cut.
    #[error("ends by the end of {0}: there is nothing to learn from")]
    Before(i16),
    /// After it.
    #[error("begins after {0}: there is nothing to predict")]
    After(i16),
}

/// What a backtest found: see [`crate::Report`].
pub struct Backtest {
    /// Where time was cut.
    pub cut: Cut,
    /// Rows after the cut, predicted.
    pub rows: Vec<Scored>,
    /// Rows that were not.
    pub refused: Vec<Refused>,
    /// Scores by measure, and of each class.
    pub groups: Vec<Group>,
}

/// Years at whose end observations can be cut with outcomes on both sides; none if there is no such year.
pub fn years(observations: &[Observation]) -> Option<(i16, i16)> {
    let outcomes = || observations.iter().filter(|o| o.outcome);
    let first = outcomes().map(|o| o.period_end.year()).min()?;
    let last = outcomes().map(|o| o.period_start.year()).max()? - 1;
    (first <= last).then_some((first, last))
}

/// Cuts time at the end of a year: estimates from outcomes whose period is over by then, predicts those whose
/// period begins later. `done` hears what was asked and fitted as by [`calibrate()`], then what was predicted.
///
/// A row whose page also tells of the time before is predicted without that page, in every estimate. Law, links and
/// services are frozen at the cut unless the setting names another day; what the tables state without a date is not hidden.
///
/// # Errors
/// If there is nothing on a side of the cut, or the model lacks a parameter.
pub fn backtest(
    setting: &Setting,
    observations: &[Observation],
    until: i16,
    done: &mut dyn FnMut(usize, usize),
) -> Result<Backtest, BacktestError> {
    let end = Date::new(until, 12, 31).map_err(|_| BacktestError::NoRows(Side::Before(until)))?;
    let outcomes = || observations.iter().filter(|o| o.outcome);
    let seen: Vec<Observation> = outcomes().filter(|o| o.period_end <= end).cloned().collect();
    let later: Vec<Observation> = outcomes().filter(|o| o.period_start > end).cloned().collect();
    if seen.is_empty() {
        return Err(BacktestError::NoRows(Side::Before(until)));
    }
    if later.is_empty() {
        return Err(BacktestError::NoRows(Side::After(until)));
    }
    let found = calibrate(setting.model, setting.base, &seen, done)?;
    let fitted: usize = found.pages.iter().map(|p| p.observations.len()).sum();
    // What was estimated up to the cut stands in place of what the model knows today.
    let mut model = setting.model.clone();
    model.tables.observation.rows = seen;
    model.tables.calibration.rows = found.rows;
    model.tables.calibration_page.rows = found.pages;
    let model = model.calibrated(Factors::of(&model.tables, None));
    let as_of = setting.as_of.unwrap_or(end);
    let own = Setting { model: &model, base: setting.base, seed: setting.seed, as_of: Some(as_of) };
    let (mut rows, mut refused, _) = validate(&own, &later, &mut |n| done(n, later.len()))?;
    for o in outcomes().filter(|o| o.period_start <= end && o.period_end > end) {
        let why = format!("its period began before the end of {until} and was not over");
        let what = o.what.clone();
        refused.push(Refused { id: o.id.0.clone(), measure: Some(o.measure), what, place: None, why });
    }
    let seen = &model.tables.observation;
    // Plans of the model count beside those of a file.
    let plans: Vec<&Observation> = observations
        .iter()
        .chain(setting.model.tables.observation.iter())
        .filter(|o| o.evidence == Evidence::Plan && !o.outcome)
        .collect();
    let trends = Trends::new(&model, seen.iter());
    let planned = Trends::new(&model, plans.iter().copied());
    let pages: BTreeSet<&str> = seen.iter().map(|o| o.source_url.as_str()).collect();
    let rival = |c: Carried| Rival { value: c.value, rests_on: c.rests_on };
    let planned_of: Vec<Planned> = later
        .iter()
        .filter_map(|o| {
            let plan = planned.plan(o).map(rival)?;
            let (id, what, unit) = (o.id.0.clone(), o.what.clone(), o.unit.clone());
            Some(Planned { id, what, unit, observed: o.value, plan })
        })
        .collect();
    let mut left_out = 0;
    for (row, o) in rows.iter_mut().filter_map(|r| later.iter().find(|o| o.id.0 == r.id).map(|o| (r, o))) {
        row.trend = trends.trend(o).map(rival);
        row.plan = planned_of.iter().find(|p| p.id == row.id).map(|p| p.plan.clone());
        left_out += u32::from(pages.contains(o.source_url.as_str()));
    }
    let keys: BTreeSet<_> = rows.iter().map(|r| (r.measure, !happened(r.evidence))).collect();
    let splits: Vec<Split> = keys.into_iter().map(|(m, said)| (Class::of(m), Some(m), None, !said)).collect();
    let plans: BTreeSet<&str> = plans.iter().map(|o| o.id.as_str()).collect();
    let cut = Cut {
        fit_until: until,
        as_of: as_of.to_string(),
        seen: seen.len() as u32,
        fitted: fitted as u32,
        published_later: seen.iter().filter(|o| published_by(o).is_none_or(|d| d > end)).count() as u32,
        own_page_left_out: left_out,
        plans: plans.len() as u32,
        planned: planned_of,
    };
    Ok(Backtest { cut, groups: groups(&rows, &splits), rows, refused })
}
