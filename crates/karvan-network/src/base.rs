//! What of a model does not depend on the consignment: adjacency, key nodes and the stretches between them.
//!
//! A **key node** is one at which something can be decided or changes: a border crossing, a port or stop of a
//! service, a terminal with an operation of its own, an end of a link whose state has dates. A **stretch** is a
//! run over links between two key nodes that passes no third, in one state, of one mode and gauge. Runs inside
//! a state are thus searched once a model and not once a question; of two runs between the same
//! key nodes the shorter is kept, and besides it the one with fewer kilometres off the wire, if it is another.

use std::collections::{BTreeMap, BinaryHeap, HashMap};
use std::sync::OnceLock;

use jiff::civil::Date;
use karvan_model::tables::{Electrified, LinkState, Mode, NodeKind, Pattern};
use karvan_model::{BorderIx, LinkIx, Model, NodeIx, ServiceIx, StateIx};
use karvan_units::{DayInterval, index_type};

use crate::heap::Least;
use crate::waits::{Quantiles, until_full};

index_type!(
    /// A stretch between key nodes.
    StretchIx
);

/// What can run on the same stretch: a mode, and for rail a gauge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Track {
    /// Mode.
    pub mode: Mode,
    /// Gauge, mm; 0 where the mode has none.
    pub gauge_mm: u32,
}

/// A run over links in one state.
#[derive(Clone, Debug)]
pub struct Stretch {
    /// Where it starts.
    pub from: NodeIx,
    /// Where it ends.
    pub to: NodeIx,
    /// What can run on it.
    pub track: Track,
    /// State through which it runs; `None` at sea.
    pub state: Option<StateIx>,
    /// Length, km.
    pub km: f64,
    /// Of this, under wire.
    pub electric_km: f64,
    /// Of this, on links that state a speed of their own; the hours these take.
    pub own_speed_km: f64,
    /// Hours on links that state a speed of their own.
    pub own_speed_h: f64,
    /// Links with the direction in which they are run (true: from their `from`).
    pub links: Vec<(LinkIx, bool)>,
    /// The link whose state has dates, if the stretch is one.
    pub dated: Option<LinkIx>,
}

/// One link seen from one of its ends.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hop {
    pub(crate) to: NodeIx,
    pub(crate) link: LinkIx,
    pub(crate) forward: bool,
}

/// A pair of stops of a service and the way between them.
#[derive(Clone, Debug)]
pub struct Sailing {
    /// Service.
    pub service: ServiceIx,
    /// From.
    pub from: NodeIx,
    /// To.
    pub to: NodeIx,
    /// Length of the way over links of the mode, km; a great circle where the lanes do not join them.
    pub km: f64,
    /// Share of the whole line's length, for services whose duration is stated from first to last stop.
    pub share: f64,
    /// Links on the way.
    pub links: Vec<(LinkIx, bool)>,
    /// Stretches by land: state and km, and the borders passed, in order. Empty at sea.
    pub land: Vec<LandPart>,
    /// Whether it runs against the order of the stops.
    pub back: bool,
}

/// Part of a way by land that a service runs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum LandPart {
    /// Kilometres in a state, and of these under wire.
    Run {
        /// State.
        state: Option<StateIx>,
        /// Kilometres.
        km: f64,
        /// Under wire.
        electric_km: f64,
    },
    /// A border passed.
    Border {
        /// Node.
        node: NodeIx,
        /// From.
        from: StateIx,
        /// To.
        to: StateIx,
    },
}

/// The consignment-independent part of a compiled model.
#[derive(Debug)]
pub struct Base {
    pub(crate) hops: Vec<Hop>,
    pub(crate) first_hop: Vec<u32>,
    pub(crate) link_state: Vec<Option<StateIx>>,
    pub(crate) is_key: Vec<bool>,
    /// Stretches between key nodes, those of one track together.
    pub stretches: Vec<Stretch>,
    /// Dated intervals in which a link carries freight; links not here always do.
    pub open_days: BTreeMap<LinkIx, Vec<DayInterval>>,
    /// Links with a state of their own by the first of the same name.
    lines: BTreeMap<LinkIx, LinkIx>,
    /// Rows of `border` at a node.
    pub borders: HashMap<NodeIx, Vec<BorderIx>>,
    /// All ways of all services.
    pub sailings: Vec<Sailing>,
    /// Tracks that occur.
    pub tracks: Vec<Track>,
    /// State of each node.
    pub node_state: Vec<Option<StateIx>>,
    /// How long services that sail when full take to fill; worked out when first asked for, then shared.
    filling: Vec<OnceLock<Option<Quantiles>>>,
}

