//! Volumes and queues by what other pages counted: a level a series, how it grows, and how such figures differ.
//!
//! Until a year is loaded, what passes a place is known from counts of other times and of neighbouring kinds. The
//! logarithm of what moves a day (of a queue: what waits) is a Gaussian process, the sum of
//!
//! - a level of the kind of figure (tonnes, lorries waiting, ...), of which nothing is believed beforehand;
//! - how its modes, its places and its series differ: a series is one measure between the same places by the same mode,
//!   cargo and carriers, and a place that has much of one has more of the rest;
//! - how much less a part is than the whole: one cargo of all, one carrier's share;
//! - growth common to all and growth of a series, both linear in time, and a random walk of each series;
//! - noise of one count, wider where the period is a part of a year, of a queue by how it differs from day to day, and by
//!   the kind of evidence.
//!
//! Its prediction is the normal of the row given all others (kriging). Spreads are those of greatest marginal
//! likelihood under a prior around the model's parameters, found one after the other on a grid. The page of a row is
//! left out, of the spreads as well, and so is every count of the same series in the same days: what two
//! papers say of one year is no prediction of it.
//!
//! [`Trends`] carries a series' own figures on, as a plain estimate to put a prediction beside.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use karvan_model::Model;
use karvan_model::observed::{Direction, Measure, Observation, Statistic};

use crate::fit::{GRID, Priors};
use crate::linear::Factored;
use crate::places::{Names, Spot};

/// Spread of the level of a kind of figure, of which nothing is believed: from a tonne to a megatonne a day.
const LEVEL: f64 = 7.0;

/// Spreads of logarithms, in the order of the model's parameters.
const MODE: usize = 0;
const PLACE: usize = 1;
const SERIES: usize = 2;
const WALK: usize = 3;
const GROWTH: usize = 4;
const COUNT: usize = 5;
const SEASON: usize = 6;
const QUEUE: usize = 7;

/// Number of spreads.
pub(crate) const SPREADS: usize = 8;

/// Whether a measure is one of volumes or queues.
pub fn is_volume(m: Measure) -> bool {
    matches!(
        m,
        Measure::Tonnage
            | Measure::Containers
            | Measure::Wagons
            | Measure::Trucks
            | Measure::Trains
            | Measure::VesselCalls
            | Measure::QueueLength
    )
}

/// A count as the process sees it.
struct Count<'o> {
    o: &'o Observation,
    /// Logarithm of what moves a day, or waits.
    ln: f64,
    kind: u32,
    mode: u32,
    series: u32,
    places: BTreeSet<u32>,
    /// Whether one cargo or one carrier is counted.
    part: bool,
    /// Middle of the period, years from the middle of all: so growth and level are told apart.
    at: f64,
    /// Length of the period, days.
    days: f64,
}

/// A prediction of a count.
#[derive(Clone, Debug, PartialEq)]
pub struct Forecast {
    /// Logarithm of the median, in the unit of the row.
    pub ln: f64,
    /// Standard deviation of it, with the noise of the row itself.
    pub sd: f64,
    /// The nearest count of the same series in time, carried over: a naive estimate.
    pub naive: Option<f64>,
    /// What it rests on, in words.
    pub label: String,
}

/// Counts of a model, to predict others.
pub struct Series<'a> {
    counts: Vec<Count<'a>>,
    names: Names<'a>,
    ids: BTreeMap<String, u32>,
    priors: &'a Priors,
    /// Year from which time counts.
    epoch: f64,
    /// Spreads without each page, once they were asked for; of a page that counts nothing here, those of all pages.
    spreads: BTreeMap<String, [f64; SPREADS]>,
    /// Covariances without a page and without some counts, factored: rows that leave out the same share them.
    factors: BTreeMap<(String, Vec<usize>), Factored>,
}

impl<'a> Series<'a> {
    /// The outcomes of a model that count something. Rows that count nothing sound are left out.
    pub fn new(model: &'a Model, priors: &'a Priors) -> Self {
        let mut out = Self {
            counts: Vec::new(),
            names: Names::new(model),
            ids: BTreeMap::new(),
            priors,
            epoch: 0.0,
            spreads: BTreeMap::new(),
            factors: BTreeMap::new(),
        };
        for o in model.tables.observation.iter().filter(|o| o.outcome && is_volume(o.measure)) {
            if let Ok(c) = out.count(o) {
                out.counts.push(c);
            }
        }
        let n = out.counts.len().max(1) as f64;
        out.epoch = out.counts.iter().map(|c| c.at).sum::<f64>() / n;
        for c in &mut out.counts {
            c.at -= out.epoch;
        }
        out
    }

