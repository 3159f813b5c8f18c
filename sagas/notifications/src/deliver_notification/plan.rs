//! The plan of the saga. Read a line as: this is asked of them, and this takes it back.

use domain::saga::{Plan, Retry, Steps, Unknown};

use super::{DeliverNotification, ask};

/// Attempts at a mail server that says "not now": the pauses add up to more than an hour, which is
/// what greylisting asks for.
const ATTEMPTS_MAX: u32 = 15;
/// Longest pause between them.
const PAUSE_MS: u64 = 15 * 60_000;

pub(super) fn plan() -> Steps<DeliverNotification> {
    Plan::<DeliverNotification>::new(1)
        .undoable("open-delivery", ask::begin_delivery, ask::mark_undelivered)
        .pivot("send-mail", ask::send_mail)
        .retry(Retry::exponential().attempts(ATTEMPTS_MAX).cap_ms(PAUSE_MS).breaker("mail"))
        // A second copy has the same Message-ID and does no harm.
        .unknown(Unknown::ProbeThenRepeat)
        .forward("mark-delivered", ask::mark_delivered)
        .build()
}
