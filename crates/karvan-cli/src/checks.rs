//! `karvan check`.

use std::io::{ErrorKind, Write};

use karvan_model::check::{check, claim_counts};
use karvan_model::raw::Severity;
use karvan_model::schema::{CheckAnswer, ClaimsFound};

use crate::args::{Common, Format};
use crate::exit::{self, Failure};
use crate::{load, out};

pub fn run(common: &Common) -> Result<u8, Failure> {
    let format = common.format_of(&[Format::Table, Format::Json])?;
    let edited = load::read(&common.asked(true));
    let mut problems = edited.problems;
    problems.extend(check(&edited.raw, &edited.tables));
    problems.sort();
    problems.dedup();
    let errors = problems.iter().filter(|p| p.severity == Severity::Error).count();
    let warnings = problems.len() - errors;
    let counts = claim_counts(&edited.tables);
    let (sourced, assumed) = counts.iter().fold((0, 0), |(s, a), c| (s + c.sourced, a + c.assumed));
    let share = |s: usize, a: usize| if s + a == 0 { 0.0 } else { 100.0 * s as f64 / (s + a) as f64 };
    if format == Format::Json {
        let text = out::json(&CheckAnswer {
            schema_version: 1,
            model: edited.raw.manifest.name.clone(),
            model_version: edited.raw.manifest.version.clone(),
            hash: edited.raw_hash,
            scenario: edited.scenario,
            errors,
            warnings,
            problems: problems.iter().map(Into::into).collect(),
            claims: counts
                .iter()
                .map(|c| ClaimsFound { table: c.table.into(), sourced: c.sourced, assumed: c.assumed })
                .collect(),
        })?;
        out::deliver(common.output.as_deref(), &text)?;
    } else {
        let mut text = String::new();
        for p in &problems {
            text.push_str(&exit::problem(p));
            text.push('\n');
        }
        let plural = |n: usize| if n == 1 { "" } else { "s" };
        if !problems.is_empty() {
            text.push('\n');
        }
        let mut rows: Vec<Vec<String>> = counts
            .iter()
            .map(|c| {
                let s = format!("{:.0} %", share(c.sourced, c.assumed));
                vec![c.table.to_owned(), c.sourced.to_string(), c.assumed.to_string(), s]
            })
            .collect();
        rows.push(vec![
            "all".into(),
            sourced.to_string(),
            assumed.to_string(),
            format!("{:.0} %", share(sourced, assumed)),
        ]);
        text.push_str(&out::table(&["claims of", "sourced", "assumed", "share sourced"], &rows, &[1, 2, 3]));
        text.push_str(&format!(
            "\n{errors} error{}, {warnings} warning{}\n",
            plural(errors),
            plural(warnings)
        ));
        match &common.output {
            Some(path) => {
                out::deliver(Some(path), anstream::adapter::strip_str(&text).to_string().as_bytes())?
            }
            None => match write!(anstream::stdout(), "{text}") {
                Err(e) if e.kind() != ErrorKind::BrokenPipe => return Err(e.into()),
                _ => {}
            },
        }
    }
    Ok(if errors > 0 { exit::WRONG_INPUT } else { exit::DONE })
}
