//! Scoring and estimating, as their users see it: on the invented corridor and on the built-in model.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

fn tests() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests")
}

fn karvan(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_karvan")).args(args).output().expect("the program starts")
}

fn stdout(o: &Output) -> String {
    assert_eq!(o.status.code(), Some(0), "{}", String::from_utf8_lossy(&o.stderr));
    String::from_utf8(o.stdout.clone()).expect("UTF-8")
}

/// A copy of the invented corridor with what was estimated from its observations.
fn calibrated() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for e in std::fs::read_dir(tests().join("corridor2")).expect("the corridor") {
        let e = e.expect("a file");
        std::fs::copy(e.path(), folder.path().join(e.file_name())).expect("a copy");
    }
    let (model, file) = (path(folder.path()), path(&observations()));
    stdout(&karvan(&["calibrate", "--model", &model, "--observations", &file, "--into", &model]));
    folder
}

fn path(p: &Path) -> String {
    p.to_str().expect("a path in UTF-8").to_owned()
}

fn observations() -> PathBuf {
    tests().join("corridor2-observations.csv")
}

fn rows(model: &str, file: &str, more: &[&str]) -> Value {
    let mut args = vec!["validate", "--model", model, "--observations", file, "--format", "json"];
    args.extend(more);
    serde_json::from_str(&stdout(&karvan(&args))).expect("JSON")
}

#[test]
fn another_corridor_is_scored_and_estimated() {
    let folder = calibrated();
    let (model, file) = (path(folder.path()), path(&observations()));
    let o = karvan(&["validate", "--model", &model, "--observations", &file]);
    insta::assert_snapshot!(stdout(&o));
    let o = karvan(&["calibrate", "--model", &model, "--observations", &file]);
    insta::assert_snapshot!(stdout(&o));
    let page = stdout(&karvan(&[
        "validate",
        "--model",
        &model,
        "--observations",
        &file,
        "--format",
        "html",
        "--lang",
        "ru",
    ]));
    assert!(page.contains("<svg") && page.contains("Модель и то, что наблюдалось"));
    let csv = stdout(&karvan(&["validate", "--model", &model, "--observations", &file, "--format", "csv"]));
    assert_eq!(csv.lines().count(), 1 + 21);
}

/// A row is scored by what was estimated without its page: with another value it would be scored by the same
/// parameters, so its prediction does not move. Those of other pages do.
#[test]
fn no_row_is_scored_by_parameters_that_saw_its_page() {
    let one = calibrated();
    let file = path(&observations());
    let predictions = |v: &Value| -> BTreeMap<String, (f64, String)> {
        v["rows"]
            .as_array()
            .expect("rows")
            .iter()
            .map(|r| {
                let page = r["source_url"].as_str().expect("a page").to_owned();
                (
                    r["id"].as_str().expect("a key").to_owned(),
                    (r["predicted"].as_f64().expect("a number"), page),
                )
            })
            .collect()
    };
    let before = predictions(&rows(&path(one.path()), &file, &[]));
    // The survey of one page says four times as much, and the model is estimated from that.
    let text = std::fs::read_to_string(observations()).expect("observations");
    let page = "https://survey.example/2031/belmar";
    let changed: String = text
        .lines()
        .map(|l| if l.contains(page) { l.replace(",15,h,mean", ",60,h,mean").replace(",9,h,mean", ",36,h,mean") } else { l.to_owned() } + "\n")
        .collect();
    let other = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(other.path(), changed).expect("written");
    let (model, other) = (path(one.path()), path(other.path()));
    stdout(&karvan(&["calibrate", "--model", &model, "--observations", &other, "--into", &model]));
    let after = predictions(&rows(&model, &file, &[]));
    let mut moved = 0;
    for (id, (value, of)) in &before {
        let same = (after[id].0 - value).abs() < 1e-9;
        if of == page {
            assert!(same, "{id} was scored by parameters that saw its page: {value} {}", after[id].0);
        } else if !same {
            moved += 1;
        }
    }
    assert!(moved >= 2, "what a page says moves others: {before:?} {after:?}");
}

