//! Values that must not stand in the log in plain: secrets and personal fields. Not the cipher,
//! which is the keyring's: the domain only carries what was sealed.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

crate::uuid_id! {
    /// Whose key seals a value: a person, or a thing that can be forgotten. Its key can be destroyed.
    pub struct SubjectId;
}

/// An encrypted value: `subject (16 bytes) | generation (4, LE) | nonce (24) | ciphertext and tag`.
///
/// It is sealed at the edge, before a command reaches a rule, and opened only by the adapter that
/// uses it. It neither prints nor shows in JSON.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Sealed(Vec<u8>);

impl Sealed {
    /// Shortest possible: subject, generation, nonce and tag around nothing.
    pub const BYTES_MIN: usize = 16 + 4 + 24 + 16;

    /// From bytes made by a [`Sealer`]; `None` when they are too short to be that.
    pub fn from_bytes(bytes: Vec<u8>) -> Option<Self> {
        (bytes.len() >= Self::BYTES_MIN).then_some(Self(bytes))
    }

    /// The bytes, as stored.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Whose key seals it.
    pub fn subject(&self) -> SubjectId {
        let mut id = [0; 16];
        id.copy_from_slice(&self.0[..16]);
        SubjectId(Uuid::from_bytes(id))
    }
}

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sealed({} bytes of {})", self.0.len(), self.subject())
    }
}

impl Serialize for Sealed {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        if to.is_human_readable() {
            to.serialize_str("sealed")
        } else {
            to.serialize_bytes(&self.0)
        }
    }
}

impl<'de> Deserialize<'de> for Sealed {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Bytes;
        impl serde::de::Visitor<'_> for Bytes {
            type Value = Sealed;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "at least {} sealed bytes", Sealed::BYTES_MIN)
            }
            fn visit_bytes<E: serde::de::Error>(self, bytes: &[u8]) -> Result<Sealed, E> {
                Sealed::from_bytes(bytes.to_vec())
                    .ok_or_else(|| E::invalid_length(bytes.len(), &self))
            }
        }
        from.deserialize_bytes(Bytes)
    }
}

/// Seals values for a subject; implemented by the keyring.
pub trait Sealer: Send + Sync {
    /// Encrypts `plain` under the subject's key, bound to the name of its field.
    fn seal(
        &self,
        subject: SubjectId,
        field: &'static str,
        plain: &[u8],
    ) -> Result<Sealed, SealError>;
}

/// A value could not be sealed; the command is not taken.
#[derive(Debug, thiserror::Error)]
#[error("{field} could not be sealed: {why}")]
pub struct SealError {
    /// Which field.
    pub field: &'static str,
    /// What went wrong, without the value.
    pub why: String,
}
