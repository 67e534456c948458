//! Observations against a model: each predicted as a distribution or refused with a reason, and how good that was.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use karvan_model::Model;
use karvan_model::calibration::Factors;
use karvan_model::observed::{Evidence, Measure, Observation, ObservedMode, ProcessKind, Statistic};
use karvan_network::base::Base;
use rand::SeedableRng;
use rand::rngs::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};
use schemars::JsonSchema;
use serde::Serialize;

use crate::ask::Asking;
use crate::calibrate::one_consignment;
use crate::fit::Priors;
use crate::response::{Noise, Response};
use crate::score::{Share, crps, median, quantile};
use crate::series::{Forecast, Series, is_volume};
use crate::settings::{MissingParameter, priors};

/// Version of the published form of a report.
pub const SCHEMA_VERSION: u32 = 1;

/// Draws of each prediction: the ends of a 95 % interval are then known to about a fiftieth of its width.
const DRAWS: usize = 4000;

/// How a model did on observations.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Report {
    /// Version of this form.
    pub schema_version: u32,
    /// Model and version.
    pub model: String,
    /// BLAKE3 of the model.
    pub model_hash: String,
    /// File of observations; empty: those of the model.
    pub observations: Option<String>,
    /// Program's version.
    pub version: String,
    /// Seed of the draws.
    pub seed: u64,
    /// Scores of groups of rows, then of all that was observed and of all that was said.
    pub groups: Vec<Group>,
    /// Rows that were predicted.
    pub rows: Vec<Scored>,
    /// Rows that were not, with why.
    pub refused: Vec<Refused>,
    /// Rows that no model should reproduce, by their own word.
    pub not_outcomes: u32,
    /// Of a backtest: where time was cut, and what was seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cut: Option<Cut>,
}

/// Where time was cut for a backtest, and what the predictions have seen.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Cut {
    /// Last year of which rows were seen.
    pub fit_until: i16,
    /// Day on which the law, the links and the services are frozen.
    pub as_of: String,
    /// Outcomes up to the cut: what parameters and series could be estimated from.
    pub seen: u32,
    /// Those of durations and prices, which parameters were estimated from.
    pub fitted: u32,
    /// Outcomes up to the cut on pages published after it: figures of the past that were not yet known.
    pub published_later: u32,
    /// Rows scored whose page also tells of the time before the cut; it was left out of what predicts them.
    pub own_page_left_out: u32,
    /// Plans and forecasts among the observations.
    pub plans: u32,
    /// Later rows, predicted or refused, for whose period something was planned or forecast.
    pub planned: Vec<Planned>,
}

/// What was planned or forecast beside what happened.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Planned {
    /// Key of the observation.
    pub id: String,
    /// In words.
    pub what: Option<String>,
    /// Unit.
    pub unit: String,
    /// Observed.
    pub observed: f64,
    /// Planned or forecast.
    pub plan: Rival,
}

/// What measures measure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// Times and speeds.
    Times,
    /// Volumes and queues.
    Volumes,
    /// What users pay.
    Costs,
}

impl Class {
    /// That of a measure.
    pub fn of(m: Measure) -> Self {
        match m {
            m if is_volume(m) => Class::Volumes,
            Measure::BorderCost | Measure::TransportCost => Class::Costs,
            _ => Class::Times,
        }
    }
}

/// A group of rows.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Group {
    /// What is measured.
    pub class: Class,
    /// Measure; empty: all of the class.
    pub measure: Option<Measure>,
    /// Evidence; empty: all of the class.
    pub evidence: Option<Evidence>,
    /// Whether it is about what happened (measured, reported, derived) or what was said or planned.
    pub happened: bool,
    /// Rows.
    pub n: u32,
    /// Median absolute error, % of what was observed.
    pub error_pct: f64,
    /// Median error with its sign, %: above 0 where the model says more.
    pub signed_pct: f64,
    /// Mean absolute difference of logarithms of the medians and what was observed.
    pub ln_error: f64,
    /// Mean continuous ranked probability score, in the unit; empty where units differ.
    pub crps: Option<f64>,
    /// Share of rows inside the central 50 %.
    pub in50: Share,
    /// Inside the central 80 %.
    pub in80: Share,
    /// Inside the central 95 %.
    pub in95: Share,
    /// The naive estimate on the rows for which there is one.
    pub naive: Option<RivalScore>,
    /// Of a backtest: the trend line on the rows for which there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trend: Option<RivalScore>,
    /// Of a backtest: what was planned or forecast, on the rows for which something was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plan: Option<RivalScore>,
}

