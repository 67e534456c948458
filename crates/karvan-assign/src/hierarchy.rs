//! Shortest paths from many origins at once, on a customisable contraction hierarchy.
//!
//! The method is that of Dibbelt, Strasser and Wagner (*Customizable Contraction Hierarchies*, 2016): nodes are put in an
//! order once a network ([`Hierarchy`]), shortcuts get their costs again whenever the links' costs change ([`Metric`]). All
//! distances from a block of origins are then found in one sweep from the top of the order down (PHAST, Delling,
//! Goldberg, Nowatzyk and Werneck 2011; for assignment, Buchhold, Sanders and Wagner 2018), one lane an origin, so that
//! the processor works on all of them with one instruction. Paths are unpacked only where they are asked for.
//!
//! Nodes that may not be passed through are left out of the hierarchy and tied to it by their links.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::ops::Add;

use crate::network::{LinkIx, Network, NodeIx};

/// Origins swept at once: one cache line of `f64`.
pub const LANES: usize = 8;

/// A number that distances are made of: `f64`, or `f32` where seven digits suffice.
pub trait Distance: Copy + PartialOrd + Add<Output = Self> + Send + Sync + 'static {
    /// No path.
    const INFINITY: Self;
    /// No distance.
    const ZERO: Self;
    /// Rounded to the type.
    fn of(cost: f64) -> Self;
    /// As a number to calculate with.
    fn value(self) -> f64;
}

impl Distance for f64 {
    const INFINITY: f64 = f64::INFINITY;
    const ZERO: f64 = 0.0;
    #[inline(always)]
    fn of(cost: f64) -> f64 {
        cost
    }
    #[inline(always)]
    fn value(self) -> f64 {
        self
    }
}

impl Distance for f32 {
    const INFINITY: f32 = f32::INFINITY;
    const ZERO: f32 = 0.0;
    #[inline(always)]
    fn of(cost: f64) -> f32 {
        cost as f32
    }
    #[inline(always)]
    fn value(self) -> f64 {
        f64::from(self)
    }
}

const NONE: u32 = u32::MAX;

/// Where a link stands in the hierarchy.
#[derive(Clone, Copy, Debug)]
enum Slot {
    /// From the lower to the higher end of an arc.
    Up(u32),
    /// From the higher to the lower end of an arc.
    Down(u32),
    /// At a closed node, or from a node to itself.
    Outside,
}

/// The order of a network's nodes and the shortcuts that follow from it, for every choice of costs.
///
/// Vertices are the open nodes, numbered by rank: all neighbours an arc leads to are higher.
#[derive(Clone, Debug)]
pub struct Hierarchy {
    /// Vertex of each node; `NONE` for closed ones.
    vertex: Vec<u32>,
    /// Arcs of vertex `v` are `first[v]..first[v + 1]`; `head` is their higher end, rising.
    first: Vec<u32>,
    head: Vec<u32>,
    slot: Vec<Slot>,
    /// Links into each closed node, from open nodes and from closed ones.
    entering: Vec<Vec<(u32, LinkIx)>>,
    /// The part that sweeps need: vertices where origins or destinations are, and all above them. `part` gives their
    /// place, or `NONE`; places rise with rank.
    part: Vec<u32>,
    part_first: Vec<u32>,
    part_head: Vec<u32>,
    part_arc: Vec<u32>,
}

