//! What rail and road have in common: reading the lines, cutting them at borders, the stretch to each place.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Result, anyhow};
use geo::Coord;

use super::Artefacts;
use super::config::{Config, NodeState};
use super::graph::{Attr, Edge, Graph, Nearest, OnEdge, Origin, km, nearest_on};
use super::input::{Countries, Data, Feature};
use super::places::{Crossing, Place, crossing_node};

/// A crossing farther than this from a line that changes state is another one, km.
const CROSSING_KM: f64 = 25.0;

/// The lines of one mode.
pub struct Land {
    /// `rail` or `road`.
    pub mode: &'static str,
    /// The network.
    pub graph: Graph,
    /// Vertex by raw node.
    pub by_raw: BTreeMap<String, usize>,
    /// Vertex of each crossing that lies on a line.
    pub border: BTreeMap<String, usize>,
}

impl Land {
    /// Reads the lines of the states that are modelled, and cuts those that change state at crossings.
    pub fn read(
        data: &Data,
        config: &Config,
        mode: &'static str,
        known: &BTreeSet<String>,
        crossings: &mut Vec<Crossing>,
        art: &mut Artefacts,
    ) -> Result<Self> {
        let (file, source) = if mode == "rail" {
            ("geo/rail_lines.geojson", "osm_rail")
        } else {
            ("geo/road_lines.geojson", "osm_road")
        };
        let (overrides, moved) = if mode == "rail" {
            (&config.rail.node_state, &config.rail.moved)
        } else {
            (&config.road.node_state, &config.road.moved)
        };
        let features = data.features(file)?;
        let replaced: BTreeSet<String> = if mode == "road" {
            data.features("geo/road_missing_links.geojson")?.iter().map(|f| f.text("replaces")).collect()
        } else {
            BTreeSet::new()
        };
        let state_of = node_states(&features, overrides);
        for o in overrides {
            art.add(
                format!("{mode}_node_{}", o.node),
                format!("`link`, {mode}, raw node {}", o.node),
                format!("coarse state polygons put the node in another state: {}", o.why),
                format!("the node counts as in {}", o.state),
                "assumed: general knowledge of where the border runs",
            );
        }
        for m in moved {
            art.add(
                m.id.clone(),
                format!("`node`, {}", m.id),
                format!("position of the crossing: {}", m.why),
                format!("moved to {} {}", m.lon, m.lat),
                "assumed: general knowledge of where the border runs",
            );
        }

        let mut land =
            Self { mode, graph: Graph::default(), by_raw: BTreeMap::new(), border: BTreeMap::new() };
        let mut cut: BTreeMap<(String, String), Vec<i64>> = BTreeMap::new();
        let mut bridged = (0usize, 0.0f64);
        for f in &features {
            let (id, a, b) = (f.text("id"), f.text("a"), f.text("b"));
            if replaced.contains(&id) {
                continue;
            }
            let (Some(sa), Some(sb)) = (state_of.get(&a), state_of.get(&b)) else { continue };
            if !known.contains(sa) || !known.contains(sb) {
                continue;
            }
            let line = f.line();
            let within = |s: &String, p: &Coord| {
                config.edge.iter().find(|e| &e.state == s).is_none_or(|e| e.holds(*p))
            };
            let (Some(first), Some(last)) = (line.first().copied(), line.last().copied()) else { continue };
            if !within(sa, &first) && !within(sb, &last) {
                continue;
            }
            let raw: i64 = id.parse().unwrap_or(-1);
            let length = f.number("km").ok_or_else(|| anyhow!("data/{file}: line {id} has no `km`"))?;
            let mut attr = Attr::new(Origin::Osm, source);
            if mode == "rail" {
                attr.gauge = f.text("gauge").split(';').filter_map(|s| s.trim().parse().ok()).collect();
            }
            let na = land.vertex(&a, first, sa);
            let nb = land.vertex(&b, last, sb);
            let synthetic = if f.text("synthetic") == "1" { length } else { 0.0 };
            bridged = (bridged.0 + usize::from(synthetic > 0.0), bridged.1 + synthetic);
            let state = Some(sa.clone());
            let edge = Edge { a: na, b: nb, km: length, bridged: synthetic, line, state, attr, raw };
            if sa == sb {
                land.graph.add_edge(edge);
                continue;
            }
            let Some(at) = land.crossing(config, &edge, sa, sb, crossings) else {
                let pair = if sa < sb { (sa.clone(), sb.clone()) } else { (sb.clone(), sa.clone()) };
                cut.entry(pair).or_default().push(raw);
                continue;
            };
            land.cross_at(edge, &crossings[at].clone(), sa, sb, config);
        }
        for ((a, b), lines) in cut {
            let list = lines.iter().map(i64::to_string).collect::<Vec<_>>().join(" ");
            art.add(
                format!("cut_{mode}_{}_{}", a.to_lowercase(), b.to_lowercase()),
                format!("`link`, {mode}, raw lines {list}"),
                format!("the lines run from {a} to {b} where no crossing is known"),
                "cut; nothing crosses there".into(),
                source,
            );
        }
        art.add(
            format!("bridged_{mode}"),
            format!("`link`, {mode}, column bridged_km"),
            format!("{} gaps in the lines were bridged, {:.0} km in all", bridged.0, bridged.1),
            "kept, and the bridged length of each link stated".into(),
            source,
        );
        Ok(land)
    }

