//! How a model did on observations: a table for the terminal, CSV, and a page with charts.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use karvan_observe::{Class, Group, Planned, Report, RivalScore, Scored, Share, happened};

use crate::svg::{escape, px};
use crate::text::{Lang, Text};

/// Rows shown as the worst of each class.
const WORST: usize = 8;

fn pct(x: f64) -> String {
    format!("{x:.0}")
}

/// Three digits.
fn amount(x: f64) -> String {
    let a = x.abs();
    if a >= 100.0 || a == 0.0 {
        format!("{x:.0}")
    } else if a >= 10.0 {
        format!("{x:.1}")
    } else {
        format!("{x:.2}")
    }
}

fn share(s: &Share) -> String {
    format!("{:.0} ({:.0}–{:.0})", 100.0 * s.share, 100.0 * s.low, 100.0 * s.high)
}

/// Key of the words for a class.
fn class_key(c: Class) -> &'static str {
    match c {
        Class::Times => "all_times",
        Class::Volumes => "all_volumes",
        Class::Costs => "all_costs",
    }
}

fn class(g: &Group) -> &'static str {
    if g.happened { "happened" } else { "said" }
}

fn name(g: &Group) -> (String, String) {
    match (g.measure, g.evidence) {
        (Some(m), Some(e)) => (m.word().to_owned(), e.word().to_owned()),
        (Some(m), None) => (m.word().to_owned(), format!("all {}", class(g))),
        _ => (
            Lang::En.text().get(&format!("validation.{}", class_key(g.class))).to_owned(),
            format!("all {}", class(g)),
        ),
    }
}

/// The rows that were missed most, of what happened or of what was said: by the factor between the two.
fn worst(report: &Report, real: bool) -> Vec<&Scored> {
    let mut rows: Vec<&Scored> = report.rows.iter().filter(|r| happened(r.evidence) == real).collect();
    let miss = |r: &Scored| (r.predicted.max(1e-9) / r.observed).ln().abs();
    rows.sort_by(|a, b| miss(b).total_cmp(&miss(a)).then(a.id.cmp(&b.id)));
    rows.truncate(WORST);
    rows
}

/// Reasons of refusals, with the rows they concern.
fn refusals(report: &Report) -> Vec<(String, Vec<String>)> {
    let mut by: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for r in &report.refused {
        let what = r.measure.map(|m| m.word().to_owned()).or_else(|| r.place.clone()).unwrap_or_default();
        by.entry(&r.why).or_default().push(format!("{what} {}", r.id));
    }
    let mut v: Vec<(String, Vec<String>)> = by.into_iter().map(|(w, i)| (w.to_owned(), i)).collect();
    v.sort_by(|a, b| b.1.len().cmp(&a.1.len()).then(a.0.cmp(&b.0)));
    v
}

pub(crate) fn columns(header: &[&str], rows: &[Vec<String>], right: &[usize]) -> String {
    let width = |s: &str| unicode_width::UnicodeWidthStr::width(s);
    let mut widths: Vec<usize> = header.iter().map(|h| width(h)).collect();
    for r in rows {
        for (w, c) in widths.iter_mut().zip(r) {
            *w = (*w).max(width(c));
        }
    }
    let mut out = String::new();
    let mut line = |cells: Vec<&str>| {
        let mut text = String::new();
        for (i, c) in cells.iter().enumerate() {
            let pad = " ".repeat(widths[i].saturating_sub(width(c)));
            if right.contains(&i) {
                let _ = write!(text, "{pad}{c}  ");
            } else {
                let _ = write!(text, "{c}{pad}  ");
            }
        }
        out.push_str(text.trim_end());
        out.push('\n');
    };
    line(header.to_vec());
    for r in rows {
        line(r.iter().map(String::as_str).collect());
    }
    out
}

/// A plain estimate's error, the model's on the same rows, and how many these are.
fn beside(r: Option<&RivalScore>) -> String {
    r.map_or(String::new(), |r| format!("{} ({}), {}", pct(r.error_pct), pct(r.model_error_pct), r.n))
}

