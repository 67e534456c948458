//! From rows to files: tables as text, curated tables beside them, sources looked up, terms stated.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use karvan_model::cell::{Cell, Claim, Named};
use karvan_model::raw::{At, Manifest, Origin, Problem, RawModel, RawRow, RawTable, Severity};
use karvan_model::table::Row;
use karvan_model::tables::Source;
use karvan_model::{TABLES, Tables};

use super::config::{Config, Terms};
use super::input::{Data, names_in, some, text};

/// File name to content.
pub type Files = BTreeMap<String, String>;

/// Rows of a table by the middle part of the file's name.
pub fn table<T: Row>(files: &mut Files, part: &str, mut rows: Vec<T>) -> Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    rows.sort_by_key(|r| r.key());
    let mut w = csv::WriterBuilder::new().from_writer(Vec::new());
    w.write_record(T::columns().iter().map(|c| c.name))?;
    for r in &rows {
        w.write_record(r.write())?;
    }
    let text = String::from_utf8(w.into_inner().context("closing a table")?)?;
    files.insert(format!("{}.{part}.csv", T::TABLE), text);
    Ok(())
}

/// Tables of which the builder makes files itself; the curated one stands beside them.
const MADE: &[&str] = &["node", "link", "geometry", "link_state", "artefact", "border", "source"];

/// The file of a curated table in the model: `border_gateway.csv` is `border.gateway.csv`; `None` for what is
/// no table but input of the builder.
fn model_name(name: &str) -> Option<(&'static str, String)> {
    let stem = name.strip_suffix(".csv")?;
    if let Some(t) = TABLES.iter().find(|t| t.name == stem) {
        let file = if MADE.contains(&stem) { format!("{stem}.curated.csv") } else { name.to_owned() };
        return Some((t.name, file));
    }
    TABLES
        .iter()
        .filter_map(|t| Some((t.name, stem.strip_prefix(t.name)?.strip_prefix('_')?)))
        .max_by_key(|(t, _)| t.len())
        .map(|(t, part)| (t, format!("{t}.{part}.csv")))
}

/// The curated tables, as files of the model. `source` is left to [`sources`], the classes of events to `chronicle`.
pub fn curated(data: &Data, files: &mut Files) -> Result<()> {
    for name in data.list("curated")? {
        let Some((table, file)) = model_name(&name) else { continue };
        if table == "source" || table == "chronicle" {
            continue;
        }
        let text = fs::read_to_string(data.path("curated").join(&name))
            .with_context(|| format!("data/curated/{name}"))?;
        files.insert(file, text.replace("\r\n", "\n"));
    }
    Ok(())
}

/// Leaves out border rows at crossings that no line of the model reaches; their keys.
pub fn drop_lone_borders(files: &mut Files, reached: &BTreeSet<String>) -> Result<Vec<String>> {
    let mut gone = Vec::new();
    for (name, text) in files.iter_mut() {
        if !name.starts_with("border.") || name.contains(".pipeline.") {
            continue;
        }
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        let header = reader.headers()?.clone();
        let node =
            header.iter().position(|h| h == "node").with_context(|| format!("{name}: no column `node`"))?;
        let mut w = csv::WriterBuilder::new().from_writer(Vec::new());
        w.write_record(&header)?;
        for r in reader.records() {
            let r = r.with_context(|| name.clone())?;
            match r.get(node) {
                Some(n) if !reached.contains(n) => gone.push(n.to_owned()),
                _ => w.write_record(&r)?,
            }
        }
        *text = String::from_utf8(w.into_inner().context("closing a table")?)?;
    }
    gone.sort();
    gone.dedup();
    Ok(gone)
}

/// Writes an edit of the state of a missing link for each of the links it became.
pub fn expand_edits(files: &mut Files, pieces: &BTreeMap<String, Vec<String>>) -> Result<()> {
    let Some(text) = files.get("project_edit.csv") else { return Ok(()) };
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let header = reader.headers()?.clone();
    let column = |name: &str| {
        header.iter().position(|h| h == name).with_context(|| format!("project_edit.csv: no column `{name}`"))
    };
    let (project, seq, table, row) = (column("project")?, column("seq")?, column("table")?, column("row")?);
    let mut out: Vec<Vec<String>> = Vec::new();
    for r in reader.records() {
        let r: Vec<String> = r?.iter().map(str::to_owned).collect();
        let key = r[row].clone();
        let (link, rest) = key.split_once('/').map_or((key.as_str(), ""), |(a, b)| (a, b));
        match pieces.get(link).filter(|_| r[table] == "link_state" || r[table] == "link") {
            Some(list) => {
                for id in list {
                    let mut copy = r.clone();
                    copy[row] = if r[table] == "link" { id.clone() } else { format!("{id}/{rest}") };
                    out.push(copy);
                }
            }
            None => out.push(r),
        }
    }
    let mut n: BTreeMap<String, u32> = BTreeMap::new();
    let mut w = csv::WriterBuilder::new().from_writer(Vec::new());
    w.write_record(&header)?;
    for mut r in out {
        let count = n.entry(r[project].clone()).or_default();
        *count += 1;
        r[seq] = count.to_string();
        w.write_record(&r)?;
    }
    files.insert("project_edit.csv".into(), String::from_utf8(w.into_inner().context("closing a table")?)?);
    Ok(())
}

