//! The bi-conjugate Frank–Wolfe method: simple, slow at the end, and nothing like [`crate::equilibrium`] inside.
//!
//! Each step goes towards a mixture of the present all-or-nothing flows and the last two points aimed at, mixed so that the
//! direction is conjugate to the last two with respect to the costs' slopes (Mitradjieva and Lindberg, *The Stiff Is Moving:
//! Conjugate Direction Frank–Wolfe Methods with Applications to Traffic Assignment*, 2013). Link flows only, no paths.

use crate::curve::Curves;
use crate::dijkstra::Dijkstra;
use crate::equilibrium::{AssignError, Problem, Settings};
use crate::sum::Sum;

/// Link flows near equilibrium.
#[derive(Clone, Debug, PartialEq)]
pub struct LinkFlows {
    /// Flow of each link, without background.
    pub flows: Vec<f64>,
    /// Relative gap.
    pub gap: f64,
    /// Steps made.
    pub steps: usize,
}

/// Flows of all links, and what only some classes pay on them together.
#[derive(Clone, Debug)]
struct Point {
    flows: Vec<f64>,
    extra: f64,
}

/// Solves a problem; `settings.passes` are the most steps.
///
/// # Errors
/// If a pair has no path or a list does not fit the network.
pub fn solve(problem: &Problem, settings: Settings) -> Result<LinkFlows, AssignError> {
    let curves = Curves::new(problem)?;
    let links = problem.network.links().len();
    let mut cost = vec![[0.0; 2]; links];
    curves.fill(&vec![0.0; links], &mut cost);
    let (mut x, _) = all_or_nothing(problem, &cost)?;
    // The points last aimed at, the latest first, and the latest step.
    let mut aims: Vec<Point> = Vec::new();
    let mut step = 0.0;
    for steps in 0.. {
        curves.fill(&x.flows, &mut cost);
        let (y, shortest) = all_or_nothing(problem, &cost)?;
        let spent = x.extra + x.flows.iter().zip(&cost).map(|(x, c)| x * c[0]).collect::<Sum>().value();
        let gap = if spent > 0.0 { (spent - shortest) / spent } else { 0.0 };
        if gap <= settings.gap || steps >= settings.passes {
            return Ok(LinkFlows { flows: x.flows, gap, steps });
        }
        let aim = mix(&x, &y, &aims, step, &cost);
        let mut next = x.clone();
        step = search(&curves, &x, &aim);
        if step <= 0.0 && !aims.is_empty() {
            // A direction that does not descend: begin anew from the all-or-nothing flows.
            aims.clear();
            continue;
        }
        for (n, a) in next.flows.iter_mut().zip(&aim.flows) {
            *n += step * (a - *n);
        }
        next.extra += step * (aim.extra - next.extra);
        x = next;
        aims.insert(0, aim);
        aims.truncate(2);
        if step > 1.0 - 1e-9 {
            aims.clear();
        }
    }
    unreachable!("the loop ends by its own condition")
}

/// The point to aim at.
fn mix(x: &Point, y: &Point, aims: &[Point], step: f64, cost: &[[f64; 2]]) -> Point {
    // Products with the slopes of the costs.
    let product = |a: &dyn Fn(usize) -> f64, b: &dyn Fn(usize) -> f64| -> f64 {
        cost.iter().enumerate().map(|(l, c)| c[1] * a(l) * b(l)).sum()
    };
    let to_y = |l: usize| y.flows[l] - x.flows[l];
    let weights = match aims {
        [] => vec![1.0],
        [s] => {
            let last = |l: usize| s.flows[l] - x.flows[l];
            let (over, under) = (product(&last, &to_y), product(&last, &|l| y.flows[l] - s.flows[l]));
            let a = if under == 0.0 { 0.0 } else { (over / under).clamp(0.0, 0.99) };
            vec![1.0 - a, a]
        }
        [s1, s2, ..] => {
            let last = |l: usize| s1.flows[l] - x.flows[l];
            let before = |l: usize| step * s1.flows[l] + (1.0 - step) * s2.flows[l] - x.flows[l];
            let under = product(&before, &|l| s2.flows[l] - s1.flows[l]);
            let mu = if under == 0.0 { 0.0 } else { (-product(&before, &to_y) / under).max(0.0) };
            let under = product(&last, &last);
            let nu = if under == 0.0 { 0.0 } else { -product(&last, &to_y) / under };
            let nu = (nu + mu * step / (1.0 - step)).max(0.0);
            let all = 1.0 + mu + nu;
            vec![1.0 / all, nu / all, mu / all]
        }
    };
    let points: Vec<&Point> = std::iter::once(y).chain(aims).collect();
    let of =
        |part: &dyn Fn(&Point) -> f64| weights.iter().zip(&points).map(|(w, p)| w * part(p)).sum::<f64>();
    Point { flows: (0..x.flows.len()).map(|l| of(&|p| p.flows[l])).collect(), extra: of(&|p| p.extra) }
}

/// The share of the way from `x` to `aim` where the objective is least.
fn search(curves: &Curves, x: &Point, aim: &Point) -> f64 {
    let slope_at = |t: f64| {
        let mut sum = Sum::default();
        sum.add(aim.extra - x.extra);
        for (l, (a, b)) in x.flows.iter().zip(&aim.flows).enumerate() {
            sum.add(curves.at(l, a + t * (b - a))[0] * (b - a));
        }
        sum.value()
    };
    let (mut low, mut high) = (0.0, 1.0);
    if slope_at(high) <= 0.0 {
        return high;
    }
    for _ in 0..60 {
        let middle = 0.5 * (low + high);
        if slope_at(middle) > 0.0 {
            high = middle;
        } else {
            low = middle;
        }
    }
    low
}

/// All demand on shortest paths, and its cost.
fn all_or_nothing(problem: &Problem, cost: &[[f64; 2]]) -> Result<(Point, f64), AssignError> {
    let network = problem.network;
    let mut point = Point { flows: vec![0.0; cost.len()], extra: 0.0 };
    let (mut dijkstra, mut path, mut shortest) = (Dijkstra::new(network), Vec::new(), Sum::default());
    for (class, asked) in problem.classes.iter().enumerate() {
        let own = |l: usize| asked.extra.as_ref().map_or(0.0, |e| e[l]);
        let costs: Vec<f64> = cost.iter().enumerate().map(|(l, c)| c[0] + own(l)).collect();
        for (origin, pairs) in asked.demand.origins() {
            dijkstra.run(network, &costs, origin);
            for p in &asked.demand.pairs()[pairs] {
                let distance = dijkstra.distance(p.destination);
                if distance == f64::INFINITY {
                    let (origin, destination) = (origin.0, p.destination.0);
                    return Err(AssignError::NoPath { class, origin, destination, flow: p.flow });
                }
                shortest.add(distance * p.flow);
                dijkstra.path(network, p.destination, &mut path);
                for &l in &path {
                    point.flows[l as usize] += p.flow;
                    point.extra += own(l as usize) * p.flow;
                }
            }
        }
    }
    Ok((point, shortest.value()))
}
