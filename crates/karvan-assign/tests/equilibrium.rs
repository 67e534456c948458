//! Equilibria against closed forms, against another method, and against published optima where these are at hand.

use std::ops::ControlFlow;

use karvan_assign::analysis::{select_links, select_node, skim};
use karvan_assign::certificate::{Certificate, certify};
use karvan_assign::cost::{LinkCost, Point, Power};
use karvan_assign::equilibrium::{
    AssignError, Class, Objective, PathFlow, Problem, Settings, Solution, Stop, solve,
};
use karvan_assign::frank_wolfe;
use karvan_assign::network::{Demand, Link, LinkIx, Network, NodeIx, Pair};
use proptest::prelude::*;

/// `base + gain · flow`.
fn straight(base: f64, gain: f64) -> LinkCost {
    LinkCost::power(Power { base, gain, power: 1.0 }).unwrap()
}

fn network(nodes: usize, closed: &[u32], links: Vec<(u32, u32, LinkCost)>) -> Network {
    let links = links.into_iter().map(|(a, b, cost)| Link { tail: NodeIx(a), head: NodeIx(b), cost });
    Network::new(nodes, closed.iter().map(|&v| NodeIx(v)), links.collect()).unwrap()
}

fn class(network: &Network, pairs: &[(u32, u32, f64)], extra: Option<Vec<f64>>) -> Class {
    let pairs = pairs.iter().map(|&(a, b, flow)| Pair { origin: NodeIx(a), destination: NodeIx(b), flow });
    Class { demand: Demand::new(network, pairs).unwrap(), extra }
}

fn problem(network: &Network, classes: Vec<Class>) -> Problem<'_> {
    Problem { network, classes, background: None, objective: Objective::UserEquilibrium }
}

const EXACT: Settings = Settings { gap: 1e-13, passes: 2000 };

fn solved(problem: &Problem) -> (Solution, Certificate) {
    let solution = solve(problem, EXACT, None, |_| ControlFlow::Continue(())).unwrap();
    let certificate = certify(problem, &solution).unwrap();
    assert!(certificate.gap <= 1e-12, "{}", certificate.gap);
    assert!(certificate.lower_bound <= certificate.objective * (1.0 + 1e-15));
    assert!(certificate.pair_error <= 1e-14 && certificate.node_error <= 1e-14);
    (solution, certificate)
}

#[track_caller]
fn close(got: &[f64], wanted: &[f64]) {
    let near = |(a, b): (&f64, &f64)| (a - b).abs() <= 1e-9 * (1.0 + b.abs());
    assert!(got.len() == wanted.len() && got.iter().zip(wanted).all(near), "{got:?} is not {wanted:?}");
}

/// Braess's network of 1968: a road that makes everybody slower.
fn braess(with_the_road: bool) -> Network {
    let mut links = vec![
        (0, 2, straight(0.0, 10.0)),
        (0, 3, straight(50.0, 1.0)),
        (2, 1, straight(50.0, 1.0)),
        (3, 1, straight(0.0, 10.0)),
    ];
    links.extend(with_the_road.then(|| (2, 3, straight(10.0, 1.0))));
    network(4, &[0, 1], links)
}

#[test]
fn braess_costs_83_without_the_road_and_92_with_it() {
    let without = braess(false);
    let (_, c) = solved(&problem(&without, vec![class(&without, &[(0, 1, 6.0)], None)]));
    close(&c.flows, &[3.0, 3.0, 3.0, 3.0]);
    close(&[c.travel_cost, c.objective], &[6.0 * 83.0, 399.0]);
    let with = braess(true);
    let asked = problem(&with, vec![class(&with, &[(0, 1, 6.0)], None)]);
    let (_, c) = solved(&asked);
    close(&c.flows, &[4.0, 2.0, 2.0, 4.0, 2.0]);
    close(&[c.travel_cost], &[6.0 * 92.0]);
    // The system optimum leaves the road empty.
    let (_, c) = solved(&Problem { objective: Objective::SystemOptimum, ..asked });
    close(&c.flows, &[3.0, 3.0, 3.0, 3.0, 0.0]);
    close(&[c.travel_cost], &[6.0 * 83.0]);
}

