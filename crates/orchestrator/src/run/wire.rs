//! What goes to a lane of another node: the command as data, and the answer to it. Not the sending,
//! which the assembly does, and not the format of anything stored: nodes of one installation speak it.

use std::any::Any;

use domain::{CommandKey, EventId, LaneId, Position, StreamId, Timestamp, TopicId, Trace};
use lane::{Accepted, Answer, Refused, Submit};
use log::{Body, Fingerprint, Verdict};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::run::desk::Desk;
use crate::run::means::Submitter;
use crate::{Move, Order, ReadFrom, Register};

/// A command of the runtime, as data. Answers and timers are none: they are told where their saga is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wire {
    /// No command: its key is dead.
    Fence,
    /// What a step asks of an aggregate.
    Ask {
        /// The category of the saga that asks.
        saga: String,
        /// The ask.
        ask: Value,
        /// When it was asked first, in microseconds since 1970.
        asked_at: i64,
    },
    /// What an event means to a saga: the receiver reads the event itself.
    Trigger {
        /// The category of the saga.
        saga: String,
        /// The stream of the event.
        stream: String,
        /// Its place there.
        version: u64,
        /// Which of the sagas that it reaches.
        number: u64,
    },
    /// An operator's order to the saga.
    Order(Order),
    /// The registration of a plan.
    Register {
        /// Name of the saga.
        saga: String,
        /// Version of the plan.
        version: u32,
        /// The hash of the plan.
        hash: String,
        /// The plan.
        text: String,
        /// From where lanes are read.
        reads: Vec<ReadFrom>,
    },
    /// A mark that moves.
    Mark {
        /// Name of the saga.
        saga: String,
        /// The topic that is read.
        topic: String,
        /// The lane in it.
        lane: u16,
        /// The last seq that is answered.
        seq: u64,
    },
}

impl From<&Register> for Wire {
    fn from(it: &Register) -> Self {
        let Register { saga, version, hash, text, reads } = it.clone();
        Self::Register { saga, version, hash, text, reads }
    }
}

impl From<&Move> for Wire {
    fn from(it: &Move) -> Self {
        let Move { saga, topic, lane, seq } = it.clone();
        Self::Mark { saga, topic, lane, seq }
    }
}

