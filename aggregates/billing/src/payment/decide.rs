//! The rules of a payment. Read an arm as: in this state, asked this, that happens. Not who may ask.

use domain::Money;

use super::{Command, Event, Owed, Paid, Payment, Rejection, State};

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
            // The fact already stands, or nothing is left to settle or to cancel.
            (State::Settled { .. } | State::Refunded { .. }, Command::Settle { .. })
            | (
                State::Absent | State::Refunded { .. } | State::Cancelled { .. },
                Command::Cancel { .. },
            ) => Ok(vec![]),
            (
                State::Charged { paid } | State::Settled { paid } | State::Refunded { paid },
                Command::Charge { reference, .. },
            ) => same_charge(paid, &reference).map(|()| vec![]),
            (State::Opened { owed }, Command::Open { amount, .. }) => {
                same(&owed.amount, &amount).map(|()| vec![])
            }

            (State::Absent, _) => Err(Rejection::NoSuchPayment),

            (
                State::Opened { owed } | State::Cancelled { owed },
                Command::Charge { reference, amount },
            ) => {
                same(&owed.amount, &amount)?;
                Ok(vec![Event::Charged { reference, amount }])
            }
            // Who settles has heard of the charge before its webhook came in.
            (State::Opened { owed }, Command::Settle { reference: Some(reference) }) => {
                let amount = owed.amount.clone();
                Ok(vec![Event::Charged { reference, amount }, Event::Settled])
            }
            (State::Charged { paid }, Command::Settle { reference }) => {
                reference.map_or(Ok(()), |reference| same_charge(paid, &reference))?;
                Ok(vec![Event::Settled])
            }

            (
                State::Charged { paid } | State::Settled { paid } | State::Refunded { paid },
                Command::Refund { in_all },
            ) => refund(&paid.amount, paid.refunded_minor, in_all),
            (State::Opened { owed } | State::Cancelled { owed }, Command::Refund { in_all }) => {
                refund(&owed.amount, owed.refunded_minor, in_all)
            }

            (State::Opened { .. }, Command::Cancel { reference: None }) => {
                Ok(vec![Event::Cancelled])
            }
            (State::Opened { owed }, Command::Cancel { reference: Some(reference) }) => {
                let given_back = refund(&owed.amount, owed.refunded_minor, owed.amount.clone())?;
                let charged = Event::Charged { reference, amount: owed.amount.clone() };
                Ok([charged].into_iter().chain(given_back).collect())
            }
            (State::Charged { paid }, Command::Cancel { .. }) => {
                refund(&paid.amount, paid.refunded_minor, paid.amount.clone())
            }

            (state, command) => {
                Err(Rejection::NotAllowed { command: command.name(), state: state.name() })
            }
        }
    }

    /// Total and infallible: history has happened and cannot be refused.
    fn evolve(state: State, event: &Event) -> State {
        match (state, event) {
            (_, Event::Opened { amount, .. }) => {
                State::Opened { owed: Owed { amount: amount.clone(), refunded_minor: 0 } }
            }
            (state, Event::Charged { reference, amount }) => {
                let refunded_minor = match state {
                    State::Opened { owed } | State::Cancelled { owed } => owed.refunded_minor,
                    _ => 0,
                };
                let (reference, amount) = (reference.clone(), amount.clone());
                let paid = Paid { reference, amount, refunded_minor };
                if refunded_minor > 0 && refunded_minor >= paid.amount.minor {
                    State::Refunded { paid }
                } else {
                    State::Charged { paid }
                }
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
            (State::Opened { owed }, Event::Refunded { in_all }) => {
                State::Opened { owed: Owed { refunded_minor: in_all.minor, ..owed } }
            }
            (State::Cancelled { owed }, Event::Refunded { in_all }) => {
                State::Cancelled { owed: Owed { refunded_minor: in_all.minor, ..owed } }
            }
            (State::Opened { owed }, Event::Cancelled) => State::Cancelled { owed },
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
fn refund(charged: &Money, refunded_minor: i64, in_all: Money) -> Result<Vec<Event>, Rejection> {
    if in_all.currency != charged.currency || in_all.minor > charged.minor {
        return Err(Rejection::MoreThanCharged { charged: charged.clone(), found: in_all });
    }
    if in_all.minor <= refunded_minor {
        return Ok(vec![]);
    }
    Ok(vec![Event::Refunded { in_all }])
}
