//! The dual function and its gradient: the one loop that takes the time.
//!
//! Groups are cut into a number of parts that depends on the programme alone; each part sums into arrays of its own and
//! the parts are added in their order, so that the result is the same on any number of threads.

use rayon::prelude::*;

use super::programme::{Programme, Row};

/// What is minimised.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Aim {
    /// The programme's own costs.
    Cost,
    /// Tonnes not carried, with everything else free and a smoothing of this scale. Balances and waits are left out.
    Carry {
        /// Inverse of the spread, in tonnes not carried a tonne.
        scale: f64,
    },
}

/// Scales and prices of a flow.
pub(crate) struct Choice {
    pub(crate) route_scale: f64,
    pub(crate) nest_scale: f64,
    pub(crate) carry_scale: f64,
    pub(crate) choke: f64,
}

impl Aim {
    #[inline]
    pub(crate) fn choice(self, p: &Programme, flow: usize) -> Choice {
        match self {
            Aim::Cost => {
                let c = p.classes[p.class[flow] as usize];
                Choice {
                    route_scale: c.route_scale,
                    nest_scale: c.nest_scale,
                    carry_scale: c.carry_scale,
                    choke: f64::from(p.choke[flow]),
                }
            }
            Aim::Carry { scale } => {
                Choice { route_scale: scale, nest_scale: scale, carry_scale: scale, choke: 1.0 }
            }
        }
    }

    #[inline]
    pub(crate) fn cost(self, p: &Programme, alternative: usize) -> f64 {
        match self {
            Aim::Cost => f64::from(p.cost[alternative]),
            Aim::Carry { .. } => 0.0,
        }
    }
}

/// What an evaluation gives.
#[derive(Clone, Debug, Default)]
pub(crate) struct Evaluation {
    /// Dual value without the rows' own terms: demand times log-sum, and the moves' part.
    pub(crate) value: f64,
    /// What the flows chosen at these prices, and empty moves, take of each row.
    pub(crate) loads: Vec<f64>,
    /// Second derivatives of the value by each price, negated, other prices fixed; above the true ones.
    pub(crate) curvature: Vec<f64>,
}

/// One part's share of an evaluation.
struct Part {
    groups: std::ops::Range<usize>,
    value: f64,
    loads: Vec<f64>,
    curvature: Vec<f64>,
    /// Scratch, by route of the part: its price, its flow, its curvature.
    toll: Vec<f64>,
    through: Vec<f64>,
    bend: Vec<f64>,
}

/// Evaluates a programme at prices, again and again.
pub(crate) struct Kernel<'p> {
    pub(crate) programme: &'p Programme,
    parts: Vec<Part>,
}

/// Parts at most; each has an array as long as there are rows.
const PARTS: usize = 16;

/// Where an evaluation writes the flows.
pub(crate) struct Flows<'a> {
    /// By alternative, t.
    pub(crate) carried: &'a mut [f64],
    /// By flow, t not carried.
    pub(crate) shed: &'a mut [f64],
}

impl<'p> Kernel<'p> {
    pub(crate) fn new(programme: &'p Programme) -> Self {
        let p = programme;
        let work = |g: usize| {
            let uses = p.first_use[p.group_route[g + 1] as usize] - p.first_use[p.group_route[g] as usize];
            let first = |f: u32| p.first_alternative[p.first_nest[f as usize] as usize];
            2 * u64::from(uses) + 8 * u64::from(first(p.group_flow[g + 1]) - first(p.group_flow[g])) + 1
        };
        let total: u64 = (0..p.groups()).map(work).sum();
        let share = total / PARTS as u64 + 1;
        let mut parts = Vec::new();
        let (mut start, mut sum) = (0, 0);
        for g in 0..p.groups() {
            sum += work(g);
            if sum >= share || g + 1 == p.groups() {
                let routes = (p.group_route[g + 1] - p.group_route[start]) as usize;
                parts.push(Part {
                    groups: start..g + 1,
                    value: 0.0,
                    loads: vec![0.0; p.rows.len()],
                    curvature: Vec::new(),
                    toll: vec![0.0; routes],
                    through: vec![0.0; routes],
                    bend: Vec::new(),
                });
                (start, sum) = (g + 1, 0);
            }
        }
        Self { programme, parts }
    }

