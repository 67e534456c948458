//! User equilibrium and system optimum, by gradient projection on path flows.
//!
//! Each pair of an origin and a destination holds the paths it uses. A pass finds shortest paths at the present costs for
//! all pairs at once ([`crate::hierarchy`]), gives a new path to each pair that would gain by it, and then moves flow from
//! dearer to cheaper paths, pair after pair, many times: a Newton step along the links that two paths do not share, with
//! costs kept up to date (Dafermos and Sparrow 1969; Jayakrishnan et al. 1994; Florian, Constantin and Florian 2009).
//! Moving flow is cheap, so it is done until the pairs' paths are in balance before new paths are looked for.

use std::ops::{ControlFlow, Range};

use rayon::prelude::*;

use crate::curve::Curves;
use crate::hierarchy::{Hierarchy, LANES, Metric, Sweep};
use crate::network::{Demand, LinkIx, Network, NodeIx};
use crate::sum::Sum;

/// What the flows are to satisfy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Objective {
    /// Nobody gains by another path (Wardrop's first principle).
    #[default]
    UserEquilibrium,
    /// The total cost of all is least (his second): nobody would gain at marginal costs.
    SystemOptimum,
}

/// Users with costs of their own.
#[derive(Clone, Debug)]
pub struct Class {
    /// Who wants to go where, in units of flow (passenger-car units, say) that all classes share.
    pub demand: Demand,
    /// What each link costs this class beyond its cost that depends on the flow, by link; infinite where the class may not go.
    pub extra: Option<Vec<f64>>,
}

/// A problem to solve.
#[derive(Clone, Debug)]
pub struct Problem<'a> {
    /// Network.
    pub network: &'a Network,
    /// Classes of users.
    pub classes: Vec<Class>,
    /// Flow that is on each link whatever happens; `None` for none.
    pub background: Option<Vec<f64>>,
    /// What is looked for.
    pub objective: Objective,
}

/// When to stop and how hard to try.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Relative gap at which to stop: (total cost − cost of the shortest paths) / total cost.
    pub gap: f64,
    /// Passes after which to stop in any case.
    pub passes: usize,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings { gap: 1e-10, passes: 10_000 }
    }
}

/// How far a computation has come.
#[derive(Clone, Copy, Debug)]
pub struct Pass {
    /// Number of the pass, from 0.
    pub number: usize,
    /// Relative gap at its beginning.
    pub gap: f64,
    /// Paths in use.
    pub paths: usize,
    /// Paths found in this pass.
    pub found: usize,
}

/// Why there is no solution.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum AssignError {
    /// A pair without any path.
    #[error("there is no path from node {origin} to node {destination}, but a flow of {flow} between them")]
    NoPath {
        /// Position of the class.
        class: usize,
        /// Where the pair begins.
        origin: u32,
        /// Where it ends.
        destination: u32,
        /// Flow.
        flow: f64,
    },
    /// A list by link that has another length than the links.
    #[error("{name} has {given} numbers; the network has {links} links")]
    Length {
        /// Which list.
        name: &'static str,
        /// Its length.
        given: usize,
        /// How many links there are.
        links: usize,
    },
    /// A number by link that is negative or not a number.
    #[error("{name} is {given} at link {link}; it must be at least 0")]
    Negative {
        /// Which list.
        name: &'static str,
        /// The number.
        given: f64,
        /// Position of the link.
        link: usize,
    },
    /// A tabulated cost, where the system optimum is asked for.
    #[error(
        "link {link} has a tabulated cost, whose marginal cost jumps at its points; the system optimum needs BPR costs"
    )]
    TableHasNoMarginalCost {
        /// Position of the link.
        link: usize,
    },
    /// The caller asked to stop.
    #[error("stopped")]
    Stopped,
}

/// One path of a pair.
#[derive(Clone, Copy, Debug)]
struct Path {
    /// Where its links stand in [`Block::links`].
    start: u32,
    len: u32,
    flow: f64,
}

