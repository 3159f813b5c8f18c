//! The log on Kafka, driven as an owner drives it.

use std::sync::mpsc;
use std::time::{Duration, Instant};

use domain::{LaneId, Position};
use log::conformance::{deliver, sample_event, sample_stream};
use log::{Chain, Claim, Delivery, FrameBuilder, Handover, Log, Record, Sha256Chain};

use crate::measured::Measured;
use crate::{DATUM_BYTES, RECORDS};

/// The owner of a lane, as far as writing goes.
pub(crate) struct Owner {
    lane: LaneId,
    epoch: u64,
    seq: u64,
    head: log::Head,
    next: u64,
    pub(crate) written: u64,
}

impl Owner {
    pub(crate) fn claim(log: &dyn Log, lane: LaneId) -> Self {
        let at = domain::Timestamp::from_millis(1);
        let claim =
            Claim { id: uuid::Uuid::new_v4(), at, node: "bench".into(), url: String::new() };
        let (prev, bytes) = (log.topics().genesis(lane), Record::claim(1, &claim));
        let head = Sha256Chain::extend(&prev, &bytes);
        let begun = Instant::now();
        let claimed = deliver(log, vec![Handover { lane, prev, records: 1, bytes, after: None }]);
        println!("first acknowledgement, log-kafka: {:?}", begun.elapsed());
        assert_eq!(claimed, [Delivery::At { first: 0, contiguous: true }]);
        Self { lane, epoch: 1, seq: 1, head, next: 1, written: 0 }
    }

    fn frame(&mut self) -> Handover {
        let mut frame = FrameBuilder::new(self.epoch, self.seq + 1, RECORDS);
        for place in 0..u64::from(RECORDS) {
            let position = Position { lane: self.lane, seq: self.seq + 1 + place };
            let (meta, mut data) = sample_event(&sample_stream(self.seq % 1_000), position);
            data.datum = vec![7; DATUM_BYTES];
            frame.event(&meta, &data, None);
        }
        let bytes = frame.finish();
        let (lane, prev) = (self.lane, self.head);
        self.head = Sha256Chain::extend(&self.head, &bytes);
        self.seq += u64::from(RECORDS);
        self.written += u64::from(RECORDS);
        Handover { lane, prev, records: RECORDS, bytes, after: None }
    }

    /// Keeps so many frames open, as an owner does: in rounds of what has come back.
    pub(crate) fn run(&mut self, log: &dyn Log, open_max: u64, lasts: Duration) -> Measured {
        let (tell, told) = mpsc::channel();
        let begun = Instant::now();
        let (mut open, mut records, mut latencies) = (0, 0, Vec::new());
        while begun.elapsed() < lasts || open > 0 {
            while open < open_max && begun.elapsed() < lasts {
                let (handover, tell, at) = (self.frame(), tell.clone(), Instant::now());
                let done = move |it: Vec<Delivery>| drop(tell.send((it, at.elapsed())));
                log.append(vec![handover], Box::new(done));
                open += 1;
            }
            let mut next = told.recv().ok();
            while let Some((delivery, latency)) = next {
                assert_eq!(delivery, [Delivery::At { first: self.next, contiguous: true }]);
                self.next += u64::from(RECORDS);
                records += u64::from(RECORDS);
                latencies.push(latency);
                open -= 1;
                next = told.try_recv().ok();
            }
        }
        Measured { records, took: begun.elapsed(), latencies }
    }
}
