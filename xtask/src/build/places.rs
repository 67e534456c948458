//! Places: stations, ports, towns, crossings, ends of pipelines; their names and codes.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Result, bail};
use geo::Coord;
use karvan_model::cell::{Claim, Id, List, Ref};
use karvan_model::tables::{Node, NodeKind};

use super::config::Config;
use super::graph::{Origin, km};
use super::input::{Countries, Data, Record, number, plain, position, slug, some, text};

/// A place and the file its row goes to.
#[derive(Clone, Debug)]
pub struct Place {
    /// The row.
    pub node: Node,
    /// Its file; `None` where a curated file has the row already.
    pub origin: Option<Origin>,
}

impl Place {
    /// Position.
    pub fn at(&self) -> Coord {
        Coord { x: self.node.lon, y: self.node.lat }
    }
    /// State, empty at sea.
    pub fn state(&self) -> &str {
        self.node.state.as_ref().map_or("", |s| s.as_str())
    }
}

/// A crossing of `border_crossings.csv`.
#[derive(Clone, Debug)]
pub struct Crossing {
    /// Key of the node.
    pub id: String,
    /// `rail` or `road`.
    pub mode: String,
    /// First state.
    pub a: String,
    /// Second state.
    pub b: String,
    /// Name.
    pub name: String,
    /// Position.
    pub at: Coord,
    /// Raw lines it lies on.
    pub lines: BTreeSet<i64>,
    /// Gauges in the first and the second state.
    pub gauge: [Option<u32>; 2],
}

/// A row of `node` with a kind, a name, a place and a claim.
pub fn node(id: &str, kind: NodeKind, name: &str, state: Option<&str>, at: Coord, claim: &str) -> Node {
    Node {
        id: Id(id.to_owned()),
        kind,
        name_en: name.to_owned(),
        name_ru: None,
        name_az: None,
        name_kk: None,
        name_ka: None,
        name_hy: None,
        name_tr: None,
        name_zh: None,
        aliases: List::default(),
        state: state.map(Ref::new),
        lon: at.x,
        lat: at.y,
        unlocode: None,
        esr: None,
        town: None,
        time_zone: None,
        population: None,
        claim: claim_of(claim),
    }
}

/// A claim as it is written in a cell.
pub fn claim_of(text: &str) -> Claim {
    use karvan_model::cell::Cell;
    Claim::read(text).unwrap_or(Claim { sources: Vec::new(), assumed: Some(text.to_owned()) })
}

/// Adds a name in the language of a column, or as an alias.
pub fn add_name(n: &mut Node, column: &str, name: &str) {
    if name.is_empty() || name == n.name_en {
        return;
    }
    let cell = match column {
        "name_ru" => &mut n.name_ru,
        "name_az" => &mut n.name_az,
        "name_kk" => &mut n.name_kk,
        "name_ka" => &mut n.name_ka,
        "name_hy" => &mut n.name_hy,
        "name_tr" => &mut n.name_tr,
        "name_zh" => &mut n.name_zh,
        _ => {
            let name = name.replace(';', ",");
            if !n.aliases.contains(&name) {
                n.aliases.0.push(name);
            }
            return;
        }
    };
    if cell.is_none() {
        *cell = Some(name.to_owned());
    }
}

