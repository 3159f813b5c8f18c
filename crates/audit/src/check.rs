//! Verification: the medium's own checks, then the chain of every lane by the reader rule from its
//! first record, then the heads that were kept. Not a repair.

use std::collections::HashMap;
use std::time::Instant;

use domain::LaneId;
use log::{
    Flaw, Header, LaneState, Medium, Place, Record, Severity, Sha256Chain, Step, Stored, Topics,
};

use crate::report::{Finding, FindingKind, LaneReport, RecordPlace, Report};
use crate::{LaneHead, filter};

/// Checks a log at rest, and that it still holds the histories whose heads were kept. Without kept
/// heads a log that was rolled back to an older state of itself cannot be told from one that never
/// went further (I24).
pub fn verify(medium: &dyn Medium, kept: &[LaneHead]) -> Report {
    let begun = Instant::now();
    let mut report = Report {
        log: medium.topics().map(Topics::log),
        bytes: medium.bytes(),
        in_use: medium.in_use(),
        ..Report::default()
    };
    let flaws = medium.flaws().iter().map(|flaw| found(flaw, medium.topics()));
    (report.notes, report.findings) = flaws.partition(|found| found.kind == FindingKind::Note);
    if let Some(topics) = medium.topics() {
        let mut lanes = Lanes::new(topics, kept);
        let stop = medium.walk(&mut |lane, stored, place| lanes.take(lane, &stored, place));
        if let Some(flaw) = &stop {
            report.cut_short = true;
            let at = report.findings.iter().position(|finding| {
                finding.place.as_ref() == Some(&flaw.place) && finding.what == flaw.what
            });
            let named = lanes.name_next(flaw, topics);
            match at {
                Some(at) => report.findings[at] = named,
                None => report.findings.push(named),
            }
        }
        lanes.finish(topics, stop.is_some(), &mut report);
    }
    for head in kept {
        let known = report.lanes.iter().any(|lane| lane.lane == head.lane);
        if report.log != Some(head.log) || !known {
            let log = report.log.map_or("unknown".to_owned(), |log| log.to_string());
            let what =
                format!("a head of {} was kept of log {}; this is log {log}", head.lane, head.log);
            report.findings.push(missing(FindingKind::Expected, what));
        }
    }
    report.took = begun.elapsed();
    report
}

fn found(flaw: &Flaw, topics: Option<&Topics>) -> Finding {
    let kind = match flaw.severity {
        Severity::Note => FindingKind::Note,
        Severity::Foreign => FindingKind::Foreign,
        Severity::Unconfirmed => FindingKind::Unconfirmed,
        Severity::Unreadable => FindingKind::Unreadable,
        _ => FindingKind::Damage,
    };
    let lane = flaw.lane.zip(topics).map(|(lane, topics)| topics.lane_name(lane));
    let what = match lane {
        Some(lane) => format!("{} (in a record of {lane})", flaw.what),
        None => flaw.what.clone(),
    };
    Finding { kind, place: Some(flaw.place.clone()), record: None, what }
}

fn missing(kind: FindingKind, what: String) -> Finding {
    Finding { kind, place: None, record: None, what }
}

/// One lane under recomputation.
struct Lane {
    id: LaneId,
    name: String,
    state: LaneState<Sha256Chain>,
    records: u64,
    /// Heads that were kept of it, the furthest last.
    kept: Vec<LaneHead>,
    finding: Option<Finding>,
    first_bad: Option<u64>,
}

struct Lanes {
    all: Vec<Lane>,
    at: HashMap<LaneId, usize>,
}

impl Lanes {
    fn new(topics: &Topics, kept: &[LaneHead]) -> Self {
        let lane = |id| {
            let name = topics.lane_name(id);
            let of = |head: &&LaneHead| head.lane == name && head.log == topics.log();
            let mut kept: Vec<LaneHead> = kept.iter().filter(of).cloned().collect();
            kept.sort_by_key(|head| std::cmp::Reverse(head.seq));
            let state = LaneState::new(topics.genesis(id));
            let mut lane =
                Lane { id, name, state, records: 0, kept, finding: None, first_bad: None };
            lane.compare(None);
            lane
        };
        let all: Vec<Lane> = topics.lanes().map(lane).collect();
        let at = all.iter().enumerate().map(|(at, lane)| (lane.id, at)).collect();
        Self { all, at }
    }

