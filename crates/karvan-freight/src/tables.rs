//! Choice sets and results as tables of a run; choice sets are read back.

use karvan_model::cell::Id;
use karvan_model::tables::Mode;
use karvan_model::{BorderIx, EquipmentIx, LinkIx, Model, NodeIx, TerminalIx};
use karvan_network::base::Base;
use karvan_study::{Table, TableError};

use crate::capacity::Capacities;
use crate::choice::{Choices, Flow, Part, Run, Way};
use crate::report::{CargoTold, LinkTold, Report};
use crate::year::Assigned;

/// A table of a run that does not belong to the model: changed by hand, or of another version.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// It has not the columns.
    #[error(transparent)]
    Table(#[from] TableError),
    /// It names something that is not there.
    #[error("table `{table}` names {what} `{key}`, which the model does not have")]
    Unknown {
        /// Table.
        table: &'static str,
        /// What.
        what: &'static str,
        /// Key.
        key: String,
    },
}

fn id(i: &Id) -> String {
    i.0.clone()
}

/// The choice sets as tables `flows`, `ways`, `parts`, `uses` and `runs`.
pub fn of_choices(model: &Model, base: &Base, capacities: &Capacities, c: &Choices) -> Vec<Table> {
    let t = &model.tables;
    let node = |n: NodeIx| id(&model.node(n).id);
    let ways: Vec<(usize, &Way)> =
        c.flows.iter().enumerate().flat_map(|(i, f)| f.ways.iter().map(move |w| (i, w))).collect();
    let parts: Vec<(usize, &Part)> =
        ways.iter().enumerate().flat_map(|(i, (_, w))| w.parts.iter().map(move |p| (i, p))).collect();
    let uses: Vec<(usize, &(u32, f32))> =
        ways.iter().enumerate().flat_map(|(i, (_, w))| w.uses.iter().map(move |u| (i, u))).collect();
    let text = |p: &Part| match *p {
        Part::Run { run, ride } => ("run", run.to_string(), "", String::new(), ride),
        Part::Sail { sailing, ride } => {
            let s = &base.sailings[sailing as usize];
            let from_to = format!("{} {} {}", id(&t.service[s.service.ix()].id), node(s.from), node(s.to));
            ("sail", sailing.to_string(), "", from_to, ride)
        }
        Part::Cross { border, forward, ride } => {
            let direction = if forward { ">" } else { "<" };
            ("cross", border.ix().to_string(), direction, id(&t.border[border.ix()].id), ride)
        }
        Part::Operate { terminal, node: at, ride } => (
            "operate",
            terminal.ix().to_string(),
            "",
            format!("{} {}", id(&t.terminal[terminal.ix()].id), node(at)),
            ride,
        ),
    };
    let at = |p: &Part| match *p {
        Part::Operate { node, .. } => node.ix() as i64,
        _ => -1,
    };
    let texts: Vec<_> = parts.iter().map(|(_, p)| text(p)).collect();
    let links = |r: &Run| {
        let of =
            r.links.iter().map(|(l, f)| format!("{}{}", id(&t.link[l.ix()].id), if *f { '>' } else { '<' }));
        of.collect::<Vec<_>>().join(";")
    };
    vec![
        Table::new("flows")
            .text("from", c.flows.iter().map(|f| node(f.from)))
            .text("to", c.flows.iter().map(|f| node(f.to)))
            .text("cargo", c.flows.iter().map(|f| id(&t.cargo[f.cargo.ix()].id)))
            .number("tonnes", c.flows.iter().map(|f| f.tonnes))
            .text("choice", c.flows.iter().map(|f| id(&t.choice[f.choice as usize].id)))
            .number("usd_per_h", c.flows.iter().map(|f| f.usd_per_h)),
        Table::new("ways")
            .whole("flow", ways.iter().map(|(i, _)| *i as i64))
            .text("mode", ways.iter().map(|(_, w)| w.mode.word()))
            .text(
                "corridor",
                ways.iter()
                    .map(|(_, w)| w.corridor.map_or(String::new(), |k| id(&t.corridor[k as usize].id))),
            )
            .number("h", ways.iter().map(|(_, w)| w.h))
            .number("sd_h", ways.iter().map(|(_, w)| w.sd_h))
            .number("usd_per_t", ways.iter().map(|(_, w)| w.usd))
            .number("co2e_kg_per_t", ways.iter().map(|(_, w)| w.co2e_kg))
            .number("generalised_usd_per_t", ways.iter().map(|(_, w)| w.generalised))
            .number("km", ways.iter().map(|(_, w)| w.km)),
        Table::new("parts")
            .whole("way", parts.iter().map(|(i, _)| *i as i64))
            .text("kind", texts.iter().map(|x| x.0))
            .whole("row", texts.iter().map(|x| x.1.parse().unwrap_or(-1)))
            .text("direction", texts.iter().map(|x| x.2))
            .text("what", texts.iter().map(|x| x.3.clone()))
            .whole("node", parts.iter().map(|(_, p)| at(p)))
            .text("ride", texts.iter().map(|x| id(&t.equipment[x.4.ix()].id))),
        Table::new("uses")
            .whole("way", uses.iter().map(|(i, _)| *i as i64))
            .text("capacity", uses.iter().map(|(_, (r, _))| capacities.rows[*r as usize].key.clone()))
            .number("units_per_t", uses.iter().map(|(_, (_, n))| f64::from(*n))),
        Table::new("runs")
            .text("from", c.runs.iter().map(|r| node(r.from)))
            .text("to", c.runs.iter().map(|r| node(r.to)))
            .text("links", c.runs.iter().map(links)),
    ]
}

