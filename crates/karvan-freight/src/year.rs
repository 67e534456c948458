//! The programme of a year, solved: flows by way, shadow prices, and what vouches for them.
//!
//! It is the one of [`karvan_assign::freight`]. A flow's alternatives are its ways, nested by the mode of most of their
//! kilometres, overlaps corrected by path size within a nest. Spreads are shares of the flow's least generalised cost, so that a
//! dear flow chooses as sharply as a cheap one. What waits before a terminal or a crossing is the consignment: with `b` units in
//! one, arrivals come in batches and the wait is `(b + 1)/2` times that of single units (batch arrivals in heavy traffic); an hour of a
//! unit costs the mean of those that may come by. Cargo stays once shadow prices and waits exceed a share of its value.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use karvan_assign::freight::{
    self, Alternative, Builder, Certificate, Class, End, Programme, Progress, Queue, Row, Settings,
};
use karvan_model::tables::Mode;
use karvan_model::{CargoIx, EquipmentIx, Model, NodeIx};
use karvan_network::base::Base;
use karvan_network::loads::Loads;

use crate::FreightError;
use crate::capacity::{Capacities, units};
use crate::choice::{Choices, Flow, Part};

/// A flow's least costs are told apart to a twentieth when its spreads are set, so that flows share classes.
const CLASS_STEP: f64 = 0.05;
/// Demand that capacities cannot carry is told to this share of all.
const SHEDDING: f64 = 1e-5;

/// A year's flows and prices.
#[derive(Clone, Debug)]
pub struct Assigned {
    /// Tonnes of each flow by way.
    pub carried: Vec<Vec<f64>>,
    /// Tonnes of each flow that stay: not those without any way.
    pub stays: Vec<f64>,
    /// Price of each capacity, US dollars a unit: its shadow price, or the price of the wait in a queue.
    pub prices: Vec<f64>,
    /// What passes each capacity, units.
    pub loads: Vec<f64>,
    /// What one unit more of each capacity a year saves all together, US dollars.
    pub worth: Vec<f64>,
    /// Mean wait before each capacity that is a queue, h.
    pub wait_h: Vec<f64>,
    /// Recomputed from flows and prices.
    pub certificate: Certificate,
    /// Greatest difference of what comes and goes, by node, equipment and cargo, as a share of what passes there.
    pub conservation: f64,
    /// Why it ended.
    pub end: End,
    /// Evaluations of the dual.
    pub evaluations: u64,
    /// What cannot be carried whatever is done.
    pub shedding: Option<Shedding>,
}

/// Demand that capacities cannot carry.
#[derive(Clone, Debug, PartialEq)]
pub struct Shedding {
    /// At least so many tonnes stay, by the Farkas certificate.
    pub least_t: f64,
    /// So many stay in the flows found.
    pub found_t: f64,
    /// The proof as a cut, where one suffices: capacities, flows that have to pass them, units needed, units there.
    pub cut: Option<(Vec<u32>, Vec<u32>, f64, f64)>,
}

/// What is to be solved.
#[derive(Clone, Copy)]
pub struct Problem<'a> {
    /// Model.
    pub model: &'a Model,
    /// Its base.
    pub base: &'a Base,
    /// Capacities.
    pub capacities: &'a Capacities,
    /// Choice sets.
    pub choices: &'a Choices,
    /// Hours of the year.
    pub hours: f64,
}

/// The programme with what its parts mean.
pub struct Posed {
    programme: Programme,
    /// The capacity of each row.
    kept: Vec<u32>,
    /// The flow of each of the programme's, and its ways in the order of the alternatives.
    flows: Vec<(u32, Vec<u32>)>,
}

