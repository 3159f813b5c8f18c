//! What an owner does with a command: loads the aggregate, decides, hands the frame over. Earlier
//! answers are found in `known`; the protocol around it is in `owner`.

use std::collections::hash_map::Entry;

use domain::{EventData, EventId, Meta, Position, StreamId, Timestamp};
use log::{FrameBuilder, Handover, Log, Mutant, Outcome, ReadError, Verdict};
use uuid::Uuid;

use crate::answer::{Accepted, Answer, Refused};
use crate::commands::RETRY_AFTER_MS;
use crate::handler::{Deciders, Handler, NoEvent, Refusal};
use crate::history::History;
use crate::keys::Place;
use crate::owner::{Action, Mark, Open, Owner, Ticket, WAITING_MAX};
use crate::snapshots::Snapshots;
use crate::states::Loaded;
use crate::submit::Submit;

/// Epoch and seq of the first record of a frame, and the head before it.
type Frame = (u64, u64, log::Head);

impl Owner {
    /// A command for this lane.
    pub fn submit(
        &mut self,
        log: &dyn Log,
        ticket: Ticket,
        mut submit: Submit,
        deciders: &Deciders,
        now: Timestamp,
    ) -> Result<Option<Action>, ReadError> {
        let Some(frame) = self.tenure.next_frame() else {
            if self.waiting.len() >= WAITING_MAX {
                return answer(ticket, Answer::Overloaded { retry_after_ms: RETRY_AFTER_MS });
            }
            self.waiting.push_back((ticket, submit));
            return Ok(None);
        };
        if submit.fence && submit.key.is_none() {
            let why = "a fence has no key that it could fence".to_owned();
            return answer(ticket, Answer::Unavailable { why });
        }
        if let Some(known) = self.known_answer(log, &submit, now)? {
            return answer(ticket, known);
        }
        let Some(handler) = deciders.of(submit.stream.category()) else {
            let why = format!("no aggregate is called {}", submit.stream.category());
            return answer(ticket, Answer::Unavailable { why });
        };
        let at = if Mutant::ClockTakenAsItIs.is_on() { now } else { self.log_time.max(now) };
        let loaded = match self.load(log, &submit.stream, handler.as_ref(), deciders.snapshots())? {
            Ok(loaded) => loaded,
            Err(why) => return answer(ticket, Answer::Unavailable { why }),
        };
        let (before, decided) = decide(handler.as_ref(), loaded, &mut submit, at);
        match decided {
            Ok(events) => {
                loaded.version += events.len() as u64;
                loaded.tenant.get_or_insert_with(|| submit.tenant.clone());
                loaded.newest = frame.1;
                Ok(Some(self.accept(ticket, submit, (before, at), events, frame)))
            }
            Err(NoEvent::Refused(refusal)) => {
                loaded.newest = frame.1;
                Ok(Some(self.refuse(ticket, submit, (before, at), refusal, frame)))
            }
            Err(NoEvent::Broken(why)) => answer(ticket, Answer::Unavailable { why }),
            Err(NoEvent::Poisoned(why)) => {
                self.lose();
                answer(ticket, Answer::Unavailable { why })
            }
        }
    }

    /// The aggregate as it will be when everything open is committed.
    fn load(
        &mut self,
        log: &dyn Log,
        stream: &StreamId,
        handler: &dyn Handler,
        snapshots: Option<&Snapshots>,
    ) -> Result<Result<&mut Loaded, String>, ReadError> {
        let lane = self.lane;
        match self.states.place(stream, self.tenure.known().seq) {
            Entry::Occupied(known) => Ok(Ok(known.into_mut())),
            Entry::Vacant(room) => {
                let loaded = match snapshots {
                    Some(snapshots) => History::load(log, lane, stream, handler, snapshots)?,
                    None => History::read(log, lane, stream, handler)?,
                };
                Ok(loaded.map(|History { state, version, tenant }| {
                    room.insert(Loaded { state, version, tenant, newest: 0 })
                }))
            }
        }
    }

    fn accept(
        &mut self,
        ticket: Ticket,
        submit: Submit,
        (before, at): (u64, Timestamp),
        events: Vec<EventData>,
        (epoch, first_seq, prev): Frame,
    ) -> Action {
        self.log_time = at;
        let of = u16::try_from(events.len()).expect("the handler bounds the events of a command");
        let mut frame = FrameBuilder::new(epoch, first_seq, of);
        let mut meta = Meta {
            id: EventId(Uuid::nil()),
            stream: submit.stream.clone(),
            version: before,
            position: Position { lane: self.lane, seq: first_seq - 1 },
            recorded_at: self.log_time,
            tenant: submit.tenant,
            actor: submit.actor,
            correlation: submit.correlation,
            causation: submit.causation,
            key: submit.key,
            trace: submit.trace,
        };
        let mut told = Vec::with_capacity(events.len());
        let mut fingerprint = submit.key.map(|_| submit.fingerprint);
        for data in events {
            meta.version += 1;
            meta.position.seq += 1;
            meta.id = event_id(self.claim_id, meta.position.seq, self.log_time);
            frame.event(&meta, &data, fingerprint.take());
            told.push((meta.id, data.event_type.into_owned()));
        }
        let accepted = Accepted {
            stream: submit.stream,
            version: meta.version,
            position: meta.position,
            events: told,
            replayed: false,
        };
        let open = Open {
            ticket,
            epoch,
            place: Place { offset: 0, seq: first_seq },
            recorded_at: self.log_time,
            key: submit.key,
            keep: true,
            answer: Answer::Accepted(accepted),
        };
        self.hand_over(open, of, prev, frame.finish())
    }