/// What a backtest has seen and what it has not, in words.
fn cut_words(report: &Report, text: &Text) -> Option<[String; 2]> {
    let c = report.cut.as_ref()?;
    let (until, as_of) = (c.fit_until.to_string(), c.as_of.clone());
    let numbers = [
        ("until", until.clone()),
        ("n", report.rows.len().to_string()),
        ("all", (report.rows.len() + report.refused.len()).to_string()),
        ("seen", c.seen.to_string()),
        ("fitted", c.fitted.to_string()),
        ("later", c.published_later.to_string()),
        ("own", c.own_page_left_out.to_string()),
        ("plans", c.plans.to_string()),
        ("as_of", as_of),
    ];
    let numbers: Vec<(&str, &str)> = numbers.iter().map(|(k, v)| (*k, v.as_str())).collect();
    Some(["cut_lead", "cut_hidden"].map(|k| text.fill(&format!("validation.{k}"), &numbers)))
}

/// The report for reading.
pub fn validation_table(report: &Report) -> String {
    let cut = cut_words(report, Lang::En.text());
    let mut out = match &cut {
        Some(lines) => format!("{}\n\n", lines.join("\n").replace(". ", ".\n")),
        None => format!(
            "{} of {} observations are predicted, {} refused; {} more are no outcomes by their own word\n\n",
            report.rows.len(),
            report.rows.len() + report.refused.len(),
            report.refused.len(),
            report.not_outcomes
        ),
    };
    let rows: Vec<Vec<String>> = report
        .groups
        .iter()
        .map(|g| {
            let (measure, evidence) = name(g);
            let crps = |c: Option<f64>| c.map_or(String::new(), amount);
            let mut cells =
                vec![measure, evidence, g.n.to_string(), pct(g.error_pct), format!("{:+.0}", g.signed_pct)];
            let shares = [share(&g.in50), share(&g.in80), share(&g.in95)];
            if cut.is_some() {
                cells.push(format!("{:.2}", g.ln_error.exp()));
                cells.extend(shares);
                cells.extend([&g.naive, &g.trend, &g.plan].map(|r| beside(r.as_ref())));
            } else {
                let n = g.naive.as_ref();
                cells.push(crps(g.crps));
                cells.extend(shares);
                cells.push(n.map_or(String::new(), |n| pct(n.error_pct)));
                cells.push(n.and_then(|n| n.crps).map_or(String::new(), amount));
            }
            cells
        })
        .collect();
    let mut header = vec!["Measure", "Evidence", "Rows", "|Error|, %", "Error, %"];
    header.extend(match cut {
        Some(_) => ["Factor", "In 50 %", "In 80 %", "In 95 %", "Naive", "Trend", "Plan"].as_slice(),
        None => &["CRPS", "In 50 %", "In 80 %", "In 95 %", "Naive |error|, %", "Naive CRPS"],
    });
    let right: Vec<usize> = (2..header.len()).collect();
    out += &columns(&header, &rows, &right);
    out += "\nErrors are medians; shares of rows inside an interval stand with their exact binomial 95 %.\n";
    if cut.is_some() {
        out += "Factor: by how much the median is off on average. Naive, trend, plan: their median |error|, %, the model's \
                on the same rows in brackets, how many these are.\n";
    }
    for g in report.groups.iter().filter(|g| g.evidence.is_none() && (cut.is_none() || g.measure.is_none())) {
        let (measure, evidence) = name(g);
        let rivals = [("the naive estimate", &g.naive), ("the trend line", &g.trend), ("the plan", &g.plan)];
        for (what, n) in rivals.into_iter().filter_map(|(w, r)| Some((w, r.as_ref()?))) {
            let _ = writeln!(
                out,
                "{measure}, {evidence}, {} rows: off by a factor of {:.2} on average, {what} by {:.2}",
                n.n,
                n.model_ln_error.exp(),
                n.ln_error.exp()
            );
        }
    }
    for (real, title) in
        [(true, "Missed most of what happened"), (false, "Missed most of what was said or planned")]
    {
        let rows: Vec<Vec<String>> = worst(report, real)
            .into_iter()
            .map(|r| {
                let mut cells = vec![
                    r.id.clone(),
                    r.measure.word().to_owned(),
                    format!("{} {}", amount(r.observed), r.unit),
                    format!("{} ({}–{})", amount(r.predicted), amount(r.p80[0]), amount(r.p80[1])),
                    r.naive.map_or(String::new(), amount),
                ];
                if cut.is_some() {
                    cells.extend([&r.trend, &r.plan].map(rival));
                }
                let mostly = r.dominated_by.as_ref().map(|(p, s)| format!("{p} {:.0} %", 100.0 * s));
                // What a count rests on is all the reason that a backtest has for it.
                cells.push(match (mostly, cut.is_some()) {
                    (Some(m), _) => m,
                    (None, true) => r.way.clone(),
                    (None, false) => String::new(),
                });
                cells.push(r.what.clone().unwrap_or_default());
                cells
            })
            .collect();
        if !rows.is_empty() {
            let _ = write!(out, "\n{title}\n");
            let mut header = vec!["Row", "Measure", "Observed", "Predicted (80 %)", "Naive"];
            header.extend(if cut.is_some() { ["Trend", "Plan"].as_slice() } else { &[] });
            header.extend(["Mostly", "What"]);
            out += &columns(&header, &rows, &[]);
        }
    }
    let planned: Vec<Vec<String>> = planned(report)
        .map(|(p, r)| {
            let predicted = r.map_or("refused".into(), |r| {
                format!("{} ({}–{})", amount(r.predicted), amount(r.p80[0]), amount(r.p80[1]))
            });
            let observed = format!("{} {}", amount(p.observed), p.unit);
            let trend = r.map_or(String::new(), |r| rival(&r.trend));
            let (of, what) = (p.plan.rests_on.join(" "), p.what.clone().unwrap_or_default());
            vec![p.id.clone(), observed, predicted, trend, amount(p.plan.value), of, what]
        })
        .collect();
    if !planned.is_empty() {
        out += "\nBeside what was planned or forecast\n";
        let header = ["Row", "Observed", "Predicted (80 %)", "Trend", "Plan", "Plan's row", "What"];
        out += &columns(&header, &planned, &[]);
    }
    let refused = refusals(report);
    if !refused.is_empty() {
        out += "\nRefused\n";
        for (why, ids) in refused {
            let shown: Vec<&str> = ids.iter().take(6).map(String::as_str).collect();
            let more = if ids.len() > 6 { format!(" and {} more", ids.len() - 6) } else { String::new() };
            let rows = if ids.len() == 1 { "row" } else { "rows" };
            let _ = writeln!(out, "- {} {rows}: {why}\n  {}{more}", ids.len(), shown.join(", "));
        }
    }
    out
}

