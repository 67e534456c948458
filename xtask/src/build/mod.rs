//! `cargo xtask build-model`: from `data/` to the model folder, the same bytes every time.

mod chronicle;
mod config;
mod graph;
mod input;
mod land;
mod observed;
mod output;
mod pipe;
mod places;
mod rail;
mod road;
mod sea;
mod verify;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context, Result, anyhow, bail};
use geo::{Coord, LineString, Simplify};
use jiff::civil::Date;
use karvan_model::cell::{Cell, Id, List, Ref};
use karvan_model::tables::{Artefact, Geometry, Link, LinkState, Mode, Node, NodeKind, StateOfLink};
use karvan_units::Km;

use config::{Checks, Config};
use graph::{Graph, Origin, km};
use input::{Countries, Data, some, text};
use land::Land;
use places::{Place, claim_of};

/// Faults that were mended, in the order of their keys.
#[derive(Default)]
pub struct Artefacts(BTreeMap<String, Artefact>);

impl Artefacts {
    /// Notes one.
    pub fn add(&mut self, id: String, place: String, fault: String, mend: String, claim: &str) {
        let row = Artefact { id: Id(id.clone()), place, fault, mend, claim: claim_of(claim) };
        self.0.insert(id, row);
    }
}

/// One dated state of a stretch.
#[derive(Clone, Debug)]
pub struct DatedState {
    /// State.
    pub state: LinkState,
    /// First day.
    pub from: Option<Date>,
    /// First day after.
    pub till: Option<Date>,
    /// Remark.
    pub note: Option<String>,
    /// Claim as text.
    pub claim: String,
}

/// What links of a tag have besides.
#[derive(Clone, Debug)]
pub struct LinkExtra {
    /// Cargo carried.
    pub cargo: Option<String>,
    /// Whether one way only.
    pub one_way: bool,
}

/// Rows to be written, by file.
#[derive(Default)]
struct Rows {
    node: BTreeMap<Origin, Vec<Node>>,
    link: BTreeMap<Origin, Vec<Link>>,
    geometry: BTreeMap<Origin, Vec<Geometry>>,
    link_state: Vec<StateOfLink>,
    /// Links that a tagged stretch became.
    pieces: BTreeMap<String, Vec<String>>,
    used: BTreeSet<String>,
}

fn round(x: f64, digits: i32) -> f64 {
    let k = 10f64.powi(digits);
    let r = (x * k).round() / k;
    // No negative zero in a table.
    if r == 0.0 { 0.0 } else { r }
}

fn say(what: &str) {
    eprintln!("build-model: {what}");
}

/// Builds the model and writes it, or compares with what is there.
pub fn run(data: &Path, out: &Path, check: bool) -> Result<()> {
    let data = Data(data.to_owned());
    let (files, summary) = make(&data)?;
    output::write(&files, out, check)?;
    println!("{summary}");
    if check {
        println!("the model folder is what data/ makes");
    }
    Ok(())
}

