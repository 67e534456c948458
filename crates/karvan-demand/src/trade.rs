//! Step 1: tonnes from region to region, by cargo and year.
//!
//! Of the rows of `trade` for one flow and year the one with the lowest rank counts. A year without a row takes the
//! nearest year's (of two as near, the earlier), carried by the index of the pair: the value of all goods between the
//! two, where the table has it (rows without a cargo), else unchanged. Values become tonnes by the cargo's value per tonne.

use std::collections::BTreeMap;

use karvan_model::tables::{Trade, TradeUnit};
use karvan_model::{CargoIx, Model};

/// How a figure is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// Stated for this year in tonnes by the model's own `demand` table.
    Given,
    /// Published in tonnes for this year.
    Sourced,
    /// Arithmetic on published figures: another year carried by the pair's total, a value divided by a price.
    Derived,
    /// Rests on something that nobody published.
    Assumed,
}

impl Basis {
    /// The word it is written as.
    pub fn word(self) -> &'static str {
        match self {
            Basis::Given => "given",
            Basis::Sourced => "sourced",
            Basis::Derived => "derived",
            Basis::Assumed => "assumed",
        }
    }
}

/// Tonnes of one cargo from one region to another in one year, with how they were found.
#[derive(Clone, Debug)]
pub struct Cell {
    /// Region of origin.
    pub from: String,
    /// Region of destination.
    pub to: String,
    /// Cargo.
    pub cargo: CargoIx,
    /// Year.
    pub year: u32,
    /// Tonnes, before published totals are taken into account.
    pub tonnes: f64,
    /// Standard deviation of the logarithm of the tonnes.
    pub log_sd: f64,
    /// How it is known.
    pub basis: Basis,
    /// The row of `trade` it comes from, by position.
    pub row: usize,
    /// USD per tonne by which a value was divided; `None` where the row is in tonnes.
    pub unit_value: Option<f64>,
    /// Factor from the row's year to this one; 1 where they are the same or nothing is known of the pair.
    pub index: f64,
    /// Value of all goods of the pair in the row's year and in this one, USD, where the index comes from it.
    pub index_from: Option<(f64, f64)>,
}

/// Standard deviations between the best figure and the ends of a range: ranges are read as 90 %.
pub const RANGE_SD: f64 = 1.645;

/// Least standard deviation of a logarithm: a thousandth.
const SUREST: f64 = 1e-3;

impl Cell {
    /// Low and high end of the tonnes: 90 % of the lognormal that the uncertainty stands for.
    pub fn range(&self) -> (f64, f64) {
        range_of(self.tonnes, self.log_sd)
    }
}

/// Low and high end of a lognormal: 90 % of it lie between.
pub fn range_of(tonnes: f64, log_sd: f64) -> (f64, f64) {
    let k = (RANGE_SD * log_sd).exp();
    (tonnes / k, tonnes * k)
}

/// Why no demand can be built.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum DemandError {
    /// The model does not state a parameter.
    #[error("the model has no parameter `{0}`")]
    Parameter(&'static str),
    /// The model has neither trade nor demand.
    #[error("the model has no rows of `trade` and none of `demand`")]
    NoTrade,
    /// A year that the model does not answer for.
    #[error("the model knows nothing of the year {given}; it answers for {first} to {last}")]
    Year {
        /// Year asked for.
        given: u32,
        /// First year.
        first: i16,
        /// Last year.
        last: i16,
    },
    /// A region that has no place.
    #[error("region `{0}` trades and has no row of `zone`")]
    NoZone(String),
    /// The estimation came to no end.
    #[error("demand that agrees with the published totals was not found: gap {gap:e} after {sweeps} sweeps")]
    NotConverged {
        /// Relative gap that was reached.
        gap: f64,
        /// Sweeps over the totals.
        sweeps: usize,
    },
}

pub(crate) fn parameter(model: &Model, id: &'static str) -> Result<f64, DemandError> {
    model.parameter(id).map(|p| p.value.best).ok_or(DemandError::Parameter(id))
}

/// The rows of one flow, by year, each the one that counts.
type Series = BTreeMap<u32, usize>;

/// The rows of `trade` for one flow, in the order of the table.
pub fn rows_of<'m>(model: &'m Model, from: &str, to: &str, cargo: Option<&str>) -> Vec<(usize, &'m Trade)> {
    let same = |t: &Trade| {
        t.from.as_str() == from && t.to.as_str() == to && t.cargo.as_ref().map(|c| c.as_str()) == cargo
    };
    model.tables.trade.iter().enumerate().filter(|(_, t)| same(t)).collect()
}

