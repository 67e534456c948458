//! `karvan assign --year`: a year of trade on the model's network.

use std::io::IsTerminal;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicUsize, Ordering};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use jiff::civil::Date;
use karvan_demand::Demand;
use karvan_freight::capacity::Capacities;
use karvan_freight::choice::{Choices, choices};
use karvan_freight::compare::{Comparison, compare, millions};
use karvan_freight::drawn::Drawn;
use karvan_freight::report::{Report, TotalTold, TradeTotalTold, Year, rounded};
use karvan_freight::year::{self, Problem};
use karvan_freight::years;
use karvan_freight::{FreightError, tables};
use karvan_network::base::Base;
use karvan_report::Lang;
use karvan_study::{Inputs, Run};

use crate::args::{Assign, Common, Format, LangWord, Years};
use crate::exit::{DONE, Failure, NO_ANSWER, wrong_input};
use crate::load::{self, Asked, Loaded};
use crate::out;

/// Duality gap at which to stop, where none is asked for.
const GAP: f64 = 1e-6;

impl From<FreightError> for Failure {
    fn from(e: FreightError) -> Self {
        match e {
            FreightError::Parameter(_) => {
                wrong_input(e.to_string(), "docs/assignment.md says what a model needs")
            }
            FreightError::NoChoice(_) => {
                wrong_input(e.to_string(), "a row that names neither cargo nor form holds for all")
            }
            FreightError::Day { .. } => {
                wrong_input(e.to_string(), "name a year of the model's calendar, or --as-of")
            }
            FreightError::NoDemand(_) | FreightError::NoWay { .. } => Failure::NoAnswer(e.to_string(), None),
            FreightError::Programme(_) | FreightError::Solve(_) => Failure::Fault(e.to_string()),
        }
    }
}

/// The day whose law, links and services hold for all of a year: its middle, where none is named.
fn day_of(loaded: &Loaded, year: u32) -> Result<Date, FreightError> {
    let manifest = &loaded.model.manifest;
    let (first, last) = (manifest.first_day, manifest.last_day);
    let middle = i16::try_from(year).ok().and_then(|y| Date::new(y, 7, 1).ok());
    let day = loaded.as_of.or(middle).unwrap_or(Date::MAX);
    if (first..=last).contains(&day) { Ok(day) } else { Err(FreightError::Day { given: day, first, last }) }
}

fn hours_of(day: Date) -> f64 {
    f64::from(day.days_in_year()) * 24.0
}

/// What was computed of a model and year.
struct Computed {
    loaded: Loaded,
    base: Base,
    year: u32,
    day: Date,
    demand: Option<Demand>,
    capacities: Capacities,
    choices: Choices,
    assigned: year::Assigned,
}

impl Computed {
    fn year(&self) -> Year<'_> {
        Year {
            model: &self.loaded.model,
            base: &self.base,
            year: self.year,
            day: self.day,
            capacities: &self.capacities,
            choices: &self.choices,
            assigned: &self.assigned,
            demand: self.demand.as_ref(),
        }
    }

    fn report(&self) -> Report {
        Report {
            model_hash: self.loaded.raw_hash.clone(),
            scenario: self.loaded.scenario.clone(),
            ..self.year().report()
        }
    }
}

fn bar(template: &str, length: u64) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(length), ProgressDrawTarget::stderr());
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar
}