/// Makes all files of the model, checked.
fn make(data: &Data) -> Result<(output::Files, String)> {
    let config: Config = data.toml("curated/build.toml")?;
    let checks: Checks = data.toml("curated/checks.toml")?;
    let countries = Countries::read(data, "geo/base_countries50.geojson")?;
    let known: BTreeSet<String> =
        config.core.iter().cloned().chain(config.edge.iter().map(|e| e.state.clone())).collect();
    let mut art = Artefacts::default();
    let mut dated: BTreeMap<String, Vec<DatedState>> = BTreeMap::new();

    say("places");
    let mut crossings = places::crossings(data, &config, &known)?;
    let mut places = curated_places(data)?;
    for (id, p) in places::read(data, &config, &countries, &known)? {
        places.entry(id).or_insert(p);
    }
    places::belong(&mut places, &config);

    say("rail");
    let mut rail = Land::read(data, &config, "rail", &known, &mut crossings, &mut art)?;
    rail::build(data, &config, &mut rail, &mut crossings, &mut places, &mut dated, &mut art)?;
    land::add_crossings(&rail, &crossings, &mut places);
    missing_states(data, &mut dated)?;
    places::belong(&mut places, &config);

    say("road");
    let mut road = Land::read(data, &config, "road", &known, &mut crossings, &mut art)?;
    road::missing(data, &config, &mut road, &crossings, &mut art)?;
    road::lone_crossings(&config, &mut road, &crossings, &mut art);
    land::cut_strays(&mut road, &countries, &known, 6.0, &mut art);
    road.graph.drop_islands(config.road.island_edges);
    let served: BTreeSet<String> = rail
        .graph
        .places()
        .into_iter()
        .filter(|(_, n)| !rail.graph.at(*n).is_empty())
        .map(|(id, _)| id)
        .collect();
    road::build(&config, &mut road, &places, &served, &mut art)?;
    land::add_crossings(&road, &crossings, &mut places);

    say("sea");
    let sea = sea::build(data, &config, &places, &mut art)?;

    say("pipelines");
    let pipes = pipe::build(data, &config, &countries, &mut places, &mut dated)?;

    let faults: Vec<String> = rail.faults().into_iter().chain(road.faults()).collect();
    if !faults.is_empty() {
        bail!("states meet elsewhere than at a crossing\n  {}", faults.join("\n  "));
    }

    say("tables");
    let none = BTreeMap::new();
    let mut rows = Rows::default();
    add_links(&mut rows, &rail.graph, Mode::Rail, &places, &dated, &none, 0.01)?;
    add_links(&mut rows, &road.graph, Mode::Road, &places, &dated, &none, 0.01)?;
    add_links(&mut rows, &sea, Mode::Sea, &places, &dated, &none, 0.03)?;
    add_links(&mut rows, &pipes.graph, Mode::Pipeline, &places, &dated, &pipes.extra, 0.01)?;
    add_places(&mut rows, &places);

    for n in rows.node.values_mut().flatten() {
        let zone = config.time_zone.iter().find(|z| {
            let [w, s, e, north] = z.bounds;
            n.state.as_ref().is_some_and(|x| x.as_str() == z.state)
                && (w..=e).contains(&n.lon)
                && (s..=north).contains(&n.lat)
        });
        if let (Some(z), None) = (zone, &n.time_zone) {
            n.time_zone = Some(z.zone.clone());
        }
    }

    let mut files = output::Files::new();
    output::curated(data, &mut files)?;
    output::expand_edits(&mut files, &rows.pieces)?;
    let reached: BTreeSet<String> = rows
        .used
        .iter()
        .cloned()
        .chain(places.values().filter(|p| p.origin.is_none()).map(|p| p.node.id.0.clone()))
        .collect();
    let gone = output::drop_lone_borders(&mut files, &reached)?;
    if !gone.is_empty() {
        art.add(
            "lone_borders".into(),
            format!("`border`, {}", gone.join(" ")),
            "no line of the model reaches these crossings: they lead out of it, or a mend took their line away".into(),
            "their rows are left out".into(),
            "border_crossings",
        );
    }
    for (origin, list) in rows.node {
        output::table(&mut files, origin.suffix(), list)?;
    }
    for (origin, list) in rows.link {
        output::table(&mut files, origin.suffix(), list)?;
    }
    for (origin, list) in rows.geometry {
        output::table(&mut files, origin.suffix(), list)?;
    }
    output::table(&mut files, "own", rows.link_state)?;
    output::table(&mut files, "own", chronicle::build(data, &rows.pieces)?)?;
    output::table(&mut files, "own", art.0.into_values().collect::<Vec<_>>())?;
    output::table(&mut files, "pipeline", pipes.border)?;
    observed::observations(data, &mut files)?;
    let named: BTreeSet<String> = rows_named(&files);
    observed::places(data, &mut files, &named)?;
    let missing = output::sources(data, &mut files)?;
    say("calibration");
    observed::calibration(&config, &mut files)?;
    output::manifest(&config, &mut files)?;

    say("checks");
    let (tables, mut problems) = output::typed(&files);
    problems.extend(missing);
    problems.extend(verify::rows(&tables));
    problems.extend(chronicle::dangling(&tables));
    problems.extend(verify::ways(&tables, &checks));
    let summary = verify::summary(&tables);
    if !problems.is_empty() {
        eprintln!("{summary}");
        bail!("{} problems in the model\n  {}", problems.len(), problems.join("\n  "));
    }
    Ok((files, summary))
}

/// Names of all nodes, in small letters.
fn rows_named(files: &output::Files) -> BTreeSet<String> {
    let (tables, _) = output::typed(files);
    let names = tables.node.iter().flat_map(|n| n.aliases.iter().cloned().chain([n.name_en.clone()]));
    names.map(|n| n.to_lowercase()).collect()
}

