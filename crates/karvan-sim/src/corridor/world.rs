//! One replication: the corridor's entities and their events.

use std::collections::VecDeque;

use karvan_model::tables::Departure;
use karvan_network::streams::stream;
use karvan_network::waits::next_departure;
use rand::RngExt;
use rand::rngs::ChaCha8Rng;
use rand_distr::{Distribution, Exp1, StandardNormal};

use super::bookings::{For, Ledgers, Numbers, shares};
use super::spec::{ACTIVITIES, Activity, Draw, Part, Spec, Step};
use crate::kernel::Kernel;
use crate::line::{Line, Run};
use crate::station::{CLASSES, Station};
use crate::stats::{Level, QueueStats};
use crate::time::{Span, Time};

/// A consignment that arrived.
#[derive(Clone, Debug, PartialEq)]
pub struct Delivery {
    /// Flow.
    pub flow: u32,
    /// Hour of the run at which it was ready.
    pub born_h: f64,
    /// Hours it took.
    pub transit_h: f64,
    /// Hours in each activity.
    pub activities: [f32; ACTIVITIES],
    /// Way taken.
    pub way: u32,
}

/// A consignment under way at the end.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Unfinished {
    /// Flow.
    pub flow: u32,
    /// Hour of the run at which it was ready.
    pub born_h: f64,
    /// Way taken.
    pub way: u32,
}

/// A resource on a day: integrals and counts of that day.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct DayOf {
    /// Mean number waiting.
    pub waiting: f32,
    /// Mean number of servers at work: lanes, sections, vessels under way, pieces in use.
    pub busy: f32,
    /// How many were served.
    pub served: u32,
    /// Hours waited by those served.
    pub waited_h: f32,
    /// Units that went aboard of what is simulated: wagons, lorries, TEU, tonnes. Of boardings only.
    pub units: f32,
}

/// What kind of thing a resource is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Gate.
    Gate,
    /// Single-track line.
    Line,
    /// Boarding of a service.
    Boarding,
    /// Fleet.
    Fleet,
    /// Berths.
    Berth,
    /// Pool.
    Pool,
    /// Yard.
    Yard,
    /// Weather.
    Weather,
}

impl Kind {
    /// The word in tables.
    pub fn word(self) -> &'static str {
        match self {
            Kind::Gate => "gate",
            Kind::Line => "single track",
            Kind::Boarding => "service",
            Kind::Fleet => "fleet",
            Kind::Berth => "berths",
            Kind::Pool => "equipment",
            Kind::Yard => "yard",
            Kind::Weather => "weather",
        }
    }
}

/// What one replication found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outcome {
    /// Consignments that arrived, in the order of arrival.
    pub deliveries: Vec<Delivery>,
    /// Consignments under way at the end, by flow and hour.
    pub unfinished: Vec<Unfinished>,
    /// Consignments that did not set out, since every way had become too dear: flow, and hour of the run at which each was ready.
    pub stayed: Vec<(u32, f64)>,
    /// Days × resources, in the order of [`resources`].
    pub days: Vec<Vec<DayOf>>,
    /// Consignments under way at the end of each day.
    pub under_way: Vec<u32>,
    /// Tonnes delivered on each day.
    pub tonnes: Vec<f32>,
    /// Days on which the acceptance of a yard was banned, by yard.
    pub banned_h: Vec<f64>,
    /// Events.
    pub events: u64,
}

/// The resources of a spec, each with its name, kind and number of servers, in the order of [`Outcome::days`].
pub fn resources(spec: &Spec) -> Vec<(String, Kind, f64)> {
    let mut all = Vec::new();
    all.extend(spec.gates.iter().map(|g| (g.name.clone(), Kind::Gate, f64::from(g.lanes))));
    all.extend(spec.lines.iter().map(|l| (l.name.clone(), Kind::Line, l.sections as f64)));
    all.extend(
        spec.boardings.iter().map(|b| (b.name.clone(), Kind::Boarding, f64::from(b.capacity) / 1000.0)),
    );
    all.extend(spec.fleets.iter().map(|f| (f.name.clone(), Kind::Fleet, f64::from(f.vessels))));
    all.extend(spec.berths.iter().map(|b| (b.name.clone(), Kind::Berth, f64::from(b.count))));
    all.extend(spec.pools.iter().map(|p| (p.name.clone(), Kind::Pool, f64::from(p.count))));
    all.extend(spec.yards.iter().map(|y| (y.name.clone(), Kind::Yard, f64::from(y.ban_at))));
    all.extend(spec.weather.iter().map(|w| (w.name.clone(), Kind::Weather, 1.0)));
    all
}

#[derive(Clone, Copy, Debug)]
enum Event {
    /// A consignment of a flow is ready.
    Ready(u32),
    /// A consignment has done its step.
    Proceed(u32),
    /// A lane of a gate is free.
    GateFree(u32),
    /// A gate opens for the day.
    GateOpens(u32),
    /// A train leaves the yard in which it gathered; with its number, since places of trains are used again.
    TrainLeaves(u32, u32),
    /// A train has run its part, or come through a gate.
    TrainThrough(u32),
    /// A train has come through a section.
    SectionDone(u32, Run),
    /// A departure by timetable or headway.
    Departs(u32),
    /// A vessel without a fleet is back.
    VesselBack(u32),
    /// A unit of another shipper comes.
    Other(u32),
    /// The first of those who wait has waited longest enough; with the count of departures at which that was set.
    Impatient(u32, u32),
    /// A vessel has come to the other end.
    Arrives(u32),
    /// A vessel is unloaded, or loaded.
    AlongsideDone(u32),
    /// The weather of a port turns.
    Weather(u32),
    /// A port is shut, or no longer.
    Shut(u32, bool),
    /// Equipment is back in its pool.
    Back(u32, u32),
    /// The end of a day.
    Day,
}

#[derive(Clone, Debug)]
struct Consignment {
    flow: u32,
    way: u32,
    step: u16,
    class: u8,
    alive: bool,
    born: Time,
    activity: Activity,
    since: Time,
    times: [u64; ACTIVITIES],
    /// Standard normal variates of its steps.
    z: Vec<f32>,
    /// When it would arrive with the train if nothing held that up.
    due: Time,
    /// Days for which the uses of its way are booked; [`SERVED`] once they are had.
    booked: Vec<u16>,
}

