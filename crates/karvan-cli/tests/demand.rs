//! `karvan demand` on the invented corridor.

mod common;

use std::path::Path;

use common::{ends, here, told};

#[test]
fn demand_is_shown_by_region_or_by_place() {
    insta::assert_snapshot!(told(&here(&["demand", "build", "--year", "2031"])));
    insta::assert_snapshot!(told(&here(&["demand", "build", "--year", "2035..2035", "--format", "csv"])));
}

#[test]
fn a_flow_is_explained_from_its_rows_to_its_places() {
    let of = |args: &[&str]| {
        let mut all = vec!["demand", "explain"];
        all.extend(args);
        let told = told(&here(&all));
        // The corridor's hash changes with every table that is added to it.
        let hash =
            told.split("\"model_hash\": \"").nth(1).and_then(|t| t.get(..64)).unwrap_or("no hash").to_owned();
        told.replace(&hash, "HASH")
    };
    insta::assert_snapshot!(of(&["--from", "XA", "--to", "XC", "--cargo", "ore", "--year", "2031"]));
    insta::assert_snapshot!(of(&["--from", "Kess", "--to", "Dorn", "--cargo", "tea", "--year", "2032"]));
    insta::assert_snapshot!(of(&[
        "--from", "XA", "--to", "XC", "--cargo", "ore", "--year", "2031", "--format", "json"
    ]));
    insta::assert_snapshot!(of(&["--from", "XB", "--to", "XC", "--cargo", "ore", "--year", "2031"]));
}

#[test]
fn a_run_keeps_every_step_and_is_not_computed_twice() {
    let folder = tempfile::tempdir().expect("a folder");
    let dir = folder.path().join("run");
    let dir = dir.to_str().expect("a path in UTF-8");
    let build = |years: &str| here(&["demand", "build", "--year", years, "--output", dir]);
    let o = build("2030..2031");
    ends(&o, 0, "rows in");
    assert!(o.stdout.is_empty());
    ends(&build("2030..2031"), 0, "4 stages were there already");
    ends(&build("2030..2032"), 2, "years: was 2030,2031, is 2030,2031,2032");
    let show = |table: &str| here(&["study", "show", dir, "--table", table, "--format", "csv"]);
    insta::assert_snapshot!(told(&show("fit/totals")));
    // What the run holds is what is printed.
    let printed = here(&["demand", "build", "--year", "2030..2031", "--format", "csv"]);
    assert_eq!(show("demand/od").stdout, printed.stdout);
    // A table that was spoilt is made again.
    let path = Path::new(dir).join("zones/flows.parquet");
    let bytes = std::fs::read(&path).expect("a table");
    std::fs::write(&path, "spoilt").expect("written");
    ends(&build("2030..2031"), 0, "3 stages were there already");
    assert_eq!(std::fs::read(&path).expect("a table"), bytes);
}

#[test]
fn what_is_wrong_is_said() {
    ends(
        &here(&["demand", "build", "--year", "1999"]),
        2,
        "the model knows nothing of the year 1999; it answers for 2029 to 2036",
    );
    ends(
        &here(&["demand", "build", "--year", "2032..2030"]),
        2,
        "a year such as 2023, or two such as 2019..2025",
    );
    ends(&here(&["demand", "build", "--year", "2031", "--format", "html"]), 2, "it has: table, csv");
    let explain = |from: &str, cargo: &str| {
        here(&["demand", "explain", "--from", from, "--to", "XC", "--cargo", cargo, "--year", "2031"])
    };
    ends(&explain("XQ", "ore"), 2, "no place is called `XQ`");
    ends(&explain("XA", "oer"), 2, "ore");
}
