//! What reaches a saga from outside in the lab: its trigger, a cancel, events that nothing waits for,
//! now and then twice; and what must hold of them. Not its targets.

use domain::EventId;
use domain::saga::{Late, Saga};
use orchestrator::{Event, Input, Phase, Purpose};

use crate::saga_lab::{Due, Lab};

/// The event that asks to take everything back.
const CANCEL: EventId = EventId(crate::id(2));

impl<S: Saga> Lab<S> {
    /// What reaches the saga, now and then twice: its trigger, an operator, and other events.
    pub(crate) fn comes_from_outside(&mut self) {
        self.later(0, Due::Trigger);
        self.now_and_then(30, 600_000, Due::Trigger);
        self.now_and_then(20, 90_000, Due::Operator);
        if self.draw.percent(25) {
            self.begins = Some(self.now.plus_ms(self.draw.ms(600_000)));
        }
        for due in [Due::Cancel, Due::Late(EventId(crate::id(3))), Due::Late(EventId(crate::id(4)))]
        {
            if self.now_and_then(12, 700_000, due.clone()) {
                self.now_and_then(50, 900_000, due);
            }
        }
    }

    fn now_and_then(&mut self, percent: u64, within_ms: u64, due: Due) -> bool {
        let comes = self.draw.percent(percent);
        if comes {
            let ms = self.draw.ms(within_ms);
            self.later(ms, due);
        }
        comes
    }

    /// Delivered until it is in the log; a crash before the append loses it, and it comes again.
    pub(crate) fn trigger(&mut self) -> Result<(), String> {
        let (event, state) = (EventId(crate::id(1)), self.state.clone());
        self.take(Input::Trigger { event, saga: self.saga, state, at: self.begins })?;
        if self.log.is_empty() {
            self.later(1_000, Due::Trigger);
        }
        Ok(())
    }

    /// Another event is offered behind the trigger, until the saga has met it.
    pub(crate) fn offered(&mut self, due: &Due) -> Result<(), String> {
        let event = if let Due::Late(event) = due { *event } else { CANCEL };
        if self.log.is_empty() {
            self.later(1_000, due.clone());
            return Ok(());
        }
        let known = self.is.has_met(event);
        let before = self.log.len();
        self.take(match due {
            Due::Cancel => Input::Cancel { event, why: "it is cancelled" },
            _ => Input::Late { event, late: Late::Buffer { ttl_ms: 30_000 } },
        })?;
        let told = &self.log[before..];
        if known
            && told.iter().any(|(_, told)| {
                matches!(told, Event::UndoStarted { .. } | Event::LateEvent { .. })
            })
        {
            return Err(format!("{event} is met twice"));
        }
        if !self.is.has_met(event) {
            self.later(1_000, due.clone());
        }
        Ok(())
    }

    pub(crate) fn cancelled_before_it_began(&self) -> bool {
        let mut waits = None;
        for (_, event) in &self.log {
            match event {
                Event::TimerSet { purpose: Purpose::Begin, timer, .. } => waits = Some(*timer),
                Event::TimerFired { timer } if waits == Some(*timer) => return false,
                Event::UndoStarted { event: Some(CANCEL), .. } => return waits.is_some(),
                _ => {}
            }
        }
        false
    }

    /// What was cancelled is not done, and was never asked for when it had not begun; nothing is held
    /// for ever.
    pub(crate) fn events_are_heard_once(&self) -> Result<(), String> {
        let cancelled = self
            .log
            .iter()
            .any(|(_, event)| matches!(event, Event::UndoStarted { event: Some(CANCEL), .. }));
        if cancelled && self.is.phase == Phase::Done {
            return Err("it was cancelled, and is done".to_owned());
        }
        let asked = |(_, event): &(_, Event)| matches!(event, Event::StepScheduled { .. });
        if self.cancelled_before_it_began() && self.log.iter().any(asked) {
            return Err("it was cancelled before it began, and something was asked".to_owned());
        }
        if !self.is.mailbox.is_empty() && !self.is.is_parked() {
            return Err(format!("it goes on, and still holds {:?}", self.is.mailbox));
        }
        Ok(())
    }
}
