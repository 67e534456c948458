//! A network while it is worked on: split, cut, thinned, contracted.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};

use geo::{Coord, Distance, Haversine, Point};
use karvan_model::tables::Electrified;
use karvan_units::Estimate;
use rstar::primitives::{GeomWithData, Line as TreeLine};
use rstar::{AABB, RTree};

/// Great-circle distance, km.
pub fn km(a: Coord, b: Coord) -> f64 {
    Haversine.distance(Point(a), Point(b)) / 1000.0
}

/// Length of a polyline, km.
pub fn line_km(line: &[Coord]) -> f64 {
    line.windows(2).map(|w| km(w[0], w[1])).sum()
}

/// Which file a row goes to, because its terms differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// OpenStreetMap, ODbL.
    Osm,
    /// Eurostat maritime network, EUPL.
    Marnet,
    /// searoute's maritime network, Apache-2.0.
    Searoute,
    /// Global Energy Monitor, CC BY.
    Gem,
    /// Own work.
    Own,
}

impl Origin {
    /// Middle part of the file's name.
    pub fn suffix(self) -> &'static str {
        match self {
            Self::Osm => "osm",
            Self::Marnet => "marnet",
            Self::Searoute => "searoute",
            Self::Gem => "gem",
            Self::Own => "own",
        }
    }
}

/// What is known of a stretch beside its course.
#[derive(Clone, Debug, PartialEq)]
pub struct Attr {
    /// File it goes to.
    pub origin: Origin,
    /// Gauges, mm.
    pub gauge: Vec<u32>,
    /// Traction current.
    pub electrified: Option<Electrified>,
    /// Main tracks.
    pub tracks: Option<u32>,
    /// Freight speed in motion.
    pub speed: Option<Estimate>,
    /// Trains a day each way, or t a year.
    pub capacity: Option<Estimate>,
    /// Infrastructure manager or owner.
    pub owner: Option<String>,
    /// Name of the line.
    pub name: Option<String>,
    /// Key of the row of missing links it came from.
    pub tag: Option<String>,
    /// Keys of `source`.
    pub sources: BTreeSet<String>,
    /// Reason, where a part is assumed.
    pub assumed: Option<String>,
}

impl Attr {
    /// Nothing known but where it comes from.
    pub fn new(origin: Origin, source: &str) -> Self {
        Self {
            origin,
            gauge: Vec::new(),
            electrified: None,
            tracks: None,
            speed: None,
            capacity: None,
            owner: None,
            name: None,
            tag: None,
            sources: BTreeSet::from([source.to_owned()]),
            assumed: None,
        }
    }
}

/// A stretch between two nodes.
#[derive(Clone, Debug)]
pub struct Edge {
    /// First node.
    pub a: usize,
    /// Second node.
    pub b: usize,
    /// True length.
    pub km: f64,
    /// Length of gaps bridged.
    pub bridged: f64,
    /// Course from `a` to `b`.
    pub line: Vec<Coord>,
    /// State; `None` at sea.
    pub state: Option<String>,
    /// The rest.
    pub attr: Attr,
    /// Key in the raw data.
    pub raw: i64,
}

impl Edge {
    /// The end that is not `n`.
    pub fn other(&self, n: usize) -> usize {
        if self.a == n { self.b } else { self.a }
    }
}

/// A vertex.
#[derive(Clone, Debug)]
pub struct Vertex {
    /// Position.
    pub at: Coord,
    /// State.
    pub state: Option<String>,
    /// Key of the place that stands here; such a vertex is never contracted away.
    pub place: Option<String>,
    /// Key in the raw data, from which a junction's key is made.
    pub raw: String,
}

/// The network.
#[derive(Clone, Debug, Default)]
pub struct Graph {
    /// Vertices.
    pub nodes: Vec<Vertex>,
    /// Stretches; `None` where removed.
    pub edges: Vec<Option<Edge>>,
    adj: Vec<Vec<usize>>,
}

