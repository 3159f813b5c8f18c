//! An event type and its Avro name are one name in two spellings. Not a registry of either.

use serde_json::Value as Json;

/// The event type, which must be namespace and name in another spelling.
pub(crate) fn event_type(json: &Json, full_name: &str, context: &str) -> Result<String, String> {
    let event_type =
        json.get("event_type").and_then(Json::as_str).ok_or("it has no property event_type")?;
    let (namespace, name) = full_name.rsplit_once('.').ok_or("it has no namespace")?;
    let expected = spell(namespace, name).ok_or_else(|| {
        format!("its name {name} is not CamelCase with a version, as ScheduledV1")
    })?;
    if event_type != expected {
        return Err(format!(
            "its event_type is {event_type}, but by namespace and name it is {expected}"
        ));
    }
    match namespace.split_once('.') {
        Some((first, rest)) if first == context && !rest.is_empty() && !rest.contains('.') => {
            Ok(event_type.to_owned())
        }
        _ => Err(format!(
            "its namespace is {namespace}, in context {context} it is {context}.<aggregate>"
        )),
    }
}

/// `content.post` and `InReviewV1` to `content.post.in_review.v1`.
fn spell(namespace: &str, name: &str) -> Option<String> {
    let (past_tense, number) = name.rsplit_once('V')?;
    let number: u32 = number.parse().ok().filter(|number| *number > 0)?;
    if !past_tense.starts_with(|c: char| c.is_ascii_uppercase())
        || !past_tense.chars().all(|c| c.is_ascii_alphanumeric())
    {
        return None;
    }
    let mut snake = String::new();
    for c in past_tense.chars() {
        if c.is_ascii_uppercase() && !snake.is_empty() {
            snake.push('_');
        }
        snake.push(c.to_ascii_lowercase());
    }
    Some(format!("{namespace}.{snake}.v{number}"))
}
