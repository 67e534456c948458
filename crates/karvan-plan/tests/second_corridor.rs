//! Everything on an invented corridor: another sea, gauges 1000 and 1435, states XA, XB, XC.

mod common;

use common::{Ask, model, request, tonnes};
use karvan_model::Model;
use karvan_model::tables::{Mode, Unit};
use karvan_network::base::Base;
use karvan_plan::answer::{Answer, LegKind, Provenance};
use karvan_plan::{PlanError, Quantity, Request, plan};

fn answer(model: &Model, ask: &Ask) -> Answer {
    let base = Base::new(model);
    plan(model, &base, &request(model, ask), Provenance::default()).unwrap()
}

fn describe(a: &Answer) -> String {
    let mut out = String::new();
    for o in &a.options {
        out += &format!(
            "{} | {} | P50 {:.0} h P90 {:.0} h | {:.0} USD | {:.0} kg\n",
            o.rank,
            o.label,
            o.p50_h.get(),
            o.p90_h.get(),
            o.cost_usd.best,
            o.co2e_kg.get()
        );
        for l in &o.legs {
            out += &format!(
                "    {:?} {} {} > {} {:.0} km {:.1}-{:.1} h wait {:.1} {:.0} USD {:?}\n",
                l.kind,
                l.title,
                l.from.id,
                l.to.id,
                l.distance_km.get(),
                l.start_h.get(),
                l.end_h.get(),
                l.waiting_h.get(),
                l.prices.iter().map(|p| p.usd.best).sum::<f64>(),
                l.papers
            );
        }
    }
    if let Some(r) = &a.refusal {
        out += &format!("refused: {}\n{:#?}", r.reason, r.blockers);
    }
    out
}

#[test]
fn ore_goes_by_rail_ferry_or_ship_with_a_change_of_gauge() {
    let m = model();
    let a = answer(
        &m,
        &Ask {
            from: "Tarn mine",
            to: "Dorn",
            cargo: "ore",
            quantity: tonnes(800.0),
            depart: "2031-02-03T08:00",
        },
    );
    let text = describe(&a);
    println!("{text}");
    assert!(!a.options.is_empty(), "{text}");
    let ferry = a.options.iter().find(|o| {
        o.legs.iter().any(|l| l.service.as_deref() == Some("ferry_wagon"))
            && o.legs.iter().any(|l| l.title.contains("1000/1435"))
    });
    let ferry = ferry.unwrap_or_else(|| panic!("no option by the rail ferry with bogies changed\n{text}"));
    // No track of 1435 mm leads to Kess, so nothing is loaded into such wagons there.
    let at_kess =
        |l: &karvan_plan::answer::Leg| l.from.id == "kess_port" && l.equipment.equipment.contains("1435");
    assert!(!a.options.iter().flat_map(|o| &o.legs).any(at_kess), "{text}");
    assert_eq!(ferry.legs.first().map(|l| l.kind), Some(LegKind::Load));
    assert_eq!(ferry.legs.last().map(|l| l.kind), Some(LegKind::Unload));
    // The model is a line: no leg begins before the one before has ended.
    for w in ferry.legs.windows(2) {
        assert!((w[0].end_h.get() - w[1].start_h.get()).abs() < 1e-9, "{text}");
    }
}

#[test]
fn the_day_decides_and_the_rule_is_named() {
    let m = model();
    let ask = |depart| Ask { from: "Tarn mine", to: "Dorn", cargo: "ore", quantity: tonnes(800.0), depart };
    let before = answer(&m, &ask("2030-10-05T08:00"));
    assert!(before.options.is_empty());
    let refusal = before.refusal.unwrap();
    assert_eq!(refusal.blockers[0].row, "rule/xa_ore_ban", "{refusal:#?}");
    assert!(
        !answer(&m, &ask("2031-01-05T08:00")).options.is_empty(),
        "the narrower permit overrides the ban"
    );
}

#[test]
fn petrol_in_transit_waits_for_the_law() {
    let m = model();
    let ask = |depart| Ask { from: "Orlo", to: "Dorn", cargo: "petrol", quantity: tonnes(600.0), depart };
    let a = answer(&m, &ask("2030-11-01T08:00"));
    assert!(a.options.is_empty(), "{}", describe(&a));
    assert_eq!(a.refusal.unwrap().blockers[0].row, "rule/xb_petrol_ban");
    let a = answer(&m, &ask("2031-03-05T08:00"));
    assert!(!a.options.is_empty(), "{}", describe(&a));
}

#[test]
fn what_cannot_be_carried_is_refused_with_what_can() {
    let m = model();
    let base = Base::new(&m);
    let ask = Ask {
        from: "Orlo",
        to: "Dorn",
        cargo: "petrol",
        quantity: Quantity { tonnes: None, units: Some((Unit::Teu, 10.0)) },
        depart: "2031-03-05T08:00",
    };
    match plan(&m, &base, &request(&m, &ask), Provenance::default()) {
        Err(PlanError::NotCarried { unit, .. }) => assert_eq!(unit, "teu"),
        other => panic!("{other:?}"),
    }
    let none = Ask { quantity: tonnes(0.0), ..ask };
    assert!(matches!(
        plan(&m, &base, &request(&m, &none), Provenance::default()),
        Err(PlanError::Quantity { .. })
    ));
}

#[test]
fn one_seed_one_answer() {
    let m = model();
    let ask = Ask {
        from: "Orlo",
        to: "Dorn",
        cargo: "containers",
        quantity: tonnes(280.0),
        depart: "2031-02-03T08:00",
    };
    let (a, b) = (answer(&m, &ask), answer(&m, &ask));
    println!("{}", describe(&a));
    assert_eq!(format!("{a:?}"), format!("{b:?}"));
}

#[test]
fn why_not_names_the_least_that_would_open_a_way_and_scenarios_of_it_do() {
    let m = model();
    let base = Base::new(&m);
    let ask =
        Ask { from: "Orlo", to: "Vara", cargo: "tea", quantity: tonnes(54.0), depart: "2031-02-03T08:00" };
    let by_road =
        Request { why_not: Some(0.1), avoid_modes: vec![Mode::Sea, Mode::Rail], ..request(&m, &ask) };
    let a = plan(&m, &base, &by_road, Provenance::default()).unwrap();
    assert!(a.options.is_empty(), "the pass is closed until 2032");
    let openings = a.why_not.unwrap();
    let first = &openings[0];
    assert_eq!(first.lift.iter().map(|b| b.row.as_str()).collect::<Vec<_>>(), ["border/north_road"]);
    // What is promised is what comes once the border's own row has opened it.
    let later = Request { depart: Some("2032-02-03T08:00".parse().unwrap()), why_not: None, ..by_road };
    let b = plan(&m, &base, &later, Provenance::default()).unwrap();
    assert_eq!(b.options[0].label, first.label);
    assert!((b.options[0].cost_usd.best - first.cost_usd.best).abs() < 1.0);
}