#[test]
fn who_uses_a_link_and_what_places_are_apart() {
    let n = braess(true);
    let (solution, c) = solved(&problem(&n, vec![class(&n, &[(0, 1, 6.0)], None)]));
    // Each of the three ways carries two: the road across is used by those who also use the two steep links.
    let across = select_links(&n, &solution, &[LinkIx(4)]);
    assert_eq!(across.pairs.len(), 1);
    assert_eq!((across.pairs[0].0, across.pairs[0].1, across.pairs[0].2), (0, NodeIx(0), NodeIx(1)));
    close(&[across.pairs[0].3], &[2.0]);
    close(&across.flows, &[2.0, 0.0, 0.0, 2.0, 2.0]);
    close(&select_links(&n, &solution, &[LinkIx(0), LinkIx(2)]).flows, &[2.0, 0.0, 2.0, 0.0, 0.0]);
    close(&select_node(&n, &solution, NodeIx(3)).flows, &[2.0, 2.0, 0.0, 4.0, 2.0]);
    assert_eq!(select_links(&n, &solution, &[LinkIx(1), LinkIx(4)]).pairs, []);
    // Node 0 cannot be reached; all ways from it cost 92.
    let apart = skim(&n, &c.costs, &[NodeIx(0), NodeIx(1), NodeIx(2)]);
    close(&[apart[1], apart[2], apart[7]], &[92.0, 40.0, 52.0]);
    assert_eq!([apart[0], apart[3], apart[6]], [0.0, f64::INFINITY, f64::INFINITY]);
}

#[test]
fn pigou_costs_1_in_equilibrium_and_three_quarters_at_best() {
    let n = network(2, &[], vec![(0, 1, straight(1.0, 0.0)), (0, 1, straight(0.0, 1.0))]);
    let asked = problem(&n, vec![class(&n, &[(0, 1, 1.0)], None)]);
    let (_, c) = solved(&asked);
    close(&[c.flows[1], c.travel_cost], &[1.0, 1.0]);
    let (_, c) = solved(&Problem { objective: Objective::SystemOptimum, ..asked });
    close(&[c.flows[1], c.travel_cost], &[0.5, 0.75]);
}

#[test]
fn bpr_roads_share_as_the_fourth_root_says() {
    // 1 + 0.15 (x/10)^4 = 1.15 with 20 = x + y: x = 10, y = 10; with the second's capacity 20: (x/10) = (y/20).
    let bpr = |capacity| LinkCost::bpr(1.0, 0.15, capacity, 4.0).unwrap();
    let n = network(2, &[0, 1], vec![(0, 1, bpr(10.0)), (0, 1, bpr(20.0))]);
    let (_, c) = solved(&problem(&n, vec![class(&n, &[(0, 1, 24.0)], None)]));
    close(&c.flows, &[8.0, 16.0]);
}

#[test]
fn tabulated_costs_meet_where_their_lines_do() {
    let p = |flow, cost| Point { flow, cost };
    let table = LinkCost::table(&[p(0.0, 1.0), p(10.0, 1.0), p(20.0, 3.0), p(30.0, 9.0)]).unwrap();
    let n = network(2, &[], vec![(0, 1, table), (0, 1, straight(2.0, 0.1))]);
    // 1 + 0.2 (x − 10) = 2 + 0.1 (20 − x) at x = 50/3.
    let asked = problem(&n, vec![class(&n, &[(0, 1, 20.0)], None)]);
    let (_, c) = solved(&asked);
    close(&c.flows, &[50.0 / 3.0, 10.0 / 3.0]);
    // Beyond a corner: 3 + 0.6 (x − 20) = 2 + 0.1 (50 − x) at x = 160/7.
    let (_, c) = solved(&problem(&n, vec![class(&n, &[(0, 1, 50.0)], None)]));
    close(&c.flows, &[160.0 / 7.0, 190.0 / 7.0]);
    let optimum = Problem { objective: Objective::SystemOptimum, ..asked };
    let refused = solve(&optimum, EXACT, None, |_| ControlFlow::Continue(())).unwrap_err();
    assert_eq!(refused, AssignError::TableHasNoMarginalCost { link: 0 });
}

#[test]
fn background_flow_is_there_but_not_counted() {
    let n = network(2, &[], vec![(0, 1, straight(0.0, 1.0)), (0, 1, straight(0.0, 1.0))]);
    let asked =
        Problem { background: Some(vec![3.0, 0.0]), ..problem(&n, vec![class(&n, &[(0, 1, 5.0)], None)]) };
    let (_, c) = solved(&asked);
    close(&c.flows, &[1.0, 4.0]);
    // ∫3..4 + ∫0..4
    close(&[c.travel_cost, c.objective], &[20.0, 3.5 + 8.0]);
}

