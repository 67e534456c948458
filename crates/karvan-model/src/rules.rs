//! The one place in which rules are evaluated.
//!
//! From (rule set, day, shipment, movement) to (allowed?, by which rule; charges, delays, papers; blockers).
//!
//! **Precedence** between `forbid` and `permit`: the rule with more conditions wins; of equally specific
//! ones the later decision (`from`); of the same day, `forbid`. What no rule forbids is allowed.
//!
//! **Quotas.** A `ration` says nothing while its quota lasts, and forbids what the rest does not suffice for. A
//! rule of another effect with a quota holds while the rest suffices: a permit or a waiver for so many tonnes.
//! What is used is kept in a [`QuotaUse`] that the caller owns.
//!
//! **Term.** Of the rules that set a term of delivery the one of the highest rank in the same order sets it.
//!
//! **Groups.** A rule binds the members of a group on the days of their membership.

use std::collections::BTreeMap;

use jiff::civil::Date;
use karvan_units::{DayInterval, Dist};

use crate::cell::Ref;
use crate::tables::{
    Cargo, Effect, EquipmentKind, Governs, Group, Mode, QuotaPeriod, QuotaUnit, Rule, State,
};
use crate::{Model, NodeIx, RuleIx, StateIx};

/// Most different lists of states of previous transit in the rules of a model.
pub const PASSED_LISTS: usize = 8;

/// What is carried from where to where, as far as rules ask.
#[derive(Clone, Copy, Debug)]
pub struct Shipment<'a> {
    /// Cargo.
    pub cargo: &'a Cargo,
    /// State of origin; `None` at sea.
    pub origin: Option<StateIx>,
    /// State of destination.
    pub destination: Option<StateIx>,
    /// Mass, t; `None`: not stated, and no rule is left out because of its `min_t` or `max_t`.
    pub tonnes: Option<f64>,
    /// State in which the lorries that carry it are registered.
    pub registration: Option<StateIx>,
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
    /// State of the vessel's flag or of the train's operator; `None` by road, by pipe and where unknown.
    pub flag: Option<StateIx>,
    /// Lists of states of previous transit of which one has been passed, by bits: [`RuleSet::entered`] gives them.
    pub passed: u8,
}

/// The answer for one movement on one day.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// The forbidding rule, if the movement may not take place.
    pub blocker: Option<RuleIx>,
    /// Rules in force that shaped the answer otherwise: the permit that overrode, charges, waivers, delays, papers,
    /// quotas that are used.
    pub applied: Vec<RuleIx>,
}

/// A consignment in one kind of equipment, as quotas count it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Amounts {
    /// Equipment.
    pub equipment: EquipmentKind,
    /// Mass, t.
    pub tonnes: f64,
    /// Wagons, if it is carried in any.
    pub wagons: Option<f64>,
    /// TEU, if it is carried in any.
    pub teu: Option<f64>,
    /// Lorries, if it is carried in any.
    pub trucks: Option<f64>,
}

impl Amounts {
    /// The consignment in a unit; `None` if it is not carried in it.
    pub fn in_unit(&self, unit: QuotaUnit) -> Option<f64> {
        match unit {
            QuotaUnit::Tonne => Some(self.tonnes),
            QuotaUnit::Wagon => self.wagons,
            QuotaUnit::Teu => self.teu,
            QuotaUnit::Truck => self.trucks,
            QuotaUnit::Consignment => Some(1.0),
        }
    }
}

/// How much of each quota has been used: by rule, then by period.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct QuotaUse {
    used: BTreeMap<RuleIx, BTreeMap<String, f64>>,
}

impl QuotaUse {
    /// What is used of a rule's quota in a period.
    pub fn of(&self, rule: RuleIx, period: &str) -> f64 {
        self.used.get(&rule).and_then(|p| p.get(period)).copied().unwrap_or(0.0)
    }

    /// Books an amount.
    pub fn add(&mut self, rule: RuleIx, period: &str, amount: f64) {
        *self.used.entry(rule).or_default().entry(period.to_owned()).or_default() += amount;
    }

