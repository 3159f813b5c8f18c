//! Changed bytes: every single change is found, and no confirmed entry is ever cut away.

use crate::common::{
    self, Random, Stored, append_one, copy_dir, entry, open, read_all, segments, small,
};
use segment::{Location, OpenError, Options, ReadError, Reader, Store, verify};
use std::fs;
use std::os::unix::fs::FileExt;
use std::path::Path;

/// Three segments with a few blocks each, closed.
fn example(dir: &Path) -> Vec<Stored> {
    let store = open(small(dir));
    let written = (0..9_u32)
        .map(|turn| {
            let body = vec![turn as u8 + 1; 100 * turn as usize];
            (append_one(&store, turn, &body), turn, body)
        })
        .collect();
    store.close().unwrap();
    assert_eq!(verify(dir).findings, vec![]);
    written
}

/// Opens a damaged copy: refused, or everything is still there.
fn refuses_or_keeps(dir: &Path, written: &[Stored], context: &str) -> bool {
    match Store::open(small(dir)) {
        Err(OpenError::Corrupt { .. } | OpenError::Missing { .. }) => true,
        Err(other) => panic!("{context}: {other:?}"),
        Ok((store, _)) => {
            assert_eq!(read_all(&store), written, "{context}");
            false
        }
    }
}

#[test]
fn a_torn_last_block_is_cut_at_every_length() {
    let dir = tempfile::tempdir().unwrap();
    let options = || {
        let mut options = small(dir.path());
        options.first_segment_bytes = 16 * 4096;
        options
    };
    let before = {
        let store = open(options());
        append_one(&store, 1, b"kept");
        store.close().unwrap();
        fs::read(common::last_segment(dir.path())).unwrap()
    };
    let store = open(options());
    append_one(&store, 2, &[9; 5000]);
    let file = common::last_segment(dir.path());
    let after = fs::read(&file).unwrap();
    store.close().unwrap();
    let start = before.iter().zip(&after).position(|(old, new)| old != new).unwrap();
    let len = 48 + 12 + 5000;
    for cut in 0..=len {
        // Forwards, as written; and backwards, as a device may reorder.
        for keep_front in [true, false] {
            let mut torn = before.clone();
            let kept = if keep_front { start..start + cut } else { start + cut..start + len };
            torn[kept.clone()].copy_from_slice(&after[kept.clone()]);
            fs::write(&file, &torn).unwrap();
            let (store, recovery) = Store::open(small(dir.path())).unwrap();
            let whole = kept.len() == len;
            assert_eq!(read_all(&store).len(), if whole { 2 } else { 1 }, "cut at {cut}");
            let nonzero = torn[start..].iter().any(|byte| *byte != 0);
            assert_eq!(recovery.torn_tail.is_some(), nonzero && !whole, "cut at {cut}");
            if let Some(torn) = recovery.torn_tail {
                assert_eq!(torn.offset, start as u64);
            }
            drop(store);
            assert!(verify(dir.path()).is_clean(), "cut at {cut}");
        }
    }
}

#[test]
fn a_changed_bit_in_any_byte_is_found_and_never_costs_a_confirmed_entry() {
    let dir = tempfile::tempdir().unwrap();
    let written = example(dir.path());
    let mut random = Random(3);
    let mut opened = 0;
    for path in segments(dir.path()) {
        let bytes = fs::read(&path).unwrap();
        let file = fs::File::options().write(true).open(&path).unwrap();
        for (offset, byte) in bytes.iter().enumerate() {
            let changed = byte ^ (1 << random.below(8));
            file.write_all_at(&[changed], offset as u64).unwrap();
            let context = format!("{} at {offset}", path.display());
            assert!(!verify(dir.path()).is_clean(), "{context}");
            // Opening is slower; every byte of meaning, and a sample of the zeros.
            if *byte != 0 || offset % 64 == 0 {
                let work = tempfile::tempdir().unwrap();
                copy_dir(dir.path(), work.path());
                opened += u32::from(!refuses_or_keeps(work.path(), &written, &context));
            }
            file.write_all_at(&[*byte], offset as u64).unwrap();
        }
    }
    // The last mark, and zeros behind it.
    assert!(opened > 0);
}

