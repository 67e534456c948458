//! Groups of states as levers, quotas, and batches of consignments: on the invented corridor, and a lever on the
//! built-in model.

mod common;

use std::path::Path;

use common::{corridor, karvan, scenario};

/// The options of a plan: rules that applied to each, and its cost.
fn options(args: &[&str]) -> Vec<(Vec<String>, f64)> {
    let mut all = args.to_vec();
    all.extend(["--draws", "100", "--format", "json"]);
    let o = karvan(&all);
    let v: serde_json::Value = serde_json::from_slice(&o.stdout)
        .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&o.stderr)));
    let rules = |o: &serde_json::Value| {
        o["rules"]
            .as_array()
            .map(|r| r.iter().filter_map(|r| r["id"].as_str().map(str::to_owned)).collect())
            .unwrap_or_default()
    };
    v["options"]
        .as_array()
        .map(|o| o.iter().map(|o| (rules(o), o["cost_usd"]["best"].as_f64().unwrap_or(f64::NAN))).collect())
        .unwrap_or_default()
}

/// The least cost of a way.
fn cheapest(args: &[&str]) -> f64 {
    options(args).into_iter().map(|o| o.1).fold(f64::INFINITY, f64::min)
}

const AMONG_THEMSELVES: &str = r#"
[[edit]]
add = "rule"
row = { id = "union_free", what = "Members of the union raise no transit charge among themselves", governs = "transit", state_groups = "inner_union", origin_groups = "inner_union", destination_groups = "inner_union", effect = "waive", claim = "assumed: what if" }
"#;
const ARDIA_JOINS: &str = r#"
[[edit]]
add = "member"
row = { group = "inner_union", state = "XA", from = 2031-06-01, claim = "assumed: what if" }
"#;

/// Tea from Orlo to Dorn by rail and ship, through Belmar, leaving on a day.
fn tea(scenario: &str, day: &str) -> Vec<(Vec<String>, f64)> {
    let folder = corridor();
    options(&[
        "plan",
        "--model",
        folder.to_str().expect("UTF-8"),
        "--scenario",
        scenario,
        "--from",
        "Orlo",
        "--to",
        "Dorn",
        "--cargo",
        "tea",
        "--tonnes",
        "100",
        "--avoid",
        "road",
        "--depart",
        day,
    ])
}

#[test]
fn members_waive_charges_among_themselves_while_they_are_members() {
    let rule = |o: &[(Vec<String>, f64)], id: &str| o.iter().any(|(rules, _)| rules.iter().any(|r| r == id));
    let (_a, outside) = scenario(AMONG_THEMSELVES);
    let (_b, joined) = scenario(&format!("{AMONG_THEMSELVES}{ARDIA_JOINS}"));
    for (file, day, free) in
        [(&outside, "2031-07-01", false), (&joined, "2031-02-01", false), (&joined, "2031-07-01", true)]
    {
        let o = tea(file, day);
        assert!(!o.is_empty(), "{file} {day}");
        assert_eq!(rule(&o, "union_free"), free, "{day}: {o:?}");
        assert_eq!(rule(&o, "xb_transit_charge"), !free, "{day}: {o:?}");
    }
    let least = |f: &str| tea(f, "2031-07-01").iter().map(|o| o.1).fold(f64::INFINITY, f64::min);
    assert!(least(&joined) < least(&outside));
}

#[test]
fn a_ban_binds_a_group_from_the_day_of_joining() {
    let ban = "[[edit]]\nadd = \"rule\"\nrow = { id = \"no_tea\", what = \"The union takes no tea from its members\", \
               governs = \"import\", state_groups = \"inner_union\", origin_groups = \"inner_union\", hs = \"0902\", \
               effect = \"forbid\", claim = \"assumed: what if\" }\n";
    let (_a, outside) = scenario(ban);
    let (_b, joined) = scenario(&format!("{ban}{ARDIA_JOINS}"));
    assert!(!tea(&outside, "2031-07-01").is_empty());
    assert!(!tea(&joined, "2031-02-01").is_empty());
    assert!(tea(&joined, "2031-07-01").is_empty());
}