/// What was planned or forecast, with the row where it was predicted.
fn planned(report: &Report) -> impl Iterator<Item = (&Planned, Option<&Scored>)> {
    let all = report.cut.iter().flat_map(|c| &c.planned);
    all.map(|p| (p, report.rows.iter().find(|r| r.id == p.id)))
}

/// A plain estimate's figure.
fn rival(r: &Option<karvan_observe::Rival>) -> String {
    r.as_ref().map_or(String::new(), |r| amount(r.value))
}

/// One row an observation, refused ones too; of a backtest with trend and plan.
pub fn validation_csv(report: &Report) -> String {
    let mut w = csv::Writer::from_writer(Vec::new());
    // Writing into memory cannot fail, and records are of one length.
    let backtest = report.cut.is_some();
    let mut header = vec![
        "id",
        "measure",
        "evidence",
        "statistic",
        "unit",
        "observed",
        "predicted",
        "p50_low",
        "p50_high",
        "p80_low",
        "p80_high",
        "p95_low",
        "p95_high",
        "error_pct",
        "crps",
        "naive",
        "fold",
        "way",
        "dominated_by",
        "refused",
        "source_url",
    ];
    header.extend(if backtest { ["trend", "plan"].as_slice() } else { &[] });
    let _ = w.write_record(&header);
    for r in &report.rows {
        let n = |x: f64| format!("{x:.4}");
        let mut cells = vec![
            r.id.clone(),
            r.measure.word().into(),
            r.evidence.word().into(),
            r.statistic.word().into(),
            r.unit.clone(),
            r.observed.to_string(),
            n(r.predicted),
            n(r.p50[0]),
            n(r.p50[1]),
            n(r.p80[0]),
            n(r.p80[1]),
            n(r.p95[0]),
            n(r.p95[1]),
            format!("{:.1}", r.error_pct),
            n(r.crps),
            r.naive.map_or(String::new(), n),
            r.fold.map_or(String::new(), |f| f.to_string()),
            r.way.clone(),
            r.dominated_by.as_ref().map_or(String::new(), |(p, s)| format!("{p} {:.0} %", 100.0 * s)),
            String::new(),
            r.source_url.clone(),
        ];
        if backtest {
            cells.extend([&r.trend, &r.plan].map(|x| x.as_ref().map_or(String::new(), |x| n(x.value))));
        }
        let _ = w.write_record(cells);
    }
    for r in &report.refused {
        let mut cells = vec![String::new(); header.len()];
        cells[0] = r.id.clone();
        cells[1] = r.measure.map_or(String::new(), |m| m.word().into());
        cells[19] = match &r.place {
            Some(place) => format!("{place}: {}", r.why),
            None => r.why.clone(),
        };
        let _ = w.write_record(cells);
    }
    String::from_utf8(w.into_inner().unwrap_or_default()).unwrap_or_default()
}

