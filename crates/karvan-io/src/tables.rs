//! From the bytes of CSV files to raw tables.

use std::collections::BTreeMap;
use std::sync::Arc;

use karvan_model::nearest;
use karvan_model::raw::{At, FileText, Manifest, Origin, Problem, RawModel, RawRow, RawTable};
use karvan_model::table::Row;
use karvan_model::{TABLES, TableInfo};

/// Problems listed of one file; a foreign file has one on every line.
const MOST_PROBLEMS: usize = 200;
/// Bytes of one cell; a quote that is never closed takes in the rest of its file.
const LONGEST_CELL: usize = 1 << 20;

/// Files that may stand in a model folder and are none of its tables.
pub(crate) fn is_not_ours(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    lower.ends_with(".md") || lower.ends_with(".txt") || lower.starts_with("licen") || lower.ends_with('~')
}

fn table_of(name: &str) -> Option<&'static TableInfo> {
    let stem = name.strip_suffix(".csv")?;
    let table = stem.split('.').next()?;
    TABLES.iter().find(|t| t.name == table)
}

pub(crate) fn read(shown: &str, files: Vec<(String, Vec<u8>)>) -> (RawModel, Vec<Problem>) {
    let mut raw = RawModel::default();
    let mut problems = Vec::new();
    let mut manifest_seen = false;
    for (name, bytes) in files {
        let file: Arc<str> = format!("{shown}{name}").into();
        let whole = At { file: file.clone(), ..At::default() };
        if name == "model.toml" {
            manifest_seen = true;
            if let Some(text) = text_of(&whole, bytes, "TOML", &mut problems) {
                raw.manifest = manifest(&file, &text, &mut problems);
            }
        } else if let Some(table) = table_of(&name) {
            let rows = &mut raw.tables.entry(table.name).or_default().rows;
            let sound = problems.len();
            if let Some(text) = text_of(&whole, bytes, "CSV", &mut problems) {
                let before = problems.len();
                read_table(table, file, text, rows, &mut problems);
                let found = problems.len() - before;
                if found > MOST_PROBLEMS {
                    problems.truncate(before + MOST_PROBLEMS);
                    problems.push(Problem::error(whole, format!("{} more problems", found - MOST_PROBLEMS)));
                }
            }
            if problems.len() > sound {
                raw.incomplete.insert(table.name);
            }
        } else if !is_not_ours(&name) {
            let stem = name.split('.').next().unwrap_or("");
            let mut p = Problem::warning(whole, format!("`{name}` is no file of a model; it is not read"))
                .allowed("model.toml, TABLE.csv and TABLE.PART.csv");
            if let Some(near) = nearest(stem, TABLES.iter().map(|t| t.name)) {
                p = p.hint(format!("did you mean `{near}.csv`?"));
            }
            problems.push(p);
        }
    }
    let missing = |what: &str| {
        Problem::error(
            At { file: format!("{shown}{what}").into(), ..At::default() },
            format!("`{what}` is missing"),
        )
    };
    if !manifest_seen {
        problems.push(
            missing("model.toml").hint("a model needs name, title, version, first_day, last_day, price_year"),
        );
    }
    for table in ["state", "node", "link"] {
        if !raw.tables.contains_key(table) {
            problems.push(missing(&format!("{table}.csv")));
        }
    }
    (raw, problems)
}

/// The text of a file, or why it is none.
pub(crate) fn text_of(
    whole: &At,
    mut bytes: Vec<u8>,
    format: &str,
    problems: &mut Vec<Problem>,
) -> Option<String> {
    let remedy = format!("save it as {format} in UTF-8");
    let mut refuse = |at: At, what: String| {
        problems.push(Problem::error(at, what).allowed("text in UTF-8").hint(remedy.clone()));
        None
    };
    if bytes.is_empty() {
        return refuse(whole.clone(), "the file is empty".into());
    }
    if bytes.starts_with(b"PK\x03\x04") {
        return refuse(whole.clone(), "this is a zip file or a spreadsheet, not text".into());
    }
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        return refuse(whole.clone(), "the text is in UTF-16".into());
    }
    if bytes.starts_with(&[0xef, 0xbb, 0xbf]) {
        bytes.drain(..3);
    }
    let place = |bytes: &[u8], offset: usize| {
        let before = &bytes[..offset];
        let line_start = before.iter().rposition(|b| *b == b'\n').map_or(0, |i| i + 1);
        At {
            file: whole.file.clone(),
            line: 1 + before.iter().filter(|b| **b == b'\n').count() as u32,
            column: 1 + String::from_utf8_lossy(&before[line_start..]).chars().count() as u32,
        }
    };
    if let Some(i) = bytes.iter().position(|b| *b == 0) {
        return refuse(place(&bytes, i), format!("a NUL byte, at byte {i} of the file: this is not text"));
    }
    match String::from_utf8(bytes) {
        Ok(text) => Some(text),
        Err(e) => {
            let i = e.utf8_error().valid_up_to();
            let byte = e.as_bytes().get(i).copied().unwrap_or_default();
            refuse(place(e.as_bytes(), i), format!("byte {i} of the file (0x{byte:02x}) is not UTF-8"))
        }
    }
}

