//! TLS of outgoing calls: the authorities that the operating system trusts, and `ring` as provider
//! (`docs/decisions/0006-tls-of-providers.md`). Not for listening.

use std::sync::Arc;

use rustls::{ClientConfig, RootCertStore};

/// The settings of every connection of a client; the authorities, whose reading takes milliseconds, only
/// for one that asks for TLS. A system without any is not refused here: a handshake will say what is missing.
pub(crate) fn settings(asked_for: bool) -> ClientConfig {
    let mut authorities = RootCertStore::empty();
    if asked_for {
        authorities.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("ring has the ciphers of the default protocol versions")
        .with_root_certificates(authorities)
        .with_no_client_auth()
}
