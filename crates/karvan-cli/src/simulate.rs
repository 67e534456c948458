//! `karvan simulate`.

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::path::Path;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use jiff::ToSpan;
use karvan_model::flow::FlowRow;
use karvan_model::places::{Gazetteer, Place, ResolveError, find_cargo};
use karvan_model::raw::{At, Problem};
use karvan_model::table::Row;
use karvan_model::tables::Mode;
use karvan_model::{Model, NodeIx, TableOf};
use karvan_network::base::Base;
use karvan_report::Lang;
use karvan_sim::corridor::measure::{self, Mean, SHARES, Summary, difference, summarise};
use karvan_sim::corridor::published::{About, Gain, MeanOf, Simulation};
use karvan_sim::corridor::spec::ACTIVITIES;
use karvan_sim::corridor::world::{DayOf, Unfinished};
use karvan_sim::corridor::{
    Activity, Capacity, CompileError, Delivery, Flow, Outcome, Settings, Spec, compile, resources,
};
use karvan_study::{Inputs, Run, Table, TableError};

use crate::args::{Common, Format, LangWord, Simulate};
use crate::exit::{DONE, Failure, NO_ANSWER, wrong_input};
use crate::load::{self, Loaded};
use crate::out;

impl From<CompileError> for Failure {
    fn from(e: CompileError) -> Self {
        match &e {
            CompileError::NoWay(_) => Failure::NoAnswer(
                e.to_string(),
                Some("`karvan plan --why-not` says what stands in the way of one".into()),
            ),
            CompileError::Parameter(_) | CompileError::Fleet(_) => {
                wrong_input(e.to_string(), "docs/simulation.md says what a model needs")
            }
            CompileError::Days(..) => {
                wrong_input(e.to_string(), "--from-date 2025-01-01 --to-date 2025-12-31")
            }
        }
    }
}

