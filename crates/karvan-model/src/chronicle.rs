//! The chronicle as a timeline: which events concern states, a place, a cargo, and what became of them.
//!
//! A filter is a set of conditions that all must hold, so filters compose: what is left of one answer by another
//! filter is the answer to both.

use jiff::civil::Date;
use karvan_units::DayInterval;
use schemars::JsonSchema;
use serde::Serialize;

use crate::applied::{SourceFound, amount, conditions, sources_of};
use crate::cell::{Id, Named, Ref, words};
use crate::places::{Gazetteer, Place, ResolveError, cargo_names, cargoes_named, fold, node_names};
use crate::rules::hs_admits;
use crate::tables::{Cargo, Effect, Event, EventClass, Governs, Precision, Rule};
use crate::{CargoIx, Model, NodeIx, StateIx};

words!(
    /// Whether a rule holds on a day.
    Standing { InForce = "in_force", Ended = "ended", NotYet = "not_yet" }
);
words!(
    /// How the text of a filter was understood.
    FoundBy {
        /// As places of the model: their names in the place of the event, and the rows at them.
        Gazetteer = "gazetteer",
        /// As cargoes of the model: their names in the cargo of the event, and rules that bind them.
        Cargo = "cargo",
        /// As an HS code: names of the cargoes under it, and rules that bind the code.
        Hs = "hs",
        /// As words.
        Text = "text",
    }
);

impl Event {
    /// The days on which it may have happened: one, or those of its month or year.
    pub fn days(&self) -> (Date, Date) {
        let last = match self.precision {
            Precision::Day => self.date,
            Precision::Month => self.date.last_of_month(),
            Precision::Year => self.date.last_of_year(),
        };
        (self.date, last)
    }
}

/// Whether a rule holds on a day.
pub fn standing(rule: &Rule, day: Date) -> Standing {
    if (DayInterval { from: rule.from, till: rule.till }).contains(day) {
        Standing::InForce
    } else if rule.from.is_some_and(|f| day < f) {
        Standing::NotYet
    } else {
        Standing::Ended
    }
}

/// A place that is asked for.
#[derive(Clone, Debug)]
pub struct PlaceAsked {
    text: String,
    found_by: FoundBy,
    /// Nodes of the place, where the gazetteer knows it.
    nodes: Vec<NodeIx>,
    /// Names in folded letters: any of them in the place of an event is the place.
    names: Vec<String>,
    /// Why it was not taken from the gazetteer.
    why_text: Option<ResolveError>,
}

impl PlaceAsked {
    /// A place by any of its names; as words where the gazetteer does not know it or knows several.
    pub fn new(model: &Model, text: &str) -> Self {
        let as_text = |why| Self {
            text: text.trim().to_owned(),
            found_by: FoundBy::Text,
            nodes: Vec::new(),
            names: vec![fold(text)],
            why_text: why,
        };
        match Gazetteer::new(model).resolve(text) {
            Ok(Place::Nodes { nodes, .. }) => {
                let mut names: Vec<String> =
                    nodes.iter().flat_map(|n| node_names(model.node(*n))).map(fold).collect();
                names.push(fold(text));
                names.retain(|n| n.len() > 2);
                names.sort();
                names.dedup();
                Self {
                    text: text.trim().to_owned(),
                    found_by: FoundBy::Gazetteer,
                    nodes,
                    names,
                    why_text: None,
                }
            }
            Ok(Place::Point { .. }) => as_text(None),
            Err(e) => as_text(Some(e)),
        }
    }

    /// Why the gazetteer did not give the place: it is unknown, or several.
    pub fn why_text(&self) -> Option<&ResolveError> {
        self.why_text.as_ref()
    }

    fn admits(&self, model: &Model, e: &Event) -> bool {
        let place = fold(e.place.as_deref().unwrap_or(""));
        self.names.iter().any(|n| has_words(&place, n))
            || nodes_of(model, e).iter().any(|n| self.nodes.contains(n))
    }
}

/// A cargo that is asked for.
#[derive(Clone, Debug)]
pub struct CargoAsked {
    text: String,
    found_by: FoundBy,
    /// Digits of an HS code.
    hs: Option<String>,
    cargoes: Vec<CargoIx>,
    /// Names in folded letters.
    names: Vec<String>,
}

