//! Estimating factors on durations from observations: the objective, its minimum, and what stays unknown.
//!
//! An observation is the logarithm of a duration or a speed. The model predicts it as a sum of parts, each by
//! the product of effects: of its kind of process, of a state, of a crossing or terminal. Effects are
//! logarithms with a normal prior by which their exponential is 1 on average, so that a place without data takes what
//! its kind and its state have, and no more is learnt than the data say (partial pooling). The objective is
//!
//! ½ Σ ((ln observed − ln predicted) / σ)² + ½ Σ ((effect + τ²/2) / τ)²,
//!
//! where σ holds how journeys, samples or statements differ, widened by the kind of evidence. It is minimised
//! by Gauss–Newton steps with halving. The τ and σ that nothing publishes are those of greatest marginal
//! likelihood (by the objective's quadratic approximation) under a prior around the model's parameters, found
//! one after the other on a grid.

use std::collections::BTreeMap;

use karvan_model::observed::{Evidence, ProcessKind};

use crate::linear::Factored;
use crate::response::{Noise, Response};
use crate::series::SPREADS;

/// An observation with what the model says to it.
pub struct Case<'a> {
    /// Key of the observation.
    pub id: &'a str,
    /// Logarithm of what was observed.
    pub ln: f64,
    /// How it came about.
    pub evidence: Evidence,
    /// What the model without factors says.
    pub response: &'a Response,
}

/// Standard deviations that regularise the estimate, all of logarithms.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spreads {
    /// Of the effect of a kind of stop (border, wait, handling): how wrong stated durations of a kind are together.
    pub kind: f64,
    /// Of the effect of a state, crossing or terminal on a stop: how places of a kind differ.
    pub place: f64,
    /// Of the effect of a kind of running, whose speeds are better known than stops.
    pub run_kind: f64,
    /// Of the effect of a state on running.
    pub run_place: f64,
    /// Of what a mean over a state's crossings holds besides.
    pub mix: f64,
    /// Of a mean of some journeys of a period.
    pub sample: f64,
    /// Of what is said to be usual.
    pub statement: f64,
}

/// A spread with the range in which it is looked for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Range {
    /// Least.
    pub low: f64,
    /// Believed before any data.
    pub best: f64,
    /// Greatest.
    pub high: f64,
}

/// Points of the grid on which a spread is looked for.
pub(crate) const GRID: usize = 7;

impl Range {
    /// Point `i` of the grid.
    pub(crate) fn at(&self, i: usize) -> f64 {
        self.low * (self.high / self.low).powf(i as f64 / (GRID - 1) as f64)
    }

    /// How far a value is from the best one, in standard deviations: the range holds nine tenths of a lognormal.
    pub(crate) fn far(&self, v: f64) -> f64 {
        let width = ((self.high / self.low).ln() / (2.0 * 1.644_853_627)).max(1e-6);
        (v / self.best).ln() / width
    }
}

/// What the estimate needs besides the cases.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Priors {
    /// See [`Spreads`], in its order.
    pub ranges: [Range; 7],
    /// Spreads of volumes and queues, in the order of [`crate::series`].
    pub volumes: [Range; SPREADS],
    /// Factor on the standard deviation of what was reported.
    pub reported: f64,
    /// Factor on the standard deviation of what was claimed or planned.
    pub claimed: f64,
}

impl Priors {
    /// How much wider than what was measured.
    pub fn width(&self, e: Evidence) -> f64 {
        match e {
            Evidence::Measured | Evidence::Derived => 1.0,
            Evidence::Reported => self.reported,
            Evidence::Claimed | Evidence::Timetable | Evidence::Plan => self.claimed,
        }
    }
}

impl Spreads {
    fn of(v: [f64; 7]) -> Self {
        let [kind, place, run_kind, run_place, mix, sample, statement] = v;
        Self { kind, place, run_kind, run_place, mix, sample, statement }
    }

    fn all(&self) -> [f64; 7] {
        [self.kind, self.place, self.run_kind, self.run_place, self.mix, self.sample, self.statement]
    }