/// One pair and its paths.
#[derive(Clone, Copy, Debug)]
struct Trip {
    flow: f64,
    to: NodeIx,
    /// Its paths are `paths[first..next pair's first]`.
    first: u32,
    /// Links at the beginning and at the end that all its paths share.
    same_before: u32,
    same_after: u32,
    /// What its paths cost beyond the cheapest, summed over its flow, when last looked at.
    excess: f32,
}

/// The pairs of some origins of one class, and their paths.
#[derive(Clone, Debug)]
struct Block {
    class: usize,
    origins: Vec<NodeIx>,
    /// Pairs of each origin.
    ranges: Vec<Range<u32>>,
    trips: Vec<Trip>,
    paths: Vec<Path>,
    links: Vec<u32>,
    /// Pairs with more than one path.
    choices: Vec<u32>,
}

impl Block {
    fn paths_of(&self, trip: usize) -> Range<usize> {
        let end = self.trips.get(trip + 1).map_or(self.paths.len(), |t| t.first as usize);
        self.trips[trip].first as usize..end
    }
}

/// Flows and costs by link: what changes while flow moves.
#[derive(Clone, Debug)]
struct State {
    flow: Vec<f64>,
    /// Cost and its slope.
    cost: Vec<[f64; 2]>,
}

/// Path flows in equilibrium.
#[derive(Clone, Debug)]
pub struct Solution {
    blocks: Vec<Block>,
    /// Relative gap of the last pass.
    pub gap: f64,
    /// Passes made.
    pub passes: usize,
    /// Why the computation ended.
    pub stop: Stop,
}

/// Why a computation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// The gap asked for was reached.
    Gap,
    /// All passes allowed were made.
    Passes,
    /// The gap has not become smaller for many passes: it is as small as double precision lets it be, or nearly. (In about
    /// one of 20,000 small random networks of two classes whose tolls differ by next to nothing, it stops at 1e-5.)
    Precision,
}

/// One path with flow.
#[derive(Clone, Copy, Debug)]
pub struct PathFlow<'a> {
    /// Position of the class.
    pub class: usize,
    /// Where it begins.
    pub origin: NodeIx,
    /// Where it ends.
    pub destination: NodeIx,
    /// Its links in their order.
    pub links: &'a [u32],
    /// Its flow.
    pub flow: f64,
}

impl Solution {
    /// All paths with flow, by class, origin and destination.
    pub fn paths(&self) -> impl Iterator<Item = PathFlow<'_>> {
        self.blocks.iter().flat_map(|b| {
            b.origins.iter().zip(&b.ranges).flat_map(move |(&origin, range)| {
                range.clone().flat_map(move |t| {
                    b.paths[b.paths_of(t as usize)].iter().filter(|p| p.flow > 0.0).map(move |p| PathFlow {
                        class: b.class,
                        origin,
                        destination: b.trips[t as usize].to,
                        links: &b.links[p.start as usize..(p.start + p.len) as usize],
                        flow: p.flow,
                    })
                })
            })
        })
    }
}

