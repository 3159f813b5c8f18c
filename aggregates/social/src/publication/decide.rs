//! The rules of a publication. Read an arm as: in this state, asked this, that happens. Not who may
//! ask.

use super::{Command, Event, Publication, Rejection, State, Wish};

impl domain::Decider for Publication {
    const CATEGORY: &'static str = "publication";
    type Command = Command;
    type Event = Event;
    type State = State;
    type Error = Rejection;

    fn decide(state: &State, command: Command) -> Result<Vec<Event>, Rejection> {
        match (state, command) {
            (State::Absent, Command::Request { wish: Wish { post, platforms, boost } }) => {
                Ok(vec![Event::Requested { post, platforms, boost }])
            }
            (
                State::Absent | State::Requested { .. },
                Command::Open { wish: Wish { post, platforms, boost }, plan },
            ) => Ok(vec![Event::Opened { post, platforms, boost, plan }]),
            (State::Opened { .. }, Command::Confirm { links }) => {
                Ok(vec![Event::Confirmed { links }])
            }
            (State::Requested { .. } | State::Opened { .. }, Command::Fail { why }) => {
                Ok(vec![Event::Failed { why }])
            }

            // The fact already stands, or nothing stands that could fail.
            (State::Opened { .. }, Command::Open { .. })
            | (State::Confirmed, Command::Confirm { .. })
            | (State::Absent | State::Failed, Command::Fail { .. }) => Ok(vec![]),

            (State::Absent, _) => Err(Rejection::NoSuchPublication),
            (state, command) => {
                Err(Rejection::NotAllowed { command: command.name(), state: state.name() })
            }
        }
    }

    /// Total and infallible: history has happened and cannot be refused.
    fn evolve(_: State, event: &Event) -> State {
        let wish = |post, platforms: &_, boost: &Option<_>| Wish {
            post,
            platforms: Clone::clone(platforms),
            boost: boost.clone(),
        };
        match event {
            Event::Requested { post, platforms, boost } => {
                State::Requested { wish: wish(*post, platforms, boost) }
            }
            Event::Opened { post, platforms, boost, .. } => {
                State::Opened { wish: wish(*post, platforms, boost) }
            }
            Event::Confirmed { .. } => State::Confirmed,
            Event::Failed { .. } => State::Failed,
        }
    }
}