    /// Value, loads and, where asked for, curvatures at prices; the flows too, where there is somewhere to put them.
    pub(crate) fn evaluate(
        &mut self,
        prices: &[f64],
        aim: Aim,
        curvature: bool,
        flows: Option<Flows>,
        out: &mut Evaluation,
    ) {
        let p = self.programme;
        match flows {
            None => self.parts.par_iter_mut().for_each(|part| part.run(p, prices, aim, curvature, None)),
            Some(f) => {
                let mut jobs = Vec::with_capacity(self.parts.len());
                let (mut carried, mut shed) = (f.carried, f.shed);
                for part in &mut self.parts {
                    let flows =
                        p.group_flow[part.groups.start] as usize..p.group_flow[part.groups.end] as usize;
                    let alternatives = p.first_alternative[p.first_nest[flows.end] as usize]
                        - p.first_alternative[p.first_nest[flows.start] as usize];
                    let (c, rest) = carried.split_at_mut(alternatives as usize);
                    carried = rest;
                    let (s, rest) = shed.split_at_mut(flows.len());
                    shed = rest;
                    jobs.push((part, Flows { carried: c, shed: s }));
                }
                jobs.into_par_iter().for_each(|(part, f)| part.run(p, prices, aim, curvature, Some(f)));
            }
        }
        out.value = 0.0;
        out.loads.clear();
        out.loads.resize(p.rows.len(), 0.0);
        for part in &self.parts {
            out.value += part.value;
        }
        let parts = &self.parts;
        let sum = |of: fn(&Part) -> &[f64], into: &mut [f64]| {
            into.par_chunks_mut(4096).enumerate().for_each(|(i, chunk)| {
                for part in parts {
                    for (a, b) in chunk.iter_mut().zip(&of(part)[i * 4096..]) {
                        *a += b;
                    }
                }
            });
        };
        sum(|p| &p.loads, &mut out.loads);
        if curvature {
            out.curvature.clear();
            out.curvature.resize(p.rows.len(), 0.0);
            sum(|p| &p.curvature, &mut out.curvature);
        }
        if aim == Aim::Cost {
            for m in &p.moves {
                let units = m.units_at(prices);
                if curvature {
                    // Both ends react to one another; twice the sum of the two keeps the step short of both.
                    let c = m.units_per_usd;
                    if units > 0.0 {
                        out.curvature[m.from as usize] += c;
                        out.curvature[m.to as usize] += c;
                        for (r, a) in &m.uses {
                            out.curvature[*r as usize] += c * f64::from(*a) * f64::from(*a);
                        }
                    }
                }
                if units > 0.0 {
                    out.value -= 0.5 * units * units / m.units_per_usd;
                    out.loads[m.from as usize] -= units;
                    out.loads[m.to as usize] += units;
                    for (r, a) in &m.uses {
                        out.loads[*r as usize] += units * f64::from(*a);
                    }
                }
            }
        }
    }
}

impl Kernel<'_> {
    /// Product of the second derivatives of the flows' and moves' part, negated, with a change of prices; the flows are those
    /// at the prices.
    pub(crate) fn product(
        &mut self,
        prices: &[f64],
        aim: Aim,
        carried: &[f64],
        shed: &[f64],
        change: &[f64],
        out: &mut [f64],
    ) {
        let p = self.programme;
        self.parts.par_iter_mut().for_each(|part| part.product(p, aim, carried, shed, change));
        let parts = &self.parts;
        out.par_chunks_mut(4096).enumerate().for_each(|(i, chunk)| {
            chunk.fill(0.0);
            for part in parts {
                for (a, b) in chunk.iter_mut().zip(&part.loads[i * 4096..]) {
                    *a += b;
                }
            }
        });
        if aim == Aim::Cost {
            for m in p.moves.iter().filter(|m| m.reduced(prices) < 0.0) {
                let uses: f64 = m.uses.iter().map(|(r, a)| f64::from(*a) * change[*r as usize]).sum();
                let by = m.units_per_usd * (uses + change[m.to as usize] - change[m.from as usize]);
                out[m.to as usize] += by;
                out[m.from as usize] -= by;
                for (r, a) in &m.uses {
                    out[*r as usize] += by * f64::from(*a);
                }
            }
        }
    }
}

