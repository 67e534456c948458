//! `karvan calibrate`.

use std::collections::BTreeMap;

use karvan_model::calibration::Factors;
use karvan_model::observed::{Calibration, CalibrationPage};
use karvan_network::base::Base;
use karvan_observe::Calibrated;

use crate::args::{Calibrate, Common, Format};
use crate::exit::{DONE, Failure, NO_ANSWER};
use crate::{load, out, validate};

pub fn run(common: &Common, args: &Calibrate) -> Result<u8, Failure> {
    let format = common.format_of(&[Format::Table, Format::Json, Format::Csv])?;
    let mut loaded = load::load(&common.asked(false))?;
    let (observations, problems) = validate::observations(&loaded.model, args.observations.as_deref())?;
    if !problems.is_empty() {
        return Err(Failure::List(problems));
    }
    // What an earlier estimate made of the durations counts for nothing here.
    loaded.model.factors = Factors::default();
    let base = Base::new(&loaded.model);
    let bar = validate::bar("{pos}/{len} observations, then folds {bar:30} {eta} left");
    let found = karvan_observe::calibrate(&loaded.model, &base, &observations, &mut |n, of| {
        bar.set_length(of as u64);
        bar.set_position(n as u64);
    });
    bar.finish_and_clear();
    let found = found.map_err(validate::missing)?;
    if let Some(folder) = &args.into {
        let files = [
            ("calibration.csv".to_owned(), karvan_io::write_table::<Calibration>(&found.rows).into_bytes()),
            (
                "calibration_page.csv".to_owned(),
                karvan_io::write_table::<CalibrationPage>(&found.pages).into_bytes(),
            ),
        ];
        karvan_io::write_folder(folder, &files, true)?;
    }
    let text = match format {
        Format::Json => out::json(&json(&found))?,
        Format::Csv => karvan_io::write_table::<Calibration>(&found.rows).into_bytes(),
        _ => table(&found).into_bytes(),
    };
    out::deliver(common.output.as_deref(), &text)?;
    Ok(if found.rows.is_empty() { NO_ANSWER } else { DONE })
}

fn json(c: &Calibrated) -> serde_json::Value {
    use karvan_model::cell::Cell;
    let row = |r: &Calibration| {
        serde_json::json!({
            "process": r.process, "place": r.place, "fold": r.fold, "factor": r.factor, "low": r.low,
            "high": r.high, "spread": r.spread, "observations": r.observations.0,
        })
    };
    let page = |p: &CalibrationPage| serde_json::json!({ "page": p.page, "fold": p.fold, "observations": p.observations.0 });
    serde_json::json!({
        "schema_version": 1,
        "calibration": c.rows.iter().map(row).collect::<Vec<_>>(),
        "pages": c.pages.iter().map(page).collect::<Vec<_>>(),
        "objective": c.objective,
        "left_out": c.left_out.iter().map(|(id, why)| serde_json::json!({"id": id.write(), "why": why})).collect::<Vec<_>>(),
    })
}

fn table(c: &Calibrated) -> String {
    let mut text = format!(
        "{} observations of {} pages; factors on stated durations, their central 95 % and what moved them most\n\n",
        c.pages.iter().map(|p| p.observations.len()).sum::<usize>(),
        c.pages.len(),
    );
    let rows: Vec<Vec<String>> = c
        .rows
        .iter()
        .filter(|r| r.fold.is_none())
        .map(|r| {
            vec![
                r.process.word().to_owned(),
                r.place.clone().unwrap_or_else(|| "elsewhere".into()),
                format!("{:.2}", r.factor),
                format!("{:.2}", r.low),
                format!("{:.2}", r.high),
                r.observations.iter().take(3).cloned().collect::<Vec<_>>().join(" "),
            ]
        })
        .collect();
    text += &out::table(&["Process", "Place", "Factor", "Low", "High", "Observations"], &rows, &[2, 3, 4]);
    if let Some(s) = &c.spreads {
        text += &format!(
            "\nSpreads found (standard deviations of logarithms): kinds of stops {:.2}, their places {:.2}; \
             kinds of running {:.2}, its places {:.2}; mixes {:.2}, samples {:.2}, statements {:.2}; objective {:.2}\n",
            s.kind, s.place, s.run_kind, s.run_place, s.mix, s.sample, s.statement, c.objective
        );
    }
    let mut by: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (id, why) in &c.left_out {
        by.entry(why).or_default().push(id);
    }
    if !by.is_empty() {
        text += "\nNot used\n";
        for (why, ids) in by {
            text += &format!("- {} ({}): {why}\n", ids.len(), ids.join(" "));
        }
    }
    text
}
