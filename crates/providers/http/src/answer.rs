//! What came back, or did not.

use bytes::Bytes;
use domain::saga::{Fault, Outcome};
use http::{HeaderMap, StatusCode};
use serde::de::DeserializeOwned;

/// Most characters of a target's own words that are kept in an outcome.
const SAID_CHARS_MAX: usize = 300;

/// An answer, read to its end.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Bytes,
}

/// No answer came, or not all of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoAnswer {
    /// There was no connection: nothing was done.
    #[error("{0}")]
    NotSent(String),
    /// The request was on its way: it may have been done.
    #[error("{0}")]
    Lost(String),
}

impl NoAnswer {
    /// As the outcome of work that changes something.
    pub fn outcome<T>(self) -> Outcome<T> {
        match self {
            Self::NotSent(why) => Outcome::Transient(Fault::new(why)),
            Self::Lost(why) => Outcome::Unknown(Fault::new(why)),
        }
    }

    /// As the outcome of a call that changed nothing, whether it arrived or not.
    pub fn harmless<T>(self) -> Outcome<T> {
        let (Self::NotSent(why) | Self::Lost(why)) = self;
        Outcome::Transient(Fault::new(why))
    }
}

impl Answer {
    /// Its body as JSON.
    pub fn json<T: DeserializeOwned>(&self) -> Option<T> {
        serde_json::from_slice(&self.body).ok()
    }

    /// When the target asks to come back, in milliseconds from now: `Retry-After` in seconds or as a
    /// date, else `RateLimit-Reset` in seconds since 1970.
    pub fn retry_after_ms(&self) -> Option<u64> {
        let text = |name: &str| self.headers.get(name)?.to_str().ok().map(str::trim);
        let until = |at_ms: i64| {
            let ms = at_ms.saturating_sub(crate::now().as_millis());
            u64::try_from(ms).unwrap_or(0)
        };
        if let Some(after) = text("retry-after") {
            if let Ok(seconds) = after.parse::<u64>() {
                return Some(seconds.saturating_mul(1_000));
            }
            let date = chrono::DateTime::parse_from_rfc2822(after).ok()?;
            return Some(until(date.timestamp_millis()));
        }
        let reset = text("ratelimit-reset")?.parse::<i64>().ok()?;
        // A number that cannot be a time since 1970 is one of seconds from now, as the draft has it.
        if reset < 1_000_000_000 {
            return u64::try_from(reset).ok()?.checked_mul(1_000);
        }
        Some(until(reset.saturating_mul(1_000)))
    }

    /// A fault with this sentence, and when to come back if the target said so.
    pub fn fault(&self, detail: impl Into<String>) -> Fault {
        Fault { detail: detail.into(), retry_after_ms: self.retry_after_ms() }
    }
}

/// The target's own words, short and on one line.
pub(crate) fn shortened(said: &str) -> String {
    let line: String =
        said.chars().map(|c| if c.is_control() { ' ' } else { c }).take(SAID_CHARS_MAX).collect();
    line.trim().to_owned()
}

impl Answer {
    /// What the target says, from the first of these members that is text; else the status.
    pub fn says(&self, members: &[&str]) -> String {
        let json: Option<serde_json::Value> = self.json();
        let said = json.as_ref().and_then(|it| {
            members.iter().find_map(|path| it.pointer(path)?.as_str()).map(shortened)
        });
        said.filter(|it| !it.is_empty()).unwrap_or_else(|| format!("it answered {}", self.status))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(name: &'static str, value: &str) -> Answer {
        let mut headers = HeaderMap::new();
        headers.insert(name, value.parse().unwrap());
        Answer { status: StatusCode::TOO_MANY_REQUESTS, headers, body: Bytes::new() }
    }

    #[test]
    fn when_to_come_back_is_read_in_seconds_as_a_date_and_as_a_reset() {
        assert_eq!(answer("retry-after", "7").retry_after_ms(), Some(7_000));
        assert_eq!(
            answer("retry-after", "Thu, 01 Jan 1970 00:00:00 GMT").retry_after_ms(),
            Some(0)
        );
        assert_eq!(answer("ratelimit-reset", "30").retry_after_ms(), Some(30_000));
        let soon = (crate::now().as_millis() / 1_000 + 60).to_string();
        let ms = answer("ratelimit-reset", &soon).retry_after_ms().unwrap();
        assert!((58_000..=60_000).contains(&ms), "{ms}");
        assert_eq!(answer("retry-after", "soon").retry_after_ms(), None);
        assert_eq!(answer("x", "1").retry_after_ms(), None);
    }

    #[test]
    fn what_a_target_says_is_short_and_on_one_line() {
        let mut it = answer("x", "1");
        it.body =
            Bytes::from(format!("{{\"error\":{{\"message\":\"no\\n{}\"}}}}", "x".repeat(900)));
        let says = it.says(&["/error/message"]);
        assert_eq!((says.chars().count(), &says[..4]), (300, "no x"));
        assert_eq!(it.says(&["/elsewhere"]), "it answered 429 Too Many Requests");
    }
}
