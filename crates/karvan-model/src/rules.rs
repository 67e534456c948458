//! The one place in which rules are evaluated.
//!
//! From (rule set, day, shipment, movement) to (allowed?, by which rule; charges, delays, papers; blockers).
//!
//! **Precedence** between `forbid` and `permit`: the rule with more conditions wins; of equally specific
//! ones the later decision (`from`); of the same day, `forbid`. What no rule forbids is allowed.

use jiff::civil::Date;
use karvan_units::DayInterval;

use crate::tables::{Cargo, Effect, EquipmentKind, Governs, Mode, Rule};
use crate::{Model, NodeIx, RuleIx, StateIx};

/// What is carried from where to where, as far as rules ask.
#[derive(Clone, Copy, Debug)]
pub struct Shipment<'a> {
    /// Cargo.
    pub cargo: &'a Cargo,
    /// State of origin; `None` at sea.
    pub origin: Option<StateIx>,
    /// State of destination.
    pub destination: Option<StateIx>,
}

/// One movement, as far as rules ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Movement {
    /// What it is to the state: rules of these kinds are asked.
    pub governs: Governs,
    /// State whose territory or customs it touches.
    pub state: Option<StateIx>,
    /// Node, where it happens at one. Of carriage and transit at a node, only rules that name nodes are asked:
    /// the others are asked of the hauls between.
    pub node: Option<NodeIx>,
    /// Mode.
    pub mode: Mode,
    /// Equipment ridden in.
    pub equipment: EquipmentKind,
}

/// The answer for one movement on one day.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// The forbidding rule, if the movement may not take place.
    pub blocker: Option<RuleIx>,
    /// Rules in force that shaped the answer otherwise: the permit that overrode, charges, waivers, delays, papers.
    pub applied: Vec<RuleIx>,
}

#[derive(Clone, Debug)]
struct Condition {
    rule: RuleIx,
    days: DayInterval,
    governs: Governs,
    effect: Effect,
    states: Vec<StateIx>,
    nodes: Vec<NodeIx>,
    modes: Vec<Mode>,
    equipment: Vec<EquipmentKind>,
    specificity: u32,
}

/// The rules that can concern one shipment; built once a question, asked for every movement.
#[derive(Clone, Debug, Default)]
pub struct RuleSet {
    conditions: Vec<Condition>,
}

fn specificity(r: &Rule) -> u32 {
    let some = |empty: bool| u32::from(!empty);
    some(r.states.is_empty())
        + some(r.nodes.is_empty())
        + some(r.modes.is_empty())
        + some(r.equipment.is_empty())
        + some(r.hs.is_empty())
        + some(r.rid.is_empty())
        + some(r.cargo_kinds.is_empty())
        + some(r.origin.is_empty())
        + some(r.destination.is_empty())
}

/// Whether one of the cargo's HS codes lies under one of the prefixes; an empty list admits all.
pub fn hs_admits(prefixes: &[String], cargo: &Cargo) -> bool {
    prefixes.is_empty() || prefixes.iter().any(|p| cargo.hs.iter().any(|h| h.starts_with(p.as_str())))
}

impl RuleSet {
    /// The rules of the model whose conditions on cargo, origin and destination hold for the shipment.
    pub fn new(model: &Model, shipment: &Shipment) -> Self {
        let state_ix = |keys: &[crate::cell::Ref<crate::tables::State>]| -> Vec<StateIx> {
            keys.iter().filter_map(|k| model.state_ix(k.as_str())).collect()
        };
        let concerns = |list: &[crate::cell::Ref<crate::tables::State>], state: Option<StateIx>| {
            list.is_empty() || state.is_some_and(|s| state_ix(list).contains(&s))
        };
        let conditions = model
            .tables
            .rule
            .iter()
            .enumerate()
            .filter(|(_, r)| {
                let rid = shipment.cargo.rid_class.as_deref();
                hs_admits(&r.hs, shipment.cargo)
                    && (r.rid.is_empty()
                        || rid.is_some_and(|c| r.rid.iter().any(|p| c.starts_with(p.as_str()))))
                    && r.cargo_kinds.admits(&shipment.cargo.kind)
                    && concerns(&r.origin, shipment.origin)
                    && concerns(&r.destination, shipment.destination)
            })
            .map(|(i, r)| Condition {
                rule: RuleIx::new(i),
                days: DayInterval { from: r.from, till: r.till },
                governs: r.governs,
                effect: r.effect,
                states: state_ix(&r.states),
                nodes: r.nodes.iter().filter_map(|n| model.node_ix(n.as_str())).collect(),
                modes: r.modes.to_vec(),
                equipment: r.equipment.to_vec(),
                specificity: specificity(r),
            })
            .collect();
        Self { conditions }
    }

    fn matching<'a>(&'a self, m: &'a Movement) -> impl Iterator<Item = &'a Condition> {
        self.conditions.iter().filter(move |c| {
            c.governs == m.governs
                && (c.states.is_empty() || m.state.is_some_and(|s| c.states.contains(&s)))
                && match m.node {
                    Some(n) => {
                        c.nodes.contains(&n)
                            || c.nodes.is_empty()
                                && !matches!(m.governs, Governs::Carriage | Governs::Transit)
                    }
                    None => c.nodes.is_empty(),
                }
                && (c.modes.is_empty() || c.modes.contains(&m.mode))
                && (c.equipment.is_empty() || c.equipment.contains(&m.equipment))
        })
    }

    /// What the rules say of a movement on a day.
    pub fn evaluate(&self, movement: &Movement, day: Date) -> Verdict {
        let mut verdict = Verdict::default();
        let mut decisive: Option<&Condition> = None;
        let mut waived: Option<u32> = None;
        for c in self.matching(movement).filter(|c| c.days.contains(day)) {
            match c.effect {
                Effect::Forbid | Effect::Permit => {
                    let rank = |c: &Condition| (c.specificity, c.days.from, c.effect == Effect::Forbid);
                    if decisive.is_none_or(|d| rank(c) > rank(d)) {
                        decisive = Some(c);
                    }
                }
                Effect::Waive => waived = waived.max(Some(c.specificity)),
                Effect::Charge | Effect::Delay | Effect::Paper => {}
            }
        }
        match decisive {
            Some(c) if c.effect == Effect::Forbid => verdict.blocker = Some(c.rule),
            Some(c) => verdict.applied.push(c.rule),
            None => {}
        }
        for c in self.matching(movement).filter(|c| c.days.contains(day)) {
            match c.effect {
                Effect::Charge if waived.is_some_and(|w| w >= c.specificity) => {}
                Effect::Charge | Effect::Delay | Effect::Paper | Effect::Waive => {
                    verdict.applied.push(c.rule)
                }
                Effect::Forbid | Effect::Permit => {}
            }
        }
        verdict
    }

    /// The days in `[first, last]` on which the verdict on a movement may change, `first` included.
    pub fn breaks(&self, movement: &Movement, first: Date, last: Date) -> Vec<Date> {
        let mut days: Vec<Date> = self
            .matching(movement)
            .flat_map(|c| [c.days.from, c.days.till])
            .flatten()
            .filter(|d| first < *d && *d <= last)
            .collect();
        days.push(first);
        days.sort();
        days.dedup();
        days
    }
}
