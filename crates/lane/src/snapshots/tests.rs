//! The bytes of a snapshot, and a directory that cannot be used.

use super::*;
use domain::TenantId;
use uuid::Uuid;

fn some() -> (StreamId, Snapshot, Head) {
    let snapshot = Snapshot {
        offset: 7_000,
        prev: digest(b"prev"),
        record: digest(b"record"),
        version: 650,
        tenant: TenantId::from_static("local"),
        state: b"state".to_vec(),
    };
    (StreamId::new("post", Uuid::from_u128(1)), snapshot, digest(b"program"))
}

#[test]
fn what_is_written_is_read_by_the_same_program_for_the_same_stream() {
    let (stream, snapshot, program) = some();
    let bytes = encode(&snapshot, &stream, &program).unwrap();
    assert_eq!(decode(&bytes, &stream, &program), Some(snapshot));
    assert_eq!(decode(&bytes, &stream, &digest(b"newer program")), None);
    assert_eq!(decode(&bytes, &StreamId::new("post", Uuid::from_u128(2)), &program), None);
}

#[test]
fn every_changed_bit_and_every_cut_is_found() {
    let (stream, snapshot, program) = some();
    let bytes = encode(&snapshot, &stream, &program).unwrap();
    for bit in 0..bytes.len() * 8 {
        let mut wrong = bytes.clone();
        wrong[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(decode(&wrong, &stream, &program), None, "bit {bit}");
    }
    for length in 0..bytes.len() {
        assert_eq!(decode(&bytes[..length], &stream, &program), None, "{length} bytes");
    }
}

#[test]
fn one_that_cannot_be_kept_is_no_trouble() {
    let (stream, snapshot, _) = some();
    let dir = tempfile::tempdir().unwrap();
    let snapshots = Snapshots::open(dir.path().join("snapshots")).unwrap();
    std::fs::remove_dir(dir.path().join("snapshots")).unwrap();
    snapshots.put(&stream, &snapshot);
    assert_eq!(snapshots.get(&stream), None);
    std::fs::create_dir(dir.path().join("snapshots")).unwrap();
    snapshots.put(&stream, &snapshot);
    assert_eq!(snapshots.get(&stream), Some(snapshot));
    snapshots.forget(&stream);
    assert_eq!(snapshots.get(&stream), None);
}
