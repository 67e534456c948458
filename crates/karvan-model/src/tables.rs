//! The tables of a model. `docs/model-format.md` and the JSON schemas are generated from this file.
//!
//! A model is a folder with `model.toml` and one or more CSV files a table: `link.csv` and
//! `link.osm.csv` together are table `link`, so that parts under different licences stay apart.

use jiff::civil::Date;
use karvan_units::{Dist, Estimate, Hours, Km, Tonnes};

use crate::cell::{Claim, Id, List, Ref, words};
pub use crate::observed::{Calibration, CalibrationPage, NamedPlace, Observation};
use crate::table::table;

words!(
    /// What moves along a link or a service.
    Mode { Rail = "rail", Road = "road", Sea = "sea", InlandWater = "inland_water", Pipeline = "pipeline" }
);
words!(
    /// What a node is.
    NodeKind {
        /// Rail station or yard.
        Station = "station",
        /// Sea or river port, with its rail and road ends.
        Port = "port",
        /// Border crossing point.
        Border = "border",
        /// Town or city: where roads start and end.
        Town = "town",
        /// Dry port, logistics centre, tank farm, mine or plant.
        Terminal = "terminal",
        /// Stand-in for a part of the world outside the modelled region.
        Gateway = "gateway",
        /// Where lines meet, nothing more.
        Junction = "junction",
        /// Point of a sea lane.
        Waypoint = "waypoint",
    }
);
words!(
    /// State of a link.
    LinkState {
        /// Carries freight.
        Open = "open",
        /// Exists, carries none.
        Closed = "closed",
        /// Being built or rebuilt.
        Building = "building",
        /// Decided or proposed.
        Planned = "planned",
        /// Taken up.
        Dismantled = "dismantled",
    }
);
words!(
    /// Traction current.
    Electrified { No = "no", Ac25 = "ac25", Dc3 = "dc3", Yes = "yes" }
);
words!(
    /// Kind of equipment: what a consignment rides in.
    EquipmentKind {
        TankWagon = "tank_wagon",
        HopperWagon = "hopper_wagon",
        CoveredWagon = "covered_wagon",
        Gondola = "gondola",
        /// Flat wagon with containers.
        FlatWagon = "flat_wagon",
        ReeferWagon = "reefer_wagon",
        /// Curtain-sided or box lorry.
        Truck = "truck",
        TankTruck = "tank_truck",
        ReeferTruck = "reefer_truck",
        TipperTruck = "tipper_truck",
        /// Lorry with a container chassis.
        ContainerTruck = "container_truck",
        Tanker = "tanker",
        DryCargoShip = "dry_cargo_ship",
        /// Container feeder vessel.
        Feeder = "feeder",
        /// Ocean container ship.
        ContainerShip = "container_ship",
        Pipeline = "pipeline",
        /// Vessel that carries wagons; never a consignment's own equipment.
        RailFerry = "rail_ferry",
        /// Vessel that carries lorries (and wagons, where its row says so).
        RoPax = "ro_pax",
    }
);
words!(
    /// What a unit of equipment is counted in.
    Unit { Wagon = "wagon", Teu = "teu", Truck = "truck", Tonne = "t" }
);
words!(
    /// Physical form of a cargo, which decides what can handle it.
    CargoKind {
        LiquidBulk = "liquid_bulk",
        DryBulk = "dry_bulk",
        /// Bagged, boxed, palletised, bundled.
        General = "general",
        /// Needs a set temperature.
        Reefer = "reefer",
        /// In containers whose content is not asked about.
        Container = "container",
        Gas = "gas",
    }
);
words!(
    /// What is done at a terminal.
    Operation {
        /// Cargo moves from one piece of equipment to another.
        Transload = "transload",
        /// A container moves between wagon, lorry and ship.
        Lift = "lift",
        /// Bogies are changed; the cargo stays in its wagon.
        Regauge = "regauge",
        /// A wagon or lorry rolls on board or ashore, with its waiting for papers on the quay.
        Roll = "roll",
        /// Loading at the origin.
        Load = "load",
        /// Unloading at the destination.
        Unload = "unload",
    }
);
words!(
    /// What a price or a charge is per.
    Per {
        Tonne = "t",
        TonneKm = "t_km",
        Wagon = "wagon",
        WagonKm = "wagon_km",
        Teu = "teu",
        TeuKm = "teu_km",
        Truck = "truck",
        TruckKm = "truck_km",
        Consignment = "consignment",
    }
);
words!(
    /// How a wagon travels.
    TrainKind {
        /// In mixed trains, re-formed at yards.
        Wagonload = "wagonload",
        /// As a whole train from origin to destination.
        Block = "block",
    }
);
words!(
    /// When a service departs.
    Departure {
        /// At stated local times of the week.
        Timetable = "timetable",
        /// Every `headway_h` on average.
        Headway = "headway",
        /// When it is full.
        WhenFull = "when_full",
        /// Chartered: after `headway_h` of positioning.
        OnDemand = "on_demand",
    }
);
words!(
    /// Between which stops a service carries.
    Pattern {
        /// From any stop to any other.
        AnyPair = "any_pair",
        /// Along the stops in both directions.
        Line = "line",
        /// Along the stops in the stated order only.
        OneWay = "one_way",
    }
);
words!(
    /// State of a border crossing point for international freight.
    BorderState {
        Open = "open",
        Closed = "closed",
        /// Open to some traffic only; the note says to which. Closed to what the row does not name.
        Restricted = "restricted",
    }
);
words!(
    /// Whether a border has procedures.
    Procedure {
        /// Customs, border guard and railway or haulier formalities of both states.
        Full = "full",
        /// None: transit through a corner of a state, or one customs and border area.
        None = "none",
    }
);
words!(
    /// What a rule does.
    Effect {
        /// The movement may not take place.
        Forbid = "forbid",
        /// The movement may take place although a wider rule forbids it.
        Permit = "permit",
        /// The movement costs more by `value`.
        Charge = "charge",
        /// Charges of wider rules and tariffs are not raised.
        Waive = "waive",
        /// The tariff of carriage is lower by the share `value`. Of several, and of waivers, the greatest counts.
        Discount = "discount",
        /// The movement may take place until `quota` of the period is used up, and uses it.
        Ration = "ration",
        /// The movement takes longer by `delay`.
        Delay = "delay",
        /// The movement needs the paper named in `paper`.
        Paper = "paper",
        /// The movement is looked at in a share `probability` of cases, and then takes longer by `delay_h`.
        Inspect = "inspect",
        /// The contract of carriage gives the movement a day for each `value` km begun, and `delay_h` besides: its
        /// term of delivery. Of several, that of the most decisive rule.
        Term = "term",
    }
);
words!(
    /// What a quota is counted in. A consignment that is not carried in the unit is not concerned.
    QuotaUnit { Tonne = "t", Wagon = "wagon", Teu = "teu", Truck = "truck", Consignment = "consignment" }
);
words!(
    /// After what a quota begins anew.
    QuotaPeriod {
        /// Each calendar year.
        Year = "year",
        /// Each calendar month.
        Month = "month",
        /// Never.
        Once = "once",
    }
);
words!(
    /// What there is a number of, beyond what tables of operations say.
    FacilityKind {
        /// Vessels that serve the lines of `services` together.
        Vessels = "vessels",
        /// Berths at `nodes` for the vessels of `services`, or of all.
        Berths = "berths",
        /// Room for `equipment` that waits at `nodes` to go on board.
        Yard = "yard",
        /// Lanes of a border crossing at `nodes` for `mode`.
        Lanes = "lanes",
        /// Stock of `equipment` that is loaded in `states`.
        Pool = "pool",
        /// No vessel leaves the ports at `nodes` from the first to the last day, whatever the weather.
        Closure = "closure",
    }
);
words!(
    /// What a rule governs.
    Governs {
        /// Leaving the state in which the cargo originates.
        Export = "export",
        /// Entering the state of destination.
        Import = "import",
        /// Passing through a state that is neither.
        Transit = "transit",
        /// Carriage as such, wherever it takes place.
        Carriage = "carriage",
    }
);