/// Kilometres off the wire weigh this much more when the run with least of them is looked for. Only the order
/// of runs depends on it, no figure that is printed: diesel traction emits about twice as much as electric.
const OFF_WIRE_WEIGHT: f64 = 2.0;

/// What a search inside a state looks for.
#[derive(Clone, Copy)]
struct Search<'a> {
    from: NodeIx,
    track: Track,
    state: Option<StateIx>,
    also: &'a [NodeIx],
    reverse: bool,
}

/// Working memory of one shortest-path search, used again by the next.
pub(crate) struct Scratch {
    dist: Vec<f64>,
    parent: Vec<Option<(u32, Hop)>>,
    touched: Vec<u32>,
}

impl Base {
    /// Compiles what does not depend on a consignment.
    pub fn new(model: &Model) -> Self {
        let t = &model.tables;
        let n = t.node.len();
        let ends: Vec<Option<(NodeIx, NodeIx)>> = t
            .link
            .iter()
            .map(|l| Some((model.node_ix(l.from.as_str())?, model.node_ix(l.to.as_str())?)))
            .collect();
        let mut degree = vec![0u32; n + 1];
        for &(a, b) in ends.iter().flatten() {
            degree[a.ix() + 1] += 1;
            degree[b.ix() + 1] += 1;
        }
        for i in 0..n {
            degree[i + 1] += degree[i];
        }
        let first_hop = degree.clone();
        let mut fill = degree;
        let nothing = Hop { to: NodeIx(0), link: LinkIx(0), forward: true };
        let mut hops = vec![nothing; first_hop[n] as usize];
        for (i, e) in ends.iter().enumerate() {
            let Some((a, b)) = *e else { continue };
            let link = LinkIx::new(i);
            hops[fill[a.ix()] as usize] = Hop { to: b, link, forward: true };
            fill[a.ix()] += 1;
            hops[fill[b.ix()] as usize] = Hop { to: a, link, forward: false };
            fill[b.ix()] += 1;
        }
        let link_state =
            t.link.iter().map(|l| l.state.as_ref().and_then(|s| model.state_ix(s.as_str()))).collect();
        let node_state =
            t.node.iter().map(|l| l.state.as_ref().and_then(|s| model.state_ix(s.as_str()))).collect();

        let link_by_id: HashMap<&str, LinkIx> =
            t.link.iter().enumerate().map(|(i, l)| (l.id.as_str(), LinkIx::new(i))).collect();
        let mut open_days: BTreeMap<LinkIx, Vec<DayInterval>> = BTreeMap::new();
        for s in t.link_state.iter() {
            let Some(&link) = link_by_id.get(s.link.as_str()) else { continue };
            let days = open_days.entry(link).or_default();
            if s.state == LinkState::Open {
                days.push(DayInterval { from: s.from, till: s.till });
            }
        }

        let mut first_of_name: BTreeMap<&str, LinkIx> = BTreeMap::new();
        let mut lines = BTreeMap::new();
        for link in open_days.keys() {
            if let Some(name) = &t.link[link.ix()].name {
                lines.insert(*link, *first_of_name.entry(name.as_str()).or_insert(*link));
            }
        }

        let mut borders: HashMap<NodeIx, Vec<BorderIx>> = HashMap::new();
        for (i, b) in t.border.iter().enumerate() {
            if let Some(node) = model.node_ix(b.node.as_str()) {
                borders.entry(node).or_default().push(BorderIx::new(i));
            }
        }

        let mut is_key = vec![false; n];
        for node in borders.keys() {
            is_key[node.ix()] = true;
        }
        let mut mark = |id: &str| {
            if let Some(node) = model.node_ix(id) {
                is_key[node.ix()] = true;
            }
        };
        for s in t.service.iter() {
            s.stops.iter().for_each(|k| mark(k.as_str()));
        }
        for o in t.terminal.iter() {
            use karvan_model::tables::Operation::{Load, Unload};
            if !matches!(o.operation, Load | Unload) {
                o.nodes.iter().for_each(|k| mark(k.as_str()));
            }
        }
        for link in open_days.keys() {
            if let Some((a, b)) = ends[link.ix()] {
                is_key[a.ix()] = true;
                is_key[b.ix()] = true;
            }
        }
        for (i, node) in t.node.iter().enumerate() {
            if matches!(node.kind, NodeKind::Border | NodeKind::Port | NodeKind::Terminal) {
                is_key[i] = true;
            }
        }

        let mut tracks: Vec<Track> = Vec::new();
        for l in t.link.iter() {
            for track in tracks_of(l) {
                if !tracks.contains(&track) {
                    tracks.push(track);
                }
            }
        }
        tracks.sort();

        let mut base = Self {
            hops,
            first_hop,
            link_state,
            is_key,
            stretches: Vec::new(),
            open_days,
            lines,
            borders,
            sailings: Vec::new(),
            tracks,
            node_state,
            filling: (0..t.service.len()).map(|_| OnceLock::new()).collect(),
        };
        let mut scratch = base.scratch();
        let mut stretches = Vec::new();
        for ti in 0..base.tracks.len() {
            let track = base.tracks[ti];
            if matches!(track.mode, Mode::Sea | Mode::InlandWater) {
                continue; // ships move by services only
            }
            for i in 0..n {
                if base.is_key[i] {
                    base.stretches_from(model, NodeIx::new(i), track, &mut scratch, &mut stretches);
                }
            }
        }
        base.stretches = stretches;
        base.sailings = base.all_sailings(model, &mut scratch);
        base
    }

