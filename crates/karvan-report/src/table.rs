//! The answer as a table for the terminal.

use jiff::Zoned;
use karvan_plan::answer::{Answer, Itinerary, Leg, LegKind, Opening, Question, Refusal, Stop, Units};
use unicode_width::UnicodeWidthStr;

use crate::num::{self, PLAIN};

/// Narrower than this nothing can be read; a smaller width is taken as this one.
const NARROWEST: usize = 72;
/// Assumed figures printed before the rest is left to the JSON.
const CLAIMS: usize = 8;
/// Characters of the model's hash that tell it apart; the whole is in the JSON.
const HASH: usize = 12;

/// Of which options the legs are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Legs {
    /// Of none: the options alone.
    None,
    /// Of the first, with its papers, rules and main assumptions.
    Best,
    /// Of every one.
    All,
}

/// The answer as a table of at most `width` columns (72 at least): the question as understood, one row an
/// option, and the legs of those asked for with their prices, papers, rules and main assumptions.
pub fn table(answer: &Answer, legs: Legs, width: usize, colour: bool) -> String {
    let legs_of = match legs {
        Legs::None => 0,
        Legs::Best => 1,
        Legs::All => answer.options.len(),
    };
    Page::new(width, colour).answer(answer, legs_of)
}

#[derive(Clone, Copy)]
enum Ink {
    Plain,
    Bold,
    Dim,
    Warn,
    Bad,
}

impl Ink {
    fn code(self) -> &'static str {
        match self {
            Ink::Plain => "",
            Ink::Bold => "\u{1b}[1m",
            Ink::Dim => "\u{1b}[2m",
            Ink::Warn => "\u{1b}[1;33m",
            Ink::Bad => "\u{1b}[1;31m",
        }
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Align {
    Left,
    Right,
}

struct Column {
    header: &'static str,
    align: Align,
    /// May be narrowed and wrapped.
    flexible: bool,
}

const fn left(header: &'static str) -> Column {
    Column { header, align: Align::Left, flexible: false }
}
const fn right(header: &'static str) -> Column {
    Column { header, align: Align::Right, flexible: false }
}

/// A row: its cells (lines separated by `\n`), and what is said of it below, over the full width.
struct Row {
    cells: Vec<String>,
    below: Vec<String>,
}

struct Page {
    width: usize,
    colour: bool,
    out: String,
}

impl Page {
    fn new(width: usize, colour: bool) -> Self {
        Self { width: width.max(NARROWEST), colour, out: String::new() }
    }

    fn answer(mut self, a: &Answer, legs_of: usize) -> String {
        if let Some(line) = indicative(a) {
            self.text(Ink::Warn, 0, &line);
        }
        if let Some(r) = &a.refusal {
            self.text(Ink::Bad, 0, &format!("no option: {}", r.reason));
        }
        if !self.out.is_empty() {
            self.gap();
        }
        self.question(&a.question);
        if let Some(r) = &a.refusal {
            self.refusal(r);
        }
        if !a.options.is_empty() {
            self.summary(a);
            for option in a.options.iter().take(legs_of) {
                self.legs(option);
            }
            let shown = &a.options[..legs_of.min(a.options.len())];
            if !shown.is_empty() {
                self.papers(shown);
                self.rules(shown);
                self.claims(shown);
            }
        }
        if let Some(openings) = &a.why_not {
            self.why_not(openings);
        }
        self.list("Notes", &a.notes);
        self.provenance(a);
        self.out
    }

