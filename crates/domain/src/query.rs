//! What can be asked of a read model, as data; not how it is answered, which is the read store's.

use crate::{Column, Value};

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
        /// Behind `/api/<context>`, as `/posts`. It may hold `{id}`, as `/user/{id}`: then the path
        /// and not the query answers the filter `id`.
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
    /// Text, or the text of a UUID, begins with.
    Begins,
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

/// A column compared with a value.
#[derive(Debug, Clone, PartialEq)]
pub struct Compare {
    /// The column; one of the table's.
    pub column: &'static str,
    /// How.
    pub test: Test,
    /// With what; of the column's type. `Null` with `Is` asks whether there is nothing.
    pub with: Value,
}

/// What must hold of a row. It holds or it does not: what is compared with nothing does not hold, and
/// the `Not` of it does.
///
/// ```
/// use domain::query::{Compare, Condition, Test};
/// use domain::{Column, ColumnType, Value};
/// let doc = "";
/// let columns = [Column { name: "tries", ty: ColumnType::Int, nullable: true, doc }];
/// let many = Condition::Is(Compare { column: "tries", test: Test::From, with: Value::Int(3) });
/// assert!(many.holds(&columns, &[Value::Int(3)]));
/// assert!(!many.holds(&columns, &[Value::Null]));
/// assert!(Condition::Not(Box::new(many)).holds(&columns, &[Value::Null]));
/// ```
#[derive(Debug, Clone, PartialEq)]
pub enum Condition {
    /// All of these; of none: it holds.
    All(Vec<Condition>),
    /// At least one of these; of none: it does not hold.
    Any(Vec<Condition>),
    /// Not this.
    Not(Box<Condition>),
    /// This comparison.
    Is(Compare),
}

impl Condition {
    /// Always.
    pub const fn always() -> Self {
        Self::All(Vec::new())
    }

    /// Whether it holds of a row with these columns and values, as the read store would say.
    pub fn holds(&self, columns: &[Column], values: &[Value]) -> bool {
        match self {
            Self::All(all) => all.iter().all(|one| one.holds(columns, values)),
            Self::Any(any) => any.iter().any(|one| one.holds(columns, values)),
            Self::Not(it) => !it.holds(columns, values),
            Self::Is(compare) => {
                let at = columns.iter().position(|column| column.name == compare.column);
                at.and_then(|at| values.get(at)).is_some_and(|value| compare.holds(value))
            }
        }
    }
}

impl Compare {
    fn holds(&self, value: &Value) -> bool {
        match (value, &self.with) {
            (Value::Null, Value::Null) => self.test == Test::Is,
            (Value::Texts(all), Value::Text(with)) => all.iter().any(|one| self.says(one, with)),
            (Value::Text(text), Value::Text(with)) => self.says(text, with),
            (Value::Uuid(id), Value::Text(with)) => {
                self.test != Test::Is && self.says(&id.to_string(), &with.to_lowercase())
            }
            (Value::Int(is), Value::Int(with)) => self.compares(is, with),
            (Value::Time(is), Value::Time(with)) => self.compares(is, with),
            (Value::Bool(is), Value::Bool(with)) => self.compares(is, with),
            (Value::Uuid(is), Value::Uuid(with)) => self.compares(is, with),
            _ => false,
        }
    }

    fn says(&self, text: &str, with: &str) -> bool {
        match self.test {
            Test::Contains => text.to_lowercase().contains(&with.to_lowercase()),
            Test::Begins => text.starts_with(with),
            _ => self.compares(text, with),
        }
    }

    fn compares<T: Ord + ?Sized>(&self, is: &T, with: &T) -> bool {
        match self.test {
            Test::Is => is == with,
            Test::From => is >= with,
            Test::Before => is < with,
            Test::Contains | Test::Begins => false,
        }
    }
}
