//! The laws of every context: its events and its schemas say the same, and its routes can stand
//! beside each other. Not the encoding, which is the codec's.

use std::collections::{BTreeMap, BTreeSet};

use domain::context::{Aggregates, Routes};
use domain::{Aggregate, Context, EventSet, Method, Request, Route, Shape, TenantId};
use serde::de::{Deserializer, Error as _, Visitor};
use serde_json::Value;

/// Makes a test of [`context_laws`](fn@context_laws): `context_laws!(Content)`.
#[macro_export]
macro_rules! context_laws {
    ($context:ty) => {
        #[test]
        fn the_laws_of_a_context_hold() {
            $crate::context_laws::<$context>();
        }
    };
}

/// Tries what holds for every context:
/// - the codec takes its schemas (names, versions, compatibility);
/// - each event type has a schema, and each schema an event type;
/// - the current schema of a type has the fields of the Rust event in their order, and a sentence
///   on each;
/// - sealed bytes say whether they are `sealed` or `personal`, and nothing else is `bytes`;
/// - event types begin with context and category; categories, route names and (verb, path) are
///   unique; a body is described, field by field.
///
/// # Panics
/// When one does not hold; the message lists all that do not.
#[track_caller]
pub fn context_laws<C: Context>() {
    let mut seen = Seen { context: C::NAME, ..Seen::default() };
    C::aggregates(&mut seen);
    match codec::Schemas::builder().register::<C>().build() {
        Ok(schemas) => seen.compare(&schemas),
        Err(error) => seen.wrong.push(error.to_string()),
    }
    assert!(seen.wrong.is_empty(), "context {}:\n{}", C::NAME, seen.wrong.join("\n"));
}

#[derive(Default)]
struct Seen {
    context: &'static str,
    categories: BTreeSet<&'static str>,
    events: BTreeMap<String, Vec<&'static str>>,
    names: BTreeSet<&'static str>,
    paths: BTreeSet<(&'static str, &'static str)>,
    wrong: Vec<String>,
}

impl Seen {
    fn compare(&mut self, schemas: &codec::Schemas) {
        for (event_type, fields) in &self.events {
            match schemas.by_type(event_type).map(|schema| serde_json::from_str(schema.text())) {
                Some(Ok(schema)) => check_schema(event_type, fields, &schema, &mut self.wrong),
                Some(Err(error)) => self.wrong.push(format!("{event_type}: {error}")),
                None => self.wrong.push(format!("`{event_type}` has no schema in SCHEMAS")),
            }
        }
        for schema in schemas.all() {
            let event_type = schema.event_type();
            if !self.events.contains_key(event_type) {
                self.wrong.push(format!("the schema of `{event_type}` belongs to no event"));
            }
        }
    }
}

impl Aggregates for Seen {
    fn aggregate<A: Aggregate>(&mut self) {
        if !self.categories.insert(A::CATEGORY) {
            self.wrong.push(format!("the category `{}` stands twice", A::CATEGORY));
        }
        let begin = format!("{}.{}.", self.context, A::CATEGORY);
        for event_type in A::Event::TYPES {
            if !event_type.starts_with(&begin) {
                self.wrong.push(format!("`{event_type}` does not begin with `{begin}`"));
            }
            let fields = FieldNames::of::<A::Event>(event_type);
            if self.events.insert((*event_type).to_owned(), fields).is_some() {
                self.wrong.push(format!("`{event_type}` stands twice"));
            }
        }
        A::routes(self);
    }
}

impl<A: Aggregate> Routes<A> for Seen {
    fn command<R: Request<A>>(&mut self, route: Route) {
        let Route { method, path, name, summary } = route;
        let verb = match method {
            Method::Post => "POST",
            Method::Put => "PUT",
            Method::Delete => "DELETE",
        };
        if !self.names.insert(name) {
            self.wrong.push(format!("the route `{name}` stands twice"));
        }
        if !self.paths.insert((verb, path)) {
            self.wrong.push(format!("{verb} {path} stands twice"));
        }
        let somebody = TenantId::from_static("local");
        let addressed = path.contains("{id}") || route.creates();
        if !addressed && A::only_one(&somebody).is_none() {
            self.wrong.push(format!("{name}: {verb} {path} addresses nothing"));
        }
        if summary.is_empty() || !path.starts_with('/') {
            self.wrong.push(format!("{name}: a route has a path from `/` and a summary"));
        }
        let Shape::Object { properties, doc, .. } = R::shape() else {
            return self.wrong.push(format!("{name}: a body is an object"));
        };
        if doc.is_empty() || properties.iter().any(|property| property.doc.is_empty()) {
            self.wrong.push(format!("{name}: its body or a field of it has no sentence"));
        }
    }
}

fn check_schema(event_type: &str, fields: &[&str], schema: &Value, wrong: &mut Vec<String>) {
    if text_of(schema, "doc").is_empty() {
        wrong.push(format!("{event_type}: the record has no doc"));
    }
    let written = schema["fields"].as_array().map_or(&[][..], Vec::as_slice);
    let names: Vec<_> = written.iter().map(|field| text_of(field, "name")).collect();
    if names != fields {
        wrong.push(format!("{event_type}: the fields are {names:?}, the event's {fields:?}"));
    }
    for field in written {
        let at = format!("{event_type}: {}", text_of(field, "name"));
        if text_of(field, "doc").is_empty() {
            wrong.push(format!("{at} has no doc"));
        }
        let bytes = field["type"].to_string().contains("\"bytes\"");
        if bytes != (field["sealed"] == true || field["personal"] == true) {
            wrong.push(format!("{at}: bytes are `sealed` or `personal`, and nothing else is"));
        }
    }
}

fn text_of<'a>(schema: &'a Value, key: &str) -> &'a str {
    schema[key].as_str().unwrap_or("")
}

/// Reads no data, but learns which fields an event asks for.
struct FieldNames<'a>(&'a mut Vec<&'static str>);

impl FieldNames<'_> {
    fn of<E: EventSet>(event_type: &str) -> Vec<&'static str> {
        let mut names = Vec::new();
        // There is no data, so it fails once the names are known.
        drop(E::deserialize_data(event_type, FieldNames(&mut names)));
        names
    }
}

impl<'de> Deserializer<'de> for FieldNames<'_> {
    type Error = serde::de::value::Error;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Self::Error> {
        Err(Self::Error::custom("an event is a record"))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Self::Error> {
        self.0.extend_from_slice(fields);
        Err(Self::Error::custom("there is no data"))
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option
        unit unit_struct newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}
