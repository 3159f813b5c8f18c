//! Who carries the asks of which saga. Not the carriers, which are the providers'.

use std::collections::BTreeMap;
use std::sync::Arc;

use domain::saga::Saga;
use ports::Carrier;

use crate::run::any::{AnySaga, Shared};

/// A carrier for each saga type that runs.
#[derive(Clone, Default)]
pub struct Carriers(pub(crate) BTreeMap<&'static str, Arc<dyn AnySaga>>);

impl std::fmt::Debug for Carriers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl Carriers {
    /// The asks of this saga are carried by this carrier.
    #[must_use]
    pub fn with<S: Saga>(mut self, carrier: Arc<dyn Carrier<S>>) -> Self {
        self.0.insert(S::CATEGORY, Arc::new(Shared::<S>::new(carrier)));
        self
    }
}
