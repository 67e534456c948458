//! A network for one consignment and one span of days: only what may move, with what it costs and how long
//! it takes.
//!
//! A **vertex** is a key node, on one side of it where it is a border, with the equipment the consignment rides
//! in there. An **arc** is a sequence of **elements** (a run, a border, an operation, a sailing), each priced
//! and timed by [`crate::rates`]. An arc that the law or the state of a link allows on some days only carries
//! its windows; one that is allowed on no day of the span is left out, or, where the question is what stands
//! in the way, kept with its blockers.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use karvan_model::calibration::Factor;
use karvan_model::observed::ProcessKind;
use karvan_model::rules::{Amounts, Movement, QuotaUse, RuleSet, Shipment, Verdict, added_time};
use karvan_model::tables::{
    BorderState, Departure, Effect, EquipmentKind, Governs, Mode, Operation, Procedure, Terminal, Unit,
};
use karvan_model::{BorderIx, CargoIx, EquipmentIx, LinkIx, Model, NodeIx, RuleIx, StateIx, TerminalIx};
use karvan_units::{DayInterval, Estimate};

use crate::base::{Base, LandPart, Stretch, Track, runs_on};
use crate::loads::Loads;
use crate::rates::{Cost, Duration, Pricer, RateTable, posts, sailing_duration};
use crate::waits::{Quantiles, Wait, WeatherWait};

/// A consignment to be planned, with its places resolved.
#[derive(Clone, Debug)]
pub struct Question {
    /// Cargo.
    pub cargo: CargoIx,
    /// The consignment in each equipment that may carry it.
    pub loads: Vec<Loads>,
    /// Units into which it may be loaded at the origin; empty: any.
    pub load_into: Vec<Unit>,
    /// Where it may start: nodes, with kilometres of road to reach them.
    pub from: Vec<(NodeIx, f64)>,
    /// Where it may end.
    pub to: Vec<(NodeIx, f64)>,
    /// Earliest departure.
    pub depart: Timestamp,
    /// Day at which the law and the state of links are frozen.
    pub as_of: Option<Date>,
    /// Days after departure that are looked at.
    pub horizon_days: u32,
    /// Nodes not to be passed.
    pub avoid_nodes: Vec<NodeIx>,
    /// States not to be entered.
    pub avoid_states: Vec<StateIx>,
    /// Modes not to be used.
    pub avoid_modes: Vec<Mode>,
    /// Places to go via: each a set of nodes one of which is passed.
    pub via: Vec<Vec<NodeIx>>,
    /// Whether what is forbidden or closed is kept, with its blockers, to find out what stands in the way.
    pub explain: bool,
    /// State in which the lorries that carry it are registered.
    pub registration: Option<StateIx>,
    /// What others have used of the quotas.
    pub used: QuotaUse,
    /// Blockers that are taken as lifted.
    pub lift: Vec<Blocker>,
}

/// Part of an arc.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Element {
    /// A run over a stretch, in [`Network::stretch`].
    Run {
        /// Stretch.
        stretch: u32,
        /// Rate, in [`Network::rate`].
        rate: u32,
    },
    /// Road from the place asked for to a node, or back, km.
    Access {
        /// Node.
        node: NodeIx,
        /// Kilometres.
        km: f64,
        /// Rate.
        rate: u32,
    },
    /// A border crossed.
    Cross {
        /// Row of `border`.
        border: BorderIx,
        /// Whether from `state_a` to `state_b`.
        forward: bool,
        /// Node.
        node: NodeIx,
        /// Index into [`Network::loads`].
        ride: u8,
        /// State of the operator of the train of a service; `None`: the railway of the state that is entered or left.
        flag: Option<StateIx>,
    },
    /// An operation at a node.
    Operate {
        /// Row of `terminal`.
        terminal: TerminalIx,
        /// Node.
        node: NodeIx,
        /// Equipment before.
        before: Option<u8>,
        /// Equipment after.
        after: Option<u8>,
    },
    /// What is due once a run in a state begins: prices per consignment, charges and delays of rules.
    Enter {
        /// State.
        state: Option<StateIx>,
        /// Node.
        node: NodeIx,
        /// Rate, whose prices per run are due.
        rate: u32,
        /// Whether the rules' charges and delays are due: not after a mere change of equipment.
        rules: bool,
    },
    /// A way of a service, with waiting for its departure.
    Sail {
        /// Index into [`Base::sailings`].
        sailing: u32,
        /// Equipment ridden in.
        ride: u8,
    },
}

/// An arc of the network.
#[derive(Clone, Copy, Debug)]
pub struct Arc {
    /// Vertex it leads to.
    pub to: u32,
    /// Hours, without waiting for a timetable or the weather.
    pub h: f32,
    /// Standard deviation, h.
    pub sd: f32,
    /// US dollars.
    pub usd: f32,
    /// kg CO2e.
    pub co2e: f32,
    /// First element.
    pub element: u32,
    /// Number of elements.
    pub elements: u8,
    /// Set of vias passed on the way, by bits.
    pub via: u8,
    /// Lists of states of previous transit that have been passed after it, by bits of [`RuleSet::entered`].
    pub enters: u8,
    /// The bits that are asked of a consignment that takes it, and what they must be: of arcs that differ by what has
    /// been passed before, there is one for each case.
    pub asks: (u8, u8),
    /// Index into the windows; 0: always.
    pub window: u16,
    /// Index into the waits, plus 1; 0: none.
    pub wait: u16,
    /// Index into the blockers, plus 1; 0: none.
    pub blocked: u16,
}

/// What stands in the way of an arc.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Blocker {
    /// A rule forbids.
    Rule(RuleIx),
    /// A crossing is not open for international freight; `None`: nothing is known of it.
    Border(NodeIx, Option<BorderIx>),
    /// A link is not open.
    Link(LinkIx),
}

/// Where time-dependent waiting happens on an arc: before a sailing, or at a pass that weather closes.
#[derive(Clone, Debug)]
pub struct ArcWait {
    /// Waiting for the departure of a service.
    pub departure: Option<Wait>,
    /// Weather at the port of departure, or at the pass.
    pub weather: Option<u16>,
    /// Hours on the arc before the waiting begins.
    pub before_h: f32,
}

/// A compiled network.
#[derive(Clone, Debug)]
pub struct Network<'m> {
    /// Prices and times.
    pub pricer: Pricer<'m>,
    /// The consignment-independent part.
    pub base: &'m Base,
    /// The rules that concern the consignment.
    pub rules: RuleSet,
    /// The consignment in each equipment.
    pub loads: Vec<Loads>,
    /// Rates used.
    pub rates: RateTable,
    /// Elements of all arcs.
    pub elements: Vec<Element>,
    /// Arcs, those of a vertex together.
    pub arcs: Vec<Arc>,
    /// First arc of each vertex.
    pub first: Vec<u32>,
    /// Start.
    pub source: u32,
    /// End.
    pub sink: u32,
    /// Waits of arcs.
    pub waits: Vec<ArcWait>,
    /// Weather processes.
    pub weather: Vec<WeatherWait>,
    /// Allowed intervals, hours since departure.
    pub windows: Vec<Vec<(f64, f64)>>,
    /// Blockers of arcs.
    pub blockers: Vec<Vec<Blocker>>,
    /// Rules that bar some movement on the day of departure.
    pub barred: std::collections::BTreeSet<RuleIx>,
    /// Rules that bar, each with a permit that would go before it if enough of its quota were left; where what stands
    /// in the way is asked.
    pub used_up: std::collections::BTreeSet<(RuleIx, RuleIx)>,
    /// Hour of the week, UTC, of the departure.
    pub hour_of_week: f64,
    /// Month (0 to 11) of each day since departure.
    pub months: Vec<u8>,
    /// Bits of all vias.
    pub all_vias: u8,
    /// Bits of the lists of states of previous transit of which it may be of use to have passed one.
    pub useful: u8,
    /// Departure.
    pub depart: Timestamp,
    /// Day at which the law is frozen.
    pub as_of: Option<Date>,
    local: Vec<Stretch>,
    zones: Vec<TimeZone>,
    waits_by: HashMap<(usize, bool, u8, Option<StateIx>), Option<Wait>>,
    effects: RefCell<BTreeMap<EffectsKey, Rc<RuleEffects>>>,
}

/// Movements asked of the rules (with what has been passed before) and whether they charge, day, equipment.
type EffectsKey = (Vec<(Movement, bool)>, Date, u8);

/// A crossing of two states at a node by a mode.
type Crossing = (NodeIx, StateIx, StateIx, Mode);
/// What a window depends on: the movements asked of the rules, the link and the crossing asked for their state.
type WindowKey = (Vec<Movement>, Option<LinkIx>, Option<Crossing>);
/// Rate, window and blockers of the runs of one equipment in one state, and whether they depend on what has been
/// passed before; `None` if it has no rate there.
type Runs = Option<(u32, u16, u16, bool)>;

#[derive(Clone)]
struct Slots {
    of_node: Vec<u32>,
    nodes: Vec<NodeIx>,
}

#[derive(Clone)]
struct Builder<'m> {
    net: Network<'m>,
    question: Question,
    slots: Slots,
    arcs: Vec<(u32, Arc)>,
    window_memo: BTreeMap<WindowKey, (u16, u16)>,
    /// Loads by track.
    rides: Vec<(Track, Vec<u8>)>,
    /// Runs of an equipment in a state.
    runs_in: BTreeMap<(Option<StateIx>, u8), Runs>,
    first_day: Date,
    last_day: Date,
    weather_at: HashMap<NodeIx, Option<u16>>,
    operations: Operations,
}

/// Rows of `terminal` by what they do, so that the most specific is found for a node.
#[derive(Clone, PartialEq)]
pub(crate) struct Operations {
    rows: Vec<(TerminalIx, Vec<NodeIx>)>,
}

