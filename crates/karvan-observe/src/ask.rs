//! An observation as a question to a model: its places, its consignment, its days, and what the model says.

use std::collections::{BTreeMap, BTreeSet, BinaryHeap};

use jiff::civil::Date;
use karvan_model::calibration::Factor;
use karvan_model::money::ExchangeRates;
use karvan_model::observed::{Direction, Measure, Observation, ObservedMode, ProcessKind, Statistic};
use karvan_model::places::find_cargo;
use karvan_model::rules::QuotaUse;
use karvan_model::tables::{BorderState, CargoKind, EquipmentKind, Mode, Procedure, Unit};
use karvan_model::{BorderIx, CargoIx, Model, NodeIx, StateIx};
use karvan_network::base::Base;
use karvan_network::compile::{Process, Timing};
use karvan_network::loads::Loads;
use karvan_network::rates::{Duration, Pricer, posts, sailing_duration, sailing_place};
use karvan_network::waits::Wait;
use karvan_plan::answer::{Leg, LegKind};
use karvan_plan::{Criterion, Endpoint, Movement, PlanError, Quantity, Request, movement};
use karvan_units::{DayInterval, Dist, Estimate};

use crate::places::{Names, Spot};
use crate::response::{Centre, Journey, Noise, Part, Response, Way};
use crate::series::is_volume;

/// Asks a model what observations tell of.
pub struct Asking<'m> {
    model: &'m Model,
    base: &'m Base,
    names: Names<'m>,
    /// Day on which the law, the links and the services are frozen.
    as_of: Option<Date>,
}

/// What a consignment of an observation is.
struct Consignment {
    cargo: CargoIx,
    quantity: Quantity,
    /// Number of units, where the observation states it: then it tells of one consignment.
    stated: Option<f64>,
}

/// A crossing passed in one direction, as seen from a state.
struct Crossing {
    border: BorderIx,
    forward: bool,
    other: StateIx,
}

type Answer<T> = Result<T, String>;

impl<'m> Asking<'m> {
    /// Prepares a model to be asked.
    pub fn new(model: &'m Model, base: &'m Base) -> Self {
        Self { model, base, names: Names::new(model), as_of: None }
    }

    /// Answers as the law, the links and the services stood on a day, whichever days an observation is of.
    pub fn frozen(self, as_of: Option<Date>) -> Self {
        Self { as_of, ..self }
    }

    /// The day whose law, links and services count.
    fn day(&self, o: &Observation) -> Date {
        self.as_of.unwrap_or_else(|| middle(o))
    }

    /// What the model says to an observation of a time, a speed or a price.
    ///
    /// # Errors
    /// Why it says nothing, in words for a planner.
    pub fn ask(&self, o: &Observation) -> Answer<Response> {
        match o.measure {
            Measure::TransitTime => self.transit(o),
            Measure::SailingTime => self.sailing(o),
            Measure::BorderTime => self.border_time(o),
            Measure::BorderCost => self.border_cost(o),
            Measure::LoadingTime => self.loading(o),
            Measure::WaitingTime => self.waiting(o),
            Measure::SpeedWithDelay => self.speed_with_delay(o),
            Measure::SpeedWithoutDelay => self.speed_in_motion(o),
            Measure::TransportCost => self.transport_cost(o),
            m if is_volume(m) => Err("a volume or a queue follows from what moves in the period".into()),
            Measure::DwellTime => {
                Err("a stay in a terminal holds the queue there, which needs a loaded year (simulation)"
                    .into())
            }
            Measure::LoadPerWagon
            | Measure::ClosureShare
            | Measure::CapacityUtilisation
            | Measure::Capacity
            | Measure::Distance
            | Measure::Price => Err(format!("{} is an input of the model, not an outcome of it", o.measure)),
            _ => Err(format!("no engine computes a measure that is called `{}`", o.measure)),
        }
    }

    fn spot(&self, o: &Observation, text: &Option<String>) -> Answer<Option<Spot>> {
        text.as_deref().map(|t| self.names.find(t, o.mode, self.day(o))).transpose()
    }

    fn nodes(&self, o: &Observation, text: &Option<String>, what: &str) -> Answer<Vec<NodeIx>> {
        match self.spot(o, text)? {
            Some(Spot::Nodes(n)) => Ok(n),
            None => Err(format!("{what} is not stated")),
            Some(_) => Err(format!(
                "{what} is {}: where in it is not stated, and the answer differs from end to end",
                text.as_deref().unwrap_or("")
            )),
        }
    }

    fn state(&self, o: &Observation, text: &Option<String>) -> Answer<Option<StateIx>> {
        Ok(match self.spot(o, text)? {
            Some(Spot::State(s)) => Some(s),
            Some(Spot::Nodes(n)) => n.first().and_then(|n| self.base.node_state[n.ix()]),
            _ => None,
        })
    }

    /// Which statistic is compared with what of the model.
    fn compared(&self, o: &Observation, stated: Option<f64>) -> Answer<(Centre, Noise)> {
        match o.statistic {
            Statistic::Mean => Ok((Centre::Mean, Noise::Sample)),
            Statistic::Median => Ok((Centre::Median, Noise::Sample)),
            Statistic::Typical => Ok((Centre::Median, Noise::Statement)),
            Statistic::Single => Ok((Centre::Median, Noise::Trip)),
            // The greatest or least of one is that one.
            Statistic::Min | Statistic::Max if stated.is_some() => Ok((Centre::Median, Noise::Trip)),
            Statistic::Min | Statistic::Max => {
                Err(format!("the {} of a number of journeys that is not stated", o.statistic))
            }
            Statistic::Total => Err("a total of durations or prices is none that a model gives".into()),
        }
    }

