//! The checkpoint file: what opening would learn from all records up to a place, so that it reads only
//! those behind it; `docs/formats/log-directory.md`. Not when one is taken, which is the keeper's affair.
//!
//! Nothing rests on it: one that is missing, damaged, or of another store is passed over.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::sync::{Arc, Mutex};

use crc32c::{crc32c, crc32c_append};
use domain::LaneId;
use log::Topics;
use segment::{Location, Reader, Stamp};
use uuid::Uuid;

use crate::apart::Apart;
use crate::bytes::{Put as _, Take};
use crate::index::Index;
use crate::kept::{ROW_BYTES, Snapshot};
use crate::lanes::{Lane, Lanes};
use crate::piece::Piece;

/// Its name in the log directory.
pub(crate) const FILE: &str = "checkpoint";
/// Its name while it is written; may be deleted at any time.
pub(crate) const UNFINISHED: &str = "checkpoint.new";
const MAGIC: &[u8; 8] = b"RCCHECKP";
/// Written by this version, and the only one it reads.
const VERSION: u64 = 2;
/// Magic and version.
const HEAD_BYTES: u64 = 16;
/// At the end of the file: length of the footer, checksum.
const TAIL_BYTES: u64 = 12;

/// A checkpoint as its footer describes it.
#[derive(Debug, PartialEq, Eq)]
struct Footer {
    /// The newest handover that is in it, and the stamp of the block there.
    place: Location,
    stamp: Stamp,
    log: Uuid,
    /// Lanes and name of each topic.
    topics: Vec<(u16, Vec<u8>)>,
    /// One a lane.
    parts: Vec<Part>,
}

/// One lane in the file; index and keys of the lanes follow each other.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Part {
    /// Handovers of the lane up to here are in it.
    held: Location,
    /// What a start needs of it.
    lane: Vec<u8>,
    /// Its index; read when somebody asks.
    bytes: u64,
    check: u32,
    /// Rows of keys, behind the index; read when an owner asks.
    keys_bytes: u64,
    keys_check: u32,
}

impl Footer {
    fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        out.extend_from_slice(&self.stamp.store);
        out.extend_from_slice(self.log.as_bytes());
        for number in [self.place.0, self.stamp.number, u64::from(self.stamp.checksum)] {
            out.put(number);
        }
        out.put(self.topics.len() as u64);
        for (lanes, name) in &self.topics {
            out.put(u64::from(*lanes));
            out.put_rows(name.iter().map(|byte| [*byte]));
        }
        for part in &self.parts {
            out.put(part.held.0);
            out.put_rows(part.lane.iter().map(|byte| [*byte]));
            for (bytes, check) in [(part.bytes, part.check), (part.keys_bytes, part.keys_check)] {
                out.put(bytes);
                out.extend_from_slice(&check.to_le_bytes());
            }
        }
        out
    }

    fn decode(mut from: Take<'_>) -> Option<Self> {
        let (store, log) = (from.array()?, Uuid::from_bytes(from.array()?));
        let (place, number) = (Location(from.u64()?), from.u64()?);
        let checksum = u32::try_from(from.u64()?).ok()?;
        let (mut topics, mut lanes) = (Vec::new(), 0);
        for _ in 0..from.u64()? {
            let of = u16::try_from(from.u64()?).ok()?;
            lanes += usize::from(of);
            topics.push((of, from.rows::<1>()?.as_flattened().to_vec()));
        }
        let mut parts = Vec::new();
        for _ in 0..lanes {
            let (held, lane) = (Location(from.u64()?), from.rows::<1>()?.as_flattened().to_vec());
            let (bytes, check) = (from.u64()?, from.u32()?);
            let (keys_bytes, keys_check) = (from.u64()?, from.u32()?);
            if keys_bytes % ROW_BYTES != 0 {
                return None;
            }
            parts.push(Part { held, lane, bytes, check, keys_bytes, keys_check });
        }
        from.end()?;
        let stamp = Stamp { store, number, checksum };
        Some(Self { place, stamp, log, topics, parts })
    }
}

