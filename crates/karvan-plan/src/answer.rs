//! The answer of a plan, as it is printed and published: plain data, one JSON schema.
//!
//! Durations are hours, money is US dollars of the day's exchange rates, masses are tonnes or kg CO2e.

use jiff::Zoned;
use karvan_units::{Estimate, Hours, KgCo2e, Km, Tonnes};
use schemars::JsonSchema;
use serde::Serialize;

/// Version of the schema of [`Answer`].
pub const SCHEMA_VERSION: u32 = 1;

/// Everything that is known of one question.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Answer {
    /// Version of this schema.
    pub schema_version: u32,
    /// The question, as it was understood.
    pub question: Question,
    /// Options, best generalised cost first. Empty: see `refusal`.
    pub options: Vec<Itinerary>,
    /// Why no option exists.
    pub refusal: Option<Refusal>,
    /// What would open an option or improve the best, fewest blockers first; where it was asked for.
    pub why_not: Option<Vec<Opening>>,
    /// Whether less than half of the cost of some option rests on published prices.
    pub indicative: bool,
    /// Assumptions and warnings that hold for all options, in sentences.
    pub notes: Vec<String>,
    /// How the generalised cost orders options, in one sentence with its figures.
    pub ordering: String,
    /// What the computation was.
    pub provenance: Provenance,
    /// What the search did.
    pub search: SearchReport,
    /// Credits that maps must print.
    pub attribution: Vec<String>,
}

/// A place in an answer.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Stop {
    /// Key in table `node`.
    pub id: String,
    /// Name.
    pub name: String,
    /// Name in Russian, where known.
    pub name_ru: Option<String>,
    /// State, ISO 3166-1 alpha-2.
    pub state: Option<String>,
    /// UN/LOCODE, or else the ESR code.
    pub code: Option<String>,
    /// Degrees east.
    pub lon: f64,
    /// Degrees north.
    pub lat: f64,
}

/// The question, as it was understood.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Question {
    /// Origin.
    pub from: Stop,
    /// Destination.
    pub to: Stop,
    /// Key of the cargo.
    pub cargo: String,
    /// Its name.
    pub cargo_name: String,
    /// HS code.
    pub hs: Option<String>,
    /// UN number.
    pub un: Option<String>,
    /// RID/ADR class.
    pub rid_class: Option<String>,
    /// Mass.
    pub tonnes: Tonnes,
    /// What the mass is in each kind of unit that may carry it: `22 wagons`, `61 trucks`.
    pub units: Vec<Units>,
    /// Value of the consignment, USD.
    pub value_usd: Estimate,
    /// Earliest departure, local time of the origin.
    #[schemars(with = "String")]
    pub depart: Zoned,
    /// Latest arrival, local time of the destination.
    #[schemars(with = "Option<String>")]
    pub arrive_by: Option<Zoned>,
    /// Day at which the law and the state of links are frozen, if they are.
    #[schemars(with = "Option<String>")]
    pub as_of: Option<jiff::civil::Date>,
    /// Criteria searched.
    pub criteria: Vec<String>,
    /// Places to go via.
    pub via: Vec<String>,
    /// Places, states and modes to avoid.
    pub avoid: Vec<String>,
    /// State in which the lorries are taken to be registered.
    pub lorries_of: Option<String>,
}

/// A number of units of equipment.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Units {
    /// Key of the equipment.
    pub equipment: String,
    /// Its name.
    pub name: String,
    /// What is counted: wagon, teu, truck, t.
    pub unit: String,
    /// How many.
    pub count: f64,
    /// Load of one, t.
    pub load_t: f64,
}

