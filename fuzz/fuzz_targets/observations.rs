//! No bytes in the place of a file of observations make reading it, or scoring a model on it, with time cut or not, panic.
#![no_main]

use std::sync::OnceLock;

use karvan_io::{LoadOptions, read_folder, read_list_of};
use karvan_model::observed::Observation;
use karvan_model::{Model, TableOf, Tables};
use karvan_network::base::Base;
use karvan_observe::{Setting, backtest, validate};
use libfuzzer_sys::fuzz_target;

static MODEL: OnceLock<(Model, Base)> = OnceLock::new();

fuzz_target!(|data: &[u8]| {
    let (model, base) = MODEL.get_or_init(|| {
        let corridor = concat!(env!("CARGO_MANIFEST_DIR"), "/../crates/karvan-cli/tests/corridor2");
        let read = read_folder(std::path::Path::new(corridor), LoadOptions::default());
        let tables = Tables::read(&read.raw, &mut Vec::new());
        let model = Model::new(read.raw.manifest, tables);
        let base = Base::new(&model);
        (model, base)
    });
    let (raw, mut problems) = read_list_of::<Observation>("fuzz.csv", data.to_vec());
    let rows: TableOf<Observation> = TableOf::read(Some(&raw), &mut problems);
    let rows: Vec<Observation> = rows.iter().take(20).cloned().collect();
    let setting = Setting { model, base, seed: 1, as_of: None };
    let _ = validate(&setting, &rows, &mut |_| {});
    let _ = backtest(&setting, &rows, 2031, &mut |_, _| {});
});
