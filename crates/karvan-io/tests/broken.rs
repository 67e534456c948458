//! Files that are cut off, foreign or damaged are answered with place and remedy, whatever is in them.

use std::fs;
use std::path::{Path, PathBuf};

use karvan_io::scenario;
use karvan_io::{LoadOptions, files_of_archive, pack_folder, read_archive, read_files, read_folder};
use karvan_model::raw::Severity;
use karvan_model::scenario::apply_scenario;
use karvan_model::{TABLES, Tables, check};
use proptest::prelude::*;

const ALL: LoadOptions = LoadOptions { geometry: true };

fn corridor() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../karvan-cli/tests/corridor2")
}

fn files() -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<(String, Vec<u8>)> = fs::read_dir(corridor())
        .unwrap()
        .map(|e| e.unwrap())
        .map(|e| (e.file_name().into_string().unwrap(), fs::read(e.path()).unwrap()))
        .collect();
    files.sort();
    files
}

/// Reads, types and checks; gives the errors as printed.
fn errors(files: Vec<(String, Vec<u8>)>) -> Vec<String> {
    let read = read_files("", files);
    let mut problems = read.problems;
    let tables = Tables::read(&read.raw, &mut problems);
    problems.extend(check::check(&read.raw, &tables));
    problems.iter().filter(|p| p.severity == Severity::Error).map(ToString::to_string).collect()
}

/// The errors after one file was changed.
fn with(name: &str, change: impl Fn(Vec<u8>) -> Vec<u8>) -> Vec<String> {
    let mut files = files();
    match files.iter_mut().find(|f| f.0 == name) {
        Some(f) => f.1 = change(std::mem::take(&mut f.1)),
        None => files.push((name.to_owned(), change(Vec::new()))),
    }
    errors(files)
}

fn replaced(name: &str, from: &str, to: &str) -> Vec<String> {
    with(name, |b| {
        let text = String::from_utf8(b).unwrap();
        assert!(text.contains(from), "{name} holds no {from}");
        text.replacen(from, to, 1).into_bytes()
    })
}

#[track_caller]
fn says(errors: &[String], wanted: &str) {
    assert!(errors.iter().any(|e| e.starts_with(wanted)), "wanted: {wanted}\ngot:\n{}", errors.join("\n"));
}

#[test]
fn the_invented_corridor_is_sound() {
    assert_eq!(errors(files()), [] as [String; 0]);
}

#[test]
fn a_foreign_file_is_named_for_what_it_is() {
    says(
        &with("node.csv", |_| b"PK\x03\x04rest".to_vec()),
        "node.csv: error: this is a zip file or a spreadsheet, not text",
    );
    says(&with("node.csv", |_| Vec::new()), "node.csv: error: the file is empty");
    says(&with("node.csv", |_| b"\xff\xfei\0d\0".to_vec()), "node.csv: error: the text is in UTF-16");
    says(
        &with("node.csv", |_| b"id,kind\nx\0,y\n".to_vec()),
        "node.csv:2:2: error: a NUL byte, at byte 9 of the file",
    );
    says(
        &with("node.csv", |_| b"id;kind;name_en\na;b;c\n".to_vec()),
        "node.csv:1:1: error: the cells are separated by semicolons",
    );
    says(&with("node.csv", |_| b"\n\n".to_vec()), "node.csv:1: error: the file holds no header");
    let one_byte_code_page = with("state.csv", |b| {
        let mut b = b;
        b.truncate(b.iter().position(|c| *c == b'\n').unwrap() + 1);
        b.extend(b"XA,Ardia,\xc0\xf0,XTS,Etc/GMT+3,invented\n");
        b
    });
    says(&one_byte_code_page, "state.csv:2:10: error: byte ");
    assert!(one_byte_code_page.iter().any(|e| e.contains("hint: save it as CSV in UTF-8")));
    says(&with("model.toml", |_| b"name = ".to_vec()), "model.toml:1:");
    says(&replaced("model.toml", "price_year = 2030", "price_yaer = 2030"), "model.toml:");
}

#[test]
fn a_byte_order_mark_and_foreign_line_ends_are_let_pass() {
    let dressed = with("node.csv", |b| {
        let text = String::from_utf8(b).unwrap().replace('\n', "\r\n");
        format!("\u{feff}{text}\r\n\r\n").into_bytes()
    });
    assert_eq!(dressed, [] as [String; 0]);
}

