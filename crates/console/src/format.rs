//! Numbers, durations, times and ids as people read them. Not sentences: those are the pages'.

use std::fmt::Write as _;

use chrono::{DateTime, Datelike, Utc};
use domain::{StreamId, Timestamp};
use maud::{Markup, html};

/// `1,882,171`.
pub(crate) fn num(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `1 event`, `2 events`.
pub(crate) fn count(n: u64, one: &str) -> String {
    let many = if n == 1 { "" } else { "s" };
    format!("{} {one}{many}", num(n))
}

/// `40 ms`, `4.4 s`, `31 s`, `5 m 57 s`, `5 h 03 m`, `1 d 21 h`.
pub(crate) fn span(ms: u64) -> String {
    let s = ms / 1_000;
    match s {
        0 => format!("{ms} ms"),
        1..10 => format!("{}.{} s", s, ms % 1_000 / 100),
        10..60 => format!("{s} s"),
        60..3_600 => format!("{} m {:02} s", s / 60, s % 60),
        3_600..86_400 => format!("{} h {:02} m", s / 3_600, s % 3_600 / 60),
        _ => format!("{} d {:02} h", s / 86_400, s % 86_400 / 3_600),
    }
}

/// How long ago, coarsely enough to stay true while it is read: `now`, `12 s ago`, `5 m ago`.
pub(crate) fn ago(now: Timestamp, at: Timestamp) -> String {
    let s = now.ms_since(at) / 1_000;
    match s {
        i64::MIN..=-2 => "ahead of this clock".to_owned(),
        -1..=1 => "now".to_owned(),
        2..60 => format!("{s} s ago"),
        60..3_600 => format!("{} m ago", s / 60),
        3_600..86_400 => format!("{} h {:02} m ago", s / 3_600, s % 3_600 / 60),
        _ => format!("{} d ago", s / 86_400),
    }
}

/// The words of a time in UTC: `14:08:19` today, `18 Nov 14:08` this year, else with the year.
pub(crate) fn words(now: Timestamp, at: Timestamp) -> String {
    let (now, at): (DateTime<Utc>, DateTime<Utc>) = (now.into(), at.into());
    let form = if now.date_naive() == at.date_naive() {
        "%H:%M:%S"
    } else if now.year() == at.year() {
        "%-d %b %H:%M"
    } else {
        "%-d %b %Y %H:%M"
    };
    at.format(form).to_string()
}

/// An absolute time; the script shows it in the reader's zone when they ask for that.
pub(crate) fn time(now: Timestamp, at: Timestamp) -> Markup {
    html! { time.tm datetime=(at) title=(at) { (words(now, at)) } }
}

/// Absolute and relative together.
pub(crate) fn time_ago(now: Timestamp, at: Timestamp) -> Markup {
    html! { (time(now, at)) " " span.dim.ago data-at=(at.as_millis()) { (ago(now, at)) } }
}

/// A stream id: the head that neighbours share is dim, the tail is ink; whole on hover.
pub(crate) fn stream_id(id: &StreamId) -> Markup {
    let uuid = id.id().to_string();
    html! {
        span.id title=(id) { u { (id.category()) "-" (&uuid[..8]) "…" } (&uuid[24..]) }
    }
}

/// A UUID in the same short form.
pub(crate) fn uuid(id: uuid::Uuid) -> Markup {
    let text = id.to_string();
    html! { span.id title=(text) { u { (&text[..8]) "…" } (&text[24..]) } }
}

/// `0a1b2c3d…9f3a`; whole on hover. Text that is no hash is given back as it is.
pub(crate) fn hash(text: &str) -> Markup {
    let short = match (text.get(..8), text.get(text.len().saturating_sub(4)..)) {
        (Some(head), Some(tail)) if text.len() > 16 => format!("{head}…{tail}"),
        _ => text.to_owned(),
    };
    html! { span.id title=(text) { (short) } }
}

/// Bytes in hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        let _ = write!(out, "{byte:02x}");
    }
    out
}

/// Text made safe for a path segment or a query value of a URL.
pub(crate) fn url(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~@:".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

/// Where the stream's page is.
pub(crate) fn stream_url(id: &StreamId) -> String {
    format!("/console/streams/{id}")
}

/// Where the page of the event at `content.events/5` and 12 is.
pub(crate) fn event_url(lane: &str, seq: u64) -> String {
    match lane.rsplit_once('/') {
        Some((topic, index)) => format!("/console/log/{}/{}@{seq}", url(topic), url(index)),
        None => "/console/log".to_owned(),
    }
}

/// The last word of an event's type without its version: `scheduled` of
/// `content.post.scheduled.v1`.
pub(crate) fn verb(event_type: &str) -> &str {
    let mut parts = event_type.rsplit('.');
    match (parts.next(), parts.next()) {
        (Some(v), Some(verb)) if v.starts_with('v') => verb,
        _ => event_type,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_durations_carry_separators_and_units() {
        assert_eq!([num(0), num(999), num(1_882_171)], ["0", "999", "1,882,171"]);
        let spans = [40, 4_440, 31_000, 357_000, 18_180_000, 162_000_000].map(span);
        assert_eq!(spans, ["40 ms", "4.4 s", "31 s", "5 m 57 s", "5 h 03 m", "1 d 21 h"]);
        assert_eq!(count(1, "event"), "1 event");
    }

    #[test]
    fn a_url_holds_nothing_that_could_end_it() {
        assert_eq!(url("a b\"&<é/"), "a%20b%22%26%3C%C3%A9%2F");
        assert_eq!(event_url("content.events/5", 12), "/console/log/content.events/5@12");
    }

    #[test]
    fn the_verb_of_a_type_is_its_last_word() {
        assert_eq!(verb("content.post.scheduled.v1"), "scheduled");
        assert_eq!(verb("odd"), "odd");
    }
}