impl CargoAsked {
    /// A cargo by name, HS code or UN number; as words where none is called so.
    pub fn new(model: &Model, text: &str) -> Self {
        let cargoes = cargoes_named(model, text);
        let digits: String = text.chars().filter(|c| !c.is_whitespace()).collect();
        let digits = digits.to_ascii_lowercase();
        let digits = digits.strip_prefix("hs").unwrap_or(&digits);
        let is_hs = digits.len() >= 2 && digits.bytes().all(|b| b.is_ascii_digit());
        let rows = cargoes.iter().map(|c| &model.tables.cargo[c.ix()]);
        let mut names: Vec<String> = rows.flat_map(cargo_names).filter(|n| n.len() > 2).collect();
        let found_by = match (is_hs, cargoes.is_empty()) {
            (true, _) => FoundBy::Hs,
            (false, false) => FoundBy::Cargo,
            (false, true) => FoundBy::Text,
        };
        if found_by == FoundBy::Text {
            names.push(fold(text));
        }
        names.sort();
        names.dedup();
        Self { text: text.trim().to_owned(), found_by, hs: is_hs.then(|| digits.to_owned()), cargoes, names }
    }

    fn binds(&self, model: &Model, r: &Rule) -> bool {
        let one = |c: &Cargo| {
            let rid = c.rid_class.as_deref();
            hs_admits(&r.hs, c)
                && (r.rid.is_empty() || rid.is_some_and(|k| r.rid.iter().any(|p| k.starts_with(p.as_str()))))
                && r.cargo_kinds.admits(&c.kind)
        };
        match &self.hs {
            Some(d) => {
                r.hs.is_empty() || r.hs.iter().any(|p| p.starts_with(d.as_str()) || d.starts_with(p.as_str()))
            }
            None => self.cargoes.iter().any(|c| one(&model.tables.cargo[c.ix()])),
        }
    }

    fn admits(&self, model: &Model, e: &Event) -> bool {
        let cargo = fold(e.cargo.as_deref().unwrap_or(""));
        self.names.iter().any(|n| has_words(&cargo, n))
            || e.class == EventClass::Rule && rules_of(model, e).any(|r| self.binds(model, r))
    }
}

/// Which events are asked for; of each condition that is set, all must hold.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// First and last day.
    pub between: Option<(Date, Date)>,
    /// States that an event must name, all of them.
    pub states: Vec<StateIx>,
    /// Place.
    pub place: Option<PlaceAsked>,
    /// Cargo.
    pub cargo: Option<CargoAsked>,
    /// Classes, one of which it must be of; empty: any.
    pub classes: Vec<EventClass>,
    /// Beginnings of words, all of which its texts must have.
    pub search: Option<String>,
}

impl Filter {
    /// Whether an event is asked for.
    pub fn admits(&self, model: &Model, e: &Event) -> bool {
        let (first, last) = e.days();
        let named = |s: &StateIx| {
            let key = model.tables.state[s.ix()].id.as_str();
            e.states.iter().any(|k| k.as_str() == key)
        };
        self.between.is_none_or(|(a, b)| a <= last && first <= b)
            && self.states.iter().all(named)
            && self.place.as_ref().is_none_or(|p| p.admits(model, e))
            && self.cargo.as_ref().is_none_or(|c| c.admits(model, e))
            && (self.classes.is_empty() || self.classes.contains(&e.class))
            && self.search.as_ref().is_none_or(|s| {
                let parts =
                    [Some(&e.kind), e.place.as_ref(), e.mode.as_ref(), e.cargo.as_ref(), Some(&e.what)];
                let text: Vec<String> = parts.into_iter().flatten().map(|t| fold(t)).collect();
                let text = text.join(" ");
                fold(s).split(' ').all(|w| text.split(' ').any(|t| t.starts_with(w)))
            })
    }

    /// The events asked for, the earliest first.
    pub fn select<'m>(&self, model: &'m Model) -> Vec<&'m Event> {
        let mut all: Vec<&Event> = model.tables.chronicle.iter().filter(|e| self.admits(model, e)).collect();
        all.sort_by(|a, b| (a.date, &a.id).cmp(&(b.date, &b.id)));
        all
    }
}

/// Whether a folded text holds the words of another, one after the other.
fn has_words(text: &str, words: &str) -> bool {
    !words.is_empty() && format!(" {text} ").contains(&format!(" {words} "))
}

