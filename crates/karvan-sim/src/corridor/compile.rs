//! From a model and its demand to what a run needs.
//!
//! Each flow's ways are found by time and cost at the beginning of each month of the run, on the days on which the law, a link, a
//! border or a service changes, and on those on which consignments of given days are ready; a consignment takes one when it is
//! ready, by a logit on the generalised cost with what is then booked on each (`bookings.rs`).

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use karvan_model::calibration::Factor;
use karvan_model::observed::ProcessKind;
use karvan_model::tables::{Departure, EquipmentKind, FacilityKind, Mode, Operation, Procedure, Unit};
use karvan_model::{BorderIx, LinkIx, Model, NodeIx, ServiceIx, StateIx, TerminalIx};
use karvan_network::base::{Base, LandPart};
use karvan_network::compile::{Element, Network};
use karvan_network::many::{Asked, OnDay, Wanted, ways_of_many};
use karvan_network::rates::{Duration, posts};
use karvan_network::search::{Found, Settings as Search};
use karvan_network::waits::{Quantiles, Wait};
use karvan_units::{DayInterval, Dist};

use super::bookings::shares;
use super::spec::*;
use crate::time::Span;

/// What is simulated.
#[derive(Clone, Copy)]
pub struct Settings<'a> {
    /// First day of the run, its warm-up included.
    pub first: Date,
    /// Day after the last.
    pub last: Date,
    /// Day at which the law and the state of links are frozen.
    pub as_of: Option<Date>,
    /// Threads that look for ways.
    pub threads: usize,
    /// Told of how many flows more the ways are found.
    pub done: &'a (dyn Fn(usize) + Sync),
}

/// Why a model cannot be simulated.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum CompileError {
    /// A figure is missing.
    #[error("the model states no parameter `{0}`, which a simulation needs; add it to table `parameter`")]
    Parameter(&'static str),
    /// Days the wrong way round.
    #[error("a simulation from {0} to {1} has no day")]
    Days(Date, Date),
    /// A fleet whose services do not share two stops.
    #[error("facility `{0}`: vessels serve lines between the same two stops, and its services have others")]
    Fleet(String),
    /// Nothing can move.
    #[error("none of the {0} flows has a way in the days asked for")]
    NoWay(usize),
}

/// A way as found, before its entities have numbers.
#[derive(PartialEq)]
struct Draft {
    steps: Vec<DraftStep>,
    title: String,
}

/// A way in a month, with its generalised cost and its mean time.
struct Choice {
    draft: u32,
    cost_usd: f64,
    mean_h: f64,
}

/// The ways of a flow, and the choice among them by month.
#[derive(Default)]
struct Choices {
    drafts: Vec<Draft>,
    months: Vec<(usize, Vec<Choice>)>,
}

/// What a duration is drawn from.
#[derive(PartialEq)]
enum Shape {
    Dist(Dist),
    Table(Quantiles),
}

