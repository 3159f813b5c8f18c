//! Order, offsets, answers and pages. Not which records are valid.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use domain::LaneId;

use super::scribe::deliver_all;
use super::{Rig, Scribe, deliver, sample_stream};
use crate::{Delivery, Handover, Log, Stored, headers};

pub(super) fn lanes(log: &dyn Log) -> Vec<LaneId> {
    log.topics().lanes().collect()
}

/// All records of a lane.
pub(super) fn all(log: &dyn Log, lane: LaneId) -> Vec<Stored> {
    let mut records: Vec<Stored> = Vec::new();
    loop {
        let from = records.last().map_or(0, |last| last.offset + 1);
        let page = log.read(lane, from, 1 << 20).expect("a healthy log can be read");
        if page.is_empty() {
            return records;
        }
        records.extend(page);
    }
}

/// A claim and frames of one to three records.
pub(super) fn work(scribe: &mut Scribe, frames: u64) -> Vec<Handover> {
    let mut handovers = vec![scribe.claim()];
    for at in 0..frames {
        let of = u16::try_from(1 + at % 3).unwrap_or(1);
        handovers.push(match at % 7 {
            6 => scribe.outcome(&sample_stream(at % 5)),
            _ => scribe.frame(&sample_stream(at % 5), of),
        });
    }
    handovers
}

/// What a lane must hold after these handovers.
pub(super) fn expected(handovers: &[Handover]) -> Vec<Stored> {
    let records = handovers.iter().flat_map(|handover| {
        let ranges = headers(&handover.bytes).expect("the suite writes whole records");
        ranges.into_iter().map(|(_, range)| (handover.prev, handover.bytes[range].to_vec()))
    });
    (0..).zip(records).map(|(offset, (prev, bytes))| Stored { offset, prev, bytes }).collect()
}

/// Handovers lie in the order in which they were handed over, at offsets from 0 without a gap.
pub fn offsets_are_contiguous_in_the_order_of_handover(rig: &mut impl Rig) {
    let log = rig.open();
    let mut written: Vec<(LaneId, Vec<Handover>)> = Vec::new();
    for lane in lanes(&*log) {
        assert_eq!(log.end(lane), 0, "a new lane is empty");
        written.push((lane, work(&mut Scribe::new(&*log, lane), 40)));
    }
    // All in flight at once, mixed over the lanes.
    let (tell, told) = mpsc::channel();
    for at in 0..41 {
        let call = written.iter().map(|(_, handovers)| handovers[at].clone()).collect();
        let tell = tell.clone();
        log.append(call, Box::new(move |deliveries| drop(tell.send((at, deliveries)))));
    }
    let mut ends = vec![0; written.len()];
    for at in 0..41 {
        let (call, deliveries) = told.recv_timeout(Duration::from_secs(30)).expect("an answer");
        assert_eq!(call, at, "answers come in the order of the calls");
        for (lane, delivery) in deliveries.into_iter().enumerate() {
            assert_eq!(delivery, Delivery::At { first: ends[lane], contiguous: true });
            ends[lane] += u64::from(written[lane].1[at].records);
        }
    }
    for ((lane, handovers), end) in written.iter().zip(ends) {
        assert_eq!(all(&*log, *lane), expected(handovers));
        assert_eq!(log.end(*lane), end);
    }
}

/// Callers on many threads: each one's handovers keep their order, and nobody's are mixed up.
pub fn callers_at_once_are_kept_apart_and_in_order(rig: &mut impl Rig) {
    let log = rig.open();
    let lanes = lanes(&*log);
    let written: Vec<(LaneId, Vec<Handover>)> = std::thread::scope(|scope| {
        let threads = lanes.iter().map(|lane| {
            let log = &*log;
            scope.spawn(move || {
                let handovers = work(&mut Scribe::new(log, *lane), 60);
                for handover in &handovers {
                    deliver_all(log, vec![handover.clone()]);
                }
                (*lane, handovers)
            })
        });
        let threads: Vec<_> = threads.collect();
        threads.into_iter().map(|thread| thread.join().expect("a caller ends in peace")).collect()
    });
    for (lane, handovers) in written {
        assert_eq!(all(&*log, lane), expected(&handovers));
    }
}

