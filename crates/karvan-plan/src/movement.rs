//! One movement as its processes: what a plan's quickest option is made of, for those who compare it with what
//! was observed.

use std::collections::BTreeMap;

use karvan_model::{Model, RuleIx};
use karvan_network::base::Base;
use karvan_network::compile::{Blocker, Process};

use crate::answer::{ClaimUsed, Leg};
use crate::draws::Draws;
use crate::legs::{self, Courses};
use crate::plan::{Asked, PlanError, Request, correlations};

/// A way with its processes in their order.
#[derive(Debug)]
pub struct Movement {
    /// Borders and services, for print.
    pub label: String,
    /// Legs, with mean times.
    pub legs: Vec<Leg>,
    /// Processes, in the order of the journey.
    pub processes: Vec<Process>,
    /// Claims that the figures rest on.
    pub claims: Vec<ClaimUsed>,
    /// Hour of the week of departure, UTC.
    pub hour_of_week: f64,
    /// Month (0 to 11) of each day since.
    pub months: Vec<u8>,
    /// Rules that bar it, by key.
    pub lifted: Vec<String>,
    rho: BTreeMap<&'static str, f64>,
}

impl Movement {
    /// Share of variance that processes of a kind and region have in common.
    pub fn correlation(&self, kind: &str) -> f64 {
        self.rho.get(kind).copied().unwrap_or(0.0)
    }

    /// Durations of some of its processes together, h, one a draw.
    pub fn draw(&self, processes: &[Process], seed: u64, n: usize) -> Vec<f32> {
        let rho = |kind: &str| self.correlation(kind);
        Draws::new(seed, n).durations(processes, self.hour_of_week, &self.months, &rho)
    }
}

/// The way of least mean time of a request that states its departure, or why there is none.
///
/// Rules that bar every way are lifted: a journey that is told of was allowed, and where it is told of between two
/// places on its way, the rules on its true origin and destination are not those on these places. Closed borders
/// and lines stay closed.
///
/// # Errors
/// If the question cannot be asked.
pub fn movement(
    model: &Model,
    base: &Base,
    request: &Request,
) -> Result<Result<Movement, String>, PlanError> {
    let asked = Asked::new(model, request)?;
    let depart = asked.instant(request.depart.ok_or(PlanError::NoTime)?, request.from.main);
    let rho = correlations(model)?;
    let (mut net, mut ways, _) = asked.search(model, base, request, depart);
    let mut lifted = Vec::new();
    if ways.is_empty() && !net.barred.is_empty() {
        let barred: Vec<RuleIx> = net.barred.iter().copied().collect();
        lifted = barred.iter().map(|r| model.tables.rule[r.ix()].id.0.clone()).collect();
        let lift = barred.into_iter().map(Blocker::Rule).collect();
        (net, ways, _) = asked.search_with(model, base, request, depart, lift);
    }
    let courses = Courses::none();
    let best = ways
        .iter()
        .map(|w| legs::build(&net, w, &courses))
        .min_by(|a, b| a.mean_h.total_cmp(&b.mean_h).then(a.signature.cmp(&b.signature)));
    let Some(best) = best else { return Ok(Err(asked.refusal(model, base, request, depart).reason)) };
    Ok(Ok(Movement {
        label: best.label,
        legs: best.legs,
        processes: best.processes,
        claims: best.claims,
        hour_of_week: net.hour_of_week,
        months: net.months.clone(),
        lifted,
        rho,
    }))
}