fn nearest(series: &Series, year: u32) -> Option<(u32, usize)> {
    let before = series.range(..=year).next_back();
    let after = series.range(year..).next();
    match (before, after) {
        (Some((y, i)), Some((z, j))) => Some(if year - y <= z - year { (*y, *i) } else { (*z, *j) }),
        (Some((y, i)), None) | (None, Some((y, i))) => Some((*y, *i)),
        (None, None) => None,
    }
}

/// The cells of the years, in the order of region, region, cargo and year; those without a tonne are left out.
///
/// # Errors
/// If a parameter is missing.
pub fn cells(model: &Model, years: &[u32]) -> Result<Vec<Cell>, DemandError> {
    let (sd_tonnes, sd_value) = (parameter(model, "demand_sd_tonnes")?, parameter(model, "demand_sd_value")?);
    let (sd_assumed, sd_year) = (parameter(model, "demand_sd_assumed")?, parameter(model, "demand_sd_year")?);
    let index_most = parameter(model, "demand_index_most")?.max(1.0);
    let rows = &model.tables.trade;
    let mut flows: BTreeMap<(&str, &str, Option<CargoIx>), Series> = BTreeMap::new();
    for (i, t) in rows.iter().enumerate() {
        let cargo = match &t.cargo {
            Some(c) => match model.cargo_ix(c.as_str()) {
                Some(ix) => Some(ix),
                None => continue, // a dangling reference, which the check reports
            },
            None => None,
        };
        let series = flows.entry((t.from.as_str(), t.to.as_str(), cargo)).or_default();
        match series.get(&t.year) {
            Some(old) if rows[*old].rank <= t.rank => {}
            _ => {
                series.insert(t.year, i);
            }
        }
    }
    let mut out = Vec::new();
    for (&(from, to, cargo), series) in &flows {
        let Some(cargo) = cargo else { continue };
        let all_goods = flows.get(&(from, to, None));
        for &year in years {
            let Some((row_year, row)) = nearest(series, year) else { continue };
            let t = &rows[row];
            let (mut index, mut index_from) = (1.0, None);
            if row_year != year
                && let Some(all) = all_goods
                && let (Some((_, a)), Some((_, b))) = (nearest(all, row_year), nearest(all, year))
                && rows[a].quantity.best > 0.0
                && rows[b].quantity.best > 0.0
            {
                let (was, is) = (rows[a].quantity.best, rows[b].quantity.best);
                index = (is / was).clamp(1.0 / index_most, index_most);
                index_from = Some((was, is));
            }
            let price = model.tables.cargo[cargo.ix()].value_usd_per_t;
            let unit_value = (t.unit == TradeUnit::Usd).then_some(price.best);
            let tonnes = t.quantity.best / unit_value.unwrap_or(1.0) * index;
            if tonnes < 1.0 {
                continue;
            }
            // Independent errors add in squares.
            let q = t.quantity;
            let stated = (q.low > 0.0 && q.high > q.low).then(|| (q.high / q.low).ln() / (2.0 * RANGE_SD));
            let mut var = stated.unwrap_or(if unit_value.is_some() { sd_value } else { sd_tonnes }).powi(2);
            if unit_value.is_some() && price.low > 0.0 {
                var += ((price.high / price.low).ln() / (2.0 * RANGE_SD)).powi(2);
            }
            let price_is_sourced = model.tables.cargo[cargo.ix()].value_claim.is_sourced();
            if !t.claim.is_sourced() {
                var += sd_assumed.powi(2);
            }
            var += (sd_year * f64::from(row_year.abs_diff(year))).powi(2);
            let basis = if !t.claim.is_sourced() || (unit_value.is_some() && !price_is_sourced) {
                Basis::Assumed
            } else if unit_value.is_some() {
                Basis::Derived
            } else if row_year == year {
                Basis::Sourced
            } else if index_from.is_some() {
                Basis::Derived
            } else {
                Basis::Assumed
            };
            out.push(Cell {
                from: from.to_owned(),
                to: to.to_owned(),
                cargo,
                year,
                tonnes,
                // Nothing is known better than this; it also keeps the weights of the fit finite.
                log_sd: var.sqrt().max(SUREST),
                basis,
                row,
                unit_value,
                index,
                index_from,
            });
        }
    }
    Ok(out)
}
