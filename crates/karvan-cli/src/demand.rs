//! `karvan demand build` and `karvan demand explain`.

use std::cell::OnceCell;

use karvan_demand::{Cell, Demand, DemandError, Explanation, Od, PlaceShare, RowShown};
use karvan_model::Model;
use karvan_model::places::{Gazetteer, Place, find_cargo};
use karvan_study::{Inputs, Run, Table};

use crate::args::{Common, DemandExplain, Format, Years};
use crate::exit::{DONE, Failure, wrong_input};
use crate::load::{self, Loaded};
use crate::out;
use crate::study::of_table;

impl From<DemandError> for Failure {
    fn from(e: DemandError) -> Self {
        let hint = match &e {
            DemandError::Year { .. } => "the calendar is that of the model's model.toml",
            DemandError::NoTrade => {
                "docs/demand.md says which tables a model needs; a model may also state its `demand`"
            }
            DemandError::Parameter(_) | DemandError::NoZone(_) => "`karvan check` lists what a model lacks",
            DemandError::NotConverged { .. } => {
                "give the totals in `trade_total` wider ranges: some contradict each other"
            }
        };
        wrong_input(e.to_string(), hint)
    }
}

/// Rows of the largest flows that are shown where no run is written.
const SHOWN: usize = 30;

pub fn build(common: &Common, years: Years) -> Result<u8, Failure> {
    let loaded = load::load(&common.asked(false))?;
    let years: Vec<u32> = (years.first..=years.last).collect();
    // Built once, and only where a stage of the run is not there yet.
    let built: OnceCell<Demand> = OnceCell::new();
    let demand = || -> Result<&Demand, Failure> {
        if built.get().is_none() {
            let _ = built.set(karvan_demand::build(&loaded.model, &years)?);
        }
        built.get().ok_or_else(|| Failure::Fault("the demand was not kept".into()))
    };
    let Some(dir) = &common.output else {
        let format = common.format_of(&[Format::Table, Format::Csv])?;
        let mut od = table_of_od(&loaded.model, demand()?);
        if format == Format::Table {
            od = largest(&loaded.model, demand()?);
        }
        out::deliver(None, &of_table(&od, format))?;
        return Ok(DONE);
    };
    common.format_of(&[Format::Table])?;
    let mut run = Run::open_or_create(dir, inputs(common, &loaded, &years))?;
    let model = &loaded.model;
    run.stage("trade", || Ok::<_, Failure>(vec![table_of_cells(model, demand()?)]))?;
    run.stage("zones", || Ok::<_, Failure>(vec![table_of_flows(model, demand()?)]))?;
    run.stage("fit", || {
        Ok::<_, Failure>(vec![
            table_of_fit(demand()?),
            table_of_totals(model, demand()?),
            table_of_folds(demand()?),
        ])
    })?;
    run.stage("demand", || Ok::<_, Failure>(vec![table_of_od(model, demand()?)]))?;
    let there = run.reused().len();
    let rows = run.manifest().stages.iter().flat_map(|s| &s.tables).map(|t| t.rows).sum::<usize>();
    anstream::eprintln!(
        "{rows} rows in {}{}",
        dir.display(),
        if there > 0 { format!("; {there} stages were there already") } else { String::new() }
    );
    Ok(DONE)
}

fn inputs(common: &Common, loaded: &Loaded, years: &[u32]) -> Inputs {
    let list = years.iter().map(u32::to_string).collect::<Vec<_>>().join(",");
    Inputs {
        command: "demand build".into(),
        model: format!("{} {}", loaded.model.manifest.name, loaded.model.manifest.version),
        model_hash: loaded.raw_hash.clone(),
        scenario: loaded.scenario.clone(),
        as_of: loaded.as_of.map(|d| d.to_string()),
        parameters: [("years".to_owned(), list)].into(),
        seed: common.seed,
        version: env!("CARGO_PKG_VERSION").to_owned(),
    }
}

fn cargo_id(model: &Model, c: &Cell) -> String {
    model.tables.cargo[c.cargo.ix()].id.0.clone()
}

