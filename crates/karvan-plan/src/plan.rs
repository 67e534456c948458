//! The plan itself: question in, answer out.

use std::collections::BTreeMap;

use jiff::civil::{Date, DateTime};
use jiff::{SignedDuration, Timestamp};
use karvan_model::rules::{QuotaState, QuotaUse, hs_admits};
use karvan_model::tables::{CargoKind, Effect, Mode, QuotaUnit, Rule, Unit};
use karvan_model::{CargoIx, Model, NodeIx, StateIx};
use karvan_network::base::Base;
use karvan_network::compile::{Blocker as NetBlocker, Network, Question as NetQuestion};
use karvan_network::loads::Loads;
use karvan_network::rates::Pricer;
use karvan_network::search::{Effort, Found, Settings};
use karvan_units::{Estimate, Hours, KgCo2e, Km, Tonnes};

use crate::answer::*;
use crate::draws::{Draws, percentile};
use crate::legs::{self, Courses, Draft};

/// A criterion of the search.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Criterion {
    /// Mean time.
    Time,
    /// Cost.
    Cost,
    /// Emissions.
    Co2e,
    /// Spread of the time.
    Reliability,
}

impl Criterion {
    /// All, in the order of a label's costs.
    pub const ALL: [Criterion; 4] =
        [Criterion::Time, Criterion::Reliability, Criterion::Cost, Criterion::Co2e];

    /// The word it is written as.
    pub fn word(self) -> &'static str {
        match self {
            Criterion::Time => "time",
            Criterion::Cost => "cost",
            Criterion::Co2e => "co2e",
            Criterion::Reliability => "reliability",
        }
    }
}

/// How much is carried.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Quantity {
    /// Mass, t, where stated.
    pub tonnes: Option<f64>,
    /// Number of wagons, TEU or lorries, where stated.
    pub units: Option<(Unit, f64)>,
}

/// An end of the journey.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// The place itself, for print.
    pub main: NodeIx,
    /// Nodes at which the journey may start or end, with kilometres of road to reach them (0 at the place).
    pub nodes: Vec<(NodeIx, f64)>,
}

/// What is asked.
#[derive(Clone, Debug)]
pub struct Request {
    /// Origin.
    pub from: Endpoint,
    /// Destination.
    pub to: Endpoint,
    /// Cargo.
    pub cargo: CargoIx,
    /// Quantity.
    pub quantity: Quantity,
    /// Earliest departure, local time of the origin.
    pub depart: Option<DateTime>,
    /// Latest arrival, local time of the destination.
    pub arrive_by: Option<DateTime>,
    /// Day at which the law and the state of links are frozen.
    pub as_of: Option<Date>,
    /// Criteria.
    pub criteria: Vec<Criterion>,
    /// Places to go via, in any order.
    pub via: Vec<Endpoint>,
    /// Places not to pass.
    pub avoid_nodes: Vec<NodeIx>,
    /// States not to enter.
    pub avoid_states: Vec<StateIx>,
    /// Modes not to use.
    pub avoid_modes: Vec<Mode>,
    /// State in which the lorries are registered; `None`: the state of origin.
    pub registration: Option<StateIx>,
    /// Options wanted at most.
    pub options: usize,
    /// Seed of the draws.
    pub seed: u64,
    /// Draws per option; `None`: as the model says.
    pub draws: Option<usize>,
    /// Whether to look for what would open an option, or improve the best by this share of its generalised cost.
    pub why_not: Option<f64>,
    /// What others have used of the quotas.
    pub used: QuotaUse,
}

/// A question that cannot be asked.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum PlanError {
    /// Origin and destination are one place.
    #[error("origin and destination are the same place, {0}; a consignment needs two")]
    SamePlace(String),
    /// Nothing to carry.
    #[error("{given} {unit} is no consignment; give more than 0 and at most ten million")]
    Quantity {
        /// What was given.
        given: f64,
        /// Its unit.
        unit: &'static str,
    },
    /// Neither mass nor units.
    #[error("how much is carried is missing; give it in tonnes, wagons, TEU or trucks")]
    NoQuantity,
    /// The cargo does not go in that unit.
    #[error("{cargo} is not carried by {unit}; it goes by {allowed}")]
    NotCarried {
        /// Cargo.
        cargo: String,
        /// Unit asked for.
        unit: &'static str,
        /// Equipment that takes it.
        allowed: String,
    },
    /// Mass and units do not go together.
    #[error(
        "{tonnes} t in {count} {unit} is {load:.1} t each; one takes at most about {most:.1} t. Give one of the two, or numbers that fit"
    )]
    Overloaded {
        /// Mass, t.
        tonnes: f64,
        /// Units.
        count: f64,
        /// Which.
        unit: &'static str,
        /// Load of one, t.
        load: f64,
        /// Most that one takes, t.
        most: f64,
    },
    /// Outside the calendar.
    #[error("{given} lies outside the calendar of the model, {first} to {last}")]
    Calendar {
        /// Day given.
        given: Date,
        /// First day.
        first: Date,
        /// Last day.
        last: Date,
    },
    /// Departure after the latest arrival.
    #[error("the latest arrival {arrive} is not after the earliest departure {depart}")]
    Backwards {
        /// Departure.
        depart: DateTime,
        /// Arrival.
        arrive: DateTime,
    },
    /// Neither departure nor arrival.
    #[error("when is missing; give the earliest departure or the latest arrival")]
    NoTime,
    /// An end is avoided.
    #[error("{0} is to be avoided and is an end of the journey")]
    AvoidsEnd(String),
    /// Too many vias.
    #[error("{0} places to go via; at most 8 can be asked for")]
    Vias(usize),
    /// The model lacks a figure.
    #[error("the model states no parameter `{0}`, which plans need; add it to table `parameter`")]
    Parameter(&'static str),
    /// A position far from any road.
    #[error("{0}")]
    OffTheNetwork(Box<OffTheNetwork>),
    /// The model has no road at all.
    #[error("a position needs a road network, and the model has none; name a node")]
    NoRoads,
    /// No criterion.
    #[error("no criterion; give one or more of time, cost, co2e, reliability")]
    NoCriterion,
}

