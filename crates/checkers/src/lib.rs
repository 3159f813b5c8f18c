//! Checks what clients did and were told against the log they left. Shares no code with the product: it
//! reads histories, records and log directories as `docs/formats` and `docs/evidence/history.md`
//! describe them, and decides by its own reader rule what is valid.
//!
//! Not a test by itself: tests and long runs hand their histories in. That it finds what it must find
//! is tested in `tests/it/planted.rs`, with anomalies planted into clean histories.

mod analyse;
mod chain;
mod directory;
mod finding;
mod fold;
mod history;
mod linear;
mod record;

pub use analyse::analyse;
pub use chain::{Frame, Lane, Stored, genesis, read_lane};
pub use directory::{Unreadable, read_directory};
pub use finding::Finding;
pub use fold::{JsonEvent, Row, Stream, fold, rows};
pub use history::{Asked, Call, End, History, HistoryError, Line, Step, Told, mark_in};
pub use linear::{OPS_MAX, linearizable};
pub use record::{Body, Event, Head, NotARecord, Outcome, Record};