// ---------------------------------------------------------------------------- the page

/// A power of ten as one writes it on an axis.
fn power(p: i32) -> String {
    if (-1..=3).contains(&p) {
        return format!("{}", 10f64.powi(p));
    }
    let raised = |c: char| match c {
        '-' => '⁻',
        '1' => '¹',
        '2' => '²',
        '3' => '³',
        // The other digits stand in one row of Unicode.
        c => c.to_digit(10).and_then(|d| char::from_u32(0x2070 + d)).unwrap_or(c),
    };
    format!("10{}", p.to_string().chars().map(raised).collect::<String>())
}

const SIZE: f64 = 420.0;
const MARGIN: f64 = 46.0;

/// Observed against predicted on logarithmic axes, with the central 80 % of each prediction.
fn scatter(rows: &[&Scored], unit: &str, text: &Text, out: &mut String) {
    let all = || rows.iter().flat_map(|r| [r.observed, r.p80[0], r.p80[1]]).filter(|v| *v > 0.0);
    let low = all().fold(f64::INFINITY, f64::min).log10().floor();
    let high = all().fold(0.0f64, f64::max).max(1e-6).log10().ceil();
    if !low.is_finite() || high <= low {
        return;
    }
    let at = |v: f64| (v.max(1e-9).log10() - low) / (high - low) * (SIZE - 2.0 * MARGIN);
    let (x, y) = (|v: f64| MARGIN + at(v), |v: f64| SIZE - MARGIN - at(v));
    let _ = write!(
        out,
        "<svg viewBox=\"0 0 {SIZE} {SIZE}\" role=\"img\"><title>{}: {}</title><desc>{}</desc>",
        escape(text.get("validation.scatter")),
        escape(unit),
        escape(text.get("validation.scatter_note"))
    );
    for p in low as i32..=high as i32 {
        let v = 10f64.powi(p);
        let label = power(p);
        let _ = write!(
            out,
            "<path class=\"grid\" d=\"M{a} {b}V{c}M{b} {d}H{c}\"/><text x=\"{a}\" y=\"{e}\" class=\"mid\">{label}</text><text x=\"{f}\" y=\"{d}\" class=\"end\">{label}</text>",
            a = px(x(v)),
            b = px(MARGIN),
            c = px(SIZE - MARGIN),
            d = px(y(v)),
            e = px(SIZE - MARGIN + 16.0),
            f = px(MARGIN - 6.0),
        );
    }
    let (a, b) = (10f64.powf(low), 10f64.powf(high));
    let _ = write!(out, "<path class=\"same\" d=\"M{} {}L{} {}\"/>", px(x(a)), px(y(a)), px(x(b)), px(y(b)));
    for r in rows {
        let class = if happened(r.evidence) { "real" } else { "said" };
        let _ = write!(
            out,
            "<g class=\"{class}\"><path d=\"M{x} {y1}V{y2}\"/><circle cx=\"{x}\" cy=\"{y0}\" r=\"3.5\"/><title>{t}</title></g>",
            x = px(x(r.observed)),
            y1 = px(y(r.p80[0])),
            y2 = px(y(r.p80[1])),
            y0 = px(y(r.predicted)),
            t = escape(&format!(
                "{}: {} {} / {} ({}–{})",
                r.what.as_deref().unwrap_or(&r.id),
                amount(r.observed),
                r.unit,
                amount(r.predicted),
                amount(r.p80[0]),
                amount(r.p80[1])
            )),
        );
    }
    let _ = write!(
        out,
        "<text x=\"{}\" y=\"{}\" class=\"mid\">{}</text><text transform=\"translate(12 {}) rotate(-90)\" class=\"mid\">{}</text></svg>",
        px(SIZE / 2.0),
        px(SIZE - 8.0),
        escape(text.get("validation.observed")),
        px(SIZE / 2.0),
        escape(text.get("validation.predicted")),
    );
}

