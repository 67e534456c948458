//! `karvan validate` and `karvan backtest`.

use std::collections::{BTreeMap, BTreeSet};
use std::io::IsTerminal;
use std::path::Path;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use karvan_model::calibration::Factors;
use karvan_model::observed::Observation;
use karvan_model::raw::Problem;
use karvan_model::{Model, TableOf};
use karvan_network::base::Base;
use karvan_observe::{BacktestError, Cut, Group, Refused, Report, SCHEMA_VERSION, Scored, Setting};
use karvan_report::Lang;

use crate::args::{Backtest, Common, Format, LangWord, ScoredBy, Validate};
use crate::exit::{DONE, Failure, NO_ANSWER, wrong_input};
use crate::load::Loaded;
use crate::{load, out};

const FORMATS: &[Format] = &[Format::Table, Format::Json, Format::Csv, Format::Html];

pub fn run(common: &Common, args: &Validate) -> Result<u8, Failure> {
    let format = common.format_of(FORMATS)?;
    let loaded = load::load(&common.asked(false))?;
    let model = &loaded.model;
    let (observations, unread) = observations(model, args.scored.observations.as_deref())?;
    let base = Base::new(model);
    let bar = bar("{pos}/{len} observations {bar:30} {eta} left");
    bar.set_length(observations.iter().filter(|o| o.outcome).count() as u64);
    let setting = Setting { model, base: &base, seed: common.seed, as_of: loaded.as_of };
    let scored = karvan_observe::validate(&setting, &observations, &mut |n| bar.set_position(n as u64));
    bar.finish_and_clear();
    let (rows, refused, groups) = scored.map_err(missing)?;
    let found = Found { groups, rows, refused, cut: None };
    deliver(common, &args.scored, format, &loaded, (&observations, unread), found)
}

/// Scores of later years by what was estimated from earlier ones.
pub fn backtest(common: &Common, args: &Backtest) -> Result<u8, Failure> {
    let format = common.format_of(FORMATS)?;
    let mut loaded = load::load(&common.asked(false))?;
    let (observations, unread) = observations(&loaded.model, args.scored.observations.as_deref())?;
    // What an earlier estimate made of the durations has seen later years.
    loaded.model.factors = Factors::default();
    let model = &loaded.model;
    let until = args.fit_until;
    let (first, last) = (model.manifest.first_day.year(), model.manifest.last_day.year());
    if !(first..=last).contains(&until) {
        return Err(wrong_input(
            format!("the model knows nothing of the end of {until}"),
            format!("--fit-until {first} to {last}, with outcomes on both sides"),
        ));
    }
    let base = Base::new(model);
    let bar = bar("{pos}/{len} observations and folds {bar:30} {eta} left");
    let setting = Setting { model, base: &base, seed: common.seed, as_of: loaded.as_of };
    let found = karvan_observe::backtest(&setting, &observations, until, &mut |n, of| {
        bar.set_length(of as u64);
        bar.set_position(n as u64);
    });
    bar.finish_and_clear();
    let found = match found {
        Ok(f) => f,
        Err(BacktestError::Missing(e)) => return Err(missing(e)),
        Err(e @ BacktestError::NoRows(_)) => {
            let hint = match karvan_observe::years(&observations) {
                Some((a, b)) if a < b => format!("--fit-until {a} to {b}"),
                Some((a, _)) => format!("--fit-until {a}"),
                None => {
                    "observations of several years: rows with outcome `yes` in table `observation`".into()
                }
            };
            return Err(wrong_input(e.to_string(), hint));
        }
    };
    let found =
        Found { groups: found.groups, rows: found.rows, refused: found.refused, cut: Some(found.cut) };
    deliver(common, &args.scored, format, &loaded, (&observations, unread), found)
}

/// What was found.
struct Found {
    groups: Vec<Group>,
    rows: Vec<Scored>,
    refused: Vec<Refused>,
    cut: Option<Cut>,
}

/// Prints a report. It ends with status 1 if no row was predicted.
fn deliver(
    common: &Common,
    args: &ScoredBy,
    format: Format,
    loaded: &Loaded,
    (observations, unread): (&[Observation], Vec<Problem>),
    found: Found,
) -> Result<u8, Failure> {
    let mut refused = found.refused;
    refused.extend(unreadable(unread));
    let manifest = &loaded.model.manifest;
    let report = Report {
        schema_version: SCHEMA_VERSION,
        model: format!("{} {}", manifest.name, manifest.version),
        model_hash: loaded.raw_hash.clone(),
        observations: args.observations.as_ref().map(|p| p.display().to_string()),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        seed: common.seed,
        not_outcomes: observations.iter().filter(|o| !o.outcome).count() as u32,
        cut: found.cut,
        groups: found.groups,
        rows: found.rows,
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
