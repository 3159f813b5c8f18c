//! From the text of an `.avsc` to a tree, refusing what could hurt a reader: recursion, depth,
//! items without bytes, unknown meanings. What is plain Avro syntax is left to apache-avro.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::{Map, Value as Json};

use crate::node::{Enum, Field, Fixed, Long, Node, Record};

/// Deepest nesting of a schema: a reader's stack is bounded by it.
pub(crate) const DEPTH_MAX: usize = 32;
/// Longest text of a schema, in bytes.
pub(crate) const TEXT_BYTES_MAX: usize = 128 * 1024;

/// Reads one schema; the error says why not.
pub(crate) fn parse(schema: &Json) -> Result<Node, String> {
    let mut names = Names::default();
    let node = names.node(schema, "", 0)?;
    if matches!(node, Node::Record(_)) {
        Ok(node)
    } else {
        Err(format!("it is of type {}; an event is a record", node.kind()))
    }
}

/// The named types seen so far; `None` while a type is being read, so that a second meeting is recursion.
#[derive(Default)]
struct Names(HashMap<String, Option<Node>>);

impl Names {
    fn node(&mut self, schema: &Json, namespace: &str, depth: usize) -> Result<Node, String> {
        if depth > DEPTH_MAX {
            return Err(format!("it is nested deeper than {DEPTH_MAX}; make it flatter"));
        }
        match schema {
            Json::String(name) => self.named(name, namespace, &Map::new()),
            Json::Array(branches) => self.union(branches, namespace, depth),
            Json::Object(object) => self.object(object, namespace, depth),
            _ => Err("a type is a name, a list or an object".to_owned()),
        }
    }

    /// A primitive type or a reference.
    fn named(
        &self,
        name: &str,
        namespace: &str,
        about: &Map<String, Json>,
    ) -> Result<Node, String> {
        let logical = about.get("logicalType").and_then(Json::as_str);
        let node = match (name, logical) {
            ("null", None) => Node::Null,
            ("boolean", None) => Node::Boolean,
            ("int", None) => Node::Int,
            ("long", None) => Node::Long(Long::Plain),
            ("long", Some("timestamp-micros")) => Node::Long(Long::Micros),
            ("long", Some("timestamp-millis")) => Node::Long(Long::Millis),
            ("float", None) => Node::Float,
            ("double", None) => Node::Double,
            ("bytes", None) => Node::Bytes { sealed: false },
            ("string", None) => Node::String { uuid: false },
            ("string", Some("uuid")) => Node::String { uuid: true },
            (_, Some(other)) => {
                let known = "uuid on string, timestamp-micros and timestamp-millis on long";
                return Err(format!(
                    "logicalType {other} on {name} is not supported; known are {known}"
                ));
            }
            (_, None) => return self.reference(name, namespace),
        };
        Ok(node)
    }

    fn reference(&self, name: &str, namespace: &str) -> Result<Node, String> {
        let full = full_name(name, namespace);
        match self.0.get(&full) {
            Some(Some(node)) => Ok(node.clone()),
            Some(None) => {
                Err(format!("{full} contains itself; events are finite, use a list of ids"))
            }
            None => Err(format!(
                "type {full} is unknown; define it where it is first used in the same file"
            )),
        }
    }

    fn union(&mut self, branches: &[Json], namespace: &str, depth: usize) -> Result<Node, String> {
        let branches: Vec<Node> = branches
            .iter()
            .map(|branch| self.node(branch, namespace, depth + 1))
            .collect::<Result<_, _>>()?;
        if branches.is_empty() || branches.iter().any(|branch| matches!(branch, Node::Union(_))) {
            return Err("a union has branches, and none of them is a union".to_owned());
        }
        Ok(Node::Union(branches.into()))
    }

    fn object(
        &mut self,
        object: &Map<String, Json>,
        namespace: &str,
        depth: usize,
    ) -> Result<Node, String> {
        if object.contains_key("aliases") {
            return Err("aliases are not supported; a stored name does not change".to_owned());
        }
        let Some(kind) = object.get("type").and_then(Json::as_str) else {
            // {"type": {"type": "string", ...}}: allowed by the specification.
            return self.node(object.get("type").unwrap_or(&Json::Null), namespace, depth + 1);
        };
        let inner = |key: &str| object.get(key).ok_or_else(|| format!("{kind} without {key}"));
        match kind {
            "array" => {
                let items = self.node(inner("items")?, namespace, depth + 1)?;
                Ok(Node::Array(Arc::new(sized(items, "an array")?)))
            }
            "map" => {
                let values = self.node(inner("values")?, namespace, depth + 1)?;
                Ok(Node::Map(Arc::new(sized(values, "a map")?)))
            }
            "record" | "enum" | "fixed" => self.define(kind, object, namespace, depth),
            primitive => self.named(primitive, namespace, object),
        }
    }