words!(
    /// Unit of a quantity of trade.
    TradeUnit {
        /// Tonnes.
        Tonne = "t",
        /// US dollars of the year.
        Usd = "usd",
    }
);
words!(
    /// An end of a flow of trade.
    TradeEnd {
        /// Where goods are made, mined or leave a port for the model.
        Origin = "origin",
        /// Where goods are used.
        Destination = "destination",
    }
);
words!(
    /// Unit in which traffic is counted.
    TrafficUnit {
        Tonne = "t",
        /// Wagons, those under containers too.
        Wagon = "wagon",
        Teu = "teu",
        Truck = "truck",
        /// Trains of as many wagons as make a block train of the equipment.
        Train = "train",
    }
);
words!(
    /// Period to which a capacity belongs.
    CapacityPeriod { Day = "day", Year = "year" }
);
words!(
    /// How exactly the day of an event is known.
    Precision {
        /// The day.
        Day = "day",
        /// The month; its first day stands for it.
        Month = "month",
        /// The year; its first day stands for it.
        Year = "year",
    }
);
words!(
    /// What an event of the chronicle is to the model.
    EventClass {
        /// A decision with legal effect on carriage: it forbids, permits, charges, waives, rations, sets a tariff, or brings a state under a convention.
        Rule = "rule",
        /// A service begins, changes or ends, or its price does.
        Service = "service",
        /// A line, road, port, terminal or crossing opens, closes, is built or changes its capacity.
        LinkState = "link_state",
        /// Something seen: a shipment, a queue, a storm, the state of works. Never an input.
        Observation = "observation",
        /// Something said, asked for, planned or agreed in principle.
        Context = "context",
    }
);

table! {
    /// A state or customs territory that the model knows.
    State = "state", key ["id"] {
        /// ISO 3166-1 alpha-2 code.
        id: Id,
        /// Official short name in English.
        name_en: String,
        /// Name in Russian.
        name_ru: Option<String>,
        /// ISO 4217 code of its currency.
        currency: String,
        /// IANA time zone used where a node names none.
        time_zone: String,
        /// Where this comes from.
        claim: Claim,
    }
}

table! {
    /// A place (GMNS node).
    Node = "node", key ["id"] {
        /// Key.
        id: Id,
        /// Kind of place.
        kind: NodeKind,
        /// Official name in Latin script.
        name_en: String,
        /// Name in Russian.
        name_ru: Option<String>,
        /// Name in Azerbaijani.
        name_az: Option<String>,
        /// Name in Kazakh.
        name_kk: Option<String>,
        /// Name in Georgian.
        name_ka: Option<String>,
        /// Name in Armenian.
        name_hy: Option<String>,
        /// Name in Turkish.
        name_tr: Option<String>,
        /// Name in Chinese.
        name_zh: Option<String>,
        /// Other names in any script: former, local, of other languages.
        aliases: List<String>,
        /// State in which it lies; empty at sea. A border node lies between two and names the first of its `border` row.
        state: Option<Ref<State>>,
        /// Longitude, degrees east, WGS 84.
        lon: f64,
        /// Latitude, degrees north, WGS 84.
        lat: f64,
        /// UN/LOCODE.
        unlocode: Option<String>,
        /// ESR station code of the 1520 mm network, six digits with the control digit.
        esr: Option<String>,
        /// Town to which a station, port or terminal belongs: asking for the town asks for these too.
        town: Option<Ref<Node>>,
        /// IANA time zone, where not the state's.
        time_zone: Option<String>,
        /// Inhabitants, to rank names by.
        population: Option<f64>,
        /// Where position and names come from.
        claim: Claim,
    }
}

