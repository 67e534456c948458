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
use karvan_sim::corridor::measure::{self, Mean, SHARES, Summary, difference, summarise};
use karvan_sim::corridor::spec::ACTIVITIES;
use karvan_sim::corridor::world::DayOf;
use karvan_sim::corridor::{
    Activity, Capacity, CompileError, Delivery, Flow, Outcome, Settings, Spec, compile, resources,
};
use karvan_study::{Inputs, Run, Table, TableError};

use crate::args::{Common, Format, Simulate};
use crate::exit::{DONE, Failure, NO_ANSWER, wrong_input};
use crate::load::{self, Loaded};
use crate::out;
use crate::study::of_table;

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
    let format = common.format_of(&[Format::Table, Format::Csv])?;
    let Some(dir) = &common.output else {
        return Err(wrong_input("a simulation is kept in a folder, and none is named", "--output my-run"));
    };
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
    let begin = args.from_date.checked_sub(i64::from(args.warm_up).days()).unwrap_or(first).max(first);
    let lead = usize::try_from(begin.until(args.from_date).map_or(0, |s| s.get_days())).unwrap_or(0);
    let threads = args
        .threads
        .map(usize::from)
        .or_else(|| std::thread::available_parallelism().ok().map(usize::from))
        .unwrap_or(1);

    // The number of threads is no input: it changes no result.
    let inputs = inputs(common, args, &loaded, demand_hash);
    let mut run = Run::open_or_create(dir, inputs)?;
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

    let from_day = measure::warm_up(&outcomes).max(lead);
    let from_day = from_day.min(spec.days.saturating_sub(1) as usize);
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
    // Ranked by what they bring: fewer under way for the same tonnes, more tonnes first.
    gains.sort_by(|a, b| {
        b.tonnes.mean.total_cmp(&a.tonnes.mean).then(a.under_way.mean.total_cmp(&b.under_way.mean))
    });
    let tables = vec![
        transit_table(&spec, &summary),
        activity_table(&spec, &summary),
        resource_table(&summary),
        day_table(&spec, &outcomes, lead),
        bottleneck_table(&spec, &gains),
        ways_table(&spec),
    ];
    let tables = run.stage("summary", || Ok::<_, Failure>(tables))?;
    for (f, months) in stranded(&spec) {
        let r = &spec.flows[f].relation;
        anstream::eprintln!("note: {} from {} to {} has no way in {months} of the months", r.2, r.0, r.1);
    }
    let cut = from_day - lead.min(from_day);
    if cut > 0 {
        anstream::eprintln!(
            "note: {cut} days of the period are left out: the run had not settled; a longer --warm-up keeps them"
        );
    }
    let text = match format {
        Format::Csv => of_table(&tables[0], Format::Csv),
        _ => report(&spec, &summary, &gains, &outcomes).into_bytes(),
    };
    out::deliver(None, &text)?;
    Ok(if summary.transit.iter().all(|t| t.count == 0) { NO_ANSWER } else { DONE })
}

struct Gain {
    capacity: Capacity,
    under_way: Mean,
    tonnes: Mean,
}

