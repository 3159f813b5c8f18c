//! Building the edge: contexts and projections come in, a router goes out. Not the listening.

use std::future::Future;
use std::sync::{Arc, LazyLock, OnceLock};

use axum::Router;
use axum::extract::Request;
use axum::http::Method;
use axum::routing::{MethodFilter, on};
use domain::{Context, EventSet, Projection, Projections};

use crate::asked::Asked;
use crate::auth::Access;
use crate::codes;
use crate::command::{CommandRoute, Commands, batch};
use crate::measure::Latencies;
use crate::operation::Operation;
use crate::parts::{Drain, Options, Parts, Shared};
use crate::problem::{Answered, Problem};
use crate::query::Queries;
use crate::sagas::SagaDesk;
use crate::serve::{Mounted, serve};
use crate::{docs, health, history, openapi, registry, sagas};

/// Takes contexts and projections in and gives the router.
pub struct Builder {
    mounts: Mounts,
    /// Mounted last: the views of projections tell where a new aggregate is found.
    contexts: Vec<fn(&mut Mounts)>,
}

impl std::fmt::Debug for Builder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Builder")
            .field("operations", &self.mounts.operations.len())
            .finish_non_exhaustive()
    }
}

/// The edge, ready to be served.
#[derive(Debug)]
pub struct Edge {
    /// API, registry, documents and health; metrics too, unless they are served apart.
    pub router: Router,
    /// Metrics and health for an admin address.
    pub admin: Router,
    /// Ends the service in good order.
    pub drain: Drain,
    /// Every route, as `POST /api/content/posts`.
    pub routes: Vec<String>,
    guard: Guard,
}

/// Puts other routes, the console's, behind the same gate and limits.
#[derive(Clone)]
pub struct Guard(Arc<Shared>);

impl std::fmt::Debug for Guard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Guard")
    }
}

impl Builder {
    /// Begins with what the rest of the program offers.
    pub fn new(parts: Parts) -> Self {
        let shared = Arc::new(Shared::new(parts));
        let mounts = Mounts {
            shared,
            router: Router::new(),
            operations: vec![],
            listed: Arc::default(),
            routes: vec![],
            places: vec![],
            commands: vec![],
        };
        Self { mounts, contexts: Vec::new() }
    }

    /// Takes the queries of read models in, as `content_projections::all` registers them.
    #[must_use]
    pub fn projections(mut self, register: impl FnOnce(&mut Registrar<'_>)) -> Self {
        register(&mut Registrar(&mut self.mounts));
        self
    }

    /// Takes the sagas in; their lists come from the read model `sagas`.
    #[must_use]
    pub fn sagas(mut self, desk: &Arc<dyn SagaDesk>) -> Self {
        sagas::mount(&mut self.mounts, desk);
        self
    }

    /// Takes the commands of a context in.
    #[must_use]
    pub fn context<C: Context>(mut self) -> Self {
        self.contexts.push(|mounts| C::aggregates(&mut Commands { mounts, context: C::NAME }));
        self
    }

    /// The edge.
    pub fn build(self) -> Edge {
        let mut mounts = self.mounts;
        for context in self.contexts {
            context(&mut mounts);
        }
        batch::mount(&mut mounts);
        history::mount(&mut mounts);
        registry::mount(&mut mounts);
        health::mount(&mut mounts);
        if mounts.shared.options.metrics_here {
            health::mount_metrics(&mut mounts);
        }
        docs::mount(&mut mounts);
        openapi::mount(&mut mounts);
        let shared = Arc::clone(&mounts.shared);
        let mut apart = Mounts {
            router: Router::new(),
            operations: vec![],
            listed: Arc::default(),
            routes: vec![],
            places: vec![],
            commands: vec![],
            shared,
        };
        health::mount(&mut apart);
        health::mount_metrics(&mut apart);
        let drain = Drain(Arc::clone(&mounts.shared));
        let guard = Guard(Arc::clone(&mounts.shared));
        let routes = std::mem::take(&mut mounts.routes);
        Edge { router: mounts.finish(), admin: apart.finish(), drain, routes, guard }
    }
}

/// Visits projections.
#[derive(Debug)]
pub struct Registrar<'a>(&'a mut Mounts);

impl Projections for Registrar<'_> {
    fn projection<P: Projection>(&mut self) {
        Queries { mounts: self.0 }.projection::<P>();
    }
}

impl Edge {
    /// Puts other routes behind the same gate and limits; their handlers find the
    /// [`domain::Principal`] in the request's extensions. `name` is their label in the metrics.
    pub fn guard(&self, name: &str, access: Access, routes: Router) -> Router {
        let mounted = Arc::new(Mounted {
            path: name.to_owned(),
            access,
            always: false,
            latencies: Latencies::default(),
        });
        let shared = Arc::clone(&self.guard.0);
        routes.layer(axum::middleware::from_fn(
            move |request: Request, next: axum::middleware::Next| {
                let (shared, mounted) = (Arc::clone(&shared), Arc::clone(&mounted));
                serve(shared, mounted, request, |_, asked: Asked, mut request| async move {
                    request.extensions_mut().insert(asked.principal.as_ref().clone());
                    Ok(next.run(request).await)
                })
            },
        ))
    }
}

/// Made when somebody asks for it first.
pub(crate) type Later<T> = Arc<LazyLock<T, Box<dyn FnOnce() -> T + Send>>>;

