//! The ways each flow may go: found by the planner's search on one day, the same for all that is shipped in the year.
//!
//! For every cargo and pair of states one network is compiled for a consignment of the usual size (table `choice`), with the
//! law and the links of the day. Between two places the choice set is
//!
//! 1. the Pareto set of the planner: no other way is as good in time, spread, cost and CO2e, to a fiftieth;
//! 2. for the best of these by generalised cost, and each capacity it uses, each state it crosses and each mode it goes by: the
//!    Pareto set in time and cost, to a tenth, of the ways that do without (link elimination: J. Azevedo et al., *An algorithm
//!    for the ranking of shortest paths*, European Journal of Operational Research 69, 1993). So whatever is short, there is a
//!    way round it in the set, if there is one at all;
//! 3. of these at most `assign_alternatives`, by generalised cost, the best of each mode and corridor before others.
//!
//! Generalised cost of a tonne is its price, and its time at the value of time: the mean, and the spread between middle and
//! ninetieth percentile (1.2816 standard deviations, as of a normal distribution; the standard deviations along a way are added,
//! which bounds them from above) at the reliability ratio; and CO2e at its price.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use jiff::tz::TimeZone;
use karvan_demand::Od;
use karvan_model::rules::QuotaUse;
use karvan_model::tables::{Choice, Mode};
use karvan_model::{BorderIx, CargoIx, EquipmentIx, LinkIx, Model, NodeIx, StateIx, TerminalIx};
use karvan_network::base::{Base, LandPart};
use karvan_network::compile::{Arc, Element, Network, Question};
use karvan_network::loads::Loads;
use karvan_network::rates::Pricer;
use karvan_network::search::{Found, Settings};
use rayon::prelude::*;

use crate::FreightError;
use crate::capacity::{Capacities, units};

/// Standard normal quantile of nine tenths.
const P90: f64 = 1.281_551_565_544_6;
/// The planner's: see [`karvan_network::search::Settings::epsilon`].
const FINE: f32 = 0.02;
/// Of searches that do without something.
const COARSE: f32 = 0.1;
/// Labels after which a search is cut short.
const MAX_LABELS: usize = 400_000;
/// Days after departure that a journey may take.
const HORIZON_DAYS: u32 = 150;

/// A run over links that some way takes: links with the direction, from a node to a node.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Run {
    /// From.
    pub from: NodeIx,
    /// To.
    pub to: NodeIx,
    /// Links, `true` where run from their `from`.
    pub links: Vec<(LinkIx, bool)>,
}

/// Part of a way.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Part {
    /// A run over links.
    Run {
        /// Index into [`Choices::runs`].
        run: u32,
        /// What is ridden in.
        ride: EquipmentIx,
    },
    /// A way of a service.
    Sail {
        /// Index into [`Base::sailings`].
        sailing: u32,
        /// What is ridden in.
        ride: EquipmentIx,
    },
    /// A crossing.
    Cross {
        /// Row of `border`.
        border: BorderIx,
        /// Whether from its first state to its second.
        forward: bool,
        /// What is ridden in.
        ride: EquipmentIx,
    },
    /// Something done at a terminal.
    Operate {
        /// Row of `terminal`.
        terminal: TerminalIx,
        /// Node.
        node: NodeIx,
        /// What is ridden in after it, or before it at the end.
        ride: EquipmentIx,
    },
}

/// One alternative of a flow.
#[derive(Clone, Debug, PartialEq)]
pub struct Way {
    /// Mode by which most of its kilometres are run: its nest.
    pub mode: Mode,
    /// Row of table `corridor`, by position; `None`: other.
    pub corridor: Option<u32>,
    /// Mean time, h.
    pub h: f64,
    /// Sum of the standard deviations of its parts, h.
    pub sd_h: f64,
    /// Price, US dollars a tonne.
    pub usd: f64,
    /// kg CO2e a tonne.
    pub co2e_kg: f64,
    /// Generalised cost without queues and shadow prices, US dollars a tonne.
    pub generalised: f64,
    /// Length, km.
    pub km: f64,
    /// Its parts in order.
    pub parts: Vec<Part>,
    /// Capacities used, and by how many units a tonne.
    pub uses: Vec<(u32, f32)>,
}

