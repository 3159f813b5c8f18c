//! What an operator asks for, as it comes from an edge: its saga type is not known there. Not the
//! decision about it.

use domain::ActorId;
use domain::saga::Saga;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::decide::{NotTaken, Operation};
use crate::words::Verb;

/// What an operator asks for, before its saga is known.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Order {
    /// What.
    pub verb: Verb,
    /// To which step; empty for the whole saga.
    pub step: String,
    /// Who.
    pub actor: ActorId,
    /// Why; never empty.
    pub reason: String,
    /// The revision he has seen.
    pub revision: u64,
    /// For `Resolve`, whether it happened.
    pub happened: bool,
    /// For `Resolve` and `Skip`, what the step gave: an answer of the saga, as JSON.
    pub output: Option<Value>,
    /// The ticket it is done for, when there is one.
    pub ticket: Option<String>,
    /// Who approved it, when somebody had to.
    pub approver: Option<ActorId>,
}

impl Order {
    pub(crate) fn operation<S: Saga>(self) -> Result<Operation<S>, NotTaken> {
        let Self { verb, step, actor, reason, revision, happened, output, ticket, approver } = self;
        let output = output.map(serde_json::from_value).transpose();
        let output = output.map_err(|error| NotTaken::WrongOutput(error.to_string()))?;
        Ok(Operation { verb, step, actor, reason, revision, happened, output, ticket, approver })
    }
}
