//! W1 over loopback HTTP: 64 connections that stay open, a command a request, the load in the same
//! process on the same processors. The client is as small as can be: what it costs is taken from both.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::load::{self, Answered, Call, runtime};
use crate::note::{self, AGGREGATES};
use crate::plan::Plan;
use crate::row::{Contestant, Goal, Row};
use crate::{Failed, Report, edge, w1};

/// Connections, each with one request at a time.
const CONNECTIONS: u64 = 64;
/// The control.
const NULL: &str = "null handler, same HTTP stack";

/// A server and the connections to it.
struct Client {
    at: SocketAddr,
    free: Mutex<Vec<TcpStream>>,
}

impl Client {
    fn to(at: SocketAddr) -> Arc<Self> {
        Arc::new(Self { at, free: Mutex::default() })
    }

    fn request(&self, number: u64) -> String {
        let note::Event::Written { author, text } = note::event();
        let body = format!(r#"{{"author":"{author}","text":"{text}"}}"#);
        let id = note::stream(note::mix(number) % AGGREGATES).id();
        format!(
            "POST /api/bench/notes/{id}/lines HTTP/1.1\r\nhost: {}\r\n\
             content-type: application/json\r\nidempotency-key: {number:032x}\r\n\
             content-length: {}\r\n\r\n{body}",
            self.at,
            body.len()
        )
    }

    /// Sends a request and gives the body of a good answer.
    async fn ask(&self, number: u64) -> Result<Vec<u8>, String> {
        let free = self.free.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut stream = match free {
            Some(stream) => stream,
            None => self.connect().await.map_err(|error| error.to_string())?,
        };
        let request = self.request(number);
        stream.write_all(request.as_bytes()).await.map_err(|error| error.to_string())?;
        let mut answer = Vec::with_capacity(1024);
        loop {
            if stream.read_buf(&mut answer).await.map_err(|error| error.to_string())? == 0 {
                return Err(format!("cut off: {}", String::from_utf8_lossy(&answer)));
            }
            if let Some(body) = whole(&answer) {
                let body = answer.split_off(body);
                if !answer.starts_with(b"HTTP/1.1 200") {
                    let (head, body) =
                        (String::from_utf8_lossy(&answer), String::from_utf8_lossy(&body));
                    return Err(format!("{head}{body}"));
                }
                self.free.lock().unwrap_or_else(PoisonError::into_inner).push(stream);
                return Ok(body);
            }
        }
    }

    async fn connect(&self) -> std::io::Result<TcpStream> {
        let stream = TcpStream::connect(self.at).await?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }
}

/// Where the body begins, once all of it is here.
fn whole(answer: &[u8]) -> Option<usize> {
    let head = answer.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let text = std::str::from_utf8(&answer[..head]).ok()?;
    let length = text.lines().find_map(|line| line.strip_prefix("content-length: "))?;
    (answer.len() >= head + length.trim().parse::<usize>().ok()?).then_some(head)
}

impl Call for Client {
    async fn call(&self, number: u64) -> Result<Answered, String> {
        self.ask(number).await.map(|_| Answered::Yes)
    }
}

/// W1-H.
pub(crate) fn commands(plan: &Plan, report: &mut Report) -> Result<(), Failed> {
    let name = format!("W1-H/{CONNECTIONS}");
    if !plan.wants(&name) {
        return Ok(());
    }
    let (mut ours, mut null) = (Contestant::new("ours"), Contestant::new(NULL));
    let mut open = Contestant::new("open loop");
    for _ in 0..plan.rounds {
        let runtime = runtime()?;
        let product = Client::to(edge::product(&runtime, &plan.fresh()?)?);
        let answer = runtime.block_on(product.ask(1)).map_err(Failed)?;
        let control = Client::to(edge::null(&runtime, answer)?);
        null.runs.push(load::closed(&runtime, CONNECTIONS, plan.lasts, &control)?);
        let run = load::closed(&runtime, CONNECTIONS, plan.lasts, &product)?;
        let peak = run.per_s();
        ours.runs.push(run);
        open.runs.push(load::open(&runtime, peak / 2.0, plan.lasts, &product)?);
    }
    let open = w1::open_json(0.5, &open);
    report.add(&Row {
        name,
        ours,
        controls: vec![null],
        peers: Vec::new(),
        goal: Some(Goal::PartOf(NULL, 0.7, Some(1.5))),
        more: vec![("open_loop", open)],
    });
    Ok(())
}

#[cfg(test)]
mod tests {
    #[test]
    fn an_answer_is_whole_when_its_body_is() {
        let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}";
        assert_eq!(super::whole(answer), Some(answer.len() - 2));
        assert_eq!(super::whole(&answer[..answer.len() - 1]), None);
        assert_eq!(super::whole(b"HTTP/1.1 200 OK\r\n"), None);
    }
}
