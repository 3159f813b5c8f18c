//! Asks a broker whether it serves, by one raw Metadata request of 22 bytes. Not a client.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

const CONNECT_TIMEOUT: Duration = Duration::from_millis(300);
/// A paused broker accepts connections and never answers.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(1);

/// How many serving brokers the broker at this port knows of; `None` when it does not answer.
pub(crate) fn brokers_known(port: u16) -> Option<u32> {
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    let mut stream = TcpStream::connect_timeout(&address, CONNECT_TIMEOUT).ok()?;
    stream.set_read_timeout(Some(ANSWER_TIMEOUT)).ok()?;
    stream.write_all(&request()).ok()?;
    let mut head = [0; 12];
    // Length, correlation id, number of brokers.
    stream.read_exact(&mut head).ok()?;
    let [.., a, b, c, d] = head;
    Some(u32::from_be_bytes([a, b, c, d]))
}

/// Metadata, version 1, of no topic.
fn request() -> Vec<u8> {
    let mut body = Vec::new();
    body.extend(3_i16.to_be_bytes());
    body.extend(1_i16.to_be_bytes());
    body.extend(7_i32.to_be_bytes());
    body.extend(2_i16.to_be_bytes());
    body.extend(b"up");
    body.extend(0_i32.to_be_bytes());
    let length = u32::try_from(body.len()).unwrap_or_default();
    [length.to_be_bytes().to_vec(), body].concat()
}
