//! What a checkpoint must be for: random histories, every place in them, every bit of the file, any bytes.
//! Not when one is taken, which `tests/checkpoints.rs` looks at.

use std::collections::BTreeMap;
use std::sync::Arc;

use log::conformance::{Scribe, deliver, sample_stream, topics};
use log::{Delivery, Handover, Log as _, headers};

use super::*;
use crate::open::{self, SEGMENTS};
use crate::{EmbeddedLog, Options};

/// Numbers that look random, the same every time.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
        (self.0 >> 33) % limit
    }

    fn some<'a, T>(&mut self, of: &'a mut [T]) -> &'a mut T {
        let at = self.below(of.len() as u64);
        &mut of[usize::try_from(at).unwrap()]
    }
}

/// The first records of a frame: what a crash in the middle of it leaves.
fn torn(frame: &Handover) -> Handover {
    let end = headers(&frame.bytes).unwrap()[0].1.end;
    Handover { records: 1, bytes: frame.bytes[..end].to_vec(), ..frame.clone() }
}

/// One frame in two handovers, as records come from a log on several machines.
fn split(frame: &Handover) -> Vec<Handover> {
    if frame.records == 1 {
        return vec![frame.clone()];
    }
    let first = torn(frame);
    let bytes = frame.bytes[first.bytes.len()..].to_vec();
    let rest = Handover { records: frame.records - 1, bytes, ..frame.clone() };
    vec![first, rest]
}

/// A handover of one of the writers, of whom some have lost their lane without knowing it.
fn handover(
    log: &EmbeddedLog,
    writers: &mut Vec<Scribe>,
    random: &mut Random,
    odd: bool,
) -> Handover {
    let stream = sample_stream(random.below(7));
    let of = 1 + u16::try_from(random.below(4)).unwrap();
    let what = random.below(if odd { 22 } else { 12 });
    let it = random.some(writers);
    match what {
        0 => it.claim(),
        1..9 => it.frame(&stream, of),
        9..12 => it.outcome(&stream),
        // A record that leaves one out; a claim that leaves an epoch out; one frame twice.
        12 => Scribe { seq: it.seq + 1, ..it.clone() }.frame(&stream, 1),
        13 => Scribe { epoch: it.epoch + 5, ..it.clone() }.claim(),
        14 => it.clone().frame(&stream, of),
        15 => torn(&it.clone().frame(&stream, 3)),
        // Two owners from here on; the new one has read the lane.
        16 | 17 => {
            let zombie = it.clone();
            let state = log.state(it.lane).unwrap();
            (it.epoch, it.seq, it.head) = (state.epoch, state.seq, state.head);
            let claim = it.claim();
            writers.push(zombie);
            claim
        }
        // Of another past.
        18 => Scribe { head: log::Head([9; 32]), ..it.clone() }.frame(&stream, 1),
        // No record at all.
        _ => it.handover(1, vec![3, 0, 0, 0, 1, 2, 3]),
    }
}

/// A log of its own with a history; how many handovers it has.
fn history(dir: &Path, seed: u64, count: usize, odd: bool) -> Topics {
    let mut options = Options::new(dir);
    for topic in topics(Uuid::nil()).all() {
        options = options.topic(topic.name.as_str(), topic.lanes);
    }
    options.checkpoint_bytes = u64::MAX;
    (options.first_segment_bytes, options.segment_bytes) = (32 << 10, 64 << 10);
    let (log, _) = EmbeddedLog::open(&options).unwrap();
    let mut random = Random(seed);
    let mut writers: Vec<Scribe> =
        log.topics().lanes().map(|lane| Scribe::new(&log, lane)).collect();
    deliver(&log, writers.iter_mut().map(Scribe::claim).collect());
    for _ in 0..count {
        let batch = 1 + random.below(3);
        let batch = (0..batch).map(|_| handover(&log, &mut writers, &mut random, odd));
        let batch = batch.collect::<Vec<_>>().iter().flat_map(split).collect();
        let deliveries = deliver(&log, batch);
        assert!(deliveries.iter().all(|it| matches!(it, Delivery::At { .. })));
    }
    let topics = log.topics().clone();
    log.close().unwrap();
    topics
}

