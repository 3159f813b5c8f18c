//! What the demo knows by calculation: the meaning of ids, the state of its read models.

use console::{Event, Found, Lag, Lookup, Parked, Projection, ProjectionState};
use domain::Timestamp;

use super::Demo;

/// How long the demo pretends to rebuild, in milliseconds.
const REBUILD_MS: i64 = 15_000;

impl Demo {
    /// What an id means.
    pub(super) fn meaning(&self, id: &Lookup) -> Vec<Found> {
        let inner = self.lock();
        let event = |event: &Event| Found::Event {
            id: event.head.meta.id,
            stream: event.head.meta.stream.clone(),
            version: event.head.meta.version,
            event_type: event.head.event_type.clone(),
        };
        let whole: Box<dyn Fn(&Event) -> bool + Send> = match id {
            Lookup::Stream(id) => {
                return inner
                    .streams
                    .get_key_value(id)
                    .map(|(id, _)| Found::Stream(id.clone()))
                    .into_iter()
                    .collect();
            }
            Lookup::Position { lane, seq } => {
                let position = format!("{lane}@{seq}");
                Box::new(move |event| event.head.position() == position)
            }
            Lookup::Uuid(id) => {
                let id = *id;
                Box::new(move |event| {
                    let meta = &event.head.meta;
                    [Some(meta.id.0), Some(meta.correlation), meta.causation].contains(&Some(id))
                })
            }
            Lookup::Text(text) => {
                let text = text.to_lowercase();
                Box::new(move |event| event.head.meta.id.to_string().ends_with(&text))
            }
        };
        let mut found: Vec<Found> = inner
            .streams
            .keys()
            .filter(|stream| match id {
                Lookup::Uuid(id) => stream.id() == *id,
                Lookup::Text(text) => stream.to_string().ends_with(&text.to_lowercase()),
                _ => false,
            })
            .map(|stream| Found::Stream(stream.clone()))
            .collect();
        found.extend(inner.events.iter().filter(|one| whole(one)).map(event));
        found.truncate(20);
        found
    }

    /// The read models, always up to date but one with a parked stream.
    pub(super) fn models(&self) -> Vec<Projection> {
        let now: Timestamp = chrono::Utc::now().into();
        let inner = self.lock();
        let model = |name: &str, context: &str, table: &str| {
            let state = match &inner.rebuilding {
                _ if inner.paused.iter().any(|paused| paused == name) => ProjectionState::Paused,
                Some((which, since)) if which == name && now.ms_since(*since) < REBUILD_MS => {
                    let part =
                        u64::try_from(now.ms_since(*since) * 1_000 / REBUILD_MS).unwrap_or(0);
                    ProjectionState::Rebuilding { done: part * 12, of: 12_000 }
                }
                _ => ProjectionState::Live,
            };
            let topic = format!("{context}.events/");
            let lanes: Vec<Lag> = inner
                .lanes
                .iter()
                .filter(|(lane, _)| lane.starts_with(&topic))
                .map(|(lane, places)| Lag {
                    lane: lane.clone(),
                    seq: places.len() as u64,
                    events: 0,
                    ms: 0,
                })
                .collect();
            let folded = lanes.iter().map(|lane| lane.seq).sum();
            Projection {
                name: name.to_owned(),
                context: context.to_owned(),
                revision: 1,
                table: table.to_owned(),
                state,
                lanes,
                parked: Vec::new(),
                folded,
            }
        };
        let mut all = vec![
            model("posts", "content", "content.posts"),
            model("post_calendar", "content", "content.post_calendar"),
            model("accounts", "social", "social.accounts"),
        ];
        if let Some(stream) = inner.streams.keys().find(|id| id.category() == "post") {
            all[1].parked.push(Parked {
                stream: stream.clone(),
                why: "check violation: publish_at must not be null, in event 3 (content.post.scheduled.v1)".to_owned(),
            });
            all[1].lanes[0].events = 2;
            all[1].lanes[0].ms = 40;
        }
        all
    }
}
