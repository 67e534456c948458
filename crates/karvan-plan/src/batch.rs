//! Many consignments in one order: what one uses of a quota, the next has less of.

use std::collections::BTreeMap;

use karvan_model::rules::QuotaState;
use karvan_model::{Model, RuleIx};
use karvan_network::base::Base;
use karvan_units::{Estimate, Hours, KgCo2e, Tonnes};
use schemars::JsonSchema;
use serde::Serialize;

use crate::answer::{Blocker, Provenance, QuotaUsed};
use crate::plan::{Asked, PlanError, Request, plan};

/// A consignment of a batch.
#[derive(Clone, Debug)]
pub struct Consignment {
    /// What its sender calls it.
    pub id: String,
    /// What is asked; what it says of used quotas is replaced.
    pub request: Request,
}

/// What became of a batch.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct BatchAnswer {
    /// Version of this schema.
    pub schema_version: u32,
    /// Consignments, in the order in which they were planned.
    pub consignments: Vec<Planned>,
    /// Quotas that were used, or that refused somebody, in the order of the rules and of time.
    pub quotas: Vec<QuotaAccount>,
    /// What the computation was.
    pub provenance: Provenance,
}

/// What became of a consignment.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Planned {
    /// What its sender calls it.
    pub id: String,
    /// Name of the origin.
    pub from: String,
    /// Name of the destination.
    pub to: String,
    /// Name of the cargo.
    pub cargo: String,
    /// Mass; empty if the cargo is not carried in the unit asked for.
    pub tonnes: Option<Tonnes>,
    /// The option of least generalised cost, which is booked; empty: refused.
    pub option: Option<Booked>,
    /// Why it was refused, in one sentence.
    pub refused: Option<String>,
    /// What stood in its way, most decisive first.
    pub blockers: Vec<Blocker>,
}

/// An option that was booked.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Booked {
    /// In a few words.
    pub label: String,
    /// Median duration.
    pub p50_h: Hours,
    /// Duration not exceeded in 90 % of draws.
    pub p90_h: Hours,
    /// Cost, USD.
    pub cost_usd: Estimate,
    /// Emissions.
    pub co2e_kg: KgCo2e,
    /// What it uses of quotas.
    pub quotas: Vec<QuotaUsed>,
}

/// A quota in a period, after the batch.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct QuotaAccount {
    /// Key of the rule.
    pub rule: String,
    /// What the rule says.
    pub what: String,
    /// Period: `2026`, `2026-03`, or `once`.
    pub period: String,
    /// Whole amount.
    pub amount: f64,
    /// Unit.
    pub unit: String,
    /// Who used how much, in the order of planning.
    pub used_by: Vec<(String, f64)>,
    /// What is left.
    pub left: f64,
    /// Who was refused because of it.
    pub refused: Vec<String>,
}

/// Whether a consignment can be asked about at all.
///
/// # Errors
/// As [`plan`].
pub fn check(model: &Model, request: &Request) -> Result<(), PlanError> {
    Asked::new(model, request)?;
    if request.depart.is_none() && request.arrive_by.is_none() {
        return Err(PlanError::NoTime);
    }
    Ok(())
}

/// Plans consignments in the order given; each books the option of least generalised cost. A consignment that
/// cannot be asked about is refused with the reason. `done` is told how many are planned.
pub fn batch(
    model: &Model,
    base: &Base,
    list: &[Consignment],
    provenance: Provenance,
    done: &mut dyn FnMut(usize),
) -> BatchAnswer {
    let mut used = list.first().map(|c| c.request.used.clone()).unwrap_or_default();
    let mut accounts: BTreeMap<(RuleIx, String), QuotaAccount> = BTreeMap::new();
    let mut consignments = Vec::new();
    let mut provenance = provenance;
    for (i, c) in list.iter().enumerate() {
        let request = Request { used: used.clone(), why_not: None, ..c.request.clone() };
        let mut planned = Planned {
            id: c.id.clone(),
            from: model.node(request.from.main).name_en.clone(),
            to: model.node(request.to.main).name_en.clone(),
            cargo: model.tables.cargo[request.cargo.ix()].name_en.clone(),
            tonnes: None,
            option: None,
            refused: None,
            blockers: Vec::new(),
        };
        match plan(model, base, &request, provenance.clone()) {
            Ok(answer) => {
                planned.tonnes = Some(answer.question.tonnes);
                if let Some(o) = answer.options.into_iter().next() {
                    for q in &o.quotas {
                        let Some(ix) = rule_ix(model, &q.rule) else { continue };
                        used.add(ix, &q.period, q.amount);
                        if let Some(a) = account(model, &mut accounts, ix, &q.period) {
                            a.used_by.push((c.id.clone(), q.amount));
                        }
                    }
                    planned.option = Some(Booked {
                        label: o.label,
                        p50_h: o.p50_h,
                        p90_h: o.p90_h,
                        cost_usd: o.cost_usd,
                        co2e_kg: o.co2e_kg,
                        quotas: o.quotas,
                    });
                }
                if let Some(r) = answer.refusal {
                    let day = request.as_of.unwrap_or_else(|| answer.question.depart.date());
                    for b in &r.blockers {
                        let Some(ix) = b.row.strip_prefix("rule/").and_then(|k| rule_ix(model, k)) else {
                            continue;
                        };
                        let period = QuotaState::of(model, ix, &used, day).map(|q| q.period);
                        if let Some(a) = period.and_then(|p| account(model, &mut accounts, ix, &p)) {
                            a.refused.push(c.id.clone());
                        }
                    }
                    planned.refused = Some(r.reason);
                    planned.blockers = r.blockers;
                }
                provenance = answer.provenance;
            }
            Err(e) => planned.refused = Some(e.to_string()),
        }
        consignments.push(planned);
        done(i + 1);
    }
    let mut quotas = Vec::new();
    for ((ix, period), mut a) in accounts {
        a.left = a.amount - used.of(ix, &period);
        quotas.push(a);
    }
    BatchAnswer { schema_version: 1, consignments, quotas, provenance }
}

fn rule_ix(model: &Model, key: &str) -> Option<RuleIx> {
    model.tables.rule.iter().position(|r| r.id.as_str() == key).map(RuleIx::new)
}

fn account<'a>(
    model: &Model,
    accounts: &'a mut BTreeMap<(RuleIx, String), QuotaAccount>,
    ix: RuleIx,
    period: &str,
) -> Option<&'a mut QuotaAccount> {
    let rule = &model.tables.rule[ix.ix()];
    let (amount, unit) = (rule.quota?, rule.quota_unit?);
    let account = accounts.entry((ix, period.to_owned())).or_insert_with(|| QuotaAccount {
        rule: rule.id.0.clone(),
        what: rule.what.clone(),
        period: period.to_owned(),
        amount,
        unit: unit.word().to_owned(),
        used_by: Vec::new(),
        left: amount,
        refused: Vec::new(),
    });
    Some(account)
}