    pub(crate) fn scratch(&self) -> Scratch {
        let n = self.is_key.len();
        Scratch { dist: vec![f64::INFINITY; n], parent: vec![None; n], touched: Vec::new() }
    }

    pub(crate) fn hops_of(&self, node: NodeIx) -> &[Hop] {
        &self.hops[self.first_hop[node.ix()] as usize..self.first_hop[node.ix() + 1] as usize]
    }

    /// Appends the stretches between a node that is no key node and those around it, both ways.
    /// `also` are further nodes at which stretches end.
    pub(crate) fn local_stretches(
        &self,
        model: &Model,
        node: NodeIx,
        track: Track,
        also: &[NodeIx],
        scratch: &mut Scratch,
        out: &mut Vec<Stretch>,
    ) {
        let mut states: Vec<Option<StateIx>> = self
            .hops_of(node)
            .iter()
            .filter(|h| runs_on(&model.tables.link[h.link.ix()], track))
            .map(|h| self.link_state[h.link.ix()])
            .collect();
        states.sort();
        states.dedup();
        let length = |l: &karvan_model::tables::Link| l.length_km.get();
        for state in states {
            let of = Search { from: node, track, state, also, reverse: false };
            for (to, links) in self.search(model, of, scratch, &length) {
                out.push(self.stretch(model, node, to, track, links, None));
            }
            for (from, links) in self.search(model, Search { reverse: true, ..of }, scratch, &length) {
                // Between two of the extra nodes the other one's own search finds the way.
                if !also.contains(&from) {
                    let links = links.into_iter().rev().map(|(l, forward)| (l, !forward)).collect();
                    out.push(self.stretch(model, from, node, track, links, None));
                }
            }
        }
    }

