//! What a request body becomes, through the routes of an aggregate. Not HTTP: no header, no answer.

use domain::context::Routes;
use domain::{Aggregate, Ask, Invalid, Principal, Request, Route};
use uuid::Uuid;

use crate::{KitSealer, at, id};

/// A command, and the route it came by.
#[derive(Debug)]
pub struct Asked<C> {
    /// The route.
    pub route: Route,
    /// The command.
    pub command: C,
}

/// Why a body is no command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refused {
    /// No route has this name.
    NoSuchRoute,
    /// It is not the JSON that the route takes; the decoder's sentence.
    Malformed(String),
    /// A described bound does not hold: JSON pointer and bound.
    TooMuch(String, usize),
    /// The request says so itself.
    Invalid(Invalid),
}

/// Asks an aggregate by the name of a route, as the edge does: decode, check bounds, make a command.
///
/// The aggregate is [`id`]`(1)`, the time the kit's noon, the principal the local owner, and secrets
/// are sealed by [`crate::sealed`].
pub fn request<A: Aggregate>(name: &str, body: &str) -> Result<Asked<A::Command>, Refused> {
    let mut finder = Finder::<A> { name, body, found: Err(Refused::NoSuchRoute) };
    A::routes(&mut finder);
    finder.found
}

struct Finder<'a, A: Aggregate> {
    name: &'a str,
    body: &'a str,
    found: Result<Asked<A::Command>, Refused>,
}

impl<A: Aggregate> Routes<A> for Finder<'_, A> {
    fn command<R: Request<A>>(&mut self, route: Route) {
        if route.name == self.name {
            self.found = decode::<A, R>(id(1), self.body).map(|command| Asked { route, command });
        }
    }
}

fn decode<A: Aggregate, R: Request<A>>(to: Uuid, body: &str) -> Result<A::Command, Refused> {
    let body: R = serde_json::from_str(body).map_err(|e| Refused::Malformed(e.to_string()))?;
    body.check().map_err(|(pointer, max)| Refused::TooMuch(pointer, max))?;
    let principal = Principal::local_owner();
    let ask = Ask { id: to, principal: &principal, issued_at: at(0), sealer: &KitSealer };
    body.into_command(&ask).map_err(Refused::Invalid)
}
