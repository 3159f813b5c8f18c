//! The claim: the record by which a node takes a lane.

use domain::Timestamp;
use uuid::Uuid;

use crate::DecodeError;
use crate::wire::{Put, Take};

/// Body of `recount.lane.claimed.v1`. Its epoch stands in the record's header.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Claim {
    /// Drawn for this claim alone, so that a node knows its own when it reads it back.
    pub id: Uuid,
    /// When, by the node's clock.
    pub at: Timestamp,
    /// Which node.
    pub node: String,
    /// Where it serves commands; empty on a log without other nodes.
    pub url: String,
}

impl Claim {
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        out.put(self.id.as_bytes());
        out.put(&self.at.as_micros().to_le_bytes());
        out.put_text(&self.node);
        out.put_text(&self.url);
    }

    pub(crate) fn read(mut from: Take<'_>) -> Result<Self, DecodeError> {
        let claim = Self {
            id: from.uuid()?,
            at: Timestamp::from_micros(from.i64()?),
            node: from.text()?.to_owned(),
            url: from.text()?.to_owned(),
        };
        from.end()?;
        Ok(claim)
    }
}
