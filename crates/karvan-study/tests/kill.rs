//! A run that is killed, carried on, and compared with one that was not.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use karvan_study::{Inputs, Run, RunError, StageState, Table};

const CHILD: &str = "KARVAN_STUDY_KILLED_CHILD";

fn inputs() -> Inputs {
    Inputs {
        command: "test".into(),
        model: "inner-sea 1".into(),
        model_hash: "abc".into(),
        parameters: [("years".to_owned(), "2030..2031".to_owned())].into(),
        seed: 7,
        version: "1".into(),
        ..Inputs::default()
    }
}

fn squares(n: u32) -> Vec<Table> {
    vec![
        Table::new("squares").number("x", (0..n).map(|i| f64::from(i * i))),
        Table::new("names").text("name", (0..n).map(|i| format!("row {i}"))),
    ]
}

/// Three stages; `at` is called in each before it computes.
fn compute(dir: &Path, mut at: impl FnMut(&str)) -> Result<Run, RunError> {
    let mut run = Run::open_or_create(dir, inputs())?;
    let first = run.stage("first", || {
        at("first");
        Ok::<_, RunError>(squares(1000))
    })?;
    run.stage("second", || {
        at("second");
        let sum: f64 = first[0].numbers("x")?.iter().sum();
        Ok::<_, RunError>(vec![Table::new("sum").number("sum", [sum])])
    })?;
    run.stage("third", || {
        at("third");
        Ok::<_, RunError>(squares(20_000))
    })?;
    Ok(run)
}

/// Every file of a folder but the lock's.
fn bytes(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    fn walk(top: &Path, dir: &Path, out: &mut BTreeMap<String, Vec<u8>>) {
        for e in std::fs::read_dir(dir).expect("a folder") {
            let path = e.expect("an entry").path();
            if path.is_dir() {
                walk(top, &path, out);
            } else {
                let name = path.strip_prefix(top).expect("within").display().to_string();
                out.insert(name, std::fs::read(&path).expect("a file"));
            }
        }
    }
    let mut out = BTreeMap::new();
    walk(dir, dir, &mut out);
    out.remove(".lock");
    out
}

/// Not a test of its own: what the killed process does. It says that it is in the named stage, and stays there.
#[test]
fn child() {
    let Ok(asked) = std::env::var(CHILD) else { return };
    let (stage, dir) = asked.split_once(':').expect("stage:folder");
    let _ = compute(Path::new(dir), |s| {
        if s == stage {
            println!("\nin the stage");
            std::thread::sleep(std::time::Duration::from_secs(600));
        }
    });
}

#[test]
fn a_killed_run_is_carried_on_to_the_same_bytes() {
    let whole = tempfile::tempdir().expect("a folder");
    let mut all = Vec::new();
    drop(compute(whole.path(), |s| all.push(s.to_owned())).expect("a run"));
    assert_eq!(all, ["first", "second", "third"]);

    for (stage, left) in [("first", 3), ("second", 2), ("third", 1)] {
        let dir = tempfile::tempdir().expect("a folder");
        let mut child = Command::new(std::env::current_exe().expect("this program"))
            .args(["child", "--exact", "--nocapture"])
            .env(CHILD, format!("{stage}:{}", dir.path().display()))
            .stdout(Stdio::piped())
            .spawn()
            .expect("a child");
        let told = BufReader::new(child.stdout.take().expect("its stdout"));
        assert!(told.lines().map_while(Result::ok).any(|l| l == "in the stage"), "it never came to {stage}");

        // While it lives, the run is its own.
        let busy = compute(dir.path(), |_| ()).expect_err("in use");
        assert!(matches!(busy, RunError::Busy(_)), "{busy}");
        child.kill().expect("kill -9");
        child.wait().expect("dead");
        // What it might have been writing.
        std::fs::write(dir.path().join(".run.json.123.part"), "half").expect("written");

        let found = Run::read(dir.path()).expect("a whole manifest");
        assert_eq!(found.stages.last().map(|s| (s.name.as_str(), s.state)), Some((stage, StageState::Begun)));
        let mut computed = Vec::new();
        drop(compute(dir.path(), |s| computed.push(s.to_owned())).expect("carried on"));
        assert_eq!(computed, all[3 - left..], "what was done is not computed again");
        assert_eq!(bytes(dir.path()), bytes(whole.path()));
    }
}

