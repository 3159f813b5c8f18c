//! Snapshots: states of long histories, each in a file of its own, so that a load reads only what came since;
//! `docs/formats/snapshot.md`. Not when one is taken or what it is worth, which is `history`'s affair.
//!
//! Nothing rests on them: one that is missing, damaged, or made by another program is passed over.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::PathBuf;
use std::sync::{Mutex, OnceLock, PoisonError};

use domain::{StreamId, TenantId};
use log::{Chain as _, Head, Sha256Chain};

/// Begins every file.
const MAGIC: &[u8; 8] = b"RCSNAPS1";
/// The program is hashed in pieces of this size, a chain of heads.
const PIECE_BYTES: u64 = 1 << 20;

/// A state, and where in the log it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Snapshot {
    /// The offset of the newest event that is in it, and the head before the handover of that.
    pub(crate) offset: u64,
    pub(crate) prev: Head,
    /// Digest of that event's record.
    pub(crate) record: Head,
    /// How many events are in it.
    pub(crate) version: u64,
    pub(crate) tenant: TenantId,
    pub(crate) state: Vec<u8>,
}

impl Snapshot {
    /// Whether this record is the one that it names.
    pub(crate) fn is_of(&self, offset: u64, prev: &Head, record: &[u8]) -> bool {
        self.offset == offset && self.prev == *prev && self.record == digest(record)
    }
}

/// The snapshots of one node.
#[derive(Debug)]
pub struct Snapshots {
    dir: PathBuf,
    /// Names of the files that are there: nobody asks the system for one that is not.
    there: Mutex<HashSet<String>>,
}

impl Snapshots {
    /// Those in a directory, which is made when it is not there and may be deleted while nobody uses it. One
    /// file for each stream that has more than some hundred events.
    pub fn open(dir: impl Into<PathBuf>) -> io::Result<Self> {
        let dir = dir.into();
        fs::create_dir_all(&dir)?;
        let names: Result<HashSet<String>, io::Error> = fs::read_dir(&dir)?
            .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
            .collect();
        let there = names?;
        if !there.is_empty() {
            // The first load need not wait for it then. Without a thread it does.
            drop(std::thread::Builder::new().name("program".to_owned()).spawn(program));
        }
        Ok(Self { dir, there: Mutex::new(there) })
    }

    /// The snapshot of a stream, if there is one that this program made.
    pub(crate) fn get(&self, stream: &StreamId) -> Option<Snapshot> {
        let name = stream.to_string();
        if !self.there.lock().unwrap_or_else(PoisonError::into_inner).contains(&name) {
            return None;
        }
        let bytes = fs::read(self.dir.join(name)).ok()?;
        decode(&bytes, stream, program()?)
    }

    /// Keeps a snapshot in place of the one before. It is not synced: after a power cut it may be damaged.
    pub(crate) fn put(&self, stream: &StreamId, snapshot: &Snapshot) {
        let Some(bytes) = program().and_then(|it| encode(snapshot, stream, it)) else { return };
        let name = stream.to_string();
        let new = self.dir.join(format!("{name}.new"));
        let written = fs::write(&new, bytes).and_then(|()| fs::rename(&new, self.dir.join(&name)));
        match written {
            Ok(()) => {
                self.there.lock().unwrap_or_else(PoisonError::into_inner).insert(name);
            }
            Err(error) => {
                tracing::warn!(dir = %self.dir.display(), %error, "no snapshot of {stream} was kept");
            }
        }
    }

    /// Forgets the one of a stream, which the log contradicts.
    pub(crate) fn forget(&self, stream: &StreamId) {
        let name = stream.to_string();
        self.there.lock().unwrap_or_else(PoisonError::into_inner).remove(&name);
        drop(fs::remove_file(self.dir.join(name)));
    }
}

/// A digest of bytes.
pub(crate) fn digest(bytes: &[u8]) -> Head {
    Sha256Chain::extend(&Head::default(), bytes)
}

/// Digest of this program: the rules that made a state are in it, and another's would make another one.
/// `None`: it cannot be read, so there are no snapshots.
fn program() -> Option<&'static Head> {
    static PROGRAM: OnceLock<Option<Head>> = OnceLock::new();
    let read = || {
        let digest = digest_of_program();
        let digest = digest.inspect_err(|error| {
            tracing::warn!(%error, "this program cannot be read, so no snapshots are used");
        });
        digest.ok()
    };
    PROGRAM.get_or_init(read).as_ref()
}

fn digest_of_program() -> io::Result<Head> {
    // By this name it is found even when the file was replaced meanwhile.
    let mut it = File::open("/proc/self/exe").or_else(|_| File::open(std::env::current_exe()?))?;
    let (mut digest, mut piece) = (Head::default(), Vec::new());
    while (&mut it).take(PIECE_BYTES).read_to_end(&mut piece)? > 0 {
        digest = Sha256Chain::extend(&digest, &piece);
        piece.clear();
    }
    Ok(digest)
}

/// The fields of a file between its beginning and its digest: program, head before, record, offset, version,
/// stream, tenant, state.
type Fields = ([u8; 32], [u8; 32], [u8; 32], u64, u64, String, String, Vec<u8>);

fn encode(snapshot: &Snapshot, stream: &StreamId, program: &Head) -> Option<Vec<u8>> {
    let Snapshot { offset, prev, record, version, tenant, state } = snapshot.clone();
    let (stream, tenant) = (stream.to_string(), tenant.to_string());
    let fields: Fields = (program.0, prev.0, record.0, offset, version, stream, tenant, state);
    let mut out = MAGIC.to_vec();
    out.extend(codec::state_to_bytes(&fields)?);
    out.extend_from_slice(&digest(&out).0);
    Some(out)
}

/// `None`: damaged, or of another stream or program.
fn decode(bytes: &[u8], stream: &StreamId, program: &Head) -> Option<Snapshot> {
    let (bytes, check) = bytes.split_last_chunk::<32>()?;
    if digest(bytes).0 != *check {
        return None;
    }
    let fields: Fields = codec::state_from_bytes(bytes.strip_prefix(MAGIC)?)?;
    let (made_by, prev, record, offset, version, of, tenant, state) = fields;
    let (prev, record, tenant) = (Head(prev), Head(record), tenant.parse().ok()?);
    let ours = made_by == program.0 && of == stream.to_string();
    ours.then_some(Snapshot { offset, prev, record, version, tenant, state })
}

#[cfg(test)]
mod tests;
