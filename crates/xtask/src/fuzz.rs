//! `cargo xtask fuzz`: the tests named `fuzzed`, for longer than a test run takes. What they try is
//! theirs to say.

use crate::program::{Failed, run};
use crate::workspace::Workspace;

/// Crates with decoders, and the filter of their tests. A crate's targets share its time.
const TARGETS: [(&str, &[&str]); 7] = [
    ("recount-log", &["--test", "fuzzed"]),
    ("codec", &["--test", "fuzzed"]),
    ("segment", &["--test", "fuzzed"]),
    ("orchestrator", &["--test", "fuzzed"]),
    ("log-embedded", &["--lib", "any_bytes"]),
    ("log-kafka", &["--lib", "any_bytes"]),
    ("api", &["--lib", "any_bytes"]),
];
/// Decoders that are fuzzed, in all of them.
const DECODERS: u64 = 11;
/// How long when nobody says it.
const MINUTES: u64 = 2;

/// Runs them all, for about so many minutes.
pub(crate) fn fuzz(at: &Workspace, args: &[&str]) -> Result<(), Failed> {
    let minutes = match args {
        [] => MINUTES,
        ["--minutes", minutes] => minutes
            .parse()
            .map_err(|_| Failed::Usage(format!("{minutes} is no number of minutes")))?,
        other => return Err(Failed::Usage(format!("cannot understand `{}`", other.join(" ")))),
    };
    let each_ms = minutes * 60_000 / DECODERS;
    for (package, tests) in TARGETS {
        let test = ["test", "--release", "--quiet", "-p", package];
        let args = [&test[..], tests, &["--", "--nocapture"]].concat();
        run(at.cargo(&args).env("RECOUNT_FUZZ_MS", each_ms.to_string()))?;
    }
    Ok(())
}
