//! From flows that are nearly feasible to flows that are.
//!
//! Flows chosen at prices short of the optimum exceed capacities a little. What is too much is taken off every alternative
//! in proportion, and goes by the flow's other alternatives that have room, or is not carried. Empty equipment is then
//! returned by the shortest ways from where too much of it arrives.

use std::collections::BinaryHeap;

use super::certificate::Primal;
use super::programme::{Programme, Row};

/// Rounds in which what has no room looks for other alternatives, before it is given up.
const ROUNDS: usize = 6;
/// Share of a capacity above which a row has no room for what comes from elsewhere.
const ROOM: f64 = 0.9995;

/// Makes a point feasible in place; `false` if it cannot be.
pub(crate) fn repair(p: &Programme, x: &mut Primal, prices: &[f64]) -> bool {
    let limit: Vec<f64> = p
        .rows
        .iter()
        .zip(prices)
        .map(|(row, y)| match row {
            Row::Capacity(k) => *k,
            // Between the flow that goes with the price and the capacity, where the wait is without bound.
            Row::Queue(q) => {
                let at = q.flow_at(*y);
                at + 0.5 * (q.capacity - at)
            }
            Row::Balance => f64::INFINITY,
        })
        .collect();
    if !p.moves.is_empty() && !balance(p, x, prices) {
        return false;
    }
    // Rows that empties pass.
    let mut returned = vec![false; p.rows.len()];
    for (r, _) in p.moves.iter().flat_map(|m| &m.uses) {
        returned[*r as usize] = true;
    }
    for round in 0..=ROUNDS + 2 {
        let loads = super::certificate::loads(p, x);
        let mut over = false;
        let mut over_loaded = false;
        for r in 0..p.rows.len() {
            if loads[r] > limit[r] {
                over = true;
                over_loaded |= !returned[r];
            }
        }
        if !over {
            return true;
        }
        if !over_loaded {
            return shrink(p, x, &loads, &limit);
        }
        if round == ROUNDS + 2 {
            return shrink(p, x, &loads, &limit);
        }
        let factor: Vec<f64> = (0..p.rows.len())
            .map(|r| {
                // Where empties pass, less that is loaded is not less in all: what is not brought need not be returned. All is
                // shrunk for these rows at the end.
                if loads[r] <= limit[r] || returned[r] {
                    return 1.0;
                }
                // A little below, so that rounding in the sum does not bring it above again.
                (limit[r] / loads[r] * (1.0 - 1e-12)).clamp(0.0, 1.0)
            })
            .collect();
        let routes = p.first_use.len() - 1;
        let mut keep = vec![1.0f32; routes];
        let mut room = vec![true; routes];
        for r in 0..routes {
            let mut least = 1.0f64;
            let mut any = true;
            for (row, amount) in p.uses(r as u32) {
                let row = row as usize;
                if amount > 0.0 && p.rows[row] != Row::Balance {
                    least = least.min(factor[row]);
                    any &= loads[row] <= ROOM * limit[row];
                }
            }
            // Rounded down, or the capacity is exceeded by the rounding.
            keep[r] = if least < 1.0 { (least as f32 * (1.0 - 2.0 * f32::EPSILON)).max(0.0) } else { 1.0 };
            room[r] = any;
        }
        for f in 0..p.flows() {
            let mut freed = 0.0;
            let mut open = 0.0;
            for a in p.alternatives(f) {
                let k = f64::from(keep[p.route[a] as usize]);
                if k < 1.0 {
                    freed += x.carried[a] * (1.0 - k);
                    x.carried[a] *= k;
                } else if room[p.route[a] as usize] {
                    open += x.carried[a];
                }
            }
            if freed == 0.0 {
                continue;
            }
            if open > 1e-12 * p.demand[f] && round < ROUNDS {
                for a in p.alternatives(f) {
                    let route = p.route[a] as usize;
                    if keep[route] >= 1.0 && room[route] {
                        x.carried[a] *= 1.0 + freed / open;
                    }
                }
            } else if p.choke[f].is_finite() {
                x.shed[f] += freed;
            } else {
                return false;
            }
        }
        if !p.moves.is_empty() && !balance(p, x, prices) {
            return false;
        }
    }
    false
}

/// Takes the same share off all that is carried and returned, so that nothing is above its limit and all stays in balance;
/// `false` if some of it has to go.
fn shrink(p: &Programme, x: &mut Primal, loads: &[f64], limit: &[f64]) -> bool {
    let keep = loads.iter().zip(limit).map(|(x, k)| if *x > *k { k / x } else { 1.0 }).fold(1.0, f64::min)
        * (1.0 - 1e-12);
    if p.choke.iter().any(|c| c.is_infinite()) {
        return false;
    }
    for f in 0..p.flows() {
        for a in p.alternatives(f) {
            x.shed[f] += x.carried[a] * (1.0 - keep);
            x.carried[a] *= keep;
        }
    }
    for u in &mut x.moved {
        *u *= keep;
    }
    true
}