/// Solves a problem, from the paths of `start` if another solution is given, be it of other demand or costs. `progress` hears of each pass and may stop the computation.
///
/// The result is the same on any number of threads.
///
/// # Errors
/// If a pair has no path, a list does not fit the network, or `progress` asked to stop.
pub fn solve(
    problem: &Problem,
    settings: Settings,
    start: Option<&Solution>,
    mut progress: impl FnMut(Pass) -> ControlFlow<()>,
) -> Result<Solution, AssignError> {
    let network = problem.network;
    let curves = Curves::new(problem)?;
    let hierarchy = hierarchy_of(problem);
    let mut metrics: Vec<Metric<f64>> = problem.classes.iter().map(|_| Metric::new(&hierarchy)).collect();
    let mut blocks = blocks_of(problem);
    if let Some(start) = start {
        take_paths(problem, start, &mut blocks);
    }
    let mut state =
        State { flow: vec![0.0; network.links().len()], cost: vec![[0.0; 2]; network.links().len()] };
    let pairs: usize = blocks.iter().map(|b| b.trips.len()).sum::<usize>().max(1);
    let finder = |metrics: &mut [Metric<f64>], state: &State, blocks: &mut [Block], gain: f64| {
        for (metric, class) in metrics.iter_mut().zip(&problem.classes) {
            let costs = state.cost.iter().map(|c| c[0]);
            match &class.extra {
                Some(extra) => metric.customise(&hierarchy, costs.zip(extra).map(|(c, e)| c + e)),
                None => metric.customise(&hierarchy, costs),
            }
        }
        let metrics = &*metrics;
        let found: Vec<Found> = blocks
            .par_iter_mut()
            .map_init(
                || Finder { sweep: Sweep::new(&hierarchy), path: Vec::new(), paths: Vec::new() },
                |finder, block| {
                    let metric = &metrics[block.class];
                    let extra = problem.classes[block.class].extra.as_deref();
                    finder.look(network, &hierarchy, metric, extra, state, block, gain)
                },
            )
            .collect();
        let mut all = Found::default();
        for f in found {
            all.shortest.add(f.shortest.value());
            all.extra.add(f.extra.value());
            all.found += f.found;
            all.paths += f.paths;
            all.no_path = all.no_path.or(f.no_path);
        }
        all
    };

    // A first path for each pair that has none, group after group, each at the costs of the flows so far.
    load(&blocks, &mut state.flow);
    let (groups, count) = (blocks.len().clamp(1, FIRST_GROUPS), blocks.len());
    for g in 0..groups {
        curves.fill(&state.flow, &mut state.cost);
        let group = &mut blocks[count * g / groups..count * (g + 1) / groups];
        let found = finder(&mut metrics, &state, group, 0.0);
        if let Some(no_path) = found.no_path {
            return Err(no_path);
        }
        for b in group.iter_mut() {
            for t in 0..b.trips.len() {
                let range = b.paths_of(t);
                if b.paths[range.clone()].iter().any(|p| p.flow > 0.0) {
                    continue;
                }
                let p = &mut b.paths[range.start];
                p.flow = b.trips[t].flow;
                for &l in &b.links[p.start as usize..(p.start + p.len) as usize] {
                    state.flow[l as usize] += p.flow;
                }
            }
        }
    }
    curves.fill(&state.flow, &mut state.cost);

    let mut shifter = Shifter::new(network.links().len());
    let (mut gap, mut gap_before, mut cost_of_all) = (f64::INFINITY, f64::INFINITY, 0.0);
    let (mut best, mut best_in) = (f64::INFINITY, 0);
    // Whether link flows were summed from path flows since flow was last moved.
    let mut is_renewed = false;
    let mut number = 0;
    let stop = loop {
        let gain = if gap.is_finite() { GAIN * gap.max(0.0) * cost_of_all / pairs as f64 } else { 0.0 };
        let found = finder(&mut metrics, &state, &mut blocks, gain);
        let mut spent = found.extra;
        state.flow.iter().zip(&state.cost).for_each(|(x, c)| spent.add(x * c[0]));
        cost_of_all = spent.value();
        gap = if cost_of_all > 0.0 { (cost_of_all - found.shortest.value()) / cost_of_all } else { 0.0 };
        if progress(Pass { number, gap, paths: found.paths, found: found.found }).is_break() {
            return Err(AssignError::Stopped);
        }
        if gap < 0.9 * best {
            (best, best_in) = (gap, number);
        }
        let stop = match gap {
            _ if gap <= settings.gap => Some(Stop::Gap),
            _ if number >= best_in + STALL => Some(Stop::Precision),
            _ if number >= settings.passes => Some(Stop::Passes),
            _ => None,
        };
        match stop {
            Some(stop) if is_renewed => break stop,
            Some(_) => {}
            None => {
                let mean = gap * cost_of_all / pairs as f64;
                let is_slow = gap > SLOW * gap_before;
                // Below this, what the objective gains by it is less than it is rounded by.
                let before = (is_slow && gap > 1e-9).then(|| path_flows(&blocks));
                shifter.balance(problem, &curves, &mut state, &mut blocks, mean, is_slow);
                if let Some(before) = before {
                    go_on(problem, &curves, &mut state, &mut blocks, &before);
                }
            }
        }
        gap_before = gap;
        number += 1;
        is_renewed = stop.is_some() || number % RENEW == 0;
        if is_renewed {
            state.flow = flows_of(&blocks, network.links().len());
            curves.fill(&state.flow, &mut state.cost);
        }
    };
    Ok(Solution { blocks, gap, passes: number, stop })
}

