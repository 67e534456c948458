//! Assignment on published networks: CPU seconds to a gap, beside those of peers.
//!
//! `cargo bench -p karvan-benches --bench assign [-- NAME…]`. Networks are read from the folder that `TNTP_DIR` names (default
//! `../shared/data/tntp`); what is missing is said. One thread unless `KARVAN_THREADS` says otherwise. Peers' figures are not
//! measured here: `docs/performance.md` says where they come from.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Instant;

use cpu_time::ProcessTime;
use karvan_assign::analysis::skim;
use karvan_assign::certificate::certify;
use karvan_assign::cost::LinkCost;
use karvan_assign::equilibrium::{Class, Objective, Problem, Settings, solve};
use karvan_assign::network::{Demand, Link, Network, NodeIx, Pair};
use karvan_io::tntp;

/// Name, weights of tolls and lengths, gap to reach, runs.
const NETWORKS: &[(&str, f64, f64, f64, usize)] = &[
    ("SiouxFalls", 0.0, 0.0, 1e-12, 25),
    ("EMA", 0.0, 0.0, 1e-12, 25),
    ("Anaheim", 0.0, 0.0, 1e-12, 25),
    ("BerlinFriedrichshain", 0.0, 0.0, 1e-12, 25),
    ("BerlinMPF", 0.0, 0.0, 1e-12, 15),
    ("Winnipeg", 0.0, 0.0, 1e-12, 15),
    ("ChicagoSketch", 0.02, 0.04, 1e-12, 7),
    ("AustinSDB", 0.0, 0.0, 1e-12, 1),
    ("ChicagoRegionalS", 0.1, 0.25, 1e-8, 1),
    // No trips: only what every two zones are apart.
    ("Sydney", 0.0, 0.0, 0.0, 0),
];

/// Gaps whose times are told.
const GAPS: [f64; 5] = [1e-4, 1e-6, 1e-8, 1e-10, 1e-12];

fn main() {
    let wanted: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with("--")).collect();
    let threads = std::env::var("KARVAN_THREADS").ok().and_then(|t| t.parse().ok()).unwrap_or(1);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
    let named = std::env::var_os("TNTP_DIR").map(PathBuf::from);
    let folder =
        named.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/tntp"));
    println!(
        "{threads} thread(s); CPU seconds of the process, least and median of the runs; certificate included in neither"
    );
    println!(
        "{:<21} {:>4} {:>15} {:>15} {:>15} {:>15} {:>15}  {:>9} {:>6} {:>8} {:>17} {:>10} {:>9} {:>9}",
        "network",
        "runs",
        "1e-4",
        "1e-6",
        "1e-8",
        "1e-10",
        "1e-12",
        "wall",
        "passes",
        "gap",
        "objective",
        "certify",
        "skim ms",
        "peak MB"
    );
    for network in NETWORKS.iter().filter(|n| wanted.is_empty() || wanted.iter().any(|w| w == n.0)) {
        if folder.join(network.0).is_dir() {
            pool.install(|| measure(&folder, network));
        } else {
            println!("{:<21} not there", network.0);
        }
    }
}

fn measure(folder: &Path, &(name, toll_weight, distance_weight, gap, runs): &(&str, f64, f64, f64, usize)) {
    let (instance, _) = tntp::read_folder(&folder.join(name));
    let net = &instance.net;
    let links = net.links.iter().map(|l| Link {
        tail: NodeIx(l.tail - 1),
        head: NodeIx(l.head - 1),
        cost: LinkCost::bpr(l.free_flow_time, l.b, l.capacity, l.power)
            .and_then(|c| c.plus(toll_weight * l.toll + distance_weight * l.length))
            .expect("a published cost"),
    });
    let closed = 0..(net.first_through_node - 1).min(net.zones);
    let network = Network::new(net.nodes as usize, closed.map(NodeIx), links.collect()).expect("a network");
    let pairs = instance.trips.iter().flat_map(|t| &t.pairs).map(|t| Pair {
        origin: NodeIx(t.origin - 1),
        destination: NodeIx(t.destination - 1),
        flow: t.flow,
    });
    let demand = Demand::new(&network, pairs).expect("a demand");
    let problem = Problem {
        network: &network,
        classes: vec![Class { demand, extra: None }],
        background: None,
        objective: Objective::UserEquilibrium,
    };
    let mut times: Vec<[f64; GAPS.len()]> = Vec::new();
    let (mut walls, mut last) = (Vec::new(), None);
    for _ in 0..runs {
        let mut reached = [f64::NAN; GAPS.len()];
        let (cpu, wall) = (ProcessTime::now(), Instant::now());
        let solution = solve(&problem, Settings { gap, ..Settings::default() }, None, |pass| {
            for (r, g) in reached.iter_mut().zip(GAPS) {
                if r.is_nan() && pass.gap <= g {
                    *r = cpu.elapsed().as_secs_f64();
                }
            }
            ControlFlow::Continue(())
        });
        walls.push(wall.elapsed().as_secs_f64());
        times.push(reached);
        last = solution.ok();
    }
    let certified = last.map(|solution| {
        let cpu = ProcessTime::now();
        let certificate = certify(&problem, &solution).expect("a certificate");
        (cpu.elapsed().as_secs_f64(), solution.passes, certificate)
    });
    let costs: Vec<f64> = network.links().iter().map(|l| l.cost.at(0.0).0).collect();
    let ends: Vec<NodeIx> = (0..net.zones).map(NodeIx).collect();
    // Order of the hierarchy, customisation, sweeps and the matrix: all that a skim takes.
    let skims: Vec<f64> = (0..5)
        .map(|_| {
            let cpu = ProcessTime::now();
            std::hint::black_box(skim(&network, &costs, &ends));
            cpu.elapsed().as_secs_f64() * 1e3 / f64::from(net.zones)
        })
        .collect();
    let mut cells: Vec<String> =
        (0..GAPS.len()).map(|g| least_and_median(times.iter().map(|t| t[g]))).collect();
    cells.push(least_and_median(walls.iter().copied()).split(' ').next().unwrap_or("").to_owned());
    let (certify_s, passes, gap, objective) = match &certified {
        Some((s, passes, c)) => {
            (format!("{s:.3}"), passes.to_string(), format!("{:.1e}", c.gap), format!("{:.8}", c.objective))
        }
        None => Default::default(),
    };
    println!(
        "{name:<21} {runs:>4} {:>15} {:>15} {:>15} {:>15} {:>15}  {:>9} {passes:>6} {gap:>8} {objective:>17} {certify_s:>10} {:>9.4} {:>9}",
        cells[0],
        cells[1],
        cells[2],
        cells[3],
        cells[4],
        cells[5],
        skims.iter().copied().fold(f64::INFINITY, f64::min),
        peak_mb().map_or("–".into(), |m| m.to_string())
    );
}

/// The least and the median of some times; a dash where one was not reached.
fn least_and_median(times: impl Iterator<Item = f64>) -> String {
    let mut times: Vec<f64> = times.collect();
    times.sort_by(f64::total_cmp);
    match times.last() {
        Some(t) if !t.is_nan() => format!("{:.4} {:.4}", times[0], times[times.len() / 2]),
        _ => "–".into(),
    }
}

/// The most memory the process has had so far, where the system tells.
fn peak_mb() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|l| l.starts_with("VmHWM:"))?;
    Some(line.split_whitespace().nth(1)?.parse::<u64>().ok()? / 1024)
}
