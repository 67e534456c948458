//! The built-in model: sound, found by its names, the same in the program, in the folder and written out.

mod common;

use std::path::Path;
use std::process::Output;

use common::karvan;

fn stdout(o: &Output) -> String {
    String::from_utf8_lossy(&o.stdout).into_owned()
}

#[test]
fn it_has_no_error_and_says_how_much_is_sourced() {
    let o = karvan(&["check"]);
    assert_eq!(o.status.code(), Some(0), "{}", stdout(&o));
    assert!(stdout(&o).contains("share sourced"));
    assert!(stdout(&o).contains("\n0 errors, "));
}

#[test]
fn it_is_what_stands_in_the_folder() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/trans-caspian");
    assert!(
        karvan_io::pack_folder(&folder).expect("the model's folder") == karvan_builtin::MODEL,
        "the program holds another model than models/trans-caspian"
    );
    let out = tempfile::tempdir().expect("a folder");
    let out = out.path().join("model");
    let out = out.to_str().expect("UTF-8");
    assert_eq!(karvan(&["export", "model", "--output", out]).status.code(), Some(0));
    let hash = |args: &[&str]| {
        let v: serde_json::Value = serde_json::from_slice(&karvan(args).stdout).expect("JSON");
        v["hash"].as_str().map(str::to_owned)
    };
    let own = hash(&["check", "--format", "json"]);
    assert!(own.is_some());
    assert_eq!(own, hash(&["check", "--format", "json", "--model", out]));
}

#[test]
fn its_places_are_found_in_every_script() {
    for (text, wanted) in [
        ("Боюк-Кесик", "Boyuk Kesik"),
        ("Беюк-Кясик", "Boyuk Kesik"),
        ("558701", "Boyuk Kesik"),
        ("თბილისი", "Tbilisi"),
        ("Тбилиси", "Tbilisi"),
        ("Tblisi", "Tbilisi"),
        ("Երևան", "Yerevan"),
        ("Ереван", "Yerevan"),
        ("Jerevan", "Yerevan"),
        ("阿拉山口", "Alashankou"),
        ("AZBAK", "Baku"),
        ("Bakı", "Baku"),
        ("Баку", "Baku"),
        ("Qostanay", "Kostanay"),
        ("Қостанай", "Kostanay"),
        ("Baku freight station", "Baku freight station"),
        ("Садахло", "Sadakhlo"),
        ("Далар", "Dalarik"),
    ] {
        let o = karvan(&["places", text, "--format", "json", "--limit", "3"]);
        let v: serde_json::Value = serde_json::from_slice(&o.stdout).unwrap_or_default();
        let first = v["places"][0]["name"].as_str().unwrap_or_default();
        assert!(first.starts_with(wanted), "{text}: {first}, wanted {wanted}");
    }
}

#[test]
fn its_terms_are_listed() {
    let told = stdout(&karvan(&["licences"]));
    for wanted in ["ODbL-1.0", "© OpenStreetMap contributors", "MIT OR Apache-2.0"] {
        assert!(told.contains(wanted), "{told}");
    }
}
