//! Means, intervals and quantiles of replications; the warm-up, and what one unit more of a capacity brings.

use std::collections::BTreeMap;

use super::spec::{ACTIVITIES, Spec};
use super::world::{DayOf, Outcome, Unfinished, resources};

/// A mean over replications with half the width of its 95 % interval (Student's t); none of one replication.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Mean {
    /// Mean.
    pub mean: f64,
    /// Half width.
    pub half: Option<f64>,
}

impl Mean {
    /// Of one figure a replication.
    pub fn of(values: &[f64]) -> Mean {
        let n = values.len() as f64;
        if values.is_empty() {
            return Mean::default();
        }
        let mean = values.iter().sum::<f64>() / n;
        if values.len() < 2 {
            return Mean { mean, half: None };
        }
        let var = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n - 1.0);
        Mean { mean, half: Some(student(values.len() - 1) * (var / n).sqrt()) }
    }
}

/// The quantile of Student's t for a 95 % interval.
fn student(freedom: usize) -> f64 {
    use statrs::distribution::{ContinuousCDF, StudentsT};
    StudentsT::new(0.0, 1.0, freedom as f64).map_or(f64::NAN, |t| t.inverse_cdf(0.975))
}

/// The day from which a run counts: MSER-5 (White, *An effective truncation heuristic for bias reduction in simulation
/// output*, Simulation 69(6), 1997) on the daily number under way, averaged over replications. Of batches of five
/// days, those are left out whose leaving out makes the standard error of the rest least; at most half of them.
pub fn warm_up(outcomes: &[Outcome]) -> usize {
    let days = outcomes.iter().map(|o| o.under_way.len()).min().unwrap_or(0);
    let daily: Vec<f64> = (0..days)
        .map(|d| outcomes.iter().map(|o| f64::from(o.under_way[d])).sum::<f64>() / outcomes.len() as f64)
        .collect();
    mser5(&daily)
}

fn mser5(series: &[f64]) -> usize {
    let batches: Vec<f64> = series.chunks_exact(5).map(|c| c.iter().sum::<f64>() / 5.0).collect();
    let mut best = (f64::INFINITY, 0);
    for cut in 0..=batches.len() / 2 {
        let rest = &batches[cut..];
        if rest.len() < 2 {
            break;
        }
        let n = rest.len() as f64;
        let mean = rest.iter().sum::<f64>() / n;
        let error = rest.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n * n);
        if error < best.0 {
            best = (error, cut);
        }
    }
    best.1 * 5
}

/// Times of a flow's consignments that were ready on the days that count.
///
/// Those still under way at the end count with the time that they have taken so far (Kaplan and Meier, *Nonparametric
/// estimation from incomplete observations*, JASA 53, 1958): to leave them out would leave out the slowest.
#[derive(Clone, Debug)]
pub struct Transit {
    /// Flow.
    pub flow: usize,
    /// Consignments that arrived, all replications.
    pub count: usize,
    /// Consignments still under way at the end, all replications.
    pub unfinished: usize,
    /// Consignments that did not set out, since every way had become too dear, all replications.
    pub stayed: usize,
    /// Ways taken: the share of each among consignments that set out, by month of the run, those that do not count included.
    pub ways: BTreeMap<u32, Vec<f64>>,
    /// Mean hours; where some outlast the run, of the time up to its end: a bound from below.
    pub mean: Mean,
    /// Standard deviation of those that arrived, h.
    pub sd: f64,
    /// Hours not exceeded by the shares [`SHARES`] of consignments; none where the run is too short to tell.
    pub percentiles: [Option<f64>; SHARES.len()],
    /// Mean hours in each activity of those that arrived.
    pub activities: [f64; ACTIVITIES],
    /// Mean tonnes delivered a day.
    pub tonnes_a_day: f64,
}

/// Kaplan and Meier's estimate of a distribution from durations of which some (`false`) are only known to be longer.
struct Survival {
    /// Durations that ended, ascending, with the share that lasts longer.
    steps: Vec<(f64, f64)>,
    longest: f64,
}

