//! Model folders, their archive and scenario files.
//!
//! Every reader gives what could be read *and* the list of problems, each with file, line and column;
//! no content of a file makes one panic. This crate knows no engine.

mod pack;
pub mod scenario;
mod tables;
pub mod tntp;

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use karvan_model::raw::{At, Problem, RawModel};

pub use pack::{LARGEST, is_geometry};
pub use tables::{read_list, read_list_of, write_raw, write_table};

/// What to read of a model.
#[derive(Clone, Copy, Debug, Default)]
pub struct LoadOptions {
    /// Whether to read the courses of links, which only maps need.
    pub geometry: bool,
}

/// A model as it was read.
#[derive(Clone, Debug, Default)]
pub struct Read {
    /// What could be read.
    pub raw: RawModel,
    /// Everything wrong with it.
    pub problems: Vec<Problem>,
    /// BLAKE3 of the names and bytes of all files but those for maps: the same model gives the same hash
    /// from a folder and from an archive.
    pub hash: String,
}

/// Reads a folder.
pub fn read_folder(folder: &Path, options: LoadOptions) -> Read {
    let shown = folder.display().to_string();
    let whole = At { file: shown.as_str().into(), ..At::default() };
    let failed = |what: String, hint: &str| Read {
        problems: vec![Problem::error(whole.clone(), what).hint(hint)],
        ..Read::default()
    };
    let entries = match fs::read_dir(folder) {
        Ok(e) => e,
        Err(e) if folder.is_file() => {
            return failed(
                format!("a model is a folder, this is a file ({e})"),
                "name the folder that holds model.toml",
            );
        }
        Err(e) => {
            return failed(
                format!("the model folder cannot be read: {e}"),
                "name a folder that holds model.toml",
            );
        }
    };
    let mut problems = Vec::new();
    let mut names: Vec<String> = Vec::new();
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if entry.path().is_file() && !name.starts_with('.') {
            names.push(name);
        }
    }
    names.sort();
    let mut files = Vec::new();
    for name in names {
        if !options.geometry && is_geometry(&name) || tables::is_not_ours(&name) {
            continue;
        }
        let path = folder.join(&name);
        let at = At { file: path.display().to_string().into(), ..At::default() };
        match fs::metadata(&path).map(|m| m.len()) {
            Ok(n) if n > LARGEST => {
                problems.push(Problem::error(at, format!("the file has {n} bytes")).allowed("at most 1 GiB"));
                continue;
            }
            _ => {}
        }
        match read_file(&path) {
            Ok(bytes) => files.push((name, bytes)),
            Err(e) => problems.push(Problem::error(at, format!("the file cannot be read: {e}"))),
        }
    }
    let mut read = read_files(&format!("{}/", shown.trim_end_matches('/')), files);
    problems.append(&mut read.problems);
    read.problems = problems;
    read
}

/// Reads an archive made by [`pack_folder`]; `shown` stands before the files' names in problems.
pub fn read_archive(shown: &str, bytes: &[u8], options: LoadOptions) -> Read {
    match pack::unpack(bytes, options.geometry) {
        Ok(files) => read_files(shown, files),
        Err(e) => Read {
            problems: vec![
                Problem::error(
                    At { file: shown.into(), ..At::default() },
                    format!("this is no packed model, or a damaged one: {e}"),
                )
                .allowed("a tar archive of model.toml and tables, compressed with zstd"),
            ],
            ..Read::default()
        },
    }
}

/// The files of an archive, all of them, in its order.
///
/// # Errors
/// If the bytes are no such archive.
pub fn files_of_archive(bytes: &[u8]) -> io::Result<Vec<(String, Vec<u8>)>> {
    pack::unpack(bytes, true)
}