/// State of a sum of elements while an arc is put together.
#[derive(Clone, Default)]
struct Draft {
    elements: Vec<Element>,
    cost: Cost,
    wait: Option<ArcWait>,
    window: u16,
    blocked: u16,
    dead: bool,
    /// Lists of states passed by the elements so far, by bits.
    enters: u8,
    /// What depends on the states passed before, asked when the arc is done: elements, with what was passed on the
    /// arc before them, and the link and crossing asked for their state.
    open: Vec<(Element, u8, Option<LinkIx>, Option<Crossing>)>,
    /// The lists on which it depends, by bits.
    asks: u8,
}

/// A network without the ends of a journey: what questions share that differ by these alone.
///
/// Compiling it takes most of the time; [`Body::with_ends`] adds what depends on the ends.
pub struct Body<'m> {
    /// Without arcs.
    builder: Builder<'m>,
    runs: Vec<(u32, Arc)>,
    crossings: Vec<(u32, Arc)>,
    transfers: Vec<(u32, Arc)>,
    sailings: Vec<(u32, Arc)>,
}

impl<'m> Network<'m> {
    /// Compiles a network.
    pub fn compile(base: &'m Base, pricer: Pricer<'m>, question: &Question) -> Network<'m> {
        let Body { builder, runs, crossings, transfers, sailings } = Body::compile(base, pricer, question);
        let ends = [question.from.clone(), question.to.clone()];
        builder.join(ends, [&runs, &crossings, &transfers, &sailings])
    }
}

impl<'m> Body<'m> {
    /// The network between ends of a journey.
    pub fn with_ends(&self, from: Vec<(NodeIx, f64)>, to: Vec<(NodeIx, f64)>) -> Network<'m> {
        let parts = [&self.runs, &self.crossings, &self.transfers, &self.sailings];
        self.builder.clone().join([from, to], parts.map(Vec::as_slice))
    }

    /// Compiles what does not depend on the ends that a question names; the states of origin and destination count.
    pub fn compile(base: &'m Base, pricer: Pricer<'m>, question: &Question) -> Body<'m> {
        let model = pricer.model;
        let cargo = pricer.cargo;
        let shipment = Shipment {
            cargo,
            origin: pricer.origin,
            destination: pricer.destination,
            tonnes: question.loads.first().map(|l| l.tonnes),
            registration: question.registration,
        };
        let zones: Vec<TimeZone> =
            model.tables.state.iter().map(|s| TimeZone::get(&s.time_zone).unwrap_or(TimeZone::UTC)).collect();
        let start = question.depart.to_zoned(TimeZone::UTC);
        let hour_of_week = f64::from(start.date().weekday().to_monday_zero_offset()) * 24.0
            + f64::from(start.hour())
            + f64::from(start.minute()) / 60.0;
        let mut months = Vec::new();
        let mut day = start.date();
        for _ in 0..=question.horizon_days {
            months.push(day.month() as u8 - 1);
            day = day.tomorrow().unwrap_or(day);
        }
        let last_day = day;
        let lifted =
            question.lift.iter().filter_map(|b| if let Blocker::Rule(r) = b { Some(*r) } else { None });
        let rules = RuleSet::new(model, &shipment)
            .with_quotas(amounts(model, &question.loads), question.used.clone())
            .without(lifted.collect());
        let useful = rules.passed_may_help();
        let net = Network {
            base,
            rules,
            loads: question.loads.clone(),
            rates: RateTable::default(),
            elements: Vec::with_capacity(1 << 14),
            arcs: Vec::new(),
            first: Vec::new(),
            source: 0,
            sink: 0,
            waits: Vec::new(),
            weather: Vec::new(),
            windows: vec![Vec::new()],
            blockers: Vec::new(),
            barred: Default::default(),
            used_up: Default::default(),
            hour_of_week,
            months,
            all_vias: ((1u16 << question.via.len().min(8)) - 1) as u8,
            useful,
            depart: question.depart,
            as_of: question.as_of,
            local: Vec::new(),
            zones,
            waits_by: HashMap::new(),
            effects: RefCell::default(),
            pricer,
        };
        let first_day = question.as_of.unwrap_or(start.date());
        let mut b = Builder {
            slots: Slots { of_node: vec![u32::MAX; model.tables.node.len()], nodes: Vec::new() },
            arcs: Vec::with_capacity(1 << 14),
            window_memo: BTreeMap::new(),
            rides: Vec::new(),
            runs_in: BTreeMap::new(),
            first_day: first_day.yesterday().unwrap_or(first_day),
            last_day,
            weather_at: HashMap::new(),
            operations: Operations::new(model, &net.loads, cargo.kind, question.as_of.unwrap_or(first_day)),
            net,
            question: question.clone(),
        };
        b.tracks();
        let n = base.stretches.len() as u32;
        b.runs(0..n);
        let runs = std::mem::take(&mut b.arcs);
        b.crossings();
        let crossings = std::mem::take(&mut b.arcs);
        b.transfers();
        let transfers = std::mem::take(&mut b.arcs);
        b.sailings();
        let sailings = std::mem::take(&mut b.arcs);
        Body { builder: b, runs, crossings, transfers, sailings }
    }
}

impl<'m> Network<'m> {
    /// A stretch by its index in [`Element::Run`].
    pub fn stretch(&self, i: u32) -> &Stretch {
        let n = self.base.stretches.len();
        if (i as usize) < n { &self.base.stretches[i as usize] } else { &self.local[i as usize - n] }
    }

    /// The elements of an arc.
    pub fn elements_of(&self, arc: &Arc) -> &[Element] {
        &self.elements[arc.element as usize..arc.element as usize + arc.elements as usize]
    }

    /// The arcs of a vertex.
    #[inline]
    pub fn arcs_of(&self, vertex: u32) -> &[Arc] {
        &self.arcs[self.first[vertex as usize] as usize..self.first[vertex as usize + 1] as usize]
    }

    /// The state in which a node lies.
    pub fn base_state(&self, node: NodeIx) -> Option<StateIx> {
        self.base.node_state[node.ix()]
    }

    /// The local zone of a state.
    pub fn zone(&self, state: Option<StateIx>) -> TimeZone {
        state.map_or(TimeZone::UTC, |s| self.zones[s.ix()].clone())
    }

    /// The local day in a state some hours after departure, or the frozen day.
    pub fn day(&self, state: Option<StateIx>, h: f64) -> Date {
        if let Some(d) = self.as_of {
            return d;
        }
        let at = self.depart + jiff::SignedDuration::from_secs((h * 3600.0) as i64);
        at.to_zoned(self.zone(state)).date()
    }

    /// The lists of states of previous transit of which an element enters one, by bits. The origin is no transit.
    fn enters(&self, element: &Element) -> u8 {
        let entered = |s: Option<StateIx>| if s == self.pricer.origin { 0 } else { self.rules.entered(s) };
        match *element {
            Element::Cross { border, forward, .. } => {
                let b = &self.pricer.model.tables.border[border.ix()];
                let to = if forward { &b.state_b } else { &b.state_a };
                entered(self.pricer.model.state_ix(to.as_str()))
            }
            Element::Sail { sailing, .. } => {
                let s = &self.base.sailings[sailing as usize];
                s.land.iter().fold(entered(self.base.node_state[s.to.ix()]), |bits, part| match *part {
                    LandPart::Run { state, .. } => bits | entered(state),
                    LandPart::Border { .. } => bits,
                })
            }
            _ => 0,
        }
    }

    /// The elements of an arc, each with the lists of states of previous transit passed before it, as far as a rule
    /// asks for them.
    pub fn steps_of(&self, arc: &Arc) -> impl Iterator<Item = (&Element, u8)> {
        let mut passed = arc.asks.1;
        self.elements_of(arc).iter().map(move |e| {
            let before = passed;
            passed |= self.enters_before_next(e);
            (e, before)
        })
    }

    /// What is passed before the next element begins: a train's borders follow it and enter their states in turn.
    fn enters_before_next(&self, element: &Element) -> u8 {
        match *element {
            Element::Sail { sailing, .. } if !self.base.sailings[sailing as usize].land.is_empty() => 0,
            _ if self.rules.passed_lists().is_empty() => 0,
            _ => self.enters(element),
        }
    }

