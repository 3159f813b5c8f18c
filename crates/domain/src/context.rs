//! How a context is registered: its aggregates, their routes and schemas, as data. Not HTTP itself.
//!
//! Registration is by visitors: the edge, the command runtime and the codec each walk over the same
//! few lines and take what they need, with the types at hand and without a line of glue.

use serde::Serialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use crate::{
    Decider, Describe, Principal, SealError, Sealed, Sealer, SubjectId, TenantId, Timestamp,
};

/// A bounded context: two topics, one PostgreSQL schema, its `.avsc` files; nobody else writes them.
pub trait Context: 'static {
    /// Its name, first part of its paths, topics, schemas and event types; `a-z`.
    const NAME: &'static str;
    /// Its Avro schemas, one an event type, as they stand in `schemas/<name>/`.
    const SCHEMAS: &'static [&'static str];

    /// Its aggregates.
    fn aggregates(to: &mut impl Aggregates);
}

/// Visits the aggregates of a context.
pub trait Aggregates {
    /// Takes one aggregate in.
    fn aggregate<A: Aggregate>(&mut self);
}

/// A decider with its public routes, whose state can be kept as bytes: a long history is not read from its
/// beginning each time.
pub trait Aggregate: Decider<State: Serialize + DeserializeOwned> {
    /// The routes of its commands.
    fn routes(to: &mut impl Routes<Self>);

    /// For an aggregate of which each tenant has exactly one: its id, which a `PUT` without `{id}`
    /// addresses.
    fn only_one(tenant: &TenantId) -> Option<Uuid> {
        let _ = tenant;
        None
    }

    /// The state as a reader of the history sees it, as lines of (name, value); no secrets.
    fn show(state: &Self::State) -> Vec<(&'static str, String)>;
}

/// Visits the command routes of an aggregate.
pub trait Routes<A: Aggregate> {
    /// Takes one route in.
    fn command<R: Request<A>>(&mut self, route: Route);
}

/// The verb of a command route.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Method {
    /// POST
    Post,
    /// PUT
    Put,
    /// DELETE
    Delete,
}

/// One command over the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Route {
    /// The verb.
    pub method: Method,
    /// Behind `/api/<context>`; a `POST` without `{id}` creates an aggregate, a `PUT` without it
    /// addresses [`Aggregate::only_one`].
    pub path: &'static str,
    /// Name of the command, `lower_snake`; the operation id and the metric label.
    pub name: &'static str,
    /// A line for the document.
    pub summary: &'static str,
}

impl Route {
    /// Whether the command creates its aggregate: then there is no id in the path.
    pub fn creates(&self) -> bool {
        self.method == Method::Post && !self.path.contains("{id}")
    }
}

/// A request body that becomes a command. Unknown fields are refused: put
/// `#[serde(deny_unknown_fields)]` on it. A `DELETE` without a body is read as `{}`.
pub trait Request<A: Aggregate>: DeserializeOwned + Describe + Send + 'static {
    /// The command; what is wrong with the request without looking at any state is said here.
    fn into_command(self, ask: &Ask<'_>) -> Result<A::Command, Invalid>;
}

/// What surrounds a request.
#[derive(Clone, Copy)]
pub struct Ask<'a> {
    /// The aggregate it is addressed to.
    pub id: Uuid,
    /// Who asks.
    pub principal: &'a Principal,
    /// When.
    pub issued_at: Timestamp,
    /// Seals secrets and personal fields.
    pub sealer: &'a dyn Sealer,
}

impl std::fmt::Debug for Ask<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ask")
            .field("id", &self.id)
            .field("principal", &self.principal)
            .finish_non_exhaustive()
    }
}

impl Ask<'_> {
    /// Seals a value under the key of this aggregate.
    pub fn seal(&self, field: &'static str, plain: &str) -> Result<Sealed, Invalid> {
        Ok(self.sealer.seal(SubjectId(self.id), field, plain.as_bytes())?)
    }
}

/// A request that is wrong whatever the state: 422, no event, no outcome.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct Invalid {
    /// JSON pointer to the field, as `/publish_at`.
    pub pointer: String,
    /// Machine word, `lower_snake`.
    pub code: &'static str,
    /// A sentence for the caller.
    pub detail: String,
}

impl Invalid {
    /// A field is wrong.
    pub fn field(pointer: &str, code: &'static str, detail: impl Into<String>) -> Self {
        Self { pointer: pointer.to_owned(), code, detail: detail.into() }
    }
}

impl From<SealError> for Invalid {
    fn from(error: SealError) -> Self {
        Self { pointer: format!("/{}", error.field), code: "not_sealed", detail: error.to_string() }
    }
}