    /// Rule, period and amount used, in the order of the rules.
    pub fn iter(&self) -> impl Iterator<Item = (RuleIx, &str, f64)> {
        self.used.iter().flat_map(|(r, p)| p.iter().map(|(p, a)| (*r, p.as_str(), *a)))
    }
}

/// A quota on a day: what it is, what is left, and what the consignment would use of it.
#[derive(Clone, Debug, PartialEq)]
pub struct QuotaState {
    /// Whole amount of the period.
    pub amount: f64,
    /// What it is counted in.
    pub unit: QuotaUnit,
    /// The period: `2026`, `2026-03`, `once`.
    pub period: String,
    /// What is left, before the consignment.
    pub left: f64,
    /// What the consignment needs; `None` if it is not carried in the unit.
    pub needs: Option<f64>,
}

impl QuotaState {
    /// The state of a rule's quota on a day; `None` for a rule without one.
    pub fn of(model: &Model, rule: RuleIx, used: &QuotaUse, day: Date) -> Option<Self> {
        let quota = Quota::of(&model.tables.rule[rule.ix()])?;
        let period = quota.period_of(day);
        let left = quota.amount - used.of(rule, &period);
        Some(Self { amount: quota.amount, unit: quota.unit, period, left, needs: None })
    }
}

#[derive(Clone, Copy, Debug)]
struct Quota {
    amount: f64,
    unit: QuotaUnit,
    period: QuotaPeriod,
}

impl Quota {
    fn of(r: &Rule) -> Option<Self> {
        Some(Self { amount: r.quota?, unit: r.quota_unit?, period: r.quota_period? })
    }

    fn period_of(&self, day: Date) -> String {
        match self.period {
            QuotaPeriod::Year => format!("{:04}", day.year()),
            QuotaPeriod::Month => format!("{:04}-{:02}", day.year(), day.month()),
            QuotaPeriod::Once => "once".into(),
        }
    }

    /// The first days of the periods that begin in `(first, last]`.
    fn starts(&self, first: Date, last: Date) -> Vec<Date> {
        let mut out = Vec::new();
        let next = |day: Date| match self.period {
            QuotaPeriod::Year => Date::new(day.year() + 1, 1, 1).ok(),
            QuotaPeriod::Month if day.month() == 12 => Date::new(day.year() + 1, 1, 1).ok(),
            QuotaPeriod::Month => Date::new(day.year(), day.month() + 1, 1).ok(),
            QuotaPeriod::Once => None,
        };
        let mut day = next(first);
        while let Some(d) = day.filter(|d| *d <= last) {
            out.push(d);
            day = next(d);
        }
        out
    }
}

#[derive(Clone, Debug)]
struct Condition {
    rule: RuleIx,
    /// Day of the decision, for precedence.
    from: Option<Date>,
    /// Days on which it binds the shipment: the rule's own, while origin and destination belong to its groups.
    days: Vec<DayInterval>,
    governs: Governs,
    effect: Effect,
    /// The states that it binds, and when: always, or while they are members. `None`: every state.
    states: Option<Vec<(StateIx, DayInterval)>>,
    nodes: Vec<NodeIx>,
    modes: Vec<Mode>,
    equipment: Vec<EquipmentKind>,
    /// Flags, like `states`.
    flags: Option<Vec<(StateIx, DayInterval)>>,
    /// Bit of the list of states of previous transit; 0: none.
    passed: u8,
    specificity: u32,
    quota: Option<Quota>,
}

impl Condition {
    /// What forbids or permits decides over what does so by a lower rank.
    fn rank(&self) -> (u32, Option<Date>, bool) {
        (self.specificity, self.from, self.effect != Effect::Permit)
    }

