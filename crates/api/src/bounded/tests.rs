//! Places for connections, and who loses one. The limits are shorter here than in the product.

use std::future::IntoFuture;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::routing::get;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::{mpsc, watch};
use tokio_stream::StreamExt;
use tokio_stream::wrappers::ReceiverStream;

use super::*;
use crate::running::counted;

async fn bounded(most: usize, limits: Limits) -> (Bounded, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (Bounded::with(listener, most, limits), address)
}

/// A caller that has asked for a page and keeps its connection.
async fn asking(at: SocketAddr, page: &str) -> TcpStream {
    let mut stream = TcpStream::connect(at).await.unwrap();
    stream.write_all(format!("GET {page} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes()).await.unwrap();
    stream
}

/// Reads until this was said.
async fn hear(from: &mut TcpStream, what: &str) {
    let mut heard = String::new();
    while !heard.contains(what) {
        let mut some = [0; 512];
        let count = from.read(&mut some).await.unwrap();
        assert!(count > 0, "the connection ended behind {heard:?}");
        heard += std::str::from_utf8(&some[..count]).unwrap();
    }
}

/// Waits for the end of a connection on which nothing is said any more.
async fn ended(mut it: TcpStream) {
    let mut rest = Vec::new();
    // Ended, or reset: both are an end.
    let _ = it.read_to_end(&mut rest).await;
}

#[tokio::test]
async fn one_more_connection_waits_until_another_ends() {
    let (mut listener, address) = bounded(2, LIMITS).await;
    let clients = [(); 3].map(|()| TcpStream::connect(address));
    let _clients = futures_util::future::try_join_all(clients).await.unwrap();
    let first = listener.accept().await;
    let _second = listener.accept().await;
    let third = listener.accept();
    tokio::pin!(third);
    let early = tokio::time::timeout(Duration::from_millis(50), &mut third).await;
    assert!(early.is_err(), "it has no place");
    drop(first);
    third.await;
}

#[tokio::test]
async fn a_connection_that_says_nothing_is_ended_and_one_that_speaks_is_not() {
    let look = Duration::from_millis(20);
    let limits = Limits { idle: Duration::from_secs(2), wanted: look, look };
    let (mut listener, address) = bounded(1, limits).await;
    let mut client = TcpStream::connect(address).await.unwrap();
    let (mut served, _) = listener.accept().await;
    for _ in 0..4 {
        tokio::time::sleep(Duration::from_millis(700)).await;
        client.write_all(b"x").await.unwrap();
        assert_eq!(served.read_u8().await.unwrap(), b'x');
    }
    let ended = served.read_u8().await.unwrap_err();
    assert_eq!(ended.kind(), io::ErrorKind::TimedOut);
}

#[tokio::test]
async fn who_waits_gets_the_place_of_one_between_requests_and_never_of_one_with_a_request() {
    let (say, said) = mpsc::channel::<Result<Bytes, io::Error>>(1);
    let said = Arc::new(std::sync::Mutex::new(Some(said)));
    let (go, gone) = watch::channel(false);
    let router = Router::new()
        .route("/now", get(|| async { "well" }))
        .route(
            "/slow",
            get(move || {
                let mut gone = gone.clone();
                async move {
                    gone.wait_for(|it| *it).await.unwrap();
                    "late"
                }
            }),
        )
        .route(
            "/live",
            get(move || {
                let events = ReceiverStream::new(said.lock().unwrap().take().unwrap());
                let begin = tokio_stream::once(Ok(Bytes::from_static(b"live")));
                async move { Body::from_stream(begin.chain(events)) }
            }),
        );
    let quick = Duration::from_millis(50);
    let (listener, at) = bounded(4, Limits { wanted: quick, look: quick, ..LIMITS }).await;
    tokio::spawn(axum::serve(listener, counted(router)).into_future());
    let silent = TcpStream::connect(at).await.unwrap();
    let mut slow = asking(at, "/slow").await;
    let mut live = asking(at, "/live").await;
    hear(&mut live, "live").await;
    let mut kept = asking(at, "/now").await;
    hear(&mut kept, "well").await;
    // All places are taken; two more callers need both of those that are free to end.
    let mut fifth = asking(at, "/slow").await;
    let mut sixth = asking(at, "/now").await;
    hear(&mut sixth, "well").await;
    ended(silent).await;
    ended(kept).await;
    go.send(true).unwrap();
    hear(&mut slow, "late").await;
    hear(&mut fifth, "late").await;
    say.send(Ok(Bytes::from_static(b"event"))).await.unwrap();
    hear(&mut live, "event").await;
}
