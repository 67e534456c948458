//! `karvan export model` and `karvan licences`.

use karvan_io::{files_of_archive, write_folder, write_table};
use karvan_model::Tables;
use karvan_model::cell::Named;
use karvan_model::for_each_table;
use karvan_model::raw::{Part, RawModel, Severity};
use karvan_model::tables::*;
use serde_json::json;

use crate::args::{Common, Format};
use crate::exit::{DONE, Failure, wrong_input};
use crate::{load, out};

pub fn licences(common: &Common) -> Result<u8, Failure> {
    let format = common.format_of(&[Format::Table, Format::Json])?;
    let manifest = load::load(&common.asked(false))?.model.manifest;
    let bytes = if format == Format::Json {
        out::json(&json!({
            "schema_version": 1,
            "model": manifest.name,
            "model_version": manifest.version,
            "attribution": manifest.attribution,
            "files": manifest.file,
        }))?
    } else {
        let mut text = format!("{} ({})\nThe program: MIT OR Apache-2.0\n", manifest.title, manifest.version);
        for a in &manifest.attribution {
            text.push_str(&format!("{a}\n"));
        }
        // Files under the same terms stand together, in the order of their first.
        let mut terms: Vec<(&Part, Vec<&str>)> = Vec::new();
        for f in &manifest.file {
            let same =
                |o: &Part| (&o.licence, &o.attribution, &o.origin) == (&f.licence, &f.attribution, &f.origin);
            match terms.iter_mut().find(|(o, _)| same(o)) {
                Some((_, names)) => names.push(&f.name),
                None => terms.push((f, vec![&f.name])),
            }
        }
        for (f, names) in terms {
            text.push_str(&format!("\n{}\n", f.licence));
            if !f.attribution.is_empty() {
                text.push_str(&format!("  credit: {}\n", f.attribution));
            }
            if !f.origin.is_empty() {
                text.push_str(&format!("  from: {}\n", f.origin));
            }
            text.push_str(&format!("  files: {}\n", names.join(", ")));
        }
        text.into_bytes()
    };
    out::deliver(common.output.as_deref(), &bytes)?;
    Ok(DONE)
}

pub fn model(common: &Common, overwrite: bool) -> Result<u8, Failure> {
    let Some(folder) = &common.output else {
        return Err(wrong_input(
            "`export model` needs a folder to write to",
            "karvan export model --output DIR",
        ));
    };
    let files = if common.model.is_none() && common.scenario.is_none() {
        files_of_archive(karvan_builtin::MODEL)?
    } else {
        let edited = load::read(&common.asked(true));
        let errors: Vec<_> = edited.problems.into_iter().filter(|p| p.severity == Severity::Error).collect();
        if !errors.is_empty() {
            return Err(Failure::Problems(errors));
        }
        written(&edited.raw, &edited.tables)?
    };
    write_folder(folder, &files, overwrite).map_err(|e| match e.kind() {
        std::io::ErrorKind::AlreadyExists => {
            wrong_input(e.to_string(), "name an empty folder, or add --overwrite")
        }
        _ => e.into(),
    })?;
    anstream::eprintln!("{} files written to {}", files.len(), folder.display());
    Ok(DONE)
}

/// The files of an edited model: one a table, for its rows no longer stand in the files they came from.
fn written(raw: &RawModel, tables: &Tables) -> Result<Vec<(String, Vec<u8>)>, Failure> {
    let mut manifest = raw.manifest.clone();
    let mut files = Vec::new();
    macro_rules! all {
        ($($field:ident : $row:ty),+ $(,)?) => {$(
            if !tables.$field.rows.is_empty() {
                files.push((format!("{}.csv", <$row as Named>::TABLE), write_table(&tables.$field.rows).into_bytes()));
            }
        )+};
    }
    for_each_table!(all);
    // Parts of a table are now one file: it stands under the terms of them all.
    for part in &mut manifest.file {
        if let Some((table, rest)) = part.name.split_once('.')
            && rest != "csv"
            && rest.ends_with(".csv")
        {
            part.name = format!("{table}.csv");
        }
    }
    let text = karvan_io::write_manifest(&manifest).map_err(Failure::Fault)?;
    files.push(("model.toml".into(), text.into_bytes()));
    Ok(files)
}
