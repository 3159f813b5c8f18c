//! Avro events: schemas, data in the hot path, Confluent wire format, compatibility.
