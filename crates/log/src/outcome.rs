//! The outcome record: what became of a command that left no event.

use domain::{ActorId, CommandKey, StreamId, TenantId, Timestamp};
use uuid::Uuid;

use crate::wire::{Put, Take};
use crate::{DecodeError, Fingerprint};

/// What was answered without an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// The fact already stood.
    Nothing,
    /// A rule refused it in this state.
    Conflict,
    /// A rule refuses it in any state.
    Invalid,
    /// There is no such aggregate.
    Absent,
    /// The expected version was not the current one. Not kept under the key: asked again, it may pass.
    WrongVersion,
    /// Nothing happened under the key, and nothing will: it was taken back before it arrived.
    Fenced,
}

impl Verdict {
    const ALL: [Self; 6] = [
        Self::Nothing,
        Self::Conflict,
        Self::Invalid,
        Self::Absent,
        Self::WrongVersion,
        Self::Fenced,
    ];

    pub(crate) fn read(from: &mut Take<'_>) -> Result<Self, DecodeError> {
        let code = from.u8()?;
        Self::ALL.get(usize::from(code)).copied().ok_or(DecodeError::Unknown("verdict", code))
    }

    /// Whether the same key gets the same answer again.
    pub const fn is_kept(self) -> bool {
        !matches!(self, Self::WrongVersion)
    }
}

/// Body of an outcome record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// Log time.
    pub recorded_at: Timestamp,
    /// The stream that was asked.
    pub stream: StreamId,
    /// Its version when it was asked.
    pub version: u64,
    /// Whose data it is.
    pub tenant: TenantId,
    /// Who asked.
    pub actor: ActorId,
    /// The conversation.
    pub correlation: Uuid,
    /// The command's key, when it had one.
    pub key: Option<CommandKey>,
    /// Keyed hash of the command's body and expected version.
    pub fingerprint: Fingerprint,
    /// What was answered.
    pub verdict: Verdict,
    /// Name of the rule; empty for `Nothing`.
    pub rule: String,
    /// The sentence the caller read; holds no secret.
    pub detail: String,
}

impl Outcome {
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        out.put(&self.recorded_at.as_micros().to_le_bytes());
        out.put_text(self.stream.category());
        out.put(self.stream.id().as_bytes());
        out.put(&self.version.to_le_bytes());
        out.put_text(self.tenant.as_str());
        out.put_text(self.actor.as_str());
        out.put(self.correlation.as_bytes());
        out.put(&[u8::from(self.key.is_some())]);
        if let Some(key) = self.key {
            out.put(&key.0);
        }
        out.put(&self.fingerprint.0);
        let code = Verdict::ALL.iter().position(|v| *v == self.verdict).unwrap_or_default();
        out.put(&[u8::try_from(code).unwrap_or_default()]);
        out.put_text(&self.rule);
        out.put_text(&self.detail);
    }

    pub(crate) fn read(mut from: Take<'_>) -> Result<Self, DecodeError> {
        let outcome = Self {
            recorded_at: Timestamp::from_micros(from.i64()?),
            stream: StreamId::parse_parts(from.text()?, from.uuid()?)?,
            version: from.u64()?,
            tenant: from.text()?.parse()?,
            actor: from.text()?.parse()?,
            correlation: from.uuid()?,
            key: match from.u8()? {
                0 => None,
                1 => Some(CommandKey(from.array()?)),
                odd => return Err(DecodeError::Unknown("flags", odd)),
            },
            fingerprint: Fingerprint(from.array()?),
            verdict: Verdict::read(&mut from)?,
            rule: from.text()?.to_owned(),
            detail: from.text()?.to_owned(),
        };
        from.end()?;
        Ok(outcome)
    }
}
