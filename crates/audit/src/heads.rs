//! The head of a lane as a line of text that a user can keep: it stands for the lane's whole history.
//! Not a signature: who keeps it must trust where it is kept.

use std::str::FromStr;

use domain::LaneId;
use log::{Follower, Head, LaneState, Log, ReadError, Sha256Chain, Topics};
use uuid::Uuid;

/// How far a lane had come, and the hash over all of it.
///
/// ```
/// let line = "content.events/5 seq 12 epoch 2 log 0190e2a4-0000-7000-8000-00000000000f \
///             head 00000000000000000000000000000000000000000000000000000000000000ff";
/// let head: audit::LaneHead = line.parse().unwrap();
/// assert_eq!(head.seq, 12);
/// assert_eq!(head.to_string(), line);
/// let wrong = "content.events/5 seq 12".parse::<audit::LaneHead>().unwrap_err();
/// assert!(wrong.to_string().contains("is not the head of a lane"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct LaneHead {
    /// As `content.events/5`.
    pub lane: String,
    /// Valid records.
    pub seq: u64,
    /// The current epoch; 0 when nobody ever claimed the lane.
    pub epoch: u64,
    /// Id of the log.
    pub log: Uuid,
    /// The hash.
    pub head: Head,
}

/// The text is not the head of a lane.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not the head of a lane; write it as `recount audit heads` does: LANE seq N epoch N log UUID head HASH"
)]
pub struct NotAHead(pub String);

impl LaneHead {
    /// Of a lane in this state.
    pub fn of(topics: &Topics, lane: LaneId, state: &LaneState<Sha256Chain>) -> Self {
        let (seq, epoch, head) = (state.seq, state.epoch, state.head);
        Self { lane: topics.lane_name(lane), seq, epoch, log: topics.log(), head }
    }
}

impl std::fmt::Display for LaneHead {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { lane, seq, epoch, log, head } = self;
        write!(f, "{lane} seq {seq} epoch {epoch} log {} head {head}", log.hyphenated())
    }
}

impl FromStr for LaneHead {
    type Err = NotAHead;

    fn from_str(text: &str) -> Result<Self, NotAHead> {
        let words: Vec<&str> = text.split_whitespace().collect();
        let parse = || {
            let [lane, "seq", seq, "epoch", epoch, "log", log, "head", head] = words[..] else {
                return None;
            };
            let (seq, epoch) = (seq.parse().ok()?, epoch.parse().ok()?);
            let log = Uuid::try_parse(log).ok()?;
            Some(Self { lane: lane.to_owned(), seq, epoch, log, head: parse_hash(head)? })
        };
        parse().ok_or_else(|| NotAHead(text.to_owned()))
    }
}

fn parse_hash(text: &str) -> Option<Head> {
    let mut head = [0; 32];
    let plain = text.len() == 64 && text.bytes().all(|digit| digit.is_ascii_hexdigit());
    for (at, byte) in head.iter_mut().enumerate().filter(|_| plain) {
        *byte = u8::from_str_radix(&text[2 * at..2 * at + 2], 16).ok()?;
    }
    plain.then_some(Head(head))
}

/// The heads in a file: one a line; empty lines and lines that begin with `#` are skipped.
pub fn parse_heads(text: &str) -> Result<Vec<LaneHead>, NotAHead> {
    let lines = text.lines().map(str::trim);
    lines.filter(|line| !line.is_empty() && !line.starts_with('#')).map(str::parse).collect()
}

/// The head of every lane, folded from its first record. Reads the whole log.
pub fn heads(log: &dyn Log) -> Result<Vec<LaneHead>, ReadError> {
    let topics = log.topics();
    let fold = |lane| {
        let mut follower = Follower::from_start(log, lane);
        while !follower.poll(log)?.is_empty() {}
        Ok(LaneHead::of(topics, lane, follower.state()))
    };
    topics.lanes().map(fold).collect()
}