    fn question(&mut self, q: &Question) {
        let mut cargo = vec![q.cargo_name.clone()];
        cargo.extend(q.hs.as_ref().map(|c| format!("HS {c}")));
        cargo.extend(q.un.as_ref().map(|c| format!("UN {c}")));
        cargo.extend(q.rid_class.as_ref().map(|c| format!("class {c}")));
        let implied: Vec<String> = q.units.iter().map(units).collect();
        let mass = format!("{} t", PLAIN.short(q.tonnes.get(), 1));
        let mass = if implied.is_empty() { mass } else { format!("{mass} = {}", implied.join(", or ")) };
        self.fact("cargo", &format!("{}: {mass}", cargo.join(", ")));
        self.fact("from", &place(&q.from));
        self.fact("to", &place(&q.to));
        let mut when = format!("departs {} or later", instant(&q.depart));
        if let Some(t) = &q.arrive_by {
            when.push_str(&format!("; arrives by {}", instant(t)));
        }
        if let Some(d) = &q.as_of {
            when.push_str(&format!("; law and links as of {d}"));
        }
        self.fact("when", &when);
        self.fact("worth", &format!("{} USD", with_range(q.value_usd)));
        if !q.criteria.is_empty() {
            self.fact("criteria", &q.criteria.join(", "));
        }
        if !q.via.is_empty() {
            self.fact("via", &q.via.join(", "));
        }
        if !q.avoid.is_empty() {
            self.fact("avoiding", &q.avoid.join(", "));
        }
        // Said where it is not what one would think: the state of origin.
        if let Some(s) = q.lorries_of.as_ref().filter(|s| q.from.state.as_ref() != Some(*s)) {
            self.fact("lorries of", s);
        }
    }

    fn summary(&mut self, a: &Answer) {
        let hours = a.options.iter().all(|o| o.p90_h.get() < 48.0);
        let long = |h: f64| if hours { PLAIN.fixed(h, 1) } else { PLAIN.fixed(h / 24.0, 1) };
        let on_time = a.options.iter().any(|o| o.on_time.is_some());
        let mut columns = vec![
            right("No."),
            right(if hours { "P50,\nh" } else { "P50,\ndays" }),
            right(if hours { "P90,\nh" } else { "P90,\ndays" }),
            left("Arrives by\n(P90, local)"),
        ];
        if on_time {
            columns.push(right("On\ntime, %"));
        }
        columns.push(Column { flexible: true, ..left("Cost, USD\nbest (low–high)") });
        columns.extend([right("Sourced,\n% of cost"), right("CO2e,\nt"), right("Generalised\ncost, USD")]);
        let rows = a
            .options
            .iter()
            .map(|o| {
                let mut cells = vec![
                    o.rank.to_string(),
                    long(o.p50_h.get()),
                    long(o.p90_h.get()),
                    o.arrival_p90.strftime("%Y-%m-%d %H:%M").to_string(),
                ];
                if on_time {
                    cells.push(o.on_time.map_or("–".into(), |p| PLAIN.percent(p)));
                }
                cells.extend([
                    with_range(o.cost_usd),
                    PLAIN.percent(o.sourced_share),
                    PLAIN.tonnes_of_kg(o.co2e_kg.get()),
                    PLAIN.money(o.generalised_usd),
                ]);
                let mut label = format!("{}, {} km", o.label, PLAIN.fixed(o.distance_km.get(), 0));
                if o.indicative {
                    label.push_str(" (indicative)");
                }
                Row { cells, below: vec![label] }
            })
            .collect();
        self.heading("Options, best generalised cost first");
        self.grid(&columns, rows, Ink::Plain);
        self.text(Ink::Dim, 0, &a.ordering);
    }

    fn legs(&mut self, o: &Itinerary) {
        self.heading(&format!("Option {}: {} (mean times; P50 and P90 above are drawn)", o.rank, o.label));
        let columns = [
            right("Leg"),
            Column { flexible: true, ..left("What and where") },
            right("Length,\nkm"),
            left("Start and end,\nlocal (UTC offset)"),
            right("Lasts,\nh"),
            right("Waits,\nh"),
            right("Cost, USD\nbest, range"),
            right("CO2e,\nt"),
        ];
        let before =
            |i: usize| o.legs[..i].iter().rev().find(|l| l.kind == LegKind::Haul).map(|l| &l.equipment);
        let rows = o.legs.iter().enumerate().map(|(i, leg)| leg_row(i, leg, before(i))).collect();
        self.grid(&columns, rows, Ink::Dim);
        if o.payees.len() > 1 {
            let paid: Vec<String> =
                o.payees.iter().map(|p| format!("{} {}", p.payee, PLAIN.money(p.usd.best))).collect();
            self.text(Ink::Plain, 0, &format!("Paid, USD: {}", paid.join("; ")));
        }
    }

