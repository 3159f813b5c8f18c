//! The engine's sentence on a saga, with its countdowns marked so that the script counts them down by
//! itself: the same markup serves until something happens. Not the sentence itself.

use domain::Timestamp;
use maud::{Markup, html};
use orchestrator::{Instance, why};

use super::map_parts::clock;
use crate::format;

/// A piece of a sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece<'a> {
    Text(&'a str),
    /// A countdown as the engine writes it, and when it ends.
    Until(&'a str, Timestamp),
}

/// Why it is where it is: the first sentence, and the rest.
pub(crate) fn draw(is: &Instance, now: Timestamp) -> (Markup, Markup) {
    let says = why(is, now);
    // The full stop stays with the first one.
    let end = says.find(". ").map_or(says.len(), |at| at + 1);
    let (first, rest) = says.split_at(end);
    (drawn(first, is, now), drawn(rest.trim_start(), is, now))
}

fn drawn(says: &str, is: &Instance, now: Timestamp) -> Markup {
    html! {
        @for piece in pieces(says, is, now) {
            @match piece {
                Piece::Text(text) => (text),
                Piece::Until(text, at) => span data-until=(at.as_millis()) { (text) },
            }
        }
    }
}

fn pieces<'a>(says: &'a str, is: &Instance, now: Timestamp) -> Vec<Piece<'a>> {
    let mut rest = says;
    let mut all = Vec::new();
    let found = |text: &str| {
        let mut timers = is.timers.values();
        timers.find_map(|timer| {
            let written = engine_clock(now, timer.at);
            let at = text.find(&format!(" in {written}"))?;
            Some((at + 4, written.len(), timer.at))
        })
    };
    while let Some((at, long, ends)) = found(rest) {
        all.push(Piece::Text(&rest[..at]));
        all.push(Piece::Until(&rest[at..at + long], ends));
        rest = &rest[at + long..];
    }
    all.push(Piece::Text(rest));
    all
}

/// Minutes and seconds as the engine writes them.
fn engine_clock(now: Timestamp, at: Timestamp) -> String {
    let seconds = (at.ms_since(now).max(0) + 999) / 1_000;
    format!("{:02}:{:02}", seconds / 60, seconds % 60)
}

/// How long until a time, counted down by the script.
pub(crate) fn until(now: Timestamp, at: Timestamp) -> Markup {
    html! { span data-until=(at.as_millis()) { (clock(now, at)) } }
}

/// How long since a time, counted up by the script while it `goes_on`.
pub(crate) fn since(now: Timestamp, at: Timestamp, goes_on: bool) -> Markup {
    let ms = u64::try_from(now.ms_since(at)).unwrap_or(0);
    html! {
        time datetime=(at) title=(at) data-since=[goes_on.then(|| at.as_millis())] { (format::span(ms)) }
    }
}

#[cfg(test)]
mod tests {
    use orchestrator::{Purpose, Timer};

    use super::*;

    #[test]
    fn countdowns_of_a_sentence_are_found_by_their_timers() {
        let now = Timestamp::from_millis(0);
        let at = Timestamp::from_millis(41_000);
        let timer = Timer { purpose: Purpose::Begin, step: String::new(), at };
        let mut is = Instance::default();
        is.timers.insert(0, timer);
        let said = pieces("Begins in 00:41. Not in 00:12.", &is, now);
        let all =
            [Piece::Text("Begins in "), Piece::Until("00:41", at), Piece::Text(". Not in 00:12.")];
        assert_eq!(said, all);
    }
}
