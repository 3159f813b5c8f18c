//! The one registration: a line here takes a context in, with its routes, OpenAPI entries, schemas,
//! projections and console pages.

use domain::saga::Sagas;
use domain::{Context, Projections};
use notifications_sagas::deliver_notification::DeliverNotification;
use social_sagas::publish_post::PublishPost;

/// Visits the registered contexts.
pub(crate) trait Contexts {
    /// Takes in a context and what registers its read models.
    fn context<C: Context>(&mut self);
}

/// Every context of the product.
pub(crate) fn all(to: &mut impl Contexts) {
    to.context::<content::Content>();
    to.context::<social::Social>();
    to.context::<billing::Billing>();
    to.context::<notifications::Notifications>();
}

/// Every read model of the product.
pub(crate) fn read_models(to: &mut impl Projections) {
    content_projections::all(to);
    social_projections::all(to);
    billing_projections::all(to);
    notifications_projections::all(to);
    to.projection::<orchestrator::SagaRow>();
}

/// Every saga of the product; who carries its asks is said in `product/sagas.rs`.
pub(crate) fn sagas(to: &mut impl Sagas) {
    to.saga::<PublishPost>();
    to.saga::<DeliverNotification>();
}
