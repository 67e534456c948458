//! Who carries, where the goods have come through, and inspections: the conditions of rules that depend on more
//! than the relation, on the invented corridor.

mod common;

use std::process::Output;

use common::{corridor, karvan, scenario};

use serde_json::Value;

/// A rule as an edit of a scenario.
fn rule(id: &str, cells: &str) -> String {
    format!(
        "[[edit]]\nadd = \"rule\"\nrow = {{ id = \"{id}\", what = \"What if\", claim = \"assumed: x\", {cells} }}\n"
    )
}

fn asked(command: &[&str], rules: &str) -> Output {
    let (_folder, file) = scenario(&format!("title = \"What if\"\n{rules}"));
    let corridor = corridor();
    let mut args = command.to_vec();
    args.extend(["--model", corridor.to_str().expect("UTF-8"), "--scenario", &file]);
    karvan(&args)
}

/// The options of a plan for 100 t of tea.
fn tea(rules: &str, from: &str, more: &[&str]) -> Vec<Value> {
    let mut command = vec!["plan", "--from", from, "--to", "Dorn", "--cargo", "tea", "--tonnes", "100"];
    command.extend(["--depart", "2031-07-01", "--draws", "2000", "--format", "json"]);
    command.extend(more);
    let o = asked(&command, rules);
    let v: Value = serde_json::from_slice(&o.stdout)
        .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&o.stderr)));
    v["options"].as_array().cloned().unwrap_or_default()
}

fn applies(option: &Value, id: &str) -> bool {
    option["rules"].as_array().is_some_and(|r| r.iter().any(|r| r["id"] == id))
}

fn number(option: &Value, path: &str) -> f64 {
    option.pointer(path).and_then(Value::as_f64).unwrap_or_else(|| panic!("{path}: {option}"))
}

#[test]
fn a_charge_on_goods_that_have_come_through_a_state() {
    let through = rule(
        "xc_through",
        "governs = \"import\", states = \"XC\", passed = \"XB\", effect = \"charge\", value = \"777\", currency = \"USD\", \
         per = \"consignment\"",
    );
    let (with, without) = (tea(&through, "Orlo", &[]), tea("", "Orlo", &[]));
    assert!(!with.is_empty() && with.len() == without.len());
    for (a, b) in with.iter().zip(&without) {
        assert!(applies(a, "xc_through"), "all ways lead through Belmar");
        let more = number(a, "/cost_usd/best") - number(b, "/cost_usd/best");
        assert!((more - 777.0).abs() < 0.01, "{more}");
    }
    // What begins in Belmar has not come through it.
    let own = tea(&through, "Sela", &[]);
    assert!(!own.is_empty() && own.iter().all(|o| !applies(o, "xc_through")));
}

#[test]
fn a_ban_on_goods_that_have_come_through_a_state_is_named_and_lifted() {
    let ban = rule("xc_ban", "governs = \"import\", states = \"XC\", passed = \"XB\", effect = \"forbid\"");
    assert!(tea(&ban, "Orlo", &[]).is_empty());
    assert!(!tea(&ban, "Sela", &[]).is_empty());
    let permit = rule(
        "xc_permit",
        "governs = \"import\", states = \"XC\", passed = \"XB\", modes = \"rail\", effect = \"permit\"",
    );
    let by_rail = tea(&format!("{ban}{permit}"), "Orlo", &[]);
    assert!(!by_rail.is_empty() && by_rail.iter().all(|o| applies(o, "xc_permit")));
    let o = asked(
        &[
            "plan",
            "--from",
            "Orlo",
            "--to",
            "Dorn",
            "--cargo",
            "tea",
            "--tonnes",
            "100",
            "--depart",
            "2031-07-01",
            "--why-not",
            "--format",
            "json",
        ],
        &ban,
    );
    assert_eq!(o.status.code(), Some(1));
    let v: Value = serde_json::from_slice(&o.stdout).expect("JSON");
    assert_eq!(v.pointer("/refusal/blockers/0/row"), Some(&Value::from("rule/xc_ban")), "{v}");
    assert!(v["why_not"].as_array().is_some_and(|w| !w.is_empty()), "{}", v["why_not"]);

    let o = asked(
        &["rules", "--from", "XA", "--to", "XC", "--cargo", "tea", "--as-of", "2031-07-01", "--mode", "rail"],
        &ban,
    );
    let text = String::from_utf8_lossy(&o.stdout).into_owned();
    assert!(text.contains("rail come through XB") && text.contains("if in XC; come through XB"), "{text}");
}

