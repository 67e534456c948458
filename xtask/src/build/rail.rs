//! The railway.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Result, anyhow, bail};
use geo::Coord;
use jiff::civil::Date;
use karvan_model::cell::Cell;
use karvan_model::tables::{Electrified, LinkState, NodeKind};
use karvan_units::Estimate;

use super::config::{Config, DatedRow};
use super::graph::{Attr, Edge, Graph, Nearest, OnEdge, Origin, km, line_km, nearest_on};
use super::input::{Data, some, text};
use super::land::Land;
use super::places::{Crossing, Place, add_name, node};
use super::{Artefacts, DatedState};

/// A station whose line is farther than this lies on no line of the data, km.
const STATION_KM: f64 = 25.0;

/// Puts stations, missing links and attributes on the lines, then thins them.
pub fn build(
    data: &Data,
    config: &Config,
    land: &mut Land,
    crossings: &mut Vec<Crossing>,
    places: &mut BTreeMap<String, Place>,
    dated: &mut BTreeMap<String, Vec<DatedState>>,
    art: &mut Artefacts,
) -> Result<()> {
    stations(data, land, places, art)?;
    missing(data, config, land, crossings, places, dated, art)?;
    georgia(data, land, places)?;
    towns(data, config, land, places)?;
    branches(config, land, places)?;
    georgian_attributes(data, land)?;
    attributes(config, land, dated)?;
    thin(config, land, places);
    Ok(())
}

fn stations(
    data: &Data,
    land: &mut Land,
    places: &mut BTreeMap<String, Place>,
    art: &mut Artefacts,
) -> Result<()> {
    let mut loose: Vec<(String, f64)> = Vec::new();
    for r in data.csv("geo/rail_stations_key.csv")? {
        let (id, snap) = (text(&r, "id"), text(&r, "snap"));
        let Some(place) = places.get(id) else { continue };
        if snap == "none" || snap.is_empty() {
            continue;
        }
        let vertex = land.by_raw.get(text(&r, "node")).copied();
        match vertex {
            Some(n)
                if land.graph.nodes[n].place.is_none()
                    && land.graph.nodes[n].state.as_deref() == Some(place.state()) =>
            {
                land.graph.nodes[n].place = Some(id.to_owned());
            }
            _ => loose.push((id.to_owned(), text(&r, "snap_km").parse().unwrap_or(0.0))),
        }
    }
    let index = Nearest::new(&land.graph);
    for (id, snap_km) in loose {
        let place = &places[&id];
        let Some(on) = land.nearest(&index, place, STATION_KM) else {
            art.add(
                format!("station_{id}"),
                format!("`node`, {id}"),
                "no line of its state lies near".into(),
                "kept as a place without a line".into(),
                "stations_key",
            );
            continue;
        };
        spur(land, &id, on, snap_km.max(1.0));
        if let Some(p) = places.get_mut(&id) {
            (p.node.lon, p.node.lat) = (on.at.x, on.at.y);
        }
        art.add(
            format!("station_{id}"),
            format!("`node`, {id}"),
            "its raw node belongs to another station or, by the coarse polygons, to another state".into(),
            "joined to the nearest line of its own state".into(),
            "stations_key",
        );
    }
    Ok(())
}

/// Puts a place on a stretch; where a place is there already, on a spur of its own.
fn spur(land: &mut Land, id: &str, on: OnEdge, spur_km: f64) {
    let Some(edge) = land.graph.edges[on.edge].clone() else { return };
    let taken = [edge.a, edge.b]
        .into_iter()
        .find(|n| km(land.graph.nodes[*n].at, on.at) < 0.3 && land.graph.nodes[*n].place.is_some());
    let Some(base) = taken else {
        land.graph.attach(&[(id.to_owned(), on)], 0.3);
        return;
    };
    let at = land.graph.nodes[base].at;
    let n = land.graph.add_node(Coord { x: at.x + 0.008, y: at.y }, edge.state.clone(), id);
    land.graph.nodes[n].place = Some(id.to_owned());
    let mut attr = Attr::new(Origin::Own, "stations_key");
    attr.gauge = edge.attr.gauge.clone();
    attr.assumed = Some("short stretch between two stations that the lines have at one point".into());
    let line = vec![at, land.graph.nodes[n].at];
    land.graph.add_edge(Edge {
        a: base,
        b: n,
        km: spur_km,
        bridged: 0.0,
        line,
        state: edge.state,
        attr,
        raw: -1,
    });
}

