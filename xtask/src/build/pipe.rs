//! Oil and gas pipelines: published lengths and capacities along schematic courses.

use std::collections::BTreeMap;

use anyhow::{Result, anyhow, bail};
use geo::Coord;
use karvan_model::cell::{Cell, Id, Ref};
use karvan_model::tables::{Border, BorderState, Mode, NodeKind, Per, Procedure};
use karvan_units::{Dist, Estimate};

use super::config::Config;
use super::graph::{Attr, Edge, Graph, Origin, km, line_km, nearest_on};
use super::input::{Countries, Data, number, slug, some, text};
use super::places::{Place, claim_of, node};
use super::rail::rows_of;
use super::{DatedState, LinkExtra};

/// A stretch in another state shorter than this is the coarseness of the course, km.
const BRUSH_KM: f64 = 25.0;

/// What the pipelines add.
pub struct Pipelines {
    /// Links.
    pub graph: Graph,
    /// Cargo and direction by tag.
    pub extra: BTreeMap<String, LinkExtra>,
    /// Crossings.
    pub border: Vec<Border>,
}

/// Builds the pipelines that the configuration names.
pub fn build(
    data: &Data,
    config: &Config,
    countries: &Countries,
    places: &mut BTreeMap<String, Place>,
    dated: &mut BTreeMap<String, Vec<DatedState>>,
) -> Result<Pipelines> {
    let oil = data.csv("inputs/oil_pipelines.csv")?;
    let courses = data.features("inputs/oil_pipelines.geojson")?;
    let gas = data.features("geo/pipelines_gas_gem.geojson")?;
    let mut out = Pipelines { graph: Graph::default(), extra: BTreeMap::new(), border: Vec::new() };
    for p in &config.pipe.line {
        let what = format!("build.toml: pipe.line `{}`", p.id);
        let at = |id: &String, places: &BTreeMap<String, Place>| -> Result<(Coord, String)> {
            let p = places.get(id).ok_or_else(|| anyhow!("{what}: no place `{id}`"))?;
            Ok((p.at(), p.state().to_owned()))
        };
        if p.stops.len() < 2 {
            bail!("{what}: two stops at least");
        }
        let mut attr;
        let mut course: Vec<Coord> = p.course.iter().map(|c| Coord { x: c[0], y: c[1] }).collect();
        let mut whole = p.whole_km;
        let cargo;
        let mut why: Vec<String> = p.assumed.iter().cloned().collect();
        if let Some(key) = &p.oil {
            let r = oil
                .iter()
                .find(|r| text(r, "id") == key)
                .ok_or_else(|| anyhow!("{what}: no row `{key}` in oil_pipelines.csv"))?;
            attr = Attr::new(Origin::Own, key);
            attr.name = some(r, "name");
            attr.owner = some(r, "owner").map(|s| s.replace(';', ","));
            let best = number(r, "capacity_mtpa");
            attr.capacity = best.map(|best| {
                Estimate {
                    low: number(r, "capacity_low").unwrap_or(best).min(best),
                    best,
                    high: number(r, "capacity_high").unwrap_or(best).max(best),
                }
                .scale(1e6)
            });
            whole = whole.or(number(r, "length_km"));
            if course.is_empty()
                && let Some(f) = courses.iter().find(|f| f.text("id") == *key)
            {
                course = f.line();
            }
            cargo = "crude";
        } else {
            let rows: Vec<_> = gas.iter().filter(|f| p.gem.contains(&f.text("gem_id"))).collect();
            let Some(first) = rows.first() else { bail!("{what}: neither `oil` nor a known `gem`") };
            attr = Attr::new(Origin::Gem, "gem_gas");
            attr.name = Some(first.text("name"));
            attr.owner = Some(first.text("owner").replace(';', ",")).filter(|s| !s.is_empty());
            let bcm: f64 = rows.iter().filter_map(|f| f.number("capacity_bcm_y")).sum();
            if bcm > 0.0 {
                attr.capacity = Some(Estimate::exact((bcm * config.pipe.t_per_bcm).round()));
                why.push(format!(
                    "{bcm} thousand million m3 a year taken as t: {}",
                    config.pipe.t_per_bcm_basis
                ));
            }
            if course.is_empty() {
                let longest =
                    rows.iter().flat_map(|f| f.lines()).max_by(|a, b| line_km(a).total_cmp(&line_km(b)));
                course = longest.unwrap_or_default();
            }
            cargo = "natural_gas";
        }
        attr.tag = Some(p.id.clone());
        // The course runs from the first stop to the last, by whichever of its ends is nearer.
        let (start, _) = at(&p.stops[0], places)?;
        let (end, _) = at(&p.stops[p.stops.len() - 1], places)?;
        if let (Some(a), Some(b)) = (course.first(), course.last())
            && km(*a, start) + km(*b, end) > km(*b, start) + km(*a, end)
        {
            course.reverse();
        }
        let inner = |c: &Coord| km(*c, start) > 30.0 && km(*c, end) > 30.0;
        let mut line = vec![start];
        line.extend(course.into_iter().filter(inner));
        line.push(end);

        // Stops between, then crossings where the state changes.
        let g = &mut out.graph;
        let vertex = |id: &str, at: Coord, state: &str, g: &mut Graph| match g.place(id) {
            Some(n) => n,
            None => {
                let n = g.add_node(at, Some(state.to_owned()), id);
                g.nodes[n].place = Some(id.to_owned());
                n
            }
        };
        let mut ends = Vec::new();
        for s in &p.stops {
            let (c, state) = at(s, places)?;
            ends.push(vertex(s, c, &state, g));
        }
        let (first, last) = (ends[0], ends[ends.len() - 1]);
        let state = at(&p.stops[0], places)?.1;
        let length = line_km(&line);
        let e = g.add_edge(Edge {
            a: first,
            b: last,
            km: length,
            bridged: 0.0,
            line,
            state: Some(state),
            attr: attr.clone(),
            raw: -1,
        });
        let cuts: Vec<(usize, f64, usize)> = ends[1..ends.len() - 1]
            .iter()
            .map(|n| {
                let (s, t, _, _) = nearest_on(&g.edge(e).line, g.nodes[*n].at);
                (s, t, *n)
            })
            .collect();
        let parts = if cuts.is_empty() { vec![e] } else { g.split(e, cuts) };
        let mut pieces: Vec<usize> = Vec::new();
        for part in parts {
            let x = g.edge(part).clone();
            let states = runs(&x, g, countries);
            let mut here = Vec::new();
            let mut order = vec![states[0].0.clone()];
            for w in states.windows(2) {
                let (a, b) = (&w[0].0, &w[1].0);
                let stem = format!("pipeline_{}_{}_{}", slug(&p.id), a.to_lowercase(), b.to_lowercase());
                let n = 1 + out
                    .border
                    .iter()
                    .filter(|r| r.id.0 == stem || r.id.0.starts_with(&format!("{stem}_")))
                    .count();
                let id = if n == 1 { stem } else { format!("{stem}_{n}") };
                let (segment, share, c, _) = nearest_on(&x.line, w[1].1);
                let row = node(
                    &id,
                    NodeKind::Border,
                    &format!("{a} - {b}, pipeline border of {}", p.id),
                    Some(a),
                    c,
                    "assumed: where the schematic course meets the border",
                );
                places.insert(id.clone(), Place { node: row, origin: Some(attr.origin) });
                here.push((segment, share, vertex(&id, c, a, g)));
                order.push(b.clone());
                out.border.push(border(&id, a, b, &attr));
            }
            let new = if here.is_empty() { vec![part] } else { g.split(part, here) };
            for (piece, state) in new.iter().zip(order) {
                if let Some(x) = &mut g.edges[*piece] {
                    x.state = Some(state);
                }
            }
            pieces.extend(new);
        }
        // Published lengths: by state where known, else the whole in proportion to the course.
        let mut by_state: BTreeMap<String, f64> = BTreeMap::new();
        for e in &pieces {
            let x = g.edge(*e);
            *by_state.entry(x.state.clone().unwrap_or_default()).or_default() += x.km;
        }
        // What is published for a state is taken out of the whole before the rest is divided.
        let drawn: f64 = by_state.iter().filter(|(s, _)| !p.km.contains_key(*s)).map(|(_, k)| k).sum();
        let said: f64 = by_state.keys().filter_map(|s| p.km.get(s)).sum();
        for e in &pieces {
            let Some(x) = &mut g.edges[*e] else { continue };
            let state = x.state.clone().unwrap_or_default();
            let scale = match (p.km.get(&state), whole) {
                (Some(k), _) => k / by_state[&state],
                (None, Some(w)) if w > said => (w - said) / drawn,
                (None, Some(w)) => bail!("{what}: the parts, {said} km, are longer than the whole, {w} km"),
                (None, None) => 1.1,
            };
            x.km *= scale;
            let mut reasons = why.clone();
            if p.km.contains_key(&state) {
                reasons.push("course schematic".into());
            } else if whole.is_some() {
                reasons.push("length of the whole divided in proportion to a schematic course".into());
            } else {
                reasons.push("length of a schematic course times 1.1".into());
            }
            x.attr.assumed = Some(reasons.join("; "));
        }
        out.extra.insert(p.id.clone(), LinkExtra { cargo: Some(cargo.into()), one_way: p.one_way });
        if !p.rows.is_empty() {
            dated.insert(p.id.clone(), rows_of(&p.rows)?);
        }
    }
    Ok(out)
}

