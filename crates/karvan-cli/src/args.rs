//! The arguments.

use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};
use jiff::civil::{Date, DateTime};
use karvan_model::tables::EventClass;

use crate::exit::{Failure, wrong_input};
use crate::load::Asked;

/// An open engine for freight corridors that cross many states, modes and gauges.
#[derive(Debug, Parser)]
#[command(
    name = "karvan",
    version,
    max_term_width = 100,
    propagate_version = true,
    after_help = "\
Examples:
  karvan plan --from Baku --to Yerevan --cargo petrol --wagons 22 --depart 2025-12-18
  karvan places Tbilisi                      find a place by any of its names, in any script
  karvan check --model my-corridor           every problem of a model, with file, line and column
  karvan export model --output my-corridor   the built-in model as tables, to be changed
  karvan licences                            under which terms each part of the model stands

Exit status: 0 done; 1 the question has no answer; 2 wrong input; 3 our fault; 130 interrupted."
)]
pub struct Args {
    /// What all commands take.
    #[command(flatten)]
    pub common: Common,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What all commands take.
#[derive(Debug, Default, clap::Args)]
pub struct Common {
    /// Model folder; without it, the built-in model
    #[arg(long, global = true, value_name = "DIR", help_heading = "Model")]
    pub model: Option<PathBuf>,
    /// Scenario file (TOML): edits of the model
    #[arg(long, global = true, value_name = "FILE", help_heading = "Model")]
    pub scenario: Option<PathBuf>,
    /// Freeze the law and the links as they were on this day
    #[arg(long, global = true, value_name = "DATE", value_parser = day, help_heading = "Model")]
    pub as_of: Option<Date>,
    /// Format of the result; each command says which it knows
    #[arg(long, global = true, value_enum, help_heading = "Output")]
    pub format: Option<Format>,
    /// Write the result to this file (whole or not at all) instead of the screen
    #[arg(long, short, global = true, value_name = "FILE", help_heading = "Output")]
    pub output: Option<PathBuf>,
    /// Seed of all that is drawn by lot: one seed, one result
    #[arg(long, global = true, default_value_t = 1, help_heading = "Computation")]
    pub seed: u64,
}

/// A format of results.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For reading.
    Table,
    /// JSON with a published schema.
    Json,
    /// Comma-separated values.
    Csv,
    /// Features on a map.
    Geojson,
    /// One page that works offline.
    Html,
    /// A GeoPackage, for QGIS and other programs of maps.
    Gpkg,
}

impl Format {
    /// The word it is asked for with.
    pub fn word(self) -> &'static str {
        match self {
            Format::Table => "table",
            Format::Json => "json",
            Format::Csv => "csv",
            Format::Geojson => "geojson",
            Format::Html => "html",
            Format::Gpkg => "gpkg",
        }
    }
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Find the ways a consignment can go: time with its spread, cost, CO2e, papers
    #[command(after_help = "\
Examples:
  karvan plan --from Baku --to Yerevan --cargo petrol --wagons 22 --depart 2025-12-18
  karvan plan --from Altynkol --to Poti --cargo containers --feu 40 --depart 2026-03-02 --format html -o poti.html
  karvan plan --from Tashkent --to Tbilisi --cargo textiles --trucks 1 --arrive-by 2026-04-30
  karvan plan --from Kostanay --to Yerevan --cargo 1001 --tonnes 3000 --depart 2025-11-10 --avoid RU
  karvan plan --from Gazakh --to Ijevan --cargo cement --tonnes 600 --depart 2026-03-02 --why-not
  karvan plan --batch consignments.csv --format csv        one after the other, quotas used up in this order
  karvan plan --from 49.88,40.39 --to GEPTI --cargo UN1203 --trucks 3 --depart 2026-01-10

A place is any of its names or codes, or lon,lat; a cargo is a name, an HS code or a UN number.
Wagons, TEU and trucks imply tonnes through the equipment's usual load, and the other way round.
Formats: table, json, csv, geojson, html. Exit status 1 if no option exists; the reason is printed.")]
    Plan(Box<Plan>),
    /// Find places by any of their names and codes
    #[command(after_help = "\