/// A flow with its choice set.
#[derive(Clone, Debug, PartialEq)]
pub struct Flow {
    /// Where it starts.
    pub from: NodeIx,
    /// Where it ends.
    pub to: NodeIx,
    /// State of origin.
    pub origin: Option<StateIx>,
    /// State of destination.
    pub destination: Option<StateIx>,
    /// Cargo.
    pub cargo: CargoIx,
    /// Tonnes a year.
    pub tonnes: f64,
    /// Row of table `choice`.
    pub choice: u32,
    /// Value of an hour of a tonne, US dollars.
    pub usd_per_h: f64,
    /// Alternatives; none where nothing may go.
    pub ways: Vec<Way>,
}

/// All flows with their choice sets.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Choices {
    /// Flows.
    pub flows: Vec<Flow>,
    /// Runs that ways share.
    pub runs: Vec<Run>,
}

/// Where a place's cargo may be loaded or unloaded: itself and, of a town, its stations, ports and terminals.
pub fn ends_of(model: &Model, place: NodeIx) -> Vec<NodeIx> {
    let key = model.node(place).id.as_str();
    let inside = model.tables.node.iter().enumerate();
    let inside = inside.filter(|(_, n)| n.town.as_ref().is_some_and(|t| t.as_str() == key));
    std::iter::once(place).chain(inside.map(|(i, _)| NodeIx::new(i))).collect()
}

fn parameter(model: &Model, id: &'static str) -> Result<f64, FreightError> {
    model.parameter(id).map(|p| p.value.best).ok_or(FreightError::Parameter(id))
}

/// What time and CO2e are worth to a cargo.
#[derive(Clone, Copy)]
struct Worth {
    usd_per_h: f64,
    reliability: f64,
    co2e_usd_per_kg: f64,
}

impl Worth {
    fn of(model: &Model, cargo: CargoIx, row: &Choice) -> Result<Self, FreightError> {
        let share = match row.time_share_per_day {
            Some(s) => s.best,
            None => parameter(model, "value_of_time_share_per_day")?,
        };
        let reliability = match row.reliability_ratio {
            Some(r) => r.best,
            None => parameter(model, "reliability_ratio")?,
        };
        Ok(Self {
            usd_per_h: model.tables.cargo[cargo.ix()].value_usd_per_t.best * share / 24.0,
            reliability,
            co2e_usd_per_kg: parameter(model, "co2e_price_usd_per_t")? / 1000.0,
        })
    }

    fn cost(&self, usd: f64, h: f64, sd: f64, co2e_kg: f64) -> f64 {
        usd + self.usd_per_h * (h + self.reliability * P90 * sd) + self.co2e_usd_per_kg * co2e_kg
    }
}

/// A corridor as ways are asked for it.
struct Corridor {
    /// Position in the table.
    row: u32,
    nodes: BTreeSet<NodeIx>,
    also: BTreeSet<NodeIx>,
    transit: BTreeSet<StateIx>,
}

/// The corridors of a model, in the order of their rank.
struct Corridors {
    rows: Vec<Corridor>,
}

impl Corridors {
    fn of(model: &Model) -> Self {
        let nodes = |list: &[karvan_model::cell::Ref<karvan_model::tables::Node>]| {
            list.iter().filter_map(|k| model.node_ix(k.as_str())).collect()
        };
        let mut rows: Vec<_> = model.tables.corridor.iter().enumerate().collect();
        rows.sort_by_key(|(i, r)| (r.rank, *i));
        let rows = rows.into_iter().map(|(i, r)| Corridor {
            row: i as u32,
            nodes: nodes(&r.nodes),
            also: nodes(&r.also),
            transit: r.transit.iter().filter_map(|k| model.state_ix(k.as_str())).collect(),
        });
        Self { rows: rows.collect() }
    }