fn head() -> Vec<u8> {
    let mut head = MAGIC.to_vec();
    head.put(VERSION);
    head
}

/// What a checkpoint gave.
pub(crate) struct Found {
    pub(crate) lanes: Lanes,
    /// Reading goes on here; the entry here is in every lane already.
    pub(crate) from: Location,
    /// Where it was taken.
    pub(crate) place: Location,
    /// Size of the file.
    pub(crate) bytes: u64,
}

/// Reads the checkpoint of a log directory; `None` when there is none. The error says why the one that
/// is there cannot be used.
pub(crate) fn read(
    dir: &Path,
    topics: &Topics,
    reader: &Reader,
    lanes: Lanes,
) -> Result<Option<Found>, String> {
    let file = match File::open(dir.join(FILE)) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error.to_string()),
    };
    let (footer, bytes) = read_footer(&file)?;
    let file = Arc::new(file);
    fits(&footer, topics, reader)?;
    let from = footer.parts.iter().map(|part| part.held).fold(footer.place, Location::min);
    let mut found = Found { lanes, from, place: footer.place, bytes };
    // Lanes of topics that were added since had no record then.
    let mut at = HEAD_BYTES;
    for (id, part) in topics.lanes().zip(footer.parts) {
        let Part { held, lane, bytes, check, keys_bytes, keys_check } = part;
        let piece = Piece { file: Arc::clone(&file), at, bytes, check };
        let keys =
            Piece { file: Arc::clone(&file), at: at + bytes, bytes: keys_bytes, check: keys_check };
        at += bytes + keys_bytes;
        let apart = |end| {
            let (genesis, reader, turn) = (topics.genesis(id), reader.clone(), Mutex::default());
            Index::behind(Apart { piece, end, held, lane: id, genesis, reader, turn })
        };
        let mut lane = Lane::read(Take(&lane), held, apart).ok_or("a lane in it cannot be read")?;
        lane.streams.kept.moved(keys, None);
        found.lanes.put(id, lane);
    }
    Ok(Some(found))
}

fn read_footer(file: &File) -> Result<(Footer, u64), String> {
    let text = |error: io::Error| error.to_string();
    let bytes = file.metadata().map_err(text)?.len();
    let inner = bytes.checked_sub(HEAD_BYTES + TAIL_BYTES).ok_or("it is cut")?;
    let mut begin = [0; 16];
    file.read_exact_at(&mut begin, 0).map_err(text)?;
    if begin.as_slice() != head() {
        return Err("it is of another version, or no checkpoint".to_owned());
    }
    let mut tail = [0; 12];
    file.read_exact_at(&mut tail, bytes - TAIL_BYTES).map_err(text)?;
    let mut from = Take(&tail);
    let length = from.u64().filter(|length| *length <= inner).ok_or("it is cut")?;
    let mut footer = vec![0; usize::try_from(length).map_err(|error| error.to_string())?];
    file.read_exact_at(&mut footer, bytes - TAIL_BYTES - length).map_err(text)?;
    if from.u32() != Some(checked(&footer)) {
        return Err("its checksum is wrong".to_owned());
    }
    let footer = Footer::decode(Take(&footer)).ok_or("it cannot be read")?;
    let all = footer.parts.iter().map(|part| u128::from(part.bytes) + u128::from(part.keys_bytes));
    let parts = all.sum::<u128>();
    // Nothing may lie between that no checksum covers.
    let whole = parts + u128::from(length) == u128::from(inner);
    if whole { Ok((footer, bytes)) } else { Err("its parts do not add up".to_owned()) }
}

fn checked(footer: &[u8]) -> u32 {
    let sum = crc32c_append(crc32c(&head()), footer);
    crc32c_append(sum, &(footer.len() as u64).to_le_bytes())
}

