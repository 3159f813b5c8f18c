//! What the example makes of single answers, as timelines. Not all their orders, which the lab tries.

use domain::saga::Probe;
use expect_test::expect;
use orchestrator::Event;
use testkit::Says::{Done, Gives, Refused, Transient, Unknown};
use testkit::saga;

use crate::publish::{Answer, Publish, due};

#[test]
fn a_refusing_platform_gives_everything_back_in_reverse_order() {
    let timeline = saga::<Publish>(due())
        .answers("charge-boost", Done)
        .answers("publish/bluesky", Refused("too long"))
        .timeline();
    expect![[r"
        hold-quota         done
        check-account      done
        charge-boost       done
        publish/mastodon   done
        publish/bluesky    refused: too long
        publish/mastodon   undone
        charge-boost       undone
        hold-quota         undone
        undone
    "]]
    .assert_eq(&timeline);
}

#[test]
fn a_charge_whose_answer_is_lost_is_probed_and_never_guessed() {
    let charged = Probe::Happened(Some(Answer::Charged("ch_1".into())));
    let timeline = saga::<Publish>(due())
        .answers("charge-boost", Unknown("connection lost"))
        .probe("charge-boost", charged)
        .answers("notify-author", Transient("busy"))
        .timeline();
    expect![[r"
        hold-quota         done
        check-account      done
        charge-boost       unknown: connection lost
        charge-boost       probed: happened
        publish/mastodon   done
        publish/bluesky    done
        confirm            done
        notify-author      not now: busy
        notify-author      done
        count              done
        done
    "]]
    .assert_eq(&timeline);
    let parked = saga::<Publish>(due()).answers("charge-boost", Unknown("lost")).timeline();
    expect![[r"
        hold-quota      done
        check-account   done
        charge-boost    unknown: lost
        charge-boost    probed: cannot_tell
        charge-boost    probed: cannot_tell
        charge-boost    probed: cannot_tell
        charge-boost    parked: in_doubt
        charge-boost    undone
        hold-quota      undone
        undone
    "]]
    .assert_eq(&parked);
}

#[test]
fn an_undo_that_fails_holds_up_what_was_done_before_it_but_not_its_siblings() {
    let timeline = saga::<Publish>(due())
        .answers("confirm", Refused("the post is gone"))
        .undo_answers("publish/bluesky", Refused("not yours"))
        .timeline();
    expect![[r"
        hold-quota         done
        check-account      done
        charge-boost       done
        publish/mastodon   done
        publish/bluesky    done
        confirm            refused: the post is gone
        publish/bluesky    undo refused: not yours
        publish/bluesky    parked: undo_failed
        publish/mastodon   undone
    "]]
    .assert_eq(&timeline);
}

#[test]
fn a_fold_that_panics_parks_its_saga() {
    let link = Answer::Published("poison".into());
    let timeline = saga::<Publish>(due()).answers("check-account", Gives(link)).timeline();
    assert!(timeline.ends_with("check-account   done\nparked: poison\n"), "{timeline}");
}

#[test]
fn the_key_of_a_step_is_the_same_for_every_attempt() {
    let script = saga::<Publish>(due()).answers("hold-quota", Transient("busy"));
    let (events, _) = script.events();
    let keys: Vec<_> = events
        .iter()
        .filter_map(|(_, event)| match event {
            Event::StepScheduled { step, key, .. } if step == "hold-quota" => Some(*key),
            _ => None,
        })
        .collect();
    assert_eq!(keys.len(), 2);
    assert_eq!(keys[0], keys[1]);
}

#[test]
fn every_event_is_the_same_after_its_way_through_its_schema() {
    let schemas = codec::Schemas::builder().context("saga", orchestrator::SCHEMAS).build();
    let schemas = schemas.unwrap_or_else(|error| panic!("{error}"));
    schemas.require::<Event>().unwrap();
    let script = saga::<Publish>(due())
        .answers("charge-boost", Unknown("lost"))
        .probe("charge-boost", Probe::NotHappened)
        .answers("publish/bluesky", Transient("busy"))
        .answers("confirm", Refused("gone"));
    for (_, event) in script.events().0 {
        let stored = schemas.encode(&event).unwrap();
        assert_eq!(schemas.decode::<Event>(&stored).unwrap(), event);
    }
}
