//! The hierarchy finds what Dijkstra finds, on random networks.

use karvan_assign::cost::LinkCost;
use karvan_assign::dijkstra::Dijkstra;
use karvan_assign::hierarchy::{Distance, Hierarchy, LANES, Metric, Sweep};
use karvan_assign::network::{Link, Network, NodeIx};
use proptest::prelude::*;

/// A network, costs of its links, and the nodes where paths begin or end.
#[derive(Clone, Debug)]
struct Case {
    network: Network,
    costs: Vec<f64>,
    ends: Vec<NodeIx>,
}

fn case() -> impl Strategy<Value = Case> {
    (2usize..40).prop_flat_map(|nodes| {
        let closed = prop::collection::vec(prop::bool::weighted(0.25), nodes);
        let end = prop::collection::vec(prop::bool::weighted(0.6), nodes);
        // Costs with ties and zeros, and links that must not be used.
        let cost = prop_oneof![4 => (0u32..6).prop_map(f64::from), 4 => 0.0..10.0, 1 => Just(f64::INFINITY)];
        let link = (0..nodes as u32, 0..nodes as u32, cost);
        (closed, end, prop::collection::vec(link, 0..nodes * 4)).prop_map(move |(closed, end, links)| {
            let made = links.iter().map(|&(a, b, _)| Link {
                tail: NodeIx(a),
                head: NodeIx(b),
                cost: LinkCost::constant(0.0).unwrap(),
            });
            let nodes_of = |chosen: &[bool]| {
                (0..nodes as u32).filter(|&v| chosen[v as usize]).map(NodeIx).collect::<Vec<_>>()
            };
            Case {
                network: Network::new(nodes, nodes_of(&closed), made.collect()).unwrap(),
                costs: links.iter().map(|l| l.2).collect(),
                ends: nodes_of(&end),
            }
        })
    })
}

/// Compares all distances between ends, and checks that each path is one and has its distance.
fn agrees<D: Distance, const L: usize>(case: &Case, tolerance: f64) -> Result<(), TestCaseError> {
    let Case { network, costs, ends } = case;
    let hierarchy = Hierarchy::new(network, ends.iter().copied());
    let mut metric = Metric::<D>::new(&hierarchy);
    // Customised twice: nothing of the first time may stay.
    metric.customise(&hierarchy, costs.iter().map(|c| c * 0.5));
    metric.customise(&hierarchy, costs.iter().copied());
    let mut sweep = Sweep::<D, L>::new(&hierarchy);
    let (mut dijkstra, mut links) = (Dijkstra::new(network), Vec::new());
    for origins in ends.chunks(L) {
        sweep.run(network, &hierarchy, &metric, origins);
        for (lane, &from) in origins.iter().enumerate() {
            dijkstra.run(network, costs, from);
            for &to in ends.iter().filter(|&&to| to != from) {
                let (wanted, got) =
                    (dijkstra.distance(to), sweep.distance(&hierarchy, &metric, lane, to).value());
                prop_assert!(
                    wanted == got || (wanted - got).abs() <= tolerance * wanted,
                    "{from:?} to {to:?}: {wanted} is not {got}"
                );
                sweep.path(network, &hierarchy, &metric, lane, to, &mut links);
                prop_assert_eq!(links.is_empty(), wanted.is_infinite());
                let (mut at, mut cost) = (from, 0.0);
                for &l in &links {
                    let link = &network.links()[l as usize];
                    prop_assert_eq!(link.tail, at);
                    prop_assert!(at == from || !network.is_closed(at));
                    at = link.head;
                    cost += costs[l as usize];
                }
                prop_assert!(links.is_empty() || (at == to && (cost - wanted).abs() <= tolerance * wanted));
            }
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn distances_and_paths_are_those_of_dijkstra(case in case()) {
        agrees::<f64, LANES>(&case, 1e-13)?;
    }

    #[test]
    fn so_they_are_in_single_precision_and_with_other_lanes(case in case()) {
        agrees::<f32, 16>(&case, 1e-5)?;
        agrees::<f64, 1>(&case, 1e-13)?;
    }
}
