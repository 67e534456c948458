//! Rules that apply to a relation, what changed, and what is left of quotas; as text and CSV.

use std::fmt::Write as _;

use karvan_model::applied::{NamedCargo, NamedState, Reach, Role, RuleFound, SourceFound, Way};
use karvan_model::quotas::QuotasAnswer;
use karvan_model::tables::{Effect, Governs};
use karvan_plan::changes::{Became, Figures, Made, OptionChange, OptionChanges, Reason, RulesAnswer};

use crate::num::PLAIN;
use crate::table::wrap;

pub(crate) struct Lines<'a> {
    pub(crate) cargoes: &'a [NamedCargo],
    pub(crate) width: usize,
    pub(crate) out: String,
}

impl Lines<'_> {
    pub(crate) fn say(&mut self, indent: usize, text: &str) {
        // What goes on is set in by two more columns.
        let room = self.width.saturating_sub(indent + 2);
        for (i, line) in wrap(text, room).iter().enumerate() {
            let pad = indent + if i == 0 { 0 } else { 2 };
            let _ = writeln!(self.out, "{:pad$}{line}", "");
        }
    }

    fn cargoes(&mut self) {
        for c in self.cargoes {
            let hs = if c.hs.is_empty() { String::new() } else { format!(", HS {}", c.hs.join(", ")) };
            self.say(0, &format!("cargo: {}{hs}", c.name));
        }
    }

    pub(crate) fn gap(&mut self) {
        self.out.push('\n');
    }

    fn rule(&mut self, r: &RuleFound) {
        self.say(2, &format!("{} {} ({})", r.role, r.rule, reaches(&r.reach)));
        self.say(4, &r.what);
        if !r.part.is_empty() {
            self.say(4, &part(&r.part, self.cargoes));
        }
        let mut about = vec![days(r)];
        if !r.conditions.is_empty() {
            about.push(format!("if {}", r.conditions.join("; ")));
        }
        self.say(4, &about.join("; "));
        if let Some(a) = &r.amount {
            self.say(4, &format!("amount: {a}"));
        }
        if let Some(p) = &r.paper {
            self.say(4, &format!("paper: {p}"));
        }
        if let Some(a) = &r.authority {
            self.say(4, &format!("by: {a}"));
        }
        for o in &r.overrides {
            self.say(4, &format!("goes before {}: {}", o.rule, o.why));
        }
        if let Some(n) = &r.note {
            self.say(4, &format!("note: {n}"));
        }
        self.sources(4, &r.sources, r.assumed.as_deref());
    }

    fn sources(&mut self, indent: usize, sources: &[SourceFound], assumed: Option<&str>) {
        for s in sources {
            self.say(indent, &format!("source: {} {}", s.id, s.url.as_deref().unwrap_or(&s.publisher)));
        }
        if let Some(a) = assumed {
            self.say(indent, &format!("assumed: {a}"));
        }
    }

    fn options(&mut self, o: &OptionChanges) {
        let (first, last) = o.days;
        self.say(
            0,
            &format!(
                "Options for {} of {} from {} to {}: {} on {first}, {} on {last}",
                with_unit(o.tonnes.get(), "t"),
                o.cargo,
                o.from,
                o.to,
                o.found.0,
                o.found.1
            ),
        );
        for (day, refused) in [(first, &o.refused.0), (last, &o.refused.1)] {
            if let Some(r) = refused {
                self.say(2, &format!("none on {day}: {r}"));
            }
        }
        for (i, c) in o.changes.iter().enumerate() {
            self.say(2, &format!("{}: {}", became(c), c.label));
            for f in c.before.iter().chain(&c.after).take(if c.became == Became::Changed { 0 } else { 1 }) {
                self.say(4, &figures(f));
            }
            if let (Some(a), Some(b)) = (&c.before, &c.after) {
                self.say(4, &format!("{first}: {}", figures(a)));
                self.say(4, &format!("{last}: {}", figures(b)));
            }
            // What made the difference to several options is said once, under the last of them.
            let made =
                |c: &OptionChange| c.reasons.iter().map(|r| (r.made, r.row.clone())).collect::<Vec<_>>();
            let next = o.changes.get(i + 1).filter(|n| n.became == c.became);
            if c.reasons.iter().all(|r| r.usd.is_none()) && next.is_some_and(|n| made(n) == made(c)) {
                continue;
            }
            for r in &c.reasons {
                self.say(4, &reason(r, o.days));
                for s in &r.sources {
                    self.say(6, s);
                }
            }
        }
        if o.alike > 0 {
            let many =
                if o.alike == 1 { "1 option takes".into() } else { format!("{} options take", o.alike) };
            self.say(2, &format!("{many} the same time and cost on both days, within 2 %"));
        }
        if o.beaten > 0 {
            let many = if o.beaten == 1 { "1 option is".into() } else { format!("{} options are", o.beaten) };
            self.say(2, &format!("{many} open on both days, and beaten by the others on one of them"));
        }
    }
}