/// One option.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Itinerary {
    /// 1 for the first printed.
    pub rank: u32,
    /// In a few words: modes and the places that tell it apart.
    pub label: String,
    /// Legs in order.
    pub legs: Vec<Leg>,
    /// Length of all hauls.
    pub distance_km: Km,
    /// Expected duration, origin to destination, waiting for departure included.
    pub mean_h: Hours,
    /// Duration not exceeded in 10 % of draws.
    pub p10_h: Hours,
    /// Median duration.
    pub p50_h: Hours,
    /// Duration not exceeded in 90 % of draws.
    pub p90_h: Hours,
    /// Duration at the percentiles 1, 2, 5, 10, 15, … 90, 95, 98, 99: `(percentile, hours)`.
    pub percentiles: Vec<(f64, f64)>,
    /// Median arrival, local time of the destination.
    #[schemars(with = "String")]
    pub arrival_p50: Zoned,
    /// Arrival not missed in 90 % of draws.
    #[schemars(with = "String")]
    pub arrival_p90: Zoned,
    /// Probability of arriving by the latest arrival asked for.
    pub on_time: Option<f64>,
    /// Cost, USD, with its range.
    pub cost_usd: Estimate,
    /// Share of the cost that rests on published prices, 0 to 1.
    pub sourced_share: f64,
    /// Whether that share is below one half.
    pub indicative: bool,
    /// Emissions well to wheel, hubs included.
    pub co2e_kg: KgCo2e,
    /// Generalised cost, USD: cost, time and unreliability at the cargo's value of time.
    pub generalised_usd: f64,
    /// Cost by payee, largest first.
    pub payees: Vec<Payee>,
    /// Papers needed, each once.
    pub papers: Vec<Paper>,
    /// Terms of delivery that the contract of carriage gives.
    pub terms: Vec<DeliveryTerm>,
    /// Rules that applied.
    pub rules: Vec<RuleApplied>,
    /// What it uses of quotas.
    pub quotas: Vec<QuotaUsed>,
    /// Keys of the sources used, and reasons of what was assumed.
    pub claims: Vec<ClaimUsed>,
}

/// A payee's part of the cost.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Payee {
    /// Who.
    pub payee: String,
    /// How much, USD.
    pub usd: Estimate,
}

/// The term of delivery that a rule gives the carriage between two places.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct DeliveryTerm {
    /// Rule that gives it.
    pub rule: String,
    /// Where the carriage begins.
    pub from: String,
    /// Where it ends.
    pub to: String,
    /// Distance that counts, the legs to which the rule applies.
    pub distance_km: Km,
    /// The term: a day for each distance begun that the rule names, and what it gives besides. Not extended for customs,
    /// changes of gauge or ferries.
    pub days: f64,
    /// Median time from the first of these legs to the end of the last, what lies between included.
    pub p50_h: Hours,
    /// Share of draws in which that is longer than the term.
    pub exceeded: f64,
}

/// A paper needed.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Paper {
    /// Its name.
    pub paper: String,
    /// Who issues it.
    pub authority: Option<String>,
    /// In which time it is got, before it is needed: median and 90th percentile, where the rule says.
    pub time_h: Option<(Hours, Hours)>,
    /// Its fee, USD, where the rule says; part of the cost of the option.
    pub usd: Option<Estimate>,
    /// Rule that asks for it.
    pub rule: String,
}

/// A rule that applied to some leg.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct RuleApplied {
    /// Key of the rule.
    pub id: String,
    /// What it says.
    pub what: String,
    /// Effect: forbid, permit, charge, …
    pub effect: String,
    /// First day, empty for ever.
    #[schemars(with = "Option<String>")]
    pub from: Option<jiff::civil::Date>,
    /// First day after.
    #[schemars(with = "Option<String>")]
    pub till: Option<jiff::civil::Date>,
    /// Addresses of its sources.
    pub sources: Vec<String>,
}

/// What an option uses of a quota.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct QuotaUsed {
    /// Key of the rule.
    pub rule: String,
    /// Period: `2026`, `2026-03`, or `once`.
    pub period: String,
    /// What the consignment uses.
    pub amount: f64,
    /// Unit: t, wagon, teu, truck, consignment.
    pub unit: String,
    /// What is left after it.
    pub left: f64,
}

/// A claim that an option rests on.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct ClaimUsed {
    /// Table and row: `tariff/ge_transit_oil`.
    pub row: String,
    /// Which figure of it: `price`, `duration`, `state`.
    pub figure: String,
    /// Keys of sources.
    pub sources: Vec<String>,
    /// Reason, where assumed.
    pub assumed: Option<String>,
}

/// What is done in a leg.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LegKind {
    /// Loading at the origin.
    Load,
    /// Carriage on links in one state, or by a service.
    Haul,
    /// Crossing of a border.
    Border,
    /// Change of equipment, gauge, or rolling on board and ashore.
    Transfer,
    /// Unloading at the destination.
    Unload,
}

