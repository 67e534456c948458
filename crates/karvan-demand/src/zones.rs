//! Step 2: the places between which the tonnes of a cell move.
//!
//! A region's tonnes start at its zones in proportion to their weight for the cargo (rows of `zone_weight`), or to their
//! general weight where the cargo has no row, and end likewise; and the farther two places are apart, the less moves between
//! them, as between states (the gravity equation's distance: Yotov et al., *An Advanced Guide to Trade Policy Analysis*, 2016).
//! Pairs of places with less than `demand_least_t` go with the larger ones of the same cell, so that a cell's shares always add
//! up to one.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use geo::{Distance, Haversine, Point};
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

/// Places nearer to one another count as so far apart, km: a town is no point.
const LEAST_KM: f64 = 30.0;

/// Places with their shares.
type Places = Vec<(NodeIx, f64)>;

/// The places of a region for one cargo and end in trade with a partner, with their shares before distance, which add up to one;
/// in the order of the table.
///
/// # Errors
/// If the region has none.
fn places(
    model: &Model,
    region: &str,
    cargo: &str,
    end: TradeEnd,
    partner: &str,
) -> Result<Places, DemandError> {
    let of = |partner: Option<&str>| -> Vec<(&str, f64)> {
        let rows = model.tables.zone_weight.iter();
        rows.filter(|w| w.region.as_str() == region && w.end == end && w.cargo.as_str() == cargo)
            .filter(|w| w.partner.as_ref().map(|p| p.as_str()) == partner)
            .map(|w| (w.node.as_str(), w.weight))
            .collect()
    };
    let own = of(Some(partner));
    let own = if own.is_empty() { of(None) } else { own };
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
    let elasticity = parameter(model, "demand_distance_elasticity")?;
    let at = |n: NodeIx| Point::new(model.node(n).lon, model.node(n).lat);
    let decay =
        |a: NodeIx, b: NodeIx| (Haversine.distance(at(a), at(b)) / 1000.0).max(LEAST_KM).powf(-elasticity);
    let mut known: BTreeMap<(&str, &str, usize), [Places; 2]> = BTreeMap::new();
    for c in cells {
        if let Entry::Vacant(e) = known.entry((c.from.as_str(), c.to.as_str(), c.cargo.ix())) {
            let cargo = model.tables.cargo[c.cargo.ix()].id.as_str();
            e.insert([
                places(model, &c.from, cargo, TradeEnd::Origin, &c.to)?,
                places(model, &c.to, cargo, TradeEnd::Destination, &c.from)?,
            ]);
        }
    }
    let mut out = Vec::new();
    for (i, c) in cells.iter().enumerate() {
        let [from, to] = &known[&(c.from.as_str(), c.to.as_str(), c.cargo.ix())];
        // A place that is a gateway of both regions is no journey.
        let mut pairs: Vec<(NodeIx, NodeIx, f64)> = from
            .iter()
            .flat_map(|(a, x)| to.iter().map(move |(b, y)| (*a, *b, x * y)))
            .filter(|(a, b, _)| a != b)
            .map(|(a, b, w)| (a, b, w * decay(a, b)))
            .collect();
        let sum: f64 = pairs.iter().map(|(.., s)| s).sum();
        pairs.iter_mut().for_each(|(.., s)| *s /= sum);
        pairs.sort_by(|x, y| y.2.total_cmp(&x.2).then((x.0, x.1).cmp(&(y.0, y.1))));
        let large = pairs.iter().filter(|(.., s)| s * c.tonnes >= least).count();
        pairs.truncate(large.max(1));
        let sum: f64 = pairs.iter().map(|(.., s)| s).sum();
        out.extend(pairs.into_iter().map(|(from, to, s)| Flow { cell: i, from, to, share: s / sum }));
    }
    Ok(out)
}