Examples:
  karvan places Боюк-Кесик               names in Latin, Cyrillic, Georgian, Armenian, Chinese script
  karvan places AZBAK                    by UN/LOCODE
  karvan places 558701                   by ESR station code
  karvan places Tblisi --limit 3         with a slip of the pen
  karvan places Aktau --format geojson   for a map

Formats: table, json, csv, geojson. Exit status 1 if nothing is like the text.")]
    Places(Places),
    /// Say which rules apply between two states on a day, or what changed between two days
    #[command(after_help = "\
Examples:
  karvan rules --from AZ --to AM --cargo petrol --as-of 2025-12-18
  karvan rules --from AZ --to AM --cargo petrol --as-of 2025-12-18 --mode rail --states GE
  karvan rules --from AZ --to AM --cargo 2710 --as-of 2025-12-18            every cargo under an HS heading
  karvan rules --from KZ --to AM --cargo wheat --between 2025-10-01 2025-12-31
  karvan rules --from Baku --to Yerevan --cargo petrol --wagons 22 --between 2025-11-05 2025-12-18
  karvan rules --quota --as-of 2025-12-31                                   what every quota is
  karvan rules --quota --as-of 2025-12-31 --used report.csv                 and what a batch leaves of it

A state is named by two letters or its name; a place stands for its state. Export, transit, import and carriage are told in
turn, the most decisive rule first. Between two places, --between also plans on both days (quantity and search as for
karvan plan; without a quantity one unit's load) and says which options changed, by what. Formats: table, json, csv.")]
    Rules(Box<Rules>),
    /// Tell what was decided, opened, closed or seen, as a timeline, and which rules it led to
    #[command(after_help = "\
Examples:
  karvan chronicle --states AZ,AM --between 2025-10-01 2026-01-31 --as-of 2026-01-10
  karvan chronicle --class rule --cargo 2710
  karvan chronicle --place Kuryk --format csv
  karvan chronicle --search 'transit ban'
  karvan chronicle --format html --output chronicle.html

An event must meet every option given. Of a rule it is said whether it is in force today, or on --as-of.
Formats: table, json, csv, html. Exit status 1 if no event is found.")]
    Chronicle(Chronicle),
    /// Score the model on observations: each predicted as a distribution, or refused with a reason
    #[command(after_help = "\
Examples:
  karvan validate                                   the observations of the model, each scored by
                                                    parameters that have not seen its page
  karvan validate --observations mine.csv           a file of the same columns
  karvan validate --format html -o validation.html  with charts
  karvan validate --format csv                      one row an observation

A row whose page was used to estimate parameters is scored by those estimated without it; any other by
those of all pages. Formats: table, json, csv, html. Exit status 1 if no row can be predicted.")]
    Validate(Validate),
    /// Predict later years from earlier ones, and score that beside a trend line and what was planned
    #[command(after_help = "\
Examples:
  karvan backtest --fit-until 2022                  what 2023 and later would have looked like at the end of 2022
  karvan backtest --fit-until 2022 --as-of 2026-06-30     the same, with the law, lines and services as they became
  karvan backtest --fit-until 2023 --format html -o backtest.html
  karvan backtest --fit-until 2023 --observations mine.csv

Parameters and volumes are estimated from outcomes whose period was over by 31 December of the year; a row whose page also
tells of earlier days is predicted without that page. Law, links and services are those of that day, unless --as-of names
another. Plans are the rows of table `observation` with evidence `plan`. Formats: table, json (schema of validate), csv, html.
Exit status 1 if no row can be predicted, 2 if no outcome lies on one side of the cut.")]
    Backtest(Backtest),
    /// Estimate the parameters of processes from observations, by folds over their pages
    #[command(after_help = "\
Examples:
  karvan calibrate                            what multiplies the stated durations, and what drove it
  karvan calibrate --model my-corridor --into my-corridor     written into the model, which plan then uses
  karvan calibrate --observations mine.csv --format json

Formats: table, json, csv (the table `calibration` of the model).")]
    Calibrate(Calibrate),
    /// List every problem of a model, and how many of its figures are sourced
    #[command(after_help = "\
Examples:
  karvan check                                      the built-in model
  karvan check --model my-corridor                  a folder
  karvan check --model my-corridor --scenario s.toml    with a scenario's edits

Each problem has its file, line and column. Formats: table, json.
Exit status 0 if there is no error (warnings may stand), 2 if there is one.")]
    Check,
    /// List the terms under which each part of the model stands
    #[command(after_help = "Formats: table, json.")]
    Licences,
    /// Write the model out
    #[command(subcommand)]
    Export(Export),
    /// Tonnes between places by cargo and year, made from trade
    #[command(subcommand)]
    Demand(Demand),
    /// Load a year of trade on the model's network, or a trip table on a network in TNTP form
    #[command(after_help = "\
Examples:
  karvan assign --year 2024                              who carries what, where it jams, what a unit of capacity is worth
  karvan assign --year 2024 --scenario s.toml --format json -o year.json
  karvan assign --year 2024 --format html -o year.html   with charts and a map of traffic
  karvan assign --year 2024 --format gpkg -o year.gpkg   links, services and crossings with their tonnes, for QGIS
  karvan assign --year 2024 --against docs/scenarios/northern-route-shut.toml     what moves, and why
  karvan assign --year 2024 --check-prices 10            worth of ten capacities beside solving anew with less and more
  karvan assign --year 2019..2025 --run my-runs          seven years in one report: totals published and modelled, errors first
  karvan assign --year 2024 --run my-run                 kept as a run: every step as a table, carried on after a kill
  karvan assign --tntp SiouxFalls                        a folder with SiouxFalls_net.tntp and SiouxFalls_trips.tntp
  karvan assign --tntp ChicagoSketch --toll-weight 0.02 --distance-weight 0.04 --gap 1e-12
  karvan assign --tntp SiouxFalls --objective so --format csv -o flows.csv
  karvan assign --tntp SiouxFalls --select-link 10-16    who uses the link from node 10 to node 16
  karvan assign --tntp SiouxFalls --skim --format csv    what every two zones are apart in equilibrium

A year: demand as of karvan demand build, ways found on one day, capacities with shadow prices; the duality gap is (value of the
programme - its dual) / generalised cost. A TNTP network: everyone on a cheapest path (user equilibrium) or all together at
least cost (system optimum); the relative gap is (total cost - cost of the shortest paths) / total cost. Either is worked out
anew from the flows at the end, and printed with the bounds that follow. A folder that is not there is looked for in the one that TNTP_DIR names.
Formats: table, json, csv (flows by link; with --select-link or --skim, by pair of zones); of a year also html, gpkg.
Exit status 1 if a pair has no path, or the gap asked for was not reached.")]
    Assign(Box<Assign>),
    /// Simulate the corridor over months: trains, borders, ports, ferries that fill and wait for wind
    #[command(after_help = "\
Examples:
  karvan simulate --demand flows.csv --from-date 2025-01-01 --to-date 2025-12-31 --output my-run
  karvan simulate --demand flows.csv --from-date 2025-09-01 --to-date 2025-11-30 --scenario s.toml --output other
  karvan study show my-run --table summary/queues --format csv

With --output the run is kept in that folder; given again after an interruption, the command carries it on. On the
screen: what took longest. docs/simulation.md says what is simulated, and what is not. Formats: table, json, csv (times by relation), html.
Exit status 1 if nothing arrived, 2 for wrong input.")]
    Simulate(Simulate),
    /// Look into the folder of a run: what a long computation was made of, how far it is, what it found
    #[command(subcommand)]
    Study(Study),
    /// Print a completion script
    #[command(after_help = "\
Examples:
  karvan completions bash > ~/.local/share/bash-completion/completions/karvan
  karvan completions zsh > ~/.zfunc/_karvan")]
    Completions {
        /// Shell
        shell: clap_complete::Shell,
    },
}

