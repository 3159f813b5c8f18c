//! This node's place: alone with its log, or one of several; what it stands for then, and how it asks the
//! others. Not the election, which is the brokers', and not the fence, which is the log.

use std::collections::{BTreeSet, HashMap};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use api::{Access, Edge, ForwardPort, Forwarded, NotForwarded};
use async_trait::async_trait;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, HeaderName, Method, StatusCode};
use axum::response::Response;
use axum::routing::post;
use domain::LaneId;
use lane::{Answer, Commands, Deciders, Election as Elected, Node, Submit};
use log::Log;
use log_kafka::{Election, Options};
use orchestrator::run::{Desk, Holding, Submitter, Wire, read_answer, write_command};
use provider_http::{Client, NoAnswer, Request};

use super::log::coded;
use super::readside::Share;
use crate::settings::Settings;

/// How long another node may take to answer: as long as a client of ours waits.
const ANSWER_MAX: Duration = Duration::from_secs(30);

/// What a node does; the API is served by every node, for the others too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Roles {
    pub(crate) commands: bool,
    pub(crate) projections: bool,
    pub(crate) sagas: bool,
}

impl Roles {
    pub(crate) fn of(settings: &Settings) -> Result<Self> {
        let mut roles = Self { commands: false, projections: false, sagas: false };
        for role in words(settings.get("roles")) {
            match role {
                "gateway" => {}
                "commands" => roles.commands = true,
                "projections" => roles.projections = true,
                "sagas" => roles.sagas = true,
                other => {
                    bail!("--roles knows gateway, commands, projections and sagas, not `{other}`")
                }
            }
        }
        Ok(roles)
    }
}

fn words(list: &str) -> impl Iterator<Item = &str> {
    list.split(',').map(str::trim).filter(|word| !word.is_empty())
}

/// What is this node's to do.
pub(crate) struct Place {
    pub(crate) commands: Commands,
    /// How its sagas submit.
    pub(crate) submitter: Arc<dyn Submitter>,
    /// Which sagas it runs.
    pub(crate) holding: Holding,
    /// Which lanes it folds.
    pub(crate) share: Share,
    peers: Option<Arc<Peers>>,
    election: Option<Election>,
}

impl Place {
    /// Starts the command runtime; on Kafka it also stands for the lanes of its roles.
    pub(crate) fn take(
        settings: &Settings,
        kafka: Option<Options>,
        address: SocketAddr,
        log: &Arc<dyn Log>,
        deciders: &Deciders,
    ) -> Result<Self> {
        let Some(kafka) = kafka else {
            let commands =
                Commands::start(Arc::clone(log), deciders.clone(), settings.get("node"))?;
            return Ok(Self {
                submitter: Arc::new(commands.clone()),
                commands,
                // Nobody else writes to an embedded log.
                holding: Holding::Always,
                share: Share::All,
                peers: None,
                election: None,
            });
        };
        let member = Member::new(settings, kafka, address)?;
        let commands = Commands::join(log, deciders.clone(), member.node.clone())?;
        let election = member.stand(&**log, &commands)?;
        let peers = member.peers;
        Ok(Self {
            submitter: Arc::new(Submitting { here: commands.clone(), peers: Arc::clone(&peers) }),
            commands,
            holding: Holding::Claimed(member.node.url),
            share: if member.roles.projections { Share::Some } else { Share::Reads },
            peers: Some(peers),
            election,
        })
    }

    /// How requests reach the nodes that serve their lanes.
    pub(crate) fn forward(&self) -> Option<Arc<dyn ForwardPort>> {
        self.peers.as_ref().map(|peers| Arc::clone(peers) as _)
    }

    /// What other nodes ask of this one, if there are others.
    pub(crate) fn routes(&self, edge: &Edge, desk: Desk) -> Router {
        match &self.peers {
            Some(_) => routes(edge, self.commands.clone(), desk),
            None => Router::new(),
        }
    }

    /// Stands for nothing any more: others take its lanes while it still says where they are.
    pub(crate) async fn resign(&mut self) {
        let election = self.election.take();
        tokio::task::spawn_blocking(move || drop(election)).await.ok();
    }
}

/// A node of several.
struct Member {
    options: Options,
    roles: Roles,
    /// Contexts it stands for; all, when none is named.
    contexts: Vec<String>,
    node: Node,
    peers: Arc<Peers>,
}

impl Member {
    fn new(settings: &Settings, options: Options, address: SocketAddr) -> Result<Self> {
        if address.ip().is_unspecified() && settings.some("advertise").is_none() {
            bail!(
                "--listen {address} is no address that other nodes could ask: name one with --advertise"
            );
        }
        let url =
            settings.some("advertise").map_or_else(|| format!("http://{address}"), str::to_owned);
        let url = url.trim_end_matches('/').to_owned();
        Client::new(&url).context("--advertise")?;
        let file = settings.some("cluster-secret-file");
        let file = file.context("--log kafka needs --cluster-secret-file: nodes ask each other")?;
        let secret =
            std::fs::read_to_string(file).with_context(|| format!("cluster secret {file}"))?;
        let peers = Peers { secret: secret.trim().to_owned(), known: Mutex::default() };
        Ok(Self {
            options,
            roles: Roles::of(settings)?,
            contexts: words(settings.get("contexts")).map(str::to_owned).collect(),
            node: Node { name: settings.get("node").to_owned(), url },
            peers: Arc::new(peers),
        })
    }

