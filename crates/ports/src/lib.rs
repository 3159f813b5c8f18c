//! Ports: what sagas ask of the world outside, as traits over plain data. Not the providers behind
//! them, and not the orchestrator, which writes the intent first and keeps deadline, key and fence.
//!
//! A provider tries once and says what became of it; trying again is the orchestrator's. Reading
//! order: [`Effect`], [`Publishing`], [`Payments`], [`Mail`], the books, [`Ports`].

mod books;
mod bundle;
mod effect;
mod mail;
mod payments;
mod publishing;

pub use books::{Account, AccountBook, AddressBook, BookError, Secret};
pub use bundle::Ports;
pub use effect::{Carrier, Effect};
pub use mail::{Letter, Mail, Posted};
pub use payments::{Charge, Charged, Payments};
pub use publishing::{Publication, Published, Publishing};