/// What waits in the heap of a shortest-path search, nearest first.
#[derive(PartialEq)]
pub struct Reached(pub f64, pub usize);
impl Eq for Reached {}
impl PartialOrd for Reached {
    fn partial_cmp(&self, o: &Self) -> Option<Ordering> {
        Some(self.cmp(o))
    }
}
impl Ord for Reached {
    fn cmp(&self, o: &Self) -> Ordering {
        o.0.total_cmp(&self.0).then(o.1.cmp(&self.1))
    }
}

/// Distances from one vertex and the way back.
pub struct Tree {
    /// Distance by vertex, where reached.
    pub dist: Vec<f64>,
    /// Edge by which it was reached.
    pub by: Vec<usize>,
}

impl Tree {
    /// Edges from the root to `to`.
    pub fn path(&self, g: &Graph, to: usize) -> Vec<usize> {
        let (mut out, mut n) = (Vec::new(), to);
        while self.by[n] != usize::MAX {
            out.push(self.by[n]);
            n = g.edge(self.by[n]).other(n);
        }
        out.reverse();
        out
    }
}

/// A segment of a course, with its stretch and its number there.
type Segment = GeomWithData<TreeLine<[f64; 2]>, (usize, usize)>;

/// Nearest-stretch search over a graph as it was when built.
pub struct Nearest {
    tree: RTree<Segment>,
}

/// A point on a stretch.
#[derive(Clone, Copy, Debug)]
pub struct OnEdge {
    /// Stretch.
    pub edge: usize,
    /// Segment of its course.
    pub segment: usize,
    /// Share of the segment.
    pub share: f64,
    /// Position.
    pub at: Coord,
    /// Distance from the point asked for, km.
    pub km: f64,
}

// Near 42 degrees north a degree of longitude is three quarters of one of latitude; good enough to find candidates.
const SQUEEZE: f64 = 0.743;

/// The foot of the perpendicular from `p` on a segment, in degrees squeezed by latitude.
fn foot(p: Coord, a: Coord, b: Coord) -> (f64, Coord) {
    let c = p.y.to_radians().cos();
    let (dx, dy) = ((b.x - a.x) * c, b.y - a.y);
    let len2 = dx * dx + dy * dy;
    let t =
        if len2 == 0.0 { 0.0 } else { (((p.x - a.x) * c * dx + (p.y - a.y) * dy) / len2).clamp(0.0, 1.0) };
    (t, Coord { x: a.x + (b.x - a.x) * t, y: a.y + (b.y - a.y) * t })
}

/// The point of a course nearest to `p`: segment, share, position, distance.
pub fn nearest_on(line: &[Coord], p: Coord) -> (usize, f64, Coord, f64) {
    let mut best = (0, 0.0, line[0], f64::INFINITY);
    for (i, w) in line.windows(2).enumerate() {
        let (t, q) = foot(p, w[0], w[1]);
        let d = km(p, q);
        if d < best.3 {
            best = (i, t, q, d);
        }
    }
    best
}

impl Nearest {
    /// Indexes the stretches of a graph.
    pub fn new(g: &Graph) -> Self {
        let mut all = Vec::new();
        for (e, edge) in g.live() {
            for (i, w) in edge.line.windows(2).enumerate() {
                all.push(GeomWithData::new(
                    TreeLine::new([w[0].x * SQUEEZE, w[0].y], [w[1].x * SQUEEZE, w[1].y]),
                    (e, i),
                ));
            }
        }
        Self { tree: RTree::bulk_load(all) }
    }
    /// The nearest stretch that fits, at most `max_km` away.
    pub fn find(
        &self,
        g: &Graph,
        p: Coord,
        max_km: f64,
        fits: impl Fn(usize, &Edge) -> bool,
    ) -> Option<OnEdge> {
        let reach = max_km / 111.0 * 1.5;
        let near =
            AABB::from_corners([p.x * SQUEEZE - reach, p.y - reach], [p.x * SQUEEZE + reach, p.y + reach]);
        let mut best: Option<OnEdge> = None;
        for hit in self.tree.locate_in_envelope_intersecting(&near) {
            let (e, i) = hit.data;
            let Some(edge) = &g.edges[e] else { continue };
            if i + 1 >= edge.line.len() || !fits(e, edge) {
                continue;
            }
            let (share, at) = foot(p, edge.line[i], edge.line[i + 1]);
            let d = km(p, at);
            let better = best.is_none_or(|b| (d, e, i) < (b.km, b.edge, b.segment));
            if d <= max_km && better {
                best = Some(OnEdge { edge: e, segment: i, share, at, km: d });
            }
        }
        best
    }
}