#[test]
fn columns_are_named_in_the_header_and_nowhere_else() {
    says(
        &replaced("link.csv", "length_km", "lenght_km"),
        "link.csv:1:28: error: table `link` has no column `lenght_km`\n  hint: did you mean `length_km`?",
    );
    let all = replaced("link.csv", "length_km", "lenght_km");
    says(&all, "link.csv:1: error: table `link` lacks its column `length_km`");
    assert_eq!(all.len(), 2, "what follows from the first fault is no fault of its own: {all:?}");
    says(&replaced("link.csv", "speed_kmh", "mode"), "link.csv:1:66: error: column `mode` stands twice");
    // A column that may be empty may be left out; order does not matter.
    let shuffled =
        with("group.csv", |_| b"claim,name,id\ninvented,\"Customs union, so called\",inner_union\n".to_vec());
    assert_eq!(shuffled, [] as [String; 0]);
}

#[test]
fn a_record_of_the_wrong_length_says_where() {
    says(
        &with("group.csv", |_| b"id,name,claim\ninner_union,A,invented,x\n".to_vec()),
        "group.csv:2:24: error: 4 cells; the header has 3",
    );
    says(
        &with("group.csv", |_| b"id,name,claim\ninner_union,A\n".to_vec()),
        "group.csv:2:14: error: 2 cells; the header has 3",
    );
    let open = with("group.csv", |_| b"id,name,claim\ninner_union,\"A,invented\n".to_vec());
    says(&open, "group.csv:2:1: error: a double quote stands open at the end of the file");
}

#[test]
fn a_cell_is_named_by_line_and_column_of_characters() {
    let shifted = with("state.csv", |b| {
        String::from_utf8(b).unwrap().replace("Ардия,XTS", "\"Ардия,\nвеликая\",xts").into_bytes()
    });
    says(
        &shifted,
        "state.csv:3:10: error: `state` column `currency`: `xts`; allowed: an ISO 4217 code of three capitals",
    );
    says(
        &replaced("link.csv", ",rail,XA,", ",raid,XA,"),
        "link.csv:2:36: error: `link` column `mode`: `raid`; allowed: one of `rail`",
    );
}

#[test]
fn what_does_not_fit_together_is_found() {
    says(
        &replaced("link.csv", "tarn_mine,orlo_freight", "tarn_nime,orlo_freight"),
        "link.csv:2:13: error: `link` column `from`: `node` has no row `tarn_nime`\n  hint: did you mean `tarn_mine`?",
    );
    says(&replaced("node.csv", "-36.0,-18.0", "-36.0,-98.0"), "node.csv:2:");
    says(
        &replaced("border.csv", "halm_rail,rail_halm_dorn", "halm_rail,rail_north_pass"),
        "link.csv:8:38: error: rail links of XB and XC meet",
    );
    says(
        &replaced("border.csv", "north_rail,rail_north_pass", "north_rail,rail_halm_dorn"),
        "link.csv:11:40: error: rail links of XA and XB meet",
    );
    says(&replaced("service.csv", "Tue 18:00", "Tuesday"), "service.csv:3:");
    says(&replaced("service.csv", "kess_port;vara_port,line", "kess_port,line"), "service.csv:2:");
    says(&replaced("terminal.csv", "1000;1435,yes", "1000,yes"), "terminal.csv:");
    says(&replaced("weather.csv", "0.2 [0.1..0.35]", "20 [10..35]"), "weather.csv:2:");
    says(&replaced("tariff.csv", "XTS", "XTZ"), "tariff.csv:4:");
    says(
        &replaced("link_state.csv", "open,2034-01-01", "open,2033-01-01"),
        "link_state.csv:3:18: error: two rows of link `r_ard_north`",
    );
    says(&replaced("rule.csv", "2030-09-01,2031-09-01", "2031-09-01,2031-09-01"), "rule.csv:3:");
    says(&replaced("load.csv", "ore,hopper_wagon_1000,38", "ore,hopper_wagon_1000,380"), "load.csv:2:");
    says(&replaced("load.csv", "ore,hopper_wagon_1000,38", "petrol,hopper_wagon_1000,38"), "load.csv:2:");
    let twice = with("group.csv", |b| {
        let mut b = b;
        b.extend(b"inner_union,Again,invented\n");
        b
    });
    says(&twice, "group.csv:3:1: error: `group` has two rows with the key `inner_union`");
}

