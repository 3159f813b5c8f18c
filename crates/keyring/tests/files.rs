//! What the keyring promises about its files: crashes, damage, the wrong key.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use domain::{Sealed, Sealer, SubjectId};
use keyring::{Keyring, OpenError, Options, UnsealError, verify};
use uuid::Uuid;

/// Length of the header and of every record.
const RECORD: usize = 128;

fn subject(number: u128) -> SubjectId {
    SubjectId(Uuid::from_u128(number))
}

/// A keyring with the keys of three subjects, the second of them destroyed.
fn filled(dir: &Path) -> (Options, Vec<Sealed>) {
    let options = Options::new(dir);
    let keys = Keyring::open(&options).expect("the keys open");
    let sealed =
        (1..=3).map(|number| keys.seal(subject(number), "mail", b"x").expect("it seals")).collect();
    keys.destroy(subject(2)).expect("it is destroyed");
    (options, sealed)
}

#[test]
fn both_files_are_private() {
    let dir = tempfile::tempdir().unwrap();
    let (options, _) = filled(&dir.path().join("keys"));
    for path in [options.ring_path(), options.master_path()] {
        assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600);
    }
    assert_eq!(fs::metadata(&options.dir).unwrap().permissions().mode() & 0o777, 0o700);
}

#[test]
fn a_torn_tail_is_cut_at_every_byte_and_nothing_else_is_lost() {
    let dir = tempfile::tempdir().unwrap();
    let (options, sealed) = filled(dir.path());
    let whole = fs::read(options.ring_path()).unwrap();
    assert_eq!(whole.len(), 5 * RECORD);
    for cut in 4 * RECORD..whole.len() {
        fs::write(options.ring_path(), &whole[..cut]).unwrap();
        assert_eq!(verify(&options).unwrap().torn_bytes, (cut - 4 * RECORD) as u64);
        let keys = Keyring::open(&options).unwrap();
        assert_eq!(keys.torn_bytes(), (cut - 4 * RECORD) as u64);
        assert_eq!(fs::metadata(options.ring_path()).unwrap().len(), 4 * RECORD as u64);
        assert_eq!(keys.open_sealed(&sealed[0], "mail").unwrap().expose(), b"x");
        assert!(matches!(keys.open_sealed(&sealed[2], "mail"), Err(UnsealError::NoKey { .. })));
        keys.seal(subject(4), "mail", b"x").unwrap();
        assert_eq!(verify(&options).unwrap().live, 2);
    }
    let extended = [&whole[..], &[0; RECORD]].concat();
    fs::write(options.ring_path(), &extended).unwrap();
    assert_eq!(
        Keyring::open(&options).unwrap().torn_bytes(),
        RECORD as u64,
        "extended, but its data never arrived"
    );
    for cut in 0..2 * RECORD {
        fs::write(options.ring_path(), &whole[..cut]).unwrap();
        assert!(matches!(Keyring::open(&options), Err(OpenError::Damaged { .. })), "{cut}");
    }
}

#[test]
fn any_changed_bit_is_found() {
    let dir = tempfile::tempdir().unwrap();
    let (options, _) = filled(dir.path());
    for path in [options.ring_path(), options.master_path()] {
        let whole = fs::read(&path).unwrap();
        for at in 0..whole.len() {
            for bit in 0..8 {
                let mut changed = whole.clone();
                changed[at] ^= 1 << bit;
                fs::write(&path, changed).unwrap();
                assert!(verify(&options).is_err(), "byte {at} of {}", path.display());
                assert!(Keyring::open(&options).is_err(), "byte {at} of {}", path.display());
            }
        }
        fs::write(&path, whole).unwrap();
    }
    assert_eq!(verify(&options).unwrap().live, 2);
}