/// Crossings between states that are modelled.
pub fn crossings(data: &Data, config: &Config, known: &BTreeSet<String>) -> Result<Vec<Crossing>> {
    let mut unnamed: BTreeMap<(String, String, String), usize> = BTreeMap::new();
    // A name given later changes what is printed and not the key, which other tables use.
    let named: BTreeMap<String, String> = data
        .csv_if_any("curated/crossing_names.csv")?
        .iter()
        .map(|r| (text(r, "id").to_owned(), text(r, "name").to_owned()))
        .collect();
    let mut out = Vec::new();
    for r in data.csv("geo/border_crossings.csv")? {
        let (mode, a, b) =
            (text(&r, "mode").to_owned(), text(&r, "cc_a").to_owned(), text(&r, "cc_b").to_owned());
        let mut name = text(&r, "name").to_owned();
        let id = if name.is_empty() {
            let n = unnamed.entry((mode.clone(), a.clone(), b.clone())).or_default();
            *n += 1;
            let id = format!("{mode}_{}_{}_{n}", a.to_lowercase(), b.to_lowercase());
            name = match named.get(&id) {
                Some(name) => name.clone(),
                None => format!("{a} - {b}, unnamed {mode} crossing {n}"),
            };
            id
        } else {
            format!("{mode}_{}", slug(&name))
        };
        let Some(mut at) = position(&r) else {
            bail!("data/geo/border_crossings.csv: `{name}` has no position")
        };
        let moved = config.rail.moved.iter().chain(&config.road.moved).find(|m| m.id == id);
        if let Some(m) = moved {
            at = Coord { x: m.lon, y: m.lat };
        }
        let lines = if moved.is_some() {
            BTreeSet::new()
        } else {
            text(&r, "line_ids").split_whitespace().filter_map(|s| s.parse().ok()).collect()
        };
        if known.contains(&a) && known.contains(&b) {
            let gauge = [text(&r, "gauge_a").parse().ok(), text(&r, "gauge_b").parse().ok()];
            out.push(Crossing { id, mode, a, b, name, at, lines, gauge });
        }
    }
    for c in &config.crossing {
        let [a, b] = c.states.clone();
        out.push(Crossing {
            id: format!("{}_{}", c.mode, slug(&c.name)),
            mode: c.mode.clone(),
            a,
            b,
            name: c.name.clone(),
            at: Coord { x: c.lon, y: c.lat },
            lines: BTreeSet::new(),
            gauge: [None, None],
        });
    }
    Ok(out)
}

/// The row of a crossing.
pub fn crossing_node(c: &Crossing) -> Place {
    let label =
        if c.name.contains("unnamed") { c.name.clone() } else { format!("{} ({} border)", c.name, c.mode) };
    let mut n = node(&c.id, NodeKind::Border, &label, Some(&c.a), c.at, "border_crossings");
    if !c.name.contains("unnamed") {
        for part in c.name.split(" / ").map(str::trim) {
            if part != c.name {
                add_name(&mut n, "", &format!("{part} border"));
            }
        }
    }
    Place { node: n, origin: Some(Origin::Osm) }
}

