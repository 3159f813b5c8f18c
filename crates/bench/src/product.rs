//! The product's binary, started and killed: exec to the first durable answer over HTTP, with everything
//! that `recount up` brings (its PostgreSQL starts beside it). `RECOUNT_BIN` names it; without it the
//! rows are left out, and that is said.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::plan::Plan;
use crate::process::once;
use crate::row::{Contestant, Goal, Row};
use crate::start::until;
use crate::{Failed, Report};

/// How long a start may take at most.
const START_MAX: Duration = Duration::from_mins(1);

struct Product {
    child: Child,
    begun: Instant,
    at: SocketAddr,
}

impl Product {
    fn start(binary: &Path, data: &Path, at: SocketAddr) -> Result<Self, Failed> {
        let begun = Instant::now();
        let child = Command::new(binary)
            .args(["up", "--listen", &at.to_string(), "--data"])
            .arg(data)
            .env_remove("DATABASE_URL")
            .env("RUST_LOG", "error")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        Ok(Self { child, begun, at })
    }

    /// From exec to the answer of a command under a fresh key.
    fn first_ack(&self) -> Result<Duration, Failed> {
        until(START_MAX, || ask(self.at).ok())?;
        Ok(self.begun.elapsed())
    }

    fn kill(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Drop for Product {
    /// Lets it stop its PostgreSQL.
    fn drop(&mut self) {
        if !matches!(self.child.try_wait(), Ok(None)) {
            return;
        }
        let stop = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status();
        if stop.is_ok() {
            drop(self.child.wait());
        }
        self.kill();
    }
}

/// One command over HTTP; an error unless it was accepted.
fn ask(at: SocketAddr) -> Result<(), Failed> {
    let body = r#"{"body":"one durable command"}"#;
    let mut to = TcpStream::connect(at)?;
    to.set_read_timeout(Some(Duration::from_secs(5)))?;
    write!(
        to,
        "POST /api/content/posts HTTP/1.1\r\nhost: {at}\r\nconnection: close\r\n\
         content-type: application/json\r\nidempotency-key: {}\r\ncontent-length: {}\r\n\r\n{body}",
        uuid::Uuid::new_v4(),
        body.len(),
    )?;
    let mut answer = String::new();
    to.read_to_string(&mut answer)?;
    if answer.starts_with("HTTP/1.1 2") {
        return Ok(());
    }
    Err(Failed(answer))
}

/// The product's binary, if it is named.
pub(crate) fn binary() -> Option<PathBuf> {
    let named = std::env::var_os("RECOUNT_BIN").map(PathBuf::from).filter(|it| it.exists());
    if named.is_none() {
        eprintln!("the rows of the product's binary are left out: RECOUNT_BIN names none");
    }
    named
}

fn free() -> Result<SocketAddr, Failed> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

/// W7-H: start on a new and on an existing data directory.
pub(crate) fn start(plan: &Plan, report: &mut Report) -> Result<(), Failed> {
    if plan.smoke || !plan.wants("W7-H") {
        return Ok(());
    }
    let Some(binary) = binary() else { return Ok(()) };
    let (mut new, mut again) = (Contestant::new("ours"), Contestant::new("ours"));
    for _ in 0..plan.rounds {
        let dir = plan.fresh()?;
        for row in [&mut new, &mut again] {
            let it = Product::start(&binary, &dir.join("data"), free()?)?;
            row.runs.push(once(it.first_ack()?));
        }
    }
    for (name, ours) in [("W7-H/new", new), ("W7-H/existing", again)] {
        report.add(&Row {
            name: name.to_owned(),
            ours,
            controls: Vec::new(),
            peers: Vec::new(),
            goal: Some(Goal::Ms(40.0)),
            more: vec![("what", json!("recount up: exec to the first 2xx over HTTP"))],
        });
    }
    Ok(())
}

/// W8-H: kill -9 of the product, then start to the next answer.
pub(crate) fn kill(plan: &Plan, report: &mut Report) -> Result<(), Failed> {
    if plan.smoke || !plan.wants("W8-H") {
        return Ok(());
    }
    let Some(binary) = binary() else { return Ok(()) };
    let mut ours = Contestant::new("ours");
    for _ in 0..plan.rounds {
        let dir = plan.fresh()?;
        let (data, at) = (dir.join("data"), free()?);
        let mut it = Product::start(&binary, &data, at)?;
        it.first_ack()?;
        let begun = Instant::now();
        while begun.elapsed() < plan.lasts {
            ask(at)?;
        }
        let killed = Instant::now();
        it.kill();
        let again = Product::start(&binary, &data, at)?;
        again.first_ack()?;
        ours.runs.push(once(killed.elapsed()));
    }
    report.add(&Row {
        name: "W8-H".to_owned(),
        ours,
        controls: Vec::new(),
        peers: Vec::new(),
        goal: Some(Goal::Ms(150.0)),
        more: vec![("what", json!("kill -9 of recount up, exec, next 2xx over HTTP"))],
    });
    Ok(())
}
