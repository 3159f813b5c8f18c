//! Reading many entries at once says the same as reading each alone: near and far ones, larger than a
//! window, over segments, damaged, and none at all.

use crate::common::{append, entry, open, small};
use segment::{Location, ReadError};

#[test]
fn entries_of_a_list_are_those_of_single_reads() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(small(dir.path()));
    let mut locations = Vec::new();
    for n in 0..400_usize {
        // Mostly small, some larger than the first read, a few larger than a window.
        let len = match n {
            77 => 600_000,
            _ if n % 50 == 0 => 9_000,
            _ => n % 300,
        };
        let entries = vec![entry(n as u32, vec![n as u8; len])];
        locations.extend(append(&store, entries).unwrap());
    }
    let reader = store.reader();
    for (from, step) in [(0, 1), (3, 7), (399, 1), (0, 399)] {
        let list: Vec<Location> = locations.iter().skip(from).step_by(step).copied().collect();
        let mut read = Vec::new();
        let taken = reader.read_each(&list, |at, lane, bytes| {
            assert_eq!(at, read.len());
            read.push((lane, bytes.to_vec()));
        });
        taken.unwrap();
        let alone: Vec<_> = list.iter().map(|at| reader.read(*at).unwrap()).collect();
        assert_eq!(read, alone, "from {from} by {step}");
    }
    reader.read_each(&[], |_, _, _| panic!("there is nothing")).unwrap();
}

#[test]
fn a_location_that_was_never_given_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(small(dir.path()));
    let first = append(&store, vec![entry(1, "a"), entry(2, "b")]).unwrap()[0];
    let mut seen = 0;
    let wrong = store.reader().read_each(&[first, Location(first.0 + 1)], |_, _, _| seen += 1);
    assert!(matches!(wrong, Err(ReadError::NotAnEntry { .. })), "{wrong:?}");
    assert_eq!(seen, 1);
    let behind = Location(store.durable_end().0 + 5);
    let wrong = store.reader().read_each(&[behind], |_, _, _| ());
    assert!(matches!(wrong, Err(ReadError::PastEnd { .. })), "{wrong:?}");
}
