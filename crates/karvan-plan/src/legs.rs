//! From a way through the network to legs that a person reads, with prices, papers and processes.

use std::collections::{BTreeMap, VecDeque};

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Zoned};
use karvan_model::calibration::Factor;
use karvan_model::cell::Claim;
use karvan_model::observed::ProcessKind;
use karvan_model::table::Row;
use karvan_model::tables::{Effect, Geometry, Mode, Operation, Rule};
use karvan_model::{LinkIx, Model, NodeIx, RuleIx, StateIx};
use karvan_network::base::LandPart;
use karvan_network::compile::{Element, Network, Process, Timing};
use karvan_network::rates::{Duration, posts, sailing_place, spread};
use karvan_network::search::Found;
use karvan_network::waits::{Quantiles, Wait, next_departure};
use karvan_units::{Dist, Estimate, Hours, KgCo2e, Km};

use crate::answer::{ClaimUsed, Leg, LegKind, Paper, Price, QuotaUsed, RuleApplied, Stop, Units};

/// An itinerary before it is drawn.
pub(crate) struct Draft {
    pub(crate) legs: Vec<Leg>,
    pub(crate) processes: Vec<Process>,
    pub(crate) cost: Estimate,
    pub(crate) sourced: f64,
    pub(crate) co2e: f64,
    pub(crate) mean_h: f64,
    pub(crate) papers: Vec<Paper>,
    /// How many of the processes are done at the end of each leg.
    pub(crate) done: Vec<usize>,
    pub(crate) rules: Vec<RuleApplied>,
    pub(crate) quotas: Vec<QuotaUsed>,
    pub(crate) claims: Vec<ClaimUsed>,
    /// What tells the option apart from others: equipment, borders, ports and services, but not yards.
    pub(crate) signature: String,
    pub(crate) label: String,
}

/// Courses of links, by link; parsed only when asked for.
pub(crate) struct Courses<'m> {
    rows: BTreeMap<&'m str, &'m Geometry>,
}

impl<'m> Courses<'m> {
    pub(crate) fn new(model: &'m Model) -> Self {
        Self { rows: model.tables.geometry.iter().map(|g| (g.link.as_str(), g)).collect() }
    }

    /// No courses: what is not drawn on a map needs none.
    pub(crate) fn none() -> Self {
        Self { rows: BTreeMap::new() }
    }

    fn append(&self, model: &Model, link: LinkIx, forward: bool, out: &mut Vec<[f64; 2]>) {
        let row = &model.tables.link[link.ix()];
        let mut line = self.rows.get(row.id.as_str()).map_or(Vec::new(), |g| g.points());
        if line.len() < 2 {
            line = [&row.from, &row.to]
                .iter()
                .filter_map(|r| model.node_ix(r.as_str()))
                .map(|n| [model.node(n).lon, model.node(n).lat])
                .collect();
        }
        if !forward {
            line.reverse();
        }
        for p in line {
            if out.last() != Some(&p) {
                out.push(p);
            }
        }
    }
}

/// A node as an answer shows it.
pub(crate) fn stop(model: &Model, node: NodeIx) -> Stop {
    let n = model.node(node);
    Stop {
        id: n.id.0.clone(),
        name: n.name_en.clone(),
        name_ru: n.name_ru.clone(),
        state: n.state.as_ref().map(|s| s.as_str().to_owned()),
        code: n.unlocode.clone().or_else(|| n.esr.as_ref().map(|e| format!("ESR {e}"))),
        lon: n.lon,
        lat: n.lat,
    }
}

/// The consignment in an equipment as an answer shows it.
pub(crate) fn units(model: &Model, loads: &karvan_network::loads::Loads) -> Units {
    let e = &model.tables.equipment[loads.equipment.ix()];
    Units {
        equipment: e.id.0.clone(),
        name: e.name_en.clone(),
        unit: loads.unit.word().to_owned(),
        count: loads.count,
        load_t: loads.load_t,
    }
}

pub(crate) fn source_addresses(model: &Model, claim: &Claim) -> Vec<String> {
    let mut out: Vec<String> = claim
        .sources
        .iter()
        .map(|k| {
            model
                .tables
                .source
                .iter()
                .find(|s| s.id.as_str() == k)
                .map_or_else(|| k.clone(), |s| s.url.clone().unwrap_or_else(|| s.publisher.clone()))
        })
        .collect();
    out.extend(claim.assumed.as_ref().map(|a| format!("assumed: {a}")));
    out
}

/// A node's zone: its own, else its state's.
pub(crate) fn zone(net: &Network, node: NodeIx) -> TimeZone {
    let model = net.pricer.model;
    let n = model.node(node);
    match n.time_zone.as_deref().map(TimeZone::get) {
        Some(Ok(z)) => z,
        _ => net.zone(n.state.as_ref().and_then(|s| model.state_ix(s.as_str()))),
    }
}

pub(crate) fn local(net: &Network, node: NodeIx, h: f64) -> Zoned {
    let at = net.depart + SignedDuration::from_secs((h * 3600.0).round() as i64);
    at.to_zoned(zone(net, node))
}

