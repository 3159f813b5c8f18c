//! Who asks: the local owner, bearers of tokens, other nodes. Not what a principal may do to a
//! thing, which finer policies say later; here only roles open and close routes.

mod bind;
pub(crate) mod cluster;
mod gate;
mod tokens;

use std::path::Path;

use domain::Role;
use sha2::{Digest, Sha256};

pub use bind::{MayNotBind, may_bind};
pub use cluster::{ClusterSecret, SECRET as CLUSTER_SECRET};
pub(crate) use gate::Gate;
pub use tokens::{TokenFile, TokenFileError};

/// How callers are known.
#[derive(Debug)]
pub enum Authenticator {
    /// Everybody who reaches the socket is the owner; for loopback only, see [`may_bind`].
    LocalOwner,
    /// Bearer tokens from a file of their hashes.
    Tokens(TokenFile),
}

impl Authenticator {
    /// Reads a token file; see [`TokenFile`] for its form.
    pub fn from_file(path: &Path) -> Result<Self, TokenFileError> {
        TokenFile::open(path).map(Self::Tokens)
    }
}

/// Which roles a route is open to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Everybody: health of the process, this documentation.
    Open,
    /// Everybody who is known.
    Known,
    /// Who changes things.
    Command,
    /// Who reads.
    Read,
    /// Who runs the installation.
    Operate,
    /// Other nodes of the installation.
    Node,
}

impl Access {
    /// The roles that pass; an owner always does.
    pub(crate) const fn roles(self) -> &'static [Role] {
        match self {
            Self::Open | Self::Known => &[],
            Self::Command => &[Role::Member],
            Self::Read => &[Role::Member, Role::Viewer, Role::Operator, Role::Auditor],
            Self::Operate => &[Role::Operator],
            Self::Node => &[Role::Node],
        }
    }
}

/// SHA-256.
pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

/// Whether two hashes are equal, in a time that does not tell where they differ.
pub(crate) fn same(a: &[u8; 32], b: &[u8; 32]) -> bool {
    let differ = a.iter().zip(b).fold(0, |acc, (x, y)| acc | (x ^ y));
    std::hint::black_box(differ) == 0
}