#[test]
fn a_quota_counts_the_lorries_of_a_state_whatever_they_carry() {
    let quota = rule(
        "xb_lorries",
        "governs = \"transit\", states = \"XB\", registration = \"XC\", effect = \"ration\", quota = \"20\", quota_unit = \"truck\", \
         quota_period = \"year\"",
    );
    let list = "id,from,to,cargo,trucks,depart,lorries_of\n\
                a,Orlo,Dorn,tea,15,2031-05-01,XC\n\
                b,Orlo,Dorn,tea,15,2031-06-01,\n\
                c,Orlo,Dorn,tea,15,2031-07-01,XC\n\
                d,Orlo,Dorn,tea,5,2031-08-01,XC\n";
    let (folder, file) = scenario(&quota);
    let path = folder.path().join("list.csv");
    std::fs::write(&path, list).expect("written");
    let corridor = corridor();
    let o = karvan(&[
        "plan",
        "--model",
        corridor.to_str().expect("UTF-8"),
        "--scenario",
        &file,
        "--batch",
        path.to_str().expect("UTF-8"),
        "--draws",
        "200",
        "--format",
        "json",
    ]);
    let v: Value = serde_json::from_slice(&o.stdout)
        .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&o.stderr)));
    let refused: Vec<&str> = v["consignments"]
        .as_array()
        .map(|c| c.iter().filter(|c| c["option"].is_null()).filter_map(|c| c["id"].as_str()).collect())
        .unwrap_or_default();
    assert_eq!(refused, ["c"], "a and d use 20 permits, b comes by lorries of Ardia: {v}");

    let o = asked(
        &[
            "plan",
            "--from",
            "Orlo",
            "--to",
            "Dorn",
            "--cargo",
            "tea",
            "--trucks",
            "1",
            "--depart",
            "2031-07-01",
            "--lorries-of",
            "QQ",
        ],
        "",
    );
    assert_eq!(o.status.code(), Some(2));
    let text = String::from_utf8_lossy(&o.stderr).into_owned();
    assert!(text.contains("lorries of `QQ`") && text.contains("XA, XB, XC"), "{text}");
}

#[test]
fn a_flag_is_asked_of_the_vessel_and_not_of_what_rides_on_it() {
    let ban = |flag: &str| {
        rule(
            "flag",
            &format!("governs = \"carriage\", modes = \"sea\", flag = \"{flag}\", effect = \"forbid\""),
        )
    };
    let rides = |options: &[Value]| {
        let legs = options.iter().flat_map(|o| o["legs"].as_array().cloned().unwrap_or_default());
        legs.into_iter().any(|l| l["service"].as_str().is_some_and(|s| s.starts_with("ferry_")))
    };
    // The ferries sail under the flag of Belmar; other vessels under none or another.
    assert!(rides(&tea("", "Orlo", &[])));
    assert!(!rides(&tea(&ban("XB"), "Orlo", &[])));
    assert!(rides(&tea(&ban("XC"), "Orlo", &["--lorries-of", "XC"])), "a lorry has no flag");
    let groups = rule(
        "flag",
        "governs = \"carriage\", modes = \"sea\", flag_groups = \"inner_union\", effect = \"forbid\"",
    );
    assert!(!rides(&tea(&groups, "Orlo", &[])), "Belmar is a member");
}

#[test]
fn an_inspection_comes_in_its_share_of_cases() {
    let look = rule(
        "look",
        "governs = \"import\", states = \"XC\", effect = \"inspect\", probability = \"0.25\", delay_h = \"200\"",
    );
    let (with, without) = (tea(&look, "Sela", &["--avoid", "road"]), tea("", "Sela", &["--avoid", "road"]));
    let (a, b) = (with.first().expect("a way"), without.first().expect("a way"));
    assert!(applies(a, "look"));
    let more = |path: &str| number(a, path) - number(b, path);
    // A quarter of 200 h on the mean; the median stays near, the ninetieth percentile does not.
    assert!((more("/mean_h") - 50.0).abs() < 8.0, "{}", more("/mean_h"));
    assert!(more("/p50_h") < 20.0 && more("/p90_h") > 150.0, "{} {}", more("/p50_h"), more("/p90_h"));
}

#[test]
fn the_term_of_delivery_is_that_of_the_most_decisive_rule() {
    let term = |id: &str, cells: &str| {
        rule(id, &format!("governs = \"carriage\", modes = \"rail\", effect = \"term\", {cells}"))
    };
    let wide = term("wide", "value = \"100\", delay_h = \"24\"");
    let narrow = term("narrow", "value = \"40\", cargo_kinds = \"general\"");
    let by_rail = |rules: &str| {
        let all = tea(rules, "Orlo", &["--avoid", "road"]);
        all.into_iter().find(|o| !o["terms"].as_array().expect("a list").is_empty()).expect("a way by rail")
    };
    let o = by_rail(&wide);
    let km = number(&o, "/terms/0/distance_km");
    let hauls =
        o["legs"].as_array().expect("legs").iter().filter(|l| l["kind"] == "haul" && l["mode"] == "rail");
    let run: f64 = hauls.map(|l| number(l, "/distance_km")).sum();
    assert!(km > 100.0 && (km - run).abs() < 1e-6, "{km} of {run} km");
    assert_eq!(number(&o, "/terms/0/days"), (km / 100.0).ceil() + 1.0);
    assert!(number(&o, "/terms/0/p50_h") < number(&o, "/p50_h"), "loading and waiting do not count");
    let o = by_rail(&[wide.clone(), narrow].concat());
    assert_eq!(
        (o["terms"][0]["rule"].as_str(), o["terms"].as_array().map(Vec::len)),
        (Some("narrow"), Some(1))
    );
    assert_eq!(number(&o, "/terms/0/days"), (km / 40.0).ceil());
    // What nobody can keep is exceeded always, what nobody can miss never.
    let exceeded = |value: &str, delay: &str| {
        let cells = format!("value = \"{value}\", delay_h = \"{delay}\"");
        number(&by_rail(&term("one", &cells)), "/terms/0/exceeded")
    };
    assert_eq!((exceeded("100000", "0"), exceeded("100000", "9999")), (1.0, 0.0));
    // One of which the median is, in half of the draws.
    let half = exceeded("100000", &(number(&o, "/terms/0/p50_h") - 24.0).to_string());
    assert!((half - 0.5).abs() < 0.01, "{half}");
}

