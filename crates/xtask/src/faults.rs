//! `cargo xtask faults`: runs the tests that put a fault in, by the fault's number, and says what held.
//!
//! Not tests of their own: each also runs in its stage of `cargo xtask test`. This repeats them with
//! other seeds, and shows for which faults there is no test yet.

mod built;
mod list;

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::process::{Command, Stdio};
use std::time::Instant;

use crate::program::{Failed, say, step};
use crate::workspace::Workspace;
use crate::{install, needs};
use built::{Built, built};
use list::{Fault, all};

/// Owners, commands, claims, faults, crashes of the model that stands for a fault here.
const MODEL: [&str; 5] = ["2", "2", "3", "1", "1"];
/// Seeds of a round of the simulator that stands for a fault here.
const SEEDS: u64 = 500;

/// What is asked for.
struct Asked {
    only: RangeInclusive<u8>,
    rounds: u64,
    seed: u64,
}

/// What a test says of a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Holds,
    /// This machine forbids what the test needs.
    LeftOut,
    Broken,
}

/// Runs the tests of all faults, or of some, so many rounds.
pub(crate) fn faults(at: &Workspace, args: &[&str]) -> Result<(), Failed> {
    if args == ["--list"] {
        all().into_iter().for_each(show);
        return Ok(());
    }
    let asked = asked(args)?;
    let chosen = all().into_iter().filter(|it| asked.only.contains(&it.number));
    let chosen: Vec<&Fault> = chosen.collect();
    if chosen.is_empty() {
        return Err(Failed::Usage("there is no fault of this number; see --list".to_owned()));
    }
    let begun = Instant::now();
    install::run(at, &needs::all(at))?;
    let tests: Vec<&str> = chosen.iter().flat_map(|it| it.tests).copied().collect();
    let built = built(at, &tests)?;
    // A test that is not there is found before the first one runs.
    for test in tests {
        command(at, &built, test, asked.seed)?;
    }
    step(begun, "everything is built");
    // A test that stands for several faults runs once.
    let mut verdicts: BTreeMap<&str, Verdict> = BTreeMap::new();
    let mut untested = 0;
    for fault in chosen {
        for test in fault.tests {
            let since = Instant::now();
            let known = verdicts.get(test).copied();
            let mut verdict = known.unwrap_or(Verdict::Holds);
            for round in 0..known.map_or(asked.rounds, |_| 0) {
                if verdict == Verdict::Holds {
                    verdict = judged(&mut command(at, &built, test, asked.seed + round)?, test);
                }
            }
            verdicts.insert(test, verdict);
            let shown = match verdict {
                Verdict::Holds => "holds",
                Verdict::LeftOut => "left out",
                Verdict::Broken => "BROKEN",
            };
            let name = test.rsplit("::").next().unwrap_or(test);
            let took = known.map_or_else(
                || format!("{:.1} s", since.elapsed().as_secs_f64()),
                |_| "see above".to_owned(),
            );
            say(&format!("F{:<3} {shown:8} {:>3} x {took:>9}  {name}", fault.number, asked.rounds));
        }
        if let Some(why) = without(fault) {
            untested += usize::from(fault.absent.is_none());
            say(&format!("F{:<3} {why}: {}", fault.number, fault.what));
        }
    }
    let tests = verdicts.len();
    let count = |of| verdicts.values().filter(|it| **it == of).count();
    let (broken, left_out) = (count(Verdict::Broken), count(Verdict::LeftOut));
    say(&format!(
        "{tests} tests, {} rounds from seed {}, {:.0} s in all: {broken} broken, {left_out} left out; {untested} faults have no test yet",
        asked.rounds,
        asked.seed,
        begun.elapsed().as_secs_f64()
    ));
    if broken == 0 { Ok(()) } else { Err(Failed::Tests) }
}