#[derive(Clone, Debug, Default)]
struct Train {
    number: u32,
    path: u32,
    part: u16,
    class: u8,
    gathering: bool,
    wagons: u32,
    members: Vec<u32>,
    /// Motion on the whole path.
    motion: Span,
    /// Time lost to others so far.
    delay: Span,
    since: Time,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Who {
    Consignment(u32),
    Train(u32),
    Other,
}

struct GateState {
    busy: u32,
    queues: [VecDeque<(Who, Time, Span)>; CLASSES],
    stats: QueueStats,
    working: Level,
    opening: bool,
}

struct BoardingState {
    queues: [VecDeque<(Who, u32, Time)>; CLASSES],
    /// Thousandths of units that wait.
    units: u64,
    stats: QueueStats,
    /// Whether a vessel without a fleet is there.
    there: bool,
    /// Idle vessels of the fleet.
    idle: VecDeque<u32>,
    /// Vessels of the fleet on their way here, or alongside here.
    coming: u32,
    departures: u32,
    /// Thousandths of units of what is simulated that went aboard.
    carried: u64,
    others: ChaCha8Rng,
    phase: ChaCha8Rng,
    sea: ChaCha8Rng,
    afloat: Level,
}

#[derive(Clone, Debug)]
struct Vessel {
    fleet: u32,
    /// End at which it is or to which it goes.
    end: usize,
    loading: bool,
    aboard: Vec<u32>,
}

struct PoolState {
    idle: u32,
    returning: u32,
    queues: [VecDeque<(u32, u32, Time)>; CLASSES],
    stats: QueueStats,
    used: Level,
}

struct YardState {
    inside: u32,
    banned: Option<Time>,
    banned_for: u64,
    waiting: VecDeque<(u32, Time)>,
    stats: QueueStats,
    level: Level,
}

struct WeatherState {
    calm: bool,
    /// Closures in force.
    shut: u32,
    rng: ChaCha8Rng,
    waiting: Vec<(u32, Time)>,
    vessels: Vec<(u32, Time)>,
    stats: QueueStats,
    closed: Level,
}

impl WeatherState {
    fn open(&self) -> bool {
        self.calm && self.shut == 0
    }
}

struct FlowState {
    rng: ChaCha8Rng,
    /// Consignments so far.
    made: u64,
    /// Hour up to which arrivals are drawn.
    at_h: f64,
}

/// What was counted of a resource up to the end of the last day.
#[derive(Clone, Copy, Default)]
struct Counted {
    waiting: u128,
    busy: u128,
    served: u64,
    waited: u128,
    units: u64,
}

struct World<'s> {
    spec: &'s Spec,
    seed: u64,
    replication: u32,
    /// What is not known of durations, as it is in this replication.
    factors: Vec<f64>,
    k: Kernel<Event>,
    flows: Vec<FlowState>,
    consignments: Vec<Consignment>,
    free: Vec<u32>,
    trains: Vec<Train>,
    free_trains: Vec<u32>,
    gathering: Vec<Option<u32>>,
    gates: Vec<GateState>,
    lines: Vec<Line>,
    boardings: Vec<BoardingState>,
    vessels: Vec<Vessel>,
    berths: Vec<(Station<u32>, ChaCha8Rng)>,
    fleets: Vec<Level>,
    pools: Vec<PoolState>,
    yards: Vec<YardState>,
    weather: Vec<WeatherState>,
    counted: Vec<Counted>,
    ledgers: Ledgers,
    numbers: Numbers,
    /// Whether a way has to do with yards or pools.
    stocked: Vec<bool>,
    kg_in: u64,
    kg_inside: u64,
    kg_out: u64,
    kg_day: u64,
    out: Outcome,
    entered: Vec<Run>,
    /// Consignments that go on at once.
    ready: Vec<u32>,
}

/// Simulates one replication.
///
/// # Panics
/// If a wagon, a unit or a tonne is lost or doubled, or Little's law fails at a queue: a fault of the simulation itself.
pub fn run(spec: &Spec, seed: u64, replication: u32) -> Outcome {
    let mut w = World::new(spec, seed, replication);
    w.start();
    let end = Time::from_h(f64::from(spec.days) * 24.0);
    while let Some(t) = w.k.peek() {
        if t > end {
            break;
        }
        if let Some(e) = w.k.next() {
            w.handle(e);
        }
    }
    w.finish()
}

impl<'s> World<'s> {
    fn new(spec: &'s Spec, seed: u64, replication: u32) -> Self {
        let named = |name: &str| stream(seed, &format!("{replication}/{name}"));
        let vessels: Vec<Vessel> = spec
            .fleets
            .iter()
            .enumerate()
            .flat_map(|(f, fleet)| {
                (0..fleet.vessels).map(move |v| Vessel {
                    fleet: f as u32,
                    end: v as usize % 2,
                    loading: false,
                    aboard: Vec::new(),
                })
            })
            .collect();
        Self {
            spec,
            seed,
            replication,
            factors: spec
                .factors
                .iter()
                .map(|(name, factor)| factor.draw(StandardNormal.sample(&mut named(name))))
                .collect(),
            k: Kernel::new(),
            flows: spec
                .flows
                .iter()
                .map(|f| FlowState { rng: named(&format!("arrivals/{}", f.name)), made: 0, at_h: 0.0 })
                .collect(),
            consignments: Vec::new(),
            free: Vec::new(),
            trains: Vec::new(),
            free_trains: Vec::new(),
            gathering: vec![None; spec.paths.len()],
            gates: spec
                .gates
                .iter()
                .map(|_| GateState {
                    busy: 0,
                    queues: Default::default(),
                    stats: QueueStats::default(),
                    working: Level::default(),
                    opening: false,
                })
                .collect(),
            lines: spec.lines.iter().map(|l| Line::new(l.sections)).collect(),
            boardings: spec
                .boardings
                .iter()
                .map(|b| BoardingState {
                    queues: Default::default(),
                    units: 0,
                    stats: QueueStats::default(),
                    there: true,
                    idle: VecDeque::new(),
                    coming: 0,
                    departures: 0,
                    carried: 0,
                    others: named(&format!("others/{}", b.name)),
                    phase: named(&format!("phase/{}", b.name)),
                    sea: named(&format!("run/{}", b.name)),
                    afloat: Level::default(),
                })
                .collect(),
            vessels,
            berths: spec
                .berths
                .iter()
                .map(|b| (Station::new(b.count), named(&format!("alongside/{}", b.name))))
                .collect(),
            fleets: spec.fleets.iter().map(|_| Level::default()).collect(),
            pools: spec
                .pools
                .iter()
                .map(|p| PoolState {
                    idle: p.count,
                    returning: 0,
                    queues: Default::default(),
                    stats: QueueStats::default(),
                    used: Level::default(),
                })
                .collect(),
            yards: spec
                .yards
                .iter()
                .map(|_| YardState {
                    inside: 0,
                    banned: None,
                    banned_for: 0,
                    waiting: VecDeque::new(),
                    stats: QueueStats::default(),
                    level: Level::default(),
                })
                .collect(),
            weather: spec
                .weather
                .iter()
                .map(|x| WeatherState {
                    calm: true,
                    shut: 0,
                    rng: named(&x.name),
                    waiting: Vec::new(),
                    vessels: Vec::new(),
                    stats: QueueStats::default(),
                    closed: Level::default(),
                })
                .collect(),
            counted: vec![Counted::default(); resources(spec).len()],
            ledgers: Ledgers::new(spec),
            numbers: Numbers::of(spec),
            stocked: spec
                .ways
                .iter()
                .map(|w| w.steps.iter().any(|s| matches!(s, Step::Enter { .. } | Step::Take { .. })))
                .collect(),
            kg_in: 0,
            kg_inside: 0,
            kg_out: 0,
            kg_day: 0,
            out: Outcome::default(),
            entered: Vec::new(),
            ready: Vec::new(),
        }
    }

