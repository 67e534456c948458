//! The built-in model and a set of questions, for the benches.

use karvan_model::places::{Gazetteer, Place, ResolveError, find_cargo};
use karvan_model::{Model, Tables};
use karvan_plan::{Criterion, Endpoint, Quantity, Request};

/// The built-in model.
pub fn builtin() -> Model {
    let read = karvan_io::read_archive(
        "builtin:",
        karvan_builtin::MODEL,
        karvan_io::LoadOptions { geometry: false },
    );
    let mut problems = read.problems;
    let tables = Tables::read(&read.raw, &mut problems);
    Model::new(read.raw.manifest, tables)
}

/// From, to, cargo, tonnes, day of departure: the questions of `docs/questions.md` and some more.
pub const QUESTIONS: &[(&str, &str, &str, f64, &str)] = &[
    ("Baku freight station", "Yerevan", "petrol", 1220.0, "2025-12-18"),
    ("Kostanay", "Yerevan", "wheat", 3000.0, "2025-11-10"),
    ("Altynkol", "Poti", "containers", 960.0, "2026-03-02"),
    ("Altynkol", "Istanbul", "containers", 960.0, "2026-03-02"),
    ("Altynkol", "Constanta", "containers", 960.0, "2026-03-02"),
    ("Altynkol", "Mersin", "containers", 960.0, "2026-03-02"),
    ("Tashkent", "Tbilisi", "textiles", 20.0, "2026-03-02"),
    ("Osh", "Baku", "apricots", 18.0, "2026-06-15"),
    ("Mersin", "Dushanbe", "flour", 3000.0, "2026-02-02"),
    ("Trabzon", "Gyumri", "tents", 60.0, "2026-02-02"),
    ("Tengiz", "Ceyhan", "crude", 30000.0, "2026-02-02"),
    ("Tengiz", "Novorossiysk", "crude", 30000.0, "2026-02-02"),
    ("Turkmenbashi", "Gazakh", "diesel", 2000.0, "2026-02-02"),
    ("Aktau", "Batumi", "sulphur", 5000.0, "2026-02-02"),
    ("Kajaran", "Poti", "copper concentrate", 500.0, "2026-02-02"),
    ("Ganja", "Mersin", "aluminium", 1000.0, "2026-02-02"),
    ("Almaty", "Tbilisi", "machinery", 60.0, "2026-05-04"),
    ("Urumqi", "Constanta", "containers", 1200.0, "2026-05-04"),
];

/// The request of a question, by three criteria (time, cost, CO2e).
///
/// # Errors
/// If the model does not know a place or the cargo.
pub fn request(model: &Model, q: &(&str, &str, &str, f64, &str)) -> Result<Request, ResolveError> {
    let places = Gazetteer::new(model);
    let end = |text: &str| -> Result<Endpoint, ResolveError> {
        let unusable =
            || ResolveError { what: format!("`{text}` is no node"), candidates: vec![], hint: String::new() };
        match places.resolve(text)? {
            Place::Nodes { nodes, .. } => Ok(Endpoint {
                main: *nodes.first().ok_or_else(unusable)?,
                nodes: nodes.into_iter().map(|n| (n, 0.0)).collect(),
            }),
            Place::Point { .. } => Err(unusable()),
        }
    };
    Ok(Request {
        from: end(q.0)?,
        to: end(q.1)?,
        cargo: find_cargo(model, q.2)?,
        quantity: Quantity { tonnes: Some(q.3), units: None },
        depart: format!("{}T00:00", q.4).parse().ok(),
        arrive_by: None,
        as_of: None,
        criteria: vec![Criterion::Time, Criterion::Cost, Criterion::Co2e],
        via: Vec::new(),
        avoid_nodes: Vec::new(),
        avoid_states: Vec::new(),
        avoid_modes: Vec::new(),
        registration: None,
        options: 6,
        seed: 1,
        draws: Some(10_000),
        why_not: None,
        used: Default::default(),
    })
}