/// What is known after the first so many entries.
fn folded(topics: &Topics, reader: &Reader, entries: usize) -> Lanes {
    let mut lanes = Lanes::new(topics, 0);
    for entry in reader.scan(Location(0)).take(entries) {
        let (location, lane, bytes) = entry.unwrap();
        let (prev, records) = crate::entry::decode(&bytes).unwrap();
        lanes.take(crate::entry::unpack(lane), location, (&prev, None), records).unwrap().unwrap();
    }
    lanes
}

/// Everything that is known of a lane, in one order.
fn picture(lane: &Lane) -> Vec<u8> {
    let mut out = Vec::new();
    lane.write(&mut out);
    lane.streams.index.write(&mut out);
    let streams = out.len() - 24 * lane.streams.index.walk();
    out[streams..].as_chunks_mut::<24>().0.sort_unstable();
    let kept = lane.streams.kept.snapshot();
    out.extend(kept.map(|kept| kept.all_rows().unwrap()).unwrap_or_default());
    out
}

fn assert_same(a: &Lanes, b: &Lanes, why: &str) {
    assert_eq!(a.taken(), b.taken(), "{why}");
    for (a, b) in a.all().zip(b.all()) {
        assert_eq!(a.streams.state(), b.streams.state(), "{why}");
        assert_eq!(picture(a), picture(b), "{why}");
    }
}

fn turn(lanes: &Lanes, id: LaneId, out: &mut Vec<u8>) -> Turn {
    let (known, mut lane) = (lanes.get(id).unwrap(), Vec::new());
    known.write(&mut lane);
    known.streams.index.write(out);
    Turn { held: lanes.taken(), lane, kept: known.streams.kept.snapshot() }
}

/// Brings the older part of every index, with no damage allowed.
fn complete(lanes: &mut Lanes, topics: &Topics) {
    for lane in topics.lanes() {
        let apart = lanes.get(lane).unwrap().streams.index.apart().map(Arc::clone);
        if let Some(apart) = apart {
            lanes.complete(lane, apart.written().unwrap());
        }
    }
}

fn take(dir: &Path, topics: &Topics, reader: &Reader, of: impl Fn(LaneId) -> Arc<Lanes>) {
    let lane = |id, out: &mut Vec<u8>| Ok(turn(&of(id), id, out));
    let taken = write(dir, topics, reader, lane, || Ok(())).unwrap();
    assert_eq!(taken.unwrap().bytes, dir.join(FILE).metadata().unwrap().len());
}

fn reader(dir: &Path) -> Reader {
    Reader::open_read_only(dir.join(SEGMENTS)).unwrap()
}

#[test]
fn reading_on_from_any_place_comes_to_what_reading_all_comes_to() {
    let is_partial = |lane: &Lane| lane.streams.state().is_partial();
    let (mut partial, mut mismatches, mut valid) = (0, 0, 0);
    for seed in 0..6 {
        let dir = tempfile::tempdir().unwrap();
        let topics = history(dir.path(), seed, 40, true);
        let reader = reader(dir.path());
        let entries = reader.scan(Location(0)).count();
        let all = folded(&topics, &reader, entries);
        let places: Vec<Arc<Lanes>> =
            (0..=entries).map(|at| Arc::new(folded(&topics, &reader, at))).collect();
        valid += all.all().map(|lane| lane.streams.state().seq).sum::<u64>();
        partial += places.iter().filter(|it| it.all().any(is_partial)).count();
        mismatches += all.all().map(|lane| lane.streams.mismatches()).sum::<u64>();
        for at in 1..=entries {
            // All lanes at this place, or each later than the one before.
            let spread = [0, 1, 3][at % 3];
            let turns: BTreeMap<LaneId, usize> = (0..)
                .zip(topics.lanes())
                .map(|(turn, lane)| (lane, entries.min(at + turn * spread)))
                .collect();
            take(dir.path(), &topics, &reader, |lane| Arc::clone(&places[turns[&lane]]));
            let found = read(dir.path(), &topics, &reader, Lanes::new(&topics, 0));
            let mut found = found.unwrap().unwrap();
            // What is in it may be asked for before or after what came since.
            if at % 2 == 0 {
                complete(&mut found.lanes, &topics);
            }
            let mut scan = reader.scan(found.from);
            open::walk(dir.path(), &mut scan, &mut found.lanes).unwrap();
            complete(&mut found.lanes, &topics);
            assert_same(&found.lanes, &all, &format!("seed {seed}, place {at}, {spread}"));
        }
    }
    let of_all = (partial, mismatches, valid);
    assert!(partial > 20 && mismatches > 2 && valid > 250, "of everything: {of_all:?}");
}

