//! The sagas of the product: their types, their schemas' home, and what runs them. Not the providers
//! behind the ports.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use domain::Context;
use lane::Deciders;
use log::Log;
use notifications_sagas::deliver_notification::DeliverNotification;
use orchestrator::Types;
use orchestrator::run::{Carriers, Options, Running};
use ports::Ports;
use social_sagas::publish_post::PublishPost;

use super::cluster::Place;
use crate::contexts::{self, Contexts};

/// How long calls of providers may take to end when the product stops: what is not answered by then is
/// probed by the next start.
const GRACE: Duration = Duration::from_secs(10);

/// Every saga type.
pub(crate) fn types() -> Types {
    let mut types = Types::default();
    contexts::sagas(&mut types);
    types
}

/// The topics of running work of all registered contexts.
pub(crate) fn topics() -> Vec<String> {
    struct Register(Vec<String>);
    impl Contexts for Register {
        fn context<C: Context>(&mut self) {
            self.0.push(orchestrator::topic(C::NAME));
        }
    }
    let mut register = Register(Vec::new());
    contexts::all(&mut register);
    register.0
}

/// Registers the plans, then runs the sagas.
pub(crate) async fn start(
    log: &Arc<dyn Log>,
    deciders: &Deciders,
    place: &Place,
    ports: &Arc<Ports>,
) -> Result<Running> {
    let options = Options {
        log: Arc::clone(log),
        deciders: deciders.clone(),
        submitter: Arc::clone(&place.submitter),
        types: types(),
        carriers: carriers(ports),
        holding: place.holding.clone(),
        grace: GRACE,
    };
    orchestrator::run::start(options).await.context("RC0107: sagas cannot be started")
}

/// The ports carry the asks of every saga.
fn carriers(ports: &Arc<Ports>) -> Carriers {
    let carriers = Carriers::default().with::<PublishPost>(Arc::clone(ports) as _);
    carriers.with::<DeliverNotification>(Arc::clone(ports) as _)
}
