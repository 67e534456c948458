//! `karvan assign --year` on the invented corridor.

mod common;

use common::{ends, here, scenario, told};

/// What a command prints, without the corridor's hash and what rounding alone leaves.
fn plain(args: &[&str]) -> String {
    let told = told(&here(args));
    let hash =
        told.split("\"model_hash\": \"").nth(1).and_then(|t| t.get(..64)).unwrap_or("no hash").to_owned();
    told.replace(&hash, "HASH")
}

fn settings() -> insta::Settings {
    let mut s = insta::Settings::clone_current();
    s.add_filter(r"-?\d(\.\d+)?e-\d+|\b0(\.00)?e0", "[tiny]");
    s
}

#[test]
fn a_year_is_told_with_its_certificate() {
    settings().bind(|| {
        insta::assert_snapshot!(plain(&["assign", "--year", "2031"]));
        insta::assert_snapshot!(plain(&["assign", "--year", "2035", "--format", "csv"]));
    });
    let o = here(&["assign", "--year", "2031", "--format", "json"]);
    let v: serde_json::Value = serde_json::from_slice(&o.stdout).expect("JSON alone on stdout");
    let number = |path: &str| v.pointer(path).and_then(serde_json::Value::as_f64).expect("a number");
    assert!(number("/certificate/gap") < 1e-6 && number("/certificate/conservation") < 1e-9);
    let corridors = v["corridors"].as_array().expect("corridors");
    let sum: f64 = corridors.iter().filter_map(|c| c["tonnes"].as_f64()).sum();
    assert!((sum - number("/demand/carried_t")).abs() < 1e-3, "{sum}");
}

#[test]
fn a_scenario_moves_what_it_shuts() {
    let (_folder, shut) = scenario(
        r#"
title = "No wagons on the ferries"
[[edit]]
change = "capacity"
key = "inner_ferries"
set = { value = 0 }
"#,
    );
    let wagons = |args: &[&str]| {
        let all = [&["assign", "--year", "2031", "--format", "json"], args].concat();
        let v: serde_json::Value = serde_json::from_slice(&here(&all).stdout).expect("JSON");
        let all = v["capacities"].as_array().expect("capacities");
        let ferries = all.iter().filter(|c| c["row"].as_str().is_some_and(|r| r.contains("inner_ferries")));
        ferries.filter_map(|c| c["load"].as_f64()).sum::<f64>()
    };
    assert!(wagons(&[]) > 100.0);
    assert!(wagons(&["--scenario", &shut]) < 1e-6);
}

#[test]
fn a_scenario_is_put_beside_the_model_with_what_moved_and_why() {
    let (_folder, shut) = scenario(
        r#"
title = "No wagons and few lorries on the ferries"
[[edit]]
change = "capacity"
key = "inner_ferries"
set = { value = 0 }
[[edit]]
change = "capacity"
key = "inner_ropax"
set = { value = 400 }
"#,
    );
    settings().bind(|| insta::assert_snapshot!(plain(&["assign", "--year", "2031", "--against", &shut])));
    let o = here(&["assign", "--year", "2031", "--against", &shut, "--format", "json"]);
    let v: serde_json::Value = serde_json::from_slice(&o.stdout).expect("JSON alone on stdout");
    let number = |path: &str| v.pointer(path).and_then(serde_json::Value::as_f64).expect("a number");
    // What is taken away can only cost.
    assert!(number("/moved_t") > 1e4 && number("/scenario/value_usd") > number("/base/value_usd"));
    let same =
        here(&["assign", "--year", "2031", "--scenario", &shut, "--against", &shut, "--format", "json"]);
    let v: serde_json::Value = serde_json::from_slice(&same.stdout).expect("JSON");
    assert_eq!(v["moved_t"].as_f64(), Some(0.0));
}