    fn id(&mut self, key: String) -> u32 {
        let next = self.ids.len() as u32;
        *self.ids.entry(key).or_insert(next)
    }

    fn count<'o>(&mut self, o: &'o Observation) -> Result<Count<'o>, String> {
        let (base, per_day) = rate(o)?;
        if matches!(o.statistic, Statistic::Min | Statistic::Max) {
            return Err(format!("the {} of a number of counts that is not stated", o.statistic));
        }
        if o.value <= 0.0 {
            return Err(format!("{} {} is no such amount", o.value, o.unit));
        }
        let named = Named::of(&self.names, o);
        if named.places.is_empty() {
            return Err("neither a place nor a relation is stated".into());
        }
        let kind = format!("{} {base}", o.measure);
        let cargo = o.cargo.as_deref().unwrap_or("all");
        let whole = ["all", "general", "containerised"].contains(&cargo);
        let part = !whole || o.via.iter().any(|v| v.trim_start().starts_with("carrier:"));
        let mode = format!("{kind} {}", o.mode);
        let series = format!("{base} {}", named.series);
        let places = named.places.into_iter().map(|p| self.id(p)).collect();
        Ok(Count {
            o,
            ln: per_day.ln(),
            kind: self.id(kind),
            mode: self.id(mode),
            series: self.id(series),
            places,
            part,
            at: middle(o) - self.epoch,
            days: days(o),
        })
    }

    fn noise(&self, c: &Count, s: &[f64; SPREADS]) -> f64 {
        let part = (1.0 - c.days / 365.25).max(0.0);
        let by_time = match c.o.measure {
            Measure::QueueLength => s[QUEUE].powi(2),
            _ => s[SEASON].powi(2) * part,
        };
        (s[COUNT].powi(2) + by_time).sqrt() * self.priors.width(c.o.evidence)
    }

    /// Spreads from all counts but those of a page.
    fn without(&mut self, page: &str) -> [f64; SPREADS] {
        if let Some(s) = self.spreads.get(page) {
            return *s;
        }
        let rows: Vec<&Count> = self.counts.iter().filter(|c| c.o.source_url != page).collect();
        let ranges = &self.priors.volumes;
        let mut values = ranges.map(|r| r.best);
        // Two rounds settle what one coordinate says to another.
        for _ in 0..2 {
            for i in 0..SPREADS {
                let best = (0..GRID)
                    .map(|g| ranges[i].at(g))
                    .map(|v| {
                        let mut trial = values;
                        trial[i] = v;
                        (self.evidence(&rows, &trial), v)
                    })
                    .reduce(|a, b| if b.0 > a.0 + 1e-9 { b } else { a });
                if let Some((_, v)) = best {
                    values[i] = v;
                }
            }
        }
        self.spreads.insert(page.to_owned(), values);
        values
    }

    /// Logarithm of the marginal likelihood of spreads, with their prior.
    fn evidence(&self, rows: &[&Count], s: &[f64; SPREADS]) -> f64 {
        let Some(f) = self.factored(rows, s) else { return f64::NEG_INFINITY };
        let y: Vec<f64> = rows.iter().map(|c| c.ln).collect();
        let quadratic: f64 = f.solve(&y).iter().zip(&y).map(|(a, b)| a * b).sum();
        let prior: f64 = s.iter().zip(&self.priors.volumes).map(|(v, r)| r.far(*v).powi(2)).sum();
        -0.5 * (f.ln_det() + quadratic + prior)
    }

    fn factored(&self, rows: &[&Count], s: &[f64; SPREADS]) -> Option<Factored> {
        Factored::new(rows.len(), |i, j| {
            let own = if i == j { self.noise(rows[i], s).powi(2) } else { 0.0 };
            covariance(rows[i], rows[j], s) + own
        })
    }

    /// What other pages let one expect of a count.
    ///
    /// # Errors
    /// Why nothing: in words for a planner.
    pub fn forecast(&mut self, o: &Observation) -> Result<Forecast, String> {
        let c = self.count(o)?;
        let counts_here = self.counts.iter().any(|r| r.o.source_url == o.source_url);
        let page = if counts_here { o.source_url.as_str() } else { "" };
        let s = self.without(page);
        let left_out: Vec<usize> = (0..self.counts.len())
            .filter(|i| {
                let r = &self.counts[*i];
                let overlaps = r.o.period_start <= o.period_end && o.period_start <= r.o.period_end;
                r.o.source_url == o.source_url || overlaps && r.series == c.series
            })
            .collect();
        let key = (page.to_owned(), left_out);
        let kept = |i: &usize| key.1.binary_search(i).is_err();
        let rows: Vec<&Count> = (0..self.counts.len()).filter(kept).map(|i| &self.counts[i]).collect();
        let same: Vec<&&Count> = rows.iter().filter(|r| r.series == c.series).collect();
        let near = rows
            .iter()
            .filter(|r| r.kind == c.kind && r.series != c.series && !r.places.is_disjoint(&c.places))
            .count();
        if same.is_empty() && near == 0 {
            return Err(format!(
                "no other page of the model's observations counts {} in {} at any of its places, and what moves there \
                 needs a loaded year (assignment or simulation)",
                o.measure, o.unit
            ));
        }
        let f = match self.factors.get(&key) {
            Some(f) => f,
            None => {
                let f = self.factored(&rows, &s).ok_or("the counts of other pages contradict one another")?;
                &*self.factors.entry(key).or_insert(f)
            }
        };
        let cross: Vec<f64> = rows.iter().map(|r| covariance(r, &c, &s)).collect();
        let weights = f.solve(&cross);
        let ln: f64 = weights.iter().zip(&rows).map(|(w, r)| w * r.ln).sum();
        let known: f64 = weights.iter().zip(&cross).map(|(w, k)| w * k).sum();
        let var = (covariance(&c, &c, &s) - known).max(0.0) + self.noise(&c, &s).powi(2);
        let scale = o.value.ln() - c.ln;
        let nearest = same
            .iter()
            .min_by(|a, b| (a.at - c.at).abs().total_cmp(&(b.at - c.at).abs()).then(a.o.id.0.cmp(&b.o.id.0)));
        Ok(Forecast {
            ln: ln + scale,
            sd: var.sqrt(),
            naive: nearest.map(|r| (r.ln + scale).exp()),
            label: format!("{} counts of the same, {near} of its kind at its places", same.len()),
        })
    }
}