/// Line and column of byte `offset` of a text.
pub(crate) fn place_in(file: &Arc<str>, text: &str, offset: usize) -> At {
    let mut end = offset.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let before = &text[..end];
    let line_start = before.rfind('\n').map_or(0, |i| i + 1);
    At {
        file: file.clone(),
        line: 1 + before.bytes().filter(|b| *b == b'\n').count() as u32,
        column: 1 + before[line_start..].chars().count() as u32,
    }
}

fn manifest(file: &Arc<str>, text: &str, problems: &mut Vec<Problem>) -> Manifest {
    match toml::from_str(text) {
        Ok(m) => m,
        Err(e) => {
            let at = match e.span() {
                Some(s) => place_in(file, text, s.start),
                None => At { file: file.clone(), ..At::default() },
            };
            let what = e.message().lines().collect::<Vec<_>>().join("; ");
            problems.push(
                Problem::error(at, what)
                    .allowed("name, title, version, first_day, last_day, price_year, attribution, [[file]]; days as \"YYYY-MM-DD\""),
            );
            Manifest::default()
        }
    }
}

fn read_table(
    table: &TableInfo,
    file: Arc<str>,
    text: String,
    rows: &mut Vec<RawRow>,
    problems: &mut Vec<Problem>,
) {
    let columns = (table.columns)();
    let line_one = |column| At { file: file.clone(), line: 1, column };
    let mut csv = reader(&text);
    let mut record = csv::StringRecord::new();
    match csv.read_record(&mut record) {
        Ok(true) => {}
        Ok(false) => {
            problems.push(
                Problem::error(line_one(0), "the file holds no header")
                    .allowed(columns.iter().map(|c| c.name).collect::<Vec<_>>().join(",")),
            );
            return;
        }
        Err(e) => {
            problems.push(Problem::error(line_one(0), e.to_string()));
            return;
        }
    }
    let header = record.clone();
    let mut source = FileText { name: file.clone(), text, fields: vec![None; columns.len()] };
    let start = source.locate(0, 1, 0).line;
    if header.len() == 1 && columns.len() > 1 {
        for (sep, name) in [(';', "semicolons"), ('\t', "tabs")] {
            if header[0].contains(sep) {
                problems.push(
                    Problem::error(line_one(1), format!("the cells are separated by {name}"))
                        .allowed("commas")
                        .hint("save it as CSV with commas"),
                );
                return;
            }
        }
    }
    let mut usable = true;
    for (i, name) in header.iter().enumerate() {
        let name = name.trim();
        let at = source.locate(0, 1, i);
        match columns.iter().position(|c| c.name == name) {
            Some(c) if source.fields[c].is_some() => {
                usable = false;
                problems.push(Problem::error(at, format!("column `{name}` stands twice")));
            }
            Some(c) => source.fields[c] = Some(i),
            None => {
                let shown: String = name.chars().take(60).collect();
                let mut p = Problem::error(at, format!("table `{}` has no column `{shown}`", table.name));
                let free = columns.iter().map(|c| c.name).filter(|n| !header.iter().any(|h| h.trim() == *n));
                p = match nearest(name, free) {
                    Some(near) => p.hint(format!("did you mean `{near}`?")),
                    None => p.allowed(columns.iter().map(|c| c.name).collect::<Vec<_>>().join(", ")),
                };
                problems.push(p);
            }
        }
    }
    for (c, column) in columns.iter().enumerate() {
        if source.fields[c].is_none() && !column.optional {
            usable = false;
            problems.push(
                Problem::error(
                    At { line: start, ..line_one(0) },
                    format!("table `{}` lacks its column `{}`", table.name, column.name),
                )
                .allowed(column.syntax.clone()),
            );
        }
    }
    if !usable {
        return;
    }
    let source = Arc::new(source);
    let mut csv = reader(&source.text);
    let mut last = 0;
    let mut first = true;
    loop {
        let position = csv.position().clone();
        match csv.read_record(&mut record) {
            Ok(true) => {}
            Ok(false) => break,
            Err(e) => {
                problems.push(Problem::error(line_one(0), e.to_string()));
                break;
            }
        }
        if std::mem::take(&mut first) {
            continue;
        }
        let (offset, line) = (position.byte() as usize, position.line() as u32);
        last = offset;
        if record.len() != header.len() {
            // A blank line at the end reads as one empty field.
            if record.len() == 1 && record[0].trim().is_empty() {
                continue;
            }
            let at = source.locate(offset, line, record.len().min(header.len()));
            let mut p =
                Problem::error(at, format!("{} cells; the header has {}", record.len(), header.len()));
            if record.len() > header.len() {
                p = p.hint("a text with a comma stands in double quotes");
            }
            problems.push(p);
            continue;
        }
        if let Some(i) = record.iter().position(|c| c.len() > LONGEST_CELL) {
            problems.push(
                Problem::error(
                    source.locate(offset, line, i),
                    format!("a cell of {} bytes", record[i].len()),
                )
                .allowed("at most 1 MiB")
                .hint("a double quote may stand open"),
            );
            continue;
        }
        let cells = source.fields.iter().map(|f| f.and_then(|f| record.get(f)).unwrap_or("").trim());
        rows.push(RawRow::new(cells, Origin::File(source.clone(), offset as u32, line)));
    }
    if last > 0 && source.ends_in_quotes(last) {
        problems.push(
            Problem::error(
                source.locate(last, csv_line(&source.text, last), 0),
                "a double quote stands open at the end of the file",
            )
            .hint("the file may have been cut off; close the quote in this record"),
        );
    }
}

