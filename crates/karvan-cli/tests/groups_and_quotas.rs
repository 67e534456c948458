//! Groups of states as levers, quotas, and batches of consignments: on the invented corridor, and a lever on the
//! built-in model.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn corridor() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corridor2")
}

fn karvan(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_karvan")).args(args).output().expect("the program starts")
}

/// A scenario file in a folder of its own.
fn scenario(text: &str) -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("scenario.toml");
    std::fs::write(&path, text).expect("written");
    let path = path.to_str().expect("UTF-8").to_owned();
    (folder, path)
}

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