#[test]
fn classes_pay_their_own_tolls_and_keep_off_what_they_may_not_use() {
    // A motorway with a toll, a road that grows dear, and a track; trucks may not use the road.
    let n = network(
        2,
        &[],
        vec![(0, 1, straight(1.0, 1.0)), (0, 1, straight(0.0, 1.0)), (0, 1, straight(20.0, 0.0))],
    );
    // In time, the toll is 4 for the first (a low value of time), 1 for the second.
    let cars = class(&n, &[(0, 1, 3.0)], Some(vec![4.0, 0.0, 0.0]));
    let trucks = class(&n, &[(0, 1, 2.0)], Some(vec![1.0, f64::INFINITY, 0.0]));
    let (solution, c) = solved(&problem(&n, vec![cars.clone(), trucks.clone()]));
    // Trucks take the motorway (cost 1 + 2 + 1); cars keep the road: 3 < 1 + 2 + 4.
    close(&c.flows, &[2.0, 3.0, 0.0]);
    close(&[c.travel_cost, c.objective], &[2.0 * 4.0 + 9.0, 2.0 + 2.0 + 2.0 + 4.5]);
    let of = |class: usize| -> Vec<PathFlow> { solution.paths().filter(|p| p.class == class).collect() };
    assert_eq!((of(0).len(), of(0)[0].links, of(0)[0].flow), (1, &[1][..], 3.0));
    assert_eq!((of(1).len(), of(1)[0].links, of(1)[0].flow), (1, &[0][..], 2.0));
    // With 9 cars the last of them pay: 5 + m = 9 − (m − 2), m = 3 on the motorway, 8 on the road.
    let cars = class(&n, &[(0, 1, 9.0)], cars.extra);
    let (_, c) = solved(&problem(&n, vec![cars, trucks]));
    close(&c.flows, &[3.0, 8.0, 0.0]);
}

