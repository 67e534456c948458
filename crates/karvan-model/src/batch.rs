//! A list of consignments as a file, and what became of them: tables like those of a model, but no part of one.

use crate::cell::{Cell, List, Ref};
use crate::table::table;
use crate::tables::{QuotaUnit, Rule};

table! {
    /// A consignment of a batch, planned in the order of the file. Columns are named as the options of `karvan plan`.
    Consignment = "consignments", key ["id"] {
        /// Name of the consignment, each once.
        id: String,
        /// Origin.
        from: String,
        /// Destination.
        to: String,
        /// Cargo.
        cargo: String,
        /// Mass, t.
        tonnes: Option<f64>,
        /// Number of wagons.
        wagons: Option<f64>,
        /// Number of twenty-foot units.
        teu: Option<f64>,
        /// Number of lorries.
        trucks: Option<f64>,
        /// Earliest departure, local time.
        depart: Option<String>,
        /// Latest arrival, local time.
        arrive_by: Option<String>,
        /// State in which the lorries are registered; empty: the state of origin.
        lorries_of: Option<String>,
    }
}

/// What a consignment uses of a quota, in one cell: `1220 t of ge_free (once)`.
#[derive(Clone, Debug, PartialEq)]
pub struct Use {
    /// Amount.
    pub amount: f64,
    /// What it is counted in.
    pub unit: QuotaUnit,
    /// Rule of the quota.
    pub rule: Ref<Rule>,
    /// Period: `2026`, `2026-03`, or `once`.
    pub period: String,
}

impl Cell for Use {
    const REFERS_TO: Option<&'static str> = Some("rule");
    fn syntax() -> String {
        "amount and unit of a rule's quota with the period: `50 truck of RULE (2026)`".into()
    }
    fn read(text: &str) -> Result<Self, String> {
        let parts: Vec<&str> = text.split_whitespace().collect();
        let [amount, unit, "of", rule, period] = parts[..] else { return Err(Self::syntax()) };
        let amount = f64::read(amount)?;
        if amount <= 0.0 {
            return Err("an amount above 0".into());
        }
        let period = period.strip_prefix('(').and_then(|p| p.strip_suffix(')')).ok_or_else(Self::syntax)?;
        Ok(Self { amount, unit: QuotaUnit::read(unit)?, rule: Ref::read(rule)?, period: period.to_owned() })
    }
    fn write(&self) -> String {
        format!("{} {} of {} ({})", self.amount, self.unit, self.rule, self.period)
    }
    fn keys(&self) -> Vec<&str> {
        vec![self.rule.as_str()]
    }
}

table! {
    /// What became of a consignment of a batch, as `karvan plan --batch --format csv` writes it; `id` and `quotas` are
    /// declared use of quotas.
    Reported = "batch report", key ["id"] {
        /// Name of the consignment.
        id: String,
        /// Name of the origin.
        from: Option<String>,
        /// Name of the destination.
        to: Option<String>,
        /// Name of the cargo.
        cargo: Option<String>,
        /// Mass, t.
        tonnes: Option<f64>,
        /// The option that is booked, in a few words; empty: refused.
        option: Option<String>,
        /// Its median duration, h.
        p50_h: Option<f64>,
        /// Its ninetieth percentile, h.
        p90_h: Option<f64>,
        /// Its cost, USD.
        cost_usd: Option<f64>,
        /// At least.
        cost_low_usd: Option<f64>,
        /// At most.
        cost_high_usd: Option<f64>,
        /// Its emissions, kg CO2e.
        co2e_kg: Option<f64>,
        /// What it uses of quotas.
        quotas: List<Use>,
        /// Why it was refused.
        refused: Option<String>,
        /// Rows that stood in its way.
        blockers: Option<String>,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_use_reads_back() {
        let text = "1220.5 t of ge_free (once);3 truck of az_lorries (2025)";
        let uses: List<Use> = List::read(text).expect("two uses");
        assert_eq!(uses.write(), text);
        for wrong in
            ["1220 t of", "x t of r (once)", "-1 t of r (once)", "1 ton of r (once)", "1 t of r once"]
        {
            assert!(Use::read(wrong).is_err(), "{wrong}");
        }
    }
}
