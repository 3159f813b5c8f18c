//! Writes a lane as an owner would, and as none should. Not an owner: it decides nothing.

use std::borrow::Cow;
use std::sync::mpsc;
use std::time::Duration;

use domain::{
    ActorId, CommandKey, EventData, EventId, LaneId, Meta, Position, StreamId, TenantId, Timestamp,
};
use uuid::Uuid;

use crate::{
    Chain, Claim, Delivery, Fingerprint, FrameBuilder, Handover, Head, Log, Outcome, Record,
    Sha256Chain, Verdict,
};

/// Longer than any healthy log takes for one handover.
const DELIVERY_TIMEOUT: Duration = Duration::from_secs(30);

/// What a writer of one lane knows.
#[derive(Debug, Clone)]
pub struct Scribe {
    /// The lane.
    pub lane: LaneId,
    /// Its epoch.
    pub epoch: u64,
    /// Valid records so far.
    pub seq: u64,
    /// The head after them.
    pub head: Head,
}

impl Scribe {
    /// Before the first record of a lane.
    pub fn new(log: &dyn Log, lane: LaneId) -> Self {
        Self { lane, epoch: 0, seq: 0, head: log.topics().genesis(lane) }
    }

    /// The next claim; from here on the scribe writes in its epoch.
    pub fn claim(&mut self) -> Handover {
        self.epoch += 1;
        let claim = Claim {
            id: number(self.epoch << 32 | self.seq),
            at: Timestamp::from_millis(1_000),
            node: "suite".to_owned(),
            url: String::new(),
        };
        let handover = self.handover(1, Record::claim(self.epoch, &claim));
        self.advance(1, &handover.bytes);
        handover
    }

    /// A frame of `of` events of a stream.
    pub fn frame(&mut self, stream: &StreamId, of: u16) -> Handover {
        let mut frame = FrameBuilder::new(self.epoch, self.seq + 1, of);
        for place in 0..of {
            let (meta, data) = sample_event(stream, self.position(self.seq + 1 + u64::from(place)));
            frame.event(&meta, &data, (place == 0).then_some(Fingerprint([7; 16])));
        }
        let handover = self.handover(of, frame.finish());
        self.advance(of, &handover.bytes);
        handover
    }

    /// A frame of one outcome of a stream.
    pub fn outcome(&mut self, stream: &StreamId) -> Handover {
        let mut frame = FrameBuilder::new(self.epoch, self.seq + 1, 1);
        frame.outcome(&sample_outcome(stream));
        let handover = self.handover(1, frame.finish());
        self.advance(1, &handover.bytes);
        handover
    }

    /// A handover of `records` records that the scribe has not written: nothing is counted.
    pub fn handover(&self, records: u16, bytes: Vec<u8>) -> Handover {
        Handover { lane: self.lane, prev: self.head, records, bytes, after: None }
    }

    fn position(&self, seq: u64) -> Position {
        Position { lane: self.lane, seq }
    }

    fn advance(&mut self, records: u16, bytes: &[u8]) {
        self.seq += u64::from(records);
        self.head = Sha256Chain::extend(&self.head, bytes);
    }
}

/// An id that says which it is.
fn number(of: u64) -> Uuid {
    Uuid::from_u64_pair(0x0190_e2a4_0000_7000, 0x8000_0000_0000_0000 | of)
}

/// The suite's stream of this number.
pub fn sample_stream(of: u64) -> StreamId {
    StreamId::new("sample", number(of))
}

/// An event of a stream at a position, with everything that an envelope can hold.
pub fn sample_event(stream: &StreamId, position: Position) -> (Meta, EventData) {
    let seq = position.seq;
    let meta = Meta {
        id: EventId(number(
            seq << 24 | u64::from(position.lane.topic.0) << 16 | u64::from(position.lane.index),
        )),
        stream: stream.clone(),
        version: seq,
        position,
        recorded_at: Timestamp::from_millis(i64::try_from(seq).unwrap_or(i64::MAX)),
        tenant: TenantId::from_static("local"),
        actor: ActorId::from_static("suite"),
        correlation: number(seq),
        causation: seq.is_multiple_of(2).then(|| number(seq / 2)),
        key: seq.is_multiple_of(3).then(|| CommandKey(*number(seq).as_bytes())),
        trace: None,
    };
    // Of different lengths, so that pages end everywhere.
    let datum = seq.to_le_bytes().repeat(1 + usize::try_from(seq % 13).unwrap_or(0));
    let event_type = Cow::Borrowed("suite.sample.happened.v1");
    (meta, EventData { event_type, fingerprint: 42, datum })
}

/// An outcome of a stream.
pub fn sample_outcome(stream: &StreamId) -> Outcome {
    Outcome {
        recorded_at: Timestamp::from_millis(2_000),
        stream: stream.clone(),
        version: 1,
        tenant: TenantId::from_static("local"),
        actor: ActorId::from_static("suite"),
        correlation: number(1),
        key: Some(CommandKey([1; 16])),
        fingerprint: Fingerprint([2; 16]),
        verdict: Verdict::Conflict,
        rule: "already_there".to_owned(),
        detail: "it is already there".to_owned(),
    }
}

/// Hands over and waits for the deliveries.
pub fn deliver(log: &dyn Log, handovers: Vec<Handover>) -> Vec<Delivery> {
    let (tell, told) = mpsc::channel();
    log.append(handovers, Box::new(move |deliveries| drop(tell.send(deliveries))));
    told.recv_timeout(DELIVERY_TIMEOUT).expect("every handover is answered")
}

/// Hands over and waits; every handover must have become durable. Gives the first offsets.
pub(super) fn deliver_all(log: &dyn Log, handovers: Vec<Handover>) -> Vec<u64> {
    let deliveries = deliver(log, handovers).into_iter();
    deliveries
        .map(|delivery| match delivery {
            Delivery::At { first, contiguous: true } => first,
            other => panic!("a healthy log delivers in one piece: {other:?}"),
        })
        .collect()
}