    fn start(&mut self) {
        for f in 0..self.flows.len() as u32 {
            self.next_of_flow(f);
        }
        for i in 0..self.weather.len() as u32 {
            // Shut at the start as often as at any time.
            let share = self.spell(i).map_or(0.0, |s| s.0);
            let u: f64 = self.weather[i as usize].rng.random();
            if u < share {
                self.weather[i as usize].calm = false;
                self.weather[i as usize].closed.add(Time::START, 1);
            }
            self.next_weather(i);
            for (from, till) in &self.spec.weather[i as usize].shut {
                self.k.schedule(Time::from_h(from.max(0.0)), 0, Event::Shut(i, true));
                self.k.schedule(Time::from_h(*till), 0, Event::Shut(i, false));
            }
        }
        for b in 0..self.boardings.len() as u32 {
            let spec = &self.spec.boardings[b as usize];
            if spec.background > 0.0 {
                let first = Span::from_h(exp(&mut self.boardings[b as usize].others) / spec.background);
                self.k.after(first, Event::Other(b));
            }
            match spec.departure {
                Departure::Timetable => self.next_departure(b),
                Departure::Headway => {
                    let u: f64 = self.boardings[b as usize].phase.random();
                    self.k.after(Span((spec.headway.0 as f64 * u) as u64), Event::Departs(b));
                }
                Departure::WhenFull | Departure::OnDemand => {}
            }
        }
        for v in 0..self.vessels.len() as u32 {
            let (fleet, end) = (self.vessels[v as usize].fleet as usize, self.vessels[v as usize].end);
            let b = self.spec.fleets[fleet].ends[end] as usize;
            self.boardings[b].idle.push_back(v);
        }
        self.k.schedule(Time::from_h(24.0), 0, Event::Day);
    }

    fn now(&self) -> Time {
        self.k.now()
    }

    /// Schedules the next consignment of a flow: unit-rate exponential time, spent at the rate of each month.
    fn next_of_flow(&mut self, f: u32) {
        let spec = &self.spec.flows[f as usize];
        let state = &mut self.flows[f as usize];
        if let Some(h) = spec.ready_h.get(state.made as usize) {
            self.k.at(Time::from_h(*h), Event::Ready(f));
            return;
        }
        let mut need = exp(&mut state.rng);
        loop {
            let m = self.spec.months.partition_point(|m| m.0 <= state.at_h);
            let Some((end, _)) = self.spec.months.get(m) else { return };
            let rate = spec.rate[m];
            let here = (end - state.at_h) * rate;
            if here >= need && rate > 0.0 {
                state.at_h += need / rate;
                self.k.at(Time::from_h(state.at_h), Event::Ready(f));
                return;
            }
            need -= here;
            state.at_h = *end;
        }
    }

    fn handle(&mut self, e: Event) {
        let now = self.now();
        self.out.events += 1;
        match e {
            Event::Ready(f) => self.ready(f),
            Event::Proceed(c) => {
                self.consignments[c as usize].step += 1;
                self.ready.push(c);
            }
            Event::GateFree(g) => self.gate_free(g),
            Event::GateOpens(g) => {
                self.gates[g as usize].opening = false;
                self.serve(g);
            }
            Event::TrainLeaves(t, number) => {
                // A train that filled up has left before.
                let train = &self.trains[t as usize];
                if train.gathering && train.number == number {
                    self.leave_yard(t);
                }
            }
            Event::TrainThrough(t) => {
                self.trains[t as usize].part += 1;
                self.train_on(t);
            }
            Event::SectionDone(l, run) => {
                let gone = self.lines[l as usize].leave_section(now, run, &mut self.entered);
                self.enter_sections(l);
                if gone {
                    let t = &mut self.trains[run.train as usize];
                    // What the line took beyond the running time is delay.
                    let parts = &self.spec.paths[t.path as usize];
                    if let Part::Single { km, .. } = parts.parts[t.part as usize] {
                        let own = Span((t.motion.0 as f64 * km / parts.km.max(1e-9)) as u64);
                        t.delay = t.delay + Span(now.since(t.since).0.saturating_sub(own.0));
                    }
                    t.part += 1;
                    self.train_on(run.train);
                }
            }
            Event::Departs(b) => self.departs(b),
            Event::VesselBack(b) => {
                self.boardings[b as usize].there = true;
                self.boardings[b as usize].afloat.take(now, 1);
                self.perhaps_departs(b);
            }
            Event::Other(b) => {
                let spec = &self.spec.boardings[b as usize];
                let wait = Span::from_h(exp(&mut self.boardings[b as usize].others) / spec.background);
                self.k.after(wait, Event::Other(b));
                self.ledgers.waits(self.numbers.boarding(b), 1000.0);
                self.board(b, Who::Other, 1000, 1);
            }
            Event::Impatient(b, departures) => {
                if self.boardings[b as usize].departures == departures {
                    self.sail_if_there(b);
                }
            }
            Event::Arrives(v) => self.vessel_arrives(v),
            Event::AlongsideDone(v) => self.alongside_done(v),
            Event::Weather(i) => self.weather_changes(i),
            Event::Shut(i, shut) => self.shut(i, shut),
            Event::Back(p, n) => {
                let pool = &mut self.pools[p as usize];
                pool.returning -= n;
                pool.idle += n;
                pool.used.take(now, u64::from(n));
                self.hand_out(p);
            }
            Event::Day => self.day(),
        }
        while let Some(c) = self.ready.pop() {
            self.step(c);
        }
        assert!(self.kg_in == self.kg_inside + self.kg_out, "every tonne is somewhere");
    }

    /// A consignment is ready: its way is chosen and its luck drawn from a stream of its own, so that it meets the same in
    /// every scenario.
    fn ready(&mut self, f: u32) {
        let now = self.now();
        let spec = self.spec;
        let flow = &spec.flows[f as usize];
        let n = self.flows[f as usize].made;
        self.flows[f as usize].made += 1;
        self.next_of_flow(f);
        let mut rng = stream(self.seed, &format!("{}/consignment/{}/{n}", self.replication, flow.name));
        let u: f64 = rng.random();
        let choices = &flow.choices[spec.month_at(now.h())];
        if choices.is_empty() {
            return;
        }
        let Some(way) = self.chosen(f, choices, u) else {
            self.out.stayed.push((f, now.h()));
            return;
        };
        let mut shared: Vec<f32> = Vec::with_capacity(usize::from(spec.ways[way as usize].groups));
        for _ in 0..spec.ways[way as usize].groups {
            shared.push(StandardNormal.sample(&mut rng));
        }
        let i = match self.free.pop() {
            Some(i) => i,
            None => {
                self.consignments.push(Consignment {
                    flow: 0,
                    way: 0,
                    step: 0,
                    class: 0,
                    alive: false,
                    born: now,
                    activity: Activity::Moving,
                    since: now,
                    times: [0; ACTIVITIES],
                    z: Vec::new(),
                    due: now,
                    booked: Vec::new(),
                });
                self.consignments.len() as u32 - 1
            }
        };
        let c = &mut self.consignments[i as usize];
        (c.flow, c.way, c.step, c.class, c.alive) = (f, way, 0, flow.class, true);
        (c.born, c.since, c.activity) = (now, now, Activity::Moving);
        c.times = [0; ACTIVITIES];
        c.z.clear();
        let mut last = 0.0;
        for step in &spec.ways[way as usize].steps {
            let z = match step {
                Step::Stay(d, _)
                | Step::Gate { draw: d, .. }
                | Step::Haul { draw: d, .. }
                | Step::Board { draw: d, .. } => {
                    let own: f32 = StandardNormal.sample(&mut rng);
                    if d.as_before {
                        last
                    } else {
                        d.rho.sqrt() * shared[usize::from(d.group)] + (1.0 - d.rho).sqrt() * own
                    }
                }
                _ => 0.0,
            };
            last = z;
            c.z.push(z);
        }
        self.kg_in += flow.kg;
        self.kg_inside += flow.kg;
        self.book(i);
        self.ready.push(i);
    }