table! {
    /// A stretch of line, road, lane or pipe between two nodes, in one state (GMNS link).
    Link = "link", key ["id"] {
        /// Key.
        id: Id,
        /// First node.
        from: Ref<Node>,
        /// Second node.
        to: Ref<Node>,
        /// Mode.
        mode: Mode,
        /// State through which it runs; empty at sea. Links of different states meet only at a node with a `border` row.
        state: Option<Ref<State>>,
        /// Name of the line or lane.
        name: Option<String>,
        /// True length.
        length_km: Km,
        /// Rail gauge; empty where not rail. Two where dual gauge is laid.
        gauge_mm: List<u32>,
        /// Traction current; empty where unknown.
        electrified: Option<Electrified>,
        /// Number of main tracks; empty where unknown.
        tracks: Option<u32>,
        /// Speed of freight in motion; empty: as in `performance`.
        speed_kmh: Option<Estimate>,
        /// Trains a day each way, or tonnes a year for a pipeline; empty where unknown.
        capacity: Option<Estimate>,
        /// Whether it may be used from `from` to `to` only.
        one_way: bool,
        /// Cargo carried, by key of `cargo`; empty: any (pipelines name theirs).
        cargo: List<Ref<Cargo>>,
        /// Owner or infrastructure manager.
        owner: Option<String>,
        /// Length of gaps in the data that were bridged by us.
        bridged_km: Option<Km>,
        /// Where length and course come from.
        claim: Claim,
    }
}

table! {
    /// Course of a link, for maps only: lengths stand in `link`.
    Geometry = "geometry", key ["link"] {
        /// Link.
        link: Ref<Link>,
        /// Positions from `from` to `to`: `lon lat` pairs with commas between.
        line: String,
    }
}

impl Geometry {
    /// Positions from first to last, degrees east and north; what is no pair of numbers is left out.
    pub fn points(&self) -> Vec<[f64; 2]> {
        let pair = |p: &str| {
            let (lon, lat) = p.trim().split_once(' ')?;
            Some([lon.parse().ok()?, lat.trim().parse().ok()?])
        };
        self.line.split(',').filter_map(pair).collect()
    }
}

table! {
    /// Dated state of a link. A link without a row is open; with rows, it is closed on days outside all of them.
    StateOfLink = "link_state", key ["link", "from"] {
        /// Link.
        link: Ref<Link>,
        /// State in this interval.
        state: LinkState,
        /// First day; empty: since ever.
        from: Option<Date>,
        /// First day after; empty: lasting.
        till: Option<Date>,
        /// What happened, by whose decision, and which day was assumed where only a month or year is known.
        note: Option<String>,
        /// Where the state and its dates come from.
        claim: Claim,
    }
}

table! {
    /// One thing done at nodes: cargo loaded, unloaded, moved between equipment, or gauge changed. Of several rows that fit, one that names the node wins over one that names its state, and that over one that names its kind.
    Terminal = "terminal", key ["id"] {
        /// Key.
        id: Id,
        /// Nodes at which it is done; empty: as `states` and `node_kinds` say.
        nodes: List<Ref<Node>>,
        /// States in which it is done; empty: any.
        states: List<Ref<State>>,
        /// Kinds of node at which it is done; empty: only at `nodes`.
        node_kinds: List<NodeKind>,
        /// What is done.
        operation: Operation,
        /// Equipment before (for `load`: empty; for `roll`: what rolls).
        from_equipment: List<EquipmentKind>,
        /// Equipment after (for `unload`: empty; for `roll`: empty).
        to_equipment: List<EquipmentKind>,
        /// Gauge before and after, for wagons at a break of gauge: `1520;1435`. Empty: no change.
        gauges_mm: List<u32>,
        /// Whether it is done the other way round too.
        both_ways: bool,
        /// Forms of cargo handled; empty: any.
        cargo_kinds: List<CargoKind>,
        /// Time from arrival to readiness for one consignment, without the queue for a ship.
        duration_h: Dist,
        /// What can be handled a day, in `capacity_unit`; larger consignments take longer in proportion.
        capacity_per_day: Option<Estimate>,
        /// Unit of the capacity.
        capacity_unit: Option<Unit>,
        /// Charge.
        charge: Estimate,
        /// ISO 4217 code.
        currency: String,
        /// Price year of the charge.
        price_year: u32,
        /// What the charge is per.
        per: Per,
        /// Operator, who is paid.
        operator: Option<String>,
        /// First day it can be done; empty: since ever.
        from: Option<Date>,
        /// First day it no longer can.
        till: Option<Date>,
        /// Remark.
        note: Option<String>,
        /// Where it is known from that this is done here.
        claim: Claim,
        /// Where the duration comes from.
        duration_claim: Claim,
        /// Where the charge comes from.
        charge_claim: Claim,
    }
}

