//! No code: a list of features, in `Cargo.toml`.
//!
//! Cargo builds a library anew for each set of features, and everything above it too. Which set it takes
//! depends on the packages that are named: the product alone, the tests of every crate, the tests of the
//! binary. The product and the tests of the binary depend on this, so that all three take the same.