#[test]
fn what_was_changed_is_computed_again_and_what_rests_on_it() {
    let dir = tempfile::tempdir().expect("a folder");
    drop(compute(dir.path(), |_| ()).expect("a run"));
    let before = bytes(dir.path());
    std::fs::write(dir.path().join("second/sum.parquet"), "spoilt").expect("written");
    let told = Run::table(dir.path(), "second", "sum").expect_err("changed").to_string();
    assert!(told.ends_with("was changed after the run wrote it"), "{told}");
    let mut computed = Vec::new();
    let run = compute(dir.path(), |s| computed.push(s.to_owned())).expect("carried on");
    assert_eq!(
        (computed, run.reused()),
        (vec!["second".to_owned()], &["first".to_owned(), "third".to_owned()][..])
    );
    drop(run);
    assert_eq!(bytes(dir.path()), before);
    // A stage that found something else makes what rests on it stale.
    let mut run = Run::open_or_create(dir.path(), inputs()).expect("a run");
    run.stage("first", || Ok::<_, RunError>(Vec::new())).expect("there");
    std::fs::remove_file(dir.path().join("first/names.parquet")).expect("gone");
    drop(run);
    let mut run = Run::open_or_create(dir.path(), inputs()).expect("a run");
    run.stage("first", || Ok::<_, RunError>(squares(3))).expect("anew");
    let mut anew = false;
    run.stage("second", || {
        anew = true;
        Ok::<_, RunError>(Vec::new())
    })
    .expect("anew");
    assert!(anew);
}

#[test]
fn a_run_of_other_inputs_is_refused_with_what_differs() {
    let dir = tempfile::tempdir().expect("a folder");
    drop(compute(dir.path(), |_| ()).expect("a run"));
    let mut other = inputs();
    other.seed = 8;
    other.scenario = Some("north open".into());
    other.parameters.clear();
    let e = Run::open_or_create(dir.path(), other).expect_err("refused");
    let told = e.to_string().replace(&dir.path().display().to_string(), "DIR");
    assert_eq!(
        told,
        "DIR holds a run of other inputs: scenario was none, is north open; seed was 7, is 8; years was 2030..2031, is none"
    );
    assert!(e.hint().is_some_and(|h| h.starts_with("name another folder")));
}

#[test]
fn a_folder_that_is_no_run_is_left_alone() {
    let dir = tempfile::tempdir().expect("a folder");
    std::fs::write(dir.path().join("letter.txt"), "dear").expect("written");
    assert!(matches!(Run::open_or_create(dir.path(), inputs()), Err(RunError::NotARun(_))));
    assert!(matches!(Run::read(dir.path()), Err(RunError::NoRun(_))));
    assert_eq!(bytes(dir.path()).len(), 1);
    std::fs::write(dir.path().join("run.json"), "{\"schema_version\": 1,\n \"x\": 0}").expect("written");
    let told = Run::read(dir.path()).expect_err("no manifest").to_string();
    assert!(told.contains("run.json: unknown field `x`") && told.contains("line 2 column 4"), "{told}");
    std::fs::remove_file(dir.path().join("run.json")).expect("gone");
    std::fs::remove_file(dir.path().join("letter.txt")).expect("gone");
    let mut run = Run::open_or_create(dir.path(), inputs()).expect("an empty folder");
    let e = run.stage("../up", || Ok::<_, RunError>(Vec::new())).expect_err("a name");
    assert!(matches!(e, RunError::Name(_)));
}

/// The published schema is made from the types; `INSTA_UPDATE=always` writes it anew.
#[test]
fn the_published_schema_is_that_of_the_types() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/schema/run.schema.json");
    let made = serde_json::to_string_pretty(karvan_study::run_schema().as_value()).expect("JSON") + "\n";
    if std::env::var("INSTA_UPDATE").is_ok_and(|v| v == "always") {
        std::fs::write(&path, &made).expect("written");
    }
    let published = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        published == made,
        "docs/schema/run.schema.json differs from the types; INSTA_UPDATE=always cargo nextest run -p karvan-study"
    );
}