    fn consignment(&self, o: &Observation) -> Answer<Consignment> {
        let text = o.equipment.as_deref().unwrap_or("");
        let (stated, word) = match text.split_once('*') {
            Some((n, word)) => {
                let n: f64 = n
                    .trim()
                    .parse()
                    .ok()
                    .filter(|n: &f64| n.is_finite() && *n > 0.0)
                    .ok_or_else(|| format!("`{text}` states no size of a consignment"))?;
                (Some(n), word.trim())
            }
            None => (None, text.trim()),
        };
        let n = stated.unwrap_or(1.0);
        let units = match word {
            "" => match o.mode {
                ObservedMode::Rail => Some((Unit::Wagon, n)),
                ObservedMode::Road | ObservedMode::Ferry => Some((Unit::Truck, n)),
                ObservedMode::Multimodal => Some((Unit::Teu, 2.0)),
                _ if o.cargo.as_deref() == Some("containerised") => Some((Unit::Teu, 2.0)),
                _ => None,
            },
            "truck" => Some((Unit::Truck, n)),
            "container" | "container_20" => Some((Unit::Teu, n)),
            "container_40" | "container_40hc" => Some((Unit::Teu, 2.0 * n)),
            w if w.contains("wagon") => Some((Unit::Wagon, n)),
            _ => None,
        };
        let cargo = self.cargo(o, units.map(|u| u.0))?;
        let quantity = match units {
            Some(u) => Quantity { tonnes: None, units: Some(u) },
            // A load: what the smallest of its kind takes, or, where no kind is stated, the smallest of the mode.
            None => {
                let equipment = &self.model.tables.equipment;
                let barred = avoided(o.mode);
                let takes = |e: usize| match EquipmentKind::ALL.iter().find(|k| k.word() == word) {
                    Some(kind) => equipment[e].kind == *kind,
                    None => word.is_empty() && !barred.contains(&equipment[e].mode),
                };
                let payload = Loads::all(self.model, cargo, 1.0)
                    .iter()
                    .map(|l| l.equipment.ix())
                    .chain((0..equipment.len()).filter(|_| !word.is_empty()))
                    .filter(|e| takes(*e))
                    .filter_map(|e| equipment[e].payload_t.map(|p| p.get()))
                    .filter(|p| *p > 0.0)
                    .min_by(f64::total_cmp)
                    .ok_or_else(|| match word {
                        "" => format!(
                            "nothing of the model carries it by {}, so how much goes is not known",
                            o.mode
                        ),
                        _ => {
                            format!("no equipment of the model is a `{word}`, so how much goes is not known")
                        }
                    })?;
                Quantity { tonnes: Some(payload), units: None }
            }
        };
        Ok(Consignment { cargo, quantity, stated })
    }

    /// The cargo of that name; boxes whose content is not asked about; else the general cargo of middle value that
    /// goes in the unit, since a journey's time hardly depends on which.
    fn cargo(&self, o: &Observation, unit: Option<Unit>) -> Answer<CargoIx> {
        let cargoes = &self.model.tables.cargo;
        let takes = |i: usize, unit: Unit| {
            Loads::all(self.model, CargoIx::new(i), 1.0).iter().any(|l| l.unit == unit)
        };
        if unit == Some(Unit::Teu) {
            let boxes = cargoes.iter().position(|c| c.kind == CargoKind::Container);
            return boxes.map(CargoIx::new).ok_or_else(|| "the model has no cargo in containers".into());
        }
        let word = o.cargo.as_deref().unwrap_or("general").replace('_', " ");
        if let Ok(c) = find_cargo(self.model, &word)
            && unit.is_none_or(|u| takes(c.ix(), u))
        {
            return Ok(c);
        }
        let mut general: Vec<usize> = (0..cargoes.len())
            .filter(|i| cargoes[*i].kind == CargoKind::General && unit.is_none_or(|u| takes(*i, u)))
            .collect();
        general.sort_by(|a, b| {
            cargoes[*a].value_usd_per_t.best.total_cmp(&cargoes[*b].value_usd_per_t.best).then(a.cmp(b))
        });
        general.get(general.len() / 2).map(|i| CargoIx::new(*i)).ok_or_else(|| {
            format!("the model has no cargo `{word}`, and no general cargo that stands for it")
        })
    }

    // ------------------------------------------------------------------ journeys

    fn transit(&self, o: &Observation) -> Answer<Response> {
        self.journey(o, false)
    }

    fn journey(&self, o: &Observation, speed: bool) -> Answer<Response> {
        let (from, to) = (self.nodes(o, &o.from, "the origin")?, self.nodes(o, &o.to, "the destination")?);
        let consignment = self.consignment(o)?;
        let (centre, noise) = self.compared(o, consignment.stated)?;
        let mut via = Vec::new();
        for text in o.via.iter() {
            match self.names.find(text, o.mode, self.day(o))? {
                Spot::Nodes(nodes) => via.push(endpoint(nodes)),
                Spot::State(s) => via.push(endpoint(self.doors(s))),
                Spot::Carrier(c) => {
                    return Err(format!("a way by one carrier alone ({c}) cannot be asked of a plan"));
                }
                Spot::Route(_) | Spot::Group(..) => {}
            }
        }
        // What is both an end and a place on the way needs no forcing.
        via.retain(|v| !v.nodes.iter().any(|(n, _)| from.contains(n) || to.contains(n)));
        let request = |depart: Date, avoid: &[StateIx]| Request {
            from: endpoint(from.clone()),
            to: endpoint(to.clone()),
            cargo: consignment.cargo,
            quantity: consignment.quantity,
            depart: Some(depart.at(12, 0, 0, 0)),
            arrive_by: None,
            as_of: self.as_of,
            criteria: vec![Criterion::Time],
            via: via.clone(),
            avoid_nodes: Vec::new(),
            avoid_states: avoid.to_vec(),
            avoid_modes: avoided(o.mode),
            options: 1,
            registration: None,
            seed: 1,
            draws: None,
            why_not: None,
            used: QuotaUse::default(),
        };
        let days = departures(o);
        let mut out = self.empty(centre, noise, speed);
        let mut refused = None;
        for day in &days {
            let mut found = movement(self.model, self.base, &request(*day, &[]));
            // What goes by rail and sea goes by sea: not by land around it, through states that are not named.
            if let (ObservedMode::Multimodal, Ok(Ok(m))) = (o.mode, &found)
                && !m.legs.iter().any(afloat)
            {
                let named: BTreeSet<Option<StateIx>> = from
                    .iter()
                    .chain(&to)
                    .chain(via.iter().flat_map(|v| v.nodes.iter().map(|(n, _)| n)))
                    .map(|n| self.base.node_state[n.ix()])
                    .collect();
                let mut around: Vec<StateIx> = m
                    .legs
                    .iter()
                    .filter_map(|l| self.model.state_ix(l.state.as_deref()?))
                    .filter(|s| !named.contains(&Some(*s)))
                    .collect();
                around.sort();
                around.dedup();
                found = movement(self.model, self.base, &request(*day, &around));
            }
            match found {
                Ok(Ok(m)) if o.mode == ObservedMode::Multimodal && !m.legs.iter().any(afloat) => {
                    refused = Some("no way of the model goes by rail and sea there".into());
                }
                Ok(Ok(m)) => self.add_movement(&mut out, m),
                Ok(Err(reason)) => refused = Some(reason),
                Err(e @ PlanError::Calendar { .. }) => return Err(e.to_string()),
                Err(e) => return Err(format!("the plan refuses it: {e}")),
            }
        }
        if out.ways.is_empty() {
            return Err(refused.unwrap_or_else(|| "no way".into()));
        }
        let n = out.ways.len() as f64;
        for w in &mut out.ways {
            w.weight = 1.0 / n;
        }
        if o.unit_published.as_deref() == Some("day") && noise == Noise::Trip {
            out.rounding_h = 24.0;
        }
        Ok(out)
    }