    fn holds_on(&self, m: &Movement, day: Date) -> bool {
        let holds = |all: &Option<Vec<(StateIx, DayInterval)>>, state: Option<StateIx>| {
            all.as_ref().is_none_or(|all| all.iter().any(|(s, i)| Some(*s) == state && i.contains(day)))
        };
        self.days.iter().any(|i| i.contains(day))
            && self.passed & !m.passed == 0
            && holds(&self.states, m.state)
            && holds(&self.flags, m.flag)
    }
}

/// The rules that can concern one shipment; built once a question, asked for every movement.
#[derive(Clone, Debug, Default)]
pub struct RuleSet {
    conditions: Vec<Condition>,
    /// Conditions that name no node, by what they govern and by state; under `None`, those of every state.
    by_state: BTreeMap<(Governs, Option<StateIx>), Vec<u32>>,
    /// Conditions that name nodes.
    by_node: BTreeMap<(Governs, NodeIx), Vec<u32>>,
    /// The different lists of states of previous transit, one a bit.
    passed: Vec<Vec<StateIx>>,
    amounts: Vec<Amounts>,
    used: QuotaUse,
    /// Rules taken as if they were not.
    lifted: Vec<RuleIx>,
}

/// Number of a rule's conditions.
pub(crate) fn specificity(r: &Rule) -> u32 {
    let some = |empty: bool| u32::from(!empty);
    some(r.states.is_empty() && r.state_groups.is_empty())
        + some(r.nodes.is_empty())
        + some(r.modes.is_empty())
        + some(r.equipment.is_empty())
        + some(r.hs.is_empty())
        + some(r.rid.is_empty())
        + some(r.cargo_kinds.is_empty())
        + some(r.origin.is_empty() && r.origin_groups.is_empty())
        + some(r.destination.is_empty() && r.destination_groups.is_empty())
        + some(r.passed.is_empty())
        + some(r.registration.is_empty() && r.registration_groups.is_empty())
        + some(r.flag.is_empty() && r.flag_groups.is_empty())
        + some(r.min_t.is_none() && r.max_t.is_none())
}

/// Whether one of the cargo's HS codes lies under one of the prefixes; an empty list admits all.
pub fn hs_admits(prefixes: &[String], cargo: &Cargo) -> bool {
    prefixes.is_empty() || prefixes.iter().any(|p| cargo.hs.iter().any(|h| h.starts_with(p.as_str())))
}

/// Memberships: group, state, days.
struct Memberships<'m> {
    of_group: BTreeMap<&'m str, Vec<(StateIx, DayInterval)>>,
}

impl<'m> Memberships<'m> {
    fn new(model: &'m Model) -> Self {
        let mut of_group: BTreeMap<&str, Vec<(StateIx, DayInterval)>> = BTreeMap::new();
        for m in model.tables.member.iter() {
            if let Some(s) = model.state_ix(m.state.as_str()) {
                let days = DayInterval { from: m.from, till: m.till };
                of_group.entry(m.group.as_str()).or_default().push((s, days));
            }
        }
        Self { of_group }
    }

    fn members<'a>(&'a self, groups: &'a [Ref<Group>]) -> impl Iterator<Item = (StateIx, DayInterval)> + 'a {
        groups.iter().filter_map(|g| self.of_group.get(g.as_str())).flatten().copied()
    }
}

