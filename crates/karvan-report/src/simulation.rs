//! What a simulation found: a table for the terminal, CSV, and a page with charts.

use std::fmt::Write;

use karvan_sim::corridor::published::{MeanOf, Relation, ResourceUse, Simulation};

use crate::svg::{escape, px};
use crate::text::{Lang, Text};
use crate::validation::{STYLE, columns};

/// Rows of a table on the terminal, and of a chart.
const SHOWN: usize = 15;

fn with_half(m: &MeanOf, digits: usize) -> String {
    match m.half {
        Some(h) => format!("{:.digits$} ± {h:.digits$}", m.mean),
        None => format!("{:.digits$}", m.mean),
    }
}

fn days(h: f64) -> String {
    format!("{:.1}", h / 24.0)
}

fn in_days(m: &MeanOf) -> MeanOf {
    MeanOf { mean: m.mean / 24.0, half: m.half.map(|h| h / 24.0) }
}

fn percentile(r: &Relation, share: f64) -> Option<f64> {
    r.percentiles.iter().find(|p| (p.share - share).abs() < 1e-9).and_then(|p| p.h)
}

/// Relations with consignments, those of most tonnes first.
fn largest(s: &Simulation) -> Vec<&Relation> {
    let mut all: Vec<&Relation> = s.relations.iter().filter(|r| r.arrived + r.under_way > 0).collect();
    all.sort_by(|a, b| b.tonnes_a_day.total_cmp(&a.tonnes_a_day));
    all
}

/// Resources for which some wait, the longest queues first.
fn queues(s: &Simulation) -> Vec<&ResourceUse> {
    let mut all: Vec<&ResourceUse> = s.resources.iter().filter(|r| r.waiting.mean > 0.05).collect();
    all.sort_by(|a, b| b.waiting.mean.total_cmp(&a.waiting.mean));
    all
}

/// Services that take units of the demand aboard, those of most first.
fn lines(s: &Simulation) -> Vec<&ResourceUse> {
    let mut all: Vec<&ResourceUse> = s.resources.iter().filter(|r| r.units_a_day.mean > 0.0).collect();
    all.sort_by(|a, b| b.units_a_day.mean.total_cmp(&a.units_a_day.mean));
    all
}

/// The longest of a relation's waits, h.
fn longest_wait(r: &Relation) -> Option<(&str, f64)> {
    r.activities
        .iter()
        .filter(|a| a.mean_h > 1.0 && a.activity.starts_with("waiting"))
        .map(|a| (a.activity.as_str(), a.mean_h))
        .max_by(|a, b| a.1.total_cmp(&b.1))
}

/// A relation as a row: what arrived and what did not, its times, and its longest wait in the words of `word`.
fn relation_row(r: &Relation, shares: &[f64], word: impl Fn(&str) -> String) -> Vec<String> {
    let mut row = vec![
        format!("{} – {}, {}", r.from, r.to, r.cargo),
        r.arrived.to_string(),
        r.under_way.to_string(),
        format!("{:.0}", r.tonnes_a_day),
        with_half(&in_days(&r.mean_h), 1),
    ];
    row.extend(shares.iter().map(|p| percentile(r, *p).map_or("?".into(), days)));
    row.push(longest_wait(r).map_or(String::new(), |(w, h)| format!("{} {}", word(w), days(h))));
    row
}