/// A position far from any road.
#[derive(Clone, Debug, PartialEq)]
pub struct OffTheNetwork {
    /// Degrees east.
    pub lon: f64,
    /// Degrees north.
    pub lat: f64,
    /// Road to the nearest node, km.
    pub km: f64,
    /// Greatest access distance, km.
    pub most: f64,
    /// Nearest node.
    pub name: String,
    /// Node near the position with its two numbers swapped, if there is one.
    pub swapped: Option<String>,
}

impl std::fmt::Display for OffTheNetwork {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { lon, lat, km, most, name, swapped } = self;
        match swapped {
            Some(other) => write!(
                f,
                "{lon},{lat} is far from any road, while {lat},{lon} is by {other}: the two are swapped; degrees east come first"
            ),
            None => write!(
                f,
                "{lon},{lat} lies {km:.0} km of road from the nearest node of the network, {name}; at most {most:.0} km are bridged"
            ),
        }
    }
}

/// Most of any unit that one consignment can be: more is a mistake of the hand.
const MOST: f64 = 1e7;
/// Days after departure that a journey may take.
const HORIZON_DAYS: u32 = 150;
/// See [`Settings::epsilon`]: two per cent, well inside the spread of any journey's time and cost.
const EPSILON: f32 = 0.02;
/// Labels after which a search is cut short; a plan on the built-in model makes some thousands.
const MAX_LABELS: usize = 400_000;
/// Options that are drawn before the dominated ones are taken out.
const DRAWN: usize = 24;

/// Plans a consignment.
///
/// `provenance` says which model and scenario this is; seed and draws are filled in.
///
/// # Errors
/// If the question cannot be asked. A question without an option is an [`Answer`] with a refusal.
pub fn plan(
    model: &Model,
    base: &Base,
    request: &Request,
    provenance: Provenance,
) -> Result<Answer, PlanError> {
    let asked = Asked::new(model, request)?;
    let draws = match request.draws {
        Some(n) => n,
        None => parameter(model, "draws")?.best.max(100.0) as usize,
    };
    let provenance = Provenance { seed: request.seed, draws: draws as u32, ..provenance };
    let depart = match (request.depart, request.arrive_by) {
        (Some(d), _) => asked.instant(d, request.from.main),
        (None, Some(by)) => return plan_to_arrive(model, base, request, &asked, by, draws, provenance),
        (None, None) => return Err(PlanError::NoTime),
    };
    asked.answer(model, base, request, depart, draws, provenance)
}

/// Compiles and searches a question with a departure, and stops there: what the benches time, and tests count.
///
/// # Errors
/// As [`plan`].
pub fn search(model: &Model, base: &Base, request: &Request) -> Result<SearchReport, PlanError> {
    let asked = Asked::new(model, request)?;
    let depart = request.depart.ok_or(PlanError::NoTime)?;
    let (net, ways, effort) = asked.search(model, base, request, asked.instant(depart, request.from.main));
    Ok(report(&net, ways.len(), &effort))
}

fn report(net: &Network, found: usize, effort: &Effort) -> SearchReport {
    SearchReport {
        nodes: net.first.len() as u64 - 1,
        arcs: net.arcs.len() as u64,
        labels: effort.labels,
        dominated: effort.dominated,
        bounded: effort.bounded,
        found: found as u64,
        epsilon: f64::from(EPSILON),
    }
}

/// With only a latest arrival given, leaves as late as nine of ten draws of the best option allow.
fn plan_to_arrive(
    model: &Model,
    base: &Base,
    request: &Request,
    asked: &Asked,
    by: DateTime,
    draws: usize,
    provenance: Provenance,
) -> Result<Answer, PlanError> {
    let by = asked.instant(by, request.to.main);
    // The law and the timetable depend on the day of departure, which depends on the duration: repeated until
    // the departure moves by less than a day, or three times.
    let mut depart = by - SignedDuration::from_hours(14 * 24);
    let mut last = None;
    for _ in 0..3 {
        let answer = asked.answer(model, base, request, depart, draws, provenance.clone())?;
        let Some(best) = answer.options.first() else {
            last = Some(answer);
            break;
        };
        let leave = by - SignedDuration::from_secs((best.p90_h.get() * 3600.0) as i64);
        let moved = leave.duration_since(depart).as_hours().abs();
        last = Some(answer);
        if moved < 24 && leave >= depart {
            break;
        }
        depart = leave;
    }
    last.ok_or(PlanError::NoTime)
}

/// Share of variance in common to processes of a kind, by kind.
pub(crate) fn correlations(model: &Model) -> Result<BTreeMap<&'static str, f64>, PlanError> {
    [
        ("rail", "correlation_rail"),
        ("road", "correlation_road"),
        ("sea", "correlation_sea"),
        ("border", "correlation_border"),
        ("terminal", "correlation_terminal"),
        ("pipeline", "correlation_pipeline"),
    ]
    .into_iter()
    .map(|(kind, id)| Ok((kind, parameter(model, id)?.best)))
    .collect()
}

fn parameter(model: &Model, id: &'static str) -> Result<Estimate, PlanError> {
    model.parameter(id).map(|p| p.value).ok_or(PlanError::Parameter(id))
}

