//! Waiting for a departure and for the weather, and durations as something one can draw from.

use std::sync::Arc;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use karvan_model::tables::{Departure, Service};
use karvan_units::{Dist, standard_normal_cdf};

/// A duration as a function of a standard normal variate: the quantile function on a grid of `z`.
///
/// Two processes are correlated by correlating their `z` (a Gaussian copula). Between grid points the
/// quantile is interpolated; beyond ±4 the ends hold, which 6 draws in 100,000 meet.
#[derive(Clone, Debug, PartialEq)]
pub struct Quantiles {
    at: Arc<[f32]>,
    mean: f64,
    sd: f64,
}

const Z_MAX: f64 = 4.0;
const STEPS: usize = 160;

impl Quantiles {
    /// The table of a distribution.
    pub fn of(d: &Dist) -> Self {
        let at: Vec<f32> = grid().map(|z| d.quantile(standard_normal_cdf(z)) as f32).collect();
        Self { at: at.into(), mean: d.mean(), sd: d.sd() }
    }

    /// The table of a cumulative distribution function on a grid of durations from 0 to `longest` h.
    pub fn of_cdf(longest: f64, cdf: impl Fn(f64) -> f64) -> Self {
        const CELLS: usize = 200;
        // Finer near nothing, where most of the probability lies.
        let x = |i: usize| longest * (i as f64 / CELLS as f64).powi(2);
        let p: Vec<f64> = (0..=CELLS).map(|i| cdf(x(i))).collect();
        let (mut mean, mut square) = (0.0, 0.0);
        for i in 1..=CELLS {
            let mass = (p[i] - p[i - 1]).max(0.0);
            let (a, b) = (x(i - 1), x(i));
            mean += mass * (a + b) / 2.0;
            square += mass * (a * a + a * b + b * b) / 3.0;
        }
        let rest = (1.0 - p[CELLS]).max(0.0);
        mean += rest * longest;
        square += rest * longest * longest;
        let quantile = |q: f64| {
            let i = p.partition_point(|v| *v < q);
            match i {
                0 => 0.0,
                i if i > CELLS => longest,
                i => {
                    let width = p[i] - p[i - 1];
                    let f = if width > 0.0 { (q - p[i - 1]) / width } else { 1.0 };
                    x(i - 1) + f * (x(i) - x(i - 1))
                }
            }
        };
        let at: Vec<f32> = grid().map(|z| quantile(standard_normal_cdf(z)) as f32).collect();
        Self { at: at.into(), mean, sd: (square - mean * mean).max(0.0).sqrt() }
    }

    /// The same, some hours later.
    pub fn later_by(self, h: f64) -> Self {
        if h <= 0.0 {
            return self;
        }
        let at: Vec<f32> = self.at.iter().map(|v| v + h as f32).collect();
        Self { at: at.into(), mean: self.mean + h, sd: self.sd }
    }

    /// The same, every duration multiplied.
    pub fn scale(&self, k: f64) -> Self {
        if k == 1.0 {
            return self.clone();
        }
        let at: Vec<f32> = self.at.iter().map(|v| v * k as f32).collect();
        Self { at: at.into(), mean: self.mean * k, sd: self.sd * k }
    }

    /// The duration at a standard normal variate, h.
    #[inline]
    pub fn at(&self, z: f64) -> f64 {
        let pos = ((z + Z_MAX) / (2.0 * Z_MAX) * STEPS as f64).clamp(0.0, STEPS as f64 - 1e-9);
        let i = pos as usize;
        let f = pos - i as f64;
        f64::from(self.at[i]) * (1.0 - f) + f64::from(self.at[i + 1]) * f
    }
    /// Mean, h.
    pub fn mean(&self) -> f64 {
        self.mean
    }
    /// Standard deviation, h.
    pub fn sd(&self) -> f64 {
        self.sd
    }
}

fn grid() -> impl Iterator<Item = f64> {
    (0..=STEPS).map(|i| -Z_MAX + 2.0 * Z_MAX * i as f64 / STEPS as f64)
}

/// How long a consignment waits for a departure.
#[derive(Clone, Debug)]
pub enum Wait {
    /// Until the next of these hours of the week, counted in UTC from Monday 00:00.
    Timetable(Vec<f64>),
    /// By a distribution that does not depend on the hour.
    Random(Quantiles),
}

