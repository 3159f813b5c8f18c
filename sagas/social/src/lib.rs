//! Sagas of the social context: publishing a post. Not the calls themselves, which are the ports',
//! and not their order in time, which the orchestrator keeps.
//!
//! Reading order: [`publish_post`], its plan, what its steps ask.

pub mod publish_post;
