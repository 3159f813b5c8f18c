//! The laws of the read models of a context: what their tables and views name exists. Not their
//! folds, which [`crate::rows`] tries.

use std::collections::BTreeSet;

use domain::query::{Test, View};
use domain::{ColumnType, EventSet, Projection, Projections};

/// Makes a test of what holds for the read models that a function registers:
/// `projection_laws!(crate::all)`.
///
/// - a name is kebab-case and stands once, as does a table, which is `context.table`;
/// - each column has a sentence, and the key is a `uuid` that is never null;
/// - filters, sorts and indexes name columns; each sort has an index; a filter fits its column;
/// - paths stand once; a view of one row has `{id}` in its path, a list too when it has a filter `id`
///   on a `uuid`, and no other view has; a fixed answer is JSON.
#[macro_export]
macro_rules! projection_laws {
    ($all:path) => {
        #[test]
        fn the_laws_of_read_models_hold() {
            let mut seen = $crate::ReadModels::default();
            $all(&mut seen);
            seen.check();
        }
    };
}

/// Visits the read models of a context and notes what does not hold.
#[derive(Debug, Default)]
pub struct ReadModels {
    names: BTreeSet<&'static str>,
    tables: BTreeSet<&'static str>,
    paths: BTreeSet<&'static str>,
    wrong: Vec<String>,
}

impl ReadModels {
    /// Says what does not hold.
    ///
    /// # Panics
    /// When there is something to say, or nothing was registered.
    #[track_caller]
    pub fn check(self) {
        assert!(!self.names.is_empty(), "no read model was registered");
        assert!(self.wrong.is_empty(), "{}", self.wrong.join("\n"));
    }

    fn expect(&mut self, law: bool, otherwise: impl FnOnce() -> String) {
        if !law {
            self.wrong.push(otherwise());
        }
    }

    fn view<P: Projection>(&mut self, view: &View) {
        let (path, one) = match view {
            View::One { path, .. } => (*path, true),
            View::List { path, filters, sorts, .. } => {
                for filter in *filters {
                    let ty = column::<P>(filter.column);
                    let fits = match (filter.test, ty) {
                        (_, None) => false,
                        (Test::Is, Some(_)) => true,
                        (Test::Contains | Test::Begins, Some(ty)) => ty == ColumnType::Text,
                        (Test::From | Test::Before, Some(ty)) => {
                            matches!(ty, ColumnType::Time | ColumnType::Int)
                        }
                    };
                    self.expect(fits, || format!("{path}: {filter:?} does not fit {ty:?}"));
                }
                self.expect(!sorts.is_empty(), || format!("{path}: a list has an order"));
                for sort in *sorts {
                    let indexed =
                        P::INDEXES.iter().any(|index| index.split(',').next() == Some(sort));
                    self.expect(indexed, || {
                        format!("{path}: `{sort}` is sorted by and has no index")
                    });
                }
                let id = filters.iter().find(|filter| filter.param == "id");
                (*path, id.is_some_and(|id| column::<P>(id.column) == Some(ColumnType::Uuid)))
            }
            View::Fixed { path, json, .. } => {
                let read = serde_json::from_str::<serde_json::Value>(json);
                self.expect(read.is_ok(), || format!("{path}: the answer is no JSON: {read:?}"));
                (*path, false)
            }
        };
        let placed = path.starts_with('/') && path.contains("{id}") == one;
        self.expect(placed, || format!("`{path}` is no path of {view:?}"));
        let new = self.paths.insert(path);
        self.expect(new, || format!("`{path}` stands twice"));
    }
}

impl Projections for ReadModels {
    fn projection<P: Projection>(&mut self) {
        let kebab =
            !P::NAME.is_empty() && P::NAME.bytes().all(|c| c.is_ascii_lowercase() || c == b'-');
        self.expect(kebab, || format!("`{}` is no kebab-case name", P::NAME));
        let new = self.names.insert(P::NAME);
        self.expect(new, || format!("the name `{}` stands twice", P::NAME));
        let new = self.tables.insert(P::TABLE) && P::TABLE.split('.').count() == 2;
        self.expect(new, || {
            format!("the table `{}` stands twice or is no `context.table`", P::TABLE)
        });
        self.expect(!P::Event::TYPES.is_empty(), || format!("{} reads no event", P::NAME));
        for column in P::COLUMNS {
            let said = !column.doc.is_empty();
            self.expect(said, || format!("{}.{} has no sentence", P::TABLE, column.name));
            let fits =
                column.name != P::KEY || (column.ty, column.nullable) == (ColumnType::Uuid, false);
            self.expect(fits, || format!("{}.{} is no key", P::TABLE, column.name));
        }
        for view in P::views() {
            self.view::<P>(view);
        }
    }
}

fn column<P: Projection>(name: &str) -> Option<ColumnType> {
    P::COLUMNS.iter().find(|column| column.name == name).map(|column| column.ty)
}