fn asked(args: &[&str]) -> Result<Asked, Failed> {
    let wrong = |what: &str| Failed::Usage(format!("cannot understand `{what}`"));
    let mut asked = Asked { only: 1..=u8::MAX, rounds: 1, seed: 1 };
    for pair in args.chunks(2) {
        let [name, value] = pair else { return Err(wrong(pair[0])) };
        let number = || value.parse().map(|it: u64| it.max(1)).map_err(|_| wrong(value));
        match *name {
            "--only" => asked.only = range(value).ok_or_else(|| wrong(value))?,
            "--rounds" => asked.rounds = number()?,
            "--seed" => asked.seed = number()?,
            _ => return Err(wrong(name)),
        }
    }
    Ok(asked)
}

/// `F12`, or `F12-F15`; the letter may be left out.
fn range(text: &str) -> Option<RangeInclusive<u8>> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let number = |text: &str| text.trim_start_matches(['F', 'f']).parse().ok();
    Some(number(first)?..=number(last)?)
}

fn show(fault: &Fault) {
    say(&format!("F{:<3} {}", fault.number, fault.what));
    fault.tests.iter().for_each(|test| say(&format!("       {test}")));
    if let Some(why) = without(fault) {
        say(&format!("       {why}"));
    }
}

/// What is said of a fault that no test puts in.
fn without(fault: &Fault) -> Option<String> {
    match fault.absent {
        Some(why) => Some(format!("cannot happen, {why}")),
        None => fault.tests.is_empty().then(|| "no test yet".to_owned()),
    }
}

/// What runs a test, or a program that stands for one, in a round of this seed.
fn command(at: &Workspace, built: &Built, test: &str, seed: u64) -> Result<Command, Failed> {
    let Some((file, name)) = test.split_once("::") else {
        let program = at.binary().with_file_name(test);
        let mut command = at.command(&program.to_string_lossy());
        if test == "sim" {
            let (from, seeds) = ((seed - 1) * SEEDS + 1, SEEDS);
            command.args(["--seeds", &seeds.to_string(), "--from", &from.to_string()]);
        } else {
            command.args(MODEL);
        }
        return Ok(command);
    };
    let mut command = built.test(at, file, name)?;
    command.env("RECOUNT_BIN", at.binary()).env("RECOUNT_SEED", seed.to_string());
    Ok(command)
}

/// Whether a test ran, and passed.
fn judged(command: &mut Command, test: &str) -> Verdict {
    let (well, said) = ended(command);
    // A filter that fits nothing is no test that passed. The programs do not count tests.
    let ran = !test.contains("::") || said.lines().any(|it| it.contains("result: ok. 1 passed"));
    if well && ran {
        return if said.contains("LEFT OUT") { Verdict::LeftOut } else { Verdict::Holds };
    }
    let lines: Vec<&str> = said.lines().collect();
    for line in &lines[lines.len().saturating_sub(30)..] {
        say(&format!("     | {line}"));
    }
    Verdict::Broken
}

fn ended(command: &mut Command) -> (bool, String) {
    match command.stdin(Stdio::null()).output() {
        Ok(output) => {
            let said = [output.stderr, output.stdout].concat();
            (output.status.success(), String::from_utf8_lossy(&said).into_owned())
        }
        Err(error) => (false, error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_fault_stands_once_and_every_test_that_it_names_exists() {
        let numbers: Vec<u8> = all().iter().map(|it| it.number).collect();
        assert_eq!(numbers, (1..=61).collect::<Vec<u8>>());
        let top = Workspace::find().top;
        let mut seen = HashSet::new();
        for test in all().iter().flat_map(|it| it.tests).filter(|it| seen.insert(**it)) {
            let Some((file, name)) = test.split_once("::") else {
                assert!(["model", "sim"].contains(test), "{test}");
                continue;
            };
            let text = std::fs::read_to_string(top.join(file)).unwrap_or_default();
            assert!(text.contains(&format!("fn {name}(")), "{test} is not there");
        }
    }

    #[test]
    fn faults_are_chosen_one_by_one_or_in_a_row() {
        assert_eq!(range("F12"), Some(12..=12));
        assert_eq!(range("9-f12"), Some(9..=12));
        assert_eq!(range("F"), None);
    }
}
