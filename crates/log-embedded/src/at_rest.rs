//! A log directory at rest, for the auditor: every byte checked, every record with its place. Not a
//! way to serve it, and it repairs nothing.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use domain::LaneId;
use log::{Flaw, Medium, Place, Severity, Stored, Topics, Visit};
use segment::{FindingKind, Location, Reader};

use crate::block::{BLOCK_MAGIC, Block, ENTRY_HEADER, MARK, UNIT};
use crate::entry::{self, Records};
use crate::manifest;
use crate::open::SEGMENTS;
use crate::place::Places;
use crate::{OpenError, checkpoint, lanes};

/// A log directory that is checked without being opened.
#[derive(Debug)]
pub struct AtRest {
    dir: PathBuf,
    topics: Option<Topics>,
    flaws: Vec<Flaw>,
    bytes: u64,
    in_use: bool,
    /// Keeps writers out while it lives.
    _lock: Option<File>,
}

impl AtRest {
    /// Reads every byte of a log directory. What is wrong with it is in [`Medium::flaws`]: this does
    /// not fail. No process can open the log for writing as long as this lives; when one has it
    /// open, all but its newest bytes are checked.
    pub fn inspect(dir: impl AsRef<Path>) -> Self {
        let dir = dir.as_ref().to_owned();
        let segments = dir.join(SEGMENTS);
        let lock = File::open(&segments).ok();
        let in_use = lock.as_ref().is_some_and(|lock| {
            matches!(lock.try_lock_shared(), Err(fs::TryLockError::WouldBlock))
        });
        let mut rest = Self { dir, topics: None, flaws: Vec::new(), bytes: 0, in_use, _lock: lock };
        rest.list();
        rest.read_manifest();
        if !in_use {
            rest.check_segments(&segments);
            rest.check_mark(&segments);
        }
        rest
    }

    fn flaw(&mut self, severity: Severity, file: PathBuf, byte: u64, what: impl Into<String>) {
        let (place, what) = (Place { file, byte }, what.into());
        self.flaws.push(Flaw { severity, place, what, lane: None });
    }

    /// Nothing but the manifest, the segments and a checkpoint, which holds nothing of its own, belongs
    /// here.
    fn list(&mut self) {
        let names = match self.dir.read_dir() {
            Ok(names) => names,
            Err(error) => {
                let what = format!("the directory cannot be listed: {error}");
                return self.flaw(Severity::Unreadable, self.dir.clone(), 0, what);
            }
        };
        let mut names: Vec<PathBuf> = names.flatten().map(|entry| entry.path()).collect();
        names.sort_unstable();
        for path in names {
            match path.file_name().and_then(|name| name.to_str()) {
                Some(manifest::FILE | SEGMENTS | checkpoint::FILE) => {}
                Some(checkpoint::UNFINISHED) => {
                    let what = "a checkpoint that is not finished; the next start deletes it";
                    self.flaw(Severity::Note, path, 0, what);
                }
                Some(manifest::UNFINISHED) => {
                    let what = "a manifest that was never finished; the next start replaces it";
                    self.flaw(Severity::Note, path, 0, what);
                }
                _ => self.flaw(Severity::Foreign, path, 0, "file does not belong to the log"),
            }
        }
    }

    fn read_manifest(&mut self) {
        let file = self.dir.join(manifest::FILE);
        self.bytes += file.metadata().map_or(0, |meta| meta.len());
        match manifest::read(&self.dir) {
            Ok(Some(topics)) => self.topics = Some(topics),
            Ok(None) => self.flaw(Severity::Damage, file, 0, "the file is missing"),
            Err(OpenError::Damaged { what, .. }) => self.flaw(Severity::Damage, file, 0, what),
            Err(error) => self.flaw(Severity::Unreadable, file, 0, error.to_string()),
        }
    }

    fn check_segments(&mut self, segments: &Path) {
        let report = segment::verify(segments);
        self.bytes += report.bytes;
        for finding in report.findings {
            let severity = match finding.kind {
                // It holds nothing yet, and is deleted at the next start.
                FindingKind::Unconfirmed if finding.file.ends_with("spare") => Severity::Note,
                FindingKind::Unconfirmed => Severity::Unconfirmed,
                FindingKind::Unknown => Severity::Foreign,
                FindingKind::Unreadable => Severity::Unreadable,
                _ => Severity::Damage,
            };
            let lane = self.lane_at(&finding.file, finding.offset);
            let place = Place { file: finding.file, byte: finding.offset };
            self.flaws.push(Flaw { severity, place, what: finding.what, lane });
        }
    }

    /// A log that was closed in order ends with a mark, or with a segment that has no block yet.
    fn check_mark(&mut self, segments: &Path) {
        let Ok(reader) = Reader::open_read_only(segments) else { return };
        let Some(last) = reader.durable_end().0.checked_sub(UNIT) else { return };
        let places = Places::of(segments);
        let Some((file, byte)) = places.find(Location(last)).filter(|(_, byte)| *byte > 0) else {
            return;
        };
        let mut head = [0; 5];
        let read = File::open(file).and_then(|open| open.read_exact_at(&mut head, byte));
        if read.is_ok() && !(head.starts_with(BLOCK_MAGIC) && head[4] == MARK) {
            let what = "nothing confirms the last block: the log was not closed in order; the next \
                        start confirms it";
            let file = file.to_owned();
            self.flaw(Severity::Note, file, byte + UNIT, what);
        }
    }

