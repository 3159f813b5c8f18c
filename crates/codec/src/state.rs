//! States of deciders, and what stands around them in a snapshot, as bytes, for the program that wrote them alone: [postcard](https://postcard.jamesmunns.com),
//! which has no names and no types in it. What lasts is the events.

use serde::Serialize;
use serde::de::DeserializeOwned;

/// The bytes of a state; `None`: its `Serialize` refuses.
pub fn state_to_bytes<S: Serialize>(state: &S) -> Option<Vec<u8>> {
    postcard::to_stdvec(state).ok()
}

/// The state that [`state_to_bytes`] made these bytes of, in the same program; `None`: it made no such bytes.
pub fn state_from_bytes<S: DeserializeOwned>(bytes: &[u8]) -> Option<S> {
    let (state, rest) = postcard::take_from_bytes(bytes).ok()?;
    rest.is_empty().then_some(state)
}
