//! Two solutions of one year side by side: what moved, and why.

use std::collections::{BTreeMap, BTreeSet};

use karvan_model::tables::Mode;
use schemars::JsonSchema;
use serde::Serialize;

use crate::choice::{Flow, Part, Way};
use crate::report::{Year, rounded};

/// The schema of a comparison.
pub fn comparison_schema() -> schemars::Schema {
    schemars::schema_for!(Comparison)
}

/// A scenario beside what it is compared with.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Comparison {
    /// Version of this form.
    pub schema_version: u32,
    /// Version of karvan.
    pub version: String,
    /// Model and its version.
    pub model: String,
    /// Year.
    pub year: u32,
    /// What it is compared with.
    pub base: Side,
    /// The scenario.
    pub scenario: Side,
    /// Tonnes that go another way, or go where they stayed, or stay where they went.
    pub moved_t: f64,
    /// By corridor.
    pub corridors: Vec<Difference>,
    /// By mode of most kilometres.
    pub modes: Vec<Difference>,
    /// Capacities of which load or price differ, the greatest difference of what they earn first.
    pub capacities: Vec<CapacityDifference>,
    /// What moved, by states, cargo and ways, the most first.
    pub moved: Vec<Moved>,
    /// Credits of the data.
    pub attribution: Vec<String>,
}

/// One side.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Side {
    /// Name of the scenario; `base` for the model as it is.
    pub name: String,
    /// BLAKE3 of the model's files, edited.
    pub model_hash: String,
    /// Tonnes that move.
    pub carried_t: f64,
    /// Tonnes that stay because it has become too dear.
    pub stays_t: f64,
    /// Tonnes without a way.
    pub no_way_t: f64,
    /// Generalised cost of what moves, waits included, US dollars.
    pub cost_usd: f64,
    /// Value of the programme: cost, dispersion and what staying costs. The difference is what all shippers gain.
    pub value_usd: f64,
    /// Duality gap.
    pub gap: f64,
}

/// A figure on both sides.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Difference {
    /// Of what.
    pub what: String,
    /// Tonnes in the base.
    pub base_t: f64,
    /// Tonnes in the scenario.
    pub scenario_t: f64,
}

/// A capacity on both sides.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct CapacityDifference {
    /// Table and row.
    pub row: String,
    /// What it is.
    pub what: String,
    /// Unit.
    pub unit: String,
    /// Capacity of the base and of the scenario; nothing where there is none.
    pub capacity: (Option<f64>, Option<f64>),
    /// Load of the base and of the scenario.
    pub load: (f64, f64),
    /// Price of a unit in the base and in the scenario, US dollars.
    pub price_usd: (f64, f64),
}

/// Cargo that goes another way.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Moved {
    /// State of origin.
    pub from: String,
    /// State of destination.
    pub to: String,
    /// Cargo.
    pub cargo: String,
    /// Tonnes.
    pub tonnes: f64,
    /// The way that lost most.
    pub lost: String,
    /// The way that gained most.
    pub gained: String,
    /// Why, of the largest flow among them.
    pub why: String,
}

/// Moves of at least so many tonnes are listed.
const LEAST_T: f64 = 100.0;

/// Key of a flow that holds in both models.
type Key = (String, String, String);

