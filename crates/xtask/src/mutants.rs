//! `cargo xtask mutants`: mistakes are made in the protocol, one at a time, and the model or the suite
//! must notice each. They are switches of a feature that no product has, so none needs a build.
//!
//! Not a mutation tester for the whole code: what it changes was written by hand, to be what a reader
//! rule, an owner, a projection or a saga engine could get wrong.

use std::io::Read;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime};

use crate::program::{Failed, run, say};
use crate::workspace::Workspace;

/// Mutants of a run that is not asked for all: enough to notice a check that went blind, few enough for
/// a minute.
const A_RUN: usize = 8;
/// Who has not ended by then hangs, and that is noticed: so often as long as everything takes without a
/// mistake, and a little more.
const PATIENCE: u32 = 3;
const PATIENCE_MORE: Duration = Duration::from_secs(20);
/// The same without a mistake, on a slow machine.
const TIME_MAX: Duration = Duration::from_mins(10);
/// Owners, commands, claims, faults, crashes of the model that hunts them.
const BOUNDS: [&str; 5] = ["2", "2", "3", "1", "1"];
/// Seeds of the simulator that hunt each, and their simulated minutes.
const SEEDS: [&str; 4] = ["--seeds", "40", "--minutes", "2"];
/// Most characters of its finding that are shown.
const FINDING_MAX: usize = 160;
/// What the simulator may take for one: a seed in which time stands still ends itself within two minutes.
const SIMULATED_MAX: Duration = Duration::from_mins(10);
/// Crates whose tests hunt them, and the mutants' parts that each hunts.
const SUITE: [(&str, &[&str]); 4] = [
    ("recount-log", &["Protocol"]),
    ("lane", &["Protocol", "Commands"]),
    ("projector", &["Projector"]),
    ("orchestrator", &["Sagas"]),
];
/// Names the mutant to the code.
const SWITCH: &str = "RECOUNT_MUTANT";

/// A mutant as the model lists it.
struct Mutant {
    part: String,
    name: String,
    what: String,
}

/// What hunts.
struct Hunters {
    model: PathBuf,
    /// The built tests: parts that they hunt, and file.
    tests: Vec<(&'static [&'static str], String)>,
    /// The built simulator, when it hunts too.
    simulator: Option<PathBuf>,
    /// Who has not ended by then hangs.
    time_max: Duration,
}

/// Runs some mutants, all of them, or those that are named.
pub(crate) fn mutants(at: &Workspace, args: &[&str]) -> Result<(), Failed> {
    let mut hunters = build(at, args == ["--all"])?;
    let all = listed(&hunters)?;
    let chosen: Vec<&Mutant> = match args {
        [] => some(&all, today()),
        ["--all"] => all.iter().collect(),
        ["--seed", seed] => match seed.parse() {
            Ok(seed) => some(&all, seed),
            Err(_) => return Err(Failed::Usage(format!("{seed} is no seed"))),
        },
        names => all.iter().filter(|it| names.contains(&it.name.as_str())).collect(),
    };
    if chosen.is_empty() {
        return Err(Failed::Usage("there is no such mutant; see --all".to_owned()));
    }
    // Without a mistake everything holds: else everything would count as noticed.
    let begun = Instant::now();
    let mut parts: Vec<&str> = chosen.iter().map(|it| it.part.as_str()).collect();
    parts.sort_unstable();
    parts.dedup();
    let none =
        |part: &str| Mutant { part: part.to_owned(), name: String::new(), what: String::new() };
    let blamed = parts
        .iter()
        .find_map(|part| hunters.model(&none(part)).or_else(|| hunters.suite(&none(part))));
    let blamed = blamed.or_else(|| hunters.simulated(&none("")));
    if let Some(who) = blamed {
        return Err(Failed::Step(format!("without a mutant, {who}")));
    }
    hunters.time_max = begun.elapsed() * PATIENCE + PATIENCE_MORE;
    let mut survived = 0;
    for mutant in &chosen {
        let who = hunters.model(mutant).or_else(|| hunters.suite(mutant));
        let simulated = hunters.simulated(mutant);
        let lives = who.is_none() && simulated.is_none();
        survived += usize::from(lives);
        let who = who.unwrap_or_else(|| "SURVIVED model and tests".to_owned());
        say(&format!("{:10} {:24} {who}", mutant.part, mutant.name));
        if hunters.simulator.is_some() {
            let said = simulated.unwrap_or_else(|| "nothing".to_owned());
            say(&format!("{:10} {:24} simulator: {said}", "", ""));
        }
        if lives {
            say(&format!("{:10} {}", "", mutant.what));
        }
    }
    say(&format!("{} of {} mutants, {survived} survived", chosen.len(), all.len()));
    if survived == 0 { Ok(()) } else { Err(Failed::Step("mutants survived".to_owned())) }
}