/// What a row is about, in one word for each place, whichever of its names is used.
struct Named {
    places: BTreeSet<String>,
    /// The same of two rows that say the same of other times.
    series: String,
}

impl Named {
    fn of(names: &Names, o: &Observation) -> Self {
        let word = |text: &str| match names.find(text, o.mode, o.period_start) {
            Ok(Spot::Nodes(n)) => format!("node {}", n.first().map_or(0, |n| n.ix())),
            Ok(Spot::State(s)) => format!("state {}", s.ix()),
            _ => text.trim().to_lowercase(),
        };
        let place = |t: &Option<String>| t.as_deref().map(word);
        let (from, to, at) = (place(&o.from), place(&o.to), place(&o.at));
        let via: BTreeSet<String> = o.via.iter().map(|v| word(v)).collect();
        let places = [&from, &to, &at].into_iter().flatten().cloned().collect();
        // The two ways together have no order; a side of a border says which way.
        let way = match (o.direction, from, to) {
            (Some(Direction::Both), Some(a), Some(b)) if a > b => (Some(b), Some(a)),
            (_, from, to) => (from, to),
        };
        let cargo = o.cargo.as_deref().unwrap_or("all");
        let series = format!("{} {way:?} {at:?} {via:?} {} {cargo} {:?}", o.measure, o.mode, o.direction);
        Self { places, series }
    }
}

/// What a series said at its own times, to be carried on: the plain estimates that a prediction is put beside.
pub struct Trends<'a> {
    names: Names<'a>,
    said: Vec<Said<'a>>,
}

/// A figure of a series.
struct Said<'o> {
    o: &'o Observation,
    series: String,
    /// Logarithm of what moves a day, or of the figure itself.
    ln: f64,
}

/// A figure that a trend or a plan gives for the period of a row, in its unit.
#[derive(Clone, Debug, PartialEq)]
pub struct Carried {
    /// Figure.
    pub value: f64,
    /// Figures it rests on.
    pub rests_on: Vec<String>,
}

impl<'a> Trends<'a> {
    /// Figures that may be carried on. Those that are none (nothing, of no known unit) are left out.
    pub fn new(model: &'a Model, rows: impl Iterator<Item = &'a Observation>) -> Self {
        let names = Names::new(model);
        let said = rows
            .filter_map(|o| {
                let (series, ln) = said(&names, o)?;
                Some(Said { o, series, ln })
            })
            .collect();
        Self { names, said }
    }

