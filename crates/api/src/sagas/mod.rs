//! Sagas over HTTP: lists by a filter, one with all that is known of it, its events, its plan, and what
//! an operator does. Not the engine that decides, and not the read model that lists.

mod act;
mod list;
mod live;
mod mount;
mod one;
mod show;

use async_trait::async_trait;
use domain::{Meta, StreamId, TenantId};
use orchestrator::{Event, Instance, Types};

use crate::ports::HistoryError;

pub(crate) use mount::mount;

/// Reads sagas from their streams, as they are now.
#[async_trait]
pub trait SagaDesk: Send + Sync + 'static {
    /// The saga types of this program.
    fn types(&self) -> &Types;

    /// A saga of this tenant; `None`: it is not there, or another tenant's.
    async fn saga(
        &self,
        stream: &StreamId,
        tenant: &TenantId,
    ) -> Result<Option<SagaSeen>, HistoryError>;
}

/// A saga as it is now.
#[derive(Debug, Clone, PartialEq)]
pub struct SagaSeen {
    /// What the engine knows of it.
    pub is: Instance,
    /// Why one of its events cannot be read; then what is known of it is a guess.
    pub unreadable: Option<String>,
    /// Its events, oldest first.
    pub events: Vec<SagaPast>,
}

/// An event of a saga as it was recorded.
#[derive(Debug, Clone, PartialEq)]
pub struct SagaPast {
    /// Where, when, by whom.
    pub meta: Meta,
    /// The event; or why it cannot be read.
    pub event: Result<Event, String>,
}
