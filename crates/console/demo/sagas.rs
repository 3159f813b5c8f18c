//! Which sagas the demo has: one in every state, and some that are over.

use domain::saga::Saga;
use domain::{ActorId, Timestamp};
use orchestrator::{Direction, Event, Input, Operation, Poison, Verb, poison};
use uuid::Uuid;

use super::Demo;
use super::play::{Play, Says};
use super::publish::{Deliver, Mail, Played, Publish, State};

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;

/// The id of the demo's `n`-th saga.
pub fn saga_id(n: u128) -> Uuid {
    let tail = (n * 0x9e37_79b9_7f4a_7c15) & 0x3fff_ffff_ffff_ffff;
    Uuid::from_u128(((0x01a1_ef75_4738_7381 + n * 0x2_0011) << 64) | (0x8 << 60) | tail)
}

/// What a saga of the demo begins with.
pub fn state(n: u128, boost_minor: i64, platforms: &[&str]) -> State {
    State {
        post: super::data::id(n % 18 + 1),
        title: format!("Autumn sale, day {n}"),
        boost_minor,
        platforms: platforms.iter().map(|one| (*one).to_owned()).collect(),
        charge: None,
        links: Vec::new(),
    }
}

fn play(ago_ms: i64, now: Timestamp) -> Play<Publish> {
    Play::of(Publish::plan(), now.plus_ms(-ago_ms))
}

struct Seeds<'a> {
    demo: &'a Demo,
    now: Timestamp,
    facts: Vec<(Timestamp, Uuid, &'static str, &'static str, Event)>,
}

impl Seeds<'_> {
    fn keep<S: Played>(&mut self, id: Uuid, play: Play<S>) {
        let of = |(at, event)| (at, id, S::CONTEXT, S::CATEGORY, event);
        self.facts.extend(play.events.into_iter().map(of));
    }

    fn run(&mut self, n: u128, state: State, mut play: Play<Publish>) {
        play.start(saga_id(n), state, None);
        play.until(self.now);
        self.keep(saga_id(n), play);
    }
}

/// Numbers of the sagas that tests ask for.
pub const RUNNING: u128 = 1;
pub const WAITING: u128 = 2;
pub const RETRYING: u128 = 3;
pub const UNDOING: u128 = 4;
pub const IN_DOUBT: u128 = 5;
pub const UNDO_FAILED: u128 = 6;
pub const EXHAUSTED: u128 = 7;
pub const REFUSED: u128 = 8;
pub const HELD: u128 = 9;
pub const POISON: u128 = 10;
pub const NO_EXECUTOR: u128 = 11;
pub const UNCONFIRMED: u128 = 13;
pub const SKIPPED: u128 = 14;
pub const DONE: u128 = 20;
pub const UNDONE: u128 = 40;

/// Plays them all.
pub fn seed(demo: &Demo) {
    let now: Timestamp = chrono::Utc::now().into();
    let mut seeds = Seeds { demo, now, facts: Vec::new() };
    moving(&mut seeds);
    parked(&mut seeds);
    stopped(&mut seeds);
    over(&mut seeds);
    seeds.facts.sort_by_key(|fact| fact.0);
    let Seeds { demo, facts, .. } = seeds;
    for (at, id, context, category, event) in facts {
        demo.record(id, context, category, at, &event);
    }
}

fn moving(seeds: &mut Seeds<'_>) {
    let now = seeds.now;
    let all = ["bluesky", "mastodon", "linkedin"];
    let running = play(3_400, now).says("publish/bluesky", Says::Silence);
    seeds.run(RUNNING, state(RUNNING, 490, &all), running);
    let mut waiting = play(2 * HOUR, now);
    waiting.start(saga_id(WAITING), state(WAITING, 0, &all), Some(now.plus_ms(38 * MINUTE)));
    seeds.keep(saga_id(WAITING), waiting);
    let retrying = play(18_000, now).always(
        "publish/mastodon",
        Direction::Forward,
        Says::NotNow(900, "502 from mastodon.social"),
    );
    let retrying = retrying.probed("publish/mastodon", false);
    seeds.run(RETRYING, state(RETRYING, 0, &all), retrying);
    // It waited for its time, one platform said no, and another does not answer its withdrawal.
    let mut undoing = Play::of(Publish::plan(), now.plus_ms(-45 * HOUR - 48 * MINUTE))
        .says("charge-boost", Says::Done(2_700))
        .says("publish/bluesky", Says::Done(2_100))
        .says("publish/mastodon", Says::NotNow(600, "502 from mastodon.social"))
        .says("publish/mastodon", Says::Done(1_300))
        .says("publish/linkedin", Says::Refused(2_400, "link domain not allowed"))
        .undo_says("publish/mastodon", Says::Done(1_500))
        .undo_says("publish/bluesky", Says::NotNow(900, "503 from bsky.social"))
        .undo_says("publish/bluesky", Says::NotNow(1_100, "503 from bsky.social"))
        .undo_says("publish/bluesky", Says::Nothing(10_000, "no answer in 10 s"))
        .always("publish/bluesky", Direction::Undo, Says::NotNow(700, "503 from bsky.social"))
        .probed("publish/mastodon", false)
        .probed("publish/bluesky", false);
    let at = Some(now.plus_ms(-6 * MINUTE));
    undoing.start(saga_id(UNDOING), state(UNDOING, 490, &["bluesky", "mastodon", "linkedin"]), at);
    undoing.until(now);
    seeds.keep(saga_id(UNDOING), undoing);
    let unconfirmed =
        play(27_000, now).says("publish/bluesky", Says::Nothing(10_000, "no answer in 10 s"));
    seeds.run(UNCONFIRMED, state(UNCONFIRMED, 0, &["bluesky", "mastodon"]), unconfirmed);
}

