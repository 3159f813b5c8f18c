//! The product: picks adapters, registers contexts, starts roles. Not the rules and not the runtime.

mod backup;
mod contexts;
mod copy;
mod data;
mod doctor;
mod forget;
mod offline;
mod product;
mod schema;
mod settings;
mod telemetry;
mod topics;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::Result;
use clap::{Arg, ArgAction, ArgMatches, Command};

use settings::Settings;

const _: () = assert!(!log::Mutant::BUILT_IN, "mistakes can be switched on in tests only");

/// Why this one and not the system's: `docs/decisions/0009-allocator.md`.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Exit codes, as `--help` tells them.
const EXIT_CODES: &str = "Exit codes: 0 ok, 1 failed, 2 usage, 3 a check found problems, 4 cannot reach, \
                          5 conflict, 130 interrupted";

fn main() -> ExitCode {
    let began = Instant::now();
    let matches = command().get_matches();
    match dispatch(&matches, began) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn command() -> Command {
    let demo = Arg::new("demo").long("demo").action(ArgAction::SetTrue);
    let demo = demo
        .help("Let a tenant live in ./data-demo: posts come and go by themselves, in the sandbox");
    let up = with_settings(
        Command::new("up").about("Run the product: log, read models, API, console").alias("dev"),
    );
    let up = up.arg(demo);
    let serve = with_settings(
        Command::new("serve").about("The same as `up`, by the name that service files use"),
    );
    let config = Command::new("config")
        .about("Show the settings in force")
        .subcommand_required(true)
        .subcommand(with_settings(
            Command::new("show").about("Every setting with its value and origin"),
        ));
    let command = Command::new("recount")
        .version(env!("CARGO_PKG_VERSION"))
        .about("Event sourcing with proofs: record, fold, recount")
        .after_help(EXIT_CODES)
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommands([up, serve, config])
        .subcommand(backup::backup_command())
        .subcommand(backup::restore_command())
        .subcommand(forget::command(with_settings))
        .subcommand(with_settings(doctor::command()))
        .subcommand(topics::command(with_settings))
        .subcommand(schema::command(with_settings))
        .subcommand(copy::command(with_settings));
    cli::subcommands(command)
}

/// A command that takes every setting as a flag.
fn with_settings(command: Command) -> Command {
    let config = Arg::new("config")
        .long("config")
        .value_name("FILE")
        .help("Settings file; otherwise recount.toml here");
    settings::ALL.iter().fold(command.arg(config), |command, setting| {
        let default = if setting.default.is_empty() { "not set" } else { setting.default };
        let help = format!("{} [env {}; default {default}]", setting.help, setting.env.join(", "));
        command.arg(Arg::new(setting.name).long(setting.name).value_name("VALUE").help(help))
    })
}

/// The settings of a command made by [`with_settings`].
fn resolve(matches: &ArgMatches) -> Result<Settings> {
    let given = |setting: &settings::Setting| {
        let value = matches.get_one::<String>(setting.name)?;
        Some((setting.name.to_owned(), value.clone()))
    };
    let flags: BTreeMap<_, _> = settings::ALL.iter().filter_map(given).collect();
    let file = matches.get_one::<String>("config").map(PathBuf::from);
    Settings::resolve(&flags, file.as_deref())
}

fn dispatch(matches: &ArgMatches, began: Instant) -> Result<ExitCode> {
    match matches.subcommand() {
        Some((verb @ ("up" | "serve"), matches)) => {
            let settings = resolve(matches)?;
            // Who tries it out has no providers; who runs a service says what it calls.
            let settings =
                if verb == "up" { settings.with_default("sandbox", "on") } else { settings };
            let demo = verb == "up" && matches.get_flag("demo");
            let settings = if demo { settings.with_default("data", "data-demo") } else { settings };
            if demo {
                product::demo::allowed(&settings)?;
            }
            telemetry::start_log(settings.get("log-format"));
            let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
            runtime.block_on(product::run(&settings, began, demo))?;
            Ok(ExitCode::SUCCESS)
        }
        Some(("config", matches)) => {
            let (_, matches) = matches.subcommand().unwrap_or(("show", matches));
            show(&resolve(matches)?);
            Ok(ExitCode::SUCCESS)
        }
        Some(("topics", matches)) => match topics::settings_of(matches) {
            Some((verb, matches)) => topics::run(verb, &resolve(matches)?),
            None => Ok(ExitCode::from(2)),
        },
        Some(("schema", matches)) => match matches.subcommand_matches("register") {
            Some(matches) => schema::register(matches, &resolve(matches)?),
            None => Ok(ExitCode::from(2)),
        },
        Some(("log", matches)) => match matches.subcommand_matches("copy") {
            Some(matches) => copy::run(matches, &resolve(matches)?),
            None => Ok(ExitCode::from(2)),
        },
        Some(("backup", matches)) => backup::backup(matches),
        Some(("restore", matches)) => backup::restore(matches),
        Some(("forget", matches)) => forget::run(matches, &resolve(matches)?),
        Some(("doctor", matches)) => Ok(doctor::run(matches, &resolve(matches)?)),
        Some((verb, matches)) => offline::run(verb, matches),
        None => Ok(ExitCode::from(2)),
    }
}

#[expect(clippy::print_stdout, reason = "the settings are what is asked for")]
fn show(settings: &Settings) {
    for (name, value, origin) in settings.shown() {
        println!("{name:<22} {value:<32} {origin}");
    }
}
