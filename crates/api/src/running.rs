//! How many requests run on a connection, live ones included. Not their bound: that is the edge's.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::body::{Body, HttpBody};
use axum::extract::Request;
use axum::extract::connect_info::{ConnectInfo, Connected, IntoMakeServiceWithConnectInfo};
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use axum::serve::IncomingStream;
use tokio_stream::StreamExt;

use crate::bounded::Bounded;

/// The requests that run on one connection.
#[derive(Debug, Clone, Default)]
pub(crate) struct Running(Arc<AtomicUsize>);

/// One of them, until dropped.
struct One(Running);

impl Running {
    /// Whether there is any.
    pub(crate) fn any(&self) -> bool {
        self.0.load(Ordering::Relaxed) > 0
    }

    fn begin(self) -> One {
        self.0.fetch_add(1, Ordering::Relaxed);
        One(self)
    }
}

impl Drop for One {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Connected<IncomingStream<'_, Bounded>> for Running {
    fn connect_info(stream: IncomingStream<'_, Bounded>) -> Self {
        stream.io().running().clone()
    }
}

/// Lets every request of a router count on its connection.
pub(crate) fn counted(router: Router) -> IntoMakeServiceWithConnectInfo<Router, Running> {
    router.layer(from_fn(count)).into_make_service_with_connect_info()
}

async fn count(
    ConnectInfo(running): ConnectInfo<Running>,
    request: Request,
    next: Next,
) -> Response {
    let one = running.begin();
    let response = next.run(request).await;
    if response.body().size_hint().exact().is_some() {
        // It is there, and only has to be written.
        return response;
    }
    response.map(|body| {
        let parts = body.into_data_stream().map(move |part| {
            let _until_it_ends = &one;
            part
        });
        Body::from_stream(parts)
    })
}