#[test]
fn prices_are_put_beside_what_less_and_more_change() {
    let o = here(&["assign", "--year", "2031", "--gap", "1e-9", "--check-prices", "10", "--format", "csv"]);
    assert_eq!(o.status.code(), Some(0), "{}", told(&o));
    let text = String::from_utf8(o.stdout).expect("text");
    let rows: Vec<Vec<f64>> = text
        .lines()
        .skip(1)
        .map(|l| l.rsplit(',').take(3).map(|x| x.parse().expect("a number")).collect())
        .collect();
    assert!(!rows.is_empty());
    for r in rows {
        // Less, worth, more.
        assert!(r[0] + 0.01 * r[0].abs() + 1e-3 >= r[1] && r[1] + 0.01 * r[1].abs() + 1e-3 >= r[2], "{text}");
    }
}

#[test]
fn a_run_is_carried_on_and_gives_the_same() {
    let folder = tempfile::tempdir().expect("a folder");
    let dir = folder.path().join("run");
    let dir = dir.to_str().expect("a path in UTF-8");
    let run = |year: &str, gap: &str| here(&["assign", "--year", year, "--gap", gap, "--run", dir]);
    let first = run("2031", "1e-6");
    assert_eq!(first.status.code(), Some(0), "{}", told(&first));
    assert_eq!(first.stdout, run("2031", "1e-6").stdout);
    assert_eq!(first.stdout, here(&["assign", "--year", "2031", "--threads", "1"]).stdout);
    ends(&run("2032", "1e-6"), 2, "year: was 2031, is 2032");
    // A table that was spoilt is made again.
    let path = folder.path().join("run/choices/ways.parquet");
    let bytes = std::fs::read(&path).expect("a table");
    std::fs::write(&path, "spoilt").expect("written");
    assert_eq!(first.stdout, run("2031", "1e-6").stdout);
    assert_eq!(std::fs::read(&path).expect("a table"), bytes);
    let shown = here(&["study", "show", dir, "--table", "report/services", "--format", "csv"]);
    assert!(String::from_utf8_lossy(&shown.stdout).contains("ferry_wagon"), "{}", told(&shown));
}

#[test]
fn what_is_wrong_is_said() {
    ends(&here(&["assign"]), 2, "--year");
    ends(&here(&["assign", "--year", "1999"]), 2, "the model knows nothing of 1999-07-01");
    ends(&here(&["assign", "--year", "2031", "--tntp", "x"]), 2, "cannot be used with");
    ends(&here(&["assign", "--year", "2031", "--skim"]), 2, "cannot be used with");
    ends(
        &here(&["assign", "--year", "2031", "--format", "geojson"]),
        2,
        "this command has no format `geojson`",
    );
    let beside = ["assign", "--year", "2031", "--check-prices", "2", "--format", "gpkg"];
    ends(&here(&beside), 2, "this command has no format `gpkg`");
    ends(&here(&["assign", "--tntp", "x", "--lang", "ru"]), 2, "cannot be used with");
    let (_folder, none) = scenario("title = \"x\"\n[[edit]]\nremove = \"choice\"\nkey = \"all\"\n");
    ends(
        &here(&["assign", "--year", "2031", "--scenario", &none]),
        2,
        "no row of table `choice` is for cargo",
    );
    let (_folder, sharp) = scenario(
        "title = \"x\"\n[[edit]]\nchange = \"choice\"\nkey = \"all\"\nset = { mode_spread = 0.05 }\n",
    );
    ends(&here(&["assign", "--year", "2031", "--scenario", &sharp]), 2, "`route_spread` or more");
}