pub fn run(common: &Common, args: &Simulate) -> Result<u8, Failure> {
    let format = common.format_of(&[Format::Table, Format::Json, Format::Csv, Format::Html])?;
    let loaded = load::load(&common.asked(false))?;
    let model = &loaded.model;
    let (first, last) = (model.manifest.first_day, model.manifest.last_day);
    for day in [args.from_date, args.to_date] {
        if !(first..=last).contains(&day) {
            let what = format!("{day} lies outside the calendar of the model, {first} to {last}");
            return Err(wrong_input(what, "the calendar is that of the model's model.toml"));
        }
    }
    if args.from_date > args.to_date {
        let what = format!("{} is after {}", args.from_date, args.to_date);
        return Err(wrong_input(what, "--from-date 2025-01-01 --to-date 2025-12-31"));
    }
    let (flows, demand_hash) = if args.demand.is_dir() {
        demand_of_run(model, &args.demand, args.from_date.year())?
    } else {
        demand(model, &args.demand)?
    };
    let begin = args
        .from_date
        .checked_sub(i64::from(args.warm_up.unwrap_or(USUAL_WARM_UP)).days())
        .unwrap_or(first)
        .max(first);
    let lead = usize::try_from(begin.until(args.from_date).map_or(0, |s| s.get_days())).unwrap_or(0);
    let threads = args
        .threads
        .map(usize::from)
        .or_else(|| std::thread::available_parallelism().ok().map(usize::from))
        .unwrap_or(1);

    // The number of threads is no input: it changes no result.
    let inputs = inputs(common, args, &loaded, demand_hash);
    let run = common.output.as_ref().map(|dir| Run::open_or_create(dir, inputs)).transpose()?;
    let mut run = Kept(run);
    let base = Base::new(model);
    let bar = progress(flows.len() as u64, "flows with their ways");
    let settings = Settings {
        first: begin,
        last: args.to_date.tomorrow().unwrap_or(args.to_date),
        as_of: loaded.as_of,
        threads,
        done: &|n| bar.inc(n as u64),
    };
    let spec = compile(model, &base, &flows, &settings)?;
    bar.finish_and_clear();
    let bar = progress(u64::from(args.replications), "replications");
    let outcomes = replications(&mut run, &spec, common.seed, args.replications, threads, &bar)?;
    bar.finish_and_clear();

    // Where the question states how long the run warms up, that holds; else more is left out if it had not settled.
    let settled = measure::warm_up(&outcomes).min(spec.days.saturating_sub(1) as usize);
    let from_day = if args.warm_up.is_some() { lead } else { settled.max(lead) };
    let summary = summarise(&spec, &outcomes, from_day);
    let mut gains = Vec::new();
    let candidates = candidates(&spec, &summary, usize::from(args.bottlenecks));
    let bar = progress(candidates.len() as u64 * u64::from(args.replications), "replications with one more");
    for (i, capacity) in candidates.iter().enumerate() {
        let name = format!("more-{:03}", i + 1);
        let more = spec.with_one_more(*capacity);
        let mut found = Vec::new();
        let tables = run.stage(&name, || {
            let other = all(&more, common.seed, 0..args.replications, threads, &bar);
            let (under_way, tonnes) = difference(&outcomes, &other, from_day);
            Ok::<_, Failure>(vec![gain_table(spec.capacity_name(*capacity), under_way, tonnes)])
        })?;
        for t in &tables {
            let at = |column: &str| t.numbers(column).map(|v| v.first().copied().unwrap_or(f64::NAN));
            let half = |v: f64| v.is_finite().then_some(v);
            let table = |e: TableError| Failure::Fault(e.to_string());
            found.push((
                Mean {
                    mean: at("under_way").map_err(table)?,
                    half: half(at("under_way_half").map_err(table)?),
                },
                Mean { mean: at("t_a_day").map_err(table)?, half: half(at("t_a_day_half").map_err(table)?) },
            ));
        }
        gains.extend(found.into_iter().map(|(u, t)| Gain { capacity: *capacity, under_way: u, tonnes: t }));
    }
    bar.finish_and_clear();
    let about = About {
        model: format!("{} {}", model.manifest.name, model.manifest.version),
        model_hash: loaded.raw_hash.clone(),
        scenario: loaded.scenario.clone(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        seed: common.seed,
        from_date: args.from_date,
        to_date: args.to_date,
        warm_up_days: lead as u32,
    };
    let found = Simulation::new(about, &spec, &summary, &outcomes, gains);
    let tables = vec![
        transit_table(&spec, &summary),
        activity_table(&spec, &summary),
        resource_table(&summary),
        day_table(&spec, &outcomes, lead),
        bottleneck_table(&found),
        ways_table(&found),
    ];
    run.stage("summary", || Ok::<_, Failure>(tables))?;
    let stranded: Vec<_> = found.relations.iter().filter(|r| !r.stranded_months.is_empty()).collect();
    for r in stranded.iter().take(STRANDED_SHOWN) {
        let months = r.stranded_months.len();
        anstream::eprintln!(
            "note: {} from {} to {} has no way in {months} of the months",
            r.cargo,
            r.from,
            r.to
        );
    }
    if stranded.len() > STRANDED_SHOWN {
        anstream::eprintln!(
            "note: and {} relations more; `--format json` has them in `stranded_months`",
            stranded.len() - STRANDED_SHOWN
        );
    }
    if from_day > lead {
        let cut = from_day - lead;
        anstream::eprintln!(
            "note: {cut} days of the period are left out: the run had not settled; a longer --warm-up keeps them"
        );
    } else if settled > lead {
        anstream::eprintln!(
            "note: the run had not settled when the period began: its beginning is in the means"
        );
    }
    let lang = match args.lang {
        LangWord::En => Lang::En,
        LangWord::Ru => Lang::Ru,
    };
    let text = match format {
        Format::Json => out::json(&found)?,
        Format::Csv => {
            karvan_report::simulation_csv(&found).map_err(|e| Failure::Fault(e.to_string()))?.into_bytes()
        }
        Format::Html => karvan_report::simulation_html(&found, lang).into_bytes(),
        _ => karvan_report::simulation_table(&found).into_bytes(),
    };
    out::deliver(None, &text)?;
    Ok(if found.relations.iter().all(|r| r.arrived == 0) { NO_ANSWER } else { DONE })
}

/// Days that a run warms up where the question does not say.
const USUAL_WARM_UP: u32 = 90;

/// Relations without a way that are named one by one.
const STRANDED_SHOWN: usize = 10;

/// A run that is kept in a folder, or nowhere.
struct Kept(Option<Run>);

impl Kept {
    fn stage(
        &mut self,
        name: &str,
        compute: impl FnOnce() -> Result<Vec<Table>, Failure>,
    ) -> Result<Vec<Table>, Failure> {
        match &mut self.0 {
            Some(run) => run.stage(name, compute),
            None => compute(),
        }
    }
}

fn inputs(common: &Common, args: &Simulate, loaded: &Loaded, demand_hash: String) -> Inputs {
    let mut parameters = BTreeMap::new();
    let mut set = |k: &str, v: String| parameters.insert(k.to_owned(), v);
    set("from date", args.from_date.to_string());
    set("to date", args.to_date.to_string());
    set("replications", args.replications.to_string());
    set("warm-up", args.warm_up.map_or("found".into(), |d| d.to_string()));
    set("bottlenecks", args.bottlenecks.to_string());
    set("demand hash", demand_hash);
    Inputs {
        command: "simulate".into(),
        model: format!("{} {}", loaded.model.manifest.name, loaded.model.manifest.version),
        model_hash: loaded.raw_hash.clone(),
        scenario: loaded.scenario.clone(),
        as_of: loaded.as_of.map(|d| d.to_string()),
        parameters,
        seed: common.seed,
        version: env!("CARGO_PKG_VERSION").to_owned(),
    }
}

fn progress(n: u64, of: &str) -> ProgressBar {
    let bar = ProgressBar::new(n);
    bar.set_draw_target(if std::io::stderr().is_terminal() {
        ProgressDrawTarget::stderr()
    } else {
        ProgressDrawTarget::hidden()
    });
    let template = format!("{{pos}}/{{len}} {of} {{bar:30}} {{eta}} left");
    if let Ok(style) = ProgressStyle::with_template(&template) {
        bar.set_style(style);
    }
    bar
}

/// The hint of a name that was not found, with what it might be.
fn way_out(e: ResolveError) -> String {
    if e.candidates.is_empty() { e.hint } else { format!("{}: {}", e.hint, e.candidates.join("; ")) }
}

/// The flows of a list, and the hash of its rows.
fn demand(model: &Model, file: &Path) -> Result<(Vec<Flow>, String), Failure> {
    let (raw, mut problems) = karvan_io::read_list::<FlowRow>(file);
    let rows: TableOf<FlowRow> = TableOf::read(Some(&raw), &mut problems);
    let places = Gazetteer::new(model);
    let columns = FlowRow::columns();
    let usual_t = model.parameter("simulation_lot_t").map(|p| p.value.best);
    let mut flows = Vec::new();
    let mut text = String::new();
    for (i, row) in rows.iter().enumerate() {
        text.push_str(&row.write().join("\u{1f}"));
        let mut wrong = |column: &str, what: String, hint: Option<String>| {
            let c = columns.iter().position(|c| c.name == column).unwrap_or(0);
            let mut p = Problem::error(raw.rows[rows.raw_row[i] as usize].place(c), what);
            p.hint = hint;
            problems.push(p);
        };
        let mut end = |column: &str, text: &str| -> Option<(NodeIx, Vec<(NodeIx, f64)>)> {
            match places.resolve(text) {
                Ok(Place::Nodes { nodes, .. }) if !nodes.is_empty() => {
                    Some((nodes[0], nodes.iter().map(|n| (*n, 0.0)).collect()))
                }
                Ok(_) => {
                    wrong(
                        column,
                        format!("`{text}` is no node"),
                        Some("name a town, station or port".into()),
                    );
                    None
                }
                Err(e) => {
                    wrong(column, e.what.clone(), Some(way_out(e)));
                    None
                }
            }
        };
        let (from, to) = (end("from", &row.from), end("to", &row.to));
        let nodes = |e: (NodeIx, Vec<(NodeIx, f64)>)| e.1.into_iter().map(|n| n.0).collect();
        let via: Vec<Vec<NodeIx>> = row.via.iter().filter_map(|v| end("via", v).map(nodes)).collect();
        let (mut avoid_nodes, mut avoid_states, mut avoid_modes) = (Vec::new(), Vec::new(), Vec::new());
        for a in row.avoid.iter() {
            match (model.state_ix(a), Mode::ALL.iter().find(|m| m.word() == a)) {
                (Some(s), _) => avoid_states.push(s),
                (_, Some(m)) => avoid_modes.push(*m),
                _ => avoid_nodes.extend(end("avoid", a).into_iter().flat_map(|e| e.1).map(|n| n.0)),
            }
        }
        let cargo = match find_cargo(model, &row.cargo) {
            Ok(c) => Some(c),
            Err(e) => {
                wrong("cargo", e.what.clone(), Some(way_out(e)));
                None
            }
        };
        if row.tonnes <= 0.0 {
            wrong("tonnes", format!("{} t a year are no flow", row.tonnes), Some("more than 0".into()));
            continue;
        }
        let season: Vec<f64> = row.season.iter().copied().collect();
        if !season.is_empty()
            && (season.len() != 12 || season.iter().any(|w| *w < 0.0) || season.iter().sum::<f64>() <= 0.0)
        {
            wrong(
                "season",
                format!("{} weights", season.len()),
                Some("twelve, none below 0, one above it".into()),
            );
            continue;
        }
        let ready: Vec<jiff::civil::Date> = row.ready.iter().copied().collect();
        let part = (!ready.is_empty()).then(|| row.tonnes / ready.len() as f64);
        let Some(lot_t) = part.or(row.lot_t).or(usual_t) else {
            let hint = "give it, or state parameter `simulation_lot_t`";
            wrong("lot_t", "the mass of a consignment is missing".into(), Some(hint.into()));
            continue;
        };
        if lot_t <= 0.0 {
            wrong("lot_t", format!("{lot_t} t are no consignment"), Some("more than 0".into()));
            continue;
        }
        let (Some(from), Some(to), Some(cargo)) = (from, to, cargo) else { continue };
        if from.0 == to.0 {
            wrong("to", "origin and destination are the same place".into(), None);
            continue;
        }
        let total: f64 = season.iter().sum();
        flows.push(Flow {
            relation: (from.0, to.0),
            from: from.1,
            to: to.1,
            cargo,
            tonnes: row.tonnes,
            season: std::array::from_fn(|m| season.get(m).map_or(1.0 / 12.0, |w| w / total)),
            lot_t,
            avoid_nodes,
            avoid_states,
            avoid_modes,
            via,
            ready,
            relief: row.relief.unwrap_or(false),
        });
    }
    if problems.is_empty() && flows.is_empty() {
        let at = At { file: file.to_string_lossy().into(), ..At::default() };
        problems.push(Problem::error(at, "the file lists no flow"));
    }
    if !problems.is_empty() {
        problems.sort();
        problems.dedup();
        return Err(Failure::List(problems));
    }
    Ok((flows, blake3::hash(text.as_bytes()).to_hex().to_string()))
}

/// The flows of a year of a run of `karvan demand build`, all months alike, and the hash of them.
fn demand_of_run(model: &Model, dir: &Path, year: i16) -> Result<(Vec<Flow>, String), Failure> {
    let od = Run::table(dir, "demand", "od")?;
    let table = |e: TableError| Failure::Fault(e.to_string());
    let (from, to) = (od.texts("from").map_err(table)?, od.texts("to").map_err(table)?);
    let (cargo, years) = (od.texts("cargo").map_err(table)?, od.wholes("year").map_err(table)?);
    let tonnes = od.numbers("tonnes").map_err(table)?;
    let Some(lot_t) = model.parameter("simulation_lot_t").map(|p| p.value.best) else {
        return Err(CompileError::Parameter("simulation_lot_t").into());
    };
    let places = Gazetteer::new(model);
    let end = |key: &str| -> Result<(NodeIx, Vec<(NodeIx, f64)>), Failure> {
        match places.resolve(key)? {
            Place::Nodes { nodes, .. } if !nodes.is_empty() => {
                Ok((nodes[0], nodes.iter().map(|n| (*n, 0.0)).collect()))
            }
            _ => Err(Failure::Fault(format!("`{key}` of {} names no node", dir.display()))),
        }
    };
    let mut flows = Vec::new();
    let mut text = String::new();
    for i in (0..od.rows()).filter(|i| years[*i] == i64::from(year)) {
        text.push_str(&format!("{} {} {} {}\n", from[i], to[i], cargo[i], tonnes[i]));
        let (a, z) = (end(&from[i])?, end(&to[i])?);
        flows.push(Flow {
            relation: (a.0, z.0),
            from: a.1,
            to: z.1,
            cargo: find_cargo(model, &cargo[i])?,
            tonnes: tonnes[i],
            season: [1.0 / 12.0; 12],
            lot_t,
            avoid_nodes: Vec::new(),
            avoid_states: Vec::new(),
            avoid_modes: Vec::new(),
            via: Vec::new(),
            ready: Vec::new(),
            relief: false,
        });
    }
    if flows.is_empty() {
        let mut has: Vec<String> = years.iter().map(i64::to_string).collect();
        has.dedup();
        return Err(wrong_input(
            format!("the demand of {} has no flow of {year}", dir.display()),
            format!(
                "it has {}; `karvan demand build --year {year} --output …` makes that of {year}",
                has.join(", ")
            ),
        ));
    }
    Ok((flows, blake3::hash(text.as_bytes()).to_hex().to_string()))
}

/// Replications in parallel, in the order of their numbers.
fn all(
    spec: &Spec,
    seed: u64,
    range: std::ops::Range<u32>,
    threads: usize,
    bar: &ProgressBar,
) -> Vec<Outcome> {
    let n = range.len();
    let next = AtomicUsize::new(0);
    let done = AtomicU64::new(0);
    let found: Mutex<Vec<Option<Outcome>>> = Mutex::new((0..n).map(|_| None).collect());
    std::thread::scope(|scope| {
        for _ in 0..threads.clamp(1, n.max(1)) {
            scope.spawn(|| {
                loop {
                    let i = next.fetch_add(1, Ordering::Relaxed);
                    if i >= n {
                        return;
                    }
                    let outcome = karvan_sim::corridor::run(spec, seed, range.start + i as u32);
                    found.lock().unwrap_or_else(PoisonError::into_inner)[i] = Some(outcome);
                    done.fetch_add(1, Ordering::Relaxed);
                    bar.inc(1);
                }
            });
        }
    });
    found.into_inner().unwrap_or_else(PoisonError::into_inner).into_iter().flatten().collect()
}

/// The replications of a run: those that it has are read, the others computed as many at a time as there are threads.
fn replications(
    kept: &mut Kept,
    spec: &Spec,
    seed: u64,
    n: u32,
    threads: usize,
    bar: &ProgressBar,
) -> Result<Vec<Outcome>, Failure> {
    let name = |r: u32| format!("replication-{:04}", r + 1);
    let Some(run) = &mut kept.0 else { return Ok(all(spec, seed, 0..n, threads, bar)) };
    let there: Vec<String> = run
        .manifest()
        .stages
        .iter()
        .filter(|s| s.state == karvan_study::StageState::Done)
        .map(|s| s.name.clone())
        .collect();
    let mut outcomes = Vec::new();
    let mut r = 0;
    while r < n {
        let till = (r + threads.max(1) as u32).min(n);
        let missing = (r..till).any(|r| !there.contains(&name(r)));
        let mut computed: BTreeMap<u32, Outcome> = BTreeMap::new();
        if missing {
            computed = (r..till).zip(all(spec, seed, r..till, threads, bar)).collect();
        } else {
            bar.inc(u64::from(till - r));
        }
        for i in r..till {
            let tables = run.stage(&name(i), || {
                let outcome = match computed.remove(&i) {
                    Some(o) => o,
                    None => karvan_sim::corridor::run(spec, seed, i),
                };
                Ok::<_, Failure>(outcome_tables(&outcome))
            })?;
            outcomes
                .push(outcome(&tables, resources(spec).len()).map_err(|e| Failure::Fault(e.to_string()))?);
        }
        r = till;
    }
    Ok(outcomes)
}

fn outcome_tables(o: &Outcome) -> Vec<Table> {
    let mut deliveries = Table::new("deliveries")
        .whole("flow", o.deliveries.iter().map(|d| i64::from(d.flow)))
        .number("ready_h", o.deliveries.iter().map(|d| d.born_h))
        .number("transit_h", o.deliveries.iter().map(|d| d.transit_h))
        .whole("way", o.deliveries.iter().map(|d| i64::from(d.way)));
    for (i, a) in Activity::ALL.iter().enumerate() {
        let column = format!("{}_h", a.word().replace(' ', "_"));
        deliveries = deliveries.number(&column, o.deliveries.iter().map(|d| f64::from(d.activities[i])));
    }
    let unfinished = Table::new("unfinished")
        .whole("flow", o.unfinished.iter().map(|u| i64::from(u.flow)))
        .number("ready_h", o.unfinished.iter().map(|u| u.born_h))
        .whole("way", o.unfinished.iter().map(|u| i64::from(u.way)));
    let stayed = Table::new("stayed")
        .whole("flow", o.stayed.iter().map(|u| i64::from(u.0)))
        .number("ready_h", o.stayed.iter().map(|u| u.1));
    let days = Table::new("days")
        .whole("day", 0..o.days.len() as i64)
        .whole("under_way", o.under_way.iter().map(|n| i64::from(*n)))
        .number("tonnes", o.tonnes.iter().map(|t| f64::from(*t)));
    let cells = || o.days.iter().flatten();
    let wide = o.days.first().map_or(0, Vec::len);
    let resources = Table::new("resources")
        .whole("day", (0..o.days.len()).flat_map(|d| std::iter::repeat_n(d as i64, wide)))
        .whole("resource", o.days.iter().flat_map(|d| 0..d.len() as i64))
        .number("waiting", cells().map(|c| f64::from(c.waiting)))
        .number("busy", cells().map(|c| f64::from(c.busy)))
        .whole("served", cells().map(|c| i64::from(c.served)))
        .number("waited_h", cells().map(|c| f64::from(c.waited_h)))
        .number("units", cells().map(|c| f64::from(c.units)));
    let rest = Table::new("rest")
        .whole("events", [o.events as i64])
        .text("banned_h", [o.banned_h.iter().map(f64::to_string).collect::<Vec<_>>().join(";")]);
    vec![deliveries, unfinished, stayed, days, resources, rest]
}

fn outcome(tables: &[Table], wide: usize) -> Result<Outcome, TableError> {
    let [deliveries, unfinished, stayed, days, resources, rest] = tables else {
        return Ok(Outcome::default());
    };
    let (flow, ready, transit) =
        (deliveries.wholes("flow")?, deliveries.numbers("ready_h")?, deliveries.numbers("transit_h")?);
    let way = deliveries.wholes("way")?;
    let mut times = Vec::new();
    for a in Activity::ALL {
        times.push(deliveries.numbers(&format!("{}_h", a.word().replace(' ', "_")))?);
    }
    let (waiting, busy) = (resources.numbers("waiting")?, resources.numbers("busy")?);
    let (served, waited) = (resources.wholes("served")?, resources.numbers("waited_h")?);
    let units = resources.numbers("units")?;
    let cells: Vec<DayOf> = (0..resources.rows())
        .map(|i| DayOf {
            waiting: waiting[i] as f32,
            busy: busy[i] as f32,
            served: served[i] as u32,
            waited_h: waited[i] as f32,
            units: units[i] as f32,
        })
        .collect();
    Ok(Outcome {
        deliveries: (0..deliveries.rows())
            .map(|i| Delivery {
                flow: flow[i] as u32,
                born_h: ready[i],
                transit_h: transit[i],
                activities: std::array::from_fn(|a| times[a][i] as f32),
                way: way[i] as u32,
            })
            .collect(),
        unfinished: unfinished
            .wholes("flow")?
            .iter()
            .zip(unfinished.numbers("ready_h")?)
            .zip(unfinished.wholes("way")?)
            .map(|((f, h), w)| Unfinished { flow: *f as u32, born_h: *h, way: *w as u32 })
            .collect(),
        stayed: stayed
            .wholes("flow")?
            .iter()
            .zip(stayed.numbers("ready_h")?)
            .map(|(f, h)| (*f as u32, *h))
            .collect(),
        days: if wide == 0 {
            vec![Vec::new(); days.rows()]
        } else {
            cells.chunks(wide).map(<[DayOf]>::to_vec).collect()
        },
        under_way: days.wholes("under_way")?.iter().map(|n| *n as u32).collect(),
        tonnes: days.numbers("tonnes")?.iter().map(|t| *t as f32).collect(),
        banned_h: rest.texts("banned_h")?[0].split(';').filter_map(|h| h.parse().ok()).collect(),
        events: rest.wholes("events")?.first().map_or(0, |n| *n as u64),
    })
}

/// The capacities at which most hours are waited.
fn candidates(spec: &Spec, summary: &Summary, n: usize) -> Vec<Capacity> {
    let count = |v: usize| 0..v as u32;
    let all: Vec<Capacity> = count(spec.gates.len())
        .map(Capacity::Gate)
        .chain(count(spec.boardings.len()).map(Capacity::Boarding))
        .chain(count(spec.fleets.len()).map(Capacity::Fleet))
        .chain(count(spec.berths.len()).map(Capacity::Berth))
        .chain(count(spec.pools.len()).map(Capacity::Pool))
        .collect();
    // A fleet has no queue of its own: those who wait for it wait at its boardings.
    let waiting = |c: &Capacity| -> f64 {
        let of =
            |name: &str| summary.resources.iter().find(|r| r.name == name).map_or(0.0, |r| r.waiting.mean);
        match c {
            Capacity::Fleet(f) => {
                spec.fleets[*f as usize].ends.iter().map(|b| of(&spec.boardings[*b as usize].name)).sum()
            }
            c => of(spec.capacity_name(*c)),
        }
    };
    let mut ranked: Vec<(f64, Capacity)> =
        all.into_iter().map(|c| (waiting(&c), c)).filter(|(w, _)| *w > 0.01).collect();
    ranked.sort_by(|a, b| b.0.total_cmp(&a.0));
    ranked.into_iter().take(n).map(|(_, c)| c).collect()
}

fn half(m: &Mean) -> f64 {
    m.half.unwrap_or(f64::NAN)
}

fn gain_table(name: &str, under_way: Mean, tonnes: Mean) -> Table {
    Table::new("gain")
        .text("capacity", [name])
        .number("under_way", [under_way.mean])
        .number("under_way_half", [half(&under_way)])
        .number("t_a_day", [tonnes.mean])
        .number("t_a_day_half", [half(&tonnes)])
}

fn transit_table(spec: &Spec, s: &Summary) -> Table {
    let relation = |f: usize| &spec.flows[f].relation;
    let mut t = Table::new("transit")
        .text("from", s.transit.iter().map(|t| relation(t.flow).0.clone()))
        .text("to", s.transit.iter().map(|t| relation(t.flow).1.clone()))
        .text("cargo", s.transit.iter().map(|t| relation(t.flow).2.clone()))
        .whole("arrived", s.transit.iter().map(|t| t.count as i64))
        .whole("under_way", s.transit.iter().map(|t| t.unfinished as i64))
        .whole("stayed", s.transit.iter().map(|t| t.stayed as i64))
        .number("t_a_day", s.transit.iter().map(|t| t.tonnes_a_day))
        .number("mean_h", s.transit.iter().map(|t| t.mean.mean))
        .number("mean_half_h", s.transit.iter().map(|t| half(&t.mean)))
        .number("sd_h", s.transit.iter().map(|t| t.sd));
    for (i, p) in SHARES.iter().enumerate() {
        t = t.number(
            &format!("p{:02.0}_h", p * 100.0),
            s.transit.iter().map(|t| t.percentiles[i].unwrap_or(f64::NAN)),
        );
    }
    t
}

fn activity_table(spec: &Spec, s: &Summary) -> Table {
    let rows = || s.transit.iter().flat_map(|t| (0..ACTIVITIES).map(move |a| (t, a)));
    let relation = |f: usize| &spec.flows[f].relation;
    Table::new("activities")
        .text("from", rows().map(|(t, _)| relation(t.flow).0.clone()))
        .text("to", rows().map(|(t, _)| relation(t.flow).1.clone()))
        .text("cargo", rows().map(|(t, _)| relation(t.flow).2.clone()))
        .text("activity", rows().map(|(_, a)| Activity::ALL[a].word()))
        .number("mean_h", rows().map(|(t, a)| t.activities[a]))
}

fn resource_table(s: &Summary) -> Table {
    let r = &s.resources;
    Table::new("resources")
        .text("resource", r.iter().map(|r| r.name.clone()))
        .text("kind", r.iter().map(|r| r.kind))
        .number("servers", r.iter().map(|r| r.servers))
        .number("waiting", r.iter().map(|r| r.waiting.mean))
        .number("waiting_half", r.iter().map(|r| half(&r.waiting)))
        .number("waiting_most", r.iter().map(|r| r.most))
        .number("wait_h", r.iter().map(|r| r.wait_h.mean))
        .number("wait_half_h", r.iter().map(|r| half(&r.wait_h)))
        .number("served_a_day", r.iter().map(|r| r.served.mean))
        .number("served_half", r.iter().map(|r| half(&r.served)))
        .number("busy", r.iter().map(|r| r.busy.mean))
        .number("busy_half", r.iter().map(|r| half(&r.busy)))
        .number("units_a_day", r.iter().map(|r| r.units.mean))
        .number("units_half", r.iter().map(|r| half(&r.units)))
}

/// Queues over time: the mean over replications on each day, and the least and the most.
fn day_table(spec: &Spec, outcomes: &[Outcome], lead: usize) -> Table {
    let names = resources(spec);
    let days = outcomes.iter().map(|o| o.days.len()).min().unwrap_or(0);
    let rows = || (0..days).flat_map(|d| (0..names.len()).map(move |r| (d, r)));
    let over = |d: usize, r: usize| outcomes.iter().map(move |o| f64::from(o.days[d][r].waiting));
    Table::new("queues")
        .whole("day", rows().map(|(d, _)| d as i64 - lead as i64))
        .text("resource", rows().map(|(_, r)| names[r].0.clone()))
        .number("waiting", rows().map(|(d, r)| over(d, r).sum::<f64>() / outcomes.len() as f64))
        .number("least", rows().map(|(d, r)| over(d, r).fold(f64::INFINITY, f64::min)))
        .number("most", rows().map(|(d, r)| over(d, r).fold(0.0, f64::max)))
}

fn bottleneck_table(found: &Simulation) -> Table {
    let b = &found.bottlenecks;
    let half = |m: &MeanOf| m.half.unwrap_or(f64::NAN);
    Table::new("bottlenecks")
        .text("capacity", b.iter().map(|b| b.capacity.clone()))
        .text("one_more", b.iter().map(|b| b.one_more.clone()))
        .number("t_a_day", b.iter().map(|b| b.tonnes_a_day.mean))
        .number("t_a_day_half", b.iter().map(|b| half(&b.tonnes_a_day)))
        .number("under_way", b.iter().map(|b| b.under_way.mean))
        .number("under_way_half", b.iter().map(|b| half(&b.under_way)))
}

fn ways_table(found: &Simulation) -> Table {
    let rows = || found.relations.iter().flat_map(|r| r.ways.iter().map(move |w| (r, w)));
    let mean = |v: &[f64]| v.iter().sum::<f64>() / v.len().max(1) as f64;
    Table::new("ways")
        .text("from", rows().map(|(r, _)| r.from.clone()))
        .text("to", rows().map(|(r, _)| r.to.clone()))
        .text("cargo", rows().map(|(r, _)| r.cargo.clone()))
        .text("way", rows().map(|(_, w)| w.way.clone()))
        .number("share", rows().map(|(_, w)| mean(&w.shares)))
        .whole("months", rows().map(|(_, w)| w.shares.iter().filter(|s| **s > 0.0).count() as i64))
        .number("mean_h", rows().map(|(_, w)| w.mean_h))
        .number("cost_usd", rows().map(|(_, w)| w.cost_usd))
}
