//! The form of a run on disk.
//!
//! ```text
//! DIR/run.json               inputs, seed, version; stages with their state; tables with their hash
//! DIR/STAGE/TABLE.parquet    what a stage found
//! ```
//!
//! A file is written beside its place and renamed, and a stage counts as done only when `run.json` says so, after its
//! tables are there: a kill at any moment leaves the last whole result. No time of day stands in a file, so that one
//! computation gives the same bytes whenever it is made, interrupted or not.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::table::{Table, TableError};

const MANIFEST: &str = "run.json";
const LOCK: &str = ".lock";

/// What a run is made of. Two runs of the same inputs have the same results.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Inputs {
    /// The command, such as `demand build`.
    pub command: String,
    /// Name and version of the model.
    pub model: String,
    /// BLAKE3 of the model's files and the scenario's.
    pub model_hash: String,
    /// Name of the scenario.
    pub scenario: Option<String>,
    /// Day on which the law and the links are frozen.
    pub as_of: Option<String>,
    /// What else was asked for, by name.
    pub parameters: BTreeMap<String, String>,
    /// Seed of all that is drawn by lot.
    pub seed: u64,
    /// Version of the program.
    pub version: String,
}

impl Inputs {
    /// Each input by name, as it is shown.
    pub fn named(&self) -> Vec<(String, String)> {
        let none = || "none".to_owned();
        let mut all = vec![
            ("command".to_owned(), self.command.clone()),
            ("model".to_owned(), self.model.clone()),
            ("model hash".to_owned(), self.model_hash.clone()),
            ("scenario".to_owned(), self.scenario.clone().unwrap_or_else(none)),
            ("as of".to_owned(), self.as_of.clone().unwrap_or_else(none)),
            ("seed".to_owned(), self.seed.to_string()),
            ("version of karvan".to_owned(), self.version.clone()),
        ];
        all.extend(self.parameters.iter().map(|(k, v)| (k.clone(), v.clone())));
        all
    }

    fn changes(&self, now: &Inputs) -> Vec<Change> {
        let (was, is) = (self.named(), now.named());
        let names: std::collections::BTreeSet<&String> = was.iter().chain(&is).map(|(n, _)| n).collect();
        let of = |all: &[(String, String)], name: &String| {
            all.iter().find(|(n, _)| n == name).map_or_else(|| "none".to_owned(), |(_, v)| v.clone())
        };
        names
            .into_iter()
            .map(|n| Change { what: n.clone(), was: of(&was, n), is: of(&is, n) })
            .filter(|c| c.was != c.is)
            .collect()
    }
}

/// An input that is another than the one a run was begun with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Which input.
    pub what: String,
    /// What the run was begun with.
    pub was: String,
    /// What is given now.
    pub is: String,
}

/// How far a stage is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum StageState {
    /// Begun and not finished: still computed, or interrupted.
    Begun,
    /// Finished; its tables are whole.
    Done,
}

/// A table's file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TableFile {
    /// Name of the table.
    pub name: String,
    /// Number of rows.
    pub rows: usize,
    /// Length of the file, bytes.
    pub bytes: usize,
    /// BLAKE3 of the file.
    pub hash: String,
}

/// A stage of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Stage {
    /// Name, which is its folder's.
    pub name: String,
    /// How far it is.
    pub state: StageState,
    /// BLAKE3 of all it rests on: the run's inputs and the tables of the stages before it.
    pub inputs: String,
    /// Its tables.
    pub tables: Vec<TableFile>,
}

/// `run.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Version of this form; 1.
    pub schema_version: u32,
    /// What the run is made of.
    pub inputs: Inputs,
    /// Its stages, in the order in which they were begun.
    pub stages: Vec<Stage>,
}

/// Why a run cannot be opened, carried on or read.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The folder holds a run of other inputs.
    #[error("{} holds a run of other inputs: {}", dir.display(), changes.iter().map(|c| format!("{} was {}, is {}", c.what, c.was, c.is)).collect::<Vec<_>>().join("; "))]
    InputsChanged {
        /// Folder.
        dir: PathBuf,
        /// What differs.
        changes: Vec<Change>,
    },
    /// The folder holds something else.
    #[error("{} holds files, and no run.json among them", .0.display())]
    NotARun(PathBuf),
    /// There is no run.
    #[error("{} holds no run: there is no run.json in it", .0.display())]
    NoRun(PathBuf),
    /// Another process computes it.
    #[error("{} is being computed by another process", .0.display())]
    Busy(PathBuf),
    /// `run.json` cannot be understood.
    #[error("{}: {why}", path.display())]
    Manifest {
        /// File.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// A name that cannot be a file's.
    #[error("`{0}` is no name of a stage or table: letters, digits, _ and - are")]
    Name(String),
    /// The run has no such stage, or it is not done.
    #[error("the run has no finished stage `{stage}`; it has: {has}")]
    NoStage {
        /// Stage asked for.
        stage: String,
        /// What is there.
        has: String,
    },
    /// The stage has no such table.
    #[error("stage `{stage}` has no table `{table}`; it has: {has}")]
    NoTable {
        /// Stage.
        stage: String,
        /// Table asked for.
        table: String,
        /// What is there.
        has: String,
    },
    /// A file is not what was written.
    #[error("{} was changed after the run wrote it", .0.display())]
    Altered(PathBuf),
    /// A file cannot be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// File.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A table cannot be read or written.
    #[error(transparent)]
    Table(#[from] TableError),
}

impl RunError {
    /// The way out, where there is one.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            RunError::InputsChanged { .. } => Some(
                "name another folder for the new run, give the old inputs to carry this one on, or delete the folder",
            ),
            RunError::NotARun(_) => Some("name an empty folder, or one that does not exist"),
            RunError::NoRun(_) => Some("name the folder that a command wrote its run to"),
            RunError::Busy(_) => Some("wait for it, or name another folder"),
            RunError::Manifest { .. } => Some("delete the folder and compute the run anew"),
            RunError::Altered(_) => {
                Some("give the command that made the run again: it computes what was changed")
            }
            RunError::NoStage { .. } => {
                Some("give the command that made the run again: it carries the run on")
            }
            RunError::Name(_) | RunError::NoTable { .. } | RunError::Io { .. } | RunError::Table(_) => None,
        }
    }
}

