//! Step 2: the places between which the tonnes of a cell move.
//!
//! A region's tonnes start at its zones in proportion to their weight for the cargo (rows of `zone_weight`), or to their
//! general weight where the cargo has no row, and end likewise. Pairs of places with less than `demand_least_t` go
//! with the larger ones of the same cell, so that a cell's shares always add up to one.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use karvan_model::tables::TradeEnd;
use karvan_model::{Model, NodeIx};

use crate::trade::{Cell, DemandError, parameter};

/// The share of a cell that moves between two places.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Flow {
    /// Cell, by position.
    pub cell: usize,
    /// Where it starts. A town stands for its stations, ports and terminals.
    pub from: NodeIx,
    /// Where it ends.
    pub to: NodeIx,
    /// Share of the cell's tonnes.
    pub share: f64,
}

/// Places with their shares.
pub type Places = Vec<(NodeIx, f64)>;

/// The places of a region for one cargo and end, with their shares, which add up to one; in the order of the table.
///
/// # Errors
/// If the region has none.
pub fn places(model: &Model, region: &str, cargo: &str, end: TradeEnd) -> Result<Places, DemandError> {
    let own: Vec<(&str, f64)> = model
        .tables
        .zone_weight
        .iter()
        .filter(|w| w.region.as_str() == region && w.end == end && w.cargo.as_str() == cargo)
        .map(|w| (w.node.as_str(), w.weight))
        .collect();
    let general = || {
        let rows = model.tables.zone.iter().filter(|z| z.region.as_str() == region);
        rows.map(|z| (z.node.as_str(), z.weight)).collect()
    };
    let weights: Vec<(&str, f64)> = if own.is_empty() { general() } else { own };
    let known: Places = weights
        .into_iter()
        .filter(|(_, w)| *w > 0.0)
        .filter_map(|(n, w)| Some((model.node_ix(n)?, w)))
        .collect();
    let sum: f64 = known.iter().map(|(_, w)| w).sum();
    if known.is_empty() {
        return Err(DemandError::NoZone(region.to_owned()));
    }
    Ok(known.into_iter().map(|(n, w)| (n, w / sum)).collect())
}

/// The flows of the cells, in the cells' order, each cell's by falling share.
///
/// # Errors
/// If a region has no zone, or a parameter is missing.
pub fn flows(model: &Model, cells: &[Cell]) -> Result<Vec<Flow>, DemandError> {
    let least = parameter(model, "demand_least_t")?;
    let mut known: BTreeMap<(&str, usize, TradeEnd), Places> = BTreeMap::new();
    for c in cells {
        for (region, end) in [(&c.from, TradeEnd::Origin), (&c.to, TradeEnd::Destination)] {
            let key = (region.as_str(), c.cargo.ix(), end);
            if let Entry::Vacant(e) = known.entry(key) {
                let cargo = model.tables.cargo[c.cargo.ix()].id.as_str();
                e.insert(places(model, region, cargo, end)?);
            }
        }
    }
    let mut out = Vec::new();
    for (i, c) in cells.iter().enumerate() {
        let from = &known[&(c.from.as_str(), c.cargo.ix(), TradeEnd::Origin)];
        let to = &known[&(c.to.as_str(), c.cargo.ix(), TradeEnd::Destination)];
        // A place that is a gateway of both regions is no journey.
        let mut pairs: Vec<(NodeIx, NodeIx, f64)> = from
            .iter()
            .flat_map(|(a, x)| to.iter().map(move |(b, y)| (*a, *b, x * y)))
            .filter(|(a, b, _)| a != b)
            .collect();
        pairs.sort_by(|x, y| y.2.total_cmp(&x.2).then((x.0, x.1).cmp(&(y.0, y.1))));
        let large = pairs.iter().filter(|(.., s)| s * c.tonnes >= least).count();
        pairs.truncate(large.max(1));
        let sum: f64 = pairs.iter().map(|(.., s)| s).sum();
        out.extend(pairs.into_iter().map(|(from, to, s)| Flow { cell: i, from, to, share: s / sum }));
    }
    Ok(out)
}
