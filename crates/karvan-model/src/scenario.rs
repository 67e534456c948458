//! A scenario: a base, a day and an ordered list of edits of its tables.
//!
//! Edits change raw rows, so one way of reading a cell serves files and scenarios alike, and what is wrong
//! with an edited cell is reported at the scenario's own line.

use jiff::civil::Date;

use crate::near::nearest;
use crate::raw::{At, Origin, Problem, RawModel, RawRow};
use crate::{TABLES, TableInfo};

/// A text of a scenario and where it stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Said {
    /// The text.
    pub text: String,
    /// Where it stands.
    pub at: At,
}

/// One column and its new value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assign {
    /// Column.
    pub column: Said,
    /// Value, as it would stand in the table's cell.
    pub value: Said,
}

/// What an edit does.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Adds a row to a table.
    Add {
        /// Table.
        table: Said,
        /// Its cells; those not named are empty.
        row: Vec<Assign>,
    },
    /// Changes cells of a row.
    Change {
        /// Table.
        table: Said,
        /// Key of the row; of several key columns, joined by `/`.
        key: Said,
        /// The cells changed.
        set: Vec<Assign>,
    },
    /// Removes a row.
    Remove {
        /// Table.
        table: Said,
        /// Key of the row.
        key: Said,
    },
    /// Does what the rows of `project_edit` say for a project.
    Apply {
        /// Key of the project.
        project: Said,
        /// Day from which it is in use: rows of dated tables are split on it. Empty: on all days.
        from: Option<Date>,
    },
}

/// One edit.
#[derive(Clone, Debug, PartialEq)]
pub struct Edit {
    /// Where it stands.
    pub at: At,
    /// What it does.
    pub action: Action,
}

/// A scenario with everything it inherits: the edits of its bases stand before its own.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Scenario {
    /// Name in print: its title, or its file's name.
    pub name: String,
    /// Day on which the law and the links are frozen.
    pub as_of: Option<Date>,
    /// Edits, in the order in which they are done.
    pub edits: Vec<Edit>,
}

/// Edits the tables. An edit that cannot be done is reported and left out; the others are done.
pub fn apply_scenario(raw: &mut RawModel, scenario: &Scenario, problems: &mut Vec<Problem>) {
    for edit in &scenario.edits {
        match &edit.action {
            Action::Add { table, row } => {
                if let Some(info) = table_named(table, problems) {
                    add(raw, info, row, &edit.at, problems);
                }
            }
            Action::Change { table, key, set } => {
                if let Some(info) = table_named(table, problems) {
                    change(raw, info, key, set, None, problems);
                }
            }
            Action::Remove { table, key } => {
                if let Some(info) = table_named(table, problems) {
                    remove(raw, info, key, None, problems);
                }
            }
            Action::Apply { project, from } => apply_project(raw, project, *from, problems),
        }
    }
}

fn table_named(table: &Said, problems: &mut Vec<Problem>) -> Option<&'static TableInfo> {
    let found = TABLES.iter().find(|t| t.name == table.text);
    if found.is_none() {
        let mut p = Problem::error(table.at.clone(), format!("no table is called `{}`", table.text));
        p = match nearest(&table.text, TABLES.iter().map(|t| t.name)) {
            Some(n) => p.hint(format!("did you mean `{n}`?")),
            None => p.allowed(TABLES.iter().map(|t| t.name).collect::<Vec<_>>().join(", ")),
        };
        problems.push(p);
    }
    found
}

/// Positions and values of assignments; unknown and repeated columns are reported.
fn cells<'a>(info: &TableInfo, row: &'a [Assign], problems: &mut Vec<Problem>) -> Vec<(usize, &'a Said)> {
    let columns = (info.columns)();
    let mut out: Vec<(usize, &Said)> = Vec::new();
    for a in row {
        match columns.iter().position(|c| c.name == a.column.text) {
            Some(i) if out.iter().any(|(j, _)| *j == i) => {
                problems.push(Problem::error(
                    a.column.at.clone(),
                    format!("column `{}` is set twice", a.column.text),
                ));
            }
            Some(i) => out.push((i, &a.value)),
            None => {
                let what = format!("table `{}` has no column `{}`", info.name, a.column.text);
                let mut p = Problem::error(a.column.at.clone(), what);
                p = match nearest(&a.column.text, columns.iter().map(|c| c.name)) {
                    Some(n) => p.hint(format!("did you mean `{n}`?")),
                    None => p.allowed(columns.iter().map(|c| c.name).collect::<Vec<_>>().join(", ")),
                };
                problems.push(p);
            }
        }
    }
    out
}

