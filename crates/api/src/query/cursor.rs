//! Cursors of lists: behind which row a page begins, opaque, and good for one question only.
//!
//! `version (1) | question (8 bytes of SHA-256 over path, tenant, filters, sort) | key (16) | kind |
//! value`, base64url.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::{Timestamp, Value};
use uuid::Uuid;

use crate::codes;
use crate::problem::Problem;

const VERSION: u8 = 1;
const CURSOR_CHARS_MAX: usize = 4_096;

/// What a cursor is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Question([u8; 8]);

impl Question {
    /// From everything that makes a list another one, in a fixed order.
    pub(crate) fn of(parts: &[&str]) -> Self {
        let mut text = String::new();
        for part in parts {
            text.push_str(&part.len().to_string());
            text.push(':');
            text.push_str(part);
        }
        let mut out = [0; 8];
        out.copy_from_slice(&crate::auth::sha256(text.as_bytes())[..8]);
        Self(out)
    }
}

/// Writes a cursor; `None` for values that no list is sorted by.
pub(crate) fn write(question: Question, value: &Value, key: Uuid) -> Option<String> {
    let mut bytes = Vec::with_capacity(64);
    bytes.push(VERSION);
    bytes.extend(question.0);
    bytes.extend(key.as_bytes());
    match value {
        Value::Null => bytes.push(0),
        Value::Text(text) => {
            bytes.push(1);
            bytes.extend(text.as_bytes());
        }
        Value::Uuid(id) => {
            bytes.push(2);
            bytes.extend(id.as_bytes());
        }
        Value::Int(number) => {
            bytes.push(3);
            bytes.extend(number.to_le_bytes());
        }
        Value::Bool(yes) => bytes.extend([4, u8::from(*yes)]),
        Value::Time(at) => {
            bytes.push(5);
            bytes.extend(at.as_micros().to_le_bytes());
        }
        Value::Texts(_) => return None,
    }
    Some(URL_SAFE_NO_PAD.encode(bytes))
}

/// Reads a cursor of this question.
pub(crate) fn read(question: Question, text: &str) -> Result<(Value, Uuid), Problem> {
    decode(question, text).ok_or_else(|| {
        let detail =
            "`after` is the `next_cursor` of the page before, with the same filters and sort";
        Problem::new(codes::BAD_CURSOR, detail)
    })
}

fn decode(question: Question, text: &str) -> Option<(Value, Uuid)> {
    if text.len() > CURSOR_CHARS_MAX {
        return None;
    }
    let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
    let (head, rest) = bytes.split_first_chunk::<9>()?;
    if head[0] != VERSION || head[1..] != question.0 {
        return None;
    }
    let (key, rest) = rest.split_first_chunk::<16>()?;
    let (kind, rest) = rest.split_first()?;
    let number = || <[u8; 8]>::try_from(rest).ok().map(i64::from_le_bytes);
    let value = match kind {
        0 if rest.is_empty() => Value::Null,
        1 => Value::Text(String::from_utf8(rest.to_vec()).ok()?),
        2 => Value::Uuid(Uuid::from_slice(rest).ok()?),
        3 => Value::Int(number()?),
        4 => match rest {
            [0] => Value::Bool(false),
            [1] => Value::Bool(true),
            _ => return None,
        },
        5 => Value::Time(Timestamp::from_micros(number()?)),
        _ => return None,
    };
    Some((value, Uuid::from_bytes(*key)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_good_for_its_question_only() {
        let question = Question::of(&["/api/content/posts", "local", "state=draft", "-created_at"]);
        let other = Question::of(&["/api/content/posts", "local", "state=draft", "created_at"]);
        let values = [
            Value::Null,
            Value::Text("ä".into()),
            Value::Uuid(Uuid::max()),
            Value::Int(-7),
            Value::Bool(true),
            Value::Time(Timestamp::from_micros(17)),
        ];
        for value in values {
            let text = write(question, &value, Uuid::nil()).unwrap();
            assert_eq!(read(question, &text).unwrap(), (value, Uuid::nil()));
            assert_eq!(read(other, &text).unwrap_err().word(), "bad_cursor");
        }
        assert_ne!(Question::of(&["ab", "c"]), Question::of(&["a", "bc"]));
    }

    #[test]
    fn a_cursor_of_any_bytes_has_one_form() {
        let question = Question::of(&["x"]);
        let values = [Value::Null, Value::Text("ä".into()), Value::Int(-7), Value::Bool(true)];
        let made = |value| URL_SAFE_NO_PAD.decode(write(question, value, Uuid::max()).unwrap());
        let seeds = values.iter().map(|value| made(value).unwrap()).collect();
        fuzz::fuzz("cursor", seeds, fuzz::Bound::NONE, |bytes| {
            let text = URL_SAFE_NO_PAD.encode(bytes);
            let _ = read(question, &String::from_utf8_lossy(bytes));
            match read(question, &text) {
                Ok((value, key)) => {
                    assert_eq!(write(question, &value, key), Some(text));
                    format!("{:?}", std::mem::discriminant(&value))
                }
                Err(problem) => problem.word().to_owned(),
            }
        });
    }

    #[test]
    fn what_is_no_cursor_is_refused_and_never_panics() {
        let question = Question::of(&["x"]);
        let good = write(question, &Value::Int(7), Uuid::nil()).unwrap();
        for cut in 0..good.len() {
            assert!(read(question, &good[..cut]).is_err());
        }
        for wrong in ["", "?", "AA", &format!("{good}AAAA"), &"A".repeat(5_000)] {
            assert!(read(question, wrong).is_err(), "{wrong}");
        }
    }
}
