//! Names that lead nowhere, to somebody else, or are slow to be found: a call ends in time, what was not sent
//! is told as that, and the next call finds the name again. In a child with tables of names of its own; where
//! that is not allowed the test is left out, and says so.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "helpers of tests are tests")]

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, UdpSocket};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use provider_http::{Client, NoAnswer, Request, now};

const NAME: &str = "a_name_that_is_slow_wrong_or_gone_ends_in_time_and_is_found_again";
const CHILD: &str = "PROVIDER_HTTP_TEST_NAMES_DIR";

/// Answers every connection, and ends it.
fn server() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut head = [0; 1_024];
            if stream.read(&mut head).is_ok_and(|bytes| bytes > 0) {
                stream
                    .write_all(
                        b"HTTP/1.1 200 OK\r\nconnection: close\r\n\
                             content-length: 0\r\n\r\n",
                    )
                    .unwrap();
            }
        }
    });
    port
}

/// The child: the table of names is a file of its own.
async fn calls(dir: &Path) {
    // A server of names that never answers.
    let silent = UdpSocket::bind("127.0.0.77:53");
    let names = |table: &str| std::fs::write(dir.join("hosts"), table).unwrap();
    let client = Client::new(&format!("http://target.test:{}", server())).unwrap();
    let asked = async |within_ms| {
        let request = Request::new(http::Method::GET, "/x", now().plus_ms(within_ms));
        client.call(request).await.map(|answer| answer.status.as_u16())
    };
    for _ in 0..2 {
        names("127.0.0.1 target.test\n");
        assert_eq!(asked(30_000).await, Ok(200));
        names("127.0.0.2 target.test\n");
        let wrong = asked(30_000).await.unwrap_err();
        assert!(matches!(&wrong, NoAnswer::NotSent(why) if why.contains("refused")), "{wrong:?}");
        names("127.0.0.1 another.test\n");
        let began = Instant::now();
        let gone = asked(1_000).await.unwrap_err();
        let took = began.elapsed();
        // Too late it is not known whether anything was sent; the answer was never one.
        assert!(matches!(&gone, NoAnswer::NotSent(_) | NoAnswer::Lost(_)), "{gone:?}");
        assert!(took < Duration::from_secs(20), "{took:?}");
        eprintln!("gone, slow {}: {gone:?} after {took:?}", silent.is_ok());
    }
    names("127.0.0.1 target.test\n");
    assert_eq!(asked(30_000).await, Ok(200));
}

#[tokio::test]
async fn a_name_that_is_slow_wrong_or_gone_ends_in_time_and_is_found_again() {
    if let Some(dir) = std::env::var_os(CHILD) {
        return calls(dir.as_ref()).await;
    }
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("hosts"), "").unwrap();
    let asks = "nameserver 127.0.0.77\noptions timeout:3 attempts:1\n";
    std::fs::write(dir.path().join("resolv.conf"), asks).unwrap();
    let script = r#"[ "$(id -u)" = 0 ] || user=--map-root-user
        exec unshare $user --mount sh -c 'mount --bind "$0/hosts" /etc/hosts &&
            mount --bind "$0/resolv.conf" /etc/resolv.conf && exec "$@"' "$@""#;
    let within = |program: &Path, args: &[&str]| {
        let mut command = Command::new("sh");
        command.args(["-c", script, "sh"]).arg(dir.path()).arg(program).args(args);
        command.env(CHILD, dir.path()).output().unwrap()
    };
    let tried = within("true".as_ref(), &[]);
    if !tried.status.success() {
        eprintln!("LEFT OUT: names cannot be changed here: {tried:?}");
        return;
    }
    let own = std::env::current_exe().unwrap();
    let output = within(&own, &["--exact", NAME, "--nocapture"]);
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    assert!(output.status.success(), "{said}");
    said.lines().filter(|line| line.starts_with("gone")).for_each(|line| eprintln!("{line}"));
}
