//! Real counterparts of the product's providers: a Bluesky PDS, Stripe's stand-in behind a proxy that
//! can lie, a mail server, a registry of schemas. Not fakes of ours: they come from the package registries, at pinned
//! versions, and tell by themselves what stands.
//!
//! Each is a guard: it starts a process on free ports and ends it when dropped.

mod apicurio;
mod confluent;
mod install;
mod mailbox;
mod pds;
mod process;
mod proxy;
mod stripe;

pub use apicurio::Apicurio;
pub use confluent::confluent_events;
pub use mailbox::{MailFault, Mailbox, ReceivedMail};
pub use pds::{Pds, PdsAccount, PdsPost};
pub use proxy::{Lie, Proxy, ProxyCall};
pub use stripe::{Stripe, StripeCharge, StripeRefund};