    fn refuse(
        &mut self,
        ticket: Ticket,
        submit: Submit,
        (version, at): (u64, Timestamp),
        refusal: Refusal,
        (epoch, first_seq, prev): Frame,
    ) -> Action {
        self.log_time = at;
        let refused = Refused {
            stream: submit.stream.clone(),
            version,
            position: Position { lane: self.lane, seq: first_seq },
            verdict: refusal.verdict,
            rule: refusal.rule.to_owned(),
            detail: refusal.detail.clone(),
            replayed: false,
        };
        let passed = refusal.verdict == Verdict::Fenced && Mutant::FencePassed.is_on();
        let keep = (refusal.verdict.is_kept() && !passed) || Mutant::ConflictKept.is_on();
        let outcome = Outcome {
            recorded_at: self.log_time,
            stream: submit.stream,
            version,
            tenant: submit.tenant,
            actor: submit.actor,
            correlation: submit.correlation,
            key: submit.key,
            fingerprint: submit.fingerprint,
            verdict: refusal.verdict,
            rule: refusal.rule.to_owned(),
            detail: refusal.detail,
        };
        let mut frame = FrameBuilder::new(epoch, first_seq, 1);
        frame.outcome(&outcome);
        let open = Open {
            ticket,
            epoch,
            place: Place { offset: 0, seq: first_seq },
            recorded_at: self.log_time,
            key: submit.key,
            keep,
            answer: Answer::Refused(refused),
        };
        self.hand_over(open, 1, prev, frame.finish())
    }

    fn hand_over(
        &mut self,
        mut open: Open,
        records: u16,
        prev: log::Head,
        bytes: Vec<u8>,
    ) -> Action {
        open.place.offset = self.tenure.hand_over(records, &bytes);
        let mark = Mark { epoch: open.epoch, first_seq: open.place.seq };
        if let Some(key) = open.key {
            self.running.insert(key);
        }
        self.open.push_back(open);
        let after = self.tenure.next_frame().map(|(_, _, head)| head);
        Action::HandOver(Handover { lane: self.lane, prev, records, bytes, after }, mark)
    }
}

#[expect(clippy::unnecessary_wraps, reason = "every way out of `submit` has this shape")]
const fn answer(ticket: Ticket, answer: Answer) -> Result<Option<Action>, ReadError> {
    Ok(Some(Action::Answer(ticket, answer)))
}

/// What a key is told that nothing happened under, and nothing will.
fn fenced() -> Refusal {
    let detail = "what was asked under this key was taken back before it arrived".to_owned();
    Refusal { verdict: Verdict::Fenced, rule: "fenced", detail }
}

/// Asks the rule, unless it is a fence; gives the version it was asked at. No events means that the fact stands already, which
/// is an outcome too.
fn decide(
    handler: &dyn Handler,
    loaded: &mut Loaded,
    submit: &mut Submit,
    at: Timestamp,
) -> (u64, Result<Vec<EventData>, NoEvent>) {
    let refused = |verdict, rule, detail| Err(NoEvent::Refused(Refusal { verdict, rule, detail }));
    // To another tenant a stream is one that was never begun, in every answer.
    let foreign = loaded.tenant.as_ref().is_some_and(|tenant| *tenant != submit.tenant)
        && !Mutant::TenantNotCompared.is_on();
    let before = if foreign { 0 } else { loaded.version };
    if submit.fence {
        return (before, Err(NoEvent::Refused(fenced())));
    }
    let asked_at = submit.expected.filter(|_| !Mutant::VersionNotCompared.is_on());
    if asked_at.is_some_and(|expected| expected != before) {
        let detail = format!("{} is at version {before}", submit.stream);
        return (before, refused(Verdict::WrongVersion, "wrong_version", detail));
    }
    let command = std::mem::replace(&mut submit.command, Box::new(()));
    let decided = if foreign {
        handler.decide(&mut handler.fresh(), command, at).and_then(|_| {
            refused(Verdict::Absent, "absent", "there is no such aggregate".to_owned())
        })
    } else {
        handler.decide(&mut loaded.state, command, at)
    };
    let nothing = |events: Vec<EventData>| {
        if events.is_empty() { refused(Verdict::Nothing, "", String::new()) } else { Ok(events) }
    };
    (before, decided.and_then(nothing))
}

/// A UUIDv7 (RFC 9562) whose random part is a mix of claim and seq: unique without a random source,
/// because a claim's id is drawn for it alone and a seq is used once in an epoch.
fn event_id(claim: Uuid, seq: u64, at: Timestamp) -> EventId {
    let (high, low) = claim.as_u64_pair();
    let tail = mix(low ^ seq.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let short = mix(high.wrapping_add(seq)) & 0xfff;
    let millis = u64::try_from(at.as_millis()).unwrap_or_default() & 0xffff_ffff_ffff;
    let high = (millis << 16) | 0x7000 | short;
    let low = (tail >> 2) | (0b10 << 62);
    EventId(Uuid::from_u64_pair(high, low))
}

/// The finaliser of `SplitMix64` (Steele, Lea, Flood 2014): a bijection that spreads every bit.
const fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