fn parked(seeds: &mut Seeds<'_>) {
    let now = seeds.now;
    let all = ["bluesky", "mastodon"];
    let doubt = play(5 * HOUR + 5 * MINUTE, now)
        .says("charge-boost", Says::Nothing(10_000, "504 from the payment gateway"));
    seeds.run(IN_DOUBT, state(IN_DOUBT, 4_900, &all), doubt);
    let failed = play(77 * MINUTE, now)
        .says("publish/mastodon", Says::Refused(800, "media type not supported"))
        .undo_says("publish/bluesky", Says::Refused(600, "token revoked by the owner"));
    seeds.run(UNDO_FAILED, state(UNDO_FAILED, 0, &all), failed);
    let exhausted = play(42 * MINUTE, now).probed("confirm", false).always(
        "confirm",
        Direction::Forward,
        Says::NotNow(400, "503 from the catalogue"),
    );
    seeds.run(EXHAUSTED, state(EXHAUSTED, 490, &all), exhausted);
    let refused = play(25 * MINUTE, now)
        .says("notify-author", Says::Refused(300, "the author’s account was closed"));
    seeds.run(REFUSED, state(REFUSED, 0, &all), refused);
}

fn stopped(seeds: &mut Seeds<'_>) {
    let now = seeds.now;
    let mut held = play(9 * MINUTE, now).says("publish/bluesky", Says::Silence);
    held.start(saga_id(HELD), state(HELD, 1_990, &["bluesky"]), None);
    held.until(now.plus_ms(-9 * MINUTE + 4_000));
    let revision = held.is.revision;
    held.take(operate(Verb::Hold, "", revision, "Legal looks at the wording, please wait"));
    seeds.keep(saga_id(HELD), held);

    let mut bad = play(24 * MINUTE, now).says("publish/bluesky", Says::Silence);
    bad.start(saga_id(POISON), state(POISON, 0, &["bluesky"]), None);
    bad.until(now.plus_ms(-24 * MINUTE + 4_000));
    let events =
        poison(&bad.plan, &bad.is, Poison("attempt to add with overflow".to_owned()), bad.now);
    bad.put(events);
    seeds.keep(saga_id(POISON), bad);

    let mut old = Play::of(Publish::in_version(1), now.plus_ms(-6 * HOUR - 9 * MINUTE))
        .says("publish/bluesky", Says::Silence);
    old.start(saga_id(NO_EXECUTOR), state(NO_EXECUTOR, 490, &["bluesky"]), None);
    old.until(now.plus_ms(-6 * HOUR - 9 * MINUTE + 4_000));
    old.plan = Publish::plan();
    old.take(Input::Look);
    seeds.keep(saga_id(NO_EXECUTOR), old);

    let mut skipped =
        play(3 * HOUR, now).says("charge-boost", Says::Nothing(10_000, "connection reset"));
    skipped.start(saga_id(SKIPPED), state(SKIPPED, 990, &["bluesky", "mastodon"]), None);
    skipped.until(now.plus_ms(-2 * MINUTE));
    let revision = skipped.is.revision;
    skipped.take(operate(
        Verb::Skip,
        "charge-boost",
        revision,
        "Charged by hand, invoice 2026-114",
    ));
    skipped.until(now);
    seeds.keep(saga_id(SKIPPED), skipped);
}

fn over(seeds: &mut Seeds<'_>) {
    let now = seeds.now;
    for n in 0..14_u128 {
        let ago = 2 * MINUTE + i64::try_from(n * n).unwrap_or(0) * 7 * MINUTE;
        let boost = if n.is_multiple_of(3) { 490 } else { 0 };
        seeds.run(DONE + n, state(DONE + n, boost, &["bluesky", "mastodon"]), play(ago, now));
    }
    for n in 0..4_u128 {
        let ago = 10 * MINUTE + i64::try_from(n).unwrap_or(0) * 50 * MINUTE;
        let no = play(ago, now)
            .says("publish/mastodon", Says::Refused(700, "text too long for this server"));
        seeds.run(UNDONE + n, state(UNDONE + n, 490, &["bluesky", "mastodon"]), no);
    }
    for n in 0..9_u128 {
        let ago = 3 * MINUTE + i64::try_from(n).unwrap_or(0) * 11 * MINUTE;
        let mut play: Play<Deliver> = Play::of(Deliver::plan(), now.plus_ms(-ago));
        if n == 4 {
            play = play.always(
                "send-mail",
                Direction::Forward,
                Says::NotNow(300, "421 try again later"),
            );
        }
        let id = saga_id(60 + n);
        play.start(id, Mail { notification: super::data::id(300 + n) }, None);
        play.until(now);
        seeds.keep(id, play);
    }
}

fn operate<S: Saga>(verb: Verb, step: &str, revision: u64, reason: &str) -> Input<S> {
    Input::Operate(Operation {
        verb,
        step: step.to_owned(),
        actor: ActorId::from_static("m.okafor"),
        reason: reason.to_owned(),
        revision,
        happened: false,
        output: None,
        ticket: Some("INC-2291".to_owned()),
        approver: None,
    })
}
