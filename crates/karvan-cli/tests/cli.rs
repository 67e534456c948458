//! The command line as its users see it: what is printed, where, and the exit status. On the invented corridor.

mod common;

use std::path::Path;
use std::process::Output;

use common::{corridor, ends, here, karvan, told};

#[test]
fn places_are_listed_the_likest_first() {
    insta::assert_snapshot!(told(&here(&["places", "Кесс"])));
    insta::assert_snapshot!(told(&here(&["places", "orlo", "--format", "csv"])));
    insta::assert_snapshot!(told(&here(&["places", "XBVAR", "--format", "json"])));
    insta::assert_snapshot!(told(&here(&["places", "Dron", "--format", "geojson", "--limit", "1"])));
    ends(&here(&["places", "qqqqzzzz"]), 1, "no answer: no place is like `qqqqzzzz`");
    ends(&here(&["places", ""]), 1, "no answer");
}

#[test]
fn check_lists_problems_and_counts_claims() {
    insta::assert_snapshot!(told(&here(&["check"])));
    let o = here(&["check", "--format", "json"]);
    let v: serde_json::Value = serde_json::from_slice(&o.stdout).expect("JSON alone on stdout");
    assert_eq!(
        (v["errors"].as_u64(), v["warnings"].as_u64(), v["schema_version"].as_u64()),
        (Some(0), Some(1), Some(1))
    );
    assert_eq!(v["hash"].as_str().map(str::len), Some(64));
}

#[test]
fn a_model_that_is_wrong_is_refused_with_every_error() {
    let folder = tempfile::tempdir().expect("a folder");
    for e in std::fs::read_dir(corridor()).expect("the corridor") {
        let e = e.expect("a file");
        std::fs::copy(e.path(), folder.path().join(e.file_name())).expect("a copy");
    }
    let path = folder.path().join("link.csv");
    let text = std::fs::read_to_string(&path).expect("links");
    std::fs::write(&path, text.replace("tarn_mine,orlo_freight,rail", "tarn_nime,orlo_freight,rial"))
        .expect("written");
    let model = folder.path().to_str().expect("a path in UTF-8");
    for command in [&["check"][..], &["places", "Orlo"], &["licences"]] {
        let mut args = vec!["--model", model];
        args.extend(command);
        ends(&karvan(&args), 2, "link.csv:2:36: error: `link` column `mode`: `rial`; allowed: one of `rail`");
    }
    ends(
        &karvan(&["check", "--model", "no-such-folder"]),
        2,
        "no-such-folder: error: the model folder cannot be read",
    );
    ends(
        &karvan(&["check", "--model", path.to_str().expect("UTF-8")]),
        2,
        "a model is a folder, this is a file",
    );
}

#[test]
fn wrong_input_is_told_from_no_answer() {
    ends(&here(&["places", "Orlo", "--as-of", "1850-01-01"]), 2, "it answers for 2029-01-01 to 2036-12-31");
    ends(
        &here(&["places", "Orlo", "--as-of", "2031-13-01"]),
        2,
        "a day of the calendar is written YYYY-MM-DD",
    );
    ends(&here(&["places", "Orlo", "--format", "html"]), 2, "it has: table, json, csv, geojson");
    ends(&here(&["plases", "Orlo"]), 2, "similar subcommands exist: 'plan', 'places'");
    ends(&here(&["places", "Orlo", "--scenario", "none.toml"]), 2, "scenario `none.toml` cannot be read");
    ends(&here(&["export", "model"]), 2, "`export model` needs a folder to write to");
}

fn plan(args: &[&str]) -> Output {
    let mut all = vec!["plan", "--draws", "200"];
    all.extend(args);
    here(&all)
}

