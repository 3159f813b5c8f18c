//! Data and wire frames under changed bytes: errors or values, little memory, no panic. The cases that
//! were thought of stand in `hostile.rs`.

mod things;

use fuzz::{Bound, from_hex, fuzz};
use things::{Event, made, schemas};

/// A decoded value, once as itself and once as JSON, and once more encoded. One item is a byte in the
/// datum and at most 64 in memory, each time; texts are copied.
const BOUND: Bound = Bound { bytes: 64 << 10, per_byte: 512 };

#[test]
fn a_datum_of_any_bytes_is_a_value_or_an_error() {
    let schemas = schemas();
    let good = schemas.encode(&made()).unwrap();
    let mut seeds = from_hex(include_str!("corpus/datum.hex"));
    seeds.push(good.datum.clone());
    fuzz("datum", seeds, BOUND, |bytes| {
        let shown = schemas.to_json(&good.event_type, good.fingerprint, bytes);
        match schemas.decode_parts::<Event>(&good.event_type, good.fingerprint, bytes) {
            Ok(event) => {
                assert!(shown.is_ok(), "what is read can be shown: {shown:?}");
                let again = schemas.encode(&event).unwrap();
                assert_eq!(schemas.decode::<Event>(&again).unwrap(), event);
                let Event::Made { title, best, .. } = event else { return "other".to_owned() };
                format!("{} {}", title.is_some(), best.is_some())
            }
            Err(error) => error.to_string(),
        }
    });
}

#[test]
fn a_wire_frame_has_one_form() {
    let seeds = vec![codec::frame(0x0102_0304, b"datum"), codec::frame(0, b""), vec![0; 4]];
    fuzz("wire", seeds, Bound { bytes: 4 << 10, per_byte: 4 }, |bytes| {
        match codec::unframe(bytes) {
            Ok((id, datum)) => {
                assert_eq!(codec::frame(id, datum), bytes);
                "frame".to_owned()
            }
            Err(error) => error.to_string(),
        }
    });
}
