//! How every test of the command line runs the program and reads what it says.

#![allow(dead_code, reason = "each file of tests is a program of its own and uses a part")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(name)
}

/// The invented corridor.
pub fn corridor() -> PathBuf {
    folder("corridor2")
}

/// A network of two roads.
pub fn two_roads() -> PathBuf {
    folder("two_roads")
}

/// Runs the program; what the machine names besides does not count.
pub fn karvan(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_karvan"))
        .env_remove("TNTP_DIR")
        .args(args)
        .output()
        .expect("the program starts")
}

/// Runs a command on the invented corridor.
pub fn here(args: &[&str]) -> Output {
    let folder = corridor();
    let mut all = vec!["--model", folder.to_str().expect("a path in UTF-8")];
    all.extend(args);
    karvan(&all)
}

/// What a command prints, with its exit status; the folders of the tests are `CORRIDOR` and `ROADS`.
pub fn told(o: &Output) -> String {
    let text = |b: &[u8]| {
        String::from_utf8_lossy(b)
            .replace(&*corridor().to_string_lossy(), "CORRIDOR")
            .replace(&*two_roads().to_string_lossy(), "ROADS")
    };
    let (out, err) = (text(&o.stdout), text(&o.stderr));
    format!("status: {:?}\n--- stdout\n{out}--- stderr\n{err}", o.status.code())
}

/// Asserts how a command ends and what it says in between.
#[track_caller]
pub fn ends(o: &Output, status: i32, wanted: &str) {
    let told = told(o);
    assert_eq!(o.status.code(), Some(status), "{told}");
    assert!(told.contains(wanted), "wanted: {wanted}\n{told}");
}

/// A scenario file in a folder of its own.
pub fn scenario(text: &str) -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("scenario.toml");
    std::fs::write(&path, text).expect("written");
    let path = path.to_str().expect("UTF-8").to_owned();
    (folder, path)
}
