//! Ports: what sagas ask of the world outside, as traits over plain data. Not the providers behind
//! them, and not the orchestrator, which writes the intent first and keeps deadline, key and fence.
//!
//! What is asked and answered is the sagas' own data; providers know it by the names given here. A
//! provider tries once and says what became of it; trying again is the orchestrator's. Reading
//! order: [`Effect`], [`Publishing`], [`Payments`], [`Mail`], the books, [`Ports`].

mod books;
mod bundle;
mod carry;
#[cfg(test)]
mod carry_tests;
mod effect;
mod mail;
mod payments;
mod publishing;

pub use books::{Account, AccountBook, AddressBook, BookError, PayerBook, Secret};
pub use bundle::Ports;
pub use effect::{Carrier, Effect};
pub use mail::Mail;
pub use payments::Payments;
pub use publishing::Publishing;

pub use notifications_sagas::deliver_notification::{MailRequest, Mailed};
pub use social_sagas::publish_post::{
    ChargeRequest, Charged, PublishRequest, Published, RefundRequest, WithdrawRequest,
};