/// The files as the model's readers would see them.
pub fn read(files: &Files, problems: &mut Vec<Problem>) -> RawModel {
    let mut model = RawModel::default();
    for (name, text) in files {
        let Some(stem) = name.strip_suffix(".csv") else { continue };
        let table = stem.split('.').next().unwrap_or(stem);
        let file: Arc<str> = Arc::from(name.as_str());
        let Some(info) = TABLES.iter().find(|t| t.name == table) else {
            problems.push(Problem::error(At { file, ..At::default() }, format!("`{table}` is no table")));
            continue;
        };
        let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(text.as_bytes());
        let header: Vec<String> =
            reader.headers().map(|h| h.iter().map(str::to_owned).collect()).unwrap_or_default();
        let columns = (info.columns)();
        for c in &columns {
            if !header.iter().any(|h| h == c.name) && !c.optional {
                problems.push(Problem::error(
                    At { file: file.clone(), line: 1, column: 0 },
                    format!("no column `{}`", c.name),
                ));
            }
        }
        for h in &header {
            if !columns.iter().any(|c| c.name == h) {
                problems.push(Problem::error(
                    At { file: file.clone(), line: 1, column: 0 },
                    format!("unknown column `{h}`"),
                ));
            }
        }
        let order: Vec<Option<usize>> =
            columns.iter().map(|c| header.iter().position(|h| h == c.name)).collect();
        let rows = &mut model.tables.entry(info.name).or_insert_with(RawTable::default).rows;
        for r in reader.records() {
            match r {
                Ok(r) => {
                    let line = r.position().map_or(0, |p| p.line() as u32);
                    let cells = order.iter().map(|i| i.and_then(|i| r.get(i)).unwrap_or_default().trim());
                    rows.push(RawRow::new(cells, Origin::Edit(At { file: file.clone(), line, column: 0 })));
                }
                Err(e) => {
                    problems.push(Problem::error(At { file: file.clone(), ..At::default() }, e.to_string()))
                }
            }
        }
    }
    model
}

/// `source.csv`: every key used in a claim, looked up; what is not found is an error.
pub fn sources(data: &Data, files: &mut Files) -> Result<Vec<String>> {
    let mut known: BTreeMap<String, Source> = BTreeMap::new();
    for folder in ["facts", "inputs"] {
        for name in data.list(folder)?.into_iter().filter(|n| n.ends_with(".csv")) {
            // Outcomes are kept for scoring and are never an input.
            if name == "observations.csv" {
                continue;
            }
            for r in data.csv(&format!("{folder}/{name}"))? {
                let Some(id) = some(&r, "id") else { continue };
                let url = some(&r, "source_url");
                let publisher = url.as_deref().map_or_else(|| "not stated".to_owned(), host);
                let title = some(&r, "name")
                    .or_else(|| some(&r, "what"))
                    .or_else(|| some(&r, "line"))
                    .or_else(|| some(&r, "measure"));
                let source = Source {
                    id: karvan_model::cell::Id(id.clone()),
                    publisher,
                    title: Some(
                        title.map_or_else(|| format!("{folder}/{name}"), |t| format!("{folder}/{name}: {t}")),
                    ),
                    url,
                    date: some(&r, "source_date"),
                    licence: some(&r, "terms"),
                };
                known.entry(id).or_insert(source);
            }
        }
    }
    for name in data.list("curated")?.into_iter().filter(|n| n.starts_with("source") && n.ends_with(".csv")) {
        for r in data.csv(&format!("curated/{name}"))? {
            let id = text(&r, "id").to_owned();
            let source = Source {
                id: karvan_model::cell::Id(id.clone()),
                publisher: text(&r, "publisher").to_owned(),
                title: some(&r, "title"),
                url: some(&r, "url"),
                date: some(&r, "date"),
                licence: some(&r, "licence"),
            };
            known.insert(id, source);
        }
    }
    let mut problems = Vec::new();
    let raw = read(files, &mut problems);
    let mut used = BTreeSet::new();
    let mut missing = Vec::new();
    for t in TABLES {
        let Some(table) = raw.tables.get(t.name) else { continue };
        let claims: Vec<usize> = (t.columns)()
            .iter()
            .enumerate()
            .filter(|(_, c)| c.refers_to == Some(Source::TABLE))
            .map(|(i, _)| i)
            .collect();
        for row in &table.rows {
            for &i in &claims {
                let Ok(claim) = Claim::read(row.cell(i)) else { continue };
                for key in claim.sources {
                    if known.contains_key(&key) {
                        used.insert(key);
                    } else {
                        missing.push(format!(
                            "{}: `{}` row `{}`: no source `{key}`",
                            row.at(),
                            t.name,
                            row.cell(0)
                        ));
                    }
                }
            }
        }
    }
    let rows: Vec<Source> = used.into_iter().filter_map(|k| known.get(&k).cloned()).collect();
    let mut made = Files::new();
    table(&mut made, "all", rows)?;
    if let Some(text) = made.remove("source.all.csv") {
        files.insert("source.csv".into(), text);
    }
    Ok(missing)
}