/// A request with its quantities worked out.
pub(crate) struct Asked {
    pub(crate) loads: Vec<Loads>,
    load_into: Vec<Unit>,
    tonnes: f64,
    origin: Option<StateIx>,
    destination: Option<StateIx>,
    registration: Option<StateIx>,
    zone_of: BTreeMap<NodeIx, jiff::tz::TimeZone>,
    pub(crate) value_of_hour: f64,
    reliability_ratio: f64,
    pub(crate) co2e_price: f64,
    notes: Vec<String>,
    used: QuotaUse,
}

impl Asked {
    pub(crate) fn new(model: &Model, r: &Request) -> Result<Self, PlanError> {
        if r.from.nodes.iter().any(|(n, a)| r.to.nodes.iter().any(|(m, b)| n == m && *a == 0.0 && *b == 0.0))
            || r.from.main == r.to.main
        {
            return Err(PlanError::SamePlace(model.node(r.from.main).name_en.clone()));
        }
        if r.via.len() > 8 {
            return Err(PlanError::Vias(r.via.len()));
        }
        if r.criteria.is_empty() {
            return Err(PlanError::NoCriterion);
        }
        let (first, last) = (model.manifest.first_day, model.manifest.last_day);
        for d in [r.depart.map(|d| d.date()), r.arrive_by.map(|d| d.date()), r.as_of].into_iter().flatten() {
            if d < first || d > last {
                return Err(PlanError::Calendar { given: d, first, last });
            }
        }
        if let (Some(depart), Some(arrive)) = (r.depart, r.arrive_by)
            && arrive <= depart
        {
            return Err(PlanError::Backwards { depart, arrive });
        }
        let cargo = &model.tables.cargo[r.cargo.ix()];
        let positive = |v: f64, unit: &'static str| {
            if v.is_finite() && (1e-3..=MOST).contains(&v) {
                Ok(v)
            } else {
                Err(PlanError::Quantity { given: v, unit })
            }
        };
        let mut notes = Vec::new();
        for (end, word) in [(&r.from, "from"), (&r.to, "to")] {
            let avoided = |n: &NodeIx| r.avoid_nodes.contains(n);
            let state = model.node(end.main).state.as_ref().and_then(|s| model.state_ix(s.as_str()));
            if end.nodes.iter().all(|(n, _)| avoided(n)) || state.is_some_and(|s| r.avoid_states.contains(&s))
            {
                return Err(PlanError::AvoidsEnd(model.node(end.main).name_en.clone()));
            }
            if let Some((n, km)) = end.nodes.first().filter(|(_, km)| *km > 0.0) {
                notes.push(format!("{word} the position by road to {}, {km:.0} km", model.node(*n).name_en));
            }
        }
        let mut load_into = Vec::new();
        let (tonnes, count) = match (r.quantity.tonnes, r.quantity.units) {
            (None, None) => return Err(PlanError::NoQuantity),
            (Some(t), None) => (positive(t, "t")?, None),
            (t, Some((unit, n))) => {
                let n = positive(n, unit.word())?;
                load_into.push(unit);
                let one = Loads::all(model, r.cargo, 1.0);
                let Some(takes) = one.iter().find(|l| l.unit == unit && l.vehicles >= 1.0) else {
                    let allowed: Vec<String> = one
                        .iter()
                        .map(|l| model.tables.equipment[l.equipment.ix()].name_en.clone())
                        .collect();
                    let allowed =
                        if allowed.is_empty() { "nothing in this model".into() } else { allowed.join(", ") };
                    return Err(PlanError::NotCarried {
                        cargo: cargo.name_en.clone(),
                        unit: unit.word(),
                        allowed,
                    });
                };
                match t {
                    Some(t) => {
                        let t = positive(t, "t")?;
                        let e = &model.tables.equipment[takes.equipment.ix()];
                        let payload = e.payload_t.map_or(f64::INFINITY, |p| p.get());
                        // A tenth above the usual load or the payload is within what wagons of one kind differ by.
                        let most = (takes.load_t.max(payload)) * 1.1;
                        if most.is_finite() && t / n > most {
                            return Err(PlanError::Overloaded {
                                tonnes: t,
                                count: n,
                                unit: unit.word(),
                                load: t / n,
                                most,
                            });
                        }
                        (t, Some((unit, n)))
                    }
                    None => {
                        let plural = if n == 1.0 || unit == Unit::Teu { "" } else { "s" };
                        notes.push(format!(
                            "{n} {}{plural} of {} taken as {:.0} t, at the usual load of {:.1} t",
                            unit.word(),
                            cargo.name_en,
                            n * takes.load_t,
                            takes.load_t
                        ));
                        (n * takes.load_t, Some((unit, n)))
                    }
                }
            }
        };
        let mut loads = Loads::all(model, r.cargo, tonnes);
        if let Some((unit, n)) = count {
            // A consignment counted in lorries or containers stays in them; one of wagons may also go on by ship
            // or pipe, where the cargo is counted in tonnes.
            loads.retain(|l| l.unit == unit || unit == Unit::Wagon && l.unit == Unit::Tonne);
            for l in loads.iter_mut().filter(|l| l.unit == unit) {
                *l = l.with_count(n);
            }
        }
        loads.truncate(usize::from(u8::MAX));
        let state = |e: &Endpoint| model.node(e.main).state.as_ref().and_then(|s| model.state_ix(s.as_str()));
        let mut zone_of = BTreeMap::new();
        for e in [&r.from, &r.to] {
            let n = model.node(e.main);
            let own = n
                .time_zone
                .clone()
                .or_else(|| state(e).map(|s| model.tables.state[s.ix()].time_zone.clone()));
            let zone = own.and_then(|z| jiff::tz::TimeZone::get(&z).ok()).unwrap_or(jiff::tz::TimeZone::UTC);
            zone_of.insert(e.main, zone);
        }
        let value = cargo.value_usd_per_t.best * tonnes;
        Ok(Self {
            loads,
            load_into,
            tonnes,
            origin: state(&r.from),
            destination: state(&r.to),
            registration: r.registration.or(state(&r.from)),
            zone_of,
            value_of_hour: value * parameter(model, "value_of_time_share_per_day")?.best / 24.0,
            reliability_ratio: parameter(model, "reliability_ratio")?.best,
            co2e_price: parameter(model, "co2e_price_usd_per_t")?.best,
            notes,
            used: r.used.clone(),
        })
    }

    pub(crate) fn instant(&self, local: DateTime, at: NodeIx) -> Timestamp {
        let zone = self.zone_of.get(&at).cloned().unwrap_or(jiff::tz::TimeZone::UTC);
        zone.to_ambiguous_zoned(local).compatible().map_or(Timestamp::UNIX_EPOCH, |z| z.timestamp())
    }

    pub(crate) fn question(&self, r: &Request, depart: Timestamp, explain: bool) -> NetQuestion {
        NetQuestion {
            cargo: r.cargo,
            loads: self.loads.clone(),
            load_into: self.load_into.clone(),
            from: r.from.nodes.clone(),
            to: r.to.nodes.clone(),
            depart,
            as_of: r.as_of,
            horizon_days: HORIZON_DAYS,
            avoid_nodes: r.avoid_nodes.clone(),
            avoid_states: r.avoid_states.clone(),
            avoid_modes: r.avoid_modes.clone(),
            via: r.via.iter().map(|v| v.nodes.iter().map(|(n, _)| *n).collect()).collect(),
            explain,
            registration: self.registration,
            used: self.used.clone(),
            lift: Vec::new(),
        }
    }

    pub(crate) fn pricer<'m>(&self, model: &'m Model, r: &Request, depart: Timestamp) -> Pricer<'m> {
        let zone = self.zone_of.get(&r.from.main).cloned().unwrap_or(jiff::tz::TimeZone::UTC);
        Pricer {
            model,
            rates: karvan_model::money::ExchangeRates::new(model),
            cargo: &model.tables.cargo[r.cargo.ix()],
            day: r.as_of.unwrap_or_else(|| depart.to_zoned(zone).date()),
            origin: self.origin,
            destination: self.destination,
        }
    }

    /// State of origin.
    pub(crate) fn origin(&self) -> Option<StateIx> {
        self.origin
    }

    /// The latest arrival asked for, as an instant.
    fn latest(&self, r: &Request) -> Option<Timestamp> {
        r.arrive_by.map(|by| self.instant(by, r.to.main))
    }

    /// The options of the ways found: legs built, drawn, the dominated taken out, ordered.
    pub(crate) fn options(
        &self,
        model: &Model,
        net: &Network,
        ways: &[Found],
        r: &Request,
        draws: usize,
    ) -> Result<Vec<Itinerary>, PlanError> {
        let courses = Courses::new(model);
        let latest = self.latest(r);
        let mut drafts: Vec<Draft> = Vec::new();
        for w in ways {
            let d = legs::build(net, w, &courses);
            // Ways that differ in a yard only are one option: the better of them.
            match drafts.iter_mut().find(|x| x.signature == d.signature) {
                Some(known) if self.estimate(&d) < self.estimate(known) => *known = d,
                Some(_) => {}
                None => drafts.push(d),
            }
        }
        drafts.sort_by(|a, b| self.estimate(a).total_cmp(&self.estimate(b)));
        let drafts = shortlist(drafts, r.options.max(1).max(DRAWN));

        let rho = correlations(model)?;
        let rho = |kind: &str| rho.get(kind).copied().unwrap_or(0.0);
        let mut drawer = Draws::new(r.seed, draws);
        let mut options: Vec<Itinerary> = drafts
            .into_iter()
            .map(|d| {
                let spans = term_spans(model, &d);
                let mut marks: Vec<usize> = spans.iter().flat_map(|s| [s.begun, s.done]).collect();
                marks.sort_unstable();
                marks.dedup();
                let mut t = vec![0f32; draws];
                let (mut at, mut done) = (Vec::new(), 0);
                for mark in marks {
                    drawer.go_on(&mut t, &d.processes[done..mark], net.hour_of_week, &net.months, &rho);
                    at.push((mark, t.clone()));
                    done = mark;
                }
                drawer.go_on(&mut t, &d.processes[done..], net.hour_of_week, &net.months, &rho);
                t.sort_unstable_by(f32::total_cmp);
                let terms = spans.iter().filter_map(|s| s.term(&d, &at)).collect();
                self.itinerary(net, r, d, &t, terms, latest)
            })
            .collect();
        options = nondominated(options);
        options.sort_by(|a, b| a.generalised_usd.total_cmp(&b.generalised_usd));
        options = one_of_each_way(options, r.options.max(1));
        for (i, o) in options.iter_mut().enumerate() {
            o.rank = i as u32 + 1;
        }
        tell_apart(&mut options);
        Ok(options)
    }

    fn answer(
        &self,
        model: &Model,
        base: &Base,
        r: &Request,
        depart: Timestamp,
        draws: usize,
        provenance: Provenance,
    ) -> Result<Answer, PlanError> {
        let (net, ways, effort) = self.search(model, base, r, depart);
        let latest = self.latest(r);
        let options = self.options(model, &net, &ways, r, draws)?;

        let cargo = &model.tables.cargo[r.cargo.ix()];
        let mut notes = self.notes.clone();
        if let Some(days) = cargo.perishes_days {
            for o in &options {
                let fresh = share_within(&o.percentiles, days * 24.0);
                notes.push(format!(
                    "{} keeps about {days} days: by option {} it arrives within that in {fresh}",
                    cargo.name_en, o.rank
                ));
            }
        }
        if !options.is_empty() && !model.tables.calibration.is_empty() {
            notes.push(
                "durations are those of the tables by factors estimated from observed outcomes, and percentiles hold \
                 what is not known of these (table calibration)"
                    .to_owned(),
            );
        }
        let refusal = if options.is_empty() { Some(self.refusal(model, base, r, depart)) } else { None };
        if !options.is_empty() {
            for ix in &net.barred {
                let rule = &model.tables.rule[ix.ix()];
                let till = rule.till.map_or(String::new(), |d| format!(", until {d}"));
                notes.push(format!(
                    "other ways are barred on the day of departure: {} (rule/{}{till})",
                    rule.what, rule.id
                ));
            }
        }
        let why_not = match r.why_not {
            Some(margin) => Some(self.why_not(model, base, r, depart, options.first(), margin, draws)?),
            None => None,
        };
        if effort.cut_short {
            notes.push(format!("the search was cut short after {MAX_LABELS} labels; options may be missing"));
        }
        let indicative = options.iter().any(|o| o.indicative);
        let mut units: Vec<Units> = Vec::new();
        for l in self.loads.iter().filter(|l| l.unit != Unit::Tonne) {
            let u = legs::units(model, l);
            if !units.iter().any(|x| x.unit == u.unit && x.count == u.count) {
                units.push(u);
            }
        }
        let day_share = self.value_of_hour * 24.0;
        Ok(Answer {
            schema_version: SCHEMA_VERSION,
            question: Question {
                from: legs::stop(model, r.from.main),
                to: legs::stop(model, r.to.main),
                cargo: cargo.id.0.clone(),
                cargo_name: cargo.name_en.clone(),
                hs: cargo.hs.first().cloned(),
                un: cargo.un.clone(),
                rid_class: cargo.rid_class.clone(),
                tonnes: Tonnes::new(self.tonnes),
                units,
                value_usd: cargo.value_usd_per_t.scale(self.tonnes),
                depart: legs::local(&net, r.from.main, 0.0),
                arrive_by: latest.map(|t| t.to_zoned(legs::zone(&net, r.to.main))),
                as_of: r.as_of,
                criteria: r.criteria.iter().map(|c| c.word().to_owned()).collect(),
                via: r.via.iter().map(|v| model.node(v.main).name_en.clone()).collect(),
                avoid: r
                    .avoid_nodes
                    .iter()
                    .map(|n| model.node(*n).name_en.clone())
                    .chain(r.avoid_states.iter().map(|s| model.tables.state[s.ix()].id.0.clone()))
                    .chain(r.avoid_modes.iter().map(|m| m.word().to_owned()))
                    .collect(),
                lorries_of: self.registration.map(|s| model.tables.state[s.ix()].id.0.clone()),
            },
            options,
            refusal,
            why_not,
            indicative,
            notes,
            ordering: format!(
                "generalised cost = cost + {} USD a day of median time + {:.2} of that a day between the median and \
                 the ninetieth percentile + {} USD a tonne of CO2e",
                grouped(day_share),
                self.reliability_ratio,
                self.co2e_price
            ),
            provenance,
            search: report(&net, ways.len(), &effort),
            attribution: model.manifest.attribution.clone(),
        })
    }

    pub(crate) fn search<'m>(
        &self,
        model: &'m Model,
        base: &'m Base,
        r: &Request,
        depart: Timestamp,
    ) -> (Network<'m>, Vec<Found>, Effort) {
        self.search_with(model, base, r, depart, Vec::new())
    }

    /// The same with some blockers lifted.
    pub(crate) fn search_with<'m>(
        &self,
        model: &'m Model,
        base: &'m Base,
        r: &Request,
        depart: Timestamp,
        lift: Vec<NetBlocker>,
    ) -> (Network<'m>, Vec<Found>, Effort) {
        let question = NetQuestion { lift, ..self.question(r, depart, false) };
        let net = Network::compile(base, self.pricer(model, r, depart), &question);
        let settings = Settings {
            criteria: Criterion::ALL.map(|c| r.criteria.contains(&c)),
            epsilon: EPSILON,
            max_labels: MAX_LABELS,
        };
        let (ways, effort) = net.pareto(&settings);
        (net, ways, effort)
    }

    /// Generalised cost before drawing: the mean stands for the median.
    fn estimate(&self, d: &Draft) -> f64 {
        d.cost.best + self.value_of_hour * d.mean_h + self.co2e_price * d.co2e / 1000.0
    }

    fn itinerary(
        &self,
        net: &Network,
        r: &Request,
        d: Draft,
        t: &[f32],
        terms: Vec<DeliveryTerm>,
        latest: Option<Timestamp>,
    ) -> Itinerary {
        let p = |q: f64| percentile(t, q);
        let mean = t.iter().map(|x| f64::from(*x)).sum::<f64>() / t.len().max(1) as f64;
        let (p50, p90) = (p(0.5), p(0.9));
        let on_time = latest.map(|by| {
            let limit = (by.duration_since(net.depart).as_secs_f64() / 3600.0) as f32;
            t.partition_point(|x| *x <= limit) as f64 / t.len().max(1) as f64
        });
        let mut payees: Vec<Payee> = Vec::new();
        for price in d.legs.iter().flat_map(|l| &l.prices) {
            match payees.iter_mut().find(|x| x.payee == price.payee) {
                Some(x) => x.usd = x.usd.plus(price.usd),
                None => payees.push(Payee { payee: price.payee.clone(), usd: price.usd }),
            }
        }
        payees.sort_by(|a, b| b.usd.best.total_cmp(&a.usd.best).then(a.payee.cmp(&b.payee)));
        let sourced_share = if d.cost.best > 0.0 { (d.sourced / d.cost.best).clamp(0.0, 1.0) } else { 0.0 };
        let generalised = d.cost.best
            + self.value_of_hour * (p50 + self.reliability_ratio * (p90 - p50))
            + self.co2e_price * d.co2e / 1000.0;
        const SHOWN: [f64; 23] = [
            1., 2., 5., 10., 15., 20., 25., 30., 35., 40., 45., 50., 55., 60., 65., 70., 75., 80., 85., 90.,
            95., 98., 99.,
        ];
        Itinerary {
            rank: 0,
            label: d.label,
            distance_km: Km::new(d.legs.iter().map(|l| l.distance_km.get()).sum()),
            mean_h: Hours::new(mean),
            p10_h: Hours::new(p(0.1)),
            p50_h: Hours::new(p50),
            p90_h: Hours::new(p90),
            percentiles: SHOWN.iter().map(|q| (*q, p(q / 100.0))).collect(),
            arrival_p50: legs::local(net, r.to.main, p50),
            arrival_p90: legs::local(net, r.to.main, p90),
            on_time,
            cost_usd: d.cost,
            sourced_share,
            indicative: sourced_share < 0.5,
            co2e_kg: KgCo2e::new(d.co2e),
            generalised_usd: generalised,
            payees,
            papers: d.papers,
            terms,
            rules: d.rules,
            quotas: d.quotas,
            claims: d.claims,
            legs: d.legs,
        }
    }

    /// What stands in the way: the fewest blockers whose lifting opens one.
    pub(crate) fn refusal(&self, model: &Model, base: &Base, r: &Request, depart: Timestamp) -> Refusal {
        let cargo = &model.tables.cargo[r.cargo.ix()];
        let (from, to) = (&model.node(r.from.main).name_en, &model.node(r.to.main).name_en);
        if self.loads.is_empty() {
            return Refusal {
                reason: format!("no equipment of the model carries {}", cargo.name_en),
                blockers: Vec::new(),
                hints: vec!["table `load` says which equipment takes which cargo".into()],
            };
        }
        let question = self.question(r, depart, true);
        let net = Network::compile(base, self.pricer(model, r, depart), &question);
        let day = net.day(self.origin, 0.0);
        let Some(found) = net.least_blocked() else {
            let kind = match cargo.kind {
                CargoKind::Container => "containers".to_owned(),
                _ => cargo.name_en.clone(),
            };
            let mut hints = Vec::new();
            if !(r.avoid_modes.is_empty()
                && r.avoid_nodes.is_empty()
                && r.avoid_states.is_empty()
                && r.via.is_empty())
            {
                hints.push("ask without --avoid and --via".to_owned());
            }
            if !self.load_into.is_empty() {
                hints.push("give the quantity in t, so that any equipment may be used".to_owned());
            }
            return Refusal {
                reason: format!("no line, road, lane or pipe of the model joins {from} and {to} for {kind}"),
                blockers: Vec::new(),
                hints,
            };
        };
        let mut blockers: Vec<Blocker> = Vec::new();
        for b in &found {
            blockers.push(self.blocker(model, b, day));
            // What would go before a ban, had nobody used it up, stands in the way with it.
            let spent = net.used_up.iter().filter(|(bar, _)| *b == NetBlocker::Rule(*bar));
            for (_, permit) in spent {
                let of = self.blocker(model, &NetBlocker::Rule(*permit), day);
                if blockers.iter().all(|b| b.row != of.row) {
                    blockers.push(Blocker { kind: "quota".into(), ..of });
                }
            }
        }
        // Rules first: they are decided, the rest follows.
        blockers.sort_by_key(|b| b.kind != "rule" && b.kind != "quota");
        // A rule that bars this may be lifted for another way of carrying it.
        let barring = found.iter().filter_map(|b| match b {
            NetBlocker::Rule(ix) => Some(&model.tables.rule[ix.ix()]),
            _ => None,
        });
        let is_used_up =
            |p: &Rule| blockers.iter().any(|b| b.kind == "quota" && b.row == format!("rule/{}", p.id));
        let mut hints: Vec<String> = barring
            .flat_map(|bar| {
                let is_used_up = &is_used_up;
                model.tables.rule.iter().filter(move |p| {
                    p.effect == Effect::Permit
                        && !is_used_up(p)
                        && p.governs == bar.governs
                        && karvan_units::DayInterval { from: p.from, till: p.till }.contains(day)
                        && p.states.iter().any(|s| bar.states.contains(s))
                        && hs_admits(&p.hs, cargo)
                })
            })
            .map(|p| {
                let modes: Vec<&str> = p.modes.iter().map(|m| m.word()).collect();
                let by = if modes.is_empty() { String::new() } else { format!(" by {}", modes.join(" or ")) };
                format!("a narrower rule permits it{by}: {} (rule/{})", p.what, p.id)
            })
            .collect();
        hints.dedup();
        hints.push(format!(
            "what changes the answer is the day: the rules and states above are those of {day}"
        ));
        let reason = match blockers.first() {
            Some(b) => {
                let permits: Vec<&str> =
                    blockers.iter().filter(|b| b.kind == "quota").map(|b| b.what.as_str()).collect();
                let spent = match permits[..] {
                    [] => String::new(),
                    _ => format!(" Of what would permit it too little is left: {}", permits.join("; ")),
                };
                format!("{from} to {to} on {day}: {}{spent}", b.what)
            }
            None => format!(
                "{from} to {to}: a way exists on {day}, but the consignment does not pass all of it while it is open"
            ),
        };
        Refusal { reason, blockers, hints }
    }

    pub(crate) fn blocker(&self, model: &Model, b: &NetBlocker, day: Date) -> Blocker {
        let days = |from: Option<Date>, till: Option<Date>| match (from, till) {
            (None, None) => "always".to_owned(),
            (Some(f), None) => format!("from {f}"),
            (None, Some(t)) => format!("until {t}"),
            (Some(f), Some(t)) => format!("from {f} until {t}"),
        };
        match *b {
            NetBlocker::Rule(ix) => {
                let r = &model.tables.rule[ix.ix()];
                Blocker {
                    kind: "rule".into(),
                    row: format!("rule/{}", r.id),
                    what: match QuotaState::of(model, ix, &self.used, day) {
                        Some(q) => format!("{} ({})", r.what, quota_left(&q)),
                        None => r.what.clone(),
                    },
                    days: days(r.from, r.till),
                    sources: legs::source_addresses(model, &r.claim),
                }
            }
            NetBlocker::Border(node, row) => {
                let name = &model.node(node).name_en;
                match row {
                    Some(ix) => {
                        let row = &model.tables.border[ix.ix()];
                        Blocker {
                            kind: "border".into(),
                            row: format!("border/{}", row.id),
                            what: match &row.note {
                                Some(n) => format!("{name} is {} to international freight: {n}", row.status),
                                None => format!("{name} is {} to international freight", row.status),
                            },
                            days: days(row.from, row.till),
                            sources: legs::source_addresses(model, &row.claim),
                        }
                    }
                    None => Blocker {
                        kind: "border".into(),
                        row: format!("node/{}", model.node(node).id),
                        what: format!(
                            "{name} has no row that opens it, so it is closed to international freight"
                        ),
                        days: "always".into(),
                        sources: Vec::new(),
                    },
                }
            }
            NetBlocker::Link(ix) => {
                let l = &model.tables.link[ix.ix()];
                let state = model
                    .tables
                    .link_state
                    .iter()
                    .filter(|s| s.link.as_str() == l.id.as_str())
                    .find(|s| karvan_units::DayInterval { from: s.from, till: s.till }.contains(day));
                let end = |key: &str| {
                    model.node_ix(key).map_or_else(|| key.to_owned(), |n| model.node(n).name_en.clone())
                };
                let name = l.name.clone().unwrap_or_else(|| {
                    format!("{} from {} to {}", l.mode, end(l.from.as_str()), end(l.to.as_str()))
                });
                match state {
                    Some(s) => Blocker {
                        kind: "link".into(),
                        row: format!("link_state/{}", s.link),
                        what: match &s.note {
                            Some(n) => format!("{name} is {}: {n}", s.state),
                            None => format!("{name} is {}", s.state),
                        },
                        days: days(s.from, s.till),
                        sources: legs::source_addresses(model, &s.claim),
                    },
                    None => Blocker {
                        kind: "link".into(),
                        row: format!("link/{}", l.id),
                        what: format!("{name} carries no freight on {day}"),
                        days: String::new(),
                        sources: legs::source_addresses(model, &l.claim),
                    },
                }
            }
        }
    }
}