#[test]
fn nonsense_is_refused_and_says_the_way_out() {
    let tea = |from: &str, to: &str, more: &[&str]| {
        let mut args = vec!["--from", from, "--to", to, "--cargo", "tea", "--depart", "2031-05-01"];
        args.extend(more);
        plan(&args)
    };
    let t: &[&str] = &["--tonnes", "100"];
    ends(&tea("Orlo", "Orlo", t), 2, "error");
    ends(&tea("Orlo", "Isle of Mor", t), 1, "Isle of Mor");
    ends(&tea("Orlo", "Dorn", &["--wagons", "0"]), 2, "error");
    ends(&tea("Orlo", "Dron", t), 2, "town_dorn_xc: Dorn, town, XC");
    ends(&tea("Orlo", "XZZZZ", t), 2, "no place is called `XZZZZ`");
    ends(&tea("Orlo", "Dorn", &["--tonnes", "-5"]), 2, "error");
    ends(&tea("-18.0,-36.0", "Dorn", t), 2, "longitude comes first");
    ends(
        &plan(&[
            "--from",
            "Orlo",
            "--to",
            "Dorn",
            "--cargo",
            "te",
            "--tonnes",
            "5",
            "--depart",
            "2031-05-01",
        ]),
        2,
        "tea",
    );
    ends(
        &plan(&[
            "--from",
            "Orlo",
            "--to",
            "Dorn",
            "--cargo",
            "tea",
            "--tonnes",
            "5",
            "--depart",
            "1850-05-01",
        ]),
        2,
        "2029-01-01",
    );
    ends(
        &plan(&[
            "--from",
            "Kess",
            "--to",
            "Far Market",
            "--cargo",
            "petrol",
            "--teu",
            "5",
            "--depart",
            "2031-05-01",
        ]),
        1,
        "no answer",
    );
}

#[test]
fn a_ban_and_its_end_and_an_exception_decide() {
    let ore = |to: &str, day: &str, more: &[&str]| {
        let mut args =
            vec!["--from", "Tarn mine", "--to", to, "--cargo", "2603", "--tonnes", "760", "--depart", day];
        args.extend(more);
        plan(&args)
    };
    ends(&ore("Dorn", "2030-10-01", &[]), 1, "Ardia exports no copper ore");
    ends(&ore("Dorn", "2031-02-01", &[]), 0, "Option 1");
    ends(&ore("Sela", "2031-02-01", &[]), 1, "Ardia exports no copper ore");
    ends(&ore("Sela", "2031-10-01", &[]), 0, "Option 1");
    // A day at which the law is frozen goes before the day of the journey.
    ends(&ore("Dorn", "2031-02-01", &["--as-of", "2030-10-01"]), 1, "Ardia exports no copper ore");
    let petrol = |day: &str| {
        plan(&["--from", "Kess", "--to", "Dorn", "--cargo", "UN1203", "--tonnes", "680", "--depart", day])
    };
    ends(&petrol("2030-12-01"), 1, "Belmar lets no petroleum products pass in transit");
    ends(&petrol("2031-04-01"), 0, "Dangerous-goods declaration");
}

#[test]
fn a_scenario_changes_the_answer_and_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("ban.toml");
    std::fs::write(&path, "title = \"No tea\"\n[[edit]]\nadd = \"rule\"\nrow = { id = \"no_tea\", what = \"No tea at all\", governs = \"carriage\", effect = \"forbid\", hs = \"0902\", claim = \"assumed: what if\" }\n").expect("written");
    let scenario = path.to_str().expect("UTF-8");
    let tea =
        ["--from", "Orlo", "--to", "Dorn", "--cargo", "tea", "--tonnes", "100", "--depart", "2031-05-01"];
    ends(&plan(&tea), 0, "Option 1");
    let mut args = tea.to_vec();
    args.extend(["--scenario", scenario]);
    ends(&plan(&args), 1, "No tea at all");
    args.extend(["--format", "json"]);
    ends(&plan(&args), 1, "\"No tea\"");
    std::fs::write(&path, "[[edit]]\nremove = \"rule\"\nkey = \"dgg\"\n").expect("written");
    ends(
        &here(&["places", "Orlo", "--scenario", scenario]),
        2,
        "ban.toml:3:7: error: table `rule` has no row `dgg`",
    );
}

