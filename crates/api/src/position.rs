//! Position tokens: how far a log was, opaque to clients. Not a cursor of a list.
//!
//! `version (1) | count | count * (topic name: length, bytes | lane u16 LE | seq u64 LE)`, base64url.
//! Topics stand by name, so a token means the same through every node.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::LaneId;
use log::Topics;

use crate::codes;
use crate::problem::Problem;

const VERSION: u8 = 1;
/// Longest token: 64 lanes of topics with long names.
const TOKEN_CHARS_MAX: usize = 6_000;

/// Writes a token; lanes behind the 255th are left out.
pub(crate) fn token(topics: &Topics, positions: &[(LaneId, u64)]) -> String {
    let positions = &positions[..positions.len().min(usize::from(u8::MAX))];
    let mut bytes = Vec::with_capacity(2 + positions.len() * 32);
    bytes.extend([VERSION, u8::try_from(positions.len()).unwrap_or(u8::MAX)]);
    for (lane, seq) in positions {
        let name = topics.name(lane.topic).as_bytes();
        bytes.push(u8::try_from(name.len()).unwrap_or(u8::MAX));
        bytes.extend_from_slice(&name[..name.len().min(usize::from(u8::MAX))]);
        bytes.extend(lane.index.to_le_bytes());
        bytes.extend(seq.to_le_bytes());
    }
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Reads a token.
pub(crate) fn parse(topics: &Topics, token: &str) -> Result<Vec<(LaneId, u64)>, Problem> {
    decode(topics, token).ok_or_else(|| {
        let detail =
            "a position is what an answer of this installation gave as `position`, unchanged";
        Problem::new(codes::BAD_POSITION, detail)
    })
}

fn decode(topics: &Topics, token: &str) -> Option<Vec<(LaneId, u64)>> {
    if token.len() > TOKEN_CHARS_MAX {
        return None;
    }
    let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
    let (head, mut rest) = bytes.split_first_chunk::<2>()?;
    if head[0] != VERSION || head[1] == 0 {
        return None;
    }
    let mut out = Vec::with_capacity(usize::from(head[1]));
    for _ in 0..head[1] {
        let (len, tail) = rest.split_first()?;
        let (name, tail) = tail.split_at_checked(usize::from(*len))?;
        let (index, tail) = tail.split_first_chunk::<2>()?;
        let (seq, tail) = tail.split_first_chunk::<8>()?;
        rest = tail;
        let topic = topics.find(std::str::from_utf8(name).ok()?)?;
        let index = u16::from_le_bytes(*index);
        let known = topics.all().get(usize::from(topic.0)).is_some_and(|it| index < it.lanes);
        if !known {
            return None;
        }
        out.push((LaneId { topic, index }, u64::from_le_bytes(*seq)));
    }
    rest.is_empty().then_some(out)
}

#[cfg(test)]
mod tests {
    use log::Topic;
    use uuid::Uuid;

    use super::*;

    fn topics() -> Topics {
        let all =
            ["content.events", "social.events"].map(|name| Topic { name: name.into(), lanes: 4 });
        Topics::new(Uuid::nil(), all.into())
    }

    #[test]
    fn a_token_gives_back_what_it_was_made_of() {
        let topics = topics();
        let lane = topics.parse_lane("social.events/3").unwrap();
        let made = token(&topics, &[(lane, 17)]);
        assert_eq!(parse(&topics, &made).unwrap(), [(lane, 17)]);
    }

    #[test]
    fn a_changed_token_is_refused_whatever_the_change() {
        let topics = topics();
        let lane = topics.parse_lane("social.events/3").unwrap();
        let made = token(&topics, &[(lane, 17)]);
        for wrong in
            ["", "17", "AA", "AQA", &made[1..], &made[..made.len() - 2], &format!("{made}AA")]
        {
            assert_eq!(parse(&topics, wrong).unwrap_err().word(), "bad_position", "{wrong}");
        }
        let other = Topics::new(Uuid::nil(), vec![]);
        assert!(parse(&other, &made).is_err());
    }

    #[test]
    fn a_token_of_any_bytes_has_one_form() {
        let topics = topics();
        let lanes = topics.parse_lane("social.events/3").unwrap();
        let made =
            token(&topics, &[(lanes, 17), (topics.parse_lane("content.events/0").unwrap(), 1)]);
        let seeds = vec![URL_SAFE_NO_PAD.decode(made).unwrap(), vec![VERSION, 1]];
        fuzz::fuzz("position", seeds, fuzz::Bound::NONE, |bytes| {
            let text = URL_SAFE_NO_PAD.encode(bytes);
            let _ = parse(&topics, &String::from_utf8_lossy(bytes));
            match parse(&topics, &text) {
                Ok(positions) => {
                    assert_eq!(token(&topics, &positions), text);
                    format!("{} lanes", "x".repeat(positions.len()))
                }
                Err(problem) => problem.word().to_owned(),
            }
        });
    }

    #[test]
    fn no_bytes_make_the_decoder_panic() {
        let topics = topics();
        for len in 0..64_u8 {
            for fill in [0, 1, 2, 14, 255] {
                let text = URL_SAFE_NO_PAD.encode(vec![fill; usize::from(len)]);
                let _ = parse(&topics, &text);
            }
        }
    }
}