impl Graph {
    /// A new vertex.
    pub fn add_node(&mut self, at: Coord, state: Option<String>, raw: impl Into<String>) -> usize {
        self.nodes.push(Vertex { at, state, place: None, raw: raw.into() });
        self.adj.push(Vec::new());
        self.nodes.len() - 1
    }
    /// A new stretch.
    pub fn add_edge(&mut self, edge: Edge) -> usize {
        let e = self.edges.len();
        self.adj[edge.a].push(e);
        if edge.a != edge.b {
            self.adj[edge.b].push(e);
        }
        self.edges.push(Some(edge));
        e
    }
    /// Takes a stretch out.
    pub fn remove(&mut self, e: usize) -> Option<Edge> {
        let edge = self.edges[e].take()?;
        self.adj[edge.a].retain(|x| *x != e);
        self.adj[edge.b].retain(|x| *x != e);
        Some(edge)
    }
    /// A stretch known to be there.
    pub fn edge(&self, e: usize) -> &Edge {
        self.edges[e].as_ref().expect("an edge that was not removed")
    }
    /// All stretches.
    pub fn live(&self) -> impl Iterator<Item = (usize, &Edge)> {
        self.edges.iter().enumerate().filter_map(|(i, e)| e.as_ref().map(|e| (i, e)))
    }
    /// Stretches at a vertex.
    pub fn at(&self, n: usize) -> &[usize] {
        &self.adj[n]
    }
    /// The vertex of a place.
    pub fn place(&self, id: &str) -> Option<usize> {
        self.nodes.iter().position(|n| n.place.as_deref() == Some(id))
    }
    /// Vertices by place.
    pub fn places(&self) -> BTreeMap<String, usize> {
        self.nodes.iter().enumerate().filter_map(|(i, n)| n.place.clone().map(|p| (p, i))).collect()
    }

    /// Splits a stretch at points given as (segment, share, vertex to put there), lengths in proportion.
    /// Returns the new stretches in order.
    pub fn split(&mut self, e: usize, mut cuts: Vec<(usize, f64, usize)>) -> Vec<usize> {
        let Some(edge) = self.remove(e) else { return Vec::new() };
        cuts.sort_by(|x, y| x.0.cmp(&y.0).then(x.1.total_cmp(&y.1)).then(x.2.cmp(&y.2)));
        let whole = line_km(&edge.line).max(1e-9);
        let mut out = Vec::new();
        let (mut from, mut line, mut next) = (edge.a, vec![edge.line[0]], 1);
        let end = (edge.line.len() - 1, 1.0, edge.b);
        for (segment, _, to) in cuts.into_iter().chain([end]) {
            while next <= segment.min(edge.line.len() - 2) {
                line.push(edge.line[next]);
                next += 1;
            }
            line.push(self.nodes[to].at);
            if from != to {
                let part = line_km(&line) / whole;
                out.push(self.add_edge(Edge {
                    a: from,
                    b: to,
                    km: edge.km * part,
                    bridged: edge.bridged * part,
                    line: std::mem::take(&mut line),
                    ..edge.clone()
                }));
            }
            line = vec![self.nodes[to].at];
            from = to;
        }
        out
    }