impl Hierarchy {
    /// Orders a network. `ends` are the nodes at which paths will begin or end.
    pub fn new(network: &Network, ends: impl IntoIterator<Item = NodeIx>) -> Hierarchy {
        let n = network.nodes();
        let mut near: Vec<Vec<u32>> = vec![Vec::new(); n];
        let mut entering: Vec<Vec<(u32, LinkIx)>> = vec![Vec::new(); n];
        for (k, l) in network.links().iter().enumerate() {
            if network.is_closed(l.head) {
                entering[l.head.ix()].push((l.tail.0, LinkIx::new(k)));
            }
            if l.tail != l.head && !network.is_closed(l.tail) && !network.is_closed(l.head) {
                near[l.tail.ix()].push(l.head.0);
                near[l.head.ix()].push(l.tail.0);
            }
        }
        let open: Vec<u32> = (0..n as u32).filter(|&v| !network.is_closed(NodeIx(v))).collect();
        let (vertex, up) = order(near, &open);
        let mut first = vec![0u32];
        let mut head = Vec::new();
        for arcs in &up {
            head.extend_from_slice(arcs);
            first.push(head.len() as u32);
        }
        let find = |low: u32, high: u32| {
            let from = first[low as usize];
            let arcs = &head[from as usize..first[low as usize + 1] as usize];
            // The order made an arc of every link between open nodes.
            from + arcs.partition_point(|&h| h < high) as u32
        };
        let slot = network
            .links()
            .iter()
            .map(|l| {
                let (a, b) = (vertex[l.tail.ix()], vertex[l.head.ix()]);
                match a.cmp(&b) {
                    _ if a == NONE || b == NONE || a == b => Slot::Outside,
                    std::cmp::Ordering::Less => Slot::Up(find(a, b)),
                    _ => Slot::Down(find(b, a)),
                }
            })
            .collect();
        let mut hierarchy = Hierarchy {
            vertex,
            first,
            head,
            slot,
            entering,
            part: Vec::new(),
            part_first: Vec::new(),
            part_head: Vec::new(),
            part_arc: Vec::new(),
        };
        hierarchy.choose_part(network, ends);
        hierarchy
    }

    fn choose_part(&mut self, network: &Network, ends: impl IntoIterator<Item = NodeIx>) {
        let vertices = self.first.len() - 1;
        let mut needed = vec![false; vertices];
        for v in ends {
            let mut need = |v: u32| {
                if let Some(n) = needed.get_mut(v as usize) {
                    *n = true;
                }
            };
            need(self.vertex[v.ix()]);
            if network.is_closed(v) {
                network.leaving(v).iter().for_each(|l| need(self.vertex[network.links()[l.ix()].head.ix()]));
                self.entering[v.ix()].iter().for_each(|e| need(self.vertex[e.0 as usize]));
            }
        }
        self.part = vec![NONE; vertices];
        self.part_first.push(0);
        let mut places = 0;
        for v in 0..vertices {
            if needed[v] {
                self.part[v] = places;
                places += 1;
                for a in self.first[v]..self.first[v + 1] {
                    needed[self.head[a as usize] as usize] = true;
                    self.part_arc.push(a);
                }
                self.part_first.push(self.part_arc.len() as u32);
            }
        }
        self.part_head = self.part_arc.iter().map(|&a| self.part[self.head[a as usize] as usize]).collect();
    }

    /// How many arcs there are, shortcuts included.
    pub fn arcs(&self) -> usize {
        self.head.len()
    }

    /// How many vertices and arcs a sweep goes over.
    pub fn swept(&self) -> (usize, usize) {
        (self.part_first.len() - 1, self.part_arc.len())
    }

    /// The place of a node in the swept part.
    #[inline]
    fn place(&self, node: u32) -> Option<usize> {
        let v = self.vertex[node as usize];
        (v != NONE).then(|| self.part[v as usize]).filter(|&p| p != NONE).map(|p| p as usize)
    }
}

