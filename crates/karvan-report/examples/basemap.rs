//! Makes `assets/basemap.json` of Natural Earth: `cargo run -p karvan-report --example basemap -- data/geo`,
//! then the text it prints goes to `crates/karvan-report/assets/basemap.json`.
//!
//! Lines are kept to a thousandth of a degree in the region of `data/geo` (fine) and to a hundredth over the
//! world (coarse, without the fine region's boundaries, which it takes from there), as steps from point to point.
#![allow(missing_docs, reason = "a program")]

use std::error::Error;
use std::path::Path;

use geo::{BooleanOps, Coord, LineString, Polygon, Rect, Simplify, Translate};
use serde_json::{Value, json};

/// The region that `data/geo` covers: west, south, east, north.
const FINE: [f64; 4] = [10.0, 28.0, 95.0, 60.0];

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args().nth(1).ok_or("name the folder of data/geo")?;
    let read = |name: &str| -> Result<Value, Box<dyn Error>> {
        let path = Path::new(&folder).join(name);
        let text = std::fs::read_to_string(&path).map_err(|e| format!("{}: {e}", path.display()))?;
        Ok(serde_json::from_str(&text)?)
    };
    let land = read("base_land10.geojson")?;
    let lakes = read("base_lakes10.geojson")?;
    let boundaries = read("base_boundaries10.geojson")?;
    let world = read("world_countries_110m.topojson")?;

    let fine_land: Vec<Value> = polygons(&land, 0.006, 0.004, 1000.0);
    let fine_lakes: Vec<Value> = polygons(&lakes, 0.006, 0.03, 1000.0);
    let (mut firm, mut open) = (Vec::new(), Vec::new());
    let (mut coarse_firm, mut coarse_open) = (Vec::new(), Vec::new());
    for f in features(&boundaries) {
        let kind = f["properties"]["kind"].as_str().unwrap_or_default();
        let (fine, coarse) = if kind.starts_with("International") {
            (&mut firm, &mut coarse_firm)
        } else if kind.starts_with("Lease") || kind.starts_with("Overlay") {
            // Limits of leases and of other overlays are no boundary of a state.
            continue;
        } else {
            (&mut open, &mut coarse_open)
        };
        for line in lines(&f["geometry"]) {
            fine.push(steps(&line.simplify(0.006), 1000.0));
            coarse.push(steps(&line.simplify(0.08), 100.0));
        }
    }

    let (coarse_land, inner) = topology(&world)?;
    for line in inner {
        // Inside the fine region its own lines, which know what is disputed, stand already.
        let mut run: Vec<Coord> = Vec::new();
        for c in line.0 {
            let inside = c.x > FINE[0] && c.x < FINE[2] && c.y > FINE[1] && c.y < FINE[3];
            if inside {
                if run.len() > 1 {
                    coarse_firm.push(steps(&LineString::new(std::mem::take(&mut run)), 100.0));
                }
                run.clear();
            } else {
                run.push(c);
            }
        }
        if run.len() > 1 {
            coarse_firm.push(steps(&LineString::new(run), 100.0));
        }
    }
    let all = json!({
        "origin": "Natural Earth 10m and 110m, public domain; see README.md",
        "fine": {"extent": FINE, "unit": 0.001, "land": fine_land, "lakes": fine_lakes, "firm": firm, "open": open},
        "coarse": {"extent": [-180.0, -90.0, 180.0, 90.0], "unit": 0.01, "land": coarse_land,
                   "lakes": polygons(&lakes, 0.05, 0.3, 100.0), "firm": coarse_firm, "open": coarse_open},
    });
    println!("{all}");
    Ok(())
}

fn features(collection: &Value) -> &[Value] {
    collection["features"].as_array().map_or(&[], Vec::as_slice)
}

fn ring(v: &Value) -> LineString {
    let number = |v: &Value| v.as_f64().unwrap_or(f64::NAN);
    v.as_array().into_iter().flatten().map(|p| Coord { x: number(&p[0]), y: number(&p[1]) }).collect()
}

fn lines(geometry: &Value) -> Vec<LineString> {
    match geometry["type"].as_str() {
        Some("LineString") => vec![ring(&geometry["coordinates"])],
        Some("MultiLineString") => {
            geometry["coordinates"].as_array().into_iter().flatten().map(ring).collect()
        }
        _ => Vec::new(),
    }
}

