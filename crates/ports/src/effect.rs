//! What surrounds every call, and who carries the asks of a saga.

use async_trait::async_trait;
use domain::saga::{Outcome, Probe, Saga, SagaId, StepKey};
use domain::{TenantId, Timestamp, Trace};
use uuid::Uuid;

/// What surrounds a call: the same key for every attempt of one step.
#[derive(Debug, Clone)]
pub struct Effect {
    /// Idempotency key of this direction of the step.
    pub key: StepKey,
    /// For an undo, the key of what it takes back.
    pub takes_back: Option<StepKey>,
    /// The saga that asks.
    pub saga: SagaId,
    /// The step, `name` or `name/item`.
    pub step: String,
    /// Which attempt, from 1.
    pub attempt: u32,
    /// Whose data it is.
    pub tenant: TenantId,
    /// The conversation it belongs to.
    pub correlation: Uuid,
    /// The trace it belongs to.
    pub trace: Option<Trace>,
    /// When the step was asked first.
    pub asked_at: Timestamp,
    /// Until when an answer is waited for: a call ends before it.
    pub due_at: Timestamp,
}

impl Effect {
    /// The key that the work itself was or is done under: an undo's is the forward one.
    pub fn forward_key(&self) -> StepKey {
        self.takes_back.unwrap_or(self.key)
    }
}

/// Carries the asks of one saga to its ports. Dropping a call is not stopping it: what it did by
/// then stands, so whoever drops it takes the outcome for unknown.
#[async_trait]
pub trait Carrier<S: Saga>: Send + Sync {
    /// Asks. An undo (`effect.takes_back` is some) of what never arrived is done, not refused; its
    /// answer is not kept.
    async fn perform(&self, effect: &Effect, ask: &S::Ask) -> Outcome<Option<S::Answer>>;

    /// Whether `ask` was done under the forward key `effect.key`, and stands now. Never does it.
    async fn probe(&self, effect: &Effect, ask: &S::Ask) -> Probe<Option<S::Answer>>;
}