    fn find(&self, nodes: &BTreeSet<NodeIx>, transit: &BTreeSet<StateIx>) -> Option<u32> {
        let any = |of: &BTreeSet<NodeIx>| of.is_empty() || of.iter().any(|n| nodes.contains(n));
        let crosses = |c: &Corridor| c.transit.is_empty() || c.transit.iter().any(|s| transit.contains(s));
        self.rows.iter().find(|c| any(&c.nodes) && any(&c.also) && crosses(c)).map(|c| c.row)
    }

    fn asks(&self, node: NodeIx) -> bool {
        self.rows.iter().any(|c| c.nodes.contains(&node) || c.also.contains(&node))
    }
}

/// What may be done without, of an arc.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Tag {
    Capacity(u32),
    Through(StateIx),
    By(Mode),
}

/// The choice sets of a year's demand. `told` hears of every flow that is done, in no order.
///
/// # Errors
/// If the model lacks a parameter or a row of `choice`.
pub fn choices(
    model: &Model,
    base: &Base,
    demand: &[Od],
    day: Date,
    capacities: &Capacities,
    told: &(dyn Fn(usize) + Sync),
) -> Result<Choices, FreightError> {
    let most = parameter(model, "assign_alternatives")?.max(1.0) as usize;
    let corridors = Corridors::of(model);
    let state = |n: NodeIx| model.node(n).state.as_ref().and_then(|s| model.state_ix(s.as_str()));
    let mut groups: BTreeMap<(CargoIx, Option<StateIx>, Option<StateIx>), Vec<usize>> = BTreeMap::new();
    for (i, o) in demand.iter().enumerate() {
        groups.entry((o.cargo, state(o.from), state(o.to))).or_default().push(i);
    }
    let groups: Vec<_> = groups.into_iter().collect();
    let found: Vec<OfGroup> = groups
        .par_iter()
        .map(|((cargo, origin, destination), flows)| {
            let group = Group {
                model,
                base,
                capacities,
                corridors: &corridors,
                cargo: *cargo,
                origin: *origin,
                destination: *destination,
                day,
                most,
            };
            group.flows(demand, flows, told)
        })
        .collect::<Result<_, _>>()?;
    let mut known: BTreeMap<Run, u32> = BTreeMap::new();
    let mut out = Choices::default();
    let mut placed: Vec<Option<Flow>> = vec![None; demand.len()];
    for (flows, runs) in found {
        let number: Vec<u32> = runs
            .into_iter()
            .map(|r| {
                let next = out.runs.len() as u32;
                *known.entry(r).or_insert_with_key(|r| {
                    out.runs.push(r.clone());
                    next
                })
            })
            .collect();
        for (i, mut f) in flows {
            for part in f.ways.iter_mut().flat_map(|w| &mut w.parts) {
                if let Part::Run { run, .. } = part {
                    *run = number[*run as usize];
                }
            }
            placed[i] = Some(f);
        }
    }
    out.flows = placed.into_iter().flatten().collect();
    Ok(out)
}

/// Flows of one cargo from one state to one.
struct Group<'a> {
    model: &'a Model,
    base: &'a Base,
    capacities: &'a Capacities,
    corridors: &'a Corridors,
    cargo: CargoIx,
    origin: Option<StateIx>,
    destination: Option<StateIx>,
    day: Date,
    most: usize,
}

/// Flows of a group by their place in the demand, and the runs that they use.
type OfGroup = (Vec<(usize, Flow)>, Vec<Run>);