/// A page that was not used is scored by the parameters of all pages; the fold without a page is named.
#[test]
fn an_unknown_page_is_scored_by_the_parameters_of_all() {
    let folder = calibrated();
    let text = std::fs::read_to_string(observations()).expect("observations");
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(
        file.path(),
        text.replace("https://survey.example/2032/belmar", "https://never.seen/page"),
    )
    .expect("written");
    let v = rows(&path(folder.path()), &path(file.path()), &[]);
    for r in v["rows"].as_array().expect("rows") {
        let unknown = r["source_url"] == "https://never.seen/page";
        // A page of which nothing was estimated has no fold either.
        let known = !r["fold"].is_null() || r["unit"].as_str().is_some_and(|u| u.starts_with("USD"));
        assert!(if unknown { r["fold"].is_null() } else { known }, "{r}");
    }
}

#[test]
fn two_papers_on_one_train_are_left_out_together() {
    let folder = calibrated();
    let text = std::fs::read_to_string(folder.path().join("calibration_page.csv")).expect("pages");
    let fold = |page: &str| {
        let line = text.lines().find(|l| l.starts_with(page)).expect("a page");
        line.split(',').nth(1).expect("a fold").to_owned()
    };
    assert_eq!(fold("https://news.example/ore"), fold("https://paper.example/ore"));
    assert_ne!(fold("https://news.example/ore"), fold("https://news.example/tea"));
    // A paper that was not there when parameters were estimated, on the same train.
    std::fs::copy(observations(), folder.path().join("observation.csv")).expect("a copy");
    let file = folder.path().join("o.txt");
    let text = std::fs::read_to_string(observations()).expect("observations");
    std::fs::write(&file, text.replace("https://paper.example/ore", "https://third.example/ore"))
        .expect("written");
    let v = rows(&path(folder.path()), &path(&file), &[]);
    let third = v["rows"].as_array().expect("rows").iter().find(|r| r["id"] == "v03").expect("v03");
    assert_eq!(third["fold"].to_string(), fold("https://paper.example/ore"));
}

/// What an observation leaves out or writes in another way is understood: a load by sea that is not stated, a state by
/// its name, a port by its code.
#[test]
fn a_row_may_be_written_loosely() {
    let folder = calibrated();
    let file = folder.path().join("o.txt");
    let text = std::fs::read_to_string(observations()).expect("observations");
    let header = text.lines().next().expect("a header");
    let days = "2031-05-04,2031-05-20";
    let lines = [
        format!(
            "w1,transit_time,Port of Kess,Port of Vara,,,sea,general,,,{days},60,h,single,reported,yes,,,x,https://n.example/1,2031,"
        ),
        format!(
            "w2,transit_time,XAKES,XBVAR,,,sea,general,,,{days},60,h,single,reported,yes,,,x,https://n.example/2,2031,"
        ),
        format!(
            "w3,speed_without_delay,,,country:Belmar,,road,general,truck,,{days},51,km/h,mean,measured,yes,,,x,https://n.example/3,2031,"
        ),
        format!(
            "w4,transit_time,Port of Nowhere,Port of Vara,,,sea,general,,,{days},60,h,single,reported,yes,,,x,https://n.example/4,2031,"
        ),
    ];
    std::fs::write(&file, format!("{header}\n{}\n", lines.join("\n"))).expect("written");
    let v = rows(&path(folder.path()), &path(&file), &[]);
    let ids: Vec<&str> =
        v["rows"].as_array().expect("rows").iter().filter_map(|r| r["id"].as_str()).collect();
    assert_eq!(ids, ["w1", "w2", "w3"], "{v:#}");
    let predicted = |i: usize| v["rows"][i]["predicted"].as_f64().expect("a number");
    assert!((predicted(0) / predicted(1) - 1.0).abs() < 0.1);
    assert!(
        v["refused"][0]["why"].as_str().is_some_and(|w| w.contains("no place is called `Port of Nowhere`"))
    );
}

