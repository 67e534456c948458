//! Networks, trip tables and link flows in the TNTP text format.
//!
//! The format is that of *Transportation Networks for Research* (<https://github.com/bstabler/TransportationNetworks>): lines
//! `<KEY> value` up to `<END OF METADATA>`, comments after `~`, then one link a line, or `Origin o` and pairs
//! `destination : flow;`. Files ending in `.gz` are read as well. A reader gives what could be read and every problem
//! with file, line and column; where one of them is an error, the value must not be used.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use karvan_model::raw::{At, Problem, Severity};

use crate::LONGEST;

/// A network: nodes count from 1, the first [`Net::zones`] of them are the zones.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Net {
    /// How many zones.
    pub zones: u32,
    /// How many nodes, zones included.
    pub nodes: u32,
    /// Zones with a number below this begin or end a path but are never passed through.
    pub first_through_node: u32,
    /// Links in the order of the file; parallel ones are kept.
    pub links: Vec<Link>,
    /// Whether the file says which toll each link has: where its header names other columns, tolls are 0.
    pub has_tolls: bool,
}

/// One directed link.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Link {
    /// Node it begins at.
    pub tail: u32,
    /// Node it ends at.
    pub head: u32,
    /// Capacity, in the unit of flows.
    pub capacity: f64,
    /// Length, in the unit the file's makers chose.
    pub length: f64,
    /// Time without traffic, in the unit of costs.
    pub free_flow_time: f64,
    /// Factor of the BPR function.
    pub b: f64,
    /// Power of the BPR function: 0, or at least 1.
    pub power: f64,
    /// Toll, in the unit the file's makers chose.
    pub toll: f64,
    /// Line of the file.
    pub line: u32,
}

/// A trip table.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Trips {
    /// How many zones.
    pub zones: u32,
    /// Every pair with a flow above 0, by origin and destination; no pair twice, none within a zone.
    pub pairs: Vec<Trip>,
    /// Flow within zones, which no network carries.
    pub within_zones: f64,
}

/// The flow between two zones.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Trip {
    /// Zone of origin, from 1.
    pub origin: u32,
    /// Zone of destination, from 1.
    pub destination: u32,
    /// Flow.
    pub flow: f64,
}

/// Flow and cost of one link, as somebody published them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LinkFlow {
    /// Node it begins at.
    pub tail: u32,
    /// Node it ends at.
    pub head: u32,
    /// Flow.
    pub flow: f64,
    /// Cost.
    pub cost: f64,
}

/// A folder with a network, and with what else there is to it.
#[derive(Clone, Debug, Default)]
pub struct Instance {
    /// Its name: that of the network's file without `_net.tntp`.
    pub name: String,
    /// Network.
    pub net: Net,
    /// Trip table, where there is one.
    pub trips: Option<Trips>,
    /// Published flows, where there are any.
    pub flows: Option<Vec<LinkFlow>>,
    /// Files read, in the order network, trips, flows.
    pub files: Vec<PathBuf>,
}

const NET: &str = "_net.tntp";
const FORM: &str = "lines <KEY> value, then <END OF METADATA>, then the table";

