//! Whether something that was begun is still wanted. Not a way to stop it: what is under way at a
//! target goes on.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Shared between who wants something and who does it.
#[derive(Debug, Clone)]
pub(crate) struct Wanted(Arc<AtomicBool>);

impl Default for Wanted {
    fn default() -> Self {
        Self(Arc::new(AtomicBool::new(true)))
    }
}

impl Wanted {
    pub(crate) fn drop_it(&self) {
        self.0.store(false, Ordering::Release);
    }

    pub(crate) fn still(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}
