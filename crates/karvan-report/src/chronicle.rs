//! The chronicle as text, CSV and one HTML page.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use jiff::civil::Date;
use karvan_model::applied::SourceFound;
use karvan_model::chronicle::{ChronicleAnswer, EventFound, RuleMade, Standing, TextAsked};
use karvan_model::tables::{EventClass, Precision};
use minijinja::value::{Serde, Value};
use serde::Serialize;

use crate::applied::Lines;
use crate::html::TEMPLATES;
use crate::num::{self, PLAIN};
use crate::text::{Lang, Text};

/// A date as exactly as it is known: `2025-10-21`, `2025-11`, `1993`.
fn told(e: &EventFound) -> String {
    match e.precision {
        Precision::Day => e.date.to_string(),
        Precision::Month => e.date.strftime("%Y-%m").to_string(),
        Precision::Year => e.date.strftime("%Y").to_string(),
    }
}

fn days(from: Option<Date>, till: Option<Date>) -> String {
    match (from, till) {
        (None, None) => "undated".into(),
        (Some(f), None) => format!("from {f}"),
        (None, Some(t)) => format!("before {t}"),
        (Some(f), Some(t)) => format!("from {f}, before {t}"),
    }
}

fn figure(e: &EventFound) -> Option<String> {
    let number = PLAIN.short(e.quantity?, 3);
    Some(e.unit.as_ref().map_or_else(|| number.clone(), |u| format!("{number} {u}")))
}

/// Rows that the event led to, by table: `service a, b`.
fn rows_by_table(e: &EventFound) -> Vec<(String, Vec<String>)> {
    let mut out: Vec<(String, Vec<String>)> = Vec::new();
    for r in &e.rows {
        match out.iter_mut().find(|(t, _)| *t == r.table) {
            Some((_, keys)) => keys.push(r.key.clone()),
            None => out.push((r.table.clone(), vec![r.key.clone()])),
        }
    }
    out
}

/// Sources of a rule that are not those of its event.
fn further<'a>(r: &'a RuleMade, e: &'a EventFound) -> impl Iterator<Item = &'a SourceFound> {
    r.sources.iter().filter(|s| e.sources.iter().all(|o| o.id != s.id))
}

/// Modes that are meant each, as one reads them.
fn modes(written: &str) -> String {
    written.replace(';', ", ")
}

fn plain(word: &str) -> String {
    word.replace('_', " ")
}

/// The chronicle as text of at most `width` columns (72 at least).
pub fn chronicle_table(a: &ChronicleAnswer, width: usize) -> String {
    let text = Lang::En.text();
    let mut page = Lines { cargoes: &[], width: width.max(72), out: String::new() };
    page.say(0, &format!("{} of {} events; rules as of {}", a.events.len(), a.of, a.day));
    for n in &a.notes {
        page.say(0, n);
    }
    for e in &a.events {
        page.gap();
        let states = if e.states.is_empty() { String::new() } else { format!(" ({})", e.states.join(" ")) };
        page.say(0, &format!("{}  {}: {}{states}", told(e), plain(e.class.word()), e.kind));
        let about = [
            e.place.as_ref().map(|p| format!("at {p}")),
            e.mode.as_ref().map(|m| format!("by {}", modes(m))),
            e.cargo.as_ref().map(|c| format!("cargo: {c}")),
            figure(e),
        ];
        let about: Vec<String> = about.into_iter().flatten().collect();
        if !about.is_empty() {
            page.say(2, &about.join("; "));
        }
        page.say(2, &e.what);
        for r in &e.rules {
            page.say(
                2,
                &format!(
                    "{} {}: {}, {}",
                    text.word("effect", r.effect.word()),
                    r.rule,
                    r.governs,
                    text.word("standing", r.standing.word())
                ),
            );
            let mut terms = vec![days(r.from, r.till)];
            if !r.conditions.is_empty() {
                terms.push(format!("if {}", r.conditions.join("; ")));
            }
            terms.extend(r.amount.clone());
            page.say(4, &terms.join("; "));
            for s in further(r, e) {
                page.say(4, &format!("source: {}", address(s)));
            }
            if let Some(why) = &r.assumed {
                page.say(4, &format!("assumed: {why}"));
            }
        }
        for (table, keys) in rows_by_table(e) {
            page.say(2, &format!("{}: {}", plain(&table), keys.join(", ")));
        }
        if let Some(r) = &e.reason {
            page.say(2, &format!("why: {r}"));
        }
        for s in &e.sources {
            page.say(2, &format!("source: {}", address(s)));
        }
        if let Some(why) = &e.assumed {
            page.say(2, &format!("assumed: {why}"));
        }
    }
    page.out
}

