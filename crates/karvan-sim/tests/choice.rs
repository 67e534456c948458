//! Ways chosen by what is booked on them: small closed cases whose answer is known.

use karvan_network::waits::Quantiles;
use karvan_sim::corridor::spec::{Draw, FlowSpec, Gate, Spec, Step, Way, WeatherSpec};
use karvan_sim::corridor::{Activity, Outcome, run};
use karvan_sim::time::Span;
use karvan_units::Dist;

/// Days of a run.
const DAYS: u32 = 4000;

/// A consignment is ready `a_day` times a day; its ways, each with its cost without queues, USD, and its steps.
fn spec(a_day: f64, usd_per_h: f64, scale: f64, ways: Vec<(f64, Vec<Step>)>) -> Spec {
    let n = ways.len() as u32;
    let mut spec = Spec {
        quantiles: vec![Quantiles::of(&Dist::Const(1e-3))],
        months: vec![(f64::from(DAYS) * 24.0, 0)],
        days: DAYS,
        motion_kmh: 60.0,
        choice_scale: scale,
        flows: vec![FlowSpec {
            relation: ("a".into(), "z".into(), "cargo".into()),
            name: "a/z/cargo".into(),
            kg: 1000,
            class: 1,
            rate: vec![a_day / 24.0],
            ready_h: Vec::new(),
            choices: vec![(0..n).zip(ways.iter().map(|w| w.0)).collect()],
            usd_per_h,
            stays_at_usd: None,
        }],
        ..Spec::default()
    };
    spec.ways = ways
        .into_iter()
        .map(|(cost_usd, steps)| Way {
            steps,
            groups: 1,
            cost_usd,
            mean_h: 0.0,
            title: String::new(),
            uses: Vec::new(),
        })
        .collect();
    spec
}

const DRAW: Draw = Draw { quantiles: 0, times: 1.0, group: 0, rho: 0.0, factor: None, as_before: false };

/// Gates that take one a day, and the step through each.
fn gates(n: u32) -> (Vec<Gate>, Vec<Step>) {
    let gate = |i: u32| Gate {
        name: format!("gate {i}"),
        lanes: 1,
        hours: None,
        unit: "lot",
        per_day: 1.0,
        waiting: Activity::AwaitsTerminal,
    };
    let step = |gate| Step::Gate { gate, work: Span::from_h(24.0), draw: DRAW, activity: Activity::Handled };
    ((0..n).map(gate).collect(), (0..n).map(step).collect())
}

fn waits(o: &Outcome) -> f64 {
    let waiting = Activity::ALL.iter().position(|a| *a == Activity::AwaitsTerminal).unwrap();
    o.deliveries.iter().map(|d| f64::from(d.activities[waiting])).sum::<f64>() / o.deliveries.len() as f64
}

fn share(o: &Outcome, way: u32) -> f64 {
    o.deliveries.iter().filter(|d| d.way == way).count() as f64 / o.deliveries.len() as f64
}

/// Of two servers alike each has half, and the wait is not the one of two queues to which they come blindly (Pollaczek and
/// Khinchine, ρ / 2(1 − ρ) of a day) but near the one of a common queue, which is less than half of it.
#[test]
fn two_servers_alike_share_the_queue() {
    let (all, steps) = gates(2);
    let ways = steps.into_iter().map(|s| (100.0, vec![s])).collect();
    let mut s = spec(1.8, 1.0, 1000.0, ways);
    s.gates = all;
    s.foresee();
    let o = run(&s, 1, 0);
    let blind = 24.0 * 0.9 / (2.0 * 0.1);
    assert!((share(&o, 0) - 0.5).abs() < 0.02, "{}", share(&o, 0));
    assert!(waits(&o) < 0.65 * blind, "{} h, blind {blind}", waits(&o));
    // The same with nothing to be told: an hour that is worth nothing is no reason to go elsewhere.
    s.flows[0].usd_per_h = 0.0;
    let o = run(&s, 1, 0);
    assert!((waits(&o) - blind).abs() < 0.25 * blind, "{} h, blind {blind}", waits(&o));
}