/// States along a stretch with the point where each begins.
fn runs(x: &Edge, g: &Graph, countries: &Countries) -> Vec<(String, Coord)> {
    let begin = g.nodes[x.a].state.clone().unwrap_or_default();
    let end = g.nodes[x.b].state.clone().unwrap_or_default();
    let mut out: Vec<(String, Coord, f64)> = vec![(begin, x.line[0], 0.0)];
    for w in x.line.windows(2) {
        let length = km(w[0], w[1]);
        let steps = (length / 3.0).ceil().max(1.0) as usize;
        for i in 0..steps {
            let t = (i as f64 + 0.5) / steps as f64;
            let p = Coord { x: w[0].x + (w[1].x - w[0].x) * t, y: w[0].y + (w[1].y - w[0].y) * t };
            let step = length / steps as f64;
            // At sea the pipe belongs to the state it came from.
            let here = countries.of(p).map(str::to_owned);
            let last = out.len() - 1;
            match here {
                Some(c) if c != out[last].0 => out.push((c, p, step)),
                _ => out[last].2 += step,
            }
        }
    }
    // Brushes go to the state before; the ends are where their nodes are.
    let mut kept: Vec<(String, Coord, f64)> = Vec::new();
    let n = out.len();
    for (i, r) in out.into_iter().enumerate() {
        let brush = r.2 < BRUSH_KM && i != 0 && i + 1 != n;
        match kept.last_mut() {
            Some(k) if brush || k.0 == r.0 => k.2 += r.2,
            _ => kept.push(r),
        }
    }
    if kept.last().is_some_and(|k| k.0 != end) {
        let short = kept.len() > 1 && kept.last().is_some_and(|k| k.2 < BRUSH_KM);
        if short {
            kept.pop();
        }
        if kept.last().is_some_and(|k| k.0 != end) {
            // The course ends at the very border: the last kilometres are the other state's.
            let (p, q) = (x.line[x.line.len() - 2], x.line[x.line.len() - 1]);
            let back = (5.0 / km(p, q).max(1e-9)).min(0.5);
            kept.push((end, Coord { x: q.x + (p.x - q.x) * back, y: q.y + (p.y - q.y) * back }, 0.0));
        }
    }
    kept.into_iter().map(|k| (k.0, k.1)).collect()
}

