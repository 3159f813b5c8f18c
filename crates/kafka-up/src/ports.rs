//! Free ports of this machine. Not reserved: somebody may still take one before a broker does.

use std::net::TcpListener;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::Error;

/// Below the range from which the kernel takes ports for outgoing connections: a client that connects
/// again and again to a dead broker in that range can end up connected to itself, and then the broker
/// cannot get its port back.
const FIRST: u16 = 20_000;
const COUNT: u16 = 12_000;

/// So many different free ports.
pub fn free(count: usize) -> Result<Vec<u16>, Error> {
    let nanos = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().subsec_nanos();
    let mut at = (nanos ^ std::process::id().wrapping_mul(0x9e37)) % u32::from(COUNT);
    let mut held = Vec::with_capacity(count);
    for _ in 0..COUNT {
        at = (at + 1) % u32::from(COUNT);
        let port = FIRST + u16::try_from(at).unwrap_or_default();
        // Held until all are found, so that none is found twice.
        if let Ok(listener) = TcpListener::bind(("127.0.0.1", port)) {
            held.push((port, listener));
            if held.len() == count {
                return Ok(held.into_iter().map(|(port, _)| port).collect());
            }
        }
    }
    Err(Error::new(format!("there are no {count} free ports from {FIRST} on")))
}
