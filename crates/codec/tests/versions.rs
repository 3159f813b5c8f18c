//! What the codec promises about schemas and their versions.

mod things;

use codec::{DecodeError, EncodeError, SchemaError, Schemas, full_compatibility};
use domain::EventSet;
use serde_json::json;
use things::{Event, LOST, MADE, made, schemas};

fn apache(text: &str) -> apache_avro::Schema {
    apache_avro::Schema::parse_str(text).expect("the test's own data is sound")
}

/// A first version; the second drops `old` and adds two fields, both with defaults.
const OLD: &str = r#"{"type":"record","namespace":"shop.lamp","name":"LitV1","event_type":"shop.lamp.lit.v1","fields":[
  {"name":"old","type":"string","default":"gone"},{"name":"watts","type":"int"}]}"#;
const NEW: &str = r#"{"type":"record","namespace":"shop.lamp","name":"LitV1","event_type":"shop.lamp.lit.v1","version":2,"fields":[
  {"name":"watts","type":"int"},{"name":"colour","type":["null","string"],"default":null},
  {"name":"shade","type":{"type":"enum","name":"Shade","symbols":["cold","warm"],"default":"warm"},"default":"cold"}]}"#;

#[derive(Debug, Clone, PartialEq, EventSet)]
#[event(namespace = "shop.lamp")]
enum OldLamp {
    #[event("lit.v1")]
    Lit { old: String, watts: i32 },
}

#[derive(Debug, Clone, Copy, PartialEq, domain::Word)]
enum Shade {
    Cold,
    Warm,
}

#[derive(Debug, Clone, PartialEq, EventSet)]
#[event(namespace = "shop.lamp")]
enum Lamp {
    #[event("lit.v1")]
    Lit { watts: i32, colour: Option<String>, shade: Shade },
}

#[test]
fn an_event_of_an_older_schema_is_read_by_the_newer_one() {
    let before = Schemas::builder().context("shop", &[OLD]).build().unwrap();
    let data = before.encode(&OldLamp::Lit { old: "x".into(), watts: 60 }).unwrap();
    let now = Schemas::builder().context("shop", &[NEW, OLD]).build().unwrap();
    assert_eq!(now.by_type("shop.lamp.lit.v1").unwrap().version(), 2);
    assert_eq!(
        now.decode::<Lamp>(&data).unwrap(),
        Lamp::Lit { watts: 60, colour: None, shade: Shade::Cold }
    );
    assert_eq!(
        now.data_to_json(&data).unwrap(),
        json!({"old": "x", "watts": 60}),
        "json is what was written"
    );
    let lit = Lamp::Lit { watts: 5, colour: Some("red".into()), shade: Shade::Warm };
    let newest = now.encode(&lit).unwrap();
    assert_eq!(now.decode::<Lamp>(&newest).unwrap(), lit);
    let error = before.decode::<OldLamp>(&newest).unwrap_err();
    assert!(matches!(error, DecodeError::UnknownSchema { .. }), "{error}");
}

#[test]
fn a_struct_that_leaves_its_schema_is_told_where() {
    let schemas = Schemas::builder().context("shop", &[NEW, OLD]).build().unwrap();
    let error = schemas.encode(&OldLamp::Lit { old: "x".into(), watts: 60 }).unwrap_err();
    let EncodeError::Datum { source, .. } = error else { panic!("{error}") };
    assert_eq!(source.to_string(), "the schema has no field old, or twice");
}

