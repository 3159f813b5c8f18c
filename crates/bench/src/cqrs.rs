//! The peer that a Rust programmer would take instead: cqrs-es with its store in PostgreSQL, in this
//! process, the same aggregate and the same event. No idempotency keys: it has none.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use cqrs_es::event_sink::EventSink;
use cqrs_es::{Aggregate, DomainEvent};
use postgres_es::{PostgresCqrs, postgres_cqrs};
use serde::{Deserialize, Serialize};
use sqlx08::postgres::PgPoolOptions;
use tokio::runtime::Runtime;
use uuid::Uuid;

use crate::Failed;
use crate::load::{self, Answered, Call};
use crate::measure::Measured;
use crate::note;
use crate::pg::{CLIENTS_MAX, Pg};

/// The table of `postgres-es` (its `db/init.sql`), without its test data.
const TABLE: &str = "create table if not exists events (aggregate_type text not null, \
    aggregate_id text not null, sequence bigint check (sequence >= 0) not null, \
    event_type text not null, event_version text not null, payload json not null, \
    metadata json not null, primary key (aggregate_type, aggregate_id, sequence))";

/// Its name in the rows.
pub(crate) const NAME: &str = "cqrs-es 0.5.0 + PostgreSQL, pool of 64";

/// The note, as its library wants it.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Note {
    lines: u64,
    last: Option<Uuid>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Event {
    Written { author: Uuid, text: String },
}

impl DomainEvent for Event {
    fn event_type(&self) -> String {
        "written".to_owned()
    }

    fn event_version(&self) -> String {
        "1".to_owned()
    }
}

#[derive(Debug, thiserror::Error)]
#[error("a line is not empty")]
struct Refused;

impl Aggregate for Note {
    const TYPE: &'static str = "note";
    type Command = (Uuid, String);
    type Event = Event;
    type Error = Refused;
    type Services = ();

    async fn handle(
        &mut self,
        (author, text): (Uuid, String),
        (): &(),
        sink: &EventSink<Self>,
    ) -> Result<(), Refused> {
        if text.is_empty() {
            return Err(Refused);
        }
        sink.write(Event::Written { author, text }, self).await;
        Ok(())
    }

    fn apply(&mut self, event: Event) {
        let Event::Written { author, .. } = event;
        (self.lines, self.last) = (self.lines + 1, Some(author));
    }
}

/// The library over a server of its own.
pub(crate) struct Cqrs {
    asks: Arc<Asks>,
    pg: Pg,
}

struct Asks {
    cqrs: PostgresCqrs<Note>,
    aggregates: u64,
}

impl Cqrs {
    /// Over a private server on the device that is measured. A pool of 64: quicker than its default of 10.
    pub(crate) fn start(runtime: &Runtime, dir: &Path, aggregates: u64) -> Result<Self, Failed> {
        let pg = Pg::start(runtime, dir)?;
        pg.sql(&format!("drop table events; {TABLE}"))?;
        let connections = u32::try_from(CLIENTS_MAX).unwrap_or(64);
        let pool = PgPoolOptions::new().max_connections(connections);
        let pool = pool.acquire_timeout(Duration::from_mins(1));
        let pool = runtime.block_on(pool.connect(pg.url()));
        let pool = pool.map_err(|error| Failed(error.to_string()))?;
        let cqrs = postgres_cqrs::<Note>(pool, Vec::new(), ());
        Ok(Self { asks: Arc::new(Asks { cqrs, aggregates }), pg })
    }

    /// Callers that ask again when they are answered.
    pub(crate) fn run(
        &self,
        runtime: &Runtime,
        callers: u64,
        lasts: Duration,
    ) -> Result<Measured, Failed> {
        let run = load::closed(runtime, callers, lasts, &self.asks)?;
        // The server's processor time is not in it.
        Ok(Measured { cpu_s: None, ..run })
    }

    /// Ends the server.
    pub(crate) fn stop(self, runtime: &Runtime) {
        drop(self.asks);
        self.pg.stop(runtime);
    }
}

impl Call for Asks {
    async fn call(&self, number: u64) -> Result<Answered, String> {
        let id = format!("{:032x}", note::mix(number) % self.aggregates);
        let note::Event::Written { author, text } = note::event();
        // Two callers may meet at one aggregate: who loses asks again, as a caller would have to.
        loop {
            match self.cqrs.execute(&id, (author.0, text.clone())).await {
                Ok(()) => return Ok(Answered::Yes),
                Err(cqrs_es::AggregateError::AggregateConflict) => {}
                Err(error) => return Err(error.to_string()),
            }
        }
    }
}
