//! A month of the calendar, in UTC. Not a length of time.

use chrono::{DateTime, Datelike, Utc};
use domain::{NotAnId, Timestamp};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A month, as `2026-11`.
///
/// ```
/// use billing::quota::Month;
/// let at = "2026-11-30T23:59:59.999Z".parse().unwrap();
/// assert_eq!(Month::of(at).to_string(), "2026-11");
/// assert!(Month::of(at) < "2026-12".parse().unwrap());
/// assert!("2026-13".parse::<Month>().is_err());
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Month {
    /// 0 to 9999.
    year: u16,
    /// 1 to 12.
    month: u8,
}

impl Month {
    /// The month of a time; times out of the years 0 to 9999 count for the nearest of them.
    pub fn of(at: Timestamp) -> Self {
        let at = DateTime::<Utc>::from(at);
        let year = u16::try_from(at.year().clamp(0, 9_999)).unwrap_or_default();
        Self { year, month: u8::try_from(at.month()).unwrap_or(1) }
    }
}

impl std::fmt::Display for Month {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:04}-{:02}", self.year, self.month)
    }
}

impl std::fmt::Debug for Month {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}

impl std::str::FromStr for Month {
    type Err = NotAnId;

    fn from_str(text: &str) -> Result<Self, NotAnId> {
        let parts = || {
            let (year, month) = text.split_once('-').filter(|_| text.len() == 7)?;
            let month = month.parse().ok().filter(|month| (1..=12).contains(month))?;
            Some(Self { year: year.parse().ok()?, month })
        };
        parts().ok_or_else(|| NotAnId { what: "a month (as 2026-11)", text: text.to_owned() })
    }
}

impl Serialize for Month {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&self.to_string())
    }
}

impl<'de> Deserialize<'de> for Month {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from)?.parse().map_err(serde::de::Error::custom)
    }
}
