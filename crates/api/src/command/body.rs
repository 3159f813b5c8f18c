//! Bodies: reading with a limit, strict decoding with the place of the mistake, canonical form.

use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, header};
use domain::{Aggregate, Ask, Invalid, Request, Shape};
use futures_util::StreamExt;
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_json::error::Category;

use crate::codes;
use crate::problem::Problem;

/// Deepest nesting of a body.
pub(crate) const JSON_DEPTH_MAX: usize = 32;

/// How many times the limit is read of a body that is too large, before its sender is cut off.
const DISCARDED_MAX: usize = 8;

/// Reads a body that claims to be JSON; an empty one is `{}`.
pub(crate) async fn read(headers: &HeaderMap, body: Body, max: usize) -> Result<Vec<u8>, Problem> {
    let too_large = || {
        let detail = format!("a body has at most {max} bytes");
        Problem::new(codes::BODY_TOO_LARGE, detail)
    };
    let claimed = headers.get(header::CONTENT_LENGTH).and_then(|it| it.to_str().ok()?.parse().ok());
    if claimed.is_some_and(|bytes: u64| bytes > max as u64) {
        discard(body, max.saturating_mul(DISCARDED_MAX)).await;
        return Err(too_large());
    }
    let bytes = to_bytes(body, max).await.map_err(|error| {
        let limit =
            std::error::Error::source(&error).is_some_and(|it| it.to_string().contains("limit"));
        if limit {
            too_large()
        } else {
            Problem::new(codes::MALFORMED_JSON, "the body did not arrive whole")
        }
    })?;
    if bytes.is_empty() {
        return Ok(b"{}".to_vec());
    }
    is_json(headers)?;
    Ok(bytes.into())
}

/// Who is still sending would not read the answer: what comes is thrown away, up to a bound.
async fn discard(body: Body, bytes_max: usize) {
    let (mut stream, mut seen) = (body.into_data_stream(), 0);
    while seen < bytes_max
        && let Some(Ok(chunk)) = stream.next().await
    {
        seen += chunk.len();
    }
}

fn is_json(headers: &HeaderMap) -> Result<(), Problem> {
    let value =
        headers.get(header::CONTENT_TYPE).and_then(|it| it.to_str().ok()).unwrap_or_default();
    let media = value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let json = media == "application/json"
        || (media.starts_with("application/") && media.ends_with("+json"));
    let plain = headers.get(header::CONTENT_ENCODING).is_none_or(|it| it == "identity");
    if json && plain {
        return Ok(());
    }
    let detail = "send `Content-Type: application/json`, without Content-Encoding";
    Err(Problem::new(codes::UNSUPPORTED_MEDIA_TYPE, detail))
}

/// The body as canonical JSON (sorted names, no spaces): what the fingerprint is taken over.
pub(crate) fn canonical(json: &[u8]) -> Result<Vec<u8>, Problem> {
    if depth(json) > JSON_DEPTH_MAX {
        let detail = format!("the body is nested deeper than {JSON_DEPTH_MAX}");
        return Err(invalid("", "too_deep", &detail));
    }
    let value: Value = serde_json::from_slice(json).map_err(|error| {
        Problem::new(codes::MALFORMED_JSON, format!("the body is not JSON: {error}"))
    })?;
    if let Some(pointer) = nul(&value) {
        let detail = "text cannot hold the character U+0000, which no read model can store";
        return Err(invalid(&pointer, "nul_character", detail));
    }
    let mut out = Vec::with_capacity(json.len());
    write(&value, &mut out);
    Ok(out)
}

/// Where the first text with U+0000 stands: PostgreSQL has no such text, so it is refused before it
/// becomes an event that no row can be folded from.
fn nul(value: &Value) -> Option<String> {
    let below = |name: &str, inner: &Value| nul(inner).map(|rest| format!("/{name}{rest}"));
    match value {
        Value::String(text) => text.contains('\0').then(String::new),
        Value::Array(items) => {
            items.iter().enumerate().find_map(|(at, item)| below(&at.to_string(), item))
        }
        Value::Object(map) => map.iter().find_map(|(name, inner)| {
            let name = name.replace('~', "~0").replace('/', "~1");
            if name.contains('\0') { Some(String::new()) } else { below(&name, inner) }
        }),
        _ => None,
    }
}

