//! The topics of a log, their lanes, and which lane a stream belongs to.

use domain::{LaneId, StreamId, TopicId};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::Head;

/// One topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Topic {
    /// Its name, as `content.events`.
    pub name: String,
    /// How many lanes it has, for the life of the log.
    pub lanes: u16,
}

/// All topics of a log: a list that only grows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Topics {
    log: Uuid,
    all: Vec<Topic>,
}

/// The list of topics cannot be changed like this.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "topic {name} has {is} lanes in this log, {asked} were asked for; lanes are fixed for the life of a log: copy into a new log to change them"
)]
pub struct TopicsError {
    name: String,
    is: u16,
    asked: u16,
}

impl Topics {
    /// The topics of the log with this id; the id enters every chain.
    pub const fn new(log: Uuid, all: Vec<Topic>) -> Self {
        Self { log, all }
    }

    /// The id of the log.
    pub const fn log(&self) -> Uuid {
        self.log
    }

    /// Every topic, in the order of their ids.
    pub fn all(&self) -> &[Topic] {
        &self.all
    }

    /// Adds a topic when it is missing.
    pub fn ensure(&mut self, name: &str, lanes: u16) -> Result<TopicId, TopicsError> {
        if let Some(id) = self.find(name) {
            let is = self.all[usize::from(id.0)].lanes;
            if is != lanes {
                return Err(TopicsError { name: name.to_owned(), is, asked: lanes });
            }
            return Ok(id);
        }
        self.all.push(Topic { name: name.to_owned(), lanes });
        Ok(TopicId(u16::try_from(self.all.len() - 1).unwrap_or(u16::MAX)))
    }

    /// The topic of this name.
    pub fn find(&self, name: &str) -> Option<TopicId> {
        let at = self.all.iter().position(|topic| topic.name == name)?;
        u16::try_from(at).ok().map(TopicId)
    }

    /// The name of a topic; `?` for one that is not of this log.
    pub fn name(&self, topic: TopicId) -> &str {
        self.all.get(usize::from(topic.0)).map_or("?", |topic| topic.name.as_str())
    }

    /// All lanes of a topic.
    pub fn lanes_of(&self, topic: TopicId) -> impl Iterator<Item = LaneId> + use<> {
        let lanes = self.all.get(usize::from(topic.0)).map_or(0, |topic| topic.lanes);
        (0..lanes).map(move |index| LaneId { topic, index })
    }

    /// All lanes of all topics.
    pub fn lanes(&self) -> impl Iterator<Item = LaneId> + '_ {
        (0..u16::try_from(self.all.len()).unwrap_or(u16::MAX))
            .flat_map(|at| self.lanes_of(TopicId(at)))
    }

    /// A lane as people write it: `content.events/5`.
    pub fn lane_name(&self, lane: LaneId) -> String {
        format!("{}/{}", self.name(lane.topic), lane.index)
    }

    /// The lane that people write `content.events/5`.
    pub fn parse_lane(&self, text: &str) -> Option<LaneId> {
        let (name, index) = text.rsplit_once('/')?;
        let topic = self.find(name)?;
        let index = index.parse().ok().filter(|at| *at < self.all[usize::from(topic.0)].lanes)?;
        Some(LaneId { topic, index })
    }

    /// The lane of a stream: murmur2 of its id, as Kafka's default partitioner does with the key.
    pub fn lane_for(&self, topic: TopicId, stream: &StreamId) -> LaneId {
        let lanes = self.all.get(usize::from(topic.0)).map_or(1, |topic| topic.lanes.max(1));
        // As `Display` writes it, which takes ten times as long.
        let mut id = Uuid::encode_buffer();
        let id = stream.id().hyphenated().encode_lower(&mut id);
        let key = [stream.category(), "-", id].concat();
        let hash = murmur2(key.as_bytes()) & 0x7fff_ffff;
        LaneId { topic, index: u16::try_from(hash % u32::from(lanes)).unwrap_or_default() }
    }

    /// The head of a lane before its first record: SHA-256 over a label, the log's id and the lane's
    /// name, so that no history of one lane passes for another's.
    pub fn genesis(&self, lane: LaneId) -> Head {
        let mut hash = Sha256::new();
        hash.update(b"recount lane 1\0");
        hash.update(self.log.as_bytes());
        hash.update(self.lane_name(lane).as_bytes());
        Head(hash.finalize().into())
    }
}

/// `MurmurHash2`, 32 bit, with the seed and byte order that Kafka's Java client uses for keys.
pub fn murmur2(data: &[u8]) -> u32 {
    const M: u32 = 0x5bd1_e995;
    let mut h = 0x9747_b28c_u32 ^ u32::try_from(data.len()).unwrap_or(u32::MAX);
    let (words, rest) = data.as_chunks::<4>();
    for word in words {
        let mut k = u32::from_le_bytes(*word).wrapping_mul(M);
        k ^= k >> 24;
        h = h.wrapping_mul(M) ^ k.wrapping_mul(M);
    }
    if !rest.is_empty() {
        for (at, byte) in rest.iter().enumerate() {
            h ^= u32::from(*byte) << (8 * at);
        }
        h = h.wrapping_mul(M);
    }
    h ^= h >> 13;
    h = h.wrapping_mul(M);
    h ^ (h >> 15)
}
