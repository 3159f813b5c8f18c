//! The demo's answers to the console.

use console::{
    AsOf, At, Backend, BackendError, Event, EventHead, EventPage, EventQuery, Found, Installation,
    Lane, LaneVerdict, Lookup, Projection, Steer, StreamPage, StreamQuery, StreamRow, StreamView,
    Ticks, Verification, Verified,
};
use domain::{Principal, StreamId, Timestamp};
use futures_util::StreamExt;
use tokio_stream::wrappers::BroadcastStream;
use uuid::Uuid;

use super::{Demo, Inner, fold, hash};

/// How long the demo pretends to walk the chains, in milliseconds.
const VERIFY_MS: i64 = 2_500;

impl Inner {
    fn of(&self, places: &[usize]) -> Vec<&Event> {
        places.iter().filter_map(|at| self.events.get(*at)).collect()
    }

    fn newest(&self) -> AsOf {
        let position = self.events.last().map(|event| event.head.position());
        AsOf { position, behind_ms: 0 }
    }

    fn row(&self, id: &StreamId, places: &[usize]) -> Option<StreamRow> {
        let events = self.of(places);
        let last = &events.last()?.head;
        let state = fold(events.iter().copied());
        let named =
            |name: &str| state.iter().find(|line| line.name == name).map(|line| line.value.clone());
        Some(StreamRow {
            id: id.clone(),
            headline: named("title").or_else(|| named("handle")),
            tenant: last.meta.tenant.clone(),
            version: last.meta.version,
            last_type: last.event_type.clone(),
            last_actor: last.meta.actor.clone(),
            last_at: last.meta.recorded_at,
        })
    }
}

fn passes(query: &EventQuery, head: &EventHead) -> bool {
    let typed = query.event_type.as_ref().is_none_or(|t| match t.strip_suffix('*') {
        Some(start) => head.event_type.starts_with(start),
        None => head.event_type == *t,
    });
    let laned = query
        .lane
        .as_ref()
        .is_none_or(|lane| head.lane == *lane || head.lane.starts_with(&format!("{lane}/")));
    let by = query.actor.as_ref().is_none_or(|actor| head.meta.actor == *actor);
    let whose = query.tenant.as_ref().is_none_or(|tenant| head.meta.tenant == *tenant);
    let ids = query.id.as_ref().is_none_or(|id| {
        let id = id.to_lowercase();
        let causation = head.meta.causation.map(|id| id.to_string()).unwrap_or_default();
        [
            head.meta.id.to_string(),
            head.meta.stream.to_string(),
            head.meta.correlation.to_string(),
            causation,
        ]
        .iter()
        .any(|known| known.contains(&id))
    });
    typed && laned && by && whose && ids
}

#[async_trait::async_trait]
impl Backend for Demo {
    fn now(&self) -> Timestamp {
        chrono::Utc::now().into()
    }

    fn live(&self) -> Ticks {
        Box::pin(BroadcastStream::new(self.ticks.subscribe()).map(|_| ()))
    }

    fn desk(&self) -> Option<&dyn console::Desk> {
        Some(self)
    }

    async fn installation(&self, _: &Principal) -> Result<Installation, BackendError> {
        Ok(Installation {
            environment: "local".to_owned(),
            production: false,
            engine: "embedded log".to_owned(),
            version: "demo".to_owned(),
        })
    }

    async fn streams(
        &self,
        _: &Principal,
        query: &StreamQuery,
    ) -> Result<StreamPage, BackendError> {
        let inner = self.lock();
        let text = query.text.as_ref().map(|text| text.to_lowercase());
        let mut rows: Vec<StreamRow> = inner
            .streams
            .iter()
            .filter_map(|(id, places)| inner.row(id, places))
            .filter(|row| query.category.as_ref().is_none_or(|c| row.id.category() == c))
            .filter(|row| query.tenant.as_ref().is_none_or(|t| row.tenant == *t))
            .filter(|row| {
                let name = row.headline.clone().unwrap_or_default().to_lowercase();
                text.as_ref().is_none_or(|t| name.contains(t) || row.id.to_string().contains(t))
            })
            .collect();
        rows.sort_by_key(|row| std::cmp::Reverse((row.last_at, row.id.clone())));
        let total = Some(rows.len() as u64);
        let from = query.before.as_ref().and_then(|at| at.parse().ok()).unwrap_or(0_usize);
        let more = rows.len() > from + query.limit;
        rows = rows.into_iter().skip(from).take(query.limit).collect();
        let next = more.then(|| (from + query.limit).to_string());
        Ok(StreamPage { rows, next, total, as_of: inner.newest() })
    }

