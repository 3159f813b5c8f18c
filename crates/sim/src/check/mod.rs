//! The checks. None of them asks the product what happened: they read the log as an outsider does, the
//! book of the targets, and what clients wrote down.

mod answers;
mod history;
mod left;
mod rare;
mod rows;
mod sagas;

pub(crate) use answers::answer;
pub(crate) use history::history;
pub(crate) use rows::{behind, rows};
pub(crate) use sagas::{open, sagas};
