//! Rules that apply to a relation, as text and CSV.

use std::fmt::Write as _;

use karvan_model::applied::{NamedState, Reach, Role, RuleFound, RulesAnswer, Way};
use karvan_model::tables::Governs;

use crate::table::wrap;

struct Lines {
    width: usize,
    out: String,
}

impl Lines {
    fn say(&mut self, indent: usize, text: &str) {
        // What goes on is set in by two more columns.
        let room = self.width.saturating_sub(indent + 2);
        for (i, line) in wrap(text, room).iter().enumerate() {
            let pad = indent + if i == 0 { 0 } else { 2 };
            let _ = writeln!(self.out, "{:pad$}{line}", "");
        }
    }

    fn gap(&mut self) {
        self.out.push('\n');
    }

    fn rule(&mut self, r: &RuleFound) {
        self.say(2, &format!("{} {} ({})", r.role, r.rule, reaches(&r.reach)));
        self.say(4, &r.what);
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
        for s in &r.sources {
            self.say(4, &format!("source: {} {}", s.id, s.url.as_deref().unwrap_or(&s.publisher)));
        }
        if let Some(a) = &r.assumed {
            self.say(4, &format!("assumed: {a}"));
        }
    }
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
    out
}

fn reaches(all: &[Reach]) -> String {
    all.iter().map(reach).collect::<Vec<_>>().join("; ")
}

fn verdict(ways: &[Way]) -> String {
    let of = |allowed: bool, said: &str| -> Option<String> {
        let list: Vec<Reach> =
            ways.iter().filter(|w| w.allowed == allowed).map(|w| w.reach.clone()).collect();
        (!list.is_empty()).then(|| format!("{said}: {}", reaches(&list)))
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
    let mut page = Lines { width: width.max(72), out: String::new() };
    let hs = if a.hs.is_empty() { String::new() } else { format!(", HS {}", a.hs.join(", ")) };
    page.say(0, &format!("cargo: {}{hs}", a.cargo_name));
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
        page.say(2, &verdict(&s.ways));
        for r in &s.rules {
            page.rule(r);
        }
    }
    for c in &a.changes {
        page.gap();
        page.say(0, &format!("{}: {}", c.day, title(c.governs, &c.states)));
        page.say(2, &format!("before: {}", verdict(&c.before)));
        page.say(2, &format!("after: {}", verdict(&c.after)));
        for (said, rules) in [("ended", &c.ended), ("began", &c.began)] {
            for r in rules {
                page.say(2, &format!("{said}:"));
                page.rule(r);
            }
        }
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
    String::from_utf8(w.into_inner().unwrap_or_default()).unwrap_or_default()
}