    /// The way taken by a consignment that has drawn `u`: by costs with what is booked now; `None`: it stays where it is.
    fn chosen(&self, f: u32, choices: &[(u32, f64)], u: f64) -> Option<u32> {
        let flow = &self.spec.flows[f as usize];
        let least = choices.iter().map(|c| c.1).fold(f64::INFINITY, f64::min);
        let costs: Vec<f64> = choices
            .iter()
            .map(|(way, usd)| usd + flow.usd_per_h * self.foreseen_h(*way, flow.class, |_, _| {}))
            .collect();
        let shares = shares(&costs, least, self.spec.choice_scale, flow.stays_at_usd);
        let mut below = 0.0;
        let at = shares.iter().position(|p| {
            below += p;
            u < below
        });
        // Rounding leaves a hair above the last share.
        match at {
            Some(i) => choices.get(i).map(|c| c.0),
            None => choices.last().map(|c| c.0),
        }
    }

    /// Hours that whoever is ready now is told that he will wait on a way; `each` hears of every use and the hour of the run
    /// at which it is reached. Relief goods wait for no turn.
    fn foreseen_h(&self, way: u32, class: u8, mut each: impl FnMut(usize, f64)) -> f64 {
        let now = self.k.now().h();
        let mut waits = 0.0;
        for (i, used) in self.spec.ways[way as usize].uses.iter().enumerate() {
            let at = now + f64::from(used.at_h) + waits;
            each(i, at);
            waits += match used.what {
                For::Turn(ledger, _) if class > 0 => self.ledgers.wait_h(ledger, now, at),
                For::Turn(..) => 0.0,
                For::Weather(i) => (self.reopens_h(i) - at).max(0.0),
            };
        }
        waits
    }

    /// Hour of the run at which a port is expected to be open: now, or after the closure that is in force.
    fn reopens_h(&self, i: u32) -> f64 {
        let now = self.k.now().h();
        let w = &self.weather[i as usize];
        let spell = if w.calm { 0.0 } else { self.spell(i).map_or(0.0, |s| s.1) };
        let shut = self.spec.weather[i as usize].shut.iter();
        let shut = shut.filter(|s| w.shut > 0 && s.0 <= now && now < s.1).map(|s| s.1);
        shut.fold(now + spell, f64::max)
    }

    /// Books all that a consignment will wait for, on the days on which it should be there.
    fn book(&mut self, c: u32) {
        let (way, class) = (self.consignments[c as usize].way, self.consignments[c as usize].class);
        let mut booked = std::mem::take(&mut self.consignments[c as usize].booked);
        let mut hours = Vec::with_capacity(self.spec.ways[way as usize].uses.len());
        self.foreseen_h(way, class, |_, h| hours.push(h));
        booked.clear();
        for (used, h) in self.spec.ways[way as usize].uses.iter().zip(hours) {
            booked.push(match used.what {
                For::Turn(ledger, work) => self.ledgers.book(ledger, h, f64::from(work)),
                For::Weather(_) => SERVED,
            });
        }
        self.consignments[c as usize].booked = booked;
    }

    /// A consignment has what it booked of a ledger at its step; how much work that was.
    fn served(&mut self, c: u32, ledger: u32) -> f64 {
        let x = &mut self.consignments[c as usize];
        let uses = &self.spec.ways[x.way as usize].uses;
        let first = uses.partition_point(|u| u.step < x.step);
        for (used, day) in uses.iter().zip(&mut x.booked).skip(first).take_while(|(u, _)| u.step == x.step) {
            if let For::Turn(of, work) = used.what
                && of == ledger
                && *day != SERVED
            {
                let work = f64::from(work);
                self.ledgers.served(ledger, *day, work);
                *day = SERVED;
                return work;
            }
        }
        0.0
    }

    /// A train has what its members booked, and took `full` of it.
    fn train_served(&mut self, t: u32, ledger: u32, full: f64) {
        let members = std::mem::take(&mut self.trains[t as usize].members);
        let work: f64 = members.iter().map(|c| self.served(*c, ledger)).sum();
        self.ledgers.train(ledger, work, full);
        self.trains[t as usize].members = members;
    }

    fn drawn(&self, c: u32, d: Draw) -> Span {
        let c = &self.consignments[c as usize];
        self.duration(&d, f64::from(c.z[usize::from(c.step)]))
    }

    /// A duration at a standard normal variate.
    fn duration(&self, d: &Draw, z: f64) -> Span {
        let factor = d.factor.map_or(1.0, |f| self.factors[usize::from(f)]);
        Span::from_h(self.spec.quantiles[d.quantiles as usize].at(z) * f64::from(d.times) * factor)
    }

    fn does(&mut self, c: u32, activity: Activity) {
        let now = self.k.now();
        let c = &mut self.consignments[c as usize];
        c.times[c.activity as usize] += now.since(c.since).0;
        (c.activity, c.since) = (activity, now);
    }

