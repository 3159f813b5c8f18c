//! `recount schema register`: brings our schemas into a registry of the kind that Confluent's tools speak
//! to, under the ids that our records carry. Not the registry: `/registry` of every node has them too.

mod registry;

use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::{Arg, ArgMatches, Command};

use crate::product;
use crate::settings::Settings;
use registry::{Failed, Registry, Wanted};

/// Exit codes as `--help` tells them.
const UNREACHABLE: u8 = 4;
const CONFLICT: u8 = 5;

/// The command; its verb takes every setting.
pub(crate) fn command(with_settings: fn(Command) -> Command) -> Command {
    let registry = Arg::new("registry").long("registry").value_name("URL").required(true);
    let registry = registry.help(
        "The registry, as http://localhost:8081 or http://localhost:8080/apis/ccompat/v7 (Apicurio)",
    );
    let user = Arg::new("registry-user-file").long("registry-user-file").value_name("FILE");
    let user = user.help("A file that holds user:password for it");
    let register = Command::new("register")
        .about("Bring all schemas into a registry, under the ids that records carry");
    Command::new("schema")
        .about("The schemas of events")
        .subcommand_required(true)
        .subcommand(with_settings(register).arg(registry).arg(user))
}

/// Runs `schema register`. May be repeated: what is there already is only compared.
#[expect(clippy::print_stdout, reason = "what was registered is what is asked for")]
pub(crate) fn register(matches: &ArgMatches, settings: &Settings) -> Result<ExitCode> {
    let schemas = product::schemas()?;
    let prefix = settings.get("topic-prefix");
    let wanted = schemas.all().iter().flat_map(|schema| {
        let subjects = schema.subjects().map(|subject| format!("{prefix}{subject}"));
        subjects.map(move |subject| Wanted { subject, schema })
    });
    let mut wanted: Vec<Wanted<'_>> = wanted.collect();
    // A registry numbers the versions of a subject as they come.
    wanted.sort_by(|a, b| (&a.subject, a.version()).cmp(&(&b.subject, b.version())));
    let url = matches.get_one::<String>("registry").map_or("", String::as_str);
    let user = matches.get_one::<String>("registry-user-file");
    let user = user.map(|file| {
        let read = std::fs::read_to_string(file).with_context(|| format!("reading {file}"));
        read.map(|text| text.trim().to_owned())
    });
    let registry = Registry::new(url, user.transpose()?.as_deref())?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    match runtime.block_on(registry.register(&wanted)) {
        Ok(new) => {
            let all = wanted.len();
            println!("{all} versions of subjects are in {url} under the ids of records, {new} new");
            Ok(ExitCode::SUCCESS)
        }
        Err(failed) => {
            let code = match failed {
                Failed::Unreachable(_) => ExitCode::from(UNREACHABLE),
                Failed::Taken(_) => ExitCode::from(CONFLICT),
                Failed::Refused(_) => ExitCode::FAILURE,
            };
            eprintln!("error: {failed}");
            Ok(code)
        }
    }
}