/// The choice sets that [`of_choices`] wrote.
///
/// # Errors
/// If a table lacks a column, or names what the model does not have.
pub fn read_choices(model: &Model, capacities: &Capacities, tables: &[Table]) -> Result<Choices, ReadError> {
    let t = &model.tables;
    let unknown = |table, what, key: &str| ReadError::Unknown { table, what, key: key.to_owned() };
    let find = |name: &'static str| {
        tables.iter().find(|t| t.name() == name).ok_or_else(|| unknown(name, "a table", name))
    };
    let node = |table, key: &str| model.node_ix(key).ok_or_else(|| unknown(table, "node", key));
    let state = |n: NodeIx| model.node(n).state.as_ref().and_then(|s| model.state_ix(s.as_str()));

    let link_by_id: std::collections::BTreeMap<&str, usize> =
        t.link.iter().enumerate().map(|(i, l)| (l.id.as_str(), i)).collect();
    let capacity_by_key: std::collections::BTreeMap<&str, u32> =
        capacities.rows.iter().enumerate().map(|(i, c)| (c.key.as_str(), i as u32)).collect();
    let mut out = Choices::default();
    let runs = find("runs")?;
    for ((from, to), links) in runs.texts("from")?.iter().zip(runs.texts("to")?).zip(runs.texts("links")?) {
        let links = links.split_terminator(';').map(|l| {
            let (key, forward) = match l.strip_suffix('>') {
                Some(key) => (key, true),
                None => (l.trim_end_matches('<'), false),
            };
            let ix = link_by_id.get(key).ok_or_else(|| unknown("runs", "link", key))?;
            Ok::<_, ReadError>((LinkIx::new(*ix), forward))
        });
        out.runs.push(Run {
            from: node("runs", from)?,
            to: node("runs", to)?,
            links: links.collect::<Result<_, _>>()?,
        });
    }
    let flows = find("flows")?;
    for i in 0..flows.rows() {
        let (from, to) = (node("flows", &flows.texts("from")?[i])?, node("flows", &flows.texts("to")?[i])?);
        let (cargo, choice) = (&flows.texts("cargo")?[i], &flows.texts("choice")?[i]);
        let row = t.choice.iter().position(|c| c.id.as_str() == choice);
        out.flows.push(Flow {
            from,
            to,
            origin: state(from),
            destination: state(to),
            cargo: model.cargo_ix(cargo).ok_or_else(|| unknown("flows", "cargo", cargo))?,
            tonnes: flows.numbers("tonnes")?[i],
            choice: row.ok_or_else(|| unknown("flows", "row of choice", choice))? as u32,
            usd_per_h: flows.numbers("usd_per_h")?[i],
            ways: Vec::new(),
        });
    }
    // Ways by their number in the table: flow, and place in it.
    let ways = find("ways")?;
    let number = |name: &str| -> Result<&[f64], ReadError> { Ok(ways.numbers(name)?) };
    let (h, sd, usd) = (number("h")?, number("sd_h")?, number("usd_per_t")?);
    let (co2e, generalised, km) = (number("co2e_kg_per_t")?, number("generalised_usd_per_t")?, number("km")?);
    let mut places = Vec::with_capacity(ways.rows());
    for i in 0..ways.rows() {
        let (mode, corridor) = (&ways.texts("mode")?[i], &ways.texts("corridor")?[i]);
        let position = t.corridor.iter().position(|c| c.id.as_str() == corridor);
        if position.is_none() && !corridor.is_empty() {
            return Err(unknown("ways", "corridor", corridor));
        }
        let flow = ways.wholes("flow")?[i];
        let of = usize::try_from(flow).ok().and_then(|f| Some((f, out.flows.get_mut(f)?)));
        let (f, flow) = of.ok_or_else(|| unknown("ways", "flow", &flow.to_string()))?;
        places.push((f, flow.ways.len()));
        flow.ways.push(Way {
            mode: <Mode as karvan_model::cell::Cell>::read(mode)
                .map_err(|_| unknown("ways", "mode", mode))?,
            corridor: position.map(|p| p as u32),
            h: h[i],
            sd_h: sd[i],
            usd: usd[i],
            co2e_kg: co2e[i],
            generalised: generalised[i],
            km: km[i],
            parts: Vec::new(),
            uses: Vec::new(),
        });
    }
    let place = |table, way: i64| {
        let found = usize::try_from(way).ok().and_then(|w| places.get(w)).copied();
        found.ok_or_else(|| unknown(table, "way", &way.to_string()))
    };
    let parts = find("parts")?;
    for i in 0..parts.rows() {
        let (kind, row, ride) = (&parts.texts("kind")?[i], parts.wholes("row")?[i], &parts.texts("ride")?[i]);
        let ride: EquipmentIx =
            model.equipment_ix(ride).ok_or_else(|| unknown("parts", "equipment", ride))?;
        let within = |n: usize| {
            usize::try_from(row)
                .ok()
                .filter(|r| *r < n)
                .ok_or_else(|| unknown("parts", "row", &row.to_string()))
        };
        let part = match kind.as_str() {
            "run" => Part::Run { run: within(out.runs.len())? as u32, ride },
            "sail" => Part::Sail { sailing: within(u32::MAX as usize)? as u32, ride },
            "cross" => Part::Cross {
                border: BorderIx::new(within(t.border.len())?),
                forward: parts.texts("direction")?[i] == ">",
                ride,
            },
            "operate" => {
                let at = parts.wholes("node")?[i];
                let node = usize::try_from(at).ok().filter(|n| *n < t.node.len());
                Part::Operate {
                    terminal: TerminalIx::new(within(t.terminal.len())?),
                    node: NodeIx::new(node.ok_or_else(|| unknown("parts", "node", &at.to_string()))?),
                    ride,
                }
            }
            other => return Err(unknown("parts", "kind", other)),
        };
        let (f, w) = place("parts", parts.wholes("way")?[i])?;
        out.flows[f].ways[w].parts.push(part);
    }
    let uses = find("uses")?;
    for i in 0..uses.rows() {
        let key = &uses.texts("capacity")?[i];
        let row = capacity_by_key.get(key.as_str()).ok_or_else(|| unknown("uses", "capacity", key))?;
        let (f, w) = place("uses", uses.wholes("way")?[i])?;
        out.flows[f].ways[w].uses.push((*row, uses.numbers("units_per_t")?[i] as f32));
    }
    Ok(out)
}

