//! What was observed, and what was learnt from it: outcomes that a model is scored against, the parameters of
//! processes estimated from them, and names of places that observations use.
//!
//! No plan, assignment or demand reads `observation`: it holds outcomes. What engines read is `calibration`,
//! which `karvan calibrate` writes.

use jiff::civil::Date;

use crate::cell::{Claim, Id, List, words};
use crate::table::table;

words!(
    /// What is measured.
    Measure {
        /// Place to place, with borders, ports and waiting on the way.
        TransitTime = "transit_time",
        /// One crossing of a sea, berth to berth.
        SailingTime = "sailing_time",
        /// One crossing of one border, arrival to departure.
        BorderTime = "border_time",
        /// What one lorry or wagon pays at one crossing.
        BorderCost = "border_cost",
        /// Stay of a vessel, train or unit in a terminal.
        DwellTime = "dwell_time",
        /// Moving one stated load between train and ship.
        LoadingTime = "loading_time",
        /// Waiting in a queue or for a ship.
        WaitingTime = "waiting_time",
        /// Distance over time with stops and borders.
        SpeedWithDelay = "speed_with_delay",
        /// Distance over time in motion.
        SpeedWithoutDelay = "speed_without_delay",
        /// 20 t over 500 km.
        TransportCost = "transport_cost",
        /// Price of goods.
        Price = "price",
        /// Cargo carried or handled in the period.
        Tonnage = "tonnage",
        /// The same in boxes.
        Containers = "containers",
        /// The same in wagons.
        Wagons = "wagons",
        /// The same in lorries.
        Trucks = "trucks",
        /// The same in trains.
        Trains = "trains",
        /// Calls or voyages in the period.
        VesselCalls = "vessel_calls",
        /// Vehicles waiting at one moment of the period.
        QueueLength = "queue_length",
        /// Mean load of a wagon.
        LoadPerWagon = "load_per_wagon",
        /// Share of time shut.
        ClosureShare = "closure_share",
        /// Share of capacity used.
        CapacityUtilisation = "capacity_utilisation",
        /// What can pass.
        Capacity = "capacity",
        /// A length.
        Distance = "distance",
        /// None of these.
        Other = "other",
    }
);
words!(
    /// How a place, a journey or a flow is meant to be carried.
    ObservedMode {
        Rail = "rail",
        Road = "road",
        Sea = "sea",
        /// Lorries, or any cargo, on ro-ro, ro-pax and rail ferries.
        Ferry = "ferry",
        /// Wagons on ferries.
        RailFerry = "rail_ferry",
        /// All that is handled in a port.
        Port = "port",
        Pipeline = "pipeline",
        /// Rail, a sea, and rail or sea again.
        Multimodal = "multimodal",
        All = "all",
    }
);
words!(
    /// What of the measured quantity is stated.
    Statistic {
        Mean = "mean",
        Median = "median",
        Min = "min",
        Max = "max",
        Total = "total",
        /// One trip, or one count.
        Single = "single",
        /// Said to be usual.
        Typical = "typical",
    }
);
words!(
    /// How a figure came about.
    Evidence {
        /// Sampled or official statistics.
        Measured = "measured",
        /// Press or operator on what happened.
        Reported = "reported",
        /// Statements, guidance, advertised times.
        Claimed = "claimed",
        /// Planned schedule.
        Timetable = "timetable",
        /// Difference of time stamps of two reports, or figures of one source divided.
        Derived = "derived",
        /// Planned or forecast for the period by those who run or rule what is counted.
        Plan = "plan",
    }
);
words!(
    /// Way of travel, or side of a border, that is counted.
    Direction { In = "in", Out = "out", Both = "both" }
);

table! {
    /// An outcome seen or claimed, as a question a model can be asked. No engine reads it but to be scored, and to estimate `calibration` by folds over its pages.
    Observation = "observation", key ["id"] {
        /// Key.
        id: Id,
        /// What is measured.
        measure: Measure,
        /// Origin: a place, or `country:`, `group:`, `route:`, `carrier:` and a word.
        from: Option<String>,
        /// Destination.
        to: Option<String>,
        /// Where it is measured, if at one place.
        at: Option<String>,
        /// Places, states and carriers on the way.
        via: List<String>,
        /// Mode, which also decides what a place's name means.
        mode: ObservedMode,
        /// Cargo.
        cargo: Option<String>,
        /// Equipment; `22*tank_wagon` is a consignment of 22.
        equipment: Option<String>,
        /// Way of travel, or side of the border.
        direction: Option<Direction>,
        /// First day.
        period_start: Date,
        /// Last day.
        period_end: Date,
        /// Value in `unit`.
        value: f64,
        /// Unit: `h`, `km/h`, `USD/crossing`, `t`, ...
        unit: String,
        /// What of the quantity is stated.
        statistic: Statistic,
        /// How it came about.
        evidence: Evidence,
        /// Whether a model should reproduce it; `no` rows are inputs, plans or too vague.
        outcome: bool,
        /// Value as published.
        value_published: Option<f64>,
        /// Unit as published; a duration in days is known to the day.
        unit_published: Option<String>,
        /// In words.
        what: Option<String>,
        /// Page.
        source_url: String,
        /// Date of the page.
        source_date: Option<String>,
        /// Remark.
        note: Option<String>,
    }
}

