//! Conversion to the one currency in which amounts are added.

use std::collections::BTreeMap;

use crate::Model;

/// Dated exchange rates: units to one US dollar, mean of a year.
#[derive(Clone, Debug, Default)]
pub struct ExchangeRates {
    by_currency: BTreeMap<String, BTreeMap<u32, f64>>,
}

impl ExchangeRates {
    /// The rates of a model.
    pub fn new(model: &Model) -> Self {
        let mut by_currency: BTreeMap<String, BTreeMap<u32, f64>> = BTreeMap::new();
        for r in model.tables.exchange_rate.iter().filter(|r| r.per_usd > 0.0) {
            by_currency.entry(r.currency.clone()).or_default().insert(r.year, r.per_usd);
        }
        Self { by_currency }
    }

    /// US dollars to one unit of a currency in a year: the year's rate, else that of the nearest year stated
    /// (`karvan check` reports such years). `None` if the currency has no rate at all.
    pub fn usd(&self, currency: &str, year: u32) -> Option<f64> {
        let years = self.by_currency.get(currency);
        match years.and_then(|y| y.iter().min_by_key(|(y, _)| (y.abs_diff(year), **y))) {
            Some((_, per_usd)) => Some(1.0 / per_usd),
            None if currency == "USD" => Some(1.0),
            None => None,
        }
    }
}
