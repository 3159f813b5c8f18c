//! The file `keyring` as it stands on disk, and the index over it. Not the keys: they stay wrapped.

use std::collections::HashMap;
use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use domain::SubjectId;

use crate::record::{HEADER_BYTES, Head, Kind, RECORD_BYTES, VERSION};
use crate::secret::Key;
use crate::{OpenError, master, record};

/// What the keyring knows of a subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Entry {
    /// It has a key, in the record that begins at this byte.
    Live { generation: u32, at: u64 },
    /// Its keys up to this generation are gone.
    Destroyed { generation: u32 },
}

/// The open file and its index.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) file: File,
    pub(crate) index: Index,
}

/// Where everything stands in the file.
#[derive(Debug)]
pub(crate) struct Index {
    pub(crate) installation: Key,
    pub(crate) subjects: HashMap<SubjectId, Entry>,
    /// End of the last whole record.
    pub(crate) end: u64,
    /// Bytes behind it that a crash left.
    pub(crate) torn: u64,
}

/// A keyring with nothing in it but a fresh installation key.
pub(crate) fn fresh(key: &Key) -> Result<Vec<u8>, OpenError> {
    let installation = Key::random().map_err(OpenError::Random)?;
    let head =
        Head { kind: Kind::Installation, subject: SubjectId(uuid::Uuid::nil()), generation: 1 };
    let record = head.wrap(&installation, key).map_err(OpenError::Random)?;
    Ok([&record::header(master::id(key))[..], &record].concat())
}

/// Reads a whole keyring. With `thorough` every wrapped key is opened once, too.
pub(crate) fn scan(
    paths: Paths<'_>,
    bytes: &[u8],
    key: &Key,
    thorough: bool,
) -> Result<Index, OpenError> {
    let path = paths.ring.to_owned();
    let damaged =
        |offset: usize, why| OpenError::Damaged { path: path.clone(), offset: offset as u64, why };
    let (version, master_id) = record::parse_header(bytes).map_err(|why| damaged(0, why))?;
    if version > VERSION {
        return Err(OpenError::Newer { path, found: version, known: VERSION });
    }
    if version == 0 {
        return Err(damaged(0, "its format is 0"));
    }
    if master_id != master::id(key) {
        let (expected, found) = (master::show(master_id), master::show(master::id(key)));
        return Err(OpenError::WrongMaster {
            path,
            master: paths.master.to_owned(),
            expected,
            found,
        });
    }
    let (mut subjects, mut installation, mut end) = (HashMap::new(), None, HEADER_BYTES);
    for (at, record) in records(bytes) {
        let head = match Head::parse(record) {
            Err(_)
                if at + RECORD_BYTES == bytes.len()
                    && at > HEADER_BYTES
                    && record::never_arrived(record) =>
            {
                break;
            }
            parsed => parsed.map_err(|why| damaged(at, why))?,
        };
        if thorough || head.kind == Kind::Installation {
            let key = record::unwrap(record, key)
                .ok_or_else(|| damaged(at, "the key of a record does not unwrap"))?;
            if head.kind == Kind::Installation && installation.replace(key).is_some() {
                return Err(damaged(at, "there are two installation keys"));
            }
        }
        if installation.is_none() {
            return Err(damaged(at, "the first record is not the installation key"));
        }
        if head.kind != Kind::Installation {
            let before = subjects.insert(head.subject, entry(head, at));
            follows(before, head).map_err(|why| damaged(at, why))?;
        }
        end = at + RECORD_BYTES;
    }
    let installation =
        installation.ok_or_else(|| damaged(HEADER_BYTES, "the installation key is missing"))?;
    Ok(Index { installation, subjects, end: end as u64, torn: (bytes.len() - end) as u64 })
}

/// The files a message may have to name.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Paths<'a> {
    pub(crate) ring: &'a Path,
    pub(crate) master: &'a Path,
}

fn entry(head: Head, at: usize) -> Entry {
    match head.kind {
        Kind::Destroyed => Entry::Destroyed { generation: head.generation },
        _ => Entry::Live { generation: head.generation, at: at as u64 },
    }
}

/// A subject has one record, or one that says "destroyed" and behind it the key of the next generation.
fn follows(before: Option<Entry>, head: Head) -> Result<(), &'static str> {
    match (before, head.kind) {
        (None, Kind::Subject) if head.generation == 1 => Ok(()),
        (None, Kind::Destroyed) if head.generation > 0 => Ok(()),
        (Some(Entry::Destroyed { generation }), Kind::Subject)
            if generation.checked_add(1) == Some(head.generation) =>
        {
            Ok(())
        }
        _ => Err("a record of a subject is there twice, or out of order"),
    }
}

fn records(bytes: &[u8]) -> impl Iterator<Item = (usize, &[u8; RECORD_BYTES])> {
    let body = bytes.get(HEADER_BYTES..).unwrap_or_default();
    body.as_chunks()
        .0
        .iter()
        .enumerate()
        .map(|(number, record)| (HEADER_BYTES + number * RECORD_BYTES, record))
}

/// The keyring without the keys of a subject, and with the record that says so in their place.
pub(crate) fn without(bytes: &[u8], subject: SubjectId, destroyed: &[u8; RECORD_BYTES]) -> Vec<u8> {
    let mut out = bytes[..HEADER_BYTES].to_vec();
    let mut said = false;
    for (_, record) in records(bytes) {
        let of_subject = Head::parse(record)
            .is_ok_and(|head| head.kind != Kind::Installation && head.subject == subject);
        if !of_subject {
            out.extend_from_slice(record);
        } else if !std::mem::replace(&mut said, true) {
            out.extend_from_slice(destroyed);
        }
    }
    out
}

impl State {
    /// The wrapped key that begins at `at`.
    pub(crate) fn record(&self, at: u64) -> std::io::Result<[u8; RECORD_BYTES]> {
        let mut record = [0; RECORD_BYTES];
        self.file.read_exact_at(&mut record, at)?;
        Ok(record)
    }

    /// Writes a record behind the last one and waits for the disk. On an error the file is as before,
    /// or the error says that this is not known.
    pub(crate) fn append(&self, record: &[u8; RECORD_BYTES]) -> Result<(), AppendFailed> {
        let end = self.index.end;
        if let Err(source) = self.file.write_all_at(record, end) {
            // No space, most likely: what arrived is cut off again.
            let unknown = self.file.set_len(end).is_err();
            return Err(AppendFailed { source, unknown });
        }
        // After a failed sync nobody knows what is on disk, and asking again may lie.
        self.file.sync_all().map_err(|source| AppendFailed { source, unknown: true })
    }

    /// Overwrites the wrapped keys of a file that has been replaced; best effort, because disks and
    /// file systems keep copies of their own.
    pub(crate) fn wipe(&self) {
        let zeros = vec![0; usize::try_from(self.index.end).unwrap_or_default()];
        let _ = self.file.write_all_at(&zeros, 0).and_then(|()| self.file.sync_all());
    }
}

/// A record could not be written.
#[derive(Debug)]
pub(crate) struct AppendFailed {
    pub(crate) source: std::io::Error,
    /// Whether the file may now hold something else than we think.
    pub(crate) unknown: bool,
}
