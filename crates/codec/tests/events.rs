//! What the codec promises about events: both ways, and as other libraries see them.

mod things;

use apache_avro::reader::datum::GenericDatumReader;
use apache_avro::types::Value as Avro;
use apache_avro::writer::datum::GenericDatumWriter;
use codec::{crc64_avro, schema_id};
use domain::{EventSet, Timestamp};
use proptest::prelude::*;
use serde_json::json;
use things::{Event, MADE, Platform, made, schemas};

fn apache(text: &str) -> apache_avro::Schema {
    apache_avro::Schema::parse_str(text).expect("the test's own data is sound")
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
    assert_eq!((made.id(), made.fingerprint()), (169_192_267, 0x218b_96b2_8e8d_7a3a));
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

proptest! {
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
