//! All schemas of the program, checked once at start. Not a registry over the network.

use std::sync::{Arc, Once};

use domain::{Context, EventSet};
use serde_json::Value as Json;

use crate::naming::event_type;
use crate::node::SchemaNode;
use crate::parse::{TEXT_BYTES_MAX, parse};
use crate::{SchemaError, compat, crc64_avro, schema_id};

/// One version of the schema of one event type.
#[derive(Debug)]
pub struct Schema {
    event_type: String,
    full_name: String,
    context: String,
    /// Where it is written; a context's own schemas only among its facts.
    topics: Vec<String>,
    version: u32,
    fingerprint: u64,
    id: u32,
    text: String,
    canonical: String,
    pub(crate) node: SchemaNode,
    pub(crate) avro: apache_avro::Schema,
}

impl Schema {
    /// The full name of the event type, as `content.post.drafted.v1`.
    pub fn event_type(&self) -> &str {
        &self.event_type
    }

    /// Avro's full name, as `content.post.DraftedV1`.
    pub fn full_name(&self) -> &str {
        &self.full_name
    }

    /// The context it belongs to.
    pub fn context(&self) -> &str {
        &self.context
    }

    /// Its subject by `TopicRecordName`, as `content.events-content.post.DraftedV1`; the first of
    /// them, when it is written in several topics.
    pub fn subject(&self) -> String {
        self.subjects().next().unwrap_or_default()
    }

    /// Its subjects by `TopicRecordName`, one a topic that it is written in.
    pub fn subjects(&self) -> impl Iterator<Item = String> + '_ {
        self.topics.iter().map(|topic| format!("{topic}-{}", self.full_name))
    }

    /// Its version in the subject, from 1: the property `version` of the text, 1 when it has none.
    pub fn version(&self) -> u32 {
        self.version
    }

    /// CRC-64-AVRO of the canonical form: names the schema in the log.
    pub fn fingerprint(&self) -> u64 {
        self.fingerprint
    }

    /// Id in the Confluent wire format; see [`schema_id`].
    pub fn id(&self) -> u32 {
        self.id
    }

    /// The `.avsc`, as it stands in the repository.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Avro's parsing canonical form.
    pub fn canonical(&self) -> &str {
        &self.canonical
    }

    /// The schema for [`to_datum`](crate::to_datum) and [`from_datum`](crate::from_datum).
    pub fn node(&self) -> &SchemaNode {
        &self.node
    }
}

/// By names and numbers of schemas: several times as quick as the standard map, and asked for each event.
type Map<K, V> = std::collections::HashMap<K, V, foldhash::fast::RandomState>;

/// All schemas of the program.
#[derive(Debug)]
pub struct Schemas {
    /// By event type, then version.
    all: Vec<Schema>,
    /// The current one of each type.
    by_type: Map<String, usize>,
    by_fingerprint: Map<u64, usize>,
    by_id: Map<u32, usize>,
}

impl Schemas {
    /// Begins to collect.
    pub fn builder() -> SchemasBuilder {
        SchemasBuilder::default()
    }

    /// The current schema of an event type: the one that is written.
    #[inline]
    pub fn by_type(&self, event_type: &str) -> Option<&Schema> {
        self.by_type.get(event_type).map(|at| &self.all[*at])
    }

    /// The schema with this fingerprint.
    #[inline]
    pub fn by_fingerprint(&self, fingerprint: u64) -> Option<&Schema> {
        self.by_fingerprint.get(&fingerprint).map(|at| &self.all[*at])
    }

    /// The schema with this Confluent id.
    pub fn by_id(&self, id: u32) -> Option<&Schema> {
        self.by_id.get(&id).map(|at| &self.all[*at])
    }

    /// Every schema, by event type, then version.
    pub fn all(&self) -> &[Schema] {
        &self.all
    }

    /// Every subject once, sorted.
    pub fn subjects(&self) -> Vec<String> {
        let mut subjects: Vec<_> = self.all.iter().flat_map(Schema::subjects).collect();
        subjects.sort_unstable();
        subjects.dedup();
        subjects
    }

    /// The versions of a subject, oldest first; empty when there is no such subject.
    pub fn versions(&self, subject: &str) -> Vec<&Schema> {
        let of = |schema: &&Schema| schema.subjects().any(|one| one == subject);
        self.all.iter().filter(of).collect()
    }

    /// Checks at start that every type of a set has its schema.
    pub fn require<E: EventSet>(&self) -> Result<(), SchemaError> {
        match E::TYPES.iter().find(|event_type| !self.by_type.contains_key(**event_type)) {
            Some(missing) => Err(SchemaError::Missing((*missing).to_owned())),
            None => Ok(()),
        }
    }
}

/// Collects the schemas of all contexts.
#[derive(Debug, Default)]
pub struct SchemasBuilder {
    texts: Vec<(Arc<Home>, String)>,
}

/// Where schemas belong.
#[derive(Debug)]
struct Home {
    context: String,
    topics: Vec<String>,
}