impl Survival {
    fn of(mut durations: Vec<(f64, bool)>) -> Self {
        // Of equal durations those that ended come first.
        durations.sort_by(|a, b| a.0.total_cmp(&b.0).then(b.1.cmp(&a.1)));
        let (mut at_risk, mut lasts, mut steps) = (durations.len() as f64, 1.0, Vec::new());
        for (h, ended) in &durations {
            if *ended {
                lasts *= 1.0 - 1.0 / at_risk;
                steps.push((*h, lasts));
            }
            at_risk -= 1.0;
        }
        Self { steps, longest: durations.last().map_or(0.0, |d| d.0) }
    }
    /// The mean up to the longest duration.
    fn mean(&self) -> f64 {
        let (mut area, mut from, mut lasts) = (0.0, 0.0, 1.0);
        for (h, rest) in &self.steps {
            area += lasts * (h - from);
            (from, lasts) = (*h, *rest);
        }
        area + lasts * (self.longest - from)
    }
    /// The duration not exceeded by a share; none where it lies beyond what was seen.
    fn quantile(&self, share: f64) -> Option<f64> {
        self.steps.iter().find(|(_, rest)| 1.0 - rest >= share - 1e-9).map(|s| s.0)
    }
}

/// Shares of [`Transit::percentiles`].
pub const SHARES: [f64; 7] = [0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95];

/// A resource over the days that count.
#[derive(Clone, Debug)]
pub struct Resource {
    /// Name.
    pub name: String,
    /// Kind, as in tables.
    pub kind: &'static str,
    /// Servers: lanes, sections, units of a departure, vessels, berths, pieces, places.
    pub servers: f64,
    /// Mean number waiting.
    pub waiting: Mean,
    /// The most that waited on average of a day, in any replication.
    pub most: f64,
    /// Mean wait of those served, h.
    pub wait_h: Mean,
    /// Served a day.
    pub served: Mean,
    /// Mean number of servers at work.
    pub busy: Mean,
    /// Units that went aboard a day; of boardings only.
    pub units: Mean,
}

/// The results of a number of replications from the day on that counts.
#[derive(Clone, Debug)]
pub struct Summary {
    /// The first day that counts.
    pub from_day: usize,
    /// By flow, in their order.
    pub transit: Vec<Transit>,
    /// By resource, in the order of [`resources`].
    pub resources: Vec<Resource>,
    /// Tonnes delivered a day.
    pub tonnes_a_day: Mean,
    /// Consignments under way.
    pub under_way: Mean,
}

/// Days of a replication that count.
fn counted(o: &Outcome, from_day: usize) -> f64 {
    o.days.len().saturating_sub(from_day).max(1) as f64
}

/// Where a replication's consignments of each flow are.
struct ByFlow {
    /// Positions of deliveries, those of a flow together in the order of arrival.
    at: Vec<u32>,
    /// First of each flow.
    first: Vec<u32>,
    /// First of each flow among the unfinished, which are in the order of flows.
    still: Vec<u32>,
}

impl ByFlow {
    fn of(o: &Outcome, flows: usize) -> Self {
        let mut first = vec![0u32; flows + 1];
        o.deliveries.iter().for_each(|d| first[d.flow as usize + 1] += 1);
        let mut still = vec![0u32; flows + 1];
        o.unfinished.iter().for_each(|u| still[u.flow as usize + 1] += 1);
        for f in 0..flows {
            first[f + 1] += first[f];
            still[f + 1] += still[f];
        }
        let (mut fill, mut at) = (first.clone(), vec![0; o.deliveries.len()]);
        for (i, d) in o.deliveries.iter().enumerate() {
            let next = &mut fill[d.flow as usize];
            at[*next as usize] = i as u32;
            *next += 1;
        }
        Self { at, first, still }
    }

    fn deliveries<'a>(
        &'a self,
        o: &'a Outcome,
        f: usize,
    ) -> impl Iterator<Item = &'a super::world::Delivery> {
        let of = self.first[f] as usize..self.first[f + 1] as usize;
        self.at[of].iter().map(|i| &o.deliveries[*i as usize])
    }

    fn unfinished<'a>(&self, o: &'a Outcome, f: usize) -> impl Iterator<Item = &'a Unfinished> {
        o.unfinished[self.still[f] as usize..self.still[f + 1] as usize].iter()
    }
}