/// A duration with the kind and region whose fortune it shares: so many times what is drawn from a shape.
#[derive(PartialEq)]
struct Timed {
    shape: Shape,
    times: f64,
    /// What multiplies it, of which the mean is in it already.
    factor: Factor,
    group: (&'static str, String),
    /// Whether it is drawn with the luck of the step before.
    as_before: bool,
}

#[derive(PartialEq)]
enum DraftStep {
    Stay(Timed, Activity),
    Gate { gate: Gate, units: f64, timed: Timed, activity: Activity },
    Haul { links: Vec<(LinkIx, bool)>, km: f64, wagons: u32, full: u32, timed: Timed },
    Board { service: usize, back: bool, stop: NodeIx, units: f64, timed: Timed },
    Weather(NodeIx),
    Take { kind: EquipmentKind, state: Option<StateIx>, units: u32, ride: usize },
    Give { ride: usize },
    Arrived { node: NodeIx, kind: EquipmentKind, units: u32 },
    Left { node: NodeIx },
}

fn parameter(model: &Model, id: &'static str) -> Result<f64, CompileError> {
    model.parameter(id).map(|p| p.value.best).ok_or(CompileError::Parameter(id))
}

const RHO: [(&str, &str); 6] = [
    ("rail", "correlation_rail"),
    ("road", "correlation_road"),
    ("sea", "correlation_sea"),
    ("border", "correlation_border"),
    ("terminal", "correlation_terminal"),
    ("pipeline", "correlation_pipeline"),
];

/// Compiles a model and its demand.
///
/// # Errors
/// If a parameter is missing or nothing can move.
pub fn compile(
    model: &Model,
    base: &Base,
    flows: &[Flow],
    settings: &Settings,
) -> Result<Spec, CompileError> {
    if settings.first >= settings.last {
        return Err(CompileError::Days(settings.first, settings.last));
    }
    let start = midnight(settings.first);
    // Ways are found for the first day of each month, for the days on which the law, a link, a border or a service changes,
    // and for those on which consignments of given days are ready.
    let mut begins = vec![settings.first];
    let mut day = settings.first;
    while let Ok(next) = day.first_of_month().checked_add(1.month())
        && next < settings.last
    {
        begins.push(next);
        day = next;
    }
    let mut given: Vec<Date> = flows.iter().flat_map(|f| &f.ready).copied().collect();
    if settings.as_of.is_none() {
        let t = &model.tables;
        given.extend(t.rule.iter().flat_map(|r| [r.from, r.till]).flatten());
        given.extend(t.link_state.iter().flat_map(|r| [r.from, r.till]).flatten());
        given.extend(t.border.iter().flat_map(|r| [r.from, r.till]).flatten());
        given.extend(t.service.iter().flat_map(|r| [r.from, r.till]).flatten());
    }
    begins.extend(given.into_iter().filter(|d| settings.first <= *d && *d < settings.last));
    begins.sort();
    begins.dedup();
    let ends = begins.iter().skip(1).chain([&settings.last]);
    let months: Vec<(f64, u8)> = begins
        .iter()
        .zip(ends)
        .map(|(begin, end)| {
            (midnight(*end).duration_since(start).as_secs_f64() / 3600.0, begin.month() as u8 - 1)
        })
        .collect();
    let days = (months.last().map_or(0.0, |m| m.0) / 24.0).round() as u32;
    let weekday = f64::from(settings.first.weekday().to_monday_zero_offset()) * 24.0;
    let theta = parameter(model, "simulation_choice_scale")?;
    let mut c = Compiler {
        model,
        settings,
        rho: RHO
            .iter()
            .map(|(kind, id)| Ok((*kind, parameter(model, id)? as f32)))
            .collect::<Result<_, CompileError>>()?,
        spacing_km: parameter(model, "siding_spacing_km")?.max(0.1),
        spec: Spec {
            hour_of_week: weekday,
            months,
            days,
            motion_kmh: parameter(model, "train_motion_kmh")?.max(1.0),
            choice_scale: theta,
            ..Spec::default()
        },
        quantile_ix: BTreeMap::new(),
        gate_ix: BTreeMap::new(),
        line_ix: BTreeMap::new(),
        path_ix: BTreeMap::new(),
        boarding_ix: BTreeMap::new(),
        weather_ix: BTreeMap::new(),
        pool_ix: BTreeMap::new(),
        yard_ix: BTreeMap::new(),
        demand_on: BTreeMap::new(),
    };
    let vot = parameter(model, "value_of_time_share_per_day")? / 24.0;

    // Ways are looked for in parallel, and numbered in the order of flows and months.
    let wanted: Vec<Wanted> = flows
        .iter()
        .map(|f| Wanted {
            from: f.from.clone(),
            to: f.to.clone(),
            cargo: f.cargo,
            tonnes: f.lot_t,
            avoid_nodes: f.avoid_nodes.clone(),
            avoid_states: f.avoid_states.clone(),
            avoid_modes: f.avoid_modes.clone(),
            via: f.via.clone(),
        })
        .collect();
    let asked = Asked {
        wanted: &wanted,
        ready: &begins,
        as_of: settings.as_of,
        horizon_days: 150,
        search: Search { criteria: [true, false, true, false], epsilon: 0.02, max_labels: 200_000 },
        threads: settings.threads,
    };
    let usd_per_h =
        |f: usize| model.tables.cargo[flows[f].cargo.ix()].value_usd_per_t.best * flows[f].lot_t * vot;
    let found = ways_of_many(
        model,
        base,
        &asked,
        |f, net, days| choices(net, days, &asked.search, usd_per_h(f)),
        |n| (settings.done)(n),
    );

    for ((f, flow), of_flow) in flows.iter().enumerate().zip(found) {
        let name_of = |n: NodeIx| model.node(n).name_en.clone();
        let cargo = &model.tables.cargo[flow.cargo.ix()];
        let id = |n: NodeIx| model.node(n).id.0.clone();
        let name = format!("{}/{}/{}", id(flow.relation.0), id(flow.relation.1), cargo.id);
        let mut choices = vec![Vec::new(); begins.len()];
        let rate: Vec<f64> = begins
            .iter()
            .map(|begin| {
                if !flow.ready.is_empty() {
                    return 0.0;
                }
                let share = flow.season[begin.month() as usize - 1];
                flow.tonnes * share / flow.lot_t.max(1e-3) / hours_in_month(*begin)
            })
            .collect();
        let Choices { drafts, months } = merged(of_flow);
        let mut numbers: Vec<Option<u32>> = vec![None; drafts.len()];
        let mut drafts: Vec<Option<Draft>> = drafts.into_iter().map(Some).collect();
        for (m, open) in months {
            for d in &open {
                let at = d.draft as usize;
                let way = match (numbers[at], drafts[at].take()) {
                    (None, Some(draft)) => c.way(draft, d.cost_usd, d.mean_h),
                    (number, _) => number.unwrap_or_default(),
                };
                numbers[at] = Some(way);
                choices[m].push((way, d.cost_usd));
            }
            c.bring(&choices[m], rate[m]);
        }
        for (m, open) in choices.iter().enumerate() {
            if open.is_empty() {
                c.spec.stranded.push((f, m as u32));
            }
        }
        let ready = flow.ready.iter().filter(|d| settings.first <= **d && **d < settings.last);
        let ready_h =
            ready.map(|d| midnight(*d).duration_since(start).as_secs_f64() / 3600.0 + 12.0).collect();
        let rate = rate.iter().zip(&choices).map(|(r, c)| if c.is_empty() { 0.0 } else { *r }).collect();
        c.spec.flows.push(FlowSpec {
            relation: (name_of(flow.relation.0), name_of(flow.relation.1), cargo.name_en.clone()),
            name,
            kg: (flow.lot_t * 1000.0).round() as u64,
            class: u8::from(!flow.relief),
            rate,
            ready_h,
            choices,
            usd_per_h: usd_per_h(f),
            stays_at_usd: model
                .choice_of(flow.cargo)
                .map(|r| &model.tables.choice[r])
                .map(|r| r.stay_at_value.best * cargo.value_usd_per_t.best.max(1e-3) * flow.lot_t),
        });
    }
    if c.spec.ways.is_empty() {
        return Err(CompileError::NoWay(flows.len()));
    }
    c.fleets()?;
    // What the demand brings is taken out of what others bring: the rate of filling stated for a service is that of all.
    let months = c.spec.months.len() as f64;
    for (b, units_h) in &c.demand_on {
        let boarding = &mut c.spec.boardings[*b as usize];
        boarding.background = (boarding.background - units_h / months).max(0.0);
    }
    c.spec.foresee();
    Ok(c.spec)
}

fn midnight(day: Date) -> Timestamp {
    day.to_zoned(TimeZone::UTC).map_or(Timestamp::UNIX_EPOCH, |z| z.timestamp())
}

fn hours_in_month(day: Date) -> f64 {
    f64::from(day.days_in_month()) * 24.0
}

/// Most ways among which a consignment chooses.
const MOST_WAYS: usize = 8;
/// As [`Search::epsilon`], where ways round something are looked for: the best is enough.
const COARSE: f32 = 0.1;

/// What a way may have to be waited for, and that another may do without.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Short {
    Service(ServiceIx),
    Terminal(TerminalIx, NodeIx),
    Border(BorderIx),
}