#[test]
fn a_paper_is_paid_once_however_many_states_ask_for_it() {
    let paper = rule(
        "book",
        "governs = \"carriage\", effect = \"paper\", paper = \"Corridor book\", value = \"80\", currency = \"USD\", \
         per = \"consignment\", delay_h = \"lognormal(p50=24, p90=72)\", authority = \"Union of carriers\"",
    );
    let (with, without) = (tea(&paper, "Orlo", &[]), tea("", "Orlo", &[]));
    assert!(!with.is_empty() && with.len() == without.len());
    for (a, b) in with.iter().zip(&without) {
        let book =
            a["papers"].as_array().expect("papers").iter().find(|p| p["rule"] == "book").expect("the book");
        assert!((number(book, "/usd/best") - 80.0).abs() < 0.01);
        assert!(
            (number(book, "/time_h/0") - 24.0).abs() < 0.5 && (number(book, "/time_h/1") - 72.0).abs() < 1.0
        );
        let more = number(a, "/cost_usd/best") - number(b, "/cost_usd/best");
        assert!((more - 80.0).abs() < 0.01, "{more}");
        assert_eq!(a["p50_h"], b["p50_h"], "it is got before");
        let payee = |o: &Value| {
            o["payees"].as_array().expect("payees").iter().any(|p| p["payee"] == "Union of carriers")
        };
        assert!(payee(a) && !payee(b));
    }
}

#[test]
fn conditions_that_make_no_sense_are_reported_with_the_way_out() {
    let text = [
        rule("bare", "governs = \"import\", effect = \"inspect\", delay_h = \"3\""),
        rule("sure", "governs = \"import\", effect = \"inspect\", delay_h = \"3\", probability = \"1.5\""),
        rule("stray", "governs = \"import\", effect = \"delay\", delay_h = \"3\", probability = \"0.5\""),
        rule("self", "governs = \"transit\", states = \"XB\", passed = \"XB\", effect = \"forbid\""),
        rule("whose", "governs = \"transit\", passed = \"XB\", effect = \"forbid\""),
        rule("free", "governs = \"transit\", states = \"XC\", passed = \"XB\", effect = \"waive\""),
        rule("wagons", "governs = \"transit\", modes = \"rail\", registration = \"XB\", effect = \"forbid\""),
        rule("ships", "governs = \"transit\", modes = \"road\", flag = \"XB\", effect = \"forbid\""),
        rule("nowhere", "governs = \"transit\", states = \"XC\", passed = \"QQ\", effect = \"forbid\""),
        rule("slow", "governs = \"carriage\", effect = \"term\", value = \"0\""),
        rule("still", "governs = \"import\", effect = \"term\", value = \"200\""),
        rule("fee", "governs = \"import\", effect = \"paper\", paper = \"Form\", value = \"10\""),
    ]
    .concat();
    let o = asked(&["check"], &text);
    assert_eq!(o.status.code(), Some(2));
    let out = String::from_utf8_lossy(&o.stdout).into_owned();
    for (line, wanted) in [
        (3, "error: rule `bare`: effect `inspect` needs `probability`"),
        (7, "error: rule `sure`: a probability of 1.5; allowed: above 0 and up to 1"),
        (10, "warning: rule `stray`: effect `delay` has no use for a probability"),
        (13, "error: rule `self`: `XB` is both passed before and bound"),
        (16, "error: rule `whose`: `passed` without the states or nodes that it binds"),
        (19, "error: rule `free`: `waive` does not ask for previous transit"),
        (22, "error: rule `wagons` can never apply: only lorries have a registration"),
        (25, "error: rule `ships` can never apply: by road there is no flag"),
        (28, "QQ"),
        (31, "error: rule `slow`: a term of 0 km a day; allowed: more than 0 km a day"),
        (34, "error: rule `still`: a term of delivery of `import`; allowed: `carriage`"),
        (36, "error: rule `fee`: effect `paper` needs `currency`"),
    ] {
        let there = |l: &str| l.contains(&format!("scenario.toml:{line}:")) && l.contains(wanted);
        assert!(out.lines().any(there), "wanted {line}: {wanted}\n{out}");
    }
}