fn key_positions(info: &TableInfo) -> Vec<usize> {
    let columns = (info.columns)();
    (info.key)().iter().filter_map(|k| columns.iter().position(|c| c.name == *k)).collect()
}

/// The key of a raw row: its key columns' texts, joined by `/`.
pub(crate) fn key_of(positions: &[usize], row: &RawRow) -> String {
    positions.iter().map(|i| row.cell(*i)).collect::<Vec<_>>().join("/")
}

fn find(raw: &RawModel, info: &TableInfo, key: &Said, problems: &mut Vec<Problem>) -> Option<usize> {
    let positions = key_positions(info);
    let rows = raw.tables.get(info.name).map_or(&[][..], |t| &t.rows);
    let found = rows.iter().position(|r| key_of(&positions, r) == key.text);
    if found.is_none() {
        let what = format!("table `{}` has no row `{}`", info.name, key.text);
        let mut p = Problem::error(key.at.clone(), what);
        let keys: Vec<String> = rows.iter().map(|r| key_of(&positions, r)).collect();
        if let Some(n) = nearest(&key.text, keys.iter().map(String::as_str)) {
            p = p.hint(format!("did you mean `{n}`?"));
        } else if positions.len() > 1 {
            p = p.allowed(format!("the texts of {} with `/` between", (info.key)().join(", ")));
        }
        problems.push(p);
    }
    found
}

fn add(raw: &mut RawModel, info: &TableInfo, row: &[Assign], at: &At, problems: &mut Vec<Problem>) {
    let columns = (info.columns)();
    let set = cells(info, row, problems);
    let texts =
        (0..columns.len()).map(|i| set.iter().find(|(c, _)| *c == i).map_or("", |(_, v)| v.text.as_str()));
    let mut new = RawRow::new(texts, Origin::Edit(at.clone()));
    for (i, v) in &set {
        new.mark(*i, v.at.clone());
    }
    let positions = key_positions(info);
    let key = key_of(&positions, &new);
    let rows = &mut raw.tables.entry(info.name).or_default().rows;
    if rows.iter().any(|r| key_of(&positions, r) == key) {
        problems.push(
            Problem::error(at.clone(), format!("table `{}` already has a row `{key}`", info.name))
                .hint(format!("change it: change = \"{}\", key = \"{key}\"", info.name)),
        );
        return;
    }
    rows.push(new);
}

/// Changes a row. With a day, a row of a dated table is split: the old one ends on it, the changed one begins.
fn change(
    raw: &mut RawModel,
    info: &TableInfo,
    key: &Said,
    set: &[Assign],
    from: Option<Date>,
    problems: &mut Vec<Problem>,
) {
    let set = cells(info, set, problems);
    let Some(i) = find(raw, info, key, problems) else { return };
    let Some(table) = raw.tables.get_mut(info.name) else { return };
    let mut row = table.rows[i].clone();
    if let (Some(day), [Some(f), Some(t)]) = (from, dated_columns(info)) {
        let day = day.to_string();
        let positions = key_positions(info);
        // ISO days compare as text.
        let before = row.cell(f).is_empty() || row.cell(f) < day.as_str();
        let after = !row.cell(t).is_empty() && row.cell(t) <= day.as_str();
        if after {
            problems.push(Problem::error(
                key.at.clone(),
                format!("row `{}` of `{}` ends on {}, before {day}", key.text, info.name, row.cell(t)),
            ));
            return;
        }
        if before {
            table.rows[i].set(t, &day, key.at.clone());
            row.set(f, &day, key.at.clone());
            if !positions.contains(&f) {
                let own = format!("{}.{day}", row.cell(positions[0]));
                row.set(positions[0], &own, key.at.clone());
            }
            for (c, v) in set {
                row.set(c, &v.text, v.at.clone());
            }
            table.rows.push(row);
            return;
        }
    }
    for (c, v) in set {
        row.set(c, &v.text, v.at.clone());
    }
    table.rows[i] = row;
}