impl super::programme::EmptyMove {
    /// Cost of the first unit at prices of the rows, US dollars.
    pub(crate) fn reduced(&self, prices: &[f64]) -> f64 {
        let uses: f64 = self.uses.iter().map(|(r, a)| f64::from(*a) * prices[*r as usize]).sum();
        self.usd + uses + prices[self.to as usize] - prices[self.from as usize]
    }

    /// Units moved at prices of the rows.
    pub(crate) fn units_at(&self, prices: &[f64]) -> f64 {
        (-self.reduced(prices)).max(0.0) * self.units_per_usd
    }
}

impl Part {
    /// See [`Kernel::product`].
    fn product(&mut self, p: &Programme, aim: Aim, carried: &[f64], shed: &[f64], change: &[f64]) {
        let first_route = p.group_route[self.groups.start];
        self.loads.fill(0.0);
        self.through.fill(0.0);
        let uses = |r: usize| {
            let r = first_route as usize + r;
            p.first_use[r] as usize..p.first_use[r + 1] as usize
        };
        for (r, toll) in self.toll.iter_mut().enumerate() {
            let at = uses(r);
            let pairs = p.use_row[at.clone()].iter().zip(&p.use_amount[at]);
            *toll = pairs.map(|(row, a)| change[*row as usize] * f64::from(*a)).sum();
        }
        let share_shed = |f: usize| shed[f] / p.demand[f];
        for f in p.group_flow[self.groups.start] as usize..p.group_flow[self.groups.end] as usize {
            let c = aim.choice(p, f);
            let all: f64 = p.alternatives(f).map(|a| carried[a]).sum();
            if all <= 0.0 {
                continue;
            }
            let toll =
                |a: usize| self.toll[(p.route[a] - first_route) as usize] * f64::from(p.units_per_t[a]);
            // By how much the log-sum of all that carries it rises: the mean of the tolls.
            let mean: f64 = p.alternatives(f).map(|a| carried[a] * toll(a)).sum::<f64>() / all;
            let stays = if c.choke.is_infinite() { 0.0 } else { c.carry_scale * share_shed(f) * mean };
            for n in p.nests(f) {
                let (sum, tolls) = p
                    .alternatives_of(n)
                    .fold((0.0, 0.0), |(s, t), a| (s + carried[a], t + carried[a] * toll(a)));
                if sum <= 0.0 {
                    continue;
                }
                let nest = tolls / sum;
                let between = c.nest_scale * (nest - mean) + stays;
                for a in p.alternatives_of(n) {
                    let less = carried[a] * (c.route_scale * (toll(a) - nest) + between);
                    self.through[(p.route[a] - first_route) as usize] += less * f64::from(p.units_per_t[a]);
                }
            }
        }
        for r in 0..self.through.len() {
            let through = self.through[r];
            if through != 0.0 {
                let at = uses(r);
                for (row, a) in p.use_row[at.clone()].iter().zip(&p.use_amount[at]) {
                    self.loads[*row as usize] += through * f64::from(*a);
                }
            }
        }
    }

