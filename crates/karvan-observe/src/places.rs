//! What an observation's places mean in a model.
//!
//! A name is looked up in lists: stations, ports, crossings, towns, UN/LOCODE places and others. The mode decides
//! which come first; a name that those lack is looked up in all of them, in this order. Where no node has
//! the name, the nearest node of the mode stands for a place that table `place` knows. A crossing is also found by the name
//! of one of its sides, and any place by what the gazetteer of plans takes: other scripts, codes, slips of the pen.

use std::collections::BTreeMap;

use jiff::civil::Date;
use karvan_model::check::great_circle_km;
use karvan_model::observed::{ObservedMode, PlaceList};
use karvan_model::places::{Gazetteer, Place, find_state};
use karvan_model::tables::{Mode, NodeKind};
use karvan_model::{Model, NodeIx, StateIx};
use karvan_units::DayInterval;

/// What a name in an observation stands for.
#[derive(Clone, Debug, PartialEq)]
pub enum Spot {
    /// A place: the nodes of that name in the first list that has it.
    Nodes(Vec<NodeIx>),
    /// A state, all its crossings, lines and ports.
    State(StateIx),
    /// The states of a group on the day.
    Group(String, Vec<StateIx>),
    /// A named route, which tables do not define.
    Route(String),
    /// A carrier.
    Carrier(String),
}

/// Names of a model's places, as observations use them.
pub struct Names<'m> {
    model: &'m Model,
    nodes: BTreeMap<(PlaceList, String), Vec<NodeIx>>,
    /// Crossings by the names of their sides.
    sides: BTreeMap<String, Vec<NodeIx>>,
    gazetteer: Gazetteer<'m>,
}

const ALL: [PlaceList; 6] = [
    PlaceList::Port,
    PlaceList::Station,
    PlaceList::Crossing,
    PlaceList::Town,
    PlaceList::Unlocode,
    PlaceList::Other,
];

impl<'m> Names<'m> {
    /// Lists the names of a model.
    pub fn new(model: &'m Model) -> Self {
        let mut nodes: BTreeMap<(PlaceList, String), Vec<NodeIx>> = BTreeMap::new();
        let mut sides: BTreeMap<String, Vec<NodeIx>> = BTreeMap::new();
        for (i, n) in model.tables.node.iter().enumerate() {
            let lists: &[PlaceList] = match n.kind {
                NodeKind::Station | NodeKind::Terminal => &[PlaceList::Station],
                // A port is a station to wagons; a gateway stands for all that a part of the world has.
                NodeKind::Port => &[PlaceList::Port, PlaceList::Station],
                NodeKind::Border => &[PlaceList::Crossing],
                NodeKind::Town => &[PlaceList::Town],
                NodeKind::Gateway => &[PlaceList::Station, PlaceList::Port, PlaceList::Town],
                NodeKind::Junction | NodeKind::Waypoint => &[],
            };
            if n.kind == NodeKind::Border {
                // `Red Bridge (Tsiteli Khidi / Sinig Korpu)` has three names.
                for side in n.name_en.split(['/', '(', ')']).map(fold).filter(|s| !s.is_empty()) {
                    let of = sides.entry(side).or_default();
                    if !of.contains(&NodeIx::new(i)) {
                        of.push(NodeIx::new(i));
                    }
                }
            }
            let bare = n.name_en.strip_suffix(" border)").and_then(|s| s.rsplit_once(" (")).map(|s| s.0);
            for name in [Some(n.name_en.as_str()), bare]
                .into_iter()
                .flatten()
                .chain(n.aliases.iter().map(String::as_str))
            {
                for list in lists {
                    let of = nodes.entry((*list, fold(name))).or_default();
                    if !of.contains(&NodeIx::new(i)) {
                        of.push(NodeIx::new(i));
                    }
                }
            }
        }
        Self { model, nodes, sides, gazetteer: Gazetteer::new(model) }
    }

