//! The edge on a socket.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::support::product;

async fn ask(at: std::net::SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(at).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    text
}

#[tokio::test]
async fn a_server_ends_when_it_is_drained() {
    let product = product();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    let (router, drain) = (product.edge.router.clone(), product.edge.drain.clone());
    let serving =
        tokio::spawn(api::listen(listener, router, drain.clone(), Duration::from_secs(5)));
    let host = format!("Host: {at}\r\nConnection: close\r\n");
    let fine = ask(at, &format!("GET /health/live HTTP/1.1\r\n{host}\r\n")).await;
    assert!(fine.starts_with("HTTP/1.1 200 OK\r\n"), "{fine}");
    let smuggled = format!(
        "POST /api/content/posts HTTP/1.1\r\n{host}Content-Length: 4\r\nContent-Length: 5\r\n\r\n{{}}  "
    );
    let refused = ask(at, &smuggled).await;
    assert!(refused.starts_with("HTTP/1.1 400 "), "{refused}");
    drain.begin();
    tokio::time::timeout(Duration::from_secs(5), serving).await.unwrap().unwrap().unwrap();
    assert!(TcpStream::connect(at).await.is_err(), "nobody listens any more");
}