fn address(s: &SourceFound) -> String {
    let dated = s.date.as_ref().map(|d| format!(" ({d})")).unwrap_or_default();
    format!("{} {}{dated}", s.id, s.url.as_deref().unwrap_or(&s.publisher))
}

/// The chronicle as CSV, one row an event.
pub fn chronicle_csv(a: &ChronicleAnswer) -> String {
    let mut w = csv::Writer::from_writer(Vec::new());
    let head = [
        "id",
        "date",
        "precision",
        "class",
        "kind",
        "states",
        "place",
        "mode",
        "cargo",
        "quantity",
        "unit",
        "what",
        "rules",
        "standing",
        "rows",
        "reason",
        "sources",
        "assumed",
    ];
    // Writing into memory cannot fail, and every record has the header's length.
    let _ = w.write_record(head);
    let text = |t: &Option<String>| t.clone().unwrap_or_default();
    let list = |all: Vec<String>| all.join(";");
    for e in &a.events {
        let _ = w.write_record([
            e.id.clone(),
            e.date.to_string(),
            e.precision.word().to_owned(),
            e.class.word().to_owned(),
            e.kind.clone(),
            list(e.states.clone()),
            text(&e.place),
            text(&e.mode),
            text(&e.cargo),
            e.quantity.map(|q| q.to_string()).unwrap_or_default(),
            text(&e.unit),
            e.what.clone(),
            list(e.rules.iter().map(|r| r.rule.clone()).collect()),
            list(e.rules.iter().map(|r| r.standing.word().to_owned()).collect()),
            list(e.rows.iter().map(|r| format!("{}/{}", r.table, r.key)).collect()),
            text(&e.reason),
            list(e.sources.iter().map(|s| s.url.clone().unwrap_or_else(|| s.id.clone())).collect()),
            text(&e.assumed),
        ]);
    }
    String::from_utf8(w.into_inner().unwrap_or_default()).unwrap_or_default()
}

#[derive(Serialize)]
struct Fact {
    name: String,
    value: String,
}

#[derive(Serialize)]
struct SourceRow {
    text: String,
    url: Option<String>,
    date: String,
}

#[derive(Serialize)]
struct RuleRow {
    id: String,
    effect: String,
    governs: String,
    standing: String,
    standing_class: &'static str,
    what: String,
    days: String,
    conditions: String,
    amount: Option<String>,
    sources: Vec<SourceRow>,
    assumed: Option<String>,
}

#[derive(Serialize)]
struct EventRow {
    id: String,
    iso: String,
    date: String,
    kind: String,
    class: &'static str,
    class_word: String,
    states: Vec<String>,
    about: Vec<String>,
    what: String,
    rules: Vec<RuleRow>,
    rows: Vec<Fact>,
    reason: Option<String>,
    sources: Vec<SourceRow>,
    assumed: Option<String>,
}

#[derive(Serialize)]
struct YearRow {
    year: i16,
    events: Vec<EventRow>,
}

/// What the template may ask for.
#[derive(Serialize)]
struct Context<'a> {
    t: &'static toml::Table,
    css: &'static str,
    more_css: &'static str,
    js: &'static str,
    title: String,
    facts: Vec<Fact>,
    notes: &'a [String],
    classes: Vec<Fact>,
    states: Vec<Fact>,
    count: usize,
    strip: String,
    years: Vec<YearRow>,
    provenance: Vec<Fact>,
    attribution: &'a [String],
}

/// The chronicle as one HTML page without any other file, filtered on the page by class, state and words.
pub fn chronicle_html(a: &ChronicleAnswer, lang: Lang) -> String {
    let text = lang.text();
    let template = TEMPLATES.get_template("chronicle").expect("added when the templates were made");
    template
        .render(Value::from(Serde(&context(a, text))))
        .expect("the template asks only for what the page holds")
}

fn date_of(e: &EventFound, text: &Text) -> String {
    match e.precision {
        Precision::Day => num::date(text, e.date),
        Precision::Month => format!("{} {}", text.month(e.date.month()), e.date.year()),
        Precision::Year => e.date.year().to_string(),
    }
}