/// Orders vertices by least degree, then renumbers them so that subtrees of the elimination tree are contiguous: what a sweep
/// reads next was written shortly before. Gives the vertex of each node, and each vertex's higher neighbours.
fn order(mut near: Vec<Vec<u32>>, open: &[u32]) -> (Vec<u32>, Vec<Vec<u32>>) {
    let n = near.len();
    for list in &mut near {
        list.sort_unstable();
        list.dedup();
    }
    let mut queue: BinaryHeap<Reverse<(u32, u32)>> =
        open.iter().map(|&v| Reverse((near[v as usize].len() as u32, v))).collect();
    let mut rank = vec![NONE; n];
    let mut by_rank: Vec<u32> = Vec::with_capacity(open.len());
    let mut above: Vec<Vec<u32>> = Vec::with_capacity(open.len());
    let mut merged = Vec::new();
    while let Some(Reverse((degree, v))) = queue.pop() {
        if rank[v as usize] != NONE || degree as usize != near[v as usize].len() {
            continue;
        }
        rank[v as usize] = by_rank.len() as u32;
        by_rank.push(v);
        let clique = std::mem::take(&mut near[v as usize]);
        for &u in &clique {
            // The neighbours of `u` and the clique, without `u` and `v`.
            merged.clear();
            let list = &near[u as usize];
            let (mut i, mut j) = (0, 0);
            while i < list.len() || j < clique.len() {
                let x = match (list.get(i), clique.get(j)) {
                    (Some(&a), Some(&b)) => a.min(b),
                    (Some(&a), None) => a,
                    (None, b) => b.copied().unwrap_or(NONE),
                };
                i += usize::from(list.get(i) == Some(&x));
                j += usize::from(clique.get(j) == Some(&x));
                if x != u && x != v {
                    merged.push(x);
                }
            }
            near[u as usize].clear();
            near[u as usize].extend_from_slice(&merged);
            queue.push(Reverse((merged.len() as u32, u)));
        }
        above.push(clique);
    }
    // Postorder of the elimination tree: the parent is the lowest of the higher neighbours.
    let vertices = by_rank.len();
    let parent: Vec<u32> =
        above.iter().map(|a| a.iter().map(|&u| rank[u as usize]).min().unwrap_or(NONE)).collect();
    let mut children: Vec<Vec<u32>> = vec![Vec::new(); vertices + 1];
    for (v, &p) in parent.iter().enumerate() {
        children[if p == NONE { vertices } else { p as usize }].push(v as u32);
    }
    let mut number = vec![NONE; vertices];
    let mut next = vertices as u32;
    let mut stack: Vec<u32> = std::mem::take(&mut children[vertices]);
    while let Some(v) = stack.pop() {
        next -= 1;
        number[v as usize] = next;
        stack.append(&mut children[v as usize]);
    }
    let mut up = vec![Vec::new(); vertices];
    for (r, higher) in above.iter().enumerate() {
        let mut arcs: Vec<u32> = higher.iter().map(|&u| number[rank[u as usize] as usize]).collect();
        arcs.sort_unstable();
        up[number[r] as usize] = arcs;
    }
    let vertex = rank.iter().map(|&r| if r == NONE { NONE } else { number[r as usize] }).collect();
    (vertex, up)
}

/// Of what the cheapest way along an arc is made: a link, or two arcs over a lower vertex.
#[derive(Clone, Copy, Debug)]
struct Via(u32, u32);

impl Via {
    const NOTHING: Via = Via(NONE, NONE);
    const fn link(link: u32) -> Via {
        Via(link, NONE)
    }
}

/// What the arcs of a [`Hierarchy`] cost.
#[derive(Clone, Debug)]
pub struct Metric<D> {
    up: Vec<D>,
    down: Vec<D>,
    up_via: Vec<Via>,
    down_via: Vec<Via>,
    part_up: Vec<D>,
    part_down: Vec<D>,
    link: Vec<D>,
}

impl<D: Distance> Metric<D> {
    /// For a hierarchy, with no path anywhere until it is customised.
    pub fn new(hierarchy: &Hierarchy) -> Metric<D> {
        let (arcs, part) = (hierarchy.arcs(), hierarchy.part_arc.len());
        Metric {
            up: vec![D::INFINITY; arcs],
            down: vec![D::INFINITY; arcs],
            up_via: vec![Via::NOTHING; arcs],
            down_via: vec![Via::NOTHING; arcs],
            part_up: vec![D::INFINITY; part],
            part_down: vec![D::INFINITY; part],
            link: Vec::new(),
        }
    }