fn table_of_cells(model: &Model, d: &Demand) -> Table {
    let (cells, trade) = (&d.cells, &model.tables.trade);
    let of = |f: &dyn Fn(&Cell) -> f64| cells.iter().map(f).collect::<Vec<_>>();
    Table::new("cells")
        .whole("cell", 0..cells.len() as i64)
        .text("from", cells.iter().map(|c| c.from.clone()))
        .text("to", cells.iter().map(|c| c.to.clone()))
        .text("cargo", cells.iter().map(|c| cargo_id(model, c)))
        .whole("year", cells.iter().map(|c| i64::from(c.year)))
        .whole("row_year", cells.iter().map(|c| i64::from(trade[c.row].year)))
        .number("quantity", of(&|c| trade[c.row].quantity.best))
        .text("unit", cells.iter().map(|c| trade[c.row].unit.word()))
        .number("unit_value_usd_per_t", of(&|c| c.unit_value.unwrap_or(f64::NAN)))
        .number("index", of(&|c| c.index))
        .number("tonnes", of(&|c| c.tonnes))
        .number("low", of(&|c| c.range().0))
        .number("high", of(&|c| c.range().1))
        .number("log_sd", of(&|c| c.log_sd))
        .text("basis", cells.iter().map(|c| c.basis.word()))
        .text("claim", cells.iter().map(|c| karvan_model::cell::Cell::write(&trade[c.row].claim)))
}

fn table_of_flows(model: &Model, d: &Demand) -> Table {
    let node = |n| model.node(n).id.0.clone();
    Table::new("flows")
        .whole("cell", d.flows.iter().map(|f| f.cell as i64))
        .text("from_node", d.flows.iter().map(|f| node(f.from)))
        .text("to_node", d.flows.iter().map(|f| node(f.to)))
        .number("share", d.flows.iter().map(|f| f.share))
}

fn table_of_fit(d: &Demand) -> Table {
    Table::new("cells")
        .whole("cell", 0..d.cells.len() as i64)
        .number("prior", d.cells.iter().map(|c| c.tonnes))
        .number("fitted", d.fitted.iter().copied())
}

/// Cells that are others without the totals of a page.
fn table_of_folds(d: &Demand) -> Table {
    let mut rows: Vec<(&str, usize, f64)> = Vec::new();
    for (page, tonnes) in &d.folds {
        let cells = tonnes.iter().zip(&d.fitted).enumerate();
        rows.extend(
            cells
                .filter(|(_, (x, all))| (*x / *all - 1.0).abs() > 1e-9)
                .map(|(i, (x, _))| (page.as_str(), i, *x)),
        );
    }
    Table::new("folds")
        .text("page", rows.iter().map(|r| r.0))
        .whole("cell", rows.iter().map(|r| r.1 as i64))
        .number("left_out", rows.iter().map(|r| r.2))
}

fn table_of_totals(model: &Model, d: &Demand) -> Table {
    let row = |i: usize| &model.tables.trade_total[i];
    let number = |f: fn(&karvan_demand::TotalFit) -> f64| d.totals.iter().map(f).collect::<Vec<_>>();
    Table::new("totals")
        .text("id", d.totals.iter().map(|t| row(t.row).id.0.clone()))
        .text("first", d.totals.iter().map(|t| row(t.row).first.to_string()))
        .text("last", d.totals.iter().map(|t| row(t.row).last.to_string()))
        .text("page", d.totals.iter().map(|t| t.page.clone()))
        .number("published", number(|t| t.published))
        .number("low", number(|t| t.range.0))
        .number("high", number(|t| t.range.1))
        .number("prior", number(|t| t.prior))
        .number("fitted", number(|t| t.fitted))
        .number("left_out", number(|t| t.left_out))
}

fn table_of_od(model: &Model, d: &Demand) -> Table {
    let od: Vec<Od> = d.years.iter().flat_map(|y| d.od_of_year(model, *y)).collect();
    let node = |n| model.node(n).id.0.clone();
    let number = |f: fn(&Od) -> f64| od.iter().map(f).collect::<Vec<_>>();
    Table::new("od")
        .text("from", od.iter().map(|o| node(o.from)))
        .text("to", od.iter().map(|o| node(o.to)))
        .text("cargo", od.iter().map(|o| model.tables.cargo[o.cargo.ix()].id.0.clone()))
        .whole("year", od.iter().map(|o| i64::from(o.year)))
        .number("tonnes", number(|o| o.tonnes))
        .number("low", number(|o| o.range.0))
        .number("high", number(|o| o.range.1))
        .text("basis", od.iter().map(|o| o.basis.word()))
        .whole("cell", od.iter().map(|o| o.cell.map_or(-1, |c| c as i64)))
}

