//! Whether two versions of a schema can read each other, as `FULL_TRANSITIVE` asks of every pair.
//! Stricter than Avro where Avro would quietly change a meaning: no aliases, no other time unit, no
//! field that stops being sealed.

use crate::node::{Enum, Node, Record};

/// Two versions of a schema cannot read each other.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("versions cannot read each other: {}; write a new event type (`.v2`) instead", problems.join("; "))]
pub struct Incompatible {
    /// Every reason, with its field.
    pub problems: Vec<String>,
}

/// Checks two schema texts in both directions (Confluent: FULL). Call it for every pair of versions
/// for `FULL_TRANSITIVE`; loading [`Schemas`](crate::Schemas) does.
///
/// ```
/// let old = r#"{"type":"record","name":"a.b.DoneV1","fields":[{"name":"x","type":"long"}]}"#;
/// let new = r#"{"type":"record","name":"a.b.DoneV1","fields":[{"name":"y","type":"long"}]}"#;
/// let error = codec::full_compatibility(old, new).unwrap_err();
/// assert_eq!(error.problems, [
///     "x: it is only in one version, where it has no default",
///     "y: it is only in one version, where it has no default",
/// ]);
/// ```
pub fn full_compatibility(one: &str, other: &str) -> Result<(), Incompatible> {
    let compile = |text: &str| {
        serde_json::from_str(text)
            .map_err(|error| error.to_string())
            .and_then(|json| crate::parse::parse(&json))
            .map_err(|why| Incompatible { problems: vec![why] })
    };
    mutual(&compile(one)?, &compile(other)?)
}

pub(crate) fn mutual(one: &Node, other: &Node) -> Result<(), Incompatible> {
    let mut problems = Vec::new();
    compare(one, other, "", &mut problems);
    if problems.is_empty() { Ok(()) } else { Err(Incompatible { problems }) }
}

fn compare(one: &Node, other: &Node, path: &str, problems: &mut Vec<String>) {
    let mut say =
        |why: String| problems.push(if path.is_empty() { why } else { format!("{path}: {why}") });
    if one.kind() != other.kind() {
        return say(format!("{} became {}", one.kind(), other.kind()));
    }
    if one.name() != other.name() {
        let name = |node: &Node| node.name().unwrap_or_default().to_owned();
        return say(format!("{} became {}", name(one), name(other)));
    }
    match (one, other) {
        (Node::Fixed(a), Node::Fixed(b)) if a.size != b.size => {
            say(format!("{} bytes became {}", a.size, b.size));
        }
        (Node::Enum(a), Node::Enum(b)) => {
            words(a, b).into_iter().chain(words(b, a)).for_each(say);
        }
        (Node::Array(a), Node::Array(b)) | (Node::Map(a), Node::Map(b)) => {
            compare(a, b, path, problems);
        }
        (Node::Union(a), Node::Union(b)) => branches(a, b, path, problems),
        (Node::Record(a), Node::Record(b)) => records(a, b, path, problems),
        _ => {}
    }
}

/// Symbols the reader does not know need a default there.
fn words(writer: &Enum, reader: &Enum) -> Option<String> {
    let known = |symbol: &&String| !reader.symbols.contains(symbol);
    let missing = writer.symbols.iter().find(known)?;
    let default = reader.default.as_ref().is_some_and(|default| reader.symbols.contains(default));
    (!default).then(|| {
        format!("word {missing} is only in one version, and the other has no default word")
    })
}

fn branches(one: &[Node], other: &[Node], path: &str, problems: &mut Vec<String>) {
    let same = |a: &Node, b: &Node| a.kind() == b.kind() && a.name() == b.name();
    for (left, right) in [(one, other), (other, one)] {
        for branch in
            left.iter().filter(|branch| !right.iter().any(|candidate| same(branch, candidate)))
        {
            problems.push(format!(
                "{path}: branch {} is only in one version",
                branch.name().unwrap_or(branch.kind())
            ));
        }
    }
    for branch in one {
        if let Some(found) = other.iter().find(|candidate| same(branch, candidate)) {
            compare(branch, found, path, problems);
        }
    }
}

fn records(one: &Record, other: &Record, path: &str, problems: &mut Vec<String>) {
    let inside =
        |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    for field in &one.fields {
        if let Some(found) = other.fields.iter().find(|candidate| candidate.name == field.name) {
            compare(&field.node, &found.node, &inside(&field.name), problems);
        }
    }
    for (left, right) in [(one, other), (other, one)] {
        for field in &left.fields {
            if field.default.is_none()
                && !right.fields.iter().any(|candidate| candidate.name == field.name)
            {
                problems.push(format!(
                    "{}: it is only in one version, where it has no default",
                    inside(&field.name)
                ));
            }
        }
    }
}
