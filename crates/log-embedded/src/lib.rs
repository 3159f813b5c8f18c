//! The embedded log: [`log::Log`] over the segment store, in one directory of one process.
//!
//! Not a second format for records and not an owner of lanes: it keeps what it is handed, says when
//! it is durable, and finds it again. `docs/formats/log-directory.md` describes the directory.
//!
//! ```
//! use log::Log;
//!
//! let dir = tempfile::tempdir()?;
//! let options = log_embedded::Options::new(dir.path()).topic("content.events", 16);
//! let (log, opened) = log_embedded::EmbeddedLog::open(&options)?;
//! assert!(opened.created);
//! assert_eq!(log.topics().lanes().count(), 16);
//! log.close()?;
//!
//! let other = log_embedded::Options::new(dir.path()).topic("content.events", 4);
//! let refused = log_embedded::EmbeddedLog::open(&other).unwrap_err();
//! assert!(refused.to_string().contains("has 16 lanes in this log, 4 were asked for"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Reading order: `manifest` and `entry` (bytes), `offsets`, `newest` and `index` (where records are),
//! `streams` and `kept` (what they say), `lanes` (all of it, with the newest entries), `checkpoint` and
//! `keeper` (written down, so that the next start need not read all), `piece` and `apart` (of that, what is
//! read when somebody asks), `open`, `embedded` (the trait), `at_rest` (for the auditor).

mod apart;
mod at_rest;
mod block;
mod bytes;
mod checkpoint;
mod embedded;
mod entry;
mod error;
mod fetch;
mod index;
mod keeper;
mod kept;
mod lanes;
mod manifest;
mod newest;
mod offsets;
mod open;
mod piece;
mod place;
mod shared;
mod streams;

pub use at_rest::AtRest;
pub use embedded::EmbeddedLog;
pub use error::OpenError;
pub use open::{Opened, Options};