fn rules_of<'m>(model: &'m Model, e: &'m Event) -> impl Iterator<Item = &'m Rule> {
    e.rules.iter().filter_map(|k| model.tables.rule.iter().find(|r| r.id.as_str() == k.as_str()))
}

/// The rows of a table that an event names.
fn rows<'m, T: Named>(all: &'m [T], keys: &'m [Ref<T>], id: fn(&T) -> &Id) -> impl Iterator<Item = &'m T> {
    keys.iter().filter_map(move |k| all.iter().find(|r| id(r).as_str() == k.as_str()))
}

/// The nodes at which the rows of an event stand.
fn nodes_of(model: &Model, e: &Event) -> Vec<NodeIx> {
    let t = &model.tables;
    let mut keys: Vec<&str> = Vec::new();
    for r in rows(&t.rule, &e.rules, |r| &r.id) {
        keys.extend(r.nodes.iter().map(|n| n.as_str()));
    }
    for s in rows(&t.service, &e.services, |s| &s.id) {
        keys.extend(s.stops.iter().map(|n| n.as_str()));
    }
    for x in rows(&t.terminal, &e.terminals, |x| &x.id) {
        keys.extend(x.nodes.iter().map(|n| n.as_str()));
    }
    for l in rows(&t.link, &e.links, |l| &l.id) {
        keys.extend([l.from.as_str(), l.to.as_str()]);
    }
    for b in rows(&t.border, &e.borders, |b| &b.id) {
        keys.push(b.node.as_str());
    }
    keys.into_iter().filter_map(|k| model.node_ix(k)).collect()
}

/// Answer of `karvan chronicle --format json`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct ChronicleAnswer {
    /// Version of this schema.
    pub schema_version: u32,
    /// Name and version of the model.
    pub model: String,
    /// BLAKE3 of the model's files and of the scenario's.
    pub model_hash: String,
    /// Scenario, where there is one.
    pub scenario: Option<String>,
    /// Day for which it is said whether a rule is in force.
    pub day: Date,
    /// What was asked for.
    pub asked: AskedFor,
    /// Events in the chronicle altogether.
    pub of: usize,
    /// The states that the events name, by code.
    pub states: Vec<StateTold>,
    /// The events, the earliest first.
    pub events: Vec<EventFound>,
    /// What to know besides, in sentences.
    pub notes: Vec<String>,
    /// Credits of the model.
    pub attribution: Vec<String>,
}

/// A state that events name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct StateTold {
    /// ISO 3166-1 alpha-2 code.
    pub id: String,
    /// Name in English.
    pub name_en: String,
    /// Name in Russian.
    pub name_ru: Option<String>,
}

/// The filter of an answer.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct AskedFor {
    /// First and last day.
    pub between: Option<(Date, Date)>,
    /// Codes of states, all of which an event names.
    pub states: Vec<String>,
    /// Place.
    pub place: Option<TextAsked>,
    /// Cargo.
    pub cargo: Option<TextAsked>,
    /// Classes.
    pub classes: Vec<EventClass>,
    /// Words.
    pub search: Option<String>,
}

/// A text of a filter and how it was understood.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct TextAsked {
    /// The text.
    pub text: String,
    /// How it was understood.
    pub found_by: FoundBy,
    /// The rows that it names, by key.
    pub rows: Vec<String>,
}

/// One event.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct EventFound {
    /// Key in table `chronicle`.
    pub id: String,
    /// Day, as exactly as `precision` says.
    pub date: Date,
    /// Whether the day is known, or only its month or year.
    pub precision: Precision,
    /// What happened, in a word or two.
    pub kind: String,
    /// What it is to the model.
    pub class: EventClass,
    /// Codes of the states that decided or are concerned.
    pub states: Vec<String>,
    /// Where, as written.
    pub place: Option<String>,
    /// By what, as written.
    pub mode: Option<String>,
    /// Cargo, as written.
    pub cargo: Option<String>,
    /// Main figure.
    pub quantity: Option<f64>,
    /// What it is in.
    pub unit: Option<String>,
    /// What happened.
    pub what: String,
    /// The rules that it made, ended or changed.
    pub rules: Vec<RuleMade>,
    /// Rows of other tables that it led to or is about.
    pub rows: Vec<RowMade>,
    /// Why it is classed so, and why it led to no row or what of it is not kept.
    pub reason: Option<String>,
    /// Sources.
    pub sources: Vec<SourceFound>,
    /// What of it is assumed, and why.
    pub assumed: Option<String>,
}

