//! Avro events: schemas, data in the hot path, Confluent wire format, compatibility. Not the log
//! record, which is the log's; not the HTTP registry, which is the edge's.
//!
//! The `.avsc` files are the contract. [`Schemas`] loads them once, refuses what could hurt a
//! reader, and then encodes and decodes events by serde straight from and to their structs.
//! `docs/formats/events.md` describes every byte for readers in other languages.

mod cloud;
mod compat;
mod cursor;
mod datum;
mod de;
mod error;
mod event;
mod fingerprint;
mod json;
mod naming;
mod node;
mod parse;
mod schemas;
mod ser;
mod ser_parts;
mod state;
mod wire;

pub use cloud::{CONTENT_TYPE, Detail, attributes, headers, structured};
pub use compat::{Incompatible, full_compatibility};
pub use cursor::{DATUM_BYTES_MAX, ITEMS_MAX};
pub use datum::{from_datum, to_datum};
pub use error::{DatumError, DecodeError, EncodeError, SchemaError};
pub use fingerprint::{crc64_avro, schema_id};
pub use node::SchemaNode;
pub use schemas::{Schema, Schemas, SchemasBuilder};
pub use state::{state_from_bytes, state_to_bytes};
pub use wire::{FRAME_BYTES, NotAFrame, frame, unframe};
