//! How the parts of the product do, for `/health` and `doctor`.

use std::sync::Arc;

use api::{Condition, HealthPort, Part};
use log::Log;
use projector::ProjectionState;
use serde_json::json;

use super::reads::LateReads;

/// Looks at log and read side.
#[derive(Clone)]
pub(crate) struct Health {
    pub(crate) log: Arc<dyn Log>,
    pub(crate) reads: LateReads,
}

/// A projection that is further behind than this is worth a look, in milliseconds.
const LAG_WARN_MS: u64 = 10_000;

impl HealthPort for Health {
    fn ready(&self) -> Result<(), String> {
        self.log.failed().map_or(Ok(()), Err)
    }

    fn parts(&self) -> Vec<Part> {
        let failed = self.log.failed();
        let mut parts = vec![Part {
            name: "log".to_owned(),
            condition: if failed.is_some() { Condition::Fail } else { Condition::Ok },
            says: failed.unwrap_or_else(|| "takes records".to_owned()),
            figures: json!({ "lanes": self.log.topics().lanes().count() }),
        }];
        parts.push(match self.reads.get() {
            Ok(_) => part("read database", Condition::Ok, "there".to_owned()),
            Err(why) => part("read database", Condition::Warn, why.to_string()),
        });
        for status in projector::ReadStore::status(&self.reads) {
            let lag_ms = status.lanes.iter().map(|lane| lane.ms).max().unwrap_or_default();
            let events: u64 = status.lanes.iter().map(|lane| lane.events).sum();
            let (condition, says) = match &status.state {
                ProjectionState::Waiting { why } => (Condition::Warn, why.clone()),
                state if !status.parked.is_empty() => {
                    (Condition::Warn, format!("{state:?}, {} streams parked", status.parked.len()))
                }
                state if lag_ms > LAG_WARN_MS => {
                    (Condition::Warn, format!("{state:?}, {lag_ms} ms behind"))
                }
                state => (Condition::Ok, format!("{state:?}")),
            };
            let figures =
                json!({ "lag_ms": lag_ms, "lag_events": events, "revision": status.revision });
            parts.push(Part {
                name: format!("projection {}", status.name),
                condition,
                says,
                figures,
            });
        }
        parts
    }
}

fn part(name: &str, condition: Condition, says: String) -> Part {
    Part { name: name.to_owned(), condition, says, figures: json!({}) }
}