#[test]
fn every_changed_bit_and_every_cut_is_found() {
    let dir = tempfile::tempdir().unwrap();
    let topics = history(dir.path(), 1, 6, true);
    let reader = reader(dir.path());
    let all = Arc::new(folded(&topics, &reader, usize::MAX));
    take(dir.path(), &topics, &reader, |_| Arc::clone(&all));
    let path = dir.path().join(FILE);
    let whole = fs::read(&path).unwrap();
    let file = File::options().write(true).open(&path).unwrap();
    let is_found = || match read(dir.path(), &topics, &reader, Lanes::new(&topics, 0)) {
        // The rest is read when somebody asks for it.
        Ok(Some(found)) => found.lanes.all().any(|lane| {
            let kept = lane.streams.kept.snapshot();
            let apart = lane.streams.index.apart().unwrap();
            apart.written().is_err() || kept.is_some_and(|kept| kept.all_rows().is_err())
        }),
        other => other.is_err(),
    };
    assert!(!is_found());
    for at in 0..whole.len() {
        for bit in 0..8 {
            file.write_all_at(&[whole[at] ^ 1 << bit], at as u64).unwrap();
            assert!(is_found(), "byte {at} bit {bit}");
        }
        file.write_all_at(&whole[at..=at], at as u64).unwrap();
    }
    file.write_all_at(&[0], whole.len() as u64).unwrap();
    assert!(is_found(), "one byte too many");
    for length in (0..whole.len()).rev() {
        file.set_len(length as u64).unwrap();
        assert!(is_found(), "cut at {length}");
    }
}