/// Deepest nesting of brackets outside of strings.
fn depth(json: &[u8]) -> usize {
    let (mut now, mut most, mut in_text, mut escaped) = (0_usize, 0, false, false);
    for byte in json {
        if in_text {
            (in_text, escaped) = (escaped || *byte != b'"', !escaped && *byte == b'\\');
            continue;
        }
        match byte {
            b'"' => in_text = true,
            b'{' | b'[' => {
                now += 1;
                most = most.max(now);
            }
            b'}' | b']' => now = now.saturating_sub(1),
            _ => {}
        }
    }
    most
}

fn write(value: &Value, out: &mut Vec<u8>) {
    let quoted = |text: &str, out: &mut Vec<u8>| {
        // Writing to a vector cannot fail.
        let _ = serde_json::to_writer(out, text);
    };
    match value {
        Value::Object(map) => {
            // Sorted here, whatever order the map of this build keeps.
            let mut names: Vec<&String> = map.keys().collect();
            names.sort_unstable();
            out.push(b'{');
            for (at, name) in names.into_iter().enumerate() {
                if at > 0 {
                    out.push(b',');
                }
                quoted(name, out);
                out.push(b':');
                write(&map[name], out);
            }
            out.push(b'}');
        }
        Value::Array(items) => {
            out.push(b'[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    out.push(b',');
                }
                write(item, out);
            }
            out.push(b']');
        }
        Value::String(text) => quoted(text, out),
        other => out.extend_from_slice(other.to_string().as_bytes()),
    }
}

/// Makes a command of a body.
pub(crate) fn decode<A: Aggregate, R: Request<A>>(
    json: &[u8],
    ask: &Ask<'_>,
) -> Result<Box<dyn std::any::Any + Send>, Problem> {
    // Serde would take a list for a struct, in the order of its fields.
    if json.trim_ascii_start().first() != Some(&b'{') {
        return Err(invalid("", "wrong_type", "a body is a JSON object"));
    }
    let body: R = strict(json)?;
    body.check().map_err(|(pointer, max)| {
        let list = matches!(find(&R::shape(), &pointer), Some(Shape::List { .. }));
        let (code, unit) = if list { ("too_many", "items") } else { ("too_long", "characters") };
        invalid(&pointer, code, &format!("at most {max} {unit}"))
    })?;
    let command = body
        .into_command(ask)
        .map_err(|Invalid { pointer, code, detail }| invalid(&pointer, code, &detail))?;
    Ok(Box::new(command))
}

/// A field is wrong whatever the state.
pub(crate) fn invalid(pointer: &str, code: &str, detail: &str) -> Problem {
    let at = if pointer.is_empty() { "the body" } else { pointer };
    Problem::new(codes::INVALID_REQUEST, format!("{at}: {detail}")).at(pointer, code, detail)
}

fn find(shape: &Shape, pointer: &str) -> Option<Shape> {
    let Some(rest) = pointer.strip_prefix('/') else { return Some(shape.clone()) };
    let (name, rest) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    match shape {
        Shape::Object { properties, .. } => {
            find(&properties.iter().find(|it| it.name == name)?.shape, rest)
        }
        Shape::List { of, .. } => find(of, rest),
        _ => None,
    }
}

/// Decodes; what is wrong is said with its place.
pub(crate) fn strict<R: DeserializeOwned>(json: &[u8]) -> Result<R, Problem> {
    serde_json::from_slice(json).map_err(|error| match error.classify() {
        Category::Data => place::<R>(json),
        _ => Problem::new(codes::MALFORMED_JSON, format!("the body is not JSON: {error}")),
    })
}

