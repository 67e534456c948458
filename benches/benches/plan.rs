//! `cargo bench -p karvan-benches --bench plan`: the questions of the manual on the built-in model.
//!
//! Prints, for each question and over all, the search alone (compiling and Pareto search by three criteria) and
//! the whole plan with 10,000 draws an option; and beside them one Dijkstra of petgraph over a graph of the
//! model's size, so that figures of two machines can be compared as ratios.

use std::time::Instant;

use karvan_benches::{QUESTIONS, builtin, request};
use karvan_network::base::Base;
use karvan_plan::answer::Provenance;

fn percentile(sorted: &[f64], p: f64) -> f64 {
    sorted[((sorted.len() - 1) as f64 * p).round() as usize]
}

fn main() {
    let started = Instant::now();
    let model = builtin();
    let read = started.elapsed().as_secs_f64() * 1e3;
    let started = Instant::now();
    let base = Base::new(&model);
    let compiled = started.elapsed().as_secs_f64() * 1e3;
    println!(
        "read the built-in model {read:.1} ms, base {compiled:.1} ms ({} stretches, {} sailings)",
        base.stretches.len(),
        base.sailings.len()
    );

    let mut graph: petgraph::graph::UnGraph<(), f64> = petgraph::graph::UnGraph::default();
    let nodes: Vec<_> = model.tables.node.iter().map(|_| graph.add_node(())).collect();
    for l in model.tables.link.iter() {
        if let (Some(a), Some(b)) = (model.node_ix(l.from.as_str()), model.node_ix(l.to.as_str())) {
            graph.add_edge(nodes[a.ix()], nodes[b.ix()], l.length_km.get());
        }
    }
    let mut peer: Vec<f64> = (0..51)
        .map(|_| {
            let t = Instant::now();
            std::hint::black_box(petgraph::algo::dijkstra(&graph, nodes[0], None, |e| *e.weight()));
            t.elapsed().as_secs_f64() * 1e3
        })
        .collect();
    peer.sort_by(f64::total_cmp);
    let peer = percentile(&peer, 0.5);
    println!("petgraph, one Dijkstra over the {} links: {peer:.2} ms\n", model.tables.link.len());

    println!(
        "{:<52} {:>8} {:>8} {:>8} {:>8} {:>7} {:>6} {:>9} {:>6} {:>9}",
        "question", "median", "P99 ms", "nodes", "arcs", "labels", "ways", "labels/s", "opts", "draws ms"
    );
    let (mut all, mut drawn) = (Vec::new(), Vec::new());
    for q in QUESTIONS {
        let name = format!("{} {} - {}", q.2, q.0, q.1);
        let request = match request(&model, q) {
            Ok(r) => r,
            Err(e) => {
                println!("{name:<52} {}", e.what);
                continue;
            }
        };
        let mut times = Vec::new();
        let mut last = None;
        for _ in 0..60 {
            let t = Instant::now();
            last = karvan_plan::search(&model, &base, &request).ok();
            times.push(t.elapsed().as_secs_f64() * 1e3);
        }
        all.extend_from_slice(&times);
        times.sort_by(f64::total_cmp);
        let Some(s) = last else {
            println!("{name:<52} cannot be asked");
            continue;
        };
        let mut whole = Vec::new();
        let mut options = 0;
        for _ in 0..7 {
            let t = Instant::now();
            if let Ok(a) = karvan_plan::plan(&model, &base, &request, Provenance::default()) {
                options = a.options.len();
            }
            whole.push(t.elapsed().as_secs_f64() * 1e3);
        }
        drawn.extend_from_slice(&whole);
        whole.sort_by(f64::total_cmp);
        let median = percentile(&times, 0.5);
        println!(
            "{name:<52} {median:>8.2} {:>8.2} {:>8} {:>8} {:>7} {:>6} {:>9.0} {options:>6} {:>9.1}",
            percentile(&times, 0.99),
            s.nodes,
            s.arcs,
            s.labels,
            s.found,
            s.labels as f64 / median * 1e3,
            percentile(&whole, 0.5),
        );
    }
    all.sort_by(f64::total_cmp);
    drawn.sort_by(f64::total_cmp);
    if all.is_empty() {
        return;
    }
    println!(
        "\nsearch alone: median {:.2} ms, P99 {:.2} ms ({:.1} and {:.1} Dijkstras of petgraph); with 10,000 draws: median {:.1} ms, P99 {:.1} ms",
        percentile(&all, 0.5),
        percentile(&all, 0.99),
        percentile(&all, 0.5) / peer,
        percentile(&all, 0.99) / peer,
        percentile(&drawn, 0.5),
        percentile(&drawn, 0.99),
    );
}
