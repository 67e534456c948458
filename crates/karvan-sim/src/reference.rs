//! Small models on the kernel whose answers are known from outside: queues with closed forms, and the corridor that
//! the peers in `benches/peers/sim` simulate too. Tests hold their answers, benches their speed.

use std::collections::VecDeque;

use karvan_network::streams::stream;
use rand::RngExt;
use rand::rngs::ChaCha8Rng;
use rand_distr::{Distribution, Exp1};

use crate::kernel::Kernel;
use crate::station::Station;
use crate::stats::{Durations, Level, QueueStats};
use crate::time::{Span, Time};

/// An exponential variate, h.
#[inline]
pub fn exponential(rng: &mut ChaCha8Rng, mean_h: f64) -> f64 {
    let x: f64 = Exp1.sample(rng);
    x * mean_h
}

/// A triangular variate, h.
#[inline]
fn triangular(rng: &mut ChaCha8Rng, low: f64, mode: f64, high: f64) -> f64 {
    let u: f64 = rng.random();
    let at = (mode - low) / (high - low);
    if u < at {
        low + (u * (high - low) * (mode - low)).sqrt()
    } else {
        high - ((1.0 - u) * (high - low) * (high - mode)).sqrt()
    }
}

/// Poisson arrivals at a row of stations; the statistics of each once all customers have passed.
///
/// `stations` are numbers of servers, `service` draws a service time at one of them, h.
pub fn queues(
    seed: u64,
    customers: u32,
    mean_gap_h: f64,
    stations: &[u32],
    mut service: impl FnMut(usize, &mut ChaCha8Rng) -> f64,
) -> (Vec<Station<()>>, Time) {
    #[derive(Clone, Copy)]
    enum Event {
        Arrival,
        Served(u8),
    }
    let mut kernel = Kernel::new();
    let mut arrivals = stream(seed, "arrivals");
    let mut services: Vec<ChaCha8Rng> =
        (0..stations.len()).map(|i| stream(seed, &format!("service/{i}"))).collect();
    let mut row: Vec<Station<()>> = stations.iter().map(|c| Station::new(*c)).collect();
    let mut left = customers;
    kernel.after(Span::from_h(exponential(&mut arrivals, mean_gap_h)), Event::Arrival);
    while let Some(event) = kernel.next() {
        let now = kernel.now();
        let mut begin = |k: &mut Kernel<Event>, i: usize| {
            k.after(Span::from_h(service(i, &mut services[i])), Event::Served(i as u8));
        };
        let comes_to = match event {
            Event::Arrival => {
                left -= 1;
                if left > 0 {
                    kernel.after(Span::from_h(exponential(&mut arrivals, mean_gap_h)), Event::Arrival);
                }
                0
            }
            Event::Served(i) => {
                let i = usize::from(i);
                if row[i].done(now).is_some() {
                    begin(&mut kernel, i);
                }
                i + 1
            }
        };
        if comes_to < row.len() && row[comes_to].arrive(now, (), 1).is_some() {
            begin(&mut kernel, comes_to);
        }
    }
    let now = kernel.now();
    (row, now)
}

/// A ferry that sails when full and is always there: waits of the units until it sails.
pub fn sails_when_full(seed: u64, units: u32, mean_gap_h: f64, capacity: usize) -> QueueStats {
    let mut kernel = Kernel::new();
    let mut arrivals = stream(seed, "arrivals");
    let mut quay: VecDeque<Time> = VecDeque::new();
    let mut stats = QueueStats::default();
    for _ in 0..units {
        kernel.after(Span::from_h(exponential(&mut arrivals, mean_gap_h)), ());
        kernel.next();
        let now = kernel.now();
        stats.enter(now);
        quay.push_back(now);
        if quay.len() == capacity {
            quay.drain(..).for_each(|since| stats.leave(now, since));
        }
    }
    stats
}