/// Decodes again, slowly, to say where the mistake is.
fn place<R: DeserializeOwned>(json: &[u8]) -> Problem {
    let from = &mut serde_json::Deserializer::from_slice(json);
    let Err(error) = serde_path_to_error::deserialize::<_, R>(from) else {
        return invalid("", "wrong", "there is more than one value");
    };
    let mut pointer = String::new();
    for segment in error.path() {
        use serde_path_to_error::Segment;
        match segment {
            Segment::Seq { index } => pointer += &["/", &index.to_string()].concat(),
            Segment::Map { key } => {
                pointer.push('/');
                pointer.push_str(&key.replace('~', "~0").replace('/', "~1"));
            }
            Segment::Enum { .. } | Segment::Unknown => {}
        }
    }
    let (code, detail) = explain(&error.into_inner().to_string(), &mut pointer);
    invalid(&pointer, code, &detail)
}

/// Serde's sentence as a code and ours. What the caller sent is not repeated: it may be a secret.
fn explain(says: &str, pointer: &mut String) -> (&'static str, String) {
    let says = says.rsplit_once(" at line ").map_or(says, |(says, _)| says);
    let quoted = |says: &str| says.split('`').nth(1).unwrap_or_default().to_owned();
    let expected =
        || says.rsplit_once(", expected ").map_or("another value", |(_, it)| it).to_owned();
    if says.starts_with("missing field") {
        pointer.push('/');
        pointer.push_str(&quoted(says));
        return ("missing", "the field is missing".to_owned());
    }
    if says.starts_with("unknown field") {
        let known = if says.contains("expected") { expected() } else { "none".to_owned() };
        return ("unknown_field", format!("there is no such field; known: {known}"));
    }
    if says.starts_with("duplicate field") {
        return ("duplicate", "the field stands twice".to_owned());
    }
    if says.starts_with("unknown variant") {
        return ("unknown_word", format!("expected {}", expected()));
    }
    if says.starts_with("invalid type") {
        return ("wrong_type", format!("expected {}", expected()));
    }
    if says.starts_with("invalid value") || says.starts_with("invalid length") {
        return ("wrong", format!("expected {}", expected()));
    }
    ("wrong", says.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_canonical_form_knows_neither_order_nor_spaces() {
        let one = canonical(br#"{"b": [1, {"z":null,"y":"\u00e4\""}], "a":true}"#).unwrap();
        let two =
            canonical("{\"a\":true,\"b\":[1,{\"y\":\"ä\\\"\",\"z\":null}]}".as_bytes()).unwrap();
        assert_eq!(one, two);
        assert_eq!(
            String::from_utf8(one).unwrap(),
            "{\"a\":true,\"b\":[1,{\"y\":\"ä\\\"\",\"z\":null}]}"
        );
        assert_ne!(canonical(b"[1,2]").unwrap(), canonical(b"[2,1]").unwrap());
    }

    #[test]
    fn a_text_that_no_row_can_hold_is_named_by_its_place() {
        let nul_at = |json: &str| nul(&serde_json::from_str(json).unwrap());
        assert_eq!(nul_at(r#"{"body":"fine","tags":["a","b\u0000"]}"#).as_deref(), Some("/tags/1"));
        assert_eq!(nul_at(r#"{"body":"fine \\u0000"}"#), None);
        assert!(canonical(br#"{"body":"x\u0000"}"#).is_err());
    }

    #[test]
    fn nesting_is_bounded() {
        let nest = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(canonical(nest(JSON_DEPTH_MAX).as_bytes()).is_ok());
        let error = canonical(nest(JSON_DEPTH_MAX + 1).as_bytes()).unwrap_err();
        assert_eq!(error.word(), "invalid_request");
        assert!(canonical(nest(100_000).as_bytes()).is_err());
        let text = format!("[\"{}\\\"\"]", "[".repeat(100));
        assert!(canonical(text.as_bytes()).is_ok(), "brackets in a text do not nest");
    }
}
