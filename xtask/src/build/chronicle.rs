//! The chronicle: events of `facts/chronicle.csv` as they are told, classed by `curated/chronicle_class.csv`.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, anyhow, bail};
use jiff::civil::Date;
use karvan_model::Tables;
use karvan_model::cell::{Cell, Claim, Id, List, Ref};
use karvan_model::table::Row;
use karvan_model::tables::{Event, EventClass, Precision};

use super::input::{Data, Record, number, some, text};

const FACTS: &str = "facts/chronicle.csv";
const CLASSES: &str = "curated/chronicle_class.csv";

/// A date as it is told, `2025-10-21`, `2025-10` or `2025`: its first day, and how exactly it is known.
fn date(told: &str) -> Option<(Date, Precision)> {
    let (day, precision) = match told.len() {
        10 => (told.to_owned(), Precision::Day),
        7 => (format!("{told}-01"), Precision::Month),
        4 => (format!("{told}-01-01"), Precision::Year),
        _ => return None,
    };
    Some((day.parse().ok()?, precision))
}

/// Joins the events with their classes. `pieces`: the links that a missing link became.
///
/// # Errors
/// An event without a class, a class without an event, a cell that cannot be read.
pub fn build(data: &Data, pieces: &BTreeMap<String, Vec<String>>) -> Result<Vec<Event>> {
    let mut classes: BTreeMap<String, Record> = BTreeMap::new();
    for r in data.csv(CLASSES)? {
        let id = text(&r, "id").to_owned();
        if classes.insert(id.clone(), r).is_some() {
            bail!("data/{CLASSES}: `{id}` is there twice");
        }
    }
    let mut events = Vec::new();
    let mut faults = Vec::new();
    for fact in data.csv(FACTS)? {
        let id = text(&fact, "id");
        match classes.remove(id) {
            Some(class) => events.push(event(&fact, &class, pieces).with_context(|| format!("`{id}`"))?),
            None => faults.push(format!("data/{FACTS}: `{id}` has no class in data/{CLASSES}")),
        }
    }
    faults.extend(classes.keys().map(|id| format!("data/{CLASSES}: `{id}` is no row of data/{FACTS}")));
    if faults.is_empty() { Ok(events) } else { bail!("{}", faults.join("\n  ")) }
}

fn event(fact: &Record, class: &Record, pieces: &BTreeMap<String, Vec<String>>) -> Result<Event> {
    let told = text(fact, "date");
    let (date, precision) = date(told).with_context(|| format!("data/{FACTS}: date `{told}`"))?;
    let assumed = match precision {
        Precision::Day => None,
        p => Some(format!("only the {p} is known; its first day stands for it")),
    };
    let links = text(class, "links").split(';').map(str::trim).filter(|k| !k.is_empty());
    let links = links.flat_map(|k| pieces.get(k).cloned().unwrap_or_else(|| vec![k.to_owned()]));
    Ok(Event {
        id: Id(text(fact, "id").to_owned()),
        date,
        precision,
        kind: text(fact, "kind").to_owned(),
        class: EventClass::read(text(class, "class")).map_err(|e| anyhow!("data/{CLASSES}: class: {e}"))?,
        states: list(fact, "actors")?,
        place: some(fact, "place"),
        mode: some(fact, "mode"),
        cargo: some(fact, "cargo"),
        quantity: number(fact, "quantity"),
        unit: some(fact, "unit"),
        what: text(fact, "what").to_owned(),
        rules: list(class, "rules")?,
        groups: list(class, "groups")?,
        tariffs: list(class, "tariffs")?,
        services: list(class, "services")?,
        terminals: list(class, "terminals")?,
        links: List(links.map(Ref::new).collect()),
        borders: list(class, "borders")?,
        projects: list(class, "projects")?,
        reason: some(class, "reason"),
        claim: Claim { sources: vec![text(fact, "id").to_owned()], assumed },
    })
}

fn list<T>(r: &Record, column: &str) -> Result<List<T>>
where
    List<T>: Cell,
{
    List::read(text(r, column)).map_err(|e| anyhow!("column `{column}`: `{}`: {e}", text(r, column)))
}

/// Rows that events name and no table has.
pub fn dangling(tables: &Tables) -> Vec<String> {
    fn keys<T: Row>(rows: &[T]) -> BTreeSet<String> {
        rows.iter().map(Row::key).collect()
    }
    let known: BTreeMap<&str, BTreeSet<String>> = [
        ("state", keys(&tables.state)),
        ("rule", keys(&tables.rule)),
        ("group", keys(&tables.group)),
        ("tariff", keys(&tables.tariff)),
        ("service", keys(&tables.service)),
        ("terminal", keys(&tables.terminal)),
        ("link", keys(&tables.link)),
        ("border", keys(&tables.border)),
        ("project", keys(&tables.project)),
    ]
    .into();
    let columns = Event::columns();
    let mut out = Vec::new();
    for e in tables.chronicle.iter() {
        for (column, key) in e.references() {
            let Some(table) = columns[column].refers_to else { continue };
            if known.get(table).is_some_and(|k| !k.contains(&key)) {
                let name = columns[column].name;
                out.push(format!("chronicle `{}`: column `{name}`: `{table}` has no row `{key}`", e.id));
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_is_as_exact_as_it_is_told() {
        let day = |y, m, d| Date::new(y, m, d).ok();
        assert_eq!(date("2025-10-21"), day(2025, 10, 21).map(|d| (d, Precision::Day)));
        assert_eq!(date("2025-11"), day(2025, 11, 1).map(|d| (d, Precision::Month)));
        assert_eq!(date("1993"), day(1993, 1, 1).map(|d| (d, Precision::Year)));
        for wrong in ["", "2025-13", "2025-02-30", "25", "autumn"] {
            assert_eq!(date(wrong), None, "{wrong}");
        }
    }
}
