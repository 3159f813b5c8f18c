//! Events to data and back, over versions of their schemas. The hot path is one look-up and serde.

use std::borrow::Cow;

use apache_avro::reader::datum::GenericDatumReader;
use apache_avro::writer::datum::GenericDatumWriter;
use domain::{EventData, EventSet, UnknownEvent};

use crate::{DatumError, DecodeError, EncodeError, Schema, Schemas, datum};

/// Usual length of a datum: one allocation for most events.
const BUFFER_BYTES: usize = 256;

impl Schemas {
    /// Encodes an event with the current schema of its type.
    pub fn encode<E: EventSet>(&self, event: &E) -> Result<EventData, EncodeError> {
        let event_type = event.event_type();
        let schema = self.by_type(event_type).ok_or(EncodeError::NoSchema(event_type))?;
        let datum = datum::write(&schema.node.0, Vec::with_capacity(BUFFER_BYTES), |to| {
            event.serialize_data(to)
        })
        .map_err(|source| EncodeError::Datum { event_type, source })?;
        Ok(EventData {
            event_type: Cow::Borrowed(event_type),
            fingerprint: schema.fingerprint(),
            datum,
        })
    }

    /// Decodes an event, whichever loaded version of its schema it was written with.
    pub fn decode<E: EventSet>(&self, data: &EventData) -> Result<E, DecodeError> {
        self.decode_parts(&data.event_type, data.fingerprint, &data.datum)
    }

    /// The same from borrowed parts.
    pub fn decode_parts<E: EventSet>(
        &self,
        event_type: &str,
        fingerprint: u64,
        datum: &[u8],
    ) -> Result<E, DecodeError> {
        let writer = self.writer(event_type, fingerprint)?;
        let unknown = || DecodeError::NotInSet(UnknownEvent(event_type.to_owned()));
        if !E::TYPES.contains(&event_type) {
            return Err(unknown());
        }
        let current = self.by_type(event_type).unwrap_or(writer);
        let wrong = |source| wrong(event_type, datum, source);
        let upcast = if current.version() == writer.version() {
            Cow::Borrowed(datum)
        } else {
            Cow::Owned(resolve(datum, writer, current).map_err(wrong)?)
        };
        let read = datum::read(&current.node.0, &upcast, |from| {
            E::deserialize_data(event_type, from).transpose()
        });
        read.map_err(wrong)?.ok_or_else(unknown)
    }

    /// The schema a stored event names, checked against its type.
    pub(crate) fn writer(
        &self,
        event_type: &str,
        fingerprint: u64,
    ) -> Result<&Schema, DecodeError> {
        let Some(schema) = self.by_fingerprint(fingerprint) else {
            return Err(DecodeError::UnknownSchema {
                event_type: event_type.to_owned(),
                fingerprint,
            });
        };
        if schema.event_type() != event_type {
            let schema_type = schema.event_type().to_owned();
            return Err(DecodeError::OtherType {
                event_type: event_type.to_owned(),
                fingerprint,
                schema_type,
            });
        }
        Ok(schema)
    }
}

#[cold]
pub(crate) fn wrong(event_type: &str, datum: &[u8], source: DatumError) -> DecodeError {
    DecodeError::Datum { event_type: event_type.to_owned(), bytes: datum.len(), source }
}

/// The datum as the reader's schema would have written it: Avro's schema resolution, with defaults
/// for what the writer did not know. Rare, so it may be slow; the datum is checked first, because
/// apache-avro's own limits are coarser than ours.
fn resolve(datum: &[u8], writer: &Schema, reader: &Schema) -> Result<Vec<u8>, DatumError> {
    datum::check(&writer.node.0, datum)?;
    let failed = |error: apache_avro::Error| {
        DatumError::new(format!(
            "from version {} to {}: {error}",
            writer.version(),
            reader.version()
        ))
    };
    let from = GenericDatumReader::builder(&writer.avro)
        .reader_schema(&reader.avro)
        .build()
        .map_err(failed)?;
    let value = from.read_value(&mut &*datum).map_err(failed)?;
    let to = GenericDatumWriter::builder(&reader.avro).build().map_err(failed)?;
    to.write_value_to_vec(value).map_err(failed)
}
