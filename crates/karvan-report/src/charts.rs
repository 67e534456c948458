//! Charts of the options as SVG: timeline, cost and emissions stacked by leg, percentiles of the duration.

use std::fmt::Write;

use jiff::{SignedDuration, Zoned};
use karvan_plan::answer::{Answer, Itinerary, Leg, LegKind};
use karvan_units::Estimate;

use crate::html::option_label;
use crate::machine::kind_word;
use crate::map::{fitting, leg_words, mode_class, stop_name, tone};
use crate::num::{self, Style};
use crate::svg::{em_width, escape, px, step};
use crate::text::Text;

const WIDTH: f64 = 1040.0;
const LEFT: f64 = 34.0;
const RIGHT: f64 = 26.0;
/// From this on, time is shown in days, h.
const DAYS_FROM_H: f64 = 72.0;

/// What a leg counts as in legends: its class in the style sheet.
pub(crate) fn leg_class(leg: &Leg) -> &'static str {
    match leg.kind {
        LegKind::Haul => mode_class(leg.mode.as_deref().unwrap_or("other")),
        other => kind_word(other),
    }
}

/// The classes of legs that occur, with their names, in the order in which they first do.
pub(crate) fn leg_classes(answer: &Answer, text: &Text) -> Vec<(&'static str, String)> {
    let mut all: Vec<(&'static str, String)> = Vec::new();
    for leg in answer.options.iter().flat_map(|o| &o.legs) {
        let class = leg_class(leg);
        if all.iter().all(|(c, _)| *c != class) {
            let name = match leg.kind {
                LegKind::Haul => text.word("mode", leg.mode.as_deref().unwrap_or("other")),
                other => text.word("kind", kind_word(other)),
            };
            all.push((class, name));
        }
    }
    all
}

/// Hours or days, as the longest thing shown wants it.
struct TimeAxis {
    per_unit: f64,
    days: bool,
    from: f64,
    till: f64,
    step: f64,
}

impl TimeAxis {
    /// An axis for hours `from` to `till`.
    fn new(from: f64, till: f64) -> Self {
        let days = till >= DAYS_FROM_H;
        let per_unit = if days { 24.0 } else { 1.0 };
        let (from, till) = (from / per_unit, till.max(1.0) / per_unit);
        let steps: &[f64] =
            if days { &[0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0] } else { &[1.0, 2.0, 3.0, 6.0, 12.0] };
        let step = steps
            .iter()
            .copied()
            .find(|s| (till - from) / s <= 12.0)
            .unwrap_or_else(|| step(till - from, 10.0));
        Self { per_unit, days, from: (from / step).floor() * step, till, step }
    }
    fn x(&self, hours: f64) -> f64 {
        let share = (hours / self.per_unit - self.from) / (self.till - self.from).max(1e-9);
        LEFT + share.clamp(0.0, 1.0) * (WIDTH - LEFT - RIGHT)
    }
    fn ticks(&self) -> Vec<f64> {
        let n = (((self.till - self.from) / self.step) + 1e-6).floor().max(0.0) as usize;
        (0..=n.min(60)).map(|i| self.from + i as f64 * self.step).collect()
    }
}

fn open(out: &mut String, id: &str, height: f64, title: &str, desc: &str) {
    let _ = write!(
        out,
        r#"<svg class="chart" viewBox="0 0 {WIDTH} {}" role="img" aria-labelledby="{id}-t {id}-d"><title id="{id}-t">{}</title><desc id="{id}-d">{}</desc>"#,
        px(height),
        escape(title),
        escape(desc)
    );
}

/// Number and name of an option above its bar.
fn row_label(out: &mut String, i: usize, option: &Itinerary, y: f64, text: &Text) {
    badge(out, i, option.rank, 13.0, y - 4.5);
    let _ = write!(
        out,
        r#"<text class="row-label" x="{LEFT}" y="{}">{}</text>"#,
        px(y),
        escape(&fitting(&option_label(option, text), (WIDTH - LEFT - RIGHT) / 13.6))
    );
}

fn badge(out: &mut String, i: usize, rank: u32, x: f64, y: f64) {
    let _ = write!(
        out,
        r#"<g class="badge o{}"><circle cx="{x}" cy="{cy}" r="9"/><text x="{x}" y="{ty}">{rank}</text></g>"#,
        tone(i),
        x = px(x),
        cy = px(y),
        ty = px(y + 4.0),
    );
}

/// A range with end ticks, and a dot where its middle is known.
fn whisker(out: &mut String, low: f64, middle: Option<f64>, high: f64, y: f64, class: &str) {
    let (a, b) = (px(low), px(high));
    let (up, down) = (px(y - 4.0), px(y + 4.0));
    let _ = write!(out, r#"<path class="{class}" d="M{a} {up}V{down}M{a} {0}H{b}M{b} {up}V{down}"/>"#, px(y));
    if let Some(m) = middle {
        let _ = write!(out, r#"<circle class="{class} dot" cx="{}" cy="{}" r="3.6"/>"#, px(m), px(y));
    }
}

/// A leg's part of a bar, with a hair of paper after it.
fn segment(out: &mut String, leg: &Leg, x: f64, width: f64, y: f64, tip: &str) {
    let _ = write!(
        out,
        r#"<rect class="k-{}" x="{}" y="{}" width="{}" height="22"><title>{}</title></rect>"#,
        leg_class(leg),
        px(x),
        px(y),
        px((width - 1.0).max(0.6)),
        escape(tip)
    );
}

/// The number of a leg in its part of a bar, where there is room.
fn number(out: &mut String, leg: &Leg, i: usize, x: f64, width: f64, y: f64) {
    if width > 13.0 {
        let _ = write!(
            out,
            r#"<text class="seg n-{}" x="{}" y="{}">{}</text>"#,
            leg_class(leg),
            px(x + (width - 1.0) / 2.0),
            px(y + 15.0),
            i + 1
        );
    }
}

/// Legs of each option over time, waiting hatched, with the range of the arrival.
pub(crate) fn timeline(answer: &Answer, text: &Text) -> String {
    const ROW: f64 = 62.0;
    let deadline = deadline_h(answer);
    // Room for the name of the deadline above the bars.
    let top = if deadline.is_some() { 26.0 } else { 10.0 };
    let longest = answer
        .options
        .iter()
        .flat_map(|o| [o.p90_h.get(), o.legs.last().map_or(0.0, |l| l.end_h.get())])
        .chain(deadline.filter(|d| *d > 0.0))
        .fold(1.0, f64::max);
    let axis = TimeAxis::new(0.0, longest * 1.02);
    let rows = top + ROW * answer.options.len() as f64;
    let height = rows + 52.0;
    let mut out = String::new();
    open(&mut out, "timeline", height, text.get("timeline.title"), text.get("timeline.desc"));
    // Named by its place so that no other chart's pattern is meant.
    out.push_str(r#"<defs><pattern id="waiting" width="5" height="5" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><rect class="hatch-paper" width="5" height="5"/><rect class="hatch-ink" width="2" height="5"/></pattern></defs>"#);
    time_grid(&mut out, &axis, top, rows, Some(&answer.question.depart), text);
    for (i, o) in answer.options.iter().enumerate() {
        let y = top + ROW * i as f64 + 14.0;
        let _ = write!(out, r#"<g data-rank="{}">"#, o.rank);
        row_label(&mut out, i, o, y, text);
        let bar = y + 7.0;
        for (n, leg) in o.legs.iter().enumerate() {
            let (a, b) = (axis.x(leg.start_h.get()), axis.x(leg.end_h.get()));
            let lasts = leg.end_h.get() - leg.start_h.get();
            let mut tip = format!("{}. {}: {}", n + 1, leg_words(leg, text), num::duration(text, lasts));
            let waits = leg.waiting_h.get().clamp(0.0, lasts.max(0.0));
            if waits > 0.0 {
                let _ = write!(
                    tip,
                    "; {} {}",
                    text.get("timeline.waiting").to_lowercase(),
                    num::duration(text, waits)
                );
            }
            segment(&mut out, leg, a, b - a, bar, &tip);
            let hatched = axis.x(leg.start_h.get() + waits) - a;
            if hatched > 0.8 {
                let _ = write!(
                    out,
                    r#"<rect class="hatch" x="{}" y="{}" width="{}" height="22"/>"#,
                    px(a),
                    px(bar),
                    px(hatched.min(b - a - 1.0).max(0.6))
                );
            }
            number(&mut out, leg, n, a, b - a, bar);
        }
        let class = format!("whisker o{}", tone(i));
        whisker(
            &mut out,
            axis.x(o.p10_h.get()),
            Some(axis.x(o.p50_h.get())),
            axis.x(o.p90_h.get()),
            bar + 30.0,
            &class,
        );
        out.push_str("</g>");
    }
    deadline_line(&mut out, deadline, &axis, (top - 4.0, rows), top - 10.0, text);
    let title = if axis.days { "timeline.axis" } else { "timeline.axis_h" };
    let title = text.fill(title, &[("place", &stop_name(&answer.question.from, text))]);
    axis_title(&mut out, &title, height - 6.0);
    out.push_str("</svg>");
    out
}

fn deadline_h(answer: &Answer) -> Option<f64> {
    let q = &answer.question;
    let by = q.arrive_by.as_ref()?;
    Some(by.timestamp().duration_since(q.depart.timestamp()).as_secs_f64() / 3600.0)
}

fn deadline_line(
    out: &mut String,
    deadline: Option<f64>,
    axis: &TimeAxis,
    (top, bottom): (f64, f64),
    label_y: f64,
    text: &Text,
) {
    let Some(h) = deadline.filter(|h| {
        let u = *h / axis.per_unit;
        u >= axis.from && u <= axis.till
    }) else {
        return;
    };
    let x = axis.x(h);
    let label = text.get("timeline.deadline");
    let near_edge = x + em_width(label) * 11.0 + 8.0 > WIDTH;
    let (tx, anchor) = if near_edge { (x - 5.0, "end") } else { (x + 5.0, "start") };
    let _ = write!(
        out,
        r#"<path class="deadline" d="M{0} {1}V{2}"/><text class="deadline-label" x="{3}" y="{4}" text-anchor="{anchor}">{5}</text>"#,
        px(x),
        px(top - 4.0),
        px(bottom),
        px(tx),
        px(label_y),
        escape(label)
    );
}

fn time_grid(out: &mut String, axis: &TimeAxis, top: f64, bottom: f64, depart: Option<&Zoned>, text: &Text) {
    let style = Style::of(text);
    let mut d = String::new();
    let mut labels = String::new();
    for t in axis.ticks() {
        let x = px(axis.x(t * axis.per_unit));
        let _ = write!(d, "M{x} {}V{}", px(top), px(bottom + 4.0));
        let _ = write!(
            labels,
            r#"<text class="tick" x="{x}" y="{}">{}</text>"#,
            px(bottom + 16.0),
            style.short(t, 1)
        );
        if let Some(depart) = depart {
            let at = depart.checked_add(SignedDuration::from_secs((t * axis.per_unit * 3600.0) as i64));
            if let Ok(at) = at {
                let words = if axis.days && at.hour() == depart.hour() && t.fract() == 0.0 {
                    num::day_month(text, at.date())
                } else if axis.days {
                    String::new()
                } else {
                    num::short_moment(text, &at)
                };
                // Hours and dates do not stand side by side in a narrow step.
                let room = axis.x((t + axis.step) * axis.per_unit) - axis.x(t * axis.per_unit);
                if em_width(&words) * 11.0 < room.max(40.0) {
                    let _ = write!(
                        labels,
                        r#"<text class="tick date" x="{x}" y="{}">{}</text>"#,
                        px(bottom + 30.0),
                        escape(&words)
                    );
                }
            }
        }
    }
    let _ = write!(out, r#"<path class="grid" d="{d}"/>{labels}"#);
}

fn axis_title(out: &mut String, title: &str, y: f64) {
    let _ = write!(
        out,
        r#"<text class="axis-title" x="{}" y="{}" text-anchor="end">{}</text>"#,
        px(WIDTH - RIGHT),
        px(y),
        escape(title)
    );
}

/// One bar an option, a segment a leg.
struct Stacked<'a> {
    id: &'a str,
    title: &'a str,
    desc: &'a str,
    axis: String,
    /// What the axis counts in, of the value's own unit.
    per_unit: f64,
    value: fn(&Leg) -> f64,
    print: &'a dyn Fn(f64) -> String,
    total: &'a dyn Fn(&Itinerary) -> String,
    end: fn(&Itinerary) -> Option<Estimate>,
}

impl Stacked<'_> {
    fn draw(&self, answer: &Answer, text: &Text) -> String {
        const TOP: f64 = 10.0;
        let ranged = answer.options.iter().any(|o| (self.end)(o).is_some());
        let row = if ranged { 62.0 } else { 48.0 };
        let sum = |o: &Itinerary| o.legs.iter().map(self.value).filter(|v| *v > 0.0).sum::<f64>();
        let top = answer
            .options
            .iter()
            .flat_map(|o| [sum(o), (self.end)(o).map_or(0.0, |e| e.high)])
            .filter(|v| v.is_finite())
            .fold(0.0, f64::max);
        // Room on the right for the totals in figures.
        let x = |v: f64| {
            LEFT + if top > 0.0 { v.clamp(0.0, top) / top } else { 0.0 } * (WIDTH - LEFT - RIGHT - 74.0)
        };
        let rows = TOP + row * answer.options.len() as f64;
        let height = rows + 38.0;
        let mut out = String::new();
        open(&mut out, self.id, height, self.title, self.desc);
        let stride = step(top / self.per_unit, 8.0);
        let mut d = String::new();
        let mut labels = String::new();
        let style = Style::of(text);
        for i in 0..=40 {
            let v = f64::from(i) * stride;
            if v * self.per_unit > top * 1.000_001 {
                break;
            }
            let at = px(x(v * self.per_unit));
            let _ = write!(d, "M{at} {}V{}", px(TOP), px(rows + 4.0));
            let _ = write!(
                labels,
                r#"<text class="tick" x="{at}" y="{}">{}</text>"#,
                px(rows + 16.0),
                style.short(v, 3)
            );
        }
        let _ = write!(out, r#"<path class="grid" d="{d}"/>{labels}"#);
        for (i, o) in answer.options.iter().enumerate() {
            let y = TOP + row * i as f64 + 14.0;
            let bar = y + 7.0;
            let _ = write!(out, r#"<g data-rank="{}">"#, o.rank);
            row_label(&mut out, i, o, y, text);
            let mut at = 0.0;
            for (n, leg) in o.legs.iter().enumerate() {
                let v = (self.value)(leg);
                if v > 0.0 {
                    let tip = format!("{}. {}: {}", n + 1, leg_words(leg, text), (self.print)(v));
                    let width = x(at + v) - x(at);
                    segment(&mut out, leg, x(at), width, bar, &tip);
                    number(&mut out, leg, n, x(at), width, bar);
                    at += v;
                }
            }
            let _ = write!(
                out,
                r#"<text class="total" x="{}" y="{}">{}</text>"#,
                px(x(at) + 6.0),
                px(bar + 15.5),
                escape(&(self.total)(o))
            );
            if let Some(e) = (self.end)(o).filter(|e| e.high > e.low) {
                whisker(
                    &mut out,
                    x(e.low),
                    Some(x(e.best)),
                    x(e.high),
                    bar + 30.0,
                    &format!("whisker o{}", tone(i)),
                );
            }
            out.push_str("</g>");
        }
        axis_title(&mut out, &self.axis, height - 6.0);
        out.push_str("</svg>");
        out
    }
}

/// Cost of each option, stacked by leg, with the range of the total.
pub(crate) fn cost(answer: &Answer, text: &Text) -> String {
    let style = Style::of(text);
    let top = answer.options.iter().map(|o| o.cost_usd.high).fold(0.0, f64::max);
    let thousands = top >= 20_000.0;
    Stacked {
        id: "cost",
        title: text.get("cost.title"),
        desc: text.get("cost.desc"),
        axis: text.get(if thousands { "cost.axis_k" } else { "cost.axis" }).to_owned(),
        per_unit: if thousands { 1000.0 } else { 1.0 },
        value: |l| l.prices.iter().map(|p| p.usd.best).sum(),
        print: &|v| format!("{} {}", style.money(v), text.get("unit.usd")),
        total: &|o| style.money(o.cost_usd.best),
        end: |o| Some(o.cost_usd),
    }
    .draw(answer, text)
}

/// Emissions of each option, stacked by leg.
pub(crate) fn co2e(answer: &Answer, text: &Text) -> String {
    let style = Style::of(text);
    Stacked {
        id: "co2e",
        title: text.get("co2e.title"),
        desc: text.get("co2e.desc"),
        axis: text.get("co2e.axis").to_owned(),
        per_unit: 1000.0,
        value: |l| l.co2e_kg.get(),
        print: &|v| format!("{} {}", style.tonnes_of_kg(v), text.get("unit.t")),
        total: &|o| style.tonnes_of_kg(o.co2e_kg.get()),
        end: |_| None,
    }
    .draw(answer, text)
}

/// Share of draws that have arrived by a time, for each option.
pub(crate) fn percentiles(answer: &Answer, text: &Text) -> String {
    const TOP: f64 = 34.0;
    const BOTTOM: f64 = 300.0;
    let all =
        || answer.options.iter().flat_map(|o| o.percentiles.iter().map(|p| p.1)).filter(|h| h.is_finite());
    let deadline = deadline_h(answer);
    let least = all().chain(answer.options.iter().map(|o| o.p10_h.get())).fold(f64::INFINITY, f64::min);
    let most = all().chain(answer.options.iter().map(|o| o.p90_h.get())).chain(deadline).fold(1.0, f64::max);
    let least = if least.is_finite() { least.clamp(0.0, most) } else { 0.0 };
    let axis = TimeAxis::new(least - (most - least) * 0.04, most + (most - least) * 0.03);
    let y = |percent: f64| BOTTOM - percent.clamp(0.0, 100.0) / 100.0 * (BOTTOM - TOP);
    let mut out = String::new();
    open(&mut out, "percentiles", BOTTOM + 38.0, text.get("percentiles.title"), text.get("percentiles.desc"));
    time_grid(&mut out, &axis, TOP, BOTTOM, None, text);
    let mut d = String::new();
    for p in [0.0, 10.0, 25.0, 50.0, 75.0, 90.0, 100.0] {
        let _ = write!(d, "M{} {1}H{2}", px(LEFT), px(y(p)), px(WIDTH - RIGHT));
        let _ = write!(
            out,
            r#"<text class="tick" style="text-anchor:end" x="{}" y="{}">{p}</text>"#,
            px(LEFT - 6.0),
            px(y(p) + 4.0)
        );
    }
    let _ = write!(
        out,
        r#"<path class="grid" d="{d}"/><text class="axis-title" x="4" y="{}">{}</text>"#,
        px(TOP - 22.0),
        escape(text.get("percentiles.share"))
    );
    let mut ends: Vec<(f64, usize)> = Vec::new();
    for (i, o) in answer.options.iter().enumerate().rev() {
        let _ = write!(out, r#"<g class="curve o{}" data-rank="{}">"#, tone(i), o.rank);
        let mut points: Vec<(f64, f64)> =
            o.percentiles.iter().filter(|p| p.1.is_finite()).map(|p| (p.0, p.1)).collect();
        points.sort_by(|a, b| a.0.total_cmp(&b.0));
        let mut d = String::new();
        for (n, (p, h)) in points.iter().enumerate() {
            let _ = write!(d, "{}{} {}", if n == 0 { "M" } else { "L" }, px(axis.x(*h)), px(y(*p)));
        }
        let _ = write!(out, r#"<path d="{d}"/>"#);
        for (p, h) in [(10.0, o.p10_h), (50.0, o.p50_h), (90.0, o.p90_h)] {
            let _ = write!(
                out,
                r#"<circle cx="{}" cy="{}" r="4.2"><title>{}</title></circle>"#,
                px(axis.x(h.get())),
                px(y(p)),
                escape(&format!("{}: P{p} {}", option_label(o, text), num::duration(text, h.get())))
            );
        }
        out.push_str("</g>");
        ends.push((axis.x(points.last().map_or(o.p90_h.get(), |p| p.1)), i));
    }
    // Numbers above the ends of the curves, pushed apart.
    ends.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    let mut free = LEFT;
    let count = ends.len();
    for (n, (x, i)) in ends.into_iter().enumerate() {
        let last = WIDTH - 10.0 - 20.0 * (count - 1 - n) as f64;
        let at = x.max(free).min(last);
        free = at + 20.0;
        let _ = write!(out, r#"<g data-rank="{}">"#, answer.options[i].rank);
        badge(&mut out, i, answer.options[i].rank, at, TOP - 12.0);
        out.push_str("</g>");
    }
    // Low down, where no curve runs that late.
    deadline_line(&mut out, deadline, &axis, (TOP, BOTTOM), BOTTOM - 8.0, text);
    axis_title(
        &mut out,
        text.get(if axis.days { "percentiles.axis" } else { "percentiles.axis_h" }),
        BOTTOM + 32.0,
    );
    out.push_str("</svg>");
    out
}