#[test]
fn two_versions_must_read_each_other() {
    assert_eq!(full_compatibility(OLD, NEW), Ok(()));
    let cases = [
        ("\"watts\",\"type\":\"int\"", "\"watts\",\"type\":\"long\"", "watts: int became long"),
        (
            "\"old\",\"type\":\"string\",\"default\":\"gone\"",
            "\"old\",\"type\":\"string\"",
            "old: it is only in one version, where it has no default",
        ),
        ("LitV1", "OffV1", "shop.lamp.OffV1 became shop.lamp.LitV1"),
    ];
    for (from, to, problem) in cases {
        let broken = OLD.replace(from, to);
        let found = full_compatibility(&broken, NEW).unwrap_err().problems;
        assert!(
            found == [problem] || found == [problem.replace("int became long", "long became int")],
            "{found:?}"
        );
    }
    let open = MADE.replace(r#","sealed":true"#, "");
    assert_eq!(
        full_compatibility(MADE, &open).unwrap_err().problems,
        ["token: sealed bytes became bytes"]
    );
    let words = MADE.replace(r#","blue_sky""#, r#","blue_sky","x""#);
    let why = "word x is only in one version, and the other has no default word";
    assert_eq!(
        full_compatibility(MADE, &words).unwrap_err().problems,
        [format!("platforms: {why}"), format!("best: {why}")]
    );
    let broken = NEW.replace("\"default\":\"cold\"", "\"doc\":\"\"");
    let error = Schemas::builder().context("shop", &[OLD, &broken]).build().unwrap_err();
    assert!(matches!(error, SchemaError::Incompatible { .. }), "{error}");
}

#[test]
fn what_we_call_compatible_apache_avro_calls_so_too() {
    use apache_avro::schema_compatibility::SchemaCompatibility;
    assert!(SchemaCompatibility::mutual_read(&apache(OLD), &apache(NEW)).is_ok());
    assert!(SchemaCompatibility::mutual_read(&apache(MADE), &apache(MADE)).is_ok());
}

#[test]
fn schemas_that_could_hurt_are_refused() {
    let record = |fields: &str| {
        format!(
            r#"{{"type":"record","namespace":"shop.thing","name":"MadeV1","event_type":"shop.thing.made.v1","fields":[{fields}]}}"#
        )
    };
    let field = |ty: &str| record(&format!(r#"{{"name":"f","type":{ty}}}"#));
    let deep = format!("{}\"int\"{}", r#"{"type":"array","items":"#.repeat(33), "}".repeat(33));
    let bottomless =
        format!("{}\"int\"{}", r#"{"type":"array","items":"#.repeat(500_000), "}".repeat(500_000));
    let cases = [
        (field(&deep), "deeper than 32"),
        (field(&bottomless), "longer than 131072 bytes"),
        (field(r#"["null","MadeV1"]"#), "contains itself"),
        (field(r#"{"type":"array","items":"null"}"#), "takes no bytes"),
        (
            field(r#"{"type":"array","items":{"type":"record","name":"E","fields":[]}}"#),
            "takes no bytes",
        ),
        (field(r#"{"type":"bytes","logicalType":"decimal","precision":4}"#), "not supported"),
        (record(r#"{"name":"f","type":"string","personal":true}"#), "must be bytes"),
        (record(r#"{"name":"f","type":"int","aliases":["g"]}"#), "aliases"),
        (field("\"Nowhere\""), "unknown"),
        (r#""string""#.to_owned(), "an event is a record"),
        (MADE.replace("MadeV1", "Made"), "CamelCase"),
        (MADE.replace(".made.v1", ".done.v1"), "by namespace and name it is shop.thing.made.v1"),
        (MADE.replace("shop.thing", "other.thing"), "in context shop it is shop.<aggregate>"),
        (
            MADE.replace(r#""event_type""#, r#""version":2,"event_type""#),
            "version 2 where 1 is next",
        ),
        ("{".to_owned(), "EOF"),
    ];
    for (text, why) in cases {
        let error = Schemas::builder().context("shop", &[&text]).build().unwrap_err().to_string();
        assert!(error.contains(why), "{error}");
    }
    let error = Schemas::builder().context("shop", &[MADE, MADE]).build().unwrap_err().to_string();
    assert!(error.contains("version 1 where 2 is next"), "{error}");
    let missing = Schemas::builder()
        .context("shop", &[LOST])
        .build()
        .unwrap()
        .require::<Event>()
        .unwrap_err();
    assert_eq!(missing, SchemaError::Missing("shop.thing.made.v1".into()));
}

#[test]
fn a_stored_event_names_its_own_schema() {
    let schemas = schemas();
    let data = schemas.encode(&made()).unwrap();
    let other = schemas
        .decode_parts::<Event>("shop.thing.lost_again.v1", data.fingerprint, &data.datum)
        .unwrap_err();
    assert!(matches!(other, DecodeError::OtherType { .. }), "{other}");
    let unknown = schemas.decode_parts::<Event>("shop.thing.made.v1", 1, &data.datum).unwrap_err();
    assert!(matches!(unknown, DecodeError::UnknownSchema { .. }), "{unknown}");
    let foreign = schemas.decode::<Lamp>(&data).unwrap_err();
    assert!(matches!(foreign, DecodeError::NotInSet(_)), "{foreign}");
}
