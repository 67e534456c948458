//! What follows from a solution: who uses a link or a node, and what every pair of nodes is apart.

use rayon::prelude::*;

use crate::equilibrium::Solution;
use crate::hierarchy::{Distance, Hierarchy, LANES, Metric, Sweep};
use crate::network::{LinkIx, Network, NodeIx};

/// The flow of those who use all of some links.
#[derive(Clone, Debug, PartialEq)]
pub struct Selected {
    /// Class, origin, destination and flow of each pair that does, in this order.
    pub pairs: Vec<(usize, NodeIx, NodeIx, f64)>,
    /// Where else they go: their flow on each link.
    pub flows: Vec<f64>,
}

/// Who uses all of `links` (select-link analysis).
///
/// How many use one link is certain; who they are is not, where several path flows have the same link flows: this tells of
/// the solution's own.
pub fn select_links(network: &Network, solution: &Solution, links: &[LinkIx]) -> Selected {
    select(network, solution, |path| links.iter().all(|l| path.contains(&l.0)))
}

/// Who passes, leaves or reaches a node (select-node analysis); as certain as [`select_links`].
pub fn select_node(network: &Network, solution: &Solution, node: NodeIx) -> Selected {
    let touches = |l: &u32| {
        let link = &network.links()[*l as usize];
        link.tail == node || link.head == node
    };
    select(network, solution, |path| path.iter().any(touches))
}

fn select(network: &Network, solution: &Solution, is_chosen: impl Fn(&[u32]) -> bool) -> Selected {
    let mut selected = Selected { pairs: Vec::new(), flows: vec![0.0; network.links().len()] };
    for p in solution.paths().filter(|p| is_chosen(p.links)) {
        match selected.pairs.last_mut() {
            Some(last) if (last.0, last.1, last.2) == (p.class, p.origin, p.destination) => last.3 += p.flow,
            _ => selected.pairs.push((p.class, p.origin, p.destination, p.flow)),
        }
        p.links.iter().for_each(|&l| selected.flows[l as usize] += p.flow);
    }
    selected
}

/// The cost of the cheapest path between any two of `ends` (a skim), row by row; infinite where there is none, 0 from a node
/// to itself.
///
/// # Panics
/// If `costs` has not one number for each link.
pub fn skim(network: &Network, costs: &[f64], ends: &[NodeIx]) -> Vec<f64> {
    assert_eq!(costs.len(), network.links().len(), "one cost for each link");
    let hierarchy = Hierarchy::new(network, ends.iter().copied());
    let mut metric = Metric::<f64>::new(&hierarchy);
    metric.customise(&hierarchy, costs.iter().copied());
    let blocks: Vec<Vec<f64>> = ends
        .par_chunks(LANES)
        .map_init(
            || Sweep::<f64>::new(&hierarchy),
            |sweep, origins| {
                sweep.run(network, &hierarchy, &metric, origins);
                let mut rows = vec![0.0; origins.len() * ends.len()];
                for (k, &to) in ends.iter().enumerate() {
                    for (lane, _) in origins.iter().enumerate().filter(|(_, from)| **from != to) {
                        rows[lane * ends.len() + k] = sweep.distance(&hierarchy, &metric, lane, to).value();
                    }
                }
                rows
            },
        )
        .collect();
    blocks.concat()
}
