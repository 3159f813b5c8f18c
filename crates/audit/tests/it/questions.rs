//! What the history answers: one stream then and now, one event, many in the order of time.

use std::sync::Arc;

use audit::{At, Filter, History, parse_position, position_text};
use codec::Schemas;
use domain::Timestamp;
use log::conformance::{Scribe, sample_stream, topics};
use log::{Follower, Log, MemoryLog};
use uuid::Uuid;

use crate::common::{fill, stream_in, write};

fn history() -> (History, Arc<dyn Log>, Vec<Scribe>) {
    let log: Arc<dyn Log> = Arc::new(MemoryLog::new(topics(Uuid::from_u128(3))));
    let scribes = fill(&*log, 60);
    let schemas = Schemas::builder().build().unwrap();
    (History::new(Arc::clone(&log), Arc::new(schemas)), log, scribes)
}

#[test]
fn the_timeline_gives_every_event_once_in_the_order_of_time() {
    let (history, log, _) = history();
    let all: Vec<_> = history.timeline(Filter::default()).map(Result::unwrap).collect();
    let key = |at: usize| (all[at].meta.recorded_at, all[at].meta.position);
    assert!((1..all.len()).all(|at| key(at - 1) < key(at)));
    let mut wanted = 0;
    for lane in log.topics().lanes() {
        let mut follower = Follower::from_start(&*log, lane);
        loop {
            let frames = follower.poll(&*log).unwrap();
            if frames.is_empty() {
                break;
            }
            for frame in frames {
                let offset = frame.next_offset - frame.records.len() as u64;
                for (record, offset) in frame.records.iter().zip(offset..) {
                    let log::Body::Event { meta, data, .. } = &record.body else { continue };
                    let found =
                        all.iter().find(|event| event.meta.position == meta.position).unwrap();
                    assert_eq!((&found.meta, &found.data, found.offset), (&**meta, data, offset));
                    assert_eq!((found.epoch, found.head), (frame.epoch, Some(frame.head)));
                    wanted += 1;
                }
            }
        }
    }
    assert_eq!(all.len(), wanted);
}

#[test]
fn an_event_is_the_same_by_position_by_id_and_in_its_stream() {
    let (history, log, _) = history();
    for event in history.timeline(Filter::default()).step_by(17).map(Result::unwrap) {
        assert_eq!(history.event(event.meta.position).unwrap().as_ref(), Some(&event));
        assert_eq!(history.event_by_id(event.meta.id).unwrap().as_ref(), Some(&event));
        let stream = history.stream(&event.meta.stream).unwrap();
        assert_eq!(stream.iter().find(|one| one.meta.id == event.meta.id), Some(&event));
        let text = position_text(log.topics(), event.meta.position);
        assert_eq!(parse_position(log.topics(), &text), Some(event.meta.position));
        assert_eq!(history.json(&event)["position"], text);
    }
}

#[test]
fn a_claim_an_outcome_and_what_is_not_there_are_no_events() {
    let (history, log, _) = history();
    let lane = log.topics().lanes().next().unwrap();
    let at = |seq| domain::Position { lane, seq };
    assert_eq!(history.event(at(1)).unwrap(), None, "a claim");
    assert_eq!(history.event(at(12)).unwrap(), None, "an outcome");
    assert!(history.event(at(11)).unwrap().is_some() && history.event(at(13)).unwrap().is_some());
    assert_eq!(history.event(at(9_999)).unwrap(), None);
    assert_eq!(history.stream(&sample_stream(999)).unwrap(), []);
    for wrong in ["suite.events/9@1", "suite.events/0@0", "suite.events/0", "other/0@1"] {
        assert_eq!(parse_position(log.topics(), wrong), None, "{wrong}");
    }
}

#[test]
fn void_records_are_no_events_and_do_not_move_positions() {
    let (history, log, mut scribes) = history();
    let zombie = scribes[0].clone();
    let stream = stream_in(&*log, zombie.lane, 77);
    let stale: Vec<_> = (0..20).map(|_| zombie.clone().frame(&stream, 2)).collect();
    let (takeover, good) = (scribes[0].claim(), scribes[0].frame(&stream, 2));
    write(&*log, [vec![takeover], stale, vec![good]].concat());
    let events = history.stream(&stream).unwrap();
    assert_eq!(events.len(), 2);
    assert_eq!(events[0].epoch, 2);
    assert_eq!(events[1].head, Some(scribes[0].head));
    for event in &events {
        assert_eq!(history.event(event.meta.position).unwrap().as_ref(), Some(event));
    }
    let filter = Filter { stream: Some(stream), ..Filter::default() };
    assert_eq!(history.events(filter, 100).unwrap(), events);
}

#[test]
fn a_stream_is_shown_as_it_was_at_a_version_or_a_time() {
    let (history, log, _) = history();
    let stream = stream_in(&*log, log.topics().lanes().nth(2).unwrap(), 3);
    let all = history.stream(&stream).unwrap();
    assert!(all.len() > 5);
    let named = history.clone().category("sample", "suite.events");
    assert_eq!(named.stream(&stream).unwrap(), all);
    let elsewhere = history.clone().category("sample", "suite.sagas");
    assert_eq!(elsewhere.stream(&stream).unwrap(), []);
    let third = &all[2].meta;
    let then = |at| history.stream_at(&stream, at).unwrap();
    assert_eq!(then(At::Head), all);
    assert_eq!(then(At::Version(third.version)), all[..3]);
    assert_eq!(then(At::Version(0)), []);
    assert_eq!(then(At::Time(third.recorded_at)), all[..3]);
    assert_eq!(then(At::Time(third.recorded_at.plus_ms(-1))), all[..2]);
    assert_eq!(then(At::Time(Timestamp::from_micros(-1))), []);
}

#[test]
fn filters_bounds_and_following() {
    let (history, log, mut scribes) = history();
    let all = history.events(Filter::default(), usize::MAX).unwrap();
    assert_eq!(history.events(Filter::default(), 7).unwrap(), all[..7]);
    assert_eq!(history.latest(Filter::default(), 5).unwrap(), all[all.len() - 5..]);
    let middle = &all[all.len() / 2].meta;
    let since = Filter { since: Some(middle.recorded_at), ..Filter::default() };
    let until = Filter { until: Some(middle.recorded_at), ..Filter::default() };
    let (later, sooner) =
        (history.events(since, 9_999).unwrap(), history.events(until, 9_999).unwrap());
    assert_eq!([sooner, later].concat(), all);
    let from = Filter { from: vec![middle.position], ..Filter::default() };
    let skipped = all.iter().filter(|event| {
        event.meta.position.lane == middle.position.lane && event.meta.position < middle.position
    });
    assert_eq!(history.events(from, 9_999).unwrap().len(), all.len() - skipped.count());
    let of_type = |name: &str| {
        let filter = Filter { event_type: Some(name.to_owned()), ..Filter::default() };
        history.events(filter, 9_999).unwrap().len()
    };
    assert_eq!((of_type("suite.sample.*"), of_type("suite.sample")), (all.len(), 0));

    let mut tail = history.timeline(Filter::default());
    assert_eq!(tail.by_ref().count(), all.len());
    assert!(tail.next().is_none());
    write(&*log, vec![scribes[2].frame(&sample_stream(5), 2)]);
    let new: Vec<_> = tail.by_ref().map(Result::unwrap).collect();
    assert_eq!(
        new.iter().map(|event| event.meta.position.seq).collect::<Vec<_>>(),
        [scribes[2].seq - 1, scribes[2].seq]
    );
    assert_eq!(tail.voids(), (0, 0));
}
