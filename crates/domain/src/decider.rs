//! The shape of a rule: decide and evolve; not its runtime, which is the lane.

use crate::EventSet;

/// An aggregate as two pure functions (Jérémie Chassaing's decider).
///
/// `decide` is asked with the state that all events before it make; `evolve` is total: what has
/// happened cannot be refused.
pub trait Decider: Send + Sync + Sized + 'static {
    /// The first part of its stream ids, as `post`; `a-z 0-9 _`.
    const CATEGORY: &'static str;
    /// What can be asked of it.
    type Command: Send + 'static;
    /// What can happen to it.
    type Event: EventSet;
    /// What the rules need to know; its default is "nothing has happened yet".
    type State: Default + Clone + Send + Sync + std::fmt::Debug + 'static;
    /// Why a rule says no.
    type Error: Rejection;

    /// The rule: what happens when `command` is asked in `state`. No events means that the fact
    /// already stands.
    fn decide(state: &Self::State, command: Self::Command)
    -> Result<Vec<Self::Event>, Self::Error>;

    /// The state after one more event.
    fn evolve(state: Self::State, event: &Self::Event) -> Self::State;
}

/// A command refused by a rule: expected, told to the caller, kept as the command's outcome.
/// Its `Display` is the sentence the caller reads; it holds no secret and no personal value.
pub trait Rejection: std::error::Error + Send + Sync + 'static {
    /// The rule's name, `lower_snake`, stable: clients match on it.
    fn rule(&self) -> &'static str;

    /// Whether another state would allow it.
    fn kind(&self) -> RejectionKind {
        RejectionKind::Conflict
    }
}

/// How a refusal reads over HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RejectionKind {
    /// Not in this state: 409.
    Conflict,
    /// Never, as asked: 422.
    Invalid,
    /// There is no such aggregate: 404.
    Absent,
}
