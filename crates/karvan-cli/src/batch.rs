//! `karvan plan --batch`.

use std::io::IsTerminal;
use std::path::Path;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use karvan_model::TableOf;
use karvan_model::batch::{Consignment, Reported, Use};
use karvan_model::cell::{List, Ref};
use karvan_model::raw::{At, Problem, RawTable};
use karvan_model::table::Row;
use karvan_model::tables::QuotaUnit;
use karvan_network::base::Base;
use karvan_plan::PlanError;
use karvan_plan::answer::Provenance;
use karvan_plan::batch::{BatchAnswer, Booked, Consignment as Asked};

use crate::args::{self, Common, Format, Plan};
use crate::exit::{self, DONE, Failure, NO_ANSWER};
use crate::load::Loaded;
use crate::{out, plan};

pub fn run(
    common: &Common,
    args: &Plan,
    file: &Path,
    format: Format,
    loaded: &Loaded,
    provenance: Provenance,
) -> Result<u8, Failure> {
    let list = read(common, args, file, loaded)?;
    let base = Base::new(&loaded.model);
    let bar = ProgressBar::new(list.len() as u64);
    bar.set_draw_target(if std::io::stderr().is_terminal() {
        ProgressDrawTarget::stderr()
    } else {
        ProgressDrawTarget::hidden()
    });
    if let Ok(style) = ProgressStyle::with_template("{pos}/{len} consignments {bar:30} {eta} left") {
        bar.set_style(style);
    }
    let answer = karvan_plan::batch::batch(&loaded.model, &base, &list, provenance, &mut |n| {
        bar.set_position(n as u64);
    });
    bar.finish_and_clear();
    let text = match format {
        Format::Json => out::json(&answer)?,
        Format::Csv => csv(&answer),
        _ => table(&answer).into_bytes(),
    };
    out::deliver(common.output.as_deref(), &text)?;
    Ok(if answer.consignments.iter().all(|c| c.option.is_some()) { DONE } else { NO_ANSWER })
}

/// The consignments of the file; all that is wrong is said at once.
fn read(common: &Common, args: &Plan, file: &Path, loaded: &Loaded) -> Result<Vec<Asked>, Failure> {
    let (raw, mut problems) = karvan_io::read_list::<Consignment>(file);
    let rows: TableOf<Consignment> = TableOf::read(Some(&raw), &mut problems);
    let mut list: Vec<Asked> = Vec::new();
    for (i, row) in rows.iter().enumerate() {
        let at = |column: &str| place(&rows, &raw, i, column);
        let mut wrong = |column: &str, what: String, hint: Option<String>| {
            let mut p = Problem::error(at(column), what);
            p.hint = hint;
            problems.push(p);
        };
        if rows[..i].iter().any(|r| r.id == row.id) {
            wrong(
                "id",
                format!("two consignments are called `{}`", row.id),
                Some("give one another name".into()),
            );
        }
        let mut moment = |column: &str, text: &Option<String>, read: fn(&str) -> Result<_, String>| {
            text.as_deref().map(read).transpose().unwrap_or_else(|allowed| {
                wrong(column, format!("`{}`: {allowed}", text.as_deref().unwrap_or("")), None);
                None
            })
        };
        let depart = moment("depart", &row.depart, args::moment);
        let arrive_by = moment("arrive_by", &row.arrive_by, args::moment_end);
        if depart.is_none() && row.depart.is_some() || arrive_by.is_none() && row.arrive_by.is_some() {
            continue;
        }
        let units: Vec<(&str, Option<f64>)> =
            vec![("wagons", row.wagons), ("teu", row.teu), ("trucks", row.trucks)];
        let counted: Vec<&str> = units.iter().filter(|u| u.1.is_some()).map(|u| u.0).collect();
        if counted.len() > 1 {
            let what = format!("{} are given; a consignment is counted in one unit", counted.join(" and "));
            wrong(counted[1], what, Some("leave all but one empty".into()));
            continue;
        }
        let one = plan::Asking {
            from: &row.from,
            to: &row.to,
            cargo: &row.cargo,
            tonnes: row.tonnes,
            wagons: row.wagons,
            teu: row.teu,
            trucks: row.trucks,
            depart,
            arrive_by,
            lorries_of: row.lorries_of.as_deref(),
        };
        let request = match plan::request(common, &args.search, &one, loaded) {
            Ok(r) => r,
            Err((field, failure)) => {
                let (what, hint) = words(failure);
                wrong(field, what, hint);
                continue;
            }
        };
        match karvan_plan::batch::check(&loaded.model, &request) {
            // What no equipment carries is refused in its turn.
            Ok(()) | Err(PlanError::NotCarried { .. }) => {}
            Err(e) => {
                let field = match &e {
                    PlanError::SamePlace(_) => "to",
                    PlanError::NoTime | PlanError::Calendar { .. } => "depart",
                    PlanError::Backwards { .. } => "arrive_by",
                    PlanError::NoQuantity | PlanError::Quantity { .. } | PlanError::Overloaded { .. } => {
                        counted.first().copied().unwrap_or("tonnes")
                    }
                    _ => "id",
                };
                wrong(field, e.to_string(), None);
            }
        }
        list.push(Asked { id: row.id.clone(), request });
    }
    if problems.is_empty() && list.is_empty() {
        let at = At { file: file.to_string_lossy().into(), ..At::default() };
        problems.push(Problem::error(at, "the file lists no consignment"));
    }
    if problems.is_empty() {
        return Ok(list);
    }
    problems.sort();
    problems.dedup();
    Err(Failure::List(problems))
}