    async fn stream(
        &self,
        _: &Principal,
        id: &StreamId,
        at: At,
    ) -> Result<Option<StreamView>, BackendError> {
        let inner = self.lock();
        let Some(places) = inner.streams.get(id) else { return Ok(None) };
        let events = inner.of(places);
        let head = events.len() as u64;
        let shown = match at {
            At::Head => head,
            At::Version(version) => version.min(head),
            At::Time(time) => {
                events.iter().filter(|event| event.head.meta.recorded_at <= time).count() as u64
            }
        };
        let after = |n: u64| fold(events.iter().copied().take(usize::try_from(n).unwrap_or(0)));
        let Some(row) = inner.row(id, places) else { return Ok(None) };
        let event = shown.checked_sub(1).and_then(|at| events.get(usize::try_from(at).ok()?));
        Ok(Some(StreamView {
            id: id.clone(),
            headline: row.headline,
            tenant: row.tenant,
            lane: events.last().map(|event| event.head.lane.clone()).unwrap_or_default(),
            head,
            shown,
            versions: events.iter().map(|event| event.head.clone()).collect(),
            event: event.map(|event| (*event).clone()),
            state: after(shown),
            before: after(shown.saturating_sub(1)),
            latest: after(head),
            as_of: AsOf {
                position: events.last().map(|event| event.head.position()),
                behind_ms: 0,
            },
        }))
    }

    async fn events(&self, _: &Principal, query: &EventQuery) -> Result<EventPage, BackendError> {
        let inner = self.lock();
        let all = inner.events.len();
        let before = query.before.as_ref().and_then(|at| at.parse().ok()).unwrap_or(all).min(all);
        let after = query.after.as_ref().and_then(|at| at.parse().ok()).unwrap_or(0).min(before);
        let mut found = inner.events[after..before]
            .iter()
            .enumerate()
            .rev()
            .filter(|(_, event)| passes(query, &event.head));
        let rows: Vec<(usize, EventHead)> = found
            .by_ref()
            .take(query.limit)
            .map(|(at, event)| (after + at, event.head.clone()))
            .collect();
        let more = found.next().is_some();
        let next = rows.last().filter(|_| more).map(|(at, _)| at.to_string());
        Ok(EventPage {
            rows: rows.into_iter().map(|(_, head)| head).collect(),
            next,
            newest: all.to_string(),
            scanned: (before - after) as u64,
            as_of: inner.newest(),
        })
    }

    async fn event(
        &self,
        _: &Principal,
        lane: &str,
        seq: u64,
    ) -> Result<Option<Event>, BackendError> {
        let inner = self.lock();
        let at = usize::try_from(seq).ok().and_then(|seq| seq.checked_sub(1));
        let place = inner.lanes.get(lane).zip(at).and_then(|(lane, at)| lane.get(at));
        Ok(place.and_then(|place| inner.events.get(*place)).cloned())
    }

    async fn find(&self, _: &Principal, id: &Lookup) -> Result<Vec<Found>, BackendError> {
        Ok(self.meaning(id))
    }

    async fn projections(&self, _: &Principal) -> Result<Vec<Projection>, BackendError> {
        Ok(self.models())
    }

    async fn steer(
        &self,
        _: &Principal,
        projection: &str,
        what: Steer,
        _: &str,
    ) -> Result<(), BackendError> {
        let now = self.now();
        let mut inner = self.lock();
        inner.paused.retain(|paused| paused != projection);
        match what {
            Steer::Pause => inner.paused.push(projection.to_owned()),
            Steer::Rebuild => inner.rebuilding = Some((projection.to_owned(), now)),
            Steer::Resume => {}
        }
        Ok(())
    }

    async fn lanes(&self, _: &Principal) -> Result<Vec<Lane>, BackendError> {
        let inner = self.lock();
        let lane = |(name, places): (&String, &Vec<usize>)| Lane {
            name: name.clone(),
            epoch: u64::from(!places.is_empty()) * 3,
            records: places.len() as u64,
            void: u64::from(name.ends_with("events/2")),
            head: hash(&[name.as_bytes(), &places.len().to_be_bytes()]),
            last_at: inner.of(places).last().map(|event| event.head.meta.recorded_at),
            owner: Some("node-1".to_owned()),
        };
        Ok(inner.lanes.iter().map(lane).collect())
    }

    async fn verify(&self, who: &Principal) -> Result<(), BackendError> {
        let now = self.now();
        let mut inner = self.lock();
        let lane = |(name, places): (&String, &Vec<usize>)| Verified {
            lane: name.clone(),
            done: 0,
            of: places.len() as u64,
            verdict: LaneVerdict::Pending,
            head: None,
        };
        let lanes = inner.lanes.iter().map(lane).collect();
        let id = Uuid::now_v7();
        inner.run =
            Some(Verification { id, by: who.clone(), started_at: now, finished_at: None, lanes });
        Ok(())
    }

    async fn verification(&self, _: &Principal) -> Result<Option<Verification>, BackendError> {
        let now = self.now();
        let mut inner = self.lock();
        if let Some(run) = &mut inner.run
            && run.finished_at.is_none()
        {
            let part = now.ms_since(run.started_at).clamp(0, VERIFY_MS);
            let through = run.lanes.len() * usize::try_from(part).unwrap_or(0) / 2_500;
            for lane in run.lanes.iter_mut().take(through) {
                lane.done = lane.of;
                lane.verdict = LaneVerdict::Whole;
                lane.head = Some(hash(&[lane.lane.as_bytes(), &lane.of.to_be_bytes()]));
            }
            if part == VERIFY_MS {
                run.finished_at = Some(now);
            }
        }
        Ok(inner.run.clone())
    }
}
