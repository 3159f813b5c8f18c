//! The rules of a quota. Read an arm as: asked this, that happens. Not who may ask.

use super::{Command, Event, Month, Quota, Rejection, State};

impl domain::Decider for Quota {
    const CATEGORY: &'static str = "quota";
    type Command = Command;
    type Event = Event;
    type State = State;
    type Error = Rejection;

    fn decide(state: &State, command: Command) -> Result<Vec<Event>, Rejection> {
        match command {
            Command::Set { monthly } if monthly == state.monthly => Ok(vec![]),
            Command::Set { monthly } => Ok(vec![Event::Set { monthly }]),

            Command::Hold { publication, .. } if state.held.contains(&publication) => Ok(vec![]),
            Command::Hold { publication, at } => {
                let month = state.month_at(at);
                let held = i64::try_from(state.held.len()).unwrap_or(i64::MAX);
                if state.used_in(month).saturating_add(held) >= state.monthly {
                    return Err(Rejection::QuotaExhausted { month, monthly: state.monthly });
                }
                Ok(vec![Event::Held { publication, month }])
            }

            Command::Use { publication, at } if state.held.contains(&publication) => {
                Ok(vec![Event::Used { publication, month: state.month_at(at) }])
            }
            Command::Release { publication } if state.held.contains(&publication) => {
                Ok(vec![Event::Released { publication }])
            }
            // What is not held any more was used or released: the fact stands.
            Command::Use { .. } | Command::Release { .. } => Ok(vec![]),
        }
    }

    /// Total and infallible: history has happened and cannot be refused.
    fn evolve(mut state: State, event: &Event) -> State {
        match event {
            Event::Set { monthly } => state.monthly = *monthly,
            Event::Held { publication, month } => {
                state.counts(*month);
                state.held.insert(*publication);
            }
            Event::Used { publication, month } => {
                state.counts(*month);
                state.used = state.used.saturating_add(1);
                state.held.remove(publication);
            }
            Event::Released { publication } => {
                state.held.remove(publication);
            }
        }
        state
    }
}

impl State {
    /// Another month begins when something of it comes.
    fn counts(&mut self, month: Month) {
        self.used = self.used_in(month);
        self.month = self.month.max(Some(month));
    }
}
