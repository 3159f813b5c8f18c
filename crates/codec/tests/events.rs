//! What the codec promises about events: both ways, over versions, and as apache-avro sees them.

use apache_avro::reader::datum::GenericDatumReader;
use apache_avro::types::Value as Avro;
use apache_avro::writer::datum::GenericDatumWriter;
use codec::{
    DecodeError, EncodeError, SchemaError, Schemas, crc64_avro, full_compatibility, schema_id,
};
use domain::{EventSet, Sealed, Timestamp};
use proptest::prelude::*;
use serde_json::json;

domain::uuid_id! {
    /// One thing.
    pub struct ThingId;
}

#[derive(Debug, Clone, Copy, PartialEq, domain::Word)]
enum Platform {
    Mastodon,
    BlueSky,
}

#[derive(Debug, Clone, PartialEq, EventSet)]
#[event(namespace = "shop.thing")]
enum Event {
    #[event("made.v1")]
    Made {
        thing: ThingId,
        title: Option<String>,
        at: Timestamp,
        until: Option<Timestamp>,
        platforms: Vec<Platform>,
        best: Option<Platform>,
        owner: Option<ThingId>,
        token: Sealed,
        name: Option<Sealed>,
        size: u32,
        pinned: bool,
    },
    #[event("lost_again.v1")]
    LostAgain {},
}

const MADE: &str = r#"{"type":"record","namespace":"shop.thing","name":"MadeV1","event_type":"shop.thing.made.v1","fields":[
  {"name":"thing","type":{"type":"string","logicalType":"uuid"}},
  {"name":"title","type":["null","string"],"default":null},
  {"name":"at","type":{"type":"long","logicalType":"timestamp-micros"}},
  {"name":"until","type":["null",{"type":"long","logicalType":"timestamp-micros"}],"default":null},
  {"name":"platforms","type":{"type":"array","items":{"type":"enum","name":"Platform","symbols":["mastodon","blue_sky"]}}},
  {"name":"best","type":["null","Platform"],"default":null},
  {"name":"owner","type":["null",{"type":"string","logicalType":"uuid"}],"default":null},
  {"name":"token","type":"bytes","sealed":true},
  {"name":"name","type":["null","bytes"],"default":null,"personal":true},
  {"name":"size","type":"long"},
  {"name":"pinned","type":"boolean"}]}"#;
const LOST: &str = r#"{"type":"record","namespace":"shop.thing","name":"LostAgainV1","event_type":"shop.thing.lost_again.v1","fields":[]}"#;

fn schemas() -> Schemas {
    Schemas::builder().context("shop", &[LOST, MADE]).build().unwrap()
}

fn sealed(subject: u128, rest: u8) -> Sealed {
    let mut bytes = subject.to_be_bytes().to_vec();
    bytes.resize(Sealed::BYTES_MIN + 5, rest);
    Sealed::from_bytes(bytes).unwrap()
}

fn made() -> Event {
    Event::Made {
        thing: ThingId(uuid::Uuid::from_u128(7)),
        title: Some("Grüße".into()),
        at: Timestamp::from_micros(1_795_249_800_000_000),
        until: None,
        platforms: vec![Platform::BlueSky, Platform::Mastodon],
        best: Some(Platform::BlueSky),
        owner: Some(ThingId(uuid::Uuid::from_u128(8))),
        token: sealed(9, 0xaa),
        name: Some(sealed(10, 0xbb)),
        size: 4_000_000_000,
        pinned: true,
    }
}

fn apache(text: &str) -> apache_avro::Schema {
    apache_avro::Schema::parse_str(text).unwrap()
}

#[test]
fn an_event_comes_back_as_it_was() {
    let schemas = schemas();
    schemas.require::<Event>().unwrap();
    for event in [made(), Event::LostAgain {}] {
        let data = schemas.encode(&event).unwrap();
        assert_eq!(data.event_type, event.event_type());
        assert_eq!(schemas.decode::<Event>(&data).unwrap(), event);
    }
}

