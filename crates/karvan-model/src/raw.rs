//! What was read, before it is used: every table as text with its places, and the problems found.
//!
//! Reading gives a value *and* a list of problems. Scenarios edit here, so that one way of changing a cell
//! serves every table.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// A place in a file. Lines and columns count from 1; 0 means the whole file or line.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct At {
    /// File, as the user would name it.
    pub file: Arc<str>,
    /// Line.
    pub line: u32,
    /// Column (of characters).
    pub column: u32,
}

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file)?;
        if self.line > 0 {
            write!(f, ":{}", self.line)?;
        }
        if self.column > 0 {
            write!(f, ":{}", self.column)?;
        }
        Ok(())
    }
}

/// How bad a problem is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The model cannot be used.
    Error,
    /// The model can be used; a person should look.
    Warning,
}

/// Something wrong: where, what was given, what is allowed, the way out.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// Where.
    pub at: At,
    /// How bad.
    pub severity: Severity,
    /// What is wrong, with what was given.
    pub what: String,
    /// What is allowed.
    pub allowed: Option<String>,
    /// The way out.
    pub hint: Option<String>,
}

impl Problem {
    /// An error at a place.
    pub fn error(at: At, what: impl Into<String>) -> Self {
        Self { at, severity: Severity::Error, what: what.into(), allowed: None, hint: None }
    }
    /// A warning at a place.
    pub fn warning(at: At, what: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(at, what) }
    }
    /// With what is allowed.
    pub fn allowed(mut self, allowed: impl Into<String>) -> Self {
        self.allowed = Some(allowed.into());
        self
    }
    /// With the way out.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        write!(f, "{}: {word}: {}", self.at, self.what)?;
        if let Some(a) = &self.allowed {
            write!(f, "; allowed: {a}")?;
        }
        if let Some(h) = &self.hint {
            write!(f, "\n  hint: {h}")?;
        }
        Ok(())
    }
}

/// A record: its cells and the place of each.
#[derive(Clone, Debug, Default)]
pub struct RawRow {
    /// Texts, in the order of the table's header.
    pub cells: Vec<String>,
    /// Where the record starts.
    pub at: At,
    /// Place of each cell; may be shorter than `cells`, then the record's place stands.
    pub cell_at: Vec<(u32, u32)>,
    /// Cells a scenario has changed: column, place of the edit.
    pub edited: Vec<(usize, At)>,
}

impl RawRow {
    /// Where cell `i` stands.
    pub fn place(&self, i: usize) -> At {
        if let Some((_, at)) = self.edited.iter().rev().find(|(c, _)| *c == i) {
            return at.clone();
        }
        match self.cell_at.get(i) {
            Some((line, column)) => At { file: self.at.file.clone(), line: *line, column: *column },
            None => self.at.clone(),
        }
    }
}

/// One table as text. Files of one table may order their columns differently; rows are kept in the order of
/// `columns`, which is the order of the type.
#[derive(Clone, Debug, Default)]
pub struct RawTable {
    /// Rows.
    pub rows: Vec<RawRow>,
}

/// A model folder as text.
#[derive(Clone, Debug, Default)]
pub struct RawModel {
    /// `model.toml`.
    pub manifest: Manifest,
    /// Tables by name.
    pub tables: BTreeMap<&'static str, RawTable>,
}

/// `model.toml`: what the model is, and under which terms its parts stand.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Key of the model.
    pub name: String,
    /// Title in print.
    pub title: String,
    /// Version of the data.
    pub version: String,
    /// First day questions may be asked about.
    pub first_day: jiff::civil::Date,
    /// Last day questions may be asked about.
    pub last_day: jiff::civil::Date,
    /// Currency year to which prices are converted for print.
    pub price_year: u32,
    /// Attribution printed on maps.
    #[serde(default)]
    pub attribution: Vec<String>,
    /// Files that stand under terms other than the default's.
    #[serde(default)]
    pub file: Vec<Part>,
}

/// The terms of one file of a model.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// File name.
    pub name: String,
    /// SPDX licence expression, or the terms in words.
    pub licence: String,
    /// Whom to credit.
    pub attribution: String,
    /// Where it comes from.
    pub origin: String,
}
