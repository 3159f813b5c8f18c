//! Saga `deliver-notification`: what stands in a user's inbox also goes out by mail.

mod port;

pub use port::{MailRequest, Mailed};
