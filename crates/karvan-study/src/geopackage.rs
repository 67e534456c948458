//! Tables with shapes as a GeoPackage (OGC 12-128, version 1.4), which QGIS, GDAL and Python read.
//!
//! Positions are degrees east and north of WGS 84 (EPSG:4326). A line that crosses the 180th meridian is parted there.
//! The same tables give the same bytes: the time of the last change is told, not taken from the clock.

use geo_types::{LineString, MultiLineString, Point};
use geopackage::core::types::{ColumnType, GeometryType};
use geopackage::{ColumnSpec, GeoPackage, GeometrySpec, NewFeature, TableSchemaBuilder, Value};

use crate::table::{Column, Table};

/// WGS 84, longitude first.
const EPSG: i32 = 4326;

/// Where the rows of a table lie, one a row.
#[derive(Clone, Debug, PartialEq)]
pub enum Shapes {
    /// Lines; one of less than two points is none.
    Lines(Vec<Vec<[f64; 2]>>),
    /// Points, where there is one.
    Points(Vec<Option<[f64; 2]>>),
}

/// A table, with shapes or without.
#[derive(Clone, Debug, PartialEq)]
pub struct Layer {
    /// Columns.
    pub table: Table,
    /// Shapes.
    pub shapes: Option<Shapes>,
}

/// Why there is no GeoPackage.
#[derive(Debug, thiserror::Error)]
#[error("the GeoPackage could not be made: {0}")]
pub struct GeoPackageError(String);

impl From<geopackage::Error> for GeoPackageError {
    fn from(e: geopackage::Error) -> Self {
        Self(e.to_string())
    }
}

impl From<rusqlite::Error> for GeoPackageError {
    fn from(e: rusqlite::Error) -> Self {
        Self(e.to_string())
    }
}

/// The parts of a line on one side of the 180th meridian each.
fn parts(line: &[[f64; 2]]) -> MultiLineString {
    let mut parts: Vec<Vec<(f64, f64)>> = vec![Vec::new()];
    let mut before: Option<[f64; 2]> = None;
    for p in line.iter().filter(|p| p[0].is_finite() && p[1].is_finite()) {
        if let (Some(q), Some(part)) = (before, parts.last_mut())
            && (p[0] - q[0]).abs() > 180.0
        {
            let edge = if q[0] > 0.0 { 180.0 } else { -180.0 };
            let span = 360.0 - (p[0] - q[0]).abs();
            let share = if span > 0.0 { (edge - q[0]).abs() / span } else { 0.0 };
            let lat = q[1] + share * (p[1] - q[1]);
            part.push((edge, lat));
            parts.push(vec![(-edge, lat)]);
        }
        if let Some(part) = parts.last_mut() {
            part.push((p[0], p[1]));
        }
        before = Some(*p);
    }
    parts.into_iter().filter(|p| p.len() > 1).map(LineString::from).collect()
}