/// `12 of 40 wagons left for 2031`.
fn quota_left(q: &QuotaState) -> String {
    let plural = if matches!(q.unit, QuotaUnit::Tonne | QuotaUnit::Teu) { "" } else { "s" };
    let period = if q.period == "once" { "in all".to_owned() } else { format!("for {}", q.period) };
    format!("{} of {} {}{plural} left {period}", rounded(q.left.max(0.0)), rounded(q.amount), q.unit)
}

/// Without the last digits of a sum of tenths.
fn rounded(x: f64) -> f64 {
    (x * 1000.0).round() / 1000.0
}

/// The options worth drawing: the best by generalised cost, and the best of each single criterion.
fn shortlist(drafts: Vec<Draft>, n: usize) -> Vec<Draft> {
    if drafts.len() <= n {
        return drafts;
    }
    let best = |key: &dyn Fn(&Draft) -> f64| {
        (0..drafts.len()).min_by(|a, b| key(&drafts[*a]).total_cmp(&key(&drafts[*b]))).unwrap_or(0)
    };
    let keep = [best(&|d| d.mean_h), best(&|d| d.cost.best), best(&|d| d.co2e)];
    let mut i = 0;
    let mut kept = 0;
    drafts
        .into_iter()
        .filter(|_| {
            let chosen = keep.contains(&i) || kept < n;
            i += 1;
            kept += usize::from(chosen);
            chosen
        })
        .collect()
}

