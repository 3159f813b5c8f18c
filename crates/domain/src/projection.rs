//! Read models as pure folds into rows; not SQL: the engine makes tables, reads and writes rows.

use uuid::Uuid;

use crate::{Envelope, EventSet, StreamId, Timestamp};

/// A read model: what each event does to the one row it belongs to.
///
/// The engine owns the table. It reads rows by key, folds a batch in memory and writes rows and
/// checkpoint in one transaction, so each event counts exactly once. The fold must not look at
/// anything but its arguments. `key` is that of the stream's own row, or the fold commutes over
/// streams.
pub trait Projection: Row {
    /// Its name, kebab-case, as `post-calendar`.
    const NAME: &'static str;
    /// Raise it to rebuild from the first position beside the live table.
    const REVISION: u32;
    /// The events it reads.
    type Event: EventSet;

    /// Which row an event belongs to; `None`: none.
    fn key(event: &Envelope<Self::Event>) -> Option<Uuid>;

    /// The key of the row that is this stream's own: no other stream has the same. Its id, unless
    /// streams of several categories have rows in one table and may share an id.
    fn own(stream: &StreamId) -> Uuid {
        stream.id()
    }

    /// The row after one more event; `None` removes it.
    fn fold(row: Option<Self>, event: &Envelope<Self::Event>) -> Option<Self>;

    /// What can be asked of it over the API.
    fn views() -> &'static [crate::query::View] {
        &[]
    }
}

/// Visits the projections of a context; each runtime part registers what it needs of them.
pub trait Projections {
    /// Takes one projection in.
    fn projection<P: Projection>(&mut self);
}

/// A row of a read model. Derived:
///
/// ```
/// #[derive(Debug, Clone, PartialEq, domain::Row)]
/// #[row(table = "content.posts", key = "post_id", index = "created_at")]
/// pub struct PostRow {
///     /// The post.
///     pub post_id: domain::EventId,
///     /// When it was drafted.
///     pub created_at: domain::Timestamp,
///     /// What it says.
///     pub body: Option<String>,
/// }
/// use domain::Row;
/// assert_eq!(PostRow::COLUMNS.len(), 3);
/// assert!(PostRow::COLUMNS[2].nullable);
/// ```
///
/// The engine adds its own columns: `tenant_id`, `stream_version`, `stale`.
pub trait Row: Clone + PartialEq + Send + Sync + std::fmt::Debug + 'static {
    /// Schema and table, as `content.posts`.
    const TABLE: &'static str;
    /// The key column, a `uuid`.
    const KEY: &'static str;
    /// All columns in order.
    const COLUMNS: &'static [Column];
    /// Indexes to make: columns, comma separated; each is made behind `tenant_id`.
    const INDEXES: &'static [&'static str];

    /// The values of its columns, in order.
    fn into_values(self) -> Vec<Value>;
    /// The row of these values, in order.
    fn from_values(values: Vec<Value>) -> Result<Self, FieldError>;
}

/// A column of a read model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: &'static str,
    /// What it holds.
    pub ty: ColumnType,
    /// Whether it may be null.
    pub nullable: bool,
    /// What it means.
    pub doc: &'static str,
}

/// What a column can hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ColumnType {
    /// `text`
    Text,
    /// `uuid`
    Uuid,
    /// `bigint`
    Int,
    /// `boolean`
    Bool,
    /// `timestamptz`
    Time,
    /// `text[]`
    Texts,
}

/// The value of one column.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Value {
    /// SQL null.
    Null,
    /// Text.
    Text(String),
    /// A UUID.
    Uuid(Uuid),
    /// A whole number.
    Int(i64),
    /// True or false.
    Bool(bool),
    /// A time.
    Time(Timestamp),
    /// A list of texts.
    Texts(Vec<String>),
}

/// A stored value is not what the column holds.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct FieldError(pub String);

impl FieldError {
    /// The value has another type than the column.
    pub fn wrong(expected: ColumnType, found: &Value) -> Self {
        Self(format!("expected {expected:?}, found {found:?}"))
    }
}

/// A Rust type that fills a column.
pub trait Field: Sized {
    /// The column's type.
    const TYPE: ColumnType;
    /// Whether it can be null.
    const NULLABLE: bool = false;
    /// To the column.
    fn into_value(self) -> Value;
    /// From the column.
    fn from_value(value: Value) -> Result<Self, FieldError>;
}

macro_rules! fields {
    ($($ty:ty => $kind:ident;)*) => {$(
        impl Field for $ty {
            const TYPE: ColumnType = ColumnType::$kind;
            fn into_value(self) -> Value {
                Value::$kind(self)
            }
            fn from_value(value: Value) -> Result<Self, FieldError> {
                match value {
                    Value::$kind(inner) => Ok(inner),
                    other => Err(FieldError::wrong(Self::TYPE, &other)),
                }
            }
        }
    )*};
}

fields! {
    String => Text;
    Uuid => Uuid;
    i64 => Int;
    bool => Bool;
    Timestamp => Time;
    Vec<String> => Texts;
}

impl<T: Field> Field for Option<T> {
    const TYPE: ColumnType = T::TYPE;
    const NULLABLE: bool = true;

    fn into_value(self) -> Value {
        self.map_or(Value::Null, T::into_value)
    }

    fn from_value(value: Value) -> Result<Self, FieldError> {
        match value {
            Value::Null => Ok(None),
            other => T::from_value(other).map(Some),
        }
    }
}