/// Whether a checkpoint is of this log and this store, and the store still holds what it speaks of.
fn fits(footer: &Footer, topics: &Topics, reader: &Reader) -> Result<(), String> {
    let mut known = topics.all().iter();
    let same = footer.topics.iter().all(|(lanes, name)| {
        known.next().is_some_and(|it| it.lanes == *lanes && it.name.as_bytes() == name)
    });
    if footer.log != topics.log() || !same {
        return Err("it is of another log".to_owned());
    }
    match reader.stamp(footer.place) {
        Ok(stamp) if stamp == footer.stamp => Ok(()),
        Ok(_) => Err("the segments have another history".to_owned()),
        Err(error) => Err(format!("the segments do not hold what it speaks of: {error}")),
    }
}

/// What a lane gives for a checkpoint when its turn comes.
pub(crate) struct Turn {
    /// Its handovers up to here are in it.
    pub(crate) held: Location,
    /// What a start needs of it.
    pub(crate) lane: Vec<u8>,
    /// Its keys; `None`: none are kept.
    pub(crate) kept: Option<Snapshot>,
}

/// A checkpoint that was written.
pub(crate) struct Written {
    /// Where it was taken.
    pub(crate) place: Location,
    /// Size of the file.
    pub(crate) bytes: u64,
    /// Where the keys of each lane are now, and up to which offset those that were in memory.
    pub(crate) rows: Vec<(LaneId, Piece, Option<u64>)>,
}

/// Writes a checkpoint, lane by lane: `lane` puts the index of one into the bytes, as it is when its turn
/// comes. `None`: nothing is in the log.
pub(crate) fn write(
    dir: &Path,
    topics: &Topics,
    reader: &Reader,
    mut lane: impl FnMut(LaneId, &mut Vec<u8>) -> Result<Turn, String>,
    before_it_counts: impl FnOnce() -> Result<(), String>,
) -> Result<Option<Written>, String> {
    let (unfinished, path) = (dir.join(UNFINISHED), dir.join(FILE));
    let text = |error: io::Error| error.to_string();
    let mut open = File::options();
    open.read(true).write(true).create(true).truncate(true);
    let file = Arc::new(open.open(&unfinished).map_err(text)?);
    let mut out = file.as_ref();
    out.write_all(&head()).map_err(text)?;
    let (mut parts, mut rows, mut bytes) = (Vec::new(), Vec::new(), Vec::new());
    let mut at = HEAD_BYTES;
    for id in topics.lanes() {
        bytes.clear();
        let Turn { held, lane, kept } = lane(id, &mut bytes)?;
        out.write_all(&bytes).map_err(text)?;
        let keys = kept.as_ref().map_or_else(|| Ok(Vec::new()), Snapshot::all_rows);
        let keys = keys.inspect_err(|_| {
            // The next start reads all records again, and has the keys then.
            drop(fs::remove_file(&path));
        })?;
        out.write_all(&keys).map_err(text)?;
        let (check, keys_check) = (crc32c(&bytes), crc32c(&keys));
        let (bytes, keys_bytes) = (bytes.len() as u64, keys.len() as u64);
        at += bytes;
        let older = Piece { file: Arc::clone(&file), at, bytes: keys_bytes, check: keys_check };
        rows.push((id, older, kept.and_then(|kept| kept.upto())));
        at += keys_bytes;
        parts.push(Part { held, lane, bytes, check, keys_bytes, keys_check });
    }
    let Some(place) = parts.iter().map(|part| part.held).max().filter(|place| place.0 > 0) else {
        return fs::remove_file(&unfinished).map(|()| None).map_err(text);
    };
    let stamp = reader.stamp(place).map_err(|error| error.to_string())?;
    let all = topics.all().iter().map(|it| (it.lanes, it.name.clone().into_bytes())).collect();
    let footer = Footer { place, stamp, log: topics.log(), topics: all, parts }.encode();
    let mut tail = footer.clone();
    tail.put(footer.len() as u64);
    tail.extend_from_slice(&checked(&footer).to_le_bytes());
    out.write_all(&tail).and_then(|()| file.sync_all()).map_err(text)?;
    before_it_counts()?;
    fs::rename(&unfinished, &path).map_err(text)?;
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(text)?;
    Ok(Some(Written { place, bytes: at + tail.len() as u64, rows }))
}

#[cfg(test)]
mod tests;
