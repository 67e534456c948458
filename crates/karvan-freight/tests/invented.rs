//! A year on the invented corridor: what must hold of any year.

use std::ops::ControlFlow;
use std::path::Path;

use jiff::civil::{Date, date};
use karvan_demand::Od;
use karvan_freight::capacity::{Capacities, Kind};
use karvan_freight::choice::{Choices, Part, choices};
use karvan_freight::report::Year;
use karvan_freight::year::{self, Assigned, Problem};
use karvan_freight::{FreightError, tables};
use karvan_model::{Model, Tables};
use karvan_network::base::Base;

const DAY: Date = date(2031, 7, 1);
const HOURS: f64 = 8760.0;

fn model() -> Model {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../karvan-cli/tests/corridor2");
    let read = karvan_io::read_folder(&folder, karvan_io::LoadOptions { geometry: false });
    let mut problems = read.problems;
    let tables = Tables::read(&read.raw, &mut problems);
    assert!(problems.is_empty(), "{problems:?}");
    Model::new(read.raw.manifest, tables)
}

/// Demand that is so many times what it is.
fn demand(model: &Model, times: f64) -> Vec<Od> {
    let mut od = karvan_demand::of_year(model, 2031).expect("demand");
    for o in &mut od {
        o.tonnes *= times;
    }
    od
}

struct Solved {
    model: Model,
    base: Base,
    capacities: Capacities,
    choices: Choices,
    assigned: Assigned,
}

fn solved_with(times: f64, gap: f64, change: impl Fn(&mut Capacities)) -> Result<Solved, FreightError> {
    let model = model();
    let base = Base::new(&model);
    let od = demand(&model, times);
    let mut capacities = Capacities::of(&model, DAY);
    change(&mut capacities);
    let choices = choices(&model, &base, &od, DAY, &capacities, &|_| {})?;
    let problem =
        Problem { model: &model, base: &base, capacities: &capacities, choices: &choices, hours: HOURS };
    let posed = year::pose(&problem)?;
    let assigned = year::solve(&problem, &posed, gap, None, &mut |_| ControlFlow::Continue(()))?;
    Ok(Solved { model, base, capacities, choices, assigned })
}

fn solved(times: f64, gap: f64) -> Solved {
    solved_with(times, gap, |_| {}).expect("solved")
}

#[test]
fn every_tonne_is_carried_or_stays_and_what_comes_to_a_node_leaves_it() {
    for times in [1.0, 60.0] {
        let s = solved(times, 1e-6);
        let c = &s.assigned.certificate;
        assert!(c.feasible(1e-9) && c.gap <= 1e-6 && c.gap > -1e-9, "{c:?}");
        assert!(s.assigned.conservation < 1e-9, "{}", s.assigned.conservation);
        for ((f, carried), stays) in s.choices.flows.iter().zip(&s.assigned.carried).zip(&s.assigned.stays) {
            let sum = carried.iter().sum::<f64>() + stays;
            assert!((sum - f.tonnes).abs() < 1e-9 * f.tonnes, "{sum} {}", f.tonnes);
        }
        for (load, c) in s.assigned.loads.iter().zip(&s.capacities.rows) {
            assert!(*load <= c.per_year * (1.0 + 1e-9), "{} {load}", c.key);
        }
    }
}

#[test]
fn the_ways_of_a_flow_go_from_its_origin_to_its_destination_and_use_what_they_pass() {
    let s = solved(1.0, 1e-6);
    let ferry =
        s.capacities.rows.iter().position(|c| c.key == "capacity/inner_ferries>").expect("the ferries");
    let mut sailed = 0;
    for f in &s.choices.flows {
        assert!(!f.ways.is_empty());
        let ends = |n| karvan_freight::choice::ends_of(&s.model, n);
        for w in &f.ways {
            let operations: Vec<_> = w
                .parts
                .iter()
                .filter_map(|p| if let Part::Operate { node, .. } = p { Some(*node) } else { None })
                .collect();
            assert!(ends(f.from).contains(&operations[0]));
            assert!(ends(f.to).contains(operations.last().expect("unloaded")));
            let by_ferry = w.parts.iter().any(|p| match *p {
                Part::Sail { sailing, .. } => {
                    let x = &s.base.sailings[sailing as usize];
                    s.model.tables.service[x.service.ix()].id.as_str() == "ferry_wagon" && !x.back
                }
                _ => false,
            });
            sailed += usize::from(by_ferry);
            assert_eq!(by_ferry, w.uses.iter().any(|(r, _)| *r as usize == ferry), "{w:?}");
            assert!(w.generalised > w.usd && w.h > 0.0 && w.km > 0.0);
        }
    }
    assert!(sailed > 0);
}

#[test]
fn a_capacity_is_what_the_tables_say() {
    let model = model();
    let c = Capacities::of(&model, DAY);
    let of = |key: &str| c.rows.iter().find(|c| c.key == key).unwrap_or_else(|| panic!("no {key}"));
    // Thirty wagons every thirty hours; forty lorries twice a week; twelve trains a day.
    let ferries = of("capacity/inner_ferries<");
    assert_eq!(
        (ferries.per_year, ferries.per_departure, ferries.kind),
        (8760.0, Some(30.0), Kind::Departures)
    );
    assert!((of("capacity/inner_ropax>").per_year - 40.0 * 2.0 * 365.0 / 7.0).abs() < 1e-9);
    assert!((of("border/halm_rail").per_year - 12.0 * 365.0).abs() < 1e-9);
    assert_eq!(of("link/p_tarn_kess>").per_year, 5e6);
    // What is one way has one direction; what has no figure is counted.
    assert!(!c.rows.iter().any(|c| c.key == "link/p_tarn_kess<"));
    assert_eq!(c.unbounded.links as usize, model.tables.link.len() - 1);
}

