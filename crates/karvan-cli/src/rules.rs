//! `karvan rules`.

use std::path::Path;

use karvan_model::applied::{Applied, Relation};
use karvan_model::batch::Reported;
use karvan_model::places::{Gazetteer, Place, find_cargoes, find_state};
use karvan_model::quotas::{self, Declared, QuotasAnswer};
use karvan_model::raw::Problem;
use karvan_model::tables::{Mode, Unit};
use karvan_model::{Model, StateIx, TableOf, nearest};
use karvan_network::base::Base;
use karvan_network::loads::Loads;
use karvan_plan::answer::Provenance;
use karvan_plan::changes::{OptionChanges, RulesAnswer, option_changes};

use crate::args::{Common, Format, Rules};
use crate::exit::{DONE, Failure, wrong_input};
use crate::load::{self, Loaded};
use crate::{batch, out, plan};

/// Columns of the table.
const WIDTH: usize = 100;

/// The relation asked about, as the user wrote it.
struct Ends<'a> {
    from: &'a str,
    to: &'a str,
    cargo: &'a str,
}

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
    if let Some(t) = args.amount.tonnes.filter(|t| !(t.is_finite() && *t > 0.0)) {
        return Err(wrong_input(format!("{t} t is no mass"), "give --tonnes above 0"));
    }
    let ends = match (&args.from, &args.to, &args.cargo) {
        (Some(from), Some(to), Some(cargo)) => Some(Ends { from, to, cargo }),
        _ => None,
    };
    let mode = args.mode.as_deref().map(mode).transpose()?;
    let applied = ends.as_ref().map(|e| applied(model, args, e, mode)).transpose()?;
    let bytes = match (day, &applied, &ends) {
        (Some(day), applied, _) if args.quota => {
            let declared = match &args.used {
                Some(file) => declared(model, file)?,
                None => Vec::new(),
            };
            let rules = match applied {
                Some(a) => a.rationing(day),
                None => quotas::rationing(model, day),
            };
            let relation = applied.as_ref().map(|a| (a, a.relation()));
            let answer = QuotasAnswer {
                schema_version: 1,
                model: format!("{} {}", span.name, span.version),
                model_hash: loaded.raw_hash.clone(),
                scenario: loaded.scenario.clone(),
                day,
                cargoes: relation
                    .iter()
                    .flat_map(|(a, r)| r.cargoes.iter().map(|c| a.named_cargo(*c)))
                    .collect(),
                from: relation.map(|(a, r)| a.named(r.from)),
                to: relation.map(|(a, r)| a.named(r.to)),
                quotas: quotas::left(model, &rules, day, &declared),
            };
            match format {
                Format::Json => out::json(&answer)?,
                Format::Csv => karvan_report::quotas_csv(&answer).into_bytes(),
                _ => karvan_report::quotas_table(&answer, WIDTH).into_bytes(),
            }
        }
        (day, Some(applied), Some(ends)) => {
            let answer = answer(common, args, &loaded, applied, ends, day, between)?;
            match format {
                Format::Json => out::json(&answer)?,
                Format::Csv => karvan_report::rules_csv(&answer).into_bytes(),
                _ => karvan_report::rules_table(&answer, WIDTH).into_bytes(),
            }
        }
        _ => return Err(wrong_input("rules of which movement?", "--from, --to and --cargo, or --quota")),
    };
    out::deliver(common.output.as_deref(), &bytes)?;
    Ok(DONE)
}

fn applied<'m>(
    model: &'m Model,
    args: &Rules,
    ends: &Ends,
    mode: Option<Mode>,
) -> Result<Applied<'m>, Failure> {
    let from = state(model, ends.from)?;
    let lorries = args.lorries_of.as_deref().map(|text| crate::plan::lorries_of(model, text)).transpose()?;
    let relation = Relation {
        cargoes: find_cargoes(model, ends.cargo)?,
        from,
        to: state(model, ends.to)?,
        mode,
        transit: args.states.iter().map(|s| state(model, s)).collect::<Result<_, _>>()?,
        tonnes: args.amount.tonnes,
        registration: lorries.unwrap_or(from),
    };
    let applied = Applied::new(model, &relation);
    if applied.is_carried() {
        return Ok(applied);
    }
    let names: Vec<String> = relation.cargoes.iter().map(|c| applied.named_cargo(*c).name).collect();
    let by = mode.map(|m| format!(" by {m}")).unwrap_or_default();
    Err(Failure::NoAnswer(
        format!("nothing carries {}{by}", names.join(", ")),
        Some("leave --mode out, or see table `load`".into()),
    ))
}