/// Computes a year of a model; choice sets are those of a run, where it has them.
fn compute(loaded: Loaded, year: u32, gap: f64, run: Option<&mut Run>) -> Result<Computed, Failure> {
    let day = day_of(&loaded, year)?;
    let model = &loaded.model;
    let base = Base::new(model);
    let demand = karvan_demand::build(model, &[year])?;
    let od = demand.od_of_year(model, year);
    if od.is_empty() {
        return Err(FreightError::NoDemand(year).into());
    }
    let stated = od.iter().all(|o| o.cell.is_none());
    let capacities = Capacities::of(model, day);
    let find = || {
        let progress = bar("{pos}/{len} choice sets {bar:30} {eta} left", od.len() as u64);
        let done = AtomicUsize::new(0);
        let found = choices(model, &base, &od, day, &capacities, &|n| {
            progress.set_position((done.fetch_add(n, Ordering::Relaxed) + n) as u64);
        });
        progress.finish_and_clear();
        found
    };
    let choices = match run {
        Some(run) => {
            let kept = run.stage("choices", || {
                Ok::<_, Failure>(tables::of_choices(model, &base, &capacities, &find()?))
            })?;
            tables::read_choices(model, &capacities, &kept).map_err(|e| Failure::Fault(e.to_string()))?
        }
        None => find()?,
    };
    if choices.flows.iter().all(|f| f.ways.is_empty()) {
        return Err(FreightError::NoWay { year, day }.into());
    }
    let problem =
        Problem { model, base: &base, capacities: &capacities, choices: &choices, hours: hours_of(day) };
    let posed = year::pose(&problem)?;
    let progress = bar("{msg}", 0);
    let assigned = year::solve(&problem, &posed, gap, None, &mut |p| {
        progress.set_message(format!("{} evaluations of the dual, gap {:.2e}", p.evaluations, p.gap));
        progress.tick();
        ControlFlow::Continue(())
    });
    progress.finish_and_clear();
    let assigned = assigned?;
    let demand = (!stated).then_some(demand);
    Ok(Computed { loaded, base, year, day, demand, capacities, choices, assigned })
}

fn inputs(loaded: &Loaded, year: u32, gap: f64) -> Inputs {
    Inputs {
        command: "assign".into(),
        model: format!("{} {}", loaded.model.manifest.name, loaded.model.manifest.version),
        model_hash: loaded.raw_hash.clone(),
        scenario: loaded.scenario.clone(),
        as_of: loaded.as_of.map(|d| d.to_string()),
        parameters: [("year".to_owned(), year.to_string()), ("gap".to_owned(), format!("{gap:e}"))].into(),
        seed: 0,
        version: env!("CARGO_PKG_VERSION").to_owned(),
    }
}

pub fn run(common: &Common, args: &Assign, years: Years) -> Result<u8, Failure> {
    if years.first < years.last {
        return several(common, args, years);
    }
    let year = years.first;
    let whole = [Format::Table, Format::Json, Format::Csv, Format::Html, Format::Gpkg];
    // Beside another, or of prices, there is no map.
    let beside = args.against.is_some() || args.check_prices.is_some();
    let format = common.format_of(if beside { &whole[..3] } else { &whole })?;
    if format == Format::Gpkg && common.output.is_none() && std::io::stdout().is_terminal() {
        return Err(wrong_input("a GeoPackage is no text for a screen", "name a file: --output year.gpkg"));
    }
    let gap = args.gap.unwrap_or(GAP);
    let loaded = load::load(&common.asked(matches!(format, Format::Html | Format::Gpkg)))?;
    if let Some(file) = &args.against {
        let other = load::load(&Asked { scenario: Some(file.clone()), ..common.asked(false) })?;
        return against(
            common,
            format,
            [compute(loaded, year, gap, None)?, compute(other, year, gap, None)?],
        );
    }
    let mut run = match &args.run {
        Some(dir) => Some(Run::open_or_create(dir, inputs(&loaded, year, gap))?),
        None => None,
    };
    let computed = compute(loaded, year, gap, run.as_mut())?;
    if let Some(most) = args.check_prices {
        return check_prices(common, format, &computed, gap, most.into());
    }
    let report = computed.report();
    keep(run.as_mut(), &computed, &report)?;
    let drawn = |report: &Report| Drawn::of(&computed.loaded.model, &computed.base, report);
    let bytes = match format {
        Format::Json => out::json(&report)?,
        Format::Csv => csv(&report),
        Format::Html => {
            let lang = match args.lang {
                Some(LangWord::Ru) => Lang::Ru,
                _ => Lang::En,
            };
            karvan_report::assignment_html(&report, &drawn(&report), lang).into_bytes()
        }
        Format::Gpkg => {
            // The day whose network was taken, so that the same year gives the same bytes.
            let changed = format!("{}T00:00:00.000Z", report.day);
            karvan_study::geopackage(&drawn(&report).layers(&report), &changed)
                .map_err(|e| Failure::Fault(e.to_string()))?
        }
        _ => told(&report).into_bytes(),
    };
    out::deliver(common.output.as_deref(), &bytes)?;
    if report.certificate.gap > gap {
        anstream::eprintln!(
            "note: the gap {:.3e} was reached, not {gap:.3e}: double precision gives no more",
            report.certificate.gap
        );
        return Ok(NO_ANSWER);
    }
    Ok(DONE)
}

