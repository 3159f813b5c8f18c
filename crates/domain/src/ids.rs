//! Ids as newtypes; not their making: UUIDs are drawn or derived at the edge and come in as values.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

/// The text is not the id it should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not {what}")]
pub struct NotAnId {
    /// What was expected, with its form.
    pub what: &'static str,
    /// What was given.
    pub text: String,
}

/// Defines a newtype of a UUID that is text everywhere outside: JSON, Avro (`logicalType: uuid`),
/// URLs; and a `uuid` column in PostgreSQL.
///
/// ```
/// domain::uuid_id! {
///     /// One post.
///     pub struct PostId;
/// }
/// let id: PostId = "0190e2a4-0000-7000-8000-000000000001".parse().unwrap();
/// assert_eq!(serde_json::to_string(&id).unwrap(), "\"0190e2a4-0000-7000-8000-000000000001\"");
/// assert_eq!("7".parse::<PostId>().unwrap_err().to_string(), "`7` is not a PostId (a UUID)");
/// ```
#[macro_export]
macro_rules! uuid_id {
    ($(#[$doc:meta])* pub struct $name:ident;) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub ::uuid::Uuid);

        impl ::std::fmt::Display for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                ::std::fmt::Display::fmt(&self.0.hyphenated(), f)
            }
        }
        impl ::std::fmt::Debug for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                ::std::fmt::Display::fmt(self, f)
            }
        }
        impl ::std::str::FromStr for $name {
            type Err = $crate::NotAnId;
            fn from_str(text: &str) -> Result<Self, $crate::NotAnId> {
                ::uuid::Uuid::try_parse(text).map(Self).map_err(|_| $crate::NotAnId {
                    what: concat!("a ", stringify!($name), " (a UUID)"),
                    text: text.to_owned(),
                })
            }
        }
        impl $crate::__private::serde::Serialize for $name {
            fn serialize<S: $crate::__private::serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.serialize_str(self.0.hyphenated().encode_lower(&mut ::uuid::Uuid::encode_buffer()))
            }
        }
        impl<'de> $crate::__private::serde::Deserialize<'de> for $name {
            fn deserialize<D: $crate::__private::serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                let text = <::std::borrow::Cow<'de, str> as $crate::__private::serde::Deserialize>::deserialize(from)?;
                text.parse().map_err($crate::__private::serde::de::Error::custom)
            }
        }
        impl $crate::Describe for $name {
            fn shape() -> $crate::Shape {
                $crate::Shape::Text { format: Some("uuid"), max_chars: Some(36) }
            }
        }
        impl $crate::Field for $name {
            const TYPE: $crate::ColumnType = $crate::ColumnType::Uuid;
            fn into_value(self) -> $crate::Value {
                $crate::Value::Uuid(self.0)
            }
            fn from_value(value: $crate::Value) -> Result<Self, $crate::FieldError> {
                match value {
                    $crate::Value::Uuid(id) => Ok(Self(id)),
                    other => Err($crate::FieldError::wrong(Self::TYPE, &other)),
                }
            }
        }
    };
}

uuid_id! {
    /// One event, unique over all logs.
    pub struct EventId;
}

/// Defines a newtype of a short word: 1 to 64 of `a-z A-Z 0-9 . _ : @ -`.
macro_rules! word_id {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Cow<'static, str>);

        impl $name {
            /// A name known at compile time.
            ///
            /// # Panics
            /// When the name is not one: 1 to 64 of `a-z A-Z 0-9 . _ : @ -`.
            pub const fn from_static(name: &'static str) -> Self {
                assert!(is_word(name.as_bytes()), "not a name");
                Self(Cow::Borrowed(name))
            }

            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
        impl FromStr for $name {
            type Err = NotAnId;
            fn from_str(text: &str) -> Result<Self, NotAnId> {
                if is_word(text.as_bytes()) {
                    Ok(Self(Cow::Owned(text.to_owned())))
                } else {
                    Err(NotAnId { what: $what, text: text.to_owned() })
                }
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.serialize_str(&self.0)
            }
        }
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                String::deserialize(from)?.parse().map_err(serde::de::Error::custom)
            }
        }
        impl crate::Field for $name {
            const TYPE: crate::ColumnType = crate::ColumnType::Text;
            fn into_value(self) -> crate::Value {
                crate::Value::Text(self.0.into_owned())
            }
            fn from_value(value: crate::Value) -> Result<Self, crate::FieldError> {
                let text = <String as crate::Field>::from_value(value)?;
                text.parse().map_err(|error: NotAnId| crate::FieldError(error.to_string()))
            }
        }
    };
}

