//! What the pages show of streams and events, as plain data. Not the runtime's types: names instead of numbers, text
//! instead of bytes, so that any node can fill it in for any other.

use domain::{ActorId, EventId, Meta, StreamId, TenantId, Timestamp};
use uuid::Uuid;

/// How fresh an answer is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AsOf {
    /// The newest position read, as `content.events/5@1882171`; `None` when the log is empty.
    pub position: Option<String>,
    /// How far it is behind the log, in milliseconds; 0 when read from the log itself.
    pub behind_ms: u64,
}

/// A place in the history of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum At {
    /// After its last event.
    Head,
    /// After the event of this version; 0 is before the first.
    Version(u64),
    /// After the last event recorded at or before this time.
    Time(Timestamp),
}

/// Which streams to list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StreamQuery {
    /// Only of this category.
    pub category: Option<String>,
    /// Only of this tenant.
    pub tenant: Option<TenantId>,
    /// Only whose id or headline has this text in it, ignoring case.
    pub text: Option<String>,
    /// `next` of the page before.
    pub before: Option<String>,
    /// Most rows.
    pub limit: usize,
}

/// One row of the list of streams.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamRow {
    /// The stream.
    pub id: StreamId,
    /// What people call it, as the title of a post; `None` when it has no such thing.
    pub headline: Option<String>,
    /// Whose data it is.
    pub tenant: TenantId,
    /// Version of its last event.
    pub version: u64,
    /// Type of its last event.
    pub last_type: String,
    /// Who caused it.
    pub last_actor: ActorId,
    /// When it was recorded.
    pub last_at: Timestamp,
}

/// A page of streams.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StreamPage {
    /// The rows, last changed first.
    pub rows: Vec<StreamRow>,
    /// Where the next page begins; `None` at the end.
    pub next: Option<String>,
    /// How many pass the filter, when that is known without reading all.
    pub total: Option<u64>,
    /// How fresh it is.
    pub as_of: AsOf,
}

/// One line of a folded state: a path and its value as text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateLine {
    /// Dotted path, as `targets.0.platform`.
    pub name: String,
    /// The value; text without quotes.
    pub value: String,
    /// It is sealed, or the one who asks may not read it: `value` then says so in words.
    pub masked: bool,
}

/// One stream at a point of its history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamView {
    /// The stream.
    pub id: StreamId,
    /// What people call it now.
    pub headline: Option<String>,
    /// Whose data it is.
    pub tenant: TenantId,
    /// Its lane, as `content.events/5`.
    pub lane: String,
    /// Version of its last event.
    pub head: u64,
    /// The version shown: 0 is before its first event.
    pub shown: u64,
    /// Its events, oldest first: all, or a window of at least 100 on both sides of `shown`.
    pub versions: Vec<EventHead>,
    /// The event of version `shown`; `None` at 0.
    pub event: Option<Event>,
    /// The state after `shown`.
    pub state: Vec<StateLine>,
    /// The state before it: after `shown - 1`.
    pub before: Vec<StateLine>,
    /// The state after `head`.
    pub latest: Vec<StateLine>,
    /// How fresh `head` is.
    pub as_of: AsOf,
}

/// An event without its content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventHead {
    /// Where, when, by whom.
    pub meta: Meta,
    /// The name of its lane, as `content.events/5`.
    pub lane: String,
    /// `content.post.scheduled.v1`.
    pub event_type: String,
}

impl EventHead {
    /// Its position as people write it: `content.events/5@12`.
    pub fn position(&self) -> String {
        format!("{}@{}", self.lane, self.meta.position.seq)
    }
}

/// An event, whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// All but the content.
    pub head: EventHead,
    /// The content; sealed fields are the word `sealed`.
    pub json: serde_json::Value,
    /// Fingerprint or id of its schema, as text.
    pub schema: Option<String>,
    /// Bytes of the datum in the log.
    pub bytes: u64,
    /// Epoch of the owner who wrote it.
    pub epoch: Option<u64>,
    /// Head of the lane after its frame, hexadecimal.
    pub chain: Option<String>,
}

/// Which events to list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EventQuery {
    /// Only of this type; a trailing `*` means "begins with".
    pub event_type: Option<String>,
    /// Only in this lane (`content.events/5`) or topic (`content.events`).
    pub lane: Option<String>,
    /// Only of this tenant.
    pub tenant: Option<TenantId>,
    /// Only by this actor.
    pub actor: Option<ActorId>,
    /// Only where this text is in event, stream, correlation or causation id, ignoring case.
    pub id: Option<String>,
    /// Only older: `next` of the page before.
    pub before: Option<String>,
    /// Only newer: `newest` of a page shown earlier.
    pub after: Option<String>,
    /// Most rows.
    pub limit: usize,
}

/// A page of events.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EventPage {
    /// The rows, newest first.
    pub rows: Vec<EventHead>,
    /// Where the next page begins; `None` at the end.
    pub next: Option<String>,
    /// Everything up to here was seen, whether it passed the filter or not (a position token).
    pub newest: String,
    /// How many records were read to answer.
    pub scanned: u64,
    /// How fresh it is.
    pub as_of: AsOf,
}

/// An id that somebody pasted, as far as its form tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lookup {
    /// `post-0190...`
    Stream(StreamId),
    /// `content.events/5@12`
    Position {
        /// Name of the lane.
        lane: String,
        /// Number of the record.
        seq: u64,
    },
    /// A UUID: id of an aggregate, an event, a correlation, a causation.
    Uuid(Uuid),
    /// Anything else, as the tail of an id, an idempotency key, a trace id.
    Text(String),
}

/// What an id means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// A stream.
    Stream(StreamId),
    /// One event of a stream.
    Event {
        /// The event's own id.
        id: EventId,
        /// Its stream.
        stream: StreamId,
        /// Its version.
        version: u64,
        /// Its type.
        event_type: String,
    },
    /// Several events share this correlation, causation or trace id.
    Conversation {
        /// The id.
        id: Uuid,
        /// How many events.
        events: u64,
    },
}