#[test]
fn a_record_that_is_repeated_or_taken_from_its_place_is_found() {
    let dir = tempfile::tempdir().unwrap();
    let (options, _) = filled(dir.path());
    let whole = fs::read(options.ring_path()).unwrap();
    let record = |number: usize| &whole[number * RECORD..(number + 1) * RECORD];
    for broken in [
        [&whole[..], record(2)].concat(),
        [&whole[..], record(1)].concat(),
        [record(0), record(2), record(1), record(3)].concat(),
        [&whole[..3 * RECORD], &[0; RECORD], record(4)].concat(),
    ] {
        fs::write(options.ring_path(), broken).unwrap();
        assert!(matches!(verify(&options), Err(OpenError::Damaged { .. })));
    }
}

#[test]
fn a_checksum_alone_does_not_make_a_record_true() {
    let dir = tempfile::tempdir().unwrap();
    let (options, _) = filled(dir.path());
    let mut whole = fs::read(options.ring_path()).unwrap();
    // The subject of the last record becomes another one, and somebody mends the checksum.
    let last = whole.len() - RECORD;
    whole[last + 19] = 9;
    let sum = crc32c::crc32c(&whole[last..last + RECORD - 4]);
    whole[last + RECORD - 4..].copy_from_slice(&sum.to_le_bytes());
    fs::write(options.ring_path(), whole).unwrap();
    assert!(matches!(verify(&options), Err(OpenError::Damaged { offset: 512, .. })));
    let error =
        Keyring::open(&options).unwrap().seal(subject(9), "mail", b"x").unwrap_err().to_string();
    assert!(error.contains("does not unwrap"), "{error}");
}

#[test]
fn the_wrong_master_key_is_told_from_a_missing_one() {
    let (mine, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (options, _) = filled(mine.path());
    let (foreign, _) = filled(other.path());
    let own = fs::read(options.master_path()).unwrap();
    fs::copy(foreign.master_path(), options.master_path()).unwrap();
    let error = Keyring::open(&options).unwrap_err();
    assert!(matches!(error, OpenError::WrongMaster { .. }), "{error}");
    assert!(
        error
            .to_string()
            .ends_with("restore the master.key and the keyring of the same installation"),
        "{error}"
    );
    fs::remove_file(options.master_path()).unwrap();
    assert!(matches!(Keyring::open(&options), Err(OpenError::MasterMissing(_))));
    fs::write(options.master_path(), own).unwrap();
    Keyring::open(&options).unwrap();
}

#[test]
fn a_lost_keyring_is_not_replaced_by_a_new_one() {
    let dir = tempfile::tempdir().unwrap();
    let (options, _) = filled(dir.path());
    fs::remove_file(options.ring_path()).unwrap();
    let options = Options { create: false, ..options };
    assert!(matches!(Keyring::open(&options), Err(OpenError::Missing(_))));
}

#[test]
fn a_newer_format_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let (options, _) = filled(dir.path());
    let mut whole = fs::read(options.ring_path()).unwrap();
    whole[8] = 2;
    let sum = crc32c::crc32c(&whole[..RECORD - 4]);
    whole[RECORD - 4..RECORD].copy_from_slice(&sum.to_le_bytes());
    fs::write(options.ring_path(), whole).unwrap();
    assert!(matches!(Keyring::open(&options), Err(OpenError::Newer { found: 2, known: 1, .. })));
}

#[test]
fn the_master_key_may_lie_elsewhere() {
    let (dir, vault) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let options = Options {
        master_file: Some(vault.path().join("installation.key")),
        ..Options::new(dir.path())
    };
    let sealed = Keyring::open(&options).unwrap().seal(subject(1), "mail", b"x").unwrap();
    assert!(!dir.path().join("master.key").exists());
    assert_eq!(
        Keyring::open(&options).unwrap().open_sealed(&sealed, "mail").unwrap().expose(),
        b"x"
    );
}

#[test]
fn a_crash_while_a_key_is_destroyed_leaves_the_file_before_or_after() {
    let dir = tempfile::tempdir().unwrap();
    let (options, sealed) = filled(dir.path());
    let half = dir.path().join("keyring.new");
    fs::write(&half, b"half of a new file").unwrap();
    let keys = Keyring::open(&options).unwrap();
    assert!(!half.exists());
    assert_eq!(keys.open_sealed(&sealed[0], "mail").unwrap().expose(), b"x");
}