/// Reads a file with rows of one table that is no part of a model, such as a list of consignments.
pub fn read_list<T: Row>(path: &std::path::Path) -> (RawTable, Vec<Problem>) {
    let shown = path.to_string_lossy();
    match crate::read_file(path) {
        Ok(bytes) => read_list_of::<T>(&shown, bytes),
        Err(e) => {
            let whole = At { file: (*shown).into(), ..At::default() };
            (RawTable::default(), vec![Problem::error(whole, format!("the file cannot be read: {e}"))])
        }
    }
}

/// The same from a file's bytes; `shown` is its name in problems.
pub fn read_list_of<T: Row>(shown: &str, bytes: Vec<u8>) -> (RawTable, Vec<Problem>) {
    let mut problems = Vec::new();
    let mut list = RawTable::default();
    let file: Arc<str> = shown.into();
    let whole = At { file: file.clone(), ..At::default() };
    if let Some(text) = text_of(&whole, bytes, "CSV", &mut problems) {
        let table = TableInfo { name: T::TABLE, doc: T::DOC, key: T::key_columns, columns: T::columns };
        read_table(&table, file, text, &mut list.rows, &mut problems);
    }
    if problems.len() > MOST_PROBLEMS {
        let more = problems.len() - MOST_PROBLEMS;
        problems.truncate(MOST_PROBLEMS);
        problems.push(Problem::error(whole, format!("{more} more problems")));
    }
    (list, problems)
}

fn reader(text: &str) -> csv::Reader<&[u8]> {
    csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text.as_bytes())
}

/// Line of byte `offset`.
fn csv_line(text: &str, offset: usize) -> u32 {
    1 + text.as_bytes()[..offset.min(text.len())].iter().filter(|b| **b == b'\n').count() as u32
}

/// The CSV text of rows, with the header of their type.
pub fn write_table<T: Row>(rows: &[T]) -> String {
    let mut out = csv::WriterBuilder::new().from_writer(Vec::new());
    let header = T::columns();
    // Writing into memory cannot fail, and records are of one length by type.
    let _ = out.write_record(header.iter().map(|c| c.name));
    for r in rows {
        let _ = out.write_record(r.write());
    }
    let bytes = out.into_inner().unwrap_or_default();
    String::from_utf8(bytes).unwrap_or_default()
}

/// The files of edited tables: each row in the part of its table that it was read from, so that parts under
/// different terms stay apart; what a scenario added in a part of its own, `TABLE.scenario.csv`.
pub fn write_raw(raw: &RawModel) -> Vec<(String, Vec<u8>)> {
    let mut out = Vec::new();
    for table in TABLES {
        let header: Vec<&str> = (table.columns)().iter().map(|c| c.name).collect();
        let mut parts: BTreeMap<String, Vec<&RawRow>> = BTreeMap::new();
        for row in raw.tables.get(table.name).map_or(&[][..], |t| &t.rows) {
            let name = row.file().and_then(|f| f.rsplit(['/', ':', '\\']).next()).map(str::to_owned);
            parts
                .entry(name.unwrap_or_else(|| format!("{}.scenario.csv", table.name)))
                .or_default()
                .push(row);
        }
        for (name, rows) in parts {
            let mut csv = csv::WriterBuilder::new().from_writer(Vec::new());
            // Writing into memory cannot fail, and records are of one length by type.
            let _ = csv.write_record(&header);
            for r in rows {
                let _ = csv.write_record((0..header.len()).map(|i| r.cell(i)));
            }
            out.push((name, csv.into_inner().unwrap_or_default()));
        }
    }
    out
}