/// Removes a row. With a day, a row of a dated table that began before it ends on it.
fn remove(raw: &mut RawModel, info: &TableInfo, key: &Said, from: Option<Date>, problems: &mut Vec<Problem>) {
    let Some(i) = find(raw, info, key, problems) else { return };
    let Some(table) = raw.tables.get_mut(info.name) else { return };
    if let (Some(day), [Some(f), Some(t)]) = (from.map(|d| d.to_string()), dated_columns(info)) {
        let row = &mut table.rows[i];
        // ISO days compare as text.
        if row.cell(f) < day.as_str() {
            if row.cell(t).is_empty() || row.cell(t) > day.as_str() {
                row.set(t, &day, key.at.clone());
            }
            return;
        }
    }
    table.rows.remove(i);
}

/// Positions of `from` and `till`, where they are days.
fn dated_columns(info: &TableInfo) -> [Option<usize>; 2] {
    let columns = (info.columns)();
    ["from", "till"].map(|n| columns.iter().position(|c| c.name == n && c.syntax.starts_with("date")))
}

fn apply_project(raw: &mut RawModel, project: &Said, from: Option<Date>, problems: &mut Vec<Problem>) {
    let projects = raw.tables.get("project").map_or(&[][..], |t| &t.rows);
    if !projects.iter().any(|r| r.cell(0) == project.text) {
        let mut p = Problem::error(project.at.clone(), format!("no project has the key `{}`", project.text));
        if let Some(n) = nearest(&project.text, projects.iter().map(|r| r.cell(0))) {
            p = p.hint(format!("did you mean `{n}`?"));
        }
        problems.push(p);
        return;
    }
    let edits = raw.tables.get("project_edit").map_or(&[][..], |t| &t.rows);
    let mut edits: Vec<RawRow> = edits.iter().filter(|r| r.cell(0) == project.text).cloned().collect();
    edits.sort_by_key(|r| r.cell(1).parse::<u32>().unwrap_or(u32::MAX));
    if edits.is_empty() {
        problems.push(
            Problem::warning(
                project.at.clone(),
                format!("project `{}` changes nothing in the tables", project.text),
            )
            .hint("add its rows to `project_edit`"),
        );
    }
    for e in edits {
        let table = Said { text: e.cell(2).to_owned(), at: e.place(2) };
        let key = Said { text: e.cell(4).to_owned(), at: e.place(4) };
        let Some(info) = table_named(&table, problems) else { continue };
        let mut set = assignments(info, e.cell(5), &e.place(5), problems);
        match e.cell(3) {
            "add" => {
                // The row's own key need not be said twice.
                let keys = (info.key)();
                if keys.len() == 1 && !set.iter().any(|a| a.column.text == keys[0]) {
                    set.push(assign(keys[0], &key.text, &key.at));
                }
                if let (Some(day), [Some(_), _]) = (from, dated_columns(info)) {
                    set.retain(|a| a.column.text != "from");
                    set.push(assign("from", &day.to_string(), &project.at));
                }
                add(raw, info, &set, &e.at(), problems);
            }
            "change" => change(raw, info, &key, &set, from, problems),
            "remove" => remove(raw, info, &key, from, problems),
            other => problems.push(
                Problem::error(e.place(3), format!("`project_edit` column `action`: `{other}`"))
                    .allowed("`add`, `change` or `remove`"),
            ),
        }
    }
}

fn assign(column: &str, value: &str, at: &At) -> Assign {
    let said = |t: &str| Said { text: t.to_owned(), at: at.clone() };
    Assign { column: said(column), value: said(value) }
}

/// Reads `state=open;till=2027-01-01`. A part that names no column belongs to the list before it:
/// `gauge_mm=1520;1435`.
pub(crate) fn assignments(info: &TableInfo, text: &str, at: &At, problems: &mut Vec<Problem>) -> Vec<Assign> {
    let columns = (info.columns)();
    let mut out: Vec<Assign> = Vec::new();
    for part in text.split(';').map(str::trim).filter(|p| !p.is_empty()) {
        match part.split_once('=') {
            Some((c, v)) if columns.iter().any(|k| k.name == c.trim()) || out.is_empty() => {
                out.push(assign(c.trim(), v.trim(), at));
            }
            _ => match out.last_mut() {
                Some(last) => {
                    last.value.text.push(';');
                    last.value.text.push_str(part);
                }
                None => problems.push(
                    Problem::error(at.clone(), format!("`{}` sets no column", crate::shorten(part)))
                        .allowed("column=value, with `;` between"),
                ),
            },
        }
    }
    out
}
