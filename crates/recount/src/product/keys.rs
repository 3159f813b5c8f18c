//! The keyring, as the API uses it.

use std::sync::Arc;

use domain::Sealer;
use keyring::Keyring;

/// Keys of the installation.
#[derive(Clone)]
pub(crate) struct Keys(pub(crate) Arc<Keyring>);

impl api::Keys for Keys {
    fn mac(&self, purpose: &'static str, parts: &[&[u8]]) -> [u8; 32] {
        self.0.mac(purpose, parts)
    }

    fn sealer(&self) -> &dyn Sealer {
        &*self.0
    }
}