    fn take(&mut self, lane: LaneId, stored: &Stored, place: &dyn Fn() -> Place) {
        if let Some(at) = self.at.get(&lane) {
            self.all[*at].take(stored, place);
        }
    }

    /// The damage at which the walk ended, with the record that stood there.
    fn name_next(&mut self, flaw: &Flaw, topics: &Topics) -> Finding {
        let mut finding = found(flaw, None);
        if let Some(at) = flaw.lane.and_then(|lane| self.at.get(&lane)) {
            let lane = &mut self.all[*at];
            lane.first_bad.get_or_insert(lane.state.seq + 1);
            finding.record = Some(lane.next(lane.records));
        } else {
            finding = found(flaw, Some(topics));
        }
        finding
    }

    fn finish(self, topics: &Topics, cut_short: bool, report: &mut Report) {
        for mut lane in self.all {
            report.findings.extend(lane.finding.take());
            // Behind a damage nothing is known, so nothing is said about it.
            for head in lane.kept.iter().filter(|_| !cut_short) {
                let (is, was) = (lane.state.seq, head.seq);
                let name = &lane.name;
                let what = format!(
                    "{name} ends at seq {is}, its head was kept at seq {was}: records were taken back"
                );
                lane.first_bad.get_or_insert(is + 1);
                report.findings.push(missing(FindingKind::Expected, what));
            }
            let state = &lane.state;
            let void = |valid| lane.records.saturating_sub(valid);
            report.lanes.push(LaneReport {
                lane: topics.lane_name(lane.id),
                records: lane.records,
                valid: state.seq,
                void: void(state.seq),
                epoch: state.epoch,
                head: state.head,
                first_bad: lane.first_bad,
            });
        }
    }
}

impl Lane {
    /// The record behind what was walked, or the one at an offset that takes the next seq.
    fn next(&self, offset: u64) -> RecordPlace {
        RecordPlace { lane: self.name.clone(), offset, seq: self.state.seq + 1 }
    }

    fn take(&mut self, stored: &Stored, place: &dyn Fn() -> Place) {
        let offset = stored.offset;
        self.records = offset + 1;
        let Ok((header, _)) = Header::read(&stored.bytes) else {
            return self.broken(offset, place, "no record of a format that this version knows");
        };
        match self.state.step(&header, &stored.prev, &stored.bytes) {
            Step::Claimed | Step::Whole { .. } => {
                self.decode(stored, place);
                self.compare(Some(&stored.bytes));
            }
            Step::Partial => self.decode(stored, place),
            Step::Void(_) => {}
            Step::Mismatch => {
                let what = "its previous hash is not the head: this record is forged, or one before it was changed";
                self.broken(offset, place, what);
            }
        }
    }

    fn decode(&mut self, stored: &Stored, place: &dyn Fn() -> Place) {
        if let Err(error) = Record::decode(self.id, &stored.bytes) {
            self.broken(stored.offset, place, &format!("a valid record cannot be read: {error}"));
        }
    }

    /// Keeps the first problem of the lane: the later ones follow from it.
    fn broken(&mut self, offset: u64, place: &dyn Fn() -> Place, what: &str) {
        if self.finding.is_some() {
            return;
        }
        self.first_bad.get_or_insert(self.state.seq + 1);
        self.finding = Some(Finding {
            kind: FindingKind::Chain,
            place: Some(place()),
            record: Some(self.next(offset)),
            what: what.to_owned(),
        });
    }

    /// Compares with the heads that were kept of just this place.
    fn compare(&mut self, last: Option<&[u8]>) {
        while let Some(head) = self.kept.last()
            && head.seq <= self.state.seq
        {
            let same = head.seq == self.state.seq
                && head.head == self.state.head
                && head.epoch == self.state.epoch;
            let (was, seq) = (head.head, head.seq);
            self.kept.pop();
            if same || self.finding.is_some() {
                continue;
            }
            let time = last
                .and_then(filter::recorded_at)
                .map_or(String::new(), |at| format!(", recorded {at}"));
            let what = format!(
                "the head at seq {} is {}, kept was {was} at seq {seq}{time}",
                self.state.seq, self.state.head
            );
            self.first_bad.get_or_insert(seq);
            let record = Some(RecordPlace {
                lane: self.name.clone(),
                offset: self.records.saturating_sub(1),
                seq,
            });
            self.finding = Some(Finding { kind: FindingKind::Expected, place: None, record, what });
        }
    }
}
