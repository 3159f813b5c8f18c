//! The log on Apache Kafka: [`log::Log`] over librdkafka. Not an owner of lanes, and no client
//! type is seen from outside.
