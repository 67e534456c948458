//! What a simulation runs on: entities and ways, worked out once from a model and the demand.

use jiff::civil::Date;
use karvan_model::calibration::Factor;
use karvan_model::tables::{Departure, Mode};
use karvan_model::{CargoIx, NodeIx, StateIx};
use karvan_network::waits::Quantiles;

use super::bookings::{self, Use};
use crate::time::Span;

/// Goods that are to go from one place to another in a year.
#[derive(Clone, Debug)]
pub struct Flow {
    /// Origin and destination, for print.
    pub relation: (NodeIx, NodeIx),
    /// Nodes at which the journey may start, with kilometres of road to reach them.
    pub from: Vec<(NodeIx, f64)>,
    /// Nodes at which it may end.
    pub to: Vec<(NodeIx, f64)>,
    /// Cargo.
    pub cargo: CargoIx,
    /// Tonnes a year.
    pub tonnes: f64,
    /// Share of the year's tonnes in each month, January first.
    pub season: [f64; 12],
    /// Mass of one consignment, t.
    pub lot_t: f64,
    /// Nodes that they do not pass.
    pub avoid_nodes: Vec<NodeIx>,
    /// States that they do not enter.
    pub avoid_states: Vec<StateIx>,
    /// Modes that they do not use.
    pub avoid_modes: Vec<Mode>,
    /// Places they go via: each a set of nodes one of which is passed.
    pub via: Vec<Vec<NodeIx>>,
    /// Days on each of which one consignment is ready at noon, UTC; none: they come at random through the year.
    pub ready: Vec<Date>,
    /// Whether they are relief goods, which go before others in every queue.
    pub relief: bool,
}