/// In how many draws a duration stays within `h`, as far as the percentiles shown tell.
fn share_within(percentiles: &[(f64, f64)], h: f64) -> String {
    match percentiles.iter().rev().find(|(_, p)| *p <= h) {
        Some((q, _)) if *q >= 99.0 => "nearly all draws".into(),
        Some((q, _)) => format!("about {q:.0} % of draws"),
        None => "hardly any draw".into(),
    }
}

/// A whole number with commas between thousands.
fn grouped(x: f64) -> String {
    let digits = format!("{:.0}", x.abs());
    let mut out = String::new();
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i) % 3 == 0 {
            out.push(',');
        }
        out.push(c);
    }
    if x <= -0.5 { format!("-{out}") } else { out }
}

/// The borders an option crosses and the waters it sails: what a user would call its way. By which train it
/// goes overland does not make another.
fn way(o: &Itinerary) -> String {
    let afloat =
        |l: &Leg| l.mode.as_deref().is_some_and(|m| m == Mode::Sea.word() || m == Mode::InlandWater.word());
    o.legs
        .iter()
        .filter_map(|l| match l.kind {
            LegKind::Border => Some(l.from.id.clone()),
            LegKind::Haul if afloat(l) => Some(format!("{}>{}", l.from.id, l.to.id)),
            _ => None,
        })
        .collect::<Vec<_>>()
        .join("|")
}