/// Several years, each by itself, in one report.
fn several(common: &Common, args: &Assign, asked: Years) -> Result<u8, Failure> {
    let format = common.format_of(&[Format::Table, Format::Json])?;
    let option = [(args.against.is_some(), "--against"), (args.check_prices.is_some(), "--check-prices")];
    if let Some((_, option)) = option.into_iter().find(|(given, _)| *given) {
        return Err(wrong_input(format!("{option} is for one year"), "name one year, such as --year 2024"));
    }
    let gap = args.gap.unwrap_or(GAP);
    let progress = bar("year {msg}: {pos}/{len} done", u64::from(asked.last - asked.first + 1));
    let mut reports = Vec::new();
    for year in asked.first..=asked.last {
        progress.set_message(year.to_string());
        let loaded = load::load(&common.asked(false))?;
        let mut run = match &args.run {
            Some(dir) => Some(Run::open_or_create(&dir.join(year.to_string()), inputs(&loaded, year, gap))?),
            None => None,
        };
        let computed = compute(loaded, year, gap, run.as_mut())?;
        let report = computed.report();
        keep(run.as_mut(), &computed, &report)?;
        reports.push(report);
        progress.inc(1);
    }
    progress.finish_and_clear();
    let Some(report) = years::years(&reports) else {
        return Err(Failure::Fault("no year was computed".into()));
    };
    let bytes = match format {
        Format::Json => out::json(&report)?,
        _ => told_years(&report).into_bytes(),
    };
    out::deliver(common.output.as_deref(), &bytes)?;
    Ok(if report.years.iter().any(|y| y.gap > gap) { NO_ANSWER } else { DONE })
}

/// Keeps flows and report in the run.
fn keep(run: Option<&mut Run>, computed: &Computed, report: &Report) -> Result<(), Failure> {
    if let Some(run) = run {
        run.stage("flows", || {
            Ok::<_, Failure>(tables::of_assigned(&computed.capacities, &computed.assigned))
        })?;
        run.stage("report", || Ok::<_, Failure>(tables::of_report(report)))?;
    }
    Ok(())
}

