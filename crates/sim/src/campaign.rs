//! Many seeds, each in a process of its own: what one seed breaks stays in it, and each begins with the
//! same memory.

use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use serde_json::{Value, json};
use sim::Planted;

use crate::Args;
use crate::table::{Sum, say};

/// Seeds below which a rare state may well be missed.
const SEEDS_FOR_ALL: u64 = 50;
/// Seeds that a planted mistake has to be found within.
const SEEDS_TO_FIND: u64 = 40;
/// Findings that are printed.
const SHOWN_MAX: usize = 20;

/// Runs all seeds; whether all holds.
pub(crate) fn seeds(args: &Args) -> bool {
    let begun = Instant::now();
    let sum = Mutex::new(Sum::default());
    each(args, args.seeds, |seed, report| {
        let mut sum = sum.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let known = sum.wrong.len();
        sum.add(seed, &report);
        for (seed, wrong) in sum.wrong.iter().skip(known).take(3) {
            say(&format!("seed {seed}: {wrong}"));
        }
        if sum.seeds.is_multiple_of(100) {
            let (seeds, wrong) = (sum.seeds, sum.wrong.len());
            let took = begun.elapsed().as_secs_f64();
            say(&format!("{seeds} seeds after {took:.0} s, {wrong} findings"));
        }
        (sum.wrong.len() as u64) < args.findings_max
    });
    let sum = sum.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    sum.print(begun.elapsed().as_secs_f64(), args.evidence);
    let never = sum.never();
    for what in &never {
        say(&format!("never: {what}"));
    }
    let minutes = args.seconds.map_or(args.minutes, |seconds| seconds_to_minutes(seconds.max(1)));
    let only = args.only.join(",");
    let only = if only.is_empty() { only } else { format!(" --only {only}") };
    for (seed, wrong) in sum.wrong.iter().take(SHOWN_MAX) {
        say(&format!(
            "WRONG {wrong}\n      again: cargo xtask sim --seed {seed} --minutes {minutes}{only}"
        ));
    }
    let missed = args.seeds >= SEEDS_FOR_ALL && args.only.is_empty() && !never.is_empty();
    say(if sum.wrong.is_empty() && !missed { "all holds" } else { "NOT all holds" });
    sum.wrong.is_empty() && !missed
}

#[expect(clippy::cast_precision_loss, reason = "a time for people")]
fn seconds_to_minutes(seconds: u64) -> f64 {
    seconds as f64 / 60.0
}

/// Plants each mistake in turn; whether each was found.
pub(crate) fn planted(args: &Args) -> bool {
    let mut all = true;
    for (_, name, what) in Planted::ALL {
        let found = Mutex::new(None);
        let args = Args { planted: Some((*name).to_owned()), trace: false, ..copy(args) };
        each(&args, SEEDS_TO_FIND, |seed, report| {
            let Some(wrong) = report["wrong"][0].as_str() else { return true };
            let mut found = found.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            if found.is_none() {
                *found = Some((seed, wrong.to_owned()));
            }
            false
        });
        let found = found.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some((seed, wrong)) = found {
            say(&format!("found   {name} ({what})\n        seed {seed}: {wrong}"));
        } else {
            all = false;
            say(&format!("MISSED  {name} ({what}) in {SEEDS_TO_FIND} seeds"));
        }
    }
    all
}

fn copy(args: &Args) -> Args {
    Args { planted: args.planted.clone(), only: args.only.clone(), ..*args }
}

/// Runs seeds, some at once, until all are done or `take` says that it is enough.
fn each(args: &Args, seeds: u64, take: impl Fn(u64, Value) -> bool + Sync) {
    let (next, enough) = (AtomicU64::new(args.from), AtomicBool::new(false));
    let work = || {
        while !enough.load(Ordering::Relaxed) {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= args.from + seeds {
                return;
            }
            if !take(seed, one(args, seed)) {
                enough.store(true, Ordering::Relaxed);
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..args.jobs {
            scope.spawn(work);
        }
    });
}

fn one(args: &Args, seed: u64) -> Value {
    let broken = |why: String| json!({ "wrong": [why] });
    let program = match std::env::current_exe() {
        Ok(program) => program,
        Err(error) => return broken(format!("this program cannot be found: {error}")),
    };
    let mut command = Command::new(program);
    command.args(["--json", "--seed", &seed.to_string()]);
    match args.seconds {
        Some(seconds) => {
            command.args(["--minutes", &seconds_to_minutes(seconds.max(1)).to_string()]);
        }
        None => {
            command.args(["--minutes", &args.minutes.to_string()]);
        }
    }
    if !args.only.is_empty() {
        command.args(["--only", &args.only.join(",")]);
    }
    if let Some(planted) = &args.planted {
        command.args(["--planted", planted]);
    }
    match command.output() {
        Ok(output) => serde_json::from_slice(&output.stdout).unwrap_or_else(|_| {
            let said = String::from_utf8_lossy(&output.stderr);
            let last = said.lines().rev().take(6).collect::<Vec<_>>();
            let last: Vec<_> = last.into_iter().rev().collect();
            broken(format!("the process ended with {}: {}", output.status, last.join(" | ")))
        }),
        Err(error) => broken(format!("no process: {error}")),
    }
}
