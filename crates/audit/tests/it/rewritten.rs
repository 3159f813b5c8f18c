//! Somebody who makes all checksums anew still breaks the chain. The files are rewritten through the
//! store itself, so that only the hashes can tell.

use std::path::Path;

use audit::{FindingKind, LaneHead, Report};
use log_embedded::AtRest;
use segment::{Entry, Location, Options, Reader, Store};

use crate::common::{fill, open};

/// A log, and the heads it had.
fn written(dir: &Path) -> Vec<LaneHead> {
    let log = open(dir);
    fill(&log, 20);
    let heads = audit::heads(&log).unwrap();
    log.close().unwrap();
    heads
}

/// Writes the entries of the log again, as `edit` leaves them.
fn rewrite(dir: &Path, edit: impl FnOnce(&mut Vec<Entry>)) {
    let segments = dir.join("segments");
    let reader = Reader::open_read_only(&segments).unwrap();
    let entry = |found: Result<(Location, u32, Vec<u8>), segment::ReadError>| {
        let (_, lane, bytes) = found.unwrap();
        Entry { lane, bytes }
    };
    let mut entries: Vec<Entry> = reader.scan(Location(0)).map(entry).collect();
    edit(&mut entries);
    std::fs::remove_dir_all(&segments).unwrap();
    let (store, _) = Store::open(Options::new(&segments)).unwrap();
    store.append(entries, |outcome| drop(outcome.unwrap()));
    store.close().unwrap();
}

/// Places of the entries of one lane.
fn of(entries: &[Entry], lane: u32) -> Vec<usize> {
    (0..entries.len()).filter(|at| entries[*at].lane == lane).collect()
}

fn after(edit: impl FnOnce(&mut Vec<Entry>), kept: bool) -> Report {
    let place = tempfile::tempdir().unwrap();
    let dir = place.path().join("log");
    let heads = written(&dir);
    rewrite(&dir, edit);
    audit::verify(&AtRest::inspect(&dir), if kept { &heads } else { &[] })
}

fn assert_chain_broken(report: &Report, lane: &str) {
    assert_eq!(report.findings.len(), 1, "{:?}", report.findings);
    assert_eq!(report.findings[0].kind, FindingKind::Chain, "{}", report.findings[0]);
    assert_eq!(report.findings[0].record.as_ref().unwrap().lane, lane);
    let healthy = report.lanes.iter().filter(|found| found.lane != lane);
    assert!(
        healthy.clone().count() == 5 && healthy.into_iter().all(|lane| lane.first_bad.is_none())
    );
}

#[test]
fn a_log_that_was_only_written_again_is_clean() {
    assert!(after(|_| (), true).is_clean());
}

#[test]
fn a_changed_event_breaks_the_chain_of_its_lane() {
    let report = after(
        |entries| {
            let at = of(entries, 1)[5];
            *entries[at].bytes.last_mut().unwrap() ^= 1;
        },
        false,
    );
    assert_chain_broken(&report, "suite.events/1");
}

#[test]
fn a_changed_last_event_shows_in_a_kept_head_only() {
    let edit = |entries: &mut Vec<Entry>| {
        let at = *of(entries, 1).last().unwrap();
        *entries[at].bytes.last_mut().unwrap() ^= 1;
    };
    assert!(after(edit, false).is_clean(), "nobody has written down what comes after it");
    let report = after(edit, true);
    assert_eq!(report.findings.len(), 1);
    assert_eq!(report.findings[0].kind, FindingKind::Expected);
    assert!(report.findings[0].to_string().contains("suite.events/1"), "{}", report.findings[0]);
}

#[test]
fn a_removed_frame_is_found() {
    let report = after(|entries| drop(entries.remove(of(entries, 2)[4])), true);
    let lane = |finding: &audit::Finding| finding.to_string().contains("suite.events/2");
    assert!(!report.is_clean() && report.findings.iter().all(lane), "{:?}", report.findings);
    let lane = report.lanes.iter().find(|lane| lane.lane == "suite.events/2").unwrap();
    assert!(lane.void > 0, "what follows a hole is void");
}

#[test]
fn frames_in_another_order_are_found() {
    let swap = |entries: &mut Vec<Entry>| {
        let places = of(entries, 0);
        entries.swap(places[6], places[7]);
    };
    assert!(!after(swap, true).is_clean());
}

#[test]
fn a_lane_in_the_place_of_another_is_found() {
    let report = after(
        |entries| {
            for entry in entries.iter_mut() {
                entry.lane = [1, 0].get(entry.lane as usize).copied().unwrap_or(entry.lane);
            }
        },
        false,
    );
    let chain = report.findings.iter().filter(|finding| finding.kind == FindingKind::Chain);
    assert_eq!(chain.count(), 2, "{:?}", report.findings);
}