/// The results for reading.
pub fn simulation_table(s: &Simulation) -> String {
    let mut out = format!(
        "{} replications of {} days, counted from day {} on; {} events\n\
         under way {}; delivered {} t a day; means with 95 % intervals\n\
         (not yet: still under way at the end, counted with their time so far; ?: the run is too short to tell)\n\n",
        s.replications,
        s.days,
        s.from_day + 1,
        s.events,
        with_half(&s.under_way, 1),
        with_half(&s.tonnes_a_day, 0),
    );
    let stayed: u64 = s.relations.iter().map(|r| r.stayed).sum();
    if stayed > 0 {
        let ready = stayed + s.relations.iter().map(|r| r.arrived + r.under_way).sum::<u64>();
        out.truncate(out.len() - 1);
        let _ = write!(
            out,
            "{stayed} of {ready} consignments did not set out: the queues made every way dearer than they are worth\n\n"
        );
    }
    let rows: Vec<Vec<String>> =
        largest(s).into_iter().take(SHOWN).map(|r| relation_row(r, &[0.5, 0.9], |w| w.to_owned())).collect();
    out += &columns(
        &[
            "relation and cargo",
            "arrived",
            "not yet",
            "t a day",
            "mean, days",
            "P50",
            "P90",
            "longest wait, days",
        ],
        &rows,
        &[1, 2, 3, 4, 5, 6],
    );
    let rows: Vec<Vec<String>> = queues(s)
        .into_iter()
        .take(SHOWN)
        .map(|r| {
            vec![
                r.name.clone(),
                with_half(&r.waiting, 1),
                format!("{:.0}", r.waiting_most),
                with_half(&r.wait_h, 1),
                with_half(&r.served_a_day, 1),
                with_half(&r.busy, 2),
                r.servers.to_string(),
            ]
        })
        .collect();
    if !rows.is_empty() {
        out.push('\n');
        out += &columns(
            &["queue", "waiting", "most", "wait, h", "served a day", "at work", "of"],
            &rows,
            &[1, 2, 3, 4, 5, 6],
        );
    }
    let rows: Vec<Vec<String>> = lines(s)
        .into_iter()
        .take(SHOWN)
        .map(|r| vec![r.name.clone(), with_half(&r.units_a_day, 1), r.servers.to_string()])
        .collect();
    if !rows.is_empty() {
        out.push('\n');
        out += &columns(&["went aboard at", "units a day", "units a departure"], &rows, &[1, 2]);
    }
    let rows: Vec<Vec<String>> = s
        .bottlenecks
        .iter()
        .map(|b| {
            vec![
                b.capacity.clone(),
                b.one_more.clone(),
                with_half(&b.tonnes_a_day, 1),
                with_half(&b.under_way, 2),
            ]
        })
        .collect();
    if !rows.is_empty() {
        out.push('\n');
        out += &columns(&["one more of", "unit", "t a day more", "under way more"], &rows, &[2, 3]);
    }
    out
}