/// What may be short on an arc.
fn short_on<'n>(net: &'n Network, arc: u32) -> impl Iterator<Item = Short> + 'n {
    let t = &net.pricer.model.tables;
    net.elements_of(&net.arcs[arc as usize]).iter().filter_map(move |e| match *e {
        Element::Sail { sailing, .. } => {
            let service = net.base.sailings[sailing as usize].service;
            (t.service[service.ix()].departure != Departure::OnDemand).then_some(Short::Service(service))
        }
        Element::Operate { terminal, node, .. } => {
            t.terminal[terminal.ix()].capacity_per_day.map(|_| Short::Terminal(terminal, node))
        }
        Element::Cross { border, .. } => {
            t.border[border.ix()].capacity_per_day.map(|_| Short::Border(border))
        }
        _ => None,
    })
}

/// The choice of a flow's consignments on days for which a network holds: the planner's ways by time and cost, and for each
/// service, terminal and border that may be short on the best of them, the best that does without (link elimination, as
/// an assignment's choice sets have it).
fn choices(net: &Network, days: &[OnDay], search: &Search, usd_per_h: f64) -> Choices {
    let mut all = Choices::default();
    let bounds = net.bounds(search);
    let coarse = Search { epsilon: COARSE, ..*search };
    let cost = |w: &Found| f64::from(w.costs[2]) + usd_per_h * f64::from(w.costs[0]);
    let best = |ways: &[Found]| ways.iter().min_by(|a, b| cost(a).total_cmp(&cost(b))).cloned();
    for on in days {
        let without: BTreeSet<Short> =
            best(&on.ways).iter().flat_map(|w| &w.arcs).flat_map(|a| short_on(net, a.arc)).collect();
        let round: Vec<Found> = without
            .iter()
            .filter_map(|s| {
                let spares = |a: u32| short_on(net, a).all(|x| x != *s);
                best(&net.pareto_within(&bounds, &coarse, on.start_h, spares).0)
            })
            .collect();
        // Ways with the same services, borders and terminals are one: the cheapest of them. Those round something are kept
        // before others.
        let by_cost = |ways: &[Found]| {
            let mut open: Vec<(Draft, f64, f64)> = ways.iter().map(|w| draft(net, w, usd_per_h)).collect();
            open.sort_by(|a, b| a.1.total_cmp(&b.1).then_with(|| a.0.title.cmp(&b.0.title)));
            open
        };
        let (ways, mut round) = (by_cost(&on.ways), by_cost(&round));
        let mut seen = BTreeSet::new();
        let mut open: Vec<_> = ways.into_iter().filter(|d| seen.insert(d.0.title.clone())).collect();
        round.retain(|d| seen.insert(d.0.title.clone()));
        round.truncate(MOST_WAYS - 1);
        open.truncate(MOST_WAYS - round.len());
        open.extend(round);
        open.sort_by(|a, b| a.1.total_cmp(&b.1).then_with(|| a.0.title.cmp(&b.0.title)));
        let open = open.into_iter().map(|(draft, cost_usd, mean_h)| Choice {
            draft: position(&mut all.drafts, draft),
            cost_usd,
            mean_h,
        });
        all.months.push((on.day, open.collect()));
    }
    all
}

/// The position of a draft among some, to which it is added if it is new.
fn position(drafts: &mut Vec<Draft>, draft: Draft) -> u32 {
    let known = drafts.iter().position(|d| *d == draft);
    known.unwrap_or_else(|| {
        drafts.push(draft);
        drafts.len() - 1
    }) as u32
}

/// The choices of all networks of a flow as one, by month.
fn merged(parts: Vec<Choices>) -> Choices {
    let mut all = Choices::default();
    for part in parts {
        let at: Vec<u32> = part.drafts.into_iter().map(|d| position(&mut all.drafts, d)).collect();
        all.months.extend(part.months.into_iter().map(|(m, mut open)| {
            open.iter_mut().for_each(|c| c.draft = at[c.draft as usize]);
            (m, open)
        }));
    }
    all.months.sort_by_key(|m| m.0);
    all
}

/// Runs of one rate, not yet closed.
struct Run {
    rate: u32,
    h: f64,
    km: f64,
    to: NodeIx,
    links: Vec<(LinkIx, bool)>,
}

/// A way as steps, its generalised cost and its mean time. Durations are those of a plan's legs: runs of one equipment
/// through one state are one process.
fn draft(net: &Network, way: &Found, usd_per_h: f64) -> (Draft, f64, f64) {
    let mut d = Drafter {
        net,
        steps: Vec::new(),
        run: None,
        title: String::new(),
        rides: 0,
        train: Vec::new(),
        passed: 0,
    };
    let mut usd = 0.0;
    for a in &way.arcs {
        let arc = &net.arcs[a.arc as usize];
        usd += f64::from(arc.usd);
        let wait = arc.wait.checked_sub(1).map(|w| &net.waits[usize::from(w)]);
        for (e, passed) in net.steps_of(arc) {
            d.passed = passed;
            d.element(e, wait, f64::from(a.start_h));
        }
    }
    d.close();
    let mean_h = f64::from(way.costs[0]);
    (Draft { steps: d.steps, title: d.title }, usd + usd_per_h * mean_h, mean_h)
}

struct Drafter<'n, 'm> {
    net: &'n Network<'m>,
    steps: Vec<DraftStep>,
    run: Option<Run>,
    title: String,
    /// Pieces of equipment changed so far.
    rides: usize,
    /// Lists of states of previous transit passed before the element, by bits, as far as a rule asks.
    passed: u8,
    /// Parts of a train's way that are still to come, between the borders it passes.
    train: Vec<Timed>,
}

impl Drafter<'_, '_> {
    fn kind(&self, ride: u8) -> EquipmentKind {
        self.net.pricer.model.tables.equipment[self.net.loads[usize::from(ride)].equipment.ix()].kind
    }

    fn note(&mut self, text: &str) {
        if !self.title.is_empty() {
            self.title.push_str(", ");
        }
        self.title.push_str(text);
    }

    fn timed(d: Duration, kind: &'static str, region: String) -> Timed {
        let (shape, factor) = (Shape::Dist(d.dist), d.factor);
        Timed { shape, times: 1.0, factor, group: (kind, region), as_before: false }
    }

