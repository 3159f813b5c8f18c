//! A hash chain of 64 bits (FNV-1a): cheap to compare, and its inputs here are far too few to collide.

use log::Chain;

/// FNV-1a over the head before and the bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct CheapChain;

impl Chain for CheapChain {
    type Head = u64;

    fn extend(head: &u64, bytes: &[u8]) -> u64 {
        head.to_le_bytes().iter().chain(bytes).fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
            (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
        })
    }
}