/// What to score.
#[derive(Debug, clap::Args)]
pub struct Validate {
    /// What is scored
    #[command(flatten)]
    pub scored: ScoredBy,
}

/// Where to cut time.
#[derive(Debug, clap::Args)]
pub struct Backtest {
    /// Last year of which anything is seen
    #[arg(long, value_name = "YEAR", value_parser = clap::value_parser!(i16).range(1..=9998))]
    pub fit_until: i16,
    /// What is scored
    #[command(flatten)]
    pub scored: ScoredBy,
}

/// What is scored, and how it is told.
#[derive(Debug, clap::Args)]
pub struct ScoredBy {
    /// CSV file of observations; without it, those of the model
    #[arg(long, value_name = "FILE")]
    pub observations: Option<PathBuf>,
    /// Language of the page: en, ru
    #[arg(long, value_enum, default_value = "en", help_heading = "Output")]
    pub lang: LangWord,
}

/// What to estimate from.
#[derive(Debug, clap::Args)]
pub struct Calibrate {
    /// CSV file of observations; without it, those of the model
    #[arg(long, value_name = "FILE")]
    pub observations: Option<PathBuf>,
    /// Also write calibration.csv and calibration_page.csv into this folder, in place of those there
    #[arg(long, value_name = "DIR", help_heading = "Output")]
    pub into: Option<PathBuf>,
}

