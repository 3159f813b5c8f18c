//! Offline check of every byte of a store. Repairs nothing and trusts nothing that opening
//! established.

use crate::block::{Cursor, Fault, Rest, Seal, Step};
use crate::catalog;
use crate::dir::{self, Listing};
use crate::error::IoFault;
use crate::format::{self, HeaderFault, Kind, SegmentHeader, UNIT, UNIT_BYTES};
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What a verification read and found.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct VerifyReport {
    /// Segment files.
    pub segments: u64,
    /// Whole blocks, marks and seals included.
    pub blocks: u64,
    /// Entries in them.
    pub entries: u64,
    /// Bytes of all files read.
    pub bytes: u64,
    /// Everything that is not as written, in the order of the files.
    pub findings: Vec<Finding>,
}

impl VerifyReport {
    /// Whether every byte is as written.
    pub fn is_clean(&self) -> bool {
        self.findings.is_empty()
    }

    fn add(&mut self, kind: FindingKind, file: &Path, offset: u64, what: impl Into<String>) {
        let (file, what) = (file.to_owned(), what.into());
        self.findings.push(Finding { kind, file, offset, what });
    }

    fn damage(&mut self, file: &Path, fault: Fault) {
        self.add(FindingKind::Damage, file, fault.offset, fault.what);
    }

    fn unreadable(&mut self, fault: &IoFault) {
        let what = format!("{} failed: {}", fault.attempt, fault.source);
        self.add(FindingKind::Unreadable, &fault.path, fault.offset, what);
    }
}

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum FindingKind {
    /// Stored bytes changed or are missing.
    Damage,
    /// What a crash leaves and opening the store for writing repairs; or damage to the one
    /// block that nothing confirms yet, which cannot be told from it.
    Unconfirmed,
    /// A file that does not belong to the store.
    Unknown,
    /// The system refused to read.
    Unreadable,
}

/// One thing that is not as written.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Finding {
    /// How bad it is.
    pub kind: FindingKind,
    /// In which file.
    pub file: PathBuf,
    /// Where in it.
    pub offset: u64,
    /// What is wrong there.
    pub what: String,
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} at offset {}: {}", self.file.display(), self.offset, self.what)
    }
}

/// Reads every byte of every file in the directory of a store that nobody is writing.
pub fn verify(dir: impl AsRef<Path>) -> VerifyReport {
    let dir = dir.as_ref();
    let mut report = VerifyReport::default();
    match dir::list(dir) {
        Ok(listing) => verify_listing(dir, &listing, &mut report),
        Err(fault) => report.unreadable(&fault),
    }
    report
}

fn verify_listing(dir: &Path, listing: &Listing, report: &mut VerifyReport) {
    for path in &listing.unknown {
        report.add(FindingKind::Unknown, path, 0, "file does not belong to the store");
    }
    let mut before: Option<Walked> = None;
    for base in &listing.bases {
        let path = dir::segment_path(dir, *base);
        report.segments += 1;
        let walked = match Walked::start(&path, *base, before.as_ref().map(|of| &of.header), report)
        {
            Ok(walked) => walked,
            Err(fault) => {
                report.unreadable(&fault);
                None
            }
        };
        if let Some(before) = &before {
            before.check_follower(walked.as_ref(), report);
        } else if *base != 0 && report.segments == 1 {
            missing(dir, 0, report);
        }
        // Behind an unreadable header the row starts anew; that header is a finding already.
        before = walked;
    }
    match &before {
        Some(last) => last.check_last(report),
        None if listing.bases.is_empty() => missing(dir, 0, report),
        None => {}
    }
    if listing.spare
        && let Err(fault) = verify_spare(&dir.join(dir::SPARE), report)
    {
        report.unreadable(&fault);
    }
}

fn missing(dir: &Path, base: u64, report: &mut VerifyReport) {
    report.add(FindingKind::Damage, &dir::segment_path(dir, base), 0, "segment is missing");
}

/// A segment read from its first to its last byte.
struct Walked {
    dir: PathBuf,
    path: PathBuf,
    header: SegmentHeader,
    /// Number of the block that would follow, and checksum of the last one.
    expect: Option<(u64, u32)>,
    /// Whether any block follows the header.
    begun: bool,
    seal: Seal,
    /// What is wrong behind the last block, if anything: a torn tail only in the last segment.
    tail: Option<(FindingKind, Fault)>,
}

