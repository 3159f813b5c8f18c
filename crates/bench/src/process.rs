//! Starting, watching and killing the process that is measured. Not what it does.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use crate::Failed;
use crate::measure::Measured;

/// A process of the bench itself; killed when it is dropped.
pub(crate) struct Process {
    child: Child,
    out: BufReader<ChildStdout>,
    begun: Instant,
}

impl Process {
    /// Starts this program again with these arguments.
    pub(crate) fn start(args: &[&str], dir: &Path) -> Result<Self, Failed> {
        let begun = Instant::now();
        let mut child = Command::new(std::env::current_exe()?)
            .args(args)
            .arg(dir)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()?;
        let out = child.stdout.take().ok_or_else(|| Failed("stdout is not piped".to_owned()))?;
        Ok(Self { child, out: BufReader::new(out), begun })
    }

    /// Waits until it says this.
    pub(crate) fn wait_for(&mut self, word: &str) -> Result<Duration, Failed> {
        let mut line = String::new();
        while self.out.read_line(&mut line)? > 0 {
            if line.trim() == word {
                return Ok(self.begun.elapsed());
            }
            line.clear();
        }
        Err(Failed(format!("the process ended before it said `{word}`")))
    }

    /// Memory that it holds, in MiB.
    pub(crate) fn rss_mb(&self) -> Result<f64, Failed> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let kib = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = kib.and_then(|rest| rest.trim().trim_end_matches(" kB").parse::<f64>().ok());
        kib.map(|kib| (kib / 1024.0 * 10.0).round() / 10.0)
            .ok_or_else(|| Failed("the process tells no memory".to_owned()))
    }

    /// kill -9.
    pub(crate) fn kill(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// One thing that happened once and took so long.
pub(crate) fn once(took: Duration) -> Measured {
    let tenths = u32::try_from(took.as_nanos() / 100).unwrap_or(u32::MAX);
    Measured { cpu_s: None, ..Measured::new(1, took, 0.0, vec![tenths]) }
}