#[test]
fn one_seed_one_result() {
    let args = [
        "--from",
        "Orlo",
        "--to",
        "Dorn",
        "--cargo",
        "tea",
        "--tonnes",
        "100",
        "--depart",
        "2031-05-01",
        "--format",
        "json",
    ];
    let with = |more: &[&str]| {
        let mut a = args.to_vec();
        a.extend(more);
        plan(&a).stdout
    };
    assert_eq!(with(&["--seed", "7"]), with(&["--seed", "7"]));
    assert_ne!(with(&["--seed", "7"]), with(&["--seed", "8"]));
}

#[test]
fn a_file_is_written_whole_or_not_at_all() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("places.json");
    let o = here(&["places", "Orlo", "--format", "json", "--output", path.to_str().expect("UTF-8")]);
    ends(&o, 0, "--- stdout\n--- stderr\n");
    serde_json::from_slice::<serde_json::Value>(&std::fs::read(&path).expect("the file"))
        .expect("whole JSON");
    assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 1, "nothing else is left there");
    let o =
        here(&["places", "Orlo", "--output", folder.path().join("no/such/file").to_str().expect("UTF-8")]);
    ends(&o, 2, "no/such/file");
}

#[test]
fn a_model_written_out_is_the_same_model() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("model");
    let out = out.to_str().expect("UTF-8");
    ends(&here(&["export", "model", "--output", out]), 0, "files written to");
    ends(&here(&["export", "model", "--output", out]), 2, "name an empty folder, or add --overwrite");
    ends(&here(&["export", "model", "--output", out, "--overwrite"]), 0, "files written to");
    ends(&karvan(&["check", "--model", out]), 0, "0 errors, 1 warning");
    ends(&karvan(&["licences", "--model", out]), 0, "CC0-1.0");
    let same = |name: &str| {
        let read = |p: &Path| std::fs::read(p.join(name)).expect("a file");
        read(Path::new(out)) == read(&corridor())
    };
    assert!(same("link.csv") && same("model.toml"));
}

#[test]
fn an_edited_model_written_out_answers_as_the_scenario_does() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("s.toml");
    let text = "[[edit]]\nadd = \"rule\"\nrow = { id = \"no_tea\", what = \"No tea at all\", governs = \"carriage\", \
                effect = \"forbid\", hs = \"0902\", claim = \"assumed: what if\" }\n\
                [[edit]]\nchange = \"node\"\nkey = \"orlo\"\nset = { name_en = \"Orlo, \\\"Central\\\"\" }\n";
    std::fs::write(&path, text).expect("written");
    let (scenario, out) = (path.to_str().expect("UTF-8"), folder.path().join("model"));
    let out = out.to_str().expect("UTF-8");
    ends(&here(&["export", "model", "--output", out, "--scenario", scenario]), 0, "files written to");
    ends(&karvan(&["check", "--model", out]), 0, "0 errors, 1 warning");
    ends(&karvan(&["places", "orlo central", "--model", out]), 0, "Orlo, \"Central\"");
    assert!(Path::new(out).join("rule.scenario.csv").is_file());
    let tea = [
        "plan",
        "--draws",
        "100",
        "--from",
        "Orlo",
        "--to",
        "Dorn",
        "--cargo",
        "tea",
        "--tonnes",
        "100",
        "--depart",
        "2031-05-01",
    ];
    let mut args = vec!["--model", out];
    args.extend(tea);
    ends(&karvan(&args), 1, "No tea at all");
}

