//! What applies to carriage of a cargo from one state to another: on a day, or what changed between two days.
//!
//! Nothing is decided here: [`RuleSet`] is asked of every movement that the relation can consist of (export,
//! transit, import and carriage, by every mode and equipment that takes the cargo, at every node that a rule
//! names), and what it answers is put together, the most decisive first.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use karvan_units::DayInterval;
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
        /// It is looked at in a share of cases, and then takes longer.
        Inspects = "inspects",
        /// Charges are not raised.
        Waives = "waives",
        /// Its tariff is lower.
        Discounts = "discounts",
        /// It needs a paper.
        Papers = "papers",
        /// The contract of carriage gives it a term of delivery.
        SetsTerm = "sets a term",
        /// It would have this term, but a more decisive rule gives another.
        OtherTerm = "overridden term",
    }
);

/// What is asked.
#[derive(Clone, Debug)]
pub struct Relation {
    /// Cargoes: one, or those under an HS code.
    pub cargoes: Vec<CargoIx>,
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
    /// State in which lorries are registered.
    pub registration: StateIx,
}

/// A cargo by key and name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct NamedCargo {
    /// Key in table `cargo`.
    pub id: String,
    /// Name.
    pub name: String,
    /// HS codes.
    pub hs: Vec<String>,
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
    /// Keys of the cargoes of which it holds; empty: of all that were asked about and go by the mode.
    pub part: Vec<String>,
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
    /// State of the flag or operator, where a rule tells it apart.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flag: Option<String>,
    /// States of previous transit of which one has been passed, where a rule tells it apart.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub passed: Vec<String>,
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
    /// Keys of the cargoes of which it does so; empty: of all that were asked about.
    pub part: Vec<String>,
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
    /// What it is.
    pub title: Option<String>,
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

