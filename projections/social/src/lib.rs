//! Read models of the social context.