    /// Begins the step at which a consignment stands.
    fn step(&mut self, c: u32) {
        let now = self.now();
        let spec = self.spec;
        let (way, step, class) = {
            let c = &self.consignments[c as usize];
            (c.way, c.step, c.class)
        };
        let Some(step) = spec.ways[way as usize].steps.get(usize::from(step)) else {
            return self.delivered(c);
        };
        match *step {
            Step::Stay(draw, activity) => {
                self.does(c, activity);
                let span = self.drawn(c, draw);
                self.k.after(span, Event::Proceed(c));
            }
            Step::Gate { gate, work, .. } => {
                self.does(c, spec.gates[gate as usize].waiting);
                self.gate(gate, Who::Consignment(c), class, work);
            }
            Step::Haul { path, wagons, full, draw } => self.haul(c, path, wagons, full, draw),
            Step::Board { boarding, units, .. } => {
                self.does(c, Activity::AwaitsDeparture);
                self.board(boarding, Who::Consignment(c), units, class);
            }
            Step::Weather(i) => {
                if self.weather[i as usize].open() {
                    self.weather[i as usize].stats.pass();
                    self.k.schedule(now, u8::MAX, Event::Proceed(c));
                } else {
                    self.does(c, Activity::AwaitsWeather);
                    self.weather[i as usize].stats.enter(now);
                    self.weather[i as usize].waiting.push((c, now));
                }
            }
            Step::Take { pool, units } => {
                self.does(c, Activity::AwaitsEquipment);
                let p = &mut self.pools[pool as usize];
                p.stats.enter(now);
                p.queues[usize::from(class)].push_back((c, units, now));
                self.hand_out(pool);
            }
            Step::Give { pool, units, back } => {
                let units = units.min(spec.pools[pool as usize].count);
                self.pools[pool as usize].returning += units;
                self.k.after(back, Event::Back(pool, units));
                self.k.schedule(now, u8::MAX, Event::Proceed(c));
            }
            Step::Accept(y) => {
                let yard = &mut self.yards[y as usize];
                if yard.banned.is_some() && class > 0 {
                    yard.stats.enter(now);
                    yard.waiting.push_back((c, now));
                    self.does(c, Activity::AwaitsAcceptance);
                } else {
                    yard.stats.pass();
                    self.k.schedule(now, u8::MAX, Event::Proceed(c));
                }
            }
            Step::Enter { yard, units } => {
                let y = &mut self.yards[yard as usize];
                y.inside += units;
                y.level.add(now, u64::from(units));
                if y.inside >= spec.yards[yard as usize].ban_at && y.banned.is_none() {
                    y.banned = Some(now);
                }
                self.k.schedule(now, u8::MAX, Event::Proceed(c));
            }
            Step::Leave { yard, units } => {
                let y = &mut self.yards[yard as usize];
                y.inside -= units;
                y.level.take(now, u64::from(units));
                if y.inside <= spec.yards[yard as usize].lift_at
                    && let Some(since) = y.banned.take()
                {
                    y.banned_for += now.since(since).0;
                    for (c, since) in std::mem::take(&mut y.waiting) {
                        self.yards[yard as usize].stats.leave(now, since);
                        self.k.schedule(now, u8::MAX, Event::Proceed(c));
                    }
                }
                self.k.schedule(now, u8::MAX, Event::Proceed(c));
            }
        }
    }

    fn delivered(&mut self, c: u32) {
        self.does(c, Activity::Moving);
        let now = self.now();
        let x = &mut self.consignments[c as usize];
        x.alive = false;
        let kg = self.spec.flows[x.flow as usize].kg;
        self.out.deliveries.push(Delivery {
            flow: x.flow,
            born_h: x.born.h(),
            transit_h: now.since(x.born).h(),
            activities: x.times.map(|t| Span(t).h() as f32),
            way: x.way,
        });
        self.free.push(c);
        self.kg_inside -= kg;
        self.kg_out += kg;
        self.kg_day += kg;
    }

    // Gates.

    fn gate(&mut self, g: u32, who: Who, class: u8, work: Span) {
        let now = self.now();
        let gate = &mut self.gates[g as usize];
        gate.stats.enter(now);
        gate.queues[usize::from(class)].push_back((who, now, work));
        self.serve(g);
    }

    /// Time until a gate opens; none if it is open.
    fn until_open(&self, g: u32) -> Span {
        let Some((opens, closes)) = self.spec.gates[g as usize].hours else { return Span::ZERO };
        let h = (self.spec.hour_of_week + self.k.now().h()).rem_euclid(24.0);
        let since = (h - opens).rem_euclid(24.0);
        if since < (closes - opens).rem_euclid(24.0) { Span::ZERO } else { Span::from_h(24.0 - since) }
    }

    fn serve(&mut self, g: u32) {
        let now = self.now();
        loop {
            let wait = self.until_open(g);
            let gate = &mut self.gates[g as usize];
            if gate.busy >= self.spec.gates[g as usize].lanes || gate.queues.iter().all(VecDeque::is_empty) {
                return;
            }
            if wait > Span::ZERO {
                if !gate.opening {
                    gate.opening = true;
                    // A microsecond more, so that rounding does not find it still shut.
                    self.k.after(wait + Span(1), Event::GateOpens(g));
                }
                return;
            }
            let Some((who, since, work)) = gate.queues.iter_mut().find_map(VecDeque::pop_front) else {
                return;
            };
            gate.busy += 1;
            gate.stats.leave(now, since);
            gate.working.add(now, 1);
            self.k.after(work, Event::GateFree(g));
            match who {
                Who::Consignment(c) => {
                    self.served(c, g);
                    let x = &self.consignments[c as usize];
                    let step = self.spec.ways[x.way as usize].steps[usize::from(x.step)];
                    if let Step::Gate { draw, activity, .. } = step {
                        self.does(c, activity);
                        let span = self.drawn(c, draw).max(work);
                        self.k.after(span, Event::Proceed(c));
                    }
                }
                Who::Train(t) => {
                    let train = &mut self.trains[t as usize];
                    train.delay = train.delay + now.since(since);
                    self.train_served(t, g, work.h());
                    self.train_does(t, Activity::Moving);
                    self.k.schedule(now, u8::MAX, Event::TrainThrough(t));
                }
                Who::Other => {}
            }
        }
    }

    fn gate_free(&mut self, g: u32) {
        let now = self.now();
        let gate = &mut self.gates[g as usize];
        gate.busy -= 1;
        gate.working.take(now, 1);
        self.serve(g);
    }

    // Trains.

    /// A consignment gathers with others of its path into a train. It leaves at the latest when what remains of its running
    /// time is that of a train in motion; it arrives when its own running time is over, and later by what the train was held up.
    fn haul(&mut self, c: u32, path: u32, wagons: u32, full: u32, draw: Draw) {
        self.does(c, Activity::Moving);
        let now = self.now();
        let span = self.drawn(c, draw);
        let motion = Span::from_h(self.spec.paths[path as usize].km / self.spec.motion_kmh).0.min(span.0);
        self.consignments[c as usize].due = now + span;
        let class = self.consignments[c as usize].class;
        if let Some(t) = self.gathering[path as usize] {
            let train = &mut self.trains[t as usize];
            if train.wagons + wagons <= full && train.class == class {
                train.wagons += wagons;
                train.members.push(c);
                train.motion = Span(train.motion.0.min(motion));
                if train.wagons >= full {
                    self.leave_yard(t);
                }
                return;
            }
        }
        let t = match self.free_trains.pop() {
            Some(t) => t,
            None => {
                self.trains.push(Train::default());
                self.trains.len() as u32 - 1
            }
        };
        let train = &mut self.trains[t as usize];
        train.number += 1;
        train.members.clear();
        train.members.push(c);
        (train.path, train.part, train.class, train.wagons) = (path, 0, class, wagons);
        (train.motion, train.delay, train.since, train.gathering) = (Span(motion), Span::ZERO, now, true);
        let number = train.number;
        if wagons < full {
            // One that had no room for this consignment leaves by itself when its time has come.
            self.gathering[path as usize] = Some(t);
        }
        self.k.after(Span(span.0 - motion), Event::TrainLeaves(t, number));
    }

    fn leave_yard(&mut self, t: u32) {
        let train = &mut self.trains[t as usize];
        train.gathering = false;
        let path = train.path as usize;
        if self.gathering[path] == Some(t) {
            self.gathering[path] = None;
        }
        self.train_on(t);
    }

    fn train_does(&mut self, t: u32, activity: Activity) {
        let members = std::mem::take(&mut self.trains[t as usize].members);
        for c in &members {
            self.does(*c, activity);
        }
        self.trains[t as usize].members = members;
    }

