//! What is told of a year: traffic, shares, capacities with their worth in words, published totals beside modelled ones.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use karvan_demand::Demand;
use karvan_model::cell::Cell as _;
use karvan_model::tables::{Mode, TrafficTotal, TrafficUnit};
use karvan_model::{LinkIx, Model, NodeIx, ServiceIx};
use karvan_network::base::{Base, LandPart};
use schemars::JsonSchema;
use serde::Serialize;

use crate::capacity::{Capacities, Kind, Unbounded};
use crate::choice::{Choices, Flow, Part, Way};
use crate::year::{Assigned, units_per_t};

/// Version of the published form.
pub const SCHEMA_VERSION: u32 = 1;

/// The schema of a year's report.
pub fn report_schema() -> schemars::Schema {
    schemars::schema_for!(Report)
}

/// A year of trade on the network.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Report {
    /// Version of this form.
    pub schema_version: u32,
    /// Version of karvan.
    pub version: String,
    /// Model and its version.
    pub model: String,
    /// BLAKE3 of the model's files.
    pub model_hash: String,
    /// Scenario, where one was given.
    pub scenario: Option<String>,
    /// Year.
    pub year: u32,
    /// Day of the year whose law, links and services hold for all of it.
    pub day: Date,
    /// Demand, and what of it moves.
    pub demand: DemandTold,
    /// What vouches for the flows.
    pub certificate: CertificateTold,
    /// Demand that capacities cannot carry, whatever is done.
    pub cannot_be_carried: Option<SheddingTold>,
    /// Traffic by mode of most kilometres.
    pub modes: Vec<ModeTold>,
    /// Traffic by corridor.
    pub corridors: Vec<CorridorTold>,
    /// Capacities that something passes, the dearest first, then the fullest.
    pub capacities: Vec<CapacityTold>,
    /// Rows of the model without a capacity.
    pub unbounded: Unbounded,
    /// Published totals of traffic in the year beside modelled ones: those whose page no parameter has seen, then the others, the
    /// worst first. None of them was an input.
    pub traffic_totals: Vec<TotalTold>,
    /// Published totals of trade that demand was fitted to, and what a fit gives that has not seen their page.
    pub trade_totals: Vec<TradeTotalTold>,
    /// Traffic by link.
    pub links: Vec<LinkTold>,
    /// Traffic by service and direction.
    pub services: Vec<ServiceTold>,
    /// Traffic by crossing.
    pub borders: Vec<BorderTold>,
    /// Credits of the data.
    pub attribution: Vec<String>,
}

/// Demand, and what of it moves.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct DemandTold {
    /// Flows between two places of one cargo.
    pub flows: u32,
    /// Tonnes in all.
    pub tonnes: f64,
    /// Tonnes that move.
    pub carried_t: f64,
    /// Tonnes that stay because it has become too dear to move them.
    pub stays_t: f64,
    /// Tonnes for which there is no way on the day.
    pub no_way_t: f64,
    /// Alternatives in all choice sets.
    pub ways: u32,
    /// The largest flows that stay or have no way.
    pub not_moved: Vec<NotMoved>,
    /// Mean generalised cost of what moves, US dollars a tonne: waits included, shadow prices not.
    pub mean_usd_per_t: f64,
}

/// A flow of which some does not move.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct NotMoved {
    /// Place of origin.
    pub from: String,
    /// Place of destination.
    pub to: String,
    /// Cargo.
    pub cargo: String,
    /// Tonnes that do not move.
    pub tonnes: f64,
    /// Whether there is no way at all on the day.
    pub no_way: bool,
}

/// What vouches for the flows.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct CertificateTold {
    /// Value of the programme at the flows, US dollars.
    pub value_usd: f64,
    /// No flows have a lower value: the dual at the prices, US dollars.
    pub bound_usd: f64,
    /// Their difference over the generalised cost.
    pub gap: f64,
    /// Generalised cost of what moves, waits included, US dollars.
    pub cost_usd: f64,
    /// Greatest load above a capacity, as a share of it.
    pub over_capacity: f64,
    /// Greatest error of a flow's tonnes, as a share of them.
    pub demand_error: f64,
    /// Greatest error of conservation by node, equipment and cargo, as a share of what passes there.
    pub conservation: f64,
    /// Evaluations of the dual.
    pub evaluations: u64,
}

