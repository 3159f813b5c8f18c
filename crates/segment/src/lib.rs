//! The segment store: durable appends by group commit.
