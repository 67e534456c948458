//! `karvan study show`, and what commands that compute a run have in common.

use std::path::Path;

use karvan_study::{Run, RunError, StageState, Table};

use crate::args::{Common, Format};
use crate::exit::{DONE, Failure, wrong_input};
use crate::out;

impl From<RunError> for Failure {
    fn from(e: RunError) -> Self {
        let hint = e.hint().map(str::to_owned);
        match e {
            RunError::Io { path, source } => match Failure::from(source) {
                Failure::Input { what, candidates, hint } => {
                    Failure::Input { what: format!("{}: {what}", path.display()), candidates, hint }
                }
                Failure::Fault(what) => Failure::Fault(format!("{}: {what}", path.display())),
                other => other,
            },
            RunError::InputsChanged { dir, changes } => Failure::Input {
                what: format!("{} holds a run of other inputs", dir.display()),
                candidates: changes
                    .into_iter()
                    .map(|c| format!("{}: was {}, is {}", c.what, c.was, c.is))
                    .collect(),
                hint,
            },
            e => Failure::Input { what: e.to_string(), candidates: Vec::new(), hint },
        }
    }
}

pub fn show(common: &Common, dir: &Path, table: Option<&str>) -> Result<u8, Failure> {
    let text = match table {
        Some(name) => {
            let format = common.format_of(&[Format::Table, Format::Csv])?;
            let Some((stage, name)) = name.split_once('/') else {
                return Err(wrong_input(
                    format!("`{name}` names no table"),
                    "a table is named STAGE/TABLE; without --table the run lists its own",
                ));
            };
            of_table(&Run::table(dir, stage, name)?, format)
        }
        None => {
            let format = common.format_of(&[Format::Table, Format::Json])?;
            let manifest = Run::read(dir)?;
            if format == Format::Json {
                out::json(&manifest)?
            } else {
                let named: Vec<Vec<String>> =
                    manifest.inputs.named().into_iter().map(|(n, v)| vec![n, v]).collect();
                let mut stages = Vec::new();
                for s in &manifest.stages {
                    let state = match s.state {
                        StageState::Done => "done",
                        StageState::Begun => "not finished",
                    };
                    let tables = if s.tables.is_empty() { vec![Vec::new()] } else { Vec::new() };
                    let tables = s.tables.iter().fold(tables, |mut all, t| {
                        all.push(vec![
                            format!("{}/{}", s.name, t.name),
                            t.rows.to_string(),
                            t.bytes.to_string(),
                        ]);
                        all
                    });
                    for (i, t) in tables.into_iter().enumerate() {
                        let mut row =
                            if i == 0 { vec![s.name.clone(), state.into()] } else { vec![String::new(); 2] };
                        row.extend(t);
                        row.resize(5, String::new());
                        stages.push(row);
                    }
                }
                let mut text = out::table(&["input", "value"], &named, &[]);
                text.push('\n');
                text.push_str(&out::table(&["stage", "state", "table", "rows", "bytes"], &stages, &[3, 4]));
                text.into_bytes()
            }
        }
    };
    out::deliver(common.output.as_deref(), &text)?;
    Ok(DONE)
}

/// A table of a run as text.
pub fn of_table(table: &Table, format: Format) -> Vec<u8> {
    let header: Vec<&str> = table.columns().iter().map(|(n, _)| n.as_str()).collect();
    let rows: Vec<Vec<String>> =
        (0..table.rows()).map(|r| table.columns().iter().map(|(_, c)| c.shown(r)).collect()).collect();
    if format == Format::Csv {
        return out::csv(&header, &rows);
    }
    let is_text = |c: &karvan_study::Column| matches!(c, karvan_study::Column::Text(_));
    let right: Vec<usize> =
        table.columns().iter().enumerate().filter(|(_, (_, c))| !is_text(c)).map(|(i, _)| i).collect();
    out::table(&header, &rows, &right).into_bytes()
}
