//! What a simulation found, as published data.

use schemars::JsonSchema;
use serde::Serialize;

use super::measure::{Mean, SHARES, Summary};
use super::spec::{Activity, Capacity, Spec};
use super::world::Outcome;

/// Version of [`Simulation`] in JSON.
pub const SCHEMA_VERSION: u32 = 1;

/// A mean over replications.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema)]
#[schemars(rename = "SimulatedMean")]
pub struct MeanOf {
    /// Mean.
    pub mean: f64,
    /// Half the width of its 95 % interval; none of one replication.
    pub half: Option<f64>,
}

impl From<Mean> for MeanOf {
    fn from(m: Mean) -> Self {
        Self { mean: m.mean, half: m.half }
    }
}

/// Hours in an activity.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct ActivityTime {
    /// What consignments did or waited for.
    pub activity: String,
    /// Mean hours a consignment.
    pub mean_h: f64,
}

/// A duration that a share of consignments does not exceed.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Percentile {
    /// Share, 0 to 1.
    pub share: f64,
    /// Hours; none where the run is too short to tell.
    pub h: Option<f64>,
}

/// A way that consignments take.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct WayShare {
    /// Places and services passed.
    pub way: String,
    /// Share of the consignments that set out in it, by month of the run, all replications.
    pub shares: Vec<f64>,
    /// Mean hours without queues, in the first month in which it is chosen.
    pub mean_h: f64,
    /// Generalised cost in that month, US dollars a consignment.
    pub cost_usd: f64,
}

/// Consignments of one flow that were ready on the days that count.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Relation {
    /// Origin.
    pub from: String,
    /// Destination.
    pub to: String,
    /// Cargo.
    pub cargo: String,
    /// Consignments that arrived, all replications.
    pub arrived: u64,
    /// Consignments still under way at the end, all replications; they count with their time so far.
    pub under_way: u64,
    /// Consignments that did not set out, since every way had become too dear by its queues, all replications.
    pub stayed: u64,
    /// Tonnes delivered a day.
    pub tonnes_a_day: f64,
    /// Hours from being ready to arrival.
    pub mean_h: MeanOf,
    /// Standard deviation of those that arrived, h.
    pub sd_h: f64,
    /// Percentiles of the hours.
    pub percentiles: Vec<Percentile>,
    /// Mean hours by activity, of those that arrived.
    pub activities: Vec<ActivityTime>,
    /// Ways taken.
    pub ways: Vec<WayShare>,
    /// Months of the run, from 0, in which it has no way.
    pub stranded_months: Vec<u32>,
}

/// Something of which there is only so much, over the days that count.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct ResourceUse {
    /// Name: kind of entity, key of the row, and where.
    pub name: String,
    /// Kind.
    pub kind: String,
    /// How much there is: lanes, sections, units of a departure, vessels, berths, pieces, places.
    pub servers: f64,
    /// Mean number that waits.
    pub waiting: MeanOf,
    /// The most that waited on average of a day, in any replication.
    pub waiting_most: f64,
    /// Mean wait of those served, h.
    pub wait_h: MeanOf,
    /// Served a day.
    pub served_a_day: MeanOf,
    /// Mean number at work.
    pub busy: MeanOf,
    /// Units of the demand that went aboard a day: wagons, lorries, TEU, tonnes. Of services only.
    pub units_a_day: MeanOf,
    /// Mean number that waits, by day of the run.
    pub waiting_by_day: Vec<f32>,
}

/// What one unit more of a capacity brings, with the same luck.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Bottleneck {
    /// Name of the capacity.
    pub capacity: String,
    /// What one unit of it is.
    pub one_more: String,
    /// Tonnes delivered a day more.
    pub tonnes_a_day: MeanOf,
    /// Consignments under way more; below 0: fewer.
    pub under_way: MeanOf,
}

/// What a simulation is of.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct About {
    /// Model and its version.
    pub model: String,
    /// Hash of the tables, edits included.
    pub model_hash: String,
    /// Scenario, if any.
    pub scenario: Option<String>,
    /// Version of the program.
    pub version: String,
    /// Seed of the random numbers.
    pub seed: u64,
    /// First day that counts by the question.
    #[schemars(with = "String")]
    pub from_date: jiff::civil::Date,
    /// Last day.
    #[schemars(with = "String")]
    pub to_date: jiff::civil::Date,
    /// Days simulated before the first that counts by the question.
    pub warm_up_days: u32,
}

