//! `cargo bench -p karvan-benches --bench freight -- 2000 20000 200000 2000000`: freight over a made network with a capacity on
//! every link, to a duality gap of 1e-3.
//!
//! **The network.** 210 × 210 road nodes, 10 km apart, and over every fourth of them a rail node: 200,000 one-way links with
//! lengths drawn about the grid's, and yards where one passes from road to rail, at a third of the rail nodes. A sea two
//! cells wide cuts both in two; eight ferries for wagons and lorries cross it, and nothing else.
//!
//! **Choice sets.** From each origin six trees of shortest ways, three with rail dear and three with it cheap; each tree
//! but the first of its three makes dearer by two fifths what the ways to the origin's destinations took in the ones before. The
//! alternatives of an origin and destination are its ways in the six trees, the same for all cargo, nested by whether they take
//! rail; a cargo that must not go by road, or not by rail, lacks that nest.
//!
//! **Flows.** Fifty classes of cargo with rates, stowage and scales of their own, in three kinds of wagon, for each pair of
//! zones. Each link's capacity is a random multiple of what it would carry if all alternatives were equally
//! used; a yard is a queue; empty wagons are returned between a hundred regions, and take up the ferries too. Cargo stays at four times
//! the cost of its cheapest way.

use std::collections::BinaryHeap;
use std::ops::ControlFlow;
use std::time::Instant;

use karvan_assign::freight::*;
use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};
use rayon::prelude::*;

const SIDE: usize = 210;
const EVERY: usize = 4;
const CARGOES: usize = 50;
const KINDS: usize = 3;
const REGIONS: usize = 10;
const CELL_KM: f32 = 10.0;
const EMPTY_USD: f64 = 60.0;

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Road,
    Rail,
    Yard,
    Ferry,
}

struct Link {
    to: u32,
    from: u32,
    km: f32,
    kind: Kind,
}

struct Net {
    links: Vec<Link>,
    first: Vec<u32>,
    roads: usize,
    side: usize,
}

impl Net {
    fn made(r: &mut ChaCha8Rng) -> Net {
        let side = SIDE.div_ceil(EVERY);
        let roads = SIDE * SIDE;
        let mut links = Vec::new();
        let mut pair = |r: &mut ChaCha8Rng, a: usize, b: usize, cells: f32, kind: Kind| {
            for (from, to) in [(a, b), (b, a)] {
                let km = CELL_KM * cells * r.random_range(0.8..1.4f32);
                links.push(Link { from: from as u32, to: to as u32, km, kind });
            }
        };
        let sea = SIDE / 2;
        let wet = |x: usize| x == sea || x == sea + 1;
        for x in 0..SIDE {
            for y in 0..SIDE {
                let at = x * SIDE + y;
                if y + 1 < SIDE && !wet(x) {
                    pair(r, at, at + 1, 1.0, Kind::Road);
                }
                if x + 1 < SIDE && !wet(x) && !wet(x + 1) {
                    pair(r, at, at + SIDE, 1.0, Kind::Road);
                }
                // Some roads run aslant.
                if x + 1 < SIDE && y + 1 < SIDE && !wet(x) && !wet(x + 1) && r.random_range(0..100u32) < 17 {
                    pair(r, at, at + SIDE + 1, 1.4, Kind::Road);
                }
            }
        }
        let (mut west, mut east) = (0, 0);
        for i in 0..side {
            if i * EVERY < sea {
                west = i;
            } else if i * EVERY > sea + 1 && east == 0 {
                east = i;
            }
        }
        for i in 0..side {
            for j in 0..side {
                let at = roads + i * side + j;
                if j + 1 < side {
                    pair(r, at, at + 1, EVERY as f32, Kind::Rail);
                }
                if i + 1 < side && i != west && (i < west || i >= east) {
                    pair(r, at, at + side, EVERY as f32, Kind::Rail);
                }
                let road = (i * EVERY) * SIDE + j * EVERY;
                if r.random_range(0..3u32) == 0 && !wet(i * EVERY) {
                    pair(r, road, at, 0.1, Kind::Yard);
                }
            }
        }
        for k in 0..8 {
            let j = (2 * k + 1) * side / 16;
            pair(r, roads + west * side + j, roads + east * side + j, 30.0, Kind::Ferry);
            let y = j * EVERY;
            pair(r, (sea - 1) * SIDE + y, (sea + 2) * SIDE + y, 30.0, Kind::Ferry);
        }
        links.sort_by_key(|l| (l.from, l.to));
        let mut first = vec![0u32; roads + side * side + 1];
        for l in &links {
            first[l.from as usize + 1] += 1;
        }
        for i in 1..first.len() {
            first[i] += first[i - 1];
        }
        Net { links, first, roads, side }
    }

