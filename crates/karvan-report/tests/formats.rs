//! What each format looks like, and what it never does.
#![allow(missing_docs, reason = "a test")]

mod common;

use karvan_report::{Answer, Lang, Legs, csv, geojson, html, json, json_schema, table};
use proptest::prelude::*;
use serde_json::Value;
use unicode_width::UnicodeWidthStr;

#[test]
fn table_of_the_petrol_train() {
    insta::assert_snapshot!(table(&common::petrol(), Legs::Best, 100, false));
}

#[test]
fn table_of_an_indicative_answer() {
    insta::assert_snapshot!(table(&common::containers(), Legs::All, 100, false));
}

#[test]
fn table_of_a_refusal() {
    insta::assert_snapshot!(table(&common::refused(), Legs::Best, 100, false));
}

#[test]
fn csv_of_the_petrol_train() {
    insta::assert_snapshot!(csv(&common::petrol()));
}

#[test]
fn json_of_the_petrol_train() {
    insta::assert_snapshot!(json(&common::petrol()));
}

#[test]
fn geojson_of_options_and_of_a_refusal() {
    insta::assert_snapshot!("geojson_of_options", geojson(&common::containers()));
    insta::assert_snapshot!("geojson_of_a_refusal", geojson(&common::refused()));
}

#[test]
fn the_published_schema() {
    insta::assert_snapshot!(json_schema());
}

#[test]
fn an_indicative_answer_says_so_first() {
    let starts = "indicative: less than half of the cost of";
    assert!(
        table(&common::containers(), Legs::Best, 100, false)
            .starts_with(&format!("{starts} every option rests on published prices"))
    );
    assert!(
        table(&common::petrol(), Legs::Best, 100, false)
            .starts_with(&format!("{starts} option 2 rests on published prices"))
    );
    assert!(!table(&common::refused(), Legs::Best, 100, false).contains(starts));
}

#[test]
fn colour_changes_no_word() {
    let plain = table(&common::petrol(), Legs::Best, 100, false);
    let coloured = table(&common::petrol(), Legs::Best, 100, true);
    assert!(!plain.contains('\u{1b}') && coloured.contains('\u{1b}'));
    let mut stripped = coloured;
    for code in ["[0m", "[1m", "[2m", "[1;33m", "[1;31m"] {
        stripped = stripped.replace(&format!("\u{1b}{code}"), "");
    }
    assert_eq!(stripped, plain);
}

/// Whether a value is as a schema says: the parts of JSON Schema that the published one uses.
fn conforms(value: &Value, schema: &Value, root: &Value, at: &str) -> Result<(), String> {
    if let Some(name) = schema.get("$ref").and_then(Value::as_str) {
        let target = root.pointer(name.trim_start_matches('#')).ok_or(format!("{at}: no {name}"))?;
        return conforms(value, target, root, at);
    }
    if let Some(choices) = schema.get("anyOf").or(schema.get("oneOf")).and_then(Value::as_array) {
        return choices
            .iter()
            .find_map(|c| conforms(value, c, root, at).ok())
            .ok_or_else(|| format!("{at}: none of the alternatives"));
    }
    if let Some(one) = schema.get("const") {
        return if one == value { Ok(()) } else { Err(format!("{at}: {value} is not {one}")) };
    }
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(n) if n.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    let fits = |t: &Value| t == kind || (t == "number" && kind == "integer");
    match schema.get("type") {
        Some(Value::Array(types)) if !types.iter().any(fits) => {
            return Err(format!("{at}: {kind} is none of {types:?}"));
        }
        Some(t @ Value::String(_)) if !fits(t) => return Err(format!("{at}: {kind} is not {t}")),
        _ => {}
    }
    match value {
        Value::Object(members) => {
            let known = schema.get("properties").and_then(Value::as_object);
            for name in schema.get("required").and_then(Value::as_array).into_iter().flatten() {
                let name = name.as_str().unwrap_or_default();
                if !members.contains_key(name) {
                    return Err(format!("{at}: {name} is missing"));
                }
            }
            for (name, v) in members {
                let s = known
                    .and_then(|k| k.get(name))
                    .ok_or(format!("{at}: the schema does not know {name}"))?;
                conforms(v, s, root, &format!("{at}/{name}"))?;
            }
        }
        Value::Array(items) => {
            let first = schema.get("prefixItems").and_then(Value::as_array);
            for (i, v) in items.iter().enumerate() {
                let s = first
                    .and_then(|f| f.get(i))
                    .or(schema.get("items"))
                    .ok_or(format!("{at}: no schema of items"))?;
                conforms(v, s, root, &format!("{at}/{i}"))?;
            }
        }
        _ => {}
    }
    Ok(())
}

