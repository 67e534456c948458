//! `data/curated/build.toml`: what the builder is told about the corridor. Nothing of it stands in the code.

use std::collections::BTreeMap;

use jiff::civil::Date;
use karvan_model::raw::Part;
use serde::Deserialize;

/// The whole file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Head of `model.toml`.
    pub model: Head,
    /// States modelled whole.
    pub core: Vec<String>,
    /// States of which only main ways are taken.
    pub edge: Vec<EdgeState>,
    /// Pairs of states whose crossings are in no list and are made from the lines; those of other pairs are cut.
    pub extra_border_pairs: Vec<[String; 2]>,
    /// Column of `node` in which local names of a state stand.
    pub local_name: BTreeMap<String, String>,
    /// Crossings that the list lacks.
    pub crossing: Vec<ExtraCrossing>,
    /// Towns that the list of populated places lacks.
    pub town: Vec<Town>,
    /// Towns taken although small, by name in the list of populated places.
    pub small_town: Vec<String>,
    /// Inhabitants from which a town of a core state is taken.
    pub town_population: f64,
    /// Inhabitants from which a town is a hub of long ways.
    pub major_population: f64,
    /// Ports that get a rail branch to the nearest line.
    pub port_rail: Vec<String>,
    /// Stations that are river ports too.
    pub river_port: Vec<String>,
    /// Stations of a large city that lie farther out than a station of a town otherwise may: station, town.
    #[serde(default)]
    pub station_of_city: Vec<[String; 2]>,
    /// Time zones of parts of a state that has several; the first that holds is taken.
    #[serde(default)]
    pub time_zone: Vec<Zone>,
    /// Rail.
    pub rail: Rail,
    /// Road.
    pub road: Road,
    /// Sea.
    pub sea: Sea,
    /// Oil and gas.
    pub pipe: Pipes,
    /// Terms of the files, by the middle part of the name (`osm`, `own`, ...) or by the table (`emission`).
    pub terms: BTreeMap<String, Terms>,
}

/// Head of `model.toml`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Head {
    /// Key.
    pub name: String,
    /// Title.
    pub title: String,
    /// Version.
    pub version: String,
    /// First day.
    pub first_day: Date,
    /// Last day.
    pub last_day: Date,
    /// Price year.
    pub price_year: u32,
}

/// Terms of a file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Terms {
    /// Licence.
    pub licence: String,
    /// Whom to credit.
    pub attribution: String,
    /// Where it comes from.
    pub origin: String,
    /// Whether the credit is printed on maps.
    #[serde(default)]
    pub on_maps: bool,
}

impl Terms {
    /// As a part of the manifest.
    pub fn part(&self, name: String) -> Part {
        Part {
            name,
            licence: self.licence.clone(),
            attribution: self.attribution.clone(),
            origin: self.origin.clone(),
        }
    }
}

/// A state of which only main ways are taken.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EdgeState {
    /// Code.
    pub state: String,
    /// Inhabitants from which a town is taken.
    pub population: f64,
    /// Parts of it that are taken: west, south, east, north of each.
    pub bounds: Vec<[f64; 4]>,
}

impl EdgeState {
    /// Whether a position lies in a part that is taken.
    pub fn holds(&self, p: geo::Coord) -> bool {
        self.bounds.iter().any(|[w, s, e, n]| *w <= p.x && p.x <= *e && *s <= p.y && p.y <= *n)
    }
}

/// The time zone of a part of a state.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Zone {
    /// Code of the state.
    pub state: String,
    /// West, south, east, north.
    pub bounds: [f64; 4],
    /// IANA name.
    pub zone: String,
}

/// A town given by hand.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Town {
    /// Name.
    pub name: String,
    /// State.
    pub state: String,
    /// Position.
    pub lon: f64,
    /// Position.
    pub lat: f64,
    /// Inhabitants.
    pub population: Option<f64>,
}

/// The state of a raw node, where the state polygons are too coarse.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NodeState {
    /// Raw node.
    pub node: i64,
    /// State.
    pub state: String,
    /// Why.
    pub why: String,
}