/// First day of a date known as a day, month or year, and what was assumed.
pub fn first_day(s: &str) -> Result<Option<(Date, Option<String>)>> {
    let (full, note) = match s.len() {
        0 => return Ok(None),
        4 => (format!("{s}-01-01"), Some(format!("day assumed: known as {s} only"))),
        7 => (format!("{s}-01"), Some(format!("day assumed: known as {s} only"))),
        _ => (s.to_owned(), None),
    };
    let day = full.parse().map_err(|_| anyhow!("`{s}` is no date"))?;
    Ok(Some((day, note)))
}

fn missing(
    data: &Data,
    config: &Config,
    land: &mut Land,
    crossings: &mut Vec<Crossing>,
    places: &mut BTreeMap<String, Place>,
    dated: &mut BTreeMap<String, Vec<DatedState>>,
    art: &mut Artefacts,
) -> Result<()> {
    let mut features = data.features("geo/rail_missing_links.geojson")?;
    features.retain(|f| !config.rail.skip_missing.contains(&f.text("id")));
    let mut vertex = land.graph.places();
    // Ends that lie on no line of the data come first, so that links meet there.
    for f in &features {
        for end in ["from", "to"] {
            let id = f.text(end);
            let Some(p) = places.get(&id) else {
                bail!("rail_missing_links {}: no station `{id}`", f.text("id"))
            };
            vertex.entry(id).or_insert_with_key(|id| {
                let n = land.graph.add_node(p.at(), Some(p.state().to_owned()), id.clone());
                land.graph.nodes[n].place = Some(id.clone());
                n
            });
        }
    }
    let loose: Vec<String> = places
        .iter()
        .filter(|(id, p)| {
            p.node.claim.sources.iter().any(|s| s == "stations_key") && !vertex.contains_key(*id)
        })
        .map(|(id, _)| id.clone())
        .collect();
    for f in &features {
        let (id, from, to) = (f.text("id"), f.text("from"), f.text("to"));
        let (na, nb) = (vertex[&from], vertex[&to]);
        let mut line = f.line();
        if line.len() < 2 {
            bail!("rail_missing_links {id}: no course");
        }
        let last = line.len() - 1;
        line[0] = land.graph.nodes[na].at;
        line[last] = land.graph.nodes[nb].at;
        let length = f.number("km").ok_or_else(|| anyhow!("rail_missing_links {id}: no `km`"))?;
        let status = f.text("status");
        let gauges: Vec<u32> = f.text("gauge").split(';').filter_map(|s| s.trim().parse().ok()).collect();
        let mut attr = Attr::new(Origin::Own, "missing_links");
        attr.tag = Some(id.clone());
        attr.name = Some(f.text("name"));
        attr.gauge = gauges.clone();
        attr.assumed = Some(if f.text("km_basis") == "published" {
            "length from general knowledge of published line lengths; course schematic".into()
        } else {
            "length estimated from the course; course schematic".into()
        });
        if status == "ferry" {
            attr.speed = Some(Estimate { low: 10.0, best: 15.0, high: 20.0 });
            attr.assumed =
                Some("train ferry entered as a slow line: length and speed from general knowledge".into());
        }
        let (sa, sb) = (places[&from].state().to_owned(), places[&to].state().to_owned());
        let edge =
            Edge { a: na, b: nb, km: length, bridged: 0.0, line, state: Some(sa.clone()), attr, raw: -1 };
        let mut parts: Vec<usize> = Vec::new();
        if sa == sb {
            parts.push(land.graph.add_edge(edge));
        } else {
            let at = land
                .crossing(config, &edge, &sa, &sb, crossings)
                .ok_or_else(|| anyhow!("rail_missing_links {id}: no crossing of {sa} and {sb} near it"))?;
            let before = land.graph.edges.len();
            land.cross_at(edge, &crossings[at].clone(), &sa, &sb, config);
            parts.extend((before..land.graph.edges.len()).filter(|e| land.graph.edges[*e].is_some()));
            if let Some(known) = config.rail.part_km.get(&id) {
                for p in &parts {
                    if let Some(x) = &mut land.graph.edges[*p] {
                        x.km = x.state.as_ref().and_then(|s| known.get(s)).copied().unwrap_or(x.km);
                    }
                }
            }
        }
        if !config.rail.dual_missing.contains(&id) {
            for p in &parts {
                if let Some(x) = &mut land.graph.edges[*p] {
                    let usual = x.state.as_ref().and_then(|s| config.rail.gauge.get(s));
                    x.attr.gauge = usual.map_or_else(|| gauges.clone(), |g| vec![*g]);
                }
            }
        }
        // Stations that lie on no line of the data but on this one.
        for s in &loose {
            let p = &places[s];
            let hit = parts
                .iter()
                .filter_map(|e| land.graph.edges[*e].as_ref().map(|x| (*e, x)))
                .filter(|(_, x)| x.state.as_deref() == Some(p.state()))
                .map(|(e, x)| (e, nearest_on(&x.line, p.at())))
                .filter(|(_, n)| n.3 <= 4.0)
                .min_by(|x, y| x.1.3.total_cmp(&y.1.3));
            if let Some((e, (segment, share, at, _))) = hit {
                let x = land.graph.edge(e).clone();
                let n = land.graph.add_node(at, x.state.clone(), s.clone());
                land.graph.nodes[n].place = Some(s.clone());
                parts.retain(|p| *p != e);
                let new = land.graph.split(e, vec![(segment, share, n)]);
                // A station at the very crossing stands one kilometre before it.
                for e in &new {
                    if let Some(x) = &mut land.graph.edges[*e] {
                        x.km = x.km.max(1.0);
                    }
                }
                parts.extend(new);
            }
        }
        let rows = states(
            &f.text("name"),
            &status,
            &f.text("state_from"),
            &f.text("state_till"),
            &f.text("note"),
            &f.text("earlier"),
        )?;
        if !rows.is_empty() {
            dated.insert(id.clone(), rows);
        }
        art.add(
            format!("missing_{id}"),
            format!("`link`, rail, {from} - {to}"),
            format!("{} is missing in the lines; state: {status}", f.text("name")),
            format!("added, {length} km, course schematic"),
            "missing_links;assumed: state, dates and length from general knowledge",
        );
    }
    Ok(())
}