    /// Appends the stretches of one track from a node to the key nodes around it.
    fn stretches_from(
        &self,
        model: &Model,
        from: NodeIx,
        track: Track,
        scratch: &mut Scratch,
        out: &mut Vec<Stretch>,
    ) {
        // Links whose state has dates are stretches of their own, so that a day can be asked of each.
        let mut states: Vec<Option<StateIx>> = Vec::new();
        for h in self.hops_of(from) {
            let l = &model.tables.link[h.link.ix()];
            if !runs_on(l, track) || (l.one_way && !h.forward) {
                continue;
            }
            if self.open_days.contains_key(&h.link) {
                out.push(self.stretch(model, from, h.to, track, vec![(h.link, h.forward)], Some(h.link)));
            } else if !states.contains(&self.link_state[h.link.ix()]) {
                states.push(self.link_state[h.link.ix()]);
            }
        }
        states.sort();
        let by_wire = track.mode == Mode::Rail;
        for state in states {
            let of = Search { from, track, state, also: &[], reverse: false };
            let weight = |off_wire: f64| {
                move |l: &karvan_model::tables::Link| {
                    let wired = matches!(
                        l.electrified,
                        Some(Electrified::Ac25 | Electrified::Dc3 | Electrified::Yes)
                    );
                    l.length_km.get() * if wired { 1.0 } else { off_wire }
                }
            };
            let found = self.search(model, of, scratch, &weight(1.0));
            let first = found.len();
            let mut best: Vec<(NodeIx, Vec<(LinkIx, bool)>)> = found;
            if by_wire {
                let greener = self.search(model, of, scratch, &weight(OFF_WIRE_WEIGHT));
                for (to, links) in greener {
                    if !best[..first].iter().any(|(t, l)| *t == to && *l == links) {
                        best.push((to, links));
                    }
                }
            }
            for (to, links) in best {
                out.push(self.stretch(model, from, to, track, links, None));
            }
        }
    }

    fn stretch(
        &self,
        model: &Model,
        from: NodeIx,
        to: NodeIx,
        track: Track,
        links: Vec<(LinkIx, bool)>,
        dated: Option<LinkIx>,
    ) -> Stretch {
        let mut s = Stretch {
            from,
            to,
            track,
            state: links.first().and_then(|(l, _)| self.link_state[l.ix()]),
            km: 0.0,
            electric_km: 0.0,
            own_speed_km: 0.0,
            own_speed_h: 0.0,
            links,
            dated,
        };
        for (l, _) in &s.links {
            let l = &model.tables.link[l.ix()];
            let km = l.length_km.get();
            s.km += km;
            if matches!(l.electrified, Some(Electrified::Ac25 | Electrified::Dc3 | Electrified::Yes)) {
                s.electric_km += km;
            }
            if let Some(v) = l.speed_kmh.filter(|v| v.best > 0.0) {
                s.own_speed_km += km;
                s.own_speed_h += km / v.best;
            }
        }
        s
    }

    /// Shortest runs from a node inside one state to the key nodes around it, which are not passed; in the order
    /// of node indexes, the node itself left out. A reverse search runs against the direction of travel.
    fn search(
        &self,
        model: &Model,
        of: Search,
        scratch: &mut Scratch,
        weight: &dyn Fn(&karvan_model::tables::Link) -> f64,
    ) -> Vec<(NodeIx, Vec<(LinkIx, bool)>)> {
        let Search { from, track, state, also, reverse } = of;
        let mut heap = BinaryHeap::new();
        scratch.dist[from.ix()] = 0.0;
        scratch.touched.push(from.0);
        heap.push(Least(0.0, from.0));
        let mut ends = Vec::new();
        while let Some(Least(d, at)) = heap.pop() {
            let node = NodeIx(at);
            if d > scratch.dist[node.ix()] {
                continue;
            }
            if node != from && (self.is_key[node.ix()] || also.contains(&node)) {
                ends.push(node);
                continue;
            }
            for h in self.hops_of(node) {
                if self.link_state[h.link.ix()] != state || self.open_days.contains_key(&h.link) {
                    continue;
                }
                let l = &model.tables.link[h.link.ix()];
                if !runs_on(l, track) || (l.one_way && h.forward == reverse) {
                    continue;
                }
                let nd = d + weight(l);
                if nd < scratch.dist[h.to.ix()] {
                    if scratch.dist[h.to.ix()].is_infinite() {
                        scratch.touched.push(h.to.0);
                    }
                    scratch.dist[h.to.ix()] = nd;
                    scratch.parent[h.to.ix()] = Some((at, *h));
                    heap.push(Least(nd, h.to.0));
                }
            }
        }
        ends.sort();
        let found = ends
            .into_iter()
            .map(|to| {
                let mut links = Vec::new();
                let mut at = to;
                while let Some((before, h)) = scratch.parent[at.ix()] {
                    links.push((h.link, h.forward));
                    at = NodeIx(before);
                }
                links.reverse();
                (to, links)
            })
            .collect();
        for t in scratch.touched.drain(..) {
            scratch.dist[t as usize] = f64::INFINITY;
            scratch.parent[t as usize] = None;
        }
        found
    }