    /// Figures of the series of a row on other pages than its own, with the logarithm that turns a rate into its unit.
    fn own(&self, o: &Observation) -> Option<(Vec<&Said<'a>>, f64)> {
        let (series, ln) = said(&self.names, o)?;
        let own = self.said.iter().filter(|s| s.series == series && s.o.source_url != o.source_url);
        Some((own.collect(), o.value.ln() - ln))
    }

    /// The line of least squares through the logarithms of the series' figures, at the middle of the row's period;
    /// where they lie less than a year apart, the last of them.
    pub fn trend(&self, o: &Observation) -> Option<Carried> {
        let (own, scale) = self.own(o)?;
        let at: Vec<f64> = own.iter().map(|s| middle(s.o)).collect();
        let last = (0..own.len())
            .max_by(|a, b| at[*a].total_cmp(&at[*b]).then(own[*b].o.id.0.cmp(&own[*a].o.id.0)))?;
        let first = at.iter().copied().fold(f64::INFINITY, f64::min);
        let ln = if at[last] - first < 1.0 - 1e-9 {
            return Some(Carried {
                value: (own[last].ln + scale).exp(),
                rests_on: vec![own[last].o.id.0.clone()],
            });
        } else {
            let n = own.len() as f64;
            let (x, y) = (at.iter().sum::<f64>() / n, own.iter().map(|s| s.ln).sum::<f64>() / n);
            let slope = own.iter().zip(&at).map(|(s, a)| (a - x) * (s.ln - y)).sum::<f64>()
                / at.iter().map(|a| (a - x).powi(2)).sum::<f64>();
            y + slope * (middle(o) - x)
        };
        let rests_on = own.iter().map(|s| s.o.id.0.clone()).collect();
        Some(Carried { value: (ln + scale).exp(), rests_on })
    }

    /// The figure for a period that holds the row's, on a page published before the row's period was over: the last
    /// before it began, or else the first. A part of the period is taken for its share of the days.
    pub fn plan(&self, o: &Observation) -> Option<Carried> {
        let (own, scale) = self.own(o)?;
        let published =
            |s: &&&Said| published_by(s.o).filter(|d| *d < o.period_end).map(|d| (d, s.o.id.0.clone()));
        let covers: Vec<(&Said, (Date, String))> = own
            .iter()
            .filter(|s| s.o.period_start <= o.period_start && o.period_end <= s.o.period_end)
            .filter_map(|s| Some((*s, published(&s)?)))
            .collect();
        let before = covers.iter().filter(|(_, p)| p.0 < o.period_start).max_by(|a, b| a.1.cmp(&b.1));
        let (s, _) = before.or_else(|| covers.iter().min_by(|a, b| a.1.cmp(&b.1)))?;
        Some(Carried { value: (s.ln + scale).exp(), rests_on: vec![s.o.id.0.clone()] })
    }
}

/// The series of a figure and the logarithm of its rate.
fn said(names: &Names, o: &Observation) -> Option<(String, f64)> {
    let (base, rate) = if is_volume(o.measure) { rate(o).ok()? } else { (o.unit.clone(), o.value) };
    (rate > 0.0).then(|| (format!("{base} {}", Named::of(names, o).series), rate.ln()))
}

/// Last day on which a page may have been published, from its date: a day, a month or a year.
pub fn published_by(o: &Observation) -> Option<Date> {
    let text = o.source_date.as_deref()?.trim();
    let mut parts = text.split('-').map(|p| p.parse::<i16>().ok());
    let year = parts.next()??;
    let whole = |month: i8, day: i8| Date::new(year, month, day).ok();
    match (parts.next(), parts.next()) {
        (None, _) => whole(12, 31),
        (Some(m), None) => whole(i8::try_from(m?).ok()?, 1).map(|d| d.last_of_month()),
        (Some(m), Some(d)) => whole(i8::try_from(m?).ok()?, i8::try_from(d?).ok()?),
    }
}

