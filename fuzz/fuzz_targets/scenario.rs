//! No bytes in the place of a scenario file make reading it, or editing a model with it, panic.
#![no_main]

use std::sync::OnceLock;

use karvan_io::{LoadOptions, Read, read_folder, scenario};
use karvan_model::Tables;
use karvan_model::scenario::{Scenario, apply_scenario};
use libfuzzer_sys::fuzz_target;

static BASE: OnceLock<Read> = OnceLock::new();

fuzz_target!(|data: &[u8]| {
    let base = BASE.get_or_init(|| {
        let corridor = concat!(env!("CARGO_MANIFEST_DIR"), "/../crates/karvan-cli/tests/corridor2");
        read_folder(std::path::Path::new(corridor), LoadOptions::default())
    });
    let (parsed, mut problems) = scenario::parse("fuzz.toml", data.to_vec());
    let mut raw = base.raw.clone();
    apply_scenario(&mut raw, &Scenario { edits: parsed.edits, ..Scenario::default() }, &mut problems);
    let _ = Tables::read(&raw, &mut problems);
});