/// Volumes and queues are foretold by what other pages counted at other times, a wait before a crossing by its queue.
#[test]
fn volumes_follow_what_other_pages_counted() {
    let folder = calibrated();
    let model = path(folder.path());
    std::fs::copy(observations(), folder.path().join("observation.csv")).expect("a copy");
    let score = |text: &str| {
        let file = folder.path().join("other.txt");
        std::fs::write(&file, text).expect("written");
        rows(&model, &path(&file), &[])
    };
    let of = |v: &Value, id: &str| {
        v["rows"]
            .as_array()
            .expect("rows")
            .iter()
            .find(|r| r["id"] == id)
            .cloned()
            .unwrap_or_else(|| panic!("{v:#}"))
    };
    let text = std::fs::read_to_string(observations()).expect("observations");
    let own = score(&text);
    let box_row = of(&own, "v18");
    let predicted = box_row["predicted"].as_f64().expect("a number");
    assert!((30_000.0..60_000.0).contains(&predicted), "{predicted}");
    // Carried over from the nearest year on another page.
    let naive = box_row["naive"].as_f64().expect("a number");
    assert!((naive - 40_000.0).abs() < 100.0 || (naive - 50_414.0).abs() < 500.0, "{naive}");
    // 400 lorries over 60 a day are 160 h.
    let wait = of(&own, "v22")["predicted"].as_f64().expect("a number");
    assert!((100.0..260.0).contains(&wait), "{wait}");
    // Another value of the row itself, in the file and in the model's own table, moves no prediction of it.
    let changed = text.replace(",44000,TEU", ",99000,TEU");
    std::fs::write(folder.path().join("observation.csv"), &changed).expect("written");
    let more = score(&changed);
    let same = of(&more, "v18")["predicted"].as_f64().expect("a number");
    assert!((same / predicted - 1.0).abs() < 1e-9, "{same} {predicted}");
}

/// Outcomes are no inputs: a plan without the table of observations is the same plan.
#[test]
fn no_observation_is_a_plans_input() {
    let folder = calibrated();
    let model = path(folder.path());
    let ask = || {
        let o = karvan(&[
            "plan",
            "--model",
            &model,
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
            "--draws",
            "300",
        ]);
        // The last lines name the model by its hash, in which every table counts.
        stdout(&o).split("\nmodel ").next().expect("an answer").to_owned()
    };
    let without = ask();
    std::fs::copy(observations(), folder.path().join("observation.csv")).expect("a copy");
    assert_eq!(without, ask());
    // The estimated factors are.
    std::fs::remove_file(folder.path().join("calibration.csv")).expect("removed");
    assert_ne!(without, ask());
}

#[test]
fn one_seed_one_score_and_one_estimate() {
    let (a, b) = (calibrated(), calibrated());
    for file in ["calibration.csv", "calibration_page.csv"] {
        let read = |f: &tempfile::TempDir| std::fs::read(f.path().join(file)).expect("a file");
        assert_eq!(read(&a), read(&b));
    }
    let file = path(&observations());
    let at = |seed: &str| rows(&path(a.path()), &file, &["--seed", seed])["rows"].clone();
    assert_eq!(at("3"), at("3"));
    assert_ne!(at("3"), at("4"));
}

#[test]
fn a_broken_file_of_observations_is_refused_with_places() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("o.csv");
    let model = path(&tests().join("corridor2"));
    let text = std::fs::read_to_string(observations()).expect("observations");
    let ends = |text: String, wanted: &str| {
        std::fs::write(&file, text).expect("written");
        let o = karvan(&["validate", "--model", &model, "--observations", &path(&file)]);
        let said = String::from_utf8_lossy(&o.stderr).into_owned();
        assert_eq!(o.status.code(), Some(2), "{said}");
        assert!(said.contains(wanted), "wanted: {wanted}\n{said}");
    };
    let header = text.lines().next().expect("a header").to_owned() + "\n";
    ends(String::new(), "the file is empty");
    ends(header.clone(), "holds no observation");
    ends(text.replace(',', ";"), "the cells are separated by semicolons");
    ends(text.replace("measure,", "mesure,"), "did you mean `measure`?");
    let first: String = text.lines().take(2).map(|l| l.to_owned() + "\n").collect();
    ends(first.replace(",380,h", ",long,h"), "o.csv:2:109: error: `observation` column `value`: `long`");
    let o = karvan(&["validate", "--model", &model]);
    assert_eq!(o.status.code(), Some(2));
}