fn sources<'a>(all: impl Iterator<Item = &'a SourceFound>) -> Vec<SourceRow> {
    let row = |s: &SourceFound| SourceRow {
        text: format!("{} ({})", s.publisher, s.id),
        url: s.url.clone().filter(|u| u.starts_with("https://") || u.starts_with("http://")),
        date: s.date.clone().unwrap_or_default(),
    };
    all.map(row).collect()
}

fn context<'a>(a: &'a ChronicleAnswer, text: &'static Text) -> Context<'a> {
    let mut years: Vec<YearRow> = Vec::new();
    for e in &a.events {
        let year = e.date.year();
        if years.last().is_none_or(|y| y.year != year) {
            years.push(YearRow { year, events: Vec::new() });
        }
        if let Some(y) = years.last_mut() {
            y.events.push(event(e, text));
        }
    }
    let name = |s: &karvan_model::chronicle::StateTold| match &s.name_ru {
        Some(ru) if text.russian => ru.clone(),
        _ => s.name_en.clone(),
    };
    let classes = EventClass::ALL.iter().filter(|c| a.events.iter().any(|e| e.class == **c));
    Context {
        t: &text.table,
        css: include_str!("../templates/report.css"),
        more_css: include_str!("../templates/chronicle.css"),
        js: include_str!("../templates/chronicle.js"),
        title: title(a, text),
        facts: facts(a, text),
        notes: &a.notes,
        classes: classes
            .map(|c| Fact { name: text.word("event_class", c.word()), value: c.word().to_owned() })
            .collect(),
        states: a.states.iter().map(|s| Fact { name: name(s), value: s.id.clone() }).collect(),
        count: a.events.len(),
        strip: strip(a, text),
        years,
        provenance: vec![
            Fact { name: text.get("provenance.model").to_owned(), value: a.model.clone() },
            Fact { name: text.get("provenance.model_hash").to_owned(), value: a.model_hash.clone() },
            Fact {
                name: text.get("provenance.scenario").to_owned(),
                value: a.scenario.clone().unwrap_or_else(|| text.get("provenance.base").to_owned()),
            },
        ],
        attribution: &a.attribution,
    }
}

fn title(a: &ChronicleAnswer, text: &Text) -> String {
    let n = a.events.len().to_string();
    if a.asked.states.is_empty() {
        return text.fill("chronicle.title", &[("n", &n)]);
    }
    text.fill("chronicle.title_states", &[("n", &n), ("states", &a.asked.states.join(", "))])
}

fn facts(a: &ChronicleAnswer, text: &Text) -> Vec<Fact> {
    let mut out = Vec::new();
    let mut add = |key: &str, value: String| out.push(Fact { name: text.get(key).to_owned(), value });
    let (n, of) = (a.events.len().to_string(), a.of.to_string());
    add("chronicle.of", text.fill("chronicle.of_value", &[("n", &n), ("of", &of)]));
    add("chronicle.day", num::date(text, a.day));
    if let Some((first, last)) = a.asked.between {
        add("chronicle.between", format!("{} – {}", num::date(text, first), num::date(text, last)));
    }
    if !a.asked.states.is_empty() {
        add("chronicle.states", a.asked.states.join(", "));
    }
    let named = |t: &TextAsked| t.text.clone();
    if let Some(p) = &a.asked.place {
        add("chronicle.place", named(p));
    }
    if let Some(c) = &a.asked.cargo {
        add("chronicle.cargo", named(c));
    }
    if !a.asked.classes.is_empty() {
        let words: Vec<String> = a.asked.classes.iter().map(|c| text.word("event_class", c.word())).collect();
        add("chronicle.classes", words.join(", "));
    }
    if let Some(s) = &a.asked.search {
        add("chronicle.search", s.clone());
    }
    out
}

