//! Keys of an installation: master, subjects, fingerprints; seals and opens. Not the identity of
//! users, and not a vault for secrets of the program: those come from files and the environment.
//!
//! Two files, `master.key` and `keyring`, are the only state besides the log that needs a backup;
//! `docs/formats/keyring.md` has them byte by byte. Every subject (a person, or a thing that can be
//! forgotten) has a key of its own, wrapped by the master key. Destroying it makes everything that
//! was sealed for the subject unreadable, wherever copies of the log may be.

mod cache;
mod crypt;
mod error;
mod files;
mod master;
mod options;
mod record;
mod ring;
mod secret;
mod state;
mod verify;

pub use error::{DestroyError, OpenError, UnsealError};
pub use options::Options;
pub use ring::Keyring;
pub use secret::Secret;
pub use verify::{Verified, verify};