/// A plain estimate and the model on the same rows.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct RivalScore {
    /// Rows.
    pub n: u32,
    /// Its median absolute error, %.
    pub error_pct: f64,
    /// The model's on the same rows, %.
    pub model_error_pct: f64,
    /// Its mean absolute error, which is its CRPS, in the unit; empty where units differ.
    pub crps: Option<f64>,
    /// The model's CRPS on the same rows.
    pub model_crps: Option<f64>,
    /// Mean absolute difference of logarithms, of the plain estimate.
    pub ln_error: f64,
    /// The same of the model's medians.
    pub model_ln_error: f64,
}

/// A row that was predicted.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Scored {
    /// Key of the observation.
    pub id: String,
    /// Measure.
    pub measure: Measure,
    /// Evidence.
    pub evidence: Evidence,
    /// Statistic compared.
    pub statistic: Statistic,
    /// In words.
    pub what: Option<String>,
    /// Unit.
    pub unit: String,
    /// Observed.
    pub observed: f64,
    /// Median of the prediction.
    pub predicted: f64,
    /// Central 50 %.
    pub p50: [f64; 2],
    /// Central 80 %.
    pub p80: [f64; 2],
    /// Central 95 %.
    pub p95: [f64; 2],
    /// Error, % of what was observed, above 0 where the model says more.
    pub error_pct: f64,
    /// Continuous ranked probability score.
    pub crps: f64,
    /// Naive estimate.
    pub naive: Option<f64>,
    /// Of a backtest: the line through the earlier figures of the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trend: Option<Rival>,
    /// Of a backtest: what was planned or forecast for its period.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plan: Option<Rival>,
    /// The way, or what is averaged.
    pub way: String,
    /// What takes most of the time, and its share.
    pub dominated_by: Option<(String, f64)>,
    /// Fold of pages whose parameters were used, which left this row's page out; empty: those of all pages.
    pub fold: Option<u32>,
    /// Page.
    pub source_url: String,
}

/// A plain estimate of a row.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Rival {
    /// Its figure, in the unit of the row.
    pub value: f64,
    /// Observations it rests on.
    pub rests_on: Vec<String>,
}

/// A row that was not predicted.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Refused {
    /// Key of the observation; of a row that cannot be read, what stands in its place.
    pub id: String,
    /// Measure; empty: of a row that cannot be read.
    pub measure: Option<Measure>,
    /// In words.
    pub what: Option<String>,
    /// File, line and column, of a row that cannot be read.
    pub place: Option<String>,
    /// Why.
    pub why: String,
}

/// What [`validate`] works with.
pub struct Setting<'a> {
    /// Model with the parameters that plans use.
    pub model: &'a Model,
    /// Its consignment-independent part.
    pub base: &'a Base,
    /// Seed of the draws.
    pub seed: u64,
    /// Day on which the law, the links and the services are frozen; empty: as they were on the days of each row.
    pub as_of: Option<Date>,
}

/// The fold whose parameters score a row: that estimated without its page, or without the pages that tell of the same
/// consignment; none where neither was used.
pub fn fold_of(model: &Model, o: &Observation) -> Option<u32> {
    let of_page = |page: &str| model.tables.calibration_page.iter().find(|p| p.page == page).map(|p| p.fold);
    of_page(&o.source_url).or_else(|| {
        let told = model.tables.observation.iter().filter(|r| r.outcome && one_consignment(r, o));
        told.filter_map(|r| of_page(&r.source_url)).next()
    })
}

/// Whether a prediction rests on the page of an observation: then the observation is an input of it.
pub(crate) fn rests_on(model: &Model, response: &Response, page: &str) -> Option<String> {
    let keys: BTreeSet<&str> = model
        .tables
        .source
        .iter()
        .filter(|s| s.url.as_deref() == Some(page))
        .map(|s| s.id.as_str())
        .collect();
    response
        .claims
        .iter()
        .find(|(_, sources)| sources.iter().any(|s| keys.contains(s.as_str())))
        .map(|c| c.0.clone())
}

/// What scoring gives: the rows predicted, those refused with the reason, and the scores by group.
pub type Scores = (Vec<Scored>, Vec<Refused>, Vec<Group>);

