//! `karvan demand build` and `karvan demand explain`.

use std::cell::OnceCell;

use karvan_demand::{Cell, Demand, DemandError, Od};
use karvan_model::Model;
use karvan_model::places::{Gazetteer, Place, find_cargo};
use karvan_model::tables::{TradeEnd, TradeUnit};
use karvan_study::{Inputs, Run, Table};
use serde_json::json;

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
    run.stage("fit", || Ok::<_, Failure>(vec![table_of_fit(demand()?), table_of_totals(model, demand()?)]))?;
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
    let found =
        d.cells.iter().position(|c| (&c.from, &c.to, c.cargo, c.year) == (&from, &to, cargo, args.year));
    let name = &model.tables.cargo[cargo.ix()].name_en;
    let id = model.tables.cargo[cargo.ix()].id.as_str();
    let Some(i) = found else {
        return Err(Failure::NoAnswer(
            format!("the model knows of no trade in {} from {from} to {to} in {}", id, args.year),
            Some("`karvan demand build --year Y --format csv` lists all it knows of".into()),
        ));
    };
    let (cell, fitted) = (&d.cells[i], d.fitted[i]);
    let row = &model.tables.trade[cell.row];
    let claim = |c: &karvan_model::cell::Claim| karvan_model::cell::Cell::write(c);
    let beside: Vec<_> = karvan_demand::trade::rows_of(model, &from, &to, Some(id))
        .into_iter()
        .filter(|(r, t)| *r != cell.row && t.year == row.year)
        .collect();
    let totals: Vec<_> = d.totals.iter().filter(|t| t.counts(model, cell)).collect();
    let mut flows: Vec<_> = d.flows.iter().filter(|f| f.cell == i).collect();
    flows.truncate(12);
    let origins = karvan_demand::zones::places(model, &from, id, TradeEnd::Origin)?;
    let ends = karvan_demand::zones::places(model, &to, id, TradeEnd::Destination)?;
    let node = |n| model.node(n).name_en.clone();

    if format == Format::Json {
        let total = |t: &&karvan_demand::TotalFit| {
            json!({"id": model.tables.trade_total[t.row].id.as_str(), "page": t.page, "published_t": t.published,
                "range_t": [t.range.0, t.range.1], "prior_t": t.prior, "fitted_t": t.fitted, "left_out_t": t.left_out})
        };
        let place =
            |(n, s): &(karvan_model::NodeIx, f64)| json!({"node": model.node(*n).id.as_str(), "share": s});
        let text = out::json(&json!({
            "schema_version": 1,
            "model_hash": loaded.raw_hash,
            "from": from, "to": to, "cargo": id, "year": args.year,
            "tonnes": fitted, "range_t": karvan_demand::trade::range_of(fitted, cell.log_sd), "basis": cell.basis,
            "trade": {"year": row.year, "rank": row.rank, "quantity": row.quantity.best, "unit": row.unit.word(),
                "claim": claim(&row.claim), "unit_value_usd_per_t": cell.unit_value, "index": cell.index,
                "index_from_usd": cell.index_from, "tonnes": cell.tonnes, "log_sd": cell.log_sd},
            "origins": origins.iter().map(place).collect::<Vec<_>>(),
            "destinations": ends.iter().map(place).collect::<Vec<_>>(),
            "totals": totals.iter().map(total).collect::<Vec<_>>(),
            "flows": flows.iter().map(|f| json!({"from": model.node(f.from).id.as_str(),
                "to": model.node(f.to).id.as_str(), "tonnes": fitted * f.share})).collect::<Vec<_>>(),
        }))?;
        out::deliver(common.output.as_deref(), &text)?;
        return Ok(DONE);
    }

    let mut t = format!(
        "{name}, {from} to {to}, {}: {} t, {}\n",
        args.year,
        ranged(fitted, cell.log_sd),
        cell.basis.word()
    );
    let quantity = |q: f64, unit: TradeUnit| match unit {
        TradeUnit::Tonne => format!("{} t", thousands(q)),
        TradeUnit::Usd => format!("{} USD", thousands(q)),
    };
    t.push_str(&format!(
        "\ntrade     {}: {}\n          {}\n",
        row.year,
        quantity(row.quantity.best, row.unit),
        claim(&row.claim)
    ));
    if let Some(v) = cell.unit_value {
        let c = &model.tables.cargo[cargo.ix()];
        t.push_str(&format!(
            "          at {v} USD a tonne ({}): {} t\n",
            claim(&c.value_claim),
            rounded(row.quantity.best / v)
        ));
    }
    match cell.index_from {
        Some((was, is)) => t.push_str(&format!(
            "          carried from {} to {} by the value of all goods of the pair, {:.0} to {:.0} million USD: x {:.2}\n",
            row.year, cell.year, was / 1e6, is / 1e6, cell.index
        )),
        None if row.year != cell.year => t.push_str(&format!(
            "          carried from {} to {} unchanged: the pair's total is not known\n",
            row.year, cell.year
        )),
        None => {}
    }
    t.push_str(&format!("          {} t\n", ranged(cell.tonnes, cell.log_sd)));
    for (_, b) in beside {
        t.push_str(&format!(
            "          not used (rank {} against {}): {}, {}\n",
            b.rank,
            row.rank,
            quantity(b.quantity.best, b.unit),
            claim(&b.claim)
        ));
    }
    let places = |list: &[(karvan_model::NodeIx, f64)]| {
        let mut list = list.to_vec();
        list.sort_by(|a, b| b.1.total_cmp(&a.1));
        let more = list.len().saturating_sub(6);
        list.truncate(6);
        let shown = list
            .iter()
            .map(|(n, s)| format!("{} {:.0} %", node(*n), 100.0 * s))
            .collect::<Vec<_>>()
            .join(", ");
        if more > 0 { format!("{shown}, {more} more") } else { shown }
    };
    t.push_str(&format!("\nzones     from {}\n          to {}\n", places(&origins), places(&ends)));
    if totals.is_empty() {
        t.push_str("\ntotals    no published total counts it\n");
    }
    for (n, f) in totals.iter().enumerate() {
        let r = &model.tables.trade_total[f.row];
        t.push_str(&format!(
            "{}    {} to {}: published {} t; from trade {}, fitted {}, without its page {}\n          {}\n",
            if n == 0 { "\ntotals" } else { "      " },
            r.first,
            r.last,
            rounded(f.published),
            rounded(f.prior),
            rounded(f.fitted),
            rounded(f.left_out),
            f.page
        ));
    }
    t.push('\n');
    for (n, f) in flows.iter().enumerate() {
        t.push_str(&format!(
            "{}     {} to {}: {} t\n",
            if n == 0 { "flows" } else { "     " },
            node(f.from),
            node(f.to),
            rounded(fitted * f.share)
        ));
    }
    out::deliver(common.output.as_deref(), t.as_bytes())?;
    Ok(DONE)
}