    /// The delays of rules that bind an element.
    fn delays(&mut self, e: &Element, h: f64) {
        let net = self.net;
        let state = match *e {
            Element::Enter { state, .. } => state,
            Element::Operate { node, .. } => net.base_state(node),
            Element::Sail { sailing, .. } => net.base_state(net.base.sailings[sailing as usize].from),
            Element::Cross { border, forward, .. } => {
                let b = &net.pricer.model.tables.border[border.ix()];
                let to = if forward { &b.state_b } else { &b.state_a };
                net.pricer.model.state_ix(to.as_str())
            }
            _ => None,
        };
        for (_, dist) in &net.rule_effects(e, net.day(state, h), self.passed).delays {
            let d = Duration::new(dist, ProcessKind::Given, Factor::default());
            self.steps.push(DraftStep::Stay(Self::timed(d, "border", "rule".into()), Activity::Procedures));
        }
    }

    fn close(&mut self) {
        let Some(run) = self.run.take() else { return };
        let net = self.net;
        let model = net.pricer.model;
        let rate = &net.rates.rates[run.rate as usize];
        let equipment = &model.tables.equipment[rate.loads.equipment.ix()];
        // All runs of a rate are drawn from one shape.
        let dist = if rate.cv > 0.0 { Dist::Lognormal { mean: 1.0, sd: rate.cv } } else { Dist::Const(1.0) };
        let kind = match equipment.mode {
            Mode::Rail => "rail",
            Mode::Road => "road",
            Mode::Pipeline => "pipeline",
            Mode::Sea | Mode::InlandWater => "sea",
        };
        let region = rate.state.map_or("sea".to_owned(), |s| model.tables.state[s.ix()].id.0.clone());
        let run_of = Duration { dist, process: rate.process, factor: rate.factor };
        let timed = Timed { times: run.h.max(1e-6), ..Self::timed(run_of, kind, region) };
        if equipment.mode == Mode::Rail && !run.links.is_empty() {
            // A block of TEU is counted in wagons for its length.
            let per = equipment.teu.filter(|t| equipment.unit == Unit::Teu && *t > 0.0).unwrap_or(1.0);
            let full = equipment.block_units.map_or(50.0, |b| f64::from(b) / per).max(1.0) as u32;
            self.steps.push(DraftStep::Haul {
                links: run.links,
                km: run.km,
                wagons: (rate.loads.vehicles as u32).max(1),
                full,
                timed,
            });
            self.steps.push(DraftStep::Arrived {
                node: run.to,
                kind: equipment.kind,
                units: (rate.loads.vehicles as u32).max(1),
            });
        } else {
            self.steps.push(DraftStep::Stay(timed, Activity::Moving));
        }
    }

    fn gate_hours(&self, node: NodeIx, mode: Mode, day: Date) -> (u32, Option<(f64, f64)>) {
        let model = self.net.pricer.model;
        let id = model.node(node).id.as_str();
        let row = model.tables.facility.iter().find(|f| {
            f.what == FacilityKind::Lanes
                && f.mode == Some(mode)
                && f.nodes.iter().any(|n| n.as_str() == id)
                && DayInterval { from: f.from, till: f.till }.contains(day)
        });
        let Some(f) = row else { return (1, None) };
        let zone = self.net.zone(self.net.base_state(node));
        let offset = day.to_zoned(zone).map_or(0, |z| z.offset().seconds());
        let hours = f.hours.as_deref().and_then(karvan_model::tables::open_hours).map(|(a, z)| {
            let utc = |h: f64| (h - f64::from(offset) / 3600.0).rem_euclid(24.0);
            (utc(a), utc(z))
        });
        (f.count.map_or(1.0, |c| c.best).max(1.0) as u32, hours)
    }