/// Groups in which pairs get their first paths.
const FIRST_GROUPS: usize = 16;
/// A path is taken, and kept without flow, if its pair may gain more (less) than this share of the mean excess of a pair:
/// with less, networks of many small flows spend their time on paths that are used in turn (Chicago Regional: 51 s with
/// 0.003, 29 s with 0.3 for a gap of 1e-6).
const GAIN: f64 = 0.3;
/// Passes after which link flows are summed anew from path flows.
const RENEW: usize = 8;
/// Passes without a gap a tenth below the best, after which nothing more is to be had from the numbers' precision.
const STALL: usize = 60;
/// What of a sum of costs may be due to rounding.
const ROUNDING: f64 = 1e-13;
/// A pass that leaves more than this share of the gap is slow: the next ends with exact steps, and goes on in the
/// direction of all its steps.
const SLOW: f64 = 0.8;
/// How far flow is moved, in Newton's steps. Pairs that share links wait for one another; over-relaxation shortens that, as
/// it does for systems of equations (Austin to 1e-12: 199 passes with 1, 75 with 1.5, 120 with 1.7).
const FURTHER: f64 = 1.5;
/// Times flow is moved for a search of paths.
const SWEEPS: usize = 20;

/// The hierarchy on which all classes of a problem search.
pub(crate) fn hierarchy_of(problem: &Problem) -> Hierarchy {
    let ends =
        problem.classes.iter().flat_map(|c| c.demand.pairs().iter().flat_map(|p| [p.origin, p.destination]));
    Hierarchy::new(problem.network, ends)
}

fn blocks_of(problem: &Problem) -> Vec<Block> {
    let mut blocks = Vec::new();
    for (class, c) in problem.classes.iter().enumerate() {
        let origins: Vec<(NodeIx, Range<usize>)> = c.demand.origins().collect();
        for some in origins.chunks(LANES) {
            let start = some[0].1.start;
            let pairs = &c.demand.pairs()[start..some[some.len() - 1].1.end];
            let trips = pairs.iter().map(|p| Trip {
                flow: p.flow,
                to: p.destination,
                first: 0,
                same_before: 0,
                same_after: 0,
                excess: 0.0,
            });
            blocks.push(Block {
                class,
                origins: some.iter().map(|o| o.0).collect(),
                ranges: some.iter().map(|o| (o.1.start - start) as u32..(o.1.end - start) as u32).collect(),
                trips: trips.collect(),
                paths: Vec::new(),
                links: Vec::new(),
                choices: Vec::new(),
            });
        }
    }
    blocks
}

/// Gives pairs the paths they have in another solution, with flows in the same proportion.
fn take_paths(problem: &Problem, start: &Solution, blocks: &mut [Block]) {
    let links = problem.network.links();
    let mut paths = start.paths().peekable();
    for b in blocks {
        let extra = problem.classes[b.class].extra.as_deref();
        let mut taken = Vec::new();
        for (origin, range) in b.origins.iter().zip(&b.ranges) {
            for t in range.clone() {
                let trip = &mut b.trips[t as usize];
                trip.first = taken.len() as u32;
                let wanted = (b.class, *origin, trip.to);
                while paths.next_if(|p| (p.class, p.origin, p.destination) < wanted).is_some() {}
                let mut sum = 0.0;
                while let Some(p) = paths.next_if(|p| (p.class, p.origin, p.destination) == wanted) {
                    let leads = |at: NodeIx, l: &u32| {
                        let link = links.get(*l as usize).filter(|l| l.tail == at)?;
                        let is_free = extra.is_none_or(|e| e[*l as usize] < f64::INFINITY)
                            && (at == *origin || !problem.network.is_closed(at));
                        is_free.then_some(link.head)
                    };
                    if p.links.iter().try_fold(*origin, leads) == Some(trip.to) {
                        let start = b.links.len() as u32;
                        b.links.extend_from_slice(p.links);
                        taken.push(Path { start, len: p.links.len() as u32, flow: p.flow });
                        sum += p.flow;
                    }
                }
                for p in &mut taken[trip.first as usize..] {
                    p.flow *= trip.flow / sum;
                }
                let paths = &taken[trip.first as usize..];
                if paths.len() > 1 {
                    (trip.same_before, trip.same_after) = shared_ends(&b.links, paths);
                }
            }
        }
        b.paths = taken;
    }
}