/// Scores observations. `done` hears how many rows are done.
///
/// # Errors
/// If the model lacks a parameter.
pub fn validate(
    setting: &Setting,
    observations: &[Observation],
    done: &mut dyn FnMut(usize),
) -> Result<Scores, MissingParameter> {
    let priors = priors(setting.model)?;
    let mut series = Series::new(setting.model, &priors);
    let mut by_fold: BTreeMap<Option<u32>, Vec<usize>> = BTreeMap::new();
    for (i, o) in observations.iter().enumerate().filter(|(_, o)| o.outcome) {
        by_fold.entry(fold_of(setting.model, o)).or_default().push(i);
    }
    let mut scored: BTreeMap<usize, Scored> = BTreeMap::new();
    let mut refused: BTreeMap<usize, Refused> = BTreeMap::new();
    let mut n = 0;
    for (fold, rows) in by_fold {
        let own;
        let model = match fold {
            None => setting.model,
            Some(_) => {
                own = setting.model.calibrated(Factors::of(&setting.model.tables, fold));
                &own
            }
        };
        let asking = Asking::new(model, setting.base).frozen(setting.as_of);
        for i in rows {
            let o = &observations[i];
            // A wait before a crossing is one in its queue.
            let queued = o.measure == Measure::WaitingTime && asking.at_a_crossing(o);
            let answer = if is_volume(o.measure) || queued {
                counted(&mut series, o, setting.seed)
            } else {
                predict(setting, model, &asking, o, &priors)
            };
            match answer {
                Ok(p) => {
                    scored.insert(i, score(o, p, fold));
                }
                Err(why) => {
                    let (id, what) = (o.id.0.clone(), o.what.clone());
                    refused.insert(i, Refused { id, measure: Some(o.measure), what, place: None, why });
                }
            }
            n += 1;
            done(n);
        }
    }
    let scored: Vec<Scored> = scored.into_values().collect();
    let groups = groups(&scored, &by_evidence(&scored));
    Ok((scored, refused.into_values().collect(), groups))
}

type Draws = Vec<f64>;

/// Draws, ascending, with what is said of them.
struct Prediction {
    draws: Draws,
    naive: Option<f64>,
    way: String,
    dominated_by: Option<(String, f64)>,
}

/// A volume, a queue, or by Little's law (Operations Research 9, 1961) the wait of who comes last: what is queued over
/// what passes.
fn counted(series: &mut Series, o: &Observation, seed: u64) -> Result<Prediction, String> {
    let f = if o.measure == Measure::WaitingTime {
        if o.unit != "h" {
            return Err(format!("the unit is `{}`; {} is computed in h", o.unit, o.measure));
        }
        let (word, passing) = match o.mode {
            ObservedMode::Road | ObservedMode::Ferry => ("truck", Measure::Trucks),
            _ => ("wagon", Measure::Wagons),
        };
        let ask = |measure, unit: String, statistic| Observation {
            measure,
            unit,
            statistic,
            value: 1.0,
            ..o.clone()
        };
        let queue = series.forecast(&ask(Measure::QueueLength, word.into(), Statistic::Single))?;
        let day = series.forecast(&ask(passing, format!("{word}/day"), Statistic::Mean))?;
        Forecast {
            ln: queue.ln - day.ln + 24f64.ln(),
            sd: queue.sd.hypot(day.sd),
            naive: None,
            label: format!("queue over what passes a day: {}; {}", queue.label, day.label),
        }
    } else {
        series.forecast(o)?
    };
    let mut draws: Draws = normals(seed, &format!("observation/{}/count", o.id))
        .into_iter()
        .map(|z| (f.ln + f.sd * z).exp())
        .collect();
    draws.sort_by(f64::total_cmp);
    Ok(Prediction { draws, naive: f.naive, way: f.label, dominated_by: None })
}

fn predict(
    setting: &Setting,
    model: &Model,
    asking: &Asking,
    o: &Observation,
    priors: &Priors,
) -> Result<Prediction, String> {
    if o.value <= 0.0 {
        return Err(format!("{} {} is no such amount", o.value, o.unit));
    }
    let response = asking.ask(o)?;
    if let Some(row) = rests_on(model, &response, &o.source_url) {
        return Err(format!("the prediction rests on this page itself ({row}): here it is an input"));
    }
    let unit = match o.measure {
        Measure::SpeedWithDelay | Measure::SpeedWithoutDelay => "km/h",
        Measure::BorderCost => "USD/crossing",
        Measure::TransportCost => "USD/500km/20t",
        _ => "h",
    };
    if o.unit != unit {
        return Err(format!("the unit is `{}`; {} is computed in {unit}", o.unit, o.measure));
    }
    let mut draws = draw(model, &response, o, priors, setting.seed);
    draws.sort_by(f64::total_cmp);
    let dominated_by = response.dominant();
    Ok(Prediction { draws, naive: response.naive, way: response.label, dominated_by })
}

