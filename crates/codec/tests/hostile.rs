//! What the codec promises about bytes nobody should trust: errors, quickly, and nothing else.

mod things;

use codec::Schemas;
use proptest::prelude::*;
use things::{Event, made, schemas};

/// Lists without end, if one lets them.
#[derive(serde::Serialize)]
struct Made {
    items: Vec<String>,
    more: std::collections::BTreeMap<String, i64>,
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
            bomb.push(rest.to_le_bytes()[0] | 0x80);
            rest >>= 7;
        }
        bomb.push(rest.to_le_bytes()[0]);
        bomb.resize(32, 0);
        let error = codec::from_datum::<serde::de::IgnoredAny>(&bomb, node).unwrap_err();
        assert!(error.why.contains("items announced"), "{error}");
    }
    let many = vec![String::new(); codec::ITEMS_MAX + 1];
    let both = std::collections::BTreeMap::from([("a".to_owned(), 1i64)]);
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
}