/// Routes and what is known about them.
pub(crate) struct Mounts {
    pub(crate) shared: Arc<Shared>,
    router: Router,
    pub(crate) operations: Vec<Operation>,
    /// The same when everything is mounted, for [`Self::later`].
    listed: Arc<OnceLock<Vec<Operation>>>,
    /// All of them, those without a word in the document too.
    routes: Vec<String>,
    /// Where rows of a projection are read one by one: context, event types, path.
    places: Vec<(&'static str, &'static [&'static str], String)>,
    /// Those that take a command of a context.
    pub(crate) commands: Vec<Arc<CommandRoute>>,
}

impl std::fmt::Debug for Mounts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Mounts").field("operations", &self.operations.len()).finish_non_exhaustive()
    }
}

impl Mounts {
    /// Mounts a route; `/api/...` also as `/api/v1/...`.
    pub(crate) fn mount<H, Fut>(&mut self, operation: Operation, handler: H)
    where
        H: Fn(Arc<Shared>, Asked, Request) -> Fut + Clone + Send + Sync + 'static,
        Fut: Future<Output = Answered> + Send + 'static,
    {
        self.quietly(&operation, false, handler);
        self.operations.push(operation);
    }

    /// Mounts a route that is answered while the edge is full or draining.
    pub(crate) fn always<H, Fut>(&mut self, operation: Operation, handler: H)
    where
        H: Fn(Arc<Shared>, Asked, Request) -> Fut + Clone + Send + Sync + 'static,
        Fut: Future<Output = Answered> + Send + 'static,
    {
        self.quietly(&operation, true, handler);
        self.operations.push(operation);
    }

    /// Mounts a route without a word in the document.
    pub(crate) fn quietly<H, Fut>(&mut self, operation: &Operation, always: bool, handler: H)
    where
        H: Fn(Arc<Shared>, Asked, Request) -> Fut + Clone + Send + Sync + 'static,
        Fut: Future<Output = Answered> + Send + 'static,
    {
        let path = operation.path.clone();
        self.routes.push(format!("{} {path}", operation.method));
        let (access, latencies) = (operation.access, Latencies::default());
        let mounted = Arc::new(Mounted { path: path.clone(), access, always, latencies });
        let shared = Arc::clone(&self.shared);
        let method = on(filter(&operation.method), move |request: Request| {
            serve(Arc::clone(&shared), Arc::clone(&mounted), request, handler.clone())
        });
        let mut router = std::mem::take(&mut self.router);
        if let Some(rest) = path.strip_prefix("/api/") {
            router = router.route(&format!("/api/v1/{rest}"), method.clone());
        }
        self.router = router.route(&path, method);
    }

    /// What is made of all operations when somebody asks for it first: a start does not wait for it.
    pub(crate) fn later<T>(
        &self,
        make: impl FnOnce(&[Operation], &Options) -> T + Send + 'static,
    ) -> Later<T> {
        let (listed, shared) = (Arc::clone(&self.listed), Arc::clone(&self.shared));
        let make = move || make(listed.get().map_or(&[], Vec::as_slice), &shared.options);
        Arc::new(LazyLock::new(Box::new(make)))
    }

    /// Remembers where rows of a projection are read.
    pub(crate) fn place(
        &mut self,
        context: &'static str,
        types: &'static [&'static str],
        path: String,
    ) {
        self.places.push((context, types, path));
    }

    /// Where an aggregate with these events is read: the first view of one row of its context that
    /// folds them.
    pub(crate) fn location(&self, context: &str, types: &[&str]) -> Option<String> {
        let reads = |of: &[&str]| types.iter().any(|ty| of.contains(ty));
        let found = self.places.iter().find(|(of, reading, _)| *of == context && reads(reading));
        found.map(|(_, _, path)| path.clone())
    }

    fn finish(self) -> Router {
        self.listed.set(self.operations).ok();
        let fallback = |answer: fn(&Request) -> Problem| {
            let shared = Arc::clone(&self.shared);
            let mounted = Arc::new(Mounted {
                path: String::new(),
                access: Access::Known,
                always: false,
                latencies: Latencies::default(),
            });
            move |request: Request| {
                let (shared, mounted) = (Arc::clone(&shared), Arc::clone(&mounted));
                serve(shared, mounted, request, move |_, _, request| async move {
                    Err(answer(&request))
                })
            }
        };
        let nowhere = fallback(|_| {
            let detail = "nothing is served under this path; /api/openapi.json lists what is";
            Problem::new(codes::NO_SUCH_ROUTE, detail)
        });
        let not_so = fallback(|request| {
            let detail = format!("this path does not take {}", request.method());
            Problem::new(codes::METHOD_NOT_ALLOWED, detail)
        });
        self.router.fallback(nowhere).method_not_allowed_fallback(not_so)
    }
}

fn filter(method: &Method) -> MethodFilter {
    match *method {
        Method::POST => MethodFilter::POST,
        Method::PUT => MethodFilter::PUT,
        Method::DELETE => MethodFilter::DELETE,
        _ => MethodFilter::GET,
    }
}

/// The context of a table, and the event types of a projection.
pub(crate) fn context_of<P: Projection>() -> (&'static str, &'static [&'static str]) {
    (P::TABLE.split('.').next().unwrap_or_default(), P::Event::TYPES)
}