    /// The movements of an element of which rules are asked; those marked `true` may also charge. `passed` are the
    /// lists of states of previous transit passed before, by bits.
    pub fn movements(&self, element: &Element, passed: u8) -> Vec<(Movement, bool)> {
        let m = self.pricer.model;
        let kind = |ride: u8| m.tables.equipment[self.loads[ride as usize].equipment.ix()].kind;
        let mode_of = |ride: u8| m.tables.equipment[self.loads[ride as usize].equipment.ix()].mode;
        // The railway of the state runs its trains, where no service says otherwise.
        let railway = |mode: Mode, state: Option<StateIx>| if mode == Mode::Rail { state } else { None };
        let passing = |state: Option<StateIx>, mode: Mode, equipment: EquipmentKind, flag, passed| {
            let transit = state.is_some() && state != self.pricer.origin && state != self.pricer.destination;
            let at = |governs| Movement { governs, state, node: None, mode, equipment, flag, passed };
            let mut v = vec![at(Governs::Carriage)];
            if transit {
                v.push(at(Governs::Transit));
            }
            v
        };
        let crossing = |from: Option<StateIx>,
                        to: Option<StateIx>,
                        out: NodeIx,
                        into: NodeIx,
                        mode,
                        equipment,
                        flag: Option<StateIx>,
                        passed| {
            let mut v = Vec::new();
            // From a state to itself through another nothing is exported or imported: it is transit there.
            if self.pricer.origin.is_some() && self.pricer.origin == self.pricer.destination {
                return v;
            }
            if from != to && from.is_some() && from == self.pricer.origin {
                let (governs, node, flag) = (Governs::Export, Some(out), flag.or(railway(mode, from)));
                v.push(Movement { governs, state: from, node, mode, equipment, flag, passed });
            }
            if from != to && to.is_some() && to == self.pricer.destination {
                let (governs, node, flag) = (Governs::Import, Some(into), flag.or(railway(mode, to)));
                v.push(Movement { governs, state: to, node, mode, equipment, flag, passed });
            }
            v
        };
        match *element {
            Element::Run { stretch, rate } => {
                let s = self.stretch(stretch);
                let (e, flag) = (kind(self.ride_of(rate)), railway(s.track.mode, s.state));
                passing(s.state, s.track.mode, e, flag, passed).into_iter().map(|m| (m, false)).collect()
            }
            Element::Access { rate, .. } => {
                let r = &self.rates.rates[rate as usize];
                passing(r.state, Mode::Road, kind(self.ride_of(rate)), None, passed)
                    .into_iter()
                    .map(|m| (m, false))
                    .collect()
            }
            Element::Cross { border, forward, node, ride, flag } => {
                let b = &m.tables.border[border.ix()];
                let (a, z) = (m.state_ix(b.state_a.as_str()), m.state_ix(b.state_b.as_str()));
                let (from, to) = if forward { (a, z) } else { (z, a) };
                let mut v: Vec<(Movement, bool)> =
                    crossing(from, to, node, node, b.mode, kind(ride), flag, passed)
                        .into_iter()
                        .map(|m| (m, true))
                        .collect();
                for governs in [Governs::Carriage, Governs::Transit] {
                    let at = Movement {
                        governs,
                        state: to,
                        node: Some(node),
                        mode: b.mode,
                        equipment: kind(ride),
                        flag: flag.or(railway(b.mode, to)),
                        passed,
                    };
                    v.push((at, true));
                }
                v
            }
            Element::Enter { state, rate, rules, .. } => {
                let ride = self.ride_of(rate);
                if rules {
                    let flag = railway(mode_of(ride), state);
                    passing(state, mode_of(ride), kind(ride), flag, passed)
                        .into_iter()
                        .map(|m| (m, true))
                        .collect()
                } else {
                    Vec::new()
                }
            }
            Element::Sail { sailing, ride } => {
                let s = &self.base.sailings[sailing as usize];
                let row = &m.tables.service[s.service.ix()];
                let mode = row.mode;
                let flag = row.flag.as_ref().and_then(|f| m.state_ix(f.as_str()));
                let e = kind(ride);
                if !s.land.is_empty() {
                    let (mut v, mut passed) = (Vec::new(), passed);
                    for part in &s.land {
                        match *part {
                            LandPart::Run { state, .. } => {
                                let flag = flag.or(railway(mode, state));
                                v.extend(
                                    passing(state, mode, e, flag, passed).into_iter().map(|m| (m, true)),
                                );
                                if state != self.pricer.origin {
                                    passed |= self.rules.entered(state);
                                }
                            }
                            // With a duration of its own the service passes its borders without crossings told apart.
                            LandPart::Border { .. }
                                if m.tables.service[s.service.ix()].duration_h.is_none() => {}
                            LandPart::Border { node, from, to } => v.extend(
                                crossing(Some(from), Some(to), node, node, mode, e, flag, passed)
                                    .into_iter()
                                    .map(|m| (m, true)),
                            ),
                        }
                    }
                    return v;
                }
                let (from, to) = (self.base.node_state[s.from.ix()], self.base.node_state[s.to.ix()]);
                let mut v: Vec<(Movement, bool)> = crossing(from, to, s.from, s.to, mode, e, flag, passed)
                    .into_iter()
                    .map(|m| (m, true))
                    .collect();
                // Afloat: carriage in no state. At both ports: what is forbidden there, charges are due ashore.
                let at = |governs, state, node| Movement {
                    governs,
                    state,
                    node,
                    mode,
                    equipment: e,
                    flag,
                    passed,
                };
                v.push((at(Governs::Carriage, None, None), true));
                for (state, node) in [(from, s.from), (to, s.to)] {
                    v.push((at(Governs::Carriage, state, Some(node)), true));
                    if state != self.pricer.origin && state != self.pricer.destination {
                        v.push((at(Governs::Transit, state, None), false));
                        v.push((at(Governs::Transit, state, Some(node)), true));
                    }
                }
                v
            }
            Element::Operate { node, before, after, .. } => {
                let Some(ride) = after.or(before) else { return Vec::new() };
                let at = Movement {
                    governs: Governs::Carriage,
                    state: self.base.node_state[node.ix()],
                    node: Some(node),
                    mode: mode_of(ride),
                    equipment: kind(ride),
                    flag: railway(mode_of(ride), self.base.node_state[node.ix()]),
                    passed,
                };
                vec![(at, true)]
            }
        }
    }

    /// The index in [`Self::loads`] of a rate's equipment.
    pub fn ride_of(&self, rate: u32) -> u8 {
        let e = self.rates.rates[rate as usize].loads.equipment;
        self.loads.iter().position(|l| l.equipment == e).unwrap_or(0) as u8
    }

    /// The rule that takes most off the price of carriage by a rate on a day, and the share taken off: 1 for a
    /// waiver.
    pub fn relief(&self, rate: u32, day: Date) -> Option<(RuleIx, f64)> {
        let state = self.rates.rates[rate as usize].state;
        let e =
            self.pricer.model.tables.equipment[self.rates.rates[rate as usize].loads.equipment.ix()].clone();
        [Governs::Carriage, Governs::Transit]
            .into_iter()
            .filter(|g| {
                *g == Governs::Carriage || state != self.pricer.origin && state != self.pricer.destination
            })
            .flat_map(|governs| {
                // No waiver or discount asks for the flag of a service or for what was passed before.
                let flag = state.filter(|_| e.mode == Mode::Rail);
                let m =
                    Movement { governs, state, node: None, mode: e.mode, equipment: e.kind, flag, passed: 0 };
                self.rules.evaluate(&m, day).applied
            })
            .filter_map(|ix| {
                let r = &self.pricer.model.tables.rule[ix.ix()];
                match r.effect {
                    Effect::Waive => Some((ix, 1.0)),
                    Effect::Discount => r.value.map(|v| (ix, v.best.clamp(0.0, 1.0))),
                    _ => None,
                }
            })
            // Of equal shares, the first.
            .reduce(|a, b| if b.1 > a.1 { b } else { a })
    }

    /// Charges and delays of the rules that bind an element on a day: US dollars, mean and spread of hours.
    /// `passed` as in [`Self::movements`].
    pub fn rule_effects(&self, element: &Element, day: Date, passed: u8) -> Rc<RuleEffects> {
        let ride = match *element {
            Element::Run { rate, .. } | Element::Access { rate, .. } | Element::Enter { rate, .. } => {
                Some(self.ride_of(rate))
            }
            Element::Cross { ride, .. } | Element::Sail { ride, .. } => Some(ride),
            Element::Operate { before, after, .. } => after.or(before),
        };
        let Some(ride) = ride else { return Rc::default() };
        // Of thousands of elements there are some hundred kinds.
        let key = (self.movements(element, passed), day, ride);
        if let Some(known) = self.effects.borrow().get(&key) {
            return known.clone();
        }
        let mut out = RuleEffects { ride, ..RuleEffects::default() };
        let loads = &self.loads[ride as usize];
        let mut seen = std::collections::BTreeSet::new();
        for (movement, charges) in &key.0 {
            let verdict: Verdict = self.rules.evaluate(movement, day);
            for ix in verdict.applied {
                let r = &self.pricer.model.tables.rule[ix.ix()];
                let counts = match r.effect {
                    Effect::Charge | Effect::Delay | Effect::Inspect | Effect::Waive | Effect::Discount => {
                        *charges
                    }
                    _ => true,
                };
                if counts && seen.insert(ix) {
                    out.applied.push(ix);
                    if let (Effect::Charge, Some(v), Some(c), Some(per)) =
                        (r.effect, r.value, &r.currency, r.per)
                    {
                        let year = r.from.map_or(day.year(), |d| d.year()) as u32;
                        if let Some(usd) = self.pricer.amount(v, c, year, per, loads, 0.0) {
                            out.charges.push((ix, usd));
                        }
                    }
                    if let Some(d) = added_time(r) {
                        out.delays.push((ix, d));
                    }
                }
            }
        }
        let out = Rc::new(out);
        self.effects.borrow_mut().insert(key, out.clone());
        out
    }

    /// What an element costs, without waiting for a departure and the weather. `day` is that of the tariffs and
    /// rules.
    /// Nothing is taken to have been passed before.
    pub fn cost(&self, element: &Element, day: Date) -> Cost {
        let m = self.pricer.model;
        match *element {
            Element::Run { stretch, rate } => {
                let s = self.stretch(stretch);
                let run =
                    self.rates.rates[rate as usize].run(s.km, s.electric_km, (s.own_speed_km, s.own_speed_h));
                Cost { usd: run.usd * self.rates.due(rate), ..run }
            }
            Element::Access { km, rate, .. } => self.rates.rates[rate as usize].run(km, 0.0, (0.0, 0.0)),
            Element::Enter { rate, .. } => {
                let once = self.rates.rates[rate as usize].usd_once.best * self.rates.due(rate);
                Cost { usd: once, ..Cost::default() } + self.rule_effects(element, day, 0).cost()
            }
            Element::Cross { border, forward, ride, .. } => {
                let b = &m.tables.border[border.ix()];
                let own = if b.procedure == Procedure::None {
                    Cost::default()
                } else {
                    let [out, into] = posts(m, border, forward);
                    let usd = self.border_charge(border, forward, ride).map_or(0.0, |e| e.best);
                    Cost { h: out.mean() + into.mean(), sd: out.sd() + into.sd(), usd, co2e: 0.0 }
                };
                own + self.rule_effects(element, day, 0).cost()
            }
            Element::Operate { terminal, before, after, node } => {
                let d = self.operation_duration(terminal, before, after, node);
                let usd = self.operation_charge(terminal, before, after).map_or(0.0, |e| e.best);
                let (co2e, _) = self.operation_co2e(terminal, before, after, node);
                Cost { h: d.mean(), sd: d.sd(), usd, co2e } + self.rule_effects(element, day, 0).cost()
            }
            Element::Sail { sailing, ride } => {
                let q = self.sailing_time(sailing, ride);
                let usd = self.sailing_price(sailing, ride).map_or(0.0, |e| e.best);
                let (co2e, _) = self.sailing_co2e(sailing, ride);
                let mut c = Cost { h: q.mean(), sd: q.sd(), usd, co2e };
                c = c + self.rule_effects(element, day, 0).cost();
                c
            }
        }
    }

