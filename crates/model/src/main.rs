//! The exhaustive check of the reader rule and the owner protocol: production's own functions
//! (`log::LaneState`, `lane::Tenure`) against a log, a network and clients that do everything real ones
//! were seen to do. Not a simulation: every order of events within the bounds is visited.
//!
//! How it stays small, and why nothing is lost by it:
//! - One world of each *shape* is visited: worlds with the same future are one (`shape`). The test
//!   `worlds_of_one_shape_have_the_same_future` compares every concrete world of small bounds with the
//!   one that stands for it, successor by successor.
//! - Reading is not an act. A reader that is not an owner does nothing but read, reading is a pure
//!   function of a log that only grows, and a claim on an old state is a claim that was sent earlier and
//!   is still under way. So a node reads when it claims, and while it waits for its claim.
//! - Giving up is not an act: an owner that stops and claims much later does nothing in between.
//! - An owner hands over all its frames when its claim comes back. Handing over needs nothing that
//!   could come later, and takes nothing away: a record can stay under way as long as it likes. That
//!   reports do not change what is handed over is checked at every report.
//! - When nothing more can go wrong, a report that commits is delivered at once: it touches nobody
//!   else, and an owner that claims without having heard it reads the same from the log.
//! - Appending and replicating are one act. What is appended and not replicated is seen by nobody; a
//!   leader change that takes it back is the loss of the oldest records of some producers.
//!
//! The test `orders_that_are_left_out_lead_to_no_other_end` compares the last two and the third with
//! the check that leaves out nothing. The hash is FNV (`chain`).

mod broker;
mod chain;
mod drain;
mod lane_model;
mod law;
mod memory;
mod owner;
mod shape;
mod state;
#[cfg(test)]
mod tests;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use lane_model::LaneModel;
use law::{Rare, STUCK, Wrong};
use state::Left;
use stateright::{Checker, HasDiscoveries, Model};

const fn bounds(nodes: u8, commands: u8, claims: u8, faults: u8, crashes: u8) -> LaneModel {
    LaneModel { nodes, commands, left: Left { claims, faults, crashes }, reduce: true }
}

/// Exhausted within three minutes on two cores, all together.
const SHORT: [LaneModel; 3] = [bounds(2, 3, 3, 1, 1), bounds(3, 2, 3, 1, 1), bounds(2, 2, 3, 2, 1)];
/// The long run.
const LONG: [LaneModel; 2] = [bounds(2, 2, 5, 1, 1), bounds(3, 4, 3, 1, 1)];

/// A check that needs more is stopped, and says that it is not exhaustive: a machine that swaps ends nothing.
const MEMORY_MAX_BYTES: u64 = 8 << 30;
/// How often a check looks whether it is done or too large.
const POLL: Duration = Duration::from_millis(20);
/// How often a long check says how far it is.
const TELL_EVERY: Duration = Duration::from_mins(1);

const USAGE: &str = "usage: model [--long | OWNERS COMMANDS CLAIMS FAULTS CRASHES]";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let numbers: Option<Vec<u8>> = args.iter().map(|arg| arg.parse().ok()).collect();
    #[cfg(feature = "mutants")]
    if args == ["--mutants"] {
        return mutants();
    }
    let checks = match (args.as_slice(), numbers.as_deref()) {
        ([], _) => SHORT.to_vec(),
        ([long], _) if long == "--long" => LONG.to_vec(),
        (_, Some(&[nodes, commands, claims, faults, crashes])) => {
            vec![bounds(nodes, commands, claims, faults, crashes)]
        }
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    let all = checks.len();
    let held = checks.into_iter().filter(|model| check(*model)).count();
    let unseen = if held == all { unseen() } else { 0 };
    say(&format!("{held} of {all} checks hold, {unseen} rare things were not come across"));
    if held == all && unseen == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Lists the mistakes that can be switched on: part, name, sentence.
#[cfg(feature = "mutants")]
fn mutants() -> ExitCode {
    let line = |part, name, what| say(&format!("{part:?} {name} {what}"));
    ::log::Mutant::ALL.iter().for_each(|(_, name, part, what)| line(part, name, what));
    ExitCode::SUCCESS
}

/// Visits every shape within the bounds, or up to the first counterexample, which it prints.
fn check(model: LaneModel) -> bool {
    let LaneModel { nodes, commands, left, .. } = model;
    let Left { claims, faults, crashes } = left;
    say(&format!(
        "{nodes} owners, {commands} commands, {claims} claims, {faults} faults, {crashes} crashes"
    ));
    let began = Instant::now();
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    let checker = model.checker().threads(threads).finish_when(HasDiscoveries::AnyFailures);
    let mut checker = checker.spawn_dfs();
    let mut told = began;
    let working = checker.handles();
    while working.iter().any(|thread| !thread.is_finished()) {
        std::thread::sleep(POLL);
        let full = memory::used_bytes() > MEMORY_MAX_BYTES;
        if full || told.elapsed() > TELL_EVERY {
            told = Instant::now();
            say(&format!("  so far {}", figures(&checker, began)));
        }
        if full {
            say(&format!(
                "  STOPPED: {} GB are used; not every order was visited",
                MEMORY_MAX_BYTES >> 30
            ));
            return checker.discoveries().is_empty();
        }
    }
    say(&format!("  {}", figures(&checker, began)));
    if working.into_iter().any(|thread| thread.join().is_err()) {
        say("  BROKEN: the check itself panicked");
        return false;
    }
    let Some(path) = checker.discoveries().into_values().next() else { return true };
    let wrong = path.last_state().wrong;
    let law = Wrong::ALL.iter().find(|(it, _)| Some(*it) == wrong).map_or(STUCK, |(_, law)| law);
    say(&format!("  BROKEN: {law}"));
    path.into_actions().iter().for_each(|act| say(&format!("    {act:?}")));
    false
}

/// Names the laws that were checked, and the rare things that were never come across.
fn unseen() -> usize {
    Wrong::ALL
        .iter()
        .map(|(_, law)| law)
        .chain([&STUCK])
        .for_each(|law| say(&format!("holds: {law}")));
    let unseen = Rare::ALL.iter().filter(|(rare, _)| !rare.was_seen());
    unseen.map(|(_, what)| say(&format!("never seen: {what}"))).count()
}

/// How far a check is, and how dear it was.
fn figures<M: Model>(checker: &impl Checker<M>, began: Instant) -> String {
    format!(
        "{} states, {} distinct, depth {}, {:.1} s, {} MiB",
        checker.state_count(),
        checker.unique_state_count(),
        checker.max_depth(),
        began.elapsed().as_secs_f64(),
        memory::used_bytes() >> 20
    )
}

#[expect(clippy::print_stdout, reason = "a program whose output is its result")]
fn say(line: &str) {
    println!("{line}");
}
