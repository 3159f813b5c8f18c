//! A schema as the reader and the writer walk it: a tree without names to look up. Not its text.

use std::sync::Arc;

use serde_json::Value as Json;

/// A node of a compiled schema; opaque, made by [`Schemas`](crate::Schemas).
#[derive(Debug, Clone)]
pub struct SchemaNode(pub(crate) Node);

/// What a place in a datum holds.
#[derive(Debug, Clone)]
pub(crate) enum Node {
    Null,
    Boolean,
    Int,
    Long(Long),
    Float,
    Double,
    /// `sealed`: it carries a `domain::Sealed`.
    Bytes {
        sealed: bool,
    },
    /// `uuid`: its text is a UUID.
    String {
        uuid: bool,
    },
    Fixed(Arc<Fixed>),
    Enum(Arc<Enum>),
    Array(Arc<Node>),
    Map(Arc<Node>),
    Union(Arc<[Node]>),
    Record(Arc<Record>),
}

/// What a long means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Long {
    Plain,
    Micros,
    Millis,
}

#[derive(Debug)]
pub(crate) struct Fixed {
    pub(crate) name: String,
    pub(crate) size: usize,
}

#[derive(Debug)]
pub(crate) struct Enum {
    pub(crate) name: String,
    pub(crate) symbols: Vec<String>,
    pub(crate) default: Option<String>,
}

#[derive(Debug)]
pub(crate) struct Record {
    pub(crate) name: String,
    pub(crate) fields: Vec<Field>,
}

#[derive(Debug)]
pub(crate) struct Field {
    pub(crate) name: String,
    pub(crate) node: Node,
    pub(crate) default: Option<Json>,
}

impl Node {
    /// What it is, for messages.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Boolean => "boolean",
            Self::Int => "int",
            Self::Long(Long::Plain) => "long",
            Self::Long(Long::Micros) => "timestamp-micros",
            Self::Long(Long::Millis) => "timestamp-millis",
            Self::Float => "float",
            Self::Double => "double",
            Self::Bytes { sealed: false } => "bytes",
            Self::Bytes { sealed: true } => "sealed bytes",
            Self::String { uuid: false } => "string",
            Self::String { uuid: true } => "uuid",
            Self::Fixed(_) => "fixed",
            Self::Enum(_) => "enum",
            Self::Array(_) => "array",
            Self::Map(_) => "map",
            Self::Union(_) => "union",
            Self::Record(_) => "record",
        }
    }

    /// The primitive type below any meaning; only asked of primitive types.
    pub(crate) fn primitive(&self) -> &'static str {
        match self {
            Self::Long(_) => "long",
            Self::Bytes { .. } => "bytes",
            Self::String { .. } => "string",
            other => other.kind(),
        }
    }

    /// The name of a named type.
    pub(crate) fn name(&self) -> Option<&str> {
        match self {
            Self::Fixed(fixed) => Some(&fixed.name),
            Self::Enum(words) => Some(&words.name),
            Self::Record(record) => Some(&record.name),
            _ => None,
        }
    }
}
