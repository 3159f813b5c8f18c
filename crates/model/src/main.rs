//! The exhaustive check of the reader rule and the owner protocol: production's own functions
//! (`log::LaneState`, `lane::Tenure`) against a log that does everything a real one was seen to do.
//! Not a simulation: every order of events within the bounds is visited.

mod chain;
mod lane_model;
mod state;

use std::process::ExitCode;
use std::time::Instant;

use lane_model::LaneModel;
use state::Left;
use stateright::{Checker, Model};

/// CI: exhausted within three minutes on two cores.
const SHORT: LaneModel =
    LaneModel { nodes: 2, commands: 2, left: Left { claims: 2, drops: 1, crashes: 0 } };
/// The long run.
const LONG: LaneModel =
    LaneModel { nodes: 3, commands: 3, left: Left { claims: 4, drops: 1, crashes: 1 } };

#[expect(clippy::print_stdout, reason = "a program whose output is its result")]
fn main() -> ExitCode {
    let long = std::env::args().any(|arg| arg == "--long");
    let model = if long { LONG } else { SHORT };
    println!("checking {model:?}");
    let began = Instant::now();
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    let checker = model.checker().threads(threads).spawn_dfs().join();
    println!(
        "{} states, {} distinct, depth {}, {:.1} s",
        checker.state_count(),
        checker.unique_state_count(),
        checker.max_depth(),
        began.elapsed().as_secs_f64()
    );
    let discoveries = checker.discoveries();
    let mut failed = 0;
    for property in checker.model().properties() {
        let found = discoveries.get(property.name);
        let holds =
            found.is_some() == matches!(property.expectation, stateright::Expectation::Sometimes);
        println!(
            "{} {:?}: {}",
            if holds { "holds " } else { "BROKEN" },
            property.expectation,
            property.name
        );
        if !holds {
            failed += 1;
            if let Some(path) = found {
                println!("{path}");
            }
        }
    }
    let passed = checker.model().properties().len() - failed;
    println!("{passed} passed, {failed} failed");
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
