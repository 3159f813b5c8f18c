//! The product's command runtime over the embedded log, in this process. Not the product's binary.

use std::path::Path;
use std::sync::Arc;

use lane::{Answer, Commands};
use log_embedded::{EmbeddedLog, Options};
use tokio::runtime::Runtime;

use crate::Failed;
use crate::load::{Answered, Call};
use crate::note;

/// Lanes of a topic, as the product has them.
pub(crate) const LANES: u16 = 16;

/// The runtime, ready for commands.
pub(crate) struct Ours {
    commands: Commands,
    /// Aggregates that the commands go to.
    aggregates: u64,
}

impl Ours {
    /// Over a log in `dir`.
    pub(crate) fn open(dir: &Path, lanes: u16, aggregates: u64) -> Result<Self, Failed> {
        let options = Options::new(dir).topic("bench.events", lanes);
        let (log, _) = EmbeddedLog::open(&options).map_err(|error| Failed(error.to_string()))?;
        let commands = Commands::start(Arc::new(log), note::deciders(), "bench")?;
        Ok(Self::over(commands, aggregates))
    }

    /// Over a runtime that somebody started.
    pub(crate) fn over(commands: Commands, aggregates: u64) -> Self {
        Self { commands, aggregates }
    }

    /// The same, with its lanes claimed.
    pub(crate) fn start(
        runtime: &Runtime,
        dir: &Path,
        lanes: u16,
        aggregates: u64,
    ) -> Result<Self, Failed> {
        let ours = Self::open(dir, lanes, aggregates)?;
        for number in 0..u64::from(lanes) * 8 {
            runtime.block_on(ours.call(number)).map_err(Failed)?;
        }
        Ok(ours)
    }

    /// The command with this number to an aggregate.
    pub(crate) async fn write(&self, aggregate: u64, number: u64) -> Result<Answered, String> {
        match self.commands.submit(note::submit(aggregate, number)).await {
            Answer::Accepted(accepted) if !accepted.replayed => Ok(Answered::Yes),
            Answer::Overloaded { .. } => Ok(Answered::Overloaded),
            other => Err(format!("command {number} was answered {other:?}")),
        }
    }

    /// Answers what is under way and ends.
    pub(crate) fn stop(&self, runtime: &Runtime) {
        runtime.block_on(self.commands.stop());
    }
}

impl Call for Ours {
    async fn call(&self, number: u64) -> Result<Answered, String> {
        self.write(note::mix(number) % self.aggregates, number).await
    }
}

/// Records of a log that nobody writes to.
pub(crate) fn records(dir: &Path) -> Result<u64, Failed> {
    let (log, opened) =
        EmbeddedLog::open_read_only(dir).map_err(|error| Failed(error.to_string()))?;
    drop(log);
    Ok(opened.records)
}

/// Whether nobody has the log open for writing.
pub(crate) fn free(dir: &Path) -> bool {
    let mut options = segment::Options::new(dir.join("segments"));
    options.check = segment::Check::LastSegment;
    segment::Store::open(options).is_ok()
}