impl Wait {
    /// The wait at a stop of a service for a consignment of `units`; `back` asks for the times of the last stop.
    ///
    /// `full` is [`until_full`] of the service, for one that departs when full.
    pub fn of(
        service: &Service,
        full: impl Fn() -> Option<Quantiles>,
        units: f64,
        back: bool,
        zone: &TimeZone,
        near: Date,
    ) -> Option<Wait> {
        let headway = service.headway_h.map_or(0.0, |h| h.best.max(0.0));
        let capacity = service.capacity.best.max(1e-9);
        // What does not fit one departure waits for the next ones.
        let later = ((units / capacity - 1e-9).ceil() - 1.0).max(0.0);
        Some(match service.departure {
            Departure::Timetable => {
                let times = if back { &service.times_back } else { &service.times };
                let mut hours: Vec<f64> = times.iter().filter_map(|t| hour_of_week(t, zone, near)).collect();
                hours.sort_by(f64::total_cmp);
                if hours.is_empty() {
                    return None;
                }
                Wait::Timetable(hours)
            }
            Departure::Headway => {
                Wait::Random(Quantiles::of(&shifted(later * headway, Dist::Uniform(0.0, headway))))
            }
            Departure::OnDemand => {
                // Positioning: sometimes a vessel lies ready, at worst it comes from a full round.
                Wait::Random(Quantiles::of(&shifted(later * headway, Dist::Uniform(0.0, 2.0 * headway))))
            }
            Departure::WhenFull => {
                let per_h = service.fill_per_day.map_or(0.0, |f| f.best) / 24.0;
                Wait::Random(full()?.later_by(later * (capacity / per_h).max(headway)))
            }
        })
    }

    /// Mean and standard deviation of the wait from an hour of the week on.
    pub fn mean_sd(&self, hour_of_week: f64) -> (f64, f64) {
        match self {
            Wait::Timetable(hours) => (next_departure(hours, hour_of_week), 0.0),
            Wait::Random(q) => (q.mean(), q.sd()),
        }
    }
}

/// Hours from an hour of the week to the next departure.
pub fn next_departure(hours: &[f64], hour_of_week: f64) -> f64 {
    let h = hour_of_week.rem_euclid(168.0);
    match hours.iter().find(|d| **d >= h - 1e-9) {
        Some(d) => (d - h).max(0.0),
        None => hours.first().map_or(0.0, |d| d + 168.0 - h),
    }
}

fn shifted(by: f64, d: Dist) -> Dist {
    if by > 0.0 { Dist::Shift(by, Box::new(d)) } else { d }
}

/// Until a vessel is full and there.
///
/// A consignment finds the vessel filled to any degree alike, so the units still missing once it has been stowed
/// are uniform on 0 … capacity − 1. Others arrive as a Poisson process: with N units come by hour x, the vessel is
/// full with probability (1 + E min(N, capacity − 1)) / capacity. The vessel itself is back after a uniform part
/// of its round. The later of the two decides.
pub fn until_full(capacity: f64, per_h: f64, round_h: f64) -> Quantiles {
    let c = capacity.round().max(1.0);
    let filled = |x: f64| {
        let most = c - 1.0;
        let m = per_h * x;
        if most < 1.0 {
            return 1.0;
        }
        if m <= 0.0 {
            return 1.0 / c;
        }
        // P(N <= k) of a Poisson variate is the regularised upper incomplete gamma function Q(k + 1, m).
        let at_most = |k: f64| if k < 0.0 { 0.0 } else { statrs::function::gamma::gamma_ur(k + 1.0, m) };
        (1.0 + m * at_most(most - 2.0) + most * (1.0 - at_most(most - 1.0))) / c
    };
    let there = |x: f64| if round_h > 0.0 { (x / round_h).min(1.0) } else { 1.0 };
    let longest = (c / per_h + 5.0 * c.sqrt() / per_h).max(round_h);
    Quantiles::of_cdf(longest, |x| filled(x) * there(x))
}

