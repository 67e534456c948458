//! The main roads: a skeleton of shortest ways between neighbouring places.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Result, anyhow};
use geo::Coord;
use karvan_model::tables::NodeKind;

use super::Artefacts;
use super::config::Config;
use super::graph::{Attr, Edge, Nearest, Origin, km, line_km};
use super::input::Data;
use super::land::Land;
use super::places::{Crossing, Place};

/// A town lies on a road this near, km; farther ones get an access road.
const TOWN_ON_ROAD_KM: f64 = 8.0;

/// Adds the roads the data lack.
pub fn missing(
    data: &Data,
    config: &Config,
    land: &mut Land,
    crossings: &[Crossing],
    art: &mut Artefacts,
) -> Result<()> {
    for f in data.features("geo/road_missing_links.geojson")? {
        let id = f.text("id");
        let line = f.line();
        let (Some(first), Some(last)) = (line.first().copied(), line.last().copied()) else { continue };
        let cc = f.text("cc");
        let (a, b) = (land.vertex(&f.text("a"), first, &cc), land.vertex(&f.text("b"), last, &cc));
        let length = f.number("km").ok_or_else(|| anyhow!("road_missing_links {id}: no `km`"))?;
        let mut attr = Attr::new(Origin::Own, "missing_links");
        attr.name = Some(f.text("name"));
        attr.tag = Some(id.clone());
        attr.assumed = Some("length estimated, course schematic".into());
        land.graph.add_edge(Edge {
            a,
            b,
            km: length,
            bridged: 0.0,
            line,
            state: Some(cc.clone()),
            attr,
            raw: -1,
        });
        art.add(
            format!("missing_{id}"),
            format!("`link`, road, {}", f.text("name")),
            format!("the road is missing in the lines: {}", f.text("note")),
            format!("added, {length} km, course schematic"),
            "missing_links;assumed: length estimated",
        );
    }
    for r in &config.road.extra {
        let mut line: Vec<Coord> = r.course.iter().map(|c| Coord { x: c[0], y: c[1] }).collect();
        let mut ends = [0usize; 2];
        for (i, at) in [line.first().copied(), line.last().copied()].into_iter().enumerate() {
            let at = at.ok_or_else(|| anyhow!("build.toml: road.extra `{}`: no course", r.id))?;
            let index = Nearest::new(&land.graph);
            let on = index
                .find(&land.graph, at, config.road.crossing_km, |_, e| {
                    e.state.as_deref() == Some(r.state.as_str()) && e.attr.tag.is_none()
                })
                .ok_or_else(|| {
                    anyhow!("build.toml: road.extra `{}`: no road of {} near {:?}", r.id, r.state, at)
                })?;
            let id = format!("rd_{}_{i}", r.id);
            land.graph.attach(&[(id.clone(), on)], 2.0);
            let n = land.graph.place(&id).ok_or_else(|| anyhow!("road.extra `{}`: end not joined", r.id))?;
            land.graph.nodes[n].place = None;
            ends[i] = n;
        }
        line.insert(0, land.graph.nodes[ends[0]].at);
        line.push(land.graph.nodes[ends[1]].at);
        let mut attr = Attr::new(Origin::Own, "");
        attr.sources.clear();
        attr.name = Some(r.name.clone());
        attr.tag = Some(r.id.clone());
        attr.assumed = Some(r.why.clone());
        let state = Some(r.state.clone());
        land.graph.add_edge(Edge {
            a: ends[0],
            b: ends[1],
            km: r.km,
            bridged: 0.0,
            line,
            state,
            attr,
            raw: -1,
        });
        art.add(
            format!("extra_{}", r.id),
            format!("`link`, road, {}", r.name),
            format!("the road is missing in the lines: {}", r.why),
            format!("added, {} km, course schematic", r.km),
            "assumed: general knowledge",
        );
    }
    for d in &config.road.drop {
        let gone: Vec<usize> =
            land.graph.live().filter(|(_, x)| d.lines.contains(&x.raw)).map(|(e, _)| e).collect();
        if gone.is_empty() {
            return Err(anyhow!("build.toml: road.drop: no line {:?}", d.lines));
        }
        for e in gone {
            land.graph.remove(e);
        }
        let list = d.lines.iter().map(i64::to_string).collect::<Vec<_>>();
        art.add(
            format!("dropped_{}", list.join("_")),
            format!("`link`, road, raw lines {}", list.join(" ")),
            d.why.clone(),
            "left out".into(),
            "assumed: general knowledge of the road",
        );
    }
    for (s, k) in &config.road.factor {
        art.add(
            format!("raised_{}", s.to_lowercase()),
            format!("`link`, road, state {s}, column length_km"),
            "the lines are generalised, and shorter than the roads: known distances between towns are longer"
                .into(),
            format!("lengths raised by {:.0} %", (k - 1.0) * 100.0),
            "assumed: distances between towns from general knowledge",
        );
    }
    // Where added roads of two states meet, the crossing of the pair is.
    for n in 0..land.graph.nodes.len() {
        let states: BTreeSet<String> =
            land.graph.at(n).iter().filter_map(|e| land.graph.edge(*e).state.clone()).collect();
        let added = land.graph.at(n).iter().any(|e| land.graph.edge(*e).attr.tag.is_some());
        if states.len() != 2 || land.graph.nodes[n].place.is_some() || !added {
            continue;
        }
        let pair: Vec<&String> = states.iter().collect();
        let at = land.graph.nodes[n].at;
        let near = crossings
            .iter()
            .filter(|c| c.mode == land.mode && states.contains(&c.a) && states.contains(&c.b))
            .min_by(|x, y| km(x.at, at).total_cmp(&km(y.at, at)));
        let Some(c) = near else {
            return Err(anyhow!(
                "added roads of {} and {} meet where no crossing is known",
                pair[0],
                pair[1]
            ));
        };
        land.graph.nodes[n].place = Some(c.id.clone());
        land.border.insert(c.id.clone(), n);
    }
    Ok(())
}