/// A source by its key.
pub(crate) fn sources_of(model: &Model, claim: &Claim) -> Vec<SourceFound> {
    let found = |k: &String| {
        let s = model.tables.source.iter().find(|s| s.id.as_str() == k);
        SourceFound {
            id: k.clone(),
            publisher: s.map(|s| s.publisher.clone()).unwrap_or_default(),
            title: s.and_then(|s| s.title.clone()),
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
    say("come through", r.passed.iter().map(ToString::to_string).collect());
    say("by lorries of", places(&r.registration, &r.registration_groups));
    say("under the flag or operator of", places(&r.flag, &r.flag_groups));
    say("of at least", r.min_t.iter().map(|t| format!("{} t", t.get())).collect());
    say("of at most", r.max_t.iter().map(|t| format!("{} t", t.get())).collect());
    out
}

/// What a rule amounts to, in words: charge, share, time, quota.
pub(crate) fn amount(r: &Rule) -> Option<String> {
    let mut parts = Vec::new();
    match (r.effect, r.value) {
        (Effect::Charge, Some(v)) => {
            let per = r.per.map(|p| format!(" per {}", p.word().replace('_', "-"))).unwrap_or_default();
            parts.push(format!("{v} {}{per}", r.currency.as_deref().unwrap_or_default()));
        }
        (Effect::Discount, Some(v)) => parts.push(format!("{v} of the tariff")),
        _ => {}
    }
    parts.extend(r.probability.map(|p| format!("in {} % of cases", (p * 1000.0).round() / 10.0)));
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

/// Mode, node, flag other than of the state's own railway, list of states of which one was passed before.
type Place = (Mode, Option<NodeIx>, Option<StateIx>, Vec<StateIx>);
/// Where a rule was met: cargo (by its place among those asked about), place, equipment.
type Met = (usize, Place, EquipmentKind);

/// A cargo with the rules that can concern it and what carries it.
struct Carried {
    cargo: CargoIx,
    set: RuleSet,
    variants: BTreeSet<(Mode, EquipmentKind)>,
}

/// Answers for one relation.
pub struct Applied<'m> {
    model: &'m Model,
    relation: Relation,
    /// The cargoes that anything asked about carries.
    carried: Vec<Carried>,
}

/// What is known of a section on a day, before it is written out.
struct Seen {
    ways: Vec<Way>,
    rules: BTreeMap<(Role, RuleIx), Found>,
}

#[derive(Default)]
struct Found {
    at: BTreeSet<Met>,
    overrides: Vec<Override>,
}

impl<'m> Applied<'m> {
    /// For a relation.
    pub fn new(model: &'m Model, relation: &Relation) -> Self {
        let one = |ix: &CargoIx| {
            let cargo = &model.tables.cargo[ix.ix()];
            let shipment = Shipment {
                cargo,
                origin: Some(relation.from),
                destination: Some(relation.to),
                tonnes: relation.tonnes,
                registration: Some(relation.registration),
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
            Carried { cargo: *ix, set: RuleSet::new(model, &shipment), variants }
        };
        let mut carried: Vec<Carried> = relation.cargoes.iter().map(one).collect();
        carried.retain(|c| !c.variants.is_empty());
        Self { model, relation: relation.clone(), carried }
    }

    /// Whether anything that the relation asks about takes a cargo.
    pub fn is_carried(&self) -> bool {
        !self.carried.is_empty()
    }

    /// The rules that can concern the relation, each with the states that it binds on some day (`None`: every state).
    pub fn concerning(&self) -> BTreeMap<RuleIx, Option<Vec<StateIx>>> {
        self.carried.iter().flat_map(|c| c.set.concerning()).collect()
    }

    /// The rules with a quota that can ration the relation on a day.
    pub fn rationing(&self, day: Date) -> Vec<RuleIx> {
        let rations = |ix: &RuleIx| {
            let r = &self.model.tables.rule[ix.ix()];
            let mut all = self.carried.iter().flat_map(|c| &c.variants);
            r.quota.is_some()
                && DayInterval { from: r.from, till: r.till }.contains(day)
                && all.any(|(m, e)| r.modes.admits(m) && r.equipment.admits(e))
        };
        self.concerning().into_keys().filter(rations).collect()
    }

    /// The states of transit that are asked about, or that a rule other than a paper names.
    fn transit(&self) -> Vec<StateIx> {
        if !self.relation.transit.is_empty() {
            return self.relation.transit.clone();
        }
        let mut all = BTreeSet::new();
        for (rule, states) in self.concerning() {
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
    fn movements(&self, governs: Governs, state: Option<StateIx>) -> Vec<(usize, Movement)> {
        let afloat = |m: Mode| matches!(m, Mode::Sea | Mode::InlandWater);
        let fits = |m: Mode| match (governs, state) {
            (Governs::Carriage, None) => afloat(m),
            (Governs::Carriage | Governs::Transit, Some(_)) => m != Mode::Sea,
            _ => true,
        };
        let mut nodes: BTreeSet<NodeIx> = BTreeSet::new();
        for (rule, states) in self.concerning() {
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
        for (i, c) in self.carried.iter().enumerate() {
            // As a rule, and besides under each flag and after each list of states that a rule names.
            let mut cases: BTreeSet<(Option<StateIx>, u8)> = BTreeSet::from([(None, 0)]);
            for (rule, _) in c.set.concerning() {
                if self.model.tables.rule[rule.ix()].governs == governs {
                    cases.extend(c.set.flags_of(rule).into_iter().map(|f| (Some(f), 0)));
                    cases.insert((None, c.set.list_of(rule)));
                }
            }
            for (mode, equipment) in c.variants.iter().filter(|(m, _)| fits(*m)) {
                // Lorries have no flag. A train is the railway's of the state, unless a service says otherwise.
                let own = state.filter(|_| *mode == Mode::Rail);
                let has = |flag: Option<StateIx>| flag.is_none() || *mode != Mode::Road && flag != own;
                for node in &places {
                    for (flag, passed) in cases.iter().filter(|(flag, _)| has(*flag)) {
                        let m = Movement {
                            governs,
                            state,
                            node: *node,
                            mode: *mode,
                            equipment: *equipment,
                            flag: flag.or(own),
                            passed: *passed,
                        };
                        out.push((i, m));
                    }
                }
            }
        }
        out
    }

    /// A movement as it is told apart from others.
    fn place(&self, set: &RuleSet, m: &Movement) -> Place {
        let own = m.state.filter(|_| m.mode == Mode::Rail);
        let lists = set.passed_lists().iter().enumerate();
        let passed = lists.filter(|(i, _)| m.passed >> i & 1 == 1).flat_map(|(_, l)| l.iter().copied());
        (m.mode, m.node, m.flag.filter(|f| Some(*f) != own), passed.collect())
    }

    /// Whether a rule names all by which a movement is told apart from the usual one.
    fn names(&self, set: &RuleSet, rule: RuleIx, m: &Movement) -> bool {
        m.node.is_none_or(|n| self.names_node(rule, n))
            && self.place(set, m).2.is_none_or(|f| set.flags_of(rule).contains(&f))
            && (m.passed == 0 || m.passed == set.list_of(rule))
    }

    fn names_node(&self, rule: RuleIx, node: NodeIx) -> bool {
        let id = self.model.node(node).id.as_str();
        self.model.tables.rule[rule.ix()].nodes.iter().any(|n| n.as_str() == id)
    }

    /// Joins what differs by equipment and cargo alone; all equipment of a mode is written as none.
    fn reaches(&self, at: &[Met]) -> Vec<Reach> {
        type Kinds = BTreeSet<(usize, EquipmentKind)>;
        let mut by: BTreeMap<&Place, Kinds> = BTreeMap::new();
        for (cargo, place, kind) in at {
            by.entry(place).or_default().insert((*cargo, *kind));
        }
        let key = |s: &StateIx| self.model.tables.state[s.ix()].id.0.clone();
        by.into_iter()
            .map(|((mode, node, flag, passed), met)| {
                let cargoes: BTreeSet<usize> = met.iter().map(|(c, _)| *c).collect();
                let of = |c: &usize| self.carried[*c].variants.iter().filter(|(m, _)| m == mode).count();
                let mut equipment: BTreeSet<EquipmentKind> = met.iter().map(|(_, e)| *e).collect();
                if met.len() == cargoes.iter().map(of).sum::<usize>() {
                    equipment.clear();
                }
                Reach {
                    mode: *mode,
                    equipment: equipment.into_iter().collect(),
                    node: node.map(|n| self.model.node(n).id.0.clone()),
                    flag: flag.as_ref().map(key),
                    passed: passed.iter().map(key).collect(),
                }
            })
            .collect()
    }

    /// The keys of the cargoes met; none if they are all of `whole`.
    fn part(&self, at: &[Met], whole: impl Fn(&Carried) -> bool) -> Vec<String> {
        let met: BTreeSet<usize> = at.iter().map(|m| m.0).collect();
        if met.len() == self.carried.iter().filter(|c| whole(c)).count() {
            return Vec::new();
        }
        let key = |i: usize| self.model.tables.cargo[self.carried[i].cargo.ix()].id.0.clone();
        met.into_iter().map(key).collect()
    }

    fn seen(&self, movements: &[(usize, Movement)], day: Date) -> Seen {
        let id = |r: RuleIx| self.model.tables.rule[r.ix()].id.0.clone();
        let mut rules: BTreeMap<(Role, RuleIx), Found> = BTreeMap::new();
        type Said = (bool, Option<RuleIx>);
        let mut said: BTreeMap<(Place, Said), Vec<Met>> = BTreeMap::new();
        for (cargo, m) in movements {
            let set = &self.carried[*cargo].set;
            let place = self.place(set, m);
            let usual = place.1.is_none() && place.2.is_none() && m.passed == 0;
            let verdict = set.evaluate(m, day);
            let force = set.in_force(m, day);
            let met: Met = (*cargo, place.clone(), m.equipment);
            let decides = |f: &&InForce| matches!(f.effect, Effect::Forbid | Effect::Permit);
            let first = force.iter().find(decides);
            let ours = |r: RuleIx| self.names(set, r, m);
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
                    Effect::Inspect => Role::Inspects,
                    Effect::Waive => Role::Waives,
                    Effect::Discount => Role::Discounts,
                    Effect::Paper => Role::Papers,
                    Effect::Term if verdict.applied.contains(&f.rule) => Role::SetsTerm,
                    Effect::Term => Role::OtherTerm,
                };
                if let (Role::Overridden, Some(d)) = (role, first) {
                    overridden.push(Override { rule: id(f.rule), why: why(d, f) });
                }
                if ours(f.rule) {
                    let found = rules.entry((role, f.rule)).or_default();
                    found.at.insert(met.clone());
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
            if first.is_none_or(|d| ours(d.rule)) && (usual || first.is_some()) {
                let by = first.map(|d| d.rule);
                said.entry((place, (verdict.blocker.is_none(), by))).or_default().push(met);
            }
        }
        let mut ways: Vec<Way> = said
            .into_iter()
            .flat_map(|(((mode, ..), (allowed, rule)), at)| {
                let part = self.part(&at, |c| c.variants.iter().any(|(m, _)| *m == mode));
                let way = move |reach| Way { reach, allowed, rule: rule.map(id), part: part.clone() };
                self.reaches(&at).into_iter().map(way).collect::<Vec<_>>()
            })
            .collect();
        ways.sort_by(|a, b| a.reach.cmp(&b.reach));
        Seen { ways, rules }
    }

    fn found(&self, role: Role, rule: RuleIx, found: &Found) -> RuleFound {
        let r = &self.model.tables.rule[rule.ix()];
        let at: Vec<Met> = found.at.iter().cloned().collect();
        RuleFound {
            role,
            rule: r.id.0.clone(),
            what: r.what.clone(),
            reach: self.reaches(&at),
            part: self.part(&at, |_| true),
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

    /// What is asked.
    pub fn relation(&self) -> &Relation {
        &self.relation
    }

    /// Where the cargoes were asked for by an HS heading: the rules that name codes under it which no cargo of the model
    /// has, with these codes.
    pub fn codes_without_cargo(&self, heading: &str) -> Vec<(String, Vec<String>)> {
        let digits: String = heading.chars().filter(char::is_ascii_digit).collect();
        if digits.len() < 2 || self.relation.cargoes.len() < 2 {
            return Vec::new();
        }
        let has = |code: &str| {
            let of = |c: &CargoIx| self.model.tables.cargo[c.ix()].hs.iter().any(|h| h.starts_with(code));
            self.relation.cargoes.iter().any(of)
        };
        let mut out = Vec::new();
        for r in self.model.tables.rule.iter() {
            let codes: Vec<String> =
                r.hs.iter().filter(|h| h.starts_with(&digits) && !has(h)).cloned().collect();
            if !codes.is_empty() {
                out.push((r.id.0.clone(), codes));
            }
        }
        out
    }

    /// A cargo by key and name.
    pub fn named_cargo(&self, cargo: CargoIx) -> NamedCargo {
        let c = &self.model.tables.cargo[cargo.ix()];
        NamedCargo { id: c.id.0.clone(), name: c.name_en.clone(), hs: c.hs.0.clone() }
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
                .flat_map(|(c, m)| self.carried[*c].set.breaks(m, first, last))
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