/// A number with its unit, without the last digits of a sum.
fn with_unit(x: f64, unit: &str) -> String {
    let plural = if matches!(unit, "t" | "teu") || x == 1.0 { "" } else { "s" };
    format!("{} {unit}{plural}", PLAIN.short(x, 3))
}

/// What a quota limits.
fn effect(e: Effect) -> &'static str {
    match e {
        Effect::Permit => "leave",
        Effect::Waive => "waiver",
        Effect::Discount => "discount",
        _ => "ration",
    }
}

/// At most three decimals, for machines.
fn number(x: f64) -> String {
    ((x * 1000.0).round() / 1000.0).to_string()
}

fn thousands(x: f64) -> String {
    PLAIN.fixed(x, 0)
}

fn figures(f: &Figures) -> String {
    format!(
        "P50 {:.1} days, P90 {:.1} days, {} USD, {:.1} t CO2e",
        f.p50_h.get() / 24.0,
        f.p90_h.get() / 24.0,
        thousands(f.cost_usd.best),
        f.co2e_kg.get() / 1000.0
    )
}

/// What became of an option, in a word or with how much it differs.
fn became(c: &OptionChange) -> String {
    let (Became::Changed, Some(a), Some(b)) = (c.became, &c.before, &c.after) else {
        return match c.became {
            Became::Appeared => "appeared".into(),
            Became::Vanished => "vanished".into(),
            Became::Changed => "changed".into(),
        };
    };
    let mut parts = Vec::new();
    let usd = a.cost_usd.best - b.cost_usd.best;
    if usd.abs() >= 0.5 {
        parts.push(format!(
            "{} by {} USD",
            if usd > 0.0 { "cheaper" } else { "dearer" },
            thousands(usd.abs())
        ));
    }
    let days = (a.p50_h.get() - b.p50_h.get()) / 24.0;
    if days.abs() >= 0.05 {
        parts.push(format!("{} by {:.1} days", if days > 0.0 { "faster" } else { "slower" }, days.abs()));
    }
    parts.join(", ")
}

fn made(m: Made) -> &'static str {
    match m {
        Made::Barred => "barred by",
        Made::Permitted => "permitted by",
        Made::Began => "began",
        Made::Ended => "ended",
        Made::Price => "price",
        Made::Calendar => "the day",
    }
}

fn reason(r: &Reason, days: (jiff::civil::Date, jiff::civil::Date)) -> String {
    let mut out = match r.row.as_str() {
        "" => format!("{}: {}", made(r.made), r.what),
        row => format!("{} {row}: {}", made(r.made), r.what),
    };
    if !r.days.is_empty() {
        out.push_str(&format!(" ({})", r.days));
    }
    if let Some((a, b)) = r.usd {
        out.push_str(&format!(": {} USD on {}, {} USD on {}", thousands(a), days.0, thousands(b), days.1));
    }
    out
}