#[test]
fn json_is_as_the_schema_says() {
    let schema: Value = serde_json::from_str(&json_schema()).unwrap();
    for answer in [common::petrol(), common::containers(), common::refused()] {
        let value: Value = serde_json::from_str(&json(&answer)).unwrap();
        conforms(&value, &schema, &schema, "").unwrap();
        // The check can fail.
        let mut wrong = value.clone();
        wrong["question"]["tonnes"] = Value::from("much");
        assert!(conforms(&wrong, &schema, &schema, "").is_err());
        let mut more = value;
        more["else"] = Value::Null;
        assert!(conforms(&more, &schema, &schema, "").is_err());
    }
}

#[test]
fn geojson_is_geojson_with_its_credits() {
    let all: Value = serde_json::from_str(&geojson(&common::petrol())).unwrap();
    assert_eq!(all["type"], "FeatureCollection");
    assert!(all["attribution"][0].as_str().unwrap().contains("© OpenStreetMap contributors"));
    let features = all["features"].as_array().unwrap();
    assert_eq!(features.iter().filter(|f| f["geometry"]["type"] == "LineString").count(), 6);
    for f in features {
        assert_eq!(f["type"], "Feature");
        assert!(f["properties"]["rank"].is_u64());
    }
}

#[test]
fn csv_has_a_row_a_leg_and_reads_back() {
    let text = csv(&common::petrol());
    let mut reader = csv_reader(&text);
    assert_eq!(reader.records().map(Result::unwrap).count(), 14);
    assert_eq!(csv(&common::refused()).lines().count(), 1);
}

fn csv_reader(text: &str) -> ::csv::Reader<&[u8]> {
    ::csv::Reader::from_reader(text.as_bytes())
}

/// Addresses that a browser would load by itself.
fn loads(page: &str) -> Vec<&str> {
    // In the style sheet only the page's own patterns and clips may be referred to.
    let own = |rest: &str| rest.starts_with("url(#");
    let mut found: Vec<&str> =
        ["src=", "<link", "@import", "<iframe", "<object", "<embed", "srcset", "xlink:href"]
            .into_iter()
            .filter(|w| page.contains(w))
            .collect();
    found.extend(page.match_indices("url(").filter(|(i, _)| !own(&page[*i..])).map(|_| "url("));
    found
}

#[test]
fn a_page_loads_nothing_and_is_small() {
    for lang in Lang::ALL {
        for answer in [common::petrol(), common::containers(), common::refused(), common::many()] {
            let page = html(&answer, *lang);
            assert_eq!(loads(&page), Vec::<&str>::new());
            // Every address of another place is a link that somebody must click.
            for (i, _) in page.match_indices("http") {
                let before = &page[..i];
                assert!(
                    before.ends_with("<a href=\"") || before.ends_with("\" rel=\"noreferrer noopener\">"),
                    "{}",
                    &page[i.saturating_sub(60)..i + 20]
                );
            }
            assert!(page.contains("© OpenStreetMap contributors") && page.contains("Natural Earth"));
            assert!(page.len() < 1_000_000, "{} bytes", page.len());
        }
    }
}

#[test]
fn names_cannot_become_markup() {
    let bad = "<script>alert('x')</script>\"><img src=x onerror=y>";
    let mut a = common::petrol();
    rename(&mut a, bad);
    for lang in Lang::ALL {
        let page = html(&a, *lang);
        assert_eq!(page.matches("<script>").count(), 1, "its own and no other");
        assert!(!page.contains("<img"));
        assert!(page.contains("&lt;script&gt;"));
    }
    let mut r = common::refused();
    let refusal = r.refusal.as_mut().unwrap();
    refusal.reason = bad.into();
    refusal.hints = vec![bad.into()];
    refusal.blockers[0].what = bad.into();
    refusal.blockers[0].sources = vec![format!("https://example.org/\"{bad}"), format!("javascript:{bad}")];
    let page = html(&r, Lang::En);
    assert_eq!(page.matches("<script>").count(), 1);
    assert!(!page.contains("<img") && !page.contains("href=\"javascript"));
}

