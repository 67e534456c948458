//! What was read, before it is used: every table as text with its places, and the problems found.
//!
//! Reading gives a value *and* a list of problems. Scenarios edit here, so that one way of changing a cell
//! serves every table.

use std::collections::{BTreeMap, BTreeSet};
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

/// The text of one file of a table, kept so that the place of a cell can be found when it is asked for.
#[derive(Debug, Default)]
pub struct FileText {
    /// File, as the user would name it.
    pub name: Arc<str>,
    /// Its text.
    pub text: String,
    /// For each column of the table, the field of the file's records in which it stands.
    pub fields: Vec<Option<usize>>,
}

impl FileText {
    /// Line and column of field `field` of the record that starts at byte `offset`, which is on line `line`.
    /// Beyond the last field: where the record ends.
    pub fn locate(&self, offset: usize, line: u32, field: usize) -> At {
        let (mut line, mut column, mut seen, mut quoted, mut started) = (line, 1u32, 0usize, false, false);
        let mut previous = '\n';
        for c in self.text.get(offset..).unwrap_or("").chars() {
            let line_end = c == '\n' || c == '\r';
            if !started && line_end {
                if c == '\n' {
                    line += 1;
                }
                continue;
            }
            started = true;
            if !quoted && (seen == field || line_end) {
                break;
            }
            match c {
                // A quote opens a cell only at its start; doubled quotes close and open again.
                '"' if quoted || matches!(previous, ',' | '\n' | '"') => quoted = !quoted,
                ',' if !quoted => seen += 1,
                _ => {}
            }
            if c == '\n' {
                line += 1;
                column = 1;
            } else {
                column += 1;
            }
            previous = c;
        }
        At { file: self.name.clone(), line, column }
    }

    /// Whether the record that starts at byte `offset` ends inside quotes: a quote was never closed.
    pub fn ends_in_quotes(&self, offset: usize) -> bool {
        let (mut quoted, mut previous) = (false, '\n');
        for c in self.text.get(offset..).unwrap_or("").chars() {
            if c == '"' && (quoted || matches!(previous, ',' | '\n' | '\r' | '"')) {
                quoted = !quoted;
            }
            previous = c;
        }
        quoted
    }
}

/// Where a record comes from.
#[derive(Clone, Debug)]
pub enum Origin {
    /// A record of a file: the file, the byte at which it starts, the line of that byte.
    File(Arc<FileText>, u32, u32),
    /// An edit of a scenario.
    Edit(At),
}

/// A record: its cells and the place of each.
#[derive(Clone, Debug)]
pub struct RawRow {
    // One text and the ends of the cells in it: a model has a million cells, most of them empty.
    text: Box<str>,
    ends: Box<[u32]>,
    origin: Origin,
    edited: Vec<(usize, At)>,
}

impl RawRow {
    /// A record of cells in the order of the table's columns.
    pub fn new<'a>(cells: impl IntoIterator<Item = &'a str>, origin: Origin) -> Self {
        let (mut text, mut ends) = (String::new(), Vec::new());
        for c in cells {
            text.push_str(c);
            ends.push(u32::try_from(text.len()).unwrap_or(u32::MAX));
        }
        Self { text: text.into(), ends: ends.into(), origin, edited: Vec::new() }
    }

    /// The text of column `i`; empty where the record has none.
    #[inline]
    pub fn cell(&self, i: usize) -> &str {
        let start = if i == 0 { Some(&0) } else { self.ends.get(i - 1) };
        match (start, self.ends.get(i)) {
            (Some(s), Some(e)) => self.text.get(*s as usize..*e as usize).unwrap_or(""),
            _ => "",
        }
    }

    /// All cells, in the order of the table's columns.
    pub fn cells(&self) -> impl Iterator<Item = &str> {
        (0..self.ends.len()).map(|i| self.cell(i))
    }

    /// Changes the text of column `i`, at a place of a scenario.
    pub fn set(&mut self, i: usize, text: &str, at: At) {
        let width = self.ends.len().max(i + 1);
        let cells: Vec<String> =
            (0..width).map(|c| if c == i { text.to_owned() } else { self.cell(c).to_owned() }).collect();
        let edited = std::mem::take(&mut self.edited);
        *self = Self::new(cells.iter().map(String::as_str), self.origin.clone());
        self.edited = edited;
        self.edited.push((i, at));
    }

    /// Says that cell `i` was given at a place of a scenario.
    pub(crate) fn mark(&mut self, i: usize, at: At) {
        self.edited.push((i, at));
    }

    /// Where cell `i` stands.
    pub fn place(&self, i: usize) -> At {
        if let Some((_, at)) = self.edited.iter().rev().find(|(c, _)| *c == i) {
            return at.clone();
        }
        match &self.origin {
            Origin::File(file, offset, line) => match file.fields.get(i).copied().flatten() {
                Some(field) => file.locate(*offset as usize, *line, field),
                None => self.at(),
            },
            Origin::Edit(at) => at.clone(),
        }
    }

    /// The file the record was read from; `None` where a scenario added it.
    pub fn file(&self) -> Option<&str> {
        match &self.origin {
            Origin::File(file, ..) => Some(&file.name),
            Origin::Edit(_) => None,
        }
    }

    /// Where the record stands: its line, no column.
    pub fn at(&self) -> At {
        match &self.origin {
            Origin::File(file, offset, line) => At { column: 0, ..file.locate(*offset as usize, *line, 0) },
            Origin::Edit(at) => at.clone(),
        }
    }
}

/// One table as text. Files of one table may order their columns differently; rows are kept in the order of
/// the type's columns.
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
    /// Tables of which records could not be read: what seems to lack in them proves nothing.
    pub incomplete: BTreeSet<&'static str>,
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
