//! `karvan check`.

use karvan_model::check::{check, claim_counts};
use karvan_model::raw::Severity;
use serde_json::json;

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
        let report = json!({
            "schema_version": 1,
            "model": edited.raw.manifest.name,
            "model_version": edited.raw.manifest.version,
            "hash": edited.raw_hash,
            "scenario": edited.scenario,
            "errors": errors,
            "warnings": warnings,
            "problems": problems.iter().map(|p| json!({
                "severity": if p.severity == Severity::Error { "error" } else { "warning" },
                "file": &*p.at.file, "line": p.at.line, "column": p.at.column,
                "what": p.what, "allowed": p.allowed, "hint": p.hint,
            })).collect::<Vec<_>>(),
            "claims": counts.iter().map(|c| json!({
                "table": c.table, "sourced": c.sourced, "assumed": c.assumed,
            })).collect::<Vec<_>>(),
        });
        let mut text = serde_json::to_vec_pretty(&report)?;
        text.push(b'\n');
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
        rows.push(vec!["all".into(), sourced.to_string(), assumed.to_string(), format!("{:.0} %", share(sourced, assumed))]);
        text.push_str(&out::table(&["claims of", "sourced", "assumed", "share sourced"], &rows, &[1, 2, 3]));
        text.push_str(&format!("\n{errors} error{}, {warnings} warning{}\n", plural(errors), plural(warnings)));
        match &common.output {
            Some(path) => out::deliver(Some(path), anstream::adapter::strip_str(&text).to_string().as_bytes())?,
            None => anstream::print!("{text}"),
        }
    }
    Ok(if errors > 0 { exit::WRONG_INPUT } else { exit::DONE })
}