impl Group<'_> {
    fn flows(
        &self,
        demand: &[Od],
        flows: &[usize],
        told: &(dyn Fn(usize) + Sync),
    ) -> Result<OfGroup, FreightError> {
        let none = || FreightError::NoChoice(self.model.tables.cargo[self.cargo.ix()].id.0.clone());
        let choice = self.model.choice_of(self.cargo).ok_or_else(none)?;
        let row = &self.model.tables.choice[choice];
        let worth = Worth::of(self.model, self.cargo, row)?;
        let tonnes = row.consignment_t.best;
        let mut loads = Loads::all(self.model, self.cargo, tonnes);
        loads.truncate(usize::from(u8::MAX));
        let places = |of: fn(&Od) -> NodeIx| -> BTreeMap<NodeIx, Vec<NodeIx>> {
            let all: BTreeSet<NodeIx> = flows.iter().map(|i| of(&demand[*i])).collect();
            all.into_iter().map(|n| (n, ends_of(self.model, n))).collect()
        };
        let (from, to) = (places(|o| o.from), places(|o| o.to));
        let ends = |of: &BTreeMap<NodeIx, Vec<NodeIx>>| -> Vec<(NodeIx, f64)> {
            let all: BTreeSet<NodeIx> = of.values().flatten().copied().collect();
            all.into_iter().map(|n| (n, 0.0)).collect()
        };
        let depart = self.day.to_zoned(TimeZone::UTC).map_or(jiff::Timestamp::UNIX_EPOCH, |z| z.timestamp());
        let question = Question {
            cargo: self.cargo,
            loads,
            load_into: Vec::new(),
            from: ends(&from),
            to: ends(&to),
            depart,
            as_of: Some(self.day),
            horizon_days: HORIZON_DAYS,
            avoid_nodes: Vec::new(),
            avoid_states: Vec::new(),
            avoid_modes: Vec::new(),
            via: Vec::new(),
            explain: false,
            registration: self.origin,
            used: QuotaUse::default(),
            lift: Vec::new(),
        };
        let pricer = Pricer {
            model: self.model,
            rates: karvan_model::money::ExchangeRates::new(self.model),
            cargo: &self.model.tables.cargo[self.cargo.ix()],
            day: self.day,
            origin: self.origin,
            destination: self.destination,
        };
        let net = Network::compile(self.base, pricer, &question);
        let on = OnNetwork {
            group: self,
            net: &net,
            worth,
            tonnes,
            tags: net.arcs.iter().map(|a| self.tags(&net, a)).collect(),
            starts: ends_of_arcs(&net, true),
            ends: ends_of_arcs(&net, false),
        };
        let mut runs = Runs::default();
        let mut by_end: BTreeMap<NodeIx, Vec<usize>> = BTreeMap::new();
        for i in flows {
            by_end.entry(demand[*i].to).or_default().push(*i);
        }
        let mut out = Vec::with_capacity(flows.len());
        for (end, of_end) in by_end {
            let ways = on.toward(&to[&end]);
            for i in of_end {
                let o = &demand[i];
                let flow = Flow {
                    from: o.from,
                    to: o.to,
                    origin: self.origin,
                    destination: self.destination,
                    cargo: o.cargo,
                    tonnes: o.tonnes,
                    choice: choice as u32,
                    usd_per_h: worth.usd_per_h,
                    ways: ways.from(&from[&o.from], &mut runs),
                };
                out.push((i, flow));
                told(1);
            }
        }
        Ok((out, runs.all))
    }

    fn tags(&self, net: &Network, arc: &Arc) -> Vec<Tag> {
        let mut out = Vec::new();
        let foreign =
            |s: Option<StateIx>| s.filter(|s| Some(*s) != self.origin && Some(*s) != self.destination);
        for e in net.elements_of(arc) {
            match *e {
                Element::Run { stretch, .. } => {
                    let s = net.stretch(stretch);
                    out.extend(foreign(s.state).map(Tag::Through));
                    out.push(Tag::By(s.track.mode));
                }
                Element::Sail { sailing, .. } => {
                    let s = &self.base.sailings[sailing as usize];
                    for part in &s.land {
                        if let LandPart::Run { state, .. } = part {
                            out.extend(foreign(*state).map(Tag::Through));
                        }
                    }
                    out.push(Tag::By(self.model.tables.service[s.service.ix()].mode));
                }
                _ => {}
            }
        }
        out.extend(self.uses(net, arc).into_iter().map(|(r, _)| Tag::Capacity(r)));
        out.sort();
        out.dedup();
        out
    }

    /// Capacities that an arc uses, by how many units a consignment.
    fn uses(&self, net: &Network, arc: &Arc) -> Vec<(u32, f64)> {
        let c = self.capacities;
        let mut out: Vec<(u32, f64)> = Vec::new();
        let mut add = |rows: &[u32], ride: u8, once: bool| {
            for r in rows {
                let Some(n) = units(self.model, &net.loads[ride as usize], c.rows[*r as usize].unit) else {
                    continue;
                };
                match out.iter_mut().find(|(row, _)| row == r) {
                    Some(_) if once => {}
                    Some((_, sum)) => *sum += n,
                    None => out.push((*r, n)),
                }
            }
        };
        for (e, passed) in net.steps_of(arc) {
            let ride = match *e {
                Element::Run { stretch, rate } => {
                    let ride = net.ride_of(rate);
                    for (link, forward) in &net.stretch(stretch).links {
                        add(c.of_link(*link, *forward), ride, true);
                    }
                    ride
                }
                Element::Sail { sailing, ride } => {
                    let s = &self.base.sailings[sailing as usize];
                    add(c.of_service(s.service, s.back), ride, false);
                    for (link, forward) in &s.links {
                        add(c.of_link(*link, *forward), ride, true);
                    }
                    if s.land.is_empty() {
                        add(c.of_port(s.from), ride, false);
                        add(c.of_port(s.to), ride, false);
                    }
                    for (border, forward) in borders_of(self.model, self.base, net, sailing) {
                        add(c.of_border(border, forward), ride, false);
                    }
                    ride
                }
                Element::Cross { border, forward, ride, .. } => {
                    add(c.of_border(border, forward), ride, false);
                    ride
                }
                Element::Operate { terminal, node, before, after } => {
                    let Some(ride) = after.or(before) else { continue };
                    if let Some(row) = c.of_terminal(terminal, node) {
                        // Whichever of the two is counted so.
                        let counted = [before, after].into_iter().flatten().find(|r| {
                            units(self.model, &net.loads[*r as usize], c.rows[row as usize].unit).is_some()
                        });
                        if let Some(r) = counted {
                            add(&[row], r, false);
                        }
                    }
                    ride
                }
                Element::Enter { rate, .. } | Element::Access { rate, .. } => net.ride_of(rate),
            };
            if c.has_quotas() {
                for rule in &net.rule_effects(e, self.day, passed).applied {
                    if let Some(row) = c.of_rule(*rule) {
                        add(&[row], ride, true);
                    }
                }
            }
        }
        out
    }
}