/// A run that is being computed. One process at a time may hold it.
#[derive(Debug)]
pub struct Run {
    dir: PathBuf,
    manifest: Manifest,
    // Hash of the inputs and of the tables of the stages that were asked for so far.
    chain: blake3::Hash,
    reused: Vec<String>,
    // Held until the run is dropped; the system lets go of it when the process is killed.
    _lock: fs::File,
}

impl Run {
    /// Begins a run in a folder, or carries on the one that is there.
    ///
    /// # Errors
    /// If the folder holds something else, or a run of other inputs (what differs is said), or is in use.
    pub fn open_or_create(dir: &Path, inputs: Inputs) -> Result<Self, RunError> {
        fs::create_dir_all(dir).map_err(io_at(dir))?;
        let there = entries(dir)?;
        let has_manifest = there.iter().any(|n| n == MANIFEST);
        if !has_manifest && there.iter().any(|n| !is_leftover(n)) {
            return Err(RunError::NotARun(dir.to_owned()));
        }
        let path = dir.join(LOCK);
        let lock = fs::File::create(&path).map_err(io_at(&path))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(fs::TryLockError::WouldBlock) => return Err(RunError::Busy(dir.to_owned())),
            Err(fs::TryLockError::Error(e)) => return Err(io_at(&path)(e)),
        }
        let manifest = if has_manifest {
            let found = Self::read(dir)?;
            let changes = found.inputs.changes(&inputs);
            if !changes.is_empty() {
                return Err(RunError::InputsChanged { dir: dir.to_owned(), changes });
            }
            found
        } else {
            Manifest { schema_version: 1, inputs, stages: Vec::new() }
        };
        // What a killed process was writing.
        let stages = manifest.stages.iter().map(|s| dir.join(&s.name));
        for folder in std::iter::once(dir.to_owned()).chain(stages).filter(|d| d.is_dir()) {
            for name in entries(&folder)?.into_iter().filter(|n| n.starts_with('.') && n.ends_with(".part")) {
                fs::remove_file(folder.join(&name)).map_err(io_at(&folder.join(&name)))?;
            }
        }
        let chain = blake3::hash(&json(&manifest.inputs));
        let run = Self { dir: dir.to_owned(), manifest, chain, reused: Vec::new(), _lock: lock };
        run.save()?;
        Ok(run)
    }

    /// The tables of a stage: computed, written and given; or, where the run has them already, read. A stage rests on
    /// the run's inputs and on the stages asked for before it, so a program asks for its stages in one order.
    ///
    /// # Errors
    /// What computing it gives, or a file that cannot be written.
    pub fn stage<E: From<RunError>>(
        &mut self,
        name: &str,
        compute: impl FnOnce() -> Result<Vec<Table>, E>,
    ) -> Result<Vec<Table>, E> {
        check_name(name)?;
        let inputs = blake3::hash(format!("{} {name}", self.chain).as_bytes()).to_hex().to_string();
        let at = self.manifest.stages.iter().position(|s| s.name == name);
        if let Some(found) = at.map(|i| &self.manifest.stages[i])
            && found.state == StageState::Done
            && found.inputs == inputs
            && let Ok(tables) = read_stage(&self.dir, found)
        {
            self.chain = chained(found);
            self.reused.push(name.to_owned());
            return Ok(tables);
        }
        let mut stage = Stage { name: name.to_owned(), state: StageState::Begun, inputs, tables: Vec::new() };
        let at = match at {
            Some(i) => {
                self.manifest.stages[i] = stage.clone();
                i
            }
            None => {
                self.manifest.stages.push(stage.clone());
                self.manifest.stages.len() - 1
            }
        };
        self.save()?;
        let tables = compute()?;
        let folder = self.dir.join(name);
        fs::create_dir_all(&folder).map_err(io_at(&folder))?;
        for table in &tables {
            check_name(table.name())?;
            let bytes = table.to_parquet().map_err(RunError::from)?;
            let path = folder.join(file_of(table.name()));
            karvan_io::write_whole(&path, &bytes).map_err(io_at(&path))?;
            stage.tables.push(TableFile {
                name: table.name().to_owned(),
                rows: table.rows(),
                bytes: bytes.len(),
                hash: blake3::hash(&bytes).to_hex().to_string(),
            });
        }
        // Tables that the stage had when it was computed before and has no more.
        for old in
            entries(&folder)?.into_iter().filter(|n| !stage.tables.iter().any(|t| file_of(&t.name) == *n))
        {
            fs::remove_file(folder.join(&old)).map_err(io_at(&folder.join(&old)))?;
        }
        stage.state = StageState::Done;
        self.chain = chained(&stage);
        self.manifest.stages[at] = stage;
        self.save()?;
        Ok(tables)
    }

    /// What it is made of and how far it is.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The stages that were there already and were not computed again.
    pub fn reused(&self) -> &[String] {
        &self.reused
    }

    /// What a folder's run is made of and how far it is.
    ///
    /// # Errors
    /// If there is none, or its `run.json` cannot be understood.
    pub fn read(dir: &Path) -> Result<Manifest, RunError> {
        let path = dir.join(MANIFEST);
        let text = match fs::read(&path) {
            Ok(t) => t,
            Err(e) if matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                return Err(RunError::NoRun(dir.to_owned()));
            }
            Err(e) => return Err(io_at(&path)(e)),
        };
        let wrong = |why: String| RunError::Manifest { path: path.clone(), why };
        let manifest: Manifest = serde_json::from_slice(&text).map_err(|e| wrong(e.to_string()))?;
        if manifest.schema_version != 1 {
            return Err(wrong(format!(
                "schema_version is {}; this program reads 1",
                manifest.schema_version
            )));
        }
        for name in manifest.stages.iter().flat_map(|s| s.tables.iter().map(|t| &t.name).chain([&s.name])) {
            check_name(name).map_err(|e| wrong(e.to_string()))?;
        }
        Ok(manifest)
    }

    /// One table of a finished stage.
    ///
    /// # Errors
    /// If there is none, or its file was changed.
    pub fn table(dir: &Path, stage: &str, table: &str) -> Result<Table, RunError> {
        let manifest = Self::read(dir)?;
        let done = || manifest.stages.iter().filter(|s| s.state == StageState::Done);
        let Some(found) = done().find(|s| s.name == stage) else {
            let has = done().map(|s| s.name.as_str()).collect::<Vec<_>>().join(", ");
            return Err(RunError::NoStage { stage: stage.to_owned(), has });
        };
        let Some(file) = found.tables.iter().find(|t| t.name == table) else {
            let has = found.tables.iter().map(|t| t.name.as_str()).collect::<Vec<_>>().join(", ");
            return Err(RunError::NoTable { stage: stage.to_owned(), table: table.to_owned(), has });
        };
        read_table(dir, stage, file)
    }

    fn save(&self) -> Result<(), RunError> {
        let path = self.dir.join(MANIFEST);
        karvan_io::write_whole(&path, &json(&self.manifest)).map_err(io_at(&path))
    }
}