/// What to load on which network.
#[derive(Debug, clap::Args)]
pub struct Assign {
    /// Year whose trade is loaded on the model's network, or years FIRST..LAST: each by itself, told in one report
    #[arg(
        long,
        value_name = "YEAR",
        value_parser = years,
        required_unless_present = "tntp",
        conflicts_with = "tntp",
        help_heading = "A year of trade"
    )]
    pub year: Option<Years>,
    /// Folder in which every step is kept as a table; an interrupted computation is carried on there
    #[arg(long, value_name = "DIR", requires = "year", help_heading = "A year of trade")]
    pub run: Option<PathBuf>,
    /// Scenario file to put beside the model (or beside --scenario): what moves, and why
    #[arg(long, value_name = "FILE", requires = "year", conflicts_with_all = ["run", "check_prices"], help_heading = "A year of trade")]
    pub against: Option<PathBuf>,
    /// Solve anew with one unit less and more of as many capacities, and put their prices beside what that changes
    #[arg(long, value_name = "N", requires = "year", value_parser = clap::value_parser!(u16).range(1..=1000), help_heading = "A year of trade")]
    pub check_prices: Option<u16>,
    /// Language of the page: en, ru
    #[arg(long, value_enum, conflicts_with = "tntp", help_heading = "A year of trade")]
    pub lang: Option<LangWord>,
    /// Folder with a network and its trip table in TNTP form
    #[arg(long, value_name = "DIR|NAME", help_heading = "TNTP network")]
    pub tntp: Option<PathBuf>,
    /// What a unit of toll counts in the unit of costs
    #[arg(long, value_name = "NUMBER", default_value_t = 0.0, value_parser = weight, conflicts_with = "year", help_heading = "TNTP network")]
    pub toll_weight: f64,
    /// What a unit of length counts in the unit of costs
    #[arg(long, value_name = "NUMBER", default_value_t = 0.0, value_parser = weight, conflicts_with = "year", help_heading = "TNTP network")]
    pub distance_weight: f64,
    /// Gap at which to stop; without it, 1e-6 for a year and 1e-10 for a TNTP network
    #[arg(long, value_parser = gap, help_heading = "Computation")]
    pub gap: Option<f64>,
    /// Who is to be content: each user, or all together
    #[arg(long, value_enum, default_value_t = ObjectiveWord::Ue, conflicts_with = "year", help_heading = "TNTP network")]
    pub objective: ObjectiveWord,
    /// Threads; without it, all there are. The result does not depend on it
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024), help_heading = "Computation")]
    pub threads: Option<u16>,
    /// Which zones' flows use a link, named by its nodes; several times: all of these links
    #[arg(long, value_name = "FROM-TO", value_parser = node_pair, conflicts_with_all = ["skim", "year"], help_heading = "TNTP network")]
    pub select_link: Vec<(u32, u32)>,
    /// The cost of the cheapest path between every two zones
    #[arg(long, conflicts_with = "year", help_heading = "TNTP network")]
    pub skim: bool,
}

/// An objective by its short name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ObjectiveWord {
    /// User equilibrium.
    Ue,
    /// System optimum.
    So,
}

fn weight(text: &str) -> Result<f64, String> {
    let sound = text.parse().ok().filter(|x: &f64| x.is_finite() && *x >= 0.0);
    sound.ok_or_else(|| "a finite number, at least 0".into())
}

fn gap(text: &str) -> Result<f64, String> {
    let sound = text.parse().ok().filter(|x: &f64| *x >= 0.0 && *x < 1.0);
    sound.ok_or_else(|| "a number from 0 to below 1, such as 1e-6".into())
}

