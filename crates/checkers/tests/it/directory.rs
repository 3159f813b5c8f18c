//! The independent reader of records against the worked example of `docs/formats/record.md`.

use checkers::{Body, Stored, genesis, read_lane};

fn bytes(hex: &str) -> Vec<u8> {
    let hex: String = hex.split_whitespace().collect();
    (0..hex.len() / 2).map(|at| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).unwrap()).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |all, byte| all + &format!("{byte:02x}"))
}

#[test]
fn the_worked_example_of_the_format_is_read_as_the_page_says() {
    let page = include_str!("../../../../docs/formats/record.md");
    let blocks: Vec<&str> = page.split("```").skip(1).step_by(2).map(str::trim).collect();
    let [first, claim, claimed, event, ..] = blocks.as_slice() else {
        panic!("the page has no worked example any more");
    };
    let name = "content.events/5";
    let genesis = genesis("0190e2a4-0000-7000-8000-00000000000f", name);
    assert_eq!(hex(&genesis), *first);
    let mut stored = vec![Stored { prev: [0; 32], bytes: bytes(claim) }];
    let (lane, found) = read_lane(name, genesis, &stored);
    assert_eq!((hex(&lane.head).as_str(), lane.epoch, lane.seq), (*claimed, 1, 1));
    assert!(matches!(&lane.frames[0].records[0].body, Body::Claim { node } if node == "one"));
    // The first of two events: nothing takes effect yet.
    stored.push(Stored { prev: lane.head, bytes: bytes(event) });
    let (after, more) = read_lane(name, genesis, &stored);
    assert_eq!((after.head, after.voids, after.frames.len()), (lane.head, 1, 1));
    assert!(found.is_empty() && more.is_empty());
}