/// For which of the cargoes asked about something holds.
fn part(keys: &[String], cargoes: &[NamedCargo]) -> String {
    let name = |k: &String| {
        let c = cargoes.iter().find(|c| c.id == *k);
        let hs = c.map(|c| c.hs.join(" ")).unwrap_or_default();
        format!("{hs} {k}").trim().to_owned()
    };
    format!("for part of it: {}", keys.iter().map(name).collect::<Vec<_>>().join(", "))
}

fn word(text: &str) -> String {
    text.replace('_', " ")
}

fn days(r: &RuleFound) -> String {
    match (r.from, r.till) {
        (None, None) => "undated".into(),
        (Some(f), None) => format!("from {f}"),
        (None, Some(t)) => format!("before {t}"),
        (Some(f), Some(t)) => format!("from {f}, before {t}"),
    }
}

fn reach(r: &Reach) -> String {
    let mut out = word(r.mode.word());
    if !r.equipment.is_empty() {
        let kinds: Vec<String> = r.equipment.iter().map(|e| word(e.word())).collect();
        out.push_str(&format!(" in {}", kinds.join(", ")));
    }
    if let Some(n) = &r.node {
        out.push_str(&format!(" at {n}"));
    }
    if let Some(f) = &r.flag {
        out.push_str(&format!(" under {f}"));
    }
    if !r.passed.is_empty() {
        out.push_str(&format!(" come through {}", r.passed.join(" or ")));
    }
    out
}

fn reaches(all: &[Reach]) -> String {
    all.iter().map(reach).collect::<Vec<_>>().join("; ")
}

fn verdict(ways: &[Way], cargoes: &[NamedCargo]) -> String {
    let of = |allowed: bool, said: &str| -> Option<String> {
        let mut parts: Vec<&Vec<String>> = Vec::new();
        for w in ways.iter().filter(|w| w.allowed == allowed) {
            if !parts.contains(&&w.part) {
                parts.push(&w.part);
            }
        }
        let one = |p: &Vec<String>| {
            let list: Vec<Reach> = ways
                .iter()
                .filter(|w| w.allowed == allowed && w.part == *p)
                .map(|w| w.reach.clone())
                .collect();
            let of = if p.is_empty() { String::new() } else { format!(" ({})", part(p, cargoes)) };
            format!("{}{of}", reaches(&list))
        };
        let said_of: Vec<String> = parts.into_iter().map(one).collect();
        (!said_of.is_empty()).then(|| format!("{said}: {}", said_of.join("; ")))
    };
    [of(false, "forbidden"), of(true, "allowed")].into_iter().flatten().collect::<Vec<_>>().join(" | ")
}

fn title(governs: Governs, states: &[NamedState]) -> String {
    let names: Vec<String> = match states {
        [one] => vec![format!("{} ({})", one.name, one.id)],
        many => many.iter().map(|s| s.id.clone()).collect(),
    };
    let place = if names.is_empty() { "at sea".into() } else { names.join(", ") };
    match governs {
        Governs::Export => format!("Export from {place}"),
        Governs::Import => format!("Import into {place}"),
        Governs::Transit => format!("Transit of {place}"),
        Governs::Carriage => format!("Carriage: {place}"),
    }
}