    /// Region of a rail node.
    fn region(&self, node: u32) -> usize {
        let at = node as usize - self.roads;
        let (i, j) = (at / self.side, at % self.side);
        (i * REGIONS / self.side) * REGIONS + j * REGIONS / self.side
    }

    /// Predecessor link of each node on a shortest-path tree.
    fn tree(&self, origin: u32, weight: &[f32], dist: &mut [f32], by: &mut [u32]) {
        dist.fill(f32::INFINITY);
        by.fill(u32::MAX);
        let mut heap = BinaryHeap::new();
        dist[origin as usize] = 0.0;
        // Positive floats compare as their bits do.
        heap.push(std::cmp::Reverse((0u32, origin)));
        while let Some(std::cmp::Reverse((bits, v))) = heap.pop() {
            let d = f32::from_bits(bits);
            if d > dist[v as usize] {
                continue;
            }
            for l in self.first[v as usize]..self.first[v as usize + 1] {
                let to = self.links[l as usize].to as usize;
                let nd = d + weight[l as usize];
                if nd < dist[to] {
                    dist[to] = nd;
                    by[to] = l;
                    heap.push(std::cmp::Reverse((nd.to_bits(), to as u32)));
                }
            }
        }
    }
}

/// One way of an origin and destination.
struct Way {
    links: Vec<u32>,
    rail: bool,
}

/// The ways from an origin to its destinations, at most six each.
fn ways(net: &Net, origin: u32, to: &[u32]) -> Vec<Vec<Way>> {
    let n = net.first.len() - 1;
    let (mut dist, mut by) = (vec![0.0f32; n], vec![0u32; n]);
    let mut out: Vec<Vec<Way>> = to.iter().map(|_| Vec::new()).collect();
    for rail in [false, true] {
        let mut weight: Vec<f32> = net
            .links
            .iter()
            .map(|l| {
                l.km * match (l.kind, rail) {
                    (Kind::Road, _) => 1.0,
                    (Kind::Rail, true) => 0.35,
                    (Kind::Rail, false) => 4.0,
                    (Kind::Yard, _) => 40.0,
                    (Kind::Ferry, _) => 1.5,
                }
            })
            .collect();
        for _ in 0..3 {
            net.tree(origin, &weight, &mut dist, &mut by);
            let mut taken = std::collections::BTreeSet::new();
            for (d, ways) in to.iter().zip(&mut out) {
                let mut links = Vec::new();
                let mut at = *d;
                while at != origin && by[at as usize] != u32::MAX {
                    links.push(by[at as usize]);
                    at = net.links[by[at as usize] as usize].from;
                }
                if at != origin || links.is_empty() {
                    continue;
                }
                links.reverse();
                taken.extend(links.iter().copied());
                if !ways.iter().any(|w| w.links == links) {
                    let rail = links.iter().any(|l| net.links[*l as usize].kind == Kind::Rail);
                    ways.push(Way { links, rail });
                }
            }
            for l in taken {
                weight[l as usize] *= 1.4;
            }
        }
    }
    out
}

struct Made {
    programme: Programme,
    links: usize,
    uses: usize,
}

