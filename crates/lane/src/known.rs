//! Answers that were given before: found by key, read back from the log. Not the keys themselves.

use domain::{CommandKey, LaneId, Position, StreamId, Timestamp};
use log::{Body, Fingerprint, Header, Log, Mutant, ReadError, Record, Stored, Verdict};

use crate::answer::{Accepted, Answer, Refused};
use crate::keys::{Place, SEARCH_AFTER_MS};
use crate::owner::Owner;
use crate::submit::Submit;

/// Bytes of one read for the rest of a frame.
const READ_BYTES: usize = 64 << 10;

impl Owner {
    /// What an earlier call with the same key was answered, if there was one.
    pub(crate) fn known_answer(
        &self,
        log: &dyn Log,
        submit: &Submit,
        now: Timestamp,
    ) -> Result<Option<Answer>, ReadError> {
        let Some(key) = submit.key else { return Ok(None) };
        // Whether it is the same command is told when the first one is committed: before that, it may
        // still turn out never to have happened.
        if self.running.contains(&key) && !Mutant::RunningAskedAgain.is_on() {
            return Ok(Some(Answer::StillRunning));
        }
        let at = self.log_time.max(now);
        let old = submit.asked_at.is_some_and(|asked| at.ms_since(asked) > SEARCH_AFTER_MS);
        let records = match self.keys.find(&key) {
            Some(place) => self.frame_at(log, place)?,
            None if old => {
                let frame = self.frame_of(log, &submit.stream, key)?;
                if frame.is_empty() {
                    return Ok(None);
                }
                frame
            }
            None => return Ok(None),
        };
        // A fence asks what became of the key, whatever was asked under it.
        let compared = !submit.fence && !Mutant::BodyNotCompared.is_on();
        let asked = compared.then_some(submit.fingerprint);
        Ok(Some(replayed(self.lane, &records, asked)))
    }

    /// The records of the frame that begins here. Records that are not of it may stand between: those
    /// of a zombie, which are void.
    fn frame_at(&self, log: &dyn Log, place: Place) -> Result<Vec<Record>, ReadError> {
        let mut frame: Vec<Record> = Vec::new();
        let mut offset = place.offset;
        loop {
            let bytes_max = if frame.is_empty() { 1 } else { READ_BYTES };
            let stored = log.read(self.lane, offset, bytes_max)?;
            let Some(last) = stored.last() else { return Ok(Vec::new()) };
            offset = last.offset + 1;
            for stored in &stored {
                let Some(header) = log::readable(self.lane, stored)? else { continue };
                let first = frame.first().map(|first| &first.header);
                if continues(place.seq, first, frame.len(), &header) {
                    frame.push(self.decode(stored)?);
                }
                if frame.first().is_some_and(|first| frame.len() == usize::from(first.header.of)) {
                    return Ok(frame);
                }
            }
        }
    }

    /// The same for a key that is not kept any more, from the history of its stream.
    fn frame_of(
        &self,
        log: &dyn Log,
        stream: &StreamId,
        asked: CommandKey,
    ) -> Result<Vec<Record>, ReadError> {
        let mut frame: Vec<Record> = Vec::new();
        for stored in log.read_stream(self.lane, stream, 0)? {
            let record = self.decode(&stored)?;
            let key = match &record.body {
                Body::Event { meta, .. } => meta.key,
                Body::Outcome(outcome) if outcome.verdict.is_kept() => outcome.key,
                _ => None,
            };
            let same = frame.first().is_none_or(|first| {
                first.header.seq + u64::from(record.header.place) == record.header.seq
            });
            if key == Some(asked) && same {
                frame.push(record);
            }
        }
        Ok(frame)
    }

    pub(crate) fn decode(&self, stored: &Stored) -> Result<Record, ReadError> {
        Record::decode(self.lane, &stored.bytes)
            .map_err(|error| ReadError::Damaged(format!("offset {}: {error}", stored.offset)))
    }
}

/// Whether a record is the next of the frame whose first record has this seq. Within an epoch each seq
/// was written once.
fn continues(seq: u64, first: Option<&Header>, have: usize, next: &Header) -> bool {
    match first {
        None => next.seq == seq && next.place == 0,
        Some(first) => {
            next.epoch == first.epoch
                && next.of == first.of
                && usize::from(next.place) == have
                && next.seq == first.seq + u64::from(next.place)
        }
    }
}

/// The answer that a frame in the log was given; to another command it is another.
fn replayed(lane: LaneId, records: &[Record], asked: Option<Fingerprint>) -> Answer {
    let other = |fingerprint| asked.is_some_and(|asked| fingerprint != Some(asked));
    let Some(first) = records.first() else { return accepted(records) };
    match &first.body {
        Body::Event { fingerprint, .. } if other(*fingerprint) => Answer::KeyReused,
        Body::Outcome(outcome)
            if outcome.verdict != Verdict::Fenced && other(Some(outcome.fingerprint)) =>
        {
            Answer::KeyReused
        }
        Body::Outcome(outcome) => Answer::Refused(Refused {
            stream: outcome.stream.clone(),
            version: outcome.version,
            position: Position { lane, seq: first.header.seq },
            verdict: outcome.verdict,
            rule: outcome.rule.clone(),
            detail: outcome.detail.clone(),
            replayed: true,
        }),
        _ => accepted(records),
    }
}

fn accepted(records: &[Record]) -> Answer {
    let mut answer = None;
    let mut events = Vec::with_capacity(records.len());
    for record in records {
        if let Body::Event { meta, data, .. } = &record.body {
            events.push((meta.id, data.event_type.clone().into_owned()));
            answer = Some((meta.stream.clone(), meta.version, meta.position));
        }
    }
    match answer {
        Some((stream, version, position)) => {
            Answer::Accepted(Accepted { stream, version, position, events, replayed: true })
        }
        None => Answer::Unknown { why: "the outcome of this key cannot be read".to_owned() },
    }
}