fn node_pair(text: &str) -> Result<(u32, u32), String> {
    let pair = text.split_once('-').and_then(|(a, b)| Some((a.parse().ok()?, b.parse().ok()?)));
    pair.ok_or_else(|| "two numbers of nodes, such as 10-16".into())
}

/// What to do with demand.
#[derive(Debug, Subcommand)]
pub enum Demand {
    /// Build it: from bilateral trade to zones, fitted to published totals, each step kept
    #[command(after_help = "\
Examples:
  karvan demand build --year 2023                        the largest flows between regions
  karvan demand build --year 2023 --format csv           all flows between places
  karvan demand build --year 2019..2025 --output my-run  a run: every step as a table (Parquet)

With --output the result is the folder of a run; `karvan study show` looks into it. Formats: table, csv.")]
    Build {
        /// Year, or first and last year: 2023 or 2019..2025
        #[arg(long, value_name = "YEAR|FIRST..LAST", value_parser = years)]
        year: Years,
    },
    /// Explain a flow: the rows it comes from, the steps, the totals that count it
    #[command(after_help = "\
Examples:
  karvan demand explain --from KZ --to AZ --cargo wheat --year 2024
  karvan demand explain --from Kostanay --to Baku --cargo wheat --year 2024     places stand for their regions

Formats: table, json. Exit status 1 if the model knows of no such flow.")]
    Explain(DemandExplain),
}

/// Which flow to explain.
#[derive(Debug, clap::Args)]
pub struct DemandExplain {
    /// Region of origin, or a place in it
    #[arg(long, value_name = "REGION|PLACE", allow_hyphen_values = true)]
    pub from: String,
    /// Region of destination, or a place in it
    #[arg(long, value_name = "REGION|PLACE", allow_hyphen_values = true)]
    pub to: String,
    /// Cargo: a name, an HS code such as 2710, or a UN number such as UN1203
    #[arg(long)]
    pub cargo: String,
    /// Year
    #[arg(long)]
    pub year: u32,
}

/// Years from the first to the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Years {
    /// First.
    pub first: u32,
    /// Last.
    pub last: u32,
}

fn years(text: &str) -> Result<Years, String> {
    let wanted = || "a year such as 2023, or two such as 2019..2025, at most a hundred".to_owned();
    let (first, last) = text.split_once("..").unwrap_or((text, text));
    let year = |t: &str| t.parse::<u32>().map_err(|_| wanted());
    let years = Years { first: year(first)?, last: year(last)? };
    let sound = years.first <= years.last && years.last - years.first < 100;
    if sound { Ok(years) } else { Err(wanted()) }
}

/// What to simulate.
#[derive(Debug, clap::Args)]
pub struct Simulate {
    /// First day that counts
    #[arg(long, value_name = "DATE", value_parser = day)]
    pub from_date: Date,
    /// Last day
    #[arg(long, value_name = "DATE", value_parser = day)]
    pub to_date: Date,
    /// CSV file of flows: from, to, cargo, tonnes (a year), lot_t, season (twelve weights), avoid (states, modes, places), via,
    /// ready (days), relief; or the folder of a run of `karvan demand build`, of which the year of the first day is taken
    #[arg(long, value_name = "FILE|RUN")]
    pub demand: PathBuf,
    /// Runs with luck of their own, from which means have their intervals
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub replications: u32,
    /// Days simulated before the first, so that the corridor is not empty on it; without it 90, and of the period what
    /// comes before the run has settled is left out as well
    #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u32).range(0..=3650))]
    pub warm_up: Option<u32>,
    /// Of how many of the longest queues to find what one more unit of capacity would bring
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u16).range(0..=100))]
    pub bottlenecks: u16,
    /// Language of the page: en, ru
    #[arg(long, value_enum, default_value = "en", help_heading = "Output")]
    pub lang: LangWord,
    /// Replications computed at a time; without it, as many as there are processors. Changes no result
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024), help_heading = "Computation")]
    pub threads: Option<u16>,
}

