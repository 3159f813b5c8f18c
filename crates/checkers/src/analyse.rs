//! The analyser: histories against logs, in one pass over each. Because every answer names a version,
//! and versions give the order, nothing has to be searched for.

use std::collections::{BTreeMap, HashMap};

use crate::chain::{Frame, Lane};
use crate::finding::Finding;
use crate::history::{Asked, Call, End, History, Told, mark_in};
use crate::record::{Body, Event, Outcome};

/// Where an event lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Place {
    lane: usize,
    frame: usize,
}

/// What the log holds, by what it is asked for.
#[derive(Default)]
struct Index<'a> {
    /// By event id.
    events: HashMap<&'a str, (Place, &'a Event)>,
    /// The mark of the command that made a version of a stream.
    marks: HashMap<(&'a str, u64), &'a str>,
    /// Frames of a mark.
    frames: HashMap<&'a str, Vec<Place>>,
    /// The last version of each stream.
    versions: HashMap<&'a str, u64>,
}

/// Everything that is not as it must be, by invariant. `lanes` hold what is valid, as
/// [`crate::read_lane`] gives it.
pub fn analyse(history: &History, lanes: &[Lane]) -> Vec<Finding> {
    let mut found = Vec::new();
    let index = index(lanes, &mut found);
    let keys = keys(history);
    for (key, calls) in &keys {
        of_key(key, calls, &index, lanes, &mut found);
    }
    ghosts(&keys, &index, &mut found);
    in_time(history, &keys, &index, &mut found);
    found.sort();
    found
}

/// What the log says of itself: I3, I4, I6, I7, I28, and I23 as far as a log can show it.
fn index<'a>(lanes: &'a [Lane], found: &mut Vec<Finding>) -> Index<'a> {
    let mut index = Index::default();
    let mut tenants: HashMap<&str, &str> = HashMap::new();
    let mut keys: HashMap<[u8; 16], (usize, u64)> = HashMap::new();
    for (l, lane) in lanes.iter().enumerate() {
        let (mut seq, mut epoch, mut time) = (0, 0, i64::MIN);
        let mut tell =
            |law, what: String| found.push(Finding::new(law, format!("{}: {what}", lane.name)));
        for (f, frame) in lane.frames.iter().enumerate() {
            let place = Place { lane: l, frame: f };
            let claim =
                matches!(frame.records.first().map(|it| &it.body), Some(Body::Claim { .. }));
            if frame.first != seq + 1 {
                tell("I4", format!("seq {} follows {seq}", frame.first));
            }
            if frame.epoch != epoch + u64::from(claim) {
                tell(
                    "I7",
                    format!("seq {} is of epoch {} in epoch {epoch}", frame.first, frame.epoch),
                );
            }
            (seq, epoch) = (frame.last(), frame.epoch);
            if !claim {
                whole(frame, &mut tell);
            }
            let Some((key, at)) = key_and_time(frame) else { continue };
            if at < time {
                tell("I28", format!("log time falls at seq {}", frame.first));
            }
            time = time.max(at);
            if let Some((other, seq)) = key.and_then(|key| keys.insert(key, (l, frame.first))) {
                let other = &lanes[other].name;
                tell("I3", format!("the key of seq {} is that of {other} {seq}", frame.first));
            }
            for (seq, event) in (frame.first..).zip(events(frame)) {
                let (id, stream) = (event.id.as_str(), event.stream.as_str());
                if index.events.insert(id, (place, event)).is_some() {
                    tell("I3", format!("event {id} is there twice, again at seq {seq}"));
                }
                let version = index.versions.entry(stream).or_default();
                if event.version != *version + 1 {
                    tell(
                        "I4",
                        format!("{stream} {} follows {version} at seq {seq}", event.version),
                    );
                }
                *version = event.version;
                if *tenants.entry(stream).or_insert(&event.tenant) != event.tenant {
                    tell("I23", format!("{stream} changes its tenant at seq {seq}"));
                }
                if let Some(mark) = mark_in(&event.datum) {
                    index.marks.insert((stream, event.version), mark);
                    let places = index.frames.entry(mark).or_default();
                    if places.last() != Some(&place) {
                        places.push(place);
                    }
                }
            }
        }
    }
    index
}

