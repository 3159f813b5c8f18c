//! W1 over loopback HTTP: 64 connections that stay open, a command a request, the load in the same
//! process on the same processors. The client is as small as can be: what it costs is taken from both.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::load::{self, Answered, Call, runtime};
use crate::note::{self, AGGREGATES};
use crate::pauses::Pauses;
use crate::plan::Plan;
use crate::restate::{self, Restate};
use crate::row::{Contestant, Goal, Row};
use crate::streams::{self, Streams};
use crate::{Failed, Report, edge, w1};

/// Connections, each with one request at a time.
const CONNECTIONS: u64 = 64;
/// Commands of a request to the batch endpoint.
const BATCH: u64 = 64;
/// How an accepted command of a batch begins its answer.
const GOOD: &str = "{\"status\":200,";
/// How a request is refused that would be one too many.
const OVERLOADED: &str = "\"code\":\"overloaded\"";
/// The control.
const NULL: &str = "null handler, same HTTP stack";
/// For the record.
const BARE: &str = "null server by hand";

/// A server and the connections to it.
struct Client {
    to: Pool,
    /// Commands of a request to the batch endpoint; `None`: one command, by its own path.
    batch: Option<u64>,
}

impl Client {
    fn to(at: SocketAddr, batch: Option<u64>) -> Arc<Self> {
        Arc::new(Self { to: Pool::to(at), batch })
    }

