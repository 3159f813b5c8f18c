//! The rules of a post. Read an arm as: in this state, asked this, that happens. Not who may ask.

use std::collections::BTreeSet;

use domain::{Platform, Timestamp};

use super::{Command, Event, Post, Rejection, State, Text};

impl domain::Decider for Post {
    const CATEGORY: &'static str = "post";
    type Command = Command;
    type Event = Event;
    type State = State;
    type Error = Rejection;

    fn decide(state: &State, command: Command) -> Result<Vec<Event>, Rejection> {
        match (state, command) {
            (State::Absent, Command::Draft { text: Text { title, body, tags } }) => {
                Ok(vec![Event::Drafted { title, body, tags }])
            }
            (State::Absent, _) => Err(Rejection::NoSuchPost),

            (State::Draft { text: old }, Command::Edit { text }) => Ok(edit(old, text)),
            (State::Scheduled { text: old, platforms, .. }, Command::Edit { text }) => {
                fits(&text, platforms)?;
                Ok(edit(old, text))
            }

            (State::Draft { text }, Command::Schedule { publish_at, platforms, issued_at }) => {
                schedule(text, publish_at, platforms, issued_at)
            }
            (
                State::Scheduled { text, publish_at: old_at, platforms: old },
                Command::Schedule { publish_at, platforms, issued_at },
            ) => {
                // Asked before the clock: the same plan again stands, even when its time has come.
                if (*old_at, old) == (publish_at, &platforms) {
                    return Ok(vec![]);
                }
                schedule(text, publish_at, platforms, issued_at)
            }

            (State::Scheduled { .. }, Command::Unschedule) => Ok(vec![Event::Unscheduled]),

            (State::Draft { .. } | State::Scheduled { .. }, Command::Withdraw { reason }) => {
                Ok(vec![Event::Withdrawn { reason }])
            }

            // The fact already stands.
            (State::Draft { .. }, Command::Unschedule)
            | (State::Withdrawn, Command::Withdraw { .. }) => Ok(vec![]),

            (state, command) => {
                Err(Rejection::NotAllowed { command: command.name(), state: state.name() })
            }
        }
    }

    /// Total and infallible: history has happened and cannot be refused.
    fn evolve(state: State, event: &Event) -> State {
        match (state, event) {
            (
                State::Scheduled { publish_at, platforms, .. },
                Event::Edited { title, body, tags },
            ) => {
                let text = Text { title: title.clone(), body: body.clone(), tags: tags.clone() };
                State::Scheduled { text, publish_at, platforms }
            }
            (_, Event::Drafted { title, body, tags } | Event::Edited { title, body, tags }) => {
                let text = Text { title: title.clone(), body: body.clone(), tags: tags.clone() };
                State::Draft { text }
            }
            (state, Event::Scheduled { publish_at, platforms, .. }) => State::Scheduled {
                text: state.into_text(),
                publish_at: *publish_at,
                platforms: platforms.clone(),
            },
            (state, Event::Unscheduled) => State::Draft { text: state.into_text() },
            (_, Event::Withdrawn { .. }) => State::Withdrawn,
        }
    }
}

/// The new text, if it is one.
fn edit(old: &Text, text: Text) -> Vec<Event> {
    if *old == text {
        return vec![];
    }
    let Text { title, body, tags } = text;
    vec![Event::Edited { title, body, tags }]
}

fn schedule(
    text: &Text,
    publish_at: Timestamp,
    platforms: BTreeSet<Platform>,
    issued_at: Timestamp,
) -> Result<Vec<Event>, Rejection> {
    // By the time, not by its distance in whole milliseconds: a microsecond late is late.
    if publish_at < issued_at {
        let late_by_ms = issued_at.ms_since(publish_at).max(1);
        return Err(Rejection::InThePast { late_by_ms });
    }
    fits(text, &platforms)?;
    Ok(vec![Event::Scheduled { publish_at, platforms, title: text.title.clone() }])
}

/// Whether the text is within the limit of each platform; if not, the tightest is named.
fn fits(text: &Text, platforms: &BTreeSet<Platform>) -> Result<(), Rejection> {
    let chars = text.body.chars().count();
    match platforms.iter().min_by_key(|platform| platform.text_chars_max()) {
        Some(&platform) if chars > platform.text_chars_max() => {
            Err(Rejection::TooLong { platform, chars, limit: platform.text_chars_max() })
        }
        _ => Ok(()),
    }
}

impl State {
    fn into_text(self) -> Text {
        match self {
            Self::Draft { text } | Self::Scheduled { text, .. } => text,
            Self::Absent | Self::Withdrawn => Text::default(),
        }
    }
}
