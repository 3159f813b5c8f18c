//! Every single change to the files of a log is found, and none in the log as it was (I24).

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use audit::{FindingKind, LaneHead};
use log_embedded::AtRest;

use crate::common::{files, fill, open, verify};

const UNIT: usize = 4096;

/// `SplitMix64`: the same changes on every machine.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % bound as u64).unwrap()
    }

    fn byte(&mut self) -> u8 {
        u8::try_from(self.below(256)).unwrap()
    }
}

const KINDS: [&str; 12] = [
    "flip a bit",
    "set a byte",
    "insert bytes",
    "remove bytes",
    "truncate",
    "append bytes",
    "swap two bytes",
    "swap two blocks",
    "copy a block over another",
    "zero a range",
    "delete the file",
    "add a file",
];

/// Changes bytes in one way; may leave them as they are.
fn change(kind: usize, bytes: &mut Vec<u8>, random: &mut Random) {
    let (at, other) = (random.below(bytes.len()), random.below(bytes.len()));
    let units = bytes.len() / UNIT;
    match kind {
        0 => bytes[at] ^= 1 << random.below(8),
        1 => bytes[at] = random.byte(),
        2 => {
            let new: Vec<u8> = (0..=random.below(64)).map(|_| random.byte()).collect();
            bytes.splice(at..at, new);
        }
        3 => drop(bytes.drain(at..bytes.len().min(at + 1 + random.below(64)))),
        4 => bytes.truncate(at),
        5 => bytes.extend((0..=random.below(UNIT)).map(|_| 0)),
        6 => bytes.swap(at, other),
        7 | 8 if units > 1 => {
            let (one, two) = (UNIT * random.below(units), UNIT * random.below(units));
            let (first, second) =
                (bytes[one..one + UNIT].to_vec(), bytes[two..two + UNIT].to_vec());
            bytes[two..two + UNIT].copy_from_slice(&first);
            if kind == 7 {
                bytes[one..one + UNIT].copy_from_slice(&second);
            }
        }
        _ => {
            let end = bytes.len().min(at + 1 + random.below(2 * UNIT));
            bytes[at..end].fill(0);
        }
    }
}

/// Does the change on disk; gives the file, or `None` when nothing has changed.
fn apply(
    kind: usize,
    dir: &Path,
    original: &BTreeMap<PathBuf, Vec<u8>>,
    random: &mut Random,
) -> Option<PathBuf> {
    let (path, bytes) = original.iter().nth(random.below(original.len()))?;
    match KINDS[kind] {
        "delete the file" => {
            fs::remove_file(path).unwrap();
            Some(path.clone())
        }
        "add a file" => {
            let name =
                format!("{:016x}.{}", random.below(1 << 40), ["segment", "bak"][random.below(2)]);
            let place =
                if random.below(2) == 0 { dir.join(name) } else { dir.join("segments").join(name) };
            fs::write(&place, &bytes[..random.below(bytes.len())]).unwrap();
            Some(place)
        }
        _ => {
            let mut changed = bytes.clone();
            change(kind, &mut changed, random);
            fs::write(path, &changed).unwrap();
            (changed != *bytes).then(|| path.clone())
        }
    }
}

#[test]
fn each_of_a_thousand_random_changes_is_found_and_none_in_the_original() {
    let place = tempfile::tempdir().unwrap();
    let dir = place.path().join("log");
    let log = open(&dir);
    fill(&log, 150);
    let kept = audit::heads(&log).unwrap();
    log.close().unwrap();
    let original = files(&dir);
    assert!(original.len() >= 4, "several segments: {:?}", original.keys());
    let check = || audit::verify(&AtRest::inspect(&dir), &kept);
    let clean = check();
    assert!(clean.is_clean() && clean.notes.is_empty(), "{:?}{:?}", clean.findings, clean.notes);
    assert_eq!(clean.lanes.len(), 6);

    let mut random = Random(0x5eed_0001);
    let (mut done, mut found_by) = (0, BTreeMap::<&str, usize>::new());
    while done < 1_000 {
        let kind = random.below(KINDS.len());
        let Some(path) = apply(kind, &dir, &original, &mut random) else { continue };
        let report = check();
        let what = format!("change {done}: {} in {}", KINDS[kind], path.display());
        // A note alone: exactly the mark behind the last block is gone, and no record is in it.
        let first = report.findings.first().or(report.notes.first());
        let first = first.unwrap_or_else(|| panic!("{what} was not found"));
        *found_by.entry(first.kind.word()).or_default() += 1;
        // What the chain alone would have shown must have shown in the checksums before.
        assert_ne!(first.kind, FindingKind::Chain, "{what}: {first}");
        match original.get(&path) {
            Some(bytes) => fs::write(&path, bytes).unwrap(),
            None => fs::remove_file(&path).unwrap(),
        }
        done += 1;
    }
    assert!(check().is_clean(), "everything was put back");
    eprintln!("1000 changes found: {found_by:?}; {}", clean.summary());
}

