//! A year of trade on the network as a page: published totals beside modelled ones, capacities, what more of them is worth,
//! corridors and modes, and a map of traffic.

use std::fmt::Write;

use karvan_freight::drawn::Drawn;
use karvan_freight::report::{CargoTold, Report, TotalTold};

use crate::map::{Named, Traffic, mode_class, traffic};
use crate::num::Style;
use crate::svg::{em_width, escape, px, step};
use crate::text::{Lang, Text};

const WIDTH: f64 = 1040.0;
const LABEL: f64 = 400.0;
const ROW: f64 = 22.0;
/// Rows of charts and tables.
const SHOWN: usize = 25;
/// Names on the map.
const NAMED: usize = 24;
/// Cargoes of a corridor that are named.
const CARGOES: usize = 3;

/// How a page is written: words and numbers.
struct Page<'a> {
    text: &'a Text,
    style: Style<'a>,
    out: String,
}

impl Page<'_> {
    fn word(&self, key: &str) -> String {
        escape(self.text.get(&format!("assignment.{key}")))
    }

    /// An amount to three digits.
    fn amount(&self, x: f64) -> String {
        let digits = if x == 0.0 { 0.0 } else { 2.0 - x.abs().log10().floor() };
        let k = 10f64.powf(digits);
        self.style.short((x * k).round() / k, digits.max(0.0) as usize)
    }

    fn percent(&self, x: f64) -> String {
        self.style.fixed(100.0 * x, 1)
    }

    fn section(&mut self, key: &str) {
        let (head, note) = (self.word(key), self.word(&format!("{key}_note")));
        let _ = write!(self.out, "<h2>{head}</h2><p>{note}</p>");
    }

    fn open(&mut self, key: &str, rows: usize) -> f64 {
        let height = rows as f64 * ROW + 34.0;
        let (title, desc) = (self.word(key), self.word(&format!("{key}_note")));
        let _ = write!(
            self.out,
            "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"{title}\"><svg class=\"chart\" viewBox=\"0 0 {WIDTH} {}\" role=\"img\"><title>{title}</title><desc>{desc}</desc>",
            px(height)
        );
        height - 26.0
    }

    fn close(&mut self) {
        self.out.push_str("</svg></div>");
    }

    fn label(&mut self, y: f64, text: &str, class: &str) {
        let mut shown = String::new();
        for c in text.chars() {
            if em_width(&shown) * 12.5 > LABEL - 34.0 {
                shown.push('…');
                break;
            }
            shown.push(c);
        }
        let _ = write!(
            self.out,
            "<text class=\"label {class}\" x=\"{}\" y=\"{}\" text-anchor=\"end\" font-size=\"12.5\">{}</text>",
            px(LABEL - 10.0),
            px(y + 4.0),
            escape(&shown)
        );
    }

    /// A mark of the axis with its value below.
    fn mark(&mut self, x: f64, bottom: f64, shown: &str) {
        let _ = write!(
            self.out,
            "<path class=\"grid\" d=\"M{x} 2V{}\"/><text class=\"tick\" x=\"{x}\" y=\"{}\">{}</text>",
            px(bottom),
            px(bottom + 17.0),
            escape(shown),
            x = px(x),
        );
    }

    fn table(&mut self, caption: &str, header: &[&str], numbers: &[usize], rows: &[Vec<String>]) {
        let caption = format!("{}, {}", self.word(caption), self.word("as_table"));
        let _ = write!(
            self.out,
            "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"{caption}\"><table><thead><tr>"
        );
        let class = |i: usize| if numbers.contains(&i) { " class=\"num\"" } else { "" };
        for (i, k) in header.iter().enumerate() {
            let _ = write!(self.out, "<th scope=\"col\"{}>{}</th>", class(i), self.word(k));
        }
        self.out.push_str("</tr></thead><tbody>");
        for r in rows {
            self.out.push_str("<tr>");
            for (i, c) in r.iter().enumerate() {
                let _ = write!(self.out, "<td{}>{}</td>", class(i), escape(c));
            }
            self.out.push_str("</tr>");
        }
        self.out.push_str("</tbody></table></div>");
    }

    fn cargo(&self, cargo: &[CargoTold]) -> String {
        let some = cargo.iter().take(CARGOES).map(|c| format!("{} {}", c.cargo, self.amount(c.tonnes)));
        some.collect::<Vec<_>>().join(", ")
    }

    /// Modelled over published on a logarithmic axis, with the range of what was published.
    fn totals(&mut self, rows: &[&TotalTold]) {
        let most =
            rows.iter().map(|t| t.ratio.max(1e-9).ln().abs()).fold(2f64.ln(), f64::max).min(1000f64.ln());
        let x = |ratio: f64| {
            let at = (ratio.max(1e-9).ln() / most).clamp(-1.0, 1.0);
            LABEL + (1.0 + at) / 2.0 * (WIDTH - LABEL - 190.0)
        };
        let bottom = self.open("totals", rows.len());
        for v in [0.001, 0.01, 0.1, 0.5, 1.0, 2.0, 10.0, 100.0, 1000.0f64] {
            if v.ln().abs() <= most + 1e-9 {
                self.mark(x(v), bottom, &self.style.short(v, 3));
            }
        }
        let _ = write!(self.out, "<path class=\"one\" d=\"M{} 2V{}\"/>", px(x(1.0)), px(bottom));
        for (i, t) in rows.iter().enumerate() {
            let y = 12.0 + i as f64 * ROW;
            self.label(y, &t.what, if t.in_the_fit { "seen" } else { "" });
            let (low, high) = (t.range.0 / t.published, t.range.1 / t.published);
            let _ = write!(
                self.out,
                "<path class=\"range\" d=\"M{} {y}H{}\"/><path class=\"miss\" d=\"M{} {y}H{}\"/><circle class=\"{}\" cx=\"{}\" cy=\"{y}\" r=\"4.5\"/><text x=\"{}\" y=\"{}\" font-size=\"12\" text-anchor=\"end\">{} / {} {}</text>",
                px(x(low)),
                px(x(high)),
                px(x(1.0)),
                px(x(t.ratio)),
                if t.in_the_fit { "dot seen" } else { "dot" },
                px(x(t.ratio)),
                px(WIDTH - 4.0),
                px(y + 4.0),
                self.amount(t.modelled),
                self.amount(t.published),
                escape(&t.unit),
                y = px(y),
            );
        }
        self.close();
    }

    /// Bars from nothing to a share of one, or of the greatest.
    fn bars(&mut self, key: &str, rows: &[(String, f64, String, &'static str)]) {
        let most = rows.iter().map(|r| r.1).fold(0.0, f64::max).max(1e-9);
        let x = |v: f64| LABEL + v / most * (WIDTH - LABEL - 190.0);
        let bottom = self.open(key, rows.len());
        let between = step(most, 6.0);
        let mut v = 0.0;
        while v <= most * (1.0 + 1e-9) {
            self.mark(x(v), bottom, &format!("{} %", self.style.short(100.0 * v, 1)));
            v += between;
        }
        for (i, (name, share, words, class)) in rows.iter().enumerate() {
            let y = 12.0 + i as f64 * ROW;
            self.label(y, name, "");
            let _ = write!(
                self.out,
                "<rect class=\"{class}\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"13\"/><text x=\"{}\" y=\"{}\" font-size=\"12\">{}</text>",
                px(LABEL),
                px(y - 6.5),
                px((x(*share) - LABEL).max(0.6)),
                px(x(*share).max(LABEL) + 6.0),
                px(y + 4.0),
                escape(words),
            );
        }
        self.close();
    }
}

/// The page.
pub fn assignment_html(r: &Report, drawn: &Drawn, lang: Lang) -> String {
    let text = lang.text();
    let mut p = Page { text, style: Style::of(text), out: String::new() };
    let code = if text.russian { "ru" } else { "en" };
    let title = text.fill("assignment.title", &[("year", &r.year.to_string())]);
    let scenario = r.scenario.as_ref().map_or(String::new(), |s| format!(" · {}", escape(s)));
    let _ = write!(
        p.out,
        "<!doctype html><html lang=\"{code}\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><title>{t}</title><style>{}{STYLE}</style></head><body class=\"assignment\"><header><p class=\"kicker\">{}{scenario}</p><h1>{t}</h1></header><main>",
        include_str!("../templates/report.css"),
        escape(&r.model),
        t = escape(&title),
    );
    let (d, c) = (&r.demand, &r.certificate);
    let facts = [
        ("day", r.day.to_string()),
        ("demand", format!("{} t", p.amount(d.tonnes))),
        ("carried", format!("{} t", p.amount(d.carried_t))),
        ("stays", format!("{} t", p.amount(d.stays_t))),
        ("no_way", format!("{} t", p.amount(d.no_way_t))),
        ("cost", format!("{} USD/t", p.style.fixed(d.mean_usd_per_t, 1))),
        (
            "ways",
            format!("{} / {}", p.style.fixed(f64::from(d.ways), 0), p.style.fixed(f64::from(d.flows), 0)),
        ),
        ("gap", format!("{:.1e}", c.gap)),
    ];
    p.out.push_str("<dl class=\"facts\">");
    for (k, v) in facts {
        let _ = write!(p.out, "<div><dt>{}</dt><dd>{}</dd></div>", p.word(k), escape(&v));
    }
    p.out.push_str("</dl>");
    if let Some(s) = &r.cannot_be_carried {
        let least = p.amount(s.least_t);
        let _ = write!(
            p.out,
            "<p class=\"banner bad\">{}</p>",
            escape(&text.fill("assignment.cannot", &[("t", &least)]))
        );
    }
    if !r.traffic_totals.is_empty() {
        p.section("totals");
        p.totals(&r.traffic_totals.iter().collect::<Vec<_>>());
        let rows: Vec<Vec<String>> = r
            .traffic_totals
            .iter()
            .map(|t| {
                let seen = if t.in_the_fit { "yes" } else { "no" };
                vec![
                    t.what.clone(),
                    format!("{} – {}", t.first, t.last),
                    t.unit.clone(),
                    p.amount(t.published),
                    p.amount(t.modelled),
                    p.style.fixed(t.ratio, 2),
                    text.get(&format!("assignment.{seen}")).to_owned(),
                    t.note.clone().unwrap_or_default(),
                ]
            })
            .collect();
        let header = ["what", "period", "unit", "published", "modelled", "ratio", "seen", "note"];
        p.table("totals", &header, &[3, 4, 5], &rows);
    }
    p.section("map");
    map(&mut p, r, drawn);
    if !r.capacities.is_empty() {
        p.section("capacities");
        let rows: Vec<(String, f64, String, &'static str)> = r
            .capacities
            .iter()
            .take(SHOWN)
            .map(|c| {
                let words = format!("{} / {} {}", p.amount(c.load), p.amount(c.capacity), c.unit);
                let full = c.share > 0.999 || c.price_usd > 0.0;
                (c.what.clone(), c.share, words, if full { "bar full" } else { "bar" })
            })
            .collect();
        p.bars("capacities", &rows);
        let rows: Vec<Vec<String>> = r
            .capacities
            .iter()
            .filter_map(|c| Some((c, c.step.as_ref().filter(|s| s.usd >= 1000.0)?)))
            .take(SHOWN)
            .map(|(c, s)| {
                let users = c.users.iter().take(CARGOES).map(|u| {
                    format!("{}–{} {} {} %", u.from, u.to, u.cargo, p.style.fixed(100.0 * u.share, 0))
                });
                vec![
                    c.what.clone(),
                    s.what.clone(),
                    p.style.money(s.usd),
                    p.style.fixed(c.price_usd, 2),
                    c.wait_h.map_or(String::new(), |h| p.style.fixed(h, 1)),
                    users.collect::<Vec<_>>().join(", "),
                ]
            })
            .collect();
        if !rows.is_empty() {
            p.section("worth");
            p.table("worth", &["what", "step", "usd", "price", "wait", "users"], &[2, 3, 4], &rows);
        }
    }
    p.section("corridors");
    let rows: Vec<(String, f64, String, &'static str)> = r
        .corridors
        .iter()
        .map(|c| (c.name.clone(), c.share, format!("{} t", p.amount(c.tonnes)), "bar"))
        .collect();
    p.bars("corridors", &rows);
    let rows: Vec<Vec<String>> = r
        .corridors
        .iter()
        .map(|c| {
            vec![
                c.name.clone(),
                p.amount(c.tonnes),
                p.percent(c.share),
                p.amount(c.contested_t),
                p.percent(c.contested_share),
                p.cargo(&c.cargo),
            ]
        })
        .collect();
    let header = ["corridor", "tonnes", "share", "contested", "contested_share", "most"];
    p.table("corridors", &header, &[1, 2, 3, 4], &rows);
    p.section("modes");
    let rows: Vec<(String, f64, String, &'static str)> = r
        .modes
        .iter()
        .map(|m| {
            let words = format!("{} t, {} t-km", p.amount(m.tonnes), p.amount(m.tonne_km));
            (text.word("mode", &m.mode), m.share, words, key_class(&m.mode))
        })
        .collect();
    p.bars("modes", &rows);
    p.section("services");
    let rows: Vec<Vec<String>> = r
        .services
        .iter()
        .take(SHOWN)
        .map(|s| vec![s.name.clone(), s.from.clone(), s.to.clone(), p.amount(s.tonnes), p.cargo(&s.cargo)])
        .collect();
    p.table("services", &["service", "from", "to", "tonnes", "most"], &[3], &rows);
    p.section("borders");
    let rows: Vec<Vec<String>> = r
        .borders
        .iter()
        .take(SHOWN)
        .map(|b| {
            let mode = text.word("mode", &b.mode);
            vec![b.name.clone(), mode, p.amount(b.forward_t), p.amount(b.back_t), p.cargo(&b.cargo)]
        })
        .collect();
    p.table("borders", &["crossing", "mode", "forward", "back", "most"], &[2, 3], &rows);
    if !d.not_moved.is_empty() {
        p.section("not_moved");
        let rows: Vec<Vec<String>> = d
            .not_moved
            .iter()
            .map(|n| {
                let why = text.get(if n.no_way { "assignment.no_way" } else { "assignment.stays" });
                vec![n.from.clone(), n.to.clone(), n.cargo.clone(), p.amount(n.tonnes), why.to_owned()]
            })
            .collect();
        p.table("not_moved", &["from", "to", "cargo", "tonnes", "why"], &[3], &rows);
    }
    let credits = r.attribution.join("; ");
    let _ = writeln!(
        p.out,
        "</main><footer><p class=\"fine\">{} {}</p><p class=\"fine\">Karvan {} · {} · {}</p></footer></body></html>",
        escape(text.get("map.credit_base")),
        escape(&credits),
        escape(&r.version),
        escape(&r.model),
        escape(&r.model_hash.chars().take(16).collect::<String>()),
    );
    p.out
}

/// Class of a bar of a mode.
fn key_class(mode: &str) -> &'static str {
    match mode_class(mode) {
        "rail" => "k-rail",
        "road" => "k-road",
        "sea-way" => "k-sea-way",
        "inland" => "k-inland",
        "pipeline" => "k-pipeline",
        _ => "k-other",
    }
}

fn map(p: &mut Page, r: &Report, drawn: &Drawn) {
    let links = r.links.iter().zip(&drawn.links).map(|(l, course)| {
        let mode = p.text.word("mode", &l.mode);
        let words = format!(
            "{}, {mode}: {} t → / {} t ←; {}",
            l.link,
            p.amount(l.forward_t),
            p.amount(l.back_t),
            p.cargo(&l.cargo)
        );
        Traffic { course, mode: &l.mode, tonnes: l.forward_t + l.back_t, words }
    });
    let links: Vec<Traffic> = links.collect();
    let names: Vec<Named> = r
        .borders
        .iter()
        .zip(&drawn.borders)
        .filter_map(|(b, at)| Some(Named { name: &b.name, at: (*at)? }))
        .take(NAMED)
        .collect();
    let svg = traffic(&links, &names, p.text);
    let label = p.word("map");
    let _ = write!(
        p.out,
        "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"{label}\">{svg}</div><ul class=\"legend\">"
    );
    for m in &r.modes {
        let (class, word) = (key_class(&m.mode), escape(&p.text.word("mode", &m.mode)));
        let _ = write!(p.out, "<li><span class=\"swatch {class}\"></span>{word}</li>");
    }
    p.out.push_str("</ul>");
}

const STYLE: &str = "\
.traffic path{fill:none;stroke-linejoin:round;stroke-linecap:butt;stroke-opacity:.85;stroke:var(--other)}\
.traffic .rail{stroke:var(--rail)}.traffic .road{stroke:var(--road)}.traffic .sea-way{stroke:var(--sea)}\
.traffic .inland{stroke:var(--inland)}.traffic .pipeline{stroke:var(--pipeline)}.traffic .power{stroke:var(--power)}\
.widths path{stroke:var(--soft);fill:none}.widths text{paint-order:stroke;stroke:var(--halo);stroke-width:3px}\
.one{stroke:var(--ink);stroke-width:1.2}.range{stroke:var(--line);stroke-width:9}.miss{stroke:var(--o1);stroke-width:2}\
.dot{fill:var(--o1)}.dot.seen{fill:var(--paper);stroke:var(--o1);stroke-width:2}.label.seen{fill:var(--soft)}\
.bar{fill:var(--o1)}.bar.full{fill:var(--bad-line)}\
.chart{min-width:620px}td{overflow-wrap:anywhere}";

#[cfg(test)]
mod tests {
    use super::*;

    /// What a model names becomes no markup, in any language.
    #[test]
    fn nothing_of_a_model_becomes_markup() {
        let text = Lang::En.text();
        let mut p = Page { text, style: Style::of(text), out: String::new() };
        p.label(1.0, "<script>&", "");
        p.table("totals", &["what"], &[], &[vec!["<script>".into()]]);
        p.bars("modes", &[("<b>".into(), 0.5, "<i>".into(), "bar")]);
        assert!(!p.out.contains("<script>") && !p.out.contains("<b>") && !p.out.contains("<i>"), "{}", p.out);
    }

    #[test]
    fn amounts_have_three_digits() {
        let text = Lang::En.text();
        let p = Page { text, style: Style::of(text), out: String::new() };
        let shown = [0.0, 0.012_34, 12.34, 4_484_123.0].map(|x| p.amount(x));
        assert_eq!(shown, ["0", "0.0123", "12.3", "4,480,000"]);
    }
}