/// The largest cells of the years, as one reads them.
fn largest(model: &Model, d: &Demand) -> Table {
    let mut order: Vec<usize> = (0..d.cells.len()).filter(|i| d.years.contains(&d.cells[*i].year)).collect();
    order.sort_by(|a, b| d.fitted[*b].total_cmp(&d.fitted[*a]).then(a.cmp(b)));
    order.truncate(SHOWN);
    let of = |f: &dyn Fn(&Cell, f64) -> String| {
        order.iter().map(|i| f(&d.cells[*i], d.fitted[*i])).collect::<Vec<_>>()
    };
    Table::new("largest")
        .text("from", of(&|c, _| c.from.clone()))
        .text("to", of(&|c, _| c.to.clone()))
        .text("cargo", of(&|c, _| cargo_id(model, c)))
        .text("year", of(&|c, _| c.year.to_string()))
        .text("tonnes (low to high)", of(&|c, t| ranged(t, c.log_sd)))
        .text("basis", of(&|c, _| c.basis.word().to_owned()))
}

fn thousands(x: f64) -> String {
    let digits = format!("{:.0}", x.abs());
    let mut out = String::new();
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i) % 3 == 0 {
            out.push(',');
        }
        out.push(c);
    }
    if x <= -0.5 { format!("-{out}") } else { out }
}

/// Three digits: a figure known to a tenth at best is not printed to the tonne.
fn rounded(x: f64) -> String {
    if x <= 0.0 {
        return "0".into();
    }
    let unit = 10f64.powf((x.log10().floor() - 2.0).max(0.0));
    thousands((x / unit).round() * unit)
}

fn ranged(tonnes: f64, log_sd: f64) -> String {
    let k = (karvan_demand::trade::RANGE_SD * log_sd).exp();
    format!("{} ({} to {})", rounded(tonnes), rounded(tonnes / k), rounded(tonnes * k))
}

/// The region that a text names: a key of `zone`, or a place of the model, whose region it is.
fn region(model: &Model, text: &str) -> Result<String, Failure> {
    let zones = &model.tables.zone;
    if let Some(z) = zones.iter().find(|z| z.region.as_str().eq_ignore_ascii_case(text)) {
        return Ok(z.region.0.clone());
    }
    let place = Gazetteer::new(model).resolve(text)?;
    let nodes = match place {
        Place::Nodes { nodes, .. } => nodes,
        Place::Point { .. } => {
            return Err(wrong_input(format!("`{text}` is a position"), "name a region or a place"));
        }
    };
    let of_zone = zones.iter().find(|z| model.node_ix(z.node.as_str()).is_some_and(|n| nodes.contains(&n)));
    let state = nodes.first().and_then(|n| model.node(*n).state.as_ref()).map(|s| s.as_str());
    let of_state = zones.iter().find(|z| Some(z.region.as_str()) == state);
    of_zone.or(of_state).map(|z| z.region.0.clone()).ok_or_else(|| {
        let mut known: Vec<&str> = zones.iter().map(|z| z.region.as_str()).collect();
        known.dedup();
        wrong_input(
            format!("`{text}` lies in no region that trades"),
            format!("regions: {}", known.join(", ")),
        )
    })
}

pub fn explain(common: &Common, args: &DemandExplain) -> Result<u8, Failure> {
    let format = common.format_of(&[Format::Table, Format::Json])?;
    let loaded = load::load(&common.asked(false))?;
    let model = &loaded.model;
    let (from, to) = (region(model, &args.from)?, region(model, &args.to)?);
    let cargo = find_cargo(model, &args.cargo)?;
    let d = karvan_demand::build(model, &[args.year])?;
    let Some(mut e) = d.explain(model, &from, &to, cargo, args.year)? else {
        let id = &model.tables.cargo[cargo.ix()].id;
        return Err(Failure::NoAnswer(
            format!("the model knows of no trade in {id} from {from} to {to} in {}", args.year),
            Some(format!("`karvan demand build --year {} --format csv` lists all it knows of", args.year)),
        ));
    };
    e.model_hash = loaded.raw_hash;
    let text = if format == Format::Json { out::json(&e)? } else { told(&e).into_bytes() };
    out::deliver(common.output.as_deref(), &text)?;
    Ok(DONE)
}