/// Everything that is a place before any line is looked at.
pub fn read(
    data: &Data,
    config: &Config,
    countries: &Countries,
    known: &BTreeSet<String>,
) -> Result<BTreeMap<String, Place>> {
    let mut out: BTreeMap<String, Place> = BTreeMap::new();
    fn put(out: &mut BTreeMap<String, Place>, n: Node, origin: Option<Origin>) {
        out.entry(n.id.0.clone()).or_insert(Place { node: n, origin });
    }

    let stations: Vec<Record> = data
        .csv("geo/rail_stations_key.csv")?
        .into_iter()
        .filter(|r| known.contains(text(r, "cc")))
        .collect();
    let ports = data.csv("geo/ports_key.csv")?;
    let of_port = port_keys(&stations, &ports);

    for r in &stations {
        let Some(at) = position(r) else { continue };
        let cc = text(r, "cc");
        let is_port = text(r, "role") == "port" || config.river_port.iter().any(|p| p == text(r, "id"));
        let kind = if is_port { NodeKind::Port } else { NodeKind::Station };
        let mut n = node(text(r, "id"), kind, text(r, "name_en"), Some(cc), at, "stations_key");
        add_name(&mut n, "name_ru", text(r, "name_ru"));
        let column = config.local_name.get(cc).map_or("", String::as_str);
        if text(r, "name_local") != text(r, "name_ru") {
            add_name(&mut n, column, text(r, "name_local"));
        }
        n.esr = some(r, "esr").or_else(|| some(r, "esr_export"));
        if let (Some(_), Some(export)) = (some(r, "esr"), some(r, "esr_export")) {
            add_name(&mut n, "", &export);
        }
        put(&mut out, n, Some(Origin::Osm));
    }
    for r in data.csv("geo/rail_stations_georgia.csv")? {
        let Some(at) = position(&r) else { continue };
        let esr = some(&r, "esr");
        let twin = stations.iter().any(|s| {
            let codes = [some(s, "esr"), some(s, "esr_export")];
            let coded = esr.is_some() && codes.contains(&esr);
            let away = position(s).map_or(f64::INFINITY, |p| km(p, at));
            let same = plain(text(s, "name_en")) == plain(text(&r, "name_en"));
            coded || away < 1.5 || (same && away < 4.0)
        });
        let Some(cc) = countries.of(at).filter(|c| known.contains(*c)) else { continue };
        // The list is Georgia's: what it has of the neighbours stands among the key stations already.
        let codes = &config.rail.station_list_states;
        if !codes.iter().any(|c| c == cc) {
            continue;
        }
        if twin || text(&r, "name_en").is_empty() {
            continue;
        }
        let id = format!("st_{}_{}", slug(text(&r, "name_en")), cc.to_lowercase());
        let mut n = node(&id, NodeKind::Station, text(&r, "name_en"), Some(cc), at, "osm_georgia");
        add_name(&mut n, "name_ru", text(&r, "name_ru"));
        add_name(&mut n, "name_ka", text(&r, "name_ka"));
        n.esr = esr;
        put(&mut out, n, Some(Origin::Osm));
    }
    for r in &ports {
        let (Some(at), cc) = (position(r), text(r, "cc")) else { continue };
        if !known.contains(cc) || config.sea.skip_port.iter().any(|p| p == text(r, "id")) {
            continue;
        }
        let id = &of_port[text(r, "id")];
        if id == text(r, "id") && !stations.iter().any(|s| text(s, "id") == id) {
            let mut n = node(id, NodeKind::Port, text(r, "name"), Some(cc), at, "ports_key");
            n.unlocode = some(r, "unlocode");
            put(&mut out, n, Some(Origin::Own));
        }
    }
    for r in &ports {
        let Some(id) = of_port.get(text(r, "id")) else { continue };
        if let Some(p) = out.get_mut(id) {
            p.node.kind = NodeKind::Port;
            if p.node.unlocode.is_none() {
                p.node.unlocode = some(r, "unlocode");
            }
            let name = text(r, "name").to_owned();
            add_name(&mut p.node, "", &name);
            for source in ["ports_key"] {
                if !p.node.claim.sources.iter().any(|s| s == source) {
                    p.node.claim.sources.push(source.to_owned());
                }
            }
        }
    }

    for t in &config.pipe.terminal {
        let mut n = node(
            &t.id,
            NodeKind::Terminal,
            &t.name,
            Some(&t.state),
            Coord { x: t.lon, y: t.lat },
            "assumed: position from general knowledge, to about 10 km",
        );
        n.name_ru = t.name_ru.clone();
        out.entry(t.id.clone()).or_insert(Place { node: n, origin: Some(Origin::Own) });
    }
    towns(data, config, countries, &mut out)?;
    for r in data.csv_if_any("curated/town_names.csv")? {
        let Some(p) = out.get_mut(text(&r, "id")).filter(|p| p.node.kind != NodeKind::Town) else { continue };
        for column in ["name_ru", "name_az", "name_kk", "name_ka", "name_hy", "name_tr", "name_zh"] {
            add_name(&mut p.node, column, text(&r, column));
        }
        for alias in text(&r, "aliases").split(';').map(str::trim) {
            add_name(&mut p.node, "", alias);
        }
        p.node.claim.sources.push("town_names".into());
    }
    Ok(out)
}