/// Covariance of what two counts are about.
fn covariance(a: &Count, b: &Count, s: &[f64; SPREADS]) -> f64 {
    let mut out = 0.0;
    if a.kind == b.kind {
        out += LEVEL * LEVEL;
    }
    if a.mode == b.mode {
        out += s[MODE].powi(2);
    }
    if a.part && b.part {
        out += s[MODE].powi(2);
    }
    let shared = a.places.intersection(&b.places).count() as f64;
    out += s[PLACE].powi(2) * shared / ((a.places.len() * b.places.len()) as f64).sqrt();
    let (x, y) = (a.at, b.at);
    out += s[GROWTH].powi(2) * x * y;
    if a.series == b.series {
        out += s[SERIES].powi(2) + s[GROWTH].powi(2) * x * y;
        out += s[WALK].powi(2) * 0.5 * (x.abs() + y.abs() - (x - y).abs());
    }
    out
}

fn years(day: Date) -> f64 {
    f64::from(day.year()) + (f64::from(day.day_of_year()) - 1.0) / 365.25
}

/// Middle of the period of a row, years.
fn middle(o: &Observation) -> f64 {
    (years(o.period_start) + years(o.period_end) + 1.0 / 365.25) / 2.0
}

/// Length of the period of a row, days.
fn days(o: &Observation) -> f64 {
    (years(o.period_end) - years(o.period_start)) * 365.25 + 1.0
}