/// Adds the flows of paths to those of links.
fn load(blocks: &[Block], flow: &mut [f64]) {
    for b in blocks {
        for p in b.paths.iter().filter(|p| p.flow > 0.0) {
            for &l in &b.links[p.start as usize..(p.start + p.len) as usize] {
                flow[l as usize] += p.flow;
            }
        }
    }
}

/// Link flows from path flows. Blocks are summed in a fixed number of parts, so that the sums do not depend on threads.
fn flows_of(blocks: &[Block], links: usize) -> Vec<f64> {
    const PARTS: usize = 4;
    let size = blocks.len().div_ceil(PARTS).max(1);
    let parts: Vec<Vec<f64>> = blocks
        .par_chunks(size)
        .map(|part| {
            let mut flow = vec![0.0; links];
            load(part, &mut flow);
            flow
        })
        .collect();
    let mut flow = vec![0.0; links];
    for part in parts {
        flow.iter_mut().zip(part).for_each(|(f, p)| *f += p);
    }
    flow
}

/// What a search of paths found.
#[derive(Clone, Debug, Default)]
struct Found {
    shortest: Sum,
    extra: Sum,
    found: usize,
    paths: usize,
    no_path: Option<AssignError>,
}

/// Room for searching paths.
struct Finder {
    sweep: Sweep<f64>,
    path: Vec<u32>,
    paths: Vec<Path>,
}

impl Finder {
    /// Searches shortest paths for a block's pairs; those that would gain more than `gain` get theirs.
    #[allow(clippy::too_many_arguments)]
    fn look(
        &mut self,
        network: &Network,
        hierarchy: &Hierarchy,
        metric: &Metric<f64>,
        extra: Option<&[f64]>,
        state: &State,
        block: &mut Block,
        gain: f64,
    ) -> Found {
        let mut all = Found::default();
        self.sweep.run(network, hierarchy, metric, &block.origins);
        self.paths.clear();
        block.choices.clear();
        for lane in 0..block.origins.len() {
            for t in block.ranges[lane].clone() {
                let old = block.paths_of(t as usize);
                let trip = &mut block.trips[t as usize];
                let shortest = self.sweep.distance(hierarchy, metric, lane, trip.to);
                if shortest == f64::INFINITY {
                    let (origin, destination) = (block.origins[lane].0, trip.to.0);
                    let class = block.class;
                    all.no_path.get_or_insert(AssignError::NoPath {
                        class,
                        origin,
                        destination,
                        flow: trip.flow,
                    });
                    continue;
                }
                all.shortest.add(shortest * trip.flow);
                trip.first = self.paths.len() as u32;
                let (mut best, mut excess, mut rest) = (f64::INFINITY, 0.0, trip.flow);
                let mut largest = usize::MAX;
                for p in &block.paths[old.clone()] {
                    let links = &block.links[p.start as usize..(p.start + p.len) as usize];
                    let mut cost = 0.0;
                    links.iter().for_each(|&l| cost += state.cost[l as usize][0]);
                    if let Some(extra) = extra {
                        let mut own = 0.0;
                        links.iter().for_each(|&l| own += extra[l as usize]);
                        all.extra.add(own * p.flow);
                        cost += own;
                    }
                    best = if cost < best { cost } else { best };
                    excess += (cost - shortest) * p.flow;
                    let keep = p.flow > 0.0 || (cost - shortest) * trip.flow <= gain;
                    if keep {
                        rest -= p.flow;
                        if largest == usize::MAX || p.flow > self.paths[largest].flow {
                            largest = self.paths.len();
                        }
                        self.paths.push(*p);
                    }
                }
                // What rounding took from the pair's flow, or gave to it.
                if let Some(p) = self.paths.get_mut(largest) {
                    p.flow += rest;
                }
                let mut changed = self.paths.len() - trip.first as usize != old.len();
                let is_new =
                    old.is_empty() || (shortest < best - SAME * best && (best - shortest) * trip.flow > gain);
                if is_new {
                    self.sweep.path(network, hierarchy, metric, lane, trip.to, &mut self.path);
                    without_loops(network, &mut self.path);
                    let start = block.links.len() as u32;
                    block.links.extend_from_slice(&self.path);
                    self.paths.push(Path { start, len: self.path.len() as u32, flow: 0.0 });
                    all.found += 1;
                    changed = true;
                }
                trip.excess = if is_new { f32::INFINITY } else { excess as f32 };
                let paths = &self.paths[trip.first as usize..];
                if paths.len() > 1 {
                    block.choices.push(t);
                    if changed {
                        (trip.same_before, trip.same_after) = shared_ends(&block.links, paths);
                    }
                }
            }
        }
        all.paths = self.paths.len();
        std::mem::swap(&mut block.paths, &mut self.paths);
        let used: usize = block.paths.iter().map(|p| p.len as usize).sum();
        if block.links.len() > used + used / 4 + 4096 {
            let mut links = Vec::with_capacity(used + used / 16);
            for p in &mut block.paths {
                let start = links.len() as u32;
                links.extend_from_slice(&block.links[p.start as usize..(p.start + p.len) as usize]);
                p.start = start;
            }
            block.links = links;
        }
        all
    }
}