fn told_years(y: &years::Years) -> String {
    let scenario = y.scenario.as_ref().map_or(String::new(), |s| format!(", {s}"));
    let (first, last) = (y.years.first().map_or(0, |x| x.year), y.years.last().map_or(0, |x| x.year));
    let mut t = format!("{}{scenario}: trade of {first} to {last}, each year by itself\n", y.model);
    let rows: Vec<Vec<String>> = y
        .missed
        .iter()
        .map(|m| {
            vec![
                if m.in_the_fit { "seen" } else { "not seen" }.to_owned(),
                m.of.clone(),
                m.totals.to_string(),
                format!("{:.2}", m.factor),
                format!("{:.2}", m.median_ratio),
            ]
        })
        .collect();
    section(
        &mut t,
        "By what factor published totals of traffic are missed (geometric mean), and the median of modelled over published;\n\
         seen: durations or trade, not traffic, were estimated from a statement on the same page",
        &out::table(&["page", "of", "totals", "factor", "median ratio"], &rows, &[2, 3, 4]),
    );
    traffic_totals(&mut t, &y.traffic_totals);
    trade_totals(&mut t, &y.trade_totals);
    let by_year = |rows: &[years::Row], what: &str, tell: fn(f64) -> String| {
        let mut header = vec![what, "unit"];
        let names: Vec<String> = y.years.iter().map(|x| x.year.to_string()).collect();
        header.extend(names.iter().map(String::as_str));
        let rows: Vec<Vec<String>> = rows
            .iter()
            .map(|r| {
                let values = r.values.iter().map(|v| v.map_or("-".into(), tell));
                [r.what.clone(), r.unit.clone()].into_iter().chain(values).collect()
            })
            .collect();
        let right: Vec<usize> = (2..header.len()).collect();
        out::table(&header, &rows, &right)
    };
    section(&mut t, "Corridors", &by_year(&y.corridors, "corridor", rounded));
    section(&mut t, "Modes, by that of most kilometres", &by_year(&y.modes, "mode", rounded));
    let shown = y.prices.len().min(SHOWN);
    section(
        &mut t,
        &format!("Prices of capacities: {shown} of {}, the dearest in all", y.prices.len()),
        &by_year(&y.prices[..shown], "capacity", |v| format!("{v:.2}")),
    );
    let rows: Vec<Vec<String>> = y
        .years
        .iter()
        .map(|x| {
            vec![
                x.year.to_string(),
                x.day.to_string(),
                rounded(x.tonnes),
                rounded(x.carried_t),
                format!("{:.1e}", x.gap),
            ]
        })
        .collect();
    section(
        &mut t,
        "The years",
        &out::table(&["year", "network of", "demand t", "carried t", "gap"], &rows, &[2, 3, 4]),
    );
    if !y.attribution.is_empty() {
        t.push_str(&format!("\n{}\n", y.attribution.join("; ")));
    }
    t
}

/// A scenario beside what it is compared with.
fn against(common: &Common, format: Format, sides: [Computed; 2]) -> Result<u8, Failure> {
    let [a, b] = &sides;
    let name = |c: &Computed| c.loaded.scenario.clone().unwrap_or_else(|| "base".into());
    let names = [name(a), name(b)];
    let c = compare(
        &a.year(),
        &b.year(),
        [(names[0].as_str(), &a.loaded.raw_hash), (names[1].as_str(), &b.loaded.raw_hash)],
    );
    let bytes = match format {
        Format::Json => out::json(&c)?,
        Format::Csv => {
            let rows: Vec<Vec<String>> = c
                .moved
                .iter()
                .map(|m| {
                    let t = format!("{:.1}", m.tonnes);
                    [&m.from, &m.to, &m.cargo, &t, &m.lost, &m.gained, &m.why].map(String::clone).to_vec()
                })
                .collect();
            out::csv(&["from", "to", "cargo", "tonnes", "lost", "gained", "why"], &rows)
        }
        _ => told_beside(&c).into_bytes(),
    };
    out::deliver(common.output.as_deref(), &bytes)?;
    Ok(DONE)
}

/// Worth of capacities beside what solving anew gives.
fn check_prices(common: &Common, format: Format, c: &Computed, gap: f64, most: usize) -> Result<u8, Failure> {
    let progress = bar("{pos}/{len} capacities {bar:30} {eta} left", most as u64);
    let problem = Problem {
        model: &c.loaded.model,
        base: &c.base,
        capacities: &c.capacities,
        choices: &c.choices,
        hours: hours_of(c.day),
    };
    let found = year::beside(&problem, &c.assigned, gap, most, &mut |n| progress.set_position(n as u64));
    progress.finish_and_clear();
    let rows: Vec<Vec<String>> = found?
        .iter()
        .map(|b| {
            let row = &c.capacities.rows[b.row as usize];
            vec![
                row.key.clone(),
                row.unit.word().to_owned(),
                format!("{}", b.units),
                format!("{:.4}", b.more),
                format!("{:.4}", b.worth),
                format!("{:.4}", b.less),
            ]
        })
        .collect();
    let header = ["capacity", "unit", "step", "more_usd", "worth_usd", "less_usd"];
    let bytes = match format {
        Format::Csv => out::csv(&header, &rows),
        Format::Json => {
            return Err(wrong_input("--check-prices has no format `json`", "it has: table, csv"));
        }
        _ => {
            let head = "What a unit is worth: by solving anew with a step more, at the margin, by solving anew with a step less\n\n";
            format!("{head}{}", out::table(&header, &rows, &[2, 3, 4, 5])).into_bytes()
        }
    };
    out::deliver(common.output.as_deref(), &bytes)?;
    Ok(DONE)
}

