//! What is kept, and who hears of it. Not damage of a medium, which each adapter has its own of.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::Duration;

use domain::LaneId;

use super::order::{all, expected, lanes, work};
use super::scribe::deliver_all;
use super::{Rig, Scribe, sample_stream};
use crate::{Handover, Log, Stored};

/// Every lane with its records.
fn content(log: &dyn Log) -> Vec<(LaneId, Vec<Stored>)> {
    lanes(log).into_iter().map(|lane| (lane, all(log, lane))).collect()
}

/// Some work on every lane.
fn write(log: &dyn Log) -> Vec<Scribe> {
    let scribes = lanes(log).into_iter().map(|lane| {
        let mut scribe = Scribe::new(log, lane);
        deliver_all(log, work(&mut scribe, 25));
        scribe
    });
    scribes.collect()
}

/// A reader beside the writer never sees a record that a later reader does not see, there or after a
/// crash, and never one at or behind the end.
pub fn nothing_is_read_that_is_not_kept(rig: &mut impl Rig) {
    let log = rig.open();
    let lane = lanes(&*log)[1];
    let handovers = work(&mut Scribe::new(&*log, lane), 300);
    let written = AtomicBool::new(false);
    let seen = std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut seen: Vec<Stored> = Vec::new();
            loop {
                let last = written.load(Ordering::SeqCst);
                let page = log.read(lane, seen.len() as u64, 10_000).expect("it can be read");
                let end = log.end(lane);
                assert!(page.iter().all(|stored| stored.offset < end), "the end is behind it");
                if page.is_empty() && last {
                    return seen;
                }
                seen.extend(page);
            }
        });
        for call in handovers.chunks(3) {
            deliver_all(&*log, call.to_vec());
        }
        written.store(true, Ordering::SeqCst);
        reader.join().expect("the reader ends in peace")
    });
    assert_eq!(seen, expected(&handovers));
    if let Some(after) = rig.crash(log) {
        assert_eq!(all(&*after, lane), seen);
    }
}

fn goes_on(log: &dyn Log, scribes: Vec<Scribe>) {
    for mut scribe in scribes {
        let end = log.end(scribe.lane);
        let more = vec![scribe.claim(), scribe.frame(&sample_stream(9), 2)];
        assert_eq!(deliver_all(log, more), [end, end + 1], "it goes on at its end");
        assert_eq!(all(log, scribe.lane).len() as u64, end + 3);
    }
}

/// A log that was closed and opened again has the same id, topics and records, and goes on.
pub fn a_reopened_log_holds_what_it_held(rig: &mut impl Rig) {
    let log = rig.open();
    let scribes = write(&*log);
    let (topics, before) = (log.topics().clone(), content(&*log));
    let streams: Vec<_> = before
        .iter()
        .map(|(lane, _)| log.read_stream(*lane, &sample_stream(1), 0).expect("it can be read"))
        .collect();
    let Some(log) = rig.reopen(log) else { return };
    assert_eq!(*log.topics(), topics);
    assert_eq!(content(&*log), before);
    for ((lane, _), wanted) in before.iter().zip(&streams) {
        let found = log.read_stream(*lane, &sample_stream(1), 0).expect("it can be read");
        assert_eq!(found, *wanted);
    }
    goes_on(&*log, scribes);
    let Some(again) = rig.reopen(log) else { return };
    assert!(content(&*again).iter().zip(&before).all(|(now, then)| now.1.starts_with(&then.1)));
}

/// What a delivery said is there after the process was killed, and the log goes on (I1).
pub fn a_crash_takes_nothing_back_that_was_delivered(rig: &mut impl Rig) {
    let log = rig.open();
    let scribes = write(&*log);
    let (topics, before) = (log.topics().clone(), content(&*log));
    let Some(log) = rig.crash(log) else { return };
    assert_eq!(*log.topics(), topics);
    for ((lane, found), (_, wanted)) in content(&*log).iter().zip(&before) {
        assert!(found.starts_with(wanted), "{lane:?}");
    }
    goes_on(&*log, scribes);
}

/// A hook hears of every lane that has grown, and a reader that it wakes finds the records.
pub fn growth_is_told_after_the_records_can_be_read(rig: &mut impl Rig) {
    let log = rig.open();
    let lanes = lanes(&*log);
    let grown: Arc<Mutex<Vec<LaneId>>> = Arc::default();
    let (tell, told) = mpsc::channel();
    let (heard, reader) = (Arc::clone(&grown), Arc::downgrade(&log));
    log.on_growth(Box::new(move |lanes| {
        heard.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(lanes);
        // An owner for this moment only: the log is not kept alive by its own hook.
        let log = reader.upgrade().expect("the log lives while it grows");
        let ends: Vec<(LaneId, u64)> = lanes.iter().map(|lane| (*lane, log.end(*lane))).collect();
        drop(tell.send((ends, log)));
    }));
    let mut scribes: Vec<Scribe> = lanes.iter().map(|lane| Scribe::new(&*log, *lane)).collect();
    let call: Vec<Handover> = [4, 0, 4, 2]
        .map(|at| match scribes[at].epoch {
            0 => scribes[at].claim(),
            _ => scribes[at].frame(&sample_stream(1), 3),
        })
        .to_vec();
    deliver_all(&*log, call);
    let mut reached = vec![0; lanes.len()];
    while [reached[4], reached[0], reached[2]] != [4, 1, 1] {
        let (ends, owner) = told.recv_timeout(Duration::from_secs(30)).expect("a hook is called");
        drop(owner);
        for (lane, end) in ends {
            let at = lanes.iter().position(|known| *known == lane).expect("a lane of this log");
            assert!(all(&*log, lane).len() as u64 >= end);
            reached[at] = end;
        }
    }
    let heard = grown.lock().unwrap_or_else(PoisonError::into_inner);
    assert!([4, 0, 2].iter().all(|at| heard.contains(&lanes[*at])));
    assert!(![1, 3, 5].iter().any(|at| heard.contains(&lanes[*at])), "others have not grown");
}