/// Costs that differ by less than this share of them are the same.
const SAME: f64 = 1e-14;

/// How many links at the beginning and at the end are the same in all paths.
fn shared_ends(links: &[u32], paths: &[Path]) -> (u32, u32) {
    let of = |p: &Path| &links[p.start as usize..(p.start + p.len) as usize];
    let first = of(&paths[0]);
    let (mut before, mut after) = (first.len(), first.len());
    for p in &paths[1..] {
        let other = of(p);
        before = first.iter().zip(other).take(before).take_while(|(a, b)| a == b).count();
        after = first.iter().rev().zip(other.iter().rev()).take(after).take_while(|(a, b)| a == b).count();
    }
    // Where links cost nothing, a path may be another's beginning and end at once.
    let shortest = paths.iter().map(|p| p.len as usize).min().unwrap_or(0);
    let after = after.min(shortest - before.min(shortest));
    (before as u32, after as u32)
}

/// Cuts out what leads back to a node already met: it costs nothing, but for rounding.
fn without_loops(network: &Network, links: &mut Vec<u32>) {
    let mut k = 0;
    while k < links.len() {
        let at = network.links()[LinkIx(links[k]).ix()].tail;
        let back = links[k..].iter().rposition(|&l| network.links()[LinkIx(l).ix()].head == at);
        match back {
            Some(last) => drop(links.drain(k..=k + last)),
            None => k += 1,
        }
    }
}

fn path_flows(blocks: &[Block]) -> Vec<Vec<f64>> {
    blocks.iter().map(|b| b.paths.iter().map(|p| p.flow).collect()).collect()
}