    /// Puts places on stretches: an end that is near and free, else a new vertex on the stretch.
    pub fn attach(&mut self, wanted: &[(String, OnEdge)], end_km: f64) {
        let mut by_edge: BTreeMap<usize, Vec<&(String, OnEdge)>> = BTreeMap::new();
        for w in wanted {
            by_edge.entry(w.1.edge).or_default().push(w);
        }
        for (e, list) in by_edge {
            let mut cuts = Vec::new();
            for (id, on) in list {
                let edge = self.edge(e).clone();
                let mut ends =
                    [(km(on.at, self.nodes[edge.a].at), edge.a), (km(on.at, self.nodes[edge.b].at), edge.b)];
                ends.sort_by(|x, y| x.0.total_cmp(&y.0));
                if ends[0].0 <= end_km
                    && self.nodes[ends[0].1].place.is_none()
                    && self.nodes[ends[0].1].state == edge.state
                {
                    self.nodes[ends[0].1].place = Some(id.clone());
                    continue;
                }
                let n = self.add_node(on.at, edge.state.clone(), id.clone());
                self.nodes[n].place = Some(id.clone());
                cuts.push((on.segment, on.share, n));
            }
            if !cuts.is_empty() {
                self.split(e, cuts);
            }
        }
    }

    /// Shortest distances from `root` over stretches with a finite weight; stops when `settled` says so.
    pub fn dijkstra(
        &self,
        root: usize,
        weight: impl Fn(usize, &Edge) -> f64,
        mut settled: impl FnMut(usize, f64) -> bool,
    ) -> Tree {
        let mut dist = vec![f64::INFINITY; self.nodes.len()];
        let mut by = vec![usize::MAX; self.nodes.len()];
        let mut heap = BinaryHeap::from([Reached(0.0, root)]);
        dist[root] = 0.0;
        while let Some(Reached(d, n)) = heap.pop() {
            if d > dist[n] {
                continue;
            }
            if settled(n, d) {
                break;
            }
            for &e in &self.adj[n] {
                let edge = self.edge(e);
                let (m, next) = (edge.other(n), d + weight(e, edge));
                if next < dist[m] {
                    dist[m] = next;
                    by[m] = e;
                    heap.push(Reached(next, m));
                }
            }
        }
        Tree { dist, by }
    }

    /// Removes parts of fewer than `least` stretches that hang together with nothing else.
    pub fn drop_islands(&mut self, least: usize) {
        let mut seen = vec![false; self.nodes.len()];
        for start in 0..self.nodes.len() {
            if seen[start] {
                continue;
            }
            seen[start] = true;
            let (mut stack, mut edges) = (vec![start], BTreeSet::new());
            while let Some(n) = stack.pop() {
                for &e in &self.adj[n] {
                    edges.insert(e);
                    let m = self.edge(e).other(n);
                    if !seen[m] {
                        seen[m] = true;
                        stack.push(m);
                    }
                }
            }
            if edges.len() < least {
                for e in edges {
                    self.remove(e);
                }
            }
        }
    }

    /// Keeps only the stretches named.
    pub fn keep_only(&mut self, keep: &BTreeSet<usize>) {
        for e in 0..self.edges.len() {
            if self.edges[e].is_some() && !keep.contains(&e) {
                self.remove(e);
            }
        }
    }

    /// Removes loops, all but the shortest of like parallels, and dead ends without a place, then joins
    /// stretches that meet at a vertex where nothing else does. Repeats until nothing changes.
    pub fn contract(&mut self) {
        loop {
            let before = self.live().count();
            self.drop_parallels();
            self.drop_dead_ends();
            self.join();
            if self.live().count() == before {
                return;
            }
        }
    }

    fn drop_parallels(&mut self) {
        let mut best: BTreeMap<(usize, usize, Option<String>), usize> = BTreeMap::new();
        for e in 0..self.edges.len() {
            let Some(edge) = &self.edges[e] else { continue };
            if edge.a == edge.b {
                self.remove(e);
                continue;
            }
            let key = (edge.a.min(edge.b), edge.a.max(edge.b), edge.attr.tag.clone());
            match best.get(&key) {
                Some(&o) if self.edge(o).km <= edge.km => {
                    self.remove(e);
                }
                Some(&o) => {
                    self.remove(o);
                    best.insert(key, e);
                }
                None => {
                    best.insert(key, e);
                }
            }
        }
    }