/// Demand that capacities cannot carry.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct SheddingTold {
    /// At least so many tonnes stay (Farkas).
    pub least_t: f64,
    /// With the best flows found so many stay.
    pub found_t: f64,
    /// The proof as a cut, where one suffices.
    pub cut: Option<CutTold>,
}

/// A cut.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct CutTold {
    /// Capacities.
    pub capacities: Vec<String>,
    /// Flows that have to pass one of them.
    pub flows: u32,
    /// Units that they need.
    pub needs: f64,
    /// Units that there are.
    pub has: f64,
}

/// Traffic of a mode.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct ModeTold {
    /// Mode.
    pub mode: String,
    /// Tonnes of ways of which it has most kilometres.
    pub tonnes: f64,
    /// Share of the tonnes.
    pub share: f64,
    /// Tonne-kilometres by this mode itself.
    pub tonne_km: f64,
}

/// Traffic of a corridor.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct CorridorTold {
    /// Key; `other` for ways of none.
    pub corridor: String,
    /// Name.
    pub name: String,
    /// Tonnes.
    pub tonnes: f64,
    /// Share of all tonnes.
    pub share: f64,
    /// Tonnes between pairs of states of which some cargo goes by this corridor and some by another.
    pub contested_t: f64,
    /// Share of what is contested by any corridors.
    pub contested_share: f64,
    /// By cargo, the largest first.
    pub cargo: Vec<CargoTold>,
}

/// Tonnes of a cargo.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct CargoTold {
    /// Cargo.
    pub cargo: String,
    /// Tonnes.
    pub tonnes: f64,
}

/// A capacity, what passes it, and what more of it is worth.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct CapacityTold {
    /// Table and row.
    pub row: String,
    /// What it is.
    pub what: String,
    /// link, capacity, departures, quota, terminal or border.
    pub kind: String,
    /// Unit.
    pub unit: String,
    /// Most that can pass in the year.
    pub capacity: f64,
    /// What passes.
    pub load: f64,
    /// Load over capacity.
    pub share: f64,
    /// Shadow price, US dollars a unit; of a queue the price of the wait.
    pub price_usd: f64,
    /// Mean wait, h, of a queue.
    pub wait_h: Option<f64>,
    /// What one unit more a year saves all together, US dollars.
    pub worth_usd: f64,
    /// The same of a step that one can order: a sailing a week, a train a day.
    pub step: Option<StepTold>,
    /// Who passes, the most first.
    pub users: Vec<UserTold>,
    /// The claim of the figure, with its sources.
    pub claim: String,
}

/// What a step of capacity is worth.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct StepTold {
    /// `one more departure a week`.
    pub what: String,
    /// Units a year.
    pub units: f64,
    /// At most so many US dollars a year: the shadow price times the units; a long step is worth less.
    pub usd: f64,
    /// The sentence.
    pub sentence: String,
}

/// Who uses a capacity.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct UserTold {
    /// State of origin.
    pub from: String,
    /// State of destination.
    pub to: String,
    /// Cargo.
    pub cargo: String,
    /// Units.
    pub units: f64,
    /// Share of the load.
    pub share: f64,
}

/// A published total of traffic beside the modelled one.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct TotalTold {
    /// Row of `traffic_total`.
    pub id: String,
    /// What is counted.
    pub what: String,
    /// Of what kind that is: corridor, line (of services), port, crossing or railway (of a state).
    pub of: String,
    /// Cargo that counts; none: any.
    pub cargo: Vec<String>,
    /// First day.
    pub first: Date,
    /// Last day.
    pub last: Date,
    /// Unit.
    pub unit: String,
    /// Published.
    pub published: f64,
    /// Low and high end of it.
    pub range: (f64, f64),
    /// Modelled: the year's, in proportion to the days of the period.
    pub modelled: f64,
    /// Modelled over published.
    pub ratio: f64,
    /// Whether any parameter has seen its page.
    pub in_the_fit: bool,
    /// What is not counted alike.
    pub note: Option<String>,
    /// Where it was published.
    pub claim: String,
}

impl TotalTold {
    /// How far the total is missed, up or down: the logarithm of the factor.
    pub fn miss(&self) -> f64 {
        self.ratio.max(1e-9).ln().abs()
    }
}