/// A row that cannot be read or used is refused with its place, and the others are scored.
#[test]
fn a_broken_row_spoils_no_other() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("o.csv");
    let model = path(&tests().join("corridor2"));
    let text = std::fs::read_to_string(observations()).expect("observations");
    let whole = rows(&model, &path(&observations()), &[]);
    let n = whole["rows"].as_array().expect("rows").len();
    let refuses = |text: String, place: &str, wanted: &str| {
        std::fs::write(&file, text).expect("written");
        let v = rows(&model, &path(&file), &[]);
        let unread: Vec<&Value> =
            v["refused"].as_array().expect("refused").iter().filter(|r| !r["place"].is_null()).collect();
        assert_eq!(unread.len(), 1, "{unread:?}");
        let said = unread[0]["why"].as_str().expect("a reason");
        assert!(unread[0]["place"].as_str().is_some_and(|p| p.ends_with(place)), "{}", unread[0]);
        assert!(said.contains(wanted), "wanted: {wanted}\n{said}");
        assert_eq!(v["rows"].as_array().expect("rows").len(), n - 1);
    };
    refuses(text.replace(",380,h", ",long,h"), "o.csv:2:109", "allowed: a finite number");
    refuses(
        text.replace("v01,transit_time", "v01,travel_time"),
        "o.csv:2:5",
        "allowed: one of `transit_time`",
    );
    refuses(
        text.replace("2031-05-20", "2031-05-01"),
        "o.csv:2",
        "ends on 2031-05-01 before it starts on 2031-05-04",
    );
    refuses(text.replace("v02,", "v01,"), "o.csv:3:1", "two observations are called `v01`");
    // What a spreadsheet makes of a file changes no score.
    std::fs::write(&file, format!("\u{feff}{}", text.replace('\n', "\r\n"))).expect("written");
    assert_eq!(rows(&model, &path(&file), &[])["rows"], whole["rows"]);
}

fn builtin(args: &[&str]) -> Value {
    let mut all = vec!["--format", "json"];
    all.extend(args);
    serde_json::from_str(&stdout(&karvan(&all))).expect("JSON")
}

/// Every outcome of the shipped observations is predicted or refused with a reason, and what the pages of a
/// fold say drove no parameter of that fold.
#[test]
fn every_shipped_outcome_is_predicted_or_refused() {
    let v = builtin(&["validate"]);
    let (rows, refused) = (v["rows"].as_array().expect("rows"), v["refused"].as_array().expect("refused"));
    assert!(rows.len() >= 30, "{} rows predicted", rows.len());
    for r in refused {
        assert!(r["why"].as_str().is_some_and(|w| w.len() > 10), "{r}");
    }
    let model = karvan_io::read_archive("builtin:", karvan_builtin::MODEL, karvan_io::LoadOptions::default());
    let mut problems = Vec::new();
    let tables = karvan_model::Tables::read(&model.raw, &mut problems);
    let outcomes = tables.observation.iter().filter(|o| o.outcome).count();
    assert_eq!(rows.len() + refused.len(), outcomes);
    let page_of: BTreeMap<&str, &str> =
        tables.observation.iter().map(|o| (o.id.as_str(), o.source_url.as_str())).collect();
    let fold_of: BTreeMap<&str, u32> =
        tables.calibration_page.iter().map(|p| (p.page.as_str(), p.fold)).collect();
    let mut driven = 0;
    for c in tables.calibration.iter() {
        for id in c.observations.iter() {
            let page = page_of[id.as_str()];
            driven += 1;
            assert!(fold_of.contains_key(page), "{id} drove a parameter, and its page is not listed");
            assert_ne!(c.fold, Some(fold_of[page]), "{} of fold {:?} was driven by {id}", c.process, c.fold);
        }
    }
    assert!(driven > 100);
    for r in rows {
        let page = r["source_url"].as_str().expect("a page");
        assert_eq!(r["fold"].as_u64(), fold_of.get(page).map(|f| u64::from(*f)), "{r}");
    }
}