/// Places and flows that are shown of an explanation; JSON has all.
const MOST_PLACES: usize = 6;
const MOST_FLOWS: usize = 12;

fn told(e: &Explanation) -> String {
    let ranged = |t: f64, r: (f64, f64)| format!("{} ({} to {}) t", rounded(t), rounded(r.0), rounded(r.1));
    let quantity = |r: &RowShown| match r.unit.as_str() {
        "usd" => format!("{} USD", thousands(r.quantity)),
        unit => format!("{} {unit}", thousands(r.quantity)),
    };
    let mut t = format!(
        "{}, {} to {}, {}: {}, {}\n",
        e.cargo_name,
        e.from,
        e.to,
        e.year,
        ranged(e.tonnes, e.range_t),
        e.basis.word()
    );
    let row = &e.trade.row;
    let mut lines = vec![format!("{}: {}", row.year, quantity(row)), row.claim.clone()];
    if let (Some(v), Some(claim)) = (e.trade.unit_value_usd_per_t, &e.trade.unit_value_claim) {
        lines.push(format!("at {v} USD a tonne ({claim}): {} t", rounded(row.quantity / v)));
    }
    match e.trade.index_from_usd {
        Some((was, is)) => {
            let cut = (is / was / e.trade.index - 1.0).abs() > 1e-9;
            lines.push(format!(
                "carried from {} to {} by the value of all goods of the pair, {:.0} to {:.0} million USD: x {:.2}{}",
                row.year,
                e.year,
                was / 1e6,
                is / 1e6,
                e.trade.index,
                if cut { ", where `demand_index_most` cuts it" } else { "" }
            ));
        }
        None if row.year != e.year => lines.push(format!(
            "carried from {} to {} unchanged: the pair's total is not known",
            row.year, e.year
        )),
        None => {}
    }
    lines.push(ranged(e.trade.tonnes, e.trade.range_t));
    for b in &e.trade.beside {
        lines.push(format!("not used (rank {} against {}): {}, {}", b.rank, row.rank, quantity(b), b.claim));
    }
    section(&mut t, "trade", &lines);
    let places = |list: &[PlaceShare]| {
        let of = list.iter().take(MOST_PLACES).map(|p| format!("{} {:.0} %", p.name, 100.0 * p.share));
        let shown = of.collect::<Vec<_>>().join(", ");
        let more = list.len().saturating_sub(MOST_PLACES);
        if more > 0 { format!("{shown}, {more} more") } else { shown }
    };
    section(
        &mut t,
        "zones",
        &[format!("from {}", places(&e.origins)), format!("to {}", places(&e.destinations))],
    );
    let mut lines = Vec::new();
    for f in &e.totals {
        lines.push(format!(
            "{} to {}: published {} t; from trade {}, fitted {}, without its page {}",
            f.first,
            f.last,
            rounded(f.published_t),
            rounded(f.prior_t),
            rounded(f.fitted_t),
            rounded(f.left_out_t)
        ));
        lines.push(f.page.clone());
    }
    if lines.is_empty() {
        lines.push("no published total counts it".into());
    }
    section(&mut t, "totals", &lines);
    let flows = e.flows.iter().take(MOST_FLOWS);
    let mut lines: Vec<String> =
        flows.map(|f| format!("{} to {}: {} t", f.from_name, f.to_name, rounded(f.tonnes))).collect();
    let rest: f64 = e.flows.iter().skip(MOST_FLOWS).map(|f| f.tonnes).sum();
    if e.flows.len() > MOST_FLOWS {
        lines.push(format!("{} more: {} t", e.flows.len() - MOST_FLOWS, rounded(rest)));
    }
    section(&mut t, "flows", &lines);
    t
}

fn section(text: &mut String, head: &str, lines: &[String]) {
    text.push('\n');
    for (i, line) in lines.iter().enumerate() {
        text.push_str(&format!("{:<10}{line}\n", if i == 0 { head } else { "" }));
    }
}
