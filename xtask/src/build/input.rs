//! Reading `data/`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow};
use geo::Coord;
use serde_json::Value;

/// A record of a CSV file by column name.
pub type Record = BTreeMap<String, String>;

/// A text column, empty where absent.
pub fn text<'a>(r: &'a Record, column: &str) -> &'a str {
    r.get(column).map_or("", |s| s.trim())
}

/// A text column that is not empty.
pub fn some(r: &Record, column: &str) -> Option<String> {
    Some(text(r, column)).filter(|s| !s.is_empty()).map(str::to_owned)
}

/// A number column, where it is one.
pub fn number(r: &Record, column: &str) -> Option<f64> {
    text(r, column).parse().ok().filter(|v: &f64| v.is_finite())
}

/// Position from `lon` and `lat`.
pub fn position(r: &Record) -> Option<Coord> {
    Some(Coord { x: number(r, "lon")?, y: number(r, "lat")? })
}

/// The data folder.
pub struct Data(pub PathBuf);

impl Data {
    /// Records of a CSV file.
    pub fn csv(&self, name: &str) -> Result<Vec<Record>> {
        let path = self.0.join(name);
        let mut reader = csv::Reader::from_path(&path).with_context(|| format!("reading data/{name}"))?;
        let header = reader.headers()?.clone();
        reader
            .records()
            .map(|r| {
                let r = r.with_context(|| format!("data/{name}"))?;
                Ok(header.iter().map(str::to_owned).zip(r.iter().map(str::to_owned)).collect())
            })
            .collect()
    }
    /// Records of a CSV file, none where the file is absent.
    pub fn csv_if_any(&self, name: &str) -> Result<Vec<Record>> {
        if self.0.join(name).is_file() { self.csv(name) } else { Ok(Vec::new()) }
    }
    /// Features of a GeoJSON file.
    pub fn features(&self, name: &str) -> Result<Vec<Feature>> {
        let path = self.0.join(name);
        let bytes = fs::read(&path).with_context(|| format!("reading data/{name}"))?;
        let value: Value = serde_json::from_slice(&bytes).with_context(|| format!("data/{name}: JSON"))?;
        let list = value["features"].as_array().ok_or_else(|| anyhow!("data/{name}: no list `features`"))?;
        Ok(list.iter().map(|f| Feature(f.clone())).collect())
    }
    /// A TOML file.
    pub fn toml<T: serde::de::DeserializeOwned>(&self, name: &str) -> Result<T> {
        let path = self.0.join(name);
        let text = fs::read_to_string(&path).with_context(|| format!("reading data/{name}"))?;
        toml::from_str(&text).with_context(|| format!("data/{name}"))
    }
    /// Path of a file.
    pub fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
    /// File names in a folder, sorted.
    pub fn list(&self, folder: &str) -> Result<Vec<String>> {
        names_in(&self.0.join(folder))
    }
}

