//! What the codec says about an event to others: CloudEvents, and the schemas of this repository.

use std::path::Path;

use codec::{Detail, Schemas, attributes, frame, headers, structured, unframe};
use domain::{
    ActorId, CommandKey, EventId, LaneId, Meta, Position, StreamId, TenantId, Timestamp, TopicId,
    Trace,
};
use serde_json::json;
use uuid::Uuid;

const DONE: &str = r#"{"type":"record","namespace":"shop.thing","name":"DoneV1","event_type":"shop.thing.done.v1",
  "fields":[{"name":"count","type":"int"}]}"#;

fn meta() -> Meta {
    Meta {
        id: EventId(Uuid::from_u128(1)),
        stream: StreamId::new("thing", Uuid::from_u128(2)),
        version: 17,
        position: Position { lane: LaneId { topic: TopicId(0), index: 3 }, seq: 99 },
        recorded_at: Timestamp::from_micros(1_795_249_800_123_000),
        tenant: TenantId::from_static("local"),
        actor: ActorId::from_static("owner"),
        correlation: Uuid::from_u128(4),
        causation: Some(Uuid::from_u128(5)),
        key: Some(CommandKey([6; 16])),
        trace: Trace::parse("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
    }
}

#[test]
fn an_event_has_the_attributes_of_cloudevents() {
    let schemas = Schemas::builder().context("shop", &[DONE]).build().unwrap();
    let schema = schemas.by_type("shop.thing.done.v1").unwrap();
    let required = attributes(&meta(), schema, Detail::Required);
    let expected = [
        ("specversion", "1.0"),
        ("id", "00000000-0000-0000-0000-000000000001"),
        ("source", "/api/shop"),
        ("type", "shop.thing.done.v1"),
        ("time", "2026-11-21T08:30:00.123Z"),
        ("datacontenttype", "application/avro"),
        ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
    ];
    assert_eq!(required, expected.map(|(name, value)| (name, value.to_owned())));
    for (name, value) in attributes(&meta(), schema, Detail::Full) {
        assert!(name.len() <= 20 && name.bytes().all(|c| c.is_ascii_lowercase()), "{name}");
        assert!(!value.is_empty(), "{name}");
    }
    let names: Vec<_> =
        headers(&meta(), schema, Detail::Required).into_iter().map(|(name, _)| name).collect();
    assert_eq!(
        names,
        [
            "ce_specversion",
            "ce_id",
            "ce_source",
            "ce_type",
            "ce_time",
            "content-type",
            "traceparent"
        ]
    );
}

#[test]
fn the_structured_form_is_one_json_object() {
    let schemas = Schemas::builder().context("shop", &[DONE]).build().unwrap();
    let schema = schemas.by_type("shop.thing.done.v1").unwrap();
    let shown = structured(&meta(), schema, json!({"count": 3}));
    assert_eq!(shown["data"], json!({"count": 3}));
    assert_eq!(shown["datacontenttype"], "application/json");
    assert_eq!(shown["streamversion"], 17);
    assert_eq!(shown["subject"], "thing-00000000-0000-0000-0000-000000000002");
    assert_eq!(shown["commandkey"], "06060606060606060606060606060606");
    assert_eq!(shown["dataschema"], format!("/registry/schemas/ids/{}", schema.id()));
}

#[test]
fn a_foreign_reader_needs_the_frame_and_the_text_only() {
    let schemas = Schemas::builder().context("shop", &[DONE]).build().unwrap();
    let schema = schemas.by_type("shop.thing.done.v1").unwrap();
    let value = frame(schema.id(), &[6]);
    let (id, mut datum) = unframe(&value).unwrap();
    let theirs = apache_avro::Schema::parse_str(schemas.by_id(id).unwrap().text()).unwrap();
    let reader = apache_avro::reader::datum::GenericDatumReader::builder(&theirs).build().unwrap();
    let expected = apache_avro::types::Value::Record(vec![(
        "count".into(),
        apache_avro::types::Value::Int(3),
    )]);
    assert_eq!(reader.read_value(&mut datum).unwrap(), expected);
}

#[test]
fn the_schemas_of_this_repository_are_sound() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../schemas");
    let mut builder = Schemas::builder();
    for context in
        std::fs::read_dir(root).unwrap().map(Result::unwrap).filter(|entry| entry.path().is_dir())
    {
        let name = context.file_name().into_string().unwrap();
        for file in std::fs::read_dir(context.path()).unwrap().map(Result::unwrap) {
            if file.path().extension().is_some_and(|end| end == "avsc") {
                builder = builder.context(&name, &[&std::fs::read_to_string(file.path()).unwrap()]);
            }
        }
    }
    assert!(!builder.build().unwrap().all().is_empty());
}
