//! The shape of a request as data, for OpenAPI and forms; not a validator: serde and the rules are.

/// Implemented by everything that stands in a request body. Derived for structs (doc comments become
/// descriptions, `#[describe(max_chars = N)]` and `#[describe(max_items = N)]` bounds that are also
/// checked; a field with `#[serde(default)]` may be absent) and, by `Word`, for enums of words.
pub trait Describe {
    /// The shape of a value of this type.
    fn shape() -> Shape;

    /// Whether a field of this type may be absent.
    fn optional() -> bool {
        false
    }

    /// Whether a bound on characters or items holds for this value; `describe` bounds ask it.
    fn within(&self, _max: usize) -> bool {
        true
    }

    /// Checks the bounds of all fields; the first that does not hold, as (JSON pointer, bound).
    fn check(&self) -> Result<(), (String, usize)> {
        Ok(())
    }
}

/// The shape of a JSON value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shape {
    /// A string.
    Text {
        /// `date-time`, `uuid`, `uri`, `password`, ...
        format: Option<&'static str>,
        /// Most characters.
        max_chars: Option<usize>,
    },
    /// One of some words.
    Word(&'static [&'static str]),
    /// A whole number.
    Integer {
        /// Smallest.
        min: Option<i64>,
    },
    /// True or false.
    Boolean,
    /// Any JSON: what is in it depends on what it is for.
    Json,
    /// A list.
    List {
        /// What is in it.
        of: Box<Shape>,
        /// Most items.
        max_items: Option<usize>,
    },
    /// An object with exactly these fields.
    Object {
        /// Its name in the document.
        name: &'static str,
        /// What it is.
        doc: &'static str,
        /// Its fields, in order.
        properties: Vec<Property>,
    },
}

/// A field of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Property {
    /// Its name.
    pub name: &'static str,
    /// What it is.
    pub doc: &'static str,
    /// What it holds.
    pub shape: Shape,
    /// Whether it must be there.
    pub required: bool,
}

impl Shape {
    /// The same shape with a bound on its characters or items.
    #[must_use]
    pub fn bounded(self, max: usize) -> Self {
        match self {
            Self::Text { format, .. } => Self::Text { format, max_chars: Some(max) },
            Self::List { of, .. } => Self::List { of, max_items: Some(max) },
            other => other,
        }
    }
}

impl Describe for String {
    fn shape() -> Shape {
        Shape::Text { format: None, max_chars: None }
    }

    fn within(&self, max: usize) -> bool {
        self.chars().count() <= max
    }
}

impl Describe for bool {
    fn shape() -> Shape {
        Shape::Boolean
    }
}

impl Describe for i64 {
    fn shape() -> Shape {
        Shape::Integer { min: None }
    }
}

impl Describe for u32 {
    fn shape() -> Shape {
        Shape::Integer { min: Some(0) }
    }
}

impl<T: Describe> Describe for Option<T> {
    fn shape() -> Shape {
        T::shape()
    }

    fn optional() -> bool {
        true
    }

    fn within(&self, max: usize) -> bool {
        self.as_ref().is_none_or(|value| value.within(max))
    }

    fn check(&self) -> Result<(), (String, usize)> {
        self.as_ref().map_or(Ok(()), Describe::check)
    }
}

impl<T: Describe> Describe for Vec<T> {
    fn shape() -> Shape {
        Shape::List { of: Box::new(T::shape()), max_items: None }
    }

    fn within(&self, max: usize) -> bool {
        self.len() <= max
    }

    fn check(&self) -> Result<(), (String, usize)> {
        for (at, item) in self.iter().enumerate() {
            item.check().map_err(|(path, max)| (format!("/{at}{path}"), max))?;
        }
        Ok(())
    }
}
