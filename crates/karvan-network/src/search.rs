//! Multi-objective label setting over a compiled network, and the search for what stands in the way.
//!
//! The method is NAMOA* (Mandow and Pérez de la Cruz, *Multiobjective A\* search with consistent heuristics*,
//! Journal of the ACM 57(5), 2010): labels are taken in the order of a weighted sum of their costs and the lower
//! bounds of what is still to come, one bound a criterion from a backward search; a label is dropped where
//! another at its vertex, or a whole way already found, is at least as good in every criterion. With
//! `epsilon` above 0, "as good" allows that relative difference each time a label is dropped (Warburton, *Approximation of
//! Pareto optima in multiple-objective shortest-path problems*, Operations Research 35(1), 1987). Criteria:
//! mean time, a bound on its spread, cost, CO2e.

use std::collections::BinaryHeap;

use crate::compile::{Arc, Blocker, Network};
use crate::heap::Least;

/// Number of criteria of a label.
pub const CRITERIA: usize = 4;

/// Which criteria count, and how fine.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Mean time, spread, cost, CO2e.
    pub criteria: [bool; CRITERIA],
    /// Relative difference below which two labels count as equal.
    pub epsilon: f32,
    /// Labels after which the search gives up with what it has, so that no question takes for ever.
    pub max_labels: usize,
}

/// One way found: its arcs and its costs.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// Arcs from source to sink.
    pub arcs: Vec<Arc0>,
    /// Mean time, h; spread, h; US dollars; kg CO2e.
    pub costs: [f32; CRITERIA],
}

/// An arc on a way: its position in the network's arcs, and the mean hour at which it begins.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Arc0 {
    /// Position in [`Network::arcs`].
    pub arc: u32,
    /// Mean hours from departure to its beginning.
    pub start_h: f32,
}

/// What is at least still to come from every vertex: worked out once a network and the arcs that may be used, shared by the
/// searches that use no others.
#[derive(Clone, Debug)]
pub struct Bounds(Vec<[f32; CRITERIA]>);

/// What a search did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Effort {
    /// Labels created.
    pub labels: u64,
    /// Dropped because another at the vertex was as good.
    pub dominated: u64,
    /// Dropped because a whole way already found was as good.
    pub bounded: u64,
    /// Whether the limit of labels was met.
    pub cut_short: bool,
}

#[derive(Clone, Copy)]
struct Label {
    /// Costs so far.
    g: [f32; CRITERIA],
    vertex: u32,
    parent: u32,
    arc: u32,
    next: u32,
    vias: u8,
    passed: u8,
    dead: bool,
}

const NONE: u32 = u32::MAX;

/// Arcs by the vertex they lead to.
struct Reverse {
    first: Vec<u32>,
    /// Origin vertex and position of each arc.
    arcs: Vec<(u32, u32)>,
}

impl Reverse {
    fn of(net: &Network) -> Self {
        let n = net.first.len() - 1;
        let mut first = vec![0u32; n + 1];
        for a in &net.arcs {
            first[a.to as usize + 1] += 1;
        }
        for i in 0..n {
            first[i + 1] += first[i];
        }
        let mut fill = first.clone();
        let mut arcs = vec![(0, 0); net.arcs.len()];
        for v in 0..n as u32 {
            for i in net.first[v as usize]..net.first[v as usize + 1] {
                let to = net.arcs[i as usize].to as usize;
                arcs[fill[to] as usize] = (v, i);
                fill[to] += 1;
            }
        }
        Self { first, arcs }
    }
}

fn weights(a: &Arc) -> [f32; CRITERIA] {
    [a.h, a.sd, a.usd, a.co2e]
}

/// Least cost from every vertex to the sink, by a cost of each arc (not negative); infinite where there is no way.
fn to_sink(net: &Network, reverse: &Reverse, cost: impl Fn(usize) -> f32) -> Vec<f32> {
    let mut out = vec![f32::INFINITY; net.first.len() - 1];
    let mut heap = BinaryHeap::new();
    out[net.sink as usize] = 0.0;
    heap.push(Least(0f32, net.sink));
    while let Some(Least(d, v)) = heap.pop() {
        if d > out[v as usize] {
            continue;
        }
        let (first, last) = (reverse.first[v as usize] as usize, reverse.first[v as usize + 1] as usize);
        for (from, arc) in &reverse.arcs[first..last] {
            let nd = d + cost(*arc as usize);
            if nd < out[*from as usize] {
                out[*from as usize] = nd;
                heap.push(Least(nd, *from));
            }
        }
    }
    out
}