/// How many rows lie inside each interval, with the binomial interval, beside what it promises.
fn coverage(g: &Group, text: &Text, out: &mut String) {
    let (w, h) = (SIZE, 150.0);
    let x = |s: f64| MARGIN + s * (w - MARGIN - 16.0);
    let _ = write!(
        out,
        "<svg viewBox=\"0 0 {w} {h}\" role=\"img\"><title>{}</title><desc>{}</desc>",
        escape(text.get("validation.coverage")),
        escape(text.get("validation.coverage_note"))
    );
    for (i, (promised, s)) in [(0.5, &g.in50), (0.8, &g.in80), (0.95, &g.in95)].into_iter().enumerate() {
        let y = 24.0 + i as f64 * 38.0;
        let _ = write!(
            out,
            "<text x=\"{a}\" y=\"{ty}\" class=\"end\">{p:.0} %</text><rect x=\"{z}\" y=\"{ry}\" width=\"{wide}\" height=\"14\" class=\"bar\"/><path class=\"same\" d=\"M{q} {y1}V{y2}\"/><path class=\"whisker\" d=\"M{l} {y}H{u}\"/>",
            a = px(MARGIN - 8.0),
            ty = px(y + 4.0),
            p = promised * 100.0,
            z = px(x(0.0)),
            ry = px(y - 7.0),
            wide = px(x(s.share) - x(0.0)),
            q = px(x(promised)),
            y1 = px(y - 14.0),
            y2 = px(y + 14.0),
            l = px(x(s.low)),
            u = px(x(s.high)),
            y = px(y),
        );
    }
    for t in 0..=4 {
        let s = f64::from(t) / 4.0;
        let _ = write!(
            out,
            "<text x=\"{}\" y=\"{}\" class=\"mid\">{:.0} %</text>",
            px(x(s)),
            px(h - 6.0),
            s * 100.0
        );
    }
    out.push_str("</svg>");
}

