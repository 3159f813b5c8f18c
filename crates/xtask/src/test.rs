//! `cargo xtask test`: runs the stages, counts tests, ends with a summary.
//!
//! Which stages there are stands in `stages`.

use std::time::{Duration, Instant};

use crate::program::{Failed, run_and_read, say};
use crate::stages::{STAGES, Stage};
use crate::workspace::Workspace;
use crate::{install, needs};

/// Tests that ran.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Count {
    passed: u64,
    failed: u64,
}

impl Count {
    /// Takes in a line of cargo's (`test result: ok. 3 passed; 0 failed; ...`) or of Node's TAP
    /// summary (`# pass 3`).
    fn take(&mut self, line: &str) {
        if let Some(result) = line.strip_prefix("test result: ") {
            for part in result.split(['.', ';']) {
                match part.trim().split_once(' ') {
                    Some((number, "passed")) => self.passed += number.parse().unwrap_or(0),
                    Some((number, "failed")) => self.failed += number.parse().unwrap_or(0),
                    _ => {}
                }
            }
        } else if let Some(number) = line.strip_prefix("# pass ") {
            self.passed += number.trim().parse().unwrap_or(0);
        } else if let Some(number) = line.strip_prefix("# fail ") {
            self.failed += number.trim().parse().unwrap_or(0);
        }
    }
}

struct Ran {
    name: &'static str,
    count: Count,
    took: Duration,
    failed: Option<Failed>,
}

/// Names the stages.
pub(crate) fn list(workspace: &Workspace) {
    for stage in STAGES {
        let empty = if (stage.exists)(workspace) { "" } else { " (nothing to run yet)" };
        say(&format!("{:8} {}{empty}", stage.name, stage.what));
    }
}

/// Runs all stages up to the first that fails, or only one.
pub(crate) fn run(workspace: &Workspace, only: Option<&str>) -> Result<(), Failed> {
    let begun = Instant::now();
    let known = |name: &str| STAGES.iter().any(|it| it.name == name);
    if let Some(name) = only.filter(|name| !known(name)) {
        let names: Vec<&str> = STAGES.iter().map(|it| it.name).collect();
        return Err(Failed::Usage(format!("no stage `{name}`; there are: {}", names.join(", "))));
    }
    // Developers who only check need no browser.
    let needs = if only == Some("check") { needs::product() } else { needs::all(workspace) };
    install::run(workspace, &needs)?;
    let mut ran = Vec::new();
    for stage in STAGES {
        if only.is_some_and(|name| name != stage.name) || !(stage.exists)(workspace) {
            continue;
        }
        ran.push(run_stage(workspace, stage));
        if ran.last().is_some_and(|it| it.failed.is_some()) {
            break;
        }
    }
    summary(&ran, begun.elapsed())
}

fn run_stage(workspace: &Workspace, stage: &'static Stage) -> Ran {
    say(&format!("\n=== {}: {}", stage.name, stage.what));
    let begun = Instant::now();
    let mut count = Count::default();
    let mut commands = (stage.commands)(workspace);
    let failed = commands
        .iter_mut()
        .find_map(|command| run_and_read(command, |line| count.take(line)).err());
    let took = begun.elapsed();
    let end = if failed.is_some() { "FAILED" } else { "ok" };
    say(&format!("=== {}: {end} in {:.1} s", stage.name, took.as_secs_f64()));
    Ran { name: stage.name, count, took, failed }
}

/// Prints the table; its last line is the whole run in one.
fn summary(ran: &[Ran], took: Duration) -> Result<(), Failed> {
    say("\nstage      result   seconds   passed   failed");
    let mut total = Count::default();
    for it in ran {
        total.passed += it.count.passed;
        // A stage without tests of its own (lints, a build) fails as one.
        let failed = it.count.failed.max(u64::from(it.failed.is_some()));
        total.failed += failed;
        let (name, seconds) = (it.name, it.took.as_secs_f64());
        let result = if it.failed.is_some() { "FAILED" } else { "ok" };
        say(&format!("{name:10} {result:8} {seconds:7.1} {:8} {failed:8}", it.count.passed));
    }
    say(&format!("total               {:7.1}", took.as_secs_f64()));
    if let Some(Failed::Step(why)) = ran.iter().find_map(|it| it.failed.as_ref()) {
        say(why);
    }
    say(&format!("{} passed, {} failed", total.passed, total.failed));
    if total.failed == 0 { Ok(()) } else { Err(Failed::Tests) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_are_counted_from_what_cargo_and_node_print() {
        let mut count = Count::default();
        for line in [
            "running 2 tests",
            "test result: ok. 12 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 2.02s",
            "test result: FAILED. 14 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out",
            "# pass 3",
            "# fail 2",
        ] {
            count.take(line);
        }
        assert_eq!(count, Count { passed: 29, failed: 3 });
    }
}