fn made(flows: usize) -> Made {
    let mut r = ChaCha8Rng::seed_from_u64(4);
    let net = Net::made(&mut r);
    // Cargo that goes neither by road nor by rail is no flow.
    let lost = (0..CARGOES).filter(|c| c % 5 == 0 && c % 7 == 0).count();
    let pairs = flows.div_ceil(CARGOES - lost);
    let zones = ((pairs as f64).sqrt() * 5.0).round().clamp(4.0, 1000.0).min(pairs as f64) as usize;
    let each = pairs.div_ceil(zones);
    let dry = |r: &mut ChaCha8Rng| loop {
        let x = r.random_range(0..SIDE);
        if x != SIDE / 2 && x != SIDE / 2 + 1 {
            return (x * SIDE + r.random_range(0..SIDE)) as u32;
        }
    };
    let place: Vec<u32> = (0..zones.max(each + 1)).map(|_| dry(&mut r)).collect();
    let relations: Vec<(u32, Vec<u32>)> = (0..zones)
        .map(|z| {
            let mut to = Vec::new();
            while to.len() < each {
                let d = place[r.random_range(0..place.len())];
                if d != place[z] && !to.contains(&d) {
                    to.push(d);
                }
            }
            (place[z], to)
        })
        .collect();
    let found: Vec<Vec<Vec<Way>>> = relations.par_iter().map(|(o, to)| ways(&net, *o, to)).collect();

    // What a class pays and needs.
    struct Cargo {
        road: f32,
        rail: f32,
        yard: f32,
        stowage: f32,
        kind: usize,
        by_road: bool,
        by_rail: bool,
        class: u16,
    }
    let mut b = Builder::new();
    let cargoes: Vec<Cargo> = (0..CARGOES)
        .map(|i| {
            let scale = r.random_range(0.08..0.3f64);
            Cargo {
                road: r.random_range(0.05..0.08f32),
                rail: r.random_range(0.02..0.035f32),
                yard: r.random_range(3.0..8.0f32),
                stowage: r.random_range(0.8..1.6f32),
                kind: i % KINDS,
                by_road: i % 5 != 0,
                by_rail: i % 7 != 0,
                class: b.class(Class {
                    route_scale: scale,
                    nest_scale: 0.6 * scale,
                    carry_scale: 0.3 * scale,
                }),
            }
        })
        .collect();

    // Loads if all alternatives were equally used, and capacities from them.
    let volume: Vec<f64> = (0..CARGOES).map(|_| (r.random_range(-1.0..1.5f64)).exp() * 20.0).collect();
    let mut reference = vec![0.0f64; net.links.len()];
    let units = |l: &Link| if l.kind == Kind::Road { 0.05f32 } else { 0.016 };
    let size = |pair: usize, c: usize| volume[c] * (0.4 + ((pair * 7 + c * 13) % 17) as f64 / 10.0);
    for (pair, ways) in found.iter().flatten().enumerate() {
        for (c, cargo) in cargoes.iter().enumerate() {
            let fits = |w: &&Way| if w.rail { cargo.by_rail } else { cargo.by_road };
            let n = ways.iter().filter(fits).count();
            for w in ways.iter().filter(fits) {
                let t = size(pair, c) * f64::from(cargo.stowage) / n as f64;
                for l in &w.links {
                    reference[*l as usize] += t * f64::from(units(&net.links[*l as usize]));
                }
            }
        }
    }
    for (l, load) in net.links.iter().zip(&reference) {
        let k = load.max(50.0)
            * match l.kind {
                Kind::Road => r.random_range(1.2..6.0),
                Kind::Rail => r.random_range(0.7..3.0),
                Kind::Yard => r.random_range(1.2..3.0),
                Kind::Ferry => r.random_range(0.8..1.6),
            };
        b.row(match l.kind {
            Kind::Yard => Row::Queue(Queue {
                capacity: k,
                interval_h: 24.0 / k,
                servers: 2.0,
                variability: 2.0,
                usd_per_h: 20.0,
            }),
            _ => Row::Capacity(k),
        });
    }
    let balance: Vec<u32> = (0..KINDS * REGIONS * REGIONS).map(|_| b.row(Row::Balance)).collect();
    // Moving as many empties as there are loaded wagons in a region on average doubles the cost.
    let wagons: f64 =
        net.links.iter().zip(&reference).filter(|(l, _)| l.kind == Kind::Yard).map(|(_, x)| x).sum();
    let units_per_usd = wagons / balance.len() as f64 / EMPTY_USD;
    // Empties go between neighbouring regions; across the sea they take the ferry nearest to both.
    let ferries: Vec<(u32, &Link)> = (0u32..)
        .zip(&net.links)
        .filter(|(_, l)| l.kind == Kind::Ferry && l.from as usize >= net.roads)
        .collect();
    for kind in 0..KINDS {
        let at = |i: usize, j: usize| balance[kind * REGIONS * REGIONS + i * REGIONS + j];
        for i in 0..REGIONS {
            for j in 0..REGIONS {
                for (di, dj) in [(1i32, 0i32), (-1, 0), (0, 1), (0, -1)] {
                    let (ni, nj) = (i as i32 + di, j as i32 + dj);
                    if !(0..REGIONS as i32).contains(&ni) || !(0..REGIONS as i32).contains(&nj) {
                        continue;
                    }
                    let (ni, nj) = (ni as usize, nj as usize);
                    let middle = REGIONS / 2;
                    let uses = if (i < middle) != (ni < middle) {
                        let east = ni >= middle;
                        let near = ferries
                            .iter()
                            .filter(|(_, l)| (l.to > l.from) == east)
                            .min_by_key(|(_, l)| (net.region(l.from) % REGIONS).abs_diff(j));
                        near.map(|(row, _)| (*row, 1.0)).into_iter().collect()
                    } else {
                        Vec::new()
                    };
                    b.empty_move(EmptyMove {
                        from: at(i, j),
                        to: at(ni, nj),
                        usd: EMPTY_USD,
                        units_per_usd,
                        uses,
                    });
                }
            }
        }
    }
    for (pair, ways) in found.iter().flatten().enumerate() {
        b.group();
        // One route a way, and one a way and kind of wagon by rail.
        let routes: Vec<Vec<u32>> = ways
            .iter()
            .map(|w| {
                let mut uses: Vec<(u32, f32)> =
                    w.links.iter().map(|l| (*l, units(&net.links[*l as usize]))).collect();
                if !w.rail {
                    return vec![b.route(&uses)];
                }
                // Loaded at the yard where it takes to rail, unloaded where it leaves it, leg by leg.
                let n = uses.len();
                (0..KINDS)
                    .map(|kind| {
                        uses.truncate(n);
                        for (row, sign) in w.links.iter().filter_map(|l| {
                            let link = &net.links[*l as usize];
                            let on = (link.to as usize) >= net.roads;
                            let node = if on { link.to } else { link.from };
                            (link.kind == Kind::Yard).then(|| {
                                let at = kind * REGIONS * REGIONS + net.region(node);
                                (balance[at], if on { -0.016f32 } else { 0.016 })
                            })
                        }) {
                            uses.push((row, sign));
                        }
                        b.route(&uses)
                    })
                    .collect()
            })
            .collect();
        let segments = |rail: bool| -> Vec<Vec<(u64, f64)>> {
            ways.iter()
                .filter(|w| w.rail == rail)
                .map(|w| {
                    w.links.iter().map(|l| (u64::from(*l), f64::from(net.links[*l as usize].km))).collect()
                })
                .collect()
        };
        let path_size = [ln_path_size(&segments(false)), ln_path_size(&segments(true))];
        let km = |w: &Way, kind: Kind| -> f32 {
            w.links.iter().map(|l| &net.links[*l as usize]).filter(|l| l.kind == kind).map(|l| l.km).sum()
        };
        let lengths: Vec<[f32; 3]> = ways
            .iter()
            .map(|w| {
                let yards = w.links.iter().filter(|l| net.links[**l as usize].kind == Kind::Yard).count();
                [km(w, Kind::Road), km(w, Kind::Rail) + km(w, Kind::Ferry), yards as f32]
            })
            .collect();
        for (c, cargo) in cargoes.iter().enumerate() {
            let mut nests = vec![Vec::new(), Vec::new()];
            let mut seen = [0, 0];
            let mut least = f32::INFINITY;
            let theta = (0.3 * 0.5) as f32;
            for (w, way) in ways.iter().enumerate() {
                let at = usize::from(way.rail);
                let ln = path_size[at][seen[at]] as f32;
                seen[at] += 1;
                if !(if way.rail { cargo.by_rail } else { cargo.by_road }) {
                    continue;
                }
                let [road, rail, yards] = lengths[w];
                let usd = road * cargo.road + rail * cargo.rail + yards * cargo.yard;
                least = least.min(usd);
                nests[at].push(Alternative {
                    route: routes[w][if way.rail { cargo.kind } else { 0 }],
                    units_per_t: cargo.stowage,
                    cost: usd - ln / theta,
                });
            }
            if least.is_finite() {
                b.flow(size(pair, c), cargo.class, 4.0 * least, &nests);
            }
        }
    }
    drop(found);
    let programme = b.build().expect("well formed");
    let uses = programme.use_row.len();
    Made { programme: programme.lean().0, links: net.links.len(), uses }
}