/// The node of each port of `ports_key.csv`: its station where one is at most 8 km away.
pub fn port_keys(stations: &[Record], ports: &[Record]) -> BTreeMap<String, String> {
    ports
        .iter()
        .map(|r| {
            let id = text(r, "id").to_owned();
            let station = stations.iter().find(|s| text(s, "id") == text(r, "rail_station"));
            let near = station.and_then(|s| Some(km(position(s)?, position(r)?) <= 8.0)).unwrap_or(false);
            let node = if near { text(r, "rail_station").to_owned() } else { id.clone() };
            (id, node)
        })
        .collect()
}

fn towns(
    data: &Data,
    config: &Config,
    countries: &Countries,
    out: &mut BTreeMap<String, Place>,
) -> Result<()> {
    let mut codes: Vec<(String, Coord, [String; 2])> = data
        .csv("geo/unlocode_region.csv")?
        .iter()
        .filter_map(|r| {
            Some((some(r, "unlocode")?, position(r)?, [plain(text(r, "name")), plain(text(r, "osm_name"))]))
        })
        .collect();
    codes.sort_by(|a, b| a.0.cmp(&b.0));
    let taken: BTreeSet<String> = out.values().filter_map(|p| p.node.unlocode.clone()).collect();

    let mut all: Vec<(Node, Vec<String>)> = Vec::new();
    for r in data.csv("geo/places_ne10m.csv")? {
        let Some(at) = position(&r) else { continue };
        let name = text(&r, "name");
        let population = number(&r, "pop_max").unwrap_or(0.0);
        let Some(cc) = countries.of(at).map(str::to_owned).or_else(|| some(&r, "iso2")) else { continue };
        let capital = text(&r, "capital") == "1";
        let named = config.small_town.iter().any(|s| s == name || s == text(&r, "ascii"));
        let take = if config.core.contains(&cc) {
            population >= config.town_population || capital || named
        } else if let Some(e) = config.edge.iter().find(|e| e.state == cc) {
            e.holds(at) && (population >= e.population || capital || named)
        } else {
            false
        };
        if !take {
            continue;
        }
        let ascii = text(&r, "ascii");
        let id = format!("town_{}_{}", slug(ascii), cc.to_lowercase());
        let mut n = node(&id, NodeKind::Town, name, Some(&cc), at, "ne10m");
        add_name(&mut n, "", ascii);
        for alt in text(&r, "alt").split('|').map(str::trim).filter(|s| !s.is_empty()) {
            add_name(&mut n, "", alt);
        }
        n.population = Some(population).filter(|p| *p > 0.0);
        let names = std::iter::once(plain(name))
            .chain([plain(ascii)])
            .chain(text(&r, "alt").split('|').map(plain))
            .filter(|s| !s.is_empty())
            .collect();
        all.push((n, names));
    }
    for t in &config.town {
        let id = format!("town_{}_{}", slug(&t.name), t.state.to_lowercase());
        let at = Coord { x: t.lon, y: t.lat };
        let claim = "assumed: position and inhabitants from general knowledge, to about 5 km";
        let mut n = node(&id, NodeKind::Town, &t.name, Some(&t.state), at, claim);
        n.population = t.population;
        all.push((n, vec![plain(&t.name)]));
    }
    let extra: BTreeMap<String, Record> = data
        .csv_if_any("curated/town_names.csv")?
        .into_iter()
        .map(|r| (text(&r, "id").to_owned(), r))
        .collect();
    for (mut n, mut names) in all {
        if let Some(r) = extra.get(&n.id.0) {
            if let Some(official) = some(r, "name_en") {
                let old = std::mem::replace(&mut n.name_en, official);
                names.push(plain(&n.name_en));
                add_name(&mut n, "", &old);
            }
            for column in ["name_ru", "name_az", "name_kk", "name_ka", "name_hy", "name_tr", "name_zh"] {
                add_name(&mut n, column, text(r, column));
            }
            for alias in text(r, "aliases").split(';').map(str::trim).filter(|s| !s.is_empty()) {
                add_name(&mut n, "", alias);
            }
            n.claim = claim_of(&match &n.claim.assumed {
                Some(why) => format!("assumed: {why}"),
                None => format!("{};town_names", n.claim.sources.join(";")),
            });
        }
        let at = Coord { x: n.lon, y: n.lat };
        let state = n.state.as_ref().map_or("", |s| s.as_str()).to_owned();
        n.unlocode = codes
            .iter()
            .filter(|c| {
                c.0.starts_with(&state) && km(c.1, at) <= 15.0 && c.2.iter().any(|x| names.contains(x))
            })
            .map(|c| c.0.clone())
            .find(|c| !taken.contains(c));
        if n.unlocode.is_some() && n.claim.assumed.is_none() {
            n.claim.sources.push("unlocode".into());
        }
        // A station of the same name in the town knows its names.
        let station = out
            .values()
            .filter(|p| p.node.kind == NodeKind::Station || p.node.kind == NodeKind::Port)
            .filter(|p| p.state() == state && km(p.at(), at) <= 12.0)
            .filter(|p| {
                let s = plain(p.node.name_en.split(['-', '(', ',']).next().unwrap_or_default());
                names.iter().any(|x| *x == s || (s.len() > 3 && x.starts_with(&s)))
                    || p.node.aliases.iter().any(|a| names.contains(&plain(a)))
            })
            .min_by(|a, b| km(a.at(), at).total_cmp(&km(b.at(), at)).then(a.node.id.cmp(&b.node.id)));
        if let Some(p) = station {
            let s = p.node.clone();
            for (column, name) in [
                ("name_ru", &s.name_ru),
                ("name_az", &s.name_az),
                ("name_kk", &s.name_kk),
                ("name_ka", &s.name_ka),
                ("name_hy", &s.name_hy),
                ("name_tr", &s.name_tr),
                ("name_zh", &s.name_zh),
            ] {
                if let Some(name) = name {
                    // `Almaty-1`, `Batumi (Makhinjauri)`: the town is what stands before.
                    let bare = name.split(['(', '-']).next().unwrap_or_default().trim();
                    let bare = bare.trim_end_matches([' ', '1', 'I']).trim();
                    add_name(&mut n, column, bare);
                }
            }
            let bare =
                s.name_en.split(['(', '-']).next().unwrap_or_default().trim().trim_end_matches([' ', '1']);
            add_name(&mut n, "", bare);
        }
        out.entry(n.id.0.clone()).or_insert(Place { node: n, origin: Some(Origin::Own) });
    }
    Ok(())
}