/// Every call is answered exactly once, with one delivery a handover, also when there is none.
pub fn done_is_called_once_with_a_delivery_each(rig: &mut impl Rig) {
    let log = rig.open();
    let lane = lanes(&*log)[0];
    let mut handovers = work(&mut Scribe::new(&*log, lane), 30).into_iter();
    let answers = Arc::new(AtomicUsize::new(0));
    let (tell, told) = mpsc::channel();
    for size in [0, 1, 7, 0, 22, 1] {
        let call: Vec<_> = handovers.by_ref().take(size).collect();
        assert_eq!(call.len(), size);
        let (tell, answers) = (tell.clone(), Arc::clone(&answers));
        let done = move |deliveries: Vec<Delivery>| {
            answers.fetch_add(1, Ordering::SeqCst);
            assert_eq!(deliveries.len(), size);
            let _ = tell.send(());
        };
        log.append(call, Box::new(done));
    }
    drop(tell);
    for _ in 0..6 {
        told.recv_timeout(Duration::from_secs(30)).expect("every call is answered");
    }
    assert!(told.recv_timeout(Duration::from_millis(20)).is_err(), "no call is answered twice");
    assert_eq!(answers.load(Ordering::SeqCst), 6);
}

/// From its own completion on, a writer finds its records where the delivery says.
pub fn what_done_says_can_be_read(rig: &mut impl Rig) {
    let log = rig.open();
    let lane = lanes(&*log)[1];
    for handover in work(&mut Scribe::new(&*log, lane), 20) {
        let (tell, told) = mpsc::channel();
        let (reader, wanted) = (Arc::clone(&log), handover.clone());
        let done = move |deliveries: Vec<Delivery>| {
            let Delivery::At { first, .. } = deliveries[0] else { return };
            let end = reader.end(lane);
            let found = reader.read(lane, first, 1).expect("a healthy log can be read");
            // The log is never dropped on its own thread.
            drop(tell.send((first, end, found, reader)));
            drop(wanted);
        };
        log.append(vec![handover.clone()], Box::new(done));
        let (first, end, found, reader) =
            told.recv_timeout(Duration::from_secs(30)).expect("an answer");
        drop(reader);
        assert_eq!(end, first + u64::from(handover.records), "the end shows the records");
        assert_eq!(found[0].offset, first);
        assert!(handover.bytes.starts_with(&found[0].bytes));
        assert_eq!(found[0].prev, handover.prev);
    }
}

/// A lane that the log does not have, or bytes that are not the records they are said to be, are
/// never delivered; reading such a lane finds nothing.
pub fn records_of_no_lane_are_refused(rig: &mut impl Rig) {
    let log = rig.open();
    let lane = lanes(&*log)[0];
    let good = Scribe::new(&*log, lane).claim();
    let beyond = LaneId { index: u16::MAX, ..lane };
    let mut wrong = vec![Handover { lane: beyond, ..good.clone() }];
    wrong.push(Handover { records: 2, ..good.clone() });
    wrong.push(Handover { bytes: good.bytes[..good.bytes.len() - 1].to_vec(), ..good.clone() });
    for handover in wrong {
        let deliveries = deliver(&*log, vec![handover]);
        assert!(matches!(deliveries[..], [Delivery::Unknown(_)]), "{deliveries:?}");
    }
    assert!(log.read(beyond, 0, 1 << 20).expect("nothing is there").is_empty());
    assert_eq!(log.end(beyond), 0);
    assert_eq!(all(&*log, lane), []);
    assert_eq!(deliver_all(&*log, vec![good]), [0], "the log goes on");
}

/// Reading from any offset with any bound goes on until the end and gives every record once.
pub fn pages_of_any_size_give_every_record_once(rig: &mut impl Rig) {
    let log = rig.open();
    let (lane, other) = (lanes(&*log)[2], lanes(&*log)[3]);
    let handovers = work(&mut Scribe::new(&*log, lane), 50);
    let others = work(&mut Scribe::new(&*log, other), 50);
    for (one, two) in handovers.iter().zip(&others) {
        deliver_all(&*log, vec![one.clone(), two.clone()]);
    }
    let wanted = expected(&handovers);
    for bytes_max in [0, 1, 300, 5_000, 1 << 20] {
        for start in 0..=wanted.len() {
            let mut found: Vec<Stored> = Vec::new();
            loop {
                let from = start as u64 + found.len() as u64;
                let page = log.read(lane, from, bytes_max).expect("a healthy log can be read");
                assert!(page.len() <= 8 || bytes_max > 300, "a page is about as large as asked");
                if page.is_empty() {
                    break;
                }
                found.extend(page);
            }
            assert_eq!(found, wanted[start..], "from {start} in pages of {bytes_max}");
        }
    }
    assert!(log.read(lane, u64::MAX, 1 << 20).expect("nothing is there").is_empty());
}
