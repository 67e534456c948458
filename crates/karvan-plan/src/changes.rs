//! What became of the options of a movement between two days, and what made the difference.
//!
//! The movement is planned on both days, law and links as of each. An option is known again by its way: modes
//! with equipment, crossings and services. One that is found on one day alone is asked for again on the other, by its crossings and
//! ports, without the states and modes that it does not use: the refusal says what stood in its way then. If it is
//! passable on both days, its rules, prices and claims are compared.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use karvan_model::applied::{Change, NamedCargo, NamedState, Section};
use karvan_model::tables::{Effect, Mode};
use karvan_model::{Model, NodeIx};
use karvan_network::base::Base;
use karvan_units::{DayInterval, Estimate, Hours, KgCo2e, Tonnes};
use schemars::JsonSchema;
use serde::Serialize;

use crate::answer::{Answer, Blocker, Itinerary, Leg, LegKind, Provenance};
use crate::legs::source_addresses;
use crate::plan::{Endpoint, PlanError, Request, plan};

/// Relative difference below which times and costs count as equal, as in the search.
const ALIKE: f64 = 0.02;
/// Places that a way can be asked for by.
const MOST_VIAS: usize = 8;
/// Prices that are named as the reason of a difference, the largest first.
const PRICES: usize = 4;

/// Answer of `karvan rules --format json`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct RulesAnswer {
    /// Version of this schema.
    pub schema_version: u32,
    /// Name and version of the model.
    pub model: String,
    /// BLAKE3 of the model's files and of the scenario's.
    pub model_hash: String,
    /// Scenario, where there is one.
    pub scenario: Option<String>,
    /// The cargoes asked about: one, or those under an HS code.
    pub cargoes: Vec<NamedCargo>,
    /// State of origin.
    pub from: NamedState,
    /// State of destination.
    pub to: NamedState,
    /// Mode asked for.
    pub mode: Option<Mode>,
    /// Mass asked for, t.
    pub tonnes: Option<f64>,
    /// Day asked for.
    pub day: Option<Date>,
    /// First and last day asked for, where changes are.
    pub between: Option<(Date, Date)>,
    /// What applies on `day`, state by state.
    pub sections: Vec<Section>,
    /// What changed in `between`, day by day.
    pub changes: Vec<Change>,
    /// What became of the options between the two days, where both ends are places.
    pub options: Option<OptionChanges>,
    /// What to know besides, in sentences.
    pub notes: Vec<String>,
}

/// What became of the options of a movement between two days.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct OptionChanges {
    /// Name of the origin.
    pub from: String,
    /// Name of the destination.
    pub to: String,
    /// Name of the cargo.
    pub cargo: String,
    /// Mass, t.
    pub tonnes: Tonnes,
    /// The two days.
    pub days: (Date, Date),
    /// Options on each of the days.
    pub found: (u32, u32),
    /// Why there is none on a day, where there is none.
    pub refused: (Option<String>, Option<String>),
    /// What changed: appeared, vanished, then the others; each in the order of the plan.
    pub changes: Vec<OptionChange>,
    /// Options whose time and cost differ by less than 2 %.
    pub alike: u32,
    /// Options that can be gone on both days and are the best of their crossings and ports on one alone.
    pub beaten: u32,
    /// What the computation was.
    pub provenance: Provenance,
}

/// What became of an option.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Became {
    /// It exists on the last day alone.
    Appeared,
    /// It exists on the first day alone.
    Vanished,
    /// It exists on both and its time or cost differs.
    Changed,
}

/// What became of one option.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct OptionChange {
    /// What.
    pub became: Became,
    /// The option, in a few words.
    pub label: String,
    /// On the first day.
    pub before: Option<Figures>,
    /// On the last day.
    pub after: Option<Figures>,
    /// What made the difference.
    pub reasons: Vec<Reason>,
}

/// What an option takes.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Figures {
    /// Median duration.
    pub p50_h: Hours,
    /// Ninetieth percentile.
    pub p90_h: Hours,
    /// Cost, USD.
    pub cost_usd: Estimate,
    /// Emissions.
    pub co2e_kg: KgCo2e,
}

impl Figures {
    fn of(o: &Itinerary) -> Self {
        Self { p50_h: o.p50_h, p90_h: o.p90_h, cost_usd: o.cost_usd, co2e_kg: o.co2e_kg }
    }
}