    fn request(&self, number: u64) -> String {
        let note::Event::Written { author, text } = note::event();
        let body = format!(r#"{{"author":"{author}","text":"{text}"}}"#);
        let path = |number| {
            let id = note::stream(note::mix(number) % AGGREGATES).id();
            format!("/api/bench/notes/{id}/lines")
        };
        let (path, key, body) = match self.batch {
            None => (path(number), format!("idempotency-key: {number:032x}\r\n"), body),
            Some(commands) => {
                let command = |at: u64| {
                    let path = path(number.wrapping_mul(commands).wrapping_add(at));
                    let key = format!("{number:032x}-{at}");
                    format!(r#"{{"path":"{path}","idempotency_key":"{key}","body":{body}}}"#)
                };
                let all: Vec<_> = (0..commands).map(command).collect();
                let body = format!(r#"{{"commands":[{}]}}"#, all.join(","));
                ("/api/batch".to_owned(), String::new(), body)
            }
        };
        format!(
            "POST {path} HTTP/1.1\r\nhost: {}\r\ncontent-type: application/json\r\n{key}\
             content-length: {}\r\n\r\n{body}",
            self.to.at,
            body.len()
        )
    }

    /// Whether each command of a batch was accepted.
    fn all_accepted(&self, body: &[u8]) -> bool {
        let text = std::str::from_utf8(body).unwrap_or_default();
        let accepted = || text.matches(GOOD).count() as u64;
        self.batch.is_none_or(|commands| accepted() == commands)
    }

    /// Sends a request and gives the body of a good answer; `None`: too much was waiting.
    async fn ask(&self, number: u64) -> Result<Option<Vec<u8>>, String> {
        let (head, body) = self.to.ask(self.request(number).as_bytes()).await?;
        if head.starts_with(b"HTTP/1.1 503") && String::from_utf8_lossy(&body).contains(OVERLOADED)
        {
            return Ok(None);
        }
        if !head.starts_with(b"HTTP/1.1 200") || !self.all_accepted(&body) {
            let (head, body) = (String::from_utf8_lossy(&head), String::from_utf8_lossy(&body));
            return Err(format!("{head}{body}"));
        }
        Ok(Some(body))
    }
}

/// Connections to a server that stay open, as many as there are requests at once.
pub(crate) struct Pool {
    /// The server.
    pub(crate) at: SocketAddr,
    free: Mutex<Vec<TcpStream>>,
}

impl Pool {
    pub(crate) fn to(at: SocketAddr) -> Self {
        Self { at, free: Mutex::default() }
    }

    /// Sends a request and gives head and body of its answer, whatever that is.
    pub(crate) async fn ask(&self, request: &[u8]) -> Result<(Vec<u8>, Vec<u8>), String> {
        let free = self.free.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut stream = match free {
            Some(stream) => stream,
            None => connect(self.at).await.map_err(|error| error.to_string())?,
        };
        let answer = exchange(&mut stream, request).await?;
        self.free.lock().unwrap_or_else(PoisonError::into_inner).push(stream);
        Ok(answer)
    }
}

async fn connect(at: SocketAddr) -> std::io::Result<TcpStream> {
    let stream = TcpStream::connect(at).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

async fn exchange(stream: &mut TcpStream, request: &[u8]) -> Result<(Vec<u8>, Vec<u8>), String> {
    stream.write_all(request).await.map_err(|error| error.to_string())?;
    let mut answer = Vec::with_capacity(1024);
    let body = read(stream, &mut answer).await?;
    let body = answer.split_off(body);
    Ok((answer, body))
}

/// Reads a request or an answer to its end; gives where the body begins.
pub(crate) async fn read(stream: &mut TcpStream, into: &mut Vec<u8>) -> Result<usize, String> {
    loop {
        if stream.read_buf(into).await.map_err(|error| error.to_string())? == 0 {
            return Err(format!("cut off: {}", String::from_utf8_lossy(into)));
        }
        if let Some(body) = whole(into) {
            return Ok(body);
        }
    }
}

/// Where the body begins, once all of it is here.
fn whole(answer: &[u8]) -> Option<usize> {
    let head = answer.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let text = std::str::from_utf8(&answer[..head]).ok()?;
    if text.starts_with("HTTP/1.1 204") {
        return Some(head);
    }
    let length = text.lines().find_map(|line| {
        let (name, value) = line.split_once(": ")?;
        name.eq_ignore_ascii_case("content-length").then_some(value)
    })?;
    (answer.len() >= head + length.trim().parse::<usize>().ok()?).then_some(head)
}

impl Call for Client {
    async fn call(&self, number: u64) -> Result<Answered, String> {
        let answer = self.ask(number).await?;
        Ok(if answer.is_some() { Answered::Yes } else { Answered::Overloaded })
    }
}

/// W1-H: a command a request, and many.
pub(crate) fn commands(plan: &Plan, report: &mut Report) -> Result<(), Failed> {
    let single = Goal::PartOf(NULL, 0.7, Some(1.5));
    row(plan, &format!("W1-H/{CONNECTIONS}"), None, single, report)?;
    row(plan, "W1-H/batch", Some(BATCH), Goal::PerS(500_000.0, None), report)
}

fn row(
    plan: &Plan,
    name: &str,
    batch: Option<u64>,
    goal: Goal,
    report: &mut Report,
) -> Result<(), Failed> {
    if !plan.wants(name) {
        return Ok(());
    }
    let (mut ours, mut null) = (Contestant::new("ours"), Contestant::new(NULL));
    let mut bare = Contestant::new(BARE);
    let (mut open, mut pauses) = (Contestant::new("open loop"), Pauses::default());
    // A batch is one call of the load, and so many commands.
    let of = batch.unwrap_or(1);
    let beside = runtime()?;
    // A peer that has no batches stands beside the single commands only.
    let beside_it = batch.is_none() && !plan.ours && !plan.smoke;
    let streams = if beside_it { Streams::start(&beside, &plan.fresh()?)? } else { None };
    let restate = if beside_it { Restate::start(&beside, &plan.fresh()?)? } else { None };
    let (mut appends, mut objects) =
        (Contestant::new(streams::NAME), Contestant::new(restate::NAME));
    for _ in 0..plan.rounds {
        if !plan.ours {
            pauses.look(plan.lasts);
        }
        let runtime = runtime()?;
        let product = Client::to(edge::product(&runtime, &plan.fresh()?)?, batch);
        let answer = runtime.block_on(product.ask(1)).map_err(Failed)?;
        let answer = answer.ok_or_else(|| Failed("nobody else asks, and it is full".to_owned()))?;
        if !plan.ours {
            for (at, runs) in [
                (edge::null(&runtime, answer.clone())?, &mut null.runs),
                (edge::bare(&runtime, &answer)?, &mut bare.runs),
            ] {
                let control = Client::to(at, batch);
                runs.push(load::closed(&runtime, CONNECTIONS, plan.lasts, &control)?.times(of));
            }
        }
        let run = load::closed(&runtime, CONNECTIONS, plan.lasts, &product)?;
        let peak = run.per_s();
        ours.runs.push(run.times(of));
        if let Some(streams) = &streams {
            appends.runs.push(streams.run(&beside, CONNECTIONS, plan.lasts)?);
        }
        if let Some(restate) = &restate {
            objects.runs.push(restate.run(&beside, CONNECTIONS, plan.lasts)?);
        }
        if !plan.ours {
            open.runs.push(load::open(&runtime, peak / 2.0, plan.lasts, &product)?.times(of));
        }
    }
    let more = vec![
        ("commands_a_request", serde_json::json!(of)),
        ("open_loop", w1::open_json(0.5, &open)),
        ("machine_pauses", pauses.json()),
    ];
    let (name, goal) = (name.to_owned(), Some(goal));
    let peers = [streams.map(|_| appends), restate.map(|_| objects)];
    let peers = peers.into_iter().flatten().collect();
    report.add(&Row { name, ours, controls: vec![null, bare], peers, goal, more });
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
