//! What stands outside the program as published data: the scenario file and the answers of `places` and
//! `check` as types, and the JSON schemas of these and of the tables.

use std::collections::BTreeMap;

use jiff::civil::Date;
use schemars::{JsonSchema, Schema, schema_for};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::raw::{Manifest, Problem, Severity};
use crate::{TABLES, TableInfo};

/// A scenario file (TOML).
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "Karvan scenario")]
pub struct ScenarioDocument {
    /// Title in print; without it, the file's name.
    pub title: Option<String>,
    /// What the scenario is about.
    pub about: Option<String>,
    /// What it edits: `builtin`, a model folder, or another scenario, relative to this file. Without it, the model in use.
    pub base: Option<String>,
    /// Day on which the law and the links are frozen; goes before the base's.
    pub as_of: Option<Date>,
    /// Edits, in order.
    #[serde(default)]
    pub edit: Vec<EditDocument>,
}

/// One edit of a scenario.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(untagged, deny_unknown_fields)]
pub enum EditDocument {
    /// Adds a row.
    Add {
        /// Table.
        add: String,
        /// Column and value; columns not named are empty.
        row: BTreeMap<String, CellDocument>,
    },
    /// Changes cells of a row.
    Change {
        /// Table.
        change: String,
        /// Key of the row; of several key columns, joined by `/`.
        key: String,
        /// Column and new value.
        set: BTreeMap<String, CellDocument>,
    },
    /// Removes a row.
    Remove {
        /// Table.
        remove: String,
        /// Key of the row.
        key: String,
    },
    /// Does what `project_edit` says for a project.
    Apply {
        /// Key of the project.
        apply: String,
        /// Day from which it is in use; without it, on all days.
        from: Option<Date>,
    },
}

/// A value of a cell: a text as it stands in the table, a number, a day, true or false, or a list of these.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum CellDocument {
    /// A text or a day.
    Text(String),
    /// A number.
    Number(f64),
    /// `yes` or `no`.
    Truth(bool),
    /// A list, written with `;` between.
    List(Vec<CellDocument>),
}

/// Answer of `karvan places --format json`.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct PlacesAnswer {
    /// Version of this schema.
    pub schema_version: u32,
    /// What was asked for.
    pub text: String,
    /// Places, the likest first.
    pub places: Vec<PlaceFound>,
}

/// One place.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct PlaceFound {
    /// Key of the node.
    pub key: String,
    /// Official name in Latin script.
    pub name: String,
    /// Names by language code.
    pub names: BTreeMap<String, String>,
    /// Other names.
    pub aliases: Vec<String>,
    /// Kind of place.
    pub kind: crate::tables::NodeKind,
    /// State, ISO 3166-1 alpha-2.
    pub state: Option<String>,
    /// UN/LOCODE.
    pub unlocode: Option<String>,
    /// ESR station code.
    pub esr: Option<String>,
    /// Key of the town to which it belongs.
    pub town: Option<String>,
    /// Longitude, degrees east.
    pub lon: f64,
    /// Latitude, degrees north.
    pub lat: f64,
    /// The name or code that was found to fit.
    pub found_by: String,
    /// How well it fits, 0 to 1.
    pub score: f64,
}

/// Answer of `karvan check --format json`.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct CheckAnswer {
    /// Version of this schema.
    pub schema_version: u32,
    /// Key of the model.
    pub model: String,
    /// Version of the model.
    pub model_version: String,
    /// BLAKE3 of the model's files (those for maps apart) and the scenario's.
    pub hash: String,
    /// Name of the scenario.
    pub scenario: Option<String>,
    /// Number of errors.
    pub errors: usize,
    /// Number of warnings.
    pub warnings: usize,
    /// All problems, by place.
    pub problems: Vec<ProblemFound>,
    /// Claims by table.
    pub claims: Vec<ClaimsFound>,
}

