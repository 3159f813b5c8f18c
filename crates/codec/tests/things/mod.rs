//! The events the tests of this crate share. Not a model: each has one field of every kind.

use codec::Schemas;
use domain::{EventSet, Sealed, Timestamp};

domain::uuid_id! {
    /// One thing.
    pub struct ThingId;
}

#[derive(Debug, Clone, Copy, PartialEq, domain::Word)]
pub(crate) enum Platform {
    Mastodon,
    BlueSky,
}

#[derive(Debug, Clone, PartialEq, EventSet)]
#[event(namespace = "shop.thing")]
pub(crate) enum Event {
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

pub(crate) const MADE: &str = r#"{"type":"record","namespace":"shop.thing","name":"MadeV1","event_type":"shop.thing.made.v1","fields":[
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
pub(crate) const LOST: &str = r#"{"type":"record","namespace":"shop.thing","name":"LostAgainV1","event_type":"shop.thing.lost_again.v1","fields":[]}"#;

pub(crate) fn schemas() -> Schemas {
    Schemas::builder().context("shop", &[LOST, MADE]).build().expect("the test's own data is sound")
}

pub(crate) fn sealed(subject: u128, rest: u8) -> Sealed {
    let mut bytes = subject.to_be_bytes().to_vec();
    bytes.resize(Sealed::BYTES_MIN + 5, rest);
    Sealed::from_bytes(bytes).expect("the test's own data is sound")
}

pub(crate) fn made() -> Event {
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