#[test]
fn a_discount_takes_its_share_off_the_tariff() {
    let discount = |share: &str| {
        let rule = format!(
            "[[edit]]\nadd = \"rule\"\nrow = {{ id = \"less\", what = \"Cheaper by rail\", governs = \"carriage\", \
             modes = \"rail\", effect = \"discount\", value = \"{share}\", claim = \"assumed: what if\" }}\n"
        );
        let (_folder, file) = scenario(&rule);
        tea(&file, "2031-07-01").iter().map(|o| o.1).fold(f64::INFINITY, f64::min)
    };
    let (none, half, all) = (discount("0"), discount("0.5"), discount("1"));
    assert!((none - half - (half - all)).abs() < 1e-6 * none && half < none, "{none} {half} {all}");
}

#[test]
fn a_group_is_a_lever_on_the_builtin_model() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/scenarios");
    let file = |name: &str| folder.join(name).to_str().expect("UTF-8").to_owned();
    let cost = |more: &[&str]| {
        let mut args =
            vec!["plan", "--from", "Tashkent", "--to", "Mersin", "--cargo", "cotton", "--tonnes", "1000"];
        args.extend(["--depart", "2026-03-02", "--via", "Turkmenbashi"]);
        args.extend(["--avoid", "IR", "--avoid", "RU", "--avoid", "road"]);
        args.extend(more);
        cheapest(&args)
    };
    let (today, waived, joined) = (
        cost(&[]),
        cost(&["--scenario", &file("ots-waives-transit.toml")]),
        cost(&["--scenario", &file("ots-with-turkmenistan.toml")]),
    );
    assert!(joined < waived && waived < today && today.is_finite(), "{today} {waived} {joined}");
}

const LORRIES: &str = r#"
title = "Belmar rations lorries"
[[edit]]
add = "rule"
row = { id = "xb_lorry_quota", what = "Belmar lets 20 lorries from Ardia pass a year", governs = "transit", states = "XB", modes = "road", origin = "XA", effect = "ration", quota = "20", quota_unit = "truck", quota_period = "year", claim = "assumed: invented for the tests" }
"#;
const CONSIGNMENTS: &str = "\
id,from,to,cargo,trucks,depart
a,Orlo,Dorn,tea,8,2031-05-01
b,Orlo,Dorn,tea,9,2031-06-01
c,Orlo,Dorn,tea,5,2031-07-01
d,Orlo,Dorn,tea,3,2031-08-01
e,Orlo,Dorn,tea,5,2032-01-10
";

/// A batch on the invented corridor: exit status, stdout, stderr. The file is called `LIST` and the folders
/// `CORRIDOR` and `SCENARIO`.
fn batch(rules: &str, list: &str, more: &[&str]) -> (Option<i32>, String, String) {
    let (folder, file) = scenario(rules);
    let path = folder.path().join("list.csv");
    std::fs::write(&path, list).expect("written");
    let path = path.to_str().expect("UTF-8");
    let corridor = corridor();
    let corridor = corridor.to_str().expect("UTF-8");
    let mut args = vec!["plan", "--model", corridor, "--scenario", &file, "--batch", path, "--draws", "200"];
    args.extend(more);
    let o = karvan(&args);
    let text = |b: &[u8]| {
        String::from_utf8_lossy(b)
            .replace(path, "LIST")
            .replace(&file, "SCENARIO")
            .replace(corridor, "CORRIDOR")
    };
    (o.status.code(), text(&o.stdout), text(&o.stderr))
}

#[test]
fn a_lorry_quota_runs_out_within_the_year() {
    let (status, out, err) = batch(LORRIES, CONSIGNMENTS, &[]);
    assert_eq!((status, err.as_str()), (Some(1), ""));
    insta::with_settings!({filters => vec![(r"\([0-9a-f]{12}\)", "(HASH)")]}, {
        insta::assert_snapshot!(out);
    });
    let (status, csv, _) = batch(LORRIES, CONSIGNMENTS, &["--format", "csv"]);
    assert_eq!(status, Some(1));
    insta::assert_snapshot!(csv);
    // All find a way where none is refused.
    let few: String =
        CONSIGNMENTS.lines().filter(|l| !l.starts_with('c')).map(|l| format!("{l}\n")).collect();
    assert_eq!(batch(LORRIES, &few, &[]).0, Some(0));
}

