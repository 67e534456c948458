//! Demand that capacities cannot carry: the least that is not carried, and the proof that it cannot be less.
//!
//! The least shedding is a linear programme: minimise `Σ s_i` over the flows that keep to the capacities. Its dual is
//!
//! ```text
//! maximise  Σ_i d_i min(1, min_p Σ_r a_rp λ_r) − Σ_r K_r λ_r   over λ ≥ 0
//! ```
//!
//! Any `λ` whose value is above zero is a **Farkas certificate**: charged `λ`, the demand would pay more than all capacities
//! earn, by whichever ways it went, so it cannot all go. The programme is smoothed by entropy, more and more finely, and solved as
//! the main one; both bounds are taken without smoothing. Empty returns are left out: they only add to what is needed.

use super::ascent::{Ascent, Step};
use super::certificate::{Primal, loads};
use super::kernel::{Aim, Kernel};
use super::programme::{Programme, Row};
use super::recover::repair;

/// What cannot be carried.
#[derive(Clone, Debug, PartialEq)]
pub struct Shedding {
    /// At least so much is not carried, whatever is done, t a period: the certificate's value.
    pub least_t: f64,
    /// So much is not carried in the flows found, t a period.
    pub found_t: f64,
    /// Not carried in these, by flow, t a period.
    pub by_flow: Vec<f64>,
    /// The certificate: a weight of each row, tonnes a unit.
    pub ray: Vec<f64>,
    /// The certificate as a cut, where one suffices.
    pub cut: Option<Cut>,
}

/// A set of capacities through which a set of flows has to pass, and which is too small for them.
#[derive(Clone, Debug, PartialEq)]
pub struct Cut {
    /// Rows.
    pub rows: Vec<u32>,
    /// Flows of which every alternative uses one of them.
    pub flows: Vec<u32>,
    /// What the flows need at least, in units of the rows together.
    pub needs: f64,
    /// What the rows have.
    pub has: f64,
}

/// Value of the certificate: the tonnes that are not carried at least, of which the proof is in `ray` alone.
pub fn certified(p: &Programme, ray: &[f64]) -> f64 {
    let capacity = |row: &Row| match row {
        Row::Capacity(k) => *k,
        Row::Queue(q) => q.capacity,
        Row::Balance => 0.0,
    };
    let weight = |r: u32| if p.rows[r as usize] == Row::Balance { 0.0 } else { ray[r as usize] };
    if p.rows.iter().zip(ray).any(|(row, l)| *row != Row::Balance && (*l < 0.0 || l.is_nan())) {
        return f64::NEG_INFINITY;
    }
    let pays: f64 = (0..p.flows())
        .map(|f| {
            let least = p
                .alternatives(f)
                .map(|a| {
                    f64::from(p.units_per_t[a]) * p.uses(p.route[a]).map(|(r, x)| weight(r) * x).sum::<f64>()
                })
                .fold(f64::INFINITY, f64::min);
            p.demand[f] * least.min(1.0)
        })
        .sum();
    let earns: f64 = p
        .rows
        .iter()
        .zip(ray)
        .map(|(row, l)| if *row == Row::Balance { 0.0 } else { capacity(row) * l })
        .sum();
    pays - earns
}