    /// A train begins the next part of its path, or has come to its end.
    fn train_on(&mut self, t: u32) {
        let now = self.now();
        let train = &mut self.trains[t as usize];
        train.since = now;
        let path = &self.spec.paths[train.path as usize];
        let own = |km: f64| Span((train.motion.0 as f64 * km / path.km.max(1e-9)) as u64);
        match path.parts.get(usize::from(train.part)) {
            Some(Part::Free { km }) => self.k.after(own(*km), Event::TrainThrough(t)),
            Some(Part::Paths { gate, work }) => {
                let class = train.class;
                self.train_does(t, Activity::AwaitsTrack);
                self.gate(*gate, Who::Train(t), class, *work);
            }
            Some(Part::Single { line, forward, .. }) => {
                let class = train.class;
                self.lines[*line as usize].arrive(now, t, *forward, class, &mut self.entered);
                self.enter_sections(*line);
            }
            None => {
                let (members, delay) = (std::mem::take(&mut train.members), train.delay);
                for c in &members {
                    let due = self.consignments[*c as usize].due + delay;
                    self.k.at(due.max(now), Event::Proceed(*c));
                }
                self.trains[t as usize].members = members;
                self.trains[t as usize].members.clear();
                self.free_trains.push(t);
            }
        }
    }

    fn enter_sections(&mut self, l: u32) {
        let sections = self.lines[l as usize].sections() as f64;
        for run in std::mem::take(&mut self.entered) {
            let train = &self.trains[run.train as usize];
            let path = &self.spec.paths[train.path as usize];
            if let Part::Single { km, .. } = path.parts[usize::from(train.part)] {
                let span = Span((train.motion.0 as f64 * km / path.km.max(1e-9) / sections) as u64);
                self.k.after(span, Event::SectionDone(l, run));
                if run.section == if run.forward { 0 } else { sections as u32 - 1 } {
                    self.train_served(run.train, self.numbers.line(l), km / self.spec.motion_kmh / sections);
                }
            }
        }
    }

    // Services.

    fn board(&mut self, b: u32, who: Who, units: u32, class: u8) {
        let now = self.now();
        let state = &mut self.boardings[b as usize];
        let first = state.units == 0;
        state.stats.enter(now);
        state.units += u64::from(units);
        state.queues[usize::from(class)].push_back((who, units, now));
        if first && let Some(wait) = self.spec.boardings[b as usize].at_latest {
            self.k.after(wait, Event::Impatient(b, state.departures));
        }
        self.perhaps_departs(b);
    }

    fn next_departure(&mut self, b: u32) {
        let spec = &self.spec.boardings[b as usize];
        // A minute later, so that the departure just made is not found again.
        let h = self.spec.hour_of_week + self.k.now().h() + 1.0 / 60.0;
        let wait = next_departure(&spec.times, h) + 1.0 / 60.0;
        self.k.after(Span::from_h(wait), Event::Departs(b));
    }

    /// A departure of a timetable or headway.
    fn departs(&mut self, b: u32) {
        let spec = &self.spec.boardings[b as usize];
        match spec.departure {
            Departure::Timetable => self.next_departure(b),
            _ => self.k.after(spec.headway, Event::Departs(b)),
        }
        if spec.fleet.is_some() {
            self.sail_if_there(b);
        } else {
            self.sail(b);
        }
    }

    /// Departs if it goes when full, is full and has a vessel.
    fn perhaps_departs(&mut self, b: u32) {
        let spec = &self.spec.boardings[b as usize];
        if spec.departure != Departure::WhenFull {
            return;
        }
        while self.boardings[b as usize].units >= u64::from(spec.capacity) {
            if spec.fleet.is_some() {
                if !self.sail_if_there(b) {
                    return;
                }
            } else {
                if !self.boardings[b as usize].there {
                    return;
                }
                self.sail(b);
            }
        }
    }

