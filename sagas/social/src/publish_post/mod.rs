//! Saga `publish-post`: a post goes to its platforms, or nothing of it stays anywhere.

mod port;

pub use port::{ChargeRequest, Charged, PublishRequest, Published, RefundRequest, WithdrawRequest};
