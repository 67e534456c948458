//! `cargo bench -p karvan-benches --bench sim`: events a second of the simulator's kernel and queues.
//!
//! M/M/c and the corridor in miniature are those of `benches/peers/sim`; the bare loop is a binary heap with
//! nothing but a sum. The corridor engine runs a year of the questions of the manual as flows, on the built-in model: vessels,
//! berths, yards, weather, single track, borders and terminals, statistics by day, conservation checked. The hold model takes an event and schedules one, with a given number pending.
//! Processor time of one thread; the median of five runs counts.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::hint::black_box;
use std::time::Instant;

use karvan_benches::{QUESTIONS, builtin, request};
use karvan_network::base::Base;
use karvan_sim::corridor::{Flow, Settings, compile, run};
use karvan_sim::kernel::Kernel;
use karvan_sim::reference::{exponential, queues, tandem};
use karvan_sim::time::Span;

fn median(runs: impl Fn() -> f64) -> f64 {
    let mut seconds: Vec<f64> = (0..5).map(|_| runs()).collect();
    seconds.sort_by(f64::total_cmp);
    seconds[2]
}

/// Nanoseconds that this thread has been on a processor, where the system tells: on a busy machine the only fair measure.
fn on_cpu() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    text.split_whitespace().next()?.parse().ok()
}

/// Processor seconds that a piece of work takes; by the clock where the system does not tell.
fn seconds<T>(work: impl FnOnce() -> T) -> f64 {
    let (start, before) = (Instant::now(), on_cpu());
    black_box(work());
    match (before, on_cpu()) {
        (Some(a), Some(z)) => (z - a) as f64 / 1e9,
        _ => start.elapsed().as_secs_f64(),
    }
}

/// The next of a sequence that costs nothing beside an event: delays of the hold model, about exponential.
fn delay(x: &mut u64) -> u64 {
    *x ^= *x << 13;
    *x ^= *x >> 7;
    *x ^= *x << 17;
    ((-((*x >> 11) as f64 + 0.5) / (1u64 << 53) as f64).abs().ln().abs() * 3.6e9) as u64
}

/// Half a million tonnes a year on each relation of the questions, in consignments of 600 t.
fn corridor() {
    let model = builtin();
    let base = Base::new(&model);
    let flows: Vec<Flow> = QUESTIONS
        .iter()
        .filter_map(|q| request(&model, q).ok())
        .map(|r| Flow {
            relation: (r.from.main, r.to.main),
            from: r.from.nodes,
            to: r.to.nodes,
            cargo: r.cargo,
            tonnes: 500_000.0,
            season: [1.0 / 12.0; 12],
            lot_t: 600.0,
            avoid_nodes: r.avoid_nodes,
            avoid_states: r.avoid_states,
            avoid_modes: r.avoid_modes,
            via: Vec::new(),
            ready: Vec::new(),
            relief: false,
        })
        .collect();
    let day = |year: i16| jiff::civil::date(year, 1, 1);
    let settings = Settings { first: day(2025), last: day(2026), as_of: None, threads: 1, done: &|_| {} };
    let mut spec = None;
    let s = seconds(|| spec = compile(&model, &base, &flows, &settings).ok());
    let Some(spec) = spec else { return println!("the built-in model cannot be simulated") };
    println!(
        "ways of {} flows in 12 months            {:>8.1} ms a flow and year",
        flows.len(),
        s / flows.len() as f64 * 1e3
    );
    let events = run(&spec, 1, 0).events;
    let s = median(|| seconds(|| run(&spec, 1, 0)));
    println!(
        "corridor engine, a year, all statistics {:>8.1} M events/s ({events} events)",
        events as f64 / s / 1e6
    );
}

fn main() {
    const CUSTOMERS: u32 = 1_000_000;
    let s = median(|| seconds(|| queues(1, CUSTOMERS, 1.0 / 3.2, &[4], |_, r| exponential(r, 1.0))));
    println!(
        "M/M/c, 4 servers, all statistics        {:>8.1} M events/s",
        2.0 * f64::from(CUSTOMERS) / s / 1e6
    );

    const WAGONS: u64 = 400_000;
    let events = tandem(1, WAGONS).events;
    let s = median(|| seconds(|| tandem(1, WAGONS)));
    println!("corridor in miniature, all statistics   {:>8.1} M logical events/s", events as f64 / s / 1e6);

    corridor();

    for pending in [10usize, 100, 1_000, 10_000, 100_000, 1_000_000] {
        const STEPS: u64 = 2_000_000;
        let ladder = median(|| {
            let (mut k, mut x) = (Kernel::new(), 7u64);
            for i in 0..pending {
                k.after(Span(delay(&mut x)), i as u32);
            }
            for _ in 0..2 * pending {
                let e = k.next().unwrap_or_default();
                k.after(Span(delay(&mut x)), e);
            }
            seconds(|| {
                for _ in 0..STEPS {
                    let e = k.next().unwrap_or_default();
                    k.after(Span(delay(&mut x)), e);
                }
                k.now()
            })
        });
        let heap = median(|| {
            let (mut h, mut x) = (BinaryHeap::new(), 7u64);
            for i in 0..pending {
                h.push(Reverse((delay(&mut x), i as u64, i as u32)));
            }
            let mut sequence = pending as u64;
            let mut step = |h: &mut BinaryHeap<Reverse<(u64, u64, u32)>>| {
                if let Some(Reverse((t, _, e))) = h.pop() {
                    sequence += 1;
                    h.push(Reverse((t + delay(&mut x), sequence, e)));
                }
            };
            (0..2 * pending).for_each(|_| step(&mut h));
            seconds(|| (0..STEPS).for_each(|_| step(&mut h)))
        });
        println!(
            "hold, {pending:>9} pending                 {:>8.0} ns/event, binary heap {:>6.0}",
            ladder / STEPS as f64 * 1e9,
            heap / STEPS as f64 * 1e9
        );
    }
}