/// Summarises replications from a day on.
pub fn summarise(spec: &Spec, outcomes: &[Outcome], from_day: usize) -> Summary {
    let from_h = from_day as f64 * 24.0;
    let days = outcomes.iter().map(|o| counted(o, from_day)).sum::<f64>().max(1.0);
    let mut transit = Vec::new();
    let by_flow: Vec<ByFlow> = outcomes.iter().map(|o| ByFlow::of(o, spec.flows.len())).collect();
    let mut stayed = vec![0; spec.flows.len()];
    for (f, born_h) in outcomes.iter().flat_map(|o| &o.stayed) {
        stayed[*f as usize] += usize::from(*born_h >= from_h);
    }
    for (f, flow) in spec.flows.iter().enumerate() {
        let mut all: Vec<(f64, bool)> = Vec::new();
        let mut means = Vec::new();
        let mut activities = [0.0; ACTIVITIES];
        for (o, by_flow) in outcomes.iter().zip(&by_flow) {
            let first = all.len();
            let end = o.days.len() as f64 * 24.0;
            for d in by_flow.deliveries(o, f).filter(|d| d.born_h >= from_h) {
                all.push((d.transit_h, true));
                for (sum, h) in activities.iter_mut().zip(d.activities) {
                    *sum += f64::from(h);
                }
            }
            let still = by_flow.unfinished(o, f).filter(|u| u.born_h >= from_h);
            all.extend(still.map(|u| ((end - u.born_h).max(0.0), false)));
            if all[first..].iter().any(|d| d.1) {
                means.push(Survival::of(all[first..].to_vec()).mean());
            }
        }
        let arrived: Vec<f64> = all.iter().filter(|d| d.1).map(|d| d.0).collect();
        let n = arrived.len() as f64;
        let mean = arrived.iter().sum::<f64>() / n.max(1.0);
        let var = arrived.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n - 1.0).max(1.0);
        let unfinished = all.len() - arrived.len();
        let survival = Survival::of(all);
        transit.push(Transit {
            flow: f,
            count: arrived.len(),
            unfinished,
            stayed: stayed[f],
            ways: ways_taken(spec, outcomes, &by_flow, f),
            mean: Mean::of(&means),
            sd: var.sqrt(),
            percentiles: SHARES.map(|p| survival.quantile(p)),
            activities: activities.map(|a| a / n.max(1.0)),
            tonnes_a_day: n * flow.kg as f64 / 1000.0 / days,
        });
    }
    let over = |f: &dyn Fn(&Outcome) -> f64| Mean::of(&outcomes.iter().map(f).collect::<Vec<_>>());
    let resources = resources(spec)
        .into_iter()
        .enumerate()
        .map(|(i, (name, kind, servers))| {
            let per = |f: &dyn Fn(&DayOf) -> f64| {
                over(&|o| o.days.iter().skip(from_day).map(|d| f(&d[i])).sum::<f64>() / counted(o, from_day))
            };
            let waits: Vec<f64> = outcomes
                .iter()
                .filter_map(|o| {
                    let (n, h) = o.days.iter().skip(from_day).fold((0u64, 0.0), |(n, h), d| {
                        (n + u64::from(d[i].served), h + f64::from(d[i].waited_h))
                    });
                    (n > 0).then(|| h / n as f64)
                })
                .collect();
            let most = outcomes
                .iter()
                .flat_map(|o| o.days.iter().skip(from_day))
                .map(|d| f64::from(d[i].waiting))
                .fold(0.0, f64::max);
            Resource {
                name,
                kind: kind.word(),
                servers,
                waiting: per(&|d| f64::from(d.waiting)),
                most,
                wait_h: Mean::of(&waits),
                served: per(&|d| f64::from(d.served)),
                busy: per(&|d| f64::from(d.busy)),
                units: per(&|d| f64::from(d.units)),
            }
        })
        .collect();
    Summary {
        from_day,
        transit,
        resources,
        tonnes_a_day: over(&|o| tonnes_a_day(o, from_day)),
        under_way: over(&|o| under_way(o, from_day)),
    }
}