    fn element(&mut self, e: &Element, wait: Option<&karvan_network::compile::ArcWait>, h: f64) {
        let net = self.net;
        let model = net.pricer.model;
        let day = net.as_of.unwrap_or(net.pricer.day);
        match *e {
            Element::Run { stretch, rate } => {
                if self.run.as_ref().is_some_and(|r| r.rate != rate) {
                    self.close();
                }
                let s = net.stretch(stretch);
                let cost =
                    net.rates.rates[rate as usize].run(s.km, s.electric_km, (s.own_speed_km, s.own_speed_h));
                let run = self.run.get_or_insert(Run { rate, h: 0.0, km: 0.0, to: s.to, links: Vec::new() });
                run.h += cost.h;
                run.km += s.km;
                run.to = s.to;
                run.links.extend_from_slice(&s.links);
            }
            Element::Access { node, km, rate } => {
                self.close();
                let cost = net.rates.rates[rate as usize].run(km, 0.0, (0.0, 0.0));
                self.run = Some(Run { rate, h: cost.h, km, to: node, links: Vec::new() });
                self.close();
            }
            Element::Enter { .. } => {
                self.close();
                self.delays(e, h);
            }
            Element::Cross { border, forward, node, ride, .. } => {
                self.close();
                let b = &model.tables.border[border.ix()];
                self.note(&model.node(node).name_en);
                if b.procedure == Procedure::None {
                    if !self.train.is_empty() {
                        let timed = self.train.remove(0);
                        self.steps.push(DraftStep::Stay(timed, Activity::Moving));
                    }
                    return;
                }
                if wait.is_some_and(|w| w.weather.is_some()) {
                    self.steps.push(DraftStep::Weather(node));
                }
                // A slow day is slow at both posts.
                let [left, entered] = posts(model, border, forward)
                    .map(|d| Self::timed(d, "border", format!("{}-{}", b.state_a, b.state_b)));
                let timed = left;
                let loads = &net.loads[usize::from(ride)];
                match b.capacity_per_day.filter(|c| c.best > 0.0) {
                    Some(capacity) => {
                        let equipment = &model.tables.equipment[loads.equipment.ix()];
                        let (units, unit) = match b.mode {
                            Mode::Rail => {
                                let per =
                                    equipment.teu.filter(|_| equipment.unit == Unit::Teu).unwrap_or(1.0);
                                let full = equipment.block_units.map_or(50.0, |b| f64::from(b) / per);
                                (loads.vehicles / full.max(1.0), "train")
                            }
                            _ => (loads.vehicles.max(1.0), "vehicle"),
                        };
                        let (lanes, hours) = self.gate_hours(node, b.mode, day);
                        let way = if forward { "ab" } else { "ba" };
                        self.steps.push(DraftStep::Gate {
                            gate: Gate {
                                name: format!("border/{}/{way}", b.id),
                                lanes,
                                hours,
                                unit,
                                per_day: capacity.best,
                                waiting: Activity::AwaitsBorder,
                            },
                            units,
                            timed,
                            activity: Activity::Procedures,
                        });
                    }
                    None => self.steps.push(DraftStep::Stay(timed, Activity::Procedures)),
                }
                let entered = Timed { as_before: true, ..entered };
                self.steps.push(DraftStep::Stay(entered, Activity::Procedures));
                self.delays(e, h);
                if !self.train.is_empty() {
                    let timed = self.train.remove(0);
                    self.steps.push(DraftStep::Stay(timed, Activity::Moving));
                }
            }
            Element::Operate { terminal, node, before, after } => {
                self.close();
                let t = &model.tables.terminal[terminal.ix()];
                let state = net.base_state(node);
                if let Some(ride) = after.filter(|_| t.operation != Operation::Roll) {
                    if t.operation != Operation::Load && before.is_some() {
                        self.steps.push(DraftStep::Give { ride: self.rides });
                        self.rides += 1;
                    }
                    let units = net.loads[usize::from(ride)].vehicles.ceil().max(1.0) as u32;
                    self.steps.push(DraftStep::Take {
                        kind: self.kind(ride),
                        state,
                        units,
                        ride: self.rides,
                    });
                }
                if t.operation != Operation::Roll {
                    self.note(&model.node(node).name_en);
                }
                let d = net.operation_duration(terminal, before, after, node);
                let timed = Self::timed(d, "terminal", model.node(node).id.0.clone());
                let units = t.capacity_unit.and_then(|u| {
                    let rides = [before, after].into_iter().flatten();
                    rides.filter_map(|r| net.loads[usize::from(r)].in_unit(u)).reduce(f64::max)
                });
                match (units, t.capacity_per_day.filter(|c| c.best > 0.0), t.capacity_unit) {
                    (Some(units), Some(capacity), Some(unit)) => self.steps.push(DraftStep::Gate {
                        gate: Gate {
                            name: format!("terminal/{}/{}", t.id, model.node(node).id),
                            lanes: 1,
                            hours: None,
                            unit: unit.word(),
                            per_day: capacity.best,
                            waiting: Activity::AwaitsTerminal,
                        },
                        units,
                        timed,
                        activity: Activity::Handled,
                    }),
                    _ => self.steps.push(DraftStep::Stay(timed, Activity::Handled)),
                }
                self.delays(e, h);
                if after.is_none() {
                    self.steps.push(DraftStep::Give { ride: self.rides });
                }
            }
            Element::Sail { sailing, ride } => {
                self.close();
                let s = &net.base.sailings[sailing as usize];
                let row = &model.tables.service[s.service.ix()];
                let kind = if s.land.is_empty() { "sea" } else { "rail" };
                let region = match wait.and_then(|w| w.weather) {
                    Some(x) => net.weather[usize::from(x)].region.clone(),
                    None => row.mode.word().to_owned(),
                };
                self.note(&row.name);
                let whole = net.sailing_time(sailing, ride);
                // The borders a train passes come after its first part, unless its duration holds them.
                let mut parts = Vec::new();
                let mut km = 0.0;
                if row.duration_h.is_none() {
                    for p in &s.land {
                        match *p {
                            LandPart::Run { km: k, .. } => km += k,
                            LandPart::Border { .. } => {
                                parts.push(km);
                                km = 0.0;
                            }
                        }
                    }
                }
                let total: f64 = s.km.max(1e-9);
                parts.push(if s.land.is_empty() || row.duration_h.is_some() { total } else { km });
                let mut timed: Vec<Timed> = parts
                    .iter()
                    .map(|km| Timed {
                        times: (km / total).max(1e-9),
                        ..Self::timed(whole.clone(), kind, region.clone())
                    })
                    .collect();
                let first = timed.remove(0);
                self.train = timed;
                match (wait.and_then(|w| w.departure.as_ref()), row.departure) {
                    (Some(Wait::Random(q)), Departure::OnDemand) => {
                        // A charter: positioning is its own, nothing is shared.
                        let positioning = Timed {
                            shape: Shape::Table(q.clone()),
                            times: 1.0,
                            factor: net.wait_factor(s.service.ix(), s.from).1,
                            group: (kind, region),
                            as_before: false,
                        };
                        self.steps.push(DraftStep::Stay(positioning, Activity::AwaitsDeparture));
                        if s.land.is_empty() {
                            self.steps.push(DraftStep::Weather(s.from));
                        }
                        self.delays(e, h);
                        self.steps.push(DraftStep::Stay(first, Activity::Moving));
                    }
                    _ => {
                        let units = net.loads[usize::from(ride)].in_unit(row.capacity_unit).unwrap_or(1.0);
                        self.steps.push(DraftStep::Board {
                            service: s.service.ix(),
                            back: s.back,
                            stop: s.from,
                            units,
                            timed: first,
                        });
                        self.steps.push(DraftStep::Left { node: s.from });
                        if s.land.is_empty() {
                            self.steps.push(DraftStep::Weather(s.from));
                        }
                        self.delays(e, h);
                    }
                }
            }
        }
    }
}

/// What tells two shapes apart.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum ShapeKey {
    Dist(String),
    Table(Vec<u32>),
}

struct Compiler<'m> {
    model: &'m Model,
    settings: &'m Settings<'m>,
    rho: BTreeMap<&'static str, f32>,
    spacing_km: f64,
    spec: Spec,
    quantile_ix: BTreeMap<ShapeKey, u32>,
    gate_ix: BTreeMap<String, u32>,
    line_ix: BTreeMap<LinkIx, u32>,
    path_ix: BTreeMap<Vec<(LinkIx, bool)>, u32>,
    boarding_ix: BTreeMap<(String, NodeIx, bool), u32>,
    weather_ix: BTreeMap<NodeIx, Option<u32>>,
    pool_ix: BTreeMap<usize, u32>,
    yard_ix: BTreeMap<usize, u32>,
    /// Units an hour that the demand brings to a boarding, summed over months.
    demand_on: BTreeMap<u32, f64>,
}

