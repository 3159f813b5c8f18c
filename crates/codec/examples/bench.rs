//! Nanoseconds an event for this crate, apache-avro's direct serde path and `serde_avro_fast`, on the
//! same structs and bytes in one run. Not a gate: figures of one machine, for choosing the hot path.
//!
//! `cargo run --release -p codec --example bench`

#![expect(clippy::print_stdout, reason = "an example that prints its figures")]

use std::hint::black_box;
use std::time::Instant;

use apache_avro::Schema as ApacheSchema;
use apache_avro::reader::datum::GenericDatumReader;
use apache_avro::writer::datum::GenericDatumWriter;
use codec::{Schemas, from_datum, to_datum};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_avro_fast::ser::SerializerConfig;

/// The structs say what every library understands: no type that asks for `is_human_readable`,
/// because `serde_avro_fast` leaves serde's default there (true).
///
/// Their names are the records': apache-avro's direct path reads no other.
#[derive(Serialize, Deserialize)]
#[serde(rename = "ScheduledV1")]
struct Scheduled {
    publish_at: i64,
    platform: Platform,
    by: String,
}

#[derive(Serialize, Deserialize)]
#[serde(rename = "Platform", rename_all = "snake_case")]
enum Platform {
    Mastodon,
    Bluesky,
}

#[derive(Serialize, Deserialize)]
#[serde(rename = "DraftedV1")]
struct Drafted {
    post_id: String,
    title: Option<String>,
    body: String,
    tags: Vec<String>,
    created_at: i64,
    platforms: Vec<Platform>,
    length: i32,
    pinned: bool,
}

const SCHEDULED: &str = r#"{"type":"record","namespace":"content.post","name":"ScheduledV1",
  "event_type":"content.post.scheduled.v1","fields":[
  {"name":"publish_at","type":{"type":"long","logicalType":"timestamp-micros"}},
  {"name":"platform","type":{"type":"enum","name":"Platform","symbols":["mastodon","bluesky"]}},
  {"name":"by","type":"string"}]}"#;

const DRAFTED: &str = r#"{"type":"record","namespace":"content.post","name":"DraftedV1",
  "event_type":"content.post.drafted.v1","fields":[
  {"name":"post_id","type":{"type":"string","logicalType":"uuid"}},
  {"name":"title","type":["null","string"],"default":null},
  {"name":"body","type":"string"},
  {"name":"tags","type":{"type":"array","items":"string"}},
  {"name":"created_at","type":"long"},
  {"name":"platforms","type":{"type":"array","items":{"type":"enum","name":"Platform","symbols":["mastodon","bluesky"]}}},
  {"name":"length","type":"int"},
  {"name":"pinned","type":"boolean"}]}"#;

fn time(mut once: impl FnMut()) -> f64 {
    let mut best = f64::MAX;
    for _ in 0..7 {
        let (rounds, start) = (50_000u32, Instant::now());
        for _ in 0..rounds {
            once();
        }
        best = best.min(start.elapsed().as_secs_f64() * 1e9 / f64::from(rounds));
    }
    best
}

fn compare<T: Serialize + DeserializeOwned>(name: &str, text: &str, event: &T) {
    let schemas =
        Schemas::builder().context("content", &[text]).build().expect("the schema is sound");
    let ours = schemas.all()[0].node();
    let apache = ApacheSchema::parse_str(text).expect("the schema is sound");
    let fast: serde_avro_fast::Schema = text.parse().expect("the schema is sound");
    let mut config = SerializerConfig::new(&fast);
    let writer = GenericDatumWriter::builder(&apache).build().expect("the schema is sound");
    let reader = GenericDatumReader::builder(&apache).build().expect("the schema is sound");

    let datum = to_datum(event, ours, Vec::new()).expect("it fits");
    assert_eq!(datum, writer.write_ser_to_vec(event).expect("it fits"));
    assert_eq!(datum, serde_avro_fast::to_datum_vec(event, &mut config).expect("it fits"));

    let mut buffer = Vec::with_capacity(datum.len());
    let mut encode = |library: &str, once: &mut dyn FnMut(Vec<u8>) -> Vec<u8>| {
        let ns = time(|| {
            buffer.clear();
            buffer = black_box(once(std::mem::take(&mut buffer)));
        });
        println!("{name:10} {:5} B  encode  {library:16} {ns:8.0} ns", datum.len());
    };
    encode("codec", &mut |buffer| to_datum(event, ours, buffer).expect("it fits"));
    encode("serde_avro_fast", &mut |buffer| {
        serde_avro_fast::to_datum(event, buffer, &mut config).expect("it fits")
    });
    encode("apache-avro", &mut |mut buffer| {
        writer.write_ser(&mut buffer, event).expect("it fits");
        buffer
    });
    let decode = |library: &str, once: &mut dyn FnMut() -> T| {
        let ns = time(|| {
            black_box(once());
        });
        println!("{name:10} {:5} B  decode  {library:16} {ns:8.0} ns", datum.len());
    };
    decode("codec", &mut || from_datum(&datum, ours).expect("it is one"));
    decode("serde_avro_fast", &mut || {
        serde_avro_fast::from_datum_slice(&datum, &fast).expect("it is one")
    });
    decode("apache-avro", &mut || reader.read_deser(&mut &*datum).expect("it is one"));
}

fn main() {
    compare(
        "small",
        SCHEDULED,
        &Scheduled {
            publish_at: 1_795_000_000_000_000,
            platform: Platform::Bluesky,
            by: "owner".into(),
        },
    );
    let drafted = Drafted {
        post_id: "0190e2a4-0000-7000-8000-000000000001".into(),
        title: Some("Release notes".into()),
        body: "Everything that ever happened can be recounted. ".repeat(6),
        tags: vec!["release".into(), "rust".into(), "events".into()],
        created_at: 1_795_000_000_000_000,
        platforms: vec![Platform::Mastodon, Platform::Bluesky],
        length: 288,
        pinned: true,
    };
    compare("ordinary", DRAFTED, &drafted);
}
