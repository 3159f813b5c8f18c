//! Serving a router on a listener until it is drained. Not the choice of the address.

use std::future::IntoFuture;
use std::time::Duration;

use axum::Router;
use tokio::net::TcpListener;

use crate::bounded::Bounded;
use crate::parts::Drain;
use crate::running::counted;

/// Serves until `drain` has begun and running requests are answered, or `grace` has passed.
pub async fn listen(
    listener: TcpListener,
    router: Router,
    drain: Drain,
    grace: Duration,
) -> std::io::Result<()> {
    let begun = drain.clone();
    let serving = axum::serve(Bounded::new(listener), counted(router))
        .with_graceful_shutdown(async move { begun.begun().await })
        .into_future();
    let expired = async {
        drain.begun().await;
        tokio::time::sleep(grace).await;
    };
    tokio::select! {
        ended = serving => ended,
        () = expired => {
            tracing::warn!(grace_s = grace.as_secs(), "requests still run at the end of the grace time");
            Ok(())
        }
    }
}