    /// Shortest way over links of some modes between two nodes, whatever states it passes; `None` if there is none.
    fn way(
        &self,
        model: &Model,
        from: NodeIx,
        targets: &[NodeIx],
        usable: &dyn Fn(&karvan_model::tables::Link) -> bool,
        scratch: &mut Scratch,
    ) -> Vec<Option<Vec<(LinkIx, bool)>>> {
        let mut heap = BinaryHeap::new();
        scratch.dist[from.ix()] = 0.0;
        scratch.touched.push(from.0);
        heap.push(Least(0.0, from.0));
        let mut left = targets.len();
        while let Some(Least(d, at)) = heap.pop() {
            let node = NodeIx(at);
            if d > scratch.dist[node.ix()] {
                continue;
            }
            if targets.contains(&node) {
                left -= 1;
                if left == 0 {
                    break;
                }
            }
            for h in self.hops_of(node) {
                let l = &model.tables.link[h.link.ix()];
                if !usable(l) || (l.one_way && !h.forward) {
                    continue;
                }
                let nd = d + l.length_km.get();
                if nd < scratch.dist[h.to.ix()] {
                    if scratch.dist[h.to.ix()].is_infinite() {
                        scratch.touched.push(h.to.0);
                    }
                    scratch.dist[h.to.ix()] = nd;
                    scratch.parent[h.to.ix()] = Some((at, *h));
                    heap.push(Least(nd, h.to.0));
                }
            }
        }
        let out = targets
            .iter()
            .map(|t| {
                if scratch.dist[t.ix()].is_infinite() {
                    return None;
                }
                let mut links = Vec::new();
                let mut at = *t;
                while let Some((before, h)) = scratch.parent[at.ix()] {
                    links.push((h.link, h.forward));
                    at = NodeIx(before);
                }
                links.reverse();
                Some(links)
            })
            .collect();
        for t in scratch.touched.drain(..) {
            scratch.dist[t as usize] = f64::INFINITY;
            scratch.parent[t as usize] = None;
        }
        out
    }

    fn all_sailings(&self, model: &Model, scratch: &mut Scratch) -> Vec<Sailing> {
        let mut out = Vec::new();
        for (si, s) in model.tables.service.iter().enumerate() {
            let stops: Vec<NodeIx> = s.stops.iter().filter_map(|k| model.node_ix(k.as_str())).collect();
            let gauge = model
                .equipment_ix(s.vehicle.as_str())
                .and_then(|e| model.tables.equipment[e.ix()].gauge_mm)
                .unwrap_or(0);
            let track = Track { mode: s.mode, gauge_mm: gauge };
            let usable = |l: &karvan_model::tables::Link| match s.mode {
                // A vessel on inland water needs the sea at its ends as well.
                Mode::InlandWater => matches!(l.mode, Mode::InlandWater | Mode::Sea),
                Mode::Rail => runs_on(l, track),
                m => l.mode == m,
            };
            let mut add = |i: usize, j: usize, links: Vec<(LinkIx, bool)>| {
                let km: f64 = links.iter().map(|(l, _)| model.tables.link[l.ix()].length_km.get()).sum();
                let land = if matches!(s.mode, Mode::Rail | Mode::Road) {
                    self.land_parts(model, stops[i], &links)
                } else {
                    Vec::new()
                };
                let (from, to) = (stops[i], stops[j]);
                out.push(Sailing {
                    service: ServiceIx::new(si),
                    from,
                    to,
                    km,
                    share: 1.0,
                    links,
                    land,
                    back: j < i,
                });
            };
            match s.pattern {
                Pattern::AnyPair => {
                    for (i, &from) in stops.iter().enumerate() {
                        for (j, links) in
                            self.way(model, from, &stops, &usable, scratch).into_iter().enumerate()
                        {
                            if let (true, Some(links)) = (i != j, links) {
                                add(i, j, links);
                            }
                        }
                    }
                }
                // A line calls at its stops in order, whatever shorter way there is between two of them.
                Pattern::Line | Pattern::OneWay => {
                    let hops: Vec<Option<Vec<(LinkIx, bool)>>> = stops
                        .windows(2)
                        .map(|w| self.way(model, w[0], &w[1..], &usable, scratch).pop().flatten())
                        .collect();
                    for i in 0..stops.len() {
                        let mut links = Vec::new();
                        for j in i + 1..stops.len() {
                            let Some(hop) = &hops[j - 1] else { break };
                            links.extend_from_slice(hop);
                            if stops[i] == stops[j] {
                                continue;
                            }
                            add(i, j, links.clone());
                            if s.pattern == Pattern::Line {
                                add(j, i, links.iter().rev().map(|(l, forward)| (*l, !forward)).collect());
                            }
                        }
                    }
                }
            }
            // The share of the line: distance over the distance from first to last stop.
            if let (Some(&first), Some(&last)) = (stops.first(), stops.last()) {
                let whole = out
                    .iter()
                    .find(|w| w.service.ix() == si && w.from == first && w.to == last)
                    .map_or(0.0, |w| w.km);
                for w in out.iter_mut().filter(|w| w.service.ix() == si) {
                    w.share = if whole > 0.0 { w.km / whole } else { 1.0 };
                }
            }
        }
        out
    }