/// The page: charts, scores, the worst rows, all rows and refusals.
pub fn validation_html(report: &Report, lang: Lang) -> String {
    let text = lang.text();
    let word = |key: &str| escape(text.get(&format!("validation.{key}")));
    let mut out = String::new();
    let code = if text.russian { "ru" } else { "en" };
    let cut = cut_words(report, text);
    let (title, lead) = match &cut {
        Some([lead, hidden]) => ("cut_title", format!("{}</p><p>{}", escape(lead), escape(hidden))),
        None => {
            let numbers = [
                ("n", &report.rows.len().to_string()),
                ("all", &(report.rows.len() + report.refused.len()).to_string()),
                ("refused", &report.refused.len().to_string()),
                ("no", &report.not_outcomes.to_string()),
            ];
            ("title", escape(&text.fill("validation.lead", &numbers.map(|(k, v)| (k, v.as_str())))))
        }
    };
    let _ = write!(
        out,
        "<!doctype html><html lang=\"{code}\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\"><title>{t}</title><style>{STYLE}</style></head><body class=\"validation\"><main><h1>{t}</h1><p>{lead}</p>",
        t = word(title),
    );
    let _ = write!(out, "<h2>{}</h2><p>{}</p><div class=\"charts\">", word("scatter"), word("scatter_note"));
    let units: BTreeSet<(Class, &str)> =
        report.rows.iter().map(|r| (Class::of(r.measure), r.unit.as_str())).collect();
    for (class, unit) in units {
        let rows: Vec<&Scored> =
            report.rows.iter().filter(|r| Class::of(r.measure) == class && r.unit == unit).collect();
        if rows.len() > 1 {
            let _ =
                write!(out, "<figure><figcaption>{}: {}</figcaption>", word(class_key(class)), escape(unit));
            scatter(&rows, unit, text, &mut out);
            out.push_str("</figure>");
        }
    }
    let _ = write!(
        out,
        "</div><h2>{}</h2><p>{}</p><div class=\"charts\">",
        word("coverage"),
        word("coverage_note")
    );
    for g in report.groups.iter().filter(|g| g.measure.is_none()) {
        let key = if g.happened { "happened" } else { "said" };
        let _ = write!(out, "<figure><figcaption>{}: {}</figcaption>", word(class_key(g.class)), word(key));
        coverage(g, text, &mut out);
        out.push_str("</figure>");
    }
    let _ = write!(
        out,
        "</div><h2>{t}</h2><div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"{t}\"><table><thead><tr>",
        t = word("scores")
    );
    for k in [
        "measure",
        "evidence",
        "rows",
        "abs_error",
        "error",
        "crps",
        "in50",
        "in80",
        "in95",
        "naive_error",
        "naive_crps",
    ]
    .into_iter()
    .chain(
        if cut.is_some() { ["factor", "trend_error", "plan_error"].as_slice() } else { &[] }.iter().copied(),
    ) {
        let _ = write!(out, "<th>{}</th>", word(k));
    }
    out.push_str("</tr></thead><tbody>");
    for g in &report.groups {
        let measure = g.measure.map_or_else(|| word(class_key(g.class)), |m| text.word("measure", m.word()));
        let evidence = match g.evidence {
            Some(e) => text.word("evidence", e.word()),
            None => text.get(if g.happened { "validation.happened" } else { "validation.said" }).to_owned(),
        };
        let n = g.naive.as_ref();
        let cells = [
            measure,
            evidence,
            g.n.to_string(),
            pct(g.error_pct),
            format!("{:+.0}", g.signed_pct),
            g.crps.map_or(String::new(), amount),
            share(&g.in50),
            share(&g.in80),
            share(&g.in95),
            n.map_or(String::new(), |n| pct(n.error_pct)),
            n.and_then(|n| n.crps).map_or(String::new(), amount),
        ];
        let more = [format!("{:.2}", g.ln_error.exp()), beside(g.trend.as_ref()), beside(g.plan.as_ref())];
        let cells = cells.into_iter().chain(cut.is_some().then_some(more).into_iter().flatten());
        out.push_str(if g.evidence.is_none() { "<tr class=\"sum\">" } else { "<tr>" });
        for c in cells {
            let _ = write!(out, "<td>{}</td>", escape(&c));
        }
        out.push_str("</tr>");
    }
    out.push_str("</tbody></table></div>");
    for (real, key) in [(true, "worst_happened"), (false, "worst_said")] {
        let rows = worst(report, real);
        if !rows.is_empty() {
            table_of(&rows, &word(key), cut.is_some(), text, &mut out);
        }
    }
    if report.cut.as_ref().is_some_and(|c| !c.planned.is_empty()) {
        let t = word("planned");
        let _ = write!(
            out,
            "<h2>{t}</h2><div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"{t}\"><table><thead><tr>"
        );
        for k in ["row", "what", "observed", "predicted", "trend", "plan", "plan_row"] {
            let _ = write!(out, "<th>{}</th>", word(k));
        }
        out.push_str("</tr></thead><tbody>");
        for (p, r) in planned(report) {
            let predicted = r.map_or(text.get("validation.refused").to_owned(), |r| amount(r.predicted));
            let cells = [
                p.id.clone(),
                p.what.clone().unwrap_or_default(),
                format!("{} {}", amount(p.observed), p.unit),
                predicted,
                r.map_or(String::new(), |r| rival(&r.trend)),
                amount(p.plan.value),
                p.plan.rests_on.join(", "),
            ];
            out.push_str("<tr>");
            for c in cells {
                let _ = write!(out, "<td>{}</td>", escape(&c));
            }
            out.push_str("</tr>");
        }
        out.push_str("</tbody></table></div>");
    }
    table_of(&report.rows.iter().collect::<Vec<_>>(), &word("all_rows"), cut.is_some(), text, &mut out);
    let _ = write!(out, "<h2>{}</h2><ul>", word("refused"));
    for (why, ids) in refusals(report) {
        let _ = write!(
            out,
            "<li>{} — {}: <small>{}</small></li>",
            ids.len(),
            escape(&why),
            escape(&ids.join(", "))
        );
    }
    let _ = writeln!(
        out,
        "</ul><footer>Karvan {} · {} · {} {} · {}</footer></main></body></html>",
        escape(&report.version),
        escape(&report.model),
        word("seed"),
        report.seed,
        escape(&report.model_hash.chars().take(16).collect::<String>()),
    );
    out
}