impl SchemasBuilder {
    /// Adds the `.avsc` texts of a context, in any order.
    #[must_use]
    pub fn context(self, name: &str, texts: &[&str]) -> Self {
        self.shared(name, &[&format!("{name}.events")], texts)
    }

    /// Adds the `.avsc` texts of a language that has no topic of its own and is written in those of
    /// others, as sagas are.
    #[must_use]
    pub fn shared(mut self, name: &str, topics: &[&str], texts: &[&str]) -> Self {
        let topics = topics.iter().map(|topic| (*topic).to_owned()).collect();
        let home = Arc::new(Home { context: name.to_owned(), topics });
        self.texts.extend(texts.iter().map(|text| (home.clone(), (*text).to_owned())));
        self
    }

    /// Adds the schemas of a registered context.
    #[must_use]
    pub fn register<C: Context>(self) -> Self {
        self.context(C::NAME, C::SCHEMAS)
    }

    /// Checks everything; the first schema that breaks a rule is named.
    pub fn build(self) -> Result<Schemas, SchemaError> {
        bound_apache_avro();
        let mut all = self.texts.into_iter().map(load).collect::<Result<Vec<_>, _>>()?;
        all.sort_by(|a, b| (&a.event_type, a.version).cmp(&(&b.event_type, b.version)));
        let mut by_type = Map::default();
        for (at, schema) in all.iter().enumerate() {
            by_type.insert(schema.event_type.clone(), at);
        }
        for versions in all.chunk_by(|a, b| a.event_type == b.event_type) {
            check_versions(versions)?;
        }
        let by_fingerprint = unique(&all, "fingerprint", Schema::fingerprint)?;
        let by_id = unique(&all, "id", Schema::id)?;
        Ok(Schemas { all, by_type, by_fingerprint, by_id })
    }
}

/// apache-avro would allocate up to 512 MiB on the word of a datum; the limit is one a process.
fn bound_apache_avro() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        apache_avro::util::max_allocation_bytes(4 * crate::DATUM_BYTES_MAX);
    });
}

fn load((home, text): (Arc<Home>, String)) -> Result<Schema, SchemaError> {
    let short = || text.chars().take(60).collect::<String>();
    let refused = |name: String| move |why: String| SchemaError::Refused { name, why };
    if text.len() > TEXT_BYTES_MAX {
        return Err(refused(short())(format!(
            "its text is longer than {TEXT_BYTES_MAX} bytes; split the event"
        )));
    }
    let json: Json =
        serde_json::from_str(&text).map_err(|error| refused(short())(error.to_string()))?;
    let name = json
        .get("event_type")
        .or_else(|| json.get("name"))
        .and_then(Json::as_str)
        .map_or_else(short, str::to_owned);
    let refused = refused(name);
    let inner = || -> Result<Schema, String> {
        let node = parse(&json)?;
        let full_name = node.name().unwrap_or_default().to_owned();
        let event_type = event_type(&json, &full_name, &home.context)?;
        let version = match json.get("version") {
            None => 1,
            Some(version) => version
                .as_u64()
                .and_then(|v| u32::try_from(v).ok())
                .filter(|v| *v > 0)
                .ok_or("its version is not a whole number from 1")?,
        };
        let avro = apache_avro::Schema::parse(&json).map_err(|error| error.to_string())?;
        let canonical = crate::fingerprint::canonical(&node);
        let (fingerprint, id) = (crc64_avro(canonical.as_bytes()), schema_id(canonical.as_bytes()));
        let node = SchemaNode(node);
        Ok(Schema {
            event_type,
            full_name,
            context: home.context.clone(),
            topics: home.topics.clone(),
            version,
            fingerprint,
            id,
            text,
            canonical,
            node,
            avro,
        })
    };
    inner().map_err(refused)
}

/// The versions of one event type, sorted: 1, 2, ... and each pair reads each other.
fn check_versions(versions: &[Schema]) -> Result<(), SchemaError> {
    for (at, schema) in versions.iter().enumerate() {
        if usize::try_from(schema.version) != Ok(at + 1) {
            let why = format!(
                "version {} where {} is next; each text of a type has its own `\"version\": N`",
                schema.version,
                at + 1
            );
            return Err(SchemaError::Refused { name: schema.event_type.clone(), why });
        }
        for older in &versions[..at] {
            compat::mutual(&older.node.0, &schema.node.0).map_err(|source| {
                SchemaError::Incompatible { name: schema.event_type.clone(), source }
            })?;
        }
    }
    Ok(())
}

fn unique<K: std::hash::Hash + Eq>(
    all: &[Schema],
    what: &'static str,
    key: impl Fn(&Schema) -> K,
) -> Result<Map<K, usize>, SchemaError> {
    let mut found = Map::default();
    for (at, schema) in all.iter().enumerate() {
        if let Some(before) = found.insert(key(schema), at) {
            let name = |at: usize| format!("{} version {}", all[at].event_type, all[at].version);
            return Err(SchemaError::Collision { what, one: name(before), other: name(at) });
        }
    }
    Ok(found)
}