#[test]
fn a_model_is_the_same_from_a_folder_and_from_an_archive() {
    let folder = read_folder(&corridor(), ALL);
    let packed = pack_folder(&corridor()).unwrap();
    assert_eq!(packed, pack_folder(&corridor()).unwrap());
    let archive = read_archive("", &packed, ALL);
    assert_eq!(folder.problems, []);
    assert_eq!(archive.problems, []);
    assert_eq!(folder.hash, archive.hash);
    assert_eq!(read_archive("", &packed, LoadOptions::default()).hash, folder.hash);
    for t in TABLES {
        let rows = |r: &karvan_io::Read| -> Vec<Vec<String>> {
            r.raw.tables.get(t.name).map_or(Vec::new(), |t| {
                t.rows.iter().map(|r| r.cells().map(str::to_owned).collect()).collect()
            })
        };
        assert_eq!(rows(&folder), rows(&archive), "{}", t.name);
    }
    let mut given = files();
    given.sort_by(|a, b| (karvan_io::is_geometry(&a.0), &a.0).cmp(&(karvan_io::is_geometry(&b.0), &b.0)));
    assert_eq!(files_of_archive(&packed).unwrap(), given);
}

#[test]
fn a_damaged_archive_is_told_from_a_model() {
    let packed = pack_folder(&corridor()).unwrap();
    for n in (0..packed.len()).step_by(97) {
        let read = read_archive("model", &packed[..n], ALL);
        assert!(read.problems.iter().any(|p| p.severity == Severity::Error), "cut at {n}");
        let mut flipped = packed.clone();
        flipped[n] ^= 0x55;
        let _ = read_archive("model", &flipped, ALL);
    }
    let read = read_archive("model", b"not an archive", ALL);
    assert!(
        read.problems[0].to_string().starts_with("model: error: this is no packed model"),
        "{:?}",
        read.problems
    );
}

#[test]
fn what_is_written_reads_back_the_same() {
    let read = read_folder(&corridor(), ALL);
    let mut problems = Vec::new();
    let tables = Tables::read(&read.raw, &mut problems);
    macro_rules! all {
        ($($field:ident : $row:ident),+ $(,)?) => {$(
            if !tables.$field.rows.is_empty() {
                let text = karvan_io::write_table(&tables.$field.rows);
                let name = stringify!($row);
                let mut changed = files();
                let file = format!("{}.csv", <karvan_model::tables::$row as karvan_model::cell::Named>::TABLE);
                changed.iter_mut().find(|f| f.0 == file).unwrap().1 = text.into_bytes();
                let again = read_files("", changed);
                let mut problems = Vec::new();
                let back = Tables::read(&again.raw, &mut problems);
                assert_eq!(problems, []);
                assert_eq!(tables.$field.rows, back.$field.rows, "{name}");
            }
        )+};
    }
    karvan_model::for_each_table!(all);
}

/// Applies a scenario's text to the invented corridor; gives the tables and everything wrong.
fn edited(text: &str) -> (Tables, Vec<String>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s.toml");
    fs::write(&path, text).unwrap();
    let (file, mut problems) = scenario::load(&path);
    let mut raw = read_folder(&corridor(), ALL).raw;
    apply_scenario(&mut raw, &file.scenario, &mut problems);
    let tables = Tables::read(&raw, &mut problems);
    problems.extend(check::check(&raw, &tables));
    let shown = format!("{}/", folder.path().display());
    let problems = problems.iter().filter(|p| p.severity == Severity::Error);
    (tables, problems.map(|p| p.to_string().replace(&shown, "")).collect())
}