#[test]
fn help_teaches_and_completions_complete() {
    for args in [
        &["--help"][..],
        &["places", "--help"],
        &["check", "--help"],
        &["plan", "--help"],
        &["export", "model", "--help"],
    ] {
        ends(&karvan(args), 0, "Example");
    }
    for shell in ["bash", "zsh", "fish"] {
        ends(&karvan(&["completions", shell]), 0, "karvan");
    }
    ends(&karvan(&["--version"]), 0, "karvan 0.1.0");
    ends(&karvan(&[]), 2, "Usage: karvan");
}

#[test]
fn a_state_is_named_by_its_code_or_by_its_names() {
    let same = |by_code: &[&str], by_name: &[&str]| {
        let (a, b) = (here(by_code), here(by_name));
        assert_ne!(a.status.code(), Some(2), "{}", told(&a));
        assert_eq!(told(&a), told(&b));
    };
    let rules = |from, to| ["rules", "--from", from, "--to", to, "--cargo", "ore", "--as-of", "2030-12-31"];
    same(&rules("XA", "xc"), &rules("Ардия", "XC"));
    let plan = |how, state| {
        ["plan", "--from", "Orlo", "--to", "Dorn", "--cargo", "tea", "--tonnes", "100", how, state]
    };
    for how in ["--avoid", "--lorries-of"] {
        let asked = |state| {
            [&plan(how, state)[..], &["--depart", "2031-07-01", "--draws", "100", "--format", "csv"]].concat()
        };
        same(&asked("XB"), &asked("Belmar"));
    }
}

#[test]
fn rules_say_what_decides_and_why() {
    let ore = ["rules", "--from", "XA", "--to", "XC", "--cargo", "ore"];
    let on = |day: &str| here(&[&ore[..], &["--as-of", day]].concat());
    ends(&on("2030-12-31"), 0, "forbids xa_ore_ban");
    ends(&on("2031-01-01"), 0, "goes before xa_ore_ban: it has fewer conditions (2 against 3)");
    ends(&on("2029-06-01"), 0, "allowed: ");
    insta::assert_snapshot!(told(&here(&[&ore[..], &["--between", "2030-06-01", "2031-12-31"]].concat())));
    insta::assert_snapshot!(told(&here(&[
        "rules",
        "--from",
        "Kess",
        "--to",
        "XC",
        "--cargo",
        "petrol",
        "--as-of",
        "2030-05-01",
        "--format",
        "csv",
    ])));
}

#[test]
fn rules_of_an_hs_heading_say_for_which_part_they_hold() {
    let oils = ["rules", "--from", "XA", "--to", "XC", "--cargo", "27", "--as-of", "2030-05-01"];
    insta::assert_snapshot!(told(&here(&oils)));
    ends(&here(&[&oils[..], &["--format", "csv"]].concat()), 0, ",petrol,,,,,\n");
    // A plan is of one cargo.
    let plan = ["plan", "--from", "Orlo", "--to", "Dorn", "--cargo", "27", "--tonnes", "100"];
    ends(&here(&plan), 2, "names 2 cargoes");
}

#[test]
fn options_that_changed_between_two_days_are_told_with_what_made_the_difference() {
    let between = |from: &str, cargo: &str, more: &[&str]| {
        let ask = ["rules", "--from", from, "--to", "Dorn", "--cargo", cargo, "--draws", "200"];
        here(&[&ask[..], more].concat())
    };
    // A ban that a narrower permit overrides, and the same days the other way round.
    let ore = ["--tonnes", "800", "--avoid", "road", "--between"];
    insta::assert_snapshot!(told(&between(
        "Tarn mine",
        "ore",
        &[&ore[..], &["2030-10-05", "2031-01-05"]].concat()
    )));
    let o = between("Tarn mine", "ore", &[&ore[..], &["2030-08-05", "2030-10-05"]].concat());
    ends(&o, 0, "vanished: ");
    ends(&o, 0, "barred by rule/xa_ore_ban: Ardia exports no copper ore (from 2030-09-01 until 2031-09-01)");
    // A border that opens; without a quantity, the load of one unit.
    let tea = ["--avoid", "sea", "--avoid", "rail", "--between", "2031-12-01", "2032-02-03"];
    let o = here(&[&["rules", "--from", "Orlo", "--to", "Vara", "--cargo", "tea"], &tea[..]].concat());
    ends(&o, 0, "appeared: ");
    ends(&o, 0, "barred by border/north_road");
    ends(&o, 0, "the usual load of one");
    // Between states nothing is planned.
    let states =
        ["rules", "--from", "XA", "--to", "XC", "--cargo", "ore", "--between", "2030-10-05", "2031-01-05"];
    ends(&here(&states), 0, "between two places and of one cargo");
}