/// An entry of the heap, least first.
struct Entry(f64, u32);

impl PartialEq for Entry {
    fn eq(&self, o: &Self) -> bool {
        self.cmp(o).is_eq()
    }
}
impl Eq for Entry {}
impl PartialOrd for Entry {
    fn partial_cmp(&self, o: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(o))
    }
}
impl Ord for Entry {
    fn cmp(&self, o: &Self) -> std::cmp::Ordering {
        o.0.total_cmp(&self.0).then(o.1.cmp(&self.1))
    }
}

/// Adjusts the empty moves so that every balance row is in balance; `false` if there is no way from a place with too many
/// to one with too few.
fn balance(p: &Programme, x: &mut Primal, prices: &[f64]) -> bool {
    let mut surplus = super::certificate::loads(p, x);
    // What passes at a row sets how exactly it is to be balanced.
    let mut passing = vec![0.0; p.rows.len()];
    for (a, f) in x.carried.iter().enumerate() {
        for (r, amount) in p.uses(p.route[a]) {
            passing[r as usize] += (amount * f * f64::from(p.units_per_t[a])).abs();
        }
    }
    let mut leaving: Vec<Vec<u32>> = vec![Vec::new(); p.rows.len()];
    let mut arriving: Vec<Vec<u32>> = vec![Vec::new(); p.rows.len()];
    for (i, m) in p.moves.iter().enumerate() {
        leaving[m.from as usize].push(i as u32);
        arriving[m.to as usize].push(i as u32);
    }
    // Cost of one more unit, with the rows' prices.
    let cost = |m: usize, u: f64| -> f64 {
        let uses: f64 =
            p.moves[m].uses.iter().map(|(r, a)| f64::from(*a) * prices[*r as usize].max(0.0)).sum();
        p.moves[m].usd + uses + u / p.moves[m].units_per_usd
    };
    let rows: Vec<usize> = (0..p.rows.len()).filter(|r| p.rows[*r] == Row::Balance).collect();
    let small = |r: usize| 1e-12 * passing[r].max(1e-3);
    for &source in &rows {
        let mut guard = 0;
        while surplus[source] > small(source) {
            guard += 1;
            if guard > 4 * rows.len() + 16 {
                return false;
            }
            // Shortest ways; a move that runs may also be taken back.
            let mut dist = vec![f64::INFINITY; p.rows.len()];
            let mut by: Vec<Option<(u32, bool)>> = vec![None; p.rows.len()];
            let mut heap = BinaryHeap::new();
            dist[source] = 0.0;
            heap.push(Entry(0.0, source as u32));
            let mut target = None;
            while let Some(Entry(d, v)) = heap.pop() {
                let v = v as usize;
                if d > dist[v] {
                    continue;
                }
                if surplus[v] < -small(v) {
                    target = Some(v);
                    break;
                }
                for &m in &leaving[v] {
                    let to = p.moves[m as usize].to as usize;
                    let nd = d + cost(m as usize, x.moved[m as usize]).max(0.0);
                    if nd < dist[to] {
                        dist[to] = nd;
                        by[to] = Some((m, true));
                        heap.push(Entry(nd, to as u32));
                    }
                }
                for &m in &arriving[v] {
                    // Taken back: it saves cost, which a search with positive costs counts as nothing.
                    if x.moved[m as usize] > small(v) {
                        let to = p.moves[m as usize].from as usize;
                        if d < dist[to] {
                            dist[to] = d;
                            by[to] = Some((m, false));
                            heap.push(Entry(d, to as u32));
                        }
                    }
                }
            }
            let Some(mut v) = target else {
                // What is left over by rounding in all is no surplus.
                let left: f64 = rows.iter().map(|r| surplus[*r]).filter(|s| *s < 0.0).sum();
                if left.abs() <= rows.iter().map(|r| small(*r)).sum::<f64>() {
                    break;
                }
                return false;
            };
            let mut amount = surplus[source].min(-surplus[v]);
            let end = v;
            while let Some((m, forward)) = by[v] {
                if !forward {
                    amount = amount.min(x.moved[m as usize]);
                }
                let e = &p.moves[m as usize];
                v = if forward { e.from } else { e.to } as usize;
            }
            v = end;
            while let Some((m, forward)) = by[v] {
                let e = &p.moves[m as usize];
                if forward {
                    x.moved[m as usize] += amount;
                    v = e.from as usize;
                } else {
                    x.moved[m as usize] = (x.moved[m as usize] - amount).max(0.0);
                    v = e.to as usize;
                }
            }
            surplus[source] -= amount;
            surplus[end] += amount;
        }
    }
    true
}