/// Host of an address, without `www.`; the whole text where it is none.
fn host(url: &str) -> String {
    let rest = url.split_once("://").map_or(url, |(_, r)| r);
    let host = rest.split(['/', '?', ' ']).next().unwrap_or(rest);
    host.strip_prefix("www.").unwrap_or(host).to_owned()
}

/// `model.toml`.
pub fn manifest(config: &Config, files: &mut Files) -> Result<()> {
    let mut attribution: Vec<String> =
        config.terms.values().filter(|t| t.on_maps).map(|t| t.attribution.clone()).collect();
    attribution.dedup();
    let default = config.terms.get("own").context("build.toml: terms.own is missing")?;
    let part = |name: &String| {
        let mut words = name.split('.');
        // By the table's own name, else by the middle part of the file's.
        let own = words.next().and_then(|p| config.terms.get(p));
        let middle = words.next().and_then(|p| config.terms.get(p));
        let terms: &Terms = middle.or(own).unwrap_or(default);
        terms.part(name.clone())
    };
    let m = Manifest {
        name: config.model.name.clone(),
        title: config.model.title.clone(),
        version: config.model.version.clone(),
        first_day: config.model.first_day,
        last_day: config.model.last_day,
        price_year: config.model.price_year,
        attribution,
        file: files.keys().map(part).collect(),
    };
    let head = "# Made by `cargo xtask build-model` from data/; edit there, not here.\n\n";
    files.insert("model.toml".into(), format!("{head}{}", toml::to_string_pretty(&m)?));
    Ok(())
}

/// Typed tables, and every cell that could not be read.
pub fn typed(files: &Files) -> (Tables, Vec<String>) {
    let mut problems = Vec::new();
    let raw = read(files, &mut problems);
    let tables = Tables::read(&raw, &mut problems);
    let errors = problems.iter().filter(|p| p.severity == Severity::Error).map(ToString::to_string).collect();
    (tables, errors)
}

/// Reads a model folder as it is.
#[cfg(test)]
pub fn folder(path: &Path) -> Result<Files> {
    let mut files = Files::new();
    for name in names_in(path)? {
        files.insert(name.clone(), fs::read_to_string(path.join(&name))?);
    }
    Ok(files)
}

/// Writes the files and removes tables that are no longer made; with `check`, only compares.
pub fn write(files: &Files, out: &Path, check: bool) -> Result<()> {
    let there = if out.is_dir() { names_in(out)? } else { Vec::new() };
    let stale: Vec<&String> = there
        .iter()
        .filter(|n| (n.ends_with(".csv") || *n == "model.toml") && !files.contains_key(*n))
        .collect();
    if check {
        let mut differ: Vec<String> =
            stale.iter().map(|n| format!("{n}: is there but no longer made")).collect();
        for (name, text) in files {
            match fs::read_to_string(out.join(name)) {
                Ok(old) if old == *text => {}
                Ok(old) => {
                    let line = old.lines().zip(text.lines()).position(|(a, b)| a != b).map_or(0, |i| i + 1);
                    differ.push(format!("{name}: differs, first at line {line}"));
                }
                Err(_) => differ.push(format!("{name}: missing")),
            }
        }
        if !differ.is_empty() {
            bail!(
                "the model folder is not what data/ makes; run `cargo xtask build-model`\n  {}",
                differ.join("\n  ")
            );
        }
        return Ok(());
    }
    fs::create_dir_all(out).with_context(|| format!("making {}", out.display()))?;
    for (name, text) in files {
        let path = out.join(name);
        if fs::read_to_string(&path).is_ok_and(|old| old == *text) {
            continue;
        }
        // Whole or not at all: a half-written table would be read as a shorter one.
        let part = out.join(format!(".{name}.part"));
        fs::write(&part, text).with_context(|| format!("writing {}", part.display()))?;
        fs::rename(&part, &path).with_context(|| format!("writing {}", path.display()))?;
    }
    for name in stale {
        fs::remove_file(out.join(name)).with_context(|| format!("removing {name}"))?;
    }
    Ok(())
}