/// Flows by way and what stays, and every capacity with its price: tables `carried`, `stays` and `capacities`.
pub fn of_assigned(capacities: &Capacities, a: &Assigned) -> Vec<Table> {
    let rows = &capacities.rows;
    vec![
        Table::new("carried")
            .whole("way", (0..a.carried.iter().map(Vec::len).sum::<usize>()).map(|w| w as i64))
            .number("tonnes", a.carried.iter().flatten().copied()),
        Table::new("stays")
            .whole("flow", (0..a.stays.len()).map(|f| f as i64))
            .number("tonnes", a.stays.iter().copied()),
        Table::new("capacities")
            .text("capacity", rows.iter().map(|c| c.key.clone()))
            .text("what", rows.iter().map(|c| c.what.clone()))
            .text("kind", rows.iter().map(|c| c.kind.word()))
            .text("unit", rows.iter().map(|c| c.unit.word()))
            .number("per_year", rows.iter().map(|c| c.per_year))
            .number("load", a.loads.iter().copied())
            .number("price_usd", a.prices.iter().copied())
            .number("worth_usd", a.worth.iter().copied())
            .number("wait_h", a.wait_h.iter().copied())
            .text("claim", rows.iter().map(|c| c.claim.clone())),
    ]
}

/// Every link with each of its cargoes.
fn each_cargo(r: &Report) -> impl Iterator<Item = (&LinkTold, &CargoTold)> {
    r.links.iter().flat_map(|l| l.cargo.iter().map(move |c| (l, c)))
}

