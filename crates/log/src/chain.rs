//! The hash chain of a lane; not the Merkle tree over it, which is the audit's.

use std::fmt::Debug;
use std::hash::Hash;

use sha2::{Digest, Sha256};

/// How heads follow each other. A parameter of the reader rule, so that the model checker can run
/// the production rule with a cheap hash.
pub trait Chain: Clone + Debug + PartialEq + Eq + Hash + Send + Sync + 'static {
    /// What a lane looks like after some valid records.
    type Head: Copy + Debug + PartialEq + Eq + Hash + Send + Sync + 'static;

    /// The head after `bytes`, the canonical bytes of a claim or of a whole frame.
    fn extend(head: &Self::Head, bytes: &[u8]) -> Self::Head;
}

/// The head of a lane: SHA-256 over the head before and the canonical bytes since.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Head(pub [u8; 32]);

impl Debug for Head {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl std::fmt::Display for Head {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        Debug::fmt(self, f)
    }
}

/// The chain of production: SHA-256 (FIPS 180-4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Sha256Chain;

impl Chain for Sha256Chain {
    type Head = Head;

    fn extend(head: &Head, bytes: &[u8]) -> Head {
        let mut hash = Sha256::new();
        hash.update(head.0);
        hash.update(bytes);
        Head(hash.finalize().into())
    }
}
