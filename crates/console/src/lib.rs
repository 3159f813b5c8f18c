//! The web console: server-rendered pages over the runtime, with htmx and SSE where a script runs
//! and plain links and forms where none does. Not a place for rules or storage: it asks a
//! [`Backend`] and draws what comes back.
//!
//! The assembly mounts [`router`] at `/console` and puts the [`domain::Principal`] of every request
//! into its extensions; a request without one is refused. Whether a `Host` is ours is the
//! assembly's affair too, as it is for the API.
//!
//! ```no_run
//! # fn product() -> std::sync::Arc<dyn console::Backend> { loop {} }
//! let owner = domain::Principal::local_owner();
//! let app: axum::Router = axum::Router::new()
//!     .nest("/console", console::router(product()))
//!     .layer(axum::Extension(owner));
//! ```

mod assets;
mod backend;
mod cx;
mod desk;
mod diff;
mod filter;
mod format;
mod frame;
mod live;
mod live_sagas;
mod pages;
mod parts;
mod prefs;
mod routes;
mod saga;
mod sampler;
mod secure;
mod system;
mod view;

pub use backend::{Backend, BackendError, Ticks};
pub use desk::{Breaker, Desk, OrderError, Recorded, SagaList, SagaView, Target};
pub use routes::router;
pub use system::{
    Installation, Lag, Lane, LaneVerdict, Parked, Projection, ProjectionState, Steer, Verification,
    Verified,
};
pub use view::{
    AsOf, At, Event, EventHead, EventPage, EventQuery, Found, Lookup, StateLine, StreamPage,
    StreamQuery, StreamRow, StreamView,
};