table! {
    /// Crossing of two states at a node by one mode. Without a row with state `open`, a crossing is closed to international freight.
    Border = "border", key ["id"] {
        /// Key.
        id: Id,
        /// Node; its links of this mode lie in `state_a` or `state_b`.
        node: Ref<Node>,
        /// Mode.
        mode: Mode,
        /// First state.
        state_a: Ref<State>,
        /// Second state.
        state_b: Ref<State>,
        /// State for international freight.
        status: BorderState,
        /// First day of this row; empty: since ever.
        from: Option<Date>,
        /// First day after; empty: lasting.
        till: Option<Date>,
        /// Whether there are procedures.
        procedure: Procedure,
        /// Arrival to departure, from `state_a` to `state_b`, both posts.
        duration_ab_h: Dist,
        /// The same from `state_b` to `state_a`.
        duration_ba_h: Dist,
        /// What a unit pays at the crossing, from `state_a` to `state_b`.
        charge_ab: Estimate,
        /// The same from `state_b` to `state_a`.
        charge_ba: Estimate,
        /// ISO 4217 code.
        currency: String,
        /// Price year of the charges.
        price_year: u32,
        /// What the charges are per.
        per: Per,
        /// Vehicles or trains a day; empty where unknown.
        capacity_per_day: Option<Estimate>,
        /// Remark: opening hours, restrictions, by whose decision.
        note: Option<String>,
        /// Where the status comes from.
        claim: Claim,
        /// Where the durations come from.
        duration_claim: Claim,
        /// Where the charges come from.
        charge_claim: Claim,
    }
}

table! {
    /// A vessel line, tramp trade, block train or truck service.
    Service = "service", key ["id"] {
        /// Key.
        id: Id,
        /// Name.
        name: String,
        /// Mode.
        mode: Mode,
        /// Stops, in order.
        stops: List<Ref<Node>>,
        /// Between which stops it carries.
        pattern: Pattern,
        /// Operator, who is paid.
        operator: Option<String>,
        /// State of the flag or of the operator.
        flag: Option<Ref<State>>,
        /// Vessel or train type.
        vehicle: Ref<Equipment>,
        /// Equipment that a consignment rides in: wagons and lorries on ferries, flat wagons on block trains; the vessel's own kind where the cargo itself is stowed.
        carries: List<EquipmentKind>,
        /// Units one departure takes, in `capacity_unit`.
        capacity: Estimate,
        /// Unit of the capacity.
        capacity_unit: Unit,
        /// When it departs.
        departure: Departure,
        /// Local departure times at the first stop, such as `Tue 18:00`; for `timetable`.
        times: List<String>,
        /// Local departure times at the last stop, for `timetable` of a `line` that runs both ways.
        times_back: List<String>,
        /// Hours between departures of the line; for `headway`, `when_full` (at best) and `on_demand` (positioning).
        headway_h: Option<Estimate>,
        /// Units of other shippers that arrive a day at one end; for `when_full`.
        fill_per_day: Option<Estimate>,
        /// Running time from first to last stop, departure to arrival; empty: distance over `speed_kmh`.
        duration_h: Option<Dist>,
        /// Speed in motion, where no duration is given.
        speed_kmh: Option<Estimate>,
        /// Price.
        price: Estimate,
        /// ISO 4217 code.
        currency: String,
        /// Price year.
        price_year: u32,
        /// What the price is per.
        per: Per,
        /// First day of operation; empty: since ever.
        from: Option<Date>,
        /// First day after the last.
        till: Option<Date>,
        /// Remark.
        note: Option<String>,
        /// Where it is known from that the service runs.
        claim: Claim,
        /// Where departures, filling and capacity come from.
        schedule_claim: Claim,
        /// Where the running time comes from.
        duration_claim: Claim,
        /// Where the price comes from.
        price_claim: Claim,
    }
}

table! {
    /// Closure of a port or pass by weather: a two-state process by month.
    Weather = "weather", key ["id"] {
        /// Key.
        id: Id,
        /// Node that closes.
        node: Ref<Node>,
        /// Months, 1 to 12; empty: all.
        months: List<u32>,
        /// Share of time closed, 0 to 1.
        closed_share: Estimate,
        /// Mean length of a closure.
        mean_spell_h: Estimate,
        /// Region whose weather it shares: processes of one region are correlated.
        region: String,
        /// Where this comes from.
        claim: Claim,
    }
}

table! {
    /// How many there are of something that consignments wait for: read by simulations. What has no row is not short.
    Facility = "facility", key ["id"] {
        /// Key.
        id: Id,
        /// What there is.
        what: FacilityKind,
        /// Lines that vessels serve, or whose vessels use the berths; empty: all. Those of one fleet have the same two stops and are boarded together.
        services: List<Ref<Service>>,
        /// Where berths, yards, lanes and closures are.
        nodes: List<Ref<Node>>,
        /// Mode, for `lanes`.
        mode: Option<Mode>,
        /// Where equipment of a pool is loaded; empty: everywhere.
        states: List<Ref<State>>,
        /// Equipment kinds of a pool or a yard.
        equipment: List<EquipmentKind>,
        /// How many: vessels, berths, places, lanes, pieces; of a closure nothing.
        count: Option<Estimate>,
        /// Opening hours of lanes, local time, such as `08:00-20:00`; empty: always open.
        hours: Option<String>,
        /// Time alongside to unload, and again to load, for `berths`.
        alongside_h: Option<Dist>,
        /// Hours after which vessels that sail when full sail all the same; empty: never.
        after_h: Option<Estimate>,
        /// Share of the usual load that vessels take, 0 to 1, as where the sea is low; empty: all of it.
        load_share: Option<Estimate>,
        /// Share of the places of a yard below which a ban on acceptance is lifted; it is imposed when the yard is full.
        lift_share: Option<Estimate>,
        /// First day; empty: since ever.
        from: Option<Date>,
        /// First day after; empty: lasting.
        till: Option<Date>,
        /// Remark.
        note: Option<String>,
        /// Where this comes from.
        claim: Claim,
    }
}

