//! What the keyring promises about sealed values and fingerprints.

use std::path::Path;
use std::sync::Barrier;

use domain::{Sealed, Sealer, SubjectId};
use keyring::{DestroyError, Keyring, OpenError, Options, UnsealError, verify};
use uuid::Uuid;

const ADA: SubjectId = SubjectId(Uuid::from_u128(0xada));
const BOB: SubjectId = SubjectId(Uuid::from_u128(0xb0b));

fn open(dir: &Path) -> Keyring {
    Keyring::open(&Options::new(dir)).expect("the keys open")
}

#[test]
fn what_is_sealed_opens_again_after_a_restart_too() {
    let dir = tempfile::tempdir().unwrap();
    let keys = open(dir.path());
    let sealed = keys.seal(ADA, "mail", b"ada@example.org").unwrap();
    assert_eq!(sealed.subject(), ADA);
    assert_ne!(
        keys.seal(ADA, "mail", b"ada@example.org").unwrap(),
        sealed,
        "a nonce is drawn each time"
    );
    assert_eq!(keys.open_sealed(&sealed, "mail").unwrap().expose_str(), Some("ada@example.org"));
    drop(keys);
    let keys = open(dir.path());
    assert_eq!(keys.open_sealed(&sealed, "mail").unwrap().expose(), b"ada@example.org");
    assert_eq!(
        format!("{:?} {keys:?}", keys.open_sealed(&sealed, "mail").unwrap())
            .matches("ada@")
            .count(),
        0
    );
    let found = verify(&Options::new(dir.path())).unwrap();
    assert_eq!((found.live, found.destroyed, found.torn_bytes), (1, 0, 0));
}

#[test]
fn another_field_another_subject_and_any_changed_byte_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let keys = open(dir.path());
    let sealed = keys.seal(ADA, "mail", b"x").unwrap();
    keys.seal(BOB, "mail", b"y").unwrap();
    assert!(matches!(keys.open_sealed(&sealed, "name"), Err(UnsealError::Changed { .. })));
    for at in 0..sealed.as_bytes().len() {
        for bit in 0..8 {
            let mut bytes = sealed.as_bytes().to_vec();
            bytes[at] ^= 1 << bit;
            assert!(
                keys.open_sealed(&Sealed::from_bytes(bytes).unwrap(), "mail").is_err(),
                "byte {at}"
            );
        }
    }
    let swapped = [&BOB.0.as_bytes()[..], &sealed.as_bytes()[16..]].concat();
    assert!(matches!(
        keys.open_sealed(&Sealed::from_bytes(swapped).unwrap(), "mail"),
        Err(UnsealError::Changed { .. })
    ));
}

#[test]
fn a_destroyed_key_is_gone_from_disk_and_its_values_never_open() {
    let dir = tempfile::tempdir().unwrap();
    let keys = open(dir.path());
    let (ada, bob) =
        (keys.seal(ADA, "mail", b"ada").unwrap(), keys.seal(BOB, "mail", b"bob").unwrap());
    let ring = Options::new(dir.path()).ring_path();
    // Header, installation key, then the record of ADA: its wrapped key.
    let wrapped = std::fs::read(&ring).unwrap()[256 + 24..256 + 96].to_vec();
    let contains = |path: &Path| {
        std::fs::read(path).unwrap().windows(wrapped.len()).any(|part| part == wrapped)
    };
    assert!(contains(&ring));

    assert!(keys.destroy(ADA).unwrap());
    assert!(!keys.destroy(ADA).unwrap());
    for file in std::fs::read_dir(dir.path()).unwrap() {
        assert!(!contains(&file.unwrap().path()));
    }
    let text = keys.open_sealed(&ada, "mail").unwrap_err().to_string();
    assert!(
        text.ends_with("the key was destroyed, as it should be when a subject is forgotten"),
        "{text}"
    );
    assert_eq!(keys.open_sealed(&bob, "mail").unwrap().expose(), b"bob");

    let again = keys.seal(ADA, "mail", b"new").unwrap();
    drop(keys);
    let keys = open(dir.path());
    assert_eq!(keys.open_sealed(&again, "mail").unwrap().expose(), b"new");
    assert!(matches!(keys.open_sealed(&ada, "mail"), Err(UnsealError::Destroyed { .. })));
    assert!(keys.destroy(ADA).unwrap());
    assert!(matches!(keys.open_sealed(&again, "mail"), Err(UnsealError::Destroyed { .. })));
    let found = verify(&Options::new(dir.path())).unwrap();
    assert_eq!((found.live, found.destroyed), (1, 1));
}

