//! How load is made: callers that wait for their answers (closed loop), or arrivals at a constant rate
//! (open loop). Not what is called.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::runtime::Runtime;

use crate::Failed;
use crate::measure::{Measured, cpu_s, tenths};

/// Part of a run before anything is counted.
const WARM_UP: u32 = 4;
/// The number of calls of one caller stays below.
const CALLER_BITS: u32 = 40;
/// How long an arrival of an open loop may be late before it is sent: the sleep of a thread is about
/// that exact.
const PACE: Duration = Duration::from_micros(50);

/// What a call came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answered {
    /// It is durable.
    Yes,
    /// Too much was waiting: it never happened.
    Overloaded,
}

/// What is called: gets a number that no other call has.
pub(crate) trait Call: Send + Sync + 'static {
    /// One command, until its answer.
    fn call(&self, number: u64) -> impl Future<Output = Result<Answered, String>> + Send;
}

/// A runtime as the product's: one worker a processor.
pub(crate) fn runtime() -> Result<Runtime, Failed> {
    Ok(tokio::runtime::Builder::new_multi_thread().enable_all().build()?)
}

/// `callers` that ask again when they are answered, each until one call at least counts. A warm-up of a
/// quarter of the time does not.
pub(crate) fn closed<C: Call>(
    runtime: &Runtime,
    callers: u64,
    lasts: Duration,
    what: &Arc<C>,
) -> Result<Measured, Failed> {
    static RUNS: AtomicU64 = AtomicU64::new(1);
    let run = RUNS.fetch_add(1, Ordering::Relaxed) << 54;
    let from = Instant::now() + lasts / WARM_UP;
    let until = from + lasts;
    let ask = |caller: u64| {
        let what = Arc::clone(what);
        async move {
            let mut latencies = Vec::with_capacity(1 << 12);
            let mut number = run | caller << CALLER_BITS;
            loop {
                let begun = Instant::now();
                if begun >= until && !latencies.is_empty() {
                    return Ok::<_, String>(latencies);
                }
                if what.call(number).await? == Answered::Overloaded {
                    return Err("callers that wait for answers were too many".to_owned());
                }
                number += 1;
                if begun >= from {
                    latencies.push(tenths(begun));
                }
            }
        }
    };
    let callers: Vec<_> = (0..callers).map(|caller| runtime.spawn(ask(caller))).collect();
    std::thread::sleep(from.saturating_duration_since(Instant::now()));
    let before = cpu_s();
    std::thread::sleep(until.saturating_duration_since(Instant::now()));
    let cpu = cpu_s() - before;
    let mut all = Vec::new();
    for caller in callers {
        let latencies = runtime.block_on(caller).map_err(|error| Failed(error.to_string()))?;
        all.append(&mut latencies.map_err(Failed)?);
    }
    Ok(Measured::new(all.len() as u64, lasts, cpu, all))
}

/// `per_s` arrivals a second, whether the earlier ones are answered or not. A latency counts from the
/// moment at which the call should have been sent.
pub(crate) fn open<C: Call>(
    runtime: &Runtime,
    per_s: f64,
    lasts: Duration,
    what: &Arc<C>,
) -> Result<Measured, Failed> {
    static RUNS: AtomicU64 = AtomicU64::new(1);
    let run = 1 << 63 | RUNS.fetch_add(1, Ordering::Relaxed) << 54;
    let begun = Instant::now();
    let (warm, gap) = (lasts / WARM_UP, Duration::from_secs_f64(1.0 / per_s));
    let (mut due, mut sent, mut before) = (begun, 0_u64, None);
    let mut open = Vec::new();
    while due < begun + warm + lasts {
        let now = Instant::now();
        if due > now {
            std::thread::sleep(PACE);
            continue;
        }
        if due >= begun + warm {
            before.get_or_insert_with(cpu_s);
        }
        let (what, number, at) = (Arc::clone(what), run | sent, due);
        let call = runtime.spawn(async move { (what.call(number).await, tenths(at)) });
        if due >= begun + warm {
            open.push(call);
        }
        sent += 1;
        due += gap;
    }
    let (mut all, mut refused) = (Vec::with_capacity(open.len()), 0);
    for call in open {
        let (answer, latency) =
            runtime.block_on(call).map_err(|error| Failed(error.to_string()))?;
        match answer.map_err(Failed)? {
            Answered::Yes => all.push(latency),
            Answered::Overloaded => refused += 1,
        }
    }
    // Until the last answer: a rate that was not kept shows in the time.
    let took = begun.elapsed().saturating_sub(warm);
    let cpu = cpu_s() - before.unwrap_or_default();
    Ok(Measured { refused, ..Measured::new(all.len() as u64, took, cpu, all) })
}
