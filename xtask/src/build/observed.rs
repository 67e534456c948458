//! Observations, names of places that only they use, and what is estimated from the former.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use anyhow::{Context, Result, bail};
use karvan_model::Model;
use karvan_model::cell::Claim;
use karvan_model::observed::{NamedPlace, PlaceList};
use karvan_model::raw::Manifest;
use karvan_network::base::Base;

use super::config::Config;
use super::input::{Data, position, some, text};
use super::output::{self, Files};
use super::round;

/// The observations, as they are. No other table is made from them but `calibration`.
pub fn observations(data: &Data, files: &mut Files) -> Result<()> {
    let path = data.path("facts/observations.csv");
    if path.is_file() {
        let text = fs::read_to_string(&path).context("data/facts/observations.csv")?;
        files.insert("observation.csv".into(), text.replace("\r\n", "\n"));
    }
    Ok(())
}

/// Towns and UN/LOCODE places that are no nodes of the model, by name.
pub fn places(data: &Data, files: &mut Files, nodes: &BTreeSet<String>) -> Result<()> {
    let claim = |key: &str| Claim { sources: vec![key.to_owned()], assumed: None };
    let mut lists: BTreeMap<&str, Vec<NamedPlace>> = BTreeMap::new();
    let mut seen: BTreeSet<(PlaceList, String, String)> = BTreeSet::new();
    let mut add = |part: &'static str, p: NamedPlace| {
        if !nodes.contains(&p.name.to_lowercase()) && seen.insert((p.list, p.name.clone(), p.state.clone())) {
            lists.entry(part).or_default().push(p);
        }
    };
    for r in data.csv("geo/places_ne10m.csv")? {
        let (Some(name), Some(state), Some(at)) = (some(&r, "name"), some(&r, "iso2"), position(&r)) else {
            continue;
        };
        let (lon, lat) = (round(at.x, 2), round(at.y, 2));
        add("own", NamedPlace { list: PlaceList::Town, name, state, lon, lat, claim: claim("ne10m") });
    }
    for r in data.csv("geo/unlocode_region.csv")? {
        let (Some(name), Some(at)) = (some(&r, "name"), position(&r)) else { continue };
        let state = text(&r, "unlocode").chars().take(2).collect();
        let (lon, lat) = (round(at.x, 2), round(at.y, 2));
        add("osm", NamedPlace { list: PlaceList::Unlocode, name, state, lon, lat, claim: claim("unlocode") });
    }
    for (part, rows) in lists {
        output::table(files, part, rows)?;
    }
    Ok(())
}

/// Estimates what multiplies durations, and writes its tables.
pub fn calibration(config: &Config, files: &mut Files) -> Result<()> {
    let (tables, problems) = output::typed(files);
    if !problems.is_empty() {
        bail!("{} cells cannot be read\n  {}", problems.len(), problems.join("\n  "));
    }
    let manifest = Manifest {
        first_day: config.model.first_day,
        last_day: config.model.last_day,
        price_year: config.model.price_year,
        ..Manifest::default()
    };
    let model = Model::new(manifest, tables);
    let base = Base::new(&model);
    let found = karvan_observe::calibrate(&model, &base, &model.tables.observation, &mut |_, _| {})?;
    output::table(files, "all", found.rows)?;
    output::table(files, "all", found.pages)?;
    for table in ["calibration", "calibration_page"] {
        if let Some(text) = files.remove(&format!("{table}.all.csv")) {
            files.insert(format!("{table}.csv"), text);
        }
    }
    Ok(())
}