#[test]
fn one_that_does_not_fit_the_store_is_passed_over_and_deleted() {
    let (dir, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let topics = history(dir.path(), 1, 30, false);
    let theirs = history(other.path(), 2, 30, false);
    let (reader, store) = (reader(dir.path()), reader(other.path()));
    let all = Arc::new(folded(&theirs, &store, usize::MAX));
    take(other.path(), &theirs, &store, |_| Arc::clone(&all));
    fs::copy(other.path().join(FILE), dir.path().join(FILE)).unwrap();
    let why = |topics| read(dir.path(), topics, &reader, Lanes::new(topics, 0)).err().unwrap();
    assert!(why(&topics).contains("another log"));
    // As after a restore: the same log in a store of its own.
    assert!(why(&theirs).contains("segments"));
    let mut options = Options::new(dir.path());
    options.checkpoint_bytes = u64::MAX;
    let (log, opened) = EmbeddedLog::open(&options).unwrap();
    assert!(opened.passed_over.unwrap().contains("another log"));
    assert_eq!((opened.spared, dir.path().join(FILE).exists()), (0, false));
    drop(log);
    // Ahead of a store that was cut.
    let all = folded(&topics, &reader, usize::MAX);
    let mut footer = Footer {
        place: all.taken(),
        stamp: reader.stamp(all.taken()).unwrap(),
        log: topics.log(),
        topics: Vec::new(),
        parts: Vec::new(),
    };
    assert_eq!(fits(&footer, &topics, &reader), Ok(()));
    footer.place = reader.durable_end();
    assert!(fits(&footer, &topics, &reader).unwrap_err().contains("do not hold"));
}

#[test]
fn a_wrong_head_is_found_by_the_next_handover() {
    let dir = tempfile::tempdir().unwrap();
    let topics = history(dir.path(), 3, 20, false);
    let store = reader(dir.path());
    let half = Arc::new(folded(&topics, &store, 20));
    let wrong = |id, out: &mut Vec<u8>| {
        let mut turn = turn(&half, id, out);
        let head = half.get(id).unwrap().streams.state().head.0;
        let at = turn.lane.windows(32).position(|window| window == head).unwrap();
        turn.lane[at] ^= 1;
        Ok(Turn { kept: None, ..turn })
    };
    write(dir.path(), &topics, &store, wrong, || Ok(())).unwrap().unwrap();
    let mut options = Options::new(dir.path());
    options.checkpoint_bytes = u64::MAX;
    let (log, opened) = EmbeddedLog::open(&options).unwrap();
    assert!(opened.passed_over.unwrap().contains("a head in it"), "the checkpoint was used");
    let all = folded(&topics, &reader(dir.path()), usize::MAX);
    for lane in topics.lanes() {
        assert_eq!(log.state(lane).as_ref(), all.get(lane).map(|lane| lane.streams.state()));
    }
}

#[test]
fn an_index_that_is_damaged_is_made_anew_from_the_segments() {
    let dir = tempfile::tempdir().unwrap();
    let topics = history(dir.path(), 4, 40, true);
    let store = reader(dir.path());
    let entries = store.scan(Location(0)).count();
    let (all, half) = (folded(&topics, &store, entries), folded(&topics, &store, entries / 2));
    let half = Arc::new(half);
    take(dir.path(), &topics, &store, |_| Arc::clone(&half));
    let mut bytes = fs::read(dir.path().join(FILE)).unwrap();
    // The first byte of each index.
    let (footer, _) = read_footer(&File::open(dir.path().join(FILE)).unwrap()).unwrap();
    let mut at = HEAD_BYTES;
    for part in &footer.parts {
        bytes[usize::try_from(at).unwrap()] ^= 1;
        at += part.bytes + part.keys_bytes;
    }
    fs::write(dir.path().join(FILE), bytes).unwrap();
    let found = read(dir.path(), &topics, &store, Lanes::new(&topics, 0));
    let mut lanes = found.unwrap().unwrap().lanes;
    open::walk(dir.path(), &mut store.scan(Location(0)), &mut lanes).unwrap();
    for lane in topics.lanes() {
        let apart = Arc::clone(lanes.get(lane).unwrap().streams.index.apart().unwrap());
        assert_eq!(apart.written().unwrap_err(), "its checksum is wrong");
        lanes.complete(lane, apart.index().unwrap());
    }
    assert_same(&lanes, &all, "half of it from the segments");
}

/// What a decoder allocates is rows of what is there, and maps of them.
const BOUND: fuzz::Bound = fuzz::Bound { bytes: 16 << 10, per_byte: 64 };

#[test]
fn any_bytes_are_a_checkpoint_that_can_be_used_or_none() {
    let dir = tempfile::tempdir().unwrap();
    let topics = history(dir.path(), 5, 30, true);
    let store = reader(dir.path());
    let all = folded(&topics, &store, usize::MAX);
    let mut seeds = Vec::new();
    for known in all.all() {
        let (mut lane, mut index) = (Vec::new(), Vec::new());
        known.write(&mut lane);
        known.streams.index.write(&mut index);
        seeds.extend([lane, index]);
    }
    let part = Part {
        held: all.taken(),
        lane: seeds[0].clone(),
        bytes: 9,
        check: 7,
        keys_bytes: 80,
        keys_check: 5,
    };
    let footer = Footer {
        place: all.taken(),
        stamp: store.stamp(all.taken()).unwrap(),
        log: topics.log(),
        topics: vec![(1, b"suite.events".to_vec()), (2, b"x".to_vec())],
        parts: vec![part; 3],
    };
    seeds.push(footer.encode());
    assert_eq!(Footer::decode(Take(&footer.encode())), Some(footer), "a seed that is none");
    fuzz::fuzz("checkpoint", seeds, BOUND, |bytes| {
        if let Some(footer) = Footer::decode(Take(bytes)) {
            assert_eq!(footer.encode(), bytes, "a second form of a footer");
            return format!("footer of {:?}", footer.topics.iter().map(|it| it.1.len()));
        }
        let mut again = Vec::new();
        if let Some(lane) = Lane::read(Take(bytes), Location(u64::MAX >> 1), |_| Index::default()) {
            lane.write(&mut again);
            assert_eq!(again, bytes, "a second form of a lane");
            return format!("lane, partial: {}", lane.streams.state().is_partial());
        }
        let end = u64::MAX >> 1;
        let Some(index) = Index::read(Take(bytes), end, Location(end)) else {
            return "nothing".to_owned();
        };
        index.write(&mut again);
        assert_eq!(again.len(), bytes.len(), "a second form of an index");
        format!("index, streams: {}", index.walk() > 0)
    });
}