    /// The crossings and ports of a state: to pass one of them is to pass through the state.
    fn doors(&self, state: StateIx) -> Vec<NodeIx> {
        let id = self.model.tables.state[state.ix()].id.as_str();
        let mut out: Vec<NodeIx> = self
            .model
            .tables
            .border
            .iter()
            .filter(|b| b.state_a.as_str() == id || b.state_b.as_str() == id)
            .filter_map(|b| self.model.node_ix(b.node.as_str()))
            .collect();
        out.sort();
        out.dedup();
        out
    }

    fn add_movement(&self, out: &mut Response, m: Movement) {
        let mut naive = Naive::new(self.model);
        for leg in &m.legs {
            match leg.kind {
                LegKind::Haul => naive.run(leg.mode.as_deref(), leg.distance_km.get()),
                LegKind::Border => naive.border(),
                _ => {}
            }
        }
        // Between what was measured lies neither loading, nor waiting for the first departure, nor unloading.
        let first_run = m.processes.iter().position(|p| p.key.starts_with("run/")).unwrap_or(0);
        let mut processes: Vec<Process> = Vec::new();
        for (i, p) in m.processes.iter().enumerate() {
            let waits = p.key.starts_with("wait/") || p.key.starts_with("weather/");
            let at_the_ends = matches!(p.process, ProcessKind::Load | ProcessKind::Unload);
            if p.process == ProcessKind::GaugeChange {
                naive.gauge_change();
            }
            if !(at_the_ends || waits && i < first_run) {
                processes.push(p.clone());
            }
        }
        let mut at = 0.0;
        let parts: Vec<Part> = processes
            .iter()
            .map(|p| {
                let (mean, sd) = moments(p, &m.months, at);
                at += mean;
                Part {
                    process: p.process,
                    places: p.places.clone(),
                    name: p.key.clone(),
                    mean,
                    sd,
                    group: format!("{}/{}", p.group.0, p.group.1),
                    rho: m.correlation(p.group.0),
                    factor: p.factor,
                }
            })
            .collect();
        let km = m.legs.iter().filter(|l| l.kind == LegKind::Haul).map(|l| l.distance_km.get()).sum();
        out.label = m.label.clone();
        if !m.lifted.is_empty() {
            out.label += &format!(" (lifted: {})", m.lifted.join(", "));
        }
        for c in &m.claims {
            if matches!(c.figure.as_str(), "duration" | "speed" | "schedule") {
                out.claims.push((format!("{} {}", c.row, c.figure), c.sources.clone()));
            }
        }
        out.naive.get_or_insert(if out.speed { km / naive.hours().max(1e-9) } else { naive.hours() });
        out.ways.push(Way { weight: 1.0, km, parts });
        out.journeys.push(Journey { movement: m, processes });
    }

    fn empty(&self, centre: Centre, noise: Noise, speed: bool) -> Response {
        Response {
            ways: Vec::new(),
            speed,
            centre,
            noise,
            unsure: 0.0,
            mix: None,
            journeys: Vec::new(),
            rounding_h: 0.0,
            label: String::new(),
            claims: Vec::new(),
            naive: None,
        }
    }

    // ------------------------------------------------------------------ by sea

    /// Ways of services between two places on the day, by what the observation says it went in.
    fn sailings(&self, o: &Observation, from: &[NodeIx], to: Option<&[NodeIx]>) -> Answer<Vec<u32>> {
        let day = self.day(o);
        let word = o.equipment.as_deref().map(|e| e.rsplit('*').next().unwrap_or(e).trim().to_owned());
        let vessel = |s: &karvan_network::base::Sailing| {
            let row = &self.model.tables.service[s.service.ix()];
            self.model.equipment_ix(row.vehicle.as_str()).map(|e| self.model.tables.equipment[e.ix()].kind)
        };
        let ferries = [EquipmentKind::RailFerry, EquipmentKind::RoPax];
        let fits = |s: &karvan_network::base::Sailing| {
            let row = &self.model.tables.service[s.service.ix()];
            let afloat = matches!(row.mode, Mode::Sea | Mode::InlandWater);
            let runs = DayInterval { from: row.from, till: row.till }.contains(day);
            let kind = vessel(s);
            let by_mode = match o.mode {
                ObservedMode::Ferry => kind.is_some_and(|k| ferries.contains(&k)),
                ObservedMode::RailFerry => kind == Some(EquipmentKind::RailFerry),
                _ => true,
            };
            let by_word = match word.as_deref() {
                Some("ferry") => kind.is_some_and(|k| ferries.contains(&k)),
                Some(w) if EquipmentKind::ALL.iter().any(|k| k.word() == w) => {
                    kind.is_some_and(|k| k.word() == w)
                }
                Some("truck") => row.carries.iter().any(|k| k.word().contains("truck")),
                Some(w) if w.contains("wagon") => row.carries.iter().any(|k| k.word().contains("wagon")),
                Some(w) if w.contains("container") => row
                    .carries
                    .iter()
                    .any(|k| matches!(k, EquipmentKind::Feeder | EquipmentKind::ContainerShip)),
                _ => true,
            };
            afloat && runs && by_mode && by_word
        };
        let found: Vec<u32> = self
            .base
            .sailings
            .iter()
            .enumerate()
            .filter(|(_, s)| from.contains(&s.from) && to.is_none_or(|t| t.contains(&s.to)) && fits(s))
            .map(|(i, _)| i as u32)
            .collect();
        if found.is_empty() {
            return Err(format!("no line of the model sails so on {day}"));
        }
        Ok(found)
    }

    fn sailing(&self, o: &Observation) -> Answer<Response> {
        let (from, to) =
            (self.nodes(o, &o.from, "the port of departure")?, self.nodes(o, &o.to, "the port of arrival")?);
        let (centre, noise) = self.compared(o, None)?;
        let found = self.sailings(o, &from, Some(&to))?;
        let mut out = self.empty(centre, noise, false);
        let mut naive = Naive::new(self.model);
        let mut names = BTreeSet::new();
        for i in &found {
            let s = &self.base.sailings[*i as usize];
            let row = &self.model.tables.service[s.service.ix()];
            let d = sailing_duration(self.model, self.base, s, None);
            let places = sailing_place(self.model, self.base, s).map(str::to_owned).into_iter().collect();
            out.ways.push(Way {
                weight: 1.0 / found.len() as f64,
                km: s.km,
                parts: vec![part(&d, places, format!("run/{}", row.id), "sea")],
            });
            out.claims.push((format!("service/{} duration", row.id), row.duration_claim.sources.clone()));
            names.insert(row.name.clone());
            naive.run(Some(row.mode.word()), s.km / found.len() as f64);
        }
        out.naive = Some(naive.hours());
        out.label = names.into_iter().collect::<Vec<_>>().join(", ");
        Ok(out)
    }

