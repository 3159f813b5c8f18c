//! Looks into a record for its stream alone; not a decoder: [`crate::Record::decode`] is that.

use domain::StreamId;
use uuid::Uuid;

use crate::wire::Take;
use crate::{DecodeError, Header, Kind};

/// Category and id of the stream that an event or outcome record belongs to; `None` for a claim.
/// For indexes: without an allocation, and only as far into the record as needed.
pub fn stream_of(bytes: &[u8]) -> Result<Option<(&str, Uuid)>, DecodeError> {
    let (header, len) = Header::read(bytes)?;
    let mut from = Take(&bytes[crate::record::HEADER_BYTES..len]);
    // Log time, and for an event its id.
    match header.kind {
        Kind::Claim => return Ok(None),
        Kind::Event => from.bytes(8 + 16)?,
        Kind::Outcome => from.bytes(8)?,
    };
    Ok(Some((from.text()?, from.uuid()?)))
}

/// Whether a record is an event or outcome of this stream.
pub fn is_of(bytes: &[u8], stream: &StreamId) -> bool {
    matches!(stream_of(bytes), Ok(Some((category, id))) if id == stream.id() && category == stream.category())
}