    fn drop_dead_ends(&mut self) {
        let mut queue: Vec<usize> = (0..self.nodes.len()).collect();
        while let Some(n) = queue.pop() {
            if self.nodes[n].place.is_none() && self.adj[n].len() == 1 {
                let e = self.adj[n][0];
                if let Some(edge) = self.remove(e) {
                    queue.push(edge.other(n));
                }
            }
        }
    }

    fn join(&mut self) {
        for n in 0..self.nodes.len() {
            if self.nodes[n].place.is_some() || self.adj[n].len() != 2 {
                continue;
            }
            let (e, f) = (self.adj[n][0], self.adj[n][1]);
            let same = {
                let (x, y) = (self.edge(e), self.edge(f));
                x.state == y.state && x.attr == y.attr && x.a != x.b && y.a != y.b
            };
            if !same {
                continue;
            }
            let (Some(x), Some(y)) = (self.remove(e), self.remove(f)) else { continue };
            let (from, to) = (x.other(n), y.other(n));
            let mut line = x.line.clone();
            if x.a == n {
                line.reverse();
            }
            let mut rest = y.line.clone();
            if y.b == n {
                rest.reverse();
            }
            line.extend(rest.into_iter().skip(1));
            self.add_edge(Edge {
                a: from,
                b: to,
                km: x.km + y.km,
                bridged: x.bridged + y.bridged,
                line,
                ..x
            });
        }
    }

    /// Draws vertices together that a stretch shorter than `max_km` joins and of which at most one is a place.
    /// A way straight through keeps its length: each neighbour takes half of what is drawn together.
    /// Without `into_places`, a place is left alone: a ship that passes a port does not call there.
    pub fn draw_together(&mut self, max_km: f64, into_places: bool) {
        let mut heap: BinaryHeap<Reached> =
            self.live().filter(|(_, x)| x.km < max_km).map(|(e, x)| Reached(x.km, e)).collect();
        while let Some(Reached(length, e)) = heap.pop() {
            let Some(x) = &self.edges[e] else { continue };
            let both = self.nodes[x.a].place.is_some() && self.nodes[x.b].place.is_some();
            let any = self.nodes[x.a].place.is_some() || self.nodes[x.b].place.is_some();
            if x.km != length || x.attr.tag.is_some() || x.a == x.b || both || (any && !into_places) {
                continue;
            }
            let Some(gone) = self.remove(e) else { continue };
            let (stay, leave) =
                if self.nodes[gone.b].place.is_some() { (gone.b, gone.a) } else { (gone.a, gone.b) };
            let fixed = self.nodes[stay].place.is_some();
            let mut again = Vec::new();
            if !fixed {
                for f in self.adj[stay].clone() {
                    if let Some(x) = &mut self.edges[f] {
                        x.km += gone.km / 2.0;
                        again.push(f);
                    }
                }
            }
            let to = self.nodes[stay].at;
            for f in self.adj[leave].clone() {
                let Some(mut x) = self.remove(f) else { continue };
                x.km += if fixed { gone.km } else { gone.km / 2.0 };
                if x.a == leave {
                    x.a = stay;
                    x.line[0] = to;
                }
                if x.b == leave {
                    x.b = stay;
                    if let Some(last) = x.line.last_mut() {
                        *last = to;
                    }
                }
                if x.a != x.b {
                    again.push(self.add_edge(x));
                }
            }
            heap.extend(
                again.into_iter().filter_map(|f| {
                    self.edges[f].as_ref().filter(|x| x.km < max_km).map(|x| Reached(x.km, f))
                }),
            );
        }
        self.drop_parallels();
    }