/// How something made a difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Made {
    /// It stood in the way on the day without the option.
    Barred,
    /// It permits the option, and only on the day with it.
    Permitted,
    /// It applies on the last day alone.
    Began,
    /// It applied on the first day alone.
    Ended,
    /// It asks another price.
    Price,
    /// No row of the model differs but by the day: weekday, month, rate of exchange.
    Calendar,
}

/// What made a difference.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Reason {
    /// How.
    pub made: Made,
    /// Table and row: `rule/y`, `border/x`, `link_state/z`; empty where no row did.
    pub row: String,
    /// What it says.
    pub what: String,
    /// Days on which it holds, where it is dated.
    pub days: String,
    /// What it costs on the first and the last day, USD.
    pub usd: Option<(f64, f64)>,
    /// Addresses of its sources, or `assumed: …`.
    pub sources: Vec<String>,
}

impl Reason {
    fn barred(b: Blocker) -> Self {
        Self { made: Made::Barred, row: b.row, what: b.what, days: b.days, usd: None, sources: b.sources }
    }
}

/// What became of the options of a movement between two days. What the request says of departure, arrival and the
/// day of the law is replaced: it leaves at the beginning of each day, under the law of that day.
///
/// # Errors
/// As [`plan`].
pub fn option_changes(
    model: &Model,
    base: &Base,
    request: &Request,
    days: (Date, Date),
    provenance: Provenance,
) -> Result<OptionChanges, PlanError> {
    let ask = |r: &Request, day: Date| {
        let midnight = day.at(0, 0, 0, 0);
        let r =
            Request { depart: Some(midnight), arrive_by: None, as_of: Some(day), why_not: None, ..r.clone() };
        plan(model, base, &r, provenance.clone())
    };
    let (first, last) = (ask(request, days.0)?, ask(request, days.1)?);
    let (before, after) = (by_way(&first), by_way(&last));
    let seen: BTreeSet<&str> = after.iter().map(|(k, _)| k.as_str()).collect();
    let gone = before.iter().filter(|(k, _)| !seen.contains(k.as_str()));
    let mut changes = Vec::new();
    let (mut alike, mut beaten) = (0, 0);
    for (key, found) in after.iter().chain(gone) {
        let was = before.iter().find(|(k, _)| k == key).map(|(_, o)| *o);
        let is = seen.contains(key.as_str()).then_some(*found);
        // What is not among the best of a day may be passable on it all the same.
        let (again, shut, became) = match (was, is) {
            (Some(_), Some(_)) => (None, None, Became::Changed),
            (None, _) => (Some(ask(&along(model, request, found), days.0)?), Some(days.0), Became::Appeared),
            (_, None) => (Some(ask(&along(model, request, found), days.1)?), Some(days.1), Became::Vanished),
        };
        let other =
            again.as_ref().and_then(|a| by_way(a).into_iter().find(|(k, _)| k == key)).map(|(_, o)| o);
        let (old, new) = (was.or(other), is.or(other));
        let change = match (old, new, &again, shut) {
            (Some(old), Some(new), ..) => {
                if near(old.cost_usd.best, new.cost_usd.best) && near(old.p50_h.get(), new.p50_h.get()) {
                    alike += 1;
                    continue;
                }
                (Became::Changed, differences(model, old, new, days))
            }
            (_, _, Some(again), Some(shut)) => {
                let reasons = obstacles(model, again, found, shut);
                if reasons.is_empty() {
                    beaten += 1;
                    continue;
                }
                (became, reasons)
            }
            _ => continue,
        };
        changes.push(OptionChange {
            became: change.0,
            label: found.label.clone(),
            before: old.map(Figures::of),
            after: new.map(Figures::of),
            reasons: change.1,
        });
    }
    changes.sort_by_key(|c| c.became);
    let reason = |a: &Answer| a.refusal.as_ref().map(|r| r.reason.clone());
    Ok(OptionChanges {
        from: last.question.from.name.clone(),
        to: last.question.to.name.clone(),
        cargo: last.question.cargo_name.clone(),
        tonnes: last.question.tonnes,
        days,
        found: (before.len() as u32, after.len() as u32),
        refused: (reason(&first), reason(&last)),
        changes,
        alike,
        beaten,
        provenance: last.provenance.clone(),
    })
}

