//! How the tonnes of a cell were found: every step with its claims.

use std::collections::BTreeMap;

use karvan_model::cell::{Cell as _, Claim};
use karvan_model::{CargoIx, Model, NodeIx};
use schemars::JsonSchema;
use serde::Serialize;

use crate::build::Demand;
use crate::trade::{Basis, DemandError, range_of, rows_of};
use crate::zones;

/// A flow from region to region, explained. `karvan demand explain --format json` prints it.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Explanation {
    /// Version of this form; 1.
    pub schema_version: u32,
    /// BLAKE3 of the model's files and the scenario's.
    pub model_hash: String,
    /// Region of origin.
    pub from: String,
    /// Region of destination.
    pub to: String,
    /// Key of the cargo.
    pub cargo: String,
    /// Its name.
    pub cargo_name: String,
    /// Year.
    pub year: u32,
    /// Tonnes, fitted to the totals.
    pub tonnes: f64,
    /// Low and high end, t: 90 %.
    pub range_t: (f64, f64),
    /// How it is known.
    pub basis: Basis,
    /// Step 1.
    pub trade: TradeStep,
    /// Step 2: where it starts, the largest share first.
    pub origins: Vec<PlaceShare>,
    /// Step 2: where it ends, the largest share first.
    pub destinations: Vec<PlaceShare>,
    /// Step 3: the totals that count it.
    pub totals: Vec<TotalStep>,
    /// Tonnes between places, the largest first.
    pub flows: Vec<PlaceFlow>,
}

/// Step 1: from a row of trade to tonnes.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct TradeStep {
    /// The row that counts.
    pub row: RowShown,
    /// Rows of the same year that stand beside it.
    pub beside: Vec<RowShown>,
    /// USD per tonne by which a value was divided.
    pub unit_value_usd_per_t: Option<f64>,
    /// Where that comes from.
    pub unit_value_claim: Option<String>,
    /// Factor from the row's year to this one.
    pub index: f64,
    /// Value of all goods of the pair in the row's year and in this one, USD.
    pub index_from_usd: Option<(f64, f64)>,
    /// Tonnes.
    pub tonnes: f64,
    /// Low and high end, t: 90 %.
    pub range_t: (f64, f64),
}

/// A row of `trade`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct RowShown {
    /// Year.
    pub year: u32,
    /// Rank; the lowest counts.
    pub rank: u32,
    /// Quantity.
    pub quantity: f64,
    /// Its unit: `t` or `usd`.
    pub unit: String,
    /// Where it comes from.
    pub claim: String,
}

/// A place and its share of one end.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct PlaceShare {
    /// Key of the node.
    pub node: String,
    /// Name.
    pub name: String,
    /// Share, 0 to 1.
    pub share: f64,
}

/// A published total and what the demand says of it.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct TotalStep {
    /// Key of the row of `trade_total`.
    pub id: String,
    /// Page it was published on.
    pub page: String,
    /// First day.
    pub first: String,
    /// Last day.
    pub last: String,
    /// Published, t.
    pub published_t: f64,
    /// Its low and high end, t.
    pub range_t: (f64, f64),
    /// By trade alone, t.
    pub prior_t: f64,
    /// Fitted to all totals, t.
    pub fitted_t: f64,
    /// Fitted to the totals of all other pages, t.
    pub left_out_t: f64,
}

/// Tonnes between two places.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct PlaceFlow {
    /// Key of the node where it starts.
    pub from: String,
    /// Its name.
    pub from_name: String,
    /// Key of the node where it ends.
    pub to: String,
    /// Its name.
    pub to_name: String,
    /// Tonnes in the year.
    pub tonnes: f64,
}

/// Schema of [`Explanation`].
pub fn explanation_schema() -> schemars::Schema {
    schemars::schema_for!(Explanation)
}

impl Demand {
    /// Explains the flow of a cargo from one region to another in a year; `None` where the model knows of none.
    ///
    /// # Errors
    /// If a region has no zone.
    pub fn explain(
        &self,
        model: &Model,
        from: &str,
        to: &str,
        cargo: CargoIx,
        year: u32,
    ) -> Result<Option<Explanation>, DemandError> {
        let asked = (from, to, cargo, year);
        let is_asked = |c: &crate::Cell| (c.from.as_str(), c.to.as_str(), c.cargo, c.year) == asked;
        let Some(i) = self.cells.iter().position(is_asked) else { return Ok(None) };
        let (cell, tonnes) = (&self.cells[i], self.fitted[i]);
        let of_cargo = &model.tables.cargo[cargo.ix()];
        let text = |c: &Claim| c.write();
        let shown = |t: &karvan_model::tables::Trade| RowShown {
            year: t.year,
            rank: t.rank,
            quantity: t.quantity.best,
            unit: t.unit.word().to_owned(),
            claim: text(&t.claim),
        };
        let row = &model.tables.trade[cell.row];
        let beside = rows_of(model, from, to, Some(of_cargo.id.as_str()));
        let id = |n: NodeIx| model.node(n).id.0.clone();
        let name = |n: NodeIx| model.node(n).name_en.clone();
        let places = |end: fn(&zones::Flow) -> NodeIx| -> Vec<PlaceShare> {
            let mut sums: BTreeMap<NodeIx, f64> = BTreeMap::new();
            for f in self.flows.iter().filter(|f| f.cell == i) {
                *sums.entry(end(f)).or_default() += f.share;
            }
            let mut list: Vec<_> = sums.into_iter().collect();
            list.sort_by(|a, b| b.1.total_cmp(&a.1));
            list.into_iter().map(|(n, share)| PlaceShare { node: id(n), name: name(n), share }).collect()
        };
        let totals = self.totals.iter().filter(|t| t.counts(model, cell)).map(|t| {
            let r = &model.tables.trade_total[t.row];
            TotalStep {
                id: r.id.0.clone(),
                page: t.page.clone(),
                first: r.first.to_string(),
                last: r.last.to_string(),
                published_t: t.published,
                range_t: t.range,
                prior_t: t.prior,
                fitted_t: t.fitted,
                left_out_t: t.left_out,
            }
        });
        let flows = self.flows.iter().filter(|f| f.cell == i).map(|f| PlaceFlow {
            from: id(f.from),
            from_name: name(f.from),
            to: id(f.to),
            to_name: name(f.to),
            tonnes: tonnes * f.share,
        });
        Ok(Some(Explanation {
            schema_version: 1,
            model_hash: String::new(),
            from: from.to_owned(),
            to: to.to_owned(),
            cargo: of_cargo.id.0.clone(),
            cargo_name: of_cargo.name_en.clone(),
            year,
            tonnes,
            range_t: range_of(tonnes, cell.log_sd),
            basis: cell.basis,
            trade: TradeStep {
                row: shown(row),
                beside: beside
                    .into_iter()
                    .filter(|(r, t)| *r != cell.row && t.year == row.year)
                    .map(|(_, t)| shown(t))
                    .collect(),
                unit_value_usd_per_t: cell.unit_value,
                unit_value_claim: cell.unit_value.map(|_| text(&of_cargo.value_claim)),
                index: cell.index,
                index_from_usd: cell.index_from,
                tonnes: cell.tonnes,
                range_t: cell.range(),
            },
            origins: places(|f| f.from),
            destinations: places(|f| f.to),
            totals: totals.collect(),
            flows: flows.collect(),
        }))
    }
}
