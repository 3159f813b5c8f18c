//! Rules of the social context: accounts and publications. Not the calls to platforms, which are a
//! port's.
//!
//! Reading order: [`account`], [`publication`], then the schemas of its events in `schemas/social/`.

pub mod account;
pub mod publication;

use domain::context::Aggregates;

/// The social context, as it is registered.
#[derive(Debug, Clone, Copy)]
pub struct Social;

impl domain::Context for Social {
    const NAME: &'static str = "social";
    const SCHEMAS: &'static [&'static str] = &[
        include_str!("../../../schemas/social/social.account.connected.v1.avsc"),
        include_str!("../../../schemas/social/social.account.reconnected.v1.avsc"),
        include_str!("../../../schemas/social/social.account.disconnected.v1.avsc"),
        include_str!("../../../schemas/social/social.publication.requested.v1.avsc"),
        include_str!("../../../schemas/social/social.publication.opened.v1.avsc"),
        include_str!("../../../schemas/social/social.publication.failed.v1.avsc"),
        include_str!("../../../schemas/social/social.publication.confirmed.v1.avsc"),
    ];

    fn aggregates(to: &mut impl Aggregates) {
        to.aggregate::<account::Account>();
        to.aggregate::<publication::Publication>();
    }
}

#[cfg(test)]
mod tests {
    testkit::context_laws!(super::Social);
}
