//! Rules of the content context: posts.