/// Places of the curated tables, which nothing made here may redefine.
fn curated_places(data: &Data) -> Result<BTreeMap<String, Place>> {
    use karvan_model::table::Row;
    let mut out = BTreeMap::new();
    let columns = Node::columns();
    for r in data.csv_if_any("curated/node.csv")? {
        let row = Node::read(&|i| text(&r, columns[i].name)).map_err(|p| {
            let bad: Vec<String> =
                p.iter().map(|p| format!("{}: {}", columns[p.column].name, p.allowed)).collect();
            anyhow!("data/curated/node.csv: row `{}`: {}", text(&r, "id"), bad.join("; "))
        })?;
        out.insert(row.id.0.clone(), Place { node: row, origin: None });
    }
    Ok(out)
}

/// Dated states of missing links, as curated; they replace what the list of missing links says.
fn missing_states(data: &Data, dated: &mut BTreeMap<String, Vec<DatedState>>) -> Result<()> {
    let mut rows: BTreeMap<String, Vec<DatedState>> = BTreeMap::new();
    for r in data.csv_if_any("curated/missing_link_state.csv")? {
        let id = text(&r, "missing_link").to_owned();
        let what = format!("data/curated/missing_link_state.csv: `{id}`");
        let day = |column: &str| -> Result<Option<Date>> {
            some(&r, column)
                .map(|s| s.parse().with_context(|| format!("{what}: {column} `{s}` is no date")))
                .transpose()
        };
        rows.entry(id).or_default().push(DatedState {
            state: LinkState::read(text(&r, "state")).map_err(|e| anyhow!("{what}: state: {e}"))?,
            from: day("from")?,
            till: day("till")?,
            note: some(&r, "note"),
            claim: text(&r, "claim").to_owned(),
        });
    }
    for (id, list) in rows {
        let always = |s: &DatedState| s.state == LinkState::Open && s.from.is_none() && s.till.is_none();
        if list.len() == 1 && always(&list[0]) {
            dated.remove(&id);
        } else {
            dated.insert(id, list);
        }
    }
    Ok(())
}

/// Names junctions by what is near.
fn junction_name(mode: Mode, at: Coord, state: Option<&str>, places: &BTreeMap<String, Place>) -> String {
    if mode == Mode::Sea {
        return format!("Sea lane point {:.2} N {:.2} E", at.y, at.x);
    }
    let near = places
        .values()
        .filter(|p| {
            matches!(p.node.kind, NodeKind::Town | NodeKind::Station | NodeKind::Port)
                && Some(p.state()) == state
        })
        .map(|p| (km(p.at(), at), p))
        .min_by(|a, b| a.0.total_cmp(&b.0).then(a.1.node.id.0.cmp(&b.1.node.id.0)));
    match near {
        Some((d, p)) => format!("{} junction {:.0} km from {}", mode.word(), d.ceil(), p.node.name_en),
        None => format!("{} junction", mode.word()),
    }
}

