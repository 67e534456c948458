//! What vouches for a solution: its primal value, its dual value and how far it keeps to the constraints, each from its
//! definition, with nothing taken from the solver but the flows and the prices.

use super::programme::{Programme, Row};

/// A point of the primal: who is carried how, and which equipment is returned.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Primal {
    /// By alternative, t a period.
    pub carried: Vec<f64>,
    /// By flow, t a period not carried.
    pub shed: Vec<f64>,
    /// By empty move, units a period.
    pub moved: Vec<f64>,
}

/// What the flows and prices amount to.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Certificate {
    /// Value of the programme at the flows, US dollars a period.
    pub primal: f64,
    /// Value of the dual at the prices: no feasible flows have a lower value.
    pub dual: f64,
    /// Generalised cost of what is carried, waits and returns included, US dollars a period: what the gap is measured by.
    pub cost: f64,
    /// `(primal − dual) / cost`.
    pub gap: f64,
    /// Greatest load above a capacity, as a share of it.
    pub over_capacity: f64,
    /// Greatest sum of what comes and goes at a balance row, as a share of what passes there.
    pub imbalance: f64,
    /// Greatest difference of carried and not carried from the demand, as a share of it.
    pub demand_error: f64,
    /// Least flow; negative if one is.
    pub least_flow: f64,
    /// Not carried, t a period.
    pub shed: f64,
}

impl Certificate {
    /// Whether the constraints are kept to this share of themselves.
    pub fn feasible(&self, tolerance: f64) -> bool {
        self.over_capacity <= tolerance
            && self.imbalance <= tolerance
            && self.demand_error <= tolerance
            && self.least_flow >= -tolerance
            && self.primal.is_finite()
    }
}

/// What flows and moves take of each row.
pub fn loads(p: &Programme, x: &Primal) -> Vec<f64> {
    let mut out = vec![0.0; p.rows.len()];
    for (a, f) in x.carried.iter().enumerate() {
        let units = f * f64::from(p.units_per_t[a]);
        if units != 0.0 {
            for (r, amount) in p.uses(p.route[a]) {
                out[r as usize] += units * amount;
            }
        }
    }
    for (m, u) in p.moves.iter().zip(&x.moved) {
        out[m.from as usize] -= u;
        out[m.to as usize] += u;
        for (r, a) in &m.uses {
            out[*r as usize] += u * f64::from(*a);
        }
    }
    out
}

/// `x ln(x/y)`, nothing where there is nothing.
fn relative(x: f64, y: f64) -> f64 {
    if x > 0.0 { x * (x / y).ln() } else { 0.0 }
}

/// Value of the programme at a point, and the generalised cost in it.
fn primal_value(p: &Programme, x: &Primal, loads: &[f64]) -> (f64, f64) {
    let (mut cost, mut spread, mut choke) = (0.0, 0.0, 0.0);
    for f in 0..p.flows() {
        let c = p.classes[p.class[f] as usize];
        let carried: f64 = p.alternatives(f).map(|a| x.carried[a]).sum();
        for n in p.nests(f) {
            let nest: f64 = p.alternatives_of(n).map(|a| x.carried[a]).sum();
            for a in p.alternatives_of(n) {
                cost += x.carried[a] * f64::from(p.cost[a]);
                spread += relative(x.carried[a], nest) / c.route_scale;
            }
            spread += relative(nest, carried) / c.nest_scale;
        }
        if p.choke[f].is_finite() {
            let all = carried + x.shed[f];
            spread += (relative(carried, all) + relative(x.shed[f], all)) / c.carry_scale;
            choke += x.shed[f] * f64::from(p.choke[f]);
        } else if x.shed[f] > 0.0 {
            choke = f64::INFINITY;
        }
    }
    for (row, load) in p.rows.iter().zip(loads) {
        if let Row::Queue(q) = row {
            cost += q.integral(*load);
        }
    }
    for (m, u) in p.moves.iter().zip(&x.moved) {
        cost += m.usd * u + 0.5 * u * u / m.units_per_usd;
    }
    (cost + spread + choke, cost)
}