/// Those whose page no parameter has seen before the others, the worst first.
pub fn worst_first(totals: &mut [TotalTold]) {
    totals.sort_by(|a, b| {
        a.in_the_fit.cmp(&b.in_the_fit).then(b.miss().total_cmp(&a.miss())).then(a.id.cmp(&b.id))
    });
}

/// A published total of trade beside the demand.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct TradeTotalTold {
    /// Row of `trade_total`.
    pub id: String,
    /// First day.
    pub first: Date,
    /// Last day.
    pub last: Date,
    /// Published, t.
    pub published: f64,
    /// The demand, which was fitted to it, t.
    pub fitted: f64,
    /// Demand fitted to all other pages, t: this may be scored.
    pub left_out: f64,
}

/// Traffic of a link.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct LinkTold {
    /// Link.
    pub link: String,
    /// First node.
    pub from: String,
    /// Second node.
    pub to: String,
    /// Mode.
    pub mode: String,
    /// State.
    pub state: Option<String>,
    /// Tonnes from first to second.
    pub forward_t: f64,
    /// Tonnes from second to first.
    pub back_t: f64,
    /// By cargo, the largest first.
    pub cargo: Vec<CargoTold>,
}

/// Traffic of a service between its stops, one direction.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct ServiceTold {
    /// Service.
    pub service: String,
    /// Name.
    pub name: String,
    /// Stop.
    pub from: String,
    /// Stop.
    pub to: String,
    /// Keys of the nodes of the stops.
    pub nodes: [String; 2],
    /// Mode.
    pub mode: String,
    /// Tonnes.
    pub tonnes: f64,
    /// By cargo, the largest first.
    pub cargo: Vec<CargoTold>,
}

/// Traffic of a crossing.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct BorderTold {
    /// Row of `border`.
    pub border: String,
    /// Name.
    pub name: String,
    /// Mode.
    pub mode: String,
    /// Tonnes from the first state to the second.
    pub forward_t: f64,
    /// Tonnes from the second state to the first.
    pub back_t: f64,
    /// By cargo, the largest first.
    pub cargo: Vec<CargoTold>,
}

/// What was computed, for the report.
pub struct Year<'a> {
    /// Model.
    pub model: &'a Model,
    /// Its base.
    pub base: &'a Base,
    /// Year.
    pub year: u32,
    /// Day.
    pub day: Date,
    /// Capacities.
    pub capacities: &'a Capacities,
    /// Choice sets.
    pub choices: &'a Choices,
    /// Flows and prices.
    pub assigned: &'a Assigned,
    /// The demand, for its totals; `None` where the model states it outright.
    pub demand: Option<&'a Demand>,
}

/// Tonnes by cargo.
type ByCargo = BTreeMap<usize, f64>;

/// Cargoes, users and flows that are listed at most.
const LISTED: usize = 5;
const NOT_MOVED: usize = 20;