/// The options by their ways, the best of each.
fn by_way(a: &Answer) -> Vec<(String, &Itinerary)> {
    let mut out: Vec<(String, &Itinerary)> = Vec::new();
    for o in &a.options {
        let key = way(o);
        if out.iter().all(|(k, _)| *k != key) {
            out.push((key, o));
        }
    }
    out
}

/// Modes with equipment, crossings and services in their order.
fn way(o: &Itinerary) -> String {
    let mut parts: Vec<String> = Vec::new();
    for l in &o.legs {
        let part = match (l.kind, &l.service, &l.mode) {
            (LegKind::Border, ..) => l.from.id.clone(),
            (LegKind::Haul, Some(s), _) => format!("{s}:{}>{}", l.from.id, l.to.id),
            (LegKind::Haul, None, Some(m)) => format!("{m}:{}", l.equipment.equipment),
            _ => continue,
        };
        if parts.last() != Some(&part) {
            parts.push(part);
        }
    }
    parts.join("|")
}

/// The question for one way: by its ports and crossings, without the states and modes that it does not use.
fn along(model: &Model, r: &Request, o: &Itinerary) -> Request {
    let node = |id: &str| model.node_ix(id);
    let is_end = |n: &NodeIx| [&r.from, &r.to].iter().any(|e| e.nodes.iter().any(|(x, _)| x == n));
    let mut places: Vec<NodeIx> = Vec::new();
    let afloat = |l: &&Leg| l.kind == LegKind::Haul && l.service.is_some();
    let ports = o.legs.iter().filter(afloat).flat_map(|l| [&l.from.id, &l.to.id]);
    let crossings = o.legs.iter().filter(|l| l.kind == LegKind::Border).map(|l| &l.from.id);
    for n in ports.chain(crossings).filter_map(|id| node(id)) {
        let asked = r.via.iter().flat_map(|v| &v.nodes).any(|(x, _)| *x == n);
        if !places.contains(&n) && !is_end(&n) && !asked {
            places.push(n);
        }
    }
    places.truncate(MOST_VIAS.saturating_sub(r.via.len()));
    let mut via = r.via.clone();
    via.extend(places.into_iter().map(|n| Endpoint { main: n, nodes: vec![(n, 0.0)] }));
    let states: BTreeSet<&str> = o
        .legs
        .iter()
        .flat_map(|l| [l.state.as_deref(), l.from.state.as_deref(), l.to.state.as_deref()])
        .flatten()
        .collect();
    let modes: BTreeSet<&str> = o.legs.iter().filter_map(|l| l.mode.as_deref()).collect();
    let others = model.tables.state.iter().enumerate();
    let avoid_states = others
        .filter(|(_, s)| !states.contains(s.id.as_str()))
        .map(|(i, _)| karvan_model::StateIx::new(i))
        .collect();
    let avoid_modes = Mode::ALL.iter().copied().filter(|m| !modes.contains(m.word())).collect();
    Request { via, avoid_states, avoid_modes, ..r.clone() }
}

/// Whether two figures count as equal.
fn near(a: f64, b: f64) -> bool {
    (a - b).abs() <= ALIKE * a.abs().max(b.abs())
}

/// Why a way cannot be gone on a day, asked along it, and what permits it on the other; nothing where it can.
fn obstacles(model: &Model, again: &Answer, o: &Itinerary, shut: Date) -> Vec<Reason> {
    let mut out: Vec<Reason> = Vec::new();
    let services: BTreeSet<&str> = o.legs.iter().filter_map(|l| l.service.as_deref()).collect();
    for s in model.tables.service.iter().filter(|s| services.contains(s.id.as_str())) {
        let runs = DayInterval { from: s.from, till: s.till };
        if !runs.contains(shut) {
            out.push(Reason {
                made: Made::Barred,
                row: format!("service/{}", s.id),
                what: format!("{} does not run on {shut}", s.name),
                days: span(s.from, s.till),
                usd: None,
                sources: source_addresses(model, &s.claim),
            });
        }
    }
    let refusal = again.refusal.iter().flat_map(|r| &r.blockers);
    out.extend(refusal.cloned().map(Reason::barred));
    // A wider ban may last: what goes before it now made the difference.
    for r in o.rules.iter().filter(|r| r.effect == Effect::Permit.word()) {
        if !(DayInterval { from: r.from, till: r.till }).contains(shut) {
            out.push(Reason {
                made: Made::Permitted,
                row: format!("rule/{}", r.id),
                what: r.what.clone(),
                days: span(r.from, r.till),
                usd: None,
                sources: r.sources.clone(),
            });
        }
    }
    if out.is_empty() {
        out.extend(again.refusal.iter().map(|r| calendar(r.reason.clone())));
    }
    out
}