#[test]
fn a_scenario_adds_changes_removes_and_applies() {
    let (t, errors) = edited(
        "[[edit]]\nadd = \"rule\"\nrow = { id = \"r\", what = \"w\", governs = \"carriage\", effect = \"forbid\", hs = [\"27\", \"31\"], \
         claim = \"assumed: what if\" }\n\
         [[edit]]\nchange = \"border\"\nkey = \"north_road\"\nset = { status = \"open\", capacity_per_day = 40 }\n\
         [[edit]]\nremove = \"tariff\"\nkey = \"rail_xa\"\n\
         [[edit]]\napply = \"north_line\"\nfrom = 2031-01-01\n",
    );
    assert_eq!(errors, [] as [String; 0]);
    assert_eq!(t.rule.last().unwrap().hs.0, ["27", "31"]);
    assert!(t.tariff.iter().all(|r| r.id.as_str() != "rail_xa"));
    let states: Vec<String> = t
        .link_state
        .iter()
        .filter(|s| s.link.as_str() == "r_ard_north")
        .map(|s| {
            format!("{} {:?} {:?}", s.state, s.from.map(|d| d.to_string()), s.till.map(|d| d.to_string()))
        })
        .collect();
    assert_eq!(
        states,
        [
            "planned None Some(\"2031-01-01\")",
            "open Some(\"2034-01-01\") None",
            "open Some(\"2031-01-01\") Some(\"2034-01-01\")",
        ]
    );
}

#[test]
fn a_removed_row_of_a_project_ends_on_its_day() {
    let mut raw = read_folder(&corridor(), ALL).raw;
    let said = |t: &str| karvan_model::scenario::Said { text: t.into(), ..Default::default() };
    let assign = |c: &str, v: &str| karvan_model::scenario::Assign { column: said(c), value: said(v) };
    use karvan_model::scenario::{Action, Edit, Scenario};
    let row = vec![
        assign("project", "north_line"),
        assign("seq", "3"),
        assign("table", "rule"),
        assign("action", "remove"),
        assign("row", "xb_transit_charge"),
    ];
    let edit = |action| Edit { at: Default::default(), action };
    let from = Some("2031-01-01".parse().unwrap());
    let edits = vec![
        edit(Action::Add { table: said("project_edit"), row }),
        edit(Action::Apply { project: said("north_line"), from }),
    ];
    let mut problems = Vec::new();
    apply_scenario(&mut raw, &Scenario { edits, ..Default::default() }, &mut problems);
    let tables = Tables::read(&raw, &mut problems);
    assert_eq!(problems, []);
    let rule = tables.rule.iter().find(|r| r.id.as_str() == "xb_transit_charge").unwrap();
    assert_eq!(rule.till, from);
}

#[test]
fn the_manual_s_scenario_works() {
    let manual =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/model-format.md")).unwrap();
    let (_, part) = manual.split_once("## Scenarios").unwrap();
    let example = part.split("```toml").nth(1).unwrap().split("```").next().unwrap();
    let (tables, errors) = edited(example);
    assert_eq!(errors, [] as [String; 0]);
    assert!(tables.rule.iter().any(|r| r.id.as_str() == "fuel_ban"));
}

#[test]
fn what_a_scenario_makes_wrong_is_said_at_its_own_place() {
    let edit = |e: &str| edited(&format!("[[edit]]\n{e}\n")).1;
    assert_eq!(
        edit("remove = \"tarif\"\nkey = \"x\""),
        ["s.toml:2:10: error: no table is called `tarif`\n  hint: did you mean `tariff`?"]
    );
    assert_eq!(
        edit("change = \"border\"\nkey = \"north_rode\"\nset = { status = \"open\" }"),
        ["s.toml:3:7: error: table `border` has no row `north_rode`\n  hint: did you mean `north_road`?"]
    );
    assert_eq!(
        edit("change = \"border\"\nkey = \"north_road\"\nset = { stats = \"open\" }"),
        ["s.toml:4:9: error: table `border` has no column `stats`\n  hint: did you mean `status`?"]
    );
    says(
        &edit("change = \"border\"\nkey = \"north_road\"\nset = { status = \"ajar\" }"),
        "s.toml:4:18: error: `border` column `status`: `ajar`; allowed: one of `open` `closed` `restricted`",
    );
    says(
        &edit("change = \"link\"\nkey = \"r_orlo_ard\"\nset = { from = \"nowhere\" }"),
        "s.toml:4:16: error: `link` column `from`: `node` has no row `nowhere`",
    );
    says(
        &edit("add = \"node\"\nrow = { id = \"orlo\" }"),
        "s.toml:2:1: error: table `node` already has a row `orlo`",
    );
    says(&edit("apply = \"north_lin\""), "s.toml:2:9: error: no project has the key `north_lin`");
}