    /// What a text stands for, or why it stands for nothing here.
    ///
    /// # Errors
    /// A sentence with the text.
    pub fn find(&self, text: &str, mode: ObservedMode, day: Date) -> Result<Spot, String> {
        let text = text.trim();
        if let Some((kind, word)) = text.split_once(':') {
            let word = word.trim();
            return match kind.trim() {
                "country" => self
                    .model
                    .state_ix(word)
                    .or_else(|| find_state(self.model, word).ok())
                    .map(Spot::State)
                    .ok_or_else(|| format!("the model knows no state `{word}`")),
                "group" => {
                    let states = self.members(word, day);
                    if states.is_empty() {
                        Err(format!("the model knows no group `{word}` with members on {day}"))
                    } else {
                        Ok(Spot::Group(word.to_owned(), states))
                    }
                }
                "route" => Ok(Spot::Route(word.to_owned())),
                "carrier" => Ok(Spot::Carrier(word.to_owned())),
                other => Err(format!("`{other}:` is none of country, group, route, carrier")),
            };
        }
        use PlaceList::{Crossing, Port, Station, Town};
        let first: &[PlaceList] = match mode {
            ObservedMode::Rail => &[Station, Crossing],
            ObservedMode::Road => &[Crossing, Town],
            ObservedMode::Sea | ObservedMode::Ferry | ObservedMode::RailFerry | ObservedMode::Port => &[Port],
            ObservedMode::Multimodal | ObservedMode::Pipeline | ObservedMode::All => {
                &[Port, Station, Crossing, Town]
            }
        };
        let key = fold(text);
        for list in first.iter().chain(&ALL) {
            let Some(found) = self.nodes.get(&(*list, key.clone())) else { continue };
            let fits: Vec<NodeIx> =
                found.iter().copied().filter(|n| *list != Crossing || self.crosses(*n, mode)).collect();
            if !fits.is_empty() {
                return Ok(Spot::Nodes(fits));
            }
        }
        if let Some(row) = ALL
            .iter()
            .find_map(|l| self.model.tables.place.iter().find(|p| p.list == *l && fold(&p.name) == key))
        {
            return self.near(text, (row.lon, row.lat), mode);
        }
        let side: Vec<NodeIx> =
            self.sides.get(&key).into_iter().flatten().copied().filter(|n| self.crosses(*n, mode)).collect();
        if !side.is_empty() {
            return Ok(Spot::Nodes(side));
        }
        match self.gazetteer.resolve(text) {
            Ok(Place::Nodes { nodes, .. }) => {
                let fits: Vec<NodeIx> = nodes
                    .iter()
                    .copied()
                    .filter(|n| kinds(mode).contains(&self.model.node(*n).kind))
                    .collect();
                Ok(Spot::Nodes(if fits.is_empty() { nodes } else { fits }))
            }
            Ok(Place::Point { lon, lat }) => self.near(text, (lon, lat), mode),
            Err(e) if e.candidates.is_empty() => Err(e.what),
            // A reason is one line; the likest names tell what was meant.
            Err(e) => Err(format!("{}; like it: {}", e.what, e.candidates.join("; "))),
        }
    }

    fn members(&self, word: &str, day: Date) -> Vec<StateIx> {
        let t = &self.model.tables;
        let Some(group) =
            t.group.iter().find(|g| fold(g.id.as_str()) == fold(word) || fold(&g.name) == fold(word))
        else {
            return Vec::new();
        };
        let mut out: Vec<StateIx> = t
            .member
            .iter()
            .filter(|m| m.group.as_str() == group.id.as_str())
            .filter(|m| DayInterval { from: m.from, till: m.till }.contains(day))
            .filter_map(|m| self.model.state_ix(m.state.as_str()))
            .collect();
        out.sort();
        out.dedup();
        out
    }

    /// Whether a crossing is one of the mode: a rail and a road crossing may have one name.
    fn crosses(&self, node: NodeIx, mode: ObservedMode) -> bool {
        let id = self.model.node(node).id.as_str();
        let wanted = match mode {
            ObservedMode::Rail => Mode::Rail,
            ObservedMode::Road => Mode::Road,
            _ => return true,
        };
        self.model.tables.border.iter().any(|b| b.node.as_str() == id && b.mode == wanted)
    }

    /// The nearest node of the mode to a place that is no node.
    fn near(&self, text: &str, at: (f64, f64), mode: ObservedMode) -> Result<Spot, String> {
        let kinds = kinds(mode);
        let most = self.model.parameter("access_max_km").map_or(0.0, |p| p.value.best);
        let nodes = &self.model.tables.node;
        let nearest = (0..nodes.len())
            .filter(|i| kinds.contains(&nodes[*i].kind))
            .map(|i| (great_circle_km((nodes[i].lon, nodes[i].lat), at), i))
            .min_by(|a, b| a.0.total_cmp(&b.0));
        match nearest {
            Some((km, i)) if km <= most => Ok(Spot::Nodes(vec![NodeIx::new(i)])),
            _ => Err(format!("no node of the model lies within {most:.0} km of {text}")),
        }
    }
}

/// Kinds of node where a mode begins and ends.
fn kinds(mode: ObservedMode) -> &'static [NodeKind] {
    match mode {
        ObservedMode::Rail => &[NodeKind::Station, NodeKind::Terminal, NodeKind::Gateway],
        ObservedMode::Road => &[NodeKind::Town, NodeKind::Gateway],
        ObservedMode::Sea | ObservedMode::Ferry | ObservedMode::RailFerry | ObservedMode::Port => {
            &[NodeKind::Port, NodeKind::Gateway]
        }
        _ => &[NodeKind::Port, NodeKind::Station, NodeKind::Terminal, NodeKind::Town, NodeKind::Gateway],
    }
}

/// Letters alone count, not their case.
fn fold(text: &str) -> String {
    text.trim().to_lowercase()
}
