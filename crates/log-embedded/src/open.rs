//! Opening a log directory: manifest, store, and one walk over all records that no checkpoint spares. Not
//! what happens after.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use log::Topics;
use segment::{Location, Reader, Scan, Store};
use uuid::Uuid;

use crate::error::read_error;
use crate::keeper::Work;
use crate::lanes::Lanes;
use crate::place::Places;
use crate::{EmbeddedLog, OpenError, checkpoint, entry, manifest};

/// Name of the segment store in the log directory.
pub(crate) const SEGMENTS: &str = "segments";

/// Which log, and what it must have.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Options {
    /// The log directory, created when absent; on a local file system.
    pub dir: PathBuf,
    /// Topics with their lanes; those that are missing are added. A topic of the log that is not
    /// asked for stays.
    pub topics: Vec<(String, u16)>,
    /// The id of the log: one is drawn for a new log, and any is taken. With an id, a new log gets it
    /// and a log with another one is refused.
    pub log: Option<Uuid>,
    /// Whether what is acknowledged survives a power cut: yes. `false` is for copies of another log.
    pub sync: bool,
    /// Memory for the newest records, so that live followers need no disk: 8 MiB.
    pub cache_bytes_max: usize,
    /// Size of a full-grown segment file: 64 MiB.
    pub segment_bytes: u64,
    /// Size of the first segment file: 1 MiB.
    pub first_segment_bytes: u64,
    /// By how much the log grows, at least, until a checkpoint is taken: 16 MiB, and a sixteenth of it when
    /// it is closed. `u64::MAX`: none is taken.
    pub checkpoint_bytes: u64,
}

impl Options {
    /// The defaults, for this directory and without a topic.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        let store = segment::Options::new("");
        Self {
            dir: dir.into(),
            topics: Vec::new(),
            log: None,
            sync: store.sync,
            cache_bytes_max: 8 << 20,
            segment_bytes: store.segment_bytes,
            first_segment_bytes: store.first_segment_bytes,
            checkpoint_bytes: 16 << 20,
        }
    }

    /// Wants a topic.
    #[must_use]
    pub fn topic(mut self, name: impl Into<String>, lanes: u16) -> Self {
        self.topics.push((name.into(), lanes));
        self
    }
}

/// What opening found.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Opened {
    /// There was no log before.
    pub created: bool,
    /// Topics that were added.
    pub topics_added: Vec<String>,
    /// Handovers in the log.
    pub handovers: u64,
    /// Records in the log, void ones included.
    pub records: u64,
    /// Void records: by the reader rule they never happened.
    pub void: u64,
    /// What a crash had left of a write that was never acknowledged, and that was cut off.
    pub torn_tail: Option<segment::TornTail>,
    /// Of the records: those that a checkpoint spared reading.
    pub spared: u64,
    /// Why a checkpoint that was there was not used, and is deleted.
    pub passed_over: Option<String>,
    /// How long it took.
    pub took: Duration,
}

/// Opens for writing.
pub(crate) fn open(options: &Options) -> Result<(EmbeddedLog, Opened), OpenError> {
    let begun = Instant::now();
    let dir = options.dir.as_path();
    for (name, lanes) in &options.topics {
        if !manifest::is_topic(name, *lanes) {
            return Err(OpenError::BadTopic { name: name.clone(), lanes: *lanes });
        }
    }
    // Before the store: a log of a newer version is not touched, not even to repair it.
    let there = manifest::read(dir)?;
    if let (Some(there), Some(wanted)) = (there.as_ref().map(Topics::log), options.log)
        && there != wanted
    {
        return Err(OpenError::OtherLog { dir: dir.to_owned(), there, wanted });
    }
    let mut store = segment::Options::new(dir.join(SEGMENTS));
    store.segment_bytes = options.segment_bytes;
    store.first_segment_bytes = options.first_segment_bytes;
    // The walk below reads all the rest.
    store.check = segment::Check::LastSegment;
    store.sync = options.sync;
    let (store, recovery) = Store::open(store).map_err(|error| OpenError::store(dir, error))?;
    // From here on nobody else writes here.
    let (topics, topics_added) = topics(options, store.reader().scan(Location(0)))?;
    let reader = store.reader();
    let folded = fold(dir, &topics, &reader, options.cache_bytes_max)?;
    let opened = Opened {
        created: recovery.created,
        topics_added,
        torn_tail: recovery.torn_tail,
        spared: folded.spared,
        passed_over: folded.passed_over,
        ..report(&folded.lanes, begun)
    };
    let work = Work {
        dir: dir.to_owned(),
        topics,
        reader,
        synced: options.sync,
        grown_min: options.checkpoint_bytes.max(1),
        last: folded.last,
    };
    Ok((EmbeddedLog::writing(folded.lanes, store, work)?, opened))
}

/// All records, folded.
struct Folded {
    lanes: Lanes,
    spared: u64,
    /// Place and size of the checkpoint that was used.
    last: (Location, u64),
    passed_over: Option<String>,
}