    /// Edges of shortest paths between places that are neighbours in one state: the `near` nearest of each,
    /// and between all `major` ones. A stretch already used is a little cheaper, so that paths share it.
    pub fn skeleton(
        &self,
        state: &str,
        places: &[usize],
        major: &[usize],
        near: impl Fn(usize) -> usize,
        reuse: f64,
        used: &mut BTreeSet<usize>,
    ) {
        let wanted: BTreeSet<usize> = places.iter().chain(major).copied().collect();
        let majors: BTreeSet<usize> = major.iter().copied().collect();
        for &p in &wanted {
            let is_major = majors.contains(&p);
            let mut left = near(p);
            let mut open_majors = if is_major { majors.len() - 1 } else { 0 };
            let mut hits = Vec::new();
            let t = {
                let used = &*used;
                self.dijkstra(
                    p,
                    |e, x| {
                        if x.state.as_deref() != Some(state) {
                            f64::INFINITY
                        } else if used.contains(&e) {
                            x.km * reuse
                        } else {
                            x.km
                        }
                    },
                    |n, _| {
                        if n != p && wanted.contains(&n) {
                            let far_major = is_major && majors.contains(&n);
                            if left > 0 || far_major {
                                hits.push(n);
                            }
                            left = left.saturating_sub(1);
                            open_majors -= usize::from(far_major);
                        }
                        left == 0 && open_majors == 0
                    },
                )
            };
            for h in hits {
                used.extend(t.path(self, h));
            }
        }
        self.tie(state, &wanted, used);
    }