/// Schema of `run.json`, which is also what `karvan study show --format json` prints.
pub fn run_schema() -> schemars::Schema {
    schemars::schema_for!(Manifest)
}

fn read_stage(dir: &Path, stage: &Stage) -> Result<Vec<Table>, RunError> {
    stage.tables.iter().map(|t| read_table(dir, &stage.name, t)).collect()
}

fn read_table(dir: &Path, stage: &str, file: &TableFile) -> Result<Table, RunError> {
    let path = dir.join(stage).join(file_of(&file.name));
    let bytes = fs::read(&path).map_err(io_at(&path))?;
    if blake3::hash(&bytes).to_hex().as_str() != file.hash {
        return Err(RunError::Altered(path));
    }
    Ok(Table::from_parquet(&file.name, bytes)?)
}

fn chained(stage: &Stage) -> blake3::Hash {
    blake3::hash(&json(stage))
}

fn file_of(table: &str) -> String {
    format!("{table}.parquet")
}

fn json(value: &impl Serialize) -> Vec<u8> {
    // These types hold nothing that JSON cannot.
    let mut text = serde_json::to_vec_pretty(value).unwrap_or_default();
    text.push(b'\n');
    text
}

fn check_name(name: &str) -> Result<(), RunError> {
    let sound = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'));
    if sound { Ok(()) } else { Err(RunError::Name(name.to_owned())) }
}

/// Files that are none of a folder's own: ours, and what a killed process left.
fn is_leftover(name: &str) -> bool {
    name == LOCK || name.starts_with(".run.json.")
}

fn entries(dir: &Path) -> Result<Vec<String>, RunError> {
    let mut names = Vec::new();
    for entry in fs::read_dir(dir).map_err(io_at(dir))? {
        names.push(entry.map_err(io_at(dir))?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}

fn io_at(path: &Path) -> impl FnOnce(io::Error) -> RunError {
    let path = path.to_owned();
    move |source| RunError::Io { path, source }
}
