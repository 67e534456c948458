//! TNTP files: what is read, and what is refused with which words.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use karvan_io::tntp::{self, Link, Trip};
use karvan_model::raw::{Problem, Severity};
use proptest::prelude::*;

const NET: &str = "\
<NUMBER OF ZONES> 2
<NUMBER OF NODES> 3
<FIRST THRU NODE> 3
<NUMBER OF LINKS> 3
<END OF METADATA>

~\tinit_node\tterm_node\tcapacity\tlength\tfree_flow_time\tb\tpower\tspeed\ttoll\tlink_type\t;
\t1\t3\t1\t0.5\t0\t0\t0\t0\t0\t1\t;
\t3\t2\t100\t2\t6\t0.15\t4\t0\t25\t1\t;
\t3\t2\t50 \t3\t5\t0.15\t4\t0\t0\t1;
";

const TRIPS: &str = "\
<NUMBER OF ZONES> 2
<TOTAL OD FLOW> 31.0
<END OF METADATA>

Origin  2
1 : 10.5; 2 : 0.5;
Origin \t1
    1 : 0.0;   2 :   20.0
";

fn said(problems: &[Problem]) -> Vec<String> {
    problems.iter().map(ToString::to_string).collect()
}

#[track_caller]
fn net_says(from: &str, to: &str, wanted: &str) {
    assert!(NET.contains(from), "{from}");
    let got = said(&tntp::parse_net("x_net.tntp", &NET.replacen(from, to, 1)).1);
    assert_eq!(got, [wanted], "{from} → {to}");
}

#[track_caller]
fn trips_say(from: &str, to: &str, wanted: &str) {
    assert!(TRIPS.contains(from), "{from}");
    let got = said(&tntp::parse_trips("x_trips.tntp", &TRIPS.replacen(from, to, 1)).1);
    assert_eq!(got, [wanted], "{from} → {to}");
}

#[test]
fn a_network_is_read_with_parallel_links_zero_times_and_power_0() {
    let (net, problems) = tntp::parse_net("x_net.tntp", NET);
    assert_eq!(said(&problems), [""; 0]);
    assert_eq!((net.zones, net.nodes, net.first_through_node, net.has_tolls), (2, 3, 3, true));
    let toll = Link {
        tail: 3,
        head: 2,
        capacity: 100.0,
        length: 2.0,
        free_flow_time: 6.0,
        b: 0.15,
        power: 4.0,
        toll: 25.0,
        line: 9,
    };
    assert_eq!(net.links[1], toll);
    assert_eq!((net.links.len(), net.links[2].line, net.links[2].capacity), (3, 10, 50.0));
}

#[test]
fn a_ninth_column_of_another_name_is_no_toll() {
    let (net, problems) =
        tntp::parse_net("x_net.tntp", &NET.replace("toll\tlink_type", "critical_speed\tlanes"));
    assert_eq!(said(&problems), [""; 0]);
    assert!(!net.has_tolls && net.links.iter().all(|l| l.toll == 0.0));
}

#[test]
fn trips_are_sorted_and_those_within_a_zone_counted_apart() {
    let (trips, problems) = tntp::parse_trips("x_trips.tntp", TRIPS);
    assert_eq!(said(&problems), [""; 0]);
    let pairs =
        [Trip { origin: 1, destination: 2, flow: 20.0 }, Trip { origin: 2, destination: 1, flow: 10.5 }];
    assert_eq!((trips.zones, trips.within_zones, &trips.pairs[..]), (2, 0.5, &pairs[..]));
}

#[test]
fn a_broken_network_is_refused_with_line_and_reason() {
    let columns = "allowed: init_node term_node capacity length free_flow_time b power speed toll link_type, the last three may lack";
    net_says(
        "\t3\t2\t50 ",
        "\t3\t4\t50 ",
        "x_net.tntp:10:4: error: term_node is \"4\"; allowed: a whole number from 1 to 3",
    );
    net_says(
        "\t3\t2\t50 \t3",
        "\t3\t2\t50 \tx",
        "x_net.tntp:10:10: error: length is \"x\"; allowed: a finite number, at least 0",
    );
    net_says(
        "\t6\t0.15",
        "\tNaN\t0.15",
        "x_net.tntp:9:12: error: free_flow_time is \"NaN\"; allowed: a finite number, at least 0",
    );
    net_says(
        "\t6\t0.15\t4",
        "\t6\t0.15\t0.5",
        "x_net.tntp:9:19: error: power is 0.5; allowed: 0, or at least 1: below, the slope at flow 0 is infinite",
    );
    net_says(
        "\t50 \t3",
        "\t0\t3",
        "x_net.tntp:10:6: error: capacity is 0, and the cost grows with the flow; allowed: a number above 0, such that the cost is finite",
    );
    net_says(
        "\t3\t5\t0.15\t4\t0\t0\t1;",
        "",
        &format!("x_net.tntp:10:2: error: a link with 3 columns; {columns}"),
    );
    net_says(
        "LINKS> 3",
        "LINKS> 4",
        "x_net.tntp:4: error: <NUMBER OF LINKS> is 4, but the table has 3\n  hint: the file may have been cut off",
    );
    net_says(
        "ZONES> 2",
        "ZONES> 4",
        "x_net.tntp:1: error: <NUMBER OF ZONES> is \"4\"; allowed: a whole number from 1 to 3",
    );
    net_says(
        "<FIRST THRU NODE> 3\n",
        "",
        "x_net.tntp: error: <FIRST THRU NODE> is missing; allowed: lines <KEY> value, then <END OF METADATA>, then the table",
    );
}