/// What to do with the folder of a run.
#[derive(Debug, Subcommand)]
pub enum Study {
    /// Show a run's inputs, stages and tables, or one of its tables
    #[command(after_help = "\
Examples:
  karvan study show my-run
  karvan study show my-run --table fit/demand --format csv

A run is computed once: the command that made it carries it on after an interruption.
Formats: table, json; of a table: table, csv. Exit status 2 if the folder holds no run.")]
    Show {
        /// Folder of the run
        dir: PathBuf,
        /// One table, by stage and name
        #[arg(long, value_name = "STAGE/TABLE")]
        table: Option<String>,
    },
}

/// What to find.
#[derive(Debug, clap::Args)]
pub struct Places {
    /// Name, code or part of a name
    #[arg(required = true, num_args = 1.., value_name = "TEXT")]
    pub text: Vec<String>,
    /// Most places shown
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub limit: u16,
}

/// Between which states, for what, when.
#[derive(Debug, clap::Args)]
pub struct Rules {
    /// State of origin (code or name), or a place in it
    #[arg(
        long,
        value_name = "STATE|PLACE",
        allow_hyphen_values = true,
        required_unless_present = "quota",
        requires = "to",
        requires = "cargo"
    )]
    pub from: Option<String>,
    /// State of destination, or a place in it
    #[arg(
        long,
        value_name = "STATE|PLACE",
        allow_hyphen_values = true,
        required_unless_present = "quota",
        requires = "from"
    )]
    pub to: Option<String>,
    /// Cargo: a name, a UN number such as UN1203, or an HS code; of a heading such as 2710 every cargo under it
    #[arg(long, required_unless_present = "quota", requires = "from")]
    pub cargo: Option<String>,
    /// Only this mode: rail, road, sea, inland_water, pipeline
    #[arg(long)]
    pub mode: Option<String>,
    /// States of transit, with commas between; without it those that a rule names
    #[arg(long, value_delimiter = ',', value_name = "STATE")]
    pub states: Vec<String>,
    /// State in which the lorries are registered (code or name); without it, the state of origin
    #[arg(long, value_name = "STATE")]
    pub lorries_of: Option<String>,
    /// What changed after the first day, up to the last; between two places also which options appeared, vanished, or
    /// take another time or cost
    #[arg(long, num_args = 2, value_names = ["FIRST", "LAST"], value_parser = day, conflicts_with = "as_of")]
    pub between: Vec<Date>,
    /// What is left of the quotas on the day: of every one, or of those that ration a movement
    #[arg(long, conflicts_with = "between", help_heading = "Quotas")]
    pub quota: bool,
    /// CSV file of declared use: what `karvan plan --batch --format csv` writes, or its columns id and quotas
    #[arg(long, value_name = "FILE", requires = "quota", help_heading = "Quotas")]
    pub used: Option<PathBuf>,
    /// How much; without it no rule is left out because of the mass
    #[command(flatten)]
    pub amount: Amount,
    /// How options are searched
    #[command(flatten)]
    pub search: Search,
}

/// Which events are told.
#[derive(Debug, clap::Args)]
pub struct Chronicle {
    /// First and last day; an event of which only the month or year is known counts on all its days
    #[arg(long, num_args = 2, value_names = ["FIRST", "LAST"], value_parser = day)]
    pub between: Vec<Date>,
    /// States that an event must name, all of them: codes or names, with commas between
    #[arg(long, value_delimiter = ',', value_name = "STATE")]
    pub states: Vec<String>,
    /// Place, by any of its names or codes; a place that the model does not know is looked for as words
    #[arg(long, value_name = "PLACE", allow_hyphen_values = true)]
    pub place: Option<String>,
    /// Cargo: a name, an HS code such as 2710, or words of the cargo as written
    #[arg(long)]
    pub cargo: Option<String>,
    /// What the event is to the model; several with commas between: any of them
    #[arg(long, value_enum, value_delimiter = ',')]
    pub class: Vec<ClassWord>,
    /// Beginnings of words, all of which the event must have
    #[arg(long, value_name = "TEXT")]
    pub search: Option<String>,
    /// Language of the page: en, ru
    #[arg(long, value_enum, default_value = "en", help_heading = "Output")]
    pub lang: LangWord,
}