fn states(
    name: &str,
    status: &str,
    from: &str,
    till: &str,
    note: &str,
    earlier: &str,
) -> Result<Vec<DatedState>> {
    let state = match status {
        "open" | "ferry" => LinkState::Open,
        "closed" => LinkState::Closed,
        "construction" => LinkState::Building,
        "planned" => LinkState::Planned,
        "dismantled" => LinkState::Dismantled,
        other => {
            bail!("{name}: status `{other}`; allowed: open, closed, construction, planned, dismantled, ferry")
        }
    };
    let (from, till) = (first_day(from)?, first_day(till)?);
    if state == LinkState::Open && from.is_none() && till.is_none() {
        return Ok(Vec::new());
    }
    let mut words: Vec<String> =
        [note, earlier].into_iter().filter(|s| !s.is_empty()).map(str::to_owned).collect();
    words.extend(from.iter().chain(&till).filter_map(|d| d.1.clone()));
    Ok(vec![DatedState {
        state,
        from: from.map(|d| d.0),
        till: till.map(|d| d.0),
        note: Some(words.join("; ")).filter(|s| !s.is_empty()),
        claim: "missing_links;assumed: state and dates from general knowledge".into(),
    }])
}

/// Rows of a configured line.
pub fn rows_of(rows: &[DatedRow]) -> Result<Vec<DatedState>> {
    rows.iter()
        .map(|r| {
            Ok(DatedState {
                state: LinkState::read(&r.state)
                    .map_err(|e| anyhow!("build.toml: state `{}`: {e}", r.state))?,
                from: r.from,
                till: r.till,
                note: r.note.clone(),
                claim: r.claim.clone(),
            })
        })
        .collect()
}