#[derive(Serialize, Deserialize)]
struct Sent {
    stream: String,
    key: Option<Uuid>,
    fingerprint: Uuid,
    tenant: String,
    actor: String,
    correlation: Uuid,
    causation: Option<Uuid>,
    trace: Option<String>,
    fence: bool,
    asked_at: Option<i64>,
    wire: Wire,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Told {
    Accepted { it: ToldOf, events: Vec<(Uuid, String)> },
    Refused { it: ToldOf, verdict: u8, rule: String, detail: String },
    KeyReused,
    StillRunning,
    Overloaded(u64),
    Unavailable(String),
    Elsewhere(String),
    Unknown(String),
}

#[derive(Serialize, Deserialize)]
struct ToldOf {
    stream: String,
    version: u64,
    topic: u16,
    lane: u16,
    seq: u64,
    replayed: bool,
}

const VERDICTS: [Verdict; 6] = [
    Verdict::Nothing,
    Verdict::Conflict,
    Verdict::Invalid,
    Verdict::Absent,
    Verdict::WrongVersion,
    Verdict::Fenced,
];

/// A command on its way to another node.
pub fn send(submit: &Submit, wire: &Wire) -> Vec<u8> {
    let sent = Sent {
        stream: submit.stream.to_string(),
        key: submit.key.map(|key| Uuid::from_bytes(key.0)),
        fingerprint: Uuid::from_bytes(submit.fingerprint.0),
        tenant: submit.tenant.to_string(),
        actor: submit.actor.to_string(),
        correlation: submit.correlation,
        causation: submit.causation,
        trace: submit.trace.map(|trace| trace.to_string()),
        fence: submit.fence,
        asked_at: submit.asked_at.map(Timestamp::as_micros),
        wire: wire.clone(),
    };
    // Text, numbers and JSON are always JSON.
    serde_json::to_vec(&sent).unwrap_or_default()
}

/// The answer of another node; `None`: it is none.
pub fn answer(told: &[u8]) -> Option<Answer> {
    let place = |it: &ToldOf| -> Option<(StreamId, Position)> {
        let lane = LaneId { topic: TopicId(it.topic), index: it.lane };
        Some((it.stream.parse().ok()?, Position { lane, seq: it.seq }))
    };
    Some(match serde_json::from_slice(told).ok()? {
        Told::Accepted { it, events } => {
            let (stream, position) = place(&it)?;
            let events = events.into_iter().map(|(id, ty)| (EventId(id), ty)).collect();
            let (version, replayed) = (it.version, it.replayed);
            Answer::Accepted(Accepted { stream, version, position, events, replayed })
        }
        Told::Refused { it, verdict, rule, detail } => {
            let (stream, position) = place(&it)?;
            let verdict = *VERDICTS.get(usize::from(verdict))?;
            let (version, replayed) = (it.version, it.replayed);
            Answer::Refused(Refused { stream, version, position, verdict, rule, detail, replayed })
        }
        Told::KeyReused => Answer::KeyReused,
        Told::StillRunning => Answer::StillRunning,
        Told::Overloaded(retry_after_ms) => Answer::Overloaded { retry_after_ms },
        Told::Unavailable(why) => Answer::Unavailable { why },
        Told::Elsewhere(url) => Answer::Elsewhere { url },
        Told::Unknown(why) => Answer::Unknown { why },
    })
}

fn tell(answer: Answer) -> Vec<u8> {
    let of = |stream: StreamId, version, at: Position, replayed| ToldOf {
        stream: stream.to_string(),
        version,
        topic: at.lane.topic.0,
        lane: at.lane.index,
        seq: at.seq,
        replayed,
    };
    let told = match answer {
        Answer::Accepted(it) => Told::Accepted {
            it: of(it.stream, it.version, it.position, it.replayed),
            events: it.events.into_iter().map(|(id, ty)| (id.0, ty)).collect(),
        },
        Answer::Refused(it) => Told::Refused {
            it: of(it.stream, it.version, it.position, it.replayed),
            verdict: (0..).zip(VERDICTS).find(|(_, one)| *one == it.verdict).map_or(1, |(n, _)| n),
            rule: it.rule,
            detail: it.detail,
        },
        Answer::KeyReused => Told::KeyReused,
        Answer::StillRunning => Told::StillRunning,
        Answer::Overloaded { retry_after_ms } => Told::Overloaded(retry_after_ms),
        Answer::Unavailable { why } => Told::Unavailable(why),
        Answer::Elsewhere { url } => Told::Elsewhere(url),
        Answer::Unknown { why } => Told::Unknown(why),
    };
    serde_json::to_vec(&told).unwrap_or_default()
}

impl Desk {
    /// Takes a command that another node sent, and gives the answer to send back. `local` serves only
    /// what this node owns.
    pub async fn receive(&self, sent: &[u8], local: &dyn Submitter) -> Result<Vec<u8>, String> {
        let sent: Sent = serde_json::from_slice(sent).map_err(|error| error.to_string())?;
        let wrong = |what: &str| format!("{what} of a command cannot be read");
        let stream: StreamId = sent.stream.parse().map_err(|_| wrong("the stream"))?;
        let command = match self.rebuild(&stream, &sent.wire).await {
            Ok(command) => command,
            // The replica may not be that far: the sender asks again.
            Err(why) => return Ok(tell(Answer::Unavailable { why })),
        };
        let trace = sent.trace.as_deref().and_then(Trace::parse);
        let submit = Submit {
            stream,
            command,
            key: sent.key.map(|key| CommandKey(key.into_bytes())),
            fingerprint: Fingerprint(sent.fingerprint.into_bytes()),
            expected: None,
            tenant: sent.tenant.parse().map_err(|_| wrong("the tenant"))?,
            actor: sent.actor.parse().map_err(|_| wrong("the actor"))?,
            correlation: sent.correlation,
            causation: sent.causation,
            trace,
            fence: sent.fence,
            asked_at: sent.asked_at.map(Timestamp::from_micros),
        };
        Ok(tell(local.submit(submit).await))
    }

    async fn rebuild(&self, of: &StreamId, wire: &Wire) -> Result<Box<dyn Any + Send>, String> {
        let inner = &self.0;
        let kind = |saga: &str| {
            inner.kinds.get(saga).ok_or_else(|| format!("no saga of category {saga} runs here"))
        };
        Ok(match wire {
            Wire::Fence => Box::new(()),
            Wire::Order(order) => {
                let ty = self.type_of(of).map_err(|error| error.to_string())?;
                ty.command(order.clone()).map_err(|error| error.to_string())?
            }
            Wire::Ask { saga, ask, asked_at } => {
                kind(saga)?.ask(ask.clone(), Timestamp::from_micros(*asked_at))?
            }
            Wire::Trigger { saga, stream, version, number } => {
                let stream: StreamId =
                    stream.parse().map_err(|_| format!("{stream} is no stream"))?;
                let (schemas, kind) = (inner.means.deciders.schemas(), kind(saga)?);
                for record in inner.means.stream(&stream).await? {
                    if let Body::Event { meta, data, .. } = record.body
                        && meta.version == *version
                    {
                        let met = kind.meet(schemas, &meta, &data)?;
                        let input = met.get(usize::try_from(*number).unwrap_or(usize::MAX));
                        let (_, input) = input.ok_or("the event does not reach so many sagas")?;
                        return Ok(input.command());
                    }
                }
                return Err(format!("version {version} of {stream} is not here yet"));
            }
            Wire::Register { saga, version, hash, text, reads } => Box::new(Register {
                saga: saga.clone(),
                version: *version,
                hash: hash.clone(),
                text: text.clone(),
                reads: reads.clone(),
            }),
            Wire::Mark { saga, topic, lane, seq } => {
                Box::new(Move { saga: saga.clone(), topic: topic.clone(), lane: *lane, seq: *seq })
            }
        })
    }
}