/// The crossings that a train of a service passes without an element of their own, with their rows and directions.
pub(crate) fn borders_of(model: &Model, base: &Base, net: &Network, sailing: u32) -> Vec<(BorderIx, bool)> {
    let s = &base.sailings[sailing as usize];
    let service = &model.tables.service[s.service.ix()];
    if service.duration_h.is_none() {
        return Vec::new();
    }
    let mode = service.mode;
    let day = net.as_of.unwrap_or(net.pricer.day);
    let mut out = Vec::new();
    for part in &s.land {
        let LandPart::Border { node, from, to } = *part else { continue };
        if let Some((ix, _)) = karvan_network::compile::border_row(model, base, node, from, to, mode, day) {
            out.push((ix, model.state_ix(model.tables.border[ix.ix()].state_a.as_str()) == Some(from)));
        }
    }
    out
}

/// The node at which each arc from the start begins (or to the end ends), by position; `None` for all others.
fn ends_of_arcs(net: &Network, start: bool) -> Vec<Option<NodeIx>> {
    let mut out = vec![None; net.arcs.len()];
    for v in 0..net.first.len().saturating_sub(1) {
        for i in net.first[v]..net.first[v + 1] {
            let arc = &net.arcs[i as usize];
            if if start { v as u32 == net.source } else { arc.to == net.sink } {
                let mut operations = net.elements_of(arc).iter().filter_map(|e| match e {
                    Element::Operate { node, .. } => Some(*node),
                    _ => None,
                });
                out[i as usize] = if start { operations.next() } else { operations.next_back() };
            }
        }
    }
    out
}

