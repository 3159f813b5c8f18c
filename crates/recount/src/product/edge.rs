//! The API over everything that runs.

use std::sync::Arc;

use anyhow::{Context as _, Result};
use api::{Authenticator, Builder, ClusterSecret, Edge, LogHistory};
use codec::Schemas;
use domain::Context;
use keyring::Keyring;
use lane::Commands;
use log::Log;
use metrics_exporter_prometheus::PrometheusHandle;
use orchestrator::run::Desk;

use super::desk::ApiDesk;
use super::health::Health;
use super::keys::Keys;
use super::reads::LateReads;
use crate::contexts::{self, Contexts};
use crate::settings::Settings;

/// What the API stands on.
pub(crate) struct Over<'a> {
    pub(crate) settings: &'a Settings,
    pub(crate) auth: Authenticator,
    pub(crate) log: &'a Arc<dyn Log>,
    pub(crate) schemas: &'a Arc<Schemas>,
    pub(crate) commands: Commands,
    pub(crate) reads: LateReads,
    pub(crate) desk: Desk,
    pub(crate) keys: Arc<Keyring>,
    pub(crate) metrics: PrometheusHandle,
    /// Asks other nodes, if there are several.
    pub(crate) forward: Option<Arc<dyn api::ForwardPort>>,
}

/// Takes every registered context in.
struct Register<T>(Option<T>);

impl Contexts for Register<Builder> {
    fn context<C: Context>(&mut self) {
        self.0 = self.0.take().map(Builder::context::<C>);
    }
}

impl Contexts for Register<LogHistory> {
    fn context<C: Context>(&mut self) {
        self.0 = self.0.take().map(LogHistory::context::<C>);
    }
}

impl<T> Register<T>
where
    Self: Contexts,
{
    fn all(of: T) -> Result<T> {
        let mut register = Self(Some(of));
        contexts::all(&mut register);
        register.0.context("contexts are registered once")
    }
}

/// Builds it.
pub(crate) fn build(over: Over<'_>) -> Result<Edge> {
    let Over { log, schemas, reads, metrics, desk, .. } = over;
    let history = LogHistory::new(Arc::clone(log), Arc::clone(schemas)).sagas(desk.types());
    let parts = api::Parts {
        commands: Arc::new(over.commands),
        reads: Arc::new(reads.clone()),
        history: Arc::new(Register::all(history)?),
        schemas: Arc::clone(schemas),
        keys: Arc::new(Keys(over.keys)),
        health: Arc::new(Health { log: Arc::clone(log), reads }),
        metrics: Arc::new(move || {
            crate::telemetry::count_tasks();
            metrics.render()
        }),
        topics: log.topics().clone(),
        auth: over.auth,
        cluster: cluster_secret(over.settings)?,
        forward: over.forward,
        options: api::Options {
            product_version: env!("CARGO_PKG_VERSION").to_owned(),
            ..api::Options::default()
        },
    };
    let desk: Arc<dyn api::SagaDesk> = Arc::new(ApiDesk(desk));
    let builder = Builder::new(parts).projections(|to| contexts::read_models(to)).sagas(&desk);
    Ok(Register::all(builder)?.build())
}

fn cluster_secret(settings: &Settings) -> Result<Option<ClusterSecret>> {
    let Some(file) = settings.some("cluster-secret-file") else { return Ok(None) };
    let secret = std::fs::read_to_string(file).with_context(|| format!("cluster secret {file}"))?;
    let secret = ClusterSecret::new(secret.trim());
    Ok(Some(secret.with_context(|| format!("cluster secret {file} is too short"))?))
}
