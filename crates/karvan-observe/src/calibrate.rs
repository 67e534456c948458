//! Parameters of processes from observations: of all pages, and of all but each fold of pages.

use std::collections::{BTreeMap, BTreeSet};

use karvan_model::Model;
use karvan_model::calibration::Factors;
use karvan_model::cell::List;
use karvan_model::observed::{Calibration, CalibrationPage, Measure, Observation, ProcessKind};
use karvan_network::base::Base;

use crate::ask::Asking;
use crate::fit::{Case, Fit, Spreads, fit};
use crate::response::Response;
use crate::settings::{MissingParameter, priors};
use crate::validate::rests_on;

/// What was estimated.
#[derive(Clone, Debug, Default)]
pub struct Calibrated {
    /// Rows of table `calibration`.
    pub rows: Vec<Calibration>,
    /// Rows of table `calibration_page`.
    pub pages: Vec<CalibrationPage>,
    /// Spreads of the estimate from all pages.
    pub spreads: Option<Spreads>,
    /// Its objective.
    pub objective: f64,
    /// Rows that were not used, with why.
    pub left_out: Vec<(String, String)>,
}

/// Measures that tell of durations, or of what is paid over the prices of the tables.
fn tells(m: Measure) -> bool {
    matches!(
        m,
        Measure::TransitTime
            | Measure::SailingTime
            | Measure::BorderTime
            | Measure::WaitingTime
            | Measure::SpeedWithDelay
            | Measure::SpeedWithoutDelay
            | Measure::BorderCost
            | Measure::TransportCost
    )
}

/// Whether two rows tell of one consignment: it is known by its size, cargo and days.
pub(crate) fn one_consignment(a: &Observation, b: &Observation) -> bool {
    let sized = |o: &Observation| o.equipment.as_deref().is_some_and(|e| e.contains('*'));
    sized(a)
        && a.equipment == b.equipment
        && a.cargo == b.cargo
        && a.period_start <= b.period_end
        && b.period_start <= a.period_end
}

/// Folds of pages: one each, but pages that tell of one consignment are left out together.
fn folds<'a>(used: &[&'a Observation]) -> BTreeMap<&'a str, u32> {
    let pages: Vec<&str> =
        used.iter().map(|o| o.source_url.as_str()).collect::<BTreeSet<_>>().into_iter().collect();
    let mut of: Vec<usize> = (0..pages.len()).collect();
    let place = |url: &str| pages.binary_search(&url).unwrap_or(0);
    for (i, a) in used.iter().enumerate() {
        for b in &used[i + 1..] {
            if one_consignment(a, b) {
                let (x, y) = (of[place(&a.source_url)], of[place(&b.source_url)]);
                let (low, high) = (x.min(y), x.max(y));
                for f in &mut of {
                    if *f == high {
                        *f = low;
                    }
                }
            }
        }
    }
    let mut number: BTreeMap<usize, u32> = BTreeMap::new();
    pages
        .iter()
        .zip(&of)
        .map(|(page, f)| {
            let next = number.len() as u32 + 1;
            (*page, *number.entry(*f).or_insert(next))
        })
        .collect()
}

/// Estimates factors from observations. `done` hears how many of the rows were asked, then how many folds were
/// fitted.
///
/// # Errors
/// If the model lacks a parameter.
pub fn calibrate(
    model: &Model,
    base: &Base,
    observations: &[Observation],
    done: &mut dyn FnMut(usize, usize),
) -> Result<Calibrated, MissingParameter> {
    let priors = priors(model)?;
    // What is estimated multiplies what the tables state, not what an earlier estimate made of it.
    let plain = model.calibrated(Factors::default());
    let asking = Asking::new(&plain, base);
    let mut left_out = Vec::new();
    let mut asked: Vec<(&Observation, Response)> = Vec::new();
    let rows: Vec<&Observation> = observations.iter().filter(|o| o.outcome && tells(o.measure)).collect();
    for (i, o) in rows.iter().enumerate() {
        let answer = asking.ask(o).and_then(|r| {
            if let Some(row) = rests_on(&plain, &r, &o.source_url) {
                return Err(format!("the prediction rests on this page itself ({row})"));
            }
            let learns = r.ways.iter().flat_map(|w| &w.parts).any(|p| p.process != ProcessKind::Given);
            let sound = o.value > 0.0 && r.ways.iter().any(|w| w.parts.iter().any(|p| p.mean > 0.0));
            match (learns, sound) {
                (true, true) => Ok(r),
                (false, _) => Err("nothing in it is estimated".into()),
                (_, false) => Err("what is predicted or observed is nothing".into()),
            }
        });
        match answer {
            Ok(r) => asked.push((o, r)),
            Err(why) => left_out.push((o.id.0.clone(), why)),
        }
        done(i + 1, rows.len());
    }
    let used: Vec<&Observation> = asked.iter().map(|a| a.0).collect();
    let fold = folds(&used);
    let of_fold = |f: Option<u32>| -> Fit {
        let cases: Vec<Case> = asked
            .iter()
            .filter(|(o, _)| f.is_none() || fold.get(o.source_url.as_str()).copied() != f)
            .map(|(o, r)| Case { id: o.id.as_str(), ln: o.value.ln(), evidence: o.evidence, response: r })
            .collect();
        fit(&cases, &priors)
    };
    if asked.is_empty() {
        return Ok(Calibrated { left_out, ..Calibrated::default() });
    }
    let mut out = Vec::new();
    let all = of_fold(None);
    write(&mut out, &all, None);
    let numbers: BTreeSet<u32> = fold.values().copied().collect();
    for f in &numbers {
        write(&mut out, &of_fold(Some(*f)), Some(*f));
        done(*f as usize, numbers.len());
    }
    let pages = fold
        .iter()
        .map(|(page, f)| CalibrationPage {
            page: (*page).to_owned(),
            fold: *f,
            observations: List(
                used.iter().filter(|o| o.source_url == *page).map(|o| o.id.0.clone()).collect(),
            ),
        })
        .collect();
    Ok(Calibrated { rows: out, pages, spreads: Some(all.spreads), objective: all.objective, left_out })
}

/// Four digits are more than any of these figures is known to, and the same on every machine.
fn rounded(x: f64) -> f64 {
    if x == 0.0 || !x.is_finite() {
        return 0.0;
    }
    let k = 10f64.powi(3 - x.abs().log10().floor() as i32);
    (x * k).round() / k
}

fn write(out: &mut Vec<Calibration>, fit: &Fit, fold: Option<u32>) {
    let mut row = |process, place: &str, ln: f64, sd: f64, drivers: Vec<String>| {
        let at = |z: f64| rounded((ln + z * sd).exp());
        // The mean of a lognormal, which lies above its median.
        let factor = rounded((ln + sd * sd / 2.0).exp());
        out.push(Calibration {
            process,
            place: Some(place.to_owned()).filter(|p| !p.is_empty()),
            fold,
            factor,
            low: at(-1.959_963_985).min(factor),
            high: at(1.959_963_985).max(factor),
            spread: rounded(sd),
            observations: List(drivers),
        });
    };
    for e in &fit.factors {
        row(e.process, &e.place, e.ln, e.sd, e.drivers.clone());
    }
    // Spreads alone: as factors they are 1.
    let mut spread = |process, sd: f64| row(process, "", -sd * sd / 2.0, sd, Vec::new());
    spread(ProcessKind::Sample, fit.spreads.sample);
    spread(ProcessKind::Statement, fit.spreads.statement);
}