/// Runs by their links, in the order in which they were met.
#[derive(Default)]
struct Runs {
    all: Vec<Run>,
    known: BTreeMap<Run, u32>,
}

impl Runs {
    fn number(&mut self, run: Run) -> u32 {
        let next = self.all.len() as u32;
        *self.known.entry(run).or_insert_with_key(|r| {
            self.all.push(r.clone());
            next
        })
    }
}

/// A compiled network with what the searches on it share.
struct OnNetwork<'a> {
    group: &'a Group<'a>,
    net: &'a Network<'a>,
    worth: Worth,
    tonnes: f64,
    tags: Vec<Vec<Tag>>,
    starts: Vec<Option<NodeIx>>,
    ends: Vec<Option<NodeIx>>,
}

/// The searches toward one destination.
struct Toward<'a> {
    on: &'a OnNetwork<'a>,
    to: &'a [NodeIx],
    bounds: karvan_network::search::Bounds,
}

const FINE_SEARCH: Settings = Settings { criteria: [true; 4], epsilon: FINE, max_labels: MAX_LABELS };
const COARSE_SEARCH: Settings =
    Settings { criteria: [true, false, true, false], epsilon: COARSE, max_labels: MAX_LABELS };

impl<'a> OnNetwork<'a> {
    fn toward(&'a self, to: &'a [NodeIx]) -> Toward<'a> {
        let bounds = self.net.bounds_over(&FINE_SEARCH, |a| self.ends_in(a, to));
        Toward { on: self, to, bounds }
    }

    /// Whether an arc does not end the journey elsewhere than in one of these.
    fn ends_in(&self, arc: u32, to: &[NodeIx]) -> bool {
        self.ends[arc as usize].is_none_or(|n| to.contains(&n))
    }

    fn generalised(&self, f: &Found) -> f64 {
        let [h, sd, usd, co2e] = f.costs.map(f64::from);
        self.worth.cost(usd / self.tonnes, h, sd, co2e / self.tonnes)
    }
}

impl Toward<'_> {
    /// The choice set from one place.
    fn from(&self, from: &[NodeIx], runs: &mut Runs) -> Vec<Way> {
        let on = self.on;
        if on.net.arcs.is_empty() {
            return Vec::new();
        }
        let may = |a: u32| on.starts[a as usize].is_none_or(|n| from.contains(&n)) && on.ends_in(a, self.to);
        let (mut found, _) = on.net.pareto_within(&self.bounds, &FINE_SEARCH, 0.0, may);
        let best = found.iter().min_by(|a, b| on.generalised(a).total_cmp(&on.generalised(b)));
        let without: BTreeSet<Tag> =
            best.iter().flat_map(|f| &f.arcs).flat_map(|a| &on.tags[a.arc as usize]).copied().collect();
        for tag in without {
            let spared = |a: u32| may(a) && on.tags[a as usize].binary_search(&tag).is_err();
            found.extend(on.net.pareto_within(&self.bounds, &COARSE_SEARCH, 0.0, spared).0);
        }
        let arcs = |f: &Found| f.arcs.iter().map(|a| a.arc).collect::<Vec<_>>();
        let mut seen = BTreeSet::new();
        let mut costed: Vec<(f64, Found)> =
            found.into_iter().filter(|f| seen.insert(arcs(f))).map(|f| (on.generalised(&f), f)).collect();
        costed.sort_by(|a, b| a.0.total_cmp(&b.0).then_with(|| arcs(&a.1).cmp(&arcs(&b.1))));
        // Ways of the same parts are one, such as two that differ in a yard only.
        let mut ways: Vec<Way> = Vec::new();
        for (_, f) in costed {
            let w = on.way(&f, runs);
            if !ways.iter().any(|x| x.parts == w.parts) {
                ways.push(w);
            }
        }
        let mut kinds = BTreeSet::new();
        let first: Vec<bool> = ways.iter().map(|w| kinds.insert((w.mode, w.corridor))).collect();
        let mut rest = on.group.most.saturating_sub(kinds.len());
        ways.into_iter()
            .zip(first)
            .filter(|(_, first)| {
                *first || {
                    let room = rest > 0;
                    rest = rest.saturating_sub(1);
                    room
                }
            })
            .map(|(w, _)| w)
            .take(on.group.most)
            .collect()
    }
}