    /// The vertex of a raw node, made where it is new.
    pub fn vertex(&mut self, raw: &str, at: Coord, state: &str) -> usize {
        if let Some(&n) = self.by_raw.get(raw) {
            return n;
        }
        let n = self.graph.add_node(at, Some(state.to_owned()), raw);
        self.by_raw.insert(raw.to_owned(), n);
        n
    }

    /// The crossing on a stretch that changes state: the one that names the raw line, else the nearest of the
    /// pair, else a new one where the pair may have such.
    pub fn crossing(
        &mut self,
        config: &Config,
        edge: &Edge,
        sa: &str,
        sb: &str,
        crossings: &mut Vec<Crossing>,
    ) -> Option<usize> {
        let fits =
            |c: &Crossing| c.mode == self.mode && ((c.a == sa && c.b == sb) || (c.a == sb && c.b == sa));
        if let Some(i) = crossings.iter().position(|c| fits(c) && c.lines.contains(&edge.raw)) {
            return Some(i);
        }
        let near = crossings
            .iter()
            .enumerate()
            .filter(|(_, c)| fits(c))
            .map(|(i, c)| (nearest_on(&edge.line, c.at).3, i))
            .filter(|(d, _)| *d <= CROSSING_KM)
            .min_by(|x, y| x.0.total_cmp(&y.0).then(x.1.cmp(&y.1)));
        if let Some((_, i)) = near {
            return Some(i);
        }
        let (a, b) = if sa < sb { (sa, sb) } else { (sb, sa) };
        if !config.extra_border_pairs.iter().any(|p| p[0] == a && p[1] == b) {
            return None;
        }
        let mode = self.mode;
        let stem = format!("{mode}_{}_{}_", a.to_lowercase(), b.to_lowercase());
        let n = 1 + crossings
            .iter()
            .filter_map(|c| c.id.strip_prefix(&stem).and_then(|s| s.parse::<usize>().ok()))
            .max()
            .unwrap_or(0);
        let mid = edge.line[edge.line.len() / 2];
        let at = if edge.line.len() == 2 {
            Coord { x: (edge.line[0].x + edge.line[1].x) / 2.0, y: (edge.line[0].y + edge.line[1].y) / 2.0 }
        } else {
            mid
        };
        crossings.push(Crossing {
            id: format!("{stem}{n}"),
            mode: mode.into(),
            a: a.into(),
            b: b.into(),
            name: format!("{a} - {b}, unnamed {mode} crossing {n}"),
            at,
            lines: BTreeSet::new(),
            gauge: [None, None],
        });
        self.border_at(&crossings[crossings.len() - 1].clone());
        Some(crossings.len() - 1)
    }

    /// The vertex of a crossing.
    pub fn border_at(&mut self, c: &Crossing) -> usize {
        if let Some(&n) = self.border.get(&c.id) {
            return n;
        }
        let n = self.graph.add_node(c.at, Some(c.a.clone()), c.id.clone());
        self.graph.nodes[n].place = Some(c.id.clone());
        self.border.insert(c.id.clone(), n);
        n
    }

    /// Adds a stretch that changes state as two, each in its state, meeting at the crossing.
    pub fn cross_at(&mut self, edge: Edge, c: &Crossing, sa: &str, sb: &str, config: &Config) {
        let x = self.border_at(c);
        let (segment, share, _, _) = nearest_on(&edge.line, c.at);
        let e = self.graph.add_edge(edge);
        let whole = self.graph.edge(e).km;
        let parts = self.graph.split(e, vec![(segment, share, x)]);
        for (i, p) in parts.iter().enumerate() {
            let state = if i == 0 { sa } else { sb };
            if let Some(part) = &mut self.graph.edges[*p] {
                part.state = Some(state.to_owned());
                part.km = part.km.max(whole * 1e-3).max(0.01);
                // One gauge stands for the whole stretch; at a break of gauge each side has its own.
                if part.attr.gauge.len() == 1 {
                    let own = if state == c.a { c.gauge[0] } else { c.gauge[1] };
                    let usual = own.or_else(|| config.rail.gauge.get(state).copied());
                    part.attr.gauge = usual.map_or_else(|| part.attr.gauge.clone(), |g| vec![g]);
                }
            }
        }
    }

    /// The crossing vertices whose stretches lie in a state.
    pub fn borders_of(&self, state: &str) -> Vec<usize> {
        let mut out: Vec<usize> = self
            .border
            .values()
            .copied()
            .filter(|n| self.graph.at(*n).iter().any(|e| self.graph.edge(*e).state.as_deref() == Some(state)))
            .collect();
        out.sort_unstable();
        out
    }

