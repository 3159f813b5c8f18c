//! The rules of a notification. Read an arm as: in this state, asked this, that happens. Not who may
//! ask.

use super::{Command, Delivery, Event, Notice, Notification, Rejection, State};

impl domain::Decider for Notification {
    const CATEGORY: &'static str = "notification";
    type Command = Command;
    type Event = Event;
    type State = State;
    type Error = Rejection;

    fn decide(state: &State, command: Command) -> Result<Vec<Event>, Rejection> {
        match (*state, command) {
            (State::Absent, Command::Promise { user, post }) => {
                Ok(vec![Event::Promised { user, post }])
            }
            (State::Absent, _) => Err(Rejection::NoSuchNotification),

            (State::Promised { user, post }, Command::Send { notice }) => {
                let Notice { kind, title, links, why } = notice;
                Ok(vec![Event::Sent { user, post, kind, title, links, why }])
            }

            (State::Sent { read: false, .. }, Command::Read) => Ok(vec![Event::Read]),
            (State::Sent { delivery: Delivery::None, .. }, Command::BeginDelivery) => {
                Ok(vec![Event::DeliveryBegun])
            }
            (
                State::Sent { delivery: Delivery::Begun, .. },
                Command::MarkDelivered { message_id },
            ) => Ok(vec![Event::Delivered { message_id }]),
            (State::Sent { delivery: Delivery::Begun, .. }, Command::MarkUndelivered { why }) => {
                Ok(vec![Event::Undelivered { why }])
            }

            // The fact already stands.
            (State::Promised { .. } | State::Sent { .. }, Command::Promise { .. })
            | (State::Sent { .. }, Command::Send { .. } | Command::Read)
            | (State::Sent { delivery: Delivery::Begun, .. }, Command::BeginDelivery)
            | (State::Sent { delivery: Delivery::Delivered, .. }, Command::MarkDelivered { .. })
            | (
                State::Sent { delivery: Delivery::Undelivered | Delivery::None, .. },
                Command::MarkUndelivered { .. },
            ) => Ok(vec![]),

            (state, command) => {
                Err(Rejection::NotAllowed { command: command.name(), state: state.name() })
            }
        }
    }

    /// Total and infallible: history has happened and cannot be refused.
    fn evolve(state: State, event: &Event) -> State {
        let delivery = |to: Delivery| match state {
            State::Sent { user, read, .. } => State::Sent { user, read, delivery: to },
            other => other,
        };
        match event {
            Event::Promised { user, post } => State::Promised { user: *user, post: *post },
            Event::Sent { user, .. } => {
                State::Sent { user: *user, read: false, delivery: Delivery::None }
            }
            Event::Read => match state {
                State::Sent { user, delivery, .. } => State::Sent { user, read: true, delivery },
                other => other,
            },
            Event::DeliveryBegun => delivery(Delivery::Begun),
            Event::Delivered { .. } => delivery(Delivery::Delivered),
            Event::Undelivered { .. } => delivery(Delivery::Undelivered),
        }
    }
}