struct Build<'a, 'm> {
    net: &'a Network<'m>,
    courses: &'a Courses<'m>,
    out: Draft,
    t: f64,
    /// The haul that is being run, with the rate it is run by: merged while the rate stays.
    haul: Option<Haul>,
    /// Prices due at the beginning of the next haul.
    due: Vec<Price>,
    due_rules: Vec<String>,
    /// What is still to come of a train that passes borders, from the next of them on.
    train: VecDeque<TrainPart>,
    /// Lists of states of previous transit passed before the element, by bits, as far as a rule asks.
    passed: u8,
}

/// A stretch of a service's way between borders, or all of it.
struct TrainPart {
    service: usize,
    ride: u8,
    from: NodeIx,
    to: NodeIx,
    km: f64,
    /// Running time, its spread, and emissions.
    time: Duration,
    /// State, where the train does not leave it.
    places: Vec<String>,
    co2e: f64,
    emission: Option<usize>,
    links: Vec<(LinkIx, bool)>,
    /// Kind and region of the process.
    group: (&'static str, String),
}

struct Haul {
    rate: u32,
    from: NodeIx,
    to: NodeIx,
    km: f64,
    h: f64,
    electric_km: f64,
    co2e: f64,
    nodes: Vec<NodeIx>,
    links: Vec<LinkIx>,
    line: Vec<[f64; 2]>,
    papers: Vec<String>,
    rules: Vec<String>,
}

/// The legs of a way.
pub(crate) fn build<'m>(net: &Network<'m>, way: &Found, courses: &Courses<'m>) -> Draft {
    let mut b = Build {
        net,
        courses,
        out: Draft {
            legs: Vec::new(),
            processes: Vec::new(),
            cost: Estimate::exact(0.0),
            sourced: 0.0,
            co2e: 0.0,
            mean_h: 0.0,
            papers: Vec::new(),
            done: Vec::new(),
            rules: Vec::new(),
            quotas: Vec::new(),
            claims: Vec::new(),
            signature: String::new(),
            label: String::new(),
        },
        t: 0.0,
        haul: None,
        due: Vec::new(),
        due_rules: Vec::new(),
        train: VecDeque::new(),
        passed: 0,
    };
    for step in &way.arcs {
        let arc = net.arcs[step.arc as usize];
        for (e, passed) in net.steps_of(&arc) {
            let wait = if arc.wait > 0 && matches!(e, Element::Sail { .. } | Element::Cross { .. }) {
                Some(&net.waits[arc.wait as usize - 1])
            } else {
                None
            };
            b.passed = passed;
            b.element(e, wait);
        }
    }
    b.close_haul();
    b.finish()
}