fn inputs(common: &Common, args: &Simulate, loaded: &Loaded, demand_hash: String) -> Inputs {
    let mut parameters = BTreeMap::new();
    let mut set = |k: &str, v: String| parameters.insert(k.to_owned(), v);
    set("from date", args.from_date.to_string());
    set("to date", args.to_date.to_string());
    set("replications", args.replications.to_string());
    set("warm-up", args.warm_up.to_string());
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
        let cargo = match find_cargo(model, &row.cargo) {
            Ok(c) => Some(c),
            Err(e) => {
                wrong("cargo", e.what.clone(), Some(way_out(e)));
                None
            }
        };
        let (mut avoid_states, mut avoid_modes) = (Vec::new(), Vec::new());
        for a in row.avoid.iter() {
            match (model.state_ix(a), Mode::ALL.iter().find(|m| m.word() == a)) {
                (Some(s), _) => avoid_states.push(s),
                (_, Some(m)) => avoid_modes.push(*m),
                _ => {
                    let hint =
                        "a state of the model by its two letters, or rail, road, sea, inland_water, pipeline";
                    wrong("avoid", format!("`{a}` is neither a state nor a mode"), Some(hint.into()));
                }
            }
        }
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
        let Some(lot_t) = row.lot_t.or(usual_t) else {
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
            avoid_states,
            avoid_modes,
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
            avoid_states: Vec::new(),
            avoid_modes: Vec::new(),
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
    run: &mut Run,
    spec: &Spec,
    seed: u64,
    n: u32,
    threads: usize,
    bar: &ProgressBar,
) -> Result<Vec<Outcome>, Failure> {
    let name = |r: u32| format!("replication-{:04}", r + 1);
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
        .number("transit_h", o.deliveries.iter().map(|d| d.transit_h));
    for (i, a) in Activity::ALL.iter().enumerate() {
        let column = format!("{}_h", a.word().replace(' ', "_"));
        deliveries = deliveries.number(&column, o.deliveries.iter().map(|d| f64::from(d.activities[i])));
    }
    let unfinished = Table::new("unfinished")
        .whole("flow", o.unfinished.iter().map(|u| i64::from(u.0)))
        .number("ready_h", o.unfinished.iter().map(|u| u.1));
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
        .number("waited_h", cells().map(|c| f64::from(c.waited_h)));
    let rest = Table::new("rest")
        .whole("events", [o.events as i64])
        .text("banned_h", [o.banned_h.iter().map(f64::to_string).collect::<Vec<_>>().join(";")]);
    vec![deliveries, unfinished, days, resources, rest]
}

fn outcome(tables: &[Table], wide: usize) -> Result<Outcome, TableError> {
    let [deliveries, unfinished, days, resources, rest] = tables else {
        return Ok(Outcome::default());
    };
    let (flow, ready, transit) =
        (deliveries.wholes("flow")?, deliveries.numbers("ready_h")?, deliveries.numbers("transit_h")?);
    let mut times = Vec::new();
    for a in Activity::ALL {
        times.push(deliveries.numbers(&format!("{}_h", a.word().replace(' ', "_")))?);
    }
    let (waiting, busy) = (resources.numbers("waiting")?, resources.numbers("busy")?);
    let (served, waited) = (resources.wholes("served")?, resources.numbers("waited_h")?);
    let cells: Vec<DayOf> = (0..resources.rows())
        .map(|i| DayOf {
            waiting: waiting[i] as f32,
            busy: busy[i] as f32,
            served: served[i] as u32,
            waited_h: waited[i] as f32,
        })
        .collect();
    Ok(Outcome {
        deliveries: (0..deliveries.rows())
            .map(|i| Delivery {
                flow: flow[i] as u32,
                born_h: ready[i],
                transit_h: transit[i],
                activities: std::array::from_fn(|a| times[a][i] as f32),
            })
            .collect(),
        unfinished: unfinished
            .wholes("flow")?
            .iter()
            .zip(unfinished.numbers("ready_h")?)
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

fn bottleneck_table(spec: &Spec, gains: &[Gain]) -> Table {
    Table::new("bottlenecks")
        .text("capacity", gains.iter().map(|g| spec.capacity_name(g.capacity)))
        .text("one_more", gains.iter().map(|g| spec.capacity_unit(g.capacity)))
        .number("t_a_day", gains.iter().map(|g| g.tonnes.mean))
        .number("t_a_day_half", gains.iter().map(|g| half(&g.tonnes)))
        .number("under_way", gains.iter().map(|g| g.under_way.mean))
        .number("under_way_half", gains.iter().map(|g| half(&g.under_way)))
}

fn ways_table(spec: &Spec) -> Table {
    let rows = || {
        spec.flows.iter().flat_map(|f| {
            f.choices.iter().enumerate().flat_map(move |(m, c)| c.iter().map(move |(w, p)| (f, m, *w, *p)))
        })
    };
    Table::new("ways")
        .text("from", rows().map(|(f, ..)| f.relation.0.clone()))
        .text("to", rows().map(|(f, ..)| f.relation.1.clone()))
        .text("cargo", rows().map(|(f, ..)| f.relation.2.clone()))
        .whole("month", rows().map(|(_, m, ..)| i64::from(spec.months[m].1) + 1))
        .text("way", rows().map(|(_, _, w, _)| spec.ways[w as usize].title.clone()))
        .number("share", rows().map(|(.., p)| p))
        .number("mean_h", rows().map(|(_, _, w, _)| spec.ways[w as usize].mean_h))
        .number("cost_usd", rows().map(|(_, _, w, _)| spec.ways[w as usize].cost_usd))
}

fn stranded(spec: &Spec) -> BTreeMap<usize, usize> {
    let mut months = BTreeMap::new();
    for (f, _) in &spec.stranded {
        *months.entry(*f).or_default() += 1;
    }
    months
}

fn with_half(m: &Mean, digits: usize) -> String {
    match m.half {
        Some(h) => format!("{:.digits$} ± {h:.digits$}", m.mean),
        None => format!("{:.digits$}", m.mean),
    }
}

fn report(spec: &Spec, s: &Summary, gains: &[Gain], outcomes: &[Outcome]) -> String {
    const SHOWN: usize = 15;
    let mut text = format!(
        "{} replications of {} days, counted from day {} on; {} events\n\
         under way {}; delivered {} t a day; means with 95 % intervals\n\
         (not yet: still under way at the end, counted with their time so far; ?: the run is too short to tell)\n\n",
        outcomes.len(),
        spec.days,
        s.from_day + 1,
        outcomes.iter().map(|o| o.events).sum::<u64>(),
        with_half(&s.under_way, 1),
        with_half(&s.tonnes_a_day, 0),
    );
    let mut transit: Vec<_> = s.transit.iter().filter(|t| t.count + t.unfinished > 0).collect();
    transit.sort_by(|a, b| b.tonnes_a_day.total_cmp(&a.tonnes_a_day));
    let rows: Vec<Vec<String>> = transit
        .iter()
        .take(SHOWN)
        .map(|t| {
            let r = &spec.flows[t.flow].relation;
            let days = |h: f64| format!("{:.1}", h / 24.0);
            let mut waits: Vec<(f64, &str)> = t
                .activities
                .iter()
                .zip(Activity::ALL)
                .filter(|(h, a)| **h > 1.0 && a.word().starts_with("waiting"))
                .map(|(h, a)| (*h, a.word()))
                .collect();
            waits.sort_by(|a, b| b.0.total_cmp(&a.0));
            let most = waits.first().map_or(String::new(), |(h, w)| format!("{w} {}", days(*h)));
            vec![
                format!("{} – {}, {}", r.0, r.1, r.2),
                t.count.to_string(),
                t.unfinished.to_string(),
                format!("{:.0}", t.tonnes_a_day),
                with_half(&Mean { mean: t.mean.mean / 24.0, half: t.mean.half.map(|h| h / 24.0) }, 1),
                t.percentiles[3].map_or("?".into(), days),
                t.percentiles[5].map_or("?".into(), days),
                most,
            ]
        })
        .collect();
    text.push_str(&out::table(
        &[
            "relation and cargo",
            "arrived",
            "not yet",
            "t a day",
            "mean, days",
            "P50",
            "P90",
            "longest wait, days",
        ],
        &rows,
        &[1, 2, 3, 4, 5, 6],
    ));
    let mut queues: Vec<_> = s.resources.iter().filter(|r| r.waiting.mean > 0.05).collect();
    queues.sort_by(|a, b| b.waiting.mean.total_cmp(&a.waiting.mean));
    if !queues.is_empty() {
        let rows: Vec<Vec<String>> = queues
            .iter()
            .take(SHOWN)
            .map(|r| {
                vec![
                    r.name.clone(),
                    with_half(&r.waiting, 1),
                    format!("{:.0}", r.most),
                    with_half(&r.wait_h, 1),
                    with_half(&r.served, 1),
                    with_half(&r.busy, 2),
                    format!("{}", r.servers),
                ]
            })
            .collect();
        text.push('\n');
        text.push_str(&out::table(
            &["queue", "waiting", "most", "wait, h", "served a day", "at work", "of"],
            &rows,
            &[1, 2, 3, 4, 5, 6],
        ));
    }
    if !gains.is_empty() {
        let rows: Vec<Vec<String>> = gains
            .iter()
            .map(|g| {
                vec![
                    spec.capacity_name(g.capacity).to_owned(),
                    spec.capacity_unit(g.capacity),
                    with_half(&g.tonnes, 1),
                    with_half(&g.under_way, 2),
                ]
            })
            .collect();
        text.push('\n');
        text.push_str(&out::table(
            &["one more of", "unit", "t a day more", "under way more"],
            &rows,
            &[2, 3],
        ));
    }
    text
}