    fn papers(&mut self, options: &[Itinerary]) {
        let mut lines: Vec<String> = Vec::new();
        for p in options.iter().flat_map(|o| &o.papers) {
            let by = p.authority.as_ref().map(|a| format!(", issued by {a}")).unwrap_or_default();
            let time = p
                .time_h
                .map(|(p50, p90)| format!(", got in {:.0} h (P90 {:.0} h)", p50.get(), p90.get()))
                .unwrap_or_default();
            let fee = p.usd.map(|u| format!(", {} USD", PLAIN.money(u.best))).unwrap_or_default();
            let line = format!("{}{by}{time}{fee} (rule/{})", p.paper, p.rule);
            if !lines.contains(&line) {
                lines.push(line);
            }
        }
        self.list("Papers", &lines);
        let mut lines: Vec<String> = Vec::new();
        for t in options.iter().flat_map(|o| &o.terms) {
            let line = format!(
                "{} to {}, {} km: {:.0} days, exceeded in {:.0} % of draws (rule/{})",
                t.from,
                t.to,
                PLAIN.money(t.distance_km.get()),
                t.days,
                100.0 * t.exceeded,
                t.rule
            );
            if !lines.contains(&line) {
                lines.push(line);
            }
        }
        self.list("Term of delivery by the contract of carriage", &lines);
    }

    fn rules(&mut self, options: &[Itinerary]) {
        let mut seen: Vec<&str> = Vec::new();
        let mut for_papers = 0;
        for r in options.iter().flat_map(|o| &o.rules) {
            if seen.contains(&r.id.as_str()) {
                continue;
            }
            // What only asks for a paper stands among the papers.
            if options.iter().flat_map(|o| &o.papers).any(|p| p.rule == r.id) {
                seen.push(&r.id);
                for_papers += 1;
                continue;
            }
            if seen.len() == for_papers {
                self.heading("Rules that applied");
            }
            seen.push(&r.id);
            let days = match (r.from, r.till) {
                (None, None) => String::new(),
                (Some(f), None) => format!(" from {f}"),
                (None, Some(t)) => format!(" until {t} (exclusive)"),
                (Some(f), Some(t)) => format!(" {f} until {t} (exclusive)"),
            };
            self.item(&format!("{} ({}{days}; rule/{})", r.what, r.effect, r.id));
            if let Some(q) = options.iter().flat_map(|o| &o.quotas).find(|q| q.rule == r.id) {
                let (amount, left) = (thousandths(q.amount), thousandths(q.left));
                let line = format!("quota {}: {amount} {} used, {left} left", q.period, q.unit);
                self.text(Ink::Plain, 4, &line);
            }
            for s in &r.sources {
                self.text(Ink::Dim, 4, s);
            }
        }
        if for_papers > 0 && seen.len() > for_papers {
            self.text(
                Ink::Dim,
                0,
                "The rules that ask for the papers, and their sources: --format json or html.",
            );
        }
    }

    fn claims(&mut self, options: &[Itinerary]) {
        let assumed = assumed(options);
        if assumed.is_empty() {
            return;
        }
        let mut lines: Vec<String> =
            assumed.iter().take(CLAIMS).map(|c| format!("{}, {}: {}", c.row, c.figure, c.reason)).collect();
        if assumed.len() > CLAIMS {
            lines.push(format!("and {} more: see --format json", assumed.len() - CLAIMS));
        }
        self.list("Assumed, what weighs most first", &lines);
    }

    fn refusal(&mut self, r: &Refusal) {
        if !r.blockers.is_empty() {
            self.heading("What stands in the way, most decisive first");
            for b in &r.blockers {
                self.item(&format!("{} ({}; {})", b.what, b.days, b.row));
                for s in &b.sources {
                    self.text(Ink::Dim, 4, s);
                }
            }
        }
        if !r.hints.is_empty() {
            self.gap();
            for h in &r.hints {
                self.text(Ink::Bold, 0, &format!("hint: {h}"));
            }
        }
    }

