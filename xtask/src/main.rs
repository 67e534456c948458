//! Tasks of the house: `cargo xtask build-model` makes `models/` from `data/`.

mod build;
mod docs;
mod questions;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

/// Tasks of the house.
#[derive(Parser)]
#[command(name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Make the model folder from `data/`.
    BuildModel(BuildModel),
    /// Answer the questions of `docs/questions.toml` and of the pages like it, and write them.
    Questions {
        /// Write nothing; fail if what is committed differs from what would be written.
        #[arg(long)]
        check: bool,
        /// The pages that take a quarter of an hour, in place of the others.
        #[arg(long)]
        long: bool,
    },
    /// Write the generated part of the manual and the JSON schemas.
    Docs {
        /// Write nothing; fail if what is committed differs from what would be written.
        #[arg(long)]
        check: bool,
    },
}

/// Make the model folder from `data/`.
#[derive(Args)]
struct BuildModel {
    /// Write nothing; fail if what is committed differs from what would be written.
    #[arg(long)]
    check: bool,
    /// Folder with `geo`, `facts`, `inputs` and `curated`.
    #[arg(long, default_value_os_t = repository().join("data"))]
    data: PathBuf,
    /// Folder of the model.
    #[arg(long, default_value_os_t = repository().join("models/trans-caspian"))]
    out: PathBuf,
}

/// The repository in which this program was compiled, or the current folder where it was moved away.
fn repository() -> PathBuf {
    let compiled = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..");
    if compiled.join("data").is_dir() { compiled } else { PathBuf::from(".") }
}

fn main() -> ExitCode {
    let result = match Cli::parse().task {
        Task::BuildModel(a) => build::run(&a.data, &a.out, a.check),
        Task::Questions { check, long } => questions::run(&repository(), check, long),
        Task::Docs { check } => docs::run(check),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("error: {e:#}");
            ExitCode::FAILURE
        }
    }
}