/// Puts the programme together.
///
/// # Errors
/// If nothing may go, or a figure is none.
pub fn pose(problem: &Problem) -> Result<Posed, FreightError> {
    let Problem { model, capacities, choices, hours, .. } = *problem;
    let mut b = Builder::new();
    let (hour, batch) = hours_and_batches(model, capacities, choices);
    for (i, c) in capacities.rows.iter().enumerate() {
        b.row(if c.is_queue() && batch[i] > 0.0 && c.per_year > 0.0 {
            Row::Queue(Queue {
                capacity: c.per_year,
                interval_h: hours / c.per_year,
                servers: 1.0,
                variability: (batch[i] + 1.0) / 2.0,
                usd_per_h: hour[i],
            })
        } else {
            Row::Capacity(c.per_year)
        });
    }
    let km: Vec<f64> = choices
        .runs
        .iter()
        .map(|r| r.links.iter().map(|(l, _)| model.tables.link[l.ix()].length_km.get()).sum())
        .collect();
    let mut classes: BTreeMap<(u32, i64), u16> = BTreeMap::new();
    let mut flows = Vec::new();
    for (i, f) in choices.flows.iter().enumerate().filter(|(_, f)| !f.ways.is_empty() && f.tonnes > 0.0) {
        let least = f.ways.iter().map(|w| w.generalised).fold(f64::INFINITY, f64::min).max(1e-3);
        let row = &model.tables.choice[f.choice as usize];
        let value = model.tables.cargo[f.cargo.ix()].value_usd_per_t.best.max(1e-3) * row.stay_at_value.best;
        let step = (least.ln() / CLASS_STEP).round() as i64;
        let usual = (step as f64 * CLASS_STEP).exp();
        let class = Class {
            route_scale: 1.0 / (row.route_spread.best * usual),
            nest_scale: 1.0 / (row.mode_spread.best * usual),
            carry_scale: 20.0 / value,
        };
        // The value differs by cargo: the key holds it too.
        let key = (f.choice * model.tables.cargo.len() as u32 + f.cargo.ix() as u32, step);
        let class_ix = *classes.entry(key).or_insert_with(|| b.class(class));
        b.group();
        let mut nests: BTreeMap<Mode, Vec<u32>> = BTreeMap::new();
        for (w, way) in f.ways.iter().enumerate() {
            nests.entry(way.mode).or_default().push(w as u32);
        }
        let mut order = Vec::with_capacity(f.ways.len());
        let mut alternatives: Vec<Vec<Alternative>> = Vec::with_capacity(nests.len());
        for ways in nests.values() {
            let segments: Vec<Vec<(u64, f64)>> = ways.iter().map(|w| segments(f, *w, &km)).collect();
            let ln_ps = freight::ln_path_size(&segments);
            alternatives.push(
                ways.iter()
                    .zip(ln_ps)
                    .map(|(w, ln)| {
                        let way = &f.ways[*w as usize];
                        Alternative {
                            route: b.route(&way.uses),
                            units_per_t: 1.0,
                            cost: (way.generalised - ln / class.route_scale) as f32,
                        }
                    })
                    .collect(),
            );
            order.extend(ways);
        }
        b.flow(f.tonnes, class_ix, (least + value) as f32, &alternatives);
        flows.push((i as u32, order));
    }
    let (programme, kept) = b.build()?.lean();
    Ok(Posed { programme, kept, flows })
}

/// The kilometres of a way by what it shares with others.
fn segments(f: &Flow, way: u32, km: &[f64]) -> Vec<(u64, f64)> {
    let w = &f.ways[way as usize];
    let runs: f64 = w
        .parts
        .iter()
        .filter_map(|p| if let Part::Run { run, .. } = p { Some(km[*run as usize]) } else { None })
        .sum();
    let sails = w.parts.iter().filter(|p| matches!(p, Part::Sail { .. })).count().max(1) as f64;
    w.parts
        .iter()
        .filter_map(|p| match *p {
            Part::Run { run, .. } => Some((u64::from(run), km[run as usize])),
            // What is not run over links is sailed: of several sailings, in equal parts.
            Part::Sail { sailing, .. } => {
                Some(((1 << 40) | u64::from(sailing), (w.km - runs).max(1.0) / sails))
            }
            _ => None,
        })
        .collect()
}

/// What an hour of a unit costs before each capacity, and units in a consignment there: means over all that may come by.
fn hours_and_batches(model: &Model, capacities: &Capacities, choices: &Choices) -> (Vec<f64>, Vec<f64>) {
    let n = capacities.rows.len();
    let (mut units, mut usd, mut consignments) = (vec![0.0; n], vec![0.0; n], vec![0.0; n]);
    for f in &choices.flows {
        let size = model.tables.choice[f.choice as usize].consignment_t.best;
        let each = f.tonnes / f.ways.len().max(1) as f64;
        for (row, per_t) in f.ways.iter().flat_map(|w| &w.uses) {
            let (row, per_t) = (*row as usize, f64::from(*per_t));
            units[row] += each * per_t;
            usd[row] += each * f.usd_per_h;
            consignments[row] += each / size;
        }
    }
    let ratio = |a: &[f64], b: &[f64]| {
        a.iter().zip(b).map(|(a, b)| if *b > 0.0 { a / b } else { 0.0 }).collect::<Vec<_>>()
    };
    // Less than one unit in a consignment still comes as one.
    let batch =
        ratio(&units, &consignments).into_iter().map(|b| if b > 0.0 { b.max(1.0) } else { 0.0 }).collect();
    (ratio(&usd, &units), batch)
}