/// What [`tandem`] found.
#[derive(Clone, Debug)]
pub struct Tandem {
    /// Trains that came, inspections, runs, loadings, sailings, returns, changes of weather, departures: what happened.
    pub events: u64,
    /// Border: two lines of inspection.
    pub border: Station<u32>,
    /// Berths of the two ports.
    pub berths: [Station<u8>; 2],
    /// Wagons in the yards of the two ports.
    pub yards: [QueueStats; 2],
    /// Ferries that wait for the weather, loaded ones first.
    pub held: [QueueStats; 2],
    /// The locomotive at the second port.
    pub locomotive: Level,
    /// From border to departure, by wagon.
    pub transit: Durations,
    /// Sailings with wagons.
    pub trips: u64,
    /// The end.
    pub end: Time,
}

/// Wagons of a train, on a ferry, and the number of ferries of [`tandem`].
const TRAIN: u32 = 40;
const FERRY: usize = 52;
const FERRIES: u8 = 4;

/// A corridor in miniature: train, border, port, ferry that sails when full and waits for the weather, port, train.
///
/// The model is that of `benches/peers/sim/README.md`. All statistics are on, and after each event the wagons
/// that came are those in its parts and those that left.
pub fn tandem(seed: u64, wagons: u64) -> Tandem {
    #[derive(Clone, Copy)]
    enum Event {
        Train,
        Inspected(u32),
        AtPort(u32),
        Weather,
        Loaded(u8),
        Arrived(u8),
        Unloaded(u8),
        Back(u8),
        Left,
    }
    struct Train {
        came: Time,
        left: u32,
    }
    let rng = |name: &str| stream(seed, name);
    let (mut trains, mut lines, mut wind, mut sea, mut engine) =
        (rng("trains"), rng("inspection"), rng("weather"), rng("sailing"), rng("locomotive"));
    let mut k: Kernel<Event> = Kernel::new();
    let mut t = Tandem {
        events: 0,
        border: Station::new(2),
        berths: [Station::new(1), Station::new(1)],
        yards: Default::default(),
        held: Default::default(),
        locomotive: Level::default(),
        transit: Durations::default(),
        trips: 0,
        end: Time::START,
    };
    // Trains under way, in places that are used again.
    let mut under_way: Vec<Train> = Vec::new();
    let mut free: Vec<u32> = Vec::new();
    let mut yards: [VecDeque<(Time, Time)>; 2] = Default::default();
    let mut aboard: Vec<Vec<Time>> = vec![Vec::with_capacity(FERRY); usize::from(FERRIES)];
    let mut departing: Vec<Time> = Vec::with_capacity(TRAIN as usize);
    let mut waiting: [Vec<(u8, Time)>; 2] = Default::default();
    let mut open = true;
    let (mut came, mut on_land, mut afloat, mut gone) = (0u64, 0u64, 0u64, 0u64);
    // Ferries alongside or waiting for the berth at the first port; one begins to load once a full load is there.
    let mut queue: VecDeque<u8> = (0..FERRIES).collect();
    let mut loading = false;

    k.after(Span::from_h(exponential(&mut trains, 12.0)), Event::Train);
    k.after(Span::from_h(exponential(&mut wind, 90.0)), Event::Weather);
    while let Some(event) = k.next() {
        let now = k.now();
        t.events += 1;
        match event {
            Event::Train => {
                let train = Train { came: now, left: TRAIN };
                let i = match free.pop() {
                    Some(i) => {
                        under_way[i as usize] = train;
                        i
                    }
                    None => {
                        under_way.push(train);
                        under_way.len() as u32 - 1
                    }
                };
                came += u64::from(TRAIN);
                on_land += u64::from(TRAIN);
                for _ in 0..TRAIN {
                    if t.border.arrive(now, i, 1).is_some() {
                        k.after(Span::from_h(exponential(&mut lines, 0.2)), Event::Inspected(i));
                    }
                }
                k.after(Span::from_h(exponential(&mut trains, 12.0)), Event::Train);
            }
            Event::Inspected(i) => {
                if let Some(next) = t.border.done(now) {
                    k.after(Span::from_h(exponential(&mut lines, 0.2)), Event::Inspected(next));
                }
                let train = &mut under_way[i as usize];
                train.left -= 1;
                if train.left == 0 {
                    k.after(Span::from_h(6.0), Event::AtPort(i));
                }
            }
            Event::AtPort(i) => {
                let since = under_way[i as usize].came;
                free.push(i);
                on_land -= u64::from(TRAIN);
                for _ in 0..TRAIN {
                    t.yards[0].enter(now);
                    yards[0].push_back((since, now));
                }
            }
            Event::Weather => {
                open = !open;
                k.after(Span::from_h(exponential(&mut wind, if open { 90.0 } else { 12.0 })), Event::Weather);
                if open {
                    for (way, held) in waiting.iter_mut().enumerate() {
                        for (ferry, since) in held.drain(..) {
                            t.held[way].leave(now, since);
                            let next = if way == 0 { Event::Arrived(ferry) } else { Event::Back(ferry) };
                            k.after(Span::from_h(triangular(&mut sea, 14.0, 18.0, 26.0)), next);
                        }
                    }
                }
            }
            Event::Loaded(ferry) => {
                loading = false;
                t.berths[0].done(now);
                if open {
                    t.held[0].pass();
                    k.after(Span::from_h(triangular(&mut sea, 14.0, 18.0, 26.0)), Event::Arrived(ferry));
                } else {
                    t.held[0].enter(now);
                    waiting[0].push((ferry, now));
                }
            }
            Event::Arrived(ferry) => {
                if t.berths[1].arrive(now, ferry, 1).is_some() {
                    k.after(Span::from_h(4.0), Event::Unloaded(ferry));
                }
            }
            Event::Unloaded(ferry) => {
                if let Some(next) = t.berths[1].done(now) {
                    k.after(Span::from_h(4.0), Event::Unloaded(next));
                }
                t.trips += 1;
                let load = &mut aboard[usize::from(ferry)];
                afloat -= load.len() as u64;
                for since in load.drain(..) {
                    t.yards[1].enter(now);
                    yards[1].push_back((since, now));
                }
                if open {
                    t.held[1].pass();
                    k.after(Span::from_h(triangular(&mut sea, 14.0, 18.0, 26.0)), Event::Back(ferry));
                } else {
                    t.held[1].enter(now);
                    waiting[1].push((ferry, now));
                }
            }
            Event::Back(ferry) => queue.push_back(ferry),
            Event::Left => {
                t.locomotive.take(now, 1);
                for since in departing.drain(..) {
                    t.transit.add(now.since(since));
                }
                gone += u64::from(TRAIN);
                if gone >= wagons {
                    t.end = now;
                    break;
                }
            }
        }
        if !loading
            && yards[0].len() >= FERRY
            && let Some(ferry) = queue.pop_front()
        {
            loading = true;
            t.berths[0].arrive(now, ferry, 1);
            let load = &mut aboard[usize::from(ferry)];
            for (since, entered) in yards[0].drain(..FERRY) {
                t.yards[0].leave(now, entered);
                load.push(since);
            }
            afloat += FERRY as u64;
            k.after(Span::from_h(4.0), Event::Loaded(ferry));
        }
        if departing.is_empty() && yards[1].len() >= TRAIN as usize {
            t.locomotive.add(now, 1);
            for (since, entered) in yards[1].drain(..TRAIN as usize) {
                t.yards[1].leave(now, entered);
                departing.push(since);
            }
            k.after(Span::from_h(exponential(&mut engine, 1.0)), Event::Left);
        }
        let inside = on_land + afloat + (yards[0].len() + yards[1].len() + departing.len()) as u64;
        assert!(came == inside + gone, "every wagon is somewhere");
    }
    t
}