/// Two of three days' lots want the cheaper way, which takes one a day: so many go the dearer way that the wait before the
/// cheaper makes up for the difference.
#[test]
fn the_queue_grows_until_it_costs_what_the_way_round_does() {
    let (all, steps) = gates(2);
    let ways = [100.0, 220.0].into_iter().zip(steps).map(|(usd, s)| (usd, vec![s])).collect();
    let mut s = spec(1.6, 1.0, 1000.0, ways);
    s.gates = all;
    s.foresee();
    let o = run(&s, 2, 0);
    assert!((share(&o, 0) - 1.0 / 1.6).abs() < 0.02, "{}", share(&o, 0));
    let cheap = o.deliveries.iter().filter(|d| d.way == 0 && d.born_h > 24.0 * 200.0).collect::<Vec<_>>();
    let wait = cheap.iter().map(|d| d.transit_h - 24.0).sum::<f64>() / cheap.len() as f64;
    // 120 USD, and what is waited on the dearer way besides.
    assert!((100.0..160.0).contains(&wait), "{wait} h");
}

/// A port is shut for a thousand days. Round it costs 2,400 USD more, a hundred days of waiting.
#[test]
fn a_shut_port_is_avoided_while_the_wait_costs_more_than_the_way_round() {
    let through = vec![Step::Weather(0), Step::Stay(DRAW, Activity::Moving)];
    let round = vec![Step::Stay(DRAW, Activity::Moving)];
    let mut s = spec(0.5, 1.0, 1e6, vec![(100.0, through), (2500.0, round)]);
    let shut = vec![(24.0 * 1000.0, 24.0 * 2000.0)];
    s.weather = vec![WeatherSpec { name: "weather/port".into(), months: [None; 12], shut }];
    s.foresee();
    let o = run(&s, 3, 0);
    assert!(o.deliveries.len() > 1500);
    for d in &o.deliveries {
        let day = d.born_h / 24.0;
        let round = (1000.0..1900.0).contains(&day);
        assert_eq!(d.way, u32::from(round), "day {day}");
    }
}

/// Twice as much as the only way takes: what is worth less than its wait stays, and the queue is as long as that.
#[test]
fn cargo_stays_where_it_is_when_the_wait_costs_more_than_it_is_worth() {
    let (all, steps) = gates(1);
    let mut s = spec(2.0, 1.0, 15.0, vec![(100.0, steps)]);
    s.gates = all;
    s.flows[0].stays_at_usd = Some(24.0 * 50.0);
    s.foresee();
    let o = run(&s, 4, 0);
    let all = o.deliveries.len() + o.unfinished.len() + o.stayed.len();
    assert!((o.stayed.len() as f64 / all as f64 - 0.5).abs() < 0.03, "{} of {all}", o.stayed.len());
    let settled = o.deliveries.iter().filter(|d| d.born_h > 24.0 * 500.0);
    let (n, h) = settled.fold((0.0, 0.0), |(n, h), d| (n + 1.0, h + d.transit_h - 24.0));
    assert!((h / n / 24.0 - 50.0).abs() < 3.0, "{} days", h / n / 24.0);
}

/// In a scenario in which a way costs more some take another; whoever takes the same one has the same luck.
#[test]
fn luck_is_the_same_in_another_scenario() {
    let (all, steps) = gates(2);
    let ways = |usd: f64| [100.0, usd].into_iter().zip(steps.clone()).map(|(u, s)| (u, vec![s])).collect();
    let of = |usd: f64| {
        let mut s = spec(1.2, 0.0, 15.0, ways(usd));
        s.gates = all.clone();
        s.foresee();
        run(&s, 5, 0)
    };
    let (a, b) = (of(104.0), of(108.0));
    let born = |o: &Outcome| {
        let all = o
            .deliveries
            .iter()
            .map(|d| d.born_h.to_bits())
            .chain(o.unfinished.iter().map(|u| u.born_h.to_bits()));
        let mut all: Vec<u64> = all.collect();
        all.sort_unstable();
        all
    };
    assert_eq!(born(&a), born(&b));
    assert!(share(&a, 1) > share(&b, 1) + 0.05);
    // None goes over to the way that has become dearer.
    let way = |o: &Outcome| -> std::collections::BTreeMap<u64, u32> {
        o.deliveries.iter().map(|d| (d.born_h.to_bits(), d.way)).collect()
    };
    let (a, b) = (way(&a), way(&b));
    assert!(a.iter().all(|(h, w)| b.get(h).is_none_or(|x| x <= w)));
}