fn build(at: &Workspace, simulate: bool) -> Result<Hunters, Failed> {
    run(&mut at.cargo(&["build", "--release", "--quiet", "-p", "model", "--features", "mutants"]))?;
    let mut tests = Vec::new();
    for (name, parts) in SUITE {
        let args = ["test", "--release", "--no-run", "--features", "mutants", "-p", name];
        let built = at.cargo(&args).stdin(Stdio::null()).output();
        let built = built.map_err(|error| Failed::Step(format!("cargo did not start: {error}")))?;
        let said = String::from_utf8_lossy(&built.stderr);
        if !built.status.success() {
            return Err(Failed::Step(said.into_owned()));
        }
        // `  Executable tests/rule.rs (target/release/deps/rule-0123)`
        let path = |line: &str| {
            let path = line.trim().strip_prefix("Executable ")?.split_once('(')?.1;
            Some((parts, at.top.join(path.trim_end_matches(')')).display().to_string()))
        };
        let before = tests.len();
        tests.extend(said.lines().filter_map(path));
        if tests.len() == before {
            return Err(Failed::Step(format!("cargo named no built test of {name}")));
        }
    }
    let built = |name| at.target.join("release").join(name);
    let simulator = simulate.then(|| built("sim"));
    if simulate {
        let args = ["build", "--release", "--quiet", "-p", "sim", "--features", "mutants"];
        run(&mut at.cargo(&args))?;
    }
    Ok(Hunters { model: built("model"), tests, simulator, time_max: TIME_MAX })
}

fn listed(hunters: &Hunters) -> Result<Vec<Mutant>, Failed> {
    let listed = Command::new(&hunters.model).arg("--mutants").output();
    let listed = listed.map_err(|error| Failed::Step(format!("the model: {error}")))?;
    let line = |line: &str| {
        let mut words = line.splitn(3, ' ').map(str::to_owned);
        Some(Mutant { part: words.next()?, name: words.next()?, what: words.next()? })
    };
    Ok(String::from_utf8_lossy(&listed.stdout).lines().filter_map(line).collect())
}

/// Days since 1970: others every day.
fn today() -> usize {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    usize::try_from(since.as_secs() / 86_400).unwrap_or(0)
}

/// So many, spread over the list, others with every seed.
fn some(all: &[Mutant], seed: usize) -> Vec<&Mutant> {
    say(&format!("seed {seed}"));
    let stride = all.len().div_ceil(A_RUN).max(1);
    all.iter().skip(seed % stride).step_by(stride).collect()
}

impl Hunters {
    /// What the model says against a mutant, if it says anything.
    fn model(&self, mutant: &Mutant) -> Option<String> {
        if mutant.part != "Protocol" {
            return None;
        }
        let mut model = Command::new(&self.model);
        let (said, well) = ended(model.args(BOUNDS).env(SWITCH, &mutant.name), self.time_max);
        if well {
            return None;
        }
        let law = said.lines().find_map(|line| line.trim().strip_prefix("BROKEN: "));
        Some(format!("model: {}", law.or_else(|| panic_of(&said)).unwrap_or("it hangs")))
    }

    /// What the first seed of the simulator says against a mutant that it hunts, if one does.
    fn simulated(&self, mutant: &Mutant) -> Option<String> {
        let mut simulator = Command::new(self.simulator.as_ref()?);
        let hunt = simulator.args(SEEDS).args(["--findings", "1"]).env(SWITCH, &mutant.name);
        let (said, well) = ended(hunt, SIMULATED_MAX);
        if well {
            return None;
        }
        let first = said.lines().find(|line| line.starts_with("seed "));
        Some(first.unwrap_or("it hangs").chars().take(FINDING_MAX).collect())
    }

    /// What the first test says against a mutant, if one does.
    fn suite(&self, mutant: &Mutant) -> Option<String> {
        let hunt = self.tests.iter().filter(|(parts, _)| parts.contains(&mutant.part.as_str()));
        hunt.map(|(_, test)| test).find_map(|test| {
            let (said, well) = ended(Command::new(test).env(SWITCH, &mutant.name), self.time_max);
            if well {
                return None;
            }
            let named = |line: &str| {
                line.strip_prefix("test ")?.strip_suffix(" ... FAILED").map(str::to_owned)
            };
            let failed = said.lines().find_map(named);
            Some(format!("test: {}", failed.unwrap_or_else(|| "one hangs".to_owned())))
        })
    }
}

fn panic_of(said: &str) -> Option<&str> {
    let mut lines = said.lines().skip_while(|line| !line.contains("panicked at"));
    lines.nth(1)
}

/// Runs a program to its end, or to the end of the time it has; gives what it said.
fn ended(command: &mut Command, time_max: Duration) -> (String, bool) {
    let command = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let Ok(mut child) = command.spawn() else { return (String::new(), false) };
    let outputs = [read(child.stdout.take()), read(child.stderr.take())];
    let began = Instant::now();
    let well = loop {
        match child.try_wait() {
            Ok(Some(status)) => break status.success(),
            Ok(None) if began.elapsed() < time_max => std::thread::sleep(Duration::from_millis(10)),
            _ => {
                let _ = child.kill().and_then(|()| child.wait());
                break false;
            }
        }
    };
    let said = outputs.map(|it| it.join().unwrap_or_default());
    (said.join("\n"), well)
}

fn read<R: Read + Send + 'static>(from: Option<R>) -> JoinHandle<String> {
    std::thread::spawn(move || {
        let mut said = Vec::new();
        // What was said until an error is said.
        let _ = from.map(|mut from| from.read_to_end(&mut said));
        String::from_utf8_lossy(&said).into_owned()
    })
}