/// Goes on as far as it pays in the direction in which path flows moved since `before`.
///
/// Where classes that share their paths wait for one another (one that pays a toll makes room for one that does not, a
/// little each time), pair after pair takes as many passes as there are such little steps; their sum is a direction in
/// which it is one step (the pattern move of Hooke and Jeeves 1961, with the step found by bisection: the objective is
/// convex).
fn go_on(problem: &Problem, curves: &Curves, state: &mut State, blocks: &mut [Block], before: &[Vec<f64>]) {
    let mut by = vec![0.0; state.flow.len()];
    let mut moves: Vec<(usize, Range<usize>)> = Vec::new();
    let (mut furthest, mut own, mut size) = (f64::INFINITY, 0.0, 0.0);
    for (k, (b, before)) in blocks.iter().zip(before).enumerate() {
        let extra = problem.classes[b.class].extra.as_deref();
        for &t in &b.choices {
            let range = b.paths_of(t as usize);
            let moved = |p: usize| b.paths[p].flow - before[p];
            let room = range.clone().filter(|&p| moved(p) < 0.0).map(|p| b.paths[p].flow / -moved(p));
            let room = room.fold(f64::INFINITY, f64::min);
            // A pair that has not moved, or that will have no more to move in a pass, is left alone.
            if !(1.0..f64::INFINITY).contains(&room) {
                continue;
            }
            furthest = room.min(furthest);
            for p in range.clone() {
                let path = b.paths[p];
                for &l in &b.links[path.start as usize..(path.start + path.len) as usize] {
                    by[l as usize] += moved(p);
                    let own_cost = extra.map_or(0.0, |e| e[l as usize]);
                    own += own_cost * moved(p);
                    size += (own_cost + state.cost[l as usize][0]) * moved(p).abs();
                }
            }
            moves.push((k, range));
        }
    }
    if moves.is_empty() {
        return;
    }
    // What is lost in rounding counts as a loss.
    let slope = |step: f64| {
        let links = by.iter().enumerate().filter(|(_, by)| **by != 0.0);
        own + ROUNDING * size
            + links.map(|(l, by)| by * curves.at(l, (state.flow[l] + step * by).max(0.0))[0]).sum::<f64>()
    };
    let (mut step, mut too_far) = (0.0, furthest);
    if slope(furthest) <= 0.0 {
        step = furthest;
    } else {
        for _ in 0..40 {
            let middle = 0.5 * (step + too_far);
            *(if slope(middle) <= 0.0 { &mut step } else { &mut too_far }) = middle;
        }
    }
    if step == 0.0 {
        return;
    }
    for (k, range) in moves {
        for p in range {
            let flow = &mut blocks[k].paths[p].flow;
            *flow = (*flow + step * (*flow - before[k][p])).max(0.0);
        }
    }
    for (l, by) in by.iter().enumerate().filter(|(_, by)| **by != 0.0) {
        state.flow[l] = (state.flow[l] + step * by).max(0.0);
        state.cost[l] = curves.at(l, state.flow[l]);
    }
}

/// How flow is moved.
#[derive(Clone, Copy, Debug)]
struct Pace {
    /// In Newton's steps.
    further: f64,
    /// A path that would gain no more than this is left as it is.
    least: f64,
}

/// Moves flow between paths.
struct Shifter {
    mark: Vec<u32>,
    stamp: u32,
    costs: Vec<f64>,
    only_from: Vec<u32>,
    only_to: Vec<u32>,
    active: Vec<(u32, u32)>,
}

impl Shifter {
    fn new(links: usize) -> Shifter {
        Shifter {
            mark: vec![0; links],
            stamp: 0,
            costs: Vec::new(),
            only_from: Vec::new(),
            only_to: Vec::new(),
            active: Vec::new(),
        }
    }

    /// Moves flow until what is left to gain in the pairs' present paths is small beside `mean`, the mean excess of a pair.
    ///
    /// With `exact`, steps that go no further than Newton's end it: where a pair went too far, little of its own flow is
    /// left to gain by, but many pairs that know one of its paths only may be.
    fn balance(
        &mut self,
        problem: &Problem,
        curves: &Curves,
        state: &mut State,
        blocks: &mut [Block],
        mean: f64,
        exact: bool,
    ) {
        let worth = 0.05 * mean;
        let pace = Pace { further: FURTHER, least: 0.02 * worth };
        self.active.clear();
        for (b, block) in blocks.iter().enumerate() {
            self.active.extend(block.choices.iter().map(|&t| (b as u32, t)));
        }
        let mut active = std::mem::take(&mut self.active);
        for _ in 0..SWEEPS {
            active.retain(|&(b, t)| {
                let block = &mut blocks[b as usize];
                let extra = problem.classes[block.class].extra.as_deref();
                self.move_pair(curves, state, extra, block, t as usize, pace) >= worth
            });
            if active.is_empty() {
                break;
            }
        }
        for block in blocks.iter_mut().filter(|_| exact) {
            let extra = problem.classes[block.class].extra.as_deref();
            for c in 0..block.choices.len() {
                self.move_pair(
                    curves,
                    state,
                    extra,
                    block,
                    block.choices[c] as usize,
                    Pace { further: 1.0, least: 0.0 },
                );
            }
        }
        self.active = active;
    }