fn georgia(data: &Data, land: &mut Land, places: &mut BTreeMap<String, Place>) -> Result<()> {
    let _ = data;
    let index = Nearest::new(&land.graph);
    let mut wanted = Vec::new();
    let mut far = Vec::new();
    for (id, p) in places.iter() {
        if !p.node.claim.sources.iter().any(|s| s == "osm_georgia") {
            continue;
        }
        match land.nearest(&index, p, 1.5) {
            Some(on) => wanted.push((id.clone(), on)),
            None => far.push(id.clone()),
        }
    }
    land.graph.attach(&wanted, 0.5);
    for id in far {
        places.remove(&id);
    }
    Ok(())
}

/// A station for each town that a line passes and that has none.
fn towns(data: &Data, config: &Config, land: &mut Land, places: &mut BTreeMap<String, Place>) -> Result<()> {
    let codes = data.csv("geo/rail_esr_codes.csv")?;
    let index = Nearest::new(&land.graph);
    let stations: Vec<(Coord, String)> = {
        let on_line = land.graph.places();
        places
            .iter()
            .filter(|(id, p)| on_line.contains_key(*id) && p.node.kind != NodeKind::Border)
            .map(|(_, p)| (p.at(), p.state().to_owned()))
            .collect()
    };
    let (mut wanted, mut new) = (Vec::new(), Vec::new());
    for p in places.values() {
        if p.node.kind != NodeKind::Town || p.origin.is_none() {
            continue;
        }
        if stations.iter().any(|s| s.1 == p.state() && km(s.0, p.at()) <= config.rail.station_km) {
            continue;
        }
        let Some(on) = land.nearest(&index, p, config.rail.town_km) else { continue };
        let stem = p.node.id.0.strip_prefix("town_").unwrap_or(&p.node.id.0);
        let id = format!("st_{stem}");
        if places.contains_key(&id) {
            continue;
        }
        let mut n = node(
            &id,
            NodeKind::Station,
            &format!("{} station", p.node.name_en),
            Some(p.state()),
            on.at,
            "osm_rail",
        );
        n.claim.sources.push("ne10m".into());
        n.claim.assumed = Some("a station where the line passes the town".into());
        for (column, name) in [
            ("name_ru", &p.node.name_ru),
            ("name_az", &p.node.name_az),
            ("name_kk", &p.node.name_kk),
            ("name_ka", &p.node.name_ka),
            ("name_hy", &p.node.name_hy),
            ("name_tr", &p.node.name_tr),
            ("name_zh", &p.node.name_zh),
        ] {
            add_name(&mut n, column, name.as_deref().unwrap_or_default());
        }
        // Codes say the state, and the same name in it is the same place.
        let bare =
            |s: &str| s.split('(').next().unwrap_or_default().trim_end_matches([' ', 'I']).to_lowercase();
        n.esr = codes
            .iter()
            .find(|r| {
                text(r, "cc") == p.state()
                    && n.name_ru.as_deref().is_some_and(|x| bare(x) == bare(text(r, "name_ru")))
            })
            .and_then(|r| some(r, "esr"));
        wanted.push((id, on));
        new.push(n);
    }
    land.graph.attach(&wanted, 1.0);
    let at = land.graph.places();
    for mut n in new {
        if let Some(v) = at.get(&n.id.0) {
            let c = land.graph.nodes[*v].at;
            (n.lon, n.lat) = (c.x, c.y);
        }
        places.insert(n.id.0.clone(), Place { node: n, origin: Some(Origin::Osm) });
    }
    Ok(())
}