table! {
    /// A permission, prohibition, charge, waiver, delay or required paper. Empty conditions hold for all.
    Rule = "rule", key ["id"] {
        /// Key.
        id: Id,
        /// What it says, in one sentence, and by whose decision.
        what: String,
        /// First day; empty: since ever.
        from: Option<Date>,
        /// First day after; empty: lasting.
        till: Option<Date>,
        /// What it governs.
        governs: Governs,
        /// State whose territory or customs it binds (for `carriage`: through which the movement runs).
        states: List<Ref<State>>,
        /// Groups whose members of the day it binds so, besides `states`.
        state_groups: List<Ref<Group>>,
        /// Nodes at which it binds.
        nodes: List<Ref<Node>>,
        /// Modes.
        modes: List<Mode>,
        /// Equipment kinds.
        equipment: List<EquipmentKind>,
        /// HS code prefixes of the cargo.
        hs: List<String>,
        /// RID/ADR classes of the cargo, by leading text: `3`, `2.1`.
        rid: List<String>,
        /// Forms of the cargo.
        cargo_kinds: List<CargoKind>,
        /// States of origin.
        origin: List<Ref<State>>,
        /// Groups of origin: their members of the day, besides `origin`.
        origin_groups: List<Ref<Group>>,
        /// States of destination.
        destination: List<Ref<State>>,
        /// Groups of destination: their members of the day, besides `destination`.
        destination_groups: List<Ref<Group>>,
        /// States of previous transit: those through which the cargo has come before the movement, origin apart. The states that the rule binds are none of them.
        passed: List<Ref<State>>,
        /// States in which the lorry is registered, also where it rides on a vessel. Binds lorries alone.
        registration: List<Ref<State>>,
        /// Groups of registration: their members of the day, besides `registration`.
        registration_groups: List<Ref<Group>>,
        /// States of the vessel's flag or of the operator: of a service its `flag`; of other trains the state in which they run.
        flag: List<Ref<State>>,
        /// Groups of the flag or operator: their members of the day, besides `flag`.
        flag_groups: List<Ref<Group>>,
        /// Least mass of the consignment.
        min_t: Option<Tonnes>,
        /// Greatest mass of the consignment.
        max_t: Option<Tonnes>,
        /// Effect.
        effect: Effect,
        /// Amount, for `charge`; fee of a `paper`; share of the tariff, 0 to 1, for `discount`; km a day, for `term`.
        value: Option<Estimate>,
        /// ISO 4217 code, for `charge` and the fee of a `paper`.
        currency: Option<String>,
        /// What the charge or the fee is per.
        per: Option<Per>,
        /// Added time, for `delay` and `inspect`; time in which a `paper` is got; what a `term` has besides the distance.
        delay_h: Option<Dist>,
        /// In which share of cases, above 0 and up to 1; for `inspect`.
        probability: Option<f64>,
        /// Paper needed, for `paper`: `SMGS consignment note`.
        paper: Option<String>,
        /// Who issues the paper or is paid the charge.
        authority: Option<String>,
        /// Amount that may go, for `ration`. A rule of another effect with a quota holds until it is used up.
        quota: Option<f64>,
        /// What the quota is counted in.
        quota_unit: Option<QuotaUnit>,
        /// After what the quota begins anew.
        quota_period: Option<QuotaPeriod>,
        /// Remark: which day was assumed, what is disputed.
        note: Option<String>,
        /// Decision or report that it rests on.
        claim: Claim,
    }
}

table! {
    /// A bloc, convention or agreement.
    Group = "group", key ["id"] {
        /// Key.
        id: Id,
        /// Name.
        name: String,
        /// Where this comes from.
        claim: Claim,
    }
}

table! {
    /// Dated membership of a state in a group.
    Member = "member", key ["group", "state", "from"] {
        /// Group.
        group: Ref<Group>,
        /// State.
        state: Ref<State>,
        /// First day; empty: before all days asked about.
        from: Option<Date>,
        /// First day after; empty: lasting.
        till: Option<Date>,
        /// Where this comes from.
        claim: Claim,
    }
}

table! {
    /// A dated event of the chronicle: what was decided, opened, closed, begun or seen, in the words of its source, and which rows it led to.
    Event = "chronicle", key ["id"] {
        /// Key.
        id: Id,
        /// Day of the event, as exactly as `precision` says.
        date: Date,
        /// Whether the day is known, or only the month or year, whose first day then stands in `date`.
        precision: Precision,
        /// What happened, in a word or two of the source: `transit ban lifted`.
        kind: String,
        /// What it is to the model.
        class: EventClass,
        /// States that decided or are concerned.
        states: List<Ref<State>>,
        /// Where, as written.
        place: Option<String>,
        /// By what it moves, as written: `rail+ferry`.
        mode: Option<String>,
        /// Cargo, as written.
        cargo: Option<String>,
        /// Main figure of the event.
        quantity: Option<f64>,
        /// What the figure is in, as written.
        unit: Option<String>,
        /// What happened, in the source's sense.
        what: String,
        /// Rules that it made, ended or changed.
        rules: List<Ref<Rule>>,
        /// Groups that it made a state a member of.
        groups: List<Ref<Group>>,
        /// Tariffs that it set.
        tariffs: List<Ref<Tariff>>,
        /// Services that it began, changed or ended, or that it is about.
        services: List<Ref<Service>>,
        /// Terminals that it opened or changed.
        terminals: List<Ref<Terminal>>,
        /// Links that it opened, closed or is about.
        links: List<Ref<Link>>,
        /// Rows of crossings that it opened, closed or is about.
        borders: List<Ref<Border>>,
        /// Projects that it is about.
        projects: List<Ref<Project>>,
        /// Why it is classed so, and why it led to no row or what of it is not kept.
        reason: Option<String>,
        /// Where it is told.
        claim: Claim,
    }
}