fn add_links(
    rows: &mut Rows,
    g: &Graph,
    mode: Mode,
    places: &BTreeMap<String, Place>,
    dated: &BTreeMap<String, Vec<DatedState>>,
    extra: &BTreeMap<String, LinkExtra>,
    tolerance: f64,
) -> Result<()> {
    let mut tag_count: BTreeMap<String, usize> = BTreeMap::new();
    for (_, e) in g.live() {
        if let Some(t) = &e.attr.tag {
            *tag_count.entry(t.clone()).or_default() += 1;
        }
    }
    let mut tag_seen: BTreeMap<String, usize> = BTreeMap::new();
    let mut ids: BTreeSet<String> = BTreeSet::new();
    let mut junctions: BTreeSet<usize> = BTreeSet::new();
    let key = |n: usize| -> String {
        match &g.nodes[n].place {
            Some(p) => p.clone(),
            None if mode == Mode::Sea => format!("sea_{}", g.nodes[n].raw),
            None => format!("{}_j{}", mode.word(), g.nodes[n].raw),
        }
    };
    for (_, e) in g.live() {
        let (from, to) = (key(e.a), key(e.b));
        for (n, id) in [(e.a, &from), (e.b, &to)] {
            if places.contains_key(id) {
                rows.used.insert(id.clone());
            } else {
                junctions.insert(n);
            }
        }
        let tagged = e.attr.tag.as_ref().filter(|_| mode != Mode::Sea);
        let id = match tagged {
            Some(t) if tag_count[t] == 1 => format!("{}_{t}", mode.word()),
            Some(t) => {
                let n = tag_seen.entry(t.clone()).or_default();
                *n += 1;
                format!("{}_{t}_{n}", mode.word())
            }
            None => {
                let stem = format!("{}_{from}__{to}", mode.word());
                let mut id = stem.clone();
                let mut n = 1;
                while ids.contains(&id) {
                    n += 1;
                    id = format!("{stem}_{n}");
                }
                id
            }
        };
        if !ids.insert(id.clone()) {
            bail!("two links are named `{id}`");
        }
        if let Some(t) = tagged {
            rows.pieces.entry(format!("{}_{t}", mode.word())).or_default().push(id.clone());
            for s in dated.get(t).into_iter().flatten() {
                rows.link_state.push(StateOfLink {
                    link: Ref::new(id.clone()),
                    state: s.state,
                    from: s.from,
                    till: s.till,
                    note: s.note.clone(),
                    claim: claim_of(&s.claim),
                });
            }
        }
        // No way is shorter than the straight line between the places it joins, which may lie off the line.
        let place_at = |n: usize, id: &String| places.get(id).map_or(g.nodes[n].at, Place::at);
        let straight = km(place_at(e.a, &from), place_at(e.b, &to));
        let (mut length, mut assumed) = (e.km, e.attr.assumed.clone());
        if length < straight {
            length = straight * 1.02;
            let why = "raised to a little over the straight distance between the places";
            assumed = Some(assumed.map_or_else(|| why.to_owned(), |a| format!("{a}; {why}")));
        }
        let sources: Vec<String> = e.attr.sources.iter().filter(|s| !s.is_empty()).cloned().collect();
        let mut gauge = e.attr.gauge.clone();
        gauge.sort_unstable();
        let more = tagged.and_then(|t| extra.get(t));
        rows.link.entry(e.attr.origin).or_default().push(Link {
            id: Id(id.clone()),
            from: Ref::new(from),
            to: Ref::new(to),
            mode,
            state: e.state.as_ref().map(|s| Ref::new(s.clone())),
            name: e.attr.name.clone(),
            length_km: Km::new(round(length, 2).max(0.01)),
            gauge_mm: List(gauge),
            electrified: e.attr.electrified,
            tracks: e.attr.tracks,
            speed_kmh: e.attr.speed,
            capacity: e.attr.capacity,
            one_way: more.is_some_and(|m| m.one_way),
            cargo: match more.and_then(|m| m.cargo.as_ref()) {
                Some(c) => List(vec![pipe::cargo_key(c)?]),
                None => List::default(),
            },
            owner: e.attr.owner.clone(),
            bridged_km: Some(e.bridged).filter(|b| *b >= 0.005).map(|b| Km::new(round(b, 2))),
            claim: karvan_model::cell::Claim { sources, assumed },
        });
        let thin = LineString::new(e.line.clone()).simplify(tolerance);
        let line = thin
            .0
            .iter()
            .map(|c| format!("{} {}", round(c.x, 4), round(c.y, 4)))
            .collect::<Vec<_>>()
            .join(",");
        rows.geometry.entry(e.attr.origin).or_default().push(Geometry { link: Ref::new(id), line });
    }
    for n in junctions {
        let v = &g.nodes[n];
        let id = key(n);
        let (kind, origin, claim) = match mode {
            Mode::Sea if id.starts_with("sea_w_") => (NodeKind::Waypoint, Origin::Own, "caspian_lanes"),
            Mode::Sea if id.starts_with("sea_g") => (NodeKind::Waypoint, Origin::Searoute, "marnet_global"),
            Mode::Sea => (NodeKind::Waypoint, Origin::Marnet, "marnet20"),
            Mode::Rail => (NodeKind::Junction, Origin::Osm, "osm_rail"),
            _ => (NodeKind::Junction, Origin::Osm, "osm_road"),
        };
        let name = junction_name(mode, v.at, v.state.as_deref(), places);
        let row = places::node(&id, kind, &name, v.state.as_deref(), v.at, claim);
        rows.node.entry(origin).or_default().push(rounded(row));
    }
    Ok(())
}

fn rounded(mut n: Node) -> Node {
    n.lon = round(n.lon, 5);
    n.lat = round(n.lat, 5);
    n
}

/// Rows of places: those that links use, and towns, whose names people ask for.
fn add_places(rows: &mut Rows, places: &BTreeMap<String, Place>) {
    for (id, p) in places {
        let Some(origin) = p.origin else { continue };
        if rows.used.contains(id) || matches!(p.node.kind, NodeKind::Town | NodeKind::Port) {
            rows.node.entry(origin).or_default().push(rounded(p.node.clone()));
        }
    }
}
