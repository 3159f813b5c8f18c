//! The rules of a recipient. Read an arm as: in this state, asked this, that happens. Not who may ask.

use super::{Command, Event, Recipient, Rejection, State};

impl domain::Decider for Recipient {
    const CATEGORY: &'static str = "recipient";
    type Command = Command;
    type Event = Event;
    type State = State;
    type Error = Rejection;

    fn decide(state: &State, command: Command) -> Result<Vec<Event>, Rejection> {
        match (state, command) {
            // Sealed anew each time, so nobody here can tell whether it is the same address.
            (_, Command::Set { mail_address }) => Ok(vec![Event::Set { mail_address }]),
            (State::Known { .. }, Command::Remove) => Ok(vec![Event::Removed]),
            (State::Unknown, Command::Remove) => Ok(vec![]),
            (State::Absent, Command::Remove) => Err(Rejection::NoSuchRecipient),
        }
    }

    /// Total and infallible: history has happened and cannot be refused.
    fn evolve(_: State, event: &Event) -> State {
        match event {
            Event::Set { mail_address } => State::Known { mail_address: mail_address.clone() },
            Event::Removed => State::Unknown,
        }
    }
}