impl RuleSet {
    /// The rules of the model whose conditions on cargo, mass, origin and destination hold for the shipment on
    /// some day.
    pub fn new(model: &Model, shipment: &Shipment) -> Self {
        let memberships = Memberships::new(model);
        let key = |s: Option<StateIx>| s.map(|s| model.tables.state[s.ix()].id.as_str());
        let (origin, destination) = (key(shipment.origin), key(shipment.destination));
        let registration = key(shipment.registration);
        let lorries: Vec<EquipmentKind> =
            model.tables.equipment.iter().filter(|e| e.mode == Mode::Road).map(|e| e.kind).collect();
        // The days on which an end of the journey meets a condition; none: on no day.
        let meets = |list: &[Ref<State>], groups: &[Ref<Group>], end: Option<StateIx>, key: Option<&str>| {
            if list.is_empty() && groups.is_empty()
                || key.is_some_and(|k| list.iter().any(|s| s.as_str() == k))
            {
                return vec![DayInterval::ALWAYS];
            }
            let member = |(s, days): (StateIx, DayInterval)| (Some(s) == end).then_some(days);
            memberships.members(groups).filter_map(member).collect()
        };
        let rid = shipment.cargo.rid_class.as_deref();
        let mut set = RuleSet::default();
        for (i, r) in model.tables.rule.iter().enumerate() {
            let heavy = |t: f64| {
                r.min_t.is_none_or(|least| least.get() <= t) && r.max_t.is_none_or(|most| t <= most.get())
            };
            let concerns = hs_admits(&r.hs, shipment.cargo)
                && (r.rid.is_empty() || rid.is_some_and(|c| r.rid.iter().any(|p| c.starts_with(p.as_str()))))
                && r.cargo_kinds.admits(&shipment.cargo.kind)
                && shipment.tonnes.is_none_or(heavy);
            if !concerns {
                continue;
            }
            let own = DayInterval { from: r.from, till: r.till };
            let from = meets(&r.origin, &r.origin_groups, shipment.origin, origin);
            let to = meets(&r.destination, &r.destination_groups, shipment.destination, destination);
            let by = meets(&r.registration, &r.registration_groups, shipment.registration, registration);
            let days: Vec<DayInterval> = from
                .iter()
                .flat_map(|a| to.iter().map(|b| own.intersect(&a.intersect(b))))
                .flat_map(|i| by.iter().map(move |c| i.intersect(c)))
                .filter(|i| !i.is_empty())
                .collect();
            if days.is_empty() {
                continue;
            }
            let bound = |list: &[Ref<State>], groups: &[Ref<Group>]| {
                (!list.is_empty() || !groups.is_empty()).then(|| {
                    let named = list.iter().filter_map(|k| model.state_ix(k.as_str()));
                    let named = named.map(|s| (s, DayInterval::ALWAYS));
                    named.chain(memberships.members(groups)).collect::<Vec<_>>()
                })
            };
            let mut equipment = r.equipment.to_vec();
            if !r.registration.is_empty() || !r.registration_groups.is_empty() {
                if equipment.is_empty() {
                    equipment.clone_from(&lorries);
                }
                equipment.retain(|k| lorries.contains(k));
                if equipment.is_empty() {
                    continue;
                }
            }
            let passed = set.list(r.passed.iter().filter_map(|k| model.state_ix(k.as_str())).collect());
            set.add(Condition {
                rule: RuleIx::new(i),
                from: r.from,
                days,
                governs: r.governs,
                effect: r.effect,
                states: bound(&r.states, &r.state_groups),
                nodes: r.nodes.iter().filter_map(|n| model.node_ix(n.as_str())).collect(),
                modes: r.modes.to_vec(),
                equipment,
                flags: bound(&r.flag, &r.flag_groups),
                passed,
                specificity: specificity(r),
                quota: Quota::of(r),
            });
        }
        set
    }

    /// The same rules for a consignment of some size, with what is used of the quotas. Without, none is used and
    /// none is asked.
    pub fn with_quotas(mut self, amounts: Vec<Amounts>, used: QuotaUse) -> Self {
        (self.amounts, self.used) = (amounts, used);
        self
    }

    /// The bit of a list of states of previous transit; 0 for an empty one.
    fn list(&mut self, mut states: Vec<StateIx>) -> u8 {
        if states.is_empty() {
            return 0;
        }
        states.sort();
        states.dedup();
        let at = self.passed.iter().position(|l| *l == states).unwrap_or_else(|| {
            self.passed.push(states);
            self.passed.len() - 1
        });
        1u8.checked_shl(at as u32).unwrap_or(0)
    }