    fn run(&mut self, p: &Programme, prices: &[f64], aim: Aim, curvature: bool, mut out: Option<Flows>) {
        let first_route = p.group_route[self.groups.start];
        self.value = 0.0;
        self.loads.fill(0.0);
        self.through.fill(0.0);
        if curvature {
            self.curvature.clear();
            self.curvature.resize(p.rows.len(), 0.0);
            self.bend.clear();
            self.bend.resize(self.through.len(), 0.0);
        }
        let balance_counts = aim == Aim::Cost;
        for (r, toll) in self.toll.iter_mut().enumerate() {
            let at = p.first_use[first_route as usize + r] as usize
                ..p.first_use[first_route as usize + r + 1] as usize;
            *toll = p.use_row[at.clone()]
                .iter()
                .zip(&p.use_amount[at])
                .map(|(row, a)| prices[*row as usize] * f64::from(*a))
                .sum();
        }
        let flows = p.group_flow[self.groups.start] as usize..p.group_flow[self.groups.end] as usize;
        let base = p.first_alternative[p.first_nest[flows.start] as usize] as usize;
        let mut weight: Vec<f64> = Vec::with_capacity(64);
        let mut nest_cost: Vec<f64> = Vec::with_capacity(8);
        for f in flows.clone() {
            let c = aim.choice(p, f);
            let demand = p.demand[f];
            let nests = p.nests(f);
            let alternatives = p.alternatives(f);
            weight.clear();
            nest_cost.clear();
            let mut cheapest = f64::INFINITY;
            for n in nests.clone() {
                let at = p.alternatives_of(n);
                let mut least = f64::INFINITY;
                for a in at.clone() {
                    let toll = self.toll[(p.route[a] - first_route) as usize] * f64::from(p.units_per_t[a]);
                    let cost = aim.cost(p, a) + toll;
                    least = least.min(cost);
                    weight.push(cost);
                }
                let tail = weight.len() - at.len();
                let mut sum = 0.0;
                for w in &mut weight[tail..] {
                    *w = (-c.route_scale * (*w - least)).exp();
                    sum += *w;
                }
                for w in &mut weight[tail..] {
                    *w /= sum;
                }
                let cost = least - sum.ln() / c.route_scale;
                cheapest = cheapest.min(cost);
                nest_cost.push(cost);
            }
            // Between nests, then between being carried and not.
            let mut sum = 0.0;
            for n in &mut nest_cost {
                *n = (-c.nest_scale * (*n - cheapest)).exp();
                sum += *n;
            }
            let carried_cost = cheapest - sum.ln() / c.nest_scale;
            let (cost, carried) = if c.choke.is_infinite() {
                (carried_cost, 1.0)
            } else if nest_cost.is_empty() {
                (c.choke, 0.0)
            } else {
                let least = carried_cost.min(c.choke);
                let a = (-c.carry_scale * (carried_cost - least)).exp();
                let b = (-c.carry_scale * (c.choke - least)).exp();
                (least - (a + b).ln() / c.carry_scale, a / (a + b))
            };
            self.value += demand * cost;
            if let Some(out) = &mut out {
                out.shed[f - flows.start] = demand * (1.0 - carried);
            }
            let mut at = 0;
            for (k, n) in nests.enumerate() {
                let nest_share = nest_cost[k] / sum;
                for a in p.alternatives_of(n) {
                    let within = weight[at];
                    at += 1;
                    let flow = demand * carried * nest_share * within;
                    let units = f64::from(p.units_per_t[a]);
                    let route = (p.route[a] - first_route) as usize;
                    self.through[route] += flow * units;
                    if curvature {
                        let steep = c.route_scale * (1.0 - within)
                            + c.nest_scale * within * (1.0 - nest_share)
                            + if c.choke.is_infinite() {
                                0.0
                            } else {
                                c.carry_scale * within * nest_share * (1.0 - carried)
                            };
                        self.bend[route] += flow * units * units * steep;
                    }
                    if let Some(out) = &mut out {
                        out.carried[a - base] = flow;
                    }
                }
            }
            debug_assert_eq!(at, alternatives.len());
        }
        for r in 0..self.through.len() {
            let at = p.first_use[first_route as usize + r] as usize
                ..p.first_use[first_route as usize + r + 1] as usize;
            let through = self.through[r];
            if through == 0.0 {
                continue;
            }
            for (row, a) in p.use_row[at.clone()].iter().zip(&p.use_amount[at.clone()]) {
                self.loads[*row as usize] += through * f64::from(*a);
            }
            if curvature {
                let bend = self.bend[r];
                for (row, a) in p.use_row[at.clone()].iter().zip(&p.use_amount[at]) {
                    self.curvature[*row as usize] += bend * f64::from(*a) * f64::from(*a);
                }
            }
        }
        if !balance_counts {
            for (x, row) in self.loads.iter_mut().zip(&p.rows) {
                if *row == Row::Balance {
                    *x = 0.0;
                }
            }
        }
    }
}

/// The part of the dual that belongs to a row: its conjugate at a price, and the load that goes with it.
pub(crate) fn conjugate(row: &Row, tight: f64, price: f64, aim: Aim) -> (f64, f64) {
    match (row, aim) {
        (Row::Capacity(k), _) => (k * tight * price, k * tight),
        (Row::Queue(q), Aim::Cost) => (q.conjugate(price), q.flow_at(price)),
        (Row::Queue(q), Aim::Carry { .. }) => (q.capacity * price, q.capacity),
        (Row::Balance, _) => (0.0, 0.0),
    }
}
