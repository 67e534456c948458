//! How good a solution is, worked out anew from its path flows by the plainest means.
//!
//! Nothing here is taken from the computation that made the solution but the paths and their flows: link flows are summed
//! again, costs evaluated again, shortest paths searched by Dijkstra's algorithm. The objective `z` is convex, so for
//! all feasible flows `y` it is at least `z(x) + c(x)·(y − x)`, and therefore at least `z(x) −` (total cost − cost of the
//! shortest paths): the lower bound.

use std::ops::Range;

use rayon::prelude::*;

use crate::curve::Curves;
use crate::dijkstra::Dijkstra;
use crate::equilibrium::{AssignError, Problem, Solution};
use crate::network::NodeIx;
use crate::sum::Sum;

/// What is certain about a solution. Costs are in the unit of the links' costs times flow.
#[derive(Clone, Debug, PartialEq)]
pub struct Certificate {
    /// Flow of each link, summed from path flows, without background.
    pub flows: Vec<f64>,
    /// Cost of each link at its flow, background included: what a user pays, without what only some classes pay.
    pub costs: Vec<f64>,
    /// What all users pay together.
    pub travel_cost: f64,
    /// Total cost at the costs that are in equilibrium: the travel cost, or the same at marginal costs where the system optimum
    /// was asked for.
    pub total_cost: f64,
    /// What all would pay on shortest paths at the same costs of links.
    pub shortest_cost: f64,
    /// (total cost − shortest cost) / total cost; 0 where nobody travels.
    pub gap: f64,
    /// Value of the convex programme: the sum over links of the integral of the cost from the background flow on, and what
    /// only some classes pay.
    pub objective: f64,
    /// No flows have a lower objective than this.
    pub lower_bound: f64,
    /// How many paths have flow.
    pub paths: usize,
    /// Largest difference between a pair's demand and the flow of its paths, as a share of the demand.
    pub pair_error: f64,
    /// Largest difference at a node between what enters and starts there and what leaves and ends there, as a share of what
    /// passes.
    pub node_error: f64,
}

/// Why a solution is none.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum NoSolution {
    /// A path whose links do not lead from its origin to its destination, or lead over what is closed to it.
    #[error("a path of class {class} from node {origin} to node {destination} is broken at its link {at}")]
    BrokenPath {
        /// Position of the class.
        class: usize,
        /// Where the path begins.
        origin: u32,
        /// Where it ends.
        destination: u32,
        /// Position in the path.
        at: usize,
    },
    /// A flow that is not a number or negative, or a path for a pair that is not asked for.
    #[error(
        "a flow of {flow} of class {class} from node {origin} to node {destination}, which nobody asked for"
    )]
    WrongFlow {
        /// Position of the class.
        class: usize,
        /// Where the path begins.
        origin: u32,
        /// Where it ends.
        destination: u32,
        /// Flow.
        flow: f64,
    },
    /// The problem itself is wrong.
    #[error(transparent)]
    Problem(#[from] AssignError),
}