    /// The lists of states of previous transit of which a state is one, by bits: what a consignment that enters it
    /// has passed from then on.
    pub fn entered(&self, state: Option<StateIx>) -> u8 {
        let Some(s) = state else { return 0 };
        self.passed.iter().enumerate().filter(|(_, l)| l.contains(&s)).fold(0, |bits, (i, _)| bits | 1 << i)
    }

    /// The states of each list of previous transit, in the order of the bits.
    pub fn passed_lists(&self) -> &[Vec<StateIx>] {
        &self.passed
    }

    /// The bit of the list of states of previous transit that a rule names; 0 if it names none.
    pub fn list_of(&self, rule: RuleIx) -> u8 {
        self.condition(rule).map_or(0, |c| c.passed)
    }

    /// The flags that a rule names, by themselves or as members of a group on some day.
    pub fn flags_of(&self, rule: RuleIx) -> Vec<StateIx> {
        let named = self.condition(rule).and_then(|c| c.flags.as_ref());
        named.into_iter().flatten().map(|(s, _)| *s).collect()
    }

    fn condition(&self, rule: RuleIx) -> Option<&Condition> {
        self.conditions.binary_search_by_key(&rule, |c| c.rule).ok().map(|at| &self.conditions[at])
    }

    /// The lists on which what the rules say of a movement depends, by bits.
    pub fn asks_passed(&self, m: &Movement) -> u8 {
        if self.passed.is_empty() {
            return 0;
        }
        self.matching(m).iter().fold(0, |bits, c| bits | c.passed)
    }

    /// The lists of which it may be of use to have passed a state, by bits: those that a permit names.
    pub fn passed_may_help(&self) -> u8 {
        let permits = |c: &&Condition| c.effect == Effect::Permit;
        self.conditions.iter().filter(permits).fold(0, |bits, c| bits | c.passed)
    }

    fn add(&mut self, c: Condition) {
        let at = self.conditions.len() as u32;
        let into = |list: &mut Vec<u32>| {
            if list.last() != Some(&at) {
                list.push(at);
            }
        };
        if !c.nodes.is_empty() {
            for n in &c.nodes {
                into(self.by_node.entry((c.governs, *n)).or_default());
            }
        } else if let Some(states) = &c.states {
            for (s, _) in states {
                into(self.by_state.entry((c.governs, Some(*s))).or_default());
            }
        } else {
            into(self.by_state.entry((c.governs, None)).or_default());
        }
        self.conditions.push(c);
    }

    /// The conditions that may bind a movement on some day, in the order of the rules.
    fn matching(&self, m: &Movement) -> Vec<&Condition> {
        let everywhere = !matches!((m.node, m.governs), (Some(_), Governs::Carriage | Governs::Transit));
        let at_node = m.node.and_then(|n| self.by_node.get(&(m.governs, n)));
        let in_state = m.state.filter(|_| everywhere).and_then(|s| self.by_state.get(&(m.governs, Some(s))));
        let in_all = if everywhere { self.by_state.get(&(m.governs, None)) } else { None };
        let mut found: Vec<u32> =
            [at_node, in_state, in_all].into_iter().flatten().flatten().copied().collect();
        found.sort_unstable();
        found
            .into_iter()
            .map(|i| &self.conditions[i as usize])
            .filter(|c| {
                c.states.as_ref().is_none_or(|all| all.iter().any(|(s, _)| Some(*s) == m.state))
                    && (c.modes.is_empty() || c.modes.contains(&m.mode))
                    && (c.equipment.is_empty() || c.equipment.contains(&m.equipment))
                    && c.flags.as_ref().is_none_or(|all| all.iter().any(|(s, _)| Some(*s) == m.flag))
            })
            .collect()
    }

    /// Whether a condition's quota suffices; `None` if the consignment is not counted in its unit.
    fn suffices(&self, c: &Condition, equipment: EquipmentKind, day: Date) -> Option<bool> {
        let Some(quota) = c.quota.filter(|_| !self.amounts.is_empty()) else { return Some(true) };
        let needs = self.amounts_in(equipment)?.in_unit(quota.unit)?;
        let left = quota.amount - self.used.of(c.rule, &quota.period_of(day));
        Some(needs <= left + 1e-9)
    }

