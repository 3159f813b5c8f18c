//! How long and how often everything is run. Read from the command line; not what is run.

use std::cell::Cell;
use std::path::PathBuf;
use std::time::Duration;

use tempfile::TempDir;

use crate::Failed;

/// The command line.
#[derive(Debug)]
pub(crate) struct Plan {
    /// `w1`, `w2`, ...
    pub(crate) workload: String,
    /// One line of JSON a row instead of text.
    pub(crate) json: bool,
    /// Only this row, or this family of rows.
    pub(crate) only: Option<String>,
    /// Times that each contestant runs.
    pub(crate) rounds: u32,
    /// Of one run.
    pub(crate) lasts: Duration,
    /// Without controls and peers: for a profiler.
    pub(crate) ours: bool,
    /// Everything once and as short as can be: shows that it runs, and nothing else.
    pub(crate) smoke: bool,
    /// On the device that is measured.
    scratch: TempDir,
    /// Directories made in it.
    made: Cell<u64>,
}

pub(crate) const USAGE: &str = "\
Usage: bench <w1|w2|w3|w7|w8|grow> [--json] [--only ROW] [--rounds N] [--seconds S] [--dir DIR]
             [--ours] [--smoke]

  --json        one line of JSON a row
  --only ROW    only this row or family, as W1-P/64 or W1-P
  --rounds N    times that each contestant runs, in turns (3)
  --seconds S   length of one run (2)
  --dir DIR     where data is written: decides which device is measured (here)
  --ours        neither controls nor peers: for a profiler
  --smoke       everything once, very short, figures without meaning
";

impl Plan {
    pub(crate) fn parse(mut args: impl Iterator<Item = String>) -> Result<Self, Failed> {
        let (mut workload, mut dir, mut only) = (String::new(), PathBuf::from("."), None);
        let (mut rounds, mut lasts) = (3, Duration::from_secs(2));
        let (mut json, mut ours, mut smoke) = (false, false, false);
        while let Some(arg) = args.next() {
            let mut value = || args.next().ok_or_else(|| Failed(format!("{arg} lacks its value")));
            match arg.as_str() {
                "--json" => json = true,
                "--ours" => ours = true,
                "--smoke" => smoke = true,
                "--only" => only = Some(value()?),
                "--dir" => dir = PathBuf::from(value()?),
                "--rounds" => {
                    let text = value()?;
                    rounds = text
                        .parse()
                        .map_err(|_| Failed(format!("{text} is no number of rounds")))?;
                }
                "--seconds" => {
                    let text = value()?;
                    let seconds = text.parse::<f64>().ok().filter(|it| (0.01..600.0).contains(it));
                    let seconds = seconds.ok_or_else(|| Failed(format!("{text} is no time")))?;
                    lasts = Duration::from_secs_f64(seconds);
                }
                name if workload.is_empty() && !name.starts_with('-') => {
                    name.clone_into(&mut workload);
                }
                _ => return Err(Failed(format!("cannot understand `{arg}`\n\n{USAGE}"))),
            }
        }
        if smoke {
            (rounds, lasts) = (1, Duration::from_millis(40));
        }
        let scratch = tempfile::Builder::new().prefix("recount-bench-").tempdir_in(&dir)?;
        let made = Cell::new(0);
        Ok(Self { workload, json, only, rounds, lasts, ours, smoke, scratch, made })
    }

    /// Whether a row is wanted: named, or one of those named by the part before their `/`.
    pub(crate) fn wants(&self, row: &str) -> bool {
        let family = row.split('/').next().unwrap_or(row);
        self.only.as_deref().is_none_or(|only| only == row || only == family)
    }

    /// Whether a row of this family is asked for by its name.
    #[cfg(feature = "kafka")]
    pub(crate) fn names(&self, family: &str) -> bool {
        self.only.as_deref().is_some_and(|only| only.starts_with(family))
    }

    /// Lengths of the histories that a start is measured with.
    pub(crate) fn histories(&self) -> &'static [u64] {
        if self.smoke { &[500] } else { &[1_000, 10_000, 100_000, 1_000_000, 10_000_000] }
    }

    /// Numbers of live aggregates that memory is measured with.
    pub(crate) fn aggregates(&self) -> &'static [u64] {
        if self.smoke { &[500] } else { &[1_000, 100_000, 1_000_000] }
    }

    /// A fresh directory on the device. It goes when the program ends, not before: a file system that
    /// tells its device what is free (`discard`) stands still for milliseconds when much is deleted.
    pub(crate) fn fresh(&self) -> Result<PathBuf, Failed> {
        self.made.set(self.made.get() + 1);
        let path = self.scratch.path().join(self.made.get().to_string());
        std::fs::create_dir(&path)?;
        Ok(path)
    }
}
