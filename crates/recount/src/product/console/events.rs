//! Events as the console lists and finds them: the newest from memory, any of them by its place.

use console::BackendError;
use console::{Event, EventHead, EventPage, EventQuery, Found, Lookup};
use domain::{Position, Principal, StreamId};
use uuid::Uuid;

use super::ConsoleBackend;
use super::streams::unavailable;
use crate::product::activity::Seen;

/// Most answers to one id.
const FOUND_MAX: usize = 20;

impl ConsoleBackend {
    pub(super) fn list_events(&self, who: &Principal, query: &EventQuery) -> EventPage {
        let topics = self.history.log().topics();
        let number =
            |text: &Option<String>| text.as_ref().and_then(|text| text.parse::<u64>().ok());
        let (before, after) =
            (number(&query.before).unwrap_or(u64::MAX), number(&query.after).unwrap_or_default());
        let recent = self.activity.recent();
        let mut page = EventPage { newest: recent.seen.to_string(), ..EventPage::default() };
        page.as_of = self.as_of(recent.events.back());
        for seen in recent.events.iter().rev().take_while(|seen| seen.number > after) {
            if seen.number >= before {
                continue;
            }
            page.scanned += 1;
            let lane = topics.lane_name(seen.meta.position.lane);
            if !Self::sees(who, &seen.meta.tenant) || !fits(seen, &lane, query) {
                continue;
            }
            if page.rows.len() == query.limit {
                page.next = Some((seen.number + 1).to_string());
                break;
            }
            page.rows.push(EventHead {
                meta: seen.meta.clone(),
                lane,
                event_type: seen.event_type.clone(),
            });
        }
        page
    }

    pub(super) fn one_event(
        &self,
        who: &Principal,
        lane: &str,
        seq: u64,
    ) -> Result<Option<Event>, BackendError> {
        let Some(id) = self.history.log().topics().parse_lane(lane) else { return Ok(None) };
        let found =
            self.history.event(Position { lane: id, seq }).map_err(|error| unavailable(&error))?;
        let seen = found.filter(|event| Self::sees(who, &event.meta.tenant));
        Ok(seen.map(|event| self.whole(&event, lane)))
    }

    pub(super) fn look_up(&self, who: &Principal, id: &Lookup) -> Result<Vec<Found>, BackendError> {
        match id {
            Lookup::Stream(stream) => Ok(self.known(who, stream).into_iter().collect()),
            Lookup::Position { lane, seq } => {
                let event = self.one_event(who, lane, *seq)?;
                Ok(event
                    .map(|event| found(&event.head.meta, &event.head.event_type))
                    .into_iter()
                    .collect())
            }
            Lookup::Uuid(id) => Ok(self.by_uuid(who, *id)),
            Lookup::Text(text) => Ok(self.by_text(who, text)),
        }
    }

    fn known(&self, who: &Principal, stream: &StreamId) -> Option<Found> {
        let events = self.history.stream(stream).ok()?;
        let seen = Self::sees(who, &events.first()?.meta.tenant);
        seen.then(|| Found::Stream(stream.clone()))
    }

    fn by_uuid(&self, who: &Principal, id: Uuid) -> Vec<Found> {
        let streams = self.deciders.categories();
        let streams = streams.filter_map(|category| StreamId::parse_parts(category, id).ok());
        let mut all: Vec<_> = streams.filter_map(|stream| self.known(who, &stream)).collect();
        let recent = self.activity.recent();
        let mine = recent.events.iter().filter(|seen| Self::sees(who, &seen.meta.tenant));
        let (mut events, mut conversation) = (Vec::new(), 0);
        for seen in mine {
            if seen.meta.id.0 == id {
                events.push(found(&seen.meta, &seen.event_type));
            }
            conversation +=
                u64::from(seen.meta.correlation == id || seen.meta.causation == Some(id));
        }
        all.append(&mut events);
        if conversation > 0 {
            all.push(Found::Conversation { id, events: conversation });
        }
        all.truncate(FOUND_MAX);
        all
    }

    fn by_text(&self, who: &Principal, text: &str) -> Vec<Found> {
        let text = text.to_lowercase();
        let recent = self.activity.recent();
        let newest = recent.events.iter().rev().filter(|seen| Self::sees(who, &seen.meta.tenant));
        let mut all: Vec<Found> = Vec::new();
        for seen in newest {
            let hit = if seen.meta.stream.to_string().ends_with(&text) {
                Found::Stream(seen.meta.stream.clone())
            } else if seen.meta.id.to_string().ends_with(&text)
                || seen.meta.trace.is_some_and(|trace| trace.to_string().contains(&text))
            {
                found(&seen.meta, &seen.event_type)
            } else {
                continue;
            };
            if !all.contains(&hit) {
                all.push(hit);
            }
            if all.len() == FOUND_MAX {
                break;
            }
        }
        all
    }
}

fn found(meta: &domain::Meta, event_type: &str) -> Found {
    Found::Event {
        id: meta.id,
        stream: meta.stream.clone(),
        version: meta.version,
        event_type: event_type.to_owned(),
    }
}

fn fits(seen: &Seen, lane: &str, query: &EventQuery) -> bool {
    let meta = &seen.meta;
    let of_type = |wanted: &str| match wanted.strip_suffix('*') {
        Some(begin) => seen.event_type.starts_with(begin),
        None => seen.event_type == wanted,
    };
    let in_lane = |wanted: &str| {
        lane == wanted || lane.rsplit_once('/').is_some_and(|(topic, _)| topic == wanted)
    };
    let has_id = |wanted: &str| {
        let wanted = wanted.to_lowercase();
        let ids = [meta.id.0, meta.correlation, meta.causation.unwrap_or_default()];
        meta.stream.to_string().contains(&wanted)
            || ids.iter().any(|id| id.to_string().contains(&wanted))
    };
    query.event_type.as_deref().is_none_or(of_type)
        && query.lane.as_deref().is_none_or(in_lane)
        && query.tenant.as_ref().is_none_or(|tenant| meta.tenant == *tenant)
        && query.actor.as_ref().is_none_or(|actor| meta.actor == *actor)
        && query.id.as_deref().is_none_or(has_id)
}