/// A station farther than this from a town is not the town's, km.
const STATION_OF_TOWN_KM: f64 = 13.0;
/// A port or terminal farther than this from a town is not the town's, km.
const PORT_OF_TOWN_KM: f64 = 25.0;

/// Says of each station, port and terminal to which town it belongs: the nearest of its state that is near enough,
/// or the city it is given to.
pub fn belong(out: &mut BTreeMap<String, Place>, config: &Config) {
    let towns: Vec<(String, Coord, String)> = out
        .values()
        .filter(|p| p.node.kind == NodeKind::Town)
        .map(|p| (p.node.id.0.clone(), p.at(), p.state().to_owned()))
        .collect();
    for p in out.values_mut() {
        if p.origin.is_none()
            || !matches!(p.node.kind, NodeKind::Station | NodeKind::Port | NodeKind::Terminal)
        {
            continue;
        }
        let (at, state) = (p.at(), p.state().to_owned());
        let reach = if p.node.kind == NodeKind::Station { STATION_OF_TOWN_KM } else { PORT_OF_TOWN_KM };
        let near = towns
            .iter()
            .filter(|t| t.2 == state)
            .map(|t| (km(t.1, at), t))
            .filter(|(d, _)| *d <= reach)
            .min_by(|a, b| a.0.total_cmp(&b.0));
        let given = config.station_of_city.iter().find(|[station, _]| *station == p.node.id.0);
        p.node.town = given.map(|[_, city]| city).or(near.map(|(_, t)| &t.0)).map(|t| Ref::new(t.clone()));
    }
}
