//! The rules of a payment. Read an arm as: in this state, asked this, that happens. Not who may ask.

use domain::Money;

use super::{Command, Event, Paid, Payment, Rejection, State};

impl domain::Decider for Payment {
    const CATEGORY: &'static str = "payment";
    type Command = Command;
    type Event = Event;
    type State = State;
    type Error = Rejection;

    fn decide(state: &State, command: Command) -> Result<Vec<Event>, Rejection> {
        match (state, command) {
            (State::Absent, Command::Open { customer, amount }) => {
                Ok(vec![Event::Opened { customer, amount }])
            }
            // Nothing is owed that could be cancelled.
            (State::Absent, Command::Cancel { .. }) => Ok(vec![]),
            (State::Absent, _) => Err(Rejection::NoSuchPayment),

            (
                State::Opened { amount: owed } | State::Cancelled { amount: owed },
                Command::Charge { reference, amount },
            ) => {
                same(owed, &amount)?;
                Ok(vec![Event::Charged { reference, amount }])
            }
            // Who settles has heard of the charge before its webhook came in.
            (State::Opened { amount }, Command::Settle { reference: Some(reference) }) => {
                Ok(vec![Event::Charged { reference, amount: amount.clone() }, Event::Settled])
            }
            (State::Charged { paid }, Command::Settle { reference }) => {
                reference.map_or(Ok(()), |reference| same_charge(paid, &reference))?;
                Ok(vec![Event::Settled])
            }

            (
                State::Charged { paid } | State::Settled { paid } | State::Refunded { paid },
                Command::Refund { in_all },
            ) => refund(paid, in_all),

            (State::Opened { .. }, Command::Cancel { reference: None }) => {
                Ok(vec![Event::Cancelled])
            }
            (State::Opened { amount }, Command::Cancel { reference: Some(reference) }) => {
                let (amount, in_all) = (amount.clone(), amount.clone());
                Ok(vec![Event::Charged { reference, amount }, Event::Refunded { in_all }])
            }
            (State::Charged { paid }, Command::Cancel { .. }) => refund(paid, paid.amount.clone()),

            // The fact already stands, or nothing is left to settle.
            (
                State::Charged { paid } | State::Settled { paid } | State::Refunded { paid },
                Command::Charge { reference, .. },
            ) => same_charge(paid, &reference).map(|()| vec![]),
            (State::Opened { amount: owed }, Command::Open { amount, .. }) => {
                same(owed, &amount).map(|()| vec![])
            }
            (State::Settled { .. } | State::Refunded { .. }, Command::Settle { .. })
            | (State::Refunded { .. } | State::Cancelled { .. }, Command::Cancel { .. }) => {
                Ok(vec![])
            }

            (state, command) => {
                Err(Rejection::NotAllowed { command: command.name(), state: state.name() })
            }
        }
    }

    /// Total and infallible: history has happened and cannot be refused.
    fn evolve(state: State, event: &Event) -> State {
        match (state, event) {
            (_, Event::Opened { amount, .. }) => State::Opened { amount: amount.clone() },
            (_, Event::Charged { reference, amount }) => {
                let (reference, amount) = (reference.clone(), amount.clone());
                State::Charged { paid: Paid { reference, amount, refunded_minor: 0 } }
            }
            (State::Charged { paid }, Event::Settled) => State::Settled { paid },
            (
                State::Charged { paid } | State::Settled { paid } | State::Refunded { paid },
                Event::Refunded { in_all },
            ) if in_all.minor >= paid.amount.minor => {
                State::Refunded { paid: Paid { refunded_minor: in_all.minor, ..paid } }
            }
            (State::Charged { paid }, Event::Refunded { in_all }) => {
                State::Charged { paid: Paid { refunded_minor: in_all.minor, ..paid } }
            }
            (State::Settled { paid }, Event::Refunded { in_all }) => {
                State::Settled { paid: Paid { refunded_minor: in_all.minor, ..paid } }
            }
            (State::Opened { amount }, Event::Cancelled) => State::Cancelled { amount },
            // Out of order, which no decision writes.
            (state, Event::Settled | Event::Refunded { .. } | Event::Cancelled) => state,
        }
    }
}

fn same(expected: &Money, found: &Money) -> Result<(), Rejection> {
    if expected == found {
        return Ok(());
    }
    Err(Rejection::OtherAmount { expected: expected.clone(), found: found.clone() })
}

fn same_charge(paid: &Paid, reference: &str) -> Result<(), Rejection> {
    if paid.reference == reference {
        return Ok(());
    }
    Err(Rejection::ChargedAlready { as_reference: paid.reference.clone() })
}

/// By how much was given back in all: less than is known already is an older word.
fn refund(paid: &Paid, in_all: Money) -> Result<Vec<Event>, Rejection> {
    if in_all.currency != paid.amount.currency || in_all.minor > paid.amount.minor {
        let charged = paid.amount.clone();
        return Err(Rejection::MoreThanCharged { charged, found: in_all });
    }
    if in_all.minor <= paid.refunded_minor {
        return Ok(vec![]);
    }
    Ok(vec![Event::Refunded { in_all }])
}
