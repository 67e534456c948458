//! `karvan`: the command line. Arguments in, text out; the logic lives in the other crates.

mod args;
mod assign;
mod batch;
mod calibrate;
mod checks;
mod chronicle;
mod demand;
mod exit;
mod export;
mod freight;
mod load;
mod out;
mod places;
mod plan;
mod rules;
mod simulate;
mod study;
mod validate;

use std::process::ExitCode;

use clap::{CommandFactory, Parser};

use args::{Args, Command, Demand, Export, Study};
use exit::Failure;

fn main() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(a) => a,
        Err(e) => {
            let _ = e.print();
            return ExitCode::from(if e.use_stderr() { exit::WRONG_INPUT } else { exit::DONE });
        }
    };
    // What panics is our fault, and says so.
    let run = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| run(&args)));
    match run {
        Ok(Ok(status)) => ExitCode::from(status),
        Ok(Err(failure)) => exit::end(failure),
        Err(_) => exit::end(Failure::Fault("the program stopped at a fault of its own".into())),
    }
}

fn run(args: &Args) -> Result<u8, Failure> {
    match &args.command {
        Command::Plan(a) => plan::run(&args.common, a),
        Command::Places(a) => places::run(&args.common, a),
        Command::Rules(a) => rules::run(&args.common, a),
        Command::Chronicle(a) => chronicle::run(&args.common, a),
        Command::Validate(a) => validate::run(&args.common, a),
        Command::Backtest(a) => validate::backtest(&args.common, a),
        Command::Calibrate(a) => calibrate::run(&args.common, a),
        Command::Check => checks::run(&args.common),
        Command::Licences => export::licences(&args.common),
        Command::Export(Export::Model { overwrite }) => export::model(&args.common, *overwrite),
        Command::Demand(Demand::Build { year }) => demand::build(&args.common, *year),
        Command::Demand(Demand::Explain(a)) => demand::explain(&args.common, a),
        Command::Assign(a) => assign::run(&args.common, a),
        Command::Simulate(a) => simulate::run(&args.common, a),
        Command::Study(Study::Show { dir, table }) => study::show(&args.common, dir, table.as_deref()),
        Command::Completions { shell } => {
            let mut text = Vec::new();
            clap_complete::generate(*shell, &mut Args::command(), "karvan", &mut text);
            out::deliver(args.common.output.as_deref(), &text)?;
            Ok(exit::DONE)
        }
    }
}
