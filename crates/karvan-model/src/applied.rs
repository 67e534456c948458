//! What applies to carriage of a cargo from one state to another: on a day, or what changed between two days.
//!
//! Nothing is decided here: [`RuleSet`] is asked of every movement that the relation can consist of (export,
//! transit, import and carriage, by every mode and equipment that takes the cargo, at every node that a rule
//! names), and what it answers is put together, the most decisive first.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use schemars::JsonSchema;
use serde::Serialize;

use crate::cell::{Claim, words};
use crate::rules::{InForce, Movement, RuleSet, Shipment};
use crate::tables::{Effect, EquipmentKind, Governs, Mode, Rule};
use crate::{CargoIx, Model, NodeIx, RuleIx, StateIx};

words!(
    /// What a rule does to a movement, the most decisive first.
    Role {
        /// It may not take place.
        Forbids = "forbids",
        /// It may take place, whatever wider rules say.
        Permits = "permits",
        /// It would forbid or permit, but a more decisive rule says otherwise.
        Overridden = "overridden",
        /// It may take place while a quota lasts.
        Rations = "rations",
        /// It costs more.
        Charges = "charges",
        /// It would cost more, but the charge is waived.
        Waived = "waived",
        /// It takes longer.
        Delays = "delays",
        /// Charges are not raised.
        Waives = "waives",
        /// Its tariff is lower.
        Discounts = "discounts",
        /// It needs a paper.
        Papers = "papers",
    }
);

/// What is asked.
#[derive(Clone, Debug)]
pub struct Relation {
    /// Cargo.
    pub cargo: CargoIx,
    /// State of origin.
    pub from: StateIx,
    /// State of destination.
    pub to: StateIx,
    /// Mode; `None`: every mode that takes the cargo.
    pub mode: Option<Mode>,
    /// States of transit; empty: those that a rule of transit other than a paper names.
    pub transit: Vec<StateIx>,
    /// Mass, t, where stated.
    pub tonnes: Option<f64>,
}

/// Answer of `karvan rules --format json`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct RulesAnswer {
    /// Version of this schema.
    pub schema_version: u32,
    /// Name and version of the model.
    pub model: String,
    /// BLAKE3 of the model's files and of the scenario's.
    pub model_hash: String,
    /// Scenario, where there is one.
    pub scenario: Option<String>,
    /// Key of the cargo.
    pub cargo: String,
    /// Its name.
    pub cargo_name: String,
    /// Its HS codes.
    pub hs: Vec<String>,
    /// State of origin.
    pub from: NamedState,
    /// State of destination.
    pub to: NamedState,
    /// Mode asked for.
    pub mode: Option<Mode>,
    /// Mass asked for, t.
    pub tonnes: Option<f64>,
    /// Day asked for.
    pub day: Option<Date>,
    /// First and last day asked for, where changes are.
    pub between: Option<(Date, Date)>,
    /// What applies on `day`, state by state.
    pub sections: Vec<Section>,
    /// What changed in `between`, day by day.
    pub changes: Vec<Change>,
    /// What to know besides, in sentences.
    pub notes: Vec<String>,
}

/// A state by code and name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
pub struct NamedState {
    /// ISO 3166-1 alpha-2 code.
    pub id: String,
    /// Name.
    pub name: String,
}

/// What applies in one state, as export, transit, import or carriage.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Section {
    /// What the movement is to the state.
    pub governs: Governs,
    /// The state, or those for which the same holds; empty: at sea.
    pub states: Vec<NamedState>,
    /// Whether it may take place, by each mode.
    pub ways: Vec<Way>,
    /// The rules, most decisive first.
    pub rules: Vec<RuleFound>,
}

/// Whether something may move by a mode.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Way {
    /// By what, and where.
    #[serde(flatten)]
    pub reach: Reach,
    /// Whether it may.
    pub allowed: bool,
    /// Rule that forbids it, or permits it against another.
    pub rule: Option<String>,
}

/// A mode with equipment, at a place.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
pub struct Reach {
    /// Mode.
    pub mode: Mode,
    /// Equipment; empty: all that takes the cargo.
    pub equipment: Vec<EquipmentKind>,
    /// Node, where only there.
    pub node: Option<String>,
}

