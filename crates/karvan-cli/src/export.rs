//! `karvan export model` and `karvan licences`.

use karvan_io::{files_of_archive, files_of_folder, write_folder, write_manifest, write_raw};
use karvan_model::raw::{Part, Severity};
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
            text.push_str("  files:");
            let mut column = 8;
            for (i, name) in names.iter().enumerate() {
                if column + name.len() + 2 > 100 {
                    text.push_str("\n   ");
                    column = 3;
                }
                let comma = if i + 1 < names.len() { "," } else { "" };
                text.push_str(&format!(" {name}{comma}"));
                column += name.len() + 2;
            }
            text.push('\n');
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
    let files = match (&common.model, &common.scenario) {
        (None, None) => files_of_archive(karvan_builtin::MODEL)?,
        (Some(m), None) => files_of_folder(m)
            .map_err(|e| wrong_input(format!("{}: {e}", m.display()), "name a model folder"))?,
        _ => {
            let edited = load::read(&common.asked(true));
            let errors: Vec<_> =
                edited.problems.into_iter().filter(|p| p.severity == Severity::Error).collect();
            if !errors.is_empty() {
                return Err(Failure::Problems(errors));
            }
            let mut files = write_raw(&edited.raw);
            let manifest = write_manifest(&edited.raw.manifest).map_err(Failure::Fault)?;
            files.push(("model.toml".into(), manifest.into_bytes()));
            files
        }
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