    fn why_not(&mut self, openings: &[Opening]) {
        self.heading("What would open or better it, fewest measures first");
        if openings.is_empty() {
            self.item("nothing that the model knows: no set of up to six rules, borders and lines");
        }
        for (i, o) in openings.iter().enumerate() {
            let gain = match o.gain_usd {
                Some(g) => format!("; {} USD better in generalised cost", PLAIN.short(g, 0)),
                None => String::new(),
            };
            self.item(&format!(
                "{}. {}, {} km: P50 {}, P90 {} days, {} USD, {} t CO2e{gain}; it would need",
                i + 1,
                o.label,
                PLAIN.short(o.distance_km.get(), 0),
                PLAIN.fixed(o.p50_h.get() / 24.0, 1),
                PLAIN.fixed(o.p90_h.get() / 24.0, 1),
                with_range(o.cost_usd),
                PLAIN.short(o.co2e_kg.get() / 1000.0, 2),
            ));
            for b in &o.lift {
                self.text(Ink::Plain, 4, &format!("{}: {} ({}; {})", b.kind, b.what, b.days, b.row));
                for s in &b.sources {
                    self.text(Ink::Dim, 8, s);
                }
            }
        }
    }

    fn provenance(&mut self, a: &Answer) {
        let p = &a.provenance;
        let scenario = p.scenario.as_ref().map(|s| format!(", scenario {s}")).unwrap_or_default();
        self.gap();
        let line = format!(
            "model {} ({}){scenario}; seed {}, {} draws an option; karvan {}",
            p.model,
            p.model_hash.chars().take(HASH).collect::<String>(),
            p.seed,
            PLAIN.fixed(f64::from(p.draws), 0),
            p.version
        );
        self.text(Ink::Dim, 0, &line);
        if !a.attribution.is_empty() {
            self.text(Ink::Dim, 0, &format!("data: {}", a.attribution.join("; ")));
        }
    }

    fn gap(&mut self) {
        if !self.out.is_empty() {
            self.out.push('\n');
        }
    }

    fn heading(&mut self, text: &str) {
        self.gap();
        self.text(Ink::Bold, 0, text);
    }

    fn list(&mut self, heading: &str, lines: &[String]) {
        if !lines.is_empty() {
            self.heading(heading);
            for l in lines {
                self.item(l);
            }
        }
    }

    fn item(&mut self, text: &str) {
        self.hanging("- ", text);
    }

    fn fact(&mut self, name: &str, value: &str) {
        self.hanging(&format!("{name:<9} "), value);
    }

    fn hanging(&mut self, lead: &str, text: &str) {
        let indent = lead.width();
        for (i, line) in wrap(text, self.width - indent).into_iter().enumerate() {
            let lead = if i == 0 { lead.to_owned() } else { " ".repeat(indent) };
            self.line(Ink::Plain, &format!("{lead}{line}"));
        }
    }

    fn text(&mut self, ink: Ink, indent: usize, text: &str) {
        for line in wrap(text, self.width - indent) {
            self.line(ink, &format!("{}{line}", " ".repeat(indent)));
        }
    }

    fn line(&mut self, ink: Ink, line: &str) {
        let line = line.trim_end();
        let code = if self.colour { ink.code() } else { "" };
        if code.is_empty() {
            self.out.push_str(line);
        } else {
            self.out.push_str(&format!("{code}{line}\u{1b}[0m"));
        }
        self.out.push('\n');
    }

    fn grid(&mut self, columns: &[Column], rows: Vec<Row>, below: Ink) {
        const GAP: usize = 2;
        let natural = |text: &str| clean_lines(text).iter().map(|l| l.width()).max().unwrap_or(0);
        let mut widths: Vec<usize> = (0..columns.len())
            .map(|c| {
                rows.iter().map(|r| natural(&r.cells[c])).max().unwrap_or(0).max(natural(columns[c].header))
            })
            .collect();
        let room = self.width - GAP * (columns.len() - 1);
        // Flexible columns give way first, then the widest: nothing may run over the edge.
        while widths.iter().sum::<usize>() > room {
            let widest = |flexible: bool, least: usize| {
                (0..columns.len())
                    .filter(|&c| (!flexible || columns[c].flexible) && widths[c] > least)
                    .max_by_key(|&c| widths[c])
            };
            match widest(true, 16).or_else(|| widest(false, 2)) {
                Some(c) => widths[c] -= 1,
                None => break,
            }
        }
        let headers: Vec<String> = columns.iter().map(|c| c.header.to_owned()).collect();
        let total = widths.iter().sum::<usize>() + GAP * (columns.len() - 1);
        self.cells(columns, &widths, &headers, Ink::Bold);
        self.line(Ink::Dim, &"─".repeat(total.min(self.width)));
        let indent = widths[0] + GAP;
        for row in rows {
            self.cells(columns, &widths, &row.cells, Ink::Plain);
            for text in &row.below {
                self.text(below, indent, text);
            }
        }
        self.line(Ink::Dim, &"─".repeat(total.min(self.width)));
    }

