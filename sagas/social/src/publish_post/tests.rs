//! The saga as timelines, and its laws. Not what begins it (`meet_tests.rs`), and not what its
//! aggregates make of it (`world_tests.rs`).

use domain::saga::Probe;
use domain::{Money, Platform};
use expect_test::expect;
use social::publication::Event as Publication;
use testkit::Says::{Done, Gives, Refused, Transient, Unknown};
use testkit::{Script, id, saga, saga_laws};

use super::{Answer, Ask, Charged, PostText, PublishPost, Published, Trigger};

pub(super) fn text() -> PostText {
    PostText { title: Some("Hello".into()), body: "hello".into(), tags: vec!["rust".into()] }
}

pub(super) fn charged() -> Charged {
    Charged { reference: "ch_1".into(), amount: Money::new(500, "EUR") }
}

pub(super) fn published(on: Platform) -> Published {
    Published {
        uri: format!("at://did:plc:ada/{on}/1"),
        link: Some(format!("https://{on}.example/1")),
        revision: None,
        account: Some(id(3)),
    }
}

/// What each target gives.
pub(super) fn answer(ask: &Ask) -> Answer {
    match ask {
        Ask::Charge(_) | Ask::Refund(_) => Answer::Charged(charged()),
        Ask::Publish(publish) => Answer::Published(published(publish.platform)),
        Ask::Withdraw(withdraw) => Answer::Published(published(withdraw.publish.platform)),
        _ => Answer::Text(text()),
    }
}

/// Somebody wants it now, boosted, on two platforms.
pub(super) fn wished() -> Trigger {
    wish(Some(Money::new(500, "EUR")))
}

fn wish(boost: Option<Money>) -> Trigger {
    let platforms = [Platform::Bluesky, Platform::Mastodon].into();
    Trigger::Publication(Publication::Requested { post: domain::PostId(id(9)), platforms, boost })
}

fn boosted() -> Script<PublishPost> {
    saga::<PublishPost>(wished())
        .answers("take-post", Gives(Answer::Text(text())))
        .answers("charge-boost", Gives(Answer::Charged(charged())))
}

fn plain() -> Script<PublishPost> {
    saga::<PublishPost>(wish(None)).answers("take-post", Gives(Answer::Text(text())))
}