/// A class of events, as it is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ClassWord {
    /// A decision with legal effect on carriage
    Rule,
    /// A service begins, changes or ends
    Service,
    /// A line, port, terminal or crossing opens, closes or changes
    #[value(name = "link_state")]
    LinkState,
    /// Something seen: a shipment, a queue, a storm
    Observation,
    /// Something said, asked for, planned or agreed in principle
    Context,
}

impl ClassWord {
    /// The class of the model.
    pub fn class(self) -> EventClass {
        match self {
            ClassWord::Rule => EventClass::Rule,
            ClassWord::Service => EventClass::Service,
            ClassWord::LinkState => EventClass::LinkState,
            ClassWord::Observation => EventClass::Observation,
            ClassWord::Context => EventClass::Context,
        }
    }
}

/// How much is carried.
#[derive(Debug, clap::Args)]
pub struct Amount {
    /// Mass, tonnes
    #[arg(long, value_name = "T", allow_hyphen_values = true, help_heading = "Quantity")]
    pub tonnes: Option<f64>,
    /// Number of wagons; with --tonnes, the mass is split among them
    #[arg(long, value_name = "N", allow_hyphen_values = true, conflicts_with_all = ["teu", "feu", "trucks"], help_heading = "Quantity")]
    pub wagons: Option<f64>,
    /// Number of twenty-foot units
    #[arg(long, value_name = "N", allow_hyphen_values = true, conflicts_with_all = ["feu", "trucks"], help_heading = "Quantity")]
    pub teu: Option<f64>,
    /// Number of forty-foot containers (two TEU each)
    #[arg(
        long,
        value_name = "N",
        allow_hyphen_values = true,
        conflicts_with = "trucks",
        help_heading = "Quantity"
    )]
    pub feu: Option<f64>,
    /// Number of lorries
    #[arg(long, value_name = "N", allow_hyphen_values = true, help_heading = "Quantity")]
    pub trucks: Option<f64>,
}

/// How options are searched.
#[derive(Debug, clap::Args)]
pub struct Search {
    /// What counts: time, cost, co2e, reliability
    #[arg(
        long,
        value_enum,
        value_delimiter = ',',
        default_value = "time,cost,co2e,reliability",
        help_heading = "Search"
    )]
    pub criteria: Vec<CriterionWord>,
    /// Place to go via; may be repeated
    #[arg(long, value_name = "PLACE", help_heading = "Search")]
    pub via: Vec<String>,
    /// Place, state (code or name) or mode to avoid; may be repeated
    #[arg(long, value_name = "PLACE|STATE|MODE", help_heading = "Search")]
    pub avoid: Vec<String>,
    /// Most options shown
    #[arg(long, default_value_t = 6, value_parser = clap::value_parser!(u16).range(1..=50), help_heading = "Search")]
    pub options: u16,
    /// Draws per option; without it, as the model says
    #[arg(long, value_parser = clap::value_parser!(u32).range(100..=1_000_000), help_heading = "Search")]
    pub draws: Option<u32>,
}

/// What to plan.
#[derive(Debug, clap::Args)]
pub struct Plan {
    /// Origin: a name in any script, UN/LOCODE, ESR code, key, or lon,lat
    #[arg(long, value_name = "PLACE", allow_hyphen_values = true, required_unless_present = "batch")]
    pub from: Option<String>,
    /// Destination
    #[arg(long, value_name = "PLACE", allow_hyphen_values = true, required_unless_present = "batch")]
    pub to: Option<String>,
    /// Cargo: a name, an HS code such as 2710, or a UN number such as UN1203
    #[arg(long, required_unless_present = "batch")]
    pub cargo: Option<String>,
    /// CSV file of consignments (id, from, to, cargo, tonnes, wagons, teu, trucks, depart, arrive_by, lorries_of), planned in
    /// its order: what one uses of a quota, the next has less of
    #[arg(
        long,
        value_name = "FILE",
        conflicts_with_all = ["from", "to", "cargo", "tonnes", "wagons", "teu", "feu", "trucks", "depart", "arrive_by", "lorries_of", "why_not", "legs", "options", "lang"]
    )]
    pub batch: Option<PathBuf>,
    /// How much
    #[command(flatten)]
    pub amount: Amount,
    /// Earliest departure, local time: 2025-12-18 or 2025-12-18T14:00
    #[arg(long, value_name = "WHEN", value_parser = moment, help_heading = "When")]
    pub depart: Option<DateTime>,
    /// Latest arrival, local time; a day alone means its end
    #[arg(long, value_name = "WHEN", value_parser = moment_end, help_heading = "When")]
    pub arrive_by: Option<DateTime>,
    /// State in which the lorries are registered (code or name); without it, the state of origin
    #[arg(long, value_name = "STATE", help_heading = "Search")]
    pub lorries_of: Option<String>,
    /// How it is searched
    #[command(flatten)]
    pub search: Search,
    /// Also look for the least sets of rules, borders and lines that would open an option or improve the best
    #[arg(long, help_heading = "Why not")]
    pub why_not: bool,
    /// Share of the generalised cost by which an improvement counts, 0 to 1
    #[arg(long, value_name = "SHARE", default_value_t = 0.1, value_parser = share, help_heading = "Why not")]
    pub margin: f64,
    /// Of which options the legs are shown (table)
    #[arg(long, value_enum, default_value = "best", help_heading = "Output")]
    pub legs: LegsWord,
    /// Language of the page: en, ru
    #[arg(long, value_enum, default_value = "en", help_heading = "Output")]
    pub lang: LangWord,
}