fn backtest(model: &str, file: &str, until: &str) -> Value {
    let args =
        ["backtest", "--model", model, "--observations", file, "--fit-until", until, "--format", "json"];
    serde_json::from_str(&stdout(&karvan(&args))).expect("JSON")
}

fn row<'a>(v: &'a Value, id: &str) -> &'a Value {
    let found = v["rows"].as_array().expect("rows").iter().find(|r| r["id"] == id);
    found.unwrap_or_else(|| panic!("no row {id} in {v:#}"))
}

/// The observations of the invented corridor with a plan, announced before its year, and one announced after it.
fn with_plans(text: &str) -> String {
    let plan = |id: &str, value: u32, date: &str| {
        format!(
            "{id},containers,,,Port of Kess,,port,containerised,container,,2031-01-01,2031-12-31,{value},TEU,total,plan,no,,,boxes planned,https://plan.example/{id},{date},invented\n"
        )
    };
    format!("{text}{}{}", plan("p1", 60_000, "2030-12-01"), plan("p2", 51_000, "2031-07-01"))
}

#[test]
fn later_years_are_predicted_from_earlier_ones() {
    let folder = tempfile::tempdir().expect("a folder");
    let model = path(&tests().join("corridor2"));
    let file = path(&folder.path().join("o.csv"));
    let text = with_plans(&std::fs::read_to_string(observations()).expect("observations"));
    std::fs::write(&file, &text).expect("written");
    let o = karvan(&["backtest", "--model", &model, "--observations", &file, "--fit-until", "2031"]);
    insta::assert_snapshot!(stdout(&o));
    let o = karvan(&["backtest", "--model", &model, "--observations", &file, "--fit-until", "2030"]);
    insta::assert_snapshot!(stdout(&o));
    // Closed form: two years lie on their line, which is read half of the way from the middle of one to that of half a year.
    let v = backtest(&model, &file, "2030");
    let boxes = row(&v, "v19");
    let (a, b) = (40_000.0 / 365.0, 44_000.0f64 / 365.0);
    let trend = b * (b / a).powf(0.75) * 181.0;
    let found = boxes["trend"]["value"].as_f64().expect("a trend");
    assert!((found / trend - 1.0).abs() < 2e-3, "{found} {trend}");
    assert_eq!(boxes["trend"]["rests_on"].as_array().expect("rows").len(), 2);
    // The plan that was known before the year counts, for its share of the days, not the better one of later.
    let plan = boxes["plan"]["value"].as_f64().expect("a plan");
    assert!((plan / (60_000.0 * 181.0 / 365.0) - 1.0).abs() < 1e-9, "{plan}");
    assert_eq!(boxes["plan"]["rests_on"][0], "p1");
    assert_eq!(v["cut"]["seen"], 2);
    assert_eq!(v["cut"]["plans"], 2);
    let args = ["backtest", "--model", &model, "--observations", &file, "--fit-until", "2031"];
    let csv = stdout(&karvan(&[&args[..], &["--format", "csv"]].concat()));
    assert!(csv.lines().next().is_some_and(|l| l.ends_with(",trend,plan")), "{csv}");
    let page = stdout(&karvan(&[&args[..], &["--format", "html", "--lang", "ru"]].concat()));
    assert!(page.contains("<svg") && page.contains("предсказанные по более ранним"));
}

