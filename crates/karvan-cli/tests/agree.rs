//! Plan, simulation and assignment agree on the time and the price of one consignment that meets nobody.
//!
//! Compared is what all three mean alike: one way, of one consignment, ready at the beginning of one day whose law and links hold.
//! The assignment's choice set states a mean time and a price; a plan's mean is over its draws; the simulation plays
//! the same way in an empty network, over and over. Ways are told by the crossings, terminals and services that they pass, in
//! their order. Two differences are by design and kept out of the comparison. Services that depart when full: a plan takes ship
//! and filling as independent, a simulation fills the ship (its own test holds the case in which both know the closed
//! form). And what multiplies the wait for a ship, estimated from what ships' users saw: their queues are in it, which a
//! simulation plays out instead; so where a feeder is boarded the model is taken without that factor.

use std::path::Path;

use jiff::civil::Date;
use karvan_demand::{Basis, Od};
use karvan_freight::capacity::Capacities;
use karvan_freight::choice::{self, Part, choices, ends_of};
use karvan_io::LoadOptions;
use karvan_model::observed::ProcessKind;
use karvan_model::tables::Operation;
use karvan_model::{Model, Tables};
use karvan_network::base::Base;
use karvan_plan::{Criterion, Endpoint, Quantity, Request};
use karvan_sim::corridor::{Flow, Settings, compile, run};

const DRAWS: usize = 4_000;
const REPLICATIONS: u32 = 1_500;

fn model(read: karvan_io::Read, edit: impl Fn(&mut Tables)) -> Model {
    let mut problems = read.problems;
    let mut tables = Tables::read(&read.raw, &mut problems);
    edit(&mut tables);
    assert!(problems.is_empty(), "{problems:?}");
    Model::new(read.raw.manifest, tables)
}

/// What a way of the assignment passes, as a simulation names it.
fn passes(m: &Model, base: &Base, way: &choice::Way) -> String {
    let name = |id: &str| m.node_ix(id).map(|n| m.node(n).name_en.clone());
    let passed = way.parts.iter().filter_map(|p| match *p {
        Part::Run { .. } => None,
        Part::Sail { sailing, .. } => {
            Some(m.tables.service[base.sailings[sailing as usize].service.ix()].name.clone())
        }
        Part::Cross { border, .. } => name(m.tables.border[border.ix()].node.as_str()),
        Part::Operate { terminal, node, .. } => {
            let rolls = m.tables.terminal[terminal.ix()].operation == Operation::Roll;
            (!rolls).then(|| m.node(node).name_en.clone())
        }
    });
    passed.collect::<Vec<_>>().join(", ")
}

fn mean_se(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let var = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n - 1.0);
    (mean, (var / n).sqrt())
}