/// Adds the equipment to labels that are alike.
fn tell_apart(options: &mut [Itinerary]) {
    let ridden = |o: &Itinerary| {
        let mut names: Vec<&str> = Vec::new();
        for l in &o.legs {
            let name = l.equipment.name.split([',', '(']).next().unwrap_or_default().trim();
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names.join(", ").to_lowercase()
    };
    let labels: Vec<String> = options.iter().map(|o| o.label.clone()).collect();
    for (i, o) in options.iter_mut().enumerate() {
        if labels.iter().enumerate().any(|(j, l)| j != i && *l == labels[i]) {
            o.label = format!("{}; in {}", o.label, ridden(o));
        }
    }
}

/// At most `n` of the ordered options: first the best of each way, then others, in the order given.
fn one_of_each_way(options: Vec<Itinerary>, n: usize) -> Vec<Itinerary> {
    let mut seen = std::collections::BTreeSet::new();
    let first: Vec<bool> = options.iter().map(|o| seen.insert(way(o))).collect();
    let others = n.saturating_sub(first.iter().filter(|f| **f).count());
    let (mut ways, mut more) = (0, 0);
    options
        .into_iter()
        .zip(first)
        .filter(|(_, first)| {
            let count = if *first { &mut ways } else { &mut more };
            *count += 1;
            *count <= if *first { n } else { others }
        })
        .map(|(o, _)| o)
        .collect()
}

/// Options of which no other is at least as good in P50, P90, cost and CO2e, and better in one.
pub fn nondominated(options: Vec<Itinerary>) -> Vec<Itinerary> {
    let key = |o: &Itinerary| [o.p50_h.get(), o.p90_h.get(), o.cost_usd.best, o.co2e_kg.get()];
    let keys: Vec<[f64; 4]> = options.iter().map(key).collect();
    let dominated = |i: usize| {
        keys.iter().enumerate().any(|(j, k)| {
            let all = (0..4).all(|c| k[c] <= keys[i][c]);
            let some = (0..4).any(|c| k[c] < keys[i][c]);
            // Of two that are alike in all four, the first stays.
            j != i && all && (some || j < i)
        })
    };
    let keep: Vec<bool> = (0..options.len()).map(|i| !dominated(i)).collect();
    options.into_iter().zip(keep).filter(|(_, k)| *k).map(|(o, _)| o).collect()
}

/// The carriage to which a rule gives a term of delivery.
struct TermSpan<'m> {
    rule: &'m Rule,
    km: f64,
    /// First and last leg of it.
    legs: (usize, usize),
    /// How many processes are done when it begins, and when it ends.
    begun: usize,
    done: usize,
}