/// Value of the dual at prices: what the cheapest mix costs every flow when rows are charged, less what the rows earn.
/// Prices of capacities and queues below zero make it minus infinity.
pub fn dual_value(p: &Programme, prices: &[f64]) -> f64 {
    let log_sum = |costs: &mut dyn Iterator<Item = f64>, scale: f64| {
        let costs: Vec<f64> = costs.collect();
        let least = costs.iter().copied().fold(f64::INFINITY, f64::min);
        if least.is_infinite() {
            return least;
        }
        least - costs.iter().map(|c| (-scale * (c - least)).exp()).sum::<f64>().ln() / scale
    };
    let mut value = 0.0;
    for f in 0..p.flows() {
        let c = p.classes[p.class[f] as usize];
        let toll = |a: usize| -> f64 {
            p.uses(p.route[a]).map(|(r, amount)| prices[r as usize] * amount).sum::<f64>()
                * f64::from(p.units_per_t[a])
        };
        let nest =
            |n| log_sum(&mut p.alternatives_of(n).map(|a| f64::from(p.cost[a]) + toll(a)), c.route_scale);
        let carried = log_sum(&mut p.nests(f).map(nest), c.nest_scale);
        value += p.demand[f] * log_sum(&mut [carried, f64::from(p.choke[f])].into_iter(), c.carry_scale);
    }
    for (row, price) in p.rows.iter().zip(prices) {
        match row {
            Row::Capacity(_) | Row::Queue(_) if *price < 0.0 => return f64::NEG_INFINITY,
            Row::Capacity(k) => value -= k * price,
            Row::Queue(q) => value -= q.conjugate(*price),
            Row::Balance => {}
        }
    }
    for m in &p.moves {
        let uses: f64 = m.uses.iter().map(|(r, a)| prices[*r as usize] * f64::from(*a)).sum();
        let first = m.usd + uses + prices[m.to as usize] - prices[m.from as usize];
        if first < 0.0 {
            value -= 0.5 * first * first * m.units_per_usd;
        }
    }
    value
}

/// Certificate without the dual value, for a look on the way.
pub(crate) fn primal_side(p: &Programme, x: &Primal) -> Certificate {
    let loads = loads(p, x);
    let mut c = Certificate::default();
    let mut passing = vec![0.0; p.rows.len()];
    for (m, u) in p.moves.iter().zip(&x.moved) {
        passing[m.from as usize] += u;
        passing[m.to as usize] += u;
    }
    for (a, f) in x.carried.iter().enumerate() {
        for (r, amount) in p.uses(p.route[a]) {
            if p.rows[r as usize] == Row::Balance {
                passing[r as usize] += (amount * f * f64::from(p.units_per_t[a])).abs();
            }
        }
    }
    for (i, row) in p.rows.iter().enumerate() {
        match row {
            Row::Capacity(k) => c.over_capacity = c.over_capacity.max(over(loads[i], *k)),
            Row::Queue(q) => c.over_capacity = c.over_capacity.max(over(loads[i], q.capacity)),
            Row::Balance => c.imbalance = c.imbalance.max(loads[i].abs() / passing[i].max(1.0)),
        }
    }
    for f in 0..p.flows() {
        let sum: f64 = p.alternatives(f).map(|a| x.carried[a]).sum::<f64>() + x.shed[f];
        c.demand_error = c.demand_error.max((sum - p.demand[f]).abs() / p.demand[f]);
        c.shed += x.shed[f];
    }
    let least = |v: &[f64]| v.iter().copied().fold(0.0, f64::min);
    c.least_flow = least(&x.carried).min(least(&x.shed)).min(least(&x.moved));
    (c.primal, c.cost) = primal_value(p, x, &loads);
    c
}

/// Recomputes everything from the flows and the prices.
pub fn certify(p: &Programme, x: &Primal, prices: &[f64]) -> Certificate {
    let mut c = primal_side(p, x);
    c.dual = dual_value(p, prices);
    c.gap = (c.primal - c.dual) / c.cost.abs().max(f64::MIN_POSITIVE);
    c
}

fn over(load: f64, capacity: f64) -> f64 {
    if load <= capacity {
        0.0
    } else if capacity > 0.0 {
        load / capacity - 1.0
    } else {
        load
    }
}
