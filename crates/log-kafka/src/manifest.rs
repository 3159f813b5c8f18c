//! The topic `recount.log`: which log this is and which topics it has. A list that only grows, so that
//! every node gives every topic the same number. Not their records.

use std::time::Instant;

use log::{Topic, Topics};
use rdkafka::Message;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::{Offset, TopicPartitionList};
use uuid::Uuid;

use crate::watch::Watch;
use crate::{OpenError, Options, ask};

/// Its name, without the prefix.
pub(crate) const NAME: &str = "recount.log";

/// A line of it: the value of one record.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Line {
    Log(Uuid),
    Topic(Topic),
}

impl Line {
    fn text(&self) -> String {
        match self {
            Self::Log(id) => format!("log {}", id.hyphenated()),
            Self::Topic(topic) => format!("topic {} {}", topic.lanes, topic.name),
        }
    }

    fn parse(text: &str) -> Option<Self> {
        let (word, rest) = text.split_once(' ')?;
        match word {
            "log" => Uuid::try_parse(rest).ok().map(Self::Log),
            "topic" => {
                let (lanes, name) = rest.split_once(' ')?;
                let lanes = lanes.parse().ok().filter(|lanes| *lanes > 0)?;
                Some(Self::Topic(Topic { name: name.to_owned(), lanes }))
            }
            _ => None,
        }
    }
}

/// The first `log` line counts, and the first `topic` line of each name: two nodes that write at once
/// come to the same list.
fn fold(lines: impl Iterator<Item = Line>) -> Option<Topics> {
    let (mut id, mut all) = (None, Vec::<Topic>::new());
    for line in lines {
        match line {
            Line::Log(log) => id = id.or(Some(log)),
            Line::Topic(topic) if all.iter().any(|it| it.name == topic.name) => {}
            Line::Topic(topic) => all.push(topic),
        }
    }
    Some(Topics::new(id?, all))
}

/// The topics of the log; `None` when nothing is written yet. The topic itself must be there.
pub(crate) fn read(options: &Options) -> Result<Option<Topics>, OpenError> {
    let topic = options.kafka_name(NAME);
    let failed = |error: KafkaError| OpenError::Refused {
        attempt: format!("reading topic {topic}"),
        why: error.to_string(),
    };
    let consumer: BaseConsumer<Watch> =
        options.consumer().create_with_context(Watch::default()).map_err(failed)?;
    let (low, high) =
        ask::watermarks(&consumer, &topic, 0, options.connect_timeout).map_err(failed)?;
    if low != 0 {
        let why = format!("it begins at offset {low}; records were deleted");
        return Err(OpenError::Manifest { topic, why });
    }
    let mut assigned = TopicPartitionList::new();
    assigned.add_partition_offset(&topic, 0, Offset::Beginning).map_err(failed)?;
    consumer.assign(&assigned).map_err(failed)?;
    let (begun, mut lines, mut next) = (Instant::now(), Vec::new(), 0);
    while next < high {
        match consumer.poll(std::time::Duration::from_millis(100)) {
            Some(Ok(message)) => {
                next = u64::try_from(message.offset()).unwrap_or_default() + 1;
                let text = message.payload().and_then(|it| std::str::from_utf8(it).ok());
                lines.extend(text.and_then(Line::parse));
            }
            Some(Err(error)) if denied(&error) => return Err(OpenError::NotAllowed { topic }),
            Some(Err(error)) if begun.elapsed() > options.connect_timeout => {
                return Err(failed(error));
            }
            None if begun.elapsed() > options.connect_timeout => {
                let why = "its records do not come".to_owned();
                return Err(OpenError::Manifest { topic, why });
            }
            _ => {}
        }
    }
    Ok(fold(lines.into_iter()))
}

fn denied(error: &KafkaError) -> bool {
    error.rdkafka_error_code() == Some(RDKafkaErrorCode::TopicAuthorizationFailed)
}

/// Adds what is missing: the id of the log, and topics. Gives what is there then.
pub(crate) fn write(options: &Options, log: Option<Uuid>) -> Result<Topics, OpenError> {
    let there = read(options)?;
    let mut lines = Vec::new();
    if there.is_none() {
        lines.push(Line::Log(log.unwrap_or_else(Uuid::now_v7)));
    }
    for (name, lanes) in &options.topics {
        if there.as_ref().is_none_or(|there| there.find(name).is_none()) {
            lines.push(Line::Topic(Topic { name: name.clone(), lanes: *lanes }));
        }
    }
    if !lines.is_empty() {
        append(options, &lines)?;
    }
    let (topic, why) = (options.kafka_name(NAME), "what was written is not there".to_owned());
    read(options)?.ok_or(OpenError::Manifest { topic, why })
}

fn append(options: &Options, lines: &[Line]) -> Result<(), OpenError> {
    let topic = options.kafka_name(NAME);
    let attempt = format!("writing topic {topic}");
    let producer: BaseProducer =
        options.producer().create().map_err(OpenError::refused(attempt.as_str()))?;
    for line in lines {
        let text = line.text();
        let record: BaseRecord<'_, str, str> = BaseRecord::to(&topic).partition(0).payload(&text);
        let sent = producer.send(record).map_err(|(error, _)| error);
        sent.map_err(OpenError::refused(attempt.as_str()))?;
    }
    // Whether each of them arrived is seen when the topic is read again.
    producer.flush(options.connect_timeout).map_err(OpenError::refused(attempt))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_nodes_that_write_at_once_come_to_one_list() {
        let (one, two) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let topic = |lanes, name: &str| Line::Topic(Topic { name: name.to_owned(), lanes });
        let lines = [
            Line::Log(one),
            Line::Log(two),
            topic(16, "content.events"),
            topic(8, "content.events"),
            topic(4, "content.sagas"),
        ];
        let parsed = lines.iter().map(|line| Line::parse(&line.text()).unwrap());
        let topics = fold(parsed).unwrap();
        assert_eq!(topics.log(), one);
        let found: Vec<_> = topics.all().iter().map(|it| (it.name.as_str(), it.lanes)).collect();
        assert_eq!(found, [("content.events", 16), ("content.sagas", 4)]);
    }

    #[test]
    fn what_is_no_line_is_skipped() {
        for text in ["", "log", "log x", "topic 0 a", "topic x a", "topic 4", "something else"] {
            assert_eq!(Line::parse(text), None, "{text}");
        }
        assert_eq!(fold(std::iter::empty()), None);
    }
}
