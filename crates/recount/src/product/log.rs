//! The log that the settings ask for: the embedded one, or topics of a Kafka cluster. Not what runs
//! over it.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use codec::Schemas;
use log::Log;
use log_embedded::EmbeddedLog;
use log_kafka::{Durability, KafkaLog, OpenError, Options};

use super::topics;
use crate::data::DataDir;
use crate::settings::Settings;

/// A log, opened for writing.
pub(crate) struct OpenLog {
    pub(crate) log: Arc<dyn Log>,
    /// How its cluster is reached, if it is on Kafka.
    pub(crate) kafka: Option<Options>,
}

/// Opens it.
pub(crate) fn open(settings: &Settings, data: &DataDir, schemas: &Arc<Schemas>) -> Result<OpenLog> {
    if is_kafka(settings)? {
        let options = kafka(settings, &data.replica(), schemas)?;
        let (log, opened) = KafkaLog::open(&options).map_err(coded)?;
        tracing::info!(?opened, "log on Kafka is open");
        return Ok(OpenLog { log: Arc::new(log), kafka: Some(options) });
    }
    let mut options = log_embedded::Options::new(data.log());
    for topic in topics() {
        options = options.topic(topic, lanes(settings)?);
    }
    let (log, opened) = EmbeddedLog::open(&options)?;
    if !opened.created {
        tracing::info!(?opened, "log is open");
    }
    Ok(OpenLog { log: Arc::new(log), kafka: None })
}

/// Whether the log is on Kafka.
pub(crate) fn is_kafka(settings: &Settings) -> Result<bool> {
    match settings.get("log") {
        "embedded" => Ok(false),
        "kafka" => Ok(true),
        other => bail!("--log is embedded or kafka, not `{other}`"),
    }
}

fn lanes(settings: &Settings) -> Result<u16> {
    settings.get("lanes").parse().context("--lanes must be a number from 1 to 65535")
}

/// How the cluster is reached, and what its topics must be.
pub(crate) fn kafka(
    settings: &Settings,
    replica: &Path,
    schemas: &Arc<Schemas>,
) -> Result<Options> {
    let brokers = settings.some("brokers").context("--log kafka needs --brokers")?;
    let mut options = Options::new(brokers, replica, Arc::clone(schemas));
    settings.get("topic-prefix").clone_into(&mut options.prefix);
    options.client_id = format!("recount-{}", settings.get("node"));
    options.durability = match settings.get("kafka-durability") {
        "one-broker" => Durability::OneBroker,
        "none" => Durability::None,
        other => bail!("--kafka-durability is one-broker or none, not `{other}`"),
    };
    if let Some(file) = settings.some("kafka-settings") {
        let text = std::fs::read_to_string(file)
            .with_context(|| format!("settings of the Kafka client, {file}"))?;
        for line in text.lines().map(str::trim) {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            // The line may hold a password: it is not shown.
            let (name, value) = line.split_once('=').with_context(|| {
                format!("settings of the Kafka client, {file}: a line is not name=value")
            })?;
            options.settings.push((name.trim().to_owned(), value.trim().to_owned()));
        }
    }
    for topic in topics() {
        options = options.topic(topic, lanes(settings)?);
    }
    Ok(options)
}

/// The error with the number of its page.
pub(crate) fn coded(error: OpenError) -> anyhow::Error {
    let code = match &error {
        OpenError::Unreachable { .. } => "RC0110",
        OpenError::Absent { .. } | OpenError::Topics(_) | OpenError::Manifest { .. } => "RC0111",
        OpenError::TooFewBrokers { .. } => "RC0112",
        OpenError::Deleted { .. } => "RC0113",
        _ => "RC0114",
    };
    anyhow::Error::new(error).context(format!("{code}: the log on Kafka cannot be used"))
}
