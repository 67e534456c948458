//! Packing a model's files into one archive, and taking them out again.
//!
//! The build script of `karvan-builtin` includes this file, so it uses nothing of this crate.

use std::io::{self, Read};

/// Files that are read only for maps stand at the end, so that a reader who needs none stops before them.
fn rank(name: &str) -> (bool, &str) {
    (is_geometry(name), name)
}

/// Whether a file of a model holds the courses of links, which only maps need.
pub fn is_geometry(name: &str) -> bool {
    name.starts_with("geometry.")
}

/// One compressed archive of named files: the same files give the same bytes.
///
/// # Errors
/// If the compressor fails.
pub fn pack(mut files: Vec<(String, Vec<u8>)>) -> io::Result<Vec<u8>> {
    files.sort_by(|a, b| rank(&a.0).cmp(&rank(&b.0)));
    let mut tar = tar::Builder::new(Vec::new());
    for (name, bytes) in &files {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        header.set_mtime(0);
        header.set_cksum();
        tar.append_data(&mut header, name, bytes.as_slice())?;
    }
    zstd::encode_all(tar.into_inner()?.as_slice(), 15)
}

/// The largest archive that is unpacked, in bytes: a small file may claim to hold any amount.
pub const LARGEST: u64 = 1 << 30;

/// The files of an archive in its order, without those for maps unless `geometry`.
///
/// # Errors
/// If the bytes are no such archive, or hold more than [`LARGEST`].
pub fn unpack(bytes: &[u8], geometry: bool) -> io::Result<Vec<(String, Vec<u8>)>> {
    let mut files = Vec::new();
    let mut left = LARGEST;
    let mut tar = tar::Archive::new(zstd::Decoder::with_buffer(bytes)?);
    for entry in tar.entries()? {
        let mut entry = entry?;
        let name = entry.path()?.to_string_lossy().into_owned();
        if is_geometry(&name) && !geometry {
            break;
        }
        let size = entry.header().size()?;
        if size > left {
            return Err(io::Error::other("it holds more than 1 GiB"));
        }
        left -= size;
        // The header's size is a claim: room is made as bytes come.
        let mut content = Vec::with_capacity(size.min(1 << 24) as usize);
        entry.read_to_end(&mut content)?;
        files.push((name, content));
    }
    Ok(files)
}
