//! The HTML report: one page that opens offline, with map, charts and tables.

use std::sync::LazyLock;

use jiff::civil::Date;
use karvan_plan::answer::{Answer, Blocker, Itinerary, Leg, LegKind, Opening, Stop, Units};
use karvan_units::Estimate;
use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Serde, Value};
use minijinja::{AutoEscape, Environment, UndefinedBehavior};
use serde::Serialize;

use crate::charts::{self, leg_classes};
use crate::map::{leg_words, map, mode_class, stop_name, tone};
use crate::num::{self, Style};
use crate::table::{assumed, thousandths};
use crate::text::{Lang, Text};

/// Assumed figures listed before the rest is left to the JSON.
const CLAIMS: usize = 25;

pub(crate) static TEMPLATES: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut env = Environment::new();
    env.set_undefined_behavior(UndefinedBehavior::Strict);
    env.set_auto_escape_callback(|_| AutoEscape::Html);
    env.set_syntax(
        SyntaxConfig::builder()
            .trim_blocks(true)
            .lstrip_blocks(true)
            .keep_trailing_newline(true)
            .build()
            .expect("usual delimiters"),
    );
    // The templates are part of the program: tests render them in every language.
    for (name, source) in [
        ("provenance", include_str!("../templates/provenance.html")),
        ("report", include_str!("../templates/report.html")),
        ("chronicle", include_str!("../templates/chronicle.html")),
    ] {
        env.add_template(name, source).expect("the embedded template parses");
    }
    env
});

/// The answer as one HTML page without any other file: map, timeline, cost and emissions by leg, percentiles,
/// tables of legs, papers and rules, assumptions, provenance and credits.
pub fn html(answer: &Answer, lang: Lang) -> String {
    let text = lang.text();
    let page = Page { text, style: Style::of(text) };
    let template = TEMPLATES.get_template("report").expect("added when the templates were made");
    template
        .render(Value::from(Serde(&page.context(answer))))
        .expect("the template asks only for what the page holds")
}

/// A short name of an option in the language of the page.
pub(crate) fn option_label(option: &Itinerary, text: &Text) -> String {
    if !text.russian {
        return option.label.clone();
    }
    // The model's labels are English: say the same from the legs.
    let mut modes: Vec<String> = Vec::new();
    let mut by: Vec<String> = Vec::new();
    for leg in &option.legs {
        match leg.kind {
            LegKind::Haul => {
                let mode = text.word("mode_short", leg.mode.as_deref().unwrap_or("other"));
                if modes.last() != Some(&mode) {
                    modes.push(mode);
                }
            }
            LegKind::Border | LegKind::Transfer => {
                let name = stop_name(&leg.from, text);
                if !by.contains(&name) {
                    by.push(name);
                }
            }
            LegKind::Load | LegKind::Unload => {}
        }
    }
    by.truncate(4);
    let modes = capitalised(&modes.join(" – "));
    if by.is_empty() { modes } else { format!("{modes}: {}", by.join(", ")) }
}

#[derive(Serialize)]
struct Fact {
    name: String,
    value: String,
}

/// A source: an address to follow, or words.
#[derive(Serialize)]
struct Source {
    text: String,
    link: bool,
}

#[derive(Serialize)]
struct OptionRow {
    rank: u32,
    tone: usize,
    label: String,
    indicative: bool,
    distance: String,
    p50: String,
    p90: String,
    arrival: String,
    arrival_time: String,
    on_time: String,
    cost: String,
    range: Option<String>,
    sourced: String,
    co2e: String,
    generalised: String,
    legs: Vec<LegRow>,
    payees: Vec<PayeeRow>,
}

#[derive(Serialize)]
struct LegRow {
    n: usize,
    class: &'static str,
    title: String,
    course: String,
    about: Vec<String>,
    km: String,
    start: String,
    start_offset: String,
    end: String,
    end_offset: String,
    hours: String,
    spread: String,
    waiting: String,
    cost: String,
    range: Option<String>,
    co2e: String,
    prices: Vec<PriceRow>,
    papers: String,
}