fn border(id: &str, a: &str, b: &str, attr: &Attr) -> Border {
    let source = attr.sources.iter().cloned().collect::<Vec<_>>().join(";");
    Border {
        id: Id(id.to_owned()),
        node: Ref::new(id),
        mode: Mode::Pipeline,
        state_a: Ref::new(a),
        state_b: Ref::new(b),
        status: BorderState::Open,
        from: None,
        till: None,
        procedure: Procedure::None,
        duration_ab_h: Dist::Const(0.0),
        duration_ba_h: Dist::Const(0.0),
        charge_ab: Estimate::exact(0.0),
        charge_ba: Estimate::exact(0.0),
        currency: "USD".into(),
        price_year: 2025,
        per: Per::Tonne,
        capacity_per_day: None,
        note: None,
        claim: claim_of(&format!("{source};assumed: the pipe runs through as long as its links are open")),
        duration_claim: claim_of("assumed: a pipe does not stop at a border"),
        charge_claim: claim_of("assumed: transit is paid in the tariff of the pipe"),
    }
}

/// Reads the key of a cargo.
pub fn cargo_key(s: &str) -> Result<Ref<karvan_model::tables::Cargo>> {
    Ref::read(s).map_err(|e| anyhow!("cargo `{s}`: {e}"))
}