#[test]
fn scenarios_inherit_and_may_not_go_in_circles() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    write("a.toml", "base = \"b.toml\"\n[[edit]]\nremove = \"rule\"\nkey = \"one\"\n");
    write("b.toml", "base = \"builtin\"\nas_of = 2030-02-03\n[[edit]]\nremove = \"rule\"\nkey = \"two\"\n");
    let (file, problems) = scenario::load(&folder.path().join("a.toml"));
    assert_eq!(problems, []);
    assert_eq!(file.base, scenario::Base::Builtin);
    assert_eq!(file.scenario.as_of.unwrap().to_string(), "2030-02-03");
    assert_eq!(file.scenario.edits.len(), 2);
    write("b.toml", "base = \"a.toml\"\n");
    let (_, problems) = scenario::load(&folder.path().join("a.toml"));
    assert!(problems[0].what.starts_with("the scenario inherits itself"), "{problems:?}");
    write("b.toml", "base = \"c.toml\"\n");
    let (_, problems) = scenario::load(&folder.path().join("a.toml"));
    assert!(problems[0].at.to_string().ends_with("b.toml:1:8"), "{problems:?}");
}

/// Reads bytes as a model and as a scenario, and checks what comes of it.
fn swallow(files: Vec<(String, Vec<u8>)>) {
    let _ = errors(files);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn no_change_of_a_file_makes_reading_panic(
        which in 0..26usize,
        cuts in prop::collection::vec((any::<prop::sample::Index>(), 0..4u8, any::<u8>(), "[-0-9a-z\",;\\[\\].\n* ()=é]{0,12}"), 1..12),
    ) {
        let mut files = files();
        let n = files.len();
        let file = &mut files[which % n].1;
        for (place, what, byte, text) in cuts {
            if file.is_empty() {
                break;
            }
            let i = place.index(file.len());
            match what {
                0 => file[i] = byte,
                1 => { file.remove(i); }
                2 => { file.splice(i..i, text.bytes()); }
                _ => {
                    let end = (i + text.len() * 40).min(file.len());
                    file.drain(i..end);
                }
            }
        }
        swallow(files);
    }

    #[test]
    fn no_cell_makes_checking_panic(
        which in 0..26usize,
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(),
            prop::sample::select(vec!["", "0", "-1", "1e308", "1e-320", "12 [8..20]", "lognormal(p50=1e-300, p90=1e300)", "mix(1*gamma(1,0))",
                "2025-12-31", "-9999-01-01", "XA;XB;XC", "yes", "rail", "4294967295", "99", "Tue 18:00", "é", "assumed: x", "empirical(0)", "0 [0..0]"])), 1..8),
    ) {
        let mut files = files();
        let n = files.len();
        let file = &mut files[which % n];
        if file.0.ends_with(".csv") {
            let mut rows: Vec<Vec<String>> = csv::ReaderBuilder::new().has_headers(false).from_reader(&file.1[..])
                .records().map(|r| r.unwrap().iter().map(str::to_owned).collect()).collect();
            for (r, c, text) in edits {
                if rows.len() > 1 {
                    let r = 1 + r.index(rows.len() - 1);
                    let c = c.index(rows[r].len());
                    rows[r][c] = text.to_owned();
                }
            }
            let mut w = csv::Writer::from_writer(Vec::new());
            for r in rows {
                w.write_record(r).unwrap();
            }
            file.1 = w.into_inner().unwrap();
        }
        swallow(files);
    }

    #[test]
    fn no_text_makes_a_scenario_panic(text in "(\\[\\[edit\\]\\]\n|(add|change|remove|apply|row|set|key|from|base|as_of) = |\"[a-z_]{0,6}\"|\\{|\\}|[0-9-]{1,10}|\n|, ){0,24}") {
        let (parsed, mut problems) = scenario::parse("s.toml", text.into_bytes());
        let mut raw = read_folder(&corridor(), LoadOptions::default()).raw;
        let scenario = karvan_model::scenario::Scenario { edits: parsed.edits, ..Default::default() };
        apply_scenario(&mut raw, &scenario, &mut problems);
    }
}