/// The unit without its time, and the figure a day (of a queue: as it is).
fn rate(o: &Observation) -> Result<(String, f64), String> {
    let (base, per) = match o.unit.split_once('/') {
        Some((b, p)) => (b.trim(), Some(p.trim())),
        None => (o.unit.trim(), None),
    };
    let allowed: &[&str] = match o.measure {
        Measure::Tonnage => &["t"],
        Measure::Containers => &["TEU", "container"],
        Measure::Wagons => &["wagon"],
        Measure::Trucks => &["truck", "vehicle"],
        Measure::Trains => &["train"],
        Measure::VesselCalls => &["call", "voyage"],
        _ => &["truck", "wagon", "vehicle", "train", "container", "TEU"],
    };
    if !allowed.contains(&base) {
        return Err(format!("the unit is `{}`; {} is computed in {}", o.unit, o.measure, allowed.join(", ")));
    }
    let days = f64::from(o.period_start.until(o.period_end).map_or(0, |s| s.get_days())) + 1.0;
    let per_day = match per {
        _ if o.measure == Measure::QueueLength => o.value,
        None => o.value / days.max(1.0),
        Some("day" | "d") => o.value,
        Some("month") => o.value * 12.0 / 365.25,
        Some("yr" | "year" | "a") => o.value / 365.25,
        Some(p) => return Err(format!("`{}` is per `{p}`; day, month or yr are understood", o.unit)),
    };
    Ok((base.to_owned(), per_day))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fit::Range;
    use karvan_model::Tables;
    use karvan_model::cell::{Id, List};
    use karvan_model::observed::{Evidence, ObservedMode};
    use karvan_model::raw::{Manifest, RawModel};

    fn count(id: &str, year: i16, value: f64, page: &str) -> Observation {
        Observation {
            id: Id(id.into()),
            measure: Measure::Containers,
            from: None,
            to: None,
            at: Some("Port of Kess".into()),
            via: List(Vec::new()),
            mode: ObservedMode::Port,
            cargo: Some("containerised".into()),
            equipment: None,
            direction: None,
            period_start: Date::constant(year, 1, 1),
            period_end: Date::constant(year, 12, 31),
            value,
            unit: "TEU".into(),
            statistic: Statistic::Total,
            evidence: Evidence::Measured,
            outcome: true,
            value_published: None,
            unit_published: None,
            what: None,
            source_url: page.into(),
            source_date: None,
            note: None,
        }
    }

    fn model(rows: Vec<Observation>) -> Model {
        let mut tables = Tables::read(&RawModel::default(), &mut Vec::new());
        tables.observation.rows = rows;
        Model::new(Manifest::default(), tables)
    }

    fn priors() -> Priors {
        let at = |v: f64| Range { low: v, best: v, high: v };
        let volumes = [at(1.0), at(0.9), at(0.7), at(0.2), at(0.1), at(0.15), at(0.4), at(0.7)];
        Priors { ranges: [at(0.5); 7], volumes, reported: 1.25, claimed: 2.0 }
    }

    /// Closed form: the normal of one count given another of its series, a year before.
    #[test]
    fn one_count_foretells_the_next() {
        let m = model(vec![count("a", 2029, 36_500.0, "p")]);
        let priors = priors();
        let f = Series::new(&m, &priors).forecast(&count("b", 2030, 50_000.0, "q")).unwrap();
        let shared: f64 = 49.0 + 1.0 + 0.81 + 0.49;
        let noise = 0.15f64.powi(2);
        let gain = shared / (shared + noise);
        assert!((f.ln - (gain * 100f64.ln() + 365f64.ln())).abs() < 1e-3, "{}", f.ln);
        // What a year adds: growth, common and its own, and the walk; the count has noise of its own.
        let year = 2.0 * 0.01 + 0.04;
        let var = shared + year - gain * shared + noise;
        assert!((f.sd.powi(2) - var).abs() < 1e-3, "{} {}", f.sd.powi(2), var);
        assert!((f.naive.unwrap() - 36_500.0).abs() < 200.0);
    }

    /// Neither the page of a row nor another count of the same days tells of it.
    #[test]
    fn a_row_is_foretold_by_other_pages_and_other_days() {
        let priors = priors();
        let rows = vec![count("a", 2029, 36_500.0, "p"), count("b", 2030, 90_000.0, "r")];
        let m = model(rows);
        let mut series = Series::new(&m, &priors);
        let of = |page: &str| count("c", 2030, 50_000.0, page);
        let without = series.forecast(&of("q")).unwrap();
        assert!((without.naive.unwrap() - 36_500.0).abs() < 200.0);
        // With its page left out, what remains is the other count of the same days, which does not count.
        assert!(series.forecast(&of("p")).is_err());
        let same =
            Series::new(&model(vec![count("a", 2029, 36_500.0, "p")]), &priors).forecast(&of("q")).unwrap();
        assert_eq!(without.naive, same.naive);
    }

    /// A figure a day and a total of the days are one figure.
    #[test]
    fn units_of_time_are_understood() {
        let total = count("a", 2030, 36_500.0, "p");
        let daily = Observation { value: 100.0, unit: "TEU/day".into(), ..total.clone() };
        assert!((rate(&total).unwrap().1 - rate(&daily).unwrap().1).abs() < 1e-9);
        let yearly = Observation { value: 36_525.0, unit: "TEU/yr".into(), ..total.clone() };
        assert!((rate(&yearly).unwrap().1 - 100.0).abs() < 1e-9);
        for unit in ["box", "TEU/week", ""] {
            assert!(rate(&Observation { unit: unit.into(), ..total.clone() }).is_err());
        }
    }

    /// Figures less than a year apart have no slope that one may carry on; those of the row's own page do not count.
    #[test]
    fn a_trend_needs_a_year() {
        let first = Observation { period_end: Date::constant(2029, 6, 30), ..count("a", 2029, 9_050.0, "p") };
        let second =
            Observation { period_start: Date::constant(2029, 7, 1), ..count("b", 2029, 18_400.0, "r") };
        let m = model(vec![]);
        let rows = [first, second, count("c", 2028, 1.0, "q")];
        let trends = Trends::new(&m, rows.iter());
        let carried = trends.trend(&count("d", 2031, 1.0, "q")).unwrap();
        assert_eq!(carried.rests_on, ["b"]);
        assert!((carried.value - 36_500.0).abs() < 1e-6, "{}", carried.value);
        assert_eq!(
            trends.trend(&Observation { at: Some("Elsewhere".into()), ..count("d", 2031, 1.0, "q") }),
            None
        );
    }

    /// Of plans the last before the period counts; without one, the first that was known before it was over.
    #[test]
    fn a_plan_counts_from_when_it_was_known() {
        let m = model(vec![]);
        let plan = |id: &str, value: f64, date: &str| Observation {
            source_date: Some(date.into()),
            ..count(id, 2030, value, id)
        };
        let of = |plans: &[Observation]| {
            Trends::new(&m, plans.iter()).plan(&count("x", 2030, 7.0, "x")).map(|c| c.rests_on[0].clone())
        };
        let all = [plan("a", 1.0, "2029-03"), plan("b", 2.0, "2029-11-02"), plan("c", 3.0, "2030-05-01")];
        assert_eq!(of(&all).as_deref(), Some("b"));
        assert_eq!(of(&all[2..]).as_deref(), Some("c"));
        // Known to be of the year alone, or of no date: it may have come after all was over.
        assert_eq!(of(&[plan("d", 4.0, "2030")]), None);
        assert_eq!(of(&[plan("e", 5.0, "soon")]), None);
        assert_eq!(of(&[Observation { source_date: None, ..plan("f", 6.0, "2029") }]), None);
    }
}