#[derive(Serialize)]
struct PriceRow {
    paid: String,
    usd: String,
    published: String,
    row: String,
    sourced: bool,
}

#[derive(Serialize)]
struct PayeeRow {
    payee: String,
    usd: String,
    range: Option<String>,
    share: String,
}

#[derive(Serialize)]
struct PaperRow {
    paper: String,
    authority: String,
    got: String,
    rule: String,
    options: String,
}

#[derive(Serialize)]
struct TermRow {
    way: String,
    km: String,
    days: String,
    exceeded: String,
    rule: String,
    options: String,
}

#[derive(Serialize)]
struct RuleRow {
    id: String,
    what: String,
    effect: String,
    days: String,
    sources: Vec<Source>,
    options: String,
}

#[derive(Serialize)]
struct ClaimRow {
    row: String,
    figure: String,
    reason: String,
    options: String,
}

#[derive(Serialize)]
struct BlockerRow {
    kind: String,
    what: String,
    row: String,
    days: String,
    sources: Vec<Source>,
}

#[derive(Serialize)]
struct RefusalPart<'a> {
    reason: &'a str,
    hints: &'a [String],
    blockers: Vec<BlockerRow>,
}

#[derive(Serialize)]
struct OpeningRow {
    label: String,
    p50: String,
    p90: String,
    cost: String,
    co2e: String,
    gain: String,
    lift: Vec<BlockerRow>,
}

/// What the template may ask for.
#[derive(Serialize)]
struct Context<'a> {
    t: &'static toml::Table,
    css: &'static str,
    js: &'static str,
    title: String,
    indicative: Option<String>,
    facts: Vec<Fact>,
    asks_on_time: bool,
    options: Vec<OptionRow>,
    refusal: Option<RefusalPart<'a>>,
    why_not: Option<Vec<OpeningRow>>,
    map: String,
    has_disputed: bool,
    map_modes: Vec<Fact>,
    has_straight: bool,
    timeline: String,
    cost: String,
    co2e: String,
    percentiles: String,
    legend: Vec<Fact>,
    ordering: &'a str,
    papers: Vec<PaperRow>,
    terms: Vec<TermRow>,
    rules: Vec<RuleRow>,
    claims: Vec<ClaimRow>,
    more_claims: Option<String>,
    sources: String,
    notes: &'a [String],
    provenance: Vec<Fact>,
    attribution: &'a [String],
}

fn blocker_rows(blockers: &[Blocker], text: &Text) -> Vec<BlockerRow> {
    let row = |b: &Blocker| BlockerRow {
        kind: text.word("blocker", &b.kind),
        what: b.what.clone(),
        row: b.row.clone(),
        days: b.days.clone(),
        sources: sources_of(&b.sources),
    };
    blockers.iter().map(row).collect()
}

struct Page {
    text: &'static Text,
    style: Style<'static>,
}