fn calendar(what: String) -> Reason {
    let nowhere = (String::new(), String::new());
    Reason { made: Made::Calendar, row: nowhere.0, what, days: nowhere.1, usd: None, sources: Vec::new() }
}

/// What differs between an option on the first day and the same on the last.
fn differences(model: &Model, old: &Itinerary, new: &Itinerary, days: (Date, Date)) -> Vec<Reason> {
    let mut out: Vec<Reason> = Vec::new();
    for (made, here, there) in [(Made::Began, new, old), (Made::Ended, old, new)] {
        for r in here.rules.iter().filter(|r| there.rules.iter().all(|x| x.id != r.id)) {
            out.push(Reason {
                made,
                row: format!("rule/{}", r.id),
                what: r.what.clone(),
                days: span(r.from, r.till),
                usd: None,
                sources: r.sources.clone(),
            });
        }
    }
    let paid = |o: &Itinerary| {
        let mut by: BTreeMap<String, (f64, String)> = BTreeMap::new();
        for p in o.legs.iter().flat_map(|l| &l.prices) {
            let e = by.entry(p.row.clone()).or_insert_with(|| (0.0, p.published.clone()));
            e.0 += p.usd.best;
        }
        by
    };
    let (was, is) = (paid(old), paid(new));
    let rows: BTreeSet<&String> = was.keys().chain(is.keys()).collect();
    let mut prices: Vec<Reason> = Vec::new();
    for row in rows {
        let (a, b) = (was.get(row), is.get(row));
        let usd = (a.map_or(0.0, |x| x.0), b.map_or(0.0, |x| x.0));
        let known = out.iter().any(|r| r.row == *row);
        // A hundredth of the cost is no reason of a difference of two.
        if known || (usd.1 - usd.0).abs() < 0.5 * ALIKE * old.cost_usd.best.max(new.cost_usd.best) {
            continue;
        }
        let claims = old.claims.iter().chain(&new.claims).filter(|c| c.row == *row);
        let claim = claims.max_by_key(|c| c.figure == "price" || c.figure == "charge");
        prices.push(Reason {
            made: Made::Price,
            row: row.clone(),
            what: b.or(a).map(|x| x.1.clone()).unwrap_or_default(),
            days: String::new(),
            usd: Some(usd),
            sources: claim.map(|c| addresses(model, &c.sources, c.assumed.as_deref())).unwrap_or_default(),
        });
    }
    let by = |r: &Reason| r.usd.map_or(0.0, |(a, b)| (a - b).abs());
    prices.sort_by(|a, b| by(b).total_cmp(&by(a)));
    prices.truncate(PRICES);
    out.extend(prices);
    // Durations that rest on other rows, where the time differs.
    if !near(old.p50_h.get(), new.p50_h.get()) {
        for (made, here, there) in [(Made::Began, new, old), (Made::Ended, old, new)] {
            let timed = here.claims.iter().filter(|c| c.figure == "duration" || c.figure == "schedule");
            for c in timed.filter(|c| there.claims.iter().all(|x| x.row != c.row)) {
                if out.iter().all(|r| r.row != c.row) {
                    out.push(Reason {
                        made,
                        row: c.row.clone(),
                        what: format!("the {} of {}", c.figure, c.row),
                        days: String::new(),
                        usd: None,
                        sources: addresses(model, &c.sources, c.assumed.as_deref()),
                    });
                }
            }
        }
    }
    if out.is_empty() {
        out.push(calendar(format!(
            "no row of the model differs: {} and {} are another weekday, month or rate of exchange",
            days.0, days.1
        )));
    }
    out
}

fn addresses(model: &Model, sources: &[String], assumed: Option<&str>) -> Vec<String> {
    let claim = karvan_model::cell::Claim { sources: sources.to_vec(), assumed: assumed.map(str::to_owned) };
    let mut out = source_addresses(model, &claim);
    out.dedup();
    out
}

/// `from 2025-01-01, until 2026-01-01`; nothing where undated.
fn span(from: Option<Date>, till: Option<Date>) -> String {
    let from = from.map(|d| format!("from {d}"));
    let till = till.map(|d| format!("until {d}"));
    from.into_iter().chain(till).collect::<Vec<_>>().join(", ")
}