fn told_beside(c: &Comparison) -> String {
    let (a, b) = (&c.base, &c.scenario);
    let mut t = format!(
        "{}, trade of {}: {} beside {}\n\n\
         moved         {} t go another way\n\
         carried       {} t instead of {} t; too dear {} t instead of {} t; no way {} t instead of {} t\n\
         cost          of what moves {}; with dispersion and what staying costs {}\n\
         gap           {:.1e} and {:.1e}\n",
        c.model,
        c.year,
        b.name,
        a.name,
        rounded(c.moved_t),
        rounded(b.carried_t),
        rounded(a.carried_t),
        rounded(b.stays_t),
        rounded(a.stays_t),
        rounded(b.no_way_t),
        rounded(a.no_way_t),
        millions(b.cost_usd - a.cost_usd),
        millions(b.value_usd - a.value_usd),
        a.gap,
        b.gap,
    );
    for (head, rows) in [("corridor", &c.corridors), ("mode", &c.modes)] {
        let rows: Vec<Vec<String>> = rows
            .iter()
            .map(|d| {
                let change = d.scenario_t - d.base_t;
                let change = if change.abs() < 0.5 { 0.0 } else { change };
                vec![d.what.clone(), rounded(d.base_t), rounded(d.scenario_t), rounded(change)]
            })
            .collect();
        let header = [head, "base t", "scenario t", "change"];
        t.push_str(&format!("\n{}", out::table(&header, &rows, &[1, 2, 3])));
    }
    let rows: Vec<Vec<String>> = c
        .capacities
        .iter()
        .take(SHOWN)
        .map(|d| {
            let capacity = |c: Option<f64>| c.map_or("-".to_owned(), rounded);
            vec![
                d.what.clone(),
                d.unit.clone(),
                capacity(d.capacity.0),
                capacity(d.capacity.1),
                rounded(d.load.0),
                rounded(d.load.1),
                format!("{:.2}", d.price_usd.0),
                format!("{:.2}", d.price_usd.1),
            ]
        })
        .collect();
    if !rows.is_empty() {
        let header = ["capacity", "unit", "base", "scenario", "load", "load", "price, USD", "price, USD"];
        section(
            &mut t,
            &format!(
                "Capacities that fill or price otherwise, of base and scenario: {} of {}",
                rows.len(),
                c.capacities.len()
            ),
            &out::table(&header, &rows, &[2, 3, 4, 5, 6, 7]),
        );
    }
    let moved: String = c
        .moved
        .iter()
        .take(SHOWN)
        .map(|m| {
            format!(
                "{} t of {} from {} to {}\n    left   {}\n    takes  {}\n    why    {}\n",
                rounded(m.tonnes),
                m.cargo,
                m.from,
                m.to,
                m.lost,
                m.gained,
                m.why
            )
        })
        .collect();
    if !moved.is_empty() {
        let n = c.moved.len().min(SHOWN);
        section(&mut t, &format!("What moved, and why: {n} of {}", c.moved.len()), &moved);
    }
    if !c.attribution.is_empty() {
        t.push_str(&format!("\n{}\n", c.attribution.join("; ")));
    }
    t
}

/// Traffic by link.
fn csv(r: &Report) -> Vec<u8> {
    let rows: Vec<Vec<String>> = r
        .links
        .iter()
        .map(|l| {
            vec![
                l.link.clone(),
                l.from.clone(),
                l.to.clone(),
                l.mode.clone(),
                l.state.clone().unwrap_or_default(),
                format!("{:.1}", l.forward_t),
                format!("{:.1}", l.back_t),
                l.cargo.iter().map(|c| format!("{}:{:.0}", c.cargo, c.tonnes)).collect::<Vec<_>>().join(";"),
            ]
        })
        .collect();
    out::csv(&["link", "from", "to", "mode", "state", "forward_t", "back_t", "cargo"], &rows)
}

