//! Packs `models/trans-caspian` into one archive.

use std::path::Path;
use std::{env, fs, io};

#[path = "../karvan-io/src/pack.rs"]
#[allow(dead_code, reason = "only packing is needed here")]
mod pack;

fn main() -> io::Result<()> {
    let folder = Path::new(&env::var("CARGO_MANIFEST_DIR").map_err(io::Error::other)?)
        .join("../../models/trans-caspian");
    println!("cargo::rerun-if-changed={}", folder.display());
    println!("cargo::rerun-if-changed=../karvan-io/src/pack.rs");
    let mut files = Vec::new();
    if folder.is_dir() {
        for entry in fs::read_dir(&folder)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if entry.path().is_file() && !name.starts_with('.') {
                files.push((name, fs::read(entry.path())?));
            }
        }
    }
    let out = Path::new(&env::var("OUT_DIR").map_err(io::Error::other)?).join("model.tar.zst");
    fs::write(out, pack::pack(files)?)
}