    /// The lane of the entry that begins at a byte, if one does and its lane is one of the log.
    fn lane_at(&self, file: &Path, byte: u64) -> Option<LaneId> {
        let block = Block::around(file, byte)?;
        let (at, lane, _) = block.entries().find(|(at, ..)| *at == byte)?;
        debug_assert_eq!(at, byte);
        self.known(lane)
    }

    fn known(&self, lane: LaneId) -> Option<LaneId> {
        let topic = self.topics.as_ref()?.all().get(usize::from(lane.topic.0))?;
        (lane.index < topic.lanes).then_some(lane)
    }

    /// The flaw that a walk came upon.
    fn stopped(&self, error: &segment::ReadError) -> Flaw {
        let (severity, file, byte, what) = match error {
            segment::ReadError::Corrupt { file, offset, what } => {
                (Severity::Damage, file.clone(), *offset, (*what).to_owned())
            }
            segment::ReadError::Io { path, offset, .. } => {
                (Severity::Unreadable, path.clone(), *offset, error.to_string())
            }
            other => (Severity::Damage, self.dir.join(SEGMENTS), 0, other.to_string()),
        };
        let lane = self.lane_at(&file, byte);
        Flaw { severity, place: Place { file, byte }, what, lane }
    }
}

impl Medium for AtRest {
    fn topics(&self) -> Option<&Topics> {
        self.topics.as_ref()
    }

    fn flaws(&self) -> &[Flaw] {
        &self.flaws
    }

    fn bytes(&self) -> u64 {
        self.bytes
    }

    fn in_use(&self) -> bool {
        self.in_use
    }

    fn walk(&self, visit: Visit<'_>) -> Option<Flaw> {
        let topics = self.topics.as_ref()?;
        let segments = self.dir.join(SEGMENTS);
        let reader = match Reader::open_read_only(&segments) {
            Ok(reader) => reader,
            Err(error) => {
                let known = self.flaws.iter().find(|flaw| flaw.place.file.starts_with(&segments));
                let place = Place { file: segments, byte: 0 };
                let (severity, what) = (Severity::Damage, error.to_string());
                return Some(known.cloned().unwrap_or(Flaw { severity, place, what, lane: None }));
            }
        };
        let mut walk =
            Walk { ends: lanes::Ends::new(topics), places: Places::of(&segments), visit };
        let mut scan = reader.scan(Location(0));
        loop {
            let entry = match scan.next_entry() {
                Ok(Some(entry)) => entry,
                Ok(None) => return None,
                Err(error) => {
                    let flaw = self.stopped(&error);
                    walk.before(&flaw.place);
                    return Some(flaw);
                }
            };
            if let Err(what) = walk.entry(entry.location, entry::unpack(entry.lane), entry.bytes) {
                let place = walk.place(entry.location, 0);
                let lane = self.known(entry::unpack(entry.lane));
                return Some(Flaw { severity: Severity::Damage, place, what, lane });
            }
        }
    }
}

/// A walk under way.
struct Walk<'a> {
    ends: lanes::Ends,
    places: Places,
    visit: Visit<'a>,
}

impl Walk<'_> {
    fn place(&self, at: Location, behind: u64) -> Place {
        let found = self.places.find(at);
        let (file, byte) = found.unwrap_or((Path::new("?"), at.0));
        Place { file: file.to_owned(), byte: byte + behind }
    }

    fn entry(&mut self, at: Location, lane: LaneId, bytes: &[u8]) -> Result<(), String> {
        let torn = || "an entry is not a row of records".to_owned();
        let (prev, records) = entry::decode(bytes).ok_or_else(torn)?;
        let end = self.ends.of(lane).ok_or("records of a lane that the manifest does not name")?;
        let mut behind = ENTRY_HEADER + 32;
        let (mut offset, mut found) = (*end, Vec::new());
        for record in Records(records) {
            let bytes = record.map_err(|_| torn())?.to_vec();
            let length = bytes.len() as u64;
            found.push((behind, Stored { offset, prev, bytes }));
            behind += length;
            offset += 1;
        }
        *end = offset;
        for (behind, stored) in found {
            (self.visit)(lane, stored, &|| Place {
                file: self.places.find(at).map_or_else(PathBuf::new, |(file, _)| file.to_owned()),
                byte: self.places.find(at).map_or(at.0, |(_, byte)| byte) + behind,
            });
        }
        Ok(())
    }

    /// The entries of a damaged block that lie before the damage passed their checks, but a scan
    /// gives whole blocks only.
    fn before(&mut self, damage: &Place) {
        let Some(block) = Block::around(&damage.file, damage.byte) else { return };
        let base = self.places.base(&damage.file).unwrap_or_default();
        for (at, lane, bytes) in block.entries().take_while(|(at, ..)| *at < damage.byte) {
            if self.entry(Location(base + at), lane, bytes).is_err() {
                return;
            }
        }
    }
}