/// Prices and times that change: a charge begins, a ferry takes another time.
#[test]
fn what_got_dearer_or_slower_is_told_with_the_row() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("s.toml");
    let text = "title = \"dearer\"\n[[edit]]\nadd = \"rule\"\nrow = { id = \"levy\", what = \"Belmar raises a levy\", \
                from = 2031-03-01, governs = \"transit\", states = \"XB\", effect = \"charge\", value = \"40\", \
                currency = \"USD\", per = \"t\", claim = \"assumed: what if\" }\n[[edit]]\nadd = \"rule\"\nrow = { id = \"check\", \
                what = \"Belmar looks into every load\", from = 2031-03-01, governs = \"transit\", states = \"XB\", \
                effect = \"delay\", delay_h = \"60\", claim = \"assumed: what if\" }\n";
    std::fs::write(&file, text).expect("written");
    let file = file.to_str().expect("UTF-8");
    let ask =
        ["rules", "--scenario", file, "--from", "Orlo", "--to", "Dorn", "--cargo", "tea", "--tonnes", "100"];
    // The same weekday and season.
    let ask = [&ask[..], &["--draws", "200", "--between", "2031-02-24", "2031-03-03"]].concat();
    let o = here(&ask);
    ends(&o, 0, "dearer by 4,000 USD");
    ends(&o, 0, "began rule/levy: Belmar raises a levy (from 2031-03-01)");
    ends(&o, 0, "began rule/check");
    let json = here(&[&ask[..], &["--format", "json"]].concat());
    let v: serde_json::Value = serde_json::from_slice(&json.stdout).expect("JSON");
    let changes = v["options"]["changes"].as_array().expect("changes");
    assert!(!changes.is_empty() && changes.iter().all(|c| c["became"] == "changed"), "{v:#}");
    let csv = here(&[&ask[..], &["--format", "csv"]].concat());
    ends(&csv, 0, ",option,,began,rule/levy,Belmar raises a levy,");
}

#[test]
fn rules_that_cannot_be_asked_for_say_why() {
    let asked =
        |more: &[&str]| here(&[&["rules", "--from", "XA", "--to", "XC", "--cargo", "ore"], more].concat());
    ends(&asked(&[]), 2, "rules are of a day, and none is given");
    ends(&asked(&["--between", "2031-01-01", "2030-01-01"]), 2, "the last day is not after the first");
    ends(&asked(&["--as-of", "2030-01-01", "--mode", "rial"]), 2, "did you mean `rail`?");
    ends(&asked(&["--as-of", "2030-01-01", "--tonnes", "-1"]), 2, "-1 t is no mass");
    ends(&here(&["rules", "--as-of", "2030-01-01"]), 2, "--from");
    ends(&asked(&["--as-of", "2030-01-01", "--used", "x.csv"]), 2, "--quota");
    ends(&asked(&["--between", "2020-01-01", "2030-01-01"]), 2, "the model knows nothing of 2020-01-01");
}

