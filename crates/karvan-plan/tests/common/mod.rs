//! The invented corridor and questions of it.

#![allow(dead_code, missing_docs, reason = "each file of tests is a program of its own and uses a part")]

use std::path::Path;

use karvan_model::places::{Gazetteer, Place, find_cargo};
use karvan_model::raw::RawModel;
use karvan_model::{Model, Tables};
use karvan_plan::{Criterion, Endpoint, Quantity, Request};

pub fn raw() -> RawModel {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../karvan-cli/tests/corridor2");
    let read = karvan_io::read_folder(&folder, karvan_io::LoadOptions { geometry: true });
    assert!(read.problems.is_empty(), "{:?}", read.problems);
    read.raw
}

pub fn model() -> Model {
    let raw = raw();
    let mut problems = Vec::new();
    let tables = Tables::read(&raw, &mut problems);
    assert!(problems.is_empty(), "{problems:?}");
    Model::new(raw.manifest, tables)
}

pub struct Ask<'a> {
    pub from: &'a str,
    pub to: &'a str,
    pub cargo: &'a str,
    pub quantity: Quantity,
    pub depart: &'a str,
}

pub fn tonnes(t: f64) -> Quantity {
    Quantity { tonnes: Some(t), units: None }
}

pub fn request(model: &Model, ask: &Ask) -> Request {
    let places = Gazetteer::new(model);
    let end = |text: &str| match places.resolve(text).unwrap() {
        Place::Nodes { nodes, .. } => {
            Endpoint { main: nodes[0], nodes: nodes.into_iter().map(|n| (n, 0.0)).collect() }
        }
        Place::Point { lon, lat } => karvan_plan::endpoint_near(model, lon, lat).unwrap(),
    };
    Request {
        from: end(ask.from),
        to: end(ask.to),
        cargo: find_cargo(model, ask.cargo).unwrap(),
        quantity: ask.quantity,
        depart: Some(ask.depart.parse().unwrap()),
        arrive_by: None,
        as_of: None,
        criteria: Criterion::ALL.to_vec(),
        via: Vec::new(),
        avoid_nodes: Vec::new(),
        avoid_states: Vec::new(),
        avoid_modes: Vec::new(),
        options: 6,
        seed: 1,
        draws: Some(2000),
        why_not: None,
        registration: None,
        used: Default::default(),
    }
}
