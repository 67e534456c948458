//! Sea lanes.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Result, anyhow};
use geo::Coord;
use karvan_model::tables::NodeKind;

use super::Artefacts;
use super::config::Config;
use super::graph::{Attr, Edge, Graph, Origin, km, line_km};
use super::input::Data;
use super::places::{Place, port_keys};

/// Lanes of inland seas drawn by hand: every port is an end.
fn hand_drawn(data: &Data, g: &mut Graph, places: &BTreeMap<String, Place>) -> Result<BTreeSet<String>> {
    let ports = port_keys(&data.csv("geo/rail_stations_key.csv")?, &data.csv("geo/ports_key.csv")?);
    let mut at: BTreeMap<String, usize> = BTreeMap::new();
    let mut served = BTreeSet::new();
    for f in data.features("geo/sea_caspian_lanes.geojson")? {
        let mut line = f.line();
        let (Some(first), Some(last)) = (line.first().copied(), line.last().copied()) else { continue };
        let mut ends = [0usize; 2];
        for (i, (name, p)) in [(f.text("from"), first), (f.text("to"), last)].into_iter().enumerate() {
            let place = ports.get(&name).and_then(|id| places.get(id));
            let key = place.map_or(format!("sea_{name}"), |p| p.node.id.0.clone());
            ends[i] = *at.entry(key.clone()).or_insert_with(|| {
                let n = g.add_node(place.map_or(p, Place::at), None, key.clone());
                g.nodes[n].place = Some(key.clone());
                n
            });
            if place.is_some() {
                served.insert(key);
            }
        }
        line[0] = g.nodes[ends[0]].at;
        if let Some(l) = line.last_mut() {
            *l = g.nodes[ends[1]].at;
        }
        let length =
            f.number("km").ok_or_else(|| anyhow!("sea_caspian_lanes: {} has no `km`", f.text("id")))?;
        let mut attr = Attr::new(Origin::Own, "caspian_lanes");
        attr.tag = Some("caspian".into());
        attr.assumed = Some("lane drawn by hand and checked against the shore".into());
        g.add_edge(Edge {
            a: ends[0],
            b: ends[1],
            km: length,
            bridged: 0.0,
            line,
            state: None,
            attr,
            raw: -1,
        });
    }
    Ok(served)
}

/// A network of lanes: vertices by position, passes by edge.
struct Ocean {
    at: BTreeMap<(i64, i64), usize>,
    pass: BTreeMap<usize, String>,
}

fn grid(p: Coord) -> (i64, i64) {
    ((p.x * 1000.0).round() as i64, (p.y * 1000.0).round() as i64)
}

fn ocean(data: &Data, config: &Config, g: &mut Graph) -> Result<Ocean> {
    let mut o = Ocean { at: BTreeMap::new(), pass: BTreeMap::new() };
    for f in data.features("geo/sea_marnet20.geojson")? {
        let pass = f.text("pass");
        if config.sea.closed_pass.contains(&pass) {
            continue;
        }
        for line in f.lines() {
            let (Some(first), Some(last)) = (line.first().copied(), line.last().copied()) else { continue };
            let mut vertex = |p: Coord| {
                let k = grid(p);
                *o.at.entry(k).or_insert_with(|| g.add_node(p, None, format!("m{}_{}", k.0, k.1)))
            };
            let (a, b) = (vertex(first), vertex(last));
            let length = f.number("km").unwrap_or_else(|| line_km(&line));
            let attr = Attr::new(Origin::Marnet, "marnet20");
            let e = g.add_edge(Edge { a, b, km: length, bridged: 0.0, line, state: None, attr, raw: -1 });
            if !pass.is_empty() {
                o.pass.insert(e, pass.clone());
            }
        }
    }
    // Beyond the fine network the coarse one goes on, every vertex of it a point where lanes may meet.
    let mut coarse: BTreeMap<(i64, i64), usize> = BTreeMap::new();
    let [west, south, east, north] = config.sea.fine;
    let fine = |p: Coord| west <= p.x && p.x <= east && south <= p.y && p.y <= north;
    for f in data.features("geo/sea_marnet_global.geojson")? {
        let pass = f.text("passage");
        if config.sea.closed_pass.contains(&pass) {
            continue;
        }
        for w in f.lines().iter().flat_map(|l| l.windows(2)) {
            let outside = w.iter().any(|p| p.x < config.sea.west || p.y > north);
            // A segment over the antimeridian jumps, and leads nowhere that is modelled.
            if outside || (fine(w[0]) && fine(w[1])) || (w[0].x - w[1].x).abs() > 180.0 {
                continue;
            }
            let mut vertex = |p: Coord| {
                let k = grid(p);
                *coarse.entry(k).or_insert_with(|| g.add_node(p, None, format!("g{}_{}", k.0, k.1)))
            };
            let (a, b) = (vertex(w[0]), vertex(w[1]));
            let attr = Attr::new(Origin::Searoute, "marnet_global");
            let length = km(w[0], w[1]);
            g.add_edge(Edge { a, b, km: length, bridged: 0.0, line: w.to_vec(), state: None, attr, raw: -1 });
        }
    }
    for j in &config.sea.joint {
        let p = Coord { x: j[0], y: j[1] };
        let nearest = |all: &BTreeMap<(i64, i64), usize>, g: &Graph| {
            all.values()
                .map(|n| (km(g.nodes[*n].at, p), *n))
                .min_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)))
        };
        if let (Some((_, a)), Some((_, b))) = (nearest(&o.at, g), nearest(&coarse, g)) {
            let line = vec![g.nodes[a].at, g.nodes[b].at];
            let mut attr = Attr::new(Origin::Own, "");
            attr.sources.clear();
            attr.assumed = Some("joint of two maritime networks, straight distance".into());
            g.add_edge(Edge { a, b, km: line_km(&line), bridged: 0.0, line, state: None, attr, raw: -1 });
        }
    }
    o.at.extend(coarse);
    Ok(o)
}