#[test]
fn broken_trips_are_refused_with_line_and_reason() {
    let pairs = "allowed: Origin and its number, then destination : flow; as often as needed";
    trips_say(
        "1 : 10.5",
        "1 : -10.5",
        "x_trips.tntp:6:5: error: the flow is \"-10.5\"; allowed: a finite number, at least 0",
    );
    trips_say(
        "1 : 10.5",
        "3 : 10.5",
        "x_trips.tntp:6:1: error: the destination is \"3\"; allowed: a whole number from 1 to 2",
    );
    trips_say("1 : 10.5", "1 10.5", &format!("x_trips.tntp:6:1: error: \"1 10.5\" is no pair; {pairs}"));
    trips_say(
        "Origin  2\n",
        "",
        &format!("x_trips.tntp:5:1: error: a pair before the first origin; {pairs}"),
    );
    trips_say(
        "Origin  2",
        "Origin  9",
        "x_trips.tntp:5:9: error: the origin is \"9\"; allowed: a whole number from 1 to 2",
    );
    trips_say(
        "2 :   20.0",
        "2 : 20; 2 : 3;",
        "x_trips.tntp:8: error: the flow from 1 to 2 was given in line 8 already\n  hint: give each pair once",
    );
    trips_say(
        "31.0",
        "40",
        "x_trips.tntp:2: warning: <TOTAL OD FLOW> is \"40\", but the flows sum to 31\n  hint: the flows are used",
    );
}

#[test]
fn a_folder_is_read_packed_or_not_and_only_flows_of_its_own_name_count() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    write("x_net.tntp", NET);
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    packed.write_all(TRIPS.as_bytes()).unwrap();
    fs::write(folder.path().join("x_trips.tntp.gz"), packed.finish().unwrap()).unwrap();
    write("y_flow.tntp", "From To Volume Cost\n1 3 5 6\n");
    let (instance, problems) = tntp::read_folder(folder.path());
    assert_eq!(said(&problems), [""; 0]);
    assert_eq!((instance.name.as_str(), instance.net.links.len()), ("x", 3));
    assert_eq!(instance.trips.unwrap().pairs.len(), 2);
    assert!(instance.flows.is_none());
    write("x_flow.tntp", "From To Volume Cost\n1 3 5 6.5\n");
    let flows = tntp::read_folder(folder.path()).0.flows.unwrap();
    assert_eq!(
        (flows.len(), flows[0].tail, flows[0].head, flows[0].flow, flows[0].cost),
        (1, 1, 3, 5.0, 6.5)
    );

    write("x_trips.tntp", &TRIPS.replace("ZONES> 2", "ZONES> 3"));
    fs::remove_file(folder.path().join("x_trips.tntp.gz")).unwrap();
    let got = said(&tntp::read_folder(folder.path()).1);
    assert!(got[0].ends_with("x_trips.tntp: error: 3 zones, but the network has 2\n  hint: trips and network must belong together"), "{got:?}");
    write("z_net.tntp", NET);
    let got = said(&tntp::read_folder(folder.path()).1);
    assert!(got[0].contains("the folder holds 2 networks: x_net.tntp, z_net.tntp"), "{got:?}");
}

/// Where the published networks are, if they are.
fn published() -> Option<PathBuf> {
    let named = std::env::var_os("TNTP_DIR").map(PathBuf::from);
    let folder =
        named.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/tntp"));
    if folder.is_dir() {
        return Some(folder);
    }
    eprintln!("skipped: {} is no folder; name one with TNTP_DIR", folder.display());
    None
}

#[test]
fn every_published_network_is_read_without_error() {
    let Some(folder) = published() else { return };
    let mut read = 0;
    for entry in fs::read_dir(folder).unwrap().flatten().filter(|e| e.path().is_dir()) {
        let (instance, problems) = tntp::read_folder(&entry.path());
        let errors: Vec<String> = said(&problems).into_iter().filter(|p| p.contains(": error: ")).collect();
        assert_eq!(errors, [""; 0]);
        assert_eq!(entry.file_name().to_str(), Some(instance.name.as_str()));
        if let Some(flows) = &instance.flows {
            assert_eq!(flows.len(), instance.net.links.len(), "{}", instance.name);
        }
        read += 1;
    }
    assert!(read > 0);
}

proptest! {
    /// No text makes a reader panic, and what it finds has a place.
    #[test]
    fn nothing_makes_the_readers_panic(cut in 0usize..400, at in 0usize..400, noise in "[\\PC\n;:<>~0-9.eE-]{0,12}") {
        for text in [NET, TRIPS, "From To Volume Cost\n1 3 5 6.5\n"] {
            let mut broken: String = text.chars().take(at).chain(noise.chars()).collect();
            broken.extend(text.chars().skip(cut));
            for problems in [tntp::parse_net("x", &broken).1, tntp::parse_trips("x", &broken).1, tntp::parse_flows("x", &broken).1] {
                prop_assert!(problems.iter().all(|p| &*p.at.file == "x"));
                prop_assert!(problems.iter().all(|p| p.severity == Severity::Warning || p.allowed.is_some() || p.hint.is_some()));
            }
        }
    }
}
