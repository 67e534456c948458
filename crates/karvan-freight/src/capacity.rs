//! What bounds the traffic of a year, each with its source: vessels, lines, crossings, terminals, quotas.
//!
//! | Row of the model | Bounds | As |
//! | --- | --- | --- |
//! | `link.capacity` | trains (rail), tonnes (pipelines), each way | a capacity |
//! | `capacity` | vessels that services share, ports, lines, the trains of a day | a capacity |
//! | `rule` with effect `ration` and a quota | lorries, wagons, tonnes of a year | a capacity |
//! | `terminal.capacity_per_day` | what is handled at a node | a queue |
//! | `border.capacity_per_day` | trains or vehicles, both ways together | a queue |
//!
//! A terminal or a crossing counts where its claim is published and nothing in it assumed: what stands in those tables besides
//! says how fast one consignment is handled, and is no bound of a year. Everything else is unbounded, and [`Capacities::unbounded`] counts it.

use std::collections::BTreeMap;

use jiff::civil::Date;
use karvan_model::cell::Cell;
use karvan_model::tables::{
    CapacityPeriod, Departure, Effect, Mode, QuotaPeriod, QuotaUnit, Service, TrafficUnit, Unit,
};
use karvan_model::{BorderIx, LinkIx, Model, NodeIx, RuleIx, ServiceIx, TerminalIx};
use karvan_network::loads::Loads;
use karvan_units::DayInterval;

/// What a capacity is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A link, in one direction.
    Link,
    /// A row of table `capacity` whose figure is stated.
    Stated,
    /// A row of table `capacity` that is made of a service's departures.
    Departures,
    /// A quota of a rule.
    Quota,
    /// A terminal at a node.
    Terminal,
    /// A crossing.
    Border,
}

impl Kind {
    /// The word it is printed as.
    pub fn word(self) -> &'static str {
        match self {
            Kind::Link => "link",
            Kind::Stated => "capacity",
            Kind::Departures => "departures",
            Kind::Quota => "quota",
            Kind::Terminal => "terminal",
            Kind::Border => "border",
        }
    }
}

/// One capacity.
#[derive(Clone, Debug, PartialEq)]
pub struct Capacity {
    /// Table and row, and direction or node where the row has several capacities: `link/x>`.
    pub key: String,
    /// What it is of.
    pub kind: Kind,
    /// What it is, for print.
    pub what: String,
    /// What passes is counted in it.
    pub unit: TrafficUnit,
    /// Most that can pass in the year.
    pub per_year: f64,
    /// Whether a way uses it once, however often it comes by: a line of many links, a quota.
    pub once: bool,
    /// Units that one departure takes, of departures.
    pub per_departure: Option<f64>,
    /// The claim that it rests on, as the table writes it.
    pub claim: String,
}

impl Capacity {
    /// Whether what passes waits in a queue before it.
    pub fn is_queue(&self) -> bool {
        matches!(self.kind, Kind::Terminal | Kind::Border)
    }
}

/// The capacities of a year, and what uses them.
#[derive(Clone, Debug, Default)]
pub struct Capacities {
    /// All.
    pub rows: Vec<Capacity>,
    /// Links, terminals, crossings and services that run on the day and that nothing bounds.
    pub unbounded: Unbounded,
    links: BTreeMap<(LinkIx, bool), Vec<u32>>,
    services: BTreeMap<(ServiceIx, bool), Vec<u32>>,
    ports: BTreeMap<NodeIx, Vec<u32>>,
    borders: BTreeMap<(BorderIx, bool), Vec<u32>>,
    terminals: BTreeMap<(TerminalIx, NodeIx), u32>,
    quotas: BTreeMap<RuleIx, u32>,
}

/// How many rows of the model have no capacity.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
pub struct Unbounded {
    /// Links.
    pub links: u32,
    /// Rows of `terminal`.
    pub terminals: u32,
    /// Rows of `border`.
    pub borders: u32,
    /// Services.
    pub services: u32,
}

const NONE: &[u32] = &[];