/// I6: a frame has all its records, in their places, of one stream and one key.
fn whole(frame: &Frame, tell: &mut impl FnMut(&'static str, String)) {
    let of = frame.records.len();
    let placed = |(place, record): (usize, &crate::Record)| {
        usize::from(record.place) == place && usize::from(record.of) == of
    };
    let mut streams: Vec<_> = events(frame).map(|event| (&event.stream, event.key)).collect();
    streams.dedup();
    if !frame.records.iter().enumerate().all(placed) || streams.len() > 1 {
        tell("I6", format!("the frame at seq {} is torn or made of several", frame.first));
    }
}

fn events(frame: &Frame) -> impl Iterator<Item = &Event> {
    frame.records.iter().filter_map(|record| match &record.body {
        Body::Event(event) => Some(event),
        _ => None,
    })
}

/// The key that a frame is kept under, and its log time.
fn key_and_time(frame: &Frame) -> Option<(Option<[u8; 16]>, i64)> {
    match &frame.records.first()?.body {
        Body::Claim { .. } => None,
        Body::Event(event) => Some((event.key, event.recorded_at)),
        Body::Outcome(outcome) => {
            let kept = outcome.verdict != Outcome::OTHER_VERSION;
            Some((outcome.key.filter(|_| kept), outcome.recorded_at))
        }
    }
}

/// The commands of each key, in the order of their invocation.
fn keys(history: &History) -> BTreeMap<&str, Vec<&Call>> {
    let mut keys: BTreeMap<&str, Vec<&Call>> = BTreeMap::new();
    for call in &history.calls {
        if let Asked::Command { key, .. } = &call.asked {
            keys.entry(key).or_default().push(call);
        }
    }
    keys
}

/// One key, over all its calls: I1, I3, I6.
fn of_key(key: &str, calls: &[&Call], index: &Index<'_>, lanes: &[Lane], found: &mut Vec<Finding>) {
    let mut tell = |law, what: String| found.push(Finding::new(law, format!("key {key}: {what}")));
    let mut marks: Vec<&str> = calls.iter().filter_map(|call| mark(call)).collect();
    marks.sort_unstable();
    marks.dedup();
    let frames: usize = marks.iter().map(|mark| index.frames.get(mark).map_or(0, Vec::len)).sum();
    if frames > 1 {
        tell("I3", format!("{frames} frames"));
    }
    let mut first: Option<&Told> = None;
    for call in calls {
        let Some((_, End::Ok(told))) = &call.end else { continue };
        match told {
            Told::Conflict | Told::Version(_) => continue,
            Told::Refused { rule } if frames > 0 => {
                tell("I3", format!("was refused by {rule}, and is in the log"));
            }
            Told::Refused { .. } | Told::Accepted { .. } => {}
        }
        match first {
            None => first = Some(told),
            Some(first) if first != told => {
                tell("I3", format!("was answered {first:?} and {told:?}"));
            }
            Some(_) => continue,
        }
        if let Told::Accepted { stream, version, events } = told {
            accepted(stream, *version, events, mark(call), index, lanes, &mut tell);
        }
    }
}

fn mark(call: &Call) -> Option<&str> {
    match &call.asked {
        Asked::Command { mark, .. } => Some(mark),
        Asked::Read { .. } => None,
    }
}

/// An acknowledged command is in the log: all its events, in one frame, where the answer says, and
/// nothing else in it.
fn accepted(
    stream: &str,
    version: u64,
    ids: &[String],
    mark: Option<&str>,
    index: &Index<'_>,
    lanes: &[Lane],
    tell: &mut impl FnMut(&'static str, String),
) {
    let mut place = None;
    for (id, version) in ids.iter().rev().zip((1..=version).rev()) {
        match index.events.get(id.as_str()) {
            None => return tell("I1", format!("was acknowledged, and event {id} is lost")),
            Some((_, event)) if event.stream != stream || event.version != version => {
                let is = format!("{} {}", event.stream, event.version);
                return tell("I1", format!("{id} was told as {stream} {version}, and is {is}"));
            }
            Some((_, event)) if mark_in(&event.datum) != mark => {
                return tell("I1", format!("{id} is of another command"));
            }
            Some((of, _)) if place.is_some_and(|place| place != *of) => {
                return tell("I6", "its events are in several frames".to_owned());
            }
            Some((of, _)) => place = Some(*of),
        }
    }
    let of = place.map_or(0, |place| lanes[place.lane].frames[place.frame].records.len());
    if of != ids.len() {
        tell("I6", format!("{} events were told, its frame has {of}", ids.len()));
    }
}

/// I2: whatever is in the log was asked for and did not fail for certain.
fn ghosts(keys: &BTreeMap<&str, Vec<&Call>>, index: &Index<'_>, found: &mut Vec<Finding>) {
    let mut asked: HashMap<&str, bool> = HashMap::new();
    for calls in keys.values() {
        let failed = calls.iter().all(|call| matches!(call.end, Some((_, End::Fail))));
        asked.extend(calls.iter().filter_map(|call| Some((mark(call)?, failed))));
    }
    let mut marks: Vec<&&str> = index.frames.keys().collect();
    marks.sort_unstable();
    for mark in marks {
        match asked.get(*mark) {
            None => found.push(Finding::new("I2", format!("nobody asked for {mark}"))),
            Some(true) => {
                found.push(Finding::new("I2", format!("{mark} failed, and is in the log")));
            }
            Some(false) => {}
        }
    }
}

/// I5 and I13: what was told before something was asked comes before it.
fn in_time(
    history: &History,
    keys: &BTreeMap<&str, Vec<&Call>>,
    index: &Index<'_>,
    found: &mut Vec<Finding>,
) {
    // Invocations before ends of the same moment: then nothing follows from their order.
    let mut moments: Vec<(u64, bool, &Call)> = Vec::with_capacity(2 * history.calls.len());
    for call in &history.calls {
        moments.push((call.invoked, false, call));
        moments.extend(call.end.as_ref().map(|(at, _)| (*at, true, call)));
    }
    moments.sort_by_key(|(at, end, call)| (*at, *end, call.call));
    let began: HashMap<&str, u64> = keys
        .values()
        .flat_map(|calls| calls.iter().filter_map(|call| Some((mark(call)?, calls[0].invoked))))
        .collect();
    let mut told: HashMap<&str, u64> = HashMap::new();
    let mut floors: HashMap<u64, u64> = HashMap::new();
    for (at, ended, call) in moments {
        if !ended {
            if let Some(stream) = stream_of(call) {
                floors.insert(call.call, told.get(stream).copied().unwrap_or_default());
            }
            continue;
        }
        let Some((_, End::Ok(answer))) = &call.end else { continue };
        let floor = floors.get(&call.call).copied().unwrap_or_default();
        let tell = |law, what: String| Finding::new(law, format!("call {}: {what}", call.call));
        match (answer, &call.asked) {
            (Told::Accepted { stream, version, .. }, Asked::Command { key, .. }) => {
                // A repetition is answered with what the first call of the key was.
                if keys[key.as_str()][0].call == call.call && *version <= floor {
                    let what = format!("{stream} {version} after {floor} was told");
                    found.push(tell("I5", what));
                }
                let highest = told.entry(stream).or_default();
                *highest = (*highest).max(*version);
            }
            (Told::Version(version), Asked::Read { stream }) => {
                if *version < floor {
                    found.push(tell(
                        "I5",
                        format!("read {stream} {version} after {floor} was told"),
                    ));
                }
                let last = index.versions.get(stream.as_str()).copied().unwrap_or_default();
                let mark = index.marks.get(&(stream.as_str(), *version));
                let early = mark.and_then(|mark| began.get(mark)).is_some_and(|began| *began >= at);
                if *version > last || early {
                    found.push(tell(
                        "I5",
                        format!("read {stream} {version} before it was asked for"),
                    ));
                }
                // What a reader has seen, everyone who asks later sees: I13 for each session, and more.
                let highest = told.entry(stream).or_default();
                *highest = (*highest).max(*version);
            }
            _ => {}
        }
    }
}

/// The stream of a call, if it is known before or told after.
fn stream_of(call: &Call) -> Option<&str> {
    match (&call.asked, &call.end) {
        (Asked::Read { stream } | Asked::Command { stream: Some(stream), .. }, _)
        | (_, Some((_, End::Ok(Told::Accepted { stream, .. })))) => Some(stream),
        _ => None,
    }
}
