//! Sagas of the notifications context: delivering a notification by mail. Not the mail server, which
//! is a port's.
//!
//! Reading order: [`deliver_notification`], its plan, what its steps ask.

pub mod deliver_notification;