/// Relations as CSV.
///
/// # Errors
/// Never in practice: memory takes all that is written.
pub fn simulation_csv(s: &Simulation) -> Result<String, csv::Error> {
    let mut w = csv::Writer::from_writer(Vec::new());
    let mut header: Vec<String> =
        ["from", "to", "cargo", "arrived", "under_way", "stayed", "t_a_day", "mean_h", "mean_half_h", "sd_h"]
            .map(str::to_owned)
            .to_vec();
    if let Some(r) = s.relations.first() {
        header.extend(r.percentiles.iter().map(|p| format!("p{:02.0}_h", p.share * 100.0)));
        header.extend(r.activities.iter().map(|a| format!("{}_h", a.activity.replace(' ', "_"))));
    }
    w.write_record(&header)?;
    for r in &s.relations {
        let number = |v: f64| format!("{v:.3}");
        let maybe = |v: Option<f64>| v.map_or(String::new(), number);
        let mut row = vec![r.from.clone(), r.to.clone(), r.cargo.clone()];
        row.extend([r.arrived.to_string(), r.under_way.to_string(), r.stayed.to_string()]);
        row.extend([number(r.tonnes_a_day), number(r.mean_h.mean), maybe(r.mean_h.half), number(r.sd_h)]);
        row.extend(r.percentiles.iter().map(|p| maybe(p.h)));
        row.extend(r.activities.iter().map(|a| number(a.mean_h)));
        w.write_record(&row)?;
    }
    let bytes = w.into_inner().map_err(|e| e.into_error())?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

const WIDTH: f64 = 1040.0;
const LABEL: f64 = 330.0;
const ROW: f64 = 24.0;

/// A round number of at least an eighth of a length, to mark an axis with.
fn tick(length: f64) -> f64 {
    let least = (length / 8.0).max(1e-9);
    let power = 10f64.powf(least.log10().floor());
    [1.0, 2.0, 5.0, 10.0].into_iter().map(|k| k * power).find(|t| *t >= least).unwrap_or(least)
}

fn open(out: &mut String, height: f64, label: &str) {
    let _ = write!(
        out,
        "<svg viewBox=\"0 0 {WIDTH} {}\" role=\"img\" aria-label=\"{}\">",
        px(height),
        escape(label)
    );
}

/// Vertical lines with their values below.
fn grid(out: &mut String, most: f64, x: impl Fn(f64) -> f64, bottom: f64, shown: impl Fn(f64) -> String) {
    let step = tick(most);
    let mut v = 0.0;
    while v <= most + 1e-9 {
        let at = px(x(v));
        let _ = write!(
            out,
            "<path class=\"grid\" d=\"M{at} 4V{}\"/><text x=\"{at}\" y=\"{}\" class=\"mid\">{}</text>",
            px(bottom),
            px(bottom + 16.0),
            escape(&shown(v))
        );
        v += step;
    }
}

fn label(out: &mut String, y: f64, text: &str) {
    let _ =
        write!(out, "<text x=\"{}\" y=\"{}\" class=\"end\">{}</text>", px(LABEL - 8.0), px(y), escape(text));
}

fn relation_name(r: &Relation) -> String {
    let name = format!("{} – {}, {}", r.from, r.to, r.cargo);
    if name.chars().count() > 52 { name.chars().take(51).chain(['…']).collect() } else { name }
}

/// Percentiles of the time of each relation: a line from P10 to P90, a dot at P50.
fn times(rows: &[&Relation], text: &Text, out: &mut String) {
    let most =
        rows.iter().filter_map(|r| percentile(r, 0.9).or(percentile(r, 0.5))).fold(24.0, f64::max) / 24.0;
    let x = |d: f64| LABEL + d / most * (WIDTH - LABEL - 40.0);
    let height = rows.len() as f64 * ROW + 30.0;
    open(out, height, text.get("simulation.times"));
    grid(out, most, x, height - 24.0, |v| format!("{v:.0}"));
    for (i, r) in rows.iter().enumerate() {
        let y = 16.0 + i as f64 * ROW;
        label(out, y, &relation_name(r));
        let at = |share: f64| percentile(r, share).map(|h| x(h / 24.0));
        if let Some(a) = at(0.1) {
            let z = at(0.9).unwrap_or(WIDTH - 20.0);
            let _ = write!(out, "<path class=\"whisker\" d=\"M{} {y}H{}\"/>", px(a), px(z), y = px(y));
        }
        if let Some(m) = at(0.5) {
            let shown = |s: f64| percentile(r, s).map_or("?".into(), days);
            let tip = format!("{}: {} / {} / {}", relation_name(r), shown(0.1), shown(0.5), shown(0.9));
            let _ = write!(
                out,
                "<g class=\"real\"><circle cx=\"{}\" cy=\"{}\" r=\"4\"><title>{}</title></circle></g>",
                px(m),
                px(y),
                escape(&tip)
            );
        }
    }
    out.push_str("</svg>");
}

/// Colours of activities, in their order: motion, work, procedures, then waits.
const COLOURS: [&str; 10] = [
    "#0b6e8f", "#5aa7bf", "#8c6bb1", "#b15928", "#e31a1c", "#fb9a99", "#ff7f00", "#fdbf6f", "#b2182b",
    "#33a02c",
];

/// Hours of each relation by activity, as one bar.
fn activities(rows: &[&Relation], text: &Text, out: &mut String) {
    let total = |r: &Relation| r.activities.iter().map(|a| a.mean_h).sum::<f64>() / 24.0;
    let most = rows.iter().map(|r| total(r)).fold(1.0, f64::max);
    let x = |d: f64| LABEL + d / most * (WIDTH - LABEL - 40.0);
    let height = rows.len() as f64 * ROW + 30.0;
    open(out, height, text.get("simulation.activities"));
    grid(out, most, x, height - 24.0, |v| format!("{v:.0}"));
    for (i, r) in rows.iter().enumerate() {
        let y = 6.0 + i as f64 * ROW;
        label(out, y + 9.0, &relation_name(r));
        let mut from = 0.0;
        for (k, a) in r.activities.iter().enumerate() {
            let d = a.mean_h / 24.0;
            if d <= 0.0 {
                continue;
            }
            let _ = write!(
                out,
                "<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"16\" fill=\"{}\"><title>{}: {}</title></rect>",
                px(x(from)),
                px(y),
                px(x(from + d) - x(from)),
                COLOURS[k % COLOURS.len()],
                escape(&text.word("activity", &a.activity)),
                days(a.mean_h)
            );
            from += d;
        }
    }
    out.push_str("</svg><p class=\"key\">");
    for (k, a) in rows.first().map_or(&[][..], |r| &r.activities).iter().enumerate() {
        let _ = write!(
            out,
            "<span><i style=\"background:{}\"></i>{}</span> ",
            COLOURS[k % COLOURS.len()],
            escape(&text.word("activity", &a.activity))
        );
    }
    out.push_str("</p>");
}

/// A queue by day, the days that count after the mark.
fn queue(r: &ResourceUse, from_day: u32, text: &Text, out: &mut String) {
    let (w, h, left) = (480.0, 150.0, 44.0);
    let most = r.waiting_by_day.iter().copied().fold(1.0f32, f32::max);
    let n = r.waiting_by_day.len().max(2) as f64 - 1.0;
    let x = |d: f64| left + d / n * (w - left - 8.0);
    let y = |v: f32| 12.0 + f64::from(1.0 - v / most) * (h - 40.0);
    let _ = write!(
        out,
        "<figure><figcaption>{}</figcaption><svg viewBox=\"0 0 {w} {h}\" role=\"img\" aria-label=\"{}\">",
        escape(&r.name),
        escape(text.get("simulation.queues"))
    );
    for v in [0.0, most / 2.0, most] {
        let _ = write!(
            out,
            "<path class=\"grid\" d=\"M{left} {y}H{}\"/><text x=\"{}\" y=\"{y}\" class=\"end\">{v:.0}</text>",
            px(w - 8.0),
            px(left - 6.0),
            y = px(y(v))
        );
    }
    let _ = write!(out, "<path class=\"same\" d=\"M{} 8V{}\"/>", px(x(f64::from(from_day))), px(h - 24.0));
    out.push_str("<g class=\"real\"><path fill=\"none\" d=\"");
    crate::svg::path(r.waiting_by_day.iter().enumerate().map(|(d, v)| (x(d as f64), y(*v))), false, out);
    let _ = write!(
        out,
        "\"/></g><text x=\"{}\" y=\"{}\" class=\"mid\">{}</text></svg></figure>",
        px((w + left) / 2.0),
        px(h - 6.0),
        escape(text.get("simulation.day"))
    );
}

fn table(out: &mut String, header: &[&str], rows: Vec<Vec<String>>, text: &Text) {
    out.push_str("<table><thead><tr>");
    for k in header {
        let _ = write!(out, "<th>{}</th>", escape(text.get(&format!("simulation.{k}"))));
    }
    out.push_str("</tr></thead><tbody>");
    for r in rows {
        out.push_str("<tr>");
        for c in r {
            let _ = write!(out, "<td>{}</td>", escape(&c));
        }
        out.push_str("</tr>");
    }
    out.push_str("</tbody></table>");
}

/// The page: times by relation, what they are made of, queues by day, what carries how much, and bottlenecks.
pub fn simulation_html(s: &Simulation, lang: Lang) -> String {
    let text = lang.text();
    let word = |key: &str| escape(text.get(&format!("simulation.{key}")));
    let code = if text.russian { "ru" } else { "en" };
    let mut out = String::new();
    let scenario = s.about.scenario.as_deref().map(|t| format!(" · {}", escape(t))).unwrap_or_default();
    let _ = write!(
        out,
        "<!doctype html><html lang=\"{code}\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\"><title>{t}</title><style>{STYLE}\
         .key span{{margin-right:12px;white-space:nowrap}}.key i{{display:inline-block;width:11px;height:11px;margin-right:4px}}</style></head><body><main><h1>{t}</h1><p>{} – {}{scenario}</p><p>{}</p>",
        s.about.from_date,
        s.about.to_date,
        escape(&text.fill(
            "simulation.lead",
            &[
                ("n", &s.replications.to_string()),
                ("days", &s.days.to_string()),
                ("from", &(s.from_day + 1).to_string()),
                ("under_way", &with_half(&s.under_way, 1)),
                ("tonnes", &with_half(&s.tonnes_a_day, 0)),
            ],
        )),
        t = word("title"),
    );
    let rows: Vec<&Relation> = largest(s);
    let first: Vec<&Relation> = rows.iter().copied().take(SHOWN).collect();
    let _ = write!(out, "<h2>{}</h2><p>{}</p>", word("times"), word("times_note"));
    times(&first, text, &mut out);
    let _ = write!(out, "<h2>{}</h2><p>{}</p>", word("activities"), word("activities_note"));
    activities(&first, text, &mut out);
    let waiting = queues(s);
    if !waiting.is_empty() {
        let _ =
            write!(out, "<h2>{}</h2><p>{}</p><div class=\"charts\">", word("queues"), word("queues_note"));
        for r in waiting.iter().take(8) {
            queue(r, s.from_day, text, &mut out);
        }
        out.push_str("</div>");
    }
    if !s.bottlenecks.is_empty() {
        let _ = write!(out, "<h2>{}</h2><p>{}</p>", word("bottlenecks"), word("bottlenecks_note"));
        let rows = s.bottlenecks.iter().map(|b| {
            let (capacity, unit) = (b.capacity.clone(), b.one_more.clone());
            vec![capacity, unit, with_half(&b.tonnes_a_day, 1), with_half(&b.under_way, 2)]
        });
        table(&mut out, &["capacity", "unit", "more_tonnes", "more_under_way"], rows.collect(), text);
    }
    let _ = write!(out, "<h2>{}</h2>", word("relations"));
    let table_rows = rows.iter().map(|r| {
        let mut row = relation_row(r, &[0.1, 0.5, 0.9], |w| text.word("activity", w));
        row.insert(3, r.stayed.to_string());
        row
    });
    let header =
        ["relation", "arrived", "not_yet", "stayed", "tonnes_a_day", "mean", "p10", "p50", "p90", "longest"];
    table(&mut out, &header, table_rows.collect(), text);
    let _ = write!(out, "<h2>{}</h2>", word("resources"));
    let used = s
        .resources
        .iter()
        .filter(|r| r.waiting.mean > 0.0005 || r.busy.mean > 0.0005 || r.units_a_day.mean > 0.0);
    let rows = used.map(|r| {
        vec![
            r.name.clone(),
            with_half(&r.waiting, 1),
            format!("{:.0}", r.waiting_most),
            with_half(&r.wait_h, 1),
            with_half(&r.served_a_day, 1),
            with_half(&r.busy, 2),
            r.servers.to_string(),
            if r.units_a_day.mean > 0.0 { with_half(&r.units_a_day, 1) } else { String::new() },
        ]
    });
    let header = ["resource", "waiting", "most", "wait", "served", "busy", "servers", "units"];
    table(&mut out, &header, rows.collect(), text);
    let _ = writeln!(
        out,
        "<footer>Karvan {} · {} · {} {} · {}</footer></main></body></html>",
        escape(&s.about.version),
        escape(&s.about.model),
        word("seed"),
        s.about.seed,
        escape(&s.about.model_hash.chars().take(16).collect::<String>()),
    );
    out
}
