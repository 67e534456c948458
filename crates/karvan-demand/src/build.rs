//! The three steps, one after the other.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use karvan_model::tables::TradeTotal;
use karvan_model::{CargoIx, Model, NodeIx};

use crate::fit::{self, Total};
use crate::trade::{self, Basis, Cell, DemandError, RANGE_SD, parameter, range_of};
use crate::zones::{self, Flow};

/// What a published total and the demand say of each other.
#[derive(Clone, Debug)]
pub struct TotalFit {
    /// The row of `trade_total`, by position.
    pub row: usize,
    /// The page it was published on: the address of its first source, or the source's key. Totals of one page are
    /// one fold.
    pub page: String,
    /// What it says, t.
    pub published: f64,
    /// Low and high end of it, t.
    pub range: (f64, f64),
    /// What trade alone gives, t.
    pub prior: f64,
    /// What the demand gives that was fitted to all totals, t.
    pub fitted: f64,
    /// What demand gives that was fitted to the totals of all other pages, t: this may be scored.
    pub left_out: f64,
}

/// Demand of some years, with all that it was made from.
#[derive(Clone, Debug, Default)]
pub struct Demand {
    /// Step 1.
    pub cells: Vec<Cell>,
    /// Step 2.
    pub flows: Vec<Flow>,
    /// Step 3: tonnes of the cells that agree with the published totals.
    pub fitted: Vec<f64>,
    /// The same without the totals of one page, by page: what may be scored on that page.
    pub folds: BTreeMap<String, Vec<f64>>,
    /// What the totals say of it.
    pub totals: Vec<TotalFit>,
    /// Gap of the estimation to its lower bound, relative.
    pub gap: f64,
    /// Sweeps it took.
    pub sweeps: usize,
    /// The published totals, each with its page.
    known: Vec<(Total, String)>,
    /// Years asked for; the cells hold others where a total reaches into them.
    pub years: Vec<u32>,
}

/// Tonnes from one place to another.
#[derive(Clone, Debug, PartialEq)]
pub struct Od {
    /// Where it starts. A town stands for its stations, ports and terminals.
    pub from: NodeIx,
    /// Where it ends.
    pub to: NodeIx,
    /// Cargo.
    pub cargo: CargoIx,
    /// Year.
    pub year: u32,
    /// Tonnes.
    pub tonnes: f64,
    /// Low and high end, t.
    pub range: (f64, f64),
    /// How it is known.
    pub basis: Basis,
    /// The cell it is a share of; `None` where the model's own `demand` table gives it.
    pub cell: Option<usize>,
}

fn days(first: Date, last: Date) -> f64 {
    f64::from(first.until(last).map_or(0, |s| s.get_days())) + 1.0
}

/// Share of a year that lies in a period.
fn share_of_year(year: u32, first: Date, last: Date) -> f64 {
    let Ok(year) = i16::try_from(year) else { return 0.0 };
    let (Ok(start), Ok(end)) = (Date::new(year, 1, 1), Date::new(year, 12, 31)) else { return 0.0 };
    let (from, till) = (first.max(start), last.min(end));
    if from > till { 0.0 } else { days(from, till) / days(start, end) }
}

/// The cells that a total counts, with the share of each.
fn parts(model: &Model, t: &TradeTotal, cells: &[Cell]) -> Vec<(usize, f64)> {
    let counted = |c: &Cell| {
        let cargo = model.tables.cargo[c.cargo.ix()].id.as_str();
        (t.from.is_empty() || t.from.iter().any(|r| r.as_str() == c.from))
            && (t.to.is_empty() || t.to.iter().any(|r| r.as_str() == c.to))
            && (t.cargo.is_empty() || t.cargo.iter().any(|r| r.as_str() == cargo))
    };
    let shares = cells.iter().enumerate().filter(|(_, c)| counted(c));
    shares.map(|(i, c)| (i, share_of_year(c.year, t.first, t.last))).filter(|(_, s)| *s > 0.0).collect()
}

fn page(model: &Model, t: &TradeTotal) -> String {
    let Some(key) = t.claim.sources.first() else { return format!("assumed:{}", t.id) };
    let source = model.tables.source.iter().find(|s| s.id.as_str() == key);
    source.and_then(|s| s.url.clone()).unwrap_or_else(|| key.clone())
}