/// Crossings that lie on no line of the data are joined to the nearest road of each of their states.
pub fn lone_crossings(config: &Config, land: &mut Land, crossings: &[Crossing], art: &mut Artefacts) {
    let lone: Vec<&Crossing> =
        crossings.iter().filter(|c| c.mode == land.mode && !land.border.contains_key(&c.id)).collect();
    for c in lone {
        let index = Nearest::new(&land.graph);
        let find = |s: &str| {
            index.find(&land.graph, c.at, config.road.crossing_km, |_, e| {
                e.state.as_deref() == Some(s) && e.attr.tag.is_none()
            })
        };
        let (Some(a), Some(b)) = (find(&c.a), find(&c.b)) else {
            art.add(
                format!("lone_{}", c.id),
                format!("`node`, {}", c.id),
                format!(
                    "the crossing lies on no line, nor is there one of both states within {} km",
                    config.road.crossing_km
                ),
                "left out".into(),
                "border_crossings",
            );
            continue;
        };
        let x = land.border_at(c);
        land.graph.attach(
            &[
                (format!("rd_{}_{}", c.id, c.a.to_lowercase()), a),
                (format!("rd_{}_{}", c.id, c.b.to_lowercase()), b),
            ],
            0.5,
        );
        for s in [&c.a, &c.b] {
            let Some(n) = land.graph.place(&format!("rd_{}_{}", c.id, s.to_lowercase())) else { continue };
            // The end was borrowed to find it; it is a plain junction.
            land.graph.nodes[n].place = None;
            let line = vec![land.graph.nodes[x].at, land.graph.nodes[n].at];
            let mut attr = Attr::new(Origin::Own, "border_crossings");
            attr.tag = Some(format!("to_{}_{}", c.id, s.to_lowercase()));
            attr.assumed =
                Some(format!("road to the crossing, straight distance times {}", config.road.access_factor));
            let length = (line_km(&line) * config.road.access_factor).max(0.5);
            land.graph.add_edge(Edge {
                a: x,
                b: n,
                km: length,
                bridged: 0.0,
                line,
                state: Some(s.clone()),
                attr,
                raw: -1,
            });
        }
        art.add(
            format!("lone_{}", c.id),
            format!("`link`, road, {}", c.id),
            "the crossing lies on no line of the data".into(),
            format!("joined to the nearest road of {} and of {}, straight", c.a, c.b),
            "border_crossings;assumed: straight distance times a factor",
        );
    }
}