table! {
    /// A commodity.
    Cargo = "cargo", key ["id"] {
        /// Key.
        id: Id,
        /// Name in English.
        name_en: String,
        /// Name in Russian.
        name_ru: Option<String>,
        /// Other names.
        aliases: List<String>,
        /// HS code prefixes, the first the most usual.
        hs: List<String>,
        /// UN number, of dangerous goods.
        un: Option<String>,
        /// RID/ADR class, of dangerous goods.
        rid_class: Option<String>,
        /// Physical form.
        kind: CargoKind,
        /// Value, USD per tonne, which the value of time follows.
        value_usd_per_t: Estimate,
        /// Days after which it is spoilt; empty: keeps.
        perishes_days: Option<f64>,
        /// Where codes and form come from.
        claim: Claim,
        /// Where the value comes from.
        value_claim: Claim,
    }
}

table! {
    /// Which equipment takes a cargo, and how much of it. A pair without a row does not go: petrol by container ship.
    Load = "load", key ["cargo", "equipment"] {
        /// Cargo.
        cargo: Ref<Cargo>,
        /// Equipment.
        equipment: Ref<Equipment>,
        /// Usual load of one unit (of one TEU for containers), t; empty for pipelines and ships that take parcels.
        load_t: Option<Estimate>,
        /// Where this comes from.
        claim: Claim,
    }
}

table! {
    /// A type of wagon, lorry, container carrier, vessel or pipe.
    Equipment = "equipment", key ["id"] {
        /// Key.
        id: Id,
        /// Name.
        name_en: String,
        /// Kind.
        kind: EquipmentKind,
        /// Mode on which it moves.
        mode: Mode,
        /// What it is counted in.
        unit: Unit,
        /// Gauge of wagons.
        gauge_mm: Option<u32>,
        /// Payload of one unit.
        payload_t: Option<Tonnes>,
        /// Tare of one unit.
        tare_t: Option<Tonnes>,
        /// TEU that one vehicle takes.
        teu: Option<f64>,
        /// Length over all, m.
        length_m: Option<f64>,
        /// Draught laden, m.
        draught_m: Option<f64>,
        /// Units that make a block train.
        block_units: Option<u32>,
        /// Share of the loaded distance that is run empty besides, for costs and emissions.
        empty_share: Option<Estimate>,
        /// Where the figures come from.
        claim: Claim,
    }
}

table! {
    /// How fast equipment moves in a state, stops on the way included, borders and terminals not.
    Performance = "performance", key ["id"] {
        /// Key.
        id: Id,
        /// Mode.
        mode: Mode,
        /// States; empty: where no other row holds.
        states: List<Ref<State>>,
        /// Equipment kinds; empty: all of the mode.
        equipment: List<EquipmentKind>,
        /// Train kind, for rail; empty: both.
        train: Option<TrainKind>,
        /// Commercial speed.
        speed_kmh: Estimate,
        /// Standard deviation of the running time through a state, as a share of its mean.
        cv: f64,
        /// Hours of rest in each 24, for lorries with one driver.
        rest_h_per_day: Option<Hours>,
        /// Where this comes from.
        claim: Claim,
    }
}

table! {
    /// A price of carriage on links. The row with most conditions met is used; of several, the one valid from the latest day.
    Tariff = "tariff", key ["id"] {
        /// Key.
        id: Id,
        /// Mode.
        mode: Mode,
        /// States on whose links it holds; empty: where no other row holds.
        states: List<Ref<State>>,
        /// Equipment kinds; empty: all of the mode.
        equipment: List<EquipmentKind>,
        /// HS code prefixes; empty: all.
        hs: List<String>,
        /// What the carriage is to the state; empty: all. (`carriage` means domestic.)
        governs: List<Governs>,
        /// Price.
        value: Estimate,
        /// ISO 4217 code.
        currency: String,
        /// Price year.
        price_year: u32,
        /// What it is per.
        per: Per,
        /// First day; empty: since ever.
        from: Option<Date>,
        /// First day after; empty: until replaced.
        till: Option<Date>,
        /// Who is paid.
        payee: Option<String>,
        /// Remark.
        note: Option<String>,
        /// Where the price comes from.
        claim: Claim,
    }
}

table! {
    /// Emission intensity of carriage or of an operation, well to wheel (ISO 14083).
    Emission = "emission", key ["id"] {
        /// Key.
        id: Id,
        /// Equipment kinds that it holds for; a service's vehicle kind for ferries.
        equipment: List<EquipmentKind>,
        /// States; empty: where no other row holds.
        states: List<Ref<State>>,
        /// Whether it holds on electrified links (`yes`), others (`no`) or both (empty).
        electric: Option<bool>,
        /// Operation at a hub; empty for carriage.
        operation: Option<Operation>,
        /// Carriage: g CO2e per tonne-kilometre. Hub: kg CO2e per tonne.
        value: Estimate,
        /// Remark: category of ISO 14083, load and empty running assumed.
        note: Option<String>,
        /// Where this comes from.
        claim: Claim,
    }
}

table! {
    /// Units of a currency to one US dollar, mean of a year.
    ExchangeRate = "exchange_rate", key ["currency", "year"] {
        /// ISO 4217 code.
        currency: String,
        /// Year.
        year: u32,
        /// Units to one US dollar.
        per_usd: f64,
        /// Where this comes from.
        claim: Claim,
    }
}

table! {
    /// A figure the engines need that belongs to no other table.
    Parameter = "parameter", key ["id"] {
        /// Key; the engines' documentation says which they read.
        id: Id,
        /// Value.
        value: Estimate,
        /// Unit.
        unit: String,
        /// What it is.
        what: String,
        /// Where this comes from.
        claim: Claim,
    }
}