    /// Neighbours by number alone may form clusters: each is tied to the nearest place of another, if any way leads there.
    fn tie(&self, state: &str, wanted: &BTreeSet<usize>, used: &mut BTreeSet<usize>) {
        let weight = |x: &Edge| if x.state.as_deref() == Some(state) { x.km } else { f64::INFINITY };
        let mut done: BTreeSet<usize> = BTreeSet::new();
        while let Some(&p) = wanted.iter().find(|p| !done.contains(p)) {
            let taken = used.clone();
            let inside = self.dijkstra(
                p,
                |e, x| if taken.contains(&e) { weight(x) } else { f64::INFINITY },
                |_, _| false,
            );
            let cluster: BTreeSet<usize> =
                wanted.iter().copied().filter(|n| inside.dist[*n].is_finite()).collect();
            if cluster.len() == wanted.len() {
                return;
            }
            // Ways within the cluster cost nothing, so that the first place reached outside is the nearest to all of it.
            let mut found = None;
            let out = self.dijkstra(
                p,
                |e, x| if taken.contains(&e) { weight(x) * 1e-6 } else { weight(x) },
                |n, _| {
                    if found.is_none() && wanted.contains(&n) && !cluster.contains(&n) {
                        found = Some(n);
                    }
                    found.is_some()
                },
            );
            match found {
                Some(n) => used.extend(out.path(self, n)),
                None => done.extend(cluster),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(g: &mut Graph, x: f64, y: f64, place: Option<&str>) -> usize {
        let n = g.add_node(Coord { x, y }, Some("AA".into()), format!("{x}_{y}"));
        g.nodes[n].place = place.map(str::to_owned);
        n
    }

    fn edge(g: &mut Graph, a: usize, b: usize, km: f64) -> usize {
        let line = vec![g.nodes[a].at, g.nodes[b].at];
        let attr = Attr::new(Origin::Osm, "s");
        g.add_edge(Edge { a, b, km, bridged: 0.0, line, state: Some("AA".into()), attr, raw: 0 })
    }

    fn distance(g: &Graph, a: usize, b: usize) -> f64 {
        g.dijkstra(a, |_, e| e.km, |n, _| n == b).dist[b]
    }

    /// A grid of junctions with a place at each corner, lengths irregular but fixed.
    fn grid() -> (Graph, Vec<usize>) {
        let mut g = Graph::default();
        let n = 6;
        let mut at = Vec::new();
        for i in 0..n {
            for j in 0..n {
                let corner = (i == 0 || i == n - 1) && (j == 0 || j == n - 1);
                let name = format!("p{i}{j}");
                at.push(node(&mut g, i as f64, j as f64, corner.then_some(name.as_str())));
            }
        }
        for i in 0..n {
            for j in 0..n {
                let length = |k: usize| 3.0 + ((i * 7 + j * 13 + k * 5) % 11) as f64;
                if i + 1 < n {
                    edge(&mut g, at[i * n + j], at[(i + 1) * n + j], length(0));
                }
                if j + 1 < n {
                    edge(&mut g, at[i * n + j], at[i * n + j + 1], length(1));
                }
            }
        }
        let corners = [0, n - 1, n * (n - 1), n * n - 1].map(|i| at[i]).to_vec();
        (g, corners)
    }

    #[test]
    fn splitting_keeps_the_length() {
        let mut g = Graph::default();
        let (a, b) = (node(&mut g, 0.0, 0.0, None), node(&mut g, 1.0, 0.0, None));
        let e = edge(&mut g, a, b, 120.0);
        let (x, y) = (node(&mut g, 0.25, 0.0, None), node(&mut g, 0.75, 0.0, None));
        let parts = g.split(e, vec![(0, 0.75, y), (0, 0.25, x)]);
        let km: Vec<f64> = parts.iter().map(|p| g.edge(*p).km).collect();
        assert_eq!(parts.len(), 3);
        assert!((km.iter().sum::<f64>() - 120.0).abs() < 1e-9);
        assert!((km[0] - 30.0).abs() < 0.1 && (km[1] - 60.0).abs() < 0.1, "{km:?}");
        assert!((distance(&g, a, b) - 120.0).abs() < 1e-9);
    }

    #[test]
    fn contracting_changes_no_distance_between_places() {
        let (mut g, corners) = grid();
        let before: Vec<f64> = corners
            .iter()
            .flat_map(|a| corners.iter().map(|b| distance(&g, *a, *b)).collect::<Vec<_>>())
            .collect();
        let links = g.live().count();
        g.contract();
        let after: Vec<f64> = corners
            .iter()
            .flat_map(|a| corners.iter().map(|b| distance(&g, *a, *b)).collect::<Vec<_>>())
            .collect();
        assert!(g.live().count() <= links);
        for (x, y) in before.iter().zip(&after) {
            assert!((x - y).abs() < 1e-9, "{x} {y}");
        }
    }

    #[test]
    fn a_way_straight_through_keeps_its_length_when_junctions_are_drawn_together() {
        let mut g = Graph::default();
        let a = node(&mut g, 0.0, 0.0, Some("a"));
        let (u, v) = (node(&mut g, 1.0, 0.0, None), node(&mut g, 1.01, 0.0, None));
        let b = node(&mut g, 2.0, 0.0, Some("b"));
        let c = node(&mut g, 1.0, 1.0, Some("c"));
        let d = node(&mut g, 1.0, -1.0, Some("d"));
        edge(&mut g, a, u, 100.0);
        edge(&mut g, u, v, 1.0);
        edge(&mut g, v, b, 100.0);
        edge(&mut g, u, c, 100.0);
        edge(&mut g, v, d, 100.0);
        g.draw_together(1.5, true);
        assert!((distance(&g, a, b) - 201.0).abs() < 1e-9);
        assert!((distance(&g, c, d) - 201.0).abs() < 1e-9);
    }

    #[test]
    fn a_skeleton_joins_every_place_that_can_be_joined() {
        let (mut g, corners) = grid();
        let far = node(&mut g, 50.0, 50.0, Some("island"));
        let mut used = BTreeSet::new();
        let mut places = corners.clone();
        places.push(far);
        g.skeleton("AA", &places, &[], |_| 1, 1.0, &mut used);
        g.keep_only(&used);
        for c in &corners {
            assert!(distance(&g, corners[0], *c).is_finite());
        }
        assert!(!distance(&g, corners[0], far).is_finite());
    }
}