/// Raises lengths of generalised lines where the configuration says so.
fn raise(config: &Config, land: &mut Land) {
    for x in land.graph.edges.iter_mut().flatten() {
        let factor = x.state.as_ref().and_then(|s| config.road.factor.get(s));
        if let (Some(k), Origin::Osm) = (factor, x.attr.origin) {
            x.km *= k;
            x.attr.assumed = Some(format!(
                "length of the generalised line raised by {:.0} %, as known distances between towns ask",
                (k - 1.0) * 100.0
            ));
        }
    }
}

/// Whether a place needs a road to it.
fn wants_road(p: &Place) -> bool {
    matches!(p.node.kind, NodeKind::Town | NodeKind::Port | NodeKind::Station | NodeKind::Terminal)
}

/// Joins places to the roads, keeps the ways between neighbours, thins them, and adds access roads.
pub fn build(
    config: &Config,
    land: &mut Land,
    places: &BTreeMap<String, Place>,
    served: &BTreeSet<String>,
    art: &mut Artefacts,
) -> Result<()> {
    let index = Nearest::new(&land.graph);
    // Towns first: a station or port in a town is joined to the town's own road.
    let mut order: Vec<&Place> = places.values().filter(|p| wants_road(p)).collect();
    order
        .sort_by_key(|p| (p.node.kind != NodeKind::Town, p.node.kind != NodeKind::Port, p.node.id.0.clone()));
    let (mut on_road, mut access, mut late): (Vec<_>, Vec<_>, Vec<&Place>) =
        (Vec::new(), Vec::new(), Vec::new());
    let mut far = Vec::new();
    for p in order {
        // Such stations shape no road: they are joined to what the others leave.
        let core = config.core.iter().any(|s| s == p.state());
        if p.node.kind == NodeKind::Station && (p.node.town.is_some() || !core) {
            late.push(p);
            continue;
        }
        let Some(on) = land.nearest(&index, p, config.road.access_km) else {
            far.push(p.node.id.0.clone());
            continue;
        };
        if p.node.kind == NodeKind::Town && on.km <= TOWN_ON_ROAD_KM {
            on_road.push((p.node.id.0.clone(), on));
        } else {
            let id = format!("rd_{}", p.node.id.0);
            on_road.push((id.clone(), on));
            access.push((p, id));
        }
    }
    land.graph.attach(&on_road, 1.0);
    let at = land.graph.places();

    let mut keep: BTreeSet<usize> =
        land.graph.live().filter(|(_, e)| e.attr.tag.is_some()).map(|(e, _)| e).collect();
    let kinds: BTreeMap<usize, &Place> = at
        .iter()
        .filter_map(|(id, n)| places.get(id.strip_prefix("rd_").unwrap_or(id)).map(|p| (*n, p)))
        .collect();
    let states = config.core.iter().chain(config.edge.iter().map(|e| &e.state));
    for s in states {
        let core = config.core.contains(s);
        let borders = land.borders_of(s);
        let mut here: Vec<usize> = kinds
            .iter()
            .filter(|(_, p)| p.state() == s && p.node.kind != NodeKind::Border)
            .filter(|(_, p)| core || p.node.kind != NodeKind::Station)
            .map(|(n, _)| *n)
            .collect();
        here.extend(&borders);
        let named: BTreeSet<usize> = borders
            .iter()
            .copied()
            .filter(|n| {
                land.graph.nodes[*n]
                    .place
                    .as_deref()
                    .is_some_and(|id| !id.ends_with(|c: char| c.is_ascii_digit()))
            })
            .collect();
        let majors: Vec<usize> = here
            .iter()
            .copied()
            .filter(|n| {
                named.contains(n)
                    || kinds.get(n).is_some_and(|p| {
                        p.node.kind == NodeKind::Port
                            || p.node.population.unwrap_or(0.0) >= config.major_population
                    })
            })
            .collect();
        let unnamed: BTreeSet<usize> = borders.iter().copied().filter(|n| !named.contains(n)).collect();
        let near =
            |n: usize| if core && !unnamed.contains(&n) { config.road.near } else { config.road.near_edge };
        land.graph.skeleton(s, &here, &majors, near, config.road.reuse, &mut keep);
    }
    land.graph.keep_only(&keep);
    land.graph.contract();
    land.graph.draw_together(config.road.together_km, true);
    land.graph.contract();

    raise(config, land);

    // What is left: stations of towns, joined to the thinned roads.
    let index = Nearest::new(&land.graph);
    let mut on_road = Vec::new();
    let mut joins: Vec<(&Place, usize)> = Vec::new();
    for p in late {
        if !served.contains(&p.node.id.0) && p.origin.is_some() {
            continue;
        }
        let town = p.node.town.as_ref().and_then(|t| {
            let n = *at.get(t.as_str())?;
            let d = km(land.graph.nodes[n].at, p.at());
            (!land.graph.at(n).is_empty()).then_some((d, n))
        });
        let on = land.nearest(&index, p, config.road.access_km);
        match (town, on) {
            // The town's own road is as good as one a little nearer.
            (Some((d, n)), Some(on)) if d <= on.km + 5.0 => joins.push((p, n)),
            (Some((_, n)), None) => joins.push((p, n)),
            (_, Some(on)) => {
                let edge = land.graph.edge(on.edge);
                let end = [edge.a, edge.b]
                    .into_iter()
                    .map(|n| (km(land.graph.nodes[n].at, p.at()), n))
                    .filter(|(d, n)| {
                        *d <= on.km + 4.0 && land.graph.nodes[*n].state.as_deref() == Some(p.state())
                    })
                    .min_by(|x, y| x.0.total_cmp(&y.0));
                match end {
                    Some((_, n)) if !land.border.values().any(|b| *b == n) => joins.push((p, n)),
                    _ => {
                        let id = format!("rd_{}", p.node.id.0);
                        on_road.push((id.clone(), on));
                        access.push((p, id));
                    }
                }
            }
            (None, None) => far.push(p.node.id.0.clone()),
        }
    }
    land.graph.attach(&on_road, 0.0);
    let at = land.graph.places();
    for (p, id) in access {
        if let Some(n) = at.get(&id) {
            joins.push((p, *n));
        }
    }
    let mut at_id = at;
    for (p, n) in joins {
        let here = match at_id.get(&p.node.id.0) {
            Some(v) => *v,
            None => {
                let v = land.graph.add_node(p.at(), Some(p.state().to_owned()), p.node.id.0.clone());
                land.graph.nodes[v].place = Some(p.node.id.0.clone());
                at_id.insert(p.node.id.0.clone(), v);
                v
            }
        };
        if here == n {
            continue;
        }
        let line = vec![p.at(), land.graph.nodes[n].at];
        let mut attr = Attr::new(Origin::Own, "");
        attr.sources.clear();
        attr.assumed = Some(format!("access road, straight distance times {}", config.road.access_factor));
        let length = (line_km(&line) * config.road.access_factor).max(0.5);
        let state = Some(p.state().to_owned());
        land.graph.add_edge(Edge { a: here, b: n, km: length, bridged: 0.0, line, state, attr, raw: -1 });
    }
    if !far.is_empty() {
        art.add(
            "no_road".into(),
            format!("`node`, {}", far.join(" ")),
            format!("no main road of their state within {} km", config.road.access_km),
            "kept without a road".into(),
            "osm_road",
        );
    }
    Ok(())
}