/// A crossing that the list lacks.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExtraCrossing {
    /// Mode.
    pub mode: String,
    /// States in the order of their codes.
    pub states: [String; 2],
    /// Name, of which the key is made.
    pub name: String,
    /// Position.
    pub lon: f64,
    /// Position.
    pub lat: f64,
}

/// A crossing put elsewhere than the list has it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Moved {
    /// Key of the crossing.
    pub id: String,
    /// Position.
    pub lon: f64,
    /// Position.
    pub lat: f64,
    /// Why.
    pub why: String,
}

/// Rail.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rail {
    /// States of raw nodes.
    #[serde(default)]
    pub node_state: Vec<NodeState>,
    /// Crossings put elsewhere.
    #[serde(default)]
    pub moved: Vec<Moved>,
    /// Usual gauge by state.
    pub gauge: BTreeMap<String, u32>,
    /// States for which the list of Georgian stations is complete enough to be used.
    pub station_list_states: Vec<String>,
    /// Missing links that stand in a curated table already.
    pub skip_missing: Vec<String>,
    /// Lengths of missing links in each state, where the list has the length in one state only.
    #[serde(default)]
    pub part_km: BTreeMap<String, BTreeMap<String, f64>>,
    /// Missing links laid in two gauges.
    pub dual_missing: Vec<String>,
    /// Pairs of stations between which both gauges are laid.
    pub dual: Vec<[String; 2]>,
    /// Attributes along ways.
    pub line: Vec<Line>,
    /// Dated states along ways.
    #[serde(default)]
    pub dated: Vec<Dated>,
    /// Junctions closer than this are one, km.
    pub together_km: f64,
    /// A town is served if a line is this near, km.
    pub town_km: f64,
    /// A town whose station is this near needs none of its own, km.
    pub station_km: f64,
}

/// Attributes of the line along the shortest way by stations.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Line {
    /// Stations in order.
    pub via: Vec<String>,
    /// Name.
    pub name: Option<String>,
    /// Traction current.
    pub electrified: Option<String>,
    /// Main tracks.
    pub tracks: Option<u32>,
    /// Freight speed in motion, km/h, as an estimate.
    pub speed_kmh: Option<String>,
    /// Trains a day each way, as an estimate.
    pub capacity: Option<String>,
    /// Manager.
    pub owner: Option<String>,
    /// Sources.
    #[serde(default)]
    pub sources: Vec<String>,
    /// Reason, where assumed.
    pub assumed: Option<String>,
}

/// Dated states of the line along the shortest way by stations.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dated {
    /// Stations in order.
    pub via: Vec<String>,
    /// Key that keeps the stretch apart.
    pub tag: String,
    /// Rows.
    pub rows: Vec<DatedRow>,
}

/// One interval.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DatedRow {
    /// State.
    pub state: String,
    /// First day.
    pub from: Option<Date>,
    /// First day after.
    pub till: Option<Date>,
    /// Remark.
    pub note: Option<String>,
    /// Claim, as it stands in a cell.
    pub claim: String,
}

/// Road.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Road {
    /// States of raw nodes.
    #[serde(default)]
    pub node_state: Vec<NodeState>,
    /// Crossings put elsewhere.
    #[serde(default)]
    pub moved: Vec<Moved>,
    /// Roads that the data lack, besides those of the list of missing links.
    #[serde(default)]
    pub extra: Vec<ExtraRoad>,
    /// Roads of the data that no lorry takes.
    #[serde(default)]
    pub drop: Vec<Drop>,
    /// By how much lengths of the generalised lines are raised, by state.
    #[serde(default)]
    pub factor: BTreeMap<String, f64>,
    /// Neighbours of a place.
    pub near: usize,
    /// Neighbours of a place in a state of which only main roads are taken, and of an unnamed crossing.
    pub near_edge: usize,
    /// A road already in use counts this much of its length, so that ways share roads.
    pub reuse: f64,
    /// Roads in parts of fewer stretches, joined to nothing else, are left out.
    pub island_edges: usize,
    /// Junctions closer than this are one, km.
    pub together_km: f64,
    /// A crossing on no line is joined to the nearest road of each state this near, km.
    pub crossing_km: f64,
    /// Farthest road that a place is joined to, km.
    pub access_km: f64,
    /// Length of an access road over the straight distance.
    pub access_factor: f64,
}