const fn is_word(text: &[u8]) -> bool {
    if text.is_empty() || text.len() > 64 {
        return false;
    }
    let mut at = 0;
    while at < text.len() {
        let c = text[at];
        if !(c.is_ascii_alphanumeric() || matches!(c, b'.' | b'_' | b':' | b'@' | b'-')) {
            return false;
        }
        at += 1;
    }
    true
}

word_id! {
    /// A customer of the product; nothing crosses from one tenant to another.
    TenantId, "a tenant (1 to 64 of a-z A-Z 0-9 . _ : @ -)"
}
word_id! {
    /// Who acts: a person, a token, a saga.
    ActorId, "an actor (1 to 64 of a-z A-Z 0-9 . _ : @ -)"
}

/// The events of one aggregate: a category and an id, written `post-0190e2a4-...`.
///
/// ```
/// let id: domain::StreamId = "post-0190e2a4-0000-7000-8000-000000000001".parse().unwrap();
/// assert_eq!(id.category(), "post");
/// let wrong = "post".parse::<domain::StreamId>().unwrap_err();
/// assert_eq!(wrong.to_string(), "`post` is not a stream id (category-UUID, as post-0190e2a4-0000-7000-8000-000000000001)");
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamId {
    category: Cow<'static, str>,
    id: Uuid,
}

impl StreamId {
    /// The stream of one aggregate of a category known at compile time.
    pub const fn new(category: &'static str, id: Uuid) -> Self {
        Self { category: Cow::Borrowed(category), id }
    }

    /// The same for a category read at run time; 1 to 64 of `a-z 0-9 _`.
    pub fn parse_parts(category: &str, id: Uuid) -> Result<Self, NotAnId> {
        let fits = (1..=64).contains(&category.len())
            && category.bytes().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'_');
        if fits {
            Ok(Self { category: Cow::Owned(category.to_owned()), id })
        } else {
            Err(Self::wrong(category))
        }
    }

    /// The kind of aggregate, as `post`.
    pub fn category(&self) -> &str {
        &self.category
    }

    /// The aggregate's own id.
    pub const fn id(&self) -> Uuid {
        self.id
    }

    fn wrong(text: &str) -> NotAnId {
        let what = "a stream id (category-UUID, as post-0190e2a4-0000-7000-8000-000000000001)";
        NotAnId { what, text: text.to_owned() }
    }
}

impl FromStr for StreamId {
    type Err = NotAnId;

    fn from_str(text: &str) -> Result<Self, NotAnId> {
        let (category, id) = text.split_once('-').ok_or_else(|| Self::wrong(text))?;
        let id = Uuid::try_parse(id).map_err(|_| Self::wrong(text))?;
        Self::parse_parts(category, id).map_err(|_| Self::wrong(text))
    }
}

impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.category, self.id.hyphenated())
    }
}

impl fmt::Debug for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for StreamId {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for StreamId {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from)?.parse().map_err(serde::de::Error::custom)
    }
}

/// The place of a topic in the installation's list of topics; its name is known to the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TopicId(pub u16);

/// One lane: a partition of a topic, with one owner at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LaneId {
    /// The topic it belongs to.
    pub topic: TopicId,
    /// Its number in the topic, from 0.
    pub index: u16,
}

/// The place of a valid record: its lane, and its number there, from 1, without holes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// The lane.
    pub lane: LaneId,
    /// The number of the record among the valid ones of the lane, from 1.
    pub seq: u64,
}

/// 128 bits of a keyed hash over scope and idempotency key of a command: (tenant, actor, route with
/// its ids, key). Equal keys are the same command.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CommandKey(pub [u8; 16]);

impl fmt::Debug for CommandKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", Uuid::from_bytes(self.0).simple())
    }
}