impl Year<'_> {
    /// The report. What it does not know (hash, scenario) is for the caller to fill in.
    pub fn report(&self) -> Report {
        let (model, a) = (self.model, self.assigned);
        let c = &a.certificate;
        Report {
            schema_version: SCHEMA_VERSION,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            model: format!("{} {}", model.manifest.name, model.manifest.version),
            model_hash: String::new(),
            scenario: None,
            year: self.year,
            day: self.day,
            demand: self.demand_told(),
            certificate: CertificateTold {
                value_usd: c.primal,
                bound_usd: c.dual,
                gap: c.gap,
                cost_usd: c.cost,
                over_capacity: c.over_capacity,
                demand_error: c.demand_error,
                conservation: a.conservation,
                evaluations: a.evaluations,
            },
            cannot_be_carried: a.shedding.as_ref().map(|s| SheddingTold {
                least_t: s.least_t,
                found_t: s.found_t,
                cut: s.cut.as_ref().map(|(rows, flows, needs, has)| CutTold {
                    capacities: rows.iter().map(|r| self.capacities.rows[*r as usize].what.clone()).collect(),
                    flows: flows.len() as u32,
                    needs: *needs,
                    has: *has,
                }),
            }),
            modes: self.modes(),
            corridors: self.corridors(),
            capacities: self.capacities_told(),
            unbounded: self.capacities.unbounded,
            traffic_totals: self.traffic_totals(),
            trade_totals: self.trade_totals(),
            links: self.links(),
            services: self.services(),
            borders: self.borders(),
            attribution: model.manifest.attribution.clone(),
        }
    }

    /// Every way with its tonnes, where it has some.
    pub fn ways(&self) -> impl Iterator<Item = (&Flow, &Way, f64)> {
        let flows = self.choices.flows.iter().zip(&self.assigned.carried);
        flows.flat_map(|(f, t)| f.ways.iter().zip(t).map(move |(w, t)| (f, w, *t))).filter(|(.., t)| *t > 0.0)
    }

    fn name(&self, n: NodeIx) -> String {
        self.model.node(n).name_en.clone()
    }

    fn cargo_id(&self, cargo: usize) -> String {
        self.model.tables.cargo[cargo].id.0.clone()
    }

    fn state_id(&self, s: Option<karvan_model::StateIx>) -> String {
        s.map_or("-".into(), |s| self.model.tables.state[s.ix()].id.0.clone())
    }

    fn by_cargo(&self, of: &ByCargo) -> Vec<CargoTold> {
        let mut all: Vec<CargoTold> =
            of.iter().map(|(c, t)| CargoTold { cargo: self.cargo_id(*c), tonnes: *t }).collect();
        all.sort_by(|a, b| b.tonnes.total_cmp(&a.tonnes));
        all
    }

    fn demand_told(&self) -> DemandTold {
        let flows = &self.choices.flows;
        let no_way = |f: &Flow| f.ways.is_empty();
        let mut not_moved: Vec<NotMoved> = flows
            .iter()
            .zip(&self.assigned.stays)
            .map(|(f, stays)| NotMoved {
                from: self.name(f.from),
                to: self.name(f.to),
                cargo: self.cargo_id(f.cargo.ix()),
                tonnes: if no_way(f) { f.tonnes } else { *stays },
                no_way: no_way(f),
            })
            .filter(|n| n.tonnes >= 1.0)
            .collect();
        not_moved.sort_by(|a, b| b.tonnes.total_cmp(&a.tonnes));
        not_moved.truncate(NOT_MOVED);
        let carried: f64 = self.assigned.carried.iter().flatten().sum();
        DemandTold {
            flows: flows.len() as u32,
            tonnes: flows.iter().map(|f| f.tonnes).sum(),
            carried_t: carried,
            stays_t: self.assigned.stays.iter().sum(),
            no_way_t: flows.iter().filter(|f| no_way(f)).map(|f| f.tonnes).sum(),
            ways: flows.iter().map(|f| f.ways.len() as u32).sum(),
            not_moved,
            mean_usd_per_t: self.assigned.certificate.cost / carried.max(1e-9),
        }
    }

    fn modes(&self) -> Vec<ModeTold> {
        let mut tonnes: BTreeMap<Mode, f64> = BTreeMap::new();
        let mut tkm: BTreeMap<Mode, f64> = BTreeMap::new();
        let all: f64 = self.ways().map(|w| w.2).sum();
        for (_, w, t) in self.ways() {
            *tonnes.entry(w.mode).or_default() += t;
            for p in &w.parts {
                match *p {
                    Part::Run { run, .. } => {
                        for (l, _) in &self.choices.runs[run as usize].links {
                            let l = &self.model.tables.link[l.ix()];
                            *tkm.entry(l.mode).or_default() += t * l.length_km.get();
                        }
                    }
                    Part::Sail { sailing, .. } => {
                        let s = &self.base.sailings[sailing as usize];
                        let mode = self.model.tables.service[s.service.ix()].mode;
                        *tkm.entry(mode).or_default() += t * s.km;
                    }
                    _ => {}
                }
            }
        }
        let modes: BTreeSet<Mode> = tonnes.keys().chain(tkm.keys()).copied().collect();
        let of = |m: &BTreeMap<Mode, f64>, k: Mode| m.get(&k).copied().unwrap_or(0.0);
        let mut out: Vec<ModeTold> = modes
            .into_iter()
            .map(|m| ModeTold {
                mode: m.word().to_owned(),
                tonnes: of(&tonnes, m),
                share: of(&tonnes, m) / all.max(1e-9),
                tonne_km: of(&tkm, m),
            })
            .collect();
        out.sort_by(|a, b| b.tonnes.total_cmp(&a.tonnes));
        out
    }

    fn corridors(&self) -> Vec<CorridorTold> {
        let rows = &self.model.tables.corridor;
        let mut by: BTreeMap<Option<u32>, ByCargo> =
            (0..rows.len() as u32).map(|i| (Some(i), ByCargo::new())).collect();
        let mut pairs: BTreeMap<_, BTreeMap<Option<u32>, f64>> = BTreeMap::new();
        for (f, w, t) in self.ways() {
            *by.entry(w.corridor).or_default().entry(f.cargo.ix()).or_default() += t;
            *pairs.entry((f.origin, f.destination, f.cargo)).or_default().entry(w.corridor).or_default() += t;
        }
        let mut contested: BTreeMap<Option<u32>, f64> = BTreeMap::new();
        for of in pairs.values() {
            // By two of them or more to at least a thousandth.
            let sum: f64 = of.values().sum();
            if of.values().filter(|t| **t > 1e-3 * sum).count() > 1 {
                for (c, t) in of {
                    *contested.entry(*c).or_default() += t;
                }
            }
        }
        let all: f64 = self.ways().map(|w| w.2).sum();
        let all_contested: f64 = contested.values().sum();
        let mut out: Vec<CorridorTold> = by
            .iter()
            .map(|(c, cargo)| {
                let tonnes: f64 = cargo.values().sum();
                let of = contested.get(c).copied().unwrap_or(0.0);
                let row = c.map(|c| &rows[c as usize]);
                CorridorTold {
                    corridor: row.map_or("other".into(), |r| r.id.0.clone()),
                    name: row.map_or("other ways".into(), |r| r.name.clone()),
                    tonnes,
                    share: tonnes / all.max(1e-9),
                    contested_t: of,
                    contested_share: of / all_contested.max(1e-9),
                    cargo: self.by_cargo(cargo),
                }
            })
            .collect();
        out.sort_by(|a, b| b.tonnes.total_cmp(&a.tonnes));
        out
    }

    fn capacities_told(&self) -> Vec<CapacityTold> {
        type Users = BTreeMap<(Option<karvan_model::StateIx>, Option<karvan_model::StateIx>, usize), f64>;
        let mut users: Vec<Users> = vec![Users::new(); self.capacities.rows.len()];
        for (f, w, t) in self.ways() {
            for (row, per_t) in &w.uses {
                *users[*row as usize].entry((f.origin, f.destination, f.cargo.ix())).or_default() +=
                    t * f64::from(*per_t);
            }
        }
        let a = self.assigned;
        let rows = self.capacities.rows.iter().enumerate().filter(|(i, _)| a.loads[*i] > 0.0);
        let mut out: Vec<CapacityTold> = rows
            .map(|(i, c)| {
                let mut who: Vec<UserTold> = users[i]
                    .iter()
                    .map(|((from, to, cargo), n)| UserTold {
                        from: self.state_id(*from),
                        to: self.state_id(*to),
                        cargo: self.cargo_id(*cargo),
                        units: *n,
                        share: n / a.loads[i],
                    })
                    .collect();
                who.sort_by(|a, b| b.units.total_cmp(&a.units));
                who.truncate(LISTED);
                let mut told = CapacityTold {
                    row: c.key.clone(),
                    what: c.what.clone(),
                    kind: c.kind.word().to_owned(),
                    unit: c.unit.word().to_owned(),
                    capacity: c.per_year,
                    load: a.loads[i],
                    share: a.loads[i] / c.per_year.max(1e-9),
                    price_usd: a.prices[i],
                    wait_h: c.is_queue().then_some(a.wait_h[i]),
                    worth_usd: a.worth[i],
                    step: None,
                    users: who,
                    claim: c.claim.clone(),
                };
                told.step = step(c.kind, c.per_departure, &told);
                told
            })
            .collect();
        let worth = |c: &CapacityTold| c.step.as_ref().map_or(0.0, |s| s.usd);
        out.sort_by(|a, b| {
            worth(b).total_cmp(&worth(a)).then(b.share.total_cmp(&a.share)).then(a.row.cmp(&b.row))
        });
        out
    }

    /// Tonnes or units of what a row of `traffic_total` counts.
    pub fn counted(&self, row: &TrafficTotal) -> f64 {
        let model = self.model;
        let t = &model.tables;
        let corridor = row
            .corridor
            .as_ref()
            .map(|c| t.corridor.iter().position(|r| r.id.as_str() == c.as_str()).map(|i| i as u32));
        let state = row.state.as_ref().and_then(|s| model.state_ix(s.as_str()));
        let has = |list: &[karvan_model::cell::Ref<karvan_model::tables::State>],
                   s: Option<karvan_model::StateIx>| {
            list.is_empty()
                || s.is_some_and(|s| list.iter().any(|k| k.as_str() == t.state[s.ix()].id.as_str()))
        };
        let mut memo: BTreeMap<_, Option<f64>> = BTreeMap::new();
        let mut sum = 0.0;
        for (f, w, tonnes) in self.ways() {
            let cargo = &t.cargo[f.cargo.ix()].id;
            if corridor.is_some_and(|c| w.corridor != c)
                || !(row.cargo.is_empty() || row.cargo.iter().any(|k| k.as_str() == cargo.as_str()))
                || !has(&row.origin, f.origin)
                || !has(&row.destination, f.destination)
            {
                continue;
            }
            // What is ridden in where the first condition of place is met.
            let mut rides = Vec::new();
            let mut meets = |asked: bool, found: Option<karvan_model::EquipmentIx>| {
                if asked {
                    rides.push(found);
                }
            };
            let part =
                |test: &dyn Fn(&Part) -> Option<karvan_model::EquipmentIx>| w.parts.iter().find_map(test);
            let sails = |test: &dyn Fn(&karvan_network::base::Sailing) -> bool| {
                part(&|p| match *p {
                    Part::Sail { sailing, ride } if test(&self.base.sailings[sailing as usize]) => Some(ride),
                    _ => None,
                })
            };
            meets(
                !row.services.is_empty(),
                sails(&|s| {
                    let id = t.service[s.service.ix()].id.as_str();
                    row.services.iter().any(|k| k.as_str() == id)
                }),
            );
            meets(
                !row.ports.is_empty(),
                sails(&|s| {
                    let at = |n: NodeIx| row.ports.iter().any(|k| k.as_str() == model.node(n).id.as_str());
                    s.land.is_empty() && (at(s.from) || at(s.to))
                }),
            );
            meets(
                !row.borders.is_empty(),
                part(&|p| match *p {
                    Part::Cross { border, ride, .. } => {
                        let id = t.border[border.ix()].id.as_str();
                        row.borders.iter().any(|k| k.as_str() == id).then_some(ride)
                    }
                    _ => None,
                }),
            );
            meets(
                state.is_some(),
                part(&|p| match *p {
                    Part::Run { run, ride } => self.choices.runs[run as usize]
                        .links
                        .iter()
                        .any(|(l, _)| {
                            let l = &t.link[l.ix()];
                            (row.modes.is_empty() || row.modes.contains(&l.mode))
                                && l.state.as_ref().and_then(|s| model.state_ix(s.as_str())) == state
                        })
                        .then_some(ride),
                    Part::Sail { sailing, ride } => {
                        let s = &self.base.sailings[sailing as usize];
                        let mode = t.service[s.service.ix()].mode;
                        let there = |p: &LandPart| matches!(p, LandPart::Run { state: s, .. } if *s == state);
                        ((row.modes.is_empty() || row.modes.contains(&mode)) && s.land.iter().any(there))
                            .then_some(ride)
                    }
                    _ => None,
                }),
            );
            if rides.iter().any(Option::is_none) {
                continue;
            }
            let mut unit =
                |ride| *memo.entry((f.cargo, ride)).or_insert_with(|| units_per_t(model, f, ride, row.unit));
            let per_t = match rides.first() {
                Some(Some(ride)) => unit(*ride),
                // Nowhere in particular: in whatever of it is counted so.
                _ if row.unit == TrafficUnit::Tonne => Some(1.0),
                _ => w.parts.iter().find_map(|p| match *p {
                    Part::Run { ride, .. } | Part::Sail { ride, .. } => unit(ride),
                    _ => None,
                }),
            };
            sum += tonnes * per_t.unwrap_or(0.0);
        }
        sum
    }

    /// Pages that a parameter has seen: those that durations were estimated from, and of totals that demand was fitted to.
    fn seen(&self) -> BTreeSet<&str> {
        let t = &self.model.tables;
        let fitted = self.demand.iter().flat_map(|d| &d.totals).map(|f| f.page.as_str());
        t.calibration_page.iter().map(|p| p.page.as_str()).chain(fitted).collect()
    }

    fn traffic_totals(&self) -> Vec<TotalTold> {
        let seen = self.seen();
        let page = |key: &str| {
            let source = self.model.tables.source.iter().find(|s| s.id.as_str() == key);
            source.and_then(|s| s.url.as_deref())
        };
        let days = f64::from(self.day.days_in_year());
        let of_year = |d: Date| u32::try_from(d.year()) == Ok(self.year);
        let mut out: Vec<TotalTold> = self
            .model
            .tables
            .traffic_total
            .iter()
            .filter(|r| of_year(r.first) && of_year(r.last))
            .map(|r| {
                let period = f64::from(r.first.until(r.last).map_or(0, |s| s.get_days())) + 1.0;
                let modelled = self.counted(r) * period / days;
                TotalTold {
                    id: r.id.0.clone(),
                    what: r.what.clone(),
                    of: kind_of(r).to_owned(),
                    cargo: r.cargo.iter().map(|c| c.as_str().to_owned()).collect(),
                    first: r.first,
                    last: r.last,
                    unit: r.unit.word().to_owned(),
                    published: r.value.best,
                    range: (r.value.low, r.value.high),
                    modelled,
                    ratio: modelled / r.value.best,
                    in_the_fit: r.claim.sources.iter().filter_map(|k| page(k)).any(|p| seen.contains(p)),
                    note: r.note.clone(),
                    claim: r.claim.write(),
                }
            })
            .collect();
        worst_first(&mut out);
        out
    }

    fn trade_totals(&self) -> Vec<TradeTotalTold> {
        let Some(d) = self.demand else { return Vec::new() };
        let of_year = |d: Date| u32::try_from(d.year()) == Ok(self.year);
        let mut out: Vec<TradeTotalTold> = d
            .totals
            .iter()
            .map(|t| (&self.model.tables.trade_total[t.row], t))
            .filter(|(r, _)| of_year(r.first) && of_year(r.last))
            .map(|(r, t)| TradeTotalTold {
                id: r.id.0.clone(),
                first: r.first,
                last: r.last,
                published: t.published,
                fitted: t.fitted,
                left_out: t.left_out,
            })
            .collect();
        let miss = |t: &TradeTotalTold| (t.left_out / t.published).max(1e-9).ln().abs();
        out.sort_by(|a, b| miss(b).total_cmp(&miss(a)).then(a.id.cmp(&b.id)));
        out
    }

    fn links(&self) -> Vec<LinkTold> {
        let mut by: BTreeMap<LinkIx, (f64, f64, ByCargo)> = BTreeMap::new();
        let mut add = |link: LinkIx, forward: bool, cargo: usize, t: f64| {
            let e = by.entry(link).or_default();
            *(if forward { &mut e.0 } else { &mut e.1 }) += t;
            *e.2.entry(cargo).or_default() += t;
        };
        for (f, w, t) in self.ways() {
            for p in &w.parts {
                let links = match *p {
                    Part::Run { run, .. } => &self.choices.runs[run as usize].links,
                    Part::Sail { sailing, .. } => &self.base.sailings[sailing as usize].links,
                    _ => continue,
                };
                for (link, forward) in links {
                    add(*link, *forward, f.cargo.ix(), t);
                }
            }
        }
        by.into_iter()
            .map(|(link, (forward_t, back_t, cargo))| {
                let l = &self.model.tables.link[link.ix()];
                LinkTold {
                    link: l.id.0.clone(),
                    from: l.from.as_str().to_owned(),
                    to: l.to.as_str().to_owned(),
                    mode: l.mode.word().to_owned(),
                    state: l.state.as_ref().map(|s| s.as_str().to_owned()),
                    forward_t,
                    back_t,
                    cargo: self.by_cargo(&cargo),
                }
            })
            .collect()
    }

    fn services(&self) -> Vec<ServiceTold> {
        let mut by: BTreeMap<(ServiceIx, NodeIx, NodeIx), ByCargo> = BTreeMap::new();
        for (f, w, t) in self.ways() {
            for p in &w.parts {
                if let Part::Sail { sailing, .. } = *p {
                    let s = &self.base.sailings[sailing as usize];
                    *by.entry((s.service, s.from, s.to)).or_default().entry(f.cargo.ix()).or_default() += t;
                }
            }
        }
        let mut out: Vec<ServiceTold> = by
            .into_iter()
            .map(|((service, from, to), cargo)| {
                let s = &self.model.tables.service[service.ix()];
                ServiceTold {
                    service: s.id.0.clone(),
                    name: s.name.clone(),
                    from: self.name(from),
                    to: self.name(to),
                    nodes: [from, to].map(|n| self.model.node(n).id.0.clone()),
                    mode: s.mode.word().to_owned(),
                    tonnes: cargo.values().sum(),
                    cargo: self.by_cargo(&cargo),
                }
            })
            .collect();
        out.sort_by(|a, b| b.tonnes.total_cmp(&a.tonnes).then(a.service.cmp(&b.service)));
        out
    }

    fn borders(&self) -> Vec<BorderTold> {
        let mut by: BTreeMap<_, (f64, f64, ByCargo)> = BTreeMap::new();
        for (f, w, t) in self.ways() {
            for p in &w.parts {
                if let Part::Cross { border, forward, .. } = *p {
                    let e = by.entry(border).or_default();
                    *(if forward { &mut e.0 } else { &mut e.1 }) += t;
                    *e.2.entry(f.cargo.ix()).or_default() += t;
                }
            }
        }
        let mut out: Vec<BorderTold> = by
            .into_iter()
            .map(|(border, (forward_t, back_t, cargo))| {
                let b = &self.model.tables.border[border.ix()];
                BorderTold {
                    border: b.id.0.clone(),
                    name: self.model.node_ix(b.node.as_str()).map_or(String::new(), |n| self.name(n)),
                    mode: b.mode.word().to_owned(),
                    forward_t,
                    back_t,
                    cargo: self.by_cargo(&cargo),
                }
            })
            .collect();
        let all = |b: &BorderTold| b.forward_t + b.back_t;
        out.sort_by(|a, b| all(b).total_cmp(&all(a)).then(a.border.cmp(&b.border)));
        out
    }
}