impl Page {
    fn context<'a>(&self, a: &'a Answer) -> Context<'a> {
        let text = self.text;
        let options: Vec<OptionRow> = a.options.iter().enumerate().map(|(i, o)| self.option(i, o)).collect();
        let (claims, more_claims, sources) = self.claims(a);
        let some = !a.options.is_empty();
        let chart = |f: fn(&Answer, &Text) -> String| if some { f(a, text) } else { String::new() };
        let legend: Vec<Fact> =
            leg_classes(a, text).into_iter().map(|(c, name)| Fact { name, value: c.to_owned() }).collect();
        let refusal = a.refusal.as_ref().map(|r| RefusalPart {
            reason: &r.reason,
            hints: &r.hints,
            blockers: blocker_rows(&r.blockers, text),
        });
        let num = &self.style;
        let why_not = a.why_not.as_ref().map(|openings| {
            let row = |o: &Opening| OpeningRow {
                label: o.label.clone(),
                p50: num.fixed(o.p50_h.get() / 24.0, 1),
                p90: num.fixed(o.p90_h.get() / 24.0, 1),
                cost: format!(
                    "{} ({}–{})",
                    num.short(o.cost_usd.best, 0),
                    num.short(o.cost_usd.low, 0),
                    num.short(o.cost_usd.high, 0)
                ),
                co2e: num.short(o.co2e_kg.get() / 1000.0, 2),
                gain: o.gain_usd.map(|g| num.short(g, 0)).unwrap_or_default(),
                lift: blocker_rows(&o.lift, text),
            };
            openings.iter().map(row).collect::<Vec<_>>()
        });
        let map = map(a, text);
        Context {
            t: &text.table,
            css: include_str!("../templates/report.css"),
            js: include_str!("../templates/report.js"),
            title: self.title(a),
            indicative: self.indicative(a),
            facts: self.facts(a),
            asks_on_time: a.options.iter().any(|o| o.on_time.is_some()),
            options,
            refusal,
            why_not,
            has_disputed: map.contains("boundary open\" d=\"M"),
            map,
            map_modes: self.map_modes(a),
            has_straight: has_straight(a),
            timeline: chart(charts::timeline),
            cost: chart(charts::cost),
            co2e: chart(charts::co2e),
            percentiles: chart(charts::percentiles),
            legend,
            ordering: &a.ordering,
            papers: self.papers(a),
            terms: self.terms(a),
            rules: self.rules(a),
            claims,
            more_claims,
            sources,
            notes: &a.notes,
            provenance: self.provenance(a),
            attribution: &a.attribution,
        }
    }

    fn title(&self, a: &Answer) -> String {
        let q = &a.question;
        let cargo = capitalised(&q.cargo_name);
        let tonnes = self.style.short(q.tonnes.get(), 1);
        let (from, to) = (stop_name(&q.from, self.text), stop_name(&q.to, self.text));
        self.text.fill("page.title", &[("cargo", &cargo), ("tonnes", &tonnes), ("from", &from), ("to", &to)])
    }

    fn indicative(&self, a: &Answer) -> Option<String> {
        let which: Vec<String> = a
            .options
            .iter()
            .filter(|o| o.indicative)
            .map(|o| self.text.fill("page.option_n", &[("n", &o.rank.to_string())]))
            .collect();
        if which.is_empty() {
            None
        } else if which.len() == a.options.len() && which.len() > 1 {
            Some(self.text.get("page.indicative_all").to_owned())
        } else {
            Some(self.text.fill("page.indicative_some", &[("options", &which.join(", "))]))
        }
    }

    fn facts(&self, a: &Answer) -> Vec<Fact> {
        let (q, text) = (&a.question, self.text);
        let mut facts = Vec::new();
        let mut add = |key: &str, value: String| facts.push(Fact { name: text.get(key).to_owned(), value });
        add("question.from", place(&q.from, text));
        add("question.to", place(&q.to, text));
        let mut cargo = vec![q.cargo_name.clone()];
        for (key, code) in [("question.hs", &q.hs), ("question.un", &q.un), ("question.rid", &q.rid_class)] {
            cargo.extend(code.as_ref().map(|c| format!("{} {c}", text.get(key))));
        }
        add("question.cargo", cargo.join(", "));
        add("question.mass", format!("{} {}", self.style.short(q.tonnes.get(), 1), text.get("unit.t")));
        if !q.units.is_empty() {
            let units: Vec<String> = q.units.iter().map(|u| self.units(u)).collect();
            add("question.units", units.join("; "));
        }
        add("question.value", format!("{} {}", self.with_range(q.value_usd), text.get("unit.usd")));
        add("question.depart", num::moment(text, &q.depart));
        if let Some(by) = &q.arrive_by {
            add("question.arrive_by", num::moment(text, by));
        }
        add(
            "question.as_of",
            q.as_of.map_or_else(|| text.get("question.today").to_owned(), |d| num::date(text, d)),
        );
        if !q.criteria.is_empty() {
            let words: Vec<String> = q.criteria.iter().map(|c| text.word("criteria", c)).collect();
            add("question.criteria", words.join(", "));
        }
        if !q.via.is_empty() {
            add("question.via", q.via.join(", "));
        }
        if !q.avoid.is_empty() {
            add("question.avoid", q.avoid.join(", "));
        }
        if let Some(s) = q.lorries_of.as_ref().filter(|s| q.from.state.as_ref() != Some(*s)) {
            add("question.lorries_of", s.clone());
        }
        facts
    }

    fn units(&self, u: &Units) -> String {
        let count = self.style.short(u.count, 1);
        if u.unit == "t" {
            format!("{} ({count} {})", u.name, self.text.get("unit.t"))
        } else {
            let unit = if u.unit == "teu" { " TEU" } else { "" };
            let load = self.style.short(u.load_t, 2);
            format!("{count}{unit} × {} ({load} {})", u.name, self.text.get("unit.t"))
        }
    }

    fn with_range(&self, e: Estimate) -> String {
        match self.style.range(e) {
            Some(range) => format!("{} ({range})", self.style.money(e.best)),
            None => self.style.money(e.best),
        }
    }

    fn option(&self, i: usize, o: &Itinerary) -> OptionRow {
        let (text, style) = (self.text, self.style);
        let total = o.payees.iter().map(|p| p.usd.best).sum::<f64>();
        OptionRow {
            rank: o.rank,
            tone: tone(i),
            label: option_label(o, text),
            indicative: o.indicative,
            distance: style.fixed(o.distance_km.get(), 0),
            p50: num::duration(text, o.p50_h.get()),
            p90: num::duration(text, o.p90_h.get()),
            arrival: num::date(text, o.arrival_p90.date()),
            arrival_time: format!("{} UTC{}", o.arrival_p90.strftime("%H:%M"), num::offset(&o.arrival_p90)),
            on_time: o.on_time.map_or_else(|| "–".to_owned(), |p| format!("{} %", style.percent(p))),
            cost: style.money(o.cost_usd.best),
            range: style.range(o.cost_usd),
            sourced: format!("{} %", style.percent(o.sourced_share)),
            co2e: style.tonnes_of_kg(o.co2e_kg.get()),
            generalised: style.money(o.generalised_usd),
            legs: o
                .legs
                .iter()
                .enumerate()
                .map(|(n, l)| {
                    let before = o.legs[..n].iter().rev().find(|b| b.kind == LegKind::Haul);
                    self.leg(n, l, before.map(|b| &b.equipment))
                })
                .collect(),
            payees: o
                .payees
                .iter()
                .map(|p| PayeeRow {
                    payee: p.payee.clone(),
                    usd: style.money(p.usd.best),
                    range: style.range(p.usd),
                    share: if total > 0.0 { style.percent(p.usd.best / total) } else { "–".into() },
                })
                .collect(),
        }
    }

    fn leg(&self, n: usize, l: &Leg, before: Option<&Units>) -> LegRow {
        let (text, style) = (self.text, self.style);
        let cost = l.prices.iter().fold(Estimate::exact(0.0), |s, p| s.plus(p.usd));
        let haul = l.kind == LegKind::Haul;
        let title = if text.russian {
            leg_words(l, text).split(", ").next().unwrap_or_default().to_owned()
        } else {
            capitalised(&l.title)
        };
        let course = if l.from.id == l.to.id {
            place(&l.from, text)
        } else {
            format!("{} → {}", place(&l.from, text), place(&l.to, text))
        };
        let mut about = Vec::new();
        about.extend(l.operator.as_ref().map(|o| format!("{}: {o}", text.get("legs.operator"))));
        // Said again only where it changes.
        if haul && before.is_none_or(|b| *b != l.equipment) {
            about.push(self.units(&l.equipment));
        }
        if !l.via.is_empty() {
            about.push(format!("{} {}", text.get("legs.via"), l.via.join(", ")));
        }
        LegRow {
            n: n + 1,
            class: charts::leg_class(l),
            title,
            course,
            about,
            km: if haul { style.fixed(l.distance_km.get(), 0) } else { String::new() },
            start: num::short_moment(text, &l.start),
            start_offset: num::offset(&l.start),
            end: num::short_moment(text, &l.end),
            end_offset: num::offset(&l.end),
            hours: style.fixed(l.end_h.get() - l.start_h.get(), 1),
            spread: text.fill("legs.spread", &[("sd", &style.fixed(l.sd_h.get(), 1))]),
            waiting: style.fixed(l.waiting_h.get(), 1),
            cost: style.money(cost.best),
            range: style.range(cost),
            co2e: style.tonnes_of_kg(l.co2e_kg.get()),
            prices: l
                .prices
                .iter()
                .map(|p| PriceRow {
                    paid: text.fill("legs.paid", &[("payee", &p.payee)]),
                    usd: style.money(p.usd.best),
                    published: p.published.clone(),
                    row: p.row.clone(),
                    sourced: p.sourced,
                })
                .collect(),
            papers: l.papers.join(", "),
        }
    }

    fn papers(&self, a: &Answer) -> Vec<PaperRow> {
        let mut all: Vec<(PaperRow, Vec<u32>)> = Vec::new();
        for o in &a.options {
            for p in &o.papers {
                match all.iter_mut().find(|(k, _)| k.paper == p.paper && k.rule == p.rule) {
                    Some((_, ranks)) => ranks.push(o.rank),
                    None => {
                        let row = PaperRow {
                            paper: p.paper.clone(),
                            authority: p.authority.clone().unwrap_or_else(|| "–".to_owned()),
                            got: [
                                p.time_h.map(|(p50, p90)| {
                                    format!(
                                        "{} (P90 {})",
                                        num::duration(self.text, p50.get()),
                                        num::duration(self.text, p90.get())
                                    )
                                }),
                                p.usd.map(|u| format!("{} USD", self.style.money(u.best))),
                            ]
                            .into_iter()
                            .flatten()
                            .collect::<Vec<_>>()
                            .join(", "),
                            rule: p.rule.clone(),
                            options: String::new(),
                        };
                        all.push((row, vec![o.rank]));
                    }
                }
            }
        }
        all.into_iter().map(|(row, ranks)| PaperRow { options: list(&ranks), ..row }).collect()
    }

    fn terms(&self, a: &Answer) -> Vec<TermRow> {
        let rows = a.options.iter().flat_map(|o| o.terms.iter().map(move |t| (o.rank, t)));
        rows.map(|(rank, t)| TermRow {
            way: format!("{} – {}", t.from, t.to),
            km: self.style.money(t.distance_km.get()),
            days: self.style.money(t.days),
            exceeded: format!("{:.0} %", 100.0 * t.exceeded),
            rule: t.rule.clone(),
            options: rank.to_string(),
        })
        .collect()
    }

    fn rules(&self, a: &Answer) -> Vec<RuleRow> {
        let mut all: Vec<(RuleRow, Vec<u32>)> = Vec::new();
        for o in &a.options {
            for r in &o.rules {
                match all.iter_mut().find(|(k, _)| k.id == r.id) {
                    Some((_, ranks)) => ranks.push(o.rank),
                    None => {
                        let row = RuleRow {
                            id: r.id.clone(),
                            what: r.what.clone(),
                            effect: self.text.word("effect", &r.effect) + &self.quota(o, &r.id),
                            days: self.days(r.from, r.till),
                            sources: sources_of(&r.sources),
                            options: String::new(),
                        };
                        all.push((row, vec![o.rank]));
                    }
                }
            }
        }
        all.into_iter().map(|(row, ranks)| RuleRow { options: list(&ranks), ..row }).collect()
    }

    /// What an option uses of a rule's quota; nothing where it has none.
    fn quota(&self, o: &Itinerary, rule: &str) -> String {
        let Some(q) = o.quotas.iter().find(|q| q.rule == rule) else { return String::new() };
        let (amount, left) = (thousandths(q.amount).to_string(), thousandths(q.left).to_string());
        let with = [("period", q.period.as_str()), ("amount", &amount), ("left", &left), ("unit", &q.unit)];
        format!("; {}", self.text.fill("rules.quota", &with))
    }

    fn days(&self, from: Option<Date>, till: Option<Date>) -> String {
        let day = |d: Option<Date>| d.map(|d| num::date(self.text, d)).unwrap_or_default();
        let key = match (from, till) {
            (None, None) => "rules.always",
            (Some(_), None) => "rules.from",
            (None, Some(_)) => "rules.till",
            (Some(_), Some(_)) => "rules.between",
        };
        self.text.fill(key, &[("from", &day(from)), ("till", &day(till))])
    }

    /// What was assumed, how much more there is, and the keys of all sources.
    fn claims(&self, a: &Answer) -> (Vec<ClaimRow>, Option<String>, String) {
        let all = assumed(&a.options);
        let more = all.len().saturating_sub(CLAIMS);
        let more = (more > 0).then(|| self.text.fill("claims.more", &[("n", &more.to_string())]));
        let rows = all
            .into_iter()
            .take(CLAIMS)
            .map(|c| ClaimRow {
                row: c.row.to_owned(),
                figure: c.figure.to_owned(),
                reason: c.reason.to_owned(),
                options: list(&c.options),
            })
            .collect();
        let mut keys: Vec<&str> =
            a.options.iter().flat_map(|o| &o.claims).flat_map(|c| &c.sources).map(String::as_str).collect();
        keys.sort_unstable();
        keys.dedup();
        (rows, more, keys.join(", "))
    }

    fn provenance(&self, a: &Answer) -> Vec<Fact> {
        let (p, s, text) = (&a.provenance, &a.search, self.text);
        let count = |n: u64| self.style.fixed(n as f64, 0);
        let search = text.fill(
            "provenance.search_text",
            &[
                ("nodes", &count(s.nodes)),
                ("arcs", &count(s.arcs)),
                ("labels", &count(s.labels)),
                ("dominated", &count(s.dominated)),
                ("bounded", &count(s.bounded)),
                ("found", &count(s.found)),
                ("epsilon", &self.style.short(s.epsilon * 100.0, 3)),
            ],
        );
        let base = || text.get("provenance.base").to_owned();
        [
            ("provenance.model", p.model.clone()),
            ("provenance.model_hash", p.model_hash.clone()),
            ("provenance.scenario", p.scenario.clone().unwrap_or_else(base)),
            ("provenance.seed", p.seed.to_string()),
            ("provenance.draws", count(u64::from(p.draws))),
            ("provenance.version", p.version.clone()),
            ("provenance.search", search),
        ]
        .map(|(key, value)| Fact { name: text.get(key).to_owned(), value })
        .into()
    }

    fn map_modes(&self, a: &Answer) -> Vec<Fact> {
        let mut all: Vec<Fact> = Vec::new();
        for leg in a.options.iter().flat_map(|o| &o.legs).filter(|l| l.kind == LegKind::Haul) {
            let mode = leg.mode.as_deref().unwrap_or("other");
            let class = mode_class(mode);
            if all.iter().all(|f| f.value != class) {
                all.push(Fact { name: self.text.word("mode", mode), value: class.to_owned() });
            }
        }
        all
    }
}

fn has_straight(a: &Answer) -> bool {
    let mut hauls = a.options.iter().flat_map(|o| &o.legs).filter(|l| l.kind == LegKind::Haul);
    hauls.any(|l| crate::machine::course(l).1)
}

fn sources_of(sources: &[String]) -> Vec<Source> {
    sources
        .iter()
        .map(|s| Source { text: s.clone(), link: s.starts_with("https://") || s.starts_with("http://") })
        .collect()
}

fn place(s: &Stop, text: &Text) -> String {
    let about: Vec<&str> = [&s.state, &s.code].into_iter().flatten().map(String::as_str).collect();
    let name = stop_name(s, text);
    if about.is_empty() { name } else { format!("{name} ({})", about.join(" ")) }
}

fn list(ranks: &[u32]) -> String {
    ranks.iter().map(u32::to_string).collect::<Vec<_>>().join(", ")
}

fn capitalised(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|c| c.to_uppercase().chain(chars).collect()).unwrap_or_default()
}