/// Branches to ports that the lines pass by.
fn branches(config: &Config, land: &mut Land, places: &BTreeMap<String, Place>) -> Result<()> {
    for id in &config.port_rail {
        let Some(p) = places.get(id) else { bail!("build.toml: port_rail: no place `{id}`") };
        let index = Nearest::new(&land.graph);
        let Some(on) = land.nearest(&index, p, STATION_KM) else {
            bail!("build.toml: port_rail: no line of {} within {STATION_KM} km of `{id}`", p.state())
        };
        let edge = land.graph.edge(on.edge).clone();
        let end = [edge.a, edge.b].into_iter().find(|n| km(land.graph.nodes[*n].at, on.at) < 0.5);
        let base = match end {
            Some(n) => n,
            None => {
                let n = land.graph.add_node(on.at, edge.state.clone(), format!("branch_{id}"));
                land.graph.split(on.edge, vec![(on.segment, on.share, n)]);
                n
            }
        };
        let n = land.graph.add_node(p.at(), edge.state.clone(), id.clone());
        land.graph.nodes[n].place = Some(id.clone());
        let mut attr = Attr::new(Origin::Own, "ports_key");
        attr.gauge = edge.attr.gauge.clone();
        attr.tag = Some(format!("branch_{id}"));
        attr.name = Some(format!("Branch to {}", p.node.name_en));
        attr.assumed = Some("port branch, straight distance times 1.3".into());
        let line = vec![land.graph.nodes[base].at, p.at()];
        let length = (line_km(&line) * 1.3).max(0.5);
        land.graph.add_edge(Edge {
            a: base,
            b: n,
            km: length,
            bridged: 0.0,
            line,
            state: edge.state,
            attr,
            raw: -1,
        });
    }
    Ok(())
}

/// Electrification of lines that the Georgian extract of OpenStreetMap knows.
fn georgian_attributes(data: &Data, land: &mut Land) -> Result<()> {
    let mut ways = Graph::default();
    let mut current: Vec<Option<Electrified>> = Vec::new();
    for f in data.features("geo/rail_georgia_osm.geojson")? {
        let line = f.line();
        let (Some(a), Some(b)) = (line.first().copied(), line.last().copied()) else { continue };
        let (na, nb) = (ways.add_node(a, None, ""), ways.add_node(b, None, ""));
        let attr = Attr::new(Origin::Osm, "osm_georgia");
        ways.add_edge(Edge { a: na, b: nb, km: 0.0, bridged: 0.0, line, state: None, attr, raw: 0 });
        current.push(match (f.text("electrified").as_str(), f.text("voltage").as_str()) {
            ("no", _) => Some(Electrified::No),
            ("contact_line" | "yes", "3000") => Some(Electrified::Dc3),
            ("contact_line" | "yes", "25000") => Some(Electrified::Ac25),
            ("contact_line" | "yes", _) => Some(Electrified::Yes),
            _ => None,
        });
    }
    let index = Nearest::new(&ways);
    for e in 0..land.graph.edges.len() {
        let Some(x) = &land.graph.edges[e] else { continue };
        let mut votes: BTreeMap<Electrified, usize> = BTreeMap::new();
        let line = &x.line;
        let points: Vec<Coord> = if line.len() > 2 {
            vec![line[line.len() / 3], line[line.len() / 2], line[line.len() * 2 / 3]]
        } else {
            vec![Coord { x: (line[0].x + line[1].x) / 2.0, y: (line[0].y + line[1].y) / 2.0 }]
        };
        for p in points {
            if let Some(c) = index.find(&ways, p, 0.5, |_, _| true).and_then(|on| current[on.edge]) {
                *votes.entry(c).or_default() += 1;
            }
        }
        let best = votes.into_iter().max_by(|a, b| a.1.cmp(&b.1).then(b.0.cmp(&a.0)));
        if let (Some((c, _)), Some(x)) = (best, &mut land.graph.edges[e]) {
            x.attr.electrified = Some(c);
            x.attr.sources.insert("osm_georgia".into());
        }
    }
    Ok(())
}

/// Edges of the shortest way by places, whatever the state of the lines.
fn way(land: &Land, at: &BTreeMap<String, usize>, via: &[String], what: &str) -> Result<Vec<usize>> {
    let mut out = Vec::new();
    for w in via.windows(2) {
        let find = |id: &String| {
            at.get(id).copied().ok_or_else(|| anyhow!("build.toml: {what}: `{id}` is on no line"))
        };
        let (a, b) = (find(&w[0])?, find(&w[1])?);
        let t = land.graph.dijkstra(a, |_, e| e.km, |n, _| n == b);
        if !t.dist[b].is_finite() {
            bail!("build.toml: {what}: no line from `{}` to `{}`", w[0], w[1]);
        }
        out.extend(t.path(&land.graph, b));
    }
    Ok(out)
}

