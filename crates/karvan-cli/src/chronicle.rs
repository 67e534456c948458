//! `karvan chronicle`.

use jiff::Zoned;
use karvan_model::Model;
use karvan_model::chronicle::{
    CargoAsked, ChronicleAnswer, Filter, FoundBy, PlaceAsked, TextAsked, asked_for, found, states_told,
};
use karvan_model::places::find_state;

use crate::args::{Chronicle, Common, Format, LangWord};
use crate::exit::{DONE, Failure, wrong_input};
use crate::{load, out};

/// Columns of the table.
const WIDTH: usize = 100;

pub fn run(common: &Common, args: &Chronicle) -> Result<u8, Failure> {
    let format = common.format_of(&[Format::Table, Format::Json, Format::Csv, Format::Html])?;
    let loaded = load::load(&common.asked(false))?;
    let model = &loaded.model;
    let filter = filter(model, args)?;
    let events = filter.select(model);
    if events.is_empty() {
        return Err(nothing(model, &filter));
    }
    let day = loaded.as_of.unwrap_or_else(|| Zoned::now().date());
    let asked = asked_for(model, &filter);
    let answer = ChronicleAnswer {
        schema_version: 1,
        model: format!("{} {}", model.manifest.name, model.manifest.version),
        model_hash: loaded.raw_hash.clone(),
        scenario: loaded.scenario.clone(),
        day,
        notes: notes(&filter, asked.place.as_ref(), asked.cargo.as_ref()),
        asked,
        of: model.tables.chronicle.len(),
        states: states_told(model, &events),
        events: events.into_iter().map(|e| found(model, e, day)).collect(),
        attribution: model.manifest.attribution.clone(),
    };
    let bytes = match format {
        Format::Json => out::json(&answer)?,
        Format::Csv => karvan_report::chronicle_csv(&answer).into_bytes(),
        Format::Html => {
            let lang = match args.lang {
                LangWord::En => karvan_report::Lang::En,
                LangWord::Ru => karvan_report::Lang::Ru,
            };
            karvan_report::chronicle_html(&answer, lang).into_bytes()
        }
        _ => karvan_report::chronicle_table(&answer, WIDTH).into_bytes(),
    };
    out::deliver(common.output.as_deref(), &bytes)?;
    Ok(DONE)
}

fn filter(model: &Model, args: &Chronicle) -> Result<Filter, Failure> {
    let between = match args.between[..] {
        [first, last] if first <= last => Some((first, last)),
        [first, last] => {
            let what = format!("--between {first} {last}: the last day lies before the first");
            return Err(wrong_input(what, "give the earlier day first"));
        }
        _ => None,
    };
    let some = |option: &str, text: &Option<String>| match text.as_deref().map(str::trim) {
        Some("") => {
            Err(wrong_input(format!("{option} without a text"), format!("leave {option} out, or say what")))
        }
        other => Ok(other.map(str::to_owned)),
    };
    let place = some("--place", &args.place)?.map(|p| PlaceAsked::new(model, &p));
    let cargo = some("--cargo", &args.cargo)?.map(|c| CargoAsked::new(model, &c));
    let mut classes: Vec<_> = args.class.iter().map(|c| c.class()).collect();
    classes.sort_unstable();
    classes.dedup();
    Ok(Filter {
        between,
        states: args.states.iter().map(|s| find_state(model, s)).collect::<Result<_, _>>()?,
        place,
        cargo,
        classes,
        search: some("--search", &args.search)?,
    })
}

/// Why nothing was found: which of the conditions leaves how much alone.
fn nothing(model: &Model, f: &Filter) -> Failure {
    let of = model.tables.chronicle.len();
    if of == 0 {
        return Failure::NoAnswer(
            "the model has no chronicle".into(),
            Some("table `chronicle` holds the events; see docs/model-format.md".into()),
        );
    }
    let only = |filter: Filter| filter.select(model).len();
    let mut alone: Vec<(&str, usize)> = Vec::new();
    if f.between.is_some() {
        alone.push(("--between", only(Filter { between: f.between, ..Filter::default() })));
    }
    if !f.states.is_empty() {
        alone.push(("--states", only(Filter { states: f.states.clone(), ..Filter::default() })));
    }
    if f.place.is_some() {
        alone.push(("--place", only(Filter { place: f.place.clone(), ..Filter::default() })));
    }
    if f.cargo.is_some() {
        alone.push(("--cargo", only(Filter { cargo: f.cargo.clone(), ..Filter::default() })));
    }
    if !f.classes.is_empty() {
        alone.push(("--class", only(Filter { classes: f.classes.clone(), ..Filter::default() })));
    }
    if f.search.is_some() {
        alone.push(("--search", only(Filter { search: f.search.clone(), ..Filter::default() })));
    }
    let alone: Vec<String> = alone.iter().map(|(o, n)| format!("{o} {n}")).collect();
    let mut hint = format!("of {of} events each option alone leaves: {}", alone.join(", "));
    if let Some(why) = f.place.as_ref().and_then(PlaceAsked::why_text) {
        hint.push_str(&format!("; {why}"));
    }
    Failure::NoAnswer("no event of the chronicle is of this kind".into(), Some(hint))
}

fn notes(f: &Filter, place: Option<&TextAsked>, cargo: Option<&TextAsked>) -> Vec<String> {
    let mut out = Vec::new();
    let several = |rows: &[String]| {
        let first: Vec<&str> = rows.iter().take(4).map(String::as_str).collect();
        let more = if rows.len() > 4 { format!(" and {} more", rows.len() - 4) } else { String::new() };
        format!("{}{more}", first.join(", "))
    };
    if let Some(p) = place {
        out.push(match p.found_by {
            FoundBy::Gazetteer => format!(
                "Place `{}` is {}: events that name it by any of its names, or led to rows there.",
                p.text,
                several(&p.rows)
            ),
            _ => {
                let why = f.place.as_ref().and_then(PlaceAsked::why_text);
                let why = why.map_or_else(|| "is a position".to_owned(), |w| w.what.clone());
                format!(
                    "Place `{}` was looked for as words in the places as written; in the gazetteer: {why}.",
                    p.text
                )
            }
        });
    }
    if let Some(c) = cargo {
        out.push(match c.found_by {
            FoundBy::Text => format!(
                "No cargo of the model is called `{}`: it was looked for as words in the cargo as written.",
                c.text
            ),
            FoundBy::Hs if c.rows.is_empty() => {
                format!("No cargo of the model is under HS {}: events whose rules bind it.", c.text)
            }
            _ => format!(
                "Cargo `{}` is {}: events that name it, and rules that bind it, those of all cargo too.",
                c.text,
                several(&c.rows)
            ),
        });
    }
    out
}
