//! A command on its way to the owner of its lane.

use std::any::Any;

use domain::{ActorId, CommandKey, StreamId, TenantId, Timestamp, Trace};
use log::Fingerprint;
use uuid::Uuid;

/// A command, decoded and addressed. The runtime finds decider and lane by the stream's category.
pub struct Submit {
    /// Which aggregate.
    pub stream: StreamId,
    /// The command: a value of the decider's `Command` type.
    pub command: Box<dyn Any + Send>,
    /// Scope and key, hashed; `None`: the caller gave no key, and no outcome is kept.
    pub key: Option<CommandKey>,
    /// Keyed hash of body and expected version.
    pub fingerprint: Fingerprint,
    /// The version the stream must have; 0: it must not exist.
    pub expected: Option<u64>,
    /// Whose data it is.
    pub tenant: TenantId,
    /// Who asks.
    pub actor: ActorId,
    /// The conversation.
    pub correlation: Uuid,
    /// What led to it.
    pub causation: Option<Uuid>,
    /// The trace it belongs to.
    pub trace: Option<Trace>,
    /// Instead of a command: its key is dead from here on. A key that is known is answered as it was
    /// (`replayed`, whatever the fingerprint); one that is not known gets the outcome
    /// [`Verdict::Fenced`](log::Verdict::Fenced), and so does every later command under it. A key that
    /// is running is answered [`StillRunning`](crate::Answer::StillRunning): ask again.
    pub fence: bool,
    /// When the command was asked first, in log time, for a caller that may ask again after any time:
    /// a key older than the window of kept keys is looked for in the whole history of the stream.
    pub asked_at: Option<Timestamp>,
}

impl std::fmt::Debug for Submit {
    /// Without the command, which may hold personal values.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Submit")
            .field("stream", &self.stream)
            .field("key", &self.key)
            .field("fence", &self.fence)
            .finish_non_exhaustive()
    }
}
