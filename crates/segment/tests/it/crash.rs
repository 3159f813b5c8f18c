//! Crashes: a copy of the directory taken while it is written is what a killed process leaves.
//! A copy of a file is not atomic, so it also stands for writes that reached the medium in part.

use crate::common::{copy_dir, entry, open, read_all, small};
use proptest::prelude::*;
use segment::{Location, Store, verify};
use std::path::Path;
use std::sync::{Arc, Mutex};

/// What the model knows of one call.
#[derive(Debug, Clone)]
struct Call {
    lane: u32,
    bodies: Vec<Vec<u8>>,
    /// Given by the completion.
    locations: Option<Vec<Location>>,
}

type Model = Arc<Mutex<Vec<Call>>>;

/// Appends without waiting; the completion fills in the model.
fn append(store: &Store, model: &Model, sizes: &[u16]) {
    let mut calls = model.lock().unwrap();
    let lane = u32::try_from(calls.len()).unwrap();
    let bodies: Vec<_> = sizes.iter().map(|size| vec![lane as u8; usize::from(*size)]).collect();
    let entries = bodies.iter().map(|body| entry(lane, body.clone())).collect();
    calls.push(Call { lane, bodies, locations: None });
    drop(calls);
    let model = Arc::clone(model);
    store.append(entries, move |outcome| {
        model.lock().unwrap()[lane as usize].locations = Some(outcome.unwrap());
    });
}

/// Opens what a crash left: a prefix of the calls, each whole, at the place it was given, and
/// at least those acknowledged before the crash.
fn check(dir: &Path, calls: &[Call], acknowledged: usize) {
    let found = verify(dir).findings;
    assert!(
        found.iter().all(|finding| finding.kind == segment::FindingKind::Unconfirmed),
        "a crash leaves no damage: {found:?}"
    );
    let store = open(small(dir));
    let stored = read_all(&store);
    let mut rest = stored.iter().peekable();
    for (turn, call) in calls.iter().enumerate() {
        if rest.peek().is_none() && !call.bodies.is_empty() {
            assert!(turn >= acknowledged, "call {turn} was acknowledged and is lost");
            break;
        }
        for (place, body) in call.bodies.iter().enumerate() {
            let (at, lane, bytes) = rest.next().expect("a call is whole or absent");
            assert_eq!((*lane, bytes), (call.lane, body));
            if let Some(locations) = &call.locations {
                assert_eq!(*at, locations[place]);
            }
        }
    }
    assert_eq!(rest.next(), None, "nothing that was never appended");
    store.close().unwrap();
    assert_eq!(verify(dir).findings, vec![]);
}

fn acknowledged(model: &Model) -> usize {
    model.lock().unwrap().iter().take_while(|call| call.locations.is_some()).count()
}

fn run(steps: &[Step]) {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(small(dir.path()));
    let model = Model::default();
    let mut copies = Vec::new();
    for step in steps {
        match step {
            Step::Append(sizes) => append(&store, &model, sizes),
            Step::Wait(micros) => {
                std::thread::sleep(std::time::Duration::from_micros(u64::from(*micros)));
            }
            Step::Crash => {
                let before = acknowledged(&model);
                let copy = tempfile::tempdir().unwrap();
                if copy_in_order(dir.path(), copy.path()) {
                    copies.push((copy, before));
                }
            }
            Step::Reopen => {
                store.close().unwrap();
                store = open(small(dir.path()));
            }
        }
    }
    store.close().unwrap();
    let calls = model.lock().unwrap().clone();
    assert!(calls.iter().all(|call| call.locations.is_some()));
    for (copy, before) in copies {
        check(copy.path(), &calls, before);
    }
    check(dir.path(), &calls, calls.len());
}

/// A copy that some moment could have left. The newest file first: whatever it holds, the older
/// ones were finished before, so a later copy of them fits. False when a segment came
/// meanwhile: then the one before may be finished in the copy, and its successor missing.
fn copy_in_order(from: &Path, to: &Path) -> bool {
    let list = || {
        let mut names: Vec<_> =
            from.read_dir().unwrap().map(|file| file.unwrap().file_name()).collect();
        names.retain(|name| name != "spare");
        names.sort();
        names
    };
    let names = list();
    for name in names.iter().rev() {
        std::fs::copy(from.join(name), to.join(name)).unwrap();
    }
    names == list()
}

#[derive(Debug, Clone)]
enum Step {
    Append(Vec<u16>),
    Wait(u16),
    Crash,
    Reopen,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => prop::collection::vec(0..3_000_u16, 0..4).prop_map(Step::Append),
        3 => (0..1_000_u16).prop_map(Step::Wait),
        3 => Just(Step::Crash),
        1 => Just(Step::Reopen),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, ..ProptestConfig::default() })]

    #[test]
    fn after_a_crash_at_any_moment_the_store_is_a_prefix_that_holds_every_acknowledged_call(
        steps in prop::collection::vec(step(), 1..60)
    ) {
        run(&steps);
    }
}

#[test]
fn copying_as_one_file_does_not_change_the_store() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(small(dir.path()));
    let at = crate::common::append_one(&store, 1, b"moved");
    store.close().unwrap();
    let copy = tempfile::tempdir().unwrap();
    copy_dir(dir.path(), copy.path());
    assert_eq!(open(small(copy.path())).reader().read(at).unwrap().1, b"moved");
}