macro_rules! activities {
    ($($(#[doc = $doc:literal])+ $name:ident = $word:literal),+ $(,)?) => {
        /// What a consignment does or waits for.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Activity { $($(#[doc = $doc])+ $name),+ }
        impl Activity {
            /// All, in the order of their times in [`crate::corridor::Delivery`].
            pub const ALL: &'static [Activity] = &[$(Activity::$name),+];
            /// The word in tables.
            pub fn word(self) -> &'static str {
                match self { $(Activity::$name => $word),+ }
            }
        }
    };
}
activities! {
    /// On its way, stops and yards of ordinary running included.
    Moving = "moving",
    /// Being loaded, unloaded, lifted, rolled, moved between equipment, or having its bogies changed.
    Handled = "handled",
    /// In the procedures of a border, or held by a rule.
    Procedures = "border procedures",
    /// Waiting for wagons or lorries.
    AwaitsEquipment = "waiting for equipment",
    /// Waiting at the origin because a port takes no more wagons.
    AwaitsAcceptance = "waiting for acceptance",
    /// Waiting for a path or for a section of single track.
    AwaitsTrack = "waiting for track",
    /// Waiting for its turn at a terminal.
    AwaitsTerminal = "waiting for a terminal",
    /// Waiting for its turn at a border.
    AwaitsBorder = "waiting for a border",
    /// Waiting for a ship or a train of a service.
    AwaitsDeparture = "waiting for a departure",
    /// Waiting for the weather.
    AwaitsWeather = "waiting for the weather",
}

/// Number of activities.
pub const ACTIVITIES: usize = Activity::ALL.len();

/// A duration to be drawn.
#[derive(Clone, Copy, Debug)]
pub struct Draw {
    /// Position in [`Spec::quantiles`].
    pub quantiles: u32,
    /// Times what is drawn from them.
    pub times: f32,
    /// Position among the groups of the way, whose processes share their fortune.
    pub group: u16,
    /// Correlation within the group.
    pub rho: f32,
    /// Position in [`Spec::factors`] of what multiplies it besides, drawn once a replication.
    pub factor: Option<u16>,
    /// Whether it has the luck of the draw before.
    pub as_before: bool,
}

/// A step of a way.
#[derive(Clone, Copy, Debug)]
pub enum Step {
    /// A duration without a queue.
    Stay(Draw, Activity),
    /// A turn at a gate, work that occupies it, and from the beginning of the turn on a duration.
    Gate {
        /// Position in [`Spec::gates`].
        gate: u32,
        /// Time for which a lane is occupied.
        work: Span,
        /// Duration.
        draw: Draw,
        /// What it does meanwhile.
        activity: Activity,
    },
    /// A run by rail over a path with single track or limited paths, in a train.
    Haul {
        /// Position in [`Spec::paths`].
        path: u32,
        /// Wagons.
        wagons: u32,
        /// Wagons at which the train is full.
        full: u32,
        /// Running time, yards included.
        draw: Draw,
    },
    /// Boarding a service, and the running time.
    Board {
        /// Position in [`Spec::boardings`].
        boarding: u32,
        /// Units of its capacity, in thousandths.
        units: u32,
        /// Running time; of a fleet, the vessel's own is drawn.
        draw: Draw,
    },
    /// Waiting until a port or pass is open; position in [`Spec::weather`].
    Weather(u32),
    /// Equipment is taken from a pool.
    Take {
        /// Position in [`Spec::pools`].
        pool: u32,
        /// Number.
        units: u32,
    },
    /// Equipment returns to its pool, some time later.
    Give {
        /// Position in [`Spec::pools`].
        pool: u32,
        /// Number.
        units: u32,
        /// Time of the empty return.
        back: Span,
    },
    /// Waiting until a yard takes wagons again; position in [`Spec::yards`].
    Accept(u32),
    /// Into a yard.
    Enter {
        /// Position in [`Spec::yards`].
        yard: u32,
        /// Wagons.
        units: u32,
    },
    /// Out of a yard.
    Leave {
        /// Position in [`Spec::yards`].
        yard: u32,
        /// Wagons.
        units: u32,
    },
}

/// A way of a consignment.
#[derive(Clone, Debug)]
pub struct Way {
    /// Steps.
    pub steps: Vec<Step>,
    /// Number of groups of processes.
    pub groups: u16,
    /// Generalised cost in the first month in which it is chosen, US dollars: what the choice rests on.
    pub cost_usd: f64,
    /// Mean time without queues in that month, h.
    pub mean_h: f64,
    /// Places passed, for print.
    pub title: String,
    /// What may have to be waited for on it, in order.
    pub uses: Vec<Use>,
}

/// A flow with its consignments and their ways.
#[derive(Clone, Debug)]
pub struct FlowSpec {
    /// Origin, destination and cargo, as printed.
    pub relation: (String, String, String),
    /// Name of its streams of random numbers.
    pub name: String,
    /// Mass of a consignment, kg.
    pub kg: u64,
    /// Class of priority.
    pub class: u8,
    /// Consignments an hour in each month of the run, at random.
    pub rate: Vec<f64>,
    /// Hours of the run at which one consignment each is ready.
    pub ready_h: Vec<f64>,
    /// In each month of the run: ways with their generalised cost without queues, US dollars a consignment; none where none is
    /// open.
    pub choices: Vec<Vec<(u32, f64)>>,
    /// What an hour of a consignment is worth, US dollars.
    pub usd_per_h: f64,
    /// Cost above the least without queues at which half of the consignments stay where they are, US dollars; `None`: all go.
    pub stays_at_usd: Option<f64>,
}

/// What has lanes and takes so much a day: a terminal, a border, a line with a number of paths.
#[derive(Clone, Debug, PartialEq)]
pub struct Gate {
    /// Name, such as `terminal/ID/NODE`.
    pub name: String,
    /// Lanes.
    pub lanes: u32,
    /// Hours of the day, UTC, at which it opens and closes; `None`: always open.
    pub hours: Option<(f64, f64)>,
    /// Unit that it takes, for print.
    pub unit: &'static str,
    /// What it takes a day.
    pub per_day: f64,
    /// Activity of those who wait for it.
    pub waiting: Activity,
}

/// A single-track line with sidings.
#[derive(Clone, Debug)]
pub struct LineSpec {
    /// Name, `link/ID`.
    pub name: String,
    /// Sections.
    pub sections: usize,
}

/// Part of a path.
#[derive(Clone, Copy, Debug)]
pub enum Part {
    /// Kilometres on which trains do not hinder each other.
    Free {
        /// Kilometres.
        km: f64,
    },
    /// A single-track line; position in [`Spec::lines`].
    Single {
        /// Line.
        line: u32,
        /// Direction.
        forward: bool,
        /// Kilometres.
        km: f64,
    },
    /// Paths a day; position in [`Spec::gates`].
    Paths {
        /// Gate.
        gate: u32,
        /// Time between two trains.
        work: Span,
    },
}

/// A path of trains.
#[derive(Clone, Debug)]
pub struct Path {
    /// Parts in order.
    pub parts: Vec<Part>,
    /// Kilometres.
    pub km: f64,
}

/// Where a service is boarded: a stop and a direction.
#[derive(Clone, Debug)]
pub struct Boarding {
    /// Name, `service/ID/STOP`.
    pub name: String,
    /// When it departs.
    pub departure: Departure,
    /// Units one departure takes, in thousandths.
    pub capacity: u32,
    /// Unit, for print.
    pub unit: &'static str,
    /// Time between departures, or until a vessel is there again.
    pub headway: Span,
    /// Departures of a timetable, hours of the week, UTC.
    pub times: Vec<f64>,
    /// Units of other shippers an hour.
    pub background: f64,
    /// Time after the first waits at which it departs though not full.
    pub at_latest: Option<Span>,
    /// The fleet that serves it; `None`: a vessel is there after `headway`.
    pub fleet: Option<u32>,
    /// Weather at the stop, for a fleet's vessels; others wait by themselves.
    pub weather: Option<u32>,
    /// Running time of a fleet's vessel.
    pub run: Option<Draw>,
}

/// Vessels that serve one line of two stops.
#[derive(Clone, Debug)]
pub struct Fleet {
    /// Name, `fleet/ID`.
    pub name: String,
    /// Vessels.
    pub vessels: u32,
    /// Boardings of the two stops.
    pub ends: [u32; 2],
    /// Berths at the two stops; position in [`Spec::berths`].
    pub berths: [Option<u32>; 2],
}

/// Berths of a port.
#[derive(Clone, Debug)]
pub struct Berth {
    /// Name, `berths/ID`.
    pub name: String,
    /// How many.
    pub count: u32,
    /// Time alongside to unload, and again to load; position in [`Spec::quantiles`].
    pub alongside: u32,
}

/// Closures of a node, by month.
#[derive(Clone, Debug)]
pub struct WeatherSpec {
    /// Name, `weather/NODE`.
    pub name: String,
    /// Share of time closed and mean closure, h, by month, January first.
    pub months: [Option<(f64, f64)>; 12],
    /// Hours of the run from and to which it is shut, whatever the weather.
    pub shut: Vec<(f64, f64)>,
}

/// A stock of equipment.
#[derive(Clone, Debug)]
pub struct Pool {
    /// Name, `pool/ID`.
    pub name: String,
    /// How many.
    pub count: u32,
}

/// Room for wagons at a port.
#[derive(Clone, Debug)]
pub struct Yard {
    /// Name, `yard/ID`.
    pub name: String,
    /// Wagons at which acceptance is banned.
    pub ban_at: u32,
    /// Wagons at which the ban is lifted.
    pub lift_at: u32,
}

/// Everything a run needs; replications share it.
#[derive(Clone, Debug, Default)]
pub struct Spec {
    /// Durations as functions of a standard normal variate.
    pub quantiles: Vec<Quantiles>,
    /// Factors on durations that are not known for sure, each with the name of its stream of random numbers.
    pub factors: Vec<(String, Factor)>,
    /// Flows.
    pub flows: Vec<FlowSpec>,
    /// Ways.
    pub ways: Vec<Way>,
    /// Gates.
    pub gates: Vec<Gate>,
    /// Single-track lines.
    pub lines: Vec<LineSpec>,
    /// Paths.
    pub paths: Vec<Path>,
    /// Boardings.
    pub boardings: Vec<Boarding>,
    /// Fleets.
    pub fleets: Vec<Fleet>,
    /// Berths.
    pub berths: Vec<Berth>,
    /// Weather.
    pub weather: Vec<WeatherSpec>,
    /// Pools.
    pub pools: Vec<Pool>,
    /// Yards.
    pub yards: Vec<Yard>,
    /// Hour of the week, UTC, at which the run starts.
    pub hour_of_week: f64,
    /// Hours from the start to the end of each month of the run, or part of one between two days on which ways are found, and
    /// which month it is (0 to 11); the last ends with the run.
    pub months: Vec<(f64, u8)>,
    /// Days of the run.
    pub days: u32,
    /// Speed of a train in motion, km/h.
    pub motion_kmh: f64,
    /// Scale of the choice among ways, per cost relative to the least.
    pub choice_scale: f64,
    /// Flows that have no way in some month, with the months: said, not simulated.
    pub stranded: Vec<(usize, u32)>,
}

impl Spec {
    /// Works out what each way may have to wait for.
    pub fn foresee(&mut self) {
        for way in 0..self.ways.len() {
            self.ways[way].uses = bookings::uses(self, way);
        }
    }

    /// The month of the run at an hour.
    pub fn month_at(&self, h: f64) -> usize {
        self.months.partition_point(|m| m.0 <= h).min(self.months.len().saturating_sub(1))
    }
}

/// A capacity of which there can be one more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Capacity {
    /// What a gate takes a day, by one unit.
    Gate(u32),
    /// A vessel of a fleet.
    Fleet(u32),
    /// A berth.
    Berth(u32),
    /// A piece of equipment.
    Pool(u32),
    /// Units that one departure takes.
    Boarding(u32),
}

