//! From a programme to a solution with its certificate.

use std::ops::ControlFlow;

use super::ascent::{Ascent, Step};
use super::certificate::{Certificate, Primal, certify, primal_side};
use super::kernel::{Aim, Kernel};
use super::programme::{Programme, Row};
use super::recover::repair;

/// When to stop.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    /// Duality gap at which the solution is good enough, as a share of the cost.
    pub gap: f64,
    /// Evaluations of the dual, and products with its second derivatives, after which it is given up.
    pub most_evaluations: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self { gap: 1e-6, most_evaluations: 20_000 }
    }
}

/// What is told on the way.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Progress {
    /// Evaluations of the dual so far.
    pub evaluations: u64,
    /// Best gap so far; infinite before the first feasible point.
    pub gap: f64,
    /// Greatest load above a capacity before repair, as a share of it.
    pub over: f64,
}

/// Why it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The gap asked for is reached.
    Gap,
    /// Double precision allows no further step; the gap is what the certificate says.
    Precision,
    /// The evaluations allowed are used up.
    Evaluations,
    /// The caller said so.
    Interrupted,
}

/// Flows, prices and what vouches for them.
#[derive(Clone, Debug)]
pub struct Solution {
    /// Flows: they keep to every capacity and balance.
    pub flows: Primal,
    /// Price of each row, US dollars a unit: what one unit more of a capacity saves, the wait's price at a queue, the
    /// scarcity of empty equipment at a balance (what one unit more there is worth is its negative).
    pub prices: Vec<f64>,
    /// Recomputed from flows and prices alone.
    pub certificate: Certificate,
    /// Why it ended.
    pub end: End,
    /// Evaluations of the dual.
    pub evaluations: u64,
}

/// No feasible point was found.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum SolveError {
    /// None.
    #[error(
        "no flows that keep to all capacities were found in {evaluations} evaluations; where demand exceeds capacity, ask for the least that is not carried, or give flows a price at which they stay"
    )]
    NoFeasiblePoint {
        /// Evaluations made.
        evaluations: u64,
    },
}

/// Evaluations between two attempts to make flows feasible, at least.
const CHECK: u64 = 25;

/// Solves a programme. `start` holds prices to begin from, of an earlier solution of a programme with the same rows.
///
/// # Errors
/// If no flows that keep to all capacities are found: the demand may exceed them ([`super::least_shedding`] says so).
pub fn solve(
    p: &Programme,
    settings: &Settings,
    start: Option<&[f64]>,
    tell: &mut dyn FnMut(&Progress) -> ControlFlow<()>,
) -> Result<Solution, SolveError> {
    let mut kernel = Kernel::new(p);
    // Aimed a little below capacity, flows chosen at prices near the optimum keep to it without repair.
    let tight = 1.0 - (0.2 * settings.gap).min(1e-3);
    let mut prices = start.map_or_else(|| vec![0.0; p.rows.len()], <[f64]>::to_vec);
    for (y, row) in prices.iter_mut().zip(&p.rows) {
        if *row != Row::Balance {
            *y = y.max(0.0);
        }
    }
    let mut ascent = Ascent::new(&mut kernel, Aim::Cost, tight, prices);
    let mut best: Option<(Primal, f64, f64)> = None;
    let mut best_dual = f64::NEG_INFINITY;
    let mut best_prices = ascent.prices.clone();
    let mut gap = f64::INFINITY;
    let mut since_check = 0;
    let mut spare = Primal::default();
    let end = loop {
        let before = ascent.evaluations;
        let step = ascent.step();
        // Making flows feasible costs some evaluations: it is tried where that is little beside the steps in between.
        since_check += ascent.evaluations - before;
        let dual = ascent.untightened();
        if dual > best_dual {
            best_dual = dual;
            best_prices.clone_from(&ascent.prices);
        }
        let last = step == Step::Stuck || ascent.evaluations >= settings.most_evaluations;
        if since_check >= CHECK || last {
            since_check = 0;
            let (carried, shed) = ascent.flows();
            spare.carried.clear();
            spare.carried.extend_from_slice(carried);
            spare.shed.clear();
            spare.shed.extend_from_slice(shed);
            spare.moved = p.moves.iter().map(|m| m.units_at(&ascent.prices)).collect();
            if repair(p, &mut spare, &ascent.prices) {
                let c = primal_side(p, &spare);
                if c.feasible(1e-9) && best.as_ref().is_none_or(|(_, value, _)| c.primal < *value) {
                    let old = best.replace((std::mem::take(&mut spare), c.primal, c.cost));
                    if let Some((x, ..)) = old {
                        spare = x;
                    }
                }
            }
            if let Some((_, value, cost)) = &best {
                gap = (value - best_dual) / cost.abs().max(f64::MIN_POSITIVE);
            }
        }
        let told = Progress { evaluations: ascent.evaluations, gap, over: ascent.over() };
        if tell(&told).is_break() {
            break End::Interrupted;
        }
        if gap <= settings.gap {
            break End::Gap;
        }
        if step == Step::Stuck {
            break End::Precision;
        }
        if last {
            break End::Evaluations;
        }
    };
    let evaluations = ascent.evaluations;
    let Some((flows, ..)) = best else {
        return Err(SolveError::NoFeasiblePoint { evaluations });
    };
    let certificate = certify(p, &flows, &best_prices);
    Ok(Solution { flows, prices: best_prices, certificate, end, evaluations })
}
