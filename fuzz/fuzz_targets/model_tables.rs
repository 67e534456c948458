//! No bytes in the place of a model's files make reading, typing or checking panic.
//!
//! The input is cut at `\x1e` (record separator) into files; the first byte of each picks the table.
#![no_main]

use karvan_io::read_files;
use karvan_model::{TABLES, Tables, check};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let files = data.split(|b| *b == 0x1e).enumerate().filter_map(|(i, part)| {
        let (which, bytes) = part.split_first()?;
        let name = match TABLES.get(usize::from(*which) % (TABLES.len() + 1)) {
            // Parts of a table may come several times, so each gets a name of its own.
            Some(t) => format!("{}.{i}.csv", t.name),
            None => "model.toml".to_owned(),
        };
        Some((name, bytes.to_vec()))
    });
    let read = read_files("", files.collect());
    let mut problems = read.problems;
    let tables = Tables::read(&read.raw, &mut problems);
    problems.extend(check::check(&read.raw, &tables));
    for p in &problems {
        let _ = p.to_string();
    }
});
