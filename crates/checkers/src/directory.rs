//! The directory of an embedded log, after `docs/formats/log-directory.md` and `segment.md`. Reads what a
//! stopped process left; does not check the checksums of the store, because the chain is checked.

use std::collections::BTreeMap;
use std::path::Path;

use crate::chain::{Stored, genesis};
use crate::finding::Finding;
use crate::{Lane, Record, read_lane};

const UNIT: usize = 4_096;
const BLOCK_HEADER: usize = 48;
const ENTRY_HEADER: usize = 12;

/// The directory cannot be read as a log.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Unreadable {
    /// A file cannot be read.
    #[error("{path} cannot be read")]
    File {
        /// Which.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// It is not what the format says.
    #[error("{0}")]
    Format(String),
}

/// Every lane of the log in `log`, with what its chain says.
pub fn read_directory(log: &Path) -> Result<(Vec<Lane>, Vec<Finding>), Unreadable> {
    let manifest = String::from_utf8_lossy(&read(&log.join("manifest"))?).into_owned();
    let id = manifest.lines().find_map(|line| line.strip_prefix("log "));
    let id = id.ok_or_else(|| Unreadable::Format("the manifest names no log".to_owned()))?;
    let topics: Vec<&str> = manifest
        .lines()
        .filter_map(|line| line.strip_prefix("topic ")?.split_once(' ').map(|(_, name)| name))
        .collect();
    let mut lanes: BTreeMap<u32, Vec<Stored>> = BTreeMap::new();
    for (lane, entry) in entries(&log.join("segments"))? {
        lanes.entry(lane).or_default().extend(records(&entry)?);
    }
    let (mut all, mut found) = (Vec::new(), Vec::new());
    for (lane, stored) in lanes {
        let topic = topics.get(lane as usize >> 16).ok_or_else(|| {
            Unreadable::Format(format!("an entry names lane {lane:#x}, which is of no topic"))
        })?;
        let name = format!("{topic}/{}", lane & 0xffff);
        let (lane, wrong) = read_lane(&name, genesis(id, &name), &stored);
        all.push(lane);
        found.extend(wrong);
    }
    Ok((all, found))
}

fn read(path: &Path) -> Result<Vec<u8>, Unreadable> {
    let path_of = || path.display().to_string();
    std::fs::read(path).map_err(|source| Unreadable::File { path: path_of(), source })
}

/// The entries of a store, in the order of writing: lane and data.
fn entries(segments: &Path) -> Result<Vec<(u32, Vec<u8>)>, Unreadable> {
    let listed = std::fs::read_dir(segments)
        .map_err(|source| Unreadable::File { path: segments.display().to_string(), source })?;
    let mut files: Vec<_> = listed.flatten().map(|entry| entry.path()).collect();
    files.retain(|path| path.extension().is_some_and(|it| it == "segment"));
    // Names are base addresses in hexadecimal digits of one length.
    files.sort_unstable();
    let mut entries = Vec::new();
    for file in files {
        let bytes = read(&file)?;
        let mut at = UNIT;
        while bytes.get(at..at + 4) == Some(b"RBLK") {
            let length = number(&bytes, at + 24)?;
            let end = at + BLOCK_HEADER + length;
            let mut entry = at + BLOCK_HEADER;
            while entry < end {
                let (lane, len) = (number(&bytes, entry)?, number(&bytes, entry + 4)?);
                let from = entry + ENTRY_HEADER;
                let data = bytes.get(from..from + len).ok_or_else(|| {
                    Unreadable::Format(format!("{} ends in an entry", file.display()))
                })?;
                entries.push((u32::try_from(lane).unwrap_or(u32::MAX), data.to_vec()));
                entry = from + len;
            }
            at = end.next_multiple_of(UNIT);
        }
    }
    Ok(entries)
}

fn number(bytes: &[u8], at: usize) -> Result<usize, Unreadable> {
    let field = bytes.get(at..at + 4).and_then(|field| field.try_into().ok());
    let field = field.ok_or_else(|| Unreadable::Format("a segment ends in a field".to_owned()))?;
    Ok(u32::from_le_bytes(field) as usize)
}

/// The records of one handover: the head before, then their bytes.
fn records(entry: &[u8]) -> Result<Vec<Stored>, Unreadable> {
    let bad = || Unreadable::Format("an entry is no row of records".to_owned());
    let (prev, mut rest) = entry.split_first_chunk::<32>().ok_or_else(bad)?;
    let mut stored = Vec::new();
    while !rest.is_empty() {
        let (_, len) = Record::read(rest).map_err(|_| bad())?;
        let (bytes, more) = rest.split_at(len);
        stored.push(Stored { prev: *prev, bytes: bytes.to_vec() });
        rest = more;
    }
    Ok(stored)
}