/// Solves it. `start` holds prices by capacity, of an earlier solution.
///
/// # Errors
/// If no flows that keep to all capacities are found.
pub fn solve(
    problem: &Problem,
    posed: &Posed,
    gap: f64,
    start: Option<&[f64]>,
    told: &mut dyn FnMut(&Progress) -> ControlFlow<()>,
) -> Result<Assigned, FreightError> {
    let Problem { model, base, capacities, choices, .. } = *problem;
    let p = &posed.programme;
    let start: Option<Vec<f64>> = start.map(|s| posed.kept.iter().map(|r| s[*r as usize]).collect());
    let settings = Settings { gap, ..Settings::default() };
    let solution = freight::solve(p, &settings, start.as_deref(), told)?;
    let mut carried: Vec<Vec<f64>> = choices.flows.iter().map(|f| vec![0.0; f.ways.len()]).collect();
    let mut stays = vec![0.0; choices.flows.len()];
    for (k, (flow, order)) in posed.flows.iter().enumerate() {
        for (a, way) in p.alternatives(k).zip(order) {
            carried[*flow as usize][*way as usize] = solution.flows.carried[a];
        }
        stays[*flow as usize] = solution.flows.shed[k];
    }
    let n = capacities.rows.len();
    let mut prices = vec![0.0; n];
    for (r, price) in posed.kept.iter().zip(&solution.prices) {
        prices[*r as usize] = *price;
    }
    let mut loads = vec![0.0; n];
    for (f, tonnes) in choices.flows.iter().zip(&carried) {
        for (w, t) in f.ways.iter().zip(tonnes) {
            for (row, per_t) in &w.uses {
                loads[*row as usize] += t * f64::from(*per_t);
            }
        }
    }
    let (mut worth, mut wait_h) = (prices.clone(), vec![0.0; n]);
    for (row, r) in p.rows.iter().zip(&posed.kept) {
        if let Row::Queue(q) = row {
            let r = *r as usize;
            wait_h[r] = q.wait_h(loads[r]);
            // All else alike (envelope theorem).
            worth[r] = q.worth(loads[r]);
        }
    }
    let shed: f64 = solution.flows.shed.iter().sum();
    let all: f64 = p.demand.iter().sum();
    // Where next to nothing stays, all can be carried.
    let shedding = (shed > SHEDDING * all).then(|| freight::least_shedding(p, SHEDDING)).and_then(|s| {
        (s.least_t > 0.0).then(|| Shedding {
            least_t: s.least_t,
            found_t: s.found_t,
            cut: s.cut.map(|c| {
                let rows = c.rows.iter().map(|r| posed.kept[*r as usize]).collect();
                let flows = c.flows.iter().map(|f| posed.flows[*f as usize].0).collect();
                (rows, flows, c.needs, c.has)
            }),
        })
    });
    let conservation = conservation(model, base, choices, &carried);
    Ok(Assigned {
        carried,
        stays,
        prices,
        loads,
        worth,
        wait_h,
        certificate: solution.certificate,
        conservation,
        end: solution.end,
        evaluations: solution.evaluations,
        shedding,
    })
}

/// What comes and goes at every node by equipment and cargo, from the links and services that the ways use.
fn conservation(model: &Model, base: &Base, choices: &Choices, carried: &[Vec<f64>]) -> f64 {
    let mut net: BTreeMap<(CargoIx, EquipmentIx, NodeIx), (f64, f64)> = BTreeMap::new();
    let mut add = |cargo, ride, node, t: f64| {
        let e = net.entry((cargo, ride, node)).or_default();
        e.0 += t;
        e.1 += t.abs();
    };
    for (f, tonnes) in choices.flows.iter().zip(carried) {
        for (w, t) in f.ways.iter().zip(tonnes).filter(|(_, t)| **t > 0.0) {
            let mut riding: Option<EquipmentIx> = None;
            let last = w.parts.len().saturating_sub(1);
            for (i, part) in w.parts.iter().enumerate() {
                match *part {
                    Part::Operate { node, ride, .. } => {
                        // Loaded at the first, unloaded at the last, else from what was ridden in to what is.
                        if let Some(before) = riding {
                            add(f.cargo, before, node, -t);
                        }
                        if i != last {
                            add(f.cargo, ride, node, *t);
                        }
                        riding = Some(ride);
                    }
                    Part::Run { run, ride } => {
                        for (link, forward) in &choices.runs[run as usize].links {
                            let l = &model.tables.link[link.ix()];
                            let ends = (model.node_ix(l.from.as_str()), model.node_ix(l.to.as_str()));
                            let (Some(a), Some(z)) = ends else { continue };
                            let (a, z) = if *forward { (a, z) } else { (z, a) };
                            add(f.cargo, ride, a, -t);
                            add(f.cargo, ride, z, *t);
                        }
                    }
                    Part::Sail { sailing, ride } => {
                        let s = &base.sailings[sailing as usize];
                        add(f.cargo, ride, s.from, -t);
                        add(f.cargo, ride, s.to, *t);
                    }
                    Part::Cross { .. } => {}
                }
            }
        }
    }
    net.values().map(|(sum, passing)| sum.abs() / passing.max(1e-9)).fold(0.0, f64::max)
}

