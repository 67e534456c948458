//! The corridor of the tests, simulated: it agrees with plans where nothing is crowded, loses nothing, and queues where it should.

use std::path::Path;

use karvan_io::LoadOptions;
use karvan_model::cell::{Claim, Id, List, Ref};
use karvan_model::tables::{EquipmentKind, Facility, FacilityKind};
use karvan_model::{Model, Tables};
use karvan_network::base::Base;
use karvan_plan::{Criterion, Endpoint, Quantity, Request};
use karvan_sim::corridor::measure::{difference, summarise, warm_up};
use karvan_sim::corridor::{Activity, Capacity, Flow, Settings, Spec, compile, run};
use karvan_units::Estimate;

fn model(edit: impl Fn(&mut Tables)) -> Model {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../karvan-cli/tests/corridor2");
    let read = karvan_io::read_folder(&folder, LoadOptions { geometry: false });
    let mut problems = read.problems;
    let mut tables = Tables::read(&read.raw, &mut problems);
    assert!(problems.is_empty(), "{problems:?}");
    edit(&mut tables);
    Model::new(read.raw.manifest, tables)
}

fn flow(model: &Model, from: &str, to: &str, cargo: &str, tonnes: f64, lot_t: f64) -> Flow {
    let node = |id: &str| model.node_ix(id).expect("a node of the corridor");
    Flow {
        relation: (node(from), node(to)),
        from: vec![(node(from), 0.0)],
        to: vec![(node(to), 0.0)],
        cargo: model.cargo_ix(cargo).expect("a cargo of the corridor"),
        tonnes,
        season: [1.0 / 12.0; 12],
        lot_t,
        avoid_nodes: Vec::new(),
        avoid_states: Vec::new(),
        avoid_modes: Vec::new(),
        via: Vec::new(),
        ready: Vec::new(),
        relief: false,
    }
}

fn spec(model: &Model, flows: &[Flow], days: i64, threads: usize) -> Spec {
    let first = jiff::civil::date(2030, 3, 1);
    let last = first.checked_add(jiff::Span::new().days(days)).unwrap();
    let settings = Settings { first, last, as_of: None, threads, done: &|_| {} };
    compile(model, &Base::new(model), flows, &settings).unwrap()
}

/// Mean hours and price of a plan's only way, over departures at all hours of a week in every other month.
fn planned(m: &Model, f: &Flow) -> (f64, f64) {
    let base = Base::new(m);
    let (mut means, mut prices) = (Vec::new(), Vec::new());
    for month in [1, 3, 5, 7, 9, 11] {
        for day in 1..=7 {
            let depart = jiff::civil::date(2030, month, day).at((5 * day + month) % 24, 0, 0, 0);
            let request = Request {
                from: Endpoint { main: f.relation.0, nodes: f.from.clone() },
                to: Endpoint { main: f.relation.1, nodes: f.to.clone() },
                cargo: f.cargo,
                quantity: Quantity { tonnes: Some(f.lot_t), units: None },
                depart: Some(depart),
                arrive_by: None,
                as_of: None,
                criteria: Criterion::ALL.to_vec(),
                via: Vec::new(),
                avoid_nodes: Vec::new(),
                avoid_states: Vec::new(),
                avoid_modes: Vec::new(),
                options: 1,
                seed: 3,
                draws: Some(1_000),
                why_not: None,
                registration: None,
                used: Default::default(),
            };
            let answer = karvan_plan::plan(m, &base, &request, Default::default()).unwrap();
            means.push(answer.options[0].mean_h.get());
            prices.push(answer.options[0].cost_usd.best);
        }
    }
    let mean = |v: &[f64]| v.iter().sum::<f64>() / v.len() as f64;
    (mean(&means), mean(&prices))
}