/// Reads the files `NAME_net.tntp`, `NAME_trips.tntp` and `NAME_flow.tntp` of a folder, each perhaps with `.gz` at the end.
pub fn read_folder(folder: &Path) -> (Instance, Vec<Problem>) {
    let mut instance = Instance::default();
    let whole = At { file: folder.display().to_string().into(), ..At::default() };
    let mut names: Vec<String> = match std::fs::read_dir(folder) {
        Ok(entries) => entries.flatten().map(|e| e.file_name().to_string_lossy().into_owned()).collect(),
        Err(e) => {
            let problem = Problem::error(whole, format!("the folder cannot be read: {e}"))
                .hint("name a folder that holds NAME_net.tntp and NAME_trips.tntp");
            return (instance, vec![problem]);
        }
    };
    names.sort();
    let is = |name: &str, wanted: &str| name.strip_suffix(".gz").unwrap_or(name) == wanted;
    let nets: Vec<&String> =
        names.iter().filter(|n| n.strip_suffix(".gz").unwrap_or(n).ends_with(NET)).collect();
    let [net] = nets[..] else {
        let what = match nets.len() {
            0 => "the folder holds no network".to_owned(),
            n => format!("the folder holds {n} networks: {}", list(&nets)),
        };
        let problem = Problem::error(whole, what).allowed("one file NAME_net.tntp or NAME_net.tntp.gz");
        return (instance, vec![problem]);
    };
    instance.name = net.strip_suffix(".gz").unwrap_or(net).trim_end_matches(NET).to_owned();
    let mut problems = Vec::new();
    let mut text_of = |name: &String, problems: &mut Vec<Problem>| {
        let path = folder.join(name);
        let shown = path.display().to_string();
        let text = read_text(&path)
            .map_err(|e| {
                let at = At { file: shown.as_str().into(), ..At::default() };
                problems.push(Problem::error(at, format!("the file cannot be read: {e}")));
            })
            .ok();
        instance.files.push(path);
        text.map(|t| (shown, t))
    };
    if let Some((shown, text)) = text_of(net, &mut problems) {
        let (value, mut found) = parse_net(&shown, &text);
        instance.net = value;
        problems.append(&mut found);
    }
    let part = |part: &str| {
        let wanted = format!("{}_{part}.tntp", instance.name);
        names.iter().find(|n| is(n, &wanted))
    };
    let zones = instance.net.zones;
    if let Some((shown, text)) = part("trips").and_then(|n| text_of(n, &mut problems)) {
        let (value, mut found) = parse_trips(&shown, &text);
        if value.zones != zones && found.iter().all(|p| p.severity != Severity::Error) {
            let at = At { file: shown.as_str().into(), ..At::default() };
            let what = format!("{} zones, but the network has {zones}", value.zones);
            found.push(Problem::error(at, what).hint("trips and network must belong together"));
        }
        instance.trips = Some(value);
        problems.append(&mut found);
    }
    if let Some((shown, text)) = part("flow").and_then(|n| text_of(n, &mut problems)) {
        let (value, mut found) = parse_flows(&shown, &text);
        instance.flows = Some(value);
        problems.append(&mut found);
    }
    (instance, problems)
}

fn list(names: &[&String]) -> String {
    names.iter().map(|n| n.as_str()).collect::<Vec<_>>().join(", ")
}

/// The text of a file, unpacked if its name ends in `.gz`. Bytes that are no UTF-8 become the replacement character, so that
/// they are refused where they stand.
fn read_text(path: &Path) -> std::io::Result<String> {
    let mut bytes = crate::read_file(path)?;
    if path.extension().is_some_and(|e| e == "gz") {
        let mut unpacked = Vec::new();
        flate2::read::MultiGzDecoder::new(&bytes[..]).take(LONGEST + 1).read_to_end(&mut unpacked)?;
        if unpacked.len() as u64 > LONGEST {
            let what = "longer than 512 MiB when unpacked, which no network or trip table is";
            return Err(std::io::Error::new(std::io::ErrorKind::InvalidData, what));
        }
        bytes = unpacked;
    }
    Ok(String::from_utf8(bytes).unwrap_or_else(|e| String::from_utf8_lossy(e.as_bytes()).into_owned()))
}

