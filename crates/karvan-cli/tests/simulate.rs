//! `karvan simulate` on the invented corridor.

use std::path::{Path, PathBuf};
use std::process::Command;

fn tests() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests")
}

fn simulate(dir: &Path, args: &[&str]) -> (Option<i32>, String) {
    simulate_till(dir, "2032-03-31", args)
}

fn command(dir: &Path, last: &str, args: &[&str]) -> Command {
    let mut c = Command::new(env!("CARGO_BIN_EXE_karvan"));
    c.args(["simulate", "--from-date", "2032-01-01", "--to-date", last, "--warm-up", "40"])
        .arg("--model")
        .arg(tests().join("corridor2"))
        .arg("--output")
        .arg(dir)
        .args(args);
    c
}

fn simulate_till(dir: &Path, last: &str, args: &[&str]) -> (Option<i32>, String) {
    let o = command(dir, last, args).output().expect("the program starts");
    let mut text = String::from_utf8_lossy(&o.stdout).into_owned();
    text.push_str(&String::from_utf8_lossy(&o.stderr));
    (
        o.status.code(),
        text.replace(&*dir.to_string_lossy(), "DIR").replace(&*tests().to_string_lossy(), "TESTS"),
    )
}

fn list() -> String {
    tests().join("corridor2.demand.csv").to_string_lossy().into_owned()
}

/// Every file of a run, by name.
fn files(dir: &Path) -> Vec<(String, Vec<u8>)> {
    let mut all = Vec::new();
    let mut folders = vec![dir.to_owned()];
    while let Some(f) = folders.pop() {
        for e in std::fs::read_dir(&f).expect("a folder") {
            let path = e.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(dir).expect("within").to_string_lossy().into_owned();
                all.push((name, std::fs::read(&path).expect("a file")));
            }
        }
    }
    all.sort();
    all
}

#[test]
fn a_run_tells_what_took_longest_and_is_carried_on() {
    let (one, two) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    let list = list();
    let args = ["--demand", &list, "--replications", "3", "--bottlenecks", "1"];
    let (status, told) = simulate(one.path(), &[&args[..], &["--threads", "1"]].concat());
    assert_eq!(status, Some(0), "{told}");
    insta::assert_snapshot!(told);
    // On another number of threads the same bytes.
    let (_, again) = simulate(two.path(), &[&args[..], &["--threads", "3"]].concat());
    assert_eq!(told, again);
    assert_eq!(files(one.path()), files(two.path()));
    // A run that lost a stage, as one that was killed before it, is carried on to the same bytes.
    std::fs::remove_dir_all(two.path().join("replication-0002")).expect("a stage");
    std::fs::remove_dir_all(two.path().join("summary")).expect("a stage");
    let (_, again) = simulate(two.path(), &[&args[..], &["--threads", "2"]].concat());
    assert_eq!(told, again);
    assert_eq!(files(one.path()), files(two.path()));
    // Other inputs have no place in its folder.
    let (status, told) = simulate(one.path(), &["--demand", &list, "--replications", "4"]);
    assert_eq!(status, Some(2));
    assert!(told.contains("replications: was 3, is 4"), "{told}");
}

#[test]
fn a_list_that_is_wrong_is_refused_with_every_error() {
    let dir = tempfile::tempdir().expect("a folder");
    let bad = dir.path().join("bad.csv");
    let text = "from,to,cargo,tonnes,lot_t,season,avoid,relief\n\
                Orlo,Dorn,tea,-5,,,,\n\
                Orla,Dorn,tea,100,,,ZZ,\n\
                Orlo,Dorn,tee,100,0,,,\n\
                Orlo,Dorn,tea,100,,1;2;3,,maybe\n\
                Orlo,Orlo,tea,100,,,,\n";
    std::fs::write(&bad, text).expect("written");
    let (status, told) = simulate(&dir.path().join("run"), &["--demand", &bad.to_string_lossy()]);
    assert_eq!(status, Some(2), "{told}");
    insta::assert_snapshot!(told.replace(&*dir.path().to_string_lossy(), "HERE").replace("DIR/..", "HERE"));
    assert!(!dir.path().join("run").exists(), "nothing half-written");
}

