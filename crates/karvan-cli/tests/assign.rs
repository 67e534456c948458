//! `karvan assign` as its users see it, on a network of two roads whose equilibrium has a closed form: capacities 10 and 20 share
//! 24 as 8 and 16.

mod common;

use std::path::Path;
use std::process::Output;

use common::{ends, karvan, told, two_roads};

/// Runs the command on a folder.
fn on(folder: &Path, args: &[&str]) -> Output {
    let mut all = vec!["assign", "--tntp", folder.to_str().expect("a path in UTF-8")];
    all.extend(args);
    karvan(&all)
}

#[test]
fn an_equilibrium_is_told_with_its_certificate() {
    let settings = || {
        let mut s = insta::Settings::clone_current();
        s.add_filter(r"\d\.\d+e-1[0-9]|\b0\.0e0|-?\d\.\d+e-1[0-9] =|0\.000e0 =", "[tiny]");
        s
    };
    settings().bind(|| insta::assert_snapshot!(told(&on(&two_roads(), &[]))));
    settings().bind(|| insta::assert_snapshot!(told(&on(&two_roads(), &["--select-link", "1-4"]))));
}

#[test]
fn flows_are_those_of_the_closed_form_on_any_number_of_threads() {
    let csv = |args: &[&str]| {
        let o = on(&two_roads(), &[&["--format", "csv"], args].concat());
        assert_eq!(o.status.code(), Some(0), "{}", told(&o));
        String::from_utf8(o.stdout).expect("text")
    };
    let numbers = |text: &str| -> Vec<f64> {
        text.lines()
            .skip(1)
            .map(|l| l.split(',').nth(2).expect("a flow").parse().expect("a number"))
            .collect()
    };
    let flows = csv(&["--threads", "1", "--gap", "1e-13"]);
    let near =
        |a: &[f64], b: &[f64]| a.len() == b.len() && a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-6);
    assert!(near(&numbers(&flows), &[8.0, 8.0, 16.0, 16.0, 3.0, 3.0]), "{flows}");
    assert_eq!(flows, csv(&["--threads", "3", "--gap", "1e-13"]));
    // A toll of 5, counted 0.02, weighs 0.1.
    let tolled = numbers(&csv(&["--toll-weight", "0.02", "--gap", "1e-13"]));
    let (x, y) = (tolled[0] / 10.0, tolled[2] / 20.0);
    assert!((0.15 * x.powi(4) - 0.15 * y.powi(4) - 0.1).abs() < 1e-9 && tolled[0] > 8.0, "{tolled:?}");
    let skim = csv(&["--skim"]);
    assert!(near(&numbers(&skim), &[0.0, 1.06144, 4.0, 0.0]), "{skim}");
    assert_eq!(csv(&["--select-link", "1-4"]).lines().nth(1).map(|l| &l[..4]), Some("1,2,"));

    let o = on(&two_roads(), &["--format", "json", "--objective", "so"]);
    let v: serde_json::Value = serde_json::from_slice(&o.stdout).expect("JSON alone on stdout");
    // The roads are alike but for their size, so the system optimum is the equilibrium.
    let flow = v["links"][0]["flow"].as_f64().expect("a flow");
    assert!((flow - 8.0).abs() < 1e-4 && v["objective_sought"] == "system optimum", "{v}");
    let travel = v["travel_cost"].as_f64().expect("a cost");
    assert!((travel - (24.0 * 1.06144 + 12.0)).abs() < 1e-6, "{travel}");
}

#[test]
fn what_is_wrong_is_said_and_nothing_is_written() {
    let folder = tempfile::tempdir().expect("a folder");
    let copy = |from: &str, change: &dyn Fn(String) -> String| {
        let text = std::fs::read_to_string(two_roads().join(from)).expect("a file");
        std::fs::write(folder.path().join(from), change(text)).expect("written");
    };
    copy("two_roads_net.tntp", &|t| t);
    ends(&on(folder.path(), &[]), 2, "holds no trip table");
    copy("two_roads_trips.tntp", &|t| t.replace("24.0", "2x4"));
    let out = folder.path().join("flows.csv");
    let to_file = ["--format", "csv", "--output", out.to_str().expect("a path in UTF-8")];
    ends(
        &on(folder.path(), &to_file),
        2,
        "two_roads_trips.tntp:7:31: error: the flow is \"2x4\"; allowed: a finite number",
    );
    assert!(!out.exists());
    copy("two_roads_trips.tntp", &|t| t);
    copy("two_roads_net.tntp", &|t| t.replace("\t2\t3\t999", "\t1\t3\t999"));
    ends(
        &on(folder.path(), &to_file),
        1,
        "no answer: 3 want to go from zone 2 to zone 1, and there is no path",
    );
    assert!(!out.exists());
    ends(&on(&two_roads(), &["--gap", "2"]), 2, "a number from 0 to below 1");
    ends(&on(&two_roads(), &["--threads", "0"]), 2, "1..=1024");
    ends(&on(&two_roads(), &["--select-link", "1-2"]), 2, "there is no link from node 1 to node 2");
    ends(&on(&two_roads(), &["--skim"]), 2, "add --format csv");
    ends(&on(&two_roads(), &["--format", "html"]), 2, "this command has no format `html`");
    ends(&on(&two_roads(), &["--as-of", "2025-01-01"]), 2, "--as-of was given with --tntp");
    ends(&karvan(&["assign", "--tntp", "no-such"]), 2, "no-such is no folder");
}