#[test]
fn a_thousand_random_single_changes_are_all_found() {
    let dir = tempfile::tempdir().unwrap();
    example(dir.path());
    let files = segments(dir.path());
    for seed in 0..1_000 {
        let mut random = Random(seed);
        let work = tempfile::tempdir().unwrap();
        copy_dir(dir.path(), work.path());
        let file = &files[usize::try_from(random.below(files.len() as u64)).unwrap()];
        let before = fs::read(file).unwrap();
        let mut bytes = before.clone();
        let at = usize::try_from(random.below(bytes.len() as u64)).unwrap();
        match random.below(7) {
            0 => bytes[at] ^= 1 << random.below(8),
            1 => bytes[at] = bytes[at].wrapping_add(1 + random.below(255) as u8),
            2 => drop(bytes.remove(at)),
            3 => bytes.insert(at, random.below(256) as u8),
            4 => bytes.truncate(at),
            5 => {
                let other = usize::try_from(random.below(bytes.len() as u64)).unwrap();
                bytes.swap(at, other);
            }
            _ => {
                let unit = at / 4096 * 4096;
                let other =
                    usize::try_from(random.below(bytes.len() as u64)).unwrap() / 4096 * 4096;
                let copy = bytes[unit..unit + 4096].to_vec();
                bytes.copy_within(other..other + 4096, unit);
                bytes[other..other + 4096].copy_from_slice(&copy);
            }
        }
        if bytes == before {
            continue;
        }
        fs::write(work.path().join(file.file_name().unwrap()), bytes).unwrap();
        assert!(!verify(work.path()).is_clean(), "seed {seed}");
    }
}

#[test]
fn damage_is_refused_with_file_and_offset_and_nothing_is_changed() {
    let dir = tempfile::tempdir().unwrap();
    let written = example(dir.path());
    let file = segments(dir.path())[1].clone();
    let mut bytes = fs::read(&file).unwrap();
    let base = u64::from_str_radix(&file.file_stem().unwrap().to_string_lossy(), 16).unwrap();
    let (at, ..) = written.iter().find(|(at, ..)| at.0 > base).unwrap();
    let offset = usize::try_from(at.0 - base).unwrap();
    bytes[offset + 20] ^= 4;
    fs::write(&file, &bytes).unwrap();
    match Store::open(small(dir.path())) {
        Err(error @ OpenError::Corrupt { .. }) => {
            let message = error.to_string();
            let named = format!("checksum of the entry is wrong at offset {offset}");
            assert!(
                message.contains(&named) && message.contains("nothing was changed"),
                "{message}"
            );
        }
        other => panic!("expected Corrupt, got {other:?}"),
    }
    assert_eq!(fs::read(&file).unwrap(), bytes);

    let reader = Reader::open_read_only(dir.path()).unwrap();
    assert!(matches!(reader.read(*at), Err(ReadError::Corrupt { .. })));
    let mut scan = reader.scan(Location(0));
    let good = scan.by_ref().take_while(Result::is_ok).count();
    assert_eq!(good, written.iter().take_while(|(before, ..)| before < at).count());
    let finding = &verify(dir.path()).findings[0];
    assert_eq!((&finding.file, finding.offset), (&file, offset as u64));
}

#[test]
fn a_missing_segment_is_named() {
    let dir = tempfile::tempdir().unwrap();
    example(dir.path());
    for file in segments(dir.path()) {
        let bytes = fs::read(&file).unwrap();
        fs::remove_file(&file).unwrap();
        let found = verify(dir.path()).findings;
        assert!(found.iter().any(|finding| finding.file == file), "{found:?}");
        match Store::open(small(dir.path())) {
            Err(OpenError::Missing { file: named, .. }) => assert_eq!(named, file),
            other => panic!("expected Missing, got {other:?}"),
        }
        fs::write(&file, bytes).unwrap();
    }
    assert!(verify(dir.path()).is_clean());
}