    /// Whether what is observed is at a crossing between states.
    pub fn at_a_crossing(&self, o: &Observation) -> bool {
        let found = self.nodes(o, &o.at, "");
        found.is_ok_and(|nodes| nodes.iter().any(|n| self.base.borders.contains_key(n)))
    }

    fn waiting(&self, o: &Observation) -> Answer<Response> {
        if self.at_a_crossing(o) {
            return Err("a wait before a crossing follows from what is queued and what passes".into());
        }
        let at = if o.at.is_some() { &o.at } else { &o.from };
        let nodes = self.nodes(o, at, "where is waited")?;
        let to = match self.spot(o, &o.to)? {
            Some(Spot::Nodes(n)) if n != nodes => Some(n),
            _ => None,
        };
        let (centre, noise) = self.compared(o, None)?;
        let found = self.sailings(o, &nodes, to.as_deref())?;
        let mut out = self.empty(centre, noise, false);
        let day = self.day(o);
        for i in &found {
            let s = &self.base.sailings[*i as usize];
            let row = &self.model.tables.service[s.service.ix()];
            let zone = jiff::tz::TimeZone::UTC;
            let full = || self.base.filling(self.model, s.service.ix());
            let Some(wait) = Wait::of(row, full, 1.0, s.back, &zone, day) else { continue };
            let state =
                self.model.node(s.from).state.as_ref().map_or(String::new(), |x| x.as_str().to_owned());
            let (process, places) = match &wait {
                Wait::Timetable(_) => (ProcessKind::Given, Vec::new()),
                Wait::Random(_) => (ProcessKind::WaitSea, vec![state]),
            };
            let keys: Vec<&str> = places.iter().map(String::as_str).collect();
            let factor = self.model.factors.get(process, &keys);
            let (mean, sd) = match &wait {
                Wait::Timetable(hours) => gaps(hours),
                Wait::Random(q) => (q.mean() * factor.mean(), q.sd() * factor.mean()),
            };
            out.ways.push(Way {
                weight: 1.0,
                km: 0.0,
                parts: vec![Part {
                    process,
                    places,
                    name: format!("wait/{}", row.id),
                    mean,
                    sd,
                    group: "sea".into(),
                    rho: 0.0,
                    factor,
                }],
            });
            out.claims.push((format!("service/{} schedule", row.id), row.schedule_claim.sources.clone()));
            out.label = row.name.clone();
        }
        let n = out.ways.len() as f64;
        if n == 0.0 {
            return Err("no line there states when it departs".into());
        }
        for w in &mut out.ways {
            w.weight = 1.0 / n;
        }
        Ok(out)
    }

    /// A load moved between train and ship: what is handled a day tells how long it takes.
    fn loading(&self, o: &Observation) -> Answer<Response> {
        let at = if o.at.is_some() { &o.at } else { &o.from };
        let nodes = self.nodes(o, at, "where is loaded")?;
        let consignment = self.consignment(o)?;
        if consignment.stated.is_none() {
            return Err("the load is not stated".into());
        }
        let (centre, noise) = self.compared(o, consignment.stated)?;
        let day = self.day(o);
        let loads = self.loads(&consignment);
        let afloat = |k: &EquipmentKind| {
            self.model
                .tables
                .equipment
                .iter()
                .any(|e| e.kind == *k && matches!(e.mode, Mode::Sea | Mode::InlandWater))
        };
        let mut out = self.empty(centre, noise, false);
        for t in self.model.tables.terminal.iter() {
            let here =
                t.nodes.iter().filter_map(|n| self.model.node_ix(n.as_str())).any(|n| nodes.contains(&n));
            let (Some(capacity), Some(unit)) = (t.capacity_per_day, t.capacity_unit) else { continue };
            let ship = t.from_equipment.iter().chain(t.to_equipment.iter()).any(afloat);
            let land = |k: &EquipmentKind| {
                loads.iter().any(|l| self.model.tables.equipment[l.equipment.ix()].kind == *k)
            };
            let fits = t.from_equipment.iter().chain(t.to_equipment.iter()).any(land);
            let units = loads.iter().filter_map(|l| l.in_unit(unit)).reduce(f64::max);
            let between = !matches!(
                t.operation,
                karvan_model::tables::Operation::Load | karvan_model::tables::Operation::Unload
            );
            let days = DayInterval { from: t.from, till: t.till };
            if let (true, true, true, true, true, Some(n)) =
                (here, ship, fits, between, days.contains(day), units)
                && capacity.best > 0.0
            {
                let h = n / capacity.best * 24.0;
                let wide = log_sd(capacity);
                let d = Duration::new(&Dist::Const(h), ProcessKind::Given, Factor::default());
                let mut p = part(&d, Vec::new(), format!("terminal/{} capacity", t.id), "terminal");
                p.sd = h * wide;
                out.unsure = out.unsure.max(wide);
                out.ways.push(Way { weight: 1.0, km: 0.0, parts: vec![p] });
                out.claims.push((format!("terminal/{} capacity", t.id), t.claim.sources.clone()));
                out.label = t.id.0.clone();
            }
        }
        let n = out.ways.len() as f64;
        if n == 0.0 {
            return Err(
                "the model states no capacity a day of moving such a load there between ship and land".into(),
            );
        }
        for w in &mut out.ways {
            w.weight = 1.0 / n;
        }
        Ok(out)
    }

    fn loads(&self, c: &Consignment) -> Vec<Loads> {
        let one = Loads::all(self.model, c.cargo, 1.0);
        match c.quantity.units {
            Some((unit, n)) => {
                let load = one.iter().find(|l| l.unit == unit).map_or(1.0, |l| l.load_t);
                Loads::all(self.model, c.cargo, n * load)
                    .into_iter()
                    .filter(|l| l.unit == unit)
                    .map(|l| l.with_count(n))
                    .collect()
            }
            None => Loads::all(self.model, c.cargo, c.quantity.tonnes.unwrap_or(1.0)),
        }
    }

    // ------------------------------------------------------------------ borders

