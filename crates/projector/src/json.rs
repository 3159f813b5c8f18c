//! Values as JSON: the same words whether a row comes from the database or from a replay.

use domain::{Column, Value};
use serde_json::Value as Json;

use crate::RowJson;

/// One value. Times are RFC 3339 in UTC, UUIDs text, null stays.
pub fn value_json(value: &Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Text(text) => Json::String(text.clone()),
        Value::Uuid(id) => Json::String(id.to_string()),
        Value::Int(number) => Json::from(*number),
        Value::Bool(set) => Json::Bool(*set),
        Value::Time(at) => Json::String(at.to_string()),
        Value::Texts(all) => Json::from(all.clone()),
    }
}

/// A row as the API gives it: its columns by name.
pub fn row_json(columns: &[Column], values: &[Value]) -> RowJson {
    let named = columns.iter().zip(values);
    named.map(|(column, value)| (column.name.to_owned(), value_json(value))).collect()
}
