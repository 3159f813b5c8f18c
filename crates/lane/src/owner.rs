//! The owner of one lane: decides commands on speculative state, answers after the commit. No I/O of
//! its own: it is handed what was read and delivered, and says what to hand over and to answer.

use std::collections::VecDeque;

use domain::{CommandKey, LaneId, Timestamp};
use log::{Claim, Handover, KeyAt, LaneState, Log, Mutant, ReadError, Record, Sha256Chain};
use uuid::Uuid;

use crate::answer::Answer;
use crate::cluster::Node;
use crate::keys::{Keys, Place};
use crate::maps::Set;
use crate::states::States;
use crate::submit::Submit;
use crate::tenure::{Delivered, Tenure};

/// Aggregates of one lane kept in memory (twice this at most): what a table of 16,384 places holds.
const STATES_YOUNG_MAX: usize = 14_336;
/// Commands that wait in a lane while it is taken over.
pub(crate) const WAITING_MAX: usize = 4_096;

/// Whom to answer.
pub type Ticket = u64;

/// What the shell must do.
#[derive(Debug)]
pub enum Action {
    /// Hand these records to the log and report the delivery with this mark.
    HandOver(Handover, Mark),
    /// Answer a caller.
    Answer(Ticket, Answer),
}

/// Names a handover in its delivery report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    /// The epoch it was handed over in; for a claim the one it begins.
    pub epoch: u64,
    /// The seq of its first record; 0 for a claim.
    pub first_seq: u64,
}

/// The owner of one lane.
#[derive(Debug)]
pub struct Owner {
    pub(crate) lane: LaneId,
    pub(crate) node: Node,
    pub(crate) tenure: Tenure<Sha256Chain>,
    pub(crate) claim_id: Uuid,
    pub(crate) states: States,
    pub(crate) keys: Keys,
    /// Keys of open frames: asked again, they are still running.
    pub(crate) running: Set<CommandKey>,
    pub(crate) log_time: Timestamp,
    pub(crate) open: VecDeque<Open>,
    pub(crate) waiting: VecDeque<(Ticket, Submit)>,
    /// Open frames of epochs that broke, until it is known what became of them.
    pub(crate) lost: Vec<(Open, Fate)>,
    /// The records of a frame under assembly, with their offsets.
    pub(crate) pending: Vec<(u64, Record)>,
    /// The newest valid claim.
    pub(crate) claim: Option<Claim>,
    /// Answers to what was lost and is known now, until the shell takes them.
    pub(crate) told: Vec<Action>,
}

/// What is known of a frame whose epoch broke.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    NotSeen,
    InTheLog,
}

/// A frame that is handed over and not committed.
#[derive(Debug)]
pub(crate) struct Open {
    pub(crate) ticket: Ticket,
    pub(crate) epoch: u64,
    /// Where it will lie.
    pub(crate) place: Place,
    pub(crate) recorded_at: Timestamp,
    pub(crate) key: Option<CommandKey>,
    /// Whether its outcome is kept under the key.
    pub(crate) keep: bool,
    pub(crate) answer: Answer,
}

impl Owner {
    /// A node that knows of the lane what the log remembers, or nothing yet.
    pub fn new(log: &dyn Log, lane: LaneId, node: &Node) -> Self {
        let mut it = Self {
            lane,
            node: node.clone(),
            tenure: Tenure::new(LaneState::new(log.topics().genesis(lane)), 0),
            claim_id: Uuid::nil(),
            states: States::new(STATES_YOUNG_MAX),
            keys: Keys::default(),
            running: Set::default(),
            log_time: Timestamp::default(),
            open: VecDeque::new(),
            waiting: VecDeque::new(),
            lost: Vec::new(),
            pending: Vec::new(),
            claim: None,
            told: Vec::new(),
        };
        // What is wrong with the log is told when the lane is read.
        if let Ok(Some(recall)) = log.recall(lane) {
            it.recall(recall);
        }
        it
    }

    /// Whether it serves.
    pub const fn is_serving(&self) -> bool {
        self.tenure.is_serving()
    }

    /// Whether its claim is under way.
    pub const fn is_claiming(&self) -> bool {
        self.tenure.is_claiming()
    }

    /// The current epoch and how many valid records the lane has, as far as committed.
    pub const fn known(&self) -> (u64, u64) {
        (self.tenure.known().epoch, self.tenure.known().seq)
    }

    /// The newest valid claim of the lane, as far as it was read.
    pub const fn claim(&self) -> Option<&Claim> {
        self.claim.as_ref()
    }

    /// Whether the newest valid claim is one that this owner did not write.
    pub fn is_rivalled(&self) -> bool {
        self.claim.as_ref().is_some_and(|claim| claim.id != self.claim_id)
    }

    /// Whether it ever wrote a claim.
    pub const fn has_claimed(&self) -> bool {
        !self.claim_id.is_nil()
    }

    /// Whether a record lies where only an own one may.
    pub fn is_intruded(&self, log: &dyn Log) -> bool {
        self.tenure.next_own().is_some_and(|next| log.ready(self.lane) > next)
    }

    /// Reads what can be read at once and writes a claim of the next epoch. `claim_id` is drawn anew for
    /// each call.
    pub fn take_over(
        &mut self,
        log: &dyn Log,
        claim_id: Uuid,
        now: Timestamp,
    ) -> Result<Action, ReadError> {
        self.follow(log)?;
        self.claim_id = claim_id;
        let claim = Claim {
            id: claim_id,
            at: self.log_time.max(now),
            node: self.node.name.clone(),
            url: self.node.url.clone(),
        };
        let epoch = self.tenure.next_epoch();
        let bytes = Record::claim(epoch, &claim);
        self.tenure.claim(bytes.clone());
        let prev = self.tenure.known().head;
        let handover = Handover { lane: self.lane, prev, records: 1, bytes, after: None };
        Ok(Action::HandOver(handover, Mark { epoch, first_seq: 0 }))
    }