/// Where the cell of a row stands.
pub fn place<T: Row>(rows: &TableOf<T>, raw: &RawTable, i: usize, column: &str) -> At {
    let columns = T::columns();
    let row = rows.raw_row.get(i).and_then(|r| raw.rows.get(*r as usize));
    match (row, columns.iter().position(|c| c.name == column)) {
        (Some(r), Some(c)) => r.place(c),
        (Some(r), None) => r.at(),
        (None, _) => At::default(),
    }
}

/// What a failure says, and the way out.
fn words(failure: Failure) -> (String, Option<String>) {
    match failure {
        Failure::NoAnswer(what, hint) => (what, hint),
        Failure::Input { what, candidates, hint } if candidates.is_empty() => (what, hint),
        Failure::Input { what, candidates, .. } => {
            (what, Some(format!("it may be: {}", candidates.join("; "))))
        }
        Failure::Problems(p) | Failure::List(p) => {
            (p.iter().map(exit::problem).collect::<Vec<_>>().join("; "), None)
        }
        Failure::Fault(what) => (what, None),
    }
}

/// At most three decimals, none that are zero.
pub fn number(x: f64) -> String {
    round(x).to_string()
}

fn round(x: f64) -> f64 {
    (x * 1000.0).round() / 1000.0
}

fn table(a: &BatchAnswer) -> String {
    let mut rows = Vec::new();
    for c in &a.consignments {
        let mut row = vec![
            c.id.clone(),
            format!("{} – {}", c.from, c.to),
            c.cargo.clone(),
            c.tonnes.map_or(String::new(), |t| format!("{:.0}", t.get())),
        ];
        match &c.option {
            Some(o) => row.extend([
                format!("{:.1}", o.p50_h.get() / 24.0),
                format!("{:.1}", o.p90_h.get() / 24.0),
                format!("{:.0}", o.cost_usd.best),
                format!("{:.1}", o.co2e_kg.get() / 1000.0),
                o.label.clone(),
            ]),
            None => row.extend(["", "", "", "", "refused"].map(str::to_owned)),
        }
        rows.push(row);
    }
    let header = ["id", "way", "cargo", "t", "P50 days", "P90 days", "USD", "CO2e t", "option"];
    let mut text = out::table(&header, &rows, &[3, 4, 5, 6, 7]);
    let refused: Vec<_> = a.consignments.iter().filter(|c| c.option.is_none()).collect();
    if !refused.is_empty() {
        text += "\nRefused\n";
        for c in &refused {
            text += &format!("- {}: {}", c.id, c.refused.as_deref().unwrap_or("no option"));
            let rows: Vec<&str> = c.blockers.iter().map(|b| b.row.as_str()).collect();
            if !rows.is_empty() {
                text += &format!(" [{}]", rows.join(", "));
            }
            text.push('\n');
        }
    }
    if !a.quotas.is_empty() {
        let rows: Vec<Vec<String>> = a
            .quotas
            .iter()
            .map(|q| {
                let by: Vec<String> =
                    q.used_by.iter().map(|(id, n)| format!("{id} {}", number(*n))).collect();
                vec![
                    q.rule.clone(),
                    q.period.clone(),
                    q.unit.clone(),
                    number(q.amount),
                    number(q.left),
                    by.join(", "),
                    q.refused.join(", "),
                ]
            })
            .collect();
        text += "\nQuotas\n";
        text +=
            &out::table(&["rule", "period", "unit", "amount", "left", "used by", "refused"], &rows, &[3, 4]);
    }
    text += &format!(
        "\n{} of {} have a way; planned in the order of the file, each by its first option\n",
        a.consignments.len() - refused.len(),
        a.consignments.len()
    );
    let p = &a.provenance;
    let scenario = p.scenario.as_ref().map_or(String::new(), |s| format!(", scenario {s}"));
    text += &format!(
        "model {} ({}){scenario}; seed {}, {} draws an option; karvan {}\n",
        p.model,
        p.model_hash.get(..12).unwrap_or(&p.model_hash),
        p.seed,
        p.draws,
        p.version
    );
    text
}

fn csv(a: &BatchAnswer) -> Vec<u8> {
    let rows: Vec<Reported> = a
        .consignments
        .iter()
        .map(|c| {
            let o = c.option.as_ref();
            let figure = |f: &dyn Fn(&Booked) -> f64| o.map(|o| round(f(o)));
            let text = |t: String| (!t.is_empty()).then_some(t);
            let uses = o.iter().flat_map(|o| &o.quotas).filter_map(|q| {
                let unit = QuotaUnit::ALL.iter().copied().find(|u| u.word() == q.unit)?;
                let rule = Ref::new(q.rule.clone());
                Some(Use { amount: round(q.amount), unit, rule, period: q.period.clone() })
            });
            Reported {
                id: c.id.clone(),
                from: text(c.from.clone()),
                to: text(c.to.clone()),
                cargo: text(c.cargo.clone()),
                tonnes: c.tonnes.map(|t| round(t.get())),
                option: o.map(|o| o.label.clone()),
                p50_h: figure(&|o| o.p50_h.get()),
                p90_h: figure(&|o| o.p90_h.get()),
                cost_usd: figure(&|o| o.cost_usd.best),
                cost_low_usd: figure(&|o| o.cost_usd.low),
                cost_high_usd: figure(&|o| o.cost_usd.high),
                co2e_kg: figure(&|o| o.co2e_kg.get()),
                quotas: List(uses.collect()),
                refused: c.refused.clone(),
                blockers: text(c.blockers.iter().map(|b| b.row.as_str()).collect::<Vec<_>>().join("; ")),
            }
        })
        .collect();
    karvan_io::write_table(&rows).into_bytes()
}