/// What happened after the cut moves no prediction, nor does what the page of a row says of earlier days.
#[test]
fn a_backtest_has_not_seen_what_it_predicts() {
    let folder = tempfile::tempdir().expect("a folder");
    let model = path(&tests().join("corridor2"));
    let file = path(&folder.path().join("o.csv"));
    let score = |text: &str| {
        std::fs::write(&file, text).expect("written");
        backtest(&model, &file, "2031")
    };
    // One row of 2032 stands on the page that tells of 2031 as well, another on a page of its own.
    let page = "https://survey.example/2031/belmar";
    let text = std::fs::read_to_string(observations()).expect("observations");
    let text: String = text
        .lines()
        .flat_map(|l| match l.starts_with("v07") {
            true => vec![l.replace("https://survey.example/2032/belmar", page), l.replace("v07", "w07")],
            false => vec![l.to_owned()],
        })
        .map(|l| l + "\n")
        .collect();
    let before = score(&text);
    assert_eq!(before["cut"]["own_page_left_out"], 1);
    let predicted = |v: &Value, id: &str| row(v, id)["predicted"].as_f64().expect("a number");
    let changed = |text: &str, of: &dyn Fn(&str) -> bool, from: &str, to: &str| -> String {
        text.lines().map(|l| if of(l) { l.replace(from, to) } else { l.to_owned() } + "\n").collect()
    };
    // Its own page says four times as much of 2031.
    let other =
        score(&changed(&text, &|l| l.contains(page) && l.starts_with("v04"), ",15,h,mean", ",60,h,mean"));
    assert_eq!(predicted(&before, "v07"), predicted(&other, "v07"));
    assert!(predicted(&other, "w07") > 1.5 * predicted(&before, "w07"), "another page learns from it");
    // What is predicted turns out otherwise.
    let other = score(&changed(&text, &|l| l.starts_with("w07"), ",12,h,mean", ",60,h,mean"));
    for id in ["v07", "w07"] {
        assert_eq!(predicted(&before, id), predicted(&other, id));
    }
    assert_ne!(row(&before, "w07")["error_pct"], row(&other, "w07")["error_pct"]);
}

#[test]
fn a_cut_without_rows_on_both_sides_is_refused() {
    let model = path(&tests().join("corridor2"));
    let file = path(&observations());
    let refuses = |args: &[&str], wanted: &[&str]| {
        let all = [&["backtest", "--model", &model, "--observations", &file, "--fit-until"], args].concat();
        let o = karvan(&all);
        let said = String::from_utf8_lossy(&o.stderr).into_owned();
        assert_eq!(o.status.code(), Some(2), "{said}");
        assert!(o.stdout.is_empty());
        for w in wanted {
            assert!(said.contains(w), "wanted: {w}\n{said}");
        }
    };
    refuses(&["2020"], &["the model knows nothing of the end of 2020", "2029 to 2036"]);
    refuses(
        &["2034"],
        &["no outcome begins after 2034: there is nothing to predict", "--fit-until 2029 to 2031"],
    );
    refuses(&["next"], &["invalid value 'next'"]);
    refuses(&["2030", "--as-of", "2050-01-01"], &["the model knows nothing of 2050-01-01"]);
}

/// Every later outcome of the built-in model is predicted or refused, and the parameters have seen no page of it.
#[test]
fn the_shipped_observations_are_cut_at_a_year() {
    let v = builtin(&["backtest", "--fit-until", "2022"]);
    let (rows, refused) = (v["rows"].as_array().expect("rows"), v["refused"].as_array().expect("refused"));
    let model = karvan_io::read_archive("builtin:", karvan_builtin::MODEL, karvan_io::LoadOptions::default());
    let tables = karvan_model::Tables::read(&model.raw, &mut Vec::new());
    let later = |o: &&karvan_model::observed::Observation| o.outcome && o.period_end.year() > 2022;
    assert_eq!(rows.len() + refused.len(), tables.observation.iter().filter(later).count());
    assert!(rows.len() > 40, "{}", rows.len());
    for r in refused {
        assert!(r["why"].as_str().is_some_and(|w| w.len() > 10), "{r}");
    }
    let of = |id: &str| tables.observation.iter().find(|o| o.id.as_str() == id).expect("a row");
    let (mut trends, mut plans) = (0, 0);
    for r in rows {
        let own = of(r["id"].as_str().expect("a key"));
        for id in r["trend"]["rests_on"].as_array().into_iter().flatten() {
            let early = of(id.as_str().expect("a key"));
            assert!(early.period_end.year() <= 2022 && early.source_url != own.source_url, "{r}");
            trends += 1;
        }
        for id in r["plan"]["rests_on"].as_array().into_iter().flatten() {
            let plan = of(id.as_str().expect("a key"));
            assert!(!plan.outcome && plan.source_url != own.source_url, "{r}");
            plans += 1;
        }
    }
    assert!(trends > 10 && plans > 3, "{trends} {plans}");
}
