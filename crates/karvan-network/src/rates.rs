//! What it takes to move a consignment one kilometre, and to pass a node: the one place where a movement is
//! priced and timed. Compiling, the legs of an option and its draws all take their figures from here.

use jiff::civil::Date;
use karvan_model::calibration::Factor;
use karvan_model::money::ExchangeRates;
use karvan_model::observed::ProcessKind;
use karvan_model::rules::hs_admits;
use karvan_model::tables::{Cargo, Governs, Mode, Operation, Per, TrainKind};
use karvan_model::{BorderIx, EquipmentIx, Model, StateIx, TariffIx};
use karvan_units::{DayInterval, Dist, Estimate};

use crate::base::{Base, Sailing};
use crate::loads::Loads;

/// Rates of one equipment in one state.
#[derive(Clone, Debug)]
pub struct Rate {
    /// The consignment in the equipment.
    pub loads: Loads,
    /// State; `None` at sea.
    pub state: Option<StateIx>,
    /// Hours a kilometre, rest included.
    pub h_per_km: f64,
    /// Hours of rest an hour under way.
    pub rest: f64,
    /// Standard deviation of the running time as a share of its mean.
    pub cv: f64,
    /// Kind of process of a run.
    pub process: ProcessKind,
    /// Factor on the running time, which the hours of the other fields hold already.
    pub factor: Factor,
    /// US dollars a kilometre.
    pub usd_per_km: Estimate,
    /// US dollars once a run in the state.
    pub usd_once: Estimate,
    /// Row of `tariff`.
    pub tariff: TariffIx,
    /// Row of `performance`.
    pub performance: usize,
    /// kg CO2e a kilometre off the wire, and the row of `emission`.
    pub diesel: (f64, Option<usize>),
    /// kg CO2e a kilometre under wire, and the row of `emission`.
    pub electric: (f64, Option<usize>),
}

/// What a movement costs, in the four criteria.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Cost {
    /// Mean duration, h.
    pub h: f64,
    /// Standard deviation, h; added along a path it bounds the spread of the whole from above.
    pub sd: f64,
    /// US dollars, best figure.
    pub usd: f64,
    /// kg CO2e.
    pub co2e: f64,
}

impl std::ops::Add for Cost {
    type Output = Cost;
    fn add(self, o: Cost) -> Cost {
        Cost { h: self.h + o.h, sd: self.sd + o.sd, usd: self.usd + o.usd, co2e: self.co2e + o.co2e }
    }
}

/// Prices and times movements of one consignment.
#[derive(Clone, Debug)]
pub struct Pricer<'m> {
    /// The model.
    pub model: &'m Model,
    /// Exchange rates.
    pub rates: ExchangeRates,
    /// Cargo.
    pub cargo: &'m Cargo,
    /// Day whose tariffs are used.
    pub day: Date,
    /// State of origin.
    pub origin: Option<StateIx>,
    /// State of destination.
    pub destination: Option<StateIx>,
}

fn fits<T: PartialEq>(list: &[T], value: Option<&T>) -> Option<u32> {
    match (list.is_empty(), value) {
        (true, _) => Some(0),
        (false, Some(v)) if list.contains(v) => Some(1),
        _ => None,
    }
}

/// The kind of process of a vehicle of a mode on its way; trains as they run whole.
pub fn run_kind(mode: Mode) -> ProcessKind {
    match mode {
        Mode::Rail => ProcessKind::RunBlock,
        Mode::Road => ProcessKind::RunRoad,
        Mode::Sea | Mode::InlandWater => ProcessKind::RunSea,
        Mode::Pipeline => ProcessKind::RunPipeline,
    }
}

/// The kinds of the posts of the state left and the state entered; `None` where posts are not told apart.
pub fn post_kinds(mode: Mode) -> Option<(ProcessKind, ProcessKind)> {
    match mode {
        Mode::Rail => Some((ProcessKind::ExitRail, ProcessKind::EntryRail)),
        Mode::Road => Some((ProcessKind::ExitRoad, ProcessKind::EntryRoad)),
        Mode::Sea | Mode::InlandWater | Mode::Pipeline => None,
    }
}

