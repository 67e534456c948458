//! `karvan places`.

use karvan_model::places::{Gazetteer, Hit};
use karvan_model::{Model, NodeIx};
use serde_json::{Value, json};

use crate::args::{Common, Format, Places};
use crate::exit::{DONE, Failure};
use crate::{load, out};

const HEADER: &[&str] = &["key", "name", "kind", "state", "UN/LOCODE", "ESR", "lon", "lat", "found by"];

pub fn run(common: &Common, args: &Places) -> Result<u8, Failure> {
    let format = common.format_of(&[Format::Table, Format::Json, Format::Csv, Format::Geojson])?;
    let loaded = load::load(&common.asked(false))?;
    let model = &loaded.model;
    let text = args.text.join(" ");
    let hits = Gazetteer::new(model).search(&text, usize::from(args.limit));
    if hits.is_empty() {
        return Err(Failure::NoAnswer(
            format!("no place is like `{text}`"),
            Some("try another spelling, a UN/LOCODE or an ESR code".into()),
        ));
    }
    let bytes = match format {
        Format::Json => {
            let found: Vec<Value> = hits.iter().map(|h| properties(model, h)).collect();
            pretty(&json!({ "schema_version": 1, "text": text, "places": found }))?
        }
        Format::Geojson => {
            let features: Vec<Value> = hits
                .iter()
                .map(|h| {
                    let n = model.node(h.node);
                    json!({
                        "type": "Feature",
                        "geometry": { "type": "Point", "coordinates": [n.lon, n.lat] },
                        "properties": properties(model, h),
                    })
                })
                .collect();
            pretty(&json!({
                "type": "FeatureCollection",
                "attribution": model.manifest.attribution,
                "features": features,
            }))?
        }
        Format::Csv => {
            let rows: Vec<Vec<String>> = hits.iter().map(|h| record(model, h)).collect();
            out::csv(&["key", "name", "kind", "state", "unlocode", "esr", "lon", "lat", "found_by"], &rows)
        }
        _ => {
            let rows: Vec<Vec<String>> = hits.iter().map(|h| record(model, h)).collect();
            out::table(HEADER, &rows, &[6, 7]).into_bytes()
        }
    };
    out::deliver(common.output.as_deref(), &bytes)?;
    Ok(DONE)
}

fn pretty(v: &Value) -> Result<Vec<u8>, Failure> {
    let mut text = serde_json::to_vec_pretty(v)?;
    text.push(b'\n');
    Ok(text)
}

fn record(model: &Model, h: &Hit) -> Vec<String> {
    let n = model.node(h.node);
    let found_by = if h.matched_name == n.name_en { "" } else { h.matched_name.as_str() };
    vec![
        n.id.0.clone(),
        n.name_en.clone(),
        n.kind.to_string(),
        n.state.as_ref().map(ToString::to_string).unwrap_or_default(),
        n.unlocode.clone().unwrap_or_default(),
        n.esr.clone().unwrap_or_default(),
        format!("{:.4}", n.lon),
        format!("{:.4}", n.lat),
        found_by.to_owned(),
    ]
}

fn properties(model: &Model, h: &Hit) -> Value {
    let n = model.node(h.node);
    let of = |ix: NodeIx| model.node(ix).id.0.clone();
    json!({
        "key": of(h.node),
        "name": n.name_en,
        "names": {
            "ru": n.name_ru, "az": n.name_az, "kk": n.name_kk, "ka": n.name_ka,
            "hy": n.name_hy, "tr": n.name_tr, "zh": n.name_zh,
        },
        "aliases": n.aliases.0,
        "kind": n.kind.word(),
        "state": n.state.as_ref().map(|s| s.as_str().to_owned()),
        "unlocode": n.unlocode,
        "esr": n.esr,
        "town": n.town.as_ref().map(|t| t.as_str().to_owned()),
        "lon": n.lon,
        "lat": n.lat,
        "found_by": h.matched_name,
        "score": (h.score * 1000.0).round() / 1000.0,
    })
}