#[test]
fn a_changed_byte_is_named_with_lane_offset_and_file() {
    let place = tempfile::tempdir().unwrap();
    let dir = place.path().join("log");
    let log = open(&dir);
    fill(&log, 40);
    let lane = log::Log::topics(&log).parse_lane("suite.events/2").unwrap();
    let wanted = log::Log::read(&log, lane, 11, 1).unwrap().remove(0);
    log.close().unwrap();
    let (path, bytes) = files(&dir)
        .into_iter()
        .find(|(_, bytes)| bytes.windows(wanted.bytes.len()).any(|part| part == wanted.bytes))
        .unwrap();
    let at = bytes.windows(wanted.bytes.len()).position(|part| part == wanted.bytes).unwrap();
    let mut changed = bytes.clone();
    changed[at + 40] ^= 4;
    fs::write(&path, changed).unwrap();
    let report = verify(&dir);
    let finding = report.findings.iter().find(|finding| finding.record.is_some()).unwrap();
    let record = finding.record.as_ref().unwrap();
    assert_eq!(record.lane, "suite.events/2");
    // The checksum covers the whole handover: its first record is the one that is named.
    assert!(record.offset <= 11 && record.offset + 4 > 11, "{finding}");
    assert_eq!(finding.place.as_ref().unwrap().file, path);
    let byte = usize::try_from(finding.place.as_ref().unwrap().byte).unwrap();
    assert!(byte < at + 40 && byte + 2_000 > at, "{finding}");
    assert!(report.cut_short);
    let lane = report.lanes.iter().find(|lane| lane.lane == "suite.events/2").unwrap();
    assert_eq!(lane.first_bad, Some(record.seq));
}

#[test]
fn a_log_that_was_rolled_back_is_found_by_a_head_that_was_kept() {
    let place = tempfile::tempdir().unwrap();
    let dir = place.path().join("log");
    let log = open(&dir);
    let mut scribes = fill(&log, 10);
    log.close().unwrap();
    let older = files(&dir);
    let log = open(&dir);
    let lane = scribes[3].lane;
    crate::common::write(&log, vec![scribes[3].frame(&log::conformance::sample_stream(1), 2)]);
    let kept = audit::heads(&log).unwrap();
    let lines: Vec<String> = kept.iter().map(LaneHead::to_string).collect();
    let text = lines.join("\n");
    let kept: Vec<LaneHead> = audit::parse_heads(&format!("# kept in a safe\n\n{text}")).unwrap();
    let name = log::Log::topics(&log).lane_name(lane);
    log.close().unwrap();
    let check = || audit::verify(&AtRest::inspect(&dir), &kept);
    assert!(check().is_clean());
    for (path, bytes) in &older {
        fs::write(path, bytes).unwrap();
    }
    assert!(verify(&dir).is_clean(), "an older state of a log is a healthy log");
    let report = check();
    assert_eq!(report.findings.len(), 1, "{:?}", report.findings);
    assert_eq!(report.findings[0].kind, FindingKind::Expected);
    let said = report.findings[0].to_string();
    assert!(
        said.starts_with("not as kept: ") && said.contains(&name) && said.contains("taken back"),
        "{said}"
    );
}

#[test]
fn a_log_in_use_is_checked_without_its_writer_noticing() {
    let place = tempfile::tempdir().unwrap();
    let dir = place.path().join("log");
    let log = open(&dir);
    let mut scribes = fill(&log, 10);
    let report = verify(&dir);
    assert!(report.in_use && report.is_clean(), "{:?}", report.findings);
    crate::common::write(&log, vec![scribes[0].frame(&log::conformance::sample_stream(1), 1)]);
    assert_eq!(verify(&dir).records(), report.records() + 1);
}
