//! What is derived by hashing: step keys, plan hashes, the draw of a pause. Not secret: a key names
//! an effect, it does not authorise one.

use domain::saga::{Saga, SagaId, Steps};
use sha2::{Digest, Sha256};
use uuid::Builder;

use crate::words::{Direction, StepKey};

/// Which step of which saga, which way, in which round.
#[derive(Debug, Clone, Copy)]
pub struct Leg<'a> {
    /// The saga.
    pub saga: SagaId,
    /// The step.
    pub step: &'a str,
    /// Which way.
    pub direction: Direction,
    /// Which round of keys.
    pub generation: u32,
}

impl Leg<'_> {
    /// The idempotency key: the same for every attempt.
    pub fn key(&self) -> StepKey {
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&self.hash(b"key", 0)[..16]);
        StepKey(Builder::from_custom_bytes(bytes).into_uuid())
    }

    /// The draw for the pause behind an attempt.
    pub fn draw(&self, attempt: u32) -> u64 {
        let mut bytes = [0; 8];
        bytes.copy_from_slice(&self.hash(b"draw", attempt)[..8]);
        u64::from_le_bytes(bytes)
    }

    fn hash(&self, what: &[u8], number: u32) -> [u8; 32] {
        let mut hash = Sha256::new();
        for part in [what, self.saga.0.as_bytes(), self.step.as_bytes()] {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
        hash.update([u8::from(self.direction == Direction::Undo)]);
        hash.update(self.generation.to_le_bytes());
        hash.update(number.to_le_bytes());
        hash.finalize().into()
    }
}

/// The first 16 digits of the SHA-256 of the plan's text.
pub fn plan_hash<S: Saga>(plan: &Steps<S>) -> String {
    let hash = Sha256::digest(plan.text().as_bytes());
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&hash[..8]);
    format!("{:016x}", u64::from_be_bytes(bytes))
}
