//! `karvan validate`.

use std::collections::{BTreeMap, BTreeSet};
use std::io::IsTerminal;
use std::path::Path;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use karvan_model::observed::Observation;
use karvan_model::raw::Problem;
use karvan_model::{Model, TableOf};
use karvan_network::base::Base;
use karvan_observe::{Refused, Report, SCHEMA_VERSION, Setting};
use karvan_report::Lang;

use crate::args::{Common, Format, LangWord, Validate};
use crate::exit::{DONE, Failure, NO_ANSWER, wrong_input};
use crate::{load, out};

const FORMATS: &[Format] = &[Format::Table, Format::Json, Format::Csv, Format::Html];

pub fn run(common: &Common, args: &Validate) -> Result<u8, Failure> {
    let format = common.format_of(FORMATS)?;
    let loaded = load::load(&common.asked(false))?;
    let model = &loaded.model;
    let (observations, unread) = observations(model, args.observations.as_deref())?;
    let base = Base::new(model);
    let bar = bar("{pos}/{len} observations {bar:30} {eta} left");
    bar.set_length(observations.iter().filter(|o| o.outcome).count() as u64);
    let setting = Setting { model, base: &base, seed: common.seed };
    let scored = karvan_observe::validate(&setting, &observations, &mut |n| bar.set_position(n as u64));
    bar.finish_and_clear();
    let (rows, mut refused, groups) = scored.map_err(missing)?;
    refused.extend(unreadable(unread));
    let report = Report {
        schema_version: SCHEMA_VERSION,
        model: format!("{} {}", model.manifest.name, model.manifest.version),
        model_hash: loaded.raw_hash.clone(),
        observations: args.observations.as_ref().map(|p| p.display().to_string()),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        seed: common.seed,
        not_outcomes: observations.iter().filter(|o| !o.outcome).count() as u32,
        groups,
        rows,
        refused,
    };
    let lang = match args.lang {
        LangWord::En => Lang::En,
        LangWord::Ru => Lang::Ru,
    };
    let text = match format {
        Format::Json => out::json(&report)?,
        Format::Csv => karvan_report::validation_csv(&report).into_bytes(),
        Format::Html => karvan_report::validation_html(&report, lang).into_bytes(),
        _ => karvan_report::validation_table(&report).into_bytes(),
    };
    out::deliver(common.output.as_deref(), &text)?;
    Ok(if report.rows.is_empty() { NO_ANSWER } else { DONE })
}

/// The observations of a file, or of the model, and what is wrong with rows of the file that cannot be used.
///
/// A file that cannot be read as a whole, or of which no row can, is an error.
pub fn observations(model: &Model, file: Option<&Path>) -> Result<(Vec<Observation>, Vec<Problem>), Failure> {
    let Some(path) = file else {
        if model.tables.observation.is_empty() {
            return Err(wrong_input(
                "the model holds no observations",
                "--observations FILE, a CSV file with the columns of table `observation`",
            ));
        }
        return Ok((model.tables.observation.rows.clone(), Vec::new()));
    };
    let (raw, mut problems) = karvan_io::read_list::<Observation>(path);
    let rows: TableOf<Observation> = TableOf::read(Some(&raw), &mut problems);
    let mut seen = BTreeSet::new();
    let mut usable = Vec::new();
    for (o, i) in rows.iter().zip(&rows.raw_row) {
        let row = &raw.rows[*i as usize];
        if !seen.insert(o.id.as_str()) {
            problems.push(
                Problem::error(row.place(0), format!("two observations are called `{}`", o.id))
                    .hint("give one another key, or take it out"),
            );
        } else if o.period_end < o.period_start {
            let what = format!("`{}` ends on {} before it starts on {}", o.id, o.period_end, o.period_start);
            problems.push(Problem::error(row.at(), what));
        } else {
            usable.push(o.clone());
        }
    }
    problems.sort();
    if usable.is_empty() && !problems.is_empty() {
        return Err(Failure::List(problems));
    }
    if usable.is_empty() {
        return Err(wrong_input(
            format!("{} holds no observation", path.display()),
            "a header and at least one row",
        ));
    }
    Ok((usable, problems))
}

/// Rows of a file that cannot be used, one a line of it, with what is wrong with them.
fn unreadable(problems: Vec<Problem>) -> Vec<Refused> {
    let mut by: BTreeMap<u32, Refused> = BTreeMap::new();
    for p in problems {
        let why = [Some(p.what), p.allowed.map(|a| format!("allowed: {a}")), p.hint];
        let why = why.into_iter().flatten().collect::<Vec<_>>().join("; ");
        let row = by.entry(p.at.line).or_insert_with(|| Refused {
            id: format!("line {}", p.at.line),
            measure: None,
            what: None,
            place: Some(p.at.to_string()),
            why: String::new(),
        });
        if !row.why.is_empty() {
            row.why.push_str("; ");
        }
        row.why.push_str(&why);
    }
    by.into_values().collect()
}

pub fn missing(e: karvan_observe::MissingParameter) -> Failure {
    wrong_input(e.to_string(), "`karvan export model` writes the built-in tables, which state it")
}

/// A progress bar on a terminal, none elsewhere.
pub fn bar(template: &str) -> ProgressBar {
    let bar = ProgressBar::new(0);
    bar.set_draw_target(if std::io::stderr().is_terminal() {
        ProgressDrawTarget::stderr()
    } else {
        ProgressDrawTarget::hidden()
    });
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar
}