/// Standard normal variates of a stream.
fn normals(seed: u64, name: &str) -> Vec<f64> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let stream = name
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325u64, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0000_0100_0000_01b3));
    rng.set_stream(stream);
    (0..DRAWS).map(|_| StandardNormal.sample(&mut rng)).collect()
}

/// Draws of what an observation would be: what is not known of factors, and how journeys, samples or statements
/// differ.
fn draw(model: &Model, r: &Response, o: &Observation, priors: &Priors, seed: u64) -> Draws {
    let own = |what: &str| normals(seed, &format!("observation/{}/{what}", o.id));
    let width = priors.width(o.evidence);
    let spread = |kind: ProcessKind, before: f64| {
        let found = model.factors.get(kind, &[]).sd;
        if found > 0.0 { found } else { before }
    };
    let mut out: Draws = if r.noise == Noise::Trip && !r.journeys.is_empty() {
        let each = DRAWS / r.journeys.len();
        r.journeys
            .iter()
            .enumerate()
            .flat_map(|(i, j)| {
                let n = if i == 0 { DRAWS - each * (r.journeys.len() - 1) } else { each };
                let km: f64 = r.ways.get(i).map_or(0.0, |w| w.km);
                j.movement
                    .draw(&j.processes, seed, n)
                    .into_iter()
                    .map(move |h| if r.speed { km / f64::from(h).max(1e-6) } else { f64::from(h) })
            })
            .collect()
    } else {
        let mut streams: BTreeMap<String, Vec<f64>> = BTreeMap::new();
        let parts = || r.ways.iter().flat_map(|w| &w.parts);
        for p in parts() {
            if let Some(name) = p.factor.stream() {
                streams.entry(name.clone()).or_insert_with(|| normals(seed, &name));
            }
        }
        let of: Vec<Vec<Option<&Vec<f64>>>> = r
            .ways
            .iter()
            .map(|w| w.parts.iter().map(|p| p.factor.stream().and_then(|s| streams.get(&s))).collect())
            .collect();
        let z = own("noise");
        let between = match r.noise {
            Noise::Trip => None,
            Noise::Sample => Some(spread(ProcessKind::Sample, priors.ranges[5].best) * width),
            Noise::Statement => Some(spread(ProcessKind::Statement, priors.ranges[6].best) * width),
        };
        (0..DRAWS)
            .map(|d| {
                let k = |w: usize, i: usize| of[w][i].map_or(1.0, |z| r.ways[w].parts[i].factor.draw(z[d]));
                let noise = between.unwrap_or_else(|| r.trip_sd(&k));
                (r.ln(&k) + noise * z[d]).exp()
            })
            .collect()
    };
    if let Some((kind, places)) = &r.mix {
        let keys: Vec<&str> = places.iter().map(String::as_str).collect();
        let f = model.factors.get(*kind, &keys);
        // A state of which nothing is known differs as states do, in both of the levels of its name.
        let unknown = priors.ranges[4].best * 2f64.sqrt();
        for (v, z) in out.iter_mut().zip(own("mix")) {
            *v *=
                if f.sd > 0.0 { f.mean() * f.draw(z) } else { (unknown * z - 0.5 * unknown * unknown).exp() };
        }
    }
    if r.unsure > 0.0 {
        for (v, z) in out.iter_mut().zip(own("unsure")) {
            *v *= (r.unsure * z).exp();
        }
    }
    if r.rounding_h > 0.0 {
        for (v, z) in out.iter_mut().zip(own("rounding")) {
            let share = karvan_units::standard_normal_cdf(z) - 0.5;
            *v = (*v + share * r.rounding_h).max(0.0);
        }
    }
    out
}

fn score(o: &Observation, p: Prediction, fold: Option<u32>) -> Scored {
    let draws = &p.draws;
    let between = |share: f64| [quantile(draws, 0.5 - share / 2.0), quantile(draws, 0.5 + share / 2.0)];
    let predicted = quantile(draws, 0.5);
    Scored {
        id: o.id.0.clone(),
        measure: o.measure,
        evidence: o.evidence,
        statistic: o.statistic,
        what: o.what.clone(),
        unit: o.unit.clone(),
        observed: o.value,
        predicted,
        p50: between(0.5),
        p80: between(0.8),
        p95: between(0.95),
        error_pct: 100.0 * (predicted / o.value - 1.0),
        crps: crps(draws, o.value),
        naive: p.naive,
        trend: None,
        plan: None,
        way: p.way,
        dominated_by: p.dominated_by,
        fold,
        source_url: o.source_url.clone(),
    }
}

/// Whether a kind of evidence is about what happened, not what was said or planned.
pub fn happened(e: Evidence) -> bool {
    matches!(e, Evidence::Measured | Evidence::Reported | Evidence::Derived)
}