/// Puts a text wherever a name or a sentence may stand.
fn rename(a: &mut Answer, name: &str) {
    let s = || name.to_owned();
    a.question.cargo_name = s();
    for stop in [&mut a.question.from, &mut a.question.to] {
        stop.name = s();
        stop.name_ru = Some(s());
        stop.code = Some(s());
    }
    for u in &mut a.question.units {
        u.name = s();
        u.unit = s();
    }
    a.question.via = vec![s()];
    a.question.avoid = vec![s()];
    a.notes = vec![s()];
    a.ordering = s();
    a.attribution = vec![s()];
    a.provenance.scenario = Some(s());
    for o in &mut a.options {
        o.label = s();
        for p in &mut o.payees {
            p.payee = s();
        }
        for p in &mut o.papers {
            p.paper = s();
            p.authority = Some(s());
        }
        for r in &mut o.rules {
            r.what = s();
            r.effect = s();
            r.sources.push(s());
        }
        for c in &mut o.claims {
            c.row = s();
            c.assumed = Some(s());
        }
        for l in &mut o.legs {
            l.title = s();
            l.operator = Some(s());
            if l.mode.is_some() {
                l.mode = Some(s());
            }
            l.papers.push(s());
            l.via = vec![s()];
            l.from.name = s();
            l.from.name_ru = Some(s());
            l.to.name = s();
            l.to.name_ru = Some(s());
            for p in &mut l.prices {
                p.payee = s();
                p.row = s();
                p.published = s();
            }
        }
    }
}

fn scaled(a: &mut Answer, k: f64) {
    for o in &mut a.options {
        o.cost_usd = o.cost_usd.scale(k);
        o.generalised_usd *= k;
        for p in o.legs.iter_mut().flat_map(|l| &mut l.prices) {
            p.usd = p.usd.scale(k);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_line_of_the_table_is_too_long(name in "\\PC{0,160}", width in 72usize..140, k in -3.0..9.0f64) {
        let mut a = common::petrol();
        rename(&mut a, &name);
        scaled(&mut a, 10f64.powf(k));
        for line in table(&a, Legs::All, width, false).lines() {
            prop_assert!(line.width() <= width, "{} columns: {line}", line.width());
        }
    }

    #[test]
    fn every_format_takes_every_name(name in any::<String>()) {
        let mut a = common::petrol();
        rename(&mut a, &name);
        let read: Value = serde_json::from_str(&json(&a)).unwrap();
        prop_assert_eq!(read["options"][0]["label"].as_str(), Some(name.as_str()));
        let text = csv(&a);
        let first = csv_reader(&text).records().next().unwrap().unwrap();
        prop_assert_eq!(&first[1], name.as_str());
        let _: Value = serde_json::from_str(&geojson(&a)).unwrap();
        prop_assert!(html(&a, Lang::En).ends_with("</html>\n"));
    }
}

#[test]
fn odd_figures_do_not_break_a_picture() {
    let mut a = common::petrol();
    for o in &mut a.options {
        o.percentiles.clear();
        o.generalised_usd = f64::NAN;
        o.legs.iter_mut().for_each(|l| l.prices.clear());
        o.cost_usd = karvan_units::Estimate::exact(0.0);
    }
    a.options[1].legs[1].from.lon = f64::NAN;
    a.options[1].legs[1].line = vec![[400.0, 95.0], [f64::NAN, 1.0], [44.0, 41.0]];
    let page = html(&a, Lang::Ru);
    assert!(!page.contains("NaN") && !page.contains("inf"));
    assert!(page.contains("class=\"map\""));
    table(&a, Legs::Best, 100, true);
}

#[test]
fn the_same_answer_gives_the_same_bytes() {
    for make in [common::petrol, common::containers, common::refused] {
        assert_eq!(html(&make(), Lang::En), html(&make(), Lang::En));
        assert_eq!(geojson(&make()), geojson(&make()));
    }
}