impl Capacities {
    /// The capacities in force on a day, for the year of that day.
    pub fn of(model: &Model, day: Date) -> Self {
        let days = f64::from(day.days_in_year());
        let t = &model.tables;
        let mut out = Capacities::default();
        for (i, l) in t.link.iter().enumerate() {
            let Some(c) = l.capacity else {
                out.unbounded.links += 1;
                continue;
            };
            let (unit, per_year) = match l.mode {
                Mode::Rail => (TrafficUnit::Train, c.best * days),
                Mode::Pipeline => (TrafficUnit::Tonne, c.best),
                _ => {
                    out.unbounded.links += 1;
                    continue;
                }
            };
            let name = |k: &str| model.node_ix(k).map_or(k, |n| model.node(n).name_en.as_str()).to_owned();
            let (a, z) = (name(l.from.as_str()), name(l.to.as_str()));
            for forward in [true, false].into_iter().take(if l.one_way { 1 } else { 2 }) {
                let (from, to) = if forward { (&a, &z) } else { (&z, &a) };
                let row = out.add(Capacity {
                    key: format!("link/{}{}", l.id, if forward { '>' } else { '<' }),
                    kind: Kind::Link,
                    what: match &l.name {
                        Some(line) => format!("{line}, {from} to {to}"),
                        None => format!("{} {from} to {to}", l.mode),
                    },
                    unit,
                    per_year,
                    once: true,
                    per_departure: None,
                    claim: Cell::write(&l.claim),
                });
                out.links.entry((LinkIx::new(i), forward)).or_default().push(row);
            }
        }
        for (i, b) in t.border.iter().enumerate() {
            if !(DayInterval { from: b.from, till: b.till }).contains(day) {
                continue;
            }
            let unit = match b.mode {
                Mode::Rail => TrafficUnit::Train,
                Mode::Road => TrafficUnit::Truck,
                _ => {
                    out.unbounded.borders += 1;
                    continue;
                }
            };
            let Some(c) = b.capacity_per_day.filter(|_| b.claim.is_sourced()) else {
                out.unbounded.borders += 1;
                continue;
            };
            let row = out.add(Capacity {
                key: format!("border/{}", b.id),
                kind: Kind::Border,
                what: format!(
                    "{} crossing {}",
                    b.mode,
                    model
                        .node_ix(b.node.as_str())
                        .map_or(b.node.as_str(), |n| model.node(n).name_en.as_str())
                ),
                unit,
                per_year: c.best * days,
                once: false,
                per_departure: None,
                claim: Cell::write(&b.claim),
            });
            for forward in [true, false] {
                out.borders.entry((BorderIx::new(i), forward)).or_default().push(row);
            }
        }
        for (i, o) in t.terminal.iter().enumerate() {
            if !(DayInterval { from: o.from, till: o.till }).contains(day) {
                continue;
            }
            let published = o.capacity_per_day.filter(|_| o.claim.is_sourced());
            let (Some(c), Some(unit)) = (published, o.capacity_unit) else {
                out.unbounded.terminals += 1;
                continue;
            };
            let unit = match unit {
                Unit::Wagon => TrafficUnit::Wagon,
                Unit::Teu => TrafficUnit::Teu,
                Unit::Truck => TrafficUnit::Truck,
                Unit::Tonne => TrafficUnit::Tonne,
            };
            for node in o.nodes.iter().filter_map(|n| model.node_ix(n.as_str())) {
                let row = out.add(Capacity {
                    key: format!("terminal/{}@{}", o.id, model.node(node).id),
                    kind: Kind::Terminal,
                    what: format!("{} at {} ({})", o.operation, model.node(node).name_en, o.id),
                    unit,
                    per_year: c.best * days,
                    once: false,
                    per_departure: None,
                    claim: Cell::write(&o.claim),
                });
                out.terminals.insert((TerminalIx::new(i), node), row);
            }
        }
        out.declared(model, day, days);
        for (i, r) in t.rule.iter().enumerate() {
            let in_force = DayInterval { from: r.from, till: r.till }.contains(day);
            let (Effect::Ration, true, Some(quota)) = (r.effect, in_force, r.quota) else { continue };
            let times = match r.quota_period {
                Some(QuotaPeriod::Month) => 12.0,
                _ => 1.0,
            };
            let unit = match r.quota_unit {
                Some(QuotaUnit::Tonne) => TrafficUnit::Tonne,
                Some(QuotaUnit::Wagon) => TrafficUnit::Wagon,
                Some(QuotaUnit::Teu) => TrafficUnit::Teu,
                Some(QuotaUnit::Truck) => TrafficUnit::Truck,
                _ => continue,
            };
            let row = out.add(Capacity {
                key: format!("rule/{}", r.id),
                kind: Kind::Quota,
                what: r.what.clone(),
                unit,
                per_year: quota * times,
                once: true,
                per_departure: None,
                claim: Cell::write(&r.claim),
            });
            out.quotas.insert(RuleIx::new(i), row);
        }
        let runs = |s: &&Service| DayInterval { from: s.from, till: s.till }.contains(day);
        let bounded: std::collections::BTreeSet<ServiceIx> = out.services.keys().map(|k| k.0).collect();
        out.unbounded.services = (t.service.iter().filter(runs).count()
            - bounded.iter().filter(|s| runs(&&t.service[s.ix()])).count())
            as u32;
        out
    }

