//! One value to one datum and back, by a compiled schema. Not aware of event types or versions.

use serde::de::DeserializeSeed;
use serde::{Deserialize, Serialize};

use crate::DatumError;
use crate::cursor::{Cursor, DATUM_BYTES_MAX, Output};
use crate::de::DatumDeserializer;
use crate::node::{Node, SchemaNode};
use crate::ser::DatumSerializer;

/// Encodes any value of the schema; the buffer is filled from its end on and may be reused.
pub fn to_datum<T: Serialize + ?Sized>(
    value: &T,
    schema: &SchemaNode,
    buffer: Vec<u8>,
) -> Result<Vec<u8>, DatumError> {
    write(&schema.0, buffer, |to| value.serialize(to))
}

/// Decodes a datum; all of its bytes must be used.
pub fn from_datum<'de, T: Deserialize<'de>>(
    datum: &'de [u8],
    schema: &SchemaNode,
) -> Result<T, DatumError> {
    read(&schema.0, datum, |from| T::deserialize(from))
}

pub(crate) fn write(
    node: &Node,
    buffer: Vec<u8>,
    value: impl FnOnce(DatumSerializer<'_>) -> Result<(), DatumError>,
) -> Result<Vec<u8>, DatumError> {
    let before = buffer.len();
    let mut out = Output::new(buffer);
    value(DatumSerializer { node, out: &mut out })?;
    let bytes = out.bytes.len() - before;
    if bytes > DATUM_BYTES_MAX {
        return Err(DatumError::new(format!(
            "{bytes} bytes exceed the limit of {DATUM_BYTES_MAX}"
        )));
    }
    Ok(out.bytes)
}

pub(crate) fn read<'de, T>(
    node: &Node,
    datum: &'de [u8],
    value: impl FnOnce(DatumDeserializer<'_, 'de>) -> Result<T, DatumError>,
) -> Result<T, DatumError> {
    let mut from = Cursor::new(datum)?;
    let value = value(DatumDeserializer { node, from: &mut from })?;
    from.finish()?;
    Ok(value)
}

/// Walks over a datum and keeps nothing: whatever comes behind is safe from bombs and nonsense.
pub(crate) fn check(node: &Node, datum: &[u8]) -> Result<(), DatumError> {
    read(node, datum, |from| std::marker::PhantomData::<serde::de::IgnoredAny>.deserialize(from))
        .map(|_| ())
}
