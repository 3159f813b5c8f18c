//! Sagas as JSON. Not their reading.

use std::collections::BTreeSet;

use axum::extract::Request;
use axum::http::StatusCode;
use domain::saga::{Exhausted, OnExpiry, Retry, Unknown};
use domain::{Column, ColumnType, EventSet, Row, StreamId, Timestamp};
use log::Topics;
use orchestrator::{
    Direction, Entry, Event, Instance, Kept, Line, SagaRow, SagaType, Standing, State, Status,
    StepState, Types, Verb, ledger, may, why,
};
use projector::RowJson;
use serde_json::{Map, Value, json};

use super::{SagaPast, SagaSeen};
use crate::position;
use crate::problem::Answered;
use crate::query::params;
use crate::serve;

/// Names of columns that are shown otherwise: what stands in the table, and what is told.
const NAMES: &[(&str, &str)] = &[("saga_id", "id"), ("plan", "type"), ("version", "revision")];
/// Columns that are not told: the engine's key, and what is told as `why` instead.
const UNTOLD: &[&str] = &["key", KEPT];
/// What the engine knows, as JSON.
const KEPT: &str = "instance";

fn told(column: &str) -> &str {
    NAMES.iter().find(|(name, _)| *name == column).map_or(column, |(_, told)| told)
}

/// A row of the read model, with the sentence that says why it is where it is.
pub(crate) fn row(row: RowJson, at: Timestamp) -> Value {
    let kept = row.get(KEPT).and_then(Value::as_str);
    let kept = kept.and_then(|text| serde_json::from_str::<Instance>(text).ok());
    let mut out: Map<_, _> = row
        .into_iter()
        .filter(|(name, _)| !UNTOLD.contains(&name.as_str()))
        .map(|(name, value)| (told(&name).to_owned(), value))
        .collect();
    out.insert("why".to_owned(), kept.map(|is| why(&is, at)).into());
    Value::Object(out)
}

/// The schema of [`row`].
pub(crate) fn row_schema() -> Value {
    let mut properties = Map::new();
    for column in SagaRow::COLUMNS.iter().filter(|column| !UNTOLD.contains(&column.name)) {
        properties.insert(told(column.name).to_owned(), schema(column));
    }
    let text = json!({ "type": "string", "description": "Why it is where it is, in a sentence" });
    properties.insert("why".to_owned(), text);
    let number = json!({ "type": "integer", "description": "Events so far" });
    properties.insert("revision".to_owned(), number);
    json!({ "title": "saga", "type": "object", "properties": properties })
}

fn schema(column: &Column) -> Value {
    let (ty, format) = match column.ty {
        ColumnType::Text => ("string", None),
        ColumnType::Uuid => ("string", Some("uuid")),
        ColumnType::Int => ("integer", Some("int64")),
        ColumnType::Bool => ("boolean", None),
        ColumnType::Time => ("string", Some("date-time")),
        ColumnType::Texts => ("array", None),
    };
    let mut out = json!({ "type": ty, "description": column.doc });
    if column.nullable {
        out["type"] = json!([ty, "null"]);
    }
    if let Some(format) = format {
        out["format"] = format.into();
    }
    if column.ty == ColumnType::Texts {
        out["items"] = json!({ "type": "string" });
    }
    out
}

/// JSON that is kept as text.
fn parsed(text: Option<&str>) -> Value {
    text.map_or(Value::Null, |text| serde_json::from_str(text).unwrap_or_else(|_| text.into()))
}

/// An event without what surrounds it.
pub(crate) fn event(event: &Event) -> Value {
    let data = event.serialize_data(serde_json::value::Serializer);
    json!({ "type": event.event_type(), "data": data.unwrap_or_default() })
}

/// An event as it was recorded.
pub(crate) fn past(past: &SagaPast) -> Value {
    let meta = &past.meta;
    let mut out = match &past.event {
        Ok(it) => event(it),
        Err(why) => json!({ "unreadable": why }),
    };
    out["version"] = meta.version.into();
    out["recorded_at"] = json!(meta.recorded_at);
    out["actor"] = json!(meta.actor);
    out
}

