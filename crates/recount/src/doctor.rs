//! `recount doctor`: looks at an installation and says what is wrong and what to do about it.

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use clap::{Arg, ArgMatches, Command};
use serde_json::json;

use crate::data::{DataDir, history_in};
use crate::product;
use crate::settings::Settings;

mod kafka;

/// A group commit slower than this is worth a look, in milliseconds.
const SYNC_WARN_MS: f64 = 20.0;
/// Less free space than this is worth a look: 1 GiB.
const FREE_WARN_KIB: u64 = 1 << 20;

/// `recount doctor`; it takes every setting, and looks where they say.
pub(crate) fn command() -> Command {
    let output = Arg::new("output")
        .short('o')
        .long("output")
        .value_parser(["table", "json"])
        .default_value("table");
    Command::new("doctor")
        .about("Check this installation; exit code 3 when something fails")
        .arg(output.help("Form of the answer"))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Ok,
    Warn,
    Fail,
}

impl Verdict {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Fail => "fail",
        }
    }
}

struct Check {
    name: &'static str,
    verdict: Verdict,
    says: String,
    fix: &'static str,
}

/// Runs every check.
pub(crate) fn run(matches: &ArgMatches, settings: &Settings) -> ExitCode {
    let data = settings.data();
    let keys_dir = settings.some("keys").map_or_else(|| data.join("keys"), PathBuf::from);
    let mut checks = vec![
        schemas(),
        data_dir(&data),
        log_dir(&data),
        keys(keys_dir),
        sync(&data),
        space(&data),
        postgres(settings),
        port(),
    ];
    checks.extend(kafka::checks(settings));
    let failed = checks.iter().any(|check| check.verdict == Verdict::Fail);
    if matches.get_one::<String>("output").is_some_and(|form| form == "json") {
        let all: Vec<_> = checks
            .iter()
            .map(|c| json!({"name": c.name, "verdict": c.verdict.as_str(), "says": c.says, "fix": c.fix}))
            .collect();
        say(&json!({ "checks": all }).to_string());
    } else {
        for check in &checks {
            say(&format!("{:<5} {:<16} {}", check.verdict.as_str(), check.name, check.says));
            if check.verdict != Verdict::Ok {
                say(&format!("      {:<16} {}", "", check.fix));
            }
        }
    }
    if failed { ExitCode::from(3) } else { ExitCode::SUCCESS }
}

fn check(name: &'static str, found: Result<String, (Verdict, String)>, fix: &'static str) -> Check {
    match found {
        Ok(says) => Check { name, verdict: Verdict::Ok, says, fix: "" },
        Err((verdict, says)) => Check { name, verdict, says, fix },
    }
}

fn schemas() -> Check {
    let found = product::schemas().map(|schemas| format!("{} event types", schemas.all().len()));
    check(
        "schemas",
        found.map_err(|error| (Verdict::Fail, format!("{error:#}"))),
        "this build is broken; report it",
    )
}

fn data_dir(data: &Path) -> Check {
    let found = match DataDir::existing(data) {
        Ok(data) => Ok(data.path().display().to_string()),
        Err(error) => Err((Verdict::Warn, error.to_string())),
    };
    check("data directory", found, "start the product once, or name the directory with --data")
}

fn log_dir(data: &Path) -> Check {
    let dir = history_in(data);
    if !dir.exists() {
        return check(
            "log",
            Err((Verdict::Warn, "there is none yet".to_owned())),
            "start the product once",
        );
    }
    let found = match log_embedded::EmbeddedLog::open_read_only(&dir) {
        Ok((log, _)) => {
            let log: &dyn log::Log = &log;
            let records: u64 = log.topics().lanes().map(|lane| log.end(lane)).sum();
            Ok(format!("{} lanes, {records} records", log.topics().lanes().count()))
        }
        Err(error) => Err((Verdict::Fail, error.to_string())),
    };
    check("log", found, "run `recount audit verify`; restore from a backup when it is damaged")
}

fn keys(dir: PathBuf) -> Check {
    if !dir.exists() {
        return check(
            "keyring",
            Err((Verdict::Warn, "there is none yet".to_owned())),
            "start the product once",
        );
    }
    let found = match keyring::Keyring::open_read_only(&keyring::Options::new(dir)) {
        Ok(_) => Ok("opens".to_owned()),
        Err(error) => Err((Verdict::Fail, error.to_string())),
    };
    check("keyring", found, "restore keys/ from the backup that belongs to this log")
}

/// One small write that is made durable, as a group commit does.
fn sync(data: &Path) -> Check {
    let file = data.join(".doctor");
    let began = Instant::now();
    let done =
        std::fs::write(&file, [0; 4096]).and_then(|()| std::fs::File::open(&file)?.sync_all());
    let ms = began.elapsed().as_secs_f64() * 1e3;
    std::fs::remove_file(&file).ok();
    let found = match done {
        Ok(()) if ms < SYNC_WARN_MS => Ok(format!("a write is durable in {ms:.1} ms")),
        Ok(()) => Err((Verdict::Warn, format!("a write is durable in {ms:.1} ms"))),
        Err(error) => Err((Verdict::Warn, format!("{}: {error}", data.display()))),
    };
    check(
        "disk",
        found,
        "every command waits for this; use a faster disk, and no network file system",
    )
}

fn space(data: &Path) -> Check {
    let place = if data.exists() { data } else { Path::new(".") };
    let said = std::process::Command::new("df").arg("-Pk").arg(place).output();
    let text =
        said.map(|said| String::from_utf8_lossy(&said.stdout).into_owned()).unwrap_or_default();
    let free =
        text.lines().nth(1).and_then(|line| line.split_whitespace().nth(3)?.parse::<u64>().ok());
    let found = match free {
        Some(kib) if kib >= FREE_WARN_KIB => Ok(format!("{} GiB free", kib >> 20)),
        Some(kib) => Err((Verdict::Warn, format!("{} MiB free", kib >> 10))),
        None => Err((Verdict::Warn, "free space is not known".to_owned())),
    };
    check("space", found, "make room: a full disk refuses commands until there is space again")
}

fn postgres(settings: &Settings) -> Check {
    if settings.some("database-url").is_some() {
        return check("PostgreSQL", Ok("another one is named by --database-url".to_owned()), "");
    }
    let bin = postgres::server::find_binaries();
    let found = bin
        .map(|bin| bin.display().to_string())
        .map_err(|error| (Verdict::Fail, error.to_string()));
    check(
        "PostgreSQL",
        found,
        "install it (Debian: apt-get install postgresql), or set DATABASE_URL",
    )
}

fn port() -> Check {
    let address = SocketAddr::from(([127, 0, 0, 1], 7070));
    let found = match TcpListener::bind(address) {
        Ok(_) => Ok(format!("{address} is free")),
        Err(error) => Err((Verdict::Warn, format!("{address}: {error}"))),
    };
    check(
        "port",
        found,
        "if that is not this product already running, choose another with --listen",
    )
}

#[expect(clippy::print_stdout, reason = "the report is the output")]
fn say(line: &str) {
    println!("{line}");
}
