//! Query routes: rows of read models, one by one, in lists, live. Not the reading, which is the
//! read store's.

mod conditions;
pub(crate) mod cursor;
mod handle;
mod live;
mod mount;
pub(crate) mod params;

pub(crate) use conditions::{not_modified, reach, read_problem, weak_etag};
pub(crate) use mount::Queries;

use domain::Column;
use domain::query::Filter;
use projector::Table;

/// A list that can be asked for.
#[derive(Debug)]
pub(crate) struct ListRoute {
    pub(crate) table: Table,
    pub(crate) filters: &'static [Filter],
    pub(crate) sorts: &'static [&'static str],
    pub(crate) descending: bool,
    /// How many segments of a path stand behind the one that answers the filter `id`.
    pub(crate) id_from_end: Option<usize>,
}

impl ListRoute {
    /// A column by its name.
    pub(crate) fn column(&self, name: &str) -> Option<&'static Column> {
        self.table.columns.iter().find(|column| column.name == name)
    }
}

/// Most rows of a page, and how many it has when nobody says.
pub(crate) const LIMIT_MAX: u16 = 200;
pub(crate) const LIMIT: u16 = 50;