/// A rule that an event made, ended or changed.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct RuleMade {
    /// Key in table `rule`.
    pub rule: String,
    /// What it does.
    pub effect: Effect,
    /// What it governs.
    pub governs: Governs,
    /// What it says.
    pub what: String,
    /// Its conditions, in words.
    pub conditions: Vec<String>,
    /// Amount of a charge, share of a discount, time of a delay, quota.
    pub amount: Option<String>,
    /// First day; empty: since ever.
    pub from: Option<Date>,
    /// First day after; empty: lasting.
    pub till: Option<Date>,
    /// Whether it holds on the day of the answer.
    pub standing: Standing,
    /// Its sources.
    pub sources: Vec<SourceFound>,
    /// What of it is assumed, and why.
    pub assumed: Option<String>,
}

/// A row that an event led to or is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct RowMade {
    /// Table.
    pub table: String,
    /// Key.
    pub key: String,
}

/// JSON schema of [`ChronicleAnswer`].
pub fn chronicle_schema() -> schemars::Schema {
    schemars::schema_for!(ChronicleAnswer)
}

/// The states that events name, by code.
pub fn states_told(model: &Model, events: &[&Event]) -> Vec<StateTold> {
    let mut all: Vec<StateTold> = events
        .iter()
        .flat_map(|e| e.states.iter())
        .filter_map(|k| model.state_ix(k.as_str()))
        .map(|s| &model.tables.state[s.ix()])
        .map(|s| StateTold { id: s.id.0.clone(), name_en: s.name_en.clone(), name_ru: s.name_ru.clone() })
        .collect();
    all.sort_by(|a, b| a.id.cmp(&b.id));
    all.dedup();
    all
}

/// What was asked for, as the answer says it.
pub fn asked_for(model: &Model, f: &Filter) -> AskedFor {
    AskedFor {
        between: f.between,
        states: f.states.iter().map(|s| model.tables.state[s.ix()].id.0.clone()).collect(),
        place: f.place.as_ref().map(|p| TextAsked {
            text: p.text.clone(),
            found_by: p.found_by,
            rows: p.nodes.iter().map(|n| model.node(*n).id.0.clone()).collect(),
        }),
        cargo: f.cargo.as_ref().map(|c| TextAsked {
            text: c.text.clone(),
            found_by: c.found_by,
            rows: c.cargoes.iter().map(|c| model.tables.cargo[c.ix()].id.0.clone()).collect(),
        }),
        classes: f.classes.clone(),
        search: f.search.clone(),
    }
}

/// An event as the answer tells it.
pub fn found(model: &Model, e: &Event, day: Date) -> EventFound {
    fn keys<'a, T: Named + 'a>(list: &'a [Ref<T>]) -> impl Iterator<Item = RowMade> + 'a {
        list.iter().map(|k| RowMade { table: T::TABLE.to_owned(), key: k.as_str().to_owned() })
    }
    let rule = |r: &Rule| RuleMade {
        rule: r.id.0.clone(),
        effect: r.effect,
        governs: r.governs,
        what: r.what.clone(),
        conditions: conditions(model, r),
        amount: amount(r),
        from: r.from,
        till: r.till,
        standing: standing(r, day),
        sources: sources_of(model, &r.claim),
        assumed: r.claim.assumed.clone(),
    };
    EventFound {
        id: e.id.0.clone(),
        date: e.date,
        precision: e.precision,
        kind: e.kind.clone(),
        class: e.class,
        states: e.states.iter().map(|s| s.as_str().to_owned()).collect(),
        place: e.place.clone(),
        mode: e.mode.clone(),
        cargo: e.cargo.clone(),
        quantity: e.quantity,
        unit: e.unit.clone(),
        what: e.what.clone(),
        rules: rules_of(model, e).map(rule).collect(),
        rows: keys(&e.groups)
            .chain(keys(&e.tariffs))
            .chain(keys(&e.services))
            .chain(keys(&e.terminals))
            .chain(keys(&e.links))
            .chain(keys(&e.borders))
            .chain(keys(&e.projects))
            .collect(),
        reason: e.reason.clone(),
        sources: sources_of(model, &e.claim),
        assumed: e.claim.assumed.clone(),
    }
}