    fn amounts_in(&self, equipment: EquipmentKind) -> Option<&Amounts> {
        self.amounts.iter().find(|a| a.equipment == equipment)
    }

    /// The quota of a rule on a day, for the consignment in an equipment; `None` for a rule without one.
    pub fn quota(&self, rule: RuleIx, equipment: EquipmentKind, day: Date) -> Option<QuotaState> {
        let quota = self.condition(rule)?.quota?;
        let period = quota.period_of(day);
        Some(QuotaState {
            amount: quota.amount,
            unit: quota.unit,
            left: quota.amount - self.used.of(rule, &period),
            period,
            needs: self.amounts_in(equipment).and_then(|a| a.in_unit(quota.unit)),
        })
    }

    /// The rule set with some rules taken as lifted.
    pub fn without(mut self, lifted: Vec<RuleIx>) -> Self {
        self.lifted = lifted;
        self
    }

    /// Every rule that would have to be lifted for a movement to take place on a day, in the order in which they
    /// decide: behind one that is lifted the next may bar.
    pub fn bars(&self, movement: &Movement, day: Date) -> Vec<RuleIx> {
        let mut lifted = Vec::new();
        while let Some(rule) = self.evaluate_lifting(movement, day, &lifted).blocker {
            lifted.push(rule);
        }
        lifted
    }

    /// The permits that would go before a rule that bars a movement, if what is left of their quotas sufficed.
    pub fn used_up(&self, movement: &Movement, day: Date, bar: RuleIx) -> Vec<RuleIx> {
        let bind = self.matching(movement);
        let Some(bar) = bind.iter().find(|c| c.rule == bar).map(|c| c.rank()) else { return Vec::new() };
        bind.iter()
            .filter(|c| c.effect == Effect::Permit && c.rank() > bar && c.holds_on(movement, day))
            .filter(|c| self.suffices(c, movement.equipment, day) == Some(false))
            .map(|c| c.rule)
            .collect()
    }

    /// What the rules say of a movement on a day.
    pub fn evaluate(&self, movement: &Movement, day: Date) -> Verdict {
        self.evaluate_lifting(movement, day, &[])
    }

    fn evaluate_lifting(&self, movement: &Movement, day: Date, lifted: &[RuleIx]) -> Verdict {
        let mut verdict = Verdict::default();
        let mut decisive: Option<&Condition> = None;
        let mut waived: Option<u32> = None;
        let mut bind = self.matching(movement);
        let is_lifted = |r: &RuleIx| lifted.contains(r) || self.lifted.contains(r);
        bind.retain(|c| c.holds_on(movement, day) && !is_lifted(&c.rule));
        bind.retain(|c| {
            let suffices = self.suffices(c, movement.equipment, day);
            let decides = match c.effect {
                Effect::Forbid | Effect::Permit => suffices == Some(true),
                Effect::Ration => suffices == Some(false),
                Effect::Waive => {
                    if suffices == Some(true) {
                        waived = waived.max(Some(c.specificity));
                    }
                    false
                }
                Effect::Charge
                | Effect::Delay
                | Effect::Inspect
                | Effect::Paper
                | Effect::Discount
                | Effect::Term => false,
            };
            if decides && decisive.is_none_or(|d| c.rank() > d.rank()) {
                decisive = Some(c);
            }
            suffices == Some(true)
        });
        match decisive {
            Some(c) if c.effect == Effect::Permit => verdict.applied.push(c.rule),
            Some(c) => verdict.blocker = Some(c.rule),
            None => {}
        }
        let term = bind.iter().filter(|c| c.effect == Effect::Term).max_by_key(|c| c.rank()).map(|c| c.rule);
        for c in bind {
            match c.effect {
                Effect::Term if term != Some(c.rule) => {}
                Effect::Charge if waived.is_some_and(|w| w >= c.specificity) => {}
                Effect::Charge
                | Effect::Delay
                | Effect::Inspect
                | Effect::Paper
                | Effect::Waive
                | Effect::Discount
                | Effect::Term
                | Effect::Ration => verdict.applied.push(c.rule),
                Effect::Forbid | Effect::Permit => {}
            }
        }
        verdict
    }

