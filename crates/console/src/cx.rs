//! What a handler knows about a request, and how a page or a problem becomes an answer. Not the
//! drawing of the frame.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};

use axum::extract::{FromRequestParts, OriginalUri};
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use domain::{ActorId, Principal, Role, TenantId, Timestamp};
use maud::{Markup, html};

use orchestrator::filter::{Filter, Group};

use crate::backend::{Backend, BackendError};
use crate::frame::{self, Section};
use crate::prefs::Prefs;
use crate::sampler::{self, Sampler};
use crate::system::{Installation, Projection};

/// The filter of sagas that cannot go on without a human; one that is held is held on purpose.
pub(crate) const NEED_A_HUMAN: &str = "state:parked -state:held";

/// What all requests share.
pub(crate) struct Shell {
    pub(crate) backend: Arc<dyn Backend>,
    pub(crate) sampler: Sampler,
    watching: AtomicBool,
}

impl Shell {
    pub(crate) fn new(backend: Arc<dyn Backend>) -> Arc<Self> {
        Arc::new(Self { backend, sampler: Sampler::default(), watching: AtomicBool::new(false) })
    }

    /// Starts to sample with the first request, because only then a runtime is sure to be there;
    /// stops with the router.
    fn watch(self: &Arc<Self>) {
        if self.watching.swap(true, Ordering::Relaxed) {
            return;
        }
        let weak: Weak<Self> = Arc::downgrade(self);
        tokio::spawn(async move {
            let who = Principal {
                tenant: TenantId::from_static("local"),
                actor: ActorId::from_static("console"),
                roles: vec![Role::Operator],
            };
            while let Some(shell) = weak.upgrade() {
                if let Ok(projections) = shell.backend.projections(&who).await {
                    shell.sampler.add(shell.backend.now(), &projections);
                }
                drop(shell);
                tokio::time::sleep(sampler::EVERY).await;
            }
        });
    }
}

/// One request.
pub(crate) struct Cx {
    pub(crate) shell: Arc<Shell>,
    pub(crate) who: Principal,
    pub(crate) prefs: Prefs,
    pub(crate) now: Timestamp,
    /// Path and query as the browser has them.
    pub(crate) here: String,
}

impl FromRequestParts<Arc<Shell>> for Cx {
    type Rejection = Response;

    async fn from_request_parts(
        parts: &mut Parts,
        shell: &Arc<Shell>,
    ) -> Result<Self, Self::Rejection> {
        shell.watch();
        let Some(who) = parts.extensions.get::<Principal>().cloned() else {
            let why = "nobody said who asks: authentication is not in front of the console\n";
            return Err((StatusCode::UNAUTHORIZED, why).into_response());
        };
        let uri = parts.extensions.get::<OriginalUri>().map_or(&parts.uri, |original| &original.0);
        let here = uri.path_and_query().map_or("/console", |full| full.as_str()).to_owned();
        let prefs = Prefs::read(&parts.headers);
        Ok(Self { shell: Arc::clone(shell), who, prefs, now: shell.backend.now(), here })
    }
}

/// What a page has to say; the frame does the rest.
pub(crate) struct Page {
    /// Of the window and the history: most specific word first.
    pub(crate) title: String,
    pub(crate) section: Section,
    /// Above the sentence: heading, as-of line.
    pub(crate) head: Markup,
    /// The one sentence that answers "how is it?".
    pub(crate) lede: Markup,
    pub(crate) body: Markup,
    /// Query of the page's one event stream; `None` when nothing on it moves.
    pub(crate) live: Option<String>,
    /// Seconds after which a browser without script asks again.
    pub(crate) refresh_s: Option<u32>,
    pub(crate) status: StatusCode,
}

/// Why there is no page: a status and a sentence for people.
pub(crate) struct Problem {
    status: StatusCode,
    title: &'static str,
    says: String,
}

impl Problem {
    pub(crate) fn not_found(says: impl Into<String>) -> Self {
        Self { status: StatusCode::NOT_FOUND, title: "Not here", says: says.into() }
    }

    pub(crate) fn bad(says: impl Into<String>) -> Self {
        Self { status: StatusCode::BAD_REQUEST, title: "Not understood", says: says.into() }
    }

    pub(crate) fn forbidden(says: impl Into<String>) -> Self {
        Self { status: StatusCode::FORBIDDEN, title: "Not allowed", says: says.into() }
    }
}

impl From<BackendError> for Problem {
    fn from(error: BackendError) -> Self {
        let (status, title) = match error {
            BackendError::Refused(_) => (StatusCode::CONFLICT, "Refused"),
            BackendError::Unavailable(_) => (StatusCode::SERVICE_UNAVAILABLE, "Not available now"),
        };
        Self { status, title, says: error.to_string() }
    }
}

impl Cx {
    pub(crate) fn backend(&self) -> &dyn Backend {
        &*self.shell.backend
    }

    /// The answer to a request: the page in its frame, or the problem in the same frame.
    pub(crate) async fn answer(&self, page: Result<Page, Problem>) -> Response {
        let page = page.unwrap_or_else(|problem| self.problem(&problem));
        let status = page.status;
        let (installation, projections, needs_human) = self.around().await;
        let body = frame::draw(self, &page, &installation, &projections, needs_human).into_string();
        let mut response = (status, axum::response::Html(body)).into_response();
        response.headers_mut().insert(header::VARY, HeaderValue::from_static("Cookie"));
        response
    }

    /// What the frame shows; the frame stands even when the product does not answer.
    async fn around(&self) -> (Installation, Vec<Projection>, u64) {
        let installation = self.backend().installation(&self.who).await.unwrap_or_default();
        let projections = self.backend().projections(&self.who).await.unwrap_or_default();
        (installation, projections, self.need_a_human().await.unwrap_or(0))
    }

    /// How many sagas wait for a human.
    async fn need_a_human(&self) -> Option<u64> {
        let filter = Filter::parse(NEED_A_HUMAN).ok()?;
        let counts = self.backend().desk()?.counts(&self.who, &filter, Group::State).await;
        Some(counts.ok()?.iter().map(|(_, count)| count).sum())
    }

    fn problem(&self, problem: &Problem) -> Page {
        let known = self.here.split(['?', '#']).next().unwrap_or_default();
        Page {
            title: problem.title.to_owned(),
            section: Section::of_path(known),
            head: html! { h1 { (problem.title) } },
            lede: html! { b { (problem.says) } },
            body: html! { p { a href="/console" { "To the overview" } } },
            live: None,
            refresh_s: None,
            status: problem.status,
        }
    }
}
