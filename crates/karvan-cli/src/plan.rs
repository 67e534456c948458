//! `karvan plan`.

use std::io::IsTerminal;

use jiff::civil::DateTime;
use karvan_model::places::{Gazetteer, Place, find_cargo, find_state};
use karvan_model::rules::QuotaUse;
use karvan_model::tables::{Mode, Unit};
use karvan_model::{Model, NodeIx, StateIx};
use karvan_network::base::Base;
use karvan_plan::answer::{Answer, Provenance};
use karvan_plan::{Criterion, Endpoint, PlanError, Quantity, Request, endpoint_near};
use karvan_report::{Lang, Legs};

use crate::args::{Common, CriterionWord, Format, LangWord, LegsWord, Plan, Search};
use crate::exit::{DONE, Failure, NO_ANSWER, wrong_input};
use crate::load::{self, Loaded};
use crate::{batch, out};

const FORMATS: &[Format] = &[Format::Table, Format::Json, Format::Csv, Format::Geojson, Format::Html];

pub fn run(common: &Common, args: &Plan) -> Result<u8, Failure> {
    let format = common.format_of(FORMATS)?;
    let loaded = load::load(&common.asked(matches!(format, Format::Geojson | Format::Html)))?;
    let model = &loaded.model;
    let provenance = Provenance {
        model: format!("{} {}", model.manifest.name, model.manifest.version),
        model_hash: loaded.raw_hash.clone(),
        scenario: loaded.scenario.clone(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        ..Provenance::default()
    };
    if let Some(file) = &args.batch {
        let format = common.format_of(&[Format::Table, Format::Json, Format::Csv])?;
        return batch::run(common, args, file, format, &loaded, provenance);
    }
    let asking = Asking {
        from: args.from.as_deref().unwrap_or_default(),
        to: args.to.as_deref().unwrap_or_default(),
        cargo: args.cargo.as_deref().unwrap_or_default(),
        tonnes: args.amount.tonnes,
        wagons: args.amount.wagons,
        teu: args.amount.teu(),
        trucks: args.amount.trucks,
        depart: args.depart,
        arrive_by: args.arrive_by,
        lorries_of: args.lorries_of.as_deref(),
    };
    let mut request = request(common, &args.search, &asking, &loaded).map_err(|(_, failure)| failure)?;
    request.why_not = args.why_not.then_some(args.margin);
    let base = Base::new(model);
    let answer = karvan_plan::plan(model, &base, &request, provenance).map_err(failure)?;
    out::deliver(common.output.as_deref(), render(&answer, format, args, common).as_bytes())?;
    Ok(if answer.options.is_empty() { NO_ANSWER } else { DONE })
}

fn render(answer: &Answer, format: Format, args: &Plan, common: &Common) -> String {
    let colour =
        common.output.is_none() && std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let text = match format {
        Format::Json => karvan_report::json(answer),
        Format::Csv => karvan_report::csv(answer),
        Format::Geojson => karvan_report::geojson(answer),
        Format::Html => karvan_report::html(
            answer,
            match args.lang {
                LangWord::En => Lang::En,
                LangWord::Ru => Lang::Ru,
            },
        ),
        // The command knows no other.
        Format::Table | Format::Gpkg => {
            let legs = match args.legs {
                LegsWord::None => Legs::None,
                LegsWord::Best => Legs::Best,
                LegsWord::All => Legs::All,
            };
            karvan_report::table(answer, legs, WIDTH, colour)
        }
    };
    if text.ends_with('\n') { text } else { text + "\n" }
}

/// Columns of the table.
const WIDTH: usize = 100;

pub fn failure(e: PlanError) -> Failure {
    let hint = match &e {
        PlanError::NoQuantity | PlanError::Quantity { .. } => "--tonnes, --wagons, --teu, --feu or --trucks",
        PlanError::NoTime => "--depart 2025-12-18 or --arrive-by 2025-12-31",
        PlanError::SamePlace(_) => "`karvan places` shows which nodes a name stands for",
        PlanError::AvoidsEnd(_) => "leave it out of --avoid, or name another end",
        PlanError::Calendar { .. } => "the calendar is that of the model's model.toml",
        // Nothing given is wrong, but there is no such carriage.
        PlanError::NotCarried { .. } => {
            let hint = "give the quantity in a unit that takes the cargo, or in --tonnes";
            return Failure::NoAnswer(e.to_string(), Some(hint.into()));
        }
        PlanError::OffTheNetwork(_) => "a position is written lon,lat: degrees east first",
        PlanError::Parameter(_) | PlanError::NoRoads => "`karvan check` lists what a model lacks",
        PlanError::Overloaded { .. }
        | PlanError::Backwards { .. }
        | PlanError::Vias(_)
        | PlanError::NoCriterion => "`karvan plan --help` has examples",
    };
    wrong_input(e.to_string(), hint)
}

/// What is asked of one consignment, as the user wrote it.
#[derive(Default)]
pub struct Asking<'a> {
    pub from: &'a str,
    pub to: &'a str,
    pub cargo: &'a str,
    pub tonnes: Option<f64>,
    pub wagons: Option<f64>,
    pub teu: Option<f64>,
    pub trucks: Option<f64>,
    pub depart: Option<DateTime>,
    pub arrive_by: Option<DateTime>,
    pub lorries_of: Option<&'a str>,
}