    fn define(
        &mut self,
        kind: &str,
        object: &Map<String, Json>,
        outer: &str,
        depth: usize,
    ) -> Result<Node, String> {
        let name = object
            .get("name")
            .and_then(Json::as_str)
            .ok_or_else(|| format!("{kind} without a name"))?;
        let own = object.get("namespace").and_then(Json::as_str).unwrap_or(outer);
        let full = full_name(name, own);
        if self.0.insert(full.clone(), None).is_some() {
            return Err(format!("type {full} is defined twice, or inside itself"));
        }
        let namespace = full.rsplit_once('.').map_or("", |(namespace, _)| namespace).to_owned();
        let node = match kind {
            "record" => self.record(&full, object, &namespace, depth)?,
            "enum" => {
                let symbols: Vec<String> = texts(object.get("symbols"));
                let default = object.get("default").and_then(Json::as_str).map(str::to_owned);
                if symbols.is_empty() {
                    return Err(format!("enum {full} has no symbols"));
                }
                Node::Enum(Arc::new(Enum { name: full.clone(), symbols, default }))
            }
            _ => {
                let size = object
                    .get("size")
                    .and_then(Json::as_u64)
                    .and_then(|size| usize::try_from(size).ok());
                let size = size.filter(|size| (1..=crate::DATUM_BYTES_MAX).contains(size));
                let size = size.ok_or_else(|| {
                    format!("fixed {full} needs a size of 1 to {}", crate::DATUM_BYTES_MAX)
                })?;
                Node::Fixed(Arc::new(Fixed { name: full.clone(), size }))
            }
        };
        self.0.insert(full, Some(node.clone()));
        Ok(node)
    }

    fn record(
        &mut self,
        full: &str,
        object: &Map<String, Json>,
        namespace: &str,
        depth: usize,
    ) -> Result<Node, String> {
        let mut fields = Vec::new();
        for field in object
            .get("fields")
            .and_then(Json::as_array)
            .ok_or_else(|| format!("record {full} without fields"))?
        {
            let name = field
                .get("name")
                .and_then(Json::as_str)
                .ok_or_else(|| format!("a field of {full} has no name"))?;
            let inside = |why: String| format!("field {name}: {why}");
            if field.get("aliases").is_some() {
                return Err(inside(
                    "aliases are not supported; a stored name does not change".to_owned(),
                ));
            }
            let node = self
                .node(field.get("type").unwrap_or(&Json::Null), namespace, depth + 1)
                .map_err(inside)?;
            let marked = |mark: &str| field.get(mark).and_then(Json::as_bool).unwrap_or(false);
            let node = if marked("personal") || marked("sealed") {
                sealed(&node).map_err(inside)?
            } else {
                node
            };
            let node = sized(node, "a record").map_err(inside)?;
            fields.push(Field {
                name: name.to_owned(),
                node,
                default: field.get("default").cloned(),
            });
        }
        Ok(Node::Record(Arc::new(Record { name: full.to_owned(), fields })))
    }
}

/// A value that takes no byte could be repeated without end inside a short datum.
fn sized(node: Node, within: &str) -> Result<Node, String> {
    let empty = match &node {
        Node::Null => true,
        Node::Record(record) => record.fields.is_empty(),
        _ => false,
    };
    if empty {
        Err(format!(
            "{} inside {within} takes no bytes; leave it out, or make it optional",
            node.kind()
        ))
    } else {
        Ok(node)
    }
}

/// The same type with its bytes marked as sealed.
fn sealed(node: &Node) -> Result<Node, String> {
    match node {
        Node::Bytes { .. } => Ok(Node::Bytes { sealed: true }),
        Node::Union(branches) if matches!(**branches, [Node::Null, Node::Bytes { .. }]) => {
            Ok(Node::Union([Node::Null, Node::Bytes { sealed: true }].into()))
        }
        other => Err(format!(
            "it is marked personal or sealed, so it must be bytes or [null, bytes], not {}",
            other.kind()
        )),
    }
}

fn full_name(name: &str, namespace: &str) -> String {
    if namespace.is_empty() || name.contains('.') {
        name.to_owned()
    } else {
        format!("{namespace}.{name}")
    }
}

fn texts(list: Option<&Json>) -> Vec<String> {
    list.and_then(Json::as_array)
        .into_iter()
        .flatten()
        .filter_map(Json::as_str)
        .map(str::to_owned)
        .collect()
}