    /// Takes aboard what fits, in order; those who are wholly aboard.
    fn take_aboard(&mut self, b: u32) -> Vec<u32> {
        let now = self.now();
        let mut room = self.spec.boardings[b as usize].capacity;
        let state = &mut self.boardings[b as usize];
        state.departures += 1;
        let (mut aboard, mut others) = (Vec::new(), 0);
        'full: for queue in &mut state.queues {
            while let Some((who, units, since)) = queue.front_mut() {
                if room == 0 {
                    break 'full;
                }
                let taken = room.min(*units);
                room -= taken;
                if matches!(who, Who::Consignment(_)) {
                    state.carried += u64::from(taken);
                }
                *units -= taken;
                state.units -= u64::from(taken);
                if *units > 0 {
                    break 'full;
                }
                state.stats.leave(now, *since);
                match who {
                    Who::Consignment(c) => aboard.push(*c),
                    _ => others += 1,
                }
                queue.pop_front();
            }
        }
        let ledger = self.numbers.boarding(b);
        self.ledgers.waits_no_longer(ledger, 1000.0 * f64::from(others));
        for c in &aboard {
            self.served(*c, ledger);
        }
        let state = &self.boardings[b as usize];
        if state.units > 0
            && let Some(wait) = self.spec.boardings[b as usize].at_latest
        {
            self.k.after(wait, Event::Impatient(b, state.departures));
        }
        aboard
    }

    /// A departure without a fleet: each consignment aboard takes its own running time.
    fn sail(&mut self, b: u32) {
        let aboard = self.take_aboard(b);
        let now = self.now();
        let spec = &self.spec.boardings[b as usize];
        for c in aboard {
            let x = &self.consignments[c as usize];
            if let Step::Board { draw, .. } = self.spec.ways[x.way as usize].steps[usize::from(x.step)] {
                self.does(c, Activity::Moving);
                let span = self.drawn(c, draw);
                self.k.after(span, Event::Proceed(c));
            }
        }
        if spec.departure == Departure::WhenFull {
            let state = &mut self.boardings[b as usize];
            state.there = false;
            state.afloat.add(now, 1);
            self.k.after(spec.headway, Event::VesselBack(b));
        }
    }

    /// A departure of a fleet's vessel, if one lies idle here; else one is called from the other end if it lies idle there
    /// and has no full load to wait for.
    fn sail_if_there(&mut self, b: u32) -> bool {
        let spec = &self.spec.boardings[b as usize];
        let Some(fleet) = spec.fleet else {
            if self.boardings[b as usize].there {
                self.sail(b);
                return true;
            }
            return false;
        };
        if let Some(v) = self.boardings[b as usize].idle.pop_front() {
            let aboard = self.take_aboard(b);
            for c in &aboard {
                self.does(*c, Activity::Handled);
            }
            let vessel = &mut self.vessels[v as usize];
            vessel.aboard = aboard;
            vessel.loading = true;
            let now = self.now();
            self.fleets[fleet as usize].add(now, 1);
            self.alongside(v);
            return true;
        }
        let ends = self.spec.fleets[fleet as usize].ends;
        let other = if ends[0] == b { ends[1] } else { ends[0] };
        let full_loads = self.boardings[b as usize].units / u64::from(spec.capacity.max(1));
        let other_full =
            self.boardings[other as usize].units >= u64::from(self.spec.boardings[other as usize].capacity);
        if u64::from(self.boardings[b as usize].coming) < full_loads.max(1)
            && !other_full
            && !self.boardings[other as usize].idle.is_empty()
        {
            // It takes along what waits there.
            self.sail_if_there(other);
        }
        false
    }

    fn alongside(&mut self, v: u32) {
        let now = self.now();
        let vessel = &self.vessels[v as usize];
        let fleet = &self.spec.fleets[vessel.fleet as usize];
        if vessel.loading {
            let there = fleet.ends[1 - vessel.end];
            self.boardings[there as usize].coming += 1;
        }
        match fleet.berths[vessel.end] {
            None => self.k.schedule(now, u8::MAX, Event::AlongsideDone(v)),
            Some(berth) => {
                if let Some(v) = self.berths[berth as usize].0.arrive(now, v, 1) {
                    self.handle_ship(berth, v);
                }
            }
        }
    }

    fn handle_ship(&mut self, berth: u32, v: u32) {
        let q = self.spec.berths[berth as usize].alongside;
        let z: f64 = StandardNormal.sample(&mut self.berths[berth as usize].1);
        let span = Span::from_h(self.spec.quantiles[q as usize].at(z));
        self.k.after(span, Event::AlongsideDone(v));
    }

    fn alongside_done(&mut self, v: u32) {
        let now = self.now();
        let (fleet, end, loading) = {
            let x = &self.vessels[v as usize];
            (x.fleet, x.end, x.loading)
        };
        let spec = &self.spec.fleets[fleet as usize];
        if let Some(berth) = spec.berths[end]
            && let Some(next) = self.berths[berth as usize].0.done(now)
        {
            self.handle_ship(berth, next);
        }
        let b = spec.ends[end];
        if loading {
            self.vessels[v as usize].loading = false;
            match self.spec.boardings[b as usize].weather {
                Some(i) if !self.weather[i as usize].open() => {
                    for c in self.vessels[v as usize].aboard.clone() {
                        self.does(c, Activity::AwaitsWeather);
                    }
                    self.weather[i as usize].stats.enter(now);
                    self.weather[i as usize].vessels.push((v, now));
                }
                weather => {
                    if let Some(i) = weather {
                        self.weather[i as usize].stats.pass();
                    }
                    self.put_to_sea(v);
                }
            }
        } else {
            for c in std::mem::take(&mut self.vessels[v as usize].aboard) {
                self.k.schedule(now, u8::MAX, Event::Proceed(c));
            }
            self.fleets[fleet as usize].take(now, 1);
            self.boardings[b as usize].coming -= 1;
            self.boardings[b as usize].idle.push_back(v);
            self.perhaps_departs(b);
            let longest =
                self.boardings[b as usize].queues.iter().filter_map(|q| q.front()).map(|q| q.2).min();
            if let (Some(since), Some(most)) = (longest, self.spec.boardings[b as usize].at_latest)
                && since + most <= now
            {
                self.sail_if_there(b);
            }
            // Called to the other end if a full load waits there and nobody comes.
            let other = spec.ends[1 - end];
            let spec = &self.spec.boardings[other as usize];
            if spec.departure == Departure::WhenFull
                && self.boardings[other as usize].units >= u64::from(spec.capacity)
            {
                self.sail_if_there(other);
            }
        }
    }

    fn put_to_sea(&mut self, v: u32) {
        let (fleet, end) = (self.vessels[v as usize].fleet, self.vessels[v as usize].end);
        let b = self.spec.fleets[fleet as usize].ends[end];
        for c in self.vessels[v as usize].aboard.clone() {
            self.does(c, Activity::Moving);
        }
        let z: f64 = StandardNormal.sample(&mut self.boardings[b as usize].sea);
        let span = self.spec.boardings[b as usize].run.map_or(Span::ZERO, |d| self.duration(&d, z));
        self.vessels[v as usize].end = 1 - end;
        self.k.after(span, Event::Arrives(v));
    }

    fn vessel_arrives(&mut self, v: u32) {
        for c in self.vessels[v as usize].aboard.clone() {
            self.does(c, Activity::Handled);
        }
        self.alongside(v);
    }

    // Weather.

    /// Share of time closed and mean closure at a node now.
    fn spell(&self, i: u32) -> Option<(f64, f64)> {
        let month = self.spec.months[self.spec.month_at(self.k.now().h())].1;
        self.spec.weather[i as usize].months[usize::from(month)]
    }

    /// Schedules the next opening or closing; by the month in which the spell begins, and anew at its end where it never closes.
    fn next_weather(&mut self, i: u32) {
        let now = self.k.now().h();
        let mean = match self.spell(i) {
            Some((share, spell)) if share > 0.0 => {
                if self.weather[i as usize].calm {
                    spell * (1.0 - share) / share
                } else {
                    spell
                }
            }
            _ => f64::INFINITY,
        };
        let month_end = self.spec.months[self.spec.month_at(now)].0;
        let x = exp(&mut self.weather[i as usize].rng) * mean;
        if now + x < month_end {
            self.k.after(Span::from_h(x), Event::Weather(i));
        } else if month_end < f64::from(self.spec.days) * 24.0 {
            // Without memory: at the month's end the spell is drawn anew by the next month.
            self.k.schedule(Time::from_h(month_end) + Span(1), 0, Event::Weather(i | MONTH));
        }
    }

    fn weather_changes(&mut self, i: u32) {
        if i & MONTH != 0 {
            return self.next_weather(i & !MONTH);
        }
        let was = self.weather[i as usize].open();
        self.weather[i as usize].calm = !self.weather[i as usize].calm;
        self.opens_or_closes(i, was);
        self.next_weather(i);
    }

    fn shut(&mut self, i: u32, shut: bool) {
        let w = &mut self.weather[i as usize];
        let was = w.open();
        w.shut = if shut { w.shut + 1 } else { w.shut - 1 };
        self.opens_or_closes(i, was);
    }

    /// Lets those who waited go where a port has opened.
    fn opens_or_closes(&mut self, i: u32, was_open: bool) {
        let now = self.now();
        let w = &mut self.weather[i as usize];
        match (was_open, w.open()) {
            (false, true) => {
                w.closed.take(now, 1);
                for (c, since) in std::mem::take(&mut w.waiting) {
                    self.weather[i as usize].stats.leave(now, since);
                    self.k.schedule(now, u8::MAX, Event::Proceed(c));
                }
                for (v, since) in std::mem::take(&mut self.weather[i as usize].vessels) {
                    self.weather[i as usize].stats.leave(now, since);
                    self.put_to_sea(v);
                }
            }
            (true, false) => w.closed.add(now, 1),
            _ => {}
        }
    }

    // Equipment.

    fn hand_out(&mut self, p: u32) {
        let now = self.now();
        let total = self.spec.pools[p as usize].count;
        let pool = &mut self.pools[p as usize];
        let mut had = Vec::new();
        'none: for queue in &mut pool.queues {
            while let Some((c, units, since)) = queue.front().copied() {
                // More than there are at all are as many as there are.
                if units.min(total) > pool.idle {
                    break 'none;
                }
                queue.pop_front();
                let units = units.min(total);
                pool.idle -= units;
                pool.used.add(now, u64::from(units));
                pool.stats.leave(now, since);
                had.push(c);
            }
        }
        for c in had {
            self.served(c, self.numbers.pool(p));
            self.k.schedule(now, u8::MAX, Event::Proceed(c));
        }
    }

    // The record.

    fn day(&mut self) {
        let now = self.now();
        let mut totals: Vec<Counted> = Vec::with_capacity(self.counted.len());
        let of = |q: &QueueStats, busy: u128| Counted {
            waiting: q.length.area(now),
            busy,
            served: q.waits.count(),
            waited: q.waits.sum(),
            units: 0,
        };
        totals.extend(self.gates.iter().map(|g| of(&g.stats, g.working.area(now))));
        totals.extend(self.lines.iter().map(|l| of(&l.stats, l.busy.area(now))));
        totals.extend(
            self.boardings.iter().map(|b| Counted { units: b.carried, ..of(&b.stats, b.afloat.area(now)) }),
        );
        totals.extend(self.fleets.iter().map(|f| Counted { busy: f.area(now), ..Counted::default() }));
        totals.extend(self.berths.iter().map(|(b, _)| of(&b.stats, b.busy.area(now))));
        totals.extend(self.pools.iter().map(|p| of(&p.stats, p.used.area(now))));
        totals.extend(self.yards.iter().map(|y| of(&y.stats, y.level.area(now))));
        totals.extend(self.weather.iter().map(|w| of(&w.stats, w.closed.area(now))));
        const DAY: f64 = 24.0 * 3.6e9;
        let row = totals
            .iter()
            .zip(&self.counted)
            .map(|(t, c)| DayOf {
                waiting: ((t.waiting - c.waiting) as f64 / DAY) as f32,
                busy: ((t.busy - c.busy) as f64 / DAY) as f32,
                served: (t.served - c.served) as u32,
                waited_h: ((t.waited - c.waited) as f64 / 3.6e9) as f32,
                units: ((t.units - c.units) as f64 / 1e3) as f32,
            })
            .collect();
        self.counted = totals;
        self.out.days.push(row);
        self.out.under_way.push(self.consignments.iter().filter(|c| c.alive).count() as u32);
        self.out.tonnes.push((self.kg_day as f64 / 1000.0) as f32);
        self.kg_day = 0;
        self.ledgers.next_day();
        self.check();
        if now.h() + 24.0 <= f64::from(self.spec.days) * 24.0 + 1e-6 {
            self.k.schedule(now + Span::from_h(24.0), 0, Event::Day);
        }
    }

    /// Counts everything anew and holds it against the running figures.
    fn check(&self) {
        let kg: u64 =
            self.consignments.iter().filter(|c| c.alive).map(|c| self.spec.flows[c.flow as usize].kg).sum();
        assert_eq!(kg, self.kg_inside, "tonnes under way");
        let mut inside = vec![0u32; self.yards.len()];
        let mut held = vec![0u32; self.pools.len()];
        for c in self.consignments.iter().filter(|c| c.alive) {
            if !self.stocked[c.way as usize] {
                continue;
            }
            // The end of a day comes first in its instant, so no step is half done.
            for s in &self.spec.ways[c.way as usize].steps[..usize::from(c.step)] {
                match *s {
                    Step::Enter { yard, units } => inside[yard as usize] += units,
                    Step::Leave { yard, units } => inside[yard as usize] -= units,
                    Step::Take { pool, units } => {
                        held[pool as usize] += units.min(self.spec.pools[pool as usize].count);
                    }
                    Step::Give { pool, units, .. } => {
                        held[pool as usize] -= units.min(self.spec.pools[pool as usize].count);
                    }
                    _ => {}
                }
            }
        }
        for (y, inside) in self.yards.iter().zip(&inside) {
            assert_eq!(y.inside, *inside, "wagons in a yard");
        }
        for ((p, spec), held) in self.pools.iter().zip(&self.spec.pools).zip(&held) {
            assert_eq!(p.idle + p.returning + held, spec.count, "equipment of {}", spec.name);
        }
        if cfg!(debug_assertions) {
            self.check_bookings();
        }
        for b in &self.boardings {
            let waiting: u64 = b.queues.iter().flatten().map(|q| u64::from(q.1)).sum();
            assert_eq!(waiting, b.units, "units that wait to board");
        }
        for f in 0..self.spec.fleets.len() {
            let idle: usize =
                self.spec.fleets[f].ends.iter().map(|b| self.boardings[*b as usize].idle.len()).sum();
            assert_eq!(
                idle as u64 + self.fleets[f].value(),
                u64::from(self.spec.fleets[f].vessels),
                "vessels"
            );
        }
    }

    /// What consignments have booked, and who waits without, is what stands in the ledgers.
    fn check_bookings(&self) {
        let mut booked = vec![0.0; self.ledgers.len()];
        for c in self.consignments.iter().filter(|c| c.alive) {
            for (used, day) in self.spec.ways[c.way as usize].uses.iter().zip(&c.booked) {
                if let For::Turn(ledger, work) = used.what
                    && *day != SERVED
                {
                    booked[ledger as usize] += f64::from(work);
                }
            }
        }
        for (b, state) in self.boardings.iter().enumerate() {
            let others = state.queues.iter().flatten().filter(|q| q.0 == Who::Other).count();
            booked[self.numbers.boarding(b as u32) as usize] += 1000.0 * others as f64;
        }
        for (i, booked) in booked.into_iter().enumerate() {
            if let Some(stands) = self.ledgers.outstanding(i as u32) {
                assert!((stands - booked).abs() < 1e-6 * (1.0 + booked), "booked: {stands} for {booked}");
            }
        }
    }

    fn finish(mut self) -> Outcome {
        let now = self.now();
        let queues = self
            .gates
            .iter()
            .map(|g| &g.stats)
            .chain(self.lines.iter().map(|l| &l.stats))
            .chain(self.boardings.iter().map(|b| &b.stats))
            .chain(self.berths.iter().map(|b| &b.0.stats))
            .chain(self.pools.iter().map(|p| &p.stats))
            .chain(self.yards.iter().map(|y| &y.stats))
            .chain(self.weather.iter().map(|w| &w.stats));
        for q in queues {
            assert!(q.little(now), "Little's law");
        }
        let alive = self.consignments.iter().filter(|c| c.alive);
        let unfinished = alive.map(|c| Unfinished { flow: c.flow, born_h: c.born.h(), way: c.way });
        self.out.unfinished = unfinished.collect();
        self.out.unfinished.sort_by(|a, b| a.flow.cmp(&b.flow).then(a.born_h.total_cmp(&b.born_h)));
        self.out.banned_h = self
            .yards
            .iter()
            .map(|y| Span(y.banned_for + y.banned.map_or(0, |b| now.since(b).0)).h())
            .collect();
        self.out
    }
}

/// In place of a day: what was booked is had.
const SERVED: u16 = u16::MAX;

/// Marks an event of weather as the end of a month.
const MONTH: u32 = 1 << 31;

/// A unit exponential variate.
fn exp(rng: &mut ChaCha8Rng) -> f64 {
    Exp1.sample(rng)
}