#[test]
fn what_cannot_be_carried_is_said() {
    let n = network(3, &[1], vec![(0, 1, straight(1.0, 0.0)), (1, 2, straight(1.0, 0.0))]);
    let go = |asked: &Problem| solve(asked, EXACT, None, |_| ControlFlow::Continue(())).unwrap_err();
    // Node 1 is closed: nobody passes through it.
    let asked = problem(&n, vec![class(&n, &[(0, 1, 1.0), (0, 2, 5.0)], None)]);
    let no_path = AssignError::NoPath { class: 0, origin: 0, destination: 2, flow: 5.0 };
    assert_eq!(go(&asked), no_path);
    assert_eq!(frank_wolfe::solve(&asked, EXACT).unwrap_err(), no_path);
    assert_eq!(no_path.to_string(), "there is no path from node 0 to node 2, but a flow of 5 between them");
    let short = Problem { background: Some(vec![1.0]), ..asked.clone() };
    assert_eq!(go(&short).to_string(), "the background flow has 1 numbers; the network has 2 links");
    let n = braess(true);
    let asked = problem(&n, vec![class(&n, &[(0, 1, 6.0)], None)]);
    let stopped = solve(&asked, EXACT, None, |p| {
        if p.number > 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    assert_eq!(stopped.unwrap_err(), AssignError::Stopped);
}

#[test]
fn without_demand_there_is_nothing_to_do() {
    let n = braess(true);
    let (solution, c) = solved(&problem(&n, vec![class(&n, &[], None)]));
    assert_eq!((solution.paths().count(), c.travel_cost, c.gap), (0, 0.0, 0.0));
}

/// A network all of whose nodes are tied in a ring, with roads across and demand between many pairs.
fn random() -> impl Strategy<Value = (Network, Vec<(u32, u32, f64)>, Vec<f64>)> {
    (4u32..14).prop_flat_map(|n| {
        let road = (
            0..n,
            0..n,
            1.0..10.0f64,
            1.0..20.0f64,
            prop_oneof![3 => Just(4.0), 1 => Just(1.0), 1 => 1.0..6.0f64],
        );
        let pair = (0..n, 0..n, 0.5..6.0f64);
        let roads = prop::collection::vec(road, n as usize..n as usize * 3);
        let toll = prop::collection::vec(
            prop_oneof![2 => Just(0.0), 1 => 0.0..5.0f64, 1 => Just(f64::INFINITY)],
            n as usize * 3,
        );
        (roads, prop::collection::vec(pair, 1..25), toll).prop_map(move |(roads, pairs, tolls)| {
            let ring = (0..n).map(|v| (v, (v + 1) % n, LinkCost::bpr(5.0, 1.0, 30.0, 2.0).unwrap()));
            let across =
                roads.iter().map(|&(a, b, free, cap, p)| (a, b, LinkCost::bpr(free, 0.5, cap, p).unwrap()));
            let links: Vec<_> = ring.chain(across).collect();
            let mut seen = std::collections::BTreeSet::new();
            let pairs = pairs.into_iter().filter(|p| p.0 != p.1 && seen.insert((p.0, p.1))).collect();
            // The ring is free to all.
            let extra = std::iter::repeat_n(0.0, n as usize).chain(tolls).take(links.len()).collect();
            (network(n as usize, &[], links), pairs, extra)
        })
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn two_methods_agree_and_threads_do_not_matter((n, pairs, extra) in random(), optimum in any::<bool>()) {
        let half: Vec<_> = pairs.iter().step_by(2).copied().collect();
        let mut asked = problem(&n, vec![class(&n, &pairs, None), class(&n, &half, Some(extra))]);
        asked.background = Some((0..n.links().len()).map(|l| (l % 3) as f64).collect());
        asked.objective = if optimum { Objective::SystemOptimum } else { Objective::UserEquilibrium };
        let (solution, c) = solved(&asked);
        let simple = frank_wolfe::solve(&asked, Settings { gap: 1e-6, passes: 4000 }).unwrap();
        // The objective's distance from the optimum is at most the gap's share of the total cost.
        prop_assert!(simple.gap <= 1e-3, "{}", simple.gap);
        let total = c.flows.iter().sum::<f64>();
        let apart = simple.flows.iter().zip(&c.flows).map(|(a, b)| (a - b).abs()).sum::<f64>();
        prop_assert!(apart <= 0.05 * total, "{apart} of {total}");
        let pool = rayon::ThreadPoolBuilder::new().num_threads(3).build().unwrap();
        let again = pool.install(|| solved(&asked));
        prop_assert_eq!(&again.1, &c);
        prop_assert!(again.0.paths().zip(solution.paths()).all(|(a, b)| a.links == b.links && a.flow == b.flow));
    }

    #[test]
    fn a_warm_start_ends_where_a_cold_one_does((n, pairs, _) in random(), more in 0.5..2.0f64) {
        let asked = problem(&n, vec![class(&n, &pairs, None)]);
        let (solution, c) = solved(&asked);
        let go = |asked: &Problem| {
            let warm = solve(asked, EXACT, Some(&solution), |_| ControlFlow::Continue(())).unwrap();
            (warm.passes, certify(asked, &warm).unwrap())
        };
        let (passes, same) = go(&asked);
        prop_assert!(passes <= 3, "{passes}");
        close(&same.flows, &c.flows);
        // Other demand, and one pair that was not there before.
        let mut other: Vec<_> = pairs.iter().map(|p| (p.0, p.1, p.2 * more)).collect();
        if !pairs.iter().any(|p| (p.0, p.1) == (0, 2)) {
            other.push((0, 2, 3.0));
        }
        let asked = problem(&n, vec![class(&n, &other, None)]);
        let (cold, warm) = (solved(&asked).1, go(&asked).1);
        prop_assert!((cold.objective - warm.objective).abs() <= 1e-11 * cold.objective);
    }
}

#[test]
fn what_ended_a_computation_is_told() {
    let n = braess(true);
    let asked = problem(&n, vec![class(&n, &[(0, 1, 6.0)], None)]);
    let stop = |gap, passes| {
        solve(&asked, Settings { gap, passes }, None, |_| ControlFlow::Continue(())).unwrap().stop
    };
    assert_eq!(stop(1e-12, 100), Stop::Gap);
    assert_eq!(stop(-1.0, 3), Stop::Passes);
    assert_eq!(stop(-1.0, 100_000), Stop::Precision);
}

/// A class that pays a toll on link 11 makes room for one that does not: pair after pair, in hundreds of little steps.
#[test]
fn classes_that_wait_for_one_another_do_not_stall() {
    let bpr = |free, gain, power| LinkCost::power(Power { base: free, gain, power }).unwrap();
    let links = vec![
        (0, 1, bpr(5.0, 0.005555555555555556, 2.0)),
        (1, 2, bpr(5.0, 0.005555555555555556, 2.0)),
        (2, 3, bpr(5.0, 0.005555555555555556, 2.0)),
        (3, 4, bpr(5.0, 0.005555555555555556, 2.0)),
        (4, 5, bpr(5.0, 0.005555555555555556, 2.0)),
        (5, 0, bpr(5.0, 0.005555555555555556, 2.0)),
        (0, 4, bpr(1.0, 3.378675021269397e-5, 4.0)),
        (1, 0, bpr(1.0, 0.5, 4.0)),
        (4, 3, bpr(1.0, 0.5, 4.0)),
        (0, 4, bpr(1.0, 0.5, 4.0)),
        (0, 4, bpr(1.0, 0.5, 4.0)),
        (0, 3, bpr(6.616794659407777, 0.0019728357200280815, 3.7187981101022256)),
    ];
    let n = network(6, &[], links);
    let pairs = [
        (3, 0, 0.5),
        (5, 0, 0.5),
        (3, 2, 0.5),
        (2, 0, 0.5),
        (0, 1, 0.5),
        (2, 3, 0.5),
        (0, 3, 3.388646123230905),
        (2, 1, 0.5),
        (4, 3, 4.208927676179671),
    ];
    let half: Vec<_> = pairs.iter().step_by(2).copied().collect();
    let mut extra = vec![0.0; 12];
    extra[11] = 0.02001290564411387;
    let mut asked = problem(&n, vec![class(&n, &pairs, None), class(&n, &half, Some(extra))]);
    asked.background = Some((0..12).map(|l| (l % 3) as f64).collect());
    solved(&asked);
}