/// A group by what is measured, how that is known and whether it happened; empty where all count.
pub(crate) type Split = (Class, Option<Measure>, Option<Evidence>, bool);

/// Each measure by its evidence.
fn by_evidence(rows: &[Scored]) -> Vec<Split> {
    let keys: BTreeSet<(Measure, Evidence)> = rows.iter().map(|r| (r.measure, r.evidence)).collect();
    let mut out: Vec<Split> =
        keys.into_iter().map(|(m, e)| (Class::of(m), Some(m), Some(e), happened(e))).collect();
    for m in [Measure::TransitTime, Measure::BorderTime] {
        out.extend([true, false].map(|real| (Class::of(m), Some(m), None, real)));
    }
    out
}

/// The scores of groups of rows, then of all of a class.
pub(crate) fn groups(rows: &[Scored], splits: &[Split]) -> Vec<Group> {
    let classes = [Class::Times, Class::Volumes, Class::Costs];
    let whole = classes.into_iter().flat_map(|c| [true, false].map(|real| (c, None, None, real)));
    let mut out = Vec::new();
    for (class, measure, evidence, real) in splits.iter().copied().chain(whole) {
        let of: Vec<&Scored> = rows
            .iter()
            .filter(|r| happened(r.evidence) == real && evidence.is_none_or(|e| r.evidence == e))
            .filter(|r| measure.map_or(Class::of(r.measure) == class, |m| r.measure == m))
            .collect();
        if !of.is_empty() {
            out.push(group(class, measure, evidence, real, &of));
        }
    }
    out
}

fn group(
    class: Class,
    measure: Option<Measure>,
    evidence: Option<Evidence>,
    real: bool,
    rows: &[&Scored],
) -> Group {
    let of =
        |f: &dyn Fn(&Scored) -> f64, rows: &[&Scored]| -> Vec<f64> { rows.iter().map(|r| f(r)).collect() };
    let middle = |v: Vec<f64>| median(&v).unwrap_or(0.0);
    let mean = |v: Vec<f64>| v.iter().sum::<f64>() / v.len().max(1) as f64;
    let inside = |f: &dyn Fn(&Scored) -> [f64; 2]| {
        let k = rows.iter().filter(|r| f(r)[0] <= r.observed && r.observed <= f(r)[1]).count();
        Share::new(k, rows.len())
    };
    let one_unit = rows.windows(2).all(|w| w[0].unit == w[1].unit);
    let rival = |of_row: &dyn Fn(&Scored) -> Option<f64>| {
        let of_row = |r: &Scored| of_row(r).filter(|v| v.is_finite() && *v > 0.0);
        let both: Vec<(&Scored, f64)> = rows.iter().filter_map(|r| Some((*r, of_row(r)?))).collect();
        let each = |f: &dyn Fn(&Scored, f64) -> f64| both.iter().map(|(r, v)| f(r, *v)).collect::<Vec<f64>>();
        (!both.is_empty()).then(|| RivalScore {
            n: both.len() as u32,
            error_pct: middle(each(&|r, v| 100.0 * (v / r.observed - 1.0).abs())),
            model_error_pct: middle(each(&|r, _| r.error_pct.abs())),
            crps: one_unit.then(|| mean(each(&|r, v| (v - r.observed).abs()))),
            model_crps: one_unit.then(|| mean(each(&|r, _| r.crps))),
            ln_error: mean(each(&|r, v| (v / r.observed).ln().abs())),
            model_ln_error: mean(each(&|r, _| (r.predicted.max(1e-9) / r.observed).ln().abs())),
        })
    };
    Group {
        class,
        measure,
        evidence,
        happened: real,
        n: rows.len() as u32,
        error_pct: middle(of(&|r| r.error_pct.abs(), rows)),
        signed_pct: middle(of(&|r| r.error_pct, rows)),
        ln_error: mean(of(&|r| (r.predicted.max(1e-9) / r.observed).ln().abs(), rows)),
        crps: one_unit.then(|| mean(of(&|r| r.crps, rows))),
        in50: inside(&|r| r.p50),
        in80: inside(&|r| r.p80),
        in95: inside(&|r| r.p95),
        naive: rival(&|r| r.naive),
        trend: rival(&|r| r.trend.as_ref().map(|t| t.value)),
        plan: rival(&|r| r.plan.as_ref().map(|p| p.value)),
    }
}

/// The schema of [`Report`].
pub fn report_schema() -> schemars::Schema {
    schemars::schema_for!(Report)
}