#[test]
fn a_year_is_a_page() {
    let page = |lang: &str| {
        let o = here(&["assign", "--year", "2031", "--format", "html", "--lang", lang]);
        assert_eq!(o.status.code(), Some(0), "{}", told(&o));
        String::from_utf8(o.stdout).expect("text")
    };
    let (en, ru) = (page("en"), page("ru"));
    assert!(en.contains("Trade of 2031 on the network") && ru.contains("Торговля 2031 года на сети"));
    for page in [&en, &ru] {
        // A map with traffic by modes, and charts of totals, capacities, corridors and modes.
        assert!(
            page.contains(r#"<svg class="map""#) && page.contains(r#"<path class="rail" stroke-width="#),
            "{page}"
        );
        assert_eq!(page.matches(r#"<svg class="chart""#).count(), 4);
        assert!(page.contains("Wagon ferry") || page.contains("ferry"), "{page}");
        assert!(!page.contains("<script") && !page.contains("http://"), "it stands alone");
    }
    assert_eq!(en, page("en"));
}

/// What a GIS reads is what is told: tonnes, shapes between the nodes, one layer each of links, services and crossings.
#[test]
fn a_year_is_a_geopackage() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("year.gpkg");
    let file = path.to_str().expect("a path in UTF-8");
    let write = || {
        let o = here(&["assign", "--year", "2031", "--format", "gpkg", "--output", file]);
        assert_eq!(o.status.code(), Some(0), "{}", told(&o));
        std::fs::read(&path).expect("a file")
    };
    assert!(write() == write(), "the same year, the same bytes");
    let o = here(&["assign", "--year", "2031", "--format", "json"]);
    let v: serde_json::Value = serde_json::from_slice(&o.stdout).expect("JSON");
    let links = v["links"].as_array().expect("links");
    let sum = |key: &str| links.iter().map(|l| l[key].as_f64().expect("tonnes")).sum::<f64>();
    let db = rusqlite::Connection::open(&path).expect("a database");
    let number = |sql: &str| -> f64 { db.query_row(sql, [], |r| r.get(0)).expect("a number") };
    assert!((number("SELECT sum(forward_t) FROM links") / sum("forward_t") - 1.0).abs() < 1e-12);
    assert!((number("SELECT sum(back_t) FROM links") / sum("back_t") - 1.0).abs() < 1e-12);
    let by_cargo = number("SELECT sum(tonnes) FROM link_cargo") / (sum("forward_t") + sum("back_t"));
    assert!((by_cargo - 1.0).abs() < 1e-9, "{by_cargo}");
    let n = |sql: &str| number(&format!("SELECT CAST(({sql}) AS REAL)")) as usize;
    assert_eq!(n("SELECT count(geom) FROM links"), links.len());
    assert_eq!(n("SELECT count(geom) FROM services"), v["services"].as_array().expect("services").len());
    assert_eq!(n("SELECT count(geom) FROM borders"), v["borders"].as_array().expect("borders").len());
    assert_eq!(n("SELECT count(*) FROM gpkg_geometry_columns WHERE srs_id = 4326"), 3);
}

#[test]
fn several_years_are_told_in_one_report() {
    settings().bind(|| insta::assert_snapshot!(plain(&["assign", "--year", "2030..2031"])));
    let years = here(&["assign", "--year", "2030..2031", "--format", "json"]);
    let years: serde_json::Value = serde_json::from_slice(&years.stdout).expect("JSON");
    let one = here(&["assign", "--year", "2031", "--format", "json"]);
    let one: serde_json::Value = serde_json::from_slice(&one.stdout).expect("JSON");
    // Each year is what it is by itself.
    assert_eq!(years["years"][1]["carried_t"], one["demand"]["carried_t"]);
    let all = years["traffic_totals"].as_array().expect("totals");
    for t in one["traffic_totals"].as_array().expect("totals") {
        assert!(all.contains(t), "{t}");
    }
    // The factor is the geometric mean over the rows that it names.
    let group = years["missed"].as_array().expect("groups").iter().find(|m| m["of"] == "all");
    let group = group.expect("all totals");
    let of = all.iter().filter(|t| t["in_the_fit"] == group["in_the_fit"]);
    let logs: Vec<f64> = of.map(|t| t["ratio"].as_f64().expect("a ratio").ln().abs()).collect();
    let factor = (logs.iter().sum::<f64>() / logs.len() as f64).exp();
    assert!((group["factor"].as_f64().expect("a factor") / factor - 1.0).abs() < 1e-12);
    let o = here(&["assign", "--year", "2030..2031", "--check-prices", "3"]);
    assert_eq!(o.status.code(), Some(2));
    assert!(told(&o).contains("--check-prices is for one year"), "{}", told(&o));
}
