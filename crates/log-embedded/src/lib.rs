//! The embedded log: the Log trait over the segment store.
