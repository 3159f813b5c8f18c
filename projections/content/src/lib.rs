//! Read models of the content context.