#[test]
fn a_boosted_post_goes_to_all_its_platforms() {
    let on = |platform| Gives(Answer::Published(published(platform)));
    let timeline = boosted()
        .answers("publish/bluesky", on(Platform::Bluesky))
        .answers("publish/mastodon", on(Platform::Mastodon))
        .timeline();
    expect![[r"
        open-publication   done
        open-notice        done
        take-post          done
        hold-quota         done
        open-payment       done
        charge-boost       done
        publish/bluesky    done
        publish/mastodon   done
        confirm            done
        mark-post          done
        settle-payment     done
        use-quota          done
        send-notice        done
        done
    "]]
    .assert_eq(&timeline);
}

#[test]
fn without_a_boost_nothing_is_paid() {
    let timeline = plain().timeline();
    expect![[r"
        open-publication   done
        open-notice        done
        take-post          done
        hold-quota         done
        publish/bluesky    done
        publish/mastodon   done
        confirm            done
        mark-post          done
        use-quota          done
        send-notice        done
        done
    "]]
    .assert_eq(&timeline);
}

#[test]
fn a_refusing_second_platform_gives_everything_back_in_reverse_order() {
    let timeline = boosted().answers("publish/mastodon", Refused("too long")).timeline();
    expect![[r"
        open-publication   done
        open-notice        done
        take-post          done
        hold-quota         done
        open-payment       done
        charge-boost       done
        publish/bluesky    done
        publish/mastodon   refused: too long
        publish/bluesky    undone
        charge-boost       undone
        open-payment       undone
        hold-quota         undone
        take-post          undone
        open-notice        undone
        open-publication   undone
        undone
    "]]
    .assert_eq(&timeline);
}

#[test]
fn a_declined_payment_publishes_nowhere() {
    let timeline = saga::<PublishPost>(wished())
        .answers("take-post", Gives(Answer::Text(text())))
        .answers("charge-boost", Refused("the card was declined"))
        .timeline();
    expect![[r"
        open-publication   done
        open-notice        done
        take-post          done
        hold-quota         done
        open-payment       done
        charge-boost       refused: the card was declined
        open-payment       undone
        hold-quota         undone
        take-post          undone
        open-notice        undone
        open-publication   undone
        undone
    "]]
    .assert_eq(&timeline);
}

#[test]
fn a_used_up_quota_and_a_superseded_plan_end_it_before_anything_is_seen() {
    let timeline = plain().answers("hold-quota", Refused("1000 of 1000")).timeline();
    expect![[r"
        open-publication   done
        open-notice        done
        take-post          done
        hold-quota         refused: 1000 of 1000
        take-post          undone
        open-notice        undone
        open-publication   undone
        undone
    "]]
    .assert_eq(&timeline);
    let timeline = saga::<PublishPost>(wish(None))
        .answers("take-post", Refused("plan 1 of the post was changed"))
        .timeline();
    expect![[r"
        open-publication   done
        open-notice        done
        take-post          refused: plan 1 of the post was changed
        open-notice        undone
        open-publication   undone
        undone
    "]]
    .assert_eq(&timeline);
}

#[test]
fn a_charge_whose_answer_is_lost_is_probed_and_never_guessed() {
    let happened = Probe::Happened(Some(Answer::Charged(charged())));
    let charge = || {
        saga::<PublishPost>(wished())
            .answers("take-post", Gives(Answer::Text(text())))
            .answers("charge-boost", Unknown("connection lost"))
    };
    let timeline = charge().probe("charge-boost", happened).timeline();
    assert!(timeline.contains("charge-boost       probed: happened\n"), "{timeline}");
    assert!(timeline.ends_with("send-notice        done\ndone\n"), "{timeline}");

    let timeline = charge().probe("charge-boost", Probe::NotHappened).timeline();
    assert!(timeline.contains("probed: not_happened\ncharge-boost       done\n"), "{timeline}");

    // Nobody can tell: it parks in sight. Nobody comes, the day passes, and it is refunded by its key.
    let timeline = charge().timeline();
    expect![[r"
        open-publication   done
        open-notice        done
        take-post          done
        hold-quota         done
        open-payment       done
        charge-boost       unknown: connection lost
        charge-boost       probed: cannot_tell
        charge-boost       probed: cannot_tell
        charge-boost       probed: cannot_tell
        charge-boost       parked: in_doubt
        charge-boost       undone
        open-payment       undone
        hold-quota         undone
        take-post          undone
        open-notice        undone
        open-publication   undone
        undone
    "]]
    .assert_eq(&timeline);
}

#[test]
fn a_platform_that_is_busy_is_asked_again_and_given_up_after_eight_attempts() {
    let busy = |script: Script<PublishPost>, times| {
        (0..times).fold(script, |script, _| script.answers("publish/mastodon", Transient("429")))
    };
    let timeline = busy(plain(), 3).answers("publish/mastodon", Done).timeline();
    assert_eq!(timeline.matches("publish/mastodon   not now: 429\n").count(), 3);
    assert!(timeline.ends_with("\ndone\n"), "{timeline}");
    // Given up, it is withdrawn by its key, and asked about once no request can be alive.
    let timeline = busy(plain(), 8).probe("publish/mastodon", Probe::NotHappened).timeline();
    let end = "open-publication   undone\npublish/mastodon   probed: not_happened\nundone\n";
    assert!(timeline.ends_with(end), "{timeline}");
}

#[test]
fn a_withdrawal_that_fails_parks_and_holds_up_what_was_done_before() {
    let timeline = plain()
        .answers("publish/mastodon", Refused("too long"))
        .undo_answers("publish/bluesky", Refused("not yours"))
        .timeline();
    expect![[r"
        open-publication   done
        open-notice        done
        take-post          done
        hold-quota         done
        publish/bluesky    done
        publish/mastodon   refused: too long
        publish/bluesky    undo refused: not yours
        publish/bluesky    parked: undo_failed
    "]]
    .assert_eq(&timeline);
}

#[test]
fn behind_the_confirmation_nothing_is_taken_back() {
    let timeline = plain()
        .answers("send-notice", Transient("busy"))
        .answers("use-quota", Refused("what"))
        .timeline();
    assert!(timeline.contains("use-quota          refused: what\n"), "{timeline}");
    assert!(timeline.contains("use-quota          parked: refused\n"), "{timeline}");
    assert!(!timeline.contains("undone"), "{timeline}");
}

#[test]
fn a_text_that_nobody_gave_publishes_nothing() {
    let timeline = saga::<PublishPost>(wish(None)).timeline();
    assert!(timeline.ends_with("hold-quota         done\nparked: poison\n"), "{timeline}");
}

#[test]
fn the_laws_hold_and_every_rare_state_is_met() {
    let met = saga_laws::<PublishPost>(&wished(), answer);
    eprintln!("{met:?}");
    if met.runs >= 2_000 {
        // Nothing stays parked for ever: a day is its deadline.
        let rare =
            [met.done, met.undone, met.operated, met.unknown, met.undone_again, met.late, met.held];
        assert!(rare.iter().all(|count| *count > 0), "something was never tried: {met:?}");
    }
}