/// A duration with the factor on it.
#[derive(Clone, Debug)]
pub struct Duration {
    /// Distribution, by the mean of the factor.
    pub dist: Dist,
    /// Kind of process.
    pub process: ProcessKind,
    /// The factor.
    pub factor: Factor,
}

impl Duration {
    /// A stated duration by a factor.
    pub fn new(stated: &Dist, process: ProcessKind, factor: Factor) -> Self {
        let k = factor.mean();
        Self { dist: if k == 1.0 { stated.clone() } else { stated.scale(k) }, process, factor }
    }

    /// Mean, h.
    pub fn mean(&self) -> f64 {
        self.dist.mean()
    }

    /// Standard deviation, h: the process's own and what is not known of its factor.
    pub fn sd(&self) -> f64 {
        spread(self.dist.mean(), self.dist.sd(), self.factor)
    }
}

/// Standard deviation of a duration of which the factor is not known for sure either: both vary independently.
pub fn spread(mean: f64, sd: f64, factor: Factor) -> f64 {
    let unsure = (factor.sd * factor.sd).exp();
    ((sd * sd + mean * mean) * unsure - mean * mean).max(0.0).sqrt()
}

/// The two posts of a crossing: that of the state left, then that of the state entered.
///
/// Tables state the whole of a crossing; each post is half of it before its factor, since nothing published
/// splits the two.
pub fn posts(model: &Model, border: BorderIx, forward: bool) -> [Duration; 2] {
    let b = &model.tables.border[border.ix()];
    let (from, to) = if forward { (&b.state_a, &b.state_b) } else { (&b.state_b, &b.state_a) };
    let half = if forward { &b.duration_ab_h } else { &b.duration_ba_h }.scale(0.5);
    match post_kinds(b.mode) {
        Some((exit, entry)) => [(exit, from), (entry, to)].map(|(kind, state)| {
            // A post is named by the crossing and the state, so that the two sides of one crossing are told apart.
            let post = format!("{}:{}", b.node, state);
            Duration::new(&half, kind, model.factors.get(kind, &[&post, state.as_str()]))
        }),
        None => [(); 2].map(|()| Duration::new(&half, ProcessKind::Given, Factor::default())),
    }
}

/// The running time of a way of a service, and the state whose factor holds: where a train does not leave it.
/// `own` is what the consignment rides in, whose spread counts where the service names no vehicle of the model.
pub fn sailing_duration(model: &Model, base: &Base, s: &Sailing, own: Option<EquipmentIx>) -> Duration {
    let row = &model.tables.service[s.service.ix()];
    let process = run_kind(row.mode);
    let factor = model.factors.get(process, &sailing_place(model, base, s).into_iter().collect::<Vec<_>>());
    let stated = match &row.duration_h {
        Some(d) => d.scale(s.share.max(1e-6)),
        None => {
            let kind = model.equipment_ix(row.vehicle.as_str()).or(own);
            let kind = kind.map(|e| model.tables.equipment[e.ix()].kind);
            let speed = row.speed_kmh.map_or(0.0, |v| v.best);
            let h = if speed > 0.0 { s.km / speed } else { 0.0 };
            let cv = model
                .tables
                .performance
                .iter()
                .filter(|p| p.mode == row.mode && kind.is_none_or(|k| p.equipment.admits(&k)))
                .max_by_key(|p| u32::from(!p.equipment.is_empty()))
                .map_or(0.0, |p| p.cv);
            if h * cv > 0.0 { Dist::Lognormal { mean: h.max(1e-6), sd: h * cv } } else { Dist::Const(h) }
        }
    };
    Duration::new(&stated, process, factor)
}

/// The state in which a train of a service stays from end to end of a way.
pub fn sailing_place<'m>(model: &'m Model, base: &Base, s: &Sailing) -> Option<&'m str> {
    let (a, z) = (base.node_state[s.from.ix()], base.node_state[s.to.ix()]);
    a.filter(|_| a == z && !s.land.is_empty()).map(|x| model.tables.state[x.ix()].id.as_str())
}