/// The three on the way that the assignment finds best and whose title holds `by`.
fn agree(m: &Model, from: &str, to: &str, cargo: &str, day: Date, by: &str) {
    let base = Base::new(m);
    let node = |id: &str| m.node_ix(id).expect("a node of the model");
    let (a, z, cargo) = (node(from), node(to), m.cargo_ix(cargo).expect("a cargo of the model"));
    let tonnes = m.tables.choice[m.choice_of(cargo).expect("a row of choice")].consignment_t.best;
    let od = Od {
        from: a,
        to: z,
        cargo,
        year: 0,
        tonnes,
        range: (tonnes, tonnes),
        basis: Basis::Given,
        cell: None,
    };
    let capacities = Capacities::of(m, day);
    let found = choices(m, &base, &[od], day, &capacities, &|_| {}).expect("choice sets");
    let mut ways: Vec<&choice::Way> = found.flows[0].ways.iter().collect();
    ways.sort_by(|x, y| x.generalised.total_cmp(&y.generalised));
    let shown = || ways.iter().map(|w| passes(m, &base, w)).collect::<Vec<_>>().join("\n");
    let way = ways.iter().find(|w| passes(m, &base, w).contains(by)).unwrap_or_else(|| panic!("{}", shown()));
    let title = passes(m, &base, way);
    let price = way.usd * tonnes;

    // The simulation: the ways of the same consignment, and of them that one, alone in the network.
    let ends = |n| ends_of(m, n).into_iter().map(|n| (n, 0.0)).collect::<Vec<_>>();
    let flow = Flow {
        relation: (a, z),
        from: ends(a),
        to: ends(z),
        cargo,
        tonnes,
        season: [1.0 / 12.0; 12],
        lot_t: tonnes,
        avoid_nodes: Vec::new(),
        avoid_states: Vec::new(),
        avoid_modes: Vec::new(),
        via: Vec::new(),
        ready: vec![day],
        relief: false,
    };
    let last = day.checked_add(jiff::Span::new().days(120)).expect("a day");
    let settings = Settings { first: day, last, as_of: Some(day), threads: 1, done: &|_| {} };
    let mut spec = compile(m, &base, &[flow], &settings).expect("a spec");
    let titles = || spec.ways.iter().map(|w| w.title.clone()).collect::<Vec<_>>().join("\n");
    let at = spec.ways.iter().position(|w| w.title == title);
    let at = at.unwrap_or_else(|| panic!("assignment: {title}\nsimulation:\n{}", titles()));
    let simulated = spec.ways[at].clone();
    let paid = simulated.cost_usd - spec.flows[0].usd_per_h * simulated.mean_h;
    spec.flows[0].choices.iter_mut().for_each(|c| c.retain(|w| w.0 as usize == at));
    let hours: Vec<f64> = (0..REPLICATIONS)
        .flat_map(|r| run(&spec, 7, r).deliveries)
        .filter(|d| d.way as usize == at)
        .map(|d| d.transit_h)
        .collect();
    assert_eq!(hours.len(), REPLICATIONS as usize, "{title}: all arrive");
    let (mean, se) = mean_se(&hours);

    // The plan of the same consignment: the option with the same services and nearest price.
    let request = Request {
        from: Endpoint { main: a, nodes: ends(a) },
        to: Endpoint { main: z, nodes: ends(z) },
        cargo,
        quantity: Quantity { tonnes: Some(tonnes), units: None },
        depart: Some(day.at(12, 0, 0, 0)),
        arrive_by: None,
        as_of: Some(day),
        criteria: Criterion::ALL.to_vec(),
        via: Vec::new(),
        avoid_nodes: Vec::new(),
        avoid_states: Vec::new(),
        avoid_modes: Vec::new(),
        options: 30,
        seed: 3,
        draws: Some(DRAWS),
        why_not: None,
        registration: None,
        used: Default::default(),
    };
    let answer = karvan_plan::plan(m, &base, &request, Default::default()).expect("an answer");
    let far = |usd: f64| (usd / price - 1.0).abs();
    let option = answer
        .options
        .iter()
        .min_by(|x, y| far(x.cost_usd.best).total_cmp(&far(y.cost_usd.best)))
        .expect("an option");
    let (planned, cost) = (option.mean_h.get(), option.cost_usd.best);
    let spread = (option.p90_h.get() - option.p10_h.get()) / 2.563;
    let plan_se = spread / (DRAWS as f64).sqrt();
    let told = format!(
        "{title}\n assignment {:.2} h, {price:.0} USD\n simulation {mean:.2} ± {se:.2} h, {paid:.0} USD\n plan {planned:.2} ± {plan_se:.2} h, {cost:.0} USD",
        way.h
    );
    eprintln!("{told}");
    // One network prices for all three, in single precision.
    assert!((paid / price - 1.0).abs() < 1e-4 && far(cost) < 1e-4, "{told}");
    // Search and assignment take the mean of each process; a plan and a simulation draw it.
    assert!((simulated.mean_h / way.h - 1.0).abs() < 1e-3, "{told}");
    assert!((mean - planned).abs() < 4.0 * se.hypot(plan_se), "{told}");
    assert!((mean - way.h).abs() < 4.0 * se, "{told}");
    assert!(se < 0.02 * mean, "the test can tell: {told}");
}

fn builtin(edit: impl Fn(&mut Tables)) -> Model {
    model(karvan_io::read_archive("builtin:", karvan_builtin::MODEL, LoadOptions { geometry: false }), edit)
}

#[test]
fn on_the_builtin_model() {
    let date = jiff::civil::date;
    let m = builtin(|_| {});
    agree(&m, "baku_freight", "yerevan", "petrol", date(2025, 12, 18), "");
    agree(&m, "trabzon", "gyumri", "tents", date(2026, 2, 2), "");
    let m = builtin(|t| t.calibration.rows.retain(|r| r.process != ProcessKind::WaitSea));
    agree(&m, "poti", "constanta", "containers", date(2026, 3, 2), "feeder");
}

#[test]
fn on_the_invented_corridor() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corridor2");
    let m = model(karvan_io::read_folder(&folder, LoadOptions { geometry: false }), |_| {});
    let date = jiff::civil::date;
    agree(&m, "vara_port", "dorn", "ore", date(2030, 3, 4), "");
}