impl<'m> Build<'_, 'm> {
    fn model(&self) -> &'m Model {
        self.net.pricer.model
    }

    fn price(
        &mut self,
        payee: String,
        row: String,
        published: String,
        usd: Estimate,
        claim: &Claim,
    ) -> Price {
        if usd.best != 0.0 || usd.high != 0.0 {
            self.out.cost = self.out.cost.plus(usd);
            if claim.is_sourced() {
                self.out.sourced += usd.best;
            }
        }
        self.claim(&row, "price", claim);
        Price { payee, row, published, usd, sourced: claim.is_sourced() }
    }

    fn claim(&mut self, row: &str, figure: &str, claim: &Claim) {
        if !self.out.claims.iter().any(|c| c.row == row && c.figure == figure) {
            self.out.claims.push(ClaimUsed {
                row: row.to_owned(),
                figure: figure.to_owned(),
                sources: claim.sources.clone(),
                assumed: claim.assumed.clone(),
            });
        }
    }

    /// The fee of a paper, which is due with the next leg.
    fn fee(&mut self, r: &Rule, ride: u8, day: Date) -> Option<Estimate> {
        let (v, currency, per) = (r.value?, r.currency.as_deref()?, r.per?);
        let year = r.from.map_or(day.year(), |d| d.year()) as u32;
        let usd = self.net.pricer.amount(v, currency, year, per, &self.net.loads[ride as usize], 0.0)?;
        let payee = r.authority.clone().unwrap_or_else(|| "state".into());
        let text = published(v, currency, per.word(), None);
        let price = self.price(payee, format!("rule/{}", r.id), text, usd, &r.claim);
        self.due.push(price);
        Some(usd)
    }

    /// Rules that bind an element: papers and keys are noted; charges and delays come back.
    fn rules(
        &mut self,
        e: &Element,
        state: Option<StateIx>,
    ) -> (Vec<Price>, Vec<Dist>, Vec<String>, Vec<String>) {
        let model = self.model();
        let day = self.net.day(state, self.t);
        let effects = self.net.rule_effects(e, day, self.passed);
        let (mut papers, mut keys) = (Vec::new(), Vec::new());
        for ix in &effects.applied {
            let r = &model.tables.rule[ix.ix()];
            let id = r.id.0.clone();
            if r.effect == Effect::Paper
                && let Some(p) = &r.paper
            {
                if !papers.contains(p) {
                    papers.push(p.clone());
                }
                if !self.out.papers.iter().any(|x| x.paper == *p) {
                    // A paper is got once, so its fee is not part of what a movement costs.
                    let usd = self.fee(r, effects.ride, day);
                    self.out.papers.push(Paper {
                        paper: p.clone(),
                        authority: r.authority.clone(),
                        time_h: r
                            .delay_h
                            .as_ref()
                            .map(|d| (Hours::new(d.quantile(0.5)), Hours::new(d.quantile(0.9)))),
                        usd,
                        rule: id.clone(),
                    });
                }
            }
            keys.push(id.clone());
            self.quota(*ix, effects.ride, day);
            if !self.out.rules.iter().any(|x| x.id == id) {
                self.out.rules.push(RuleApplied {
                    id,
                    what: r.what.clone(),
                    effect: r.effect.word().to_owned(),
                    from: r.from,
                    till: r.till,
                    sources: source_addresses(model, &r.claim),
                });
            }
        }
        let mut prices = Vec::new();
        for (ix, usd) in &effects.charges {
            let r = &model.tables.rule[ix.ix()];
            let published = published(
                r.value.unwrap_or(Estimate::exact(0.0)),
                r.currency.as_deref().unwrap_or(""),
                r.per.map_or("", |p| p.word()),
                None,
            );
            let payee = r.authority.clone().unwrap_or_else(|| "state".into());
            prices.push(self.price(payee, format!("rule/{}", r.id), published, *usd, &r.claim));
        }
        let delays = effects.delays.iter().map(|(_, d)| d.clone()).collect();
        (prices, delays, papers, keys)
    }

    /// Notes what is used of a rule's quota, once a rule: in the period in which it first applies.
    fn quota(&mut self, ix: RuleIx, ride: u8, day: jiff::civil::Date) {
        let model = self.model();
        let equipment = model.tables.equipment[self.net.loads[ride as usize].equipment.ix()].kind;
        let rule = &model.tables.rule[ix.ix()].id.0;
        if self.out.quotas.iter().any(|q| q.rule == *rule) {
            return;
        }
        if let Some(q) = self.net.rules.quota(ix, equipment, day)
            && let Some(amount) = q.needs
        {
            self.out.quotas.push(QuotaUsed {
                rule: rule.clone(),
                period: q.period,
                amount,
                unit: q.unit.word().to_owned(),
                left: q.left - amount,
            });
        }
    }

    /// A process whose duration is as it is stated.
    fn process(&mut self, key: String, kind: &'static str, region: String, d: &Dist) -> (f64, f64) {
        let given = Duration::new(d, ProcessKind::Given, Factor::default());
        self.calibrated(key, kind, region, &given, Vec::new())
    }

    /// A process whose duration has a factor, looked up for `places`.
    fn calibrated(
        &mut self,
        key: String,
        kind: &'static str,
        region: String,
        d: &Duration,
        places: Vec<String>,
    ) -> (f64, f64) {
        let q = Quantiles::of(&d.dist);
        let (mean, sd) = (q.mean(), spread(q.mean(), q.sd(), d.factor));
        if sd > 0.0 || mean > 0.0 {
            self.out.processes.push(Process {
                key,
                group: (kind, region),
                time: Timing::Fixed(q),
                process: d.process,
                factor: d.factor,
                places,
            });
        }
        (mean, sd)
    }

    /// Key of a node, and of the state in which it lies.
    fn places(&self, node: NodeIx) -> Vec<String> {
        let n = self.model().node(node);
        [Some(n.id.0.clone()), n.state.as_ref().map(|s| s.as_str().to_owned())]
            .into_iter()
            .flatten()
            .collect()
    }

    fn element(&mut self, e: &Element, wait: Option<&karvan_network::compile::ArcWait>) {
        let model = self.model();
        match *e {
            Element::Run { stretch, rate } => {
                let s = self.net.stretch(stretch);
                let (from, to, km, electric, own) =
                    (s.from, s.to, s.km, s.electric_km, (s.own_speed_km, s.own_speed_h));
                let links = s.links.clone();
                let (state, dated) = (s.state, s.dated);
                if self.haul.as_ref().is_some_and(|h| h.rate != rate) {
                    self.close_haul();
                }
                let (_, _, papers, keys) = self.rules(e, state);
                let cost = self.net.rates.rates[rate as usize].run(km, electric, own);
                let h = self.haul.get_or_insert_with(|| Haul {
                    rate,
                    from,
                    to,
                    km: 0.0,
                    h: 0.0,
                    electric_km: 0.0,
                    co2e: 0.0,
                    nodes: Vec::new(),
                    links: Vec::new(),
                    line: Vec::new(),
                    papers: Vec::new(),
                    rules: Vec::new(),
                });
                h.to = to;
                h.km += km;
                h.h += cost.h;
                h.electric_km += electric;
                h.co2e += cost.co2e;
                merge(&mut h.papers, papers);
                merge(&mut h.rules, keys);
                for (l, forward) in links {
                    let row = &model.tables.link[l.ix()];
                    let end = if forward { &row.to } else { &row.from };
                    h.nodes.extend(model.node_ix(end.as_str()));
                    h.links.push(l);
                    self.courses.append(model, l, forward, &mut h.line);
                }
                if let Some(l) = dated {
                    let row = &model.tables.link[l.ix()];
                    for s in model.tables.link_state.iter().filter(|s| s.link.as_str() == row.id.as_str()) {
                        self.claim(&format!("link_state/{}", s.key()), "state", &s.claim);
                    }
                }
            }
            Element::Access { node, km, rate } => {
                self.close_haul();
                let cost = self.net.rates.rates[rate as usize].run(km, 0.0, (0.0, 0.0));
                let first = self.out.legs.len() <= 1;
                self.haul = Some(Haul {
                    rate,
                    from: node,
                    to: node,
                    km,
                    h: cost.h,
                    electric_km: 0.0,
                    co2e: cost.co2e,
                    nodes: Vec::new(),
                    links: Vec::new(),
                    line: Vec::new(),
                    papers: Vec::new(),
                    rules: Vec::new(),
                });
                self.close_haul();
                if let Some(leg) = self.out.legs.last_mut() {
                    leg.title = if first { "road to the network" } else { "road from the network" }.into();
                }
            }
            Element::Enter { state, rate, .. } => {
                self.close_haul();
                let (prices, delays, _, keys) = self.rules(e, state);
                self.due.extend(prices);
                for d in delays {
                    let (mean, _) = self.process(format!("rule/{:?}", e), "border", "rule".into(), &d);
                    self.t += mean;
                }
                let relief = self.net.relief(rate, self.net.day(state, self.t));
                let r = &self.net.rates.rates[rate as usize];
                let (row, usd) = (r.tariff, r.usd_once.scale(1.0 - relief.map_or(0.0, |(_, share)| share)));
                if usd.best != 0.0 || usd.high != 0.0 {
                    let p = self.tariff_price(row, usd, relief);
                    self.due.push(p);
                }
                merge(&mut self.due_rules, keys);
            }
            Element::Cross { border, forward, node, ride, .. } => {
                self.close_haul();
                let b = &model.tables.border[border.ix()];
                let (from, to) = if forward { (&b.state_a, &b.state_b) } else { (&b.state_b, &b.state_a) };
                let to_ix = model.state_ix(to.as_str());
                self.sign(&format!("|{}", model.node(node).id));
                let (mut prices, delays, papers, keys) = self.rules(e, to_ix);
                if b.procedure == karvan_model::tables::Procedure::None {
                    // A corner of a state is passed without stopping: no leg, but the papers and rules stand.
                    self.due.extend(prices);
                    merge(&mut self.due_rules, keys);
                    self.claim(&format!("border/{}", b.id), "state", &b.claim);
                    self.train_goes_on();
                    return;
                }
                let start = self.t;
                let (waiting, closed_sd) =
                    wait.and_then(|w| w.weather).map_or((0.0, 0.0), |x| self.weather(x, node, 0.0));
                let key = format!("border/{}/{}", b.id, forward);
                // Two processes of one name draw alike: a slow day is slow at both posts.
                let (mut h, mut sd) = (0.0, 0.0);
                for (post, state) in posts(model, border, forward).iter().zip([from, to]) {
                    let region = format!("{}-{}", b.state_a, b.state_b);
                    let places = vec![format!("{}:{state}", b.node), state.as_str().to_owned()];
                    let (m, s) = self.calibrated(key.clone(), "border", region, post, places);
                    h += m;
                    sd += s;
                }
                h += waiting;
                sd += closed_sd;
                for d in &delays {
                    let (m, s) = self.process(format!("border/{}/rule", b.id), "border", "rule".into(), d);
                    h += m;
                    sd += s;
                }
                self.t += h;
                if let Some(usd) = self.net.border_charge(border, forward, ride) {
                    let value = if forward { b.charge_ab } else { b.charge_ba };
                    if usd.best != 0.0 || usd.high != 0.0 {
                        let text = published(value, &b.currency, b.per.word(), Some(b.price_year));
                        let payee = format!("border {from}–{to}");
                        prices.push(self.price(
                            payee,
                            format!("border/{}", b.id),
                            text,
                            usd,
                            &b.charge_claim,
                        ));
                    }
                }
                self.claim(&format!("border/{}", b.id), "duration", &b.duration_claim);
                self.claim(&format!("border/{}", b.id), "state", &b.claim);
                let title = format!("border {from}–{to}");
                self.leg(
                    LegKind::Border,
                    title,
                    Some(b.mode),
                    None,
                    ride,
                    node,
                    node,
                    to_ix,
                    0.0,
                    start,
                    waiting,
                    sd,
                    prices,
                    0.0,
                    None,
                    papers,
                    keys,
                );
                self.train_goes_on();
            }
            Element::Operate { terminal, node, before, after } => {
                self.close_haul();
                let t = &model.tables.terminal[terminal.ix()];
                let state = self.net.base_state(node);
                let (mut prices, delays, papers, keys) = self.rules(e, state);
                let dist = self.net.operation_duration(terminal, before, after, node);
                let start = self.t;
                let key = format!("terminal/{}/{}/{:?}/{:?}", t.id, model.node(node).id, before, after);
                let (region, places) = (model.node(node).id.0.clone(), self.places(node));
                let (mut h, mut sd) = self.calibrated(key.clone(), "terminal", region, &dist, places);
                for d in &delays {
                    let (m, s) = self.process(format!("{key}/rule"), "terminal", "rule".into(), d);
                    h += m;
                    sd += s;
                }
                self.t += h;
                if let Some(usd) = self.net.operation_charge(terminal, before, after)
                    && (usd.best != 0.0 || usd.high != 0.0)
                {
                    let text = published(t.charge, &t.currency, t.per.word(), Some(t.price_year));
                    let payee = t
                        .operator
                        .clone()
                        .unwrap_or_else(|| format!("terminal {}", model.node(node).name_en));
                    prices.push(self.price(payee, format!("terminal/{}", t.id), text, usd, &t.charge_claim));
                }
                self.claim(&format!("terminal/{}", t.id), "duration", &t.duration_claim);
                self.claim(&format!("terminal/{}", t.id), "operation", &t.claim);
                let (co2e, emission) = self.net.operation_co2e(terminal, before, after, node);
                let ride = after.or(before).unwrap_or(0);
                let name =
                    |r: u8| model.tables.equipment[self.net.loads[r as usize].equipment.ix()].name_en.clone();
                let (kind, title) = match t.operation {
                    Operation::Load => (LegKind::Load, format!("loading into {}", name(ride))),
                    Operation::Unload => (LegKind::Unload, format!("unloading from {}", name(ride))),
                    Operation::Regauge => {
                        (LegKind::Transfer, format!("change of bogies, {}", gauges(&t.gauges_mm)))
                    }
                    Operation::Roll => (LegKind::Transfer, "rolling on board or ashore".to_owned()),
                    Operation::Transload | Operation::Lift => {
                        let (a, z) =
                            (before.map(name).unwrap_or_default(), after.map(name).unwrap_or_default());
                        (LegKind::Transfer, format!("{a} to {z}"))
                    }
                };
                if kind == LegKind::Transfer && t.operation != Operation::Roll {
                    self.sign(&format!("|{}", model.node(node).id));
                }
                if kind == LegKind::Load {
                    self.sign(&format!(
                        "{:?}",
                        model.tables.equipment[self.net.loads[ride as usize].equipment.ix()].kind
                    ));
                }
                let operator = t.operator.clone();
                self.leg(
                    kind, title, None, operator, ride, node, node, state, 0.0, start, 0.0, sd, prices, co2e,
                    emission, papers, keys,
                );
            }
            Element::Sail { sailing, ride } => {
                self.close_haul();
                let s = &self.net.base.sailings[sailing as usize];
                let row = &model.tables.service[s.service.ix()];
                let state = self.net.base_state(s.from);
                let (mut prices, delays, papers, keys) = self.rules(e, state);
                prices.extend(std::mem::take(&mut self.due));
                let start = self.t;
                let mut sd_sum = 0.0;
                let mut waiting = 0.0;
                let region = match wait.and_then(|w| w.weather) {
                    Some(x) => self.net.weather[x as usize].region.clone(),
                    None => row.mode.word().to_owned(),
                };
                let kind = if s.land.is_empty() { "sea" } else { "rail" };
                if let Some(w) = wait {
                    let key = format!("wait/{}/{}", row.id, model.node(s.from).id);
                    let time = match &w.departure {
                        Some(Wait::Timetable(hours)) => {
                            waiting += next_departure(hours, self.net.hour_of_week + self.t);
                            Some(Timing::Timetable(hours.clone()))
                        }
                        Some(Wait::Random(q)) => {
                            waiting += q.mean();
                            sd_sum += q.sd();
                            Some(Timing::Fixed(q.clone()))
                        }
                        None => None,
                    };
                    if let Some(time) = time {
                        let (process, factor) = self.net.wait_factor(s.service.ix(), s.from);
                        let places = self.places(s.from).into_iter().skip(1).collect();
                        let group = (kind, region.clone());
                        self.out.processes.push(Process { key, group, time, process, factor, places });
                    }
                    if let Some(x) = w.weather {
                        let (h, sd) = self.weather(x, s.from, waiting);
                        waiting += h;
                        sd_sum += sd;
                    }
                }
                let whole = self.net.sailing_time(sailing, ride);
                let places: Vec<String> =
                    sailing_place(model, self.net.base, s).map(str::to_owned).into_iter().collect();
                for d in &delays {
                    let key = format!("run/{}/{}/rule", row.id, model.node(s.from).id);
                    let (m, s) = self.process(key, kind, region.clone(), d);
                    waiting += m;
                    sd_sum += s;
                }
                if let Some(usd) = self.net.sailing_price(sailing, ride) {
                    let text = published(row.price, &row.currency, row.per.word(), Some(row.price_year));
                    let payee = row.operator.clone().unwrap_or_else(|| row.name.clone());
                    prices.push(self.price(
                        payee,
                        format!("service/{}", row.id),
                        text,
                        usd,
                        &row.price_claim,
                    ));
                }
                for (figure, c) in [
                    ("service", &row.claim),
                    ("schedule", &row.schedule_claim),
                    ("duration", &row.duration_claim),
                ] {
                    self.claim(&format!("service/{}", row.id), figure, c);
                }
                let (co2e, emission) = self.net.sailing_co2e(sailing, ride);
                self.sign(&format!("|{}:{}>{}", row.id, model.node(s.from).id, model.node(s.to).id));
                // The borders a train passes are crossed on the way and told apart, unless its duration holds them.
                let splits: Vec<NodeIx> = if row.duration_h.is_none() {
                    s.land
                        .iter()
                        .filter_map(|p| match p {
                            LandPart::Border { node, .. } => Some(*node),
                            LandPart::Run { .. } => None,
                        })
                        .collect()
                } else {
                    Vec::new()
                };
                let service = s.service.ix();
                let whole_km = s.km.max(1e-9);
                let part = |from, to, links: Vec<(LinkIx, bool)>| {
                    let km = if links.is_empty() {
                        whole_km
                    } else {
                        links.iter().map(|(l, _)| model.tables.link[l.ix()].length_km.get()).sum()
                    };
                    let share = km / whole_km;
                    TrainPart {
                        service,
                        ride,
                        from,
                        to,
                        km,
                        time: Duration { dist: whole.dist.scale(share.max(1e-9)), ..whole },
                        places: places.clone(),
                        co2e: co2e * share,
                        emission,
                        links,
                        group: (kind, region.clone()),
                    }
                };
                let mut parts = Vec::new();
                let (mut from, mut links) = (s.from, Vec::new());
                for (l, forward) in &s.links {
                    links.push((*l, *forward));
                    let row = &model.tables.link[l.ix()];
                    let end = model.node_ix(if *forward { row.to.as_str() } else { row.from.as_str() });
                    if let Some(node) = end.filter(|n| splits.contains(n)) {
                        parts.push(part(from, node, std::mem::take(&mut links)));
                        from = node;
                    }
                }
                parts.push(part(from, s.to, links));
                self.train = parts.into();
                self.train_part(waiting, sd_sum, start, prices, papers, keys);
            }
        }
    }

    /// The next part of the way of a service, as a leg.
    fn train_part(
        &mut self,
        waiting: f64,
        waiting_sd: f64,
        start: f64,
        prices: Vec<Price>,
        papers: Vec<String>,
        rules: Vec<String>,
    ) {
        let Some(part) = self.train.pop_front() else { return };
        let model = self.model();
        let row = &model.tables.service[part.service];
        let (from, to) = (part.from, part.to);
        let key = format!("run/{}/{}/{}", row.id, model.node(from).id, model.node(to).id);
        let (run, sd) =
            self.calibrated(key, part.group.0, part.group.1.clone(), &part.time, part.places.clone());
        self.t += waiting + run;
        self.leg(
            LegKind::Haul,
            row.name.clone(),
            Some(row.mode),
            row.operator.clone(),
            part.ride,
            from,
            to,
            None,
            part.km,
            start,
            waiting,
            waiting_sd + sd,
            prices,
            part.co2e,
            part.emission,
            papers,
            rules,
        );
        let mut line = Vec::new();
        for (l, forward) in &part.links {
            self.courses.append(model, *l, *forward, &mut line);
        }
        if line.len() < 2 {
            line = [from, to].map(|n| [model.node(n).lon, model.node(n).lat]).to_vec();
        }
        if let Some(leg) = self.out.legs.last_mut() {
            leg.service = Some(row.id.0.clone());
            leg.line = line;
            leg.links = part.links.iter().map(|(l, _)| model.tables.link[l.ix()].id.0.clone()).collect();
        }
    }

    /// Goes on with the train that was held at a border.
    fn train_goes_on(&mut self) {
        let start = self.t;
        self.train_part(0.0, 0.0, start, Vec::new(), Vec::new(), Vec::new());
    }

    /// Waiting for the weather at a node, some hours from now: mean and spread.
    fn weather(&mut self, weather: u16, node: NodeIx, later: f64) -> (f64, f64) {
        let model = self.model();
        let process = &self.net.weather[weather as usize];
        self.out.processes.push(Process {
            key: format!("weather/{}", model.node(node).id),
            group: ("sea", process.region.clone()),
            time: Timing::Weather(Box::new(process.clone())),
            process: ProcessKind::Given,
            factor: Factor::default(),
            places: Vec::new(),
        });
        for row in model.tables.weather.iter().filter(|r| r.node.as_str() == model.node(node).id.as_str()) {
            self.claim(&format!("weather/{}", row.id), "closure", &row.claim);
        }
        self.net.weather_quantiles(weather, self.t + later).map_or((0.0, 0.0), |q| (q.mean(), q.sd()))
    }

    fn sign(&mut self, s: &str) {
        self.out.signature.push_str(s);
    }

    /// The price by a tariff, which `usd` is after what a rule takes off.
    fn tariff_price(
        &mut self,
        tariff: karvan_model::TariffIx,
        usd: Estimate,
        relief: Option<(RuleIx, f64)>,
    ) -> Price {
        let t = &self.model().tables.tariff[tariff.ix()];
        let mut text = published(t.value, &t.currency, t.per.word(), Some(t.price_year));
        if let Some((ix, share)) = relief {
            let rule = &self.model().tables.rule[ix.ix()];
            text += &format!(" less {:.0} % (rule/{})", share * 100.0, rule.id);
            self.claim(&format!("rule/{}", rule.id), "discount", &rule.claim);
        }
        let payee = t.payee.clone().unwrap_or_else(|| format!("{} carrier", t.mode));
        self.price(payee, format!("tariff/{}", t.id), text, usd, &t.claim)
    }

    /// Ends the haul that is being run, if one is.
    fn close_haul(&mut self) {
        let Some(haul) = self.haul.take() else { return };
        let model = self.model();
        let rate = self.net.rates.rates[haul.rate as usize].clone();
        let ride = self.net.ride_of(haul.rate);
        let mode = model.tables.equipment[rate.loads.equipment.ix()].mode;
        let start = self.t;
        let sd = haul.h * rate.cv;
        let dist =
            if sd > 0.0 { Dist::Lognormal { mean: haul.h.max(1e-6), sd } } else { Dist::Const(haul.h) };
        let state_key = rate.state.map_or("sea".to_owned(), |s| model.tables.state[s.ix()].id.0.clone());
        let key =
            format!("run/{}/{}/{}", rate.loads.equipment.0, model.node(haul.from).id, model.node(haul.to).id);
        let kind = match mode {
            Mode::Rail => "rail",
            Mode::Road => "road",
            Mode::Pipeline => "pipeline",
            Mode::Sea | Mode::InlandWater => "sea",
        };
        let run = Duration { dist, process: rate.process, factor: rate.factor };
        let places = rate.state.map(|_| state_key.clone()).into_iter().collect();
        let (h, sd) = self.calibrated(key, kind, state_key.clone(), &run, places);
        self.t += h;
        let day = self.net.day(rate.state, start);
        let relief = self.net.relief(haul.rate, day);
        let due = 1.0 - relief.map_or(0.0, |(_, share)| share);
        let usd = rate.usd_per_km.scale(haul.km * due);
        let mut prices: Vec<Price> = std::mem::take(&mut self.due);
        if let Some((ix, _)) = relief {
            self.quota(ix, ride, day);
        }
        if let Some((ix, _)) = relief.filter(|_| due == 0.0) {
            let r = &model.tables.rule[ix.ix()];
            let payee =
                model.tables.tariff[rate.tariff.ix()].payee.clone().unwrap_or_else(|| "carrier".into());
            let row = format!("rule/{}", r.id);
            prices.push(self.price(payee, row, "waived".into(), Estimate::exact(0.0), &r.claim));
        }
        if usd.best != 0.0 || usd.high != 0.0 {
            let p = self.tariff_price(rate.tariff, usd, relief);
            prices.push(p);
        }
        let perf = &model.tables.performance[rate.performance];
        self.claim(&format!("performance/{}", perf.id), "speed", &perf.claim);
        let emission = if haul.electric_km > haul.km / 2.0 { rate.electric.1 } else { rate.diesel.1 };
        let mut rules = std::mem::take(&mut self.due_rules);
        merge(&mut rules, haul.rules);
        let operator = model.tables.tariff[rate.tariff.ix()].payee.clone();
        let title = match rate.state {
            Some(s) => format!("{mode} through {}", model.tables.state[s.ix()].id),
            None => mode.word().to_owned(),
        };
        self.sign(&format!("|{mode}:{state_key}"));
        self.leg(
            LegKind::Haul,
            title,
            Some(mode),
            operator,
            ride,
            haul.from,
            haul.to,
            rate.state,
            haul.km,
            start,
            0.0,
            sd,
            prices,
            haul.co2e,
            emission,
            haul.papers,
            rules,
        );
        if let Some(leg) = self.out.legs.last_mut() {
            leg.via = named(model, &haul.nodes, haul.to);
            leg.links = haul.links.iter().map(|l| model.tables.link[l.ix()].id.0.clone()).collect();
            leg.line = haul.line;
        }
    }

    #[allow(clippy::too_many_arguments, reason = "a leg is what its arguments say, and is made in one place")]
    fn leg(
        &mut self,
        kind: LegKind,
        title: String,
        mode: Option<Mode>,
        operator: Option<String>,
        ride: u8,
        from: NodeIx,
        to: NodeIx,
        state: Option<StateIx>,
        km: f64,
        start: f64,
        waiting: f64,
        sd: f64,
        prices: Vec<Price>,
        co2e: f64,
        emission: Option<usize>,
        papers: Vec<String>,
        rules: Vec<String>,
    ) {
        let model = self.model();
        self.out.co2e += co2e;
        if let Some(i) = emission {
            let row = &model.tables.emission[i];
            self.claim(&format!("emission/{}", row.id), "intensity", &row.claim);
        }
        self.out.legs.push(Leg {
            kind,
            title,
            mode: mode.map(|m| m.word().to_owned()),
            operator,
            service: None,
            equipment: units(model, &self.net.loads[ride as usize]),
            from: stop(model, from),
            to: stop(model, to),
            via: Vec::new(),
            state: state.map(|s| model.tables.state[s.ix()].id.0.clone()),
            distance_km: Km::new(km),
            start: local(self.net, from, start),
            end: local(self.net, to, self.t),
            start_h: Hours::new(start),
            end_h: Hours::new(self.t),
            waiting_h: Hours::new(waiting),
            sd_h: Hours::new(sd),
            prices,
            co2e_kg: KgCo2e::new(co2e),
            emission: emission.map(|i| model.tables.emission[i].id.0.clone()),
            papers,
            rules,
            links: Vec::new(),
            line: Vec::new(),
        });
        self.out.done.push(self.out.processes.len());
    }

    fn finish(mut self) -> Draft {
        // What was due at a haul that never came belongs to the last leg.
        let left: Vec<Price> = std::mem::take(&mut self.due);
        if let Some(leg) = self.out.legs.last_mut() {
            leg.prices.extend(left);
        }
        self.out.mean_h = self.t;
        let mut words: Vec<String> = Vec::new();
        // Where services begin and end is said by them; what is done there besides need not be.
        let called: Vec<&str> = self
            .out
            .legs
            .iter()
            .filter(|l| l.service.is_some())
            .flat_map(|l| [l.from.id.as_str(), l.to.id.as_str()])
            .collect();
        // A train held at a border is one journey: its word grows with each part.
        let mut riding: Option<(&str, String, usize)> = None;
        for leg in &self.out.legs {
            if let (Some(service), LegKind::Haul) = (&leg.service, leg.kind) {
                match &riding {
                    Some((s, from, i)) if *s == service.as_str() => {
                        words[*i] = format!("{from}–{}", bare(&leg.to.name));
                        continue;
                    }
                    _ => riding = Some((service.as_str(), bare(&leg.from.name).to_owned(), words.len())),
                }
                words.push(format!("{}–{}", bare(&leg.from.name), bare(&leg.to.name)));
                continue;
            }
            let changes =
                leg.kind == LegKind::Transfer && (leg.title.contains("bogies") || leg.title.contains(" to "));
            let word = match leg.kind {
                LegKind::Border => bare(&leg.from.name).to_owned(),
                LegKind::Haul => leg.mode.clone().unwrap_or_default(),
                LegKind::Transfer if changes && !called.contains(&leg.from.id.as_str()) => {
                    bare(&leg.from.name).to_owned()
                }
                _ => continue,
            };
            if !words.contains(&word) {
                words.push(word);
            }
        }
        self.out.label = words.join(", ");
        self.out
    }
}