/// CPU seconds and greatest memory in MB so far, where the system tells.
fn used() -> (f64, f64) {
    let read = |f: &str| std::fs::read_to_string(f).unwrap_or_default();
    let stat = read("/proc/self/stat");
    let ticks: f64 = stat
        .rsplit(')')
        .next()
        .map(|s| s.split_whitespace().skip(11).take(2).filter_map(|t| t.parse::<f64>().ok()).sum())
        .unwrap_or(f64::NAN);
    let peak = read("/proc/self/status")
        .lines()
        .find_map(|l| l.strip_prefix("VmHWM:").and_then(|l| l.split_whitespace().next()?.parse::<f64>().ok()))
        .unwrap_or(f64::NAN);
    (ticks / 100.0, peak / 1024.0)
}

fn main() {
    let sizes: Vec<usize> = std::env::args().filter_map(|a| a.parse().ok()).collect();
    let sizes = if sizes.is_empty() { vec![2_000, 20_000, 200_000, 2_000_000] } else { sizes };
    println!(
        "{:>9} {:>8} {:>10} {:>10} {:>10} {:>8} {:>8} {:>8} {:>6} {:>9} {:>8} {:>8} {:>7} {:>8}",
        "flows",
        "links",
        "choices",
        "uses",
        "can bind",
        "made s",
        "wall s",
        "CPU s",
        "evals",
        "gap",
        "binding",
        "not t %",
        "empties",
        "peak MB"
    );
    for size in sizes {
        let started = Instant::now();
        let made = made(size);
        let made_s = started.elapsed().as_secs_f64();
        let p = &made.programme;
        let (cpu, _) = used();
        let started = Instant::now();
        let mut last = 0.0;
        let s = solve(p, &Settings { gap: 1e-3, most_evaluations: 5_000 }, None, &mut |t| {
            let at = started.elapsed().as_secs_f64();
            if at - last > 5.0 {
                last = at;
                eprintln!(
                    "{at:7.1} s  {:5} evaluations  gap {:.2e}  over capacity {:.2e}",
                    t.evaluations, t.gap, t.over
                );
            }
            ControlFlow::Continue(())
        });
        let s = match s {
            Ok(s) => s,
            Err(e) => {
                println!("{size:>9} {e}");
                continue;
            }
        };
        let wall = started.elapsed().as_secs_f64();
        let (after, peak) = used();
        let binding = p
            .rows
            .iter()
            .zip(&s.prices)
            .filter(|(row, y)| matches!(row, Row::Capacity(_)) && **y > 1e-3)
            .count();
        let c = s.certificate;
        assert!(c.feasible(1e-9), "{c:?}");
        println!(
            "{:>9} {:>8} {:>10} {:>10} {:>10} {:>8.1} {:>8.1} {:>8.1} {:>6} {:>9.1e} {:>8} {:>8.3} {:>7.0} {:>8.0}",
            p.flows(),
            made.links,
            p.cost.len(),
            made.uses,
            p.use_row.len(),
            made_s,
            wall,
            after - cpu,
            s.evaluations,
            c.gap,
            binding,
            100.0 * c.shed / p.demand.iter().sum::<f64>(),
            s.flows.moved.iter().sum::<f64>(),
            peak
        );
    }
}
