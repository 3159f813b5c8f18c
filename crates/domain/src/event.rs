//! Event sets: the stored language of an aggregate; not their encoding, which is the codec's.

use serde::{Deserializer, Serializer};

/// The events of an aggregate, or of all that a projection reads. Derived:
///
/// ```
/// #[derive(Debug, Clone, PartialEq, domain::EventSet)]
/// #[event(namespace = "content.post")]
/// pub enum Event {
///     /// The post was withdrawn.
///     #[event("withdrawn.v1")]
///     Withdrawn {
///         /// Why, as the user wrote it.
///         reason: String,
///     },
/// }
/// use domain::EventSet;
/// assert_eq!(Event::TYPES, ["content.post.withdrawn.v1"]);
/// let event = Event::Withdrawn { reason: "typo".into() };
/// assert_eq!(event.event_type(), "content.post.withdrawn.v1");
/// ```
///
/// A union of sets, for a projection that reads several, wraps them: `#[event(union)]` on an enum
/// of one-field variants.
pub trait EventSet: Clone + Send + Sync + std::fmt::Debug + 'static {
    /// The full names of all types, as `content.post.drafted.v1`.
    const TYPES: &'static [&'static str];

    /// The full name of this event's type.
    fn event_type(&self) -> &'static str;

    /// Serialises the fields of this event as one record, without its type.
    fn serialize_data<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error>;

    /// The event of a type from its record; `None` when the type is not of this set.
    fn deserialize_data<'de, D: Deserializer<'de>>(
        event_type: &str,
        from: D,
    ) -> Option<Result<Self, D::Error>>;
}

/// An event as stored: its type, the fingerprint of the schema it was written with, its Avro datum.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventData {
    /// The full name of its type.
    pub event_type: std::borrow::Cow<'static, str>,
    /// CRC-64-AVRO of the writer schema's parsing canonical form (Avro specification).
    pub fingerprint: u64,
    /// The Avro datum, without any frame.
    pub datum: Vec<u8>,
}

/// A stored event whose type this program does not know.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "event type `{0}` is unknown to this version; run the version that wrote it, or a newer one"
)]
pub struct UnknownEvent(pub String);