    /// That of how places differ in a kind of process.
    fn between_places(&self, kind: ProcessKind) -> f64 {
        match kind {
            ProcessKind::MixRail | ProcessKind::MixRoad => self.mix,
            k if runs(k) => self.run_place,
            _ => self.place,
        }
    }
}

/// Whether a kind of process is running, not stopping.
fn runs(kind: ProcessKind) -> bool {
    matches!(
        kind,
        ProcessKind::RunBlock
            | ProcessKind::RunWagonload
            | ProcessKind::RailMotion
            | ProcessKind::RunRoad
            | ProcessKind::RunSea
            | ProcessKind::RunPipeline
    )
}

/// What an effect is believed to be before any data, given its spread: that of which its exponential is 1 on
/// average, since not to know a duration well is no reason to think it longer than stated.
fn centre(tau: f64) -> f64 {
    -0.5 * tau * tau
}

/// An effect: of a kind of process, or of a place on it.
type Effect = (ProcessKind, String);

/// Factor of a process at a place, as estimated.
#[derive(Clone, Debug, PartialEq)]
pub struct Estimated {
    /// Kind of process.
    pub process: ProcessKind,
    /// Place; empty: elsewhere.
    pub place: String,
    /// Logarithm of the median of the factor.
    pub ln: f64,
    /// Standard deviation of it, with how places differ where this one has no data of its own.
    pub sd: f64,
    /// Observations that moved it most, the strongest first.
    pub drivers: Vec<String>,
}

/// A fit.
#[derive(Clone, Debug)]
pub struct Fit {
    /// Factors.
    pub factors: Vec<Estimated>,
    /// Spreads found.
    pub spreads: Spreads,
    /// The objective at its minimum.
    pub objective: f64,
}

/// Parts and effects of all cases.
struct Design<'a> {
    cases: &'a [Case<'a>],
    effects: Vec<Effect>,
    /// For each case, way and part, the effects on it.
    on: Vec<Vec<Vec<Vec<usize>>>>,
    /// For each case, the effects on the whole.
    whole: Vec<Vec<usize>>,
    /// Most levels of place that parts of a kind have.
    levels: BTreeMap<ProcessKind, usize>,
    /// For each place of a kind, the wider places of which it is one, itself first.
    chains: BTreeMap<Effect, Vec<String>>,
}