/// Consignments so rare that they do not meet: the mean is a plan's, within the error of drawing.
fn agrees_with_plans(m: &Model, from: &str, to: &str, cargo: &str, lot_t: f64) {
    let f = flow(m, from, to, cargo, lot_t * 90.0, lot_t);
    let first = jiff::civil::date(2029, 12, 1);
    let settings =
        Settings { first, last: jiff::civil::date(2031, 1, 1), as_of: None, threads: 1, done: &|_| {} };
    let s = compile(m, &Base::new(m), std::slice::from_ref(&f), &settings).unwrap();
    let (year, end) = (31.0 * 24.0, 365.0 * 24.0);
    let mut hours = Vec::new();
    for r in 0..16 {
        let born = |h: f64| (year..end).contains(&h);
        hours.extend(run(&s, 11, r).deliveries.iter().filter(|d| born(d.born_h)).map(|d| d.transit_h));
    }
    let n = hours.len() as f64;
    let mean = hours.iter().sum::<f64>() / n;
    let se = (hours.iter().map(|h| (h - mean).powi(2)).sum::<f64>() / (n - 1.0) / n).sqrt();
    let (plan, price) = planned(m, &f);
    // What the choice rests on is the price and the value of the time that a plan expects.
    let value = m.tables.cargo[f.cargo.ix()].value_usd_per_t.best * lot_t;
    let a_day = m.parameter("value_of_time_share_per_day").unwrap().value.best;
    let way = &s.ways[0];
    let paid = way.cost_usd - value * a_day / 24.0 * way.mean_h;
    assert!((paid - price).abs() < 1e-4 * price, "{from} {to}: {paid} USD simulated, {price} planned");
    assert!(
        (mean - plan).abs() < 4.0 * se,
        "{from} {to}: simulated {mean:.2} ± {se:.2} h, planned {plan:.2} h"
    );
    assert!(se < 0.02 * plan, "the test can tell: {se:.2} of {plan:.2}");
}

/// The corridor with equipment of one kind only, so that plan and simulation have one way.
fn only(equipment: &str) -> Model {
    model(|t| t.load.rows.retain(|l| l.equipment.as_str().starts_with(equipment)))
}

#[test]
fn an_uncongested_wagon_takes_as_long_as_planned() {
    // Border and double track; single track with sidings.
    agrees_with_plans(&only("hopper_wagon"), "vara_port", "dorn", "ore", 116.0);
    agrees_with_plans(&only("hopper_wagon"), "orlo", "kess_port", "ore", 76.0);
}

#[test]
fn an_uncongested_lorry_takes_as_long_as_planned() {
    // A ferry by timetable, weather, a border with lanes that are always open.
    let m = model(|t| {
        t.load.rows.retain(|l| l.equipment.as_str() == "truck_tilt");
        t.facility.rows.clear();
    });
    agrees_with_plans(&m, "town_orlo_xa", "town_dorn_xc", "tea", 18.0);
}

/// With a vessel always there, plans know the closed form of the wait; with one that is away for a round, they take ship and
/// filling as independent, which is too long.
#[test]
fn a_wagon_waits_for_a_ferry_that_fills_as_long_as_planned() {
    let m = |headway: f64| {
        model(|t| {
            t.load.rows.retain(|l| l.equipment.as_str().starts_with("hopper_wagon"));
            // An export ban of some months would leave no way to plan.
            t.rule.rows.clear();
            for s in t.service.rows.iter_mut().filter(|s| s.id.as_str() == "ferry_wagon") {
                s.headway_h = Some(karvan_units::Estimate::exact(headway));
            }
        })
    };
    agrees_with_plans(&m(0.01), "kess_port", "vara_port", "ore", 38.0);
}

fn busy(m: &Model) -> Vec<Flow> {
    vec![
        flow(m, "tarn_mine", "dorn", "ore", 160_000.0, 760.0),
        flow(m, "orlo", "dorn", "tea", 30_000.0, 90.0),
        flow(m, "orlo", "dorn", "containers", 60_000.0, 280.0),
        flow(m, "dorn", "orlo", "containers", 40_000.0, 140.0),
    ]
}