impl Compiler<'_> {
    /// The number of a table of quantiles.
    fn quantiles(&mut self, shape: Shape) -> u32 {
        let key = match &shape {
            Shape::Dist(d) => ShapeKey::Dist(d.to_string()),
            Shape::Table(q) => {
                ShapeKey::Table((-8..=8).map(|z| (q.at(f64::from(z) / 2.0) as f32).to_bits()).collect())
            }
        };
        *self.quantile_ix.entry(key).or_insert_with(|| {
            self.spec.quantiles.push(match shape {
                Shape::Dist(d) => Quantiles::of(&d),
                Shape::Table(q) => q,
            });
            self.spec.quantiles.len() as u32 - 1
        })
    }

    /// The number of what is not known of a factor; none where it is known.
    fn factor(&mut self, factor: &Factor) -> Option<u16> {
        let name = factor.stream()?;
        let known = self.spec.factors.iter().position(|f| f.0 == name);
        let at = known.unwrap_or_else(|| {
            self.spec.factors.push((name, *factor));
            self.spec.factors.len() - 1
        });
        Some(at as u16)
    }

    /// Counts what consignments bring to services, `per_h` of them on ways by their shares where nothing has a queue.
    fn bring(&mut self, choices: &[(u32, f64)], per_h: f64) {
        let costs: Vec<f64> = choices.iter().map(|c| c.1).collect();
        let least = costs.iter().copied().fold(f64::INFINITY, f64::min);
        for ((way, _), share) in choices.iter().zip(shares(&costs, least, self.spec.choice_scale, None)) {
            for step in &self.spec.ways[*way as usize].steps {
                if let Step::Board { boarding, units, .. } = step {
                    *self.demand_on.entry(*boarding).or_default() += per_h * share * f64::from(*units) / 1e3;
                }
            }
        }
    }

    /// Numbers a draft's entities.
    fn way(&mut self, d: Draft, cost_usd: f64, mean_h: f64) -> u32 {
        let mut groups: Vec<(&'static str, String)> = Vec::new();
        let mut steps = Vec::new();
        let mut yards: Vec<(u32, u32)> = Vec::new();
        // Pools taken from, by ride, with the loaded time since.
        let mut taken: BTreeMap<usize, (u32, u32, f64)> = BTreeMap::new();
        let mut ride = 0;
        for s in d.steps {
            let mut timed = |c: &mut Self, t: Timed| {
                let g = groups.iter().position(|g| *g == t.group).unwrap_or_else(|| {
                    groups.push(t.group.clone());
                    groups.len() - 1
                });
                let rho = c.rho.get(t.group.0).copied().unwrap_or(0.0).clamp(0.0, 1.0);
                let quantiles = c.quantiles(t.shape);
                let mean = c.spec.quantiles[quantiles as usize].mean() * t.times;
                let factor = c.factor(&t.factor);
                let draw = Draw {
                    quantiles,
                    times: t.times as f32,
                    group: g as u16,
                    rho,
                    factor,
                    as_before: t.as_before,
                };
                (draw, mean)
            };
            match s {
                DraftStep::Stay(t, activity) => {
                    let (draw, mean) = timed(self, t);
                    if activity == Activity::Moving
                        && let Some(x) = taken.get_mut(&ride)
                    {
                        x.2 += mean;
                    }
                    steps.push(Step::Stay(draw, activity));
                }
                DraftStep::Gate { gate, units, timed: t, activity } => {
                    let (draw, _) = timed(self, t);
                    let open = gate.hours.map_or(24.0, |(a, z)| {
                        let open = (z - a).rem_euclid(24.0);
                        if open == 0.0 { 24.0 } else { open }
                    });
                    let work = Span::from_h(units / gate.per_day * open * f64::from(gate.lanes));
                    let ix = self.gate(gate);
                    steps.push(Step::Gate { gate: ix, work, draw, activity });
                }
                DraftStep::Haul { links, km, wagons, full, timed: t } => {
                    let (draw, mean) = timed(self, t);
                    if let Some(x) = taken.get_mut(&ride) {
                        x.2 += mean;
                    }
                    match self.path(&links, km) {
                        Some(path) => steps.push(Step::Haul { path, wagons, full, draw }),
                        None => steps.push(Step::Stay(draw, Activity::Moving)),
                    }
                }
                DraftStep::Board { service, back, stop, units, timed: t } => {
                    let (draw, mean) = timed(self, t);
                    if let Some(x) = taken.get_mut(&ride) {
                        x.2 += mean;
                    }
                    let boarding = self.boarding(service, back, stop);
                    // The vessel's own running time is that of the service first met.
                    self.spec.boardings[boarding as usize].run.get_or_insert(draw);
                    let units = (units * 1000.0).ceil().max(1.0).min(f64::from(u32::MAX)) as u32;
                    steps.push(Step::Board { boarding, units, draw });
                }
                DraftStep::Weather(node) => {
                    if let Some(w) = self.weather(node) {
                        // Vessels of a fleet wait for the weather themselves, those aboard with them.
                        let aboard = matches!(steps.iter().rev().find(|s| !matches!(s, Step::Leave { .. })),
                            Some(Step::Board { boarding, .. }) if self.fleet_of(*boarding));
                        if !aboard {
                            steps.push(Step::Weather(w));
                        }
                    }
                }
                DraftStep::Take { kind, state, units, ride: r } => {
                    ride = r;
                    if let Some(pool) = self.pool(kind, state) {
                        taken.insert(r, (pool, units, 0.0));
                        steps.push(Step::Take { pool, units });
                    }
                }
                DraftStep::Give { ride: r } => {
                    if let Some((pool, units, h)) = taken.remove(&r) {
                        steps.push(Step::Give { pool, units, back: Span::from_h(h) });
                    }
                }
                DraftStep::Arrived { node, kind, units } => {
                    if let Some(yard) = self.yard(node, kind) {
                        yards.push((yard, units));
                        steps.push(Step::Enter { yard, units });
                    }
                }
                DraftStep::Left { node } => {
                    // Whatever yard of this port it stood in.
                    if let Some(i) = yards.iter().position(|(y, _)| self.yard_is_at(*y, node)) {
                        let (yard, units) = yards.remove(i);
                        steps.push(Step::Leave { yard, units });
                    }
                }
            }
        }
        // What stood in a yard and went on otherwise than by ship left it on arriving: such ports are not full of it.
        let mut kept: Vec<Step> = Vec::new();
        for s in steps {
            match s {
                Step::Enter { yard, units } if yards.contains(&(yard, units)) => {}
                s => kept.push(s),
            }
        }
        let banned: Vec<Step> = kept
            .iter()
            .filter_map(|s| if let Step::Enter { yard, .. } = s { Some(Step::Accept(*yard)) } else { None })
            .collect();
        kept.splice(0..0, banned);
        self.spec.ways.push(Way {
            steps: kept,
            groups: groups.len() as u16,
            cost_usd,
            mean_h,
            title: d.title,
            uses: Vec::new(),
        });
        self.spec.ways.len() as u32 - 1
    }

    fn gate(&mut self, gate: Gate) -> u32 {
        *self.gate_ix.entry(gate.name.clone()).or_insert_with(|| {
            self.spec.gates.push(gate);
            self.spec.gates.len() as u32 - 1
        })
    }

    /// The path over links, where something on it can hinder a train.
    fn path(&mut self, links: &[(LinkIx, bool)], km: f64) -> Option<u32> {
        let key = links.to_vec();
        if let Some(known) = self.path_ix.get(&key) {
            return (*known != u32::MAX).then_some(*known);
        }
        let mut parts = Vec::new();
        for (link, forward) in links {
            let row = &self.model.tables.link[link.ix()];
            if let Some(c) = row.capacity.filter(|c| c.best > 0.0) {
                let way = if *forward { "forward" } else { "back" };
                let gate = self.gate(Gate {
                    name: format!("link/{}/{way}", row.id),
                    lanes: 1,
                    hours: None,
                    unit: "train",
                    per_day: c.best,
                    waiting: Activity::AwaitsTrack,
                });
                parts.push(Part::Paths { gate, work: Span::from_h(24.0 / c.best) });
            }
            let km = row.length_km.get();
            if row.tracks == Some(1) {
                let sections = (km / self.spacing_km).round().max(1.0) as usize;
                let line = *self.line_ix.entry(*link).or_insert_with(|| {
                    self.spec.lines.push(LineSpec { name: format!("link/{}", row.id), sections });
                    self.spec.lines.len() as u32 - 1
                });
                parts.push(Part::Single { line, forward: *forward, km });
            } else if let Some(Part::Free { km: k }) = parts.last_mut() {
                *k += km;
            } else {
                parts.push(Part::Free { km });
            }
        }
        if parts.iter().all(|p| matches!(p, Part::Free { .. })) {
            self.path_ix.insert(key, u32::MAX);
            return None;
        }
        self.spec.paths.push(Path { parts, km });
        let ix = self.spec.paths.len() as u32 - 1;
        self.path_ix.insert(key, ix);
        Some(ix)
    }

    /// The row of `facility` of vessels that serve a service.
    fn vessels(&self, service: usize) -> Option<usize> {
        let id = self.model.tables.service[service].id.as_str();
        self.model.tables.facility.iter().position(|f| {
            f.what == FacilityKind::Vessels
                && f.services.iter().any(|s| s.as_str() == id)
                && DayInterval { from: f.from, till: f.till }.contains(self.settings.first)
        })
    }

    fn boarding(&mut self, service: usize, back: bool, stop: NodeIx) -> u32 {
        let row = &self.model.tables.service[service];
        let facility = self.vessels(service);
        // Services of one fleet are boarded together, whatever the price; a stop is then a direction.
        let (key, name) = match facility {
            Some(f) => {
                let id = self.model.tables.facility[f].id.0.clone();
                ((format!("fleet/{id}"), stop, false), format!("fleet/{id}"))
            }
            None => ((row.id.0.clone(), stop, back), format!("service/{}", row.id)),
        };
        if let Some(known) = self.boarding_ix.get(&key) {
            return *known;
        }
        let zone = self.model.node(stop).state.as_ref().and_then(|s| {
            let s = &self.model.tables.state[self.model.state_ix(s.as_str())?.ix()];
            TimeZone::get(&s.time_zone).ok()
        });
        let zone = zone.unwrap_or(TimeZone::UTC);
        let mut times: Vec<f64> = (if back { &row.times_back } else { &row.times })
            .iter()
            .filter_map(|t| karvan_network::waits::hour_of_week(t, &zone, self.settings.first))
            .collect();
        times.sort_by(f64::total_cmp);
        let f = facility.map(|f| &self.model.tables.facility[f]);
        let share = f.and_then(|f| f.load_share).map_or(1.0, |s| s.best.clamp(0.01, 1.0));
        let weather = self.weather(stop);
        self.spec.boardings.push(Boarding {
            name: format!("{name}/{}", self.model.node(stop).id),
            departure: row.departure,
            capacity: (row.capacity.best * share * 1000.0).max(1000.0) as u32,
            unit: row.capacity_unit.word(),
            headway: Span::from_h(row.headway_h.map_or(0.0, |h| h.best).max(0.0)),
            times,
            background: if row.departure == Departure::WhenFull {
                row.fill_per_day.map_or(0.0, |f| f.best) / 24.0
            } else {
                0.0
            },
            at_latest: f.and_then(|f| f.after_h).map(|h| Span::from_h(h.best)),
            fleet: None,
            weather: weather.filter(|_| facility.is_some()),
            run: None,
        });
        let ix = self.spec.boardings.len() as u32 - 1;
        self.boarding_ix.insert(key, ix);
        ix
    }

    fn fleet_of(&self, boarding: u32) -> bool {
        self.spec.boardings[boarding as usize].name.starts_with("fleet/")
    }

    /// Makes the fleets of the boardings that have one.
    fn fleets(&mut self) -> Result<(), CompileError> {
        for f in 0..self.model.tables.facility.len() {
            let row = &self.model.tables.facility[f];
            if row.what != FacilityKind::Vessels {
                continue;
            }
            let prefix = format!("fleet/{}", row.id);
            let used: Vec<u32> =
                self.boarding_ix.iter().filter(|((key, ..), _)| *key == prefix).map(|(_, ix)| *ix).collect();
            if used.is_empty() {
                continue;
            }
            let service = |id: &str| self.model.tables.service.iter().position(|s| s.id.as_str() == id);
            let services: Vec<usize> = row.services.iter().filter_map(|s| service(s.as_str())).collect();
            let mut stops: Vec<NodeIx> = services
                .iter()
                .flat_map(|s| self.model.tables.service[*s].stops.iter())
                .filter_map(|n| self.model.node_ix(n.as_str()))
                .collect();
            stops.sort();
            stops.dedup();
            let [a, z] = stops[..] else { return Err(CompileError::Fleet(row.id.0.clone())) };
            let mut ends = [0; 2];
            for (end, stop) in ends.iter_mut().zip([a, z]) {
                *end = self.boarding(services[0], false, stop);
            }
            let run = ends.iter().find_map(|b| self.spec.boardings[*b as usize].run);
            let ix = self.spec.fleets.len() as u32;
            for b in ends {
                let b = &mut self.spec.boardings[b as usize];
                b.fleet = Some(ix);
                b.run = b.run.or(run);
            }
            let berths = [a, z].map(|stop| self.berth(stop, &services));
            let row = &self.model.tables.facility[f];
            self.spec.fleets.push(Fleet {
                name: prefix,
                vessels: row.count.map_or(1.0, |c| c.best).max(1.0) as u32,
                ends,
                berths,
            });
        }
        Ok(())
    }

    /// The berths of a port for some services.
    fn berth(&mut self, stop: NodeIx, services: &[usize]) -> Option<u32> {
        let id = self.model.node(stop).id.as_str();
        let of = |s: &str| services.iter().any(|i| self.model.tables.service[*i].id.as_str() == s);
        let row = self.model.tables.facility.iter().find(|f| {
            f.what == FacilityKind::Berths
                && f.nodes.iter().any(|n| n.as_str() == id)
                && (f.services.is_empty() || f.services.iter().any(|s| of(s.as_str())))
                && DayInterval { from: f.from, till: f.till }.contains(self.settings.first)
        })?;
        let name = format!("berths/{}", row.id);
        if let Some(known) = self.spec.berths.iter().position(|b| b.name == name) {
            return Some(known as u32);
        }
        let dist = row.alongside_h.clone().unwrap_or(Dist::Const(0.0));
        let alongside = self.quantiles(Shape::Dist(dist));
        self.spec.berths.push(Berth {
            name,
            count: row.count.map_or(1.0, |c| c.best).max(1.0) as u32,
            alongside,
        });
        Some(self.spec.berths.len() as u32 - 1)
    }

    fn weather(&mut self, node: NodeIx) -> Option<u32> {
        if let Some(known) = self.weather_ix.get(&node) {
            return *known;
        }
        let id = self.model.node(node).id.as_str();
        let mut months = [None; 12];
        for w in self.model.tables.weather.iter().filter(|w| w.node.as_str() == id) {
            let pair = (w.closed_share.best.clamp(0.0, 0.999), w.mean_spell_h.best.max(1e-3));
            for m in 1..=12u32 {
                if w.months.is_empty() || w.months.contains(&m) {
                    months[m as usize - 1] = Some(pair);
                }
            }
        }
        let start = midnight(self.settings.first);
        let hour = |day: Date| midnight(day).duration_since(start).as_secs_f64() / 3600.0;
        let shut: Vec<(f64, f64)> = self
            .model
            .tables
            .facility
            .iter()
            .filter(|f| f.what == FacilityKind::Closure && f.nodes.iter().any(|n| n.as_str() == id))
            .filter_map(|f| Some((hour(f.from?), hour(f.till?))))
            .filter(|s| s.1 > 0.0)
            .collect();
        let ix = (months.iter().any(Option::is_some) || !shut.is_empty()).then(|| {
            self.spec.weather.push(WeatherSpec { name: format!("weather/{id}"), months, shut });
            self.spec.weather.len() as u32 - 1
        });
        self.weather_ix.insert(node, ix);
        ix
    }

    fn pool(&mut self, kind: EquipmentKind, state: Option<StateIx>) -> Option<u32> {
        let state = state.map(|s| self.model.tables.state[s.ix()].id.as_str());
        let at = self.model.tables.facility.iter().position(|f| {
            f.what == FacilityKind::Pool
                && f.equipment.contains(&kind)
                && (f.states.is_empty() || state.is_some_and(|s| f.states.iter().any(|x| x.as_str() == s)))
                && DayInterval { from: f.from, till: f.till }.contains(self.settings.first)
        })?;
        let row = &self.model.tables.facility[at];
        Some(*self.pool_ix.entry(at).or_insert_with(|| {
            let pool = Pool {
                name: format!("pool/{}", row.id),
                count: row.count.map_or(1.0, |c| c.best).max(1.0) as u32,
            };
            self.spec.pools.push(pool);
            self.spec.pools.len() as u32 - 1
        }))
    }

    fn yard(&mut self, node: NodeIx, kind: EquipmentKind) -> Option<u32> {
        let id = self.model.node(node).id.as_str();
        let at = self.model.tables.facility.iter().position(|f| {
            f.what == FacilityKind::Yard
                && f.nodes.iter().any(|n| n.as_str() == id)
                && (f.equipment.is_empty() || f.equipment.contains(&kind))
                && DayInterval { from: f.from, till: f.till }.contains(self.settings.first)
        })?;
        let row = &self.model.tables.facility[at];
        Some(*self.yard_ix.entry(at).or_insert_with(|| {
            let ban_at = row.count.map_or(1.0, |c| c.best).max(1.0);
            let lift = row.lift_share.map_or(ban_at, |s| ban_at * s.best.clamp(0.0, 1.0));
            self.spec.yards.push(Yard {
                name: format!("yard/{}", row.id),
                ban_at: ban_at as u32,
                lift_at: (lift as u32).min(ban_at as u32 - 1),
            });
            self.spec.yards.len() as u32 - 1
        }))
    }

    fn yard_is_at(&self, yard: u32, node: NodeIx) -> bool {
        let id = self.model.node(node).id.as_str();
        self.yard_ix.iter().any(|(row, ix)| {
            *ix == yard && self.model.tables.facility[*row].nodes.iter().any(|n| n.as_str() == id)
        })
    }
}