#[test]
fn rules_that_contradict_or_never_apply_are_reported() {
    let out = tempfile::tempdir().expect("a folder");
    for e in std::fs::read_dir(corridor()).expect("the corridor") {
        let e = e.expect("a file");
        std::fs::copy(e.path(), out.path().join(e.file_name())).expect("a copy");
    }
    let rules = out.path().join("rule.csv");
    let mut text = std::fs::read_to_string(&rules).expect("rules");
    let header = text.lines().next().expect("a header").split(',').map(str::to_owned).collect::<Vec<_>>();
    let row = |cells: &[(&str, &str)]| {
        let cell = |h: &String| cells.iter().find(|(c, _)| c == h).map_or("", |(_, v)| *v);
        header.iter().map(cell).collect::<Vec<_>>().join(",")
    };
    for cells in [
        &[
            ("id", "xa_ore_leave"),
            ("what", "Ardia exports copper ore"),
            ("from", "2030-09-01"),
            ("governs", "export"),
            ("states", "XA"),
            ("hs", "260300"),
            ("effect", "permit"),
            ("claim", "invented"),
        ][..],
        &[
            ("id", "xa_wagons_by_road"),
            ("what", "Nothing"),
            ("governs", "export"),
            ("states", "XA"),
            ("modes", "road"),
            ("equipment", "tank_wagon"),
            ("effect", "forbid"),
            ("claim", "invented"),
        ][..],
    ] {
        text.push_str(&row(cells));
        text.push('\n');
    }
    std::fs::write(&rules, text).expect("rules");
    let o = karvan(&["check", "--model", out.path().to_str().expect("UTF-8")]);
    ends(&o, 0, "rule `xa_ore_leave` permits what rule `xa_ore_ban` forbids");
    ends(&o, 0, "rule `xa_wagons_by_road` can never apply: no tank_wagon moves by road");
}

#[test]
fn the_chronicle_is_told_and_filtered() {
    let told_on = |more: &[&str]| here(&[&["chronicle", "--as-of", "2031-02-01"], more].concat());
    insta::assert_snapshot!(told(&told_on(&[])));
    insta::assert_snapshot!(told(&told_on(&["--states", "Белмар,XA", "--class", "rule", "--format", "csv"])));
    let o = told_on(&["--cargo", "2710", "--format", "json"]);
    let mut answer: serde_json::Value = serde_json::from_slice(&o.stdout).expect("JSON alone on stdout");
    // The hash is that of the whole corridor, which changes for other reasons.
    assert_eq!(answer["model_hash"].take().as_str().map(str::len), Some(64));
    insta::assert_snapshot!(serde_json::to_string_pretty(&answer).expect("JSON"));
    // Old Harbour is Kess, whose name stands in no event's place; its ferries are those of an event.
    ends(&told_on(&["--place", "Старая Гавань"]), 0, "Inner Sea Ferries begin");
    ends(&told_on(&["--place", "Inner Sea"]), 0, "looked for as words in the places as written");
    ends(&told_on(&["--search", "petrol lift", "--between", "2029-01-01", "2031-12-31"]), 0, "1 of 9 events");
    let page = told_on(&["--format", "html", "--lang", "ru"]);
    ends(&page, 0, "<html lang=\"ru\">");
    ends(&page, 0, "Ардия");
}

#[test]
fn a_chronicle_that_cannot_be_told_says_why() {
    let asked = |more: &[&str]| here(&[&["chronicle", "--as-of", "2031-02-01"], more].concat());
    ends(&asked(&["--states", "XA,Belmer"]), 2, "XB: Belmar");
    ends(&asked(&["--states", "QQ"]), 2, "known: XA, XB, XC");
    ends(&asked(&["--between", "2031-01-01", "2030-01-01"]), 2, "the last day lies before the first");
    ends(&asked(&["--class", "ruel"]), 2, "a similar value exists: 'rule'");
    ends(&asked(&["--search", " "]), 2, "--search without a text");
    ends(
        &asked(&["--states", "XC", "--cargo", "petrol"]),
        1,
        "each option alone leaves: --states 3, --cargo ",
    );
    ends(&asked(&["--place", "Vraa"]), 1, "no place is called `Vraa`");
    ends(&asked(&["--format", "geojson"]), 2, "it has: table, json, csv, html");
}

