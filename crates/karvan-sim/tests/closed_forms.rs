//! The kernel and its queues against closed forms. Tolerances are five standard errors of the simulated mean,
//! by batch means where waits depend on each other.

use karvan_sim::reference::{exponential, queues, sails_when_full, tandem};
use karvan_units::Dist;
use rand::RngExt;

const CUSTOMERS: u32 = 200_000;
const SEEDS: u64 = 8;

/// Mean of the replications' means, and its standard error.
fn mean_se(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let var = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n - 1.0);
    (mean, (var / n).sqrt())
}

fn agrees(values: &[f64], exact: f64) {
    let (mean, se) = mean_se(values);
    assert!((mean - exact).abs() < 5.0 * se, "{mean} ± {se}, exact {exact}");
    assert!(se < 0.02 * exact, "the test can tell: {se} of {exact}");
}

/// Mean wait in M/M/c (Erlang C), h; rates an hour.
fn erlang_c(c: u32, arrivals: f64, service: f64) -> f64 {
    let a = arrivals / service;
    let c = f64::from(c);
    // The blocking probability of Erlang B by its recursion, and C from it.
    let b = (1..=c as u32).fold(1.0, |b, k| a * b / (f64::from(k) + a * b));
    let p = b / (1.0 - a / c * (1.0 - b));
    p / (c * service - arrivals)
}

#[test]
fn waits_of_many_servers_are_erlangs() {
    assert!((erlang_c(4, 3.2, 1.0) - 0.745541).abs() < 1e-6, "the peers' constant");
    for (c, arrivals) in [(4, 3.2), (1, 0.6), (12, 9.0)] {
        let waits: Vec<f64> = (0..SEEDS)
            .map(|seed| {
                let (row, end) = queues(seed, CUSTOMERS, 1.0 / arrivals, &[c], |_, r| exponential(r, 1.0));
                assert!(row[0].stats.little(end));
                row[0].stats.waits.mean_h()
            })
            .collect();
        agrees(&waits, erlang_c(c, arrivals, 1.0));
    }
}

/// Pollaczek and Khinchine: λE[S²] / 2(1 − ρ); constant service is M/D/1.
#[test]
fn waits_of_one_server_are_pollaczeks_and_khinchines() {
    for (service, arrivals) in
        [("1", 0.8), ("uniform(0.5, 1.5)", 0.7), ("gamma(1, 0.7)", 0.6), ("weibull(1, 1.5)", 0.6)]
    {
        let d: Dist = service.parse().unwrap();
        // A table of quantiles, as the corridor draws its durations.
        let table: Vec<f64> = (0..20_000).map(|i| d.quantile((f64::from(i) + 0.5) / 20_000.0)).collect();
        let waits: Vec<f64> = (0..SEEDS)
            .map(|seed| {
                let (row, end) =
                    queues(seed, CUSTOMERS, 1.0 / arrivals, &[1], |_, r| table[r.random_range(0..20_000)]);
                assert!(row[0].stats.little(end));
                row[0].stats.waits.mean_h()
            })
            .collect();
        let second = d.sd().powi(2) + d.mean().powi(2);
        agrees(&waits, arrivals * second / 2.0 / (1.0 - arrivals * d.mean()));
    }
}

/// Burke: what leaves M/M/c is Poisson, so the stations of a row are M/M/c each.
#[test]
fn stations_in_a_row_are_independent() {
    let mut waits = [Vec::new(), Vec::new()];
    for seed in 0..SEEDS {
        let (row, end) = queues(seed, CUSTOMERS, 1.0 / 1.6, &[2, 1], |i, r| {
            exponential(r, if i == 0 { 1.0 } else { 0.5 })
        });
        for (w, s) in waits.iter_mut().zip(&row) {
            assert!(s.stats.little(end));
            w.push(s.stats.waits.mean_h());
        }
    }
    agrees(&waits[0], erlang_c(2, 1.6, 1.0));
    agrees(&waits[1], erlang_c(1, 1.6, 2.0));
}

/// Of c units the first waits for c − 1 others, the last for none: (c − 1) / 2λ.
#[test]
fn a_ferry_that_sails_when_full_lets_wait_half_its_filling() {
    for (capacity, gap) in [(40usize, 0.5), (8, 3.0)] {
        let waits: Vec<f64> =
            (0..SEEDS).map(|s| sails_when_full(s, 40_000, gap, capacity).waits.mean_h()).collect();
        agrees(&waits, (capacity as f64 - 1.0) / 2.0 * gap);
    }
}

/// A bare event loop of the peers' own found 69.56 ± 0.69 h over 60 seeds, SimPy 69.65 ± 1.30 h over 12.
#[test]
fn the_corridor_in_miniature_takes_as_long_as_in_simpy() {
    let mut means = Vec::new();
    for seed in 0..60 {
        let t = tandem(seed, 40_000);
        means.push(t.transit.mean_h());
        for q in
            t.yards.iter().chain(&t.held).chain(t.berths.iter().map(|b| &b.stats)).chain([&t.border.stats])
        {
            assert!(q.little(t.end));
        }
    }
    let (mean, se) = mean_se(&means);
    let together = (se * se + 0.69 * 0.69f64).sqrt();
    assert!((mean - 69.56).abs() < 3.0 * together, "{mean} ± {se}");
}

#[test]
fn the_same_seed_gives_the_same_run() {
    let (a, b) = (tandem(5, 8_000), tandem(5, 8_000));
    assert_eq!((a.events, a.end, a.transit.sum()), (b.events, b.end, b.transit.sum()));
}
