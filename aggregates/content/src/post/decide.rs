//! The rules of a post. Read an arm as: in this state, asked this, that happens. Not who may ask.

use std::collections::BTreeSet;

use domain::{Platform, PublicationId, Timestamp};

use super::{Command, Event, Planned, Post, Rejection, State, Text};

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

            // The fact already stands.
            (State::Draft { .. }, Command::Unschedule)
            | (State::Withdrawn, Command::Withdraw { .. }) => Ok(vec![]),
            (State::Published { publication: by }, Command::MarkPublished { publication, .. })
                if *by == publication =>
            {
                Ok(vec![])
            }
            // Not this publication's, so nothing of it is left to stop.
            (state, Command::Stop { publication }) if state.publication() != Some(publication) => {
                Ok(vec![])
            }

            (State::Absent, _) => Err(Rejection::NoSuchPost),

            (State::Draft { text: old, .. }, Command::Edit { text }) => Ok(edit(old, text)),
            (State::Scheduled { text: old, planned, .. }, Command::Edit { text }) => {
                fits(&text, &planned.platforms)?;
                Ok(edit(old, text))
            }

            (
                State::Draft { text, plan },
                Command::Schedule { publish_at, platforms, boost, issued_at },
            ) => schedule(text, *plan, Planned { publish_at, platforms, boost }, issued_at),
            (
                State::Scheduled { text, plan, planned },
                Command::Schedule { publish_at, platforms, boost, issued_at },
            ) => {
                let asked = Planned { publish_at, platforms, boost };
                // Asked before the clock: the same plan again stands, even when its time has come.
                if *planned == asked {
                    return Ok(vec![]);
                }
                schedule(text, *plan, asked, issued_at)
            }

            (State::Scheduled { plan, .. }, Command::Unschedule) => {
                Ok(vec![Event::Unscheduled { plan: *plan }])
            }

            (State::Draft { .. }, Command::Withdraw { reason }) => {
                Ok(vec![Event::Withdrawn { reason, plan: 0 }])
            }
            (State::Scheduled { plan, .. }, Command::Withdraw { reason }) => {
                Ok(vec![Event::Withdrawn { reason, plan: *plan }])
            }

            (state, command @ Command::Begin { .. }) => begin(state, command),

            (State::Publishing { publication: has, .. }, Command::Stop { publication })
                if *has == publication =>
            {
                Ok(vec![Event::PublishingStopped { publication }])
            }
            (
                State::Publishing { publication: has, .. },
                Command::MarkPublished { publication, links },
            ) if *has == publication => Ok(vec![Event::Published { publication, links }]),

            (state, command) => {
                Err(Rejection::NotAllowed { command: command.name(), state: state.name() })
            }
        }
    }

    /// Total and infallible: history has happened and cannot be refused.
    fn evolve(state: State, event: &Event) -> State {
        let plan = state.plan();
        match (state, event) {
            (State::Scheduled { planned, .. }, Event::Edited { title, body, tags }) => {
                let text = Text { title: title.clone(), body: body.clone(), tags: tags.clone() };
                State::Scheduled { text, plan, planned }
            }
            (_, Event::Drafted { title, body, tags } | Event::Edited { title, body, tags }) => {
                let text = Text { title: title.clone(), body: body.clone(), tags: tags.clone() };
                State::Draft { text, plan }
            }
            (state, Event::Scheduled { publish_at, platforms, boost, plan, .. }) => {
                let (publish_at, platforms) = (*publish_at, platforms.clone());
                let planned = Planned { publish_at, platforms, boost: boost.clone() };
                State::Scheduled { text: state.into_text(), plan: *plan, planned }
            }
            (state, Event::Unscheduled { .. } | Event::PublishingStopped { .. }) => {
                State::Draft { text: state.into_text(), plan }
            }
            (_, Event::Withdrawn { .. }) => State::Withdrawn,
            (_, Event::PublishingStarted { publication, title, body, tags, .. }) => {
                let text = Text { title: title.clone(), body: body.clone(), tags: tags.clone() };
                State::Publishing { text, plan, publication: *publication }
            }
            (_, Event::Published { publication, .. }) => {
                State::Published { publication: *publication }
            }
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
    last: i64,
    planned: Planned,
    issued_at: Timestamp,
) -> Result<Vec<Event>, Rejection> {
    let Planned { publish_at, platforms, boost } = planned;
    // By the time, not by its distance in whole milliseconds: a microsecond late is late.
    if publish_at < issued_at {
        let late_by_ms = issued_at.ms_since(publish_at).max(1);
        return Err(Rejection::InThePast { late_by_ms });
    }
    fits(text, &platforms)?;
    let (title, plan) = (text.title.clone(), last.saturating_add(1));
    Ok(vec![Event::Scheduled { publish_at, platforms, title, boost, plan }])
}

fn begin(state: &State, command: Command) -> Result<Vec<Event>, Rejection> {
    let name = command.name();
    let Command::Begin { publication, plan: wanted, platforms } = command else {
        return Ok(vec![]);
    };
    let (text, in_force) = match (state, wanted) {
        (State::Scheduled { text, plan, .. }, wanted) if wanted.is_none_or(|it| it == *plan) => {
            (text, *plan)
        }
        (State::Draft { text, .. }, None) => (text, 0),
        // Asked again: whoever asks needs the text, and only events tell it.
        (State::Publishing { text, publication: has, .. }, wanted) if *has == publication => {
            (text, wanted.unwrap_or(0))
        }
        (State::Publishing { publication: by, .. } | State::Published { publication: by }, _)
            if *by != publication =>
        {
            return Err(Rejection::Taken { by: *by });
        }
        (State::Draft { .. } | State::Scheduled { .. }, Some(plan)) => {
            return Err(Rejection::Superseded { plan });
        }
        (state, _) => return Err(Rejection::NotAllowed { command: name, state: state.name() }),
    };
    fits(text, &platforms)?;
    let Text { title, body, tags } = text.clone();
    Ok(vec![Event::PublishingStarted { publication, plan: in_force, title, body, tags }])
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
            Self::Draft { text, .. }
            | Self::Scheduled { text, .. }
            | Self::Publishing { text, .. } => text,
            Self::Absent | Self::Published { .. } | Self::Withdrawn => Text::default(),
        }
    }

    /// The publication that has it.
    const fn publication(&self) -> Option<PublicationId> {
        match self {
            Self::Publishing { publication, .. } | Self::Published { publication } => {
                Some(*publication)
            }
            _ => None,
        }
    }
}
