//! Calls against a real listener: what each way of not answering means.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::io::{Read as _, Write as _};
use std::net::TcpListener;

use provider_http::{Client, NoAnswer, Request, now};

/// Answers one connection with these bytes, then closes it.
fn answers(with: &'static [u8]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut head = [0; 1_024];
        assert!(stream.read(&mut head).unwrap() > 0);
        stream.write_all(with).unwrap();
    });
    at
}

fn get(within_ms: i64) -> Request {
    Request::new(http::Method::GET, "/x", now().plus_ms(within_ms))
}

async fn asked(base: &str, within_ms: i64) -> Result<u16, NoAnswer> {
    let client = Client::new(base).unwrap();
    client.call(get(within_ms)).await.map(|answer| answer.status.as_u16())
}

#[tokio::test]
async fn an_answer_is_read_to_its_end() {
    let base = answers(b"HTTP/1.1 503 No\r\ncontent-length: 2\r\n\r\nno");
    assert_eq!(asked(&base, 5_000).await, Ok(503));
}

#[tokio::test]
async fn a_port_where_nobody_listens_was_sent_nothing() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let failed = asked(&base, 5_000).await.unwrap_err();
    assert!(matches!(&failed, NoAnswer::NotSent(why) if why.contains("refused")), "{failed:?}");
}

#[tokio::test]
async fn without_time_nothing_is_sent() {
    let failed = asked("http://127.0.0.1:9", 50).await.unwrap_err();
    assert!(matches!(&failed, NoAnswer::NotSent(why) if why.contains("no time")), "{failed:?}");
}

#[tokio::test]
async fn a_connection_that_is_cut_before_during_or_after_the_head_is_a_lost_answer() {
    for with in
        [&b""[..], b"HTTP/1.1 200", b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n{\"half\""]
    {
        let failed = asked(&answers(with), 5_000).await.unwrap_err();
        assert!(matches!(failed, NoAnswer::Lost(_)), "{failed:?} after {with:?}");
    }
}

#[tokio::test]
async fn silence_ends_before_the_effect_is_due() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let began = std::time::Instant::now();
    let failed = asked(&base, 600).await.unwrap_err();
    let NoAnswer::Lost(why) = &failed else { panic!("{failed:?}") };
    let waited = why.split(' ').find_map(|word| word.parse().ok());
    assert!(why.contains("did not answer") && waited.is_some_and(|ms: u64| ms < 600), "{why}");
    assert!(began.elapsed().as_secs() < 20, "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_certificate_that_nobody_vouches_for_was_sent_nothing() {
    // Whoever answers here speaks no TLS: the handshake fails, and the request stays here.
    let base = answers(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
    let failed = asked(&base.replace("http", "https"), 5_000).await.unwrap_err();
    assert!(matches!(failed, NoAnswer::NotSent(_)), "{failed:?}");
}

#[test]
fn an_address_that_is_none_is_told_so() {
    for wrong in ["bsky.social", "ftp://x", "https://me:secret@x", "https://"] {
        assert!(Client::new(wrong).is_err(), "{wrong}");
    }
}
