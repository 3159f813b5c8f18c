//! Values that wipe themselves and never print. Not a place to keep them: hold them shortly.

use std::fmt;

use zeroize::Zeroizing;

/// An opened value: wiped when dropped, and silent in `Debug`.
pub struct Secret(Zeroizing<Vec<u8>>);

impl Secret {
    pub(crate) fn new(plain: Vec<u8>) -> Self {
        Self(Zeroizing::new(plain))
    }

    /// The value itself; do not copy it anywhere that outlives its use.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    /// The value as text; `None` when it is not UTF-8.
    pub fn expose_str(&self) -> Option<&str> {
        std::str::from_utf8(&self.0).ok()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

/// A key of 256 bits.
#[derive(Clone)]
pub(crate) struct Key(pub(crate) Zeroizing<[u8; 32]>);

impl Key {
    /// From the operating system's generator.
    pub(crate) fn random() -> Result<Self, getrandom::Error> {
        let mut key = Zeroizing::new([0; 32]);
        getrandom::fill(&mut *key)?;
        Ok(Self(key))
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key")
    }
}