    /// Takes new costs of the links: infinite where a link must not be used.
    pub fn customise(&mut self, hierarchy: &Hierarchy, costs: impl Iterator<Item = f64>) {
        self.link.clear();
        self.link.extend(costs.map(D::of));
        self.up.fill(D::INFINITY);
        self.down.fill(D::INFINITY);
        for (k, (slot, &cost)) in hierarchy.slot.iter().zip(&self.link).enumerate() {
            let (value, via, arc) = match *slot {
                Slot::Up(a) => (&mut self.up, &mut self.up_via, a as usize),
                Slot::Down(a) => (&mut self.down, &mut self.down_via, a as usize),
                Slot::Outside => continue,
            };
            if cost < value[arc] {
                value[arc] = cost;
                via[arc] = Via::link(k as u32);
            }
        }
        let (first, head) = (&hierarchy.first, &hierarchy.head);
        for v in 0..first.len() - 1 {
            let arcs = first[v] as usize..first[v + 1] as usize;
            for i in arcs.clone() {
                let (to_v, from_v) = (self.down[i], self.up[i]);
                // The arc between the higher ends: their lists are sorted, so one pass finds them all.
                let mut a = first[head[i] as usize] as usize;
                for j in i + 1..arcs.end {
                    while head[a] != head[j] {
                        a += 1;
                    }
                    let through = to_v + self.up[j];
                    if through < self.up[a] {
                        self.up[a] = through;
                        self.up_via[a] = Via(i as u32, j as u32);
                    }
                    let back = self.down[j] + from_v;
                    if back < self.down[a] {
                        self.down[a] = back;
                        self.down_via[a] = Via(j as u32, i as u32);
                    }
                }
            }
        }
        for (k, &a) in hierarchy.part_arc.iter().enumerate() {
            self.part_up[k] = self.up[a as usize];
            self.part_down[k] = self.down[a as usize];
        }
    }

    /// Adds the links of an arc's cheapest way, in their order.
    fn unpack(&self, arc: u32, upwards: bool, stack: &mut Vec<(u32, bool)>, links: &mut Vec<u32>) {
        stack.push((arc, upwards));
        while let Some((arc, upwards)) = stack.pop() {
            let Via(a, b) = if upwards { self.up_via[arc as usize] } else { self.down_via[arc as usize] };
            if b == NONE {
                links.push(a);
            } else {
                // Down to the lower vertex, then up.
                stack.push((b, true));
                stack.push((a, false));
            }
        }
    }
}

/// Distances from up to [`LANES`] origins to everywhere, and the paths that have them.
#[derive(Clone, Debug)]
pub struct Sweep<D, const L: usize = LANES> {
    dist: Vec<[D; L]>,
    origins: Vec<NodeIx>,
    /// Places at or above which an origin is, rising; only those have a distance before the sweep.
    above: Vec<u32>,
    is_above: Vec<bool>,
    climb: Climb<D>,
    stack: Vec<(u32, bool)>,
    arcs: Vec<(u32, bool)>,
}

/// The ways from one origin upwards.
#[derive(Clone, Debug)]
struct Climb<D> {
    lane: usize,
    dist: Vec<D>,
    /// Arc of the part by which the place was reached and the place it comes from; or a link, or nothing, from the origin.
    by: Vec<(u32, u32)>,
    touched: Vec<u32>,
}

const NO_LANE: usize = usize::MAX;

impl<D: Distance, const L: usize> Sweep<D, L> {
    /// Room for sweeps of a hierarchy.
    pub fn new(hierarchy: &Hierarchy) -> Sweep<D, L> {
        let places = hierarchy.swept().0;
        Sweep {
            dist: vec![[D::INFINITY; L]; places],
            origins: Vec::new(),
            above: Vec::new(),
            is_above: vec![false; places],
            climb: Climb {
                lane: NO_LANE,
                dist: vec![D::INFINITY; places],
                by: vec![(NONE, NONE); places],
                touched: Vec::new(),
            },
            stack: Vec::new(),
            arcs: Vec::new(),
        }
    }