impl<'m> Pricer<'m> {
    /// What carriage in a state is to it: export, import, transit, or domestic carriage.
    pub fn traffic(&self, state: Option<StateIx>) -> Governs {
        match state {
            s if s == self.origin && s == self.destination => Governs::Carriage,
            s if s == self.origin => Governs::Export,
            s if s == self.destination => Governs::Import,
            _ => Governs::Transit,
        }
    }

    /// Rates of one equipment in one state; `None` if the model has no speed or no price for it.
    pub fn rate(&self, loads: Loads, state: Option<StateIx>) -> Option<Rate> {
        let t = &self.model.tables;
        let e = &t.equipment[loads.equipment.ix()];
        let key = state.map(|s| karvan_model::cell::Ref::new(t.state[s.ix()].id.0.clone()));
        let traffic = self.traffic(state);

        let performance = t
            .performance
            .iter()
            .enumerate()
            .filter(|(_, p)| {
                p.mode == e.mode && p.train.is_none_or(|k| e.mode != Mode::Rail || k == loads.train)
            })
            .filter_map(|(i, p)| {
                let s = fits(&p.states, key.as_ref())?;
                let k = fits(&p.equipment, Some(&e.kind))?;
                Some((4 * s + 2 * k + u32::from(p.train.is_some()), i))
            })
            .max_by_key(|(score, i)| (*score, std::cmp::Reverse(*i)))
            .map(|(_, i)| i)?;
        let tariff = t
            .tariff
            .iter()
            .enumerate()
            .filter(|(_, r)| {
                r.mode == e.mode && DayInterval { from: r.from, till: r.till }.contains(self.day)
            })
            .filter(|(_, r)| loads.times(r.per, 1.0).is_some() && hs_admits(&r.hs, self.cargo))
            .filter_map(|(i, r)| {
                let s = fits(&r.states, key.as_ref())?;
                let k = fits(&r.equipment, Some(&e.kind))?;
                let g = fits(&r.governs, Some(&traffic))?;
                Some(((4 * s + 3 * u32::from(!r.hs.is_empty()) + 2 * k + g, r.from), i))
            })
            .max_by_key(|(score, i)| (*score, std::cmp::Reverse(*i)))
            .map(|(_, i)| i)?;

        let p = &t.performance[performance];
        let rest = p.rest_h_per_day.map_or(0.0, |r| r.get().min(23.0));
        let rest = rest / (24.0 - rest);
        let process = match (e.mode, loads.train) {
            (Mode::Rail, TrainKind::Block) => ProcessKind::RunBlock,
            (Mode::Rail, TrainKind::Wagonload) => ProcessKind::RunWagonload,
            (mode, _) => run_kind(mode),
        };
        let places: Vec<&str> = key.iter().map(|k| k.as_str()).collect();
        let factor = self.model.factors.get(process, &places);
        let row = &t.tariff[tariff];
        let usd = row.value.scale(self.rates.usd(&row.currency, row.price_year)?);
        let by_km = matches!(row.per, Per::TonneKm | Per::WagonKm | Per::TeuKm | Per::TruckKm);
        let times = loads.times(row.per, 1.0)?;
        let nothing = Estimate::exact(0.0);
        Some(Rate {
            loads,
            state,
            h_per_km: (1.0 + rest) / p.speed_kmh.best.max(0.1) * factor.mean(),
            rest,
            cv: p.cv,
            process,
            factor,
            usd_per_km: if by_km { usd.scale(times) } else { nothing },
            usd_once: if by_km { nothing } else { usd.scale(times) },
            tariff: TariffIx::new(tariff),
            performance,
            diesel: self.intensity(loads, state, false),
            electric: self.intensity(loads, state, true),
        })
    }

    /// kg CO2e a kilometre, and the row of `emission` used.
    pub fn intensity(&self, loads: Loads, state: Option<StateIx>, electric: bool) -> (f64, Option<usize>) {
        let kind = self.model.tables.equipment[loads.equipment.ix()].kind;
        let row = self.emission(kind, state, Some(electric), None);
        let g_per_tkm = row.map_or(0.0, |i| self.model.tables.emission[i].value.best);
        (g_per_tkm * loads.tonnes / 1000.0, row)
    }