    /// The stretch of its own state nearest to a place.
    pub fn nearest(&self, index: &Nearest, p: &Place, max_km: f64) -> Option<OnEdge> {
        let state = p.state();
        index.find(&self.graph, p.at(), max_km, |_, e| {
            e.state.as_deref() == Some(state) && (self.mode == "road" || e.attr.tag.is_none())
        })
    }

    /// Problems: stretches without a state, and states that meet elsewhere than at a crossing.
    pub fn faults(&self) -> Vec<String> {
        let mut out = Vec::new();
        let crossings: BTreeSet<usize> = self.border.values().copied().collect();
        for n in 0..self.graph.nodes.len() {
            let states: BTreeSet<&str> =
                self.graph.at(n).iter().filter_map(|e| self.graph.edge(*e).state.as_deref()).collect();
            if states.len() > 1 && !crossings.contains(&n) {
                let lines: Vec<i64> = self.graph.at(n).iter().map(|e| self.graph.edge(*e).raw).collect();
                out.push(format!(
                    "{}: states {states:?} meet at raw node {}, lines {lines:?}",
                    self.mode, self.graph.nodes[n].raw
                ));
            }
        }
        out
    }
}

/// Cuts stretches that run through a third state, as straight chords do; reports those that only brush one.
pub fn cut_strays(
    land: &mut Land,
    countries: &Countries,
    known: &BTreeSet<String>,
    slack_km: f64,
    art: &mut Artefacts,
) {
    /// Stretch, raw line, length inside the other state.
    type Stray = (usize, i64, f64);
    let mut found: BTreeMap<(String, String), Vec<Stray>> = BTreeMap::new();
    for (e, x) in land.graph.live() {
        let Some(state) = x.state.as_deref() else { continue };
        let mut runs: BTreeMap<String, f64> = BTreeMap::new();
        for w in x.line.windows(2) {
            let length = km(w[0], w[1]);
            let steps = (length / 4.0).ceil().max(1.0) as usize;
            for i in 0..steps {
                let t = (i as f64 + 0.5) / steps as f64;
                let p = Coord { x: w[0].x + (w[1].x - w[0].x) * t, y: w[0].y + (w[1].y - w[0].y) * t };
                if countries.of(p).is_some_and(|c| c == state) {
                    continue;
                }
                if let Some(c) = countries.of(p).filter(|c| *c != state && known.contains(*c))
                    && !countries.near(p, state, slack_km)
                {
                    *runs.entry(c.to_owned()).or_default() += length / steps as f64;
                }
            }
        }
        for (c, length) in runs {
            found.entry((state.to_owned(), c)).or_default().push((e, x.raw, length));
        }
    }
    for ((state, other), lines) in found {
        let total: f64 = lines.iter().map(|l| l.2).sum();
        let list = lines.iter().take(12).map(|l| l.1.to_string()).collect::<Vec<_>>().join(" ");
        let more = if lines.len() > 12 { format!(" and {} more", lines.len() - 12) } else { String::new() };
        art.add(
            format!("stray_{}_{}_{}", land.mode, state.to_lowercase(), other.to_lowercase()),
            format!("`link`, {}, raw lines {list}{more}", land.mode),
            format!("lines of {state} run through {other} for {total:.0} km, farther than {slack_km} km from the border, without a crossing"),
            "cut; nothing passes there".into(),
            if land.mode == "rail" { "osm_rail" } else { "osm_road" },
        );
        for (e, ..) in lines {
            land.graph.remove(e);
        }
    }
}

/// States of raw nodes: as most lines of one state say, else by their end of a line that changes state.
fn node_states(features: &[Feature], overrides: &[NodeState]) -> BTreeMap<String, String> {
    let mut votes: BTreeMap<String, BTreeMap<String, usize>> = BTreeMap::new();
    for f in features {
        let cc = f.text("cc");
        let (a, b, weight) = match cc.rsplit_once('-') {
            Some((a, b)) => (a.to_owned(), b.to_owned(), 1),
            None => (cc.clone(), cc.clone(), 1000),
        };
        *votes.entry(f.text("a")).or_default().entry(a).or_default() += weight;
        *votes.entry(f.text("b")).or_default().entry(b).or_default() += weight;
    }
    let mut out: BTreeMap<String, String> = votes
        .into_iter()
        .filter_map(|(n, v)| {
            v.into_iter().max_by(|x, y| x.1.cmp(&y.1).then(y.0.cmp(&x.0))).map(|(s, _)| (n, s))
        })
        .collect();
    for o in overrides {
        out.insert(o.node.to_string(), o.state.clone());
    }
    out
}

/// Adds the places of crossings that lie on lines.
pub fn add_crossings(land: &Land, crossings: &[Crossing], places: &mut BTreeMap<String, Place>) {
    for c in crossings {
        if c.mode == land.mode && land.border.get(&c.id).is_some_and(|n| !land.graph.at(*n).is_empty()) {
            places.entry(c.id.clone()).or_insert_with(|| crossing_node(c));
        }
    }
}