    /// Crossings of a mode that are open on the day, as passed out of (or into) a state.
    fn crossings(
        &self,
        state: StateIx,
        mode: Mode,
        out: bool,
        day: Date,
        other: Option<StateIx>,
    ) -> Vec<Crossing> {
        let mut found = Vec::new();
        for (i, b) in self.model.tables.border.iter().enumerate() {
            let (Some(a), Some(z)) =
                (self.model.state_ix(b.state_a.as_str()), self.model.state_ix(b.state_b.as_str()))
            else {
                continue;
            };
            let days = DayInterval { from: b.from, till: b.till };
            let open = b.status == BorderState::Open && b.procedure == Procedure::Full && days.contains(day);
            let there = if a == state {
                Some(z)
            } else if z == state {
                Some(a)
            } else {
                None
            };
            if let Some(neighbour) = there
                && b.mode == mode
                && open
                && other.is_none_or(|o| o == neighbour)
            {
                let forward = (a == state) == out;
                found.push(Crossing { border: BorderIx::new(i), forward, other: neighbour });
            }
        }
        found
    }

    /// One post of a crossing: that of the state left (`exit`) or of the state entered, with the change of gauge
    /// where the state entered has another.
    fn post(&self, c: &Crossing, exit: bool) -> Vec<Part> {
        let b = &self.model.tables.border[c.border.ix()];
        let both = posts(self.model, c.border, c.forward);
        let (from, to) = if c.forward { (&b.state_a, &b.state_b) } else { (&b.state_b, &b.state_a) };
        let (d, state) = if exit { (&both[0], from) } else { (&both[1], to) };
        let places = vec![format!("{}:{state}", b.node), state.as_str().to_owned()];
        let mut parts = vec![part(d, places, format!("border/{}", b.id), "border")];
        if !exit {
            parts.extend(self.gauge_change(b.node.as_str(), to.as_str(), b.mode));
        }
        parts
    }

    /// Change of gauge, where it is done at the crossing itself: the mean of the ways of doing it there. It is
    /// counted in the state that is entered, whose gauge the cargo goes on by.
    fn gauge_change(&self, node: &str, to: &str, mode: Mode) -> Option<Part> {
        if mode != Mode::Rail {
            return None;
        }
        let rows: Vec<_> = self
            .model
            .tables
            .terminal
            .iter()
            .filter(|t| t.nodes.iter().any(|n| n.as_str() == node))
            .filter(|t| t.gauges_mm.len() == 2)
            .collect();
        if rows.is_empty() {
            return None;
        }
        let n = rows.len() as f64;
        let mean: f64 = rows.iter().map(|t| t.duration_h.mean()).sum::<f64>() / n;
        let square: f64 =
            rows.iter().map(|t| t.duration_h.mean().powi(2) + t.duration_h.sd().powi(2)).sum::<f64>() / n;
        let places = vec![node.to_owned(), to.to_owned()];
        let keys: Vec<&str> = places.iter().map(String::as_str).collect();
        let factor = self.model.factors.get(ProcessKind::GaugeChange, &keys);
        Some(Part {
            process: ProcessKind::GaugeChange,
            places,
            name: format!("gauge/{node}"),
            mean: mean * factor.mean(),
            sd: (square - mean * mean).max(0.0).sqrt() * factor.mean(),
            group: "terminal".into(),
            rho: 0.0,
            factor,
        })
    }

    /// Posts of a state: each neighbour counts alike, and each of its crossings among them.
    fn posts_of(
        &self,
        state: StateIx,
        mode: Mode,
        exit: bool,
        day: Date,
        other: Option<StateIx>,
    ) -> Vec<Way> {
        let found = self.crossings(state, mode, exit, day, other);
        let mut by: BTreeMap<StateIx, Vec<Way>> = BTreeMap::new();
        for c in &found {
            let parts = self.post(c, exit);
            by.entry(c.other).or_default().push(Way { weight: 1.0, km: 0.0, parts });
        }
        let neighbours = by.len() as f64;
        by.into_values()
            .flat_map(|ways| {
                let n = ways.len() as f64;
                ways.into_iter().map(move |w| Way { weight: 1.0 / n / neighbours, ..w })
            })
            .collect()
    }

    fn border_time(&self, o: &Observation) -> Answer<Response> {
        let mode = land_mode(o)?;
        let (centre, noise) = self.compared(o, None)?;
        let mut out = self.empty(centre, noise, false);
        let day = self.day(o);
        let mut naive = Naive::new(self.model);
        let (from, to) = (self.state(o, &o.from)?, self.state(o, &o.to)?);
        match self.spot(o, &o.at)? {
            Some(Spot::Nodes(nodes)) => {
                let mut any = false;
                for (i, b) in self.model.tables.border.iter().enumerate() {
                    let here = self.model.node_ix(b.node.as_str()).is_some_and(|n| nodes.contains(&n));
                    let open = b.status == BorderState::Open
                        && DayInterval { from: b.from, till: b.till }.contains(day);
                    if !here || b.mode != mode || !open {
                        continue;
                    }
                    any = true;
                    let (a, z) =
                        (self.model.state_ix(b.state_a.as_str()), self.model.state_ix(b.state_b.as_str()));
                    for forward in [true, false] {
                        let (x, y) = if forward { (a, z) } else { (z, a) };
                        if from.is_some_and(|f| Some(f) != x) || to.is_some_and(|t| Some(t) != y) {
                            continue;
                        }
                        let Some(other) = y else { continue };
                        let c = Crossing { border: BorderIx::new(i), forward, other };
                        let parts = match o.direction {
                            Some(Direction::Out) => self.post(&c, true),
                            Some(Direction::In) => self.post(&c, false),
                            // Without a side, the whole crossing.
                            Some(Direction::Both) | None => {
                                let mut p = self.post(&c, true);
                                p.extend(self.post(&c, false));
                                p
                            }
                        };
                        out.ways.push(Way { weight: 1.0, km: 0.0, parts });
                    }
                    out.claims.push((format!("border/{} duration", b.id), b.duration_claim.sources.clone()));
                }
                if out.ways.is_empty() {
                    return Err(if any {
                        "the crossing joins other states than those named".into()
                    } else {
                        format!("the crossing is not open to international freight by {mode} on {day}")
                    });
                }
                let n = out.ways.len() as f64;
                for w in &mut out.ways {
                    w.weight = 1.0 / n;
                }
            }
            Some(Spot::State(s)) => self.border_of_states(o, &[s], mode, day, (from, to), &mut out)?,
            Some(Spot::Group(_, states)) => {
                self.border_of_states(o, &states, mode, day, (from, to), &mut out)?
            }
            _ => return Err("at which crossing, or in which state, is not stated".into()),
        }
        let changes = out.ways.iter().map(|w| {
            let change = w.parts.iter().any(|p| p.process == ProcessKind::GaugeChange);
            w.weight * f64::from(u8::from(change))
        });
        let share: f64 = changes.sum();
        naive.border();
        out.naive = Some(naive.hours() + share * Naive::new(self.model).gauge_h());
        Ok(out)
    }