/// Builds the demand of some years. What it says of a year does not depend on which others are asked for.
///
/// # Errors
/// A year outside the model's calendar, a parameter or a zone that is missing, or no trade at all.
pub fn build(model: &Model, years: &[u32]) -> Result<Demand, DemandError> {
    let years: BTreeSet<u32> = years.iter().copied().collect();
    let (first, last) = (model.manifest.first_day.year(), model.manifest.last_day.year());
    if let Some(y) = years.iter().find(|y| !i16::try_from(**y).is_ok_and(|y| (first..=last).contains(&y))) {
        return Err(DemandError::Year { given: *y, first, last });
    }
    if model.tables.trade.is_empty() {
        if model.tables.demand.is_empty() {
            return Err(DemandError::NoTrade);
        }
        return Ok(Demand { years: years.into_iter().collect(), ..Demand::default() });
    }
    let sd_total = parameter(model, "demand_sd_total")?;
    let totals = &model.tables.trade_total;
    let mut computed = years.clone();
    for t in totals.iter() {
        computed.extend((t.first.year()..=t.last.year()).filter_map(|y| u32::try_from(y).ok()));
    }
    let cells = trade::cells(model, &computed.into_iter().collect::<Vec<_>>())?;
    let flows = zones::flows(model, &cells)?;

    let prior: Vec<f64> = cells.iter().map(|c| c.tonnes).collect();
    let known: Vec<(Total, f64, String)> = totals
        .iter()
        .map(|t| {
            let v = t.tonnes;
            let stated = (v.low > 0.0 && v.high > v.low).then(|| (v.high / v.low).ln() / (2.0 * RANGE_SD));
            let log_sd = stated.unwrap_or(sd_total);
            let total = Total { value: v.best, sd: v.best * log_sd, parts: parts(model, t, &cells) };
            (total, log_sd, page(model, t))
        })
        .collect();
    let fitted_to = |without: Option<&str>| {
        let of = known.iter().filter(|(.., p)| Some(p.as_str()) != without).map(|(t, ..)| t.clone());
        converged(&cells, &of.collect::<Vec<_>>())
    };
    let all = fitted_to(None)?;
    let mut folds: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    for page in known.iter().map(|(.., p)| p).collect::<BTreeSet<_>>() {
        folds.insert(page.clone(), fitted_to(Some(page))?.flows);
    }
    let sum = |t: &Total, x: &[f64]| t.parts.iter().map(|(i, a)| a * x[*i]).sum::<f64>();
    let totals = known
        .iter()
        .enumerate()
        .map(|(row, (t, log_sd, page))| TotalFit {
            row,
            page: page.clone(),
            published: t.value,
            range: range_of(t.value, *log_sd),
            prior: sum(t, &prior),
            fitted: sum(t, &all.flows),
            left_out: sum(t, &folds[page]),
        })
        .collect();
    Ok(Demand {
        folds,
        known: known.into_iter().map(|(t, _, page)| (t, page)).collect(),
        fitted: all.flows.clone(),
        gap: all.gap(),
        sweeps: all.sweeps,
        cells,
        flows,
        totals,
        years: years.into_iter().collect(),
    })
}

impl TotalFit {
    /// Whether the total counts a cell.
    pub fn counts(&self, model: &Model, cell: &Cell) -> bool {
        !parts(model, &model.tables.trade_total[self.row], std::slice::from_ref(cell)).is_empty()
    }
}

impl Demand {
    /// The demand of one of the years: the rows of the model's `demand` table where it has some, else the flows.
    pub fn od_of_year(&self, model: &Model, year: u32) -> Vec<Od> {
        let given = given(model, year);
        if given.is_empty() { self.od().into_iter().filter(|o| o.year == year).collect() } else { given }
    }

    /// The tonnes between places in the years that were asked for, in the order of the cells.
    pub fn od(&self) -> Vec<Od> {
        self.od_of(&self.fitted)
    }