impl Network<'_> {
    /// Mean and spread of the waiting on an arc that begins at hour `start`; zeros where there is none.
    pub fn waiting(&self, arc: &Arc, start: f32) -> (f64, f64) {
        if arc.wait == 0 {
            return (0.0, 0.0);
        }
        let w = &self.waits[arc.wait as usize - 1];
        let at = f64::from(start) + f64::from(w.before_h);
        // The spread of a random departure is part of the arc's own.
        let mut h = w.departure.as_ref().map_or(0.0, |d| d.mean_sd(self.hour_of_week + at).0);
        let mut sd = 0.0;
        if let Some(x) = w.weather
            && let Some(q) = self.weather_quantiles(x, at + h)
        {
            h += q.mean();
            sd += q.sd();
        }
        (h, sd)
    }

    /// The weather wait at a port some hours after departure.
    pub fn weather_quantiles(&self, weather: u16, h: f64) -> Option<&crate::waits::Quantiles> {
        let day = ((h / 24.0).max(0.0) as usize).min(self.months.len().saturating_sub(1));
        let month = *self.months.get(day)? as usize;
        self.weather[weather as usize].months[month].as_ref()
    }

    /// Whether an arc may be begun at an hour.
    #[inline]
    pub fn allowed(&self, arc: &Arc, h: f32) -> bool {
        arc.window == 0
            || self.windows[arc.window as usize].iter().any(|(a, z)| *a <= f64::from(h) && f64::from(h) < *z)
    }

    /// Whether a consignment that has passed these lists of states may take an arc.
    #[inline]
    fn fits(&self, arc: &Arc, passed: u8) -> bool {
        passed & arc.asks.0 == arc.asks.1
    }

    /// Whether one that has come through these states and vias may go on wherever another may, on terms as good:
    /// what it has passed besides does harm, unless a permit asks for it, and then it must be the same.
    #[inline]
    fn goes_on(&self, (passed, vias): (u8, u8), (other, other_vias): (u8, u8)) -> bool {
        vias & other_vias == other_vias && passed & !other == 0 && (passed ^ other) & self.useful == 0
    }

    /// Least cost of each criterion from every vertex to the end over the arcs that `allowed` names by position: infinite
    /// where there is no way, in time even where time does not count, and nothing in what does not count.
    pub fn bounds_over(&self, settings: &Settings, allowed: impl Fn(u32) -> bool) -> Bounds {
        if self.arcs.is_empty() {
            return Bounds(Vec::new());
        }
        let mut out = vec![[0.0; CRITERIA]; self.first.len() - 1];
        let reverse = Reverse::of(self);
        for k in (0..CRITERIA).filter(|k| *k == 0 || settings.criteria[*k]) {
            let least = to_sink(self, &reverse, |arc| {
                if allowed(arc as u32) { weights(&self.arcs[arc])[k].max(0.0) } else { f32::INFINITY }
            });
            for (v, d) in out.iter_mut().zip(least) {
                v[k] = d;
            }
        }
        Bounds(out)
    }

    /// All ways of which no other is as good in every criterion that counts.
    pub fn pareto(&self, settings: &Settings) -> (Vec<Found>, Effort) {
        self.pareto_from(&self.bounds(settings), settings, 0.0)
    }

    /// The least of each criterion from every vertex to the end, whatever the hour.
    pub fn bounds(&self, settings: &Settings) -> Bounds {
        self.bounds_over(settings, |_| true)
    }

    /// As [`Self::pareto`], for a consignment that is ready `start` hours after the departure of the network.
    pub fn pareto_from(&self, bounds: &Bounds, settings: &Settings, start: f32) -> (Vec<Found>, Effort) {
        self.pareto_within(bounds, settings, start, |_| true)
    }

    /// The same over the arcs that `may` names by position alone. They have to be among those of which the bounds were made.
    pub fn pareto_within(
        &self,
        Bounds(bound): &Bounds,
        settings: &Settings,
        start: f32,
        may: impl Fn(u32) -> bool,
    ) -> (Vec<Found>, Effort) {
        let mut effort = Effort::default();
        let n = bound.len();
        if self.arcs.is_empty() || !bound[self.source as usize][0].is_finite() {
            return (Vec::new(), effort);
        }
        let counts: Vec<usize> = (0..CRITERIA).filter(|k| settings.criteria[*k]).collect();
        // One unit of each criterion is the least the whole way can cost, so that all weigh alike.
        let scale = bound[self.source as usize].map(|b| 1.0 / b.max(1e-3));
        let slack = 1.0 + settings.epsilon;
        let mut labels: Vec<Label> = Vec::with_capacity(1 << 15);
        let mut head = vec![NONE; n];
        let mut heap = BinaryHeap::with_capacity(1 << 14);
        let mut found: Vec<u32> = Vec::new();
        labels.push(Label {
            g: [0.0; CRITERIA],
            vertex: self.source,
            parent: NONE,
            arc: NONE,
            next: NONE,
            vias: 0,
            passed: 0,
            dead: false,
        });
        heap.push(Least(0f32, 0));
        while let Some(Least(_, taken)) = heap.pop() {
            let label = labels[taken as usize];
            if label.dead {
                effort.dominated += 1;
                continue;
            }
            let lb = &bound[label.vertex as usize];
            let as_good =
                |s: &[f32; CRITERIA]| counts.iter().all(|k| s[*k] <= (label.g[*k] + lb[*k]) * slack);
            if label.vertex != self.sink && found.iter().any(|f| as_good(&labels[*f as usize].g)) {
                effort.bounded += 1;
                continue;
            }
            if label.vertex == self.sink {
                if label.vias == self.all_vias {
                    found.push(taken);
                }
                continue;
            }
            if labels.len() > settings.max_labels {
                effort.cut_short = true;
                break;
            }
            let first = self.first[label.vertex as usize];
            for (i, arc) in self.arcs_of(label.vertex).iter().enumerate() {
                let lb = &bound[arc.to as usize];
                let at = start + label.g[0];
                if !lb[0].is_finite()
                    || !self.fits(arc, label.passed)
                    || !self.allowed(arc, at)
                    || !may(first + i as u32)
                {
                    continue;
                }
                let (wait, wait_sd) = self.waiting(arc, at);
                let g = [
                    label.g[0] + arc.h + wait as f32,
                    label.g[1] + arc.sd + wait_sd as f32,
                    label.g[2] + arc.usd,
                    label.g[3] + arc.co2e,
                ];
                let (vias, passed) = (label.vias | arc.via, label.passed | arc.enters);
                let f = std::array::from_fn::<f32, CRITERIA, _>(|k| g[k] + lb[k]);
                if found.iter().any(|s| counts.iter().all(|k| labels[*s as usize].g[*k] <= f[*k] * slack)) {
                    effort.bounded += 1;
                    continue;
                }
                // Against the labels of the vertex: dropped by one as good, and drops those it is better than.
                let mut cursor = head[arc.to as usize];
                let mut before = NONE;
                let mut dominated = false;
                while cursor != NONE {
                    let other = labels[cursor as usize];
                    if self.goes_on((other.passed, other.vias), (passed, vias))
                        && counts.iter().all(|k| other.g[*k] + lb[*k] <= f[*k] * slack)
                    {
                        dominated = true;
                        break;
                    }
                    if self.goes_on((passed, vias), (other.passed, other.vias))
                        && counts.iter().all(|k| g[*k] <= other.g[*k])
                    {
                        labels[cursor as usize].dead = true;
                        if before == NONE {
                            head[arc.to as usize] = other.next;
                        } else {
                            labels[before as usize].next = other.next;
                        }
                    } else {
                        before = cursor;
                    }
                    cursor = other.next;
                }
                if dominated {
                    effort.dominated += 1;
                    continue;
                }
                let ix = labels.len() as u32;
                labels.push(Label {
                    g,
                    vertex: arc.to,
                    parent: taken,
                    arc: first + i as u32,
                    next: head[arc.to as usize],
                    vias,
                    passed,
                    dead: false,
                });
                head[arc.to as usize] = ix;
                let priority = counts.iter().map(|k| f[*k] * scale[*k]).sum();
                heap.push(Least(priority, ix));
            }
        }
        effort.labels = labels.len() as u64;
        let ways = found
            .iter()
            .filter(|f| !labels[**f as usize].dead)
            .map(|f| {
                let mut arcs = Vec::new();
                let mut at = *f;
                while labels[at as usize].parent != NONE {
                    let l = labels[at as usize];
                    arcs.push(Arc0 { arc: l.arc, start_h: start + labels[l.parent as usize].g[0] });
                    at = l.parent;
                }
                arcs.reverse();
                Found { arcs, costs: labels[*f as usize].g }
            })
            .collect();
        (ways, effort)
    }

    /// The fewest blockers whose lifting opens a way, in the order of the way or of their keys; `None` if there is
    /// no way at all.
    ///
    /// Asked of a network compiled with `explain`.
    pub fn least_blocked(&self) -> Option<Vec<Blocker>> {
        let found = self.quickest_with_fewest_blocks()?;
        // A rule that bars twice on a way was counted twice: a smaller set may open another.
        let smaller = || self.blocker_sets(1.0, 0.0, 0.0, found.len() - 1, 1).into_iter().next();
        Some(if found.len() > 1 { smaller().unwrap_or(found) } else { found })
    }

    /// The blockers of the quickest way among those that are barred the fewest times.
    fn quickest_with_fewest_blocks(&self) -> Option<Vec<Blocker>> {
        let n = self.first.len().saturating_sub(1);
        if n == 0 {
            return None;
        }
        // A blocker weighs more than any journey.
        const BLOCKER_H: f64 = 1e6;
        // What has been passed is part of where one is: the vertex, the set of vias, the lists of states.
        let vias = usize::from(self.all_vias) + 1;
        let sets = vias << self.rules.passed_lists().len();
        let at = |vertex: u32, via: u8, passed: u8| {
            vertex as usize * sets + usize::from(passed) * vias + usize::from(via)
        };
        let mut dist = vec![f64::INFINITY; n * sets];
        let mut parent = vec![(NONE, NONE); n * sets];
        let mut heap = BinaryHeap::new();
        dist[at(self.source, 0, 0)] = 0.0;
        heap.push(Least(0f64, at(self.source, 0, 0) as u32));
        while let Some(Least(d, place)) = heap.pop() {
            if d > dist[place as usize] {
                continue;
            }
            let (vertex, set) = ((place as usize / sets) as u32, place as usize % sets);
            let (via, passed) = ((set % vias) as u8, (set / vias) as u8);
            let first = self.first[vertex as usize];
            for (i, arc) in self.arcs_of(vertex).iter().enumerate() {
                if !self.fits(arc, passed) {
                    continue;
                }
                let blocks = if arc.blocked == 0 { 0 } else { self.blockers[arc.blocked as usize - 1].len() };
                let nd = d + f64::from(arc.h) + BLOCKER_H * blocks as f64;
                let next = at(arc.to, via | arc.via, passed | arc.enters);
                if nd < dist[next] {
                    dist[next] = nd;
                    parent[next] = (place, first + i as u32);
                    heap.push(Least(nd, next as u32));
                }
            }
        }
        let ends = (0..1u16 << self.rules.passed_lists().len())
            .map(|passed| at(self.sink, self.all_vias, passed as u8));
        let end = ends.reduce(|a, b| if dist[b] < dist[a] { b } else { a })?;
        if dist[end].is_infinite() {
            return None;
        }
        let mut blockers = Vec::new();
        let mut v = end as u32;
        while parent[v as usize].0 != NONE {
            let (from, arc) = parent[v as usize];
            let b = self.arcs[arc as usize].blocked;
            if b > 0 {
                // In the order of the way, from its end.
                blockers.extend(self.blockers[b as usize - 1].iter().rev().copied());
            }
            v = from;
        }
        blockers.reverse();
        let mut once = Vec::new();
        for b in blockers {
            if !once.contains(&b) {
                once.push(b);
            }
        }
        Some(once)
    }
}

