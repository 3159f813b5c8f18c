//! The product as it is registered: its contexts, read models and sagas. The program's own registration
//! is in the binary, which no one can depend on; a context that is missing here is not simulated.

use std::sync::Arc;

use codec::Schemas;
use domain::saga::Sagas;
use domain::{Context, Projections};
use lane::Deciders;
use log::{Topic, Topics};
use notifications_sagas::deliver_notification::DeliverNotification;
use orchestrator::Types;
use orchestrator::run::Carriers;
use ports::Ports;
use projector::Registry;
use social_sagas::publish_post::PublishPost;
use uuid::Uuid;

use crate::targets::{Port, Targets};

const NAMES: [&str; 4] = [
    content::Content::NAME,
    social::Social::NAME,
    billing::Billing::NAME,
    notifications::Notifications::NAME,
];

/// Where posts are published in the world.
pub(crate) const PLATFORMS: [domain::Platform; 3] =
    [domain::Platform::Bluesky, domain::Platform::Mastodon, domain::Platform::Sandbox];

pub(crate) fn topics(log: u128, lanes: u16) -> Topics {
    let both = |name: &&str| [format!("{name}.events"), orchestrator::topic(name)];
    let topic = |name| Topic { name, lanes };
    Topics::new(Uuid::from_u128(log), NAMES.iter().flat_map(both).map(topic).collect())
}

/// # Panics
/// When the schemas of the product do not fit together.
pub(crate) fn schemas() -> Arc<Schemas> {
    let of_sagas: Vec<String> = NAMES.iter().map(|name| orchestrator::topic(name)).collect();
    let of_sagas: Vec<&str> = of_sagas.iter().map(String::as_str).collect();
    let builder = Schemas::builder()
        .register::<content::Content>()
        .register::<social::Social>()
        .register::<billing::Billing>()
        .register::<notifications::Notifications>()
        .shared("saga", &of_sagas, orchestrator::SCHEMAS);
    Arc::new(builder.build().expect("the product starts with these schemas"))
}

pub(crate) fn types() -> Types {
    let mut types = Types::default();
    types.saga::<PublishPost>();
    types.saga::<DeliverNotification>();
    types
}

pub(crate) fn deciders(schemas: &Arc<Schemas>) -> Deciders {
    let mut deciders = Deciders::new(Arc::clone(schemas));
    deciders.add::<content::Content>();
    deciders.add::<social::Social>();
    deciders.add::<billing::Billing>();
    deciders.add::<notifications::Notifications>();
    types().handlers(&mut deciders);
    deciders
}

pub(crate) fn read_models(to: &mut impl Projections) {
    content_projections::all(to);
    social_projections::all(to);
    billing_projections::all(to);
    notifications_projections::all(to);
    to.projection::<orchestrator::SagaRow>();
}

pub(crate) fn registry(schemas: &Arc<Schemas>) -> Registry<Schemas> {
    let mut registry = Registry::new(Arc::clone(schemas));
    read_models(&mut registry);
    registry
}

/// The targets as a node reaches them.
pub(crate) fn carriers(targets: &Arc<Targets>, node: usize) -> Carriers {
    let port = || Arc::new(Port { targets: Arc::clone(targets), node });
    let ports = Ports::none().payments(port()).mail(port());
    let ports = PLATFORMS.into_iter().fold(ports, |ports, on| ports.publishing(on, port()));
    let ports = Arc::new(ports);
    let carriers = Carriers::default().with::<PublishPost>(Arc::clone(&ports) as _);
    carriers.with::<DeliverNotification>(ports)
}