#[test]
fn events_that_lead_nowhere_are_reported() {
    let out = tempfile::tempdir().expect("a folder");
    for e in std::fs::read_dir(corridor()).expect("the corridor") {
        let e = e.expect("a file");
        std::fs::copy(e.path(), out.path().join(e.file_name())).expect("a copy");
    }
    let path = out.path().join("chronicle.csv");
    let text = std::fs::read_to_string(&path).expect("events");
    let text = text
        .replace("Not a rule: the tariff is not published", "")
        .replace(",xa_ore_ban,", ",xa_ore_bann,")
        .replace("ev_petrol_ban,2029-05-01", "ev_petrol_ban,2029-05-02")
        .replace("200,lorry", "200,");
    std::fs::write(&path, text).expect("events");
    insta::assert_snapshot!(
        told(&karvan(&["check", "--model", out.path().to_str().expect("UTF-8")]))
            .replace(out.path().to_str().expect("UTF-8"), "MODEL")
    );
}

/// Each kind of problem that rules, groups and quotas can have, with its place and the way out.
#[test]
fn problems_of_rules_are_reported() {
    let out = tempfile::tempdir().expect("a folder");
    for e in std::fs::read_dir(corridor()).expect("the corridor") {
        let e = e.expect("a file");
        std::fs::copy(e.path(), out.path().join(e.file_name())).expect("a copy");
    }
    let file = |name: &str| out.path().join(name);
    let append = |name: &str, rows: &str| {
        let text = std::fs::read_to_string(file(name)).expect("a table");
        std::fs::write(file(name), text + rows).expect("a table");
    };
    append("group.csv", "northern_league,League of the North,invented\n");
    let rules = "\
id,what,from,till,governs,states,state_groups,nodes,modes,equipment,hs,destination,min_t,max_t,effect,value,quota,quota_unit,quota_period,claim
state,A state that is none,,,transit,XQ,,,,,,,,,forbid,,,,,invented
group,A group that is none,,,transit,,inner_onion,,,,,,,,forbid,,,,,invented
node,A node that is none,,,transit,,,kes,,,,,,,forbid,,,,,invented
mode,A mode that is none,,,transit,XB,,,rial,,,,,,forbid,,,,,invented
code,A code of no commodity,,,transit,XB,,,,,27A0,,,,forbid,,,,,invented
days,It ends before it begins,2031-05-01,2031-04-01,transit,XB,,,,,,,,,forbid,,,,,invented
day,No day of any month,2031-02-30,,transit,XB,,,,,,,,,forbid,,,,,invented
mass,Heavier than it may be,,,transit,XB,,,,,,,500,100,forbid,,,,,invented
lorry,A tank wagon on the road,,,export,XA,,,road,tank_wagon,,,,,forbid,,,,,invented
league,A group without members,,,transit,,northern_league,,,,,,,,forbid,,,,,invented
unit,A quota of what,,,transit,XB,,,,,,,,,ration,,100,,year,invented
period,A quota for how long,,,transit,XB,,,,,,,,,ration,,100,t,,invented
amount,A ration of nothing stated,,,transit,XB,,,,,,,,,ration,,,t,year,invented
less,A quota below nothing,,,transit,XB,,,,,,,,,ration,,-5,t,year,invented
ban,A ban that is used up,,,transit,XB,,,,,,,,,forbid,,100,t,year,invented
effect,A word that is no effect,,,transit,XB,,,,,,,,,forbit,,,,,invented
state,A key that is there already,,,transit,XB,,,,,,,,,forbid,,,,,invented
";
    std::fs::write(file("rule.csv"), rules).expect("rules");
    insta::assert_snapshot!(
        told(&karvan(&["check", "--model", out.path().to_str().expect("UTF-8")]))
            .replace(out.path().to_str().expect("UTF-8"), "MODEL")
    );
}
