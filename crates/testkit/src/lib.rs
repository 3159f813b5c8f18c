//! Test kits of the domain: rules, read models, requests and the laws that come free with them.
//! Not a runtime, and never a dependency of what ships: the domain crates use it in tests only.
//!
//! - [`given`]: rules, as given / when / then;
//! - [`rows`]: read models, as rows after a history;
//! - [`request`]: what a request body becomes, through the routes;
//! - [`saga()`]: sagas, as timelines of what each target answers;
//! - [`saga_laws!`]: a lab of seeded runs in which everything around a saga fails;
//! - [`decider_laws!`], [`context_laws!`] and [`projection_laws!`]: one line each, a test of what
//!   holds for all of them.

mod context;
mod history;
mod laws;
mod request;
mod rules;
mod saga;
mod saga_fate;
mod saga_lab;
mod saga_laws;
mod saga_outside;
mod saga_world;
#[cfg(test)]
mod tests;
mod views;

pub use context::context_laws;
pub use history::{History, envelope, rows};
pub use laws::{decider_laws, storage_laws};
pub use request::{Asked, Refused, request};
pub use rules::{Given, When, given};
pub use saga::{Says, Script, saga};
pub use saga_laws::{Campaign, saga_laws, saga_run};
pub use views::ReadModels;

use domain::{SealError, Sealed, Sealer, SubjectId, Timestamp};
use uuid::Uuid;

/// What the macros name; not for hand-written code.
#[doc(hidden)]
pub use proptest;

/// The `n`-th id; small numbers make histories readable.
pub const fn id(n: u64) -> Uuid {
    Uuid::from_u128(0x0190_e2a4_0000_7000_8000_0000_0000_0000 | n as u128)
}

/// A time `ms` milliseconds after (or before) the kit's noon, 2026-11-21T12:00:00Z.
pub const fn at(ms: i64) -> Timestamp {
    Timestamp::from_millis(1_795_262_400_000).plus_ms(ms)
}

/// A sealed value for tests: equal for equal arguments, and the plain text is not in it.
pub fn sealed(subject: Uuid, field: &str, plain: &str) -> Sealed {
    let mut bytes = subject.as_bytes().to_vec();
    bytes.extend(1_u32.to_le_bytes());
    bytes.extend([0; 24]);
    bytes.extend(plain.bytes().map(|byte| !byte));
    bytes.extend(field.bytes().chain(std::iter::repeat(0)).take(16));
    Sealed::from_bytes(bytes).expect("a header of 44 bytes and a tag of 16")
}

/// Seals as [`sealed`] does. Not a cipher.
#[derive(Debug, Clone, Copy)]
pub struct KitSealer;

impl Sealer for KitSealer {
    fn seal(
        &self,
        subject: SubjectId,
        field: &'static str,
        plain: &[u8],
    ) -> Result<Sealed, SealError> {
        match std::str::from_utf8(plain) {
            Ok(plain) => Ok(sealed(subject.0, field, plain)),
            Err(error) => Err(SealError { field, why: error.to_string() }),
        }
    }
}