table! {
    /// A possible measure, hard or soft.
    Project = "project", key ["id"] {
        /// Key.
        id: Id,
        /// Name.
        name: String,
        /// States concerned.
        states: List<Ref<State>>,
        /// Kind, in the source's words.
        kind: String,
        /// Cost, in millions.
        cost_million: Option<Estimate>,
        /// ISO 4217 code.
        currency: Option<String>,
        /// First year of works.
        start: Option<u32>,
        /// Year of completion.
        finish: Option<u32>,
        /// Remark.
        note: Option<String>,
        /// Where this comes from.
        claim: Claim,
    }
}

table! {
    /// What a project changes in the tables once it is complete, one cell a row.
    ProjectEdit = "project_edit", key ["project", "seq"] {
        /// Project.
        project: Ref<Project>,
        /// Order.
        seq: u32,
        /// Table changed.
        table: String,
        /// `add`, `change` or `remove`, as in a scenario.
        action: String,
        /// Key of the row.
        row: String,
        /// Column and value pairs: `state=open;till=2027-01-01`.
        set: Option<String>,
    }
}

table! {
    /// A known fault of the data that was mended while the model was built.
    Artefact = "artefact", key ["id"] {
        /// Key.
        id: Id,
        /// Table and rows concerned.
        place: String,
        /// What was wrong.
        fault: String,
        /// What was done.
        mend: String,
        /// Where the right state of things is known from.
        claim: Claim,
    }
}

table! {
    /// A place where a region's trade starts and ends. A region is a state or a part of the world, by a key of its own; a town stands for its stations, ports and terminals.
    Zone = "zone", key ["region", "node"] {
        /// Region: the state's code, or a key for a part of the world.
        region: Id,
        /// Place.
        node: Ref<Node>,
        /// Weight among the region's places, for cargo that `zone_weight` does not name: inhabitants, or a share.
        weight: f64,
        /// Where this comes from.
        claim: Claim,
    }
}

table! {
    /// Weight of a place for one cargo. Where a region has rows for a cargo and an end, they alone share its tonnes; those of a partner alone share the trade with it.
    ZoneWeight = "zone_weight", key ["region", "node", "end", "cargo", "partner"] {
        /// Region.
        region: Id,
        /// Place; it has a row in `zone`.
        node: Ref<Node>,
        /// Whether goods start or end there.
        end: TradeEnd,
        /// Cargo.
        cargo: Ref<Cargo>,
        /// The region traded with, for rows that hold for its trade alone; empty: for all others.
        partner: Option<Id>,
        /// Weight among the rows of the same region, end, cargo and partner.
        weight: f64,
        /// Where this comes from.
        claim: Claim,
    }
}

table! {
    /// Trade between two regions in a year. Rows without a cargo are the value of all goods: by them a flow is carried to years without a row.
    Trade = "trade", key ["from", "to", "cargo", "year", "rank"] {
        /// Region of origin.
        from: Id,
        /// Region of destination.
        to: Id,
        /// Cargo; empty: all goods.
        cargo: Option<Ref<Cargo>>,
        /// Year.
        year: u32,
        /// Of rows for one flow and year the one with the lowest rank counts; the others stand beside it.
        rank: u32,
        /// Quantity.
        quantity: Estimate,
        /// Its unit.
        unit: TradeUnit,
        /// Where this comes from.
        claim: Claim,
    }
}

table! {
    /// A published total of trade: demand is fitted to it within both sides' uncertainty.
    TradeTotal = "trade_total", key ["id"] {
        /// Key.
        id: Id,
        /// Regions of origin; empty: any.
        from: List<Id>,
        /// Regions of destination; empty: any.
        to: List<Id>,
        /// Cargoes that it counts; empty: any.
        cargo: List<Ref<Cargo>>,
        /// First day of the period.
        first: Date,
        /// Last day of the period.
        last: Date,
        /// Tonnes in the period.
        tonnes: Estimate,
        /// What is counted, in the source's words.
        note: Option<String>,
        /// Where this comes from. Totals whose first source has one address are left out of the fit together when one of them is scored.
        claim: Claim,
    }
}

table! {
    /// Freight from place to place in a year, stated. The rows of a year take the place of what trade would give.
    Demand = "demand", key ["from", "to", "cargo", "year"] {
        /// Where it starts. A town stands for its stations, ports and terminals.
        from: Ref<Node>,
        /// Where it ends.
        to: Ref<Node>,
        /// Cargo.
        cargo: Ref<Cargo>,
        /// Year.
        year: u32,
        /// Tonnes in the year.
        tonnes: Estimate,
        /// Where this comes from.
        claim: Claim,
    }
}

table! {
    /// How shippers of some cargo choose: the size of a consignment, what time is worth to them, how sharply they tell options apart. Of several rows that fit, one that names the cargo wins over one that names its form, and that over one that names neither.
    Choice = "choice", key ["id"] {
        /// Key.
        id: Id,
        /// Cargoes; empty: as `cargo_kinds` says.
        cargo: List<Ref<Cargo>>,
        /// Forms of cargo; empty, with no cargo named: all others.
        cargo_kinds: List<CargoKind>,
        /// Mass of a consignment: what is priced, and whether it makes a block train.
        consignment_t: Estimate,
        /// Value of a day, as a share of the cargo's value; empty: parameter `value_of_time_share_per_day`.
        time_share_per_day: Option<Estimate>,
        /// Value of an hour by which nine of ten arrivals are later than the middle one, relative to an hour; empty: parameter `reliability_ratio`.
        reliability_ratio: Option<Estimate>,
        /// Difference in generalised cost at which one route of a mode is chosen e times as often as another, as a share of the flow's least cost.
        route_spread: Estimate,
        /// The same between modes. Not below `route_spread`.
        mode_spread: Estimate,
        /// Price above the least cost at which cargo stays, as a share of its value; it is told apart to a twentieth of that.
        stay_at_value: Estimate,
        /// Where the size of consignments comes from.
        claim: Claim,
        /// Where the value of time and of reliability comes from.
        time_claim: Claim,
        /// Where the spreads come from.
        spread_claim: Claim,
    }
}