/// Rows of a table that are shown; JSON has all.
const SHOWN: usize = 20;

fn percent(x: f64) -> String {
    format!("{:.1}", 100.0 * x)
}

fn section(text: &mut String, head: &str, table: &str) {
    text.push_str(&format!("\n{head}\n{table}"));
}

/// Heads of the published totals, by whether a parameter has seen their pages.
const TOTALS: [(bool, &str); 2] = [
    (
        false,
        "Published totals of traffic beside modelled ones, the worst first; no parameter has seen their pages",
    ),
    (
        true,
        "The same of pages that a parameter has seen: durations or trade were estimated from them, not traffic",
    ),
];

fn traffic_totals(t: &mut String, totals: &[TotalTold]) {
    for (seen, head) in TOTALS {
        let rows: Vec<Vec<String>> = totals
            .iter()
            .filter(|x| x.in_the_fit == seen)
            .map(|x| {
                vec![
                    x.what.clone(),
                    x.of.clone(),
                    x.cargo.join(", "),
                    format!("{} to {}", x.first, x.last),
                    x.unit.clone(),
                    rounded(x.published),
                    rounded(x.modelled),
                    format!("{:.2}", x.ratio),
                ]
            })
            .collect();
        if !rows.is_empty() {
            let header = ["what", "of", "cargo", "period", "unit", "published", "modelled", "ratio"];
            section(t, head, &out::table(&header, &rows, &[5, 6, 7]));
        }
    }
}

fn trade_totals(t: &mut String, totals: &[TradeTotalTold]) {
    let rows: Vec<Vec<String>> = totals
        .iter()
        .map(|x| {
            vec![
                x.id.clone(),
                format!("{} to {}", x.first, x.last),
                rounded(x.published),
                rounded(x.fitted),
                rounded(x.left_out),
            ]
        })
        .collect();
    if !rows.is_empty() {
        section(
            t,
            "Published totals of trade that demand was fitted to, and what a fit gives without their page, t",
            &out::table(&["total", "period", "published", "fitted", "left out"], &rows, &[2, 3, 4]),
        );
    }
}