/// A rule that applies.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct RuleFound {
    /// What it does here.
    pub role: Role,
    /// Key in table `rule`.
    pub rule: String,
    /// What it says.
    pub what: String,
    /// By which modes, equipment and where it does so.
    pub reach: Vec<Reach>,
    /// First day; empty: since ever.
    pub from: Option<Date>,
    /// First day after; empty: lasting.
    pub till: Option<Date>,
    /// Its conditions, in words.
    pub conditions: Vec<String>,
    /// Amount of a charge, share of a discount, time of a delay, quota.
    pub amount: Option<String>,
    /// Paper needed.
    pub paper: Option<String>,
    /// Who issues the paper or is paid.
    pub authority: Option<String>,
    /// Remark.
    pub note: Option<String>,
    /// Sources.
    pub sources: Vec<SourceFound>,
    /// What of it is assumed, and why.
    pub assumed: Option<String>,
    /// Rules that would say otherwise, and why they yield.
    pub overrides: Vec<Override>,
}

/// A rule that yields.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Override {
    /// Its key.
    pub rule: String,
    /// Why it yields.
    pub why: String,
}

/// A source, as one reads it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct SourceFound {
    /// Key in table `source`.
    pub id: String,
    /// Publisher or site.
    pub publisher: String,
    /// Address.
    pub url: Option<String>,
    /// Date of the page.
    pub date: Option<String>,
}

/// What changed on a day.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Change {
    /// First day of the new.
    pub day: Date,
    /// What the movement is to the state.
    pub governs: Governs,
    /// The state, or those for which the same holds; empty: at sea.
    pub states: Vec<NamedState>,
    /// Rules that ended.
    pub ended: Vec<RuleFound>,
    /// Rules that began.
    pub began: Vec<RuleFound>,
    /// Whether it might take place the day before.
    pub before: Vec<Way>,
    /// Whether it may from that day.
    pub after: Vec<Way>,
}

/// JSON schema of [`RulesAnswer`].
pub fn rules_schema() -> schemars::Schema {
    schemars::schema_for!(RulesAnswer)
}

/// A source by its key.
pub(crate) fn sources_of(model: &Model, claim: &Claim) -> Vec<SourceFound> {
    let found = |k: &String| {
        let s = model.tables.source.iter().find(|s| s.id.as_str() == k);
        SourceFound {
            id: k.clone(),
            publisher: s.map(|s| s.publisher.clone()).unwrap_or_default(),
            url: s.and_then(|s| s.url.clone()),
            date: s.and_then(|s| s.date.clone()),
        }
    };
    claim.sources.iter().map(found).collect()
}

/// A rule's conditions but its days, in words.
pub fn conditions(model: &Model, r: &Rule) -> Vec<String> {
    let mut out = Vec::new();
    let mut say = |word: &str, all: Vec<String>| {
        if !all.is_empty() {
            out.push(format!("{word} {}", all.join(", ")));
        }
    };
    let plain = |w: &str| w.replace('_', " ");
    let node = |id: &str| model.node_ix(id).map_or_else(|| id.to_owned(), |n| model.node(n).name_en.clone());
    let group = |id: &str| {
        let g = model.tables.group.iter().find(|g| g.id.as_str() == id);
        format!("a member of {}", g.map_or(id, |g| g.name.as_str()))
    };
    let places = |states: &[crate::cell::Ref<crate::tables::State>],
                  groups: &[crate::cell::Ref<crate::tables::Group>]| {
        let states = states.iter().map(ToString::to_string);
        states.chain(groups.iter().map(|g| group(g.as_str()))).collect::<Vec<_>>()
    };
    say("in", places(&r.states, &r.state_groups));
    say("at", r.nodes.iter().map(|n| node(n.as_str())).collect());
    say("by", r.modes.iter().map(|m| plain(m.word())).collect());
    say("in", r.equipment.iter().map(|e| plain(e.word())).collect());
    say("HS", r.hs.to_vec());
    say("class", r.rid.to_vec());
    say("as", r.cargo_kinds.iter().map(|k| plain(k.word())).collect());
    say("from", places(&r.origin, &r.origin_groups));
    say("to", places(&r.destination, &r.destination_groups));
    say("of at least", r.min_t.iter().map(|t| format!("{} t", t.get())).collect());
    say("of at most", r.max_t.iter().map(|t| format!("{} t", t.get())).collect());
    out
}

