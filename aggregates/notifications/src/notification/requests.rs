//! How a notification is asked over the API: the body into a command, and the route. Not rules.

use domain::{Aggregate, Ask, Describe, Invalid, Method, Request, Route, Routes};
use serde::Deserialize;

use super::{Command, Notification, State};

impl Aggregate for Notification {
    fn routes(to: &mut impl Routes<Self>) {
        to.command::<ReadNotification>(Route {
            method: Method::Put,
            path: "/{id}/read",
            name: "read_notification",
            summary: "Mark a notification as read",
        });
    }

    fn show(state: &State) -> Vec<(&'static str, String)> {
        state.lines()
    }
}

/// Nothing needs to be said.
#[derive(Deserialize, Describe)]
#[serde(deny_unknown_fields)]
struct ReadNotification {}

impl Request<Notification> for ReadNotification {
    fn into_command(self, _: &Ask<'_>) -> Result<Command, Invalid> {
        Ok(Command::Read)
    }
}