/// Polygons of a collection as lists of rings, simplified, without those smaller than `least` square degrees.
fn polygons(collection: &Value, tolerance: f64, least: f64, per_degree: f64) -> Vec<Value> {
    use geo::Area;
    let mut out = Vec::new();
    for f in features(collection) {
        let g = &f["geometry"];
        let parts: Vec<&Value> = match g["type"].as_str() {
            Some("Polygon") => vec![&g["coordinates"]],
            Some("MultiPolygon") => g["coordinates"].as_array().into_iter().flatten().collect(),
            _ => Vec::new(),
        };
        for part in parts {
            let rings: Vec<LineString> = part.as_array().into_iter().flatten().map(ring).collect();
            let area = |r: &LineString| geo::Polygon::new(r.clone(), vec![]).unsigned_area();
            if rings.first().is_none_or(|r| area(r) < least) {
                continue;
            }
            let kept: Vec<Value> = rings
                .iter()
                .enumerate()
                .filter(|(i, r)| *i == 0 || area(r) >= least)
                .map(|(_, r)| steps(&r.simplify(tolerance), per_degree))
                .collect();
            out.push(Value::Array(kept));
        }
    }
    out
}

/// Whole steps of a line: first point, then differences.
fn steps(line: &LineString, per_degree: f64) -> Value {
    let mut out: Vec<i64> = Vec::new();
    let mut at: Option<(i64, i64)> = None;
    for c in line.coords() {
        let p = ((c.x * per_degree).round() as i64, (c.y * per_degree).round() as i64);
        let q = at.unwrap_or((0, 0));
        if at != Some(p) {
            out.extend([p.0 - q.0, p.1 - q.1]);
        }
        at = Some(p);
    }
    json!(out)
}

/// A ring whose longitudes run on where it crosses the antimeridian.
fn unwrapped(points: impl Iterator<Item = Coord>) -> LineString {
    let mut turn = 0.0;
    let mut last: Option<f64> = None;
    points
        .map(|c| {
            if let Some(x) = last {
                if c.x - x > 180.0 {
                    turn -= 360.0;
                } else if c.x - x < -180.0 {
                    turn += 360.0;
                }
            }
            last = Some(c.x);
            Coord { x: c.x + turn, y: c.y }
        })
        .collect()
}

/// Land polygons of a TopoJSON world, and the arcs that two states share.
fn topology(world: &Value) -> Result<(Vec<Value>, Vec<LineString>), Box<dyn Error>> {
    let number = |v: &Value| v.as_f64().unwrap_or(f64::NAN);
    let (scale, shift) = (&world["transform"]["scale"], &world["transform"]["translate"]);
    let arcs: Vec<LineString> = world["arcs"]
        .as_array()
        .ok_or("no arcs")?
        .iter()
        .map(|arc| {
            let (mut x, mut y) = (0.0, 0.0);
            arc.as_array()
                .into_iter()
                .flatten()
                .map(|p| {
                    x += number(&p[0]);
                    y += number(&p[1]);
                    Coord {
                        x: x * number(&scale[0]) + number(&shift[0]),
                        y: y * number(&scale[1]) + number(&shift[1]),
                    }
                })
                .collect()
        })
        .collect();
    let arc = |i: i64| -> Vec<Coord> {
        if i >= 0 { arcs[i as usize].0.clone() } else { arcs[!i as usize].0.iter().rev().copied().collect() }
    };
    let mut land = Vec::new();
    for g in world["objects"]["land"]["geometries"].as_array().into_iter().flatten() {
        for polygon in g["arcs"].as_array().into_iter().flatten() {
            let rings: Vec<LineString> = polygon
                .as_array()
                .into_iter()
                .flatten()
                .map(|r| {
                    let points = r.as_array().into_iter().flatten().filter_map(Value::as_i64).flat_map(arc);
                    unwrapped(points)
                })
                .collect();
            let Some(outer) = rings.first() else { continue };
            // The antarctic ring goes round the pole and closes only on a globe.
            if outer.coords().all(|c| c.y < -60.0) {
                continue;
            }
            let whole = Polygon::new(outer.clone(), rings[1..].to_vec());
            // What runs over the antimeridian is cut there.
            for shift in [-360.0, 0.0, 360.0] {
                let world = Rect::new((-180.0, -90.0), (180.0, 90.0)).to_polygon();
                for part in whole.translate(shift, 0.0).intersection(&world) {
                    let rings = std::iter::once(part.exterior()).chain(part.interiors());
                    land.push(rings.map(|r| steps(r, 100.0)).collect());
                }
            }
        }
    }
    let mut users = vec![0u32; arcs.len()];
    fn count(v: &Value, users: &mut [u32]) {
        match v {
            Value::Array(items) => items.iter().for_each(|i| count(i, users)),
            Value::Number(n) => {
                let i = n.as_i64().unwrap_or(0);
                users[if i >= 0 { i } else { !i } as usize] += 1;
            }
            _ => {}
        }
    }
    for g in world["objects"]["countries"]["geometries"].as_array().into_iter().flatten() {
        count(&g["arcs"], &mut users);
    }
    let inner = arcs.iter().zip(&users).filter(|(_, n)| **n >= 2).map(|(a, _)| a.clone()).collect();
    Ok((land, inner))
}
