//! The providers that the settings ask for: who stands behind which port. Nobody is called whom no
//! setting names.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use api::{Access, Edge};
use axum::Router;
use domain::Platform;
use keyring::Keyring;
use lane::Commands;
use ports::{AccountBook, AddressBook, Ports, Secret};
use provider_bluesky::Bluesky;
use provider_sandbox::{Sandbox, SandboxClient};
use provider_smtp::{Server, Smtp};
use provider_stripe::{Stripe, Webhook};

use super::books::{Books, Payers};
use super::webhook::{self, Hook};
use crate::data::DataDir;
use crate::settings::Settings;

/// What stands behind the ports.
pub(crate) struct Providers {
    pub(crate) ports: Arc<Ports>,
    /// Runs as long as this is held.
    pub(crate) sandbox: Option<Sandbox>,
    webhook: Option<Webhook>,
}

/// Sets them up; `address` is where this installation is reached, for links into the sandbox.
pub(crate) async fn start(
    settings: &Settings,
    data: &DataDir,
    books: Books,
    address: SocketAddr,
) -> Result<Providers> {
    all(settings, data, books, address).await.context("RC0108: a provider cannot be set up")
}

impl Providers {
    /// What they serve themselves: the sandbox's pages, and where Stripe tells what happened.
    pub(crate) fn routes(
        &mut self,
        edge: &Edge,
        commands: &Commands,
        keys: Arc<Keyring>,
    ) -> Router {
        let mut routes = Router::new();
        if let Some(sandbox) = &self.sandbox {
            let pages = Router::new().nest("/sandbox", sandbox.pages());
            routes = routes.merge(edge.guard("/sandbox", Access::Read, pages));
        }
        if let Some(webhook) = self.webhook.take() {
            let hook = webhook::routes(Hook { webhook, commands: commands.clone(), keys });
            routes = routes.merge(edge.guard(webhook::PATH, Access::Open, hook));
        }
        routes
    }
}

async fn all(
    settings: &Settings,
    data: &DataDir,
    books: Books,
    address: SocketAddr,
) -> Result<Providers> {
    let mut ports = Ports::none();
    let (sandbox, url) = match settings.get("sandbox") {
        "on" => {
            let sandbox = Sandbox::start(&data.sandbox()).await?;
            let url = sandbox.url();
            (Some(sandbox), Some(url))
        }
        "off" => (None, None),
        url if url.starts_with("http://127.0.0.1:") => (None, Some(url.to_owned())),
        other => bail!("--sandbox is on, off, or http://127.0.0.1:PORT, not `{other}`"),
    };
    if let Some(url) = url {
        let client = SandboxClient::new(&url, &format!("http://{address}/sandbox"))?;
        let client = Arc::new(client);
        ports = ports.payments(client.clone()).mail(client.clone());
        for platform in Platform::ALL {
            ports = ports.publishing(*platform, client.clone());
        }
    }
    if let Some(url) = settings.some("bluesky-url") {
        let accounts: Arc<dyn AccountBook> = Arc::new(books.clone());
        let bluesky = Bluesky::new(url, accounts).context("--bluesky-url")?;
        ports = ports.publishing(Platform::Bluesky, Arc::new(bluesky));
    }
    if let Some(file) = settings.some("stripe-key-file") {
        let payers = Payers::open(settings.some("stripe-customers"))?;
        let stripe = Stripe::new(settings.get("stripe-url"), secret(file)?, Arc::new(payers));
        let stripe = stripe.context("--stripe-url")?;
        ports = ports.payments(Arc::new(stripe));
    }
    if let Some(url) = settings.some("smtp-url") {
        let password = settings.some("smtp-password-file").map(secret).transpose()?;
        let mut server = Server::parse(url, password).context("--smtp-url")?;
        if let Some(file) = settings.some("smtp-ca-file") {
            let pem = std::fs::read(file).with_context(|| file.to_owned())?;
            server = server.trusting(&pem).with_context(|| format!("--smtp-ca-file {file}"))?;
        }
        let from = settings.some("mail-from").context("--smtp-url needs --mail-from")?;
        let addresses: Arc<dyn AddressBook> = Arc::new(books);
        ports = ports.mail(Arc::new(Smtp::new(server, from, addresses)?));
    }
    let webhook = match settings.some("stripe-webhook-secret-file") {
        Some(file) => {
            let webhook = Webhook::new(secret(file)?.expose());
            Some(webhook.with_context(|| format!("{file} holds no secret"))?)
        }
        None => None,
    };
    Ok(Providers { ports: Arc::new(ports), sandbox, webhook })
}

fn secret(file: &str) -> Result<Secret> {
    let text = std::fs::read_to_string(file).with_context(|| file.to_owned())?;
    Ok(Secret::new(text.trim().to_owned()))
}