impl Year<'_> {
    fn key(&self, f: &Flow) -> Key {
        let node = |n| self.model.node(n).id.0.clone();
        (node(f.from), node(f.to), self.model.tables.cargo[f.cargo.ix()].id.0.clone())
    }

    /// A way by what a user would call it: its mode, crossings and sailings.
    pub fn label(&self, w: &Way) -> String {
        let name = |n| self.model.node(n).name_en.as_str();
        let mut places: Vec<String> = Vec::new();
        for p in &w.parts {
            let place = match *p {
                Part::Cross { border, .. } => {
                    let b = &self.model.tables.border[border.ix()];
                    self.model.node_ix(b.node.as_str()).map_or(b.id.0.clone(), |n| name(n).to_owned())
                }
                Part::Sail { sailing, .. } => {
                    let s = &self.base.sailings[sailing as usize];
                    if !s.land.is_empty() {
                        continue;
                    }
                    format!("{} > {}", name(s.from), name(s.to))
                }
                _ => continue,
            };
            if places.last() != Some(&place) {
                places.push(place);
            }
        }
        let of = if places.is_empty() { String::new() } else { format!(": {}", places.join(", ")) };
        format!("{}{of}", w.mode)
    }

    fn corridor_name(&self, c: Option<u32>) -> String {
        c.map_or("other ways".into(), |c| self.model.tables.corridor[c as usize].name.clone())
    }

    /// What a way costs with the prices of all it uses, and what each use adds, by the capacity's row.
    fn priced(&self, w: &Way) -> (f64, BTreeMap<&str, f64>) {
        let mut tolls = BTreeMap::new();
        for (row, n) in &w.uses {
            let row = *row as usize;
            let toll = self.assigned.prices[row] * f64::from(*n);
            if toll != 0.0 {
                tolls.insert(self.capacities.rows[row].key.as_str(), toll);
            }
        }
        (w.generalised + tolls.values().sum::<f64>(), tolls)
    }

    fn side(&self, name: &str, hash: &str) -> Side {
        let flows = &self.choices.flows;
        Side {
            name: name.to_owned(),
            model_hash: hash.to_owned(),
            carried_t: self.assigned.carried.iter().flatten().sum(),
            stays_t: self.assigned.stays.iter().sum(),
            no_way_t: flows.iter().filter(|f| f.ways.is_empty()).map(|f| f.tonnes).sum(),
            cost_usd: self.assigned.certificate.cost,
            value_usd: self.assigned.certificate.primal,
            gap: self.assigned.certificate.gap,
        }
    }
}

/// One flow on one side, by the names of its ways.
struct Seen<'a> {
    year: &'a Year<'a>,
    tonnes: BTreeMap<String, f64>,
    ways: BTreeMap<String, &'a Way>,
}

const STAYS: &str = "stays";

fn seen<'a>(year: &'a Year<'a>, flow: Option<usize>) -> Seen<'a> {
    let mut out = Seen { year, tonnes: BTreeMap::new(), ways: BTreeMap::new() };
    let Some(i) = flow else { return out };
    let f = &year.choices.flows[i];
    for (w, t) in f.ways.iter().zip(&year.assigned.carried[i]) {
        let label = year.label(w);
        *out.tonnes.entry(label.clone()).or_default() += t;
        // Of ways of one name the cheapest stands for them.
        let cheaper = |old: &&Way| w.generalised < old.generalised;
        if out.ways.get(&label).is_none_or(cheaper) {
            out.ways.insert(label, w);
        }
    }
    let stays = if f.ways.is_empty() { f.tonnes } else { year.assigned.stays[i] };
    if stays > 0.0 {
        out.tonnes.insert(STAYS.into(), stays);
    }
    out
}

/// Why cargo left one way for another.
fn why(lost: &str, gained: &str, base: &Seen, scenario: &Seen) -> String {
    let mut said = Vec::new();
    let what = |row: &str, s: &Seen| {
        let found = s.year.capacities.rows.iter().find(|c| c.key == row);
        found.map_or(row.to_owned(), |c| c.what.clone())
    };
    for (label, was_used) in [(lost, true), (gained, false)] {
        if label == STAYS {
            continue;
        }
        match (base.ways.get(label), scenario.ways.get(label)) {
            (Some(_), None) => said.push(format!("{label} is no longer among the ways")),
            (None, Some(w)) => said.push(format!(
                "{label} is new among the ways, at {:.0} USD a tonne",
                scenario.year.priced(w).0
            )),
            (Some(a), Some(b)) => {
                let ((cost_a, tolls_a), (cost_b, tolls_b)) = (base.year.priced(a), scenario.year.priced(b));
                let change = cost_b - cost_a;
                if change.abs() < 0.005 * cost_a.abs() {
                    continue;
                }
                let rows: BTreeSet<&str> = tolls_a.keys().chain(tolls_b.keys()).copied().collect();
                let of = |t: &BTreeMap<&str, f64>, r: &str| t.get(r).copied().unwrap_or(0.0);
                let most = rows
                    .into_iter()
                    .map(|r| (of(&tolls_b, r) - of(&tolls_a, r), r))
                    .max_by(|x, y| x.0.abs().total_cmp(&y.0.abs()).then(y.1.cmp(x.1)));
                let by = match most {
                    Some((d, r)) if d.abs() > 0.3 * change.abs() => {
                        format!(
                            ", by {d:+.0} at {}",
                            what(r, if of(&tolls_b, r) > 0.0 { scenario } else { base })
                        )
                    }
                    _ => String::new(),
                };
                let word = if was_used { "the way it left" } else { "the way it takes" };
                said.push(format!("{word} costs {cost_b:.0} USD a tonne instead of {cost_a:.0}{by}"));
            }
            (None, None) => {}
        }
    }
    if said.is_empty() { "small differences of several ways".into() } else { said.join("; ") }
}

