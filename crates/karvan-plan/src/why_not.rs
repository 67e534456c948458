//! Why not: the least sets of blockers whose lifting would open an option, or improve the best by a margin.

use jiff::Timestamp;
use karvan_model::Model;
use karvan_network::base::Base;
use karvan_network::compile::{Blocker as NetBlocker, Network};

use crate::answer::{Itinerary, Opening};
use crate::plan::{Asked, PlanError, Request};

/// Blockers in one set at most: a way that needs more is a programme, not a measure.
const MOST_BLOCKERS: usize = 6;
/// Sets that are looked at.
const SETS: usize = 8;
/// Sets that are shown.
const SHOWN: usize = 5;

impl Asked {
    /// Openings, fewest blockers first and then by generalised cost; each is planned as any other question.
    #[allow(clippy::too_many_arguments, reason = "a question, its answer so far, and how finely to look")]
    pub(crate) fn why_not(
        &self,
        model: &Model,
        base: &Base,
        r: &Request,
        depart: Timestamp,
        best: Option<&Itinerary>,
        margin: f64,
        draws: usize,
    ) -> Result<Vec<Opening>, PlanError> {
        let net = Network::compile(base, self.pricer(model, r, depart), &self.question(r, depart, true));
        let day = net.day(self.origin(), 0.0);
        let (hour, tonne) = (self.value_of_hour as f32, (self.co2e_price / 1000.0) as f32);
        let sets = net.blocker_sets(hour, tonne, margin as f32, MOST_BLOCKERS, SETS);
        let today = best.map(|o| o.generalised_usd);
        let mut openings: Vec<Opening> = Vec::new();
        for set in sets {
            let (net, ways, _) = self.search_with(model, base, r, depart, set.clone());
            let options = self.options(model, &net, &ways, r, draws)?;
            let Some(o) = options.first() else { continue };
            // The search weighs means; what is promised is what the draws say.
            if today.is_some_and(|t| o.generalised_usd > t * (1.0 - margin)) {
                continue;
            }
            let opening = Opening {
                lift: set.iter().map(|b: &NetBlocker| self.blocker(model, b, day)).collect(),
                label: o.label.clone(),
                distance_km: o.distance_km,
                p50_h: o.p50_h,
                p90_h: o.p90_h,
                cost_usd: o.cost_usd,
                co2e_kg: o.co2e_kg,
                generalised_usd: o.generalised_usd,
                gain_usd: today.map(|t| t - o.generalised_usd),
            };
            openings.push(opening);
        }
        openings.sort_by(|a, b| {
            a.lift.len().cmp(&b.lift.len()).then(a.generalised_usd.total_cmp(&b.generalised_usd))
        });
        openings.truncate(SHOWN);
        Ok(openings)
    }
}