impl OnNetwork<'_> {
    fn way(&self, f: &Found, runs: &mut Runs) -> Way {
        let (group, net) = (self.group, self.net);
        let (model, base) = (group.model, group.base);
        let equipment = |ride: u8| net.loads[ride as usize].equipment;
        let mut parts = Vec::new();
        let mut km: BTreeMap<Mode, f64> = BTreeMap::new();
        let mut nodes = BTreeSet::new();
        let mut transit = BTreeSet::new();
        let mut uses: Vec<(u32, f64)> = Vec::new();
        let mut pass = |n: NodeIx| {
            if group.corridors.asks(n) {
                nodes.insert(n);
            }
        };
        let foreign =
            |s: Option<StateIx>| s.filter(|s| Some(*s) != group.origin && Some(*s) != group.destination);
        let end_of = |link: LinkIx, forward: bool| {
            let l = &model.tables.link[link.ix()];
            model.node_ix(if forward { l.to.as_str() } else { l.from.as_str() })
        };
        for a in &f.arcs {
            let arc = &net.arcs[a.arc as usize];
            for (row, n) in group.uses(net, arc) {
                let once = group.capacities.rows[row as usize].once;
                match uses.iter_mut().find(|(r, _)| *r == row) {
                    Some((_, sum)) if once => *sum = sum.max(n),
                    Some((_, sum)) => *sum += n,
                    None => uses.push((row, n)),
                }
            }
            for e in net.elements_of(arc) {
                match *e {
                    Element::Run { stretch, rate } => {
                        let s = net.stretch(stretch);
                        let run = runs.number(Run { from: s.from, to: s.to, links: s.links.clone() });
                        parts.push(Part::Run { run, ride: equipment(net.ride_of(rate)) });
                        *km.entry(s.track.mode).or_default() += s.km;
                        transit.extend(foreign(s.state));
                        pass(s.from);
                        for (link, forward) in &s.links {
                            end_of(*link, *forward).map(&mut pass);
                        }
                    }
                    Element::Sail { sailing, ride } => {
                        let s = &base.sailings[sailing as usize];
                        parts.push(Part::Sail { sailing, ride: equipment(ride) });
                        *km.entry(model.tables.service[s.service.ix()].mode).or_default() += s.km;
                        pass(s.from);
                        pass(s.to);
                        for (link, forward) in &s.links {
                            end_of(*link, *forward).map(&mut pass);
                        }
                        for part in &s.land {
                            if let LandPart::Run { state, .. } = part {
                                transit.extend(foreign(*state));
                            }
                        }
                        for (border, forward) in borders_of(model, base, net, sailing) {
                            parts.push(Part::Cross { border, forward, ride: equipment(ride) });
                        }
                    }
                    Element::Cross { border, forward, ride, .. } => {
                        parts.push(Part::Cross { border, forward, ride: equipment(ride) });
                    }
                    Element::Operate { terminal, node, before, after } => {
                        if let Some(ride) = after.or(before) {
                            parts.push(Part::Operate { terminal, node, ride: equipment(ride) });
                        }
                    }
                    Element::Access { .. } | Element::Enter { .. } => {}
                }
            }
        }
        let [h, sd_h, usd, co2e_kg] = f.costs.map(f64::from);
        let longest = km.iter().max_by(|a, b| a.1.total_cmp(b.1).then(b.0.cmp(a.0)));
        Way {
            mode: longest.map_or(Mode::Road, |m| *m.0),
            corridor: group.corridors.find(&nodes, &transit),
            h,
            sd_h,
            usd: usd / self.tonnes,
            co2e_kg: co2e_kg / self.tonnes,
            generalised: self.generalised(f),
            km: km.values().sum(),
            parts,
            uses: uses.into_iter().map(|(r, n)| (r, (n / self.tonnes) as f32)).collect(),
        }
    }
}
