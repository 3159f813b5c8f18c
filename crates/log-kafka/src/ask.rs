//! Questions to brokers that are asked again while a leader is being found. Nothing is written.

use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use crate::Options;
use crate::watch::Watch;

/// Elections take some hundred milliseconds.
const AGAIN_AFTER: Duration = Duration::from_millis(50);
/// Credentials are refused, or a connection is, well within this.
const COMPLAINT_MAX: Duration = Duration::from_secs(2);

/// The first offset of a partition and the one behind its last.
pub(crate) fn watermarks(
    consumer: &BaseConsumer<Watch>,
    topic: &str,
    partition: i32,
    at_most: Duration,
) -> Result<(u64, u64), KafkaError> {
    let deadline = Instant::now() + at_most;
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        match consumer.fetch_watermarks(topic, partition, left.max(AGAIN_AFTER)) {
            Ok((low, high)) => {
                let offset = |it| u64::try_from(it).unwrap_or_default();
                return Ok((offset(low), offset(high)));
            }
            Err(error) if left.is_zero() || !passes(&error) => return Err(error),
            Err(_) => std::thread::sleep(AGAIN_AFTER),
        }
    }
}

/// Why brokers do not answer, in the words of a client that tries for a moment.
pub(crate) fn complaint(options: &Options) -> Option<String> {
    let watch = Watch::default();
    let consumer: BaseConsumer<Watch> =
        options.consumer().create_with_context(watch.clone()).ok()?;
    let begun = Instant::now();
    while watch.last().is_none() && begun.elapsed() < COMPLAINT_MAX {
        // Complaints come with the polling.
        drop(consumer.poll(AGAIN_AFTER));
    }
    watch.last()
}

fn passes(error: &KafkaError) -> bool {
    matches!(
        error.rdkafka_error_code(),
        Some(
            RDKafkaErrorCode::NotLeaderForPartition
                | RDKafkaErrorCode::LeaderNotAvailable
                | RDKafkaErrorCode::UnknownTopicOrPartition
                | RDKafkaErrorCode::UnknownPartition
                | RDKafkaErrorCode::ReplicaNotAvailable
                | RDKafkaErrorCode::BrokerTransportFailure
                | RDKafkaErrorCode::OperationTimedOut
                | RDKafkaErrorCode::RequestTimedOut
        )
    )
}