#[test]
fn one_batch_one_result_and_the_order_of_the_file_decides() {
    let json = |list: &str| batch(LORRIES, list, &["--format", "json"]).1;
    assert_eq!(json(CONSIGNMENTS), json(CONSIGNMENTS));
    let mut lines: Vec<&str> = CONSIGNMENTS.lines().collect();
    lines.swap(1, 3);
    let v: serde_json::Value = serde_json::from_str(&json(&(lines.join("\n") + "\n"))).expect("JSON");
    let refused: Vec<&str> = v["consignments"]
        .as_array()
        .map(|c| c.iter().filter(|c| c["option"].is_null()).filter_map(|c| c["id"].as_str()).collect())
        .unwrap_or_default();
    // c and b are first now and take 14 of the 20.
    assert_eq!(refused, ["a"]);
}

#[test]
fn a_waiver_for_so_many_tonnes_is_used_up() {
    let free = "[[edit]]\nadd = \"rule\"\nrow = { id = \"free\", what = \"The first 150 t of tea pass free of the transit charge\", \
                governs = \"transit\", states = \"XB\", hs = \"0902\", effect = \"waive\", quota = \"150\", quota_unit = \"t\", \
                quota_period = \"once\", claim = \"assumed: what if\" }\n";
    let list = "id,from,to,cargo,tonnes,depart\n1,Orlo,Dorn,tea,100,2031-05-01\n2,Orlo,Dorn,tea,100,2031-06-01\n\
                3,Orlo,Dorn,tea,50,2031-07-01\n";
    let (status, out, _) = batch(free, list, &["--avoid", "road", "--format", "json"]);
    assert_eq!(status, Some(0), "{out}");
    let v: serde_json::Value = serde_json::from_str(&out).expect("JSON");
    let uses = |i: usize| v["consignments"][i]["option"]["quotas"].as_array().map_or(0, Vec::len);
    // The second does not fit into the 50 t that are left; the third does.
    assert_eq!((uses(0), uses(1), uses(2)), (1, 0, 1), "{out}");
    assert_eq!(v["quotas"][0]["left"].as_f64(), Some(0.0));
}

/// What a batch reports is declared use: what it leaves is what `rules --quota` says is left.
#[test]
fn a_batch_report_says_what_is_left_of_a_quota() {
    let (folder, file) = scenario(LORRIES);
    let report = folder.path().join("report.csv");
    std::fs::write(&report, batch(LORRIES, CONSIGNMENTS, &["--format", "csv"]).1).expect("written");
    let report = report.to_str().expect("UTF-8").to_owned();
    let corridor = corridor();
    let ask = |used: &str, more: &[&str]| {
        let model = corridor.to_str().expect("UTF-8");
        let args = [
            "rules",
            "--quota",
            "--model",
            model,
            "--scenario",
            &file,
            "--as-of",
            "2031-12-31",
            "--used",
            used,
        ];
        let o = karvan(&[&args[..], more].concat());
        let text = |b: &[u8]| String::from_utf8_lossy(b).replace(used, "USED");
        (o.status.code(), text(&o.stdout), text(&o.stderr))
    };
    let (status, out, err) = ask(&report, &[]);
    assert_eq!((status, err.as_str()), (Some(0), ""));
    insta::assert_snapshot!(out);
    let (_, csv, _) = ask(&report, &["--format", "csv"]);
    assert!(csv.contains("xb_lorry_quota,2031,ration,transit,truck,20,20,0,a 8; b 9; d 3,"), "{csv}");
    // Only the quotas that ration the movement.
    let of = |to: &str, mode: &str| {
        ask(&report, &["--from", "Orlo", "--to", to, "--cargo", "tea", "--mode", mode, "--format", "json"]).1
    };
    assert!(of("Dorn", "road").contains("xb_lorry_quota") && !of("Dorn", "rail").contains("xb_lorry_quota"));

    let wrong = folder.path().join("wrong.csv");
    let text = "id,quotas\na,5 t of xb_lorry_quota (2031)\nb,5 truck of xb_lorry_quota (2031-01);1 t of xb_lory_quota (once)\n\
                c,five\nd,3 truck of xb_petrol_ban (2031)\n";
    std::fs::write(&wrong, text).expect("written");
    let (status, _, err) = ask(wrong.to_str().expect("UTF-8"), &[]);
    assert_eq!(status, Some(2));
    insta::assert_snapshot!(err);
}