    fn declared(&mut self, model: &Model, day: Date, days: f64) {
        let t = &model.tables;
        for c in t.capacity.iter() {
            if !(DayInterval { from: c.from, till: c.till }).contains(day) {
                continue;
            }
            let services: Vec<ServiceIx> = c
                .services
                .iter()
                .filter_map(|k| t.service.iter().position(|s| s.id.as_str() == k.as_str()))
                .map(ServiceIx::new)
                .collect();
            let (kind, per_year, per_departure) = match c.value {
                Some(v) => {
                    let times = if c.period == CapacityPeriod::Day { days } else { 1.0 };
                    (Kind::Stated, v.best * times, None)
                }
                None => {
                    // The departures of the first that runs.
                    let first = services.iter().map(|s| &t.service[s.ix()]).find(|s| {
                        DayInterval { from: s.from, till: s.till }.contains(day) && departures(s).is_some()
                    });
                    let Some(s) = first else { continue };
                    let each = s.capacity.best;
                    (Kind::Departures, each * departures(s).unwrap_or(0.0) * days / 365.0, Some(each))
                }
            };
            let mut rows = Vec::new();
            for forward in [true, false].into_iter().take(if c.each_way { 2 } else { 1 }) {
                let direction = match (c.each_way, forward) {
                    (false, _) => "",
                    (true, true) => ">",
                    (true, false) => "<",
                };
                let ends = services.first().and_then(|s| {
                    let stops = &t.service[s.ix()].stops;
                    let name = |k: &str| model.node_ix(k).map(|n| model.node(n).name_en.clone());
                    Some((name(stops.first()?.as_str())?, name(stops.last()?.as_str())?))
                });
                let what = match (c.each_way, ends) {
                    (true, Some((a, z))) if forward => format!("{}, {a} to {z}", c.what),
                    (true, Some((a, z))) => format!("{}, {z} to {a}", c.what),
                    _ => format!("{}{direction}", c.what),
                };
                rows.push(self.add(Capacity {
                    key: format!("capacity/{}{direction}", c.id),
                    kind,
                    what,
                    unit: c.unit,
                    per_year,
                    once: !c.links.is_empty(),
                    per_departure,
                    claim: Cell::write(&c.claim),
                }));
            }
            let of = |forward: bool| rows[usize::from(c.each_way && !forward)];
            for forward in [true, false] {
                for s in &services {
                    self.services.entry((*s, !forward)).or_default().push(of(forward));
                }
                for k in c.links.iter() {
                    if let Some(i) = t.link.iter().position(|l| l.id.as_str() == k.as_str()) {
                        self.links.entry((LinkIx::new(i), forward)).or_default().push(of(forward));
                    }
                }
                for k in c.borders.iter() {
                    if let Some(i) = t.border.iter().position(|l| l.id.as_str() == k.as_str()) {
                        self.borders.entry((BorderIx::new(i), forward)).or_default().push(of(forward));
                    }
                }
            }
            for node in c.ports.iter().filter_map(|k| model.node_ix(k.as_str())) {
                self.ports.entry(node).or_default().push(of(true));
            }
        }
    }

    fn add(&mut self, c: Capacity) -> u32 {
        self.rows.push(c);
        self.rows.len() as u32 - 1
    }

    /// Of a link run in a direction.
    pub fn of_link(&self, link: LinkIx, forward: bool) -> &[u32] {
        self.links.get(&(link, forward)).map_or(NONE, Vec::as_slice)
    }
    /// Of a way of a service.
    pub fn of_service(&self, service: ServiceIx, back: bool) -> &[u32] {
        self.services.get(&(service, back)).map_or(NONE, Vec::as_slice)
    }
    /// Of a port at which a way of a service begins or ends.
    pub fn of_port(&self, node: NodeIx) -> &[u32] {
        self.ports.get(&node).map_or(NONE, Vec::as_slice)
    }
    /// Of a crossing in a direction.
    pub fn of_border(&self, border: BorderIx, forward: bool) -> &[u32] {
        self.borders.get(&(border, forward)).map_or(NONE, Vec::as_slice)
    }
    /// Of a terminal at a node.
    pub fn of_terminal(&self, terminal: TerminalIx, node: NodeIx) -> Option<u32> {
        self.terminals.get(&(terminal, node)).copied()
    }
    /// Of a rule's quota.
    pub fn of_rule(&self, rule: RuleIx) -> Option<u32> {
        self.quotas.get(&rule).copied()
    }
    /// Whether any rule has a quota here.
    pub fn has_quotas(&self) -> bool {
        !self.quotas.is_empty()
    }
}

/// Departures of a service a year; `None` where it goes as it is asked for.
pub fn departures(s: &Service) -> Option<f64> {
    match s.departure {
        Departure::Timetable => Some(s.times.len() as f64 * 365.0 / 7.0),
        Departure::Headway | Departure::WhenFull => {
            s.headway_h.filter(|h| h.best > 0.0).map(|h| 365.0 * 24.0 / h.best)
        }
        Departure::OnDemand => None,
    }
}

/// A consignment counted in a unit of traffic; `None` if it is not counted so.
pub fn units(model: &Model, loads: &Loads, unit: TrafficUnit) -> Option<f64> {
    let e = &model.tables.equipment[loads.equipment.ix()];
    match unit {
        TrafficUnit::Tonne => Some(loads.tonnes),
        TrafficUnit::Wagon if e.mode == Mode::Rail => Some(loads.vehicles),
        TrafficUnit::Truck if e.mode == Mode::Road => Some(loads.vehicles),
        TrafficUnit::Teu if loads.unit == Unit::Teu => Some(loads.count),
        TrafficUnit::Train if e.mode == Mode::Rail => e.block_units.map(|b| loads.count / f64::from(b)),
        _ => None,
    }
}