/// A name without what is added in brackets at its end, to tell a crossing by rail from one by road.
fn bare(name: &str) -> &str {
    match name.rfind(" (") {
        Some(i) if name.ends_with(')') => &name[..i],
        _ => name,
    }
}

fn merge(into: &mut Vec<String>, from: Vec<String>) {
    for f in from {
        if !into.contains(&f) {
            into.push(f);
        }
    }
}

fn gauges(g: &[u32]) -> String {
    g.iter().map(u32::to_string).collect::<Vec<_>>().join("/") + " mm"
}

fn published(value: Estimate, currency: &str, per: &str, year: Option<u32>) -> String {
    let per = per.replace('_', "-");
    match year {
        Some(y) => format!("{value} {currency} per {per} ({y})"),
        None => format!("{value} {currency} per {per}"),
    }
}

/// At most eight names along a way, those with a code first, in the order of the way.
fn named(model: &Model, nodes: &[NodeIx], end: NodeIx) -> Vec<String> {
    use karvan_model::tables::NodeKind::{Junction, Waypoint};
    let known: Vec<NodeIx> = nodes
        .iter()
        .copied()
        .filter(|n| *n != end && !matches!(model.node(*n).kind, Junction | Waypoint))
        .collect();
    let coded: Vec<NodeIx> = known
        .iter()
        .copied()
        .filter(|n| model.node(*n).esr.is_some() || model.node(*n).unlocode.is_some())
        .collect();
    let pick = if coded.len() >= 3 { coded } else { known };
    let mut names: Vec<&str> = pick.iter().map(|n| bare(&model.node(*n).name_en)).collect();
    names.dedup();
    let step = names.len().div_ceil(8).max(1);
    names.into_iter().step_by(step).map(str::to_owned).collect()
}