impl Spec {
    /// The same with one unit more of a capacity.
    pub fn with_one_more(&self, capacity: Capacity) -> Spec {
        let mut s = self.clone();
        match capacity {
            Capacity::Gate(g) => {
                let gate = &mut s.gates[g as usize];
                let k = gate.per_day / (gate.per_day + 1.0);
                gate.per_day += 1.0;
                let scaled = |w: &mut Span| *w = Span((w.0 as f64 * k) as u64);
                for way in &mut s.ways {
                    for step in &mut way.steps {
                        if let Step::Gate { gate, work, .. } = step
                            && *gate == g
                        {
                            scaled(work);
                        }
                    }
                }
                for path in &mut s.paths {
                    for part in &mut path.parts {
                        if let Part::Paths { gate, work } = part
                            && *gate == g
                        {
                            scaled(work);
                        }
                    }
                }
                s.foresee();
            }
            Capacity::Fleet(f) => s.fleets[f as usize].vessels += 1,
            Capacity::Berth(b) => s.berths[b as usize].count += 1,
            Capacity::Pool(p) => s.pools[p as usize].count += 1,
            Capacity::Boarding(b) => s.boardings[b as usize].capacity += 1000,
        }
        s
    }

    /// Name of a capacity.
    pub fn capacity_name(&self, capacity: Capacity) -> &str {
        match capacity {
            Capacity::Gate(i) => &self.gates[i as usize].name,
            Capacity::Fleet(i) => &self.fleets[i as usize].name,
            Capacity::Berth(i) => &self.berths[i as usize].name,
            Capacity::Pool(i) => &self.pools[i as usize].name,
            Capacity::Boarding(i) => &self.boardings[i as usize].name,
        }
    }

    /// What one unit of a capacity is.
    pub fn capacity_unit(&self, capacity: Capacity) -> String {
        match capacity {
            Capacity::Gate(i) => format!("{} a day", self.gates[i as usize].unit),
            Capacity::Fleet(_) => "vessel".into(),
            Capacity::Berth(_) => "berth".into(),
            Capacity::Pool(_) => "piece of equipment".into(),
            Capacity::Boarding(i) => format!("{} a departure", self.boardings[i as usize].unit),
        }
    }
}