    /// Finds all distances from some origins, at most `L`.
    pub fn run(&mut self, network: &Network, hierarchy: &Hierarchy, metric: &Metric<D>, origins: &[NodeIx]) {
        self.origins.clear();
        self.origins.extend_from_slice(&origins[..origins.len().min(L)]);
        self.climb.lane = NO_LANE;
        for p in self.above.drain(..) {
            self.is_above[p as usize] = false;
        }
        for (lane, &o) in self.origins.iter().enumerate() {
            for (place, cost, _) in starts(network, hierarchy, metric, o) {
                let mut p = place;
                // All that is above was met if this was.
                while !self.is_above[p] {
                    self.is_above[p] = true;
                    self.above.push(p as u32);
                    self.dist[p] = [D::INFINITY; L];
                    match hierarchy.part_head.get(hierarchy.part_first[p] as usize) {
                        Some(&up) if hierarchy.part_first[p] < hierarchy.part_first[p + 1] => p = up as usize,
                        _ => break,
                    }
                }
                if cost < self.dist[place][lane] {
                    self.dist[place][lane] = cost;
                }
            }
        }
        self.above.sort_unstable();
        let (above, is_above, dist) = (&self.above, &self.is_above, &mut self.dist[..]);
        pulp::Arch::new().dispatch(|| sweep(hierarchy, metric, above, is_above, dist));
    }

    /// The distance to a node.
    #[inline]
    pub fn distance(&self, hierarchy: &Hierarchy, metric: &Metric<D>, lane: usize, to: NodeIx) -> D {
        if let Some(p) = hierarchy.place(to.0) {
            return self.dist[p][lane];
        }
        self.last_link(hierarchy, metric, lane, to).map_or(D::INFINITY, |l| l.0)
    }

    /// The distance to a closed node, the place and the link from which it is reached; no place where the link begins at the
    /// origin.
    #[inline]
    fn last_link(
        &self,
        hierarchy: &Hierarchy,
        metric: &Metric<D>,
        lane: usize,
        to: NodeIx,
    ) -> Option<(D, Option<usize>, LinkIx)> {
        let mut best: Option<(D, Option<usize>, LinkIx)> = None;
        for &(tail, link) in &hierarchy.entering[to.ix()] {
            let place = hierarchy.place(tail);
            let before = match place {
                Some(p) => self.dist[p][lane],
                None if tail == self.origins[lane].0 => D::ZERO,
                None => continue,
            };
            let cost = before + metric.link[link.ix()];
            if cost < best.map_or(D::INFINITY, |b| b.0) {
                best = Some((cost, place, link));
            }
        }
        best
    }

    /// The links of a shortest path, in their order. Empty if there is none.
    pub fn path(
        &mut self,
        network: &Network,
        hierarchy: &Hierarchy,
        metric: &Metric<D>,
        lane: usize,
        to: NodeIx,
        links: &mut Vec<u32>,
    ) {
        links.clear();
        let (mut place, last) = match hierarchy.place(to.0) {
            Some(p) if self.dist[p][lane] < D::INFINITY => (p, None),
            Some(_) => return,
            None => match self.last_link(hierarchy, metric, lane, to) {
                Some((_, Some(p), link)) => (p, Some(link)),
                Some((_, None, link)) => {
                    links.push(link.0);
                    return;
                }
                None => return,
            },
        };
        if self.climb.lane != lane {
            self.climb_from(network, hierarchy, metric, lane);
        }
        // From the end back: down arcs, until the place is one that the origin reaches upwards.
        self.arcs.clear();
        while self.climb.dist[place] > self.dist[place][lane] {
            let range = hierarchy.part_first[place] as usize..hierarchy.part_first[place + 1] as usize;
            let wanted = self.dist[place][lane];
            let Some(k) = range
                .into_iter()
                .find(|&k| self.dist[hierarchy.part_head[k] as usize][lane] + metric.part_down[k] == wanted)
            else {
                unreachable!("a distance is the sum of another and an arc")
            };
            self.arcs.push((hierarchy.part_arc[k], false));
            place = hierarchy.part_head[k] as usize;
        }
        let first = loop {
            let (by, from) = self.climb.by[place];
            if from == NONE {
                break by;
            }
            self.arcs.push((hierarchy.part_arc[by as usize], true));
            place = from as usize;
        };
        if first != NONE {
            links.push(first);
        }
        for &(arc, upwards) in self.arcs.iter().rev() {
            metric.unpack(arc, upwards, &mut self.stack, links);
        }
        links.extend(last.map(|l| l.0));
    }

