//! Streams of random numbers, each addressed by its name: the same name draws the same in every scenario, option and thread.

use rand::SeedableRng;
use rand::rngs::ChaCha8Rng;

/// A stream's number: FNV-1a of its name, which every platform computes alike.
fn number(name: &str) -> u64 {
    name.bytes().fold(0xcbf2_9ce4_8422_2325, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0000_0100_0000_01b3))
}

/// The stream of a name under a seed.
pub fn stream(seed: u64, name: &str) -> ChaCha8Rng {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(number(name));
    rng
}