fn amount(r: &Rule) -> Option<String> {
    let mut parts = Vec::new();
    match (r.effect, r.value) {
        (Effect::Charge, Some(v)) => {
            let per = r.per.map(|p| format!(" per {}", p.word().replace('_', "-"))).unwrap_or_default();
            parts.push(format!("{v} {}{per}", r.currency.as_deref().unwrap_or_default()));
        }
        (Effect::Discount, Some(v)) => parts.push(format!("{v} of the tariff")),
        _ => {}
    }
    parts.extend(r.delay_h.as_ref().map(|d| format!("{d} h")));
    if let (Some(q), Some(unit), Some(period)) = (r.quota, r.quota_unit, r.quota_period) {
        let period = match period.word() {
            "once" => "once".to_owned(),
            p => format!("a {p}"),
        };
        parts.push(format!("quota {q} {unit} {period}"));
    }
    (!parts.is_empty()).then(|| parts.join("; "))
}

/// Why a rule yields to another.
fn why(winner: &InForce, loser: &InForce) -> String {
    let day = |d: Option<Date>| d.map_or_else(|| "undated".to_owned(), |d| d.to_string());
    if winner.conditions > loser.conditions {
        format!("it has fewer conditions ({} against {})", loser.conditions, winner.conditions)
    } else if winner.from > loser.from {
        format!("it is the earlier decision ({}, against {})", day(loser.from), day(winner.from))
    } else {
        "of equal rank and day, what forbids prevails".into()
    }
}

type Variant = (Mode, EquipmentKind);

/// Answers for one relation.
pub struct Applied<'m> {
    model: &'m Model,
    set: RuleSet,
    relation: Relation,
    variants: BTreeSet<Variant>,
}

/// What is known of a section on a day, before it is written out.
struct Seen {
    ways: Vec<Way>,
    rules: BTreeMap<(Role, RuleIx), Found>,
}

#[derive(Default)]
struct Found {
    at: BTreeSet<(Mode, Option<NodeIx>, EquipmentKind)>,
    overrides: Vec<Override>,
}

impl<'m> Applied<'m> {
    /// For a relation.
    pub fn new(model: &'m Model, relation: &Relation) -> Self {
        let cargo = &model.tables.cargo[relation.cargo.ix()];
        let shipment = Shipment {
            cargo,
            origin: Some(relation.from),
            destination: Some(relation.to),
            tonnes: relation.tonnes,
        };
        let variants = model
            .tables
            .load
            .iter()
            .filter(|l| l.cargo.as_str() == cargo.id.as_str())
            .filter_map(|l| model.equipment_ix(l.equipment.as_str()))
            .map(|e| &model.tables.equipment[e.ix()])
            .map(|e| (e.mode, e.kind))
            .filter(|(m, _)| relation.mode.is_none_or(|asked| asked == *m))
            .collect();
        Self { model, set: RuleSet::new(model, &shipment), relation: relation.clone(), variants }
    }

    /// Whether anything that the relation asks about takes the cargo.
    pub fn is_carried(&self) -> bool {
        !self.variants.is_empty()
    }

    /// The states of transit that are asked about, or that a rule other than a paper names.
    fn transit(&self) -> Vec<StateIx> {
        if !self.relation.transit.is_empty() {
            return self.relation.transit.clone();
        }
        let mut all = BTreeSet::new();
        for (rule, states) in self.set.concerning() {
            let r = &self.model.tables.rule[rule.ix()];
            if r.governs == Governs::Transit && r.effect != Effect::Paper {
                all.extend(states.into_iter().flatten());
            }
        }
        all.into_iter().filter(|s| *s != self.relation.from && *s != self.relation.to).collect()
    }

    /// The questions: what it is to which state (`None`: at sea).
    fn questions(&self) -> Vec<(Governs, Option<StateIx>)> {
        let (from, to) = (self.relation.from, self.relation.to);
        let transit = self.transit();
        let mut out = Vec::new();
        if from != to {
            out.push((Governs::Export, Some(from)));
            out.extend(transit.iter().map(|s| (Governs::Transit, Some(*s))));
            out.push((Governs::Import, Some(to)));
        }
        out.push((Governs::Carriage, Some(from)));
        out.extend(transit.iter().map(|s| (Governs::Carriage, Some(*s))));
        if from != to {
            out.push((Governs::Carriage, Some(to)));
        }
        out.push((Governs::Carriage, None));
        out
    }