    fn climb_from(&mut self, network: &Network, hierarchy: &Hierarchy, metric: &Metric<D>, lane: usize) {
        let climb = &mut self.climb;
        for p in climb.touched.drain(..) {
            climb.dist[p as usize] = D::INFINITY;
        }
        climb.lane = lane;
        for (place, cost, link) in starts(network, hierarchy, metric, self.origins[lane]) {
            if cost < climb.dist[place] {
                climb.dist[place] = cost;
                climb.by[place] = (link.map_or(NONE, |l| l.0), NONE);
                climb.touched.push(place as u32);
            }
        }
        for &p in &self.above {
            let from = climb.dist[p as usize];
            if from < D::INFINITY {
                for k in
                    hierarchy.part_first[p as usize] as usize..hierarchy.part_first[p as usize + 1] as usize
                {
                    let to = hierarchy.part_head[k] as usize;
                    let cost = from + metric.part_up[k];
                    if cost < climb.dist[to] {
                        climb.dist[to] = cost;
                        climb.by[to] = (k as u32, p);
                        climb.touched.push(to as u32);
                    }
                }
            }
        }
    }
}

/// Where an origin enters the hierarchy: place, distance, link.
fn starts<D: Distance>(
    network: &Network,
    hierarchy: &Hierarchy,
    metric: &Metric<D>,
    origin: NodeIx,
) -> impl Iterator<Item = (usize, D, Option<LinkIx>)> {
    let itself = hierarchy.place(origin.0).map(|p| (p, D::ZERO, None));
    let leaving = if itself.is_none() { network.leaving(origin) } else { &[] };
    let links = leaving.iter().filter_map(|&l| {
        let place = hierarchy.place(network.links()[l.ix()].head.0)?;
        Some((place, metric.link[l.ix()], Some(l)))
    });
    itself.into_iter().chain(links)
}

/// Upwards over the places above an origin, then down over all. Inlined where the processor's widest instructions are on.
#[inline(always)]
fn sweep<D: Distance, const L: usize>(
    hierarchy: &Hierarchy,
    metric: &Metric<D>,
    above: &[u32],
    is_above: &[bool],
    dist: &mut [[D; L]],
) {
    let first = &hierarchy.part_first[..];
    let head = &hierarchy.part_head[..];
    for &p in above {
        let from = dist[p as usize];
        for k in first[p as usize] as usize..first[p as usize + 1] as usize {
            let cost = metric.part_up[k];
            let to = &mut dist[head[k] as usize];
            for (t, f) in to.iter_mut().zip(from) {
                let x = f + cost;
                *t = if x < *t { x } else { *t };
            }
        }
    }
    for p in (0..dist.len()).rev() {
        let mut best = if is_above[p] { dist[p] } else { [D::INFINITY; L] };
        let arcs = first[p] as usize..first[p + 1] as usize;
        for (&h, &cost) in head[arcs.clone()].iter().zip(&metric.part_down[arcs]) {
            let from = &dist[h as usize];
            for (b, f) in best.iter_mut().zip(from) {
                let x = *f + cost;
                *b = if x < *b { x } else { *b };
            }
        }
        dist[p] = best;
    }
}
