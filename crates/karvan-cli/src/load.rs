//! Loading a model with its scenario, as every command does it.

use std::io::IsTerminal;
use std::path::PathBuf;

use jiff::civil::Date;
use karvan_io::scenario::Base;
use karvan_io::{LoadOptions, Read};
use karvan_model::raw::{Problem, RawModel, Severity};
use karvan_model::scenario::apply_scenario;
use karvan_model::{Model, Tables, check};

use crate::exit::{Failure, wrong_input};

/// Which model, edited how, seen on which day.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    /// Model folder; the built-in one where none is named.
    pub model: Option<PathBuf>,
    /// Scenario file.
    pub scenario: Option<PathBuf>,
    /// Day on which the law and the links are frozen; goes before the scenario's.
    pub as_of: Option<Date>,
    /// Whether courses of links are needed.
    pub geometry: bool,
}

/// A model in use.
pub struct Loaded {
    /// The model.
    pub model: Model,
    /// BLAKE3 of the model's files (maps apart) and of the scenario's.
    pub raw_hash: String,
    /// Name of the scenario, where there is one.
    pub scenario: Option<String>,
    /// Day on which the law and the links are frozen, where one is named.
    pub as_of: Option<Date>,
}

/// A model as it was read and edited, before it is used.
pub struct Edited {
    /// Tables as text.
    pub raw: RawModel,
    /// Tables by type.
    pub tables: Tables,
    /// Everything wrong so far, without [`check::check`].
    pub problems: Vec<Problem>,
    /// See [`Loaded::raw_hash`].
    pub raw_hash: String,
    /// See [`Loaded::scenario`].
    pub scenario: Option<String>,
    /// See [`Loaded::as_of`].
    pub as_of: Option<Date>,
    /// Whether the tables are the built-in ones, unedited: those were checked when the program was built.
    pub is_builtin: bool,
}

/// Reads the model and edits it.
pub fn read(asked: &Asked) -> Edited {
    let (file, mut problems) = match &asked.scenario {
        Some(path) => {
            let (file, problems) = karvan_io::scenario::load(path);
            (Some(file), problems)
        }
        None => (None, Vec::new()),
    };
    let options = LoadOptions { geometry: asked.geometry };
    let base = file.as_ref().map(|f| f.base.clone()).unwrap_or_default();
    let folder = match (&asked.model, base) {
        (Some(m), _) => Some(m.clone()),
        (None, Base::Folder(m)) => Some(m),
        (None, Base::Builtin | Base::InUse) => None,
    };
    let Read { mut raw, problems: mut found, hash } = match &folder {
        Some(f) => karvan_io::read_folder(f, options),
        None => karvan_io::read_archive("builtin:", karvan_builtin::MODEL, options),
    };
    problems.append(&mut found);
    let mut raw_hash = hash;
    if let Some(f) = &file {
        apply_scenario(&mut raw, &f.scenario, &mut problems);
        raw_hash = blake3::hash(format!("{raw_hash}{}", f.hash).as_bytes()).to_hex().to_string();
    }
    let tables = Tables::read(&raw, &mut problems);
    Edited {
        raw,
        tables,
        problems,
        raw_hash,
        as_of: asked.as_of.or(file.as_ref().and_then(|f| f.scenario.as_of)),
        is_builtin: folder.is_none() && file.is_none(),
        scenario: file.map(|f| f.scenario.name),
    }
}

/// Reads, edits and checks the model; errors end the command.
///
/// # Errors
/// Wrong input, with every error found.
pub fn load(asked: &Asked) -> Result<Loaded, Failure> {
    let mut edited = read(asked);
    if !edited.is_builtin {
        edited.problems.extend(check::check(&edited.raw, &edited.tables));
    }
    let (mut errors, warnings): (Vec<Problem>, Vec<Problem>) =
        edited.problems.into_iter().partition(|p| p.severity == Severity::Error);
    if !errors.is_empty() {
        errors.sort();
        errors.dedup();
        return Err(Failure::Problems(errors));
    }
    if !warnings.is_empty() && std::io::stderr().is_terminal() {
        let n = warnings.len();
        eprintln!("note: {n} warning{}; `karvan check` lists them", if n == 1 { "" } else { "s" });
    }
    let manifest = &edited.raw.manifest;
    if let Some(day) = edited.as_of
        && !(manifest.first_day..=manifest.last_day).contains(&day)
    {
        return Err(wrong_input(
            format!("the model knows nothing of {day}"),
            format!("it answers for {} to {}", manifest.first_day, manifest.last_day),
        ));
    }
    Ok(Loaded {
        model: Model::new(edited.raw.manifest, edited.tables),
        raw_hash: edited.raw_hash,
        scenario: edited.scenario,
        as_of: edited.as_of,
    })
}