/// The rules as text of at most `width` columns (72 at least).
pub fn rules_table(a: &RulesAnswer, width: usize) -> String {
    let mut page = Lines { cargoes: &a.cargoes, width: width.max(72), out: String::new() };
    page.cargoes();
    page.say(0, &format!("from: {} ({})", a.from.name, a.from.id));
    page.say(0, &format!("to: {} ({})", a.to.name, a.to.id));
    if let Some(m) = a.mode {
        page.say(0, &format!("by: {}", word(m.word())));
    }
    if let Some(d) = a.day {
        page.say(0, &format!("day: {d}"));
    }
    if let Some((first, last)) = a.between {
        page.say(0, &format!("days: after {first}, up to {last}"));
    }
    for s in &a.sections {
        page.gap();
        page.say(0, &title(s.governs, &s.states));
        page.say(2, &verdict(&s.ways, &a.cargoes));
        for r in &s.rules {
            page.rule(r);
        }
    }
    for c in &a.changes {
        page.gap();
        page.say(0, &format!("{}: {}", c.day, title(c.governs, &c.states)));
        page.say(2, &format!("before: {}", verdict(&c.before, &a.cargoes)));
        page.say(2, &format!("after: {}", verdict(&c.after, &a.cargoes)));
        for (said, rules) in [("ended", &c.ended), ("began", &c.began)] {
            for r in rules {
                page.say(2, &format!("{said}:"));
                page.rule(r);
            }
        }
    }
    if let Some(o) = &a.options {
        page.gap();
        page.options(o);
    }
    if !a.notes.is_empty() {
        page.gap();
    }
    for n in &a.notes {
        page.say(0, n);
    }
    page.out
}

/// The rules as CSV, one row a rule and section or change.
pub fn rules_csv(a: &RulesAnswer) -> String {
    let mut w = csv::Writer::from_writer(Vec::new());
    let head = [
        "day",
        "change",
        "governs",
        "states",
        "role",
        "rule",
        "what",
        "by",
        "from",
        "till",
        "conditions",
        "amount",
        "paper",
        "authority",
        "note",
        "sources",
        "assumed",
        "goes_before",
        "part",
        "option",
        "before_p50_h",
        "after_p50_h",
        "before_usd",
        "after_usd",
    ];
    // Writing into memory cannot fail, and every record has the header's length.
    let _ = w.write_record(head);
    let day = |d: Option<jiff::civil::Date>| d.map(|d| d.to_string()).unwrap_or_default();
    let mut row = |on: String, change: &str, governs: Governs, states: &[NamedState], r: &RuleFound| {
        let role: Role = r.role;
        let list = |all: Vec<String>| all.join("; ");
        let text = |t: &Option<String>| t.clone().unwrap_or_default();
        let _ = w.write_record([
            on,
            change.to_owned(),
            governs.word().to_owned(),
            list(states.iter().map(|s| s.id.clone()).collect()),
            role.word().to_owned(),
            r.rule.clone(),
            r.what.clone(),
            reaches(&r.reach),
            day(r.from),
            day(r.till),
            list(r.conditions.clone()),
            text(&r.amount),
            text(&r.paper),
            text(&r.authority),
            text(&r.note),
            list(r.sources.iter().map(|s| s.url.clone().unwrap_or_else(|| s.id.clone())).collect()),
            text(&r.assumed),
            list(r.overrides.iter().map(|o| o.rule.clone()).collect()),
            list(r.part.clone()),
            String::new(),
            String::new(),
            String::new(),
            String::new(),
            String::new(),
        ]);
    };
    for s in &a.sections {
        for r in &s.rules {
            row(day(a.day), "", s.governs, &s.states, r);
        }
    }
    for c in &a.changes {
        for (said, rules) in [("ended", &c.ended), ("began", &c.began)] {
            for r in rules {
                row(c.day.to_string(), said, c.governs, &c.states, r);
            }
        }
    }
    // What became of options: a row an option and reason.
    for (o, c) in a.options.iter().flat_map(|o| o.changes.iter().map(move |c| (o, c))) {
        for r in &c.reasons {
            let figure = |f: &Option<Figures>, of: &dyn Fn(&Figures) -> f64| {
                f.as_ref().map(|f| number(of(f))).unwrap_or_default()
            };
            let hours = |f: &Figures| f.p50_h.get();
            let usd = |f: &Figures| f.cost_usd.best;
            let cells = [
                ("day", o.days.1.to_string()),
                ("change", became(c)),
                ("governs", "option".into()),
                ("role", made(r.made).into()),
                ("rule", r.row.clone()),
                ("what", r.what.clone()),
                ("sources", r.sources.join("; ")),
                ("option", c.label.clone()),
                ("before_p50_h", figure(&c.before, &hours)),
                ("after_p50_h", figure(&c.after, &hours)),
                ("before_usd", figure(&c.before, &usd)),
                ("after_usd", figure(&c.after, &usd)),
            ];
            let cell = |h: &&str| cells.iter().find(|(k, _)| k == h).map_or("", |(_, v)| v.as_str());
            let _ = w.write_record(head.iter().map(cell));
        }
    }
    String::from_utf8(w.into_inner().unwrap_or_default()).unwrap_or_default()
}