/// Where a saga stands, in a few words.
pub(crate) fn summary(is: &Instance, at: Timestamp) -> Value {
    json!({
        "state": State::of(is), "phase": is.phase, "revision": is.revision, "why": why(is, at),
        "ledger": ledger(is).iter().map(entry).collect::<Vec<_>>(),
    })
}

const fn standing(standing: Standing) -> &'static str {
    match standing {
        Standing::Asked => "asked",
        Standing::Unknown => "unknown",
        Standing::Stands => "stands",
        Standing::NotDone => "not_done",
        Standing::Undoing => "undoing",
        Standing::UndoneUnconfirmed => "undone_unconfirmed",
        Standing::Undone => "undone",
        Standing::UndoFailed => "undo_failed",
        Standing::Skipped(Direction::Forward) => "taken_for_done",
        Standing::Skipped(Direction::Undo) => "taken_for_undone",
    }
}

fn entry(entry: &Entry) -> Value {
    json!({
        "step": entry.step, "target": entry.target, "what": entry.what, "money": entry.money,
        "key": entry.key, "standing": standing(entry.standing),
        "output": parsed(entry.output.as_deref()),
    })
}

/// All that is known of a saga.
pub(crate) fn saga(
    topics: &Topics,
    types: &Types,
    stream: &StreamId,
    seen: &SagaSeen,
    at: Timestamp,
) -> Value {
    let is = &seen.is;
    let last = seen.events.last().map(|past| &past.meta);
    let tenant = last.map(|meta| meta.tenant.to_string()).unwrap_or_default();
    let row = SagaRow::of(stream.id(), stream.to_string(), tenant, is.clone());
    let row = SagaRow { instance: Kept::default(), ..row };
    let mut out = projector::row_json(SagaRow::COLUMNS, &row.into_values());
    out.retain(|name, _| !UNTOLD.contains(&name.as_str()));
    let mut out: Map<_, _> =
        out.into_iter().map(|(name, value)| (told(&name).to_owned(), value)).collect();
    let ty = types.of(stream.category());
    let mine = ty.filter(|ty| ty.version() == is.plan.1 && ty.hash() == is.plan.2);
    let timers = is.timers.iter().map(|(number, timer)| {
        json!({ "timer": number, "purpose": timer.purpose, "step": timer.step, "at": timer.at })
    });
    let parks = is.parks.iter().map(|(step, park)| {
        json!({ "step": step, "cause": park.cause, "since": park.since, "detail": park.detail })
    });
    let position = last.map(|meta| meta.position);
    let more = json!({
        "revision": is.revision,
        "why": why(is, at),
        "unreadable": seen.unreadable,
        "undo_why": is.undo_why,
        "trigger": is.trigger,
        "lane": position.map(|at| topics.lane_name(at.lane)),
        "position": position.map(|at| position::token(topics, &[(at.lane, at.seq)])),
        "ledger": ledger(is).iter().map(entry).collect::<Vec<_>>(),
        "steps": steps(is),
        "parks": parks.collect::<Vec<_>>(),
        "timers": timers.collect::<Vec<_>>(),
        "actions": actions(is),
        "began_with": parsed(Some(&is.state)),
        "knows": mine.and_then(|ty| ty.knows(is).ok()),
        "plan": {
            "name": is.plan.0, "version": is.plan.1, "hash": is.plan.2,
            "lines": mine.map(|ty| ty.lines().iter().map(line).collect::<Vec<_>>()),
        },
    });
    if let Value::Object(more) = more {
        out.extend(more);
    }
    Value::Object(out)
}

/// The steps in the order of the plan: those it had when it was started, and those begun since.
fn steps(is: &Instance) -> Vec<Value> {
    let mut all: Vec<(Option<(u32, u32)>, Value)> = is
        .lines
        .iter()
        .filter(|line| !is.steps.contains_key(&line.step))
        .map(|line| (None, json!({ "step": line.step, "kind": line.kind })))
        .collect();
    let mut begun: Vec<_> = is.steps.iter().collect();
    begun.sort_by_key(|(_, step)| step.place);
    let begun = begun.into_iter().map(|(id, known)| (Some(known.place), step(id, known)));
    // What was not begun comes behind what was, whatever the plan has grown by meanwhile.
    all.splice(0..0, begun);
    all.into_iter().map(|(_, step)| step).collect()
}