#[test]
fn a_period_that_is_none_is_refused() {
    let dir = tempfile::tempdir().expect("a folder");
    let list = list();
    for (last, wanted) in
        [("2031-01-01", "2032-01-01 is after 2031-01-01"), ("2099-01-01", "outside the calendar")]
    {
        let (status, told) = simulate_till(dir.path(), last, &["--demand", &list]);
        assert_eq!(status, Some(2), "{told}");
        assert!(told.contains(wanted), "{told}");
    }
}

/// A run that is killed half-way is carried on to the same bytes as one that was left alone.
#[test]
fn a_run_that_is_killed_is_carried_on() {
    let list = list();
    let mut replications = 8;
    // On a quick machine the program may be done before the kill: then there is more to do.
    loop {
        let (killed, whole) =
            (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
        let n = replications.to_string();
        let args = [
            "--demand",
            &list,
            "--replications",
            &n,
            "--bottlenecks",
            "0",
            "--threads",
            "1",
            "--format",
            "csv",
        ];
        let mut child = command(killed.path(), "2034-12-31", &args)
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .spawn()
            .expect("the program starts");
        while child.try_wait().expect("a child").is_none() && !killed.path().join("replication-0002").is_dir()
        {
            std::thread::sleep(std::time::Duration::from_millis(2));
        }
        child.kill().expect("killed");
        child.wait().expect("gone");
        if killed.path().join("summary").exists() {
            replications *= 2;
            continue;
        }
        let (status, again) = simulate_till(killed.path(), "2034-12-31", &args);
        assert_eq!(status, Some(0), "{again}");
        let (_, told) = simulate_till(whole.path(), "2034-12-31", &args);
        assert_eq!(told, again);
        assert_eq!(files(killed.path()), files(whole.path()));
        return;
    }
}

/// Without a folder nothing is kept, and the answer is the same; as JSON and as a page it says the same.
#[test]
fn a_run_need_not_be_kept() {
    let (list, dir) = (list(), tempfile::tempdir().expect("a folder"));
    let args = ["--demand", &list, "--replications", "2", "--bottlenecks", "1"];
    let (_, kept) = simulate(dir.path(), &args);
    let told = |format: &str| {
        let o = Command::new(env!("CARGO_BIN_EXE_karvan"))
            .args(["simulate", "--from-date", "2032-01-01", "--to-date", "2032-03-31", "--warm-up", "40"])
            .arg("--model")
            .arg(tests().join("corridor2"))
            .args(args)
            .args(["--format", format])
            .output()
            .expect("the program starts");
        assert_eq!(o.status.code(), Some(0));
        (String::from_utf8_lossy(&o.stdout).into_owned(), String::from_utf8_lossy(&o.stderr).into_owned())
    };
    let (table, notes) = told("table");
    assert_eq!(kept, table + &notes);
    let json: serde_json::Value = serde_json::from_str(&told("json").0).expect("JSON");
    assert_eq!(json["replications"], 2);
    let queue = |name: &str| {
        let all = json["resources"].as_array().expect("a list");
        all.iter().find(|r| r["name"] == name).map(|r| r["waiting_by_day"].as_array().map_or(0, Vec::len))
    };
    assert_eq!(queue("service/ferry_truck/kess_port"), json["days"].as_u64().map(|d| d as usize));
    let (csv, _) = told("csv");
    assert_eq!(csv.lines().count(), 1 + json["relations"].as_array().map_or(0, Vec::len));
    let (page, _) = told("html");
    assert!(page.starts_with("<!doctype html>") && page.trim_end().ends_with("</html>"));
    for r in json["relations"].as_array().expect("a list") {
        assert!(page.contains(r["from"].as_str().expect("a name")));
    }
}