impl<'a> Design<'a> {
    fn new(cases: &'a [Case<'a>]) -> Self {
        let mut index: BTreeMap<Effect, usize> = BTreeMap::new();
        let mut levels: BTreeMap<ProcessKind, usize> = BTreeMap::new();
        let mut chains: BTreeMap<Effect, Vec<String>> = BTreeMap::new();
        // First the effects in the order of their keys, so that sums do not depend on the order of the cases.
        let mut note = |kind: ProcessKind, places: &[String], whole: bool| {
            if kind == ProcessKind::Given {
                return;
            }
            if !whole {
                index.entry((kind, String::new())).or_default();
            }
            let most = levels.entry(kind).or_default();
            *most = (*most).max(places.len());
            for (i, p) in places.iter().enumerate() {
                index.entry((kind, p.clone())).or_default();
                chains.entry((kind, p.clone())).or_insert_with(|| places[i..].to_vec());
            }
        };
        for c in cases {
            for p in c.response.ways.iter().flat_map(|w| &w.parts) {
                note(p.process, &p.places, false);
            }
            if let Some((kind, places)) = &c.response.mix {
                note(*kind, places, true);
            }
        }
        let effects: Vec<Effect> = index.keys().cloned().collect();
        for (i, e) in effects.iter().enumerate() {
            index.insert(e.clone(), i);
        }
        let of = |kind: ProcessKind, places: &[String], whole: bool| -> Vec<usize> {
            if kind == ProcessKind::Given {
                return Vec::new();
            }
            let all = (!whole).then(String::new);
            places.iter().cloned().chain(all).map(|p| index[&(kind, p)]).collect()
        };
        let on = cases
            .iter()
            .map(|c| {
                c.response
                    .ways
                    .iter()
                    .map(|w| w.parts.iter().map(|p| of(p.process, &p.places, false)).collect())
                    .collect()
            })
            .collect();
        let whole = cases
            .iter()
            .map(|c| c.response.mix.as_ref().map_or(Vec::new(), |(k, p)| of(*k, p, true)))
            .collect();
        Self { cases, effects, on, whole, levels, chains }
    }

    fn prior(&self, s: &Spreads) -> Vec<f64> {
        self.effects
            .iter()
            .map(|(kind, place)| match (place.is_empty(), runs(*kind)) {
                (false, _) => s.between_places(*kind),
                (true, true) => s.run_kind,
                (true, false) => s.kind,
            })
            .collect()
    }

    fn noise(&self, i: usize, s: &Spreads, priors: &Priors) -> f64 {
        let c = &self.cases[i];
        let own = match c.response.noise {
            Noise::Trip => c.response.trip_sd(&|_, _| 1.0),
            Noise::Sample => s.sample,
            Noise::Statement => s.statement,
        };
        // What is known to within a width is uniform in it, as a share of the value.
        let rounding = c.response.rounding_h / 12f64.sqrt() / c.ln.exp();
        let unsure = c.response.unsure;
        (own * own + rounding * rounding + unsure * unsure).sqrt().max(0.02) * priors.width(c.evidence)
    }

    /// Predictions and their slopes at effects.
    fn predict(&self, theta: &[f64]) -> (Vec<f64>, Vec<Vec<f64>>) {
        let mut ln = Vec::with_capacity(self.cases.len());
        let mut slopes = Vec::with_capacity(self.cases.len());
        for (c, case) in self.cases.iter().enumerate() {
            let on = &self.on[c];
            let k = |w: usize, i: usize| on[w][i].iter().map(|e| theta[*e]).sum::<f64>().exp();
            let mut row = vec![0.0; theta.len()];
            for (w, parts) in case.response.slope(&k).iter().enumerate() {
                for (i, d) in parts.iter().enumerate() {
                    for e in &on[w][i] {
                        row[*e] += d;
                    }
                }
            }
            let mut value = case.response.ln(&k);
            for e in &self.whole[c] {
                value += theta[*e];
                row[*e] += 1.0;
            }
            ln.push(value);
            slopes.push(row);
        }
        (ln, slopes)
    }

    fn objective(&self, theta: &[f64], ln: &[f64], sigma: &[f64], tau: &[f64]) -> f64 {
        let data: f64 = (0..ln.len()).map(|i| ((self.cases[i].ln - ln[i]) / sigma[i]).powi(2)).sum();
        let prior: f64 = theta.iter().zip(tau).map(|(t, s)| ((t - centre(*s)) / s).powi(2)).sum();
        0.5 * (data + prior)
    }

    /// Least of the objective.
    fn minimise(&self, start: Vec<f64>, sigma: &[f64], tau: &[f64]) -> (Vec<f64>, f64) {
        let n = start.len();
        let mut theta = start;
        let (mut ln, mut slopes) = self.predict(&theta);
        let mut value = self.objective(&theta, &ln, sigma, tau);
        for _ in 0..60 {
            let normal = self.normal(&slopes, sigma, tau);
            let Some(f) = normal else { break };
            let right: Vec<f64> = (0..n)
                .map(|j| {
                    let data: f64 = (0..ln.len())
                        .map(|i| slopes[i][j] * (self.cases[i].ln - ln[i]) / (sigma[i] * sigma[i]))
                        .sum();
                    data - (theta[j] - centre(tau[j])) / (tau[j] * tau[j])
                })
                .collect();
            let step = f.solve(&right);
            let mut share = 1.0;
            let mut moved = false;
            for _ in 0..30 {
                let next: Vec<f64> = theta.iter().zip(&step).map(|(t, d)| t + share * d).collect();
                let (next_ln, next_slopes) = self.predict(&next);
                let next_value = self.objective(&next, &next_ln, sigma, tau);
                if next_value < value {
                    moved = value - next_value > 1e-10 * (1.0 + value);
                    (theta, ln, slopes, value) = (next, next_ln, next_slopes, next_value);
                    break;
                }
                share *= 0.5;
            }
            if !moved {
                break;
            }
        }
        (theta, value)
    }

    fn normal(&self, slopes: &[Vec<f64>], sigma: &[f64], tau: &[f64]) -> Option<Factored> {
        Factored::new(tau.len(), |a, b| {
            let data: f64 =
                (0..slopes.len()).map(|i| slopes[i][a] * slopes[i][b] / (sigma[i] * sigma[i])).sum();
            data + if a == b { 1.0 / (tau[a] * tau[a]) } else { 0.0 }
        })
    }

    /// Logarithm of the marginal likelihood of spreads, by the quadratic approximation at effects.
    fn evidence(&self, theta: &[f64], ln: &[f64], slopes: &[Vec<f64>], s: &Spreads, priors: &Priors) -> f64 {
        let n = ln.len();
        let tau = self.prior(s);
        let sigma: Vec<f64> = (0..n).map(|i| self.noise(i, s, priors)).collect();
        let z: Vec<f64> = (0..n)
            .map(|i| {
                let linear: f64 = slopes[i]
                    .iter()
                    .zip(theta.iter().zip(&tau))
                    .map(|(d, (t, s))| d * (t - centre(*s)))
                    .sum();
                self.cases[i].ln - ln[i] + linear
            })
            .collect();
        let cov = Factored::new(n, |i, j| {
            let shared: f64 = (0..tau.len()).map(|k| slopes[i][k] * slopes[j][k] * tau[k] * tau[k]).sum();
            shared + if i == j { sigma[i] * sigma[i] } else { 0.0 }
        });
        let Some(cov) = cov else { return f64::NEG_INFINITY };
        let x = cov.solve(&z);
        let quadratic: f64 = x.iter().zip(&z).map(|(a, b)| a * b).sum();
        let prior: f64 = s.all().iter().zip(&priors.ranges).map(|(v, r)| r.far(*v).powi(2)).sum();
        -0.5 * (cov.ln_det() + quadratic + prior)
    }
}