/// The bytes of a GeoPackage of these layers; `changed` is the time that it states as that of the last change, as
/// `2024-07-01T00:00:00.000Z`.
///
/// # Errors
/// If names of layers or columns are no names of tables, or twice the same.
pub fn geopackage(layers: &[Layer], changed: &str) -> Result<Vec<u8>, GeoPackageError> {
    let file = GeoPackage::create(":memory:")?;
    for Layer { table, shapes } in layers {
        let mut schema = TableSchemaBuilder::new(table.name());
        for (name, column) in table.columns() {
            let kind = match column {
                Column::Text(_) => ColumnType::Text(None),
                Column::Whole(_) => ColumnType::Integer,
                Column::Number(_) => ColumnType::Double,
            };
            schema = schema.column(ColumnSpec::new(name, kind));
        }
        let values = |row: usize| -> Vec<Value> {
            let of = |c: &Column| match c {
                Column::Text(v) => Value::Text(v[row].clone()),
                Column::Whole(v) => Value::Integer(v[row]),
                Column::Number(v) if v[row].is_finite() => Value::Float(v[row]),
                Column::Number(_) => Value::Null,
            };
            table.columns().iter().map(|(_, c)| of(c)).collect()
        };
        let rows = 0..table.rows();
        match shapes {
            Some(Shapes::Lines(lines)) => {
                let layer = file
                    .create_layer(&schema.geometry(GeometrySpec::new(GeometryType::MultiLineString, EPSG)))?;
                let line = |row: usize| lines.get(row).map(|l| parts(l)).filter(|l| !l.0.is_empty());
                let feature = |row| match line(row) {
                    Some(l) => NewFeature::new(l, values(row)),
                    None => NewFeature::attributes(values(row)),
                };
                layer.write_all(rows.map(feature), 0)?;
            }
            Some(Shapes::Points(points)) => {
                let layer =
                    file.create_layer(&schema.geometry(GeometrySpec::new(GeometryType::Point, EPSG)))?;
                let feature = |row: usize| match points.get(row).copied().flatten() {
                    Some([lon, lat]) => NewFeature::new(Point::new(lon, lat), values(row)),
                    None => NewFeature::attributes(values(row)),
                };
                layer.write_all(rows.map(feature), 0)?;
            }
            None => {
                let layer = file.create_attributes_table(&schema)?;
                layer.write_all(rows.map(|row| NewFeature::<Point>::attributes(values(row))), 0)?;
            }
        }
    }
    file.connection().execute("UPDATE gpkg_contents SET last_change = ?1", [changed])?;
    Ok(file.connection().serialize("main")?.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What stands in a file is read back by SQLite itself, through the tables that the standard names.
    #[test]
    fn a_file_holds_what_was_given() {
        let table = |name: &str| {
            Table::new(name).text("what", ["a", "b"]).whole("n", [1, 2]).number("t", [2.5, f64::NAN])
        };
        let lines = vec![vec![[170.0, 10.0], [-170.0, 20.0]], vec![[3.0, 4.0]]];
        let layers = [
            Layer { table: table("links"), shapes: Some(Shapes::Lines(lines)) },
            Layer { table: table("places"), shapes: Some(Shapes::Points(vec![Some([49.5, 40.25]), None])) },
            Layer { table: table("sums"), shapes: None },
        ];
        let day = "2031-07-01T00:00:00.000Z";
        let bytes = geopackage(&layers, day).unwrap();
        assert_eq!(bytes, geopackage(&layers, day).unwrap());
        assert!(bytes.starts_with(b"SQLite format 3\0"));
        assert_eq!(&bytes[68..72], b"GPKG", "application id");
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.gpkg");
        std::fs::write(&path, &bytes).unwrap();
        let db = rusqlite::Connection::open(&path).unwrap();
        let one = |sql: &str| -> String { db.query_row(sql, [], |r| r.get(0)).unwrap() };
        assert_eq!(
            one(
                "SELECT group_concat(table_name || ':' || data_type, ' ') FROM (SELECT * FROM gpkg_contents ORDER BY table_name)"
            ),
            "links:features places:features sums:attributes"
        );
        assert_eq!(one("SELECT DISTINCT last_change FROM gpkg_contents"), day);
        assert_eq!(
            one("SELECT geometry_type_name || srs_id FROM gpkg_geometry_columns WHERE table_name = 'links'"),
            "MULTILINESTRING4326"
        );
        assert_eq!(one("SELECT what || n || coalesce(t, '-') FROM sums WHERE n = 2"), "b2-");
        assert_eq!(
            one("SELECT printf('%.1f %.1f', min_x, max_x) FROM gpkg_contents WHERE table_name = 'links'"),
            "-180.0 180.0"
        );
        // Two parts of two points each; a line of one point is none.
        let shape: Vec<u8> = db.query_row("SELECT geom FROM links WHERE n = 1", [], |r| r.get(0)).unwrap();
        assert_eq!(&shape[..2], b"GP");
        let wkb = &shape[shape.len() - (9 + 2 * (9 + 32))..];
        assert_eq!(wkb[..9], [1, 5, 0, 0, 0, 2, 0, 0, 0]);
        let none: Option<Vec<u8>> =
            db.query_row("SELECT geom FROM links WHERE n = 2", [], |r| r.get(0)).unwrap();
        assert!(none.is_none());
    }

    #[test]
    fn two_layers_of_one_name_are_refused() {
        let layer = || Layer { table: Table::new("a").whole("n", [1]), shapes: None };
        assert!(geopackage(&[layer(), layer()], "2031-07-01T00:00:00.000Z").is_err());
    }
}