/// Raw lines that no lorry takes.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Drop {
    /// Raw lines.
    pub lines: Vec<i64>,
    /// Why.
    pub why: String,
}

/// A road that the data lack, joined at both ends to the nearest road of its state.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExtraRoad {
    /// Key.
    pub id: String,
    /// Name.
    pub name: String,
    /// State.
    pub state: String,
    /// Course.
    pub course: Vec<[f64; 2]>,
    /// Length.
    pub km: f64,
    /// Why, and on what the length rests.
    pub why: String,
}

/// Sea.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sea {
    /// Passes that no lane uses.
    pub closed_pass: Vec<String>,
    /// Passes left out when ways round are looked for.
    pub without: Vec<Vec<String>>,
    /// Where the fine network is used: west, south, east, north. Outside, the coarse one.
    pub fine: [f64; 4],
    /// Western limit of the coarse network.
    pub west: f64,
    /// Points where the two are joined.
    pub joint: Vec<[f64; 2]>,
    /// Farthest lane a port is joined to, km.
    pub port_km: f64,
    /// Points of lanes closer than this are one, km.
    pub together_km: f64,
    /// Keys of `ports_key` left out.
    #[serde(default)]
    pub skip_port: Vec<String>,
}

/// Oil and gas.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pipes {
    /// Tonnes to a thousand million m3 of gas.
    pub t_per_bcm: f64,
    /// Why.
    pub t_per_bcm_basis: String,
    /// Lines.
    pub line: Vec<Pipe>,
    /// Ends that are no other place.
    pub terminal: Vec<PipeEnd>,
}

/// An end of a pipeline.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PipeEnd {
    /// Key.
    pub id: String,
    /// Name.
    pub name: String,
    /// Name in Russian.
    pub name_ru: Option<String>,
    /// State.
    pub state: String,
    /// Position.
    pub lon: f64,
    /// Position.
    pub lat: f64,
}

/// A pipeline.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pipe {
    /// Key, part of the keys of its links.
    pub id: String,
    /// Key of a row of `oil_pipelines.csv`.
    pub oil: Option<String>,
    /// Keys of pipes of the gas list whose capacities add up.
    #[serde(default)]
    pub gem: Vec<String>,
    /// Places in order; crossings are found where the course changes state.
    pub stops: Vec<String>,
    /// Points between the stops, where the course matters: lon, lat.
    #[serde(default)]
    pub course: Vec<[f64; 2]>,
    /// Length in each state, where published.
    #[serde(default)]
    pub km: BTreeMap<String, f64>,
    /// Length as a whole, where the list has none.
    pub whole_km: Option<f64>,
    /// Why the length is that, where no list says so.
    pub assumed: Option<String>,
    /// Whether it runs one way, in the order of the stops.
    pub one_way: bool,
    /// Dated states.
    #[serde(default)]
    pub rows: Vec<DatedRow>,
}

/// What must hold of the finished model.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Checks {
    /// Day on which ways are looked for.
    pub day: Date,
    /// Ways.
    pub way: Vec<Way>,
    /// Links that must be there but closed.
    pub closed: Vec<ClosedWay>,
}

/// A way that must exist or must not.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Way {
    /// First place, by key.
    pub from: String,
    /// Last place.
    pub to: String,
    /// Places between, in order.
    #[serde(default)]
    pub via: Vec<String>,
    /// Modes that may be used.
    pub modes: Vec<String>,
    /// States that may not be entered.
    #[serde(default)]
    pub avoid: Vec<String>,
    /// `false`: there must be none.
    #[serde(default = "yes")]
    pub exists: bool,
    /// Published length, km.
    pub km: Option<f64>,
    /// Allowed deviation, share.
    pub within: Option<f64>,
    /// Who published it.
    pub source: Option<String>,
    /// Nodes that the shortest way must pass.
    #[serde(default)]
    pub passes: Vec<String>,
}

fn yes() -> bool {
    true
}

/// A way that exists, closed.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClosedWay {
    /// First place.
    pub from: String,
    /// Last place.
    pub to: String,
    /// Mode.
    pub mode: String,
}