impl Walked {
    fn start(
        path: &Path,
        base: u64,
        before: Option<&SegmentHeader>,
        report: &mut VerifyReport,
    ) -> Result<Option<Self>, IoFault> {
        let file = File::open(path).map_err(IoFault::new("opening", path, 0))?;
        let stored = file.metadata().map_err(IoFault::new("reading the length of", path, 0))?.len();
        report.bytes += stored;
        let mut unit = [0; UNIT];
        if stored < UNIT_BYTES {
            let what = "file is shorter than a segment header";
            report.damage(path, Fault { offset: stored, what });
            return Ok(None);
        }
        file.read_exact_at(&mut unit, 0).map_err(IoFault::new("reading", path, 0))?;
        let header = match SegmentHeader::decode(&unit) {
            Ok(header) => header,
            Err(fault) => {
                let what = match fault {
                    HeaderFault::Newer(version) => {
                        format!("format version {version} is newer than this program")
                    }
                    HeaderFault::Damaged(what) => what.to_owned(),
                };
                report.add(FindingKind::Damage, path, 0, what);
                return Ok(None);
            }
        };
        if let Err(what) = catalog::check_place(&header, base, before) {
            report.damage(path, Fault { offset: 0, what });
        }
        if stored != header.length {
            let what = "length of the file is wrong";
            report.damage(path, Fault { offset: stored.min(header.length), what });
            return Ok(None);
        }
        let cursor = Cursor::new(header, Arc::new(file), path);
        Self::walk(path, cursor, report).map(Some)
    }

    fn walk(path: &Path, mut cursor: Cursor, report: &mut VerifyReport) -> Result<Self, IoFault> {
        let header = cursor.header;
        let mut tail = None;
        loop {
            let fault = match cursor.step(header.length)? {
                Step::Block(found) => {
                    report.blocks += 1;
                    report.entries += u64::from(found.header.count);
                    continue;
                }
                Step::End => break,
                Step::Unwritten => None,
                Step::Invalid(fault) => Some(fault),
            };
            let offset = cursor.offset;
            let rest = resume(&mut cursor, fault)?;
            match (fault, rest.first_nonzero, rest.later) {
                (None, None, _) => break,
                (fault, nonzero, Some((at, _))) => {
                    let what = "no block, but valid blocks follow";
                    let offset = nonzero.filter(|place| *place < at).unwrap_or(offset);
                    report.damage(path, fault.unwrap_or(Fault { offset, what }));
                    cursor.jump(at);
                }
                (Some(fault), _, None) => {
                    tail = Some((FindingKind::Unconfirmed, fault));
                    break;
                }
                (None, Some(offset), None) => {
                    let what = "bytes behind the last block are not zero";
                    tail = Some((FindingKind::Unconfirmed, Fault { offset, what }));
                    break;
                }
            }
        }
        let seal = cursor.seal()?;
        report.blocks += u64::from(matches!(seal, Seal::Whole(_)));
        let (dir, path) = (path.parent().unwrap_or(path).to_owned(), path.to_owned());
        let begun = cursor.offset > UNIT_BYTES;
        Ok(Self { dir, path, header, expect: cursor.expect, begun, seal, tail })
    }

    /// The checks that need the segment behind this one.
    fn check_follower(&self, next: Option<&Self>, report: &mut VerifyReport) {
        if let Some((_, fault)) = self.tail {
            report.damage(&self.path, fault);
        }
        let roll_interrupted = next.is_some_and(|next| !next.begun && next.tail.is_none());
        if let Seal::Absent(fault) | Seal::Damaged(fault) = self.seal {
            let kind =
                if roll_interrupted { FindingKind::Unconfirmed } else { FindingKind::Damage };
            report.add(kind, &self.path, fault.offset, fault.what);
        }
        let Some(next) = next else { return };
        if next.header.base > self.header.end() {
            return missing(&self.dir, self.header.end(), report);
        }
        let follows = next.header.first_number.checked_sub(1).map(|of| (of, next.header.prev));
        if self.expect.is_some() && self.expect != follows {
            let what = "segment does not continue the last block of the one before";
            report.damage(&next.path, Fault { offset: 0, what });
        }
    }

    /// The checks of the segment behind which nothing is found.
    fn check_last(&self, report: &mut VerifyReport) {
        if let Some((kind, fault)) = self.tail {
            report.add(kind, &self.path, fault.offset, fault.what);
        }
        match self.seal {
            Seal::Whole(_) => missing(&self.dir, self.header.end(), report),
            Seal::Absent(_) => {}
            Seal::Damaged(fault) => report.damage(&self.path, fault),
        }
    }
}

/// Looks for the next valid block behind a fault (or from here, at a unit of zeros).
fn resume(cursor: &mut Cursor, fault: Option<Fault>) -> Result<Rest, IoFault> {
    let from = cursor.offset + if fault.is_some() { UNIT_BYTES } else { 0 };
    let mut rest = cursor.rest(from, cursor.header.seal_offset())?;
    rest.later = rest.later.filter(|(_, header)| header.kind != Kind::Seal);
    Ok(rest)
}

/// The next segment while it is prepared: a header, then zeros.
fn verify_spare(path: &Path, report: &mut VerifyReport) -> Result<(), IoFault> {
    let bytes = std::fs::read(path).map_err(IoFault::new("reading", path, 0))?;
    report.bytes += bytes.len() as u64;
    let complete = bytes.len() >= UNIT
        && bytes[..UNIT] == format::spare_unit(bytes.len() as u64)
        && format::all_zero(&bytes[UNIT..]);
    if !complete {
        let what = "spare file is not complete: deleted when the store is opened for writing";
        report.add(FindingKind::Unconfirmed, path, 0, what);
    }
    Ok(())
}
