//! The other process of W7 and W8: command runtime and embedded log without HTTP and without PostgreSQL,
//! which says when its first command is durable. Started by the bench, not by hand.

use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::Failed;
use crate::load::{self, Call, runtime};
use crate::note::AGGREGATES;
use crate::ours::{LANES, Ours};

/// Said when the first command is durable.
pub(crate) const ACK: &str = "ack";
/// Said when every aggregate has its event.
pub(crate) const FULL: &str = "full";
/// Commands under way while aggregates are filled.
const OPEN: u64 = 1_024;
const STEP: usize = 1_024;
/// A run of the load; many follow each other until the process is killed.
const RUN: Duration = Duration::from_secs(2);

#[expect(clippy::print_stdout, reason = "the parent reads it")]
fn say(word: &str) {
    println!("{word}");
    // A parent that is gone needs nothing more.
    drop(std::io::stdout().flush());
}

/// One durable command; then rest, fill so many aggregates, or run so many commands a second for ever.
pub(crate) fn work(dir: &Path, then: &str, number: u64) -> Result<(), Failed> {
    let runtime = runtime()?;
    // A fresh number: keys of an earlier life of this log are known.
    let first = u64::from(std::process::id()) << 20 | 1 << 62;
    let aggregates = if then == "fill" { number } else { AGGREGATES };
    let ours = Arc::new(Ours::open(dir, LANES, aggregates)?);
    runtime.block_on(ours.call(first)).map_err(Failed)?;
    say(ACK);
    match then {
        "fill" => {
            fill(&runtime, &ours, number)?;
            say(FULL);
        }
        "load" => loop {
            load::open(&runtime, crate::measure::float(number), RUN, &ours)?;
        },
        _ => {}
    }
    loop {
        std::thread::park();
    }
}

/// One event to each of the aggregates.
pub(crate) fn fill(
    runtime: &tokio::runtime::Runtime,
    ours: &Arc<Ours>,
    aggregates: u64,
) -> Result<(), Failed> {
    let filled: Vec<_> = (0..OPEN)
        .map(|caller| {
            let ours = Arc::clone(ours);
            runtime.spawn(async move {
                for number in (caller..aggregates).step_by(STEP) {
                    ours.write(number, number).await?;
                }
                Ok::<_, String>(())
            })
        })
        .collect();
    for caller in filled {
        runtime.block_on(caller).map_err(|error| Failed(error.to_string()))?.map_err(Failed)?;
    }
    Ok(())
}

/// The control of a start: a process that makes a file, writes a unit and syncs it.
pub(crate) fn touch(dir: &Path) -> Result<(), Failed> {
    let mut file = std::fs::File::create(dir.join("touched"))?;
    file.write_all(&[7; 4096])?;
    file.sync_all()?;
    say(ACK);
    Ok(())
}
