//! The rules of an account. Read an arm as: in this state, asked this, that happens. Not who may
//! ask, and not whether the platform takes the token.

use super::{Account, Command, Event, Rejection, State};

impl domain::Decider for Account {
    const CATEGORY: &'static str = "account";
    type Command = Command;
    type Event = Event;
    type State = State;
    type Error = Rejection;

    fn decide(state: &State, command: Command) -> Result<Vec<Event>, Rejection> {
        match (state, command) {
            (State::Absent, Command::Connect { platform, handle, display_name, access_token }) => {
                Ok(vec![Event::Connected { platform, handle, display_name, access_token }])
            }
            (State::Absent, _) => Err(Rejection::NoSuchAccount),

            // The same token sealed twice is two values, so every new one is taken as new.
            (
                State::Connected { .. } | State::Disconnected { .. },
                Command::Reconnect { access_token },
            ) => Ok(vec![Event::Reconnected { access_token }]),

            (State::Connected { .. }, Command::Disconnect { reason }) => {
                Ok(vec![Event::Disconnected { reason }])
            }
            (State::Disconnected { .. }, Command::Disconnect { .. }) => Ok(vec![]),

            (state, command) => {
                Err(Rejection::NotAllowed { command: command.name(), state: state.name() })
            }
        }
    }

    /// Total and infallible: history has happened and cannot be refused.
    fn evolve(state: State, event: &Event) -> State {
        match (state, event) {
            (_, Event::Connected { platform, handle, access_token, .. }) => State::Connected {
                platform: *platform,
                handle: handle.clone(),
                access_token: access_token.clone(),
            },
            // Nothing can be known of an account that was never connected.
            (State::Absent, Event::Reconnected { .. } | Event::Disconnected { .. }) => {
                State::Absent
            }
            (
                State::Connected { platform, handle, .. }
                | State::Disconnected { platform, handle },
                Event::Reconnected { access_token },
            ) => State::Connected { platform, handle, access_token: access_token.clone() },
            (
                State::Connected { platform, handle, .. }
                | State::Disconnected { platform, handle },
                Event::Disconnected { .. },
            ) => State::Disconnected { platform, handle },
        }
    }
}
