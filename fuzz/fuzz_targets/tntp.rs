//! No bytes in the place of a network, a trip table or link flows make reading them panic.
#![no_main]

use karvan_io::tntp;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    let _ = tntp::parse_net("fuzz", &text);
    let _ = tntp::parse_trips("fuzz", &text);
    let _ = tntp::parse_flows("fuzz", &text);
});
