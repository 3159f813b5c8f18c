//! Looks into a record for its stream alone, or for what its lane's owner keeps of it; not a decoder:
//! [`crate::Record::decode`] is that.

use domain::{CommandKey, StreamId, Timestamp};
use uuid::Uuid;

use crate::record::HAS_KEY;
use crate::wire::Take;
use crate::{Body, DecodeError, Header, Kind, Record, Verdict};

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

/// What the owner of a lane keeps of a claim, or of a frame by its first record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asked {
    /// When: log time does not fall below it.
    pub at: Timestamp,
    /// The key that leads to the frame from now on.
    pub key: Option<CommandKey>,
}

impl Asked {
    /// Of a record.
    pub fn of(record: &Record) -> Self {
        match &record.body {
            Body::Event { meta, .. } => Self { at: meta.recorded_at, key: meta.key },
            Body::Outcome(outcome) => {
                let key = outcome.key.filter(|_| outcome.verdict.is_kept());
                Self { at: outcome.recorded_at, key }
            }
            Body::Claim(claim) => Self { at: claim.at, key: None },
        }
    }

    /// The same of the record that some bytes begin with: without an allocation, and only as far into it
    /// as needed.
    pub fn peek(bytes: &[u8]) -> Result<Self, DecodeError> {
        let (header, len) = Header::read(bytes)?;
        let mut from = Take(&bytes[crate::record::HEADER_BYTES..len]);
        if header.kind == Kind::Claim {
            from.uuid()?;
            return Ok(Self { at: Timestamp::from_micros(from.i64()?), key: None });
        }
        let at = Timestamp::from_micros(from.i64()?);
        if header.kind == Kind::Event {
            from.uuid()?;
        }
        let (_category, _stream) = (from.text()?, from.uuid()?);
        let (_version, _tenant, _actor) = (from.u64()?, from.text()?, from.text()?);
        from.uuid()?;
        let flags = from.u8()?;
        let mut key = match flags & HAS_KEY {
            0 => None,
            _ => Some(CommandKey(from.array()?)),
        };
        if header.kind == Kind::Outcome {
            let _fingerprint = from.array::<16>()?;
            key = key.filter(|_| Verdict::read(&mut from).is_ok_and(Verdict::is_kept));
        }
        Ok(Self { at, key })
    }
}
