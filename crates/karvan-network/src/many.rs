//! Ways of many consignments on many days, for engines that load a year of demand.
//!
//! Consignments of one cargo and mass between the same two states differ by their ends alone and share all else of a
//! network; so do days on which everything is priced and timed alike: what opens and closes in between are windows in
//! it, and the weather and timetables are met at the hour at which they are reached.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use karvan_model::money::ExchangeRates;
use karvan_model::rules::{RuleSet, Shipment, hs_admits};
use karvan_model::tables::{Border, Departure, Mode};
use karvan_model::{BorderIx, CargoIx, Model, NodeIx, RuleIx, StateIx};
use karvan_units::DayInterval;

use crate::base::Base;
use crate::compile::{Body, Network, Operations, Question};
use crate::loads::Loads;
use crate::rates::Pricer;
use crate::search::{Found, Settings};

/// A consignment that asks for its ways.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// Nodes at which the journey may start, with kilometres of road to reach them; the first is the origin.
    pub from: Vec<(NodeIx, f64)>,
    /// Nodes at which it may end; the first is the destination.
    pub to: Vec<(NodeIx, f64)>,
    /// Cargo.
    pub cargo: CargoIx,
    /// Mass, t.
    pub tonnes: f64,
    /// Nodes that it does not pass.
    pub avoid_nodes: Vec<NodeIx>,
    /// States that it does not enter.
    pub avoid_states: Vec<StateIx>,
    /// Modes that it does not use.
    pub avoid_modes: Vec<Mode>,
    /// Places to go via: each a set of nodes one of which is passed.
    pub via: Vec<Vec<NodeIx>>,
}

/// Consignments, and when they are ready: at the beginning, UTC, of each of some days.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// The consignments.
    pub wanted: &'a [Wanted],
    /// The days, ascending.
    pub ready: &'a [Date],
    /// Day at which the law and the state of links are frozen.
    pub as_of: Option<Date>,
    /// Days after each that are looked at.
    pub horizon_days: u32,
    /// What is looked for.
    pub search: Settings,
    /// Threads.
    pub threads: usize,
}

/// The ways of a consignment that is ready on a day.
#[derive(Debug)]
pub struct OnDay {
    /// Position among the days.
    pub day: usize,
    /// Hours from the network's departure to its beginning.
    pub start_h: f32,
    /// Ways; none where none is open. [`crate::search::Arc0::start_h`] counts from the network's departure.
    pub ways: Vec<Found>,
}

/// Finds the ways of consignments, and calls `visit` for each with its position, a network and the days that it holds for, in
/// the order of their first day. What `visit` gives is returned by consignment, the same on any number of threads.
/// `done` is told how many consignments more are done.
pub fn ways_of_many<R: Send>(
    model: &Model,
    base: &Base,
    asked: &Asked,
    visit: impl Fn(usize, &Network, &[OnDay]) -> R + Sync,
    done: impl Fn(usize) + Sync,
) -> Vec<Vec<R>> {
    let mut groups: BTreeMap<_, Vec<usize>> = BTreeMap::new();
    for (i, w) in asked.wanted.iter().enumerate() {
        let state = |ends: &[(NodeIx, f64)]| ends.first().and_then(|(n, _)| base.node_state[n.ix()]);
        let avoid = (&w.avoid_nodes, &w.avoid_states, &w.avoid_modes, &w.via);
        let key = (w.cargo, state(&w.from), state(&w.to), w.tonnes.to_bits(), avoid);
        groups.entry(key).or_default().push(i);
    }
    let groups: Vec<_> = groups.into_iter().collect();
    let mut found: Vec<Option<Vec<R>>> = Vec::new();
    found.resize_with(asked.wanted.len(), || None);
    let (next, results) = (AtomicUsize::new(0), Mutex::new(&mut found));
    std::thread::scope(|scope| {
        for _ in 0..asked.threads.clamp(1, groups.len().max(1)) {
            scope.spawn(|| {
                while let Some(((_, origin, destination, ..), members)) =
                    groups.get(next.fetch_add(1, Ordering::Relaxed))
                {
                    let group = Group { model, base, asked, origin: *origin, destination: *destination };
                    group.ways(members, &visit, |i, r| {
                        results.lock().unwrap_or_else(PoisonError::into_inner)[i] = Some(r);
                        done(1);
                    });
                }
            });
        }
    });
    found.into_iter().map(Option::unwrap_or_default).collect()
}