words!(
    /// A kind of process whose durations share one parameter.
    ProcessKind {
        /// A train that runs as a whole, stops on the way included.
        RunBlock = "run_block",
        /// Wagons in mixed trains, yards included.
        RunWagonload = "run_wagonload",
        /// A train in motion, its stops left out; no plan uses it.
        RailMotion = "rail_motion",
        RunRoad = "run_road",
        RunSea = "run_sea",
        RunPipeline = "run_pipeline",
        /// Waiting for a departure by sea that no timetable fixes.
        WaitSea = "wait_sea",
        /// Waiting for a train that no timetable fixes.
        WaitTrain = "wait_train",
        /// The post of the state that is left by rail.
        ExitRail = "exit_rail",
        /// The post of the state that is entered by rail.
        EntryRail = "entry_rail",
        ExitRoad = "exit_road",
        EntryRoad = "entry_road",
        /// Change of gauge, of bogies or by moving the cargo over.
        GaugeChange = "gauge_change",
        /// Cargo or boxes between ship, wagon and lorry.
        Handling = "handling",
        /// Rolling on board or ashore, with waiting on the quay.
        Roll = "roll",
        Load = "load",
        Unload = "unload",
        /// What a mean over all crossings of a state by rail holds besides the processes: which of them were sampled. No plan uses it.
        MixRail = "mix_rail",
        /// The same by road.
        MixRoad = "mix_road",
        /// What is paid for 20 t over 500 km relative to the tariffs of the tables, at a mode, a state by a mode. No plan uses it.
        CostTransport = "cost_transport",
        /// What is paid at a crossing relative to the charges of the tables. No plan uses it.
        CostBorder = "cost_border",
        /// How much the mean of one sample differs from another's: a spread without a factor.
        Sample = "sample",
        /// How much what is said or planned differs from what happens: a spread without a factor.
        Statement = "statement",
        /// Waiting for a timetable, the weather or by a rule: not estimated.
        Given = "given",
    }
);

table! {
    /// A parameter estimated by `karvan calibrate`: what multiplies the durations that the tables state. The most specific row counts: crossing or terminal, then state, then all.
    Calibration = "calibration", key ["process", "place", "fold"] {
        /// Kind of process.
        process: ProcessKind,
        /// Key of a node or a state, or a state and a side or mode; empty: wherever no other row of the process holds.
        place: Option<String>,
        /// Fold of pages that was left out; empty: none, the parameters that plans use.
        fold: Option<u32>,
        /// Multiplies the duration; the mean of what is believed.
        factor: f64,
        /// Lower end of the central 95 %.
        low: f64,
        /// Upper end.
        high: f64,
        /// Standard deviation of its logarithm: what is not known, and how places of a kind differ.
        spread: f64,
        /// Rows of `observation` that moved or narrowed it most, the strongest first.
        observations: List<String>,
    }
}

table! {
    /// A page whose observations were used to estimate `calibration`.
    CalibrationPage = "calibration_page", key ["page"] {
        /// Address.
        page: String,
        /// Fold that was estimated without it. Pages that tell of one consignment share a fold.
        fold: u32,
        /// Rows of `observation` used.
        observations: List<String>,
    }
}

words!(
    /// A list of places.
    PlaceList {
        Station = "station",
        Port = "port",
        Crossing = "crossing",
        Town = "town",
        Unlocode = "unlocode",
        Other = "other",
    }
);

table! {
    /// A place that observations may name and that is no node; the nearest node of the mode stands for it.
    NamedPlace = "place", key ["list", "name", "state"] {
        /// List it stands in.
        list: PlaceList,
        /// Name.
        name: String,
        /// ISO 3166-1 alpha-2 code.
        state: String,
        /// Longitude, degrees east, WGS 84.
        lon: f64,
        /// Latitude, degrees north, WGS 84.
        lat: f64,
        /// Where the position comes from.
        claim: Claim,
    }
}
