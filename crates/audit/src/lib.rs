//! Audits from the log alone: what happened, as of when, and whether it is still what was written.
//!
//! Not a read model and not a way to change anything: no database and no product needs to run.
//! [`History`] answers from any [`log::Log`]; [`verify`] checks a [`log::Medium`], and
//! [`LaneHead`] is what one keeps elsewhere to see that nobody rolled the log back.

mod check;
mod event;
mod filter;
mod heads;
mod history;
mod report;
mod timeline;

pub use check::verify;
pub use event::Recorded;
pub use filter::{At, Filter};
pub use heads::{LaneHead, NotAHead, heads, parse_heads};
pub use history::{History, HistoryError, parse_position, position_text};
pub use report::{Finding, FindingKind, LaneReport, RecordPlace, Report};
pub use timeline::Timeline;