    fn land_parts(&self, model: &Model, from: NodeIx, links: &[(LinkIx, bool)]) -> Vec<LandPart> {
        let mut parts: Vec<LandPart> = Vec::new();
        let mut at = from;
        let mut in_state: Option<StateIx> = None;
        for (i, (l, forward)) in links.iter().enumerate() {
            let row = &model.tables.link[l.ix()];
            let state = self.link_state[l.ix()];
            if i > 0
                && state != in_state
                && let (Some(a), Some(b)) = (in_state, state)
            {
                parts.push(LandPart::Border { node: at, from: a, to: b });
            }
            let wired =
                matches!(row.electrified, Some(Electrified::Ac25 | Electrified::Dc3 | Electrified::Yes));
            let add = row.length_km.get();
            let add_wired = if wired { add } else { 0.0 };
            match parts.last_mut() {
                Some(LandPart::Run { state: s, km, electric_km }) if *s == state => {
                    *km += add;
                    *electric_km += add_wired;
                }
                _ => parts.push(LandPart::Run { state, km: add, electric_km: add_wired }),
            }
            in_state = state;
            let other = if *forward { &row.to } else { &row.from };
            at = model.node_ix(other.as_str()).unwrap_or(at);
        }
        parts
    }

    /// How long a service that sails when full takes to fill; `None` if it states no rate of filling.
    pub fn filling(&self, model: &Model, service: usize) -> Option<Quantiles> {
        self.filling[service]
            .get_or_init(|| {
                let s = &model.tables.service[service];
                let per_h = s.fill_per_day.map_or(0.0, |f| f.best) / 24.0;
                let round = s.headway_h.map_or(0.0, |h| h.best.max(0.0));
                (per_h > 0.0).then(|| until_full(s.capacity.best, per_h, round))
            })
            .clone()
    }

    /// The first link with a state of its own of the line that a link belongs to: pieces of one name are opened,
    /// repaired or built together.
    pub(crate) fn line_of(&self, link: LinkIx) -> LinkIx {
        self.lines.get(&link).copied().unwrap_or(link)
    }

    /// Whether a link carries freight on a day.
    pub fn is_open(&self, link: LinkIx, day: Date) -> bool {
        self.open_days.get(&link).is_none_or(|days| days.iter().any(|d| d.contains(day)))
    }
}

/// Whether equipment of a track can run on a link.
pub(crate) fn runs_on(l: &karvan_model::tables::Link, track: Track) -> bool {
    l.mode == track.mode && (track.mode != Mode::Rail || l.gauge_mm.contains(&track.gauge_mm))
}

fn tracks_of(l: &karvan_model::tables::Link) -> Vec<Track> {
    if l.mode == Mode::Rail {
        l.gauge_mm.iter().map(|g| Track { mode: l.mode, gauge_mm: *g }).collect()
    } else {
        vec![Track { mode: l.mode, gauge_mm: 0 }]
    }
}