#[test]
fn apache_avro_reads_our_bytes_and_writes_the_same() {
    let data = schemas().encode(&made()).unwrap();
    let schema = apache(MADE);
    let value = GenericDatumReader::builder(&schema)
        .build()
        .unwrap()
        .read_value(&mut &*data.datum)
        .unwrap();
    let Avro::Record(fields) = &value else { panic!("not a record") };
    assert_eq!(fields[0].1, Avro::Uuid(uuid::Uuid::from_u128(7)));
    assert_eq!(fields[2].1, Avro::TimestampMicros(1_795_249_800_000_000));
    assert_eq!(
        fields[4].1,
        Avro::Array(vec![Avro::Enum(1, "blue_sky".into()), Avro::Enum(0, "mastodon".into())])
    );
    assert_eq!(fields[9].1, Avro::Long(4_000_000_000));
    let again =
        GenericDatumWriter::builder(&schema).build().unwrap().write_value_to_vec(value).unwrap();
    assert_eq!(again, data.datum);
}

#[test]
fn other_libraries_compute_the_same_fingerprint() {
    for schema in schemas().all() {
        let fast: serde_avro_fast::Schema = schema.text().parse().unwrap();
        assert_eq!(u64::from_le_bytes(*fast.rabin_fingerprint()), schema.fingerprint());
        // apache-avro 0.22 leaves the braces around a type that had a logical type.
        let plain = schema
            .text()
            .replace(r#","logicalType":"uuid""#, "")
            .replace(r#","logicalType":"timestamp-micros""#, "");
        let plain = plain
            .replace(r#"{"type":"string"}"#, r#""string""#)
            .replace(r#"{"type":"long"}"#, r#""long""#);
        assert_eq!(apache(&plain).canonical_form(), schema.canonical());
        assert_eq!(
            apache(&plain).fingerprint::<apache_avro::rabin::Rabin>().bytes,
            schema.fingerprint().to_le_bytes()
        );
    }
    assert_eq!(crc64_avro(br#""null""#), 0x63dd_24e7_cc25_8f8a);
}

#[test]
fn ids_and_fingerprints_never_change() {
    let schemas = schemas();
    let made = schemas.by_type("shop.thing.made.v1").unwrap();
    assert_eq!(
        (made.id(), made.fingerprint()),
        (schema_id(made.canonical().as_bytes()), crc64_avro(made.canonical().as_bytes()))
    );
    assert_eq!((made.id(), made.fingerprint()), (169_192_267, 0x218b96b28e8d7a3a));
    assert_eq!(made.subject(), "shop.events-shop.thing.MadeV1");
    assert_eq!(schemas.by_id(made.id()).unwrap().version(), 1);
    assert_eq!(
        schemas.subjects(),
        ["shop.events-shop.thing.LostAgainV1", "shop.events-shop.thing.MadeV1"]
    );
    assert_eq!(schemas.versions("shop.events-shop.thing.MadeV1").len(), 1);
}

#[test]
fn json_shows_everything_but_what_is_sealed() {
    let schemas = schemas();
    let shown = schemas.data_to_json(&schemas.encode(&made()).unwrap()).unwrap();
    let expected = json!({
        "thing": "00000000-0000-0000-0000-000000000007", "title": "Grüße",
        "at": "2026-11-21T08:30:00Z", "until": null, "platforms": ["blue_sky", "mastodon"], "best": "blue_sky",
        "owner": "00000000-0000-0000-0000-000000000008",
        "token": {"sealed": "00000000-0000-0000-0000-000000000009"},
        "name": {"sealed": "00000000-0000-0000-0000-00000000000a"}, "size": 4_000_000_000u32, "pinned": true,
    });
    assert_eq!(shown, expected);
}

/// The first version of `made`, before `size` and `pinned` were added behind a new `colour`.
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

/// Bytes no reader may trust: each must be an error, never a panic, an abort or a long wait.
fn corpus(good: &[u8]) -> Vec<Vec<u8>> {
    let huge = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01];
    let mut all = vec![
        vec![],
        huge.to_vec(),
        [&huge[..], &[0; 22]].concat(),
        vec![0xff; 32],
        vec![0; 2_000_000],
    ];
    all.extend((0..good.len()).map(|cut| good[..cut].to_vec()));
    all.extend((0..good.len()).map(|at| [&good[..at], &huge, &good[at..]].concat()));
    all.push([good, &[0]].concat());
    all
}

#[test]
fn bad_bytes_are_errors() {
    let schemas = schemas();
    let good = schemas.encode(&made()).unwrap();
    for bad in corpus(&good.datum) {
        let shown = schemas.to_json(&good.event_type, good.fingerprint, &bad);
        let read = schemas.decode_parts::<Event>(&good.event_type, good.fingerprint, &bad);
        assert!(read.is_err(), "{bad:?}");
        assert!(shown.is_err(), "{bad:?}");
    }
}

#[test]
fn a_bomb_of_few_bytes_allocates_nothing() {
    let schema = r#"{"type":"record","namespace":"shop.list","name":"MadeV1","event_type":"shop.list.made.v1","fields":[
      {"name":"items","type":{"type":"array","items":"string"}},{"name":"more","type":{"type":"map","values":"long"}}]}"#;
    let schemas = Schemas::builder().context("shop", &[schema]).build().unwrap();
    let node = schemas.all()[0].node();
    let count = 1u64 << 60;
    for signed in [count << 1, (count << 1) - 1] {
        let (mut bomb, mut rest) = (Vec::new(), signed);
        while rest >= 0x80 {
            bomb.push((rest & 0x7f) as u8 | 0x80);
            rest >>= 7;
        }
        bomb.push(rest as u8);
        bomb.resize(32, 0);
        let error = codec::from_datum::<serde::de::IgnoredAny>(&bomb, node).unwrap_err();
        assert!(error.why.contains("items announced"), "{error}");
    }
    let many = vec![String::new(); codec::ITEMS_MAX + 1];
    let both = std::collections::BTreeMap::from([("a".to_owned(), 1i64)]);
    #[derive(serde::Serialize)]
    struct Made {
        items: Vec<String>,
        more: std::collections::BTreeMap<String, i64>,
    }
    let error =
        codec::to_datum(&Made { items: many, more: both.clone() }, node, vec![]).unwrap_err();
    assert_eq!(error.to_string(), "items: 65537 more items exceed the limit of 65536 an event");
    let long = Made { items: vec!["x".repeat(codec::DATUM_BYTES_MAX)], more: both };
    assert!(
        codec::to_datum(&long, node, vec![])
            .unwrap_err()
            .why
            .contains("exceed the limit of 1048576")
    );
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

proptest! {
    #[test]
    fn random_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let schemas = schemas();
        let made = schemas.by_type("shop.thing.made.v1").unwrap();
        let _ = schemas.decode_parts::<Event>(made.event_type(), made.fingerprint(), &bytes);
        let _ = schemas.to_json(made.event_type(), made.fingerprint(), &bytes);
    }

    #[test]
    fn a_changed_byte_reads_as_an_error_or_as_another_value(at in 0usize..400, bit in 0u8..8) {
        let schemas = schemas();
        let mut data = schemas.encode(&made()).unwrap();
        let at = at % data.datum.len();
        data.datum[at] ^= 1 << bit;
        if let Ok(event) = schemas.decode::<Event>(&data) {
            prop_assert_ne!(event, made());
        }
    }

    #[test]
    fn every_event_comes_back(title in proptest::option::of(".{0,40}"), at in any::<i64>(), size in any::<u32>(), pinned in any::<bool>(), count in 0usize..50) {
        let Event::Made { thing, best, owner, token, name, .. } = made() else { unreachable!() };
        let event = Event::Made {
            thing, title, at: Timestamp::from_micros(at), until: Some(Timestamp::from_micros(!at)),
            platforms: vec![Platform::Mastodon; count], best, owner, token, name, size, pinned,
        };
        let schemas = schemas();
        let data = schemas.encode(&event).unwrap();
        prop_assert_eq!(schemas.decode::<Event>(&data).unwrap(), event);
        let schema = apache(MADE);
        let value = GenericDatumReader::builder(&schema).build().unwrap().read_value(&mut &*data.datum).unwrap();
        prop_assert_eq!(GenericDatumWriter::builder(&schema).build().unwrap().write_value_to_vec(value).unwrap(), data.datum);
    }
}
