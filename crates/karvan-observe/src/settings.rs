//! What of an estimate is choice: parameters of the model, each with its reason.

use karvan_model::Model;

use crate::fit::{Priors, Range};

/// A model without a figure that scoring or estimating needs.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the model states no parameter `{0}`, which scoring and estimating need; add it to table `parameter`"
)]
pub struct MissingParameter(pub &'static str);

/// Parameters that are read besides: of the naive estimate.
const NAIVE: [&str; 6] = [
    "naive_rail_kmh",
    "naive_road_kmh",
    "naive_sea_kmh",
    "naive_pipeline_kmh",
    "naive_border_h",
    "naive_gauge_h",
];

/// The regularisation that a model states.
///
/// # Errors
/// If it lacks a parameter.
pub fn priors(model: &Model) -> Result<Priors, MissingParameter> {
    let find = |id: &'static str| model.parameter(id).map(|p| p.value).ok_or(MissingParameter(id));
    let range = |id: &'static str| {
        find(id).map(|v| {
            let best = v.best.max(1e-3);
            Range { low: v.low.clamp(1e-3, best), best, high: v.high.max(best) }
        })
    };
    for id in NAIVE {
        find(id)?;
    }
    Ok(Priors {
        ranges: [
            range("spread_kind")?,
            range("spread_place")?,
            range("spread_run_kind")?,
            range("spread_run_place")?,
            range("spread_mix")?,
            range("spread_sample")?,
            range("spread_statement")?,
        ],
        volumes: [
            range("volume_mode")?,
            range("volume_place")?,
            range("volume_series")?,
            range("volume_walk")?,
            range("volume_growth")?,
            range("volume_count")?,
            range("volume_season")?,
            range("volume_queue")?,
        ],
        reported: find("width_reported")?.best.max(1.0),
        claimed: find("width_claimed")?.best.max(1.0),
    })
}