    /// The rules that set prices and times on a day, each with the states and flags that it binds then: on days on which these
    /// are the same, a movement that is allowed costs and takes the same, quotas apart.
    pub fn pricing_on(&self, day: Date) -> Vec<(RuleIx, Vec<StateIx>)> {
        let prices = |e: Effect| {
            matches!(e, Effect::Charge | Effect::Waive | Effect::Discount | Effect::Delay | Effect::Inspect)
        };
        let bound = |all: &Option<Vec<(StateIx, DayInterval)>>| -> Vec<StateIx> {
            all.iter().flatten().filter(|(_, i)| i.contains(day)).map(|(s, _)| *s).collect()
        };
        self.conditions
            .iter()
            .filter(|c| prices(c.effect) && c.days.iter().any(|i| i.contains(day)))
            .map(|c| (c.rule, [bound(&c.states), bound(&c.flags)].concat()))
            .collect()
    }

    /// The days in `[first, last]` on which the verdict on a movement may change, `first` included.
    pub fn breaks(&self, movement: &Movement, first: Date, last: Date) -> Vec<Date> {
        let mut days: Vec<Date> = Vec::new();
        for c in self.matching(movement) {
            let memberships = c.states.iter().flatten().filter(|(s, _)| Some(*s) == movement.state);
            let flags = c.flags.iter().flatten().filter(|(s, _)| Some(*s) == movement.flag);
            let intervals = c.days.iter().copied().chain(memberships.chain(flags).map(|(_, i)| *i));
            days.extend(intervals.flat_map(|i| [i.from, i.till]).flatten());
            if let Some(q) = &c.quota {
                days.extend(q.starts(first, last));
            }
        }
        days.retain(|d| first < *d && *d <= last);
        days.push(first);
        days.sort();
        days.dedup();
        days
    }
}

/// How much longer a rule of effect `delay` or `inspect` makes a movement; `None` for another.
pub fn added_time(r: &Rule) -> Option<Dist> {
    let d = r.delay_h.clone()?;
    match (r.effect, r.probability) {
        (Effect::Delay, _) => Some(d),
        (Effect::Inspect, Some(p)) if p < 1.0 => Some(Dist::Mix(vec![(1.0 - p, Dist::Const(0.0)), (p, d)])),
        (Effect::Inspect, _) => Some(d),
        _ => None,
    }
}

/// A rule in force, with what its precedence rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InForce {
    /// The rule.
    pub rule: RuleIx,
    /// Effect.
    pub effect: Effect,
    /// Number of its conditions.
    pub conditions: u32,
    /// Day of the decision.
    pub from: Option<Date>,
}

impl RuleSet {
    /// The rules that bind a movement on a day, those of most conditions and of the latest day first. Of those that
    /// forbid or permit, the first decides, quotas apart.
    pub fn in_force(&self, movement: &Movement, day: Date) -> Vec<InForce> {
        let mut all: Vec<&Condition> =
            self.matching(movement).into_iter().filter(|c| c.holds_on(movement, day)).collect();
        all.sort_by_key(|c| std::cmp::Reverse(c.rank()));
        let one = |c: &Condition| InForce {
            rule: c.rule,
            effect: c.effect,
            conditions: c.specificity,
            from: c.from,
        };
        all.into_iter().map(one).collect()
    }

    /// The rules that can concern the shipment, each with the states that it binds on some day (`None`: every state).
    pub fn concerning(&self) -> impl Iterator<Item = (RuleIx, Option<Vec<StateIx>>)> + '_ {
        self.conditions.iter().map(|c| {
            let states = c.states.as_ref().map(|all| all.iter().map(|(s, _)| *s).collect());
            (c.rule, states)
        })
    }
}