    fn border_of_states(
        &self,
        o: &Observation,
        states: &[StateIx],
        mode: Mode,
        day: Date,
        (from, to): (Option<StateIx>, Option<StateIx>),
        out: &mut Response,
    ) -> Answer<()> {
        let exits: &[bool] = match o.direction {
            Some(Direction::Out) => &[true],
            Some(Direction::In) => &[false],
            Some(Direction::Both) | None => &[true, false],
        };
        let mut sets = Vec::new();
        let mut neighbours = BTreeSet::new();
        for s in states {
            for exit in exits {
                // The other state is where one goes to when leaving, where one comes from when entering.
                let other = if *exit { to.filter(|x| x != s) } else { from.filter(|x| x != s) };
                neighbours.extend(self.crossings(*s, mode, *exit, day, other).iter().map(|c| (*s, c.other)));
                let ways = self.posts_of(*s, mode, *exit, day, other);
                if !ways.is_empty() {
                    sets.push(ways);
                }
            }
        }
        if sets.is_empty() {
            return Err(format!("no crossing by {mode} is open there on {day}"));
        }
        let n = sets.len() as f64;
        out.ways = sets.into_iter().flatten().map(|w| Way { weight: w.weight / n, ..w }).collect();
        if neighbours.len() > 1 {
            let kind = if mode == Mode::Rail { ProcessKind::MixRail } else { ProcessKind::MixRoad };
            let name = match states {
                [s] => self.model.tables.state[s.ix()].id.0.clone(),
                _ => o.at.clone().unwrap_or_default(),
            };
            let side = o.direction.map_or("both", Direction::word);
            out.mix = Some((kind, vec![format!("{name}:{side}"), name.clone()]));
            out.label = format!("mean over {} neighbours", neighbours.len());
        }
        Ok(())
    }

    // ------------------------------------------------------------------ speeds

    /// Kilometres from crossing to crossing of a state by its own network, mean over pairs of neighbours.
    fn across(&self, state: StateIx, mode: Mode, day: Date) -> Option<f64> {
        let doors: Vec<(NodeIx, StateIx)> = self
            .crossings(state, mode, true, day, None)
            .iter()
            .filter_map(|c| {
                let node = self.model.node_ix(self.model.tables.border[c.border.ix()].node.as_str())?;
                Some((node, c.other))
            })
            .collect();
        let mut next: BTreeMap<NodeIx, Vec<(NodeIx, f64)>> = BTreeMap::new();
        for s in self.base.stretches.iter().filter(|s| s.track.mode == mode && s.state == Some(state)) {
            next.entry(s.from).or_default().push((s.to, s.km));
        }
        let (mut sum, mut n) = (0.0, 0.0);
        for (start, neighbour) in &doors {
            let km = shortest(&next, *start);
            for (end, other) in &doors {
                if other != neighbour
                    && let Some(km) = km.get(end)
                {
                    sum += km;
                    n += 1.0;
                }
            }
        }
        (n > 0.0).then(|| sum / n)
    }

    fn one_unit(&self, o: &Observation, mode: Mode) -> Answer<Loads> {
        let unit = if mode == Mode::Rail { Unit::Wagon } else { Unit::Truck };
        let cargo = self.cargo(o, Some(unit))?;
        let c = Consignment {
            cargo,
            quantity: Quantity { tonnes: None, units: Some((unit, 1.0)) },
            stated: None,
        };
        let loads = self.loads(&c);
        loads
            .into_iter()
            .find(|l| self.model.tables.equipment[l.equipment.ix()].mode == mode)
            .ok_or_else(|| "nothing of the model carries it so".into())
    }