fn attributes(config: &Config, land: &mut Land, dated: &mut BTreeMap<String, Vec<DatedState>>) -> Result<()> {
    let at = land.graph.places();
    let estimate = |s: &Option<String>| -> Result<Option<Estimate>> {
        s.as_ref().map(|s| s.parse().map_err(|e| anyhow!("build.toml: `{s}`: {e}"))).transpose()
    };
    for l in &config.rail.line {
        let edges = way(land, &at, &l.via, "rail.line")?;
        let current = match &l.electrified {
            Some(s) => Some(Electrified::read(s).map_err(|e| anyhow!("build.toml: electrified `{s}`: {e}"))?),
            None => None,
        };
        let (speed, capacity) = (estimate(&l.speed_kmh)?, estimate(&l.capacity)?);
        for e in edges {
            let Some(x) = &mut land.graph.edges[e] else { continue };
            let a = &mut x.attr;
            a.electrified = current.or(a.electrified);
            a.tracks = l.tracks.or(a.tracks);
            a.speed = speed.or(a.speed);
            a.capacity = capacity.or(a.capacity);
            a.owner = l.owner.clone().or(a.owner.take());
            a.name = l.name.clone().or(a.name.take());
            a.sources.extend(l.sources.iter().cloned());
            if let Some(why) = &l.assumed {
                let text = match a.assumed.take() {
                    Some(old) if !old.contains(why) => format!("{old}, {why}"),
                    Some(old) => old,
                    None => why.clone(),
                };
                a.assumed = Some(text);
            }
        }
    }
    for pair in &config.rail.dual {
        for e in way(land, &at, pair, "rail.dual")? {
            if let Some(x) = &mut land.graph.edges[e] {
                x.attr.gauge = vec![1435, 1520];
            }
        }
    }
    for d in &config.rail.dated {
        let edges = way(land, &at, &d.via, "rail.dated")?;
        for e in edges {
            if let Some(x) = &mut land.graph.edges[e] {
                x.attr.tag = Some(d.tag.clone());
            }
        }
        dated.insert(d.tag.clone(), rows_of(&d.rows)?);
    }
    Ok(())
}

fn thin(config: &Config, land: &mut Land, places: &BTreeMap<String, Place>) {
    let mut keep: BTreeSet<usize> = land
        .graph
        .live()
        .filter(|(_, e)| e.attr.tag.is_some() || e.state.as_ref().is_some_and(|s| config.core.contains(s)))
        .map(|(e, _)| e)
        .collect();
    let at = land.graph.places();
    for s in &config.edge {
        let borders = land.borders_of(&s.state);
        let mut here: Vec<usize> = at
            .iter()
            .filter(|(id, _)| {
                places.get(*id).is_some_and(|p| p.state() == s.state && p.node.kind != NodeKind::Border)
            })
            .map(|(_, n)| *n)
            .collect();
        here.extend(&borders);
        let majors: Vec<usize> = at
            .iter()
            .filter(|(id, _)| {
                places.get(*id).is_some_and(|p| {
                    p.state() == s.state && p.node.claim.sources.iter().any(|x| x == "stations_key")
                })
            })
            .map(|(_, n)| *n)
            .collect();
        land.graph.skeleton(
            &s.state,
            &here,
            &majors,
            |_| config.road.near_edge,
            config.road.reuse,
            &mut keep,
        );
    }
    land.graph.keep_only(&keep);
    land.graph.contract();
    land.graph.draw_together(config.rail.together_km, true);
    land.graph.contract();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_known_as_month_or_year_says_which_day_was_assumed() {
        let day = |s: &str| first_day(s).ok().flatten();
        assert_eq!(day("2021-02-03").map(|d| (d.0.to_string(), d.1)), Some(("2021-02-03".into(), None)));
        let (d, why) = day("2018-03").expect("a month");
        assert_eq!(d.to_string(), "2018-03-01");
        assert!(why.is_some_and(|w| w.contains("2018-03")));
        assert_eq!(day("1992").map(|d| d.0.to_string()), Some("1992-01-01".into()));
        assert!(first_day("").is_ok_and(|d| d.is_none()));
        assert!(first_day("2021-13-01").is_err());
    }
}