/// A permit that is used up lets the ban behind it speak: both are named, and the permit's account says who came late.
#[test]
fn a_used_up_permit_is_named_with_the_ban() {
    let rules = "[[edit]]\nadd = \"rule\"\nrow = { id = \"ban\", what = \"Belmar lets no tea pass.\", governs = \"transit\", \
                 states = \"XB\", hs = \"0902\", effect = \"forbid\", claim = \"assumed: what if\" }\n\
                 [[edit]]\nadd = \"rule\"\nrow = { id = \"leave\", what = \"Belmar lets 150 t of tea from Ardia pass.\", \
                 governs = \"transit\", states = \"XB\", hs = \"0902\", origin = \"XA\", effect = \"permit\", quota = \"150\", \
                 quota_unit = \"t\", quota_period = \"year\", claim = \"assumed: what if\" }\n";
    let list = "id,from,to,cargo,tonnes,depart\na,Orlo,Dorn,tea,100,2031-05-01\nb,Orlo,Dorn,tea,60,2031-06-01\n\
                c,Orlo,Dorn,tea,50,2031-07-01\n";
    let (status, out, _) = batch(rules, list, &[]);
    assert_eq!(status, Some(1));
    insta::with_settings!({filters => vec![(r"\([0-9a-f]{12}\)", "(HASH)")]}, {
        insta::assert_snapshot!(out);
    });
}

#[test]
fn a_list_that_is_wrong_is_refused_with_every_error() {
    let list = "id,from,to,cargo,tonnes,trucks,depart\n\
                a,Orlo,Dron,tea,10,,2031-05-01\n\
                a,Orlo,Dorn,tee,10,,2031-05-01\n\
                c,Orlo,Dorn,tea,,1.5,2031-05-01\n\
                d,Orlo,Dorn,tea,ten,,2031-05-01\n\
                e,Orlo,Dorn,tea,10,,2031-13-01\n\
                g,Orlo,Dorn,tea,10,,\n\
                h,Orlo,Orlo,tea,10,,1931-05-01\n";
    let (status, _, err) = batch(LORRIES, list, &[]);
    assert_eq!(status, Some(2), "{err}");
    insta::assert_snapshot!(err);
    let (status, _, err) =
        batch(LORRIES, "id,from,to,cargo,tonnes,depart\nf,Orlo,Dorn,tea,-1,2031-05-01\n", &[]);
    assert!(status == Some(2) && err.starts_with("LIST:2:17: error: -1 t is no"), "{err}");
    let (status, _, err) = batch(LORRIES, "id,from,to\n", &[]);
    assert_eq!(status, Some(2));
    assert!(err.contains("LIST:1") && err.contains("lacks its column `cargo`"), "{err}");
    let (status, _, err) = batch(LORRIES, "id,from,to,cargo\n", &[]);
    assert_eq!(status, Some(2));
    assert!(err.contains("lists no consignment"), "{err}");
    let (status, _, err) = batch(LORRIES, CONSIGNMENTS, &["--format", "html"]);
    assert_eq!(status, Some(2));
    assert!(err.contains("it has: table, json, csv"), "{err}");
}