    /// What a unit pays at a border, for the consignment, US dollars.
    pub fn border_charge(&self, border: BorderIx, forward: bool, ride: u8) -> Option<Estimate> {
        let b = &self.pricer.model.tables.border[border.ix()];
        let value = if forward { b.charge_ab } else { b.charge_ba };
        self.pricer.amount(value, &b.currency, b.price_year, b.per, &self.loads[ride as usize], 0.0)
    }

    /// The time of an operation: longer in proportion where the consignment exceeds what is handled in a day.
    pub fn operation_duration(
        &self,
        t: TerminalIx,
        before: Option<u8>,
        after: Option<u8>,
        node: NodeIx,
    ) -> Duration {
        let row = &self.pricer.model.tables.terminal[t.ix()];
        let rides = [before, after].into_iter().flatten();
        let units = row
            .capacity_unit
            .and_then(|u| rides.filter_map(|r| self.loads[r as usize].in_unit(u)).reduce(f64::max));
        let stated = match (units, row.capacity_per_day) {
            (Some(n), Some(c)) if c.best > 0.0 && n > c.best => row.duration_h.scale(n / c.best),
            _ => row.duration_h.clone(),
        };
        let process = operation_kind(row);
        let m = self.pricer.model;
        let at = m.node(node);
        let state = at.state.as_ref().map_or("", |s| s.as_str());
        Duration::new(&stated, process, m.factors.get(process, &[at.id.as_str(), state]))
    }

    /// Kind of process of waiting for a service at a node, and the factor on it.
    pub fn wait_factor(&self, service: usize, at: NodeIx) -> (ProcessKind, Factor) {
        let m = self.pricer.model;
        let row = &m.tables.service[service];
        let process = match (row.departure, row.mode) {
            (Departure::Timetable, _) => return (ProcessKind::Given, Factor::default()),
            (_, Mode::Rail | Mode::Road) => ProcessKind::WaitTrain,
            _ => ProcessKind::WaitSea,
        };
        let state = m.node(at).state.as_ref().map_or("", |s| s.as_str());
        (process, m.factors.get(process, &[state]))
    }

    /// The charge of an operation, US dollars.
    pub fn operation_charge(&self, t: TerminalIx, before: Option<u8>, after: Option<u8>) -> Option<Estimate> {
        let row = &self.pricer.model.tables.terminal[t.ix()];
        [before, after].into_iter().flatten().find_map(|r| {
            self.pricer.amount(
                row.charge,
                &row.currency,
                row.price_year,
                row.per,
                &self.loads[r as usize],
                0.0,
            )
        })
    }

    /// kg CO2e of an operation, and the row of `emission`.
    pub fn operation_co2e(
        &self,
        t: TerminalIx,
        before: Option<u8>,
        after: Option<u8>,
        node: NodeIx,
    ) -> (f64, Option<usize>) {
        let row = &self.pricer.model.tables.terminal[t.ix()];
        let Some(ride) = before.or(after) else { return (0.0, None) };
        self.pricer.hub(row.operation, self.loads[ride as usize], self.base.node_state[node.ix()])
    }

    /// The running time of a sailing.
    pub fn sailing_time(&self, sailing: u32, ride: u8) -> Duration {
        let s = &self.base.sailings[sailing as usize];
        sailing_duration(self.pricer.model, self.base, s, Some(self.loads[ride as usize].equipment))
    }

    /// The price of a sailing, US dollars; `None` if it is per something that is not carried.
    pub fn sailing_price(&self, sailing: u32, ride: u8) -> Option<Estimate> {
        let s = &self.base.sailings[sailing as usize];
        let row = &self.pricer.model.tables.service[s.service.ix()];
        self.pricer.amount(
            row.price,
            &row.currency,
            row.price_year,
            row.per,
            &self.loads[ride as usize],
            s.km,
        )
    }

    /// kg CO2e of a sailing, and the row of `emission`: the vessel's at sea, the equipment's on land.
    pub fn sailing_co2e(&self, sailing: u32, ride: u8) -> (f64, Option<usize>) {
        let m = self.pricer.model;
        let s = &self.base.sailings[sailing as usize];
        let loads = self.loads[ride as usize];
        if !s.land.is_empty() {
            let mut sum = 0.0;
            let mut row = None;
            for part in &s.land {
                if let LandPart::Run { state, km, electric_km } = *part {
                    let (diesel, d) = self.pricer.intensity(loads, state, false);
                    let (electric, e) = self.pricer.intensity(loads, state, true);
                    sum += (km - electric_km) * diesel + electric_km * electric;
                    row = row.or(if electric_km > km / 2.0 { e } else { d });
                }
            }
            return (sum, row);
        }
        let row = &m.tables.service[s.service.ix()];
        let kind = m
            .equipment_ix(row.vehicle.as_str())
            .map_or(m.tables.equipment[loads.equipment.ix()].kind, |e| m.tables.equipment[e.ix()].kind);
        let found = self.pricer.emission(kind, None, None, None);
        let g = found.map_or(0.0, |i| m.tables.emission[i].value.best);
        (g * loads.tonnes * s.km / 1000.0, found)
    }
}

/// The consignment as quotas count it, by kind of equipment; of one kind, the greater number.
fn amounts(model: &Model, loads: &[Loads]) -> Vec<Amounts> {
    let mut out: Vec<Amounts> = Vec::new();
    for l in loads {
        let e = &model.tables.equipment[l.equipment.ix()];
        let by = |mode: Mode| (e.mode == mode).then_some(l.vehicles);
        let new = Amounts {
            equipment: e.kind,
            tonnes: l.tonnes,
            wagons: by(Mode::Rail),
            teu: (l.unit == Unit::Teu).then_some(l.count),
            trucks: by(Mode::Road),
        };
        match out.iter_mut().find(|a| a.equipment == new.equipment) {
            Some(a) => {
                let most = |a: Option<f64>, b: Option<f64>| a.zip(b).map(|(a, b)| a.max(b)).or(a).or(b);
                a.wagons = most(a.wagons, new.wagons);
                a.teu = most(a.teu, new.teu);
                a.trucks = most(a.trucks, new.trucks);
            }
            None => out.push(new),
        }
    }
    out
}

/// What rules add to an element.
#[derive(Clone, Debug, Default)]
pub struct RuleEffects {
    /// Rules that applied, papers among them.
    pub applied: Vec<RuleIx>,
    /// Charges, US dollars.
    pub charges: Vec<(RuleIx, Estimate)>,
    /// Delays.
    pub delays: Vec<(RuleIx, karvan_units::Dist)>,
    /// Index into [`Network::loads`] of what is ridden in.
    pub ride: u8,
}

impl RuleEffects {
    fn cost(&self) -> Cost {
        let mut c = Cost::default();
        for (_, usd) in &self.charges {
            c.usd += usd.best;
        }
        for (_, d) in &self.delays {
            c.h += d.mean();
            c.sd += d.sd();
        }
        c
    }
}

impl Operations {
    pub(crate) fn new(
        model: &Model,
        loads: &[Loads],
        cargo: karvan_model::tables::CargoKind,
        day: Date,
    ) -> Self {
        let kinds: Vec<EquipmentKind> =
            loads.iter().map(|l| model.tables.equipment[l.equipment.ix()].kind).collect();
        let concerns = |t: &Terminal| {
            t.cargo_kinds.admits(&cargo)
                && DayInterval { from: t.from, till: t.till }.contains(day)
                && (t.from_equipment.is_empty() || t.from_equipment.iter().any(|k| kinds.contains(k)))
                && (t.to_equipment.is_empty() || t.to_equipment.iter().any(|k| kinds.contains(k)))
        };
        let rows = model
            .tables
            .terminal
            .iter()
            .enumerate()
            .filter(|(_, t)| concerns(t))
            .map(|(i, t)| {
                let nodes = t.nodes.iter().filter_map(|n| model.node_ix(n.as_str())).collect();
                (TerminalIx::new(i), nodes)
            })
            .collect();
        Self { rows }
    }

    /// How specifically a row holds at a node; `None` if it does not.
    fn holds(model: &Model, t: &Terminal, nodes: &[NodeIx], node: NodeIx) -> Option<u32> {
        let row = model.node(node);
        if !t.nodes.is_empty() {
            return nodes.contains(&node).then_some(3);
        }
        if t.node_kinds.is_empty() || !t.node_kinds.contains(&row.kind) {
            return None;
        }
        if t.states.is_empty() {
            return Some(1);
        }
        row.state.as_ref().is_some_and(|s| t.states.contains(s)).then_some(2)
    }

    /// The most specific row of an operation at a node that takes an equipment on and off.
    fn find(
        &self,
        model: &Model,
        node: NodeIx,
        operation: Operation,
        fits: impl Fn(&Terminal) -> bool,
    ) -> Option<TerminalIx> {
        self.rows
            .iter()
            .filter_map(|(ix, nodes)| {
                let t = &model.tables.terminal[ix.ix()];
                if t.operation != operation || !fits(t) {
                    return None;
                }
                Some((Self::holds(model, t, nodes, node)?, *ix))
            })
            .max_by_key(|(score, ix)| (*score, std::cmp::Reverse(*ix)))
            .map(|(_, ix)| ix)
    }
}

const SIDES: u32 = 2;