/// Estimates factors from cases.
pub fn fit(cases: &[Case], priors: &Priors) -> Fit {
    let design = Design::new(cases);
    let mut values = priors.ranges.map(|r| r.best);
    let mut theta = vec![0.0; design.effects.len()];
    let mut objective = 0.0;
    // The approximation depends on the effects, and these on the spreads: three rounds settle both.
    for _ in 0..3 {
        let s = Spreads::of(values);
        let sigma: Vec<f64> = (0..cases.len()).map(|i| design.noise(i, &s, priors)).collect();
        (theta, objective) = design.minimise(theta, &sigma, &design.prior(&s));
        let (ln, slopes) = design.predict(&theta);
        for i in 0..values.len() {
            let r = priors.ranges[i];
            let best = (0..GRID)
                .map(|g| r.at(g))
                .map(|v| {
                    let mut trial = values;
                    trial[i] = v;
                    (design.evidence(&theta, &ln, &slopes, &Spreads::of(trial), priors), v)
                })
                // Of equal ones the first, so that the answer does not depend on the order of comparison.
                .reduce(|a, b| if b.0 > a.0 + 1e-9 { b } else { a });
            if let Some((_, v)) = best {
                values[i] = v;
            }
        }
    }
    let s = Spreads::of(values);
    let sigma: Vec<f64> = (0..cases.len()).map(|i| design.noise(i, &s, priors)).collect();
    let tau = design.prior(&s);
    if !cases.is_empty() {
        (theta, objective) = design.minimise(theta, &sigma, &tau);
    }
    let (_, slopes) = design.predict(&theta);
    let covariance = design.normal(&slopes, &sigma, &tau).map(|f| f.inverse()).unwrap_or_default();
    Fit { factors: combine(&design, &theta, &covariance, &slopes, &sigma, &s), spreads: s, objective }
}

