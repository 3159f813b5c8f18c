//! What the command line asks of the assembly: the log of a data directory, opened for reading, and
//! the rules and read models of the registered contexts.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use anyhow::{Context as _, Result};
use clap::ArgMatches;
use cli::{Installation, Opened, Until};
use domain::{EventData, StreamId, Timestamp};
use lane::Deciders;
use log::Medium;
use log_embedded::{AtRest, EmbeddedLog};
use projector::{Registry, fold_all};

use crate::contexts;
use crate::data::{DataDir, history_in};
use crate::product;

/// Runs a verb of the `cli` crate.
pub(crate) fn run(verb: &str, matches: &ArgMatches) -> Result<ExitCode> {
    let schemas = product::schemas()?;
    let deciders = product::deciders(&schemas);
    let mut registry = Registry::new(Arc::clone(&schemas));
    contexts::read_models(&mut registry);
    cli::run(verb, matches, &Offline { schemas, deciders, registry })
}

struct Offline {
    schemas: Arc<codec::Schemas>,
    deciders: Deciders,
    registry: Registry<codec::Schemas>,
}

impl Installation for Offline {
    fn open(&self, data: &Path) -> Result<Opened> {
        let data = DataDir::existing(data)?;
        let (log, _) = EmbeddedLog::open_read_only(data.history())?;
        Ok(Opened { log: Arc::new(log), schemas: Arc::clone(&self.schemas) })
    }

    /// Sum of the times at which files of the log were written last.
    fn stamp(&self, data: &Path) -> u64 {
        let files = std::fs::read_dir(history_in(data).join("segments"))
            .into_iter()
            .flatten()
            .filter_map(Result::ok);
        let written = files.filter_map(|file| file.metadata().ok()?.modified().ok());
        let nanos =
            written.filter_map(|at| at.duration_since(UNIX_EPOCH).ok()).map(|at| at.as_nanos());
        nanos.fold(0, |sum, at| {
            sum.wrapping_add(u64::try_from(at & u128::from(u64::MAX)).unwrap_or_default())
        })
    }

    fn medium(&self, data: &Path) -> Result<Box<dyn Medium>> {
        // Where there is a log, a damaged `format` beside it is a finding and no reason not to look.
        let log = history_in(data);
        if !log.exists() {
            DataDir::existing(data)?;
        }
        Ok(Box::new(AtRest::inspect(log)))
    }

    fn verify_beside(&self, data: &Path) -> Result<String, String> {
        let data = DataDir::existing(data).map_err(|error| error.to_string())?;
        if !data.keys().exists() && data.history() == data.replica() {
            return Ok("elsewhere: nodes of one log share it".to_owned());
        }
        let checked = keyring::verify(&keyring::Options::new(data.keys()))
            .map_err(|error| error.to_string())?;
        Ok(format!("{} keys, {} destroyed", checked.live, checked.destroyed))
    }

    fn show(
        &self,
        stream: &StreamId,
        events: &[(Timestamp, EventData)],
    ) -> Result<Vec<(String, String)>> {
        let handler = self.deciders.of(stream.category());
        let handler = handler
            .with_context(|| format!("no context has streams called `{}`", stream.category()))?;
        let mut state = handler.fresh();
        for (at, data) in events {
            handler.replay(&mut state, data, *at).map_err(anyhow::Error::msg)?;
        }
        Ok(handler.show(&state).into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
    }

    fn projections(&self) -> Vec<String> {
        self.registry.entries().iter().map(|entry| entry.table.projection.to_owned()).collect()
    }

    fn replay(
        &self,
        opened: &Opened,
        projection: &str,
        until: Until,
    ) -> Result<Vec<serde_json::Value>> {
        let entry =
            self.registry.entries().iter().find(|entry| entry.table.projection == projection);
        let entry = entry.with_context(|| format!("no projection is called `{projection}`"))?;
        let until = match until {
            Until::End => projector::Until::End,
            Until::Time(time) => projector::Until::Time(time),
        };
        let replay = fold_all(&*opened.log, entry, &until)?;
        let row = |row: projector::StoredRow| {
            let mut json = projector::row_json(entry.table.columns, &row.values);
            json.insert("version".to_owned(), row.stream_version.into());
            serde_json::Value::Object(json)
        };
        Ok(replay.rows.into_iter().map(row).collect())
    }
}
