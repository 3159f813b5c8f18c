//! What can go wrong with schemas and data. Never holds a value of an event, only names and sizes.

/// A schema cannot be loaded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SchemaError {
    /// It breaks a rule of `docs/formats/events.md`.
    #[error("schema {name} is refused: {why}")]
    Refused {
        /// Event type or full name, or a piece of the text when it has neither.
        name: String,
        /// Which rule, and what to do.
        why: String,
    },
    /// Two versions of one event type cannot read each other.
    #[error("schema {name}: {source}")]
    Incompatible {
        /// The event type.
        name: String,
        /// What is wrong.
        source: crate::Incompatible,
    },
    /// Two schemas have the same fingerprint or id.
    #[error(
        "schemas {one} and {other} have the same {what}; change the doc-neutral part of one, as a field's name"
    )]
    Collision {
        /// Fingerprint or id.
        what: &'static str,
        /// The first.
        one: String,
        /// The second.
        other: String,
    },
    /// An event set uses a type without a schema.
    #[error(
        "event type {0} has no schema; add schemas/<context>/{0}.avsc and list it in the context"
    )]
    Missing(String),
}

/// An event cannot be encoded: its schema and its type disagree, which is a defect of the program.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EncodeError {
    /// There is no schema for the type.
    #[error(
        "event type {0} has no schema; add schemas/<context>/{0}.avsc and list it in the context"
    )]
    NoSchema(&'static str),
    /// The value does not fit the schema or a limit.
    #[error("{event_type} does not fit its schema")]
    Datum {
        /// The event type.
        event_type: &'static str,
        /// Where and why.
        source: DatumError,
    },
}

/// Stored bytes are not an event.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// No schema of this program has the fingerprint.
    #[error(
        "{event_type} was written with schema {fingerprint:016x}, unknown here; run the version that wrote it, or a newer one"
    )]
    UnknownSchema {
        /// The event type as stored.
        event_type: String,
        /// The fingerprint as stored.
        fingerprint: u64,
    },
    /// The fingerprint belongs to another type.
    #[error(
        "stored as {event_type}, but schema {fingerprint:016x} is of {schema_type}; the record is damaged"
    )]
    OtherType {
        /// The event type as stored.
        event_type: String,
        /// The fingerprint as stored.
        fingerprint: u64,
        /// Whose schema that is.
        schema_type: String,
    },
    /// The type is known but not one of the set that was asked for.
    #[error(transparent)]
    NotInSet(#[from] domain::UnknownEvent),
    /// The datum is not one of its schema, or breaks a limit.
    #[error("{event_type} of {bytes} bytes cannot be decoded")]
    Datum {
        /// The event type.
        event_type: String,
        /// Length of the datum.
        bytes: usize,
        /// Where and why.
        source: DatumError,
    },
}

/// Where and why a datum and its schema disagree.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}{}{why}", path, if path.is_empty() { "" } else { ": " })]
pub struct DatumError {
    /// The field, as `targets.platform`; empty at the top.
    pub path: String,
    /// What is wrong there.
    pub why: String,
}

impl DatumError {
    pub(crate) fn new(why: impl Into<String>) -> Self {
        Self { path: String::new(), why: why.into() }
    }

    /// The same error, seen from the record that holds the field.
    #[cold]
    pub(crate) fn in_field(mut self, name: &str) -> Self {
        self.path =
            if self.path.is_empty() { name.to_owned() } else { format!("{name}.{}", self.path) };
        self
    }
}

impl serde::ser::Error for DatumError {
    fn custom<T: std::fmt::Display>(why: T) -> Self {
        Self::new(why.to_string())
    }
}

impl serde::de::Error for DatumError {
    fn custom<T: std::fmt::Display>(why: T) -> Self {
        Self::new(why.to_string())
    }
}