/// One problem.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct ProblemFound {
    /// `error` or `warning`.
    pub severity: String,
    /// File.
    pub file: String,
    /// Line, from 1; 0: the whole file.
    pub line: u32,
    /// Column of characters, from 1; 0: the whole line.
    pub column: u32,
    /// What is wrong, with what was given.
    pub what: String,
    /// What is allowed.
    pub allowed: Option<String>,
    /// The way out.
    pub hint: Option<String>,
}

impl From<&Problem> for ProblemFound {
    fn from(p: &Problem) -> Self {
        let severity = match p.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        Self {
            severity: severity.into(),
            file: p.at.file.to_string(),
            line: p.at.line,
            column: p.at.column,
            what: p.what.clone(),
            allowed: p.allowed.clone(),
            hint: p.hint.clone(),
        }
    }
}

/// Claims of one table.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct ClaimsFound {
    /// Table.
    pub table: String,
    /// Claims that rest on sources alone.
    pub sourced: usize,
    /// Claims that say `assumed`.
    pub assumed: usize,
}

/// The schema of scenario files.
pub fn scenario_schema() -> Schema {
    schema_for!(ScenarioDocument)
}

/// The schema of the answer of `places`.
pub fn places_schema() -> Schema {
    schema_for!(PlacesAnswer)
}

/// The schema of the answer of `check`.
pub fn check_schema() -> Schema {
    schema_for!(CheckAnswer)
}

/// The schema of a model: `model.toml`, and for each table a row as an object of texts.
pub fn model_schema() -> Value {
    let mut tables = Map::new();
    for t in TABLES {
        tables.insert(t.name.to_owned(), row_schema(t));
    }
    let rows: Map<String, Value> = TABLES
        .iter()
        .map(|t| {
            (
                t.name.to_owned(),
                json!({ "type": "array", "items": { "$ref": format!("#/$defs/{}", t.name) } }),
            )
        })
        .collect();
    let mut manifest = schema_for!(Manifest).to_value();
    let inner = manifest.as_object_mut().and_then(|m| m.remove("$defs"));
    if let Some(m) = manifest.as_object_mut() {
        m.remove("$schema");
    }
    tables.insert("model.toml".into(), manifest);
    if let Some(Value::Object(defs)) = inner {
        tables.extend(defs);
    }
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Karvan model",
        "description": "Every row of every table as an object; each cell as the text that stands in the CSV file.",
        "type": "object",
        "properties": rows,
        "$defs": tables,
    })
}

fn row_schema(t: &TableInfo) -> Value {
    let columns = (t.columns)();
    let mut properties = Map::new();
    for c in &columns {
        let mut p = Map::new();
        p.insert("type".into(), "string".into());
        p.insert("description".into(), c.doc.trim().into());
        p.insert("x-syntax".into(), c.syntax.clone().into());
        if let Some(words) = words_of(&c.syntax) {
            let empty = c.optional.then(String::new);
            p.insert("enum".into(), words.into_iter().map(str::to_owned).chain(empty).collect());
        }
        if let Some(r) = c.refers_to {
            p.insert("x-refers-to".into(), r.into());
        }
        properties.insert(c.name.to_owned(), Value::Object(p));
    }
    let required: Vec<&str> = columns.iter().filter(|c| !c.optional).map(|c| c.name).collect();
    json!({
        "type": "object",
        "description": t.doc.split_whitespace().collect::<Vec<_>>().join(" "),
        "x-key": (t.key)(),
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    })
}

/// The words of a column that holds one of a fixed set.
fn words_of(syntax: &str) -> Option<Vec<&str>> {
    if !syntax.starts_with('`') {
        return None;
    }
    let words: Vec<&str> = syntax.split('`').skip(1).step_by(2).collect();
    (words.len() > 1).then_some(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_of_words_lists_them() {
        let s = model_schema();
        let kinds = &s["$defs"]["node"]["properties"]["kind"]["enum"];
        assert!(kinds.as_array().is_some_and(|k| k.contains(&"port".into())), "{kinds}");
        assert_eq!(s["$defs"]["node"]["required"].as_array().map(Vec::len), Some(6));
        assert_eq!(words_of("list, `;` between: `a` `b`"), None);
    }
}
