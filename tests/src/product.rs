//! One running product.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::{Duration, Instant};

use reqwest::{RequestBuilder, Response, StatusCode};
use serde_json::Value;

use crate::brokers;

/// How long a start may take: a cold machine under load makes a PostgreSQL cluster meanwhile.
const START_MAX: Duration = Duration::from_mins(1);
/// How long the read models may take to come up behind the API, on the same machine.
const READ_MAX: Duration = Duration::from_mins(1);

/// The built binary, as `cargo xtask test` names it.
fn binary() -> PathBuf {
    let named = std::env::var_os("RECOUNT_BIN").map(PathBuf::from);
    named.expect("RECOUNT_BIN names the built binary; run `cargo xtask test --only e2e`")
}

/// A run of the command line to its end.
#[derive(Debug)]
pub struct Exit {
    /// Its exit code.
    pub code: i32,
    /// What it printed as data.
    pub stdout: String,
    /// What it said.
    pub stderr: String,
}

/// Runs `recount` with these arguments.
pub fn recount<S: AsRef<std::ffi::OsStr>>(args: impl IntoIterator<Item = S>) -> Exit {
    let output = Command::new(binary())
        .args(args)
        .stdin(Stdio::null())
        .output()
        .expect("recount can be run");
    Exit {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// A number that follows from a seed and a place; the same in every run of one seed (`SplitMix64`).
pub const fn seeded(seed: u64, place: u64) -> u64 {
    let mut z = seed.wrapping_add(place.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// `recount up`, running.
#[derive(Debug)]
pub struct Product {
    child: Child,
    /// `http://127.0.0.1:port`
    pub base: String,
    /// Its data directory.
    pub data: PathBuf,
    /// From exec to the banner.
    pub started_in: Duration,
    /// What it was started with.
    flags: Vec<String>,
    said: Arc<Mutex<String>>,
}

impl Product {
    /// Starts it on a free port.
    pub fn start(data: &Path) -> Self {
        Self::start_with(data, &["--listen", "127.0.0.1:0"])
    }

    /// Starts it again where it was: same data, same port, same flags.
    #[must_use]
    pub fn restart(&self) -> Self {
        let address = self.base.trim_start_matches("http://");
        let after_listen =
            |at: usize| at.checked_sub(1).is_some_and(|it| self.flags[it] == "--listen");
        let flag = |(at, flag)| if after_listen(at) { address } else { String::as_str(flag) };
        let flags: Vec<&str> = self.flags.iter().enumerate().map(flag).collect();
        Self::start_with(&self.data, &flags)
    }

    /// Starts it on a free port, and lets it say everything it can say.
    pub fn start_loud(data: &Path) -> Self {
        Self::start_loud_with(data, &["--listen", "127.0.0.1:0"])
    }

    /// The same with these flags.
    pub fn start_loud_with(data: &Path, flags: &[&str]) -> Self {
        Self::start_as(data, flags, "trace,hyper_util=info")
    }

    /// Starts it with these flags.
    pub fn start_with(data: &Path, flags: &[&str]) -> Self {
        Self::start_as(data, flags, "info")
    }

    fn start_as(data: &Path, flags: &[&str], log: &str) -> Self {
        let log_flags = brokers::flags(&binary(), data);
        let began = Instant::now();
        let mut child = Command::new(binary())
            .arg("up")
            .arg("--data")
            .arg(data)
            .args(log_flags)
            .args(flags)
            .env_remove("DATABASE_URL")
            .env("RUST_LOG", log)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("recount can be started");
        let lines = lines(child.stdout.take().expect("stdout is piped"));
        let said = Arc::default();
        keep_log(child.stderr.take().expect("stderr is piped"), Arc::clone(&said));
        while let Ok(line) = lines.recv_timeout(START_MAX.saturating_sub(began.elapsed())) {
            let api = line.trim().strip_prefix("API").map(str::trim);
            if let Some(base) = api.and_then(|url| url.strip_suffix("/api")) {
                let (started_in, base) = (began.elapsed(), base.to_owned());
                std::thread::spawn(move || lines.iter().for_each(drop));
                let flags = flags.iter().map(|&flag| flag.to_owned()).collect();
                return Self { child, base, data: data.to_owned(), started_in, flags, said };
            }
        }
        let status = child.try_wait();
        child.kill().ok();
        panic!("recount printed no banner in {START_MAX:?} (status {status:?}); its log is above");
    }

    /// What it wrote to its own log so far.
    pub fn said(&self) -> String {
        self.said.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Whether it has ended by itself.
    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().is_ok_and(|status| status.is_some())
    }

    /// Memory that it holds now, in bytes; 0 when it has ended.
    pub fn resident_bytes(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid()));
        let status = status.unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = line.and_then(|rest| rest.trim().trim_end_matches("kB").trim().parse().ok());
        kib.map_or(0, |kib: u64| kib << 10)
    }

    /// kill -9.
    pub fn kill(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }

    /// SIGTERM, and its exit code.
    pub fn stop(&mut self) -> i32 {
        signal(self.pid(), "TERM");
        self.child.wait().ok().and_then(|status| status.code()).unwrap_or(-1)
    }

    /// kill -9 of the postmaster it supervises, if that runs: after a kill of the product its file may name one
    /// that is gone already.
    pub fn kill_postgres(&self) {
        let pid = self.postmaster().to_string();
        Command::new("kill").args(["-KILL", &pid]).stderr(Stdio::null()).status().ok();
    }

    /// Stops (`STOP`) or goes on with (`CONT`) every process of the database that it supervises: a database
    /// that cannot be reached, whose connections stand.
    pub fn signal_postgres(&self, name: &str) {
        let postmaster = self.postmaster();
        signal(postmaster, name);
        let children = format!("/proc/{postmaster}/task/{postmaster}/children");
        let children = std::fs::read_to_string(children).expect("the postmaster runs");
        let children = children.split_whitespace().filter_map(|pid| pid.parse().ok());
        children.for_each(|child| signal(child, name));
    }

    /// Ends every connection that the product has to the database that it supervises.
    pub fn kill_backends(&self) {
        let postmaster = self.postmaster();
        let children = format!("/proc/{postmaster}/task/{postmaster}/children");
        let children = std::fs::read_to_string(children).expect("the postmaster runs");
        for child in children.split_whitespace() {
            let title = std::fs::read_to_string(format!("/proc/{child}/cmdline"));
            // `postgres: recount recount [local] idle`, and no process of the server's own.
            if title.is_ok_and(|title| title.contains("[local]") && !title.contains("startup")) {
                child.parse().into_iter().for_each(|pid| signal(pid, "TERM"));
            }
        }
    }

    fn postmaster(&self) -> u32 {
        let file = self.data.join("postgres/cluster/postmaster.pid");
        let pid = std::fs::read_to_string(&file)
            .ok()
            .and_then(|text| text.lines().next()?.trim().parse().ok());
        pid.unwrap_or_else(|| panic!("{} names no postmaster", file.display()))
    }

    /// The whole URL of a path.
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// Waits until something holds; panics with what it is after 30 s.
    pub async fn until<F: Future<Output = bool>>(&self, what: &str, mut holds: impl FnMut() -> F) {
        let began = Instant::now();
        while !holds().await {
            assert!(began.elapsed() < Duration::from_secs(30), "not within 30 s: {what}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Reads; waits while the read models come up behind the API, or are not that far.
    pub async fn read(&self, ask: RequestBuilder) -> Response {
        let began = Instant::now();
        loop {
            let again = ask.try_clone().expect("a read has no body that streams");
            let answer = again.send().await.expect("the product answers");
            if answer.status() != StatusCode::SERVICE_UNAVAILABLE || began.elapsed() > READ_MAX {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// GET, as JSON, as [`Self::read`]; panics on anything but success.
    pub async fn get(&self, path: &str) -> Value {
        let answer = self.read(reqwest::Client::new().get(self.url(path))).await;
        let status = answer.status();
        let text = answer.text().await.expect("the answer is text");
        assert!(status.is_success(), "GET {path}: {status} {text}");
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("GET {path}: {error}: {text}"))
    }
}

impl Drop for Product {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Sends a signal by name; a process that has ended meanwhile needs none.
fn signal(pid: u32, name: &str) {
    let sent = Command::new("kill").args([&format!("-{name}"), &pid.to_string()]).output();
    let gone = !Path::new(&format!("/proc/{pid}")).exists();
    assert!(gone || sent.is_ok_and(|it| it.status.success()), "kill -{name} {pid}");
}

fn lines(from: impl Read + Send + 'static) -> mpsc::Receiver<String> {
    let (to, lines) = mpsc::channel();
    std::thread::spawn(move || {
        for line in BufReader::new(from).lines().map_while(Result::ok) {
            if to.send(line).is_err() {
                break;
            }
        }
    });
    lines
}

/// The product's own log is kept, and goes where a failing test shows it.
fn keep_log(from: impl Read + Send + 'static, said: Arc<Mutex<String>>) {
    std::thread::spawn(move || {
        for line in BufReader::new(from).lines().map_while(Result::ok) {
            eprintln!("recount: {line}");
            let mut said = said.lock().unwrap_or_else(PoisonError::into_inner);
            said.push_str(&line);
            said.push('\n');
        }
    });
}
