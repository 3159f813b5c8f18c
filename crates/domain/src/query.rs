//! What can be asked of a read model, as data; not how it is answered, which is the read store's.

/// One question a read model answers over the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum View {
    /// One row by its key: `GET path`, where the path holds `{id}`.
    One {
        /// Behind `/api/<context>`, as `/posts/{id}`.
        path: &'static str,
        /// A line for the document.
        summary: &'static str,
    },
    /// Rows, filtered, sorted, in pages.
    List {
        /// Behind `/api/<context>`, as `/posts`.
        path: &'static str,
        /// A line for the document.
        summary: &'static str,
        /// What may be filtered.
        filters: &'static [Filter],
        /// Columns that may be sorted by; the first is the default.
        sorts: &'static [&'static str],
        /// Whether the default order is descending.
        descending: bool,
    },
    /// The same answer for everybody, from no table: `GET path`.
    Fixed {
        /// Behind `/api/<context>`, as `/platforms`.
        path: &'static str,
        /// A line for the document.
        summary: &'static str,
        /// The answer, JSON.
        json: &'static str,
    },
}

/// A query parameter that narrows a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Filter {
    /// Name of the parameter.
    pub param: &'static str,
    /// The column it looks at.
    pub column: &'static str,
    /// How they are compared.
    pub test: Test,
}

/// How a filter compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Test {
    /// Equal; on a list column: contains.
    Is,
    /// At or after.
    From,
    /// Before.
    Before,
    /// Text contains, without regard to case.
    Contains,
}

impl Filter {
    /// The parameter has the column's name and asks for equality.
    pub const fn is(column: &'static str) -> Self {
        Self { param: column, column, test: Test::Is }
    }

    /// Any other filter.
    pub const fn new(param: &'static str, column: &'static str, test: Test) -> Self {
        Self { param, column, test }
    }
}