/// Compares a scenario with a base of the same year. Names and hashes are of the base and of the scenario.
pub fn compare(base: &Year, scenario: &Year, names: [(&str, &str); 2]) -> Comparison {
    let flows = |y: &Year| -> BTreeMap<Key, usize> {
        y.choices.flows.iter().enumerate().map(|(i, f)| (y.key(f), i)).collect()
    };
    let (a, b) = (flows(base), flows(scenario));
    let keys: BTreeSet<&Key> = a.keys().chain(b.keys()).collect();
    let mut moved_t = 0.0;
    // States, cargo, kind of way lost and gained: tonnes, and the largest flow's ways and reason.
    type Group = (String, String, String, String, String);
    let mut groups: BTreeMap<Group, (f64, f64, Moved)> = BTreeMap::new();
    for key in keys {
        let (of_a, of_b) = (seen(base, a.get(key).copied()), seen(scenario, b.get(key).copied()));
        let labels: BTreeSet<&String> = of_a.tonnes.keys().chain(of_b.tonnes.keys()).collect();
        let t = |s: &Seen, l: &str| s.tonnes.get(l).copied().unwrap_or(0.0);
        let changes: Vec<(f64, &String)> =
            labels.into_iter().map(|l| (t(&of_b, l) - t(&of_a, l), l)).collect();
        let moved: f64 = changes.iter().map(|(d, _)| (-d).max(0.0)).sum();
        if moved < LEAST_T * 1e-2 {
            continue;
        }
        moved_t += moved;
        let by = |x: &&(f64, &String), y: &&(f64, &String)| x.0.total_cmp(&y.0).then(y.1.cmp(x.1));
        let (Some(lost), Some(gained)) = (changes.iter().min_by(by), changes.iter().max_by(by)) else {
            continue;
        };
        let state = |n: &str| {
            let of = base.model.node_ix(n).and_then(|n| base.model.node(n).state.clone());
            of.map_or("-".to_owned(), |s| s.as_str().to_owned())
        };
        let kind =
            |l: &str, first: &Seen, second: &Seen| match first.ways.get(l).or_else(|| second.ways.get(l)) {
                Some(w) => format!("{} {}", first.year.corridor_name(w.corridor), w.mode),
                None => STAYS.to_owned(),
            };
        let group = (
            state(&key.0),
            state(&key.1),
            key.2.clone(),
            kind(lost.1, &of_a, &of_b),
            kind(gained.1, &of_b, &of_a),
        );
        let entry = groups.entry(group).or_insert_with(|| {
            let none = Moved {
                from: state(&key.0),
                to: state(&key.1),
                cargo: key.2.clone(),
                tonnes: 0.0,
                lost: String::new(),
                gained: String::new(),
                why: String::new(),
            };
            (0.0, 0.0, none)
        });
        entry.0 += moved;
        if moved > entry.1 {
            entry.1 = moved;
            entry.2.lost = lost.1.clone();
            entry.2.gained = gained.1.clone();
            entry.2.why = why(lost.1, gained.1, &of_a, &of_b);
        }
    }
    let mut moved: Vec<Moved> = groups
        .into_values()
        .filter(|(t, ..)| *t >= LEAST_T)
        .map(|(tonnes, _, m)| Moved { tonnes, ..m })
        .collect();
    moved.sort_by(|x, y| y.tonnes.total_cmp(&x.tonnes));
    Comparison {
        schema_version: 1,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        model: format!("{} {}", base.model.manifest.name, base.model.manifest.version),
        year: base.year,
        base: base.side(names[0].0, names[0].1),
        scenario: scenario.side(names[1].0, names[1].1),
        moved_t,
        corridors: corridors(base, scenario),
        modes: modes(base, scenario),
        capacities: capacities(base, scenario),
        moved,
        attribution: base.model.manifest.attribution.clone(),
    }
}

