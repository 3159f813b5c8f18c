//! An owner as small as it can be: claims a lane, keeps commands under way, commits by the rule of the
//! expected offset, and when that breaks reads what became of them and claims again. What it must never
//! see: a command it was told is committed and that is not there, or one that is there twice.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use domain::{LaneId, Position};
use log::conformance::{deliver, sample_event, sample_stream};
use log::{
    Body, Chain, Claim, Delivery, Follower, Frame, FrameBuilder, Handover, Log, Record, Sha256Chain,
};

/// Commands under way at once.
const OPEN_MAX: usize = 64;

/// What an owner saw.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// Commands that it was told are committed, with the seq of their first record.
    pub(crate) committed: BTreeMap<u64, u64>,
    /// Epochs that it began.
    pub(crate) epochs: u64,
    /// Times that its epoch broke.
    pub(crate) broken: u64,
    /// The longest time without a commit.
    pub(crate) pause: Duration,
}

/// A frame under way.
struct Open {
    command: u64,
    first_seq: u64,
    expected: u64,
}

/// Runs commands on a lane until told to stop, and then until all are answered.
pub(crate) fn run(log: &dyn Log, lane: LaneId, stop: &AtomicBool) -> Seen {
    run_behind(log, lane, stop, 0)
}

/// The same with commands that are numbered on from `last_command`, when several owners serve a lane.
pub(crate) fn run_behind(
    log: &dyn Log,
    lane: LaneId,
    stop: &AtomicBool,
    last_command: u64,
) -> Seen {
    let mut seen = Seen::default();
    let (mut next_command, mut retry) = (last_command, VecDeque::new());
    let mut follower = Follower::from_start(log, lane);
    let mut last = Instant::now();
    while !stop.load(Ordering::Acquire) || !retry.is_empty() {
        let (mut state, mut next) = take_over(log, &mut follower, &mut seen);
        // What the log holds by now happened; the rest never will.
        retry.retain(|command| !seen.committed.contains_key(command));
        let (tell, told) = mpsc::channel();
        let mut open: VecDeque<Open> = VecDeque::new();
        loop {
            while open.len() < OPEN_MAX && (!retry.is_empty() || !stop.load(Ordering::Acquire)) {
                let command = retry.pop_front().unwrap_or_else(|| {
                    next_command += 1;
                    next_command
                });
                let records = u16::try_from(1 + command % 3).unwrap();
                let bytes = frame(lane, state.epoch, state.seq + 1, records, command);
                let handover = Handover { lane, prev: state.head, records, bytes, after: None };
                open.push_back(Open { command, first_seq: state.seq + 1, expected: next });
                state.head = Sha256Chain::extend(&state.head, &handover.bytes);
                state.seq += u64::from(records);
                next += u64::from(records);
                let tell = tell.clone();
                log.append(vec![handover], Box::new(move |it| drop(tell.send((command, it)))));
            }
            let Some(oldest) = open.front() else { break };
            let (command, delivery) = told.recv_timeout(Duration::from_mins(3)).unwrap();
            // Reports that overtake others come of a producer that took the place of a broken one.
            let expected = [Delivery::At { first: oldest.expected, contiguous: true }];
            if command != oldest.command || delivery != expected {
                seen.broken += 1;
                retry.extend(open.into_iter().map(|it| it.command));
                break;
            }
            seen.committed.insert(command, oldest.first_seq);
            open.pop_front();
            seen.pause = seen.pause.max(last.elapsed());
            last = Instant::now();
        }
    }
    seen
}

struct State {
    epoch: u64,
    seq: u64,
    head: log::Head,
}

/// Reads to the end, claims, and reads on until the claim is current. Gives the state behind it and the
/// offset of the next record.
fn take_over(log: &dyn Log, follower: &mut Follower, seen: &mut Seen) -> (State, u64) {
    let deadline = Instant::now() + Duration::from_mins(1);
    loop {
        assert!(Instant::now() < deadline, "nobody can take the lane over");
        if read_on(log, follower, seen).is_err() {
            std::thread::sleep(Duration::from_millis(100));
            continue;
        }
        let state = follower.state();
        let claim = Claim {
            id: uuid::Uuid::new_v4(),
            at: domain::Timestamp::from_millis(1),
            node: "test".to_owned(),
            url: String::new(),
        };
        let bytes = Record::claim(state.epoch + 1, &claim);
        let (lane, prev, epoch) = (follower.lane(), state.head, state.epoch + 1);
        let claimed = deliver(log, vec![Handover { lane, prev, records: 1, bytes, after: None }]);
        let won = |frames: Vec<Frame>| {
            frames.last().is_some_and(|last| match &last.records[0].body {
                Body::Claim(it) => it.id == claim.id,
                _ => false,
            })
        };
        let read = read_on(log, follower, seen);
        if matches!(claimed[..], [Delivery::At { .. }]) && read.is_ok_and(won) {
            seen.epochs += 1;
            let state = follower.state();
            assert_eq!(state.epoch, epoch);
            return (State { epoch, seq: state.seq, head: state.head }, follower.offset());
        }
    }
}

fn read_on(
    log: &dyn Log,
    follower: &mut Follower,
    seen: &mut Seen,
) -> Result<Vec<Frame>, log::ReadError> {
    let mut all = Vec::new();
    loop {
        let frames = follower.poll(log)?;
        if frames.is_empty() {
            return Ok(all);
        }
        for frame in &frames {
            if let Some(command) = command_of(frame) {
                let before = seen.committed.insert(command, frame.first);
                assert!(
                    before.is_none_or(|before| before == frame.first),
                    "command {command} is there twice"
                );
            }
        }
        all.extend(frames);
    }
}

fn frame(lane: LaneId, epoch: u64, seq: u64, records: u16, command: u64) -> Vec<u8> {
    let mut frame = FrameBuilder::new(epoch, seq, records);
    for place in 0..records {
        let position = Position { lane, seq: seq + u64::from(place) };
        let (meta, mut data) = sample_event(&sample_stream(command % 100), position);
        data.datum = [command.to_le_bytes().to_vec(), vec![7; 150]].concat();
        frame.event(&meta, &data, None);
    }
    frame.finish()
}

fn command_of(frame: &Frame) -> Option<u64> {
    match &frame.records[0].body {
        Body::Event { data, .. } => Some(u64::from_le_bytes(data.datum[..8].try_into().unwrap())),
        _ => None,
    }
}

/// Every command of the valid history with the seq of its first record; fails when one is there twice.
pub(crate) fn history(log: &dyn Log, lane: LaneId) -> (BTreeMap<u64, u64>, u64) {
    let mut follower = Follower::from_start(log, lane);
    let mut seen = Seen::default();
    let frames = read_on(log, &mut follower, &mut seen).unwrap();
    let commands = frames.iter().filter_map(command_of).count();
    assert_eq!(commands, seen.committed.len(), "a command is there twice");
    (seen.committed, follower.voids().count)
}
