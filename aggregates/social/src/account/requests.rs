//! How an account is asked over the API: bodies into commands, and the routes. Not rules: what is
//! said here is wrong whatever the state. Here secrets are sealed; nothing behind sees them.

use domain::{Aggregate, Ask, Describe, Invalid, Method, Platform, Request, Route, Routes};
use serde::Deserialize;

use super::{
    Account, Command, DISPLAY_NAME_CHARS_MAX, HANDLE_CHARS_MAX, REASON_CHARS_MAX, State,
    TOKEN_CHARS_MAX,
};

impl Aggregate for Account {
    fn routes(to: &mut impl Routes<Self>) {
        to.command::<ConnectAccount>(Route {
            method: Method::Post,
            path: "/connect",
            name: "connect_account",
            summary: "Connect an account on a platform",
        });
        to.command::<ReconnectAccount>(Route {
            method: Method::Post,
            path: "/accounts/{id}/reconnect",
            name: "reconnect_account",
            summary: "Give an account a new token",
        });
        to.command::<DisconnectAccount>(Route {
            method: Method::Post,
            path: "/accounts/{id}/disconnect",
            name: "disconnect_account",
            summary: "Use the token of an account no more",
        });
    }

    fn show(state: &State) -> Vec<(&'static str, String)> {
        state.lines()
    }
}

/// An account to connect.
#[derive(Deserialize, Describe)]
#[serde(deny_unknown_fields)]
struct ConnectAccount {
    /// Where it is.
    platform: Platform,
    /// Its public name there, without `@` in front.
    #[describe(max_chars = HANDLE_CHARS_MAX)]
    handle: String,
    /// How its owner is called. Personal: kept encrypted, and can be forgotten.
    #[describe(max_chars = DISPLAY_NAME_CHARS_MAX)]
    display_name: Option<String>,
    /// Lets us publish for it. Secret: kept encrypted, and never shown again.
    #[describe(secret, max_chars = TOKEN_CHARS_MAX)]
    access_token: String,
}

impl Request<Account> for ConnectAccount {
    fn into_command(self, ask: &Ask<'_>) -> Result<Command, Invalid> {
        if self.handle.is_empty() || self.handle.starts_with('@') {
            return Err(Invalid::field("/handle", "not_a_handle", "write the name without `@`"));
        }
        if self.handle.chars().any(|c| c.is_whitespace() || c.is_control()) {
            return Err(Invalid::field("/handle", "not_a_handle", "a handle has no spaces"));
        }
        let access_token = token(&self.access_token, ask)?;
        let display_name = match self.display_name {
            Some(name) if name.trim().is_empty() => {
                return Err(Invalid::field(
                    "/display_name",
                    "empty",
                    "write a name, or leave it out",
                ));
            }
            Some(name) => Some(ask.seal("display_name", &name)?),
            None => None,
        };
        let (platform, handle) = (self.platform, self.handle);
        Ok(Command::Connect { platform, handle, display_name, access_token })
    }
}

/// A new token for an account.
#[derive(Deserialize, Describe)]
#[serde(deny_unknown_fields)]
struct ReconnectAccount {
    /// Lets us publish for it from now on. Secret: kept encrypted, and never shown again.
    #[describe(secret, max_chars = TOKEN_CHARS_MAX)]
    access_token: String,
}

impl Request<Account> for ReconnectAccount {
    fn into_command(self, ask: &Ask<'_>) -> Result<Command, Invalid> {
        Ok(Command::Reconnect { access_token: token(&self.access_token, ask)? })
    }
}

/// Why an account is disconnected, if there is something to say.
#[derive(Deserialize, Describe)]
#[serde(deny_unknown_fields)]
struct DisconnectAccount {
    /// Why, for the history.
    #[describe(max_chars = REASON_CHARS_MAX)]
    reason: Option<String>,
}

impl Request<Account> for DisconnectAccount {
    fn into_command(self, _: &Ask<'_>) -> Result<Command, Invalid> {
        Ok(Command::Disconnect { reason: self.reason })
    }
}

/// Seals a token; what is wrong with it is said without it.
fn token(plain: &str, ask: &Ask<'_>) -> Result<domain::Sealed, Invalid> {
    if plain.trim().is_empty() {
        return Err(Invalid::field("/access_token", "empty", "a token is needed"));
    }
    ask.seal("access_token", plain)
}