#[test]
fn a_segment_of_another_store_is_refused() {
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    example(one.path());
    example(two.path());
    for (from, to) in segments(one.path()).iter().zip(segments(two.path())).skip(1) {
        let kept = fs::read(&to).unwrap();
        fs::copy(from, &to).unwrap();
        assert!(!verify(two.path()).is_clean());
        assert!(matches!(Store::open(small(two.path())), Err(OpenError::Corrupt { .. })));
        fs::write(&to, kept).unwrap();
    }
}

#[test]
fn a_file_that_is_not_ours_is_a_finding() {
    let dir = tempfile::tempdir().unwrap();
    example(dir.path());
    fs::write(dir.path().join("notes.txt"), "hello").unwrap();
    let findings = verify(dir.path()).findings;
    assert_eq!(findings.len(), 1);
    assert!(findings[0].to_string().ends_with("does not belong to the store"));
}

#[test]
fn a_crash_between_two_segments_is_finished_when_opened() {
    let dir = tempfile::tempdir().unwrap();
    let written = example(dir.path());
    let files = segments(dir.path());
    // Back to the moment after the name and before the seal: a header without blocks.
    for file in &files[2..] {
        fs::remove_file(file).unwrap();
    }
    let mut last = fs::read(&files[1]).unwrap();
    last[4096..].fill(0);
    fs::write(&files[1], &last).unwrap();
    let mut sealed = fs::read(&files[0]).unwrap();
    let seal = sealed.len() - 4096;
    let kept: Vec<_> =
        written.iter().filter(|(at, ..)| at.0 < sealed.len() as u64).cloned().collect();
    let whole = sealed.clone();
    for torn in [0, 20, 48] {
        sealed[seal + torn..].fill(0);
        fs::write(&files[0], &sealed).unwrap();
        let work = tempfile::tempdir().unwrap();
        copy_dir(dir.path(), work.path());
        let (store, recovery) = Store::open(small(work.path())).unwrap();
        assert_eq!(recovery.roll_finished, torn < 48);
        assert_eq!(read_all(&store), kept);
        store.append(vec![entry(7, "on")], |outcome| drop(outcome.unwrap()));
        store.close().unwrap();
        assert_eq!(verify(work.path()).findings, vec![]);
        sealed.clone_from(&whole);
    }
}

#[test]
fn a_spare_file_left_by_a_crash_is_no_damage() {
    let dir = tempfile::tempdir().unwrap();
    let written = example(dir.path());
    for rest in [vec![], vec![0; 8192], vec![5; 100]] {
        fs::write(dir.path().join("spare"), rest).unwrap();
        let findings = verify(dir.path()).findings;
        assert_eq!(findings.len(), 1);
        assert_eq!(findings[0].kind, segment::FindingKind::Unconfirmed);
        let store = open(small(dir.path()));
        assert_eq!(read_all(&store), written);
        store.close().unwrap();
        assert!(verify(dir.path()).is_clean());
    }
}

#[test]
fn the_quick_check_reads_only_the_last_segment_but_every_seal() {
    let dir = tempfile::tempdir().unwrap();
    example(dir.path());
    let quick = || {
        let mut options: Options = small(dir.path());
        options.check = segment::Check::LastSegment;
        Store::open(options)
    };
    let file = segments(dir.path())[0].clone();
    let whole = fs::read(&file).unwrap();
    let mut bytes = whole.clone();
    bytes[4096 + 70] ^= 1;
    fs::write(&file, &bytes).unwrap();
    let (store, _) = quick().unwrap();
    assert!(store.reader().scan(Location(0)).next().unwrap().is_err(), "reading checks anyway");
    drop(store);
    let mut bytes = whole;
    let seal = bytes.len() - 4096;
    bytes[seal + 10] ^= 1;
    fs::write(&file, &bytes).unwrap();
    assert!(matches!(quick(), Err(OpenError::Corrupt { .. })));
}
