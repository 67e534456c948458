//! `karvan study show`: a run's folder, looked into.

use std::path::Path;
use std::process::Command;

use karvan_study::{Inputs, Run, RunError, Table};

fn told(dir: &Path, args: &[&str]) -> String {
    let o = Command::new(env!("CARGO_BIN_EXE_karvan"))
        .args(["study", "show", dir.to_str().expect("a path in UTF-8")])
        .args(args)
        .output()
        .expect("the program starts");
    let text = |b: &[u8]| String::from_utf8_lossy(b).replace(&*dir.to_string_lossy(), "DIR");
    format!("status: {:?}\n--- stdout\n{}--- stderr\n{}", o.status.code(), text(&o.stdout), text(&o.stderr))
}

#[test]
fn a_run_shows_what_it_is_made_of_and_how_far_it_is() {
    let dir = tempfile::tempdir().expect("a folder");
    insta::assert_snapshot!(told(dir.path(), &[]));
    let inputs = Inputs {
        command: "demand build".into(),
        model: "inner-sea 1".into(),
        model_hash: "b2".repeat(32),
        parameters: [("years".to_owned(), "2030..2031".to_owned())].into(),
        seed: 1,
        version: "0.1.0".into(),
        ..Inputs::default()
    };
    let mut run = Run::open_or_create(dir.path(), inputs).expect("a run");
    let flows = Table::new("flows")
        .text("from", ["XA", "XB"])
        .whole("year", [2030, 2031])
        .number("tonnes", [0.5, 1e4]);
    run.stage("trade", || Ok::<_, RunError>(vec![flows])).expect("a stage");
    run.stage("fit", || Err::<Vec<Table>, _>(RunError::Name("stopped".into()))).expect_err("stopped");
    drop(run);
    insta::assert_snapshot!(told(dir.path(), &[]));
    insta::assert_snapshot!(told(dir.path(), &["--format", "json"]));
    insta::assert_snapshot!(told(dir.path(), &["--table", "trade/flows"]));
    insta::assert_snapshot!(told(dir.path(), &["--table", "trade/flows", "--format", "csv"]));
    insta::assert_snapshot!(told(dir.path(), &["--table", "trade/flaws"]));
    insta::assert_snapshot!(told(dir.path(), &["--table", "fit/demand"]));
    insta::assert_snapshot!(told(dir.path(), &["--table", "fit"]));
}