/// Factors of kinds, states and places as sums of their effects, with what is not known of the sums.
fn combine(
    d: &Design,
    theta: &[f64],
    covariance: &[Vec<f64>],
    slopes: &[Vec<f64>],
    sigma: &[f64],
    s: &Spreads,
) -> Vec<Estimated> {
    let index: BTreeMap<&Effect, usize> = d.effects.iter().enumerate().map(|(i, e)| (e, i)).collect();
    let mut out = Vec::new();
    for (kind, place) in &d.effects {
        let whole = matches!(kind, ProcessKind::MixRail | ProcessKind::MixRoad);
        let chain: Vec<String> = if place.is_empty() {
            vec![String::new()]
        } else {
            let own = d.chains[&(*kind, place.clone())].clone();
            own.into_iter().chain((!whole).then(String::new)).collect()
        };
        let members: Vec<usize> = chain.iter().map(|p| index[&(*kind, p.clone())]).collect();
        let ln: f64 = members.iter().map(|m| theta[*m]).sum();
        let known: f64 = members.iter().flat_map(|a| members.iter().map(|b| covariance[*a][*b])).sum();
        // Levels of place below this one, of which nothing is known, differ as places do.
        let used = chain.iter().filter(|p| !p.is_empty()).count();
        let below = d.levels[kind].saturating_sub(used) as f64;
        let between = s.between_places(*kind);
        let ln = ln + below * centre(between);
        let sd = (known + below * between.powi(2)).max(0.0).sqrt();
        // How much the sum would move by one standard deviation of each observation.
        let mut pull: Vec<(f64, &str)> = (0..slopes.len())
            .map(|i| {
                let moved: f64 = members
                    .iter()
                    .map(|m| (0..theta.len()).map(|j| covariance[*m][j] * slopes[i][j]).sum::<f64>())
                    .sum();
                ((moved / sigma[i]).abs(), d.cases[i].id)
            })
            .collect();
        pull.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
        let most = pull.first().map_or(0.0, |p| p.0);
        let drivers =
            pull.iter().take(6).filter(|p| p.0 > 0.1 * most && p.0 > 1e-4).map(|p| p.1.to_owned()).collect();
        out.push(Estimated { process: *kind, place: place.clone(), ln, sd, drivers });
    }
    // A place of which the data say nothing of its own is left to the wider one.
    let wider = |e: &Estimated| -> Option<usize> {
        let chain = d.chains.get(&(e.process, e.place.clone()))?;
        let next = chain.get(1).cloned().unwrap_or_default();
        out.iter().position(|o| o.process == e.process && o.place == next)
    };
    let says: Vec<bool> = out
        .iter()
        .map(|e| {
            wider(e).is_none_or(|w| (e.ln - out[w].ln).abs() > 0.05 || (e.sd / out[w].sd - 1.0).abs() > 0.05)
        })
        .collect();
    out.into_iter().zip(says).filter(|(_, says)| *says).map(|(e, _)| e).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::response::{Centre, Part, Way};
    use karvan_model::calibration::Factor;

    fn response(parts: &[(ProcessKind, &str, f64)]) -> Response {
        let parts = parts
            .iter()
            .map(|(process, place, mean)| Part {
                process: *process,
                places: vec![(*place).to_owned()],
                name: format!("{process}/{place}"),
                mean: *mean,
                sd: 0.5 * mean,
                group: String::new(),
                rho: 0.0,
                factor: Factor::default(),
            })
            .collect();
        Response {
            ways: vec![Way { weight: 1.0, km: 0.0, parts }],
            speed: false,
            centre: Centre::Mean,
            noise: Noise::Sample,
            unsure: 0.0,
            mix: None,
            journeys: vec![],
            rounding_h: 0.0,
            label: String::new(),
            claims: vec![],
            naive: None,
        }
    }

    /// Spreads held fast, so that closed forms apply.
    fn fixed(kind: f64, place: f64, sample: f64) -> Priors {
        let at = |v: f64| Range { low: v, best: v, high: v };
        Priors {
            ranges: [at(kind), at(place), at(kind), at(place), at(0.5), at(sample), at(0.3)],
            volumes: [at(0.5); SPREADS],
            reported: 1.25,
            claimed: 2.0,
        }
    }

    fn find<'a>(f: &'a Fit, kind: ProcessKind, place: &str) -> &'a Estimated {
        f.factors.iter().find(|e| e.process == kind && e.place == place).unwrap()
    }

    /// Closed form: a normal mean with a normal prior, two effects that add.
    #[test]
    fn one_observation_is_shared_between_kind_and_place() {
        let r = response(&[(ProcessKind::ExitRoad, "XA", 5.0)]);
        let cases = [Case { id: "a", ln: 20f64.ln(), evidence: Evidence::Measured, response: &r }];
        let f = fit(&cases, &fixed(0.6, 0.3, 0.4));
        let (vk, vp, vs) = (0.36, 0.09, 0.16);
        let gain = (vk + vp) / (vk + vp + vs);
        let here = find(&f, ProcessKind::ExitRoad, "XA");
        // A factor of 1 on average is believed beforehand.
        let before = -(vk + vp) / 2.0;
        let surprise = 4f64.ln() - before;
        assert!((here.ln - before - gain * surprise).abs() < 1e-9, "{}", here.ln);
        assert!((here.sd.powi(2) - (1.0 - gain) * (vk + vp)).abs() < 1e-9);
        // Elsewhere only the kind is learnt, and places differ.
        let all = find(&f, ProcessKind::ExitRoad, "");
        let kind_gain = vk / (vk + vp + vs);
        assert!((all.ln - before - kind_gain * surprise).abs() < 1e-9);
        assert!((all.sd.powi(2) - (vk - vk * vk / (vk + vp + vs) + vp)).abs() < 1e-9);
        assert_eq!(here.drivers, ["a"]);
    }

    /// What is claimed moves the estimate less than what is measured.
    #[test]
    fn claims_weigh_less() {
        let r = response(&[(ProcessKind::ExitRoad, "XA", 5.0)]);
        let at = |evidence| {
            let cases = [Case { id: "a", ln: 20f64.ln(), evidence, response: &r }];
            find(&fit(&cases, &fixed(0.6, 0.3, 0.4)), ProcessKind::ExitRoad, "XA").ln
        };
        assert!(at(Evidence::Measured) > at(Evidence::Reported));
        assert!(at(Evidence::Reported) > at(Evidence::Claimed));
    }

    /// Factors that made the data are found again when there are many data, and lie inside their intervals.
    #[test]
    fn known_factors_are_found_again() {
        let kinds = [ProcessKind::RunBlock, ProcessKind::ExitRail, ProcessKind::GaugeChange];
        let truth = [0.5f64, -0.4, 0.9];
        let mut responses = Vec::new();
        for i in 0..30 {
            let mean = |k: usize| [40.0, 25.0, 20.0][k] * (0.3 + ((i * (k + 3)) % 7) as f64 / 5.0);
            responses.push(response(&[
                (kinds[0], "XA", mean(0)),
                (kinds[1], "XA", mean(1)),
                (kinds[2], "XA", mean(2)),
            ]));
        }
        let cases: Vec<Case> = responses
            .iter()
            .map(|r| {
                let k = |_: usize, i: usize| truth[i].exp();
                Case { id: "x", ln: r.ln(&k), evidence: Evidence::Measured, response: r }
            })
            .collect();
        let f = fit(&cases, &fixed(1.0, 0.5, 0.05));
        for (kind, t) in kinds.iter().zip(truth) {
            let e = find(&f, *kind, "XA");
            assert!((e.ln - t).abs() < 0.05 + e.sd, "{kind}: {} {t}", e.ln);
            assert!(e.sd < 0.3);
        }
    }
}