/// Consignments that share all but their ends.
struct Group<'a> {
    model: &'a Model,
    base: &'a Base,
    asked: &'a Asked<'a>,
    origin: Option<StateIx>,
    destination: Option<StateIx>,
}

/// What a network's prices and durations rest on, as it stands on a day.
#[derive(PartialEq)]
struct Figures {
    tariffs: Vec<usize>,
    operations: Operations,
    borders: Vec<BorderIx>,
    rules: Vec<(RuleIx, Vec<StateIx>)>,
    /// Of the zones of stops of timetables: hours of the week are in UTC.
    offsets_s: Vec<i32>,
}

fn midnight(day: Date) -> Timestamp {
    day.to_zoned(TimeZone::UTC).map_or(Timestamp::UNIX_EPOCH, |z| z.timestamp())
}

impl Group<'_> {
    fn ways<R>(
        &self,
        members: &[usize],
        visit: impl Fn(usize, &Network, &[OnDay]) -> R,
        mut found: impl FnMut(usize, Vec<R>),
    ) {
        let Some(first) = members.first().map(|i| &self.asked.wanted[*i]) else { return };
        let mut loads = Loads::all(self.model, first.cargo, first.tonnes);
        loads.truncate(usize::from(u8::MAX));
        let epochs = self.epochs(first, &loads);
        let bodies: Vec<(Body, &Vec<usize>)> =
            epochs.iter().map(|days| (self.body(first, &loads, days), days)).collect();
        let search = &self.asked.search;
        for i in members {
            let w = &self.asked.wanted[*i];
            let of = |(body, days): &(Body, &Vec<usize>)| {
                let net = body.with_ends(w.from.clone(), w.to.clone());
                let bounds = net.bounds(search);
                let on: Vec<OnDay> = days
                    .iter()
                    .map(|d| {
                        let start = midnight(self.asked.ready[*d]).duration_since(net.depart);
                        let start_h = (start.as_secs_f64() / 3600.0) as f32;
                        OnDay { day: *d, start_h, ways: net.pareto_from(&bounds, search, start_h).0 }
                    })
                    .collect();
                visit(*i, &net, &on)
            };
            found(*i, bodies.iter().map(of).collect());
        }
    }

    /// The network from the first of some days on which everything is priced and timed alike.
    fn body(&self, w: &Wanted, loads: &[Loads], days: &[usize]) -> Body<'_> {
        let day = |i: Option<&usize>| i.and_then(|i| self.asked.ready.get(*i)).copied().unwrap_or(Date::ZERO);
        let (first, last) = (day(days.first()), day(days.last()));
        let span = first.until(last).map_or(0, |s| s.get_days()).max(0) as u32;
        let pricer = Pricer {
            model: self.model,
            rates: ExchangeRates::new(self.model),
            cargo: &self.model.tables.cargo[w.cargo.ix()],
            day: self.asked.as_of.unwrap_or(first),
            origin: self.origin,
            destination: self.destination,
        };
        let question = Question {
            cargo: w.cargo,
            loads: loads.to_vec(),
            load_into: Vec::new(),
            from: Vec::new(),
            to: Vec::new(),
            depart: midnight(first),
            as_of: self.asked.as_of,
            horizon_days: span + self.asked.horizon_days,
            // Lorries are of the state of origin, as in plans that name no other.
            registration: self.origin,
            avoid_nodes: w.avoid_nodes.clone(),
            avoid_states: w.avoid_states.clone(),
            avoid_modes: w.avoid_modes.clone(),
            via: w.via.clone(),
            explain: false,
            used: Default::default(),
            lift: Vec::new(),
        };
        Body::compile(self.base, pricer, &question)
    }

    /// Positions of the days, together where everything is priced and timed alike.
    fn epochs(&self, w: &Wanted, loads: &[Loads]) -> Vec<Vec<usize>> {
        if self.asked.as_of.is_some() {
            return if self.asked.ready.is_empty() {
                vec![]
            } else {
                vec![(0..self.asked.ready.len()).collect()]
            };
        }
        let cargo = &self.model.tables.cargo[w.cargo.ix()];
        let rules = RuleSet::new(
            self.model,
            &Shipment {
                cargo,
                origin: self.origin,
                destination: self.destination,
                tonnes: loads.first().map(|l| l.tonnes),
                registration: self.origin,
            },
        );
        let mut epochs: Vec<(Figures, Vec<usize>)> = Vec::new();
        for (i, day) in self.asked.ready.iter().enumerate() {
            let figures = self.figures(&rules, w, loads, *day);
            match epochs.iter_mut().find(|e| e.0 == figures) {
                Some(e) => e.1.push(i),
                None => epochs.push((figures, vec![i])),
            }
        }
        epochs.into_iter().map(|e| e.1).collect()
    }

    fn figures(&self, rules: &RuleSet, w: &Wanted, loads: &[Loads], day: Date) -> Figures {
        let (model, t) = (self.model, &self.model.tables);
        let cargo = &t.cargo[w.cargo.ix()];
        let equipment: Vec<_> = loads.iter().map(|l| &t.equipment[l.equipment.ix()]).collect();
        let tariffs = t.tariff.iter().enumerate();
        let tariffs = tariffs.filter(|(_, r)| {
            DayInterval { from: r.from, till: r.till }.contains(day)
                && hs_admits(&r.hs, cargo)
                && equipment.iter().any(|e| e.mode == r.mode)
        });
        // A row of a border stands for those of the same crossing with the same figures.
        let mut borders = Vec::new();
        for (i, b) in t.border.iter().enumerate() {
            let days = DayInterval { from: b.from, till: b.till };
            if days.contains(day) && equipment.iter().any(|e| e.mode == b.mode) {
                let first = model.node_ix(b.node.as_str()).and_then(|n| self.base.borders.get(&n));
                let alike = first.into_iter().flatten().find(|x| alike(&t.border[x.ix()], b));
                borders.push(alike.copied().unwrap_or(BorderIx::new(i)));
            }
        }
        borders.sort();
        let zones = t.service.iter().filter(|s| {
            s.departure == Departure::Timetable
                && s.carries.iter().any(|k| equipment.iter().any(|e| e.kind == *k))
        });
        let offset = |zone: &str| {
            let zone = TimeZone::get(zone).unwrap_or(TimeZone::UTC);
            day.to_zoned(zone).map_or(0, |z| z.offset().seconds())
        };
        let offsets_s = zones
            .flat_map(|s| s.stops.iter())
            .filter_map(|n| self.base.node_state[model.node_ix(n.as_str())?.ix()])
            .collect::<std::collections::BTreeSet<_>>()
            .into_iter()
            .map(|s| offset(&t.state[s.ix()].time_zone))
            .collect();
        Figures {
            tariffs: tariffs.map(|(i, _)| i).collect(),
            operations: Operations::new(model, loads, cargo.kind, day),
            borders,
            rules: rules.pricing_on(day),
            offsets_s,
        }
    }
}

/// Whether two rows of `border` differ by their days and state alone.
fn alike(a: &Border, b: &Border) -> bool {
    let days_and_state_of_b = |a: &Border| Border {
        id: b.id.clone(),
        status: b.status,
        from: b.from,
        till: b.till,
        note: b.note.clone(),
        claim: b.claim.clone(),
        ..a.clone()
    };
    a.node == b.node && a.mode == b.mode && days_and_state_of_b(a) == *b
}
