//! A counterpart as a process: starts, tells where it is in one line of JSON, ends with its guard.

use std::io::{BufRead as _, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use serde_json::Value;

/// How long a start may take on a busy machine.
const START_MAX: Duration = Duration::from_mins(1);

/// A running counterpart. It also ends when this process dies: its standard input is held open.
#[derive(Debug)]
pub(super) struct Process {
    child: Child,
    /// What it told about itself.
    pub(super) told: Value,
}

impl Process {
    pub(super) fn start(name: &'static str, mut command: Command) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{name}: {error}"));
        let (to, lines) = mpsc::channel();
        let out = child.stdout.take().expect("stdout is piped");
        each_line(out, move |line| drop(to.send(line)));
        let err = child.stderr.take().expect("stderr is piped");
        each_line(err, move |line| eprintln!("{name}: {line}"));
        // Lines before the one are what its libraries have to say.
        while let Ok(line) = lines.recv_timeout(START_MAX) {
            if let Ok(told) = serde_json::from_str::<Value>(&line)
                && told["url"].is_string()
            {
                return Self { child, told };
            }
        }
        child.kill().ok();
        child.wait().ok();
        panic!("{name} did not say where it is within {START_MAX:?}");
    }

    pub(super) fn url(&self) -> String {
        self.told["url"].as_str().unwrap_or_default().to_owned()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It cleans up when its input ends; whoever does not is killed.
        drop(self.child.stdin.take());
        for _ in 0..40 {
            if self.child.try_wait().is_ok_and(|it| it.is_some()) {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn each_line(from: impl Read + Send + 'static, mut take: impl FnMut(String) + Send + 'static) {
    std::thread::spawn(move || {
        for line in BufReader::new(from).lines().map_while(Result::ok) {
            take(line);
        }
    });
}
