//! What is left of the quotas on a day, given declared use.

use jiff::civil::Date;
use schemars::JsonSchema;
use serde::Serialize;

use crate::applied::{NamedCargo, NamedState, SourceFound, conditions, sources_of};
use crate::batch::Use;
use crate::rules::{QuotaState, QuotaUse};
use crate::tables::{Effect, Governs, QuotaPeriod};
use crate::{Model, RuleIx};

/// Answer of `karvan rules --quota --format json`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct QuotasAnswer {
    /// Version of this schema.
    pub schema_version: u32,
    /// Name and version of the model.
    pub model: String,
    /// BLAKE3 of the model's files and of the scenario's.
    pub model_hash: String,
    /// Scenario, where there is one.
    pub scenario: Option<String>,
    /// Day asked for.
    pub day: Date,
    /// Cargoes of the movement asked for; empty: every movement.
    pub cargoes: Vec<NamedCargo>,
    /// State of origin.
    pub from: Option<NamedState>,
    /// State of destination.
    pub to: Option<NamedState>,
    /// The quotas, in the order of the rules and of time.
    pub quotas: Vec<QuotaLeft>,
}

/// A quota in a period.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct QuotaLeft {
    /// Key of the rule.
    pub rule: String,
    /// What it says.
    pub what: String,
    /// Effect: `ration` forbids when it is used up; the others hold until then.
    pub effect: Effect,
    /// What consumes it: export, transit, import or carriage.
    pub governs: Governs,
    /// Of what and by whom: the rule's conditions, in words.
    pub consumed_by: Vec<String>,
    /// Who gives it out.
    pub authority: Option<String>,
    /// Unit: t, wagon, teu, truck, consignment.
    pub unit: String,
    /// Period: `2026`, `2026-03`, or `once`.
    pub period: String,
    /// Whole amount of the period.
    pub amount: f64,
    /// What is declared as used.
    pub used: f64,
    /// By whom, in the order of declaration.
    pub used_by: Vec<(String, f64)>,
    /// What is left; below 0 where more was used than there is.
    pub left: f64,
    /// Remark.
    pub note: Option<String>,
    /// Sources.
    pub sources: Vec<SourceFound>,
    /// What of it is assumed, and why.
    pub assumed: Option<String>,
}

/// Use of a quota that somebody declares.
#[derive(Clone, Debug, PartialEq)]
pub struct Declared {
    /// Who.
    pub by: String,
    /// Rule of the quota.
    pub rule: RuleIx,
    /// Period.
    pub period: String,
    /// Amount, in the quota's unit.
    pub amount: f64,
}

impl Declared {
    /// What a consignment says that it uses.
    ///
    /// # Errors
    /// What is wrong, and what is allowed: no such rule, one without a quota, another unit or kind of period.
    pub fn new(model: &Model, by: &str, given: &Use) -> Result<Self, (String, String)> {
        let rules = &model.tables.rule;
        let Some(ix) = rules.iter().position(|r| r.id.as_str() == given.rule.as_str()) else {
            let rationed = rules.iter().filter(|r| r.quota.is_some()).map(|r| r.id.as_str());
            let such = crate::nearest(given.rule.as_str(), rationed).map(|n| format!(", such as `{n}`"));
            let allowed = format!("the key of a rule with a quota{}", such.unwrap_or_default());
            return Err((format!("no rule is called `{}`", given.rule), allowed));
        };
        let r = &rules[ix];
        let (Some(_), Some(unit), Some(period)) = (r.quota, r.quota_unit, r.quota_period) else {
            return Err((format!("rule `{}` has no quota", r.id), "leave it out".into()));
        };
        if unit != given.unit {
            return Err((
                format!("rule `{}` counts in {unit}, not in {}", r.id, given.unit),
                unit.word().into(),
            ));
        }
        let (fits, allowed) = match period {
            QuotaPeriod::Year => (is_month(&format!("{}-01", given.period)), "a year such as 2026"),
            QuotaPeriod::Month => (is_month(&given.period), "a month such as 2026-03"),
            QuotaPeriod::Once => (given.period == "once", "`once`"),
        };
        if !fits {
            return Err((format!("`{}` is no period of rule `{}`", given.period, r.id), allowed.into()));
        }
        Ok(Self {
            by: by.to_owned(),
            rule: RuleIx::new(ix),
            period: given.period.clone(),
            amount: given.amount,
        })
    }
}

/// `2026-03`.
fn is_month(text: &str) -> bool {
    text.len() == 7 && format!("{text}-01").parse::<Date>().is_ok()
}

/// The rules with a quota that are in force on a day.
pub fn rationing(model: &Model, day: Date) -> Vec<RuleIx> {
    let rules = model.tables.rule.iter().enumerate();
    rules
        .filter(|(_, r)| r.quota.is_some())
        .filter(|(_, r)| karvan_units::DayInterval { from: r.from, till: r.till }.contains(day))
        .map(|(i, _)| RuleIx::new(i))
        .collect()
}

/// What is left of the quotas of rules: in the period of the day, and in every other of which use is declared.
pub fn left(model: &Model, rules: &[RuleIx], day: Date, declared: &[Declared]) -> Vec<QuotaLeft> {
    let mut used = QuotaUse::default();
    declared.iter().for_each(|d| used.add(d.rule, &d.period, d.amount));
    let mut out = Vec::new();
    for ix in rules {
        let Some(today) = QuotaState::of(model, *ix, &used, day) else { continue };
        let others =
            used.iter().filter(|(r, p, _)| r == ix && *p != today.period).map(|(_, p, _)| p.to_owned());
        let mut periods: Vec<String> = others.chain([today.period.clone()]).collect();
        periods.sort();
        let r = &model.tables.rule[ix.ix()];
        for period in periods {
            let by = declared.iter().filter(|d| d.rule == *ix && d.period == period);
            let spent = used.of(*ix, &period);
            out.push(QuotaLeft {
                rule: r.id.0.clone(),
                what: r.what.clone(),
                effect: r.effect,
                governs: r.governs,
                consumed_by: conditions(model, r),
                authority: r.authority.clone(),
                unit: today.unit.word().to_owned(),
                amount: today.amount,
                used: spent,
                used_by: by.map(|d| (d.by.clone(), d.amount)).collect(),
                left: today.amount - spent,
                period,
                note: r.note.clone(),
                sources: sources_of(model, &r.claim),
                assumed: r.claim.assumed.clone(),
            });
        }
    }
    out
}

/// JSON schema of [`QuotasAnswer`].
pub fn quotas_schema() -> schemars::Schema {
    schemars::schema_for!(QuotasAnswer)
}
