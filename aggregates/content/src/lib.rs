//! Rules of the content context: posts. Not their publication, which is the social context's.
//!
//! Reading order: [`post`], then the schemas of its events in `schemas/content/`.

pub mod post;

use domain::context::Aggregates;

/// The content context, as it is registered.
#[derive(Debug, Clone, Copy)]
pub struct Content;

impl domain::Context for Content {
    const NAME: &'static str = "content";
    const SCHEMAS: &'static [&'static str] = &[
        include_str!("../../../schemas/content/content.post.drafted.v1.avsc"),
        include_str!("../../../schemas/content/content.post.edited.v1.avsc"),
        include_str!("../../../schemas/content/content.post.scheduled.v1.avsc"),
        include_str!("../../../schemas/content/content.post.scheduled.v1.2.avsc"),
        include_str!("../../../schemas/content/content.post.unscheduled.v1.avsc"),
        include_str!("../../../schemas/content/content.post.unscheduled.v1.2.avsc"),
        include_str!("../../../schemas/content/content.post.withdrawn.v1.avsc"),
        include_str!("../../../schemas/content/content.post.withdrawn.v1.2.avsc"),
        include_str!("../../../schemas/content/content.post.publishing_started.v1.avsc"),
        include_str!("../../../schemas/content/content.post.publishing_stopped.v1.avsc"),
        include_str!("../../../schemas/content/content.post.published.v1.avsc"),
    ];

    fn aggregates(to: &mut impl Aggregates) {
        to.aggregate::<post::Post>();
    }
}

#[cfg(test)]
mod tests {
    testkit::context_laws!(super::Content);
}
