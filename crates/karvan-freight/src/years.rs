//! Several years of a model in one report: published totals beside modelled ones, errors first, by what they count.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use crate::report::{Report, TotalTold, TradeTotalTold, worst_first};

/// The schema of [`Years`].
pub fn years_schema() -> schemars::Schema {
    schemars::schema_for!(Years)
}

/// Several years of one model.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Years {
    /// Version of this form; 1.
    pub schema_version: u32,
    /// Version of karvan.
    pub version: String,
    /// Model and its version.
    pub model: String,
    /// BLAKE3 of the model's files.
    pub model_hash: String,
    /// Scenario, where one was given.
    pub scenario: Option<String>,
    /// Demand and what vouches for the flows, by year.
    pub years: Vec<YearTold>,
    /// By what factor totals are missed, by what they count, for those whose page no parameter has seen and for the others.
    pub missed: Vec<Missed>,
    /// Published totals of traffic beside modelled ones: those whose page no parameter has seen, then the others, the worst first.
    pub traffic_totals: Vec<TotalTold>,
    /// Published totals of trade that demand was fitted to, and what a fit gives that has not seen their page.
    pub trade_totals: Vec<TradeTotalTold>,
    /// Tonnes by corridor.
    pub corridors: Vec<Row>,
    /// Tonnes by mode of most kilometres.
    pub modes: Vec<Row>,
    /// Capacities by what one unit more is worth in one of the years, the greatest first: their price by year.
    pub prices: Vec<Row>,
    /// Credits of the data.
    pub attribution: Vec<String>,
}

/// A year.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct YearTold {
    /// Year.
    pub year: u32,
    /// Day whose law, links and services hold for all of it.
    pub day: jiff::civil::Date,
    /// Tonnes of demand.
    pub tonnes: f64,
    /// Tonnes that move.
    pub carried_t: f64,
    /// Duality gap.
    pub gap: f64,
}

/// By what factor totals are missed.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Missed {
    /// Whether any parameter has seen their pages.
    pub in_the_fit: bool,
    /// What they count: corridor, line, port, crossing, railway; `all`.
    pub of: String,
    /// How many.
    pub totals: u32,
    /// Geometric mean of the factor by which they are missed, up or down.
    pub factor: f64,
    /// Median of modelled over published: below 1 the model has too little.
    pub median_ratio: f64,
}

/// A figure by year, in the order of the years; nothing where there is none.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Row {
    /// Of what.
    pub what: String,
    /// Unit.
    pub unit: String,
    /// By year.
    pub values: Vec<Option<f64>>,
}

fn missed(in_the_fit: bool, of: &str, totals: &[&TotalTold]) -> Missed {
    let mut ratios: Vec<f64> = totals.iter().map(|t| t.ratio).collect();
    ratios.sort_by(f64::total_cmp);
    let n = ratios.len();
    Missed {
        in_the_fit,
        of: of.to_owned(),
        totals: n as u32,
        factor: (totals.iter().map(|t| t.miss()).sum::<f64>() / n.max(1) as f64).exp(),
        median_ratio: if n % 2 == 1 { ratios[n / 2] } else { 0.5 * (ratios[n / 2 - 1] + ratios[n / 2]) },
    }
}

fn by_year(reports: &[Report], unit: &str, of: impl Fn(&Report) -> Vec<(String, f64)>) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    for (i, r) in reports.iter().enumerate() {
        for (what, value) in of(r) {
            let at = rows.iter().position(|x| x.what == what).unwrap_or_else(|| {
                rows.push(Row { what, unit: unit.to_owned(), values: vec![None; reports.len()] });
                rows.len() - 1
            });
            rows[at].values[i] = Some(value);
        }
    }
    let most = |r: &Row| r.values.iter().flatten().fold(0.0, |a: f64, b| a.max(*b));
    rows.sort_by(|a, b| most(b).total_cmp(&most(a)).then(a.what.cmp(&b.what)));
    rows
}

/// Puts the reports of several years of one model together; `None` if there are none.
pub fn years(reports: &[Report]) -> Option<Years> {
    let first = reports.first()?;
    let mut totals: Vec<TotalTold> = reports.iter().flat_map(|r| r.traffic_totals.iter().cloned()).collect();
    worst_first(&mut totals);
    let mut groups = Vec::new();
    for seen in [false, true] {
        let of: Vec<&TotalTold> = totals.iter().filter(|t| t.in_the_fit == seen).collect();
        if of.is_empty() {
            continue;
        }
        let mut kinds: BTreeMap<&str, Vec<&TotalTold>> = BTreeMap::new();
        for t in &of {
            kinds.entry(t.of.as_str()).or_default().push(t);
        }
        groups.push(missed(seen, "all", &of));
        groups.extend(kinds.iter().map(|(k, of)| missed(seen, k, of)));
    }
    // A total that reaches into two years is told by both, alike.
    let mut trade: Vec<TradeTotalTold> = Vec::new();
    for t in reports.iter().flat_map(|r| &r.trade_totals) {
        if !trade.iter().any(|x| x.id == t.id) {
            trade.push(t.clone());
        }
    }
    let off = |t: &TradeTotalTold| (t.left_out / t.published).max(1e-9).ln().abs();
    trade.sort_by(|a, b| off(b).total_cmp(&off(a)).then(a.id.cmp(&b.id)));
    let attribution: std::collections::BTreeSet<String> =
        reports.iter().flat_map(|r| r.attribution.iter().cloned()).collect();
    Some(Years {
        schema_version: 1,
        version: first.version.clone(),
        model: first.model.clone(),
        model_hash: first.model_hash.clone(),
        scenario: first.scenario.clone(),
        years: reports
            .iter()
            .map(|r| YearTold {
                year: r.year,
                day: r.day,
                tonnes: r.demand.tonnes,
                carried_t: r.demand.carried_t,
                gap: r.certificate.gap,
            })
            .collect(),
        missed: groups,
        traffic_totals: totals,
        trade_totals: trade,
        corridors: by_year(reports, "t", |r| {
            r.corridors.iter().map(|c| (c.name.clone(), c.tonnes)).collect()
        }),
        modes: by_year(reports, "t", |r| r.modes.iter().map(|m| (m.mode.clone(), m.tonnes)).collect()),
        prices: prices(reports),
        attribution: attribution.into_iter().collect(),
    })
}

/// The capacities that are dearest in all, with their prices.
fn prices(reports: &[Report]) -> Vec<Row> {
    let mut worth: BTreeMap<&str, (f64, &str, &str)> = BTreeMap::new();
    for c in reports.iter().flat_map(|r| &r.capacities).filter(|c| c.worth_usd > 0.0) {
        let all = c.worth_usd * c.capacity;
        let e = worth.entry(c.row.as_str()).or_insert((all, c.what.as_str(), c.unit.as_str()));
        e.0 = e.0.max(all);
    }
    let mut order: Vec<_> = worth.into_iter().collect();
    order.sort_by(|a, b| b.1.0.total_cmp(&a.1.0).then(a.0.cmp(b.0)));
    let price = |r: &Report, row: &str| r.capacities.iter().find(|c| c.row == row).map(|c| c.price_usd);
    order
        .into_iter()
        .map(|(row, (_, what, unit))| Row {
            what: what.to_owned(),
            unit: format!("USD a {unit}"),
            values: reports.iter().map(|r| price(r, row)).collect(),
        })
        .collect()
}