/// The hour of the week, in UTC, of a local departure such as `Tue 18:00`.
pub fn hour_of_week(text: &str, zone: &TimeZone, near: Date) -> Option<f64> {
    const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
    let (day, time) = text.trim().split_once(' ')?;
    let day = DAYS.iter().position(|d| *d == day)? as f64;
    let (h, m) = time.trim().split_once(':')?;
    let (h, m): (f64, f64) = (h.parse().ok()?, m.parse().ok()?);
    if !(0.0..24.0).contains(&h) || !(0.0..60.0).contains(&m) {
        return None;
    }
    let offset = near.to_zoned(zone.clone()).ok()?.offset().seconds();
    Some((day * 24.0 + h + m / 60.0 - f64::from(offset) / 3600.0).rem_euclid(168.0))
}

/// Waiting for the weather at one node, by month.
///
/// Closures are a two-state process with exponential spells, so a vessel that comes at any time finds the port
/// shut with probability `closed_share` and then waits for another mean spell.
#[derive(Clone, Debug)]
pub struct WeatherWait {
    /// January first.
    pub months: [Option<Quantiles>; 12],
    /// Region whose weather it shares.
    pub region: String,
}

impl WeatherWait {
    /// The process of the rows of one node; `None` if there are none.
    pub fn of<'a>(rows: impl Iterator<Item = &'a karvan_model::tables::Weather>) -> Option<WeatherWait> {
        let mut months: [Option<Quantiles>; 12] = Default::default();
        let mut region = None;
        for r in rows {
            region.get_or_insert_with(|| r.region.clone());
            let (share, spell) = (r.closed_share.best.clamp(0.0, 1.0), r.mean_spell_h.best.max(1e-3));
            let q = Quantiles::of_cdf(spell * 10.0, |x| 1.0 - share * (-x / spell).exp());
            for m in 1..=12u32 {
                if r.months.is_empty() || r.months.contains(&m) {
                    months[m as usize - 1] = Some(q.clone());
                }
            }
        }
        Some(WeatherWait { months, region: region? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn a_table_draws_what_the_distribution_says() {
        let d: Dist = "lognormal(p50=6, p90=20)".parse().unwrap();
        let q = Quantiles::of(&d);
        assert!((q.at(0.0) - 6.0).abs() < 0.01);
        assert!((q.at(1.281_551_565_5) - 20.0).abs() < 0.05);
    }

    #[test]
    fn weekly_departures_are_met_in_local_time() {
        let zone = TimeZone::get("Europe/Sofia").unwrap();
        // 18:00 in Sofia in winter is 16:00 UTC; Tuesday is the second day.
        assert_eq!(hour_of_week("Tue 18:00", &zone, date(2025, 1, 14)), Some(24.0 + 16.0));
        assert_eq!(hour_of_week("Tue 25:00", &zone, date(2025, 1, 14)), None);
        assert_eq!(next_departure(&[40.0], 41.0), 167.0);
        assert_eq!(next_departure(&[40.0], 40.0), 0.0);
    }

    /// Closed form, with a ship always there: of u units missing, uniform on 0 … c − 1, each takes 1/rate.
    #[test]
    fn filling_takes_half_the_capacity_over_the_rate() {
        for (c, per_h) in [(40.0, 2.0), (225.0, 1.0), (8.0, 0.5)] {
            let q = until_full(c, per_h, 0.0);
            let expected = (c - 1.0) / 2.0 / per_h;
            assert!((q.mean() - expected).abs() < 0.01 * expected, "{} {expected}", q.mean());
            // Var = E[u]/λ² + Var(u)/λ².
            let var = ((c - 1.0) / 2.0 + (c * c - 1.0) / 12.0) / per_h / per_h;
            assert!((q.sd() - var.sqrt()).abs() < 0.02 * var.sqrt(), "{} {}", q.sd(), var.sqrt());
        }
    }

    #[test]
    fn weather_waits_share_times_spell() {
        let rows = [karvan_model::tables::Weather {
            id: karvan_model::cell::Id("w".into()),
            node: karvan_model::cell::Ref::new("p"),
            months: karvan_model::cell::List(vec![11]),
            closed_share: karvan_units::Estimate::exact(0.5),
            mean_spell_h: karvan_units::Estimate::exact(30.0),
            region: "sea".into(),
            claim: karvan_model::cell::Claim { sources: vec![], assumed: Some("test".into()) },
        }];
        let w = WeatherWait::of(rows.iter()).unwrap();
        assert!(w.months[0].is_none());
        let q = w.months[10].as_ref().unwrap();
        assert!((q.mean() - 15.0).abs() < 0.1, "{}", q.mean());
        assert!(q.at(-0.1) < 1e-3, "open half of the time");
    }
}