/// From the checkpoint on; from the start when there is none, or anything is odd about it.
fn fold(dir: &Path, topics: &Topics, reader: &Reader, cache: usize) -> Result<Folded, OpenError> {
    drop(std::fs::remove_file(dir.join(checkpoint::UNFINISHED)));
    let passed_over = match from_checkpoint(dir, topics, reader, cache) {
        Ok(Some(folded)) => return Ok(folded),
        Ok(None) => None,
        Err(why) => {
            tracing::warn!(dir = %dir.display(), why, "checkpoint of the log is passed over");
            Some(why)
        }
    };
    let mut lanes = Lanes::new(topics, cache);
    walk(dir, &mut reader.scan(Location(0)), &mut lanes)?;
    if passed_over.is_some() {
        // Before the log grows: later it might seem to fit.
        let file = dir.join(checkpoint::FILE);
        std::fs::remove_file(&file).map_err(OpenError::io("deleting", &file))?;
        File::open(dir).and_then(|it| it.sync_all()).map_err(OpenError::io("syncing", dir))?;
    }
    Ok(Folded { lanes, spared: 0, last: (Location(0), 0), passed_over })
}

fn from_checkpoint(
    dir: &Path,
    topics: &Topics,
    reader: &Reader,
    cache: usize,
) -> Result<Option<Folded>, String> {
    let lanes = Lanes::new(topics, cache);
    let Some(mut found) = checkpoint::read(dir, topics, reader, lanes)? else { return Ok(None) };
    let spared = found.lanes.all().map(|lane| lane.end).sum();
    let mut scan = reader.scan(found.from);
    // What is wrong behind the checkpoint is told by the walk from the start.
    walk(dir, &mut scan, &mut found.lanes).map_err(|error| error.to_string())?;
    if found.lanes.all().any(|lane| lane.streams.mismatches() > 0) {
        return Err("a head in it is not the one that the next handover was built on".to_owned());
    }
    let last = (found.place, found.bytes);
    Ok(Some(Folded { lanes: found.lanes, spared, last, passed_over: None }))
}

/// Opens for reading, beside a writer or without one.
pub(crate) fn open_read_only(dir: &Path) -> Result<(EmbeddedLog, Opened), OpenError> {
    let begun = Instant::now();
    let topics = manifest::read(dir)?.ok_or_else(|| OpenError::Absent { dir: dir.to_owned() })?;
    let reader = Reader::open_read_only(dir.join(SEGMENTS));
    let reader = reader.map_err(|error| OpenError::store(dir, error))?;
    let mut lanes = Lanes::new(&topics, 0).without_owners();
    let mut scan = reader.scan(Location(0));
    walk(dir, &mut scan, &mut lanes)?;
    let opened = report(&lanes, begun);
    Ok((EmbeddedLog::observing(dir.to_owned(), topics, lanes, reader, scan), opened))
}

fn report(lanes: &Lanes, begun: Instant) -> Opened {
    Opened {
        created: false,
        topics_added: Vec::new(),
        handovers: lanes.all().map(|lane| lane.handovers).sum(),
        records: lanes.all().map(|lane| lane.end).sum(),
        void: lanes.all().map(|lane| lane.streams.void()).sum(),
        torn_tail: None,
        spared: 0,
        passed_over: None,
        took: begun.elapsed(),
    }
}

/// The topics of the log, after those that are wanted were added and written down.
fn topics(options: &Options, mut scan: Scan) -> Result<(Topics, Vec<String>), OpenError> {
    let dir = options.dir.as_path();
    let there = manifest::read(dir)?;
    let new = there.is_none();
    if new && scan.next_entry().map_err(|error| read_error(&error))?.is_some() {
        let (file, what) =
            (dir.join(manifest::FILE), "the file is missing beside records".to_owned());
        return Err(OpenError::Damaged { file, offset: 0, what });
    }
    let mut topics =
        there.unwrap_or_else(|| Topics::new(options.log.unwrap_or_else(Uuid::now_v7), Vec::new()));
    let mut added = Vec::new();
    for (name, lanes) in &options.topics {
        if topics.find(name).is_none() {
            added.push(name.clone());
        }
        topics.ensure(name, *lanes)?;
    }
    if new || !added.is_empty() {
        manifest::write(dir, &topics)?;
    }
    Ok((topics, added))
}

/// Takes in all entries that the scan has not given yet.
pub(crate) fn walk(dir: &Path, scan: &mut Scan, lanes: &mut Lanes) -> Result<(), OpenError> {
    while let Some(entry) = scan.next_entry().map_err(|error| read_error(&error))? {
        let lane = entry::unpack(entry.lane);
        if lanes.holds(lane, entry.location) {
            continue;
        }
        let taken = entry::decode(entry.bytes)
            .map(|(prev, records)| lanes.take(lane, entry.location, (&prev, None), records));
        let what = match taken {
            Some(Some(Ok(_))) => continue,
            Some(None) => {
                format!("it holds records of lane {lane:?}, which the manifest does not name")
            }
            Some(Some(Err(_))) | None => "an entry is not a row of records".to_owned(),
        };
        let places = Places::of(&dir.join(SEGMENTS));
        let (file, offset) = places.find(entry.location).unwrap_or((dir, entry.location.0));
        return Err(OpenError::Damaged { file: file.to_owned(), offset, what });
    }
    Ok(())
}