    fn pricer(&self, o: &Observation, loads: &Loads) -> Answer<Pricer<'m>> {
        let unit = loads.unit;
        let cargo = self.cargo(o, Some(unit))?;
        Ok(Pricer {
            model: self.model,
            rates: ExchangeRates::new(self.model),
            cargo: &self.model.tables.cargo[cargo.ix()],
            day: self.day(o),
            origin: None,
            destination: None,
        })
    }

    /// Running of one unit in a state: part for some kilometres, and hours of rest an hour.
    fn run(&self, o: &Observation, state: StateIx, mode: Mode, km: f64) -> Answer<(Part, f64)> {
        let loads = self.one_unit(o, mode)?;
        let rate = self
            .pricer(o, &loads)?
            .rate(loads, Some(state))
            .ok_or_else(|| format!("the model states no speed or price by {mode} there"))?;
        let h = km * rate.h_per_km;
        let id = self.model.tables.state[state.ix()].id.0.clone();
        let d = Dist::Lognormal { mean: h.max(1e-9), sd: h * rate.cv };
        let d = Duration { dist: d, process: rate.process, factor: rate.factor };
        Ok((part(&d, vec![id.clone()], format!("run/{id}"), mode.word()), rate.rest))
    }

    fn speed_state(&self, o: &Observation) -> Answer<(StateIx, Mode)> {
        let mode = land_mode(o)?;
        match self.spot(o, &o.at)? {
            Some(Spot::State(s)) => Ok((s, mode)),
            _ => Err("the state is not stated".into()),
        }
    }

    fn speed_with_delay(&self, o: &Observation) -> Answer<Response> {
        if o.from.is_some() && o.to.is_some() && o.at.is_none() {
            return self.journey(o, true);
        }
        let (state, mode) = self.speed_state(o)?;
        let (centre, noise) = self.compared(o, None)?;
        let day = self.day(o);
        let km = self
            .across(state, mode, day)
            .ok_or_else(|| format!("no way by {mode} from one neighbour of the state to another"))?;
        let (run, _) = self.run(o, state, mode, km)?;
        let mut out = self.empty(centre, noise, true);
        // Whoever crosses the state passes its post of entry, its lines and its post of exit.
        for entry in self.posts_of(state, mode, false, day, None) {
            for exit in self.posts_of(state, mode, true, day, None) {
                let mut parts = entry.parts.clone();
                parts.push(run.clone());
                parts.extend(exit.parts.clone());
                out.ways.push(Way { weight: entry.weight * exit.weight, km, parts });
            }
        }
        let mut naive = Naive::new(self.model);
        naive.run(Some(mode.word()), km);
        naive.border();
        out.naive = Some(km / naive.hours());
        out.label = format!("{km:.0} km from neighbour to neighbour");
        Ok(out)
    }

    fn speed_in_motion(&self, o: &Observation) -> Answer<Response> {
        let (state, mode) = self.speed_state(o)?;
        let (centre, noise) = self.compared(o, None)?;
        let mut out = self.empty(centre, noise, true);
        let id = self.model.tables.state[state.ix()].id.0.clone();
        let part = if mode == Mode::Rail {
            let speed = self
                .model
                .parameter("rail_motion_kmh")
                .ok_or("the model states rail speeds with the stops on the way, and none in motion")?;
            let factor = self.model.factors.get(ProcessKind::RailMotion, &[&id]);
            let d =
                Duration::new(&Dist::Const(1.0 / speed.value.best.max(0.1)), ProcessKind::RailMotion, factor);
            part(&d, vec![id], "parameter/rail_motion_kmh".into(), "rail")
        } else {
            let (mut p, rest) = self.run(o, state, mode, 1.0)?;
            p.mean /= 1.0 + rest;
            p.sd /= 1.0 + rest;
            p
        };
        let mut naive = Naive::new(self.model);
        naive.run(Some(mode.word()), 1.0);
        out.naive = Some(1.0 / naive.hours());
        out.label = part.name.clone();
        out.ways.push(Way { weight: 1.0, km: 1.0, parts: vec![part] });
        Ok(out)
    }

    // ------------------------------------------------------------------ prices

    /// A price of the tables, by what users were seen to pay over or under such prices: of all modes, of a mode, at a
    /// place by a mode. No plan uses this factor.
    fn priced(
        &self,
        o: &Observation,
        usd: Estimate,
        label: String,
        process: ProcessKind,
        place: &str,
    ) -> Answer<Response> {
        let (_, noise) = self.compared(o, None)?;
        if usd.best <= 0.0 {
            return Err("the model has no price of it".into());
        }
        let mut out = self.empty(Centre::Mean, noise, false);
        let places = vec![format!("{place}:{}", o.mode), o.mode.word().to_owned()];
        let keys: Vec<&str> = places.iter().map(String::as_str).collect();
        let d = Duration::new(&Dist::Const(usd.best), process, self.model.factors.get(process, &keys));
        let p = part(&d, places, label.clone(), "price");
        out.ways.push(Way { weight: 1.0, km: 0.0, parts: vec![p] });
        out.unsure = log_sd(usd);
        out.label = label;
        // Naive is the price as it stands in the table.
        out.naive = Some(usd.best);
        Ok(out)
    }

    fn border_cost(&self, o: &Observation) -> Answer<Response> {
        let mode = land_mode(o)?;
        let loads = self.one_unit(o, mode)?;
        let pricer = self.pricer(o, &loads)?;
        let day = self.day(o);
        let (from, to) = (self.state(o, &o.from)?, self.state(o, &o.to)?);
        let charge = |border: BorderIx, forward: bool| {
            let b = &self.model.tables.border[border.ix()];
            let value = if forward { b.charge_ab } else { b.charge_ba };
            pricer.amount(value, &b.currency, b.price_year, b.per, &loads, 0.0)
        };
        let mut found: Vec<Estimate> = Vec::new();
        match self.spot(o, &o.at)? {
            Some(Spot::Nodes(nodes)) => {
                for (i, b) in self.model.tables.border.iter().enumerate() {
                    let here = self.model.node_ix(b.node.as_str()).is_some_and(|n| nodes.contains(&n));
                    if !here || b.mode != mode || !(DayInterval { from: b.from, till: b.till }).contains(day)
                    {
                        continue;
                    }
                    let a = self.model.state_ix(b.state_a.as_str());
                    for forward in [true, false] {
                        let leaves = if forward { a } else { self.model.state_ix(b.state_b.as_str()) };
                        if from.is_none_or(|f| Some(f) == leaves) {
                            found.extend(charge(BorderIx::new(i), forward));
                        }
                    }
                }
            }
            Some(Spot::State(s)) => {
                for exit in [true, false] {
                    if matches!(
                        (o.direction, exit),
                        (Some(Direction::In), true) | (Some(Direction::Out), false)
                    ) {
                        continue;
                    }
                    let other = if exit { to } else { from }.filter(|x| *x != s);
                    let mut by: BTreeMap<StateIx, Vec<Estimate>> = BTreeMap::new();
                    for c in self.crossings(s, mode, exit, day, other) {
                        by.entry(c.other).or_default().extend(charge(c.border, c.forward));
                    }
                    found.extend(by.values().filter_map(|v| mean_estimate(v)));
                }
            }
            _ => return Err("at which crossing, or in which state, is not stated".into()),
        }
        let mean = mean_estimate(&found).ok_or("the model states no charge there for such a unit")?;
        let place = match self.spot(o, &o.at)? {
            Some(Spot::State(s)) => self.model.tables.state[s.ix()].id.0.clone(),
            Some(Spot::Nodes(n)) => n.first().map_or(String::new(), |n| self.model.node(*n).id.0.clone()),
            _ => String::new(),
        };
        self.priced(o, mean, "charges of the crossings".into(), ProcessKind::CostBorder, &place)
    }

    fn transport_cost(&self, o: &Observation) -> Answer<Response> {
        let (state, mode) = self.speed_state(o)?;
        let unit = if mode == Mode::Rail { Unit::Wagon } else { Unit::Truck };
        let cargo = self.cargo(o, Some(unit))?;
        let loads = Loads::all(self.model, cargo, 20.0)
            .into_iter()
            .find(|l| l.unit == unit)
            .ok_or("nothing of the model carries 20 t so")?;
        let rate = self
            .pricer(o, &loads)?
            .rate(loads, Some(state))
            .ok_or_else(|| format!("the model has no tariff by {mode} there"))?;
        let usd = rate.usd_per_km.scale(500.0).plus(rate.usd_once);
        let tariff = &self.model.tables.tariff[rate.tariff.ix()];
        let place = self.model.tables.state[state.ix()].id.0.clone();
        let label = format!("tariff/{}", tariff.id);
        let mut out = self.priced(o, usd, label, ProcessKind::CostTransport, &place)?;
        out.claims.push((format!("tariff/{} price", tariff.id), tariff.claim.sources.clone()));
        Ok(out)
    }
}

/// Distance over average speed plus constants: what a spreadsheet would say. Hours a border and a break of gauge
/// and the speeds are parameters of the model.
struct Naive<'m> {
    model: &'m Model,
    h: f64,
}