/// One leg.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Leg {
    /// What is done.
    pub kind: LegKind,
    /// In a few words: `rail through GE`, `change of gauge`, `ferry Alat–Kuryk`.
    pub title: String,
    /// Mode of a haul.
    pub mode: Option<String>,
    /// Operator, where known.
    pub operator: Option<String>,
    /// Key of the service, if one carries.
    pub service: Option<String>,
    /// Equipment ridden in, after the leg.
    pub equipment: Units,
    /// Where it starts.
    pub from: Stop,
    /// Where it ends; the same as `from` at nodes.
    pub to: Stop,
    /// Named places passed, at most eight.
    pub via: Vec<String>,
    /// State in which it lies; empty at sea.
    pub state: Option<String>,
    /// Length.
    pub distance_km: Km,
    /// Mean start, local time there.
    #[schemars(with = "String")]
    pub start: Zoned,
    /// Mean end, local time there.
    #[schemars(with = "String")]
    pub end: Zoned,
    /// Mean hours from the consignment's departure to the start.
    pub start_h: Hours,
    /// Mean hours to the end.
    pub end_h: Hours,
    /// Of these, waiting: for a departure, for a ship to fill, for weather.
    pub waiting_h: Hours,
    /// Standard deviation of the leg's duration.
    pub sd_h: Hours,
    /// What is paid, to whom, by which row.
    pub prices: Vec<Price>,
    /// Emissions, well to wheel.
    pub co2e_kg: KgCo2e,
    /// Row of `emission` used.
    pub emission: Option<String>,
    /// Papers needed, by name.
    pub papers: Vec<String>,
    /// Keys of the rules that applied.
    pub rules: Vec<String>,
    /// Keys of the links run over.
    pub links: Vec<String>,
    /// Course, `[lon, lat]`, for maps.
    #[serde(skip)]
    pub line: Vec<[f64; 2]>,
}

/// One price or charge.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Price {
    /// Who is paid.
    pub payee: String,
    /// Table and row: `tariff/kz_rail`, `border/rail_x`, `rule/y`.
    pub row: String,
    /// As published: `3.5 USD per t_km (2023)`.
    pub published: String,
    /// Amount for the consignment, USD.
    pub usd: Estimate,
    /// Whether somebody published it.
    pub sourced: bool,
}

/// Why no option exists.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Refusal {
    /// In one sentence.
    pub reason: String,
    /// What stands in the way, most decisive first.
    pub blockers: Vec<Blocker>,
    /// What to try.
    pub hints: Vec<String>,
}

/// Something without which an option would exist.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Blocker {
    /// `rule`, `border`, `link`; or `quota`: a permit that would go before the rule named before it, if enough of its
    /// quota were left.
    pub kind: String,
    /// Table and row.
    pub row: String,
    /// What it says.
    pub what: String,
    /// Interval of days in which it blocks.
    pub days: String,
    /// Addresses of sources, or `assumed: …`.
    pub sources: Vec<String>,
}

/// A least set of blockers whose lifting would open an option or improve the best one.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Opening {
    /// What would have to be lifted, opened, repaired or built: all of these, and none of them in vain.
    pub lift: Vec<Blocker>,
    /// The best option then, in a few words.
    pub label: String,
    /// Its length.
    pub distance_km: Km,
    /// Its median duration.
    pub p50_h: Hours,
    /// Its ninetieth percentile.
    pub p90_h: Hours,
    /// Its cost, USD.
    pub cost_usd: Estimate,
    /// Its emissions.
    pub co2e_kg: KgCo2e,
    /// Its generalised cost, USD.
    pub generalised_usd: f64,
    /// How much less that is than the best option's today, USD; empty where there is none today.
    pub gain_usd: Option<f64>,
}

/// What the computation was.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
pub struct Provenance {
    /// Name and version of the model.
    pub model: String,
    /// Hash of the model's bytes and of the scenario.
    pub model_hash: String,
    /// Scenario, by name.
    pub scenario: Option<String>,
    /// Seed of the draws.
    pub seed: u64,
    /// Draws per option.
    pub draws: u32,
    /// Version of Karvan.
    pub version: String,
}

/// What the search did.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
pub struct SearchReport {
    /// Nodes of the compiled network.
    pub nodes: u64,
    /// Arcs.
    pub arcs: u64,
    /// Labels created.
    pub labels: u64,
    /// Labels dropped because another was as good.
    pub dominated: u64,
    /// Labels dropped because no completion could be better than a known option.
    pub bounded: u64,
    /// Labels at the destination.
    pub found: u64,
    /// Relative difference below which two labels count as equal.
    pub epsilon: f64,
}