/// Certifies a solution.
///
/// # Errors
/// If a path or a flow is not one of the problem.
pub fn certify(problem: &Problem, solution: &Solution) -> Result<Certificate, NoSolution> {
    let network = problem.network;
    let curves = Curves::new(problem)?;
    let links = network.links();
    let mut flows = vec![Sum::default(); links.len()];
    let mut served: Vec<Vec<Sum>> =
        problem.classes.iter().map(|c| vec![Sum::default(); c.demand.pairs().len()]).collect();
    let mut extra_cost = Sum::default();
    let mut paths = 0;
    for path in solution.paths() {
        let (class, origin, destination) = (path.class, path.origin.0, path.destination.0);
        let wrong = NoSolution::WrongFlow { class, origin, destination, flow: path.flow };
        let asked = problem.classes.get(class).ok_or(wrong)?;
        let pairs = asked.demand.pairs();
        let pair = pairs
            .binary_search_by_key(&(path.origin, path.destination), |p| (p.origin, p.destination))
            .map_err(|_| wrong)?;
        if !(path.flow > 0.0 && path.flow.is_finite()) {
            return Err(wrong);
        }
        served[class][pair].add(path.flow);
        let mut at = path.origin;
        for (k, &l) in path.links.iter().enumerate() {
            let broken = NoSolution::BrokenPath { class, origin, destination, at: k };
            let link = links.get(l as usize).ok_or(broken)?;
            let own = asked.extra.as_ref().map_or(0.0, |e| e[l as usize]);
            if link.tail != at || (k > 0 && network.is_closed(at)) || own == f64::INFINITY {
                return Err(broken);
            }
            at = link.head;
            flows[l as usize].add(path.flow);
            extra_cost.add(own * path.flow);
        }
        if at != path.destination {
            return Err(NoSolution::BrokenPath { class, origin, destination, at: path.links.len() });
        }
        paths += 1;
    }
    let flows: Vec<f64> = flows.into_iter().map(Sum::value).collect();
    let weights: Vec<f64> = flows.iter().enumerate().map(|(l, &x)| curves.at(l, x)[0]).collect();
    let background = |l: usize| problem.background.as_ref().map_or(0.0, |b| b[l]);
    let costs: Vec<f64> =
        links.iter().enumerate().map(|(l, k)| k.cost.at(flows[l] + background(l)).0).collect();
    let of_all = |costs: &[f64]| {
        let mut sum = extra_cost;
        flows.iter().zip(costs).for_each(|(x, c)| sum.add(x * c));
        sum.value()
    };
    let (total_cost, travel_cost) = (of_all(&weights), of_all(&costs));
    let shortest_cost = shortest(problem, &weights).value();
    let mut objective = extra_cost;
    flows.iter().enumerate().for_each(|(l, &x)| objective.add(curves.integral(l, x)));
    let objective = objective.value();
    let mut pair_error = 0.0f64;
    let mut net = vec![Sum::default(); network.nodes()];
    for (class, served) in problem.classes.iter().zip(&served) {
        for (p, s) in class.demand.pairs().iter().zip(served) {
            pair_error = pair_error.max((s.value() - p.flow).abs() / p.flow);
            net[p.origin.ix()].add(p.flow);
            net[p.destination.ix()].add(-p.flow);
        }
    }
    let mut passes = vec![0.0; network.nodes()];
    for (l, x) in links.iter().zip(&flows) {
        net[l.tail.ix()].add(-x);
        net[l.head.ix()].add(*x);
        passes[l.tail.ix()] += x;
        passes[l.head.ix()] += x;
    }
    let node_error = net
        .iter()
        .zip(&passes)
        .map(|(n, p)| if n.value() == 0.0 { 0.0 } else { n.value().abs() / p.max(f64::MIN_POSITIVE) })
        .fold(0.0, f64::max);
    let gap = if total_cost > 0.0 { (total_cost - shortest_cost) / total_cost } else { 0.0 };
    Ok(Certificate {
        flows,
        costs,
        travel_cost,
        total_cost,
        shortest_cost,
        gap,
        objective,
        lower_bound: objective - (total_cost - shortest_cost),
        paths,
        pair_error,
        node_error,
    })
}

/// The cost of carrying all demand on shortest paths at given costs of links.
fn shortest(problem: &Problem, weights: &[f64]) -> Sum {
    let mut all = Sum::default();
    for class in &problem.classes {
        let own: Vec<f64>;
        let costs = match &class.extra {
            Some(extra) => {
                own = weights.iter().zip(extra).map(|(c, e)| c + e).collect();
                &own
            }
            None => weights,
        };
        let origins: Vec<(NodeIx, Range<usize>)> = class.demand.origins().collect();
        let sums: Vec<Sum> = origins
            .par_iter()
            .map_init(
                || Dijkstra::new(problem.network),
                |dijkstra, (origin, pairs)| {
                    dijkstra.run(problem.network, costs, *origin);
                    let pairs = &class.demand.pairs()[pairs.clone()];
                    pairs.iter().map(|p| dijkstra.distance(p.destination) * p.flow).collect()
                },
            )
            .collect();
        sums.iter().for_each(|s| all.add(s.value()));
    }
    all
}