/// Reads a model from its files' bytes; `shown` stands before the files' names in problems.
pub fn read_files(shown: &str, mut files: Vec<(String, Vec<u8>)>) -> Read {
    files.sort_by(|a, b| a.0.cmp(&b.0));
    let mut hash = blake3::Hasher::new();
    for (name, bytes) in files.iter().filter(|(n, _)| !is_geometry(n) && !tables::is_not_ours(n)) {
        for part in [name.as_bytes(), bytes] {
            hash.update(&(part.len() as u64).to_le_bytes());
            hash.update(part);
        }
    }
    let (raw, problems) = tables::read(shown, files);
    Read { raw, problems, hash: hash.finalize().to_hex().to_string() }
}

/// One archive of a model folder's files.
///
/// # Errors
/// If a file cannot be read.
pub fn pack_folder(folder: &Path) -> io::Result<Vec<u8>> {
    pack::pack(files_of_folder(folder)?)
}

/// A model folder's files, by name.
///
/// # Errors
/// If a file cannot be read.
pub fn files_of_folder(folder: &Path) -> io::Result<Vec<(String, Vec<u8>)>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if entry.path().is_file() && !name.starts_with('.') {
            files.push((name, fs::read(entry.path())?));
        }
    }
    files.sort();
    Ok(files)
}

/// Writes files into a folder, each whole or not at all. A file that is already there is refused unless `overwrite`.
///
/// # Errors
/// If a file is there already, or cannot be written.
pub fn write_folder(folder: &Path, files: &[(String, Vec<u8>)], overwrite: bool) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    if !overwrite && let Some((name, _)) = files.iter().find(|(name, _)| folder.join(name).exists()) {
        return Err(io::Error::new(
            io::ErrorKind::AlreadyExists,
            format!("{} is already there", folder.join(name).display()),
        ));
    }
    for (name, bytes) in files {
        write_whole(&folder.join(name), bytes)?;
    }
    Ok(())
}

/// Writes a file whole or not at all: beside it under another name, then renamed.
///
/// # Errors
/// If the file cannot be written.
pub fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    // A link is followed, so that it is its target that is renewed; what is no file (a pipe, a device) cannot be
    // replaced and is written to.
    let path = &fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf());
    let there = fs::metadata(path).ok();
    if there.as_ref().is_some_and(|m| m.is_dir()) {
        return Err(io::Error::new(io::ErrorKind::IsADirectory, "a folder, not a file; name a file in it"));
    }
    if there.as_ref().is_some_and(|m| !m.is_file()) {
        return fs::OpenOptions::new().write(true).open(path)?.write_all(bytes);
    }
    let name = path
        .file_name()
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "a path without a file name"))?;
    let mut beside = path.to_path_buf();
    beside.set_file_name(format!(".{}.{}.part", name.to_string_lossy(), std::process::id()));
    let written = fs::File::create(&beside).and_then(|mut f| f.write_all(bytes).and_then(|()| f.sync_all()));
    // Who may read and write it stays as it was.
    let kept = written.and_then(|()| match &there {
        Some(m) => fs::set_permissions(&beside, m.permissions()),
        None => Ok(()),
    });
    let done = kept.and_then(|()| fs::rename(&beside, path));
    if done.is_err() {
        let _ = fs::remove_file(&beside);
    }
    done
}

/// Files longer than this are no tables or scenarios, and are not read.
const LONGEST: u64 = 512 << 20;

/// The bytes of a file that is not too long: what has no end, such as a device, is refused.
pub(crate) fn read_file(path: &Path) -> io::Result<Vec<u8>> {
    use std::io::Read as _;
    let mut bytes = Vec::new();
    fs::File::open(path)?.take(LONGEST + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LONGEST {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "longer than 512 MiB, which no table or scenario is",
        ));
    }
    Ok(bytes)
}

/// The text of `model.toml`.
///
/// # Errors
/// If a text of it cannot be written as TOML.
pub fn write_manifest(manifest: &karvan_model::raw::Manifest) -> Result<String, String> {
    toml::to_string(manifest).map_err(|e| e.to_string())
}