/// Most blockers that a set can hold.
const SET: usize = 8;

/// A label of the search for sets of blockers: where, at which cost, with which blockers lifted.
#[derive(Clone, Copy)]
struct SetLabel {
    cost: f32,
    vertex: u32,
    next: u32,
    vias: u8,
    passed: u8,
    len: u8,
    set: [u16; SET],
}

impl SetLabel {
    fn blockers(&self) -> &[u16] {
        &self.set[..usize::from(self.len)]
    }

    /// Whether every blocker of this one is one of the other's too. Both are in ascending order.
    fn within(&self, other: &SetLabel) -> bool {
        let mut rest = other.blockers().iter();
        self.blockers().iter().all(|b| rest.any(|x| x == b))
    }
}

impl Network<'_> {
    /// Least sets of blockers: lifting all of one opens a way, or a way that is cheaper than the best without by
    /// at least `margin`, and no set within it does. Fewest first, at most `most` in a set and `sets` of them.
    ///
    /// The cost of a way is its price, plus `usd_per_h` for each hour of its mean and `usd_per_kg` for each kg of
    /// CO2e. Asked of a network compiled with `explain`. Labels are taken in the order of the number of their
    /// blockers, then of cost; one is dropped where another at its vertex is no dearer with blockers all among its own.
    pub fn blocker_sets(
        &self,
        usd_per_h: f32,
        usd_per_kg: f32,
        margin: f32,
        most: usize,
        sets: usize,
    ) -> Vec<Vec<Blocker>> {
        const MAX_LABELS: usize = 1_500_000;
        let n = self.first.len().saturating_sub(1);
        if n == 0 || self.arcs.is_empty() {
            return Vec::new();
        }
        let most = most.min(SET);
        // The number of each blocker, and each arc's blockers by number.
        let mut all: Vec<Blocker> = self.blockers.iter().flatten().copied().collect();
        all.sort();
        all.dedup();
        let number = |b: &Blocker| all.binary_search(b).unwrap_or(0) as u16;
        let of_arc: Vec<Vec<u16>> = self.blockers.iter().map(|v| v.iter().map(number).collect()).collect();
        let weight = |a: &Arc| {
            let wait = if a.wait == 0 { 0.0 } else { self.waiting(a, 0.0).0 as f32 };
            a.usd + usd_per_h * (a.h + wait) + usd_per_kg * a.co2e
        };
        let weights: Vec<f32> = self.arcs.iter().map(weight).collect();

        // What is at least still to come, whatever is lifted.
        let reverse = Reverse::of(self);
        let bound = to_sink(self, &reverse, |arc| weights[arc]);

        let mut labels: Vec<SetLabel> = Vec::with_capacity(1 << 14);
        let mut head = vec![NONE; n];
        let mut heap = BinaryHeap::new();
        let mut found: Vec<SetLabel> = Vec::new();
        let mut limit = f32::INFINITY;
        labels.push(SetLabel {
            cost: 0.0,
            vertex: self.source,
            next: NONE,
            vias: 0,
            passed: 0,
            len: 0,
            set: [0; SET],
        });
        heap.push(Least((0u8, bound[self.source as usize]), 0));
        while let Some(Least((_, f), at)) = heap.pop() {
            let label = labels[at as usize];
            let useless = |l: &SetLabel, f: f32| {
                l.len > 0 && f > limit || found.iter().any(|s| s.within(l) && (s.len < l.len || s.cost <= f))
            };
            if useless(&label, f) {
                continue;
            }
            if label.vertex == self.sink {
                if label.vias != self.all_vias {
                    continue;
                }
                if label.len == 0 {
                    // The best without lifting anything: what is found must be better by the margin.
                    limit = limit.min(label.cost * (1.0 - margin));
                } else {
                    found.push(label);
                    if found.len() >= sets {
                        break;
                    }
                }
                continue;
            }
            if labels.len() > MAX_LABELS {
                break;
            }
            let first = self.first[label.vertex as usize];
            for (i, arc) in self.arcs_of(label.vertex).iter().enumerate() {
                if !bound[arc.to as usize].is_finite() || !self.fits(arc, label.passed) {
                    continue;
                }
                let mut next = SetLabel {
                    cost: label.cost + weights[first as usize + i],
                    vertex: arc.to,
                    vias: label.vias | arc.via,
                    passed: label.passed | arc.enters,
                    ..label
                };
                if arc.blocked > 0 && !add_all(&mut next, &of_arc[arc.blocked as usize - 1], most) {
                    continue;
                }
                let f = next.cost + bound[arc.to as usize];
                if useless(&next, f) {
                    continue;
                }
                let mut cursor = head[arc.to as usize];
                let mut dominated = false;
                while cursor != NONE && !dominated {
                    let other = &labels[cursor as usize];
                    dominated = other.cost <= next.cost
                        && self.goes_on((other.passed, other.vias), (next.passed, next.vias))
                        && other.within(&next);
                    cursor = other.next;
                }
                if dominated {
                    continue;
                }
                next.next = head[arc.to as usize];
                head[arc.to as usize] = labels.len() as u32;
                heap.push(Least((next.len, f), labels.len() as u32));
                labels.push(next);
            }
        }
        found.iter().map(|l| l.blockers().iter().map(|b| all[usize::from(*b)]).collect()).collect()
    }
}

/// Adds blockers to a label's set, in ascending order; `false` if it would hold more than `most`.
fn add_all(label: &mut SetLabel, blockers: &[u16], most: usize) -> bool {
    for b in blockers {
        match label.blockers().binary_search(b) {
            Ok(_) => {}
            Err(_) if usize::from(label.len) >= most => return false,
            Err(i) => {
                label.set.copy_within(i..usize::from(label.len), i + 1);
                label.set[i] = *b;
                label.len += 1;
            }
        }
    }
    true
}
