//! A datum as JSON by its schema alone, for people and tools. Not a way back, and never a way out
//! for what is sealed.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::{EventData, Sealed, Timestamp};
use serde_json::{Map, Value, json};

use crate::cursor::Cursor;
use crate::event::wrong;
use crate::node::{Long, Node};
use crate::{DatumError, DecodeError, Schemas};

impl Schemas {
    /// The fields of a stored event as its writer wrote them, without any Rust type: times as RFC
    /// 3339, bytes as base64, sealed values as `{"sealed": "<subject>"}`.
    pub fn to_json(
        &self,
        event_type: &str,
        fingerprint: u64,
        datum: &[u8],
    ) -> Result<Value, DecodeError> {
        let schema = self.writer(event_type, fingerprint)?;
        render_all(&schema.node.0, datum).map_err(|source| wrong(event_type, datum, source))
    }

    /// The same for an event in memory.
    pub fn data_to_json(&self, data: &EventData) -> Result<Value, DecodeError> {
        self.to_json(&data.event_type, data.fingerprint, &data.datum)
    }
}

fn render_all(node: &Node, datum: &[u8]) -> Result<Value, DatumError> {
    let mut from = Cursor::new(datum)?;
    let value = render(node, &mut from)?;
    from.finish()?;
    Ok(value)
}

fn render(node: &Node, from: &mut Cursor<'_>) -> Result<Value, DatumError> {
    Ok(match node {
        Node::Null => Value::Null,
        Node::Boolean => from.bool()?.into(),
        Node::Int => from.int()?.into(),
        Node::Long(unit) => {
            let long = from.long()?;
            match unit {
                Long::Plain => long.into(),
                Long::Micros => Timestamp::from_micros(long).to_string().into(),
                Long::Millis => Timestamp::from_millis(long).to_string().into(),
            }
        }
        Node::Float => float(f64::from(f32::from_le_bytes(from.array()?))),
        Node::Double => float(f64::from_le_bytes(from.array()?)),
        Node::Bytes { sealed: false } => STANDARD.encode(from.bytes()?).into(),
        Node::Bytes { sealed: true } => sealed(from.bytes()?)?,
        Node::String { .. } => from.str()?.into(),
        Node::Fixed(fixed) => STANDARD.encode(from.take(fixed.size)?).into(),
        Node::Enum(words) => words.symbols[from.index(words.symbols.len())?].as_str().into(),
        Node::Array(node) => {
            let mut items = Vec::new();
            loop {
                match from.block()? {
                    0 => break items.into(),
                    count => {
                        for _ in 0..count {
                            items.push(render(node, from)?);
                        }
                    }
                }
            }
        }
        Node::Map(node) => {
            let mut entries = Map::new();
            loop {
                match from.block()? {
                    0 => break entries.into(),
                    count => {
                        for _ in 0..count {
                            let key = from.str()?.to_owned();
                            entries.insert(key, render(node, from)?);
                        }
                    }
                }
            }
        }
        Node::Union(branches) => render(&branches[from.index(branches.len())?], from)?,
        Node::Record(record) => {
            let mut fields = Map::new();
            for field in &record.fields {
                let value =
                    render(&field.node, from).map_err(|error| error.in_field(&field.name))?;
                fields.insert(field.name.clone(), value);
            }
            fields.into()
        }
    })
}

fn sealed(bytes: &[u8]) -> Result<Value, DatumError> {
    let sealed = Sealed::from_bytes(bytes.to_vec()).ok_or_else(|| {
        DatumError::new(format!("{} bytes are too short to be sealed", bytes.len()))
    })?;
    Ok(json!({ "sealed": sealed.subject().to_string() }))
}

/// JSON has no NaN and no infinity; they become text, so that they are seen.
fn float(value: f64) -> Value {
    serde_json::Number::from_f64(value).map_or_else(|| value.to_string().into(), Value::Number)
}