#[test]
fn the_free_transit_of_december_2025_is_used_up_by_two_trains() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("trains.csv");
    let trains: String = [("first", 18), ("second", 20), ("third", 22)]
        .iter()
        .map(|(id, day)| format!("{id},Baku freight station,Yerevan,petrol,1220,22,2025-12-{day}\n"))
        .collect();
    std::fs::write(&path, format!("id,from,to,cargo,tonnes,wagons,depart\n{trains}")).expect("written");
    let path = path.to_str().expect("UTF-8");
    let o = karvan(&["plan", "--batch", path, "--draws", "100", "--format", "json"]);
    let v: serde_json::Value = serde_json::from_slice(&o.stdout).expect("JSON");
    let cost = |i: usize| v["consignments"][i]["option"]["cost_usd"]["best"].as_f64().expect("a cost");
    assert!(cost(0) == cost(1) && cost(1) < cost(2), "{v}");
    assert_eq!(v["quotas"][0]["rule"], "ge_fuel_transit_am_free");
    assert_eq!(v["quotas"][0]["left"].as_f64(), Some(160.0));
}

#[test]
fn lorries_from_turkey_find_the_quota_of_2025_used_up() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("lorries.csv");
    let list = "id,from,to,cargo,trucks,depart\nspring,Istanbul,Baku,textiles,64950,2025-03-03\n\
                autumn,Istanbul,Baku,textiles,60,2025-09-01\nfew,Istanbul,Baku,textiles,50,2025-09-08\n";
    std::fs::write(&path, list).expect("written");
    let path = path.to_str().expect("UTF-8");
    let o = karvan(&["plan", "--batch", path, "--avoid", "rail", "--draws", "100", "--format", "csv"]);
    assert_eq!(o.status.code(), Some(1));
    let text = String::from_utf8_lossy(&o.stdout).into_owned();
    let rule = |id: &str| {
        text.lines().find(|l| l.starts_with(id)).is_some_and(|l| l.contains("rule/az_lorries_tr_2025"))
    };
    assert!(rule("autumn") && !rule("spring") && !rule("few"), "{text}");
}

#[test]
fn rules_that_make_no_sense_are_reported_with_the_way_out() {
    let rule = |id: &str, cells: &str| {
        format!(
            "[[edit]]\nadd = \"rule\"\nrow = {{ id = \"{id}\", what = \"x\", governs = \"transit\", claim = \"assumed: x\", {cells} }}\n"
        )
    };
    let text = [
        "[[edit]]\nadd = \"group\"\nrow = { id = \"nobody\", name = \"Nobody\", claim = \"assumed: x\" }\n"
            .to_owned(),
        rule("bare", "effect = \"ration\""),
        rule("unit", "effect = \"ration\", quota = \"5\", quota_period = \"year\""),
        rule("period", "effect = \"ration\", quota = \"5\", quota_unit = \"t\""),
        rule("ban", "effect = \"forbid\", quota = \"5\", quota_unit = \"t\", quota_period = \"year\""),
        rule("less", "effect = \"discount\", value = \"30\""),
        rule("mass", "effect = \"forbid\", min_t = \"20\", max_t = \"10\""),
        rule("empty", "effect = \"forbid\", state_groups = \"nobody\""),
        rule("stray", "effect = \"waive\", quota_unit = \"t\""),
    ]
    .concat();
    let (_folder, file) = scenario(&text);
    let folder = corridor();
    let o = karvan(&["check", "--model", folder.to_str().expect("UTF-8"), "--scenario", &file]);
    assert_eq!(o.status.code(), Some(2));
    let out = String::from_utf8_lossy(&o.stdout).into_owned();
    for (line, wanted) in [
        (5, "error: rule `bare`: effect `ration` needs `quota`"),
        (8, "error: rule `unit`: effect `ration` needs `quota_unit`"),
        (11, "error: rule `period`: effect `ration` needs `quota_period`"),
        (15, "error: rule `ban`: effect `forbid` with a quota; allowed: `ration`"),
        (18, "error: `rule` column `value`: 30 is no share; allowed: 0 to 1"),
        (21, "error: rule `mass` can never apply: min_t 20 is more than max_t 10"),
        (24, "warning: rule `empty`: group `nobody` has no member on any day"),
        (27, "warning: rule `stray`: `quota_unit` without a quota"),
    ] {
        let there = |l: &str| l.contains(&format!("scenario.toml:{line}:")) && l.contains(wanted);
        assert!(out.lines().any(there), "wanted {line}: {wanted}\n{out}");
    }
}
