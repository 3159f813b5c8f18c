//! `checkers HISTORY.jsonl --log DATA/log`: checks a history against the log it left. Reads both as they
//! lie; the product must have stopped.

use std::path::Path;
use std::process::ExitCode;

use checkers::{History, analyse, fold, linearizable, read_directory};

const USAGE: &str = "usage: checkers HISTORY.jsonl --log DIRECTORY";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [history, flag, log] = args.as_slice() else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    if flag != "--log" {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    }
    match check(Path::new(history), Path::new(log)) {
        Ok(0) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
    }
}

#[expect(clippy::print_stdout, reason = "a program whose output is its result")]
fn check(history: &Path, log: &Path) -> Result<usize, Box<dyn std::error::Error>> {
    let history = History::parse(&std::fs::read_to_string(history)?)?;
    let (lanes, mut found) = read_directory(log)?;
    found.extend(analyse(&history, &lanes));
    // To show that there is no order, every order is tried: worth it only where nothing is known yet.
    let (unordered, left_out) =
        if found.is_empty() { linearizable(&history) } else { (Vec::new(), 0) };
    found.extend(unordered);
    for finding in &found {
        println!("{finding}");
    }
    let (calls, streams) = (history.calls.len(), fold(&lanes).len());
    let records: u64 = lanes.iter().map(|lane| lane.seq).sum();
    println!(
        "{calls} calls, {records} records, {streams} streams, {left_out} of them too long to search: {} findings",
        found.len()
    );
    Ok(found.len())
}