/// The results of a simulation.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Simulation {
    /// Version of this schema.
    pub schema_version: u32,
    /// What it is of.
    pub about: About,
    /// Replications.
    pub replications: u32,
    /// Days of each.
    pub days: u32,
    /// First day of the run that counts, from 0: later than asked for where the run had not settled.
    pub from_day: u32,
    /// Events, all replications.
    pub events: u64,
    /// Consignments under way.
    pub under_way: MeanOf,
    /// Tonnes delivered a day.
    pub tonnes_a_day: MeanOf,
    /// Flows, in the order of the list.
    pub relations: Vec<Relation>,
    /// Resources.
    pub resources: Vec<ResourceUse>,
    /// Capacities by what one unit more brings, the best first.
    pub bottlenecks: Vec<Bottleneck>,
}

/// What one unit more of a capacity brought: tonnes a day and consignments under way.
#[derive(Clone, Copy, Debug)]
pub struct Gain {
    /// The capacity.
    pub capacity: Capacity,
    /// Tonnes delivered a day more.
    pub tonnes: Mean,
    /// Consignments under way more.
    pub under_way: Mean,
}

impl Simulation {
    /// The results as published. Gains are ranked: more tonnes first, then fewer under way.
    pub fn new(
        about: About,
        spec: &Spec,
        summary: &Summary,
        outcomes: &[Outcome],
        mut gains: Vec<Gain>,
    ) -> Self {
        gains.sort_by(|a, b| {
            b.tonnes.mean.total_cmp(&a.tonnes.mean).then(a.under_way.mean.total_cmp(&b.under_way.mean))
        });
        let n = outcomes.len().max(1) as f32;
        let by_day = |r: usize| {
            let days = outcomes.iter().map(|o| o.days.len()).min().unwrap_or(0);
            (0..days).map(|d| outcomes.iter().map(|o| o.days[d][r].waiting).sum::<f32>() / n).collect()
        };
        Self {
            schema_version: SCHEMA_VERSION,
            about,
            replications: outcomes.len() as u32,
            days: spec.days,
            from_day: summary.from_day as u32,
            events: outcomes.iter().map(|o| o.events).sum(),
            under_way: summary.under_way.into(),
            tonnes_a_day: summary.tonnes_a_day.into(),
            relations: summary.transit.iter().map(|t| relation(spec, t)).collect(),
            resources: summary
                .resources
                .iter()
                .enumerate()
                .map(|(i, r)| ResourceUse {
                    name: r.name.clone(),
                    kind: r.kind.to_owned(),
                    servers: r.servers,
                    waiting: r.waiting.into(),
                    waiting_most: r.most,
                    wait_h: r.wait_h.into(),
                    served_a_day: r.served.into(),
                    busy: r.busy.into(),
                    units_a_day: r.units.into(),
                    waiting_by_day: by_day(i),
                })
                .collect(),
            bottlenecks: gains
                .iter()
                .map(|g| Bottleneck {
                    capacity: spec.capacity_name(g.capacity).to_owned(),
                    one_more: spec.capacity_unit(g.capacity),
                    tonnes_a_day: g.tonnes.into(),
                    under_way: g.under_way.into(),
                })
                .collect(),
        }
    }
}

fn relation(spec: &Spec, t: &super::measure::Transit) -> Relation {
    let flow = &spec.flows[t.flow];
    let (from, to, cargo) = flow.relation.clone();
    let ways = t.ways.iter().map(|(way, shares)| {
        let way = &spec.ways[*way as usize];
        let shares = shares.clone();
        WayShare { way: way.title.clone(), shares, mean_h: way.mean_h, cost_usd: way.cost_usd }
    });
    Relation {
        from,
        to,
        cargo,
        arrived: t.count as u64,
        under_way: t.unfinished as u64,
        stayed: t.stayed as u64,
        tonnes_a_day: t.tonnes_a_day,
        mean_h: t.mean.into(),
        sd_h: t.sd,
        percentiles: SHARES.iter().zip(t.percentiles).map(|(s, h)| Percentile { share: *s, h }).collect(),
        activities: Activity::ALL
            .iter()
            .zip(t.activities)
            .map(|(a, h)| ActivityTime { activity: a.word().to_owned(), mean_h: h })
            .collect(),
        ways: ways.collect(),
        stranded_months: spec.stranded.iter().filter(|s| s.0 == t.flow).map(|s| s.1).collect(),
    }
}

/// JSON schema of [`Simulation`].
pub fn simulation_schema() -> schemars::Schema {
    schemars::schema_for!(Simulation)
}