fn corridors(base: &Year, scenario: &Year) -> Vec<Difference> {
    let by = |y: &Year| {
        let mut out: BTreeMap<String, f64> = BTreeMap::new();
        for (_, w, t) in y.ways() {
            *out.entry(y.corridor_name(w.corridor)).or_default() += t;
        }
        out
    };
    differences(by(base), by(scenario))
}

fn modes(base: &Year, scenario: &Year) -> Vec<Difference> {
    let by = |y: &Year| {
        let mut out: BTreeMap<Mode, f64> = BTreeMap::new();
        for (_, w, t) in y.ways() {
            *out.entry(w.mode).or_default() += t;
        }
        out.into_iter().map(|(m, t)| (m.word().to_owned(), t)).collect()
    };
    differences(by(base), by(scenario))
}

fn differences(a: BTreeMap<String, f64>, b: BTreeMap<String, f64>) -> Vec<Difference> {
    let keys: BTreeSet<&String> = a.keys().chain(b.keys()).collect();
    let of = |m: &BTreeMap<String, f64>, k: &String| m.get(k).copied().unwrap_or(0.0);
    let mut out: Vec<Difference> = keys
        .into_iter()
        .map(|k| Difference { what: k.clone(), base_t: of(&a, k), scenario_t: of(&b, k) })
        .collect();
    out.sort_by(|x, y| y.base_t.max(y.scenario_t).total_cmp(&x.base_t.max(x.scenario_t)));
    out
}

fn capacities(base: &Year, scenario: &Year) -> Vec<CapacityDifference> {
    let rows = |y: &Year| -> BTreeMap<String, usize> {
        y.capacities.rows.iter().enumerate().map(|(i, c)| (c.key.clone(), i)).collect()
    };
    let (a, b) = (rows(base), rows(scenario));
    let keys: BTreeSet<&String> = a.keys().chain(b.keys()).collect();
    let mut out: Vec<CapacityDifference> = keys
        .into_iter()
        .filter_map(|k| {
            let (i, j) = (a.get(k).copied(), b.get(k).copied());
            let row = j.map(|j| &scenario.capacities.rows[j]).or(i.map(|i| &base.capacities.rows[i]))?;
            let of = |y: &Year, i: Option<usize>| {
                i.map_or((None, 0.0, 0.0), |i| {
                    (Some(y.capacities.rows[i].per_year), y.assigned.loads[i], y.assigned.prices[i])
                })
            };
            let (x, y) = (of(base, i), of(scenario, j));
            Some(CapacityDifference {
                row: k.clone(),
                what: row.what.clone(),
                unit: row.unit.word().to_owned(),
                capacity: (x.0, y.0),
                load: (x.1, y.1),
                price_usd: (x.2, y.2),
            })
        })
        .filter(|c| {
            let differs = |a: f64, b: f64| (a - b).abs() > 1e-3 * a.abs().max(b.abs()).max(1e-9);
            differs(c.load.0, c.load.1) && c.load.0.max(c.load.1) > 1.0
                || differs(c.price_usd.0, c.price_usd.1) && c.price_usd.0.max(c.price_usd.1) > 1e-3
        })
        .collect();
    let earns = |c: &CapacityDifference| {
        (c.load.1 * c.price_usd.1 - c.load.0 * c.price_usd.0).abs() + 1e-6 * (c.load.1 - c.load.0).abs()
    };
    out.sort_by(|x, y| earns(y).total_cmp(&earns(x)).then(x.row.cmp(&y.row)));
    out
}

/// A sum of US dollars with its sign, in millions.
pub fn millions(usd: f64) -> String {
    format!("{}{} million USD", if usd < 0.0 { "-" } else { "+" }, rounded(usd.abs() / 1e6))
}