impl<'m> Builder<'m> {
    fn model(&self) -> &'m Model {
        self.net.pricer.model
    }

    fn kind(&self, ride: u8) -> EquipmentKind {
        self.model().tables.equipment[self.net.loads[ride as usize].equipment.ix()].kind
    }

    fn equipment_mode(&self, ride: u8) -> Mode {
        self.model().tables.equipment[self.net.loads[ride as usize].equipment.ix()].mode
    }

    fn gauge(&self, ride: u8) -> Option<u32> {
        self.model().tables.equipment[self.net.loads[ride as usize].equipment.ix()].gauge_mm
    }

    fn slot(&mut self, node: NodeIx) -> u32 {
        let s = &mut self.slots;
        if s.of_node[node.ix()] == u32::MAX {
            s.of_node[node.ix()] = s.nodes.len() as u32;
            s.nodes.push(node);
        }
        s.of_node[node.ix()]
    }

    /// On which side of a node a state lies: 1 for the second state of a border, else 0.
    fn side(&self, node: NodeIx, state: Option<StateIx>) -> u32 {
        let Some(rows) = self.net.base.borders.get(&node) else { return 0 };
        let second = |b: &BorderIx| {
            let b = &self.model().tables.border[b.ix()];
            state.is_some() && self.model().state_ix(b.state_b.as_str()) == state
        };
        u32::from(rows.iter().any(second))
    }

    fn vertex(&mut self, node: NodeIx, state: Option<StateIx>, ride: u8) -> u32 {
        let side = self.side(node, state);
        self.vertex_at(node, side, ride)
    }

    fn vertex_at(&mut self, node: NodeIx, side: u32, ride: u8) -> u32 {
        let slot = self.slot(node);
        2 + (slot * SIDES + side) * self.net.loads.len() as u32 + u32::from(ride)
    }

    /// Whether the cargo itself is stowed in the equipment: a ship. Its two sides at a port are what has come and
    /// what is to go, so that cargo does not pass from one ship to the next of its kind without being handled.
    fn is_ship(&self, ride: u8) -> bool {
        matches!(self.equipment_mode(ride), Mode::Sea | Mode::InlandWater)
    }

    /// The vertex of what has arrived at a node.
    fn arrived(&mut self, node: NodeIx, state: Option<StateIx>, ride: u8) -> u32 {
        if self.is_ship(ride) { self.vertex_at(node, 0, ride) } else { self.vertex(node, state, ride) }
    }

    /// The vertex of what is about to leave a node.
    fn leaving(&mut self, node: NodeIx, state: Option<StateIx>, ride: u8) -> u32 {
        if self.is_ship(ride) { self.vertex_at(node, 1, ride) } else { self.vertex(node, state, ride) }
    }

    fn via_bits(&self, nodes: impl Iterator<Item = NodeIx>) -> u8 {
        let mut bits = 0;
        if !self.question.via.is_empty() {
            for n in nodes {
                for (i, set) in self.question.via.iter().take(8).enumerate() {
                    if set.contains(&n) {
                        bits |= 1 << i;
                    }
                }
            }
        }
        bits
    }

    fn avoids_state(&self, state: Option<StateIx>) -> bool {
        state.is_some_and(|s| self.question.avoid_states.contains(&s))
    }

    /// Adds an element to an arc that is being put together: its cost, its windows, its blockers.
    fn add(&mut self, d: &mut Draft, e: Element) {
        let cost = self.net.cost(&e, self.question.as_of.unwrap_or(self.net.pricer.day));
        d.cost = d.cost + cost;
        d.elements.push(e);
        let before = d.enters;
        let movements: Vec<Movement> = self.net.movements(&e, before).into_iter().map(|(m, _)| m).collect();
        let asks = movements.iter().fold(0, |bits, m| bits | self.net.rules.asks_passed(m));
        d.enters |= self.net.enters_before_next(&e);
        let (link, crossing) = match e {
            Element::Run { stretch, .. } => (self.net.stretch(stretch).dated, None),
            Element::Cross { border, node, .. } => {
                let b = &self.model().tables.border[border.ix()];
                let pair =
                    (self.model().state_ix(b.state_a.as_str()), self.model().state_ix(b.state_b.as_str()));
                (None, pair.0.zip(pair.1).map(|(a, z)| (node, a, z, b.mode)))
            }
            _ => (None, None),
        };
        if asks != 0 {
            d.asks |= asks;
            d.open.push((e, before, link, crossing));
            return;
        }
        let (window, blocked) = self.window(movements, link, crossing);
        self.combine(d, window, blocked);
    }

    fn combine(&mut self, d: &mut Draft, window: u16, blocked: u16) {
        if blocked != 0 {
            if !self.question.explain {
                d.dead = true;
            } else if d.blocked == 0 {
                d.blocked = blocked;
            } else if d.blocked != blocked {
                let mut all = self.net.blockers[d.blocked as usize - 1].clone();
                all.extend_from_slice(&self.net.blockers[blocked as usize - 1]);
                all.sort();
                all.dedup();
                self.net.blockers.push(all);
                d.blocked = self.net.blockers.len() as u16;
            }
        }
        if window != 0 && window != d.window {
            d.window = if d.window == 0 {
                window
            } else {
                let both = intersect(
                    &self.net.windows[d.window as usize].clone(),
                    &self.net.windows[window as usize].clone(),
                );
                if both.is_empty() && !self.question.explain {
                    d.dead = true;
                }
                self.net.windows.push(both);
                (self.net.windows.len() - 1) as u16
            };
        }
    }

    /// The window in which movements over a link or across a border are allowed, and what blocks them if there
    /// is none (or, where the question is what stands in the way, if there is none at departure).
    fn window(
        &mut self,
        mut movements: Vec<Movement>,
        link: Option<LinkIx>,
        crossing: Option<Crossing>,
    ) -> (u16, u16) {
        movements.sort();
        movements.dedup();
        let key = (movements, link, crossing);
        if let Some(known) = self.window_memo.get(&key) {
            return *known;
        }
        let (movements, link, crossing) = &key;
        let mut used_up: Vec<(RuleIx, RuleIx)> = Vec::new();
        let mut blocks = |day: Date| -> Vec<Blocker> {
            let mut out = Vec::new();
            for m in movements {
                // What stands in the way is every ban behind the first, where that is the question.
                if self.question.explain {
                    for bar in self.net.rules.bars(m, day) {
                        used_up.extend(self.net.rules.used_up(m, day, bar).into_iter().map(|p| (bar, p)));
                        out.push(Blocker::Rule(bar));
                    }
                } else if let Some(r) = self.net.rules.evaluate(m, day).blocker {
                    out.push(Blocker::Rule(r));
                }
            }
            if let Some(l) = link.filter(|l| !self.net.base.is_open(*l, day)) {
                out.push(Blocker::Link(self.net.base.line_of(l)));
            }
            if let Some((node, a, z, mode)) = *crossing {
                match border_row(self.model(), self.net.base, node, a, z, mode, day) {
                    Some((_, BorderState::Open)) => {}
                    Some((ix, _)) => out.push(Blocker::Border(node, Some(ix))),
                    None => out.push(Blocker::Border(node, None)),
                }
            }
            out.sort();
            out.dedup();
            // What is lifted is so on every day: a border however its rows name it.
            out.retain(|b| {
                !self.question.lift.iter().any(|l| match (l, b) {
                    (Blocker::Border(a, _), Blocker::Border(z, _)) => a == z,
                    (l, b) => l == b,
                })
            });
            out
        };
        let mut window = 0;
        let mut blocked = Vec::new();
        let mut barred: Vec<RuleIx> = Vec::new();
        let bars = |on: &[Blocker]| -> Vec<RuleIx> {
            on.iter().filter_map(|b| if let Blocker::Rule(r) = b { Some(*r) } else { None }).collect()
        };
        if let Some(day) = self.question.as_of {
            blocked = blocks(day);
            barred = bars(&blocked);
        } else {
            let mut days: Vec<Date> = Vec::new();
            for m in movements {
                days.extend(self.net.rules.breaks(m, self.first_day, self.last_day));
            }
            let mut ends = |i: DayInterval| {
                days.extend(
                    [i.from, i.till]
                        .into_iter()
                        .flatten()
                        .filter(|d| self.first_day < *d && *d <= self.last_day),
                );
            };
            if let Some(l) = link {
                self.net.base.open_days.get(l).into_iter().flatten().for_each(|i| ends(*i));
            }
            if let Some((node, ..)) = crossing {
                for b in self.net.base.borders.get(node).into_iter().flatten() {
                    let b = &self.model().tables.border[b.ix()];
                    ends(DayInterval { from: b.from, till: b.till });
                }
            }
            days.push(self.first_day);
            days.sort();
            days.dedup();
            let state = movements.first().and_then(|m| m.state).or(crossing.map(|c| c.1));
            let found: Vec<(Date, Vec<Blocker>)> = days.iter().map(|d| (*d, blocks(*d))).collect();
            if let Some((_, at_departure)) = found.iter().rev().find(|(d, _)| self.hours_to(*d, state) <= 0.0)
            {
                barred = bars(at_departure);
            }
            if found.iter().any(|(_, b)| !b.is_empty()) {
                let mut open: Vec<(f64, f64)> = Vec::new();
                for (i, (day, b)) in found.iter().enumerate() {
                    if !b.is_empty() {
                        continue;
                    }
                    let from = if i == 0 { f64::NEG_INFINITY } else { self.hours_to(*day, state) };
                    let till = found.get(i + 1).map_or(f64::INFINITY, |(d, _)| self.hours_to(*d, state));
                    match open.last_mut() {
                        Some(last) if last.1 >= from => last.1 = till,
                        _ => open.push((from, till)),
                    }
                }
                // Days before the departure do not help.
                open.retain(|w| w.1 > 0.0);
                if self.question.explain {
                    let now =
                        found.iter().rev().find(|(d, _)| self.hours_to(*d, state) <= 0.0).or(found.first());
                    blocked = now.map(|(_, b)| b.clone()).unwrap_or_default();
                } else if open.is_empty() {
                    blocked = found.iter().flat_map(|(_, b)| b.clone()).collect();
                } else {
                    self.net.windows.push(open);
                    window = (self.net.windows.len() - 1) as u16;
                }
            }
        }
        self.net.barred.extend(barred);
        self.net.used_up.extend(used_up);
        let blocked = if blocked.is_empty() {
            0
        } else {
            self.net.blockers.push(blocked);
            self.net.blockers.len() as u16
        };
        self.window_memo.insert(key, (window, blocked));
        (window, blocked)
    }

    /// Hours from departure to the beginning of a local day.
    fn hours_to(&self, day: Date, state: Option<StateIx>) -> f64 {
        match day.to_zoned(self.net.zone(state)) {
            Ok(z) => z.timestamp().duration_since(self.net.depart).as_secs_f64() / 3600.0,
            Err(_) => f64::INFINITY,
        }
    }

    /// Adds the arc, or the arcs where it differs by what has been passed before it.
    fn push(&mut self, from: u32, to: u32, d: Draft, via: u8) {
        if d.asks == 0 {
            return self.push_one(from, to, d, via, 0);
        }
        let day = self.question.as_of.unwrap_or(self.net.pricer.day);
        let asks = d.asks;
        let mut passed = 0u8;
        // All subsets of the bits asked, from none on.
        loop {
            let mut one = Draft { open: Vec::new(), ..d.clone() };
            for (e, on_arc, link, crossing) in &d.open {
                let all = passed | on_arc;
                let (with, without) =
                    (self.net.rule_effects(e, day, all).cost(), self.net.rule_effects(e, day, 0).cost());
                one.cost.h += with.h - without.h;
                one.cost.sd += with.sd - without.sd;
                one.cost.usd += with.usd - without.usd;
                let movements = self.net.movements(e, all).into_iter().map(|(m, _)| m).collect();
                let (window, blocked) = self.window(movements, *link, *crossing);
                self.combine(&mut one, window, blocked);
            }
            self.push_one(from, to, one, via, passed);
            passed = passed.wrapping_sub(asks) & asks;
            if passed == 0 {
                break;
            }
        }
    }

    fn push_one(&mut self, from: u32, to: u32, d: Draft, via: u8, passed: u8) {
        if d.dead || d.elements.is_empty() {
            return;
        }
        let element = self.net.elements.len() as u32;
        let elements = d.elements.len() as u8;
        let enters = if self.net.rules.passed_lists().is_empty() {
            0
        } else {
            d.elements.iter().fold(0, |bits, e| bits | self.net.enters(e))
        };
        self.net.elements.extend_from_slice(&d.elements);
        let wait = match d.wait {
            Some(w) => {
                self.net.waits.push(w);
                self.net.waits.len() as u16
            }
            None => 0,
        };
        self.arcs.push((
            from,
            Arc {
                to,
                h: d.cost.h as f32,
                sd: d.cost.sd as f32,
                usd: d.cost.usd as f32,
                co2e: d.cost.co2e as f32,
                element,
                elements,
                via,
                enters,
                asks: (d.asks, passed),
                window: d.window,
                wait,
                blocked: d.blocked,
            },
        ));
    }

    /// The rate of an equipment in a state, with its prices waived or lowered where a rule in force on the day of
    /// departure says so; the legs ask again for the day of the movement.
    fn rate(&mut self, ride: u8, state: Option<StateIx>) -> Option<u32> {
        let loads = self.net.loads[ride as usize];
        let rate = self.net.rates.get(&self.net.pricer, loads, state)?;
        if self.net.rates.relief_unasked(rate) {
            let day = self.question.as_of.unwrap_or(self.net.pricer.day);
            let share = self.net.relief(rate, day).map_or(0.0, |(_, share)| share);
            self.net.rates.set_relief(rate, share);
        }
        Some(rate)
    }

    /// What is due when a run in a state begins, where anything is.
    fn enter(&mut self, d: &mut Draft, node: NodeIx, state: Option<StateIx>, ride: u8, rules: bool) {
        if !matches!(self.equipment_mode(ride), Mode::Rail | Mode::Road | Mode::Pipeline) {
            return;
        }
        let Some(rate) = self.rate(ride, state) else { return };
        let e = Element::Enter { state, node, rate, rules };
        let due = self.net.rates.rates[rate as usize].usd_once.best != 0.0;
        let day = self.question.as_of.unwrap_or(self.net.pricer.day);
        // Where the question is what stands in the way, a rule on a state's whole territory counts where it is
        // entered, once, and not for every stretch in it. And who turns at the border has passed a state only if it
        // let them in.
        let asks = rules
            && (self.question.explain
                || self.net.rules.entered(state) != 0
                || !self.net.rule_effects(&e, day, 0).applied.is_empty()
                || self.asks_passed(&e));
        if due || asks {
            self.add(d, e);
        }
    }

    /// Whether what rules say of an element depends on what has been passed before.
    fn asks_passed(&self, e: &Element) -> bool {
        let rules = &self.net.rules;
        !rules.passed_lists().is_empty()
            && self.net.movements(e, 0).iter().any(|(m, _)| rules.asks_passed(m) != 0)
    }

    fn tracks(&mut self) {
        let tracks: Vec<Track> = self.net.base.tracks.clone();
        for track in tracks {
            let rides: Vec<u8> = (0..self.net.loads.len() as u8)
                .filter(|r| {
                    self.equipment_mode(*r) == track.mode
                        && (track.mode != Mode::Rail || self.gauge(*r) == Some(track.gauge_mm))
                        && !self.question.avoid_modes.contains(&track.mode)
                })
                .collect();
            if !rides.is_empty() {
                self.rides.push((track, rides));
            }
        }
    }

    /// Finds the stretches from and to places that are no key nodes.
    fn local(&mut self) {
        let base = self.net.base;
        let mut extra: Vec<NodeIx> =
            self.question.from.iter().chain(&self.question.to).map(|(n, _)| *n).collect();
        extra.extend(self.question.via.iter().flatten());
        extra.sort();
        extra.dedup();
        extra.retain(|n| !base.is_key[n.ix()]);
        let mut local = Vec::new();
        let mut scratch = base.scratch();
        for (track, _) in &self.rides {
            if matches!(track.mode, Mode::Sea | Mode::InlandWater) {
                continue;
            }
            for &n in &extra {
                base.local_stretches(self.model(), n, *track, &extra, &mut scratch, &mut local);
            }
        }
        self.net.local = local;
    }

    /// Runs over stretches.
    fn runs(&mut self, stretches: std::ops::Range<u32>) {
        let rides = std::mem::take(&mut self.rides);
        for (track, loads) in &rides {
            for i in stretches.clone() {
                let s = self.net.stretch(i);
                if s.track != *track || self.avoids_state(s.state) {
                    continue;
                }
                let (from, to, state, dated) = (s.from, s.to, s.state, s.dated);
                let links = &self.model().tables.link;
                let takes = |l: &(LinkIx, bool)| {
                    let c = &links[l.0.ix()].cargo;
                    c.is_empty() || c.iter().any(|c| c.as_str() == self.net.pricer.cargo.id.as_str())
                };
                if track.mode == Mode::Pipeline && !s.links.iter().all(takes) {
                    continue;
                }
                let interior = || {
                    self.net
                        .stretch(i)
                        .links
                        .iter()
                        .map(|(l, fwd)| {
                            let l = &links[l.ix()];
                            if *fwd { &l.to } else { &l.from }
                        })
                        .filter_map(|r| self.model().node_ix(r.as_str()))
                };
                if !self.question.avoid_nodes.is_empty()
                    && interior().chain([from]).any(|n| self.question.avoid_nodes.contains(&n))
                {
                    continue;
                }
                let via =
                    if self.question.via.is_empty() { 0 } else { self.via_bits(interior().chain([from])) };
                for &ride in loads {
                    let known = match self.runs_in.get(&(state, ride)) {
                        Some(k) => *k,
                        None => {
                            let k = self.rate(ride, state).map(|rate| {
                                let e = Element::Run { stretch: i, rate };
                                let asks = self.asks_passed(&e);
                                let m = self.net.movements(&e, 0).into_iter().map(|(m, _)| m).collect();
                                let (w, b) = if asks { (0, 0) } else { self.window(m, None, None) };
                                (rate, w, b, asks)
                            });
                            self.runs_in.insert((state, ride), k);
                            k
                        }
                    };
                    let Some((rate, window, blocked, asks)) = known else { continue };
                    let e = Element::Run { stretch: i, rate };
                    let mut d = Draft::default();
                    if let (true, Some(link)) = (self.question.explain, dated) {
                        d.cost = self.net.cost(&e, self.net.pricer.day);
                        d.elements.push(e);
                        let (_, blocked) = self.window(Vec::new(), Some(link), None);
                        d.blocked = blocked;
                    } else if dated.is_some() || asks && !self.question.explain {
                        self.add(&mut d, e);
                    } else {
                        if blocked != 0 && !self.question.explain {
                            continue;
                        }
                        d.cost = self.net.cost(&e, self.net.pricer.day);
                        d.elements.push(e);
                        d.window = window;
                    }
                    let a = self.vertex(from, state, ride);
                    let z = self.vertex(to, state, ride);
                    self.push(a, z, d, via);
                }
            }
        }
        self.rides = rides;
    }

    fn crossings(&mut self) {
        let mut nodes: Vec<NodeIx> = self.net.base.borders.keys().copied().collect();
        nodes.sort();
        for node in nodes {
            if self.question.avoid_nodes.contains(&node) {
                continue;
            }
            let rows = self.net.base.borders[&node].clone();
            let mut pairs: Vec<(StateIx, StateIx, Mode)> = Vec::new();
            for b in &rows {
                let b = &self.model().tables.border[b.ix()];
                let pair =
                    (self.model().state_ix(b.state_a.as_str()), self.model().state_ix(b.state_b.as_str()));
                if let (Some(a), Some(z)) = pair
                    && !pairs.contains(&(a, z, b.mode))
                {
                    pairs.push((a, z, b.mode));
                }
            }
            let day = self.question.as_of.unwrap_or(self.net.pricer.day);
            for (a, z, mode) in pairs {
                if self.avoids_state(Some(a))
                    || self.avoids_state(Some(z))
                    || self.question.avoid_modes.contains(&mode)
                {
                    continue;
                }
                // The row of the day of departure, or the first that is open later.
                let border = border_row(self.model(), self.net.base, node, a, z, mode, day)
                    .map(|r| r.0)
                    .or_else(|| {
                        rows.iter().copied().find(|b| {
                            let b = &self.model().tables.border[b.ix()];
                            b.mode == mode && self.model().state_ix(b.state_a.as_str()) == Some(a)
                        })
                    });
                let Some(border) = border else { continue };
                let via = self.via_bits([node].into_iter());
                for ride in 0..self.net.loads.len() as u8 {
                    if self.equipment_mode(ride) != mode {
                        continue;
                    }
                    for forward in [true, false] {
                        let (from, to) = if forward { (a, z) } else { (z, a) };
                        let mut d = Draft::default();
                        self.add(&mut d, Element::Cross { border, forward, node, ride, flag: None });
                        self.enter(&mut d, node, Some(to), ride, true);
                        if let weather @ Some(_) = self.weather(node) {
                            d.wait = Some(ArcWait { departure: None, weather, before_h: 0.0 });
                        }
                        let x = self.vertex(node, Some(from), ride);
                        let y = self.vertex(node, Some(to), ride);
                        self.push(x, y, d, via);
                    }
                }
            }
        }
    }

    /// Changes of equipment and of gauge.
    fn transfers(&mut self) {
        let model = self.model();
        let rows = self.operations.rows.clone();
        let n = self.net.loads.len() as u8;
        let mut seen: BTreeMap<(NodeIx, u8, u8, Operation), (u32, TerminalIx)> = BTreeMap::new();
        for (ix, named) in &rows {
            let t = &model.tables.terminal[ix.ix()];
            if !matches!(t.operation, Operation::Transload | Operation::Lift | Operation::Regauge) {
                continue;
            }
            let nodes: Vec<NodeIx> = if t.nodes.is_empty() {
                (0..self.net.base.is_key.len())
                    .filter(|i| self.net.base.is_key[*i])
                    .map(NodeIx::new)
                    .filter(|n| Operations::holds(model, t, &[], *n).is_some())
                    .collect()
            } else {
                named.clone()
            };
            for before in 0..n {
                for after in 0..n {
                    let relay = before == after && self.is_ship(before);
                    if before == after && !relay || !self.transfer_fits(t, before, after) {
                        continue;
                    }
                    for &node in &nodes {
                        let Some(score) = Operations::holds(model, t, named, node) else { continue };
                        // A row that names a break of gauge vouches for both tracks.
                        if t.gauges_mm.is_empty()
                            && !(self.reaches(node, before) && self.reaches(node, after))
                        {
                            continue;
                        }
                        let best = seen.entry((node, before, after, t.operation)).or_insert((score, *ix));
                        if score > best.0 {
                            *best = (score, *ix);
                        }
                    }
                }
            }
        }
        for ((node, before, after, _), (_, terminal)) in seen {
            if self.question.avoid_nodes.contains(&node) {
                continue;
            }
            let states: Vec<Option<StateIx>> = match self.net.base.borders.get(&node) {
                Some(rows) => rows
                    .iter()
                    .flat_map(|b| {
                        let b = &model.tables.border[b.ix()];
                        [model.state_ix(b.state_a.as_str()), model.state_ix(b.state_b.as_str())]
                    })
                    .collect::<std::collections::BTreeSet<_>>()
                    .into_iter()
                    .collect(),
                None => vec![self.net.base.node_state[node.ix()]],
            };
            for state in states {
                if self.avoids_state(state) {
                    continue;
                }
                let mut d = Draft::default();
                self.add(
                    &mut d,
                    Element::Operate { terminal, node, before: Some(before), after: Some(after) },
                );
                self.enter(&mut d, node, state, after, false);
                let x = self.arrived(node, state, before);
                let y = self.leaving(node, state, after);
                let via = self.via_bits([node].into_iter());
                self.push(x, y, d, via);
            }
        }
    }

    /// Whether equipment can come to a node at all: wagons need a track of their gauge, lorries a road.
    fn reaches(&self, node: NodeIx, ride: u8) -> bool {
        let track = Track { mode: self.equipment_mode(ride), gauge_mm: self.gauge(ride).unwrap_or(0) };
        matches!(track.mode, Mode::Sea | Mode::InlandWater)
            || self
                .net
                .base
                .hops_of(node)
                .iter()
                .any(|h| runs_on(&self.model().tables.link[h.link.ix()], track))
    }

    /// Whether the journey may begin (or end) at a node in an equipment.
    fn ends_at(&self, ends: &[(NodeIx, f64)], node: NodeIx, ride: u8, operation: Operation) -> bool {
        let starts = operation == Operation::Load;
        let unit = self.net.loads[ride as usize].unit;
        let kind = self.kind(ride);
        ends.iter().any(|(n, _)| *n == node)
            && (!starts || self.question.load_into.is_empty() || self.question.load_into.contains(&unit))
            && self
                .operations
                .find(self.model(), node, operation, |t| {
                    (if starts { &t.to_equipment } else { &t.from_equipment }).contains(&kind)
                })
                .is_some()
    }

    fn transfer_fits(&self, t: &Terminal, before: u8, after: u8) -> bool {
        let one_way = |a: u8, b: u8| {
            let kinds = t.from_equipment.contains(&self.kind(a)) && t.to_equipment.contains(&self.kind(b));
            let gauges = match t.gauges_mm[..] {
                [x, y] => {
                    let pair = (self.gauge(a), self.gauge(b));
                    pair == (Some(x), Some(y)) || t.both_ways && pair == (Some(y), Some(x))
                }
                // Between wagons of one gauge cargo is not moved, and a change of gauge is named as one.
                _ => self.gauge(a).is_none() || self.gauge(b).is_none(),
            };
            kinds && gauges
        };
        one_way(before, after) || t.both_ways && one_way(after, before)
    }

    fn sailings(&mut self) {
        let model = self.model();
        let base = self.net.base;
        for (i, s) in base.sailings.iter().enumerate() {
            let row = &model.tables.service[s.service.ix()];
            if self.question.avoid_modes.contains(&row.mode)
                || self.question.avoid_nodes.contains(&s.from)
                || self.question.avoid_nodes.contains(&s.to)
                || self.avoids_state(base.node_state[s.from.ix()])
                || self.avoids_state(base.node_state[s.to.ix()])
                || s.land
                    .iter()
                    .any(|p| matches!(p, LandPart::Run { state, .. } if self.avoids_state(*state)))
            {
                continue;
            }
            let days = DayInterval { from: row.from, till: row.till };
            let day = self.question.as_of.unwrap_or(self.net.pricer.day);
            // A service that begins within the span is waited for through its window.
            let span = DayInterval { from: Some(day), till: Some(self.last_day) };
            let runs = if self.question.as_of.is_some() { days.contains(day) } else { days.overlaps(&span) };
            if !runs {
                continue;
            }
            let vehicle = model.equipment_ix(row.vehicle.as_str());
            for ride in 0..self.net.loads.len() as u8 {
                let kind = self.kind(ride);
                let own = vehicle == Some(self.net.loads[ride as usize].equipment);
                let rolls = matches!(self.equipment_mode(ride), Mode::Rail | Mode::Road)
                    && !matches!(row.mode, Mode::Rail | Mode::Road);
                let stowed = !rolls && own;
                let train = self.equipment_mode(ride) == row.mode
                    && matches!(row.mode, Mode::Rail | Mode::Road)
                    && (row.mode != Mode::Rail || self.track_of(vehicle) == self.gauge(ride));
                if !row.carries.contains(&kind) || !(rolls || stowed || train) {
                    continue;
                }
                let loads = self.net.loads[ride as usize];
                let units = loads.in_unit(row.capacity_unit).unwrap_or(0.0);
                let Some(wait) = self.wait(s.service.ix(), s.back, ride, units, s.from) else { continue };
                if self.net.sailing_price(i as u32, ride).is_none() {
                    continue;
                }
                let mut d = Draft::default();
                if rolls {
                    let fits = |t: &Terminal| t.from_equipment.contains(&kind);
                    let on = self.operations.find(model, s.from, Operation::Roll, fits);
                    let off = self.operations.find(model, s.to, Operation::Roll, fits);
                    let (Some(on), Some(off)) = (on, off) else { continue };
                    let roll = |terminal, node| Element::Operate {
                        terminal,
                        node,
                        before: Some(ride),
                        after: Some(ride),
                    };
                    self.add(&mut d, roll(on, s.from));
                    let before_h = d.cost.h as f32;
                    self.add(&mut d, Element::Sail { sailing: i as u32, ride });
                    self.add(&mut d, roll(off, s.to));
                    d.wait = Some(ArcWait { departure: Some(wait), weather: self.weather(s.from), before_h });
                    self.enter(&mut d, s.to, base.node_state[s.to.ix()], ride, true);
                } else {
                    self.add(&mut d, Element::Sail { sailing: i as u32, ride });
                    let weather = if train { None } else { self.weather(s.from) };
                    d.wait = Some(ArcWait { departure: Some(wait), weather, before_h: 0.0 });
                    if train {
                        self.train_borders(&mut d, i, ride);
                    }
                }
                if let Some(w) = &d.wait
                    && let Some(Wait::Random(q)) = &w.departure
                {
                    d.cost.sd += q.sd();
                }
                let from_h =
                    row.from.map_or(f64::NEG_INFINITY, |f| self.hours_to(f, base.node_state[s.from.ix()]));
                let till_h =
                    row.till.map_or(f64::INFINITY, |f| self.hours_to(f, base.node_state[s.from.ix()]));
                if self.question.as_of.is_none() && (from_h > 0.0 || till_h < f64::INFINITY) {
                    self.net.windows.push(vec![(from_h, till_h)]);
                    let w = (self.net.windows.len() - 1) as u16;
                    self.combine(&mut d, w, 0);
                }
                let x = self.leaving(s.from, base.node_state[s.from.ix()], ride);
                let y = self.arrived(s.to, base.node_state[s.to.ix()], ride);
                let via = self.via_bits([s.from, s.to].into_iter());
                self.push(x, y, d, via);
            }
        }
    }

    fn track_of(&self, vehicle: Option<EquipmentIx>) -> Option<u32> {
        vehicle.and_then(|v| self.model().tables.equipment[v.ix()].gauge_mm)
    }

    /// The borders a train of a service passes: blocked where closed, and with their procedures where the
    /// service states no duration of its own from end to end.
    fn train_borders(&mut self, d: &mut Draft, sailing: usize, ride: u8) {
        let base = self.net.base;
        let row = &self.model().tables.service[base.sailings[sailing].service.ix()];
        let day = self.question.as_of.unwrap_or(self.net.pricer.day);
        for part in &base.sailings[sailing].land {
            let LandPart::Border { node, from, to } = *part else { continue };
            let found = border_row(self.model(), base, node, from, to, row.mode, day);
            match found {
                Some((border, _)) => {
                    let forward =
                        self.model().state_ix(self.model().tables.border[border.ix()].state_a.as_str())
                            == Some(from);
                    let flag = row.flag.as_ref().and_then(|f| self.model().state_ix(f.as_str()));
                    let e = Element::Cross { border, forward, node, ride, flag };
                    if row.duration_h.is_none() {
                        self.add(d, e);
                    } else {
                        let pair = Some((node, from, to, row.mode));
                        let (w, b) = self.window(Vec::new(), None, pair);
                        self.combine(d, w, b);
                    }
                }
                None => {
                    let (w, b) = self.window(Vec::new(), None, Some((node, from, to, row.mode)));
                    self.combine(d, w, b);
                }
            }
        }
    }

    fn wait(&mut self, service: usize, back: bool, ride: u8, units: f64, at: NodeIx) -> Option<Wait> {
        let key = (service, back, ride, self.net.base.node_state[at.ix()]);
        let row = &self.model().tables.service[service];
        // A timetable depends on the zone of the stop.
        if row.departure != Departure::Timetable
            && let Some(known) = self.net.waits_by.get(&key)
        {
            return known.clone();
        }
        let zone = self.net.zone(self.net.base.node_state[at.ix()]);
        let base = self.net.base;
        let model = self.model();
        let w = Wait::of(row, || base.filling(model, service), units, back, &zone, self.net.pricer.day);
        let k = self.net.wait_factor(service, at).1.mean();
        let w = w.map(|w| match w {
            Wait::Random(q) => Wait::Random(q.scale(k)),
            timetable @ Wait::Timetable(_) => timetable,
        });
        self.net.waits_by.insert(key, w.clone());
        w
    }

    fn weather(&mut self, node: NodeIx) -> Option<u16> {
        if let Some(known) = self.weather_at.get(&node) {
            return *known;
        }
        let id = self.model().node(node).id.as_str();
        let rows = self.model().tables.weather.iter().filter(|w| w.node.as_str() == id);
        let found = WeatherWait::of(rows).map(|w| {
            self.net.weather.push(w);
            (self.net.weather.len() - 1) as u16
        });
        self.weather_at.insert(node, found);
        found
    }

    /// Loading at the origin, unloading at the destination, and the road between a point and the network.
    fn ends(&mut self) {
        let model = self.model();
        let ends =
            [(self.question.from.clone(), Operation::Load), (self.question.to.clone(), Operation::Unload)];
        for (ends, operation) in ends {
            for (node, km) in ends {
                let state = self.net.base.node_state[node.ix()];
                for ride in 0..self.net.loads.len() as u8 {
                    let loads = self.net.loads[ride as usize];
                    let starts = operation == Operation::Load;
                    if starts
                        && !self.question.load_into.is_empty()
                        && !self.question.load_into.contains(&loads.unit)
                    {
                        continue;
                    }
                    let kind = self.kind(ride);
                    let fits = |t: &Terminal| {
                        (if starts { &t.to_equipment } else { &t.from_equipment }).contains(&kind)
                    };
                    let Some(terminal) = self.operations.find(model, node, operation, fits) else { continue };
                    if km > 0.0 && self.equipment_mode(ride) != Mode::Road {
                        continue;
                    }
                    let mut d = Draft::default();
                    let access = if km > 0.0 {
                        self.rate(ride, state).map(|rate| Element::Access { node, km, rate })
                    } else {
                        None
                    };
                    let at = |before, after| Element::Operate { terminal, node, before, after };
                    let via = self.via_bits([node].into_iter());
                    if starts {
                        self.add(&mut d, at(None, Some(ride)));
                        if let Some(a) = access {
                            self.add(&mut d, a);
                        }
                        self.enter(&mut d, node, state, ride, true);
                        let v = self.leaving(node, state, ride);
                        self.push(0, v, d, via);
                    } else {
                        if let Some(a) = access {
                            self.add(&mut d, a);
                        }
                        self.add(&mut d, at(Some(ride), None));
                        let v = self.arrived(node, state, ride);
                        self.push(v, 1, d, via);
                    }
                }
            }
        }
    }

    /// Whether an arc changes equipment at an end of the journey for nothing: what can be loaded into the second at the
    /// origin is not loaded into the first, since the waiting for wagons is part of loading them; likewise at the destination.
    fn changes_at_an_end(&self, transfer: &Arc) -> bool {
        let Element::Operate { node, before: Some(before), after: Some(after), .. } =
            self.net.elements[transfer.element as usize]
        else {
            return false;
        };
        self.ends_at(&self.question.from, node, after, Operation::Load)
            || self.ends_at(&self.question.to, node, before, Operation::Unload)
    }

    /// Adds what depends on the ends of the journey to the arcs of runs, crossings, transfers and sailings.
    fn join(
        mut self,
        [from, to]: [Vec<(NodeIx, f64)>; 2],
        [runs, crossings, transfers, sailings]: [&[(u32, Arc)]; 4],
    ) -> Network<'m> {
        (self.question.from, self.question.to) = (from, to);
        self.local();
        let known = self.net.base.stretches.len() as u32;
        self.runs(known..known + self.net.local.len() as u32);
        let local = std::mem::take(&mut self.arcs);
        self.ends();
        let ends = std::mem::take(&mut self.arcs);
        // The order of a vertex's arcs decides between ways alike: runs first, then borders, transfers, services, ends.
        let all = || {
            let transfers = transfers.iter().filter(|t| !self.changes_at_an_end(&t.1));
            runs.iter().chain(&local).chain(crossings).chain(transfers).chain(sailings).chain(&ends)
        };
        let n = 2 + self.slots.nodes.len() * SIDES as usize * self.net.loads.len();
        let mut first = vec![0u32; n + 1];
        for (from, _) in all() {
            first[*from as usize + 1] += 1;
        }
        for i in 0..n {
            first[i + 1] += first[i];
        }
        let mut fill = first.clone();
        let mut arcs = Vec::new();
        if let Some((_, any)) = all().next() {
            arcs = vec![*any; first[n] as usize];
            for (from, a) in all() {
                arcs[fill[*from as usize] as usize] = *a;
                fill[*from as usize] += 1;
            }
        }
        self.net.arcs = arcs;
        self.net.first = first;
        self.net.source = 0;
        self.net.sink = 1;
        self.net
    }
}

