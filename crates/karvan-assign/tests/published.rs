//! Published networks, read from the folder that `TNTP_DIR` names: their optima and flows are met to all their digits.
//! Where the folder is missing the tests say so and pass; nothing else of the project depends on it.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use karvan_assign::certificate::certify;
use karvan_assign::cost::LinkCost;
use karvan_assign::equilibrium::{Class, Objective, Problem, Settings, solve};
use karvan_assign::network::{Demand, Link, Network, NodeIx, Pair};
use karvan_io::tntp;

/// Name, weights of tolls and lengths, objective, and to which share it is known: as precisely as the gap of the flows it
/// was worked out from.
type Instance = (&'static str, f64, f64, f64, f64);

/// Objectives: of the published flows for Sioux Falls, Anaheim, Winnipeg and Chicago Sketch (*Transportation Networks for
/// Research*); elsewhere of another path-based code run to a gap of 1e-12.
const SMALL: [Instance; 7] = [
    ("SiouxFalls", 0.0, 0.0, 4231335.28710744, 1e-14),
    ("EMA", 0.0, 0.0, 26160.34592291, 1e-12),
    ("Anaheim", 0.0, 0.0, 1286032.17109603, 1e-14),
    ("BerlinFriedrichshain", 0.0, 0.0, 618038.88072801, 1e-13),
    ("BerlinMPF", 0.0, 0.0, 2308257.18058457, 1e-14),
    ("Winnipeg", 0.0, 0.0, 827911.494629963, 1e-14),
    ("ChicagoSketch", 0.02, 0.04, 17313018.7387477, 2e-14),
];

/// Three codes agree on the objective to 1e-12.
const LARGE: [Instance; 1] = [("AustinSDB", 0.0, 0.0, 12950559.35662, 1e-11)];

fn folder() -> Option<PathBuf> {
    let named = std::env::var_os("TNTP_DIR").map(PathBuf::from);
    let folder =
        named.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/tntp"));
    if folder.is_dir() {
        return Some(folder);
    }
    eprintln!("skipped: {} is no folder; name one with TNTP_DIR", folder.display());
    None
}

fn solve_all(instances: &[Instance], gap: f64) {
    let Some(folder) = folder() else { return };
    for &(name, toll_weight, distance_weight, objective, digits) in instances {
        let (instance, _) = tntp::read_folder(&folder.join(name));
        let links = instance.net.links.iter().map(|l| Link {
            tail: NodeIx(l.tail - 1),
            head: NodeIx(l.head - 1),
            cost: LinkCost::bpr(l.free_flow_time, l.b, l.capacity, l.power)
                .and_then(|c| c.plus(toll_weight * l.toll + distance_weight * l.length))
                .unwrap(),
        });
        let closed = (1..instance.net.first_through_node.min(instance.net.zones + 1)).map(|z| NodeIx(z - 1));
        let network = Network::new(instance.net.nodes as usize, closed, links.collect()).unwrap();
        let trips = instance.trips.unwrap();
        let pairs = trips.pairs.iter().map(|t| Pair {
            origin: NodeIx(t.origin - 1),
            destination: NodeIx(t.destination - 1),
            flow: t.flow,
        });
        let demand = Demand::new(&network, pairs).unwrap();
        let problem = Problem {
            network: &network,
            classes: vec![Class { demand, extra: None }],
            background: None,
            objective: Objective::UserEquilibrium,
        };
        let settings = Settings { gap, passes: 2000 };
        let solution = solve(&problem, settings, None, |_| ControlFlow::Continue(())).unwrap();
        let c = certify(&problem, &solution).unwrap();
        assert!(c.gap <= 1.1 * gap, "{name}: gap {}", c.gap);
        assert!(
            (c.objective - objective).abs() <= digits * objective,
            "{name}: {} is not {objective}",
            c.objective
        );
        assert!(c.lower_bound <= objective * (1.0 + digits), "{name}: {}", c.lower_bound);
        assert!(c.pair_error <= 1e-13 && c.node_error <= 1e-13, "{name}: {} {}", c.pair_error, c.node_error);
        for (l, f) in instance.flows.iter().flatten().enumerate() {
            let (link, flow) = (&instance.net.links[l], c.flows[l]);
            assert_eq!((link.tail, link.head), (f.tail, f.head));
            // Flows on links whose cost does not grow with the flow are not unique; the published cost must be met everywhere.
            let cost = c.costs[l];
            assert!(
                (cost - f.cost).abs() <= 1e-6 * f.cost.max(1.0),
                "{name}, link {l}: cost {cost} is not {}",
                f.cost
            );
            let is_unique = link.b > 0.0 && link.power > 0.0 && link.free_flow_time > 0.0;
            assert!(
                !is_unique || (flow - f.flow).abs() <= 1e-2,
                "{name}, link {l}: flow {flow} is not {}",
                f.flow
            );
        }
    }
}

#[test]
fn small_published_networks_are_solved_to_all_their_digits() {
    solve_all(&SMALL, 1e-13);
}

#[test]
#[ignore = "a minute of CPU each time; `cargo nextest run -p karvan-assign --run-ignored all` runs it too"]
fn large_published_networks_are_solved() {
    solve_all(&LARGE, 1e-12);
}