/// Conservation and Little's law are asserted in every run; here that it moves, and is the same however it is computed.
#[test]
fn a_busy_year_runs_and_is_the_same_on_any_number_of_threads() {
    let m = model(|_| {});
    let (a, b) = (spec(&m, &busy(&m), 365, 1), spec(&m, &busy(&m), 365, 3));
    let (x, y) = (run(&a, 1, 0), run(&b, 1, 0));
    assert_eq!(x, y);
    assert_ne!(x.deliveries, run(&a, 1, 1).deliveries);
    assert!(x.deliveries.len() > 300);
    let outcomes: Vec<_> = (0..4).map(|r| run(&a, 1, r)).collect();
    let s = summarise(&a, &outcomes, warm_up(&outcomes));
    // Demand for the ferry by timetable is more than it takes: there they wait, and nowhere else for days.
    let waits = |name: &str| s.resources.iter().find(|r| r.name == name).map(|r| r.wait_h.mean).unwrap();
    assert!(waits("service/ferry_truck/kess_port") > 24.0 * 7.0);
    assert!(waits("border/halm_rail/ab") < 12.0);
    // The shares of activities add to the whole.
    for t in s.transit.iter().filter(|t| t.count > 0) {
        let total: f64 = t.activities.iter().sum();
        let mean = outcomes.iter().flat_map(|o| &o.deliveries);
        let (n, h) = mean
            .filter(|d| d.flow as usize == t.flow && d.born_h >= s.from_day as f64 * 24.0)
            .fold((0.0, 0.0), |(n, h), d| (n + 1.0, h + d.transit_h));
        assert!((total - h / n).abs() < 0.01 * total, "{total} {}", h / n);
    }
}

/// One more place on the ferry that is short, and that nobody can go round, brings tonnes; one more on the
/// way back, where there is room, brings nothing.
#[test]
fn one_more_of_what_is_short_brings_more() {
    let m = only("truck_tilt");
    let there = flow(&m, "town_orlo_xa", "town_dorn_xc", "tea", 120_000.0, 90.0);
    let back = flow(&m, "town_dorn_xc", "town_orlo_xa", "tea", 10_000.0, 90.0);
    let s = spec(&m, &[there, back], 365, 2);
    let base: Vec<_> = (0..4).map(|r| run(&s, 1, r)).collect();
    let gain = |capacity: Capacity| {
        let t = s.with_one_more(capacity);
        let other: Vec<_> = (0..4).map(|r| run(&t, 1, r)).collect();
        difference(&base, &other, 60).1
    };
    let at = |name: &str| s.boardings.iter().position(|b| b.name == name).unwrap() as u32;
    let ferry = gain(Capacity::Boarding(at("service/ferry_truck/kess_port")));
    let back = gain(Capacity::Boarding(at("service/ferry_truck/vara_port")));
    assert!(ferry.mean - ferry.half.unwrap() > 0.0, "{ferry:?}");
    assert!(back.mean.abs() < 0.2 * ferry.mean, "{back:?} {ferry:?}");
}

