//! How a recipient is asked over the API: bodies into commands, and the routes. Here the address is
//! sealed; nothing behind sees it.

use domain::{Aggregate, Ask, Describe, Invalid, Method, Request, Route, Routes};
use serde::Deserialize;

use super::{ADDRESS_CHARS_MAX, Command, Recipient, State};

impl Aggregate for Recipient {
    fn routes(to: &mut impl Routes<Self>) {
        to.command::<SetRecipient>(Route {
            method: Method::Put,
            path: "/recipients/{id}",
            name: "set_recipient",
            summary: "Say where mail reaches a user",
        });
        to.command::<RemoveRecipient>(Route {
            method: Method::Delete,
            path: "/recipients/{id}",
            name: "remove_recipient",
            summary: "Send a user no mail any more",
        });
    }

    fn show(state: &State) -> Vec<(&'static str, String)> {
        state.lines()
    }
}

/// Where mail reaches a user.
#[derive(Deserialize, Describe)]
#[serde(deny_unknown_fields)]
struct SetRecipient {
    /// The mail address. Personal: kept encrypted, and can be forgotten.
    #[describe(max_chars = ADDRESS_CHARS_MAX)]
    mail_address: String,
}

impl Request<Recipient> for SetRecipient {
    fn into_command(self, ask: &Ask<'_>) -> Result<Command, Invalid> {
        // Whether somebody reads mail there only a mail can tell; this keeps out what cannot be one.
        let parts = self.mail_address.rsplit_once('@');
        let plain =
            |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_graphic() && c != '@');
        if !parts.is_some_and(|(local, host)| plain(local) && plain(host)) {
            let detail = "write an address as name@host, without spaces or a name around it";
            return Err(Invalid::field("/mail_address", "not_an_address", detail));
        }
        let mail_address = ask.seal("mail_address", &self.mail_address)?;
        Ok(Command::Set { mail_address })
    }
}

/// Nothing needs to be said.
#[derive(Deserialize, Describe)]
#[serde(deny_unknown_fields)]
struct RemoveRecipient {}

impl Request<Recipient> for RemoveRecipient {
    fn into_command(self, _: &Ask<'_>) -> Result<Command, Invalid> {
        Ok(Command::Remove)
    }
}