/// The least that is not carried, to a relative accuracy of the demand.
pub fn least_shedding(p: &Programme, accuracy: f64) -> Shedding {
    let total: f64 = p.demand.iter().sum();
    // Every flow may stay here, and queues are capacities.
    let mut soft = p.clone();
    soft.choke.fill(1.0);
    soft.moves.clear();
    for row in &mut soft.rows {
        if let Row::Queue(q) = row {
            *row = Row::Capacity(q.capacity);
        }
    }
    let soft = soft;
    let mut kernel = Kernel::new(&soft);
    let mut prices = vec![0.0; p.rows.len()];
    let mut best = Shedding {
        least_t: 0.0,
        found_t: f64::INFINITY,
        by_flow: p.demand.clone(),
        ray: vec![0.0; p.rows.len()],
        cut: None,
    };
    let mut scale = 20.0;
    let tight = 1.0 - accuracy * 0.1;
    // Each round is twice as fine; at the last the smoothing is worth less than the accuracy.
    while scale < 1e8 {
        let mut ascent = Ascent::new(&mut kernel, Aim::Carry { scale }, tight, prices);
        let enough = 0.1 * accuracy * total;
        for round in 0..200 {
            let before = ascent.value;
            let mut stuck = false;
            for _ in 0..10 {
                if ascent.step() == Step::Stuck {
                    stuck = true;
                    break;
                }
            }
            let value = certified(p, &ascent.prices);
            if value > best.least_t {
                best.least_t = value;
                best.ray.clone_from(&ascent.prices);
            }
            if stuck || (round > 0 && ascent.value - before < 0.01 * enough) {
                break;
            }
        }
        let (carried, shed) = ascent.flows();
        let mut x = Primal { carried: carried.to_vec(), shed: shed.to_vec(), moved: Vec::new() };
        prices = std::mem::take(&mut ascent.prices);
        if repair(&soft, &mut x, &prices) {
            fill(&soft, &mut x);
            let shed: f64 = x.shed.iter().sum();
            if shed < best.found_t {
                best.found_t = shed;
                best.by_flow = x.shed;
            }
        }
        if best.found_t - best.least_t <= accuracy * total {
            break;
        }
        scale *= 2.0;
    }
    for (l, row) in best.ray.iter_mut().zip(&p.rows) {
        if *row == Row::Balance {
            *l = 0.0;
        }
    }
    if best.least_t > 0.0 {
        best.cut = cut(p, &best.ray);
    }
    best
}

/// Carries what is not carried although there is room, flow by flow.
fn fill(p: &Programme, x: &mut Primal) {
    let mut loads = loads(p, x);
    let capacity = |r: u32| match p.rows[r as usize] {
        Row::Capacity(k) => k,
        Row::Queue(q) => q.capacity,
        Row::Balance => f64::INFINITY,
    };
    for f in 0..p.flows() {
        for a in p.alternatives(f) {
            if x.shed[f] <= 0.0 {
                break;
            }
            let units = f64::from(p.units_per_t[a]);
            let room = p
                .uses(p.route[a])
                .filter(|(_, amount)| amount * units > 0.0)
                .map(|(r, amount)| (capacity(r) * (1.0 - 1e-12) - loads[r as usize]) / (amount * units))
                .fold(f64::INFINITY, f64::min);
            let more = room.min(x.shed[f]).max(0.0);
            if more > 0.0 {
                x.carried[a] += more;
                x.shed[f] -= more;
                for (r, amount) in p.uses(p.route[a]) {
                    loads[r as usize] += more * units * amount;
                }
            }
        }
    }
}

/// Looks for a cut among the rows of greatest weight: all weights alike in it, the sum of capacities has to be less than what the
/// flows that cannot avoid them need.
fn cut(p: &Programme, ray: &[f64]) -> Option<Cut> {
    let capacity = |r: u32| match p.rows[r as usize] {
        Row::Capacity(k) => k,
        Row::Queue(q) => q.capacity,
        Row::Balance => f64::INFINITY,
    };
    let most = ray.iter().copied().fold(0.0, f64::max);
    let mut order: Vec<u32> = (0..p.rows.len() as u32).filter(|r| ray[*r as usize] > 1e-3 * most).collect();
    // Rows whose weights are alike belong together; the set is grown from the heaviest.
    order.sort_by(|a, b| ray[*b as usize].total_cmp(&ray[*a as usize]).then(a.cmp(b)));
    let of = |rows: &[u32]| -> Cut {
        let inside: std::collections::BTreeSet<u32> = rows.iter().copied().collect();
        let mut flows = Vec::new();
        let mut needs = 0.0;
        for f in 0..p.flows() {
            let least = p
                .alternatives(f)
                .map(|a| {
                    f64::from(p.units_per_t[a])
                        * p.uses(p.route[a]).filter(|(r, _)| inside.contains(r)).map(|(_, x)| x).sum::<f64>()
                })
                .fold(f64::INFINITY, f64::min);
            if least > 0.0 && least.is_finite() {
                flows.push(f as u32);
                needs += least * p.demand[f];
            }
        }
        Cut { rows: inside.into_iter().collect(), flows, needs, has: rows.iter().map(|r| capacity(*r)).sum() }
    };
    let single = order.iter().map(|r| of(&[*r])).filter(|c| c.needs > c.has * (1.0 + 1e-9));
    let best_single = single.max_by(|a, b| (a.needs - a.has).total_cmp(&(b.needs - b.has)));
    best_single.or_else(|| {
        (2..=order.len().min(64)).map(|n| of(&order[..n])).find(|c| c.needs > c.has * (1.0 + 1e-9))
    })
}