/// File names in a folder, sorted.
pub fn names_in(folder: &Path) -> Result<Vec<String>> {
    let mut out = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| format!("reading folder {}", folder.display()))? {
        let entry = entry?;
        if entry.file_type()?.is_file() {
            out.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    out.sort();
    Ok(out)
}

/// A GeoJSON feature.
pub struct Feature(Value);

impl Feature {
    /// A property as text, whatever its type; empty where absent.
    pub fn text(&self, name: &str) -> String {
        match &self.0["properties"][name] {
            Value::String(s) => s.clone(),
            Value::Null => String::new(),
            v => v.to_string(),
        }
    }
    /// A property as a number.
    pub fn number(&self, name: &str) -> Option<f64> {
        self.text(name).parse().ok()
    }
    /// All its lines.
    pub fn lines(&self) -> Vec<Vec<Coord>> {
        let c = &self.0["geometry"]["coordinates"];
        match self.0["geometry"]["type"].as_str() {
            Some("LineString") => vec![line(c)],
            Some("MultiLineString") => c.as_array().map(|a| a.iter().map(line).collect()).unwrap_or_default(),
            _ => Vec::new(),
        }
    }
    /// Its only line, or the first.
    pub fn line(&self) -> Vec<Coord> {
        self.lines().into_iter().next().unwrap_or_default()
    }
    /// Rings of its polygons.
    pub fn polygons(&self) -> Vec<Vec<Vec<Coord>>> {
        let c = &self.0["geometry"]["coordinates"];
        let rings = |p: &Value| p.as_array().map(|a| a.iter().map(line).collect()).unwrap_or_default();
        match self.0["geometry"]["type"].as_str() {
            Some("Polygon") => vec![rings(c)],
            Some("MultiPolygon") => c.as_array().map(|a| a.iter().map(rings).collect()).unwrap_or_default(),
            _ => Vec::new(),
        }
    }
}

fn line(v: &Value) -> Vec<Coord> {
    v.as_array()
        .map(|a| a.iter().filter_map(|p| Some(Coord { x: p[0].as_f64()?, y: p[1].as_f64()? })).collect())
        .unwrap_or_default()
}

/// Lower case, every run of other than ASCII letters and digits one `_`, trimmed.
pub fn slug(s: &str) -> String {
    let mut out = String::new();
    for c in s.chars() {
        if c.is_ascii_alphanumeric() {
            out.push(c.to_ascii_lowercase());
        } else if !out.ends_with('_') {
            out.push('_');
        }
    }
    out.trim_matches('_').to_owned()
}

/// Letters of Latin script without their marks, lower case; what is left to compare names by.
pub fn plain(s: &str) -> String {
    s.chars()
        .flat_map(char::to_lowercase)
        .filter_map(|c| match c {
            'a'..='z' => Some(c),
            'ə' | 'ä' | 'á' | 'à' | 'â' | 'ă' => Some('a'),
            'ç' | 'č' => Some('c'),
            'ğ' => Some('g'),
            'ı' | 'í' | 'î' => Some('i'),
            'ö' | 'ó' | 'ô' => Some('o'),
            'ş' | 'š' | 'ș' => Some('s'),
            'ü' | 'ú' | 'û' => Some('u'),
            'ý' => Some('y'),
            'ž' => Some('z'),
            'ț' => Some('t'),
            _ => None,
        })
        .collect()
}

/// State polygons.
pub struct Countries(Vec<(String, geo::MultiPolygon, geo::Rect)>);

impl Countries {
    /// From the GeoJSON of state polygons.
    pub fn read(data: &Data, name: &str) -> Result<Self> {
        use geo::BoundingRect;
        let mut all = Vec::new();
        for f in data.features(name)? {
            let polygons: Vec<geo::Polygon> = f
                .polygons()
                .into_iter()
                .map(|mut rings| {
                    let outer = if rings.is_empty() { Vec::new() } else { rings.remove(0) };
                    geo::Polygon::new(outer.into(), rings.into_iter().map(Into::into).collect())
                })
                .collect();
            let shape = geo::MultiPolygon(polygons);
            if let Some(rect) = shape.bounding_rect() {
                all.push((f.text("iso2"), shape, rect));
            }
        }
        all.sort_by(|a, b| a.0.cmp(&b.0));
        Ok(Self(all))
    }
    /// The state in which a position lies.
    pub fn of(&self, p: Coord) -> Option<&str> {
        use geo::Contains;
        self.0
            .iter()
            .find(|(_, shape, r)| {
                r.min().x <= p.x
                    && p.x <= r.max().x
                    && r.min().y <= p.y
                    && p.y <= r.max().y
                    && shape.contains(&p)
            })
            .map(|(cc, ..)| cc.as_str())
    }
    /// Whether a position is in the state or at most about `slack_km` outside.
    pub fn near(&self, p: Coord, cc: &str, slack_km: f64) -> bool {
        if self.of(p) == Some(cc) {
            return true;
        }
        let Some((_, shape, _)) = self.0.iter().find(|(c, ..)| c == cc) else { return false };
        let c = p.y.to_radians().cos();
        shape.0.iter().any(|poly| {
            poly.exterior().0.windows(2).any(|w| {
                let reach = slack_km / 111.0 / c.max(0.3);
                if w[0].x.min(w[1].x) - reach > p.x
                    || w[0].x.max(w[1].x) + reach < p.x
                    || w[0].y.min(w[1].y) - reach > p.y
                    || w[0].y.max(w[1].y) + reach < p.y
                {
                    return false;
                }
                super::graph::nearest_on(w, p).3 <= slack_km
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_crossings_are_as_the_curated_tables_write_them() {
        assert_eq!(slug("Boyuk Kesik / Gardabani"), "boyuk_kesik_gardabani");
        assert_eq!(slug("Red Bridge (Tsiteli Khidi / Sinig Korpu)"), "red_bridge_tsiteli_khidi_sinig_korpu");
        assert_eq!(slug("B. Konysbayeva / Yallama"), "b_konysbayeva_yallama");
    }

    #[test]
    fn names_are_compared_without_marks() {
        assert_eq!(plain("Türkmenbaşy"), plain("Turkmenbasy"));
        assert_eq!(plain("Gəncə"), "ganca");
    }
}