    /// Moves flow of one pair to its cheapest path; gives what there was to gain.
    fn move_pair(
        &mut self,
        curves: &Curves,
        state: &mut State,
        extra: Option<&[f64]>,
        block: &mut Block,
        trip: usize,
        pace: Pace,
    ) -> f64 {
        let range = block.paths_of(trip);
        let Trip { same_before, same_after, .. } = block.trips[trip];
        let paths = &mut block.paths[range];
        let links = &block.links[..];
        let middle =
            |p: &Path| &links[(p.start + same_before) as usize..(p.start + p.len - same_after) as usize];
        self.costs.clear();
        let (mut to, mut lowest) = (0, f64::INFINITY);
        for (k, p) in paths.iter().enumerate() {
            let mut cost = 0.0;
            for &l in middle(p) {
                cost += state.cost[l as usize][0];
            }
            if let Some(extra) = extra {
                for &l in middle(p) {
                    cost += extra[l as usize];
                }
            }
            if cost < lowest {
                (to, lowest) = (k, cost);
            }
            self.costs.push(cost);
        }
        let mut excess = 0.0;
        let mut marked = false;
        for from in 0..paths.len() {
            let flow = paths[from].flow;
            let gain = (self.costs[from] - lowest) * flow;
            excess += gain;
            if from == to || gain <= pace.least {
                continue;
            }
            if !marked {
                self.stamp += 2;
                for &l in middle(&paths[to]) {
                    self.mark[l as usize] = self.stamp;
                }
                marked = true;
            }
            // Links that only one of the two paths has.
            self.only_from.clear();
            self.only_to.clear();
            let (mut difference, mut slope) = (0.0, 0.0);
            for &l in middle(&paths[from]) {
                if self.mark[l as usize] == self.stamp {
                    self.mark[l as usize] = self.stamp + 1;
                } else {
                    let [c, d] = state.cost[l as usize];
                    difference += c;
                    slope += d;
                    self.only_from.push(l);
                }
            }
            for &l in middle(&paths[to]) {
                if self.mark[l as usize] == self.stamp {
                    let [c, d] = state.cost[l as usize];
                    difference -= c;
                    slope += d;
                    self.only_to.push(l);
                } else {
                    self.mark[l as usize] = self.stamp;
                }
            }
            if let Some(extra) = extra {
                self.only_from.iter().for_each(|&l| difference += extra[l as usize]);
                self.only_to.iter().for_each(|&l| difference -= extra[l as usize]);
            }
            if difference <= 0.0 {
                continue;
            }
            let step = if slope * flow > pace.further * difference {
                pace.further * difference / slope
            } else {
                flow
            };
            let moved = self.shift(curves, state, extra, step, difference);
            paths[from].flow = if moved == flow { 0.0 } else { flow - moved };
            paths[to].flow += moved;
        }
        excess
    }

    /// Moves `step` from the links of one path to those of the other, less if that would make the other much dearer than
    /// the first was; gives what was moved.
    fn shift(
        &self,
        curves: &Curves,
        state: &mut State,
        extra: Option<&[f64]>,
        step: f64,
        before: f64,
    ) -> f64 {
        let mut put = |by: f64| {
            let mut difference = 0.0;
            for &l in &self.only_from {
                let l = l as usize;
                state.flow[l] -= by;
                state.cost[l] = curves.at(l, state.flow[l]);
                difference += state.cost[l][0];
            }
            for &l in &self.only_to {
                let l = l as usize;
                state.flow[l] += by;
                state.cost[l] = curves.at(l, state.flow[l]);
                difference -= state.cost[l][0];
            }
            if let Some(extra) = extra {
                self.only_from.iter().for_each(|&l| difference += extra[l as usize]);
                self.only_to.iter().for_each(|&l| difference -= extra[l as usize]);
            }
            difference
        };
        let mut moved = step;
        let mut after = put(step);
        // The difference falls as flow moves; Newton's step goes too far where the slope grows fast.
        for _ in 0..60 {
            if after >= -0.9 * before {
                break;
            }
            let wanted = moved * (before / (before - after)).clamp(0.1, 0.9);
            after = put(wanted - moved);
            moved = wanted;
        }
        moved
    }
}