    /// The movements that a question consists of.
    fn movements(&self, governs: Governs, state: Option<StateIx>) -> Vec<Movement> {
        let afloat = |m: Mode| matches!(m, Mode::Sea | Mode::InlandWater);
        let fits = |m: Mode| match (governs, state) {
            (Governs::Carriage, None) => afloat(m),
            (Governs::Carriage | Governs::Transit, Some(_)) => m != Mode::Sea,
            _ => true,
        };
        let mut nodes: BTreeSet<NodeIx> = BTreeSet::new();
        for (rule, states) in self.set.concerning() {
            let r = &self.model.tables.rule[rule.ix()];
            if r.governs != governs {
                continue;
            }
            for n in r.nodes.iter().filter_map(|n| self.model.node_ix(n.as_str())) {
                let own = self.model.node(n).state.as_ref().and_then(|s| self.model.state_ix(s.as_str()));
                let here = match (&states, state) {
                    (Some(all), Some(s)) => all.contains(&s),
                    (None, s) => own == s,
                    (Some(_), None) => false,
                };
                if here {
                    nodes.insert(n);
                }
            }
        }
        let places: Vec<Option<NodeIx>> = std::iter::once(None).chain(nodes.into_iter().map(Some)).collect();
        let mut out = Vec::new();
        for (mode, equipment) in self.variants.iter().filter(|(m, _)| fits(*m)) {
            for node in &places {
                out.push(Movement { governs, state, node: *node, mode: *mode, equipment: *equipment });
            }
        }
        out
    }

    fn names_node(&self, rule: RuleIx, node: NodeIx) -> bool {
        let id = self.model.node(node).id.as_str();
        self.model.tables.rule[rule.ix()].nodes.iter().any(|n| n.as_str() == id)
    }

    /// Joins what differs by equipment alone; all equipment of a mode is written as none.
    fn reaches(&self, at: impl IntoIterator<Item = (Mode, Option<NodeIx>, EquipmentKind)>) -> Vec<Reach> {
        let mut by: BTreeMap<(Mode, Option<NodeIx>), Vec<EquipmentKind>> = BTreeMap::new();
        for (mode, node, kind) in at {
            by.entry((mode, node)).or_default().push(kind);
        }
        by.into_iter()
            .map(|((mode, node), mut equipment)| {
                let all = self.variants.iter().filter(|(m, _)| *m == mode).count();
                if equipment.len() == all {
                    equipment.clear();
                }
                Reach { mode, equipment, node: node.map(|n| self.model.node(n).id.0.clone()) }
            })
            .collect()
    }

    fn seen(&self, movements: &[Movement], day: Date) -> Seen {
        let id = |r: RuleIx| self.model.tables.rule[r.ix()].id.0.clone();
        let mut rules: BTreeMap<(Role, RuleIx), Found> = BTreeMap::new();
        type Said = (bool, Option<RuleIx>);
        let mut said: BTreeMap<Said, Vec<(Mode, Option<NodeIx>, EquipmentKind)>> = BTreeMap::new();
        for m in movements {
            let verdict = self.set.evaluate(m, day);
            let force = self.set.in_force(m, day);
            let decides = |f: &&InForce| matches!(f.effect, Effect::Forbid | Effect::Permit);
            let first = force.iter().find(decides);
            let ours = |r: RuleIx| m.node.is_none_or(|n| self.names_node(r, n));
            let mut overridden = Vec::new();
            for f in &force {
                let role = match f.effect {
                    Effect::Forbid | Effect::Permit if first.is_some_and(|d| d.effect != f.effect) => {
                        Role::Overridden
                    }
                    Effect::Forbid => Role::Forbids,
                    Effect::Permit => Role::Permits,
                    Effect::Ration => Role::Rations,
                    Effect::Charge if verdict.applied.contains(&f.rule) => Role::Charges,
                    Effect::Charge => Role::Waived,
                    Effect::Delay => Role::Delays,
                    Effect::Waive => Role::Waives,
                    Effect::Discount => Role::Discounts,
                    Effect::Paper => Role::Papers,
                };
                if let (Role::Overridden, Some(d)) = (role, first) {
                    overridden.push(Override { rule: id(f.rule), why: why(d, f) });
                }
                if ours(f.rule) {
                    let found = rules.entry((role, f.rule)).or_default();
                    found.at.insert((m.mode, m.node, m.equipment));
                }
            }
            if let Some(d) = first.filter(|d| ours(d.rule)) {
                let role = if d.effect == Effect::Forbid { Role::Forbids } else { Role::Permits };
                let found = rules.entry((role, d.rule)).or_default();
                for o in overridden {
                    if !found.overrides.contains(&o) {
                        found.overrides.push(o);
                    }
                }
            }
            // A place is told apart only where a rule of its own decides.
            if first.is_none_or(|d| ours(d.rule)) && (m.node.is_none() || first.is_some()) {
                let by = first.map(|d| d.rule);
                said.entry((verdict.blocker.is_none(), by)).or_default().push((m.mode, m.node, m.equipment));
            }
        }
        let mut ways: Vec<Way> = said
            .into_iter()
            .flat_map(|((allowed, rule), at)| {
                let way = move |reach| Way { reach, allowed, rule: rule.map(id) };
                self.reaches(at).into_iter().map(way).collect::<Vec<_>>()
            })
            .collect();
        ways.sort_by(|a, b| a.reach.cmp(&b.reach));
        Seen { ways, rules }
    }