impl<'m> Naive<'m> {
    fn new(model: &'m Model) -> Self {
        Self { model, h: 0.0 }
    }
    fn value(&self, id: &str) -> f64 {
        self.model.parameter(id).map_or(f64::NAN, |p| p.value.best)
    }
    fn run(&mut self, mode: Option<&str>, km: f64) {
        let id = match mode {
            Some("rail") => "naive_rail_kmh",
            Some("road") => "naive_road_kmh",
            Some("pipeline") => "naive_pipeline_kmh",
            _ => "naive_sea_kmh",
        };
        self.h += km / self.value(id);
    }
    fn border(&mut self) {
        self.h += self.value("naive_border_h");
    }
    fn gauge_h(&self) -> f64 {
        self.value("naive_gauge_h")
    }
    fn gauge_change(&mut self) {
        self.h += self.gauge_h();
    }
    fn hours(&self) -> f64 {
        self.h
    }
}

/// Whether a leg goes by sea.
fn afloat(leg: &Leg) -> bool {
    leg.kind == LegKind::Haul && leg.mode.as_deref().is_some_and(|m| m == "sea" || m == "inland_water")
}

fn part(d: &Duration, places: Vec<String>, name: String, group: &str) -> Part {
    Part {
        process: d.process,
        places,
        name,
        mean: d.dist.mean(),
        sd: d.dist.sd(),
        group: group.to_owned(),
        rho: 0.0,
        factor: d.factor,
    }
}

/// Mean and standard deviation of a process that begins `at` hours after departure.
fn moments(p: &Process, months: &[u8], at: f64) -> (f64, f64) {
    match &p.time {
        Timing::Fixed(q) => (q.mean(), q.sd()),
        // From another hour of the week it would be another wait: what is compared are many departures.
        Timing::Timetable(hours) => gaps(hours),
        Timing::Weather(w) => {
            let day = ((at / 24.0).max(0.0) as usize).min(months.len().saturating_sub(1));
            let month = months.get(day).copied().unwrap_or(0) as usize;
            w.months[month].as_ref().map_or((0.0, 0.0), |q| (q.mean(), q.sd()))
        }
    }
}

/// Mean and standard deviation of the wait for a departure of a weekly timetable from a random hour.
fn gaps(hours: &[f64]) -> (f64, f64) {
    let (mut mean, mut square) = (0.0, 0.0);
    for (i, h) in hours.iter().enumerate() {
        let next = hours.get(i + 1).copied().unwrap_or(hours.first().copied().unwrap_or(0.0) + 168.0);
        let gap = next - h;
        mean += gap * gap / 2.0 / 168.0;
        square += gap * gap * gap / 3.0 / 168.0;
    }
    (mean, (square - mean * mean).max(0.0).sqrt())
}

/// The standard deviation of the logarithm of an estimate whose range is taken as its central nine tenths.
pub(crate) fn log_sd(e: Estimate) -> f64 {
    if e.low > 0.0 && e.high > e.low { (e.high / e.low).ln() / (2.0 * 1.644_853_627) } else { 0.0 }
}

fn mean_estimate(v: &[Estimate]) -> Option<Estimate> {
    let sum = v.iter().copied().reduce(Estimate::plus)?;
    Some(sum.scale(1.0 / v.len() as f64))
}

fn endpoint(nodes: Vec<NodeIx>) -> Endpoint {
    Endpoint { main: nodes[0], nodes: nodes.into_iter().map(|n| (n, 0.0)).collect() }
}

/// The middle day of an observation's period.
fn middle(o: &Observation) -> Date {
    day_at(o, 0.5)
}

fn day_at(o: &Observation, share: f64) -> Date {
    let days = o.period_start.until(o.period_end).map_or(0, |s| s.get_days());
    let step = jiff::Span::new().try_days((f64::from(days) * share).floor().max(0.0) as i64);
    step.ok().and_then(|s| o.period_start.checked_add(s).ok()).unwrap_or(o.period_start)
}

/// Days of departure that stand for a period: its first for one journey, three spread over it for what is a mean
/// over more than ten days, so that its seasons count.
fn departures(o: &Observation) -> Vec<Date> {
    let days = o.period_start.until(o.period_end).map_or(0, |s| s.get_days());
    match o.statistic {
        Statistic::Single | Statistic::Max | Statistic::Min => vec![o.period_start],
        _ if days > 10 => [1.0 / 6.0, 0.5, 5.0 / 6.0].map(|s| day_at(o, s)).to_vec(),
        _ => vec![middle(o)],
    }
}

fn avoided(mode: ObservedMode) -> Vec<Mode> {
    let allowed: &[Mode] = match mode {
        ObservedMode::Rail => &[Mode::Rail],
        ObservedMode::Road => &[Mode::Road],
        ObservedMode::Sea | ObservedMode::Port => &[Mode::Sea, Mode::InlandWater],
        ObservedMode::Ferry => &[Mode::Road, Mode::Sea, Mode::InlandWater],
        ObservedMode::RailFerry => &[Mode::Rail, Mode::Sea],
        ObservedMode::Pipeline => &[Mode::Pipeline],
        ObservedMode::Multimodal => &[Mode::Rail, Mode::Sea, Mode::InlandWater],
        ObservedMode::All => Mode::ALL,
    };
    Mode::ALL.iter().copied().filter(|m| !allowed.contains(m)).collect()
}

fn land_mode(o: &Observation) -> Answer<Mode> {
    match o.mode {
        ObservedMode::Rail => Ok(Mode::Rail),
        ObservedMode::Road => Ok(Mode::Road),
        m => Err(format!("the model has crossings by rail and by road, not by `{m}`")),
    }
}

/// Least kilometres from a node to all others.
fn shortest(next: &BTreeMap<NodeIx, Vec<(NodeIx, f64)>>, start: NodeIx) -> BTreeMap<NodeIx, f64> {
    #[derive(PartialEq)]
    struct At(f64, NodeIx);
    impl Eq for At {}
    impl PartialOrd for At {
        fn partial_cmp(&self, o: &Self) -> Option<std::cmp::Ordering> {
            Some(self.cmp(o))
        }
    }
    impl Ord for At {
        fn cmp(&self, o: &Self) -> std::cmp::Ordering {
            o.0.total_cmp(&self.0).then(o.1.cmp(&self.1))
        }
    }
    let mut best = BTreeMap::from([(start, 0.0)]);
    let mut heap = BinaryHeap::from([At(0.0, start)]);
    while let Some(At(d, n)) = heap.pop() {
        if best.get(&n).is_some_and(|b| d > *b) {
            continue;
        }
        for (m, km) in next.get(&n).into_iter().flatten() {
            let e = d + km;
            if best.get(m).is_none_or(|b| e < *b) {
                best.insert(*m, e);
                heap.push(At(e, *m));
            }
        }
    }
    best
}
