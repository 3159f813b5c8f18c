//! Where the API may listen. Not the listening.

use std::net::SocketAddr;

use super::Authenticator;

/// The address is open to others and nobody would have to say who he is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "RC0470: binding to {addr} is refused, because it is not a loopback address and no tokens are \
     configured; listen on 127.0.0.1, or configure a token file"
)]
pub struct MayNotBind {
    addr: SocketAddr,
}

/// Whether the API may listen there: anywhere with tokens, on loopback without.
pub fn may_bind(addr: SocketAddr, auth: &Authenticator) -> Result<(), MayNotBind> {
    let loopback = addr.ip().to_canonical().is_loopback();
    match auth {
        Authenticator::LocalOwner if !loopback => Err(MayNotBind { addr }),
        Authenticator::LocalOwner | Authenticator::Tokens(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_tokens_only_loopback_is_bound() {
        for fine in ["127.0.0.1:8080", "127.8.0.1:1", "[::1]:8080", "[::ffff:127.0.0.1]:1"] {
            assert_eq!(
                may_bind(fine.parse().unwrap(), &Authenticator::LocalOwner),
                Ok(()),
                "{fine}"
            );
        }
        for open in ["0.0.0.0:8080", "192.168.1.7:80", "[::]:8080", "[2001:db8::1]:80"] {
            let refused = may_bind(open.parse().unwrap(), &Authenticator::LocalOwner).unwrap_err();
            assert!(refused.to_string().starts_with(&format!("RC0470: binding to {open} ")));
        }
    }
}