/// A text being read: where problems go, and where they are.
struct Reader<'a> {
    file: Arc<str>,
    problems: Vec<Problem>,
    /// Lines of the table, with their numbers, comments and empty lines left out.
    body: Vec<(u32, &'a str)>,
    /// Metadata: value and line by key in capitals.
    keys: BTreeMap<String, (&'a str, u32)>,
    /// The last comment before the table, which names its columns.
    header: Option<&'a str>,
}

/// More problems than this in one file say nothing new.
const MOST_PROBLEMS: usize = 100;

impl<'a> Reader<'a> {
    fn new(file: &str, text: &'a str, needs_metadata: bool) -> Self {
        let mut reader = Self {
            file: file.into(),
            problems: Vec::new(),
            body: Vec::new(),
            keys: BTreeMap::new(),
            header: None,
        };
        let mut ended = !needs_metadata && !text.trim_start().starts_with('<');
        for (number, line) in (1u32..).zip(text.lines()) {
            let bare = line.trim();
            if bare.is_empty() {
                continue;
            }
            if let Some(comment) = bare.strip_prefix('~') {
                reader.header = if reader.body.is_empty() { Some(comment) } else { reader.header };
            } else if ended {
                reader.body.push((number, line));
            } else if let Some((key, value)) = bare.strip_prefix('<').and_then(|r| r.split_once('>')) {
                let key = key.trim().to_ascii_uppercase();
                ended = key == "END OF METADATA";
                reader.keys.insert(key, (value.trim(), number));
            } else {
                let what = format!("{} stands among the metadata", quoted(bare));
                reader.error(number, line, bare, what, FORM);
                ended = true;
            }
        }
        if !ended {
            let at = At { file: reader.file.clone(), ..At::default() };
            let what = "<END OF METADATA> is missing";
            reader.problems.push(Problem::error(at, what).allowed(FORM));
        }
        reader
    }

    /// An error at `part` of `line`.
    fn error(&mut self, number: u32, line: &str, part: &str, what: String, allowed: &str) {
        if self.problems.len() < MOST_PROBLEMS {
            let byte = (part.as_ptr() as usize).saturating_sub(line.as_ptr() as usize).min(line.len());
            let column = line.get(..byte).map_or(0, |l| l.chars().count() as u32) + 1;
            let at = At { file: self.file.clone(), line: number, column };
            self.problems.push(Problem::error(at, what).allowed(allowed));
        }
    }

    /// A number among the metadata.
    fn count(&mut self, key: &str, allowed: std::ops::RangeInclusive<u32>) -> Option<u32> {
        let Some(&(text, line)) = self.keys.get(key) else {
            let at = At { file: self.file.clone(), ..At::default() };
            let what = format!("<{key}> is missing");
            self.problems.push(Problem::error(at, what).allowed(FORM));
            return None;
        };
        match text.parse() {
            Ok(n) if allowed.contains(&n) => Some(n),
            _ => {
                let at = At { file: self.file.clone(), line, column: 0 };
                let what = format!("<{key}> is {}", quoted(text));
                let range = format!("a whole number from {} to {}", allowed.start(), allowed.end());
                self.problems.push(Problem::error(at, what).allowed(range));
                None
            }
        }
    }

    /// A node or zone; `most` is the highest there is.
    fn number(&mut self, line: (u32, &str), text: &str, name: &str, most: u32) -> Option<u32> {
        match text.parse() {
            Ok(n) if n >= 1 && n <= most => Some(n),
            _ => {
                let allowed = format!("a whole number from 1 to {most}");
                self.error(line.0, line.1, text, format!("{name} is {}", quoted(text)), &allowed);
                None
            }
        }
    }

    /// A number that is finite and at least 0.
    fn amount(&mut self, line: (u32, &str), text: &str, name: &str) -> Option<f64> {
        match text.parse::<f64>() {
            Ok(x) if x.is_finite() && x >= 0.0 => Some(x),
            _ => {
                let what = format!("{name} is {}", quoted(text));
                self.error(line.0, line.1, text, what, "a finite number, at least 0");
                None
            }
        }
    }
}

/// A text in quotes, cut where it is long.
fn quoted(text: &str) -> String {
    let mut short: String = text.chars().take(40).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    format!("\"{short}\"")
}

/// The most nodes a network may have: more would be a slip of the pen.
const MOST_NODES: u32 = 50_000_000;

const LINK_COLUMNS: &str = "init_node term_node capacity length free_flow_time b power speed toll link_type, the last three may lack";

/// Reads a network; `file` stands in problems.
pub fn parse_net(file: &str, text: &str) -> (Net, Vec<Problem>) {
    let mut r = Reader::new(file, text, true);
    let nodes = r.count("NUMBER OF NODES", 1..=MOST_NODES);
    let zones = r.count("NUMBER OF ZONES", 1..=nodes.unwrap_or(MOST_NODES));
    let first = r.count("FIRST THRU NODE", 1..=nodes.map_or(MOST_NODES, |n| n + 1));
    let links = r.count("NUMBER OF LINKS", 0..=u32::MAX - 1);
    let columns: Option<Vec<&str>> = r.header.map(|h| h.split_whitespace().filter(|w| *w != ";").collect());
    let toll = match &columns {
        Some(names) if names.len() >= 7 => names.iter().position(|n| n.eq_ignore_ascii_case("toll")),
        _ => Some(8),
    };
    let mut net = Net {
        zones: zones.unwrap_or(0),
        nodes: nodes.unwrap_or(0),
        first_through_node: first.unwrap_or(1),
        links: Vec::new(),
        has_tolls: toll.is_some(),
    };
    let most = nodes.unwrap_or(MOST_NODES);
    for (number, line) in std::mem::take(&mut r.body) {
        let at = (number, line);
        let cells: Vec<&str> = line.split_whitespace().map(|c| c.trim_end_matches(';')).collect();
        let cells: Vec<&str> = cells.into_iter().filter(|c| !c.is_empty()).collect();
        if cells.len() < 7 {
            let what = format!("a link with {} columns", cells.len());
            r.error(number, line, line.trim_start(), what, LINK_COLUMNS);
            continue;
        }
        let tail = r.number(at, cells[0], "init_node", most);
        let head = r.number(at, cells[1], "term_node", most);
        let mut amount = |i: usize, name: &str| r.amount(at, cells[i], name);
        let numbers = (
            amount(2, "capacity"),
            amount(3, "length"),
            amount(4, "free_flow_time"),
            amount(5, "b"),
            amount(6, "power"),
            match toll {
                Some(i) if i < cells.len() => amount(i, "toll"),
                _ => Some(0.0),
            },
        );
        let (Some(tail), Some(head)) = (tail, head) else { continue };
        let (Some(capacity), Some(length), Some(free_flow_time), Some(b), Some(power), Some(toll)) = numbers
        else {
            continue;
        };
        if power > 0.0 && power < 1.0 {
            let what = format!("power is {power}");
            r.error(number, line, cells[6], what, "0, or at least 1: below, the slope at flow 0 is infinite");
        }
        if b > 0.0
            && power > 0.0
            && free_flow_time > 0.0
            && !(free_flow_time * b / capacity.powf(power)).is_finite()
        {
            let what = format!("capacity is {capacity}, and the cost grows with the flow");
            r.error(number, line, cells[2], what, "a number above 0, such that the cost is finite");
        }
        net.links.push(Link { tail, head, capacity, length, free_flow_time, b, power, toll, line: number });
    }
    if let (Some(said), true) = (links, r.problems.is_empty())
        && said as usize != net.links.len()
    {
        let line = r.keys.get("NUMBER OF LINKS").map_or(0, |k| k.1);
        let at = At { file: r.file.clone(), line, column: 0 };
        let what = format!("<NUMBER OF LINKS> is {said}, but the table has {}", net.links.len());
        r.problems.push(Problem::error(at, what).hint("the file may have been cut off"));
    }
    (net, r.problems)
}

/// Reads a trip table; `file` stands in problems.
pub fn parse_trips(file: &str, text: &str) -> (Trips, Vec<Problem>) {
    const PAIRS: &str = "Origin and its number, then destination : flow; as often as needed";
    let mut r = Reader::new(file, text, true);
    let zones = r.count("NUMBER OF ZONES", 1..=MOST_NODES);
    let most = zones.unwrap_or(MOST_NODES);
    let mut trips = Trips { zones: zones.unwrap_or(0), ..Trips::default() };
    let mut origin: Option<u32> = None;
    let mut lines: Vec<u32> = Vec::new();
    for (number, line) in std::mem::take(&mut r.body) {
        let at = (number, line);
        let bare = line.trim();
        if let Some(rest) = bare.get(..6).filter(|w| w.eq_ignore_ascii_case("origin")).map(|_| &bare[6..]) {
            let rest = rest.trim();
            origin = r.number(at, if rest.is_empty() { &bare[6..] } else { rest }, "the origin", most);
            if origin.is_none() && !r.problems.is_empty() {
                // What follows belongs to no zone; one problem suffices.
                origin = Some(0);
            }
            continue;
        }
        for pair in bare.split(';').map(str::trim).filter(|p| !p.is_empty()) {
            let Some((destination, flow)) = pair.split_once(':') else {
                r.error(number, line, pair, format!("{} is no pair", quoted(pair)), PAIRS);
                continue;
            };
            let Some(origin) = origin else {
                r.error(number, line, pair, "a pair before the first origin".into(), PAIRS);
                break;
            };
            let destination = r.number(at, destination.trim(), "the destination", most);
            let flow = r.amount(at, flow.trim(), "the flow");
            let (Some(destination), Some(flow)) = (destination, flow) else { continue };
            if destination == origin {
                trips.within_zones += flow;
            } else if flow > 0.0 && origin > 0 {
                trips.pairs.push(Trip { origin, destination, flow });
                lines.push(number);
            }
        }
    }
    let mut order: Vec<usize> = (0..trips.pairs.len()).collect();
    order.sort_by_key(|&i| (trips.pairs[i].origin, trips.pairs[i].destination, i));
    for w in order.windows(2) {
        let (a, b) = (&trips.pairs[w[0]], &trips.pairs[w[1]]);
        if (a.origin, a.destination) == (b.origin, b.destination) && r.problems.len() < MOST_PROBLEMS {
            let at = At { file: r.file.clone(), line: lines[w[1]], column: 0 };
            let what = format!(
                "the flow from {} to {} was given in line {} already",
                a.origin, a.destination, lines[w[0]]
            );
            r.problems.push(Problem::error(at, what).hint("give each pair once"));
        }
    }
    trips.pairs = order.into_iter().map(|i| trips.pairs[i]).collect();
    if r.problems.is_empty()
        && let Some(&(said, line)) = r.keys.get("TOTAL OD FLOW")
    {
        let total = trips.pairs.iter().map(|t| t.flow).sum::<f64>() + trips.within_zones;
        let at = At { file: r.file.clone(), line, column: 0 };
        match said.parse::<f64>() {
            // Published totals are rounded.
            Ok(x) if (x - total).abs() <= 1e-3 * total.abs() => {}
            _ => {
                let what = format!("<TOTAL OD FLOW> is {}, but the flows sum to {total}", quoted(said));
                r.problems.push(Problem::warning(at, what).hint("the flows are used"));
            }
        }
    }
    (trips, r.problems)
}

/// Reads link flows; `file` stands in problems.
pub fn parse_flows(file: &str, text: &str) -> (Vec<LinkFlow>, Vec<Problem>) {
    const COLUMNS: &str = "From To Volume Cost";
    let mut r = Reader::new(file, text, false);
    let mut flows = Vec::new();
    for (k, (number, line)) in std::mem::take(&mut r.body).into_iter().enumerate() {
        let at = (number, line);
        let cells: Vec<&str> =
            line.split_whitespace().map(|c| c.trim_end_matches(';')).filter(|c| !c.is_empty()).collect();
        let names = cells.first().is_some_and(|c| c.starts_with(|x: char| x.is_ascii_alphabetic()));
        if k == 0 && names {
            continue;
        }
        if cells.len() < 4 {
            let what = format!("a link with {} columns", cells.len());
            r.error(number, line, line.trim_start(), what, COLUMNS);
            continue;
        }
        let tail = r.number(at, cells[0], "From", MOST_NODES);
        let head = r.number(at, cells[1], "To", MOST_NODES);
        let flow = r.amount(at, cells[2], "Volume");
        let cost = r.amount(at, cells[3], "Cost");
        if let (Some(tail), Some(head), Some(flow), Some(cost)) = (tail, head, flow, cost) {
            flows.push(LinkFlow { tail, head, flow, cost });
        }
    }
    (flows, r.problems)
}