fn table_of(rows: &[&Scored], title: &str, backtest: bool, text: &Text, out: &mut String) {
    let _ = write!(
        out,
        "<h2>{title}</h2><div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"{title}\"><table><thead><tr>"
    );
    let rivals: &[&str] = if backtest { &["trend", "plan"] } else { &[] };
    let keys = ["row", "what", "observed", "predicted", "in80", "naive"].into_iter();
    for k in keys.chain(rivals.iter().copied()).chain(["mostly", "fold"]) {
        let _ = write!(out, "<th>{}</th>", escape(text.get(&format!("validation.{k}"))));
    }
    out.push_str("</tr></thead><tbody>");
    for r in rows {
        let measure = text.word("measure", r.measure.word());
        let link = if r.source_url.starts_with("http://") || r.source_url.starts_with("https://") {
            format!("<a href=\"{}\">{}</a>", escape(&r.source_url), escape(&r.id))
        } else {
            escape(&r.id)
        };
        let _ = write!(
            out,
            "<tr><td>{link}</td><td>{}<br><small>{}, {}; {}</small></td><td>{} {}</td><td>{}</td><td>{}–{}</td><td>{}</td>{}<td>{}</td><td>{}</td></tr>",
            escape(r.what.as_deref().unwrap_or("")),
            escape(&measure),
            escape(&text.word("evidence", r.evidence.word())),
            escape(&r.way),
            amount(r.observed),
            escape(&r.unit),
            amount(r.predicted),
            amount(r.p80[0]),
            amount(r.p80[1]),
            r.naive.map_or(String::new(), amount),
            match backtest {
                true => format!("<td>{}</td><td>{}</td>", rival(&r.trend), rival(&r.plan)),
                false => String::new(),
            },
            r.dominated_by.as_ref().map_or(String::new(), |(p, s)| format!(
                "{} {:.0} %",
                escape(p),
                100.0 * s
            )),
            r.fold.map_or(String::new(), |f| f.to_string()),
        );
    }
    out.push_str("</tbody></table></div>");
}

