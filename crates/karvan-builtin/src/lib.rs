//! The built-in model, bytes only: `models/trans-caspian` packed by `karvan_io`'s packer at build time.

/// The archive; `karvan_io::read_archive` reads it.
pub const MODEL: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/model.tar.zst"));
