//! Wakes those who follow the log as a whole.

use log::Log;
use tokio::sync::watch;

/// A counter that moves whenever lanes have grown.
#[derive(Debug, Clone)]
pub(crate) struct Growth(watch::Receiver<u64>);

impl Growth {
    /// Hooks into a log.
    pub(crate) fn of(log: &dyn Log) -> Self {
        let (grown, growth) = watch::channel(0);
        log.on_growth(Box::new(move |_| grown.send_modify(|count| *count += 1)));
        Self(growth)
    }

    /// Follows all lanes.
    pub(crate) fn any(&self) -> watch::Receiver<u64> {
        self.0.clone()
    }
}