fn step(id: &str, step: &StepState) -> Value {
    json!({
        "step": id, "kind": step.kind, "target": step.target, "ours": step.ours,
        "what": step.what, "money": step.money, "forward": step.forward, "undo": step.undo,
        "output": parsed(step.output.as_deref()), "doubt": step.doubt, "fenced": step.fenced,
        "skipped": step.skipped, "confirm": step.confirm,
    })
}

/// What an operator can do, and why not: to the whole saga, and to steps that wait or are parked.
fn actions(is: &Instance) -> Vec<Value> {
    let waits =
        |step: &StepState| [step.forward.status, step.undo.status].contains(&Status::Waiting);
    let mut steps: BTreeSet<&str> = is.parks.keys().map(String::as_str).collect();
    steps.extend(is.steps.iter().filter(|(_, step)| waits(step)).map(|(id, _)| id.as_str()));
    steps.remove("");
    let whole = [Verb::Hold, Verb::Release, Verb::Undo].map(|verb| (verb, ""));
    let again = is.parks.contains_key("").then_some((Verb::Retry, ""));
    let of = [Verb::Retry, Verb::Resolve, Verb::Skip];
    let each = steps.into_iter().flat_map(|step| of.map(|verb| (verb, step)));
    let all = whole.into_iter().chain(again).chain(each);
    all.map(|(verb, step)| {
        let why_not = may(is, verb, step).err();
        json!({ "verb": verb, "step": step, "may": why_not.is_none(), "why_not": why_not })
    })
    .collect()
}

fn retry(retry: &Retry) -> Value {
    json!({
        "base_ms": retry.base_ms, "factor": retry.factor, "cap_ms": retry.cap_ms,
        "attempts_max": retry.attempts_max, "breaker": retry.breaker,
        "exhausted": match retry.exhausted { Exhausted::Undo => "undo", Exhausted::Park => "park" },
    })
}

const fn expiry(then: OnExpiry) -> &'static str {
    match then {
        OnExpiry::Undo => "undo",
        OnExpiry::Park => "park",
    }
}

fn line(line: &Line) -> Value {
    let unknown = match line.unknown {
        Unknown::ProbeThenPark => "probe_then_park",
        Unknown::ProbeThenRepeat => "probe_then_repeat",
        Unknown::ProbeThenUndo => "probe_then_undo",
    };
    let within = line.within.map(|(ms, then)| json!({ "ms": ms, "then": expiry(then) }));
    json!({
        "name": line.name, "kind": line.kind, "when": line.when, "each": line.each,
        "undo": line.undo, "timeout_ms": line.timeout_ms, "within": within,
        "retry": retry(&line.retry), "unknown": unknown,
    })
}

/// All types with their plans.
pub(crate) fn types(types: &Types, request: &Request) -> Answered {
    if let Some((name, _)) = params::pairs(request.uri().query())?.first() {
        return Err(params::wrong(name, "is unknown here; there are none"));
    }
    let one = |ty: &dyn SagaType| {
        let deadline = ty.deadline().map(|(ms, then)| json!({ "ms": ms, "then": expiry(then) }));
        json!({
            "name": ty.name(), "context": ty.context(), "category": ty.category(),
            "version": ty.version(), "hash": ty.hash(), "text": ty.text(),
            "deadline": deadline, "undo_retry": retry(&ty.undo_retry()),
            "triggers": ty.triggers(), "lines": ty.lines().iter().map(line).collect::<Vec<_>>(),
        })
    };
    let items: Vec<_> = types.all().map(|ty| one(&**ty)).collect();
    let body = json!({ "items": items });
    Ok(serve::json(StatusCode::OK, body.to_string().into_bytes()))
}