impl TermSpan<'_> {
    /// The term, and how often it is exceeded. `at`: durations when so many processes are done, one a draw.
    fn term(&self, d: &Draft, at: &[(usize, Vec<f32>)]) -> Option<DeliveryTerm> {
        let besides = self.rule.delay_h.as_ref().map_or(0.0, |d| d.mean() / 24.0);
        let days = (self.km / self.rule.value?.best).ceil() + besides;
        let when = |done: usize| at.iter().find(|(mark, _)| *mark == done).map(|(_, t)| t);
        let (begun, done) = (when(self.begun)?, when(self.done)?);
        let mut t: Vec<f32> = done.iter().zip(begun).map(|(end, start)| end - start).collect();
        t.sort_unstable_by(f32::total_cmp);
        let within = t.partition_point(|x| f64::from(*x) <= 24.0 * days);
        Some(DeliveryTerm {
            rule: self.rule.id.0.clone(),
            from: d.legs[self.legs.0].from.name.clone(),
            to: d.legs[self.legs.1].to.name.clone(),
            distance_km: Km::new(self.km),
            days,
            p50_h: Hours::new(percentile(&t, 0.5)),
            exceeded: 1.0 - within as f64 / t.len().max(1) as f64,
        })
    }
}

/// The parts of an itinerary to which rules give terms of delivery.
fn term_spans<'m>(model: &'m Model, d: &Draft) -> Vec<TermSpan<'m>> {
    let ids: Vec<&str> =
        d.rules.iter().filter(|r| r.effect == Effect::Term.word()).map(|r| r.id.as_str()).collect();
    if ids.is_empty() {
        return Vec::new();
    }
    let all: Vec<&'m Rule> = model.tables.rule.iter().filter(|r| ids.contains(&r.id.0.as_str())).collect();
    // A train that is held at a border has its rules at its first part.
    let mut riding: (Option<&str>, Vec<&'m Rule>) = (None, Vec::new());
    let mut spans: Vec<TermSpan<'m>> = Vec::new();
    for (i, leg) in d.legs.iter().enumerate().filter(|(_, l)| l.kind == LegKind::Haul) {
        if leg.service.is_none() || leg.service.as_deref() != riding.0 {
            let found = all.iter().filter(|r| leg.rules.contains(&r.id.0));
            riding = (leg.service.as_deref(), found.copied().collect());
        }
        for rule in &riding.1 {
            match spans.iter_mut().find(|s| s.rule.id == rule.id) {
                Some(s) => {
                    (s.km, s.legs.1, s.done) = (s.km + leg.distance_km.get(), i, d.done[i]);
                }
                None => spans.push(TermSpan {
                    rule,
                    km: leg.distance_km.get(),
                    legs: (i, i),
                    begun: i.checked_sub(1).map_or(0, |before| d.done[before]),
                    done: d.done[i],
                }),
            }
        }
    }
    spans
}
