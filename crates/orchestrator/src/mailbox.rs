//! Events from outside that reach a saga: what it has met, what it holds while it is parked, and what
//! becomes of them when it goes on. Not the answers of its targets, which are recorded at once.

use std::collections::VecDeque;

use domain::saga::{Late, Saga};
use domain::{EventId, Timestamp};
use serde::{Deserialize, Serialize};

use crate::code::ms;
use crate::decide::Deciding;
use crate::event::Event;
use crate::instance::Instance;
use crate::words::{Cause, LateWord, Purpose};

/// Most events that one saga holds; more are shown to a human.
pub const MAILBOX_MAX: usize = 64;
/// Events that a saga remembers to have met: more than a pump offers again behind its mark.
const MET_MAX: usize = 256;

/// An event that a parked saga holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// Its id.
    pub event: EventId,
    /// Until when it is held; `None`: as long as it takes.
    pub until: Option<Timestamp>,
    /// Why everything is to be taken back, when it asks for that.
    pub cancel: Option<String>,
}

/// Which events a saga has met, the newest last.
pub(crate) type Met = VecDeque<EventId>;

impl Instance {
    /// Whether it has met this event: it hears of it no second time. An event means one thing to one
    /// saga.
    pub fn has_met(&self, event: EventId) -> bool {
        self.met.contains(&event)
    }

    /// Whether it waits as a whole for somebody who decides about all of it. A deadline that has passed
    /// is no such thing: taking everything back is an answer to it.
    fn is_held(&self) -> bool {
        let whole =
            |cause| matches!(cause, Cause::OperatorHold | Cause::Poison | Cause::NoExecutor);
        self.parks.get("").is_some_and(|park| whole(park.cause))
    }

    pub(crate) fn meets(&mut self, event: EventId) {
        if !self.has_met(event) {
            self.met.push_back(event);
        }
        if self.met.len() > MET_MAX {
            self.met.pop_front();
        }
    }

    /// Something became of an event from outside.
    pub(crate) fn late(&mut self, late: &Event) {
        let Event::LateEvent { event, policy, until, cancel, .. } = late else { return };
        self.meets(*event);
        self.mailbox.retain(|held| held.event != *event);
        if *policy == LateWord::Buffered {
            let (event, until, cancel) = (*event, *until, cancel.clone());
            return self.mailbox.push(Held { event, until, cancel });
        }
        let mailbox = &self.mailbox;
        self.timers.retain(|_, timer| {
            timer.purpose != Purpose::Held || mailbox.iter().any(|it| it.until == Some(timer.at))
        });
    }
}

/// An event that becomes something else than held.
fn becomes(event: EventId, policy: LateWord, why: &str) -> Event {
    Event::LateEvent { event, policy, why: why.to_owned(), until: None, cancel: None }
}

impl<S: Saga> Deciding<'_, S> {
    /// An event asks to take everything back.
    pub(crate) fn cancel(&mut self, event: EventId, why: &str) {
        if self.is.has_met(event) {
            return;
        }
        if self.is.is_running() && self.is.is_held() {
            return self.hold(event, None, Some(why));
        }
        self.cancel_now(event, why);
    }

    fn cancel_now(&mut self, event: EventId, why: &str) {
        if self.is.can_be_undone() {
            self.undo_for(why, Some(event));
        } else {
            let why = "it cannot be undone any more";
            self.emit(becomes(event, LateWord::Ignored, why));
        }
    }

    /// An event that nothing waits for.
    pub(crate) fn late(&mut self, event: EventId, late: Late) {
        if self.is.has_met(event) {
            return;
        }
        match late {
            Late::Buffer { ttl_ms } if self.is.is_running() && self.is.is_parked() => {
                self.hold(event, Some(self.now.plus_ms(ms(ttl_ms))), None);
            }
            Late::Buffer { .. } if self.is.is_running() => {
                self.emit(becomes(event, LateWord::Taken, "nothing holds the saga"));
            }
            Late::Buffer { .. } => self.emit(becomes(event, LateWord::Ignored, "it is over")),
            Late::ToDeadLetter => self.emit(becomes(event, LateWord::DeadLetter, "")),
            Late::Ignore(why) => self.emit(becomes(event, LateWord::Ignored, why)),
        }
    }

    fn hold(&mut self, event: EventId, until: Option<Timestamp>, cancel: Option<&str>) {
        if self.is.mailbox.len() >= MAILBOX_MAX {
            return self.emit(becomes(event, LateWord::DeadLetter, "its mailbox is full"));
        }
        self.keep(event, until, cancel);
        if let Some(until) = until {
            self.set_timer(Purpose::Held, "", until);
        }
    }

    /// Holds an event without a timer.
    pub(crate) fn keep(&mut self, event: EventId, until: Option<Timestamp>, cancel: Option<&str>) {
        let (policy, why) = (LateWord::Buffered, "the saga is parked".to_owned());
        let cancel = cancel.map(str::to_owned);
        self.emit(Event::LateEvent { event, policy, why, until, cancel });
    }

    /// Hears of what was held, in order, as far as it goes on.
    pub(crate) fn open_mailbox(&mut self) {
        loop {
            let (parked, whole) = (self.is.is_parked(), self.is.is_held());
            let can = |held: &&Held| if held.cancel.is_some() { !whole } else { !parked };
            let Some(Held { event, until, cancel }) = self.is.mailbox.iter().find(can).cloned()
            else {
                return;
            };
            if until.is_some_and(|until| until <= self.now) {
                self.emit(becomes(event, LateWord::Dropped, "it was held long enough"));
                continue;
            }
            self.emit(becomes(event, LateWord::Taken, "the saga goes on"));
            if let Some(why) = cancel {
                self.cancel_now(event, &why);
            }
        }
    }

    /// The time of something that was held is over.
    pub(crate) fn drop_held(&mut self) {
        let over = |held: &&Held| held.until.is_some_and(|until| until <= self.now);
        let over: Vec<_> = self.is.mailbox.iter().filter(over).map(|held| held.event).collect();
        for event in over {
            self.emit(becomes(event, LateWord::Dropped, "it was held long enough"));
        }
    }
}