/// Traffic and totals: tables `links`, `services`, `borders`, `corridors`, `modes` and `traffic_totals`.
pub fn of_report(r: &Report) -> Vec<Table> {
    let cargo = |c: &[CargoTold]| {
        c.iter().map(|c| format!("{}:{:.1}", c.cargo, c.tonnes)).collect::<Vec<_>>().join(";")
    };
    vec![
        Table::new("links")
            .text("link", r.links.iter().map(|l| l.link.clone()))
            .text("from", r.links.iter().map(|l| l.from.clone()))
            .text("to", r.links.iter().map(|l| l.to.clone()))
            .text("mode", r.links.iter().map(|l| l.mode.clone()))
            .text("state", r.links.iter().map(|l| l.state.clone().unwrap_or_default()))
            .number("forward_t", r.links.iter().map(|l| l.forward_t))
            .number("back_t", r.links.iter().map(|l| l.back_t))
            .text("cargo", r.links.iter().map(|l| cargo(&l.cargo))),
        Table::new("link_cargo")
            .text("link", each_cargo(r).map(|(l, _)| l.link.clone()))
            .text("mode", each_cargo(r).map(|(l, _)| l.mode.clone()))
            .text("cargo", each_cargo(r).map(|(_, c)| c.cargo.clone()))
            .number("tonnes", each_cargo(r).map(|(_, c)| c.tonnes)),
        Table::new("services")
            .text("service", r.services.iter().map(|s| s.service.clone()))
            .text("name", r.services.iter().map(|s| s.name.clone()))
            .text("mode", r.services.iter().map(|s| s.mode.clone()))
            .text("from", r.services.iter().map(|s| s.from.clone()))
            .text("to", r.services.iter().map(|s| s.to.clone()))
            .number("tonnes", r.services.iter().map(|s| s.tonnes))
            .text("cargo", r.services.iter().map(|s| cargo(&s.cargo))),
        Table::new("borders")
            .text("border", r.borders.iter().map(|b| b.border.clone()))
            .text("name", r.borders.iter().map(|b| b.name.clone()))
            .text("mode", r.borders.iter().map(|b| b.mode.clone()))
            .number("forward_t", r.borders.iter().map(|b| b.forward_t))
            .number("back_t", r.borders.iter().map(|b| b.back_t))
            .text("cargo", r.borders.iter().map(|b| cargo(&b.cargo))),
        Table::new("corridors")
            .text("corridor", r.corridors.iter().map(|c| c.corridor.clone()))
            .number("tonnes", r.corridors.iter().map(|c| c.tonnes))
            .number("contested_t", r.corridors.iter().map(|c| c.contested_t))
            .text("cargo", r.corridors.iter().map(|c| cargo(&c.cargo))),
        Table::new("modes")
            .text("mode", r.modes.iter().map(|m| m.mode.clone()))
            .number("tonnes", r.modes.iter().map(|m| m.tonnes))
            .number("tonne_km", r.modes.iter().map(|m| m.tonne_km)),
        Table::new("capacities")
            .text("row", r.capacities.iter().map(|c| c.row.clone()))
            .text("what", r.capacities.iter().map(|c| c.what.clone()))
            .text("unit", r.capacities.iter().map(|c| c.unit.clone()))
            .number("load", r.capacities.iter().map(|c| c.load))
            .number("capacity", r.capacities.iter().map(|c| c.capacity))
            .number("price_usd", r.capacities.iter().map(|c| c.price_usd))
            .number("worth_usd", r.capacities.iter().map(|c| c.worth_usd)),
        Table::new("traffic_totals")
            .text("id", r.traffic_totals.iter().map(|x| x.id.clone()))
            .text("what", r.traffic_totals.iter().map(|x| x.what.clone()))
            .text("unit", r.traffic_totals.iter().map(|x| x.unit.clone()))
            .text("first", r.traffic_totals.iter().map(|x| x.first.to_string()))
            .text("last", r.traffic_totals.iter().map(|x| x.last.to_string()))
            .number("published", r.traffic_totals.iter().map(|x| x.published))
            .number("modelled", r.traffic_totals.iter().map(|x| x.modelled)),
    ]
}