/// The request for a consignment, the rest as the arguments say; or what is wrong, and with which of its fields.
pub fn request(
    common: &Common,
    args: &Search,
    one: &Asking,
    loaded: &Loaded,
) -> Result<Request, (&'static str, Failure)> {
    let model = &loaded.model;
    let places = Gazetteer::new(model);
    let endpoint = |text: &str| -> Result<Endpoint, Failure> {
        match places.resolve(text)? {
            Place::Nodes { nodes, .. } => {
                let main = *nodes.first().ok_or_else(|| Failure::Fault(format!("`{text}` names no node")))?;
                Ok(Endpoint { main, nodes: nodes.into_iter().map(|n| (n, 0.0)).collect() })
            }
            Place::Point { lon, lat } => endpoint_near(model, lon, lat).map_err(failure),
        }
    };
    let (unit, field) = match (one.wagons, one.teu, one.trucks) {
        (Some(n), ..) => (Some((Unit::Wagon, n)), "wagons"),
        (_, Some(n), _) => (Some((Unit::Teu, n)), "teu"),
        (.., Some(n)) => (Some((Unit::Truck, n)), "trucks"),
        _ => (None, "tonnes"),
    };
    if let Some((unit, n)) = unit
        && n.fract() != 0.0
    {
        let wrong = wrong_input(
            format!("{n} {} is no whole number", unit.word()),
            "units are counted in whole numbers",
        );
        return Err((field, wrong));
    }
    let units = unit;
    let all = |e| ("id", e);
    let avoided =
        args.avoid.iter().map(|a| avoid(model, &places, a)).collect::<Result<Vec<_>, _>>().map_err(all)?;
    let mut criteria = Vec::new();
    for c in &args.criteria {
        let c = match c {
            CriterionWord::Time => Criterion::Time,
            CriterionWord::Cost => Criterion::Cost,
            CriterionWord::Co2e => Criterion::Co2e,
            CriterionWord::Reliability => Criterion::Reliability,
        };
        if !criteria.contains(&c) {
            criteria.push(c);
        }
    }
    Ok(Request {
        from: endpoint(one.from).map_err(|e| ("from", e))?,
        to: endpoint(one.to).map_err(|e| ("to", e))?,
        cargo: find_cargo(model, one.cargo).map_err(|e| ("cargo", e.into()))?,
        quantity: Quantity { tonnes: one.tonnes, units },
        depart: one.depart,
        arrive_by: one.arrive_by,
        as_of: loaded.as_of,
        criteria,
        via: args.via.iter().map(|v| endpoint(v)).collect::<Result<_, _>>().map_err(all)?,
        avoid_nodes: avoided.iter().flat_map(|a| a.nodes.clone()).collect(),
        avoid_states: avoided.iter().filter_map(|a| a.state).collect(),
        avoid_modes: avoided.iter().filter_map(|a| a.mode).collect(),
        registration: one
            .lorries_of
            .map(|text| lorries_of(model, text))
            .transpose()
            .map_err(|e| ("lorries_of", e))?,
        options: usize::from(args.options),
        seed: common.seed,
        draws: args.draws.map(|d| d as usize),
        why_not: None,
        used: QuotaUse::default(),
    })
}

/// The state in which lorries are registered.
pub fn lorries_of(model: &Model, text: &str) -> Result<StateIx, Failure> {
    find_state(model, text).map_err(|_| {
        let known: Vec<&str> = model.tables.state.iter().map(|s| s.id.as_str()).collect();
        wrong_input(
            format!("lorries of `{text}`: no state of the model has this code or name"),
            format!("lorries are registered in a state; the model knows {}", known.join(", ")),
        )
    })
}

#[derive(Default)]
struct Avoided {
    nodes: Vec<NodeIx>,
    state: Option<StateIx>,
    mode: Option<Mode>,
}

fn avoid(model: &Model, places: &Gazetteer, text: &str) -> Result<Avoided, Failure> {
    if let Some(m) = Mode::ALL.iter().find(|m| m.word() == text.to_lowercase()) {
        return Ok(Avoided { mode: Some(*m), ..Avoided::default() });
    }
    if let Ok(s) = find_state(model, text) {
        return Ok(Avoided { state: Some(s), ..Avoided::default() });
    }
    match places.resolve(text)? {
        Place::Nodes { nodes, .. } => Ok(Avoided { nodes, ..Avoided::default() }),
        Place::Point { .. } => Err(wrong_input(
            format!("`{text}` is a position, which cannot be avoided"),
            "name a place, a state such as RU, or a mode such as sea",
        )),
    }
}
