//! One HTTP call of a provider: deadline, bounds, TLS, and what it means when no answer came. Not a
//! policy: it never tries twice, follows no redirect, and knows no provider.
//!
//! The one question that matters is whether a request can have been done. [`NoAnswer::NotSent`] says
//! no: the connection was never there. [`NoAnswer::Lost`] says nobody knows.

mod answer;
mod client;
mod request;
mod tls;

pub use answer::{Answer, NoAnswer};
pub use client::{BadUrl, Client, now};
pub use request::Request;
