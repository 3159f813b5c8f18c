//! The plan of the saga. Read a line as: this is asked of them, and this takes it back.

use domain::Platform;
use domain::saga::{OnExpiry, Plan, Retry, Steps, Unknown};

use super::{PublishPost, State, ask};

/// How long the whole may take: what is a day late is not what was planned.
const DAY_MS: u64 = 24 * 3_600_000;
/// How long one platform may take with all its attempts: it may ask for patience (rate limits are
/// minutes to an hour), but the others stand published meanwhile.
const PLATFORM_MS: u64 = 2 * 3_600_000;
/// Longest pause between attempts at a platform.
const PLATFORM_PAUSE_MS: u64 = 5 * 60_000;

pub(super) fn plan() -> Steps<PublishPost> {
    Plan::<PublishPost>::new(1)
        .deadline(DAY_MS, OnExpiry::Undo)
        .undoable("open-publication", ask::open_publication, ask::fail_publication)
        .undoable("open-notice", ask::promise_notice, ask::send_failure)
        .undoable("take-post", ask::take_post, ask::stop_post)
        .undoable("hold-quota", ask::hold_quota, ask::release_quota)
        .undoable("open-payment", ask::open_payment, ask::cancel_payment)
        .when(is_boosted)
        .undoable("charge-boost", ask::charge, ask::refund)
        .when(is_boosted)
        // Money is never guessed.
        .unknown(Unknown::ProbeThenPark)
        .each("publish", platforms, ask::publish, ask::withdraw)
        .retry(Retry::exponential().cap_ms(PLATFORM_PAUSE_MS).breaker("platform"))
        // A platform need not honour keys: a post is not risked to stand twice.
        .unknown(Unknown::ProbeThenPark)
        .within(PLATFORM_MS, OnExpiry::Undo)
        .pivot("confirm", ask::confirm)
        .forward("mark-post", ask::mark_post)
        .forward("settle-payment", ask::settle_payment)
        .when(is_boosted)
        .forward("use-quota", ask::use_quota)
        .forward("send-notice", ask::send_notice)
        .build()
}

fn is_boosted(state: &State) -> bool {
    state.boost.is_some()
}

fn platforms(state: &State) -> Vec<String> {
    state.platforms.iter().map(Platform::to_string).collect()
}