    fn cells(&mut self, columns: &[Column], widths: &[usize], cells: &[String], ink: Ink) {
        let wrapped: Vec<Vec<String>> = cells.iter().zip(widths).map(|(c, w)| wrap(c, *w)).collect();
        let height = wrapped.iter().map(Vec::len).max().unwrap_or(0);
        for i in 0..height {
            let mut line = String::new();
            for (c, lines) in wrapped.iter().enumerate() {
                let text = lines.get(i).map_or("", String::as_str);
                let pad = " ".repeat(widths[c].saturating_sub(text.width()));
                if c > 0 {
                    line.push_str("  ");
                }
                match columns[c].align {
                    Align::Left => line.extend([text, &pad]),
                    Align::Right => line.extend([pad.as_str(), text]),
                }
            }
            self.line(ink, &line);
        }
    }
}

fn leg_row(i: usize, leg: &Leg, before: Option<&Units>) -> Row {
    let what = match leg.kind {
        LegKind::Haul => {
            format!("{}\n{} → {}", leg.title, place(&leg.from), place(&leg.to))
        }
        _ if leg.from.id == leg.to.id => format!("{}\n{}", leg.title, place(&leg.from)),
        _ => format!("{}\n{} → {}", leg.title, place(&leg.from), place(&leg.to)),
    };
    let cost = leg.prices.iter().fold(karvan_units::Estimate::exact(0.0), |s, p| s.plus(p.usd));
    let cost = match PLAIN.range(cost) {
        Some(range) => format!("{}\n{range}", PLAIN.money(cost.best)),
        None => PLAIN.money(cost.best),
    };
    let haul = leg.kind == LegKind::Haul;
    let mut below = Vec::new();
    let mut about = Vec::new();
    about.extend(leg.operator.as_ref().map(|o| format!("by {o}")));
    // Said again only where it changes.
    if haul && before.is_none_or(|b| *b != leg.equipment) {
        about.push(format!("in {}", units(&leg.equipment)));
    }
    if !leg.via.is_empty() {
        about.push(format!("via {}", leg.via.join(", ")));
    }
    if !about.is_empty() {
        below.push(about.join("; "));
    }
    for p in &leg.prices {
        let basis = if p.sourced { "published" } else { "assumed" };
        below.push(format!(
            "paid to {}: {} USD ({}, {basis}; {})",
            p.payee,
            PLAIN.money(p.usd.best),
            p.published,
            p.row
        ));
    }
    if !leg.papers.is_empty() {
        below.push(format!("papers: {}", leg.papers.join("; ")));
    }
    let when = |z: &Zoned| format!("{} {}", z.strftime("%Y-%m-%d %H:%M"), num::offset(z));
    Row {
        cells: vec![
            (i + 1).to_string(),
            what,
            if haul { PLAIN.fixed(leg.distance_km.get(), 0) } else { String::new() },
            format!("{}\n{}", when(&leg.start), when(&leg.end)),
            PLAIN.fixed(leg.end_h.get() - leg.start_h.get(), 1),
            PLAIN.fixed(leg.waiting_h.get(), 1),
            cost,
            PLAIN.tonnes_of_kg(leg.co2e_kg.get()),
        ],
        below,
    }
}

/// Options whose cost rests on too few published prices, as the first line says it.
fn indicative(a: &Answer) -> Option<String> {
    let which: Vec<String> = a.options.iter().filter(|o| o.indicative).map(|o| o.rank.to_string()).collect();
    if which.is_empty() {
        return None;
    }
    let whom = match &which[..] {
        all if all.len() == a.options.len() && all.len() > 1 => "every option".to_owned(),
        [one] => format!("option {one}"),
        [most @ .., last] => format!("options {} and {last}", most.join(", ")),
        [] => return None,
    };
    Some(format!("indicative: less than half of the cost of {whom} rests on published prices"))
}

/// An assumed figure of some options.
pub(crate) struct Assumed<'a> {
    pub(crate) row: &'a str,
    pub(crate) figure: &'a str,
    pub(crate) reason: &'a str,
    pub(crate) options: Vec<u32>,
    usd: f64,
}