/// The consignment of a flow's cargo in an equipment.
pub(crate) fn consignment(model: &Model, f: &Flow, ride: EquipmentIx) -> Option<Loads> {
    let size = model.tables.choice[f.choice as usize].consignment_t.best;
    Loads::all(model, f.cargo, size).into_iter().find(|l| l.equipment == ride)
}

/// Units a tonne of a flow in an equipment.
pub(crate) fn units_per_t(
    model: &Model,
    f: &Flow,
    ride: EquipmentIx,
    unit: karvan_model::tables::TrafficUnit,
) -> Option<f64> {
    let loads = consignment(model, f, ride)?;
    units(model, &loads, unit).map(|u| u / loads.tonnes)
}

/// What a unit of a capacity is worth, by its price and by solving anew.
#[derive(Clone, Debug, PartialEq)]
pub struct Beside {
    /// Capacity.
    pub row: u32,
    /// Units taken away and added: one, or as many as the gap leaves to be seen.
    pub units: f64,
    /// What the value of the programme rises by a unit where there are so many less, US dollars a unit.
    pub less: f64,
    /// Its worth at the margin.
    pub worth: f64,
    /// What the value falls by a unit where there are so many more, US dollars a unit.
    pub more: f64,
}

/// The worth of capacities beside what solving anew with one unit less and more of each gives: the value of the programme is
/// convex in a capacity, so the worth lies between. Where a unit's worth is too small to be seen beside the gap, as many are taken as are
/// needed. A queue is given lanes that work as fast as those it has. Those with the greatest worth of all their units are taken.
///
/// # Errors
/// As [`solve`].
pub fn beside(
    problem: &Problem,
    assigned: &Assigned,
    gap: f64,
    most: usize,
    told: &mut dyn FnMut(usize),
) -> Result<Vec<Beside>, FreightError> {
    let capacities = problem.capacities;
    let total = |r: usize| assigned.worth[r] * capacities.rows[r].per_year;
    let mut order: Vec<usize> = (0..capacities.rows.len()).filter(|r| total(*r) > 0.0).collect();
    order.sort_by(|a, b| total(*b).total_cmp(&total(*a)).then(a.cmp(b)));
    let mut posed = pose(problem)?;
    let mut out = Vec::new();
    for (n, r) in order.into_iter().take(most).enumerate() {
        let Some(row) = posed.kept.iter().position(|k| *k as usize == r) else { continue };
        let seen = SEEN * gap * assigned.certificate.cost / assigned.worth[r];
        let units = seen.ceil().max(1.0).min(capacities.rows[r].per_year * MOST);
        let as_is = posed.programme.rows[row];
        let mut value = |by: f64| -> Result<f64, FreightError> {
            posed.programme.rows[row] = match as_is {
                Row::Capacity(k) => Row::Capacity(k + by),
                Row::Queue(q) => Row::Queue(Queue { capacity: q.capacity + by, ..q }),
                Row::Balance => Row::Balance,
            };
            let told = &mut |_: &Progress| ControlFlow::Continue(());
            let s = solve(problem, &posed, gap, Some(&assigned.prices), told);
            posed.programme.rows[row] = as_is;
            let s = s?;
            // The middle of value and bound: the gap is small beside the step.
            Ok(0.5 * (s.certificate.primal + s.certificate.dual))
        };
        let here = 0.5 * (assigned.certificate.primal + assigned.certificate.dual);
        out.push(Beside {
            row: r as u32,
            units,
            less: (value(-units)? - here) / units,
            worth: assigned.worth[r],
            more: (here - value(units)?) / units,
        });
        told(n + 1);
    }
    Ok(out)
}

/// Units are taken away and added until what they are worth is so many times the gap.
const SEEN: f64 = 100.0;
/// At most so large a share of a capacity.
const MOST: f64 = 0.01;