#[test]
fn an_old_backup_says_that_it_is_too_old() {
    let dir = tempfile::tempdir().unwrap();
    let keys = open(dir.path());
    let before = std::fs::read(Options::new(dir.path()).ring_path()).unwrap();
    let sealed = keys.seal(ADA, "mail", b"ada").unwrap();
    drop(keys);
    std::fs::write(Options::new(dir.path()).ring_path(), before).unwrap();
    assert!(matches!(
        open(dir.path()).open_sealed(&sealed, "mail"),
        Err(UnsealError::NoKey { .. })
    ));
}

#[test]
fn eight_threads_make_one_key_for_a_subject() {
    let dir = tempfile::tempdir().unwrap();
    let keys = open(dir.path());
    let (keys, start) = (&keys, &Barrier::new(8));
    let subject = |number: u128| SubjectId(Uuid::from_u128(number));
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(move || {
                start.wait();
                for number in 0..20 {
                    let sealed = keys.seal(subject(number), "mail", b"x").unwrap();
                    assert_eq!(keys.open_sealed(&sealed, "mail").unwrap().expose(), b"x");
                }
            });
        }
    });
    assert_eq!(verify(&Options::new(dir.path())).unwrap().live, 20);
}

#[test]
fn a_key_that_is_destroyed_while_others_seal_never_opens_what_was_sealed_before() {
    let dir = tempfile::tempdir().unwrap();
    let keys = &open(dir.path());
    std::thread::scope(|scope| {
        scope.spawn(|| (0..200).for_each(|_| drop(keys.seal(ADA, "mail", b"x").unwrap())));
        for _ in 0..20 {
            let before = keys.seal(ADA, "mail", b"x").unwrap();
            keys.destroy(ADA).unwrap();
            assert!(keys.open_sealed(&before, "mail").is_err());
        }
    });
}

#[test]
fn fingerprints_are_stable_kept_apart_and_this_installations_own() {
    let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let keys = open(one.path());
    let mac = keys.mac("body", &[b"ab", b"c"]);
    assert_ne!(mac, keys.mac("body", &[b"a", b"bc"]));
    assert_ne!(mac, keys.mac("body", &[b"ab", b"c", b""]));
    assert_ne!(mac, keys.mac("other", &[b"ab", b"c"]));
    assert_ne!(mac, open(other.path()).mac("body", &[b"ab", b"c"]));
    let id = keys.derive_uuid("stream", &[b"key"]);
    assert_eq!((id.get_version_num(), id.get_variant()), (8, uuid::Variant::RFC4122));
    assert_eq!(keys.command_key(&[b"local", b"owner"]), keys.command_key(&[b"local", b"owner"]));
    drop(keys);
    assert_eq!(open(one.path()).mac("body", &[b"ab", b"c"]), mac);
    assert_eq!(open(one.path()).derive_uuid("stream", &[b"key"]), id);
}

#[test]
fn a_tool_reads_beside_the_server_and_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let options = Options::new(dir.path());
    assert!(matches!(Keyring::open_read_only(&options), Err(OpenError::Missing(_))));
    let keys = open(dir.path());
    let sealed = keys.seal(ADA, "mail", b"x").unwrap();
    assert!(matches!(Keyring::open(&options), Err(OpenError::InUse(_))));
    let tool = Keyring::open_read_only(&options).unwrap();
    assert_eq!(tool.open_sealed(&sealed, "mail").unwrap().expose(), b"x");
    assert!(tool.seal(ADA, "mail", b"y").is_ok());
    let error = tool.seal(BOB, "mail", b"y").unwrap_err().to_string();
    assert!(error.ends_with("it is open read-only and the subject has no key yet"), "{error}");
    assert!(matches!(tool.destroy(ADA), Err(DestroyError::ReadOnly)));
}