/// Joins a port to the lane point nearest to it.
fn approach(g: &mut Graph, port: usize, lane: usize) {
    let line = vec![g.nodes[port].at, g.nodes[lane].at];
    let mut attr = Attr::new(Origin::Own, "");
    attr.sources.clear();
    attr.assumed = Some("port approach, straight distance times 1.05".into());
    let length = (line_km(&line) * 1.05).max(0.5);
    g.add_edge(Edge { a: port, b: lane, km: length, bridged: 0.0, line, state: None, attr, raw: -1 });
}

/// The lanes between ports, thinned.
pub fn build(
    data: &Data,
    config: &Config,
    places: &BTreeMap<String, Place>,
    art: &mut Artefacts,
) -> Result<Graph> {
    let mut lanes = Graph::default();
    let inland_sea = hand_drawn(data, &mut lanes, places)?;

    let mut g = Graph::default();
    let o = ocean(data, config, &mut g)?;
    let connected = largest(&g);
    let mut ports: Vec<(String, usize)> = Vec::new();
    let mut far = Vec::new();
    for (id, p) in places {
        if !matches!(p.node.kind, NodeKind::Port | NodeKind::Gateway) || inland_sea.contains(id) {
            continue;
        }
        let lane =
            o.at.values()
                .filter(|n| connected.contains(n))
                .map(|n| (km(g.nodes[*n].at, p.at()), *n))
                .filter(|(d, _)| *d <= config.sea.port_km)
                .min_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        let Some((_, lane)) = lane else {
            if p.node.kind == NodeKind::Port {
                far.push(id.clone());
            }
            continue;
        };
        let n = g.add_node(p.at(), None, id.clone());
        g.nodes[n].place = Some(id.clone());
        approach(&mut g, n, lane);
        ports.push((id.clone(), n));
    }
    let mut used = BTreeSet::new();
    let ends: BTreeSet<usize> = ports.iter().map(|p| p.1).collect();
    let mut pairs = |g: &Graph, without: &[String]| {
        for (_, from) in &ports {
            let taken = used.clone();
            let t = g.dijkstra(
                *from,
                |e, x| {
                    if o.pass.get(&e).is_some_and(|p| without.contains(p)) {
                        f64::INFINITY
                    } else if taken.contains(&e) {
                        x.km * 0.985
                    } else {
                        x.km
                    }
                },
                |_, _| false,
            );
            for to in &ends {
                if t.dist[*to].is_finite() {
                    used.extend(t.path(g, *to));
                }
            }
        }
    };
    pairs(&g, &[]);
    for w in &config.sea.without {
        pairs(&g, w);
    }
    g.keep_only(&used);
    g.contract();
    g.draw_together(config.sea.together_km, false);
    g.contract();
    if !far.is_empty() {
        art.add(
            "port_without_lane".into(),
            format!("`node`, {}", far.join(" ")),
            format!("no lane within {} km", config.sea.port_km),
            "kept without a sea lane".into(),
            "marnet20",
        );
    }

    // One network of both.
    let shift = lanes.nodes.len();
    for v in g.nodes.clone() {
        let n = lanes.add_node(v.at, None, v.raw);
        lanes.nodes[n].place = v.place;
    }
    for (_, e) in g.live() {
        lanes.add_edge(Edge { a: e.a + shift, b: e.b + shift, ..e.clone() });
    }
    Ok(lanes)
}

/// Vertices of the largest connected part.
fn largest(g: &Graph) -> BTreeSet<usize> {
    let mut seen = vec![false; g.nodes.len()];
    let mut best = BTreeSet::new();
    for start in 0..g.nodes.len() {
        if seen[start] {
            continue;
        }
        let (mut stack, mut part) = (vec![start], BTreeSet::new());
        seen[start] = true;
        while let Some(n) = stack.pop() {
            part.insert(n);
            for e in g.at(n) {
                let m = g.edge(*e).other(n);
                if !seen[m] {
                    seen[m] = true;
                    stack.push(m);
                }
            }
        }
        if part.len() > best.len() {
            best = part;
        }
    }
    best
}