/// A criterion, as it is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum CriterionWord {
    /// Mean time
    Time,
    /// Cost
    Cost,
    /// Emissions, well to wheel
    Co2e,
    /// A bound on the spread of the time
    Reliability,
}

/// Of which options the legs are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LegsWord {
    /// The options alone
    None,
    /// The first, with papers, rules and main assumptions
    Best,
    /// Every one
    All,
}

/// A language of the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LangWord {
    /// English
    En,
    /// Russian
    Ru,
}

fn share(text: &str) -> Result<f64, String> {
    text.parse()
        .ok()
        .filter(|v| (0.0..1.0).contains(v))
        .ok_or_else(|| "a share from 0 to 1, such as 0.1".to_owned())
}

/// A moment, local time; a day alone means its beginning.
pub fn moment(text: &str) -> Result<DateTime, String> {
    if text.len() == 10 {
        return day(text).map(|d| d.at(0, 0, 0, 0));
    }
    text.replace(' ', "T")
        .parse()
        .map_err(|_| "a moment is written 2025-12-18 or 2025-12-18T14:00".to_owned())
}

/// A moment, local time; a day alone means its end.
pub fn moment_end(text: &str) -> Result<DateTime, String> {
    if text.len() == 10 { day(text).map(|d| d.at(23, 59, 59, 0)) } else { moment(text) }
}

/// What to write out.
#[derive(Debug, Subcommand)]
pub enum Export {
    /// The model's tables as a folder, as `--model` reads it
    #[command(after_help = "\
Example:
  karvan export model --output my-corridor      then change its tables and: karvan check --model my-corridor

Without --scenario the files are written byte for byte. With one, the edited tables are; what it adds
stands in files of its own, TABLE.scenario.csv.")]
    Model {
        /// Write over files that are already there
        #[arg(long)]
        overwrite: bool,
    },
}

fn day(text: &str) -> Result<Date, String> {
    let day = (text.len() == 10).then(|| text.parse().ok()).flatten();
    day.ok_or_else(|| "a day of the calendar is written YYYY-MM-DD".to_owned())
}

impl Amount {
    /// Twenty-foot units, a forty-foot container being two.
    pub fn teu(&self) -> Option<f64> {
        self.teu.or(self.feu.map(|n| 2.0 * n))
    }
}

impl Common {
    /// The model that is asked for.
    pub fn asked(&self, geometry: bool) -> Asked {
        Asked { model: self.model.clone(), scenario: self.scenario.clone(), as_of: self.as_of, geometry }
    }

    /// The format, if the command knows it; `table` where none is asked for.
    ///
    /// # Errors
    /// If the command does not know it.
    pub fn format_of(&self, known: &[Format]) -> Result<Format, Failure> {
        match self.format {
            None => Ok(Format::Table),
            Some(f) if known.contains(&f) => Ok(f),
            Some(f) => {
                let words: Vec<&str> = known.iter().map(|f| f.word()).collect();
                Err(wrong_input(
                    format!("this command has no format `{}`", f.word()),
                    format!("it has: {}", words.join(", ")),
                ))
            }
        }
    }
}
