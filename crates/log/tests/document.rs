//! The worked example of `docs/formats/record.md`, made by the program: the document says what the
//! program does, and neither moves alone.

#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

use std::fmt::Write as _;

use domain::{
    ActorId, EventData, EventId, LaneId, Meta, Position, StreamId, TenantId, Timestamp, TopicId,
};
use recount_log::{
    Chain, Claim, FrameBuilder, Head, LaneState, Record, Sha256Chain, Step, Topic, Topics, headers,
};
use uuid::Uuid;

const DOCUMENT: &str = include_str!("../../../docs/formats/record.md");
const LANE: LaneId = LaneId { topic: TopicId(0), index: 5 };

fn hex(bytes: &[u8]) -> String {
    let mut text = String::new();
    for (at, byte) in bytes.iter().enumerate() {
        let gap = match at {
            0 => "",
            _ if at % 32 == 0 => "\n",
            _ if at % 4 == 0 => " ",
            _ => "",
        };
        write!(text, "{gap}{byte:02x}").unwrap();
    }
    text
}

fn documented(what: &str, text: &str) {
    assert!(DOCUMENT.contains(text), "docs/formats/record.md does not show {what}:\n{text}");
}

fn id(text: &str) -> Uuid {
    text.parse().unwrap()
}

fn event(seq: u64, version: u64) -> (Meta, EventData) {
    let meta = Meta {
        id: EventId(Uuid::from_u64_pair(0x0190_e2a4_0000_7000, 0x8000_0000_0000_00e0 + seq)),
        stream: StreamId::new("post", id("0190e2a4-0000-7000-8000-000000000001")),
        version,
        position: Position { lane: LANE, seq },
        recorded_at: "2026-11-21T08:30:00Z".parse().unwrap(),
        tenant: TenantId::from_static("local"),
        actor: ActorId::from_static("owner"),
        correlation: id("0190e2a4-0000-7000-8000-0000000000c0"),
        causation: None,
        key: None,
        trace: None,
    };
    let data = EventData {
        event_type: "content.post.withdrawn.v1".into(),
        fingerprint: 0x0123_4567_89ab_cdef,
        datum: b"\x08typo".to_vec(),
    };
    (meta, data)
}

#[test]
fn the_worked_example_is_what_the_program_writes() {
    let log = id("0190e2a4-0000-7000-8000-00000000000f");
    let topics = Topics::new(log, vec![Topic { name: "content.events".to_owned(), lanes: 16 }]);
    let genesis = topics.genesis(LANE);
    documented("the head of the empty lane", &genesis.to_string());

    let at: Timestamp = "2026-11-21T08:29:00Z".parse().unwrap();
    let claim = Claim {
        id: id("0190e2a4-0000-7000-8000-0000000000a1"),
        at,
        node: "one".to_owned(),
        url: String::new(),
    };
    let claim = Record::claim(1, &claim);
    documented("the claim", &hex(&claim));

    let mut frame = FrameBuilder::new(1, 2, 2);
    for (seq, version) in [(2, 1), (3, 2)] {
        let (meta, data) = event(seq, version);
        frame.event(&meta, &data, None);
    }
    let frame = frame.finish();
    let records = headers(&frame).unwrap();
    documented("the first record of the frame", &hex(&frame[records[0].1.clone()]));

    let mut state = LaneState::<Sha256Chain>::new(genesis);
    let step = |state: &mut LaneState<Sha256Chain>, prev: &Head, bytes: &[u8]| {
        headers(bytes)
            .unwrap()
            .into_iter()
            .map(|(header, range)| state.step(&header, prev, &bytes[range]))
            .collect::<Vec<_>>()
    };
    assert_eq!(step(&mut state, &genesis, &claim), [Step::Claimed]);
    let claimed = state.head;
    assert_eq!(claimed, Sha256Chain::extend(&genesis, &claim));
    documented("the head after the claim", &claimed.to_string());
    assert_eq!(step(&mut state, &claimed, &frame), [Step::Partial, Step::Whole { first: 2 }]);
    documented("the head after the frame", &state.head.to_string());
    assert_eq!((state.epoch, state.seq), (1, 3));
}
