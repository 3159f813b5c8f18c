//! Developer commands: `cargo xtask up | test | check | kafka | model | mutants | sim | faults |
//! differential | porcupine | fuzz | bench | install`.
//!
//! Not a part of the product. Builds with a linker alone (std, no C, no dependencies from outside), because on a
//! fresh machine it is the first thing that runs, and it installs the rest.

mod bench;
mod faults;
mod fuzz;
mod install;
mod kafka;
mod mutants;
mod needs;
mod porcupine;
mod program;
mod proof;
mod stages;
mod test;
mod up;
mod workspace;

use std::process::ExitCode;

use program::Failed;
use workspace::Workspace;

const USAGE: &str = "\
Usage: cargo xtask <command>

Commands:
  up [ARGS]                  prepare this machine, build, and start Recount (`recount up ARGS`)
  test [--only STAGE] [--list]
                             install what the tests need and run every stage, or one
  check                      formatting, lints, layers and tidiness
  kafka up [--brokers N] [--port P] [--bench]
                             real Kafka brokers on this machine (KRaft; 1, or 3 with replication);
                             --bench: fast rather than quick to start
  kafka down                 kill them and remove their data
  kafka status | logs N      how they are, what broker N said
  kafka kill N | start N | pause N | resume N
                             kill -9, start again with its data, SIGSTOP, SIGCONT
                             (each of them: --dir DIR for other brokers than the usual ones)
  model [--long | OWNERS COMMANDS CLAIMS FAULTS CRASHES]
                             every order of events around the log rule and the owners of a lane
  mutants [--all | --seed N | NAME...]
                             mistakes in the protocol, switched on one by one: each must be noticed
  bench w1|w2|w3|w7|w8|grow [--json] [--only ROW] [--rounds N] [--seconds S] [--dir DIR]
                             w1 installs its peers into the target directory, unless --no-peers
                             the product beside its controls and its peers, in the same run
  faults [--only F12 | --only F1-F9] [--rounds N] [--seed N] | --list
                             the tests that put a fault in, by its number, and which faults have none
  differential [--rounds N]  the same operations on the segment store and on SQLite
  porcupine [HISTORY...]     histories of kills, checked by a checker that others wrote (needs Go)
  fuzz [--minutes N]         changed inputs for every decoder, longer than `test` does
  sim [--seeds N] [--hours H] | --seed S [--minutes M] [--trace] | --planted NAME | --help
                             whole clusters on made up time, with every fault, from one seed each
  install                    install what `up` and `test` need, and nothing else
  help                       this text

Exit codes: 0 all well, 1 something failed, 2 wrong usage; `up` ends with the code of Recount.
";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let workspace = Workspace::find();
    let done = match args.as_slice() {
        ["up", rest @ ..] => up::run(&workspace, rest),
        ["test"] => test::run(&workspace, None),
        ["test", "--list"] => {
            test::list(&workspace);
            Ok(())
        }
        ["test", "--only", stage] => test::run(&workspace, Some(stage)),
        ["model", rest @ ..] => proof::model(&workspace, rest),
        ["mutants", rest @ ..] => mutants::mutants(&workspace, rest),
        ["bench", rest @ ..] => bench::run_workload(&workspace, rest),
        ["faults", rest @ ..] => faults::faults(&workspace, rest),
        ["differential"] => proof::differential(&workspace, "1"),
        ["differential", "--rounds", rounds] => proof::differential(&workspace, rounds),
        ["porcupine", rest @ ..] => porcupine::porcupine(&workspace, rest),
        ["fuzz", rest @ ..] => fuzz::fuzz(&workspace, rest),
        ["sim", rest @ ..] => proof::sim(&workspace, rest),
        ["kafka", rest @ ..] => kafka::run(rest),
        ["check"] => test::run(&workspace, Some("check")),
        ["install"] => install::run(&workspace, &needs::all(&workspace)),
        ["help" | "--help" | "-h"] => {
            program::say(USAGE.trim_end());
            Ok(())
        }
        [] => Err(Failed::Usage("a command is missing".to_owned())),
        other => Err(Failed::Usage(format!("cannot understand `{}`", other.join(" ")))),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failed::Usage(why)) => {
            eprint!("error: {why}\n\n{USAGE}");
            ExitCode::from(2)
        }
        Err(Failed::Step(why)) => {
            eprintln!("error: {why}");
            ExitCode::FAILURE
        }
        // Everything is said already.
        Err(Failed::Tests) => ExitCode::FAILURE,
    }
}