    /// The same, from other tonnes of the cells: such as those of a fit to further totals.
    ///
    /// # Panics
    /// If there is not one figure for each cell.
    pub fn od_of(&self, tonnes: &[f64]) -> Vec<Od> {
        assert_eq!(tonnes.len(), self.cells.len(), "one figure for each cell");
        let flows = self.flows.iter().filter(|f| self.years.contains(&self.cells[f.cell].year));
        flows
            .map(|f| {
                let c = &self.cells[f.cell];
                let t = tonnes[f.cell] * f.share;
                Od {
                    from: f.from,
                    to: f.to,
                    cargo: c.cargo,
                    year: c.year,
                    tonnes: t,
                    range: range_of(t, c.log_sd),
                    basis: c.basis,
                    cell: Some(f.cell),
                }
            })
            .collect()
    }

    /// A total of the network (a port, a border, a line) as the fit takes it: `share` says what part of a flow passes
    /// there, which an assignment knows. `sd` is its standard deviation, in tonnes.
    pub fn network_total(
        &self,
        page: &str,
        value: f64,
        sd: f64,
        share: impl Fn(&Flow) -> f64,
    ) -> NetworkTotal {
        let mut parts: BTreeMap<usize, f64> = BTreeMap::new();
        for f in &self.flows {
            let part = f.share * share(f);
            if part > 0.0 {
                *parts.entry(f.cell).or_default() += part;
            }
        }
        NetworkTotal { page: page.to_owned(), total: Total { value, sd, parts: parts.into_iter().collect() } }
    }

    /// Tonnes of the cells that agree with the published totals of trade and these of the network, but for those of one
    /// page, which may then be scored. [`Demand::od_of`] makes flows of them.
    ///
    /// # Errors
    /// If totals that must be met contradict each other.
    pub fn refit(&self, network: &[NetworkTotal], without: Option<&str>) -> Result<Vec<f64>, DemandError> {
        let trade = self.known.iter().map(|(t, page)| (t, page));
        let all = trade.chain(network.iter().map(|n| (&n.total, &n.page)));
        let of = all.filter(|(_, page)| Some(page.as_str()) != without).map(|(t, _)| t.clone());
        converged(&self.cells, &of.collect::<Vec<_>>()).map(|f| f.flows)
    }
}

/// A total of the network with the page it was published on.
#[derive(Clone, Debug, PartialEq)]
pub struct NetworkTotal {
    /// Page: totals of one are left out together.
    pub page: String,
    /// What it says, and of which cells.
    pub total: Total,
}

/// The estimate of cells' tonnes, if it was reached.
fn converged(cells: &[Cell], totals: &[Total]) -> Result<fit::Fitted, DemandError> {
    let prior: Vec<f64> = cells.iter().map(|c| c.tonnes).collect();
    // The weight that gives each cell the standard deviation of its logarithm.
    let weight: Vec<f64> = cells.iter().map(|c| 1.0 / (c.tonnes * c.log_sd * c.log_sd)).collect();
    let found = fit::fit(&prior, &weight, totals);
    if found.gap() <= fit::TOLERANCE && found.miss <= fit::TOLERANCE {
        Ok(found)
    } else {
        Err(DemandError::NotConverged { gap: found.gap(), sweeps: found.sweeps })
    }
}

/// The demand of one year: the rows of the model's `demand` table where it has some for the year, else what [`build`]
/// makes of trade.
///
/// # Errors
/// As [`build`].
pub fn of_year(model: &Model, year: u32) -> Result<Vec<Od>, DemandError> {
    let given = given(model, year);
    if given.is_empty() { Ok(build(model, &[year])?.od()) } else { Ok(given) }
}

/// The rows of the model's `demand` table for a year.
fn given(model: &Model, year: u32) -> Vec<Od> {
    let rows = model.tables.demand.iter().filter(|d| d.year == year);
    rows.filter_map(|d| {
        Some(Od {
            from: model.node_ix(d.from.as_str())?,
            to: model.node_ix(d.to.as_str())?,
            cargo: model.cargo_ix(d.cargo.as_str())?,
            year,
            tonnes: d.tonnes.best,
            range: (d.tonnes.low, d.tonnes.high),
            basis: Basis::Given,
            cell: None,
        })
    })
    .collect()
}