/// Without the last digits of a sum of tenths.
pub(crate) fn thousandths(x: f64) -> f64 {
    (x * 1000.0).round() / 1000.0
}

/// The assumed figures of options, those that weigh most in the price first.
pub(crate) fn assumed(options: &[Itinerary]) -> Vec<Assumed<'_>> {
    let mut all: Vec<Assumed> = Vec::new();
    for o in options {
        for c in &o.claims {
            let Some(reason) = &c.assumed else { continue };
            let usd: f64 = if c.figure.contains("price") || c.figure.contains("value") {
                let prices = o.legs.iter().flat_map(|l| &l.prices);
                prices.filter(|p| p.row == c.row).map(|p| p.usd.best).sum()
            } else {
                0.0
            };
            match all.iter_mut().find(|k| k.row == c.row && k.figure == c.figure && k.reason == reason) {
                Some(k) => {
                    k.usd = k.usd.max(usd);
                    if !k.options.contains(&o.rank) {
                        k.options.push(o.rank);
                    }
                }
                None => {
                    all.push(Assumed { row: &c.row, figure: &c.figure, reason, options: vec![o.rank], usd })
                }
            }
        }
    }
    all.sort_by(|a, b| b.usd.total_cmp(&a.usd));
    all
}

fn place(s: &Stop) -> String {
    let about: Vec<&str> = [&s.state, &s.code].into_iter().flatten().map(String::as_str).collect();
    if about.is_empty() { s.name.clone() } else { format!("{} ({})", s.name, about.join(" ")) }
}

fn units(u: &Units) -> String {
    let count = PLAIN.short(u.count, 1);
    match u.unit.as_str() {
        "t" => format!("{count} t in {}", u.name),
        unit => {
            let word = match unit {
                "teu" => "TEU".to_owned(),
                one if u.count == 1.0 => one.to_owned(),
                many => format!("{many}s"),
            };
            format!("{count} {word} ({}, {} t each)", u.name, PLAIN.short(u.load_t, 2))
        }
    }
}

fn with_range(e: karvan_units::Estimate) -> String {
    match PLAIN.range(e) {
        Some(range) => format!("{} ({range})", PLAIN.money(e.best)),
        None => PLAIN.money(e.best),
    }
}

fn instant(z: &Zoned) -> String {
    format!("{} UTC{}", num::stamp(z), num::offset(z))
}

/// The lines of a text without what would move the cursor, turn the writing direction, or have a width
/// that terminals dispute.
fn clean_lines(text: &str) -> Vec<String> {
    let odd = |c: char| matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fe00}'..='\u{fe0f}');
    text.split('\n')
        .map(|l| l.chars().filter(|c| !odd(*c)).map(|c| if c.is_control() { ' ' } else { c }).collect())
        .collect()
}

/// Breaks a text into lines of at most `width` columns, between words where that can be.
pub(crate) fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    for paragraph in clean_lines(text) {
        let mut line = String::new();
        for word in paragraph.split_whitespace() {
            let joined = if line.is_empty() { word.to_owned() } else { format!("{line} {word}") };
            if joined.width() <= width {
                line = joined;
                continue;
            }
            if !line.is_empty() {
                lines.push(std::mem::take(&mut line));
            }
            for c in word.chars() {
                line.push(c);
                if line.width() > width {
                    line.pop();
                    // A character wider than the whole column has no place at all.
                    if !line.is_empty() {
                        lines.push(std::mem::take(&mut line));
                        line.push(c);
                    }
                }
            }
        }
        lines.push(line);
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_wrap_and_long_ones_break() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("abcdefghij", 4), ["abcd", "efgh", "ij"]);
        assert_eq!(wrap("西安国际港", 4), ["西安", "国际", "港"]);
        assert_eq!(wrap("a\u{1b}[31mb\u{202e}", 20), ["a [31mb"]);
        assert_eq!(wrap("", 4), [""]);
    }
}