    /// Stands for the lanes of its roles until it is dropped.
    fn stand(&self, log: &dyn Log, commands: &Commands) -> Result<Option<Election>> {
        let ours = |name: &str| {
            let Some((context, kind)) = name.split_once('.') else { return false };
            let role = if kind == "sagas" { self.roles.sagas } else { self.roles.commands };
            role && (self.contexts.is_empty() || self.contexts.iter().any(|it| it == context))
        };
        let names = log.topics().all().iter().map(|topic| topic.name.clone());
        let names: Vec<String> = names.filter(|name| ours(name)).collect();
        if names.is_empty() {
            return Ok(None);
        }
        let lanes =
            names.iter().filter_map(|name| Some(log.topics().lanes_of(log.topics().find(name)?)));
        let lanes: BTreeSet<LaneId> = lanes.flatten().collect();
        let told = commands.clone();
        let stands = move || told.elected(Elected::Awaited(lanes.clone()));
        let commands = commands.clone();
        let elected = move |lanes: Option<_>| {
            let lanes = lanes.map_or(Elected::Lost, Elected::Lanes);
            tracing::info!(
                lanes = match &lanes {
                    Elected::Awaited(lanes) | Elected::Lanes(lanes) => lanes.len().to_string(),
                    Elected::Lost => "unknown: the group is out of reach".to_owned(),
                },
                "elected"
            );
            commands.elected(lanes);
        };
        let stood = Election::start(
            &self.options,
            log.topics(),
            &names,
            Box::new(stands),
            Box::new(elected),
        );
        stood.map(Some).map_err(coded)
    }
}

/// The other nodes, as far as they were asked.
struct Peers {
    secret: String,
    known: Mutex<HashMap<String, Client>>,
}

impl Peers {
    fn client(&self, url: &str) -> Result<Client, NotForwarded> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = known.get(url) {
            return Ok(client.clone());
        }
        let client =
            Client::new(url).map_err(|wrong| NotForwarded::Unreachable(wrong.to_string()))?;
        known.insert(url.to_owned(), client.clone());
        Ok(client)
    }
}

#[async_trait]
impl ForwardPort for Peers {
    async fn forward(&self, url: &str, request: Forwarded) -> Result<Response, NotForwarded> {
        let client = self.client(url)?;
        let due_ms = i64::try_from(ANSWER_MAX.as_millis()).unwrap_or(i64::MAX);
        let due_at = provider_http::now().plus_ms(due_ms);
        let mut sent = Request::new(request.method, request.path, due_at)
            .header(HeaderName::from_static(api::CLUSTER_SECRET), &self.secret)
            .body(request.body);
        for (name, value) in &request.headers {
            if let Ok(value) = value.to_str() {
                sent = sent.header(name.clone(), value);
            }
        }
        let answer = client.call(sent).await.map_err(|no| match no {
            NoAnswer::NotSent(why) => NotForwarded::Unreachable(why),
            NoAnswer::Lost(why) => NotForwarded::Lost(why),
        })?;
        let mut response = Response::new(Body::from(answer.body));
        *response.status_mut() = answer.status;
        *response.headers_mut() = answer.headers;
        api::without_connection(response.headers_mut());
        Ok(response)
    }
}

/// Where nodes send commands of sagas.
const SUBMIT: &str = "/internal/submit";
/// Nodes that are tried: the owner as this node knows it, and as that one does.
const HOPS_MAX: usize = 2;
/// Most bytes of another node's answer: the names of a frame's events are far below.
const ANSWER_BYTES_MAX: usize = 4 << 20;

/// Commands of the sagas of this node: here, or at the node that serves the lane.
struct Submitting {
    here: Commands,
    peers: Arc<Peers>,
}

#[async_trait]
impl Submitter for Submitting {
    async fn submit(&self, submit: Submit) -> Answer {
        match self.here.submit(submit).await {
            Answer::Elsewhere { url } => Answer::Unavailable {
                why: format!("its lane is served by {url}; nothing happened"),
            },
            answer => answer,
        }
    }

    async fn submit_to(&self, submit: Submit, wire: Wire) -> Answer {
        let sent = Bytes::from(write_command(&submit, &wire));
        let mut answer = self.here.submit(submit).await;
        for _ in 0..HOPS_MAX {
            let Answer::Elsewhere { url } = answer else { return answer };
            answer = self.peers.submit(&url, sent.clone()).await;
        }
        match answer {
            Answer::Elsewhere { .. } => Answer::Unavailable {
                why: "the lane changes its owner; nothing happened".to_owned(),
            },
            answer => answer,
        }
    }
}

impl Peers {
    async fn submit(&self, url: &str, body: Bytes) -> Answer {
        let (path, headers) = (SUBMIT.to_owned(), HeaderMap::new());
        let request = Forwarded { method: Method::POST, path, headers, body };
        let answer = match self.forward(url, request).await {
            Ok(answer) => answer,
            Err(NotForwarded::Unreachable(why)) => return Answer::Unavailable { why },
            Err(NotForwarded::Lost(why)) => return Answer::Unknown { why },
        };
        let status = answer.status();
        let told = axum::body::to_bytes(answer.into_body(), ANSWER_BYTES_MAX).await.ok();
        match told.filter(|_| status.is_success()).and_then(|told| read_answer(&told)) {
            Some(answer) => answer,
            None if status.is_client_error() || status == StatusCode::SERVICE_UNAVAILABLE => {
                Answer::Unavailable { why: format!("{url} answered {status}") }
            }
            None => Answer::Unknown { why: format!("{url} answered {status}") },
        }
    }
}

/// What other nodes ask of this one, behind the cluster's secret.
fn routes(edge: &Edge, here: Commands, desk: Desk) -> Router {
    let take = move |body: Bytes| {
        let (here, desk) = (here.clone(), desk.clone());
        async move {
            desk.receive(&body, &here).await.map_err(|why| {
                tracing::warn!(why, "another node sent what is no command");
                (StatusCode::BAD_REQUEST, why)
            })
        }
    };
    edge.guard("/internal", Access::Node, Router::new().route(SUBMIT, post(take)))
}