    /// A delivery report of this lane.
    pub fn delivered(
        &mut self,
        log: &dyn Log,
        mark: Mark,
        at: Option<u64>,
    ) -> Result<Vec<Action>, ReadError> {
        if mark.first_seq == 0 {
            return self.claim_delivered(log, mark, at);
        }
        match self.tenure.delivered(mark.epoch, mark.first_seq, at) {
            Delivered::Committed(count) => {
                let mut actions = Vec::with_capacity(count);
                for _ in 0..count {
                    if let Some(open) = self.open.pop_front() {
                        self.commit(open, &mut actions);
                    }
                }
                Ok(actions)
            }
            Delivered::Broken => {
                self.lose();
                Ok(Vec::new())
            }
            Delivered::Stale => Ok(Vec::new()),
        }
    }

    fn commit(&mut self, open: Open, actions: &mut Vec<Action>) {
        if let Some(key) = open.key {
            self.running.remove(&key);
            if open.keep && !Mutant::KeyNotKept.is_on() {
                let Place { offset, seq } = open.place;
                self.keys.keep(KeyAt { key, at: open.recorded_at, offset, seq });
            }
        }
        actions.push(Action::Answer(open.ticket, open.answer));
    }

    /// The claim is in the log or not: reading on tells, now or when it can be read. When it did not win,
    /// the owner follows again and the shell takes over anew after a while.
    fn claim_delivered(
        &mut self,
        log: &dyn Log,
        mark: Mark,
        at: Option<u64>,
    ) -> Result<Vec<Action>, ReadError> {
        if !self.tenure.is_claiming() || mark.epoch != self.tenure.next_epoch() {
            return Ok(Vec::new());
        }
        self.follow(log)?;
        if self.tenure.is_claiming() && at.is_none_or(|at| at < self.tenure.next_offset()) {
            self.tenure.fail();
        }
        Ok(Vec::new())
    }

    /// Answers to what was lost, as far as its fate is known now.
    pub fn told(&mut self) -> Vec<Action> {
        std::mem::take(&mut self.told)
    }

    /// Serves no more, and reads again. Only when nothing is open.
    ///
    /// # Panics
    /// When something is open.
    pub fn resign(&mut self) {
        assert!(self.open.is_empty(), "what is open is answered before the lane is left");
        self.tenure.fail();
        self.states.clear();
    }

    /// Whether something is handed over and not committed.
    pub fn has_open(&self) -> bool {
        !self.open.is_empty()
    }

    /// Everything open is unknown. What became of it is known when the next own claim is read back.
    pub fn lose(&mut self) {
        self.tenure.fail();
        if !Mutant::LostStateKept.is_on() {
            self.states.clear();
        }
        self.lost.extend(self.open.drain(..).map(|open| (open, Fate::NotSeen)));
    }

    /// A newer claim is current: what was lost and is not in the log by now never happened.
    pub(crate) fn settle(&mut self) {
        for (open, fate) in std::mem::take(&mut self.lost) {
            if let Some(key) = open.key {
                self.running.remove(&key);
            }
            let answer = match fate {
                Fate::InTheLog if !Mutant::FoundTakenForLost.is_on() => open.answer,
                Fate::NotSeen if Mutant::LostTakenForDone.is_on() => open.answer,
                _ => self.elsewhere(),
            };
            self.told.push(Action::Answer(open.ticket, answer));
        }
    }

    /// What a command is told that this node does not take.
    pub fn elsewhere(&self) -> Answer {
        match &self.claim {
            Some(claim) if !claim.url.is_empty() && claim.url != self.node.url => {
                Answer::Elsewhere { url: claim.url.clone() }
            }
            _ => Answer::Unavailable {
                why: "the lane changes its owner; nothing happened".to_owned(),
            },
        }
    }

    /// Commands that came while the lane was taken over; to be submitted now.
    pub fn waiting(&mut self) -> VecDeque<(Ticket, Submit)> {
        std::mem::take(&mut self.waiting)
    }

    /// Whether commands wait.
    pub fn has_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Whether one more may wait.
    pub fn has_room(&self) -> bool {
        self.waiting.len() < WAITING_MAX
    }

    /// Lets a command wait until the lane is served, here or elsewhere.
    pub fn wait(&mut self, ticket: Ticket, submit: Submit) {
        self.waiting.push_back((ticket, submit));
    }

    /// Nothing can be taken any more: everyone who waits is told so.
    pub fn give_up(&mut self, why: &str) -> Vec<Action> {
        self.tenure.fail();
        self.states.clear();
        self.running.clear();
        let unknown = self
            .open
            .drain(..)
            .chain(self.lost.drain(..).map(|(open, _)| open))
            .map(|open| open.ticket);
        let mut actions: Vec<_> = unknown
            .map(|ticket| Action::Answer(ticket, Answer::Unknown { why: why.to_owned() }))
            .collect();
        let waiting = self.waiting.drain(..).map(|(ticket, _)| ticket);
        actions.extend(
            waiting.map(|t| Action::Answer(t, Answer::Unavailable { why: why.to_owned() })),
        );
        actions
    }
}