fn told(r: &Report) -> String {
    let (d, c) = (&r.demand, &r.certificate);
    let scenario = r.scenario.as_ref().map_or(String::new(), |s| format!(", {s}"));
    let mut t = format!(
        "{}{scenario}: trade of {} on the network of {}\n\n\
         demand        {} t in {} flows; carried {} t, too dear {} t, no way on the day {} t\n\
         ways          {} in the choice sets; generalised cost of what moves {:.1} USD a tonne\n\
         gap           {:.2e} = (value of the programme - dual) / generalised cost; no flows have a lower value than {} USD\n\
         kept to       capacities to {:.0e}, demand to {:.0e}, conservation by node, equipment and cargo to {:.0e}\n\
         unbounded     {} links, {} terminals, {} crossings and {} services have no published capacity\n",
        r.model,
        r.year,
        r.day,
        rounded(d.tonnes),
        d.flows,
        rounded(d.carried_t),
        rounded(d.stays_t),
        rounded(d.no_way_t),
        d.ways,
        d.mean_usd_per_t,
        c.gap,
        rounded(c.bound_usd),
        c.over_capacity,
        c.demand_error,
        c.conservation,
        r.unbounded.links,
        r.unbounded.terminals,
        r.unbounded.borders,
        r.unbounded.services,
    );
    if let Some(s) = &r.cannot_be_carried {
        t.push_str(&format!("\nAt least {} t cannot be carried, whatever is done.", rounded(s.least_t)));
        if let Some(cut) = &s.cut {
            t.push_str(&format!(
                " The cut: {} flows have to pass {} and need {} of {}.",
                cut.flows,
                cut.capacities.join(" or "),
                rounded(cut.needs),
                rounded(cut.has)
            ));
        }
        t.push('\n');
    }
    traffic_totals(&mut t, &r.traffic_totals);
    trade_totals(&mut t, &r.trade_totals);
    let corridors: Vec<Vec<String>> = r
        .corridors
        .iter()
        .map(|x| {
            let cargo: Vec<String> =
                x.cargo.iter().take(3).map(|c| format!("{} {}", c.cargo, rounded(c.tonnes))).collect();
            vec![
                x.name.clone(),
                rounded(x.tonnes),
                percent(x.share),
                rounded(x.contested_t),
                percent(x.contested_share),
                cargo.join(", "),
            ]
        })
        .collect();
    section(
        &mut t,
        "Corridors; contested is trade between two states of which some goes by one corridor and some by another",
        &out::table(&["corridor", "t", "%", "contested t", "%", "most of it"], &corridors, &[1, 2, 3, 4]),
    );
    let modes: Vec<Vec<String>> = r
        .modes
        .iter()
        .map(|x| vec![x.mode.clone(), rounded(x.tonnes), percent(x.share), rounded(x.tonne_km / 1e6)])
        .collect();
    section(
        &mut t,
        "Modes, by that of most kilometres",
        &out::table(&["mode", "t", "%", "million t-km"], &modes, &[1, 2, 3]),
    );
    let capacities: Vec<Vec<String>> = r
        .capacities
        .iter()
        .take(SHOWN)
        .map(|x| {
            vec![
                x.what.clone(),
                x.unit.clone(),
                rounded(x.load),
                rounded(x.capacity),
                percent(x.share),
                format!("{:.2}", x.price_usd),
                x.wait_h.map_or("-".into(), |h| format!("{h:.1}")),
            ]
        })
        .collect();
    section(
        &mut t,
        &format!(
            "Volume against capacity in the year: {SHOWN} of {}, the dearest and fullest",
            r.capacities.len()
        ),
        &out::table(
            &["what", "unit", "volume", "capacity", "%", "price, USD a unit", "wait, h"],
            &capacities,
            &[2, 3, 4, 5, 6],
        ),
    );
    let worth: Vec<&str> = r
        .capacities
        .iter()
        .filter_map(|x| x.step.as_ref())
        .filter(|s| s.usd >= 1000.0)
        .take(SHOWN)
        .map(|s| s.sentence.as_str())
        .collect();
    if !worth.is_empty() {
        section(
            &mut t,
            "What more is worth, to all shippers together, at the margin",
            &(worth.join("\n") + "\n"),
        );
    }
    let services: Vec<Vec<String>> = r
        .services
        .iter()
        .take(SHOWN)
        .map(|x| vec![x.name.clone(), x.from.clone(), x.to.clone(), rounded(x.tonnes)])
        .collect();
    section(
        &mut t,
        &format!("Services: {} of {}", services.len(), r.services.len()),
        &out::table(&["service", "from", "to", "t"], &services, &[3]),
    );
    let borders: Vec<Vec<String>> = r
        .borders
        .iter()
        .take(SHOWN)
        .map(|x| vec![x.border.clone(), x.mode.clone(), rounded(x.forward_t), rounded(x.back_t)])
        .collect();
    section(
        &mut t,
        &format!("Crossings: {} of {}", borders.len(), r.borders.len()),
        &out::table(&["crossing", "mode", "t forward", "t back"], &borders, &[2, 3]),
    );
    if !d.not_moved.is_empty() {
        let rows: Vec<Vec<String>> = d
            .not_moved
            .iter()
            .map(|n| {
                vec![
                    n.from.clone(),
                    n.to.clone(),
                    n.cargo.clone(),
                    rounded(n.tonnes),
                    if n.no_way { "no way on the day" } else { "too dear" }.to_owned(),
                ]
            })
            .collect();
        section(
            &mut t,
            "The largest flows that do not move, or not all",
            &out::table(&["from", "to", "cargo", "t", "why"], &rows, &[3]),
        );
    }
    if !r.attribution.is_empty() {
        t.push_str(&format!("\n{}\n", r.attribution.join("; ")));
    }
    t
}