/// The row of `border` for a pair of states on a day, whichever of the two is named first.
pub fn border_row(
    model: &Model,
    base: &Base,
    node: NodeIx,
    a: StateIx,
    z: StateIx,
    mode: Mode,
    day: Date,
) -> Option<(BorderIx, BorderState)> {
    let rows = base.borders.get(&node)?;
    rows.iter()
        .find(|b| {
            let b = &model.tables.border[b.ix()];
            let pair = (model.state_ix(b.state_a.as_str()), model.state_ix(b.state_b.as_str()));
            b.mode == mode
                && (pair == (Some(a), Some(z)) || pair == (Some(z), Some(a)))
                && DayInterval { from: b.from, till: b.till }.contains(day)
        })
        .map(|b| (*b, model.tables.border[b.ix()].status))
}

fn intersect(a: &[(f64, f64)], b: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let mut out = Vec::new();
    for x in a {
        for y in b {
            let both = (x.0.max(y.0), x.1.min(y.1));
            if both.0 < both.1 {
                out.push(both);
            }
        }
    }
    out
}

/// The kind of process of an operation.
pub fn operation_kind(row: &Terminal) -> ProcessKind {
    match row.operation {
        _ if !row.gauges_mm.is_empty() => ProcessKind::GaugeChange,
        Operation::Regauge => ProcessKind::GaugeChange,
        Operation::Load => ProcessKind::Load,
        Operation::Unload => ProcessKind::Unload,
        Operation::Roll => ProcessKind::Roll,
        Operation::Transload | Operation::Lift => ProcessKind::Handling,
    }
}

/// A duration as one draws it, with what it shares its fortune with.
#[derive(Clone, Debug)]
pub struct Process {
    /// What the process is, for its own stream of random numbers: two options that share it draw the same.
    pub key: String,
    /// Kind and region whose processes are correlated.
    pub group: (&'static str, String),
    /// Duration, by the mean of its factor.
    pub time: Timing,
    /// Kind of process.
    pub process: ProcessKind,
    /// What multiplies the duration, and is not known for sure.
    pub factor: Factor,
    /// Keys of the node and the state that the factor is looked up for, the most specific first.
    pub places: Vec<String>,
}

/// How the duration of a process depends on when it begins.
#[derive(Clone, Debug)]
pub enum Timing {
    /// Not at all.
    Fixed(Quantiles),
    /// Until the next departure of a timetable (hours of the week, UTC).
    Timetable(Vec<f64>),
    /// On the month, by the weather at a port.
    Weather(Box<WeatherWait>),
}