fn answer(
    common: &Common,
    args: &Rules,
    loaded: &Loaded,
    applied: &Applied,
    ends: &Ends,
    day: Option<jiff::civil::Date>,
    between: Option<(jiff::civil::Date, jiff::civil::Date)>,
) -> Result<RulesAnswer, Failure> {
    let (model, relation) = (&loaded.model, applied.relation());
    let mut notes = vec![
        "What no rule forbids is allowed; whether a line or a service runs is for `karvan plan`.".to_owned(),
    ];
    if relation.transit.is_empty() {
        notes.push(
            "Of transit, states are shown that a rule other than a paper names; --states asks of others."
                .into(),
        );
    }
    for (rule, codes) in applied.codes_without_cargo(ends.cargo) {
        notes
            .push(format!("Rule {rule} names HS {} too, which no cargo of the model has.", codes.join(", ")));
    }
    let changes = between.map(|(a, b)| applied.between(a, b)).unwrap_or_default();
    if between.is_some() && changes.is_empty() {
        notes.push("No rule of this relation began or ended in these days.".into());
    }
    let options = match between {
        Some(days) => options(common, args, loaded, relation, ends, days, &mut notes)?,
        None => None,
    };
    Ok(RulesAnswer {
        schema_version: 1,
        model: format!("{} {}", model.manifest.name, model.manifest.version),
        model_hash: loaded.raw_hash.clone(),
        scenario: loaded.scenario.clone(),
        cargoes: relation.cargoes.iter().map(|c| applied.named_cargo(*c)).collect(),
        from: applied.named(relation.from),
        to: applied.named(relation.to),
        mode: relation.mode,
        tonnes: relation.tonnes,
        day,
        between,
        sections: day.map(|d| applied.on(d)).unwrap_or_default(),
        changes,
        options,
        notes,
    })
}

/// What became of the options, where both ends are places and the cargo is one.
fn options(
    common: &Common,
    args: &Rules,
    loaded: &Loaded,
    relation: &Relation,
    ends: &Ends,
    days: (jiff::civil::Date, jiff::civil::Date),
    notes: &mut Vec<String>,
) -> Result<Option<OptionChanges>, Failure> {
    let model = &loaded.model;
    let is_state = |text: &str| find_state(model, text).is_ok();
    let ([cargo], false, false) = (&relation.cargoes[..], is_state(ends.from), is_state(ends.to)) else {
        notes.push("Which options changed is said between two places and of one cargo: --from, --to and --cargo name them.".into());
        return Ok(None);
    };
    let a = &args.amount;
    let mut asking = plan::Asking {
        from: ends.from,
        to: ends.to,
        cargo: ends.cargo,
        tonnes: a.tonnes,
        wagons: a.wagons,
        teu: a.teu(),
        trucks: a.trucks,
        ..plan::Asking::default()
    };
    if [asking.tonnes, asking.wagons, asking.teu, asking.trucks].iter().all(Option::is_none) {
        let equipment = |l: &Loads| &model.tables.equipment[l.equipment.ix()];
        let one = Loads::all(model, *cargo, 1.0)
            .into_iter()
            .find(|l| l.unit != Unit::Tonne && relation.mode.is_none_or(|m| m == equipment(l).mode));
        if let Some((load, name)) = one.map(|l| (l.load_t, &equipment(&l).name_en)) {
            asking.tonnes = Some(load);
            notes.push(format!(
                "Options are of {load} t, the usual load of one {name}; --tonnes, --wagons, --teu, --feu and --trucks ask of others."
            ));
        }
    }
    let mut request = plan::request(common, &args.search, &asking, loaded).map_err(|(_, failure)| failure)?;
    if let Some(mode) = relation.mode {
        request.avoid_modes.extend(Mode::ALL.iter().filter(|m| **m != mode));
    }
    let provenance = Provenance {
        model: format!("{} {}", model.manifest.name, model.manifest.version),
        model_hash: loaded.raw_hash.clone(),
        scenario: loaded.scenario.clone(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        ..Provenance::default()
    };
    let base = Base::new(model);
    option_changes(model, &base, &request, days, provenance).map(Some).map_err(plan::failure)
}

/// Declared use of quotas from a batch report; all that is wrong is said at once.
fn declared(model: &Model, file: &Path) -> Result<Vec<Declared>, Failure> {
    let (raw, mut problems) = karvan_io::read_list::<Reported>(file);
    let rows: TableOf<Reported> = TableOf::read(Some(&raw), &mut problems);
    let mut out = Vec::new();
    for (i, row) in rows.iter().enumerate() {
        for given in row.quotas.iter() {
            match Declared::new(model, &row.id, given) {
                Ok(d) => out.push(d),
                Err((what, allowed)) => {
                    let at = batch::place(&rows, &raw, i, "quotas");
                    problems.push(Problem::error(at, what).allowed(allowed));
                }
            }
        }
    }
    if problems.is_empty() {
        return Ok(out);
    }
    problems.sort();
    problems.dedup();
    Err(Failure::List(problems))
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

/// A state by its code or name, or the state of a place.
fn state(model: &Model, text: &str) -> Result<StateIx, Failure> {
    if let Ok(s) = find_state(model, text) {
        return Ok(s);
    }
    let hint = "give a state by its two letters or its name, or a place on land";
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
