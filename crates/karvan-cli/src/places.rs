//! `karvan places`.

use karvan_model::Model;
use karvan_model::places::{Gazetteer, Hit, fold};
use karvan_model::schema::{PlaceFound, PlacesAnswer};
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
            let places = hits.iter().map(|h| found(model, h)).collect();
            out::json(&PlacesAnswer { schema_version: 1, text, places })?
        }
        Format::Geojson => {
            let features: Vec<Value> = hits
                .iter()
                .map(|h| {
                    let n = model.node(h.node);
                    json!({
                        "type": "Feature",
                        "geometry": { "type": "Point", "coordinates": [n.lon, n.lat] },
                        "properties": found(model, h),
                    })
                })
                .collect();
            out::json(&json!({
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

fn record(model: &Model, h: &Hit) -> Vec<String> {
    let n = model.node(h.node);
    let found_by = if fold(&h.matched_name) == fold(&n.name_en) { "" } else { h.matched_name.as_str() };
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

fn found(model: &Model, h: &Hit) -> PlaceFound {
    let n = model.node(h.node);
    let names = [
        ("ru", &n.name_ru),
        ("az", &n.name_az),
        ("kk", &n.name_kk),
        ("ka", &n.name_ka),
        ("hy", &n.name_hy),
        ("tr", &n.name_tr),
        ("zh", &n.name_zh),
    ];
    PlaceFound {
        key: n.id.0.clone(),
        name: n.name_en.clone(),
        names: names.into_iter().filter_map(|(l, n)| Some((l.to_owned(), n.clone()?))).collect(),
        aliases: n.aliases.0.clone(),
        kind: n.kind,
        state: n.state.as_ref().map(|s| s.as_str().to_owned()),
        unlocode: n.unlocode.clone(),
        esr: n.esr.clone(),
        town: n.town.as_ref().map(|t| t.as_str().to_owned()),
        lon: n.lon,
        lat: n.lat,
        found_by: h.matched_name.clone(),
        score: (h.score * 1000.0).round() / 1000.0,
    }
}
