//! The program of the simulator: many seeds at once, each in a process of its own, or one seed again.
//! Not what a seed does, which the library says.

mod campaign;
mod entropy;
mod table;

use std::process::ExitCode;
use std::time::Duration;

use serde_json::json;
use sim::{Fault, Planted, Pulse, Wish, run};

const USAGE: &str = "\
Usage: sim [OPTIONS]

  --seeds N       so many seeds (default 60)
  --hours H       so many simulated hours under faults in all, parts as 0.5 (default: N times 6 minutes)
  --from S        the first seed (default 1)
  --jobs J        so many at once (default: as many as there are processors)
  --evidence      print the counters as a table for docs/evidence
  --seed S        one seed, told in full; with --minutes M of simulated time (default 6)
  --trace         with --seed: everything that happens, on standard error
  --only A,B      only these faults, each as often as it may
  --findings N    stop after so many findings
  --planted NAME  plant a mistake; `all`: each of them in turn, and each must be found
  --help          this text

Exit codes: 0 all holds, 1 something is wrong or a rare state was never reached, 2 wrong usage.
";

#[derive(Debug)]
struct Args {
    seeds: u64,
    seconds: Option<u64>,
    from: u64,
    jobs: usize,
    evidence: bool,
    seed: Option<u64>,
    minutes: f64,
    trace: bool,
    planted: Option<String>,
    /// Faults, by name.
    only: Vec<String>,
    findings_max: u64,
    /// For a process of a campaign: print the report as JSON.
    json: bool,
}

fn main() -> ExitCode {
    let args = match parse(std::env::args().skip(1)) {
        Ok(Some(args)) => args,
        Ok(None) => {
            table::say(USAGE.trim_end());
            return ExitCode::SUCCESS;
        }
        Err(why) => {
            eprint!("error: {why}\n\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    let holds = match (args.seed, args.planted.as_deref()) {
        (Some(seed), _) => one(seed, &args),
        (None, Some("all")) => campaign::planted(&args),
        (None, _) => campaign::seeds(&args),
    };
    if holds { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn parse(mut from: impl Iterator<Item = String>) -> Result<Option<Args>, String> {
    let jobs = std::thread::available_parallelism().map_or(1, usize::from);
    let mut args = Args {
        seeds: 60,
        seconds: None,
        from: 1,
        jobs,
        evidence: false,
        seed: None,
        minutes: 6.0,
        trace: false,
        planted: None,
        only: Vec::new(),
        findings_max: u64::MAX,
        json: false,
    };
    let mut hours = None;
    while let Some(arg) = from.next() {
        let mut value = || from.next().ok_or_else(|| format!("{arg} wants a value"));
        match arg.as_str() {
            "--seeds" => args.seeds = number(&value()?)?,
            "--hours" => hours = Some(decimal(&value()?)?),
            "--from" => args.from = number(&value()?)?,
            "--jobs" => args.jobs = usize::try_from(number(&value()?)?.max(1)).unwrap_or(1),
            "--seed" => args.seed = Some(number(&value()?)?),
            "--minutes" => args.minutes = decimal(&value()?)?,
            "--planted" => args.planted = Some(known(value()?)?),
            "--only" => args.only = value()?.split(',').map(fault).collect::<Result<_, _>>()?,
            "--findings" => args.findings_max = number(&value()?)?,
            "--evidence" => args.evidence = true,
            "--trace" => args.trace = true,
            "--json" => args.json = true,
            "--help" | "-h" => return Ok(None),
            other => return Err(format!("cannot understand `{other}`")),
        }
    }
    if args.seeds == 0 {
        return Err("at least one seed".to_owned());
    }
    args.seconds = hours.map(|hours| seconds(hours * 3_600.0) / args.seeds);
    Ok(Some(args))
}

fn fault(name: &str) -> Result<String, String> {
    if Fault::named(name).is_some() {
        return Ok(name.to_owned());
    }
    let names: Vec<_> = Fault::ALL.iter().map(|it| format!("{it:?}")).collect();
    Err(format!("there is no fault `{name}`; there are: {}", names.join(", ")))
}

fn number(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| format!("`{text}` is no whole number"))
}

fn decimal(text: &str) -> Result<f64, String> {
    let number: f64 = text.parse().map_err(|_| format!("`{text}` is no number"))?;
    if number.is_finite() && number >= 0.0 {
        Ok(number)
    } else {
        Err(format!("`{text}` is no time"))
    }
}

fn known(name: String) -> Result<String, String> {
    if name == "all" || Planted::named(&name).is_some() {
        return Ok(name);
    }
    let names: Vec<_> = Planted::ALL.iter().map(|(_, name, _)| *name).collect();
    Err(format!("there is no mistake `{name}`; there are: {}", names.join(", ")))
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a time, checked above"
)]
fn seconds(of: f64) -> u64 {
    of.round() as u64
}

/// One seed, in this process.
fn one(seed: u64, args: &Args) -> bool {
    let planted = args.planted.as_deref().and_then(Planted::named);
    let seconds = args.seconds.unwrap_or_else(|| seconds(args.minutes * 60.0)).max(1);
    let only = args.only.iter().filter_map(|name| Fault::named(name)).collect();
    let pulse = Pulse::default();
    let (json, watched) = (args.json, pulse.clone());
    std::thread::spawn(move || watch(&watched, json));
    let report = run(&Wish { seed, seconds, planted, only, shown: args.trace }, &pulse);
    let holds = report.wrong.is_empty();
    if args.json {
        table::say(&table::to_json(&report).to_string());
        return true;
    }
    table::print_one(&report);
    holds
}

/// Processor time that a run may take while simulated time stands still. It is many hours of simulated
/// time elsewhere; time of the wall would say more about what else the machine does.
const CIRCLE_MAX: Duration = Duration::from_mins(1);
/// Looks, one a second, until a run that takes no processor time either is given up.
const LOOKS_MAX: u32 = 1_200;

/// Processor time of this process so far.
fn used() -> Duration {
    let used = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::try_from(used).unwrap_or_default()
}

/// Ends the process when simulated time stands still: something turns in a circle. Its own thread,
/// because the one that runs the seed does not come back then.
fn watch(pulse: &Pulse, json: bool) {
    let (mut last, mut since, mut looks) = (0, used(), 0);
    while looks < LOOKS_MAX && used().saturating_sub(since) < CIRCLE_MAX {
        std::thread::sleep(Duration::from_secs(1));
        let ms = pulse.ms();
        looks += 1;
        if ms != last {
            (last, since, looks) = (ms, used(), 0);
        }
    }
    let wrong = format!("at {last} ms: it goes on for ever without simulated time passing");
    if json {
        table::say(&json!({ "wrong": [wrong] }).to_string());
    } else {
        table::say(&format!("WRONG {wrong}"));
    }
    std::process::exit(1);
}