/// Weeks and days of a year, for steps that are ordered by them.
const WEEKS: f64 = 365.0 / 7.0;
const DAYS: f64 = 365.0;

/// A step of capacity that one can order, and its worth.
fn step(kind: Kind, per_departure: Option<f64>, c: &CapacityTold) -> Option<StepTold> {
    if c.worth_usd <= 0.0 {
        return None;
    }
    let unit = match c.unit.as_str() {
        "teu" => "TEU",
        "t" => "tonne",
        other => other,
    };
    let (what, units) = match (kind, per_departure) {
        (Kind::Departures, Some(each)) => {
            (format!("one more departure a week ({each:.0} {unit}s)"), each * WEEKS)
        }
        (Kind::Terminal | Kind::Border, _) => (format!("one more {unit} a day"), DAYS),
        (Kind::Link, _) if c.unit == "train" => ("one more train a day".into(), DAYS),
        (Kind::Quota, _) => (format!("one more {unit} a year"), 1.0),
        _ if c.unit == "t" => ("a hundred thousand tonnes more a year".into(), 1e5),
        _ => (format!("one more {unit} a day"), DAYS),
    };
    let usd = units * c.worth_usd;
    let who: Vec<String> = c
        .users
        .iter()
        .take(3)
        .map(|u| format!("{} from {} to {} ({:.0} %)", u.cargo, u.from, u.to, 100.0 * u.share))
        .collect();
    let sentence =
        format!("{}: {what} is worth up to {} USD a year, to {}", c.what, rounded(usd), who.join(", "));
    Some(StepTold { what, units, usd, sentence })
}

/// Three digits, with commas between thousands.
pub fn rounded(x: f64) -> String {
    if x.abs() < 1e-12 {
        return "0".into();
    }
    let unit = 10f64.powf((x.abs().log10().floor() - 2.0).max(0.0));
    let whole = (x / unit).round() * unit;
    let digits = format!("{:.0}", whole.abs());
    let mut out = String::new();
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i) % 3 == 0 {
            out.push(',');
        }
        out.push(c);
    }
    if whole < 0.0 { format!("-{out}") } else { out }
}

/// What a total counts at.
fn kind_of(r: &TrafficTotal) -> &'static str {
    if !r.services.is_empty() {
        "line"
    } else if !r.ports.is_empty() {
        "port"
    } else if !r.borders.is_empty() {
        "crossing"
    } else if r.state.is_some() {
        "railway"
    } else {
        "corridor"
    }
}