    /// kg CO2e of an operation at a hub, and the row of `emission` used.
    pub fn hub(&self, operation: Operation, loads: Loads, state: Option<StateIx>) -> (f64, Option<usize>) {
        let kind = self.model.tables.equipment[loads.equipment.ix()].kind;
        let row = self.emission(kind, state, None, Some(operation));
        (row.map_or(0.0, |i| self.model.tables.emission[i].value.best) * loads.tonnes, row)
    }

    /// The row of `emission` that meets most conditions.
    pub fn emission(
        &self,
        kind: karvan_model::tables::EquipmentKind,
        state: Option<StateIx>,
        electric: Option<bool>,
        operation: Option<Operation>,
    ) -> Option<usize> {
        let t = &self.model.tables;
        let key = state.map(|s| karvan_model::cell::Ref::new(t.state[s.ix()].id.0.clone()));
        t.emission
            .iter()
            .enumerate()
            .filter(|(_, r)| r.operation == operation)
            .filter_map(|(i, r)| {
                let s = fits(&r.states, key.as_ref())?;
                let k = fits(&r.equipment, Some(&kind))?;
                let w = match (r.electric, electric) {
                    (None, _) => 0,
                    (Some(a), Some(b)) if a == b => 1,
                    _ => return None,
                };
                Some((4 * s + 2 * k + w, i))
            })
            .max_by_key(|(score, i)| (*score, std::cmp::Reverse(*i)))
            .map(|(_, i)| i)
    }

    /// An amount of a table in US dollars for a consignment; `None` if its unit is not what is carried.
    pub fn amount(
        &self,
        value: Estimate,
        currency: &str,
        year: u32,
        per: Per,
        loads: &Loads,
        km: f64,
    ) -> Option<Estimate> {
        Some(value.scale(self.rates.usd(currency, year)?).scale(loads.times(per, km)?))
    }
}

impl Rate {
    /// What a run of some kilometres costs. `own_speed` are kilometres and hours on links with a speed of their own.
    pub fn run(&self, km: f64, electric_km: f64, own_speed: (f64, f64)) -> Cost {
        let h = (km - own_speed.0) * self.h_per_km + own_speed.1 * (1.0 + self.rest) * self.factor.mean();
        Cost {
            h,
            sd: spread(h, h * self.cv, self.factor),
            usd: km * self.usd_per_km.best,
            co2e: (km - electric_km) * self.diesel.0 + electric_km * self.electric.0,
        }
    }
}

/// Keeps the rate of each (equipment, state) once it was asked for.
#[derive(Clone, Debug, Default)]
pub struct RateTable {
    /// Rates found.
    pub rates: Vec<Rate>,
    index: std::collections::BTreeMap<(EquipmentIx, Option<StateIx>), Option<u32>>,
    /// Share of the price that is taken off on the day of departure; `None` until asked.
    relief: Vec<Option<f64>>,
}

impl RateTable {
    /// The index of a rate in [`Self::rates`].
    pub fn get(&mut self, pricer: &Pricer, loads: Loads, state: Option<StateIx>) -> Option<u32> {
        if let Some(known) = self.index.get(&(loads.equipment, state)) {
            return *known;
        }
        let found = pricer.rate(loads, state).map(|r| {
            self.rates.push(r);
            self.relief.push(None);
            (self.rates.len() - 1) as u32
        });
        self.index.insert((loads.equipment, state), found);
        found
    }

    /// The share of a rate's price that is due on the day of departure: 1 without a waiver or discount.
    pub fn due(&self, rate: u32) -> f64 {
        1.0 - self.relief[rate as usize].unwrap_or(0.0)
    }
    pub(crate) fn relief_unasked(&self, rate: u32) -> bool {
        self.relief[rate as usize].is_none()
    }
    pub(crate) fn set_relief(&mut self, rate: u32, share: f64) {
        self.relief[rate as usize] = Some(share);
    }
}