/// Vessels, berths, a yard with bans, a pool, lanes with hours, relief goods: nothing is lost (asserted in every run), and
/// each has its effect.
#[test]
fn what_there_is_little_of_is_waited_for() {
    let facility = |id: &str, what: FacilityKind| Facility {
        id: Id(id.into()),
        what,
        services: List(Vec::new()),
        nodes: List(Vec::new()),
        mode: None,
        states: List(Vec::new()),
        equipment: List(Vec::new()),
        count: Some(Estimate::exact(1.0)),
        hours: None,
        alongside_h: None,
        after_h: None,
        load_share: None,
        lift_share: None,
        from: None,
        till: None,
        note: None,
        claim: Claim { sources: vec![], assumed: Some("test".into()) },
    };
    let wagons = [EquipmentKind::HopperWagon];
    let m = model(|t| {
        t.load.rows.retain(|l| l.equipment.as_str().starts_with("hopper_wagon"));
        t.facility.rows = vec![
            Facility {
                services: List(vec![Ref::new("ferry_wagon")]),
                count: Some(Estimate::exact(2.0)),
                after_h: Some(Estimate::exact(48.0)),
                ..facility("ferries", FacilityKind::Vessels)
            },
            Facility {
                nodes: List(vec![Ref::new("kess_port")]),
                alongside_h: Some("uniform(4, 8)".parse().unwrap()),
                ..facility("kess_berth", FacilityKind::Berths)
            },
            Facility {
                nodes: List(vec![Ref::new("kess_port")]),
                equipment: List(wagons.to_vec()),
                count: Some(Estimate::exact(60.0)),
                lift_share: Some(Estimate::exact(0.5)),
                ..facility("kess_yard", FacilityKind::Yard)
            },
            Facility {
                equipment: List(wagons.to_vec()),
                count: Some(Estimate::exact(80.0)),
                states: List(vec![Ref::new("XA")]),
                ..facility("hoppers", FacilityKind::Pool)
            },
        ];
    });
    let mut flows = vec![
        flow(&m, "tarn_mine", "dorn", "ore", 300_000.0, 760.0),
        flow(&m, "orlo", "dorn", "ore", 30_000.0, 152.0),
    ];
    flows.push(Flow { relief: true, ..flow(&m, "orlo", "dorn", "ore", 6_000.0, 76.0) });
    let s = spec(&m, &flows, 180, 1);
    assert_eq!((s.fleets.len(), s.berths.len(), s.yards.len(), s.pools.len()), (1, 1, 1, 1));
    let outcomes: Vec<_> = (0..3).map(|r| run(&s, 4, r)).collect();
    let sum = summarise(&s, &outcomes, 30);
    let of = |name: &str| sum.resources.iter().find(|r| r.name == name).unwrap();
    assert!(of("fleet/ferries").busy.mean > 0.2 && of("fleet/ferries").busy.mean <= 2.0);
    assert!(of("berths/kess_berth").busy.mean > 0.05);
    assert!(outcomes.iter().all(|o| o.banned_h[0] > 0.0), "{:?}", outcomes[0].banned_h);
    assert!(of("pool/hoppers").busy.mean > 20.0 && of("pool/hoppers").busy.mean <= 80.0);
    let mean = |f: usize| sum.transit[f].mean.mean;
    assert!(mean(2) < mean(1), "relief goods go first: {} {}", mean(2), mean(1));
    let awaits = |f: usize, a: Activity| {
        sum.transit[f].activities[Activity::ALL.iter().position(|x| *x == a).unwrap()]
    };
    assert!(awaits(0, Activity::AwaitsAcceptance) > 0.0);
    assert_eq!(awaits(2, Activity::AwaitsAcceptance), 0.0);
}

/// Consignments on given days are ready then and at no other time; while the port is shut none leaves it.
#[test]
fn trains_of_given_days_leave_and_a_shut_port_holds_them() {
    use jiff::civil::date;
    let m = model(|t| {
        t.load.rows.retain(|l| l.equipment.as_str().starts_with("hopper_wagon"));
        t.rule.rows.clear();
        t.weather.rows.clear();
        let mut row = t.facility.rows[0].clone();
        row.id = Id("shut".into());
        (row.what, row.count) = (FacilityKind::Closure, None);
        row.nodes = List(vec![Ref::new("kess_port")]);
        (row.services, row.equipment, row.mode) = (List(Vec::new()), List(Vec::new()), None);
        (row.from, row.till) = (Some(date(2030, 3, 2)), Some(date(2030, 5, 1)));
        t.facility.rows = vec![row];
    });
    let mut f = flow(&m, "orlo", "dorn", "ore", 228.0, 76.0);
    f.ready = vec![date(2030, 3, 3), date(2030, 3, 10), date(2030, 5, 20)];
    let s = spec(&m, &[f], 200, 1);
    let o = run(&s, 5, 0);
    let mut born: Vec<f64> = o.deliveries.iter().map(|d| d.born_h).collect();
    born.sort_by(f64::total_cmp);
    assert_eq!(born, [60.0, 228.0, 80.0 * 24.0 + 12.0]);
    let opens = 61.0 * 24.0;
    let weather = Activity::ALL.iter().position(|a| *a == Activity::AwaitsWeather).unwrap();
    for d in &o.deliveries {
        if d.born_h < opens {
            assert!(d.born_h + d.transit_h > opens && d.activities[weather] > 0.0, "{d:?}");
        } else {
            assert_eq!(d.activities[weather], 0.0);
        }
    }
}