fn event(e: &EventFound, text: &Text) -> EventRow {
    let rule = |r: &RuleMade| RuleRow {
        id: r.rule.clone(),
        effect: text.word("effect", r.effect.word()),
        governs: text.word("governs", r.governs.word()),
        standing: text.word("standing", r.standing.word()),
        standing_class: match r.standing {
            Standing::InForce => "on",
            Standing::Ended => "off",
            Standing::NotYet => "later",
        },
        what: r.what.clone(),
        days: rule_days(r, text),
        conditions: r.conditions.join("; "),
        amount: r.amount.clone(),
        sources: sources(further(r, e)),
        assumed: r.assumed.clone(),
    };
    let rows = rows_by_table(e).into_iter().map(|(name, keys)| Fact { name, value: keys.join(", ") });
    EventRow {
        id: e.id.clone(),
        iso: told(e),
        date: date_of(e, text),
        kind: e.kind.clone(),
        class: e.class.word(),
        class_word: text.word("event_class", e.class.word()),
        states: e.states.clone(),
        about: [e.place.clone(), e.mode.as_deref().map(modes), e.cargo.clone(), figure(e)]
            .into_iter()
            .flatten()
            .collect(),
        what: e.what.clone(),
        rules: e.rules.iter().map(rule).collect(),
        rows: rows.collect(),
        reason: e.reason.clone(),
        sources: sources(e.sources.iter()),
        assumed: e.assumed.clone(),
    }
}

fn rule_days(r: &RuleMade, text: &Text) -> String {
    let day = |d: Option<Date>| d.map(|d| num::date(text, d)).unwrap_or_default();
    let key = match (r.from, r.till) {
        (None, None) => "rules.always",
        (Some(_), None) => "rules.from",
        (None, Some(_)) => "rules.till",
        (Some(_), Some(_)) => "rules.between",
    };
    text.fill(key, &[("from", &day(r.from)), ("till", &day(r.till))])
}

/// Events by year as stacked columns, one colour a class.
fn strip(a: &ChronicleAnswer, text: &Text) -> String {
    let mut by_year: BTreeMap<i16, BTreeMap<EventClass, usize>> = BTreeMap::new();
    for e in &a.events {
        *by_year.entry(e.date.year()).or_default().entry(e.class).or_default() += 1;
    }
    let (Some(first), Some(last)) = (by_year.keys().next().copied(), by_year.keys().next_back().copied())
    else {
        return String::new();
    };
    // Of one year there is nothing to compare.
    if first == last {
        return String::new();
    }
    let most = by_year.values().map(|c| c.values().sum::<usize>()).max().unwrap_or(1).max(1);
    let (width, height, foot) = (1056.0, 132.0, 22.0);
    let slot = (width / f64::from(last - first + 1)).min(90.0);
    let unit = (height - 16.0) / most as f64;
    let escape = |s: &str| s.replace('&', "&amp;").replace('<', "&lt;");
    let desc = text.fill("chronicle.strip_desc", &[("n", &most.to_string())]);
    let mut out = format!(
        "<svg class=\"chart strip\" role=\"img\" aria-labelledby=\"strip-t strip-d\" viewBox=\"0 0 {width} {}\">\
         <title id=\"strip-t\">{}</title><desc id=\"strip-d\">{}</desc>",
        height + foot,
        escape(text.get("chronicle.strip")),
        escape(&desc)
    );
    for year in first..=last {
        let x = f64::from(year - first) * slot;
        let mut y = height;
        let counts = by_year.get(&year);
        for class in EventClass::ALL {
            let n = counts.and_then(|c| c.get(class)).copied().unwrap_or(0);
            if n > 0 {
                let h = n as f64 * unit;
                y -= h;
                let _ = write!(
                    out,
                    "<rect class=\"c-{}\" x=\"{:.1}\" y=\"{y:.1}\" width=\"{:.1}\" height=\"{h:.1}\"/>",
                    class.word(),
                    x + 1.0,
                    slot - 2.0
                );
            }
        }
        let total: usize = counts.map_or(0, |c| c.values().sum());
        let middle = x + slot / 2.0;
        if total > 0 {
            let _ = write!(out, "<text class=\"tick\" x=\"{middle:.1}\" y=\"{:.1}\">{total}</text>", y - 3.0);
        }
        // A year has room for its four figures, or for two.
        let label = if slot >= 34.0 { year.to_string() } else { format!("’{:02}", year.rem_euclid(100)) };
        let _ = write!(
            out,
            "<text class=\"tick\" x=\"{middle:.1}\" y=\"{:.1}\">{label}</text>",
            height + foot - 6.0
        );
    }
    let _ = write!(
        out,
        "<path class=\"grid\" d=\"M0 {height}H{:.1}\"/></svg>",
        f64::from(last - first + 1) * slot
    );
    out
}