/// What is left of quotas, as text of at most `width` columns (72 at least).
pub fn quotas_table(a: &QuotasAnswer, width: usize) -> String {
    let mut page = Lines { cargoes: &a.cargoes, width: width.max(72), out: String::new() };
    page.cargoes();
    for (word, state) in [("from", &a.from), ("to", &a.to)] {
        if let Some(s) = state {
            page.say(0, &format!("{word}: {} ({})", s.name, s.id));
        }
    }
    page.say(0, &format!("day: {}", a.day));
    for q in &a.quotas {
        page.gap();
        page.say(
            0,
            &format!(
                "{}, {}",
                q.rule,
                if q.period == "once" { "once".into() } else { format!("in {}", q.period) }
            ),
        );
        page.say(2, &q.what);
        let (used, left) = (PLAIN.short(q.used, 3), PLAIN.short(q.left, 3));
        page.say(
            2,
            &format!("{} of {}: {used} used, {left} left", effect(q.effect), with_unit(q.amount, &q.unit)),
        );
        page.say(2, &format!("consumed by {} {}", q.governs, q.consumed_by.join("; ")));
        for (who, amount) in &q.used_by {
            page.say(4, &format!("{who}: {}", with_unit(*amount, &q.unit)));
        }
        if let Some(who) = &q.authority {
            page.say(2, &format!("by: {who}"));
        }
        if let Some(n) = &q.note {
            page.say(2, &format!("note: {n}"));
        }
        page.sources(2, &q.sources, q.assumed.as_deref());
    }
    page.gap();
    page.say(
        0,
        match a.quotas.len() {
            0 => "No rule with a quota is in force on this day.",
            _ => "Used is what was declared by --used; what others have used is not known.",
        },
    );
    page.out
}

/// What is left of quotas as CSV, one row a rule and period.
pub fn quotas_csv(a: &QuotasAnswer) -> String {
    let mut w = csv::Writer::from_writer(Vec::new());
    // Writing into memory cannot fail, and every record has the header's length.
    let _ = w.write_record([
        "rule",
        "period",
        "effect",
        "governs",
        "unit",
        "amount",
        "used",
        "left",
        "used_by",
        "consumed_by",
        "authority",
        "what",
        "sources",
        "assumed",
    ]);
    for q in &a.quotas {
        let used_by: Vec<String> = q.used_by.iter().map(|(w, n)| format!("{w} {}", number(*n))).collect();
        let sources: Vec<String> =
            q.sources.iter().map(|s| s.url.clone().unwrap_or_else(|| s.id.clone())).collect();
        let _ = w.write_record([
            q.rule.clone(),
            q.period.clone(),
            q.effect.word().to_owned(),
            q.governs.word().to_owned(),
            q.unit.clone(),
            number(q.amount),
            number(q.used),
            number(q.left),
            used_by.join("; "),
            q.consumed_by.join("; "),
            q.authority.clone().unwrap_or_default(),
            q.what.clone(),
            sources.join("; "),
            q.assumed.clone().unwrap_or_default(),
        ]);
    }
    String::from_utf8(w.into_inner().unwrap_or_default()).unwrap_or_default()
}
