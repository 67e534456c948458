//! `karvan rules`.

use karvan_model::applied::{Applied, Relation, RulesAnswer};
use karvan_model::places::{Gazetteer, Place, find_cargo};
use karvan_model::tables::Mode;
use karvan_model::{Model, StateIx, nearest};

use crate::args::{Common, Format, Rules};
use crate::exit::{DONE, Failure, wrong_input};
use crate::{load, out};

/// Columns of the table.
const WIDTH: usize = 100;

pub fn run(common: &Common, args: &Rules) -> Result<u8, Failure> {
    let format = common.format_of(&[Format::Table, Format::Json, Format::Csv])?;
    let loaded = load::load(&common.asked(false))?;
    let model = &loaded.model;
    let between = match args.between[..] {
        [first, last] if first < last => Some((first, last)),
        [first, last] => {
            let what = format!("--between {first} {last}: the last day is not after the first");
            return Err(wrong_input(what, "give the earlier day first"));
        }
        _ => None,
    };
    let span = &model.manifest;
    if let Some(d) =
        between.iter().flat_map(|(a, b)| [a, b]).find(|d| !(span.first_day..=span.last_day).contains(*d))
    {
        return Err(wrong_input(
            format!("the model knows nothing of {d}"),
            format!("it answers for {} to {}", span.first_day, span.last_day),
        ));
    }
    let day = loaded.as_of.filter(|_| between.is_none());
    if day.is_none() && between.is_none() {
        return Err(wrong_input(
            "rules are of a day, and none is given",
            "--as-of 2025-12-18, --between 2025-10-01 2025-12-31, or a scenario's as_of",
        ));
    }
    let mode = args.mode.as_deref().map(mode).transpose()?;
    let relation = Relation {
        cargo: find_cargo(model, &args.cargo)?,
        from: state(model, &args.from)?,
        to: state(model, &args.to)?,
        mode,
        transit: args.states.iter().map(|s| state(model, s)).collect::<Result<_, _>>()?,
        tonnes: args.tonnes,
    };
    let applied = Applied::new(model, &relation);
    let cargo = &model.tables.cargo[relation.cargo.ix()];
    if !applied.is_carried() {
        let by = mode.map(|m| format!(" by {m}")).unwrap_or_default();
        return Err(Failure::NoAnswer(
            format!("nothing carries {}{by}", cargo.name_en),
            Some("leave --mode out, or see table `load`".into()),
        ));
    }
    let mut notes = vec![
        "What no rule forbids is allowed; whether a line or a service runs is for `karvan plan`.".to_owned(),
    ];
    if relation.transit.is_empty() {
        notes.push(
            "Of transit, states are shown that a rule other than a paper names; --states asks of others."
                .into(),
        );
    }
    let changes = between.map(|(a, b)| applied.between(a, b)).unwrap_or_default();
    if between.is_some() && changes.is_empty() {
        notes.push("No rule of this relation began or ended in these days.".into());
    }
    let answer = RulesAnswer {
        schema_version: 1,
        model: format!("{} {}", span.name, span.version),
        model_hash: loaded.raw_hash.clone(),
        scenario: loaded.scenario.clone(),
        cargo: cargo.id.0.clone(),
        cargo_name: cargo.name_en.clone(),
        hs: cargo.hs.0.clone(),
        from: applied.named(relation.from),
        to: applied.named(relation.to),
        mode,
        tonnes: args.tonnes,
        day,
        between,
        sections: day.map(|d| applied.on(d)).unwrap_or_default(),
        changes,
        notes,
    };
    let bytes = match format {
        Format::Json => out::json(&answer)?,
        Format::Csv => karvan_report::rules_csv(&answer).into_bytes(),
        _ => karvan_report::rules_table(&answer, WIDTH).into_bytes(),
    };
    out::deliver(common.output.as_deref(), &bytes)?;
    Ok(DONE)
}

fn mode(text: &str) -> Result<Mode, Failure> {
    Mode::ALL.iter().copied().find(|m| m.word() == text.to_lowercase()).ok_or_else(|| {
        let words: Vec<&str> = Mode::ALL.iter().map(|m| m.word()).collect();
        let hint = match nearest(text, words.iter().copied()) {
            Some(n) => format!("did you mean `{n}`?"),
            None => format!("one of {}", words.join(", ")),
        };
        wrong_input(format!("`{text}` is no mode"), hint)
    })
}

/// A state by its code, or the state of a place.
fn state(model: &Model, text: &str) -> Result<StateIx, Failure> {
    if let Some(s) = model.state_ix(&text.trim().to_uppercase()) {
        return Ok(s);
    }
    let hint = "give a state by its two letters, or a place on land";
    match Gazetteer::new(model).resolve(text)? {
        Place::Nodes { nodes, .. } => nodes
            .iter()
            .find_map(|n| model.state_ix(model.node(*n).state.as_ref()?.as_str()))
            .ok_or_else(|| wrong_input(format!("`{text}` lies in no state"), hint)),
        Place::Point { .. } => {
            Err(wrong_input(format!("`{text}` is a position, which names no state"), hint))
        }
    }
}