#[test]
fn what_is_scarce_has_a_price_between_what_less_costs_and_more_saves() {
    // Many times the demand: ferries, crossings and terminals are short. Over two such years ten capacities and more.
    let mut binding = 0;
    for times in [60.0, 30.0] {
        let s = solved(times, 1e-9);
        let problem = Problem {
            model: &s.model,
            base: &s.base,
            capacities: &s.capacities,
            choices: &s.choices,
            hours: HOURS,
        };
        let found = year::beside(&problem, &s.assigned, 1e-9, 10, &mut |_| {}).expect("solved anew");
        binding += found.iter().filter(|b| b.worth > 1.0).count();
        for b in &found {
            let slack = 1e-3 * b.less.abs().max(b.more.abs()) + 1e-8 * s.assigned.certificate.cost / b.units;
            let key = &s.capacities.rows[b.row as usize].key;
            assert!(b.more <= b.worth + slack && b.worth <= b.less + slack, "{key} {b:?}");
        }
    }
    assert!(binding >= 10, "{binding}");
}

#[test]
fn what_is_shut_is_gone_round_and_what_cannot_is_told_as_a_cut() {
    let shut = |key: &'static str| {
        move |c: &mut Capacities| {
            for row in c.rows.iter_mut().filter(|r| r.key.starts_with(key)) {
                row.per_year = 0.0;
            }
        }
    };
    let open = solved(1.0, 1e-6);
    let s = solved_with(1.0, 1e-6, shut("capacity/inner_ferries")).expect("solved");
    let ferry = |s: &Solved| {
        let sum = s.capacities.rows.iter().zip(&s.assigned.loads);
        sum.filter(|(c, _)| c.key.starts_with("capacity/inner_ferries")).map(|(_, l)| *l).sum::<f64>()
    };
    assert!(ferry(&open) > 100.0 && ferry(&s) == 0.0);
    assert!(s.assigned.shedding.is_none() && s.assigned.stays.iter().sum::<f64>() < 1.0);
    // All that goes anywhere goes by the port, which is shut: everything stays, and the cut says why.
    let s = solved_with(1.0, 1e-6, shut("capacity/port_vara")).expect("solved");
    let shedding = s.assigned.shedding.as_ref().expect("it cannot be carried");
    let (rows, flows, needs, has) = shedding.cut.as_ref().expect("one capacity is the cut");
    assert_eq!(s.capacities.rows[rows[0] as usize].key, "capacity/port_vara");
    assert!(*needs > 0.0 && *has == 0.0 && !flows.is_empty());
    let stays: f64 = s.assigned.stays.iter().sum();
    assert!((stays - shedding.least_t).abs() < 1e-3 * stays, "{stays} {shedding:?}");
}

#[test]
fn choice_sets_are_the_same_read_back_and_on_any_number_of_threads() {
    let s = solved(1.0, 1e-6);
    let kept = tables::of_choices(&s.model, &s.base, &s.capacities, &s.choices);
    let back = tables::read_choices(&s.model, &s.capacities, &kept).expect("read");
    assert_eq!(back, s.choices);
    let one = rayon::ThreadPoolBuilder::new().num_threads(1).build().expect("a pool");
    let od = demand(&s.model, 1.0);
    let alone = one.install(|| choices(&s.model, &s.base, &od, DAY, &s.capacities, &|_| {})).expect("found");
    assert_eq!(alone, s.choices);
}

#[test]
fn totals_are_counted_once_a_way_and_in_their_unit() {
    let s = solved(1.0, 1e-9);
    let year = Year {
        model: &s.model,
        base: &s.base,
        year: 2031,
        day: DAY,
        capacities: &s.capacities,
        choices: &s.choices,
        assigned: &s.assigned,
        demand: None,
    };
    let row = |id: &str| s.model.tables.traffic_total.iter().find(|r| r.id.as_str() == id).expect("a total");
    // By hand: tonnes of ways that sail to or from Vara; tea of the corridor; lorries at Halm.
    let port = |w: &karvan_freight::choice::Way| {
        w.parts.iter().any(|p| match *p {
            Part::Sail { sailing, .. } => {
                let x = &s.base.sailings[sailing as usize];
                let vara = s.model.node_ix("vara_port");
                x.land.is_empty() && (Some(x.from) == vara || Some(x.to) == vara)
            }
            _ => false,
        })
    };
    let by_hand: f64 = year.ways().filter(|(_, w, _)| port(w)).map(|(.., t)| t).sum();
    assert!((year.counted(row("vara_2031")) - by_hand).abs() < 1e-6 && by_hand > 1e5);
    // Sixty times the lorries of the tilt carry 18 t of tea each: a consignment of 100 t needs six.
    let tea = s.model.cargo_ix("tea");
    let lorries: f64 = year
        .ways()
        .filter(|(f, w, _)| {
            Some(f.cargo) == tea
                && w.parts.iter().any(|p| {
                    matches!(*p, Part::Cross { border, .. } if s.model.tables.border[border.ix()].id.as_str() == "halm_road")
                })
        })
        .map(|(_, _, t)| t)
        .sum();
    let counted = year.counted(row("halm_2031"));
    assert!(counted >= lorries * 6.0 / 100.0 - 1e-6, "{counted} {lorries}");
}
