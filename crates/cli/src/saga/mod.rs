//! `recount saga ...`: sagas of a running product, over its API. Not the log, and nothing that the API
//! does not offer: the same filter text, the same JSON.

mod act;
mod args;
mod client;
mod look;

use std::process::ExitCode;

use anyhow::Result;
use clap::ArgMatches;

use crate::text;
use client::{Client, Said};

pub(crate) use args::command;

/// Runs one of its verbs.
pub(crate) fn run(matches: &ArgMatches) -> Result<ExitCode> {
    let Some((verb, matches)) = matches.subcommand() else { return Ok(ExitCode::from(2)) };
    let url = text(matches, "url").unwrap_or_default();
    let token = text(matches, "token-file").map(std::path::Path::new);
    let client = Client::new(url, token)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let done = runtime.block_on(async {
        match verb {
            "list" => look::list(&client, matches).await,
            "show" => look::show(&client, matches).await,
            "why" => look::why(&client, matches).await,
            "tail" => look::tail(&client, matches).await,
            "plan" => look::plan(&client, matches).await,
            verb => act::act(&client, verb, matches).await,
        }
    });
    match done {
        Ok(()) => Ok(ExitCode::SUCCESS),
        Err(Failed::Said(said)) => {
            eprintln!("error: {said}");
            if let Said::Problem(problem) = &said {
                act::changed(problem);
            }
            Ok(said.code())
        }
        Err(Failed::Usage(why)) => {
            eprintln!("error: {why}");
            Ok(ExitCode::from(2))
        }
        Err(Failed::Other(error)) => Err(error),
    }
}

/// Why a verb did not do what it should.
#[derive(Debug)]
pub(crate) enum Failed {
    /// The product said no, or nothing.
    Said(Said),
    /// What was asked makes no sense.
    Usage(String),
    /// Here.
    Other(anyhow::Error),
}

impl From<Said> for Failed {
    fn from(said: Said) -> Self {
        Self::Said(said)
    }
}

impl From<anyhow::Error> for Failed {
    fn from(error: anyhow::Error) -> Self {
        Self::Other(error)
    }
}