pub(crate) const STYLE: &str = "\
body{font:15px/1.5 system-ui,sans-serif;color:#1d2733;background:#fff;margin:0}\
main{max-width:1080px;margin:0 auto;padding:24px}\
h1{font-size:26px;margin:0 0 8px}h2{font-size:19px;margin:32px 0 8px}\
.scroll{overflow-x:auto}li{overflow-wrap:anywhere}\
table{border-collapse:collapse;width:100%;font-size:13px}\
th,td{text-align:left;vertical-align:top;padding:4px 8px 4px 0;border-bottom:1px solid #dde3ea}\
.sum td{font-weight:600;background:#f4f7fa}\
.charts{display:flex;flex-wrap:wrap;gap:24px}figure{margin:0;flex:1 1 380px;max-width:480px}\
svg{width:100%;height:auto}svg text{font-size:11px;fill:#4a5866}.mid{text-anchor:middle}.end{text-anchor:end;dominant-baseline:middle}\
.grid{stroke:#e3e8ee;fill:none}.same{stroke:#8896a5;stroke-dasharray:4 3;fill:none}\
.real path{stroke:#0b6e8f;stroke-width:1.5}.real circle{fill:#0b6e8f}\
.said path{stroke:#c8741a;stroke-width:1.5}.said circle{fill:#fff;stroke:#c8741a;stroke-width:1.5}\
.bar{fill:#9cc7d8}.whisker{stroke:#1d2733;stroke-width:1.5}\
a{color:#0b6e8f}small{color:#5a6876}footer{margin-top:32px;color:#5a6876;font-size:12px}\
@media print{main{max-width:none}}";

#[cfg(test)]
mod tests {
    use super::*;
    use karvan_model::observed::{Evidence, Measure, Statistic};

    fn report() -> Report {
        let row = |id: &str, evidence, observed: f64| Scored {
            id: id.into(),
            measure: Measure::BorderTime,
            evidence,
            statistic: Statistic::Mean,
            what: Some("<script>a crossing".into()),
            unit: "h".into(),
            observed,
            predicted: 8.0,
            p50: [6.0, 11.0],
            p80: [4.0, 15.0],
            p95: [2.0, 25.0],
            error_pct: 100.0 * (8.0 / observed - 1.0),
            crps: 2.0,
            naive: Some(4.0),
            trend: None,
            plan: None,
            way: "a way".into(),
            dominated_by: Some(("exit_road XA".into(), 0.8)),
            fold: Some(3),
            source_url: "javascript:alert(1)".into(),
        };
        Report {
            schema_version: 1,
            model: "m 1".into(),
            model_hash: "0123".into(),
            observations: None,
            version: "0".into(),
            seed: 1,
            groups: vec![],
            rows: vec![row("a", Evidence::Measured, 10.0), row("b", Evidence::Claimed, 40.0)],
            refused: vec![karvan_observe::Refused {
                id: "c".into(),
                measure: Some(Measure::Tonnage),
                what: None,
                place: None,
                why: "needs a loaded year".into(),
            }],
            not_outcomes: 2,
            cut: None,
        }
    }

    #[test]
    fn nothing_of_a_file_becomes_markup() {
        for lang in Lang::ALL {
            let page = validation_html(&report(), *lang);
            assert!(!page.contains("<script>"));
            assert!(!page.contains("href=\"javascript"));
            assert!(page.contains("needs a loaded year"));
        }
    }

    #[test]
    fn claims_stand_apart_in_the_table() {
        let text = validation_table(&report());
        let (happened, said) = text.split_once("was said or planned").unwrap();
        assert!(happened.contains("\na  ") && said.contains("\nb  "), "{text}");
    }
}