fn ways_taken(spec: &Spec, outcomes: &[Outcome], by_flow: &[ByFlow], f: usize) -> BTreeMap<u32, Vec<f64>> {
    let months = spec.months.len();
    let (mut taken, mut all): (BTreeMap<u32, Vec<f64>>, _) = (BTreeMap::new(), vec![0.0; months]);
    for (o, by) in outcomes.iter().zip(by_flow) {
        let arrived = by.deliveries(o, f).map(|d| (d.way, d.born_h));
        for (way, born_h) in arrived.chain(by.unfinished(o, f).map(|u| (u.way, u.born_h))) {
            let m = spec.month_at(born_h);
            taken.entry(way).or_insert_with(|| vec![0.0; months])[m] += 1.0;
            all[m] += 1.0;
        }
    }
    for (share, all) in taken.values_mut().flat_map(|v| v.iter_mut().zip(&all)) {
        *share /= f64::max(*all, 1.0);
    }
    taken
}

fn tonnes_a_day(o: &Outcome, from_day: usize) -> f64 {
    o.tonnes.iter().skip(from_day).map(|t| f64::from(*t)).sum::<f64>() / counted(o, from_day)
}

fn under_way(o: &Outcome, from_day: usize) -> f64 {
    o.under_way.iter().skip(from_day).map(|n| f64::from(*n)).sum::<f64>() / counted(o, from_day)
}

/// What changes from one set of replications to another of the same seeds: consignments under way, and tonnes delivered a
/// day. Differences are taken replication by replication, so that the luck they share falls out.
pub fn difference(base: &[Outcome], other: &[Outcome], from_day: usize) -> (Mean, Mean) {
    let over = |f: &dyn Fn(&Outcome) -> f64| {
        let d: Vec<f64> = base.iter().zip(other).map(|(a, b)| f(b) - f(a)).collect();
        Mean::of(&d)
    };
    (over(&|o| under_way(o, from_day)), over(&|o| tonnes_a_day(o, from_day)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_beginning_that_differs_is_left_out() {
        let mut series: Vec<f64> = (0..40).map(|i| f64::from(i) * 2.5).collect();
        series.extend((0..160).map(|i| 100.0 + f64::from(i % 7) - 3.0));
        let cut = mser5(&series);
        assert!((35..=45).contains(&cut), "{cut}");
        let steady: Vec<f64> = (0..100).map(|i| f64::from(i % 7)).collect();
        assert!(mser5(&steady) <= 10);
    }

    /// The example of Kaplan and Meier's paper: deaths at 0.8, 3.1, 5.4, 9.2, losses at 1.0, 2.7, 7.0, 12.1.
    #[test]
    fn what_has_not_ended_counts_as_the_paper_has_it() {
        let seen = [
            (0.8, true),
            (1.0, false),
            (2.7, false),
            (3.1, true),
            (5.4, true),
            (7.0, false),
            (9.2, true),
            (12.1, false),
        ];
        let s = Survival::of(seen.to_vec());
        let lasts: Vec<f64> = s.steps.iter().map(|s| (s.1 * 1e4).round() / 1e4).collect();
        assert_eq!(lasts, [0.875, 0.7, 0.525, 0.2625]);
        assert_eq!(s.quantile(0.5), Some(9.2));
        assert_eq!(s.quantile(0.9), None);
    }

    /// Textbook: t of 9 degrees of freedom is 2.262.
    #[test]
    fn an_interval_is_students() {
        let values: Vec<f64> = (1..=10).map(f64::from).collect();
        let m = Mean::of(&values);
        assert!((m.mean - 5.5).abs() < 1e-12);
        assert!((m.half.unwrap() - 2.262 * (55.0f64 / 6.0 / 10.0).sqrt()).abs() < 1e-3);
    }
}