table! {
    /// A capacity that is none of one link, terminal or crossing: of vessels that several services share, of a port, of a line as a whole, of the trains of a day. What uses one of the services, links, crossings or ports that it names uses it.
    Capacity = "capacity", key ["id"] {
        /// Key.
        id: Id,
        /// What it is, in a few words: `rail ferries Alat - Kuryk`.
        what: String,
        /// Services that use it.
        services: List<Ref<Service>>,
        /// Ports at which sea or inland carriage that begins or ends uses it.
        ports: List<Ref<Node>>,
        /// Links whose use uses it.
        links: List<Ref<Link>>,
        /// Crossings whose passing uses it.
        borders: List<Ref<Border>>,
        /// Whether each direction has it for itself.
        each_way: bool,
        /// Most that can pass in a period; empty: the departures of the first service that runs on the day, times what one takes.
        value: Option<Estimate>,
        /// Unit.
        unit: TrafficUnit,
        /// Period.
        period: CapacityPeriod,
        /// First day; empty: since ever.
        from: Option<Date>,
        /// First day after; empty: lasting.
        till: Option<Date>,
        /// Remark.
        note: Option<String>,
        /// Where it comes from.
        claim: Claim,
    }
}

table! {
    /// A corridor by which the modelled traffic is told apart. A way belongs to the first corridor of which it meets every condition; a way of none is `other`.
    Corridor = "corridor", key ["id"] {
        /// Key.
        id: Id,
        /// Order in which corridors are asked.
        rank: u32,
        /// Name.
        name: String,
        /// Places of which the way passes one; empty: any way.
        nodes: List<Ref<Node>>,
        /// Places of which it passes one besides; empty: any way.
        also: List<Ref<Node>>,
        /// States of which it crosses one that is neither its origin nor its destination; empty: any way.
        transit: List<Ref<State>>,
        /// What is meant.
        claim: Claim,
    }
}

table! {
    /// A published total of traffic at a place, beside which the modelled one is put. An outcome: nothing reads it but the report. What meets all conditions is counted once.
    TrafficTotal = "traffic_total", key ["id"] {
        /// Key.
        id: Id,
        /// What is counted, in a few words.
        what: String,
        /// Corridor to which the ways belong; empty: any.
        corridor: Option<Ref<Corridor>>,
        /// Services of which one is used; empty: any.
        services: List<Ref<Service>>,
        /// Ports at one of which sea or inland carriage begins or ends; empty: any.
        ports: List<Ref<Node>>,
        /// Crossings of which one is passed; empty: any.
        borders: List<Ref<Border>>,
        /// State of which a link of the modes is used; empty: any.
        state: Option<Ref<State>>,
        /// Modes of the links in `state`; empty: any.
        modes: List<Mode>,
        /// Cargo; empty: any.
        cargo: List<Ref<Cargo>>,
        /// States of origin; empty: any.
        origin: List<Ref<State>>,
        /// States of destination; empty: any.
        destination: List<Ref<State>>,
        /// Unit.
        unit: TrafficUnit,
        /// First day of the period.
        first: Date,
        /// Last day of the period.
        last: Date,
        /// What was published.
        value: Estimate,
        /// What is not counted alike, and in which direction that tells.
        note: Option<String>,
        /// Where it was published.
        claim: Claim,
    }
}

table! {
    /// A source.
    Source = "source", key ["id"] {
        /// Key.
        id: Id,
        /// Publisher or site.
        publisher: String,
        /// What it is.
        title: Option<String>,
        /// Address.
        url: Option<String>,
        /// Date of the page, as far as known: YYYY, YYYY-MM or YYYY-MM-DD.
        date: Option<String>,
        /// Licence or terms.
        licence: Option<String>,
    }
}

/// Hours of opening and closing of a text such as `08:00-20:00`.
pub fn open_hours(text: &str) -> Option<(f64, f64)> {
    let (a, z) = text.split_once('-')?;
    let hour = |t: &str| -> Option<f64> {
        let (h, m) = t.trim().split_once(':')?;
        let (h, m): (f64, f64) = (h.parse().ok()?, m.parse().ok()?);
        ((0.0..=24.0).contains(&h) && (0.0..60.0).contains(&m)).then_some(h + m / 60.0)
    };
    Some((hour(a)?, hour(z)?))
}

/// Calls `$m!` with the field name and row type of every table, in the order in which they are written.
#[macro_export]
macro_rules! for_each_table {
    ($m:ident) => {
        $m! {
            state: State, node: Node, link: Link, geometry: Geometry, link_state: StateOfLink,
            terminal: Terminal, border: Border, service: Service, weather: Weather, facility: Facility,
            rule: Rule, group: Group, member: Member, chronicle: Event, cargo: Cargo, load: Load,
            equipment: Equipment,
            performance: Performance, tariff: Tariff, emission: Emission,
            exchange_rate: ExchangeRate, parameter: Parameter, project: Project,
            project_edit: ProjectEdit, zone: Zone, zone_weight: ZoneWeight, trade: Trade,
            trade_total: TradeTotal, demand: Demand, choice: Choice, capacity: Capacity, corridor: Corridor,
            traffic_total: TrafficTotal, place: NamedPlace, observation: Observation,
            calibration: Calibration, calibration_page: CalibrationPage, artefact: Artefact, source: Source,
        }
    };
}