    fn found(&self, role: Role, rule: RuleIx, found: &Found) -> RuleFound {
        let r = &self.model.tables.rule[rule.ix()];
        RuleFound {
            role,
            rule: r.id.0.clone(),
            what: r.what.clone(),
            reach: self.reaches(found.at.iter().copied()),
            from: r.from,
            till: r.till,
            conditions: conditions(self.model, r),
            amount: amount(r),
            paper: r.paper.clone(),
            authority: r.authority.clone(),
            note: r.note.clone(),
            sources: sources_of(self.model, &r.claim),
            assumed: r.claim.assumed.clone(),
            overrides: found.overrides.clone(),
        }
    }

    /// A state by code and name.
    pub fn named(&self, s: StateIx) -> NamedState {
        let s = &self.model.tables.state[s.ix()];
        NamedState { id: s.id.0.clone(), name: s.name_en.clone() }
    }

    /// What applies on a day: export, transit, import, carriage. States of transit without a rule are left out
    /// unless they are asked about.
    pub fn on(&self, day: Date) -> Vec<Section> {
        let mut out: Vec<Section> = Vec::new();
        for (governs, state) in self.questions() {
            let seen = self.seen(&self.movements(governs, state), day);
            let rules: Vec<RuleFound> =
                seen.rules.iter().map(|((role, r), f)| self.found(*role, *r, f)).collect();
            let silent = rules.iter().all(|r| r.role == Role::Papers);
            if seen.ways.is_empty()
                || (governs == Governs::Transit && self.relation.transit.is_empty() && silent)
                || (governs == Governs::Carriage && rules.is_empty())
            {
                continue;
            }
            let states: Vec<NamedState> = state.map(|s| self.named(s)).into_iter().collect();
            let same = out.iter_mut().find(|s| {
                governs == Governs::Carriage
                    && s.governs == governs
                    && s.states.is_empty() == states.is_empty()
                    && s.rules == rules
                    && s.ways == seen.ways
            });
            match same {
                Some(s) => s.states.extend(states),
                None => out.push(Section { governs, states, ways: seen.ways, rules }),
            }
        }
        out
    }

    /// What changed after `first` and up to `last`, by day.
    pub fn between(&self, first: Date, last: Date) -> Vec<Change> {
        let mut out: Vec<Change> = Vec::new();
        for (governs, state) in self.questions() {
            let movements = self.movements(governs, state);
            let days: BTreeSet<Date> = movements
                .iter()
                .flat_map(|m| self.set.breaks(m, first, last))
                .filter(|d| *d > first)
                .collect();
            for day in days {
                let Ok(eve) = day.yesterday() else { continue };
                let (before, after) = (self.seen(&movements, eve), self.seen(&movements, day));
                let ids = |s: &Seen| s.rules.keys().map(|(_, r)| *r).collect::<BTreeSet<_>>();
                let (old, new) = (ids(&before), ids(&after));
                let only = |s: &Seen, other: &BTreeSet<RuleIx>| -> Vec<RuleFound> {
                    let gone = s.rules.iter().filter(|((_, r), _)| !other.contains(r));
                    gone.map(|((role, r), f)| self.found(*role, *r, f)).collect()
                };
                let (ended, began) = (only(&before, &new), only(&after, &old));
                if ended.is_empty() && began.is_empty() && before.ways == after.ways {
                    continue;
                }
                let states: Vec<NamedState> = state.map(|s| self.named(s)).into_iter().collect();
                let same = out.iter_mut().find(|c| {
                    governs == Governs::Carriage
                        && (c.governs, c.day) == (governs, day)
                        && c.states.is_empty() == states.is_empty()
                        && c.ended == ended
                        && c.began == began
                        && c.before == before.ways
                        && c.after == after.ways
                });
                match same {
                    Some(c) => c.states.extend(states),
                    None => out.push(Change {
                        day,
                        governs,
                        states,
                        ended,
                        began,
                        before: before.ways,
                        after: after.ways,
                    }),
                }
            }
        }
        out.sort_by_key(|c| c.day);
        out
    }
}
